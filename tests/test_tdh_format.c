// TdhFormatProperty and maps: golden values that Windows' TDH printed, then each type, string form, map and refusal.
//
// Expected values: elastic/beats' recorded TDH output (see FORMAT.md, section 10) and learn.microsoft.com's pages of
// the types; never what the code under test said.
#include "tdh_world.h"

// ---------------------------------------------------------------------------------------------- one value

typedef struct formatted {
    TDHSTATUS status;
    u16 consumed;
    char text[1024];
} formatted;

static formatted format_with(EVENT_MAP_INFO *map, u16 in, u16 out, u16 length, const void *data, u16 len)
{
    formatted f = {0};
    WCHAR wide[300];
    ULONG size = 0;
    f.status = TdhFormatProperty(NULL, map, 8, in, out, length, len, (PBYTE)(uintptr_t)data, &size, NULL, &f.consumed);
    if (f.status != ERROR_INSUFFICIENT_BUFFER)
        return f;
    assert_true(size <= sizeof(wide));
    ULONG small = size - 1;
    assert_int_equal(
        TdhFormatProperty(NULL, map, 8, in, out, length, len, (PBYTE)(uintptr_t)data, &small, wide, &f.consumed),
        ERROR_INSUFFICIENT_BUFFER);
    assert_int_equal(small, size);
    f.status = TdhFormatProperty(NULL, map, 8, in, out, length, len, (PBYTE)(uintptr_t)data, &size, wide, &f.consumed);
    assert_int_equal(wide[size / 2 - 1], 0);
    char *utf8 = wide_utf8(wide);
    assert_true(strlen(utf8) < sizeof(f.text));
    strcpy(f.text, utf8);
    mem_free(utf8);
    return f;
}

static void check_format(u16 in, u16 out, u16 length, const void *data, u16 len, u16 consumed, const char *text)
{
    formatted f = format_with(NULL, in, out, length, data, len);
    assert_int_equal(f.status, ERROR_SUCCESS);
    assert_string_equal(f.text, text);
    assert_int_equal(f.consumed, consumed);
}

// ---------------------------------------------------------------------------------------------- golden values

static const u8 GUID_BYTES[16] = {0xd6, 0x51, 0x0b, 0x70, 0xef, 0x54, 0xd3, 0x45,
                                  0xad, 0xf3, 0x60, 0xca, 0xd2, 0x77, 0xd1, 0xbd};

static void all_types_payload(outbuf *p)
{
    static const u8 binary[11] = {0x3e, 0xaf, 0x0f, 0xde, 0x88, 0xcf, 0xf4, 0xee, 0xb8, 0x91, 0xb5};
    static const u16 systemtime[8] = {2017, 11, 6, 4, 3, 46, 22, 305};
    add_wide(p, "alpha");
    add(p, "bravo", 6);
    add_uint(p, (u64)-29, 1);
    add_uint(p, 232, 1);
    add_uint(p, 27593, 2);
    add_uint(p, 43350, 2);
    add_uint(p, 280915487, 4);
    add_uint(p, 3055926388u, 4);
    add_uint(p, 9135962051559271525u, 8);
    add_uint(p, 11398190996930193602u, 8);
    add_uint(p, 0x42ab2e14, 4);         // 85.589996
    add_uint(p, 0x406d111eb851eb85, 8); // 232.535
    add_uint(p, 1, 4);
    add_uint(p, 11, 4);
    add(p, binary, 11);
    add(p, GUID_BYTES, 16);
    add_uint(p, 0x6fa6de70, 8);
    add_uint(p, 131542371823050459u, 8);
    for (u32 i = 0; i < COUNT_OF(systemtime); i++)
        add_uint(p, systemtime[i], 2);
    add(p, "\1\4\0\0\0\0\0\5", 8);
    add_uint(p, 21, 4);
    add_uint(p, 3447473950u, 4);
    add_uint(p, 2840118026u, 4);
    add_uint(p, 1171586998u, 4);
    add_uint(p, 0x9ea919cd, 4);
    add_uint(p, 0xaaa9496030288014u, 8);
}

