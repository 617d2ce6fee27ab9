// Events of the core, written from its text alone and read back: every event whose sizes its text says is decoded to
// its last byte, at both pointer sizes, with each field where it was written, under a build of Windows that has it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/outbuf.h"
#include "decode/classes.h"
#include "schema/core/core_pack.h"
#include "schema/core/schema_core.h"

enum { FIELDS = 256, ELEMENTS = 2 }; // what every field that a length or count refers to holds

typedef struct writer {
    const char *layout; // whole, to see what refers to a field
    bool is_64_bit;
    outbuf payload;
    u32 places[FIELDS], fields; // of top-level fields
    bool plain;                 // one slot each
    bool unknown;               // the size of a field is not said
} writer;

static void put(writer *w, u64 value, u32 bytes)
{
    for (u32 i = 0; i < bytes; i++) {
        u8 byte = (u8)(value >> 8 * i);
        outbuf_add(&w->payload, &byte, 1);
    }
}

static void put_many(writer *w, u8 byte, u32 count)
{
    while (count--)
        outbuf_add(&w->payload, &byte, 1);
}

// A piece of a layout: "type(length):out=map[count] name", the parts that are not there empty.
typedef struct piece {
    char type[64], length[512], count[512], name[512];
    const char *body, *body_end; // of a structure
} piece;

static const char *past_body(const char *at)
{
    u32 depth = 0;
    do {
        depth += *at == '{';
        depth -= *at == '}';
    } while (*at++ && depth);
    return at;
}

static const char *copy_to(char *to, size_t capacity, const char *from, const char *ends)
{
    size_t len = strcspn(from, ends);
    assert_true(len < capacity);
    memcpy(to, from, len);
    to[len] = 0;
    return from + len;
}

// Returns where the next piece begins; NULL: this was the last.
static const char *read_piece(const char *at, const char *end, piece *p)
{
    char ignored[128];
    *p = (piece){0};
    if (*at == '{') {
        p->body = at + 1;
        at = past_body(at);
        p->body_end = at - 1;
    } else {
        at = copy_to(p->type, sizeof(p->type), at, "(:=[ ;}");
    }
    if (*at == '(')
        at = copy_to(p->length, sizeof(p->length), at + 1, ")") + 1;
    if (*at == ':')
        at = copy_to(ignored, sizeof(ignored), at + 1, "=[ ");
    if (*at == '=')
        at = copy_to(ignored, sizeof(ignored), at + 1, "[ ");
    if (*at == '[')
        at = copy_to(p->count, sizeof(p->count), at + 1, "]") + 1;
    if (*at == ' ')
        at = copy_to(p->name, sizeof(p->name), at + 1, ";}");
    return at < end && *at == ';' ? at + 2 : NULL;
}

static bool is_referred_to(const writer *w, const char *name)
{
    char round[520], square[520];
    snprintf(round, sizeof(round), "(%s)", name);
    snprintf(square, sizeof(square), "[%s]", name);
    return *name && (strstr(w->layout, round) || strstr(w->layout, square));
}

static u32 number_or_elements(const char *text)
{
    return *text >= '0' && *text <= '9' ? (u32)atoi(text) : ELEMENTS;
}

static u32 fixed_bytes(const writer *w, const char *type)
{
    static const struct {
        const char *type;
        u8 bytes;
    } SIZES[] = {{"u8", 1},   {"i8", 1},   {"x8", 1},    {"bool8", 1},    {"char", 1},    {"u16", 2},  {"i16", 2},
                 {"x16", 2},  {"port", 2}, {"wchar", 2}, {"u32", 4},      {"i32", 4},     {"x32", 4},  {"hex32", 4},
                 {"bool", 4}, {"ipv4", 4}, {"f32", 4},   {"u64", 8},      {"i64", 8},     {"x64", 8},  {"hex64", 8},
                 {"f64", 8},  {"time", 8}, {"guid", 16}, {"systime", 16}, {"wmitime", 8}, {"ipv6", 16}};
    if (strcmp(type, "ptr") == 0 || strcmp(type, "size_t") == 0)
        return w->is_64_bit ? 8 : 4;
    if (strcmp(type, "padptr") == 0)
        return w->is_64_bit ? 4 : 0;
    for (u32 i = 0; i < COUNT_OF(SIZES); i++)
        if (strcmp(SIZES[i].type, type) == 0)
            return SIZES[i].bytes;
    return 0;
}

static void put_text(writer *w, const piece *p, u32 unit)
{
    u32 len = *p->length ? number_or_elements(p->length) : 3;
    for (u32 i = 0; i < len; i++)
        put(w, 'a' + i % 26, unit);
    if (!*p->length)
        put(w, 0, unit);
}

static void put_counted(writer *w, u32 unit)
{
    put(w, ELEMENTS * unit, 2);
    put_many(w, 'c', ELEMENTS * unit);
}

static void put_fixed(writer *w, u64 value, u32 bytes)
{
    put(w, value, bytes < 8 ? bytes : 8);
    put_many(w, 7, bytes < 8 ? 0 : bytes - 8);
}

static void put_pieces(writer *w, const char *at, const char *end, bool top);

