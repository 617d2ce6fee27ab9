// Packed descriptions. Written by this program, read from files that anybody may have written: every reference is
// compared with its table before it is used, and what does not hold refuses the whole block.
//
// All numbers are little-endian. A text is its offset in the table of texts, 0 means NULL. Sizes of a row:
//
//     head        84   "EPS1", origin u8, 3 zero bytes, build u32, texts (name, message file, resource file), GUID at
//                      0x18, from 0x28 on the counts of the tables below in their order, the bytes of texts first
//     names       16   value u64, name, message; five tables: levels, tasks, opcodes, channels, keywords
//     maps        16   name, first entry u32, entries u32, flags u32
//     entries      8   value u32, text
//     properties  28   name, flags u32, in, out, count, length, struct start, struct members (u16 each), map + 1 u32,
//                      tags u32
//     keywords     4   text
//     events      88   see pack_event
//     texts            NUL-terminated UTF-8; the first byte is a NUL that no text uses
#include "schema/cache/schema_pack.h"

#include <string.h>

#include "base/limits.h"
#include "base/map.h"
#include "base/text.h"

// The last byte is the form: in blocks of the first, map values had 32 bits.
static const u8 MAGIC[4] = {'E', 'P', 'S', '2'}, FIRST_MAGIC[4] = {'E', 'P', 'S', '1'};
enum { ID_AT = 0x18, COUNTS_AT = 0x28, HEAD_BYTES = 84 };
enum {
    NAME_BYTES = 16,
    MAP_BYTES = 16,
    ENTRY_BYTES = 12,
    FIRST_ENTRY_BYTES = 8,
    PROPERTY_BYTES = 28,
    KEYWORD_BYTES = 4,
    EVENT_BYTES = 88
};
enum { LISTS = 5 };
enum { MAP_IS_BITMAP = 1, MAP_UNLISTED = 2 };

typedef enum packed_table {
    TABLE_TEXTS,
    TABLE_NAMES, // LISTS of them
    TABLE_MAPS = TABLE_NAMES + LISTS,
    TABLE_ENTRIES,
    TABLE_PROPERTIES,
    TABLE_KEYWORDS,
    TABLE_EVENTS,
    TABLE_COUNT,
} packed_table;

static_assert(HEAD_BYTES == COUNTS_AT + 4 * TABLE_COUNT, "the head ends after the counts");

// ---------------------------------------------------------------------------------------------- writing

// Byte strings, each kept once.
typedef struct pool {
    outbuf bytes;
    map by_bytes;
    struct pooled {
        u32 at, len;
    } * strings;
    u32 count, cap;
} pool;

typedef struct packer {
    const provider_schema *p;
    pool texts, layouts, maps; // maps: by address, in the order of their rows
    outbuf names, entries, keywords, events, scratch;
    u32 counts[TABLE_COUNT];
    u64 work;
    bool clean; // texts are made valid UTF-8 first
    bool full;
} packer;

static void put(outbuf *b, u64 value, u32 bytes)
{
    u8 *at = outbuf_reserve(b, 8);
    for (u32 i = 0; i < bytes; i++)
        at[i] = (u8)(value >> 8 * i);
    b->len += bytes;
}

// Where the bytes stand, added where they are new. len > 0.
static u32 pool_put(packer *k, pool *t, const void *bytes, size_t len)
{
    u64 hash = hash_bytes(bytes, len);
    u32 found;
    MAP_FIND(found, &t->by_bytes, hash,
             t->strings[index_].len == len && memcmp(t->bytes.bytes + t->strings[index_].at, bytes, len) == 0);
    if (found != MAP_NONE)
        return t->strings[found].at;
    if (len > LIMIT_PACKED_BYTES || t->bytes.len > LIMIT_PACKED_BYTES - len) {
        k->full = true;
        return 0;
    }
    GROW(t->strings, t->count, t->cap);
    u32 at = (u32)t->bytes.len;
    t->strings[t->count] = (struct pooled){at, (u32)len};
    map_add(&t->by_bytes, hash, t->count++);
    outbuf_add(&t->bytes, bytes, len);
    return at;
}

static void pool_free(pool *t)
{
    outbuf_free(&t->bytes);
    map_free(&t->by_bytes);
    mem_free(t->strings);
}

