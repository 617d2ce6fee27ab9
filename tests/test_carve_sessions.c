// Which session carved buffers are put into: never into another one's, never twice, and where their bytes leave it open
// that is said.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "carve_image.h"

enum { BUFFER = 1024 };

// Two sessions of one logger with the same buffer size and the same ticks, a month apart: the automatic loggers of two
// boots look like that. All events of A have id 65, those of B 66. Extra words for the header lines and the buffers.
#define TRACE(name, id, start, words, ...) TRACE_(name, id, start, words, __VA_ARGS__)
#define TRACE_(name, id, start, words, b1, b2, b3)                                                                     \
    "trace session=" name " buffer-size=1024 logger=7 start=" start " " words "\n"                                     \
    "buffer cpu=0 logger=7 sequence=1 " b1 "\n" EVENT(id, "+101us") EVENT(id, "+102us")                                \
        EVENT(id, "+103us") "buffer cpu=0 logger=7 sequence=2 " b2 "\n" EVENT(id, "+201us") EVENT(id, "+202us")        \
            EVENT(id, "+203us") "buffer cpu=0 logger=7 sequence=3 " b3 "\n" EVENT(id, "+301us") EVENT(id, "+302us")    \
                EVENT(id, "+303us")
#define EVENT(id, time)                                                                                                \
    "event provider={a0b1c2d3-0011-2233-4455-66778899aabb} id=" id " time=" time " payload wstr:\"of " id "\"\n"

#define MAY "2024-05-01T10:00:00"
#define JUNE "2024-06-01T10:00:00"
#define IN_MAY "flushed=133590312010000000" // FILETIMEs
#define IN_JUNE "flushed=133617096010000000"
#define PROCESSES "NT Kernel Logger"
#define OF_A "\"event_id\":65,"
#define OF_B "\"event_id\":66,"

typedef struct pair {
    outbuf a, b;
} pair;

static pair pair_of(const char *a, const char *b)
{
    pair p = {{0}, {0}};
    build(a, &p.a);
    build(b, &p.b);
    assert_int_equal(p.a.len % BUFFER, 0);
    assert_int_equal(p.b.len % BUFFER, 0);
    return p;
}

static void pair_free(pair *p)
{
    outbuf_free(&p->a);
    outbuf_free(&p->b);
}

static void gap(image *m)
{
    noise(m, 512);
}

static void place_one(image *m, const outbuf *trace, u32 buffer)
{
    place(m, trace->bytes + buffer * BUFFER, BUFFER);
}

// Each buffer apart from the others, in this order: "a1" is the first buffer of A after its header.
static void place_apart(image *m, const pair *p, const char *order)
{
    for (; *order; order += order[2] ? 3 : 2) {
        gap(m);
        place_one(m, order[0] == 'a' ? &p->a : &p->b, (u32)(order[1] - '0'));
    }
    gap(m);
}

static bool is_named(const image *m, int index, const char *name)
{
    const cJSON *value = cJSON_GetObjectItem(session_at(m, index), "session");
    return value && strcmp(value->valuestring, name) == 0;
}

// A session's file has the events carve.json says it has, and no others.
static void check_counts(image *m)
{
    for (int i = 0; i < sessions(m); i++) {
        const cJSON *s = session_at(m, i);
        bool is_made_up = strcmp(text_of(s, "header"), "found") != 0;
        assert_true(number(s, "events") + is_made_up == records_with(m, i, "\"record\":"));
    }
}

// No session has events of the other one, and all events are somewhere, once.
static void check_events(image *m, u32 of_a, u32 of_b)
{
    check_counts(m);
    for (int i = 0; i < sessions(m); i++) {
        if (is_named(m, i, "A"))
            assert_int_equal(records_with(m, i, OF_B), 0);
        if (is_named(m, i, "B"))
            assert_int_equal(records_with(m, i, OF_A), 0);
    }
    assert_int_equal(records_in_all(m, OF_A), of_a);
    assert_int_equal(records_in_all(m, OF_B), of_b);
}

