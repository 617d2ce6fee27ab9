// Every line of the tables of classic events is written as a payload, with and without the alignment it may have, at
// both pointer sizes, and read back as an event of its class: the line, and no other of the same opcode, must give the
// same values.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "decode/classes.h"
#include "decode/render.h"
#include "schema/model/schema_layout.h"
#include "schema/tables/schema_kernel.h"

typedef struct class_line {
    const char *tag;
    guid id;
} class_line;

static const class_line CLASS_LINES[] = {
#define CLASS(tag, group, task, provider, ...) {#tag, GUID_OF(__VA_ARGS__)},
#include "schema/tables/kernel_events.def"
#define CLASS(tag, group, task, provider, ...) {#tag, GUID_OF(__VA_ARGS__)},
#include "schema/tables/classic_events.def"
};

typedef struct event_line {
    const char *tag;
    u8 version;
    const char *opcodes, *layout;
} event_line;

static const event_line EVENT_LINES[] = {
#define EVENT(tag, version, opcodes, layout) {#tag, version, opcodes, layout},
#include "schema/tables/kernel_events.def"
#define EVENT(tag, version, opcodes, layout) {#tag, version, opcodes, layout},
#include "schema/tables/classic_events.def"
};

static const guid *class_guid(const char *tag)
{
    for (size_t i = 0; i < COUNT_OF(CLASS_LINES); i++)
        if (strcmp(CLASS_LINES[i].tag, tag) == 0)
            return &CLASS_LINES[i].id;
    fail_msg("no class %s", tag);
    return NULL;
}

// ---------------------------------------------------------------------------------------------- writing

enum { ELEMENTS = 2 }; // of every counted array

// A payload on its way, and what it must be shown as.
typedef struct writer {
    const event_schema *schema;
    bool is_64_bit;
    u32 seed;
    outbuf payload, shown;
} writer;

