// Whether bytes hold events one behind the other: how the walk over a buffer finds its way again behind a damaged
// place, and how buffers without a sound header are told from noise.
//
// One record alone proves little: two bytes say what it is and two how long. So a chain is asked for: several records
// in a row, or fewer that end exactly where the buffer's used bytes do, all with marks as Windows writes them and times
// near each other. Costs a few loads a place; nothing here is recursive or looks further than three records.
#ifndef ETWKIT_CHAIN_H
#define ETWKIT_CHAIN_H

#include "base/span.h"

// A buffer's bytes as a chain sees them. `fill_at` is where nothing but fill follows (chain_fill_at).
typedef struct chain_bytes {
    span bytes; // from the buffer's header on: records stand at multiples of 8
    size_t fill_at;
} chain_bytes;

// The first multiple of 8 behind which all bytes are 0x00 or 0xff; bytes.len where the last ones are not.
size_t chain_fill_at(span bytes);

// `near` is the time of an event that stands close by, 0 where none is known.
bool chain_holds(const chain_bytes *c, size_t at, i64 near);

// The first place at or behind `at`, a multiple of 8, and in front of `limit`, where a chain holds; `limit` where there
// is none.
size_t chain_next(const chain_bytes *c, size_t at, size_t limit, i64 near);

#endif
