// What somebody can do who takes the program over while it reads: tests/hijack.c tries it. Environment: BUILD (build),
// with hijack.so; ETWKIT (BUILD/etwkit).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "program.h"

typedef struct world {
    program p;
    char library[600], folder[512], path[512];
    bool files, calls; // held here
} world;

static bool says(const outbuf *text, const char *what)
{
    return strstr((const char *)text->bytes, what) != NULL;
}

static int setup(void **state)
{
    world *w = calloc(1, sizeof(*w));
    const char *build = getenv("BUILD") ? getenv("BUILD") : "build";
    if (*build != '/' && !getcwd(w->path, sizeof(w->path)))
        return -1;
    snprintf(w->library, sizeof(w->library), "%s%s%s/hijack.so", w->path, *w->path ? "/" : "", build);
    program_begin(&w->p);
    program_path(&w->p, "others", w->folder);
    mkdir(w->folder, 0700);
    mkdir(program_path(&w->p, "tmp", w->path), 0700);
    setenv("TMPDIR", w->path, 1); // or all of /tmp would be the program's own
    mkdir(program_path(&w->p, "out", w->path), 0700);
    bytes_save(program_path(&w->p, "others/theirs", w->path), "evidence", 8);
    program_run(&w->p, (const char *const[]){"--version", NULL});
    w->files = says(&w->p.out, "sandbox: files");
    w->calls = says(&w->p.out, "calls (seccomp)");
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    world *w = *state;
    program_end(&w->p);
    unsetenv("TMPDIR");
    free(w);
    return 0;
}

static void run_taken_over(world *w, const char *const *args)
{
    setenv("LD_PRELOAD", w->library, 1);
    setenv("HIJACK_FOLDER", w->folder, 1);
    program_run(&w->p, args);
    unsetenv("LD_PRELOAD");
    unsetenv("HIJACK_FOLDER");
}

static const char *const BY_FILES[] = {"write", "make", "link", "folder", "rename", "truncate"};
static const char *const BY_CALLS[] = {"times",  "mode",   "fork",           "run",     "socket",
                                       "signal", "memory", "written memory", "terminal"};

static void expect(const world *w, const char *name, const char *result)
{
    char line[40];
    snprintf(line, sizeof(line), "%s: %s\n", name, result);
    if (!says(&w->p.err, line))
        fail_msg("not \"%s\" of\n%s", line, (const char *)w->p.err.bytes);
}

static void needs_sandbox(const world *w)
{
    if (w->files && w->calls)
        return;
    print_message("skipped: this system, or this build, has no Landlock or no seccomp\n");
    skip();
}

static void nothing_is_left_to_do(void **state)
{
    world *w = *state;
    needs_sandbox(w);
    run_taken_over(w, (const char *const[]){"convert", "samples/dns.etl", "-o", "{}/out/dns.jsonl", NULL});
    for (size_t i = 0; i < COUNT_OF(BY_FILES); i++)
        expect(w, BY_FILES[i], "refused");
    for (size_t i = 0; i < COUNT_OF(BY_CALLS); i++)
        expect(w, BY_CALLS[i], "refused");
    outbuf now = {0};
    bytes_load(program_path(&w->p, "others/theirs", w->path), &now);
    assert_string_equal(now.bytes, "evidence");
    // And the program did its work all the same.
    assert_int_equal(w->p.code, 0);
    bytes_load(program_path(&w->p, "out/dns.jsonl", w->path), &now);
    assert_int_equal(program_lines(&now), 27);
    outbuf_free(&now);
}

// That the attempts are such that can succeed.
static void without_it_all_is_possible(void **state)
{
    world *w = *state;
    needs_sandbox(w);
    run_taken_over(w, (const char *const[]){"info", "samples/dns.etl", "--no-sandbox", NULL});
    for (size_t i = 0; i < COUNT_OF(BY_FILES); i++)
        expect(w, BY_FILES[i], "done");
    for (size_t i = 0; i < COUNT_OF(BY_CALLS); i++)
        expect(w, BY_CALLS[i], "done");
    assert_int_equal(w->p.code, 0);
}

// A kernel or a container without them: only --version says so.
static void systems_without_it_are_read_on(void **state)
{
    world *w = *state;
    needs_sandbox(w);
    setenv("LD_PRELOAD", w->library, 1);
    setenv("HIJACK_OLD", "1", 1);
    assert_int_equal(program_run(&w->p, (const char *const[]){"info", "samples/dns.etl", "--json", NULL}), 0);
    assert_int_equal(w->p.err.len, 0);
    assert_int_equal(program_run(&w->p, (const char *const[]){"--version", NULL}), 0);
    unsetenv("LD_PRELOAD");
    unsetenv("HIJACK_OLD");
    assert_true(says(&w->p.out, "\nsandbox: none: Function not implemented\n"));
    program_run(&w->p, (const char *const[]){"--version", "--no-sandbox", NULL});
    assert_true(says(&w->p.out, "\nsandbox: none: --no-sandbox\n"));
}

// Outputs where the program has to make the folder, replace a link's file, or write in place.
static void outputs_are_made_wherever_they_are_wanted(void **state)
{
    world *w = *state;
    program *p = &w->p;
    char link[512];
    assert_int_equal(
        program_run(p, (const char *const[]){"schemas", "add", "samples/schemas", "--cache", "{}/a/b/c.db", NULL}), 0);
    assert_int_equal(program_run(p, (const char *const[]){"schemas", "add", "samples/schemas", NULL}), 0);
    assert_int_equal(
        program_run(p, (const char *const[]){"convert", "samples/dns.etl", "-o", "{}/others/in.jsonl", NULL}), 0);
    assert_int_equal(symlink("others/in.jsonl", program_path(p, "out/../link.jsonl", link)), 0);
    assert_int_equal(program_run(p, (const char *const[]){"convert", "samples/dns.etl", "-o", "{}/link.jsonl", NULL}),
                     0);
    assert_int_equal(
        program_run(p, (const char *const[]){"convert", "samples/dns.etl", "-o", "/dev/null", "-f", "csv", NULL}), 0);
    assert_int_equal(program_run(p, (const char *const[]){"carve", "samples/dns.etl", "-o", "{}/carved", NULL}), 0);
    assert_int_equal(access(program_path(p, "carved/carve.json", w->path), R_OK), 0);
    assert_int_equal(program_run(p, (const char *const[]){"convert", "samples/dns.etl", "-o", "{}/x.db", NULL}), 0);
    assert_int_equal(program_run(p, (const char *const[]){"report", "samples/dns.etl", "-o", "{}/x.html", NULL}), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_is_left_to_do, setup, teardown),
        cmocka_unit_test_setup_teardown(without_it_all_is_possible, setup, teardown),
        cmocka_unit_test_setup_teardown(systems_without_it_are_read_on, setup, teardown),
        cmocka_unit_test_setup_teardown(outputs_are_made_wherever_they_are_wanted, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
