// Facts by time, folded into lives: what an id meant from when to when. Knows nothing of what the ids are.
#include <string.h>

#include "base/bisect.h"
#include "base/sort.h"
#include "correlate/correlate_internal.h"

// ---------------------------------------------------------------------------------------------- text

static bool is_text(const char *there, const char *text, size_t len)
{
    return strncmp(there, text, len) == 0 && there[len] == 0;
}

static const char *keep_text(text_set *set, const char *text, size_t len)
{
    enum { BLOCK = 1 << 20 };
    if (len >= set->left) {
        GROW(set->blocks, set->block_count, set->block_cap);
        spill **block = &set->blocks[set->block_count++];
        *block = NULL;
        set->at = spill_reserve(block, len < BLOCK ? BLOCK : len + 1, 1);
        set->left = spill_bytes(*block);
        spill_seal(*block);
        spill_trim();
    }
    char *kept = set->at;
    memcpy(kept, text, len);
    kept[len] = 0;
    set->at += len + 1;
    set->left -= len + 1;
    return kept;
}

const char *text_set_add(text_set *set, const char *text, size_t len)
{
    u64 hash = hash_bytes(text, len);
    u32 found;
    MAP_FIND(found, &set->by_text, hash, is_text(set->list[index_], text, len));
    if (found != MAP_NONE)
        return set->list[found];
    SPILL_GROW(set->list_block, set->list, set->count, set->cap);
    map_add(&set->by_text, hash, set->count);
    return set->list[set->count++] = keep_text(set, text, len);
}

void text_set_free(text_set *set)
{
    for (u32 i = 0; i < set->block_count; i++)
        spill_free(&set->blocks[i]);
    mem_free(set->blocks);
    spill_free(&set->list_block);
    map_free(&set->by_text);
    *set = (text_set){0};
}

// ---------------------------------------------------------------------------------------------- facts

void history_tell(history *h, const fact *f)
{
    if (h->fact_count >= h->fact_limit) {
        h->refused++;
        return;
    }
    SPILL_GROW(h->fact_block, h->facts, h->fact_count, h->fact_cap);
    h->facts[h->fact_count++] = *f;
}

static int compare_texts(const char *a, const char *b)
{
    if (a == b)
        return 0;
    return !a ? -1 : !b ? 1 : strcmp(a, b);
}

// `source` is the machine by now. What else a fact says breaks ties, so that the order of files cannot.
static int by_id_and_time(const void *a, const void *b)
{
    const fact *x = a, *y = b;
    if (x->id != y->id)
        return x->id < y->id ? -1 : 1;
    if (x->source != y->source)
        return x->source < y->source ? -1 : 1;
    if (x->time != y->time)
        return x->time < y->time ? -1 : 1;
    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    if (x->number != y->number)
        return x->number < y->number ? -1 : 1;
    return compare_texts(x->text, y->text);
}

// An end may leave out what ended.
static bool blank_end(const life *l, const fact *f)
{
    return f->kind == FACT_END && !f->text && l->text;
}

static bool same_meaning(const life *l, const fact *f)
{
    return (l->text == f->text && l->number == f->number) || blank_end(l, f);
}

// The life that is being put together from one id's facts.
typedef struct folding {
    history *to;
    const correlator *correlator;
    life now;
    bool open;
    bool inferred; // nothing tells where it began
    i64 last;      // it cannot go on behind here
    i64 ended;     // the life before
} folding;

static void end_life(folding *f, const fact *by, i64 until, bool is_told)
{
    f->now.until = until < f->last ? until : f->last;
    history_add_life(f->to, by->source, by->id, &f->now);
    life_doubts doubts = {f->inferred, !is_told && f->now.until != INT64_MAX};
    count_life(f->correlator, &f->to->counts, by->source, f->now.from, f->now.until, doubts);
    f->ended = f->now.until;
    f->open = false;
}

// A thread is there while its process is. (Grace is added where lives are looked up.)
static void bound_by_process(folding *f, const fact *by)
{
    const process_life *p = process_at(f->correlator, by->source, by->number, by->time);
    spill_pass(&f->to->looked_up, SPILL_LOOKUP, SPILL_LOOKUPS);
    if (!p)
        return;
    if (p->until != INT64_MAX)
        f->last = time_apart(p->until, LIMIT_ENDED_GRACE + 1);
    if (f->now.from < p->since)
        f->now.from = p->since < by->time ? p->since : by->time;
}

