// Traces made so that a search in a list, once an event or a name, would take quadratic time: four times as much of
// them takes some four times as long.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <sys/resource.h>

#include "etl_build.h"
#include "program.h"

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

static double seconds(void)
{
    struct rusage u;
    getrusage(RUSAGE_CHILDREN, &u);
    return (double)u.ru_utime.tv_sec + (double)u.ru_utime.tv_usec / 1e6;
}

// The better of two: others use the processors as well.
static double seconds_of(program *p, const char *const *args)
{
    double least = 1e9;
    for (u32 i = 0; i < 2; i++) {
        double before = seconds();
        assert_int_equal(program_run(p, args), 0);
        double took = seconds() - before;
        least = took < least ? took : least;
    }
    return least;
}

static void check(void (*make)(const char *path, u32 count), u32 count, const char *const *args)
{
    program p;
    char path[512];
    double took[2];
    program_begin(&p);
    for (u32 i = 0; i < 2; i++) {
        make(program_path(&p, "x.etl", path), count << 2 * i);
        took[i] = seconds_of(&p, args);
    }
    if (took[1] > 8 * (took[0] + 0.01))
        fail_msg("%u: %.2f s, %u: %.2f s", count, took[0], 4 * count, took[1]);
    program_end(&p);
}

static void finds_holes_while_it_trims(void **state)
{
    (void)state;
    static const char *const ARGS[] = {"convert",  "-q", "--force", "--cache", "none",     "--no-hash",
                                       "{}/x.etl", "-f", "etl",     "-o",      "{}/y.etl", NULL};
    check(make_holes, 20000, ARGS);
}

static void numbers_views_of_one_name(void **state)
{
    (void)state;
    static const char *const ARGS[] = {"convert",   "-q",       "--force", "--cache", "none",
                                       "--no-hash", "{}/x.etl", "-o",      "{}/y.db", NULL};
    check(make_providers, 1000, ARGS);
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
