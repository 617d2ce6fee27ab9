// TMF text to event schemas, rule by rule. Expected values: FORMAT.md section 9, the type table of WPP's default
// configuration, and counts taken from the shared TMF files line by line.
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"
#include "base/outbuf.h"
#include "blob.h"
#include "schema/model/schema.h"
#include "schema/wpp/wpp.h"

extern const schema_source schema_source_tmf, schema_source_pdb;

static const guid MESSAGE_GUID = GUID_OF(0x01e9b841, 0x7d67, 0x315a, 0x7b, 0x92, 0x23, 0xb2, 0x03, 0x33, 0x56, 0xde);
#define GUID_LINE "01e9b841-7d67-315a-7b92-23b2033356de BthPS3 // SRC=L2CAP.c MJ= MN=\n"

typedef struct fixture {
    schema_set *set;
    schema_load load;
    error e;
    bool loaded;
} fixture;

static fixture load_bytes(const void *bytes, size_t len)
{
    fixture f = {.set = schema_set_new()};
    // An exact copy, so that a read past the end is seen.
    u8 *copy = mem_alloc(len ? len : 1);
    memcpy(copy, bytes, len);
    f.loaded = schema_source_tmf.load(f.set, (span){copy, len}, "x.tmf", RANK_USER, &f.load, &f.e);
    mem_free(copy);
    return f;
}

static fixture load_text(const char *text)
{
    return load_bytes(text, strlen(text));
}

static void done(fixture *f)
{
    schema_load_free(&f->load);
    schema_set_free(f->set);
}

static const event_schema *find(const fixture *f, const guid *id, u16 number)
{
    schema_find_result found[2];
    event_descriptor d = {.id = number};
    u32 count = schema_find(f->set, KEY_WPP, id, &d, 0, found, 2);
    return count ? found[0].event : NULL;
}

// One message with this format string and these parameter lines.
static fixture load_message(const char *format, const char *parameters)
{
    char text[8192];
    snprintf(text, sizeof(text),
             GUID_LINE
             "#typev L2CAP_c141 15 \"%s\" //   LEVEL=TRACE_LEVEL_WARNING FLAGS=TRACE_L2CAP FUNC=Do_It\n{\n%s}\n",
             format, parameters);
    return load_text(text);
}

static void expect_message(const char *format, const char *parameters, const char *expected)
{
    fixture f = load_message(format, parameters);
    const event_schema *event = find(&f, &MESSAGE_GUID, 15);
    assert_non_null(event);
    if (expected)
        assert_string_equal(event->message, expected);
    else
        assert_null(event->message);
    done(&f);
}

static void expect_type(const char *item, const char *spec, u16 in, u16 out, u16 length)
{
    char format[64], parameter[256];
    snprintf(format, sizeof(format), "%%0 value %%10!%s!", spec);
    snprintf(parameter, sizeof(parameter), "value, %s -- 10\n", item);
    fixture f = load_message(format, parameter);
    const event_schema *event = find(&f, &MESSAGE_GUID, 15);
    assert_non_null(event);
    if (event->property_count != 1 || event->properties[0].in_type != in || event->properties[0].out_type != out)
        print_message("%s with %%%s\n", item, spec);
    assert_int_equal(event->property_count, 1);
    assert_int_equal(event->properties[0].in_type, in);
    assert_int_equal(event->properties[0].out_type, out);
    assert_int_equal(event->properties[0].length, length);
    assert_int_equal(event->properties[0].flags, length ? PROP_FIXED_LENGTH : 0);
    assert_int_equal(event->properties[0].count, 1);
    assert_int_equal(f.load.note_count, 0);
    done(&f);
}

// ---------------------------------------------------------------------------------------------- messages

static void a_message_becomes_an_event(void **state)
{
    (void)state;
    fixture f =
        load_text("// PDB:  BthPS3.pdb\r\n"
                  "// PDB:  Last Updated :2025-04-28:18:52:26:152 (UTC) [Tracepdb]\r\n"
                  "01e9b841-7d67-315a-7b92-23b2033356de BthPS3 // SRC=L2CAP.c MJ= MN=\r\n"
                  "#typev L2CAP_c130 14 \"%0 [%!FUNC!] ERROR:connection %11!d! failed with status %10!s!\" //   "
                  "LEVEL=TRACE_LEVEL_ERROR FLAGS=TRACE_L2CAP FUNC=L2CAP_Completed\r\n"
                  "{\r\n"
                  "Params->IoStatus.Status, ItemNTSTATUS -- 10\r\n"
                  "max(a, b) , ItemLong -- 11\r\n"
                  "}\r\n");
    assert_true(f.loaded);
    assert_int_equal(f.load.providers, 1);
    assert_int_equal(f.load.events, 1);
    assert_int_equal(f.load.refused, 0);
    const event_schema *event = find(&f, &MESSAGE_GUID, 14);
    assert_non_null(event);
    assert_int_equal(event->key, KEY_WPP);
    assert_true(guid_equal(&event->event_guid, &MESSAGE_GUID));
    assert_true(guid_equal(&event->provider->id, &MESSAGE_GUID));
    assert_string_equal(event->provider->name, "BthPS3");
    assert_int_equal(event->provider->origin, ORIGIN_WPP);
    assert_int_equal(event->provider->rank, RANK_USER);
    assert_string_equal(event->provider->path, "x.tmf");
    assert_int_equal(event->descriptor.id, 14);
    assert_int_equal(event->descriptor.level, 2);
    assert_string_equal(event->event_name, "L2CAP_c130");
    assert_string_equal(event->wpp_function, "L2CAP_Completed");
    assert_string_equal(event->wpp_source, "L2CAP.c");
    assert_string_equal(event->wpp_level, "TRACE_LEVEL_ERROR");
    assert_string_equal(event->wpp_flags, "TRACE_L2CAP");
    assert_string_equal(event->message, "[L2CAP_Completed] ERROR:connection %2!d! failed with status %1!s!");
    assert_int_equal(event->property_count, 2);
    assert_int_equal(event->top_count, 2);
    assert_string_equal(event->properties[0].name, "Params->IoStatus.Status");
    assert_int_equal(event->properties[0].in_type, IN_UINT32);
    assert_int_equal(event->properties[0].out_type, OUT_NTSTATUS);
    assert_string_equal(event->properties[1].name, "max(a, b)");
    assert_null(find(&f, &MESSAGE_GUID, 15));
    done(&f);
}

