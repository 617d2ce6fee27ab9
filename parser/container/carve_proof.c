#include "container/carve_proof.h"

#include <string.h>

#include "base/limits.h"
#include "base/map.h"
#include "container/chain.h"
#include "container/lznt1.h"
#include "container/xpress.h"
#include "container/xpress_huffman.h"

enum {
    STATE_LAST = 6,         // of a buffer (ntwmi.h of phnt); 3 in files
    RECORD_HEAD = 48,       // no record has its size or time beyond
    ALIGNED_SIZE = 8,       // of plain buffers and records
    EXACT_RECORDS = 2,      // that end where the used bytes do are proof enough
    BEGINNING = 64,         // bytes of a first event that copies of a buffer are found by
    FIRST_BYTES = 16,       // inflated of a stream at first,
    PROOF_BYTES = 4096,     // then, where these begin a record, which is enough for most,
    PROOF_MOST = 256 << 10, // and then, for records that are longer
    CLUSTER = 4096,         // of file systems
    OUT_OF_ORDER = 1000000  // ticks: of events that several processors wrote into one buffer
};

// ---------------------------------------------------------------------------------------------- records in a row

// Where records are: in an image from an offset on, or in bytes that were inflated.
typedef struct record_source {
    image_view *view; // NULL: `bytes`
    u64 offset;
    span bytes;
    i64 flushed; // of a buffer that says so in its events' clock: no event of it is later; else 0
} record_source;

static span source_at(const record_source *s, u64 at, u64 end)
{
    u64 want = end - at < VIEW_MOST ? end - at : VIEW_MOST;
    if (s->view)
        return view_at(s->view, s->offset + at, (size_t)want);
    span rest = span_from(s->bytes, (size_t)at);
    rest.len = rest.len < want ? rest.len : (size_t)want;
    return rest;
}

typedef struct time_range {
    u32 count;
    i64 first, last;
} time_range;

// Of one clock, or of two: a record may have been logged by another one than the rest of its buffer.
typedef struct record_times {
    time_range of[2];
} record_times;

// Records that follow each other. The last one is not proven until something does.
typedef struct records {
    u64 whole, end;      // where the last proven one ends, and where the last one does
    u64 last, last_byte; // where the last one begins and ends
    i64 last_time;
    u32 events, weight;      // events: proven ones, weight: of all
    record_times times, all; // of proven ones, and of all
} records;

static void records_begin(records *r, u64 at)
{
    *r = (records){.whole = at, .end = at};
}

// False: it is near to neither of the two, which both have times.
static bool add_time(record_times *times, i64 time)
{
    for (u32 i = 0; i < COUNT_OF(times->of); i++) {
        time_range *t = &times->of[i];
        if (t->count && !chain_is_near(t->last, time))
            continue;
        t->first = !t->count || time < t->first ? time : t->first;
        t->last = !t->count || time > t->last ? time : t->last;
        t->count++;
        return true;
    }
    return false;
}

// Whether records that are another file's follow, and go on as the buffer's own by chance: clusters of files may lie in
// any order. In a buffer times do not go back, nor behind the time when it was flushed. A clock that was set back looks
// the same, but hardly ever where a cluster begins.
static bool is_other_file(const record_source *s, const records *r, const event_frame *frame)
{
    u64 last = s->offset + r->last, here = s->offset + r->end;
    if (!s->view || !r->last_time || !frame->has_time || last / CLUSTER == here / CLUSTER ||
        !chain_is_near(r->last_time, frame->time))
        return false;
    bool is_late = s->flushed && r->last_time <= s->flushed && frame->time > s->flushed;
    return is_late || frame->time < r->last_time - OUT_OF_ORDER;
}

static void prove_last(records *r)
{
    r->events += r->whole != r->end;
    r->whole = r->end;
    r->times = r->all;
}

