#include "container/etl_file.h"

#include <string.h>

#include "container/anchor.h"
#include "container/lznt1.h"
#include "container/xpress.h"
#include "container/xpress_huffman.h"
#include "input/kinds.h"

enum { SECTOR_BYTES = 4096 }; // what is passed over where a read fails

// Every buffer in the index is more than a lucky pattern.
static bool is_trace(const etl_file *f)
{
    return f->count > 0;
}

bool etl_open(etl_file *f, const input *in, error *e)
{
    memset(f, 0, sizeof(*f));
    f->input = in;
    if (in->bytes == 0)
        return error_code_set(e, ERR_EMPTY, "%s: the file is empty; a trace starts with a buffer header of %d bytes",
                              in->path, BUFFER_HEADER_BYTES);
    etl_index(f);
    if (!is_trace(f)) {
        char kind[KIND_TEXT];
        u8 first;
        bool failed = false;
        (void)input_read(in, 0, &first, 1, &failed);
        etl_close(f);
        if (failed)
            return error_code_set(e, ERR_IO, "%s: it cannot be read", in->path);
        return error_code_set(e, ERR_NOT_A_TRACE,
                              "%s: not an event trace: %s, and no trace buffer was found in its %llu bytes", in->path,
                              input_kind_text(in, kind), (unsigned long long)in->bytes);
    }
    if (!f->trace_headers[0].present)
        anchor_guess(f);
    return true;
}

void etl_close(etl_file *f)
{
    spill_free(&f->trace_header_block);
    spill_free(&f->clock_block);
    spill_free(&f->buffer_block);
    damage_free(&f->damage);
    arena_free(&f->arena);
}

// ---------------------------------------------------------------------------------------------- one buffer

size_t etl_capacity(const etl_buffer *b)
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
        scratch->bytes = mem_grow(scratch->bytes, 0, scratch->cap, 1);
    }
    bool failed = false;
    size_t got = input_read(f->input, b->offset, scratch->bytes, b->size, &failed);
    if (got < b->size && damage)
        damage_add(damage, b->offset + got, b->size - got, "read", "%zu of the buffer's %u bytes could be read", got,
                   b->size);
    span packed = span_from((span){scratch->bytes, got}, BUFFER_HEADER_BYTES);
    memset(into, 0, BUFFER_HEADER_BYTES);
    memcpy(into, scratch->bytes, got < BUFFER_HEADER_BYTES ? got : BUFFER_HEADER_BYTES);
    size_t made = 0, want = b->used - BUFFER_HEADER_BYTES;
    error e;
    compression form =
        b->trace_header < f->trace_header_count ? f->trace_headers[b->trace_header].compression : COMPRESSION_XPRESS;
    bool ok = inflate(form, packed, into + BUFFER_HEADER_BYTES, want, &made, &e);
    // The format's number may be what is damaged; all known traces have this one.
    if (!ok && form != COMPRESSION_XPRESS) {
        size_t other = 0;
        error ignored;
        if (inflate(COMPRESSION_XPRESS, packed, into + BUFFER_HEADER_BYTES, want, &other, &ignored))
            return (span){into, b->used};
        (void)inflate(form, packed, into + BUFFER_HEADER_BYTES, want, &made, &e);
    }
    if (!ok && damage)
        damage_add(damage, b->offset, 0, "compression", "%zu of the %zu bytes claimed could be inflated: %s", made,
                   want, e.message);
    return (span){into, BUFFER_HEADER_BYTES + made};
}

size_t etl_read_around(const etl_file *f, u64 offset, u8 *into, size_t want, etl_hole *hole)
{
    size_t got = 0;
    while (got < want) {
        bool failed = false;
        got += input_read(f->input, offset + got, into + got, want - got, &failed);
        if (!failed || !hole)
            break;
        size_t skip = SECTOR_BYTES - (size_t)((offset + got) % SECTOR_BYTES);
        if (skip > want - got)
            skip = want - got;
        memset(into + got, 0, skip);
        if (!hole->end)
            hole->at = got;
        got += skip;
        hole->end = got;
    }
    return got;
}

span etl_load(const etl_file *f, const etl_buffer *b, u8 *into, etl_scratch *scratch, etl_hole *hole,
              damage_log *damage)
{
    if (hole)
        *hole = (etl_hole){0, 0};
    if (b->flags & BUFFER_FLAG_COMPRESSED)
        return load_compressed(f, b, into, scratch, damage);
    size_t want = b->used < b->size ? b->used : b->size;
    size_t got = etl_read_around(f, b->offset, into, want, hole);
    if (hole && hole->end && damage)
        damage_add(damage, b->offset + hole->at, hole->end - hole->at, "read",
                   "%zu bytes of the buffer could not be read", hole->end - hole->at);
    if (got < want && damage)
        damage_add(damage, b->offset + got, want - got, "read", "%zu of the buffer's %zu used bytes could be read", got,
                   want);
    return (span){into, got};
}