static void several_guids_and_the_older_keyword(void **state)
{
    (void)state;
    fixture f = load_text(GUID_LINE "#typev A_c1 10 \"one\" // LEVEL=TRACE_LEVEL_VERBOSE FUNC=`Pdo'::`1'::fin$0\n{\n}\n"
                                    "4305d668-552d-302b-a84c-fbcf09373bf6 other name // SRC=b.cpp\n"
                                    "#type B_cpp22 11 \"two\"\n{\n}\n" GUID_LINE "#typev A_c2 12 \"three\"\n{\n}\n");
    guid other;
    assert_true(guid_from_text("4305d668-552d-302b-a84c-fbcf09373bf6", 36, &other));
    assert_int_equal(f.load.providers, 2);
    assert_int_equal(f.load.events, 3);
    assert_string_equal(find(&f, &MESSAGE_GUID, 10)->message, "one");
    assert_string_equal(find(&f, &MESSAGE_GUID, 10)->wpp_function, "`Pdo'::`1'::fin$0");
    assert_int_equal(find(&f, &MESSAGE_GUID, 10)->descriptor.level, 5);
    const event_schema *second = find(&f, &other, 11);
    assert_string_equal(second->message, "two");
    assert_string_equal(second->provider->name, "other name");
    assert_string_equal(second->wpp_source, "b.cpp");
    assert_null(second->wpp_function);
    assert_null(second->wpp_level);
    assert_null(second->wpp_flags);
    assert_ptr_equal(find(&f, &MESSAGE_GUID, 12)->provider, find(&f, &MESSAGE_GUID, 10)->provider);
    done(&f);
}

static void the_same_message_is_taken_once(void **state)
{
    (void)state;
    fixture f = load_text(GUID_LINE "#typev A_c1 10 \"one\"\n{\n}\n#typev A_c1 10 \"one\"\n{\n}\n"
                                    "#typev A_c1 10 \"one\" // FUNC=fin\n{\n}\n#typev A_c2 10 \"another one\"\n{\n}\n"
                                    "#typev A_c1 10 \"one\"\n{\nx, ItemLong -- 10\n}\n");
    assert_int_equal(f.load.events, 3);
    assert_int_equal(f.load.refused, 0);
    done(&f);
}

static void keys_of_the_trailing_comment(void **state)
{
    (void)state;
    fixture f = load_text(
        GUID_LINE "#typev A_c1 10 \"%!FLAGS! %!MODULE! %!level!\" //Flags=FLAG_A level=3 Module=core  FUNC=bool "
                  "operator=<a, b>(int)\n{\n}\n"
                  "#typev A_c2 11 \"x\" // TRACELEVEL=TRACE_LEVEL_FATAL FLAG=F\n{\n}\n");
    const event_schema *event = find(&f, &MESSAGE_GUID, 10);
    assert_string_equal(event->wpp_flags, "FLAG_A level=3"); // keys begin with a capital
    assert_string_equal(event->wpp_function, "bool operator=<a, b>(int)");
    assert_string_equal(event->message, "FLAG_A level=3 core %%!level!");
    event = find(&f, &MESSAGE_GUID, 11);
    assert_int_equal(event->descriptor.level, 1);
    assert_string_equal(event->wpp_flags, "F");
    done(&f);
}

// ---------------------------------------------------------------------------------------------- format strings

static void inserts_are_numbered_from_one(void **state)
{
    (void)state;
    const char *two = "a, ItemLong -- 10\nb, ItemString -- 12\n";
    expect_message("%0a=%10!08x! b=%12!s!", two, "a=%1!08x! b=%2!s!");
    expect_message("%12!s! %10!d! %10!d!", two, "%2!s! %1!d! %1!d!");
    expect_message("%10 and %12", two, "%1!s! and %2!s!");
    expect_message("%10!I64d!!", two, "%1!I64d!!");
    expect_message("%10!#-012.3I64X!", two, "%1!#-012.3I64X!");
    // No parameter of that number: the text of it stays, and cannot be taken for an insert.
    expect_message("a %11!s! b", two, "a %%11!s! b");
    expect_message("%0", two, NULL);
    // Two digits, unless marks end the number.
    expect_message("%105 %10!not a spec!", two, "%1!s!5 %1!s!!not a spec!");
    expect_message("%99!s!", two, "%%99!s!");
}

