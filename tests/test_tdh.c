// TDH's structures and look-ups: information compared byte for byte with what Windows embedded in real traces,
// properties by name, index and member, the buffer protocol, TraceLogging, loaded manifests.
//
// Expected values: learn.microsoft.com's pages of the functions, those traces, and arithmetic written out here; never
// what the code under test said.
#include "tdh_world.h"

#include <unistd.h>

#include "schema/carried/schema_tdh.h"

// ---------------------------------------------------------------------------------------------- properties

static span get(world *w, u32 count, const PROPERTY_DATA_DESCRIPTOR *path, TDHSTATUS expected)
{
    static u8 value[256];
    ULONG size = 0;
    PROPERTY_DATA_DESCRIPTOR copy[4];
    memcpy(copy, path, count * sizeof(*copy));
    assert_int_equal(TdhGetPropertySize(&w->record, 0, NULL, count, copy, &size), expected);
    if (expected != ERROR_SUCCESS)
        return (span){value, 0};
    assert_true(size <= sizeof(value));
    if (size) {
        assert_int_equal(TdhGetProperty(&w->record, 0, NULL, count, copy, size - 1, value), ERROR_INSUFFICIENT_BUFFER);
    }
    assert_int_equal(TdhGetProperty(&w->record, 0, NULL, count, copy, size, value), ERROR_SUCCESS);
    return (span){value, size};
}

#define NAMED(text, index)                                                                                             \
    {                                                                                                                  \
        (ULONGLONG)(uintptr_t)(text), (index), 0                                                                       \
    }
#define ALL 0xffffffffu

static void check_bytes(span value, const void *expected, size_t len)
{
    assert_int_equal(value.len, len);
    assert_memory_equal(value.at, expected, len);
}

// Text of a payload is in the trace's byte order.
static void check_text(span value, const WCHAR *expected, size_t len)
{
    outbuf units = {0};
    wide_put_logged(&units, value);
    check_bytes((span){units.bytes, units.len}, expected, len);
    outbuf_free(&units);
}

static void finds_properties(void **state)
{
    (void)state;
    world *w = nested_world();
    PROPERTY_DATA_DESCRIPTOR name[] = {NAMED(u"TransferName", ALL)};
    PROPERTY_DATA_DESCRIPTOR file[] = {NAMED(u"Files", 1)};
    PROPERTY_DATA_DESCRIPTOR files[] = {NAMED(u"Files", ALL)};
    PROPERTY_DATA_DESCRIPTOR beyond[] = {NAMED(u"Files", 4)};
    PROPERTY_DATA_DESCRIPTOR buffer[] = {NAMED(u"Buffer", ALL)};
    PROPERTY_DATA_DESCRIPTOR member[] = {NAMED(u"Values", 1), NAMED(u"Name", ALL)};
    PROPERTY_DATA_DESCRIPTOR last[] = {NAMED(u"Values", 2), NAMED(u"Value", ALL)};
    PROPERTY_DATA_DESCRIPTOR whole[] = {NAMED(u"Values", 1)};
    PROPERTY_DATA_DESCRIPTOR none[] = {NAMED(u"values", ALL)}; // names are case-sensitive
    PROPERTY_DATA_DESCRIPTOR no_struct[] = {NAMED(u"Path", ALL), NAMED(u"Name", ALL)};
    check_text(get(w, 1, name, ERROR_SUCCESS), u"charlie", 16);
    check_text(get(w, 1, file, ERROR_SUCCESS), u"bc", 6);
    check_text(get(w, 1, files, ERROR_SUCCESS), u"a\0bc\0\0d", 16);
    check_bytes(get(w, 1, buffer, ERROR_SUCCESS), "\x4b\x2b\x79\x97\x49\x93\x48\xd6\x94\xb8", 10);
    check_text(get(w, 2, member, ERROR_SUCCESS), u"two", 8);
    check_bytes(get(w, 2, last, ERROR_SUCCESS), "\x66\0", 2);
    check_text(get(w, 1, whole, ERROR_SUCCESS), u"two\0e", 10); // 'e' is 101
    get(w, 1, beyond, ERROR_INVALID_PARAMETER);
    get(w, 1, none, ERROR_NOT_FOUND);
    get(w, 2, no_struct, ERROR_NOT_FOUND);
    world_free(w);
}

