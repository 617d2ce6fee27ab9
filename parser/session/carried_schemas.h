// Schemas that a trace carries among its events: TRACE_EVENT_INFO and EVENT_MAP_INFO records, and the manifests of
// EventSources in pieces. They are collected until all buffers are scanned, since maps must be loaded before events,
// and pieces of manifests in the order of time.
#ifndef ETWKIT_CARRIED_SCHEMAS_H
#define ETWKIT_CARRIED_SCHEMAS_H

#include "base/map.h"
#include "base/spill.h"
#include "session/scan.h"

// All zero is a valid empty one.
typedef struct carried_schemas {
    struct carried *list;
    spill *list_block;
    u32 count, capacity;
    struct carried_payload *payloads; // different ones
    spill *payload_block;
    u32 payload_count, payload_capacity;
    u8 *bytes; // of all payloads
    spill *byte_block;
    u64 byte_count, passed;
    map by_bytes;
} carried_schemas;

void carried_free(carried_schemas *c);

// Copies the payload of an event whose class is of one of the interests that are schemas.
void carried_add(carried_schemas *c, const event *ev, const schema_sender *sender, interest kind);
// Puts all into a set, in the order of time. What is wrong with them goes into `load`.
void carried_load(carried_schemas *c, schema_set *set, schema_load *load);

#endif