// Both sessions whole, apart from the order of their buffers.
static void check_both(image *m)
{
    assert_int_equal(sessions(m), 2);
    check_events(m, 9, 9);
    for (int i = 0; i < 2; i++)
        assert_int_equal(buffers_in(m, i), 4);
}

static void check_ambiguous(image *m, u32 buffers)
{
    assert_true(number(m->json, "ambiguous_buffers") == buffers);
    assert_true(says(m, "ambiguous"));
    u32 found = 0;
    for (int i = 0; i < sessions(m); i++) {
        const cJSON *s = session_at(m, i);
        if (!cJSON_IsTrue(cJSON_GetObjectItem(s, "ambiguous")))
            continue;
        found += buffers_in(m, i);
        assert_string_equal(text_of(s, "header"), "made up");
        assert_true(cJSON_IsArray(cJSON_GetObjectItem(s, "may_be_of")));
        assert_non_null(strstr(text_of(cJSON_GetArrayItem(cJSON_GetObjectItem(s, "buffers"), 0), "why"), "ambiguous"));
    }
    assert_int_equal(found, buffers);
}

// ---------------------------------------------------------------------------------------------- nothing decides

static void nothing_decides(void **state)
{
    image *m = *state;
    static const char *const ORDERS[] = {"a0 b0 a1 a2 a3 b1 b2 b3", "b3 a3 b2 a2 b1 a1 b0 a0",
                                         "a1 b2 a3 a0 b0 b1 a2 b3"};
    pair p = pair_of(TRACE("A", "65", MAY, "", "", "", ""), TRACE("B", "66", JUNE, "", "", "", ""));
    for (size_t i = 0; i < COUNT_OF(ORDERS); i++) {
        m->bytes.len = 0;
        place_apart(m, &p, ORDERS[i]);
        assert_int_equal(carve(m), 3);
        check_ambiguous(m, 6);
        check_events(m, 9, 9);
    }
    pair_free(&p);
}

// In a row, turn about: to lie next to each other is no evidence here.
static void interleaved(void **state)
{
    image *m = *state;
    pair p = pair_of(TRACE("A", "65", MAY, "", "", "", ""), TRACE("B", "66", JUNE, "", "", "", ""));
    for (u32 i = 0; i < 4; i++) {
        place_one(m, &p.a, i);
        place_one(m, &p.b, i);
    }
    assert_int_equal(carve(m), 3);
    check_events(m, 9, 9);
    pair_free(&p);
}

// Same numbers, processor, lengths and times; other contents. With the headers in a row with their buffers all is
// clear.
static void same_but_for_contents(void **state)
{
    image *m = *state;
    pair p = pair_of(TRACE("A", "65", MAY, "", "", "", ""), TRACE("B", "66", JUNE, "", "", "", ""));
    gap(m);
    place(m, p.a.bytes, p.a.len);
    gap(m);
    place(m, p.b.bytes, p.b.len);
    gap(m);
    assert_int_equal(carve(m), 0);
    check_both(m);
    check_file(m, "found/session-1.etl", p.a.bytes, p.a.len);
    check_file(m, "found/session-2.etl", p.b.bytes, p.b.len);
    pair_free(&p);
}

// One header, and twice the same number with other contents: neither is the one, neither is dropped.
static void contested_number(void **state)
{
    image *m = *state;
    pair p = pair_of(TRACE("A", "65", MAY, "", "", "", ""), TRACE("B", "66", MAY, "", "", "", ""));
    place_apart(m, &p, "a0 a1 a2 a3 b2");
    assert_int_equal(carve(m), 3);
    check_ambiguous(m, 2);
    check_events(m, 9, 3);
    pair_free(&p);
}

