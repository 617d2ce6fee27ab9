#include "decode/events.h"

#include <stdlib.h>
#include <string.h>

#include "container/chain.h"

// What was taken so far: what the walk writes for each event, in one place so that it can be kept in registers.
typedef struct taken {
    event_ref *refs;
    u32 count, cap;
    i64 last_time;
    size_t bytes, padding; // of events, unpadded, and between them
    bool unordered;
} taken;

typedef struct walk {
    const etl_file *file;
    const etl_buffer *desc;
    class_table *classes;
    loaded_buffer *out;
    walk_report *report;
    class_memory *memory;
    taken taken;
    size_t fill_at;
    u32 headers[HEADER_KINDS]; // for the report when the walk ends
    bool fill_known, adds_classes;
} walk;

void buffer_reader_free(buffer_reader *r)
{
    mem_free(r->scratch.bytes);
    mem_free(r->memory);
    *r = (buffer_reader){0};
}

void loaded_buffer_free(loaded_buffer *b)
{
    mem_free(b->memory);
    mem_free(b->refs);
    *b = (loaded_buffer){0};
}

static u64 file_offset(const walk *w, size_t at)
{
    return w->desc->flags & BUFFER_FLAG_COMPRESSED ? w->desc->offset : w->desc->offset + at;
}

static void note(walk *w, size_t at, size_t len, const char *kind, const char *what, const char *then)
{
    bool packed = w->desc->flags & BUFFER_FLAG_COMPRESSED;
    if (w->report->account && !packed)
        w->report->account->damage += len;
    if (w->report->damage && packed)
        damage_add(w->report->damage, file_offset(w, at), 0, kind, "%s at 0x%zx of the inflated buffer: %zu bytes %s",
                   what, at, len, then);
    else if (w->report->damage)
        damage_add(w->report->damage, file_offset(w, at), len, kind, "%s: %zu bytes %s", what, len, then);
}

static size_t aligned(size_t size)
{
    return (size + 7) & ~(size_t)7;
}

static void note_extended(walk *w, size_t at)
{
    if (w->report->damage)
        damage_add(w->report->damage, file_offset(w, at), 0, "extended",
                   "an extended data item contradicts its own size; what follows it was read as payload");
}

ALWAYS_INLINE void take_event(walk *w, taken *t, span bytes, header_kind kind, i64 time, size_t at)
{
    bool damaged;
    u32 cls = class_of(w->classes, w->memory, w->adds_classes, bytes, kind, &damaged);
    w->headers[kind]++;
    t->unordered |= t->count && time < t->last_time;
    t->last_time = time;
    GROW(t->refs, t->count, t->cap);
    t->refs[t->count++] = (event_ref){time, (u32)at, cls};
    t->bytes += bytes.len;
    if (damaged)
        note_extended(w, at);
}

// After the last event: fill of the used bytes, used bytes that could not be read, and what the buffer never used.
static void account_tail(walk *w, size_t at, size_t got)
{
    const etl_buffer *b = w->desc;
    if (!w->report->account || (b->flags & BUFFER_FLAG_COMPRESSED))
        return;
    size_t used = b->used < b->size ? b->used : b->size;
    w->report->account->events += w->taken.bytes;
    w->report->account->padding += w->taken.padding;
    w->report->account->unused += b->size - used + (got > at ? got - at : 0);
    // The header was read, and counted, by the index.
    w->report->account->damage += used - (got > BUFFER_HEADER_BYTES ? got : BUFFER_HEADER_BYTES);
}

// Where the next record can start: at `at`, after the bytes that could not be read where it lies in them.
static frame_result frame_here(const walk *w, span bytes, size_t at, event_frame *frame, const char **why)
{
    const etl_hole *hole = &w->out->hole;
    *why = "unwritten bytes stand between events";
    frame_result result = event_frame_at(span_from(bytes, at), frame, why);
    size_t end = result == FRAME_OK ? at + frame->size : at + 8;
    if (hole->end && at < hole->end && end > hole->at) {
        *why = "an event reaches into bytes that could not be read";
        return FRAME_DAMAGE;
    }
    return result;
}

