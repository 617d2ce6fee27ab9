// Which rules any event can make true, without a trace: by what views.def and the core know.
#include <string.h>
#include <strings.h>

#include "base/known_guids.h"
#include "base/text.h"
#include "detect/correlation.h"
#include "detect/view_internal.h"
#include "schema/core/core_pack.h"
#include "schema/core/schema_core.h"

struct view_reasons {
    arena arena;
    const rule_set *set;
    schema_set *core;
    bool *services; // by logsource: the core was asked
    u8 *fits;       // by rule: what events of the core come to
    bool *named;    // some provider with events is of the name it asks for
    const char **missing;
};

// Of a rule about an event log, by the best of its events.
enum { FITS_NO_EVENT, FITS_BUT_FOR_FIELDS, FITS };

// ---------------------------------------------------------------------------------------------- categories

// The category's events but for Sysmon's own, as a rule's fields see them; of each field, whether any of them has it.
typedef struct category {
    getter **views;
    u32 count;
    bool known, sysmon; // some event is of it; some event of Sysmon's can make the rule true
    bool *told;         // by field
} category;

static void look_at_source(arena *a, const rule_set *set, u32 number, const activity_source *from, category *c)
{
    const logsource *s = &set->logsources[set->rules[number].logsource];
    const event_class cls = {.descriptor.id = from->first};
    getter *getters = arena_array(a, getter, s->field_count);
    view_getters(a, &cls, s, from->fields, getters);
    c->known = true;
    if (guid_equal(&from->provider, &(guid)GUID_SYSMON)) {
        c->sysmon |= rule_possible(set, number, view_possible, getters).yes;
        return;
    }
    c->views[c->count++] = getters;
    for (u32 i = 0; i < s->field_count; i++)
        c->told[i] |= getters[i].kind != GET_UNKNOWN;
}

static void look_at_category(arena *a, const rule_set *set, u32 number, category *c)
{
    const logsource *s = &set->logsources[set->rules[number].logsource];
    activity_source source;
    *c = (category){.views = arena_array(a, getter *, view_count * activity_source_count),
                    .told = arena_array(a, bool, s->field_count)};
    for (u32 k = 0; k < view_count; k++)
        for (u32 n = 0; view_is_of(s->category, views[k].category) && n < activity_source_count; n++)
            if (view_source(a, &views[k], n, &source))
                look_at_source(a, set, number, &source, c);
}

static bool can_hit(const rule_set *set, u32 number, const category *c)
{
    for (u32 i = 0; i < c->count; i++)
        if (rule_possible(set, number, view_possible, c->views[i]).yes)
            return true;
    return false;
}

// Whether the rule could be true if events had the field.
static bool is_the_one(const rule_set *set, u32 number, const category *c, u32 index)
{
    for (u32 i = 0; i < c->count; i++) {
        getter *g = &c->views[i][index], before = *g;
        *g = (getter){.kind = GET_FIELD};
        bool can = rule_possible(set, number, view_possible, c->views[i]).yes;
        *g = before;
        if (can)
            return true;
    }
    return false;
}

// The field that is missing; where one is not enough, all of them that nobody tells.
static const char *name_missing(arena *a, const rule_set *set, u32 number, const category *c)
{
    const logsource *s = &set->logsources[set->rules[number].logsource];
    bool *asked = arena_array(a, bool, s->field_count);
    const char *names = NULL;
    rule_fields(set, number, asked);
    for (u32 i = 0; i < s->field_count; i++) {
        if (!asked[i] || !*s->fields[i].name)
            continue;
        if (is_the_one(set, number, c, i))
            return s->fields[i].name;
        if (!c->told[i])
            names = names ? arena_format(a, "%s, %s", names, s->fields[i].name) : s->fields[i].name;
    }
    return names ? names : "what it asks for";
}

static const char *refuse_category(arena *a, const rule_set *set, u32 number)
{
    category c;
    look_at_category(a, set, number, &c);
    if (can_hit(set, number, &c))
        return NULL;
    if (!c.known)
        return "no event is known for its category";
    if (!c.count)
        return "only Sysmon has events of its category";
    return arena_format(a, "%s %s", c.sysmon ? "only Sysmon's own events tell" : "no event of its category tells",
                        name_missing(a, set, number, &c));
}

// ---------------------------------------------------------------------------------------------- event logs

