// Where text exporters write: a file or stdout, in large writes, every failure a sentence that names the output.
//
// SIGPIPE is expected to be ignored, so that a reader that went away is an error like any other.
#ifndef ETWKIT_OUTPUT_H
#define ETWKIT_OUTPUT_H

#include "base/arena.h"
#include "base/error.h"

typedef struct output {
    int fd;
    char *name; // for sentences; owned
    u8 *held;   // bytes not written yet, OUTPUT_HELD of room
    size_t held_len;
} output;

// path NULL: stdout. An existing file is emptied.
MUST_USE bool output_open(output *o, const char *path, error *e);
MUST_USE bool output_write(output *o, span bytes, error *e);
MUST_USE bool output_text(output *o, const char *text, error *e);
// Writes what is held and closes. With e == NULL nothing more is written: the output is being abandoned. Frees in any
// case.
MUST_USE bool output_close(output *o, error *e);

#endif