static void names_become_text(void **state)
{
    (void)state;
    expect_message("%0 [%!FUNC!] <--", "", "[Do_It] <--");
    expect_message("%!STDPREFIX! %!LEVEL!/%!FLAGS!%!SPACE!at %!FILE!:%!LINE! (%!COMPNAME!)", "",
                   "TRACE_LEVEL_WARNING/TRACE_L2CAP at L2CAP.c:141 (BthPS3)");
    expect_message("[%8!04X!.%3!04X! %4!s! %9!d! %7!x! %5!s! %6!s!] %1!s! %2!s!", "",
                   "[%#8!04X!.%#3!04X! %#4!s! %#9!d! %#7!x! %#5!s! %#6!s!] BthPS3 L2CAP_c141");
    expect_message("%!TID! %!PID! %!NOW! %!TIMESTAMP! %!SEQ! %!CPU! %!MOD! %!TYP!", "",
                   "%#3!x! %#8!x! %#4!s! %#4!s! %#7!x! %#9!x! BthPS3 L2CAP_c141");
    expect_message("%!SRC! %!UNKNOWN! %!STATUS", "", "L2CAP.c %%!UNKNOWN! %!STATUS");
}

static void percent_signs_stay(void **state)
{
    (void)state;
    expect_message("100%% of %10!d!%", "n, ItemLong -- 10\n", "100%% of %1!d!%%");
    expect_message("50% done, %q%", "", "50%% done, %%q%%");
    expect_message("a%nb%t%b%r%.%!", "", "a%nb%t%b%r%.%!");
    fixture f = load_text("01e9b841-7d67-315a-7b92-23b2033356de 100%1 // SRC=a%b.c\n"
                          "#typev A_c1 10 \"%!COMPNAME! %!FILE! %!FUNC!\"\n{\n}\n");
    assert_string_equal(find(&f, &MESSAGE_GUID, 10)->message, "100%%1 a%%b.c %%!FUNC!");
    done(&f);
}

static void quotes_and_line_breaks(void **state)
{
    (void)state;
    expect_message("%0 [%!FUNC!]LHS: \"%10!s!\" // \"%11!s!\"",
                   "&usLhs, ItemPWString -- 10\n&usRhs, ItemPWString -- 11\n", "[Do_It]LHS: \"%1!s!\" // \"%2!s!\"");
    expect_message("first\r\nsecond %10!d!\r\n", "n, ItemLong -- 10\n", "first%nsecond %1!d!");
}

// ---------------------------------------------------------------------------------------------- types

static void integers_follow_the_conversion(void **state)
{
    (void)state;
    expect_type("ItemLong", "d", IN_INT32, OUT_INT, 0);
    expect_type("ItemLong", "i", IN_INT32, OUT_INT, 0);
    expect_type("ItemLong", "ld", IN_INT32, OUT_INT, 0);
    expect_type("ItemLong", "u", IN_UINT32, OUT_UNSIGNED_INT, 0);
    expect_type("ItemLong", "x", IN_UINT32, OUT_HEX_INT32, 0);
    expect_type("ItemLong", "04X", IN_UINT32, OUT_HEX_INT32, 0);
    expect_type("ItemLong", "s", IN_INT32, OUT_INT, 0);
    expect_type("ItemULong", "s", IN_UINT32, OUT_UNSIGNED_INT, 0);
    expect_type("ItemULongX", "s", IN_UINT32, OUT_HEX_INT32, 0);
    expect_type("ItemShort", "hd", IN_INT16, OUT_SHORT, 0);
    expect_type("ItemShort", "hu", IN_UINT16, OUT_UNSIGNED_SHORT, 0);
    expect_type("ItemShort", "04hX", IN_UINT16, OUT_HEX_INT16, 0);
    expect_type("ItemShort", "wc", IN_UINT16, OUT_STRING, 0);
    expect_type("ItemUShort", "s", IN_UINT16, OUT_UNSIGNED_SHORT, 0);
    expect_type("ItemChar", "c", IN_UINT8, OUT_STRING, 0);
    expect_type("ItemChar", "d", IN_INT8, OUT_BYTE, 0);
    expect_type("ItemChar", "02x", IN_UINT8, OUT_HEX_INT8, 0);
    expect_type("ItemUChar", "u", IN_UINT8, OUT_UNSIGNED_BYTE, 0);
    expect_type("ItemUChar", "s", IN_UINT8, OUT_UNSIGNED_BYTE, 0);
    expect_type("ItemLongLong", "I64d", IN_INT64, OUT_LONG, 0);
    expect_type("ItemLongLong", "I64u", IN_UINT64, OUT_UNSIGNED_LONG, 0);
    expect_type("ItemULongLong", "I64u", IN_UINT64, OUT_UNSIGNED_LONG, 0);
    expect_type("ItemLongLongX", "I64x", IN_UINT64, OUT_HEX_INT64, 0);
    expect_type("ItemLongLongXX", "012I64X", IN_UINT64, OUT_HEX_INT64, 0);
    expect_type("ItemLongLongO", "I64o", IN_UINT64, OUT_UNSIGNED_LONG, 0);
    expect_type("ItemPtr", "p", IN_POINTER, OUT_HEX_INT64, 0);
    expect_type("ItemPtr", "Ix", IN_POINTER, OUT_HEX_INT64, 0);
    expect_type("ItemPtr", "Iu", IN_POINTER, OUT_UNSIGNED_LONG, 0);
    expect_type("ItemPtr", "Id", IN_POINTER, OUT_LONG, 0);
}