static void finds_wire_forms(void **state)
{
    (void)state;
    static const property props[] = {
        {.name = "Fixed", .in_type = IN_UINT16, .flags = PROP_FIXED_COUNT, .count = 3},
        {.name = "Counted", .in_type = IN_COUNTED_STRING, .count = 1},
        {.name = "Pair", .flags = PROP_STRUCT, .count = 1, .struct_start = 5, .struct_members = 2},
        {.name = "Ansi", .in_type = IN_ANSI_STRING, .count = 1},
        {.name = "Last", .in_type = IN_UINT8, .count = 1},
        {.name = "Left", .in_type = IN_UINT8, .count = 1},
        {.name = "Right", .in_type = IN_UINT32, .count = 1},
    };
    world *w = world_new();
    world_event(w, 4, props, 7, 5);
    add(&w->payload, "\1\0\2\0\3\0\2\0z\0\7\x11\x22\x33\x44yes\0", 19);
    world_payload(w);
    PROPERTY_DATA_DESCRIPTOR fixed[] = {NAMED(u"Fixed", 2)}, all[] = {NAMED(u"Fixed", ALL)};
    PROPERTY_DATA_DESCRIPTOR counted[] = {NAMED(u"Counted", ALL)}, ansi[] = {NAMED(u"Ansi", ALL)};
    PROPERTY_DATA_DESCRIPTOR pair[] = {NAMED(u"Pair", ALL)}, right[] = {NAMED(u"Pair", 0), NAMED(u"Right", ALL)};
    PROPERTY_DATA_DESCRIPTOR last[] = {NAMED(u"Last", ALL)};
    check_bytes(get(w, 1, fixed, ERROR_SUCCESS), "\3\0", 2);
    check_bytes(get(w, 1, all, ERROR_SUCCESS), "\1\0\2\0\3\0", 6);
    check_bytes(get(w, 1, counted, ERROR_SUCCESS), "\2\0z\0", 4); // with its length, as TDH hands it out
    check_bytes(get(w, 1, pair, ERROR_SUCCESS), "\7\x11\x22\x33\x44", 5);
    check_bytes(get(w, 2, right, ERROR_SUCCESS), "\x11\x22\x33\x44", 4);
    check_bytes(get(w, 1, ansi, ERROR_SUCCESS), "yes", 4);
    get(w, 1, last, ERROR_EVT_INVALID_EVENT_DATA); // the payload ended before it
    world_free(w);
}

// A consumer that looks for the NUL which the type promises finds one, though the payload ended before it.
static void strings_end(void **state)
{
    (void)state;
    static const property props[] = {
        {.name = "Ansi", .in_type = IN_ANSI_STRING, .count = 1},
        {.name = "Url", .in_type = IN_UNICODE_STRING, .flags = PROP_FIXED_COUNT, .count = 2},
    };
    world *w = world_new();
    world_event(w, 6, props, 2, 2);
    PROPERTY_DATA_DESCRIPTOR ansi[] = {NAMED(u"Ansi", ALL)}, whole[] = {NAMED(u"Url", ALL)};
    PROPERTY_DATA_DESCRIPTOR first[] = {NAMED(u"Url", 0)}, second[] = {NAMED(u"Url", 1)};
    add(&w->payload, "ab\0x\0\0\0y\0z", 10); // half a character is left
    world_payload(w);
    check_bytes(get(w, 1, ansi, ERROR_SUCCESS), "ab", 3);
    check_text(get(w, 1, first, ERROR_SUCCESS), u"x", 4);
    check_text(get(w, 1, second, ERROR_SUCCESS), u"y", 4);
    check_text(get(w, 1, whole, ERROR_SUCCESS), u"x\0y", 8);
    w->record.UserDataLength = 2;
    check_bytes(get(w, 1, ansi, ERROR_SUCCESS), "ab", 3);
    world_free(w);
}

// ---------------------------------------------------------------------------------------------- event information

