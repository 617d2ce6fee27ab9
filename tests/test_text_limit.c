// However a trace is made, one record's text and what is in memory of all of them stay bounded: names that many
// properties share, and slices whose records are long.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <sys/resource.h>

#include "decode/decode.h"
#include "etl_build.h"
#include "program.h"

// So many properties of one name without a value: 16 MB of JSON from an empty payload.
static void names_are_bounded(void **state)
{
    (void)state;
    static property properties[LIMIT_PROPERTIES];
    static char name[LIMIT_NAME_BYTES + 1];
    memset(name, 'x', LIMIT_NAME_BYTES);
    for (u32 i = 0; i < LIMIT_PROPERTIES; i++)
        properties[i] = (property){.name = name, .in_type = IN_NULL, .count = 1};
    event_schema schema = {.properties = properties};
    arena a = {0};
    decoder d = {0};
    decoded out;
    schema.property_count = schema.top_count = 100;
    const plan *few = plan_compile(&a, &schema, true, NULL);
    assert_int_equal(decode_run(&d, few, (span){0}, &out), FIT_EXACT);
    assert_int_equal(d.cut, 0);
    schema.property_count = schema.top_count = LIMIT_PROPERTIES;
    const plan *many = plan_compile(&a, &schema, true, NULL);
    assert_int_equal(decode_run(&d, many, (span){0}, &out), FIT_SHORT);
    assert_int_equal(out.top_done, 0);
    assert_int_equal(out.slot_count, 0);
    assert_int_equal(d.cut, 1);
    assert_in_range(many->data_bound, 0, LIMIT_RECORD_TEXT + 1);
    decoder_free(&d);
    arena_free(&a);
}

// A map of long names in every field of a schema is fitted to their width once.
static void maps_are_fitted_once(void **state)
{
    (void)state;
    enum { ENTRIES = 4096 };
    static property properties[LIMIT_PROPERTIES];
    static map_entry entries[ENTRIES];
    for (u32 i = 0; i < ENTRIES; i++)
        entries[i] = (map_entry){i, "text"};
    value_map names = {.name = "map", .entries = entries, .count = ENTRIES};
    for (u32 i = 0; i < LIMIT_PROPERTIES; i++)
        properties[i] = (property){.name = "A", .in_type = IN_UINT32, .count = 1, .map = &names};
    event_schema schema = {.properties = properties, .property_count = LIMIT_PROPERTIES, .top_count = LIMIT_PROPERTIES};
    arena a = {0};
    const plan *p = plan_compile(&a, &schema, true, NULL);
    assert_ptr_equal(p->fields[0].map, p->fields[LIMIT_PROPERTIES - 1].map);
    assert_in_range(a.taken, 0, 4 << 20);
    arena_free(&a);
}

// ---------------------------------------------------------------------------------------------- whole traces

enum { ELEMENTS = 50000, EVENTS = 300 };

// Each event is an array of structs with one byte each: some 900 KB as JSON.
static void write_trace(const char *path)
{
    etl_trace trace = etl_trace_default();
    trace.buffer_size = 8 << 20;
    outbuf file = {0}, metadata = {0};
    etl_buffer buffer = etl_buffer_default();
    buffer.size = trace.buffer_size;
    buffer.type = ETL_TYPE_HEADER;
    etl_trace_put(&buffer.records, &trace);
    etl_buffer_put(&file, &buffer);
    buffer.type = 0;
    buffer.records.len = 0;
    put_u16(&metadata, 0);
    put_u8(&metadata, 0);
    outbuf_add(&metadata, "E\0S\0\xd8\1ELEMENT_OF_IT\0\4", 21); // S: a counted array of structs of one member
    set_u16(metadata.bytes, (u16)metadata.len);
    for (u32 i = 0; i < EVENTS; i++) {
        etl_event ev = {.kind = ETL_EVENT, .bits = 64, .time = trace.first_tick + 1 + i, .channel = 11};
        etl_event_extend(&ev, 11, metadata.bytes, metadata.len);
        put_u16(&ev.payload, ELEMENTS);
        put_fill(&ev.payload, (u8)i, ELEMENTS);
        assert_true(etl_event_put(&buffer.records, &ev, NULL));
        etl_event_free(&ev);
        if (i % 150 == 149) {
            buffer.sequence++;
            etl_buffer_put(&file, &buffer);
            buffer.records.len = 0;
        }
    }
    bytes_save(path, file.bytes, file.len);
    outbuf_free(&file);
    outbuf_free(&metadata);
    outbuf_free(&buffer.records);
}

static void allow_address_space(u64 bytes)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_AS, &limit), 0);
    limit.rlim_cur = bytes ? bytes : limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_AS, &limit), 0);
}

// Their text is 270 MB, a slice of 512 events; the program may take less for everything.
static void long_slices_are_written_in_parts(void **state)
{
    (void)state;
    program p;
    char trace[512], one[512], more[512];
    outbuf a = {0}, b = {0};
    program_begin(&p);
    write_trace(program_path(&p, "long.etl", trace));
    program_path(&p, "1.jsonl", one);
    program_path(&p, "4.jsonl", more);
    if (!SANITIZED)
        allow_address_space(200 << 20);
    const char *single[] = {"convert", "--no-hash", "--cache", "none", "-j1", trace, "-o", one, NULL};
    (void)program_run(&p, single);
    allow_address_space(0);
    assert_int_equal(p.code, 0);
    const char *several[] = {"convert", "--no-hash", "--cache", "none", "-j4", trace, "-o", more, NULL};
    assert_int_equal(program_run(&p, several), 0);
    bytes_load(one, &a);
    bytes_load(more, &b);
    assert_int_equal(program_lines(&a), EVENTS + 1);
    assert_int_equal(a.len, b.len);
    assert_true(memcmp(a.bytes, b.bytes, a.len) == 0);
    assert_true(a.len > (u64)EVENTS * ELEMENTS * 15);
    assert_null(strstr((char *)p.err.bytes, "LIMIT"));
    outbuf_free(&a);
    outbuf_free(&b);
    program_end(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_bounded),
        cmocka_unit_test(maps_are_fitted_once),
        cmocka_unit_test(long_slices_are_written_in_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
