// Buffers that lie in a row in the image (carve_group.h).
//
// A file's buffers follow each other, as far as the file is not fragmented. But a fragment of another file may follow
// as well, even buffer by buffer. So a row counts as one piece only where nothing in it is against that: each sequence
// number once, and on each processor later buffers with later times. Where something is, none of it counts, but for
// a file that is complete by what its header says.
#include "base/sort.h"
#include "container/carve_group.h"
#include "container/chain.h"

enum {
    NUMBERS_APART = 256, // in the order of a file, of neighbours: 97 seen
    COMPLETE_FEW = 4,    // fewer buffers may seem to be a complete file by chance
};

u32 group_root(grouping *g, u32 buffer)
{
    u32 root = buffer;
    while (g->parent[root] != root)
        root = g->parent[root];
    while (g->parent[buffer] != root) {
        u32 next = g->parent[buffer];
        g->parent[buffer] = root;
        buffer = next;
    }
    return root;
}

// Unless both have headers, and different ones.
static void unite(grouping *g, u32 a, u32 b)
{
    a = group_root(g, a);
    b = group_root(g, b);
    if (a == b || (g->header[a] != CARVE_NONE && g->header[b] != CARVE_NONE && g->header[a] != g->header[b]))
        return;
    u32 root = a < b ? a : b, other = a < b ? b : a;
    g->parent[other] = root;
    if (g->header[root] == CARVE_NONE)
        g->header[root] = g->header[other];
}

// ---------------------------------------------------------------------------------------------- one row

// Buffers [from, to) in a row. `header`: the one it begins with, or the one that is kept of it.
typedef struct run {
    u32 from, to;
    u32 header;
} run;

// Whether a buffer can be of the session whose header the row begins with. All loggers of a merged trace are in it.
static bool fits_header(const carve *c, u32 header, const carve_buffer *b)
{
    const trace_facts *f = &c->facts[c->buffers[header].facts];
    const carve_session s = {.header = header,
                             .dated = CARVE_NONE,
                             .buffers = 1,
                             .logger_id = c->buffers[header].logger_id,
                             .buffer_size = f->buffer_size};
    bool is_merged = s.logger_id == 0 && (b->form != COMPRESSION_NONE || b->size == s.buffer_size);
    if (!is_merged && !fits_kind(c, &s, b))
        return false;
    return !b->events || (fits_clock(c, &s, b->first_time, b->last_time) && !says_otherwise(c, &s, b));
}

static bool is_like(const carve_buffer *a, const carve_buffer *b)
{
    bool is_near = !a->events || !b->events || chain_is_near(a->first_time, b->first_time);
    bool is_packed = b->form != COMPRESSION_NONE;
    if (a->events && b->events && is_packed != (a->form != COMPRESSION_NONE))
        return false;
    return is_near && a->logger_id == b->logger_id && (is_packed || a->form != COMPRESSION_NONE || a->size == b->size);
}

static bool goes_on(const carve *c, const run *r)
{
    const carve_buffer *last = &c->buffers[r->to - 1], *b = &c->buffers[r->to];
    bool is_first = last->facts != CARVE_NONE;
    if (last->offset + last->size != b->offset || b->facts != CARVE_NONE ||
        ((last->flags & BUFFER_FLAG_FLUSH) && !is_first))
        return false;
    if (!is_first && time_apart((i64)last->sequence, (i64)b->sequence) > NUMBERS_APART)
        return false;
    if (!flushes_agree(last, b))
        return false;
    return r->header != CARVE_NONE ? fits_header(c, r->header, b) : is_like(last, b);
}

static run run_from(const carve *c, u32 from)
{
    const carve_buffer *b = &c->buffers[from];
    run r = {from, from + 1, CARVE_NONE};
    if (b->facts != CARVE_NONE)
        r.header = b->duplicate_of == CARVE_NONE ? from : b->duplicate_of;
    while (r.to < c->count && goes_on(c, &r))
        r.to++;
    return r;
}

// ---------------------------------------------------------------------------------------------- what is against it

typedef struct numbered {
    u64 sequence;
    u32 processor, index;
} numbered;

