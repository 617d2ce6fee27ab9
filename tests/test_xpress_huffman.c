// XPRESS Huffman: the published examples of [MS-XCA] chapter 3, round trips through a small compressor written here
// from the same description, and damage of every kind. No trace in this format is known.
#include "container/xpress_huffman.h"

#define SLACK 0
#include "inflate.h"

// ------------------------------------------------------------------------------------- compressor

// Words are given their places before the bytes that follow them: two at the start, one more whenever one is full and
// another bit comes.
typedef struct bit_writer {
    outbuf *out;
    size_t place[2];
    u32 word;
    unsigned used;
} bit_writer;

static void bits_flush(bit_writer *w)
{
    u32 word = w->word << (16 - w->used);
    w->out->bytes[w->place[0]] = (u8)word;
    w->out->bytes[w->place[0] + 1] = (u8)(word >> 8);
}

static void bits_put(bit_writer *w, u32 value, unsigned count)
{
    for (; count; count--) {
        if (w->used == 16) {
            bits_flush(w);
            w->place[0] = w->place[1];
            w->place[1] = w->out->len;
            add_u16(w->out, 0);
            w->used = 0;
            w->word = 0;
        }
        w->word = w->word << 1 | (value >> (count - 1) & 1);
        w->used++;
    }
}

static bit_writer bits_open(outbuf *out)
{
    bit_writer w = {.out = out, .place = {out->len, out->len + 2}};
    add_u32(out, 0);
    return w;
}

static unsigned distance_bits_of(size_t distance)
{
    unsigned bits = 0;
    while (distance >> (bits + 1))
        bits++;
    return bits;
}

static unsigned symbol_of(match m)
{
    size_t rest = m.len - 3 < 15 ? m.len - 3 : 15;
    return (unsigned)(256 + (distance_bits_of(m.distance) << 4) + rest);
}

// Complete code for the used symbols: the first `skew` of them 1, 2, 3 … bits, the others evenly below what is left.
static void lengths_make(const bool *used, unsigned skew, u8 *lengths)
{
    unsigned count = 0, nth = 0;
    for (unsigned s = 0; s < 512; s++)
        count += used[s];
    unsigned steps = skew < count - 2 ? skew : count - 2, even = count - steps, bits = 0;
    while (even >> (bits + 1))
        bits++;
    unsigned shorter = (2u << bits) - even;
    for (unsigned s = 0; s < 512; s++) {
        lengths[s] = 0;
        if (!used[s])
            continue;
        if (nth < steps)
            lengths[s] = (u8)(nth + 1);
        else
            lengths[s] = (u8)(steps + bits + (nth - steps < shorter ? 0 : 1));
        nth++;
    }
}

static void codes_make(const u8 *lengths, u16 *codes)
{
    u32 next = 0;
    for (unsigned len = 1; len <= 15; len++, next <<= 1)
        for (unsigned s = 0; s < 512; s++)
            if (lengths[s] == len)
                codes[s] = (u16)next++;
}

static size_t huffman_pack_block(outbuf *out, finder *f, size_t from, size_t max_len, unsigned skew)
{
    static match found[65536]; // by element
    bool used[512] = {[256] = true, [0] = true};
    size_t elements = 0, at = from;
    for (; at < f->data.len && at - from < 65536; elements++) {
        match m = match_at(f, at, 0, 65535, max_len);
        found[elements] = m;
        used[m.len ? symbol_of(m) : f->data.at[at]] = true;
        at += m.len ? m.len : 1;
    }
    u8 lengths[512];
    u16 codes[512] = {0};
    lengths_make(used, skew, lengths);
    codes_make(lengths, codes);
    for (unsigned s = 0; s < 512; s += 2)
        add_u8(out, (size_t)(lengths[s] | lengths[s + 1] << 4));
    bit_writer w = bits_open(out);
    size_t place = from;
    for (size_t i = 0; i < elements; i++) {
        match m = found[i];
        unsigned symbol = m.len ? symbol_of(m) : f->data.at[place];
        bits_put(&w, codes[symbol], lengths[symbol]);
        place += m.len ? m.len : 1;
        if (!m.len)
            continue;
        size_t rest = m.len - 3;
        if (rest >= 15 && rest - 15 < 255) {
            add_u8(out, rest - 15);
        } else if (rest >= 15) {
            add_u8(out, 255);
            add_u16(out, rest < 65536 ? rest : 0);
            if (rest >= 65536)
                add_u32(out, rest);
        }
        bits_put(&w, (u32)m.distance, distance_bits_of(m.distance)); // without its leading 1
    }
    if (at == f->data.len)
        bits_put(&w, codes[256], lengths[256]);
    bits_flush(&w);
    return at;
}

