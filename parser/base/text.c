// Whole numbers, identities and addresses as text (floating point: text_float.c, times: text_time.c, strings:
// text_string.c). Pure functions on values the caller has already proven; anyone may call them. Speed matters here: a
// trace of a million events prints tens of millions of numbers.
#include "base/text.h"
#include "base/text_put.h"

#include <string.h>
#include <strings.h>

// ------------------------------------------------------------------------------------- numbers

const char TEXT_PAIRS[201] = "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
                             "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
                             "8081828384858687888990919293949596979899";
static const char HEX_UPPER[] = "0123456789ABCDEF", HEX_LOWER[] = "0123456789abcdef";

static inline u8 *put_eight(u8 *p, u32 value)
{
    store_low_first(p, eight_digits(value) | DIGIT_ZEROS);
    return p + 8;
}

u8 *text_u64_long(u8 *p, u64 value)
{
    enum { EIGHT = 100000000 };
    u64 high = value / EIGHT;
    u32 low = (u32)(value - high * EIGHT);
    if (high < EIGHT) {
        p = put_u64(p, high);
    } else {
        u64 top = high / EIGHT;
        p = put_eight(put_u64(p, top), (u32)(high - top * EIGHT));
    }
    return put_eight(p, low);
}

u8 *text_u64(u8 *p, u64 value)
{
    return put_u64(p, value);
}

u8 *text_i64(u8 *p, i64 value)
{
    return put_i64(p, value);
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
        p[i] = (u8)HEX_LOWER[value & 15];
    return p + digits;
}

u8 *text_bytes_scalar(u8 *p, span bytes)
{
    for (size_t i = 0; i < bytes.len; i++, p += 2) {
        p[0] = (u8)HEX_UPPER[bytes.at[i] >> 4];
        p[1] = (u8)HEX_UPPER[bytes.at[i] & 15];
    }
    return p;
}

#ifdef __SSE2__

// The digits of sixteen bytes: of the first eight in *low, of the others in *high.
static inline void hex_of_bytes(__m128i bytes, char letters, __m128i *low, __m128i *high)
{
    const __m128i low_nibble = _mm_set1_epi8(0x0f);
    __m128i first = _mm_and_si128(_mm_srli_epi64(bytes, 4), low_nibble);
    __m128i second = _mm_and_si128(bytes, low_nibble);
    *low = hex_digits(_mm_unpacklo_epi8(first, second), letters);
    *high = hex_digits(_mm_unpackhi_epi8(first, second), letters);
}

u8 *text_bytes(u8 *p, span bytes)
{
    size_t i = 0;
    for (; bytes.len - i >= 16; i += 16) {
        __m128i low, high;
        hex_of_bytes(_mm_loadu_si128((const __m128i *)(const void *)(bytes.at + i)), LETTERS_UPPER, &low, &high);
        _mm_storeu_si128((__m128i *)(void *)(p + 2 * i), low);
        _mm_storeu_si128((__m128i *)(void *)(p + 2 * i + 16), high);
    }
    return text_bytes_scalar(p + 2 * i, span_from(bytes, i));
}

#else

u8 *text_bytes(u8 *p, span bytes)
{
    return text_bytes_scalar(p, bytes);
}

#endif

// ------------------------------------------------------------------------------------- numbers as printf writes them

static const char *read_count(const char *s, u8 *count)
{
    u32 value = 0;
    for (; *s >= '0' && *s <= '9'; s++)
        if (value <= LIMIT_NUMBER_WIDTH)
            value = value * 10 + (u32)(*s - '0');
    *count = (u8)(value < LIMIT_NUMBER_WIDTH ? value : LIMIT_NUMBER_WIDTH);
    return s;
}

number_form number_form_read(const char *s)
{
    number_form form = {.conversion = 'd'};
    for (; *s && strchr("-+ 0#", *s); s++) {
        form.left |= *s == '-';
        form.plus |= *s == '+';
        form.blank |= *s == ' ';
        form.zeros |= *s == '0';
        form.prefix |= *s == '#';
    }
    s = read_count(s, &form.width);
    if (*s == '.') {
        form.has_precision = true;
        s = read_count(s + 1, &form.precision);
    }
    while (*s && strchr("hlLIqjzt6432wF", *s))
        s++;
    if (*s)
        form.conversion = *s;
    return form;
}

