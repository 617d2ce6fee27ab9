#include "base/fold.h"

#include <string.h>

// Of letters that are two bytes in UTF-8. Y with diaeresis apart, whose small letter lies elsewhere.
static u32 fold_letter(u32 c)
{
    if ((c >= 0xc0 && c <= 0xde && c != 0xd7) || (c >= 0x391 && c <= 0x3a9) || (c >= 0x410 && c <= 0x42f))
        return c + 0x20;
    return c >= 0x400 && c <= 0x40f ? c + 0x50 : c;
}

// Eight bytes of ASCII at once; false: they are not all ASCII.
static inline bool fold_eight(u8 *to, const u8 *at)
{
    const u64 each = 0x0101010101010101u, high = 0x80 * each;
    u64 word;
    memcpy(&word, at, sizeof(word));
    if (word & high)
        return false;
    u64 from_a = word + (0x80 - 'A') * each, over_z = word + (0x80 - 'Z' - 1) * each;
    word += (from_a & ~over_z & high) >> 2;
    memcpy(to, &word, sizeof(word));
    return true;
}

void text_fold(u8 *to, span utf8)
{
    if (!utf8.len)
        return;
    const u8 *at = utf8.at, *end = utf8.at + utf8.len;
    while (at < end) {
        if (end - at >= 8 && fold_eight(to, at)) {
            at += 8;
            to += 8;
            continue;
        }
        u8 c = *at++;
        if (c < 0x80) {
            *to++ = c >= 'A' && c <= 'Z' ? (u8)(c + 0x20) : c;
        } else if ((c & 0xe0) == 0xc0 && at < end && (*at & 0xc0) == 0x80) {
            u32 letter = fold_letter((u32)(c & 0x1f) << 6 | (*at++ & 0x3f));
            *to++ = (u8)(0xc0 | letter >> 6);
            *to++ = (u8)(0x80 | (letter & 0x3f));
        } else {
            *to++ = c;
        }
    }
}

u32 text_folded_beyond_ascii(const char *text, size_t len, size_t *at)
{
    enum { OTHER_BYTE = 0x10000 }; // no letter of two bytes is as high
    u8 c = (u8)text[(*at)++];
    if ((c & 0xe0) != 0xc0 || *at >= len || ((u8)text[*at] & 0xc0) != 0x80)
        return OTHER_BYTE + c;
    return fold_letter((u32)(c & 0x1f) << 6 | ((u8)text[(*at)++] & 0x3f));
}
