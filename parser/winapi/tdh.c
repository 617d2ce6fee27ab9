// The TDH functions that describe events and hand out their properties.
//
// Each is one call (tdh_internal.h): arguments checked, layout chosen by the payload, answer copied by the buffer
// protocol. What the caller's pointers point to is believed, except for payloads and TraceLogging metadata, which are
// input.
#include "winapi/tdh_internal.h"

#include <stdlib.h>

#include "base/limits.h"

// ---------------------------------------------------------------------------------------------- contexts

static char *joined(const WCHAR *folder, const WCHAR *file)
{
    outbuf path = {0};
    char *text = folder ? wide_utf8(folder) : NULL;
    if (text && *text) {
        outbuf_text(&path, text);
        outbuf_text(&path, "/");
    }
    mem_free(text);
    text = wide_utf8(file);
    outbuf_add(&path, text, strlen(text) + 1);
    mem_free(text);
    return (char *)path.bytes;
}

static void load_wpp(const WCHAR *folder, const WCHAR *file)
{
    char *path = joined(folder, file);
    (void)tdh_manifests_load(path, false, ERROR_NOT_FOUND); // what it does not bring is not found, and told so
    mem_free(path);
}

static const WCHAR *text_of(const TDH_CONTEXT *context)
{
    return (const WCHAR *)(uintptr_t)context->ParameterValue;
}

// Message formats are loaded once and kept, as if by TdhLoadManifest. *pointer: 4 or 8 where a context says so.
static TDHSTATUS apply_contexts(const EVENT_RECORD *record, ULONG count, const TDH_CONTEXT *contexts, u32 *pointer)
{
    const WCHAR *file = NULL, *folder = NULL, *pdb = NULL;
    *pointer = 0;
    if (!record || (count && !contexts))
        return ERROR_INVALID_PARAMETER;
    for (ULONG i = 0; i < count; i++) {
        switch (contexts[i].ParameterType) {
        case TDH_CONTEXT_WPP_TMFFILE:
            file = text_of(&contexts[i]);
            break;
        case TDH_CONTEXT_WPP_TMFSEARCHPATH:
            folder = text_of(&contexts[i]);
            break;
        case TDH_CONTEXT_PDB_PATH:
            pdb = text_of(&contexts[i]);
            break;
        case TDH_CONTEXT_POINTERSIZE:
            if (contexts[i].ParameterValue != 4 && contexts[i].ParameterValue != 8)
                return ERROR_INVALID_PARAMETER;
            *pointer = (u32)contexts[i].ParameterValue;
            break;
        case TDH_CONTEXT_WPP_GMT:
            break;
        case TDH_CONTEXT_MAXIMUM:
        default:
            return ERROR_INVALID_PARAMETER;
        }
    }
    if (record->EventHeader.Flags & EVENT_HEADER_FLAG_TRACE_MESSAGE) {
        if (file)
            load_wpp(folder, file);
        if (pdb)
            load_wpp(NULL, pdb);
    }
    return ERROR_SUCCESS;
}

static void take_event(tdh_call *call, const EVENT_RECORD *record, u32 pointer)
{
    tdh_event_of(record, &call->event);
    if (pointer && !(record->EventHeader.Flags & (EVENT_HEADER_FLAG_32_BIT_HEADER | EVENT_HEADER_FLAG_64_BIT_HEADER)))
        call->event.wide = pointer == 8;
}

// ---------------------------------------------------------------------------------------------- events

static void make_info(tdh_call *call, const event_schema *view, span *info)
{
    outbuf *text = tdh_call_text(call, 0);
    tdh_info_build(text, view);
    *info = arena_bytes(tdh_call_arena(call), (span){text->bytes, text->len});
}

