#include "prepared.h"

static literal prepare_run(arena *a, column_id first, const record *rec, prepare_column *add, const void *context)
{
    outbuf text = {0};
    column_id id = first;
    do
        add(context, id++, rec, &text);
    while (id < COLUMN_COUNT && column_continues_run(id));
    literal run = literal_take(a, &text);
    outbuf_free(&text);
    return run;
}

static u32 count_of(const prepared *p, column_id id)
{
    return column_is_of_class(id) ? p->class_count : column_is_of_source(id) ? p->source_count : p->host_count;
}

// The record that has no more than all records of a class, a trace or a machine have.
static record record_of(const export_target *target, column_id id, u32 index)
{
    if (column_is_of_class(id))
        return (record){.cls = target->classes[index]};
    if (column_is_of_source(id))
        return (record){.source_index = index, .source = target->traces[index].file};
    return (record){.host_index = index, .host = target->hosts[index].name};
}

static literal prepare_name(arena *a, const char *name)
{
    outbuf text = {0};
    outbuf_text(&text, name);
    literal copy = literal_take(a, &text);
    outbuf_free(&text);
    return copy;
}

void prepared_make(prepared *out, arena *a, const export_target *target, prepare_column *add, const void *context)
{
    *out = (prepared){.class_count = target->class_count,
                      .source_count = target->trace_count,
                      .host_count = target->host_count,
                      .bound = TEXT_PADDING};
    for (column_id id = 0; id < COLUMN_COUNT; id++) {
        if (!column_is_prepared(id) || column_continues_run(id))
            continue;
        size_t longest = 0;
        out->runs[id] = arena_array(a, literal, count_of(out, id));
        for (u32 i = 0; i < count_of(out, id); i++) {
            record rec = record_of(target, id, i);
            out->runs[id][i] = prepare_run(a, id, &rec, add, context);
            longest = out->runs[id][i].len > longest ? out->runs[id][i].len : longest;
        }
        out->bound += longest;
    }
    for (unsigned i = 0; i < ORIGIN_COUNT; i++)
        out->origins[i] = prepare_name(a, schema_origin_name((schema_origin)i));
    for (unsigned i = 0; i < RECORD_STATES; i++)
        out->states[i] = prepare_name(a, record_state_name((record_state)i));
}
