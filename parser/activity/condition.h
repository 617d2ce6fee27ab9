// Which events of a class are meant, where not all of them are.
#ifndef ETWKIT_CONDITION_H
#define ETWKIT_CONDITION_H

#include "activity/getter.h"

// What a line of the table (activities.def) asks for.
typedef enum event_when {
    WHEN_ALWAYS,
    WHEN_CREATES,    // makes a file, or makes it anew
    WHEN_MAY_CREATE, // opens one that is there, else makes it
    WHEN_NEW,
    WHEN_STREAM,
    WHEN_PIPE,
    WHEN_KERNEL,
    WHEN_FOREIGN
} event_when;
bool event_meets(const correlator *c, event_when when, const record *rec);

// The same of a class whose fields were looked for before.
typedef struct event_condition {
    event_when when;
    getter options, path, process, thread;
} event_condition;
void event_condition_make(arena *a, const event_class *cls, event_when when, event_condition *out);
bool event_meets_condition(const correlator *c, const event_condition *when, const record *rec);

#endif
