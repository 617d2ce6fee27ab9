// Arrays that grow with the traces: facts, buffers, names.
//
// They are in memory as long as all of them together take at most LIMIT_SPILL_MEMORY. Beyond that those that are large
// lie in temporary files without names, mapped: they are read and written as memory is, by any thread, and their pages
// come and go. The system takes pages it needs elsewhere; spill_trim gives back all of them, so whoever goes through
// much data calls it now and then. Where there is no space for a file they stay in memory.
//
// A spill is the block of one array. Its owner keeps it next to the array: NULL is an empty one.
#ifndef ETWKIT_SPILL_H
#define ETWKIT_SPILL_H

#include "base/memory.h"

typedef struct spill spill;

// As GROW. Items move.
#define SPILL_GROW(s, items, count, cap)                                                                               \
    do {                                                                                                               \
        if ((count) >= (cap)) {                                                                                        \
            (items) = spill_reserve(&(s), (size_t)(count) + 1, sizeof(*(items)));                                      \
            (cap) = (__typeof__(cap))(spill_bytes(s) / sizeof(*(items)));                                              \
        }                                                                                                              \
    } while (0)

// Makes it `count` items long at least, and longer as it grows. Those that were there stay.
void *spill_reserve(spill **s, size_t count, size_t each);
// An empty one becomes `count` zeroed items.
void *spill_zeroed(spill **s, size_t count, size_t each);
size_t spill_bytes(const spill *s);
bool spill_is_in_file(const spill *s);
// It stays as it is: takes no descriptor any more.
void spill_seal(spill *s);
void spill_free(spill **s); // and sets it to NULL

// Puts the items in order, as sort_in_place does. What lies in a file is sorted in pieces, which are then merged, so
// that little of it is in memory at a time. Items move.
void *spill_sort(spill **s, size_t count, size_t each, int (*compare)(const void *, const void *));

// Any thread, at any time.
void spill_trim(void);
// For whoever goes through traces, or through arrays: trims whenever `limit` bytes were passed. `passed` is the
// caller's.
enum { SPILL_TRACES = 16 << 20, SPILL_ITEMS = 4 << 20 };
// Likewise for look-ups here and there: the system maps what lies around each.
enum { SPILL_LOOKUP = 128 << 10, SPILL_LOOKUPS = 8 << 20 };
static inline void spill_pass(u64 *passed, u64 bytes, u64 limit)
{
    if ((*passed += bytes) >= limit) {
        *passed = 0;
        spill_trim();
    }
}

// LIMIT_SPILL_MEMORY; tests set it.
extern size_t spill_memory_limit;

#endif
