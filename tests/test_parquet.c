// Parquet: encodings against the examples of its specification, the footer field by field, and whole files by other
// people's readers where those are installed (ETWKIT_PYTHON names a Python that has them). Environment: ETWKIT the
// program, ETWKIT_SHARED a folder whose corpus/*.etl are read as well.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "export_samples.h"
#include "judges.h"
#include "parquet_chunk.h"
#include "parquet_encode.h"
#include "parquet_thrift.h"
#include "program.h"

#define RUN(p, ...) program_run((p), (const char *const[]){__VA_ARGS__, NULL})

static void is_hex(const outbuf *got, const char *hex)
{
    char text[1024] = "";
    assert_true(got->len < 500);
    for (size_t i = 0; i < got->len; i++)
        snprintf(text + 2 * i, 3, "%02x", got->bytes[i]);
    assert_string_equal(text, hex);
}

// ---------------------------------------------------------------------------------------------- encodings

// The numbers 0 to 7 in three bits each are the example of Encodings.md.
static void hybrid(void **state)
{
    (void)state;
    static const u8 NUMBERS[] = {0, 1, 2, 3, 4, 5, 6, 7}, FEW[] = {1, 0, 1}, NINE[] = {1, 0, 0, 0, 0, 0, 0, 1, 1};
    outbuf out = {0};
    encode_groups(&out, NUMBERS, 8, 3);
    is_hex(&out, "0388c6fa");
    out.len = 0;
    encode_run(&out, 4, 10, 3);
    is_hex(&out, "1404");
    out.len = 0;
    encode_groups(&out, FEW, 3, 1); // filled up with zeros
    is_hex(&out, "0305");
    out.len = 0;
    encode_groups(&out, NINE, 9, 1);
    is_hex(&out, "058101");
    outbuf_free(&out);
}

// Their width, then a run, or groups of eight.
static void indexes(void **state)
{
    (void)state;
    static const struct {
        u32 values[10];
        u32 count, largest;
        const char *wanted;
    } CASES[] = {
        {{0, 0, 0},
         3,
         0,
         "01"
         "06"
         "00"},
        {{0, 1, 1, 0},
         4,
         1,
         "01"
         "03"
         "06"},
        {{0, 2, 1, 3, 2},
         5,
         2,
         "02"
         "03"
         "d802"},
        {{7, 0, 15},
         3,
         15,
         "04"
         "03"
         "070f0000"},
        {{7, 7, 7},
         3,
         15,
         "04"
         "06"
         "07"},
        {{1, 16, 2, 3, 4, 5, 6, 7, 8},
         9,
         16,
         "08"
         "05"
         "01100203040506070800000000000000"},
        {{1, 256},
         2,
         256,
         "10"
         "03"
         "01000001000000000000000000000000"},
        {{65536, 1},
         2,
         65536,
         "20"
         "03"
         "0000010001000000000000000000000000000000000000000000000000000000"},
        {{300, 300},
         2,
         300,
         "10"
         "04"
         "2c01"},
    };
    for (size_t i = 0; i < COUNT_OF(CASES); i++) {
        outbuf out = {0};
        encode_indexes(&out, CASES[i].values, CASES[i].count, CASES[i].largest);
        is_hex(&out, CASES[i].wanted);
        outbuf_free(&out);
    }
}

// Both examples of Encodings.md, and what wraps around.
static void delta(void **state)
{
    (void)state;
    static const u64 ONE[] = {1, 2, 3, 4, 5}, TWO[] = {7, 5, 3, 1, 2, 3, 4, 5}, ENDS[] = {INT64_MAX, (u64)INT64_MIN, 0};
    outbuf out = {0};
    encode_delta(&out, ONE, 5);
    is_hex(&out, "8001"
                 "04"
                 "05"
                 "02"
                 "02"
                 "00000000");
    out.len = 0;
    encode_delta(&out, TWO, 8);
    is_hex(&out, "8001"
                 "04"
                 "08"
                 "0e"
                 "03"
                 "02000000"
                 "c03f000000000000");
    out.len = 0;
    encode_delta(&out, ENDS, 3); // differences 1 and INT64_MIN; the least is INT64_MIN, the other is 2^63 + 1 more
    assert_int_equal(out.bytes[out.len - 256 - 4], 64);
    assert_memory_equal(out.bytes + out.len - 256, "\1\0\0\0\0\0\0\x80\0\0\0\0\0\0\0\0", 16);
    outbuf_free(&out);
    assert_int_equal(bit_width(0), 0);
    assert_int_equal(bit_width(7), 3);
    assert_int_equal(bit_width(UINT64_MAX), 64);
}

// ---------------------------------------------------------------------------------------------- thrift

// A struct as text: a line "path=value" for each field, paths by field number and place in a list.
typedef struct reader {
    span rest;
    outbuf text;
} reader;

