#include "correlate/hosts.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/limits.h"

enum {
    SECOND = 10000000, // FILETIME
    CLOCK_TICK = 156250,
    NEAR_BOOT = 60, // seconds: the clock was set, or another machine was started with this one
};

// A header on its way through several orders.
typedef struct item {
    const host_facts *facts;
    u32 index;
} item;

typedef struct finder {
    host_map *out;
    const char *given;
    u32 *parent; // by header: union-find, the lowest header of a host is its root
} finder;

static u32 root_of(const finder *f, const item *i)
{
    u32 at = i->index;
    while (f->parent[at] != at)
        at = f->parent[at] = f->parent[f->parent[at]];
    return at;
}

static void join(const finder *f, const item *a, const item *b)
{
    u32 x = root_of(f, a), y = root_of(f, b);
    f->parent[x < y ? y : x] = x < y ? x : y;
}

static void note(finder *f, const char *format, ...) PRINTF_LIKE(2, 3);
static void note(finder *f, const char *format, ...)
{
    host_map *out = f->out;
    char text[1024];
    va_list args;
    if (out->note_count == LIMIT_HOST_NOTES) {
        out->more_notes++;
        return;
    }
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    GROW(out->notes, out->note_count, out->note_cap);
    out->notes[out->note_count++] = arena_text(&out->arena, text);
}

// ---------------------------------------------------------------------------------------------- orders

static int compare(i64 a, i64 b)
{
    return a < b ? -1 : a > b;
}

static int compare_texts(const char *a, const char *b)
{
    return strcasecmp(a ? a : "", b ? b : "");
}

static int by_boot(const void *a, const void *b)
{
    const item *x = a, *y = b;
    int order = compare(x->facts->boot, y->facts->boot);
    return order ? order : compare(x->index, y->index);
}

static int by_header(const void *a, const void *b)
{
    const item *x = a, *y = b;
    return compare(x->index, y->index);
}

static int by_computer(const void *a, const void *b)
{
    const item *x = a, *y = b;
    int order = compare_texts(x->facts->computer, y->facts->computer);
    return order ? order : compare(x->index, y->index);
}

static int compare_machines(const host_facts *x, const host_facts *y)
{
    int order = compare(x->build, y->build);
    if (!order)
        order = compare(x->processors, y->processors);
    if (!order)
        order = compare(x->bias, y->bias);
    return order ? order : compare_texts(x->zone, y->zone);
}

static int by_machine(const void *a, const void *b)
{
    const item *x = a, *y = b;
    int order = compare_machines(x->facts, y->facts);
    return order ? order : compare(x->index, y->index);
}

static int by_logger(const void *a, const void *b)
{
    const item *x = a, *y = b;
    int order = compare(x->facts->logger_id, y->facts->logger_id);
    if (!order)
        order = compare(x->facts->first, y->facts->first);
    return order ? order : compare(x->index, y->index);
}

static void sort(item *items, u32 count, int (*order)(const void *, const void *))
{
    if (count)
        qsort(items, count, sizeof(*items), order);
}

// ---------------------------------------------------------------------------------------------- contradictions

static bool same_session(const host_facts *a, const host_facts *b)
{
    return a->session_start == b->session_start && compare_texts(a->session, b->session) == 0;
}

// Of the sessions with one logger id that began so far, the one that ended last, and the last one of another host.
typedef struct sweep {
    const item *last, *other;
} sweep;

static const item *meets(const finder *f, const item *running, const item *next)
{
    bool meet = running && root_of(f, running) != root_of(f, next) && next->facts->first < running->facts->last &&
                !same_session(running->facts, next->facts);
    return meet ? running : NULL;
}

static void go_on(const finder *f, sweep *s, const item *next)
{
    if (!s->last || next->facts->last > s->last->facts->last) {
        if (s->last && root_of(f, s->last) != root_of(f, next))
            s->other = s->last;
        s->last = next;
    } else if (root_of(f, s->last) != root_of(f, next) && (!s->other || next->facts->last > s->other->facts->last)) {
        s->other = next;
    }
}

