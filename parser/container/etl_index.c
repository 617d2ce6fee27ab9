// Which byte ranges of a file are buffers. Follows buffer headers from the file's start; where one does not hold, the
// evidence beside it is asked: the size the session's buffers have, where the next header stands, whether events hold
// together after it. Whatever was assumed against a header is noted as damage; whatever stays dark is damage as well.
#include <string.h>

#include "base/limits.h"
#include "container/anchor.h"
#include "container/chain.h"
#include "container/event.h"
#include "container/xpress.h"

enum {
    PEEK_BYTES = BUFFER_HEADER_BYTES + 8, // a header and the mark of its first event
    LOOK_BYTES = 64 << 10,                // a header and the events after it
    SCAN_BYTES = 1 << 20,
    SECTOR_BYTES = 4096,
    SMALLEST_BUFFER = 1024,  // sessions have none below; anything smaller says nothing about its neighbours
    PROOF_BYTES = 128 << 10, // inflated to see whether a compressed buffer holds events: two of the largest
};

u32 etl_buffer_limit = LIMIT_BUFFERS;

// The header read last: of a compressed buffer each is looked at when the one before it is measured, and again
// when its turn comes.
struct last_peek {
    u64 offset;
    size_t len; // 0: nothing was read yet
    u8 bytes[PEEK_BYTES];
};

static span peek(const etl_file *f, u64 offset, u8 *bytes, size_t len)
{
    struct last_peek *last = f->last_peek;
    bool failed = false;
    if (len != PEEK_BYTES)
        return (span){bytes, input_read(f->input, offset, bytes, len, &failed)};
    if (!last->len || last->offset != offset) {
        last->len = input_read(f->input, offset, last->bytes, PEEK_BYTES, &failed);
        last->offset = offset;
    }
    memcpy(bytes, last->bytes, last->len);
    return (span){bytes, last->len};
}

static bool size_is_sane(u32 size)
{
    return size >= SMALLEST_BUFFER && size <= LIMIT_BUFFER_BYTES && size % 8 == 0;
}

// Of an uncompressed buffer: as the session's facts say, else as the file's first bytes say, else as the buffer before.
static u32 session_buffer_size(const etl_file *f)
{
    u32 size = f->trace_header_count ? f->trace_headers[f->session_header].buffer_size : 0;
    if (!size_is_sane(size))
        size = f->hint_size;
    if (!size && f->count && !(f->buffers[f->count - 1].flags & BUFFER_FLAG_COMPRESSED) &&
        size_is_sane(f->buffers[f->count - 1].size))
        size = f->buffers[f->count - 1].size;
    return size;
}

static bool session_compresses(const etl_file *f)
{
    bool mode = f->trace_header_count && (f->trace_headers[f->session_header].log_file_mode & LOG_FILE_MODE_COMPRESSED);
    return mode || f->hint_compressed || f->compressed;
}

// ---------------------------------------------------------------------------------------------- signs of a buffer

// `used` says that all bytes are in use: none of them is fill then.
static bool events_hold(span bytes, bool used)
{
    chain_bytes c = {bytes, used ? bytes.len : chain_fill_at(bytes)};
    return chain_holds(&c, BUFFER_HEADER_BYTES, 0);
}

// Whether the bytes after a header inflate to events: three in a row, or fewer and then the end. `at` may be cut.
static bool inflates_to_events(span at)
{
    buffer_header h;
    buffer_header_read(at.at, &h);
    size_t want = h.filled > BUFFER_HEADER_BYTES ? h.filled - BUFFER_HEADER_BYTES : PROOF_BYTES, made = 0, pos = 0;
    want = want < PROOF_BYTES ? want : PROOF_BYTES;
    u8 first[64 + XPRESS_SLACK];
    error e;
    span packed = span_from(at, BUFFER_HEADER_BYTES);
    // A copy that reaches over what is wanted ends the attempt early: what came out is what counts.
    bool enough = want >= 8 && (xpress_inflate_part(packed, first, 64, &made, &e) || made >= 4);
    if (!enough || !(first[3] & 0x80))
        return false;
    u8 *out = mem_alloc(want + XPRESS_SLACK);
    bool whole = xpress_inflate_part(packed, out, want, &made, &e);
    event_frame frame;
    const char *why;
    u32 events = 0;
    while (events < 3 && event_frame_at(span_from((span){out, made}, pos), &frame, &why) == FRAME_OK) {
        pos += (frame.size + 7) & ~(size_t)7;
        events++;
    }
    mem_free(out);
    return events == 3 || (events && whole && pos + 8 > made) || (events && made > PROOF_BYTES / 2);
}

