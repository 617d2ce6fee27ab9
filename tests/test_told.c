// What is no damage and changes how records are to be read stands in info, provenance, report and on standard error.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "etl_text.h"
#include "program.h"

#define RUN(p, ...) program_run((p), (const char *const[]){__VA_ARGS__, NULL})

static void build(program *p, const char *name, const char *text)
{
    outbuf file = {0};
    error e;
    char path[512];
    if (!etl_text_build(text, strlen(text), &file, &e))
        fail_msg("%s", e.message);
    bytes_save(program_path(p, name, path), file.bytes, file.len);
    outbuf_free(&file);
}

static bool file_says(program *p, const char *name, const char *sentence)
{
    outbuf bytes = {0};
    char path[512];
    bytes_load(program_path(p, name, path), &bytes);
    outbuf_add(&bytes, "", 1);
    bool says = strstr((const char *)bytes.bytes, sentence);
    outbuf_free(&bytes);
    return says;
}

// Everywhere, word for word.
static void told(program *p, const char *sentence)
{
    assert_int_equal(RUN(p, "info", "{}/a.etl"), 0);
    assert_non_null(strstr((const char *)p->out.bytes, sentence));
    assert_int_equal(RUN(p, "info", "--json", "{}/a.etl"), 0);
    assert_non_null(strstr((const char *)p->out.bytes, sentence));
    assert_int_equal(RUN(p, "convert", "{}/a.etl", "-o", "{}/a.csv", "--provenance"), 0);
    assert_non_null(strstr((const char *)p->err.bytes, sentence));
    assert_true(file_says(p, "a.csv.provenance.json", sentence));
    assert_int_equal(RUN(p, "report", "{}/a.etl", "-o", "{}/a.html"), 0);
    assert_true(file_says(p, "a.html", sentence));
}

static void clock_set_back(void **state)
{
    program *p = *state;
    build(p, "a.etl",
          "trace clock=system\n"
          "buffer sequence=1\n"
          "event provider={a0b1c2d3-0011-2233-4455-66778899aabb} id=1 time=133590348000000000\n"
          "buffer sequence=2\n"
          "event provider={a0b1c2d3-0011-2233-4455-66778899aabb} id=2 time=133590312000000000\n");
    told(p, "the clock was set back 1 time, first at 0x2048 on processor 0, from 2024-05-01T11:00:00.0000000Z to "
            "2024-05-01T10:00:00.0000000Z: names are not joined across it");
}

static void repeated_sequence(void **state)
{
    program *p = *state;
    build(p, "a.etl",
          "trace\n"
          "buffer sequence=1\n"
          "event provider={a0b1c2d3-0011-2233-4455-66778899aabb} id=1\n"
          "buffer sequence=2\n"
          "event provider={a0b1c2d3-0011-2233-4455-66778899aabb} id=2\n"
          "buffer sequence=2\n"
          "event provider={a0b1c2d3-0011-2233-4455-66778899aabb} id=3\n");
    told(p, "1 buffer with the sequence number of another one, the first at 0x3000");
}

// What the header says and the buffers contradict; and what is assumed where it says nothing.
static void header_that_lies(void **state)
{
    static const struct {
        const char *header, *sentence;
    } LIES[] = {
        {"processors=1", "counts 1 processor, a buffer is of processor 5"},
        {"buffers-written=2 end=2024-05-01T10:10:00Z", "counts 2 buffers, 3 are there"},
        {"claimed-pointer=16", "says that pointers have 16 bytes"},
        {"claimed-pointer=4", "is that of a 64-bit system and says that pointers have 4 bytes"},
        {"claimed-frequency=0", "tells no frequency of its clock: 10 MHz are assumed"},
        {"end=2024-04-30T10:00:00Z", "ends before it starts"},
        {"mode=0x04000000", "says that buffers are compressed, none is"},
    };
    program *p = *state;
    for (size_t i = 0; i < COUNT_OF(LIES); i++) {
        char text[512];
        snprintf(text, sizeof(text),
                 "trace %s\nbuffer cpu=5 sequence=1\n"
                 "event provider={a0b1c2d3-0011-2233-4455-66778899aabb} id=1\n"
                 "buffer cpu=0 sequence=2\nevent provider={a0b1c2d3-0011-2233-4455-66778899aabb} id=2\n",
                 LIES[i].header);
        build(p, "a.etl", text);
        assert_int_equal(RUN(p, "info", "--json", "{}/a.etl"), 0);
        if (!strstr((const char *)p->out.bytes, LIES[i].sentence))
            fail_msg("%s: not in %s", LIES[i].sentence, (const char *)p->out.bytes);
    }
    told(p, "the trace header says that buffers are compressed, none is");
}

