// Runs commands by turns and measures each of them: what `make bench` reads its figures from.
//
//     bench_run time RUNS SECONDS    jobs on stdin, a line each, parts parted by tabs: NAME FILE PROGRAM ARGUMENT...
//     bench_run pick INFO.json event_id|opcode
//                                    options that keep about one event of a hundred, from `etwkit info --json`: events
//                                    of one id, or those without an id by their opcode
//
// `time` runs all jobs once, then all of them again in reverse (A B C C B A A B C ...), so that a busy machine and what
// the job before left behind disturb them alike, until each has had its RUNS or SECONDS have passed. stdout and stderr
// of a job go to /dev/null. FILE is what it writes: it is taken away outside the time that counts; "-": none. A line
// for each job, parted by tabs:
//
//     NAME  exit code  fastest ns  median ns  least CPU ns (user and system)  most resident KiB  bytes of FILE  runs
//
// A job that ended with another code than 0 is not run again, and its figures say nothing.
#define _DEFAULT_SOURCE // wait4: the peak of one child, where getrusage knows that of all of them
#include <cjson/cJSON.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/os.h"

extern char **environ;

enum { JOBS = 32, ARGUMENTS = 64, RUNS = 1000, LINE = 8192 };

typedef struct job {
    char line[LINE];
    const char *name, *file;
    char *args[ARGUMENTS + 1];
    int code, runs;
    u64 wall[RUNS], cpu;
    long peak;
    long long bytes;
} job;

static u64 now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (u64)t.tv_sec * 1000000000 + (u64)t.tv_nsec;
}

static u64 timeval_ns(struct timeval t)
{
    return (u64)t.tv_sec * 1000000000 + (u64)t.tv_usec * 1000;
}

static bool job_parse(job *j)
{
    char *parts[ARGUMENTS + 2] = {0};
    int count = 0;
    j->line[strcspn(j->line, "\n")] = 0;
    for (char *at = j->line; at && count < ARGUMENTS + 2; count++) {
        parts[count] = at;
        at = strchr(at, '\t');
        if (at)
            *at++ = 0;
    }
    j->name = parts[0];
    j->file = parts[1];
    memcpy(j->args, parts + 2, ARGUMENTS * sizeof *parts);
    return count > 2 && count < ARGUMENTS + 2;
}

static bool job_spawn(const job *j, pid_t *child)
{
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    bool good = posix_spawnp(child, j->args[0], &actions, NULL, j->args, environ) == 0;
    posix_spawn_file_actions_destroy(&actions);
    return good;
}

static void job_run(job *j)
{
    bool writes = strcmp(j->file, "-") != 0;
    struct rusage used;
    struct stat made;
    int status = 0;
    pid_t child;
    if (writes)
        unlink(j->file);
    u64 start = now_ns();
    if (!job_spawn(j, &child) || wait4(child, &status, 0, &used) != child) {
        j->code = 127;
        return;
    }
    u64 wall = now_ns() - start, cpu = timeval_ns(used.ru_utime) + timeval_ns(used.ru_stime);
    j->code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    j->cpu = j->runs && j->cpu < cpu ? j->cpu : cpu;
    j->peak = used.ru_maxrss > j->peak ? used.ru_maxrss : j->peak;
    if (writes && stat(j->file, &made) == 0)
        j->bytes = (long long)made.st_size;
    if (writes)
        unlink(j->file);
    j->wall[j->runs++] = wall;
}

static int by_size(const void *a, const void *b)
{
    u64 x = *(const u64 *)a, y = *(const u64 *)b;
    return (x > y) - (x < y);
}

static int jobs_time(int runs, double seconds)
{
    static job jobs[JOBS];
    int count = 0;
    while (count < JOBS && fgets(jobs[count].line, LINE, stdin))
        if (!job_parse(&jobs[count++])) {
            fprintf(stderr, "bench_run: line %d is no job\n", count);
            return 2;
        }
    double start = os_seconds();
    for (int run = 0; run < runs && (run == 0 || os_seconds() - start < seconds); run++)
        for (int i = 0; i < count; i++) {
            job *j = &jobs[run & 1 ? count - 1 - i : i];
            if (j->code == 0)
                job_run(j);
        }
    for (int i = 0; i < count; i++) {
        job *j = &jobs[i];
        qsort(j->wall, (size_t)j->runs, sizeof *j->wall, by_size);
        printf("%s\t%d\t%llu\t%llu\t%llu\t%ld\t%lld\t%d\n", j->name, j->code, (unsigned long long)j->wall[0],
               (unsigned long long)j->wall[j->runs / 2], (unsigned long long)j->cpu, j->peak, j->bytes, j->runs);
    }
    return 0;
}

// ---------------------------------------------------------------------------------------------- one of a hundred

typedef struct choice {
    const char *provider;
    double number, events;
} choice;

static double number_of(const cJSON *object, const char *name)
{
    return cJSON_GetNumberValue(cJSON_GetObjectItem(object, name));
}

// All events of a provider that have the number which this class has.
static choice choice_of(const cJSON *provider, const cJSON *class, const char *which)
{
    choice c = {.provider = cJSON_GetStringValue(cJSON_GetObjectItem(provider, "id")),
                .number = number_of(class, which)};
    const cJSON *other;
    cJSON_ArrayForEach (other, cJSON_GetObjectItem(provider, "classes"))
        if (!(number_of(other, which) < c.number) && !(number_of(other, which) > c.number))
            c.events += number_of(other, "events");
    return c;
}

// How many times more or less than one of a hundred.
static double distance(const choice *c, double total)
{
    double share = c->events * 100 / total;
    return share > 1 ? share : 1 / share;
}

static choice share_best(const cJSON *info, bool by_id)
{
    double total = number_of(cJSON_GetObjectItem(info, "events"), "total");
    const cJSON *provider, *class;
    choice best = {0};
    cJSON_ArrayForEach (provider, cJSON_GetObjectItem(info, "providers"))
        cJSON_ArrayForEach (class, cJSON_GetObjectItem(provider, "classes")) {
            if (by_id != (number_of(class, "event_id") > 0))
                continue;
            choice c = choice_of(provider, class, by_id ? "event_id" : "opcode");
            if (c.provider && c.events > 0 && (!best.provider || distance(&c, total) < distance(&best, total)))
                best = c;
        }
    return best;
}

static int share_pick(const char *path, bool by_id)
{
    u8 *text;
    size_t len;
    error e = {0};
    if (!os_read_whole(path, 64 << 20, &text, &len, &e)) {
        fprintf(stderr, "bench_run: %s: %s\n", path, e.message);
        return 1;
    }
    cJSON *info = cJSON_ParseWithLength((const char *)text, len);
    choice best = share_best(info, by_id);
    if (best.provider)
        printf(by_id ? "--provider\t%s\t--event-id\t%.0f\n" : "--provider\t%s\t--where\topcode = %.0f\n", best.provider,
               best.number);
    cJSON_Delete(info);
    mem_free(text);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "time") == 0) {
        int runs = atoi(argv[2]);
        return jobs_time(runs < 1 ? 1 : runs > RUNS ? RUNS : runs, atof(argv[3]));
    }
    if (argc == 4 && strcmp(argv[1], "pick") == 0)
        return share_pick(argv[2], strcmp(argv[3], "event_id") == 0);
    fputs("usage: bench_run time RUNS SECONDS <jobs | bench_run pick INFO.json event_id|opcode\n", stderr);
    return 2;
}
