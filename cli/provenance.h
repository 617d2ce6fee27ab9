// convert --manifest: OUT.manifest.json beside OUT, the facts a second examiner needs to repeat a conversion.
#ifndef ETWKIT_PROVENANCE_H
#define ETWKIT_PROVENANCE_H

#include "evidence.h"

// After the output is in its place and all hashes are in. Inputs are hashed once more.
MUST_USE bool provenance_write(const evidence *ev, const char *out, const char *format, u64 records, error *e);

#endif
