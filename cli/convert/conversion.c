#include "convert/conversion.h"
#include "detect/detect.h"

#include <stdio.h>
#include <string.h>

#include "convert/parts.h"
#include "pipeline.h"
#include "provenance.h"

// ---------------------------------------------------------------------------------------------- begin and end

static bool begin_out(conversion *c, error *e)
{
    const outfile_request request = {.path = c->path,
                                     .what = c->what,
                                     .is_own = c->format.exporter->is_own,
                                     .is_compressed = c->format.packing != NULL,
                                     .force = c->options->force,
                                     .made_up = c->path != c->options->out,
                                     .needs_file = c->options->provenance || c->format.exporter->needs_file};
    snprintf(c->what, sizeof(c->what), "%s output%s", c->format.exporter->name,
             c->options->provenance ? " with provenance" : "");
    return outfile_begin(&c->own, &request, e);
}

static bool begin_provenance(conversion *c, error *e)
{
    const options *o = c->options;
    if (!o->provenance)
        return true;
    c->provenance_path = provenance_path(c->path, o->provenance);
    const outfile_request request = {.path = c->provenance_path,
                                     .what = "a provenance file",
                                     .is_own = provenance_is_own,
                                     .force = o->force,
                                     .made_up = c->path != o->out,
                                     .needs_file = true};
    return outfile_begin(&c->provenance, &request, e);
}

bool conversion_begin(conversion *c, error *e)
{
    c->out = &c->own;
    if (parts_are_wanted(c->options->own))
        return true;
    return begin_out(c, e) && begin_provenance(c, e);
}

void conversion_end(conversion *c)
{
    outfile_abandon(&c->provenance);
    outfile_abandon(&c->own);
    parts_end(c->parts);
    c->parts = NULL;
    mem_free(c->provenance_path);
    c->provenance_path = NULL;
}

static bool tell_provenance(conversion *c, const evidence *ev, error *e)
{
    const convert_options *own = c->options->own;
    char format[48], shard[32];
    snprintf(format, sizeof(format), "%s%s", c->format.exporter->name,
             c->format.packing ? packing_suffix(c->format.packing) : "");
    snprintf(shard, sizeof(shard), "%u/%u", own->shard, own->shards);
    const provenance_output made = {.file = &c->own,
                                    .format = format,
                                    .shard = own->shards ? shard : NULL,
                                    .records = c->records,
                                    .counts = c->format.exporter->counts,
                                    .items = c->items};
    return provenance_write(ev, &made, &c->provenance, e);
}

// OUT comes last, so that no moment shows it without what it was made from.
bool conversion_finish(conversion *c, evidence *ev, error *e)
{
    outfile *files[] = {&c->provenance, &c->own};
    bool own = c->out == &c->own, both = own && c->options->provenance;
    session_check_files(ev->session);
    inputs_hash_finish(&ev->run->inputs);
    if (both && !tell_provenance(c, ev, e))
        return false;
    if (run_stop)
        return error_set(e, "interrupted");
    if (c->parts)
        return parts_commit(c->parts, e);
    return !own || outfile_commit(both ? files : files + 1, both ? 2 : 1, e);
}

// ---------------------------------------------------------------------------------------------- records

// Whether cells get an apostrophe: as asked for, else where a spreadsheet opens the file by its name.
static bool is_guarded(const conversion *c)
{
    const convert_options *own = c->options->own;
    bool spreadsheet = c->path && c->format.exporter == exporter_by_path(c->path);
    return c->format.exporter->takes_guard && (own->guard || (spreadsheet && !own->no_guard));
}

static void count_states(conversion *c, const session *s)
{
    for (u32 i = 0; i < s->trace_count; i++) {
        c->states[RECORD_DECODED] += s->traces[i]->decoded;
        c->states[RECORD_PARTIAL] += s->traces[i]->partial;
        c->states[RECORD_RAW] += s->traces[i]->raw;
    }
}

evidence_wish conversion_wish(const conversion *c, u32 first, u32 count)
{
    bool records = c->format.exporter->render || c->format.exporter->whole || filter_needs_record(&c->options->filter);
    const convert_options *own = c->options->own;
    unsigned correlate = c->options->correlate | c->format.exporter->correlate | (own->rules ? DETECT_CORRELATES : 0);
    return (evidence_wish){
        .first = first, .count = count, .no_records = !records && !own->shards, .correlate = records ? correlate : 0};
}

// Beside the records, in a second pass over them.
static bool write_detections(conversion *c, evidence *ev, error *e)
{
    const convert_options *own = c->options->own;
    hit_counts counts = {0};
    hit_table *t;
    bool ok =
        hit_table_open(&t, c->out, e) && detect_run(own->rules, &c->options->filter, ev, &counts, hit_table_add, t, e);
    ok = hit_table_close(t, ok, e);
    c->hits = counts.hits;
    hit_counts_free(&counts);
    return ok;
}

static bool fill_parts(conversion *c, pipeline_job *job, const export_target *target, error *e)
{
    if (!parts_begin(&c->parts, c, target, e))
        return false;
    job->exporter = parts_exporter(c->parts);
    job->sink = parts_sink(c->parts);
    bool ok = pipeline_run(job, e) && parts_write(c->parts, c->remark, e);
    c->part_count = parts_count(c->parts);
    return ok;
}

static bool make_whole(conversion *c, pipeline_job *job, const export_target *target, error *e)
{
    export_whole made = {.stop = &run_stop};
    bool ok = c->format.exporter->whole(target, &c->options->filter, &made, e);
    job->records = made.records;
    c->items = made.items;
    memcpy(c->remark, made.remark, sizeof(made.remark));
    return ok;
}

bool conversion_run(conversion *c, evidence *ev, error *e)
{
    const options *o = c->options;
    const convert_options *own = o->own;
    conversion_target to = {0};
    conversion_target_fill(&to, ev, c->format.exporter, &o->filter);
    to.target.fd = c->out->fd;
    to.target.name = c->out->path;
    to.target.crew = ev->session->crew;
    to.target.packing = c->format.packing;
    to.target.csv_guard = is_guarded(c);
    to.target.csv_mark = own->mark;
    to.target.flat = own->flat;
    to.target.all_first = own->all_first;
    to.target.search = own->search;
    to.target.continues = own->shard > 1;
    pipeline_job job = {.session = ev->session,
                        .filter = &o->filter,
                        .exporter = c->format.exporter,
                        .stop = &run_stop,
                        .progress = evidence_progress,
                        .context = ev};
    pipeline_part part;
    bool ok = true;
    if (own->shards) {
        ok = pipeline_cut(&job, own->shard - 1, own->shards, &part, e);
        job.part = &part;
    }
    if (c->format.exporter->whole) {
        ok = make_whole(c, &job, &to.target, e);
    } else if (parts_are_wanted(own)) {
        ok = fill_parts(c, &job, &to.target, e);
    } else if (ok && (ok = c->format.exporter->open(&job.sink, &to.target, e))) {
        ok = c->format.exporter->render ? pipeline_run(&job, e) : pipeline_count(&job, e);
        if (ok && c->format.exporter->remark)
            c->format.exporter->remark(job.sink, c->remark);
        if (ok && c->format.exporter->count)
            c->items = c->format.exporter->count(job.sink);
        bool closed = c->format.exporter->close(job.sink, ok ? e : NULL);
        ok = ok && closed;
    }
    c->records = job.records;
    count_states(c, ev->session);
    conversion_target_free(&to);
    return ok && (!own->rules || write_detections(c, ev, e));
}
