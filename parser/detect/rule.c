// Documents to rules.
#include "detect/rule.h"

#include <string.h>
#include <strings.h>

#include "base/map.h"
#include "base/limits.h"
#include "detect/rule_internal.h"

static const char *const LEVELS[] = {"", "informational", "low", "medium", "high", "critical"};

const char *rule_level_name(rule_level level)
{
    return LEVELS[level];
}

bool rule_level_read(const char *name, rule_level *out)
{
    for (u32 i = LEVEL_INFORMATIONAL; i < COUNT_OF(LEVELS); i++)
        if (strcasecmp(name, LEVELS[i]) == 0) {
            *out = (rule_level)i;
            return true;
        }
    return false;
}

// ---------------------------------------------------------------------------------------------- growing lists

bool nodes_take(compilation *c, u32 count, u32 *first)
{
    rule_set *set = c->set;
    u32 at = *first = set->node_count;
    c->nodes += count;
    if (count > LIMIT_RULE_NODES || c->nodes > LIMIT_RULE_NODES)
        return error_code_set(c->e, ERR_LIMIT, "it has more than %d terms", LIMIT_RULE_NODES);
    while (set->node_count + count > set->node_capacity) {
        u32 capacity = set->node_capacity ? 2 * set->node_capacity : 1024;
        set->nodes = mem_grow(set->nodes, set->node_count, capacity, sizeof(*set->nodes));
        set->node_capacity = capacity;
    }
    if (count)
        memset(set->nodes + at, 0, count * sizeof(*set->nodes));
    set->node_count += count;
    return true;
}

static bool has_name(const void *source, u32 index, const void *name)
{
    return strcasecmp(((const logsource *)source)->fields[index].name, name) == 0;
}

static u64 hash_of_name(const char *name)
{
    u64 hash = hash_bytes("", 0);
    for (; *name; name++) {
        u8 c = (u8)(*name >= 'A' && *name <= 'Z' ? *name + 0x20 : *name);
        hash = hash_more(hash, &c, 1);
    }
    return hash;
}

u32 logsource_field(rule_set *set, logsource *source, const char *name)
{
    u64 hash = hash_of_name(name);
    u32 at = map_find(source->fields_by_name, hash, has_name, source, name);
    if (at != MAP_NONE)
        return at;
    GROW(source->fields, source->field_count, source->field_capacity);
    source->fields[source->field_count] = (rule_field){.name = arena_text(&set->arena, name)};
    map_add(source->fields_by_name, hash, source->field_count);
    return source->field_count++;
}

bool rule_field_index(compilation *c, const char *name, u32 *out)
{
    u32 before = c->source->field_count;
    *out = logsource_field(c->set, c->source, name);
    c->fields += c->source->field_count - before;
    return c->fields <= LIMIT_RULE_FIELDS ||
           error_code_set(c->e, ERR_LIMIT, "it names more than %d fields", LIMIT_RULE_FIELDS);
}

static const char *text_or_empty(rule_set *set, const yaml_value *v, const char *key)
{
    const char *text = yaml_text(v, key);
    return text ? arena_text(&set->arena, text) : "";
}

static bool logsource_index(rule_set *set, const yaml_value *v, u32 *out, error *e)
{
    logsource s = {.product = text_or_empty(set, v, "product"),
                   .category = text_or_empty(set, v, "category"),
                   .service = text_or_empty(set, v, "service")};
    for (u32 i = 0; i < set->logsource_count; i++) {
        const logsource *x = &set->logsources[i];
        if (strcasecmp(x->product, s.product) == 0 && strcasecmp(x->category, s.category) == 0 &&
            strcasecmp(x->service, s.service) == 0) {
            *out = i;
            return true;
        }
    }
    if (set->logsource_count == LIMIT_RULE_SOURCES)
        return error_code_set(e, ERR_LIMIT, "all rules together have more than %d logsources", LIMIT_RULE_SOURCES);
    s.tests_by_text = mem_zeroed(1, sizeof(*s.tests_by_text));
    s.fields_by_name = mem_zeroed(1, sizeof(*s.fields_by_name));
    GROW(set->logsources, set->logsource_count, set->logsource_capacity);
    set->logsources[set->logsource_count] = s;
    *out = set->logsource_count++;
    return true;
}

// ---------------------------------------------------------------------------------------------- one rule

static void read_tags(rule_set *set, sigma_rule *r, const yaml_value *tags)
{
    if (!tags || tags->kind != YAML_LIST)
        return;
    r->tags = arena_array(&set->arena, const char *, tags->count);
    for (u32 i = 0; i < tags->count; i++)
        if (tags->items[i].kind == YAML_TEXT)
            r->tags[r->tag_count++] = tags->items[i].text;
}

// A condition, or several, each of which is enough.
static bool compile_conditions(compilation *c, const yaml_value *v, node *out)
{
    if (v->kind == YAML_TEXT)
        return condition_compile(c, v->text, out);
    if (v->kind != YAML_LIST || !v->count)
        return error_set(c->e, "its condition is not a text");
    *out = (node){.kind = NODE_OR, .count = v->count};
    if (!nodes_take(c, v->count, &out->first))
        return false;
    for (u32 i = 0; i < v->count; i++) {
        node n;
        if (v->items[i].kind != YAML_TEXT)
            return error_set(c->e, "its condition is not a text");
        if (!condition_compile(c, v->items[i].text, &n))
            return false;
        c->set->nodes[out->first + i] = n;
    }
    return true;
}

