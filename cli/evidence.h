// One session of a reading command: some of the run's inputs, opened and surveyed together, and what was found out.
#ifndef ETWKIT_EVIDENCE_H
#define ETWKIT_EVIDENCE_H

#include "etwkit_engine.h"
#include "run.h"

typedef struct evidence {
    struct symbols *symbols; // of --symbols; NULL: none
    run *run;
    session *session;
    u32 first, count; // rows of the run's inputs
    u32 *rows;        // by trace: its row
    double began;
} evidence;

// What a command wants to know.
typedef struct evidence_wish {
    u32 first, count;   // rows of the run's inputs
    bool alone;         // it has the run's threads to itself
    bool no_records;    // it counts them at most
    unsigned correlate; // what is followed of what events say about each other (CORRELATE_…)
} evidence_wish;

// Opens those of the rows that can be read, and surveys them. Returns EXIT_DONE or the exit code to end with
// (everything said); evidence_close in any case.
int evidence_open(evidence *ev, run *r, const evidence_wish *wish);
void evidence_close(evidence *ev); // what was found of its rows stays in them

// What became of an input so far.
input_status evidence_status(const evidence *ev, const input_row *row);
// The row of a trace.
const input_row *evidence_row(const evidence *ev, u32 trace);
// Lists damage on stderr, the first lines of each trace.
void evidence_tell_damage(const evidence *ev);

// Limits (limits.h) that were reached, each with how often; NULL: none at that index. The text lives in `scratch`.
const char *evidence_limit(const evidence *ev, u32 index, char scratch[160]);

// For pipeline_job.
void evidence_progress(void *context, u64 done, u64 total);

#endif
