// Runs that are ended by signals at random moments, disks that fill up, sectors that cannot be read, renames that are
// refused: for every format and every command that writes. Whatever happens, a file under its final name is whole, and
// nothing else is there. Environment: BUILD (build), with faults.so and gen_trace; ETWKIT (BUILD/etwkit).
#define _DEFAULT_SOURCE // the signals of the system
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <cjson/cJSON.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include "program.h"

enum { MOST_FILES = 8 };

// A command, and every file it writes.
typedef struct job {
    const char *name;
    const char *args[10];
    const char *files[MOST_FILES]; // the first is the largest
} job;

static const job JOBS[] = {
    {"csv", {"convert", "{}/in.etl", "-o", "{}/out.csv", "--provenance"}, {"out.csv", "out.csv.provenance.json"}},
    {"json", {"convert", "{}/in.etl", "-o", "{}/out.json", "--provenance"}, {"out.json", "out.json.provenance.json"}},
    {"jsonl", {"convert", "{}/in.etl", "-o", "{}/out.jsonl"}, {"out.jsonl"}},
    {"sqlite", {"convert", "{}/in.etl", "-o", "{}/out.db", "--provenance"}, {"out.db", "out.db.provenance.json"}},
    {"timesketch", {"convert", "{}/in.etl", "-f", "timesketch", "-o", "{}/out.ts"}, {"out.ts"}},
    {"l2tcsv", {"convert", "{}/in.etl", "-f", "l2tcsv", "-o", "{}/out.l2t"}, {"out.l2t"}},
    {"text", {"convert", "{}/in.etl", "-o", "{}/out.txt", "--frames"}, {"out.txt"}},
    {"parquet", {"convert", "{}/in.etl", "-o", "{}/out.parquet"}, {"out.parquet"}},
    {"zstd",
     {"convert", "{}/in.etl", "-o", "{}/out.jsonl.zst", "--provenance"},
     {"out.jsonl.zst", "out.jsonl.zst.provenance.json"}},
    {"gzip", {"convert", "{}/in.etl", "-o", "{}/out.csv.gz"}, {"out.csv.gz"}},
    {"pcapng", {"convert", "{}/in.etl", "-o", "{}/out.pcapng"}, {"out.pcapng"}},
    {"otel", {"convert", "{}/in.etl", "-f", "otel", "-o", "{}/out.otel"}, {"out.otel"}},
    {"ecs", {"convert", "{}/in.etl", "-f", "ecs", "-o", "{}/out.ecs"}, {"out.ecs"}},
    {"speedscope", {"convert", "{}/in.etl", "-f", "speedscope", "-o", "{}/out.scope"}, {"out.scope"}},
    {"each",
     {"convert", "{}/in.etl", "-f", "csv", "-o", "{}/made/", "--provenance"},
     {"made/in.etl.csv", "made/in.etl.csv.provenance.json"}},
    {"report", {"report", "{}/in.etl", "-o", "{}/out.html"}, {"out.html"}},
    {"carve", {"carve", "{}/in.etl", "-o", "{}/found"}, {"found/session-1.etl", "found/carve.json"}},
    {"schemas", {"schemas", "add", "samples", "--cache", "{}/made/c.db"}, {"made/c.db"}},
};

typedef struct world {
    program p;
    outbuf whole[COUNT_OF(JOBS)][MOST_FILES]; // what each job writes when nobody disturbs it
    outbuf got;
    double seconds[COUNT_OF(JOBS)];
} world;

