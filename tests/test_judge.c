// Every value of TraceLogging events and of events with manifests in all traces at hand, as judge.py reads it, a
// decoder of its own. Needs Python.
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "program.h"

static const char *python(void)
{
    const char *named = getenv("ETWKIT_PYTHON");
    return named ? named : "python3";
}

static const char *tested(void)
{
    const char *named = getenv("ETWKIT");
    return named ? named : "build/etwkit";
}

static int run(const char *format, ...)
{
    char line[2048];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    int status = system(line);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void need_python(void)
{
    if (run("%s -c '' 2>/dev/null", python()) != 0) {
        print_message("skipped: no %s\n", python());
        skip();
    }
}

// Traces of cases, written into the folder.
static void build_traces(const program *p, const char *pattern)
{
    glob_t found;
    assert_int_equal(glob(pattern, 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++)
        assert_int_equal(run("$(dirname %s)/etl_make %s %s/%zu-$(basename %s .case).etl", tested(), found.gl_pathv[i],
                             p->folder, i, found.gl_pathv[i]),
                         0);
    globfree(&found);
}

static void agrees_on_all_traces(void **state)
{
    (void)state;
    need_python();
    program p;
    const char *shared = getenv("ETWKIT_SHARED");
    program_begin(&p);
    build_traces(&p, "tests/cases/tracelogging-*.case");
    build_traces(&p, "tests/cases/eventsource-*.case");
    int code = run("%s tests/judge.py %s samples/*.etl %s/*.etl $(ls %s/corpus/*.etl 2>/dev/null) >%s/said", python(),
                   tested(), p.folder, shared ? shared : "../shared", p.folder);
    if (code)
        (void)run("cat %s/said", p.folder);
    program_end(&p);
    assert_int_equal(code, 0);
}

// A program that gets one digit wrong is found out.
static void a_wrong_value_is_seen(void **state)
{
    (void)state;
    need_python();
    program p;
    char path[512];
    program_begin(&p);
    build_traces(&p, "tests/cases/eventsource-by-process.case");
    program_path(&p, "liar", path);
    FILE *liar = fopen(path, "w");
    assert_non_null(liar);
    fprintf(liar, "#!/bin/sh\n%s \"$@\" | sed 's/\"statusCode\":404/\"statusCode\":405/'\n", tested());
    fclose(liar);
    assert_int_equal(chmod(path, 0755), 0);
    int code = run("%s tests/judge.py %s %s/*.etl >%s/said", python(), path, p.folder, p.folder);
    int seen = run("grep -q '6 judged, 1 differ' %s/said", p.folder);
    program_end(&p);
    assert_int_equal(code, 1);
    assert_int_equal(seen, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_on_all_traces),
        cmocka_unit_test(a_wrong_value_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
