#include "schema/mof/mof.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/limits.h"
#include "base/outbuf.h"

typedef enum token_kind { TOKEN_END, TOKEN_WORD, TOKEN_TEXT, TOKEN_NUMBER, TOKEN_SIGN } token_kind;

typedef struct reader {
    cursor at;
    arena *a;
    outbuf text; // of the token, where it is a text
    token_kind kind;
    span raw; // of the token, where it is a word or a number
    char sign;
    u32 line;
} reader;

// ---------------------------------------------------------------------------------------------- tokens

static u8 peek_byte(const reader *r, size_t ahead)
{
    return cursor_left(&r->at) > ahead ? r->at.at[ahead] : 0;
}

static u8 next_byte(reader *r)
{
    u8 c = take_u8(&r->at);
    r->line += c == '\n';
    return c;
}

static void skip_comment(reader *r)
{
    while (cursor_left(&r->at) && !(peek_byte(r, 0) == '*' && peek_byte(r, 1) == '/'))
        (void)next_byte(r);
    (void)take(&r->at, cursor_left(&r->at) < 2 ? cursor_left(&r->at) : 2);
}

// Blanks, comments and pragmas; bytes that are no text (a NUL) count as blanks.
static void skip_blanks(reader *r)
{
    while (cursor_left(&r->at)) {
        u8 c = peek_byte(r, 0), after = peek_byte(r, 1);
        if (c == '#' || (c == '/' && after == '/')) {
            while (cursor_left(&r->at) && peek_byte(r, 0) != '\n')
                (void)next_byte(r);
        } else if (c == '/' && after == '*') {
            skip_comment(r);
        } else if (c <= ' ') {
            (void)next_byte(r);
        } else {
            return;
        }
    }
}

static bool word_byte(u8 c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c >= 0x80;
}

static void read_text(reader *r)
{
    (void)next_byte(r);
    while (cursor_left(&r->at) && peek_byte(r, 0) != '"') {
        u8 c = next_byte(r);
        if (c == '\\' && cursor_left(&r->at)) {
            c = next_byte(r);
            c = c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c;
        }
        if (c && r->text.len < LIMIT_MESSAGE_BYTES)
            outbuf_add(&r->text, &c, 1);
    }
    if (cursor_left(&r->at))
        (void)next_byte(r);
}

static void advance(reader *r)
{
    skip_blanks(r);
    r->text.len = 0;
    if (!cursor_left(&r->at)) {
        r->kind = TOKEN_END;
        return;
    }
    u8 c = peek_byte(r, 0);
    if (c == '"') {
        // Texts side by side are one.
        for (r->kind = TOKEN_TEXT; peek_byte(r, 0) == '"'; skip_blanks(r))
            read_text(r);
    } else if (word_byte(c) || c == '-') {
        const u8 *from = r->at.at;
        do
            (void)next_byte(r);
        while (cursor_left(&r->at) && word_byte(peek_byte(r, 0)));
        r->kind = (c >= '0' && c <= '9') || c == '-' ? TOKEN_NUMBER : TOKEN_WORD;
        r->raw = (span){from, (size_t)(r->at.at - from)};
    } else {
        r->kind = TOKEN_SIGN;
        r->sign = (char)next_byte(r);
    }
}

static bool at_sign(const reader *r, char sign)
{
    return r->kind == TOKEN_SIGN && r->sign == sign;
}

static bool take_sign(reader *r, char sign)
{
    bool there = at_sign(r, sign);
    if (there)
        advance(r);
    return there;
}

static bool at_word(const reader *r, const char *word)
{
    return r->kind == TOKEN_WORD && r->raw.len == strlen(word) &&
           strncasecmp((const char *)r->raw.at, word, r->raw.len) == 0;
}

// A copy of the token's text, cut where no name is longer.
static const char *keep_token(reader *r)
{
    if (r->kind == TOKEN_TEXT)
        return arena_text_len(r->a, (const char *)r->text.bytes, r->text.len);
    if (r->kind == TOKEN_SIGN || r->kind == TOKEN_END)
        return "";
    size_t len = r->raw.len < LIMIT_NAME_BYTES ? r->raw.len : LIMIT_NAME_BYTES;
    while (len && len < r->raw.len && (r->raw.at[len] & 0xc0) == 0x80)
        len--;
    return arena_text_len(r->a, (const char *)r->raw.at, len);
}

// ---------------------------------------------------------------------------------------------- qualifiers

