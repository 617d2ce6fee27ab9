// An output file that appears whole or not at all: written beside its place, renamed when complete, removed otherwise,
// also when the process is out of memory.
#ifndef ETWKIT_OUTFILE_H
#define ETWKIT_OUTFILE_H

#include "base/error.h"

typedef struct outfile {
    const char *path; // the final name; NULL: stdout
    char *part;       // the name to write to; NULL: stdout
} outfile;

// path NULL or "-": stdout. False: nothing can be made there, and why.
MUST_USE bool outfile_begin(outfile *f, const char *path, error *e);
MUST_USE bool outfile_finish(outfile *f, error *e);
void outfile_abandon(outfile *f);

#endif
