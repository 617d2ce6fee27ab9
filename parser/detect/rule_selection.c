// Selections: maps of fields to values, lists of them, and keywords.
#include <string.h>

#include "base/limits.h"
#include "base/map.h"
#include "detect/rule_internal.h"

enum { MODIFIERS = 8 };

// A key of a selection, taken apart: "CommandLine|contains|all".
typedef struct question {
    const char *field;
    const char *modifiers[MODIFIERS]; // those of single values
    u32 modifier_count;
    bool all, expand, keyword, differs;
    const char *key;
} question;

static bool read_modifier(compilation *c, question *q, const char *word)
{
    if (strcmp(word, "all") == 0)
        q->all = true;
    else if (strcmp(word, "expand") == 0)
        q->expand = true;
    else if (strcmp(word, "neq") == 0)
        q->differs = true;
    else if (!pattern_modifier_is_known(word))
        return error_set(c->e, "the modifier '%s' of %s is not known", word, q->key);
    else if (q->modifier_count == MODIFIERS)
        return error_set(c->e, "%s has more than %d modifiers", q->key, MODIFIERS);
    else
        q->modifiers[q->modifier_count++] = word;
    return true;
}

static bool read_key(compilation *c, const char *key, question *q)
{
    char *text = arena_text(&c->set->arena, key);
    *q = (question){.key = key, .field = text, .keyword = !*text || *text == '|'};
    for (char *word, *bar = strchr(text, '|'); bar;) {
        *bar = 0;
        word = bar + 1;
        bar = strchr(word, '|');
        if (bar)
            *bar = 0;
        if (!read_modifier(c, q, word))
            return false;
    }
    return true;
}

// ---------------------------------------------------------------------------------------------- tests

static bool is_same(const void *items, u32 index, const void *key)
{
    span text = ((const logsource *)items)->test_texts[index], wanted = *(const span *)key;
    return text.len == wanted.len && memcmp(text.at, wanted.at, text.len) == 0;
}

static u32 add_test(compilation *c, u32 field, const sigma_pattern *p, span text, u64 hash)
{
    logsource *s = c->source;
    if (s->test_count == s->test_capacity) {
        u32 capacity = s->test_capacity ? 2 * s->test_capacity : 64;
        s->tests = mem_grow(s->tests, s->test_count, capacity, sizeof(*s->tests));
        s->test_texts = mem_grow(s->test_texts, s->test_count, capacity, sizeof(*s->test_texts));
        s->test_capacity = capacity;
    }
    s->tests[s->test_count] = (test){.field = field, .pattern = *p};
    s->test_texts[s->test_count] = text;
    map_add(s->tests_by_text, hash, s->test_count);
    c->set->test_count++;
    return s->test_count++;
}

// What makes a test the same as another one.
static span text_of_test(compilation *c, const question *q, const pattern_source *p, u32 form)
{
    outbuf b = {0};
    outbuf_text(&b, q->field);
    for (u32 i = 0; i < p->modifier_count; i++) {
        outbuf_text(&b, "|");
        outbuf_text(&b, p->modifiers[i]);
    }
    outbuf_text(&b, p->is_null ? "|null|" : p->is_keyword ? "|keyword|" : "|text|");
    outbuf_add(&b, p->text, p->len);
    u8 end = (u8)('0' + form);
    outbuf_add(&b, &end, 1);
    span text = arena_bytes(&c->set->arena, (span){b.bytes, b.len});
    outbuf_free(&b);
    return text;
}

static bool has_room(compilation *c)
{
    return c->set->test_count < LIMIT_RULE_TESTS ||
           error_code_set(c->e, ERR_LIMIT, "all rules together ask for more than %d values", LIMIT_RULE_TESTS);
}

static bool test_node(compilation *c, const question *q, const pattern_source *from, sigma_pattern *p, u32 form,
                      node *out)
{
    u32 field;
    span text = text_of_test(c, q, from, form);
    u64 hash = hash_bytes(text.at, text.len);
    u32 at = map_find(c->source->tests_by_text, hash, is_same, c->source, &text);
    bool ok = at != MAP_NONE || (has_room(c) && rule_field_index(c, q->field, &field) &&
                                 (p->kind != PATTERN_FIELD || rule_field_index(c, p->name, &p->field)));
    if (ok && at == MAP_NONE)
        at = add_test(c, field, p, text, hash);
    else
        pattern_free(p);
    *out = (node){NODE_TEST, at, 0};
    return ok;
}

// ---------------------------------------------------------------------------------------------- values

