#include "cache_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/os.h"
#include "schemas/cache_file.h"

const guid WORLD_ALPHA = GUID_OF(0xa1a1a1a1, 0x1111, 0x2222, 1, 2, 3, 4, 5, 6, 7, 8);
const guid WORLD_BETA = GUID_OF(0xb2b2b2b2, 0x1111, 0x2222, 1, 2, 3, 4, 5, 6, 7, 8);
const guid WORLD_CLASS = GUID_OF(0xc3c3c3c3, 0x1111, 0x2222, 1, 2, 3, 4, 5, 6, 7, 8);
const guid WORLD_MESSAGE = GUID_OF(0xd4d4d4d4, 0x1111, 0x2222, 1, 2, 3, 4, 5, 6, 7, 8);

// ---------------------------------------------------------------------------------------------- files

int world_folder_make(void **state)
{
    world_folder *f = mem_zeroed(1, sizeof(*f));
    snprintf(f->path, sizeof(f->path), "/tmp/etwkit_cache_XXXXXX");
    if (!mkdtemp(f->path))
        return -1;
    snprintf(f->file, sizeof(f->file), "%s/a %%20?#.db", f->path); // a name that URIs would read otherwise
    snprintf(f->other, sizeof(f->other), "%s/b.db", f->path);
    *state = f;
    return 0;
}

static bool remove_entry(void *context, const char *path)
{
    if (unlink(path) != 0 && os_list_folder(path, remove_entry, context, NULL))
        rmdir(path);
    return true;
}

int world_folder_remove(void **state)
{
    world_folder *f = *state;
    if (os_list_folder(f->path, remove_entry, NULL, NULL))
        rmdir(f->path);
    mem_free(f);
    return 0;
}

outbuf world_file_read(const char *path)
{
    outbuf out = {0};
    u8 *bytes;
    size_t len;
    error e = {0};
    if (!os_read_whole(path, 1u << 28, &bytes, &len, &e))
        fail_msg("%s", e.message);
    outbuf_add(&out, bytes, len);
    mem_free(bytes);
    return out;
}

void world_file_write(const char *path, const void *bytes, size_t len)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

// ---------------------------------------------------------------------------------------------- sets

static const property SCALARS[] = {
    {.name = "Number", .in_type = IN_UINT32, .out_type = OUT_UNSIGNED_INT, .count = 1},
    {.name = "Text", .in_type = IN_UNICODE_STRING, .out_type = OUT_STRING, .count = 1},
};

event_schema *world_add_event(provider_schema *p, u16 id, u8 version, const char *message)
{
    event_schema *added = arena_new(schema_arena(p->set), event_schema);
    added->descriptor.id = id;
    added->descriptor.version = version;
    added->message = message;
    added->properties = SCALARS;
    added->property_count = added->top_count = COUNT_OF(SCALARS);
    assert_true(schema_add_event(p, added));
    return added;
}

// Every member of every struct of schema.h has a value of its own here.
void world_add_rich(schema_set *set)
{
    static const char *const KEYWORD_NAMES[] = {"one", "two"};
    static const map_entry COLOURS[] = {{1, "red"}, {2, ""}, {0xffffffff, "gr\xc3\xbcn"}}, BITS[] = {{4, "four"}};
    provider_schema *p = schema_add_provider(set, &WORLD_ALPHA, "Alpha", ORIGIN_WEVT, RANK_USER, "C:/x/alpha.dll");
    p->message_file = "m.dll";
    p->resource_file = "r.dll";
    p->os_build = 17134;
    schema_add_name(p, &p->levels, 4, "win:Informational", "Information");
    schema_add_name(p, &p->tasks, 7, "Task7", NULL);
    schema_add_name(p, &p->opcodes, 10 | 7u << 16, NULL, "ten of seven");
    schema_add_name(p, &p->channels, 16, "Alpha/Operational", "Operational");
    schema_add_name(p, &p->keywords, 1ull << 63, "Alpha/Operational", NULL);
    schema_add_name(p, &p->keywords, 0x10, "Sixteen", "sixteen");
    value_map *colours = schema_add_map(p, "Colours", false, COLOURS, COUNT_OF(COLOURS));
    (void)schema_add_map(p, "Unused", true, BITS, COUNT_OF(BITS));
    value_map *foreign = arena_new(schema_arena(set), value_map);
    *foreign = (value_map){.name = "Foreign", .entries = BITS, .count = COUNT_OF(BITS), .is_bitmap = true};
    property *fields = arena_array(schema_arena(set), property, 8);
    fields[0] = (property){.name = "Count", .flags = PROP_HAS_TAGS, .in_type = IN_UINT16, .count = 1, .tags = 0xabc};
    fields[1] = (property){
        .name = "List", .flags = PROP_STRUCT | PROP_PARAM_COUNT, .count = 0, .struct_start = 5, .struct_members = 2};
    fields[2] = (property){.name = "Colour", .in_type = IN_UINT8, .out_type = OUT_HEX_INT8, .count = 1, .map = colours};
    fields[3] = (property){.name = "Bytes",
                           .flags = PROP_PARAM_LENGTH,
                           .in_type = IN_BINARY,
                           .out_type = OUT_IPV6,
                           .count = 1,
                           .length = 0};
    fields[4] = (property){.name = "Fixed",
                           .flags = PROP_FIXED_LENGTH | PROP_FIXED_COUNT | PROP_HIDDEN,
                           .in_type = IN_ANSI_STRING,
                           .out_type = OUT_XML,
                           .count = 3,
                           .length = 9};
    fields[5] = (property){.name = "A", .flags = PROP_COUNT_INLINE, .in_type = IN_UINT32, .count = 1, .map = foreign};
    fields[6] = (property){.name = "B", .flags = PROP_STRUCT, .count = 1, .struct_start = 7, .struct_members = 1};
    fields[7] = (property){.name = "C", .flags = PROP_COUNT_REST, .in_type = IN_WBEM_SID, .count = 1};
    event_schema *added = arena_new(schema_arena(set), event_schema);
    *added = (event_schema){.event_guid = WORLD_BETA,
                            .descriptor = {0x1234, 5, 16, 4, 10, 7, 0x8000000000000010},
                            .event_name = "own",
                            .task_name = "Task7",
                            .opcode_name = "ten",
                            .level_name = "Information",
                            .channel_name = "Alpha/Operational",
                            .message = "%1 and\r\n%2!x!",
                            .keyword_names = KEYWORD_NAMES,
                            .keyword_count = 2,
                            .properties = fields,
                            .property_count = 8,
                            .top_count = 5};
    assert_true(schema_add_event(p, added));
    world_add_event(p, 2, 0, NULL);
    world_add_event(p, 2, 1, "same layout");
}

