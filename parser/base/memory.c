// A block has a head: its pool and its neighbours there. A run allocates some thousands of blocks, so that heads and
// locks cost nothing that can be measured. Under AddressSanitizer heads are poisoned, as what is before a block is
// otherwise.
#include "base/memory.h"

#include <errno.h>
#include <setjmp.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/os.h"
#include "base/sanitizer.h"

#ifdef SANITIZER_IS_ADDRESS
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(at, bytes) ((void)(at), (void)(bytes))
#define ASAN_UNPOISON_MEMORY_REGION(at, bytes) ((void)(at), (void)(bytes))
#endif

enum { TOUCHED_BYTES = 256 << 10 }; // blocks from this size on have their pages asked for at once

typedef struct head {
    _Alignas(16) mem_pool *pool; // NULL: none, and the rest is not used
    struct head *newer, *older;
    void (*release)(void *block);
} head;

struct mem_pool {
    atomic_flag locked; // for moments
    head *newest;
};

struct mem_attempt {
    jmp_buf at;
    mem_pool *pool;
    size_t wanted; // bytes of the allocation that failed
    mem_attempt *outer;
};

static _Thread_local mem_attempt *innermost;

void (*mem_exhausted)(size_t bytes);

_Noreturn void mem_run_out(size_t bytes)
{
    if (innermost) {
        innermost->wanted = bytes;
        longjmp(innermost->at, 1);
    }
    if (mem_exhausted)
        mem_exhausted(bytes);
    abort();
}

void mem_watch_begin(void)
{
    errno = 0;
}

bool mem_watch_lacked(void)
{
    return errno == ENOMEM;
}

void mem_watch_end(void)
{
    if (mem_watch_lacked())
        mem_run_out(0);
}

// ---------------------------------------------------------------------------------------------- heads

// `pool` is never poisoned: it says which lock guards the rest.
static void close_head(head *h)
{
    ASAN_POISON_MEMORY_REGION(&h->newer, sizeof(*h) - offsetof(head, newer));
}

static head *open_head(head *h)
{
    ASAN_UNPOISON_MEMORY_REGION(h, sizeof(*h));
    return h;
}

static head *head_of(void *block)
{
    return (head *)block - 1;
}

static void lock(mem_pool *pool)
{
    while (atomic_flag_test_and_set_explicit(&pool->locked, memory_order_acquire))
        ;
}

static void unlock(mem_pool *pool)
{
    atomic_flag_clear_explicit(&pool->locked, memory_order_release);
}

static void enter(head *h, mem_pool *pool)
{
    h->pool = pool;
    if (pool) {
        lock(pool);
        h->newer = NULL;
        h->older = pool->newest;
        if (h->older) {
            open_head(h->older)->newer = h;
            close_head(h->older);
        }
        pool->newest = h;
        unlock(pool);
    }
    close_head(h);
}

// Leaves the head open.
static void leave(head *h)
{
    mem_pool *pool = h->pool;
    if (!pool) {
        open_head(h);
        return;
    }
    lock(pool);
    open_head(h);
    if (h->newer) {
        open_head(h->newer)->older = h->older;
        close_head(h->newer);
    } else {
        pool->newest = h->older;
    }
    if (h->older) {
        open_head(h->older)->newer = h->newer;
        close_head(h->older);
    }
    unlock(pool);
}

// ---------------------------------------------------------------------------------------------- blocks

static mem_pool *current_pool(void)
{
    return innermost ? innermost->pool : NULL;
}

static size_t product(size_t count, size_t each)
{
    if (each && count > SIZE_MAX / each)
        mem_run_out(SIZE_MAX);
    return count * each;
}

// What malloc and its like are asked for: an empty block has an address of its own too.
static size_t with_head(size_t bytes)
{
    if (bytes > PTRDIFF_MAX - sizeof(head))
        mem_run_out(bytes);
    return sizeof(head) + (bytes ? bytes : 1);
}

