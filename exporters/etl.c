// `etl`: a smaller trace, of the events that pass the filter and what they need to be read as before (session/trim.h).
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "etwkit_engine.h"
#include "exporter.h"
#include "output.h"

typedef struct trimming {
    const export_target *target;
    const filter *filter;
    bool *classes; // whether an event of it may pass, by index
    bool by_record, with_stack;
    record_filter bound;
    record_scratch record;
    query_scratch where;
} trimming;

static void ask_classes(trimming *t)
{
    const export_target *target = t->target;
    t->classes = mem_zeroed(target->class_count + (size_t)1, sizeof(*t->classes));
    for (u32 i = 0; i < target->class_count; i++) {
        where_truth truth = filter_class(t->filter, target->classes[i]);
        t->classes[i] = truth != WHERE_NEVER;
        t->by_record |= truth == WHERE_SOMETIMES;
    }
    if (t->by_record)
        filter_bind(&t->bound, t->filter, target->classes, target->class_count);
    t->with_stack = filter_needs_stack(t->filter);
}

static bool in_time(const trimming *t, const loaded_buffer *b, const event_ref *ref)
{
    const session_clock *clock = &b->file->trace_headers[b->desc->trace_header].clock;
    i64 time = clock_filetime(clock, ref->time);
    return time >= t->filter->since && time <= t->filter->until;
}

static bool passes(trimming *t, const loaded_buffer *b, const event_ref *ref)
{
    record rec;
    if (filter_is_open(t->filter))
        return true;
    if (ref->cls >= t->target->class_count || !t->classes[ref->cls] || !in_time(t, b, ref))
        return false;
    if (!t->by_record)
        return true;
    (t->with_stack ? session_record : session_record_bare)(t->target->session, b, ref, &t->record, &rec);
    return filter_record(&t->bound, &rec, &t->where);
}

static void count_state(trimming *t, const loaded_buffer *b, const event_ref *ref)
{
    trace *of = t->target->session->traces[b->file_index];
    record_state state = session_state(t->target->session, b, ref, &t->record);
    of->decoded += state == RECORD_DECODED;
    of->partial += state == RECORD_PARTIAL;
    of->raw += state == RECORD_RAW;
}

static bool keeps(void *context, const loaded_buffer *b, const event_ref *ref, bool last)
{
    trimming *t = context;
    bool passed = passes(t, b, ref);
    if (passed && last)
        count_state(t, b, ref);
    return passed;
}

static bool write_bytes(void *context, span bytes, error *e)
{
    const trimming *t = context;
    return output_all(t->target->fd, t->target->name, bytes, e);
}

static bool change_bytes(void *context, u64 offset, span bytes, error *e)
{
    const trimming *t = context;
    ssize_t done = pwrite(t->target->fd, bytes.at, bytes.len, (off_t)offset);
    return (done >= 0 && (size_t)done == bytes.len) || error_set(e, "%s: %s", t->target->name, strerror(errno));
}

static bool etl_whole(const export_target *target, const filter *f, export_whole *made, error *e)
{
    trimming t = {.target = target, .filter = f};
    ask_classes(&t);
    trim_job job = {.session = target->session,
                    .keeps = keeps,
                    .write = write_bytes,
                    .change = change_bytes,
                    .context = &t,
                    .stop = made->stop};
    bool ok = trim_trace(&job, e);
    made->records = job.kept;
    made->items = job.kept + job.carried;
    snprintf(made->remark, sizeof(made->remark), "%llu more events tell what these need to be read as before",
             (unsigned long long)job.carried);
    filter_unbind(&t.bound);
    record_scratch_free(&t.record);
    query_scratch_free(&t.where);
    mem_free(t.classes);
    return ok;
}

const exporter exporter_etl = {
    .name = "etl",
    .suffixes = " .etl ",
    .help = "a smaller trace, of one: the events that pass and what they need",
    .whole = etl_whole,
    .counts = "events",
    .needs_file = true,
    .correlate = CORRELATE_RECORDS | CORRELATE_IMAGES | CORRELATE_FRAMES,
};
