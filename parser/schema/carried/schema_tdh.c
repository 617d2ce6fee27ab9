#include "schema/carried/schema_tdh.h"

#include "base/limits.h"
#include "base/text.h"

const guid EVENT_METADATA_CLASS = GUID_OF(0xbbccf6c1, 0x6cd1, 0x48c4, 0x80, 0xff, 0x83, 0x94, 0x82, 0xe3, 0x76, 0x71);
const guid PERFTRACK_METADATA_CLASS =
    GUID_OF(0xbf6ef1cb, 0x89b5, 0x490a, 0x80, 0xac, 0xb1, 0x80, 0xcf, 0xbc, 0xff, 0x0f);

enum {
    INFO_BYTES = 0x70,   // TRACE_EVENT_INFO up to its property array
    PROPERTY_BYTES = 24, // EVENT_PROPERTY_INFO
    MAP_BYTES = 16,      // EVENT_MAP_INFO up to its entries
    MAP_ENTRY_BYTES = 8,
    DECODING_SOURCE_WBEM = 1,
    MAP_FLAG_BITMAP = 2,
    MAP_FLAG_WBEM_BITMAP = 0x10,
    TDH_PROPERTY_FLAGS = 0x7f,
};

// A UTF-16 string at an offset of the blob; NULL for offset 0, outside, or without a terminator. TDH's strings end in a
// blank where the message they came from ended in a line break.
static const char *text_at(arena *a, span blob, u32 offset)
{
    span rest;
    size_t len = 0;
    if (offset == 0 || offset >= blob.len || !span_sub(blob, offset, blob.len - offset, &rest) ||
        !utf16_length(rest, &len))
        return NULL;
    u8 *text = arena_take(a, len * 3 + 1), *end = text_utf16(text, (span){rest.at, len});
    while (end > text && end[-1] == ' ')
        end--;
    *end = 0;
    return end > text ? (const char *)text : NULL;
}

// The description this trace itself gives of a provider; made where it is not there yet.
static provider_schema *trace_provider(schema_set *set, const guid *id, const char *name)
{
    for (provider_schema *p = schema_providers(set, id); p; p = p->next) {
        if (p->origin == ORIGIN_EMBEDDED && p->rank == RANK_TRACE) {
            if (!p->name && name)
                p->name = name;
            return p;
        }
    }
    return schema_add_provider(set, id, name, ORIGIN_EMBEDDED, RANK_TRACE, NULL);
}

bool tdh_load_map_info(schema_set *set, span payload, error *e)
{
    span info = span_from(payload, 16), head;
    if (payload.len < 16 || !span_sub(info, 0, MAP_BYTES, &head))
        return error_set(e, "an embedded map of %zu bytes is too short", payload.len);
    u32 flags = load_u32(head.at + 4), claimed = load_u32(head.at + 8);
    if (claimed > (info.len - MAP_BYTES) / MAP_ENTRY_BYTES || claimed > LIMIT_MAP_ENTRIES)
        return error_set(e, "an embedded map claims %u entries in %zu bytes", claimed, payload.len);
    arena *a = schema_arena(set);
    const char *name = text_at(a, info, load_u32(head.at));
    if (!name)
        return error_set(e, "an embedded map has no name");
    guid id = guid_load(payload.at);
    provider_schema *p = trace_provider(set, &id, NULL);
    if (schema_find_map(p, name))
        return true;
    map_entry *entries = arena_array(a, map_entry, claimed);
    for (u32 i = 0; i < claimed; i++) {
        const u8 *entry = info.at + MAP_BYTES + i * MAP_ENTRY_BYTES;
        entries[i] = (map_entry){load_u32(entry + 4), text_at(a, info, load_u32(entry))};
    }
    (void)schema_add_map(p, name, (flags & (MAP_FLAG_BITMAP | MAP_FLAG_WBEM_BITMAP)) != 0, entries, claimed);
    return true;
}

