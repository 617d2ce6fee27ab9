#include "detect/views.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/fold.h"
#include "activity/activity.h"
#include "base/known_guids.h"
#include "base/text.h"
#include "decode/render.h"
#include "detect/correlation.h"
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
        text_fold(folded, s.text);
        s.folded = (span){folded, s.text.len};
    }
    answer is = pattern_answer(&t->pattern, &s, NULL);
    return (possible){is == ANSWER_TRUE, is == ANSWER_FALSE};
}

void view_getter(arena *a, const event_class *cls, const logsource *s, const char *fields, u32 number, getter *out)
{
    const rule_field *f = &s->fields[number];
    if (*f->name) {
        getter_make(a, cls, fields, f->name, out);
        out->as_sysmon = true;
        return;
    }
    bool none = f->words && cls->plan_count && !getter_class_has_words(cls);
    *out = (getter){.kind = none ? GET_NULL : GET_ALL, .words = f->words};
}

void view_getters(arena *a, const event_class *cls, const logsource *s, const char *fields, getter *out)
{
    for (u32 i = 0; i < s->field_count; i++)
        if (s->fields[i].used)
            view_getter(a, cls, s, fields, i, &out[i]);
}

// What images say of themselves stands in merged traces only.
static bool is_untold(const correlator *c, const getter *g)
{
    bool of_image = g->kind == GET_LOADED || (g->kind == GET_PROCESS && g->fact >= FACT_ORIGINAL_NAME);
    return of_image && !correlator_has_versions(c);
}

// Looks for rules which events of the class can hit: marks the fields that they ask, lists those that need no needle.
// False: there are none.
static bool find_rules(const rule_set *set, const logsource *s, getter *getters, bool *asked, u32 *always, u32 *count)
{
    bool any = false;
    for (u32 i = 0; i < s->rule_count; i++) {
        u32 rule = s->rules[i];
        if (!rule_possible(set, rule, view_possible, getters).yes)
            continue;
        any = true;
        rule_fields(set, rule, asked);
        if (set->rules[rule].always)
            always[(*count)++] = rule;
    }
    return any;
}

// Fields that nobody asks are not looked at: what is not known makes no rule true.
static watching make_watching(event_views *v, const event_class *cls, const logsource *s, const char *fields,
                              const bool *asked)
{
    arena *a = &v->arena;
    watching w = {.question.source = s};
    u32 count = 0, *numbers;
    for (u32 i = 0; i < s->field_count; i++)
        count += asked[i];
    numbers = arena_array(a, u32, count);
    w.getters = arena_array(a, getter, count + 1);
    for (u32 i = 0; i < s->field_count; i++) {
        getter *g = &w.getters[w.question.field_count];
        if (!asked[i])
            continue;
        view_getter(a, cls, s, fields, i, g);
        if (g->kind != GET_UNKNOWN && !is_untold(v->correlator, g))
            numbers[w.question.field_count++] = i;
    }
    w.question.fields = numbers;
    return w;
}

static void add_watching(arena *a, class_view *cv, const watching *w)
{
    watching *list = arena_array(a, watching, cv->count + 1);
    if (cv->count)
        memcpy(list, cv->list, cv->count * sizeof(*list));
    list[cv->count++] = *w;
    cv->list = list;
}

static void watch(event_views *v, class_view *cv, const event_class *cls, const logsource *s,
                  const activity_source *from)
{
    const char *fields = from ? from->fields : "*";
    arena scratch = {0};
    getter *getters = arena_array(&scratch, getter, s->field_count);
    bool *asked = arena_array(&scratch, bool, s->field_count);
    u32 *always = arena_array(&scratch, u32, s->always_count), count = 0;
    view_getters(&scratch, cls, s, fields, getters);
    for (u32 i = 0; i < s->field_count; i++)
        if (is_untold(v->correlator, &getters[i]))
            getters[i] = (getter){.kind = GET_UNKNOWN};
    if (find_rules(v->set, s, getters, asked, always, &count)) {
        watching w = make_watching(v, cls, s, fields, asked);
        u32 *kept = arena_array(&v->arena, u32, count);
        if (count)
            memcpy(kept, always, count * sizeof(*kept));
        event_condition_make(&v->arena, cls, from ? from->when : WHEN_ALWAYS, &w.when);
        w.question.always = kept;
        w.question.always_count = count;
        add_watching(&v->arena, cv, &w);
    }
    arena_free(&scratch);
}

static void watch_category(event_views *v, class_view *cv, const event_class *cls, const char *category,
                           const activity_source *from)
{
    for (u32 i = 0; i < v->set->logsource_count; i++) {
        const logsource *s = &v->set->logsources[i];
        if (s->rule_count && logsource_is_windows(s) && *s->category && view_is_of(s->category, category))
            watch(v, cv, cls, s, from);
    }
}

static void look_at_views(event_views *v, class_view *cv, const event_class *cls, u32 n)
{
    activity_source source;
    for (u32 k = 0; k < view_count; k++)
        if (!views[k].own && view_source(&v->arena, &views[k], n, &source))
            watch_category(v, cv, cls, views[k].category, &source);
}

static void look_at_logs(event_views *v, class_view *cv, const event_class *cls)
{
    for (u32 i = 0; i < v->set->logsource_count; i++) {
        const logsource *s = &v->set->logsources[i];
        if (s->rule_count && logsource_is_windows(s) && !*s->category &&
            (*s->service ? is_of_service(s->service, cls) : is_logged(cls)))
            watch(v, cv, cls, s, NULL);
    }
}

