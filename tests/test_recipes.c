// The commands that README.md and its kin show, run as they are written, by the tools they are for (recipes.py).
// Environment: ETWKIT the program; ETWKIT_PYTHON a Python with duckdb-cli, chdb, pandas, polars, timesketch.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "judges.h"

static void recipes(const char *tool, const char *needs)
{
    char line[1024];
    const char *named = getenv("ETWKIT");
    snprintf(line, sizeof(line), "%s tests/recipes.py %s %s", judge_python(), tool, named ? named : "build/etwkit");
    int code = judge_code(system(line));
    if (code == 77) {
        print_message("skipped: there is no %s\n", needs);
        skip();
    }
    assert_int_equal(code, 0);
}

#define RECIPES(tool, needs)                                                                                           \
    static void with_##tool(void **state)                                                                              \
    {                                                                                                                  \
        (void)state;                                                                                                   \
        recipes(#tool, needs);                                                                                         \
    }
RECIPES(etwkit, "jq")
RECIPES(duckdb, "duckdb, the command line tool")
RECIPES(clickhouse, "chdb")
RECIPES(pandas, "pandas and pyarrow")
RECIPES(polars, "polars and pyarrow")
RECIPES(postgres, "server of PostgreSQL")
RECIPES(tshark, "tshark")
RECIPES(speedscope, "Python")
RECIPES(flamegraph, "flamegraph.pl")
RECIPES(http, "curl or jq")
RECIPES(timesketch, "timesketch")

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(with_etwkit), cmocka_unit_test(with_duckdb),     cmocka_unit_test(with_clickhouse),
        cmocka_unit_test(with_pandas), cmocka_unit_test(with_polars),     cmocka_unit_test(with_postgres),
        cmocka_unit_test(with_tshark), cmocka_unit_test(with_speedscope), cmocka_unit_test(with_flamegraph),
        cmocka_unit_test(with_http),   cmocka_unit_test(with_timesketch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
