// Strings of a trace as UTF-8, plain or escaped for JSON. The bytes may be anything; what comes out is always valid.
//
// Most strings are plain ASCII. A block writer copies the leading "clean" characters of a block (ASCII that needs no
// escape) with a few vector instructions and says how many they were; everything else goes one character at a time
// through the same code as the scalar forms. A whole clean block advances by a constant, so that the processor need not
// wait for the count. Blocks write their full width: the room the callers reserve covers it.
#include "base/text.h"
#include "base/text_put.h"

#include <string.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#define HAVE_BLOCKS 1
#elif defined(__aarch64__) && defined(__ARM_NEON)
#include <arm_neon.h>
#define HAVE_BLOCKS 1
#else
#define HAVE_BLOCKS 0
#endif

enum {
    REPLACEMENT = 0xfffd,
    SYMBOL_FOR_NUL = 0x2400, // so that what stands behind a NUL is seen, whatever reads the text
};

// ------------------------------------------------------------------------------------- one character

static inline bool is_clean(u32 c, text_escape escape)
{
    return c && c < 0x80 && (escape == ESCAPE_NONE || (c >= 0x20 && c != '"' && c != '\\' && c != 0x7f));
}

static u8 *put_escaped(u8 *p, u32 c, text_escape escape)
{
    static const char SHORT[] = "btn\0fr"; // 8 to 13
    p = put_char(p, '\\');
    if (c == '"') {
        p = put_char(p, '"');
        return escape == ESCAPE_JSON_CSV ? put_char(p, '"') : p;
    }
    if (c >= 8 && c <= 13 && SHORT[c - 8])
        return put_char(p, SHORT[c - 8]);
    return text_hex_fixed(put_char(p, 'u'), c, 4);
}

// c is a Unicode scalar value
static inline u8 *put_code_point(u8 *p, u32 c, text_escape escape)
{
    if (c - 1 < 0x7f) {
        if (is_clean(c, escape))
            return put_char(p, (char)c);
        // Paths are full of them.
        return c == '\\' ? put_char(put_char(p, '\\'), '\\') : put_escaped(p, c, escape);
    }
    if (!c)
        c = SYMBOL_FOR_NUL;
    if (c < 0x800) {
        p[0] = (u8)(0xc0 | c >> 6);
        p[1] = (u8)(0x80 | (c & 0x3f));
        return p + 2;
    }
    if (c < 0x10000) {
        p[0] = (u8)(0xe0 | c >> 12);
        p[1] = (u8)(0x80 | (c >> 6 & 0x3f));
        p[2] = (u8)(0x80 | (c & 0x3f));
        return p + 3;
    }
    p[0] = (u8)(0xf0 | c >> 18);
    p[1] = (u8)(0x80 | (c >> 12 & 0x3f));
    p[2] = (u8)(0x80 | (c >> 6 & 0x3f));
    p[3] = (u8)(0x80 | (c & 0x3f));
    return p + 4;
}

// At least one whole unit is there.
static inline u32 utf16_next(const u8 **in, const u8 *end)
{
    u32 c = load_u16(*in);
    *in += 2;
    if ((c & 0xf800) != 0xd800)
        return c;
    if (c < 0xdc00 && end - *in >= 2) {
        u32 low = load_u16(*in);
        if ((low & 0xfc00) == 0xdc00) {
            *in += 2;
            return 0x10000 + ((c & 0x3ff) << 10 | (low & 0x3ff));
        }
    }
    return REPLACEMENT;
}

// At least one byte is there. Well-formed sequences are those of table 3-7 of the Unicode standard; of an ill-formed
// one the longest beginning of a well-formed one is taken, or one byte.
static u32 utf8_next(const u8 **in, const u8 *end)
{
    u32 c = *(*in)++;
    if (c < 0x80)
        return c;
    unsigned more = c < 0xc2 ? 0 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : c < 0xf5 ? 3 : 0;
    if (!more)
        return REPLACEMENT;
    // The second byte is narrower where it decides on overlong forms, surrogates, and the end of Unicode.
    u32 lowest = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
    u32 highest = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
    u32 value = c & (0x3fu >> more);
    for (; more; more--) {
        if (*in == end || **in < lowest || **in > highest)
            return REPLACEMENT;
        value = value << 6 | (*(*in)++ & 0x3f);
        lowest = 0x80;
        highest = 0xbf;
    }
    return value;
}

