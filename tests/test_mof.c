// MOF text: what classes, qualifiers and CIM types become (learn.microsoft.com, "Event Tracing MOF Qualifiers"), what
// broken and hostile text comes to, and the real files at hand counted a second way.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/os.h"
#include "base/outbuf.h"
#include "schema/model/schema.h"

extern const schema_source schema_source_mof;

#define PROVIDER "a0000000-0000-0000-0000-000000000001"
#define EVENTS "b0000000-0000-0000-0000-000000000002"

// The three levels of classes every provider has; fields of the event class follow.
#define HEAD                                                                                                           \
    "#pragma namespace(\"root\\\\wmi\")\n"                                                                             \
    "[Dynamic, Description(\"The shop\") : amended, Guid(\"{" PROVIDER "}\")]\n"                                       \
    "class Shop : EventTrace { [Values{\"a\"}, ValueMap{\"0x1\"}] uint32 Flags; };\n"                                  \
    "[Dynamic, Guid(\"{" EVENTS "}\"), EventVersion(3), DisplayName(\"Order\") : amended ToSubClass]\n"                \
    "class Order_V3 : Shop {};\n"

#define EVENT(fields)                                                                                                  \
    HEAD "[Dynamic, EventType{1, 2}, EventTypeName{\"Placed\", \"Paid\"} : amended]\nclass Order_Type : Order_V3 "     \
         "{\n" fields "};\n"

typedef struct loaded {
    schema_set *set;
    schema_load load;
    error e;
    bool ok;
} loaded;

static loaded load_bytes(const void *bytes, size_t len)
{
    loaded l = {.set = schema_set_new()};
    l.ok = schema_source_mof.load(l.set, (span){bytes, len}, "case.mof", RANK_USER, &l.load, &l.e);
    return l;
}

static loaded load_text(const char *text)
{
    return load_bytes(text, strlen(text));
}

static void done(loaded *l)
{
    schema_load_free(&l->load);
    schema_set_free(l->set);
}

static const event_schema *find(const loaded *l, const char *id, u8 opcode, u8 version)
{
    guid g;
    assert_true(guid_from_text(id, strlen(id), &g));
    schema_find_result found;
    event_descriptor d = {.opcode = opcode, .version = version};
    return schema_find(l->set, KEY_CLASSIC, &g, &d, 0, &found, 1) && found.exact ? found.event : NULL;
}

static void classes_and_what_they_inherit(void **state)
{
    (void)state;
    loaded l = load_text(EVENT("[WmiDataId(2)] uint32 Second;\n[WmiDataId(1)] uint16 First;\n uint8 NotInPayload;\n"));
    assert_true(l.ok);
    assert_int_equal(l.load.refused, 0);
    assert_int_equal(l.load.providers, 1);
    assert_int_equal(l.load.events, 2);
    const event_schema *paid = find(&l, EVENTS, 2, 3);
    assert_non_null(paid);
    assert_null(find(&l, EVENTS, 3, 3));
    assert_int_equal(paid->key, KEY_CLASSIC);
    assert_string_equal(paid->task_name, "Order");
    assert_string_equal(paid->opcode_name, "Paid");
    assert_string_equal(paid->provider->name, "Shop");
    assert_int_equal(paid->provider->origin, ORIGIN_MOF);
    char id[GUID_TEXT];
    assert_string_equal(guid_to_text(&paid->provider->id, id), PROVIDER);
    // In the order of WmiDataId, not of the text; properties without one are no part of the payload.
    assert_int_equal(paid->top_count, 2);
    assert_string_equal(paid->properties[0].name, "First");
    assert_int_equal(paid->properties[0].in_type, IN_UINT16);
    assert_string_equal(paid->properties[1].name, "Second");
    done(&l);
}

static void fields_of_a_base_class(void **state)
{
    (void)state;
    loaded l = load_text(HEAD "class Common : Order_V3 { [WmiDataId(1)] uint32 Id; [WmiDataId(2)] uint8 Old; };\n"
                              "[EventType(7), EventTypeName(\"Sent\")] class Sent : COMMON "
                              "{ [WmiDataId(2)] uint16 New; [WmiDataId(3)] uint64 More; };");
    const event_schema *sent = find(&l, EVENTS, 7, 3);
    assert_non_null(sent);
    assert_int_equal(sent->top_count, 3);
    assert_string_equal(sent->properties[0].name, "Id");
    assert_string_equal(sent->properties[1].name, "New");
    assert_string_equal(sent->properties[2].name, "More");
    done(&l);
}

