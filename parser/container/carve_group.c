#include "container/carve_group.h"

#include <string.h>

#include "base/limits.h"
#include "base/sort.h"

enum { ROUNDS = 4 }; // of placing pieces: each may rule out sessions for the next

const char *carve_reason_text(carve_reason reason)
{
    static const char *const TEXTS[] = {
        [CARVE_HEADER] = "a header buffer: its trace header event starts the session",
        [CARVE_FOLLOWS] = "in a row with other buffers of the session",
        [CARVE_CLOCK] = "logger, buffer size and time fit this session only, its sequence number was missing there",
        [CARVE_EVIDENCE] = "several sessions fit; numbers, flush times and the order of events allow this one only",
        [CARVE_COMPANY] = "no header survives; logger, buffer size and time fit the session's other buffers",
        [CARVE_FIRST] = "no header survives; the first buffer found of its session",
        [CARVE_AMBIGUOUS] = "ambiguous: several sessions fit, and nothing says which one it belongs to",
        [CARVE_OTHERWISE] =
            "ambiguous: the session has this buffer with other contents, and nothing says which is right",
        [CARVE_REST] = "more sessions than are kept apart: the rest is together in the last file",
        [CARVE_DUPLICATE] = "the session has the same bytes from another place",
    };
    return TEXTS[reason];
}

// ---------------------------------------------------------------------------------------------- headers

static u64 hash_facts(const trace_facts *f)
{
    const u64 is[] = {(u64)f->start_time,
                      (u64)f->header_time,
                      (u64)f->boot_time,
                      f->perf_frequency,
                      (u64)f->buffer_size << 32 | f->os_build,
                      (u64)f->processors << 32 | f->pointer_size};
    u64 hash = hash_more(hash_bytes(is, sizeof(is)), f->session, strlen(f->session));
    return hash_more(hash, f->log_file, strlen(f->log_file));
}

// All but what is written again when a session stops.
static bool same_facts(const trace_facts *a, const trace_facts *b)
{
    return a->start_time == b->start_time && a->header_time == b->header_time && a->boot_time == b->boot_time &&
           a->perf_frequency == b->perf_frequency && a->buffer_size == b->buffer_size && a->os_build == b->os_build &&
           a->processors == b->processors && a->pointer_size == b->pointer_size &&
           strcmp(a->session, b->session) == 0 && strcmp(a->log_file, b->log_file) == 0;
}

// A header buffer is written again when its session stops: then with the end's time.
static void find_header(grouping *g, u32 index)
{
    carve *c = g->c;
    carve_buffer *b = &c->buffers[index];
    const trace_facts *f = &c->facts[b->facts];
    u64 hash = hash_facts(f);
    u32 known;
    MAP_FIND(known, &g->headers, hash, same_facts(f, &c->facts[c->buffers[index_].facts]));
    if (known == MAP_NONE) {
        map_add(&g->headers, hash, index);
        return;
    }
    carve_buffer *other = &c->buffers[known];
    bool is_better = f->end_time && !c->facts[other->facts].end_time;
    if (b->begins != other->begins) // what follows the trace header event
        return;
    if (!is_better) {
        b->reason = CARVE_DUPLICATE;
        b->duplicate_of = known;
        return;
    }
    other->reason = CARVE_DUPLICATE;
    other->duplicate_of = index;
    map_remove(&g->headers, hash, known);
    map_add(&g->headers, hash, index);
}

static void find_headers(grouping *g)
{
    carve *c = g->c;
    for (u32 i = 0; i < c->count; i++)
        if (c->buffers[i].facts != CARVE_NONE && c->buffers[i].duplicate_of == CARVE_NONE)
            find_header(g, i);
    for (u32 i = 0; i < c->count; i++) // a copy of a header that is a copy now
        for (carve_buffer *b = &c->buffers[i];
             b->duplicate_of != CARVE_NONE && c->buffers[b->duplicate_of].duplicate_of != CARVE_NONE;)
            b->duplicate_of = c->buffers[b->duplicate_of].duplicate_of;
}

