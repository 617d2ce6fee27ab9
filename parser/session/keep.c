#include "session/keep.h"

#include <string.h>

#include "base/limits.h"
#include "base/os.h"
#include "session/trace.h"

enum { KEEP_BLOCK = 2 << 20 };

void keep_free(keep_room *k)
{
    for (u32 i = 0; i < k->block_count; i++)
        os_large_free(k->blocks[i], KEEP_BLOCK);
}

void keep_lists_free(keep_lists *l)
{
    mem_free(l->refs);
    mem_free(l->pieces);
}

// Room in large blocks; NULL where they are used up.
static void *keep_take(keep_room *k, size_t bytes)
{
    size_t room = (bytes + 15) & ~(size_t)15;
    if (room > (size_t)(k->end - k->at)) {
        if (k->block_count == COUNT_OF(k->blocks) || room > KEEP_BLOCK)
            return NULL;
        u8 *block = os_large_block(KEEP_BLOCK);
        if (!block)
            return NULL;
        k->blocks[k->block_count++] = k->at = block;
        k->end = block + KEEP_BLOCK;
    }
    void *taken = k->at;
    k->at += room;
    k->taken += room;
    return taken;
}

// Small traces are read again sooner than memory is had. Where states are counted there is mostly no second pass.
static bool worth_keeping(const session *s, const trace *t)
{
    enum { SMALL = 256 << 10 };
    return !s->count_states && t->file.input->bytes > SMALL;
}

// Of traces over the limit only a small part would be kept.
static bool worth_keeping_whole(const session *s, const trace *t)
{
    return worth_keeping(s, t) && t->file.input->bytes <= LIMIT_KEPT_TRACE_BYTES;
}

u8 *keep_place(session *s, u32 trace_index, u32 buffer_index)
{
    keep_room *k = &s->keep_bytes;
    const trace *t = s->traces[trace_index];
    const etl_buffer *b = &t->file.buffers[buffer_index];
    size_t room = etl_room(b);
    // What was not inflated is read again: that is cheaper than fresh memory.
    if (s->wants || !worth_keeping_whole(s, t) || !(b->flags & BUFFER_FLAG_COMPRESSED) ||
        k->taken + room > LIMIT_KEPT_BUFFER_BYTES)
        return NULL;
    return t->kept[buffer_index].bytes = keep_take(k, room);
}

// Bytes without the places of their events would have to be walked again: they are not kept.
static void keep_whole(session *s, kept_buffer *kept, const loaded_buffer *b)
{
    size_t bytes = b->count * sizeof(*b->refs);
    if (s->keep_refs.taken + bytes <= LIMIT_KEPT_REFS_BYTES)
        kept->refs = keep_take(&s->keep_refs, bytes);
    if (!kept->refs)
        return;
    memcpy(kept->refs, b->refs, bytes);
    kept->count = b->count;
    kept->form = kept->bytes ? KEPT_WHOLE : KEPT_PLACES;
}

// ---------------------------------------------------------------------------------------------- pieces

// What is kept of a buffer, while it is found out. The lists are the session's, to be used again.
typedef struct picking {
    const loaded_buffer *from;
    keep_lists *lists;
    size_t bytes, most; // of pieces
} picking;

static bool add_piece(picking *p, u32 at)
{
    event_frame frame;
    const char *why;
    keep_lists *l = p->lists;
    if (event_frame_at(span_from(p->from->bytes, at), &frame, &why) != FRAME_OK || p->bytes + frame.size > p->most)
        return false;
    GROW(l->pieces, l->piece_count, l->piece_cap);
    l->pieces[l->piece_count++] = (kept_piece){at, frame.size};
    p->bytes += frame.size;
    return true;
}

// The events that may be wanted and those of the same time, which may have a claim to the same stack.
static bool pick_events(picking *p, const bool *wanted)
{
    const event_ref *refs = p->from->refs;
    keep_lists *l = p->lists;
    u32 count = p->from->count, done = 0;
    for (u32 i = 0; i < count; i++) {
        if (refs[i].cls != CLASS_NONE && !wanted[refs[i].cls])
            continue;
        u32 first = i, end = i + 1;
        while (first > done && refs[first - 1].time == refs[i].time)
            first--;
        while (end < count && refs[end].time == refs[i].time)
            end++;
        for (u32 k = first; k < end; k++) {
            GROW(l->refs, l->ref_count, l->ref_cap);
            l->refs[l->ref_count++] = refs[k];
            if (!add_piece(p, refs[k].offset))
                return false;
        }
        i = end - 1;
        done = end;
    }
    return true;
}

