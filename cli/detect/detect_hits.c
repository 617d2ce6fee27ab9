// Hits, as they are found: records are looked at on all threads, hits are told in their order.
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "detect/detect.h"
#include "pipeline.h"
#include "print.h"
#include "signals.h"

enum {
    SCRATCHES = 256,
    SEEN_BITS = 1 << 23, // 1 MiB: some hundred thousand hits are told apart
};

// Of one thread.
typedef struct scratch {
    view_scratch view;
    query_scratch query;
} scratch;

struct sink {
    const rule_set *set;
    event_views *views;
    correlations *correlations;
    record_filter filter;
    u8 *by_class;          // where_truth of the filter
    _Atomic u8 *hit_class; // something of it hit
    _Atomic u64 *seen;     // bits by what tells records that hit from most others
    detection_visit *visit;
    void *context;
    hit_counts *counts;
    bool holds;                     // hits of the first pass are kept until their records have numbers
    bool overflows;                 // they are too many
    pipeline_marks marks;           // by hit
    outbuf held;                    // the hits
    detection_room room, last_room; // of the hit in hand, of the last one of a correlation
    error *e;
    _Atomic(const void *) owners[SCRATCHES]; // of the scratches: a thread's
    scratch *scratches[SCRATCHES];
};

// ---------------------------------------------------------------------------------------------- scratch

static void free_scratch(scratch *x)
{
    if (!x)
        return;
    view_scratch_free(&x->view);
    query_scratch_free(&x->query);
    mem_free(x);
}

// Threads are told apart by what they make records in. NULL: there are too many.
static scratch *scratch_of(const sink *s, const record *rec)
{
    sink *shared = (sink *)(uintptr_t)s;
    for (u32 i = 0; i < SCRATCHES; i++) {
        const void *owner = atomic_load_explicit(&shared->owners[i], memory_order_acquire);
        bool mine = owner == rec->scratch;
        if (!owner) {
            mine = atomic_compare_exchange_strong(&shared->owners[i], &owner, rec->scratch);
            if (mine)
                shared->scratches[i] = mem_zeroed(1, sizeof(scratch));
            mine |= owner == rec->scratch;
        }
        if (mine)
            return shared->scratches[i];
    }
    return NULL;
}

// ---------------------------------------------------------------------------------------------- looking at records

typedef struct looking {
    const sink *sink;
    const record *rec;
    outbuf *out;
} looking;

static void add_hit(void *context, u32 number, view_scratch *x)
{
    const looking *at = context;
    detection_pack(at->out, at->sink->set, number, at->rec, x);
}

static bool passes(const sink *s, const record *rec, scratch *x)
{
    where_truth truth = (where_truth)s->by_class[rec->cls->index];
    if (truth == WHERE_NEVER || rec->time < s->filter.filter->since || rec->time > s->filter.filter->until)
        return false;
    return truth == WHERE_ALWAYS || filter_record(&s->filter, rec, &x->query);
}

static u32 bit_of(const record *rec)
{
    return (u32)(hash_more(hash_u64((u64)rec->time), &rec->offset, sizeof(rec->offset)) % SEEN_BITS);
}

static void note_record(void *context, u32 number, view_scratch *x)
{
    (void)number, (void)x;
    const looking *at = context;
    sink *s = (sink *)(uintptr_t)at->sink;
    u32 bit = bit_of(at->rec);
    atomic_store_explicit(&s->hit_class[at->rec->cls->index], 1, memory_order_relaxed);
    atomic_fetch_or_explicit(&s->seen[bit / 64], 1ull << bit % 64, memory_order_relaxed);
}

static bool was_seen(const sink *s, const record *rec)
{
    u32 bit = bit_of(rec);
    return atomic_load_explicit(&((sink *)(uintptr_t)s)->seen[bit / 64], memory_order_relaxed) >> bit % 64 & 1;
}

static void look(const sink *s, const record *rec, outbuf *out, view_hit *hit)
{
    scratch *own = scratch_of(s, rec), *x = own ? own : mem_zeroed(1, sizeof(*x));
    if (passes(s, rec, x)) {
        looking at = {s, rec, out};
        views_see(s->views, rec, &x->view, hit, &at);
    }
    if (!own)
        free_scratch(x);
}

// Before each hit that is held.
typedef struct hold {
    u64 at;
    i64 time;
} hold;

static void hold_hit(void *context, u32 number, view_scratch *x)
{
    const looking *at = context;
    const hold h = {at->rec->number, at->rec->event->time};
    note_record(context, number, x);
    outbuf_add(at->out, &h, sizeof(h));
    detection_pack(at->out, at->sink->set, number, at->rec, x);
}

