// TRACE_EVENT_INFO and EVENT_MAP_INFO written as Windows lays them out.
//
// The order of strings, the blank that ends messages and map texts, the 4 that stands as length of pointers and the
// unused room after EVENT_MAP_INFO were observed in the 90-odd structures that merged traces embed; tests compare
// with those. Everything here comes from schemas already checked; sizes are bounded by their limits.
#include "winapi/tdh_internal.h"
#include "winapi/winapi.h"

// ---------------------------------------------------------------------------------------------- bytes

TDHSTATUS tdh_give(span bytes, void *buffer, ULONG *size)
{
    ULONG capacity = *size;
    *size = (ULONG)bytes.len;
    if (capacity < bytes.len || !buffer)
        return ERROR_INSUFFICIENT_BUFFER;
    memcpy(buffer, bytes.at, bytes.len);
    return ERROR_SUCCESS;
}

static u32 here(const outbuf *out)
{
    return (u32)out->len;
}

static void set_u32(outbuf *out, size_t at, u32 value)
{
    memcpy(out->bytes + at, &value, sizeof(value));
}

static void set_u16(outbuf *out, size_t at, u16 value)
{
    memcpy(out->bytes + at, &value, sizeof(value));
}

static void set_guid(outbuf *out, size_t at, const guid *id)
{
    GUID native = winapi_guid(id->bytes);
    memcpy(out->bytes + at, &native, sizeof(native));
}

static void put_zeros(outbuf *out, size_t len)
{
    memset(outbuf_reserve(out, len), 0, len);
    out->len += len;
}

// Appends a string and enters its offset at `at`; nothing for NULL.
static void put_string(outbuf *out, size_t at, const char *text)
{
    if (!text)
        return;
    set_u32(out, at, here(out));
    wide_put(out, text);
}

// ---------------------------------------------------------------------------------------------- names

// winmeta.xml's own levels and opcodes, which manifests use without defining them.
static const char *standard_level(u8 level)
{
    static const char *const names[] = {"win:LogAlways", "win:Critical",      "win:Error",
                                        "win:Warning",   "win:Informational", "win:Verbose"};
    return level < COUNT_OF(names) ? names[level] : NULL;
}

static const char *standard_opcode(u8 opcode)
{
    static const char *const names[] = {"win:Info",      "win:Start", "win:Stop",   "win:DC_Start", "win:DC_Stop",
                                        "win:Extension", "win:Reply", "win:Resume", "win:Suspend",  "win:Send"};
    return opcode < COUNT_OF(names) ? names[opcode] : opcode == 240 ? "win:Receive" : NULL;
}

static const char *listed(const name_list *list, u64 value)
{
    const schema_name *name = schema_find_name(list, value);
    return name ? name->name : NULL;
}

static const char *level_name(const event_schema *e)
{
    const char *name = e->level_name;
    if (!name && e->provider)
        name = listed(&e->provider->levels, e->descriptor.level);
    return name || e->key != KEY_MANIFEST ? name : standard_level(e->descriptor.level);
}

static const char *task_name(const event_schema *e)
{
    if (e->provider && e->provider->origin == ORIGIN_TRACELOGGING)
        return e->event_name;
    if (e->task_name || !e->provider)
        return e->task_name;
    if (e->key == KEY_CLASSIC)
        return e->provider->tasks.count ? e->provider->tasks.items[0].name : NULL;
    return e->descriptor.task ? listed(&e->provider->tasks, e->descriptor.task) : NULL;
}

static const char *opcode_name(const event_schema *e)
{
    const char *name = e->opcode_name;
    if (name || e->key != KEY_MANIFEST)
        return name ? name : e->event_name;
    if (e->provider && e->provider->origin != ORIGIN_TRACELOGGING) {
        name = listed(&e->provider->opcodes, e->descriptor.opcode | (u64)e->descriptor.task << 16);
        if (!name)
            name = listed(&e->provider->opcodes, e->descriptor.opcode);
    }
    return name ? name : standard_opcode(e->descriptor.opcode);
}

static const char *channel_name(const event_schema *e)
{
    if (e->channel_name || !e->provider || e->key != KEY_MANIFEST)
        return e->channel_name;
    return listed(&e->provider->channels, e->descriptor.channel);
}

