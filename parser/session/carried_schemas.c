#include "session/carried_schemas.h"

#include <stdlib.h>

#include "schema/carried/eventsource.h"
#include "schema/carried/schema_tdh.h"

typedef struct carried {
    guid provider;
    schema_sender sender;
    i64 time; // of its trace's clock
    interest kind;
    u32 order; // as they stood in the files
    span payload;
} carried;

void carried_free(carried_schemas *c)
{
    mem_free(c->list);
    arena_free(&c->arena);
    *c = (carried_schemas){0};
}

void carried_add(carried_schemas *c, const event *ev, const schema_sender *sender, interest kind)
{
    GROW(c->list, c->count, c->capacity);
    c->list[c->count] = (carried){ev->provider, *sender, ev->time, kind, c->count, arena_bytes(&c->arena, ev->payload)};
    c->count++;
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
    if (c->count)
        qsort(c->list, c->count, sizeof(*c->list), by_time);
    error e;
    for (u32 i = 0; i < c->count; i++)
        if (c->list[i].kind == INTEREST_MAP_INFO && !tdh_load_map_info(set, c->list[i].payload, &e))
            schema_load_note(load, "%s", e.message);
    for (u32 i = 0; i < c->count; i++)
        if (c->list[i].kind == INTEREST_EVENT_INFO && !tdh_load_event_info(set, c->list[i].payload, &e))
            schema_load_note(load, "%s", e.message);
    eventsource *es = eventsource_new();
    for (u32 i = 0; i < c->count; i++) {
        const carried *piece = &c->list[i];
        if (piece->kind == INTEREST_MANIFEST)
            eventsource_offer(es, set, &piece->provider, &piece->sender, piece->payload, load);
    }
    eventsource_finish(es, load);
    eventsource_free(es);
}
