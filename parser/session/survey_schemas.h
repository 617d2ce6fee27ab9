// Schemas that a trace carries among its events: TRACE_EVENT_INFO and EVENT_MAP_INFO records, and the manifests of
// EventSources in pieces. They are kept until all buffers are read, since maps must be in before events, and pieces of
// manifests come in the order of time.
#ifndef ETWKIT_SURVEY_SCHEMAS_H
#define ETWKIT_SURVEY_SCHEMAS_H

#include "session/scan.h"

// All zero is a valid empty one.
typedef struct carried_schemas {
    arena arena;
    struct carried *list;
    u32 count, cap;
} carried_schemas;

void carried_free(carried_schemas *c);

// Keeps the payload of an event whose class is of one of the interests that are schemas.
void carried_add(carried_schemas *c, const event *ev, interest kind);
// Puts all into a set, in the order of time. What is wrong with them goes into `load`.
void carried_load(carried_schemas *c, schema_set *set, schema_load *load);

// Schemas that are tried before all are in: those met so far and those in the file's last buffers, since Windows writes
// the schemas of a trace behind its events. Sets stay until the last plans are made: the first were made from them.
typedef struct schema_trials {
    schema_set **sets;
    u32 count, cap;
    const etl_file *file; // of the last one
    u32 carried;          // how many pieces had come then
} schema_trials;

void trials_free(schema_trials *t);
// The last set; NULL: there is none.
schema_set *trials_last(const schema_trials *t);
// Whether there is more to try than at the last time.
bool trials_due(const schema_trials *t, const carried_schemas *c, const etl_file *file);
void trials_add(schema_trials *t, const carried_schemas *c, const correlator *asked, const etl_file *file);

#endif