// Events somewhere in a buffer whose beginning is destroyed.
static bool events_inside(span bytes)
{
    chain_bytes c = {bytes, chain_fill_at(bytes)};
    return chain_next(&c, BUFFER_HEADER_BYTES, c.fill_at, 0) < c.fill_at;
}

// A sound header before bytes that are events. `at` holds what is there of LOOK_BYTES.
static bool is_proven(span at, u64 capacity)
{
    if (!buffer_header_plausible(at, capacity, 0))
        return false;
    buffer_header h;
    buffer_header_read(at.at, &h);
    u32 used = h.filled ? h.filled : h.saved_offset;
    if (used < BUFFER_HEADER_BYTES + 8) // an empty buffer: its two counts must agree
        return h.filled == h.saved_offset && h.claimed_size >= SMALLEST_BUFFER;
    span bytes = {at.at, at.len < h.claimed_size ? at.len : h.claimed_size};
    if (h.flags & BUFFER_FLAG_COMPRESSED)
        return inflates_to_events(bytes);
    bytes.len = bytes.len < used ? bytes.len : used;
    if (events_hold(bytes, true))
        return true;
    // Three large events may be more than was looked at.
    event_frame frame;
    const char *why;
    return bytes.len == LOOK_BYTES && event_frame_at(span_from(bytes, BUFFER_HEADER_BYTES), &frame, &why) == FRAME_OK;
}

static bool plausible_at(const etl_file *f, u64 offset)
{
    u8 bytes[PEEK_BYTES];
    if (offset >= f->input->bytes)
        return false;
    return buffer_header_plausible(peek(f, offset, bytes, PEEK_BYTES), f->input->bytes - offset, 0);
}

// Size, type and flags alone: in a cut buffer, or with a damaged fill count or first event, these must do.
static bool header_almost(const etl_file *f, u64 offset, span at)
{
    buffer_header h;
    if (at.len < BUFFER_HEADER_BYTES)
        return false;
    buffer_header_read(at.at, &h);
    u32 session = session_buffer_size(f);
    if (load_u16(at.at + 0x36) > BUFFER_TYPE_LAST || load_u16(at.at + 0x34) > 0x7f)
        return false;
    bool first = offset == 0 && h.type == BUFFER_TYPE_HEADER && h.claimed_size >= BUFFER_HEADER_BYTES &&
                 h.claimed_size % 8 == 0 && h.claimed_size < f->input->bytes && plausible_at(f, h.claimed_size);
    return first || (session && h.claimed_size == session);
}

// ---------------------------------------------------------------------------------------------- what is no buffer

// The file from `offset` on holds fill bytes only (0 or 0xff): space the session reserved and never used.
static bool only_fill(const etl_file *f, u64 offset)
{
    u8 *bytes = mem_alloc(SCAN_BYTES);
    bool fill = true, failed = false;
    u64 at = offset;
    while (fill && at < f->input->bytes) {
        size_t got = input_read(f->input, at, bytes, SCAN_BYTES, &failed), i = 0;
        if (got == 0)
            break;
        while (i < got && (bytes[i] == 0 || bytes[i] == 0xff))
            i++;
        fill = i == got;
        at += i;
    }
    mem_free(bytes);
    return fill && !failed && at == f->input->bytes;
}

// One place of a scan: a buffer stands here. Buffers of a live session stand at multiples of their size, so there less
// is asked for: there the header or the events may be damaged.
static bool buffer_starts(const etl_file *f, span at, u64 offset, u32 grid)
{
    u64 capacity = f->input->bytes - offset;
    u32 size = load_u32(at.at);
    if (size >= BUFFER_HEADER_BYTES && size <= LIMIT_BUFFER_BYTES && is_proven(at, capacity))
        return offset % 8 == 0 || (at.at[0x34] & BUFFER_FLAG_COMPRESSED);
    if (!grid || offset % grid != 0)
        return false;
    return buffer_header_plausible(at, capacity, 0) || events_inside((span){at.at, at.len < grid ? at.len : grid});
}

