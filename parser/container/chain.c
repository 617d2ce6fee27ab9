#include "container/chain.h"

#include "container/event.h"

enum {
    ENOUGH = 3,          // records in a row that are no chance
    ENOUGH_MESSAGES = 5, // WPP messages have less of a mark
    TAIL_ZEROS = 64,     // a lone record ends this close to where fill begins: its own last bytes may be zeros
};

// Records of one buffer lie no further apart: 61 hours of a 10 MHz clock, 10 minutes of a cycle counter.
static const u64 NEAR = (u64)1 << 41;

size_t chain_fill_at(span bytes)
{
    size_t at = bytes.len;
    while (at && (bytes.at[at - 1] == 0 || bytes.at[at - 1] == 0xff))
        at--;
    at = (at + 7) & ~(size_t)7;
    return at < bytes.len ? at : bytes.len;
}

static bool is_near(i64 a, i64 b)
{
    u64 far = a < b ? (u64)b - (u64)a : (u64)a - (u64)b;
    return far < NEAR;
}

bool chain_holds(const chain_bytes *c, size_t at, i64 near)
{
    u32 weight = 0;
    for (u32 i = 0; i < ENOUGH_MESSAGES; i++) {
        event_frame frame;
        const char *why;
        span left = span_from(c->bytes, at);
        if (event_frame_at(left, &frame, &why) != FRAME_OK)
            return false;
        if (left.at[3] != (frame.kind == HEADER_MESSAGE ? MARK_MESSAGE : MARK_EVENT))
            return false;
        if (frame.has_time) {
            if (frame.time <= 0 || (near && !is_near(near, frame.time)))
                return false;
            near = frame.time;
        }
        weight += frame.kind == HEADER_MESSAGE ? ENOUGH : ENOUGH_MESSAGES;
        at += (frame.size + 7) & ~(size_t)7;
        if (at + 8 > c->bytes.len || weight >= ENOUGH * ENOUGH_MESSAGES)
            return true;
        if (at >= c->fill_at)
            return i > 0 || at <= c->fill_at + TAIL_ZEROS;
    }
    return false;
}

size_t chain_next(const chain_bytes *c, size_t at, size_t limit, i64 near)
{
    for (at = (at + 7) & ~(size_t)7; at + 8 <= c->bytes.len && at < limit; at += 8)
        if (chain_holds(c, at, near))
            return at;
    return limit;
}
