// The facts of one trace as `info --json` prints them: also what SQLite keeps in `traces` and reports show.
#ifndef ETWKIT_INFO_H
#define ETWKIT_INFO_H

#include <cjson/cJSON.h>

#include "evidence.h"

// Both give one line of JSON without a line end; heap (mem_free). Record states are there once records were read.
char *info_json(const evidence *ev, u32 trace_index, bool with_states);
char *info_unread_json(const evidence *ev, const input_row *row); // of an input that is not read
// The same of every input, in order, with what the hashes of those that were read are now: they are read once more.
cJSON *info_inputs(const evidence *ev);

// Text for people on stdout.
void info_print(const evidence *ev, u32 trace_index);
void info_unread_print(const evidence *ev, const input_row *row);

#endif
