// Heap blocks that are never NULL, and what happens where there is no more memory.
//
// Whoever allocates gets memory or does not return: where the system has none left, control goes to the innermost
// mem_try of the thread, which returns false. What was allocated on the way belongs to that call's pool and goes with
// it, so a function between the two needs no path for that case. What it must not do is to hold a lock, or anything
// else that is not memory, across an allocation: mem_on_discard is for those.
//
// The library works under mem_try from its entry points on. A program may do without and set mem_exhausted.
#ifndef ETWKIT_MEMORY_H
#define ETWKIT_MEMORY_H

#include "base/base.h"
#include "base/error.h"

void *mem_alloc(size_t bytes);
void *mem_zeroed(size_t count, size_t each);
void *mem_grow(void *block, size_t had, size_t count, size_t each);        // the first `had` elements stay
void *mem_grow_zeroed(void *block, size_t had, size_t count, size_t each); // what is new is zero
void *mem_resize(void *block, size_t bytes);                               // as realloc
void mem_free(void *block);                                                // by any thread; NULL is allowed

// An array that grows: afterwards *items has a place for index `count`, and *cap is its capacity. Those below 4 MiB
// double, large ones grow by an eighth.
enum { GROW_DOUBLES = 4 << 20 };
#define GROW(items, count, cap)                                                                                        \
    do {                                                                                                               \
        if ((count) >= (cap)) {                                                                                        \
            size_t had_ = (cap);                                                                                       \
            (cap) = (cap) ? (cap) < GROW_DOUBLES / sizeof(*(items)) ? (cap)*2 : (cap) + (cap) / 8 : 16;                \
            (items) = mem_grow((items), had_, (cap), sizeof(*(items)));                                                \
        }                                                                                                              \
    } while (0)

// ---------------------------------------------------------------------------------------------- pools

// Blocks that live and go together. A block belongs to the pool that was current when it was allocated and stays in it
// when it grows; it may be freed singly as well, by any thread.
typedef struct mem_pool mem_pool;

mem_pool *mem_pool_new(void);       // NULL: there is no memory; nothing else here says so
void mem_pool_free(mem_pool *pool); // all that is still in it, after what mem_on_discard holds; NULL is allowed

// Runs work(context) with the pool as the thread's current one. False: memory ran out, work was left in the middle,
// and nothing that it was changing can be relied on: the pool is good for mem_pool_free only. Calls may be nested, with
// other pools or the same one.
MUST_USE bool mem_try(mem_pool *pool, void (*work)(void *context), void *context, error *e);

// Around calls of functions that are not ours: what they allocate here is in no pool, and where they never return
// (a longjmp, an exception), nothing of ours is left behind.
typedef struct mem_attempt mem_attempt;
mem_attempt *mem_suspend(void);
void mem_resume(mem_attempt *suspended);

// Called where a pool is freed with this block still in it, before any of its blocks goes: gives back what the block
// holds and is not memory (a descriptor, a database). It must neither allocate nor free.
void mem_on_discard(void *block, void (*release)(void *block));

// As if an allocation of so many bytes had failed: for those of other libraries. 0: it is not known how many.
_Noreturn void mem_run_out(size_t bytes);
// Around calls of libraries that go on without what they found no memory for, and call it something else or nothing at
// all: the end is mem_run_out where the C library had none since the beginning.
void mem_watch_begin(void);
void mem_watch_end(void);
// The same where one input's claims may be why: whether the C library had none. That is this input's fault alone.
bool mem_watch_lacked(void);

// Called where memory runs out and no mem_try is at work; must not return. NULL: the process is aborted.
extern void (*mem_exhausted)(size_t bytes);

#endif