static void golden_all_types(void **state)
{
    (void)state;
    static const property props[] = {
        {.name = "StringValue", .in_type = IN_UNICODE_STRING, .count = 1},
        {.name = "AnsiStringValue", .in_type = IN_ANSI_STRING, .count = 1},
        {.name = "Int8Value", .in_type = IN_INT8, .count = 1},
        {.name = "UInt8Value", .in_type = IN_UINT8, .count = 1},
        {.name = "Int16Value", .in_type = IN_INT16, .count = 1},
        {.name = "UInt16Value", .in_type = IN_UINT16, .count = 1},
        {.name = "Int32Value", .in_type = IN_INT32, .count = 1},
        {.name = "UInt32Value", .in_type = IN_UINT32, .count = 1},
        {.name = "Int64Value", .in_type = IN_INT64, .count = 1},
        {.name = "UInt64Value", .in_type = IN_UINT64, .count = 1},
        {.name = "FloatValue", .in_type = IN_FLOAT, .count = 1},
        {.name = "DoubleValue", .in_type = IN_DOUBLE, .count = 1},
        {.name = "BooleanValue", .in_type = IN_BOOLEAN, .count = 1},
        {.name = "BinarySize", .in_type = IN_UINT32, .count = 1},
        {.name = "BinaryValue", .in_type = IN_BINARY, .count = 1, .flags = PROP_PARAM_LENGTH, .length = 13},
        {.name = "GuidValue", .in_type = IN_GUID, .count = 1},
        {.name = "PointerValue", .in_type = IN_POINTER, .count = 1},
        {.name = "FileTimeValue", .in_type = IN_FILETIME, .count = 1},
        {.name = "SystemTimeValue", .in_type = IN_SYSTEMTIME, .count = 1},
        {.name = "SidValue", .in_type = IN_SID, .count = 1},
        {.name = "HexInt32Value", .in_type = IN_HEX_INT32, .count = 1},
        {.name = "HexInt64Value", .in_type = IN_HEX_INT64, .count = 1},
    };
    world *w = world_new();
    world_event(w, 1, props, COUNT_OF(props), COUNT_OF(props));
    all_types_payload(&w->payload);
    world_payload(w);
    check_reading(w, "StringValue=alpha;AnsiStringValue=bravo;Int8Value=-29;UInt8Value=232;Int16Value=27593;"
                     "UInt16Value=43350;Int32Value=280915487;UInt32Value=3055926388;"
                     "Int64Value=9135962051559271525;UInt64Value=11398190996930193602;FloatValue=85.589996;"
                     "DoubleValue=232.535000;BooleanValue=true;BinarySize=11;BinaryValue=0x3EAF0FDE88CFF4EEB891B5;"
                     "GuidValue={700b51d6-54ef-45d3-adf3-60cad277d1bd};PointerValue=0x6FA6DE70;"
                     "FileTimeValue=2017-11-04T02:46:22.305045900Z;SystemTimeValue=2017-11-04T03:46:22.305Z;"
                     "SidValue=S-1-5-21-3447473950-2840118026-1171586998;HexInt32Value=0x9EA919CD;"
                     "HexInt64Value=0xAAA9496030288014;");
    world_free(w);
}

static void golden_nested(void **state)
{
    (void)state;
    world *w = nested_world();
    check_reading(w, "TransferName=charlie;ErrorCode=Unknown HResult Error code: 0xddcd;FilesCount=4;Files=a,bc,,d;"
                     "BufferSize=10;Buffer=0x4B2B7997499348D694B8;Certificate=0xB28978F7E36B006BC7F9FA;IsLocal=true;"
                     "Path=C:/Program Files/Example/file.txt;ValuesCount=3;"
                     "Values={Name=x;Value=100;},{Name=two;Value=101;},{Name=x;Value=102;};");
    world_free(w);
}

// ---------------------------------------------------------------------------------------------- formatting

static void formats_by_type(void **state)
{
    (void)state;
    static const u8 v6[16] = {0xfe, 0x80, [15] = 1};
    static const u8 v4[16] = {2, 0, 0x1f, 0x90, 10, 0, 0, 7};
    check_format(IN_UINT16, OUT_PORT, 0, "\x1f\x90", 2, 2, "8080");
    check_format(IN_UINT32, OUT_IPV4, 0, "\x7f\0\0\1", 4, 4, "127.0.0.1");
    check_format(IN_BINARY, OUT_IPV6, 0, v6, 16, 16, "fe80::1");
    check_format(IN_BINARY, OUT_IPV6, 16, v6, 16, 16, "fe80::1");
    check_format(IN_BINARY, OUT_SOCKET_ADDRESS, 16, v4, 16, 16, "10.0.0.7:8080");
    check_format(IN_UINT32, OUT_NTSTATUS, 0, "\x0f\0\x1c\xc0", 4, 4, "STATUS_FLT_DO_NOT_ATTACH");
    check_format(IN_UINT32, OUT_NTSTATUS, 0, "\xff\xff\x1c\xc0", 4, 4, "Unknown NTSTATUS Error code: 0xc01cffff");
    check_format(IN_UINT32, OUT_WIN32_ERROR, 0, "\xff\xff\0\0", 4, 4, "Unknown Win32 Error code: 0xffff");
    check_format(IN_UINT32, OUT_NTSTATUS, 0, "\x22\0\0\xc0", 4, 4, "STATUS_ACCESS_DENIED");
    check_format(IN_UINT32, OUT_ERROR_CODE, 0, "\x22\0\0\xc0", 4, 4, "0xC0000022");
    check_format(IN_UINT8, OUT_STRING, 0, "A", 1, 1, "A");
    check_format(IN_UINT8, OUT_BOOLEAN, 0, "\2", 1, 1, "true");
    check_format(IN_UINT32, OUT_PID, 0, "\xff\xff\xff\xff", 4, 4, "4294967295");
    check_format(IN_DOUBLE, OUT_NULL, 0, "\x9a\x99\x99\x99\x99\x99\xb9\x3f", 8, 8, "0.100000");
    check_format(IN_FLOAT, OUT_NULL, 0, "\0\0\xc0\x7f", 4, 4, "nan");
    check_format(IN_NULL, OUT_NULL, 0, "x", 1, 0, "");
    check_format(IN_UINT32, OUT_NO_PRINT, 0, "\1\0\0\0", 4, 4, "1");
}

