// Columns that are the same for all records of a class or of a trace, written once.
//
// Such columns come in runs (columns.def has neighbours of the same scope side by side): an exporter copies a run where
// its first column is due, and leaves out the others.
#ifndef ETWKIT_PREPARED_H
#define ETWKIT_PREPARED_H

#include "exporter.h"
#include "literal.h"

typedef struct prepared {
    literal *runs[COLUMN_COUNT]; // by its first column: the run of each class, or of each trace; NULL for all others
    literal origins[ORIGIN_COUNT], states[RECORD_STATES]; // their names
    u32 class_count, source_count;
} prepared;

// Appends a column as the exporter writes it, with its separator. The record has nothing but what the column's scope
// names.
typedef void prepare_column(const void *context, column_id id, const record *rec, outbuf *out);

// Lives in `a`.
void prepared_make(prepared *out, arena *a, const export_target *target, prepare_column *add, const void *context);

ALWAYS_INLINE literal prepared_run(const prepared *p, column_id first, const record *rec)
{
    return p->runs[first][column_is_of_source(first) ? rec->source_index : rec->cls->index];
}

// Bytes of the record's runs together.
ALWAYS_INLINE size_t prepared_bound(const prepared *p, const record *rec)
{
    size_t bound = TEXT_PADDING;
    assert(rec->cls->index < p->class_count && rec->source_index < p->source_count);
#define COLUMN(name, type, scope, has, value)                                                                          \
    if (column_is_prepared(COLUMN_##name) && !column_continues_run(COLUMN_##name))                                     \
        bound += prepared_run(p, COLUMN_##name, rec).len;
#include "decode/columns.def"
    return bound;
}

#endif
