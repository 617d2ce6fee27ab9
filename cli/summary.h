// --summary FILE: one JSON line for each input, read or not: what it is, what became of it, and what came of it.
#ifndef ETWKIT_SUMMARY_H
#define ETWKIT_SUMMARY_H

#include <cjson/cJSON.h>

#include "outfile.h"
#include "run.h"

// Before anything is read. False: FILE cannot be written (exit code), and why was said.
MUST_USE bool summary_begin(run *r, int *code);
// When everything else is done, or was interrupted. False: it could not be written, as was said.
MUST_USE bool summary_end(run *r);

// The line of one input, as an object.
cJSON *summary_row(const run *r, const input_row *row);

#endif
