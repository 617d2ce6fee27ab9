// Events whose time is far outside of the session they are in: relogged ones that kept another clock's time, as a date
// in a session that counts ticks, and damaged ones. They stay where their time puts them, and are told.
#ifndef ETWKIT_FAR_EVENTS_H
#define ETWKIT_FAR_EVENTS_H

#include "decode/events.h"

typedef struct far_events {
    u64 events;
    u64 first_offset; // of the first of them in the file, or of its compressed buffer
    i64 first_time;   // FILETIME
    i64 first_date;   // what its time stamp says as a FILETIME, where that is within the session; else 0
} far_events;

// Sessions run for years at most where their end is not told.
bool is_far(const trace_facts *facts, i64 filetime);
// A buffer whose events are in the order of time; buffers in the order of the file.
void far_events_see(far_events *far, const loaded_buffer *b);

#endif
