// Everything given is listed: read or not, a copy or not, under a name of its own, wherever inputs are listed.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <cjson/cJSON.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/os.h"
#include "program.h"

#define RUN(p, ...) program_run((p), (const char *const[]){__VA_ARGS__, NULL})

static const char DNS[] = "samples/dns.etl", PROCESSES[] = "samples/processes.etl", DAMAGED[] = "samples/damaged.etl";

static void copy(program *p, const char *from, const char *name)
{
    char path[512];
    outbuf bytes = {0};
    bytes_load(from, &bytes);
    bytes_save(program_path(p, name, path), bytes.bytes, bytes.len);
    outbuf_free(&bytes);
}

static void make_folder(const program *p, const char *name)
{
    char path[512];
    assert_int_equal(mkdir(program_path((program *)(uintptr_t)p, name, path), 0700), 0);
}

// one/x.etl and two/x.etl are other traces of one name, one/copy.etl has the bytes of one/x.etl.
static int setup(void **state)
{
    (void)program_setup(state);
    program *p = *state;
    char path[512];
    make_folder(p, "one");
    make_folder(p, "two");
    copy(p, DNS, "one/x.etl");
    copy(p, DNS, "one/copy.etl");
    copy(p, PROCESSES, "two/x.etl");
    copy(p, DAMAGED, "damaged.etl");
    bytes_save(program_path(p, "empty.etl", path), "", 0);
    bytes_save(program_path(p, "text.etl", path), "this is a text, not a trace", 27);
    return 0;
}

#define ALL_INPUTS                                                                                                     \
    "{}/one/x.etl", "{}/one/copy.etl", "{}/two/x.etl", "{}/damaged.etl", "{}/empty.etl", "{}/text.etl", "{}/none.etl"

typedef struct expected {
    const char *source, *status, *reason, *duplicate_of;
} expected;

static const expected EXPECTED[] = {
    {"one/x.etl", "ok", NULL, NULL},
    {"copy.etl", "duplicate", NULL, "one/x.etl"},
    {"two/x.etl", "ok", NULL, NULL},
    {"damaged.etl", "damaged", NULL, NULL},
    {"empty.etl", "empty", "broken", NULL},
    {"text.etl", "not_a_trace", "broken", NULL},
    {"none.etl", "unreadable", "missing", NULL},
};

static void says(const program *p, const char *text)
{
    if (!strstr((const char *)p->err.bytes, text))
        fail_msg("stderr lacks \"%s\":\n%s", text, (const char *)p->err.bytes);
}

static void member_is(const cJSON *row, const char *name, const char *wanted)
{
    const char *found = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(row, name));
    if (!wanted)
        assert_null(found);
    else if (!found || strcmp(found, wanted) != 0)
        fail_msg("%s is %s, not %s", name, found ? found : "absent", wanted);
}

static void row_is(const cJSON *row, const expected *wanted)
{
    assert_non_null(row);
    member_is(row, "source", wanted->source);
    member_is(row, "status", wanted->status);
    member_is(row, "reason", wanted->reason);
    member_is(row, "duplicate_of", wanted->duplicate_of);
    assert_int_equal(cJSON_GetObjectItem(row, "error") != NULL, wanted->reason != NULL);
}

static void info_lists_all(void **state)
{
    program *p = *state;
    assert_int_equal(RUN(p, "info", "--json", ALL_INPUTS), 4);
    says(p, "7 given, 3 read, 1 a copy, 3 not\n");
    const char *at = (const char *)p->out.bytes;
    for (u32 i = 0; i < COUNT_OF(EXPECTED); i++) {
        cJSON *row = cJSON_ParseWithOpts(at, &at, false);
        row_is(row, &EXPECTED[i]);
        cJSON_Delete(row);
        at += strspn(at, "\n");
    }
    assert_string_equal(at, "");
}

