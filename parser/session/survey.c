// The first pass: takes scanned buffers in file order, numbers and counts their events, and hands those that tell
// something to whom they tell it.
#include <stdatomic.h>

#include "base/text.h"
#include "schema/tables/schema_builtin.h"
#include "schema/tables/schema_kernel.h"
#include "session/survey_schemas.h"
#include "session/survey_states.h"
#include "session/trace.h"

enum { FEWEST_BUFFERS = 8 }; // fewer are not worth a thread
enum { PROGRESS_BYTES = 64 << 20, TRIAL_BUFFERS = 16 };
enum { COMPUTER_NAME_AT = 20, COMPUTER_NAME_BYTES = 512 }; // in SystemConfig's CPU event

typedef struct survey {
    session *session;
    trace *trace;
    decoder decoder;
    u8 *interests; // by class index
    bool *wanted;  // likewise; NULL: all
    u32 interest_count, interest_cap, wanted_cap;
    carried_schemas carried;
    schema_trials trials;
    u64 done, total, told;
    bool asks; // tells the correlator which stacks are wanted
    atomic_flag settled;
} survey;

// A class of the session: what tells something is decoded while the survey runs, and all where states are counted.
static interest take_class(survey *v, u32 cls)
{
    session *s = v->session;
    interest kind = interest_of(s->correlator, class_at(s->classes, cls));
    if (kind == INTEREST_CORRELATE || s->count_states)
        class_plan(s->classes, cls, s->schemas, session_os_build(s));
    if (v->trials.count && !class_at(s->classes, cls)->plan_count)
        class_plan(s->classes, cls, trials_last(&v->trials), session_os_build(s));
    return kind;
}

static void note_computer(survey *v, const event *ev)
{
    span name;
    size_t len = 0;
    if (v->trace->computer || !span_sub(ev->payload, COMPUTER_NAME_AT, COMPUTER_NAME_BYTES, &name))
        return;
    (void)utf16_length(name, &len);
    u8 *text = arena_take(&v->session->arena, len * 3 + 1);
    text_utf16(text, (span){name.at, len});
    if (*text)
        v->trace->computer = (const char *)text;
}

static void survey_correlate(survey *v, const loaded_buffer *b, const event_ref *ref, const event *ev)
{
    sighting seen = {class_at(v->session->classes, ref->cls), ev, session_time(b, ev->time), b, ref};
    correlator_see(v->session->correlator, &seen, &v->decoder);
}

static void survey_event(survey *v, const loaded_buffer *b, const event_ref *ref)
{
    event ev;
    interest kind = ref->cls == CLASS_NONE ? INTEREST_NONE : (interest)v->interests[ref->cls];
    if (kind == INTEREST_NONE)
        return;
    loaded_event(b, ref, &ev);
    switch (kind) {
    case INTEREST_NONE:
        return;
    case INTEREST_EVENT_INFO:
    case INTEREST_MAP_INFO:
    case INTEREST_MANIFEST:
        carried_add(&v->carried, &ev, kind);
        return;
    case INTEREST_COMPUTER:
        note_computer(v, &ev);
        return;
    case INTEREST_CORRELATE:
    case INTEREST_STACK:
        survey_correlate(v, b, ref, &ev);
        return;
    }
}

// Gives the classes a scanner met for the first time the session's numbers, and this trace room to count them.
static void take_classes(survey *v, const scanned *s)
{
    class_table *classes = v->session->classes;
    trace *t = v->trace;
    for (u32 i = 0; i < s->first_count; i++) {
        event ev;
        loaded_event(&s->buffer, &s->buffer.refs[s->firsts[i]], &ev);
        GROW(s->by->numbers.list, s->by->numbers.count, s->by->numbers.cap);
        s->by->numbers.list[s->by->numbers.count++] = class_add(classes, &ev);
    }
    while (v->interest_count < class_count(classes)) {
        u8 kind = (u8)take_class(v, v->interest_count);
        if (v->session->wants) {
            GROW(v->wanted, v->interest_count, v->wanted_cap);
            const event_class *cls = class_at(classes, v->interest_count);
            v->wanted[v->interest_count] = v->session->wants(v->session->wants_context, cls);
        }
        GROW(v->interests, v->interest_count, v->interest_cap);
        v->interests[v->interest_count++] = kind;
    }
    if (t->class_cap < class_count(classes)) {
        u32 cap = class_count(classes) * 2;
        t->class_events = mem_grow_zeroed(t->class_events, t->class_cap, cap, sizeof(*t->class_events));
        t->class_states = mem_grow_zeroed(t->class_states, t->class_cap, cap, RECORD_STATES * sizeof(*t->class_states));
        t->class_cap = cap;
    }
}

