// A greedy encoder: the newest earlier place with the same three bytes is the only match candidate.
//
// Stream: u32 flag words, most significant bit first, each before the 32 items it describes. Bit 0: a literal.
// Bit 1: u16 (distance - 1) << 3 | length - 3, longer lengths go on in a nibble (two matches share a byte, low nibble
// first), then a byte, then a u16 with the whole length - 3. Unused bits of the last word are ones; where the items
// fill their word exactly, one more word of ones follows, as Windows writes it.

#include "container/xpress_encode.h"

static void set_u32(u8 *at, u32 value)
{
    for (u32 i = 0; i < 4; i++)
        at[i] = (u8)(value >> 8 * i);
}

static void put_u8(outbuf *to, u8 value)
{
    outbuf_add(to, &value, 1);
}

static void put_u16(outbuf *to, u16 value)
{
    put_u8(to, (u8)value);
    put_u8(to, (u8)(value >> 8));
}

static void put_u32(outbuf *to, u32 value)
{
    set_u32(outbuf_reserve(to, 4), value);
    to->len += 4;
}

enum { HASH_BITS = 13, WINDOW = 8192, LONGEST = 65535 };

typedef struct encoder {
    outbuf *to;
    size_t flags_at, nibble_at; // offsets into *to; nibble_at 0 = none open
    u32 flags, flag_count;
} encoder;

static void encoder_flag(encoder *c, u32 bit)
{
    c->flags = c->flags << 1 | bit;
    if (++c->flag_count == 32) {
        set_u32(c->to->bytes + c->flags_at, c->flags);
        c->flags_at = c->to->len;
        c->flag_count = 0;
        put_u32(c->to, 0);
    }
}

static void encoder_match(encoder *c, size_t distance, size_t length)
{
    size_t more = length - 3;
    put_u16(c->to, (u16)((distance - 1) << 3 | (more < 7 ? more : 7)));
    if (more < 7)
        return;
    u8 nibble = (u8)(more - 7 < 15 ? more - 7 : 15);
    if (c->nibble_at == 0) {
        c->nibble_at = c->to->len;
        put_u8(c->to, nibble);
    } else {
        c->to->bytes[c->nibble_at] |= (u8)(nibble << 4);
        c->nibble_at = 0;
    }
    if (nibble < 15)
        return;
    if (more - 22 < 255) {
        put_u8(c->to, (u8)(more - 22));
    } else {
        put_u8(c->to, 255);
        put_u16(c->to, (u16)more);
    }
}

static size_t match_length(span plain, size_t from, size_t at)
{
    size_t length = 0, most = plain.len - at;
    if (most > LONGEST)
        most = LONGEST;
    while (length < most && plain.at[from + length] == plain.at[at + length])
        length++;
    return length;
}

void xpress_encode(outbuf *to, span plain)
{
    size_t *seen = mem_zeroed((size_t)1 << HASH_BITS, sizeof *seen); // place + 1
    encoder c = {.to = to, .flags_at = to->len};
    put_u32(to, 0);
    for (size_t at = 0; at < plain.len;) {
        size_t length = 0, distance = 0;
        if (plain.len - at >= 3) {
            u32 three = (u32)plain.at[at] | (u32)plain.at[at + 1] << 8 | (u32)plain.at[at + 2] << 16;
            u32 hash = three * 2654435761u >> (32 - HASH_BITS);
            if (seen[hash] && at - (seen[hash] - 1) <= WINDOW) {
                distance = at - (seen[hash] - 1);
                length = match_length(plain, at - distance, at);
            }
            seen[hash] = at + 1;
        }
        // The flag word comes first: a full one is closed, and its successor placed, before the item's own bytes.
        if (length >= 3) {
            encoder_match(&c, distance, length);
            encoder_flag(&c, 1);
            at += length;
        } else {
            put_u8(to, plain.at[at++]);
            encoder_flag(&c, 0);
        }
    }
    u32 left = 32 - c.flag_count;
    u32 ones = left == 32 ? 0xffffffffu : (1u << left) - 1;
    set_u32(to->bytes + c.flags_at, left == 32 ? ones : c.flags << left | ones);
    mem_free(seen);
}
