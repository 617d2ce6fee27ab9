#include "detect/correlation.h"

#include <string.h>

#include "base/limits.h"
#include "base/map.h"

// A hit that a group remembers; `record` 0: none, or no more. `value`: of the counted field, hashed.
typedef struct mark {
    i64 time;
    u64 record, value;
} mark;

// Hits with the same values in the fields of group-by. Groups of a correlation are in a row: the one whose time is over
// first comes first.
typedef struct group {
    const correlation *of;
    u64 hash;
    span key; // the values, each with its length before it
    i64 time; // of the last hit; where the count must not rise, of the first
    u64 count;
    mark *marks; // counts: the hits; temporal: the last of each rule
    u32 first, used, capacity;
    map values;         // VALUE_COUNT: of a value's last hit, its serial number
    u32 serial, gone;   // that of the first mark; marks that are no more
    u64 *chain;         // TEMPORAL_ORDERED: by rule, the records of the hits up to it
    u8 *told;           // where the count must not rise: the last hit's
    correlated last;    //
    u32 earlier, later; // in the row, plus one; of a free one, `later` is the next free one
} group;

typedef struct row {
    u32 first, last; // groups, plus one
} row;

struct correlations {
    const rule_set *set;
    row *rows; // by correlation of the set
    group *groups;
    u32 group_count, group_capacity, free_one;
    map by_key;
    outbuf key;
    u64 bytes, forgotten;
    u64 *hit_at, now;         // by rule: the event with which it hit last
    correlation_found *found; // of this call
    void *context;
};

// ---------------------------------------------------------------------------------------------- groups

static size_t bytes_of(const group *g)
{
    size_t refs = g->of->ref_count;
    return sizeof(*g) + g->key.len + g->capacity * sizeof(mark) + g->values.capacity * sizeof(map_slot) +
           g->last.told.len + (g->chain ? refs * refs * sizeof(u64) : 0);
}

static void unlink_group(correlations *c, u32 row_index, u32 at)
{
    group *g = &c->groups[at];
    row *r = &c->rows[row_index];
    *(g->earlier ? &c->groups[g->earlier - 1].later : &r->first) = g->later;
    *(g->later ? &c->groups[g->later - 1].earlier : &r->last) = g->earlier;
}

static void link_last(correlations *c, u32 row_index, u32 at)
{
    row *r = &c->rows[row_index];
    group *g = &c->groups[at];
    g->earlier = r->last;
    g->later = 0;
    *(r->last ? &c->groups[r->last - 1].later : &r->first) = at + 1;
    r->last = at + 1;
}

static void free_contents(group *g)
{
    mem_free((void *)(uintptr_t)g->key.at);
    mem_free(g->marks);
    mem_free(g->chain);
    mem_free(g->told);
    map_free(&g->values);
}

// It is no longer one of them; its contents are the caller's.
static group take_out(correlations *c, u32 row_index, u32 at)
{
    group g = c->groups[at];
    unlink_group(c, row_index, at);
    map_remove(&c->by_key, g.hash, at);
    c->bytes -= bytes_of(&g);
    c->groups[at] = (group){.later = c->free_one};
    c->free_one = at + 1;
    return g;
}

static void remove_group(correlations *c, u32 row_index, u32 at)
{
    group g = take_out(c, row_index, at);
    free_contents(&g);
}

typedef struct wanted {
    const correlation *of;
    span key;
} wanted;

static bool is_group(const void *groups, u32 index, const void *key)
{
    const group *g = &((const group *)groups)[index];
    const wanted *w = key;
    return g->of == w->of && g->key.len == w->key.len && (!g->key.len || memcmp(g->key.at, w->key.at, g->key.len) == 0);
}

static u32 new_group(correlations *c, u32 row_index, const wanted *w, u64 hash, i64 time)
{
    u32 at = c->free_one ? c->free_one - 1 : c->group_count;
    if (c->free_one) {
        c->free_one = c->groups[at].later;
    } else {
        GROW(c->groups, c->group_count, c->group_capacity);
        c->group_count++;
    }
    u8 *key = mem_alloc(w->key.len + 1);
    if (w->key.len)
        memcpy(key, w->key.at, w->key.len);
    c->groups[at] = (group){.of = w->of, .hash = hash, .key = {key, w->key.len}, .time = time};
    map_add(&c->by_key, hash, at);
    link_last(c, row_index, at);
    c->bytes += bytes_of(&c->groups[at]);
    return at;
}