// The first pass.
static void probe_render(const sink *s, const record *rec, outbuf *out)
{
    look(s, rec, out, s->holds ? hold_hit : note_record);
}

static bool probe_passes_over(const sink *s, u32 class_index)
{
    return s->by_class[class_index] == WHERE_NEVER || !views_watch(s->views, class_index);
}

static void let_go(sink *s)
{
    s->overflows = true;
    s->marks.count = 0;
    outbuf_free(&s->held);
    s->held = (outbuf){0};
}

static bool probe_commit(sink *s, span rendered, u32 records, error *e)
{
    (void)records, (void)e;
    while (s->holds && !s->overflows && rendered.len) {
        hold h;
        detection d;
        span whole;
        pipeline_marks *marks = &s->marks;
        memcpy(&h, rendered.at, sizeof(h));
        rendered = span_from(rendered, sizeof(h));
        detection_unpack(&rendered, s->set, &s->room, &d, &whole);
        GROW(marks->list, marks->count, marks->capacity);
        marks->list[marks->count++] = (pipeline_mark){h.at, h.time, 0};
        outbuf_add(&s->held, whole.at, whole.len);
        if (s->held.len > LIMIT_HELD_HITS)
            let_go(s);
    }
    return true;
}

// The second.
static void hits_render(const sink *s, const record *rec, outbuf *out)
{
    if (was_seen(s, rec))
        look(s, rec, out, add_hit);
}

static bool hits_pass_over(const sink *s, u32 class_index)
{
    return !s->hit_class[class_index];
}

// ---------------------------------------------------------------------------------------------- telling hits

// Counts of a machine, by rule of the set.
static u64 *counts_of(hit_counts *c, const char *host)
{
    for (u32 i = 0; i < c->host_count; i++)
        if (c->hosts[i].host == host || (host && c->hosts[i].host && strcmp(host, c->hosts[i].host) == 0))
            return c->hosts[i].by_rule;
    GROW(c->hosts, c->host_count, c->host_capacity);
    c->hosts[c->host_count] = (host_hits){host, mem_zeroed(c->rule_count + 1, sizeof(u64))};
    return c->hosts[c->host_count++].by_rule;
}

void hit_counts_free(hit_counts *c)
{
    for (u32 i = 0; i < c->host_count; i++)
        mem_free(c->hosts[i].by_rule);
    mem_free(c->hosts);
}

static bool tell(sink *s, const detection *d)
{
    hit_counts *c = s->counts;
    c->hits++;
    counts_of(c, d->host)[d->rule - s->set->rules]++;
    if (d->rule->level > c->highest)
        c->highest = d->rule->level;
    return s->visit(s->context, d, s->e);
}

static bool tell_correlation(void *context, const correlation_hit *hit)
{
    sink *s = context;
    const sigma_rule *r = &s->set->rules[hit->rule];
    const correlation *c = r->correlation;
    span packed = hit->last->told, whole;
    detection d;
    detection_unpack(&packed, s->set, &s->last_room, &d, &whole);
    detection_field *fields = mem_zeroed(hit->group_count + 1, sizeof(*fields));
    for (u32 i = 0; i < hit->group_count; i++)
        fields[i] = (detection_field){c->groups[i], hit->groups[i], false};
    d.rule = r;
    d.fields = fields;
    d.field_count = hit->group_count;
    d.count = hit->count;
    d.records = hit->records;
    d.record_count = hit->record_count;
    bool ok = tell(s, &d);
    mem_free(fields);
    return ok;
}

static bool hits_commit(sink *s, span rendered, u32 records, error *e)
{
    (void)records;
    s->e = e;
    while (rendered.len) {
        detection d;
        span whole;
        detection_unpack(&rendered, s->set, &s->room, &d, &whole);
        const correlated hit = {(u32)(d.rule - s->set->rules), d.time, d.record, s->room.kept, whole};
        if (d.rule->told && !tell(s, &d))
            return false;
        if (s->set->correlation_count && !correlations_see(s->correlations, &hit, tell_correlation, s))
            return false;
    }
    return true;
}

static const exporter probe = {.name = "hits",
                               .render = probe_render,
                               .commit = probe_commit,
                               .passes_over = probe_passes_over,
                               .no_stacks = true,
                               .no_states = true};
static const exporter hits_exporter = {.name = "hits",
                                       .render = hits_render,
                                       .commit = hits_commit,
                                       .passes_over = hits_pass_over,
                                       .no_stacks = true,
                                       .no_states = true};

