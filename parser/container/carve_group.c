// Which carved buffers were one session (carve.h).
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "container/carve.h"

enum { CLOCK_SLACK_SECONDS = 600, HASH_FACTOR = 2 };

// Buffers of one headerless session lie no further apart: 61 hours of a 10 MHz clock.
static const i64 COMPANY_TICKS = (i64)1 << 41;

// (session, sequence number) -> buffer, open addressing.
typedef struct taken_table {
    u32 *slots;
    u32 mask;
} taken_table;

typedef struct grouping {
    carve *c;
    taken_table taken;
} grouping;

const char *carve_reason_text(carve_reason reason)
{
    static const char *const TEXTS[] = {
        "a header buffer: its trace header event starts the session",
        "stands right behind another buffer of the session",
        "logger, buffer size and time fit the session, its sequence number was missing there",
        "no header survives; logger, buffer size and time fit the session's other buffers",
        "no header survives; the first buffer found of its session",
        "more sessions than are kept apart: the rest stands together in the last file",
        "the session has the same buffer from another place",
    };
    return TEXTS[reason];
}

// ---------------------------------------------------------------------------------------------- sequence numbers

static u32 slot_of(const taken_table *t, u32 session, u64 sequence)
{
    u64 h = (sequence + 1) * 0x9e3779b97f4a7c15 ^ (u64)session * 0xc2b2ae3d27d4eb4f;
    return (u32)(h >> 32 ^ h) & t->mask;
}

// The buffer of the session with this number, or CARVE_NONE; *slot is where it is or goes.
static u32 taken_find(const grouping *g, u32 session, u64 sequence, u32 *slot)
{
    for (u32 i = slot_of(&g->taken, session, sequence);; i = (i + 1) & g->taken.mask) {
        u32 found = g->taken.slots[i];
        *slot = i;
        if (found == CARVE_NONE)
            return CARVE_NONE;
        const carve_buffer *b = &g->c->buffers[found];
        if (b->session == session && b->sequence == sequence)
            return found;
    }
}

static bool same_buffer(const carve_buffer *a, const carve_buffer *b)
{
    return a->processor == b->processor && a->used == b->used && a->events == b->events && a->type == b->type &&
           a->first_time == b->first_time && a->last_time == b->last_time && a->logger_id == b->logger_id;
}

// ---------------------------------------------------------------------------------------------- joining

static const trace_facts *facts_of(const carve *c, const carve_session *s)
{
    return s->header == CARVE_NONE ? NULL : &c->facts[c->buffers[s->header].facts];
}

static i64 minus(i64 a, i64 b)
{
    i64 d;
    if (__builtin_sub_overflow(a, b, &d))
        return a < b ? INT64_MIN : INT64_MAX;
    return d;
}

// Logger, size and form: what all buffers of a session share.
static bool same_kind(const carve *c, const carve_session *s, const carve_buffer *b)
{
    const trace_facts *f = facts_of(c, s);
    bool header_only = f && s->buffers == 1;
    // Merged traces have 0 as the header's logger, or anything in the others.
    if (!header_only && s->logger_id != b->logger_id)
        return false;
    if (header_only && s->logger_id && s->logger_id != b->logger_id)
        return false;
    bool packed = b->form != COMPRESSION_NONE;
    if (f && packed != ((f->log_file_mode & LOG_FILE_MODE_COMPRESSED) != 0))
        return false;
    if (!f && packed != (s->form != COMPRESSION_NONE))
        return false;
    return packed ? !s->buffer_size || b->used <= s->buffer_size : b->size == s->buffer_size;
}

// How far the buffer's first event lies behind the session's start, in ticks; negative where it does not fit.
static i64 clock_distance(const carve *c, const carve_session *s, const carve_buffer *b)
{
    const trace_facts *f = facts_of(c, s);
    if (!b->events)
        return -1;
    if (!f) {
        if (minus(b->first_time, s->last_time) > COMPANY_TICKS || minus(s->first_time, b->last_time) > COMPANY_TICKS)
            return -1;
        i64 apart =
            b->first_time > s->first_time ? minus(b->first_time, s->first_time) : minus(s->first_time, b->first_time);
        return apart < 0 ? -1 : apart;
    }
    i64 slack =
        f->clock.frequency < INT64_MAX / CLOCK_SLACK_SECONDS ? (i64)f->clock.frequency * CLOCK_SLACK_SECONDS : 0;
    i64 behind = minus(b->first_time, f->header_time);
    if (behind < -slack)
        return -1;
    if (f->end_time &&
        minus(clock_filetime(&f->clock, b->last_time), f->end_time) > (i64)CLOCK_SLACK_SECONDS * 10000000)
        return -1;
    return behind < 0 ? 0 : behind;
}

static void put_in(grouping *g, u32 session, u32 index, carve_reason reason)
{
    carve *c = g->c;
    carve_session *s = &c->sessions[session];
    carve_buffer *b = &c->buffers[index];
    u32 slot, other = taken_find(g, session, b->sequence, &slot);
    b->session = session;
    b->reason = reason;
    if (other != CARVE_NONE && same_buffer(&c->buffers[other], b)) {
        b->reason = CARVE_DUPLICATE;
        b->duplicate_of = other;
        s->duplicates++;
        return;
    }
    if (other == CARVE_NONE)
        g->taken.slots[slot] = index;
    if (b->facts == CARVE_NONE && (s->buffers == 0 || (s->buffers == 1 && s->header != CARVE_NONE)))
        s->logger_id = b->logger_id;
    if (b->events && (!s->events || b->first_time < s->first_time))
        s->first_time = b->first_time;
    if (b->events && (!s->events || b->last_time > s->last_time))
        s->last_time = b->last_time;
    s->events += b->events;
    s->buffers++;
}

