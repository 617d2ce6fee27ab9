// etwkit ddl: the table of each database has the columns of the outputs in their order; DuckDB (from ETWKIT_PYTHON's
// Python) and the sqlite3 shell load what the printed statements say, where they are installed.
#define _XOPEN_SOURCE 700 // realpath
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/arena.h"
#include "judges.h"

#define RUN(p, ...) program_run((p), (const char *const[]){__VA_ARGS__, NULL})

// The names of CSV's header, a line each, quoted.
static void tables_have_all_columns(void **state)
{
    static const char *const NAMES[] = {"duckdb", "clickhouse", "postgres", "sqlite"};
    program *p = *state;
    assert_int_equal(RUN(p, "convert", "samples/dns.etl", "-q", "-f", "csv"), 0);
    char header[2048];
    snprintf(header, sizeof(header), "%.*s", (int)strcspn((const char *)p->out.bytes, "\r"),
             (const char *)p->out.bytes);
    for (size_t i = 0; i < COUNT_OF(NAMES); i++) {
        assert_int_equal(RUN(p, "ddl", NAMES[i]), 0);
        const char *at = (const char *)p->out.bytes;
        assert_memory_equal(at, "CREATE TABLE events (\n", 22);
        char names[2048];
        strcpy(names, header);
        for (char *name = strtok(names, ","); name; name = strtok(NULL, ",")) {
            char wanted[128];
            at = strchr(at, '\n') + 1;
            snprintf(wanted, sizeof(wanted), "    \"%s\" ", name);
            assert_memory_equal(at, wanted, strlen(wanted));
        }
        assert_int_equal(strchr(at, '\n')[1], ')');
    }
    assert_int_equal(RUN(p, "ddl", "duckbd"), 2);
    assert_non_null(strstr((const char *)p->err.bytes, "unknown database 'duckbd'; did you mean 'duckdb'?"));
}

// The exit code of a shell command in the folder; $E is the program.
static int shell(const program *p, const char *command)
{
    char line[8192], path[4096];
    const char *named = getenv("ETWKIT");
    assert_non_null(realpath(named ? named : "build/etwkit", path));
    int len = snprintf(line, sizeof(line), "E=%s; cd %s && { %s; } 2>&1", path, p->folder, command);
    assert_true(len > 0 && (size_t)len < sizeof(line));
    return judge_code(system(line));
}

static void make_outputs(program *p)
{
    assert_int_equal(RUN(p, "convert", "samples/merged.etl", "samples/service.etl", "-q", "-o", "{}/events.jsonl"), 0);
    assert_int_equal(
        RUN(p, "convert", "samples/merged.etl", "samples/service.etl", "-q", "--no-guard", "-o", "{}/events.csv"), 0);
}

static void sqlite_loads_it(void **state)
{
    program *p = *state;
    make_outputs(p);
    if (shell(p, "command -v sqlite3 >/dev/null") != 0) {
        print_message("skipped: there is no sqlite3\n");
        skip();
    }
    assert_int_equal(shell(p, "\"$E\" ddl sqlite | sqlite3 x.db && "
                              "test \"$(sqlite3 x.db 'select count(*), sum(record) from events')\" = '253|32131'"),
                     0);
}

static void duckdb_loads_it(void **state)
{
    program *p = *state;
    const char *python = judge_python();
    char line[1024];
    make_outputs(p);
    snprintf(line, sizeof(line), "%s -c 'import duckdb'", python);
    if (shell(p, line) != 0) {
        print_message("skipped: %s has no duckdb\n", python);
        skip();
    }
    // Times keep all digits; the payload is JSON.
    snprintf(line, sizeof(line),
             "\"$E\" ddl duckdb | %s -c \"import sys, duckdb; c = duckdb.connect(); c.execute(sys.stdin.read()); "
             "r = c.execute('select count(*), sum(record), count(data), typeof(any_value(timestamp)) from events')"
             ".fetchone(); assert r == (253, 32131, 248, 'TIMESTAMP_NS'), r\"",
             python);
    assert_int_equal(shell(p, line), 0);
}

// All traces at hand, by the printed statements.
static void every_trace_loads(program *p, const char *database)
{
    char more[128];
    snprintf(more, sizeof(more), "%s %s", database, p->folder);
    int code = judge_traces("tests/ddl_load.py", more);
    if (code == 77) {
        print_message("skipped: %s has no %s\n", judge_python(), strcmp(database, "duckdb") == 0 ? "duckdb" : "chdb");
        skip();
    }
    assert_int_equal(code, 0);
}

static void duckdb_loads_every_trace(void **state)
{
    every_trace_loads(*state, "duckdb");
}

static void clickhouse_loads_every_trace(void **state)
{
    every_trace_loads(*state, "clickhouse");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(tables_have_all_columns, program_setup, program_teardown),
        cmocka_unit_test_setup_teardown(sqlite_loads_it, program_setup, program_teardown),
        cmocka_unit_test_setup_teardown(duckdb_loads_it, program_setup, program_teardown),
        cmocka_unit_test_setup_teardown(duckdb_loads_every_trace, program_setup, program_teardown),
        cmocka_unit_test_setup_teardown(clickhouse_loads_every_trace, program_setup, program_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
