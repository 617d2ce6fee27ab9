// The facts of one trace, as `info` prints them; also what SQLite keeps in `traces`, and reports and provenance show.
#ifndef ETWKIT_INFO_H
#define ETWKIT_INFO_H

#include <cjson/cJSON.h>
#include <stdio.h>

#include "evidence.h"

// Both give one line of JSON without a line end; heap (mem_free). Record states are there once records were read.
char *info_json(const evidence *ev, u32 trace_index, bool with_states);
char *info_unread_json(const run *r, const input_row *row); // of an input that is not read
// The same of every input of the evidence, in order, with what the hashes of those that were read are now: they are
// read once more.
cJSON *info_inputs(const evidence *ev);

// Text for people.
void info_print(FILE *to, const evidence *ev, u32 trace_index);
void info_unread_print(FILE *to, const run *r, const input_row *row);

// Classes of a trace that the filter may let through, those of one provider together; heap.
typedef struct class_row {
    const event_class *cls;
    u64 events;
} class_row;
int info_class_order(const void *a, const void *b); // of class_rows: by provider, then descriptor
class_row *info_classes(const evidence *ev, const trace *t, u32 *count);
// What people are told that the provider of a class is, at the end of a text: its name, else its GUID. The kernel's
// classes have one provider, so that its name says nothing: "Process (kernel)".
bool info_is_kernel(const event_class *cls);
void info_provider(const event_class *cls, outbuf *out);
// Events of a version that nothing describes, which are read by the description of another one.
u64 info_other_versions(const evidence *ev, const trace *t);

#endif