static bool compile_rule(rule_set *set, sigma_rule *r, const yaml_value *document, error *e)
{
    node root;
    const yaml_value *source = yaml_member(document, "logsource");
    const yaml_value *detection = yaml_member(document, "detection");
    if (yaml_member(document, "correlation"))
        return correlation_read(set, r, document, e);
    if (yaml_member(document, "filter"))
        return error_set(e, "it is a filter for other rules, which is not supported");
    if (!detection || detection->kind != YAML_MAP)
        return error_set(e, "it has no detection");
    if (!source || source->kind != YAML_MAP)
        return error_set(e, "it has no logsource");
    if (!logsource_index(set, source, &r->logsource, e))
        return false;
    compilation c = {.set = set, .source = &set->logsources[r->logsource], .detection = detection, .e = e};
    const yaml_value *condition = yaml_member(detection, "condition");
    if (!condition)
        return error_set(e, "its detection has no condition");
    if (detection->count > LIMIT_RULE_SELECTIONS)
        return error_code_set(e, ERR_LIMIT, "it has more than %d selections", LIMIT_RULE_SELECTIONS);
    if (!compile_conditions(&c, condition, &root) || !nodes_take(&c, 1, &r->root))
        return false;
    set->nodes[r->root] = root;
    return true;
}

static bool has_id(const void *set, u32 index, const void *id)
{
    const sigma_rule *r = &((const rule_set *)set)->rules[index];
    return r->id && strcasecmp(r->id, id) == 0;
}

u32 rule_by_id(const rule_set *set, const char *id)
{
    return set->ids ? map_find(set->ids, hash_of_name(id), has_id, set, id) : MAP_NONE;
}

// Of rules with the same name, the first is meant.
static void note_name(rule_set *set, const sigma_rule *r, u32 index)
{
    if (!*r->name)
        return;
    if (!set->names)
        set->names = mem_zeroed(1, sizeof(*set->names));
    map_add(set->names, hash_bytes(r->name, strlen(r->name)), index);
}

// False: another rule has this id already, which is the one that counts.
static bool note_id(rule_set *set, sigma_rule *r, u32 index, error *e)
{
    if (!*r->id)
        return true;
    if (!set->ids)
        set->ids = mem_zeroed(1, sizeof(*set->ids));
    u32 other = rule_by_id(set, r->id);
    if (other != MAP_NONE)
        return error_set(e, "its id is that of %s", set->rules[other].path);
    map_add(set->ids, hash_of_name(r->id), index);
    return true;
}

typedef struct addition {
    rule_set *set;
    const char *path;
    u32 document;
} addition;

static void add_document(void *context, const yaml_value *document)
{
    addition *a = context;
    rule_set *set = a->set;
    error e = {0};
    sigma_rule r = {.path = a->path, .document = ++a->document};
    const yaml_value *level = yaml_member(document, "level");
    r.id = text_or_empty(set, document, "id");
    r.name = text_or_empty(set, document, "name");
    r.title = text_or_empty(set, document, "title");
    r.status = text_or_empty(set, document, "status");
    read_tags(set, &r, yaml_member(document, "tags"));
    GROW(set->rules, set->rule_count, set->rule_capacity);
    bool ok = document->kind == YAML_MAP ||
              error_set(&e, "it is not a rule but a %s", document->kind == YAML_LIST ? "list" : "text");
    ok = ok && (!level || (level->kind == YAML_TEXT && rule_level_read(level->text, &r.level)) ||
                error_set(&e, "its level is not one of Sigma's"));
    ok = ok && note_id(set, &r, set->rule_count, &e) && compile_rule(set, &r, document, &e);
    if (!ok)
        r.refused = arena_text(&set->arena, e.message);
    note_name(set, &r, set->rule_count);
    set->rules[set->rule_count++] = r;
}

bool rule_set_add(rule_set *set, const char *path, span text, error *e)
{
    addition a = {set, arena_text(&set->arena, path), 0};
    return yaml_read(&set->arena, text, add_document, &a, e);
}

// ---------------------------------------------------------------------------------------------- the end

void rule_set_free(rule_set *set)
{
    for (u32 i = 0; i < set->logsource_count; i++) {
        logsource *s = &set->logsources[i];
        for (u32 k = 0; k < s->test_count; k++) {
            pattern_free(&s->tests[k].pattern);
            mem_free(s->tests[k].rules);
        }
        for (u32 k = 0; k < s->field_count; k++)
            needles_free(&s->fields[k].needles);
        mem_free(s->fields);
        mem_free(s->tests);
        mem_free(s->test_texts);
        mem_free(s->rules);
        mem_free(s->always);
        map_free(s->tests_by_text);
        mem_free(s->tests_by_text);
        map_free(s->fields_by_name);
        mem_free(s->fields_by_name);
    }
    for (u32 i = 0; i < set->rule_count; i++)
        mem_free(set->rules[i].kept);
    mem_free(set->correlations);
    mem_free(set->logsources);
    mem_free(set->rules);
    mem_free(set->nodes);
    if (set->ids)
        map_free(set->ids);
    if (set->names)
        map_free(set->names);
    mem_free(set->ids);
    mem_free(set->names);
    arena_free(&set->arena);
    *set = (rule_set){0};
}