static u32 text_ref(packer *k, const char *text)
{
    if (!text)
        return 0;
    size_t len = strlen(text);
    if (!k->clean)
        return pool_put(k, &k->texts, text, len + 1);
    u8 *copy = mem_alloc(len * 3 + 1), *end = text_utf8(copy, (span){(const u8 *)text, len});
    *end = 0;
    u32 at = pool_put(k, &k->texts, copy, (size_t)(end - copy) + 1);
    mem_free(copy);
    return at;
}

static u32 map_ref(packer *k, const value_map *values)
{
    return values ? pool_put(k, &k->maps, &values, sizeof(values)) / (u32)sizeof(values) + 1 : 0;
}

static void pack_names(packer *k)
{
    const name_list *lists[LISTS] = {&k->p->levels, &k->p->tasks, &k->p->opcodes, &k->p->channels, &k->p->keywords};
    for (u32 i = 0; i < LISTS; i++) {
        k->counts[TABLE_NAMES + i] = lists[i]->count;
        for (u32 n = 0; n < lists[i]->count; n++) {
            put(&k->names, lists[i]->items[n].value, 8);
            put(&k->names, text_ref(k, lists[i]->items[n].name), 4);
            put(&k->names, text_ref(k, lists[i]->items[n].message), 4);
        }
    }
}

// Row of the first property.
static u32 pack_layout(packer *k, const event_schema *event)
{
    outbuf *b = &k->scratch;
    b->len = 0;
    k->work += event->property_count;
    for (u32 i = 0; i < event->property_count; i++) {
        const property *p = &event->properties[i];
        put(b, text_ref(k, p->name), 4);
        put(b, p->flags, 4);
        put(b, (u64)p->in_type | (u64)p->out_type << 16 | (u64)p->count << 32 | (u64)p->length << 48, 8);
        put(b, (u64)p->struct_start | (u64)p->struct_members << 16 | (u64)map_ref(k, p->map) << 32, 8);
        put(b, p->tags, 4);
    }
    return b->len ? pool_put(k, &k->layouts, b->bytes, b->len) / PROPERTY_BYTES : 0;
}

static void pack_event(packer *k, const event_schema *event)
{
    outbuf *b = &k->events;
    const event_descriptor *d = &event->descriptor;
    u32 layout = pack_layout(k, event), keywords = k->counts[TABLE_KEYWORDS];
    for (u32 i = 0; i < event->keyword_count; i++)
        put(&k->keywords, text_ref(k, event->keyword_names[i]), 4);
    k->counts[TABLE_KEYWORDS] += event->keyword_count;
    put(b, (u64)event->key | (u64)d->version << 8 | (u64)d->channel << 16 | (u64)d->level << 24, 4);
    put(b, (u64)d->opcode, 2);
    put(b, (u64)d->id | (u64)d->task << 16, 4);
    put(b, (u64)event->property_count | (u64)event->top_count << 16, 4);
    put(b, d->keyword, 8);
    outbuf_add(b, event->event_guid.bytes, sizeof(event->event_guid.bytes));
    put(b, (u64)layout | (u64)keywords << 32, 8);
    put(b, event->keyword_count < UINT16_MAX ? event->keyword_count : UINT16_MAX, 2);
    k->full = k->full || event->keyword_count > UINT16_MAX;
    // Events have a symbol, messages of WPP a function: one place serves for both.
    const char *texts[] = {event->event_name,
                           event->task_name,
                           event->opcode_name,
                           event->level_name,
                           event->channel_name,
                           event->message,
                           event->key == KEY_WPP ? event->wpp_function : event->symbol,
                           event->wpp_source,
                           event->wpp_level,
                           event->wpp_flags};
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        put(b, text_ref(k, texts[i]), 4);
}

static void pack_events(packer *k, u32 first, u32 count)
{
    for (u32 i = 0; i < count && !k->full; i++) {
        pack_event(k, k->p->events[first + i]);
        k->full = k->full || k->work > LIMIT_PACKED_WORK || k->events.len > LIMIT_PACKED_BYTES;
    }
    k->counts[TABLE_EVENTS] = count;
}

