// Registry key control blocks (KCB) and key objects to key paths.
//
// The kernel's KCBCreate, KCBDelete and rundowns carry whole paths. Microsoft-Windows-Kernel-Registry tells a key
// object with the name it was opened by, relative to another object: those are resolved in the order of time.
#include <stdlib.h>
#include <strings.h>

#include "correlate/correlate_internal.h"

typedef struct key_open {
    i64 time;
    u64 object, base;
    const char *name, *base_name;
    u32 source, machine; // the machine once closed
    bool opens, close;
} key_open;

// What an object is right now, while events are gone through in the order of time.
typedef struct key_now {
    u64 object;
    u32 machine;
    const char *path;
} key_now;

typedef struct key_map {
    key_now *list;
    u32 count, cap;
    map by_object;
} key_map;

enum { OPCODE_KCB_CREATE = 22, OPCODE_KCB_DELETE = 23 };
enum { ID_CREATE_KEY = 1, ID_OPEN_KEY = 2, ID_CLOSE_KEY = 13 };

bool key_is_path(const char *text, size_t len)
{
    static const char ROOT[] = "\\REGISTRY";
    size_t root = sizeof(ROOT) - 1;
    return len >= root && strncasecmp(text, ROOT, root) == 0 && (len == root || text[root] == '\\');
}

static void see_kernel(correlator *c, const sighting *s, const seen *v, u32 source)
{
    u8 opcode = s->cls->descriptor.opcode;
    fact f = {.time = s->time, .source = source};
    f.kind = opcode == OPCODE_KCB_CREATE ? FACT_START : opcode == OPCODE_KCB_DELETE ? FACT_END : FACT_EXISTS;
    if (!seen_number(v, WANT_OBJECT, &f.id) || !f.id)
        return;
    f.text = seen_text(v, WANT_PATH);
    if (f.text || f.kind == FACT_END)
        history_tell(&c->keys.names, &f);
}

void key_see(correlator *c, const sighting *s, const seen *v, u32 source)
{
    key_book *b = &c->keys;
    u64 status = 0;
    if (s->cls->classic) {
        see_kernel(c, s, v, source);
        return;
    }
    key_open o = {.time = s->time, .source = source, .close = s->cls->descriptor.id == ID_CLOSE_KEY};
    o.opens = s->cls->descriptor.id == ID_CREATE_KEY || s->cls->descriptor.id == ID_OPEN_KEY;
    if (!seen_number(v, WANT_OBJECT, &o.object) || !o.object || (seen_number(v, WANT_STATUS, &status) && status >> 31))
        return;
    o.name = seen_text(v, WANT_PATH);
    // Other events may name their key as a whole.
    if (!o.opens && !(o.name && key_is_path(o.name, strlen(o.name))) && !o.close)
        return;
    if (b->open_count >= LIMIT_NAME_FACTS) {
        b->refused++;
        return;
    }
    (void)seen_number(v, WANT_BASE, &o.base);
    o.base_name = seen_text(v, WANT_BASE_NAME);
    SPILL_GROW(b->open_block, b->opens, b->open_count, b->open_cap);
    b->opens[b->open_count++] = o;
}

static int by_time(const void *a, const void *b)
{
    const key_open *x = a, *y = b;
    if (x->machine != y->machine)
        return x->machine < y->machine ? -1 : 1;
    if (x->time != y->time)
        return x->time < y->time ? -1 : 1;
    if (x->close != y->close)
        return x->close ? -1 : 1;
    if (x->object != y->object)
        return x->object < y->object ? -1 : 1;
    if (x->base != y->base)
        return x->base < y->base ? -1 : 1;
    if (x->name == y->name)
        return 0;
    return !x->name ? -1 : !y->name ? 1 : strcmp(x->name, y->name);
}

static u64 key_hash(u32 machine, u64 object)
{
    return hash_more(hash_u64(object), &machine, sizeof(machine));
}

static key_now *key_find(const key_map *m, u32 machine, u64 object)
{
    u32 found;
    MAP_FIND(found, &m->by_object, key_hash(machine, object),
             m->list[index_].object == object && m->list[index_].machine == machine);
    return found == MAP_NONE ? NULL : &m->list[found];
}

static void key_set(key_map *m, u32 machine, u64 object, const char *path)
{
    key_now *now = key_find(m, machine, object);
    if (!now) {
        GROW(m->list, m->count, m->cap);
        map_add(&m->by_object, key_hash(machine, object), m->count);
        now = &m->list[m->count++];
    }
    *now = (key_now){object, machine, path};
}

static const char *key_path(const key_map *m, u32 machine, u64 object)
{
    const key_now *now = object ? key_find(m, machine, object) : NULL;
    return now ? now->path : NULL;
}

static void key_map_free(key_map *m)
{
    mem_free(m->list);
    map_free(&m->by_object);
}

// The path in the scratch.
static const char *path_text(correlator *c)
{
    key_book *b = &c->keys;
    if (b->path_bytes + c->scratch.len > LIMIT_KEY_PATHS) {
        b->refused++;
        return NULL;
    }
    u32 known = c->texts.count;
    const char *path = text_set_add(&c->texts, (const char *)c->scratch.bytes, c->scratch.len);
    b->path_bytes += c->texts.count > known ? c->scratch.len : 0;
    return path;
}

// The whole path an object was opened by; NULL where its base is not known.
static const char *whole_path(correlator *c, const key_map *keys, const key_open *o)
{
    if (o->name && key_is_path(o->name, strlen(o->name)))
        return o->name;
    bool told = o->base_name && key_is_path(o->base_name, strlen(o->base_name));
    const char *parent = told ? o->base_name : key_path(keys, o->machine, o->base);
    if (!parent || !o->name || strlen(parent) + strlen(o->name) > LIMIT_NAME_BYTES)
        return o->name ? NULL : parent;
    c->scratch.len = 0;
    outbuf_text(&c->scratch, parent);
    outbuf_text(&c->scratch, "\\");
    outbuf_text(&c->scratch, o->name);
    return path_text(c);
}

static void resolve(correlator *c, key_map *keys, const key_open *o)
{
    const char *before = key_path(keys, o->machine, o->object);
    const char *path = whole_path(c, keys, o);
    fact f = {o->object, o->time, path, 0, o->source, FACT_EXISTS};
    if (o->opens)
        f.kind = path ? FACT_START : FACT_END; // opened by a name nobody can complete: what it was is over
    else if (o->close)
        f.kind = FACT_END;
    if (f.kind == FACT_END && before)
        f.text = NULL;
    if (f.text || before)
        history_tell(&c->keys.names, &f);
    key_set(keys, o->machine, o->object, f.kind == FACT_END ? NULL : path);
}

void key_close(correlator *c)
{
    key_book *b = &c->keys;
    key_map keys = {0};
    u64 passed = 0;
    for (u32 i = 0; i < b->open_count; i++)
        b->opens[i].machine = c->machines[b->opens[i].source];
    b->opens = spill_sort(&b->open_block, b->open_count, sizeof(*b->opens), by_time);
    for (u32 i = 0; i < b->open_count; i++) {
        resolve(c, &keys, &b->opens[i]);
        spill_pass(&passed, sizeof(*b->opens), SPILL_ITEMS);
    }
    key_map_free(&keys);
    spill_free(&b->open_block);
    b->opens = NULL;
    b->open_count = b->open_cap = 0;
    history_close(&b->names, c);
}

void key_free(key_book *b)
{
    history_free(&b->names);
    spill_free(&b->open_block);
}
