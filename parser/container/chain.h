// Whether bytes hold events one after the other: how the walk over a buffer finds its way again after a damaged place,
// and how buffers without a sound header are told from noise.
//
// One record alone proves little: two bytes say what it is and two how long. So a chain is required: several records
// in a row, or fewer that end exactly where the buffer's used bytes do, all with marks as Windows writes them and times
// near each other. Costs a few loads a place; nothing here is recursive or looks further than five records.
#ifndef ETWKIT_CHAIN_H
#define ETWKIT_CHAIN_H

#include "container/event.h"

// A record with a mark exactly as Windows writes it. `left` are the bytes from it on.
bool chain_frame(span left, event_frame *out);

// Records of one buffer lie no further apart than this: 61 hours of a 10 MHz clock, 10 minutes of a cycle counter.
static const u64 CHAIN_NEAR = (u64)1 << 41;
static inline bool chain_is_near(i64 a, i64 b)
{
    u64 apart = a < b ? (u64)b - (u64)a : (u64)a - (u64)b;
    return apart < CHAIN_NEAR;
}

// What a record adds to the proof that a run of records is no chance, and what is enough. WPP messages have less of a
// mark than other records.
enum { CHAIN_PROOF = 15, CHAIN_EVENT = 5, CHAIN_MESSAGE = 3 };
static inline u32 chain_weight(const event_frame *frame)
{
    return frame->kind == HEADER_MESSAGE ? CHAIN_MESSAGE : CHAIN_EVENT;
}

// A buffer's bytes as a chain sees them. `fill_at` is where nothing but fill follows (chain_fill_at).
typedef struct chain_bytes {
    span bytes; // from the buffer's header on: records start at multiples of 8
    size_t fill_at;
} chain_bytes;

// The first multiple of 8 after which all bytes are 0x00 or 0xff; bytes.len where the last ones are not.
size_t chain_fill_at(span bytes);

// `near` is the time of an event close by, 0 where none is known.
bool chain_holds(const chain_bytes *c, size_t at, i64 near);

// The first place from `at` on, a multiple of 8, and before `limit`, where a chain holds; `limit` where there is none.
size_t chain_next(const chain_bytes *c, size_t at, size_t limit, i64 near);

#endif