// After the events: only then all maps are known.
static void pack_maps(packer *k, bool whole, outbuf *maps)
{
    u32 count = (u32)(k->maps.bytes.len / sizeof(value_map *));
    k->counts[TABLE_MAPS] = count;
    for (u32 i = 0; i < count; i++) {
        const value_map *values;
        memcpy(&values, k->maps.bytes.bytes + i * sizeof(values), sizeof(values));
        put(maps, text_ref(k, values->name), 4);
        put(maps, k->counts[TABLE_ENTRIES], 4);
        put(maps, values->count, 4);
        put(maps, (values->is_bitmap ? MAP_IS_BITMAP : 0u) | (whole && i >= k->p->map_count ? MAP_UNLISTED : 0u), 4);
        for (u32 n = 0; n < values->count; n++) {
            put(&k->entries, values->entries[n].value, 8);
            put(&k->entries, text_ref(k, values->entries[n].text), 4);
        }
        k->counts[TABLE_ENTRIES] += values->count;
    }
}

// Texts with a NUL behind each.
static bool are_utf8(span texts)
{
    u8 *copy = mem_alloc(texts.len * 3 + 1);
    bool same = true;
    size_t len;
    for (size_t at = 0; same && at < texts.len; at += len + 1) {
        span text = span_from(texts, at);
        (void)ansi_length(text, &len);
        text.len = len;
        same = (size_t)(text_utf8(copy, text) - copy) == len && (len == 0 || memcmp(copy, text.at, len) == 0);
    }
    mem_free(copy);
    return same;
}

static void put_head(packer *k, outbuf *out)
{
    const provider_schema *p = k->p;
    u32 texts[] = {text_ref(k, p->name), text_ref(k, p->message_file), text_ref(k, p->resource_file)};
    k->counts[TABLE_TEXTS] = (u32)k->texts.bytes.len;
    k->counts[TABLE_PROPERTIES] = (u32)(k->layouts.bytes.len / PROPERTY_BYTES);
    outbuf_add(out, MAGIC, sizeof(MAGIC));
    put(out, (u64)p->origin, 4);
    put(out, p->os_build, 4);
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        put(out, texts[i], 4);
    outbuf_add(out, p->id.bytes, sizeof(p->id.bytes));
    for (u32 i = 0; i < TABLE_COUNT; i++)
        put(out, k->counts[i], 4);
}

static void packer_free(packer *k)
{
    pool_free(&k->texts);
    pool_free(&k->layouts);
    pool_free(&k->maps);
    outbuf_free(&k->names);
    outbuf_free(&k->entries);
    outbuf_free(&k->keywords);
    outbuf_free(&k->events);
    outbuf_free(&k->scratch);
}

typedef enum pack_result { PACKED, NOT_UTF8, TOO_LARGE } pack_result;

static pack_result pack(const provider_schema *p, u32 first, u32 count, bool clean, outbuf *out)
{
    packer k = {.p = p, .clean = clean};
    outbuf maps = {0};
    size_t start = out->len;
    put(&k.texts.bytes, 0, 1);
    bool whole = first == 0 && count == p->event_count;
    for (u32 i = 0; whole && i < p->map_count; i++)
        (void)map_ref(&k, p->maps[i]);
    pack_names(&k);
    pack_events(&k, first, count);
    pack_maps(&k, whole, &maps);
    put_head(&k, out);
    const outbuf *parts[] = {&k.names, &maps, &k.entries, &k.layouts.bytes, &k.keywords, &k.events, &k.texts.bytes};
    size_t total = HEAD_BYTES;
    for (size_t i = 0; i < COUNT_OF(parts); i++)
        total += parts[i]->len;
    pack_result result = k.full || total > LIMIT_PACKED_BYTES                        ? TOO_LARGE
                         : !are_utf8((span){k.texts.bytes.bytes, k.texts.bytes.len}) ? NOT_UTF8
                                                                                     : PACKED;
    for (size_t i = 0; i < COUNT_OF(parts) && result == PACKED; i++)
        outbuf_add(out, parts[i]->bytes, parts[i]->len);
    if (result != PACKED)
        out->len = start;
    outbuf_free(&maps);
    packer_free(&k);
    return result;
}