static void other_types(void **state)
{
    (void)state;
    expect_type("ItemDouble", "s", IN_DOUBLE, OUT_DOUBLE, 0);
    expect_type("ItemFloat", "s", IN_FLOAT, OUT_FLOAT, 0);
    expect_type("ItemString", "s", IN_ANSI_STRING, OUT_STRING, 0);
    expect_type("ItemRString", "s", IN_ANSI_STRING, OUT_STRING, 0);
    expect_type("ItemWString", "s", IN_UNICODE_STRING, OUT_STRING, 0);
    expect_type("ItemRWString", "s", IN_UNICODE_STRING, OUT_STRING, 0);
    expect_type("ItemPString", "s", IN_MOF_COUNTED_ANSI_STRING, OUT_STRING, 0);
    expect_type("ItemPWString", "s", IN_MOF_COUNTED_STRING, OUT_STRING, 0);
    expect_type("ItemHEXDump", "s", IN_COUNTED_BINARY, OUT_HEX_BINARY, 0);
    expect_type("ItemHexDump", "s", IN_COUNTED_BINARY, OUT_HEX_BINARY, 0);
    expect_type("ItemHexBytes", "s", IN_COUNTED_BINARY, OUT_HEX_BINARY, 0);
    expect_type("ItemSid", "s", IN_SID, OUT_STRING, 0);
    expect_type("ItemGuid", "s", IN_GUID, OUT_GUID, 0);
    expect_type("ItemCLSID", "s", IN_GUID, OUT_GUID, 0);
    expect_type("ItemIID", "s", IN_GUID, OUT_GUID, 0);
    expect_type("ItemLIBID", "s", IN_GUID, OUT_GUID, 0);
    expect_type("ItemNTSTATUS", "s", IN_UINT32, OUT_NTSTATUS, 0);
    expect_type("ItemWINERROR", "s", IN_UINT32, OUT_WIN32_ERROR, 0);
    expect_type("ItemHRESULT", "s", IN_INT32, OUT_HRESULT, 0);
    expect_type("ItemNDIS_STATUS", "s", IN_UINT32, OUT_HEX_INT32, 0);
    expect_type("ItemNDIS_OID", "s", IN_UINT32, OUT_HEX_INT32, 0);
    expect_type("ItemTimestamp", "s", IN_FILETIME, OUT_DATETIME, 0);
    expect_type("ItemWaitTime", "s", IN_FILETIME, OUT_DATETIME, 0);
    expect_type("ItemTimeDelta", "s", IN_INT64, OUT_LONG, 0);
    expect_type("ItemIPAddr", "s", IN_UINT32, OUT_IPV4, 0);
    expect_type("ItemIPV6Addr", "s", IN_BINARY, OUT_IPV6, 16);
    expect_type("ItemMACAddr", "s", IN_BINARY, OUT_HEX_BINARY, 6);
    expect_type("ItemPort", "s", IN_UINT16, OUT_PORT, 0);
    expect_type("ItemChar4", "s", IN_ANSI_STRING, OUT_STRING, 4);
}

static void lists_and_sets_have_maps(void **state)
{
    (void)state;
    fixture f = load_message("%10!s! %11!s! %12!s! %13!s!", "KeGetCurrentIrql(), ItemListByte(Low,APC,DPC) -- 10\n"
                                                            "flags, ItemSetShort(read, write,,exec) -- 11\n"
                                                            "x, ItemListLong(a, ItemB=0x10, c) -- 12\n"
                                                            "KeGetCurrentIrql(), ItemListByte(Low,APC,DPC) -- 13\n");
    const property *p = find(&f, &MESSAGE_GUID, 15)->properties;
    assert_int_equal(p[0].in_type, IN_UINT8);
    assert_non_null(p[0].map);
    assert_false(p[0].map->is_bitmap);
    assert_int_equal(p[0].map->count, 3);
    assert_int_equal(p[0].map->entries[2].value, 2);
    assert_string_equal(p[0].map->entries[2].text, "DPC");
    assert_ptr_equal(p[3].map, p[0].map);

    assert_int_equal(p[1].in_type, IN_UINT16);
    assert_true(p[1].map->is_bitmap);
    assert_int_equal(p[1].map->count, 3);
    assert_int_equal(p[1].map->entries[0].value, 1);
    assert_int_equal(p[1].map->entries[1].value, 2);
    assert_string_equal(p[1].map->entries[1].text, "write");
    assert_int_equal(p[1].map->entries[2].value, 8);
    assert_string_equal(p[1].map->entries[2].text, "exec");

    assert_string_equal(p[2].name, "x");
    assert_int_equal(p[2].in_type, IN_UINT32);
    assert_int_equal(p[2].map->count, 3);
    assert_int_equal(p[2].map->entries[1].value, 16);
    assert_string_equal(p[2].map->entries[1].text, "ItemB");
    assert_int_equal(p[2].map->entries[2].value, 17);
    assert_int_equal(f.load.maps, 3);
    done(&f);
}

