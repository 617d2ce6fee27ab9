// The first pass: every buffer of every trace is scanned, on any thread, and collected in file order. Then the schemas
// that came along are loaded, the correlator's facts are put in order, and all classes are planned.
#include <stdatomic.h>
#include <stdlib.h>

#include "base/bisect.h"
#include "base/spill.h"
#include "schema/core/schema_core.h"
#include "schema/tables/schema_kernel.h"
#include "session/collect.h"
#include "session/count.h"
#include "session/header_doubts.h"
#include "threads/ring.h"

enum {
    SCAN_SLOTS = 16,       // buffers that are scanned and not yet collected
    SCAN_BYTES = 16 << 20, // and their bytes together
    FEWEST_BUFFERS = 8,    // fewer are not worth a thread
};

typedef struct survey {
    session *session;
    collector collector;
    counter *counter; // NULL: states are not counted
    session_progress *progress;
    void *progress_context;
    u64 done, total, reported, passed; // bytes
    atomic_flag facts_ordered;
} survey;

// ---------------------------------------------------------------------------------------------- scanning

typedef struct scan_run {
    const etl_file *file;
    u32 trace;
    scanner *scanners; // one a thread
} scan_run;

static void scan_next(void *context, unsigned thread, void *item, u64 number)
{
    scan_run *run = context;
    scan_buffer(&run->scanners[thread], run->file, run->trace, (u32)number, item);
}

static void free_scanned(void *item)
{
    scanned_free(item);
}

static u32 slots_for(const etl_file *f, unsigned threads)
{
    if (threads < 2)
        return 1;
    size_t largest = 1;
    u64 passed = 0;
    for (u32 i = 0; i < f->count; i++) {
        if (etl_capacity(&f->buffers[i]) > largest)
            largest = etl_capacity(&f->buffers[i]);
        spill_pass(&passed, sizeof(*f->buffers), SPILL_ITEMS);
    }
    size_t fits = SCAN_BYTES / largest;
    return fits < 2 ? 2 : fits < SCAN_SLOTS ? (u32)fits : SCAN_SLOTS;
}

static bool report_progress(survey *v)
{
    enum { PROGRESS_BYTES = 64 << 20 };
    if (!v->progress || v->done - v->reported < PROGRESS_BYTES)
        return true;
    v->reported = v->done;
    return v->progress(v->progress_context, v->done, v->total);
}

static bool survey_trace(survey *v, u32 index)
{
    session *s = v->session;
    trace *t = s->traces[index];
    collector_begin_trace(&v->collector, t);
    crew *threads = t->file.count > FEWEST_BUFFERS ? s->crew : NULL;
    scan_run run = {&t->file, index, mem_zeroed(crew_threads(threads), sizeof(*run.scanners))};
    for (unsigned i = 0; i < crew_threads(threads); i++)
        scanner_begin(&run.scanners[i], s->correlator);
    u32 slots = slots_for(&t->file, crew_threads(threads));
    ring *scans = ring_new(&(ring_plan){.crew = threads,
                                        .slots = slots,
                                        .slot_bytes = sizeof(scanned),
                                        .lazy = true,
                                        .make = scan_next,
                                        .context = &run});
    if (v->counter)
        counter_begin_trace(v->counter, index, threads, slots);
    ring_open(scans, t->file.count);
    bool goes_on = true;
    for (u32 i = 0; i < t->file.count && goes_on; i++) {
        scanned *next = ring_take(scans);
        collect_buffer(&v->collector, next);
        if (v->counter)
            counter_take(v->counter, next);
        ring_release(scans);
        v->done += t->file.buffers[i].size;
        spill_pass(&v->passed, t->file.buffers[i].size, SPILL_TRACES);
        goes_on = report_progress(v);
    }
    ring_free(scans, free_scanned);
    if (v->counter)
        counter_end_trace(v->counter);
    collector_end_trace(&v->collector);
    for (unsigned i = 0; i < crew_threads(threads); i++)
        scanner_end(&run.scanners[i]);
    mem_free(run.scanners);
    for (u32 i = 0; i < class_count(s->classes) && i < t->class_capacity; i++)
        class_at(s->classes, i)->events += t->class_events[i];
    return goes_on;
}