// Windows-1252; the five bytes it leaves open are control characters to Windows.
static inline u32 ansi_next(const u8 **in)
{
    static const u16 HIGH[32] = {
        0x20ac, 0x81,   0x201a, 0x192,  0x201e, 0x2026, 0x2020, 0x2021, 0x2c6,  0x2030, 0x160,
        0x2039, 0x152,  0x8d,   0x17d,  0x8f,   0x90,   0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
        0x2013, 0x2014, 0x2dc,  0x2122, 0x161,  0x203a, 0x153,  0x9d,   0x17e,  0x178,
    };
    u32 c = *(*in)++;
    return c >= 0x80 && c < 0xa0 ? HIGH[c - 0x80] : c;
}

// ------------------------------------------------------------------------------------- blocks

// Each takes sixteen bytes, as two halves, to p and returns how many of the characters in them are clean before the
// first that is not: put_units narrows eight UTF-16 units to eight bytes, put_bytes keeps the sixteen.

#if defined(__SSE2__)

static inline unsigned first_zero(unsigned mask, unsigned count)
{
    return (unsigned)__builtin_ctz(~mask | 1u << count);
}

static inline __m128i load_block(const u8 *in)
{
    return _mm_loadu_si128((const __m128i *)(const void *)in);
}

static inline __m128i block_of(u64 low, u64 high)
{
    return _mm_unpacklo_epi64(_mm_cvtsi64_si128((long long)low), _mm_cvtsi64_si128((long long)high));
}

// All ones in the bytes that need no escape in JSON; bytes from 0x80 on are negative.
static inline __m128i json_clean(__m128i bytes)
{
    __m128i special =
        _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')), _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\')));
    special = _mm_or_si128(special, _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7f)));
    return _mm_andnot_si128(special, _mm_cmpgt_epi8(bytes, _mm_set1_epi8(0x1f)));
}

static inline unsigned put_units(u8 *p, __m128i units, bool json)
{
    // Saturating: 0x80..0x7fff become 0x80..0xff, 0x8000 on becomes 0; JSON is clean of both, plain text of the first.
    __m128i bytes = _mm_packus_epi16(units, units);
    _mm_storel_epi64((__m128i *)(void *)p, bytes);
    if (json)
        return first_zero((unsigned)_mm_movemask_epi8(json_clean(bytes)), 8);
    __m128i ascii = _mm_cmpeq_epi16(_mm_and_si128(units, _mm_set1_epi16((short)0xff80)), _mm_setzero_si128());
    __m128i clean = _mm_andnot_si128(_mm_cmpeq_epi16(units, _mm_setzero_si128()), ascii);
    return first_zero((unsigned)_mm_movemask_epi8(_mm_packs_epi16(clean, clean)), 8);
}

static inline unsigned put_bytes(u8 *p, __m128i bytes, bool json)
{
    _mm_storeu_si128((__m128i *)(void *)p, bytes);
    __m128i clean = json ? json_clean(bytes) : _mm_cmpgt_epi8(bytes, _mm_setzero_si128());
    return first_zero((unsigned)_mm_movemask_epi8(clean), 16);
}

// The index of the first zero among 8 units, or 8.
static inline unsigned zero_unit(const u8 *in)
{
    __m128i units = _mm_loadu_si128((const __m128i *)(const void *)in);
    unsigned zeros = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi16(units, _mm_setzero_si128()));
    return (unsigned)__builtin_ctz(zeros | 1u << 16) / 2;
}

#elif HAVE_BLOCKS

static inline uint8x16_t load_block(const u8 *in)
{
    return vld1q_u8(in);
}

static inline uint8x16_t block_of(u64 low, u64 high)
{
    return vreinterpretq_u8_u64(vcombine_u64(vcreate_u64(low), vcreate_u64(high)));
}

static inline unsigned first_dirty8(uint8x8_t clean)
{
    u64 dirty = ~vget_lane_u64(vreinterpret_u64_u8(clean), 0);
    return dirty ? (unsigned)__builtin_ctzll(dirty) / 8 : 8;
}