// What one record decides and its class does not: the descriptor's free parts, and counts and lengths that follow from
// the size of the payload.
static void fit_info(TRACE_EVENT_INFO *info, const tdh_class *class, const decoded *at, const EVENT_RECORD *record)
{
    info->EventDescriptor = record->EventHeader.EventDescriptor;
    span payload = {record->UserData, record->UserDataLength};
    for (u32 i = 0; i < class->view->top_count; i++) {
        const property *p = &class->view->properties[i];
        if (!(p->flags & PROP_COUNT_REST))
            continue;
        u8 *place = (u8 *)info + offsetof(TRACE_EVENT_INFO, EventPropertyInfoArray) + sizeof(EVENT_PROPERTY_INFO) * i;
        EVENT_PROPERTY_INFO changed;
        memcpy(&changed, place, sizeof(changed));
        u32 bytes, count = tdh_count_rest(class->plan, at, payload, i, &bytes);
        if (p->in_type == IN_BINARY && !(p->flags & PROP_STRUCT)) {
            changed.Flags = (PROPERTY_FLAGS)((u32)changed.Flags | PropertyParamFixedLength);
            changed.length = (USHORT)bytes;
        } else {
            changed.Flags = (PROPERTY_FLAGS)((u32)changed.Flags | PropertyParamFixedCount);
            changed.count = (USHORT)count;
        }
        memcpy(place, &changed, sizeof(changed));
    }
}

TDHSTATUS TdhGetEventInformation(PEVENT_RECORD Event, ULONG TdhContextCount, PTDH_CONTEXT TdhContext,
                                 PTRACE_EVENT_INFO Buffer, PULONG BufferSize)
{
    u32 pointer;
    if (!BufferSize || (!Buffer && *BufferSize))
        return ERROR_INVALID_PARAMETER;
    TDHSTATUS status = apply_contexts(Event, TdhContextCount, TdhContext, &pointer);
    if (status != ERROR_SUCCESS)
        return status;
    tdh_call call;
    tdh_call_begin(&call);
    take_event(&call, Event, pointer);
    decoded at = {0};
    tdh_class *class = (tdh_class *)(uintptr_t)tdh_call_class(&call, &at);
    if (!class) {
        status = ERROR_NOT_FOUND;
    } else {
        if (!class->info.len)
            make_info(&call, class->view, &class->info);
        status = tdh_give(class->info, Buffer, BufferSize);
        if (status == ERROR_SUCCESS)
            fit_info(Buffer, class, &at, Event);
    }
    tdh_call_end(&call);
    return status;
}

// The map a property of the event names, else one of its provider's.
static const value_map *find_map(const event_schema *schema, const char *name)
{
    for (u32 i = 0; i < schema->property_count; i++) {
        const property *p = &schema->properties[i];
        if (!(p->flags & PROP_STRUCT) && p->map && p->map->name && strcmp(p->map->name, name) == 0)
            return p->map;
    }
    return schema->provider ? schema_find_map(schema->provider, name) : NULL;
}

TDHSTATUS TdhGetEventMapInformation(PEVENT_RECORD pEvent, LPWSTR pMapName, PEVENT_MAP_INFO pBuffer, ULONG *pBufferSize)
{
    if (!pEvent || !pMapName || !pBufferSize || (!pBuffer && *pBufferSize))
        return ERROR_INVALID_PARAMETER;
    tdh_call call;
    tdh_call_begin(&call);
    take_event(&call, pEvent, 0);
    const tdh_class *class = tdh_call_class(&call, NULL);
    char *name = wide_utf8(pMapName);
    const value_map *map = class && class->schema->key != KEY_WPP ? find_map(class->schema, name) : NULL;
    TDHSTATUS status = ERROR_NOT_FOUND;
    if (map) {
        outbuf *out = tdh_call_text(&call, 0);
        tdh_map_build(out, map, tdh_source_of(class->schema));
        status = tdh_give((span){out->bytes, out->len}, pBuffer, pBufferSize);
    }
    mem_free(name);
    tdh_call_end(&call);
    return status;
}

// ---------------------------------------------------------------------------------------------- properties

// Finds the property and gives its size; copies it where `into` is not NULL and has the room.
static TDHSTATUS get_property(const EVENT_RECORD *record, u32 pointer, ULONG count,
                              const PROPERTY_DATA_DESCRIPTOR *path, u8 *into, ULONG room, ULONG *size)
{
    tdh_call call;
    tdh_call_begin(&call);
    take_event(&call, record, pointer);
    decoded at = {0};
    span value = {0};
    const tdh_class *class = tdh_call_class(&call, &at);
    TDHSTATUS status =
        class ? tdh_locate(class->plan, &at, call.event.payload, count, path, &value) : (TDHSTATUS)ERROR_NOT_FOUND;
    if (status == ERROR_SUCCESS) {
        *size = (ULONG)value.len;
        if (into && value.len > room)
            status = ERROR_INSUFFICIENT_BUFFER;
        else if (into && value.len)
            memcpy(into, value.at, value.len);
    }
    tdh_call_end(&call);
    return status;
}

