// Columns that are the same for all records of a class, of a trace or of a machine, written once.
//
// Such columns come in runs (columns.def has neighbours of the same scope side by side): an exporter copies a run where
// its first column is due, and leaves out the others.
#ifndef ETWKIT_PREPARED_H
#define ETWKIT_PREPARED_H

#include "exporter.h"
#include "literal.h"

typedef struct prepared {
    literal *runs[COLUMN_COUNT]; // by its first column: the run of each class, trace or host; NULL for all others
    literal origins[ORIGIN_COUNT], states[RECORD_STATES]; // their names
    u32 class_count, source_count, host_count;
    size_t bound; // bytes that the runs of a record take at most
} prepared;

// Appends a column as the exporter writes it, with its separator. The record has nothing but what the column's scope
// names.
typedef void prepare_column(const void *context, column_id id, const record *rec, outbuf *out);

// Lives in `a`.
void prepared_make(prepared *out, arena *a, const export_target *target, prepare_column *add, const void *context);

ALWAYS_INLINE bool column_is_prepared(column_id id)
{
    return COLUMN_SCOPES[id] != SCOPE_RECORD;
}

// Together with the column before it.
ALWAYS_INLINE bool column_continues_run(column_id id)
{
    return id && column_is_prepared(id) &&
           (column_is_of_class(id) ? column_is_of_class(id - 1) : COLUMN_SCOPES[id] == COLUMN_SCOPES[id - 1]);
}

ALWAYS_INLINE literal prepared_run(const prepared *p, column_id first, const record *rec)
{
    bool of_class = column_is_of_class(first), of_source = column_is_of_source(first);
    u32 index = of_class ? rec->cls->index : of_source ? rec->source_index : rec->host_index;
    assert(index < (of_class ? p->class_count : of_source ? p->source_count : p->host_count));
    return p->runs[first][index];
}

#endif
