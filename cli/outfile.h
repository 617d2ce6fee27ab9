// An output file that appears whole or not at all: written beside its place, renamed when complete, removed otherwise,
// also when the process is out of memory. What is no file and stands there already (a pipe, a device) is written to and
// stays what it is; a link's file is replaced, not the link.
#ifndef ETWKIT_OUTFILE_H
#define ETWKIT_OUTFILE_H

#include "base/error.h"

typedef struct outfile {
    const char *path; // as given; NULL: stdout
    char *part;       // the name to write to; NULL: stdout
    char *place;      // the final name; NULL: `part` is it
} outfile;

// path NULL or "-": stdout. False: nothing can be made there, and why.
MUST_USE bool outfile_begin(outfile *f, const char *path, error *e);
MUST_USE bool outfile_finish(outfile *f, error *e);
void outfile_abandon(outfile *f);

#endif
