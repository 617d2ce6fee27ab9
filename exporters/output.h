// Where text exporters write: a file or stdout, in large writes, compressed where that is wanted; every failure a
// sentence that names the output.
//
// Called by one thread, the committing one. SIGPIPE is expected to be ignored, so that a reader that went away is an
// error like any other.
#ifndef ETWKIT_OUTPUT_H
#define ETWKIT_OUTPUT_H

#include "base/arena.h"
#include "exporter.h"

typedef struct output {
    int fd;           // its owner's, who closes it
    const char *name; // for sentences; the owner's
    u8 *held;         // bytes not written yet, OUTPUT_HELD of capacity
    size_t held_len;
    struct packer *packer; // NULL: nothing is compressed
} output;

void output_open(output *o, const export_target *target);
MUST_USE bool output_write(output *o, span bytes, error *e);
MUST_USE bool output_text(output *o, const char *text, error *e);
// Writes what is held. With e == NULL nothing more is written: the output is being abandoned. Frees in any case.
MUST_USE bool output_close(output *o, error *e);

// Straight to the descriptor, however many calls that takes.
MUST_USE bool output_all(int fd, const char *name, span bytes, error *e);

#endif
