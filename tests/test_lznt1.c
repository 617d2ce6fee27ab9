// LZNT1: the published example of [MS-XCA] chapter 3, round trips through a small compressor written here from the same
// description, damage of every kind, and the WinSAT documents of the shared traces (skipped where absent).
#include "container/lznt1.h"
#include "container/xpress.h"

#define SLACK 0
#include "inflate.h"

// ------------------------------------------------------------------------------------- compressor

static void lznt1_pack_chunk(outbuf *out, finder *f, size_t from, size_t to)
{
    size_t header_at = out->len, flags_at = 0;
    unsigned flags_used = 8;
    add_u16(out, 0);
    span all = f->data;
    f->data.len = to;
    for (size_t at = from; at < to;) {
        if (flags_used == 8) {
            flags_at = out->len;
            flags_used = 0;
            add_u8(out, 0);
        }
        // The distance has the fewest of 4 to 12 bits that reach to the first byte of the chunk.
        unsigned distance_bits = 4;
        while (distance_bits < 12 && at - from > (size_t)1 << distance_bits)
            distance_bits++;
        match m = match_at(f, at, from, 4096, ((size_t)1 << (16 - distance_bits)) + 2);
        if (m.len) {
            out->bytes[flags_at] |= (u8)(1 << flags_used);
            add_u16(out, (m.distance - 1) << (16 - distance_bits) | (m.len - 3));
        } else {
            add_u8(out, f->data.at[at]);
        }
        at += m.len ? m.len : 1;
        flags_used++;
    }
    f->data = all;
    size_t bytes = out->len - header_at - 2;
    if (bytes > 4096) {
        out->len = header_at + 2;
        outbuf_add(out, all.at + from, to - from);
        bytes = to - from;
        out->bytes[header_at + 1] = (u8)(0x30 | (bytes - 1) >> 8);
    } else {
        out->bytes[header_at + 1] = (u8)(0xb0 | (bytes - 1) >> 8);
    }
    out->bytes[header_at] = (u8)(bytes - 1);
}

static outbuf lznt1_pack(span plain, bool end_mark)
{
    outbuf out = {0};
    finder *f = mem_zeroed(1, sizeof(*f));
    f->data = plain;
    for (size_t at = 0; at < plain.len; at += 4096)
        lznt1_pack_chunk(&out, f, at, plain.len - at < 4096 ? plain.len : at + 4096);
    if (end_mark)
        add_u16(&out, 0);
    mem_free(f);
    return out;
}

// ------------------------------------------------------------------------------------- tests

static void lznt1_examples(void **state)
{
    (void)state;
    static const char TUNE[] =
        "F# F# G A A G F# E D D E F# F# E E F# F# G A A G F# E D D E F# E D D E E F# D E F# G F# "
        "D E F# G F# E D E A F# F# G A A G F# E D D E F# E D D";
    span stream = BYTES(0x38, 0xb0, 0x88, 0x46, 0x23, 0x20, 0x00, 0x20, 0x47, 0x20, 0x41, 0x00, 0x10, 0xa2, 0x47, 0x01,
                        0xa0, 0x45, 0x20, 0x44, 0x00, 0x08, 0x45, 0x01, 0x50, 0x79, 0x00, 0xc0, 0x45, 0x20, 0x05, 0x24,
                        0x13, 0x88, 0x05, 0xb4, 0x02, 0x4a, 0x44, 0xef, 0x03, 0x58, 0x02, 0x8c, 0x09, 0x16, 0x01, 0x48,
                        0x45, 0x00, 0xbe, 0x00, 0x9e, 0x00, 0x04, 0x01, 0x18, 0x90, 0x00);
    expect_inflated(lznt1_inflate_part, stream, (span){(const u8 *)TUNE, sizeof(TUNE)}); // with its NUL
    // Made by hand: one chunk as it is, the end mark, and nothing after it counts.
    expect_inflated(lznt1_inflate_part, BYTES(0x02, 0x30, 'a', 'b', 'c', 0, 0, 1, 2), ascii("abc"));
    outbuf out = {0};
    error e;
    assert_true(
        lznt1_inflate_all(BYTES(0x02, 0x30, 'a', 'b', 'c', 0x03, 0xb0, 0x02, 'x', 0x01, 0x00, 0, 0, 1), 100, &out, &e));
    assert_int_equal(out.len, 8);
    assert_memory_equal(out.bytes, "abcxxxxx", 8);
    outbuf_free(&out);
}

