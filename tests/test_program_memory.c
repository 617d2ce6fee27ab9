// Where the program gets no memory, whoever wants it (the engine, cJSON, expat, SQLite): one sentence, exit code 1 and
// no output, or, where the allocation was a wish only, the very result it has otherwise. Never a crash, never a result
// with something left out.
//
// The calls that fail are spread over the run; ETWKIT_SWEEP=all in the environment has every single one fail.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "program.h"

enum { POINTS = 60 };

static char preload[4096];

typedef struct sweep {
    const char *const *args;
    const char *out; // a file of the folder, or NULL
    bool varies;     // its bytes differ from run to run (it says when it was made)
} sweep;

static void run(program *p, const sweep *s, u64 fails_at)
{
    char number[32], path[512];
    snprintf(number, sizeof(number), "%llu", (unsigned long long)fails_at);
    if (s->out)
        unlink(program_path(p, s->out, path));
    setenv("LD_PRELOAD", preload, 1);
    setenv("ETWKIT_FAIL_ALLOC", number, 1);
    setenv("ETWKIT_COUNT_ALLOC", program_path(p, ".calls", path), 1);
    program_run(p, s->args);
    unsetenv("LD_PRELOAD");
    unsetenv("ETWKIT_FAIL_ALLOC");
    unsetenv("ETWKIT_COUNT_ALLOC");
}

static u64 calls_of_last_run(program *p)
{
    char path[512];
    outbuf text = {0};
    bytes_load(program_path(p, ".calls", path), &text);
    u64 calls = strtoull((const char *)text.bytes, NULL, 10);
    outbuf_free(&text);
    return calls;
}

static void load_output(program *p, const sweep *s, outbuf *into)
{
    char path[512];
    into->len = 0;
    if (s->out && access(program_path(p, s->out, path), F_OK) == 0)
        bytes_load(path, into);
}

static void copy(outbuf *to, const outbuf *from)
{
    to->len = 0;
    outbuf_add(to, from->bytes, from->len);
}

static bool same_bytes(const outbuf *a, const outbuf *b)
{
    return a->len == b->len && (a->len == 0 || memcmp(a->bytes, b->bytes, a->len) == 0);
}

typedef struct outcome {
    int code;
    outbuf out, file;
} outcome;

static void check(const program *p, const sweep *s, const outcome *usual, const outbuf *file, u64 n)
{
    enum {
        LOADER = 127
    }; // glibc's loader ends the program itself where a library that it has begun to load needs more
    const char *said = (const char *)p->err.bytes;
    bool whole = same_bytes(file, &usual->file) || (s->varies && file->len);
    bool failed = (p->code == 1 || p->code == LOADER) &&
                  (strstr(said, "out of memory") || strstr(said, "annot allocate memory")) && (file->len == 0 || whole);
    bool done = p->code == usual->code && same_bytes(&p->out, &usual->out) && whole;
    if (!failed && !done)
        fail_msg("%s, allocation %llu: exit code %d, %zu bytes of output, it says: %s", s->args[0],
                 (unsigned long long)n, p->code, file->len, said);
}

static void every_allocation(program *p, const sweep *s)
{
    outcome usual = {0};
    outbuf file = {0};
    if (SANITIZED) {
        print_message("skipped: a sanitizer has replaced the allocator\n");
        skip();
    }
    run(p, s, 0);
    usual.code = p->code;
    copy(&usual.out, &p->out);
    load_output(p, s, &usual.file);
    u64 calls = calls_of_last_run(p), step = getenv("ETWKIT_SWEEP") ? 1 : 1 + calls / POINTS;
    assert_true(p->code == 0 || p->code == 3);
    assert_true(calls > 50);
    for (u64 n = 1; n <= calls; n += step) {
        run(p, s, n);
        load_output(p, s, &file);
        check(p, s, &usual, &file, n);
    }
    outbuf_free(&usual.out);
    outbuf_free(&usual.file);
    outbuf_free(&file);
}

#define ARGS(...)                                                                                                      \
    .args = (const char *const[])                                                                                      \
    {                                                                                                                  \
        __VA_ARGS__, NULL                                                                                              \
    }

static void info(void **state)
{
    every_allocation(*state, &(sweep){ARGS("info", "samples/driver.etl")});
    every_allocation(*state, &(sweep){ARGS("info", "--json", "samples/merged.etl")});
}

