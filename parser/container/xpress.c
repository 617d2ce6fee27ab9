// Plain LZ77 inflater. The layout of the stream ([MS-XCA] 2.4, checked on every compressed buffer at hand):
//
//   u32  32 flags, used from the most significant on; then one element a flag:
//        0  one literal byte
//        1  u16: bits 15..3 distance - 1, bits 2..0 length - 3; 7 there means that more follows:
//             4 bits  + 7       from a shared byte: its low half first, the next such match takes the high half
//             u8      + 15 + 7  where those were 15
//             u16     = length - 3 where that was 255
//             u32     = length - 3 where that was 0
//
// While both sides have room to spare, literals are copied by the run and matches 16 bytes at a time; the careful loop
// finishes element by element. Every length is compared with what is left before anything is copied.
#include "container/xpress.h"

#include <string.h>

enum {
    FAST_IN = 32 + 2 + 1 + 1 + 2 + 4 + 4, // a run of literals, a match in its longest form, the next flags
    FAST_OUT = 32,                        // a run of literals
    COPY = 16,
};
static_assert((int)XPRESS_SLACK >= (int)FAST_OUT && (int)XPRESS_SLACK >= 2 * (int)COPY,
              "copies spill further than the slack");

typedef struct xpress {
    const u8 *in, *in_end;
    const u8 *half; // the byte whose high half is still to be used, or NULL
    u8 *out, *out_start, *out_end;
    u64 flags; // the unused ones on top, below them a 1 that says where they end; 1 << 63 when none is left
    const char *trouble;
    size_t claimed, there; // for the sentence about the trouble
} xpress;

static const u64 NO_FLAGS = (u64)1 << 63;

static inline u64 flags_load(const u8 *p)
{
    return (u64)load_u32(p) << 32 | (u64)1 << 31;
}

// Writes len bytes, and up to COPY - 1 more; the source may overlap what is written.
static inline void match_copy(u8 *to, size_t distance, size_t len)
{
    // The smallest multiple of a short distance that is at least 8.
    static const u8 STEP[8] = {0, 8, 8, 9, 8, 10, 12, 14};
    const u8 *from = to - distance;
    u8 *end = to + len;
    if (distance >= COPY) {
        memcpy(to, from, COPY);
        while (to + COPY < end) {
            to += COPY;
            from += COPY;
            memcpy(to, from, COPY);
        }
        return;
    }
    if (distance < 8) {
        for (unsigned i = 0; i < 8; i++)
            to[i] = from[i];
        to += 8;
        from = to - STEP[distance];
    }
    for (; to < end; to += 8, from += 8)
        memcpy(to, from, 8);
}

static bool trouble(xpress *x, const char *what, size_t claimed, size_t there)
{
    x->trouble = what;
    x->claimed = claimed;
    x->there = there;
    return false;
}

// Runs until one side comes near its end. False: damaged.
static bool inflate_fast(xpress *x)
{
    if ((size_t)(x->in_end - x->in) < FAST_IN || (size_t)(x->out_end - x->out) < FAST_OUT)
        return true;
    const u8 *in = x->in, *in_last = x->in_end - FAST_IN, *half = x->half;
    u8 *out = x->out, *out_last = x->out_end - FAST_OUT;
    u64 flags = x->flags;
    bool ok = true;
    while (in <= in_last && out <= out_last) {
        unsigned literals = (unsigned)__builtin_clzll(flags);
        memcpy(out, in, 16);
        if (literals > 16)
            memcpy(out + 16, in + 16, 16);
        out += literals;
        in += literals;
        flags = flags << literals << 1;
        if (!flags) {
            flags = flags_load(in);
            in += 4;
            continue;
        }
        u32 match = load_u16(in);
        in += 2;
        size_t distance = (match >> 3) + 1, len = match & 7;
        if (len == 7) {
            u32 more;
            if (half) {
                more = *half >> 4;
                half = NULL;
            } else {
                half = in;
                more = *in++ & 15;
            }
            len += more;
            if (more == 15) {
                len += *in++;
                if (len == 255 + 15 + 7) {
                    len = load_u16(in);
                    in += 2;
                    if (!len) {
                        len = load_u32(in);
                        in += 4;
                    }
                    if (len < 15 + 7) {
                        ok = trouble(x, "a long match shorter than its short form", len, 15 + 7);
                        break;
                    }
                }
            }
        }
        len += 3;
        if (distance > (size_t)(out - x->out_start)) {
            ok = trouble(x, "a match from before the start", distance, (size_t)(out - x->out_start));
            break;
        }
        if (len > (size_t)(x->out_end - out)) {
            ok = trouble(x, "a match past the end of the output", len, (size_t)(x->out_end - out));
            break;
        }
        match_copy(out, distance, len);
        out += len;
    }
    x->in = in;
    x->half = half;
    x->out = out;
    x->flags = flags;
    return ok;
}