static void lznt1_round_trips(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < KINDS; kind++)
        for (size_t i = 0; i < COUNT_OF(SIZES); i++) {
            u8 *plain = sample_make(kind, SIZES[i]);
            outbuf packed = lznt1_pack((span){plain, SIZES[i]}, i & 1);
            span in = {packed.bytes, packed.len};
            expect_inflated(lznt1_inflate_part, in, (span){plain, SIZES[i]});
            expect_refused(lznt1_inflate_part, in, SIZES[i] + 1);
            outbuf out = {0};
            error e;
            assert_true(lznt1_inflate_all(in, SIZES[i], &out, &e));
            assert_int_equal(out.len, SIZES[i]);
            assert_memory_equal(out.bytes, plain, SIZES[i]);
            assert_false(lznt1_inflate_all(in, SIZES[i] - 1, &out, &e));
            outbuf_free(&out);
            outbuf_free(&packed);
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
            outbuf packed = lznt1_pack((span){plain, len}, true);
            check_prefixes(lznt1_inflate_part, (span){packed.bytes, packed.len}, (span){plain, len});
            check_flips(lznt1_inflate_part, (span){packed.bytes, packed.len}, len, &seed);
            for (int i = 0; i < 300; i++) {
                packed.bytes[random_next(&seed) % packed.len] = (u8)random_next(&seed);
                outbuf out = {0};
                error e = {0};
                size_t limit = random_next(&seed) % (2 * len);
                if (!lznt1_inflate_all((span){packed.bytes, packed.len}, limit, &out, &e))
                    assert_true(strlen(e.message) > 20);
                assert_true(out.len <= limit);
                outbuf_free(&out);
            }
            outbuf_free(&packed);
            free(plain);
        }
    check_noise(lznt1_inflate_part, NULL, 0);
    check_noise(lznt1_inflate_part, (const u8[]){0xff, 0xb0}, 2);
    check_nothing(lznt1_inflate_part);
    error e;
    outbuf out = {0};
    assert_true(lznt1_inflate_all((span){NULL, 0}, 10, &out, &e));
    assert_int_equal(out.len, 0);
}

static void refusals(void **state)
{
    (void)state;
    expect_refused(lznt1_inflate_part, BYTES(0x02, 0x40, 'a', 'b', 'c'), 3);
    expect_refused(lznt1_inflate_part, BYTES(0x03, 0x30, 'a', 'b', 'c'), 4);
    expect_refused(lznt1_inflate_part, BYTES(0x02, 0xb0, 0x01, 0x00, 0x00), 3);
    expect_refused(lznt1_inflate_part, BYTES(0x03, 0xb0, 0x02, 'a', 0x00, 0x10), 4);
}

// {ed54dff8-c409-4cf6-bf83-05e1e61a09c4}, WinSAT in merged traces. The records have a 48-byte header with the size in
// its first u16 and the GUID at 24; the payload is u32, u32 size of the document, LZNT1 of UTF-16 XML.
static void check_documents(span data, size_t *documents)
{
    static const u8 GUID[16] = {0xf8, 0xdf, 0x54, 0xed, 0x09, 0xc4, 0xf6, 0x4c,
                                0xbf, 0x83, 0x05, 0xe1, 0xe6, 0x1a, 0x09, 0xc4};
    for (size_t at = 24; at + 16 <= data.len; at++) {
        span record;
        if (memcmp(data.at + at, GUID, 16) != 0 || !span_sub(data, at - 24, load_u16(data.at + at - 24), &record))
            continue;
        assert_true(record.len > 56);
        size_t claimed = load_u32(record.at + 52);
        span packed = span_from(record, 56);
        outbuf out = {0};
        error e = {0};
        if (!lznt1_inflate_all(packed, 1 << 20, &out, &e))
            fail_msg("%s", e.message);
        assert_int_equal(out.len, claimed);
        assert_true(claimed > 100 && load_u16(out.bytes) == '<');
        size_t opened = 0, closed = 0;
        for (size_t i = 0; i + 1 < out.len; i += 2) {
            opened += load_u16(out.bytes + i) == '<';
            closed += load_u16(out.bytes + i) == '>';
        }
        assert_true(opened > 10 && opened == closed);
        expect_inflated(lznt1_inflate_part, packed, (span){out.bytes, out.len});
        outbuf_free(&out);
        (*documents)++;
    }
}

// WMI_BUFFER_HEADER, 72 bytes: 0 u32 size in the file, 0x30 u32 bytes used when inflated, 0x34 u16 flags (0x40
// compressed).
static void check_trace(const char *name, span file, void *documents)
{
    (void)name;
    span header, buffer;
    for (size_t at = 0; span_sub(file, at, 72, &header) && load_u32(header.at) >= 72; at += buffer.len) {
        if (!span_sub(file, at, load_u32(header.at), &buffer))
            break;
        span data = span_from(buffer, 72);
        u8 *out = NULL;
        if (load_u16(header.at + 0x34) & 0x40) {
            size_t out_len = load_u32(header.at + 0x30) - 72;
            error e;
            out = malloc(out_len + XPRESS_SLACK);
            assert_true(xpress_inflate(data, out, out_len, &e));
            data = (span){out, out_len};
        }
        check_documents(data, documents);
        free(out);
    }
}

static void shared_traces(void **state)
{
    (void)state;
    size_t documents = 0, traces = traces_each(check_trace, &documents);
    if (!traces) {
        print_message("skipped: no traces of others (ETWKIT_SHARED)\n");
        skip();
    }
    print_message("%zu traces, %zu LZNT1 documents\n", traces, documents);
    assert_true(documents >= 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lznt1_examples), cmocka_unit_test(lznt1_round_trips), cmocka_unit_test(damage),
        cmocka_unit_test(refusals),       cmocka_unit_test(shared_traces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