static void formats_strings(void **state)
{
    (void)state;
    check_format(IN_UNICODE_STRING, OUT_NULL, 0, "a\0b\0\0\0c\0", 8, 6, "ab");
    check_format(IN_UNICODE_STRING, OUT_NULL, 0, "a\0b\0", 4, 4, "ab");        // the last one may lack its NUL
    check_format(IN_UNICODE_STRING, OUT_NULL, 3, "a\0b\0\0\0c\0", 8, 6, "ab"); // three characters, NUL trimmed
    check_format(IN_ANSI_STRING, OUT_NULL, 0, "caf\xe9\0z", 6, 5, "caf\xc3\xa9");
    check_format(IN_ANSI_STRING, OUT_UTF8, 0, "caf\xc3\xa9\0z", 7, 6, "caf\xc3\xa9");
    check_format(IN_ANSI_STRING, OUT_NULL, 2, "abc", 3, 2, "ab");
    check_format(IN_COUNTED_STRING, OUT_NULL, 0, "\4\0a\0b\0c\0", 8, 6, "ab");
    check_format(IN_COUNTED_ANSI_STRING, OUT_NULL, 0, "\2\0abc", 5, 4, "ab");
    check_format(IN_REVERSED_COUNTED_ANSI_STRING, OUT_NULL, 0, "\0\2abc", 5, 4, "ab");
    check_format(IN_COUNTED_BINARY, OUT_NULL, 0, "\2\0\xab\xcd\xef", 5, 4, "0xABCD");
    check_format(IN_BINARY, OUT_NULL, 0, "abc", 3, 0, "");
    // A lone surrogate is the caller's to judge: it arrives as it stands.
    WCHAR wide[8];
    ULONG size = sizeof(wide);
    USHORT consumed;
    u8 lone[4] = {0x00, 0xd8, 0, 0};
    assert_int_equal(TdhFormatProperty(NULL, NULL, 8, IN_UNICODE_STRING, 0, 0, 4, lone, &size, wide, &consumed),
                     ERROR_SUCCESS);
    assert_int_equal(wide[0], 0xd800);
    assert_int_equal(size, 4);
}

static void refuses_to_format(void **state)
{
    (void)state;
    u8 data[8] = {0};
    ULONG size = 0;
    USHORT consumed;
    assert_int_equal(format_with(NULL, 26, 0, 0, data, 8).status, ERROR_INVALID_PARAMETER);
    assert_int_equal(format_with(NULL, IN_STRUCT, 0, 0, data, 8).status, ERROR_INVALID_PARAMETER);
    assert_int_equal(format_with(NULL, IN_UINT32, 0, 0, data, 3).status, ERROR_EVT_INVALID_EVENT_DATA);
    assert_int_equal(format_with(NULL, IN_BINARY, 0, 9, data, 8).status, ERROR_EVT_INVALID_EVENT_DATA);
    assert_int_equal(format_with(NULL, IN_UNICODE_STRING, 0, 5, data, 8).status, ERROR_EVT_INVALID_EVENT_DATA);
    assert_int_equal(format_with(NULL, IN_COUNTED_STRING, 0, 0, "\7\0", 2).status, ERROR_EVT_INVALID_EVENT_DATA);
    assert_int_equal(format_with(NULL, IN_SID, 0, 0, "\1\4\0\0\0\0\0\5", 8).status, ERROR_EVT_INVALID_EVENT_DATA);
    assert_int_equal(TdhFormatProperty(NULL, NULL, 5, IN_POINTER, 0, 0, 8, data, &size, NULL, &consumed),
                     ERROR_INVALID_PARAMETER);
    assert_int_equal(TdhFormatProperty(NULL, NULL, 8, IN_UINT8, 0, 0, 8, data, NULL, NULL, &consumed),
                     ERROR_INVALID_PARAMETER);
    assert_int_equal(TdhFormatProperty(NULL, NULL, 8, IN_UINT8, 0, 0, 8, NULL, &size, NULL, &consumed),
                     ERROR_INVALID_PARAMETER);
}

