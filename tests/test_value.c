// Typed values: every kind from hand-made bytes, structs and arrays walked and found by path, and what is shown of
// them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "decode/render.h"
#include "decode/value.h"

typedef struct world {
    arena arena;
    event_schema schema;
    provider_schema provider;
    decoder decoder;
    record rec;
    outbuf text;
} world;

static world *make(const property *properties, u16 count, u16 top, const void *bytes, size_t len)
{
    world *w = mem_zeroed(1, sizeof(*w));
    w->schema =
        (event_schema){.provider = &w->provider, .properties = properties, .property_count = count, .top_count = top};
    error e = {0};
    w->rec.plan = plan_compile(&w->arena, &w->schema, true, &e);
    if (!w->rec.plan)
        fail_msg("%s", e.message);
    w->rec.payload = (span){bytes, len};
    decoded d;
    decode_run(&w->decoder, w->rec.plan, w->rec.payload, &d);
    w->rec.slots = d.slots;
    w->rec.slot_count = d.slot_count;
    w->rec.top_done = d.top_done;
    return w;
}

static void drop(world *w)
{
    decoder_free(&w->decoder);
    outbuf_free(&w->text);
    arena_free(&w->arena);
    mem_free(w);
}

static void check_text(world *w, const typed_value *v, const char *want)
{
    w->text.len = 0;
    render_text(&w->text, v);
    outbuf_add(&w->text, "", 1);
    assert_string_equal(w->text.bytes, want);
}

static void check_json(world *w, const typed_value *v, const char *want)
{
    w->text.len = 0;
    pen at = {&w->text, 0};
    outbuf_written(&w->text, render_value_json(&at, pen_start(&at), v, ESCAPE_JSON));
    outbuf_add(&w->text, "", 1);
    assert_string_equal(w->text.bytes, want);
}

static typed_value at_path(const world *w, const char *path)
{
    typed_value v;
    record_value(&w->rec, path, &v);
    return v;
}

// ---------------------------------------------------------------------------------------------- kinds

static const map_entry COLOURS[] = {{1, "red"}, {2, "green"}};
static const value_map COLOUR_MAP = {.name = "Colours", .entries = COLOURS, .count = 2};

// One field of an in and out type over bytes; its value.
static typed_value single(world **w, u16 in, u16 out, u16 length, const value_map *map, const void *bytes, size_t len)
{
    static property p;
    p = (property){.name = "V",
                   .in_type = in,
                   .out_type = out,
                   .count = 1,
                   .length = length,
                   .flags = length ? PROP_FIXED_LENGTH : 0,
                   .map = map};
    *w = make(&p, 1, 1, bytes, len);
    typed_value v;
    record_field(&(*w)->rec, 0, &v);
    return v;
}

