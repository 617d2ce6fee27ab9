// XPRESS Huffman inflater. Every 65,536 bytes of output, give or take the last match, start anew with
//
//   256 bytes  512 code lengths of 4 bits, the even symbol in the low half; 0 unused; codes are canonical
//   u16 words  bits, most significant first; two words are fetched ahead
//
// Symbols below 256 are literals. Of the others bits 3..0 are the length - 3 and bits 7..4 the number of bits the
// distance has below its leading 1; those bits follow. A length of 15 goes on in raw bytes from where the words have
// been fetched to: u8 + 15; where that byte is 255 a u16 with the length - 3 itself; where that is 0 a u32.
#include "container/xpress_huffman.h"

enum {
    SYMBOLS = 512,
    TABLE_BYTES = SYMBOLS / 2,
    MAX_BITS = 15,
    QUICK_BITS = 9,
    BLOCK_BYTES = 65536,
};

typedef struct code {
    u16 quick[1 << QUICK_BITS]; // symbol << 4 | length, 0 where the code is longer than QUICK_BITS
    u16 symbols[SYMBOLS];       // by code
    u16 first_index[MAX_BITS + 1];
    u32 first_code[MAX_BITS + 1], past_code[MAX_BITS + 1]; // codes of each length, aligned to 15 bits
} code;

typedef struct bits {
    cursor in;
    u32 window; // on top the next bits
    int extra;  // valid bits of the window beyond 16
    int absent; // words taken past the end of the input
} bits;

static inline unsigned code_length(const u8 *table, unsigned symbol)
{
    return table[symbol / 2] >> (symbol & 1 ? 4 : 0) & 15;
}

// table has TABLE_BYTES. False where the lengths are not those of a complete code.
static bool code_build(code *c, const u8 *table)
{
    u16 counts[MAX_BITS + 1] = {0};
    for (unsigned s = 0; s < SYMBOLS; s++)
        counts[code_length(table, s)]++;
    u32 next = 0;
    u16 index = 0, at[MAX_BITS + 1] = {0};
    for (unsigned len = 1; len <= MAX_BITS; len++) {
        c->first_code[len] = next;
        next += (u32)counts[len] << (MAX_BITS - len);
        c->past_code[len] = next;
        c->first_index[len] = at[len] = index;
        index = (u16)(index + counts[len]);
    }
    if (next != 1u << MAX_BITS)
        return false;
    for (unsigned i = 0; i < COUNT_OF(c->quick); i++)
        c->quick[i] = 0;
    for (unsigned s = 0; s < SYMBOLS; s++) {
        unsigned len = code_length(table, s);
        if (!len)
            continue;
        u16 place = at[len]++;
        c->symbols[place] = (u16)s;
        if (len > QUICK_BITS)
            continue;
        u32 nth = (u32)(place - c->first_index[len]);
        u32 from = (c->first_code[len] >> (MAX_BITS - QUICK_BITS)) + (nth << (QUICK_BITS - len));
        for (u32 i = 0; i < 1u << (QUICK_BITS - len); i++)
            c->quick[from + i] = (u16)(s << 4 | len);
    }
    return true;
}

static u32 word_take(bits *b)
{
    if (cursor_left(&b->in) >= 2)
        return take_u16(&b->in);
    b->in.at = b->in.end;
    b->absent++;
    return 0;
}

static void bits_start(bits *b)
{
    b->window = word_take(b) << 16;
    b->window |= word_take(b);
    b->extra = 16;
}

// count <= 15. False where bits were used that are not there.
static bool bits_skip(bits *b, unsigned count)
{
    b->window <<= count;
    b->extra -= (int)count;
    if (b->extra < 0) {
        b->window |= word_take(b) << -b->extra;
        b->extra += 16;
    }
    return 16 * b->absent <= 16 + b->extra;
}

static unsigned symbol_next(bits *b, const code *c, bool *there)
{
    u32 ahead = b->window >> (32 - MAX_BITS);
    u16 quick = c->quick[ahead >> (MAX_BITS - QUICK_BITS)];
    if (quick) {
        *there = bits_skip(b, quick & 15);
        return quick >> 4;
    }
    unsigned len = QUICK_BITS + 1;
    while (ahead >= c->past_code[len]) // the code is complete: ends at MAX_BITS
        len++;
    *there = bits_skip(b, len);
    return c->symbols[c->first_index[len] + ((ahead - c->first_code[len]) >> (MAX_BITS - len))];
}

// The length - 3 of a match whose four bits were all set.
static bool long_length(bits *b, size_t *len)
{
    u32 more = take_u8(&b->in);
    *len = more + 15;
    if (more == 255) {
        *len = take_u16(&b->in);
        if (!*len)
            *len = take_u32(&b->in);
    }
    return !b->in.ran_out && *len >= 15;
}

// One block, from out[*made] on.
static bool block_inflate(bits *b, const code *c, u8 *out, size_t out_len, size_t *made, error *e)
{
    size_t at = *made, end = out_len - at > BLOCK_BYTES ? at + BLOCK_BYTES : out_len;
    bits_start(b);
    while (at < end) {
        bool there;
        unsigned symbol = symbol_next(b, c, &there);
        if (!there)
            return error_set(e, "XPRESS Huffman stream ends after %zu of %zu bytes of output", at, out_len);
        if (symbol < 256) {
            out[at++] = (u8)symbol;
            *made = at;
            continue;
        }
        size_t len = symbol & 15;
        unsigned distance_bits = symbol >> 4 & 15;
        if (len == 15 && !long_length(b, &len))
            return error_set(e, "XPRESS Huffman match at output %zu: its long length is cut or too short", at);
        len += 3;
        size_t distance = (size_t)1 << distance_bits;
        if (distance_bits)
            distance += b->window >> (32 - distance_bits);
        if (!bits_skip(b, distance_bits))
            return error_set(e, "XPRESS Huffman stream ends after %zu of %zu bytes of output", at, out_len);
        if (distance > at)
            return error_set(e, "XPRESS Huffman match claims distance %zu, %zu bytes are out", distance, at);
        if (len > out_len - at)
            return error_set(e, "XPRESS Huffman match claims %zu bytes, %zu are left", len, out_len - at);
        for (size_t i = 0; i < len; i++)
            out[at + i] = out[at + i - distance];
        at += len;
        *made = at;
    }
    return true;
}

bool xpress_huffman_inflate_part(span in, u8 *out, size_t out_len, size_t *made, error *e)
{
    *made = 0;
    if (!out_len)
        return true;
    if (!in.len)
        return error_set(e, "XPRESS Huffman stream of no bytes where %zu are to come out", out_len);
    bits b = {.in = cursor_over(in)};
    code c;
    while (*made < out_len) {
        size_t left = cursor_left(&b.in);
        span table = take(&b.in, TABLE_BYTES);
        if (table.len < TABLE_BYTES)
            return error_set(e, "XPRESS Huffman block at output %zu needs 256 bytes of code lengths, %zu are left",
                             *made, left);
        if (!code_build(&c, table.at))
            return error_set(e, "XPRESS Huffman block at output %zu: its code lengths make no complete code", *made);
        if (!block_inflate(&b, &c, out, out_len, made, e))
            return false;
    }
    return true;
}
