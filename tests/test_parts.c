// convert -o FOLDER/ --by-class and --partition-by: which files there are, what is in them, that they are the same for
// any number of threads and complete or not there at all; and that other people's readers read them. Environment:
// ETWKIT the program, ETWKIT_SHARED a folder whose corpus/*.etl are read as well, ETWKIT_PYTHON a Python with pyarrow,
// duckdb, pandas.
#define _XOPEN_SOURCE 700
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/limits.h"
#include "etl_text.h"
#include "judges.h"

#define RUN(p, ...) program_run((p), (const char *const[]){__VA_ARGS__, NULL})
#define EVENT(traits, name, more)                                                                                      \
    "tracelogging provider={11111111-2222-3333-4444-5555555555" traits " name=" name " " more "\n"

// The first two are one kind of event in two layouts. The day changes 14 hours after the start of the trace.
static const char TRACE[] =
    "trace\n"
    "buffer\n" EVENT("01} traits=P", "E",
                     "fields={ u32 N; struct S { u8 X }; u16[] L } payload u32:5 u8:7 u16:2 u16:1,2")
        EVENT("01} traits=P", "E", "fields={ u64 n; wstr T } payload u64:6 wstr:\"a,b\"")
            EVENT("02} traits=\"../%/Q\"", "a/b", "fields={ f64 R } payload f64:2.5")
                EVENT("03} traits=P", "E", "time=+50400s");

static int setup(void **state)
{
    (void)program_setup(state);
    program *p = *state;
    char path[512];
    error e = {0};
    outbuf trace = {0};
    if (!etl_text_build(TRACE, strlen(TRACE), &trace, &e))
        fail_msg("%s", e.message);
    bytes_save(program_path(p, "in.etl", path), trace.bytes, trace.len);
    outbuf_free(&trace);
    return 0;
}

// The exit code of a shell command in the folder.
static int shell(const program *p, const char *command)
{
    char line[4096];
    assert_true(snprintf(line, sizeof(line), "cd %s && { %s; } 2>&1", p->folder, command) < (int)sizeof(line));
    return WEXITSTATUS(system(line));
}

static void is_file(const program *p, const char *name, const char *wanted)
{
    char path[1024];
    outbuf text = {0};
    snprintf(path, sizeof(path), "%s/%s", p->folder, name);
    bytes_load(path, &text);
    outbuf_add(&text, "", 1);
    if (!strstr((const char *)text.bytes, wanted))
        fail_msg("%s has no %s:\n%s", name, wanted, (const char *)text.bytes);
    outbuf_free(&text);
}

static void a_file_for_each_kind_of_event(void **state)
{
    program *p = *state;
    assert_int_equal(RUN(p, "convert", "{}/in.etl", "-f", "csv", "--by-class", "-o", "{}/out/"), 0);
    assert_non_null(strstr((const char *)p->err.bytes, "5 records: 5 decoded, 0 partial, 0 raw\netwkit: 4 files\n"));
    assert_int_equal(shell(p, "find out -type f | LC_ALL=C sort >list; printf '%s\n' "
                              "'out/%2E.%2F%25%2FQ/a-b.csv' 'out/MSNT_SystemTrace/EventTrace-Header.csv' "
                              "'out/P/E (2).csv' out/P/E.csv | LC_ALL=C sort | cmp - list"),
                     0);
    // Names that differ in case are one column; each row has the columns of all layouts, no other kind of event's.
    is_file(p, "out/P/E.csv", ",message,data.N,data.S.X,data.L,data.T,raw,");
    is_file(p, "out/P/E.csv", ",decoded,,5,7,\"[1,2]\",,,");
    is_file(p, "out/P/E.csv", ",decoded,,6,,,\"a,b\",,");
    is_file(p, "out/%2E.%2F%25%2FQ/a-b.csv", ",message,data.R,raw,");
}

static void a_folder_for_each_value(void **state)
{
    program *p = *state;
    assert_int_equal(
        RUN(p, "convert", "{}/in.etl", "-f", "jsonl", "-q", "--partition-by", "day,provider", "-o", "{}/out/"), 0);
    assert_int_equal(shell(p, "find out -type f | LC_ALL=C sort >list; printf '%s\n' "
                              "out/day=2024-05-01/provider=%2E.%2F%25%2FQ/events.jsonl "
                              "out/day=2024-05-01/provider=MSNT_SystemTrace/events.jsonl "
                              "out/day=2024-05-01/provider=P/events.jsonl "
                              "out/day=2024-05-02/provider=P/events.jsonl | LC_ALL=C sort | cmp - list"),
                     0);
    // What the folder says is not in the file.
    is_file(p, "out/day=2024-05-02/provider=P/events.jsonl",
            "{\"record\":5,\"timestamp\":\"2024-05-02T00:00:00.0000000Z\",\"provider_id\":");
    assert_int_equal(
        RUN(p, "convert", "{}/in.etl", "-f", "csv.gz", "-q", "--partition-by", "hour,user_sid", "-o", "{}/gz/"), 0);
    assert_int_equal(shell(p, "zcat gz/hour=00/user_sid=__HIVE_DEFAULT_PARTITION__/events.csv.gz >x"), 0);
    is_file(p, "x", "activity_id,related_activity_id,schema,");
}