// False: the event does not have a field, and is in no group.
static bool make_key(correlations *c, const correlation *of, const correlation_source *s, const correlated *hit)
{
    c->key.len = 0;
    outbuf_add(&c->key, "", 0);
    for (u32 i = 0; i < of->group_count; i++) {
        span value = hit->values[s->at[i]];
        u32 len = (u32)value.len;
        if (!value.at)
            return false;
        outbuf_add(&c->key, &len, sizeof(len));
        outbuf_add(&c->key, value.at, value.len);
    }
    return !of->field || hit->values[s->at[of->group_count]].at;
}

// ---------------------------------------------------------------------------------------------- marks

static void add_mark(correlations *c, group *g, mark m)
{
    if (g->first + g->used == g->capacity && g->first > g->capacity / 2) {
        memmove(g->marks, g->marks + g->first, g->used * sizeof(mark));
        g->first = 0;
    }
    c->bytes -= bytes_of(g);
    GROW(g->marks, g->first + g->used, g->capacity);
    if (g->of->kind == VALUE_COUNT)
        map_add(&g->values, hash_u64(m.value), g->serial + g->used);
    c->bytes += bytes_of(g);
    g->marks[g->first + g->used++] = m;
}

static mark *mark_numbered(const group *g, u32 serial)
{
    return &g->marks[g->first + (serial - g->serial)];
}

static u32 find_value(const group *g, u64 value)
{
    u32 found;
    MAP_FIND(found, &g->values, hash_u64(value), mark_numbered(g, index_)->value == value);
    return found;
}

static void drop_first(group *g)
{
    const mark *m = &g->marks[g->first];
    if (!m->record)
        g->gone--;
    else if (g->of->kind == VALUE_COUNT)
        map_remove(&g->values, hash_u64(m->value), g->serial);
    g->first++;
    g->used--;
    g->serial++;
}

static void drop_old(group *g, i64 now)
{
    while (g->used && now - g->marks[g->first].time > g->of->timespan)
        drop_first(g);
}

// Leaves out marks that are no more.
static void close_ranks(group *g)
{
    u32 kept = 0;
    map_free(&g->values);
    for (u32 i = 0; i < g->used; i++) {
        const mark *m = &g->marks[g->first + i];
        if (!m->record)
            continue;
        map_add(&g->values, hash_u64(m->value), kept);
        g->marks[kept++] = *m;
    }
    g->first = g->serial = g->gone = 0;
    g->used = kept;
}

// A value that was there already is as new as its last hit.
static void drop_value(correlations *c, group *g, u64 value)
{
    u32 serial = find_value(g, value);
    if (serial != MAP_NONE) {
        map_remove(&g->values, hash_u64(value), serial);
        mark_numbered(g, serial)->record = 0;
        g->gone++;
    }
    if (g->gone <= g->used / 2 && g->serial < UINT32_MAX / 2)
        return;
    c->bytes -= bytes_of(g);
    close_ranks(g);
    c->bytes += bytes_of(g);
}

static bool count_hit(correlations *c, group *g, mark m)
{
    drop_old(g, m.time);
    if (g->of->kind == VALUE_COUNT)
        drop_value(c, g, m.value);
    add_mark(c, g, m);
    g->count = g->used - g->gone;
    return g->count >= g->of->least;
}

// Counts that may be too many: no more than one too many is remembered.
static void count_falling(correlations *c, group *g, mark m, const correlated *hit)
{
    const correlation *of = g->of;
    if (of->kind == VALUE_COUNT && find_value(g, m.value) != MAP_NONE)
        return;
    g->count++;
    if (g->used <= of->most)
        add_mark(c, g, m);
    c->bytes -= bytes_of(g);
    mem_free(g->told);
    g->told = mem_alloc(hit->told.len + 1);
    if (hit->told.len)
        memcpy(g->told, hit->told.at, hit->told.len);
    g->last = *hit;
    g->last.told.at = g->told;
    g->last.values = NULL;
    c->bytes += bytes_of(g);
}

