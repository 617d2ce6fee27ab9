// base/memory.h: where memory runs out, control comes back to mem_try and all that was allocated goes with its pool.
// AddressSanitizer sees what is left over.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alloc_fail.h"
#include "base/map.h"
#include "base/outbuf.h"

static u32 released;

static void count_release(void *block)
{
    (void)block;
    released++;
}

// Every kind of allocation there is, with blocks freed in all orders between them.
static void all_kinds(void *context)
{
    arena a = {0};
    map m = {0};
    outbuf text = {0};
    u32 *list = NULL, cap = 0;
    void *held = mem_zeroed(3, 5);
    mem_on_discard(held, count_release);
    for (u32 i = 0; i < 3000; i++) {
        GROW(list, i, cap);
        list[i] = i;
        map_add(&m, hash_u64(i), i);
    }
    for (u32 i = 0; i < 40; i++) {
        arena_format(&a, "%*u", 5000, i);
        outbuf_text(&text, "some text of a record, ");
    }
    held = mem_resize(held, 200000);
    mem_free(mem_resize(NULL, 10));
    void *first = mem_alloc(1), *second = mem_zeroed(1 << 17, 1), *third = mem_alloc(0);
    mem_free(first);
    mem_free(third);
    mem_free(second);
    map_free(&m);
    mem_free(list);
    *(bool *)context = true; // the arena, the text and what is held stay
}

static void any_allocation_may_fail(void **state)
{
    (void)state;
    u64 n = 0;
    bool done = false;
    while (!done) {
        error e = {0};
        released = 0;
        alloc_fail_at(0);
        mem_pool *pool = mem_pool_new();
        alloc_fail_at(++n);
        bool ok = mem_try(pool, all_kinds, &done, &e);
        bool failed = alloc_failed();
        alloc_fail_at(0);
        assert_int_equal(ok, !failed);
        assert_int_equal(ok, done);
        assert_int_equal(e.code, ok ? ERR_NONE : ERR_MEMORY);
        if (!ok)
            assert_memory_equal(e.message, "out of memory allocating ", 25);
        assert_int_equal(released, 0);
        mem_pool_free(pool);
        assert_int_equal(released, n > 1); // the block grew and moved and still says what it holds
    }
    assert_true(n > 30);
}

static void says_how_much(void *context)
{
    (void)mem_alloc(*(size_t *)context);
}

static void too_many(void *context)
{
    (void)context;
    (void)mem_zeroed(SIZE_MAX / 2, 4);
}

static void too_many_of_an_arena(void *context)
{
    arena a = {0};
    (void)context;
    (void)arena_take_array(&a, SIZE_MAX / 2, 4);
}

static void run_out(void *context)
{
    mem_run_out(*(size_t *)context);
}

static void fails_with(void (*work)(void *context), size_t bytes, const char *message)
{
    error e = {0};
    mem_pool *pool = mem_pool_new();
    assert_false(mem_try(pool, work, &bytes, &e));
    assert_string_equal(e.message, message);
    assert_string_equal(error_reason(e.code), "memory");
    mem_pool_free(pool);
}

static void sizes_that_cannot_be_fail_alike(void **state)
{
    (void)state;
    fails_with(says_how_much, (size_t)PTRDIFF_MAX, "out of memory allocating 9223372036854775807 bytes");
    fails_with(too_many, 0, "out of memory allocating 18446744073709551615 bytes");
    fails_with(too_many_of_an_arena, 0, "out of memory allocating 18446744073709551615 bytes");
    fails_with(run_out, 77, "out of memory allocating 77 bytes");
    fails_with(run_out, 0, "out of memory");
}

// ---------------------------------------------------------------------------------------------- several pools

typedef struct nest {
    mem_pool *inner;
    char *outer_text, *inner_text;
    bool inner_ok, came_back;
} nest;

static void inner_work(void *context)
{
    nest *n = context;
    n->inner_text = memcpy(mem_alloc(6), "inner", 6);
    n->outer_text = mem_resize(n->outer_text, 100000); // stays with its pool
    mem_run_out(1);
}

