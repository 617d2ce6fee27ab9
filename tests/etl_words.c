// Splits a trace description into words and reads single words. See etl_words.h.

#include "etl_words.h"

#include <ctype.h>
#include <stdlib.h>

// ---------------------------------------------------------------------------------------------- lines

static const char *line_end(const words_reader *r)
{
    const char *p = r->at;
    while (p < r->end && *p != '\n')
        p++;
    return p;
}

static void line_skip(words_reader *r)
{
    r->at = line_end(r);
    if (r->at < r->end)
        r->at++;
    r->line++;
}

static bool line_is_empty(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\r'))
        p++;
    return p == end || *p == '#';
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

// The end of the word that begins at p: quotes and braces hold blanks together.
static const char *word_end(const char *p, const char *end, error *e)
{
    unsigned depth = 0;
    bool quoted = false;
    for (; p < end; p++) {
        if (quoted) {
            if (*p == '\\' && p + 1 < end)
                p++;
            else if (*p == '"')
                quoted = false;
        } else if (*p == '"') {
            quoted = true;
        } else if (*p == '{') {
            depth++;
        } else if (*p == '}' && depth) {
            depth--;
        } else if (is_blank(*p) && depth == 0) {
            break;
        }
    }
    if (quoted || depth)
        error_set(e, "a %s is never closed", quoted ? "quote" : "brace");
    return quoted || depth ? NULL : p;
}

// The verbs that are nothing but bytes do without the word `payload`.
static bool bare_is_atom(const char *verb)
{
    return strcmp(verb, "raw") == 0 || strcmp(verb, "bytes") == 0 || strcmp(verb, "patch") == 0;
}

static bool word_keep(words *out, const char *p, const char *end, bool payload, error *e)
{
    const char *text = arena_text_len(out->memory, p, (size_t)(end - p));
    if (payload) {
        if (out->atom_count == WORDS_MOST)
            return error_set(e, "more than %d payload words", WORDS_MOST);
        out->atoms[out->atom_count++] = text;
        return true;
    }
    if (out->key_count == WORDS_MOST)
        return error_set(e, "more than %d words", WORDS_MOST);
    const char *equals = text;
    while (isalnum((unsigned char)*equals) || *equals == '-')
        equals++;
    word *w = &out->keys[out->key_count++];
    *w = (word){.value = text};
    if (*equals == '=') {
        *w = (word){.key = arena_text_len(out->memory, text, (size_t)(equals - text)), .value = equals + 1};
    } else if (bare_is_atom(out->verb)) {
        out->key_count--;
        return word_keep(out, p, end, true, e);
    }
    return true;
}

static bool words_split(words *out, const char *p, const char *end, error *e)
{
    bool payload = false;
    while (p < end) {
        if (is_blank(*p)) {
            p++;
            continue;
        }
        const char *stop = word_end(p, end, e);
        if (!stop)
            return false;
        size_t len = (size_t)(stop - p);
        if (!out->verb)
            out->verb = arena_text_len(out->memory, p, len);
        else if (len == 7 && memcmp(p, "payload", 7) == 0 && !payload)
            payload = true;
        else if (!word_keep(out, p, stop, payload, e))
            return false;
        p = stop;
    }
    return true;
}

static bool block_read(words_reader *r, words *out, error *e)
{
    const char *start = r->at;
    while (r->at < r->end) {
        const char *line = r->at, *stop = line_end(r);
        line_skip(r);
        if (stop - line == 3 && memcmp(line, "end", 3) == 0) {
            out->block = arena_text_len(out->memory, start, (size_t)(line - start));
            return true;
        }
    }
    return error_set(e, "the text block has no line `end`");
}

bool words_next(words_reader *r, words *out, arena *memory, error *e)
{
    *out = (words){.memory = memory};
    e->message[0] = 0;
    while (r->at < r->end && line_is_empty(r->at, line_end(r)))
        line_skip(r);
    if (r->at >= r->end || (r->end - r->at >= 3 && memcmp(r->at, "---", 3) == 0))
        return false;
    out->line = r->line;
    // Continuation lines; comments and empty lines between them are taken out.
    outbuf text = {0};
    do {
        if (!line_is_empty(r->at, line_end(r)))
            outbuf_add(&text, r->at, (size_t)(line_end(r) - r->at));
        outbuf_add(&text, " ", 1);
        line_skip(r);
    } while (r->at < r->end && (line_is_empty(r->at, line_end(r)) || *r->at == ' ' || *r->at == '\t'));
    bool good = words_split(out, (const char *)text.bytes, (const char *)text.bytes + text.len, e);
    outbuf_free(&text);
    if (good && strcmp(out->verb, "text") == 0)
        good = block_read(r, out, e);
    return good;
}

const char *words_get(words *w, const char *key)
{
    const char *value = NULL;
    for (size_t i = 0; i < w->key_count; i++) {
        if (w->keys[i].key && strcmp(w->keys[i].key, key) == 0) {
            w->keys[i].used = true;
            value = w->keys[i].value;
        }
    }
    return value;
}

bool words_all_used(const words *w, error *e)
{
    for (size_t i = 0; i < w->key_count; i++) {
        const word *k = &w->keys[i];
        if (!k->used)
            return error_set(e, "%s does not know the word %s%s%s", w->verb, k->key ? k->key : "", k->key ? "=" : "",
                             k->value);
    }
    return true;
}

// ---------------------------------------------------------------------------------------------- single words

bool word_number(const char *text, u64 *value, error *e)
{
    const char *p = text;
    bool negative = *p == '-';
    p += negative || *p == '+';
    char *stop;
    if (!isdigit((unsigned char)*p))
        return error_set(e, "%s is no number", text);
    u64 v = strtoull(p, &stop, p[0] == '0' && (p[1] == 'x' || p[1] == 'X') ? 16 : 10);
    if (*stop)
        return error_set(e, "%s is no number", text);
    *value = negative ? (u64)0 - v : v;
    return true;
}

bool word_guid(const char *text, guid *value, error *e)
{
    size_t len = strlen(text);
    if (len >= 64 || !guid_from_text(text, len, value))
        return error_set(e, "%s is no GUID", text);
    return true;
}

// Days from 1601-01-01 to a date of the proleptic Gregorian calendar.
static i64 days_since_1601(i64 year, i64 month, i64 day)
{
    static const i64 before[12] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    i64 y = year - 1, leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    i64 days = y * 365 + y / 4 - y / 100 + y / 400 - (1600 * 365 + 1600 / 4 - 1600 / 100 + 1600 / 400);
    return days + before[month - 1] + (leap && month > 2) + day - 1;
}

bool word_time(const char *text, i64 *filetime, error *e)
{
    i64 field[6];
    static const char after[] = "--T::";
    const char *p = *text == '"' ? text + 1 : text;
    for (size_t i = 0; i < 6; i++) {
        if (!isdigit((unsigned char)*p))
            return error_set(e, "%s is no time such as 2024-05-01T10:00:00.0000000Z", text);
        char *stop;
        field[i] = strtol(p, &stop, 10);
        p = stop;
        if (i < 5 && *p++ != after[i])
            return error_set(e, "%s is no time such as 2024-05-01T10:00:00.0000000Z", text);
    }
    if (field[1] < 1 || field[1] > 12 || field[0] > 9999)
        return error_set(e, "%s has no such month or year", text);
    i64 value = days_since_1601(field[0], field[1], field[2]) * 24 + field[3];
    value = ((value * 60 + field[4]) * 60 + field[5]) * 10000000;
    if (*p == '.') {
        i64 unit = 1000000;
        for (p++; isdigit((unsigned char)*p); p++, unit /= 10)
            value += unit * (*p - '0');
    }
    *filetime = value;
    return true;
}

bool word_hex(const char *text, outbuf *to, error *e)
{
    unsigned half = 0, value = 0;
    for (const char *p = text; *p; p++) {
        if (*p == '"' || *p == '-' || *p == ' ' || *p == '\n' || *p == '_')
            continue;
        if (!isxdigit((unsigned char)*p))
            return error_set(e, "%s is not hex", text);
        unsigned digit = (unsigned)(*p <= '9' ? *p - '0' : (*p | 0x20) - 'a' + 10);
        value = value << 4 | digit;
        if (++half == 2) {
            put_u8(to, (u8)value);
            half = value = 0;
        }
    }
    return half ? error_set(e, "%s has half a byte", text) : true;
}

bool word_sid(const char *text, outbuf *to, error *e)
{
    const char *p = *text == '"' ? text + 1 : text;
    u64 part[17] = {0};
    size_t count = 0;
    if (strncmp(p, "S-1-", 4) != 0)
        return error_set(e, "%s is no SID", text);
    for (p += 3; *p == '-' && count < COUNT_OF(part);) {
        char *stop;
        part[count++] = strtoull(p + 1, &stop, p[1] == '0' && p[2] == 'x' ? 16 : 10);
        p = stop;
    }
    if (count < 1 || (*p && *p != '"'))
        return error_set(e, "%s is no SID", text);
    put_u8(to, 1);
    put_u8(to, (u8)(count - 1));
    for (unsigned shift = 48; shift; shift -= 8)
        put_u8(to, (u8)(part[0] >> (shift - 8) & 0xff));
    for (size_t i = 1; i < count; i++)
        put_u32(to, (u32)part[i]);
    return true;
}

static bool escape_take(const char **p, char *out)
{
    static const char from[] = "nrt0\\\"", to[] = "\n\r\t\0\\\"";
    const char *found = strchr(from, **p);
    if (**p == 'x' && isxdigit((unsigned char)(*p)[1]) && isxdigit((unsigned char)(*p)[2])) {
        char digits[3] = {(*p)[1], (*p)[2], 0};
        *out = (char)strtoul(digits, NULL, 16);
        *p += 3;
        return true;
    }
    if (!**p || !found)
        return false;
    *out = to[found - from];
    *p += 1;
    return true;
}

bool word_text(arena *memory, const char *text, const char **value, size_t *len, error *e)
{
    size_t most = strlen(text), at = 0;
    char *out = arena_take(memory, most + 1);
    if (*text != '"') {
        memcpy(out, text, most);
        *value = out;
        *len = most;
        return true;
    }
    for (const char *p = text + 1; *p;) {
        if (*p == '"') {
            if (p[1])
                return error_set(e, "something follows the closing quote of %s", text);
            *value = out;
            *len = at;
            return true;
        }
        if (*p != '\\') {
            out[at++] = *p++;
            continue;
        }
        p++;
        if (!escape_take(&p, &out[at++]))
            return error_set(e, "%s has an unknown escape", text);
    }
    return error_set(e, "%s has no closing quote", text);
}

bool word_bool(const char *text, bool *value, error *e)
{
    bool yes = strcmp(text, "yes") == 0 || strcmp(text, "true") == 0 || strcmp(text, "1") == 0;
    if (!yes && strcmp(text, "no") != 0 && strcmp(text, "false") != 0 && strcmp(text, "0") != 0)
        return error_set(e, "%s is neither yes nor no", text);
    *value = yes;
    return true;
}

bool words_number(words *w, const char *key, u64 *value, error *e)
{
    const char *text = words_get(w, key);
    return !text || word_number(text, value, e);
}

static bool words_up_to(words *w, const char *key, u64 most, u64 *value, bool *there, error *e)
{
    const char *text = words_get(w, key);
    *there = text != NULL;
    if (!text)
        return true;
    if (!word_number(text, value, e))
        return false;
    u64 v = *text == '-' ? (u64)0 - *value - 1 : *value;
    return v <= most || error_set(e, "%s=%s is too large", key, text);
}

bool words_u32(words *w, const char *key, u32 *value, error *e)
{
    u64 v;
    bool there;
    if (!words_up_to(w, key, UINT32_MAX, &v, &there, e))
        return false;
    if (there)
        *value = (u32)(v & UINT32_MAX);
    return true;
}

bool words_u16(words *w, const char *key, u16 *value, error *e)
{
    u64 v;
    bool there;
    if (!words_up_to(w, key, UINT16_MAX, &v, &there, e))
        return false;
    if (there)
        *value = (u16)(v & UINT16_MAX);
    return true;
}

bool words_u8(words *w, const char *key, u8 *value, error *e)
{
    u64 v;
    bool there;
    if (!words_up_to(w, key, UINT8_MAX, &v, &there, e))
        return false;
    if (there)
        *value = (u8)(v & UINT8_MAX);
    return true;
}

bool words_guid(words *w, const char *key, guid *value, error *e)
{
    const char *text = words_get(w, key);
    return !text || word_guid(text, value, e);
}

bool words_time(words *w, const char *key, i64 *value, error *e)
{
    const char *text = words_get(w, key);
    u64 number;
    if (text && isdigit((unsigned char)*text) && !strchr(text, '-')) {
        if (!word_number(text, &number, e))
            return false;
        *value = (i64)number;
        return true;
    }
    return !text || word_time(text, value, e);
}

bool words_text(words *w, const char *key, const char **value, error *e)
{
    const char *text = words_get(w, key);
    size_t len;
    return !text || word_text(w->memory, text, value, &len, e);
}

bool words_bool(words *w, const char *key, bool *value, error *e)
{
    const char *text = words_get(w, key);
    return !text || word_bool(text, value, e);
}

bool word_ticks(const char *text, const etl_trace *trace, u64 *ticks, error *e)
{
    static const struct {
        const char *unit;
        u64 a_second;
    } units[] = {{"ns", 1000000000}, {"us", 1000000}, {"ms", 1000}, {"s", 1}};
    if (*text != '+' && *text != '-')
        return word_number(text, ticks, e);
    char *stop;
    u64 amount = strtoull(text + 1, &stop, 10), per = 0;
    if (!isdigit((unsigned char)text[1]))
        return error_set(e, "%s is no time", text);
    for (size_t i = 0; i < COUNT_OF(units); i++) {
        if (strcmp(stop, units[i].unit) == 0)
            per = units[i].a_second;
    }
    if (!per && *stop)
        return error_set(e, "%s is no time: ns, us, ms and s are the units", text);
    // Whole seconds apart, so that nothing overflows; what is left over of a tick is dropped.
    u64 delta = per ? amount / per * trace->frequency + amount % per * trace->frequency / per : amount;
    *ticks = *text == '+' ? trace->first_tick + delta : trace->first_tick - delta;
    return true;
}

i64 ticks_to_filetime(const etl_trace *trace, u64 ticks)
{
    bool before = ticks < trace->first_tick;
    u64 d = before ? trace->first_tick - ticks : ticks - trace->first_tick, f = trace->frequency ? trace->frequency : 1;
    i64 passed = (i64)(d / f * 10000000 + d % f * 10000000 / f);
    return before ? trace->start - passed : trace->start + passed;
}
