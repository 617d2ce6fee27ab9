// --flat and --schema-first: fields of payloads as columns, of one kind each, no two of one name but for case; and that
// readers which infer columns load every trace. Environment: ETWKIT the program, ETWKIT_SHARED a folder whose
// corpus/*.etl are read as well, ETWKIT_PYTHON a Python with duckdb.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <cjson/cJSON.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/arena.h"
#include "etl_text.h"
#include "judges.h"

#define RUN(p, ...) program_run((p), (const char *const[]){__VA_ARGS__, NULL})
#define EVENT(name, fields)                                                                                            \
    "tracelogging provider={11111111-2222-3333-4444-555555555555} traits=P name=" name " " fields "\n"

// 0x7fc00000 is no number.
static const char TRACE[] =
    "trace\n"
    "buffer\n" EVENT("One", "fields={ u32 Count; wstr Message; u16[] List; struct S { u8 X; wstr Y } } "
                            "payload u32:5 wstr:\"a,b\" u16:2 u16:1,2 u8:7 wstr:y")
        EVENT("Two", "fields={ f64 count; wstr message; wstr Message; u32:hex list; struct s { u8 x } } "
                     "payload f64:1.5 wstr:low wstr:high u32:3 u8:8")
            EVENT("Three", "fields={ f32 R; bool B; struct[] T { u8 Q }; u16[] N } "
                           "payload u32:0x7fc00000 u32:1 u16:2 u8:1,2 u16:1 u16:9");

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

// The members of line `line` that begin with "data.", as JSON in their order.
static void fields_of(const program *p, int line, char *out, size_t room)
{
    const char *at = (const char *)p->out.bytes;
    while (line--)
        at = strchr(at, '\n') + 1;
    cJSON *record = cJSON_ParseWithLength(at, strcspn(at, "\n"));
    assert_non_null(record);
    *out = 0;
    const cJSON *member;
    cJSON_ArrayForEach (member, record) {
        if (strncmp(member->string, "data", 4) != 0)
            continue;
        char *value = cJSON_PrintUnformatted(member);
        assert_true(strlen(out) + strlen(value) + strlen(member->string) + 3 < room);
        sprintf(out + strlen(out), "%s=%s ", member->string, value);
        free(value);
    }
    cJSON_Delete(record);
}

static void json_has_one_kind_a_column(void **state)
{
    program *p = *state;
    char fields[2048];
    assert_int_equal(RUN(p, "convert", "{}/in.etl", "-q", "--flat", "--provider", "P"), 0);
    fields_of(p, 0, fields, sizeof(fields));
    assert_string_equal(fields, "data.Count=5 data.Message=\"a,b\" data.List=\"[1,2]\" data.S.X=7 data.S.Y=\"y\" ");
    fields_of(p, 1, fields, sizeof(fields));
    assert_string_equal(fields,
                        "data.Count=1.5 data.Message=\"low\" data.List=\"0x3\" data.S.X=8 data.Message_2=\"high\" ");
    fields_of(p, 2, fields, sizeof(fields));
    assert_string_equal(fields, "data.B=true data.T=\"[{\\\"Q\\\":1},{\\\"Q\\\":2}]\" data.N=[9] ");
}

// Of what the filter lets through, all; of the second record only what it has.
static void the_first_record_has_all_columns(void **state)
{
    program *p = *state;
    char fields[2048];
    assert_int_equal(RUN(p, "convert", "{}/in.etl", "-q", "--flat", "--schema-first", "--provider", "P"), 0);
    fields_of(p, 0, fields, sizeof(fields));
    assert_string_equal(fields, "data.Count=5 data.Message=\"a,b\" data.List=\"[1,2]\" data.S.X=7 data.S.Y=\"y\" "
                                "data.Message_2=null data.R=null data.B=null data.T=null data.N=null ");
    assert_non_null(strstr((const char *)p->out.bytes, ",\"activity_id\":null,"));
    fields_of(p, 2, fields, sizeof(fields));
    assert_null(strstr(fields, "Count"));
    assert_int_equal(RUN(p, "convert", "{}/in.etl", "-q", "--schema-first", "--provider", "P"), 0);
    fields_of(p, 0, fields, sizeof(fields));
    assert_string_equal(fields, "data={\"Count\":5,\"Message\":\"a,b\",\"List\":[1,2],\"S\":{\"X\":7,\"Y\":\"y\"}} ");
    assert_int_equal(RUN(p, "convert", "{}/in.etl", "-f", "csv", "--schema-first"), 2);
    assert_int_equal(RUN(p, "convert", "{}/in.etl", "-f", "text", "--flat"), 2);
}