static void numbers(void **state)
{
    (void)state;
    static const struct {
        u16 in, out;
        u8 bytes[8], len;
        value_kind kind;
        u64 number;
        const char *text;
    } ROWS[] = {
        {IN_UINT8, 0, {200}, 1, VALUE_UNSIGNED, 200, "200"},
        {IN_UINT16, 0, {1, 2}, 2, VALUE_UNSIGNED, 0x201, "513"},
        {IN_UINT32, OUT_HEX_INT32, {0x12, 0, 0, 0x80}, 4, VALUE_UNSIGNED, 0x80000012, "0x80000012"},
        {IN_UINT64, 0, {255, 255, 255, 255, 255, 255, 255, 255}, 8, VALUE_UNSIGNED, UINT64_MAX, "18446744073709551615"},
        {IN_POINTER, 0, {1, 0, 0, 0, 0, 0, 0, 0x80}, 8, VALUE_UNSIGNED, 0x8000000000000001, "0x8000000000000001"},
        {IN_INT8, 0, {0xfe}, 1, VALUE_SIGNED, (u64)-2, "-2"},
        {IN_INT16, 0, {0xfe, 0xff}, 2, VALUE_SIGNED, (u64)-2, "-2"},
        {IN_INT32, 0, {0xfb, 0xff, 0xff, 0xff}, 4, VALUE_SIGNED, (u64)-5, "-5"},
        {IN_INT64, 0, {0, 0, 0, 0, 0, 0, 0, 0x80}, 8, VALUE_SIGNED, 1ull << 63, "-9223372036854775808"},
        {IN_BOOLEAN, 0, {0, 2, 0, 0}, 4, VALUE_BOOL, 1, "true"},
        {IN_UINT8, OUT_BOOLEAN, {0}, 1, VALUE_BOOL, 0, "false"},
        {IN_UINT16, OUT_PORT, {0x01, 0xbb}, 2, VALUE_UNSIGNED, 443, "443"},
        {IN_UINT32, OUT_NTSTATUS, {0x22, 0, 0, 0xc0}, 4, VALUE_UNSIGNED, 0xc0000022, "0xC0000022"},
        {IN_FILETIME,
         0,
         {0, 0x80, 0x3e, 0xd5, 0xde, 0xb1, 0x9d, 1},
         8,
         VALUE_TIME,
         116444736000000000,
         "1970-01-01T00:00:00.000000000Z"},
    };
    for (size_t i = 0; i < COUNT_OF(ROWS); i++) {
        world *w;
        typed_value v = single(&w, ROWS[i].in, ROWS[i].out, 0, NULL, ROWS[i].bytes, ROWS[i].len);
        assert_int_equal(v.kind, ROWS[i].kind);
        assert_true(value_is_integer(&v));
        assert_true(v.number == ROWS[i].number);
        check_text(w, &v, ROWS[i].text);
        assert_null(value_name(&v));
        drop(w);
    }
}

static void reals(void **state)
{
    (void)state;
    world *w;
    typed_value v = single(&w, IN_FLOAT, 0, 0, NULL, "\0\0\xc0\xbf", 4);
    assert_int_equal(v.kind, VALUE_FLOAT);
    assert_true(v.real == -1.5);
    drop(w);
    v = single(&w, IN_DOUBLE, 0, 0, NULL, "\0\0\0\0\0\0\xf8\x3f", 8);
    assert_true(v.real == 1.5);
    check_json(w, &v, "1.500000");
    drop(w);
}

static void check_bytes(const typed_value *v, value_kind kind, const void *bytes, size_t len)
{
    assert_int_equal(v->kind, kind);
    assert_int_equal(v->bytes.len, len);
    assert_memory_equal(v->bytes.at, bytes, len);
}

static void texts(void **state)
{
    (void)state;
    world *w;
    typed_value v = single(&w, IN_UNICODE_STRING, 0, 0, NULL, "a\0b\0\0\0", 6);
    check_bytes(&v, VALUE_TEXT, "a\0b", 4);
    assert_int_equal(v.encoding, TEXT_UTF16);
    check_json(w, &v, "\"ab\"");
    drop(w);
    v = single(&w, IN_UNICODE_STRING, 0, 3, NULL, "a\0\0\0\0", 6); // NULs of a fixed length are no text
    check_bytes(&v, VALUE_TEXT, "a", 2);
    drop(w);
    v = single(&w, IN_ANSI_STRING, 0, 4, NULL, "\xe9x\0", 4);
    check_bytes(&v, VALUE_TEXT, "\xe9x", 2);
    assert_int_equal(v.encoding, TEXT_ANSI);
    check_text(w, &v, "\xc3\xa9x");
    drop(w);
    v = single(&w, IN_ANSI_STRING, OUT_UTF8, 0, NULL, "\xc3\xa9", 3);
    check_bytes(&v, VALUE_TEXT, "\xc3\xa9", 2);
    assert_int_equal(v.encoding, TEXT_UTF8);
    drop(w);
    v = single(&w, IN_UINT16, OUT_STRING, 0, NULL, "A", 2);
    check_bytes(&v, VALUE_TEXT, "A", 2);
    assert_int_equal(v.encoding, TEXT_UTF16);
    drop(w);
    v = single(&w, IN_NULL, 0, 0, NULL, "", 0);
    check_bytes(&v, VALUE_TEXT, "", 0);
    drop(w);
}