static inline unsigned put_units(u8 *p, uint8x16_t units, bool json)
{
    uint8x8_t bytes = vqmovn_u16(vreinterpretq_u16_u8(units)); // saturating: 0x100 on becomes 0xff
    vst1_u8(p, bytes);
    uint8x8_t clean = vand_u8(vclt_u8(bytes, vdup_n_u8(json ? 0x7f : 0x80)), vcge_u8(bytes, vdup_n_u8(1)));
    if (json) {
        clean = vand_u8(clean, vcge_u8(bytes, vdup_n_u8(0x20)));
        clean = vbic_u8(clean, vceq_u8(bytes, vdup_n_u8('"')));
        clean = vbic_u8(clean, vceq_u8(bytes, vdup_n_u8('\\')));
    }
    return first_dirty8(clean);
}

static inline unsigned put_bytes(u8 *p, uint8x16_t bytes, bool json)
{
    vst1q_u8(p, bytes);
    uint8x16_t clean = vandq_u8(vcltq_u8(bytes, vdupq_n_u8(json ? 0x7f : 0x80)), vcgeq_u8(bytes, vdupq_n_u8(1)));
    if (json) {
        clean = vandq_u8(clean, vcgeq_u8(bytes, vdupq_n_u8(0x20)));
        clean = vbicq_u8(clean, vceqq_u8(bytes, vdupq_n_u8('"')));
        clean = vbicq_u8(clean, vceqq_u8(bytes, vdupq_n_u8('\\')));
    }
    unsigned at = first_dirty8(vget_low_u8(clean));
    return at == 8 ? 8 + first_dirty8(vget_high_u8(clean)) : at;
}

static inline unsigned zero_unit(const u8 *in)
{
    uint16x8_t units = vreinterpretq_u16_u8(vld1q_u8(in));
    return first_dirty8(vmovn_u16(vtstq_u16(units, units)));
}

#endif

#if HAVE_BLOCKS

// The rest of a text, shorter than a block, goes as two halves that overlap: nothing after it may be read. The block
// of both then has `half` characters of the beginning in front and the last `half` after them.

static inline unsigned spread_clean(u8 *p, const u8 *block, unsigned clean, unsigned count, unsigned half)
{
    memcpy(p, block, half);
    memcpy(p + count - half, block + half, half);
    return clean < half ? clean : clean < 2 * half ? count - 2 * half + clean : count;
}

// 1 to 7 units
static inline unsigned put_few_units(u8 *p, const u8 *in, unsigned count, bool json)
{
    u8 block[8];
    if (count >= 4) {
        unsigned clean = put_units(block, block_of(load_u64(in), load_u64(in + 2 * count - 8)), json);
        return spread_clean(p, block, clean, count, 4);
    }
    if (count < 2)
        return 0;
    u64 both = load_u32(in) | (u64)load_u32(in + 2 * count - 4) << 32;
    return spread_clean(p, block, put_units(block, block_of(both, 0), json), count, 2);
}

// 1 to 15 bytes
static inline unsigned put_few_bytes(u8 *p, const u8 *in, unsigned count, bool json)
{
    u8 block[16];
    if (count >= 8) {
        unsigned clean = put_bytes(block, block_of(load_u64(in), load_u64(in + count - 8)), json);
        return spread_clean(p, block, clean, count, 8);
    }
    if (count >= 4) {
        u64 both = load_u32(in) | (u64)load_u32(in + count - 4) << 32;
        return spread_clean(p, block, put_bytes(block, block_of(both, 0), json), count, 4);
    }
    if (count < 2)
        return 0;
    u64 both = load_u16(in) | (u64)load_u16(in + count - 2) << 16;
    return spread_clean(p, block, put_bytes(block, block_of(both, 0), json), count, 2);
}

#endif

// ------------------------------------------------------------------------------------- UTF-16

u8 *text_utf16_scalar(u8 *p, span utf16, text_escape escape)
{
    if (utf16.len < 2)
        return p;
    const u8 *in = utf16.at, *end = in + (utf16.len & ~(size_t)1);
    while (in < end)
        p = put_code_point(p, utf16_next(&in, end), escape);
    return p;
}

