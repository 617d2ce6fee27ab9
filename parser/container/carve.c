#include "container/carve.h"

#include <string.h>

#include "base/limits.h"
#include "container/chain.h"
#include "container/event.h"
#include "container/lznt1.h"
#include "container/xpress.h"
#include "container/xpress_huffman.h"

enum {
    CHUNK_BYTES = 4 << 20,
    HEAD_BYTES = BUFFER_HEADER_BYTES + 8,
    BAD_BLOCK = 4096, // passed over where the medium gives nothing
    TELL_BYTES = 64 << 20,
    WINDOW_BYTES = 192 << 10, // read of a buffer at first: more than the largest record
    FIRST_BYTES = 16,         // inflated of a stream at first
};

// Room that is used for one candidate after the other.
typedef struct scan_room {
    u8 *chunk, *buffer, *inflated;
    size_t buffer_cap, inflated_cap;
} scan_room;

static u8 *room_for(u8 **block, size_t *cap, size_t bytes)
{
    if (bytes > *cap) {
        *block = mem_grow(*block, 0, bytes, 1);
        *cap = bytes;
    }
    return *block;
}

// ---------------------------------------------------------------------------------------------- one candidate

static bool inflates(compression form, span in, u8 *out, size_t want, size_t *made)
{
    error e;
    if (form == COMPRESSION_LZNT1)
        return lznt1_inflate_part(in, out, want, made, &e);
    if (form == COMPRESSION_XPRESS_HUFF)
        return xpress_huffman_inflate_part(in, out, want, made, &e);
    return xpress_inflate_part(in, out, want, made, &e);
}

static bool holds_events(span bytes)
{
    chain_bytes c = {bytes, chain_fill_at(bytes)};
    return chain_holds(&c, BUFFER_HEADER_BYTES, 0);
}

// Whether a first record can begin like this: its mark and header type.
static bool begins_record(const u8 *p)
{
    return p[3] == 0x90 || (p[3] == 0xc0 && *header_kind_name((header_kind)p[2]));
}

// The stream may be of any of three forms; the header buffer that tells which may be lost. A few bytes of it tell
// noise.
static bool inflate(scan_room *r, span packed, carve_buffer *b, span *out)
{
    static const compression FORMS[] = {COMPRESSION_XPRESS, COMPRESSION_LZNT1, COMPRESSION_XPRESS_HUFF};
    u8 *into = room_for(&r->inflated, &r->inflated_cap, (size_t)b->used + XPRESS_SLACK);
    memcpy(into, packed.at, BUFFER_HEADER_BYTES);
    span stream = span_from(packed, BUFFER_HEADER_BYTES);
    for (size_t i = 0; i < COUNT_OF(FORMS); i++) {
        size_t made = 0, want = b->used - BUFFER_HEADER_BYTES;
        u8 *start = into + BUFFER_HEADER_BYTES;
        (void)inflates(FORMS[i], stream, start, want < FIRST_BYTES ? want : FIRST_BYTES, &made);
        if (made < 8 || !begins_record(start))
            continue;
        b->intact = inflates(FORMS[i], stream, start, want, &made);
        *out = (span){into, BUFFER_HEADER_BYTES + made};
        b->form = FORMS[i];
        if (made >= 8 && holds_events(*out))
            return true;
    }
    return false;
}

static bool only_fill(span rest)
{
    for (size_t i = 0; i < rest.len; i++)
        if (rest.at[i] != 0 && rest.at[i] != 0xff)
            return false;
    return true;
}

// Counts the events of the first unbroken chain. True where nothing but fill follows it in these bytes.
static bool walk(carve_buffer *b, span bytes)
{
    size_t at = BUFFER_HEADER_BYTES;
    event_frame frame;
    const char *why;
    b->events = 0;
    while (at + 8 <= bytes.len && event_frame_at(span_from(bytes, at), &frame, &why) == FRAME_OK) {
        if (frame.has_time && (!b->first_time || frame.time < b->first_time))
            b->first_time = frame.time;
        if (frame.has_time && frame.time > b->last_time)
            b->last_time = frame.time;
        b->events++;
        at += (frame.size + 7u) & ~7u;
    }
    b->good_end = (u32)(at < bytes.len ? at : bytes.len);
    return only_fill(span_from(bytes, at));
}