// The session's number of a class of which the scanner's table had no room to take note.
static u32 class_anew(survey *v, const loaded_buffer *b, const event_ref *ref)
{
    event ev;
    loaded_event(b, ref, &ev);
    return class_find(v->session->classes, &ev);
}

// Numbers and counts the events, and looks into those that tell something.
static void take_events(survey *v, scanned *s)
{
    const loaded_buffer *b = &s->buffer;
    const u32 *numbers = s->by->numbers.list;
    u64 refused = 0, classes = 0;
    for (u32 i = 0; i < b->count; i++) {
        event_ref *ref = &b->refs[i];
        ref->cls = ref->cls == CLASS_NONE ? class_anew(v, b, ref) : numbers[ref->cls];
        if (ref->cls == CLASS_NONE) {
            refused++;
            if (v->asks)
                correlator_ask(v->session->correlator, ref->time);
            continue;
        }
        v->trace->class_events[ref->cls]++;
        if (v->asks && v->wanted[ref->cls])
            correlator_ask(v->session->correlator, ref->time);
        classes |= (u64)1 << ref->cls % 64;
    }
    for (u32 i = 0; i < s->told_count; i++)
        survey_event(v, b, &b->refs[s->told[i]]);
    correlator_take_stacks(v->session->correlator, &s->stacks);
    class_refuse(v->session->classes, refused);
    v->trace->file.buffers[b->desc - v->trace->file.buffers].classes = refused ? UINT64_MAX : classes;
}

static void note_times(trace *t, etl_buffer *desc, const loaded_buffer *b)
{
    desc->events = b->count;
    if (!b->count)
        return;
    desc->first_time = b->refs[0].time;
    desc->last_time = b->refs[b->count - 1].time;
    i64 first = session_time(b, desc->first_time), last = session_time(b, desc->last_time);
    if (!t->first_time || first < t->first_time)
        t->first_time = first;
    if (last > t->last_time)
        t->last_time = last;
}

static void add_account(etl_account *to, const etl_account *more)
{
    to->headers += more->headers;
    to->events += more->events;
    to->padding += more->padding;
    to->unused += more->unused;
    to->compressed += more->compressed;
    to->damage += more->damage;
}

static void survey_buffer(survey *v, u32 buffer_index, scanned *s)
{
    trace *t = v->trace;
    loaded_buffer *b = &s->buffer;
    take_classes(v, s);
    take_events(v, s);
    if (s->unordered)
        refs_sort(b->refs, b->count);
    t->events += b->count;
    for (u32 i = 0; i < HEADER_KINDS; i++)
        t->headers[i] += s->headers[i];
    add_account(&t->account, &s->account);
    t->file.damaged_buffers += s->damage.ranges != 0;
    if (s->damage.ranges)
        damage_append(&t->damage, &s->damage);
    note_times(t, &t->file.buffers[buffer_index], b);
    keep_buffer(v->session, t, b, v->wanted, &s->stacks);
    if (v->session->count_states) {
        s->classes = class_list(v->session->classes);
        s->class_count = class_count(v->session->classes);
    }
}

// Buffers scanned in line, as survey_threads does it on many threads.
typedef struct scan_inline {
    session *session;
    u32 trace_index;
    scanner *scanner;
    scanned scanned;
} scan_inline;

static void *inline_begin(session *s, u32 trace_index, void *context)
{
    (void)context;
    scan_inline *run = mem_zeroed(1, sizeof(*run));
    *run = (scan_inline){.session = s, .trace_index = trace_index, .scanner = scanner_new(s->correlator)};
    return run;
}

static scanned *inline_take(void *context, u32 buffer_index)
{
    scan_inline *run = context;
    scan_buffer(run->scanner, &run->session->traces[run->trace_index]->file, run->trace_index, buffer_index,
                keep_place(run->session, run->trace_index, buffer_index), &run->scanned);
    return &run->scanned;
}

static void inline_end(void *context)
{
    scan_inline *run = context;
    scan_count(run->scanner, &run->scanned);
    session_take_states(run->session, run->trace_index, run->scanner);
    scanner_free(run->scanner);
    scanned_free(&run->scanned);
    mem_free(run);
}

