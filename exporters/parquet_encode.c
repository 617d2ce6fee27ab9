#include "parquet_encode.h"

#include "parquet_thrift.h"

unsigned bit_width(u64 largest)
{
    return largest ? 64 - (unsigned)__builtin_clzll(largest) : 0;
}

// ---------------------------------------------------------------------------------------------- bits

// The lowest bit of the first value comes first.
typedef struct bits {
    u8 *p;
    u64 held;
    unsigned count; // below 8 between values
} bits;

static inline void put_bits(bits *b, u64 value, unsigned width)
{
    b->held |= value << b->count;
    for (b->count += width; b->count >= 8; b->count -= 8, b->held >>= 8)
        *b->p++ = (u8)b->held;
}

static inline void put_wide_bits(bits *b, u64 value, unsigned width)
{
    if (width > 32) {
        put_bits(b, value & UINT32_MAX, 32);
        value >>= 32;
        width -= 32;
    }
    put_bits(b, value, width);
}

// ---------------------------------------------------------------------------------------------- hybrid

// Groups of eight; the last one is filled up with zeros.
static void put_groups(outbuf *out, const u32 *values, size_t count, unsigned width)
{
    size_t groups = (count + 7) / 8;
    if (!groups)
        return;
    put_varint(out, groups << 1 | 1);
    bits b = {.p = outbuf_reserve(out, groups * width + 8)};
    for (size_t i = 0; i < groups * 8; i++)
        put_bits(&b, i < count ? values[i] : 0, width);
    outbuf_written(out, b.p);
}

void encode_run(outbuf *out, u32 value, size_t count, unsigned width)
{
    put_varint(out, count << 1);
    for (unsigned at = 0; at < width; at += 8)
        put_byte(out, value >> at);
}

void encode_hybrid(outbuf *out, const u32 *values, size_t count, unsigned width)
{
    enum { RUN_LEAST = 8 };
    size_t start = 0; // of what is to be packed
    for (size_t i = 0; i < count;) {
        size_t run = 1, packed = (i - start) % 8;
        while (i + run < count && values[i + run] == values[i])
            run++;
        if (packed) { // groups are filled before a run begins
            i += run < 8 - packed ? run : 8 - packed;
        } else if (run >= RUN_LEAST) {
            put_groups(out, values + start, i - start, width);
            encode_run(out, values[i], run, width);
            i += run;
            start = i;
        } else {
            i += run;
        }
    }
    put_groups(out, values + start, count - start, width);
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
        for (size_t i = first; i < end && first < count; i++)
            put_wide_bits(&b, i < count ? deltas[i] - (u64)least : 0, widths[m]);
    }
    outbuf_written(out, b.p);
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
