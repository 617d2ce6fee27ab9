#include "evidence.h"

#include <stdio.h>
#include <string.h>

#include "base/os.h"
#include "print.h"
#include "schema/cache/schema_cache.h"

enum { DAMAGE_LINES = 20, BAR_CELLS = 30 };

volatile bool evidence_stop;

static void draw_bar(evidence *ev, const char *what, u64 done, u64 total)
{
    double now = os_seconds();
    if (!ev->bar || now - ev->told < 0.1)
        return;
    ev->told = now;
    if (!total) {
        fprintf(stderr, "\r%s %llu", what, (unsigned long long)done);
        return;
    }
    int cells = (int)(done * BAR_CELLS / total);
    fprintf(stderr, "\r%s [%.*s%*s] %3d %%", what, cells, "##############################", BAR_CELLS - cells, "",
            (int)(done * 100 / total));
}

void evidence_clear_bar(evidence *ev)
{
    if (ev->bar)
        fprintf(stderr, "\r%*s\r", BAR_CELLS + 30, "");
}

void evidence_sum_up(const evidence *ev)
{
    inputs_sum sum = inputs_count(&ev->inputs);
    char copies[40] = "", others[60] = "";
    if (sum.given == 1 && sum.read == 1)
        return;
    if (sum.copies)
        snprintf(copies, sizeof(copies), "%u %s, ", sum.copies, sum.copies == 1 ? "a copy" : "copies");
    if (sum.passed)
        snprintf(others, sizeof(others), "; %llu other %s", (unsigned long long)sum.passed,
                 sum.passed == 1 ? "file" : "files");
    print_say("%u given, %u read, %s%u not%s", sum.given, sum.read, copies, sum.unread, others);
}

static u64 bytes_to_read(const inputs *list)
{
    u64 bytes = 0;
    for (u32 i = 0; i < list->count; i++)
        bytes += list->rows[i].in ? list->rows[i].bytes : 0;
    return bytes;
}

static bool survey_progress(void *context, u64 done, u64 total)
{
    draw_bar(context, "reading   ", done, total);
    return !evidence_stop;
}

void evidence_progress(void *context, u64 done, u64 total)
{
    draw_bar(context, "converting", done, total);
}

// Threads come up while the traces are opened.
static void start_crew(evidence *ev, u64 bytes)
{
    enum { WORTH_THREADS = 512 << 10 };
    const options *o = ev->options;
    if (o->threads < 2 || bytes < WORTH_THREADS)
        return;
    ev->session->crew = crew_new(o->threads);
}

enum { SMALL_TRACES = 256 << 10, ALWAYS_USED = 1 << 20 };

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

static void prepare_memory(void *context)
{
    const evidence *ev = context;
    os_expect_memory(ev->memory);
}

static bool open_traces(evidence *ev)
{
    inputs *list = &ev->inputs;
    ev->rows = mem_zeroed(list->count, sizeof(*ev->rows));
    for (u32 i = 0; i < list->count; i++) {
        input_row *row = &list->rows[i];
        error e = {0};
        if (!row->in)
            continue;
        if (!session_add(ev->session, row->in, &e)) {
            input_fail(list, row, &e);
            continue;
        }
        row->trace = ev->session->trace_count - 1;
        ev->rows[row->trace] = i;
    }
    return ev->session->trace_count > 0;
}

static bool load_schemas(evidence *ev)
{
    const options *o = ev->options;
    error e = {0};
    if (o->provenance)
        schema_files_collect(&ev->schema_files, &ev->user_schemas);
    for (u32 i = 0; i < o->schemas.count; i++) {
        if (!schema_load_path(ev->session->schemas, o->schemas.items[i], RANK_USER, &ev->user_schemas, &e)) {
            print_say("--schemas: %s", e.message);
            return false;
        }
    }
    if (!o->quiet)
        for (u32 i = 0; i < ev->user_schemas.note_count && i < 5; i++)
            print_say("%s", ev->user_schemas.notes[i]);
    if (!o->quiet && ev->user_schemas.refused > 5)
        print_say("%u more remarks on schemas (etwkit schemas add shows them)", ev->user_schemas.refused - 5);
    return true;
}

// The cache that was named must be there; the default one may be missing.
static bool open_cache(evidence *ev)
{
    const char *named = ev->options->cache;
    if (named && strcmp(named, "none") == 0)
        return true;
    char *standard = named ? NULL : schema_cache_default_path();
    const char *path = named ? named : standard;
    error e = {0};
    bool ok = true;
    if (path && (named || os_exists(path))) {
        ok = schema_cache_open(&ev->cache, path, &e);
        if (!ok)
            print_say("%s", e.message);
    }
    mem_free(standard);
    if (ev->cache) {
        ev->session->fetch = schema_cache_fetch;
        ev->session->fetch_context = ev->cache;
    }
    // A default cache that cannot be read costs decodes, not the run.
    return ok || !named;
}

static bool may_be_asked_for(void *options_given, const event_class *cls)
{
    const options *o = options_given;
    return filter_may_let(&o->filter, cls);
}

static bool find_inputs_given(evidence *ev)
{
    const options *o = ev->options;
    error e = {0};
    for (u32 i = 0; i < o->input_count; i++)
        inputs_find(&ev->inputs, o->inputs[i]);
    for (u32 i = 0; i < o->files_from.count; i++)
        if (!inputs_find_from(&ev->inputs, o->files_from.items[i], o->null, &e)) {
            print_say("%s", e.message);
            return false;
        }
    return true;
}