// Whether a record may follow the others. Without a header that is trusted, times prove that records are no noise.
static bool add_record(records *r, const event_frame *frame, bool trusted)
{
    record_times all = r->all;
    if (frame->has_time && !add_time(&all, frame->time))
        return false;
    if (!trusted && r->weight < CHAIN_PROOF && frame->has_time && (frame->time <= 0 || all.of[1].count))
        return false;
    prove_last(r);
    r->last = r->end;
    r->last_byte = r->end + frame->size - 1u;
    r->last_time = frame->has_time ? frame->time : r->last_time;
    r->end += (frame->size + ALIGNED_SIZE - 1u) & ~(ALIGNED_SIZE - 1u);
    r->weight = r->weight < CHAIN_PROOF ? r->weight + chain_weight(frame) : r->weight;
    r->all = all;
    return true;
}

static const time_range *times_of(const records *r)
{
    return &r->times.of[r->times.of[1].count > r->times.of[0].count];
}

// A record of which only the beginning is left: the one before it is whole.
static bool begins_record(span rest)
{
    return rest.len >= 4 && (rest.at[3] == MARK_MESSAGE || (rest.at[3] == MARK_EVENT && *header_kind_name(rest.at[2])));
}

// Whether the last record ends with other bytes than those of a buffer's fill, and such fill follows it.
static bool begins_fill(const record_source *s, const records *r, u64 end)
{
    span rest = source_at(s, r->last_byte, end);
    u64 gap = r->end - r->last_byte;
    return rest.len >= gap + 8 && rest.at[0] != 0xff && load_u64(rest.at + gap) == UINT64_MAX;
}

static bool ends_in_fill(const record_source *s, const records *r)
{
    span last = source_at(s, r->last_byte, r->last_byte + 1);
    return !last.len || last.at[0] == 0xff;
}

// Follows records up to `end`. Whether they lead exactly there.
static bool walk(const record_source *s, u64 end, bool trusted, records *r)
{
    span rest = {0};
    while (r->end + ALIGNED_SIZE <= end) {
        event_frame frame;
        rest = source_at(s, r->end, end);
        if (!chain_frame(rest, &frame) || is_other_file(s, r, &frame) || !add_record(r, &frame, trusted))
            break;
    }
    bool exact = r->end + ALIGNED_SIZE > end;
    bool cut = !exact && rest.len < RECORD_HEAD && rest.len < end - r->end && begins_record(rest);
    if (exact || cut || (r->end != r->whole && begins_fill(s, r, end)))
        prove_last(r);
    else if (r->end != r->whole && ends_in_fill(s, r))
        r->end = r->whole; // it is torn, whatever comes next
    return exact;
}

// ---------------------------------------------------------------------------------------------- headers

typedef enum header_trust {
    HEADER_NONE_HERE,
    HEADER_DOUBTED, // several records in a row must follow it
    HEADER_TRUSTED, // fields that are nothing to each other in other bytes agree
} header_trust;

// What is not in the bytes of a header: used bytes that are possible.
static bool used_fits(u32 used, u32 size, bool packed)
{
    return used >= BUFFER_HEADER_BYTES && used <= (packed ? LIMIT_BUFFER_BYTES : size);
}

// How far a header can be believed, and what it says is used. A buffer that was being filled when memory was dumped
// has only CurrentOffset (0x08) to say so (ntwmi.h of phnt; not seen in a real dump yet).
static header_trust judge_header(const u8 *head, u64 left, buffer_header *h, u32 *used, bool *is_live)
{
    buffer_header_read(head, h);
    u32 size = h->claimed_size, current = load_u32(head + 0x08);
    bool packed = h->flags & BUFFER_FLAG_COMPRESSED;
    u32 flags = load_u16(head + 0x34), type = load_u16(head + 0x36);
    if (size < BUFFER_HEADER_BYTES || size > LIMIT_BUFFER_BYTES || (!packed && size % ALIGNED_SIZE != 0) ||
        left < BUFFER_HEADER_BYTES || flags > 0x7f || type > BUFFER_TYPE_LAST || load_u32(head + 0x0c) > 0xffff)
        return HEADER_NONE_HERE;
    *is_live = !h->filled && !h->saved_offset;
    *used = h->filled ? h->filled : *is_live ? current : h->saved_offset;
    if (!used_fits(*used, size, packed) || (*is_live && (packed || *used == BUFFER_HEADER_BYTES)))
        return HEADER_NONE_HERE;
    return h->filled == h->saved_offset && !*is_live && h->state <= STATE_LAST ? HEADER_TRUSTED : HEADER_DOUBTED;
}