static void check_account(trace *t)
{
    u64 sum = session_account_sum(t), bytes = t->file.input->bytes;
    if (sum != bytes)
        damage_add(&t->damage, 0, 0, "account",
                   "the parts of the file add up to %llu bytes, it has %llu: a fault of the reader",
                   (unsigned long long)sum, (unsigned long long)bytes);
}

// ---------------------------------------------------------------------------------------------- finishing

static void fetch_schemas(void *context, schema_set *set, const guid *id)
{
    session *s = context;
    if (s->store) {
        schema_store_fetch(s->store, set, id);
        return;
    }
    if (s->fetch)
        s->fetch(s->fetch_context, set, id);
    (void)schema_kernel_fetch(set, id);
    (void)schema_core_fetch(set, id);
}

// ---------------------------------------------------------------------------------------------- hosts

static host_facts facts_of(const session *s, u32 index, u32 header)
{
    const trace *t = s->traces[index];
    const trace_facts *f = &t->file.trace_headers[header];
    const char *named = t->computers ? t->computers[header] : NULL;
    bool alone = t->file.sessions == 1; // then all events are of this header's session
    return (host_facts){.file = t->file.input->name,
                        .trace = index,
                        .computer = named   ? named
                                    : alone ? trace_computer(t)
                                            : t->file.input->computer,
                        .boot = f->present ? f->boot_time : 0,
                        .precision = f->timer_resolution,
                        .build = f->os_build,
                        .processors = f->processors,
                        .bias = f->zone_bias_minutes,
                        .zone = f->standard_name,
                        .logger_id = f->logger_id,
                        .session = f->session,
                        .session_start = f->start_time,
                        .first = alone && t->first_near ? t->first_near : f->start_time,
                        .last = alone && t->last_near ? t->last_near : f->end_time};
}

static void find_hosts(session *s)
{
    spill *block = NULL;
    u64 passed = 0;
    host_facts *facts = spill_zeroed(&block, s->header_count, sizeof(*facts));
    u32 count = 0;
    for (u32 i = 0; i < s->trace_count; i++)
        for (u32 header = 0; header < s->traces[i]->file.trace_header_count; header++) {
            spill_pass(&passed, sizeof(trace_facts) + sizeof(*facts), SPILL_ITEMS);
            facts[count++] = facts_of(s, i, header);
        }
    hosts_free(&s->hosts);
    hosts_find(&s->hosts, facts, count, s->host_name);
    spill_free(&block);
}

// ---------------------------------------------------------------------------------------------- gaps

static int by_first_time(const void *a, const void *b)
{
    const trace *x = *(const trace *const *)a, *y = *(const trace *const *)b;
    if (x->first_near != y->first_near)
        return x->first_near < y->first_near ? -1 : 1;
    return x->first_header < y->first_header ? -1 : x->first_header > y->first_header;
}

// Where buffers are missing, before the first event of the one after them.
static void add_lost(session *s, const trace *t)
{
    for (u32 i = 0; i < t->losses.after_count; i++) {
        u32 buffer = t->losses.after[i];
        const etl_buffer *b = &t->file.buffers[buffer];
        const buffer_events *found = trace_events_of(t, buffer);
        if (found)
            correlator_add_gap(s->correlator, s->hosts.of[t->first_header + b->trace_header],
                               clock_filetime(etl_clock(&t->file, b), found->first_time));
    }
}

// Behind what is damaged in a buffer, or between two: before the first event of the next buffer of any processor.
static void add_damaged(session *s, const trace *t, const damage_log *log)
{
    for (u32 i = 0; i < log->count; i++) {
        u32 at;
        BISECT(at, 0, t->filled_count, t->file.buffers[t->filled[index_].buffer].offset <= log->notes[i].offset);
        if (at == t->filled_count || !log->notes[i].bytes)
            continue;
        const etl_buffer *b = &t->file.buffers[t->filled[at].buffer];
        correlator_add_gap(s->correlator, s->hosts.of[t->first_header + b->trace_header],
                           clock_filetime(etl_clock(&t->file, b), t->filled[at].first_time));
    }
}