// Where many events wait for plans, schemas are tried before all are in.
static void try_schemas(survey *v)
{
    enum { ENOUGH_EVENTS = 1024 };
    session *s = v->session;
    const etl_file *file = &v->trace->file;
    u64 waiting = 0;
    for (u32 i = 0; i < class_count(s->classes); i++)
        waiting += class_at(s->classes, i)->plan_count ? 0 : v->trace->class_events[i];
    if (waiting < ENOUGH_EVENTS || !trials_due(&v->trials, &v->carried, file))
        return;
    trials_add(&v->trials, &v->carried, s->correlator, file);
    class_table_try(s->classes, trials_last(&v->trials), session_os_build(s));
}

static bool survey_trace(survey *v, u32 file_index, session_progress progress, void *context)
{
    static const survey_threads INLINE = {.begin = inline_begin, .take = inline_take, .end = inline_end};
    session *s = v->session;
    trace *t = v->trace = s->traces[file_index];
    const survey_threads *scan = s->threads && t->file.count > FEWEST_BUFFERS ? s->threads : &INLINE;
    void *run = scan->begin(s, file_index, s->threads_context);
    bool go_on = true;
    for (u32 i = 0; i < t->file.count && go_on; i++) {
        survey_buffer(v, i, scan->take(run, i));
        if (s->count_states && i % TRIAL_BUFFERS == 0)
            try_schemas(v);
        v->done += t->file.buffers[i].size;
        if (progress && v->done - v->told >= PROGRESS_BYTES) {
            v->told = v->done;
            go_on = progress(context, v->done, v->total);
        }
    }
    scan->end(run);
    for (u32 i = 0; i < class_count(s->classes) && i < t->class_cap; i++)
        class_at(s->classes, i)->events += t->class_events[i];
    return go_on;
}

static void fetch_builtin(void *context, schema_set *set, const guid *id)
{
    session *s = context;
    if (s->fetch)
        s->fetch(s->fetch_context, set, id);
    (void)schema_kernel_fetch(set, id);
    (void)schema_builtin_fetch(set, id);
}

static void check_account(trace *t)
{
    u64 sum = session_account_sum(t);
    if (sum != t->file.input->bytes)
        damage_add(&t->damage, 0, 0, "account",
                   "the parts of the file add up to %llu bytes, it has %llu: a fault of the reader",
                   (unsigned long long)sum, (unsigned long long)t->file.input->bytes);
}

// Whoever comes to it first: the thread that put the stacks in order, or the one that planned.
static void settle_once(survey *v)
{
    if (!atomic_flag_test_and_set(&v->settled))
        correlator_settle(v->session->correlator);
}

static void settle_beside(void *context)
{
    survey *v = context;
    correlator_settle_stacks(v->session->correlator);
    settle_once(v);
}

bool session_survey(session *s, session_progress progress, void *context)
{
    survey v = {.session = s, .settled = ATOMIC_FLAG_INIT};
    schema_set_fetch(s->schemas, fetch_builtin, s);
    correlator_want(s->correlator, s->correlate, s->since, s->until);
    for (u32 i = 0; i < s->trace_count; i++) {
        v.total += s->traces[i]->file.input->bytes;
        correlator_add_trace(s->correlator, &s->traces[i]->file);
    }
    v.asks = s->wants && (s->correlate & CORRELATE_STACKS);
    if (v.asks)
        correlator_ask_few(s->correlator, v.total);
    bool go_on = true;
    for (u32 i = 0; i < s->trace_count && go_on; i++) {
        go_on = survey_trace(&v, i, progress, context);
        losses_count(&s->traces[i]->file, &s->traces[i]->losses);
        if (go_on)
            check_account(s->traces[i]);
    }
    if (s->threads)
        s->threads->beside(s->threads_context, settle_beside, &v);
    else
        settle_beside(&v);
    carried_load(&v.carried, s->schemas, &s->embedded);
    class_table_plan(s->classes, s->schemas, session_os_build(s));
    settle_once(&v);
    if (s->threads)
        s->threads->join(s->threads_context);
    session_check_files(s);
    correlator_close(s->correlator, s->classes);
    if (s->count_states)
        states_settle(s, &v.decoder);
    trials_free(&v.trials);
    decoder_free(&v.decoder);
    mem_free(v.interests);
    mem_free(v.wanted);
    carried_free(&v.carried);
    return go_on;
}