// (value) or {value, value …}.
static mof_list read_values(reader *r)
{
    char close = at_sign(r, '(') ? ')' : at_sign(r, '{') ? '}' : 0;
    const char **items = NULL;
    u32 count = 0, cap = 0;
    if (!close)
        return (mof_list){0};
    advance(r);
    for (; r->kind != TOKEN_END && !at_sign(r, close); advance(r)) {
        if (r->kind == TOKEN_SIGN || count >= LIMIT_MAP_ENTRIES)
            continue;
        GROW(items, count, cap);
        items[count++] = keep_token(r);
    }
    advance(r);
    mof_list list = {arena_array(r->a, const char *, count), count};
    if (count)
        memcpy(list.items, items, count * sizeof(*items));
    mem_free(items);
    return list;
}

// [name, name(value), name{value, …} : flavour …, …]
static const mof_qualifier *read_qualifiers(reader *r)
{
    mof_qualifier *first = NULL, **end = &first;
    if (!take_sign(r, '['))
        return NULL;
    while (r->kind != TOKEN_END && !at_sign(r, ']')) {
        if (r->kind != TOKEN_WORD) {
            advance(r);
            continue;
        }
        mof_qualifier *q = arena_new(r->a, mof_qualifier);
        q->name = keep_token(r);
        advance(r);
        q->values = read_values(r);
        *end = q;
        end = &q->next;
        // Flavours (": amended") say nothing about layout.
        if (take_sign(r, ':'))
            while (r->kind == TOKEN_WORD)
                advance(r);
    }
    advance(r);
    return first;
}

const mof_list *mof_qualifier_find(const mof_qualifier *list, const char *name)
{
    for (; list; list = list->next)
        if (strcasecmp(list->name, name) == 0)
            return &list->values;
    return NULL;
}

const char *mof_qualifier_text(const mof_qualifier *list, const char *name)
{
    const mof_list *values = mof_qualifier_find(list, name);
    return values && values->count ? values->items[0] : NULL;
}

u64 mof_number(const char *text)
{
    return text ? strtoull(text, NULL, 0) : 0;
}

// ---------------------------------------------------------------------------------------------- classes

// type name[elements] = default;
static mof_field *read_field(reader *r, const mof_qualifier *qualifiers)
{
    mof_field *f = arena_new(r->a, mof_field);
    f->qualifiers = qualifiers;
    f->line = r->line;
    f->type = keep_token(r);
    advance(r);
    if (at_word(r, "ref")) // a reference to an object of that class; no event has one
        advance(r);
    f->name = keep_token(r);
    advance(r);
    if (take_sign(r, '[')) {
        u64 claimed_elements = r->kind == TOKEN_NUMBER ? mof_number(keep_token(r)) : 0;
        f->elements = claimed_elements > LIMIT_ARRAY_ELEMENTS ? LIMIT_ARRAY_ELEMENTS : (u32)claimed_elements;
        f->is_array = true;
    }
    while (r->kind != TOKEN_END && !at_sign(r, ';') && !at_sign(r, '}'))
        advance(r);
    (void)take_sign(r, ';');
    return f;
}

static mof_class *read_class(reader *r, const mof_qualifier *qualifiers)
{
    mof_class *c = arena_new(r->a, mof_class);
    mof_field **end = &c->fields;
    u32 count = 0;
    c->qualifiers = qualifiers;
    c->line = r->line;
    c->name = keep_token(r);
    advance(r);
    if (take_sign(r, ':')) {
        c->base = keep_token(r);
        advance(r);
    }
    if (!take_sign(r, '{'))
        return c;
    while (r->kind != TOKEN_END && !at_sign(r, '}')) {
        const mof_qualifier *own = read_qualifiers(r);
        if (r->kind != TOKEN_WORD) {
            if (!at_sign(r, '}') && !at_sign(r, '['))
                advance(r);
            continue;
        }
        mof_field *f = read_field(r, own);
        if (count++ >= LIMIT_PROPERTIES)
            continue;
        *end = f;
        end = &f->next;
    }
    (void)take_sign(r, '}');
    return c;
}

mof_class *mof_read(span text, arena *a, bool *is_cut)
{
    reader r = {.at = cursor_over(text), .a = a, .line = 1};
    mof_class *first = NULL, **end = &first;
    u32 count = 0;
    advance(&r);
    *is_cut = false;
    while (r.kind != TOKEN_END && !*is_cut) {
        const mof_qualifier *qualifiers = read_qualifiers(&r);
        if (!at_word(&r, "class")) {
            if (!at_sign(&r, '['))
                advance(&r);
            continue;
        }
        *is_cut = count >= LIMIT_MOF_CLASSES;
        if (*is_cut)
            break;
        advance(&r);
        *end = read_class(&r, qualifiers);
        end = &(*end)->next;
        count++;
    }
    outbuf_free(&r.text);
    return first;
}
