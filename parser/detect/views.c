#include "detect/views.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "activity/activity.h"
#include "base/known_guids.h"
#include "base/text.h"
#include "detect/correlation.h"
#include "detect/fold.h"
#include "detect/view_internal.h"

const view views[] = {
#define VIEW(category, kind, text) {#category, false, ACTIVITY_KIND_##kind, {.fields = text}},
#define EVENT_VIEW(category, id, is_classic, number, condition, text)                                                  \
    {#category,                                                                                                        \
     true,                                                                                                             \
     0,                                                                                                                \
     {.provider = id, .classic = is_classic, .first = number, .last = number, .when = condition, .fields = text}},
#define SYSMON(category, from, to)                                                                                     \
    {#category, true, 0, {.provider = GUID_SYSMON, .first = from, .last = to, .fields = "*"}},
#include "detect/views.def"
};
const u32 view_count = COUNT_OF(views);

bool view_source(arena *a, const view *v, u32 n, activity_source *out)
{
    if (v->own) {
        *out = v->event;
        return n == 0;
    }
    const activity_source *s = &activity_sources[n];
    if (s->kind != v->kind || guid_equal(&s->provider, &(guid)GUID_SYSMON))
        return false;
    *out = *s;
    out->fields = activity_expand(a, v->event.fields, s);
    return true;
}

const view_service view_services[] = {
#define SERVICE(service, provider) {#service, provider, 0, NULL},
#define LOG(service, log, channel) {#service, NULL, channel, log},
#include "detect/views.def"
};
const u32 view_service_count = COUNT_OF(view_services);

// ---------------------------------------------------------------------------------------------- what is seen of a
// class

bool view_is_of(const char *category, const char *view_category)
{
    if (strcasecmp(category, "registry_event") == 0)
        return strncmp(view_category, "registry_", strlen("registry_")) == 0;
    return strcasecmp(category, view_category) == 0;
}

// Event logs take events with a channel: manifest-based ones. 11 and 12 mark TraceLogging.
static bool is_logged(const event_class *cls)
{
    u8 channel = cls->descriptor.channel;
    return !cls->classic && cls->provider && channel && channel != 11 && channel != 12;
}

bool view_service_has(const view_service *s, const event_class *cls)
{
    if (s->provider)
        return cls->provider && strcasecmp(cls->provider, s->provider) == 0;
    if (!is_logged(cls))
        return false;
    return cls->channel_name ? strcasecmp(cls->channel_name, s->log) == 0 : cls->descriptor.channel == s->channel;
}

static bool is_of_service(const char *service, const event_class *cls)
{
    for (u32 i = 0; i < view_service_count; i++)
        if (strcasecmp(service, view_services[i].service) == 0 && view_service_has(&view_services[i], cls))
            return true;
    return false;
}

bool logsource_is_windows(const logsource *s)
{
    return !*s->product || strcasecmp(s->product, "windows") == 0;
}

// ---------------------------------------------------------------------------------------------- what can be true

// Fields that are the same in all events of a class.
possible view_possible(void *context, const test *t)
{
    const getter *g = &((const getter *)context)[t->field];
    if (g->kind == GET_UNKNOWN)
        return (possible){false, false};
    if (g->kind != GET_TEXT && g->kind != GET_NULL)
        return (possible){true, true};
    u8 folded[256];
    subject s = {.kind = g->kind == GET_NULL ? SUBJECT_NULL : SUBJECT_TEXT};
    if (g->kind == GET_TEXT) {
        s.text = text_span(g->text);
        if (s.text.len > sizeof(folded) || t->pattern.kind == PATTERN_FIELD || t->pattern.kind == PATTERN_ORDER)
            return (possible){true, true};
        rule_fold(folded, s.text);
        s.folded = (span){folded, s.text.len};
    }
    answer is = pattern_answer(&t->pattern, &s, NULL);
    return (possible){is == ANSWER_TRUE, is == ANSWER_FALSE};
}

static void make_getter(arena *a, const event_class *cls, const char *fields, const char *name, getter *out)
{
    getter_make(a, cls, fields, name, out);
    out->as_sysmon = true;
}

void view_getters(arena *a, const event_class *cls, const logsource *s, const char *fields, getter *out)
{
    for (u32 i = 0; i < s->field_count; i++)
        if (!s->fields[i].used)
            continue;
        else if (*s->fields[i].name)
            make_getter(a, cls, fields, s->fields[i].name, &out[i]);
        else
            out[i] = (getter){.kind = GET_ALL};
}

// Looks for rules which events of the class can hit: marks the fields that they ask. False: there are none.
static bool find_rules(arena *a, const rule_set *set, watching *w, bool *asked)
{
    const logsource *s = w->source;
    bool any = false;
    w->always = arena_array(a, u32, s->always_count);
    for (u32 i = 0; i < s->rule_count; i++) {
        u32 rule = s->rules[i];
        if (!rule_possible(set, rule, view_possible, w->getters).yes)
            continue;
        any = true;
        rule_fields(set, rule, asked);
        if (set->rules[rule].always)
            w->always[w->always_count++] = rule;
    }
    return any;
}

// Fields that nobody asks are not looked at: what is not known makes no rule true.
static void leave_fields(const logsource *s, getter *getters, const bool *asked)
{
    for (u32 i = 0; i < s->field_count; i++)
        if (!asked[i])
            getters[i] = (getter){.kind = GET_UNKNOWN};
}

static void watch(event_views *v, class_view *cv, const event_class *cls, const logsource *s,
                  const activity_source *from)
{
    watching w = {.source = s, .when = from ? from->when : WHEN_ALWAYS};
    bool *asked = mem_zeroed(s->field_count + 1, sizeof(*asked));
    w.getters = arena_array(&v->arena, getter, s->field_count);
    view_getters(&v->arena, cls, s, from ? from->fields : "*", w.getters);
    bool any = find_rules(&v->arena, v->set, &w, asked);
    leave_fields(s, w.getters, asked);
    mem_free(asked);
    if (!any)
        return;
    watching *list = arena_array(&v->arena, watching, cv->count + 1);
    if (cv->count)
        memcpy(list, cv->list, cv->count * sizeof(*list));
    list[cv->count++] = w;
    cv->list = list;
}

static void look_at_view(event_views *v, class_view *cv, const event_class *cls, const logsource *s, const view *from)
{
    activity_source source;
    for (u32 n = 0; n < activity_source_count; n++) {
        const activity_source *told = from->own ? &from->event : &activity_sources[n];
        if (activity_source_is_of(told, cls) && view_source(&v->arena, from, n, &source))
            watch(v, cv, cls, s, &source);
    }
}

static void look_at_class(event_views *v, class_view *cv, const event_class *cls)
{
    for (u32 i = 0; i < v->set->logsource_count; i++) {
        const logsource *s = &v->set->logsources[i];
        if (!s->rule_count || !logsource_is_windows(s))
            continue;
        for (u32 k = 0; *s->category && k < view_count; k++)
            if (view_is_of(s->category, views[k].category))
                look_at_view(v, cv, cls, s, &views[k]);
        if (!*s->category && (*s->service ? is_of_service(s->service, cls) : is_logged(cls)))
            watch(v, cv, cls, s, NULL);
    }
}

// ---------------------------------------------------------------------------------------------- begin and end

event_views *views_new(const rule_set *set, const correlator *c, const event_class *const *classes, u32 count)
{
    event_views *v = mem_zeroed(1, sizeof(*v));
    v->set = set;
    v->correlator = c;
    v->class_count = count;
    v->classes = mem_zeroed(count ? count : 1, sizeof(*v->classes));
    for (u32 i = 0; i < count; i++)
        look_at_class(v, &v->classes[i], classes[i]);
    return v;
}

void views_free(event_views *v)
{
    if (!v)
        return;
    mem_free(v->classes);
    arena_free(&v->arena);
    mem_free(v);
}

void view_scratch_free(view_scratch *x)
{
    rule_scratch_free(&x->rules);
    mem_free(x->subjects);
    mem_free(x->texts);
    mem_free(x->told);
    getter_scratch_free(&x->getter);
}

bool views_watch(const event_views *v, u32 class_index)
{
    return class_index < v->class_count && v->classes[class_index].count;
}

// ---------------------------------------------------------------------------------------------- records

// The text of each field, then the same without case.
static void fill_subjects(const event_views *v, const watching *w, const record *rec, view_scratch *x)
{
    static const subject_kind KINDS[] = {
        [GOT_UNKNOWN] = SUBJECT_UNKNOWN, [GOT_NULL] = SUBJECT_NULL, [GOT_TEXT] = SUBJECT_TEXT};
    u32 count = w->source->field_count;
    outbuf *text = &x->getter.text;
    text->len = 0;
    for (u32 i = 0; i < count; i++)
        getter_get(v->correlator, &w->getters[i], rec, &x->getter, &x->texts[i]);
    size_t len = text->len;
    u8 *folded = outbuf_reserve(text, len + 1);
    rule_fold(folded, (span){text->bytes, len});
    for (u32 i = 0; i < count; i++) {
        const got_value *t = &x->texts[i];
        x->subjects[i] = (subject){.kind = KINDS[t->kind],
                                   .has_number = t->has_number,
                                   .tail = t->tail,
                                   .text = {text->bytes + t->at, t->len},
                                   .folded = {folded + t->at, t->len},
                                   .number = t->number};
    }
}

// An event may be seen in two ways by the same rule.
static bool is_first(const rule_set *set, view_scratch *x, u32 rule)
{
    if (set->rule_count > x->told_capacity) {
        x->told = mem_grow_zeroed(x->told, x->told_capacity, set->rule_count, sizeof(*x->told));
        x->told_capacity = set->rule_count;
    }
    bool first = x->told[rule] != x->records;
    x->told[rule] = x->records;
    return first;
}

static void see(const event_views *v, const watching *w, const record *rec, view_scratch *x, view_hit *hit,
                void *context)
{
    if (!event_meets(w->when, rec))
        return;
    if (w->source->field_count > x->field_capacity) {
        x->field_capacity = w->source->field_count;
        mem_free(x->subjects);
        mem_free(x->texts);
        x->subjects = mem_zeroed(x->field_capacity, sizeof(*x->subjects));
        x->texts = mem_zeroed(x->field_capacity, sizeof(*x->texts));
    }
    fill_subjects(v, w, rec, x);
    rule_set_ask(v->set, w->source, w->always, w->always_count, x->subjects, &x->rules);
    for (u32 i = 0; i < x->rules.hit_count; i++)
        if (is_first(v->set, x, x->rules.hits[i]))
            hit(context, x->rules.hits[i], x);
}

void views_see(const event_views *v, const record *rec, view_scratch *x, view_hit *hit, void *context)
{
    const class_view *cv = &v->classes[rec->cls->index];
    x->records++;
    for (u32 i = 0; i < cv->count; i++)
        see(v, &cv->list[i], rec, x, hit, context);
}