static void begin_life(folding *f, const fact *by, bool was_open)
{
    // An entry that only says "exists" reaches back to the end of the life before.
    f->inferred = by->kind != FACT_START;
    i64 from = f->inferred && !was_open ? f->ended : by->time;
    f->now = (life){from, INT64_MAX, by->text, by->number};
    f->last = INT64_MAX;
    f->open = true;
    if (f->to->is_of_processes)
        bound_by_process(f, by);
}

// Of an id that means nothing: what is told of it later does not reach back over this.
static bool ends_nothing(const folding *f, const fact *by)
{
    return by->kind == FACT_END && !f->open && !by->text && !by->number;
}

// One id's facts, in order.
static void fold(history *h, const correlator *c, const fact *facts, u32 count)
{
    folding f = {.to = h, .correlator = c, .ended = INT64_MIN};
    for (u32 i = 0; i < count; i++) {
        const fact *by = &facts[i];
        if (f.open && time_apart(by->time, LIMIT_ENDED_GRACE) > f.last)
            end_life(&f, by, f.last, false);
        if (ends_nothing(&f, by)) {
            f.ended = by->time;
            continue;
        }
        bool was_open = f.open;
        if (f.open && same_meaning(&f.now, by)) {
            if (by->kind == FACT_END)
                end_life(&f, by, by->time, true);
            continue;
        }
        if (f.open)
            end_life(&f, by, by->time, false);
        begin_life(&f, by, was_open);
        if (by->kind == FACT_END)
            end_life(&f, by, by->time, true);
    }
    if (f.open)
        end_life(&f, facts, INT64_MAX, false);
}

// Deals facts into ranges of ids, then sorts these, which takes a third of the time of sorting them all.
static void deal_facts(history *h, u64 lowest, u64 highest)
{
    enum { A_RANGE = 4 };
    u32 count = h->fact_count, ranges = 1, shift = 0;
    while (ranges < count / A_RANGE)
        ranges *= 2;
    while ((highest - lowest) >> shift >= ranges)
        shift++;
    u32 *ends = mem_zeroed((size_t)ranges + 1, sizeof(*ends)); // of the range before, while they are filled
    for (u32 i = 0; i < count; i++)
        ends[((h->facts[i].id - lowest) >> shift) + 1]++;
    for (u32 i = 0; i < ranges; i++)
        ends[i + 1] += ends[i];
    spill *block = NULL;
    fact *dealt = spill_reserve(&block, count, sizeof(*dealt));
    for (u32 i = 0; i < count; i++)
        dealt[ends[(h->facts[i].id - lowest) >> shift]++] = h->facts[i];
    for (u32 i = 0, first = 0; i < ranges; first = ends[i++])
        sort_in_place(dealt + first, ends[i] - first, sizeof(*dealt), by_id_and_time);
    mem_free(ends);
    spill_free(&h->fact_block);
    h->fact_block = block;
    h->facts = dealt;
}

// Brings the facts of an id together, in order.
static void gather_facts(history *h)
{
    enum {
        FEWEST = 256,
        MOST = (8 << 20) / sizeof(fact)
    }; // a copy of more may lie in a file, and all in memory at once
    if (h->fact_count < FEWEST || h->fact_count > MOST || spill_is_in_file(h->fact_block)) {
        h->facts = spill_sort(&h->fact_block, h->fact_count, sizeof(*h->facts), by_id_and_time);
        return;
    }
    u64 lowest = UINT64_MAX, highest = 0, passed = 0;
    for (u32 i = 0; i < h->fact_count; i++) {
        spill_pass(&passed, sizeof(*h->facts), SPILL_ITEMS);
        lowest = h->facts[i].id < lowest ? h->facts[i].id : lowest;
        highest = h->facts[i].id > highest ? h->facts[i].id : highest;
    }
    deal_facts(h, lowest, highest);
}