static size_t fill_at(walk *w, span bytes)
{
    if (!w->fill_known)
        w->fill_at = chain_fill_at(bytes);
    w->fill_known = true;
    return w->fill_at;
}

// Bytes at `at` start no record: the first place after them where records go on.
static size_t resume_at(walk *w, span bytes, size_t at, size_t limit)
{
    chain_bytes c = {bytes, fill_at(w, bytes)};
    return chain_next(&c, at + 8, limit, w->taken.last_time);
}

// Bytes the header counts as used, and nothing was ever written to them, or it was wiped.
static size_t note_hole(walk *w, size_t at, size_t end)
{
    note(w, at, end - at, "event", "used bytes that hold nothing", "are empty up to the buffer's end");
    return end;
}

// Size 0: there is none. Apart, since a frame that is pointed to cannot be kept in registers.
static __attribute__((noinline)) event_frame rare_frame(span rest)
{
    event_frame frame;
    const char *why;
    return event_frame_rare(rest, &frame, &why) == FRAME_OK ? frame : (event_frame){0};
}

// Takes records as long as each leads to another one. Returns where one stands that does not; *frame is then its own.
static size_t walk_chain(walk *w, span bytes, size_t at, event_frame *frame)
{
    if (w->out->hole.end)
        return at;
    taken t = w->taken;
    // Member by member: copied as a whole, a frame just made waits in memory for its parts to be stored.
    u32 size = frame->size;
    header_kind kind = frame->kind;
    bool has_time = frame->has_time;
    i64 time = frame->time;
    for (;;) {
        event_frame after;
        size_t next = at + aligned(size);
        if (next >= bytes.len)
            break;
        span rest = {bytes.at + next, bytes.len - next};
        if (!event_frame_common(rest, &after))
            after = rare_frame(rest);
        if (!after.size)
            break;
        take_event(w, &t, (span){bytes.at + at, size}, kind, has_time ? time : t.last_time, at);
        t.padding += next - at - size;
        at = next;
        size = after.size;
        kind = after.kind;
        has_time = after.has_time;
        time = after.time;
    }
    *frame = (event_frame){size, kind, has_time, time};
    w->taken = t;
    return at;
}

static void walk_events(walk *w, span bytes)
{
    size_t at = BUFFER_HEADER_BYTES;
    event_frame frame = {0}, next_frame = {0};
    const char *why, *next_why;
    frame_result result = frame_here(w, bytes, at, &frame, &why);
    if (w->desc->headless && resume_at(w, bytes, at - 8, at + 8) != at) {
        result = FRAME_DAMAGE;
        why = "no chain of events begins here";
    }
    while (at + 8 <= bytes.len) {
        if (result == FRAME_END && at >= fill_at(w, bytes)) {
            if (w->desc->counted && at < w->desc->used)
                at = note_hole(w, at, bytes.len);
            break;
        }
        size_t next;
        if (result == FRAME_OK) {
            at = walk_chain(w, bytes, at, &frame);
            next = at + aligned(frame.size) < bytes.len ? at + aligned(frame.size) : bytes.len;
            frame_result after = frame_here(w, bytes, next, &next_frame, &next_why);
            // Nothing goes on where this record says it ends: if records go on earlier, its size was what is damaged.
            bool lost = after == FRAME_DAMAGE || (after == FRAME_END && next < fill_at(w, bytes));
            size_t inside = lost && next + 8 <= bytes.len ? resume_at(w, bytes, at, next) : next;
            if (inside == next) {
                take_event(w, &w->taken, (span){bytes.at + at, frame.size}, frame.kind,
                           frame.has_time ? frame.time : w->taken.last_time, at);
                w->taken.padding += next - at - frame.size;
                at = next;
                frame = next_frame;
                why = next_why;
                result = after;
                continue;
            }
            why = "an event claims to reach over the one after it";
            next = inside;
        } else {
            next = resume_at(w, bytes, at, bytes.len);
        }
        note(w, at, next - at, "event", why,
             next < bytes.len ? "skipped to the next event" : "skipped to the buffer's end");
        at = next;
        result = frame_here(w, bytes, at, &frame, &why);
    }
    account_tail(w, at, bytes.len);
}