static void enums_come_from_their_tables(void **state)
{
    (void)state;
    fixture f = load_text(GUID_LINE "#typev A_c1 10 \"%10!s! %11!s! %12!s!\"\n{\ns, ItemEnum(_STATE) -- 10\n"
                                    "f, ItemFlagsEnum(_FLAGS) -- 11\nu, ItemEnum(_ELSEWHERE) -- 12\n}\n"
                                    "#enumv _STATE\n{\nIdle,0x0\nActive,0x1\nFailed,0xFFFFFFFF\n}\n"
                                    "#enumv _FLAGS\n{\nRead,0x1\nExec,4\n}\n"
                                    "#enumv _STATE\n{\nOther,0x0\n}\n"
                                    "#typev A_c2 11 \"after\"\n{\n}\n");
    assert_int_equal(f.load.refused, 0);
    const event_schema *event = find(&f, &MESSAGE_GUID, 10);
    const property *p = event->properties;
    assert_int_equal(event->property_count, 3);
    assert_int_equal(p[0].in_type, IN_UINT32);
    assert_int_equal(p[0].map->count, 3);
    assert_false(p[0].map->is_bitmap);
    assert_string_equal(p[0].map->entries[0].text, "Idle");
    assert_int_equal(p[0].map->entries[2].value, 0xffffffffu);
    assert_true(p[1].map->is_bitmap);
    assert_int_equal(p[1].map->entries[1].value, 4);
    assert_string_equal(p[1].map->entries[1].text, "Exec");
    assert_int_equal(p[2].in_type, IN_UINT32);
    assert_null(p[2].map);
    assert_non_null(find(&f, &MESSAGE_GUID, 11));
    done(&f);
}

static void parameter_lines(void **state)
{
    (void)state;
    fixture f = load_message(
        "x", "i--, ItemLong -- 12\n, ItemLong -- 10\n  (a -- b),ItemLong--11\nf(x, Item), ItemPtr -- 13\n");
    const event_schema *event = find(&f, &MESSAGE_GUID, 15);
    assert_int_equal(f.load.refused, 0);
    assert_int_equal(event->property_count, 4); // in the order of their numbers
    assert_string_equal(event->properties[0].name, "arg10");
    assert_string_equal(event->properties[1].name, "(a -- b)");
    assert_string_equal(event->properties[2].name, "i--");
    assert_string_equal(event->properties[3].name, "f(x, Item)");
    assert_int_equal(event->properties[3].in_type, IN_POINTER);
    done(&f);
}

// ---------------------------------------------------------------------------------------------- encodings

static void other_encodings(void **state)
{
    (void)state;
    const char *plain = GUID_LINE "#typev A_c1 10 \"caf\xc3\xa9\"\n{\n}\n";
    fixture f = load_text(plain);
    assert_string_equal(find(&f, &MESSAGE_GUID, 10)->message, "caf\xc3\xa9");
    done(&f);
    f = load_text(GUID_LINE "#typev A_c1 10 \"caf\xe9\"\n{\n}\n"); // Windows-1252
    assert_string_equal(find(&f, &MESSAGE_GUID, 10)->message, "caf\xc3\xa9");
    done(&f);
    u8 wide[1024] = {0xff, 0xfe};
    size_t len = 2;
    for (const char *c = GUID_LINE "#typev A_c1 10 \"wide\"\r\n{\r\n}"; *c; c++, len += 2)
        wide[len] = (u8)*c;
    f = load_bytes(wide, len);
    assert_string_equal(find(&f, &MESSAGE_GUID, 10)->message, "wide");
    done(&f);
}

static void files_are_recognised(void **state)
{
    (void)state;
    const char *text = "// PDB: x\n" GUID_LINE "#typev A_c1 10 \"one\"\n{\n}\n";
    span head = {(const u8 *)text, strlen(text)};
    assert_true(schema_source_tmf.recognise(head, "a.txt"));
    assert_true(schema_source_tmf.recognise((span){(const u8 *)"// PDB: x", 9}, "dir/A.TMF"));
    assert_false(schema_source_tmf.recognise((span){(const u8 *)"// PDB: x", 9}, "a.mof"));
    assert_false(schema_source_tmf.recognise((span){0}, ""));
    static const u8 msf[] = "Microsoft C/C++ MSF 7.00\r\n\x1a"
                            "DS\0\0\0";
    assert_true(schema_source_pdb.recognise((span){msf, 32}, "a.pdb"));
    assert_false(schema_source_pdb.recognise((span){msf, 20}, "a.pdb"));
    assert_false(schema_source_pdb.recognise(head, "a.pdb"));
}

// ---------------------------------------------------------------------------------------------- damage

// `text` stands between two good messages; both are kept, and the damage is named once.
static void expect_damage(const char *text, const char *said)
{
    char all[4096];
    snprintf(all, sizeof(all),
             GUID_LINE "#typev A_c1 10 \"one\"\n{\n}\n%s\n" GUID_LINE "#typev A_c2 11 \"two\"\n{\n}\n", text);
    fixture f = load_text(all);
    assert_true(f.loaded);
    assert_non_null(find(&f, &MESSAGE_GUID, 10));
    assert_non_null(find(&f, &MESSAGE_GUID, 11));
    if (f.load.note_count != 1 || !strstr(f.load.notes[0], said))
        for (u32 i = 0; i < f.load.note_count; i++)
            print_message("%s\n", f.load.notes[i]);
    assert_int_equal(f.load.note_count, 1);
    assert_non_null(strstr(f.load.notes[0], said));
    assert_int_equal(f.load.refused, 1);
    done(&f);
}