// ---------------------------------------------------------------------------------------------- placing

static u64 place_hash(u32 session, u64 sequence)
{
    return hash_more(hash_u64(sequence), &session, sizeof(session));
}

static void put_buffer(grouping *g, u32 session, u32 index, carve_reason reason)
{
    carve *c = g->c;
    carve_session *s = &c->sessions[session];
    carve_buffer *b = &c->buffers[index];
    if (b->reason == CARVE_DUPLICATE) // it goes where the one is that is kept
        return;
    b->session = session;
    b->reason = reason;
    if (taken_by(g, session, b->sequence) == CARVE_NONE)
        map_add(&g->taken, place_hash(session, b->sequence), index);
    if (b->facts == CARVE_NONE && (s->buffers == 0 || (s->buffers == 1 && s->header != CARVE_NONE)))
        s->logger_id = b->logger_id;
    if (b->events && (!s->events || b->first_time < s->first_time))
        s->first_time = b->first_time;
    if (b->events && (!s->events || b->last_time > s->last_time))
        s->last_time = b->last_time;
    if (!s->events)
        s->form = b->form;
    if (s->dated == CARVE_NONE && b->events && is_flush_date(b->time_stamp))
        s->dated = index;
    s->events += b->events;
    s->buffers++;
    c->rest += reason == CARVE_REST;
}

// All of it: the first buffer for `reason`, the others since they are in a row with it.
static void put_piece(grouping *g, u32 session, u32 piece, carve_reason reason)
{
    carve_piece *p = &g->pieces[piece];
    p->session = session;
    g->c->sessions[session].pieces++;
    bool for_all = reason == CARVE_AMBIGUOUS || reason == CARVE_OTHERWISE || reason == CARVE_REST;
    for (u32 i = p->first; i < p->first + p->count; i++) {
        u32 index = g->members[i];
        if (index == g->c->sessions[session].header || g->c->buffers[index].reason == CARVE_DUPLICATE)
            continue;
        put_buffer(g, session, index, reason);
        reason = for_all ? reason : CARVE_FOLLOWS;
    }
}

static u32 begin_session(grouping *g, u32 first)
{
    carve *c = g->c;
    if (c->session_count == LIMIT_CARVED_SESSIONS)
        return CARVE_NONE;
    const carve_buffer *b = &c->buffers[first];
    GROW(c->sessions, c->session_count, c->session_cap);
    c->sessions[c->session_count] = (carve_session){.header = CARVE_NONE,
                                                    .dated = CARVE_NONE,
                                                    .first = first,
                                                    .logger_id = b->logger_id,
                                                    .form = b->form,
                                                    .buffer_size = b->form == COMPRESSION_NONE ? b->size : 0};
    return c->session_count++;
}

static void begin_headed(grouping *g, u32 index)
{
    carve *c = g->c;
    u32 piece = g->piece_of[index], session = begin_session(g, index);
    if (session == CARVE_NONE)
        return;
    carve_session *s = &c->sessions[session];
    s->header = index;
    s->buffer_size = c->facts[c->buffers[index].facts].buffer_size;
    put_buffer(g, session, index, CARVE_HEADER);
    if (g->header[group_root(g, index)] == index)
        put_piece(g, session, piece, CARVE_FOLLOWS);
}

// ---------------------------------------------------------------------------------------------- pieces without header

static int by_place(const void *a, const void *b)
{
    const carve_buffer *x = *(carve_buffer *const *)a, *y = *(carve_buffer *const *)b;
    return compare_places(x, y->session, y);
}