static void bytes_and_addresses(void **state)
{
    (void)state;
    static const u8 ID[] = {0x33, 0x22, 0x11, 0x00, 0x55, 0x44, 0x77, 0x66, 1, 2, 3, 4, 5, 6, 7, 8};
    static const u8 SYSTEM[] = {1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0};
    world *w;
    typed_value v = single(&w, IN_GUID, 0, 0, NULL, ID, 16);
    check_bytes(&v, VALUE_GUID, ID, 16);
    check_text(w, &v, "{00112233-4455-6677-0102-030405060708}");
    drop(w);
    v = single(&w, IN_SID, 0, 0, NULL, SYSTEM, 12);
    check_bytes(&v, VALUE_SID, SYSTEM, 12);
    check_text(w, &v, "S-1-5-18");
    drop(w);
    v = single(&w, IN_UINT32, OUT_IPV4, 0, NULL, "\x0a\0\0\x01", 4);
    check_bytes(&v, VALUE_IPV4, "\x0a\0\0\x01", 4);
    assert_false(value_is_integer(&v));
    check_text(w, &v, "10.0.0.1");
    drop(w);
    v = single(&w, IN_BINARY, OUT_IPV6, 0, NULL, ID, 16);
    check_bytes(&v, VALUE_IPV6, ID, 16);
    drop(w);
    v = single(&w, IN_BINARY, OUT_SOCKET_ADDRESS, 0, NULL, "\2\0\0\x50\x7f\0\0\x01\0\0\0\0\0\0\0", 16);
    assert_int_equal(v.kind, VALUE_SOCKADDR);
    check_text(w, &v, "127.0.0.1:80");
    drop(w);
    v = single(&w, IN_BINARY, 0, 2, NULL, "\x3e\xaf", 2);
    check_bytes(&v, VALUE_BYTES, "\x3e\xaf", 2);
    check_text(w, &v, "0x3EAF");
    drop(w);
    v = single(&w, IN_SYSTEMTIME, 0, 0, NULL, ID, 16);
    check_bytes(&v, VALUE_SYSTEMTIME, ID, 16);
    drop(w);
}

// The number stays a number, whatever it is called.
static void named_values(void **state)
{
    (void)state;
    world *w;
    typed_value v = single(&w, IN_UINT16, 0, 0, &COLOUR_MAP, "\2", 2);
    assert_int_equal(v.kind, VALUE_UNSIGNED);
    assert_int_equal(v.number, 2);
    assert_string_equal(value_name(&v), "green");
    check_text(w, &v, "green");
    drop(w);
    v = single(&w, IN_UINT16, 0, 0, &COLOUR_MAP, "\3", 2);
    assert_int_equal(v.number, 3);
    assert_null(value_name(&v));
    check_text(w, &v, "3");
    drop(w);
}

// ---------------------------------------------------------------------------------------------- structs and arrays

#define U8(text)                                                                                                       \
    {                                                                                                                  \
        .name = text, .in_type = IN_UINT8, .count = 1                                                                  \
    }
#define STRUCT(text, start, members, more, n)                                                                          \
    {                                                                                                                  \
        .name = text, .flags = PROP_STRUCT | (more), .count = n, .struct_start = start, .struct_members = members      \
    }

static const property NESTED[] = {
    U8("Count"),                                                                            // 0
    STRUCT("Items", 7, 2, PROP_PARAM_COUNT, 0),                                             // 1
    {.name = "Names", .flags = PROP_FIXED_COUNT, .in_type = IN_UNICODE_STRING, .count = 2}, // 2
    {.name = "Ports", .flags = PROP_FIXED_COUNT, .in_type = IN_UINT16, .count = 2},         // 3
    STRUCT("Outer", 9, 3, 0, 1),                                                            // 4
    {.name = "Pad", .flags = PROP_HIDDEN, .in_type = IN_UINT8, .count = 1},                 // 5
    U8("Last.Of.All"),                                                                      // 6
    U8("Id"),                                                                               // 7
    {.name = "Text", .in_type = IN_ANSI_STRING, .count = 1},                                // 8
    U8("A"),                                                                                // 9
    STRUCT("Inner", 12, 2, 0, 1),                                                           // 10
    {.name = "Fill", .flags = PROP_HIDDEN, .in_type = IN_UINT8, .count = 1},                // 11
    U8("B"),                                                                                // 12
    {.name = "Cs", .flags = PROP_FIXED_COUNT, .in_type = IN_UINT8, .count = 3},             // 13
};

