// A preloaded allocator with less memory than the system's: the call of number ETWKIT_FAIL_ALLOC (1, 2, …) gets none,
// and where ETWKIT_FAIL_ALL is set, nor do those after it. With ETWKIT_COUNT_ALLOC, the number of calls is written to
// that file at the end. Calls are counted from the program's constructors on.
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t each);
void *__libc_realloc(void *block, size_t bytes);

static atomic_ulong calls;
static unsigned long fails_at;
static bool counts, fails_after;
static FILE *report;

__attribute__((constructor)) static void begin(void)
{
    const char *number = getenv("ETWKIT_FAIL_ALLOC");
    fails_at = number ? strtoul(number, NULL, 10) : 0;
    fails_after = getenv("ETWKIT_FAIL_ALL") != NULL;
    const char *path = getenv("ETWKIT_COUNT_ALLOC");
    report = path ? fopen(path, "w") : NULL; // now: later the program may have given up the right to
    counts = true;
}

__attribute__((destructor)) static void end(void)
{
    counts = false;
    if (report) {
        fprintf(report, "%lu\n", atomic_load(&calls));
        fclose(report);
    }
}

static bool fails(void)
{
    unsigned long call = counts ? atomic_fetch_add(&calls, 1) + 1 : 0;
    bool fails = fails_at && (call == fails_at || (fails_after && call > fails_at));
    if (fails)
        errno = ENOMEM;
    return fails;
}

void *malloc(size_t bytes)
{
    return fails() ? NULL : __libc_malloc(bytes);
}

void *calloc(size_t count, size_t each)
{
    return fails() ? NULL : __libc_calloc(count, each);
}

void *realloc(void *block, size_t bytes)
{
    return fails() ? NULL : __libc_realloc(block, bytes);
}
