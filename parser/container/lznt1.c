// LZNT1 inflater. The stream is a sequence of chunks:
//
//   u16  header: bits 11..0 bytes that follow - 1, bits 14..12 always 3, bit 15 compressed; a header of 0 ends it
//   not compressed: the bytes
//   compressed:     u8 flags, least significant first, each for one of the next 8 elements:
//                   0  one literal byte
//                   1  u16: distance - 1 on top, length - 3 below
//
// Where in that u16 the two meet depends on how far the chunk has come: the distance has just the bits it needs,
// 4 at least and 12 at most.
#include "container/lznt1.h"

#include <string.h>

enum { CHUNK_BYTES = 4096, HEADER_BYTES = 2 };

typedef struct chunk {
    span data;
    bool compressed;
} chunk;

// False with *end set where the stream ends properly, else damaged.
static bool chunk_take(cursor *c, chunk *out, bool *end, error *e)
{
    *end = cursor_left(c) == 0;
    if (*end)
        return false;
    if (cursor_left(c) < HEADER_BYTES)
        return error_set(e, "LZNT1 chunk header needs 2 bytes, 1 is left");
    u16 header = take_u16(c);
    *end = header == 0;
    if (*end)
        return false;
    if ((header >> 12 & 7) != 3)
        return error_set(e, "LZNT1 chunk header is 0x%04x, its bits 12 to 14 should be 3", header);
    size_t claimed = (header & 0xfffu) + 1;
    if (claimed > cursor_left(c))
        return error_set(e, "LZNT1 chunk claims %zu bytes, %zu are left", claimed, cursor_left(c));
    *out = (chunk){take(c, claimed), header >> 15};
    return true;
}

// position >= 1
static inline unsigned length_bits(size_t position)
{
    unsigned needed = 32 - (unsigned)__builtin_clz((u32)(position - 1) | 15);
    return 16 - needed;
}

// One compressed chunk into out[0 .. capacity), capacity <= CHUNK_BYTES. Output that does not fit is trouble only where
// `whole` is asked for; otherwise the chunk may end early.
static bool chunk_inflate(span data, u8 *out, size_t capacity, bool whole, size_t *made, error *e)
{
    const u8 *in = data.at, *end = in + data.len;
    size_t at = 0;
    *made = 0;
    while (in < end) {
        u8 flags = *in++;
        for (unsigned i = 0; i < 8 && in < end; i++, flags >>= 1) {
            if (at == capacity)
                return !whole || error_set(e, "LZNT1 chunk holds more than %zu bytes", capacity);
            if (!(flags & 1)) {
                out[at++] = *in++;
                *made = at;
                continue;
            }
            if (end - in < 2)
                return error_set(e, "LZNT1 match needs 2 bytes, 1 is left of its chunk");
            if (!at)
                return error_set(e, "LZNT1 chunk starts with a match");
            u32 match = load_u16(in);
            in += 2;
            unsigned bits = length_bits(at);
            size_t len = (match & ((1u << bits) - 1)) + 3, distance = (match >> bits) + 1;
            if (distance > at)
                return error_set(e, "LZNT1 match claims distance %zu, the chunk has %zu bytes so far", distance, at);
            size_t fits = len <= capacity - at ? len : capacity - at;
            for (size_t k = 0; k < fits; k++)
                out[at + k] = out[at + k - distance];
            at += fits;
            *made = at;
            if (fits < len)
                return !whole || error_set(e, "LZNT1 match of %zu bytes, %zu are left", len, fits);
        }
    }
    return true;
}

static bool chunk_write(chunk c, u8 *out, size_t capacity, bool whole, size_t *made, error *e)
{
    if (c.compressed)
        return chunk_inflate(c.data, out, capacity, whole, made, e);
    *made = c.data.len < capacity ? c.data.len : capacity;
    memcpy(out, c.data.at, *made);
    return !whole || *made == c.data.len ||
           error_set(e, "LZNT1 chunk of %zu bytes, %zu are left", c.data.len, capacity);
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

bool lznt1_inflate_part(span in, u8 *out, size_t out_len, size_t *made, error *e)
{
    *made = 0;
    if (!in.len)
        return !out_len || error_set(e, "LZNT1 stream of no bytes where %zu are to come out", out_len);
    cursor c = cursor_over(in);
    while (*made < out_len) {
        chunk one;
        bool end;
        size_t more;
        if (!chunk_take(&c, &one, &end, e))
            return end ? error_set(e, "LZNT1 stream ends after %zu of %zu bytes", *made, out_len) : false;
        bool ok = chunk_write(one, out + *made, smaller(CHUNK_BYTES, out_len - *made), false, &more, e);
        *made += more;
        if (!ok)
            return false;
    }
    return true;
}

bool lznt1_inflate_all(span in, size_t limit, outbuf *out, error *e)
{
    if (!in.len)
        return true;
    cursor c = cursor_over(in);
    size_t total = 0;
    for (;;) {
        chunk one;
        bool end;
        size_t more;
        if (!chunk_take(&c, &one, &end, e))
            return end;
        if (total == limit)
            return error_set(e, "LZNT1 stream makes more than the limit of %zu bytes", limit);
        u8 *p = outbuf_reserve(out, CHUNK_BYTES);
        bool ok = chunk_write(one, p, smaller(CHUNK_BYTES, limit - total), true, &more, e);
        outbuf_written(out, p + more);
        total += more;
        if (!ok)
            return false;
    }
}
