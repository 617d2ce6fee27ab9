#include "parquet_encode.h"

#include "parquet_thrift.h"

unsigned bit_width(u64 largest)
{
    return largest ? 64 - (unsigned)__builtin_clzll(largest) : 0;
}

// ---------------------------------------------------------------------------------------------- bits

// The lowest bit of the first value comes first. Eight bytes are written at a time, of which the last are not all used.
typedef struct bits {
    u8 *p;
    u64 held;
    unsigned count; // below 64 between values
} bits;

static inline void put_held(bits *b)
{
    for (unsigned i = 0; i < 8; i++)
        b->p[i] = (u8)(b->held >> 8 * i);
}

// Of at most 64 bits.
static inline void put_bits(bits *b, u64 value, unsigned width)
{
    b->held |= value << b->count;
    b->count += width;
    if (b->count < 64)
        return;
    put_held(b);
    b->p += 8;
    b->count -= 64;
    b->held = b->count ? value >> (width - b->count) : 0;
}

// The bits are those of whole bytes together.
static inline u8 *end_bits(bits *b)
{
    put_held(b);
    return b->p + b->count / 8;
}

// ---------------------------------------------------------------------------------------------- levels, indexes

// The last group is filled up with zeros.
static size_t begin_groups(outbuf *out, size_t count)
{
    size_t groups = (count + 7) / 8;
    put_varint(out, groups << 1 | 1);
    return groups;
}

void encode_run(outbuf *out, u32 value, size_t count, unsigned width)
{
    put_varint(out, count << 1);
    for (unsigned at = 0; at < width; at += 8)
        put_byte(out, value >> at);
}

// The lowest bit of each of eight bytes.
static u8 gather(const u8 *bytes)
{
    return (u8)(load_u64(bytes) * 0x0102040810204080 >> 56);
}

void encode_groups(outbuf *out, const u8 *values, size_t count, unsigned width)
{
    size_t groups = begin_groups(out, count), i = 0;
    bits b = {.p = outbuf_reserve(out, groups * width + 8)};
    for (; width == 1 && i + 8 <= count; i += 8)
        *b.p++ = gather(values + i);
    for (; i < groups * 8; i++)
        put_bits(&b, i < count ? values[i] : 0, width);
    outbuf_written(out, end_bits(&b));
}

static bool all_same(const u32 *values, size_t count)
{
    return count && memcmp(values, values + 1, (count - 1) * sizeof(*values)) == 0;
}

// Of 1, 2 or 4 bits.
ALWAYS_INLINE void put_parts(u8 *restrict p, const u32 *values, size_t count, unsigned width)
{
    unsigned each = 8 / width;
    size_t i = 0;
    for (; i + each <= count; i += each) {
        u32 byte = values[i];
        for (unsigned k = 1; k < each; k++)
            byte |= values[i + k] << k * width;
        *p++ = (u8)byte;
    }
    for (unsigned at = 0; i < count; i++, at += width)
        *p |= (u8)(values[i] << at);
}

static void put_indexes(u8 *restrict p, const u32 *values, size_t count, unsigned width)
{
    if (width == 1)
        put_parts(p, values, count, 1);
    else if (width == 2)
        put_parts(p, values, count, 2);
    else if (width == 4)
        put_parts(p, values, count, 4);
    for (size_t i = 0; width == 8 && i < count; i++)
        p[i] = (u8)values[i];
    for (size_t i = 0; width > 8 && i < count; i++)
        for (unsigned k = 0; k < width / 8; k++)
            p[i * (width / 8) + k] = (u8)(values[i] >> 8 * k);
}

void encode_indexes(outbuf *out, const u32 *values, size_t count, u32 largest)
{
    unsigned width = 1;
    while (width < bit_width(largest))
        width *= 2;
    put_byte(out, width);
    if (all_same(values, count)) {
        encode_run(out, values[0], count, width);
        return;
    }
    size_t room = width * begin_groups(out, count);
    u8 *p = outbuf_reserve(out, room);
    memset(p, 0, room);
    put_indexes(p, values, count, width);
    out->len += room;
}

// ---------------------------------------------------------------------------------------------- delta

enum { DELTA_BLOCK = 128, DELTA_MINIBLOCKS = 4, DELTA_MINIBLOCK = DELTA_BLOCK / DELTA_MINIBLOCKS };

// Differences wrap around; the least one is taken off all others of the block.
static void put_block(outbuf *out, const u64 *values, size_t count)
{
    u64 deltas[DELTA_BLOCK] = {0};
    i64 least = INT64_MAX;
    for (size_t i = 0; i < count; i++) {
        deltas[i] = values[i] - values[(i64)i - 1];
        least = (i64)deltas[i] < least ? (i64)deltas[i] : least;
    }
    put_zigzag(out, least);
    u8 *widths = outbuf_reserve(out, DELTA_MINIBLOCKS + sizeof(deltas) + 8);
    bits b = {.p = widths + DELTA_MINIBLOCKS};
    for (size_t m = 0; m < DELTA_MINIBLOCKS; m++) {
        u64 all = 0;
        size_t first = m * DELTA_MINIBLOCK, end = first + DELTA_MINIBLOCK;
        for (size_t i = first; i < end && i < count; i++)
            all |= deltas[i] - (u64)least;
        widths[m] = (u8)bit_width(all);
        for (size_t i = first; widths[m] && i < end && first < count; i++)
            put_bits(&b, i < count ? deltas[i] - (u64)least : 0, widths[m]);
    }
    outbuf_written(out, end_bits(&b));
}

void encode_delta(outbuf *out, const u64 *values, size_t count)
{
    put_varint(out, DELTA_BLOCK);
    put_varint(out, DELTA_MINIBLOCKS);
    put_varint(out, count);
    put_zigzag(out, count ? (i64)values[0] : 0);
    for (size_t i = 1; i < count; i += DELTA_BLOCK)
        put_block(out, values + i, count - i < DELTA_BLOCK ? count - i : DELTA_BLOCK);
}