// What is placed, by session, processor and number.
static void sort_placed(grouping *g)
{
    carve *c = g->c;
    g->order_count = 0;
    for (u32 i = 0; i < c->count; i++) {
        carve_buffer *b = &c->buffers[i];
        if (b->session != CARVE_NONE && b->events && b->duplicate_of == CARVE_NONE &&
            i != c->sessions[b->session].header)
            g->order[g->order_count++] = b;
    }
    sort_in_place(g->order, g->order_count, sizeof(*g->order), by_place);
}

// Claims the numbers of the piece in the session. Where another piece has claimed one, neither gets it.
static void claim(grouping *g, u32 piece, map *claims)
{
    carve *c = g->c;
    carve_piece *p = &g->pieces[piece];
    for (u32 i = p->first; i < p->first + p->count; i++) {
        u32 index = g->members[i], other;
        const carve_buffer *b = &c->buffers[index];
        if (b->duplicate_of != CARVE_NONE)
            continue;
        u64 hash = place_hash(p->proposed, b->sequence);
        MAP_FIND(other, claims, hash,
                 c->buffers[index_].sequence == b->sequence && g->pieces[g->piece_of[index_]].proposed == p->proposed);
        if (other == MAP_NONE)
            map_add(claims, hash, index);
        else if (g->piece_of[other] != piece)
            p->is_contested = g->pieces[g->piece_of[other]].is_contested = true;
    }
}

// The piece that claims one of the numbers of another piece in a session; CARVE_NONE: nobody does.
static u32 claimant(const grouping *g, const carve_piece *p, u32 session, const map *claims)
{
    const carve_buffer *buffers = g->c->buffers;
    for (u32 i = p->first; i < p->first + p->count; i++) {
        const carve_buffer *b = &buffers[g->members[i]];
        u32 found;
        if (b->duplicate_of != CARVE_NONE)
            continue;
        MAP_FIND(found, claims, place_hash(session, b->sequence),
                 buffers[index_].sequence == b->sequence && g->pieces[g->piece_of[index_]].proposed == session);
        if (found != MAP_NONE)
            return g->piece_of[found];
    }
    return CARVE_NONE;
}

// A piece that may be of several sessions, in all of which others claim its numbers: one of them all is of a session
// without a header, and which cannot be known.
static void defend(grouping *g, u32 piece, const map *claims)
{
    const carve_piece *p = &g->pieces[piece];
    piece_fit fit;
    sessions_that_fit(g, p, &fit);
    for (u32 i = 0; i < fit.unopposed_count; i++)
        if (claimant(g, p, fit.unopposed[i], claims) == CARVE_NONE)
            return;
    for (u32 i = 0; i < fit.unopposed_count; i++)
        g->pieces[claimant(g, p, fit.unopposed[i], claims)].is_contested = true;
}

static carve_piece piece_of_one(const grouping *g, u32 member)
{
    const carve_buffer *b = &g->c->buffers[g->members[member]];
    return (carve_piece){
        .first = member, .count = 1, .first_time = b->first_time, .last_time = b->last_time, .events = b->events};
}

// Buffers in a row that no session fits together: where one of them alone fits one, the row may be of two.
static void fit_members(const grouping *g, const carve_piece *p, piece_fit *out)
{
    for (u32 i = 0; p->count > 1 && !out->count && i < p->count; i++) {
        carve_piece one = piece_of_one(g, p->first + i);
        if (g->c->buffers[g->members[one.first]].duplicate_of == CARVE_NONE)
            sessions_that_fit(g, &one, out);
    }
}

// Two or three buffers may lie next to each other by chance, the end of one file before the middle of another.
static bool is_doubtful(const grouping *g, const carve_piece *p)
{
    enum { FEW = 4 };
    piece_fit first, other;
    u32 seen = 0;
    bool differ = false;
    for (u32 i = 0; i < p->count && seen < FEW; i++) {
        carve_piece one = piece_of_one(g, p->first + i);
        if (g->c->buffers[g->members[one.first]].duplicate_of != CARVE_NONE)
            continue;
        sessions_that_fit(g, &one, seen ? &other : &first);
        if (seen++)
            differ = differ || other.count != first.count ||
                     memcmp(other.may_be, first.may_be, first.count * sizeof(u32)) != 0;
    }
    return differ && seen < FEW;
}

