// Many expressions over one record: which of them hold. For filters (one expression), detection rules and tables.
//
//     query_set *q = query_new(list, count);
//     query_bind(q, class_list(classes), class_count(classes));    // once classes are planned
//     ...
//     u32 hit_count = query_run(q, &rec, &scratch, hits);          // on any thread, each with its own scratch
//
// A test that several expressions share is done once a record, a column or field that several tests share is read
// once, and expressions that cannot hold for a class are not looked at for its records. Fields are found by index, not
// by name: their paths are looked up when a class is bound.
#ifndef ETWKIT_QUERY_H
#define ETWKIT_QUERY_H

#include "activity/getter.h"
#include "query/where.h"

typedef struct query_set query_set;

// What one thread needs; zero to begin with. Of one query only.
typedef struct query_scratch {
    struct source_value *sources; // values of this record's columns and fields, as far as they were read
    u64 *tests;                   // by test: twice the run that did it, and 1 where it held
    u64 run;
    u32 source_count;
    outbuf element, column;
    getter_scratch fact;
} query_scratch;
void query_scratch_free(query_scratch *s);

// The expressions must live as long as the query. Expression i is the i-th of the list.
query_set *query_new(const expression *const *list, u32 count);
void query_free(query_set *q);

// By class index; an earlier binding is forgotten. Not while another thread runs the query.
void query_bind(query_set *q, const event_class *const *classes, u32 count);

// What holds of the records of all events of a bound class: NEVER, that no expression will hold; ALWAYS, that at least
// one will.
where_truth query_class(const query_set *q, u32 class_index);
// The expressions that may hold for records whose class it is, ascending.
const u32 *query_candidates(const query_set *q, u32 class_index, u32 *count);

// The expressions that hold, ascending, to `hits`, which has a place for each of the list. Returns how many.
u32 query_run(const query_set *q, const record *rec, query_scratch *s, u32 *hits);
// Whether any does.
bool query_any(const query_set *q, const record *rec, query_scratch *s);

#endif
