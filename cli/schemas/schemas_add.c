// `etwkit schemas add`: files, folders and traces into the cache, with a summary of what was learnt and refused.
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <cjson/cJSON.h>

#include "base/limits.h"
#include "base/os.h"
#include "base/text.h"
#include "etwkit_engine.h"
#include "evidence.h"
#include "print.h"
#include "schemas/cache_file.h"
#include "schemas/schemas.h"

enum { BAR_CELLS = 30 };

typedef struct adding {
    const options *options;
    schema_set *set;
    schema_load load;
    arena names;
    const char **files;
    u32 file_count, file_cap, passed_over;
    const char *given;  // the archive or image that is looked into
    machines *machines; // and what it says of its own
    bool bar;
    double shown_at;
} adding;

static void draw_bar(adding *a, u32 done)
{
    double now = os_seconds();
    if (!a->bar || now - a->shown_at < 0.1)
        return;
    a->shown_at = now;
    int cells = (int)((u64)done * BAR_CELLS / a->file_count);
    fprintf(stderr, "\radding    [%.*s%*s] %u of %u files", cells, "##############################", BAR_CELLS - cells,
            "", done, a->file_count);
}

static void clear_bar(const adding *a)
{
    if (a->bar)
        fprintf(stderr, "\r%*s\r", BAR_CELLS + 40, "");
}

static bool collect(void *context, const char *path)
{
    adding *a = context;
    GROW(a->files, a->file_count, a->file_cap);
    a->files[a->file_count++] = arena_text(&a->names, path);
    return !run_stop;
}

static bool ends_in_etl(const char *path)
{
    return text_ends_in(text_span(path), ".etl");
}

// ---------------------------------------------------------------------------------------------- traces

// What a trace says of its own providers, under its path and build.
static u32 keep_embedded(adding *a, session *s, const char *path)
{
    u32 kept = 0, at = 0;
    outbuf block = {0};
    for (provider_schema *p; (p = schema_each(s->schemas, &at)) != NULL;) {
        bool carried = p->origin == ORIGIN_EMBEDDED || p->origin == ORIGIN_EVENTSOURCE;
        if (!carried || p->rank != RANK_TRACE || !p->event_count)
            continue;
        error e = {0};
        schema_sort(p);
        p->os_build = p->os_build ? p->os_build : session_os_build(s);
        block.len = 0;
        if (!schema_pack(p, 0, p->event_count, &block) ||
            !schema_unpack(a->set, (span){block.bytes, block.len}, RANK_TRACE, path, false, &e)) {
            schema_load_note(&a->load, "%s: %s", path, e.message[0] ? e.message : "a description too large to keep");
            continue;
        }
        kept++;
        a->load.events += p->event_count;
        a->load.maps += p->map_count;
    }
    a->load.providers += kept;
    outbuf_free(&block);
    return kept;
}

static bool stop_survey(void *context, u64 done, u64 total)
{
    (void)context, (void)done, (void)total;
    return !run_stop;
}

static void add_input(adding *a, input *in)
{
    const char *path = in->path;
    error e = {0};
    session *s = session_new();
    if (!session_add(s, in, &e)) {
        schema_load_note(&a->load, "%s", e.message);
    } else if (session_survey(s, stop_survey, NULL)) {
        for (u32 i = 0; i < s->embedded.note_count; i++)
            schema_load_note(&a->load, "%s: %s", path, s->embedded.notes[i]);
        if (keep_embedded(a, s, path))
            a->load.files++;
        else
            a->passed_over++;
    }
    session_free(s);
    input_close(in);
}

static void add_trace(adding *a, const char *path)
{
    error e = {0};
    input *in;
    if (input_open(&in, path, &e))
        add_input(a, in);
    else
        schema_load_note(&a->load, "%s", e.message);
}

// ---------------------------------------------------------------------------------------------- archives and images

static bool found(void *context, input *in)
{
    add_input(context, in);
    return !run_stop;
}

static bool failed(void *context, const char *path, const error *e)
{
    adding *a = context;
    if (e->code != ERR_NOT_A_TRACE || strcmp(path, a->given) != 0) // that it has no trace is no remark
        schema_load_note(&a->load, "%s", e->message);
    return !run_stop;
}

