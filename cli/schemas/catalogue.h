// Every provider that is known: of files that were given, of the cache, of the built-in core.
#ifndef ETWKIT_CATALOGUE_H
#define ETWKIT_CATALOGUE_H

#include "etwkit_engine.h"
#include "options.h"

typedef struct catalogue {
    schema_cache *cache; // or NULL
    schema_set *set;     // what was given; what the cache and the core know of a provider is fetched
    schema_cache_row *rows;
    u32 count, cap; // in order of names; of one name what is trusted most first
    arena memory;
} catalogue;

// False: what was given cannot be read, which was said. No cache at all is none only where one was named.
MUST_USE bool catalogue_open(catalogue *c, const options *o);
void catalogue_close(catalogue *c); // also after a failure

#endif
