// A growing text buffer. Whoever writes reserves the worst case once and then writes unchecked: the reservation is
// the check. Writers take and return the write position; outbuf_written gives it back.
#ifndef ETWKIT_OUTBUF_H
#define ETWKIT_OUTBUF_H

#include <string.h>

#include "base/arena.h"

typedef struct outbuf {
    u8 *bytes;
    size_t len, cap;
} outbuf;

static inline u8 *outbuf_reserve(outbuf *b, size_t capacity)
{
    if (capacity >= b->cap - b->len) { // equal: an empty buffer has memory as well
        size_t cap = b->cap ? b->cap : 4096;
        while (cap - b->len < capacity)
            cap *= 2;
        b->bytes = mem_grow(b->bytes, b->len, cap, 1);
        b->cap = cap;
    }
    return b->bytes + b->len;
}

static inline void outbuf_written(outbuf *b, const u8 *end)
{
    b->len = (size_t)(end - b->bytes);
}

// A record on its way into a buffer. Whoever is given a pen and a position may write within `bound` without asking, and
// returns a position that has as much after it again; what may take more asks for it and the bound together.
typedef struct pen {
    outbuf *out;
    size_t bound;
} pen;

static inline u8 *pen_start(const pen *at)
{
    return outbuf_reserve(at->out, at->bound);
}

// `more` bytes besides the bound. The text may move: only the position returned is valid.
static inline u8 *pen_more(const pen *at, u8 *p, size_t more)
{
    outbuf *b = at->out;
    b->len = (size_t)(p - b->bytes);
    return outbuf_reserve(b, more + at->bound);
}

static inline void outbuf_add(outbuf *b, const void *bytes, size_t len)
{
    if (len) {
        memcpy(outbuf_reserve(b, len), bytes, len);
        b->len += len;
    }
}

static inline void outbuf_text(outbuf *b, const char *text)
{
    outbuf_add(b, text, strlen(text));
}

static inline void outbuf_free(outbuf *b)
{
    mem_free(b->bytes);
    *b = (outbuf){0};
}

#endif