static bool has_field(const event_schema *ev, const char *name)
{
    size_t len = strcspn(name, "."); // "Struct.Member": of the struct
    for (u32 i = 0; i < ev->top_count; i++) {
        const char *own = ev->properties[i].name;
        if (strcasecmp(own, name) == 0 || (strlen(own) == len && strncasecmp(own, name, len) == 0))
            return true;
    }
    return false;
}

// What a rule comes to by one event; in `getters` all fields are taken for there, in `there` those that are not are
// null.
static void judge_event(view_reasons *r, u32 rule, getter *getters, getter *there)
{
    const rule_set *set = r->set;
    const logsource *s = &set->logsources[set->rules[rule].logsource];
    if (r->fits[rule] == FITS || !rule_possible(set, rule, view_possible, getters).yes)
        return;
    if (rule_possible(set, rule, view_possible, there).yes) {
        r->fits[rule] = FITS;
        return;
    }
    category c = {.views = &there, .count = 1, .told = arena_array(&r->arena, bool, s->field_count)};
    for (u32 i = 0; i < s->field_count; i++)
        c.told[i] = there[i].kind != GET_NULL;
    if (r->fits[rule] == FITS_NO_EVENT)
        r->missing[rule] = name_missing(&r->arena, set, rule, &c);
    r->fits[rule] = FITS_BUT_FOR_FIELDS;
}

// As getter_make does for a class whose fields it knows.
static void apply_fields(const logsource *s, const event_schema *ev, getter *getters, getter *there)
{
    for (u32 i = 0; i < s->field_count; i++) {
        const char *name = s->fields[i].name;
        bool has = *name && strcasecmp(name, "EventID") != 0 && has_field(ev, name);
        if (has)
            getters[i] = (getter){.kind = GET_FIELD, .field = name};
        else if (strcasecmp(name, "Keywords") == 0 || strcasecmp(name, "Level") == 0)
            getters[i] = (getter){.kind = GET_HOST}; // of the event, which descriptions may not tell
        there[i] = !has && getters[i].kind == GET_FIELD ? (getter){.kind = GET_NULL} : getters[i];
    }
}

typedef struct looking {
    view_reasons *reasons;
    const logsource *source;
    const view_service *service;
    bool *named;             // by rule of the logsource: the provider is of the name it asks for
    getter *getters, *there; // by field
} looking;

static void look_at_event(const looking *l, const event_schema *ev)
{
    const logsource *s = l->source;
    const event_class cls = {.descriptor = ev->descriptor,
                             .provider = ev->provider->name,
                             .channel_name = ev->channel_name ? ev->channel_name : l->service->log};
    arena scratch = {0};
    memset(l->getters, 0, s->field_count * sizeof(*l->getters));
    view_getters(&scratch, &cls, s, "*", l->getters);
    apply_fields(s, ev, l->getters, l->there);
    for (u32 i = 0; i < s->rule_count; i++)
        if (l->named[i])
            judge_event(l->reasons, s->rules[i], l->getters, l->there);
    arena_free(&scratch);
}

// Which rules may be about the provider; false: none.
static bool find_named(const looking *l, const char *provider)
{
    const logsource *s = l->source;
    const event_class cls = {.provider = provider};
    arena scratch = {0};
    bool any = false;
    memset(l->getters, 0, s->field_count * sizeof(*l->getters));
    view_getters(&scratch, &cls, s, "*", l->getters);
    for (u32 i = 0; i < s->field_count; i++)
        if (strcasecmp(s->fields[i].name, "Provider_Name") != 0)
            l->getters[i] = (getter){.kind = GET_HOST};
    for (u32 i = 0; i < s->rule_count; i++) {
        l->named[i] = rule_possible(l->reasons->set, s->rules[i], view_possible, l->getters).yes;
        l->reasons->named[s->rules[i]] |= l->named[i];
        any |= l->named[i];
    }
    arena_free(&scratch);
    return any;
}

// Descriptions without a channel may be of any log.
static bool is_written_to(const view_service *v, const event_schema *ev)
{
    return ev->key == KEY_MANIFEST && (v->provider || !ev->channel_name || strcasecmp(ev->channel_name, v->log) == 0);
}

