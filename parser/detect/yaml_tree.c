#include "detect/yaml_tree.h"

#include <string.h>

#include "base/limits.h"
#include "base/memory.h"
#include "detect/libyaml.h"

const yaml_value *yaml_member(const yaml_value *map, const char *key)
{
    for (u32 i = 0; map && map->kind == YAML_MAP && i < map->count; i++)
        if (strcmp(map->keys[i].text, key) == 0)
            return &map->items[i];
    return NULL;
}

const char *yaml_text(const yaml_value *map, const char *key)
{
    const yaml_value *v = yaml_member(map, key);
    return v && v->kind == YAML_TEXT && !yaml_is_null(v) ? v->text : NULL;
}

bool yaml_is_null(const yaml_value *v)
{
    static const char *const NAMES[] = {"", "~", "null", "Null", "NULL"};
    for (size_t i = 0; v->kind == YAML_TEXT && v->plain && i < COUNT_OF(NAMES); i++)
        if (strcmp(v->text, NAMES[i]) == 0)
            return true;
    return false;
}

#ifdef HAS_LIBYAML

typedef struct reader {
    arena *arena;
    yaml_document_t document;
    u32 nodes;    // so far
    size_t bytes; // of their texts
    error *e;
} reader;

static bool read_node(reader *r, int number, u32 depth, yaml_value *out);

static bool read_list(reader *r, const yaml_node_t *node, u32 depth, yaml_value *out)
{
    const yaml_node_item_t *from = node->data.sequence.items.start, *to = node->data.sequence.items.top;
    yaml_value *items = arena_array(r->arena, yaml_value, (size_t)(to - from));
    out->kind = YAML_LIST;
    out->items = items;
    for (; from < to; from++)
        if (!read_node(r, *from, depth, &items[out->count++]))
            return false;
    return true;
}

static bool read_map(reader *r, const yaml_node_t *node, u32 depth, yaml_value *out)
{
    const yaml_node_pair_t *from = node->data.mapping.pairs.start, *to = node->data.mapping.pairs.top;
    size_t count = (size_t)(to - from);
    yaml_value *keys = arena_array(r->arena, yaml_value, count), *items = arena_array(r->arena, yaml_value, count);
    out->kind = YAML_MAP;
    out->keys = keys;
    out->items = items;
    for (; from < to; from++, out->count++) {
        if (!read_node(r, from->key, depth, &keys[out->count]) || !read_node(r, from->value, depth, &items[out->count]))
            return false;
        if (keys[out->count].kind != YAML_TEXT)
            return error_set(r->e, "line %zu: a list or a map is used as a key", node->start_mark.line + 1);
    }
    return true;
}

static bool read_node(reader *r, int number, u32 depth, yaml_value *out)
{
    const yaml_node_t *node = libyaml.yaml_document_get_node(&r->document, number);
    if (++r->nodes > LIMIT_YAML_NODES)
        return error_code_set(r->e, ERR_LIMIT, "unfolds into more than %d values", LIMIT_YAML_NODES);
    if (depth > LIMIT_YAML_DEPTH)
        return error_code_set(r->e, ERR_LIMIT, "nests deeper than %d", LIMIT_YAML_DEPTH);
    if (node->type == YAML_SEQUENCE_NODE)
        return read_list(r, node, depth + 1, out);
    if (node->type == YAML_MAPPING_NODE)
        return read_map(r, node, depth + 1, out);
    r->bytes += node->data.scalar.length;
    if (r->bytes > LIMIT_YAML_BYTES)
        return error_code_set(r->e, ERR_LIMIT, "unfolds into more than %d bytes", LIMIT_YAML_BYTES);
    out->kind = YAML_TEXT;
    out->plain = node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    out->len = node->data.scalar.length;
    out->text = arena_text_len(r->arena, (const char *)node->data.scalar.value, out->len);
    return true;
}

static bool read_document(reader *r, yaml_visit *visit, void *context)
{
    yaml_value *root = arena_new(r->arena, yaml_value);
    r->nodes = 0;
    r->bytes = 0;
    bool ok = read_node(r, 1, 0, root);
    libyaml.yaml_document_delete(&r->document);
    if (ok)
        visit(context, root);
    return ok;
}

static bool load(reader *r, yaml_parser_t *parser, error *e)
{
    mem_watch_begin();
    if (libyaml.yaml_parser_load(parser, &r->document))
        return true;
    if (parser->error == YAML_MEMORY_ERROR)
        mem_run_out(0);
    mem_watch_end();
    return error_set(e, "line %zu: %s%s%s", parser->problem_mark.line + 1, parser->problem ? parser->problem : "broken",
                     parser->context ? ", " : "", parser->context ? parser->context : "");
}

bool yaml_read(arena *a, span text, yaml_visit *visit, void *context, error *e)
{
    yaml_parser_t parser;
    reader r = {.arena = a, .e = e};
    if (!libyaml_is_there())
        return error_code_set(e, ERR_MISSING,
                              "libyaml is needed to read it, and is not installed (Debian: libyaml-0-2)");
    if (!libyaml.yaml_parser_initialize(&parser))
        mem_run_out(0);
    libyaml.yaml_parser_set_input_string(&parser, text.at, text.len);
    bool ok = true, more = true;
    while (ok && more) {
        ok = load(&r, &parser, e);
        more = ok && libyaml.yaml_document_get_root_node(&r.document);
        if (more)
            ok = read_document(&r, visit, context);
        else if (ok)
            libyaml.yaml_document_delete(&r.document);
    }
    libyaml.yaml_parser_delete(&parser);
    return ok;
}

#else

bool yaml_read(arena *a, span text, yaml_visit *visit, void *context, error *e)
{
    (void)a, (void)text, (void)visit, (void)context;
    return error_code_set(e, ERR_MISSING, "this program was built without libyaml, which reads it");
}

#endif