static const char PAYLOAD[] = "\2"             // Count
                              "\7one\0\10\0"   // Items
                              "x\0\0\0y\0\0\0" // Names
                              "\x50\0\xbb\1"   // Ports
                              "\1\2\3\4\5\6"   // A, B, Cs, Fill
                              "\0\11";         // Pad, Last.Of.All

static world *nested(size_t len)
{
    return make(NESTED, COUNT_OF(NESTED), 7, PAYLOAD, len);
}

static void walks_in_schema_order(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        value_kind kind;
        const char *json;
    } WANT[] = {
        {"Count", VALUE_UNSIGNED, "2"},
        {"Items", VALUE_ARRAY, "[{\"Id\":7,\"Text\":\"one\"},{\"Id\":8,\"Text\":\"\"}]"},
        {"Names", VALUE_ARRAY, "[\"x\",\"y\"]"},
        {"Ports", VALUE_ARRAY, "[80,443]"},
        {"Outer", VALUE_STRUCT, "{\"A\":1,\"Inner\":{\"B\":2,\"Cs\":[3,4,5]}}"},
        {"Last.Of.All", VALUE_UNSIGNED, "9"},
    };
    world *w = nested(sizeof(PAYLOAD) - 1);
    typed_value data, v, e;
    record_data(&w->rec, &data);
    assert_int_equal(data.kind, VALUE_STRUCT);
    size_t n = 0;
    for (value_walk walk = value_members(&data); value_next(&walk, &v); n++) {
        assert_string_equal(v.field->name, WANT[n].name);
        assert_int_equal(v.kind, WANT[n].kind);
        check_json(w, &v, WANT[n].json);
    }
    assert_int_equal(n, COUNT_OF(WANT));

    v = at_path(w, "Items");
    assert_int_equal(v.count, 2);
    value_walk items = value_members(&v);
    assert_true(value_next(&items, &e));
    check_json(w, &e, "{\"Id\":7,\"Text\":\"one\"}");
    assert_true(value_next(&items, &e));
    value_walk members = value_members(&e);
    assert_true(value_next(&members, &v));
    assert_int_equal(v.number, 8);
    assert_true(value_next(&members, &v));
    assert_string_equal(v.field->name, "Text");
    assert_false(value_next(&members, &v));
    assert_false(value_next(&items, &e));

    value_walk none = value_members(&v); // a text has no members
    assert_false(value_next(&none, &e));
    v = at_path(w, "Names");
    check_text(w, &v, "x,y");
    drop(w);
}

static void check_number(const world *w, const char *path, u64 want)
{
    typed_value v = at_path(w, path);
    assert_int_equal(v.kind, VALUE_UNSIGNED);
    assert_int_equal(v.number, want);
}

static void found_by_path(void **state)
{
    (void)state;
    world *w = nested(sizeof(PAYLOAD) - 1);
    check_number(w, "Count", 2);
    check_number(w, "Outer.A", 1);
    check_number(w, "Outer.Inner.B", 2);
    check_number(w, "Last.Of.All", 9);
    check_number(w, "Pad", 0); // not shown, but there
    check_number(w, "Outer.Fill", 6);
    typed_value v = at_path(w, "Outer.Inner.Cs");
    assert_int_equal(v.kind, VALUE_ARRAY);
    assert_int_equal(v.count, 3);
    assert_int_equal(at_path(w, "Outer.Inner").kind, VALUE_STRUCT);
    assert_int_equal(at_path(w, "Items.Id").kind, VALUE_NULL); // more than one
    value_path path;
    static const char *const NOWHERE[] = {"", "count", "Count.A", "Outer.", "Outer.B", "Last", "Last.Of", "Items.Id.X"};
    for (size_t i = 0; i < COUNT_OF(NOWHERE); i++)
        assert_false(value_path_find(w->rec.plan, NOWHERE[i], &path));
    assert_true(value_path_find(w->rec.plan, "Items.Id", &path));
    assert_true(path.repeats && !path.has_place);
    assert_true(value_path_find(w->rec.plan, "Count", &path));
    assert_true(path.has_place && !path.repeats && path.place == 0);
    drop(w);
}

