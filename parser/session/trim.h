// A smaller trace of the events somebody keeps, and of what they need to be read as before: the trace header, schemas
// the trace carries, facts about processes, threads, files, keys and modules, the stacks that are theirs.
//
// Event records are copied byte for byte, into buffers of the size and the compression that the session had, processor
// by processor in their order. Numbers of buffers begin anew; where buffers were missing there is a hole again. What is
// damaged is left behind. The trace header stays as it is but for BuffersWritten, which is of this file.
#ifndef ETWKIT_TRIM_H
#define ETWKIT_TRIM_H

#include "session/session.h"

typedef struct trim_job {
    const session *session; // surveyed, of one trace
    // Whether the event is kept for its own sake. Called twice for each where that is needed; `last` tells the last
    // time.
    bool (*keeps)(void *context, const loaded_buffer *b, const event_ref *ref, bool last);
    bool (*write)(void *context, span bytes, error *e);
    // Once all is written: other bytes at an offset.
    bool (*change)(void *context, u64 offset, span bytes, error *e);
    void *context;
    volatile const bool *stop;
    u64 kept, carried; // out: events for their own sake, and besides
} trim_job;

// False: nothing was written, or not all; `e` says why.
MUST_USE bool trim_trace(trim_job *job, error *e);

#endif
