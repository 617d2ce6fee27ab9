#include <stdio.h>
#include <string.h>

#include "base/os.h"
#include "command.h"
#include "convert.h"
#include "guard.h"
#include "info.h"
#include "outfile.h"
#include "pipeline.h"
#include "print.h"
#include "provenance.h"
#include "signals.h"
#include "suggest.h"

typedef struct convert_options {
    bool guard, no_guard;
} convert_options;

// Everything an exporter is told before the first record.
typedef struct target_room {
    export_target target;
    export_trace *traces;
    export_input *inputs;
    char **json;
} target_room;

static export_damage *damage_of(const trace *t, u32 *count)
{
    damage_note *notes = damage_in_order(&t->file.damage, &t->damage, count);
    export_damage *list = mem_zeroed(*count, sizeof(*list));
    for (u32 i = 0; i < *count; i++)
        list[i] = (export_damage){notes[i].offset, notes[i].bytes, notes[i].kind, notes[i].message};
    mem_free(notes);
    return list;
}

static void fill_inputs(target_room *room, const evidence *ev)
{
    room->inputs = mem_zeroed(ev->count, sizeof(*room->inputs));
    for (u32 i = 0; i < ev->count; i++) {
        const input_row *row = &ev->run->inputs.rows[ev->first + i];
        room->inputs[i] =
            (export_input){.path = row->path,
                           .source = row->source,
                           .status = input_status_name(evidence_status(ev, row)),
                           .error = row->error,
                           .reason = input_reason(row),
                           .sha256 = row->sha256,
                           .bytes = row->bytes,
                           .duplicate_of = row->duplicate_of == INPUT_NONE ? -1 : (i64)row->duplicate_of - ev->first,
                           .trace = row->trace == INPUT_NONE ? -1 : (i64)row->trace};
    }
    room->target.inputs = room->inputs;
    room->target.input_count = ev->count;
}

static void target_fill(target_room *room, const evidence *ev, const exporter *format)
{
    const session *s = ev->session;
    room->traces = mem_zeroed(s->trace_count, sizeof(*room->traces));
    room->json = mem_zeroed(s->trace_count, sizeof(*room->json));
    for (u32 i = 0; i < s->trace_count; i++) {
        const trace *t = s->traces[i];
        u32 count;
        export_damage *list = damage_of(t, &count);
        room->json[i] = format->render ? info_json(ev, i, false) : NULL;
        room->traces[i] = (export_trace){t->file.input->name, room->json[i], list, count};
    }
    room->target.classes = class_list(s->classes);
    room->target.class_count = class_count(s->classes);
    room->target.traces = room->traces;
    room->target.trace_count = s->trace_count;
    fill_inputs(room, ev);
}

static void target_free(target_room *room)
{
    for (u32 i = 0; i < room->target.trace_count; i++) {
        mem_free((void *)(uintptr_t)room->traces[i].damage);
        mem_free(room->json[i]);
    }
    mem_free(room->traces);
    mem_free(room->inputs);
    mem_free(room->json);
}

// ------------------------------------------------------------------------------------- the format

static bool to_stdout(const options *o)
{
    return !o->out || strcmp(o->out, "-") == 0;
}

static bool unknown_format(const options *o, error *e)
{
    char names[256], room[96];
    suggestion s = {.word = o->format};
    if (!o->format)
        return error_set(e, "%s: no format goes by its suffix; -f names one: %s", o->out, exporter_names(names));
    for (u32 i = 0; exporters[i]; i++)
        suggest_try(&s, exporters[i]->name);
    return error_set(e, "unknown format '%s'%s (formats: %s)", o->format, suggest_text(&s, room),
                     exporter_names(names));
}

static const exporter *choose(const options *o, error *e)
{
    const exporter *found = o->format      ? exporter_by_name(o->format)
                            : to_stdout(o) ? exporter_by_name("jsonl")
                                           : exporter_by_path(o->out);
    if (!found)
        unknown_format(o, e);
    else if (found->needs_file && to_stdout(o))
        error_set(e, "-f %s needs a file: -o OUT", found->name);
    else
        return found;
    return NULL;
}

// Whether cells get an apostrophe: as asked for, else where a spreadsheet opens the file by its name.
static bool is_guarded(const options *o, const exporter *format)
{
    const convert_options *own = o->own;
    const exporter *by_suffix = o->out ? exporter_by_path(o->out) : NULL;
    bool spreadsheet = by_suffix && by_suffix->takes_guard;
    return format->takes_guard && (own->guard || (spreadsheet && !own->no_guard));
}