static void lays_out_information(void **state)
{
    (void)state;
    world *w = nested_world();
    ULONG size, small;
    TRACE_EVENT_INFO *info = info_of(w, &size);
    const EVENT_PROPERTY_INFO *props = info->EventPropertyInfoArray;
    assert_true(IsEqualGUID(&info->ProviderGuid, &w->record.EventHeader.ProviderId));
    assert_int_equal(info->DecodingSource, DecodingSourceXMLFile);
    assert_int_equal(info->PropertyCount, 13);
    assert_int_equal(info->TopLevelPropertyCount, 11);
    assert_int_equal(props[0].NameOffset, 112 + 13 * 24);
    assert_int_equal(props[1].NameOffset, 112 + 13 * 24 + 26); // "TransferName" and a NUL
    assert_int_equal(props[1].length, 4);
    assert_int_equal(props[3].countPropertyIndex, 2);
    assert_int_equal(props[6].length, 11);
    assert_int_equal(props[10].structType.StructStartIndex, 11);
    assert_string_equal(text_at(info, info->ProviderNameOffset), "Beats-ETW-TestProvider");
    assert_string_equal(text_at(info, info->LevelNameOffset), "win:Informational");
    assert_string_equal(text_at(info, info->KeywordsNameOffset), "Read");
    assert_string_equal(text_at(info, info->KeywordsNameOffset + 10), "Local");
    assert_string_equal(text_at(info, info->KeywordsNameOffset + 22), "");
    assert_string_equal(text_at(info, info->TaskNameOffset), "Connect");
    assert_string_equal(text_at(info, info->OpcodeNameOffset), "Stop");
    assert_string_equal(text_at(info, info->EventMessageOffset), "Size %1,\r\n100%% of it ");
    assert_int_equal(info->EventMessageOffset + 2 * 23, size); // the message is the last string
    assert_int_equal(info->BinaryXMLOffset, 0);
    small = size - 1;
    assert_int_equal(TdhGetEventInformation(&w->record, 0, NULL, info, &small), ERROR_INSUFFICIENT_BUFFER);
    assert_int_equal(small, size);
    assert_int_equal(TdhGetEventInformation(&w->record, 0, NULL, info, NULL), ERROR_INVALID_PARAMETER);
    assert_int_equal(TdhGetEventInformation(NULL, 0, NULL, info, &size), ERROR_INVALID_PARAMETER);
    TDH_CONTEXT wrong = {5, TDH_CONTEXT_POINTERSIZE, 0};
    assert_int_equal(TdhGetEventInformation(&w->record, 1, &wrong, info, &size), ERROR_INVALID_PARAMETER);
    w->record.EventHeader.EventDescriptor.Id = 77;
    assert_int_equal(TdhGetEventInformation(&w->record, 0, NULL, info, &size), ERROR_NOT_FOUND);
    mem_free(info);
    world_free(w);
}

static void counts_what_is_left(void **state)
{
    (void)state;
    static const property props[] = {
        {.name = "Thread", .in_type = IN_UINT32, .count = 1},
        {.name = "Stack", .in_type = IN_POINTER, .flags = PROP_COUNT_REST, .count = 1},
    };
    world *w = world_new();
    world_event(w, 5, props, 2, 2);
    add_uint(&w->payload, 9, 4);
    for (u64 i = 0; i < 3; i++)
        add_uint(&w->payload, 0x1000 + i, 8);
    world_payload(w);
    check_reading(w, "Thread=9;Stack=0x1000,0x1001,0x1002;");
    w->record.UserDataLength = 4;
    check_reading(w, "Thread=9;Stack=;");
    world_free(w);
}

static void string_events_have_none(void **state)
{
    (void)state;
    world *w = nested_world();
    ULONG size = 0;
    w->record.EventHeader.Flags |= EVENT_HEADER_FLAG_STRING_ONLY;
    assert_int_equal(TdhGetEventInformation(&w->record, 0, NULL, NULL, &size), ERROR_NOT_FOUND);
    world_free(w);
}

// ---------------------------------------------------------------------------------------------- TraceLogging