TDHSTATUS TdhGetPropertySize(PEVENT_RECORD pEvent, ULONG TdhContextCount, PTDH_CONTEXT pTdhContext,
                             ULONG PropertyDataCount, PPROPERTY_DATA_DESCRIPTOR pPropertyData, ULONG *pPropertySize)
{
    u32 pointer;
    if (!pPropertyData || !PropertyDataCount || !pPropertySize)
        return ERROR_INVALID_PARAMETER;
    TDHSTATUS status = apply_contexts(pEvent, TdhContextCount, pTdhContext, &pointer);
    if (status != ERROR_SUCCESS)
        return status;
    return get_property(pEvent, pointer, PropertyDataCount, pPropertyData, NULL, 0, pPropertySize);
}

TDHSTATUS TdhGetProperty(PEVENT_RECORD pEvent, ULONG TdhContextCount, PTDH_CONTEXT pTdhContext, ULONG PropertyDataCount,
                         PPROPERTY_DATA_DESCRIPTOR pPropertyData, ULONG BufferSize, PBYTE pBuffer)
{
    u32 pointer;
    ULONG size;
    if (!pPropertyData || !PropertyDataCount || !pBuffer)
        return ERROR_INVALID_PARAMETER;
    TDHSTATUS status = apply_contexts(pEvent, TdhContextCount, pTdhContext, &pointer);
    if (status != ERROR_SUCCESS)
        return status;
    return get_property(pEvent, pointer, PropertyDataCount, pPropertyData, pBuffer, BufferSize, &size);
}

// ---------------------------------------------------------------------------------------------- providers

typedef struct provider_list {
    const provider_schema **items;
    u32 count, cap;
} provider_list;

static int by_guid(const void *a, const void *b)
{
    const provider_schema *x = *(const provider_schema *const *)a, *y = *(const provider_schema *const *)b;
    int order = memcmp(x->id.bytes, y->id.bytes, 16);
    return order ? order : (x->name == NULL) - (y->name == NULL); // a description with a name stands for the others
}

static provider_list collect_providers(tdh_call *call)
{
    provider_list list = {0};
    const schema_set *set;
    u32 next = 0;
    while ((set = tdh_call_set(call, &next)) != NULL) {
        u32 at = 0;
        for (const provider_schema *p; (p = schema_each(set, &at)) != NULL;) {
            GROW(list.items, list.count, list.cap);
            list.items[list.count++] = p;
        }
    }
    if (list.count)
        qsort(list.items, list.count, sizeof(*list.items), by_guid);
    u32 kept = 0;
    for (u32 i = 0; i < list.count; i++)
        if (kept == 0 || !guid_equal(&list.items[kept - 1]->id, &list.items[i]->id))
            list.items[kept++] = list.items[i];
    list.count = kept;
    return list;
}

TDHSTATUS TdhEnumerateProviders(PPROVIDER_ENUMERATION_INFO pBuffer, ULONG *pBufferSize)
{
    if (!pBufferSize || (!pBuffer && *pBufferSize))
        return ERROR_INVALID_PARAMETER;
    tdh_call call;
    tdh_call_begin(&call);
    provider_list list = collect_providers(&call);
    outbuf *out = tdh_call_text(&call, 0);
    size_t head = offsetof(PROVIDER_ENUMERATION_INFO, TraceProviderInfoArray);
    size_t bytes = head + sizeof(TRACE_PROVIDER_INFO) * list.count;
    memset(outbuf_reserve(out, bytes), 0, bytes);
    out->len = bytes;
    memcpy(out->bytes, &list.count, sizeof(list.count));
    for (u32 i = 0; i < list.count; i++) {
        const provider_schema *p = list.items[i];
        TRACE_PROVIDER_INFO info = {.SchemaSource = p->origin == ORIGIN_KERNEL || p->origin == ORIGIN_MOF};
        memcpy(&info.ProviderGuid, p->id.bytes, 16);
        if (p->name) {
            info.ProviderNameOffset = (ULONG)out->len;
            wide_put(out, p->name);
        }
        memcpy(out->bytes + head + sizeof(info) * i, &info, sizeof(info));
    }
    mem_free(list.items);
    TDHSTATUS status = tdh_give((span){out->bytes, out->len}, pBuffer, pBufferSize);
    tdh_call_end(&call);
    return status;
}

