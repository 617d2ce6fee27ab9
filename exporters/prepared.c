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

static literal *prepare_runs(arena *a, column_id first, const export_target *target, prepare_column *add,
                             const void *context)
{
    bool of_source = column_is_of_source(first);
    u32 count = of_source ? target->trace_count : target->class_count;
    literal *runs = arena_array(a, literal, count);
    for (u32 i = 0; i < count; i++) {
        record rec = {.source_index = i};
        if (of_source)
            rec.source = target->traces[i].file;
        else
            rec.cls = target->classes[i];
        runs[i] = prepare_run(a, first, &rec, add, context);
    }
    return runs;
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
    *out = (prepared){.class_count = target->class_count, .source_count = target->trace_count};
    for (column_id id = 0; id < COLUMN_COUNT; id++)
        if (column_is_prepared(id) && !column_continues_run(id))
            out->runs[id] = prepare_runs(a, id, target, add, context);
    for (unsigned i = 0; i < ORIGIN_COUNT; i++)
        out->origins[i] = prepare_name(a, schema_origin_name((schema_origin)i));
    for (unsigned i = 0; i < RECORD_STATES; i++)
        out->states[i] = prepare_name(a, record_state_name((record_state)i));
}