static void put_value(writer *w, const piece *p)
{
    static const u8 SID[12] = {1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0};
    u32 bytes = fixed_bytes(w, p->type);
    if (p->body)
        put_pieces(w, p->body, p->body_end, false);
    else if (bytes && !*p->length)
        put_fixed(w, is_referred_to(w, p->name) ? ELEMENTS : 0x4142434445464748u, bytes);
    else if (strcmp(p->type, "wstr") == 0)
        put_text(w, p, 2);
    else if (strcmp(p->type, "astr") == 0)
        put_text(w, p, 1);
    else if (strcmp(p->type, "cwstr") == 0)
        put_counted(w, 2);
    else if (strcmp(p->type, "castr") == 0 || strcmp(p->type, "cbytes") == 0)
        put_counted(w, 1);
    else if (strcmp(p->type, "sid") == 0)
        outbuf_add(&w->payload, SID, sizeof(SID));
    else if (*p->length) // bytes, addresses
        put_many(w, 9, number_or_elements(p->length));
    else if (strcmp(p->type, "padptr") != 0)
        w->unknown = true;
}

static void put_pieces(writer *w, const char *at, const char *end, bool top)
{
    while (at && at < end) {
        piece p;
        at = read_piece(at, end, &p);
        if (top) {
            assert_true(w->fields < FIELDS);
            w->places[w->fields++] = (u32)w->payload.len;
            w->plain &= !p.body && (!*p.count || fixed_bytes(w, p.type)) && p.type[0] != 'c';
        }
        u32 count = *p.count ? number_or_elements(p.count) : 1;
        for (u32 i = 0; i < count; i++)
            put_value(w, &p);
    }
}

static void write_event(writer *w, const char *layout)
{
    w->layout = layout;
    w->payload.len = w->fields = 0;
    w->plain = true;
    w->unknown = false;
    put_pieces(w, layout, layout + strlen(layout), true);
}

// ---------------------------------------------------------------------------------------------- reading

typedef struct reader {
    core_provider of;
    schema_set *set;
    class_table *classes;
    decoder decoder;
    writer w;
    char layout[8192];
    u32 provider_build, decoded, unknown;
} reader;

static void read_back(reader *r, const event_descriptor *d, u32 build)
{
    event ev = {
        .kind = r->w.is_64_bit ? HEADER_EVENT64 : HEADER_EVENT32, .provider = r->of.id, .is_64_bit = r->w.is_64_bit};
    ev.descriptor = *d;
    u32 index = class_add(r->classes, &ev);
    class_plan(r->classes, index, r->set, build);
    class_decode got;
    class_decode_payload(class_at(r->classes, index), &r->decoder, (span){r->w.payload.bytes, r->w.payload.len}, &got);
    if (got.state != RECORD_DECODED)
        fail_msg("%s %u version %u, build %u, %u-byte pointers, \"%s\": %s", r->of.name, d->id, d->version, build,
                 r->w.is_64_bit ? 8 : 4, r->layout, record_state_name(got.state));
    if (got.values.top_done != r->w.fields)
        fail_msg("%s %u version %u: %u fields of \"%s\"", r->of.name, d->id, d->version, got.values.top_done,
                 r->layout);
    for (u32 i = 0; i < r->w.fields && r->w.plain; i++)
        if (got.values.slots[i].offset != r->w.places[i])
            fail_msg("%s %u version %u, %u-byte pointers: field %u of \"%s\" at %u, not %u", r->of.name, d->id,
                     d->version, r->w.is_64_bit ? 8 : 4, i, r->layout, got.values.slots[i].offset, r->w.places[i]);
}

// What is in a cell of a line as a number: 0 where it is none.
static u32 cell_number(const char *line, u32 cell)
{
    while (cell-- && (line = strchr(line, '\t')) != NULL)
        line++;
    return line ? (u32)atoi(line) : 0;
}

static void read_event(reader *r, const char *line)
{
    enum { OPCODE = 4 };
    unsigned id = 0, version = 0;
    assert_int_equal(sscanf(line, "%u/%u", &id, &version), 2);
    const char *builds = strchr(line, '\t');
    u32 build = builds && builds[1] >= '0' && builds[1] <= '9' ? (u32)atoi(builds + 1) : r->provider_build;
    event_descriptor d = {.id = (u16)id, .version = (u8)version, .opcode = (u8)cell_number(line, OPCODE)};
    for (u32 is_64_bit = 0; is_64_bit < 2; is_64_bit++) {
        r->w.is_64_bit = is_64_bit != 0;
        write_event(&r->w, r->layout);
        if (!r->w.unknown)
            read_back(r, &d, build);
    }
    r->decoded += !r->w.unknown;
    r->unknown += r->w.unknown;
}

static void fetch(void *context, schema_set *set, const guid *id)
{
    (void)context;
    (void)schema_core_fetch(set, id);
}

static void read_provider(reader *r, char *text)
{
    r->set = schema_set_new();
    r->classes = class_table_new(256 << 20);
    schema_set_fetch(r->set, fetch, NULL);
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        if (*line >= '0' && *line <= '9')
            read_event(r, line);
        else if (strncmp(line, "layout", 6) == 0)
            snprintf(r->layout, sizeof(r->layout), "%s", line[6] ? line + 7 : "");
        else if (strncmp(line, "provider", 8) == 0)
            r->provider_build = (u32)atoi(strrchr(line, '\t') + 1);
    }
    class_table_free(r->classes);
    schema_set_free(r->set);
}

static void test_events_are_read_back(void **state)
{
    (void)state;
    reader *r = calloc(1, sizeof(*r));
    assert_non_null(r);
    for (u32 i = 0; i < core_count(); i++) {
        r->of = core_at(i);
        char *text = malloc(r->of.text_bytes + 1);
        assert_non_null(text);
        assert_true(core_text(&r->of, text));
        read_provider(r, text);
        free(text);
    }
    print_message("%u events decoded, %u have fields of unknown size\n", r->decoded, r->unknown);
    assert_true(r->decoded > 70000);
    decoder_free(&r->decoder);
    outbuf_free(&r->w.payload);
    free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_events_are_read_back)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
