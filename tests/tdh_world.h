// A world for the tests of TDH: a schema set with one provider, a session over it, and a record to ask about. Also what
// a consumer does with TRACE_EVENT_INFO, as text.
#ifndef ETWKIT_TESTS_TDH_WORLD_H
#define ETWKIT_TESTS_TDH_WORLD_H

#include "blob.h"

#include "base/text.h"
#include "tdh.h"
#include "winapi/tdh_session.h"
#include "winapi/wide.h"
#include "winapi/winapi.h"

#define PROVIDER_TEXT "06f0e00e-422a-4987-922b-2ec13e281ea4"

typedef struct world {
    schema_set *set;
    provider_schema *provider;
    tdh_source *source;
    const tdh_source *before;
    EVENT_RECORD record;
    EVENT_HEADER_EXTENDED_DATA_ITEM items[2];
    outbuf payload;
} world;

static inline guid provider_id(void)
{
    guid id;
    assert_true(guid_from_text(PROVIDER_TEXT, strlen(PROVIDER_TEXT), &id));
    return id;
}

static inline world *world_new(void)
{
    world *w = mem_zeroed(1, sizeof(*w));
    guid id = provider_id();
    w->set = schema_set_new();
    w->provider = schema_add_provider(w->set, &id, "Beats-ETW-TestProvider", ORIGIN_MANIFEST, RANK_USER, NULL);
    schema_add_name(w->provider, &w->provider->keywords, 1, "Read", NULL);
    schema_add_name(w->provider, &w->provider->keywords, 4, "Local", NULL);
    schema_add_name(w->provider, &w->provider->tasks, 2, "Connect", NULL);
    w->source = tdh_source_add(w->set, 19041);
    w->before = tdh_source_prefer(w->source);
    w->record.EventHeader.ProviderId = winapi_guid(id.bytes);
    w->record.EventHeader.Flags = EVENT_HEADER_FLAG_64_BIT_HEADER;
    return w;
}

static inline void world_free(world *w)
{
    assert_ptr_equal(tdh_source_prefer(w->before), w->source);
    tdh_source_remove(w->source);
    schema_set_free(w->set);
    outbuf_free(&w->payload);
    mem_free(w);
}

static inline void world_event(world *w, u16 id, const property *properties, u16 count, u16 top)
{
    event_schema *e = arena_new(schema_arena(w->set), event_schema);
    property *copy = arena_array(schema_arena(w->set), property, count);
    memcpy(copy, properties, count * sizeof(*copy));
    *e = (event_schema){.key = KEY_MANIFEST,
                        .descriptor = {id, 0, 16, 4, 20, 2, 5},
                        .channel_name = "Beats-ETW-TestProvider/Operational",
                        .opcode_name = "Stop",
                        .message = "Size %1,%n100%% of it",
                        .properties = copy,
                        .property_count = count,
                        .top_count = top};
    assert_true(schema_add_event(w->provider, e));
    w->record.EventHeader.EventDescriptor = (EVENT_DESCRIPTOR){id, 0, 16, 4, 20, 2, 5};
}

static inline void add(outbuf *to, const void *bytes, size_t len)
{
    outbuf_add(to, bytes, len);
}

static inline void add_uint(outbuf *to, u64 value, u32 bytes)
{
    for (u32 i = 0; i < bytes; i++) {
        u8 byte = (u8)(value >> 8 * i);
        outbuf_add(to, &byte, 1);
    }
}

static inline void add_wide(outbuf *to, const char *text)
{
    for (const char *p = text; *p; p++)
        add_uint(to, (u8)*p, 2);
    add_uint(to, 0, 2);
}

static inline void world_payload(world *w)
{
    w->record.UserData = w->payload.bytes;
    w->record.UserDataLength = (USHORT)w->payload.len;
}

static inline TRACE_EVENT_INFO *info_of(world *w, ULONG *size)
{
    *size = 0;
    assert_int_equal(TdhGetEventInformation(&w->record, 0, NULL, NULL, size), ERROR_INSUFFICIENT_BUFFER);
    TRACE_EVENT_INFO *info = mem_alloc(*size);
    assert_int_equal(TdhGetEventInformation(&w->record, 0, NULL, info, size), ERROR_SUCCESS);
    return info;
}

static const char *text_at(const void *structure, u32 offset)
{
    static char texts[8][512];
    static u32 next;
    char *text = texts[next++ % 8];
    char *utf8 = wide_utf8((const WCHAR *)(const void *)((const u8 *)structure + offset));
    assert_true(strlen(utf8) < sizeof(texts[0]));
    strcpy(text, utf8);
    mem_free(utf8);
    return text;
}

// ---------------------------------------------------------------------------------------------- a consumer's walk

// What a program on Windows does with TRACE_EVENT_INFO: properties in order, each value formatted and passed over.
typedef struct reading {
    world *world;
    TRACE_EVENT_INFO *info;
    u8 *data;
    u16 left;
    u32 values[64];
    outbuf text; // name=value;
} reading;

