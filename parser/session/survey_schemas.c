#include "session/survey_schemas.h"

#include <stdlib.h>

#include "schema/carried/eventsource.h"
#include "schema/carried/schema_tdh.h"

typedef struct carried {
    guid provider;
    u32 process_id, thread_id;
    i64 time;
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

void carried_add(carried_schemas *c, const event *ev, interest kind)
{
    GROW(c->list, c->count, c->cap);
    c->list[c->count] = (carried){
        ev->provider, ev->process_id, ev->thread_id, ev->time, kind, c->count, arena_bytes(&c->arena, ev->payload)};
    c->count++;
}

static bool is_schema(interest kind)
{
    return kind == INTEREST_EVENT_INFO || kind == INTEREST_MAP_INFO || kind == INTEREST_MANIFEST;
}

static void add_last(carried_schemas *c, const correlator *asked, const etl_file *file)
{
    enum { LAST_BUFFERS = 32, LAST_BYTES = 4 << 20 };
    u32 first = file->count;
    for (size_t bytes = 0; first > 0 && file->count - first < LAST_BUFFERS && bytes < LAST_BYTES; first--)
        bytes += etl_room(&file->buffers[first - 1]);
    scanner *by = scanner_new(asked);
    scanned last = {0};
    for (u32 i = first; i < file->count; i++) {
        scan_buffer(by, file, 0, i, NULL, &last);
        for (u32 k = 0; k < last.told_count; k++) {
            const event_ref *ref = &last.buffer.refs[last.told[k]];
            interest kind = ref->cls == CLASS_NONE ? INTEREST_NONE : (interest)by->interests[ref->cls];
            event ev;
            loaded_event(&last.buffer, ref, &ev);
            if (is_schema(kind))
                carried_add(c, &ev, kind);
        }
    }
    scanned_free(&last);
    scanner_free(by);
}

static int by_time(const void *a, const void *b)
{
    const carried *x = a, *y = b;
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
            eventsource_offer(es, set, &piece->provider, piece->process_id, piece->thread_id, piece->payload, load);
    }
    eventsource_finish(es, load);
    eventsource_free(es);
}

void trials_free(schema_trials *t)
{
    for (u32 i = 0; i < t->count; i++)
        schema_set_free(t->sets[i]);
    mem_free(t->sets);
    *t = (schema_trials){0};
}

schema_set *trials_last(const schema_trials *t)
{
    return t->count ? t->sets[t->count - 1] : NULL;
}

// Twice as many each time: all trials together load no more than twice what the last one does.
bool trials_due(const schema_trials *t, const carried_schemas *c, const etl_file *file)
{
    return t->file != file || c->count > t->carried * 2;
}

void trials_add(schema_trials *t, const carried_schemas *c, const correlator *asked, const etl_file *file)
{
    carried_schemas all = {0};
    for (u32 i = 0; i < c->count; i++) {
        GROW(all.list, all.count, all.cap);
        all.list[all.count++] = c->list[i];
    }
    add_last(&all, asked, file);
    GROW(t->sets, t->count, t->cap);
    t->sets[t->count++] = schema_set_new();
    t->file = file;
    t->carried = c->count;
    schema_load quiet = {0};
    carried_load(&all, trials_last(t), &quiet);
    schema_load_free(&quiet);
    carried_free(&all);
}
