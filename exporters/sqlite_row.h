// A row as SQLite stores it: how long its head is, what each column is and how long, then the values. Columns at the
// end that are NULL are left out; a reader has their defaults.
//
// Values are written from left to right, texts straight into the buffer; the head is put before them at last, in room
// kept for it.
#ifndef ETWKIT_SQLITE_ROW_H
#define ETWKIT_SQLITE_ROW_H

#include "base/outbuf.h"
#include "base/span.h"

enum { ROW_COLUMNS = 320, ROW_VARINT = 9 };

// Below 2^56, and all that is a bit pattern of 64 bits. Room ROW_VARINT.
static inline u8 *row_put_varint(u8 *p, u64 value)
{
    if (value < 0x80) {
        *p = (u8)value;
        return p + 1;
    }
    if (value >> 56) {
        for (u32 i = 0; i < 8; i++)
            *p++ = (u8)(value >> (57 - 7 * i) | 0x80);
        *p = (u8)value;
        return p + 1;
    }
    u32 groups = (70 - (u32)__builtin_clzll(value)) / 7;
    for (u32 i = groups - 1; i; i--)
        *p++ = (u8)(value >> (7 * i) | 0x80);
    *p = (u8)(value & 0x7f);
    return p + 1;
}

typedef struct row_maker {
    outbuf *out;
    size_t mark;   // where the last value ends
    size_t values; // where the first begins
    u32 count;     // of columns so far
    u32 kinds[ROW_COLUMNS];
} row_maker;

static inline size_t row_room(u32 columns)
{
    return 3 + 5 * (size_t)columns;
}

// At most so many columns will come.
static inline void row_begin(row_maker *r, outbuf *out, u32 columns)
{
    size_t room = row_room(columns);
    outbuf_written(out, outbuf_reserve(out, room) + room);
    r->out = out;
    r->values = r->mark = out->len;
    r->count = 0;
}

static inline void row_null(row_maker *r)
{
    r->kinds[r->count++] = 0;
}

// NULLs up to a column.
static inline void row_skip(row_maker *r, u32 column)
{
    while (r->count < column)
        row_null(r);
}

static inline void row_number(row_maker *r, i64 number)
{
    u64 value = (u64)number, size = number < 0 ? ~value : value;
    if (value < 2) {
        r->kinds[r->count++] = 8 + (u32)value;
        return;
    }
    u32 bytes = size < 0x80 ? 1 : size < 0x8000 ? 2 : size < 0x800000 ? 3 : size < 0x80000000 ? 4 : size >> 47 ? 8 : 6;
    r->kinds[r->count++] = bytes < 5 ? bytes : bytes == 6 ? 5 : 6;
    u8 *p = outbuf_reserve(r->out, 8);
    value <<= 64 - 8 * bytes;
    for (u32 i = 0; i < 8; i++)
        p[i] = (u8)(value >> (56 - 8 * i));
    r->out->len += bytes;
    r->mark = r->out->len;
}

// The text is what was written since the last value.
static inline void row_text(row_maker *r)
{
    r->kinds[r->count++] = 13 + 2 * (u32)(r->out->len - r->mark);
    r->mark = r->out->len;
}

// Where the row is in the buffer.
static inline size_t row_end(row_maker *r)
{
    u8 head[5 * ROW_COLUMNS + ROW_VARINT], *p = head;
    while (r->count && !r->kinds[r->count - 1])
        r->count--;
    for (u32 i = 0; i < r->count; i++)
        p = row_put_varint(p, r->kinds[i]);
    size_t len = (size_t)(p - head);
    size_t own = len + 1 < 0x80 ? 1 : 2; // the head counts its own length
    u8 *start = r->out->bytes + r->values - len - own;
    row_put_varint(start, len + own);
    memcpy(start + own, head, len);
    return r->values - len - own;
}

#endif
