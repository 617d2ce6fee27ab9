// `etwkit carve`: traces hidden in noise come out byte for byte, scattered buffers are put together, what is made up or
// missing is said.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sha256.h"
#include "carve_image.h"

// Three buffers of 4 KiB and a header; LOGGER and the clock differ from the other trace's.
static const char TRACE_A[] = "trace session=A logger=7 first=5000000000\n"
                              "event provider={a0b1c2d3-0011-2233-4455-66778899aabb} id=1 time=+1us payload u32:1\n"
                              "buffer cpu=1 logger=7 sequence=1\n"
                              "event provider={a0b1c2d3-0011-2233-4455-66778899aabb} id=2 time=+2us payload u32:2\n"
                              "event provider={a0b1c2d3-0011-2233-4455-66778899aabb} id=3 time=+3us payload u32:3\n"
                              "buffer cpu=0 logger=7 sequence=2\n"
                              "event provider={a0b1c2d3-0011-2233-4455-66778899aabb} id=4 time=+4us payload u32:4\n"
                              "event provider={a0b1c2d3-0011-2233-4455-66778899aabb} id=5 time=+5us payload u32:5\n";
static const char TRACE_B[] = "trace session=B logger=9 first=9000000000 start=2024-06-01T00:00:00\n"
                              "buffer cpu=0 logger=9 sequence=1\n"
                              "event provider={b0b1c2d3-0011-2233-4455-66778899aabb} id=1 time=+1us payload u32:1\n"
                              "event provider={b0b1c2d3-0011-2233-4455-66778899aabb} id=2 time=+2us payload u32:2\n"
                              "buffer cpu=0 logger=9 sequence=2\n"
                              "event provider={b0b1c2d3-0011-2233-4455-66778899aabb} id=3 time=+4us payload u32:4\n"
                              "event provider={b0b1c2d3-0011-2233-4455-66778899aabb} id=4 time=+5us payload u32:5\n";
enum { BUFFER = 4096 };

static void whole_traces(void **state)
{
    image *m = *state;
    static const char *const SAMPLES[] = {"samples/processes.etl", "samples/merged.etl", "samples/service.etl"};
    outbuf files[3] = {{0}};
    size_t offsets[3];
    for (size_t i = 0; i < 3; i++) {
        bytes_load(SAMPLES[i], &files[i]);
        // Compressed buffers (merged.etl) are found at any byte, others at multiples of 8.
        noise(m, i == 1 ? 4096 + 13 : (8192 + 8 * i + 7 + m->bytes.len) / 8 * 8 - m->bytes.len);
        if (i == 1)
            m->bytes.len = (m->bytes.len & ~(size_t)7) + 8;
        offsets[i] = place(m, files[i].bytes, files[i].len);
    }
    noise(m, 10000);
    assert_int_equal(carve(m), 0);
    assert_int_equal(sessions(m), 3);
    for (int i = 0; i < 3; i++) {
        char name[64];
        snprintf(name, sizeof(name), "found/session-%d.etl", i + 1);
        check_file(m, name, files[i].bytes, files[i].len);
        const cJSON *first = cJSON_GetArrayItem(cJSON_GetObjectItem(session_at(m, i), "buffers"), 0);
        assert_true(number(first, "image_offset") == (double)offsets[i]);
        assert_true(number(first, "file_offset") == 0);
        assert_string_equal(text_of(session_at(m, i), "header"), "found");
        outbuf_free(&files[i]);
    }
}

static void compressed_at_any_byte(void **state)
{
    image *m = *state;
    outbuf file = {0};
    bytes_load("samples/merged.etl", &file);
    u32 header = (u32)file.bytes[0] | (u32)file.bytes[1] << 8;
    for (size_t shift = 1; shift < 8; shift++) {
        m->bytes.len = 0;
        noise(m, 4096 + shift);
        place(m, file.bytes + header, file.len - header);
        noise(m, 100);
        assert_int_equal(carve(m), 0);
        const cJSON *s = session_at(m, 0);
        assert_int_equal(sessions(m), 1);
        assert_string_equal(text_of(s, "header"), "made up");
        outbuf got = {0};
        char path[512];
        bytes_load(program_path(&m->p, "found/session-1.etl", path), &got);
        size_t made_up = (size_t)number(s, "made_up_bytes");
        assert_int_equal(got.len, made_up + file.len - header);
        assert_memory_equal(got.bytes + made_up, file.bytes + header, file.len - header);
        outbuf_free(&got);
    }
    outbuf_free(&file);
}