// The columns of `name` in each row of CSV without line breaks in cells.
static void csv_has_a_cell_for_each(void **state)
{
    program *p = *state;
    assert_int_equal(RUN(p, "convert", "{}/in.etl", "-q", "-f", "csv", "--flat", "--provider", "P"), 0);
    const char *text = (const char *)p->out.bytes;
    assert_non_null(strstr(text, ",message,data.Count,data.Message,data.List,data.S.X,data.S.Y,data.Message_2,data.R,"
                                 "data.B,data.T,data.N,raw,stack,"));
    assert_non_null(strstr(text, ",decoded,,5,\"a,b\",\"[1,2]\",7,y,,,,,,,,"));
    assert_non_null(strstr(text, ",decoded,,1.500000,low,0x3,8,,high,,,,,,,"));
    assert_non_null(strstr(text, ",decoded,,,,,,,,NaN,true,\"[{\"\"Q\"\":1},{\"\"Q\"\":2}]\",[9],,,"));
}

// 32,767 characters are what a cell holds; a character beyond the BMP is two, a doubled quote one.
static void long_cells_are_told(void **state)
{
    program *p = *state;
    static char text[200000];
    char path[512];
    error e = {0};
    outbuf trace = {0};
    char *at = text + sprintf(text, "trace buffer-size=1048576\nbuffer size=1048576\n");
    static const struct {
        const char *first;
        u32 more;
    } CELLS[] = {{"\\\"", 32766}, {"\\\"", 32767}, {"\xf0\x9f\x98\x80", 32765}, {"\xf0\x9f\x98\x80", 32766}};
    for (size_t i = 0; i < COUNT_OF(CELLS); i++) {
        at += sprintf(at, "tracelogging name=N fields={ castr:utf8 T } payload u16:%u chars:\"%s",
                      CELLS[i].more + (i < 2 ? 1 : 4), CELLS[i].first);
        memset(at, 'x', CELLS[i].more);
        at += CELLS[i].more;
        at += sprintf(at, "\"\n");
    }
    if (!etl_text_build(text, strlen(text), &trace, &e))
        fail_msg("%s", e.message);
    bytes_save(program_path(p, "long.etl", path), trace.bytes, trace.len);
    outbuf_free(&trace);
    assert_int_equal(RUN(p, "convert", "{}/long.etl", "-o", "{}/long.csv", "--flat"), 0);
    assert_non_null(strstr((const char *)p->err.bytes,
                           "\netwkit: 2 cells have more than 32767 characters: spreadsheets cut them\n"));
}

// DuckDB as its manual says, without a declared column: a row for each record, a column for each field.
static void duckdb_infers_all_columns(void **state)
{
    (void)state;
    program p;
    glob_t found = {0};
    char pattern[512], line[1024];
    const char *shared = getenv("ETWKIT_SHARED");
    snprintf(line, sizeof(line), "%s -c 'import duckdb' 2>/dev/null", judge_python());
    if (system(line) != 0) {
        print_message("skipped: %s has no duckdb\n", judge_python());
        skip();
    }
    snprintf(pattern, sizeof(pattern), "%s/corpus/*.etl", shared ? shared : "../shared");
    assert_int_equal(glob("samples/*.etl", 0, NULL, &found), 0);
    (void)glob(pattern, GLOB_APPEND, NULL, &found);
    program_begin(&p);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        if (RUN(&p, "convert", found.gl_pathv[i], "--no-hash", "-q", "--force", "--flat", "--schema-first", "-o",
                "{}/x.jsonl") == 1)
            continue; // not a trace
        snprintf(
            line, sizeof(line),
            "%s -c \"import duckdb, sys; n = duckdb.connect().execute(\\\"select count(*) from '%s/x.jsonl'\\\").fetchone()[0]; "
            "m = sum(1 for _ in open('%s/x.jsonl', 'rb')); sys.exit(n != m)\"",
            judge_python(), p.folder, p.folder);
        if (system(line) != 0)
            fail_msg("%s: not as many rows as records", found.gl_pathv[i]);
    }
    globfree(&found);
    program_end(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(json_has_one_kind_a_column, setup, program_teardown),
        cmocka_unit_test_setup_teardown(the_first_record_has_all_columns, setup, program_teardown),
        cmocka_unit_test_setup_teardown(csv_has_a_cell_for_each, setup, program_teardown),
        cmocka_unit_test_setup_teardown(long_cells_are_told, program_setup, program_teardown),
        cmocka_unit_test(duckdb_infers_all_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
