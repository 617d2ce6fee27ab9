#include <stdio.h>
#include <string.h>

#include "base/os.h"
#include "commands.h"
#include "convert.h"
#include "guard.h"
#include "info.h"
#include "outfile.h"
#include "pipeline.h"
#include "print.h"
#include "provenance.h"
#include "signals.h"

// Everything an exporter is told before the first record.
typedef struct target_room {
    export_target target;
    export_trace *traces;
    char **json;
} target_room;

static u32 add_damage(export_damage *list, u32 count, const damage_log *log)
{
    for (u32 i = 0; i < log->count; i++)
        list[count++] =
            (export_damage){log->notes[i].offset, log->notes[i].bytes, log->notes[i].kind, log->notes[i].message};
    return count;
}

static void target_fill(target_room *room, const evidence *ev, const exporter *format)
{
    const session *s = ev->session;
    room->traces = mem_zeroed(s->trace_count, sizeof(*room->traces));
    room->json = mem_zeroed(s->trace_count, sizeof(*room->json));
    for (u32 i = 0; i < s->trace_count; i++) {
        const trace *t = s->traces[i];
        export_damage *list = mem_zeroed(t->file.damage.count + t->damage.count, sizeof(*list));
        u32 count = add_damage(list, add_damage(list, 0, &t->file.damage), &t->damage);
        room->json[i] = format->render ? info_json(ev, i, false) : NULL;
        room->traces[i] = (export_trace){t->file.input->name, room->json[i], list, count};
    }
    room->target.classes = class_list(s->classes);
    room->target.class_count = class_count(s->classes);
    room->target.traces = room->traces;
    room->target.trace_count = s->trace_count;
}

static void target_free(target_room *room)
{
    for (u32 i = 0; i < room->target.trace_count; i++) {
        mem_free((void *)(uintptr_t)room->traces[i].damage);
        mem_free(room->json[i]);
    }
    mem_free(room->traces);
    mem_free(room->json);
}

static const exporter *choose(const options *o, error *e)
{
    bool to_stdout = !o->out || strcmp(o->out, "-") == 0;
    const exporter *found = NULL;
    if (o->format) {
        found = exporter_by_name(o->format);
        if (!found)
            error_set(e, "unknown format %s: csv, json, jsonl, sqlite, timesketch, l2tcsv and null are known",
                      o->format);
    } else if (to_stdout) {
        found = exporter_by_name("jsonl");
    } else {
        found = exporter_by_path(o->out);
        if (!found)
            error_set(e, "%s: its suffix names no format; -f csv|json|jsonl|sqlite does", o->out);
    }
    if (found && to_stdout && strcmp(found->name, "sqlite") == 0) {
        error_set(e, "SQLite needs a file: -o OUT.db");
        return NULL;
    }
    return found;
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
    bool spreadsheet = o->out && strlen(o->out) > 4 && strcmp(o->out + strlen(o->out) - 4, ".csv") == 0;
    room.target.csv_guard = o->guard || (spreadsheet && !o->no_guard);
    pipeline_job job = {.session = ev->session,
                        .filter = &o->filter,
                        .exporter = c->format,
                        .stop = &evidence_stop,
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

static bool to_stdout(const options *o)
{
    return !o->out || strcmp(o->out, "-") == 0;
}

static bool begin_out(conversion *c, error *e)
{
    const outfile_request request = {.path = c->options->out,
                                     .what = c->what,
                                     .is_own = c->format->is_own,
                                     .force = c->options->force,
                                     .needs_file = c->options->provenance || strcmp(c->format->name, "sqlite") == 0};
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
    guard_will_read(o->schemas, o->schema_count);
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
    evidence_hash(ev);
    if (both && !provenance_write(ev, &c->own, &c->provenance, c->format->name, c->records, e))
        return false;
    if (evidence_stop)
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

static int convert_all(conversion *c)
{
    error e = {0};
    evidence ev;
    int code = evidence_open(&ev, c->options, c->format->render || filter_needs_record(&c->options->filter));
    if (code == EXIT_DONE) {
        if (c->format->keeps_traces)
            evidence_hash(&ev);
        bool ok = convert(c, &ev, &e) && finish(c, &ev, &e);
        evidence_clear_bar(&ev);
        c->reader_left = !ok && outfile_reader_left(c->out->fd);
        if (!ok && !c->reader_left)
            print_say("%s", e.message);
        code = !ok ? EXIT_FAILED : evidence_damaged(&ev) ? EXIT_DAMAGE : EXIT_DONE;
        if (ok && !c->options->quiet) {
            evidence_tell_damage(&ev);
            tell_result(&ev, c->records);
        }
    }
    evidence_close(&ev);
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

int cmd_convert(const options *o)
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