// Right after another buffer like it.
static bool follows_its_like(const carve *c, const carve_buffer *b)
{
    const carve_buffer *last = c->count ? &c->buffers[c->count - 1] : NULL;
    return last && last->offset + last->size == b->offset && last->logger_id == b->logger_id &&
           (last->form == COMPRESSION_NONE ? last->size == b->size : b->form != COMPRESSION_NONE);
}

// What copies of a buffer have in common, from its first event on; header buffers, from the second one on.
static void hash_beginning(carve_buffer *b, span events)
{
    event_frame first;
    if (!chain_frame(events, &first))
        return;
    size_t size = (first.size + ALIGNED_SIZE - 1u) & ~(ALIGNED_SIZE - 1u);
    span part = {events.at, first.size < BEGINNING ? first.size : BEGINNING};
    if (b->is_header && b->good_end >= BUFFER_HEADER_BYTES + size) {
        part = span_from(events, size);
        part.len =
            part.len < b->good_end - BUFFER_HEADER_BYTES - size ? part.len : b->good_end - BUFFER_HEADER_BYTES - size;
    }
    b->begins = hash_more(hash_u64((u64)b->logger_id << 16 | b->processor), part.at, part.len);
}

// ---------------------------------------------------------------------------------------------- plain buffers

static void take_records(carve_buffer *b, const records *r, bool exact)
{
    const time_range *t = times_of(r);
    b->events = r->events;
    b->good_end = r->whole < b->used ? (u32)r->whole : b->used;
    b->torn_end = r->end < b->used ? (u32)r->end : b->used;
    b->first_time = t->first;
    b->last_time = t->last;
    b->intact = exact;
}

// The trace header event is a proof of its own.
static bool is_header_buffer(image_view *view, const carve_buffer *b)
{
    arena strings = {0};
    trace_facts facts;
    bool is_one =
        b->type == BUFFER_TYPE_HEADER && trace_facts_read(view_at(view, b->offset, b->used), &strings, &facts);
    arena_free(&strings);
    return is_one;
}

static bool prove_plain(const carve_prover *p, carve_buffer *b, header_trust trust)
{
    record_source s = {.view = p->view, .offset = b->offset, .flushed = b->time_stamp};
    records r;
    records_begin(&r, BUFFER_HEADER_BYTES);
    bool exact = walk(&s, b->used, trust == HEADER_TRUSTED, &r);
    if (r.end == BUFFER_HEADER_BYTES)
        return false;
    b->is_header = is_header_buffer(p->view, b);
    if (b->is_header && !r.events)
        prove_last(&r);
    take_records(b, &r, exact);
    hash_beginning(b, view_at(p->view, b->offset + BUFFER_HEADER_BYTES, VIEW_MOST));
    bool is_proven = r.weight >= CHAIN_PROOF || (exact && r.events >= EXACT_RECORDS);
    return b->is_header || (r.events && (trust == HEADER_TRUSTED || is_proven || follows_its_like(p->carve, b)));
}

// ---------------------------------------------------------------------------------------------- packed buffers

static u8 *reserve(u8 **block, size_t *capacity, size_t bytes)
{
    if (bytes > *capacity) {
        mem_free(*block);
        *block = NULL;
        *block = mem_alloc(bytes);
        *capacity = bytes;
    }
    return *block;
}

static bool inflate(compression form, span in, u8 *out, size_t want, size_t *made)
{
    error e;
    if (form == COMPRESSION_LZNT1)
        return lznt1_inflate_part(in, out, want, made, &e);
    if (form == COMPRESSION_XPRESS_HUFF)
        return xpress_huffman_inflate_part(in, out, want, made, &e);
    return xpress_inflate_part(in, out, want, made, &e);
}

