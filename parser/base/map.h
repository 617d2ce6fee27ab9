// The one hash map: finds the index of an item in an array its owner keeps, by any key.
//
// The map holds hashes and indexes only. The owner keeps the items, says whether one of them has the key that is looked
// for, and hashes the whole key with hash_bytes: hashes are seeded anew in each process, so that no input can be made
// to collide. Nothing may depend on the order of hashes; walk the items instead.
//
//     u32 at = map_find(&m, hash, same_name, list, name);
//     if (at == MAP_NONE)
//         map_add(&m, hash, append(list, name));
//
// An all-zero map is a valid empty one. Any number of threads may look up while nobody adds.
#ifndef ETWKIT_MAP_H
#define ETWKIT_MAP_H

#include "base/base.h"

#define MAP_NONE UINT32_MAX

typedef struct map_slot {
    u32 hash;  // the upper half; its low bits say where the search begins
    u32 index; // plus one; 0: free
} map_slot;

typedef struct map {
    map_slot *slots;
    u32 capacity, count; // capacity: a power of two, or 0
} map;

// Seeded, over all bytes.
u64 hash_bytes(const void *bytes, size_t len);
u64 hash_more(u64 hash, const void *bytes, size_t len); // goes on from another hash: keys of several parts
u64 hash_u64(u64 value);

// Whether item `index` of `items` has the key.
typedef bool map_same(const void *items, u32 index, const void *key);

u32 map_find(const map *m, u64 hash, map_same *same, const void *items, const void *key); // MAP_NONE: not there
void map_add(map *m, u64 hash, u32 index);    // the key must not be there yet
void map_remove(map *m, u64 hash, u32 index); // the item must be there
void map_free(map *m);

// map_find with the comparison in place: `same` is an expression over `index_`, the item in question.
#define MAP_FIND(found, m, hash_, same)                                                                                \
    do {                                                                                                               \
        u32 key_ = (u32)((hash_) >> 32), mask_ = (m)->capacity - 1, at_ = key_ & mask_;                                \
        (found) = MAP_NONE;                                                                                            \
        for (; (m)->capacity && (m)->slots[at_].index; at_ = (at_ + 1) & mask_) {                                      \
            u32 index_ = (m)->slots[at_].index - 1;                                                                    \
            if ((m)->slots[at_].hash == key_ && (same)) {                                                              \
                (found) = index_;                                                                                      \
                break;                                                                                                 \
            }                                                                                                          \
        }                                                                                                              \
    } while (0)

#endif
