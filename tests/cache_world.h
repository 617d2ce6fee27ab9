// What the tests of the schema cache share: folders to write in, sets that have everything, and comparison.
#ifndef ETWKIT_TESTS_CACHE_WORLD_H
#define ETWKIT_TESTS_CACHE_WORLD_H

#include "base/outbuf.h"
#include "schema/cache/schema_cache.h"

extern const guid WORLD_ALPHA, WORLD_BETA, WORLD_CLASS, WORLD_MESSAGE;

// A folder of its own for each test; `file` has a name that URIs would read otherwise.
typedef struct world_folder {
    char path[64], file[96], other[96];
} world_folder;

int world_folder_make(void **state); // set-up and tear-down of a test
int world_folder_remove(void **state);

outbuf world_file_read(const char *path);
void world_file_write(const char *path, const void *bytes, size_t len);

// ALPHA by a PE file with a value of its own in every member of schema.h's structs; BETA's classic class CLASS by a MOF
// file; a WPP message; descriptions of ALPHA for three builds, one of them twice.
void world_add_rich(schema_set *set);
void world_add_classic(schema_set *set);
void world_add_wpp(schema_set *set);
void world_fill_all(schema_set *set);      // the first three: 7 events
void world_fill_reversed(schema_set *set); // the same in another order
void world_fill_builds(schema_set *set);
event_schema *world_add_event(provider_schema *p, u16 id, u8 version, const char *message);
provider_schema *world_add_manifest(schema_set *set, const guid *id, u32 build, const char *message);

bool world_same_provider(provider_schema *a, provider_schema *b); // but for path and rank
u32 world_chain_length(const provider_schema *p);

// Each fails the test where the call fails.
u64 world_cache_write(const char *path, schema_set *set); // to what is there; the events that were new
schema_cache *world_cache_open(const char *path);
u64 world_cache_add(const char *path, void (*fill)(schema_set *set)); // likewise
void world_identity(const char *path, char text[65]);
schema_set *world_set_over(schema_cache *cache);
void world_assert_holds(const char *path, const schema_set *set); // every description of the set comes out as it is

// For schema_cache_list.
typedef struct world_listing {
    char names[512];
    u32 events, maps, stop_at, rows;
} world_listing;

bool world_list_row(void *context, const schema_cache_row *row);

#endif
