// Knows byte order marks and Windows build numbers, nothing of any schema format. Trusts nothing.
#include "schema/model/source_text.h"

#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/text.h"

typedef enum encoding { ENCODING_UTF8, ENCODING_UTF16_LE, ENCODING_UTF16_BE, ENCODING_ANSI } encoding;

// Length of the well-formed UTF-8 sequence at `at`, 0 where there is none (Unicode standard, table 3-7).
static size_t utf8_sequence(span s, size_t at)
{
    u8 first = s.at[at];
    if (first < 0x80)
        return 1;
    size_t len = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || len > s.len - at)
        return 0;
    u8 low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    u8 high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (s.at[at + 1] < low || s.at[at + 1] > high)
        return 0;
    for (size_t i = 2; i < len; i++)
        if ((s.at[at + i] & 0xc0) != 0x80)
            return 0;
    return len;
}

static bool utf8_valid(span s)
{
    for (size_t at = 0; at < s.len;) {
        size_t len = utf8_sequence(s, at);
        if (!len)
            return false;
        at += len;
    }
    return true;
}

static encoding detect(span s, size_t *mark)
{
    *mark = 0;
    if (s.len >= 3 && memcmp(s.at, "\xef\xbb\xbf", 3) == 0)
        *mark = 3;
    else if (s.len >= 2 && s.at[0] == 0xff && s.at[1] == 0xfe)
        return *mark = 2, ENCODING_UTF16_LE;
    else if (s.len >= 2 && s.at[0] == 0xfe && s.at[1] == 0xff)
        return *mark = 2, ENCODING_UTF16_BE;
    else if (s.len >= 4 && s.at[0] && !s.at[1] && s.at[2] && !s.at[3])
        return ENCODING_UTF16_LE;
    else if (s.len >= 4 && !s.at[0] && s.at[1] && !s.at[2] && s.at[3])
        return ENCODING_UTF16_BE;
    return utf8_valid(span_from(s, *mark)) ? ENCODING_UTF8 : ENCODING_ANSI;
}

source_text source_text_of(span bytes)
{
    size_t mark = 0;
    encoding how = detect(bytes, &mark);
    span body = span_from(bytes, mark);
    if (how == ENCODING_UTF8)
        return (source_text){body, NULL};
    u8 *out = mem_alloc(body.len * 3), *end = out;
    if (how == ENCODING_ANSI) {
        end = text_ansi(out, body);
    } else if (how == ENCODING_UTF16_LE) {
        end = text_utf16(out, body);
    } else {
        size_t even = body.len & ~(size_t)1;
        u8 *swapped = mem_alloc(even);
        for (size_t i = 0; i < even; i += 2) {
            swapped[i] = body.at[i + 1];
            swapped[i + 1] = body.at[i];
        }
        end = text_utf16(out, (span){swapped, even});
        mem_free(swapped);
    }
    return (source_text){{out, (size_t)(end - out)}, out};
}

void source_text_free(source_text *text)
{
    mem_free(text->owned);
    *text = (source_text){0};
}

size_t source_text_head(span head, char *out, size_t capacity)
{
    size_t len = 0;
    for (size_t i = 0; i < head.len && len < capacity; i++)
        if (head.at[i])
            out[len++] = (char)head.at[i];
    return len;
}

bool source_path_ends(const char *path, const char *suffix)
{
    size_t len = path ? strlen(path) : 0, tail = strlen(suffix);
    return len >= tail && strcasecmp(path + len - tail, suffix) == 0;
}

const char *source_path_base(const char *path)
{
    const char *base = path ? path : "";
    for (const char *p = base; *p; p++)
        if (*p == '/' || *p == '\\')
            base = p + 1;
    return base;
}

// ---------------------------------------------------------------------------------------------- builds

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static size_t run_length(const char *p, bool (*is)(char))
{
    size_t len = 0;
    while (is(p[len]))
        len++;
    return len;
}

// Five digits since Windows 10; before, the builds that shipped.
static u32 build_of_digits(const char *p, size_t len)
{
    static const u32 SHIPPED[] = {2195, 2600, 3790, 6000, 6001, 6002, 6003, 7600, 7601, 9200, 9600};
    u32 value = 0;
    if (len != 4 && len != 5)
        return 0;
    for (size_t i = 0; i < len; i++)
        value = value * 10 + (u32)(p[i] - '0');
    if (len == 5)
        return value >= 10240 ? value : 0;
    for (size_t i = 0; i < COUNT_OF(SHIPPED); i++)
        if (SHIPPED[i] == value)
            return value;
    return 0;
}

// Words that may stand between "Windows" and its build.
static bool word_passes(const char *p, size_t len)
{
    static const char *const WORDS[] = {"dows", "server",  "build", "pro", "home",    "enterprise", "ent", "edu",
                                        "v",    "version", "r",     "h",   "insider", "preview",    "os",  "x"};
    for (size_t i = 0; i < COUNT_OF(WORDS); i++)
        if (strlen(WORDS[i]) == len && strncasecmp(p, WORDS[i], len) == 0)
            return true;
    return false;
}

static u32 build_behind(const char *p)
{
    while (*p && *p != '/' && *p != '\\') {
        size_t digits = run_length(p, is_digit), letters = run_length(p, is_letter);
        u32 build = build_of_digits(p, digits);
        if (build)
            return build;
        if (letters && !word_passes(p, letters))
            return 0;
        p += digits + letters ? digits + letters : 1;
    }
    return 0;
}

u32 source_os_build(const char *path)
{
    u32 found = 0;
    for (const char *p = path ? path : ""; *p; p++) {
        bool starts = p == path || !is_letter(p[-1]);
        size_t skip = 0;
        if (starts && strncasecmp(p, "win", 3) == 0)
            skip = 3;
        else if (starts && strncasecmp(p, "build", 5) == 0)
            skip = 5;
        else if (strncmp(p, "10.0.", 5) == 0 && (p == path || !is_digit(p[-1])))
            skip = 5;
        u32 build = skip ? build_behind(p + skip) : 0;
        if (build)
            found = build;
    }
    return found;
}