static bool value_node(compilation *c, const question *q, const char *text, size_t len, bool is_null, node *out)
{
    sigma_pattern forms[PATTERN_FORMS];
    u32 count;
    const pattern_source source = {text, len, is_null, q->modifiers, q->modifier_count, q->keyword};
    c->bytes += len;
    if (len > LIMIT_RULE_VALUE)
        return error_code_set(c->e, ERR_LIMIT, "%s: a value of %zu bytes, at most %d are looked for", q->key, len,
                              LIMIT_RULE_VALUE);
    if (c->bytes > LIMIT_RULE_TEXT)
        return error_code_set(c->e, ERR_LIMIT, "%s: the rule's values have more than %d bytes in all", q->key,
                              LIMIT_RULE_TEXT);
    if (!pattern_compile(&c->set->arena, &source, forms, &count, c->e))
        return error_prefix(c->e, "%s: ", q->key);
    if (count == 1)
        return test_node(c, q, &source, &forms[0], 0, out);
    *out = (node){.kind = NODE_OR, .count = count};
    if (!nodes_take(c, count, &out->first))
        return false;
    for (u32 i = 0; i < count; i++) {
        node n;
        if (!test_node(c, q, &source, &forms[i], i, &n))
            return false;
        c->set->nodes[out->first + i] = n;
    }
    return true;
}

// A text with %name% in it, for each of the values the name has.
static bool expanded_node(compilation *c, const question *q, const char *text, node *out)
{
    const char *from = strchr(text, '%'), *to = from ? strchr(from + 1, '%') : NULL;
    if (!to)
        return value_node(c, q, text, strlen(text), false, out);
    const char *name = arena_text_len(&c->set->arena, from + 1, (size_t)(to - from - 1));
    const yaml_value *values = yaml_member(c->set->placeholders, name);
    if (!values)
        return error_set(c->e, "%s: no placeholder file says what %%%s%% is", q->key, name);
    u32 count = values->kind == YAML_TEXT ? 1 : values->count;
    *out = (node){.kind = NODE_OR, .count = count};
    if (!nodes_take(c, count, &out->first))
        return false;
    if (++c->depth > LIMIT_RULE_DEPTH)
        return error_code_set(c->e, ERR_LIMIT, "%s: placeholders in placeholders in placeholders", q->key);
    for (u32 i = 0; i < count; i++) {
        node n;
        const yaml_value *v = values->kind == YAML_TEXT ? values : &values->items[i];
        if (values->kind == YAML_MAP || v->kind != YAML_TEXT)
            return error_set(c->e, "%s: the placeholder %s is not a text or a list of texts", q->key, name);
        const char *whole = arena_format(&c->set->arena, "%.*s%s%s", (int)(from - text), text, v->text, to + 1);
        if (!expanded_node(c, q, whole, &n))
            return false;
        c->set->nodes[out->first + i] = n;
    }
    c->depth--;
    return true;
}

static bool scalar_node(compilation *c, const question *q, const yaml_value *v, node *out)
{
    if (v->kind != YAML_TEXT)
        return error_set(c->e, "%s: a value is a %s", q->key, v->kind == YAML_MAP ? "map" : "list");
    if (q->expand)
        return expanded_node(c, q, v->text, out);
    return value_node(c, q, v->text, v->len, yaml_is_null(v), out);
}

static bool values_node(compilation *c, const question *q, const yaml_value *v, node *out)
{
    if (v->kind == YAML_TEXT)
        return scalar_node(c, q, v, out);
    if (v->kind == YAML_MAP)
        return error_set(c->e, "%s: its value is a map", q->key);
    *out = (node){.kind = q->all ? NODE_AND : NODE_OR, .count = v->count};
    if (!nodes_take(c, v->count, &out->first))
        return false;
    for (u32 i = 0; i < v->count; i++) {
        node n;
        if (!scalar_node(c, q, &v->items[i], &n))
            return false;
        c->set->nodes[out->first + i] = n;
    }
    return true;
}

static bool field_node(compilation *c, const question *q, const yaml_value *v, node *out)
{
    node is;
    if (!q->differs)
        return values_node(c, q, v, out);
    *out = (node){.kind = NODE_NOT, .count = 1};
    if (!nodes_take(c, 1, &out->first) || !values_node(c, q, v, &is))
        return false;
    c->set->nodes[out->first] = is;
    return true;
}

// ---------------------------------------------------------------------------------------------- selections

static bool map_node(compilation *c, const yaml_value *v, node *out)
{
    *out = (node){.kind = NODE_AND, .count = v->count};
    if (!nodes_take(c, v->count, &out->first))
        return false;
    for (u32 i = 0; i < v->count; i++) {
        question q;
        node n;
        if (!read_key(c, v->keys[i].text, &q) || !field_node(c, &q, &v->items[i], &n))
            return false;
        c->set->nodes[out->first + i] = n;
    }
    return true;
}

bool selection_compile(compilation *c, const yaml_value *v, node *out)
{
    static const question KEYWORD = {.field = "", .key = "keywords", .keyword = true};
    if (v->kind == YAML_MAP)
        return map_node(c, v, out);
    if (v->kind == YAML_TEXT)
        return scalar_node(c, &KEYWORD, v, out);
    *out = (node){.kind = NODE_OR, .count = v->count};
    if (!nodes_take(c, v->count, &out->first))
        return false;
    for (u32 i = 0; i < v->count; i++) {
        node n;
        if (v->items[i].kind == YAML_LIST)
            return error_set(c->e, "a selection has a list in a list");
        if (!selection_compile(c, &v->items[i], &n))
            return false;
        c->set->nodes[out->first + i] = n;
    }
    return true;
}
