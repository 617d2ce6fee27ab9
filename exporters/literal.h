// Text prepared once and copied many times.
#ifndef ETWKIT_LITERAL_H
#define ETWKIT_LITERAL_H

#include "base/outbuf.h"
#include "base/text.h"
#include "base/text_put.h"
#include "etwkit_engine.h"

typedef struct literal {
    const u8 *text;
    size_t len;
} literal;

// The bytes written so far, moved to `a`; the buffer is empty again.
static inline literal literal_take(arena *a, outbuf *from)
{
    u8 *copy = arena_take(a, from->len + TEXT_PADDING);
    if (from->len)
        memcpy(copy, from->bytes, from->len);
    literal taken = {copy, from->len};
    from->len = 0;
    return taken;
}

// Room len + TEXT_PADDING.
static inline u8 *put_literal(u8 *p, literal l)
{
    return put_padded(p, l.text, l.len);
}

#endif