static u8 *put_octal(u8 *p, u64 value)
{
    u32 digits = 1;
    while (digits < 22 && value >> (3 * digits))
        digits++;
    for (u32 i = digits; i--; value >>= 3)
        p[i] = (u8)('0' + (value & 7));
    return p + digits;
}

static u8 *put_many(u8 *p, char c, u32 count)
{
    memset(p, c, count);
    return p + count;
}

u8 *text_number(u8 *p, u64 magnitude, bool negative, const number_form *form)
{
    u8 digits[24]; // 22 of an octal number
    char sign[2];
    u32 count = 0, signs = 0, zeros = 0;
    switch (form->conversion) {
    case 'x':
    case 'X':
        count =
            (u32)(put_hex_digits(digits, magnitude, form->conversion == 'x' ? LETTERS_LOWER : LETTERS_UPPER) - digits);
        if (form->prefix && magnitude) {
            sign[signs++] = '0';
            sign[signs++] = form->conversion;
        }
        break;
    case 'o':
        count = (u32)(put_octal(digits, magnitude) - digits);
        zeros = form->prefix && magnitude;
        break;
    case 'u':
        count = (u32)(put_u64(digits, magnitude) - digits);
        break;
    default:
        count = (u32)(put_u64(digits, magnitude) - digits);
        if (negative || form->plus || form->blank)
            sign[signs++] = negative ? '-' : form->plus ? '+' : ' ';
    }
    if (form->has_precision) {
        if (!magnitude && !form->precision && !(form->conversion == 'o' && form->prefix))
            count = 0;
        if (form->precision > count + zeros)
            zeros = form->precision - count;
    } else if (form->zeros && !form->left && form->width > signs + zeros + count) {
        zeros = form->width - signs - count;
    }
    u32 used = signs + zeros + count, blanks = form->width > used ? form->width - used : 0;
    if (!form->left)
        p = put_many(p, ' ', blanks);
    memcpy(p, sign, signs);
    p = put_many(p + signs, '0', zeros);
    memcpy(p, digits, count);
    p += count;
    return form->left ? put_many(p, ' ', blanks) : p;
}

// ------------------------------------------------------------------------------------- identities and addresses

u8 *text_guid_scalar(u8 *p, const u8 *bytes)
{
    // Where each byte of a trace lands in the text: the first three groups are little-endian integers.
    static const u8 PLACE[16] = {6, 4, 2, 0, 11, 9, 16, 14, 19, 21, 24, 26, 28, 30, 32, 34};
    for (unsigned i = 0; i < 16; i++)
        text_hex_fixed(p + PLACE[i], bytes[i], 2);
    p[8] = p[13] = p[18] = p[23] = '-';
    return p + 36;
}

#ifdef __SSE2__

u8 *text_guid(u8 *p, const u8 *bytes)
{
    u64 integers =
        __builtin_bswap32(load_u32(bytes)) | (u64)load_u16_be(bytes + 4) << 32 | (u64)load_u16_be(bytes + 6) << 48;
    __m128i low, high,
        ordered = _mm_unpacklo_epi64(_mm_cvtsi64_si128((long long)integers),
                                     _mm_cvtsi64_si128((long long)load_u64(bytes + 8)));
    hex_of_bytes(ordered, LETTERS_LOWER, &low, &high);
    // 8-4-4-4-12, from the end: each store leaves its surplus to the one before it.
    u32 third = (u32)_mm_cvtsi128_si32(_mm_srli_si128(low, 12));
    u32 second = (u32)_mm_cvtsi128_si32(_mm_srli_si128(low, 8));
    u32 fourth = (u32)_mm_cvtsi128_si32(high);
    _mm_storeu_si128((__m128i *)(void *)(p + 20), high);
    memcpy(p + 19, &fourth, 4);
    memcpy(p + 14, &third, 4);
    memcpy(p + 9, &second, 4);
    _mm_storel_epi64((__m128i *)(void *)p, low);
    p[8] = p[13] = p[18] = p[23] = '-';
    return p + 36;
}

#else

u8 *text_guid(u8 *p, const u8 *bytes)
{
    return text_guid_scalar(p, bytes);
}

#endif

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
        return bytes.len ? text_bytes(put_char(put_char(p, '0'), 'x'), bytes) : p;
    }
    return text_u64(put_char(p, ':'), load_u16_be(bytes.at + 2));
}

bool text_ends_in(span text, const char *suffix)
{
    size_t len = strlen(suffix);
    return text.len >= len && strncasecmp((const char *)text.at + text.len - len, suffix, len) == 0;
}
