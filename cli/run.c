#include "run.h"

#include <stdio.h>
#include <string.h>

#include "base/os.h"
#include "etwkit_engine.h"
#include "print.h"
#include "summary.h"

volatile bool run_stop;

// ---------------------------------------------------------------------------------------------- progress

enum { BAR_CELLS = 30, AROUND_CELLS = 9 }; // " [] 100 %"

// What fits into a line of the terminal beside `taken` columns; the last column stays free, for terminals that begin a
// new line behind it.
static int fitting(int wanted, size_t taken)
{
    u32 columns = os_terminal_columns(2);
    i64 left = columns ? (i64)columns - 1 - (i64)taken : wanted;
    return left < wanted ? (int)(left > 0 ? left : 0) : wanted;
}

void run_draw_bar(run *r, const char *what, u64 done, u64 total)
{
    enum { LINES_EVERY = 1 }; // seconds
    double now = os_seconds();
    bool json = print_is_json();
    if ((!r->bar && !json) || now - r->bar_drawn < (json ? LINES_EVERY : 0.1))
        return;
    r->bar_drawn = now;
    if (json) {
        cJSON *step = cJSON_CreateObject();
        cJSON_AddStringToObject(step, "step", what);
        cJSON_AddNumberToObject(step, "done", (double)done);
        if (total)
            cJSON_AddNumberToObject(step, "total", (double)total);
        print_event("progress", step);
        return;
    }
    if (!total) {
        fprintf(stderr, "\r%s %llu", what, (unsigned long long)done);
        return;
    }
    int cells = fitting(BAR_CELLS, strlen(what) + AROUND_CELLS), full = (int)(done * (u64)cells / total);
    int percent = (int)(done * 100 / total);
    if (cells)
        fprintf(stderr, "\r%s [%.*s%*s] %3d %%", what, full, "##############################", cells - full, "",
                percent);
    else
        fprintf(stderr, "\r%3d %%", percent);
}

void run_clear_bar(run *r)
{
    if (r->bar && !print_is_json())
        fprintf(stderr, "\r%*s\r", fitting(BAR_CELLS + 30, 0), "");
}

int run_code(const run *r)
{
    inputs_sum sum = inputs_count(&r->inputs);
    return sum.unread ? EXIT_UNREAD : sum.damaged || sum.unhashed ? EXIT_DAMAGE : EXIT_DONE;
}

static cJSON *sum_object(const inputs_sum *sum)
{
    cJSON *object = cJSON_CreateObject();
    cJSON_AddNumberToObject(object, "given", sum->given);
    cJSON_AddNumberToObject(object, "read", sum->read);
    cJSON_AddNumberToObject(object, "damaged", sum->damaged);
    cJSON_AddNumberToObject(object, "copies", sum->copies);
    cJSON_AddNumberToObject(object, "skipped", sum->skipped);
    cJSON_AddNumberToObject(object, "not_read", sum->unread);
    cJSON_AddNumberToObject(object, "other_files", (double)sum->passed);
    return object;
}

void run_sum_up(const run *r)
{
    inputs_sum sum = inputs_count(&r->inputs);
    if (print_is_json()) {
        print_event("end", sum_object(&sum));
        return;
    }
    char copies[40] = "", skipped[40] = "", others[60] = "";
    if (sum.given == 1 && sum.read == 1)
        return;
    if (sum.copies)
        snprintf(copies, sizeof(copies), "%u %s, ", sum.copies, sum.copies == 1 ? "a copy" : "copies");
    if (sum.skipped)
        snprintf(skipped, sizeof(skipped), "%u skipped, ", sum.skipped);
    if (sum.passed)
        snprintf(others, sizeof(others), "; %llu other %s", (unsigned long long)sum.passed,
                 sum.passed == 1 ? "file" : "files");
    print_say("%u given, %u read, %s%s%u not%s", sum.given, sum.read, copies, skipped, sum.unread, others);
}

// ---------------------------------------------------------------------------------------------- memory

static void expect_memory(void *context)
{
    os_expect_memory(*(size_t *)context);
    mem_free(context);
}

void run_expect(run *r, size_t bytes)
{
    if (r->expects_memory)
        return;
    r->expects_memory = true;
    size_t *wanted = mem_alloc(sizeof(*wanted));
    *wanted = bytes;
    crew_give(r->crew, expect_memory, wanted);
}

// ---------------------------------------------------------------------------------------------- inputs

