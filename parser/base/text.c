// Numbers, identities and times as text (strings: text_string.c). Pure functions on values the caller has already
// proven; anyone may call them. Speed matters here: a trace of a million events prints tens of millions of numbers.
#include "base/text.h"
#include "base/text_put.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

// ------------------------------------------------------------------------------------- numbers

const char TEXT_PAIRS[201] = "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
                             "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
                             "8081828384858687888990919293949596979899";
static const char HEX_UPPER[] = "000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F"
                                "202122232425262728292A2B2C2D2E2F303132333435363738393A3B3C3D3E3F"
                                "404142434445464748494A4B4C4D4E4F505152535455565758595A5B5C5D5E5F"
                                "606162636465666768696A6B6C6D6E6F707172737475767778797A7B7C7D7E7F"
                                "808182838485868788898A8B8C8D8E8F909192939495969798999A9B9C9D9E9F"
                                "A0A1A2A3A4A5A6A7A8A9AAABACADAEAFB0B1B2B3B4B5B6B7B8B9BABBBCBDBEBF"
                                "C0C1C2C3C4C5C6C7C8C9CACBCCCDCECFD0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF"
                                "E0E1E2E3E4E5E6E7E8E9EAEBECEDEEEFF0F1F2F3F4F5F6F7F8F9FAFBFCFDFEFF";
static const char HEX_LOWER[] = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
                                "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"
                                "404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f"
                                "606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f"
                                "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f"
                                "a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebf"
                                "c0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedf"
                                "e0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff";

static inline unsigned digits_of(u64 value)
{
    static const u64 POWERS[20] = {0,
                                   10u,
                                   100u,
                                   1000u,
                                   10000u,
                                   100000u,
                                   1000000u,
                                   10000000u,
                                   100000000u,
                                   1000000000u,
                                   10000000000u,
                                   100000000000u,
                                   1000000000000u,
                                   10000000000000u,
                                   100000000000000u,
                                   1000000000000000u,
                                   10000000000000000u,
                                   100000000000000000u,
                                   1000000000000000000u,
                                   10000000000000000000u};
    // log10(2) is close to 1233 / 4096; one too few or right, for every number of bits.
    unsigned bits = 64 - (unsigned)__builtin_clzll(value | 1);
    unsigned less = bits * 1233 >> 12;
    return less + (value >= POWERS[less]);
}

u8 *text_u64(u8 *p, u64 value)
{
    if (value < 10)
        return put_char(p, (char)('0' + value));
    u8 *end = p + digits_of(value), *at = end;
    while (value >> 32) {
        u64 rest = value / 100;
        at -= 2;
        put_pair(at, (u32)(value - rest * 100));
        value = rest;
    }
    u32 low = (u32)value;
    while (low >= 100) {
        u32 rest = low / 100;
        at -= 2;
        put_pair(at, low - rest * 100);
        low = rest;
    }
    if (at - p == 2)
        put_pair(p, low);
    else if (at - p == 1)
        *p = (u8)('0' + low);
    return end;
}

u8 *text_i64(u8 *p, i64 value)
{
    if (value >= 0)
        return text_u64(p, (u64)value);
    return text_u64(put_char(p, '-'), 0 - (u64)value);
}

#ifndef __SSE2__
// The eight digits of a number as eight bytes, the most significant first in memory: each nibble is spread to a byte of
// its own, and those above 9 get the distance to the letters added.
static inline void put_eight_digits(u8 *p, u32 value, u64 letters)
{
    u64 v = value;
    v = (v | v << 16) & 0x0000ffff0000ffffu;
    v = (v | v << 8) & 0x00ff00ff00ff00ffu;
    v = (v | v << 4) & 0x0f0f0f0f0f0f0f0fu;
    u64 above_nine = (v + 0x0606060606060606u) >> 4 & 0x0101010101010101u;
    v += 0x3030303030303030u + above_nine * letters;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    v = __builtin_bswap64(v);
#endif
    memcpy(p, &v, 8);
}
#endif

enum { LETTERS_UPPER = 'A' - '9' - 1, LETTERS_LOWER = 'a' - '9' - 1 };

// Sixteen digits at once; `value` has its first digit in its highest nibble.
static inline void put_sixteen_digits(u8 *p, u64 value, u64 letters)
{
#ifdef __SSE2__
    const __m128i low_nibble = _mm_set1_epi8(0x0f);
    __m128i bytes = _mm_cvtsi64_si128((long long)__builtin_bswap64(value));
    __m128i high = _mm_and_si128(_mm_srli_epi64(bytes, 4), low_nibble);
    __m128i digits = _mm_unpacklo_epi8(high, _mm_and_si128(bytes, low_nibble));
    __m128i above_nine = _mm_cmpgt_epi8(digits, _mm_set1_epi8(9));
    __m128i distance = _mm_and_si128(above_nine, _mm_set1_epi8((char)letters));
    digits = _mm_add_epi8(_mm_add_epi8(digits, _mm_set1_epi8('0')), distance);
    _mm_storeu_si128((__m128i *)(void *)p, digits);
#else
    put_eight_digits(p, (u32)(value >> 32), letters);
    put_eight_digits(p + 8, (u32)value, letters);
#endif
}

