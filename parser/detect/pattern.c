#include "detect/pattern.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fold.h"
#include "base/limits.h"
#include "detect/pattern_network.h"
#include "detect/pattern_regex.h"

// ---------------------------------------------------------------------------------------------- compiling

typedef enum coding { CODE_NONE, CODE_UTF16LE, CODE_UTF16BE, CODE_UTF16, CODE_BASE64, CODE_BASE64_OFFSET } coding;

typedef struct modifier {
    const char *name;
    enum { SAYS_PLACE, SAYS_KIND, SAYS_CODING, SAYS_ORDER, SAYS_FLAG } says;
    int value;
} modifier;

enum { PLACE_CONTAINS, PLACE_STARTS, PLACE_ENDS };
enum { FLAG_CASED = 0x1, FLAG_I = 0x2, FLAG_M = 0x4, FLAG_S = 0x8, FLAG_DASH = 0x10, FLAG_EXACT = 0x20 };

static const modifier MODIFIERS[] = {
    {"contains", SAYS_PLACE, PLACE_CONTAINS},
    {"startswith", SAYS_PLACE, PLACE_STARTS},
    {"endswith", SAYS_PLACE, PLACE_ENDS},
    {"re", SAYS_KIND, PATTERN_REGEX},
    {"cidr", SAYS_KIND, PATTERN_NETWORK},
    {"exists", SAYS_KIND, PATTERN_EXISTS},
    {"fieldref", SAYS_KIND, PATTERN_FIELD},
    {"lt", SAYS_ORDER, ORDER_LT},
    {"lte", SAYS_ORDER, ORDER_LE},
    {"gt", SAYS_ORDER, ORDER_GT},
    {"gte", SAYS_ORDER, ORDER_GE},
    {"cased", SAYS_FLAG, FLAG_CASED},
    {"exact", SAYS_FLAG, FLAG_EXACT},
    {"i", SAYS_FLAG, FLAG_I},
    {"m", SAYS_FLAG, FLAG_M},
    {"s", SAYS_FLAG, FLAG_S},
    {"windash", SAYS_FLAG, FLAG_DASH},
    {"utf16le", SAYS_CODING, CODE_UTF16LE},
    {"wide", SAYS_CODING, CODE_UTF16LE},
    {"utf16be", SAYS_CODING, CODE_UTF16BE},
    {"utf16", SAYS_CODING, CODE_UTF16},
    {"base64", SAYS_CODING, CODE_BASE64},
    {"base64offset", SAYS_CODING, CODE_BASE64_OFFSET},
};

static const modifier *modifier_named(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(MODIFIERS); i++)
        if (strcmp(MODIFIERS[i].name, name) == 0)
            return &MODIFIERS[i];
    return NULL;
}

bool pattern_modifier_is_known(const char *name)
{
    return modifier_named(name) != NULL;
}

// What all modifiers together come to.
typedef struct meaning {
    pattern_kind kind;
    unsigned flags;
    bool from, to; // anything may come before, after
    bool places, orders;
    number_order order;
    coding codings[4];
    u32 coding_count;
} meaning;

static bool read_modifiers(const pattern_source *s, meaning *m, error *e)
{
    *m = (meaning){.kind = s->is_null ? PATTERN_NULL : PATTERN_TEXT, .from = s->is_keyword, .to = s->is_keyword};
    for (u32 i = 0; i < s->modifier_count; i++) {
        const modifier *x = modifier_named(s->modifiers[i]);
        if (!x)
            return error_set(e, "the modifier '%s' is not known", s->modifiers[i]);
        switch (x->says) {
        case SAYS_PLACE:
            m->places = true;
            m->from |= x->value != PLACE_STARTS;
            m->to |= x->value != PLACE_ENDS;
            break;
        case SAYS_KIND:
            m->kind = (pattern_kind)x->value;
            break;
        case SAYS_ORDER:
            m->kind = PATTERN_ORDER;
            m->order = (number_order)x->value;
            break;
        case SAYS_FLAG:
            m->flags |= (unsigned)x->value;
            break;
        case SAYS_CODING:
            if (m->coding_count == COUNT_OF(m->codings))
                return error_set(e, "more than %zu encodings after each other", COUNT_OF(m->codings));
            m->codings[m->coding_count++] = (coding)x->value;
        }
    }
    bool is_regex = m->kind == PATTERN_REGEX;
    if ((m->flags & (FLAG_I | FLAG_M | FLAG_S)) && !is_regex)
        return error_set(e, "the modifiers i, m and s are for regular expressions, after 're'");
    if (m->coding_count && m->kind != PATTERN_TEXT)
        return error_set(e, "'%s' cannot be encoded", s->text);
    return true;
}