static void make_room_for_rules(correlations *c, group *g)
{
    u32 count = g->of->ref_count;
    if (g->capacity)
        return;
    c->bytes -= bytes_of(g);
    g->marks = mem_zeroed(count, sizeof(mark));
    g->capacity = count;
    if (g->of->kind == TEMPORAL_ORDERED)
        g->chain = mem_zeroed((size_t)count * count, sizeof(u64));
    c->bytes += bytes_of(g);
}

static bool see_rule(group *g, u32 at, mark m)
{
    u32 within = 0;
    g->marks[at] = m;
    for (u32 i = 0; i < g->of->ref_count; i++)
        within += g->marks[i].record && m.time - g->marks[i].time <= g->of->timespan;
    g->count = within;
    return within >= g->of->least;
}

// marks[k] is the latest beginning of hits of rules 0 to k in their order.
static bool see_in_order(group *g, u32 at, mark m)
{
    u32 refs = g->of->ref_count;
    u64 *chain = g->chain + (size_t)at * refs;
    if (at) {
        const mark *before = &g->marks[at - 1];
        const u64 *records = chain - refs;
        if (!before->record || m.time - before->time > g->of->timespan || records[at - 1] >= m.record)
            return false;
        memcpy(chain, records, at * sizeof(*chain));
        m.time = before->time;
    }
    chain[at] = m.record;
    g->marks[at] = m;
    g->count = refs;
    return at + 1 == refs;
}

// ---------------------------------------------------------------------------------------------- what comes true

static u32 list_records(const group *g, u64 list[LIMIT_CORRELATION_SHOWN])
{
    const correlation *of = g->of;
    u32 count = 0;
    if (of->kind == TEMPORAL_ORDERED) {
        memcpy(list, g->chain + (size_t)(of->ref_count - 1) * of->ref_count, of->ref_count * sizeof(*list));
        return of->ref_count;
    }
    u32 marks = of->kind == TEMPORAL ? of->ref_count : g->used;
    for (u32 i = 0; i < marks && count < LIMIT_CORRELATION_SHOWN; i++) {
        const mark *m = &g->marks[g->first + i];
        if (m->record && (of->kind != TEMPORAL || g->time - m->time <= of->timespan))
            list[count++] = m->record;
    }
    return count;
}

static bool tell(correlations *c, const group *g, const correlated *last)
{
    span groups[LIMIT_CORRELATION_RULES];
    u64 records[LIMIT_CORRELATION_SHOWN];
    const u8 *at = g->key.at;
    for (u32 i = 0; i < g->of->group_count; i++) {
        u32 len;
        memcpy(&len, at, sizeof(len));
        groups[i] = (span){at + sizeof(len), len};
        at += sizeof(len) + len;
    }
    const correlation_hit hit = {g->of->rule, last, groups, g->of->group_count, records, list_records(g, records),
                                 g->count};
    return c->found(c->context, &hit);
}

// What is told is told, and counts no more. `last` NULL: the last that the group has.
static bool come_true(correlations *c, u32 row_index, u32 at, const correlated *last)
{
    group g = take_out(c, row_index, at);
    bool ok = !c->set->rules[g.of->rule].told || tell(c, &g, last ? last : &g.last);
    free_contents(&g);
    return ok;
}

// Groups whose time is over.
static bool expire(correlations *c, u32 row_index, i64 now, bool all)
{
    const correlation *of = c->set->correlations[row_index];
    bool ok = true;
    while (ok && c->rows[row_index].first) {
        u32 at = c->rows[row_index].first - 1;
        const group *g = &c->groups[at];
        if (!all && now - g->time <= of->timespan)
            break;
        if (of->falls && g->count >= of->least && g->count <= of->most)
            ok = come_true(c, row_index, at, NULL);
        else
            remove_group(c, row_index, at);
    }
    return ok;
}

static void forget(correlations *c, u32 row_index, u32 but)
{
    while (c->bytes > LIMIT_CORRELATION_BYTES && c->rows[row_index].first && c->rows[row_index].first - 1 != but) {
        remove_group(c, row_index, c->rows[row_index].first - 1);
        c->forgotten++;
    }
}

// ---------------------------------------------------------------------------------------------- hits

