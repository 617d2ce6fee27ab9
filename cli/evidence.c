#include "evidence.h"

#include <stdio.h>
#include <string.h>

#include "base/os.h"
#include "joins.h"
#include "print.h"
#include "symbols.h"
#include "remarks.h"

enum { DAMAGE_LINES = 20 };

static bool survey_progress(void *context, u64 done, u64 total)
{
    const evidence *ev = context;
    run_draw_bar(ev->run, "reading   ", done, total);
    return !run_stop;
}

void evidence_progress(void *context, u64 done, u64 total)
{
    const evidence *ev = context;
    run_draw_bar(ev->run, "converting", done, total);
}

enum { SMALL_TRACES = 256 << 10, ALWAYS_USED = 1 << 20, LOADED_ROWS = 64 };

// Schemas, plans and texts; for records also what events tell about each other, which grows with the traces, and what
// is rendered on each thread and not written yet.
static size_t expected_memory(const session *s, bool records, unsigned threads)
{
    enum { MOST = 14 << 20, MOST_WITHOUT_RECORDS = 6 << 20, A_THREAD = 2 << 20, INFLATES = 4 };
    u64 bytes = 0;
    for (u32 i = 0; i < s->trace_count; i++)
        bytes += s->traces[i]->file.input->bytes * (s->traces[i]->file.compressed ? INFLATES : 1);
    bool large = records && bytes > A_THREAD;
    bytes = ALWAYS_USED + bytes / (records ? 3 : 16) + (large ? (u64)A_THREAD * threads : 0);
    const u64 most = records ? MOST : MOST_WITHOUT_RECORDS;
    return (size_t)(bytes < most ? bytes : most);
}

// A session that is read on one of the crew's threads among others leaves the heap as it is.
static void expect_memory(evidence *ev, u64 bytes, bool records)
{
    if (bytes > SMALL_TRACES && ev->session->crew == ev->run->crew)
        run_expect(ev->run, expected_memory(ev->session, records, crew_threads(ev->session->crew)));
}

static bool open_traces(evidence *ev, u32 first, u32 count, u64 *bytes)
{
    inputs *list = &ev->run->inputs;
    ev->rows = mem_zeroed(count, sizeof(*ev->rows));
    for (u32 i = first; i < first + count; i++) {
        input_row *row = &list->rows[i];
        error e = {0};
        if (!row->in)
            continue;
        if (count <= LOADED_ROWS)
            input_load(row->in);
        if (!session_add(ev->session, row->in, &e)) {
            input_fail(list, row, &e);
            continue;
        }
        *bytes += row->bytes;
        row->trace = ev->session->trace_count - 1;
        ev->rows[row->trace] = i;
    }
    return ev->session->trace_count > 0;
}

static bool may_be_asked_for(void *options_given, const event_class *cls)
{
    const options *o = options_given;
    return filter_may_let(&o->filter, cls);
}

int evidence_open(evidence *ev, run *r, const evidence_wish *wish)
{
    const options *o = r->options;
    *ev = (evidence){
        .run = r, .session = session_new(), .first = wish->first, .count = wish->count, .began = os_seconds()};
    session *s = ev->session;
    s->crew = wish->alone ? r->crew : NULL;
    s->store = r->store;
    s->correlate = wish->correlate;
    s->only_counts = wish->no_records && filter_is_open(&o->filter);
    s->host_name = o->host;
    s->segments = r->each ? &r->segments : NULL;
    s->since = o->filter.since;
    s->until = o->filter.until;
    s->wants = filter_asks_class(&o->filter) ? may_be_asked_for : NULL;
    s->wants_context = (void *)o;
    u64 bytes = 0;
    if (!open_traces(ev, wish->first, wish->count, &bytes))
        return EXIT_FAILED;
    expect_memory(ev, bytes, !wish->no_records);
    bool done = session_survey(s, survey_progress, ev);
    run_clear_bar(r);
    if (!done)
        print_say("interrupted");
    if (done && o->symbols && wish->correlate & CORRELATE_FRAMES)
        ev->symbols = symbols_load(s, o->symbols, o->quiet);
    return done ? EXIT_DONE : EXIT_FAILED;
}

void evidence_close(evidence *ev)
{
    for (u32 i = 0; i < ev->session->trace_count; i++) {
        input_row *row = &ev->run->inputs.rows[ev->rows[i]];
        const trace *t = ev->session->traces[i];
        row->status = evidence_status(ev, row);
        row->states[RECORD_DECODED] = t->decoded;
        row->states[RECORD_PARTIAL] = t->partial;
        row->states[RECORD_RAW] = t->raw;
        row->damage = t->damage.ranges + t->file.damage.ranges;
        row->seconds = os_seconds() - ev->began;
        row->trace = INPUT_NONE;
    }
    session_free(ev->session);
    symbols_free(ev->symbols);
    mem_free(ev->rows);
}

const input_row *evidence_row(const evidence *ev, u32 index)
{
    return &ev->run->inputs.rows[ev->rows[index]];
}

input_status evidence_status(const evidence *ev, const input_row *row)
{
    if (row->trace == INPUT_NONE || row->status != INPUT_OK)
        return row->status;
    const trace *t = ev->session->traces[row->trace];
    return t->damage.ranges || t->file.damage.ranges ? INPUT_DAMAGED : INPUT_OK;
}

