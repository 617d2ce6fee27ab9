// The table of event classes: what is one class, what happens at its limits, and that a trace with more classes than a
// scanning thread remembers reads alike with any number of threads.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "decode/classes.h"
#include "etl_build.h"
#include "program.h"

enum { METADATA = 60000 }; // bytes of the long ones

static event event_of(u16 id, span metadata)
{
    return (event){.kind = HEADER_EVENT64, .is_64_bit = true, .descriptor.id = id, .schema_tl = metadata};
}

static void finds_what_was_added(void **state)
{
    (void)state;
    class_table *t = class_table_new(LIMIT_CLASS_BYTES);
    u8 metadata[64] = "a name and its fields";
    for (u16 id = 0; id < 1000; id++) {
        event ev = event_of(id, (span){metadata, id % 2 ? 40 : 0});
        assert_int_equal(class_find(t, &ev), CLASS_NONE);
        assert_int_equal(class_add(t, &ev), id);
        assert_int_equal(class_add(t, &ev), id);
    }
    // One byte anywhere in the metadata makes another class.
    for (u32 at = 0; at < 40; at++) {
        metadata[at] ^= 1;
        event ev = event_of(1, (span){metadata, 40});
        assert_int_equal(class_add(t, &ev), 1000 + at);
        metadata[at] ^= 1;
    }
    event ev = event_of(1, (span){metadata, 40});
    assert_int_equal(class_find(t, &ev), 1);
    class_table_free(t);
}

static void stops_at_its_bytes(void **state)
{
    (void)state;
    static u8 metadata[METADATA];
    class_table *t = class_table_new(1 << 20);
    u32 added = 0;
    for (u16 id = 0; id < 100; id++) {
        event ev = event_of(id, (span){metadata, sizeof(metadata)});
        u32 cls = class_add(t, &ev);
        assert_true(cls == id || cls == CLASS_NONE);
        added += cls != CLASS_NONE;
        assert_int_equal(class_find(t, &ev), cls);
    }
    assert_in_range(added, (1 << 19) / METADATA - 2, (1 << 19) / METADATA); // the other half is for plans
    class_table_free(t);
}

static void leaves_without_plans_what_finds_no_bytes(void **state)
{
    (void)state;
    // A hundred fields make a plan of some KiB.
    enum { FIELDS = 100, CLASSES = 100 };
    outbuf metadata = {0};
    put_u16(&metadata, 0);
    put_u8(&metadata, 0); // no tags
    outbuf_add(&metadata, "E", 2);
    for (u32 i = 0; i < FIELDS; i++) {
        char name[3] = {(char)('a' + i / 26), (char)('a' + i % 26)};
        outbuf_add(&metadata, name, 3);
        put_u8(&metadata, 4); // u8
    }
    set_u16(metadata.bytes, (u16)metadata.len);
    schema_set *set = schema_set_new();
    class_table *t = class_table_new(256 << 10);
    for (u16 id = 0; id < CLASSES; id++) {
        event ev = event_of(id, (span){metadata.bytes, metadata.len});
        assert_int_equal(class_add(t, &ev), id);
    }
    class_table_plan(t, set, 0);
    u32 unplanned = 0;
    for (u32 i = 0; i < CLASSES; i++)
        unplanned += class_at(t, i)->plan_count == 0;
    assert_in_range(unplanned, 1, CLASSES - 1);
    assert_int_equal(class_unplanned(t), unplanned);
    assert_int_equal(class_at(t, CLASSES - 1)->origin, ORIGIN_NONE);
    class_table_free(t);
    schema_set_free(set);
    outbuf_free(&metadata);
}

// ---------------------------------------------------------------------------------------------- whole traces