// 133590312010000000 is 2024-05-01 10:00:01: as ticks of 10 MHz some 423 years behind the start.
static void date_among_ticks(void **state)
{
    program *p = *state;
    build(p, "a.etl",
          "trace end=2024-05-01T10:10:00Z\n"
          "buffer sequence=1\n"
          "event provider={a0b1c2d3-0011-2233-4455-66778899aabb} id=1\n"
          "event provider={a0b1c2d3-0011-2233-4455-66778899aabb} id=2 time=133590312010000000\n"
          "event provider={a0b1c2d3-0011-2233-4455-66778899aabb} id=3 time=+30us\n");
    told(p, "1 event dated more than a day outside the session, the first at 0x1098: 2447-");
    told(p, "; taken as a date its time stamp is 2024-05-01T10:00:01.0000000Z");
    assert_null(strstr((const char *)p->err.bytes, "set back"));
    // From 2024-05-01 10:00:00 to 2447-08-30 19:58:21, more seconds than 32 bits hold.
    assert_int_equal(RUN(p, "info", "{}/a.etl"), 0);
    assert_non_null(strstr((const char *)p->out.bytes, "3710841 h 58 min 21 s"));
}

// ---------------------------------------------------------------------------------------------- NEWFILE

#define SEGMENT(lost, buffers_lost, sequence, time)                                                                    \
    "trace mode=8 start=2024-05-01T10:00:00Z end=2024-05-01T12:00:00Z events-lost=" lost " buffers-lost=" buffers_lost \
    "\n"                                                                                                               \
    "buffer sequence=" sequence "\n"                                                                                   \
    "event provider={a0b1c2d3-0011-2233-4455-66778899aabb} id=1 time=" time "\n"                                       \
    "event provider={a0b1c2d3-0011-2233-4455-66778899aabb} id=2 time=+3600s\n"

static void has(const program *p, const char *text)
{
    if (!strstr((const char *)p->out.bytes, text))
        fail_msg("no %s in %s", text, (const char *)p->out.bytes);
}

// The header's start and losses are the whole session's.
static void later_file_alone(void **state)
{
    program *p = *state;
    build(p, "a.etl", SEGMENT("7", "2", "40", "+1800s"));
    told(p,
         "a later file of a session that goes on in new files: the header's start is the session's, and so are the 7 "
         "events and 2 buffers it counts as lost; the file before would tell how many are of this one");
    assert_int_equal(RUN(p, "info", "--json", "{}/a.etl"), 0);
    has(p, "\"first_event\":\"2024-05-01T10:30:00.0000000Z\"");
    has(p, "\"lost\":null,\"lost_since_session_start\":2");
    has(p, "\"lost\":null,\"lost_since_session_start\":7");
    assert_int_equal(RUN(p, "info", "{}/a.etl"), 0);
    has(p, "span           0 h 30 min 00 s");
    has(p, "not known of this file by the header");
}

// In whatever order they are given, each has what its own header counts more than the one before.
static void files_of_a_session(void **state)
{
    program *p = *state;
    build(p, "1.etl", SEGMENT("5", "1", "1", "+1s"));
    build(p, "2.etl", SEGMENT("7", "2", "2", "+1800s"));
    build(p, "4.etl", SEGMENT("9", "2", "8", "+1801s"));
    assert_int_equal(RUN(p, "info", "--json", "{}/4.etl", "{}/2.etl", "{}/1.etl"), 0);
    has(p, "\"lost\":5,\"lost_since_session_start\":5"); // the first one
    has(p, "\"lost\":1,\"lost_since_session_start\":1");
    has(p, "\"lost\":2,\"lost_since_session_start\":7");
    has(p, "\"lost\":1,\"lost_since_session_start\":2");
    has(p, "; 2 and 1 of them since the file before");
    has(p, "\"lost\":null,\"lost_since_session_start\":9"); // one is missing in front of it
    has(p, "5 buffers between the file before and this one are in neither");
    assert_int_equal(RUN(p, "convert", "{}/4.etl", "{}/2.etl", "{}/1.etl", "-o", "{}/all.csv"), 0); // read together
    assert_non_null(strstr((const char *)p->err.bytes, "2.etl: a later file"));
    assert_non_null(strstr((const char *)p->err.bytes, "; 2 and 1 of them since the file before"));
}