static void scattered_buffers(void **state)
{
    image *m = *state;
    outbuf a = {0}, b = {0};
    build(TRACE_A, &a);
    build(TRACE_B, &b);
    assert_int_equal(a.len, 3 * BUFFER);
    assert_int_equal(b.len, 3 * BUFFER);
    // Bodies first, headers last, turn about, nothing adjacent.
    for (size_t i = 3; i-- > 0;) {
        noise(m, 512);
        place(m, a.bytes + i * BUFFER, BUFFER);
        noise(m, 1024);
        place(m, b.bytes + i * BUFFER, BUFFER);
    }
    assert_int_equal(carve(m), 0);
    assert_int_equal(sessions(m), 2);
    for (int i = 0; i < 2; i++) {
        const outbuf *want = i == 0 ? &a : &b;
        const cJSON *s = session_at(m, i);
        assert_string_equal(text_of(s, "session"), i == 0 ? "A" : "B");
        assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(s, "buffers")), 3);
        // The header first, the others as they stood in the image: from the last to the first.
        outbuf sorted = {0};
        outbuf_add(&sorted, want->bytes, BUFFER);
        outbuf_add(&sorted, want->bytes + 2 * BUFFER, BUFFER);
        outbuf_add(&sorted, want->bytes + BUFFER, BUFFER);
        char name[64];
        snprintf(name, sizeof(name), "found/session-%d.etl", i + 1);
        check_file(m, name, sorted.bytes, sorted.len);
        outbuf_free(&sorted);
    }
    outbuf_free(&a);
    outbuf_free(&b);
}

static void without_header(void **state)
{
    image *m = *state;
    outbuf a = {0};
    // Events of a session on the system clock carry their UTC times themselves.
    build("trace clock=system logger=3 first=133590312000000000 start=2024-05-01T10:00:00\n"
          "buffer logger=3 sequence=1\n"
          "event provider={a0b1c2d3-0011-2233-4455-66778899aabb} id=1 time=+1us payload u32:1\n"
          "event provider={a0b1c2d3-0011-2233-4455-66778899aabb} id=2 time=+2us payload u32:1\n"
          "buffer logger=3 sequence=2\n"
          "event provider={a0b1c2d3-0011-2233-4455-66778899aabb} id=3 time=+3us payload u32:1\n"
          "event provider={a0b1c2d3-0011-2233-4455-66778899aabb} id=4 time=+4us payload u32:1\n",
          &a);
    noise(m, 800);
    place(m, a.bytes + BUFFER, BUFFER);
    noise(m, 8000);
    place(m, a.bytes + 2 * BUFFER, BUFFER);
    assert_int_equal(carve(m), 0);
    assert_int_equal(sessions(m), 1);
    assert_string_equal(text_of(session_at(m, 0), "header"), "made up");
    assert_non_null(strstr((const char *)m->p.err.bytes, "1 of them without a header of their own"));
    static const char *const CONVERT[] = {"convert", "{}/found/session-1.etl", "--where", "event_id >= 1", NULL};
    assert_int_equal(program_run(&m->p, CONVERT), 0);
    const char *line = (const char *)m->p.out.bytes;
    assert_non_null(strstr(line, "\"timestamp\":\"2024-05-01T10:00:00.0000010Z\""));
    assert_non_null(strstr(line, "\"timestamp\":\"2024-05-01T10:00:00.0000040Z\""));
    static const char *const INFO[] = {"info", "{}/found/session-1.etl", NULL};
    assert_int_equal(program_run(&m->p, INFO), 0);
    assert_non_null(strstr((const char *)m->p.out.bytes, "no trace header survived"));
    outbuf_free(&a);
}