// One conversion and what it writes.
typedef struct conversion {
    const options *options;
    const exporter *format;
    outfile *out, own, provenance; // out: `own`, or somebody else's
    char *provenance_path, what[48];
    u64 records;
    bool reader_left; // of a pipe that OUT is
} conversion;

static bool convert(conversion *c, evidence *ev, error *e)
{
    const options *o = c->options;
    target_room room = {0};
    target_fill(&room, ev, c->format);
    room.target.fd = c->out->fd;
    room.target.name = c->out->path;
    room.target.csv_guard = is_guarded(o, c->format);
    pipeline_job job = {.session = ev->session,
                        .filter = &o->filter,
                        .exporter = c->format,
                        .stop = &run_stop,
                        .progress = evidence_progress,
                        .context = ev};
    bool ok = c->format->open(&job.sink, &room.target, e);
    if (ok) {
        ok = c->format->render ? pipeline_run(&job, e) : pipeline_count(&job, e);
        bool closed = c->format->close(job.sink, ok ? e : NULL);
        ok = ok && closed;
    }
    c->records = job.records;
    target_free(&room);
    return ok;
}

static void tell_result(const evidence *ev, u64 records)
{
    u64 states[3] = {0};
    for (u32 i = 0; i < ev->session->trace_count; i++) {
        states[RECORD_DECODED] += ev->session->traces[i]->decoded;
        states[RECORD_PARTIAL] += ev->session->traces[i]->partial;
        states[RECORD_RAW] += ev->session->traces[i]->raw;
    }
    fprintf(stderr, "etwkit: %llu records: %llu decoded, %llu partial, %llu raw\n", (unsigned long long)records,
            (unsigned long long)states[RECORD_DECODED], (unsigned long long)states[RECORD_PARTIAL],
            (unsigned long long)states[RECORD_RAW]);
}

// ------------------------------------------------------------------------------------- outputs

static bool begin_out(conversion *c, error *e)
{
    const outfile_request request = {.path = c->options->out,
                                     .what = c->what,
                                     .is_own = c->format->is_own,
                                     .force = c->options->force,
                                     .needs_file = c->options->provenance || c->format->needs_file};
    snprintf(c->what, sizeof(c->what), "%s output%s", c->format->name,
             c->options->provenance ? " with provenance" : "");
    return outfile_begin(&c->own, &request, e);
}

static bool begin_provenance(conversion *c, error *e)
{
    const options *o = c->options;
    if (!o->provenance)
        return true;
    size_t room = strlen(o->out) + strlen(o->provenance) + sizeof("..json");
    c->provenance_path = mem_alloc(room);
    snprintf(c->provenance_path, room, "%s.%s.json", o->out, o->provenance);
    const outfile_request request = {.path = c->provenance_path,
                                     .what = "a provenance file",
                                     .is_own = provenance_is_own,
                                     .force = o->force,
                                     .needs_file = true};
    return outfile_begin(&c->provenance, &request, e);
}

// Before anything is read: what cannot be written, or must not be, ends the run at once.
static int begin(conversion *c)
{
    const options *o = c->options;
    error e = {0};
    guard_will_read(o->inputs, o->input_count);
    guard_will_read(o->schemas.items, o->schemas.count);
    guard_will_read(&o->cache, 1);
    if (begin_out(c, &e) && begin_provenance(c, &e))
        return EXIT_DONE;
    print_say("%s", e.message);
    return c->own.refused || c->provenance.refused ? EXIT_USAGE : EXIT_FAILED;
}

// Both or none. OUT comes last, so that no moment shows it without what it was made from.
static bool finish(conversion *c, evidence *ev, error *e)
{
    outfile *files[] = {&c->provenance, &c->own};
    bool own = c->out == &c->own, both = own && c->options->provenance;
    session_check_files(ev->session);
    inputs_hash_finish(&ev->run->inputs);
    if (both && !provenance_write(ev, &c->own, &c->provenance, c->format->name, c->records, e))
        return false;
    if (run_stop)
        return error_set(e, "interrupted");
    return !own || outfile_commit(both ? files : files + 1, both ? 2 : 1, e);
}

static void end(conversion *c)
{
    outfile_abandon(&c->provenance);
    outfile_abandon(&c->own);
    mem_free(c->provenance_path);
}

// ------------------------------------------------------------------------------------- the command

