// What a run of a reading command has once: its inputs, threads, and the schemas from elsewhere than the traces.
#ifndef ETWKIT_RUN_H
#define ETWKIT_RUN_H

#include "etwkit_engine.h"
#include "inputs.h"
#include "outfile.h"
#include "options.h"
#include "schema_files.h"

typedef struct run {
    const options *options;
    inputs inputs;
    crew *crew;                 // NULL: one thread is enough
    schema_store *store;        // of --schemas, the cache and the program
    schema_load user_schemas;   // what --schemas came to
    schema_files schema_files;  // and the files, for provenance
    struct schema_cache *cache; // NULL: none
    outfile summary;            // begun: .fd
    bool each;                  // inputs are read one by one; then:
    segment_list segments;      // of all of them
    double began;
    bool expects_memory; // run_expect was called
    bool bar;            // a progress bar is shown
    double bar_drawn;
} run;

// Finds and opens the inputs, and loads the schemas that are named. Returns EXIT_DONE, or the exit code to end with,
// when everything was said; run_end in any case. It writes what --summary asks for and returns the exit code that is
// to be ended with: the one given, or that of its own failure.
int run_begin(run *r, const options *o);
int run_end(run *r, int code);

// The exit code of a run that has its result: whether all that was given was read, undamaged, and hashed.
int run_code(const run *r);
// The last line of a run: how many inputs were given, read and not; none for a single one that was read.
void run_sum_up(const run *r);

// So many bytes of memory are prepared on another thread, the first time this is called. On the run's own thread.
void run_expect(run *r, size_t bytes);

void run_draw_bar(run *r, const char *what, u64 done, u64 total); // total 0: it is not known
void run_clear_bar(run *r);

// Set by signals that ask the program to end.
extern volatile bool run_stop;

#endif
