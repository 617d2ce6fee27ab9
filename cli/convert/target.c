// What an exporter is told before the first record.
#include "convert/conversion.h"

#include "info.h"

static export_damage *damage_of(const trace *t, u32 *count)
{
    damage_note *notes = damage_in_order(&t->file.damage, &t->damage, count);
    export_damage *list = mem_zeroed(*count, sizeof(*list));
    for (u32 i = 0; i < *count; i++)
        list[i] = (export_damage){notes[i].offset, notes[i].bytes, notes[i].kind, notes[i].message};
    mem_free(notes);
    return list;
}

static void fill_inputs(conversion_target *to, const evidence *ev)
{
    to->inputs = mem_zeroed(ev->count, sizeof(*to->inputs));
    for (u32 i = 0; i < ev->count; i++) {
        const input_row *row = &ev->run->inputs.rows[ev->first + i];
        to->inputs[i] =
            (export_input){.path = row->path,
                           .source = row->source,
                           .status = input_status_name(evidence_status(ev, row)),
                           .error = row->error,
                           .reason = input_reason(row),
                           .sha256 = inputs_sha256(&ev->run->inputs, row),
                           .bytes = row->bytes,
                           .duplicate_of = row->duplicate_of == INPUT_NONE ? -1 : (i64)row->duplicate_of - ev->first,
                           .trace = row->trace == INPUT_NONE ? -1 : (i64)row->trace};
    }
    to->target.inputs = to->inputs;
    to->target.input_count = ev->count;
}

// The machine of all of a trace's records; NULL where it is unknown, or where there are several.
static const char *host_of(const session *s, u32 index)
{
    const char *name = session_host(s, index, 0)->name;
    for (u32 i = 1; i < s->traces[index]->file.trace_header_count; i++)
        if (session_host(s, index, i)->name != name)
            return NULL;
    return name;
}

static void note_wanted(conversion_target *to, const filter *f)
{
    to->target.wanted = to->wanted = mem_zeroed(to->target.class_count, sizeof(*to->wanted));
    for (u32 i = 0; i < to->target.class_count; i++)
        to->wanted[i] = filter_class(f, to->target.classes[i]) != WHERE_NEVER;
}

void conversion_target_fill(conversion_target *to, const evidence *ev, const exporter *x, const filter *f)
{
    const session *s = ev->session;
    to->traces = mem_zeroed(s->trace_count, sizeof(*to->traces));
    to->json = mem_zeroed(s->trace_count, sizeof(*to->json));
    for (u32 i = 0; i < s->trace_count; i++) {
        const trace *t = s->traces[i];
        u32 count;
        export_damage *list = damage_of(t, &count);
        to->json[i] = x->keeps_traces ? info_json(ev, i, false) : NULL;
        to->traces[i] = (export_trace){t->file.input->name, to->json[i], list, count, host_of(s, i)};
    }
    to->target.classes = class_list(s->classes);
    to->target.class_count = class_count(s->classes);
    to->target.traces = to->traces;
    to->target.trace_count = s->trace_count;
    to->target.hosts = s->hosts.list;
    to->target.host_count = s->hosts.count;
    to->target.session = s;
    fill_inputs(to, ev);
    if (!filter_is_open(f))
        note_wanted(to, f);
}

void conversion_target_free(conversion_target *to)
{
    for (u32 i = 0; i < to->target.trace_count; i++) {
        mem_free((void *)(uintptr_t)to->traces[i].damage);
        mem_free(to->json[i]);
    }
    mem_free(to->traces);
    mem_free(to->inputs);
    mem_free(to->wanted);
    mem_free(to->json);
}
