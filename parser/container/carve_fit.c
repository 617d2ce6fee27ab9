// Which sessions a piece can belong to (carve_group.h).
#include "base/bisect.h"
#include "base/sort.h"
#include "container/carve_group.h"
#include "container/chain.h"

enum {
    FLUSHED_LATE = 3600, // seconds after its last event: sessions of few events may be flushed at their end only
    SECOND = 10000000,
    // How far events lie outside of their session, in 100 ns: no event before the start was seen, 3 ms after the end,
    // 3 s in merged traces. EndTime is of the system's clock, which is set against the events' by a part of:
    IN_FLIGHT = SECOND / 20,
    MERGED_LATE = 5 * SECOND,
    CLOCK_DRIFT = 1000,
};

i64 time_minus(i64 a, i64 b)
{
    i64 d;
    if (__builtin_sub_overflow(a, b, &d))
        return a < b ? INT64_MIN : INT64_MAX;
    return d;
}

bool is_flush_date(i64 time_stamp)
{
    return time_stamp > 0x01bf53eb256d4000 && time_stamp < 0x02300cbf5a7b4000;
}

const trace_facts *session_facts(const carve *c, const carve_session *s)
{
    return s->header == CARVE_NONE ? NULL : &c->facts[c->buffers[s->header].facts];
}

// ---------------------------------------------------------------------------------------------- what must be

bool fits_kind(const carve *c, const carve_session *s, const carve_buffer *b)
{
    const trace_facts *f = session_facts(c, s);
    bool header_only = f && s->buffers == 1;
    // Merged traces have 0 as the header's logger, or anything in the others.
    if (s->logger_id != b->logger_id && !(header_only && s->logger_id == 0))
        return false;
    bool is_packed = b->form != COMPRESSION_NONE;
    bool all_packed = f ? f->log_file_mode & LOG_FILE_MODE_COMPRESSED : s->form != COMPRESSION_NONE;
    if (!b->events && all_packed) // it is as small as it can be
        return true;
    if (is_packed != all_packed && (f || s->events))
        return false;
    return is_packed ? !s->buffer_size || b->used <= s->buffer_size : b->size == s->buffer_size;
}

static i64 ticks_of(const trace_facts *f, u64 hundred_ns)
{
    double ticks = (double)f->clock.frequency / SECOND * (double)hundred_ns;
    return ticks < (double)INT64_MAX ? (i64)ticks : INT64_MAX;
}

// The slacks are in 100 ns.
static bool is_within(const trace_facts *f, i64 first, i64 last, u64 before_start, u64 after_end)
{
    if (time_minus(first, f->header_time) < -ticks_of(f, before_start))
        return false;
    return !f->end_time || time_minus(clock_filetime(&f->clock, last), f->end_time) <= (i64)after_end;
}

bool is_while_it_runs(const trace_facts *f, i64 first, i64 last)
{
    u64 length = f->end_time > f->start_time ? (u64)f->end_time - (u64)f->start_time : 0;
    bool is_merged = f->log_file_mode & LOG_FILE_MODE_RELOG;
    return is_within(f, first, last, IN_FLIGHT, is_merged ? MERGED_LATE : IN_FLIGHT + length / CLOCK_DRIFT);
}

bool fits_clock(const carve *c, const carve_session *s, i64 first, i64 last)
{
    const trace_facts *f = session_facts(c, s);
    if (f)
        return is_within(f, first, last, (u64)SLACK_SECONDS * SECOND, (u64)SLACK_SECONDS * SECOND);
    return !s->events ||
           (time_minus(first, s->last_time) <= (i64)CHAIN_NEAR && time_minus(s->first_time, last) <= (i64)CHAIN_NEAR);
}

bool flushes_agree(const carve_buffer *a, const carve_buffer *b)
{
    if (!a->events || !b->events || !is_flush_date(a->time_stamp) || !is_flush_date(b->time_stamp))
        return true;
    // No clock of a session is slower than 1 MHz.
    u64 flushed = time_apart(a->time_stamp, b->time_stamp), logged = time_apart(a->last_time, b->last_time);
    return logged > UINT64_MAX / 16 || flushed <= logged * 10 + (u64)FLUSHED_LATE * SECOND;
}

