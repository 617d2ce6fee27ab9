// XPRESS: the published examples of [MS-XCA] chapter 3, round trips through a small compressor written here from the
// same description, damage of every kind, and every compressed buffer of the shared traces (skipped where absent).
#include "container/xpress.h"

#define SLACK XPRESS_SLACK
#include "inflate.h"

// ------------------------------------------------------------------------------------- compressor

typedef struct xpress_packer {
    outbuf out;
    size_t flags_at, flags_left, half_at; // half_at 0: none
    u32 flags;
} xpress_packer;

static void xpress_flag(xpress_packer *x, unsigned flag)
{
    if (!x->flags_left) {
        x->flags_at = x->out.len;
        x->flags_left = 32;
        x->flags = 0;
        add_u32(&x->out, 0xffffffff);
    }
    x->flags_left--;
    x->flags |= flag << x->flags_left;
    u32 shown = x->flags | (u32)(((u64)1 << x->flags_left) - 1); // unused flags are ones
    for (unsigned i = 0; i < 4; i++)
        x->out.bytes[x->flags_at + i] = (u8)(shown >> (8 * i));
}

static void xpress_literal(xpress_packer *x, u8 byte)
{
    xpress_flag(x, 0);
    add_u8(&x->out, byte);
}

static void xpress_match(xpress_packer *x, size_t distance, size_t len)
{
    size_t rest = len - 3;
    xpress_flag(x, 1);
    add_u16(&x->out, (distance - 1) << 3 | (rest < 7 ? rest : 7));
    if (rest < 7)
        return;
    size_t half = rest - 7 < 15 ? rest - 7 : 15;
    if (x->half_at) {
        x->out.bytes[x->half_at] |= (u8)(half << 4);
        x->half_at = 0;
    } else {
        x->half_at = x->out.len;
        add_u8(&x->out, half);
    }
    if (half < 15)
        return;
    if (rest - 22 < 255) {
        add_u8(&x->out, rest - 22);
        return;
    }
    add_u8(&x->out, 255);
    if (rest < 65536) {
        add_u16(&x->out, rest);
    } else {
        add_u16(&x->out, 0);
        add_u32(&x->out, rest);
    }
}

static outbuf xpress_pack(span plain, size_t max_distance, size_t max_len)
{
    xpress_packer x = {.out = {0}};
    finder *f = mem_zeroed(1, sizeof(*f));
    f->data = plain;
    for (size_t at = 0; at < plain.len;) {
        match m = match_at(f, at, 0, max_distance, max_len);
        if (m.len)
            xpress_match(&x, m.distance, m.len);
        else
            xpress_literal(&x, plain.at[at]);
        at += m.len ? m.len : 1;
    }
    mem_free(f);
    return x.out;
}

// ------------------------------------------------------------------------------------- tests

static void xpress_examples(void **state)
{
    (void)state;
    u8 plain[30] = {0x3f};
    memcpy(plain + 4, ALPHABET, 26);
    expect_inflated(xpress_inflate_part, (span){plain, 30}, ascii(ALPHABET));
    expect_inflated(xpress_inflate_part,
                    BYTES(0xff, 0xff, 0xff, 0x1f, 0x61, 0x62, 0x63, 0x17, 0x00, 0x0f, 0xff, 0x26, 0x01),
                    ascii(abc300()));
}

