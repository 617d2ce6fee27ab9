#include "session/trim.h"

#include <stdlib.h>
#include <string.h>

#include "base/bisect.h"
#include "base/limits.h"
#include "base/map.h"
#include "container/xpress_encode.h"
#include "session/scan.h"

enum {
    LEAST_BUFFER = 1024,
    OPEN_BYTES = 64 << 20, // of buffers that are being filled: with more they are all written
    TIME_BITS = 27,        // log2 of the bits that tell which times events are kept of: 16 MiB
    SAVED_AT = 0x04,
    CURRENT_AT = 0x08,
    SEQUENCE_AT = 0x18,
    STATE_AT = 0x2c,
    FILLED_AT = 0x30,
    FLAGS_AT = 0x34,
    TYPE_AT = 0x36,
};

// Whose process each thread is, as the stacks say that were kept so far.
typedef struct thread_seen {
    u32 trace_header, thread, process;
} thread_seen;

typedef struct open_buffer {
    u32 trace_header;
    u16 processor;
    outbuf bytes; // from the header on; empty: none is open
} open_buffer;

// Where a trace header says how many buffers there are, and how many there are.
typedef struct header_count {
    u64 offset;
    u32 buffers;
} header_count;

typedef struct trim {
    trim_job *job;
    const trace *trace;
    u8 *interests; // by class
    u64 *times;    // a bit by the hash of a time: events of such times are kept
    bool has_stacks;
    thread_seen *threads;
    u32 thread_count, thread_cap;
    map by_thread;
    open_buffer *open;
    u32 open_count, open_cap;
    map by_processor;
    size_t open_bytes;
    u64 sequence, written; // bytes
    header_count *headers;
    u32 header_count, header_cap;
    outbuf packed;
    loaded_buffer loaded;
    buffer_reader reader;
    u8 *takes; // of the buffer at hand: a byte for each event, by place
} trim;

// ---------------------------------------------------------------------------------------------- which events

static u64 *time_word(const trim *t, i64 time, u64 *bit)
{
    u64 hash = hash_u64((u64)time) >> (64 - TIME_BITS);
    *bit = (u64)1 << hash % 64;
    return &t->times[hash / 64];
}

static bool time_is_kept(const trim *t, i64 time)
{
    u64 bit, *word = time_word(t, time, &bit);
    return (*word & bit) != 0;
}

static void keep_time(trim *t, i64 time)
{
    u64 bit, *word = time_word(t, time, &bit);
    *word |= bit;
}

static interest interest_in(const trim *t, const event_ref *ref)
{
    return (interest)t->interests[ref->cls];
}

static bool same_thread(const void *items, u32 index, const void *key)
{
    const thread_seen *a = (const thread_seen *)items + index, *b = key;
    return a->trace_header == b->trace_header && a->thread == b->thread;
}

// Stacks tell whose the threads are: of those that say something new, one is enough.
static bool tells_thread(trim *t, const loaded_buffer *b, const stack_owner *owner)
{
    thread_seen key = {b->desc->trace_header, owner->thread, owner->process};
    u64 hash = hash_u64((u64)key.trace_header << 32 | key.thread);
    u32 at = map_find(&t->by_thread, hash, same_thread, t->threads, &key);
    if (at != MAP_NONE && t->threads[at].process == key.process)
        return false;
    if (at != MAP_NONE) {
        t->threads[at].process = key.process;
        return true;
    }
    GROW(t->threads, t->thread_count, t->thread_cap);
    map_add(&t->by_thread, hash, t->thread_count);
    t->threads[t->thread_count++] = key;
    return true;
}

// Of a stack of one event; others (definitions of keys) are all kept.
static bool stack_is_needed(trim *t, const loaded_buffer *b, const event_ref *ref)
{
    stack_owner owner;
    if (!correlator_stack_owner(class_at(t->job->session->classes, ref->cls), loaded_payload(b, ref), &owner))
        return true;
    bool new_thread = tells_thread(t, b, &owner);
    return time_is_kept(t, owner.time) || new_thread;
}

// Where a trace has stacks of their own, which event one belongs to depends on all events of its time.
static bool is_needed(trim *t, const loaded_buffer *b, const event_ref *ref)
{
    switch (interest_in(t, ref)) {
    case INTEREST_NONE:
        return t->has_stacks && time_is_kept(t, ref->time);
    case INTEREST_STACK:
        return stack_is_needed(t, b, ref);
    default:
        return true;
    }
}

static bool is_header(const loaded_buffer *b, const event_ref *ref)
{
    return b->desc->type == BUFFER_TYPE_HEADER && ref->offset == BUFFER_HEADER_BYTES;
}