// What lies behind the last digit is overwritten by whatever is written next.
static inline u8 *put_hex(u8 *p, u64 value, u64 letters)
{
    memcpy(p, "0x", 2);
    unsigned digits = (67 - (unsigned)__builtin_clzll(value | 1)) / 4;
    put_sixteen_digits(p + 2, value << 4 * (16 - digits), letters);
    return p + 2 + digits;
}

u8 *text_hex(u8 *p, u64 value)
{
    return put_hex(p, value, LETTERS_UPPER);
}

u8 *text_hex_lower(u8 *p, u64 value)
{
    return put_hex(p, value, LETTERS_LOWER);
}

u8 *text_hex_fixed(u8 *p, u64 value, unsigned digits)
{
    for (unsigned i = digits; i--; value >>= 4)
        p[i] = (u8)HEX_LOWER[2 * (value & 15) + 1];
    return p + digits;
}

u8 *text_bytes(u8 *p, span bytes)
{
    for (size_t i = 0; i < bytes.len; i++, p += 2)
        memcpy(p, HEX_UPPER + 2 * (size_t)bytes.at[i], 2);
    return p;
}

// ------------------------------------------------------------------------------------- floating point

enum { FLOAT_ROOM = 400 };

// The text of snprintf, whatever the decimal point of the locale; e-07 becomes e-7.
static u8 *put_printed(u8 *p, const char *text)
{
    const char *c = text;
    while (*c) {
        if ((*c >= '0' && *c <= '9') || *c == '-') {
            p = put_char(p, *c++);
        } else if (*c == 'e') {
            p = put_char(p, *c++);
            if (*c == '-')
                p = put_char(p, '-');
            for (c++; *c == '0' && c[1]; c++) {
            }
        } else {
            p = put_char(p, '.');
            while (*c && *c != '-' && *c != 'e' && (*c < '0' || *c > '9'))
                c++;
        }
    }
    return p;
}

static bool reads_back(const char *text, double value, bool single)
{
    if (single)
        return strtof(text, NULL) == (float)value;
    return strtod(text, NULL) == value;
}

// The fewest digits that read back. Most numbers that come here need all they have, or two less (a decimal fraction of
// that many digits): those are tried first.
static u8 *put_shortest(u8 *p, double value, bool single)
{
    char text[FLOAT_ROOM]; // some 25 are written, which the compiler cannot see
    int most = single ? 9 : 17, too_few = 0, enough = most, printed = 0;
    for (int next = most - 2; enough - too_few > 1; next = (enough + too_few) / 2) {
        snprintf(text, sizeof(text), "%.*g", next, value);
        printed = next;
        if (reads_back(text, value, single))
            enough = next;
        else
            too_few = next;
    }
    if (printed != enough)
        snprintf(text, sizeof(text), "%.*g", enough, value);
    return put_printed(p, text);
}

// Below 2^31, doubles are less than half a millionth apart and n / 10^6, rounded once by the division, is what the text
// of n millionths reads back as: where that is the value, n is what %f prints, and where it is not, nor does %f's text
// read back. For a float the double in between does no harm, n / 10^6 is never so close to the middle of two floats
// without being it.
static u8 *put_float(u8 *p, double value, bool single, bool negative)
{
    double positive = negative ? -value : value;
    if (positive < 2147483648.0) {
        double millionths = rint(positive * 1e6), back = millionths / 1e6;
        if (single ? (float)back != (float)positive : back != positive)
            return put_shortest(p, value, single);
        u64 whole = (u64)millionths / 1000000;
        u32 rest = (u32)((u64)millionths - whole * 1000000);
        if (negative)
            p = put_char(p, '-');
        p = put_char(text_u64(p, whole), '.');
        p = put_pair(p, rest / 10000);
        p = put_pair(p, rest / 100 % 100);
        return put_pair(p, rest % 100);
    }
    char text[FLOAT_ROOM];
    snprintf(text, sizeof(text), "%f", value);
    return reads_back(text, value, single) ? put_printed(p, text) : put_shortest(p, value, single);
}

static u8 *put_no_number(u8 *p, bool infinite, bool negative)
{
    const char *text = !infinite ? "NaN" : negative ? "-Infinity" : "Infinity";
    size_t len = strlen(text);
    memcpy(p, text, len);
    return p + len;
}

u8 *text_f32(u8 *p, u32 bits)
{
    float value;
    memcpy(&value, &bits, 4);
    if ((bits >> 23 & 0xff) == 0xff)
        return put_no_number(p, !(bits & 0x7fffff), bits >> 31);
    return put_float(p, (double)value, true, bits >> 31);
}