static bool is_word(u8 c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

// A dash or slash before a word: what begins an option.
static bool begins_option(const u8 *text, size_t at, size_t len)
{
    return (text[at] == '-' || text[at] == '/') && at + 1 < len && is_word(text[at + 1]) &&
           (at == 0 || !is_word(text[at - 1]));
}

static void add_piece(sigma_pattern *p, piece_kind kind)
{
    piece *last = p->piece_count ? &p->pieces[p->piece_count - 1] : NULL;
    if (kind != PIECE_ANY || !last || last->kind != PIECE_ANY)
        p->pieces[p->piece_count++] = (piece){.kind = kind};
}

static void add_byte(sigma_pattern *p, u8 **to, u8 byte)
{
    piece *last = p->piece_count ? &p->pieces[p->piece_count - 1] : NULL;
    if (!last || last->kind != PIECE_TEXT) {
        add_piece(p, PIECE_TEXT);
        last = &p->pieces[p->piece_count - 1];
        last->text = (span){*to, 0};
    }
    *(*to)++ = byte;
    last->text.len++;
}

// Wildcards are * and ?; a backslash before one of them, or before another backslash, makes it a plain character.
static void add_text(sigma_pattern *p, u8 *to, span text, unsigned flags)
{
    bool literal = flags & FLAG_EXACT;
    for (size_t i = 0; i < text.len; i++) {
        u8 c = text.at[i];
        bool escapes = c == '\\' && !literal && i + 1 < text.len && strchr("*?\\", text.at[i + 1]) && text.at[i + 1];
        if (escapes)
            add_byte(p, &to, text.at[++i]);
        else if (!literal && (c == '*' || c == '?'))
            add_piece(p, c == '*' ? PIECE_ANY : PIECE_ONE);
        else if ((flags & FLAG_DASH) && begins_option(text.at, i, text.len))
            add_piece(p, PIECE_DASH);
        else
            add_byte(p, &to, c);
    }
}

static size_t most_pieces(span text)
{
    size_t count = 3;
    for (size_t i = 0; i < text.len; i++)
        count += strchr("*?-/", text.at[i]) ? 2 : 0;
    return count;
}

static void choose_needle(arena *a, sigma_pattern *p)
{
    span best = {0};
    for (u32 i = 0; i < p->piece_count; i++)
        if (p->pieces[i].kind == PIECE_TEXT && p->pieces[i].text.len > best.len)
            best = p->pieces[i].text;
    p->needle = best;
    if (!p->cased || !best.len)
        return;
    u8 *folded = arena_take(a, best.len);
    text_fold(folded, best);
    p->needle.at = folded;
}

static void compile_text(arena *a, sigma_pattern *p, span text, const meaning *m)
{
    u8 *bytes = arena_take(a, text.len + 1);
    p->kind = PATTERN_TEXT;
    p->cased = m->flags & FLAG_CASED;
    p->pieces = arena_array(a, piece, most_pieces(text));
    if (m->from)
        add_piece(p, PIECE_ANY);
    add_text(p, bytes, text, m->flags);
    if (m->to)
        add_piece(p, PIECE_ANY);
    for (u32 i = 0; i < p->piece_count && !p->cased; i++)
        text_fold(bytes + (p->pieces[i].text.at ? p->pieces[i].text.at - bytes : 0), p->pieces[i].text);
    choose_needle(a, p);
}

// ---------------------------------------------------------------------------------------------- encodings

static span as_utf16(arena *a, span text, bool big_endian, bool mark)
{
    u8 *bytes = arena_take(a, 2 * text.len + 2), *p = bytes;
    if (mark) {
        *p++ = 0xff;
        *p++ = 0xfe;
    }
    for (size_t i = 0; i < text.len;) {
        u8 c = text.at[i];
        u32 more = c < 0x80 ? 0 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
        u32 letter = more == 0 ? c : c & (0x3fu >> more);
        for (i++; more && i < text.len; more--, i++)
            letter = letter << 6 | (text.at[i] & 0x3f);
        u32 units[2] = {letter, 0}, count = 1;
        if (letter > 0xffff) {
            units[0] = 0xd800 + ((letter - 0x10000) >> 10);
            units[count++] = 0xdc00 + ((letter - 0x10000) & 0x3ff);
        }
        for (u32 k = 0; k < count; k++) {
            *p++ = (u8)(big_endian ? units[k] >> 8 : units[k]);
            *p++ = (u8)(big_endian ? units[k] : units[k] >> 8);
        }
    }
    return (span){bytes, (size_t)(p - bytes)};
}

// `shift` bytes come before the text: what of the result does not depend on them, nor on what comes after.
static span as_base64(arena *a, span text, u32 shift, bool anywhere)
{
    static const char DIGITS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t len = text.len + shift;
    char *out = arena_take(a, len / 3 * 4 + 5);
    size_t n = 0;
    for (size_t i = 0; i < len; i += 3) {
        u8 three[3] = {0};
        for (size_t k = 0; k < 3 && i + k < len; k++)
            three[k] = i + k < shift ? 0 : text.at[i + k - shift];
        u32 bits = (u32)three[0] << 16 | (u32)three[1] << 8 | three[2];
        for (u32 k = 0; k < 4; k++)
            out[n++] = i + k > len ? '=' : DIGITS[bits >> (18 - 6 * k) & 63];
    }
    if (!anywhere)
        return (span){(u8 *)out, n};
    static const u8 FROM[] = {0, 2, 3}, CUT[] = {0, 3, 2};
    size_t from = FROM[shift], cut = CUT[len % 3];
    return n > from + cut ? (span){(u8 *)out + from, n - from - cut} : (span){(u8 *)out, 0};
}

// Base64 has no wildcards in it.
static bool is_encodable(span text)
{
    return !memchr(text.at, '*', text.len) && !memchr(text.at, '?', text.len);
}

static bool compile_encoded(arena *a, const pattern_source *s, const meaning *m, sigma_pattern *out, u32 *count,
                            error *e)
{
    span text = {(const u8 *)s->text, s->len};
    meaning plain = *m;
    u32 shifts = 1;
    bool is_text = false;
    if (!is_encodable(text))
        return error_set(e, "'%s' has wildcards, which cannot be encoded", s->text);
    plain.flags |= FLAG_EXACT | FLAG_CASED;
    for (u32 i = 0; i < m->coding_count; i++) {
        coding how = m->codings[i];
        if (is_text)
            return error_set(e, "nothing can follow base64");
        is_text = how == CODE_BASE64 || how == CODE_BASE64_OFFSET;
        if (how == CODE_BASE64_OFFSET)
            shifts = 3;
        else if (how == CODE_BASE64)
            text = as_base64(a, text, 0, false);
        else
            text = as_utf16(a, text, how == CODE_UTF16BE, how == CODE_UTF16);
    }
    if (!is_text)
        return error_set(e, "%s is for what base64 encodes, and no base64 follows it", s->modifiers[0]);
    for (u32 shift = 0; shift < shifts; shift++) {
        sigma_pattern *p = &out[(*count)++];
        span form = shifts == 3 ? as_base64(a, text, shift, true) : text;
        if (!form.len)
            return error_set(e, "'%s' is too short for base64offset", s->text);
        compile_text(a, p, form, &plain);
    }
    return true;
}

// ---------------------------------------------------------------------------------------------- kinds

static bool read_bool(const char *text, bool *out)
{
    *out = strcmp(text, "true") == 0 || strcmp(text, "True") == 0 || strcmp(text, "yes") == 0;
    return *out || strcmp(text, "false") == 0 || strcmp(text, "False") == 0 || strcmp(text, "no") == 0;
}

static bool read_number(const char *text, double *out)
{
    char *end;
    *out = strtod(text, &end);
    return end != text && !*end;
}

bool pattern_compile(arena *a, const pattern_source *s, sigma_pattern out[PATTERN_FORMS], u32 *count, error *e)
{
    meaning m;
    sigma_pattern *p = out;
    span text = {(const u8 *)s->text, s->len};
    *count = 0;
    memset(out, 0, PATTERN_FORMS * sizeof(*out));
    if (!read_modifiers(s, &m, e))
        return false;
    if (m.coding_count)
        return compile_encoded(a, s, &m, out, count, e);
    *count = 1;
    *p = (sigma_pattern){.kind = m.kind, .order = m.order, .from = m.from, .to = m.to, .cased = m.flags & FLAG_CASED};
    switch (m.kind) {
    case PATTERN_TEXT:
        compile_text(a, p, text, &m);
        return true;
    case PATTERN_REGEX:
        return regex_compile(&p->regex, text, m.flags & FLAG_I, m.flags & FLAG_M, m.flags & FLAG_S, e);
    case PATTERN_NETWORK:
        return network_read(s->text, p->network, &p->network_bits) ||
               error_set(e, "'%s' is not a network like 10.0.0.0/8", s->text);
    case PATTERN_ORDER:
        return read_number(s->text, &p->number) || error_set(e, "'%s' is not a number", s->text);
    case PATTERN_EXISTS:
        return read_bool(s->text, &p->exists) || error_set(e, "exists is true or false, not '%s'", s->text);
    case PATTERN_FIELD:
        p->name = s->text;
        return true;
    case PATTERN_NULL:
        return !m.places || error_set(e, "null has no beginning and no end");
    }
    return false;
}

void pattern_free(sigma_pattern *p)
{
    regex_free(p->regex);
}

u64 pattern_gave_up(const sigma_pattern *p)
{
    return p->regex ? regex_gave_up(p->regex) : 0;
}

// ---------------------------------------------------------------------------------------------- needles

span pattern_needle(const sigma_pattern *p)
{
    return p->needle;
}

answer pattern_at_needle(const sigma_pattern *p, size_t value_len, size_t at, size_t len)
{
    const piece *first = &p->pieces[0], *last = &p->pieces[p->piece_count - 1];
    bool from = first->kind == PIECE_ANY, to = last->kind == PIECE_ANY;
    if (p->cased || p->piece_count != 1u + from + to)
        return ANSWER_UNKNOWN; // there is more than the needle
    return (from || at == 0) && (to || at + len == value_len) ? ANSWER_TRUE : ANSWER_FALSE;
}

// ---------------------------------------------------------------------------------------------- matching

static size_t dash_length(span s)
{
    if (s.len && (s.at[0] == '-' || s.at[0] == '/'))
        return 1;
    // U+2013, U+2014, U+2015: the dashes
    return s.len > 2 && s.at[0] == 0xe2 && s.at[1] == 0x80 && s.at[2] >= 0x93 && s.at[2] <= 0x95 ? 3 : 0;
}

static size_t letter_length(span s)
{
    size_t len = s.len ? 1 : 0;
    while (len && len < s.len && (s.at[len] & 0xc0) == 0x80)
        len++;
    return len;
}

// How many bytes a piece takes at the beginning of s; SIZE_MAX: it does not fit.
static size_t piece_length(const piece *x, span s)
{
    size_t len;
    switch (x->kind) {
    case PIECE_TEXT:
        return x->text.len <= s.len && memcmp(x->text.at, s.at, x->text.len) == 0 ? x->text.len : SIZE_MAX;
    case PIECE_DASH:
        len = dash_length(s);
        return len ? len : SIZE_MAX;
    case PIECE_ONE:
        len = letter_length(s);
        return len ? len : SIZE_MAX;
    case PIECE_ANY:
        break;
    }
    return SIZE_MAX;
}

// The last * seen is the only one that may have to take more.
static bool pieces_match(const sigma_pattern *p, span s)
{
    u32 i = 0, star = UINT32_MAX;
    size_t at = 0, star_at = 0;
    for (;;) {
        if (i < p->piece_count && p->pieces[i].kind == PIECE_ANY) {
            star = i++;
            star_at = at;
            if (i == p->piece_count)
                return true;
            continue;
        }
        if (i == p->piece_count && at == s.len)
            return true;
        size_t len = i < p->piece_count ? piece_length(&p->pieces[i], span_from(s, at)) : SIZE_MAX;
        if (len != SIZE_MAX) {
            at += len;
            i++;
            continue;
        }
        if (star == UINT32_MAX || star_at >= s.len)
            return false;
        at = ++star_at;
        i = star + 1;
    }
}

static bool text_found(span in, span what, bool from, bool to)
{
    if (what.len > in.len)
        return false;
    size_t last = in.len - what.len;
    for (size_t at = to ? 0 : last; at <= (from ? last : 0); at++)
        if (memcmp(in.at + at, what.at, what.len) == 0)
            return true;
    return false;
}

static bool same_field(const sigma_pattern *p, const subject *s, const subject *other)
{
    span a = p->cased ? s->text : s->folded, b = p->cased ? other->text : other->folded;
    if (!p->from && !p->to)
        return a.len == b.len && memcmp(a.at, b.at, a.len) == 0;
    return b.len == 0 || text_found(a, b, p->from, p->to);
}

static bool number_of(const subject *s, double *out)
{
    char copy[32];
    *out = s->number;
    if (s->has_number || s->text.len >= sizeof(copy))
        return s->has_number;
    if (s->text.len)
        memcpy(copy, s->text.at, s->text.len);
    copy[s->text.len] = 0;
    return read_number(copy, out);
}

static bool in_order(const sigma_pattern *p, const subject *s)
{
    double number;
    if (!number_of(s, &number))
        return false;
    switch (p->order) {
    case ORDER_LT:
        return number < p->number;
    case ORDER_LE:
        return number <= p->number;
    case ORDER_GT:
        return number > p->number;
    case ORDER_GE:
        return number >= p->number;
    }
    return false;
}

static answer answer_of(bool is)
{
    return is ? ANSWER_TRUE : ANSWER_FALSE;
}

// Of a text whose beginning is not known: true where the pattern is about its end and that is there; false where that
// end begins with a backslash, as the known part does, and is not.
static answer answer_of_tail(const sigma_pattern *p, span text)
{
    if (p->piece_count != 2 || p->pieces[0].kind != PIECE_ANY || p->pieces[1].kind != PIECE_TEXT)
        return ANSWER_UNKNOWN;
    span end = p->pieces[1].text;
    if (end.len <= text.len && memcmp(text.at + text.len - end.len, end.at, end.len) == 0)
        return ANSWER_TRUE;
    return end.len <= text.len || end.at[0] == '\\' ? ANSWER_FALSE : ANSWER_UNKNOWN;
}

static answer answer_of_regex(const sigma_pattern *p, span text)
{
    bool gave_up, found = regex_found(p->regex, text, &gave_up);
    return gave_up ? ANSWER_UNKNOWN : answer_of(found);
}

answer pattern_answer(const sigma_pattern *p, const subject *s, const subject *other)
{
    if (s->kind == SUBJECT_UNKNOWN)
        return ANSWER_UNKNOWN;
    if (p->kind == PATTERN_EXISTS)
        return answer_of((s->kind == SUBJECT_TEXT) == p->exists);
    if (p->kind == PATTERN_NULL)
        return answer_of(s->kind == SUBJECT_NULL);
    if (s->kind == SUBJECT_NULL)
        return ANSWER_FALSE;
    if (s->tail)
        return p->kind == PATTERN_TEXT ? answer_of_tail(p, p->cased ? s->text : s->folded) : ANSWER_UNKNOWN;
    switch (p->kind) {
    case PATTERN_TEXT:
        return answer_of(pieces_match(p, p->cased ? s->text : s->folded));
    case PATTERN_REGEX:
        return answer_of_regex(p, s->text);
    case PATTERN_NETWORK:
        return answer_of(network_has(p->network, p->network_bits, s->text));
    case PATTERN_ORDER:
        return answer_of(in_order(p, s));
    case PATTERN_FIELD:
        if (!other || other->kind == SUBJECT_UNKNOWN)
            return ANSWER_UNKNOWN;
        return answer_of(other->kind == SUBJECT_TEXT && same_field(p, s, other));
    case PATTERN_NULL:
    case PATTERN_EXISTS:
        break;
    }
    return ANSWER_FALSE;
}
