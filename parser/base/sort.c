#include "base/sort.h"

#include <assert.h>
#include <string.h>

enum {
    FEW = 16,             // items that are sorted by insertion
    RUN_BYTES = 16 << 10, // of a run that is merged into what is before it
    MOVES_AN_ITEM = 12,   // by such merging: with more, splitting is faster
};

typedef struct sorter {
    size_t each;
    int (*compare)(const void *, const void *);
} sorter;

// The most frequent size without a call.
static inline void copy(const sorter *s, u8 *to, const u8 *from)
{
    if (s->each == 32)
        memcpy(to, from, 32);
    else
        memcpy(to, from, s->each);
}

static void swap(const sorter *s, u8 *a, u8 *b)
{
    u8 held[SORT_MOST_BYTES];
    copy(s, held, a);
    copy(s, a, b);
    copy(s, b, held);
}

static void insertion_sort(const sorter *s, u8 *items, size_t count)
{
    u8 held[SORT_MOST_BYTES];
    for (size_t i = 1; i < count; i++) {
        u8 *at = items + i * s->each;
        if (s->compare(at - s->each, at) <= 0)
            continue;
        copy(s, held, at);
        do {
            copy(s, at, at - s->each);
            at -= s->each;
        } while (at > items && s->compare(at - s->each, held) > 0);
        copy(s, at, held);
    }
}

static void sink(const sorter *s, u8 *items, size_t at, size_t count)
{
    for (size_t child; (child = at * 2 + 1) < count; at = child) {
        u8 *larger = items + child * s->each;
        if (child + 1 < count && s->compare(larger, larger + s->each) < 0) {
            larger += s->each;
            child++;
        }
        if (s->compare(items + at * s->each, larger) >= 0)
            return;
        swap(s, items + at * s->each, larger);
    }
}

// For input that is made to split badly.
static void heap_sort(const sorter *s, u8 *items, size_t count)
{
    for (size_t i = count / 2; i-- > 0;)
        sink(s, items, i, count);
    for (size_t end = count; end-- > 1;) {
        swap(s, items, items + end * s->each);
        sink(s, items, 0, end);
    }
}

// The median of first, middle and last, to the front.
static void choose(const sorter *s, u8 *items, size_t count)
{
    u8 *middle = items + count / 2 * s->each, *last = items + (count - 1) * s->each;
    if (s->compare(middle, items) < 0)
        swap(s, middle, items);
    if (s->compare(last, items) < 0)
        swap(s, last, items);
    if (s->compare(last, middle) < 0)
        swap(s, last, middle);
    swap(s, items, middle);
}

// Items not after the first one before it, those not before it after; returns its new place.
static size_t split(const sorter *s, u8 *items, size_t count)
{
    size_t low = 0, high = count;
    for (;;) {
        do
            low++;
        while (low < count && s->compare(items + low * s->each, items) < 0);
        do
            high--;
        while (s->compare(items, items + high * s->each) < 0);
        if (low >= high)
            break;
        swap(s, items + low * s->each, items + high * s->each);
    }
    swap(s, items, items + high * s->each);
    return high;
}

static void quick_sort(const sorter *s, u8 *items, size_t count, u32 depth)
{
    while (count > FEW) {
        if (depth-- == 0) {
            heap_sort(s, items, count);
            return;
        }
        choose(s, items, count);
        size_t at = split(s, items, count), after = count - at - 1;
        u8 *rest = items + (at + 1) * s->each;
        // The smaller side by a call, the larger by going on: calls nest log n deep.
        quick_sort(s, at < after ? items : rest, at < after ? at : after, depth);
        items = at < after ? rest : items;
        count = at < after ? after : at;
    }
    insertion_sort(s, items, count);
}

// How many items from `at` on are in order, as many as a run may have.
static size_t run_at(const sorter *s, const u8 *items, size_t at, size_t count)
{
    size_t most = RUN_BYTES / s->each, run = 1;
    while (run < most && at + run < count &&
           s->compare(items + (at + run - 1) * s->each, items + (at + run) * s->each) <= 0)
        run++;
    return run;
}

// Merges the run at `at` into the items before it, from after. Returns how many of these moved.
static size_t merge_run(const sorter *s, u8 *items, size_t at, size_t run)
{
    u8 held[RUN_BYTES];
    memcpy(held, items + at * s->each, run * s->each);
    size_t before = at, left = run;
    while (left) {
        u8 *to = items + (before + left - 1) * s->each;
        if (before && s->compare(items + (before - 1) * s->each, held + (left - 1) * s->each) > 0)
            copy(s, to, items + --before * s->each);
        else
            copy(s, to, held + --left * s->each);
    }
    return at - before;
}

// Facts come buffer by buffer, each in order and overlapping in time with a few others: every such run is merged into
// what stands before it. Gives up, false, on what is not like that.
static bool sort_runs(const sorter *s, u8 *items, size_t count)
{
    size_t moves = 0;
    for (size_t at = count ? run_at(s, items, 0, count) : 0, run; at < count; at += run) {
        run = run_at(s, items, at, count);
        if (s->compare(items + (at - 1) * s->each, items + at * s->each) > 0)
            moves += merge_run(s, items, at, run) + run;
        if (moves > MOVES_AN_ITEM * count)
            return false;
    }
    return true;
}

void sort_in_place(void *items, size_t count, size_t each, int (*compare)(const void *, const void *))
{
    assert(each <= SORT_MOST_BYTES);
    sorter s = {each, compare};
    u32 depth = 2;
    for (size_t n = count; n > 1; n /= 2)
        depth += 2;
    if (!sort_runs(&s, items, count))
        quick_sort(&s, items, count, depth);
}
