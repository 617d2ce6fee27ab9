// Correlations as they are written, and the rules they are about.
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/limits.h"
#include "base/map.h"
#include "detect/correlation.h"
#include "detect/rule_internal.h"

// ---------------------------------------------------------------------------------------------- reading

static bool read_kind(const yaml_value *v, correlation *c, error *e)
{
    static const char *const NAMES[] = {"event_count", "value_count", "temporal", "temporal_ordered"};
    const char *name = yaml_text(v, "type");
    for (u32 i = 0; name && i < COUNT_OF(NAMES); i++)
        if (strcmp(name, NAMES[i]) == 0) {
            c->kind = (correlation_kind)i;
            return true;
        }
    return error_set(e, name ? "the correlation '%s' is not known" : "it is a correlation without a type%s",
                     name ? name : "");
}

// "90m", in 100 ns.
static bool read_timespan(const yaml_value *v, correlation *c, error *e)
{
    static const struct {
        char letter;
        i64 seconds;
    } UNITS[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    const char *text = yaml_text(v, "timespan");
    char *end = NULL;
    long number = text && *text >= '0' && *text <= '9' ? strtol(text, &end, 10) : 0;
    for (size_t i = 0; number > 0 && number <= LIMIT_CORRELATION_DAYS * 86400L && i < COUNT_OF(UNITS); i++)
        if (end[0] == UNITS[i].letter && !end[1])
            c->timespan = number * UNITS[i].seconds * 10000000;
    return (c->timespan > 0 && c->timespan <= LIMIT_CORRELATION_DAYS * (i64)864000000000) ||
           error_set(e, "its timespan '%s' is not a number with s, m, h or d after it, or more than %d days",
                     text ? text : "", LIMIT_CORRELATION_DAYS);
}

// A text or a list of them. False: it is something else, or has more than `most`.
static bool read_texts(rule_set *set, const yaml_value *v, u32 most, const char ***out, u32 *count)
{
    *count = 0;
    if (!v)
        return true;
    u32 n = v->kind == YAML_LIST ? v->count : 1;
    if (v->kind == YAML_MAP || n > most)
        return false;
    *out = arena_array(&set->arena, const char *, n);
    for (; *count < n; ++*count) {
        const yaml_value *item = v->kind == YAML_LIST ? &v->items[*count] : v;
        if (item->kind != YAML_TEXT || !*item->text)
            return false;
        (*out)[*count] = item->text;
    }
    return true;
}

static bool read_number(const yaml_value *v, u64 *out)
{
    char *end;
    if (v->kind != YAML_TEXT || *v->text < '0' || *v->text > '9')
        return false;
    *out = strtoull(v->text, &end, 10);
    return !*end && *out <= LIMIT_CORRELATION_COUNT;
}

static bool read_criterion(correlation *c, const char *name, const yaml_value *v, error *e)
{
    u64 n;
    if (strcmp(name, "field") == 0 && v->kind == YAML_TEXT && c->kind == VALUE_COUNT) {
        c->field = v->text;
        return true;
    }
    if (!read_number(v, &n))
        return error_set(e, "its condition's '%s' is not a number up to %d", name, LIMIT_CORRELATION_COUNT);
    bool from = strncmp(name, "gt", 2) == 0, to = strncmp(name, "lt", 2) == 0, same = strcmp(name, "eq") == 0;
    bool open = (from || to) && !name[2];
    if (!same && !open && !((from || to) && strcmp(name + 2, "e") == 0))
        return error_set(e, "its condition's '%s' is not known", name);
    if (from || same)
        c->least = n + (open ? 1 : 0);
    if (to || same)
        c->most = open ? n ? n - 1 : 0 : n;
    return true;
}

static bool read_condition(const yaml_value *condition, correlation *c, error *e)
{
    c->most = UINT64_MAX;
    if (condition && condition->kind != YAML_MAP)
        return error_set(e, "its condition is not a map like 'gte: 10'");
    for (u32 i = 0; condition && i < condition->count; i++)
        if (!read_criterion(c, condition->keys[i].text, &condition->items[i], e))
            return false;
    bool temporal = c->kind == TEMPORAL || c->kind == TEMPORAL_ORDERED;
    if (!temporal && c->least == 0 && c->most == UINT64_MAX)
        return error_set(e, "it has no condition like 'gte: 10'");
    if (c->kind == VALUE_COUNT && !c->field)
        return error_set(e, "its condition does not say which field's values are counted");
    if (temporal && c->least == 0)
        c->least = c->ref_count;
    if (temporal && c->most >= c->ref_count)
        c->most = UINT64_MAX;
    if (c->least > c->most || c->most == 0 || (temporal && (c->least > c->ref_count || c->most != UINT64_MAX)) ||
        (c->kind == TEMPORAL_ORDERED && c->least != c->ref_count))
        return error_set(e, "its condition cannot come true");
    c->falls = c->most != UINT64_MAX;
    return true;
}

bool correlation_read(rule_set *set, sigma_rule *r, const yaml_value *document, error *e)
{
    const yaml_value *v = yaml_member(document, "correlation"), *groups = yaml_member(v, "group-by");
    const char *generate = yaml_text(v, "generate") ? yaml_text(v, "generate") : yaml_text(document, "generate");
    correlation *c = arena_new(&set->arena, correlation);
    if (v->kind != YAML_MAP)
        return error_set(e, "its correlation is not a map");
    if (!read_kind(v, c, e) || !read_timespan(v, c, e))
        return false;
    if (!read_texts(set, yaml_member(v, "rules"), LIMIT_CORRELATION_RULES, &c->refs, &c->ref_count) || !c->ref_count)
        return error_set(e, "it names no rules, or more than %d", LIMIT_CORRELATION_RULES);
    if (!read_texts(set, groups, LIMIT_CORRELATION_RULES, &c->groups, &c->group_count))
        return error_set(e, "its group-by is not a list of up to %d fields", LIMIT_CORRELATION_RULES);
    if (!read_condition(yaml_member(v, "condition"), c, e))
        return false;
    c->generate = generate && strcasecmp(generate, "true") == 0;
    c->aliases = yaml_member(v, "aliases");
    r->correlation = c;
    return true;
}

// ---------------------------------------------------------------------------------------------- rules it is about

static bool is_name(const void *set, u32 index, const void *name)
{
    return strcmp(((const rule_set *)set)->rules[index].name, name) == 0;
}

static u32 find_rule(const rule_set *set, const char *ref)
{
    u32 at = rule_by_id(set, ref);
    if (at == MAP_NONE && set->names)
        at = map_find(set->names, hash_bytes(ref, strlen(ref)), is_name, set, ref);
    return at;
}

// The field that a name of group-by means in events of a rule, by the aliases for that rule or for the correlation
// through which it is seen.
static const char *field_meant(const rule_set *set, const correlation *c, const char *name, u32 through, u32 rule)
{
    const yaml_value *alias = yaml_member(c->aliases, name);
    const u32 tried[] = {rule, through};
    for (u32 i = 0; alias && i < COUNT_OF(tried); i++) {
        const sigma_rule *r = &set->rules[tried[i]];
        const char *field = yaml_text(alias, r->name);
        field = field ? field : yaml_text(alias, r->id);
        if (field)
            return field;
    }
    return name;
}

// Where a field is among those that a rule keeps.
static u32 keep(rule_set *set, u32 number, const char *field)
{
    sigma_rule *r = &set->rules[number];
    u32 index = logsource_field(set, &set->logsources[r->logsource], field);
    set->logsources[r->logsource].fields[index].used = true;
    for (u32 i = 0; i < r->kept_count; i++)
        if (r->kept[i] == index)
            return i;
    GROW(r->kept, r->kept_count, r->kept_capacity);
    r->kept[r->kept_count] = index;
    return r->kept_count++;
}

static void add_source(rule_set *set, correlation *c, u32 through, u32 rule)
{
    correlation_source s = {rule, arena_array(&set->arena, u32, c->group_count + 1)};
    for (u32 i = 0; i < c->source_count; i++)
        if (c->sources[i].rule == rule)
            return;
    for (u32 i = 0; i < c->group_count; i++)
        s.at[i] = keep(set, rule, field_meant(set, c, c->groups[i], through, rule));
    if (c->field)
        s.at[c->group_count] = keep(set, rule, field_meant(set, c, c->field, through, rule));
    c->sources[c->source_count++] = s;
}

// Rules about events, itself or those below a correlation.
static bool add_sources(rule_set *set, correlation *c, u32 rule, error *e)
{
    const correlation *inner = set->rules[rule].correlation;
    u32 count = inner ? inner->source_count : 1;
    if (c->source_count + count > LIMIT_CORRELATION_SOURCES)
        return error_code_set(e, ERR_LIMIT, "more than %d rules are below it", LIMIT_CORRELATION_SOURCES);
    correlation_source *grown = arena_array(&set->arena, correlation_source, c->source_count + count);
    if (c->source_count)
        memcpy(grown, c->sources, c->source_count * sizeof(*grown));
    c->sources = grown;
    for (u32 i = 0; i < count; i++)
        add_source(set, c, rule, inner ? inner->sources[i].rule : rule);
    return true;
}

enum { VISITING = 1, VISITED };

static bool resolve(rule_set *set, u32 number, u32 depth, error *e);

static bool resolve_ref(rule_set *set, correlation *c, u32 i, u32 depth, error *e)
{
    u32 at = find_rule(set, c->refs[i]);
    if (at == MAP_NONE)
        return error_set(e, "it is about the rule '%s', which is not among those given", c->refs[i]);
    sigma_rule *r = &set->rules[at];
    c->rules[i] = at;
    if (r->refused)
        return error_set(e, "it is about the rule '%s', which cannot be used", c->refs[i]);
    if (r->correlation && !resolve(set, at, depth + 1, e)) {
        r->refused = arena_text(&set->arena, e->message);
        return false;
    }
    if (r->correlation && r->correlation->falls)
        return error_set(e, "it is about '%s', whose count is only known when its time is over", c->refs[i]);
    return add_sources(set, c, at, e);
}

static bool resolve(rule_set *set, u32 number, u32 depth, error *e)
{
    correlation *c = set->rules[number].correlation;
    if (c->visit == VISITED)
        return true;
    if (c->visit == VISITING)
        return error_set(e, "it is about itself");
    if (depth > LIMIT_CORRELATION_DEPTH)
        return error_code_set(e, ERR_LIMIT, "correlations of correlations nest deeper than %d",
                              LIMIT_CORRELATION_DEPTH);
    c->visit = VISITING;
    c->rule = number;
    c->rules = arena_array(&set->arena, u32, c->ref_count);
    for (u32 i = 0; i < c->ref_count; i++)
        if (!resolve_ref(set, c, i, depth, e))
            return false;
    c->visit = VISITED;
    GROW(set->correlations, set->correlation_count, set->correlation_capacity);
    set->correlations[set->correlation_count++] = c;
    return true;
}

static void use(rule_set *set, const correlation *c)
{
    for (u32 i = 0; i < c->ref_count; i++) {
        sigma_rule *r = &set->rules[c->rules[i]];
        if (!c->generate)
            r->told = false;
        if (!r->used && r->correlation)
            use(set, r->correlation);
        r->used = true;
    }
}

void correlations_resolve(rule_set *set)
{
    for (u32 i = 0; i < set->rule_count; i++) {
        sigma_rule *r = &set->rules[i];
        error e = {0};
        if (r->correlation && !r->refused && !resolve(set, i, 0, &e))
            r->refused = arena_text(&set->arena, e.message);
    }
    for (u32 i = 0; i < set->rule_count; i++) {
        sigma_rule *r = &set->rules[i];
        r->used = r->told = !r->refused && !r->left_out;
    }
    for (u32 i = 0; i < set->rule_count; i++)
        if (set->rules[i].correlation && !set->rules[i].refused && !set->rules[i].left_out)
            use(set, set->rules[i].correlation);
}
