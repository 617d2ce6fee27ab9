#include "detect/needles.h"

#include <string.h>

enum { LEAST_BITS = 6, MOST_BITS = 18 };

static u32 window_at(const u8 *at, u32 len)
{
    u32 word = 0;
    memcpy(&word, at, len);
    return word;
}

static inline u32 hash_of(u32 window, u32 bits)
{
    return (window * 0x9e3779b1u) >> (32 - bits);
}

static u32 window_length(span text)
{
    return text.len < NEEDLE_WINDOW ? (u32)text.len : NEEDLE_WINDOW;
}

void needles_add(needles *n, span text, u32 id)
{
    GROW(n->list, n->count, n->capacity);
    n->list[n->count++] = (needle){.text = text, .id = id};
    n->windows[window_length(text) - 1].count++;
}

// Where in the text the window is whose hash fewest needles have so far.
static u32 best_place(const needle_window *w, const u32 *lengths, span text, u32 len)
{
    u32 best = 0, least = UINT32_MAX;
    for (u32 i = 0; i + len <= text.len; i++) {
        u32 length = lengths[hash_of(window_at(text.at + i, len), w->hash_bits)];
        if (length < least) {
            least = length;
            best = i;
        }
    }
    return best;
}

static void enter(needles *n, u32 len, u32 *lengths)
{
    needle_window *w = &n->windows[len - 1];
    for (u32 i = 0; i < n->count; i++) {
        needle *x = &n->list[i];
        if (window_length(x->text) != len)
            continue;
        x->at = best_place(w, lengths, x->text, len);
        x->window = window_at(x->text.at + x->at, len);
        u32 hash = hash_of(x->window, w->hash_bits);
        x->next = w->heads[hash];
        w->heads[hash] = i + 1;
        w->bits[hash / 64] |= 1ull << hash % 64;
        lengths[hash]++;
    }
}

// Tables have some eight places for each needle, so that most windows of a text find their bit clear.
void needles_close(needles *n)
{
    for (u32 len = 1; len <= NEEDLE_WINDOW; len++) {
        needle_window *w = &n->windows[len - 1];
        if (!w->count)
            continue;
        for (w->hash_bits = LEAST_BITS; w->hash_bits < MOST_BITS && 1u << w->hash_bits < 8 * w->count;)
            w->hash_bits++;
        size_t places = (size_t)1 << w->hash_bits;
        w->heads = mem_zeroed(places, sizeof(*w->heads));
        w->bits = mem_zeroed(places / 64, sizeof(*w->bits));
        u32 *lengths = mem_zeroed(places, sizeof(*lengths));
        enter(n, len, lengths);
        mem_free(lengths);
    }
}

void needles_free(needles *n)
{
    for (u32 i = 0; i < NEEDLE_WINDOW; i++) {
        mem_free(n->windows[i].heads);
        mem_free(n->windows[i].bits);
    }
    mem_free(n->list);
    *n = (needles){0};
}

static void find_here(const needles *n, u32 first, u32 window, span text, size_t at, needle_found *found, void *context)
{
    for (u32 i = first; i; i = n->list[i - 1].next) {
        const needle *x = &n->list[i - 1];
        if (x->window == window && x->at <= at && x->text.len <= text.len - (at - x->at) &&
            memcmp(text.at + (at - x->at), x->text.at, x->text.len) == 0)
            found(context, x->id, at - x->at, x->text.len);
    }
}

ALWAYS_INLINE void find_windows(const needles *n, u32 len, span text, needle_found *found, void *context)
{
    const needle_window *w = &n->windows[len - 1];
    for (size_t at = 0; at + len <= text.len; at++) {
        u32 window = window_at(text.at + at, len), hash = hash_of(window, w->hash_bits);
        if (w->bits[hash / 64] >> hash % 64 & 1)
            find_here(n, w->heads[hash], window, text, at, found, context);
    }
}

void needles_find(const needles *n, span text, needle_found *found, void *context)
{
    if (n->windows[0].count)
        find_windows(n, 1, text, found, context);
    if (n->windows[1].count)
        find_windows(n, 2, text, found, context);
    if (n->windows[2].count)
        find_windows(n, 3, text, found, context);
    if (n->windows[3].count)
        find_windows(n, 4, text, found, context);
}

static void note_any(void *context, u32 id, size_t at, size_t len)
{
    (void)id, (void)at, (void)len;
    *(bool *)context = true;
}

bool needles_any(const needles *n, span text)
{
    bool any = false;
    needles_find(n, text, note_any, &any);
    return any;
}
