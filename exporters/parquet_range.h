// The least and the greatest of a column's values. Floating point numbers have an order of their own, which is left
// out.
#ifndef ETWKIT_PARQUET_RANGE_H
#define ETWKIT_PARQUET_RANGE_H

#include "parquet_file.h"

typedef struct range {
    bool known;
    u64 low, high;
    span low_text, high_text; // borrowed
} range;

void range_add(range *r, const parquet_column *c, u64 number, span text); // either, by the column's type
void range_join(range *r, const parquet_column *c, const range *more);
void range_of_numbers(const parquet_column *c, const u64 *numbers, u32 count, range *out);

#endif
