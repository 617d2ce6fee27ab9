// The events of one loaded buffer: where each stands, when it was, which class it has.
//
// Both passes over a trace walk buffers with the same function: the survey (scan.h) adds classes, notes damage and
// accounts for every byte; the conversion only looks classes up, in buffers whose positions were not kept.
#ifndef ETWKIT_EVENTS_H
#define ETWKIT_EVENTS_H

#include "container/etl_file.h"
#include "decode/class_memory.h"

typedef struct event_ref {
    i64 time;   // session clock
    u32 offset; // of the record in the buffer's bytes
    u32 cls;
} event_ref;

// A buffer in memory. Owned by whoever loaded it; refs stand in time order (stable: file order where times are equal).
typedef struct loaded_buffer {
    const etl_file *file;
    const etl_buffer *desc;
    u8 *memory;
    size_t capacity;
    span bytes;    // from the buffer's header on
    etl_hole hole; // of bytes: could not be read; no event reaches into it
    event_ref *refs;
    u32 count, cap;
    u32 file_index;
} loaded_buffer;

void loaded_buffer_reserve(loaded_buffer *b, size_t bytes); // for b->memory; what it held is lost
void loaded_buffer_free(loaded_buffer *b);

// What one thread needs to read buffers; all zero is a valid new one. It serves one class table.
typedef struct buffer_reader {
    etl_scratch scratch;
    class_memory *memory;
} buffer_reader;

void buffer_reader_free(buffer_reader *r);

// What a walk reports to a survey. NULL members are not asked for.
typedef struct walk_report {
    etl_account *account;
    damage_log *damage;
    u32 *headers; // events by header_kind
    bool adds_classes;
    bool unordered; // out: file order is not the order of time
} walk_report;

// Loads a buffer; memory of an earlier use of *b is used again.
void buffer_load_bytes(const etl_file *file, u32 buffer_index, loaded_buffer *b, buffer_reader *reader,
                       damage_log *damage);
// Its events in file order; report->unordered says whether they must be sorted. `classes` is only read unless
// report->adds_classes.
void buffer_walk_events(class_table *classes, loaded_buffer *b, buffer_reader *reader, walk_report *report);

// The second pass: events by time. Those of classes that the first one did not meet are left out: the file has changed.
void buffer_walk_again(class_table *classes, loaded_buffer *b, buffer_reader *reader);

void refs_sort(event_ref *refs, u32 count); // by time, then place

// The event a ref stands for, as event_read gives it; and its payload alone.
void loaded_event(const loaded_buffer *b, const event_ref *ref, event *out);
span loaded_payload_rare(const loaded_buffer *b, const event_ref *ref);
static inline span loaded_payload(const loaded_buffer *b, const event_ref *ref)
{
    event_frame frame;
    span rest = span_from(b->bytes, ref->offset);
    return event_frame_common(rest, &frame) ? event_payload((span){rest.at, frame.size}, frame.kind)
                                            : loaded_payload_rare(b, ref);
}

#endif
