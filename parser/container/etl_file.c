#include "container/etl_file.h"

#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "container/lznt1.h"
#include "container/xpress.h"
#include "container/xpress_huffman.h"

enum {
    PEEK_BYTES = BUFFER_HEADER_BYTES + 8, // a header and the mark of its first event
    SCAN_BYTES = 1 << 20,
    SMALLEST_STEP = 8,
};

static span peek(const etl_file *f, u64 offset, u8 bytes[PEEK_BYTES])
{
    bool failed = false;
    return (span){bytes, os_read_at(&f->os, offset, bytes, PEEK_BYTES, &failed)};
}

static u32 session_buffer_size(const etl_file *f)
{
    u32 size = f->epoch_count ? f->epochs[f->epoch_count - 1].buffer_size : 0;
    return size >= BUFFER_HEADER_BYTES && size <= LIMIT_BUFFER_BYTES ? size : 0;
}

static bool plausible_at(const etl_file *f, u64 offset)
{
    u8 bytes[PEEK_BYTES];
    if (offset >= f->os.bytes)
        return false;
    return buffer_header_plausible(peek(f, offset, bytes), f->os.bytes - offset, session_buffer_size(f));
}

// ---------------------------------------------------------------------------------------------- what is no buffer

// The file from `offset` on holds one fill byte only (0 or 0xff): space the session reserved and never used.
static bool only_fill(const etl_file *f, u64 offset, u64 *end)
{
    u8 *bytes = mem_alloc(SCAN_BYTES);
    bool fill = true, failed = false;
    for (*end = offset; fill && *end < f->os.bytes;) {
        size_t got = os_read_at(&f->os, *end, bytes, SCAN_BYTES, &failed), i = 0;
        if (got == 0)
            break;
        while (i < got && (bytes[i] == 0 || bytes[i] == 0xff))
            i++;
        fill = i == got;
        *end += i;
    }
    mem_free(bytes);
    return fill && !failed;
}

// The next place behind `offset` where a buffer can start. Live-written buffers stand at multiples of the session's
// buffer size, so those are tried first; then every 8 bytes, and every byte where buffers are compressed.
static bool find_buffer(const etl_file *f, u64 offset, u64 *found)
{
    u64 step = session_buffer_size(f);
    bool unaligned = f->compressed || (f->epoch_count && (f->epochs[0].log_file_mode & LOG_FILE_MODE_COMPRESSED));
    if (step && !unaligned) {
        for (u64 at = (offset / step + 1) * step; at < f->os.bytes; at += step) {
            if (plausible_at(f, at)) {
                *found = at;
                return true;
            }
        }
    }
    u8 *bytes = mem_alloc(SCAN_BYTES + PEEK_BYTES);
    bool failed = false, hit = false;
    size_t stride = unaligned ? 1 : SMALLEST_STEP;
    for (u64 base = offset + stride; !hit && base < f->os.bytes; base += SCAN_BYTES) {
        size_t got = os_read_at(&f->os, base, bytes, SCAN_BYTES + PEEK_BYTES, &failed);
        for (size_t i = 0; i < SCAN_BYTES && i + PEEK_BYTES <= got && !hit; i += stride) {
            if (load_u32(bytes + i) < BUFFER_HEADER_BYTES || load_u32(bytes + i) > LIMIT_BUFFER_BYTES)
                continue;
            hit = buffer_header_plausible((span){bytes + i, PEEK_BYTES}, f->os.bytes - base - i, session_buffer_size(f));
            *found = base + i;
        }
        if (got < PEEK_BYTES)
            break;
    }
    mem_free(bytes);
    return hit;
}

// ---------------------------------------------------------------------------------------------- the index

static void read_epoch(etl_file *f, const etl_buffer *b)
{
    u8 *bytes = mem_alloc(etl_room(b));
    etl_scratch scratch = {0};
    span used = etl_load(f, b, bytes, &scratch, NULL);
    trace_facts facts;
    if (trace_facts_read(used, &f->arena, &facts)) {
        GROW(f->epochs, f->epoch_count, f->epoch_cap);
        f->epochs[f->epoch_count++] = facts;
    } else if (f->count == 0) {
        damage_add(&f->damage, b->offset, 0, "header",
                   "the first buffer holds no trace header event: clock, start time and session are not known");
    }
    mem_free(scratch.bytes);
    mem_free(bytes);
}