void history_close(history *h, const correlator *c)
{
    u64 passed = 0;
    for (u32 i = 0; i < h->fact_count; i++) {
        h->facts[i].source = c->machines[h->facts[i].source];
        spill_pass(&passed, sizeof(*h->facts), SPILL_ITEMS);
    }
    gather_facts(h);
    for (u32 i = 0, next; i < h->fact_count; i = next) {
        for (next = i + 1; next < h->fact_count; next++)
            if (h->facts[next].id != h->facts[i].id || h->facts[next].source != h->facts[i].source)
                break;
        fold(h, c, &h->facts[i], next - i);
        spill_pass(&passed, (next - i) * sizeof(*h->facts), SPILL_ITEMS);
    }
    spill_free(&h->fact_block);
    h->facts = NULL;
    h->fact_count = h->fact_cap = 0;
    history_index(h);
}

void history_free(history *h)
{
    spill_free(&h->fact_block);
    spill_free(&h->life_block);
    spill_free(&h->slot_block);
    mem_free(h->ranges);
    *h = (history){0};
}

// ---------------------------------------------------------------------------------------------- lives

// Slots are in order: id, then machine. Ids are cut into ranges of equal size, of whose first slots a table is in
// memory.
static u64 range_of(const history *h, u64 id)
{
    return (id - h->lowest) >> h->range_shift;
}

void history_index(history *h)
{
    enum { A_RANGE = 8 };
    u32 range = 0;
    u64 passed = 0;
    if (!h->slot_count)
        return;
    h->lowest = h->slots[0].id;
    u64 apart = h->slots[h->slot_count - 1].id - h->lowest;
    while (apart >> h->range_shift > h->slot_count / A_RANGE + 1) // at most 63 times
        h->range_shift++;
    h->range_count = (u32)(apart >> h->range_shift) + 1;
    h->ranges = mem_alloc(((size_t)h->range_count + 1) * sizeof(*h->ranges));
    for (u32 i = 0; i < h->slot_count; i++) {
        for (u64 at = range_of(h, h->slots[i].id); range <= at; range++)
            h->ranges[range] = i;
        spill_pass(&passed, sizeof(*h->slots), SPILL_ITEMS);
    }
    h->ranges[range] = h->slot_count;
    spill_seal(h->life_block);
    spill_seal(h->slot_block);
}

static bool is_slot_before(const life_slot *s, u32 machine, u64 id)
{
    return s->id < id || (s->id == id && s->machine < machine);
}

static const life_slot *slot_find(const history *h, u32 machine, u64 id)
{
    u64 range = h->range_count ? range_of(h, id) : 0;
    if (id < h->lowest || range >= h->range_count)
        return NULL;
    u32 at, end = h->ranges[range + 1];
    BISECT(at, h->ranges[range], end, is_slot_before(&h->slots[index_], machine, id));
    const life_slot *s = &h->slots[at];
    return at < end && s->id == id && s->machine == machine ? s : NULL;
}

void history_add_life(history *h, u32 machine, u64 id, const life *l)
{
    SPILL_GROW(h->life_block, h->lives, h->count, h->cap);
    h->lives[h->count] = *l;
    life_slot *s = h->slot_count ? &h->slots[h->slot_count - 1] : NULL;
    if (!s || s->id != id || s->machine != machine) {
        SPILL_GROW(h->slot_block, h->slots, h->slot_count, h->slot_cap);
        s = &h->slots[h->slot_count++];
        *s = (life_slot){id, machine, h->count, 0};
    }
    s->count++;
    h->count++;
}

const life *history_span(const history *h, u32 machine, u64 id, i64 time, i64 *from, i64 *next)
{
    *from = INT64_MIN;
    *next = INT64_MAX;
    const life_slot *s = slot_find(h, machine, id);
    if (!s)
        return NULL;
    const life *lives = h->lives + s->first;
    u32 low;
    BISECT(low, 0, s->count, lives[index_].from <= time);
    if (low < s->count)
        *next = lives[low].from;
    if (low == 0)
        return NULL;
    const life *l = &lives[low - 1];
    i64 last = l->until > INT64_MAX - LIMIT_ENDED_GRACE ? INT64_MAX : l->until + LIMIT_ENDED_GRACE;
    if (time > last) {
        *from = last + 1;
        return NULL;
    }
    *from = l->from;
    *next = last < *next ? last + 1 : *next;
    return l;
}