static void twice_and_cut(void **state)
{
    image *m = *state;
    outbuf a = {0};
    build(TRACE_A, &a);
    noise(m, 1600);
    place(m, a.bytes, a.len);
    noise(m, 1600);
    size_t second = place(m, a.bytes, a.len);
    noise(m, 1600);
    // A buffer of another session, cut by the end of the image after its events.
    outbuf b = {0};
    build(TRACE_B, &b);
    place(m, b.bytes, BUFFER);
    place(m, b.bytes + BUFFER, 600);
    assert_int_equal(carve(m), 0);
    assert_int_equal(sessions(m), 2);
    check_file(m, "found/session-1.etl", a.bytes, a.len);
    const cJSON *copies = cJSON_GetObjectItem(session_at(m, 0), "duplicates");
    assert_int_equal(cJSON_GetArraySize(copies), 3);
    assert_true(number(cJSON_GetArrayItem(copies, 0), "image_offset") == (double)second);
    assert_true(number(cJSON_GetArrayItem(copies, 0), "same_as_image_offset") == 1600);
    const cJSON *cut = cJSON_GetArrayItem(cJSON_GetObjectItem(session_at(m, 1), "buffers"), 1);
    assert_true(number(cut, "fill_bytes") == BUFFER - 600);
    memset(b.bytes + BUFFER + 600, 0xff, BUFFER - 600);
    check_file(m, "found/session-2.etl", b.bytes, 2 * BUFFER);
    outbuf_free(&a);
    outbuf_free(&b);
}

static void in_memory(void **state)
{
    image *m = *state;
    outbuf a = {0};
    build(TRACE_A, &a);
    // The last buffer is still being filled: Offset and SavedOffset are 0, CurrentOffset is what they would be.
    u8 *last = a.bytes + 2 * BUFFER;
    memcpy(last + 0x08, last + 0x30, 4);
    memset(last + 0x30, 0, 4);
    memset(last + 0x04, 0, 4);
    noise(m, 4096);
    place(m, a.bytes, 2 * BUFFER);
    noise(m, 4096);
    place(m, last, BUFFER);
    noise(m, 4096);
    assert_int_equal(carve(m), 0);
    assert_int_equal(sessions(m), 1);
    check_file(m, "found/session-1.etl", a.bytes, a.len);
    static const char *const CONVERT[] = {"convert", "{}/found/session-1.etl", "--where", "event_id >= 4", NULL};
    program_run(&m->p, CONVERT);
    assert_non_null(strstr((const char *)m->p.out.bytes, "\"event_id\":4"));
    assert_non_null(strstr((const char *)m->p.out.bytes, "\"event_id\":5"));
    outbuf_free(&a);
}

// A header may claim 16 MiB: a small image must not become a large file.
static void claims_do_not_balloon(void **state)
{
    image *m = *state;
    outbuf a = {0};
    build("trace logger=7\nbuffer logger=7\n"
          "event provider={a0b1c2d3-0011-2233-4455-66778899aabb} id=1 time=+1us\n"
          "event provider={a0b1c2d3-0011-2233-4455-66778899aabb} id=2 time=+2us\n"
          "event provider={a0b1c2d3-0011-2233-4455-66778899aabb} id=3 time=+3us\n",
          &a);
    u8 *body = a.bytes + BUFFER;
    // BufferSize, SavedOffset, CurrentOffset and Offset: 16 MiB.
    static const u8 LARGEST[4] = {0, 0, 0, 1};
    memcpy(body, LARGEST, 4);
    memcpy(body + 0x04, LARGEST, 4);
    memcpy(body + 0x08, LARGEST, 4);
    memcpy(body + 0x30, LARGEST, 4);
    for (u32 i = 0; i < 64; i++) {
        body[0x18] = (u8)(i + 1); // sequence number
        place(m, body, 512);
    }
    assert_int_equal(carve(m), 0);
    u64 bytes = 0;
    u32 buffers = 0;
    for (int i = 0; i < sessions(m); i++) {
        char name[64], path[512];
        struct stat st;
        snprintf(name, sizeof(name), "found/session-%d.etl", i + 1);
        assert_int_equal(stat(program_path(&m->p, name, path), &st), 0);
        bytes += (u64)st.st_size;
        buffers += (u32)cJSON_GetArraySize(cJSON_GetObjectItem(session_at(m, i), "buffers"));
    }
    assert_int_equal(buffers, 64);
    assert_true(bytes < (u64)100 << 20); // LIMIT_CARVED_FILL and little more
    // What was made smaller is read all the same: 3 events a buffer, and the header event.
    static const char *const INFO[] = {"info", "--json", "--no-hash", "{}/found/session-1.etl", NULL};
    program_run(&m->p, INFO);
    cJSON *info = cJSON_Parse((const char *)m->p.out.bytes);
    assert_true(number(cJSON_GetObjectItem(info, "events"), "total") == 64 * 3 + 1);
    cJSON_Delete(info);
    outbuf_free(&a);
}