static void provenance_lists_all(void **state)
{
    program *p = *state;
    char path[512];
    outbuf text = {0};
    assert_int_equal(RUN(p, "convert", ALL_INPUTS, "-o", "{}/out.csv", "--provenance"), 4);
    bytes_load(program_path(p, "out.csv.provenance.json", path), &text);
    cJSON *root = cJSON_Parse((const char *)text.bytes);
    const cJSON *rows = cJSON_GetObjectItem(root, "inputs");
    assert_int_equal(cJSON_GetArraySize(rows), COUNT_OF(EXPECTED));
    for (u32 i = 0; i < COUNT_OF(EXPECTED); i++)
        row_is(cJSON_GetArrayItem(rows, (int)i), &EXPECTED[i]);
    cJSON_Delete(root);
    outbuf_free(&text);
}

static void cell_is(sqlite3_stmt *row, int column, const char *wanted)
{
    const char *found = (const char *)sqlite3_column_text(row, column);
    if (!wanted)
        assert_null(found);
    else
        assert_string_equal(found ? found : "", wanted);
}

static void database_lists_all(void **state)
{
    program *p = *state;
    char path[512];
    sqlite3 *db;
    sqlite3_stmt *rows;
    assert_int_equal(RUN(p, "convert", ALL_INPUTS, "-o", "{}/out.db"), 4);
    assert_int_equal(sqlite3_open(program_path(p, "out.db", path), &db), SQLITE_OK);
    static const char SQL[] = "SELECT i.source, i.status, i.reason, d.source, (SELECT count(*) FROM events AS e "
                              "WHERE e.source=i.source), i.trace_id FROM inputs AS i LEFT JOIN inputs AS d ON "
                              "d.id=i.duplicate_of ORDER BY i.id";
    assert_int_equal(sqlite3_prepare_v2(db, SQL, -1, &rows, NULL), SQLITE_OK);
    for (u32 i = 0; i < COUNT_OF(EXPECTED); i++) {
        assert_int_equal(sqlite3_step(rows), SQLITE_ROW);
        cell_is(rows, 0, EXPECTED[i].source);
        cell_is(rows, 1, EXPECTED[i].status);
        cell_is(rows, 2, EXPECTED[i].reason);
        cell_is(rows, 3, EXPECTED[i].duplicate_of);
        bool is_read = !EXPECTED[i].reason && !EXPECTED[i].duplicate_of;
        assert_int_equal(sqlite3_column_int(rows, 4) > 0, is_read);
        assert_int_equal(sqlite3_column_type(rows, 5) != SQLITE_NULL, is_read);
    }
    assert_int_equal(sqlite3_step(rows), SQLITE_DONE);
    sqlite3_finalize(rows);
    sqlite3_close(db);
}

static void report_lists_all(void **state)
{
    program *p = *state;
    char path[512];
    outbuf page = {0};
    assert_int_equal(RUN(p, "report", ALL_INPUTS, "-o", "{}/out.html"), 4);
    bytes_load(program_path(p, "out.html", path), &page);
    for (u32 i = 0; i < COUNT_OF(EXPECTED); i++)
        assert_non_null(strstr((const char *)page.bytes, EXPECTED[i].source));
    outbuf_free(&page);
}

// What cannot be opened at all is listed too, and nothing is read: that is a failure.
static void nothing_read(void **state)
{
    program *p = *state;
    assert_int_equal(RUN(p, "info", "--json", "{}/none.etl", "{}/empty.etl"), 1);
    assert_int_equal(program_lines(&p->out), 2);
    says(p, "2 given, 0 read, 2 not\n");
}

static void one_good_input_needs_no_sum(void **state)
{
    program *p = *state;
    assert_int_equal(RUN(p, "info", "{}/one/x.etl"), 0);
    assert_int_equal(p->err.len, 0);
}