// Up to `want` bytes of records, after the place of a header. What is inflated in all is bounded by the image's size.
static span inflate_records(carve_prover *p, span stream, compression form, size_t want, bool *whole)
{
    carve *c = p->carve;
    size_t made = 0;
    u8 *out = reserve(&p->inflated, &p->inflated_capacity, BUFFER_HEADER_BYTES + want + XPRESS_SLACK);
    memset(out, 0, BUFFER_HEADER_BYTES);
    *whole = inflate(form, stream, out + BUFFER_HEADER_BYTES, want, &made);
    c->inflated += made;
    return (span){out, BUFFER_HEADER_BYTES + made};
}

static void walk_inflated(span bytes, records *r, u64 end)
{
    record_source s = {.bytes = bytes};
    records_begin(r, BUFFER_HEADER_BYTES);
    (void)walk(&s, end, false, r);
}

// Whether a stream of this form gives records: a few bytes decide it for most, some records for the rest.
static bool stream_begins(carve_prover *p, span stream, compression form, size_t want)
{
    static const size_t STEPS[] = {FIRST_BYTES, PROOF_BYTES, PROOF_MOST};
    for (size_t i = 0; i < COUNT_OF(STEPS); i++) {
        bool whole;
        size_t step = want < STEPS[i] ? want : STEPS[i];
        span bytes = inflate_records(p, stream, form, step, &whole);
        if (bytes.len < BUFFER_HEADER_BYTES + 8 || !begins_record(span_from(bytes, BUFFER_HEADER_BYTES)))
            return false;
        if (STEPS[i] == FIRST_BYTES)
            continue;
        records r;
        walk_inflated(bytes, &r, BUFFER_HEADER_BYTES + step);
        if (r.weight >= CHAIN_PROOF || (step == want && r.events))
            return true;
        if (step == want)
            return false;
    }
    return false;
}

static span read_packed(carve_prover *p, const carve_buffer *b)
{
    bool failed = false;
    u8 *into = reserve(&p->packed, &p->packed_capacity, b->here);
    span bytes = {into, input_read(p->view->image, b->offset, into, b->here, &failed)};
    return span_from(bytes, BUFFER_HEADER_BYTES);
}

// The stream may be of any of three forms; the header buffer that says which may be lost.
static bool prove_packed(carve_prover *p, carve_buffer *b)
{
    static const compression FORMS[] = {COMPRESSION_XPRESS, COMPRESSION_LZNT1, COMPRESSION_XPRESS_HUFF};
    carve *c = p->carve;
    size_t want = b->used - BUFFER_HEADER_BYTES;
    if (c->inflated > c->image->bytes * LIMIT_CARVED_RATIO + LIMIT_CARVED_INFLATED) {
        c->not_inflated++;
        return false;
    }
    span ahead = span_from(view_at(p->view, b->offset, b->here), BUFFER_HEADER_BYTES);
    for (size_t i = 0; i < COUNT_OF(FORMS); i++) {
        bool whole;
        records r;
        if (!stream_begins(p, ahead, FORMS[i], want))
            continue;
        b->form = FORMS[i];
        span bytes = inflate_records(p, read_packed(p, b), FORMS[i], want, &whole);
        walk_inflated(bytes, &r, b->used);
        take_records(b, &r, whole && r.end + ALIGNED_SIZE > b->used);
        hash_beginning(b, span_from(bytes, BUFFER_HEADER_BYTES));
        return r.events && (b->intact || r.weight >= CHAIN_PROOF);
    }
    return false;
}

// ---------------------------------------------------------------------------------------------- one place

