// Every file of tests/cases: builds the trace it describes, runs etwkit on it and compares records, exit code and
// damage with what the case says. Environment: ETWKIT the program (build/etwkit), ETWKIT_CASES the folder
// (tests/cases), ETWKIT_BLESS rewrites cases that fail (case_bless.h). Arguments: parts of case names, to run only
// these.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "case_bless.h"
#include "etl_text.h"

typedef struct run {
    case_file c;
    const char *program;
    char folder[64], trace[128], schemas[128], out[128], err[128];
} run;

static void path_join(char *to, size_t capacity, const char *folder, const char *name)
{
    int len = snprintf(to, capacity, "%s/%s", folder, name);
    assert_true(len > 0 && (size_t)len < capacity);
}

// Ends with the exit code; a program that dies by a signal has 128 + its number.
static int program_run(const run *r, const char *const *args, u32 count)
{
    const char *argv[2 * CASE_ARGS] = {r->program};
    assert_true(count + 2 < COUNT_OF(argv));
    memcpy(argv + 1, args, count * sizeof *args);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        int out = open(r->out, O_WRONLY | O_CREAT | O_TRUNC, 0600),
            err = open(r->err, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        // Nobody's cache takes part.
        setenv("HOME", r->folder, 1);
        setenv("XDG_CACHE_HOME", r->folder, 1);
        if (out < 0 || err < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0)
            _exit(126);
        execv(r->program, (char *const *)argv);
        _exit(127);
    }
    int status = 0;
    while (waitpid(child, &status, 0) < 0)
        assert_int_equal(errno, EINTR);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void file_show(const char *title, const char *path)
{
    outbuf text = {0};
    if (bytes_read(path, &text, NULL) && text.len)
        print_message("%s:\n%.4000s\n", title, (const char *)text.bytes);
    outbuf_free(&text);
}

// A format to convert to, or "info".
static int case_run(run *r, const char *what)
{
    const char *args[CASE_ARGS + 8] = {what};
    u32 count = 1;
    if (strcmp(what, "info") != 0) {
        args[0] = "convert";
        args[count++] = "-f";
        args[count++] = what;
        args[count++] = "-o";
        args[count++] = "-";
    } else {
        args[count++] = "--json";
    }
    if (r->c.schema_count) {
        args[count++] = "--schemas";
        args[count++] = r->schemas;
    }
    for (u32 i = 0; i < r->c.arg_count; i++)
        args[count++] = r->c.args[i];
    args[count++] = r->trace;
    return program_run(r, args, count);
}

// Counts the differences; the first few are told.
static u32 records_check(const run *r, const char *got_text)
{
    const char *want_at = r->c.records, *got_at = got_text;
    error e = {0};
    u32 number = 0, wrong = 0;
    for (;;) {
        number++;
        cJSON *want = json_take(&want_at, &e), *got = e.message[0] ? NULL : json_take(&got_at, &e);
        char path[32];
        snprintf(path, sizeof path, "record %u", number);
        if (!want && !got && !e.message[0])
            break;
        if (!e.message[0] && !want)
            error_set(&e, "%s is there, the case has only %u", path, number - 1);
        else if (!e.message[0] && !got)
            error_set(&e, "%s is missing, there are only %u", path, number - 1);
        else if (!e.message[0])
            json_matches(want, got, false, path, &e);
        bool stop = !want || !got;
        if (e.message[0]) {
            wrong++;
            print_message("%s: %s\n", r->c.name, e.message);
            char *whole = got ? json_shown(got) : NULL;
            if (whole)
                print_message("    whole: %s\n", whole);
            mem_free(whole);
        }
        e = (error){0};
        cJSON_Delete(want);
        cJSON_Delete(got);
        if (stop)
            break;
    }
    return wrong;
}

static u32 damage_check(const run *r, const cJSON *info)
{
    const cJSON *damage = cJSON_GetObjectItemCaseSensitive(info, "damage");
    u32 wrong = 0, i = 0;
    const cJSON *note = NULL;
    cJSON_ArrayForEach (note, damage) {
        const char *offset = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(note, "offset"));
        const char *kind = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(note, "kind"));
        const char *message = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(note, "message"));
        u64 at = offset && *offset == '#' ? strtoull(offset + 1, NULL, 10) : UINT64_MAX;
        bool expected = i < r->c.damage_count && r->c.damage[i].offset == at &&
                        (!r->c.damage[i].kind || (kind && strcmp(kind, r->c.damage[i].kind) == 0));
        if (!expected) {
            wrong++;
            print_message("%s: damage %u is \"%s\" at 0x%llx (%s), the case says ", r->c.name, i + 1, kind ? kind : "?",
                          (unsigned long long)at, message ? message : "no message");
            if (i < r->c.damage_count)
                print_message("\"%s\" at 0x%llx\n", r->c.damage[i].kind ? r->c.damage[i].kind : "*",
                              (unsigned long long)r->c.damage[i].offset);
            else
                print_message("none\n");
        }
        i++;
    }
    if (i < r->c.damage_count) {
        wrong++;
        print_message("%s: %u damaged places were told, the case has %u\n", r->c.name, i, r->c.damage_count);
    }
    return wrong;
}

