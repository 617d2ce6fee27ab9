// sort_in_place: the order qsort gives, for every shape of input, in n log n steps also for those made against it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/sort.h"

typedef struct item {
    u32 key, place;
    u8 more[24];
} item;

static u64 compared;

static int by_key(const void *a, const void *b)
{
    const item *x = a, *y = b;
    compared++;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return x->place < y->place ? -1 : x->place > y->place;
}

static u32 next(u32 *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

// The shapes sorts are known to stumble over.
static u32 key_of(u32 shape, u32 i, u32 count, u32 *seed)
{
    switch (shape) {
    case 0:
        return i;
    case 1:
        return count - i;
    case 2:
        return 7;
    case 3:
        return next(seed);
    case 4:
        return next(seed) % 3;
    case 5:
        return i % 100; // runs
    case 6:
        return i < count / 2 ? i : count - i; // up and down
    case 7:
        return i % 2 ? i : count / 2 + i; // two halves, interleaved
    default:
        return i + next(seed) % 8; // nearly in order
    }
}

static void every_shape_is_sorted(void **state)
{
    (void)state;
    static const u32 COUNTS[] = {0, 1, 2, 3, 15, 16, 17, 33, 1000, 20000};
    u32 seed = 1;
    for (size_t c = 0; c < COUNT_OF(COUNTS); c++)
        for (u32 shape = 0; shape < 9; shape++) {
            u32 count = COUNTS[c];
            item *list = mem_zeroed(count, sizeof(*list)), *want = mem_zeroed(count, sizeof(*want));
            for (u32 i = 0; i < count; i++) {
                list[i] = (item){key_of(shape, i, count, &seed), next(&seed) % 4, {0}};
                memset(list[i].more, (int)(list[i].key + list[i].place), sizeof(list[i].more));
            }
            if (count) {
                memcpy(want, list, count * sizeof(*list));
                qsort(want, count, sizeof(*want), by_key);
            }
            sort_in_place(list, count, sizeof(*list), by_key);
            for (u32 i = 0; i < count; i++)
                assert_memory_equal(&list[i], &want[i], sizeof(*list));
            mem_free(list);
            mem_free(want);
        }
}

// Keys that put the next smallest where the median of three is looked for: each split takes two items off.
static void no_input_takes_quadratic_time(void **state)
{
    (void)state;
    enum { COUNT = 1 << 15 };
    item *list = mem_zeroed(COUNT, sizeof(*list));
    for (u32 i = 0; i < COUNT / 2; i++) {
        list[i].key = i % 2 ? COUNT / 2 + i : i + 1;
        list[COUNT / 2 + i].key = (i + 1) * 2;
    }
    compared = 0;
    sort_in_place(list, COUNT, sizeof(*list), by_key);
    for (u32 i = 1; i < COUNT; i++)
        assert_true(list[i - 1].key <= list[i].key);
    assert_true(compared < (u64)COUNT * 15 * 8);
    mem_free(list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_shape_is_sorted),
        cmocka_unit_test(no_input_takes_quadratic_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
