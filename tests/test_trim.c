// convert -f etl: a part of a trace is a trace, in which the same filters find the same records. Environment: ETWKIT
// the program, ETWKIT_SHARED a folder whose corpus/*.etl are read as well.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <cjson/cJSON.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "etl_text.h"
#include "program.h"

#define RUN(p, ...) program_run((p), (const char *const[]){__VA_ARGS__, NULL})

static void make_trace(program *p, const char *words)
{
    char path[512];
    error e = {0};
    outbuf trace = {0};
    if (!etl_text_build(words, strlen(words), &trace, &e))
        fail_msg("%s", e.message);
    bytes_save(program_path(p, "in.etl", path), trace.bytes, trace.len);
    outbuf_free(&trace);
}

static off_t bytes_of(program *p, const char *name)
{
    char path[512];
    struct stat st;
    assert_int_equal(stat(program_path(p, name, path), &st), 0);
    return st.st_size;
}

// The record but for what a part of a trace cannot have in common with the whole.
static cJSON *record_of(const char *line)
{
    cJSON *record = cJSON_ParseWithLength(line, strcspn(line, "\n"));
    assert_non_null(record);
    cJSON_DeleteItemFromObject(record, "record");
    cJSON_DeleteItemFromObject(record, "source");
    cJSON_DeleteItemFromObject(record, "offset");
    const cJSON *name = cJSON_GetObjectItem(record, "event_name");
    if (name && strcmp(name->valuestring, "EventTrace/Header") == 0)
        cJSON_DeleteItemFromObject(cJSON_GetObjectItem(record, "data"), "BuffersWritten");
    return record;
}

static void are_the_same(const char *what, const char *a, const char *b)
{
    for (u32 i = 1; *a && *b; i++) {
        cJSON *x = record_of(a), *y = record_of(b);
        if (!cJSON_Compare(x, y, true))
            fail_msg("%s, record %u:\n%s\n%s", what, i, cJSON_PrintUnformatted(x), cJSON_PrintUnformatted(y));
        cJSON_Delete(x);
        cJSON_Delete(y);
        a += strcspn(a, "\n") + 1;
        b += strcspn(b, "\n") + 1;
    }
    if (*a || *b)
        fail_msg("%s: not as many records", what);
}

// The exit code of the conversion of the part.
static int same_after(program *p, const char *path, const char *option, const char *value)
{
    outbuf whole = {0};
    if (RUN(p, "convert", path, "--no-hash", "-q", "--frames", option, value) == 1)
        return 1; // not a trace
    outbuf_add(&whole, p->out.bytes, p->out.len + 1);
    assert_int_not_equal(RUN(p, "convert", path, "--no-hash", "-q", "--force", option, value, "-o", "{}/part.etl"), 1);
    assert_int_equal(RUN(p, "convert", "{}/part.etl", "--no-hash", "-q", "--frames", option, value), 0);
    are_the_same(path, (const char *)whole.bytes, (const char *)p->out.bytes);
    outbuf_free(&whole);
    return 0;
}

static void the_same_records(void **state)
{
    enum { LARGE = SANITIZED ? 1 << 20 : 8 << 20 };
    program *p = *state;
    char pattern[512];
    const char *shared = getenv("ETWKIT_SHARED");
    static const char *const FILTERS[][2] = {
        {"--where", "event_id > 0"},        {"--where", "process_id < 1000 and level = 0"},
        {"--where", "stack is not null"},   {"--where", "process_name like 'p%'"},
        {"--provider", "MSNT_SystemTrace"}, {"--until", "2000-01-01T00:00:00"},
        {"--where", "thread_id & 0x10"},
    };
    glob_t found = {0};
    struct stat st;
    snprintf(pattern, sizeof(pattern), "%s/corpus/*.etl", shared ? shared : "../shared");
    assert_int_equal(glob("samples/*.etl", 0, NULL, &found), 0);
    (void)glob(pattern, GLOB_APPEND, NULL, &found);
    for (size_t i = 0; i < found.gl_pathc; i++)
        for (size_t k = 0; k < COUNT_OF(FILTERS); k++)
            if (stat(found.gl_pathv[i], &st) == 0 && st.st_size < LARGE)
                (void)same_after(p, found.gl_pathv[i], FILTERS[k][0], FILTERS[k][1]);
    globfree(&found);
}

