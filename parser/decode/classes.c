#include "decode/classes_internal.h"

#include <string.h>

#include "schema/carried/schema_tracelogging.h"

enum { BIT_64_BIT = 1, BIT_CLASSIC = 2, BIT_STRING = 4, BIT_MESSAGE = 8, BIT_TRACELOGGING = 16, BIT_XML = 32 };

class_table *class_table_new(size_t most_bytes)
{
    class_table *t = mem_zeroed(1, sizeof(*t));
    t->most_bytes = most_bytes;
    t->rest = CLASS_NONE;
    return t;
}

void class_table_free(class_table *t)
{
    if (!t)
        return;
    mem_free(t->classes);
    mem_free(t->keys);
    map_free(&t->by_key);
    arena_free(&t->arena);
    mem_free(t);
}

u32 class_count(const class_table *t)
{
    return t->count;
}

event_class *class_at(const class_table *t, u32 index)
{
    return t->classes[index];
}

const event_class *const *class_list(const class_table *t)
{
    return (const event_class *const *)t->classes;
}

u32 class_rest(const class_table *t)
{
    return t->rest;
}

u32 class_unplanned(const class_table *t)
{
    return t->unplanned;
}

// ---------------------------------------------------------------------------------------------- finding

static class_key key_of(const event *ev)
{
    class_key k;
    memcpy(k.words, ev->provider.bytes, 16);
    memcpy(k.words + 2, &ev->descriptor, 16);
    k.metadata_len = (u32)ev->schema_tl.len;
    k.bits = (ev->is_64_bit ? BIT_64_BIT : 0u) | (ev->classic ? BIT_CLASSIC : 0u) |
             (ev->flags & EVENT_FLAG_STRING_ONLY ? BIT_STRING : 0u) | (ev->kind == HEADER_MESSAGE ? BIT_MESSAGE : 0u) |
             (ev->schema_tl.len ? BIT_TRACELOGGING : 0u) | (ev->property & EVENT_PROPERTY_FORWARDED_XML ? BIT_XML : 0u);
    return k;
}

static u64 hash_of(const class_key *k, span metadata)
{
    u64 hash = hash_bytes(k, sizeof(*k));
    return metadata.len ? hash_more(hash, metadata.at, metadata.len) : hash;
}

static bool is_class(const class_table *t, u32 index, const class_key *k, span metadata)
{
    return memcmp(&t->keys[index], k, sizeof(*k)) == 0 &&
           (!metadata.len || memcmp(t->classes[index]->metadata.at, metadata.at, metadata.len) == 0);
}

static u32 find(const class_table *t, u64 hash, const class_key *k, span metadata)
{
    u32 found;
    MAP_FIND(found, &t->by_key, hash, is_class(t, index_, k, metadata));
    return found;
}

u32 class_find(const class_table *t, const event *ev)
{
    class_key k = key_of(ev);
    u32 found = find(t, hash_of(&k, ev->schema_tl), &k, ev->schema_tl);
    return found == MAP_NONE ? t->rest : found;
}

static void new_class(class_table *t, const event *ev, const class_key *k)
{
    GROW(t->classes, t->count, t->class_cap);
    GROW(t->keys, t->count, t->key_cap);
    event_class *c = arena_new(&t->arena, event_class);
    *c = (event_class){.index = t->count,
                       .provider_id = ev->provider,
                       .descriptor = ev->descriptor,
                       .kind = ev->kind,
                       .classic = ev->classic,
                       .is_64_bit = ev->is_64_bit,
                       .string_only = (ev->flags & EVENT_FLAG_STRING_ONLY) != 0,
                       .forwarded_xml = (ev->property & EVENT_PROPERTY_FORWARDED_XML) != 0,
                       .message = ev->kind == HEADER_MESSAGE,
                       .hook = ev->hook};
    if (ev->schema_tl.len)
        c->metadata = arena_bytes(&t->arena, ev->schema_tl);
    if (ev->traits.len)
        c->own_provider = tracelogging_provider_name(&t->arena, ev->traits);
    t->keys[t->count] = *k;
    t->classes[t->count++] = c;
}

u32 class_add(class_table *t, const event *ev)
{
    class_key k = key_of(ev);
    u64 hash = hash_of(&k, ev->schema_tl);
    u32 found = find(t, hash, &k, ev->schema_tl);
    if (found != MAP_NONE)
        return found;
    // Half of the bytes are left for plans, so that the first classes have theirs.
    if (t->count >= LIMIT_CLASSES || t->arena.taken + ev->schema_tl.len > t->most_bytes / 2)
        return CLASS_NONE;
    map_add(&t->by_key, hash, t->count);
    new_class(t, ev, &k);
    return t->count - 1;
}

// That no event's key finds.
static event_class *keyless_class(class_table *t)
{
    GROW(t->classes, t->count, t->class_cap);
    GROW(t->keys, t->count, t->key_cap);
    event_class *c = arena_new(&t->arena, event_class);
    *c = (event_class){.index = t->count};
    t->keys[t->count] = (class_key){.bits = 0};
    return t->classes[t->count++] = c;
}

event_class *class_new(class_table *t)
{
    return t->count < LIMIT_CLASSES && t->arena.taken < t->most_bytes ? keyless_class(t) : NULL;
}

u32 class_add_rest(class_table *t)
{
    if (t->rest == CLASS_NONE)
        t->rest = keyless_class(t)->index;
    return t->rest;
}