// Whether two sessions of these, not known to be of one host, had one logger id at the same time. Notes it.
static bool contradict(finder *f, item *items, u32 count)
{
    sweep s = {0};
    sort(items, count, by_logger);
    for (u32 i = 0; i < count; i++) {
        if (i && items[i].facts->logger_id != items[i - 1].facts->logger_id)
            s = (sweep){0};
        if (!items[i].facts->logger_id)
            continue;
        const item *met = meets(f, s.last, &items[i]);
        met = met ? met : meets(f, s.other, &items[i]);
        if (met) {
            note(f,
                 "%s and %s: their machines booted at the same time and are alike, but both sessions had logger id %u "
                 "at one time: taken as machines of their own, nothing is joined between them (--host NAME: one "
                 "machine)",
                 met->facts->file, items[i].facts->file, items[i].facts->logger_id);
            return true;
        }
        go_on(f, &s, &items[i]);
    }
    return false;
}

// ---------------------------------------------------------------------------------------------- one boot

static const item *first_named(const item *items, u32 count, const char *but)
{
    for (u32 i = 0; i < count; i++)
        if (items[i].facts->computer && (!but || strcasecmp(items[i].facts->computer, but) != 0))
            return &items[i];
    return NULL;
}

static void join_all(const finder *f, const item *items, u32 count)
{
    for (u32 i = 1; i < count; i++)
        join(f, &items[0], &items[i]);
}

static void join_unnamed(const finder *f, const item *items, u32 count)
{
    const item *first = NULL;
    for (u32 i = 0; i < count; i++) {
        if (items[i].facts->computer)
            continue;
        if (first)
            join(f, first, &items[i]);
        else
            first = &items[i];
    }
}

// Headers that agree in boot, build, processors and time zone.
static void join_alike(finder *f, item *items, u32 count)
{
    const item *named = first_named(items, count, NULL);
    const item *other = named ? first_named(items, count, named->facts->computer) : NULL;
    if (!other && !contradict(f, items, count)) {
        join_all(f, items, count);
        return;
    }
    for (u32 i = 0; other && i < count; i++)
        if (!items[i].facts->computer)
            note(f, "%s: its machine is like both %s and %s, which booted at the same time: joined with neither",
                 items[i].facts->file, named->facts->computer, other->facts->computer);
}

// One build that booted at one time, and yet something differs that can change.
static void note_unlike(finder *f, const item *a, const item *b)
{
    if (a->facts->build != b->facts->build || (a->facts->computer && b->facts->computer) ||
        root_of(f, a) == root_of(f, b))
        return;
    bool processors = a->facts->processors != b->facts->processors;
    note(f,
         "%s and %s: their machines booted at the same time, but %s: nothing is joined between them (--host NAME: "
         "one machine)",
         a->facts->file, b->facts->file, processors ? "have not as many processors" : "are in other time zones");
}

// Of one file and one boot time: one machine's, unless they name two.
static void join_file(finder *f, const item *items, u32 count)
{
    const item *named = first_named(items, count, NULL);
    const item *other = named ? first_named(items, count, named->facts->computer) : NULL;
    if (!other)
        join_all(f, items, count);
    else
        note(f, "%s: sessions of %s and of %s: nothing is joined between them", items[0].facts->file,
             named->facts->computer, other->facts->computer);
}

static void join_within_files(finder *f, const item *items, u32 count)
{
    for (u32 i = 0, next; i < count; i = next) {
        for (next = i + 1; next < count && items[next].facts->trace == items[i].facts->trace; next++)
            continue;
        join_file(f, &items[i], next - i);
    }
}

// Without a boot time: the headers of a session that were written again, and no others.
static void join_sessions(const finder *f, const item *items, u32 count)
{
    for (u32 i = 1; i < count; i++) {
        const host_facts *a = items[i - 1].facts, *b = items[i].facts;
        bool is_one = a->trace == b->trace && same_session(a, b) && compare_machines(a, b) == 0;
        if (is_one && !(a->computer && b->computer && compare_texts(a->computer, b->computer) != 0))
            join(f, &items[i - 1], &items[i]);
    }
}