// A class that carries the GUID and the events itself has no other provider.
static void a_provider_of_its_own(void **state)
{
    (void)state;
    loaded l = load_text("[Guid(\"{" EVENTS "}\"), EventType(5)] class Alone { [WmiDataId(1)] uint8 A; };");
    const event_schema *event = find(&l, EVENTS, 5, 0);
    assert_non_null(event);
    assert_string_equal(event->task_name, "Alone");
    assert_null(event->opcode_name);
    char id[GUID_TEXT];
    assert_string_equal(guid_to_text(&event->provider->id, id), EVENTS);
    done(&l);
}

typedef struct expected {
    const char *field; // its declaration without WmiDataId
    u16 in, out;
    u32 flags;
    u16 count, length;
} expected;

static const expected TYPES[] = {
    {"[@] uint8 F;", IN_UINT8, OUT_UNSIGNED_BYTE, 0, 1, 0},
    {"[@] sint16 F;", IN_INT16, OUT_SHORT, 0, 1, 0},
    {"[@, format(\"x\")] uint32 F;", IN_UINT32, OUT_HEX_INT32, 0, 1, 0},
    {"[@, format(\"x\")] uint64 F;", IN_UINT64, OUT_HEX_INT64, 0, 1, 0},
    {"[@, format(\"c\")] uint8 F;", IN_UINT8, OUT_STRING, 0, 1, 0},
    {"[@] real64 F;", IN_DOUBLE, OUT_DOUBLE, 0, 1, 0},
    {"[@] boolean F;", IN_BOOLEAN, OUT_BOOLEAN, 0, 1, 0},
    {"[@, pointer] uint32 F;", IN_POINTER, OUT_HEX_INT64, 0, 1, 0},
    {"[@, PointerType] uint32 F;", IN_POINTER, OUT_HEX_INT64, 0, 1, 0},
    {"[@] string F;", IN_ANSI_STRING, OUT_STRING, 0, 1, 0},
    {"[@, StringTermination(\"NullTerminated\"), format(\"w\")] string F;", IN_UNICODE_STRING, OUT_STRING, 0, 1, 0},
    {"[@, StringTermination(\"Counted\")] string F;", IN_MOF_COUNTED_ANSI_STRING, OUT_STRING, 0, 1, 0},
    {"[@, StringTermination(\"Counted\"), Format(\"w\")] string F;", IN_MOF_COUNTED_STRING, OUT_STRING, 0, 1, 0},
    {"[@, StringTermination(\"ReverseCounted\"), format(\"w\")] string F;", IN_REVERSED_COUNTED_STRING, OUT_STRING, 0,
     1, 0},
    {"[@, StringTermination(\"NotCounted\")] string F;", IN_REST_ANSI_STRING, OUT_STRING, 0, 1, 0},
    {"[@, StringTermination(\"NotCounted\"), format(\"w\")] string F;", IN_REST_STRING, OUT_STRING, 0, 1, 0},
    {"[@, extension(\"Guid\")] object F;", IN_GUID, OUT_GUID, 0, 1, 0},
    {"[@, extension(\"Port\")] object F;", IN_UINT16, OUT_PORT, 0, 1, 0},
    {"[@, extension(\"IPAddr\")] object F;", IN_UINT32, OUT_IPV4, 0, 1, 0},
    {"[@, extension(\"IPAddrV6\")] object F;", IN_BINARY, OUT_IPV6, PROP_FIXED_LENGTH, 1, 16},
    {"[@, extension(\"Sid\")] object F;", IN_WBEM_SID, OUT_STRING, 0, 1, 0},
    {"[@, extension(\"SizeT\"), format(\"x\")] object F;", IN_SIZE_T, OUT_HEX_INT64, 0, 1, 0},
    {"[@, extension(\"WmiTime\")] object F;", IN_UINT64, OUT_ETW_TIME, 0, 1, 0},
    {"[@, extension(\"RString\")] object F;", IN_ANSI_STRING, OUT_REDUCED_STRING, 0, 1, 0},
    {"[@, extension(\"RWString\")] object F;", IN_UNICODE_STRING, OUT_REDUCED_STRING, 0, 1, 0},
    {"[@, extension(\"Variant\")] object F;", IN_HEX_DUMP, OUT_HEX_BINARY, 0, 1, 0},
    {"[@] char16 F[32];", IN_UNICODE_STRING, OUT_STRING, PROP_FIXED_LENGTH, 1, 32},
    {"[@, MAX(8)] char16 F[];", IN_UNICODE_STRING, OUT_STRING, PROP_FIXED_LENGTH, 1, 8},
    {"[@, format(\"s\")] uint8 F[12];", IN_ANSI_STRING, OUT_STRING, PROP_FIXED_LENGTH, 1, 12},
    {"[@, extension(\"NoPrint\")] uint8 F[176];", IN_BINARY, OUT_HEX_BINARY, PROP_FIXED_LENGTH, 1, 176},
    {"[@] uint32 F[3];", IN_UINT32, OUT_UNSIGNED_INT, PROP_FIXED_COUNT, 3, 0},
    {"[@] uint32 F[];", IN_UINT32, OUT_UNSIGNED_INT, PROP_COUNT_REST, 1, 0},
    {"[@, WmiSizeIs(\"Before\")] uint32 F[];", IN_UINT32, OUT_UNSIGNED_INT, PROP_PARAM_COUNT, 0, 0},
};

