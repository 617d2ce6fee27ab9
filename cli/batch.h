// Every input of a run by itself: small ones on many threads at a time, large ones one after the other with all
// threads. What they print comes out in the order of the inputs, whoever was faster.
#ifndef ETWKIT_BATCH_H
#define ETWKIT_BATCH_H

#include "base/outbuf.h"
#include "run.h"

typedef struct batch_job {
    run *run;
    // Does the work for a row, on any thread; `threads`: it may use the run's. What it says for people (print.h) is
    // held back until its turn; what it appends to `out` is for standard output.
    void (*one)(void *context, u32 row, bool threads, outbuf *out);
    void *context;
} batch_job;

// False: the run was told to stop; rows that were not reached say so.
bool batch_run(const batch_job *job);

#endif