static void PRINTF_LIKE(2, 3) show(writer *w, const char *format, ...)
{
    char text[256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    outbuf_text(&w->shown, text);
}

static void put_number(writer *w, u64 value, u32 bytes)
{
    for (u32 i = 0; i < bytes; i++) {
        u8 byte = (u8)(value >> 8 * i);
        outbuf_add(&w->payload, &byte, 1);
    }
}

// A number that all its bytes tell from another, below `limit` bits so that signs and addresses stay plain.
static u64 some_number(writer *w, u32 bytes)
{
    u64 value = 0;
    for (u32 i = 0; i < bytes; i++)
        value = value << 8 | (u8)(0x11 + (w->seed++ * 7) % 0x60);
    return bytes == 8 ? value & 0x00007fffffffffffu : value;
}

// Whether a later property takes its count or length from this one.
static bool counts_others(const event_schema *e, u32 at)
{
    for (u32 i = 0; i < e->property_count; i++)
        if (((e->properties[i].flags & PROP_PARAM_COUNT) && e->properties[i].count == at) ||
            ((e->properties[i].flags & PROP_PARAM_LENGTH) && e->properties[i].length == at))
            return true;
    return false;
}

static void show_hex(writer *w, u64 value)
{
    show(w, "\"0x%llX\"", (unsigned long long)value);
}

static void write_integer(writer *w, const property *p, u32 at, u32 bytes)
{
    u64 value = counts_others(w->schema, at) ? ELEMENTS : some_number(w, bytes);
    put_number(w, value, bytes);
    const u8 *a = w->payload.bytes + w->payload.len - bytes;
    switch (p->out_type) {
    case OUT_HEX_INT8:
    case OUT_HEX_INT16:
    case OUT_HEX_INT32:
    case OUT_HEX_INT64:
    case OUT_NTSTATUS:
        show_hex(w, value);
        break;
    case OUT_BOOLEAN:
        outbuf_text(&w->shown, value ? "true" : "false");
        break;
    case OUT_IPV4:
        show(w, "\"%u.%u.%u.%u\"", a[0], a[1], a[2], a[3]);
        break;
    case OUT_PORT:
        show(w, "%u", a[0] << 8 | a[1]);
        break;
    default:
        show(w, "%llu", (unsigned long long)value);
    }
}

static void write_text(writer *w, const property *p, u32 unit)
{
    bool counted = p->in_type == IN_COUNTED_STRING || p->in_type == IN_COUNTED_ANSI_STRING;
    u32 fixed = p->flags & PROP_FIXED_LENGTH ? p->length : 0, len = fixed && fixed < 4 ? fixed - 1 : 4;
    if (counted)
        put_number(w, (fixed = len) * unit, 2);
    outbuf_text(&w->shown, "\"");
    for (u32 i = 0; i < len; i++) {
        char c = (char)('a' + w->seed++ % 26);
        put_number(w, (u64)c, unit);
        outbuf_add(&w->shown, &c, 1);
    }
    outbuf_text(&w->shown, "\"");
    for (u32 i = len; i < (fixed ? fixed : len + 1); i++)
        put_number(w, 0, unit);
}

static void write_bytes(writer *w, u32 count)
{
    outbuf_text(&w->shown, "\"0x");
    for (u32 i = 0; i < count; i++) {
        u32 byte = (u32)some_number(w, 1);
        put_number(w, byte, 1);
        show(w, "%02X", byte);
    }
    outbuf_text(&w->shown, "\"");
}

// As one chunk that is stored ([MS-XCA] 2.5).
static void write_packed(writer *w, u32 unit)
{
    static const char TEXT[] = "<a/>";
    put_number(w, 0x3000 + (sizeof(TEXT) - 1) * unit - 1, 2);
    for (const char *c = TEXT; *c; c++)
        put_number(w, (u64)*c, unit);
    show(w, "\"%s\"", TEXT);
}

static void write_binary(writer *w, const property *p)
{
    if (p->out_type == OUT_IPV6) {
        static const u8 ADDRESS[16] = {0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7};
        outbuf_add(&w->payload, ADDRESS, sizeof(ADDRESS));
        outbuf_text(&w->shown, "\"2001:db8::7\"");
        return;
    }
    if (p->flags & PROP_LZNT1) {
        write_packed(w, p->out_type == OUT_UTF8 ? 1 : 2);
        return;
    }
    write_bytes(w, p->flags & PROP_FIXED_LENGTH ? p->length : p->flags & PROP_PARAM_LENGTH ? ELEMENTS : 5);
}

static void write_guid(writer *w)
{
    u64 a = some_number(w, 4), b = some_number(w, 2), c = some_number(w, 2);
    put_number(w, a, 4);
    put_number(w, b, 2);
    put_number(w, c, 2);
    show(w, "\"{%08llx-%04llx-%04llx-", (unsigned long long)a, (unsigned long long)b, (unsigned long long)c);
    for (u32 i = 0; i < 8; i++) {
        u32 byte = (u32)some_number(w, 1);
        put_number(w, byte, 1);
        show(w, i == 2 ? "-%02x" : "%02x", byte);
    }
    outbuf_text(&w->shown, "}\"");
}

static void write_sid(writer *w, bool with_token_user)
{
    static const u8 SID[12] = {1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0};
    for (u32 i = 0; with_token_user && i < 2; i++)
        put_number(w, some_number(w, 4) | 1, w->is_64_bit ? 8 : 4);
    outbuf_add(&w->payload, SID, sizeof(SID));
    outbuf_text(&w->shown, "\"S-1-5-18\"");
}

static void write_one(writer *w, u32 at)
{
    const property *p = &w->schema->properties[at];
    i16 bytes = in_type_find(p->in_type)->bytes;
    switch (p->in_type) {
    case IN_UNICODE_STRING:
    case IN_COUNTED_STRING:
        write_text(w, p, 2);
        return;
    case IN_ANSI_STRING:
    case IN_COUNTED_ANSI_STRING:
        write_text(w, p, 1);
        return;
    case IN_BINARY:
        write_binary(w, p);
        return;
    case IN_GUID:
        write_guid(w);
        return;
    case IN_SID:
    case IN_WBEM_SID:
        write_sid(w, p->in_type == IN_WBEM_SID);
        return;
    case IN_FILETIME:
        put_number(w, 0x01d30000b0000000u, 8); // 131,448,817,076,666,368 units of 100 ns after the start of 1601
        outbuf_text(&w->shown, "\"2017-07-18T20:01:47.666636800Z\"");
        return;
    case IN_POINTER:
    case IN_SIZE_T: {
        u64 value = some_number(w, w->is_64_bit ? 8 : 4);
        put_number(w, value, w->is_64_bit ? 8 : 4);
        show_hex(w, value);
        return;
    }
    default:
        assert_true(bytes > 0);
        write_integer(w, p, at, (u32)bytes);
    }
}

static void write_property(writer *w, u32 at);

static void write_members(writer *w, const property *p)
{
    outbuf_text(&w->shown, "{");
    for (u32 i = 0; i < p->struct_members; i++)
        write_property(w, p->struct_start + i);
    outbuf_text(&w->shown, "}");
}

static void write_value(writer *w, u32 at)
{
    const property *p = &w->schema->properties[at];
    if (p->flags & PROP_STRUCT)
        write_members(w, p);
    else
        write_one(w, at);
}

static void write_array(writer *w, u32 at)
{
    const property *p = &w->schema->properties[at];
    u32 count = p->flags & PROP_FIXED_COUNT ? p->count : ELEMENTS;
    outbuf_text(&w->shown, "[");
    for (u32 i = 0; i < count; i++) {
        outbuf_text(&w->shown, i ? "," : "");
        write_value(w, at);
    }
    outbuf_text(&w->shown, "]");
}

static void write_property(writer *w, u32 at)
{
    const property *p = &w->schema->properties[at];
    size_t shown = w->shown.len;
    show(w, "%s\"%s\":", w->shown.bytes[shown - 1] == '{' ? "" : ",", p->name);
    bool rest = (p->flags & PROP_COUNT_REST) && p->in_type != IN_BINARY;
    if ((p->flags & PROP_64_BIT_ONLY) && w->is_64_bit)
        put_number(w, 0, p->length);
    else if (p->flags & PROP_64_BIT_ONLY)
        assert_true(p->flags & PROP_HIDDEN);
    else if ((p->flags & (PROP_FIXED_COUNT | PROP_PARAM_COUNT)) || rest)
        write_array(w, at);
    else
        write_value(w, at);
    if (p->flags & PROP_HIDDEN)
        w->shown.len = shown;
}

static void write_event(writer *w)
{
    w->payload.len = w->shown.len = 0;
    outbuf_text(&w->shown, "{");
    for (u32 i = 0; i < w->schema->top_count; i++)
        write_property(w, i);
    outbuf_text(&w->shown, "}");
}

// ---------------------------------------------------------------------------------------------- reading

static void fetch(void *context, schema_set *set, const guid *id)
{
    (void)context;
    (void)schema_kernel_fetch(set, id);
}

typedef struct reader {
    schema_set *set;
    decoder decoder;
    outbuf data;
    u32 read;
} reader;

static void fail_line(const event_line *line, u8 opcode, const writer *w, const char *why)
{
    fail_msg("%s %u version %u, %u-byte pointers, \"%s\": %s, not %s", line->tag, opcode, line->version,
             w->is_64_bit ? 8 : 4, line->layout, why, (const char *)w->shown.bytes);
}

static void read_back(reader *r, const event_line *line, u8 opcode, const writer *w)
{
    event ev = {.kind = HEADER_FULL64, .provider = *class_guid(line->tag), .classic = true, .is_64_bit = w->is_64_bit};
    ev.descriptor.version = line->version;
    ev.descriptor.opcode = opcode;
    class_table *classes = class_table_new(LIMIT_CLASS_BYTES);
    u32 index = class_add(classes, &ev);
    class_table_plan(classes, r->set, 0);
    const event_class *cls = class_at(classes, index);
    class_decode got;
    span payload = {w->payload.bytes, w->payload.len};
    class_decode_payload(cls, &r->decoder, payload, &got);
    if (got.state != RECORD_DECODED ||
        (got.plan->inflates && !decoder_inflate(&r->decoder, got.plan, &payload, &got.values)))
        fail_line(line, opcode, w, record_state_name(got.state));
    record rec = {.event = &ev,
                  .cls = cls,
                  .plan = got.plan,
                  .slots = got.values.slots,
                  .slot_count = got.values.slot_count,
                  .top_done = got.values.top_done,
                  .payload = payload};
    r->data.len = 0;
    render_data_json(&r->data, &rec);
    outbuf_add(&r->data, "", 1);
    if (strcmp((const char *)r->data.bytes, (const char *)w->shown.bytes) != 0)
        fail_line(line, opcode, w, (const char *)r->data.bytes);
    assert_true(!got.plan->has_pointer || got.plan->is_64_bit == w->is_64_bit);
    class_table_free(classes);
    r->read++;
}

static void read_line(reader *r, const event_line *line, const event_schema *schema, bool is_64_bit)
{
    writer w = {.schema = schema, .is_64_bit = is_64_bit, .seed = (u32)(line - EVENT_LINES)};
    write_event(&w);
    outbuf_add(&w.shown, "", 1);
    for (const char *at = line->opcodes; *at;) {
        char *end;
        u8 opcode = (u8)strtoul(at, &end, 10);
        read_back(r, line, opcode, &w);
        at = strchr(end, ',') ? strchr(end, ',') + 2 : "";
    }
    outbuf_free(&w.payload);
    outbuf_free(&w.shown);
}

static void test_every_line(void **state)
{
    (void)state;
    arena a = {0};
    reader r = {.set = schema_set_new()};
    schema_set_fetch(r.set, fetch, NULL);
    for (size_t i = 0; i < COUNT_OF(EVENT_LINES); i++) {
        const event_line *line = &EVENT_LINES[i];
        for (u32 variant = 0; variant < layout_variants(line->layout); variant++) {
            event_schema schema = {0};
            assert_true(layout_compile(&a, NULL, line->layout, variant, &schema, NULL));
            read_line(&r, line, &schema, false);
            read_line(&r, line, &schema, true);
        }
    }
    print_message("%u payloads read back\n", r.read);
    assert_true(r.read > 1500);
    decoder_free(&r.decoder);
    outbuf_free(&r.data);
    schema_set_free(r.set);
    arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_line)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