// The traces in it, and what the machine's own drive says, where it is one.
static void add_container(adding *a, const char *path)
{
    a->given = path;
    a->machines = machines_new();
    finder f = {.context = a,
                .is_wanted = etl_is_likely,
                .suffix = ".etl",
                .found = found,
                .failed = failed,
                .helper = machines_helper(a->machines)};
    const char *note;
    (void)find_inputs(&f, path);
    for (u32 i = 0; (note = machines_note(a->machines, i)) != NULL; i++)
        schema_load_note(&a->load, "%s", note);
    if (!run_stop)
        machines_load(a->machines, a->set, &a->load);
    machines_free(a->machines);
}

static bool is_container(const char *path)
{
    input *in;
    if (os_kind(path) != OS_FILE || !input_open(&in, path, NULL))
        return false;
    const input_kind *kind = input_kind_of(in);
    bool others_inside = kind && kind->form != FORM_PLAIN;
    input_close(in);
    return others_inside;
}

// ---------------------------------------------------------------------------------------------- files

static void add_file(adding *a, const char *path, bool named)
{
    error e = {0};
    if (ends_in_etl(path)) {
        add_trace(a, path);
    } else if (named && is_container(path)) {
        add_container(a, path);
    } else if (!named) {
        u32 before = a->load.files + a->load.refused;
        (void)schema_load_found(a->set, path, RANK_USER, &a->load);
        a->passed_over += a->load.files + a->load.refused == before;
    } else if (!schema_load_path(a->set, path, RANK_USER, &a->load, &e)) {
        schema_load_note(&a->load, "%s", e.message);
    }
}

static bool add_all(adding *a)
{
    const options *o = a->options;
    error e = {0};
    for (u32 i = 0; i < o->input_count && !run_stop; i++) {
        a->file_count = 0;
        bool folder = os_is_folder(o->inputs[i]);
        if (!schema_walk(o->inputs[i], collect, a, &a->load, &e))
            schema_load_note(&a->load, "%s", e.message);
        for (u32 f = 0; f < a->file_count && !run_stop; f++) {
            add_file(a, a->files[f], !folder);
            draw_bar(a, f + 1);
        }
        clear_bar(a);
    }
    return !run_stop;
}

// ---------------------------------------------------------------------------------------------- the outcome

typedef struct outcome {
    const char *path;
    u64 added, left_out, rows;
    char identity[80];
} outcome;

static bool write_cache(adding *a, outcome *out, error *e)
{
    schema_cache *now = NULL;
    cache_addition addition;
    if (!cache_file_add(out->path, a->set, &addition, e))
        return false;
    out->added = addition.events;
    out->left_out = addition.left_out;
    if (addition.remark.message[0])
        schemas_say("%s", addition.remark.message);
    if (!addition.kept)
        return error_set(e,
                         "nothing was kept: %llu events need more than a cache holds of one provider (%d MiB, or %d "
                         "million fields)",
                         (unsigned long long)out->left_out, LIMIT_PACKED_BYTES >> 20, LIMIT_PACKED_WORK >> 20);
    if (!schema_cache_open(&now, out->path, e))
        return false;
    out->rows = schema_cache_rows(now);
    snprintf(out->identity, sizeof(out->identity), "%s", schema_cache_identity(now));
    schema_cache_close(now);
    return true;
}

// A binary field whose size nobody says, or NULL. Dumps of registered manifests have lost such lengths.
static const property *unknown_size(const event_schema *ev)
{
    for (u32 i = 0; i < ev->property_count; i++) {
        const property *p = &ev->properties[i];
        if (p->in_type == IN_BINARY && p->out_type != OUT_IPV6 && !p->length &&
            !(p->flags & (PROP_STRUCT | PROP_PARAM_LENGTH | PROP_FIXED_LENGTH | PROP_COUNT_REST)))
            return p;
    }
    return NULL;
}

static void note_unknown_sizes(adding *a)
{
    u32 at = 0;
    for (const provider_schema *p; (p = schema_each(a->set, &at)) != NULL;) {
        const property *first = NULL, *found;
        u32 events = 0, id = 0;
        for (u32 i = 0; i < p->event_count; i++) {
            if (!(found = unknown_size(p->events[i])))
                continue;
            if (!events++) {
                first = found;
                id = p->events[i]->descriptor.id;
            }
        }
        if (events)
            schema_load_note(&a->load,
                             "%s: %u events have a binary field without a length, the first is %s of event %u",
                             p->name ? p->name : "-", events, first->name, id);
    }
}

