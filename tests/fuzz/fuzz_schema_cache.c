// A schema cache somebody else wrote.
#include "fuzz.h"

#include "schema/schema_cache.h"

typedef struct visit_room {
    guid ids[16];
    u32 count;
} visit_room;

static bool visit(void *context, const schema_cache_row *row)
{
    visit_room *r = context;
    if (r->count < COUNT_OF(r->ids))
        r->ids[r->count++] = row->id;
    return true;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    schema_cache *cache = NULL;
    error e;
    if (!schema_cache_open(&cache, fuzz_file((span){data, size}), &e))
        return 0;
    visit_room room = {.count = 0};
    schema_set *set = schema_set_new();
    (void)schema_cache_list(cache, visit, &room, &e);
    for (u32 i = 0; i < room.count; i++)
        schema_cache_fetch(cache, set, &room.ids[i]);
    (void)schema_cache_identity(cache);
    schema_set_free(set);
    schema_cache_close(cache);
    return 0;
}