static void put_keywords(outbuf *out, size_t at, const event_schema *e)
{
    u32 start = here(out), count = e->keyword_count;
    for (u32 i = 0; i < count; i++)
        wide_put(out, e->keyword_names[i]);
    const name_list *list = e->provider && !count ? &e->provider->keywords : NULL;
    for (u64 low = 1; list && low; low <<= 1) { // in the order of their lowest bits
        for (u32 i = 0; i < list->count; i++) {
            u64 mask = list->items[i].value;
            if ((mask & (~mask + 1)) == low && (mask & e->descriptor.keyword) == mask && list->items[i].name)
                wide_put(out, list->items[i].name);
        }
    }
    if (here(out) == start)
        return;
    set_u32(out, at, start);
    put_zeros(out, 2);
}

// A message as TDH hands it out: line breaks instead of %n, a blank at its end.
static void put_message(outbuf *out, size_t at, const char *message)
{
    if (!message || !*message)
        return;
    outbuf text = {0};
    for (const char *p = message; *p; p++) {
        if (p[0] == '%' && p[1] == 'n') {
            outbuf_text(&text, "\r\n");
            p++;
        } else {
            outbuf_add(&text, p, p[0] == '%' && p[1] == '%' ? 2 : 1);
            p += p[0] == '%' && p[1] == '%';
        }
    }
    outbuf_add(&text, " ", 2);
    put_string(out, at, (const char *)text.bytes);
    outbuf_free(&text);
}

// ---------------------------------------------------------------------------------------------- TRACE_EVENT_INFO

DECODING_SOURCE tdh_source_of(const event_schema *schema)
{
    if (schema->provider && schema->provider->origin == ORIGIN_TRACELOGGING)
        return DecodingSourceTlg;
    switch (schema->key) {
    case KEY_CLASSIC:
        return DecodingSourceWbem;
    case KEY_WPP:
        return DecodingSourceWPP;
    case KEY_MANIFEST:
        break;
    }
    return DecodingSourceXMLFile;
}

// `length` where the schema gives none: the size of types that have one; of pointers always 4, as Windows has it.
static u16 natural_length(u16 in)
{
    const in_type_facts *facts = in_type_find(in);
    if (!facts)
        return 0;
    return facts->bytes < 0 ? 4 : (u16)facts->bytes;
}

static void put_property(outbuf *out, size_t at, const property *p)
{
    enum { OUR_FLAGS = 0x1000 };
    set_u32(out, at, p->flags & (OUR_FLAGS - 1));
    u16 length = 0;
    if (p->flags & PROP_STRUCT) {
        set_u16(out, at + offsetof(EVENT_PROPERTY_INFO, structType.StructStartIndex), p->struct_start);
        set_u16(out, at + offsetof(EVENT_PROPERTY_INFO, structType.NumOfStructMembers), p->struct_members);
    } else {
        u16 shown = p->flags & PROP_HIDDEN ? OUT_NO_PRINT : p->out_type;
        set_u16(out, at + offsetof(EVENT_PROPERTY_INFO, nonStructType.InType), p->in_type);
        set_u16(out, at + offsetof(EVENT_PROPERTY_INFO, nonStructType.OutType), shown);
        bool given = p->length || (p->flags & (PROP_PARAM_LENGTH | PROP_FIXED_LENGTH));
        length = given ? p->length : natural_length(p->in_type);
    }
    bool counted = p->flags & (PROP_PARAM_COUNT | PROP_FIXED_COUNT);
    set_u16(out, at + offsetof(EVENT_PROPERTY_INFO, count), p->count || counted ? p->count : 1);
    set_u16(out, at + offsetof(EVENT_PROPERTY_INFO, length), length);
    set_u32(out, at + offsetof(EVENT_PROPERTY_INFO, Reserved), p->flags & PROP_HAS_TAGS ? p->tags & 0x0fffffff : 0);
    put_string(out, at + offsetof(EVENT_PROPERTY_INFO, NameOffset), p->name);
    if (!(p->flags & PROP_STRUCT) && p->map)
        put_string(out, at + offsetof(EVENT_PROPERTY_INFO, nonStructType.MapNameOffset), p->map->name);
}