// Starts a session with the buffer, or puts it with the last one.
static void begin_session(grouping *g, u32 index, carve_reason reason)
{
    carve *c = g->c;
    if (c->session_count == LIMIT_CARVED_SESSIONS) {
        put_in(g, c->session_count - 1, index, CARVE_REST);
        return;
    }
    const carve_buffer *b = &c->buffers[index];
    GROW(c->sessions, c->session_count, c->session_cap);
    carve_session *s = &c->sessions[c->session_count];
    *s = (carve_session){.header = CARVE_NONE,
                         .first = index,
                         .logger_id = b->logger_id,
                         .form = b->form,
                         .buffer_size = b->form == COMPRESSION_NONE ? b->size : 0};
    if (b->facts != CARVE_NONE) {
        s->header = index;
        s->buffer_size = c->facts[b->facts].buffer_size;
    }
    put_in(g, c->session_count++, index, reason);
}

// The session whose header says the same: the header buffer is written again when a session is stopped.
static u32 same_header(const carve *c, const trace_facts *f)
{
    for (u32 i = 0; i < c->session_count; i++) {
        const trace_facts *g = facts_of(c, &c->sessions[i]);
        if (g && g->start_time == f->start_time && g->header_time == f->header_time &&
            g->buffer_size == f->buffer_size && strcmp(g->session, f->session) == 0)
            return i;
    }
    return CARVE_NONE;
}

static void place_header(grouping *g, u32 index)
{
    carve *c = g->c;
    carve_buffer *b = &c->buffers[index];
    const trace_facts *f = &c->facts[b->facts];
    u32 known = same_header(c, f);
    if (known == CARVE_NONE) {
        begin_session(g, index, CARVE_HEADER);
        return;
    }
    carve_session *s = &c->sessions[known];
    b->session = known;
    u32 older = s->header;
    bool better = f->end_time && !c->facts[c->buffers[older].facts].end_time;
    u32 kept = better ? index : older, dropped = better ? older : index;
    s->header = kept;
    c->buffers[kept].reason = CARVE_HEADER;
    c->buffers[kept].duplicate_of = CARVE_NONE;
    c->buffers[dropped].reason = CARVE_DUPLICATE;
    c->buffers[dropped].duplicate_of = kept;
    s->duplicates++;
}

// ---------------------------------------------------------------------------------------------- all buffers

static bool stands_behind(const carve *c, u32 index)
{
    if (!index)
        return false;
    const carve_buffer *last = &c->buffers[index - 1], *b = &c->buffers[index];
    bool ended = (last->flags & BUFFER_FLAG_FLUSH) && last->facts == CARVE_NONE;
    return last->offset + last->size == b->offset && last->session != CARVE_NONE && !ended;
}

static bool joins_the_last(grouping *g, u32 index)
{
    carve *c = g->c;
    if (!stands_behind(c, index))
        return false;
    u32 session = c->buffers[index - 1].session;
    const carve_session *s = &c->sessions[session];
    const carve_buffer *b = &c->buffers[index];
    bool merged = s->header != CARVE_NONE && c->buffers[s->header].logger_id == 0;
    if (!same_kind(c, s, b) && !(merged && (b->form != COMPRESSION_NONE || b->size == s->buffer_size)))
        return false;
    if (b->events && clock_distance(c, s, b) < 0)
        return false;
    put_in(g, session, index, CARVE_FOLLOWS);
    return true;
}

// The session that began last before the buffer, of those it fits.
static void join_by_clock(grouping *g, u32 index)
{
    carve *c = g->c;
    const carve_buffer *b = &c->buffers[index];
    u32 best = CARVE_NONE;
    i64 distance = INT64_MAX;
    for (u32 i = 0; i < c->session_count; i++) {
        const carve_session *s = &c->sessions[i];
        u32 slot;
        if (!same_kind(c, s, b))
            continue;
        u32 other = taken_find(g, i, b->sequence, &slot);
        if (other != CARVE_NONE && !same_buffer(&c->buffers[other], b))
            continue;
        i64 d = clock_distance(c, s, b);
        bool headed = s->header != CARVE_NONE,
             best_headed = best != CARVE_NONE && c->sessions[best].header != CARVE_NONE;
        if (d < 0 || (best_headed && !headed) || (d >= distance && headed == best_headed))
            continue;
        best = i;
        distance = d;
    }
    if (best == CARVE_NONE)
        begin_session(g, index, CARVE_FIRST);
    else
        put_in(g, best, index, c->sessions[best].header == CARVE_NONE ? CARVE_COMPANY : CARVE_CLOCK);
}

void carve_group(carve *c)
{
    grouping g = {.c = c};
    u32 slots = 16;
    while (slots < c->count * HASH_FACTOR)
        slots *= 2;
    g.taken.slots = mem_alloc(slots * sizeof(u32));
    memset(g.taken.slots, 0xff, slots * sizeof(u32));
    g.taken.mask = slots - 1;
    for (u32 i = 0; i < c->count; i++) {
        if (c->buffers[i].facts != CARVE_NONE)
            place_header(&g, i);
        else
            (void)joins_the_last(&g, i);
    }
    for (u32 i = 0; i < c->count; i++)
        if (c->buffers[i].session == CARVE_NONE && !joins_the_last(&g, i))
            join_by_clock(&g, i);
    mem_free(g.taken.slots);
}
