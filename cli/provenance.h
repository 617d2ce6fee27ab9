// convert --provenance: OUT.provenance.json next to OUT, the facts a second examiner needs to repeat a conversion.
#ifndef ETWKIT_PROVENANCE_H
#define ETWKIT_PROVENANCE_H

#include "evidence.h"
#include "outfile.h"

// Once all of `out` was written and before it is sealed, with all hashes in. Inputs are hashed once more.
MUST_USE bool provenance_write(const evidence *ev, const outfile *out, outfile *to, const char *format, u64 records,
                               error *e);
bool provenance_is_own(span head, int fd); // for outfile_begin

#endif