// Events whose metadata names one class each, `classes` of them, `rounds` times, a few to a buffer.
static void write_trace(const char *path, u32 classes, u32 rounds)
{
    etl_trace trace = etl_trace_default();
    trace.buffer_size = 128 << 10;
    outbuf file = {0}, metadata = {0};
    etl_buffer buffer = etl_buffer_default();
    buffer.size = trace.buffer_size;
    buffer.type = ETL_TYPE_HEADER;
    etl_trace_put(&buffer.records, &trace);
    etl_buffer_put(&file, &buffer);
    buffer.type = 0;
    buffer.records.len = 0;
    for (u32 i = 0; i < classes * rounds; i++) {
        etl_event ev = {.kind = ETL_EVENT,
                        .bits = 64,
                        .time = trace.first_tick + 1 + i,
                        .channel = 11,
                        .event_id = (u16)(i % classes)};
        metadata.len = 0;
        put_u16(&metadata, METADATA);
        put_u8(&metadata, 0);
        put_fill(&metadata, 'A', METADATA - 3);
        snprintf((char *)metadata.bytes + METADATA - 12, 12, "%011u", i % classes);
        etl_event_extend(&ev, 11, metadata.bytes, metadata.len);
        assert_true(etl_event_put(&buffer.records, &ev, NULL));
        if (i % 2) {
            buffer.sequence++;
            etl_buffer_put(&file, &buffer);
            buffer.records.len = 0;
        }
        etl_event_free(&ev);
    }
    bytes_save(path, file.bytes, file.len);
    outbuf_free(&file);
    outbuf_free(&metadata);
    outbuf_free(&buffer.records);
}

static void reads_alike_beyond_what_a_thread_remembers(void **state)
{
    (void)state;
    enum { CLASSES = LIMIT_SCAN_CLASS_BYTES / METADATA + 50 };
    program p;
    char trace[512];
    outbuf one = {0};
    program_begin(&p);
    write_trace(program_path(&p, "many.etl", trace), CLASSES, 2);
    static const char *const THREADS[] = {"1", "2", "4"};
    for (u32 i = 0; i < COUNT_OF(THREADS); i++) {
        const char *args[] = {"info", "--json", "--no-hash", "--cache", "none", "-j", THREADS[i], trace, NULL};
        assert_int_equal(program_run(&p, args), 0);
        if (i == 0)
            outbuf_add(&one, p.out.bytes, p.out.len);
        assert_int_equal(one.len, p.out.len);
        assert_memory_equal(one.bytes, p.out.bytes, one.len);
    }
    outbuf_add(&one, "", 1);
    u32 classes = 0;
    for (const char *at = (char *)one.bytes; (at = strstr(at, "\"event_id\":")); at++)
        classes++;
    assert_int_equal(classes, CLASSES + 1); // and the trace header
    assert_null(strstr((char *)one.bytes, "LIMIT_"));
    outbuf_free(&one);
    program_end(&p);
}

static void names_the_limit_it_reached(void **state)
{
    (void)state;
    enum { CLASSES = LIMIT_CLASS_BYTES / METADATA + 10 };
    static const char *const FORMATS[] = {"csv",    "json",       "jsonl",    "sqlite", "parquet", "timesketch",
                                          "l2tcsv", "ecs",        "otel",     "text",   "etl",     "pcapng",
                                          "folded", "speedscope", "perfetto", "null"};
    program p;
    char trace[512];
    program_begin(&p);
    write_trace(program_path(&p, "more.etl", trace), CLASSES, 1);
    const char *args[] = {"info", "--no-hash", "--cache", "none", trace, NULL};
    assert_int_equal(program_run(&p, args), 0);
    assert_non_null(strstr((char *)p.err.bytes, "LIMIT_CLASS_BYTES"));
    for (u32 i = 0; i < COUNT_OF(FORMATS); i++) {
        const char *convert[] = {"convert", "--no-hash", "--cache", "none",   "--force", trace,
                                 "-f",      FORMATS[i],  "-o",      "{}/out", NULL};
        assert_int_equal(program_run(&p, convert), 0);
        assert_non_null(strstr((char *)p.err.bytes, "LIMIT_CLASS_BYTES"));
    }
    const char *lines[] = {"convert", "-q", "--no-hash", "--cache", "none", trace, NULL};
    assert_int_equal(program_run(&p, lines), 0);
    assert_int_equal(program_lines(&p.out), CLASSES + 1);
    const char *report[] = {"report",  "-q",  "--no-hash", "--cache",     "none",
                            "--force", trace, "-o",        "{}/out.html", NULL};
    assert_int_equal(program_run(&p, report), 0);
    program_end(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_was_added),
        cmocka_unit_test(stops_at_its_bytes),
        cmocka_unit_test(leaves_without_plans_what_finds_no_bytes),
        cmocka_unit_test(reads_alike_beyond_what_a_thread_remembers),
        cmocka_unit_test(names_the_limit_it_reached),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