#if HAVE_BLOCKS

static inline u8 *utf16_blocks(u8 *p, span s, text_escape escape)
{
    if (s.len < 2)
        return p;
    const u8 *in = s.at, *end = in + (s.len & ~(size_t)1);
    bool json = escape != ESCAPE_NONE;
    for (;;) {
        size_t left = (size_t)(end - in) / 2;
        unsigned clean;
        if (left >= 8) {
            clean = put_units(p, load_block(in), json);
            if (clean == 8) {
                p += 8;
                in += 16;
                continue;
            }
        } else if (left) {
            clean = put_few_units(p, in, (unsigned)left, json);
            if (clean == left)
                return p + left;
        } else {
            return p;
        }
        p += clean;
        in += 2 * clean;
        // One that is not clean or stands alone; text in other scripts comes in runs.
        do
            p = put_code_point(p, utf16_next(&in, end), escape);
        while (in < end && load_u16(in) >= 0x80);
    }
}

#else

static inline u8 *utf16_blocks(u8 *p, span s, text_escape escape)
{
    return text_utf16_scalar(p, s, escape);
}

#endif

u8 *text_utf16(u8 *p, span utf16)
{
    return utf16_blocks(p, utf16, ESCAPE_NONE);
}

u8 *text_utf16_json(u8 *p, span utf16)
{
    return utf16_blocks(p, utf16, ESCAPE_JSON);
}

u8 *text_utf16_as(u8 *p, span utf16, text_escape escape)
{
    if (escape == ESCAPE_JSON_CSV)
        return utf16_blocks(p, utf16, ESCAPE_JSON_CSV);
    return escape == ESCAPE_JSON ? text_utf16_json(p, utf16) : text_utf16(p, utf16);
}

// ------------------------------------------------------------------------------------- bytes

typedef enum charset { CHARSET_UTF8, CHARSET_ANSI } charset;

static inline u32 byte_next(const u8 **in, const u8 *end, charset set)
{
    return set == CHARSET_UTF8 ? utf8_next(in, end) : ansi_next(in);
}

static inline u8 *bytes_scalar(u8 *p, span s, charset set, text_escape escape)
{
    if (!s.len)
        return p;
    const u8 *in = s.at, *end = in + s.len;
    while (in < end)
        p = put_code_point(p, byte_next(&in, end, set), escape);
    return p;
}

u8 *text_utf8_scalar(u8 *p, span utf8, text_escape escape)
{
    return bytes_scalar(p, utf8, CHARSET_UTF8, escape);
}

u8 *text_ansi_scalar(u8 *p, span ansi, text_escape escape)
{
    return bytes_scalar(p, ansi, CHARSET_ANSI, escape);
}

#if HAVE_BLOCKS

static inline u8 *bytes_blocks(u8 *p, span s, charset set, text_escape escape)
{
    if (!s.len)
        return p;
    const u8 *in = s.at, *end = in + s.len;
    bool json = escape != ESCAPE_NONE;
    for (;;) {
        size_t left = (size_t)(end - in);
        unsigned clean;
        if (left >= 16) {
            clean = put_bytes(p, load_block(in), json);
            if (clean == 16) {
                p += 16;
                in += 16;
                continue;
            }
        } else if (left) {
            clean = put_few_bytes(p, in, (unsigned)left, json);
            if (clean == left)
                return p + left;
        } else {
            return p;
        }
        p += clean;
        in += clean;
        do
            p = put_code_point(p, byte_next(&in, end, set), escape);
        while (in < end && *in >= 0x80);
    }
}

#else

static inline u8 *bytes_blocks(u8 *p, span s, charset set, text_escape escape)
{
    return bytes_scalar(p, s, set, escape);
}

#endif

u8 *text_utf8(u8 *p, span utf8)
{
    return bytes_blocks(p, utf8, CHARSET_UTF8, ESCAPE_NONE);
}

u8 *text_utf8_json(u8 *p, span utf8)
{
    return bytes_blocks(p, utf8, CHARSET_UTF8, ESCAPE_JSON);
}