static void every_type(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(TYPES); i++) {
        const expected *x = &TYPES[i];
        char text[2048];
        const char *mark = strchr(x->field, '@');
        snprintf(text, sizeof(text), EVENT("[WmiDataId(1)] uint16 Before;\n%.*sWmiDataId(2)%s\n"),
                 (int)(mark - x->field), x->field, mark + 1);
        loaded l = load_text(text);
        const event_schema *event = find(&l, EVENTS, 1, 3);
        assert_non_null(event);
        assert_int_equal(event->top_count, 2);
        const property *p = &event->properties[1];
        if (p->in_type != x->in || p->out_type != x->out || p->flags != x->flags || p->count != x->count ||
            p->length != x->length)
            fail_msg("%s: in %u out %u flags 0x%x count %u length %u", x->field, p->in_type, p->out_type, p->flags,
                     p->count, p->length);
        assert_int_equal(l.load.refused, 0);
        done(&l);
    }
}

// Kernel structures hold a BOOLEAN, one byte.
static void booleans_of_the_kernel(void **state)
{
    (void)state;
    loaded l = load_text("[Guid(\"{9e814aad-3204-11d2-9a82-006008a86939}\")] class MSNT_SystemTrace : EventTrace {};\n"
                         "[Guid(\"{" EVENTS "}\"), EventVersion(2)] class Thing : MSNT_SystemTrace {};\n"
                         "[EventType(61)] class Thing_A : Thing { [WmiDataId(1)] boolean B; };");
    const event_schema *event = find(&l, EVENTS, 61, 2);
    assert_non_null(event);
    assert_int_equal(event->properties[0].in_type, IN_UINT8);
    assert_int_equal(event->properties[0].out_type, OUT_BOOLEAN);
    done(&l);
}

static void maps(void **state)
{
    (void)state;
    loaded l = load_text(EVENT(
        "[WmiDataId(1), Values{\"Zero\", \"One\"}] uint8 A;\n"
        "[WmiDataId(2), ValueMap{\"0x10\", \"32\"}, Values{\"Six\" \"teen\", \"Thirty-two\"} : amended] uint32 B;\n"
        "[WmiDataId(3), ValueMap{\"0x1\", \"0x4\"}, Values{\"Low\", \"High\"}, ValueType(\"flag\")] uint32 C;\n"
        "[WmiDataId(4), BitMap{\"0\", \"5\"}, BitValues{\"First\", \"Sixth\"}] uint16 D;\n"
        "[WmiDataId(5), BitValues{\"First\", \"Second\"}] uint16 E;\n"));
    assert_int_equal(l.load.maps, 5);
    const event_schema *event = find(&l, EVENTS, 1, 3);
    assert_non_null(event);
    static const struct {
        bool bits;
        u32 value[2];
        const char *first;
    } WANT[] = {
        {false, {0, 1}, "Zero"},  {false, {16, 32}, "Sixteen"}, {true, {1, 4}, "Low"},
        {true, {1, 32}, "First"}, {true, {1, 2}, "First"},
    };
    for (size_t i = 0; i < COUNT_OF(WANT); i++) {
        const value_map *map = event->properties[i].map;
        assert_non_null(map);
        assert_int_equal(map->is_bitmap, WANT[i].bits);
        assert_int_equal(map->count, 2);
        assert_int_equal(map->entries[0].value, WANT[i].value[0]);
        assert_int_equal(map->entries[1].value, WANT[i].value[1]);
        assert_string_equal(map->entries[0].text, WANT[i].first);
    }
    // The provider that uses them owns them: there is no other description in the set.
    assert_int_equal(event->provider->map_count, 5);
    u32 at = 0;
    assert_ptr_equal(schema_each(l.set, &at), event->provider);
    assert_null(schema_each(l.set, &at));
    done(&l);
}

