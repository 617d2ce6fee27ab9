#include "session/merge.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/bisect.h"
#include "base/spill.h"
#include "session/parking.h"

enum { SLICE_BUFFERS = 8 }; // a slice that has more, beyond those being merged, ends early

// A buffer that waits for its time.
typedef struct pending {
    i64 key;
    u32 file, filled; // index in session.traces, in trace.filled
    u16 processor;
    u64 sequence;
} pending;

// A buffer being merged.
typedef struct merge_run {
    i64 key; // of its next event
    const pending *id;
    merge_buffer *buffer;
    u32 at; // in what is picked of the buffer
} merge_run;

struct merge {
    session *session;
    merge_filter filter;
    pending *order;
    spill *order_block;
    u32 count, cap, next;
    merge_run *heap;
    spill *heap_block;
    u32 active, heap_cap;
    parking parking;
    u64 numbered, emitted, passed;
    merge_put *put;
    merge_done *done; // NULL: nobody wants to know
    void *put_context, *done_context;
};

static inline i64 key_of(const merge *m, const etl_file *file, const etl_buffer *b, i64 time)
{
    return m->session->one_clock ? time : clock_filetime(etl_clock(file, b), time);
}

static int compare(i64 key_a, const pending *a, i64 key_b, const pending *b)
{
    if (key_a != key_b)
        return key_a < key_b ? -1 : 1;
    if (a->file != b->file)
        return a->file < b->file ? -1 : 1;
    if (a->processor != b->processor)
        return a->processor < b->processor ? -1 : 1;
    if (a->sequence != b->sequence)
        return a->sequence < b->sequence ? -1 : 1;
    return a->filled < b->filled ? -1 : a->filled > b->filled;
}

static int by_order(const void *a, const void *b)
{
    const pending *x = a, *y = b;
    return compare(x->key, x, y->key, y);
}

static bool in_time(const merge *m, const etl_file *file, const buffer_events *b)
{
    const session_clock *clock = etl_clock(file, &file->buffers[b->buffer]);
    return clock_filetime(clock, b->last_time) >= m->filter.since &&
           clock_filetime(clock, b->first_time) <= m->filter.until;
}

// The bits a buffer must have one of to hold events that take part (buffer_events.classes).
static u64 wanted_classes(const session *s, const merge_filter *filter)
{
    u64 bits = filter->classes ? 0 : UINT64_MAX;
    assert(filter->classes || !s->wants);
    for (u32 i = 0; filter->classes && i < class_count(s->classes); i++) {
        // What the first pass did not know to be wanted it did not cache: it would be missing without a word.
        assert(!filter->classes[i] || !s->wants || s->wants(s->wants_context, class_at(s->classes, i)));
        bits |= (u64)filter->classes[i] << i % 64;
    }
    return bits;
}

static void add_buffers(merge *m, u32 file, u64 wanted)
{
    const trace *t = m->session->traces[file];
    for (u32 i = 0; i < t->filled_count; i++) {
        const buffer_events *found = &t->filled[i];
        const etl_buffer *b = &t->file.buffers[found->buffer];
        spill_pass(&m->passed, sizeof(*b) + sizeof(*found) + sizeof(*m->order), SPILL_ITEMS);
        if (!(found->classes & wanted) || !in_time(m, &t->file, found))
            continue;
        SPILL_GROW(m->order_block, m->order, m->count, m->cap);
        m->order[m->count++] = (pending){key_of(m, &t->file, b, found->first_time), file, i, b->processor, b->sequence};
    }
}

merge *merge_new(session *s, const merge_filter *filter)
{
    merge *m = mem_zeroed(1, sizeof(*m));
    m->session = s;
    m->filter = *filter;
    u64 wanted = wanted_classes(s, filter);
    for (u32 f = 0; f < s->trace_count; f++)
        add_buffers(m, f, wanted);
    m->order = spill_sort(&m->order_block, m->count, sizeof(*m->order), by_order);
    spill_seal(m->order_block);
    return m;
}

void merge_free(merge *m)
{
    if (!m)
        return;
    spill_free(&m->order_block);
    spill_free(&m->heap_block);
    parking_free(&m->parking);
    mem_free(m);
}

u32 merge_buffer_count(const merge *m)
{
    return m->count;
}

// ---------------------------------------------------------------------------------------------- parts

// A buffer's events, and the FILETIMEs of its first and its last.
typedef struct stretch {
    u32 count;
    i64 first, last;
} stretch;