static void damage_is_named_once(void **state)
{
    (void)state;
    expect_damage("#typev B_c1 12 \"no brace\"", "message B_c1 (12): no { ");
    expect_damage("#typev B_c1 12 \"no brace\"\nx, ItemLong -- 10", "no { ");
    expect_damage("#typev B_c1 12 \"no end\"\n{\nx, ItemLong -- 10", "no } ");
    expect_damage("#typev B_c1 65536 \"number\"\n{\n}", "bad message number 65536");
    expect_damage("#typev B_c1 x \"number\"\n{\nx, ItemLong -- 10\n}", "bad message number x");
    expect_damage("#typev B_c1 12 open\n{\nx, ItemLong -- 10\n}", "not closed");
    expect_damage("#typev B_c1 12 \"open\n{\nx, ItemLong -- 10\n}", "not closed");
    expect_damage("#typev B_c1 12 \"twice\"\n{\nx, ItemLong -- 10\ny, ItemLong -- 10\n}", "same number");
    expect_damage("#enumv E\n{\nA,0x0\nB\nC,1\n}", "line 8: no name and value");
    expect_damage("#enumv E\n{\nA,0x100000000\n}", "no name and value");
}

static void an_unknown_parameter_ends_the_list(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "y, ItemMystery -- 11\n",  "y ItemLong 11\n",        "y, ItemLong -- 9\n",        "y, ItemLong -- 99999\n",
        "y, ItemListByte -- 11\n", "y, ItemLong(a) -- 11\n", "y, ItemListByte(a -- 11\n", "y, Long -- 11\n",
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        char parameters[256];
        snprintf(parameters, sizeof(parameters), "x, ItemLong -- 10\n%sz, ItemLong -- 12\n", bad[i]);
        fixture f = load_message("%10!d! %11!s! %12!d!", parameters);
        const event_schema *event = find(&f, &MESSAGE_GUID, 15);
        assert_non_null(event);
        assert_int_equal(event->property_count, 1);
        assert_string_equal(event->message, "%1!d! %%11!s! %%12!d!");
        assert_int_equal(f.load.note_count, 1);
        done(&f);
    }
}

static void nothing_usable_is_an_error(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",         "\n",         "hello",         GUID_LINE,     "#typev A_c1 10 \"no GUID\"\n{\n}\n",
        "{",        "}",          "#enumv",        "#typev",      "#typev ",
        "#typev a", "#typev a 1", "#typev a 1 \"", "#type \n\n\n"};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        fixture f = load_text(texts[i]);
        assert_false(f.loaded);
        assert_true(f.e.message[0] != 0);
        assert_int_equal(f.load.events, 0);
        done(&f);
    }
}

static void nuls_and_long_lines(void **state)
{
    (void)state;
    static const char nul[] =
        GUID_LINE "#typev A_c1 10 \"one\"\n{\n}\n#typev B_c1 12 \"\0\"\n{\nx, ItemLong -- 10\n}\n";
    fixture f = load_bytes(nul, sizeof(nul) - 1);
    assert_int_equal(f.load.events, 1);
    assert_int_equal(f.load.note_count, 1);
    assert_non_null(strstr(f.load.notes[0], "line 5 holds NULs"));
    done(&f);

    outbuf b = {0};
    outbuf_text(&b, GUID_LINE "#typev A_c1 10 \"one\"\n{\n}\n#typev B_c1 12 \"");
    for (u32 i = 0; i < LIMIT_TMF_LINE_BYTES; i++)
        outbuf_text(&b, "x");
    outbuf_text(&b, "\"\n{\n}\n");
    f = load_bytes(b.bytes, b.len);
    assert_int_equal(f.load.events, 1);
    assert_int_equal(f.load.note_count, 1);
    assert_non_null(strstr(f.load.notes[0], "over LIMIT_TMF"));
    done(&f);
    outbuf_free(&b);
}

static void limits_hold(void **state)
{
    (void)state;
    outbuf b = {0};
    char line[128];
    outbuf_text(&b, GUID_LINE "#typev A_c1 10 \"%10!d! %4105!d! %4106!d!\"\n{\n");
    for (u32 i = 0; i < LIMIT_PROPERTIES + 1000; i++) {
        snprintf(line, sizeof(line), "a%u, ItemLong -- %u\n", i, i + 10);
        outbuf_text(&b, line);
    }
    outbuf_text(&b, "}\n");
    fixture f = load_bytes(b.bytes, b.len);
    const event_schema *event = find(&f, &MESSAGE_GUID, 10);
    assert_int_equal(event->property_count, LIMIT_PROPERTIES);
    assert_string_equal(event->message, "%1!d! %4096!d! %%4106!d!");
    assert_int_equal(f.load.note_count, 1);
    done(&f);

    // A short text that asks for a long one again and again.
    b.len = 0;
    outbuf_text(&b, GUID_LINE "#typev A_c1 10 \"");
    for (u32 i = 0; i < 2000; i++)
        outbuf_text(&b, "%!FUNC!");
    outbuf_text(&b, "\" // FUNC=");
    for (u32 i = 0; i < 1000; i++)
        outbuf_text(&b, "f");
    outbuf_text(&b, "\n{\n}\n");
    f = load_bytes(b.bytes, b.len);
    event = find(&f, &MESSAGE_GUID, 10);
    assert_int_equal(strlen(event->message), 65000);
    assert_int_equal(f.load.note_count, 1);
    done(&f);

    // More GUIDs than a file may have.
    b.len = 0;
    for (u32 i = 0; i < LIMIT_PROVIDERS_A_FILE + 5; i++) {
        snprintf(line, sizeof(line), "%08x-0000-0000-0000-000000000000 p\n#typev A_c1 10 \"one\"\n{\n}\n", i);
        outbuf_text(&b, line);
    }
    f = load_bytes(b.bytes, b.len);
    assert_int_equal(f.load.providers, LIMIT_PROVIDERS_A_FILE);
    assert_int_equal(f.load.events, LIMIT_PROVIDERS_A_FILE);
    assert_int_equal(f.load.note_count, 1);
    done(&f);
    outbuf_free(&b);
}

