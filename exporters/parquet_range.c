#include "parquet_range.h"

static int text_order(span a, span b)
{
    size_t both = a.len < b.len ? a.len : b.len;
    int order = both ? memcmp(a.at, b.at, both) : 0;
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

static int order_of(const parquet_column *c, u64 a, span a_text, u64 b, span b_text)
{
    if (c->type == PARQUET_TEXT)
        return text_order(a_text, b_text);
    if (c->type == PARQUET_UINT64)
        return (a > b) - (a < b);
    return ((i64)a > (i64)b) - ((i64)a < (i64)b);
}

void range_add(range *r, const parquet_column *c, u64 number, span text)
{
    if (c->type == PARQUET_DOUBLE)
        return;
    if (!r->known || order_of(c, number, text, r->low, r->low_text) < 0) {
        r->low = number;
        r->low_text = text;
    }
    if (!r->known || order_of(c, number, text, r->high, r->high_text) > 0) {
        r->high = number;
        r->high_text = text;
    }
    r->known = true;
}

void range_join(range *r, const parquet_column *c, const range *more)
{
    if (!more->known)
        return;
    range_add(r, c, more->low, more->low_text);
    range_add(r, c, more->high, more->high_text);
}

void range_of_numbers(const parquet_column *c, const u64 *numbers, u32 count, range *out)
{
    u64 flip = c->type == PARQUET_UINT64 ? 0 : (u64)1 << 63, low = UINT64_MAX, high = 0;
    for (u32 i = 0; i < count; i++) {
        u64 ordered = numbers[i] ^ flip;
        low = ordered < low ? ordered : low;
        high = ordered > high ? ordered : high;
    }
    if (count && c->type != PARQUET_DOUBLE)
        *out = (range){.known = true, .low = low ^ flip, .high = high ^ flip};
}
