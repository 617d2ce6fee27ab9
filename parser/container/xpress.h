// Plain LZ77 ("XPRESS", [MS-XCA] 2.3), the form in which relogged traces keep their buffers.
//
// One stream is one buffer: everything after its 72-byte header. Called by the container for buffers with the
// compressed flag; knows nothing of events. The input may be anything; no byte outside `in` is read, no byte outside
// out[0 .. out_len + XPRESS_SLACK) written.
#ifndef ETWKIT_XPRESS_H
#define ETWKIT_XPRESS_H

#include "base/error.h"
#include "base/span.h"

// Writable bytes the caller keeps after out + out_len. Copies are made 16 bytes at a time and may spill there; what
// stands in them afterwards means nothing.
enum { XPRESS_SLACK = 64 };

// Makes exactly out_len bytes, or says what was wrong. Input left over once the output is full is not looked at; real
// buffers have none, or one last set of flags with no element after it. On failure the bytes of out are undefined.
MUST_USE bool xpress_inflate(span in, u8 *out, size_t out_len, error *e);

// The same for a stream that may be cut or damaged: *made is always set, out[0 .. *made) is what came out before the
// trouble. True exactly where xpress_inflate is.
MUST_USE bool xpress_inflate_part(span in, u8 *out, size_t out_len, size_t *made, error *e);

#endif