static void read_property(provider_schema *p, span blob, const u8 *from, property *out)
{
    arena *a = schema_arena(p->set);
    u32 flags = load_u32(from);
    const char *name = text_at(a, blob, load_u32(from + 4)), *map = NULL;
    *out = (property){.name = name ? name : "", .flags = flags & TDH_PROPERTY_FLAGS, .count = load_u16(from + 0x10)};
    if (flags & PROP_STRUCT) {
        out->struct_start = load_u16(from + 8);
        out->struct_members = load_u16(from + 0x0a);
    } else {
        out->in_type = load_u16(from + 8);
        out->out_type = load_u16(from + 0x0a);
        map = text_at(a, blob, load_u32(from + 0x0c));
        out->length = load_u16(from + 0x12);
    }
    if (out->count == 0 && !(flags & (PROP_PARAM_COUNT | PROP_FIXED_COUNT)))
        out->count = 1;
    out->tags = load_u32(from + 0x14) & 0x0fffffff;
    if (map)
        out->map = schema_find_map(p, map);
}

// A list of strings, each with its NUL, ended by an empty one.
static void read_keywords(arena *a, span blob, u32 offset, event_schema *event)
{
    const char *names[64];
    u32 count = 0;
    while (offset && offset < blob.len && count < COUNT_OF(names)) {
        size_t len = 0;
        if (!utf16_length(span_from(blob, offset), &len) || len == 0)
            break;
        const char *name = text_at(a, blob, offset);
        if (name)
            names[count++] = name;
        offset += (u32)len + 2;
    }
    const char **list = arena_array(a, const char *, count);
    if (count)
        memcpy(list, names, count * sizeof(*list));
    event->keyword_names = list;
    event->keyword_count = count;
}

bool tdh_load_event_info(schema_set *set, span blob, error *e)
{
    span head;
    if (!span_sub(blob, 0, INFO_BYTES, &head))
        return error_set(e, "an embedded schema of %zu bytes is too short", blob.len);
    u32 claimed = load_u32(head.at + 0x64), top = load_u32(head.at + 0x68);
    if (claimed > (blob.len - INFO_BYTES) / PROPERTY_BYTES || claimed > LIMIT_PROPERTIES || top > claimed)
        return error_set(e, "an embedded schema claims %u properties (%u of them top level) in %zu bytes", claimed, top,
                         blob.len);
    arena *a = schema_arena(set);
    guid id = guid_load(head.at);
    provider_schema *p = trace_provider(set, &id, text_at(a, blob, load_u32(head.at + 0x34)));
    event_schema *event = arena_new(a, event_schema);
    const u8 *d = head.at + 0x20;
    event->event_guid = guid_load(head.at + 0x10);
    event->key = load_u32(head.at + 0x30) == DECODING_SOURCE_WBEM ? KEY_CLASSIC : KEY_MANIFEST;
    event->descriptor = (event_descriptor){load_u16(d), d[2], d[3], d[4], d[5], load_u16(d + 6), load_u64(d + 8)};
    event->level_name = text_at(a, blob, load_u32(head.at + 0x38));
    event->channel_name = text_at(a, blob, load_u32(head.at + 0x3c));
    read_keywords(a, blob, load_u32(head.at + 0x40), event);
    event->task_name = text_at(a, blob, load_u32(head.at + 0x44));
    event->opcode_name = text_at(a, blob, load_u32(head.at + 0x48));
    event->message = text_at(a, blob, load_u32(head.at + 0x4c));
    if (event->key == KEY_MANIFEST)
        event->event_name = text_at(a, blob, load_u32(head.at + 0x5c));
    event->property_count = (u16)claimed;
    event->top_count = (u16)top;
    property *props = arena_array(a, property, claimed);
    for (u32 i = 0; i < claimed; i++)
        read_property(p, blob, blob.at + INFO_BYTES + i * PROPERTY_BYTES, &props[i]);
    event->properties = props;
    if (!schema_event_valid(event, e))
        return error_prefix(e, "an embedded schema of event %u", event->descriptor.id);
    (void)schema_add_once(p, event);
    return true;
}