u8 *text_f64(u8 *p, u64 bits)
{
    double value;
    memcpy(&value, &bits, 8);
    if ((bits >> 52 & 0x7ff) == 0x7ff)
        return put_no_number(p, !(bits & 0xfffffffffffffu), bits >> 63);
    return put_float(p, value, false, bits >> 63);
}

// ------------------------------------------------------------------------------------- identities and addresses

static inline u8 *put_hex_byte(u8 *p, u8 byte)
{
    memcpy(p, HEX_LOWER + 2 * (size_t)byte, 2);
    return p + 2;
}

u8 *text_guid(u8 *p, const u8 *bytes)
{
    // Where each byte of a trace lands in the text: the first three groups are little-endian integers.
    static const u8 PLACE[16] = {6, 4, 2, 0, 11, 9, 16, 14, 19, 21, 24, 26, 28, 30, 32, 34};
    for (unsigned i = 0; i < 16; i++)
        put_hex_byte(p + PLACE[i], bytes[i]);
    p[8] = p[13] = p[18] = p[23] = '-';
    return p + 36;
}

u8 *text_sid(u8 *p, span sid)
{
    p = put_char(put_char(p, 'S'), '-');
    p = put_char(text_u64(p, sid.at[0]), '-');
    u64 authority = 0;
    for (unsigned i = 2; i < 8; i++)
        authority = authority << 8 | sid.at[i];
    if (authority >> 32)
        p = text_hex_fixed(put_char(put_char(p, '0'), 'x'), authority, 12);
    else
        p = text_u64(p, authority);
    for (unsigned i = 0; i < sid.at[1]; i++)
        p = text_u64(put_char(p, '-'), load_u32(sid.at + 8 + 4 * i));
    return p;
}

u8 *text_ipv4(u8 *p, const u8 *bytes)
{
    for (unsigned i = 0; i < 4; i++) {
        if (i)
            p = put_char(p, '.');
        p = text_u64(p, bytes[i]);
    }
    return p;
}

static u8 *put_hex_group(u8 *p, u32 group)
{
    unsigned digits = (35 - (unsigned)__builtin_clz(group | 1)) / 4;
    return text_hex_fixed(p, group, digits);
}

// Which addresses end in dotted form: ::ffff:a.b.c.d (v4-mapped), ::a.b.c.d (v4-compatible, where it is not as small
// as ::1), and ISATAP's prefix:0:5efe:a.b.c.d or prefix:200:5efe:a.b.c.d.
static bool ends_dotted(const u16 *groups)
{
    bool zeros = !(groups[0] | groups[1] | groups[2] | groups[3] | groups[4]);
    if (zeros && (groups[5] == 0xffff || (!groups[5] && groups[6])))
        return true;
    return (groups[4] & 0xfdff) == 0 && groups[5] == 0x5efe;
}

u8 *text_ipv6(u8 *p, const u8 *bytes)
{
    u16 groups[8];
    for (unsigned i = 0; i < 8; i++)
        groups[i] = load_u16_be(bytes + 2 * i);
    unsigned count = ends_dotted(groups) ? 6 : 8;
    // RFC 5952: the first of the longest runs of two or more zero groups becomes "::".
    unsigned run_at = count, run = 1;
    for (unsigned i = 0; i < count; i++) {
        unsigned end = i;
        while (end < count && !groups[end])
            end++;
        if (end - i > run) {
            run_at = i;
            run = end - i;
        }
        i = end;
    }
    for (unsigned i = 0; i < count;) {
        if (i == run_at) {
            p = put_char(put_char(p, ':'), ':');
            i += run;
            continue;
        }
        if (i && i != run_at + run)
            p = put_char(p, ':');
        p = put_hex_group(p, groups[i++]);
    }
    if (count == 8)
        return p;
    if (run_at + run != count)
        p = put_char(p, ':');
    return text_ipv4(p, bytes + 12);
}

// SOCKADDR_IN:  0 u16 family (2)   2 u16 port, big-endian   4 address
// SOCKADDR_IN6: 0 u16 family (23)  2 u16 port, big-endian   4 u32 flow   8 address   24 u32 scope
u8 *text_socket_address(u8 *p, span bytes)
{
    enum { AF_IPV4 = 2, AF_IPV6 = 23 };
    unsigned family = bytes.len >= 2 ? load_u16(bytes.at) : 0;
    if (family == AF_IPV4 && bytes.len >= 8) {
        p = text_ipv4(p, bytes.at + 4);
    } else if (family == AF_IPV6 && bytes.len >= 24) {
        p = text_ipv6(put_char(p, '['), bytes.at + 8);
        u32 scope = bytes.len >= 28 ? load_u32(bytes.at + 24) : 0;
        if (scope)
            p = text_u64(put_char(p, '%'), scope);
        p = put_char(p, ']');
    } else {
        return text_bytes(put_char(put_char(p, '0'), 'x'), bytes);
    }
    return text_u64(put_char(p, ':'), load_u16_be(bytes.at + 2));
}
