#include "session/count.h"

#include <string.h>

#include "base/limits.h"
#include "threads/ring.h"

u64 count_least_bytes = 1 << 20;

// Of a class (plan_layout): each once, in any order, however often it is described. Whether a payload is decoded
// depends on nothing else.
typedef struct layout_set {
    u64 *list;
    u32 count;
} layout_set;

// A buffer that is to be counted, with the classes that were known then.
typedef struct counted {
    scanned from;
    const event_class *const *classes;
    u32 class_count;
} counted;

// An event that was not decoded.
typedef struct kept_event {
    struct kept_event *next;
    u32 trace, cls;
    record_state state;
    bool cut;
    span payload;
} kept_event;

typedef struct class_tally {
    state_counts states; // of the present trace
    u32 kept_bytes;      // of events that were not decoded, in all traces
    bool dropped;        // more than is kept
} class_tally;

// One thread's.
typedef struct tally {
    decoder decoder;
    class_tally *list; // by class index
    u32 capacity;
    arena kept_bytes;
    kept_event *kept; // the last one first
} tally;

struct counter {
    session *session;
    u32 trace;
    ring *ring;
    counted *waiting;  // by number, in turn
    u32 slots;         // as many
    u64 opened, taken; // buffers
    tally *tallies;    // one a thread
    arena lists;       // what follows
    const event_class **classes;
    layout_set *layouts; // by class index: when it was met
    u32 class_count, class_capacity;
};

// ---------------------------------------------------------------------------------------------- classes

static bool has_layout(const layout_set *set, u64 layout)
{
    for (u32 i = 0; i < set->count; i++)
        if (set->list[i] == layout)
            return true;
    return false;
}

static void find_layouts(const event_class *cls, layout_set *out)
{
    out->count = 0;
    for (u32 i = 0; i < cls->plan_count; i++) {
        u64 layout = plan_layout(cls->plans[i]);
        if (!has_layout(out, layout))
            out->list[out->count++] = layout;
    }
}

static void note_class(counter *c, u32 index)
{
    u64 list[CLASS_PLANS];
    layout_set found = {list, 0}, *kept = &c->layouts[index];
    c->classes[index] = class_at(c->session->classes, index);
    find_layouts(c->classes[index], &found);
    *kept = (layout_set){arena_array(&c->lists, u64, found.count), found.count};
    if (found.count)
        memcpy(kept->list, list, found.count * sizeof(*list));
}

// The session's list moves when it grows, while buffers are being counted. This one is not given back before the end.
static void note_classes(counter *c)
{
    u32 count = class_count(c->session->classes);
    if (c->class_capacity < count) {
        u32 capacity = count * 2;
        const event_class **classes = arena_array(&c->lists, const event_class *, capacity);
        layout_set *layouts = arena_array(&c->lists, layout_set, capacity);
        if (c->class_count) {
            memcpy(classes, c->classes, c->class_count * sizeof(*classes));
            memcpy(layouts, c->layouts, c->class_count * sizeof(*layouts));
        }
        c->classes = classes;
        c->layouts = layouts;
        c->class_capacity = capacity;
    }
    while (c->class_count < count)
        note_class(c, c->class_count++);
}

// ---------------------------------------------------------------------------------------------- on any thread

static void make_space(tally *t, u32 classes)
{
    if (t->capacity >= classes)
        return;
    u32 capacity = classes * 2;
    t->list = mem_grow_zeroed(t->list, t->capacity, capacity, sizeof(*t->list));
    t->capacity = capacity;
}

static void keep(tally *t, const kept_event *undecoded)
{
    class_tally *of = &t->list[undecoded->cls];
    u32 bytes = (u32)(undecoded->payload.len + sizeof(*undecoded));
    if (of->dropped || of->kept_bytes + bytes > LIMIT_KEPT_CLASS_BYTES ||
        t->kept_bytes.taken + bytes > LIMIT_KEPT_BYTES) {
        of->dropped = true;
        return;
    }
    of->kept_bytes += bytes;
    kept_event *made = arena_new(&t->kept_bytes, kept_event);
    *made = *undecoded;
    made->payload = arena_bytes(&t->kept_bytes, undecoded->payload);
    made->next = t->kept;
    t->kept = made;
}

static void count_event(tally *t, const event_class *cls, u32 trace_index, span payload)
{
    u64 cut = t->decoder.cut;
    state_counts *counts = &t->list[cls->index].states;
    record_state state = class_state(cls, &t->decoder, payload);
    counts->of[state]++;
    if (state == RECORD_DECODED)
        return;
    kept_event undecoded = {NULL, trace_index, cls->index, state, t->decoder.cut != cut, payload};
    counts->cut += undecoded.cut;
    keep(t, &undecoded);
}

static void count_next(void *context, unsigned thread, void *item, u64 number)
{
    counter *c = context;
    tally *t = &c->tallies[thread];
    const counted *b = &c->waiting[number % c->slots];
    const loaded_buffer *loaded = &b->from.buffer;
    make_space(t, b->class_count);
    for (u32 i = 0; i < loaded->count; i++) {
        const event_ref *ref = &loaded->refs[i];
        count_event(t, b->classes[ref->cls], c->trace, loaded_payload(loaded, ref));
    }
    (void)item;
}

// ---------------------------------------------------------------------------------------------- in order