u32 taken_by(const grouping *g, u32 session, u64 sequence)
{
    const carve_buffer *buffers = g->c->buffers;
    u32 found;
    MAP_FIND(found, &g->taken, hash_more(hash_u64(sequence), &session, sizeof(session)),
             buffers[index_].session == session && buffers[index_].sequence == sequence);
    return found;
}

// ---------------------------------------------------------------------------------------------- evidence

bool says_otherwise(const carve *c, const carve_session *s, const carve_buffer *b)
{
    const trace_facts *f = session_facts(c, s);
    bool is_counted = f->end_time && f->buffers_written && !f->buffers_lost &&
                      !(f->log_file_mode & (LOG_FILE_MODE_CIRCULAR | LOG_FILE_MODE_NEWFILE | LOG_FILE_MODE_APPEND));
    if (is_counted && b->sequence >= f->buffers_written)
        return true;
    if (!b->events || !is_flush_date(b->time_stamp))
        return false;
    if (s->dated != CARVE_NONE && !flushes_agree(&c->buffers[s->dated], b))
        return true;
    return time_minus(clock_filetime(&f->clock, b->last_time), b->time_stamp) > (i64)SLACK_SECONDS * SECOND;
}

// A merged trace has the date of merging in all its buffers. Where none is known to be the session's, a date so late
// may as well be another session's.
static bool is_flushed_late(const carve *c, const carve_session *s, const carve_buffer *b)
{
    const trace_facts *f = session_facts(c, s);
    return b->events && is_flush_date(b->time_stamp) && s->dated == CARVE_NONE &&
           time_minus(b->time_stamp, clock_filetime(&f->clock, b->last_time)) > (i64)FLUSHED_LATE * SECOND;
}

// In ticks of the session's clock, as in files that were not converted.
static bool is_flushed_after_end(const trace_facts *f, const carve_buffer *b)
{
    return f->end_time && b->time_stamp > b->last_time && !is_flush_date(b->time_stamp) &&
           time_minus(clock_filetime(&f->clock, b->time_stamp), f->end_time) > MERGED_LATE;
}

int compare_places(const carve_buffer *a, u32 session, const carve_buffer *b)
{
    if (a->session != session)
        return a->session < session ? -1 : 1;
    if (a->processor != b->processor)
        return a->processor < b->processor ? -1 : 1;
    return a->sequence < b->sequence ? -1 : a->sequence > b->sequence;
}

// Whether the buffer's times are between those of its neighbours by number on its processor, of the session.
static bool is_in_order(const grouping *g, u32 session, const carve_buffer *b)
{
    u32 low;
    BISECT(low, 0, g->order_count, compare_places(g->order[index_], session, b) < 0);
    const carve_buffer *before = low ? g->order[low - 1] : NULL;
    const carve_buffer *after = low < g->order_count ? g->order[low] : NULL;
    if (before && before->session == session && before->processor == b->processor && before->last_time > b->first_time)
        return false;
    return !(after && after->session == session && after->processor == b->processor &&
             after->first_time < b->last_time);
}

static bool fits_buffers(const grouping *g, const carve_piece *p, u32 session)
{
    const carve_session *s = &g->c->sessions[session];
    for (u32 i = p->first; i < p->first + p->count; i++) {
        const carve_buffer *b = &g->c->buffers[g->members[i]];
        if (b->duplicate_of == CARVE_NONE &&
            (says_otherwise(g->c, s, b) || taken_by(g, session, b->sequence) != CARVE_NONE))
            return false;
    }
    return true;
}

static bool has_evidence_against(const grouping *g, const carve_piece *p, u32 session)
{
    const carve *c = g->c;
    const trace_facts *f = session_facts(c, &c->sessions[session]);
    if (p->events && !is_while_it_runs(f, p->first_time, p->last_time))
        return true;
    for (u32 i = p->first; i < p->first + p->count; i++) {
        const carve_buffer *b = &c->buffers[g->members[i]];
        if (b->duplicate_of == CARVE_NONE && b->events && (is_flushed_after_end(f, b) || !is_in_order(g, session, b)))
            return true;
    }
    return false;
}

