// Every line of the kernel table compiles and holds together; sizes are those of real records and of the format
// reference, not of the table.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "container/hook.h"
#include "schema/tables/schema_kernel.h"
#include "schema/model/schema_layout.h"

enum { NO_GROUP = 0x100 };

typedef struct class_line {
    const char *tag;
    u32 group;
    const char *task, *provider;
    guid id;
} class_line;

static const class_line CLASS_LINES[] = {
#define CLASS(tag, group, task, provider, ...) {#tag, group, task, provider, GUID_OF(__VA_ARGS__)},
#include "schema/tables/kernel_events.def"
};

typedef struct event_line {
    const char *tag;
    u32 version;
    const char *opcodes, *layout;
} event_line;

static const event_line EVENT_LINES[] = {
#define EVENT(tag, version, opcodes, layout) {#tag, version, opcodes, layout},
#include "schema/tables/kernel_events.def"
};

static const event_line NAME_LINES[] = {
#define NAMES(tag, opcodes) {#tag, 0, opcodes, NULL},
#include "schema/tables/kernel_events.def"
};

static guid class_of(const char *task)
{
    for (size_t i = 0; i < COUNT_OF(CLASS_LINES); i++)
        if (strcmp(CLASS_LINES[i].task, task) == 0)
            return CLASS_LINES[i].id;
    fail_msg("no class %s", task);
    return (guid){{0}};
}

static void fetch(void *context, schema_set *set, const guid *id)
{
    (void)context;
    (void)schema_kernel_fetch(set, id);
}

static schema_set *set_new(void)
{
    schema_set *set = schema_set_new();
    schema_set_fetch(set, fetch, NULL);
    return set;
}

// The candidates of an event, best first; all of the exact version.
static u32 find(schema_set *set, const char *task, u8 opcode, u8 version, schema_find_result found[8])
{
    guid id = class_of(task);
    event_descriptor descriptor = {.opcode = opcode, .version = version};
    u32 count = schema_find(set, KEY_CLASSIC, &id, &descriptor, 0, found, 8), exact = 0;
    while (exact < count && found[exact].exact)
        exact++;
    return exact;
}

// Bytes of a payload whose strings and counted arrays are empty; UINT32_MAX where a value has no least size of its own.
static u32 fixed_bytes(const event_schema *event, u32 first, u32 count, u32 pointer)
{
    u32 bytes = 0;
    for (u32 i = first; i < first + count; i++) {
        const property *p = &event->properties[i];
        if (p->flags & (PROP_PARAM_COUNT | PROP_PARAM_LENGTH | PROP_COUNT_REST))
            continue;
        if (p->flags & PROP_STRUCT) {
            bytes += p->count * fixed_bytes(event, p->struct_start, p->struct_members, pointer);
            continue;
        }
        i16 size = in_type_find(p->in_type)->bytes;
        u32 each = size < 0 ? pointer : (u32)size;
        if (size == 0)
            each = p->out_type == OUT_IPV6 ? 16u : p->in_type == IN_UNICODE_STRING ? p->length * 2u : p->length;
        bytes += each * p->count;
    }
    return bytes;
}

static void test_lines_compile(void **state)
{
    (void)state;
    arena a = {0};
    for (size_t i = 0; i < COUNT_OF(EVENT_LINES); i++) {
        for (u32 variant = 0; variant < layout_variants(EVENT_LINES[i].layout); variant++) {
            event_schema event = {0};
            error e = {0};
            if (!layout_compile(&a, NULL, EVENT_LINES[i].layout, variant, &event, &e))
                fail_msg("%s: %s", EVENT_LINES[i].tag, e.message);
            assert_true(schema_event_valid(&event, NULL));
            assert_true((event.property_count == 0) == (EVENT_LINES[i].layout[0] == 0));
        }
    }
    arena_free(&a);
}

static void assert_unique(const event_schema *event, u32 first, u32 count)
{
    for (u32 i = first; i < first + count; i++) {
        const property *p = &event->properties[i];
        for (u32 j = first; j < i; j++)
            assert_string_not_equal(p->name, event->properties[j].name);
        if (p->flags & PROP_STRUCT)
            assert_unique(event, p->struct_start, p->struct_members);
    }
}