// A folder's name is the value for whoever reads the folders: names are whole, as far as file systems go.
static void long_values_are_whole(void **state)
{
    static const char LONG[] = "Microsoft-Windows-TerminalServices-LocalSessionManager";
    program *p = *state;
    char path[512], name[128];
    assert_int_equal(
        RUN(p, "convert", "samples/incident.etl", "-f", "jsonl", "-q", "--partition-by", "provider", "-o", "{}/long/"),
        0);
    snprintf(name, sizeof(name), "long/provider=%s", LONG);
    assert_int_equal(access(program_path(p, name, path), F_OK), 0);
    assert_int_equal(RUN(p, "convert", "samples/incident.etl", "-f", "jsonl", "-q", "--by-class", "-o", "{}/kinds/"),
                     0);
    snprintf(name, sizeof(name), "kinds/%s", LONG);
    assert_int_equal(access(program_path(p, name, path), F_OK), 0);
}

static void all_or_nothing(void **state)
{
    program *p = *state;
    assert_int_equal(shell(p, "mkdir full && echo mine >full/x"), 0);
    assert_int_equal(RUN(p, "convert", "{}/in.etl", "-f", "csv", "--by-class", "-o", "{}/full/"), 2);
    assert_non_null(strstr((const char *)p->err.bytes, "the folder is not empty"));
    assert_int_equal(RUN(p, "convert", "{}/in.etl", "-f", "csv", "--by-class", "--force", "-q", "-o", "{}/full/"), 0);
    assert_int_equal(shell(p, "test -s full/P/E.csv -a -s full/x"), 0);
    // A file where a folder should be: nothing is left.
    assert_int_equal(shell(p, "mkdir bad && echo mine >bad/P"), 0);
    assert_int_equal(RUN(p, "convert", "{}/in.etl", "-f", "csv", "--by-class", "--force", "-o", "{}/bad/"), 1);
    assert_int_equal(shell(p, "test \"$(ls bad)\" = P"), 0);
    // Too long for the disk.
    p->file_limit = 100;
    assert_int_equal(RUN(p, "convert", "{}/in.etl", "-f", "csv", "--by-class", "-o", "{}/small/"), 1);
    assert_int_equal(shell(p, "test ! -e small"), 0);
}

static void what_does_not_go_together(void **state)
{
    program *p = *state;
    static const char *const LINES[][6] = {
        {"--by-class", "-f", "csv", "-o", "x.csv"},
        {"--by-class", "-f", "text", "-o", "x/"},
        {"--by-class", "--partition-by=day", "-f", "csv", "-o", "x/"},
        {"--by-class", "--provenance", "-f", "csv", "-o", "x/"},
        {"--partition-by=message", "-f", "csv", "-o", "x/"},
        {"--partition-by=", "-f", "csv", "-o", "x/"},
        {"--partition-by=day,day,day,day,day,day,day,day,day", "-f", "csv", "-o", "x/"},
    };
    for (size_t i = 0; i < COUNT_OF(LINES); i++)
        if (RUN(p, "convert", "{}/in.etl", LINES[i][0], LINES[i][1], LINES[i][2], LINES[i][3], LINES[i][4],
                LINES[i][5]) != 2)
            fail_msg("%s %s: exit %d", LINES[i][0], LINES[i][1], p->code);
}

// More records than are kept in memory, of more kinds than one.
static void threads_make_no_difference(void **state)
{
    program *p = *state;
    char line[1024], path[512];
    snprintf(line, sizeof(line), "build=${BUILD:-build}; $build/gen_trace 24 %s", program_path(p, "big.etl", path));
    assert_int_equal(system(line), 0);
    static const char *const FORMATS[] = {"parquet", "csv"};
    for (size_t i = 0; i < COUNT_OF(FORMATS); i++) {
        const char *f = FORMATS[i];
        assert_int_equal(
            RUN(p, "convert", "{}/big.etl", "--no-hash", "-q", "-f", f, "--by-class", "-j", "1", "-o", "{}/one/"), 0);
        assert_int_equal(
            RUN(p, "convert", "{}/big.etl", "--no-hash", "-q", "-f", f, "--by-class", "-j", "4", "-o", "{}/four/"), 0);
        assert_int_equal(shell(p, "diff -r one four && test $(find one -type f | wc -l) -gt 3 && rm -r one four"), 0);
    }
}

// ---------------------------------------------------------------------------------------------- other people's readers

static bool has(const char *module)
{
    char line[1024];
    snprintf(line, sizeof(line), "%s -c 'import %s' 2>/dev/null", judge_python(), module);
    if (system(line) == 0)
        return true;
    print_message("skipped: %s has no %s\n", judge_python(), module);
    return false;
}

