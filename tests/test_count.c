// States counted while a trace is scanned, against those of its records one by one: over all cases, where many classes
// are described only behind their events, and over the traces at hand.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "case_file.h"
#include "etl_text.h"
#include "pipeline.h"
#include "session/count.h"

typedef struct counts {
    u64 decoded, partial, raw, cut;
} counts;

static counts count(const char *path, bool in_first_pass, unsigned threads, bool *counted_all)
{
    error e;
    filter all;
    filter_init(&all);
    session *s = session_new();
    crew *c = crew_new(threads);
    s->crew = c;
    s->only_counts = in_first_pass;
    if (!session_open(s, path, &e))
        fail_msg("%s", e.message);
    assert_true(session_survey(s, NULL, NULL));
    assert_int_equal(s->counted, in_first_pass);
    *counted_all = true;
    for (u32 i = 0; i < class_count(s->classes); i++)
        *counted_all &= session_counted(s, i);
    pipeline_job job = {.session = s, .filter = &all};
    assert_true(pipeline_count(&job, &e));
    const trace *t = s->traces[0];
    counts out = {t->decoded, t->partial, t->raw, s->cut};
    assert_int_equal(job.records, t->events);
    crew_dismiss(c);
    session_free(s);
    crew_free(c);
    filter_free(&all);
    return out;
}

// Whether the first pass sufficed.
static bool compare(const char *name, const char *path)
{
    bool all;
    counts want = count(path, false, 1, &all);
    for (unsigned threads = 1; threads <= 3; threads += 2) {
        counts got = count(path, true, threads, &all);
        if (memcmp(&got, &want, sizeof(got)) != 0)
            fail_msg("%s: %llu decoded, %llu partial, %llu raw, %llu cut; one by one %llu, %llu, %llu, %llu", name,
                     (unsigned long long)got.decoded, (unsigned long long)got.partial, (unsigned long long)got.raw,
                     (unsigned long long)got.cut, (unsigned long long)want.decoded, (unsigned long long)want.partial,
                     (unsigned long long)want.raw, (unsigned long long)want.cut);
    }
    return all;
}

static bool compare_case(const char *path)
{
    case_file c;
    error e;
    outbuf file = {0};
    char name[] = "/tmp/etwkit-count.XXXXXX";
    if (!case_read(&c, path, &e) || !etl_text_build(c.text, c.trace_len, &file, &e))
        fail_msg("%s: %s", path, e.message);
    int fd = mkstemp(name);
    assert_true(fd >= 0 && write(fd, file.bytes, file.len) == (ssize_t)file.len);
    close(fd);
    session *s = session_new();
    bool is_trace = session_open(s, name, &e);
    session_free(s);
    bool all = !is_trace || compare(path, name);
    unlink(name);
    outbuf_free(&file);
    case_free(&c);
    return all;
}

static int setup(void **state)
{
    (void)state;
    count_least_bytes = 0;
    return 0;
}

static void cases(void **state)
{
    glob_t found;
    u32 sufficed = 0;
    (void)state;
    assert_int_equal(glob("tests/cases/*.case", 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++)
        sufficed += compare_case(found.gl_pathv[i]);
    globfree(&found);
    // Among these are cases with descriptions behind their events: what was not decoded is tried again.
    assert_true(sufficed > 50);
}

// The classes of the generated trace that it describes itself have more events than are kept.
static void more_than_is_kept(void **state)
{
    char command[300], path[] = "/tmp/etwkit-count.XXXXXX";
    const char *build = getenv("BUILD");
    (void)state;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    snprintf(command, sizeof(command), "'%s/gen_trace' 24 '%s'", build ? build : "build", path);
    assert_int_equal(system(command), 0);
    bool sufficed = compare("generated", path);
    unlink(path);
    assert_false(sufficed);
}

static void shared_traces(void **state)
{
    char pattern[512];
    const char *shared = getenv("ETWKIT_SHARED");
    glob_t found;
    (void)state;
    snprintf(pattern, sizeof(pattern), "%s/corpus/*.etl", shared ? shared : "../shared");
    if (glob(pattern, 0, NULL, &found) != 0) {
        print_message("skipped: no %s\n", pattern);
        skip();
    }
    for (size_t i = 0; i < found.gl_pathc; i++)
        (void)compare(found.gl_pathv[i], found.gl_pathv[i]);
    globfree(&found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(cases, setup),
        cmocka_unit_test_setup(more_than_is_kept, setup),
        cmocka_unit_test_setup(shared_traces, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