// The next place from `offset` to before `until` where a buffer starts. What cannot be read is passed over.
static bool find_buffer(const etl_file *f, u64 offset, u64 until, u64 *found)
{
    u32 grid = session_compresses(f) ? 0 : session_buffer_size(f);
    size_t stride = session_compresses(f) || (!f->count && !grid) ? 1 : 8;
    u8 *bytes = mem_alloc(SCAN_BYTES + LOOK_BYTES);
    bool hit = false;
    u64 base = stride == 8 ? (offset + 7) & ~(u64)7 : offset;
    until = until < f->input->bytes ? until : f->input->bytes;
    while (!hit && base < until) {
        bool failed = false;
        size_t got = input_read(f->input, base, bytes, SCAN_BYTES + LOOK_BYTES, &failed), i = 0;
        for (; i < SCAN_BYTES && i + BUFFER_HEADER_BYTES <= got && base + i < until && !hit; i += stride) {
            size_t look = got - i < LOOK_BYTES ? got - i : LOOK_BYTES;
            hit = buffer_starts(f, (span){bytes + i, look}, base + i, grid);
            *found = base + i;
        }
        if (!failed && got < SCAN_BYTES)
            break;
        base = got < SCAN_BYTES ? ((base + got) / SECTOR_BYTES + 1) * SECTOR_BYTES : base + i;
    }
    mem_free(bytes);
    return hit;
}

// ---------------------------------------------------------------------------------------------- facts of the session

// A text of a header; the one before it mostly has the same.
static const char *keep_text(etl_file *f, const char *text, const char *before)
{
    return before && strcmp(text, before) == 0 ? before : arena_text(&f->arena, text);
}

static void push_trace_header(etl_file *f, const trace_facts *facts)
{
    static const trace_facts NONE = {0};
    SPILL_GROW(f->trace_header_block, f->trace_headers, f->trace_header_count, f->trace_header_cap);
    const trace_facts *before = f->trace_header_count ? &f->trace_headers[f->trace_header_count - 1] : &NONE;
    trace_facts *kept = &f->trace_headers[f->trace_header_count++];
    *kept = *facts;
    kept->standard_name = keep_text(f, facts->standard_name, before->standard_name);
    kept->daylight_name = keep_text(f, facts->daylight_name, before->daylight_name);
    kept->session = keep_text(f, facts->session, before->session);
    kept->log_file = keep_text(f, facts->log_file, before->log_file);
}

// Reads the trace header event of a buffer that should hold one; the buffer's fill count may be what is damaged.
static bool read_facts(etl_file *f, etl_buffer *b, arena *texts, trace_facts *facts)
{
    u8 *bytes = mem_alloc(etl_capacity(b));
    etl_scratch scratch = {0};
    bool ok = trace_facts_read(etl_load(f, b, bytes, &scratch, NULL, NULL), texts, facts);
    if (!ok && b->used < b->size && !(b->flags & BUFFER_FLAG_COMPRESSED)) {
        etl_buffer whole = *b;
        whole.used = b->size;
        ok = trace_facts_read(etl_load(f, &whole, bytes, &scratch, NULL, NULL), texts, facts);
        if (ok) {
            damage_add(&f->damage, b->offset + 0x30, 4, "buffer",
                       "%u used bytes are claimed, the trace header event is "
                       "longer",
                       b->used);
            b->used = b->size;
        }
    }
    mem_free(scratch.bytes);
    mem_free(bytes);
    return ok;
}

