// What others read, written in Python: every value of TraceLogging events and of events with manifests in all traces at
// hand by a decoder of its own (judge.py); processes and activities by the records (entities.py); what PerfView's
// library read of some (peer.py); events made of the public files the core is made from (public_dumps.py).
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "judges.h"

static const char *tested(void)
{
    const char *named = getenv("ETWKIT");
    return named ? named : "build/etwkit";
}

static const char *shared(void)
{
    const char *named = getenv("ETWKIT_SHARED");
    return named ? named : "../shared";
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
    if (run("%s -c '' 2>/dev/null", judge_python()) != 0) {
        print_message("skipped: no %s\n", judge_python());
        skip();
    }
}

// The traces of others; under a sanitizer small ones alone, since what the judges do is the same there.
#define OTHERS "$(find %s/corpus -maxdepth 1 -name '*.etl' -size -%dk 2>/dev/null)"
enum { MOST_KIB = SANITIZED ? 128 : 1 << 30 };

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
    program_begin(&p);
    build_traces(&p, "tests/cases/tracelogging-*.case");
    build_traces(&p, "tests/cases/eventsource-*.case");
    int code = run("%s tests/judge.py %s samples/*.etl %s/*.etl " OTHERS " >%s/said", judge_python(), tested(),
                   p.folder, shared(), MOST_KIB, p.folder);
    if (code)
        (void)run("cat %s/said", p.folder);
    program_end(&p);
    assert_int_equal(code, 0);
}

// A program that says what `sed` makes of what the tested one does.
static void make_liar(program *p, const char *sed, char path[512])
{
    program_path(p, "liar", path);
    FILE *liar = fopen(path, "w");
    assert_non_null(liar);
    fprintf(liar, "#!/bin/sh\n%s \"$@\" | sed '%s'\n", tested(), sed);
    fclose(liar);
    assert_int_equal(chmod(path, 0755), 0);
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
    make_liar(&p, "s/\"statusCode\":404/\"statusCode\":405/", path);
    int code = run("%s tests/judge.py %s %s/*.etl >%s/said", judge_python(), path, p.folder, p.folder);
    int seen = run("grep -q '6 judged, 1 differ' %s/said", p.folder);
    program_end(&p);
    assert_int_equal(code, 1);
    assert_int_equal(seen, 0);
}

// Processes and activities, put together anew from the records.
static void entities_agree_with_the_records(void **state)
{
    (void)state;
    need_python();
    program p;
    program_begin(&p);
    int code = run("%s tests/entities.py %s samples/*.etl " OTHERS " >%s/said", judge_python(), tested(), shared(),
                   MOST_KIB, p.folder);
    if (code)
        (void)run("cat %s/said", p.folder);
    program_end(&p);
    assert_int_equal(code, 0);
}

static void a_wrong_parent_is_seen(void **state)
{
    (void)state;
    need_python();
    program p;
    char path[512];
    program_begin(&p);
    make_liar(&p, "s/\"ParentId\":\"0x1F6C\"/\"ParentId\":\"0x1F6D\"/", path);
    int code = run("%s tests/entities.py %s samples/processes.etl >%s/said", judge_python(), path, p.folder);
    int seen = run("grep -q 'is not in the records' %s/said", p.folder);
    program_end(&p);
    assert_int_equal(code, 1);
    assert_int_equal(seen, 0);
}

static void need_baselines(void)
{
    if (run("ls %s/corpus/ref/*.baseline.txt >/dev/null 2>&1", shared()) != 0) {
        print_message("skipped: no baselines in %s/corpus/ref\n", shared());
        skip();
    }
}

// peer.py over each trace that has a baseline.
static int beside_peer(const char *etwkit, const char *folder)
{
    return run(
        "for b in %s/corpus/ref/*.baseline.txt; do n=$(basename $b .baseline.txt); echo %s/corpus/$n.etl $b; done |"
        " xargs %s tests/peer.py %s >%s/said",
        shared(), shared(), judge_python(), etwkit, folder);
}

