#include "base/spill.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/limits.h"
#include "base/os.h"
#include "base/sort.h"

enum {
    LARGE = 1 << 20, // smaller ones stay in memory
    BLOCK = 2 << 20, // large ones grow by so much at least
    STEP = 4 << 20,  // those in files
    RUN = 8 << 20,   // what is sorted at a time
    FEWEST = 16,     // items
};

// Memory of a small one is its array's heap block, of a large one large pages, of one in a file the file's.
struct spill {
    void *at;
    size_t bytes;
    bool is_large;
    os_paged paged; // bytes 0: it is in memory
    spill *newer, *older;
};

size_t spill_memory_limit = LIMIT_SPILL_MEMORY;
static atomic_size_t memory_used;

// Those in files. Held while one of them moves, so that pages are given back of what is there.
static struct {
    pthread_mutex_t lock;
    spill *newest;
} filed = {.lock = PTHREAD_MUTEX_INITIALIZER};

// ---------------------------------------------------------------------------------------------- files

static void enlist(spill *s)
{
    s->newer = NULL;
    s->older = filed.newest;
    if (s->older)
        s->older->newer = s;
    filed.newest = s;
}

static void leave(spill *s)
{
    if (s->newer)
        s->newer->older = s->older;
    else
        filed.newest = s->older;
    if (s->older)
        s->older->newer = s->newer;
}

static bool grow_file(spill *s, size_t bytes)
{
    pthread_mutex_lock(&filed.lock);
    bool is_new = !s->paged.bytes;
    size_t had = s->paged.bytes;
    bool ok = os_paged_grow(&s->paged, (bytes + STEP - 1) / STEP * STEP);
    if (ok && is_new)
        enlist(s);
    if (ok)
        os_paged_release(&s->paged, 0, had);
    pthread_mutex_unlock(&filed.lock);
    return ok;
}

static void release_file(spill *s)
{
    if (!s->paged.bytes)
        return;
    pthread_mutex_lock(&filed.lock);
    leave(s);
    os_paged_free(&s->paged);
    pthread_mutex_unlock(&filed.lock);
}

void spill_trim(void)
{
    pthread_mutex_lock(&filed.lock);
    for (const spill *s = filed.newest; s; s = s->older)
        os_paged_release(&s->paged, 0, s->paged.bytes);
    pthread_mutex_unlock(&filed.lock);
}

// ---------------------------------------------------------------------------------------------- memory

// What is not the pool's.
static void release_rest(void *discarded)
{
    spill *s = discarded;
    if (!s->paged.bytes)
        memory_used -= s->bytes;
    if (s->is_large)
        os_large_free(s->at, s->bytes);
    release_file(s);
}

static void free_memory(spill *s)
{
    memory_used -= s->bytes;
    if (s->is_large)
        os_large_free(s->at, s->bytes);
    else
        mem_free(s->at);
    s->is_large = false;
}

static void grow_small(spill *s, size_t bytes)
{
    s->at = mem_grow(s->at, s->bytes, bytes, 1);
}

// Large pages, which grow without being copied.
static void grow_large(spill *s, size_t bytes)
{
    void *grown = s->is_large ? os_large_grow(s->at, s->bytes, bytes) : os_large_block(bytes);
    if (!grown)
        mem_run_out(bytes);
    if (!s->is_large && s->bytes) {
        memcpy(grown, s->at, s->bytes);
        mem_free(s->at);
    }
    s->at = grown;
    s->is_large = true;
}

static void grow_memory(spill *s, size_t bytes)
{
    if (bytes >= BLOCK) {
        bytes = (bytes + BLOCK - 1) / BLOCK * BLOCK;
        grow_large(s, bytes);
    } else {
        grow_small(s, bytes);
    }
    memory_used += bytes - s->bytes;
    s->bytes = bytes;
}

static bool move_to_file(spill *s, size_t bytes)
{
    if (!grow_file(s, bytes))
        return false;
    for (size_t at = 0; at < s->bytes; at += STEP) {
        size_t part = s->bytes - at < STEP ? s->bytes - at : STEP;
        memcpy((u8 *)s->paged.at + at, (u8 *)s->at + at, part);
        os_paged_release(&s->paged, at, at + STEP); // not in memory twice
    }
    free_memory(s);
    s->at = s->paged.at;
    s->bytes = s->paged.bytes;
    return true;
}

// The disk is full: what there is comes into memory.
static void move_to_memory(spill *s, size_t bytes)
{
    bytes = (bytes + BLOCK - 1) / BLOCK * BLOCK;
    void *block = os_large_block(bytes);
    if (!block)
        mem_run_out(bytes);
    memcpy(block, s->paged.at, s->paged.bytes);
    release_file(s);
    s->at = block;
    s->is_large = true;
    s->bytes = bytes;
    memory_used += bytes;
}

static void grow(spill *s, size_t bytes)
{
    bool fits = memory_used + bytes - s->bytes <= spill_memory_limit;
    if (s->paged.bytes) {
        if (grow_file(s, bytes)) {
            s->at = s->paged.at;
            s->bytes = s->paged.bytes;
        } else {
            move_to_memory(s, bytes);
        }
        return;
    }
    bool may_move = !fits && (bytes >= LARGE || !spill_memory_limit);
    if (!may_move || !move_to_file(s, bytes))
        grow_memory(s, bytes);
}

// ---------------------------------------------------------------------------------------------- arrays

static size_t product(size_t count, size_t each)
{
    if (count > (SIZE_MAX - STEP) / each)
        mem_run_out(SIZE_MAX);
    return count * each;
}

static spill *spill_new(void)
{
    spill *s = mem_zeroed(1, sizeof(*s));
    mem_on_discard(s, release_rest);
    return s;
}