void world_add_classic(schema_set *set)
{
    provider_schema *p = schema_add_provider(set, &WORLD_BETA, "Beta", ORIGIN_MOF, RANK_USER, "b.mof");
    for (u8 i = 0; i < 3; i++) {
        event_schema *added = arena_new(schema_arena(set), event_schema);
        *added = (event_schema){.key = KEY_CLASSIC,
                                .event_guid = WORLD_CLASS,
                                .descriptor = {.opcode = i, .version = 2},
                                .event_name = "Thing",
                                .properties = SCALARS,
                                .property_count = 1,
                                .top_count = 1};
        assert_true(schema_add_event(p, added));
    }
}

void world_add_wpp(schema_set *set)
{
    provider_schema *p = schema_add_provider(set, &WORLD_MESSAGE, "driver", ORIGIN_WPP, RANK_USER, "d.tmf");
    event_schema *added = arena_new(schema_arena(set), event_schema);
    *added = (event_schema){.key = KEY_WPP,
                            .event_guid = WORLD_MESSAGE,
                            .descriptor = {.id = 11},
                            .message = "%1!d!",
                            .wpp_function = "main",
                            .wpp_source = "d.c",
                            .wpp_level = "L",
                            .wpp_flags = "F",
                            .properties = SCALARS,
                            .property_count = 1,
                            .top_count = 1};
    assert_true(schema_add_event(p, added));
}

provider_schema *world_add_manifest(schema_set *set, const guid *id, u32 build, const char *message)
{
    provider_schema *p = schema_add_provider(set, id, "Versions", ORIGIN_MANIFEST, RANK_USER, "v.man");
    p->os_build = build;
    world_add_event(p, 1, 0, message);
    return p;
}

// ---------------------------------------------------------------------------------------------- comparison

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_names(const name_list *a, const name_list *b)
{
    if (a->count != b->count)
        return false;
    for (u32 i = 0; i < a->count; i++)
        if (a->items[i].value != b->items[i].value || !same_text(a->items[i].name, b->items[i].name) ||
            !same_text(a->items[i].message, b->items[i].message))
            return false;
    return true;
}

static bool same_map(const value_map *a, const value_map *b)
{
    if (!a || !b)
        return a == b;
    if (!same_text(a->name, b->name) || a->count != b->count || a->is_bitmap != b->is_bitmap)
        return false;
    for (u32 i = 0; i < a->count; i++)
        if (a->entries[i].value != b->entries[i].value || !same_text(a->entries[i].text, b->entries[i].text))
            return false;
    return true;
}

static bool same_property(const property *a, const property *b)
{
    return same_text(a->name, b->name) && a->flags == b->flags && a->in_type == b->in_type &&
           a->out_type == b->out_type && a->count == b->count && a->length == b->length &&
           a->struct_start == b->struct_start && a->struct_members == b->struct_members && same_map(a->map, b->map) &&
           a->tags == b->tags;
}

