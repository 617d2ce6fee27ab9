#include "session/event_cache.h"

#include <string.h>

#include "base/bisect.h"
#include "base/limits.h"
#include "base/os.h"

void event_cache_free_blocks(event_cache *c)
{
    for (u32 i = 0; i < c->block_count; i++)
        os_large_free(c->blocks[i], CACHE_BLOCK_BYTES);
    c->block_count = 0;
}

void event_cache_free(event_cache *c)
{
    event_cache_free_blocks(c);
    mem_free(c->refs);
    mem_free(c->pieces);
    *c = (event_cache){0};
}

// NULL: the cache is full.
static void *reserve_bytes(event_cache *c, size_t bytes)
{
    static_assert(COUNT_OF(((event_cache *)NULL)->blocks) * CACHE_BLOCK_BYTES == LIMIT_CACHED_BYTES, "the limit");
    size_t rounded = (bytes + 15) & ~(size_t)15;
    if (rounded > (size_t)(c->end - c->at)) {
        if (c->block_count == COUNT_OF(c->blocks) || rounded > CACHE_BLOCK_BYTES)
            return NULL;
        u8 *block = os_large_block(CACHE_BLOCK_BYTES);
        if (!block)
            return NULL;
        c->blocks[c->block_count++] = c->at = block;
        c->end = block + CACHE_BLOCK_BYTES;
    }
    void *reserved = c->at;
    c->at += rounded;
    return reserved;
}

static cached_buffer *reserve(event_cache *c, u32 events, u32 pieces, size_t bytes)
{
    size_t refs = events * sizeof(event_ref), places = pieces * sizeof(cached_piece);
    cached_buffer *cached = reserve_bytes(c, sizeof(*cached) + refs + places + bytes);
    if (!cached)
        return NULL;
    *cached = (cached_buffer){.refs = (event_ref *)(cached + 1), .count = events, .piece_count = pieces};
    cached->pieces = (cached_piece *)(cached->refs + events);
    cached->bytes = (u8 *)(cached->pieces + pieces);
    return cached;
}

static void copy(void *to, const void *from, size_t bytes)
{
    if (bytes)
        memcpy(to, from, bytes);
}

cached_buffer *cache_whole(event_cache *c, const loaded_buffer *b)
{
    cached_buffer *cached = reserve(c, b->count, 1, b->bytes.len);
    if (!cached)
        return NULL;
    cached->len = (u32)b->bytes.len;
    cached->pieces[0] = (cached_piece){0, cached->len};
    copy(cached->refs, b->refs, b->count * sizeof(*b->refs));
    copy(cached->bytes, b->bytes.at, b->bytes.len);
    return cached;
}

cached_buffer *cache_places(event_cache *c, const loaded_buffer *b)
{
    size_t bytes = b->count * sizeof(*b->refs);
    if (b->hole.end || bytes > LIMIT_CACHED_PLACES - c->places)
        return NULL;
    cached_buffer *cached = reserve(c, b->count, 0, 0);
    if (!cached)
        return NULL;
    c->places += bytes;
    cached->bytes = NULL;
    cached->len = (u32)b->bytes.len;
    copy(cached->refs, b->refs, bytes);
    return cached;
}

// ---------------------------------------------------------------------------------------------- pieces

// What is picked of a buffer, in the cache's scratch.
typedef struct picking {
    const loaded_buffer *from;
    event_cache *cache;
    size_t bytes, most; // of pieces
} picking;

static bool add_piece(picking *p, u32 at)
{
    event_frame frame;
    const char *why;
    event_cache *c = p->cache;
    if (event_frame_at(span_from(p->from->bytes, at), &frame, &why) != FRAME_OK || p->bytes + frame.size > p->most)
        return false;
    GROW(c->pieces, c->piece_count, c->piece_capacity);
    c->pieces[c->piece_count++] = (cached_piece){at, frame.size};
    p->bytes += frame.size;
    return true;
}

static bool pick_events(picking *p, const bool *wanted)
{
    const event_ref *refs = p->from->refs;
    event_cache *c = p->cache;
    u32 count = p->from->count, done = 0;
    for (u32 i = 0; i < count; i++) {
        if (!wanted[refs[i].cls])
            continue;
        u32 first = i, end = i + 1;
        while (first > done && refs[first - 1].time == refs[i].time)
            first--;
        while (end < count && refs[end].time == refs[i].time)
            end++;
        for (u32 k = first; k < end; k++) {
            GROW(c->refs, c->ref_count, c->ref_capacity);
            c->refs[c->ref_count++] = refs[k];
            if (!add_piece(p, refs[k].offset))
                return false;
        }
        i = end - 1;
        done = end;
    }
    return true;
}

static bool has_time(const event_cache *c, i64 time)
{
    u32 low;
    BISECT(low, 0, c->ref_count, c->refs[index_].time < time);
    return low < c->ref_count && c->refs[low].time == time;
}

static bool pick_stacks(picking *p, const stack_notes *stacks)
{
    for (u32 i = 0; p->cache->ref_count && i < stacks->count; i++) {
        stack_note note = stack_note_at(stacks, i);
        if (has_time(p->cache, note.target) && !add_piece(p, note.offset))
            return false;
    }
    return true;
}

cached_buffer *cache_wanted(event_cache *c, const loaded_buffer *b, const bool *wanted, const stack_notes *stacks)
{
    enum { SHARE = 4 }; // of a plain buffer: to read and walk it again is no dearer than to cache more
    picking p = {b, c, 0, b->desc->flags & BUFFER_FLAG_COMPRESSED ? b->bytes.len : b->bytes.len / SHARE};
    c->ref_count = c->piece_count = 0;
    if (!pick_events(&p, wanted) || !pick_stacks(&p, stacks))
        return NULL;
    cached_buffer *cached = reserve(c, c->ref_count, c->piece_count, p.bytes);
    if (!cached)
        return NULL;
    cached->len = (u32)b->bytes.len;
    copy(cached->refs, c->refs, c->ref_count * sizeof(*c->refs));
    copy(cached->pieces, c->pieces, c->piece_count * sizeof(*c->pieces));
    u8 *to = cached->bytes;
    for (u32 i = 0; i < c->piece_count; i++) {
        memcpy(to, b->bytes.at + c->pieces[i].at, c->pieces[i].len);
        to += c->pieces[i].len;
    }
    return cached;
}

// ---------------------------------------------------------------------------------------------- the second pass

// Every piece to where it was: what lies between them is what the memory held before, and no event of it is known.
static span assemble(const cached_buffer *b, loaded_buffer *own)
{
    const u8 *from = b->bytes;
    loaded_buffer_reserve(own, b->len);
    for (u32 i = 0; i < b->piece_count; i++) {
        memcpy(own->memory + b->pieces[i].at, from, b->pieces[i].len);
        from += b->pieces[i].len;
    }
    return (span){own->memory, b->len};
}

void cached_load(const cached_buffer *b, loaded_buffer *own, loaded_buffer *out)
{
    bool whole = b->piece_count == 1 && b->pieces[0].len == b->len;
    span bytes = whole ? (span){b->bytes, b->len} : assemble(b, own);
    *out = *own;
    out->bytes = bytes;
    out->hole = (etl_hole){0};
    out->refs = b->refs;
    out->count = b->count;
}

bool cached_place(const cached_buffer *b, const loaded_buffer *own, loaded_buffer *out)
{
    if (own->hole.end || own->bytes.len != b->len)
        return false;
    *out = *own;
    out->refs = b->refs;
    out->count = b->count;
    return true;
}