// Every truncation and a change of every byte of a good file: nothing but notes may come of it.
static void damaged_files(void **state)
{
    (void)state;
    const char *good = GUID_LINE "#typev A_c1 10 \"%0 [%!FUNC!] %10!s!\" // LEVEL=TRACE_LEVEL_ERROR FUNC=f\n{\n"
                                 "x, ItemListByte(a,b) -- 10\ny, ItemEnum(E) -- 11\n}\n#enumv E\n{\nA,0x0\n}\n";
    size_t len = strlen(good);
    static const u8 changes[] = {0, '%', '"', '\n', '{', '}', ',', '-', '(', ')', 0xff};
    u8 *bytes = mem_alloc(len);
    for (size_t i = 0; i < len; i++) {
        fixture f = load_bytes(good, i);
        done(&f);
        for (size_t j = 0; j < sizeof(changes); j++) {
            memcpy(bytes, good, len);
            bytes[i] = changes[j];
            f = load_bytes(bytes, len);
            assert_true(f.load.events <= 1);
            done(&f);
        }
    }
    mem_free(bytes);
}

// ---------------------------------------------------------------------------------------------- program databases

// One module in pages of 512 bytes: superblock, the directory's page list, the directory, DBI, the module's symbols.
#define SYMBOL(label, kind) " here:" label " u16:@" label ".end-@" label "-2 u16:" kind " "
#define SYMBOL_END(label) " align:4 here:" label ".end "
static const char PDB[] =
    "ascii:Microsoft~C/C++~MSF~7.00 u8:13 u8:10 u8:26 ascii:DS pad:3 u32:512 u32:1 u32:8 u32:32 u32:0 u32:3 to:1536 "
    "u32:4 "
    "to:2048 u32:5 u32:0 u32:0 u32:0 u32:@dbi.end-@dbi u32:@mod.end-@mod u32:5 u32:6 u32:7 to:2560 "
    "here:dbi u32:0xffffffff u32:19990903 u32:1 pad:12 u32:@dbi.end-@mods pad:36 here:mods "
    "pad:34 u16:4 u32:@mod.end-@mod pad:24 cstr:a.obj cstr:a.obj align:4 here:dbi.end to:3072 "
    "here:mod u32:4 " SYMBOL("proc", "0x1110") "u32:0 u32:@proc.last-@mod pad:27 cstr:Enclosing" SYMBOL_END("proc")
        SYMBOL(
            "tmf",
            "0x1019") "u32:0 u16:1 u16:8 cstr:TMF: cstr:01e9b841-7d67-315a-7b92-23b2033356de~BthPS3~//~SRC=L2CAP.c "
                      "cstr:#typev~L2CAP_c7~10~\"%0[%!FUNC!]~%10!d!\"~//~LEVEL=TRACE_LEVEL_ERROR cstr:{ "
                      "cstr:x,~ItemLong~--~10 cstr:} "
                      "cstr:PUBLIC_TMF: cstr:#typev~P_c1~11~\"public\"" SYMBOL_END("tmf") SYMBOL(
                          "named",
                          "0x1019") "u32:0 u16:1 u16:5 cstr:TMF: "
                                    "cstr:01e9b841-7d67-315a-7b92-23b2033356de~BthPS3~//~SRC=b.c "
                                    "cstr:#typev~B_c9~12~\"%!FUNC!~%!FILE!\"~//~FUNC=Own cstr:{ cstr:}" SYMBOL_END(
                                        "named")
                                        SYMBOL(
                                            "tmc",
                                            "0x1019") "u32:0 u16:1 u16:5 cstr:TMC: "
                                                      "cstr:37dcd579-e844-4c80-9c8b-a10850b6fac6 cstr:BthPS3TraceGuid "
                                                      "cstr:TRACE_DRIVER cstr:TRACE_DEVICE" SYMBOL_END("tmc")
                                                          SYMBOL("bad", "0x1019") "u32:0 u16:1 u16:3 cstr:TMC: "
                                                                                  "cstr:nothing cstr:x" SYMBOL_END(
                                                                                      "bad") " here:proc.last u16:2 "
                                                                                             "u16:6 here:mod.end "
                                                                                             "to:4096";

