// Letters without case: ASCII, Latin-1, Greek and Cyrillic capitals become small ones. The length stays the same.
#ifndef ETWKIT_FOLD_H
#define ETWKIT_FOLD_H

#include "base/span.h"

void text_fold(u8 *to, span utf8); // `to`: utf8.len bytes; may be where utf8 is

// The letter at text[*at] without case, behind which *at moves. Of longer letters, and of what is no UTF-8, each byte
// is a letter of its own.
u32 text_folded_beyond_ascii(const char *text, size_t len, size_t *at);
static inline u32 text_folded_letter(const char *text, size_t len, size_t *at)
{
    u8 c = (u8)text[*at];
    if (c >= 0x80)
        return text_folded_beyond_ascii(text, len, at);
    ++*at;
    return c >= 'A' && c <= 'Z' ? (u32)c + 0x20 : c;
}

#endif