static void nothing_found(void **state)
{
    image *m = *state;
    outbuf a = {0};
    build(TRACE_A, &a);
    noise(m, 100000);
    // Buffer headers with noise after them are no buffers.
    for (size_t i = 0; i < 3; i++) {
        place(m, a.bytes + i * BUFFER, 72);
        noise(m, BUFFER - 72);
    }
    assert_int_equal(carve(m), 1);
    assert_non_null(strstr((const char *)m->p.err.bytes, "no trace buffer was found"));
    assert_int_equal(program_files(&m->p, "found"), 0);
    outbuf_free(&a);
}

static void evidence_stays(void **state)
{
    image *m = *state;
    outbuf a = {0}, after = {0};
    char path[512];
    build(TRACE_A, &a);
    assert_int_equal(mkdir(program_path(&m->p, "found", path), 0700), 0);
    bytes_save(program_path(&m->p, "found/session-1.etl", path), a.bytes, a.len);
    static const char *const OVER[] = {"carve", "{}/found/session-1.etl", "-o", "{}/found", NULL};
    assert_int_equal(program_run(&m->p, OVER), 2);
    assert_non_null(strstr((const char *)m->p.err.bytes, "the folder is not empty"));
    static const char *const FORCED[] = {"carve", "{}/found/session-1.etl", "-o", "{}/found", "--force", NULL};
    assert_int_equal(program_run(&m->p, FORCED), 2);
    assert_non_null(strstr((const char *)m->p.err.bytes, "evidence is never written to"));
    assert_int_equal(program_files(&m->p, "part"), 0);
    bytes_load(path, &after);
    assert_int_equal(after.len, a.len);
    assert_memory_equal(after.bytes, a.bytes, a.len);
    static const char *const NO_FOLDER[] = {"carve", "{}/found/session-1.etl", NULL};
    assert_int_equal(program_run(&m->p, NO_FOLDER), 2);
    static const char *const NO_IMAGE[] = {"carve", "{}/absent", "-o", "{}/found", NULL};
    assert_int_equal(program_run(&m->p, NO_IMAGE), 1);
    outbuf_free(&a);
    outbuf_free(&after);
}

// gen_trace, which the tests are built with.
static void generate(image *m, const char *words, outbuf *trace)
{
    const char *folder = getenv("BUILD");
    char command[1200], path[512];
    snprintf(command, sizeof(command), "'%s/gen_trace' %s '%s'", folder ? folder : "build", words,
             program_path(&m->p, "generated", path));
    assert_int_equal(system(command), 0);
    bytes_load(path, trace);
    assert_int_equal(unlink(path), 0);
}

static void only_this(image *m, const outbuf *trace, size_t offset)
{
    assert_int_equal(carve(m), 0);
    assert_int_equal(sessions(m), 1);
    check_file(m, "found/session-1.etl", trace->bytes, trace->len);
    const cJSON *first = cJSON_GetArrayItem(cJSON_GetObjectItem(session_at(m, 0), "buffers"), 0);
    assert_true(number(first, "image_offset") == (double)offset);
    assert_null(cJSON_GetObjectItem(m->json, "events_without_a_buffer"));
}

