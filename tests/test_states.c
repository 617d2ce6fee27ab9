// Where nothing is rendered (info, -f null) the survey counts how far events decode, before it has seen all schemas.
// Whatever schemas come when, and on however many threads: what it says is what the records say.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "etl_text.h"
#include "program.h"

// A trace of `events` of one class, every third of them cut short by its last field, and one schema for it.
typedef struct layout {
    u32 events;
    u32 text;          // characters in each
    u32 schema_behind; // how many of the events stand before the schema
    u32 others;        // events of a TraceLogging class after all that
} layout;

static const char PROVIDER[] = "{11111111-aaaa-bbbb-cccc-111111111111}";

static void put_schema(outbuf *t)
{
    char line[256];
    snprintf(line, sizeof(line),
             "tdh-schema provider=%s id=1 provider-name=Late fields={ u32 A; wstr Text; u8 Last }\n", PROVIDER);
    outbuf_text(t, line);
}

static void put_events(outbuf *t, const layout *l)
{
    char line[2048], text[1024];
    memset(text, 'x', l->text);
    text[l->text] = 0;
    for (u32 i = 0; i < l->events; i++) {
        if (i == l->schema_behind)
            put_schema(t);
        snprintf(line, sizeof(line), "event provider=%s id=1 payload u32:%u wstr:\"%s\"%s\n", PROVIDER, i, text,
                 i % 3 ? " u8:1" : "");
        outbuf_text(t, line);
    }
    if (l->schema_behind >= l->events)
        put_schema(t);
    for (u32 i = 0; i < l->others; i++)
        outbuf_text(
            t,
            "tracelogging provider={22222222-aaaa-bbbb-cccc-111111111111} name=Other fields={ u32 N } payload u32:1\n");
}

static void make_trace(program *p, const layout *l, char path[512])
{
    outbuf text = {0}, file = {0};
    error e = {0};
    outbuf_text(&text, "trace buffer-size=16384\nbuffer\n");
    put_events(&text, l);
    if (!etl_text_build((const char *)text.bytes, text.len, &file, &e))
        fail_msg("%s", e.message);
    bytes_save(program_path(p, "trace.etl", path), file.bytes, file.len);
    outbuf_free(&text);
    outbuf_free(&file);
}

static void check(const layout *l)
{
    static const char *const FORMATS[] = {"null", "jsonl"}, *const THREADS[] = {"1", "2", "5"};
    program p;
    char path[512], says[128], counts[128];
    program_begin(&p);
    make_trace(&p, l, path);
    // Beside the events: the header event, the schema's own, the others.
    u32 partial = (l->events + 2) / 3, all = 2 + l->events + l->others;
    snprintf(says, sizeof(says), "%u records: %u decoded, %u partial, 0 raw", all, all - partial, partial);
    snprintf(counts, sizeof(counts), "\"events\":{\"total\":%u,\"decoded\":%u,\"partial\":%u,\"raw\":0,", all,
             all - partial, partial);
    for (size_t t = 0; t < COUNT_OF(THREADS); t++) {
        for (size_t f = 0; f < COUNT_OF(FORMATS); f++) {
            const char *convert[] = {"convert", "--cache", "none", "-f", FORMATS[f], "-j", THREADS[t], path, NULL};
            assert_int_equal(program_run(&p, convert), 0);
            if (!strstr((const char *)p.err.bytes, says))
                fail_msg("-f %s -j %s says \"%s\", not \"%s\"", FORMATS[f], THREADS[t], (const char *)p.err.bytes,
                         says);
        }
        const char *info[] = {"info", "--cache", "none", "--json", "-j", THREADS[t], path, NULL};
        assert_int_equal(program_run(&p, info), 0);
        if (!strstr((const char *)p.out.bytes, counts))
            fail_msg("info -j %s does not say %s", THREADS[t], counts);
    }
    program_end(&p);
}

static void few_events_wait_for_their_schema(void **state)
{
    (void)state;
    check(&(layout){.events = 500, .text = 10, .schema_behind = 400, .others = 20000});
}

static void a_schema_at_the_end_is_looked_for(void **state)
{
    (void)state;
    check(&(layout){.events = 20000, .text = 40, .schema_behind = 20000});
}

static void a_schema_that_came_is_used(void **state)
{
    (void)state;
    check(&(layout){.events = 20000, .text = 40, .schema_behind = 0, .others = 20000});
}

// More than may wait, and too far from the end to be looked for.
static void what_does_not_find_room_is_counted_again(void **state)
{
    (void)state;
    check(&(layout){.events = 12000, .text = 500, .schema_behind = 11990, .others = 20000});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(few_events_wait_for_their_schema),
        cmocka_unit_test(a_schema_at_the_end_is_looked_for),
        cmocka_unit_test(a_schema_that_came_is_used),
        cmocka_unit_test(what_does_not_find_room_is_counted_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