static void describes_tracelogging(void **state)
{
    (void)state;
    // tags 0, "Ev"; "a": u16 array counted inline; "s": struct of 2: "b" i32, "c" strings counted inline; "d": u8
    static const u8 metadata[] = {25,  0, 0, 'E', 'v', 0,    'a', 0, 0x46, 's', 0, 0x98, 2,
                                  'b', 0, 7, 'c', 0,   0x41, 'd', 0, 4,    0,   0, 0};
    static const u8 traits[] = {9, 0, 'T', '-', 'P', 'r', 'o', 'v', 0};
    u8 exact[22];
    memcpy(exact, metadata, 22);
    exact[0] = 22;
    world *w = world_new();
    w->items[0] = (EVENT_HEADER_EXTENDED_DATA_ITEM){.ExtType = EVENT_HEADER_EXT_TYPE_PROV_TRAITS,
                                                    .DataSize = sizeof(traits),
                                                    .DataPtr = (ULONGLONG)(uintptr_t)traits};
    w->items[1] = (EVENT_HEADER_EXTENDED_DATA_ITEM){.ExtType = EVENT_HEADER_EXT_TYPE_EVENT_SCHEMA_TL,
                                                    .DataSize = sizeof(exact),
                                                    .DataPtr = (ULONGLONG)(uintptr_t)exact};
    w->record.ExtendedData = w->items;
    w->record.ExtendedDataCount = 2;
    add(&w->payload, "\2\0\5\0\6\0", 6);
    add_uint(&w->payload, (u64)-4, 4);
    add_uint(&w->payload, 2, 2);
    add_wide(&w->payload, "x");
    add_wide(&w->payload, "yz");
    add_uint(&w->payload, 200, 1);
    world_payload(w);
    check_reading(w, "a.Count=2;a=5,6;s={b=-4;c.Count=2;c=x,yz;};d=200;");
    ULONG size;
    TRACE_EVENT_INFO *info = info_of(w, &size);
    assert_int_equal(info->DecodingSource, DecodingSourceTlg);
    assert_string_equal(text_at(info, info->ProviderNameOffset), "T-Prov");
    assert_string_equal(text_at(info, info->TaskNameOffset), "Ev");
    assert_string_equal(text_at(info, info->EventNameOffset), "Ev");
    assert_int_equal(info->TopLevelPropertyCount, 4);
    assert_int_equal(info->PropertyCount, 7);
    PROPERTY_DATA_DESCRIPTOR path[] = {NAMED(u"s", 0), NAMED(u"c", 1)};
    check_text(get(w, 2, path, ERROR_SUCCESS), u"yz", 6);
    mem_free(info);
    exact[0] = 200; // claims more than there is
    size = 0;
    assert_int_equal(TdhGetEventInformation(&w->record, 0, NULL, NULL, &size), ERROR_NOT_FOUND);
    world_free(w);
}

// Events of one layout and different levels: each has the name of its own.
static void tracelogging_levels_differ(void **state)
{
    (void)state;
    static const u8 metadata[] = {6, 0, 0, 'E', 'v', 0};
    static const char *const LEVELS[] = {"win:Critical", "win:Error", "win:Warning", "win:Informational"};
    world *w = world_new();
    w->items[0] = (EVENT_HEADER_EXTENDED_DATA_ITEM){.ExtType = EVENT_HEADER_EXT_TYPE_EVENT_SCHEMA_TL,
                                                    .DataSize = sizeof(metadata),
                                                    .DataPtr = (ULONGLONG)(uintptr_t)metadata};
    w->record.ExtendedData = w->items;
    w->record.ExtendedDataCount = 1;
    for (u8 i = 0; i < COUNT_OF(LEVELS); i++) {
        ULONG size;
        w->record.EventHeader.EventDescriptor = (EVENT_DESCRIPTOR){.Level = (UCHAR)(i + 1)};
        TRACE_EVENT_INFO *info = info_of(w, &size);
        assert_string_equal(text_at(info, info->LevelNameOffset), LEVELS[i]);
        mem_free(info);
    }
    world_free(w);
}

// ---------------------------------------------------------------------------------------------- the kernel