static void *begin_block(head *h, mem_pool *pool, size_t bytes)
{
    if (!h)
        mem_run_out(bytes ? bytes : 1);
    if (bytes >= TOUCHED_BYTES)
        os_touch(h, sizeof(*h) + bytes);
    enter(h, pool);
    return h + 1;
}

static void *alloc_in(mem_pool *pool, size_t bytes)
{
    head *h = malloc(with_head(bytes));
    if (h)
        h->release = NULL;
    return begin_block(h, pool, bytes);
}

void *mem_alloc(size_t bytes)
{
    return alloc_in(current_pool(), bytes);
}

void *mem_zeroed(size_t count, size_t each)
{
    size_t bytes = product(count, each);
    if (bytes >= TOUCHED_BYTES && bytes < OS_MOVED_BYTES)
        return memset(mem_alloc(bytes), 0, bytes);
    return begin_block(calloc(1, with_head(bytes)), current_pool(), bytes);
}

static void *grow_by_copy(void *block, size_t had, size_t bytes)
{
    head *h = head_of(block);
    void *grown = memcpy(alloc_in(h->pool, bytes), block, had);
    leave(h);
    if (h->release)
        mem_on_discard(grown, h->release);
    free(h);
    return grown;
}

void *mem_resize(void *block, size_t bytes)
{
    if (!block)
        return mem_alloc(bytes);
    size_t whole = with_head(bytes);
    head *h = head_of(block);
    mem_pool *pool = h->pool;
    leave(h);
    head *resized = realloc(h, whole);
    if (!resized)
        enter(h, pool);
    return begin_block(resized, pool, bytes);
}

void *mem_grow(void *block, size_t had, size_t count, size_t each)
{
    size_t bytes = product(count, each);
    // Copied into pages that were asked for: realloc would have them come one by one.
    if (block && bytes >= TOUCHED_BYTES && had * each < OS_MOVED_BYTES)
        return grow_by_copy(block, had * each, bytes);
    return mem_resize(block, bytes);
}

void *mem_grow_zeroed(void *block, size_t had, size_t count, size_t each)
{
    u8 *grown = mem_grow(block, had, count, each);
    memset(grown + had * each, 0, (count - had) * each);
    return grown;
}

void mem_free(void *block)
{
    if (!block)
        return;
    head *h = head_of(block);
    leave(h);
    free(h);
}

// ---------------------------------------------------------------------------------------------- pools

mem_pool *mem_pool_new(void)
{
    mem_pool *pool = malloc(sizeof(*pool));
    if (pool)
        *pool = (mem_pool){.locked = ATOMIC_FLAG_INIT};
    return pool;
}

void mem_pool_free(mem_pool *pool)
{
    if (!pool)
        return;
    for (head *h = pool->newest; h; h = h->older)
        if (open_head(h)->release)
            h->release(h + 1);
    while (pool->newest) {
        head *h = pool->newest;
        pool->newest = h->older;
        free(h);
    }
    free(pool);
}

void mem_on_discard(void *block, void (*release)(void *block))
{
    head *h = head_of(block);
    mem_pool *pool = h->pool;
    if (!pool)
        return;
    lock(pool);
    open_head(h)->release = release;
    close_head(h);
    unlock(pool);
}

bool mem_try(mem_pool *pool, void (*work)(void *context), void *context, error *e)
{
    mem_attempt a = {.pool = pool, .outer = innermost};
    innermost = &a;
    if (setjmp(a.at) == 0) {
        work(context);
        innermost = a.outer;
        return true;
    }
    innermost = a.outer;
    return a.wanted ? error_code_set(e, ERR_MEMORY, "out of memory allocating %zu bytes", a.wanted)
                    : error_code_set(e, ERR_MEMORY, "out of memory");
}

mem_attempt *mem_suspend(void)
{
    mem_attempt *suspended = innermost;
    innermost = NULL;
    return suspended;
}

void mem_resume(mem_attempt *suspended)
{
    innermost = suspended;
}
