#include "session/carried_schemas.h"

#include <string.h>

#include "schema/carried/eventsource.h"
#include "schema/carried/schema_tdh.h"

typedef struct carried {
    guid provider;
    schema_sender sender;
    i64 time; // of its trace's clock
    interest kind;
    u32 order; // as they stood in the files
    u32 payload;
} carried;

// Bytes that one record or several have.
typedef struct carried_payload {
    u64 at;
    size_t len;
} carried_payload;

void carried_free(carried_schemas *c)
{
    spill_free(&c->list_block);
    spill_free(&c->payload_block);
    spill_free(&c->byte_block);
    map_free(&c->by_bytes);
    *c = (carried_schemas){0};
}

static span payload_of(carried_schemas *c, const carried *one)
{
    const carried_payload *p = &c->payloads[one->payload];
    spill_pass(&c->passed, p->len, SPILL_ITEMS);
    return (span){c->bytes + p->at, p->len};
}

static bool has_bytes(const carried_schemas *c, u32 index, span bytes)
{
    const carried_payload *p = &c->payloads[index];
    return p->len == bytes.len && memcmp(c->bytes + p->at, bytes.at, bytes.len) == 0;
}

// Sessions repeat their schemas, at each rundown and for each process.
static u32 keep_payload(carried_schemas *c, span bytes)
{
    u64 hash = hash_bytes(bytes.at, bytes.len);
    u32 at;
    MAP_FIND(at, &c->by_bytes, hash, has_bytes(c, index_, bytes));
    if (at != MAP_NONE)
        return at;
    SPILL_GROW(c->payload_block, c->payloads, c->payload_count, c->payload_capacity);
    c->bytes = spill_reserve(&c->byte_block, c->byte_count + bytes.len, 1);
    if (bytes.len)
        memcpy(c->bytes + c->byte_count, bytes.at, bytes.len);
    c->payloads[c->payload_count] = (carried_payload){c->byte_count, bytes.len};
    c->byte_count += bytes.len;
    map_add(&c->by_bytes, hash, c->payload_count);
    return c->payload_count++;
}

void carried_add(carried_schemas *c, const event *ev, const schema_sender *sender, interest kind)
{
    SPILL_GROW(c->list_block, c->list, c->count, c->capacity);
    c->list[c->count] = (carried){ev->provider, *sender, ev->time, kind, c->count, keep_payload(c, ev->payload)};
    c->count++;
    spill_pass(&c->passed, ev->payload.len + sizeof(*c->list), SPILL_ITEMS);
}

static int by_time(const void *a, const void *b)
{
    const carried *x = a, *y = b;
    if (x->sender.time != y->sender.time)
        return x->sender.time < y->sender.time ? -1 : 1;
    if (x->time != y->time)
        return x->time < y->time ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

void carried_load(carried_schemas *c, schema_set *set, schema_load *load)
{
    c->list = spill_sort(&c->list_block, c->count, sizeof(*c->list), by_time);
    error e;
    for (u32 i = 0; i < c->count; i++)
        if (c->list[i].kind == INTEREST_MAP_INFO && !tdh_load_map_info(set, payload_of(c, &c->list[i]), &e))
            schema_load_note(load, "%s", e.message);
    for (u32 i = 0; i < c->count; i++)
        if (c->list[i].kind == INTEREST_EVENT_INFO && !tdh_load_event_info(set, payload_of(c, &c->list[i]), &e))
            schema_load_note(load, "%s", e.message);
    eventsource *es = eventsource_new();
    for (u32 i = 0; i < c->count; i++) {
        const carried *piece = &c->list[i];
        if (piece->kind == INTEREST_MANIFEST)
            eventsource_offer(es, set, &piece->provider, &piece->sender, payload_of(c, piece), load);
    }
    eventsource_finish(es, load);
    eventsource_free(es);
}
