// The schema cache as a file: runs that add to it take turns, so that none undoes another.
#ifndef ETWKIT_CACHE_FILE_H
#define ETWKIT_CACHE_FILE_H

#include "etwkit_engine.h"

typedef struct cache_addition {
    u64 events;   // that were new
    u64 kept;     // that are in the cache now, new or not; 0: it stays as it is, or is not made
    u64 left_out; // that are over the limits of a cache
    error remark; // what was left out of the old cache, "" where nothing was
} cache_addition;

// Adds the set to the cache at `path`, which is made with its folder where there is none, and stays the very file it is
// where nothing is new. Waits for its turn half a minute at most.
MUST_USE bool cache_file_add(const char *path, const schema_set *set, cache_addition *out, error *e);

#endif