static void read_trace_header(etl_file *f, etl_buffer *b)
{
    arena texts = {0};
    trace_facts facts;
    if (read_facts(f, b, &texts, &facts)) {
        if (b->type != BUFFER_TYPE_HEADER)
            damage_add(&f->damage, b->offset + 0x36, 2, "buffer",
                       "type %u is claimed for a buffer that holds the trace "
                       "header event",
                       b->type);
        b->type = BUFFER_TYPE_HEADER;
        facts.logger_id = b->logger_id;
        f->session_header = f->trace_header_count;
        f->sessions++;
        push_trace_header(f, &facts);
    } else if (f->count == 0) {
        trace_facts_assume(&facts); // anchor_guess says so
        push_trace_header(f, &facts);
    } else {
        damage_add(&f->damage, b->offset, 0, "header",
                   "a header buffer without a trace header event: the facts of the "
                   "session before were used on");
    }
    arena_free(&texts);
}

static bool is_clock(const session_clock *a, const session_clock *b)
{
    return a->base_time == b->base_time && a->base_filetime == b->base_filetime && a->frequency == b->frequency &&
           a->others_off == b->others_off;
}

// A buffer of a real-time session's backup brings its own pair of clock and UTC.
static void read_reference(etl_file *f, etl_buffer *b, const buffer_header *h)
{
    if (!(h->flags & BUFFER_FLAG_RTBACKUP) || !anchor_is_filetime(h->reference_filetime) || h->reference_time <= 0)
        return;
    session_clock clock = f->trace_headers[f->session_header].clock;
    clock.base_time = h->reference_time;
    clock.base_filetime = h->reference_filetime;
    if (!f->clock_count || !is_clock(&f->reference_clocks[f->clock_count - 1], &clock)) {
        SPILL_GROW(f->clock_block, f->reference_clocks, f->clock_count, f->clock_cap);
        f->reference_clocks[f->clock_count++] = clock;
    }
    b->clock = f->clock_count;
}

// ---------------------------------------------------------------------------------------------- one buffer

// How many bytes are used. Two fields say it and agree in every buffer but header buffers, whose SavedOffset is stale.
static u32 used_bytes(etl_file *f, u64 offset, const buffer_header *h, u32 size)
{
    bool compressed = h->flags & BUFFER_FLAG_COMPRESSED, header = h->type == BUFFER_TYPE_HEADER;
    u32 limit = compressed ? LIMIT_BUFFER_BYTES : size;
    bool filled = h->filled >= BUFFER_HEADER_BYTES && h->filled <= limit;
    bool saved = h->saved_offset >= BUFFER_HEADER_BYTES && h->saved_offset <= limit;
    if (filled && (header || h->saved_offset == h->filled))
        return h->filled;
    if (!filled && saved && h->filled == 0)
        return h->saved_offset;
    if (!filled && !saved && h->filled == 0 && h->saved_offset == 0 && !compressed)
        return limit;
    u32 used = filled && saved    ? (h->filled > h->saved_offset ? h->filled : h->saved_offset)
               : filled           ? h->filled
               : saved && !header ? h->saved_offset
                                  : limit;
    damage_add(&f->damage, offset, BUFFER_HEADER_BYTES, "buffer",
               "%u and %u used bytes are claimed, the buffer has %u; %u were looked at", h->filled, h->saved_offset,
               compressed ? session_buffer_size(f) : size, used);
    f->damaged_buffers++;
    return used;
}

static void add_buffer(etl_file *f, u64 offset, const buffer_header *h, u32 claimed, u32 size)
{
    bool compressed = h->flags & BUFFER_FLAG_COMPRESSED;
    u32 used = used_bytes(f, offset, h, claimed);
    etl_buffer b = {.offset = offset,
                    .size = size,
                    .used = compressed || used < size ? used : size,
                    .sequence = h->sequence,
                    .time_stamp = h->time_stamp,
                    .processor = h->processor,
                    .logger_id = h->logger_id,
                    .flags = h->flags,
                    .type = h->type,
                    .headless = !h->filled && !h->saved_offset && h->type != BUFFER_TYPE_HEADER && !compressed,
                    .counted = used == h->filled && used != claimed,
                    .cut = size < claimed};
    if (h->type == BUFFER_TYPE_HEADER || f->count == 0)
        read_trace_header(f, &b);
    b.trace_header = f->session_header;
    read_reference(f, &b, h);
    SPILL_GROW(f->buffer_block, f->buffers, f->count, f->cap);
    f->buffers[f->count++] = b;
    f->compressed += compressed;
    f->clean_end = h->flags & BUFFER_FLAG_FLUSH;
    f->account.headers += BUFFER_HEADER_BYTES;
}