bool schema_pack(const provider_schema *p, u32 first, u32 count, outbuf *out)
{
    if (first > p->event_count || count > p->event_count - first)
        return false;
    pack_result result = pack(p, first, count, false, out);
    if (result == NOT_UTF8)
        result = pack(p, first, count, true, out);
    return result == PACKED;
}

// ---------------------------------------------------------------------------------------------- reading

typedef struct unpacker {
    arena *arena;
    schema_set *set;
    span tables[TABLE_COUNT];
    u32 counts[TABLE_COUNT];
    const char *texts;
    property *properties;
    u32 entry_bytes;
    value_map **maps;
    const char **keywords;
    event_schema *events;
    bool bad; // a reference that leads nowhere
} unpacker;

static const char *text_at(unpacker *u, u32 ref)
{
    if (ref >= u->counts[TABLE_TEXTS]) {
        u->bad = true;
        return NULL;
    }
    return ref ? u->texts + ref : NULL;
}

static bool find_tables(unpacker *u, span block, error *e)
{
    u32 bytes_of[TABLE_COUNT] = {
        [TABLE_TEXTS] = 1,
        [TABLE_NAMES] = NAME_BYTES,
        NAME_BYTES,
        NAME_BYTES,
        NAME_BYTES,
        NAME_BYTES,
        [TABLE_MAPS] = MAP_BYTES,
        [TABLE_ENTRIES] = ENTRY_BYTES,
        [TABLE_PROPERTIES] = PROPERTY_BYTES,
        [TABLE_KEYWORDS] = KEYWORD_BYTES,
        [TABLE_EVENTS] = EVENT_BYTES,
    };
    span head;
    if (!span_sub(block, 0, HEAD_BYTES, &head))
        return error_set(e, "a packed schema of %zu bytes has no head", block.len);
    if (memcmp(head.at, FIRST_MAGIC, sizeof(FIRST_MAGIC)) == 0)
        bytes_of[TABLE_ENTRIES] = FIRST_ENTRY_BYTES;
    else if (memcmp(head.at, MAGIC, sizeof(MAGIC)) != 0)
        return error_set(e, "a packed schema of %zu bytes has no head", block.len);
    u->entry_bytes = bytes_of[TABLE_ENTRIES];
    size_t at = HEAD_BYTES;
    for (u32 i = 0; i < TABLE_COUNT; i++) {
        packed_table table = (packed_table)(i + 1 < TABLE_COUNT ? i + 1 : TABLE_TEXTS); // texts stand last
        u32 claimed = load_u32(head.at + COUNTS_AT + 4 * table);
        u64 bytes = (u64)claimed * bytes_of[table];
        if (bytes > block.len - at || !span_sub(block, at, (size_t)bytes, &u->tables[table]))
            return error_set(e, "a packed schema claims %u rows in table %u, %zu bytes are left", claimed, (u32)table,
                             block.len - at);
        u->counts[table] = claimed;
        at += (size_t)bytes;
    }
    if (at != block.len)
        return error_set(e, "a packed schema of %zu bytes says it has %zu", block.len, at);
    span texts = u->tables[TABLE_TEXTS];
    if (!texts.len || texts.at[texts.len - 1] != 0 || texts.at[0] != 0 || !are_utf8(texts))
        return error_set(e, "the texts of a packed schema are not UTF-8 ended by NUL");
    u->texts = (const char *)arena_bytes(u->arena, texts).at;
    return true;
}

static void unpack_maps(unpacker *u)
{
    u32 count = u->counts[TABLE_ENTRIES];
    map_entry *entries = arena_array(u->arena, map_entry, count);
    for (u32 i = 0; i < count; i++) {
        const u8 *from = u->tables[TABLE_ENTRIES].at + (size_t)i * u->entry_bytes;
        bool wide = u->entry_bytes == ENTRY_BYTES;
        entries[i] = (map_entry){wide ? load_u64(from) : load_u32(from), text_at(u, load_u32(from + (wide ? 8 : 4)))};
        if (!entries[i].text)
            entries[i].text = "";
    }
    u->maps = arena_array(u->arena, value_map *, u->counts[TABLE_MAPS]);
    for (u32 i = 0; i < u->counts[TABLE_MAPS]; i++) {
        const u8 *from = u->tables[TABLE_MAPS].at + (size_t)i * MAP_BYTES;
        u32 first = load_u32(from + 4), claimed = load_u32(from + 8);
        const char *name = text_at(u, load_u32(from));
        u->maps[i] = arena_new(u->arena, value_map);
        if (first > count || claimed > count - first || claimed > LIMIT_MAP_ENTRIES)
            u->bad = true;
        else
            *u->maps[i] = (value_map){.name = name ? name : "",
                                      .entries = entries + first,
                                      .count = claimed,
                                      .is_bitmap = (load_u32(from + 12) & MAP_IS_BITMAP) != 0};
    }
}