static void kernel_classes_are_known(void **state)
{
    (void)state;
    // Process class, version 0 of its records on 64-bit Windows: ULONG_PTR ProcessId and ParentId, SID, file name. The
    // opcode of a process start is 1.
    static const u8 process[16] = {0xd0, 0xa8, 0x6f, 0x3d, 0x05, 0xfe, 0xd0, 0x11,
                                   0x9d, 0xda, 0x00, 0xc0, 0x4f, 0xd7, 0xba, 0x7c};
    EVENT_RECORD record = {.EventHeader = {.Flags = EVENT_HEADER_FLAG_CLASSIC_HEADER | EVENT_HEADER_FLAG_64_BIT_HEADER,
                                           .EventDescriptor = {.Opcode = 1, .Version = 3}}};
    record.EventHeader.ProviderId = winapi_guid(process);
    ULONG size = 0;
    assert_int_equal(TdhGetEventInformation(&record, 0, NULL, NULL, &size), ERROR_INSUFFICIENT_BUFFER);
    TRACE_EVENT_INFO *info = mem_alloc(size);
    assert_int_equal(TdhGetEventInformation(&record, 0, NULL, info, &size), ERROR_SUCCESS);
    assert_int_equal(info->DecodingSource, DecodingSourceWbem);
    assert_memory_equal(&info->ProviderGuid, &SystemTraceControlGuid, 16);
    assert_true(IsEqualGUID(&info->EventGuid, &record.EventHeader.ProviderId));
    assert_string_equal(text_at(info, info->ProviderNameOffset), "MSNT_SystemTrace");
    assert_string_equal(text_at(info, info->TaskNameOffset), "Process");
    assert_int_equal(info->EventDescriptor.Opcode, 1);
    assert_true(info->TopLevelPropertyCount > 4);
    mem_free(info);
}

// ---------------------------------------------------------------------------------------------- what Windows wrote

// The structures Windows' own TDH put into a merged trace are read as schemas, asked back, and must be the same bytes,
// up to the localised provider name and the binary XML, which are not kept.
static void compare_info(schema_set *set, span real)
{
    (void)set;
    GUID id;
    EVENT_DESCRIPTOR d;
    memcpy(&id, real.at, 16);
    memcpy(&d, real.at + 0x20, 16);
    ULONG size = 0;
    assert_int_equal(TdhGetManifestEventInformation(&id, &d, NULL, &size), ERROR_INSUFFICIENT_BUFFER);
    u8 *ours = mem_alloc(size);
    assert_int_equal(TdhGetManifestEventInformation(&id, &d, (PTRACE_EVENT_INFO)(void *)ours, &size), ERROR_SUCCESS);
    assert_memory_equal(ours, real.at, offsetof(TRACE_EVENT_INFO, ProviderMessageOffset));
    u32 tail = offsetof(TRACE_EVENT_INFO, PropertyCount);
    assert_in_range(size, tail, real.len);
    assert_memory_equal(ours + tail, real.at + tail, size - tail);
    u32 next = load_u32(real.at + offsetof(TRACE_EVENT_INFO, ProviderMessageOffset));
    assert_int_equal(size, next ? next : load_u32(real.at + offsetof(TRACE_EVENT_INFO, BinaryXMLOffset)));
    mem_free(ours);
}

static void compare_map(span real)
{
    EVENT_RECORD record = {.EventHeader = {.Flags = EVENT_HEADER_FLAG_64_BIT_HEADER, .EventDescriptor = {.Id = 1001}}};
    u8 ours[256];
    ULONG size = sizeof(ours);
    memcpy(&record.EventHeader.ProviderId, real.at, 16);
    WCHAR name[32];
    memcpy(name, real.at + 16 + load_u32(real.at + 16), 26); // DnsIpTypeMap
    assert_int_equal(TdhGetEventMapInformation(&record, name, (PEVENT_MAP_INFO)(void *)ours, &size), ERROR_SUCCESS);
    assert_int_equal(size, real.len - 16);
    assert_memory_equal(ours, real.at + 16, size);
}

static u32 each_blob(span file, u8 opcode, schema_set *set, bool load)
{
    u32 count = 0;
    for (size_t at = 0x18; at + 24 <= file.len; at += 8) {
        const u8 *r = file.at + at - 0x18;
        if (memcmp(file.at + at, EVENT_METADATA_CLASS.bytes, 16) != 0 || r[3] != 0xc0 || r[4] != opcode)
            continue;
        size_t size = load_u16(r);
        assert_true(size > 48 && at - 0x18 + size <= file.len);
        span blob = {r + 48, size - 48};
        count++;
        if (load && opcode == METADATA_MAP_INFO)
            assert_true(tdh_load_map_info(set, blob, NULL));
        else if (load)
            assert_true(tdh_load_event_info(set, blob, NULL));
        else if (opcode == METADATA_MAP_INFO)
            compare_map(blob);
        else
            compare_info(set, blob);
    }
    return count;
}

