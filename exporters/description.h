// A record in words, for timelines that people read: what it shows that somebody did, else its message, else what the
// event is and its fields.
#ifndef ETWKIT_DESCRIPTION_H
#define ETWKIT_DESCRIPTION_H

#include "exporter.h"
#include "literal.h"

typedef struct descriptions {
    arena memory;
    activities *activities; // NULL: no session is there that knows of processes
    literal *stems;         // of each class: provider/event
} descriptions;

void descriptions_open(descriptions *d, const export_target *target);
void descriptions_free(descriptions *d);

typedef enum description { DESCRIBED_ACTIVITY, DESCRIBED_MESSAGE, DESCRIBED_FIELDS } description;

// Appends UTF-8, in which anything may stand that stands in a trace.
description description_put(const descriptions *d, const record *rec, outbuf *out);

// The fields of a payload as name=value, values with blanks in quotes; of a payload that is one text, the text.
void description_put_fields(const record *rec, outbuf *out);

// The message, else the fields; of a payload that cannot be decoded, or not all of it, its length and first bytes.
void description_put_event(const record *rec, outbuf *out);

// What stands from `start` on becomes a part of one line that no terminal acts on: each run of control characters (with
// the blanks around it) is a blank, there is none at the end, and what is not seen and changes what is seen is '?'.
void description_clean(outbuf *out, size_t start);

#endif