// By class, and as lines, whose names are put behind the line.
static void convert_for_pyarrow(program *p, const char *path, u32 number, outbuf *line)
{
    enum { LARGE = 20 << 20 }; // whose values are not compared one by one
    char folder[64], lines[64], both[2048];
    struct stat st;
    snprintf(folder, sizeof(folder), "{}/%u/", number);
    snprintf(lines, sizeof(lines), "{}/%u.jsonl", number);
    assert_int_equal(stat(path, &st), 0);
    if (st.st_size >= LARGE ||
        RUN(p, "convert", path, "--no-hash", "-q", "-f", "parquet", "--by-class", "-o", folder) == 1)
        return;
    assert_int_not_equal(RUN(p, "convert", path, "--no-hash", "-q", "-o", lines), 1);
    snprintf(both, sizeof(both), " %s/%u %s/%u.jsonl", p->folder, number, p->folder, number);
    outbuf_text(line, both);
}

// More kinds of events than a folder may have files: a sentence, and nothing is there.
static void one_class_too_many_is_refused(void **state)
{
    program *p = *state;
    static const char *const FORMATS[] = {"csv", "jsonl", "parquet"};
    char line[128], path[512];
    outbuf text = {0}, trace = {0};
    error e = {0};
    outbuf_text(&text, "trace\n");
    for (u32 i = 0; i <= LIMIT_PARTS; i++) {
        snprintf(line, sizeof(line), "%sevent provider={a0b1c2d3-0011-2233-4455-66778899aabb} id=%u\n",
                 i % 500 ? "" : "buffer\n", i + 1);
        outbuf_text(&text, line);
    }
    if (!etl_text_build((const char *)text.bytes, text.len, &trace, &e))
        fail_msg("%s", e.message);
    bytes_save(program_path(p, "many.etl", path), trace.bytes, trace.len);
    for (size_t i = 0; i < COUNT_OF(FORMATS); i++) {
        assert_int_equal(RUN(p, "convert", "-q", "--by-class", "-f", FORMATS[i], "-o", "{}/many/", "{}/many.etl"), 1);
        assert_non_null(strstr((const char *)p->err.bytes, "more than 20000 files"));
        assert_int_not_equal(access(program_path(p, "many", path), F_OK), 0);
    }
    outbuf_free(&text);
    outbuf_free(&trace);
}

static void pyarrow_reads_all_classes(void **state)
{
    (void)state;
    char pattern[512];
    const char *shared = getenv("ETWKIT_SHARED");
    glob_t found = {0};
    if (!has("pyarrow"))
        skip();
    snprintf(pattern, sizeof(pattern), "%s/corpus/*.etl", shared ? shared : "../shared");
    assert_int_equal(glob("samples/*.etl", 0, NULL, &found), 0);
    (void)glob(pattern, GLOB_APPEND, NULL, &found);
    program p;
    outbuf line = {0};
    program_begin(&p);
    outbuf_text(&line, judge_python());
    outbuf_text(&line, " tests/parquet_classes.py");
    for (size_t i = 0; i < found.gl_pathc; i++)
        if (judge_takes(found.gl_pathv[i]))
            convert_for_pyarrow(&p, found.gl_pathv[i], (u32)i, &line);
    outbuf_add(&line, "", 1);
    int status = system((const char *)line.bytes);
    globfree(&found);
    outbuf_free(&line);
    program_end(&p);
    assert_int_equal(status, 0);
}

// Rows and providers of all samples, as each of them reads a lake.
static void a_lake_loads(void **state)
{
    program *p = *state;
    char line[2048];
    if (!has("duckdb, pandas, pyarrow"))
        skip();
    assert_int_not_equal(RUN(p, "convert", "samples/dns.etl", "samples/merged.etl", "samples/service.etl", "-q", "-f",
                             "parquet", "--partition-by", "day,provider", "-o", "{}/lake/"),
                         1);
    snprintf(
        line, sizeof(line),
        "cd %s && %s -c \"import duckdb, pandas\n"
        "sql = 'select count(*), sum(record), count(distinct provider) from read_parquet(?, hive_partitioning=true)'\n"
        "got = duckdb.connect().execute(sql, ['lake/**/*.parquet']).fetchone()\n"
        "assert got == (280, 39340, 5), got\n"
        "lake = pandas.read_parquet('lake')\n"
        "assert (len(lake), lake.record.sum(), lake.provider.nunique()) == got\"",
        p->folder, judge_python());
    assert_int_equal(system(line), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_file_for_each_kind_of_event, setup, program_teardown),
        cmocka_unit_test_setup_teardown(a_folder_for_each_value, setup, program_teardown),
        cmocka_unit_test_setup_teardown(long_values_are_whole, program_setup, program_teardown),
        cmocka_unit_test_setup_teardown(all_or_nothing, setup, program_teardown),
        cmocka_unit_test_setup_teardown(what_does_not_go_together, setup, program_teardown),
        cmocka_unit_test_setup_teardown(threads_make_no_difference, program_setup, program_teardown),
        cmocka_unit_test_setup_teardown(one_class_too_many_is_refused, program_setup, program_teardown),
        cmocka_unit_test(pyarrow_reads_all_classes),
        cmocka_unit_test_setup_teardown(a_lake_loads, program_setup, program_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