static span read_shared(const char *name)
{
    const char *shared = getenv("ETWKIT_SHARED");
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s", shared ? shared : "../shared", name);
    FILE *f = fopen(path, "rb");
    if (!f) {
        print_message("skipped: no %s\n", path);
        return (span){NULL, 0};
    }
    outbuf bytes = {0};
    for (size_t got = 1; got;) {
        got = fread(outbuf_reserve(&bytes, 1 << 16), 1, 1 << 16, f);
        bytes.len += got;
    }
    fclose(f);
    return (span){bytes.bytes, bytes.len};
}

static void agrees_with_windows(void **state)
{
    (void)state;
    const u16 one = 1;
    span file = read_shared("corpus/perfview-net45-x86.etl");
    if (!file.at) {
        print_message("skipped: no traces of others (ETWKIT_SHARED)\n");
        skip();
    }
    if (*(const u8 *)&one == 0) {
        print_message("skipped: Windows' structures are little-endian\n");
        skip();
    }
    schema_set *set = schema_set_new();
    assert_int_equal(each_blob(file, METADATA_MAP_INFO, set, true), 1);
    assert_int_equal(each_blob(file, METADATA_EVENT_INFO, set, true), 6);
    tdh_source *source = tdh_source_add(set, 0);
    const tdh_source *before = tdh_source_prefer(source);
    assert_int_equal(each_blob(file, METADATA_EVENT_INFO, set, false), 6);
    assert_int_equal(each_blob(file, METADATA_MAP_INFO, set, false), 1);
    tdh_source_prefer(before);
    tdh_source_remove(source);
    schema_set_free(set);
    mem_free((void *)(uintptr_t)file.at);
}

// ---------------------------------------------------------------------------------------------- manifests

static const char MANIFEST[] =
    "<instrumentationManifest xmlns=\"http://schemas.microsoft.com/win/2004/08/events\"><instrumentation><events>"
    "<provider name=\"Tdh-Test\" guid=\"{11112222-3333-4444-5555-666677778888}\" symbol=\"P\" "
    "resourceFileName=\"p.dll\" messageFileName=\"p.dll\">"
    "<templates><template tid=\"t\"><data name=\"Size\" inType=\"win:UInt32\"/></template></templates>"
    "<events><event value=\"9\" version=\"1\" template=\"t\" symbol=\"E9\"/>"
    "<event value=\"3\" version=\"0\" symbol=\"E3\"/></events></provider></events></instrumentation>"
    "</instrumentationManifest>";

static GUID manifest_id(void)
{
    return (GUID){0x11112222, 0x3333, 0x4444, {0x55, 0x55, 0x66, 0x66, 0x77, 0x77, 0x88, 0x88}};
}

static void widen(const char *text, WCHAR *wide)
{
    while ((*wide++ = (u8)*text++) != 0) {
    }
}

static bool enumerates(const GUID *id)
{
    ULONG size = 0;
    bool found = false;
    assert_int_equal(TdhEnumerateProviders(NULL, &size), ERROR_INSUFFICIENT_BUFFER);
    PROVIDER_ENUMERATION_INFO *all = mem_alloc(size);
    assert_int_equal(TdhEnumerateProviders(all, &size), ERROR_SUCCESS);
    for (u32 i = 0; i < all->NumberOfProviders; i++) {
        const TRACE_PROVIDER_INFO *p = &all->TraceProviderInfoArray[i];
        if (IsEqualGUID(&p->ProviderGuid, id)) {
            assert_string_equal(text_at(all, p->ProviderNameOffset), "Tdh-Test");
            found = true;
        }
    }
    mem_free(all);
    return found;
}