counter *counter_new(session *s)
{
    counter *c = mem_zeroed(1, sizeof(*c));
    c->session = s;
    c->tallies = mem_zeroed(crew_threads(s->crew), sizeof(*c->tallies));
    return c;
}

void counter_free(counter *c)
{
    if (!c)
        return;
    for (unsigned i = 0; i < crew_threads(c->session->crew); i++) {
        decoder_free(&c->tallies[i].decoder);
        arena_free(&c->tallies[i].kept_bytes);
        mem_free(c->tallies[i].list);
    }
    mem_free(c->tallies);
    arena_free(&c->lists);
    mem_free(c);
}

void counter_begin_trace(counter *c, u32 trace_index, crew *threads, u32 slots)
{
    c->trace = trace_index;
    c->slots = slots;
    c->opened = c->taken = 0;
    c->waiting = mem_zeroed(slots, sizeof(*c->waiting));
    c->ring = ring_new(&(ring_plan){.crew = threads,
                                    .rank = RING_SIFT,
                                    .slots = slots,
                                    .slot_bytes = 1,
                                    .lazy = true,
                                    .make = count_next,
                                    .context = c});
}

static void wait_for_next(counter *c)
{
    (void)ring_take(c->ring);
    ring_release(c->ring);
    c->taken++;
}

void counter_take(counter *c, scanned *s)
{
    if (c->opened - c->taken == c->slots)
        wait_for_next(c);
    note_classes(c);
    counted *b = &c->waiting[c->opened % c->slots];
    scanned was = b->from;
    *b = (counted){*s, c->classes, c->class_count};
    *s = was;
    ring_open(c->ring, ++c->opened);
}

static void add_up(state_counts *to, state_counts *more)
{
    for (u32 i = 0; i < RECORD_STATES; i++)
        to->of[i] += more->of[i];
    to->cut += more->cut;
    *more = (state_counts){0};
}

void counter_end_trace(counter *c)
{
    trace *t = c->session->traces[c->trace];
    while (c->taken < c->opened)
        wait_for_next(c);
    ring_free(c->ring, NULL);
    for (u32 i = 0; i < c->slots; i++)
        scanned_free(&c->waiting[i].from);
    mem_free(c->waiting);
    t->states = mem_zeroed(c->class_count, sizeof(*t->states));
    t->state_count = c->class_count;
    for (unsigned thread = 0; thread < crew_threads(c->session->crew); thread++)
        for (u32 i = 0; i < c->class_count && i < c->tallies[thread].capacity; i++)
            add_up(&t->states[i], &c->tallies[thread].list[i].states);
}

// ---------------------------------------------------------------------------------------------- in the end

static bool was_dropped(const counter *c, u32 cls)
{
    for (unsigned thread = 0; thread < crew_threads(c->session->crew); thread++)
        if (cls < c->tallies[thread].capacity && c->tallies[thread].list[cls].dropped)
            return true;
    return false;
}

typedef enum settlement { AS_COUNTED, TRY_AGAIN, NOT_KNOWN } settlement;

static settlement settle(const counter *c, u32 cls)
{
    u64 list[CLASS_PLANS];
    layout_set now = {list, 0};
    const layout_set *then = &c->layouts[cls];
    find_layouts(c->classes[cls], &now);
    for (u32 i = 0; i < then->count; i++)
        if (!has_layout(&now, then->list[i]))
            return NOT_KNOWN;
    return now.count == then->count ? AS_COUNTED : was_dropped(c, cls) ? NOT_KNOWN : TRY_AGAIN;
}

static void try_again(const counter *c, tally *t, const kept_event *undecoded)
{
    state_counts *counts = &c->session->traces[undecoded->trace]->states[undecoded->cls];
    u64 cut = t->decoder.cut;
    record_state state = class_state(c->classes[undecoded->cls], &t->decoder, undecoded->payload);
    counts->of[undecoded->state]--;
    counts->of[state]++;
    counts->cut -= undecoded->cut;
    counts->cut += t->decoder.cut != cut && state != RECORD_DECODED;
}

void counter_settle(counter *c)
{
    session *s = c->session;
    s->counted = true;
    u8 *found = mem_zeroed(c->class_count, 1);
    s->settled = mem_zeroed(c->class_count, sizeof(*s->settled));
    s->settled_count = c->class_count;
    for (u32 i = 0; i < c->class_count; i++) {
        found[i] = (u8)settle(c, i);
        s->settled[i] = found[i] != NOT_KNOWN;
    }
    for (unsigned thread = 0; thread < crew_threads(s->crew); thread++)
        for (const kept_event *kept = c->tallies[thread].kept; kept; kept = kept->next)
            if (found[kept->cls] == TRY_AGAIN)
                try_again(c, &c->tallies[thread], kept);
    mem_free(found);
}

bool session_counted(const session *s, u32 cls)
{
    return s->counted && (class_at(s->classes, cls)->made || (cls < s->settled_count && s->settled[cls]));
}

void session_take_counts(session *s, u32 cls)
{
    for (u32 i = 0; i < s->trace_count; i++) {
        trace *t = s->traces[i];
        if (cls >= t->state_count)
            continue;
        t->decoded += t->states[cls].of[RECORD_DECODED];
        t->partial += t->states[cls].of[RECORD_PARTIAL];
        t->raw += t->states[cls].of[RECORD_RAW];
        s->cut += t->states[cls].cut;
    }
}
