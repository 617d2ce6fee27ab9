// Loaded buffers that wait: where many overlap in time, all of them must be at hand until their last event's turn.
//
// What they need beyond LIMIT_OPEN_BYTES lies in blocks that spill into temporary files. A buffer there is read as any
// other.
#ifndef ETWKIT_PARKING_H
#define ETWKIT_PARKING_H

#include "session/merge.h"

// One merge's; of the thread that merges. All zero is a valid empty one.
typedef struct parking {
    struct parking_block *newest; // which the next ones go to
    u64 open;                     // bytes of buffers in use that are in memory of their own
    u64 passed;
} parking;

// The buffer itself, where there is room for it, else its copy: the original is then unused.
merge_buffer *parking_take(parking *p, merge_buffer *b);
// Of one that parking_take gave and nobody uses any more. True: it was a copy and is gone, else it may be used again.
MUST_USE bool parking_leave(parking *p, merge_buffer *b);
// Whoever looks into a buffer says so now and then: the pages of copies come and go.
void parking_looked_at(parking *p, const merge_buffer *b);
void parking_free(parking *p); // copies and all

extern u64 parking_open_limit; // LIMIT_OPEN_BYTES; tests set it

#endif
