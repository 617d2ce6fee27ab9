// LZ77 with Huffman codes ("XPRESS_HUFF", [MS-XCA] 2.1), format 4 of compressed traces.
//
// No trace of this format is known; the reader follows the published description and is tested against streams made
// from it. The input may be anything; nothing outside it is read and nothing after out_len written.
#ifndef ETWKIT_XPRESS_HUFFMAN_H
#define ETWKIT_XPRESS_HUFFMAN_H

#include "base/error.h"
#include "base/span.h"

// True: exactly out_len bytes came out; input left over then is not looked at. A cut or damaged stream: false, and
// out[0 .. *made) is what came out before the damage. Uses some 3 KiB of stack.
MUST_USE bool xpress_huffman_inflate_part(span in, u8 *out, size_t out_len, size_t *made, error *e);

#endif