static void tell_notes(const adding *a)
{
    const schema_load *l = &a->load;
    for (u32 i = 0; i < l->note_count; i++)
        schemas_say("%s", l->notes[i]);
    if (l->refused > l->note_count)
        schemas_say("%u more remarks of this kind", l->refused - l->note_count);
}

static void tell_json(const adding *a, const outcome *out)
{
    const schema_load *l = &a->load;
    cJSON *root = cJSON_CreateObject();
    cJSON_AddStringToObject(root, "cache", out->path);
    cJSON_AddStringToObject(root, "identity", out->identity);
    cJSON_AddNumberToObject(root, "descriptions", (double)out->rows);
    cJSON_AddNumberToObject(root, "files", l->files);
    cJSON_AddNumberToObject(root, "passed_over", a->passed_over);
    cJSON_AddNumberToObject(root, "providers", l->providers);
    cJSON_AddNumberToObject(root, "events", l->events);
    cJSON_AddNumberToObject(root, "maps", l->maps);
    cJSON_AddNumberToObject(root, "new_events", (double)out->added);
    cJSON_AddNumberToObject(root, "left_out_events", (double)out->left_out);
    cJSON_AddNumberToObject(root, "remarks", l->refused);
    cJSON *notes = cJSON_AddArrayToObject(root, "notes");
    for (u32 i = 0; i < l->note_count; i++)
        cJSON_AddItemToArray(notes, cJSON_CreateString(l->notes[i]));
    char *text = cJSON_PrintUnformatted(root);
    puts(text ? text : "{}");
    cJSON_free(text);
    cJSON_Delete(root);
}

static void tell_text(const adding *a, const outcome *out)
{
    const schema_load *l = &a->load;
    printf("learnt from %u files: %u providers, %u events, %u maps\n", l->files, l->providers, l->events, l->maps);
    if (out->added)
        printf("new: %llu events\n", (unsigned long long)out->added);
    else
        puts("new: nothing, the cache knew all of it");
    if (out->left_out)
        printf("left out: %llu events\n", (unsigned long long)out->left_out);
    if (a->passed_over)
        printf("passed over: %u files that describe no events\n", a->passed_over);
    printf("remarks: %u\n", l->refused);
    fputs("cache: ", stdout);
    (void)print_clean(stdout, out->path);
    printf(", %llu descriptions, %s\n", (unsigned long long)out->rows, out->identity);
}

static int finish(adding *a, const char *path)
{
    error e = {0};
    outcome out = {.path = path};
    note_unknown_sizes(a);
    if (!a->options->quiet)
        tell_notes(a);
    if (!a->load.providers) {
        if (a->options->quiet)
            tell_notes(a);
        schemas_say("nothing to learn: no file of these describes events");
        return EXIT_FAILED;
    }
    if (!write_cache(a, &out, &e)) {
        schemas_say("%s", e.message);
        return EXIT_FAILED;
    }
    if (out.left_out)
        schemas_say("%llu events were not kept: they need more than a cache holds of one provider",
                    (unsigned long long)out.left_out);
    if (a->options->json)
        tell_json(a, &out);
    else if (!a->options->quiet)
        tell_text(a, &out);
    return out.left_out ? EXIT_DAMAGE : EXIT_DONE;
}

int schemas_add(const options *o)
{
    char *standard = o->cache ? NULL : schema_cache_default_path();
    const char *path = o->cache ? o->cache : standard;
    int code = EXIT_USAGE;
    if (!path || strcmp(path, "none") == 0) {
        schemas_say(path ? "--cache none: there is nothing to add to"
                         : "the system names no cache folder: --cache FILE");
    } else {
        adding a = {.options = o, .set = schema_set_new(), .bar = !o->quiet && os_is_terminal(2)};
        code = EXIT_FAILED;
        if (add_all(&a))
            code = finish(&a, path);
        else
            schemas_say("interrupted: nothing was added");
        schema_set_free(a.set);
        schema_load_free(&a.load);
        mem_free(a.files);
        arena_free(&a.names);
    }
    mem_free(standard);
    return code;
}
