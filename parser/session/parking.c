#include "session/parking.h"

#include <stdalign.h>
#include <string.h>

#include "base/limits.h"
#include "base/spill.h"

enum { BLOCK_BYTES = 64 << 20 };

u64 parking_open_limit = LIMIT_OPEN_BYTES;

// Events fill it from its start, the copies themselves from its end: they are written to again and again, and pages of
// a file are dear to change.
typedef struct parking_block {
    spill *bytes;
    u8 *start, *end; // of what is free
    u32 copies;      // that are in use
    struct parking_block *newer, *older;
} parking_block;

static size_t rounded(size_t bytes)
{
    return (bytes + alignof(max_align_t) - 1) / alignof(max_align_t) * alignof(max_align_t);
}

static size_t bytes_of(const merge_buffer *b)
{
    return sizeof(*b) + b->own.capacity + b->own.cap * sizeof(*b->own.refs) + b->pick_cap * sizeof(*b->picks);
}

static size_t picks_bytes(const merge_buffer *b)
{
    return b->picks ? b->pick_count * sizeof(*b->picks) : 0;
}

static size_t copy_bytes(const merge_buffer *b)
{
    const loaded_buffer *l = &b->loaded;
    return rounded(sizeof(*b)) + rounded(l->count * sizeof(*l->refs)) + rounded(picks_bytes(b)) + rounded(l->bytes.len);
}

// ---------------------------------------------------------------------------------------------- blocks

static void all_free(parking_block *block)
{
    block->start = spill_reserve(&block->bytes, 0, 1);
    block->end = block->start + spill_bytes(block->bytes) / alignof(max_align_t) * alignof(max_align_t);
}

static parking_block *new_block(parking *p, size_t bytes)
{
    parking_block *block = mem_zeroed(1, sizeof(*block));
    (void)spill_reserve(&block->bytes, bytes > BLOCK_BYTES ? bytes : BLOCK_BYTES, 1);
    spill_seal(block->bytes);
    all_free(block);
    block->older = p->newest;
    if (block->older)
        block->older->newer = block;
    return p->newest = block;
}

static void free_block(parking *p, parking_block *block)
{
    if (block->older)
        block->older->newer = block->newer;
    if (block->newer)
        block->newer->older = block->older;
    else
        p->newest = block->older;
    spill_free(&block->bytes);
    mem_free(block);
}

static parking_block *block_with(parking *p, size_t bytes)
{
    parking_block *block = p->newest;
    return block && (size_t)(block->end - block->start) >= bytes ? block : new_block(p, bytes);
}

static void *put(parking_block *block, const void *from, size_t bytes)
{
    u8 *to = block->start;
    if (bytes)
        memcpy(to, from, bytes);
    block->start += rounded(bytes);
    return to;
}

// ---------------------------------------------------------------------------------------------- buffers

static merge_buffer *copied(parking_block *block, const merge_buffer *b)
{
    const loaded_buffer *l = &b->loaded;
    merge_buffer *copy = (merge_buffer *)(void *)(block->end -= rounded(sizeof(*b)));
    *copy = *b;
    copy->own = (loaded_buffer){0};
    copy->parked = block;
    copy->loaded.refs = put(block, l->refs, l->count * sizeof(*l->refs));
    copy->picks = b->picks ? put(block, b->picks, picks_bytes(b)) : NULL;
    copy->loaded.bytes.at = put(block, l->bytes.at, l->bytes.len);
    block->copies++;
    return copy;
}

merge_buffer *parking_take(parking *p, merge_buffer *b)
{
    if (p->open + bytes_of(b) <= parking_open_limit) {
        p->open += bytes_of(b);
        return b;
    }
    spill_pass(&p->passed, copy_bytes(b), SPILL_ITEMS);
    return copied(block_with(p, copy_bytes(b)), b);
}

bool parking_leave(parking *p, merge_buffer *b)
{
    parking_block *block = b->parked;
    if (!block) {
        p->open -= bytes_of(b);
        return false;
    }
    if (--block->copies == 0 && block != p->newest)
        free_block(p, block);
    else if (block->copies == 0)
        all_free(block);
    return true;
}

void parking_looked_at(parking *p, const merge_buffer *b)
{
    if (b->parked)
        spill_pass(&p->passed, SPILL_LOOKUP, SPILL_LOOKUPS);
}

void parking_free(parking *p)
{
    while (p->newest)
        free_block(p, p->newest);
}