static bool leads_on(const etl_file *f, u64 to)
{
    return to == f->input->bytes || plausible_at(f, to);
}

// The next buffer has this size too.
static bool repeats(const etl_file *f, u64 to, u32 size)
{
    u8 bytes[PEEK_BYTES];
    if (to >= f->input->bytes)
        return false;
    span at = peek(f, to, bytes, PEEK_BYTES);
    return buffer_header_plausible(at, f->input->bytes - to, 0) && load_u32(at.at) == size;
}

static bool inflates_whole(const etl_file *f, u64 offset, const buffer_header *h)
{
    etl_buffer b = {.offset = offset,
                    .size = h->claimed_size,
                    .used = h->filled,
                    .flags = h->flags,
                    .trace_header = f->session_header};
    if (h->claimed_size > f->input->bytes - offset || h->filled < BUFFER_HEADER_BYTES || h->filled > LIMIT_BUFFER_BYTES)
        return false;
    u8 *bytes = mem_alloc(etl_capacity(&b));
    etl_scratch scratch = {0};
    bool ok = etl_load(f, &b, bytes, &scratch, NULL, NULL).len == b.used;
    mem_free(scratch.bytes);
    mem_free(bytes);
    return ok;
}

// The size of a buffer whose claim does not lead on, with the next buffer `gap` bytes away: either the claim is
// damaged, or a buffer between the two is.
static u32 bounded_size(const etl_file *f, u64 offset, const buffer_header *h, u32 gap)
{
    u32 claimed = h->claimed_size, session = session_buffer_size(f);
    bool fits = claimed >= BUFFER_HEADER_BYTES && claimed < gap && gap - claimed >= BUFFER_HEADER_BYTES;
    if (h->flags & BUFFER_FLAG_COMPRESSED)
        return fits && inflates_whole(f, offset, h) ? claimed : gap;
    if (!session || session_compresses(f)) // header buffers of compressed traces have a size of their own
        return fits && h->filled <= claimed ? claimed : gap;
    return session < gap ? session : gap;
}

// BufferSize as claimed where that leads on, else as the evidence has it.
static u32 mend_size(etl_file *f, u64 offset, const buffer_header *h)
{
    u32 claimed = h->claimed_size, session = session_buffer_size(f);
    bool compressed = h->flags & BUFFER_FLAG_COMPRESSED;
    bool sane = claimed >= BUFFER_HEADER_BYTES && claimed <= LIMIT_BUFFER_BYTES;
    u64 left = f->input->bytes - offset, found = 0;
    bool fixed = !compressed && session && !session_compresses(f); // then all buffers have this size
    bool by_session = fixed && claimed != session && session <= left &&
                      (session == left || repeats(f, offset + session, session)) &&
                      !(sane && repeats(f, offset + claimed, claimed));
    if ((fixed && claimed == session) || (sane && !by_session && leads_on(f, offset + claimed)))
        return claimed;
    u32 size = claimed;
    if (by_session) {
        size = session;
    } else if (find_buffer(f, offset + BUFFER_HEADER_BYTES, offset + LIMIT_BUFFER_BYTES, &found)) {
        u32 gap = (u32)(found - offset);
        size = bounded_size(f, offset, h, gap);
    } else if (!compressed && session) {
        size = session;
    } else if (!sane || (compressed && claimed < left && !inflates_whole(f, offset, h))) {
        size = left < LIMIT_BUFFER_BYTES ? (u32)left : LIMIT_BUFFER_BYTES;
    }
    if (size != claimed) {
        damage_add(&f->damage, offset, 4, "buffer", "BufferSize claims %u bytes, by what stands around it has %u",
                   claimed, size);
        f->damaged_buffers++;
    }
    return size;
}

