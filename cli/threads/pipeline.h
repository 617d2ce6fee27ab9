// Records through an exporter, on any number of threads, with the same bytes out. With ahead.h all
// that runs on several threads (crew.h), but for hashing (hash.h).
//
// One thread merges and commits, in order; it and the others load and inflate buffers ahead of the merge, and render
// slices behind it. At most a ring of slices and a window of buffers is in memory. With one thread, or few events,
// everything runs in line.
#ifndef ETWKIT_PIPELINE_H
#define ETWKIT_PIPELINE_H

#include "exporter.h"
#include "query/filter.h"
#include "session/trace.h"

typedef struct pipeline_job {
    session *session;
    const filter *filter;
    const exporter *exporter;
    sink *sink;
    struct crew *crew;                                    // NULL: in line
    volatile const bool *stop;                            // set from outside (a signal): give up
    void (*progress)(void *context, u64 done, u64 total); // events
    void *context;
    u64 records; // out: how many went to the exporter
} pipeline_job;

// Counts states into the session's traces. False: the exporter failed, or *stop.
MUST_USE bool pipeline_run(pipeline_job *job, error *e);

// The same counts and job->records without an exporter: every event decoded, none rendered, in no order. What the
// survey has counted (session->count_states) stands, as far as it goes.
MUST_USE bool pipeline_count(pipeline_job *job, error *e);

#endif