static bool has_time(const keep_lists *l, i64 time)
{
    u32 low = 0, high = l->ref_count;
    while (low < high) {
        u32 mid = low + (high - low) / 2;
        if (l->refs[mid].time < time)
            low = mid + 1;
        else
            high = mid;
    }
    return low < l->ref_count && l->refs[low].time == time;
}

static bool pick_stacks(picking *p, const stack_notes *stacks)
{
    for (u32 i = 0; p->lists->ref_count && i < stacks->count; i++) {
        stack_note note = stack_note_at(stacks, i);
        if (has_time(p->lists, note.target) && !add_piece(p, note.offset))
            return false;
    }
    return true;
}

static bool keep_pieces(session *s, kept_buffer *kept, const loaded_buffer *b, const bool *wanted,
                        const stack_notes *stacks)
{
    enum { SHARE = 4 }; // of a buffer; to read and walk it again is not dearer than to keep more
    keep_lists *l = &s->keep_lists;
    picking p = {b, l, 0, b->desc->flags & BUFFER_FLAG_COMPRESSED ? b->bytes.len : b->bytes.len / SHARE};
    l->ref_count = l->piece_count = 0;
    if (!pick_events(&p, wanted) || !pick_stacks(&p, stacks))
        return false;
    if (!l->ref_count) {
        kept->form = KEPT_PIECES;
        return true;
    }
    size_t refs = l->ref_count * sizeof(*l->refs), pieces = l->piece_count * sizeof(*l->pieces);
    size_t bytes = refs + pieces + p.bytes;
    u8 *to = s->keep_refs.taken + bytes <= LIMIT_KEPT_PIECES_BYTES ? keep_take(&s->keep_refs, bytes) : NULL;
    if (!to)
        return false;
    kept->form = KEPT_PIECES;
    kept->count = l->ref_count;
    kept->piece_count = l->piece_count;
    kept->refs = memcpy(to, l->refs, refs);
    kept->pieces = memcpy(to + refs, l->pieces, pieces);
    kept->bytes = to += refs + pieces;
    for (u32 i = 0; i < l->piece_count; i++) {
        memcpy(to, b->bytes.at + l->pieces[i].at, l->pieces[i].len);
        to += l->pieces[i].len;
    }
    return true;
}

void keep_buffer(session *s, const trace *t, const loaded_buffer *b, const bool *wanted, const stack_notes *stacks)
{
    kept_buffer *kept = &t->kept[b->desc - t->file.buffers];
    kept->len = (u32)b->bytes.len;
    if (!b->count || (wanted && worth_keeping(s, t) && keep_pieces(s, kept, b, wanted, stacks)))
        return;
    if (worth_keeping_whole(s, t))
        keep_whole(s, kept, b);
}

// ---------------------------------------------------------------------------------------------- the second pass

bool keep_is_loaded(const trace *t, u32 buffer_index)
{
    u8 form = t->kept[buffer_index].form;
    return form == KEPT_WHOLE || form == KEPT_PIECES;
}

// Every piece to where it stood: what lies between them is what the memory held before, and no event of it is known.
static void put_pieces(const kept_buffer *kept, loaded_buffer *own)
{
    const u8 *from = kept->bytes;
    if (own->room < kept->len) {
        mem_free(own->memory);
        own->memory = mem_zeroed(kept->len, 1);
        own->room = kept->len;
    }
    for (u32 i = 0; i < kept->piece_count; i++) {
        memcpy(own->memory + kept->pieces[i].at, from, kept->pieces[i].len);
        from += kept->pieces[i].len;
    }
    own->bytes = (span){own->memory, kept->len};
    own->hole = (etl_hole){0};
}

bool keep_load(const trace *t, u32 buffer_index, loaded_buffer *own, buffer_reader *reader, loaded_buffer *out)
{
    const kept_buffer *kept = &t->kept[buffer_index];
    switch ((kept_form)kept->form) {
    case KEPT_NOTHING:
        return false;
    case KEPT_PLACES:
        // What could be read when the survey looked may be gone now: the places kept then would be wrong.
        buffer_load_bytes(&t->file, buffer_index, own, NULL, reader, NULL);
        if (own->bytes.len != kept->len)
            return false;
        break;
    case KEPT_WHOLE:
        break;
    case KEPT_PIECES:
        put_pieces(kept, own);
        break;
    }
    *out = *own;
    out->file = &t->file;
    out->desc = &t->file.buffers[buffer_index];
    out->refs = kept->refs;
    out->count = kept->count;
    if (kept->form == KEPT_WHOLE)
        out->bytes = (span){kept->bytes, kept->len};
    return true;
}
