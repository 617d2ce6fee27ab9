// The schema cache: one SQLite file that carries what `schemas add` learnt to every later run and to other machines.
//
// It is opened read-only by readers (any number at once) and replaced as a whole, so that a reader never sees half of
// it. A conversion reads only the providers its traces name.
#ifndef ETWKIT_SCHEMA_CACHE_H
#define ETWKIT_SCHEMA_CACHE_H

#include "schema/model/schema.h"

typedef struct schema_cache schema_cache;

// $XDG_CACHE_HOME/etwkit/schemas.db or its like; heap (mem_free). NULL: the system names no cache folder.
char *schema_cache_default_path(void);

// Opens an existing cache for reading. False: it cannot be read (busy, damaged, a later version), and why.
MUST_USE bool schema_cache_open(schema_cache **out, const char *path, error *e);
void schema_cache_close(schema_cache *cache); // NULL is allowed

// Adds what the cache knows of a provider (or of a class or message GUID) to the set, with RANK_CACHE. For
// schema_set_fetch and session.fetch; context is the cache. What does not hold is left out and counted. One thread.
void schema_cache_fetch(void *cache, schema_set *set, const guid *id);

// SHA-256 of the cache's content (not of the file: two caches made from the same sources in any order are equal), 64
// hex digits, living as long as the cache.
const char *schema_cache_identity(const schema_cache *cache);

// As it was opened.
const char *schema_cache_path(const schema_cache *cache);

// Descriptions in it.
u64 schema_cache_rows(const schema_cache *cache);
// Descriptions that were left out since it was opened, and what was wrong with the first (NULL: none were).
u32 schema_cache_refused(const schema_cache *cache, const char **first);

// Writes a cache into an empty file: everything `old` holds (NULL: nothing) and everything in `set`, each description
// once. Events a trace carried (ORIGIN_EMBEDDED) are kept one by one: a trace holds those it uses, the next one others.
// The file is the caller's, who puts it in the place of `old`; `path` is what sentences call it.
typedef struct schema_cache_news {
    u64 events;   // that `old` did not hold
    u64 kept;     // of the set, in the file now
    u64 left_out; // of the set, over the limits of what can be read back (schema_pack.h)
    bool changed; // false: the file holds what `old` holds, and is not needed
} schema_cache_news;
MUST_USE bool schema_cache_fill(int fd, const char *path, schema_cache *old, const schema_set *set,
                                schema_cache_news *news, error *e);

// Every provider's facts, in order of names. Stops where visit says false.
typedef struct schema_cache_row {
    guid id;
    const char *name, *path;
    schema_origin origin;
    u32 os_build, events, maps;
} schema_cache_row;
MUST_USE bool schema_cache_list(schema_cache *cache, bool (*visit)(void *context, const schema_cache_row *row),
                                void *context, error *e);

#endif