static void look_at_provider(const looking *l, const guid *id)
{
    for (const provider_schema *p = schema_providers(l->reasons->core, id); p; p = p->next) {
        bool any = p->event_count && p->name && find_named(l, p->name);
        for (u32 i = 0; any && i < p->event_count; i++)
            if (is_written_to(l->service, p->events[i]))
                look_at_event(l, p->events[i]);
    }
}

static void look_at_log(const looking *l)
{
    for (u32 k = 0; k < core_count(); k++) {
        core_provider p = core_at(k);
        if (p.events && find_named(l, p.name))
            look_at_provider(l, &p.id);
    }
}

static bool look_at_service(view_reasons *r, const logsource *s)
{
    bool known = false;
    looking l = {.reasons = r, .source = s, .named = mem_zeroed(s->rule_count + 1, sizeof(bool))};
    l.getters = mem_zeroed(2 * s->field_count + 1, sizeof(*l.getters));
    l.there = l.getters + s->field_count;
    for (u32 i = 0; i < view_service_count; i++) {
        guid id;
        l.service = &view_services[i];
        if (strcasecmp(s->service, l.service->service) != 0)
            continue;
        known = true;
        if (!l.service->provider)
            look_at_log(&l);
        else if (core_provider_id(l.service->provider, &id))
            look_at_provider(&l, &id);
    }
    mem_free(l.named);
    mem_free(l.getters);
    return known;
}

static const char *refuse_service(view_reasons *r, u32 rule)
{
    u32 source = r->set->rules[rule].logsource;
    const logsource *s = &r->set->logsources[source];
    if (strcasecmp(s->service, "sysmon") == 0)
        return "only Sysmon has events of its log";
    if (!r->services[source] && !look_at_service(r, s))
        return "no provider is known for its event log";
    r->services[source] = true;
    if (r->fits[rule] == FITS)
        return NULL;
    if (r->fits[rule] == FITS_BUT_FOR_FIELDS)
        return arena_format(&r->arena, "no event of its log tells %s", r->missing[rule]);
    return r->named[rule] ? "no event of its provider is known to have its EventID"
                          : "no events are known of its provider";
}

// ---------------------------------------------------------------------------------------------- rules

// A correlation can be true where those it is about can: of a temporal one as many as it asks for, else any.
static const char *refuse_correlation(view_reasons *r, const correlation *c)
{
    bool counts = c->kind == EVENT_COUNT || c->kind == VALUE_COUNT;
    const char *why = NULL, *which = NULL;
    u32 can = 0;
    for (u32 i = 0; i < c->ref_count; i++) {
        const char *one = view_reasons_of(r, c->rules[i]);
        can += !one;
        if (one && !why) {
            why = one;
            which = c->refs[i];
        }
    }
    if (!why || can >= (counts ? 1 : c->least))
        return NULL;
    return arena_format(&r->arena, "of the rule '%s': %s", which, why);
}

const char *view_reasons_of(view_reasons *r, u32 rule)
{
    const rule_set *set = r->set;
    if (set->rules[rule].correlation)
        return refuse_correlation(r, set->rules[rule].correlation);
    const logsource *s = &set->logsources[set->rules[rule].logsource];
    if (!logsource_is_windows(s))
        return "it is not about Windows";
    if (*s->category)
        return refuse_category(&r->arena, set, rule);
    return *s->service ? refuse_service(r, rule) : NULL;
}

static void fetch(void *context, schema_set *set, const guid *id)
{
    (void)context;
    (void)schema_core_fetch(set, id);
}

view_reasons *view_reasons_new(const rule_set *set)
{
    view_reasons *r = mem_zeroed(1, sizeof(*r));
    r->set = set;
    r->core = schema_set_new();
    schema_set_fetch(r->core, fetch, NULL);
    r->services = mem_zeroed(set->logsource_count + 1, sizeof(*r->services));
    r->fits = mem_zeroed(set->rule_count + 1, sizeof(*r->fits));
    r->named = mem_zeroed(set->rule_count + 1, sizeof(*r->named));
    r->missing = mem_zeroed(set->rule_count + 1, sizeof(*r->missing));
    return r;
}

void view_reasons_free(view_reasons *r)
{
    if (!r)
        return;
    schema_set_free(r->core);
    mem_free(r->services);
    mem_free(r->fits);
    mem_free(r->named);
    mem_free(r->missing);
    arena_free(&r->arena);
    mem_free(r);
}