static int by_number(const void *a, const void *b)
{
    const numbered *x = a, *y = b;
    return x->sequence < y->sequence ? -1 : x->sequence > y->sequence;
}

static int by_processor(const void *a, const void *b)
{
    const numbered *x = a, *y = b;
    return x->processor != y->processor ? (x->processor < y->processor ? -1 : 1) : by_number(a, b);
}

static bool is_consistent(const carve *c, u32 header, numbered *list, u32 count)
{
    const trace_facts *f = header == CARVE_NONE ? NULL : &c->facts[c->buffers[header].facts];
    sort_in_place(list, count, sizeof(*list), by_number);
    for (u32 i = 1; i < count; i++)
        if (list[i].sequence == list[i - 1].sequence)
            return false;
    sort_in_place(list, count, sizeof(*list), by_processor);
    const carve_buffer *last = NULL;
    for (u32 i = 0; i < count; i++) {
        const carve_buffer *b = &c->buffers[list[i].index];
        if (!b->events)
            continue;
        if (f && !is_while_it_runs(f, b->first_time, b->last_time))
            return false;
        if (last && last->processor == b->processor && b->first_time < last->last_time)
            return false;
        last = b;
    }
    return true;
}

// The row's buffers but for copies, and but for the header buffer, which is written again when a session stops.
static u32 list_run(const carve *c, const run *r, numbered *list)
{
    u32 count = 0;
    for (u32 i = r->from; i < r->to; i++) {
        const carve_buffer *b = &c->buffers[i];
        if (b->duplicate_of == CARVE_NONE && b->facts == CARVE_NONE)
            list[count++] = (numbered){b->sequence, b->processor, i};
    }
    return count;
}

// Where the file that begins with the row's header ends, if all its buffers are here, with the numbers from 0 on; else
// the row's start.
static u32 complete_until(const carve *c, const run *r, numbered *list)
{
    const trace_facts *f = r->header == CARVE_NONE ? NULL : &c->facts[c->buffers[r->header].facts];
    if (!f || !f->end_time || !f->buffers_written || f->buffers_written > r->to - r->from)
        return r->from;
    u32 count = f->buffers_written;
    for (u32 i = 1; i < count && count < COMPLETE_FEW; i++) {
        const carve_buffer *b = &c->buffers[r->from + i];
        if (b->events && !is_while_it_runs(f, b->first_time, b->last_time))
            return r->from;
    }
    for (u32 i = 0; i < count; i++)
        list[i] = (numbered){c->buffers[r->from + i].sequence, 0, 0};
    sort_in_place(list, count, sizeof(*list), by_number);
    for (u32 i = 0; i < count; i++)
        if (list[i].sequence != i)
            return r->from;
    return r->from + count;
}

// Unites the row's buffers but where numbers are missing between all before and all after, or begin again: a fragment
// of another file may begin there.
static void unite_run(grouping *g, const run *r)
{
    const carve *c = g->c;
    u32 count = r->to - r->from, first = r->from + (c->buffers[r->from].facts != CARVE_NONE);
    u64 *least_after = mem_alloc((count + 1) * sizeof(u64)), *most_after = mem_alloc((count + 1) * sizeof(u64));
    least_after[count] = UINT64_MAX;
    most_after[count] = 0;
    for (u32 i = count; i-- > 0;) {
        u64 number = c->buffers[r->from + i].sequence;
        least_after[i] = number < least_after[i + 1] ? number : least_after[i + 1];
        most_after[i] = number > most_after[i + 1] ? number : most_after[i + 1];
    }
    u64 least = UINT64_MAX, most = 0;
    for (u32 i = r->from + 1; i < r->to; i++) {
        u64 number = c->buffers[i - 1].sequence;
        if (i > first) {
            least = number < least ? number : least;
            most = number > most ? number : most;
        }
        bool has_gap = i > first && (least_after[i - r->from] > most + 1 || most_after[i - r->from] < least);
        if (!has_gap)
            unite(g, i - 1, i);
    }
    mem_free(least_after);
    mem_free(most_after);
}

// What the pieces with a header have so far: buffers by header and number.
static u64 number_hash(u32 header, u64 sequence)
{
    return hash_more(hash_u64(sequence), &header, sizeof(header));
}