static stretch stretch_of(const merge *m, u32 order)
{
    const pending *p = &m->order[order];
    const trace *t = m->session->traces[p->file];
    const buffer_events *found = &t->filled[p->filled];
    const session_clock *clock = etl_clock(&t->file, &t->file.buffers[found->buffer]);
    return (stretch){found->count, clock_filetime(clock, found->first_time), clock_filetime(clock, found->last_time)};
}

u32 merge_event_count(const merge *m, u32 order)
{
    stretch s = stretch_of(m, order);
    bool all = !m->filter.classes && s.first >= m->filter.since && s.last <= m->filter.until;
    return all ? s.count : MERGE_UNKNOWN;
}

// As if the events of a buffer came in equal steps. In integers: every machine gets the same.
static u64 events_before(const merge *m, i64 time)
{
    u64 events = 0, passed = 0;
    for (u32 i = 0; i < m->count; i++) {
        spill_pass(&passed, sizeof(*m->order), SPILL_ITEMS);
        stretch s = stretch_of(m, i);
        if (time > s.last) {
            events += s.count;
        } else if (time > s.first) {
            u64 ticks = (u64)s.last - (u64)s.first + 1, before = (u64)time - (u64)s.first;
            while (ticks > UINT32_MAX) {
                ticks >>= 1;
                before >>= 1;
            }
            events += s.count * before / ticks;
        }
    }
    return events;
}

