// WPP format strings: cut into tokens, and translated to the message syntax of manifests.
//
// Called by wpp_reader.c only. A format string is what a driver's author wrote, run through the WPP preprocessor:
// printf conversions have become %10!d! and so on. The output never holds a percent sign its reader could take for
// something else.
#include "schema/wpp/wpp.h"

#include <strings.h>

#include "base/bisect.h"
#include "base/limits.h"
#include "base/outbuf.h"

enum {
    SPEC_BYTES = 15, // "-#012.34I64x" is as long as conversions get
    NAME_BYTES = 64,
};

// ---------------------------------------------------------------------------------------------- tokens

// "s!" of "%10!s!", without the mark. Empty where what stands there is no printf conversion, but text.
static span spec_of(span behind_mark)
{
    size_t len = 0;
    while (len < behind_mark.len && len <= SPEC_BYTES && behind_mark.at[len] != '!') {
        u8 c = behind_mark.at[len];
        bool flag = c == '-' || c == '+' || c == '#' || c == '.' || c == '*' || (c == ' ' && len == 0);
        if (!flag && !(slice_word(c) && c != '_'))
            return slice_of("");
        len++;
    }
    if (len == 0 || len > SPEC_BYTES || len >= behind_mark.len)
        return slice_of("");
    u8 conversion = behind_mark.at[len - 1];
    bool letter = slice_word(conversion) && (conversion < '0' || conversion > '9');
    return letter ? slice_before(behind_mark, len) : slice_of("");
}

static size_t insert_token(span s, wpp_token *out)
{
    size_t digits = 1;
    u32 number = 0;
    while (digits < s.len && digits <= 4 && s.at[digits] >= '0' && s.at[digits] <= '9') {
        number = number * 10 + (u32)(s.at[digits] - '0');
        digits++;
    }
    out->kind = WPP_INSERT;
    out->number = number;
    if (digits < s.len && s.at[digits] == '!')
        out->spec = spec_of(span_from(s, digits + 1));
    if (out->spec.len)
        return digits + out->spec.len + 2;
    for (; digits > 3; digits--) // FormatMessage reads two digits; more are possible only where marks end them
        out->number /= 10;
    return digits;
}

static size_t name_token(span s, wpp_token *out)
{
    size_t len = 0;
    while (2 + len < s.len && len < NAME_BYTES && slice_word(s.at[2 + len]))
        len++;
    if (len == 0 || 2 + len >= s.len || s.at[2 + len] != '!') {
        out->kind = WPP_ESCAPE;
        return 2;
    }
    out->kind = slice_same_word((span){s.at + 2, len}, "STDPREFIX") ? WPP_PREFIX : WPP_NAME;
    return len + 3;
}

bool wpp_token_next(span *rest, wpp_token *out)
{
    span s = *rest;
    if (!s.len)
        return false;
    *out = (wpp_token){.kind = WPP_TEXT, .spec = slice_of("")};
    size_t len;
    u8 c = s.len > 1 ? s.at[1] : 0;
    if (s.at[0] != '%') {
        const u8 *percent = memchr(s.at, '%', s.len);
        len = percent ? (size_t)(percent - s.at) : s.len;
    } else if (c >= '1' && c <= '9') {
        len = insert_token(s, out);
    } else if (c == '!') {
        len = name_token(s, out);
    } else if (c == '0') {
        out->kind = WPP_PREFIX;
        len = 2;
    } else if (c != 0 && strchr("ntbr.", c)) {
        out->kind = WPP_ESCAPE;
        len = 2;
    } else {
        out->kind = WPP_PERCENT;
        len = c == '%' ? 2 : 1;
    }
    out->text = slice_before(s, len);
    if (out->kind == WPP_NAME)
        out->text = (span){s.at + 2, len - 3};
    *rest = span_from(s, len);
    return true;
}

// ---------------------------------------------------------------------------------------------- trailing comments

// Where the next KEY= starts at or after `from`; comment.len where none does.
static size_t key_find(span comment, size_t from, size_t *key_len)
{
    for (size_t at = from; at < comment.len; at++) {
        if ((at > 0 && !slice_blank(comment.at[at - 1])) || comment.at[at] < 'A' || comment.at[at] > 'Z')
            continue;
        size_t len = 1;
        while (at + len < comment.len && slice_word(comment.at[at + len]))
            len++;
        if (at + len < comment.len && comment.at[at + len] == '=') {
            *key_len = len;
            return at;
        }
        at += len - 1;
    }
    return comment.len;
}

void wpp_trailer_read(span comment, wpp_trailer *out)
{
    while (comment.len && (comment.at[0] == '/' || slice_blank(comment.at[0])))
        comment = span_from(comment, 1);
    size_t len = 0;
    size_t at = key_find(comment, 0, &len);
    out->count = 0;
    while (at < comment.len && out->count < WPP_TRAILER_PAIRS) {
        size_t key = at, key_len = len, value = at + len + 1;
        at = key_find(comment, value, &len);
        out->pairs[out->count].key = (span){comment.at + key, key_len};
        out->pairs[out->count++].value = slice_trim((span){comment.at + value, at - value});
    }
}

span wpp_trailer_find(const wpp_trailer *trailer, span key)
{
    for (u32 i = 0; i < trailer->count; i++)
        if (trailer->pairs[i].key.len == key.len &&
            strncasecmp((const char *)trailer->pairs[i].key.at, (const char *)key.at, key.len) == 0)
            return trailer->pairs[i].value;
    return slice_of("");
}

// ---------------------------------------------------------------------------------------------- translation