static inline void read_properties(reading *r, u32 first, u32 count);

static inline void read_value(reading *r, u32 index)
{
    const EVENT_PROPERTY_INFO *p = &r->info->EventPropertyInfoArray[index];
    u32 length = p->Flags & PropertyParamLength ? r->values[p->lengthPropertyIndex] : p->length;
    WCHAR wide[300];
    ULONG size = sizeof(wide);
    USHORT consumed;
    assert_int_equal(TdhFormatProperty(r->info, NULL, 8, p->nonStructType.InType, p->nonStructType.OutType, (u16)length,
                                       r->left, r->data, &size, wide, &consumed),
                     ERROR_SUCCESS);
    for (u32 i = 0; i < consumed && i < 4; i++)
        r->values[index] |= (u32)r->data[i] << 8 * i;
    r->data += consumed;
    r->left = (u16)(r->left - consumed);
    assert_int_equal(wide[size / 2 - 1], 0);
    char *utf8 = wide_utf8(wide);
    outbuf_text(&r->text, utf8);
    mem_free(utf8);
}

static inline void read_properties(reading *r, u32 first, u32 count)
{
    for (u32 i = first; i < first + count; i++) {
        const EVENT_PROPERTY_INFO *p = &r->info->EventPropertyInfoArray[i];
        u32 elements = p->Flags & PropertyParamCount ? r->values[p->countPropertyIndex] : p->count;
        outbuf_text(&r->text, text_at(r->info, p->NameOffset));
        outbuf_text(&r->text, "=");
        for (u32 k = 0; k < elements; k++) {
            if (k)
                outbuf_text(&r->text, ",");
            r->values[i] = 0;
            if (p->Flags & PropertyStruct) {
                outbuf_text(&r->text, "{");
                read_properties(r, p->structType.StructStartIndex, p->structType.NumOfStructMembers);
                outbuf_text(&r->text, "}");
            } else {
                read_value(r, i);
            }
        }
        outbuf_text(&r->text, ";");
    }
}

static inline void check_reading(world *w, const char *expected)
{
    ULONG size;
    reading r = {.world = w, .data = w->record.UserData, .left = w->record.UserDataLength};
    r.info = info_of(w, &size);
    read_properties(&r, 0, r.info->TopLevelPropertyCount);
    outbuf_add(&r.text, "", 1);
    assert_string_equal((char *)r.text.bytes, expected);
    assert_int_equal(r.left, 0);
    outbuf_free(&r.text);
    mem_free(r.info);
}

// ---------------------------------------------------------------------------------------------- an event with
// everything

// The second event of the same recording: arrays counted by fields, fixed-length binary, structs in an array.
static const property NESTED[] = {
    {.name = "TransferName", .in_type = IN_UNICODE_STRING, .count = 1},
    {.name = "ErrorCode", .in_type = IN_INT32, .out_type = OUT_HRESULT, .count = 1},
    {.name = "FilesCount", .in_type = IN_UINT16, .count = 1},
    {.name = "Files", .in_type = IN_UNICODE_STRING, .flags = PROP_PARAM_COUNT, .count = 2},
    {.name = "BufferSize", .in_type = IN_UINT32, .count = 1},
    {.name = "Buffer", .in_type = IN_BINARY, .flags = PROP_PARAM_LENGTH, .count = 1, .length = 4},
    {.name = "Certificate", .in_type = IN_BINARY, .count = 1, .length = 11},
    {.name = "IsLocal", .in_type = IN_BOOLEAN, .count = 1},
    {.name = "Path", .in_type = IN_UNICODE_STRING, .count = 1},
    {.name = "ValuesCount", .in_type = IN_UINT16, .count = 1},
    {.name = "Values", .flags = PROP_STRUCT | PROP_PARAM_COUNT, .count = 9, .struct_start = 11, .struct_members = 2},
    {.name = "Name", .in_type = IN_UNICODE_STRING, .count = 1},
    {.name = "Value", .in_type = IN_UINT16, .count = 1},
};

static inline world *nested_world(void)
{
    world *w = world_new();
    outbuf *p = &w->payload;
    world_event(w, 2, NESTED, COUNT_OF(NESTED), 11);
    add_wide(p, "charlie");
    add_uint(p, 0xddcd, 4);
    add_uint(p, 4, 2);
    add_wide(p, "a");
    add_wide(p, "bc");
    add_wide(p, "");
    add_wide(p, "d");
    add_uint(p, 10, 4);
    add(p, "\x4b\x2b\x79\x97\x49\x93\x48\xd6\x94\xb8", 10);
    add(p, "\xb2\x89\x78\xf7\xe3\x6b\x00\x6b\xc7\xf9\xfa", 11);
    add_uint(p, 7, 4);
    add_wide(p, "C:/Program Files/Example/file.txt");
    add_uint(p, 3, 2);
    for (u32 i = 0; i < 3; i++) {
        add_wide(p, i == 1 ? "two" : "x");
        add_uint(p, 100 + i, 2);
    }
    world_payload(w);
    return w;
}

#endif