bool prove_buffer(carve_prover *p, u64 offset, const u8 *head, carve_buffer *b)
{
    buffer_header h;
    u32 used;
    bool is_live;
    u64 left = p->view->image->bytes - offset;
    header_trust trust = judge_header(head, left, &h, &used, &is_live);
    if (trust == HEADER_NONE_HERE)
        return false;
    *b = (carve_buffer){.offset = offset,
                        .size = h.claimed_size,
                        .here = h.claimed_size < left ? h.claimed_size : (u32)left,
                        .used = used,
                        .good_end = BUFFER_HEADER_BYTES,
                        .torn_end = BUFFER_HEADER_BYTES,
                        .flags = h.flags,
                        .type = h.type,
                        .processor = h.processor,
                        .logger_id = h.logger_id,
                        .sequence = h.sequence,
                        .time_stamp = h.time_stamp,
                        .facts = CARVE_NONE,
                        .session = CARVE_NONE,
                        .duplicate_of = CARVE_NONE,
                        .is_live = is_live,
                        .intact = true};
    if (used == BUFFER_HEADER_BYTES) { // an empty one has nothing to show
        b->begins = hash_bytes(head, BUFFER_HEADER_BYTES);
        return follows_its_like(p->carve, b);
    }
    if (h.flags & BUFFER_FLAG_COMPRESSED)
        return prove_packed(p, b);
    return prove_plain(p, b, trust);
}

bool prove_orphans(carve_prover *p, u64 offset, carve_orphans *o)
{
    record_source s = {.view = p->view, .offset = offset};
    event_frame first;
    records r;
    u64 end = p->view->image->bytes - offset;
    if (!chain_frame(source_at(&s, 0, end), &first) || !first.has_time)
        return false;
    records_begin(&r, 0);
    (void)walk(&s, end, false, &r);
    const time_range *t = times_of(&r);
    *o = (carve_orphans){offset, r.whole, r.end, r.events, t->first, t->last};
    return r.weight >= CHAIN_PROOF;
}

void prove_end(carve_buffer *b, u64 offset)
{
    u64 here = offset - b->offset;
    if (b->here > here)
        b->here = (u32)here;
    // What is left between the two is less than a record's header: the last record ends before it.
    if (!b->intact && b->form == COMPRESSION_NONE && b->torn_end > b->good_end && b->torn_end <= here &&
        here - b->torn_end < RECORD_HEAD) {
        b->good_end = b->torn_end;
        b->events++;
    }
}

span prove_bytes(carve_prover *p, const carve_buffer *b)
{
    bool ignored;
    if (b->form != COMPRESSION_NONE) {
        span bytes = inflate_records(p, read_packed(p, b), b->form, b->used - BUFFER_HEADER_BYTES, &ignored);
        bytes.len = bytes.len < b->good_end ? bytes.len : b->good_end;
        return bytes;
    }
    u8 *into = reserve(&p->packed, &p->packed_capacity, b->good_end);
    return (span){into, input_read(p->view->image, b->offset, into, b->good_end, &ignored)};
}

span prove_tail(carve_prover *p, const carve_buffer *b)
{
    bool ignored;
    if (!b->tail)
        return (span){0};
    u8 *into = reserve(&p->packed, &p->packed_capacity, b->used - b->tail);
    return (span){into, input_read(p->view->image, b->offset + b->tail, into, b->used - b->tail, &ignored)};
}

void carve_proven(const carve *c, const carve_buffer *b, outbuf *into)
{
    carve ignored = {.image = c->image};
    image_view view = {.image = c->image};
    carve_prover p = {.carve = &ignored, .view = &view};
    u8 header[BUFFER_HEADER_BYTES] = {0};
    bool failed;
    (void)input_read(c->image, b->offset, header, sizeof(header), &failed);
    into->len = 0;
    outbuf_add(into, header, sizeof(header));
    span events = span_from(prove_bytes(&p, b), BUFFER_HEADER_BYTES);
    outbuf_add(into, events.at, events.len);
    if (b->tail && into->len <= b->tail) {
        size_t hole = b->tail - into->len;
        memset(outbuf_reserve(into, hole), 0xff, hole);
        into->len += hole;
        span tail = prove_tail(&p, b);
        outbuf_add(into, tail.at, tail.len);
    }
    prover_free(&p);
}

void prover_free(carve_prover *p)
{
    mem_free(p->packed);
    mem_free(p->inflated);
}
