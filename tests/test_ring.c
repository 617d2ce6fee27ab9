// threads/ring.h: each item is made once, by any thread, and taken in order; no more are in memory than there are
// slots.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "threads/ring.h"

enum { ITEMS = 3000, MOST_SLOTS = 16 };

typedef struct work {
    atomic_uint made[ITEMS];
    atomic_uint alive, most_alive;
    unsigned threads;
} work;

static void make(void *context, unsigned thread, void *slot, u64 number)
{
    work *w = context;
    u64 *item = slot;
    unsigned alive = ++w->alive, most = w->most_alive;
    while (alive > most && !atomic_compare_exchange_weak(&w->most_alive, &most, alive))
        continue;
    w->made[number]++;
    *item = number * number;
    for (volatile u32 i = 0; i < number % 7 * 100; i++) // items differ in work
        continue;
    if (thread >= w->threads)
        abort();
}

// Items are opened a few at a time, as a merge does.
static void run(unsigned threads, u32 slots, u64 step, bool lazy)
{
    crew *c = crew_new(threads);
    work *w = calloc(1, sizeof(*w));
    w->threads = crew_threads(c);
    assert_int_equal(w->threads, threads);
    ring *r = ring_new(
        &(ring_plan){.crew = c, .slots = slots, .slot_bytes = sizeof(u64), .lazy = lazy, .make = make, .context = w});
    u64 opened = 0;
    for (u64 i = 0; i < ITEMS; i++) {
        if (i == opened) {
            opened = opened + step < ITEMS ? opened + step : ITEMS;
            ring_open(r, opened);
        }
        if (i % 3 == 0)
            ring_work_or_wait(r);
        const u64 *item = ring_take(r);
        assert_true(ring_is_ready(r));
        assert_int_equal(*item, i * i);
        w->alive--;
        ring_release(r);
    }
    ring_free(r, NULL);
    for (u32 i = 0; i < ITEMS; i++)
        assert_int_equal(w->made[i], 1);
    assert_true(w->most_alive <= slots);
    free(w);
    crew_free(c);
}

static void in_order_on_any_number_of_threads(void **state)
{
    (void)state;
    for (unsigned threads = 1; threads <= 5; threads++)
        for (u32 slots = 1; slots <= MOST_SLOTS; slots *= 4) {
            run(threads, slots, ITEMS, false);
            run(threads, slots, ITEMS, true);
            run(threads, slots, 1, false);
            run(threads, slots, 5, true);
        }
}

static void cleared(void *slot)
{
    *(u64 *)slot = 0;
}

// What was opened and not begun is not made any more; what is being made is waited for.
static void ended_early(void **state)
{
    (void)state;
    for (unsigned threads = 1; threads <= 4; threads++) {
        crew *c = crew_new(threads);
        work *w = calloc(1, sizeof(*w));
        w->threads = threads;
        ring *r = ring_new(&(ring_plan){.crew = c, .slots = 8, .slot_bytes = sizeof(u64), .make = make, .context = w});
        ring_open(r, ITEMS);
        for (u32 i = 0; i < 10; i++) {
            (void)ring_take(r);
            w->alive--;
            ring_release(r);
        }
        ring_free(r, cleared);
        u32 made = 0;
        for (u32 i = 0; i < ITEMS; i++)
            made += w->made[i];
        assert_in_range(made, 10, 18);
        free(w);
        crew_free(c);
    }
}

static void add_one(void *context)
{
    (*(atomic_uint *)context)++;
}

static void works_are_done_once(void **state)
{
    (void)state;
    for (unsigned threads = 1; threads <= 4; threads++) {
        atomic_uint done = 0;
        crew *c = crew_new(threads);
        for (u32 i = 1; i <= 100; i++) {
            crew_give(c, add_one, &done);
            if (i % 30 == 0) {
                crew_wait(c);
                assert_int_equal(done, i);
            }
        }
        crew_wait(c);
        assert_int_equal(done, 100);
        crew_free(c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_order_on_any_number_of_threads),
        cmocka_unit_test(ended_early),
        cmocka_unit_test(works_are_done_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
