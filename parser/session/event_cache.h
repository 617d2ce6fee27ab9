// What the first pass caches of a buffer, so that the second one need not read, inflate and walk it again: some of its
// events, and pieces of its bytes.
//
// Of small compressed traces everything is cached, as far as the limits allow; of plain buffers, where events stand.
// Where only some classes are wanted (session.wants), of any trace the records that may be wanted, with what is looked
// at together with them.
#ifndef ETWKIT_EVENT_CACHE_H
#define ETWKIT_EVENT_CACHE_H

#include "correlate/correlate.h"

typedef struct cached_piece {
    u32 at, len; // in the buffer
} cached_piece;

typedef struct cached_buffer {
    event_ref *refs; // by time
    cached_piece *pieces;
    u8 *bytes; // the pieces', one after the other; NULL: they are read again
    u32 count, piece_count;
    u32 len; // of the whole buffer
} cached_buffer;

// One session's. All zero is a valid empty one.
typedef struct event_cache {
    u8 *blocks[16]; // of CACHE_BLOCK_BYTES; the last one is free from `at` on
    u32 block_count;
    u8 *at, *end;
    size_t places;   // bytes of refs without bytes
    event_ref *refs; // scratch
    u32 ref_count, ref_capacity;
    cached_piece *pieces; // likewise
    u32 piece_count, piece_capacity;
} event_cache;

enum { CACHE_BLOCK_BYTES = 2 << 20 }; // a large page

void event_cache_free(event_cache *c);
void event_cache_free_blocks(event_cache *c); // alone: they are not of base/memory.h

// Both take a loaded buffer whose events are in the order of time. NULL: there is no space for it, or it would be more
// than is worth its space. What they return lives as long as the cache.

// The whole buffer.
cached_buffer *cache_whole(event_cache *c, const loaded_buffer *b);

// Where its events are, and not its bytes: to read those again is cheaper than memory for them.
cached_buffer *cache_places(event_cache *c, const loaded_buffer *b);

// The events of wanted classes (`wanted`, by class index), those of the same time, which may have a claim to the same
// stack, and those of `stacks`, which were noted in the buffer, that belong to them.
cached_buffer *cache_wanted(event_cache *c, const loaded_buffer *b, const bool *wanted, const stack_notes *stacks);

// Fills *out with what is cached; of its bytes only those are valid that its events need. `own` is memory for it, of
// the calling thread.
void cached_load(const cached_buffer *b, loaded_buffer *own, loaded_buffer *out);
// The same where `own` has been loaded again. False: with other bytes than before.
MUST_USE bool cached_place(const cached_buffer *b, const loaded_buffer *own, loaded_buffer *out);

#endif