int evidence_open(evidence *ev, const options *o, bool records)
{
    *ev = (evidence){.options = o, .session = session_new(), .bar = !o->quiet && os_is_terminal(2)};
    ev->session->correlate = records ? o->correlate : 0;
    ev->session->since = o->filter.since;
    ev->session->until = o->filter.until;
    ev->session->wants = filter_asks_class(&o->filter) ? may_be_asked_for : NULL;
    ev->session->wants_context = (void *)o;
    if (!o->input_count && !o->files_from.count) {
        print_say("no trace given (etwkit --help)");
        return EXIT_USAGE;
    }
    if (!find_inputs_given(ev))
        return EXIT_FAILED;
    inputs_name(&ev->inputs, !o->no_hash);
    u64 bytes = bytes_to_read(&ev->inputs);
    start_crew(ev, bytes);
    if (bytes <= SMALL_TRACES) // all they need, from the start
        os_expect_memory(ALWAYS_USED);
    if (!open_traces(ev)) {
        evidence_sum_up(ev);
        return EXIT_FAILED;
    }
    if (bytes > SMALL_TRACES) {
        ev->memory = expected_memory(ev->session, records, o->threads);
        crew_give(ev->session->crew, prepare_memory, ev);
    }
    if (!load_schemas(ev))
        return EXIT_FAILED;
    if (!open_cache(ev))
        return EXIT_FAILED;
    if (!o->no_hash)
        inputs_hash_begin(&ev->inputs, o->threads);
    bool done = session_survey(ev->session, survey_progress, ev);
    evidence_clear_bar(ev);
    const char *refused;
    if (ev->cache && schema_cache_refused(ev->cache, &refused))
        print_say("%s; deleted and made anew (etwkit schemas add) the cache serves again", refused);
    if (!done)
        print_say("interrupted");
    return done ? EXIT_DONE : EXIT_FAILED;
}

void evidence_hash(evidence *ev)
{
    inputs_hash_finish(&ev->inputs);
}

void evidence_close(evidence *ev)
{
    evidence_hash(ev);
    crew *threads = ev->session->crew;
    crew_dismiss(threads); // they end while memory is given back
    schema_load_free(&ev->user_schemas);
    schema_files_free(&ev->schema_files);
    session_free(ev->session);
    inputs_free(&ev->inputs);
    mem_free(ev->rows);
    schema_cache_close(ev->cache);
    crew_free(threads);
}

const input_row *evidence_row(const evidence *ev, u32 index)
{
    return &ev->inputs.rows[ev->rows[index]];
}

input_status evidence_status(const evidence *ev, const input_row *row)
{
    if (row->trace == INPUT_NONE || row->status != INPUT_OK)
        return row->status;
    const trace *t = ev->session->traces[row->trace];
    return t->damage.ranges || t->file.damage.ranges ? INPUT_DAMAGED : INPUT_OK;
}

int evidence_code(const evidence *ev)
{
    bool damaged = false;
    for (u32 i = 0; i < ev->inputs.count; i++)
        damaged |= evidence_status(ev, &ev->inputs.rows[i]) == INPUT_DAMAGED;
    inputs_sum sum = inputs_count(&ev->inputs);
    return sum.unread ? EXIT_UNREAD : damaged || sum.unhashed ? EXIT_DAMAGE : EXIT_DONE;
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

const char *evidence_limit(const evidence *ev, u32 index, char room[160])
{
    correlate_losses l = correlator_losses(ev->session->correlator);
    const struct {
        u64 count;
        const char *what;
    } REACHED[] = {
        {class_refused(ev->session->classes),
         "events are of classes beyond the number that is told apart: raw and unnamed"},
        {l.processes, "process events found no room"},
        {l.threads, "thread events found no room"},
        {l.files, "file names found no room: some file_path are missing"},
        {l.keys, "registry key names found no room: some key_path are missing"},
        {l.stacks, "stacks found no room: they are not joined to their events"},
        {l.images, "image loads found no room"},
        {l.pdbs, "PDB identities found no room"},
        {l.connections, "connections found no room"},
    };
    for (size_t i = 0; i < COUNT_OF(REACHED); i++) {
        if (!REACHED[i].count || index--)
            continue;
        snprintf(room, 160, "%llu %s", (unsigned long long)REACHED[i].count, REACHED[i].what);
        return room;
    }
    return NULL;
}

void evidence_tell_damage(const evidence *ev)
{
    enum { REMARKS = 5 };
    char room[160];
    for (u32 i = 0; evidence_limit(ev, i, room); i++)
        print_say("limit: %s", room);
    const schema_load *embedded = &ev->session->embedded;
    for (u32 i = 0; i < embedded->note_count && i < REMARKS; i++)
        print_say("schema in the trace: %s", embedded->notes[i]);
    if (embedded->refused > REMARKS)
        print_say("%u more remarks on schemas in the traces", embedded->refused - REMARKS);

    for (u32 i = 0; i < ev->session->trace_count; i++) {
        const trace *t = ev->session->traces[i];
        u64 ranges = t->damage.ranges + t->file.damage.ranges;
        if (t->change == INPUT_REPLACED || t->change == INPUT_GONE)
            print_say("%s: the file %s", t->file.input->path, input_change_text(t->change));
        say_damage(t);
        if (ranges > DAMAGE_LINES)
            print_say("%s: %llu more damaged places; etwkit info --json lists them", t->file.input->name,
                      (unsigned long long)(ranges - DAMAGE_LINES));
    }
}