static bool load(trim *t, const buffer_events *found)
{
    t->loaded.file_index = 0;
    buffer_load_bytes(&t->trace->file, found->buffer, &t->loaded, &t->reader, NULL);
    buffer_walk_again(t->job->session->classes, &t->loaded, &t->reader);
    return t->loaded.count == found->count;
}

// ---------------------------------------------------------------------------------------------- buffers that are
// filled

static void store(u8 *at, u64 value, u32 bytes)
{
    for (u32 i = 0; i < bytes; i++)
        at[i] = (u8)(value >> 8 * i);
}

static const trace_facts *facts_of(const trim *t, u32 trace_header)
{
    return &t->trace->file.trace_headers[trace_header];
}

static u32 buffer_bytes(const trim *t, u32 trace_header)
{
    u32 size = facts_of(t, trace_header)->buffer_size;
    return size < LEAST_BUFFER || size > LIMIT_BUFFER_BYTES || size % 8 ? LEAST_BUFFER * 64 : size;
}

static bool is_compressed(const trim *t, u32 trace_header)
{
    return facts_of(t, trace_header)->log_file_mode & LOG_FILE_MODE_COMPRESSED;
}

static bool is_packed(const trim *t, const open_buffer *o)
{
    return is_compressed(t, o->trace_header) && o->bytes.bytes[TYPE_AT] != BUFFER_TYPE_HEADER;
}

static bool put(trim *t, span buffer, error *e)
{
    t->written += buffer.len;
    if (t->header_count)
        t->headers[t->header_count - 1].buffers++;
    return t->job->write(t->job->context, buffer, e);
}

static bool write_packed(trim *t, open_buffer *o, error *e)
{
    u8 *head = o->bytes.bytes;
    t->packed.len = 0;
    outbuf_add(&t->packed, head, BUFFER_HEADER_BYTES);
    xpress_encode(&t->packed, (span){head + BUFFER_HEADER_BYTES, o->bytes.len - BUFFER_HEADER_BYTES});
    store(t->packed.bytes, t->packed.len, 4);
    t->packed.bytes[FLAGS_AT] |= BUFFER_FLAG_COMPRESSED;
    return put(t, (span){t->packed.bytes, t->packed.len}, e);
}

// To its whole length, the rest as Windows fills it. Header buffers of compressed traces have a length of their own.
static bool write_plain(trim *t, open_buffer *o, error *e)
{
    enum { OF_COMPRESSED = 0x200 };
    size_t size = buffer_bytes(t, o->trace_header), used = o->bytes.len;
    if (is_compressed(t, o->trace_header))
        size = (used + OF_COMPRESSED - 1) & ~(size_t)(OF_COMPRESSED - 1);
    else if (size < used)
        size = used;
    memset(outbuf_reserve(&o->bytes, size - used), 0xff, size - used);
    store(o->bytes.bytes, size, 4);
    return put(t, (span){o->bytes.bytes, size}, e);
}

// Sessions that were never closed have no count.
static void note_header(trim *t, const open_buffer *o)
{
    enum { BUFFERS_WRITTEN_AT = 0x24 };
    event_frame frame;
    span first = {o->bytes.bytes + BUFFER_HEADER_BYTES, o->bytes.len - BUFFER_HEADER_BYTES};
    if (o->bytes.bytes[TYPE_AT] != BUFFER_TYPE_HEADER || !facts_of(t, o->trace_header)->buffers_written ||
        !event_frame_common(first, &frame) || frame.kind > HEADER_SYSTEM64)
        return;
    GROW(t->headers, t->header_count, t->header_cap);
    t->headers[t->header_count++] =
        (header_count){t->written + BUFFER_HEADER_BYTES + HEADER_FACTS[frame.kind].bytes + BUFFERS_WRITTEN_AT, 0};
}

static bool write_buffer(trim *t, open_buffer *o, error *e)
{
    if (!o->bytes.len)
        return true;
    u8 *head = o->bytes.bytes;
    u64 used = o->bytes.len;
    store(head + SAVED_AT, used, 4);
    store(head + CURRENT_AT, used, 4);
    store(head + FILLED_AT, used, 4);
    t->open_bytes -= used;
    note_header(t, o);
    bool ok = is_packed(t, o) ? write_packed(t, o, e) : write_plain(t, o, e);
    o->bytes.len = 0;
    return ok;
}

static bool write_all(trim *t, error *e)
{
    for (u32 i = 0; i < t->open_count; i++)
        if (!write_buffer(t, &t->open[i], e))
            return false;
    return true;
}

