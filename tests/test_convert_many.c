// Conversions of many inputs and in parts: a folder of outputs is what single runs write, parts put together are the
// whole, compressed outputs are the plain ones, and the summary says what became of each input.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "program.h"

#define RUN(p, ...) program_run((p), (const char *const[]){__VA_ARGS__, NULL})

static const char *const TRACES[] = {"dns", "processes", "driver", "service"};

static void load(program *p, const char *name, outbuf *into)
{
    char path[512];
    bytes_load(program_path(p, name, path), into);
}

static void copy(program *p, const char *from, const char *name)
{
    char path[512];
    outbuf bytes = {0};
    bytes_load(from, &bytes);
    bytes_save(program_path(p, name, path), bytes.bytes, bytes.len);
    outbuf_free(&bytes);
}

static void expect_same(program *p, const char *a, const char *b)
{
    outbuf x = {0}, y = {0};
    load(p, a, &x);
    load(p, b, &y);
    if (x.len != y.len || memcmp(x.bytes, y.bytes, x.len))
        fail_msg("%s (%zu bytes) is not %s (%zu bytes)", a, x.len, b, y.len);
    outbuf_free(&x);
    outbuf_free(&y);
}

static bool is_there(program *p, const char *name)
{
    char path[512];
    struct stat s;
    return !stat(program_path(p, name, path), &s);
}

// in/dns.etl, in/deep/processes.etl, in/deep/driver.etl, in/deep/service.etl
static int setup(void **state)
{
    (void)program_setup(state);
    program *p = *state;
    char path[512];
    assert_int_equal(mkdir(program_path(p, "in", path), 0700), 0);
    assert_int_equal(mkdir(program_path(p, "in/deep", path), 0700), 0);
    for (size_t i = 0; i < sizeof(TRACES) / sizeof(*TRACES); i++) {
        char from[64], to[64];
        snprintf(from, sizeof(from), "samples/%s.etl", TRACES[i]);
        snprintf(to, sizeof(to), "in/%s%s.etl", i ? "deep/" : "", TRACES[i]);
        copy(p, from, to);
    }
    return 0;
}

// ---------------------------------------------------------------------------------------------- a folder of outputs

static void each_output_is_that_of_a_single_run(void **state)
{
    program *p = *state;
    assert_int_equal(RUN(p, "convert", "--quiet", "{}/in", "-f", "jsonl", "-o", "{}/out/"), 0);
    for (size_t i = 0; i < sizeof(TRACES) / sizeof(*TRACES); i++) {
        char in[64], out[64];
        snprintf(in, sizeof(in), "{}/in/%s%s.etl", i ? "deep/" : "", TRACES[i]);
        snprintf(out, sizeof(out), "out/%s%s.etl.jsonl", i ? "deep/" : "", TRACES[i]);
        assert_int_equal(RUN(p, "convert", "--quiet", "--force", in, "-o", "{}/single.jsonl"), 0);
        if (i) { // the source of a file in a folder is its path below that folder
            char source[64], *at;
            outbuf text = {0};
            snprintf(source, sizeof(source), "\"source\":\"%s.etl\"", TRACES[i]);
            load(p, out, &text);
            assert_null(strstr((char *)text.bytes, "\"source\":\"in/"));
            at = strstr((char *)text.bytes, "\"record\":1,");
            assert_non_null(at);
            outbuf_free(&text);
        } else {
            expect_same(p, out, "single.jsonl");
        }
    }
}

static void what_is_done_is_skipped_until_something_changes(void **state)
{
    program *p = *state;
    char path[512];
    assert_int_equal(RUN(p, "convert", "{}/in", "-f", "csv", "-o", "{}/out/", "--skip-done"), 0);
    assert_int_equal(RUN(p, "convert", "{}/in", "-f", "csv", "-o", "{}/out/", "--skip-done"), 0);
    assert_non_null(strstr((char *)p->err.bytes, "4 skipped"));

    // an output that is gone, one whose bytes are others, an input whose bytes are others
    assert_int_equal(remove(program_path(p, "out/dns.etl.csv", path)), 0);
    copy(p, "samples/damaged.etl", "in/deep/driver.etl");
    assert_int_equal(RUN(p, "convert", "{}/in", "-f", "csv", "-o", "{}/out/", "--skip-done"), 3);
    assert_non_null(strstr((char *)p->err.bytes, "2 skipped"));
    assert_true(is_there(p, "out/dns.etl.csv"));

    // other options make another output
    assert_int_equal(RUN(p, "convert", "{}/in", "-f", "csv", "--event-id", "1", "-o", "{}/out/", "--skip-done"), 3);
    assert_non_null(strstr((char *)p->err.bytes, "4 given, 4 read"));
}

