// Parquet's encodings of integers (parquet-format, Encodings.md).
#ifndef ETWKIT_PARQUET_ENCODE_H
#define ETWKIT_PARQUET_ENCODE_H

#include "base/outbuf.h"

unsigned bit_width(u64 largest); // of values up to this one; 0 for 0

// Of the hybrid of runs and bit-packed groups of eight, where a page has one kind of these only. First, one value so
// many times; then any values, all below 256 and 2^width.
void encode_run(outbuf *out, u32 value, size_t count, unsigned width);
void encode_groups(outbuf *out, const u8 *values, size_t count, unsigned width);

// Indexes of a dictionary, none above `largest`, and their width before them. The width is 1, 2, 4, 8 … bits, so that
// what repeats is found by zstd, and less is left of them than of the fewest bits they could have.
void encode_indexes(outbuf *out, const u32 *values, size_t count, u32 largest);

// DELTA_BINARY_PACKED, of 64-bit integers.
void encode_delta(outbuf *out, const u64 *values, size_t count);

#endif