static void look_at_class(event_views *v, class_view *cv, const event_class *cls)
{
    for (u32 n = 0; n < activity_source_count; n++)
        if (activity_source_is_of(&activity_sources[n], cls))
            look_at_views(v, cv, cls, n);
    for (u32 k = 0; k < view_count; k++)
        if (views[k].own && activity_source_is_of(&views[k].event, cls))
            watch_category(v, cv, cls, views[k].category, &views[k].event);
    look_at_logs(v, cv, cls);
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
    known_texts_free(&x->known);
    getter_scratch_free(&x->getter);
}

bool views_watch(const event_views *v, u32 class_index)
{
    return class_index < v->class_count && v->classes[class_index].count;
}

// ---------------------------------------------------------------------------------------------- records

// A text of the payload that has no keyword in it.
static bool is_silent(const rule_field *f, const typed_value *value, view_scratch *x)
{
    const known_key key = {f, value->bytes, (u64)value->encoding};
    if (value->kind != VALUE_TEXT || !value->bytes.len)
        return value->kind == VALUE_TEXT;
    known_text *t = known_text_find(&x->known, &key);
    if (!t) {
        size_t start = x->getter.text.len;
        render_text(&x->getter.text, value);
        t = known_text_add(&x->known, &key, (span){x->getter.text.bytes + start, x->getter.text.len - start});
        x->getter.text.len = start;
    }
    if (t && !t->passed) {
        t->has_any = needles_any(&f->needles, known_text_folded(t));
        t->passed = true;
    }
    return t && !t->has_any;
}

// Whether no keyword is in any text of the event: then there is nothing to be asked of the whole.
static bool are_silent(const rule_field *f, const record *rec, view_scratch *x)
{
    typed_value value;
    for (u32 i = 0; rec->plan && i < rec->top_done; i++) {
        const field *at = &rec->plan->fields[i];
        if (at->silent || !getter_field_has_words(at))
            continue;
        record_field(rec, i, &value);
        if (!is_silent(f, &value, x))
            return false;
    }
    return true;
}

static void set_known(subject *s, known_text *t)
{
    *s = (subject){.kind = SUBJECT_TEXT, .text = known_text_plain(t), .folded = known_text_folded(t), .known = t};
}

// A field's text: one that is known, or else appended to the scratch's, and known from now on where that is worth it.
static void get_subject(const event_views *v, const watching *w, u32 at, const record *rec, view_scratch *x)
{
    const getter *g = &w->getters[at];
    u32 number = w->question.fields[at];
    const rule_field *f = &w->question.source->fields[number];
    getter_source source;
    known_key key = {.of = f};
    if (g->kind == GET_ALL && g->words && are_silent(f, rec, x)) {
        x->texts[at] = (got_value){.kind = GOT_TEXT, .at = x->getter.text.len};
        return;
    }
    bool often = getter_get_source(v->correlator, g, rec, &source);
    key.bytes = source.bytes;
    key.with = source.with;
    known_text *known = often ? known_text_find(&x->known, &key) : NULL;
    if (!known) {
        got_value *got = &x->texts[at];
        getter_get(v->correlator, g, rec, &x->getter, got);
        if (often && got->kind == GOT_TEXT && !got->tail && !got->has_number)
            known = known_text_add(&x->known, &key, (span){x->getter.text.bytes + got->at, got->len});
    }
    if (known)
        set_known(&x->subjects[number], known);
}

// The texts of the fields, one after the other, then the same without case.
static void fill_subjects(const event_views *v, const watching *w, const record *rec, view_scratch *x)
{
    static const subject_kind KINDS[] = {
        [GOT_UNKNOWN] = SUBJECT_UNKNOWN, [GOT_NULL] = SUBJECT_NULL, [GOT_TEXT] = SUBJECT_TEXT};
    const rule_question *q = &w->question;
    outbuf *text = &x->getter.text;
    text->len = 0;
    known_texts_begin(&x->known);
    for (u32 i = 0; i < q->field_count; i++)
        get_subject(v, w, i, rec, x);
    size_t len = text->len;
    u8 *folded = outbuf_reserve(text, len + 1);
    text_fold(folded, (span){text->bytes, len});
    for (u32 i = 0; i < q->field_count; i++) {
        const got_value *t = &x->texts[i];
        subject *s = &x->subjects[q->fields[i]];
        if (s->known)
            continue;
        *s = (subject){.kind = KINDS[t->kind],
                       .has_number = t->has_number,
                       .tail = t->tail,
                       .text = {text->bytes + t->at, t->len},
                       .folded = {folded + t->at, t->len},
                       .number = t->number};
    }
}

static void clear_subjects(const rule_question *q, view_scratch *x)
{
    for (u32 i = 0; i < q->field_count; i++)
        x->subjects[q->fields[i]] = (subject){.kind = SUBJECT_UNKNOWN};
}

static void make_room(view_scratch *x, u32 fields)
{
    if (fields <= x->field_capacity)
        return;
    x->field_capacity = fields;
    mem_free(x->subjects);
    mem_free(x->texts);
    x->subjects = mem_zeroed(fields, sizeof(*x->subjects));
    x->texts = mem_zeroed(fields, sizeof(*x->texts));
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
    if (!event_meets_condition(v->correlator, &w->when, rec))
        return;
    make_room(x, w->question.source->field_count);
    fill_subjects(v, w, rec, x);
    rule_set_ask(v->set, &w->question, x->subjects, &x->rules);
    for (u32 i = 0; i < x->rules.hit_count; i++)
        if (is_first(v->set, x, x->rules.hits[i]))
            hit(context, x->rules.hits[i], x);
    clear_subjects(&w->question, x);
}

void views_see(const event_views *v, const record *rec, view_scratch *x, view_hit *hit, void *context)
{
    const class_view *cv = &v->classes[rec->cls->index];
    x->records++;
    for (u32 i = 0; i < cv->count; i++)
        see(v, &cv->list[i], rec, x, hit, context);
}
