// The only place where bytes of a trace or a schema file become values.
//
// A span is a length-carrying view of bytes somebody else owns. A cursor walks one and never leaves it. Nothing
// else in the project dereferences input: whoever reads a field either proved its whole fixed header with one
// span_sub and then loads at named offsets, or takes it from a cursor. Lengths are compared as integers before a
// pointer is formed. Values that came from input and were not yet compared with what is there are called claimed_x.
//
// All integers of ETW are little-endian; byte shifts are one load on every little-endian compiler target.
#ifndef ETWKIT_SPAN_H
#define ETWKIT_SPAN_H

#include "base/base.h"

typedef struct span {
    const u8 *at;
    size_t len;
} span;

static inline u16 load_u16(const u8 *p)
{
    return (u16)(p[0] | p[1] << 8);
}

static inline u16 load_u16_be(const u8 *p)
{
    return (u16)(p[0] << 8 | p[1]);
}

static inline u32 load_u32(const u8 *p)
{
    return (u32)p[0] | (u32)p[1] << 8 | (u32)p[2] << 16 | (u32)p[3] << 24;
}

static inline u64 load_u64(const u8 *p)
{
    return (u64)load_u32(p) | (u64)load_u32(p + 4) << 32;
}

static inline i64 load_i64(const u8 *p)
{
    return (i64)load_u64(p);
}

// A whole number of 1, 2, 4 or 8 bytes; 0 for a span of any other length.
static inline u64 load_unsigned(span s)
{
    switch (s.len) {
    case 1:
        return s.at[0];
    case 2:
        return load_u16(s.at);
    case 4:
        return load_u32(s.at);
    case 8:
        return load_u64(s.at);
    default:
        return 0;
    }
}

static inline i64 load_signed(span s)
{
    switch (s.len) {
    case 1:
        return (i8)s.at[0];
    case 2:
        return (i16)load_u16(s.at);
    case 4:
        return (i32)load_u32(s.at);
    default:
        return (i64)load_unsigned(s);
    }
}

// The bytes [off, off+len) of s. False, and *out untouched, where s does not hold them all.
MUST_USE static inline bool span_sub(span s, size_t off, size_t len, span *out)
{
    if (off > s.len || len > s.len - off)
        return false;
    *out = (span){s.len ? s.at + off : s.at, len}; // nothing is added to a null pointer
    return true;
}

// Everything of s from off on; empty where off lies past its end.
static inline span span_from(span s, size_t off)
{
    if (!s.len)
        return s;
    return off > s.len ? (span){s.at + s.len, 0} : (span){s.at + off, s.len - off};
}

// A read past the end yields zero, sticks `ran_out`, and leaves the cursor at the end, so that a header parser reads
// all its fields and asks once.
typedef struct cursor {
    const u8 *at, *end;
    bool ran_out;
} cursor;

static inline cursor cursor_over(span s)
{
    return (cursor){s.at, s.at + s.len, false};
}

static inline size_t cursor_left(const cursor *c)
{
    return (size_t)(c->end - c->at);
}

static inline span take(cursor *c, size_t len)
{
    if (len > cursor_left(c)) {
        c->ran_out = true;
        c->at = c->end;
        return (span){c->end, 0};
    }
    span s = {c->at, len};
    c->at += len;
    return s;
}

static inline u8 take_u8(cursor *c)
{
    span s = take(c, 1);
    return s.len ? s.at[0] : 0;
}

static inline u16 take_u16(cursor *c)
{
    span s = take(c, 2);
    return s.len ? load_u16(s.at) : 0;
}

static inline u32 take_u32(cursor *c)
{
    span s = take(c, 4);
    return s.len ? load_u32(s.at) : 0;
}

static inline u64 take_u64(cursor *c)
{
    span s = take(c, 8);
    return s.len ? load_u64(s.at) : 0;
}

#endif
