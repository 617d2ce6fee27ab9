// The world around the program fails: wrong command lines, inputs that are none, full disks, readers that leave,
// interrupts, media with unreadable sectors. Every time a clear sentence, the right exit code, no half-written output
// and no temporary left, and the evidence as it was.
#define _DEFAULT_SOURCE // syscall
#undef _FORTIFY_SOURCE  // its pread is an inline function; here is one of our own
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "etl_text.h"
#include "program.h"
#include "session/session.h"

#define RUN(p, ...) program_run((p), (const char *const[]){__VA_ARGS__, NULL})

static const char *said(const program *p)
{
    return (const char *)p->err.bytes;
}

static void says(const program *p, int code, const char *text)
{
    if (p->code != code || !strstr(said(p), text))
        fail_msg("ended with %d (expected %d) and said: %s (expected: %s)", p->code, code, said(p), text);
}

static void copy_sample(program *p, const char *sample, const char *name)
{
    outbuf bytes = {0};
    char path[512];
    bytes_load(sample, &bytes);
    bytes_save(program_path(p, name, path), bytes.bytes, bytes.len);
    outbuf_free(&bytes);
}

static const char DNS[] = "samples/dns.etl";

// ---------------------------------------------------------------------------------------------- command lines

static void command_lines(void **state)
{
    program *p = *state;
    RUN(p, "bogus");
    says(p, 2, "unknown command 'bogus'");
    RUN(p, "convert");
    says(p, 2, "no trace given");
    RUN(p, "info");
    says(p, 2, "no trace given");
    RUN(p, "convert", "--bogus", DNS);
    says(p, 2, "unknown option '--bogus'");
    RUN(p, "convert", "-f", "bogus", DNS);
    says(p, 2, "unknown format 'bogus' (formats: csv, json, ");
    RUN(p, "convert", DNS, "-o", "{}/out.bogus");
    says(p, 2, "no format goes by its suffix; -f names one: csv, json");
    RUN(p, "convert", DNS, "-f", "sqlite");
    says(p, 2, "-f sqlite needs a file");
    RUN(p, "convert", DNS, "-f");
    says(p, 2, "needs a value");
    RUN(p, "info", DNS, "--since", "garbage");
    says(p, 2, "'garbage' is not a UTC time");
    RUN(p, "info", DNS, "--pid", "-1");
    says(p, 2, "'-1' is not a number");
    RUN(p, "convert", DNS, "-j", "0");
    says(p, 2, "'0' is not a number from 1 to 1024");
    RUN(p, "convert", DNS, "--where", "event_id ==");
    says(p, 2, "--where");
    assert_int_equal(program_files(p, "out"), 0);
    assert_int_equal(p->out.len, 0);
    assert_int_equal(RUN(p, "--version"), 0);
    assert_int_equal(RUN(p, "--help"), 0);
    assert_int_equal(RUN(p, "convert", "--help"), 0);
    assert_int_equal(p->err.len, 0);
}

// ---------------------------------------------------------------------------------------------- inputs

static void inputs_that_are_none(void **state)
{
    static const char PNG[] = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x10\0\0\0\x10\x08\x06\0\0\0\x1f\xf3\xff\x61";
    program *p = *state;
    char path[512];
    bytes_save(program_path(p, "a.png", path), PNG, sizeof(PNG) - 1);
    bytes_save(program_path(p, "empty.etl", path), "", 0);
    static const struct {
        const char *input, *says;
    } CASES[] = {
        {"{}/absent.etl", "No such file"},     {"{}", "the file is empty"},
        {"{}/empty.etl", "the file is empty"}, {"{}/a.png", "it is a picture (PNG)"},
        {"/dev/null", "the file is empty"},    {"-", "the file is empty"},
    };
    for (size_t i = 0; i < COUNT_OF(CASES); i++) {
        RUN(p, "convert", CASES[i].input, "-o", "{}/out.csv");
        says(p, 1, CASES[i].says);
        RUN(p, "info", CASES[i].input);
        says(p, 1, CASES[i].says);
        assert_int_equal(program_files(p, "out"), 0);
    }
}