static void test_names_unique(void **state)
{
    (void)state;
    arena a = {0};
    for (size_t i = 0; i < COUNT_OF(EVENT_LINES); i++) {
        event_schema event = {0};
        assert_true(layout_compile(&a, NULL, EVENT_LINES[i].layout, 0, &event, NULL));
        assert_unique(&event, 0, event.top_count);
    }
    arena_free(&a);
}

// Opcodes of a list into `seen`; a number outside 0..255, a repeated one and a missing colon fail.
static void take_opcodes(const char *list, bool seen[256])
{
    memset(seen, 0, 256 * sizeof(*seen));
    for (;;) {
        char *end;
        unsigned long opcode = strtoul(list, &end, 10);
        if (end == list || opcode > 255 || *end != ':' || seen[opcode])
            fail_msg("opcode list \"%s\"", list);
        seen[opcode] = true;
        const char *next = strstr(end, ", ");
        if (!next)
            return;
        list = next + 2;
    }
}

static void test_versions_ascend(void **state)
{
    (void)state;
    bool seen[256];
    for (size_t c = 0; c < COUNT_OF(CLASS_LINES); c++) {
        u32 last[256] = {0};
        for (size_t i = 0; i < COUNT_OF(EVENT_LINES); i++) {
            if (strcmp(EVENT_LINES[i].tag, CLASS_LINES[c].tag) != 0)
                continue;
            take_opcodes(EVENT_LINES[i].opcodes, seen);
            for (u32 op = 0; op < 256; op++) {
                if (!seen[op])
                    continue;
                if (EVENT_LINES[i].version < last[op])
                    fail_msg("%s opcode %u: version %u after %u", CLASS_LINES[c].tag, op, EVENT_LINES[i].version,
                             last[op]);
                last[op] = EVENT_LINES[i].version;
            }
        }
    }
}

static void test_named_hooks_have_no_layout(void **state)
{
    (void)state;
    bool named[256], laid[256];
    for (size_t n = 0; n < COUNT_OF(NAME_LINES); n++) {
        take_opcodes(NAME_LINES[n].opcodes, named);
        for (size_t i = 0; i < COUNT_OF(EVENT_LINES); i++) {
            if (strcmp(EVENT_LINES[i].tag, NAME_LINES[n].tag) != 0)
                continue;
            take_opcodes(EVENT_LINES[i].opcodes, laid);
            for (u32 op = 0; op < 256; op++)
                assert_false(named[op] && laid[op]);
        }
    }
}

static void test_classes(void **state)
{
    (void)state;
    bool groups[0x1f] = {false};
    for (size_t i = 0; i < COUNT_OF(CLASS_LINES); i++) {
        const class_line *c = &CLASS_LINES[i];
        assert_string_equal(kernel_class_name(&c->id), c->task);
        for (size_t j = 0; j < i; j++)
            assert_false(guid_equal(&c->id, &CLASS_LINES[j].id));
        if (c->group == NO_GROUP)
            continue;
        assert_true(c->group < 0x1f && !groups[c->group]);
        groups[c->group] = true;
        assert_true(guid_equal(hook_class((u16)(c->group << 8)), &c->id));
        assert_string_equal(kernel_group_name((u8)c->group), c->task);
    }
    for (u32 g = 0; g < 0x1f; g++)
        assert_true(groups[g]);
    assert_null(kernel_group_name(0x1f));
    guid unknown = {{1, 2, 3}};
    assert_null(kernel_class_name(&unknown));
    assert_string_equal(kernel_class_name(hook_class(0x030a)), "Image");
}