static bool same_processor(const void *items, u32 index, const void *key)
{
    return ((const open_buffer *)items)[index].processor == *(const u16 *)key;
}

static open_buffer *open_of(trim *t, u16 processor)
{
    u32 at = map_find(&t->by_processor, hash_u64(processor), same_processor, t->open, &processor);
    if (at == MAP_NONE) {
        GROW(t->open, t->open_count, t->open_cap);
        map_add(&t->by_processor, hash_u64(processor), t->open_count);
        t->open[t->open_count] = (open_buffer){.processor = processor};
        at = t->open_count++;
    }
    return &t->open[at];
}

// Whether something is missing before the buffer by the numbers, not by its own marks.
static bool is_after_hole(const trim *t, const etl_buffer *b)
{
    const losses *l = &t->trace->losses;
    u32 index = (u32)(b - t->trace->file.buffers);
    u32 at;
    BISECT(at, 0, l->after_count, l->after[index_] < index);
    return at < l->after_count && l->after[at] == index &&
           !(b->flags & (BUFFER_FLAG_EVENTS_LOST | BUFFER_FLAG_BUFFER_LOST));
}

// The header of a buffer of the trace, as far as it still has one.
static void begin_buffer(trim *t, open_buffer *o, const loaded_buffer *b)
{
    static const u8 NONE[BUFFER_HEADER_BYTES];
    const etl_buffer *desc = b->desc;
    outbuf_add(&o->bytes, desc->headless ? NONE : b->bytes.at, BUFFER_HEADER_BYTES);
    u8 *head = o->bytes.bytes;
    o->trace_header = desc->trace_header;
    store(head + SEQUENCE_AT, desc->type == BUFFER_TYPE_HEADER ? desc->sequence : t->sequence++, 8);
    head[FLAGS_AT] &= (u8)~BUFFER_FLAG_COMPRESSED;
    if (desc->headless) {
        store(head + 0x28, desc->processor, 2);
        store(head + 0x2a, desc->logger_id, 2);
        head[FLAGS_AT] = BUFFER_FLAG_PROCESSOR_INDEX;
    }
    if (desc->type == BUFFER_TYPE_HEADER && is_compressed(t, o->trace_header))
        store(head + STATE_AT, COMPRESSION_XPRESS, 2);
    t->open_bytes += BUFFER_HEADER_BYTES;
}

// ---------------------------------------------------------------------------------------------- events into buffers

static int by_place(const void *a, const void *b)
{
    const event_ref *x = a, *y = b;
    return (x->offset > y->offset) - (x->offset < y->offset);
}

static size_t record_bytes_of(const loaded_buffer *b, const event_ref *ref, bool *has_time)
{
    event_frame frame = {0};
    const char *why;
    (void)event_frame_at(span_from(b->bytes, ref->offset), &frame, &why);
    *has_time = frame.has_time;
    return frame.size;
}

// Events whose time is that of the one before them need that one.
static bool mark_events(trim *t, loaded_buffer *b)
{
    bool alone = false, any = false;
    t->takes = mem_grow(t->takes, 0, b->count + (size_t)1, 1);
    for (u32 i = 0; i < b->count; i++) {
        bool own = t->job->keeps(t->job->context, b, &b->refs[i], true);
        t->takes[i] = own || is_header(b, &b->refs[i]) || is_needed(t, b, &b->refs[i]);
        t->job->kept += own;
        any |= t->takes[i];
    }
    for (u32 i = b->count; i-- > 1;) {
        bool has_time;
        if (t->takes[i] && record_bytes_of(b, &b->refs[i], &has_time) && !has_time)
            t->takes[i - 1] = alone = true;
    }
    return any && alone;
}

static bool put_event(trim *t, open_buffer *o, const loaded_buffer *b, const event_ref *ref, error *e)
{
    static const u8 ZEROS[8];
    bool has_time;
    size_t bytes = record_bytes_of(b, ref, &has_time), padded = (bytes + 7) & ~(size_t)7;
    if (o->bytes.len && o->bytes.len + padded > buffer_bytes(t, b->desc->trace_header) &&
        o->bytes.len > BUFFER_HEADER_BYTES && !write_buffer(t, o, e))
        return false;
    if (!o->bytes.len)
        begin_buffer(t, o, b);
    outbuf_add(&o->bytes, b->bytes.at + ref->offset, bytes);
    outbuf_add(&o->bytes, ZEROS, padded - bytes);
    t->open_bytes += padded;
    t->job->carried++;
    return t->open_bytes < OPEN_BYTES || write_all(t, e);
}

