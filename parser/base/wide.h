// UTF-16 strings with a NUL, as Windows' interfaces pass them (WCHAR *), to and from the UTF-8 of everything else here.
#ifndef ETWKIT_WIDE_H
#define ETWKIT_WIDE_H

#include "base/outbuf.h"

// Appends the text and a NUL, little-endian; each maximal malformed part of it becomes U+FFFD.
void wide_put(outbuf *out, const char *utf8);
u16 *wide_copy(const char *utf8); // heap (mem_free)

// Heap (mem_free); lone surrogates become U+FFFD.
char *wide_utf8(const u16 *text);

size_t wide_length(const u16 *text); // without the NUL

#endif