static void words_between(void **state)
{
    (void)state;
    loaded l = load_text("/* a comment with [brackets] and \"quotes */ // another \"\n"
                         "Qualifier Pointer : boolean = false, Scope(property);\n"
                         "instance of Thing { Name = \"class Fake { };\"; };\n" EVENT(
                             "[WmiDataId(1), Description(\"a \\\"b\\\" ] ; }\") : amended, read] uint32 A = 5;\n"
                             "[WmiDataId(2)] Thing ref B;\n"));
    const event_schema *event = find(&l, EVENTS, 1, 3);
    assert_non_null(event);
    assert_string_equal(event->properties[0].name, "A");
    assert_int_equal(event->top_count, 1); // a reference has no size: it is told and ends the payload
    assert_int_equal(l.load.refused, 1);
    done(&l);
}

static void sixteen_bit_text(void **state)
{
    (void)state;
    static const char TEXT[] = EVENT("[WmiDataId(1)] uint32 A;\n");
    u8 wide[2 * sizeof(TEXT)] = {0xff, 0xfe};
    for (size_t i = 0; i < sizeof(TEXT) - 1; i++)
        wide[2 + i * 2] = (u8)TEXT[i];
    assert_true(schema_source_mof.recognise((span){wide, sizeof(wide)}, "x.MOF"));
    loaded l = load_bytes(wide, sizeof(wide));
    assert_non_null(find(&l, EVENTS, 1, 3));
    done(&l);
}

// ---------------------------------------------------------------------------------------------- broken text

static void broken_parts_are_told(void **state)
{
    (void)state;
    loaded l = load_text(EVENT(
        "[WmiDataId(1)] uint32 A;\n[WmiDataId(2)] object What;\n[WmiDataId(3)] uint32 C;\n") "[EventType(300)] class "
                                                                                             "Big : Order_V3 {};\n"
                                                                                             "[Guid(\"{nonsense}\"), "
                                                                                             "EventType(1)] class "
                                                                                             "NoGuid {};\n"
                                                                                             "class Order_V3 : Shop "
                                                                                             "{};\n"
                                                                                             "[EventType(9)] class "
                                                                                             "Twice : Order_V3 { "
                                                                                             "[WmiDataId(1)] uint8 A; "
                                                                                             "[WmiDataId(1)] uint8 B; "
                                                                                             "};");
    const event_schema *event = find(&l, EVENTS, 1, 3);
    assert_non_null(event);
    assert_int_equal(event->top_count, 1); // nothing after a field of unknown size can be found
    assert_non_null(find(&l, EVENTS, 9, 3));
    assert_int_equal(find(&l, EVENTS, 9, 3)->top_count, 1);
    assert_int_equal(l.load.refused, 5);
    done(&l);
}

static void classes_too_far_down_are_told(void **state)
{
    (void)state;
    outbuf text = {0};
    outbuf_text(&text, HEAD);
    for (u32 i = 0; i < LIMIT_MOF_DEPTH + 2; i++) {
        char line[120], base[16] = "Order_V3";
        if (i)
            snprintf(base, sizeof(base), "Deep%u", i - 1);
        snprintf(line, sizeof(line), "[EventType(%u)] class Deep%u : %s {};\n", i + 10, i, base);
        outbuf_text(&text, line);
    }
    outbuf_add(&text, "", 1);
    loaded l = load_text((const char *)text.bytes);
    assert_in_range(l.load.refused, 1, 4);
    done(&l);
    outbuf_free(&text);
}

static void refused_with_a_sentence(const void *text, size_t len)
{
    loaded l = load_bytes(text, len);
    assert_false(l.ok);
    assert_true(strlen(l.e.message) > 10);
    done(&l);
}

