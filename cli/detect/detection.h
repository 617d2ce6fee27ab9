// A hit, from the record it was found in to whoever writes it.
#ifndef ETWKIT_DETECTION_H
#define ETWKIT_DETECTION_H

#include "etwkit_engine.h"

// What made a rule true.
typedef struct detection_field {
    const char *name; // "keywords": anywhere in the event
    span text;
    bool is_null; // that there is no value
} detection_field;

typedef struct detection {
    const sigma_rule *rule;
    i64 time;
    u64 record, offset;
    const char *host, *source, *provider, *event_name, *process_name; // NULL: unknown
    guid provider_id;
    u16 event_id;
    bool has_process;
    u32 process_id;
    const detection_field *fields;
    u32 field_count;
    // Of a correlation: what was counted, and the records of the first hits that were.
    u64 count;
    const u64 *records;
    u32 record_count;
} detection;

// Appends a hit of a rule about events to a buffer, with what rule_reasons says and what correlations keep.
void detection_pack(outbuf *out, const rule_set *set, u32 rule, const record *rec, view_scratch *x);

// Gives a packed hit the number of its record.
void detection_number(u8 *packed, u64 number);

// Room for what is unpacked; all zero is a valid empty one.
typedef struct detection_room {
    detection_field *fields;
    u32 field_capacity;
    span *kept; // without case
    u32 kept_capacity;
    outbuf folded;
} detection_room;
void detection_room_free(detection_room *room);

// Takes the first of the hits in `packed` off it; `whole`: its bytes, which can be unpacked again.
void detection_unpack(span *packed, const rule_set *set, detection_room *room, detection *out, span *whole);

#endif
