// Shared by opentrace.c and opentrace_record.c only.
#ifndef ETWKIT_OPENTRACE_INTERNAL_H
#define ETWKIT_OPENTRACE_INTERNAL_H

#include "session/merge.h"
#include "opentrace.h"

// An event in Windows' structures, with the room they need.
typedef struct shown_event {
    EVENT_RECORD record;
    EVENT_TRACE trace;
    EVENT_HEADER_EXTENDED_DATA_ITEM items[LIMIT_EXTENDED_ITEMS + 3];
    EVENT_EXTENDED_ITEM_INSTANCE instance;
} shown_event;

// `time` is what TimeStamp shows. The structures point into the event's bytes and into *out itself.
void show_record(shown_event *out, const event *ev, const etl_buffer *buffer, i64 time, void *context);
void show_trace(shown_event *out, const event *ev, const etl_buffer *buffer, i64 time);

// The logfile header of an open file; false: the file has none, then only what is assumed is filled in.
bool show_logfile_header(const etl_file *file, TRACE_LOGFILE_HEADER *out);

#endif