static u64 read_varint(reader *r)
{
    u64 value = 0;
    for (unsigned shift = 0;; shift += 7) {
        assert_true(r->rest.len && shift < 64);
        u8 byte = r->rest.at[0];
        r->rest = span_from(r->rest, 1);
        value |= (u64)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return value;
    }
}

static i64 read_zigzag(reader *r)
{
    u64 value = read_varint(r);
    return (i64)(value >> 1) ^ -(i64)(value & 1);
}

static void say(reader *r, const char *path, const char *format, ...)
{
    char line[512];
    va_list list;
    va_start(list, format);
    vsnprintf(line, sizeof(line), format, list);
    va_end(list);
    outbuf_text(&r->text, path);
    outbuf_text(&r->text, line);
}

static void read_struct(reader *r, const char *path);

static void read_value(reader *r, u32 type, const char *path)
{
    if (type == THRIFT_STRUCT) {
        read_struct(r, path);
    } else if (type == THRIFT_BINARY) {
        u64 len = read_varint(r);
        assert_true(len <= r->rest.len);
        say(r, path, "=%.*s\n", (int)len, (const char *)r->rest.at);
        r->rest = span_from(r->rest, len);
    } else if (type == THRIFT_BYTE) {
        say(r, path, "=%u\n", r->rest.at[0]);
        r->rest = span_from(r->rest, 1);
    } else if (type <= THRIFT_FALSE) {
        say(r, path, "=%s\n", type == THRIFT_TRUE ? "true" : "false");
    } else {
        say(r, path, "=%lld\n", (long long)read_zigzag(r));
    }
}

static void read_list(reader *r, const char *path)
{
    assert_true(r->rest.len);
    u32 head = r->rest.at[0];
    r->rest = span_from(r->rest, 1);
    u64 count = head >> 4 == 15 ? read_varint(r) : head >> 4;
    for (u64 i = 0; i < count; i++) {
        char place[128];
        assert_true(snprintf(place, sizeof(place), "%s[%u]", path, (unsigned)i) < (int)sizeof(place));
        read_value(r, head & 15, place);
    }
}

static void read_struct(reader *r, const char *path)
{
    u32 id = 0;
    for (;;) {
        assert_true(r->rest.len);
        u32 head = r->rest.at[0];
        r->rest = span_from(r->rest, 1);
        if (!head)
            return;
        assert_true(head >> 4);
        id += head >> 4;
        char place[128];
        assert_true(snprintf(place, sizeof(place), "%s.%u", path, id) < (int)sizeof(place));
        if ((head & 15) == THRIFT_LIST)
            read_list(r, place);
        else
            read_value(r, head & 15, place);
    }
}

// ---------------------------------------------------------------------------------------------- files

static void export_samples(const char *path, outbuf *file, char remark[EXPORT_REMARK])
{
    sample_set samples;
    samples_make(&samples);
    FILE *f = fopen(path, "w+b");
    assert_non_null(f);
    samples.target.fd = fileno(f);
    samples.target.name = path;
    const exporter *x = exporter_by_name("parquet");
    error e = {0};
    sink *s = NULL;
    outbuf out = {0};
    assert_true(x->open(&s, &samples.target, &e));
    for (u32 i = 0; i < SAMPLE_COUNT; i++) {
        out.len = 0;
        x->render(s, &samples.records[i], &out);
        assert_true(x->commit(s, (span){out.bytes, out.len}, 1, &e));
    }
    *remark = 0;
    x->remark(s, remark);
    assert_true(x->close(s, &e));
    outbuf_free(&out);
    fclose(f);
    bytes_load(path, file);
    samples_free(&samples);
}

// Texts that repeat are in the dictionary, in pages of their indexes; those of later pages, which do not, are as they
// are, in the same chunk.
static void dictionary_ends(void **state)
{
    (void)state;
    enum { ROWS = 2000, DICTIONARY = 8, PLAIN = 0 };
    const parquet_column column = {.type = PARQUET_TEXT, .most_def = 1, .bit = 0};
    u64 *has = mem_zeroed(ROWS, sizeof(*has));
    const batch rows = {.count = ROWS, .has = has, .any = 1, .all = 1};
    chunk_maker *maker = chunk_maker_new();
    vector values = {0};
    chunk made = {0};
    for (u32 n = 0; n < 3; n++) {
        for (u32 i = 0; i < ROWS; i++) {
            char text[32];
            snprintf(text, sizeof(text), "text %u", n ? n * ROWS + i : i % 50);
            vector_text(&values, text_span(text));
        }
        chunk_add_page(maker, &made, &column, &values, &rows);
        vector_clear(&values);
    }
    chunk_end(maker, &made, &column);
    assert_int_equal(made.encodings, 1u << DICTIONARY | 1u << PLAIN);
    assert_int_equal(made.dictionary.count, 50);
    assert_true(made.first.len > 0);
    assert_int_equal(made.page_count, 3);
    assert_int_equal(made.entries, 3 * ROWS);
    assert_int_equal(made.nulls, 0);
    // Of texts in a dictionary the least and the greatest are known.
    assert_true(made.pages[0].range.known && !made.pages[1].range.known);
    assert_memory_equal(made.pages[0].range.low_text.at, "text 0", 6);
    assert_memory_equal(made.pages[0].range.high_text.at, "text 9", 6);
    vector_free(&values);
    chunk_free(&made);
    chunk_maker_free(maker);
    mem_free(has);
}