// Whatever comes before a trace, it is all there is: buffers are 256 KiB, and where the image is cut for reading must
// not show.
static void nothing_is_invented(void **state)
{
    image *m = *state;
    static const size_t BEFORE[] = {512, 4096, 1000448, 1048576, 4194304 - 8};
    outbuf trace = {0};
    generate(m, "64", &trace);
    for (size_t i = 0; i < COUNT_OF(BEFORE); i++) {
        m->bytes.len = 0;
        noise(m, BEFORE[i]);
        place(m, trace.bytes, trace.len);
        only_this(m, &trace, BEFORE[i]);
    }
    outbuf_free(&trace);
}

// Each place of a buffer and of its events at the edge of what is read at once.
static void cut_anywhere(void **state)
{
    image *m = *state;
    outbuf trace = {0};
    build(TRACE_A, &trace);
    for (size_t before = (4 << 20) - 3 * BUFFER; before <= (4 << 20) + 64; before += 263) {
        m->bytes.len = 0;
        noise(m, before);
        place(m, trace.bytes, trace.len);
        noise(m, 80);
        only_this(m, &trace, before);
    }
    outbuf_free(&trace);
}

#define NAMED(name)                                                                                                    \
    "tracelogging provider={a0b1c2d3-0011-2233-4455-66778899aabb} traits=\"T\" name=\"" name "\" fields={}\n"

// A buffer that was overwritten in its middle goes on behind that, wherever it stands.
static void damaged_anywhere(void **state)
{
    image *m = *state;
    outbuf trace = {0};
    build("trace\nbuffer\n" NAMED("First") NAMED("Other") NAMED("Other") NAMED("Gone1") NAMED("Third") NAMED("Other")
              NAMED("Fifth"),
          &trace);
    u8 *first = trace.bytes + BUFFER + 72;
    size_t each = ((size_t)(first[0] | first[1] << 8) + 7) & ~(size_t)7;
    memset(first + 3 * each, 0, 8);
    for (size_t before = 0; before < 8; before++) {
        m->bytes.len = 0;
        noise(m, before);
        place(m, trace.bytes, trace.len);
        assert_int_equal(carve(m), 0);
        assert_int_equal(sessions(m), 1);
        assert_int_equal(records_with(m, 0, "\"Third\""), 1);
        assert_int_equal(records_with(m, 0, "\"Fifth\""), 1);
        assert_int_equal(records_with(m, 0, "\"Gone1\""), 0);
    }
    outbuf_free(&trace);
}

// As a compressed trace, at any byte, over the edge of what is read at once.
static void compressed_is_not_invented(void **state)
{
    image *m = *state;
    outbuf trace = {0};
    generate(m, "16 --xpress", &trace);
    for (size_t i = 0; i < 4; i++) {
        size_t before = 1000448 * i + 8 * i;
        m->bytes.len = 0;
        noise(m, before);
        place(m, trace.bytes, trace.len);
        only_this(m, &trace, before);
    }
    outbuf_free(&trace);
}

static void add_hex(outbuf *text, span bytes)
{
    static const char DIGITS[] = "0123456789abcdef";
    for (size_t i = 0; i < bytes.len; i++) {
        u8 two[2] = {(u8)DIGITS[bytes.at[i] >> 4], (u8)DIGITS[bytes.at[i] & 15]};
        outbuf_add(text, two, 2);
    }
}

// A trace whose events carry the bytes of another one: these events are payload, compressed or not.
static void trace_in_a_payload(void **state)
{
    image *m = *state;
    static const char *const OUTER[] = {
        "trace session=Outer logger=5 buffer-size=65536\nbuffer cpu=0 sequence=1 logger=5\n",
        "trace session=Outer logger=5 compressed=yes\nbuffer cpu=0 sequence=1 logger=5\n"};
    outbuf inner = {0};
    build(TRACE_A, &inner);
    for (size_t form = 0; form < 2; form++) {
        for (size_t shift = 0; shift < 8; shift++) {
            outbuf text = {0}, trace = {0};
            outbuf_text(&text, OUTER[form]);
            for (int i = 0; i < 3; i++) {
                outbuf_text(&text, "event provider={c0b1c2d3-0011-2233-4455-66778899aabb} id=9 payload zeros:");
                outbuf_text(&text, &"0\0001\0002\0003\0004\0005\0006\0007"[2 * shift]);
                outbuf_text(&text, " hex:");
                add_hex(&text, (span){inner.bytes, inner.len});
                outbuf_text(&text, "\n");
            }
            outbuf_add(&text, "", 1);
            build((const char *)text.bytes, &trace);
            m->bytes.len = 0;
            noise(m, 4096 + 8 * shift);
            place(m, trace.bytes, trace.len);
            noise(m, 4096);
            only_this(m, &trace, 4096 + 8 * shift);
            outbuf_free(&text);
            outbuf_free(&trace);
        }
    }
    outbuf_free(&inner);
}