static int by_time(const void *a, const void *b)
{
    const event_ref *x = a, *y = b;
    if (x->time != y->time)
        return x->time < y->time ? -1 : 1;
    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

void refs_sort(event_ref *refs, u32 count)
{
    if (count)
        qsort(refs, count, sizeof(*refs), by_time);
}

void loaded_buffer_reserve(loaded_buffer *b, size_t bytes)
{
    if (b->capacity >= bytes)
        return;
    mem_free(b->memory);
    b->memory = mem_alloc(bytes);
    b->capacity = bytes;
}

void buffer_load_bytes(const etl_file *file, u32 buffer_index, loaded_buffer *b, buffer_reader *reader,
                       damage_log *damage)
{
    const etl_buffer *desc = &file->buffers[buffer_index];
    loaded_buffer_reserve(b, etl_capacity(desc));
    b->file = file;
    b->desc = desc;
    b->count = 0;
    b->bytes = etl_load(file, desc, b->memory, &reader->scratch, &b->hole, damage);
}

void buffer_walk_events(class_table *classes, loaded_buffer *b, buffer_reader *reader, walk_report *report)
{
    const etl_buffer *desc = b->desc;
    if (!reader->memory)
        reader->memory = mem_zeroed(1, sizeof(*reader->memory));
    report->unordered = false;
    walk w = {.file = b->file,
              .desc = desc,
              .classes = classes,
              .out = b,
              .report = report,
              .memory = reader->memory,
              .taken = {.refs = b->refs, .count = b->count, .cap = b->cap},
              .adds_classes = report->adds_classes};
    bool packed = desc->flags & BUFFER_FLAG_COMPRESSED;
    if (report->account && packed)
        report->account->compressed += desc->size - BUFFER_HEADER_BYTES;
    // The type may be what is damaged.
    if (desc->type == BUFFER_TYPE_CONTEXT_SWAP &&
        resume_at(&w, b->bytes, BUFFER_HEADER_BYTES - 8, BUFFER_HEADER_BYTES + 8) != BUFFER_HEADER_BYTES) {
        note(&w, BUFFER_HEADER_BYTES, b->bytes.len > BUFFER_HEADER_BYTES ? b->bytes.len - BUFFER_HEADER_BYTES : 0,
             "unsupported", "a buffer of packed context switches (a form retired before Windows Vista)",
             "were not read");
        account_tail(&w, b->bytes.len, b->bytes.len);
        return;
    }
    walk_events(&w, b->bytes);
    b->refs = w.taken.refs;
    b->count = w.taken.count;
    b->cap = w.taken.cap;
    report->unordered = w.taken.unordered;
    for (u32 i = 0; report->headers && i < HEADER_KINDS; i++)
        report->headers[i] += w.headers[i];
}

static void drop_unknown(loaded_buffer *b)
{
    u32 kept = 0;
    for (u32 i = 0; i < b->count; i++)
        if (b->refs[i].cls != CLASS_NONE)
            b->refs[kept++] = b->refs[i];
    b->count = kept;
}

void buffer_walk_again(class_table *classes, loaded_buffer *b, buffer_reader *reader)
{
    walk_report quiet = {0};
    buffer_walk_events(classes, b, reader, &quiet);
    if (reader->memory->unknown)
        drop_unknown(b);
    reader->memory->unknown = 0;
    if (quiet.unordered)
        refs_sort(b->refs, b->count);
}

void loaded_event(const loaded_buffer *b, const event_ref *ref, event *out)
{
    event_frame frame;
    const char *why;
    span rest = span_from(b->bytes, ref->offset);
    // The walk has framed this record before; the bytes have not changed since.
    if (event_frame_at(rest, &frame, &why) == FRAME_OK)
        event_read((span){rest.at, frame.size}, &frame, ref->time, out);
    else
        *out = (event){.record = rest, .payload = rest};
}

span loaded_payload_rare(const loaded_buffer *b, const event_ref *ref)
{
    event_frame frame;
    const char *why;
    span rest = span_from(b->bytes, ref->offset);
    return event_frame_at(rest, &frame, &why) == FRAME_OK ? event_payload((span){rest.at, frame.size}, frame.kind)
                                                          : rest;
}