// Names that a dictionary does not take are texts: each has its length of four bytes before it.
static void names_become_texts(void **state)
{
    (void)state;
    enum { ROWS = 2000, NAME = 8, PLAIN = 0 };
    const parquet_column column = {.type = PARQUET_TEXT, .names = true, .most_def = 1, .bit = 0};
    char(*names)[NAME + 1] = mem_zeroed(ROWS, sizeof(*names));
    u64 *has = mem_zeroed(ROWS, sizeof(*has));
    const batch rows = {.count = ROWS, .has = has, .any = 1, .all = 1};
    chunk_maker *maker = chunk_maker_new();
    vector values = {0};
    chunk made = {0};
    for (u32 i = 0; i < ROWS; i++) {
        snprintf(names[i], sizeof(names[i]), "name%04u", i);
        vector_number(&values, (u64)(uintptr_t)names[i]);
    }
    chunk_add_page(maker, &made, &column, &values, &rows);
    chunk_end(maker, &made, &column);
    assert_int_equal(made.encodings, 1u << PLAIN);
    assert_int_equal(values.count, ROWS);
    assert_int_equal(values.text.len, VECTOR_LEVELS + ROWS * (4 + NAME));
    assert_memory_equal(values.text.bytes + VECTOR_LEVELS, "\x08\0\0\0name0000\x08\0\0\0name0001", 24);
    assert_false(made.pages[0].range.known);
    vector_free(&values);
    chunk_free(&made);
    chunk_maker_free(maker);
    mem_free(has);
    mem_free(names);
}

// What is not known to compress badly is given less room at first: noise, which needs it all, is written none the less.
static void noise_has_room(void **state)
{
    (void)state;
    enum { BYTES = 1 << 20 };
    const parquet_column column = {.type = PARQUET_TEXT, .most_def = 1, .bit = 0};
    u64 has = 1;
    const batch rows = {.count = 1, .has = &has, .any = 1, .all = 1};
    u8 *noise = mem_alloc(BYTES);
    u64 next = 88172645463325252;
    for (u32 i = 0; i < BYTES; i++) {
        next ^= next << 13, next ^= next >> 7, next ^= next << 17;
        noise[i] = (u8)next;
    }
    chunk_maker *maker = chunk_maker_new();
    vector values = {0};
    chunk made = {0};
    vector_text(&values, (span){noise, BYTES});
    chunk_add_page(maker, &made, &column, &values, &rows);
    assert_true(made.bytes.len > BYTES);
    vector_free(&values);
    chunk_free(&made);
    chunk_maker_free(maker);
    mem_free(noise);
}

// Field numbers are those of parquet.thrift.
static void footer(void **state)
{
    (void)state;
    static const char *const LINES[] = {
        ".1=2\n",
        ".2[0].4=schema\n",
        ".3=6\n",
        ".6=etwkit version ",
        ".2[1].1=2\n.2[1].3=1\n.2[1].4=record\n",                        // INT64, optional
        ".2[2].1=2\n.2[2].3=1\n.2[2].4=timestamp\n.2[2].10.8.1=false\n", // not in UTC
        ".2[3].1=6\n.2[3].3=1\n.2[3].4=provider\n.2[3].6=0\n",           // UTF-8
        ".4=event_id\n",
        ".4=keywords\n.2[16].6=14\n.2[16].10.10.1=64\n.2[16].10.10.2=false\n", // unsigned
        ".4[0].1[0].3.3[0]=record\n.4[0].1[0].3.4=6\n.4[0].1[0].3.5=6\n",      // zstd, six values
        ".4[0].1[1].3.3[0]=timestamp\n",
        ".4[0].1[1].3.12.3=2\n", // two are null
        ".4[0].1[3].3.12.5=3d6fa8d1-fe05-11d0-9dda-00c04fd7ba7c\n.4[0].1[3].3.12.6=00000000-0000-0000-0000-000000000000\n",
        ".4[0].3=6\n",
    };
    char path[] = "/tmp/etwkit_test_XXXXXX", remark[EXPORT_REMARK];
    close(mkstemp(path));
    outbuf file = {0};
    export_samples(path, &file, remark);
    assert_string_equal(remark, "2 times before 1677 or after 2262 are null: nanoseconds do not reach there");
    assert_memory_equal(file.bytes, "PAR1", 4);
    assert_memory_equal(file.bytes + file.len - 4, "PAR1", 4);
    u32 len = load_u32(file.bytes + file.len - 8);
    assert_true(len < file.len - 12);
    reader r = {.rest = {file.bytes + file.len - 8 - len, len}};
    read_struct(&r, "");
    assert_int_equal(r.rest.len, 0);
    outbuf_add(&r.text, "", 1);
    for (size_t i = 0; i < COUNT_OF(LINES); i++)
        if (!strstr((const char *)r.text.bytes, LINES[i]))
            fail_msg("no %s in\n%s", LINES[i], (const char *)r.text.bytes);
    outbuf_free(&r.text);
    outbuf_free(&file);
    unlink(path);
}