static void good_beside_bad(void **state)
{
    program *p = *state;
    assert_int_equal(RUN(p, "convert", DNS), 0);
    u32 all = program_lines(&p->out);
    RUN(p, "convert", DNS, "{}/absent.etl");
    says(p, 4, "No such file");
    says(p, 4, "2 given, 1 read, 1 not\n");
    assert_int_equal(program_lines(&p->out), all);
    // The same trace by two names is read once.
    RUN(p, "convert", DNS, "samples/../samples/dns.etl");
    says(p, 0, "samples/../samples/dns.etl: the same as samples/dns.etl, read once");
    assert_int_equal(program_lines(&p->out), all);
}

static void evidence_is_not_written(void **state)
{
    program *p = *state;
    char path[512], other[512];
    struct stat before, after;
    copy_sample(p, DNS, "trace.etl");
    program_path(p, "trace.etl", path);
    assert_int_equal(link(path, program_path(p, "hard.csv", other)), 0);
    assert_int_equal(symlink("trace.etl", program_path(p, "soft.csv", other)), 0);
    assert_int_equal(stat(path, &before), 0);
    RUN(p, "convert", "{}/trace.etl", "-f", "csv", "-o", "{}/trace.etl");
    says(p, 2, "evidence is never written to");
    RUN(p, "convert", "{}/trace.etl", "-o", "{}/hard.csv");
    says(p, 2, "evidence is never written to");
    RUN(p, "convert", "{}/trace.etl", "-o", "{}/soft.csv");
    says(p, 2, "evidence is never written to");
    assert_int_equal(RUN(p, "info", "{}/trace.etl"), 0);
    assert_int_equal(RUN(p, "convert", "{}/trace.etl", "-o", "{}/out.db"), 0);
    assert_int_equal(RUN(p, "carve", "{}/trace.etl", "-o", "{}/carved"), 0);
    assert_int_equal(stat(path, &after), 0);
    assert_true(before.st_mtim.tv_sec == after.st_mtim.tv_sec && before.st_mtim.tv_nsec == after.st_mtim.tv_nsec);
    assert_true(before.st_ctim.tv_sec == after.st_ctim.tv_sec && before.st_ctim.tv_nsec == after.st_ctim.tv_nsec);
    assert_int_equal(before.st_size, after.st_size);
}

// ---------------------------------------------------------------------------------------------- outputs

static const char *const FORMATS[] = {"out.csv", "out.json", "out.jsonl", "out.db"};

static void old_outputs(void **state)
{
    program *p = *state;
    char path[512], arg[64];
    RUN(p, "convert", DNS, "-o", "{}/absent/out.csv");
    says(p, 1, "absent/out.csv");
    RUN(p, "convert", DNS, "-f", "csv", "-o", "{}");
    says(p, 1, "is a folder");
    for (size_t i = 0; i < COUNT_OF(FORMATS); i++) {
        outbuf now = {0};
        program_path(p, FORMATS[i], path);
        snprintf(arg, sizeof(arg), "{}/%s", FORMATS[i]);
        bytes_save(path, "old", 3);
        // A run that fails leaves the old file as it was; one that works replaces it.
        assert_int_equal(RUN(p, "convert", "{}/absent.etl", "-o", arg, "--force"), 1);
        bytes_load(path, &now);
        assert_string_equal((const char *)now.bytes, "old");
        assert_int_equal(RUN(p, "convert", DNS, "-o", arg, "--force"), 0);
        bytes_load(path, &now);
        assert_true(now.len > 1000);
        outbuf_free(&now);
    }
    assert_int_equal(program_files(p, "out."), 4);
    assert_int_equal(program_files(p, "part"), 0);
}