static void no_classes_at_all(void **state)
{
    (void)state;
    refused_with_a_sentence("", 0);
    refused_with_a_sentence("class", 5);
    refused_with_a_sentence("class A : A { }; class B : C {}; class C : B {};", 48);
    refused_with_a_sentence("[EventType(1)] class A : B {}; [EventType(2)] class B : A {};", 62);
    refused_with_a_sentence("\0\0\0\0[[[[", 8);
}

// Every beginning of a text with all kinds of tokens ends in an answer.
static void every_prefix(void **state)
{
    (void)state;
    static const char TEXT[] =
        EVENT("[WmiDataId(1), Values{\"a\" \"b\"}, BitMap{1}] uint32 A[3] = {1};\n/* c */ [x(\"\\\"\")] string S;\n");
    for (size_t len = 0; len < sizeof(TEXT); len++) {
        loaded l = load_bytes(TEXT, len);
        done(&l);
    }
}

// Repeats a piece of text to some megabytes between a beginning and an end: bounded in time and memory.
static void large(const char *head, const char *piece, const char *tail)
{
    outbuf b = {0};
    size_t each = strlen(piece);
    outbuf_text(&b, head);
    for (size_t i = 0; i < (4u << 20) / each; i++)
        outbuf_text(&b, piece);
    outbuf_text(&b, tail);
    double start = os_seconds();
    loaded l = load_bytes(b.bytes, b.len);
    assert_true(os_seconds() - start < 20);
    assert_true(schema_arena(l.set)->taken < 256u << 20);
    done(&l);
    outbuf_free(&b);
}

static void much_of_everything(void **state)
{
    (void)state;
    large("", "class A{};", "");
    large("", "[EventType{1,2,3,4,5,6,7,8,9,10},Guid(\"{" EVENTS "}\")]class A{};", "");
    large("[Guid(\"{" EVENTS "}\"),EventType(1)]class A{", "[WmiDataId(1)]uint8 A;", "};");
    large("[Description(", "\"a\"", ")] class A {};");
    large("[Values{", "\"a\",", "}] class A {};");
    large("", "[", "");
    large("class A ", "{", "");
    large("class A {", "[a(", "");
    large("", "class A:A{", "");
    large("", "\"", "");
    large("", "/*", "");
}

static void a_file_over_the_limit(void **state)
{
    (void)state;
    u8 *text = mem_zeroed(1, LIMIT_MOF_BYTES + 1);
    refused_with_a_sentence(text, LIMIT_MOF_BYTES + 1);
    mem_free(text);
}

// ---------------------------------------------------------------------------------------------- real files

// Counted by a script over the text: the values of all EventType qualifiers; Values and BitValues of fields with a
// WmiDataId.
static const struct {
    const char *file;
    u32 events, maps;
} REAL[] = {
    {"ASPNetTraceEventParser.mof", 65, 0},
    {"kerneltraceeventparser.mof", 256, 0},
    {"w3core.mof", 234, 23},
};

static void shared_files(void **state)
{
    (void)state;
    const char *shared = getenv("ETWKIT_SHARED");
    for (size_t i = 0; i < COUNT_OF(REAL); i++) {
        char path[1024];
        snprintf(path, sizeof(path), "%s/schemas/perfview/%s", shared ? shared : "../shared", REAL[i].file);
        size_t len;
        u8 *bytes;
        error e = {0};
        if (!os_read_whole(path, 1 << 20, &bytes, &len, &e)) {
            print_message("skipped: no %s\n", path);
            skip();
        }
        loaded l = load_bytes(bytes, len);
        assert_int_equal(l.load.events, REAL[i].events);
        assert_int_equal(l.load.maps, REAL[i].maps);
        assert_int_equal(l.load.refused, 0);
        done(&l);
        mem_free(bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classes_and_what_they_inherit),
        cmocka_unit_test(fields_of_a_base_class),
        cmocka_unit_test(a_provider_of_its_own),
        cmocka_unit_test(every_type),
        cmocka_unit_test(booleans_of_the_kernel),
        cmocka_unit_test(maps),
        cmocka_unit_test(words_between),
        cmocka_unit_test(sixteen_bit_text),
        cmocka_unit_test(broken_parts_are_told),
        cmocka_unit_test(classes_too_far_down_are_told),
        cmocka_unit_test(no_classes_at_all),
        cmocka_unit_test(every_prefix),
        cmocka_unit_test(much_of_everything),
        cmocka_unit_test(a_file_over_the_limit),
        cmocka_unit_test(shared_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