// The bytes of an uncompressed buffer, only as far as its events go: a header may claim 16 MiB behind every 80 bytes.
static bool walk_plain(carve *c, scan_room *r, carve_buffer *b, span *bytes)
{
    u32 all = b->used < b->here ? b->used : b->here;
    for (u32 window = WINDOW_BYTES;; window *= 4) {
        bool failed = false, last = window >= all;
        u32 want = last ? all : window;
        u8 *into = room_for(&r->buffer, &r->buffer_cap, want);
        *bytes = (span){into, input_read(c->image, b->offset, into, want, &failed)};
        if (bytes->len < HEAD_BYTES || !begins_record(into + BUFFER_HEADER_BYTES))
            return false;
        if (window == WINDOW_BYTES && !holds_events(*bytes))
            return false;
        bool to_end = walk(b, *bytes);
        b->intact = to_end && bytes->len == b->used;
        // A record cut by the window shows as damage near its end.
        if (last || bytes->len < want || (!to_end && b->good_end + 65536u < want))
            return true;
    }
}

static void take_facts(carve *c, carve_buffer *b, span bytes)
{
    trace_facts facts;
    if (b->type != BUFFER_TYPE_HEADER || !trace_facts_read(bytes, &c->arena, &facts))
        return;
    GROW(c->facts, c->facts_count, c->facts_cap);
    c->facts[c->facts_count] = facts;
    b->facts = c->facts_count++;
}

// An empty buffer has nothing to show; it counts right behind another of its kind.
static bool follows_its_like(const carve *c, const carve_buffer *b)
{
    const carve_buffer *last = c->count ? &c->buffers[c->count - 1] : NULL;
    return last && last->offset + last->size == b->offset && last->size == b->size && last->logger_id == b->logger_id;
}

// A buffer that was being filled when memory was dumped: only CurrentOffset (0x08) tells how far (ntwmi.h of phnt; not
// seen in a real dump yet).
static span as_if_flushed(span head, u8 live[HEAD_BYTES])
{
    if (head.len < BUFFER_HEADER_BYTES || head.len > HEAD_BYTES)
        return head;
    const u32 size = load_u32(head.at), saved = load_u32(head.at + 0x04), current = load_u32(head.at + 0x08);
    if (load_u32(head.at + 0x30) || saved || current <= BUFFER_HEADER_BYTES || current > size)
        return head;
    memcpy(live, head.at, head.len);
    memcpy(live + 0x30, head.at + 0x08, 4);
    return (span){live, head.len};
}

static bool examine(carve *c, scan_room *r, u64 offset, span head, carve_buffer *b)
{
    u64 room = c->image->bytes - offset;
    u8 live[HEAD_BYTES];
    head = as_if_flushed(head, live);
    if (!buffer_header_plausible(head, room, 0))
        return false;
    buffer_header h;
    buffer_header_read(head.at, &h);
    *b = (carve_buffer){.offset = offset,
                        .size = h.claimed_size,
                        .flags = h.flags,
                        .type = h.type,
                        .processor = h.processor,
                        .logger_id = h.logger_id,
                        .sequence = h.sequence,
                        .time_stamp = h.time_stamp,
                        .facts = CARVE_NONE,
                        .session = CARVE_NONE,
                        .duplicate_of = CARVE_NONE,
                        .intact = true};
    b->used = h.filled ? h.filled : h.saved_offset;
    b->here = b->size < room ? b->size : (u32)room;
    b->good_end = BUFFER_HEADER_BYTES;
    if (b->used == BUFFER_HEADER_BYTES)
        return follows_its_like(c, b);
    span bytes;
    if (h.flags & BUFFER_FLAG_COMPRESSED) {
        bool failed = false;
        u8 *into = room_for(&r->buffer, &r->buffer_cap, b->here);
        bytes = (span){into, input_read(c->image, offset, into, b->here, &failed)};
        if (bytes.len < HEAD_BYTES || !inflate(r, bytes, b, &bytes))
            return false;
        b->intact = walk(b, bytes) && b->intact;
    } else if (!walk_plain(c, r, b, &bytes)) {
        return false;
    }
    take_facts(c, b, bytes);
    return b->events > 0;
}

// ---------------------------------------------------------------------------------------------- the scan

// Candidates are told from noise by bytes of WMI_BUFFER_HEADER that are nearly always zero: BufferFlag (0x34) has 7
// bits, BufferType (0x36) 3, ReferenceCount (0x0c) 16, BufferSize (0x00) 24.
static inline bool looks_plain(const u8 *p)
{
    return (load_u32(p + 0x34) & 0xfff8ff80) == 0 && load_u32(p) >= BUFFER_HEADER_BYTES &&
           load_u32(p) <= LIMIT_BUFFER_BYTES && load_u32(p + 0x0c) <= 0xffff;
}

