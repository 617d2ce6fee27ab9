#include <stdio.h>
#include <string.h>

#include "base/os.h"
#include "commands.h"
#include "info.h"
#include "outfile.h"
#include "threads/pipeline.h"
#include "provenance.h"

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

static bool out_is_input(const options *o)
{
    for (u32 i = 0; o->out && i < o->input_count; i++)
        if (os_same_file(o->out, o->inputs[i]))
            return true;
    return false;
}

static bool convert(evidence *ev, const exporter *format, outfile *out, u64 *records, error *e)
{
    const options *o = ev->options;
    target_room room = {0};
    target_fill(&room, ev, format);
    room.target.path = out->part;
    bool spreadsheet = o->out && strlen(o->out) > 4 && strcmp(o->out + strlen(o->out) - 4, ".csv") == 0;
    room.target.csv_guard = o->guard || (spreadsheet && !o->no_guard);
    pipeline_job job = {.session = ev->session,
                        .filter = &o->filter,
                        .exporter = format,
                        .crew = ev->crew,
                        .stop = &evidence_stop,
                        .progress = evidence_progress,
                        .context = ev};
    bool ok = format->open(&job.sink, &room.target, e);
    if (ok) {
        ok = format->render ? pipeline_run(&job, e) : pipeline_count(&job, e);
        bool closed = format->close(job.sink, ok ? e : NULL);
        ok = ok && closed;
    }
    *records = job.records;
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

static bool to_stdout(const options *o)
{
    return !o->out || strcmp(o->out, "-") == 0;
}

static bool write_provenance(evidence *ev, const exporter *format, u64 records, error *e)
{
    if (!ev->options->manifest)
        return true;
    evidence_hash(ev);
    return provenance_write(ev, ev->options->out, format->name, records, e);
}

int cmd_convert(const options *o)
{
    error e = {0};
    const exporter *format = choose(o, &e);
    if (format && o->manifest && to_stdout(o)) {
        error_set(&e, "--manifest stands beside a file: -o OUT");
        format = NULL;
    }
    if (format && out_is_input(o)) {
        error_set(&e, "%s is also an input: evidence is never written to", o->out);
        format = NULL;
    }
    if (!format) {
        fprintf(stderr, "etwkit: %s\n", e.message);
        return EXIT_USAGE;
    }
    outfile out;
    bool begun = outfile_begin(&out, o->out, &e);
    if (begun && out.part && !out.place && strcmp(format->name, "sqlite") == 0)
        begun = error_set(&e, "%s: a database needs a file, this is a pipe or a device", o->out);
    if (!begun) {
        outfile_abandon(&out);
        fprintf(stderr, "etwkit: %s\n", e.message);
        return EXIT_FAILED;
    }
    evidence ev;
    u64 records = 0;
    int code = evidence_open(&ev, o, format->render || filter_needs_record(&o->filter));
    if (code == EXIT_DONE) {
        if (format->keeps_traces)
            evidence_hash(&ev);
        bool ok = convert(&ev, format, &out, &records, &e) && outfile_finish(&out, &e) &&
                  write_provenance(&ev, format, records, &e);
        evidence_clear_bar(&ev);
        session_check_files(ev.session);
        if (!ok)
            fprintf(stderr, "etwkit: %s\n", e.message);
        code = !ok ? EXIT_FAILED : evidence_damaged(&ev) ? EXIT_DAMAGE : EXIT_DONE;
        if (ok && !o->quiet) {
            evidence_tell_damage(&ev);
            tell_result(&ev, records);
        }
    }
    outfile_abandon(&out);
    evidence_close(&ev);
    return code;
}
