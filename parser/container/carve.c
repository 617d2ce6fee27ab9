#include "container/carve.h"

#include "base/limits.h"
#include "container/carve_proof.h"
#include "container/event.h"

enum {
    BAD_BLOCK = 4096, // passed over where the medium gives nothing
    REPORT_BYTES = 64 << 20,
};

// ---------------------------------------------------------------------------------------------- candidates

// Buffers are told from noise by bytes of WMI_BUFFER_HEADER that are nearly always zero: BufferFlag (0x34) has 7 bits,
// BufferType (0x36) 3, ReferenceCount (0x0c) 16, BufferSize (0x00) 24. All tests look at 8 places at once: a byte of
// the result is zero where the place passes. Buffers stand anywhere: in memory, in archives that only store.
static inline u64 misses_any(const u8 *p)
{
    return load_u64(p + 0x35) | load_u64(p + 0x37);
}

// Also what is used (0x30) has 24 bits, or is all of the largest size, and sizes are multiples of 8 but for compressed
// buffers, whose flag is 0x40.
static inline u64 misses(const u8 *p)
{
    const u64 all = 0x0101010101010101, flags = load_u64(p + 0x34), packed = flags >> 6 & all;
    return misses_any(p) | ((load_u64(p + 0x03) | load_u64(p + 0x33)) & all * 0xfe) | load_u64(p + 0x0e) |
           load_u64(p + 0x0f) | (load_u64(p + 0x36) & all * 0xf8) | (flags & all * 0x80) |
           (load_u64(p) & all * 7 & ~(packed * 7));
}

// In zeros all places pass, and none has a size.
static inline bool has_sizes(const u8 *p)
{
    return load_u64(p) | load_u64(p + 3);
}

// With a possible size, and empty, compressed, or with what may be a record.
static inline bool may_be_buffer(const u8 *p)
{
    u32 size = load_u32(p), used = load_u32(p + 0x30);
    u8 mark = p[BUFFER_HEADER_BYTES + 3];
    if (size < BUFFER_HEADER_BYTES || size > LIMIT_BUFFER_BYTES)
        return false;
    used = used ? used : load_u32(p + 0x04);
    return mark == MARK_EVENT || mark == MARK_MESSAGE || used == BUFFER_HEADER_BYTES ||
           p[0x34] & BUFFER_FLAG_COMPRESSED;
}

static inline bool has_zero_byte(u64 v)
{
    const u64 all = 0x0101010101010101;
    return ((v - all) & ~v & all * 0x80) != 0;
}

static inline bool looks_like_record(const u8 *p)
{
    if ((p[3] - MARK_MESSAGE) & 0xcf) // neither of the two marks, nor one between them
        return false;
    return (p[3] == MARK_EVENT && p[2] < HEADER_KINDS && HEADER_FACTS[p[2]].bytes) || p[3] == MARK_MESSAGE;
}

// The first of 8 places from `from` on and before `to` where a buffer may begin; `to` where there is none.
static inline size_t buffer_in_row(const u8 *p, size_t from, size_t to)
{
    if (!has_zero_byte(misses_any(p)) || !has_sizes(p))
        return to;
    u64 missed = misses(p);
    if (!has_zero_byte(missed))
        return to;
    for (size_t i = from; i < to; i++)
        if ((missed >> 8 * i & 0xff) == 0 && may_be_buffer(p + i))
            return i;
    return to;
}

// The next place from `at` on and before `end` where a buffer may begin, or a record, at multiples of 8 or `phase`
// bytes behind them; `end` where there is none. 80 bytes after `end` are readable; multiples of 8 are multiples of 8 in
// the image.
static size_t next_candidate(const u8 *window, size_t at, size_t end, u32 phase)
{
    for (size_t row = at & ~(size_t)7, from = at & 7; row < end; row += 8, from = 0) {
        const u8 *p = window + row;
        if (!from && looks_like_record(p))
            return row;
        size_t to = phase && phase >= from && looks_like_record(p + phase) ? phase : 8,
               place = buffer_in_row(p, from, to);
        if (place < 8)
            return row + place < end ? row + place : end;
    }
    return end;
}

// ---------------------------------------------------------------------------------------------- what was found

static void add_buffer(carve *c, const carve_buffer *b)
{
    if (c->count >= LIMIT_CARVED_BUFFERS) {
        c->refused++;
        return;
    }
    carve_buffer *last = c->count ? &c->buffers[c->count - 1] : NULL;
    if (last && last->offset + last->here > b->offset)
        prove_end(last, b->offset);
    GROW(c->buffers, c->count, c->cap);
    c->buffers[c->count++] = *b;
}

// Events after a damaged place of the buffer found last are its own where they are later and lead exactly to its end.
static bool continues_last(carve *c, const carve_orphans *o)
{
    carve_buffer *b = c->count ? &c->buffers[c->count - 1] : NULL;
    if (!b || b->intact || b->form != COMPRESSION_NONE || b->tail || o->offset >= b->offset + b->used)
        return false;
    u64 at = o->offset - b->offset;
    bool is_flushed_before = b->time_stamp >= b->last_time && o->last_time > b->time_stamp;
    if (at < b->good_end || at + o->end != ((b->used + 7u) & ~7u) || o->first_time < b->last_time || is_flushed_before)
        return false;
    b->tail = (u32)at;
    b->events += (u32)o->events + (o->end > o->bytes);
    b->last_time = o->last_time;
    return true;
}

