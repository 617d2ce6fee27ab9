// LZ77 with Huffman codes ("XPRESS_HUFF", [MS-XCA] 2.1), format 4 of compressed traces.
//
// No trace of this format is known; the reader follows the published description and is tested against streams made
// from it. The input may be anything; nothing outside it is read and nothing behind out_len written.
#ifndef ETWKIT_XPRESS_HUFFMAN_H
#define ETWKIT_XPRESS_HUFFMAN_H

#include "base/error.h"
#include "base/span.h"

// Makes exactly out_len bytes, or says what was wrong. Input left over once the output is full is not looked at. On
// failure the bytes of out are undefined. Uses some 3 KiB of stack.
MUST_USE bool xpress_huffman_inflate(span in, u8 *out, size_t out_len, error *e);

// The same for a stream that may be cut or damaged: *made is always set, out[0 .. *made) is what came out before the
// trouble. True exactly where xpress_huffman_inflate is.
MUST_USE bool xpress_huffman_inflate_part(span in, u8 *out, size_t out_len, size_t *made, error *e);

#endif
