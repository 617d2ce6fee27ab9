#include "alloc_fail.h"

#include <errno.h>
#include <stdatomic.h>

void *__real_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t each);
void *__real_realloc(void *block, size_t bytes);
void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t count, size_t each);
void *__wrap_realloc(void *block, size_t bytes);

static _Atomic u64 calls, fails_at;

void alloc_fail_at(u64 n)
{
    calls = 0;
    fails_at = n;
}

u64 alloc_calls(void)
{
    return calls;
}

bool alloc_failed(void)
{
    return fails_at && calls >= fails_at;
}

static bool fails(void)
{
    bool now = ++calls == fails_at;
    if (now)
        errno = ENOMEM;
    return now;
}

void *__wrap_malloc(size_t bytes)
{
    return fails() ? NULL : __real_malloc(bytes);
}

void *__wrap_calloc(size_t count, size_t each)
{
    return fails() ? NULL : __real_calloc(count, each);
}

void *__wrap_realloc(void *block, size_t bytes)
{
    return fails() ? NULL : __real_realloc(block, bytes);
}