static void add_buffer(etl_file *f, u64 offset, const buffer_header *h, u32 size, bool cut)
{
    bool compressed = h->flags & BUFFER_FLAG_COMPRESSED;
    u32 limit = compressed ? (session_buffer_size(f) ? session_buffer_size(f) : LIMIT_BUFFER_BYTES) : size;
    u32 used = h->filled >= BUFFER_HEADER_BYTES && h->filled <= limit ? h->filled : h->saved_offset;
    if (used < BUFFER_HEADER_BYTES || used > limit)
        used = limit;
    etl_buffer b = {.offset = offset, .size = size, .used = used, .sequence = h->sequence, .processor = h->processor,
                    .logger_id = h->logger_id, .flags = h->flags, .type = h->type, .cut = cut};
    if (h->type == BUFFER_TYPE_HEADER)
        read_epoch(f, &b);
    b.epoch = f->epoch_count ? f->epoch_count - 1 : 0;
    GROW(f->buffers, f->count, f->cap);
    f->buffers[f->count++] = b;
    f->compressed += compressed;
    f->clean_end = h->flags & BUFFER_FLAG_FLUSH;
    f->account.headers += BUFFER_HEADER_BYTES;
}

static void skip_damage(etl_file *f, u64 from, u64 to, const char *kind, const char *what)
{
    f->account.damage += to - from;
    damage_add(&f->damage, from, to - from, kind, "%s", what);
}

// Bytes at `offset` start no buffer: unused space, or damage up to the next one. Returns where to go on.
static u64 step_over(etl_file *f, u64 offset)
{
    u64 end, found;
    if (only_fill(f, offset, &end)) {
        f->account.unused += f->os.bytes - offset;
        return f->os.bytes;
    }
    bool again = find_buffer(f, offset, &found);
    u64 to = again ? found : f->os.bytes;
    u64 step = session_buffer_size(f);
    bool in_grid = step && offset % step == 0;
    if (in_grid)
        f->damaged_buffers++;
    char text[160];
    u8 bytes[PEEK_BYTES] = {0};
    (void)peek(f, offset, bytes);
    snprintf(text, sizeof(text), "no buffer starts here: BufferSize claims %u bytes, %llu are left; %s", load_u32(bytes),
             (unsigned long long)(f->os.bytes - offset),
             again ? "reading goes on at the next buffer" : "no buffer follows");
    skip_damage(f, offset, to, again || in_grid ? "buffer" : "garbage", text);
    return to;
}

// A header whose size does not lead to another buffer, where the session's size would: the size is what is damaged.
static u32 mend_size(etl_file *f, u64 offset, const buffer_header *h)
{
    u32 session = session_buffer_size(f);
    u64 left = f->os.bytes - offset;
    if ((h->flags & BUFFER_FLAG_COMPRESSED) || !session || h->claimed_size == session)
        return h->claimed_size;
    if (h->claimed_size == left || plausible_at(f, offset + h->claimed_size))
        return h->claimed_size;
    if (session != left && !plausible_at(f, offset + session))
        return h->claimed_size;
    damage_add(&f->damage, offset, 4, "buffer", "BufferSize claims %u bytes, the next buffer stands after %u",
               h->claimed_size, session);
    f->damaged_buffers++;
    return session;
}

static bool header_acceptable(const etl_file *f, span at, u64 room)
{
    if (buffer_header_plausible(at, room, session_buffer_size(f)))
        return true;
    // Right at the start of a cut file, or with a damaged fill count, size and type alone must do.
    if (at.len < BUFFER_HEADER_BYTES)
        return false;
    buffer_header h;
    buffer_header_read(at.at, &h);
    u32 session = session_buffer_size(f);
    return session && h.claimed_size == session && load_u16(at.at + 0x36) <= BUFFER_TYPE_LAST &&
           load_u16(at.at + 0x34) <= 0x7f;
}

static void index_buffers(etl_file *f)
{
    u64 at = 0;
    while (at < f->os.bytes) {
        u8 bytes[PEEK_BYTES];
        span head = peek(f, at, bytes);
        u64 left = f->os.bytes - at;
        if (!header_acceptable(f, head, left)) {
            u64 next = step_over(f, at);
            at = next > at ? next : f->os.bytes;
            continue;
        }
        buffer_header h;
        buffer_header_read(bytes, &h);
        u32 size = mend_size(f, at, &h);
        bool cut = size > left;
        if (cut) {
            damage_add(&f->damage, at + left, 0, "truncated", "the last buffer claims %u bytes, the file holds %llu of them",
                       size, (unsigned long long)left);
            f->damaged_buffers++;
            size = (u32)left;
        }
        add_buffer(f, at, &h, size, cut);
        at += size;
    }
}