// A copy with one byte changed is not a copy: it is of a session whose header is lost.
// Three buffers have the first number, and two sessions a place for it: each fits one but for a1, which fits both. One
// of the three is a stranger's; that the other two fit one session only does not tell which.
static void one_too_many(void **state)
{
    image *m = *state;
    pair p = pair_of(TRACE("A", "65", MAY, "", "", "", ""), TRACE("B", "66", JUNE, "", IN_JUNE, "", ""));
    pair strangers = pair_of(TRACE("A", "67", MAY, "", IN_MAY, "", ""), TRACE("B", "68", JUNE, "", "", "", ""));
    place_apart(m, &p, "a0 b0 b1 a1");
    place_one(m, &strangers.a, 1);
    gap(m);
    assert_int_equal(carve(m), 3);
    check_ambiguous(m, 3);
    check_counts(m);
    for (int i = 0; i < sessions(m); i++)
        if (is_named(m, i, "A"))
            assert_int_equal(records_with(m, i, "\"event_id\":67,"), 0);
    pair_free(&strangers);
    pair_free(&p);
}

// Buffers of two sessions that lie next to each other by chance, and seem to go on: together they fit neither session,
// alone each fits one.
static void row_of_two(void **state)
{
    image *m = *state;
    pair p = pair_of(TRACE("A", "65", MAY, "buffers-written=2", "", "", ""), TRACE("B", "66", JUNE, "", "", "", ""));
    place_apart(m, &p, "a0 b0 b1 b3");
    place_one(m, &p.a, 1);
    place_one(m, &p.b, 2);
    gap(m);
    assert_int_equal(carve(m), 3);
    assert_true(says(m, "ambiguous"));
    check_events(m, 3, 9);
    pair_free(&p);
}

static void almost_a_copy(void **state)
{
    image *m = *state;
    outbuf a = {0};
    build(TRACE("A", "65", MAY, "", "", "", ""), &a);
    gap(m);
    place(m, a.bytes, a.len);
    gap(m);
    size_t other = place(m, a.bytes + 2 * BUFFER, BUFFER);
    m->bytes.bytes[other + 72 + 80] ^= 1; // in the first payload
    gap(m);
    assert_int_equal(carve(m), 3);
    assert_int_equal(sessions(m), 2);
    check_ambiguous(m, 1);
    check_file(m, "found/session-1.etl", a.bytes, a.len);
    assert_int_equal(records_in_all(m, OF_A), 12);
    outbuf_free(&a);
}

// A whole file twice, one byte of a payload another: the session has each number once, and what the other copy has
// otherwise is kept apart. What only one of the copies has is the session's.
static void copy_of_a_file(void **state)
{
    image *m = *state;
    outbuf a = {0};
    build(TRACE("A", "65", MAY, "", "", "", ""), &a);
    for (int is_adjacent = 0; is_adjacent < 2; is_adjacent++) {
        m->bytes.len = 0;
        place(m, a.bytes, 3 * BUFFER);
        if (!is_adjacent)
            gap(m);
        size_t other = place(m, a.bytes, a.len);
        m->bytes.bytes[other + 2 * BUFFER + 72 + 80] ^= 1;
        assert_int_equal(carve(m), 3);
        assert_int_equal(sessions(m), 2);
        check_file(m, "found/session-1.etl", a.bytes, a.len);
        assert_int_equal(buffers_in(m, 1), 1);
        check_counts(m);
        assert_int_equal(records_in_all(m, OF_A), 12);
    }
    outbuf_free(&a);
}