typedef struct seen {
    u64 numbers[8];
    u32 count, stop_at;
} seen;

static bool note_number(void *context, const typed_value *v)
{
    seen *s = context;
    s->numbers[s->count++] = v->kind == VALUE_NULL ? UINT64_MAX : v->number;
    return s->count == s->stop_at;
}

static seen each(const world *w, const char *text, u32 stop_at)
{
    value_path path;
    assert_true(value_path_find(w->rec.plan, text, &path));
    seen s = {.stop_at = stop_at};
    assert_true(value_any(&w->rec, &path, note_number, &s) == (stop_at != 0 && s.count == stop_at));
    return s;
}

static void arrays_are_taken_element_by_element(void **state)
{
    (void)state;
    world *w = nested(sizeof(PAYLOAD) - 1);
    seen s = each(w, "Items.Id", 0);
    assert_int_equal(s.count, 2);
    assert_int_equal(s.numbers[0], 7);
    assert_int_equal(s.numbers[1], 8);
    s = each(w, "Ports", 0);
    assert_int_equal(s.count, 2);
    assert_int_equal(s.numbers[1], 443);
    s = each(w, "Ports", 1); // the first one ends it
    assert_int_equal(s.count, 1);
    s = each(w, "Outer.Inner.Cs", 0);
    assert_int_equal(s.count, 3);
    s = each(w, "Outer.A", 0);
    assert_int_equal(s.count, 1);
    drop(w);
}

// Members after structs without arrays have a place of their own.
static void places(void **state)
{
    (void)state;
    static const property P[] = {
        STRUCT("S", 3, 2, 0, 1),
        {.name = "T", .flags = PROP_FIXED_COUNT, .in_type = IN_UINT16, .count = 2},
        U8("End"),
        U8("X"),
        STRUCT("U", 5, 1, 0, 1),
        U8("Y"),
    };
    world *w = make(P, COUNT_OF(P), 3, "\1\2\3\0\4\0\5", 7);
    static const struct {
        const char *path;
        u32 place, number;
    } WANT[] = {{"S.X", 0, 1}, {"S.U.Y", 1, 2}, {"End", 3, 5}};
    for (size_t i = 0; i < COUNT_OF(WANT); i++) {
        value_path path;
        assert_true(value_path_find(w->rec.plan, WANT[i].path, &path));
        assert_true(path.has_place);
        assert_int_equal(path.place, WANT[i].place);
        check_number(w, WANT[i].path, WANT[i].number);
    }
    drop(w);
}

// A payload that ends early has the values before its end, and nothing of the field it ends in.
static void short_payloads(void **state)
{
    (void)state;
    world *w = nested(9); // the second name has no byte left: it is an empty text, and the ports are missing
    typed_value data, v;
    record_data(&w->rec, &data);
    u32 n = 0;
    for (value_walk walk = value_members(&data); value_next(&walk, &v);)
        n++;
    assert_int_equal(n, w->rec.top_done);
    assert_true(n < 6);
    assert_int_equal(at_path(w, "Ports").kind, VALUE_NULL);
    assert_int_equal(at_path(w, "Outer.A").kind, VALUE_NULL);
    seen s = each(w, "Ports", 0);
    assert_int_equal(s.count, 1);
    assert_true(s.numbers[0] == UINT64_MAX);
    drop(w);
    record raw = {0};
    record_data(&raw, &data);
    assert_int_equal(data.kind, VALUE_NULL);
    record_value(&raw, "Count", &v);
    assert_int_equal(v.kind, VALUE_NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers),       cmocka_unit_test(reals),
        cmocka_unit_test(texts),         cmocka_unit_test(bytes_and_addresses),
        cmocka_unit_test(named_values),  cmocka_unit_test(walks_in_schema_order),
        cmocka_unit_test(found_by_path), cmocka_unit_test(arrays_are_taken_element_by_element),
        cmocka_unit_test(places),        cmocka_unit_test(short_payloads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