// A flag that says "compressed" against the session's mode, or the other way round, is believed only where the bytes
// agree.
static void mend_flag(etl_file *f, u64 offset, buffer_header *h, span at)
{
    bool claimed = h->flags & BUFFER_FLAG_COMPRESSED;
    if (claimed == session_compresses(f) || !f->trace_header_count || h->type == BUFFER_TYPE_HEADER)
        return;
    span used = {at.at, at.len < h->filled || h->filled < BUFFER_HEADER_BYTES ? at.len : h->filled};
    bool plain = events_hold(used, true);
    if (claimed ? !plain : plain || !inflates_to_events(at))
        return;
    h->flags ^= BUFFER_FLAG_COMPRESSED;
    damage_add(&f->damage, offset + 0x34, 1, "buffer", "flagged as %s, its bytes are not",
               claimed ? "compressed" : "plain");
    f->damaged_buffers++;
}

static bool holds_facts(span at)
{
    trace_facts facts;
    arena a = {0};
    bool ok = trace_facts_read(at, &a, &facts);
    arena_free(&a);
    return ok;
}

// The header does not hold, but events stand after it: what can be known of a buffer without its header.
static bool rebuild_header(etl_file *f, u64 offset, span at, buffer_header *h)
{
    u32 session = session_compresses(f) ? 0 : session_buffer_size(f);
    buffer_header_read(at.at, h);
    span look = {at.at, session && session < at.len ? session : at.len};
    bool header = holds_facts(look), packed = false;
    if (!header && !events_hold(look, false) && !(session && events_inside(look))) {
        packed = session_compresses(f) && inflates_to_events(at);
        if (!packed)
            return false;
    }
    h->flags = packed ? BUFFER_FLAG_COMPRESSED : 0;
    h->type = header ? BUFFER_TYPE_HEADER : 0;
    if (!packed)
        h->claimed_size = session && session <= f->input->bytes - offset ? session : 0;
    if (!packed)
        h->filled = h->saved_offset = 0;
    if (h->sequence >> 40)
        h->sequence = 0;
    h->processor &= 0x7ff;
    damage_add(&f->damage, offset, BUFFER_HEADER_BYTES, "buffer",
               "the buffer's header contradicts itself, the events "
               "after it hold together; of which processor and in which order is uncertain");
    f->damaged_buffers++;
    return true;
}

// Takes the buffer at `offset` into the index, where one stands there; *size is then what it occupies.
static bool take_buffer(etl_file *f, u64 offset, u8 *look, u32 *size)
{
    u64 left = f->input->bytes - offset;
    span at = peek(f, offset, look, PEEK_BYTES);
    buffer_header h;
    if (at.len < BUFFER_HEADER_BYTES && left >= BUFFER_HEADER_BYTES && session_buffer_size(f))
        at = (span){look, etl_read_around(f, offset, look, LOOK_BYTES, &(etl_hole){0, 0})};
    if (at.len < BUFFER_HEADER_BYTES)
        return false;
    bool sound = buffer_header_plausible(at, left, 0), compressed = at.at[0x34] & BUFFER_FLAG_COMPRESSED;
    buffer_header_read(at.at, &h);
    if (at.len <= PEEK_BYTES && (!sound || compressed != session_compresses(f)))
        at = peek(f, offset, look, LOOK_BYTES);
    if (at.len < BUFFER_HEADER_BYTES || (!sound && !header_almost(f, offset, at) && !rebuild_header(f, offset, at, &h)))
        return false;
    mend_flag(f, offset, &h, at);
    u32 claimed = mend_size(f, offset, &h);
    *size = claimed;
    if (claimed > left) {
        damage_add(&f->damage, f->input->bytes, 0, "truncated",
                   "the last buffer claims %u bytes, the file holds %llu of them", claimed, (unsigned long long)left);
        f->damaged_buffers++;
        *size = (u32)left;
    }
    add_buffer(f, offset, &h, claimed, *size);
    return true;
}

