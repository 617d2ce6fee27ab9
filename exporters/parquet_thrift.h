// Thrift's compact protocol, as much as Parquet's metadata needs: structs of fields with ascending numbers, lists,
// integers as zigzag varints.
//
//     thrift t = {.out = out};
//     thrift_i32(&t, 1, 2);
//     thrift_list(&t, 2, count, THRIFT_STRUCT);
//     for (…) { thrift_begin(&t); …; thrift_end(&t); }
//     thrift_end(&t);   // of the outermost struct, which has no begin
#ifndef ETWKIT_PARQUET_THRIFT_H
#define ETWKIT_PARQUET_THRIFT_H

#include <assert.h>

#include "base/outbuf.h"

enum {
    THRIFT_TRUE = 1,
    THRIFT_FALSE = 2,
    THRIFT_BYTE = 3,
    THRIFT_I32 = 5,
    THRIFT_I64 = 6,
    THRIFT_BINARY = 8,
    THRIFT_LIST = 9,
    THRIFT_STRUCT = 12,
    THRIFT_DEPTH = 8,
};

typedef struct thrift {
    outbuf *out;
    u32 depth;
    i32 last[THRIFT_DEPTH]; // field of each open struct
} thrift;

static inline void put_byte(outbuf *out, u32 byte)
{
    outbuf_add(out, &(u8){(u8)byte}, 1);
}

static inline void put_varint(outbuf *out, u64 value)
{
    u8 *p = outbuf_reserve(out, 10);
    for (; value > 0x7f; value >>= 7)
        *p++ = (u8)(value | 0x80);
    *p++ = (u8)value;
    outbuf_written(out, p);
}

static inline void put_zigzag(outbuf *out, i64 value)
{
    put_varint(out, ((u64)value << 1) ^ (u64)(value >> 63));
}

static inline void thrift_field(thrift *t, i32 id, u32 type)
{
    i32 *last = &t->last[t->depth], step = id - *last;
    assert(step > 0 && step < 16);
    put_byte(t->out, (u32)step << 4 | type);
    *last = id;
}

static inline void thrift_i32(thrift *t, i32 id, i64 value)
{
    thrift_field(t, id, THRIFT_I32);
    put_zigzag(t->out, value);
}

static inline void thrift_i64(thrift *t, i32 id, u64 value)
{
    thrift_field(t, id, THRIFT_I64);
    put_zigzag(t->out, (i64)value);
}

static inline void thrift_byte(thrift *t, i32 id, u32 value)
{
    thrift_field(t, id, THRIFT_BYTE);
    put_byte(t->out, value);
}

static inline void thrift_bool(thrift *t, i32 id, bool value)
{
    thrift_field(t, id, value ? THRIFT_TRUE : THRIFT_FALSE);
}

static inline void thrift_bytes(thrift *t, span bytes) // of a list
{
    put_varint(t->out, bytes.len);
    outbuf_add(t->out, bytes.at, bytes.len);
}

static inline void thrift_binary(thrift *t, i32 id, span bytes)
{
    thrift_field(t, id, THRIFT_BINARY);
    thrift_bytes(t, bytes);
}

static inline void thrift_text(thrift *t, i32 id, const char *text)
{
    thrift_binary(t, id, (span){(const u8 *)text, strlen(text)});
}

static inline void thrift_list(thrift *t, i32 id, size_t count, u32 type)
{
    thrift_field(t, id, THRIFT_LIST);
    put_byte(t->out, (count < 15 ? (u32)count : 15) << 4 | type);
    if (count >= 15)
        put_varint(t->out, count);
}

// A struct in a list; in a field after thrift_field with THRIFT_STRUCT.
static inline void thrift_begin(thrift *t)
{
    assert(t->depth + 1 < THRIFT_DEPTH);
    t->last[++t->depth] = 0;
}

static inline void thrift_struct(thrift *t, i32 id)
{
    thrift_field(t, id, THRIFT_STRUCT);
    thrift_begin(t);
}

static inline void thrift_end(thrift *t)
{
    put_byte(t->out, 0);
    if (t->depth)
        t->depth--;
}

static inline void thrift_empty(thrift *t, i32 id) // a struct without fields
{
    thrift_struct(t, id);
    thrift_end(t);
}

#endif
