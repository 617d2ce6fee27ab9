// Conditions: "selection and not 1 of filter_*", by recursive descent. Source: the Sigma rules specification 2,
// "Condition".
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "detect/rule_internal.h"

typedef struct parser {
    compilation *c;
    const char *at;
    char word[LIMIT_RULE_WORD];
} parser;

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

// The next word or bracket; "" at the end.
static bool next(parser *p)
{
    size_t len = 0;
    while (is_blank(*p->at))
        p->at++;
    if (*p->at == '(' || *p->at == ')' || *p->at == '|')
        len = 1;
    else
        while (p->at[len] && !is_blank(p->at[len]) && !strchr("()|", p->at[len]))
            len++;
    if (len >= sizeof(p->word))
        return error_set(p->c->e, "a word of its condition has %zu characters", len);
    memcpy(p->word, p->at, len);
    p->word[len] = 0;
    p->at += len;
    return true;
}

static bool is_word(const parser *p, const char *word)
{
    const char *x = p->word;
    for (; *x && *word; x++, word++)
        if ((*x | 0x20) != *word)
            return false;
    return !*x && !*word;
}

// '*' in a pattern of names. The last * seen is the only one that may have to take more.
static bool name_fits(const char *wanted, const char *name)
{
    const char *star = NULL, *taken = name;
    while (*name || *wanted == '*') {
        if (*wanted == '*') {
            star = wanted++;
            taken = name;
        } else if (*wanted == *name) {
            wanted++;
            name++;
        } else if (star) {
            wanted = star + 1;
            name = ++taken;
        } else {
            return false;
        }
    }
    return !*wanted;
}

static bool is_selection(const char *name)
{
    return strcmp(name, "condition") != 0 && strcmp(name, "timeframe") != 0;
}

static bool is_meant(const char *wanted, const char *name)
{
    if (!is_selection(name))
        return false;
    return strcmp(wanted, "them") == 0 ? *name != '_' : name_fits(wanted, name);
}

// "1 of filter_*", "all of them".
static bool read_quantified(parser *p, bool all, node *out)
{
    const yaml_value *d = p->c->detection;
    u32 count = 0;
    if (!next(p) || !next(p))
        return false;
    if (!*p->word)
        return error_set(p->c->e, "its condition ends after 'of'");
    for (u32 i = 0; i < d->count; i++)
        count += is_meant(p->word, d->keys[i].text);
    if (!count)
        return error_set(p->c->e, "its condition asks for '%s', and no selection has such a name", p->word);
    *out = (node){.kind = all ? NODE_AND : NODE_OR, .count = count};
    if (!nodes_take(p->c, count, &out->first))
        return false;
    u32 at = out->first;
    for (u32 i = 0; i < d->count; i++) {
        node n;
        if (!is_meant(p->word, d->keys[i].text))
            continue;
        if (!selection_compile(p->c, &d->items[i], &n))
            return false;
        p->c->set->nodes[at++] = n;
    }
    return next(p);
}

static bool read_or(parser *p, node *out);

static bool read_one(parser *p, node *out)
{
    if (strcmp(p->word, "(") == 0) {
        if (!next(p) || !read_or(p, out))
            return false;
        if (strcmp(p->word, ")") != 0)
            return error_set(p->c->e, "its condition lacks a ')'");
        return next(p);
    }
    const char *rest = p->at;
    while (is_blank(*rest))
        rest++;
    bool of = strncmp(rest, "of", 2) == 0 && is_blank(rest[2]);
    if (of && (is_word(p, "1") || is_word(p, "any") || is_word(p, "all")))
        return read_quantified(p, is_word(p, "all"), out);
    if (of)
        return error_set(p->c->e, "its condition asks for '%s of', known are 1, any and all", p->word);
    const yaml_value *selection = is_selection(p->word) ? yaml_member(p->c->detection, p->word) : NULL;
    if (!selection)
        return error_set(
            p->c->e, *p->word ? "its condition names '%s', which it does not have" : "its condition ends too early%s",
            p->word);
    return selection_compile(p->c, selection, out) && next(p);
}

static bool read_not(parser *p, node *out)
{
    if (!is_word(p, "not"))
        return read_one(p, out);
    node inner;
    if (++p->c->depth > LIMIT_RULE_DEPTH)
        return error_code_set(p->c->e, ERR_LIMIT, "its condition nests deeper than %d", LIMIT_RULE_DEPTH);
    *out = (node){.kind = NODE_NOT, .count = 1};
    if (!nodes_take(p->c, 1, &out->first) || !next(p) || !read_not(p, &inner))
        return false;
    p->c->set->nodes[out->first] = inner;
    p->c->depth--;
    return true;
}

typedef bool operand(parser *p, node *out);

// Operands with the same word between them become one node.
static bool read_row(parser *p, const char *word, node_kind kind, operand *read, node *out)
{
    node list[LIMIT_RULE_OPERANDS];
    u32 count = 0;
    if (++p->c->depth > LIMIT_RULE_DEPTH)
        return error_code_set(p->c->e, ERR_LIMIT, "its condition nests deeper than %d", LIMIT_RULE_DEPTH);
    do {
        if (count == LIMIT_RULE_OPERANDS)
            return error_code_set(p->c->e, ERR_LIMIT, "more than %d terms in a row", LIMIT_RULE_OPERANDS);
        if ((count && !next(p)) || !read(p, &list[count++]))
            return false;
    } while (is_word(p, word));
    p->c->depth--;
    if (count == 1) {
        *out = list[0];
        return true;
    }
    *out = (node){.kind = kind, .count = count};
    if (!nodes_take(p->c, count, &out->first))
        return false;
    memcpy(p->c->set->nodes + out->first, list, count * sizeof(*list));
    return true;
}

static bool read_and(parser *p, node *out)
{
    return read_row(p, "and", NODE_AND, read_not, out);
}

static bool read_or(parser *p, node *out)
{
    return read_row(p, "or", NODE_OR, read_and, out);
}

bool condition_compile(compilation *c, const char *text, node *out)
{
    parser p = {.c = c, .at = text};
    c->depth = 0;
    c->condition_bytes += strlen(text);
    if (c->condition_bytes > LIMIT_RULE_CONDITION)
        return error_code_set(c->e, ERR_LIMIT, "its condition has more than %d bytes", LIMIT_RULE_CONDITION);
    if (!next(&p) || !read_or(&p, out))
        return false;
    if (strcmp(p.word, "|") == 0)
        return error_set(c->e, "its condition counts after '|', which Sigma 2 has correlation rules for");
    return !*p.word || error_set(c->e, "its condition has '%s' where 'and' or 'or' was expected", p.word);
}
