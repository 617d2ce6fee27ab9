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
// the result is zero where the place passes.
static inline u64 misses_any(const u8 *p)
{
    return load_u64(p + 0x35) | load_u64(p + 0x37);
}

// Bit 0x40 of BufferFlag, at any of the places.
static inline bool has_packed_flag(const u8 *p)
{
    return load_u64(p + 0x34) & 0x4040404040404040;
}

static inline u64 misses_packed(const u8 *p)
{
    const u64 all = 0x0101010101010101;
    return misses_any(p) | load_u64(p + 0x03) | load_u64(p + 0x0e) | load_u64(p + 0x0f) |
           (load_u64(p + 0x36) & all * 0xf8) | ((load_u64(p + 0x34) & all * 0xc0) ^ all * 0x40);
}

// Without it, at one place.
static inline bool looks_plain(const u8 *p)
{
    return (load_u32(p + 0x34) & 0xfff8ffc0) == 0 && load_u32(p) >= BUFFER_HEADER_BYTES &&
           load_u32(p) <= LIMIT_BUFFER_BYTES && load_u32(p + 0x0c) <= 0xffff;
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

// The next place from `at` on and before `end` where a buffer or a record may begin; `end` where there is none. 80
// bytes after `end` are readable; multiples of 8 are multiples of 8 in the image.
static size_t next_candidate(const u8 *window, size_t at, size_t end)
{
    for (size_t row = at & ~(size_t)7; row < end; row += 8) {
        const u8 *p = window + row;
        if (looks_like_record(p) && row >= at)
            return row;
        if (!has_zero_byte(misses_any(p)))
            continue;
        if (looks_plain(p) && row >= at)
            return row;
        u64 misses = has_packed_flag(p) ? misses_packed(p) : UINT64_MAX;
        if (!has_zero_byte(misses))
            continue;
        for (size_t i = 0; i < 8; i++, misses >>= 8)
            if ((misses & 0xff) == 0 && row + i >= at && row + i < end)
                return row + i;
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
    if (at < b->good_end || at + o->end != ((b->used + 7u) & ~7u) || o->first_time < b->last_time)
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
    if (offset % 8 != 0 || !looks_like_record(place) || !prove_orphans(p, offset, &o))
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
        size_t place = next_candidate(w->bytes, (size_t)(at - w->offset), (size_t)(end - w->offset));
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