u8 *text_utf8_as(u8 *p, span utf8, text_escape escape)
{
    if (escape == ESCAPE_JSON_CSV)
        return bytes_blocks(p, utf8, CHARSET_UTF8, ESCAPE_JSON_CSV);
    return escape == ESCAPE_JSON ? text_utf8_json(p, utf8) : text_utf8(p, utf8);
}

u8 *text_ansi(u8 *p, span ansi)
{
    return bytes_blocks(p, ansi, CHARSET_ANSI, ESCAPE_NONE);
}

u8 *text_ansi_json(u8 *p, span ansi)
{
    return bytes_blocks(p, ansi, CHARSET_ANSI, ESCAPE_JSON);
}

u8 *text_ansi_as(u8 *p, span ansi, text_escape escape)
{
    if (escape == ESCAPE_JSON_CSV)
        return bytes_blocks(p, ansi, CHARSET_ANSI, ESCAPE_JSON_CSV);
    return escape == ESCAPE_JSON ? text_ansi_json(p, ansi) : text_ansi(p, ansi);
}

// ------------------------------------------------------------------------------------- lengths

static bool utf16_length_from(span s, size_t at, size_t *len)
{
    size_t even = s.len & ~(size_t)1;
    while (at < even && (s.at[at] | s.at[at + 1]))
        at += 2;
    *len = at;
    return at < even;
}

bool utf16_length_scalar(span s, size_t *len)
{
    return utf16_length_from(s, 0, len);
}

bool utf16_length(span s, size_t *len)
{
    size_t at = 0;
#if HAVE_BLOCKS
    for (; s.len - at >= 16; at += 16) {
        unsigned zero = zero_unit(s.at + at);
        if (zero < 8) {
            *len = at + 2 * (size_t)zero;
            return true;
        }
    }
#endif
    return utf16_length_from(s, at, len);
}

bool ansi_length(span s, size_t *len)
{
    const u8 *zero = s.len ? memchr(s.at, 0, s.len) : NULL;
    *len = zero ? (size_t)(zero - s.at) : s.len;
    return zero != NULL;
}

// ------------------------------------------------------------------------------------- what is not seen

// Of UTF-8, where it is a character of two to four bytes that are all there; else 0.
static u32 scalar_at(span s, size_t *len)
{
    static const u32 LEAST[] = {0, 0, 0x80, 0x800, 0x10000};
    u8 first = s.len ? s.at[0] : 0;
    *len = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 0;
    if (!*len || s.len < *len)
        return 0;
    u32 scalar = first & (0x7fu >> *len);
    for (size_t i = 1; i < *len; i++) {
        if ((s.at[i] & 0xc0) != 0x80)
            return 0;
        scalar = scalar << 6 | (s.at[i] & 0x3f);
    }
    bool is_one = scalar >= LEAST[*len] && scalar <= 0x10ffff && (scalar < 0xd800 || scalar > 0xdfff);
    return is_one ? scalar : 0;
}

size_t text_character(span utf8)
{
    size_t len;
    if (utf8.len && utf8.at[0] < 0x80)
        return 1;
    return scalar_at(utf8, &len) ? len : 0;
}

size_t text_hidden(span utf8)
{
    static const struct {
        u32 first, last;
    } HIDDEN[] = {
        {0xad, 0xad},       {0x34f, 0x34f},     {0x61c, 0x61c},   {0x115f, 0x1160}, {0x17b4, 0x17b5},
        {0x180b, 0x180f},   {0x200b, 0x200f},   {0x2028, 0x202e}, {0x2060, 0x206f}, {0x3164, 0x3164},
        {0xfe00, 0xfe0f},   {0xfeff, 0xfeff},   {0xffa0, 0xffa0}, {0xfff0, 0xfffb}, {0x1bca0, 0x1bca3},
        {0x1d173, 0x1d17a}, {0xe0000, 0xe0fff},
    };
    size_t len;
    u32 scalar = scalar_at(utf8, &len);
    for (size_t i = 0; i < COUNT_OF(HIDDEN); i++)
        if (scalar >= HIDDEN[i].first && scalar <= HIDDEN[i].last)
            return len;
    return 0;
}