// Two processors, buffers by turns: few events of many buffers become few buffers, in the order of time; the hole in
// the numbers stays one.
static void buffers_are_put_together(void **state)
{
    program *p = *state;
    static char words[200000];
    char *at = words + sprintf(words, "trace processors=2 buffers-written=41\n");
    for (u32 i = 0; i < 40; i++) {
        at += sprintf(at, "buffer cpu=%u sequence=%u\n", i % 2, i + 1 + (i >= 20));
        for (u32 k = 0; k < 20; k++)
            at += sprintf(at, "event provider={11111111-2222-3333-4444-555555555555} id=%u pid=%u payload zeros:100\n",
                          k % 10, i);
    }
    make_trace(p, words);
    assert_int_equal(RUN(p, "info", "--json", "{}/in.etl", "--no-hash"), 0);
    assert_non_null(strstr((const char *)p->out.bytes, "\"missing_sequence_numbers\":1"));
    assert_int_equal(same_after(p, program_path(p, "in.etl", (char[512]){0}), "--event-id", "3"), 0);
    // 80 events of 180 bytes are four buffers and some: one more for each processor and each side of the hole.
    assert_in_range(bytes_of(p, "part.etl"), 4096 * 5, 4096 * 8);
    assert_int_equal(RUN(p, "info", "--json", "{}/part.etl", "--no-hash"), 0);
    assert_non_null(strstr((const char *)p->out.bytes, "\"missing_sequence_numbers\":1"));
}

static void what_a_part_needs(void **state)
{
    program *p = *state;
    // The manifest and the process come with the event; the other event does not. The last one has no time of its own.
    make_trace(p, "trace\nbuffer\n"
                  "system hook=0x0301 version=3 time=+1us payload ptr:0x1 u32:100,4,0 i32:0 ptr:0x1000 wbemsid:none "
                  "astr:\"app.exe\" wstr:\"\"\n"
                  "event provider={11111111-2222-3333-4444-555555555555} id=1 pid=100 payload zeros:900\n"
                  "event provider={11111111-2222-3333-4444-555555555555} id=2 pid=100\n"
                  "message guid={21111111-2222-3333-4444-555555555555} number=9 options=guid\n");
    assert_int_equal(same_after(p, program_path(p, "in.etl", (char[512]){0}), "--event-id", "2"), 0);
    assert_non_null(strstr((const char *)p->out.bytes, "\"process_name\":\"app.exe\""));
    assert_int_equal(RUN(p, "convert", "{}/part.etl", "-q", "--no-hash"), 0);
    assert_int_equal(program_lines(&p->out), 3);
    assert_int_equal(same_after(p, program_path(p, "in.etl", (char[512]){0}), "--where", "event_id = 9"), 0);
}

static void one_trace_to_one(void **state)
{
    program *p = *state;
    assert_int_equal(RUN(p, "convert", "samples/dns.etl", "samples/service.etl", "-o", "{}/x.etl"), 2);
    assert_non_null(strstr((const char *)p->err.bytes, "is made of one trace, these are 2"));
    assert_int_equal(RUN(p, "convert", "samples/dns.etl", "-f", "etl"), 2);
    assert_int_equal(RUN(p, "convert", "samples/dns.etl", "-f", "etl", "--shard", "1/2", "-o", "{}/x.etl"), 2);
    assert_int_equal(program_files(p, "x.etl"), 0);
    assert_int_equal(RUN(p, "convert", "samples/dns.etl", "-o", "{}/x.etl"), 0);
    // A trace is nobody's earlier output.
    assert_int_equal(RUN(p, "convert", "samples/dns.etl", "-o", "{}/x.etl"), 2);
    assert_int_equal(RUN(p, "convert", "samples/dns.etl", "samples/service.etl", "-f", "etl", "-q", "-o", "{}/all/"),
                     0);
    assert_int_equal(RUN(p, "convert", "{}/all/service.etl.etl", "-q"), 0);
    assert_int_equal(program_lines(&p->out), 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_same_records, program_setup, program_teardown),
        cmocka_unit_test_setup_teardown(buffers_are_put_together, program_setup, program_teardown),
        cmocka_unit_test_setup_teardown(what_a_part_needs, program_setup, program_teardown),
        cmocka_unit_test_setup_teardown(one_trace_to_one, program_setup, program_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