// Clusters of files in any order: in the middle of a buffer another one's go on, at a record. Its events are later than
// the buffer was flushed.
static void buffer_of_two_files(void **state)
{
    enum { CLUSTER = 4096 };
    image *m = *state;
    pair p = {{0}, {0}};
    for (int i = 0; i < 2; i++) { // 100 records of 96 bytes, the first at 8264
        outbuf text = {0};
        outbuf_text(&text, i ? "trace session=B buffer-size=8192 logger=7 start=" JUNE "\n"
                               "buffer logger=7 sequence=1 flushed=1040000000\n"
                             : "trace session=A buffer-size=8192 logger=7 start=" MAY "\n"
                               "buffer logger=7 sequence=1 flushed=1020000000\n");
        for (int k = 0; k < 80; k++)
            outbuf_text(&text, i ? EVENT("66", "+3s") : EVENT("65", "+1s"));
        outbuf_add(&text, "", 1);
        build((const char *)text.bytes, i ? &p.b : &p.a);
        outbuf_free(&text);
    }
    assert_int_equal(p.a.len, 4 * CLUSTER);
    place(m, p.a.bytes, 3 * CLUSTER);
    place(m, p.b.bytes + 3 * CLUSTER, CLUSTER);
    place(m, p.b.bytes, 2 * CLUSTER);
    (void)carve(m);
    for (int i = 0; i < sessions(m); i++)
        assert_true(!records_with(m, i, OF_A) || !records_with(m, i, OF_B));
    assert_int_equal(records_in_all(m, OF_A), (CLUSTER - 72) / 96);
    pair_free(&p);
}

// Without headers: two buffers claim one number, and others may be of either.
static void rivals_without_header(void **state)
{
    image *m = *state;
    pair p = pair_of(TRACE("A", "65", MAY, "", "", "", ""), TRACE("B", "66", JUNE, "", "", "", ""));
    place_apart(m, &p, "a1 b1 a2 a3");
    assert_int_equal(carve(m), 3);
    assert_true(says(m, "ambiguous"));
    assert_int_equal(records_in_all(m, OF_A), 9);
    assert_int_equal(records_in_all(m, OF_B), 3);
    pair_free(&p);
}

// ---------------------------------------------------------------------------------------------- evidence

static void flush_dates(void **state)
{
    image *m = *state;
    static const char *const ORDERS[] = {"a0 b0 a1 a2 a3 b1 b2 b3", "b3 a3 b2 a2 b1 a1 b0 a0"};
    pair p = pair_of(TRACE("A", "65", MAY, "", IN_MAY, IN_MAY, IN_MAY),
                     TRACE("B", "66", JUNE, "", IN_JUNE, IN_JUNE, IN_JUNE));
    for (size_t i = 0; i < COUNT_OF(ORDERS); i++) {
        m->bytes.len = 0;
        place_apart(m, &p, ORDERS[i]);
        assert_int_equal(carve(m), 0);
        check_both(m);
    }
    // In a row, turn about.
    m->bytes.len = 0;
    for (u32 i = 0; i < 4; i++) {
        place_one(m, &p.a, i);
        place_one(m, &p.b, i);
    }
    assert_int_equal(carve(m), 0);
    check_both(m);
    pair_free(&p);
}

// What is in a row with A's header has the numbers: the others are B's.
static void taken_numbers(void **state)
{
    image *m = *state;
    pair p = pair_of(TRACE("A", "65", MAY, "", "", "", ""), TRACE("B", "66", JUNE, "", "", "", ""));
    gap(m);
    place(m, p.a.bytes, p.a.len);
    place_apart(m, &p, "b2 b0 b3 b1");
    assert_int_equal(carve(m), 0);
    check_both(m);
    pair_free(&p);
}

// A wrote two buffers: what has a higher number is B's, and so is then what A has already.
static void buffers_written(void **state)
{
    image *m = *state;
    pair p = pair_of(TRACE("A", "65", MAY, "buffers-written=2", "", "", ""), TRACE("B", "66", JUNE, "", "", "", ""));
    gap(m);
    place(m, p.a.bytes, 2 * BUFFER);
    place_apart(m, &p, "b3 b2 b0 b1");
    assert_int_equal(carve(m), 0);
    assert_int_equal(sessions(m), 2);
    check_events(m, 3, 9);
    pair_free(&p);
}

