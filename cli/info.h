// The facts of one trace as `info --json` prints them: also what SQLite keeps in `traces` and reports show.
#ifndef ETWKIT_INFO_H
#define ETWKIT_INFO_H

#include "evidence.h"

// One line of JSON without a line end; heap (mem_free). Record states are there once records were read.
char *info_json(const evidence *ev, u32 trace_index, bool with_states);

// Text for people on stdout.
void info_print(const evidence *ev, u32 trace_index);

#endif