// Its provenance belongs to an output, and its name in the run is in it.
static void what_is_not_whole_is_not_skipped(void **state)
{
    program *p = *state;
    char path[512];
    assert_int_equal(RUN(p, "convert", "{}/in", "-f", "csv", "-o", "{}/out/", "--skip-done"), 0);
    assert_int_equal(RUN(p, "convert", "{}/in", "-f", "csv", "-o", "{}/out/", "--skip-done", "--provenance"), 0);
    assert_non_null(strstr((char *)p->err.bytes, "4 given, 4 read"));
    assert_int_equal(remove(program_path(p, "out/dns.etl.csv.provenance.json", path)), 0);
    assert_int_equal(RUN(p, "convert", "{}/in", "-f", "csv", "-o", "{}/out/", "--skip-done", "--provenance"), 0);
    assert_non_null(strstr((char *)p->err.bytes, "3 skipped"));
    assert_true(is_there(p, "out/dns.etl.csv.provenance.json"));
    copy(p, "samples/damaged.etl", "in/deep/dns.etl"); // now both have their folder in their names
    assert_int_equal(RUN(p, "convert", "{}/in", "-f", "csv", "-o", "{}/out/", "--skip-done", "--provenance"), 3);
    assert_non_null(strstr((char *)p->err.bytes, "3 skipped"));
}

static cJSON *summary_of(program *p, const char *name)
{
    outbuf text = {0};
    load(p, name, &text);
    cJSON *row = cJSON_ParseWithLength((const char *)text.bytes, text.len);
    assert_non_null(row);
    outbuf_free(&text);
    return row;
}

// What was found when it was done is still said, so that sums over runs that were broken off are right.
static void what_is_skipped_keeps_its_counts(void **state)
{
    program *p = *state;
    copy(p, "samples/damaged.etl", "damaged.etl");
    RUN(p, "convert", "{}/damaged.etl", "-f", "csv", "-o", "{}/out/", "--skip-done", "--summary", "{}/first");
    RUN(p, "convert", "{}/damaged.etl", "-f", "csv", "-o", "{}/out/", "--skip-done", "--summary", "{}/second");
    cJSON *first = summary_of(p, "first"), *second = summary_of(p, "second");
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(first, "status")), "damaged");
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(second, "status")), "skipped");
    assert_true(cJSON_Compare(cJSON_GetObjectItem(first, "records"), cJSON_GetObjectItem(second, "records"), true));
    assert_int_equal(cJSON_GetObjectItem(first, "damage")->valuedouble, 5); // as samples/README.md has it
    assert_int_equal(cJSON_GetObjectItem(second, "damage")->valuedouble, 5);
    cJSON_Delete(first);
    cJSON_Delete(second);
}

static void two_inputs_of_one_place_are_refused(void **state)
{
    program *p = *state;
    char path[512];
    assert_int_equal(mkdir(program_path(p, "two", path), 0700), 0);
    copy(p, "samples/processes.etl", "two/dns.etl");
    assert_int_equal(RUN(p, "convert", "{}/in/dns.etl", "{}/two/dns.etl", "-f", "jsonl", "-o", "{}/out/"), 2);
    assert_false(is_there(p, "out/dns.etl.jsonl"));
    assert_int_equal(RUN(p, "convert", "{}/in", "-f", "jsonl", "-o", "{}/out/", "--shard", "1/2"), 2);
}

static const char *text_of(const cJSON *object, const char *name)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItem(object, name));
    return text ? text : "";
}

