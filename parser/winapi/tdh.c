// The TDH functions that describe events and hand out their properties.
//
// Each is one call (tdh_internal.h): arguments checked, layout chosen by the payload, answer copied by the buffer
// protocol. What the caller's pointers point to is believed, except for payloads and TraceLogging metadata, which are
// input.
#include <stdlib.h>

#include "base/limits.h"
#include "base/os.h"
#include "winapi/tdh_internal.h"
#include "winapi/winapi.h"

// ---------------------------------------------------------------------------------------------- contexts

// Where message formats of WPP are, by the contexts of a call.
typedef struct wpp_files {
    const WCHAR *file, *folders, *pdb;
    const GUID *message; // names the file in folders where none is named
} wpp_files;

static void load_wpp(const char *path)
{
    (void)tdh_schemas_load(path, false, ERROR_NOT_FOUND); // what it does not describe is not found, and says so
}

static const char *message_file(arena *a, const GUID *message)
{
    char text[GUID_TEXT];
    guid id = winapi_guid_bytes(message);
    return arena_format(a, "%s.tmf", guid_to_text(&id, text));
}

// Folders, separated by ';' as in TRACE_FORMAT_SEARCH_PATH. The file of the first one that has it.
static void load_from_folders(arena *a, const char *folders, const char *file)
{
    for (const char *at = folders;;) {
        const char *end = strchr(at, ';');
        int len = (int)(end ? (size_t)(end - at) : strlen(at));
        const char *path = arena_format(a, "%.*s%s%s", len, at, len ? "/" : "", file);
        if (!end || os_exists(path)) {
            load_wpp(path);
            return;
        }
        at = end + 1;
    }
}

static void load_wpp_files(void *context)
{
    const wpp_files *w = context;
    arena a = {0};
    if (w->file || w->folders)
        load_from_folders(&a, w->folders ? wide_utf8(w->folders) : "",
                          w->file ? wide_utf8(w->file) : message_file(&a, w->message));
    if (w->pdb)
        load_wpp(wide_utf8(w->pdb));
}

static const WCHAR *text_of(const TDH_CONTEXT *context)
{
    return (const WCHAR *)(uintptr_t)context->ParameterValue;
}