static const char *build(void)
{
    return getenv("BUILD") ? getenv("BUILD") : "build";
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

// ---------------------------------------------------------------------------------------------- what is there

static void remove_files(program *p, const job *j)
{
    char path[512], name[300];
    for (u32 i = 0; j->files[i]; i++)
        unlink(program_path(p, j->files[i], path));
    DIR *dir = opendir(program_path(p, "found", path));
    for (struct dirent *entry; dir && (entry = readdir(dir)) != NULL;) {
        snprintf(name, sizeof(name), "found/%.255s", entry->d_name);
        unlink(program_path(p, name, path));
    }
    if (dir)
        closedir(dir);
    rmdir(program_path(p, "found", path));
}

static bool is_known(const job *j, const char *name)
{
    if (strcmp(name, "in.etl") == 0 || strcmp(name, "made") == 0)
        return true;
    for (u32 i = 0; j->files[i]; i++)
        if (strcmp(j->files[i], name) == 0)
            return true;
    // A carving of a damaged image may find more than one of the whole image.
    return strncmp(name, "found/session-", 14) == 0 && !strstr(name, "part");
}

// No file but those the job makes; `inside` is "" or a folder with its slash.
static void nothing_else(program *p, const job *j, const char *inside)
{
    char path[512], name[512];
    DIR *dir = opendir(program_path(p, inside, path));
    for (struct dirent *entry; dir && (entry = readdir(dir)) != NULL;) {
        snprintf(name, sizeof(name), "%s%.255s", inside, entry->d_name);
        if (entry->d_name[0] == '.' || is_known(j, name))
            continue;
        if (strcmp(name, "found") != 0)
            fail_msg("%s left %s", j->name, name);
        nothing_else(p, j, "found/");
        // A folder that was made for the files is there with all of them.
        assert_int_equal(access(program_path(p, "found/carve.json", path), F_OK), 0);
    }
    if (dir)
        closedir(dir);
}

// How many of the job's files are there. Those are whole, and all or none.
static u32 whole_files(world *w, size_t index)
{
    const job *j = &JOBS[index];
    u32 there = 0, all = 0;
    for (; j->files[all]; all++) {
        char path[512];
        if (access(program_path(&w->p, j->files[all], path), F_OK) != 0)
            continue;
        bytes_load(path, &w->got);
        const outbuf *want = &w->whole[index][all];
        if (w->got.len != want->len || memcmp(w->got.bytes, want->bytes, want->len) != 0)
            fail_msg("%s is %zu bytes that are not the %zu it should be", j->files[all], w->got.len, want->len);
        there++;
    }
    if (there && there != all)
        fail_msg("%s: %u of %u files are there", j->name, there, all);
    nothing_else(&w->p, j, "");
    nothing_else(&w->p, j, "made/");
    return there;
}

static int setup(void **state)
{
    static world w;
    char command[600], path[512];
    *state = &w;
    program_begin(&w.p);
    snprintf(command, sizeof(command), "'%s/gen_trace' 2 '%s'", build(), program_path(&w.p, "in.etl", path));
    if (system(command) != 0 || mkdir(program_path(&w.p, "made", path), 0700) != 0)
        return -1;
    for (size_t i = 0; i < COUNT_OF(JOBS); i++) {
        double started = now();
        if (program_run(&w.p, JOBS[i].args) != 0)
            fail_msg("%s: %s", JOBS[i].name, (const char *)w.p.err.bytes);
        w.seconds[i] = now() - started;
        for (u32 f = 0; JOBS[i].files[f]; f++)
            bytes_load(program_path(&w.p, JOBS[i].files[f], path), &w.whole[i][f]);
        remove_files(&w.p, &JOBS[i]);
    }
    return 0;
}

static int teardown(void **state)
{
    world *w = *state;
    for (size_t i = 0; i < COUNT_OF(JOBS); i++)
        for (u32 f = 0; f < MOST_FILES; f++)
            outbuf_free(&w->whole[i][f]);
    outbuf_free(&w->got);
    program_end(&w->p);
    return 0;
}

// ---------------------------------------------------------------------------------------------- signals

static const int SIGNALS[] = {SIGHUP,  SIGINT,  SIGTERM, SIGQUIT, SIGUSR1, SIGUSR2,   SIGALRM, SIGXCPU,
                              SIGPROF, SIGXFSZ, SIGPIPE, SIGABRT, SIGBUS,  SIGVTALRM, SIGSEGV, SIGFPE};
enum { KILLS = SANITIZED ? 10 : 100 };

static u32 random_number(void)
{
    static u64 state = 20240501;
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (u32)(state >> 33);
}

static void remove_parts(program *p, const char *inside)
{
    char path[512], name[512];
    DIR *dir = opendir(program_path(p, inside, path));
    for (struct dirent *entry; dir && (entry = readdir(dir)) != NULL;)
        if (strstr(entry->d_name, ".part-")) {
            snprintf(name, sizeof(name), "%s%.255s", inside, entry->d_name);
            unlink(program_path(p, name, path));
        }
    if (dir)
        closedir(dir);
}

// Within the time an undisturbed run takes, and some more.
// Faults are the sanitizer's.
static int signal_of(u32 number)
{
    return SIGNALS[number % (SANITIZED ? 11 : COUNT_OF(SIGNALS))];
}

static void kill_once(world *w, size_t index, int number)
{
    u64 most = (u64)(w->seconds[index] * 1.2e6) + 1, us = random_number() % most;
    struct timespec moment = {(time_t)(us / 1000000), (long)(us % 1000000) * 1000};
    pid_t child = program_start(&w->p, JOBS[index].args);
    nanosleep(&moment, NULL);
    kill(child, number);
    if (random_number() % 4 == 0)
        kill(child, number); // who asks twice is not asked to wait
    program_wait(&w->p, child);
}

// Every other run finds what an earlier one made, and leaves it or replaces it.
static void killed(void **state)
{
    world *w = *state;
    char path[512];
    u32 ended = 0, finished = 0;
    for (size_t i = 0; i < COUNT_OF(JOBS); i++) {
        for (u32 k = 0; k < KILLS; k++) {
            bool carve = strcmp(JOBS[i].name, "carve") == 0;
            if (k % 2 == 0 || carve)
                remove_files(&w->p, &JOBS[i]);
            bool before = access(program_path(&w->p, JOBS[i].files[0], path), F_OK) == 0;
            kill_once(w, i, signal_of(k));
            bool after = whole_files(w, i) > 0;
            bool done = w->p.code == 0;
            if ((before || done) && !after)
                fail_msg("%s, signal %d: nothing is there, exit code %d", JOBS[i].name, signal_of(k), w->p.code);
            ended += !done;
            finished += done;
        }
        remove_files(&w->p, &JOBS[i]);
    }
    print_message("%u runs were ended, %u were faster\n", ended, finished);
    assert_true(ended >= KILLS && finished >= KILLS / 2);
}

// What nobody can clean up after leaves its unfinished file, under a name of its own; the final one is whole or not
// there.
static void killed_at_once(void **state)
{
    enum { TIMES = 12 };
    world *w = *state;
    char path[512];
    for (size_t i = 0; i < COUNT_OF(JOBS); i++)
        for (u32 k = 0; k < TIMES; k++) {
            kill_once(w, i, SIGKILL);
            for (u32 f = 0; JOBS[i].files[f]; f++) {
                const outbuf *want = &w->whole[i][f];
                if (access(program_path(&w->p, JOBS[i].files[f], path), F_OK) != 0)
                    continue;
                bytes_load(path, &w->got);
                if (w->got.len != want->len || memcmp(w->got.bytes, want->bytes, want->len) != 0)
                    fail_msg("%s is not whole", JOBS[i].files[f]);
            }
            remove_files(&w->p, &JOBS[i]);
            remove_parts(&w->p, "");
            remove_parts(&w->p, "made/");
        }
}

// ---------------------------------------------------------------------------------------------- full disks

static void failed_cleanly(world *w, size_t index, const char *how)
{
    if (w->p.code != 1 || strncmp((const char *)w->p.err.bytes, "etwkit", 6) != 0)
        fail_msg("%s, %s: ended with %d and said: %s", JOBS[index].name, how, w->p.code, (const char *)w->p.err.bytes);
    if (whole_files(w, index) != 0)
        fail_msg("%s, %s: a file is there", JOBS[index].name, how);
}

static u64 all_bytes(const world *w, size_t index)
{
    u64 bytes = 0;
    for (u32 f = 0; f < MOST_FILES; f++)
        bytes += w->whole[index][f].len;
    return bytes;
}

static void preload(bool on)
{
    char path[600];
    snprintf(path, sizeof(path), "%s/faults.so", build());
    if (on && access(path, R_OK) != 0)
        fail_msg("%s is missing", path);
    if (on) {
        setenv("LD_PRELOAD", path, 1);
        setenv("ASAN_OPTIONS", "verify_asan_link_order=0", 1);
    } else {
        unsetenv("LD_PRELOAD");
        unsetenv("ASAN_OPTIONS");
    }
}

static void set_number(const char *name, u64 value)
{
    char text[32];
    snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
    setenv(name, text, 1);
}

static void disk_fills(void **state)
{
    world *w = *state;
    char how[64];
    preload(true);
    for (size_t i = 0; i < COUNT_OF(JOBS); i++)
        for (u32 tenth = 0; tenth < 10; tenth++) {
            u64 space = all_bytes(w, i) * tenth / 10;
            set_number("FAULT_SPACE", space);
            program_run(&w->p, JOBS[i].args);
            snprintf(how, sizeof(how), "space for %llu bytes", (unsigned long long)space);
            failed_cleanly(w, i, how);
            if (!strstr((const char *)w->p.err.bytes, "No space left on device"))
                fail_msg("%s, %s: %s", JOBS[i].name, how, (const char *)w->p.err.bytes);
        }
    unsetenv("FAULT_SPACE");
    preload(false);
}

// The same by the limit of the process, with the signal that comes with it.
static void file_size_limit(void **state)
{
    world *w = *state;
    char how[64];
    for (size_t i = 0; i < COUNT_OF(JOBS); i++)
        for (u32 tenth = 1; tenth < 10; tenth += 2) {
            w->p.file_limit = w->whole[i][0].len * tenth / 10;
            snprintf(how, sizeof(how), "at most %llu bytes a file", (unsigned long long)w->p.file_limit);
            program_run(&w->p, JOBS[i].args);
            failed_cleanly(w, i, how);
        }
}

// The end of an output: it cannot be brought to the disk; it, or what belongs to it, cannot be renamed.
static void last_steps_fail(void **state)
{
    world *w = *state;
    char how[64];
    preload(true);
    for (size_t i = 0; i < COUNT_OF(JOBS); i++) {
        setenv("FAULT_SYNC", "1", 1);
        program_run(&w->p, JOBS[i].args);
        failed_cleanly(w, i, "no sync");
        unsetenv("FAULT_SYNC");
        for (u32 f = 0; JOBS[i].files[f]; f++) {
            set_number("FAULT_RENAME", f + 1);
            program_run(&w->p, JOBS[i].args);
            snprintf(how, sizeof(how), "rename %u refused", f + 1);
            failed_cleanly(w, i, how);
        }
        unsetenv("FAULT_RENAME");
    }
    preload(false);
}

// ---------------------------------------------------------------------------------------------- verify

// It writes nothing of its own, and does not call right what it could not read. `made` is what is verified.
static void verified(world *w, const char *const *args, const char *fault, bool is_whole)
{
    char path[512];
    program_run(&w->p, args);
    if ((w->p.code == 0) != is_whole || (!is_whole && !w->p.err.len && !w->p.out.len))
        fail_msg("verify, %s: ended with %d and said: %s%s", fault, w->p.code, (const char *)w->p.err.bytes,
                 (const char *)w->p.out.bytes);
    assert_int_equal(access(program_path(&w->p, "out.csv", path), F_OK), 0);
    nothing_else(&w->p, &JOBS[0], "");
}

static void verify_fails(void **state)
{
    static const char *const PLAIN[] = {"verify", "{}/out.csv.provenance.json", NULL};
    static const char *const AGAIN[] = {"verify", "--again", "{}/out.csv.provenance.json", NULL};
    static const char *const FILES[] = {"in.etl", "out.csv"};
    world *w = *state;
    char path[512], fault[64];
    struct stat st;
    assert_int_equal(program_run(&w->p, JOBS[0].args), 0);
    verified(w, PLAIN, "nothing", true);
    verified(w, AGAIN, "nothing", true);
    preload(true);
    for (size_t f = 0; f < COUNT_OF(FILES); f++)
        for (int tenth = 0; tenth < 10; tenth++) {
            assert_int_equal(stat(program_path(&w->p, FILES[f], path), &st), 0);
            snprintf(fault, sizeof(fault), "%s:%lld", FILES[f], (long long)st.st_size * tenth / 10 / 4096 * 4096);
            setenv("FAULT_READ", fault, 1);
            verified(w, PLAIN, fault, false);
        }
    unsetenv("FAULT_READ");
    for (u32 tenth = 0; tenth < 10; tenth++) {
        set_number("FAULT_SPACE", w->whole[0][0].len * tenth / 10);
        verified(w, AGAIN, "a full disk", false);
    }
    unsetenv("FAULT_SPACE");
    preload(false);
    for (u32 k = 0; k < KILLS; k++) {
        u64 us = random_number() % (u64)(w->seconds[0] * 1e6 + 1);
        struct timespec moment = {(time_t)(us / 1000000), (long)(us % 1000000) * 1000};
        pid_t child = program_start(&w->p, AGAIN);
        nanosleep(&moment, NULL);
        kill(child, signal_of(k));
        program_wait(&w->p, child);
        nothing_else(&w->p, &JOBS[0], "");
    }
    remove_files(&w->p, &JOBS[0]);
}

// ---------------------------------------------------------------------------------------------- unreadable sectors

// What could be read is there, whole in its own way, and the run says that something is missing.
static void input_fails(void **state)
{
    world *w = *state;
    char path[512], fault[64];
    struct stat st;
    assert_int_equal(stat(program_path(&w->p, "in.etl", path), &st), 0);
    preload(true);
    for (size_t i = 0; i < COUNT_OF(JOBS) && strcmp(JOBS[i].name, "schemas") != 0; i++)
        for (int tenth = 0; tenth < 10; tenth++) {
            snprintf(fault, sizeof(fault), "in.etl:%lld", (long long)st.st_size * tenth / 10 / 4096 * 4096);
            setenv("FAULT_READ", fault, 1);
            program_run(&w->p, JOBS[i].args);
            u32 there = 0, all = 0;
            for (; JOBS[i].files[all]; all++)
                there += access(program_path(&w->p, JOBS[i].files[all], path), F_OK) == 0;
            if ((w->p.code != 3 && w->p.code != 4) || there != all || !w->p.err.len)
                fail_msg("%s, %s: ended with %d, %u of %u files, and said: %s", JOBS[i].name, fault, w->p.code, there,
                         all, (const char *)w->p.err.bytes);
            nothing_else(&w->p, &JOBS[i], "");
            remove_files(&w->p, &JOBS[i]);
        }
    unsetenv("FAULT_READ");
    preload(false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(killed),          cmocka_unit_test(killed_at_once),  cmocka_unit_test(disk_fills),
        cmocka_unit_test(file_size_limit), cmocka_unit_test(last_steps_fail), cmocka_unit_test(input_fails),
        cmocka_unit_test(verify_fails),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
