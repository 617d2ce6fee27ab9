// UTF-16 as Windows' functions have it, in the machine's byte order.
#ifndef ETWKIT_WIDE_H
#define ETWKIT_WIDE_H

#include "base/outbuf.h"
#include "opentrace.h"

// Text that is not UTF-8 becomes U+FFFD where it is not.
void wide_put(outbuf *out, const char *utf8); // with a NUL
// The machine's units from those of a trace, which are little-endian; an odd byte is left out.
void wide_put_logged(outbuf *out, span units);

WCHAR *wide_copy(const char *utf8); // on the heap, as wide_utf8; mem_free
char *wide_utf8(const WCHAR *text); // unpaired surrogates become U+FFFD
size_t wide_length(const WCHAR *text);

#endif