static u32 info_check(run *r)
{
    int code = case_run(r, "info");
    outbuf text = {0};
    error e = {0};
    u32 wrong = 0;
    if (code != r->c.exit_code) {
        print_message("%s: info ended with %d, the case says %d\n", r->c.name, code, r->c.exit_code);
        wrong++;
    }
    bool good = bytes_read(r->out, &text, &e);
    const char *at = good ? (const char *)text.bytes : "", *want_at = r->c.info ? r->c.info : "{}";
    cJSON *got = json_take(&at, &e), *want = json_take(&want_at, &e);
    if (!got || !want || !json_matches(want, got, false, "info", &e)) {
        print_message("%s: %s\n", r->c.name, e.message[0] ? e.message : "info said nothing");
        wrong++;
    } else if (r->c.has_damage) {
        wrong += damage_check(r, got);
    }
    if (wrong)
        file_show("stderr of info", r->err);
    cJSON_Delete(got);
    cJSON_Delete(want);
    outbuf_free(&text);
    return wrong;
}

// The line that says how many records there were, and how far they are decoded.
static const char *count_line(const char *err, size_t *len)
{
    const char *at = strstr(err, " decoded, "), *start = at;
    while (start && start > err && start[-1] != '\n')
        start--;
    *len = start ? strcspn(start, "\n") : 0;
    return start;
}

// Where nothing is rendered, what the survey has counted is not read again: it must come to the same.
static u32 count_check(run *r, const char *err)
{
    outbuf again = {0};
    size_t want_len, got_len;
    (void)case_run(r, "null");
    assert_true(bytes_read(r->err, &again, NULL));
    const char *want = count_line(err, &want_len), *got = count_line((const char *)again.bytes, &got_len);
    u32 wrong = want_len != got_len || (want_len && memcmp(want, got, want_len) != 0);
    if (wrong)
        print_message("%s: jsonl says \"%.*s\", null says \"%.*s\"\n", r->c.name, (int)want_len, want ? want : "",
                      (int)got_len, got ? got : "");
    outbuf_free(&again);
    return wrong;
}

static void case_place(run *r)
{
    error e = {0};
    outbuf file = {0};
    strcpy(r->folder, "/tmp/etwkit-case-XXXXXX");
    assert_non_null(mkdtemp(r->folder));
    path_join(r->trace, sizeof r->trace, r->folder, "case.etl");
    path_join(r->out, sizeof r->out, r->folder, "out");
    path_join(r->err, sizeof r->err, r->folder, "err");
    path_join(r->schemas, sizeof r->schemas, r->folder, "schemas");
    if (!etl_text_build(r->c.text, r->c.trace_len, &file, &e) || !bytes_write(r->trace, file.bytes, file.len, &e))
        fail_msg("%s: %s", r->c.name, e.message);
    outbuf_free(&file);
    assert_int_equal(mkdir(r->schemas, 0700), 0);
    for (u32 i = 0; i < r->c.schema_count; i++) {
        char path[256];
        path_join(path, sizeof path, r->schemas, r->c.schemas[i].name);
        assert_true(bytes_write(path, r->c.schemas[i].text, strlen(r->c.schemas[i].text), NULL));
    }
}

