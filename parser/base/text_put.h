// The smallest pieces text is made of, for the writers of base/text*.c and for those that put whole records together.
//
// All take a write position and return the new one. A piece may write more than it keeps, up to its stated room: what
// lies after the new position is overwritten by whatever is written next.
#ifndef ETWKIT_TEXT_PUT_H
#define ETWKIT_TEXT_PUT_H

#include <string.h>

#include "base/base.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

extern const char TEXT_PAIRS[201]; // "00" "01" … "99"

static inline u8 *put_char(u8 *p, char c)
{
    *p = (u8)c;
    return p + 1;
}

// A literal: its length is a constant and the copy a few moves.
static inline u8 *put_text(u8 *p, const char *text)
{
    size_t len = strlen(text);
    memcpy(p, text, len);
    return p + len;
}

// Text prepared with TEXT_PADDING readable bytes after it: copied in whole chunks, without a call. Room len + padding.
enum { TEXT_PADDING = 32 };

static inline u8 *put_padded(u8 *p, const void *text, size_t len)
{
    const u8 *from = text;
    u8 *to = p, *end = p + len;
    do {
        memcpy(to, from, TEXT_PADDING);
        to += TEXT_PADDING;
        from += TEXT_PADDING;
    } while (to < end);
    return end;
}

// ------------------------------------------------------------------------------------- decimal

// value < 100
static inline u8 *put_pair(u8 *p, u32 value)
{
    memcpy(p, TEXT_PAIRS + (size_t)2 * value, 2);
    return p + 2;
}

static inline void store_low_first(u8 *p, u64 value)
{
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
    value = __builtin_bswap64(value);
#endif
    memcpy(p, &value, 8);
}

// The eight decimal digits of a value below 10^8 as bytes 0 to 9, the first one lowest: halves of four digits, then
// pairs, then digits, all lanes at once. The multipliers are 1/100 and 1/10 rounded up, exact in their ranges.
static inline u64 eight_digits(u32 value)
{
    u32 high = value / 10000;
    u64 fours = high | (u64)(value - high * 10000) << 32;
    u64 hundreds = (fours * 10486 >> 20) & 0x7f0000007f;
    u64 pairs = hundreds | (fours - hundreds * 100) << 16;
    u64 tens = (pairs * 103 >> 10) & 0x000f000f000f000f;
    return tens | (pairs - tens * 10) << 8;
}

static const u64 DIGIT_ZEROS = 0x3030303030303030;

u8 *text_u64_long(u8 *p, u64 value); // of nine digits or more

// Room 20.
static inline u8 *put_u64(u8 *p, u64 value)
{
    if (value < 100) {
        unsigned two = value >= 10;
        memcpy(p, TEXT_PAIRS + 2 * value + 1 - two, 2);
        return p + 1 + two;
    }
    if (value < 10000) {
        u32 high = (u32)value / 100, low = (u32)value - high * 100;
        unsigned three = value < 1000;
        memcpy(p, TEXT_PAIRS + 2 * high + three, 2);
        memcpy(p + 2 - three, TEXT_PAIRS + 2 * low, 2);
        return p + 4 - three;
    }
    if (value >= 100000000)
        return text_u64_long(p, value);
    u64 digits = eight_digits((u32)value);
    unsigned zeros = (unsigned)__builtin_ctzll(digits) & ~7u;
    store_low_first(p, (digits | DIGIT_ZEROS) >> zeros);
    return p + 8 - zeros / 8;
}

// Room 21.
static inline u8 *put_i64(u8 *p, i64 value)
{
    *p = '-';
    return value < 0 ? put_u64(p + 1, 0 - (u64)value) : put_u64(p, (u64)value);
}

// ------------------------------------------------------------------------------------- hex

enum { LETTERS_UPPER = 'A' - '9' - 1, LETTERS_LOWER = 'a' - '9' - 1 };

#ifdef __SSE2__
// Nibbles, a byte each, become digits; those above 9 get the distance to the letters added.
static inline __m128i hex_digits(__m128i nibbles, char letters)
{
    __m128i distance = _mm_and_si128(_mm_cmpgt_epi8(nibbles, _mm_set1_epi8(9)), _mm_set1_epi8(letters));
    return _mm_add_epi8(_mm_add_epi8(nibbles, _mm_set1_epi8('0')), distance);
}
#endif

// The eight digits of a number, the most significant first: each nibble is spread to a byte of its own.
static inline void put_eight_hex(u8 *p, u32 value, u64 letters)
{
    u64 v = value;
    v = (v | v << 16) & 0x0000ffff0000ffffu;
    v = (v | v << 8) & 0x00ff00ff00ff00ffu;
    v = (v | v << 4) & 0x0f0f0f0f0f0f0f0fu;
    u64 above_nine = (v + 0x0606060606060606u) >> 4 & 0x0101010101010101u;
    store_low_first(p, __builtin_bswap64(v + DIGIT_ZEROS + above_nine * letters));
}

// Sixteen digits at once; `value` has its first digit in its highest nibble.
static inline void put_sixteen_hex(u8 *p, u64 value, char letters)
{
#ifdef __SSE2__
    const __m128i low_nibble = _mm_set1_epi8(0x0f);
    __m128i bytes = _mm_cvtsi64_si128((long long)__builtin_bswap64(value));
    __m128i high = _mm_and_si128(_mm_srli_epi64(bytes, 4), low_nibble);
    __m128i digits = hex_digits(_mm_unpacklo_epi8(high, _mm_and_si128(bytes, low_nibble)), letters);
    _mm_storeu_si128((__m128i *)(void *)p, digits);
#else
    put_eight_hex(p, (u32)(value >> 32), (u64)letters);
    put_eight_hex(p + 8, (u32)value, (u64)letters);
#endif
}

// The digits of a number without leading zeros, "0x" not among them. Room 16.
static inline u8 *put_hex_digits(u8 *p, u64 value, char letters)
{
    unsigned highest = 63 ^ (unsigned)__builtin_clzll(value | 1);
    put_sixteen_hex(p, value << (~highest & 60), letters);
    return p + highest / 4 + 1;
}

// Room 18.
static inline u8 *put_hex(u8 *p, u64 value, char letters)
{
    memcpy(p, "0x", 2);
    return put_hex_digits(p + 2, value, letters);
}

#endif
