#include "container/chain.h"

enum {
    MOST_RECORDS = 5, // messages in a row that are no chance; of other records fewer are enough
    TAIL_ZEROS = 64,  // a lone record ends this close to where fill begins: its own last bytes may be zeros
};

size_t chain_fill_at(span bytes)
{
    size_t at = bytes.len;
    while (at && (bytes.at[at - 1] == 0 || bytes.at[at - 1] == 0xff))
        at--;
    at = (at + 7) & ~(size_t)7;
    return at < bytes.len ? at : bytes.len;
}

bool chain_frame(span left, event_frame *out)
{
    const char *why;
    return left.len >= 8 && event_frame_at(left, out, &why) == FRAME_OK &&
           left.at[3] == (out->kind == HEADER_MESSAGE ? MARK_MESSAGE : MARK_EVENT);
}

bool chain_holds(const chain_bytes *c, size_t at, i64 near)
{
    u32 weight = 0;
    for (u32 i = 0; i < MOST_RECORDS; i++) {
        event_frame frame;
        if (!chain_frame(span_from(c->bytes, at), &frame))
            return false;
        if (frame.has_time && (frame.time <= 0 || (near && !chain_is_near(near, frame.time))))
            return false;
        if (frame.has_time)
            near = frame.time;
        weight += chain_weight(&frame);
        at += (frame.size + 7) & ~(size_t)7;
        if (at + 8 > c->bytes.len || weight >= CHAIN_PROOF)
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