void *spill_reserve(spill **s, size_t count, size_t each)
{
    if (!*s)
        *s = spill_new();
    size_t had = (*s)->bytes, bytes = product(count > FEWEST ? count : FEWEST, each);
    if (bytes <= had)
        return (*s)->at;
    size_t doubled = had < BLOCK ? had * 2 : had + BLOCK;
    grow(*s, bytes > doubled ? bytes : doubled);
    return (*s)->at;
}

void *spill_zeroed(spill **s, size_t count, size_t each)
{
    void *items = spill_reserve(s, count, each);
    if (!(*s)->paged.bytes)
        memset(items, 0, count * each);
    return items;
}

size_t spill_bytes(const spill *s)
{
    return s ? s->bytes : 0;
}

bool spill_is_in_file(const spill *s)
{
    return s && s->paged.bytes;
}

void spill_seal(spill *s)
{
    if (s && s->paged.bytes)
        os_paged_seal(&s->paged);
}

void spill_free(spill **s)
{
    if (!*s)
        return;
    if (!(*s)->paged.bytes)
        free_memory(*s);
    release_file(*s);
    mem_free(*s);
    *s = NULL;
}

// ---------------------------------------------------------------------------------------------- sorting

// A sorted piece, read through a window of its own: pages that are mapped come in larger numbers than are asked for, of
// each piece.
typedef struct run {
    const u8 *at, *window_end;
    u64 next, end; // in the file: what is not in the window yet
    u8 *window;
    u32 index;
} run;

typedef struct merger {
    const spill *from;
    size_t each, window;
    int (*compare)(const void *, const void *);
    run *heap;
    size_t count;
} merger;

static void refill(const merger *m, run *r)
{
    u64 left = r->end - r->next;
    size_t len = left < m->window ? (size_t)left : m->window;
    bool failed = false, is_open = m->from->paged.file.fd >= 0;
    bool read = is_open && os_read_at(&m->from->paged.file, r->next, r->window, len, &failed) == len;
    r->at = read ? r->window : (const u8 *)m->from->paged.at + r->next;
    r->window_end = r->at + len;
    r->next += len;
}

static bool before(const merger *m, const run *a, const run *b)
{
    int order = m->compare(a->at, b->at);
    return order ? order < 0 : a->index < b->index;
}

static void sink(merger *m, size_t at)
{
    for (size_t child; (child = at * 2 + 1) < m->count; at = child) {
        if (child + 1 < m->count && before(m, &m->heap[child + 1], &m->heap[child]))
            child++;
        if (!before(m, &m->heap[child], &m->heap[at]))
            return;
        run held = m->heap[at];
        m->heap[at] = m->heap[child];
        m->heap[child] = held;
    }
}

static u8 *open_windows(merger *m)
{
    m->window = STEP / m->count / m->each * m->each;
    m->window = m->window ? m->window : m->each;
    u8 *windows = mem_alloc(m->count * m->window);
    for (size_t i = 0; i < m->count; i++) {
        m->heap[i].window = windows + i * m->window;
        refill(m, &m->heap[i]);
    }
    return windows;
}

// The least item of all moves on.
static void take_first(merger *m, u8 *into)
{
    run *first = &m->heap[0];
    memcpy(into, first->at, m->each);
    first->at += m->each;
    if (first->at == first->window_end && first->next < first->end)
        refill(m, first);
    else if (first->at == first->window_end)
        *first = m->heap[--m->count];
    sink(m, 0);
}

// Written as files are: pages of a mapping would stay in memory until they are given back. In small pieces: what is
// written at once is one page of the file to the system, and comes into memory as a whole where one item is looked at.
// False: the disk fails.
static bool merge(merger *m, const spill *to)
{
    enum { OUT = 64 << 10 };
    spill_trim();
    u8 *windows = open_windows(m), *out = mem_alloc(OUT);
    size_t used = 0;
    u64 written = 0;
    bool ok = true;
    for (size_t i = m->count / 2; i-- > 0;)
        sink(m, i);
    while (m->count && ok) {
        take_first(m, out + used);
        used += m->each;
        if (used + m->each <= OUT && m->count)
            continue;
        ok = os_write_at(&to->paged.file, written, out, used, NULL);
        written += used;
        used = 0;
    }
    mem_free(out);
    mem_free(windows);
    return ok;
}

// Sorts pieces. Returns whether that was all.
static bool sort_runs(merger *m, u8 *items, size_t count)
{
    bool sorted = true;
    size_t most = RUN / m->each;
    for (size_t at = 0; at < count; at += most) {
        size_t here = count - at < most ? count - at : most;
        u8 *first = items + at * m->each;
        sort_in_place(first, here, m->each, m->compare);
        sorted = sorted && (!at || m->compare(first - m->each, first) <= 0);
        u64 from = at * m->each;
        m->heap[m->count] = (run){.next = from, .end = from + here * m->each, .index = (u32)m->count};
        m->count++;
        spill_trim();
    }
    return sorted;
}

void *spill_sort(spill **s, size_t count, size_t each, int (*compare)(const void *, const void *))
{
    if (!*s)
        return NULL;
    if (!(*s)->paged.bytes || count * each <= RUN) {
        sort_in_place((*s)->at, count, each, compare);
        return (*s)->at;
    }
    size_t runs = count * each / (RUN / each * each) + 1;
    merger m = {.from = *s, .each = each, .compare = compare, .heap = mem_alloc(runs * sizeof(run))};
    if (!sort_runs(&m, (*s)->at, count)) {
        spill *merged = spill_new();
        if (move_to_file(merged, count * each) && merge(&m, merged)) {
            spill_free(s);
            *s = merged;
        } else {
            spill_free(&merged);
            sort_in_place((*s)->at, count, each, compare);
        }
    }
    mem_free(m.heap);
    return (*s)->at;
}
