// Records through an exporter, on any number of threads, with the same bytes out.
//
// One thread merges, numbers and commits, in order; it and the others load and inflate buffers ahead of the merge, and
// filter and render slices after it, each in a ring (threads/ring.h). At most a ring of slices and one of buffers are
// in memory.
#ifndef ETWKIT_PIPELINE_H
#define ETWKIT_PIPELINE_H

#include "etwkit_engine.h"
#include "exporter.h"

// A part of the stream of records, from one time to another.
typedef struct pipeline_part {
    i64 since, until; // FILETIME, both inclusive
    u64 before;       // records that come before it
} pipeline_part;

// A record that was rendered, to be numbered: what record.number was then, its time as logged, and the number it has.
typedef struct pipeline_mark {
    u64 at;
    i64 time;
    u64 number;
} pipeline_mark;
typedef struct pipeline_marks {
    pipeline_mark *list; // in the order of the records
    u32 count, capacity;
} pipeline_marks;

typedef struct pipeline_job {
    session *session;
    const filter *filter;
    const pipeline_part *part; // NULL: everything
    const exporter *exporter;
    sink *sink;
    bool only_rendered; // records that the exporter passes over take no part: the others have no numbers of the whole
    pipeline_marks *marks;     // NULL, or what the exporter adds to: records have no numbers until the run has ended
    volatile const bool *stop; // set from outside (a signal): give up
    void (*progress)(void *context, u64 done, u64 total); // records, events
    void *context;
    u64 records; // out: how many went to the exporter
} pipeline_job;

// Counts states into the session's traces. False: the exporter failed, or *stop.
MUST_USE bool pipeline_run(pipeline_job *job, error *e);

// Finds part `part` of `parts`, counted from 0. Costs what it takes to count the records before it. False: *stop.
MUST_USE bool pipeline_cut(pipeline_job *job, u32 part, u32 parts, pipeline_part *out, error *e);

// The same counts and job->records without an exporter: every event decoded, none rendered, in no order. Where the
// filter asks for more than the class, trace.class_passed is filled.
MUST_USE bool pipeline_count(pipeline_job *job, error *e);

#endif