// Moments of which not everything is known: there buffers are missing or damaged, or no trace of the host was recorded.
static void add_gaps(session *s)
{
    const trace **list = mem_zeroed(s->trace_count, sizeof(*list));
    i64 *until = mem_zeroed(s->hosts.count, sizeof(*until));
    for (u32 i = 0; i < s->trace_count; i++)
        list[i] = s->traces[i];
    if (s->trace_count)
        qsort(list, s->trace_count, sizeof(*list), by_first_time);
    for (u32 i = 0; i < s->trace_count; i++) {
        u32 host = s->hosts.of[list[i]->first_header];
        if (until[host] && list[i]->first_near > until[host])
            correlator_add_gap(s->correlator, host, list[i]->first_near);
        if (list[i]->last_near > until[host])
            until[host] = list[i]->last_near;
        add_lost(s, list[i]);
        add_damaged(s, list[i], &list[i]->damage);
        add_damaged(s, list[i], &list[i]->file.damage);
    }
    mem_free(until);
    mem_free(list);
}

// ---------------------------------------------------------------------------------------------- in the end

// Done by whoever comes to it first: the thread that has put the stacks in order, or the one that has planned.
static void order_facts(survey *v)
{
    if (!atomic_flag_test_and_set(&v->facts_ordered))
        correlator_settle(v->session->correlator);
}

static void order_stacks_then_facts(void *context)
{
    survey *v = context;
    correlator_settle_stacks(v->session->correlator);
    order_facts(v);
}

static void find_segments(session *s)
{
    segment_list own = {0};
    for (u32 i = 0; !s->segments && i < s->trace_count; i++)
        segments_add(&own, &s->traces[i]->file, &s->traces[i]->losses);
    segments_order(&own);
    for (u32 i = 0; i < s->trace_count; i++)
        s->traces[i]->segment = segment_of(s->segments ? s->segments : &own, &s->traces[i]->file);
    segments_free(&own);
}

// Process ids are used again: whose it was when it sent a description.
static void tell_life(void *context, schema_sender *sender)
{
    const session *s = context;
    const process_life *life =
        correlator_process_at(s->correlator, sender->source, sender->epoch, sender->process_id, sender->time);
    if (life) {
        sender->since = life->since;
        sender->until = life->until;
    }
}

static void finish(survey *v)
{
    session *s = v->session;
    find_segments(s);
    find_hosts(s);
    correlator_set_hosts(s->correlator, s->hosts.of);
    add_gaps(s);
    crew_give(s->crew, order_stacks_then_facts, v);
    carried_load(&v->collector.carried, s->schemas, &s->embedded);
    class_table_plan(s->classes, s->schemas, session_os_build(s));
    order_facts(v);
    crew_wait(s->crew);
    session_check_files(s);
    correlator_close(s->correlator, s->classes);
    schema_settle_senders(s->schemas, tell_life, s);
}

bool session_survey(session *s, session_progress *progress, void *context)
{
    survey v = {.session = s, .progress = progress, .progress_context = context, .facts_ordered = ATOMIC_FLAG_INIT};
    collector_begin(&v.collector, s);
    schema_set_fetch(s->schemas, fetch_schemas, s);
    correlator_want(s->correlator, s->correlate, s->since, s->until);
    for (u32 i = 0; i < s->trace_count; i++) {
        v.total += s->traces[i]->file.input->bytes;
        correlator_add_trace(s->correlator, &s->traces[i]->file);
    }
    s->counted = s->only_counts && v.total >= count_least_bytes;
    if (s->counted)
        v.counter = counter_new(s);
    if (v.collector.asks_stacks)
        correlator_ask_few(s->correlator, v.total);
    bool goes_on = true;
    for (u32 i = 0; i < s->trace_count && goes_on; i++) {
        goes_on = survey_trace(&v, i);
        losses_count(&s->traces[i]->file, &s->traces[i]->losses);
        s->traces[i]->header_doubt = header_doubts(&s->traces[i]->file, &s->arena);
        if (goes_on)
            check_account(s->traces[i]);
    }
    finish(&v);
    if (v.counter)
        counter_settle(v.counter);
    counter_free(v.counter);
    collector_end(&v.collector);
    return goes_on;
}