static void text_formats(void **state)
{
    every_allocation(*state, &(sweep){ARGS("convert", "-f", "jsonl", "-j1", "samples/tracelogging.etl")});
    every_allocation(*state, &(sweep){ARGS("convert", "samples/processes.etl", "-j2", "-o", "{}/o.json"), "o.json"});
    every_allocation(*state, &(sweep){ARGS("convert", "samples/dns.etl", "--provenance", "-o", "{}/o.csv"), "o.csv"});
    every_allocation(*state, &(sweep){ARGS("convert", "-f", "l2tcsv", "samples/damaged.etl")});
    every_allocation(*state, &(sweep){ARGS("convert", "-f", "timesketch", "samples/service.etl")});
    every_allocation(*state, &(sweep){ARGS("convert", "--frames", "samples/processes.etl", "-o", "{}/o.txt"), "o.txt"});
    every_allocation(*state, &(sweep){ARGS("convert", "samples/dns.etl", "-o", "{}/o.csv.gz"), "o.csv.gz"});
    every_allocation(*state, &(sweep){ARGS("convert", "samples/dns.etl", "-o", "{}/o.jsonl.zst"), "o.jsonl.zst"});
    every_allocation(*state, &(sweep){ARGS("convert", "samples/dns.etl", "-o", "{}/o.parquet"), "o.parquet"});
}

static void expressions(void **state)
{
    every_allocation(*state, &(sweep){ARGS("convert", "--where", "data.QueryName like '%e%' and process_id > 4",
                                           "samples/dns.etl")});
}

static void sqlite(void **state)
{
    every_allocation(*state, &(sweep){ARGS("convert", "samples/merged.etl", "-o", "{}/o.db"), "o.db"});
}

static void report(void **state)
{
    every_allocation(*state, &(sweep){ARGS("report", "samples/dns.etl", "-o", "{}/o.html"), "o.html", true});
}

static void carve(void **state)
{
    every_allocation(*state,
                     &(sweep){ARGS("carve", "samples/damaged.etl", "--force", "-o", "{}/carved"), "carved/carve.json"});
}

static void schema_files(void **state)
{
    every_allocation(*state, &(sweep){ARGS("convert", "--schemas", "samples/schemas", "samples/driver.etl")});
}

static void schema_cache(void **state)
{
    program *p = *state;
    every_allocation(p, &(sweep){ARGS("schemas", "--cache", "{}/c.db", "add", "samples/schemas"), "c.db"});
    program_run(p, (const char *const[]){"schemas", "--cache", "{}/k.db", "add", "samples/schemas", NULL});
    assert_int_equal(p->code, 0);
    every_allocation(p, &(sweep){ARGS("schemas", "--cache", "{}/k.db", "list")});
    every_allocation(p, &(sweep){ARGS("schemas", "--cache", "{}/k.db", "list", "--json")});
    every_allocation(p, &(sweep){ARGS("convert", "--cache", "{}/k.db", "samples/driver.etl")});
}

// Libraries that call having no memory something else.
static void rules_and_outputs(void **state)
{
    program *p = *state;
    every_allocation(p, &(sweep){ARGS("detect", "--list", "--rules", "samples/rules/dns-tunnel.yml")});
    program_run(p, (const char *const[]){"convert", "samples/dns.etl", "-o", "{}/v.db", "--provenance", NULL});
    assert_int_equal(p->code, 0);
    every_allocation(p, &(sweep){ARGS("verify", "{}/v.db.provenance.json")});
}

int main(void)
{
    const char *build = getenv("BUILD");
    char folder[2048];
    if (!getcwd(folder, sizeof(folder)))
        return 1;
    build = build ? build : "build";
    snprintf(preload, sizeof(preload), "%s%s%s/fail_alloc.so", *build == '/' ? "" : folder, *build == '/' ? "" : "/",
             build);
#define SWEEP(name) cmocka_unit_test_setup_teardown(name, program_setup, program_teardown)
    const struct CMUnitTest tests[] = {
        SWEEP(info),         SWEEP(text_formats), SWEEP(expressions),       SWEEP(sqlite), SWEEP(report), SWEEP(carve),
        SWEEP(schema_files), SWEEP(schema_cache), SWEEP(rules_and_outputs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