static void pointer_size_decides(void **state)
{
    (void)state;
    u8 data[8] = {0x10, 0x20, 0, 0, 1};
    WCHAR wide[32];
    ULONG size = sizeof(wide);
    USHORT consumed;
    assert_int_equal(TdhFormatProperty(NULL, NULL, 4, IN_POINTER, 0, 0, 8, data, &size, wide, &consumed),
                     ERROR_SUCCESS);
    assert_int_equal(consumed, 4);
    assert_string_equal(text_at(wide, 0), "0x2010");
    size = sizeof(wide);
    assert_int_equal(TdhFormatProperty(NULL, NULL, 8, IN_POINTER, 0, 0, 8, data, &size, wide, &consumed),
                     ERROR_SUCCESS);
    assert_int_equal(consumed, 8);
    assert_string_equal(text_at(wide, 0), "0x100002010");
}

// ---------------------------------------------------------------------------------------------- maps

static EVENT_MAP_INFO *map_of(world *w, const WCHAR *name)
{
    ULONG size = 0;
    WCHAR copy[32] = {0};
    for (u32 i = 0; name[i]; i++)
        copy[i] = name[i];
    assert_int_equal(TdhGetEventMapInformation(&w->record, copy, NULL, &size), ERROR_INSUFFICIENT_BUFFER);
    EVENT_MAP_INFO *map = mem_alloc(size);
    assert_int_equal(TdhGetEventMapInformation(&w->record, copy, map, &size), ERROR_SUCCESS);
    return map;
}

static void maps_name_values(void **state)
{
    (void)state;
    world *w = world_new();
    static const map_entry colours[] = {{0, "red"}, {7, "green"}};
    static const map_entry bits[] = {{1, "READ"}, {2, "WRITE"}, {8, "DELETE"}};
    property props[2] = {{.name = "Colour", .in_type = IN_UINT32, .count = 1},
                         {.name = "Access", .in_type = IN_HEX_INT32, .count = 1}};
    props[0].map = schema_add_map(w->provider, "Colours", false, colours, 2);
    props[1].map = schema_add_map(w->provider, "Bits", true, bits, 3);
    world_event(w, 3, props, 2, 2);
    EVENT_MAP_INFO *map = map_of(w, u"Colours");
    assert_int_equal(map->Flag, EVENTMAP_INFO_FLAG_MANIFEST_VALUEMAP);
    assert_int_equal(map->EntryCount, 2);
    const EVENT_MAP_ENTRY *entries = map->MapEntryArray;
    assert_int_equal(entries[1].Value, 7);
    assert_string_equal(text_at(map, map->NameOffset), "Colours");
    assert_string_equal(text_at(map, entries[1].OutputOffset), "green "); // documented blank
    assert_string_equal(format_with(map, IN_UINT32, 0, 0, "\7\0\0\0", 4).text, "green");
    assert_string_equal(format_with(map, IN_UINT32, 0, 0, "\3\0\0\0", 4).text, "3");
    assert_string_equal(format_with(map, IN_UINT64, 0, 0, "\7\0\0\0\0\0\0\0", 8).text, "7"); // maps are 32 bits wide
    mem_free(map);
    map = map_of(w, u"Bits");
    assert_int_equal(map->Flag, EVENTMAP_INFO_FLAG_MANIFEST_BITMAP);
    assert_string_equal(format_with(map, IN_HEX_INT32, 0, 0, "\x0a\0\0\0", 4).text, "WRITE|DELETE");
    assert_string_equal(format_with(map, IN_UINT8, 0, 0, "\x41", 1).text, "READ|0x40");
    mem_free(map);
    WCHAR none[] = u"Shapes";
    ULONG size = 0;
    assert_int_equal(TdhGetEventMapInformation(&w->record, none, NULL, &size), ERROR_NOT_FOUND);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_all_types), cmocka_unit_test(golden_nested),     cmocka_unit_test(formats_by_type),
        cmocka_unit_test(formats_strings),  cmocka_unit_test(refuses_to_format), cmocka_unit_test(pointer_size_decides),
        cmocka_unit_test(maps_name_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
