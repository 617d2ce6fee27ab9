// Traces made so that a search in a list, once an event or a name, takes minutes: what comes out is all there. How long
// they take is told, as of every test, and asserted nowhere.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sqlite3.h>
#include <string.h>

#include "etl_build.h"
#include "program.h"

#define RUN(p, ...) program_run(p, (const char *const[]){__VA_ARGS__, NULL})

enum { BUFFER = 1024, METADATA_MOST = 256 };

typedef struct writer {
    outbuf file;
    etl_buffer buffer;
    u64 tick;
} writer;

static void end_buffer(writer *w)
{
    etl_buffer_put(&w->file, &w->buffer);
    w->buffer.records.len = 0;
}

static writer begin(void)
{
    writer w = {.buffer = etl_buffer_default()};
    etl_trace trace = etl_trace_default();
    trace.buffer_size = w.buffer.size = BUFFER;
    w.buffer.type = ETL_TYPE_HEADER;
    etl_trace_put(&w.buffer.records, &trace);
    end_buffer(&w);
    w.buffer.type = 0;
    w.tick = trace.first_tick;
    return w;
}

static void end(writer *w, const char *path)
{
    bytes_save(path, w->file.bytes, w->file.len);
    outbuf_free(&w->file);
    outbuf_free(&w->buffer.records);
}

// A hole in the sequence numbers before every buffer.
static void make_holes(const char *path, u32 count)
{
    writer w = begin();
    for (u32 i = 0; i < count; i++) {
        etl_event ev = {.kind = ETL_EVENT, .bits = 64, .time = ++w.tick, .event_id = 1};
        assert_true(etl_event_put(&w.buffer.records, &ev, NULL));
        w.buffer.sequence = 2 * i + 1;
        end_buffer(&w);
        etl_event_free(&ev);
    }
    end(&w, path);
}

// TraceLogging events of one name, each of another provider (`others`) or with a field of another name.
static void make_namesakes(const char *path, u32 count, bool others)
{
    writer w = begin();
    for (u32 i = 0; i < count; i++) {
        etl_event ev = {.kind = ETL_EVENT, .bits = 64, .time = ++w.tick, .channel = 11};
        u8 metadata[METADATA_MOST] = {0}, traits[] = {7, 0, 'P', 'r', 'o', 'v', 0};
        int len =
            3 + snprintf((char *)metadata + 3, sizeof(metadata) - 4, "E%c%s%u", 0, others ? "f" : "f_", others ? 0 : i);
        metadata[len + 1] = 4; // after its NUL: UINT8
        set_u16(metadata, (u16)(len + 2));
        memcpy(ev.id.bytes, others ? (u8 *)&i : (u8[4]){1}, 4);
        etl_event_extend(&ev, 11, metadata, (size_t)len + 2);
        etl_event_extend(&ev, 12, traits, sizeof(traits));
        put_u8(&ev.payload, 1);
        assert_true(etl_event_put(&w.buffer.records, &ev, NULL));
        w.buffer.sequence++;
        end_buffer(&w);
        etl_event_free(&ev);
    }
    end(&w, path);
}

static void make_providers(const char *path, u32 count)
{
    make_namesakes(path, count, true);
}

static void make_versions(const char *path, u32 count)
{
    make_namesakes(path, count, false);
}

static u32 lines(const outbuf *text)
{
    u32 count = 0;
    for (size_t i = 0; i < text->len; i++)
        count += text->bytes[i] == '\n';
    return count;
}

static void finds_holes_while_it_trims(void **state)
{
    (void)state;
    enum { HOLES = 40000 };
    program p;
    char path[512];
    program_begin(&p);
    make_holes(program_path(&p, "x.etl", path), HOLES);
    assert_int_equal(RUN(&p, "convert", "-q", "{}/x.etl", "-o", "{}/y.etl"), 0);
    assert_int_equal(RUN(&p, "convert", "-q", "--event-id", "1", "{}/y.etl", "-f", "jsonl"), 0);
    assert_int_equal(lines(&p.out), HOLES);
    program_end(&p);
}

static void numbers_views_of_one_name(void **state)
{
    (void)state;
    enum { PROVIDERS = 2000 };
    program p;
    char path[512];
    sqlite3 *db;
    sqlite3_stmt *views;
    program_begin(&p);
    make_providers(program_path(&p, "x.etl", path), PROVIDERS);
    assert_int_equal(RUN(&p, "convert", "-q", "{}/x.etl", "-o", "{}/y.db"), 0);
    assert_int_equal(sqlite3_open(program_path(&p, "y.db", path), &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "SELECT count(DISTINCT name) FROM sqlite_master WHERE name LIKE 'Prov/E%'",
                                        -1, &views, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_step(views), SQLITE_ROW);
    assert_int_equal(sqlite3_column_int(views, 0), PROVIDERS);
    sqlite3_finalize(views);
    sqlite3_close(db);
    program_end(&p);
}

static void joins_fields_of_one_event(void **state)
{
    (void)state;
    static const char *const ARGS[] = {"convert",   "-f",       "parquet", "--by-class", "--cache", "none",
                                       "--no-hash", "{}/x.etl", "-o",      "{}/y/",      NULL};
    program p;
    char path[512];
    program_begin(&p);
    make_versions(program_path(&p, "x.etl", path), 2000);
    assert_int_equal(program_run(&p, ARGS), 0);
    if (!strstr((char *)p.err.bytes, "LIMIT_TYPED_PLACES"))
        fail_msg("%s", (char *)p.err.bytes);
    program_end(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_holes_while_it_trims),
        cmocka_unit_test(numbers_views_of_one_name),
        cmocka_unit_test(joins_fields_of_one_event),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