static bool count_in(correlations *c, group *g, u32 ref, mark m, const correlated *hit)
{
    switch (g->of->kind) {
    case EVENT_COUNT:
    case VALUE_COUNT:
        if (g->of->falls)
            count_falling(c, g, m, hit);
        return !g->of->falls && count_hit(c, g, m);
    case TEMPORAL:
        make_room_for_rules(c, g);
        return see_rule(g, ref, m);
    case TEMPORAL_ORDERED:
        make_room_for_rules(c, g);
        return see_in_order(g, ref, m);
    }
    return false;
}

// A hit of rule `ref` of a correlation; *came_true: with it, the correlation hits as well.
static bool feed(correlations *c, u32 row_index, u32 ref, const correlation_source *s, const correlated *hit,
                 bool *came_true)
{
    const correlation *of = c->set->correlations[row_index];
    if (!make_key(c, of, s, hit))
        return true;
    wanted w = {of, {c->key.bytes, c->key.len}};
    u64 hash = hash_more(hash_u64(row_index), w.key.at, w.key.len);
    u32 at = map_find(&c->by_key, hash, is_group, c->groups, &w);
    if (at == MAP_NONE)
        at = new_group(c, row_index, &w, hash, hit->time);
    mark m = {hit->time, hit->record, 0};
    if (of->field) {
        span value = hit->values[s->at[of->group_count]];
        m.value = hash_bytes(value.at, value.len);
    }
    if (!of->falls) {
        unlink_group(c, row_index, at);
        link_last(c, row_index, at);
        c->groups[at].time = hit->time;
    }
    *came_true = count_in(c, &c->groups[at], ref, m, hit);
    if (*came_true)
        return come_true(c, row_index, at, hit);
    forget(c, row_index, at);
    return true;
}

static const correlation_source *source_of(const correlation *of, u32 rule)
{
    for (u32 i = 0; i < of->source_count; i++)
        if (of->sources[i].rule == rule)
            return &of->sources[i];
    return NULL;
}

// A hit of a rule, and what it makes true: correlations stand behind those they are about.
static bool spread(correlations *c, const correlated *hit)
{
    c->now++;
    c->hit_at[hit->rule] = c->now;
    for (u32 i = 0; i < c->set->correlation_count; i++) {
        const correlation *of = c->set->correlations[i];
        const correlation_source *s = c->set->rules[of->rule].used ? source_of(of, hit->rule) : NULL;
        for (u32 ref = of->ref_count; s && ref-- > 0;) {
            bool came_true = false;
            if (c->hit_at[of->rules[ref]] != c->now)
                continue;
            if (!expire(c, i, hit->time, false) || !feed(c, i, ref, s, hit, &came_true))
                return false;
            if (came_true)
                c->hit_at[of->rule] = c->now;
        }
    }
    return true;
}

// ---------------------------------------------------------------------------------------------- from outside

correlations *correlations_new(const rule_set *set)
{
    correlations *c = mem_zeroed(1, sizeof(*c));
    c->set = set;
    c->rows = mem_zeroed(set->correlation_count + 1, sizeof(*c->rows));
    c->hit_at = mem_zeroed(set->rule_count + 1, sizeof(*c->hit_at));
    return c;
}

bool correlations_see(correlations *c, const correlated *hit, correlation_found *found, void *context)
{
    c->found = found;
    c->context = context;
    for (u32 i = 0; i < c->set->correlation_count; i++)
        if (c->set->correlations[i]->falls && !expire(c, i, hit->time, false))
            return false;
    return spread(c, hit);
}

bool correlations_end(correlations *c, correlation_found *found, void *context)
{
    c->found = found;
    c->context = context;
    for (u32 i = 0; i < c->set->correlation_count; i++)
        if (!expire(c, i, 0, true))
            return false;
    return true;
}

u64 correlations_forgotten(const correlations *c)
{
    return c->forgotten;
}

void correlations_free(correlations *c)
{
    if (!c)
        return;
    for (u32 i = 0; i < c->group_count; i++)
        free_contents(&c->groups[i]);
    mem_free(c->groups);
    mem_free(c->rows);
    mem_free(c->hit_at);
    map_free(&c->by_key);
    outbuf_free(&c->key);
    mem_free(c);
}