static void find_doubtful(grouping *g)
{
    for (u32 i = 0; i < g->piece_count; i++)
        if (g->pieces[i].session == CARVE_NONE)
            g->pieces[i].is_doubtful = is_doubtful(g, &g->pieces[i]);
}

// Returns how many were placed.
static u32 place_round(grouping *g)
{
    u32 placed = 0;
    piece_fit fit;
    map claims = {0};
    sort_placed(g);
    for (u32 i = 0; i < g->piece_count; i++) {
        carve_piece *p = &g->pieces[i];
        p->is_contested = false;
        if (p->session != CARVE_NONE)
            continue;
        sessions_that_fit(g, p, &fit);
        p->fits = fit.count;
        p->proposed = p->is_doubtful ? CARVE_NONE : fit.proven;
    }
    for (u32 i = 0; i < g->piece_count; i++)
        if (g->pieces[i].session == CARVE_NONE && g->pieces[i].proposed != CARVE_NONE)
            claim(g, i, &claims);
    for (u32 i = 0; i < g->piece_count; i++)
        if (g->pieces[i].session == CARVE_NONE && g->pieces[i].proposed == CARVE_NONE && g->pieces[i].fits > 1)
            defend(g, i, &claims);
    for (u32 i = 0; i < g->piece_count; i++) {
        const carve_piece *p = &g->pieces[i];
        if (p->session != CARVE_NONE || p->proposed == CARVE_NONE || p->is_contested)
            continue;
        put_piece(g, p->proposed, i, p->fits > 1 ? CARVE_EVIDENCE : CARVE_CLOCK);
        placed++;
    }
    map_free(&claims);
    return placed;
}

// ---------------------------------------------------------------------------------------------- sessions without
// header

static bool is_free_for(const grouping *g, const carve_piece *p, u32 session)
{
    for (u32 i = p->first; i < p->first + p->count; i++) {
        const carve_buffer *b = &g->c->buffers[g->members[i]];
        if (b->duplicate_of == CARVE_NONE && taken_by(g, session, b->sequence) != CARVE_NONE)
            return false;
    }
    return true;
}

// The nearest session without a header that the piece fits. *rivals: there is one that it fits but for numbers that are
// taken there by other contents.
static u32 company_of(grouping *g, u32 piece, bool *rivals)
{
    carve *c = g->c;
    const carve_piece *p = &g->pieces[piece];
    const carve_buffer *b = &c->buffers[g->members[p->first]];
    u32 best = CARVE_NONE;
    u64 distance = UINT64_MAX;
    *rivals = false;
    for (u32 i = g->headed_count; i < c->session_count; i++) {
        carve_session *s = &c->sessions[i];
        if (s->may_be_count || !fits_kind(c, s, b) || !fits_times(c, s, p) || !flushes_agree(&c->buffers[s->first], b))
            continue;
        if (!is_free_for(g, p, i)) {
            *rivals = s->has_rivals = true;
            continue;
        }
        u64 apart = p->events ? time_apart(p->first_time, s->first_time) : 0;
        if (apart < distance) {
            best = i;
            distance = apart;
        }
    }
    return best;
}

// What may be of other sessions is alone, so that nothing is mixed up.
static void begin_company(grouping *g, u32 piece, const u32 *may_be, u32 may_be_count, carve_reason reason)
{
    carve *c = g->c;
    u32 session = begin_session(g, g->members[g->pieces[piece].first]);
    if (session == CARVE_NONE) {
        put_piece(g, c->session_count - 1, piece, CARVE_REST);
        return;
    }
    carve_session *s = &c->sessions[session];
    if (may_be_count) {
        s->is_ambiguous = true;
        s->may_be_count = may_be_count;
        s->may_be = arena_take_array(&c->arena, may_be_count, sizeof(*may_be));
        memcpy(s->may_be, may_be, may_be_count * sizeof(*may_be));
    }
    put_piece(g, session, piece, may_be_count ? reason : CARVE_FIRST);
}