// WPP's own parameters and how their names are written (defaultwpp.ini). Those without a form are known here, the
// others are of the record's header.
typedef struct own_parameter {
    const char *name;
    u32 number;
    const char *form;
} own_parameter;

static const own_parameter OWN_PARAMETERS[] = {
    {"MOD", 1, NULL},  {"TYP", 2, NULL},  {"TID", 3, "x"}, {"NOW", 4, "s"}, {"TIMESTAMP", 4, "s"},
    {"KTIME", 5, "u"}, {"UTIME", 6, "u"}, {"SEQ", 7, "x"}, {"PID", 8, "x"}, {"CPU", 9, "x"},
};

static void add_literal(outbuf *out, span text)
{
    for (size_t i = 0; i < text.len; i++) {
        u8 c = text.at[i];
        if (c == '%' || c == '\n')
            outbuf_text(out, c == '%' ? "%%" : "%n");
        else if (c != '\r' && c != 0)
            outbuf_add(out, &c, 1);
    }
}

static span line_of_tag(span tag)
{
    size_t digits = 0;
    while (digits < tag.len && tag.at[tag.len - 1 - digits] >= '0' && tag.at[tag.len - 1 - digits] <= '9')
        digits++;
    return span_from(tag, tag.len - digits);
}

static void add_number(outbuf *out, u32 number)
{
    u8 digits[10];
    size_t len = sizeof(digits);
    for (; number; number /= 10)
        digits[--len] = (u8)('0' + number % 10);
    outbuf_add(out, digits + len, sizeof(digits) - len);
}

static void add_form(outbuf *out, span form)
{
    outbuf_text(out, "!");
    outbuf_add(out, form.at, form.len);
    outbuf_text(out, "!");
}

static bool add_own_parameter(outbuf *out, u32 number, span form, const wpp_facts *facts)
{
    if (number == 1 || number == 2) {
        span text = number == 1 ? facts->component : facts->tag;
        add_literal(out, text);
        return text.len > 0;
    }
    outbuf_text(out, "%#");
    add_number(out, number);
    add_form(out, form.len ? form : slice_of("s"));
    return true;
}

static bool add_name(outbuf *out, span name, const wpp_facts *facts)
{
    const struct {
        const char *name;
        span text;
    } known[] = {
        {"FUNC", facts->function}, {"LEVEL", facts->level},           {"FLAGS", facts->flags},
        {"FILE", facts->source},   {"LINE", line_of_tag(facts->tag)}, {"COMPNAME", facts->component},
        {"SPACE", slice_of(" ")},
    };
    for (size_t i = 0; i < COUNT_OF(known); i++) {
        if (slice_same_word(name, known[i].name) && known[i].text.len) {
            add_literal(out, known[i].text);
            return true;
        }
    }
    for (size_t i = 0; i < COUNT_OF(OWN_PARAMETERS); i++)
        if (slice_same_word(name, OWN_PARAMETERS[i].name))
            return add_own_parameter(out, OWN_PARAMETERS[i].number,
                                     slice_of(OWN_PARAMETERS[i].form ? OWN_PARAMETERS[i].form : ""), facts);
    span value = wpp_trailer_find(facts->trailer, name);
    if (!value.len)
        value = wpp_trailer_find(facts->guid_trailer, name);
    add_literal(out, value);
    return value.len > 0;
}

// The place of a parameter among the sorted indexes, from 1; 0 where there is none.
static u32 place_of(const u16 *indexes, u32 count, u32 number)
{
    u32 low;
    BISECT(low, 0, count, indexes[index_] < number);
    return low < count && indexes[low] == number ? low + 1 : 0;
}

static void add_insert(outbuf *out, const wpp_token *token, const wpp_facts *facts, const u16 *indexes, u32 count)
{
    u32 place = place_of(indexes, count, token->number);
    if (place) {
        outbuf_text(out, "%");
        add_number(out, place);
        add_form(out, token->spec.len ? token->spec : slice_of("s"));
    } else if (token->number >= WPP_FIRST_PARAMETER || !add_own_parameter(out, token->number, token->spec, facts)) {
        add_literal(out, token->text);
    }
}

static void add_token(outbuf *out, const wpp_token *token, const wpp_facts *facts, const u16 *indexes, u32 count)
{
    switch (token->kind) {
    case WPP_TEXT:
        add_literal(out, token->text);
        break;
    case WPP_PERCENT:
        outbuf_text(out, "%%");
        break;
    case WPP_PREFIX:
        break;
    case WPP_INSERT:
        add_insert(out, token, facts, indexes, count);
        break;
    case WPP_NAME:
        if (!add_name(out, token->text, facts)) {
            outbuf_text(out, "%%!");
            add_literal(out, token->text);
            outbuf_text(out, "!");
        }
        break;
    case WPP_ESCAPE:
        outbuf_add(out, token->text.at, token->text.len);
        break;
    }
}

const char *wpp_message_translate(arena *a, span format, const wpp_facts *facts, const u16 *indexes, u32 count,
                                  bool *cut)
{
    outbuf out = {0};
    wpp_token token;
    span rest = slice_trim(format);
    *cut = false;
    while (!*cut && wpp_token_next(&rest, &token)) {
        size_t before = out.len;
        add_token(&out, &token, facts, indexes, count);
        if (token.kind == WPP_PREFIX)
            while (rest.len && slice_blank(rest.at[0])) // they set the text off from the prefix
                rest = span_from(rest, 1);
        if (out.len > LIMIT_MESSAGE_BYTES) {
            out.len = before;
            *cut = true;
        }
    }
    const char *message = out.len ? arena_text_len(a, (const char *)out.bytes, out.len) : NULL;
    outbuf_free(&out);
    return message;
}