// Every byte of the image is counted once, and what was read and written is hashed.
static void accounted_for(void **state)
{
    image *m = *state;
    outbuf a = {0}, b = {0};
    build(TRACE_A, &a);
    build(TRACE_B, &b);
    noise(m, 1000);
    place(m, a.bytes, a.len);
    noise(m, 1000);
    place(m, a.bytes, a.len);
    noise(m, 504);
    place(m, b.bytes + BUFFER + 72, 400); // events whose buffer's header is lost
    noise(m, 1000);
    assert_int_equal(carve(m), 0);
    const cJSON *ranges = cJSON_GetObjectItem(m->json, "accounted_bytes"), *one;
    double all = 0;
    cJSON_ArrayForEach (one, ranges)
        all += one->valuedouble;
    assert_true(all == (double)m->bytes.len);
    assert_true(number(ranges, "buffers") == (double)a.len && number(ranges, "copies") == (double)a.len);
    char text[SHA256_TEXT];
    u8 digest[SHA256_BYTES];
    sha256_of((span){m->bytes.bytes, m->bytes.len}, digest);
    sha256_text(digest, text);
    assert_string_equal(text_of(m->json, "sha256"), text);
    sha256_of((span){a.bytes, a.len}, digest);
    sha256_text(digest, text);
    assert_string_equal(text_of(session_at(m, 0), "sha256"), text);
    outbuf_free(&a);
    outbuf_free(&b);
}

static void standard_input(void **state)
{
    image *m = *state;
    outbuf a = {0};
    char path[512];
    build(TRACE_A, &a);
    noise(m, 1000);
    place(m, a.bytes, a.len);
    bytes_save(program_path(&m->p, "image", path), m->bytes.bytes, m->bytes.len);
    m->p.stdin_path = path;
    static const char *const ARGS[] = {"carve", "-", "-o", "{}/found", NULL};
    assert_int_equal(program_run(&m->p, ARGS), 0);
    check_file(m, "found/session-1.etl", a.bytes, a.len);
    outbuf_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(whole_traces, image_setup, image_teardown),
        cmocka_unit_test_setup_teardown(compressed_at_any_byte, image_setup, image_teardown),
        cmocka_unit_test_setup_teardown(scattered_buffers, image_setup, image_teardown),
        cmocka_unit_test_setup_teardown(without_header, image_setup, image_teardown),
        cmocka_unit_test_setup_teardown(twice_and_cut, image_setup, image_teardown),
        cmocka_unit_test_setup_teardown(in_memory, image_setup, image_teardown),
        cmocka_unit_test_setup_teardown(claims_do_not_balloon, image_setup, image_teardown),
        cmocka_unit_test_setup_teardown(nothing_found, image_setup, image_teardown),
        cmocka_unit_test_setup_teardown(evidence_stays, image_setup, image_teardown),
        cmocka_unit_test_setup_teardown(nothing_is_invented, image_setup, image_teardown),
        cmocka_unit_test_setup_teardown(cut_anywhere, image_setup, image_teardown),
        cmocka_unit_test_setup_teardown(damaged_anywhere, image_setup, image_teardown),
        cmocka_unit_test_setup_teardown(compressed_is_not_invented, image_setup, image_teardown),
        cmocka_unit_test_setup_teardown(trace_in_a_payload, image_setup, image_teardown),
        cmocka_unit_test_setup_teardown(accounted_for, image_setup, image_teardown),
        cmocka_unit_test_setup_teardown(standard_input, image_setup, image_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