static outbuf huffman_pack(span plain, size_t max_len, unsigned skew)
{
    outbuf out = {0};
    finder *f = mem_zeroed(1, sizeof(*f));
    f->data = plain;
    for (size_t at = 0; at < plain.len;)
        at = huffman_pack_block(&out, f, at, max_len, skew);
    mem_free(f);
    return out;
}

// ------------------------------------------------------------------------------------- tests

static void huffman_examples(void **state)
{
    (void)state;
    u8 stream[276] = {0};
    static const u8 LETTERS[13] = {0x50, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x45, 0x44};
    static const u8 BITS[20] = {0xd8, 0x52, 0x3e, 0xd7, 0x94, 0x11, 0x5b, 0xe9, 0x19, 0x5f,
                                0xf9, 0xd6, 0x7c, 0xdf, 0x8d, 0x04, 0x00, 0x00, 0x00, 0x00};
    memcpy(stream + 48, LETTERS, 13);
    stream[61] = 0x04;
    stream[128] = 0x04;
    memcpy(stream + 256, BITS, 20);
    expect_inflated(xpress_huffman_inflate_part, (span){stream, 276}, ascii(ALPHABET));
    static const u8 REPEAT[7] = {0xa8, 0xdc, 0x00, 0x00, 0xff, 0x26, 0x01};
    memset(stream, 0, sizeof(stream));
    stream[48] = 0x30;
    stream[49] = 0x23;
    stream[128] = 0x02;
    stream[143] = 0x20;
    memcpy(stream + 256, REPEAT, 7);
    expect_inflated(xpress_huffman_inflate_part, (span){stream, 263}, ascii(abc300()));
    stream[128] = 0x03; // no complete code any more
    expect_refused(xpress_huffman_inflate_part, (span){stream, 263}, 300);
    expect_refused(xpress_huffman_inflate_part, (span){stream, 255}, 300);
}

static void huffman_round_trips(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < KINDS; kind++)
        for (size_t i = 0; i < COUNT_OF(SIZES); i++) {
            u8 *plain = sample_make(kind, SIZES[i]);
            for (unsigned skew = 0; skew <= 6; skew += 3) {
                // Blocks of a real encoder end at 65,536 bytes: matches must not reach over that here either, but for
                // a decoder it makes no difference, so the long ones do.
                outbuf packed = huffman_pack((span){plain, SIZES[i]}, skew == 3 ? 20 : SIZE_MAX, skew);
                expect_inflated(xpress_huffman_inflate_part, (span){packed.bytes, packed.len}, (span){plain, SIZES[i]});
                expect_refused(xpress_huffman_inflate_part, (span){packed.bytes, packed.len}, SIZES[i] + 70000);
                outbuf_free(&packed);
            }
            free(plain);
        }
}

static void damage(void **state)
{
    (void)state;
    u64 seed = 0x123456789abcdef;
    for (unsigned kind = 0; kind < KINDS; kind++)
        for (size_t len = 40; len < 10000; len *= 12) {
            u8 *plain = sample_make(kind, len);
            outbuf packed = huffman_pack((span){plain, len}, SIZE_MAX, 2);
            check_prefixes(xpress_huffman_inflate_part, (span){packed.bytes, packed.len}, (span){plain, len});
            check_flips(xpress_huffman_inflate_part, (span){packed.bytes, packed.len}, len, &seed);
            outbuf_free(&packed);
            free(plain);
        }
    u8 even[256];
    memset(even, 0x99, sizeof(even)); // 9 bits for every symbol: complete
    check_noise(xpress_huffman_inflate_part, even, sizeof(even));
    check_noise(xpress_huffman_inflate_part, NULL, 0);
    check_nothing(xpress_huffman_inflate_part);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(huffman_examples),
        cmocka_unit_test(huffman_round_trips),
        cmocka_unit_test(damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