// The same for compressed buffers (bit 0x40 of BufferFlag) at 8 places at once: a byte of the result is zero where the
// place passes.
static inline u64 misses_packed(const u8 *p)
{
    const u64 all = 0x0101010101010101;
    return load_u64(p + 0x03) | load_u64(p + 0x0e) | load_u64(p + 0x0f) | load_u64(p + 0x35) | load_u64(p + 0x37) |
           (load_u64(p + 0x36) & all * 0xf8) | ((load_u64(p + 0x34) & all * 0xc0) ^ all * 0x40);
}

static inline bool has_zero_byte(u64 v)
{
    const u64 all = 0x0101010101010101;
    return ((v - all) & ~v & all * 0x80) != 0;
}

// The next place at or behind `at` that passes, in front of `end`; `end` where there is none. 80 bytes behind `end` are
// readable, the chunk starts at a multiple of 8 of the image.
static size_t next_candidate(const u8 *chunk, size_t at, size_t end)
{
    for (size_t row = at & ~(size_t)7; row < end; row += 8) {
        const u8 *p = chunk + row;
        if (looks_plain(p) && row >= at)
            return row;
        u64 misses = misses_packed(p);
        if (!has_zero_byte(misses))
            continue;
        for (size_t i = 0; i < 8; i++, misses >>= 8)
            if ((misses & 0xff) == 0 && row + i >= at && row + i < end)
                return row + i;
    }
    return end;
}

static void keep(carve *c, const carve_buffer *b)
{
    if (c->count >= LIMIT_CARVED_BUFFERS) {
        c->refused++;
        return;
    }
    carve_buffer *last = c->count ? &c->buffers[c->count - 1] : NULL;
    if (last && last->offset + last->here > b->offset)
        last->here = (u32)(b->offset - last->offset);
    GROW(c->buffers, c->count, c->cap);
    c->buffers[c->count++] = *b;
}

// One chunk from `at` on; returns where in the image to go on.
static u64 scan_chunk(carve *c, scan_room *r, u64 base, size_t at, size_t got, size_t end)
{
    while ((at = next_candidate(r->chunk, at, end)) < end) {
        carve_buffer b;
        size_t len = got - at < HEAD_BYTES ? got - at : HEAD_BYTES;
        if (!examine(c, r, base + at, (span){r->chunk + at, len}, &b)) {
            at++;
            continue;
        }
        keep(c, &b);
        // Compressed streams are looked into no further; behind a broken chain another buffer may have begun.
        u32 skip = b.form != COMPRESSION_NONE ? (b.intact ? b.size : (u32)BUFFER_HEADER_BYTES) : b.good_end;
        at += skip;
    }
    return base + (at > end ? at : end);
}

bool carve_scan(carve *c, carve_progress *progress, void *context)
{
    size_t chunk = c->image->bytes < CHUNK_BYTES ? (size_t)c->image->bytes : CHUNK_BYTES;
    scan_room r = {.chunk = mem_zeroed(chunk + 2 * HEAD_BYTES, 1)};
    bool go_on = true;
    u64 told = 0;
    for (u64 at = 0; go_on && at < c->image->bytes;) {
        bool failed = false;
        u64 base = at & ~(u64)7;
        size_t got = input_read(c->image, base, r.chunk, chunk + HEAD_BYTES, &failed);
        memset(r.chunk + got, 0, HEAD_BYTES);
        size_t end = got < chunk ? got : chunk;
        u64 next = scan_chunk(c, &r, base, (size_t)(at - base), got, end);
        if (failed && next <= base + got) {
            u64 block = ((base + got) / BAD_BLOCK + 1) * BAD_BLOCK;
            c->unreadable += (block < c->image->bytes ? block : c->image->bytes) - base - got;
            next = block;
        }
        if (next <= at)
            break; // the image has shrunk
        at = next;
        if (progress && at - told >= TELL_BYTES) {
            told = at;
            go_on = progress(context, at, c->image->bytes);
        }
    }
    mem_free(r.chunk);
    mem_free(r.buffer);
    mem_free(r.inflated);
    return go_on;
}

void carve_free(carve *c)
{
    mem_free(c->buffers);
    mem_free(c->facts);
    mem_free(c->sessions);
    arena_free(&c->arena);
}
