// A schema cache somebody else wrote, and the blocks it holds: in a cache each stands beside its digest, so a changed
// one would never be read. Input that does not begin as a SQLite file is such a block, and what it unpacks to must pack
// again.
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "schema/cache/schema_cache.h"
#include "schema/cache/schema_pack.h"

static const char SQLITE[] = "SQLite format 3";

typedef struct visit_scratch {
    guid ids[16];
    u32 count;
} visit_scratch;

static bool visit(void *context, const schema_cache_row *row)
{
    visit_scratch *r = context;
    if (r->count < COUNT_OF(r->ids))
        r->ids[r->count++] = row->id;
    return true;
}

static void fuzz_block(span block)
{
    schema_set *set = schema_set_new();
    error e = {0};
    provider_schema *p = schema_unpack(set, block, RANK_CACHE, "x.db", true, &e);
    if (!p && !e.message[0])
        abort();
    outbuf again = {0};
    if (p) {
        schema_sort(p);
        for (u32 i = 0; i < p->event_count; i++)
            if (!schema_event_valid(p->events[i], &e))
                abort();
        if (!schema_pack(p, 0, p->event_count, &again) && again.len)
            abort();
    }
    outbuf_free(&again);
    schema_set_free(set);
}

static void fuzz_cache(span file)
{
    schema_cache *cache = NULL;
    error e = {0};
    if (!schema_cache_open(&cache, fuzz_file(file), &e))
        return;
    visit_scratch scratch = {.count = 0};
    schema_set *set = schema_set_new();
    if (!schema_cache_list(cache, visit, &scratch, &e) && !e.message[0])
        abort();
    for (u32 i = 0; i < scratch.count; i++)
        schema_cache_fetch(cache, set, &scratch.ids[i]);
    (void)schema_cache_identity(cache);
    schema_set_free(set);
    schema_cache_close(cache);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    bool is_file = size >= sizeof(SQLITE) && memcmp(data, SQLITE, sizeof(SQLITE)) == 0;
    if (is_file)
        fuzz_cache((span){data, size});
    else
        fuzz_block((span){data, size});
    return 0;
}