static void without_hashes_copies_are_not_known(void **state)
{
    program *p = *state;
    assert_int_equal(RUN(p, "info", "--json", "--no-hash", "{}/one/x.etl", "{}/one/copy.etl"), 0);
    says(p, "2 given, 2 read, 0 not\n");
    // One file by two names and by one is not either, and each has a source of its own.
    program_shell(p, "ln one/x.etl hard.etl && ln -s one/x.etl soft.etl && cp one/x.etl 'x (2).etl'");
    assert_int_equal(RUN(p, "info", "--json", "--no-hash", "{}/one/x.etl", "{}/hard.etl", "{}/soft.etl", "{}/one/x.etl",
                         "{}/one/x.etl", "{}/x (2).etl"),
                     0);
    says(p, "6 given, 6 read, 0 not\n");
    static const char *const SOURCES[] = {"x.etl", "hard.etl", "soft.etl", "x (3).etl", "x (4).etl", "x (2).etl"};
    const char *at = (const char *)p->out.bytes;
    for (u32 i = 0; i < COUNT_OF(SOURCES); i++) {
        cJSON *row = cJSON_ParseWithOpts(at, &at, false);
        row_is(row, &(expected){SOURCES[i], "ok", NULL, NULL});
        cJSON_Delete(row);
    }
    assert_int_equal(RUN(p, "convert", "--no-hash", "{}/one/x.etl", "{}/one/x.etl", "-o", "{}/out/", "-f", "csv"), 2);
    // With hashes it is one input.
    assert_int_equal(RUN(p, "info", "--json", "{}/one/x.etl", "{}/hard.etl", "{}/soft.etl", "{}/two/../one/x.etl"), 0);
    says(p, "4 given, 1 read, 3 copies, 0 not\n");
}

// Copies that differ in one byte in their middle are none.
static void nearly_a_copy(void **state)
{
    program *p = *state;
    char path[512];
    outbuf bytes = {0};
    bytes_load(PROCESSES, &bytes);
    bytes.bytes[bytes.len / 2] ^= 1;
    bytes_save(program_path(p, "nearly.etl", path), bytes.bytes, bytes.len);
    outbuf_free(&bytes);
    RUN(p, "info", "--json", "{}/two/x.etl", "{}/nearly.etl");
    says(p, "2 given, 2 read, 0 not\n");
}

// A folder of links is no folder of nothing: those that are named like traces are told, and read where they are named.
static void links_are_told(void **state)
{
    program *p = *state;
    program_shell(p, "mkdir links && cd links && ln -s ../one/x.etl a.etl && ln -s ../one x && mkfifo b.etl");
    assert_int_equal(RUN(p, "info", "--json", "{}/links"), 1);
    assert_int_equal(program_lines(&p->out), 2);
    says(p, "a.etl: a link or a stream, which is read only where it is named itself\n");
    says(p, "2 given, 0 read, 2 not; 1 other file\n");
    assert_int_equal(RUN(p, "info", "--json", "{}/links/a.etl"), 0);
}

// Names that are no UTF-8 are shown alike, and are told apart nevertheless.
static void names_that_look_alike(void **state)
{
    program *p = *state;
    make_folder(p, "odd");
    copy(p, DNS, "odd/\xff.etl");
    copy(p, PROCESSES, "odd/\xfe.etl");
    assert_int_equal(RUN(p, "info", "--json", "{}/odd"), 0);
    assert_non_null(
        strstr((const char *)p->out.bytes, "\"source\":\"\xef\xbf\xbd.etl\",\"source_bytes\":\"FE2E65746C\""));
    assert_non_null(strstr((const char *)p->out.bytes, "\"source\":\"\xef\xbf\xbd (2).etl\",\"status\""));
    assert_int_equal(RUN(p, "convert", "{}/odd", "--where", "source = '\xef\xbf\xbd (2).etl'"), 0);
    assert_int_equal(program_lines(&p->out), 27);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, program_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(info_lists_all),     TEST(provenance_lists_all),
        TEST(database_lists_all), TEST(report_lists_all),
        TEST(nothing_read),       TEST(one_good_input_needs_no_sum),
        TEST(nearly_a_copy),      TEST(without_hashes_copies_are_not_known),
        TEST(links_are_told),     TEST(names_that_look_alike),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