// Headers of one boot time. Their order changes.
static void join_boot(finder *f, item *items, u32 count)
{
    sort(items, count, by_header);
    join_within_files(f, items, count);
    sort(items, count, by_computer);
    for (u32 i = 1; i < count; i++)
        if (items[i].facts->computer && compare_texts(items[i].facts->computer, items[i - 1].facts->computer) == 0)
            join(f, &items[i - 1], &items[i]);
    const item *named = first_named(items, count, NULL);
    if (f->given) {
        if (named && first_named(items, count, named->facts->computer))
            join_unnamed(f, items, count);
        else
            join_all(f, items, count);
        return;
    }
    sort(items, count, by_machine);
    for (u32 i = 0, next; i < count; i = next) {
        for (next = i + 1; next < count && compare_machines(items[next].facts, items[i].facts) == 0; next++)
            continue;
        if (i)
            note_unlike(f, &items[i - 1], &items[i]);
        if (next - i > 1)
            join_alike(f, &items[i], next - i); // the group's order changes
    }
}

// ---------------------------------------------------------------------------------------------- all

static i64 precision_of(const host_facts *a, const host_facts *b)
{
    i64 x = a->precision ? a->precision : CLOCK_TICK, y = b->precision ? b->precision : CLOCK_TICK;
    i64 coarser = x > y ? x : y;
    return coarser < SECOND ? coarser : SECOND;
}

static bool same_boot(const host_facts *first, const host_facts *later)
{
    return later->boot - first->boot <= precision_of(first, later);
}

static void note_near(finder *f, const host_facts *a, const host_facts *b)
{
    i64 apart = b->boot - a->boot;
    bool others = a->computer && b->computer && strcasecmp(a->computer, b->computer) != 0;
    if (apart <= (i64)NEAR_BOOT * SECOND && !others && compare_machines(a, b) == 0)
        note(f,
             "%s and %s: boot times are %.1f s apart: taken as two machines or boots, nothing is joined between them",
             a->file, b->file, (double)apart / SECOND);
}

static void join_by_boot(finder *f, item *items, u32 count)
{
    for (u32 i = 0, next; i < count; i = next) {
        for (next = i + 1; next < count && same_boot(items[i].facts, items[next].facts); next++)
            continue;
        if (next < count)
            note_near(f, items[i].facts, items[next].facts);
        if (next - i > 1)
            join_boot(f, &items[i], next - i);
    }
}

static void number_hosts(finder *f, const item *items, const host_facts *facts, u32 count)
{
    host_map *out = f->out;
    u32 *number = mem_zeroed(count, sizeof(*number)); // by root, plus one
    for (u32 i = 0; i < count; i++) {
        u32 root = root_of(f, &items[i]);
        if (!number[root]) {
            out->list[out->count] = (host_entry){.boot = facts[root].boot};
            number[root] = ++out->count;
        }
        out->of[items[i].index] = number[root] - 1;
    }
    for (u32 i = 0; i < count; i++) {
        host_entry *h = &out->list[out->of[i]];
        h->headers++;
        h->name = h->name ? h->name : facts[i].computer;
    }
    for (u32 i = 0; i < out->count; i++)
        out->list[i].name = out->list[i].name ? out->list[i].name : f->given;
    mem_free(number);
}

void hosts_find(host_map *out, const host_facts *facts, u32 count, const char *given)
{
    *out = (host_map){.list = mem_zeroed(count, sizeof(*out->list)), .of = mem_zeroed(count, sizeof(*out->of))};
    finder f = {out, given, mem_zeroed(count, sizeof(*f.parent))};
    item *items = mem_zeroed(count, sizeof(*items));
    for (u32 i = 0; i < count; i++) {
        f.parent[i] = i;
        items[i] = (item){&facts[i], i};
    }
    sort(items, count, by_boot);
    u32 unknown = 0;
    while (unknown < count && facts[items[unknown].index].boot <= 0)
        unknown++;
    sort(items, unknown, by_header);
    join_sessions(&f, items, unknown);
    join_by_boot(&f, items + unknown, count - unknown);
    sort(items, count, by_boot);
    number_hosts(&f, items, facts, count);
    mem_free(items);
    mem_free(f.parent);
}

void hosts_free(host_map *map)
{
    mem_free(map->list);
    mem_free(map->of);
    mem_free(map->notes);
    arena_free(&map->arena);
    *map = (host_map){0};
}