static bool any_class_hit(const sink *s, u32 classes)
{
    for (u32 i = 0; i < classes; i++)
        if (s->hit_class[i])
            return true;
    return false;
}

static bool tell_held(sink *s, error *e)
{
    span left = {s->held.bytes, s->held.len};
    for (u32 i = 0; i < s->marks.count; i++) {
        detection d;
        span whole;
        u8 *packed = s->held.bytes + (s->held.len - left.len);
        detection_number(packed, s->marks.list[i].number);
        detection_unpack(&left, s->set, &s->room, &d, &whole);
        if (!hits_commit(s, whole, 1, e))
            return false;
    }
    return true;
}

// Most traces have few hits: their records get their numbers afterwards. Where there are too many to be held, or
// records are numbered as a filter lets them through, all records are put into their order, which numbers them.
static bool find_hits(sink *s, pipeline_job *job, error *e)
{
    s->holds = filter_is_open(job->filter);
    job->exporter = &probe;
    job->only_rendered = true;
    job->marks = s->holds ? &s->marks : NULL;
    if (!pipeline_run(job, e))
        return false;
    job->marks = NULL;
    if (s->holds && !s->overflows)
        return tell_held(s, e);
    job->exporter = &hits_exporter;
    job->only_rendered = false;
    return !any_class_hit(s, class_count(job->session->classes)) || pipeline_run(job, e);
}

// ---------------------------------------------------------------------------------------------- the run

static void begin(sink *s, const filter *f, const session *from)
{
    u32 count = class_count(from->classes);
    filter_bind(&s->filter, f, class_list(from->classes), count);
    s->views = views_new(s->set, from->correlator, class_list(from->classes), count);
    s->correlations = correlations_new(s->set);
    s->by_class = mem_zeroed(count + 1, 1);
    s->hit_class = mem_zeroed(count + 1, sizeof(*s->hit_class));
    s->seen = mem_zeroed(SEEN_BITS / 64, sizeof(*s->seen));
    for (u32 i = 0; i < count; i++)
        s->by_class[i] = (u8)filter_class(s->filter.filter, class_list(from->classes)[i]);
}

static void end(sink *s)
{
    u64 forgotten = correlations_forgotten(s->correlations);
    if (forgotten)
        print_say("correlations: %llu groups of events were forgotten, as all of them would take more than %d MiB",
                  (unsigned long long)forgotten, LIMIT_CORRELATION_BYTES >> 20);
    for (u32 i = 0; i < SCRATCHES; i++)
        free_scratch(s->scratches[i]);
    outbuf_free(&s->held);
    mem_free(s->marks.list);
    detection_room_free(&s->room);
    detection_room_free(&s->last_room);
    filter_unbind(&s->filter);
    correlations_free(s->correlations);
    views_free(s->views);
    mem_free(s->by_class);
    mem_free((void *)s->hit_class);
    mem_free((void *)s->seen);
    mem_free(s);
}

// Looking for hits is no conversion: how many records were decoded is for those to say that count them.
typedef struct tally {
    u64 decoded, partial, raw;
} tally;

static tally *take_tallies(const session *from)
{
    tally *list = mem_zeroed(from->trace_count + 1, sizeof(*list));
    for (u32 i = 0; i < from->trace_count; i++)
        list[i] = (tally){from->traces[i]->decoded, from->traces[i]->partial, from->traces[i]->raw};
    return list;
}

static void give_tallies(const session *to, tally *list)
{
    for (u32 i = 0; i < to->trace_count; i++) {
        to->traces[i]->decoded = list[i].decoded;
        to->traces[i]->partial = list[i].partial;
        to->traces[i]->raw = list[i].raw;
    }
    mem_free(list);
}

bool detect_run(const rule_book *b, const filter *f, evidence *ev, hit_counts *counts, detection_visit *visit,
                void *context, error *e)
{
    sink *s = mem_zeroed(1, sizeof(*s));
    s->set = &b->set;
    s->counts = counts;
    s->visit = visit;
    s->context = context;
    counts->rule_count = b->set.rule_count;
    begin(s, f, ev->session);
    pipeline_job job = {.session = ev->session,
                        .filter = &ev->run->options->filter,
                        .sink = s,
                        .stop = &run_stop,
                        .progress = evidence_progress,
                        .context = ev};
    tally *before = take_tallies(ev->session);
    bool ok = find_hits(s, &job, e);
    give_tallies(ev->session, before);
    s->e = e;
    ok = ok && correlations_end(s->correlations, tell_correlation, s);
    end(s);
    return ok;
}