// How many of these bytes are not those of the buffer found last.
static u64 bytes_outside(const carve *c, u64 offset, u64 bytes)
{
    const carve_buffer *last = c->count ? &c->buffers[c->count - 1] : NULL;
    u64 end = last ? last->offset + last->here : 0;
    if (end <= offset)
        return bytes;
    return end - offset < bytes ? bytes - (end - offset) : 0;
}

static void add_orphans(carve *c, const carve_orphans *o)
{
    c->orphan_places++;
    c->orphan_events += o->events;
    c->orphan_bytes += bytes_outside(c, o->offset, o->bytes);
    if (c->orphan_count >= LIMIT_DAMAGE_NOTES)
        return;
    GROW(c->orphans, c->orphan_count, c->orphan_cap);
    c->orphans[c->orphan_count++] = *o;
}

// ---------------------------------------------------------------------------------------------- the scan

// How many bytes from a buffer on hold no other one. Compressed streams are looked into no further; after a chain that
// breaks another buffer may have begun.
static u32 bytes_taken(const carve_buffer *b)
{
    if (b->form != COMPRESSION_NONE)
        return b->intact ? b->size : BUFFER_HEADER_BYTES;
    return b->good_end;
}

static void read_facts(carve_prover *p, carve_buffer *b)
{
    carve *c = p->carve;
    trace_facts facts;
    if (!trace_facts_read(view_at(p->view, b->offset, b->used), &c->arena, &facts))
        return;
    GROW(c->facts, c->facts_count, c->facts_cap);
    c->facts[c->facts_count] = facts;
    b->facts = c->facts_count++;
}

// By how many bytes records of the buffer found last are off the image's multiples of 8.
static u32 phase_at(const carve *c, u64 at)
{
    const carve_buffer *last = c->count ? &c->buffers[c->count - 1] : NULL;
    return last && at < last->offset + last->size ? last->offset & 7 : 0;
}

// Looks at one place. Returns how many bytes from it on need no further look.
static u64 look_at(carve_prover *p, u64 offset, const u8 *place)
{
    carve_buffer b;
    carve_orphans o;
    if (prove_buffer(p, offset, place, &b)) {
        if (b.is_header)
            read_facts(p, &b);
        add_buffer(p->carve, &b);
        return bytes_taken(&b);
    }
    if ((offset % 8 && offset % 8 != phase_at(p->carve, offset)) || !looks_like_record(place) ||
        !prove_orphans(p, offset, &o))
        return 1;
    if (continues_last(p->carve, &o))
        return o.end;
    add_orphans(p->carve, &o);
    return o.bytes + 8; // the last one may be torn, and another buffer begin in it
}

// All places of the window. Returns where in the image to go on.
static u64 scan_window(carve_prover *p, u64 at)
{
    const image_part *w = &p->view->window;
    u64 end = w->offset + (w->len < VIEW_WINDOW ? w->len : VIEW_WINDOW);
    while (at < end) {
        size_t place =
            next_candidate(w->bytes, (size_t)(at - w->offset), (size_t)(end - w->offset), phase_at(p->carve, at));
        at = w->offset + place;
        if (at < end)
            at += look_at(p, at, w->bytes + place);
    }
    return at;
}

// Where to go on after a window that the medium did not give whole: at `next`, unless that cannot be read either.
static u64 after_bad_block(carve *c, const image_part *window, u64 next)
{
    u64 bad = window->offset + window->len, block = (bad / BAD_BLOCK + 1) * BAD_BLOCK;
    block = block < c->image->bytes ? block : c->image->bytes;
    if (next >= block)
        return next;
    c->unreadable += block - bad;
    c->unreadable_outside += bytes_outside(c, bad, block - bad);
    return block;
}

bool carve_scan(carve *c, carve_progress *progress, void *context)
{
    image_view view;
    view_begin(&view, c->image);
    carve_prover p = {.carve = c, .view = &view};
    bool goes_on = true;
    u64 reported = 0;
    for (u64 at = 0; goes_on && at < c->image->bytes;) {
        view_move(&view, at & ~(u64)7);
        u64 next = scan_window(&p, at);
        if (view.window.failed && view.window.len < VIEW_WINDOW)
            next = after_bad_block(c, &view.window, next);
        if (next <= at)
            break; // the image has shrunk
        at = next;
        if (progress && at - reported >= REPORT_BYTES) {
            reported = at;
            goes_on = progress(context, at, c->image->bytes);
        }
    }
    prover_free(&p);
    view_end(&view);
    return goes_on;
}

void carve_free(carve *c)
{
    mem_free(c->buffers);
    mem_free(c->facts);
    mem_free(c->sessions);
    mem_free(c->orphans);
    arena_free(&c->arena);
}