static void annotations_become_events(void **state)
{
    (void)state;
    outbuf file = blob_from(PDB);
    fixture f = {.set = schema_set_new()};
    f.loaded = schema_source_pdb.load(f.set, blob_span(&file), "x.pdb", RANK_USER, &f.load, &f.e);
    outbuf_free(&file);
    assert_string_equal(f.e.message, "");
    assert_true(f.loaded);
    assert_int_equal(f.load.events, 2);
    assert_int_equal(f.load.providers, 2);
    const event_schema *event = find(&f, &MESSAGE_GUID, 10);
    assert_string_equal(event->wpp_function, "Enclosing");
    assert_string_equal(event->wpp_source, "L2CAP.c");
    assert_string_equal(event->message, "[Enclosing] %1!d!");
    assert_int_equal(event->descriptor.level, 2);
    assert_int_equal(event->property_count, 1);
    assert_null(find(&f, &MESSAGE_GUID, 11));
    assert_string_equal(find(&f, &MESSAGE_GUID, 12)->message, "Own b.c");

    guid control;
    assert_true(guid_from_text("37dcd579-e844-4c80-9c8b-a10850b6fac6", 36, &control));
    const provider_schema *p = schema_providers(f.set, &control);
    assert_non_null(p);
    assert_string_equal(p->name, "BthPS3TraceGuid");
    assert_int_equal(p->keywords.count, 2);
    assert_string_equal(schema_find_name(&p->keywords, 2)->name, "TRACE_DEVICE");
    assert_int_equal(f.load.note_count, 1);
    assert_non_null(strstr(f.load.notes[0], "without a control GUID: nothing"));
    done(&f);
}

// ---------------------------------------------------------------------------------------------- shared files

static u8 *file_bytes(const char *path, size_t *len)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return NULL;
    outbuf b = {0};
    size_t got;
    do {
        got = fread(outbuf_reserve(&b, 65536), 1, 65536, file);
        b.len += got;
    } while (got);
    fclose(file);
    *len = b.len;
    outbuf_reserve(&b, 1)[0] = 0;
    return b.bytes;
}

// Lines that start with #typev, and how many different ones; each message is looked up on the way.
static void count_typev(const fixture *f, const char *text, const guid *id, u32 *all, u32 *different)
{
    bool seen[65536] = {false};
    for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
        char tag[256];
        unsigned number;
        if (sscanf(line, "#typev %255s %u", tag, &number) != 2)
            continue;
        ++*all;
        *different += !seen[number];
        seen[number] = true;
        const event_schema *event = find(f, id, (u16)number);
        assert_non_null(event);
        assert_string_equal(event->event_name, tag);
        assert_non_null(event->wpp_function);
        assert_non_null(event->wpp_flags);
        assert_true(event->descriptor.level >= 2 && event->descriptor.level <= 5);
        assert_non_null(event->message);
        assert_null(strstr(event->message, "%%!"));
        assert_null(strstr(event->message, "%0"));
    }
}

static void shared_files(void **state)
{
    (void)state;
    const char *shared = getenv("ETWKIT_SHARED");
    char folder[2048], path[4096];
    snprintf(folder, sizeof(folder), "%s/schemas/tmf", shared ? shared : "../shared");
    DIR *dir = opendir(folder);
    if (!dir) {
        print_message("skipped: no %s\n", folder);
        skip();
        return;
    }
    u32 files = 0, all = 0, different = 0, events = 0, properties = 0;
    for (struct dirent *entry; (entry = readdir(dir));) {
        size_t name_len = strlen(entry->d_name), len = 0;
        guid id;
        if (name_len != 40 || strcmp(entry->d_name + 36, ".tmf") != 0 || !guid_from_text(entry->d_name, 36, &id))
            continue;
        snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        u8 *bytes = file_bytes(path, &len);
        assert_non_null(bytes);
        fixture f = load_bytes(bytes, len);
        assert_true(f.loaded);
        assert_int_equal(f.load.refused, 0);
        assert_int_equal(f.load.providers, 1);
        u32 before = different;
        count_typev(&f, (const char *)bytes, &id, &all, &different);
        assert_int_equal(f.load.events, different - before);
        events += f.load.events;
        const provider_schema *p = schema_providers(f.set, &id);
        for (u32 i = 0; i < p->event_count; i++)
            properties += p->events[i]->property_count;
        files++;
        done(&f);
        mem_free(bytes);
    }
    closedir(dir);
    print_message("%u files, %u #typev lines, %u different, %u events, %u properties\n", files, all, different, events,
                  properties);
    assert_true(files > 0);
    assert_true(all >= different);
    assert_int_equal(events, different);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_becomes_an_event),
        cmocka_unit_test(several_guids_and_the_older_keyword),
        cmocka_unit_test(the_same_message_is_taken_once),
        cmocka_unit_test(keys_of_the_trailing_comment),
        cmocka_unit_test(inserts_are_numbered_from_one),
        cmocka_unit_test(names_become_text),
        cmocka_unit_test(percent_signs_stay),
        cmocka_unit_test(quotes_and_line_breaks),
        cmocka_unit_test(integers_follow_the_conversion),
        cmocka_unit_test(other_types),
        cmocka_unit_test(lists_and_sets_have_maps),
        cmocka_unit_test(enums_come_from_their_tables),
        cmocka_unit_test(parameter_lines),
        cmocka_unit_test(other_encodings),
        cmocka_unit_test(files_are_recognised),
        cmocka_unit_test(damage_is_named_once),
        cmocka_unit_test(an_unknown_parameter_ends_the_list),
        cmocka_unit_test(nothing_usable_is_an_error),
        cmocka_unit_test(nuls_and_long_lines),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(damaged_files),
        cmocka_unit_test(annotations_become_events),
        cmocka_unit_test(shared_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