static void summary_has_a_line_for_each_input(void **state)
{
    program *p = *state;
    char path[512];
    copy(p, "samples/dns.etl", "in/same.etl");
    copy(p, "samples/damaged.etl", "in/torn.etl");
    bytes_save(program_path(p, "in/empty.etl", path), "", 0);
    assert_int_equal(RUN(p, "convert", "{}/in", "{}/none.etl", "-f", "jsonl", "-o", "{}/out/", "--summary", "{}/s"), 4);

    outbuf text = {0};
    load(p, "s", &text);
    struct {
        const char *file_end, *status, *reason;
        int outputs, found;
    } rows[] = {{"in/dns.etl", "ok", "", 1, 0},
                {"in/same.etl", "duplicate", "", 0, 0},
                {"in/torn.etl", "damaged", "", 1, 0},
                {"in/empty.etl", "empty", "broken", 0, 0},
                {"in/deep/processes.etl", "ok", "", 1, 0},
                {"none.etl", "unreadable", "missing", 0, 0}};
    assert_int_equal(program_lines(&text), 8);
    for (char *line = strtok((char *)text.bytes, "\n"); line; line = strtok(NULL, "\n")) {
        cJSON *row = cJSON_Parse(line);
        assert_non_null(row);
        const char *file = text_of(row, "file");
        for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
            size_t len = strlen(rows[i].file_end);
            if (strlen(file) < len || strcmp(file + strlen(file) - len, rows[i].file_end))
                continue;
            rows[i].found++;
            assert_string_equal(text_of(row, "status"), rows[i].status);
            assert_string_equal(text_of(row, "reason"), rows[i].reason);
            assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(row, "outputs")), rows[i].outputs);
        }
        cJSON_Delete(row);
    }
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        assert_int_equal(rows[i].found, 1);
    outbuf_free(&text);
}

// ---------------------------------------------------------------------------------------------- parts

static void parts_are_the_whole(program *p, const char *format, const char *where)
{
    char whole[64];
    snprintf(whole, sizeof(whole), "{}/whole.%s", format);
    assert_int_equal(RUN(p, "convert", "--quiet", "--force", "{}/in", "--where", where, "-o", whole), 0);
    outbuf parts = {0};
    for (int i = 1; i <= 7; i++) {
        char shard[16], part[64];
        snprintf(shard, sizeof(shard), "%d/7", i);
        snprintf(part, sizeof(part), "{}/part.%s", format);
        assert_int_equal(
            RUN(p, "convert", "--quiet", "--force", "{}/in", "--where", where, "--shard", shard, "-o", part), 0);
        outbuf one = {0};
        load(p, part + 3, &one);
        outbuf_add(&parts, one.bytes, one.len);
        outbuf_free(&one);
    }
    char path[512];
    bytes_save(program_path(p, "parts", path), parts.bytes, parts.len);
    expect_same(p, "parts", whole + 3);
    outbuf_free(&parts);
}

static void parts_together_are_the_whole(void **state)
{
    program *p = *state;
    static const char *const WHERE[] = {"timestamp > '2000'", "event_id == 3006", "process_id == 4 or event_id < 20"};
    for (size_t i = 0; i < sizeof(WHERE) / sizeof(*WHERE); i++) {
        parts_are_the_whole(p, "jsonl", WHERE[i]);
        parts_are_the_whole(p, "csv", WHERE[i]);
    }
}

static void a_part_that_is_none_is_refused(void **state)
{
    program *p = *state;
    static const char *const BAD[] = {"0/3", "4/3", "1/0", "1", "a/3", "1/3x", "-1/3", "1/1000000000"};
    for (size_t i = 0; i < sizeof(BAD) / sizeof(*BAD); i++)
        if (RUN(p, "convert", "{}/in", "--shard", BAD[i], "-o", "{}/x.jsonl") != 2)
            fail_msg("--shard %s: exit code %d", BAD[i], p->code);
    assert_int_equal(RUN(p, "convert", "{}/in", "--shard", "1/2", "-o", "{}/x.db"), 2);
    assert_int_equal(RUN(p, "convert", "{}/in", "--shard", "1/2", "-o", "{}/x.json"), 2);
}

static void a_part_is_verified(void **state)
{
    program *p = *state;
    assert_int_equal(RUN(p, "convert", "{}/in", "--shard", "2/3", "-o", "{}/x.csv", "--provenance"), 0);
    assert_int_equal(RUN(p, "verify", "--again", "{}/x.csv.provenance.json"), 0);
}

