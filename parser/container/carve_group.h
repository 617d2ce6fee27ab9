// How carved buffers become sessions: what carve_*.c know of each other.
//
// 1. carve_copies.c: buffers with the same content are one; the copies are left out.
// 2. carve_runs.c: buffers that lie in a row, with nothing in them against it, are one piece. So are those a copy ties
//    together. A piece is put into a session as a whole.
// 3. carve_group.c: each header starts a session. A piece goes to the only session it fits; where it fits several
//    (carve_fit.c), to the only one that no evidence is against. Two pieces that claim the same place in a session get
//    neither. What was placed may rule out a session for what was not, so this is done a few times.
// 4. What fits no header forms sessions without one; what fits several with equal right forms others, kept apart, that
//    are said to be ambiguous.
//
// Nothing depends on the order in which buffers lie in the image, but numbers of sessions and which copy is kept.
#ifndef ETWKIT_CARVE_GROUP_H
#define ETWKIT_CARVE_GROUP_H

#include "base/map.h"
#include "container/carve.h"

enum {
    MAY_BE_MOST = 64,    // sessions that fit one piece: more are not looked for
    SLACK_SECONDS = 600, // a buffer lies this far outside its session at most: clocks are set while sessions run
};

// Buffers that belong together.
typedef struct carve_piece {
    u32 first, count; // in grouping.members; copies included
    i64 first_time, last_time;
    u32 events;         // copies are not counted in any of these
    u32 session;        // CARVE_NONE: not yet
    u32 proposed, fits; // of this round: the session it belongs to by evidence, and how many it fits
    bool is_doubtful;   // a short row whose buffers fit different sessions, each alone
    bool is_contested;  // another piece claims the same number in the same session
} carve_piece;

typedef struct grouping {
    carve *c;
    u32 *parent;   // of each buffer: union-find, the root is the lowest index
    u32 *header;   // of each root: the header buffer of its session, CARVE_NONE
    u32 *members;  // buffers by piece
    u32 *piece_of; // of each buffer
    carve_piece *pieces;
    u32 piece_count;
    map taken;            // (session, sequence number) -> buffer that has it
    map headers;          // facts -> header buffer that is kept
    u32 headed_count;     // sessions with a header: the first ones
    carve_buffer **order; // placed buffers by session, processor and sequence number
    u32 order_count;
} grouping;

// ---------------------------------------------------------------------------------------------- carve_copies.c

void group_find_copies(grouping *g);

// ---------------------------------------------------------------------------------------------- carve_runs.c

u32 group_root(grouping *g, u32 buffer);
void group_find_runs(grouping *g);

// ---------------------------------------------------------------------------------------------- carve_fit.c

i64 time_minus(i64 a, i64 b); // saturates
static inline u64 time_apart(i64 a, i64 b)
{
    return a < b ? (u64)b - (u64)a : (u64)a - (u64)b;
}
bool is_flush_date(i64 time_stamp); // a FILETIME of the years 2000 to 2100

const trace_facts *session_facts(const carve *c, const carve_session *s); // NULL: it has no header
// What all buffers of a session share: logger, size, whether they are compressed.
bool fits_kind(const carve *c, const carve_session *s, const carve_buffer *b);
// Whether times can be those of the session, by its header or (where there is none) by its other buffers.
bool fits_clock(const carve *c, const carve_session *s, i64 first, i64 last);
// Between the session's start and its end, as closely as clocks allow.
bool is_while_it_runs(const trace_facts *f, i64 first, i64 last);
static inline bool fits_times(const carve *c, const carve_session *s, const carve_piece *p)
{
    return !p->events || fits_clock(c, s, p->first_time, p->last_time);
}
// Whether two buffers' flush times, where these are dates, allow for one clock.
bool flushes_agree(const carve_buffer *a, const carve_buffer *b);

// The order of g->order: where a buffer would be if it was the session's.
int compare_places(const carve_buffer *placed, u32 session, const carve_buffer *b);

// The buffer of the session with this number, or CARVE_NONE.
u32 taken_by(const grouping *g, u32 session, u64 sequence);

// By how many buffers were written, and by flush times that are dates: the buffer is not the session's.
bool says_otherwise(const carve *c, const carve_session *s, const carve_buffer *b);

// The sessions with a header that a piece fits, at most MAY_BE_MOST; those of them that nothing speaks against; and the
// one it belongs to by evidence, CARVE_NONE where none is, or several are.
typedef struct piece_fit {
    u32 may_be[MAY_BE_MOST], count;
    u32 unopposed[MAY_BE_MOST], unopposed_count;
    u32 proven;
} piece_fit;
void sessions_that_fit(const grouping *g, const carve_piece *p, piece_fit *out);
// Those that have all its buffers already, with other contents: which are right is not known. Adds them to may_be.
void sessions_with_other_copies(const grouping *g, const carve_piece *p, piece_fit *out);

#endif