// What is no file stays what it is, and a link stays a link.
static void outputs_in_place(void **state)
{
    program *p = *state;
    char pipe_path[512], path[512];
    struct stat st;
    outbuf lines = {0}, got = {0};
    assert_int_equal(RUN(p, "convert", DNS), 0);
    outbuf_add(&lines, p->out.bytes, p->out.len);

    assert_int_equal(mkfifo(program_path(p, "pipe.jsonl", pipe_path), 0600), 0);
    pid_t child = program_start(p, (const char *const[]){"convert", DNS, "-o", "{}/pipe.jsonl", NULL});
    alarm(60); // where nobody writes into the pipe, opening it never ends
    bytes_load(pipe_path, &got);
    alarm(0);
    assert_int_equal(program_wait(p, child), 0);
    assert_int_equal(got.len, lines.len);
    assert_memory_equal(got.bytes, lines.bytes, lines.len);
    assert_int_equal(stat(pipe_path, &st), 0);
    assert_true(S_ISFIFO(st.st_mode));
    RUN(p, "convert", DNS, "-f", "sqlite", "-o", "{}/pipe.jsonl");
    says(p, 2, "sqlite output needs a file");
    RUN(p, "convert", DNS, "--provenance", "-o", "{}/pipe.jsonl");
    says(p, 2, "jsonl output with provenance needs a file");

    assert_int_equal(symlink("real.jsonl", program_path(p, "link.jsonl", path)), 0);
    bytes_save(program_path(p, "real.jsonl", pipe_path), "", 0);
    assert_int_equal(RUN(p, "convert", DNS, "-o", "{}/link.jsonl"), 0);
    bytes_load(pipe_path, &got);
    assert_int_equal(got.len, lines.len);
    assert_int_equal(lstat(path, &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    assert_int_equal(program_files(p, "part"), 0);
    outbuf_free(&lines);
    outbuf_free(&got);
}

static void full_disk(void **state)
{
    program *p = *state;
    char path[512], arg[64];
    for (size_t i = 0; i < COUNT_OF(FORMATS); i++) {
        outbuf now = {0};
        program_path(p, FORMATS[i], path);
        snprintf(arg, sizeof(arg), "{}/%s", FORMATS[i]);
        bytes_save(path, "old", 3);
        p->file_limit = 20000;
        RUN(p, "convert", "samples/processes.etl", "-o", arg, "--force");
        if (p->code != 1 || !p->err.len)
            fail_msg("%s: ended with %d and said: %s", FORMATS[i], p->code, said(p));
        assert_non_null(strstr(said(p), "etwkit: "));
        bytes_load(path, &now);
        assert_string_equal((const char *)now.bytes, "old");
        outbuf_free(&now);
        unlink(path);
    }
    p->file_limit = 20000;
    assert_int_equal(RUN(p, "carve", "samples/processes.etl", "-o", "{}/carved"), 1);
    assert_int_equal(program_files(p, "out"), 0);
    assert_int_equal(program_files(p, "part"), 0);
    assert_int_equal(program_files(p, "carved"), 0);
}

static void full_standard_output(void **state)
{
    program *p = *state;
    static const char *const NAMES[] = {"csv", "json", "jsonl"};
    for (size_t i = 0; i < COUNT_OF(NAMES); i++) {
        p->stdout_path = "/dev/full";
        RUN(p, "convert", DNS, "-f", NAMES[i]);
        says(p, 1, "No space left");
    }
    p->stdout_path = "/dev/full";
    RUN(p, "info", DNS);
    says(p, 1, "could not be written");
    p->stdout_path = "/dev/full";
    RUN(p, "info", "--json", DNS);
    says(p, 1, "could not be written");
    p->stdout_path = "/dev/full";
    RUN(p, "--help");
    says(p, 1, "could not be written");
}

static void reader_leaves(void **state)
{
    program *p = *state;
    static const char *const COMMANDS[][4] = {
        {"convert", "samples/processes.etl"}, {"info", "--json", "samples/processes.etl"}, {"report", DNS, "-o", "-"}};
    for (size_t i = 0; i < COUNT_OF(COMMANDS); i++) {
        p->stdout_closed_pipe = true;
        RUN(p, COMMANDS[i][0], COMMANDS[i][1], COMMANDS[i][2], COMMANDS[i][3]);
        assert_int_equal(p->code, 128 + SIGPIPE);
        assert_int_equal(p->err.len, 0);
    }
}

// ---------------------------------------------------------------------------------------------- interrupts

// A long trace: a sample, session after session.
static void long_trace(program *p, u32 times)
{
    outbuf one = {0}, all = {0};
    char path[512];
    bytes_load("samples/processes.etl", &one);
    for (u32 i = 0; i < times; i++)
        outbuf_add(&all, one.bytes, one.len);
    bytes_save(program_path(p, "long.etl", path), all.bytes, all.len);
    outbuf_free(&one);
    outbuf_free(&all);
}

static void interrupted_by(program *p, int number)
{
    static const struct timespec A_MOMENT = {0, 1000000};
    for (u32 times = 100; times <= 3200; times *= 2) {
        long_trace(p, times);
        pid_t child = program_start(p, (const char *const[]){"convert", "{}/long.etl", "-o", "{}/out.jsonl", NULL});
        for (int i = 0; i < 10000 && !program_files(p, "out.jsonl.part"); i++)
            nanosleep(&A_MOMENT, NULL);
        kill(child, number);
        program_wait(p, child);
        char path[512];
        if (p->code == 0) { // it was faster
            unlink(program_path(p, "out.jsonl", path));
            continue;
        }
        says(p, 1, "interrupted");
        assert_int_equal(program_files(p, "out"), 0);
        return;
    }
    fail_msg("no conversion took long enough to be interrupted");
}

static void interrupts(void **state)
{
    interrupted_by(*state, SIGINT);
    interrupted_by(*state, SIGTERM);
}

// ---------------------------------------------------------------------------------------------- the schema cache

static void broken_cache(void **state)
{
    program *p = *state;
    char path[512];
    bytes_save(program_path(p, "named.db", path), "this is no database, but long enough to be looked at as one", 58);
    RUN(p, "convert", DNS, "--cache", "{}/named.db", "-o", "{}/out.csv");
    says(p, 1, "named.db");
    assert_int_equal(program_files(p, "out"), 0);
    RUN(p, "convert", DNS, "--cache", "{}/absent.db", "-o", "{}/out.csv");
    says(p, 1, "absent.db");
    // The default cache is a help, not a condition.
    assert_int_equal(mkdir(program_path(p, "etwkit", path), 0700), 0);
    bytes_save(program_path(p, "etwkit/schemas.db", path), "neither is this one, however long one looks at it....", 53);
    RUN(p, "convert", DNS, "-o", "{}/out.csv");
    says(p, 0, "schemas.db");
    assert_int_equal(program_files(p, "out"), 1);
}

// ---------------------------------------------------------------------------------------------- unreadable sectors

// Stands before the C library's: what lies in [bad_from, bad_to) of any file cannot be read.
static off_t bad_from, bad_to;

ssize_t pread(int fd, void *into, size_t len, off_t offset)
{
    if (offset < bad_to && offset + (off_t)len > bad_from) {
        if (offset >= bad_from) {
            errno = EIO;
            return -1;
        }
        len = (size_t)(bad_from - offset);
    }
    return (ssize_t)syscall(SYS_pread64, fd, into, len, offset);
}

enum { BUFFER = 65536, EVENTS_A_BUFFER = 200 };

// A header buffer and three buffers of 64 KiB with 200 events of 304 bytes each.
static void save_wide_trace(program *p, char path[512])
{
    outbuf text = {0}, file = {0};
    error e = {0};
    outbuf_text(&text, "trace buffer-size=65536\n");
    for (u32 b = 0; b < 3; b++) {
        outbuf_text(&text, "buffer size=65536\n");
        for (u32 i = 0; i < EVENTS_A_BUFFER; i++) {
            char line[160];
            snprintf(
                line, sizeof(line),
                "event provider={a0b1c2d3-0011-2233-4455-66778899aabb} id=%u time=+%uus payload zeros:220 u32:%u\n",
                b * EVENTS_A_BUFFER + i + 1, b * EVENTS_A_BUFFER + i + 1, i);
            outbuf_text(&text, line);
        }
    }
    if (!etl_text_build((const char *)text.bytes, text.len, &file, &e))
        fail_msg("%s", e.message);
    bytes_save(program_path(p, "wide.etl", path), file.bytes, file.len);
    outbuf_free(&text);
    outbuf_free(&file);
}

static u64 surveyed(const char *path, off_t from, off_t to, u64 *read_bytes)
{
    error e = {0};
    session *s = session_new();
    bad_from = from;
    bad_to = to;
    if (!session_open(s, path, &e))
        fail_msg("%s", e.message);
    assert_true(session_survey(s, NULL, NULL));
    const trace *t = s->traces[0];
    u64 events = t->events;
    assert_int_equal(session_account_sum(t), t->file.input->bytes);
    *read_bytes = 0;
    for (u32 i = 0; i < t->damage.count; i++)
        if (strcmp(t->damage.notes[i].kind, "read") == 0) {
            assert_true(t->damage.notes[i].offset >= (u64)from && t->damage.notes[i].offset < (u64)to);
            *read_bytes += t->damage.notes[i].bytes;
        }
    if (to)
        assert_true(t->damage.ranges + t->file.damage.ranges > 0);
    session_free(s);
    bad_from = bad_to = 0;
    return events;
}

static void unreadable_sectors(void **state)
{
    enum { ALL = 1 + 3 * EVENTS_A_BUFFER, EVENT = 304, LOST = 4096 / EVENT + 2 };
    char path[512];
    u64 bytes;
    save_wide_trace(*state, path);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    // The generator's buffers need not be as long as the header's; positions count from the end.
    off_t second = st.st_size - 2 * BUFFER;
    assert_int_equal(surveyed(path, 0, 0, &bytes), ALL);
    // One sector in the middle of a buffer: only events that touch it are lost.
    off_t sector = (second + 20000) & ~(off_t)4095;
    u64 events = surveyed(path, sector, sector + 4096, &bytes);
    assert_true(events < ALL && events >= ALL - LOST);
    assert_int_equal(bytes, 4096);
    // One with a buffer header: the buffers before and after are all there.
    off_t head = second & ~(off_t)4095;
    events = surveyed(path, head, head + 4096, &bytes);
    assert_true(events < ALL && events >= ALL - EVENTS_A_BUFFER);
    // The first one: no header is left, the rest is.
    events = surveyed(path, 0, 4096, &bytes);
    assert_true(events >= 3 * EVENTS_A_BUFFER);
    // Everything after some place.
    events = surveyed(path, second, st.st_size, &bytes);
    assert_int_equal(events, 1 + EVENTS_A_BUFFER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(command_lines, program_setup, program_teardown),
        cmocka_unit_test_setup_teardown(inputs_that_are_none, program_setup, program_teardown),
        cmocka_unit_test_setup_teardown(good_beside_bad, program_setup, program_teardown),
        cmocka_unit_test_setup_teardown(evidence_is_not_written, program_setup, program_teardown),
        cmocka_unit_test_setup_teardown(old_outputs, program_setup, program_teardown),
        cmocka_unit_test_setup_teardown(outputs_in_place, program_setup, program_teardown),
        cmocka_unit_test_setup_teardown(full_disk, program_setup, program_teardown),
        cmocka_unit_test_setup_teardown(full_standard_output, program_setup, program_teardown),
        cmocka_unit_test_setup_teardown(reader_leaves, program_setup, program_teardown),
        cmocka_unit_test_setup_teardown(interrupts, program_setup, program_teardown),
        cmocka_unit_test_setup_teardown(broken_cache, program_setup, program_teardown),
        cmocka_unit_test_setup_teardown(unreadable_sectors, program_setup, program_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