// Also where each file numbers its buffers from the start: what is lost is counted once.
static void files_numbered_anew(void **state)
{
    program *p = *state;
    build(p, "1.etl", SEGMENT("5", "1", "1", "+1s"));
    build(p, "2.etl", SEGMENT("5", "1", "1", "+1800s"));
    build(p, "3.etl", SEGMENT("9", "2", "1", "+1801s"));
    assert_int_equal(RUN(p, "info", "--json", "{}/3.etl", "{}/2.etl", "{}/1.etl"), 0);
    has(p, "\"lost\":5,\"lost_since_session_start\":5");
    has(p, "\"lost\":0,\"lost_since_session_start\":5");
    has(p, "\"lost\":4,\"lost_since_session_start\":9");
    has(p, "; 4 and 1 of them since the file before");
}

static void files_that_overlap(void **state)
{
    program *p = *state;
    build(p, "1.etl",
          SEGMENT("5", "1", "7", "+1s") "buffer sequence=8\n"
                                        "event provider={a0b1c2d3-0011-2233-4455-66778899aabb} id=1 time=+2s\n");
    build(p, "2.etl", SEGMENT("6", "1", "8", "+2s"));
    assert_int_equal(RUN(p, "info", "--json", "{}/2.etl", "{}/1.etl"), 0);
    has(p, "; 1 sequence number is that of another file of the session too");
}

// DNS-Client 3006 has no version 77.
static void version_of_another(void **state)
{
    program *p = *state;
    build(p, "a.etl",
          "trace\nbuffer\nevent provider={1c95126e-7eea-49a9-a3fe-a378b03ddb4d} id=3006 version=77 level=4 payload "
          "wstr:\"a.example\" u32:1 u64:0 u32:0 wstr:\"\" u32:0,0,0\n");
    assert_int_equal(RUN(p, "convert", "{}/a.etl", "-f", "jsonl"), 0);
    has(p, "\"schema_version\":0");
    assert_int_equal(RUN(p, "info", "--json", "{}/a.etl"), 0);
    has(p, "\"other_version\":1");
    assert_int_equal(RUN(p, "report", "{}/a.etl", "-o", "{}/a.html"), 0);
    assert_true(file_says(p, "a.html", "1 decoded by the description of another version"));
}

// ---------------------------------------------------------------------------------------------- limits

static void fields_of_a_view(void **state)
{
    enum { FIELDS = 1001 };
    program *p = *state;
    outbuf text = {0};
    char field[32];
    outbuf_text(&text, "trace\nbuffer size=65536\ntracelogging provider={a0b1c2d3-0011-2233-4455-66778899aabb} "
                       "traits=\"T\" name=\"E\" fields={");
    for (int i = 0; i < FIELDS; i++) {
        snprintf(field, sizeof(field), "%s u8 F%d", i ? ";" : "", i);
        outbuf_text(&text, field);
    }
    outbuf_text(&text, " } payload zeros:1001\n");
    outbuf_add(&text, "", 1);
    build(p, "a.etl", (const char *)text.bytes);
    outbuf_free(&text);
    assert_int_equal(RUN(p, "convert", "{}/a.etl", "-o", "{}/a.db"), 0);
    assert_non_null(strstr((const char *)p->err.bytes, "1 views lack fields beyond LIMIT_VIEW_FIELDS"));
}

// No remark about what is as it should be: each processor's own times, a circular file that wrapped, a few ticks.
static void nothing_to_tell(void **state)
{
    program *p = *state;
    build(p, "a.etl",
          "trace processors=2 mode=2\n"
          "buffer cpu=0 sequence=5\n"
          "event provider={a0b1c2d3-0011-2233-4455-66778899aabb} id=1 time=+50s\n"
          "event provider={a0b1c2d3-0011-2233-4455-66778899aabb} id=1 time=+49990ms\n"
          "buffer cpu=1 sequence=6\n"
          "event provider={a0b1c2d3-0011-2233-4455-66778899aabb} id=1 time=+20s\n"
          "buffer cpu=0 sequence=3\n"
          "event provider={a0b1c2d3-0011-2233-4455-66778899aabb} id=1 time=+1s\n");
    assert_int_equal(RUN(p, "info", "--json", "{}/a.etl"), 0);
    assert_non_null(strstr((const char *)p->out.bytes, "\"remarks\":[]"));
    assert_int_equal(RUN(p, "info", "--json", "samples/dns.etl"), 0);
    assert_non_null(strstr((const char *)p->out.bytes, "\"remarks\":[]"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, program_setup, program_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(header_that_lies),   TEST(clock_set_back),     TEST(repeated_sequence),   TEST(date_among_ticks),
        TEST(later_file_alone),   TEST(files_of_a_session), TEST(files_numbered_anew), TEST(files_that_overlap),
        TEST(version_of_another), TEST(fields_of_a_view),   TEST(nothing_to_tell),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
