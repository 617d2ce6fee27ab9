#include "activity/activity.h"

#include <stdio.h>

#include "base/known_guids.h"
#include "base/text.h"

const activity_field_facts activity_fields[ACTIVITY_FIELDS] = {
#define FIELD(name, type, meaning) {#name, FIELD_##type, meaning},
#include "activity/activities.def"
};

const activity_kind_facts activity_kinds[ACTIVITY_KINDS_TOLD] = {
#define KIND(name, title, sentence) {#name, title, sentence},
#include "activity/activities.def"
#define TOLD(name, sentence) {#name, "", sentence},
#include "activity/activities.def"
};

const activity_source activity_sources[] = {
#define EVENT(kind, action, provider, classic, first, last, when, fields)                                              \
    {ACTIVITY_KIND_##kind, action, provider, classic, first, last, NULL, when, fields},
#define NAMED(kind, action, provider, event_name, when, fields)                                                        \
    {ACTIVITY_KIND_##kind, action, provider, false, 0, 0, event_name, when, fields},
#include "activity/activities.def"
};
const u32 activity_source_count = COUNT_OF(activity_sources);

bool activity_source_is_of(const activity_source *s, const event_class *cls)
{
    u16 number = cls->classic ? cls->descriptor.opcode : cls->descriptor.id;
    if (s->classic != cls->classic || !guid_equal(&s->provider, &cls->provider_id))
        return false;
    if (s->name)
        return cls->event_name && strcmp(s->name, cls->event_name) == 0;
    return number >= s->first && number <= s->last;
}

// ---------------------------------------------------------------------------------------------- sources by field

static void put_word(outbuf *out, const char *at, size_t len)
{
    outbuf_add(out, at, len);
}

// ".process>image": the id's field and the fact of it; of the process the event happened in where there is no field.
static bool put_fact_of(outbuf *out, const activity_source *s, const char *id, const char *fact, size_t len)
{
    source_word source;
    if (!find_source(s->fields, id, &source)) {
        outbuf_text(out, "@");
        put_word(out, fact, len);
        return strcmp(id, "process") == 0;
    }
    put_word(out, source.at, source.len);
    outbuf_text(out, ">");
    put_word(out, fact, len);
    return true;
}

static bool put_source(outbuf *out, const activity_source *s, const char *at, size_t len)
{
    static const char PROCESS[] = ".process>", TARGET[] = ".target>", KEY[] = "@key+.";
    source_word source;
    char name[64];
    if (len > strlen(PROCESS) && strncmp(at, PROCESS, strlen(PROCESS)) == 0)
        return put_fact_of(out, s, "process", at + strlen(PROCESS), len - strlen(PROCESS));
    if (len > strlen(TARGET) && strncmp(at, TARGET, strlen(TARGET)) == 0)
        return put_fact_of(out, s, "target", at + strlen(TARGET), len - strlen(TARGET));
    bool after_key = len > strlen(KEY) && strncmp(at, KEY, strlen(KEY)) == 0;
    if (*at != '.' && !after_key) {
        put_word(out, at, len);
        return true;
    }
    snprintf(name, sizeof(name), "%.*s", (int)(after_key ? len - strlen(KEY) : len - 1),
             after_key ? at + strlen(KEY) : at + 1);
    bool has = find_source(s->fields, name, &source);
    if (after_key)
        outbuf_text(out, has ? "@key+" : "@key");
    if (has)
        put_word(out, source.at, source.len);
    return has || after_key;
}

const char *activity_expand(arena *a, const char *fields, const activity_source *s)
{
    outbuf out = {0};
    for (const char *at = fields; *at; at += strcspn(at, " "), at += strspn(at, " ")) {
        size_t len = strcspn(at, " "), name = strcspn(at, "="), start = out.len;
        if (name >= len) {
            put_word(&out, at, len);
            continue;
        }
        outbuf_add(&out, at, name + 1);
        if (!put_source(&out, s, at + name + 1, len - name - 1))
            out.len = start;
        else
            outbuf_text(&out, " ");
    }
    while (out.len && out.bytes[out.len - 1] == ' ')
        out.len--;
    const char *text = arena_text_len(a, (const char *)out.bytes, out.len);
    outbuf_free(&out);
    return text;
}

// ---------------------------------------------------------------------------------------------- classes

// A class as one line of the table sees it.
typedef struct watched {
    const activity_source *source;
    event_condition when;
    getter *getters; // by field
} watched;

typedef struct watched_class {
    watched *list;
    u32 count;
} watched_class;

struct activities {
    arena arena;
    const correlator *correlator;
    watched_class *classes;
    u32 count;
};

static void watch(activities *a, watched_class *wc, const event_class *cls, const activity_source *s)
{
    watched *list = arena_array(&a->arena, watched, wc->count + 1);
    if (wc->count)
        memcpy(list, wc->list, wc->count * sizeof(*list));
    getter *getters = arena_array(&a->arena, getter, ACTIVITY_FIELDS);
    for (u32 i = 0; i < ACTIVITY_FIELDS; i++) {
        source_word source;
        if (find_source(s->fields, activity_fields[i].name, &source))
            getter_make(&a->arena, cls, s->fields, activity_fields[i].name, &getters[i]);
    }
    list[wc->count] = (watched){.source = s, .getters = getters};
    event_condition_make(&a->arena, cls, s->when, &list[wc->count++].when);
    wc->list = list;
}

activities *activities_new(const correlator *c, const event_class *const *classes, u32 count, u32 kinds)
{
    activities *a = mem_zeroed(1, sizeof(*a));
    a->correlator = c;
    a->count = count;
    a->classes = mem_zeroed(count ? count : 1, sizeof(*a->classes));
    for (u32 i = 0; i < count; i++)
        for (u32 k = 0; classes[i]->plan_count && k < activity_source_count; k++)
            if (activity_sources[k].kind < kinds && activity_source_is_of(&activity_sources[k], classes[i]))
                watch(a, &a->classes[i], classes[i], &activity_sources[k]);
    return a;
}

void activities_free(activities *a)
{
    if (!a)
        return;
    mem_free(a->classes);
    arena_free(&a->arena);
    mem_free(a);
}

u32 activities_of_class(const activities *a, u32 class_index)
{
    return class_index < a->count ? a->classes[class_index].count : 0;
}

activity_kind activities_kind(const activities *a, u32 class_index, u32 which)
{
    return a->classes[class_index].list[which].source->kind;
}

// ---------------------------------------------------------------------------------------------- records

const char *activity_known_name(activity_known known)
{
    static const char *const NAMES[] = {NULL, "header", "field", "thread"};
    return NAMES[known];
}

// Who acts: whom the payload names, else whose event it is.
static void find_actor(const activities *a, const watched *w, activity *x)
{
    const record *rec = x->record;
    u64 id;
    if (getter_has_field(&w->getters[ACTIVITY_process], rec)) {
        x->has_process = getter_number(&w->getters[ACTIVITY_process], rec, &id);
        if (!x->has_process)
            return;
        x->process_id = (u32)id;
        x->has_process = x->process_id != NO_PROCESS_ID;
        if (!x->has_process)
            return;
        x->known = KNOWN_BY_FIELD;
        x->process = correlator_process_at(a->correlator, rec->source_index, rec->epoch, x->process_id, rec->time);
        return;
    }
    x->has_process = rec->has_process;
    x->process_id = rec->process_id;
    x->process = rec->process;
    if (rec->has_process)
        x->known = rec->event->process_id == rec->process_id ? KNOWN_BY_HEADER : KNOWN_BY_THREAD;
}

static void find_target(const activities *a, const watched *w, activity *x)
{
    const record *rec = x->record;
    u64 id;
    x->has_target = getter_number(&w->getters[ACTIVITY_target], rec, &id);
    if (!x->has_target)
        return;
    x->target_id = (u32)id;
    x->target = correlator_process_at(a->correlator, rec->source_index, rec->epoch, x->target_id, rec->time);
}

bool activity_see(const activities *a, const record *rec, u32 which, getter_scratch *scratch, activity *out)
{
    const watched *w = &a->classes[rec->cls->index].list[which];
    if (!rec->plan || !event_meets_condition(a->correlator, &w->when, rec))
        return false;
    *out = (activity){.record = rec, .kind = w->source->kind, .action = w->source->action};
    scratch->text.len = 0;
    find_actor(a, w, out);
    find_target(a, w, out);
    for (u32 i = 0; i < ACTIVITY_FIELDS; i++)
        if (activity_fields[i].type != FIELD_PROCESS && w->getters[i].kind != GET_UNKNOWN)
            getter_get(a->correlator, &w->getters[i], rec, scratch, &out->values[i]);
    return true;
}

span activity_text(const activity *x, const getter_scratch *scratch, activity_field which)
{
    const got_value *v = &x->values[which];
    if (v->kind != GOT_TEXT)
        return (span){0};
    span text = {scratch->text.bytes + v->at, v->len};
    // The end of a path is told with the backslash before it.
    return v->tail && text.len && text.at[0] == '\\' ? span_from(text, 1) : text;
}

bool activity_number(const activity *x, activity_field which, u64 *out)
{
    const got_value *v = &x->values[which];
    if (v->kind != GOT_TEXT || !v->is_whole)
        return false;
    // Some events have it signed, others not.
    bool is_negative = which == ACTIVITY_status && v->whole >= (u64)(i64)INT32_MIN;
    *out = is_negative ? (u32)v->whole : v->whole;
    return true;
}

// Codes of NTSTATUS and HRESULT are known by their hexadecimal form, those of Win32, DNS and HTTP by the decimal one.
static void put_number(activity_field which, u64 number, outbuf *out)
{
    enum { LEAST_LONG = 0x10000 };
    bool hex = which == ACTIVITY_status && number >= LEAST_LONG;
    u8 *p = outbuf_reserve(out, 24);
    outbuf_written(out, hex ? text_hex(p, number) : text_u64(p, number));
}

// "type:  5 cdn.example.net;::ffff:192.0.2.77;" as "cdn.example.net, 192.0.2.77".
static void put_answers(span text, outbuf *out)
{
    size_t start = out->len;
    while (text.len) {
        const u8 *end = memchr(text.at, ';', text.len);
        span one = {text.at, end ? (size_t)(end - text.at) : text.len};
        text = span_from(text, end ? one.len + 1 : one.len);
        static const char TYPE[] = "type: ", MAPPED[] = "::ffff:";
        if (one.len > 6 && memcmp(one.at, TYPE, 6) == 0) {
            size_t at = 6;
            while (at < one.len && (one.at[at] == ' ' || (one.at[at] >= '0' && one.at[at] <= '9')))
                at++;
            one = span_from(one, at);
        }
        if (one.len > 7 && memcmp(one.at, MAPPED, 7) == 0 && memchr(one.at, '.', one.len))
            one = span_from(one, 7);
        if (one.len && out->len > start)
            outbuf_text(out, ", ");
        outbuf_add(out, one.at, one.len);
    }
}

void activity_put(const activity *x, const getter_scratch *scratch, activity_field which, outbuf *out)
{
    span text = activity_text(x, scratch, which);
    bool looks_up = x->kind == ACTIVITY_KIND_dns_query || x->kind == ACTIVITY_KIND_dns_answer;
    u64 number;
    if (which == ACTIVITY_results && looks_up)
        put_answers(text, out);
    else if (activity_fields[which].type == FIELD_NUMBER && activity_number(x, which, &number))
        put_number(which, number, out);
    else
        outbuf_add(out, text.at, text.len);
}

// ---------------------------------------------------------------------------------------------- sentences

static void put_process(bool has, u32 id, const process_life *life, outbuf *out)
{
    if (life && life->name)
        outbuf_text(out, life->name);
    else
        outbuf_text(out, !has ? "somebody" : id == 4 ? "System" : "process");
    if (!has)
        return;
    outbuf_text(out, " (");
    outbuf_written(out, text_u64(outbuf_reserve(out, 20), id));
    outbuf_text(out, ")");
}

// In brackets where it would run into the port.
static bool put_address(const activity *x, span text, outbuf *out)
{
    bool brackets = text.len && memchr(text.at, ':', text.len) && x->values[ACTIVITY_port].kind == GOT_TEXT;
    outbuf_text(out, brackets ? "[" : "");
    outbuf_add(out, text.at, text.len);
    outbuf_text(out, brackets ? "]" : "");
    return text.len;
}

// False: it is not told.
static bool put_named(const activity *x, const getter_scratch *scratch, const char *name, size_t len, outbuf *out)
{
    if (len == 6 && memcmp(name, "action", 6) == 0) {
        outbuf_text(out, x->action);
        return *x->action;
    }
    u32 i = 0;
    while (i < ACTIVITY_FIELDS &&
           (strlen(activity_fields[i].name) != len || memcmp(activity_fields[i].name, name, len)))
        i++;
    if (i == ACTIVITY_process || i == ACTIVITY_target) {
        bool actor = i == ACTIVITY_process;
        put_process(actor ? x->has_process : x->has_target, actor ? x->process_id : x->target_id,
                    actor ? x->process : x->target, out);
        return actor ? x->has_process : x->has_target;
    }
    span text = i < ACTIVITY_FIELDS ? activity_text(x, scratch, (activity_field)i) : (span){0};
    u64 number;
    if (i == ACTIVITY_status && activity_number(x, ACTIVITY_status, &number) && number == 0)
        return false;
    if (i == ACTIVITY_address)
        return put_address(x, text, out);
    if (i == ACTIVITY_value_name && x->values[i].kind == GOT_TEXT && !text.len) {
        outbuf_text(out, "(Default)");
        return true;
    }
    size_t start = out->len;
    if (i < ACTIVITY_FIELDS)
        activity_put(x, scratch, (activity_field)i, out);
    return out->len > start;
}

// From `at` to the end, or to the bracket that closes. Returns where it ended; *told: nothing in it was missing.
static const char *put_sentence(const activity *x, const getter_scratch *scratch, const char *at, outbuf *out,
                                bool *told)
{
    *told = true;
    while (*at && *at != ']') {
        if (*at == '{') {
            size_t len = strcspn(at + 1, "}");
            *told &= put_named(x, scratch, at + 1, len, out);
            at += len + 2;
        } else if (*at == '[') {
            size_t start = out->len;
            bool all;
            at = put_sentence(x, scratch, at + 1, out, &all);
            if (!all)
                out->len = start;
            at += *at == ']';
        } else {
            size_t len = strcspn(at, "{[]");
            outbuf_add(out, at, len);
            at += len;
        }
    }
    return at;
}

void activity_sentence(const activity *x, const getter_scratch *scratch, outbuf *out)
{
    bool told;
    (void)put_sentence(x, scratch, activity_kinds[x->kind].sentence, out, &told);
}