static void end_of_session(void **state)
{
    image *m = *state;
    pair p =
        pair_of(TRACE("A", "65", MAY, "end=2024-05-01T10:00:02", "", "", ""),
                "trace session=B buffer-size=1024 logger=7 buffers-written=6 start=" JUNE "\n"
                "buffer cpu=0 logger=7 sequence=4\n" EVENT("66", "+20s")
                    EVENT("66", "+21s") "buffer cpu=0 logger=7 sequence=5\n" EVENT("66", "+22s") EVENT("66", "+23s"));
    gap(m);
    place(m, p.a.bytes, p.a.len);
    place_apart(m, &p, "b0 b2 b1");
    assert_int_equal(carve(m), 0);
    assert_int_equal(sessions(m), 2);
    check_events(m, 9, 4);
    pair_free(&p);
}

// On one processor of A's, numbers and times would run against each other.
static void order_of_events(void **state)
{
    image *m = *state;
    pair p =
        pair_of("trace session=A buffer-size=1024 logger=7 finalised=no start=" MAY "\n"
                "buffer cpu=0 logger=7 sequence=1\n" EVENT("65", "+1s")
                    EVENT("65", "+9s") "buffer cpu=0 logger=7 sequence=2\n" EVENT("65", "+10s") EVENT("65", "+19s"),
                "trace session=B buffer-size=1024 logger=7 finalised=no start=" JUNE "\n"
                "buffer cpu=0 logger=7 sequence=3\n" EVENT("66", "+2s")
                    EVENT("66", "+3s") "buffer cpu=0 logger=7 sequence=4\n" EVENT("66", "+11s") EVENT("66", "+12s"));
    gap(m);
    place(m, p.a.bytes, p.a.len);
    place_apart(m, &p, "b0 b2 b1");
    assert_int_equal(carve(m), 0);
    assert_int_equal(sessions(m), 2);
    check_events(m, 4, 4);
    pair_free(&p);
}

// One boot: the logger's number is that of one session at a time, although A was never stopped.
static void one_logger_at_a_time(void **state)
{
    image *m = *state;
    pair p = pair_of("trace session=A buffer-size=1024 logger=7 finalised=no start=" MAY " boot=2024-05-01T09:00:00\n"
                     "buffer cpu=0 logger=7 sequence=1\n" EVENT("65", "+1s") EVENT("65", "+2s"),
                     "trace session=B buffer-size=1024 logger=7 finalised=no start=2024-05-01T11:00:00 "
                     "first=37000000000 boot=2024-05-01T09:00:00\n"
                     "buffer cpu=0 logger=7 sequence=1\n" EVENT("66", "+1s")
                         EVENT("66", "+2s") "buffer cpu=0 logger=7 sequence=2\n" EVENT("66", "+3s") EVENT("66", "+4s"));
    place_apart(m, &p, "a0 b2 b0 b1 a1");
    assert_int_equal(carve(m), 0);
    assert_int_equal(sessions(m), 2);
    check_events(m, 2, 4);
    pair_free(&p);
}

// ---------------------------------------------------------------------------------------------- fragments

// A fragment of B right after all of A; A is complete by what its header says.
static void fragment_after_a_file(void **state)
{
    image *m = *state;
    pair p = pair_of(TRACE("A", "65", MAY, "", "", "", ""), TRACE("B", "66", JUNE, "", "", "", ""));
    place(m, p.a.bytes, p.a.len);
    place(m, p.b.bytes + 2 * BUFFER, 2 * BUFFER);
    gap(m);
    place(m, p.b.bytes, 2 * BUFFER);
    assert_int_equal(carve(m), 0);
    check_both(m);
    pair_free(&p);
}