// ---------------------------------------------------------------------------------------------- compressed

static void compressed_is_the_plain_output(program *p, const char *suffix, const char *tool)
{
    char packed[64], plain[64], command[256];
    snprintf(packed, sizeof(packed), "{}/x.jsonl.%s", suffix);
    if (system(NULL) == 0 || (snprintf(command, sizeof(command), "command -v %s >/dev/null", tool), system(command))) {
        print_message("skipped: %s is not installed, which would read it\n", tool);
        skip();
    }
    assert_int_equal(RUN(p, "convert", "--quiet", "{}/in", "-o", packed, "--provenance"), 0);
    assert_int_equal(RUN(p, "convert", "--quiet", "--force", "{}/in", "-o", "{}/plain.jsonl"), 0);
    snprintf(plain, sizeof(plain), "unpacked.%s", suffix);
    snprintf(command, sizeof(command), "%s -dc %s/x.jsonl.%s >%s/%s", tool, p->folder, suffix, p->folder, plain);
    assert_int_equal(system(command), 0);
    expect_same(p, plain, "plain.jsonl");
    snprintf(plain, sizeof(plain), "{}/x.jsonl.%s.provenance.json", suffix);
    assert_int_equal(RUN(p, "verify", "--again", plain), 0);
    // its own output is replaced, another's is not
    assert_int_equal(RUN(p, "convert", "--quiet", "{}/in", "-o", packed), 0);
    snprintf(command, sizeof(command), "echo other | %s -c >%s/x.jsonl.%s", tool, p->folder, suffix);
    assert_int_equal(system(command), 0);
    assert_int_equal(RUN(p, "convert", "--quiet", "{}/in", "-o", packed), 2);
}

static void gzip_reads_it(void **state)
{
    compressed_is_the_plain_output(*state, "gz", "gzip");
}

static void zstd_reads_it(void **state)
{
    compressed_is_the_plain_output(*state, "zst", "zstd");
}

// ---------------------------------------------------------------------------------------------- the log

static void the_log_is_json_lines(void **state)
{
    program *p = *state;
    assert_int_equal(RUN(p, "convert", "{}/in", "-o", "{}/x.jsonl", "--log", "json"), 0);
    int ends = 0;
    for (char *line = strtok((char *)p->err.bytes, "\n"); line; line = strtok(NULL, "\n")) {
        cJSON *entry = cJSON_Parse(line);
        assert_non_null(entry);
        assert_int_equal(strlen(text_of(entry, "time")), strlen("2026-01-01T00:00:00.0000000Z"));
        if (!strcmp(text_of(entry, "event"), "end")) {
            ends++;
            assert_int_equal(cJSON_GetNumberValue(cJSON_GetObjectItem(entry, "given")), 4);
            assert_int_equal(cJSON_GetNumberValue(cJSON_GetObjectItem(entry, "read")), 4);
        }
        cJSON_Delete(entry);
    }
    assert_int_equal(ends, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_output_is_that_of_a_single_run, setup, program_teardown),
        cmocka_unit_test_setup_teardown(what_is_done_is_skipped_until_something_changes, setup, program_teardown),
        cmocka_unit_test_setup_teardown(what_is_not_whole_is_not_skipped, setup, program_teardown),
        cmocka_unit_test_setup_teardown(what_is_skipped_keeps_its_counts, setup, program_teardown),
        cmocka_unit_test_setup_teardown(two_inputs_of_one_place_are_refused, setup, program_teardown),
        cmocka_unit_test_setup_teardown(summary_has_a_line_for_each_input, setup, program_teardown),
        cmocka_unit_test_setup_teardown(parts_together_are_the_whole, setup, program_teardown),
        cmocka_unit_test_setup_teardown(a_part_that_is_none_is_refused, setup, program_teardown),
        cmocka_unit_test_setup_teardown(a_part_is_verified, setup, program_teardown),
        cmocka_unit_test_setup_teardown(gzip_reads_it, setup, program_teardown),
        cmocka_unit_test_setup_teardown(zstd_reads_it, setup, program_teardown),
        cmocka_unit_test_setup_teardown(the_log_is_json_lines, setup, program_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