// A trace has at least one buffer that is more than a lucky pattern: a readable header, or a second buffer.
static bool is_trace(const etl_file *f)
{
    return f->epoch_count > 0 || f->count > 1 || (f->count == 1 && f->buffers[0].offset == 0);
}

bool etl_open(etl_file *f, const char *path, error *e)
{
    memset(f, 0, sizeof(*f));
    if (!os_open(&f->os, path, e))
        return false;
    f->path = arena_text(&f->arena, path);
    const char *slash = strrchr(f->path, '/');
    f->name = slash ? slash + 1 : f->path;
    if (f->os.bytes == 0) {
        etl_close(f);
        return error_set(e, "%s: the file is empty; a trace starts with a buffer header of %d bytes", path,
                         BUFFER_HEADER_BYTES);
    }
    index_buffers(f);
    if (!is_trace(f)) {
        u8 bytes[PEEK_BYTES] = {0};
        (void)peek(f, 0, bytes);
        u64 size = f->os.bytes;
        etl_close(f);
        return error_set(e,
                         "%s: this is no event trace: a buffer size of %u was claimed by its first bytes "
                         "(%02x %02x %02x %02x), the file has %llu bytes and no trace buffer was found in them",
                         path, load_u32(bytes), bytes[0], bytes[1], bytes[2], bytes[3], (unsigned long long)size);
    }
    if (!f->epoch_count) {
        GROW(f->epochs, f->epoch_count, f->epoch_cap);
        trace_facts_assume(&f->epochs[f->epoch_count++]);
    }
    return true;
}

void etl_close(etl_file *f)
{
    os_close(&f->os);
    mem_free(f->epochs);
    mem_free(f->buffers);
    damage_free(&f->damage);
    arena_free(&f->arena);
}

// ---------------------------------------------------------------------------------------------- one buffer

size_t etl_room(const etl_buffer *b)
{
    return (size_t)(b->used > b->size ? b->used : b->size) + XPRESS_SLACK;
}

static bool inflate(compression form, span in, u8 *out, size_t len, size_t *made, error *e)
{
    switch (form) {
    case COMPRESSION_LZNT1:
        return lznt1_inflate_part(in, out, len, made, e);
    case COMPRESSION_XPRESS_HUFF:
        return xpress_huffman_inflate_part(in, out, len, made, e);
    case COMPRESSION_NONE:
    case COMPRESSION_XPRESS:
        return xpress_inflate_part(in, out, len, made, e);
    }
    *made = 0;
    return error_set(e, "compression format %d does not exist", (int)form);
}

static span load_compressed(const etl_file *f, const etl_buffer *b, u8 *into, etl_scratch *scratch, damage_log *damage)
{
    if (scratch->cap < b->size) {
        scratch->cap = b->size;
        scratch->bytes = mem_grow(scratch->bytes, scratch->cap, 1);
    }
    bool failed = false;
    size_t got = os_read_at(&f->os, b->offset, scratch->bytes, b->size, &failed);
    if (got < b->size && damage)
        damage_add(damage, b->offset + got, b->size - got, "read", "%zu of the buffer's %u bytes could be read", got,
                   b->size);
    span packed = span_from((span){scratch->bytes, got}, BUFFER_HEADER_BYTES);
    memset(into, 0, BUFFER_HEADER_BYTES);
    memcpy(into, scratch->bytes, got < BUFFER_HEADER_BYTES ? got : BUFFER_HEADER_BYTES);
    size_t made = 0;
    error e;
    compression form = b->epoch < f->epoch_count ? f->epochs[b->epoch].compression : COMPRESSION_XPRESS;
    if (!inflate(form, packed, into + BUFFER_HEADER_BYTES, b->used - BUFFER_HEADER_BYTES, &made, &e) && damage)
        damage_add(damage, b->offset, 0, "compression", "%zu of the %u bytes claimed could be inflated: %s", made,
                   b->used - BUFFER_HEADER_BYTES, e.message);
    return (span){into, BUFFER_HEADER_BYTES + made};
}

span etl_load(const etl_file *f, const etl_buffer *b, u8 *into, etl_scratch *scratch, damage_log *damage)
{
    if (b->flags & BUFFER_FLAG_COMPRESSED)
        return load_compressed(f, b, into, scratch, damage);
    bool failed = false;
    size_t want = b->used < b->size ? b->used : b->size;
    size_t got = os_read_at(&f->os, b->offset, into, want, &failed);
    if (got < want && damage)
        damage_add(damage, b->offset + got, want - got, "read", "%zu of the buffer's %zu used bytes could be read", got,
                   want);
    return (span){into, got};
}