// Two traces in pieces of several sizes, turn about; most do not end with buffers.
static void fragmented(void **state)
{
    image *m = *state;
    static const size_t PIECES[] = {512, 1536, 4096, 8192};
    static const char *const ALL[] = {"convert", "samples/processes.etl", "samples/dns.etl", "--no-hash", "-q", NULL};
    outbuf a = {0}, b = {0};
    bytes_load("samples/processes.etl", &a);
    bytes_load("samples/dns.etl", &b);
    program_run(&m->p, ALL);
    u32 records = program_lines(&m->p.out);
    for (size_t p = 0; p < COUNT_OF(PIECES); p++) {
        m->bytes.len = 0;
        for (size_t at = 0; at < a.len || at < b.len; at += PIECES[p]) {
            if (at < a.len)
                place(m, a.bytes + at, a.len - at < PIECES[p] ? a.len - at : PIECES[p]);
            if (at < b.len)
                place(m, b.bytes + at, b.len - at < PIECES[p] ? b.len - at : PIECES[p]);
        }
        int code = carve(m);
        assert_true(code == 0 || code == 3);
        double events = 0;
        check_counts(m);
        for (int i = 0; i < sessions(m); i++) {
            events += number(session_at(m, i), "events");
            if (is_named(m, i, PROCESSES))
                assert_int_equal(records_with(m, i, "DNS-Client"), 0);
        }
        assert_true(events <= records && events >= 2);
        if (PIECES[p] >= 8192)
            assert_true(events >= records * 0.9);
    }
    outbuf_free(&a);
    outbuf_free(&b);
}

#define LONG_EVENT(time) EVENT_OF(time, "of 66, and longer than those of the other")
#define EVENT_OF(time, text)                                                                                           \
    "event provider={a0b1c2d3-0011-2233-4455-66778899aabb} id=66 time=" time " payload wstr:\"" text "\"\n"

// After the first half of a buffer of A come records of a fragment of B: they are not A's.
static void torn_by_another(void **state)
{
    image *m = *state;
    pair p = pair_of("trace session=A buffer-size=1024 logger=7 start=" MAY "\n"
                     "buffer cpu=0 logger=7 sequence=1\n" EVENT("65", "+1us") EVENT("65", "+2us") EVENT("65", "+3us")
                         EVENT("65", "+4us") EVENT("65", "+5us") EVENT("65", "+6us") EVENT("65", "+7us"),
                     "trace session=B buffer-size=1024 logger=7 start=" MAY "\n"
                     "buffer cpu=0 logger=7 sequence=1\n" LONG_EVENT("+1us") LONG_EVENT("+2us") LONG_EVENT("+3us")
                         LONG_EVENT("+4us") LONG_EVENT("+5us"));
    place(m, p.a.bytes, BUFFER + 512);
    place(m, p.b.bytes + BUFFER + 512, 512);
    gap(m);
    carve(m);
    assert_int_equal(sessions(m), 1);
    assert_int_equal(records_with(m, 0, OF_B), 0);
    assert_int_equal(records_with(m, 0, OF_A), 4); // the fifth goes over the edge
    check_counts(m);
    const cJSON *torn = cJSON_GetArrayItem(cJSON_GetObjectItem(session_at(m, 0), "buffers"), 1);
    assert_true(cJSON_IsFalse(cJSON_GetObjectItem(torn, "intact")));
    assert_true(number(torn, "events") == 4 && number(torn, "fill_bytes") == BUFFER - 72 - 4 * 96);
    pair_free(&p);
}

// A compressed stream that goes over into noise gives whole events only.
static void torn_stream(void **state)
{
    image *m = *state;
    outbuf merged = {0};
    bytes_load("samples/merged.etl", &merged);
    u32 first = load_u32(merged.bytes), second = load_u32(merged.bytes + first);
    for (u32 at = first + 100; at < first + second; at += 256) {
        m->bytes.len = 0;
        place(m, merged.bytes, at);
        noise(m, merged.len - at);
        carve(m);
        check_counts(m);
        assert_int_equal(sessions(m), 1);
    }
    outbuf_free(&merged);
}