static bool same_event(const event_schema *a, const event_schema *b)
{
    const event_descriptor *d = &a->descriptor, *g = &b->descriptor;
    if (a->key != b->key || !guid_equal(&a->event_guid, &b->event_guid) || d->id != g->id || d->version != g->version ||
        d->channel != g->channel || d->level != g->level || d->opcode != g->opcode || d->task != g->task ||
        d->keyword != g->keyword || a->keyword_count != b->keyword_count || a->property_count != b->property_count ||
        a->top_count != b->top_count)
        return false;
    const char *texts[][2] = {{a->event_name, b->event_name},
                              {a->task_name, b->task_name},
                              {a->opcode_name, b->opcode_name},
                              {a->level_name, b->level_name},
                              {a->channel_name, b->channel_name},
                              {a->message, b->message},
                              {a->wpp_function, b->wpp_function},
                              {a->wpp_source, b->wpp_source},
                              {a->wpp_level, b->wpp_level},
                              {a->wpp_flags, b->wpp_flags},
                              {a->symbol, b->symbol}};
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        if (!same_text(texts[i][0], texts[i][1]))
            return false;
    for (u32 i = 0; i < a->keyword_count; i++)
        if (!same_text(a->keyword_names[i], b->keyword_names[i]))
            return false;
    for (u32 i = 0; i < a->property_count; i++)
        if (!same_property(&a->properties[i], &b->properties[i]))
            return false;
    return true;
}

bool world_same_provider(provider_schema *a, provider_schema *b)
{
    schema_sort(a);
    schema_sort(b);
    if (!guid_equal(&a->id, &b->id) || !same_text(a->name, b->name) || !same_text(a->message_file, b->message_file) ||
        !same_text(a->resource_file, b->resource_file) || a->origin != b->origin || a->os_build != b->os_build ||
        !same_names(&a->levels, &b->levels) || !same_names(&a->tasks, &b->tasks) ||
        !same_names(&a->opcodes, &b->opcodes) || !same_names(&a->channels, &b->channels) ||
        !same_names(&a->keywords, &b->keywords) || a->map_count != b->map_count || a->event_count != b->event_count)
        return false;
    for (u32 i = 0; i < a->map_count; i++)
        if (!same_map(a->maps[i], b->maps[i]))
            return false;
    for (u32 i = 0; i < a->event_count; i++)
        if (!same_event(a->events[i], b->events[i]))
            return false;
    return true;
}

// ---------------------------------------------------------------------------------------------- caches

u64 world_cache_write(const char *path, schema_set *set)
{
    cache_addition addition;
    error e = {0};
    if (!cache_file_add(path, set, &addition, &e))
        fail_msg("%s", e.message);
    return addition.events;
}

schema_cache *world_cache_open(const char *path)
{
    schema_cache *cache = NULL;
    error e = {0};
    if (!schema_cache_open(&cache, path, &e))
        fail_msg("%s", e.message);
    return cache;
}

u64 world_cache_add(const char *path, void (*fill)(schema_set *set))
{
    schema_set *set = schema_set_new();
    fill(set);
    u64 added = world_cache_write(path, set);
    schema_set_free(set);
    return added;
}

void world_identity(const char *path, char text[65])
{
    schema_cache *cache = world_cache_open(path);
    snprintf(text, 65, "%s", schema_cache_identity(cache));
    assert_int_equal(strlen(text), 64);
    schema_cache_close(cache);
}

schema_set *world_set_over(schema_cache *cache)
{
    schema_set *set = schema_set_new();
    schema_set_fetch(set, schema_cache_fetch, cache);
    return set;
}

u32 world_chain_length(const provider_schema *p)
{
    u32 count = 0;
    for (; p; p = p->next)
        count++;
    return count;
}

// Everything in `set` comes out of the cache as it went in.
void world_assert_holds(const char *path, const schema_set *set)
{
    schema_cache *cache = world_cache_open(path);
    schema_set *fetched = world_set_over(cache);
    u32 at = 0, compared = 0;
    const char *first;
    for (provider_schema *p; (p = schema_each(set, &at)) != NULL;) {
        bool found = false;
        for (provider_schema *q = schema_providers(fetched, &p->id); q && !found; q = q->next) {
            assert_int_equal(q->rank, RANK_CACHE);
            found = world_same_provider(p, q);
        }
        if (!found)
            fail_msg("%s of %s is not in the cache as it was", p->name ? p->name : "-", p->path ? p->path : "-");
        compared++;
    }
    assert_true(compared > 0);
    assert_int_equal(schema_cache_refused(cache, &first), 0);
    schema_set_free(fetched);
    schema_cache_close(cache);
}

void world_fill_all(schema_set *set)
{
    world_add_rich(set);
    world_add_classic(set);
    world_add_wpp(set);
}

void world_fill_reversed(schema_set *set)
{
    world_add_wpp(set);
    world_add_classic(set);
    world_add_rich(set);
}

void world_fill_builds(schema_set *set)
{
    (void)world_add_manifest(set, &WORLD_ALPHA, 7600, "of 7600");
    (void)world_add_manifest(set, &WORLD_ALPHA, 18990, "of 18990");
    (void)world_add_manifest(set, &WORLD_ALPHA, 17134, "of 17134");
    (void)world_add_manifest(set, &WORLD_ALPHA, 17134, "of 17134");
}

bool world_list_row(void *context, const schema_cache_row *row)
{
    world_listing *l = context;
    size_t len = strlen(l->names);
    snprintf(l->names + len, sizeof(l->names) - len, "%s %s %u;", row->name ? row->name : "-",
             schema_origin_name(row->origin), row->os_build);
    l->events += row->events;
    l->maps += row->maps;
    return ++l->rows != l->stop_at;
}