static void place_rest(grouping *g, u32 piece)
{
    piece_fit fit;
    sessions_that_fit(g, &g->pieces[piece], &fit);
    if (!fit.count)
        fit_members(g, &g->pieces[piece], &fit);
    carve_reason reason = fit.count ? CARVE_AMBIGUOUS : CARVE_OTHERWISE;
    if (!fit.count)
        sessions_with_other_copies(g, &g->pieces[piece], &fit);
    bool rivals = false;
    u32 session = fit.count ? CARVE_NONE : company_of(g, piece, &rivals);
    if (session == CARVE_NONE)
        begin_company(g, piece, fit.may_be, fit.count, reason);
    else
        put_piece(g, session, piece, CARVE_COMPANY);
    carve_session *s = &g->c->sessions[g->pieces[piece].session];
    s->has_rivals = s->has_rivals || rivals;
}

// Where two sessions without a header claim the same numbers, what else is in them may be the other's.
static void mark_rivals(carve *c)
{
    for (u32 i = 0; i < c->session_count; i++) {
        carve_session *s = &c->sessions[i];
        s->is_ambiguous = s->is_ambiguous || (s->has_rivals && s->pieces > 1);
        c->ambiguous += s->is_ambiguous ? s->buffers : 0;
    }
    for (u32 i = 0; i < c->count; i++) {
        carve_buffer *b = &c->buffers[i];
        if (b->reason != CARVE_DUPLICATE && b->reason != CARVE_REST && b->reason != CARVE_OTHERWISE &&
            c->sessions[b->session].is_ambiguous)
            b->reason = CARVE_AMBIGUOUS;
    }
}

// ---------------------------------------------------------------------------------------------- all

static bool has_unplaced(const grouping *g)
{
    for (u32 i = 0; i < g->piece_count; i++)
        if (g->pieces[i].session == CARVE_NONE)
            return true;
    return false;
}

static void count_copies(carve *c)
{
    for (u32 i = 0; i < c->count; i++) {
        carve_buffer *b = &c->buffers[i];
        if (b->duplicate_of == CARVE_NONE)
            continue;
        b->session = c->buffers[b->duplicate_of].session;
        c->sessions[b->session].duplicates++;
    }
}

void carve_group(carve *c)
{
    grouping g = {.c = c};
    g.parent = mem_alloc(c->count * sizeof(u32) + 1);
    g.header = mem_alloc(c->count * sizeof(u32) + 1);
    g.members = mem_alloc(c->count * sizeof(u32) + 1);
    g.piece_of = mem_alloc(c->count * sizeof(u32) + 1);
    g.order = mem_alloc(c->count * sizeof(*g.order) + 1);
    group_find_copies(&g);
    find_headers(&g);
    group_find_runs(&g);
    for (u32 i = 0; i < c->count; i++)
        if (c->buffers[i].facts != CARVE_NONE && c->buffers[i].duplicate_of == CARVE_NONE)
            begin_headed(&g, i);
    g.headed_count = c->session_count;
    find_doubtful(&g);
    for (u32 i = 0; i < ROUNDS && has_unplaced(&g) && place_round(&g);)
        i++;
    for (u32 i = 0; i < g.piece_count; i++)
        if (g.pieces[i].session == CARVE_NONE)
            place_rest(&g, i);
    mark_rivals(c);
    count_copies(c);
    mem_free(g.parent);
    mem_free(g.header);
    mem_free(g.members);
    mem_free(g.piece_of);
    mem_free(g.order);
    mem_free(g.pieces);
    map_free(&g.taken);
    map_free(&g.headers);
}