// Bytes at `offset` start no buffer: unused space, or damage up to the next one. Returns where to go on.
static u64 step_over(etl_file *f, u64 offset)
{
    u64 found = f->input->bytes, left = f->input->bytes - offset;
    if (left < BUFFER_HEADER_BYTES) {
        f->account.damage += left;
        damage_add(&f->damage, offset, left, "truncated", "the file ends %llu bytes into a buffer header",
                   (unsigned long long)left);
        return f->input->bytes;
    }
    if (only_fill(f, offset)) {
        f->account.unused += left;
        return f->input->bytes;
    }
    bool again = find_buffer(f, offset + 1, f->input->bytes, &found);
    u64 to = again && found > offset ? found : f->input->bytes;
    u32 step = session_buffer_size(f);
    bool in_grid = step && offset % step == 0;
    f->damaged_buffers += in_grid;
    u8 bytes[8] = {0};
    bool unread = peek(f, offset, bytes, sizeof(bytes)).len == 0;
    f->account.damage += to - offset;
    if (unread)
        damage_add(&f->damage, offset, to - offset, "read", "the file could not be read here; %s",
                   again ? "reading goes on at the next buffer" : "no buffer follows");
    else
        damage_add(&f->damage, offset, to - offset, again || in_grid ? "buffer" : "garbage",
                   "no buffer starts here: BufferSize claims %u bytes, %llu are left; %s", load_u32(bytes),
                   (unsigned long long)left, again ? "reading goes on at the next buffer" : "no buffer follows");
    return to;
}

// What the file's first event tells, whatever the header before it looks like.
static void read_hint(etl_file *f, u8 *look)
{
    trace_facts facts;
    arena a = {0};
    if (trace_facts_read(peek(f, 0, look, LOOK_BYTES), &a, &facts)) {
        f->hint_size = size_is_sane(facts.buffer_size) ? facts.buffer_size : 0;
        f->hint_compressed = facts.log_file_mode & LOG_FILE_MODE_COMPRESSED;
    }
    arena_free(&a);
}

// A file that was cut between two buffers looks whole; the header's count tells, where the session wrote it.
static void check_count(etl_file *f)
{
    const trace_facts *facts = &f->trace_headers[0];
    if (!facts->present || f->sessions > 1 || f->damage.ranges || (facts->log_file_mode & LOG_FILE_MODE_CIRCULAR) ||
        !facts->end_time || facts->buffers_written <= f->count)
        return;
    damage_add(&f->damage, f->input->bytes, 0, "truncated", "the trace header counts %u buffers, %u are there",
               facts->buffers_written, f->count);
}

// What is behind the last buffer that is taken.
static void refuse_rest(etl_file *f, u64 at)
{
    u64 left = f->input->bytes - at;
    if (!left)
        return;
    f->account.damage += left;
    damage_add(&f->damage, at, left, "limit", "LIMIT_BUFFERS: %u buffers were read, what is behind them was not",
               etl_buffer_limit);
}

void etl_index(etl_file *f)
{
    u8 *look = mem_alloc(LOOK_BYTES);
    struct last_peek last = {.len = 0};
    f->last_peek = &last;
    read_hint(f, look);
    u64 passed = 0, at = 0;
    while (at < f->input->bytes && f->count < etl_buffer_limit) {
        u32 size = 0;
        at = take_buffer(f, at, look, &size) && size ? at + size : step_over(f, at);
        spill_pass(&passed, sizeof(*f->buffers), SPILL_ITEMS);
    }
    refuse_rest(f, at < f->input->bytes ? at : f->input->bytes);
    spill_seal(f->buffer_block);
    mem_free(look);
    f->last_peek = NULL;
    if (!f->trace_header_count) {
        trace_facts facts;
        trace_facts_assume(&facts);
        push_trace_header(f, &facts);
    }
    if (!f->sessions)
        f->sessions = 1;
    check_count(f);
}

bool etl_begins_new_file(const input *in)
{
    u8 *look = mem_alloc(LOOK_BYTES);
    bool failed = false;
    trace_facts facts = {0};
    arena a = {0};
    bool ok = trace_facts_read((span){look, input_read(in, 0, look, LOOK_BYTES, &failed)}, &a, &facts);
    arena_free(&a);
    mem_free(look);
    return ok && (facts.log_file_mode & LOG_FILE_MODE_NEWFILE);
}

bool etl_is_likely(const input *in)
{
    u8 *look = mem_alloc(LOOK_BYTES);
    bool failed = false;
    span at = {look, input_read(in, 0, look, LOOK_BYTES, &failed)};
    bool likely = at.len >= BUFFER_HEADER_BYTES && (holds_facts(at) || is_proven(at, UINT64_MAX));
    mem_free(look);
    return likely;
}
