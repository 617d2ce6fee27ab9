// What a session lost before it reached the file, as the buffers tell it: holes in their sequence numbers, and the
// marks Windows sets on a buffer before which events or buffers were lost. The header's own totals are
// trace_facts.
#ifndef ETWKIT_LOSSES_H
#define ETWKIT_LOSSES_H

#include "container/etl_file.h"

// Sequence numbers count the buffers of a session over all processors; which processor a missing one belonged to is
// then not known. Only where the same numbers come again for several processors does each count for itself.
typedef struct loss_row {
    bool has_processor;
    u16 processor;
    u64 missing;
} loss_row;

typedef struct losses {
    loss_row *rows; // only those with missing buffers, by processor
    u32 count, cap;
    u64 missing;     // all rows together
    u64 repeated;    // buffers whose number another one has as well, of the same processor where each counts for itself
    u64 repeated_at; // offset of the first of them in the file; the one it repeats is before or after it
    u64 copies;      // of these, those with the very bytes of the other one: their events are there twice
    bool numbered;   // there are buffers with numbers besides header buffers:
    u64 first, last; // of these, the least and the greatest number
    u64 marked;      // buffers with BUFFER_FLAG_EVENTS_LOST or BUFFER_FLAG_BUFFER_LOST
    u32 *after; // indexes of etl_file.buffers in order: those marked and those after a hole, before which something
                // is lost
    spill *after_block;
    u32 after_count, after_cap;
} losses;

void losses_count(const etl_file *f, losses *out); // overwrites *out
void losses_free(losses *l);

#endif