i64 merge_part_start(const merge *m, u32 part, u32 parts)
{
    u64 total = events_before(m, INT64_MAX), wanted = total / parts * part + total % parts * part / parts;
    i64 low = INT64_MIN, high = INT64_MAX;
    if (part == 0 || part >= parts)
        return part ? high : low;
    while (low < high) {
        i64 middle = (i64)((u64)low + ((u64)high - (u64)low) / 2);
        if (events_before(m, middle) < wanted)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

// ---------------------------------------------------------------------------------------------- places

merge_place merge_place_of(const merge *m, u32 order, i64 time, u32 offset)
{
    const pending *p = &m->order[order];
    const trace *t = m->session->traces[p->file];
    const etl_buffer *b = &t->file.buffers[t->filled[p->filled].buffer];
    return (merge_place){key_of(m, &t->file, b, time), p->file, p->filled, p->processor, p->sequence, offset};
}

// The first place whose key is above, or not below, a key.
static u32 place_from(const merge_place *places, u32 count, i64 key, bool above)
{
    u32 from;
    BISECT(from, 0, count, places[index_].key < key || (above && places[index_].key == key));
    return from;
}

void merge_places_within(const merge *m, u32 order, const merge_place *places, u32 count, u32 *from, u32 *to)
{
    const pending *p = &m->order[order];
    const trace *t = m->session->traces[p->file];
    const buffer_events *found = &t->filled[p->filled];
    const etl_buffer *b = &t->file.buffers[found->buffer];
    *from = place_from(places, count, key_of(m, &t->file, b, found->first_time), false);
    *to = place_from(places, count, key_of(m, &t->file, b, found->last_time), true);
}

// `order`: of their buffers, where keys are equal.
static bool is_ref_before(const merge *m, const loaded_buffer *l, const event_ref *ref, const merge_place *place,
                          int order)
{
    i64 key = key_of(m, l->file, l->desc, ref->time);
    return key != place->key ? key < place->key : order ? order < 0 : ref->offset < place->offset;
}

static bool is_before(const merge *m, const merge_buffer *b, const event_ref *ref, const merge_place *place)
{
    const pending other = {0, place->file, place->filled, place->processor, place->sequence};
    return is_ref_before(m, &b->loaded, ref, place, compare(0, &m->order[b->order], 0, &other));
}

// The fewer of the two are looked for among the more: buffers may all lie over each other.
static void add_refs(const merge *m, const merge_buffer *b, const merge_place *places, u32 from, u32 to, u64 *added)
{
    const loaded_buffer *l = &b->loaded;
    u32 at, before = 0;
    for (u32 i = from; to - from <= l->count && i < to; i++) {
        BISECT(at, before, l->count, is_before(m, b, &l->refs[index_], &places[i]));
        added[i] += at - before;
        before = at;
    }
    if (to - from <= l->count) {
        added[to] += l->count - before;
        return;
    }
    for (u32 i = 0; i < l->count; i++) {
        BISECT(at, from, to, !is_before(m, b, &l->refs[i], &places[index_]));
        added[at]++;
    }
}

void merge_add_before(const merge *m, u32 order, const merge_buffer *b, const merge_place *places, u32 count,
                      u64 *added)
{
    u32 from, to;
    merge_places_within(m, order, places, count, &from, &to);
    if (b && from < to)
        add_refs(m, b, places, from, to, added);
    else
        added[to] += merge_event_count(m, order);
}

// ---------------------------------------------------------------------------------------------- loading

void merge_on_release(merge *m, merge_put *put, void *context)
{
    m->put = put;
    m->put_context = context;
}

static void load_again(const merge *m, const pending *p, merge_buffer *b, buffer_reader *reader)
{
    trace *t = m->session->traces[p->file];
    const buffer_events *found = &t->filled[p->filled];
    buffer_load_bytes(&t->file, found->buffer, &b->own, reader, NULL);
    if (found->cached && cached_place(found->cached, &b->own, &b->loaded))
        return;
    buffer_walk_again(m->session->classes, &b->own, reader);
    b->loaded = b->own;
    if (b->own.count != found->count)
        t->unread_again++;
}

static bool is_any_time(const merge_filter *f)
{
    return f->since == INT64_MIN && f->until == INT64_MAX;
}

static bool takes(const merge *m, const loaded_buffer *b, const event_ref *ref)
{
    const merge_filter *f = &m->filter;
    if (f->classes && !f->classes[ref->cls])
        return false;
    if (is_any_time(f))
        return true;
    i64 time = session_time(b, ref->time);
    return time >= f->since && time <= f->until;
}

static void pick(const merge *m, merge_buffer *b)
{
    const loaded_buffer *l = &b->loaded;
    if (!m->filter.classes && is_any_time(&m->filter))
        return;
    if (b->pick_cap < l->count || !b->picks) {
        mem_free(b->picks);
        b->pick_cap = l->count;
        b->picks = mem_alloc(l->count * sizeof(*b->picks));
    }
    b->pick_count = 0;
    for (u32 i = 0; i < l->count; i++)
        if (takes(m, l, &l->refs[i]))
            b->picks[b->pick_count++] = i;
}

static void load(const merge *m, const pending *p, merge_buffer *b, buffer_reader *reader)
{
    const trace *t = m->session->traces[p->file];
    const buffer_events *found = &t->filled[p->filled];
    b->own.file = &t->file;
    b->own.desc = &t->file.buffers[found->buffer];
    b->own.file_index = p->file;
    if (found->cached && found->cached->bytes)
        cached_load(found->cached, &b->own, &b->loaded);
    else
        load_again(m, p, b, reader);
}

merge_buffer *merge_load(const merge *m, u32 order, merge_buffer *reuse, buffer_reader *reader)
{
    merge_buffer *b = reuse ? reuse : mem_zeroed(1, sizeof(*b));
    b->order = order;
    b->users = 1;
    load(m, &m->order[order], b, reader);
    pick(m, b);
    return b;
}

void merge_buffer_free(merge_buffer *b)
{
    if (!b)
        return;
    loaded_buffer_free(&b->own);
    mem_free(b->picks);
    mem_free(b);
}

void merge_on_done(merge *m, merge_done *done, void *context)
{
    m->done = done;
    m->done_context = context;
}

static void tell_done(const merge *m, const merge_buffer *b)
{
    if (m->done)
        m->done(m->done_context, b);
}

static void release(merge *m, merge_buffer *b)
{
    if (--b->users)
        return;
    tell_done(m, b);
    if (!parking_leave(&m->parking, b))
        m->put(m->put_context, b);
}

void slice_release(merge *m, slice *s)
{
    for (u32 i = 0; i < s->buffer_count; i++)
        release(m, s->buffers[i]);
    s->buffer_count = s->count = 0;
}

// ---------------------------------------------------------------------------------------------- the heap

static bool earlier(const merge_run *a, const merge_run *b)
{
    return compare(a->key, a->id, b->key, b->id) < 0;
}

static void sift_down(merge *m, u32 at)
{
    merge_run moving = m->heap[at];
    for (;;) {
        u32 child = at * 2 + 1;
        if (child >= m->active)
            break;
        if (child + 1 < m->active && earlier(&m->heap[child + 1], &m->heap[child]))
            child++;
        if (!earlier(&m->heap[child], &moving))
            break;
        m->heap[at] = m->heap[child];
        at = child;
    }
    m->heap[at] = moving;
}

static void push(merge *m, merge_run run)
{
    SPILL_GROW(m->heap_block, m->heap, m->active, m->heap_cap);
    u32 at = m->active++;
    while (at > 0 && earlier(&run, &m->heap[(at - 1) / 2])) {
        m->heap[at] = m->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    m->heap[at] = run;
}

static i64 run_key(const merge *m, const merge_run *r)
{
    const loaded_buffer *b = &r->buffer->loaded;
    return key_of(m, b->file, b->desc, b->refs[merge_pick(r->buffer, r->at)].time);
}

static void take_up(merge *m, merge_get *get, void *context)
{
    const pending *p = &m->order[m->next];
    merge_buffer *b = get(context, m->next++);
    spill_pass(&m->passed, b->loaded.desc->size, SPILL_TRACES);
    // None may be wanted; and a file that shrank since the survey may hold fewer events now, or none.
    if (!merge_picked(b)) {
        tell_done(m, b);
        m->put(m->put_context, b);
        return;
    }
    merge_buffer *kept = parking_take(&m->parking, b);
    if (kept != b)
        m->put(m->put_context, b);
    b = kept;
    merge_run run = {.id = p, .buffer = b};
    run.key = run_key(m, &run);
    push(m, run);
}

// ---------------------------------------------------------------------------------------------- slices

static void use_buffer(slice *s, merge_buffer *b)
{
    for (u32 i = s->buffer_count; i-- > 0;)
        if (s->buffers[i] == b)
            return;
    GROW(s->buffers, s->buffer_count, s->buffer_cap);
    s->buffers[s->buffer_count++] = b;
    b->users++;
}

// The last key with which the first run still stands before another.
static i64 first_before(const merge *m, i64 key, const pending *other)
{
    bool wins = compare(0, m->heap[0].id, 0, other) < 0; // where keys are equal
    return wins || key == INT64_MIN ? key : key - 1;
}

// And before all others.
static i64 first_until(const merge *m)
{
    const pending *next = m->next < m->count ? &m->order[m->next] : NULL;
    i64 until = next ? first_before(m, next->key, next) : INT64_MAX;
    for (u32 child = 1; child <= 2 && child < m->active; child++) {
        i64 last = first_before(m, m->heap[child].key, m->heap[child].id);
        until = last < until ? last : until;
    }
    return until;
}

// Whether a buffer that is not taken up yet comes before the first run. Of those that begin at the same time only one
// is in memory: there may be any number.
static bool is_next_first(const merge *m)
{
    const pending *next = &m->order[m->next];
    return !m->active || compare(next->key, next, m->heap[0].key, m->heap[0].id) < 0;
}

// Takes events off the first run for as long as it stays the first.
static void drain(merge *m, slice *s, u32 most)
{
    merge_run *r = &m->heap[0];
    merge_buffer *buffer = r->buffer;
    const loaded_buffer *b = &buffer->loaded;
    i64 until = first_until(m);
    u32 at = r->at, count = merge_picked(buffer);
    do {
        s->items[s->count++] = (slice_item){buffer, merge_pick(buffer, at)};
        if (++at == count)
            break;
        r->key = key_of(m, b->file, b->desc, b->refs[merge_pick(buffer, at)].time);
    } while (s->count < most && r->key <= until);
    r->at = at;
    parking_looked_at(&m->parking, buffer);
    use_buffer(s, buffer);
    if (at == count) {
        release(m, buffer);
        m->heap[0] = m->heap[--m->active];
    }
    if (m->active)
        sift_down(m, 0);
}

bool merge_next(merge *m, u32 most, slice *out, merge_get *get, void *context)
{
    out->count = out->buffer_count = 0;
    if (out->cap < most) {
        out->items = mem_grow(out->items, out->cap, most, sizeof(*out->items));
        out->cap = most;
    }
    // Where few events pass, a full slice would keep many buffers in memory.
    while (out->count < most && out->buffer_count < SLICE_BUFFERS + m->active) {
        while (m->next < m->count && is_next_first(m))
            take_up(m, get, context);
        if (!m->active)
            break;
        drain(m, out, most);
    }
    out->number = m->numbered++;
    out->first = m->emitted;
    m->emitted += out->count;
    return out->count > 0;
}
