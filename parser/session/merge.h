// All events of a session in time order, in numbered slices.
//
// Every buffer is a sorted run. Buffers are taken up in the order of their first events and merged over the earliest
// event of each, so only buffers that overlap in time are in memory at once, and of many of those only some
// (parking.h). Ties go by trace, processor and sequence number: the order depends on nothing else.
#ifndef ETWKIT_MERGE_H
#define ETWKIT_MERGE_H

#include "session/session.h"

typedef struct merge merge;

// A buffer in use: by the merge while events are left in it, by each slice that holds events of it.
typedef struct merge_buffer {
    loaded_buffer loaded;
    u32 order;  // position in the order buffers are taken up
    u32 users;  // counted by the one thread that merges and releases
    u32 *picks; // which of its events pass the filter; NULL where all do
    u32 pick_count, pick_cap;
    loaded_buffer own;            // memory of its own; `loaded` may use what the first pass cached instead
    struct parking_block *parked; // where it is a copy (parking.h)
} merge_buffer;

typedef struct slice_item {
    merge_buffer *buffer;
    u32 ref;
} slice_item;

typedef struct slice {
    u64 number;
    u64 first; // position of its first event in the stream, from 0
    slice_item *items;
    u32 count, cap;
    merge_buffer **buffers; // distinct buffers the items point into
    u32 buffer_count, buffer_cap;
} slice;

// Which events take part; decided from the class and the time alone, before anything is decoded.
typedef struct merge_filter {
    const bool *classes; // by class index; NULL: all
    i64 since, until;    // FILETIME, both inclusive
} merge_filter;

merge *merge_new(session *s, const merge_filter *filter);
void merge_free(merge *m);

// The order buffers will be asked for, so that they can be loaded ahead.
u32 merge_buffer_count(const merge *m);
// How many events of the buffer at a position take part, where that is known without loading it; else MERGE_UNKNOWN.
u32 merge_event_count(const merge *m, u32 order);
#define MERGE_UNKNOWN UINT32_MAX

// Where to cut the stream into parts of about equal work: the FILETIME at which part `part` of `parts` begins, counted
// from 0. The same inputs and filter give the same times, on any machine.
i64 merge_part_start(const merge *m, u32 part, u32 parts);

// Where an event stands in the order of all: its key, that of its buffer where keys are equal, its place in the buffer.
typedef struct merge_place {
    i64 key;
    u32 file, filled;
    u16 processor;
    u64 sequence;
    u32 offset;
} merge_place;
// Of an event of the buffer at a position, by its time as logged.
merge_place merge_place_of(const merge *m, u32 order, i64 time, u32 offset);
// Of places in their order: those from *from on come after the buffer's first event, those from *to on after its last.
void merge_places_within(const merge *m, u32 order, const merge_place *places, u32 count, u32 *from, u32 *to);
// Adds each event of the buffer at a position to the first of the places that it comes before; added[count]: to none of
// them. All events must take part. NULL: it is not loaded, and no place is within it.
void merge_add_before(const merge *m, u32 order, const merge_buffer *b, const merge_place *places, u32 count,
                      u64 *added);

// Loads the buffer at a position of that order, on any thread. Memory of an earlier one is used again.
merge_buffer *merge_load(const merge *m, u32 order, merge_buffer *reuse, buffer_reader *reader);
void merge_buffer_free(merge_buffer *b);

// The events of a loaded buffer that pass the filter: how many, and which ref each is.
static inline u32 merge_picked(const merge_buffer *b)
{
    return b->picks ? b->pick_count : b->loaded.count;
}

static inline u32 merge_pick(const merge_buffer *b, u32 at)
{
    return b->picks ? b->picks[at] : at;
}

// Fills the slice with the next events, at most `most`. `get` returns the loaded buffer at a position (each is asked
// for once, in order). False: no events are left.
typedef merge_buffer *merge_get(void *context, u32 order);
MUST_USE bool merge_next(merge *m, u32 most, slice *out, merge_get *get, void *context);
// Memory of a buffer that nobody uses any more comes back through here (called by merge_next and slice_release).
typedef void merge_put(void *context, merge_buffer *b);
void merge_on_release(merge *m, merge_put *put, void *context);
// For who wants to know: no run and no slice uses the buffer any more. Called before its memory comes back.
typedef void merge_done(void *context, const merge_buffer *b);
void merge_on_done(merge *m, merge_done *done, void *context);
void slice_release(merge *m, slice *s);

#endif