// Two long matches share one byte for their four bits, the first has the low half; a third starts a new one.
static void xpress_halves(void **state)
{
    (void)state;
    // Flags 0 1 1 1, then ones: 'a', matches of distance 1 and lengths 12, 15 and 10.
    expect_inflated(xpress_inflate_part,
                    BYTES(0xff, 0xff, 0xff, 0x7f, 'a', 0x07, 0x00, 0x52, 0x07, 0x00, 0x07, 0x00, 0x00),
                    ascii("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
}

static void xpress_round_trips(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < KINDS; kind++)
        for (size_t i = 0; i < COUNT_OF(SIZES); i++) {
            u8 *plain = sample_make(kind, SIZES[i]);
            static const size_t LIMITS[][2] = {{8192, SIZE_MAX}, {8192, 10}, {7, 40}, {1, 25}, {20, 300}};
            for (size_t k = 0; k < COUNT_OF(LIMITS); k++) {
                outbuf packed = xpress_pack((span){plain, SIZES[i]}, LIMITS[k][0], LIMITS[k][1]);
                expect_inflated(xpress_inflate_part, (span){packed.bytes, packed.len}, (span){plain, SIZES[i]});
                expect_refused(xpress_inflate_part, (span){packed.bytes, packed.len - 1}, SIZES[i]);
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
            outbuf packed = xpress_pack((span){plain, len}, 8192, SIZE_MAX);
            check_prefixes(xpress_inflate_part, (span){packed.bytes, packed.len}, (span){plain, len});
            check_flips(xpress_inflate_part, (span){packed.bytes, packed.len}, len, &seed);
            outbuf_free(&packed);
            free(plain);
        }
    check_noise(xpress_inflate_part, NULL, 0);
    check_nothing(xpress_inflate_part);
}

static void refusals(void **state)
{
    (void)state;
    // A match with nothing before it; one further back than there is; one longer than the room; lengths that lie.
    expect_refused(xpress_inflate_part, BYTES(0xff, 0xff, 0xff, 0xff, 0, 0), 10);
    expect_refused(xpress_inflate_part, BYTES(0xff, 0xff, 0xff, 0x7f, 'a', 8, 0), 4);
    expect_refused(xpress_inflate_part, BYTES(0xff, 0xff, 0xff, 0x7f, 'a', 1, 0), 4);
    expect_inflated(xpress_inflate_part, BYTES(0xff, 0xff, 0xff, 0x7f, 'a', 1, 0), ascii("aaaaa"));
    expect_refused(xpress_inflate_part, BYTES(0xff, 0xff, 0xff, 0x7f, 'a', 7, 0, 15, 255, 21, 0), 25);
    expect_inflated(xpress_inflate_part, BYTES(0xff, 0xff, 0xff, 0x7f, 'a', 7, 0, 15, 255, 22, 0),
                    ascii("aaaaaaaaaaaaaaaaaaaaaaaaaa"));
    expect_refused(xpress_inflate_part, BYTES(0xff, 0xff, 0xff, 0x7f, 'a', 7, 0, 15, 255, 0, 0, 0xff, 0xff, 0xff, 0xff),
                   25);
    // The same where there is room for the fast loop: a match one byte before the start, then one that just reaches it.
    u8 stream[100] = {0xff, 0xff, 0xff, 0x7f, 'a', 8, 0};
    expect_refused(xpress_inflate_part, (span){stream, sizeof(stream)}, 200);
    stream[5] = 0;
    expect_refused(xpress_inflate_part, (span){stream, 7}, 200);
    expect_inflated(xpress_inflate_part, (span){stream, sizeof(stream)}, ascii("aaaa"));
    // The longest that one byte says, on both ways, and the shortest that it does not.
    u8 plain[281];
    memset(plain, 'a', sizeof(plain));
    for (u8 tail = 0; tail <= 1; tail++) {
        u8 longest[100] = {0xff, 0xff, 0xff, 0x7f, 'a', 7, 0, 15, 254};
        expect_inflated(xpress_inflate_part, (span){longest, tail ? sizeof(longest) : 9}, (span){plain, 280});
        u8 longer[100] = {0xff, 0xff, 0xff, 0x7f, 'a', 7, 0, 15, 255, 0x15, 0x01};
        expect_inflated(xpress_inflate_part, (span){longer, tail ? sizeof(longer) : 11}, (span){plain, 281});
    }
}

typedef struct counts {
    size_t buffers, in, out;
    u64 hash; // over all that came out of one trace
} counts;

static void check_buffer(span payload, size_t out_len, counts *n)
{
    u8 *out;
    size_t made;
    assert_true(inflate(xpress_inflate_part, payload, out_len, &out, &made));
    for (size_t i = 0; i < out_len; i++)
        n->hash = n->hash * 1099511628211u + out[i];
    free(out);
    // Nothing may be left but a last set of flags with no element after it.
    if (payload.len > 4 && load_u32(payload.at + payload.len - 4) == 0xffffffff &&
        inflate(xpress_inflate_part, (span){payload.at, payload.len - 4}, out_len, &out, &made)) {
        payload.len -= 4;
        free(out);
    }
    expect_refused(xpress_inflate_part, (span){payload.at, payload.len - 1}, out_len);
    n->buffers++;
    n->in += payload.len;
    n->out += out_len;
}

// WMI_BUFFER_HEADER, 72 bytes: 0 u32 size in the file, 0x30 u32 bytes used when inflated, 0x34 u16 flags (0x40
// compressed).
static void check_trace(const char *name, span file, void *context)
{
    counts *n = context;
    span header, buffer;
    size_t before = n->buffers;
    n->hash = 0;
    for (size_t at = 0; span_sub(file, at, 72, &header) && load_u32(header.at) >= 72; at += buffer.len) {
        if (!span_sub(file, at, load_u32(header.at), &buffer))
            break;
        if (load_u16(header.at + 0x34) & 0x40)
            check_buffer(span_from(buffer, 72), load_u32(header.at + 0x30) - 72, n);
    }
    // Found by another program, written in another language, byte by byte.
    if (strcmp(name, "perfview-net452-x64.etl") == 0) {
        assert_int_equal(n->buffers - before, 359);
        assert_true(n->hash == 0x19802824aadf0605u);
    }
}

static void shared_traces(void **state)
{
    (void)state;
    counts n = {0};
    size_t traces = traces_each(check_trace, &n);
    if (!traces) {
        print_message("skipped: no traces of others (ETWKIT_SHARED)\n");
        skip();
    }
    print_message("%zu traces, %zu compressed buffers: %zu bytes in, %zu out\n", traces, n.buffers, n.in, n.out);
    assert_true(n.buffers >= 374);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(xpress_examples), cmocka_unit_test(xpress_halves), cmocka_unit_test(xpress_round_trips),
        cmocka_unit_test(damage),          cmocka_unit_test(refusals),      cmocka_unit_test(shared_traces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
