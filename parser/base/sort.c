#include "base/sort.h"

#include <assert.h>
#include <string.h>

enum { FEW = 16 }; // items that are sorted by insertion

typedef struct sorter {
    size_t each;
    int (*compare)(const void *, const void *);
} sorter;

static void swap(const sorter *s, u8 *a, u8 *b)
{
    u8 held[SORT_MOST_BYTES];
    memcpy(held, a, s->each);
    memcpy(a, b, s->each);
    memcpy(b, held, s->each);
}

static void insertion_sort(const sorter *s, u8 *items, size_t count)
{
    u8 held[SORT_MOST_BYTES];
    for (size_t i = 1; i < count; i++) {
        u8 *at = items + i * s->each;
        if (s->compare(at - s->each, at) <= 0)
            continue;
        memcpy(held, at, s->each);
        do {
            memcpy(at, at - s->each, s->each);
            at -= s->each;
        } while (at > items && s->compare(at - s->each, held) > 0);
        memcpy(at, held, s->each);
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

// Items not behind the first one in front of it, those not before it behind; returns its new place.
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
        size_t at = split(s, items, count), behind = count - at - 1;
        u8 *rest = items + (at + 1) * s->each;
        // The smaller side by a call, the larger by going on: calls nest log n deep.
        quick_sort(s, at < behind ? items : rest, at < behind ? at : behind, depth);
        items = at < behind ? rest : items;
        count = at < behind ? behind : at;
    }
    insertion_sort(s, items, count);
}

void sort_in_place(void *items, size_t count, size_t each, int (*compare)(const void *, const void *))
{
    assert(each <= SORT_MOST_BYTES);
    sorter s = {each, compare};
    u32 depth = 2;
    for (size_t n = count; n > 1; n /= 2)
        depth += 2;
    // What is in order already, as facts of one file often are, is only looked at.
    size_t i = 1;
    while (i < count && compare((u8 *)items + (i - 1) * each, (u8 *)items + i * each) <= 0)
        i++;
    if (i < count)
        quick_sort(&s, items, count, depth);
}