static void outer_work(void *context)
{
    nest *n = context;
    n->outer_text = memcpy(mem_alloc(6), "outer", 6);
    n->inner_ok = mem_try(n->inner, inner_work, n, NULL);
    mem_pool_free(n->inner);
    n->came_back = true;
    n->outer_text = mem_resize(n->outer_text, 6); // allocation goes on with the outer pool
    (void)mem_alloc(10);
}

static void pools_nest(void **state)
{
    (void)state;
    mem_pool *outer = mem_pool_new();
    nest n = {.inner = mem_pool_new()};
    assert_true(mem_try(outer, outer_work, &n, NULL));
    assert_false(n.inner_ok);
    assert_true(n.came_back);
    assert_string_equal(n.outer_text, "outer");
    mem_pool_free(outer);
    mem_pool_free(NULL);
}

typedef struct share {
    mem_pool *pool;
    void *blocks[1000];
} share;

static void allocate_all(void *context)
{
    share *s = context;
    for (u32 i = 0; i < COUNT_OF(s->blocks); i++)
        s->blocks[i] = mem_alloc(i);
}

static void *free_every_other(void *context)
{
    share *s = context;
    for (u32 i = 0; i < COUNT_OF(s->blocks); i += 2)
        mem_free(s->blocks[i]);
    return NULL;
}

// Blocks are freed by one thread while another one allocates in the same pool.
static void pools_are_shared_by_threads(void **state)
{
    (void)state;
    static share first, second;
    mem_pool *pool = mem_pool_new();
    assert_true(mem_try(pool, allocate_all, &first, NULL));
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, free_every_other, &first), 0);
    assert_true(mem_try(pool, allocate_all, &second, NULL));
    assert_null(free_every_other(&second));
    pthread_join(thread, NULL);
    mem_pool_free(pool);
}

// ---------------------------------------------------------------------------------------------- without a pool

static _Noreturn void leave(size_t bytes)
{
    _exit(bytes == 123456 ? 42 : 43);
}

static int code_of_child(void (*exhausted)(size_t bytes))
{
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        close(2);
        mem_exhausted = exhausted;
        mem_run_out(123456);
    }
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void a_program_says_what_happens_else(void **state)
{
    (void)state;
    assert_int_equal(code_of_child(leave), 42);
    assert_int_equal(code_of_child(NULL), 128 + 6); // SIGABRT
}

// ---------------------------------------------------------------------------------------------- errors

static void errors_keep_their_code(void **state)
{
    (void)state;
    error e = {0};
    assert_false(error_errno_set(&e, 2, "%s", "trace.etl"));
    assert_int_equal(e.code, ERR_MISSING);
    assert_string_equal(e.message, "trace.etl: No such file or directory");
    assert_false(error_prefix(&e, "--schemas %d", 1));
    assert_int_equal(e.code, ERR_MISSING);
    assert_string_equal(e.message, "--schemas 1: trace.etl: No such file or directory");
    assert_false(error_set(&e, "%s and more", e.message));
    assert_int_equal(e.code, ERR_BROKEN);
    assert_string_equal(e.message, "--schemas 1: trace.etl: No such file or directory and more");
    assert_false(error_code_set(&e, ERR_LIMIT, "%*d", 2000, 1));
    assert_int_equal(strlen(e.message), sizeof(e.message) - 1);
    assert_false(error_prefix(&e, "no place for this"));
    assert_false(error_errno_set(NULL, 2, "nobody reads it"));
    static const struct {
        int number;
        const char *reason;
    } REASONS[] = {{0, ""},       {13, "permission"}, {1, "permission"}, {12, "memory"},    {28, "space"},
                   {24, "limit"}, {5, "io"},          {20, "missing"},   {21, "not_a_file"}};
    for (u32 i = 0; i < COUNT_OF(REASONS); i++)
        assert_string_equal(error_reason(error_code_of_errno(REASONS[i].number)), REASONS[i].reason);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_allocation_may_fail),
        cmocka_unit_test(sizes_that_cannot_be_fail_alike),
        cmocka_unit_test(pools_nest),
        cmocka_unit_test(pools_are_shared_by_threads),
        cmocka_unit_test(a_program_says_what_happens_else),
        cmocka_unit_test(errors_keep_their_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
