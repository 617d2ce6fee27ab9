// Arrays that move to files keep what is in them, in whatever order they grow, are trimmed and are sorted; and stay in
// memory where there is no space for files.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/spill.h"

typedef struct item {
    u64 key;
    u32 place, more;
} item;

enum { MANY = 3000000 }; // 48 MB

static int memory_only(void **state)
{
    (void)state;
    spill_memory_limit = LIMIT_SPILL_MEMORY;
    return 0;
}

static u64 next(u64 *seed)
{
    *seed ^= *seed >> 12;
    *seed ^= *seed << 25;
    *seed ^= *seed >> 27;
    return *seed * 0x2545f4914f6cdd1du >> 20;
}

static u64 resident(void)
{
    unsigned long pages = 0, all = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (!f)
        skip();
    assert_int_equal(fscanf(f, "%lu %lu", &all, &pages), 2);
    fclose(f);
    return (u64)pages * (u64)sysconf(_SC_PAGESIZE);
}

typedef struct array {
    spill *block;
    item *list;
    u32 count, cap;
} array;

static void add_many(array *a, u32 count)
{
    u64 seed = 88172645463325252u;
    for (u32 i = 0; i < count; i++) {
        SPILL_GROW(a->block, a->list, a->count, a->cap);
        a->list[a->count] = (item){next(&seed), a->count, 0};
        a->count++;
    }
}

static void check_many(const array *a)
{
    u64 seed = 88172645463325252u;
    for (u32 i = 0; i < a->count; i++)
        if (a->list[i].key != next(&seed) || a->list[i].place != i)
            fail_msg("item %u is another", i);
}

static void grows_and_stays(void **state)
{
    (void)state;
    array a = {0};
    add_many(&a, 1000);
    assert_false(spill_is_in_file(a.block));
    check_many(&a);
    spill_free(&a.block);
    a = (array){0};
    u64 before = resident();
    add_many(&a, MANY);
    assert_true(spill_is_in_file(a.block));
    assert_true(resident() < before + (24 << 20));
    spill_seal(a.block);
    check_many(&a);
    spill_trim();
    check_many(&a);
    spill_free(&a.block);
    assert_null(a.block);
    assert_true(resident() < before + (4 << 20));
}

static int by_key(const void *a, const void *b)
{
    const item *x = a, *y = b;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return x->place < y->place ? -1 : x->place > y->place;
}

static void check_order(array *a)
{
    item *expected = malloc(a->count * sizeof(*expected));
    if (a->count) {
        memcpy(expected, a->list, a->count * sizeof(*expected));
        qsort(expected, a->count, sizeof(*expected), by_key);
    }
    a->list = spill_sort(&a->block, a->count, sizeof(*a->list), by_key);
    assert_memory_equal(a->list, expected, a->count * sizeof(*expected));
    free(expected);
}

static void sorts(void **state)
{
    (void)state;
    static const u32 COUNTS[] = {0, 1, 1000, 524288, 524289, 1048577, MANY};
    for (u32 limit = 0; limit < 2; limit++)
        for (u32 i = 0; i < COUNT_OF(COUNTS); i++) {
            array a = {0};
            spill_memory_limit = limit ? LIMIT_SPILL_MEMORY : 0;
            add_many(&a, COUNTS[i]);
            check_order(&a); // in disorder
            check_order(&a); // in order
            for (u32 k = 0; k + 100000 < a.count; k += 100)
                a.list[k].key += 1 << 30;
            check_order(&a);
            spill_free(&a.block);
        }
}

static void zeroed_is_zero(void **state)
{
    (void)state;
    static const size_t COUNTS[] = {10, 1 << 20, 40 << 20};
    for (u32 i = 0; i < COUNT_OF(COUNTS); i++) {
        spill *block = NULL;
        const u8 *bytes = spill_zeroed(&block, COUNTS[i], 1);
        for (size_t k = 0; k < COUNTS[i]; k++)
            if (bytes[k])
                fail_msg("byte %zu of %zu is not zero", k, COUNTS[i]);
        assert_int_equal(spill_is_in_file(block), COUNTS[i] > LIMIT_SPILL_MEMORY);
        spill_free(&block);
    }
}

static void without_a_file(void **state)
{
    (void)state;
    array a = {0};
    const char *folder = getenv("TMPDIR");
    char *had = folder ? strdup(folder) : NULL;
    setenv("TMPDIR", "/nonexistent/folder", 1);
    add_many(&a, MANY);
    assert_false(spill_is_in_file(a.block));
    check_many(&a);
    check_order(&a);
    spill_free(&a.block);
    if (had)
        setenv("TMPDIR", had, 1);
    else
        unsetenv("TMPDIR");
    free(had);
}

// The file cannot grow any more: what is in it comes back.
static void disk_full(void **state)
{
    (void)state;
    array a = {0};
    struct rlimit had, low;
    getrlimit(RLIMIT_FSIZE, &had);
    low = (struct rlimit){40 << 20, had.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &low);
    add_many(&a, MANY / 3 * 2);
    bool was_in_file = spill_is_in_file(a.block);
    spill_free(&a.block);
    a = (array){0};
    add_many(&a, MANY);
    setrlimit(RLIMIT_FSIZE, &had);
    assert_true(was_in_file);
    assert_false(spill_is_in_file(a.block));
    check_many(&a);
    check_order(&a);
    spill_free(&a.block);
}

static void fill_pool(void *context)
{
    array *a = context;
    add_many(a, MANY);
    mem_run_out(1);
}

// What a pool gives up, it gives up with the file.
static void discarded(void **state)
{
    (void)state;
    array a = {0};
    error e = {0};
    u64 before = resident();
    mem_pool *pool = mem_pool_new();
    assert_false(mem_try(pool, fill_pool, &a, &e));
    mem_pool_free(pool);
    assert_true(resident() < before + (4 << 20));
    a = (array){0};
    add_many(&a, 600000); // and its memory can be used again
    assert_false(spill_is_in_file(a.block));
    spill_free(&a.block);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(grows_and_stays, memory_only), cmocka_unit_test_setup(sorts, memory_only),
        cmocka_unit_test_setup(zeroed_is_zero, memory_only),  cmocka_unit_test_setup(without_a_file, memory_only),
        cmocka_unit_test_setup(disk_full, memory_only),       cmocka_unit_test_setup(discarded, memory_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