// ---------------------------------------------------------------------------------------------- copies

static void damaged_copies(void **state)
{
    image *m = *state;
    outbuf a = {0};
    build(TRACE("A", "65", MAY, "", "", "", ""), &a);
    gap(m);
    size_t torn = place(m, a.bytes, a.len); // its second event is destroyed in one, its last in the other
    gap(m);
    place(m, a.bytes, a.len);
    gap(m);
    size_t cut = place(m, a.bytes, a.len);
    gap(m);
    memset(m->bytes.bytes + torn + BUFFER + 72 + 96 + 40, 0x5a, 64);
    memset(m->bytes.bytes + cut + 2 * BUFFER + 72 + 2 * 96, 0x5a, 96);
    assert_int_equal(carve(m), 0);
    assert_int_equal(sessions(m), 1);
    assert_int_equal(records_with(m, 0, OF_A), 9);
    assert_int_equal(buffers_in(m, 0), 4);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(session_at(m, 0), "duplicates")), 8);
    outbuf_free(&a);
}

// A buffer on the disk, and in memory while it was being filled.
// Places the last buffer as it was in memory when `events` of its three were in it.
static void place_live(image *m, const outbuf *a, u32 events)
{
    u8 *live = m->bytes.bytes + place(m, a->bytes + 3 * BUFFER, BUFFER);
    u32 used = 72 + events * 96;
    memset(live + 0x04, 0, 4);
    live[0x08] = (u8)used;
    live[0x09] = (u8)(used >> 8);
    memset(live + 0x18, 0, 8); // it has no number yet
    memset(live + 0x30, 0, 4);
    memset(live + used, 0, BUFFER - used);
    gap(m);
}

static void copy_in_memory(void **state)
{
    image *m = *state;
    outbuf a = {0};
    build(TRACE("A", "65", MAY, "", "", "", ""), &a);
    for (u32 i = 0; i < 4; i++) {
        m->bytes.len = 0;
        gap(m);
        if (i < 2)
            place_live(m, &a, 2 + i);
        place(m, a.bytes, a.len);
        gap(m);
        if (i >= 2)
            place_live(m, &a, i);
        assert_int_equal(carve(m), 0);
        assert_int_equal(sessions(m), 1);
        assert_int_equal(records_with(m, 0, OF_A), 9);
    }
    outbuf_free(&a);
}

// As it was begun, and as it was written again when the session stopped.
static void header_twice(void **state)
{
    image *m = *state;
    outbuf a = {0}, begun = {0};
    build(TRACE("A", "65", MAY, "", "", "", ""), &a);
    build(TRACE("A", "65", MAY, "finalised=no", "", "", ""), &begun);
    gap(m);
    place(m, begun.bytes, BUFFER);
    gap(m);
    place(m, a.bytes, a.len);
    gap(m);
    assert_int_equal(carve(m), 0);
    assert_int_equal(sessions(m), 1);
    check_file(m, "found/session-1.etl", a.bytes, a.len);
    outbuf_free(&a);
    outbuf_free(&begun);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, image_setup, image_teardown)
    const struct CMUnitTest tests[] = {
        TEST(nothing_decides),       TEST(interleaved),           TEST(same_but_for_contents),
        TEST(contested_number),      TEST(one_too_many),          TEST(row_of_two),
        TEST(almost_a_copy),         TEST(copy_of_a_file),        TEST(buffer_of_two_files),
        TEST(rivals_without_header), TEST(flush_dates),           TEST(taken_numbers),
        TEST(buffers_written),       TEST(end_of_session),        TEST(order_of_events),
        TEST(one_logger_at_a_time),  TEST(fragment_after_a_file), TEST(fragmented),
        TEST(torn_by_another),       TEST(torn_stream),           TEST(damaged_copies),
        TEST(copy_in_memory),        TEST(header_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