// Message formats are loaded once and kept, as if by TdhLoadManifest. *pointer: 4 or 8 where a context says so.
static TDHSTATUS apply_contexts(const EVENT_RECORD *record, ULONG count, const TDH_CONTEXT *contexts, u32 *pointer)
{
    *pointer = 0;
    if (!record || (count && !contexts))
        return ERROR_INVALID_PARAMETER;
    wpp_files wpp = {.message = &record->EventHeader.ProviderId};
    for (ULONG i = 0; i < count; i++) {
        switch (contexts[i].ParameterType) {
        case TDH_CONTEXT_WPP_TMFFILE:
            wpp.file = text_of(&contexts[i]);
            break;
        case TDH_CONTEXT_WPP_TMFSEARCHPATH:
            wpp.folders = text_of(&contexts[i]);
            break;
        case TDH_CONTEXT_PDB_PATH:
            wpp.pdb = text_of(&contexts[i]);
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
    bool used = (record->EventHeader.Flags & EVENT_HEADER_FLAG_TRACE_MESSAGE) && (wpp.file || wpp.folders || wpp.pdb);
    return used ? winapi_try(load_wpp_files, &wpp) : ERROR_SUCCESS;
}

// What most functions get, and what they answer into.
typedef struct request {
    const EVENT_RECORD *record;
    u32 pointer; // 4 or 8 where a context says so
    void *buffer;
    ULONG *size;
    const WCHAR *map_name;
    const PROPERTY_DATA_DESCRIPTOR *path;
    ULONG path_count;
} request;

static void set_event(tdh_call *call, const EVENT_RECORD *record, u32 pointer)
{
    tdh_event_of(record, &call->event);
    if (pointer && !(record->EventHeader.Flags & (EVENT_HEADER_FLAG_32_BIT_HEADER | EVENT_HEADER_FLAG_64_BIT_HEADER)))
        call->event.is_64_bit = pointer == 8;
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

static TDHSTATUS event_information(tdh_call *call, void *arguments)
{
    const request *r = arguments;
    decoded at = {0};
    set_event(call, r->record, r->pointer);
    tdh_class *class = (tdh_class *)(uintptr_t)tdh_call_class(call, &at);
    if (!class)
        return ERROR_NOT_FOUND;
    if (!class->info.len)
        make_info(call, class->view, &class->info);
    TDHSTATUS status = tdh_give(class->info, r->buffer, r->size);
    if (status == ERROR_SUCCESS)
        fit_info(r->buffer, class, &at, r->record);
    return status;
}

TDHSTATUS TdhGetEventInformation(PEVENT_RECORD Event, ULONG TdhContextCount, PTDH_CONTEXT TdhContext,
                                 PTRACE_EVENT_INFO Buffer, PULONG BufferSize)
{
    request r = {.record = Event, .buffer = Buffer, .size = BufferSize};
    if (!BufferSize || (!Buffer && *BufferSize))
        return ERROR_INVALID_PARAMETER;
    TDHSTATUS status = apply_contexts(Event, TdhContextCount, TdhContext, &r.pointer);
    return status == ERROR_SUCCESS ? tdh_run(event_information, &r) : status;
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

static TDHSTATUS map_information(tdh_call *call, void *arguments)
{
    const request *r = arguments;
    set_event(call, r->record, 0);
    const tdh_class *class = tdh_call_class(call, NULL);
    char *name = wide_utf8(r->map_name);
    const value_map *map = class && class->schema->key != KEY_WPP ? find_map(class->schema, name) : NULL;
    mem_free(name);
    if (!map)
        return ERROR_NOT_FOUND;
    outbuf *out = tdh_call_text(call, 0);
    tdh_map_build(out, map, tdh_source_of(class->schema));
    return tdh_give((span){out->bytes, out->len}, r->buffer, r->size);
}

TDHSTATUS TdhGetEventMapInformation(PEVENT_RECORD pEvent, LPWSTR pMapName, PEVENT_MAP_INFO pBuffer, ULONG *pBufferSize)
{
    request r = {.record = pEvent, .map_name = pMapName, .buffer = pBuffer, .size = pBufferSize};
    if (!pEvent || !pMapName || !pBufferSize || (!pBuffer && *pBufferSize))
        return ERROR_INVALID_PARAMETER;
    return tdh_run(map_information, &r);
}

// ---------------------------------------------------------------------------------------------- properties

// Finds the property and sets *size to its size; copies it where there is a buffer of at least so many bytes.
static TDHSTATUS get_property(tdh_call *call, void *arguments)
{
    const request *r = arguments;
    decoded at = {0};
    span value = {0};
    u32 missing = 0;
    ULONG capacity = *r->size;
    set_event(call, r->record, r->pointer);
    const tdh_class *class = tdh_call_class(call, &at);
    if (!class)
        return ERROR_NOT_FOUND;
    TDHSTATUS status = tdh_locate(class->plan, &at, call->event.payload, r->path_count, r->path, &value, &missing);
    if (status != ERROR_SUCCESS)
        return status;
    *r->size = (ULONG)value.len + missing;
    if (!r->buffer)
        return ERROR_SUCCESS;
    if (*r->size > capacity)
        return ERROR_INSUFFICIENT_BUFFER;
    if (value.len)
        memcpy(r->buffer, value.at, value.len);
    memset((u8 *)r->buffer + value.len, 0, missing);
    return ERROR_SUCCESS;
}

TDHSTATUS TdhGetPropertySize(PEVENT_RECORD pEvent, ULONG TdhContextCount, PTDH_CONTEXT pTdhContext,
                             ULONG PropertyDataCount, PPROPERTY_DATA_DESCRIPTOR pPropertyData, ULONG *pPropertySize)
{
    request r = {.record = pEvent, .size = pPropertySize, .path = pPropertyData, .path_count = PropertyDataCount};
    if (!pPropertyData || !PropertyDataCount || !pPropertySize)
        return ERROR_INVALID_PARAMETER;
    TDHSTATUS status = apply_contexts(pEvent, TdhContextCount, pTdhContext, &r.pointer);
    return status == ERROR_SUCCESS ? tdh_run(get_property, &r) : status;
}

TDHSTATUS TdhGetProperty(PEVENT_RECORD pEvent, ULONG TdhContextCount, PTDH_CONTEXT pTdhContext, ULONG PropertyDataCount,
                         PPROPERTY_DATA_DESCRIPTOR pPropertyData, ULONG BufferSize, PBYTE pBuffer)
{
    request r = {.record = pEvent,
                 .buffer = pBuffer,
                 .size = &BufferSize,
                 .path = pPropertyData,
                 .path_count = PropertyDataCount};
    if (!pPropertyData || !PropertyDataCount || !pBuffer)
        return ERROR_INVALID_PARAMETER;
    TDHSTATUS status = apply_contexts(pEvent, TdhContextCount, pTdhContext, &r.pointer);
    return status == ERROR_SUCCESS ? tdh_run(get_property, &r) : status;
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

// Of everything that is open or loaded. What the library knows by itself comes and goes as it is needed.
static provider_list collect_providers(void)
{
    provider_list list = {0};
    const schema_set *set;
    u32 os_build;
    for (u32 i = 0; (set = tdh_schemas_set(i, &os_build)) != NULL; i++) {
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

static TDHSTATUS enumerate_providers(tdh_call *call, void *arguments)
{
    const request *r = arguments;
    provider_list list = collect_providers();
    outbuf *out = tdh_call_text(call, 0);
    size_t head = offsetof(PROVIDER_ENUMERATION_INFO, TraceProviderInfoArray);
    size_t bytes = head + sizeof(TRACE_PROVIDER_INFO) * list.count;
    memset(outbuf_reserve(out, bytes), 0, bytes);
    out->len = bytes;
    memcpy(out->bytes, &list.count, sizeof(list.count));
    for (u32 i = 0; i < list.count; i++) {
        const provider_schema *p = list.items[i];
        TRACE_PROVIDER_INFO info = {.SchemaSource = p->origin == ORIGIN_KERNEL || p->origin == ORIGIN_MOF};
        info.ProviderGuid = winapi_guid(p->id.bytes);
        if (p->name) {
            info.ProviderNameOffset = (ULONG)out->len;
            wide_put(out, p->name);
        }
        memcpy(out->bytes + head + sizeof(info) * i, &info, sizeof(info));
    }
    mem_free(list.items);
    return tdh_give((span){out->bytes, out->len}, r->buffer, r->size);
}

TDHSTATUS TdhEnumerateProviders(PPROVIDER_ENUMERATION_INFO pBuffer, ULONG *pBufferSize)
{
    request r = {.buffer = pBuffer, .size = pBufferSize};
    if (!pBufferSize || (!pBuffer && *pBufferSize))
        return ERROR_INVALID_PARAMETER;
    return tdh_run(enumerate_providers, &r);
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

// One manifest event or all of a provider's.
typedef struct manifest_request {
    guid provider;
    const EVENT_DESCRIPTOR *event;
    void *buffer;
    ULONG *size;
} manifest_request;

static TDHSTATUS enumerate_events(tdh_call *call, void *arguments)
{
    const manifest_request *r = arguments;
    descriptor_list list = {0};
    const schema_set *set;
    u32 os_build, kept = 0;
    for (u32 i = 0; (set = tdh_schemas_set(i, &os_build)) != NULL; i++)
        collect_events(set, &r->provider, &list);
    collect_events(tdh_call_base(call), &r->provider, &list);
    if (list.count)
        qsort(list.items, list.count, sizeof(*list.items), by_descriptor);
    for (u32 i = 0; i < list.count; i++)
        if (kept == 0 || by_descriptor(&list.items[kept - 1], &list.items[i]) != 0)
            list.items[kept++] = list.items[i];
    outbuf *out = tdh_call_text(call, 0);
    ULONG head[2] = {kept, 0};
    outbuf_add(out, head, sizeof(head));
    outbuf_add(out, list.items, sizeof(*list.items) * kept);
    mem_free(list.items);
    if (!list.known)
        return ERROR_NOT_FOUND;
    return kept ? tdh_give((span){out->bytes, out->len}, r->buffer, r->size) : ERROR_EMPTY;
}

TDHSTATUS TdhEnumerateManifestProviderEvents(LPGUID ProviderGuid, PPROVIDER_EVENT_INFO Buffer, ULONG *BufferSize)
{
    if (!ProviderGuid || !BufferSize || (!Buffer && *BufferSize))
        return ERROR_INVALID_PARAMETER;
    manifest_request r = {winapi_guid_bytes(ProviderGuid), NULL, Buffer, BufferSize};
    return tdh_run(enumerate_events, &r);
}

static const event_schema *find_exact(const schema_set *set, u32 os_build, const manifest_request *r)
{
    event_descriptor wanted = {.id = r->event->Id, .version = r->event->Version};
    schema_find_result found;
    return schema_find(set, KEY_MANIFEST, &r->provider, &wanted, os_build, &found, 1) && found.exact ? found.event
                                                                                                     : NULL;
}

static TDHSTATUS manifest_information(tdh_call *call, void *arguments)
{
    const manifest_request *r = arguments;
    const schema_set *set;
    const event_schema *best = NULL;
    u32 os_build;
    for (u32 i = 0; !best && (set = tdh_schemas_set(i, &os_build)) != NULL; i++)
        best = find_exact(set, os_build, r);
    if (!best)
        best = find_exact(tdh_call_base(call), os_build, r);
    tdh_class *class = best ? tdh_class_make(call, best, true) : NULL;
    if (!class)
        return ERROR_NOT_FOUND;
    if (!class->info.len)
        make_info(call, class->view, &class->info);
    return tdh_give(class->info, r->buffer, r->size);
}

TDHSTATUS TdhGetManifestEventInformation(LPGUID ProviderGuid, PEVENT_DESCRIPTOR EventDescriptor,
                                         PTRACE_EVENT_INFO Buffer, ULONG *BufferSize)
{
    if (!ProviderGuid || !EventDescriptor || !BufferSize || (!Buffer && *BufferSize))
        return ERROR_INVALID_PARAMETER;
    manifest_request r = {winapi_guid_bytes(ProviderGuid), EventDescriptor, Buffer, BufferSize};
    return tdh_run(manifest_information, &r);
}
