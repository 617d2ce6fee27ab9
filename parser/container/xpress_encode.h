// Plain LZ77 ("XPRESS", [MS-XCA] 2.3), the form in which merged traces hold their buffers: the encoder.
#ifndef ETWKIT_XPRESS_ENCODE_H
#define ETWKIT_XPRESS_ENCODE_H

#include "base/outbuf.h"

// Appends the compressed bytes. Same input, same output; matches of 3 bytes and more, at most 8,192 bytes back.
void xpress_encode(outbuf *to, span plain);

#endif