static int by_descriptor(const void *a, const void *b)
{
    const EVENT_DESCRIPTOR *x = a, *y = b;
    if (x->Id != y->Id)
        return x->Id < y->Id ? -1 : 1;
    return (int)x->Version - (int)y->Version;
}

typedef struct descriptor_list {
    EVENT_DESCRIPTOR *items;
    u32 count, cap;
    bool known; // the provider is
} descriptor_list;

static void collect_events(const schema_set *set, const guid *id, descriptor_list *list)
{
    for (const provider_schema *p = schema_providers(set, id); p; p = p->next) {
        list->known = true;
        for (u32 i = 0; i < p->event_count; i++) {
            const event_descriptor *d = &p->events[i]->descriptor;
            if (p->events[i]->key != KEY_MANIFEST)
                continue;
            GROW(list->items, list->count, list->cap);
            list->items[list->count++] =
                (EVENT_DESCRIPTOR){d->id, d->version, d->channel, d->level, d->opcode, d->task, d->keyword};
        }
    }
}

TDHSTATUS TdhEnumerateManifestProviderEvents(LPGUID ProviderGuid, PPROVIDER_EVENT_INFO Buffer, ULONG *BufferSize)
{
    if (!ProviderGuid || !BufferSize || (!Buffer && *BufferSize))
        return ERROR_INVALID_PARAMETER;
    tdh_call call;
    tdh_call_begin(&call);
    guid id = guid_load((const u8 *)ProviderGuid);
    descriptor_list list = {0};
    const schema_set *set;
    u32 next = 0, kept = 0;
    while ((set = tdh_call_set(&call, &next)) != NULL)
        collect_events(set, &id, &list);
    if (list.count)
        qsort(list.items, list.count, sizeof(*list.items), by_descriptor);
    for (u32 i = 0; i < list.count; i++)
        if (kept == 0 || by_descriptor(&list.items[kept - 1], &list.items[i]) != 0)
            list.items[kept++] = list.items[i];
    outbuf *out = tdh_call_text(&call, 0);
    ULONG head[2] = {kept, 0};
    outbuf_add(out, head, sizeof(head));
    outbuf_add(out, list.items, sizeof(*list.items) * kept);
    mem_free(list.items);
    TDHSTATUS status = !list.known ? ERROR_NOT_FOUND : kept == 0 ? ERROR_EMPTY : ERROR_SUCCESS;
    if (status == ERROR_SUCCESS)
        status = tdh_give((span){out->bytes, out->len}, Buffer, BufferSize);
    tdh_call_end(&call);
    return status;
}

TDHSTATUS TdhGetManifestEventInformation(LPGUID ProviderGuid, PEVENT_DESCRIPTOR EventDescriptor,
                                         PTRACE_EVENT_INFO Buffer, ULONG *BufferSize)
{
    if (!ProviderGuid || !EventDescriptor || !BufferSize || (!Buffer && *BufferSize))
        return ERROR_INVALID_PARAMETER;
    tdh_call call;
    tdh_call_begin(&call);
    guid id = guid_load((const u8 *)ProviderGuid);
    event_descriptor wanted = {.id = EventDescriptor->Id, .version = EventDescriptor->Version};
    const schema_set *set;
    const event_schema *best = NULL;
    schema_find_result found;
    u32 next = 0;
    while (!best && (set = tdh_call_set(&call, &next)) != NULL)
        if (schema_find(set, KEY_MANIFEST, &id, &wanted, tdh_call_os_build(&call), &found, 1) && found.exact)
            best = found.event;
    tdh_class *class = best ? tdh_class_make(&call, best, true) : NULL;
    TDHSTATUS status = ERROR_NOT_FOUND;
    if (class) {
        if (!class->info.len)
            make_info(&call, class->view, &class->info);
        status = tdh_give(class->info, Buffer, BufferSize);
    }
    tdh_call_end(&call);
    return status;
}