// Sizes of real records: etl-format 5.4 names those of TcpIp, UdpIp and CPU; the others were counted in traces.
static const struct {
    const char *task;
    u8 opcode, version, pointer;
    u32 bytes;
} SIZES[] = {
    {"TcpIp", 11, 2, 8, 32},
    {"TcpIp", 10, 2, 8, 40},
    {"TcpIp", 15, 2, 8, 48},
    {"TcpIp", 26, 2, 8, 64},
    {"TcpIp", 27, 2, 8, 56},
    {"TcpIp", 31, 2, 8, 72},
    {"TcpIp", 34, 2, 8, 56},
    {"UdpIp", 10, 2, 8, 32},
    {"UdpIp", 27, 2, 8, 56},
    {"SystemConfig", 10, 3, 8, 828},
    {"SystemConfig", 10, 2, 8, 808},
    {"SystemConfig", 11, 2, 8, 568},
    {"SystemConfig", 12, 2, 8, 112},
    {"SystemConfig", 14, 2, 8, 2584},
    {"SystemConfig", 16, 2, 8, 8},
    {"SystemConfig", 17, 2, 8, 16},
    {"SystemConfig", 30, 2, 8, 16},
    {"SystemConfig", 33, 2, 8, 16},
    {"SystemConfig", 35, 2, 8, 428},
    {"SystemConfig", 36, 2, 8, 4},
    {"SystemConfig", 37, 2, 8, 16},
    {"Image", 33, 2, 8, 8},
    {"Process", 11, 2, 8, 4},
    {"Process", 32, 2, 8, 104},
    {"Process", 32, 2, 4, 60},
    {"Thread", 1, 3, 8, 72},
    {"PageFault", 32, 2, 8, 40},
    {"DiskIo", 10, 2, 8, 48},
    {"DiskIo", 10, 3, 8, 52},
    {"DiskIo", 12, 2, 8, 8},
    {"DiskIo", 13, 3, 8, 12},
    {"DiskIo", 14, 2, 8, 24},
    {"DiskIo", 14, 3, 8, 28},
    {"DiskIo", 15, 3, 8, 12},
    {"EventTrace", 5, 2, 8, 36},
    {"EventTrace", 8, 2, 8, 0},
    {"EventTrace", 80, 2, 8, 48},
    {"EventTrace", 0, 2, 8, 0x118},
    {"EventTrace", 0, 2, 4, 0x110},
    {"PerfInfo", 46, 2, 8, 16},
    {"PerfInfo", 73, 2, 8, 12},
    {"StackWalk", 37, 2, 8, 24},
    {"SystemConfigEx", 36, 0, 8, 1352},
    {"SystemConfigEx", 37, 0, 8, 16},
    {"ImageID", 32, 2, 8, 12},
    {"ImageID", 38, 2, 8, 20},
    {"ImageID", 39, 2, 8, 36},
};

static void test_sizes(void **state)
{
    (void)state;
    schema_set *set = set_new();
    for (size_t i = 0; i < COUNT_OF(SIZES); i++) {
        schema_find_result found[8];
        if (!find(set, SIZES[i].task, SIZES[i].opcode, SIZES[i].version, found))
            fail_msg("%s opcode %u version %u is not there", SIZES[i].task, SIZES[i].opcode, SIZES[i].version);
        const event_schema *event = found[0].event;
        u32 bytes = fixed_bytes(event, 0, event->top_count, SIZES[i].pointer);
        if (bytes != SIZES[i].bytes)
            fail_msg("%s opcode %u version %u: %u bytes, not %u", SIZES[i].task, SIZES[i].opcode, SIZES[i].version,
                     bytes, SIZES[i].bytes);
    }
    schema_set_free(set);
}

static void test_process_fields(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        u16 in, out;
    } FIELDS[] = {
        {"UniqueProcessKey", IN_POINTER, OUT_HEX_INT64},
        {"ProcessId", IN_UINT32, OUT_HEX_INT32},
        {"ParentId", IN_UINT32, OUT_HEX_INT32},
        {"SessionId", IN_UINT32, OUT_UNSIGNED_INT},
        {"ExitStatus", IN_INT32, OUT_INT},
        {"DirectoryTableBase", IN_POINTER, OUT_HEX_INT64},
        {"Flags", IN_UINT32, OUT_HEX_INT32},
        {"UserSID", IN_WBEM_SID, OUT_STRING},
        {"ImageFileName", IN_ANSI_STRING, OUT_STRING},
        {"CommandLine", IN_UNICODE_STRING, OUT_STRING},
        {"PackageFullName", IN_UNICODE_STRING, OUT_STRING},
        {"ApplicationId", IN_UNICODE_STRING, OUT_STRING},
    };
    schema_set *set = set_new();
    schema_find_result found[8];
    assert_int_equal(find(set, "Process", 3, 4, found), 1);
    const event_schema *event = found[0].event;
    assert_string_equal(event->task_name, "Process");
    assert_string_equal(event->opcode_name, "DCStart");
    assert_string_equal(event->provider->name, "MSNT_SystemTrace");
    assert_int_equal(event->provider->origin, ORIGIN_KERNEL);
    assert_int_equal(event->property_count, COUNT_OF(FIELDS));
    for (size_t i = 0; i < COUNT_OF(FIELDS); i++) {
        assert_string_equal(event->properties[i].name, FIELDS[i].name);
        assert_int_equal(event->properties[i].in_type, FIELDS[i].in);
        assert_int_equal(event->properties[i].out_type, FIELDS[i].out);
    }
    schema_set_free(set);
}