static void loads_manifests(void **state)
{
    (void)state;
    char path[] = "/tmp/etwkit-tdh-XXXXXX";
    WCHAR wide[64], missing[] = u"/nonexistent/x.man";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, MANIFEST, sizeof(MANIFEST) - 1), sizeof(MANIFEST) - 1);
    close(fd);
    widen(path, wide);
    GUID id = manifest_id();
    assert_false(enumerates(&id));
    assert_int_equal(TdhLoadManifest(NULL), ERROR_INVALID_PARAMETER);
    assert_int_equal(TdhLoadManifest(missing), ERROR_FILE_NOT_FOUND);
    assert_int_equal(TdhLoadManifest(wide), ERROR_SUCCESS);
    assert_int_equal(TdhLoadManifest(wide), ERROR_SUCCESS);
    assert_true(enumerates(&id));
    u64 capacity[64];
    PROVIDER_EVENT_INFO *events = (PROVIDER_EVENT_INFO *)(void *)capacity;
    ULONG size = 0;
    assert_int_equal(TdhEnumerateManifestProviderEvents(&id, NULL, &size), ERROR_INSUFFICIENT_BUFFER);
    assert_int_equal(size, 8 + 2 * 16);
    assert_int_equal(TdhEnumerateManifestProviderEvents(&id, events, &size), ERROR_SUCCESS);
    const EVENT_DESCRIPTOR *descriptors = events->EventDescriptorsArray;
    assert_int_equal(events->NumberOfEvents, 2);
    assert_int_equal(descriptors[0].Id, 3);
    assert_int_equal(descriptors[1].Id, 9);
    EVENT_RECORD record = {.EventHeader = {.ProviderId = id, .EventDescriptor = {.Id = 9, .Version = 1}}};
    u32 payload = 5;
    record.UserData = &payload;
    record.UserDataLength = 4;
    PROPERTY_DATA_DESCRIPTOR path_of[] = {NAMED(u"Size", ALL)};
    u8 value[4];
    assert_int_equal(TdhGetProperty(&record, 0, NULL, 1, path_of, 4, value), ERROR_SUCCESS);
    assert_memory_equal(value, &payload, 4);
    EVENT_DESCRIPTOR other = {.Id = 9, .Version = 0};
    size = 0;
    assert_int_equal(TdhGetManifestEventInformation(&id, &other, NULL, &size), ERROR_NOT_FOUND);
    assert_int_equal(TdhUnloadManifest(wide), ERROR_SUCCESS);
    assert_int_equal(TdhUnloadManifest(wide), ERROR_NOT_FOUND);
    assert_int_equal(TdhGetProperty(&record, 0, NULL, 1, path_of, 4, value), ERROR_NOT_FOUND);
    size = 0;
    assert_int_equal(TdhEnumerateManifestProviderEvents(&id, NULL, &size), ERROR_NOT_FOUND);
    unlink(path);
}

// Layouts of an unloaded manifest must not be used again.
static void forgets_unloaded_manifests(void **state)
{
    (void)state;
    char path[] = "/tmp/etwkit-tdh-XXXXXX";
    WCHAR wide[64];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, MANIFEST, sizeof(MANIFEST) - 1), sizeof(MANIFEST) - 1);
    close(fd);
    widen(path, wide);
    EVENT_RECORD record = {.EventHeader = {.ProviderId = manifest_id(), .EventDescriptor = {.Id = 9, .Version = 1}}};
    ULONG size;
    for (u32 i = 0; i < 3; i++) {
        assert_int_equal(TdhLoadManifest(wide), ERROR_SUCCESS);
        size = 0;
        assert_int_equal(TdhGetEventInformation(&record, 0, NULL, NULL, &size), ERROR_INSUFFICIENT_BUFFER);
        assert_int_equal(TdhUnloadManifest(wide), ERROR_SUCCESS);
        size = 0;
        assert_int_equal(TdhGetEventInformation(&record, 0, NULL, NULL, &size), ERROR_NOT_FOUND);
    }
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_properties),
        cmocka_unit_test(finds_wire_forms),
        cmocka_unit_test(lays_out_information),
        cmocka_unit_test(counts_what_is_left),
        cmocka_unit_test(string_events_have_none),
        cmocka_unit_test(describes_tracelogging),
        cmocka_unit_test(strings_end),
        cmocka_unit_test(tracelogging_levels_differ),
        cmocka_unit_test(kernel_classes_are_known),
        cmocka_unit_test(agrees_with_windows),
        cmocka_unit_test(loads_manifests),
        cmocka_unit_test(forgets_unloaded_manifests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