static void say_damage(const trace *t)
{
    u32 count;
    damage_note *notes = damage_in_order(&t->file.damage, &t->damage, &count);
    for (u32 i = 0; i < count && i < DAMAGE_LINES; i++)
        print_say("%s: damage at 0x%llx (%llu bytes, %s): %s", t->file.input->name, (unsigned long long)notes[i].offset,
                  (unsigned long long)notes[i].bytes, notes[i].kind, notes[i].message);
    mem_free(notes);
}

static u64 events_of_rest(const session *s)
{
    u32 rest = class_rest(s->classes), count = class_count(s->classes);
    u64 events = 0;
    for (u32 i = 0; i < s->trace_count && rest < count; i++)
        events += rest < s->traces[i]->class_capacity ? s->traces[i]->class_events[rest] : 0;
    return events;
}

const char *evidence_limit(const evidence *ev, u32 index, char scratch[160])
{
    correlate_losses l = correlator_losses(ev->session->correlator);
    const struct {
        u64 count;
        const char *what;
    } REACHED[] = {
        {events_of_rest(ev->session),
         "events are of classes beyond LIMIT_CLASSES or LIMIT_CLASS_BYTES: raw and unnamed"},
        {class_unplanned(ev->session->classes), "event classes are beyond LIMIT_CLASS_BYTES: their events are raw"},
        {ev->session->cut, "records would be longer than LIMIT_RECORD_TEXT: the rest of their payload is raw"},
        {l.processes, "process events are beyond LIMIT_PROCESS_FACTS: some process_name are missing"},
        {l.threads, "thread events are beyond LIMIT_THREAD_FACTS or LIMIT_STACK_THREADS: some processes are missing"},
        {l.files, "file names are beyond LIMIT_NAME_FACTS: some file_path are missing"},
        {l.keys, "registry key names are beyond LIMIT_NAME_FACTS or LIMIT_KEY_PATHS: some key_path are missing"},
        {l.stacks, "stacks are beyond LIMIT_STACKS, LIMIT_KEPT_STACKS or LIMIT_STACK_FRAMES: they are not joined"},
        {l.images, "image loads are beyond LIMIT_IMAGE_FACTS: some modules are missing"},
        {l.methods, "compiled methods are beyond LIMIT_METHOD_FACTS: some frames have no name"},
        {l.pdbs, "PDB identities are beyond LIMIT_IMAGE_FACTS"},
        {l.connections, "connections are beyond LIMIT_CONNECTIONS or LIMIT_TCB_FACTS"},
        {l.volumes, "volume mappings are beyond LIMIT_VOLUMES: some paths have no drive letter"},
    };
    for (size_t i = 0; i < COUNT_OF(REACHED); i++) {
        if (!REACHED[i].count || index--)
            continue;
        snprintf(scratch, 160, "%llu %s", (unsigned long long)REACHED[i].count, REACHED[i].what);
        return scratch;
    }
    return NULL;
}

// A .blg of the Performance Monitor is a trace whose events are PDH's own records, of one class GUID.
static bool is_counter_log(const evidence *ev, const trace *t)
{
    static const guid RECORDS = GUID_OF(0x933f3bb3, 0x943e, 0x490d, 0x9c, 0xed, 0x3c, 0xbb, 0x14, 0xc1, 0x44, 0x79);
    const class_table *classes = ev->session->classes;
    for (u32 i = 0; i < class_count(classes) && i < t->class_capacity; i++)
        if (t->class_events[i] && guid_equal(&class_list(classes)[i]->provider_id, &RECORDS))
            return true;
    return false;
}

void evidence_tell_damage(const evidence *ev)
{
    enum { REMARKS = 5 };
    char scratch[160], remark[REMARK_TEXT];
    for (u32 i = 0; evidence_limit(ev, i, scratch); i++)
        print_say("limit: %s", scratch);
    joins_say(ev);
    const schema_load *embedded = &ev->session->embedded;
    for (u32 i = 0; i < embedded->note_count && i < REMARKS; i++)
        print_say("schema in the trace: %s", embedded->notes[i]);
    if (embedded->refused > REMARKS)
        print_say("%u more remarks on schemas in the traces", embedded->refused - REMARKS);

    for (u32 i = 0; i < ev->session->trace_count; i++) {
        const trace *t = ev->session->traces[i];
        if (is_counter_log(ev, t))
            print_say("%s: a log of performance counters (.blg): its records are not decoded", t->file.input->name);
        u64 ranges = t->damage.ranges + t->file.damage.ranges;
        if (t->change == INPUT_REPLACED || t->change == INPUT_GONE)
            print_say("%s: the file %s", t->file.input->path, input_change_text(t->change));
        for (u32 j = 0; remark_at(t, j, remark); j++)
            print_say("%s: %s", t->file.input->name, remark);
        say_damage(t);
        if (ranges > DAMAGE_LINES)
            print_say("%s: %llu more damaged places; etwkit info --json lists them", t->file.input->name,
                      (unsigned long long)(ranges - DAMAGE_LINES));
    }
}
