// The same bytes come out for every number of threads: over a trace of many buffers and processors, plain and
// compressed, in every format, with filters of every kind. And a filter's records are those of the whole trace.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "program.h"

static const char *const FORMATS[] = {"jsonl", "json", "csv", "timesketch", "l2tcsv", "text", "otel", "ecs", "parquet"};

// What is asked for beside the format; NULL ends each.
static const char *const FILTERS[][3] = {
    {NULL},
    {"--event-id", "3000-3010", NULL},
    {"--where", "process_id > 100 and processor = 1", NULL}, // needs records: numbers are known late
    {"--where", "process_id = 1 and process_id = 2", NULL},  // keeps none
};

static void make_trace(const char *path, const char *form)
{
    const char *build = getenv("BUILD");
    char tool[256];
    snprintf(tool, sizeof(tool), "%s/gen_trace", build ? build : "build");
    pid_t child = fork();
    if (child == 0) {
        if (form)
            execl(tool, tool, "3", form, path, (char *)NULL);
        else
            execl(tool, tool, "3", path, (char *)NULL);
        _exit(127);
    }
    int status = 1;
    assert_true(child > 0 && waitpid(child, &status, 0) == child);
    assert_int_equal(status, 0);
}

// The output for a number of threads, in *out.
static void converted(program *p, const char *trace, const char *format, const char *const *filter, const char *threads,
                      outbuf *out)
{
    const char *args[16] = {"convert", "--cache", "none", "-q", "--no-hash", "-f", format, "-j", threads, trace};
    for (u32 i = 10; *filter; i++)
        args[i] = *filter++;
    assert_int_equal(program_run(p, args), 0);
    out->len = 0;
    outbuf_add(out, p->out.bytes, p->out.len);
}

static void check_format(program *p, const char *trace, size_t format, size_t filter)
{
    static const char *const THREADS[] = {"2", "5"};
    outbuf one = {0}, more = {0};
    converted(p, trace, FORMATS[format], FILTERS[filter], "1", &one);
    for (size_t t = SANITIZED; t < COUNT_OF(THREADS); t++) {
        converted(p, trace, FORMATS[format], FILTERS[filter], THREADS[t], &more);
        if (more.len != one.len || (one.len && memcmp(more.bytes, one.bytes, one.len) != 0))
            fail_msg("%s, filter %zu: %s threads give other bytes than one", FORMATS[format], filter, THREADS[t]);
    }
    outbuf_free(&one);
    outbuf_free(&more);
}

// Each format with each filter; under a sanitizer each once, since what filters do has no part in what formats do.
static void check_trace(program *p, const char *trace)
{
    for (size_t f = 0; f < COUNT_OF(FORMATS); f++)
        for (size_t i = 0; i < COUNT_OF(FILTERS); i++)
            if (!SANITIZED || f == 0 || i == 0)
                check_format(p, trace, f, i);
}

// The lines with that text in them, without the record number they begin with.
static void lines_with(const outbuf *lines, const char *text, outbuf *out)
{
    out->len = 0;
    for (size_t at = 0, next; at < lines->len; at = next) {
        char *line = (char *)lines->bytes + at, *end = memchr(line, '\n', lines->len - at), *rest = strchr(line, ',');
        assert_non_null(end);
        next = at + (size_t)(end - line) + 1;
        *end = 0;
        bool found = strstr(line, text) != NULL;
        *end = '\n';
        if (found)
            outbuf_add(out, rest, (size_t)(end + 1 - rest));
    }
}

// A filter for classes lets the survey keep what is asked for and the second pass read nothing else: its records, with
// their stacks and names, are those of the whole trace all the same.
static void check_class_filters(program *p, const char *trace)
{
    static const struct {
        const char *filter[3], *line;
    } CASES[] = {
        {{"--provider", "ce1dbfb4-137e-4da6-87b0-3f59aa102cbc"},
         "\"provider_id\":\"ce1dbfb4-137e-4da6-87b0-3f59aa102cbc\""},
        {{"--provider", "90cbdc39-4a3e-11d1-84f4-0000f80464e3"},
         "\"provider_id\":\"90cbdc39-4a3e-11d1-84f4-0000f80464e3\""},
        {{"--provider", "generated-system"}, "\"provider\":\"Generated-System\""},
        {{"--event-id", "30"}, "\"event_id\":30,"},
        {{"--event-id", "0"}, "\"event_id\":0,"}, // most events: little is kept
    };
    outbuf all = {0}, wanted = {0}, some = {0}, got = {0};
    converted(p, trace, "jsonl", FILTERS[0], "1", &all);
    for (size_t i = 0; i < COUNT_OF(CASES); i++) {
        lines_with(&all, CASES[i].line, &wanted);
        assert_true(wanted.len > 0);
        static const char *const THREADS[] = {"1", "3"};
        for (size_t t = 0; t < COUNT_OF(THREADS); t++) {
            converted(p, trace, "jsonl", CASES[i].filter, THREADS[t], &some);
            lines_with(&some, "", &got);
            if (got.len != wanted.len || memcmp(got.bytes, wanted.bytes, got.len) != 0)
                fail_msg("%s %s: not the lines of the whole trace", CASES[i].filter[0], CASES[i].filter[1]);
        }
    }
    outbuf_free(&all);
    outbuf_free(&wanted);
    outbuf_free(&some);
    outbuf_free(&got);
}

// What info counts is what convert writes, for any number of threads.
static void check_info(program *p, const char *trace)
{
    outbuf one = {0}, lines = {0};
    static const char *const THREADS[] = {"1", "2", "5"};
    converted(p, trace, "jsonl", FILTERS[0], "1", &lines);
    char total[64];
    snprintf(total, sizeof(total), "\"events\":{\"total\":%u,\"decoded\":%u,", program_lines(&lines),
             program_lines(&lines));
    for (size_t t = 0; t < COUNT_OF(THREADS); t++) {
        const char *args[] = {"info", "--json", "--cache", "none", "-j", THREADS[t], trace, NULL};
        assert_int_equal(program_run(p, args), 0);
        if (t == 0)
            outbuf_add(&one, p->out.bytes, p->out.len);
        assert_int_equal(p->out.len, one.len);
        assert_memory_equal(p->out.bytes, one.bytes, one.len);
    }
    outbuf_add(&one, "", 1);
    assert_non_null(strstr((const char *)one.bytes, total));
    outbuf_free(&one);
    outbuf_free(&lines);
}

static void check_form(const char *form)
{
    program p;
    char path[512];
    program_begin(&p);
    make_trace(program_path(&p, "trace.etl", path), form);
    check_trace(&p, path);
    check_class_filters(&p, path);
    check_info(&p, path);
    program_end(&p);
}

static void plain_traces_give_the_same_bytes(void **state)
{
    (void)state;
    check_form(NULL);
}

static void compressed_traces_give_the_same_bytes(void **state)
{
    (void)state;
    check_form("--xpress");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_traces_give_the_same_bytes),
        cmocka_unit_test(compressed_traces_give_the_same_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
