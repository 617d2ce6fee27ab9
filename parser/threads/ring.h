// Numbered items that any thread makes and one thread takes in order: buffers to scan or to load, slices to render.
//
// The crew's owner opens items to be made, in the order of their numbers from 0, and takes them in that order. As many
// are in memory as the ring has slots. What is made depends neither on who makes it nor on when. While it waits for an
// item the owner makes others, of any of the crew's rings; those with a lower `rank` first.
//
//     ring *r = ring_new(&(ring_plan){.crew = c, .slots = 16, .slot_bytes = sizeof(item), .make = make_item});
//     ring_open(r, count);
//     for (u64 i = 0; i < count; i++) {
//         item *made = ring_take(r);
//         …
//         ring_release(r);
//     }
//     ring_free(r);
#ifndef ETWKIT_RING_H
#define ETWKIT_RING_H

#include "threads/crew.h"

// Whose items are made first: what is nearest to the output.
typedef enum ring_rank { RING_PACK, RING_RENDER, RING_SIFT, RING_LOAD, RING_INPUTS, RING_RANKS } ring_rank;

typedef struct ring ring;

typedef struct ring_plan {
    crew *crew;
    ring_rank rank;    // no two rings of a crew have the same at a time
    u32 slots;         // items in memory at a time
    size_t slot_bytes; // of one item; zero at first, then as the item before left it
    bool lazy;         // idle threads are woken only when half the slots are free: for items of little work
    // On any thread; `thread` is below crew_threads, and no two calls of a ring have the same at a time.
    void (*make)(void *context, unsigned thread, void *item, u64 number);
    void *context;
} ring_plan;

ring *ring_new(const ring_plan *plan);
// Waits for items that are being made; items opened and not begun are not made any more. `clear`, where it is not NULL,
// is called for each slot.
void ring_free(ring *r, void (*clear)(void *item));

void ring_open(ring *r, u64 end); // items below `end` may be made from now on
bool ring_is_ready(ring *r);      // whether ring_take returns at once
void *ring_take(ring *r);         // the next item, which must have been opened
void ring_release(ring *r);       // gives back its slot
// Unless the next item is ready: makes some item of the crew's; where there is none to make, waits until one was made.
void ring_work_or_wait(ring *r);

#endif