// Buffers of a processor are put together, unless something is said of one that would then be said of others.
static bool must_be_alone(const trim *t, const etl_buffer *b)
{
    return b->type || b->flags & (BUFFER_FLAG_EVENTS_LOST | BUFFER_FLAG_BUFFER_LOST | BUFFER_FLAG_RTBACKUP) ||
           is_after_hole(t, b);
}

static bool put_buffer(trim *t, const buffer_events *found, error *e)
{
    loaded_buffer *b = &t->loaded;
    if (!load(t, found))
        return error_set(e, "%s: a buffer cannot be read again", t->trace->file.input->name);
    if (b->count)
        qsort(b->refs, b->count, sizeof(*b->refs), by_place);
    bool alone = mark_events(t, b) || must_be_alone(t, b->desc);
    open_buffer *o = open_of(t, b->desc->processor);
    if ((alone || o->trace_header != b->desc->trace_header) && !write_buffer(t, o, e))
        return false;
    t->sequence += is_after_hole(t, b->desc);
    bool ok = true;
    for (u32 i = 0; i < b->count && ok; i++)
        ok = !t->takes[i] || put_event(t, o, b, &b->refs[i], e);
    return ok && (!alone || write_buffer(t, o, e));
}

// ---------------------------------------------------------------------------------------------- the whole

static bool stopped(const trim *t)
{
    return t->job->stop && *t->job->stop;
}

// The times of events that are kept.
static bool find_times(trim *t, error *e)
{
    for (u32 i = 0; i < t->trace->filled_count; i++) {
        if (stopped(t))
            return error_set(e, "interrupted");
        if (!load(t, &t->trace->filled[i]))
            return error_set(e, "%s: a buffer cannot be read again", t->trace->file.input->name);
        for (u32 k = 0; k < t->loaded.count; k++) {
            const event_ref *ref = &t->loaded.refs[k];
            if (t->job->keeps(t->job->context, &t->loaded, ref, false))
                keep_time(t, ref->time);
        }
    }
    return true;
}

static bool put_all(trim *t, error *e)
{
    u32 last = 0;
    for (u32 i = 0; i < t->trace->filled_count; i++) {
        const buffer_events *found = &t->trace->filled[i];
        u32 trace_header = t->trace->file.buffers[found->buffer].trace_header;
        if (stopped(t))
            return error_set(e, "interrupted");
        if ((trace_header != last && !write_all(t, e)) || !put_buffer(t, found, e))
            return false;
        last = trace_header;
    }
    return write_all(t, e);
}

static bool put_counts(const trim *t, error *e)
{
    u8 bytes[4];
    bool ok = true;
    for (u32 i = 0; i < t->header_count && ok; i++) {
        store(bytes, t->headers[i].buffers, sizeof(bytes));
        ok = t->job->change(t->job->context, t->headers[i].offset, (span){bytes, sizeof(bytes)}, e);
    }
    return ok;
}

static void find_interests(trim *t)
{
    const session *s = t->job->session;
    u32 count = class_count(s->classes);
    t->interests = mem_zeroed(count + (size_t)1, 1);
    for (u32 i = 0; i < count; i++) {
        t->interests[i] = (u8)interest_of(s->correlator, class_at(s->classes, i));
        t->has_stacks |= t->interests[i] == INTEREST_STACK;
    }
}

static void trim_free(trim *t)
{
    for (u32 i = 0; i < t->open_count; i++)
        outbuf_free(&t->open[i].bytes);
    mem_free(t->open);
    map_free(&t->by_processor);
    map_free(&t->by_thread);
    mem_free(t->threads);
    mem_free(t->interests);
    mem_free(t->times);
    mem_free(t->takes);
    mem_free(t->headers);
    outbuf_free(&t->packed);
    loaded_buffer_free(&t->loaded);
    buffer_reader_free(&t->reader);
}

bool trim_trace(trim_job *job, error *e)
{
    trim t = {.job = job, .trace = job->session->traces[0]};
    const etl_file *f = &t.trace->file;
    job->kept = job->carried = 0;
    if (!f->trace_headers[0].present)
        return error_set(e, "%s: its trace header is lost, without which a part of it would have no times",
                         f->input->name);
    find_interests(&t);
    bool ok = true;
    if (t.has_stacks) {
        t.times = mem_zeroed((size_t)1 << TIME_BITS >> 6, sizeof(*t.times));
        ok = find_times(&t, e);
    }
    ok = ok && put_all(&t, e) && put_counts(&t, e);
    job->carried -= ok ? job->kept : 0;
    trim_free(&t);
    return ok;
}