static void put_head(outbuf *out, const event_schema *e)
{
    EVENT_DESCRIPTOR d = {e->descriptor.id,     e->descriptor.version, e->descriptor.channel, e->descriptor.level,
                          e->descriptor.opcode, e->descriptor.task,    e->descriptor.keyword};
    const provider_schema *p = e->provider;
    if (p && p->origin == ORIGIN_KERNEL)
        memcpy(out->bytes, &SystemTraceControlGuid, 16); // the classes are events of one provider
    else if (p)
        set_guid(out, offsetof(TRACE_EVENT_INFO, ProviderGuid), &p->id);
    set_guid(out, offsetof(TRACE_EVENT_INFO, EventGuid), &e->event_guid);
    memcpy(out->bytes + offsetof(TRACE_EVENT_INFO, EventDescriptor), &d, sizeof(d));
    set_u32(out, offsetof(TRACE_EVENT_INFO, DecodingSource), (u32)tdh_source_of(e));
    set_u32(out, offsetof(TRACE_EVENT_INFO, PropertyCount), e->property_count);
    set_u32(out, offsetof(TRACE_EVENT_INFO, TopLevelPropertyCount), e->top_count);
    if (tdh_source_of(e) == DecodingSourceXMLFile && e->property_count)
        set_u32(out, offsetof(TRACE_EVENT_INFO, Flags), TEMPLATE_EVENT_DATA);
}

void tdh_info_build(outbuf *out, const event_schema *e)
{
    out->len = 0;
    put_zeros(out, offsetof(TRACE_EVENT_INFO, EventPropertyInfoArray) +
                       sizeof(EVENT_PROPERTY_INFO) * (size_t)e->property_count);
    put_head(out, e);
    for (u32 i = 0; i < e->property_count; i++)
        put_property(out, offsetof(TRACE_EVENT_INFO, EventPropertyInfoArray) + sizeof(EVENT_PROPERTY_INFO) * i,
                     &e->properties[i]);
    const provider_schema *p = e->provider;
    const char *provider = !p ? NULL : p->origin == ORIGIN_KERNEL ? "MSNT_SystemTrace" : p->name;
    put_string(out, offsetof(TRACE_EVENT_INFO, ProviderNameOffset), provider);
    put_string(out, offsetof(TRACE_EVENT_INFO, LevelNameOffset), level_name(e));
    put_string(out, offsetof(TRACE_EVENT_INFO, ChannelNameOffset), channel_name(e));
    put_keywords(out, offsetof(TRACE_EVENT_INFO, KeywordsNameOffset), e);
    u32 task = here(out);
    put_string(out, offsetof(TRACE_EVENT_INFO, TaskNameOffset), task_name(e));
    if (tdh_source_of(e) == DecodingSourceTlg && e->event_name)
        set_u32(out, offsetof(TRACE_EVENT_INFO, EventNameOffset), task);
    put_string(out, offsetof(TRACE_EVENT_INFO, OpcodeNameOffset), opcode_name(e));
    put_message(out, offsetof(TRACE_EVENT_INFO, EventMessageOffset), e->message);
    if (tdh_source_of(e) == DecodingSourceXMLFile)
        put_string(out, offsetof(TRACE_EVENT_INFO, EventNameOffset), e->event_name);
}

// ---------------------------------------------------------------------------------------------- EVENT_MAP_INFO

void tdh_map_build(outbuf *out, const value_map *map, DECODING_SOURCE source)
{
    bool wbem = source == DecodingSourceWbem;
    out->len = 0;
    put_zeros(out, sizeof(EVENT_MAP_INFO) + sizeof(EVENT_MAP_ENTRY) * (size_t)map->count);
    u32 flag = wbem             ? map->is_bitmap ? EVENTMAP_INFO_FLAG_WBEM_BITMAP : EVENTMAP_INFO_FLAG_WBEM_VALUEMAP
               : map->is_bitmap ? EVENTMAP_INFO_FLAG_MANIFEST_BITMAP
                                : EVENTMAP_INFO_FLAG_MANIFEST_VALUEMAP;
    set_u32(out, offsetof(EVENT_MAP_INFO, Flag), flag);
    set_u32(out, offsetof(EVENT_MAP_INFO, EntryCount), map->count);
    put_string(out, offsetof(EVENT_MAP_INFO, NameOffset), map->name ? map->name : "");
    for (u32 i = 0; i < map->count; i++) {
        size_t at = offsetof(EVENT_MAP_INFO, MapEntryArray) + sizeof(EVENT_MAP_ENTRY) * i;
        put_string(out, at, map->entries[i].text ? map->entries[i].text : "");
        set_u32(out, at + offsetof(EVENT_MAP_ENTRY, Value), (u32)map->entries[i].value);
        if (!wbem) {
            out->len -= 2;
            outbuf_add(out, u" ", sizeof(u" "));
        }
    }
}
