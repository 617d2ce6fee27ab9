// Parquet's encodings of integers (parquet-format, Encodings.md).
#ifndef ETWKIT_PARQUET_ENCODE_H
#define ETWKIT_PARQUET_ENCODE_H

#include "base/outbuf.h"

unsigned bit_width(u64 largest); // of values up to this one; 0 for 0

// Runs of equal values and groups of eight bit-packed ones; values take at most `width` bits, 1 to 32.
void encode_hybrid(outbuf *out, const u32 *values, size_t count, unsigned width);

// The same of one value.
void encode_run(outbuf *out, u32 value, size_t count, unsigned width);

// DELTA_BINARY_PACKED, of 64-bit integers.
void encode_delta(outbuf *out, const u64 *values, size_t count);

#endif
