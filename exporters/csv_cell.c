// Quoting of CSV cells, sixteen bytes at a time where SSE2 is there.
//
// Called by csv.c and l2tcsv.c. Knows nothing of records.
#include "csv_cell.h"

#include "base/text.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

// Bytes that may be read after the cell and written after its doubled form.
enum { CELL_SLACK = 32 };

#if defined(__SSE2__)

static u32 chunk_equal(__m128i chunk, char c)
{
    return (u32)_mm_movemask_epi8(_mm_cmpeq_epi8(chunk, _mm_set1_epi8(c)));
}

static bool has_special(const u8 *at, size_t len)
{
    for (size_t i = 0; i < len; i += 16) {
        __m128i chunk = _mm_loadu_si128((const __m128i *)(const void *)(at + i));
        u32 found =
            chunk_equal(chunk, ',') | chunk_equal(chunk, '"') | chunk_equal(chunk, '\r') | chunk_equal(chunk, '\n');
        if (len - i < 16)
            found &= (1u << (len - i)) - 1;
        if (found)
            return true;
    }
    return false;
}

// Copies with every quote doubled; a chunk is stored whole and, after each quote in it, once more one byte farther.
static u8 *copy_doubled(u8 *to, const u8 *at, size_t len)
{
    for (size_t i = 0; i < len; i += 16) {
        size_t part = len - i < 16 ? len - i : 16;
        __m128i chunk = _mm_loadu_si128((const __m128i *)(const void *)(at + i));
        u32 quotes = chunk_equal(chunk, '"') & ((1u << part) - 1);
        _mm_storeu_si128((__m128i *)(void *)to, chunk);
        while (quotes) {
            u32 k = (u32)__builtin_ctz(quotes);
            quotes &= quotes - 1;
            to++;
            _mm_storeu_si128((__m128i *)(void *)(to + k), _mm_loadu_si128((const __m128i *)(const void *)(at + i + k)));
        }
        to += part;
    }
    return to;
}

#else

static bool has_special(const u8 *at, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (at[i] == ',' || at[i] == '"' || at[i] == '\r' || at[i] == '\n')
            return true;
    return false;
}

static u8 *copy_doubled(u8 *to, const u8 *at, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        *to++ = at[i];
        *to = '"';
        to += at[i] == '"';
    }
    return to;
}

#endif

static bool is_digit(u8 c)
{
    return c >= '0' && c <= '9';
}

static size_t skip_digits(const u8 *at, size_t i, size_t len)
{
    while (i < len && is_digit(at[i]))
        i++;
    return i;
}

// [+-] digits [. digits] [e [+-] digits], all of it
static bool is_number(const u8 *at, size_t len)
{
    size_t i = len && (at[0] == '+' || at[0] == '-');
    size_t digits = i;
    i = skip_digits(at, i, len);
    if (i == digits)
        return false;
    if (i < len && at[i] == '.') {
        digits = ++i;
        i = skip_digits(at, i, len);
        if (i == digits)
            return false;
    }
    if (i < len && (at[i] == 'e' || at[i] == 'E')) {
        i++;
        i += i < len && (at[i] == '+' || at[i] == '-');
        digits = i;
        i = skip_digits(at, i, len);
        if (i == digits)
            return false;
    }
    return i == len;
}

static bool is_blank(u8 c)
{
    return c == ' ' || c == '\t';
}

// Bytes of the blank at `at` that a spreadsheet may strip: space, no-break space, ideographic space, byte order mark.
static size_t stripped(const u8 *at, size_t len)
{
    if (len && at[0] == ' ')
        return 1;
    if (len > 1 && at[0] == 0xc2 && at[1] == 0xa0)
        return 2;
    bool three = len > 2 && ((at[0] == 0xe3 && at[1] == 0x80 && at[2] == 0x80) ||
                             (at[0] == 0xef && at[1] == 0xbb && at[2] == 0xbf));
    return three ? 3 : 0;
}

// = + - @, also as full-width forms (U+FF1D, U+FF0B, U+FF0D, U+FF20).
static bool is_sign(const u8 *at, size_t len)
{
    if (len > 2 && at[0] == 0xef && at[1] == 0xbc)
        return at[2] == 0x9d || at[2] == 0x8b || at[2] == 0x8d || at[2] == 0xa0;
    return len && (at[0] == '=' || at[0] == '+' || at[0] == '-' || at[0] == '@');
}

// What OWASP lists under CSV injection: a cell that begins with a sign, a tab or a line break.
static bool is_formula(const u8 *at, size_t len)
{
    if (len && (at[0] == '\t' || at[0] == '\r' || at[0] == '\n'))
        return true;
    for (size_t blank; (blank = stripped(at, len)) > 0; at += blank, len -= blank)
        ;
    return is_sign(at, len) && !is_number(at, len);
}

// Puts quotes around the text from `start` on and doubles those in it, where there are any: the doubled form is made
// after the text, where it cannot overtake what is still to be read, and moved back.
static void cell_quote(outbuf *b, size_t start)
{
    size_t len = b->len - start;
    if (!memchr(b->bytes + start, '"', len)) {
        u8 *text = outbuf_reserve(b, 2) - len;
        memmove(text + 1, text, len);
        text[0] = text[len + 1] = '"';
        b->len += 2;
        return;
    }
    outbuf_reserve(b, 2 * len + 3 * CELL_SLACK);
    u8 *text = b->bytes + start;
    u8 *doubled = text + len + CELL_SLACK;
    size_t doubled_len = (size_t)(copy_doubled(doubled, text, len) - doubled);
    text[0] = '"';
    memmove(text + 1, doubled, doubled_len);
    text[doubled_len + 1] = '"';
    b->len = start + doubled_len + 2;
}

// Most cells: such a first character begins no formula, and is no blank.
static bool begins_plainly(u8 c)
{
    return is_digit(c) || (c >= 'A' && c < 0x80);
}

void csv_cell_close(outbuf *b, size_t start, bool guard)
{
    outbuf_reserve(b, CELL_SLACK);
    u8 *text = b->bytes + start;
    size_t len = b->len - start;
    bool plainly = len && begins_plainly(text[0]);
    if (guard && !plainly && is_formula(text, len)) {
        memmove(text + 1, text, len);
        text[0] = '\'';
        b->len = start + ++len;
    }
    if (!len || (!plainly && is_blank(text[0])) || is_blank(text[len - 1]) || has_special(text, len))
        cell_quote(b, start);
}

void csv_cell_one_line(outbuf *b, size_t start)
{
    u8 *to = b->bytes + start, *end = b->bytes + b->len;
    for (const u8 *at = to; at < end; at++) {
        bool is_break = *at == '\r' || *at == '\n';
        if (!is_break)
            *to++ = *at;
        else if (at[0] == '\n' || at + 1 == end || at[1] != '\n')
            *to++ = ' ';
    }
    outbuf_written(b, to);
}

void csv_cell_close_json(outbuf *b, size_t start)
{
    if (b->len - start > 2)
        cell_quote(b, start);
}

void csv_cell_text(outbuf *b, const char *text, bool guard)
{
    if (!text)
        return;
    size_t start = b->len;
    span s = {(const u8 *)text, strlen(text)};
    outbuf_written(b, text_utf8(outbuf_reserve(b, 3 * s.len), s));
    csv_cell_close(b, start, guard);
}