static void note_numbers(grouping *g, const run *r, map *numbers)
{
    const carve_buffer *buffers = g->c->buffers;
    for (u32 i = r->from; i < r->to; i++)
        if (buffers[i].duplicate_of == CARVE_NONE && g->header[group_root(g, i)] == r->header)
            map_add(numbers, number_hash(r->header, buffers[i].sequence), i);
}

// A row behind a copy of a header is a copy of the file: what it has of its own belongs to the piece, but for numbers
// that the piece has with other contents. One of the two is damaged, and it is not known which.
static void unite_copy(grouping *g, const run *r, const map *numbers)
{
    const carve_buffer *buffers = g->c->buffers;
    for (u32 i = r->from; i < r->to; i++) {
        u32 found;
        if (buffers[i].duplicate_of != CARVE_NONE)
            continue;
        MAP_FIND(found, numbers, number_hash(r->header, buffers[i].sequence),
                 buffers[index_].sequence == buffers[i].sequence && g->header[group_root(g, index_)] == r->header);
        if (found == MAP_NONE)
            unite(g, r->header, i);
    }
}

// Unites what is one piece. Returns where the next row begins.
static u32 join_run(grouping *g, run r, bool is_copy, map *numbers)
{
    const carve *c = g->c;
    numbered *list = mem_alloc((r.to - r.from) * sizeof(*list));
    u32 complete = complete_until(c, &r, list);
    if (complete != r.from)
        r.to = complete;
    bool is_one = complete != r.from || is_consistent(c, r.header, list, list_run(c, &r, list));
    mem_free(list);
    if (is_copy != (r.header != CARVE_NONE && r.header != r.from))
        return r.to;
    if (is_one && is_copy)
        unite_copy(g, &r, numbers);
    else if (is_one)
        unite_run(g, &r);
    if (r.header != CARVE_NONE)
        note_numbers(g, &r, numbers);
    return r.to;
}

// ---------------------------------------------------------------------------------------------- pieces

static void add_to_piece(grouping *g, carve_piece *p, u32 index)
{
    const carve_buffer *b = &g->c->buffers[index];
    g->members[p->first + p->count++] = index;
    if (b->duplicate_of != CARVE_NONE || !b->events)
        return;
    p->first_time = !p->events || b->first_time < p->first_time ? b->first_time : p->first_time;
    p->last_time = !p->events || b->last_time > p->last_time ? b->last_time : p->last_time;
    p->events += b->events;
}

// In the order of their first buffers; buffers in the order of the image.
static void list_pieces(grouping *g)
{
    const carve *c = g->c;
    u32 *sizes = mem_zeroed(c->count + 1u, sizeof(*sizes));
    for (u32 i = 0; i < c->count; i++) {
        u32 root = group_root(g, i);
        g->piece_of[i] = root == i ? g->piece_count++ : g->piece_of[root];
        sizes[g->piece_of[i]]++;
    }
    g->pieces = mem_zeroed(g->piece_count + 1u, sizeof(*g->pieces));
    for (u32 i = 0, at = 0; i < g->piece_count; at += sizes[i++]) {
        g->pieces[i].first = at;
        g->pieces[i].session = g->pieces[i].proposed = CARVE_NONE;
    }
    for (u32 i = 0; i < c->count; i++)
        add_to_piece(g, &g->pieces[g->piece_of[i]], i);
    mem_free(sizes);
}

void group_find_runs(grouping *g)
{
    const carve *c = g->c;
    for (u32 i = 0; i < c->count; i++) {
        g->parent[i] = i;
        g->header[i] = c->buffers[i].facts != CARVE_NONE && c->buffers[i].duplicate_of == CARVE_NONE ? i : CARVE_NONE;
    }
    map numbers = {0};
    for (u32 i = 0; i < c->count;)
        i = join_run(g, run_from(c, i), false, &numbers);
    for (u32 i = 0; i < c->count;)
        i = join_run(g, run_from(c, i), true, &numbers);
    map_free(&numbers);
    for (u32 i = 0; i < c->count; i++)
        if (c->buffers[i].duplicate_of != CARVE_NONE)
            unite(g, i, c->buffers[i].duplicate_of);
    list_pieces(g);
}
