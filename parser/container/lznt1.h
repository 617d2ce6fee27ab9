// LZNT1 ([MS-XCA] 2.5): chunks of up to 4,096 bytes that know nothing of each other. Trace buffers may be kept in it
// (format 2), and the WinSAT and PerfTrack events of merged traces carry XML documents in it.
//
// The input may be anything; nothing outside it is read and nothing after out_len written.
#ifndef ETWKIT_LZNT1_H
#define ETWKIT_LZNT1_H

#include "base/error.h"
#include "base/outbuf.h"
#include "base/span.h"

// True: exactly out_len bytes came out; input left over then is not looked at. A cut or damaged stream: false, and
// out[0 .. *made) is what came out before the damage.
MUST_USE bool lznt1_inflate_part(span in, u8 *out, size_t out_len, size_t *made, error *e);

// Everything up to the end mark or the end of the input, appended to out; refused where that is more than limit bytes.
// On failure out keeps what was inflated before.
MUST_USE bool lznt1_inflate_all(span in, size_t limit, outbuf *out, error *e);

#endif