static void agrees_with_the_peer(void **state)
{
    (void)state;
    need_python();
    need_baselines();
    program p;
    program_begin(&p);
    int code = beside_peer(tested(), p.folder);
    if (code)
        (void)run("cat %s/said", p.folder);
    program_end(&p);
    assert_int_equal(code, 0);
}

static void a_wrong_field_is_seen(void **state)
{
    (void)state;
    need_python();
    need_baselines();
    program p;
    char path[512];
    program_begin(&p);
    make_liar(&p, "s/\"CommandLine\":\"/&x/; s/0x60043/0x60042/", path);
    int code = beside_peer(path, p.folder);
    int seen = run("grep -q 'CommandLine: ours .x' %s/said && grep -q 'IrpFlags: ours' %s/said", p.folder, p.folder);
    program_end(&p);
    assert_int_not_equal(code, 0);
    assert_int_equal(seen, 0);
}

// Both sources, with one event of a provider of Windows as they write it.
static void make_sources(const program *p, const char *type)
{
    assert_int_equal(
        run("cd %s && git init -q manifests && git init -q dumps && mkdir -p manifests/Manifests-Win10-17134 dumps/manifest"
            " && cat >manifests/Manifests-Win10-17134/x.xml <<E\n"
            "<provider name=\"Microsoft-Windows-Kernel-Process\" guid=\"{22fb2cd6-0e7b-422b-a0c7-2fad1fd0e716}\" >\n"
            "<event value=\"1\" version=\"0\" template=\"A\"/>\n"
            "<template tid=\"A\"><data name=\"ProcessID\" inType=\"win:%s\"/>"
            "<data name=\"CreateTime\" inType=\"win:FILETIME\"/><data name=\"ParentProcessID\" inType=\"win:UInt32\"/>"
            "<data name=\"SessionID\" inType=\"win:UInt32\"/><data name=\"ImageName\" inType=\"win:UnicodeString\"/>"
            "</template>\nE\n"
            "echo 'Windows 10 Pro 1809 (17763)' >dumps/version.txt && printf 'head\\nMicrosoft-Windows-Kernel-Process\\t1\\t0\\t"
            "ProcessStart(UInt32 ProcessID, FILETIME CreateTime, UInt32 ParentProcessID, UInt32 SessionID, "
            "UnicodeString ImageName)\\n' >dumps/manifest/x.tsv"
            " && for r in manifests dumps; do git -C $r add . && git -C $r -c user.name=a -c user.email=a commit -qm a; done",
            p->folder, type),
        0);
}

static int core_beside_sources(const program *p)
{
    return run("%s tests/public_dumps.py %s $(dirname %s)/etl_make %s/manifests %s/dumps >%s/said", judge_python(),
               tested(), tested(), p->folder, p->folder, p->folder);
}

static void need_git(void)
{
    if (run("git --version >/dev/null 2>&1") != 0) {
        print_message("skipped: no git\n");
        skip();
    }
}

// How `make core-check` judges.
static void core_is_held_against_its_sources(void **state)
{
    (void)state;
    need_python();
    need_git();
    program p;
    program_begin(&p);
    make_sources(&p, "UInt32");
    int right = core_beside_sources(&p), both = run("grep -q '^2 descriptions, 2 decoded' %s/said", p.folder);
    program_end(&p);
    program_begin(&p);
    make_sources(&p, "UInt64");
    int wrong = core_beside_sources(&p), one = run("grep -q '^2 descriptions, 1 decoded' %s/said", p.folder);
    program_end(&p);
    assert_int_equal(right, 0);
    assert_int_equal(both, 0);
    assert_int_equal(wrong, 1);
    assert_int_equal(one, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_on_all_traces),
        cmocka_unit_test(a_wrong_value_is_seen),
        cmocka_unit_test(entities_agree_with_the_records),
        cmocka_unit_test(a_wrong_parent_is_seen),
        cmocka_unit_test(agrees_with_the_peer),
        cmocka_unit_test(a_wrong_field_is_seen),
        cmocka_unit_test(core_is_held_against_its_sources),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