static void unpack_properties(unpacker *u)
{
    u32 count = u->counts[TABLE_PROPERTIES];
    u->properties = arena_array(u->arena, property, count);
    for (u32 i = 0; i < count; i++) {
        const u8 *from = u->tables[TABLE_PROPERTIES].at + (size_t)i * PROPERTY_BYTES;
        u32 map_row = load_u32(from + 20);
        if (map_row > u->counts[TABLE_MAPS]) {
            u->bad = true;
            map_row = 0;
        }
        u->properties[i] = (property){.name = text_at(u, load_u32(from)),
                                      .flags = load_u32(from + 4),
                                      .in_type = load_u16(from + 8),
                                      .out_type = load_u16(from + 10),
                                      .count = load_u16(from + 12),
                                      .length = load_u16(from + 14),
                                      .struct_start = load_u16(from + 16),
                                      .struct_members = load_u16(from + 18),
                                      .map = map_row ? u->maps[map_row - 1] : NULL,
                                      .tags = load_u32(from + 24)};
    }
}

static void unpack_event(unpacker *u, const u8 *from, event_schema *event)
{
    u32 layout = load_u32(from + 38), keywords = load_u32(from + 42);
    event->key = (schema_key)from[0];
    event->descriptor = (event_descriptor){.id = load_u16(from + 6),
                                           .version = from[1],
                                           .channel = from[2],
                                           .level = from[3],
                                           .opcode = from[4],
                                           .task = load_u16(from + 8),
                                           .keyword = load_u64(from + 14)};
    event->event_guid = guid_load(from + 22);
    event->property_count = load_u16(from + 10);
    event->top_count = load_u16(from + 12);
    event->keyword_count = load_u16(from + 46);
    const char **texts[] = {&event->event_name,   &event->task_name, &event->opcode_name,  &event->level_name,
                            &event->channel_name, &event->message,   &event->wpp_function, &event->wpp_source,
                            &event->wpp_level,    &event->wpp_flags};
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        *texts[i] = text_at(u, load_u32(from + 48 + 4 * i));
    if (from[0] != KEY_WPP) {
        event->symbol = event->wpp_function;
        event->wpp_function = NULL;
    }
    if (from[0] > KEY_WPP || layout > u->counts[TABLE_PROPERTIES] ||
        event->property_count > u->counts[TABLE_PROPERTIES] - layout || keywords > u->counts[TABLE_KEYWORDS] ||
        event->keyword_count > u->counts[TABLE_KEYWORDS] - keywords) {
        u->bad = true;
        return;
    }
    event->properties = event->property_count ? u->properties + layout : NULL;
    event->keyword_names = event->keyword_count ? u->keywords + keywords : NULL;
}

static void unpack_events(unpacker *u)
{
    u32 refs = u->counts[TABLE_KEYWORDS], count = u->counts[TABLE_EVENTS];
    u64 work = 0;
    u->keywords = arena_array(u->arena, const char *, refs);
    for (u32 i = 0; i < refs; i++) {
        u->keywords[i] = text_at(u, load_u32(u->tables[TABLE_KEYWORDS].at + (size_t)i * KEYWORD_BYTES));
        u->bad = u->bad || !u->keywords[i];
    }
    u->events = arena_array(u->arena, event_schema, count);
    for (u32 i = 0; i < count && !u->bad; i++) {
        unpack_event(u, u->tables[TABLE_EVENTS].at + (size_t)i * EVENT_BYTES, &u->events[i]);
        work += u->events[i].property_count;
        u->bad = u->bad || work > LIMIT_PACKED_WORK;
    }
}

