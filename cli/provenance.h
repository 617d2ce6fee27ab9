// convert --provenance: OUT.provenance.json next to OUT, the facts a second examiner needs to repeat a conversion.
#ifndef ETWKIT_PROVENANCE_H
#define ETWKIT_PROVENANCE_H

#include "evidence.h"
#include "outfile.h"

// Once all of `out` was written and before it is sealed, with all hashes in. Inputs are hashed once more.
// What was written, through the descriptor it was written with.
typedef struct provenance_output {
    const outfile *file;
    const char *format, *shard; // shard "2/7"; NULL: all of it
    u64 records;
    const char *counts; // what it has instead of records: "packets"; NULL: records
    u64 items;          // how many
} provenance_output;

MUST_USE bool provenance_write(const evidence *ev, const provenance_output *output, outfile *to, error *e);
// The name of that file, heap; `word`: options.provenance.
char *provenance_path(const char *output, const char *word);
bool provenance_is_own(span head, int fd); // for outfile_begin

#endif