static void case_clean(run *r)
{
    for (u32 i = 0; i < r->c.schema_count; i++) {
        char path[256];
        path_join(path, sizeof path, r->schemas, r->c.schemas[i].name);
        remove(path);
    }
    remove(r->schemas);
    remove(r->trace);
    remove(r->out);
    remove(r->err);
    rmdir(r->folder);
    case_free(&r->c);
}

static void bless(run *r, const char *records, int code)
{
    outbuf info = {0};
    error e = {0};
    (void)case_run(r, "info");
    assert_true(bytes_read(r->out, &info, &e));
    if (!case_bless(&r->c, records, (const char *)info.bytes, code, &e))
        fail_msg("%s: %s", r->c.name, e.message);
    print_message("%s: rewritten; read its diff\n", r->c.name);
    outbuf_free(&info);
}

static void test_case(void **state)
{
    run r = {.program = getenv("ETWKIT") ? getenv("ETWKIT") : "build/etwkit"};
    error e = {0};
    if (!case_read(&r.c, *state, &e))
        fail_msg("%s: %s", (const char *)*state, e.message);
    case_place(&r);
    if (access(r.program, X_OK) != 0)
        fail_msg("%s cannot be run", r.program);
    int code = case_run(&r, "jsonl");
    u32 wrong = 0;
    outbuf out = {0}, err = {0};
    assert_true(bytes_read(r.out, &out, &e) && bytes_read(r.err, &err, &e));
    if (code != r.c.exit_code) {
        print_message("%s: convert ended with %d, the case says %d\n", r.c.name, code, r.c.exit_code);
        wrong++;
    }
    if (r.c.says && !strstr((const char *)err.bytes, r.c.says)) {
        print_message("%s: stderr does not say \"%s\"\n", r.c.name, r.c.says);
        wrong++;
    }
    if (r.c.records)
        wrong += records_check(&r, (const char *)out.bytes);
    if (wrong)
        file_show("stderr", r.err);
    if (r.c.info || r.c.has_damage)
        wrong += info_check(&r);
    wrong += count_check(&r, (const char *)err.bytes);
    if (wrong && getenv("ETWKIT_BLESS"))
        bless(&r, (const char *)out.bytes, code);
    outbuf_free(&out);
    outbuf_free(&err);
    case_clean(&r);
    assert_int_equal(wrong, 0);
}

static int by_name(const void *a, const void *b)
{
    const struct CMUnitTest *left = a, *right = b;
    return strcmp(left->name, right->name);
}

static bool is_wanted(const char *name, int argc, char **argv)
{
    size_t len = strlen(name);
    if (len < 6 || strcmp(name + len - 5, ".case") != 0)
        return false;
    for (int i = 1; i < argc; i++) {
        if (strstr(name, argv[i]))
            return true;
    }
    return argc < 2;
}

int main(int argc, char **argv)
{
    const char *folder = getenv("ETWKIT_CASES") ? getenv("ETWKIT_CASES") : "tests/cases";
    arena memory = {0};
    struct CMUnitTest *tests = NULL;
    size_t count = 0, cap = 0;
    DIR *dir = opendir(folder);
    if (!dir) {
        fprintf(stderr, "%s cannot be opened\n", folder);
        return 1;
    }
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        if (!is_wanted(entry->d_name, argc, argv))
            continue;
        GROW(tests, count, cap);
        tests[count++] = (struct CMUnitTest){.name = arena_text(&memory, entry->d_name),
                                             .test_func = test_case,
                                             .initial_state = arena_format(&memory, "%s/%s", folder, entry->d_name)};
    }
    closedir(dir);
    qsort(tests, count, sizeof *tests, by_name);
    if (!count)
        fprintf(stderr, "no case of %s has that in its name\n", folder);
    int failed = count ? _cmocka_run_group_tests("cases", tests, count, NULL, NULL) : 1;
    mem_free(tests);
    arena_free(&memory);
    return failed ? 1 : 0;
}