static bool find_given(run *r)
{
    const options *o = r->options;
    error e = {0};
    for (u32 i = 0; i < o->input_count; i++)
        inputs_find(&r->inputs, o->inputs[i]);
    for (u32 i = 0; i < o->files_from.count; i++)
        if (!inputs_find_from(&r->inputs, o->files_from.items[i], o->null, &e)) {
            print_say("%s", e.message);
            return false;
        }
    if (!r->inputs.count) {
        print_say("--files-from: %s names no trace", o->files_from.items[0]);
        return false;
    }
    inputs_name(&r->inputs, !o->no_hash);
    const char *note;
    for (u32 i = 0; !o->quiet && (note = machines_note(r->inputs.machines, i)) != NULL; i++)
        print_say("%s", note);
    return true;
}

// ---------------------------------------------------------------------------------------------- schemas

static bool load_schemas(run *r)
{
    const options *o = r->options;
    error e = {0};
    if (o->provenance || o->skip_done)
        schema_files_collect(&r->schema_files, &r->user_schemas);
    for (u32 i = 0; i < o->schemas.count; i++) {
        if (!schema_load_path(schema_store_set(r->store), o->schemas.items[i], RANK_USER, &r->user_schemas, &e)) {
            print_say("--schemas: %s", e.message);
            return false;
        }
    }
    if (!o->quiet)
        for (u32 i = 0; i < r->user_schemas.note_count && i < 5; i++)
            print_say("%s", r->user_schemas.notes[i]);
    if (!o->quiet && r->user_schemas.refused > 5)
        print_say("%u more remarks on schemas (etwkit schemas add shows them)", r->user_schemas.refused - 5);
    return true;
}

// What the machines of the traces say comes before what is known of others.
static void fetch_schemas(void *context, schema_set *set, const guid *id)
{
    run *r = context;
    machines_fetch(r->inputs.machines, set, id, &r->user_schemas);
    if (r->cache)
        schema_cache_fetch(r->cache, set, id);
}

// The cache that was named must be there; the default one may be missing.
static bool open_cache(run *r)
{
    const char *named = r->options->cache;
    if (named && strcmp(named, "none") == 0)
        return true;
    char *standard = named ? NULL : schema_cache_default_path();
    const char *path = named ? named : standard;
    error e = {0};
    bool ok = true;
    if (path && (named || os_exists(path))) {
        ok = schema_cache_open(&r->cache, path, &e);
        if (!ok)
            print_say("%s", e.message);
    }
    mem_free(standard);
    // A default cache that cannot be read costs decodes, not the run.
    return ok || !named;
}

// ---------------------------------------------------------------------------------------------- begin and end

static void start_crew(run *r)
{
    enum { WORTH_THREADS = 512 << 10 }; // bytes
    u64 bytes = 0;
    for (u32 i = 0; i < r->inputs.count; i++)
        bytes += r->inputs.rows[i].in ? r->inputs.rows[i].bytes : 0;
    if (r->options->threads > 1 && bytes >= WORTH_THREADS)
        r->crew = crew_new(r->options->threads);
}

int run_begin(run *r, const options *o)
{
    *r = (run){.options = o, .bar = !o->quiet && os_is_terminal(2), .began = os_seconds()};
    inputs_begin(&r->inputs);
    if (!o->input_count && !o->files_from.count) {
        print_say("no trace given (etwkit --help)");
        return EXIT_USAGE;
    }
    if (o->null && !o->files_from.count) {
        print_say("--null is for names of --files-from");
        return EXIT_USAGE;
    }
    int code = EXIT_FAILED;
    if (!summary_begin(r, &code))
        return code;
    if (!find_given(r) || !open_cache(r))
        return EXIT_FAILED;
    start_crew(r);
    r->store = schema_store_new(fetch_schemas, r);
    bool ok = load_schemas(r);
    print_release(); // nearly all that is read is known now
    return ok ? EXIT_DONE : EXIT_FAILED;
}

int run_end(run *r, int code)
{
    const char *refused;
    if (code != EXIT_USAGE && !summary_end(r))
        code = EXIT_FAILED;
    outfile_abandon(&r->summary);
    if (r->cache && schema_cache_refused(r->cache, &refused))
        print_say("%s; deleted and made anew (etwkit schemas add) the cache serves again", refused);
    segments_free(&r->segments);
    crew_free(r->crew);
    schema_store_free(r->store);
    inputs_free(&r->inputs);
    schema_load_free(&r->user_schemas);
    schema_files_free(&r->schema_files);
    schema_cache_close(r->cache);
    return code;
}