static void unpack_names(unpacker *u, u32 which, name_list *list)
{
    u32 count = u->counts[TABLE_NAMES + which];
    list->items = count ? mem_alloc(count * sizeof(*list->items)) : NULL;
    list->count = list->cap = count;
    for (u32 i = 0; i < count; i++) {
        const u8 *from = u->tables[TABLE_NAMES + which].at + (size_t)i * NAME_BYTES;
        list->items[i] = (schema_name){load_u64(from), text_at(u, load_u32(from + 8)), text_at(u, load_u32(from + 12))};
    }
}

// The description that events of a block with this head join.
static provider_schema *find_joint(const unpacker *u, const guid *id, schema_rank rank, schema_origin origin, u32 build)
{
    for (provider_schema *p = schema_providers(u->set, id); p; p = p->next)
        if (p->rank == rank && p->origin == origin && p->os_build == build)
            return p;
    return NULL;
}

static void fill_provider(unpacker *u, provider_schema *p)
{
    name_list lists[LISTS] = {0};
    for (u32 i = 0; i < LISTS; i++)
        unpack_names(u, i, &lists[i]);
    p->levels = lists[0];
    p->tasks = lists[1];
    p->opcodes = lists[2];
    p->channels = lists[3];
    p->keywords = lists[4];
}

static bool head_valid(unpacker *u, span block, error *e)
{
    const u8 *head = block.at;
    (void)text_at(u, load_u32(head + 12));
    (void)text_at(u, load_u32(head + 16));
    (void)text_at(u, load_u32(head + 20));
    for (u32 i = 0; i < LISTS; i++) {
        for (u32 n = 0; n < u->counts[TABLE_NAMES + i]; n++) {
            const u8 *from = u->tables[TABLE_NAMES + i].at + (size_t)n * NAME_BYTES;
            (void)text_at(u, load_u32(from + 8));
            (void)text_at(u, load_u32(from + 12));
        }
    }
    if (load_u32(head + 4) > ORIGIN_STRING)
        return error_set(e, "a packed schema claims origin %u", load_u32(head + 4));
    for (u32 i = 0; i < u->counts[TABLE_EVENTS] && !u->bad; i++)
        if (!schema_event_valid(&u->events[i], e))
            return error_prefix(e, "a packed schema of event %u", u->events[i].descriptor.id);
    return !u->bad || error_set(e, "a packed schema of %zu bytes refers to what it does not hold", block.len);
}

bool schema_packed_id(span block, guid *id)
{
    span at;
    if (!span_sub(block, ID_AT, sizeof(id->bytes), &at))
        return false;
    *id = guid_load(at.at);
    return true;
}

provider_schema *schema_unpack(schema_set *set, span block, schema_rank rank, const char *path, bool join, error *e)
{
    unpacker u = {.arena = schema_arena(set), .set = set};
    if (!find_tables(&u, block, e))
        return NULL;
    unpack_maps(&u);
    unpack_properties(&u);
    unpack_events(&u);
    if (!head_valid(&u, block, e))
        return NULL;
    const u8 *head = block.at;
    guid id = guid_load(head + ID_AT);
    schema_origin origin = (schema_origin)load_u32(head + 4);
    u32 build = load_u32(head + 8);
    provider_schema *p = join && origin == ORIGIN_EMBEDDED ? find_joint(&u, &id, rank, origin, build) : NULL;
    if (!p) {
        p = schema_add_provider(set, &id, text_at(&u, load_u32(head + 12)), origin, rank, path);
        p->os_build = build;
        p->message_file = text_at(&u, load_u32(head + 16));
        p->resource_file = text_at(&u, load_u32(head + 20));
        fill_provider(&u, p);
    }
    for (u32 i = 0; i < u.counts[TABLE_MAPS]; i++) {
        if (!(load_u32(u.tables[TABLE_MAPS].at + (size_t)i * MAP_BYTES + 12) & MAP_UNLISTED))
            schema_list_map(p, u.maps[i]);
    }
    for (u32 i = 0; i < u.counts[TABLE_EVENTS]; i++)
        (void)schema_add_event(p, &u.events[i]);
    return p;
}