// All inputs of the run as one stream.
static int convert_together(conversion *c, run *r)
{
    error e = {0};
    evidence ev;
    bool records = c->format->render || filter_needs_record(&c->options->filter);
    if (!c->options->no_hash)
        inputs_hash_begin(&r->inputs, c->options->threads);
    int code = evidence_open(&ev, r, 0, r->inputs.count, true, records);
    if (code == EXIT_DONE) {
        if (c->format->keeps_traces)
            inputs_hash_finish(&r->inputs);
        bool ok = convert(c, &ev, &e) && finish(c, &ev, &e);
        run_clear_bar(r);
        c->reader_left = !ok && outfile_reader_left(c->out->fd);
        if (!ok && !c->reader_left)
            print_say("%s", e.message);
        code = ok ? EXIT_DONE : EXIT_FAILED;
        if (ok && !c->options->quiet) {
            evidence_tell_damage(&ev);
            tell_result(&ev, c->records);
        }
    }
    evidence_close(&ev);
    return code;
}

static int convert_all(conversion *c)
{
    run r;
    int code = run_begin(&r, c->options);
    if (code == EXIT_DONE) {
        code = convert_together(c, &r);
        if (!c->options->quiet || code != EXIT_DONE)
            run_sum_up(&r);
        code = code == EXIT_DONE ? run_code(&r) : code;
    }
    run_end(&r);
    return code;
}

int convert_into(const options *o, outfile *out, u64 *records)
{
    error e = {0};
    conversion c = {.options = o, .format = choose(o, &e), .out = out};
    if (!c.format) {
        print_say("%s", e.message);
        return EXIT_USAGE;
    }
    int code = convert_all(&c);
    *records = c.records;
    return code;
}

static int convert_command(const options *o)
{
    error e = {0};
    conversion c = {.options = o, .format = choose(o, &e), .out = &c.own};
    if (c.format && o->provenance && to_stdout(o)) {
        error_set(&e, "--%s is written next to a file: -o OUT", o->provenance);
        c.format = NULL;
    }
    if (!c.format) {
        print_say("%s", e.message);
        return EXIT_USAGE;
    }
    int code = begin(&c);
    if (code == EXIT_DONE)
        code = convert_all(&c);
    end(&c);
    if (c.reader_left)
        signals_end_by_pipe();
    return code;
}

static bool set_provenance(options *o, const option *row, const char *value, error *e)
{
    (void)value, (void)e;
    o->provenance = row->name + strlen("--");
    return true;
}

static bool set_frames(options *o, const option *row, const char *value, error *e)
{
    (void)row, (void)value, (void)e;
    o->correlate |= CORRELATE_IMAGES | CORRELATE_FRAMES;
    return true;
}

static void print_formats(void)
{
    puts("\nformats (-f NAME, or by OUT's suffix):");
    for (u32 i = 0; exporters[i]; i++) {
        const exporter *x = exporters[i];
        const char *suffixes = x->suffixes + strspn(x->suffixes, " ");
        printf("  %-12s %-22s %s%s%s%s\n", x->name, suffixes, x->help, x->needs_file ? "; needs a file" : "",
               x->several_files ? "; OUT is a folder" : "", x->may_split ? "; parts can be put together" : "");
    }
}

static const option OWN[] = {
    OPTION_OUTPUT("OUT", "where to write; - is standard output"),
    {"-f", "--format", "NAME", "the format; else by OUT's suffix", option_text, offsetof(options, format),
     exporter_name},
    OPTION_FORCE("replace a file that is not an earlier output of this program"),
    {NULL, "--provenance", NULL, "also write OUT.provenance.json: evidence, schemas, command and counts",
     set_provenance, 0, NULL},
    {NULL, "--manifest", NULL, "the same as OUT.manifest.json, its old name", set_provenance, 0, NULL},
    {NULL, "--frames", NULL, "name the modules of stacks: extended.frames", set_frames, 0, NULL},
    {NULL, "--guard", NULL, "CSV: put ' before cells a spreadsheet would run (default for OUT.csv)", option_own_flag,
     offsetof(convert_options, guard), NULL},
    {NULL, "--no-guard", NULL, "CSV: leave such cells as they are", option_own_flag,
     offsetof(convert_options, no_guard), NULL},
    {0},
};

const command command_convert = {
    .name = "convert",
    .arguments = "TRACE... -o OUT",
    .help = "every event, decoded and in time order, as CSV, JSON, JSON Lines or SQLite",
    .options = {&(const option_group){"output", OWN}, &options_input, &options_filter},
    .own_bytes = sizeof(convert_options),
    .most = COMMAND_MANY,
    .correlate = CORRELATE_RECORDS,
    .print_more = print_formats,
    .run = convert_command,
};
