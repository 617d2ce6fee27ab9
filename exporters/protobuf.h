// Protocol Buffers' wire format, as much as messages of numbers, texts and messages need.
//
//     size_t message = pb_open(out, 1);
//     pb_number(out, 8, time);
//     pb_close(out, message);
#ifndef ETWKIT_PROTOBUF_H
#define ETWKIT_PROTOBUF_H

#include <assert.h>
#include <string.h>

#include "base/outbuf.h"
#include "base/text.h"

enum { PB_VARINT = 0, PB_BYTES = 2, PB_LENGTH_BYTES = 4 };

static inline void pb_varint(outbuf *out, u64 value)
{
    u8 *p = outbuf_reserve(out, 10);
    for (; value > 0x7f; value >>= 7)
        *p++ = (u8)(value | 0x80);
    *p++ = (u8)value;
    outbuf_written(out, p);
}

static inline void pb_number(outbuf *out, u32 id, u64 value)
{
    pb_varint(out, id << 3 | PB_VARINT);
    pb_varint(out, value);
}

static inline void pb_bytes(outbuf *out, u32 id, span bytes)
{
    pb_varint(out, id << 3 | PB_BYTES);
    pb_varint(out, bytes.len);
    outbuf_add(out, bytes.at, bytes.len);
}

// As valid UTF-8.
static inline void pb_text(outbuf *out, u32 id, span text)
{
    u8 *clean = mem_alloc(3 * text.len + 1);
    pb_bytes(out, id, (span){clean, (size_t)(text_utf8(clean, text) - clean)});
    mem_free(clean);
}

// A message in a message: its length is filled in, in four bytes, when it is closed.
static inline size_t pb_open(outbuf *out, u32 id)
{
    pb_varint(out, id << 3 | PB_BYTES);
    outbuf_written(out, outbuf_reserve(out, PB_LENGTH_BYTES) + PB_LENGTH_BYTES);
    return out->len;
}

static inline void pb_close(outbuf *out, size_t start)
{
    size_t len = out->len - start;
    assert(len < (size_t)1 << 28);
    for (u32 i = 0; i < PB_LENGTH_BYTES; i++)
        out->bytes[start - PB_LENGTH_BYTES + i] = (u8)((len >> 7 * i & 0x7f) | (i + 1 < PB_LENGTH_BYTES ? 0x80 : 0));
}

#endif