static size_t in_left(const xpress *x)
{
    return (size_t)(x->in_end - x->in);
}

static bool needs(xpress *x, size_t bytes)
{
    return bytes <= in_left(x) || trouble(x, "more input", bytes, in_left(x));
}

// The length - 3 of a match whose three bits were all set.
static bool long_length(xpress *x, size_t *len)
{
    u32 more;
    if (x->half) {
        more = *x->half >> 4;
        x->half = NULL;
    } else {
        if (!needs(x, 1))
            return false;
        x->half = x->in;
        more = *x->in++ & 15;
    }
    *len = 7 + more;
    if (more < 15)
        return true;
    if (!needs(x, 1))
        return false;
    u32 byte = *x->in++;
    *len += byte;
    if (byte < 255)
        return true;
    if (!needs(x, 2))
        return false;
    *len = load_u16(x->in);
    x->in += 2;
    if (!*len) {
        if (!needs(x, 4))
            return false;
        *len = load_u32(x->in);
        x->in += 4;
    }
    return *len >= 15 + 7 || trouble(x, "a long match shorter than its short form", *len, 15 + 7);
}

static bool match_careful(xpress *x)
{
    if (!needs(x, 2))
        return false;
    u32 match = load_u16(x->in);
    x->in += 2;
    size_t distance = (match >> 3) + 1, len = match & 7;
    if (len == 7 && !long_length(x, &len))
        return false;
    len += 3;
    if (distance > (size_t)(x->out - x->out_start))
        return trouble(x, "a match from before the start", distance, (size_t)(x->out - x->out_start));
    if (len > (size_t)(x->out_end - x->out))
        return trouble(x, "a match past the end of the output", len, (size_t)(x->out_end - x->out));
    match_copy(x->out, distance, len);
    x->out += len;
    return true;
}

static bool inflate_careful(xpress *x)
{
    while (x->out < x->out_end) {
        if (x->flags == NO_FLAGS) {
            if (!needs(x, 4))
                return false;
            x->flags = flags_load(x->in);
            x->in += 4;
        }
        bool is_match = x->flags >> 63;
        x->flags <<= 1;
        if (is_match) {
            if (!match_careful(x))
                return false;
        } else {
            if (!needs(x, 1))
                return false;
            *x->out++ = *x->in++;
        }
    }
    return true;
}

bool xpress_inflate_part(span in, u8 *out, size_t out_len, size_t *made, error *e)
{
    *made = 0;
    if (!out_len)
        return true;
    if (!in.len)
        return error_set(e, "XPRESS stream of no bytes where %zu are to come out", out_len);
    xpress x = {.in = in.at, .in_end = in.at + in.len, .out = out, .out_start = out, .out_end = out + out_len};
    x.flags = NO_FLAGS;
    bool ok = inflate_fast(&x) && inflate_careful(&x);
    *made = (size_t)(x.out - out);
    if (ok)
        return true;
    return error_set(e, "XPRESS stream of %zu bytes, at %zu (output %zu of %zu): wants %s: %zu, has %zu", in.len,
                     (size_t)(x.in - in.at), *made, out_len, x.trouble, x.claimed, x.there);
}

bool xpress_inflate(span in, u8 *out, size_t out_len, error *e)
{
    size_t made;
    return xpress_inflate_part(in, out, out_len, &made, e);
}