// In two files, whose names are put behind the line.
static void convert_for_others(program *p, const char *path, u32 number, outbuf *line)
{
    char parquet[64], lines[64], both[2048];
    snprintf(parquet, sizeof(parquet), "{}/%u.parquet", number);
    snprintf(lines, sizeof(lines), "{}/%u.jsonl", number);
    if (RUN(p, "convert", path, "--no-hash", "-q", "-j", "2", "-o", parquet) == 1)
        return; // not a trace
    assert_int_not_equal(RUN(p, "convert", path, "--no-hash", "-q", "-o", lines), 1);
    snprintf(both, sizeof(both), " %s/%u.parquet %s/%u.jsonl", p->folder, number, p->folder, number);
    outbuf_text(line, both);
}

static void others_read_it(void **state)
{
    (void)state;
    program p;
    char pattern[512];
    const char *shared = getenv("ETWKIT_SHARED");
    snprintf(pattern, sizeof(pattern), "%s/corpus/*.etl", shared ? shared : "../shared");
    glob_t found = {0};
    assert_int_equal(glob("samples/*.etl", 0, NULL, &found), 0);
    (void)glob(pattern, GLOB_APPEND, NULL, &found);
    program_begin(&p);
    outbuf line = {0};
    outbuf_text(&line, judge_python());
    outbuf_text(&line, " tests/parquet_read.py");
    for (size_t i = 0; i < found.gl_pathc; i++)
        if (judge_takes(found.gl_pathv[i]))
            convert_for_others(&p, found.gl_pathv[i], (u32)i, &line);
    outbuf_add(&line, " 2>&1", 6);
    int code = judge_code(system((const char *)line.bytes));
    globfree(&found);
    outbuf_free(&line);
    program_end(&p);
    if (code == 77) {
        print_message("skipped: %s has none of pyarrow, duckdb, polars, chdb\n", judge_python());
        skip();
    }
    assert_int_equal(code, 0);
}

// More rows than a row group has, from all threads, are the same bytes.
static void threads_make_no_difference(void **state)
{
    (void)state;
    program p;
    char path[512], line[1024];
    program_begin(&p);
    snprintf(line, sizeof(line), "build=${BUILD:-build}; $build/gen_trace 24 %s", program_path(&p, "big.etl", path));
    assert_int_equal(system(line), 0);
    outbuf one = {0}, four = {0};
    assert_int_equal(RUN(&p, "convert", path, "--no-hash", "-q", "-j", "1", "-o", "{}/one.parquet"), 0);
    bytes_load(program_path(&p, "one.parquet", path), &one);
    assert_int_equal(RUN(&p, "convert", "{}/big.etl", "--no-hash", "-q", "-j", "4", "-o", "{}/four.parquet"), 0);
    bytes_load(program_path(&p, "four.parquet", path), &four);
    assert_int_equal(one.len, four.len);
    assert_memory_equal(one.bytes, four.bytes, one.len);
    // It has several row groups: the second one's first column is named in the footer.
    reader r = {
        .rest = {one.bytes + one.len - 8 - load_u32(one.bytes + one.len - 8), load_u32(one.bytes + one.len - 8)}};
    read_struct(&r, "");
    outbuf_add(&r.text, "", 1);
    assert_non_null(strstr((const char *)r.text.bytes, ".4[0].3=122880\n"));
    assert_non_null(strstr((const char *)r.text.bytes, ".4[1].1[0].3.3[0]=record\n"));
    outbuf_free(&r.text);
    outbuf_free(&one);
    outbuf_free(&four);
    program_end(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hybrid),          cmocka_unit_test(indexes),
        cmocka_unit_test(dictionary_ends), cmocka_unit_test(names_become_texts),
        cmocka_unit_test(noise_has_room),  cmocka_unit_test(delta),
        cmocka_unit_test(footer),          cmocka_unit_test(threads_make_no_difference),
        cmocka_unit_test(others_read_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