// ---------------------------------------------------------------------------------------------- the choice

// One machine between one start and the next: ticks mean the same times, and a logger's number is one session's at a
// time.
static bool same_boot(const trace_facts *a, const trace_facts *b)
{
    i64 there = clock_filetime(&a->clock, b->clock.base_time);
    return a->clock.frequency == b->clock.frequency && a->os_build == b->os_build && a->processors == b->processors &&
           time_apart(a->boot_time, b->boot_time) < (u64)SLACK_SECONDS * SECOND &&
           time_apart(there, b->clock.base_filetime) < (u64)SLACK_SECONDS * SECOND;
}

// The session that began last, where all are of one logger and one boot, and this one began before the piece; else
// CARVE_NONE.
static u32 last_begun(const carve *c, const carve_piece *p, const u32 *sessions, u32 count)
{
    u32 best = sessions[0];
    const trace_facts *f = session_facts(c, &c->sessions[best]);
    bool is_unique = true;
    for (u32 i = 1; i < count; i++) {
        const carve_session *s = &c->sessions[sessions[i]];
        const trace_facts *other = session_facts(c, s);
        if (!s->logger_id || s->logger_id != c->sessions[best].logger_id || !same_boot(f, other))
            return CARVE_NONE;
        if (other->header_time >= f->header_time) {
            is_unique = other->header_time > f->header_time;
            best = sessions[i];
            f = other;
        }
    }
    return is_unique && p->events && p->first_time >= f->header_time ? best : CARVE_NONE;
}

void sessions_that_fit(const grouping *g, const carve_piece *p, piece_fit *out)
{
    const carve *c = g->c;
    const carve_buffer *b = &c->buffers[g->members[p->first]];
    out->count = out->unopposed_count = 0;
    for (u32 i = 0; i < g->headed_count && out->count < MAY_BE_MOST; i++) {
        const carve_session *s = &c->sessions[i];
        if (!fits_kind(c, s, b) || !fits_times(c, s, p) || !fits_buffers(g, p, i))
            continue;
        out->may_be[out->count++] = i;
        if (!is_flushed_late(c, s, b) && !has_evidence_against(g, p, i))
            out->unopposed[out->unopposed_count++] = i;
    }
    out->proven = CARVE_NONE;
    if (out->unopposed_count == 1 && out->count < MAY_BE_MOST)
        out->proven = out->unopposed[0];
    else if (out->unopposed_count > 1 && out->count < MAY_BE_MOST)
        out->proven = last_begun(c, p, out->unopposed, out->unopposed_count);
}

// Whether they are one buffer of a session, with other contents: one of the two is damaged.
static bool is_other_copy(const carve_buffer *a, const carve_buffer *b)
{
    return a->processor == b->processor && a->size == b->size && a->time_stamp == b->time_stamp &&
           (a->time_stamp || a->first_time == b->first_time);
}

static bool has_other_copies(const grouping *g, const carve_piece *p, u32 session)
{
    for (u32 i = p->first; i < p->first + p->count; i++) {
        const carve_buffer *b = &g->c->buffers[g->members[i]];
        u32 there = b->duplicate_of == CARVE_NONE ? taken_by(g, session, b->sequence) : CARVE_NONE;
        if (b->duplicate_of == CARVE_NONE && (there == CARVE_NONE || !is_other_copy(b, &g->c->buffers[there])))
            return false;
    }
    return true;
}

void sessions_with_other_copies(const grouping *g, const carve_piece *p, piece_fit *out)
{
    for (u32 i = 0; i < g->headed_count && out->count < MAY_BE_MOST; i++)
        if (fits_kind(g->c, &g->c->sessions[i], &g->c->buffers[g->members[p->first]]) && has_other_copies(g, p, i))
            out->may_be[out->count++] = i;
}