static void test_find(void **state)
{
    (void)state;
    schema_set *set = set_new();
    schema_find_result found[8];
    // Thread v3 is known without and with the ThreadName that came without a new version.
    assert_int_equal(find(set, "Thread", 1, 3, found), 2);
    assert_int_equal(found[0].event->top_count, 14);
    assert_int_equal(found[1].event->top_count, 15);
    assert_string_equal(found[1].event->properties[14].name, "ThreadName");
    // A version from the future gets the newest known one, and says so.
    assert_int_equal(find(set, "Process", 1, 9, found), 0);
    assert_int_equal(found[0].event->descriptor.version, 4);
    // Names changed with versions.
    assert_int_equal(find(set, "TcpIp", 10, 1, found), 1);
    assert_string_equal(found[0].event->opcode_name, "Send");
    assert_int_equal(find(set, "TcpIp", 10, 2, found), 1);
    assert_string_equal(found[0].event->opcode_name, "SendIPV4");
    guid process = class_of("Process"), none = {{9}};
    assert_string_equal(kernel_opcode_name(set, &process, 36), "Freeze");
    assert_null(kernel_opcode_name(set, &process, 37 + 128));
    assert_false(schema_kernel_fetch(set, &none));
    schema_set_free(set);
}

static void test_layout_forms(void **state)
{
    (void)state;
    arena a = {0};
    event_schema e = {0};
    assert_true(layout_compile(&a, NULL,
                               "u32 Count; {ptr Object; u8 Type; pad3; padptr}[Count] Objects; bytes(Count) Blob; "
                               "wstr(16) Name; u8[5] Reserved; ptr[rest] Stack",
                               0, &e, NULL));
    assert_int_equal(e.top_count, 6);
    assert_int_equal(e.property_count, 10);
    const property *p = e.properties;
    assert_int_equal(p[1].flags, PROP_STRUCT | PROP_PARAM_COUNT);
    assert_int_equal(p[1].count, 0);
    assert_int_equal(p[1].struct_start, 6);
    assert_int_equal(p[1].struct_members, 4);
    assert_int_equal(p[2].flags, PROP_PARAM_LENGTH);
    assert_int_equal(p[2].length, 0);
    assert_int_equal(p[3].flags, PROP_FIXED_LENGTH);
    assert_int_equal(p[3].length, 16);
    assert_int_equal(p[4].flags, PROP_FIXED_COUNT);
    assert_int_equal(p[4].count, 5);
    assert_int_equal(p[5].flags, PROP_COUNT_REST);
    assert_int_equal(p[8].flags, PROP_HIDDEN | PROP_FIXED_LENGTH);
    assert_int_equal(p[8].length, 3);
    assert_int_equal(p[9].length, 4);
    assert_true(layout_compile(&a, NULL, "u32 Flags; padptr; ptr Address", 1, &e, NULL));
    assert_int_equal(e.property_count, 2);
    static const char *const WRONG[] = {
        "u33 A",        "u32",      "u32  A",   "u32 A;u32 B",    "u32[B] A; u32 B",
        "{u32 A",       "u32 A} B", "wstr(4 A", "u32:Nothing A",  "u32=Map A",
        "u32[70000] A", "pad0",     "pad65",    "u32 A; ; u32 B", "{} A",
    };
    for (size_t i = 0; i < COUNT_OF(WRONG); i++) {
        error why = {0};
        if (layout_compile(&a, NULL, WRONG[i], 0, &e, &why))
            fail_msg("\"%s\" compiles", WRONG[i]);
        assert_true(why.message[0] != 0);
    }
    arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_compile),   cmocka_unit_test(test_names_unique),
        cmocka_unit_test(test_versions_ascend), cmocka_unit_test(test_named_hooks_have_no_layout),
        cmocka_unit_test(test_classes),         cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_process_fields),  cmocka_unit_test(test_find),
        cmocka_unit_test(test_layout_forms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
