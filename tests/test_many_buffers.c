// Traces of more buffers than memory is for: what is known of each lies in a temporary file, and a limit says its name.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/limits.h"
#include "container/etl_file.h"
#include "etl_text.h"
#include "program.h"

#define RUN(p, ...) program_run((p), (const char *const[]){__VA_ARGS__, NULL})

static void build(const char *text, outbuf *file)
{
    error e;
    if (!etl_text_build(text, strlen(text), file, &e))
        fail_msg("%s", e.message);
}

static void store_u64(u8 *at, u64 value)
{
    for (int i = 0; i < 8; i++)
        at[i] = (u8)(value >> 8 * i);
}

// A trace header and `count` buffers of a header only, numbered from 1; every hundredth number is left out.
static void write_empty_buffers(const char *path, u32 count)
{
    static const char ONE[] = "trace\nbuffer sequence=1 size=72\n";
    enum { HEADER = 4096, EMPTY = 72 };
    outbuf head = {0};
    build(ONE, &head);
    assert_int_equal(head.len, HEADER + EMPTY);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(head.bytes, 1, HEADER, f), HEADER);
    u8 *buffer = head.bytes + HEADER;
    for (u32 i = 0; i < count; i++) {
        store_u64(buffer + 0x18, (u64)i + 1 + i / 99);
        assert_int_equal(fwrite(buffer, 1, EMPTY, f), EMPTY);
    }
    assert_int_equal(fclose(f), 0);
    outbuf_free(&head);
}

static void memory_is_bounded(void **state)
{
    enum { COUNT = 1000000, MOST_KIB = 64 << 10 };
    program *p = *state;
    struct rusage used;
    char path[512];
    write_empty_buffers(program_path(p, "a.etl", path), COUNT);
    assert_int_equal(RUN(p, "info", "--json", "--no-hash", "{}/a.etl"), 0);
    assert_non_null(strstr((const char *)p->out.bytes, "\"buffers\":{\"total\":1000001,"));
    assert_non_null(strstr((const char *)p->out.bytes, "\"missing_sequence_numbers\":10101,")); // (10^6 - 1) / 99
    assert_int_equal(getrusage(RUSAGE_CHILDREN, &used), 0);
    if (!SANITIZED)
        assert_in_range(used.ru_maxrss, 1, MOST_KIB);
}

// Nothing of a half result, and a sentence, where the disk of temporary files fails while they are in use.
static void temporary_files_fail(void **state)
{
    enum { COUNT = 1000000 };
    program *p = *state;
    char path[512], fault[512], number[16];
    write_empty_buffers(program_path(p, "a.etl", path), COUNT);
    snprintf(fault, sizeof(fault), "%s/faults.so", getenv("BUILD") ? getenv("BUILD") : "build");
    if (SANITIZED) {
        print_message("skipped: a sanitizer has its own handler\n");
        skip();
    }
    for (int n = 1; n <= 2; n++) { // the buffers' and the list of their numbers
        snprintf(number, sizeof(number), "%d", n);
        setenv("LD_PRELOAD", fault, 1);
        setenv("FAULT_MAPPED", number, 1);
        program_run(p, (const char *const[]){"convert", "--no-hash", "{}/a.etl", "-o", "{}/a.csv", NULL});
        unsetenv("LD_PRELOAD");
        unsetenv("FAULT_MAPPED");
        assert_int_equal(p->code, 1);
        assert_non_null(strstr((const char *)p->err.bytes, "etwkit: a temporary file (TMPDIR) fails"));
        assert_int_equal(program_files(p, "a.csv"), 0);
    }
}

static void limit_is_named(void **state)
{
    program *p = *state;
    char path[512];
    input *in;
    error e;
    etl_file f;
    write_empty_buffers(program_path(p, "a.etl", path), 10);
    etl_buffer_limit = 4;
    assert_true(input_open(&in, path, &e) && etl_open(&f, in, &e));
    etl_buffer_limit = LIMIT_BUFFERS;
    assert_int_equal(f.count, 4);
    assert_int_equal(f.damage.count, 1);
    assert_int_equal(f.damage.notes[0].offset, 4096 + 3 * 72);
    assert_int_equal(f.damage.notes[0].bytes, 7 * 72);
    assert_non_null(strstr(f.damage.notes[0].message, "LIMIT_BUFFERS"));
    assert_int_equal(f.account.damage, 7 * 72);
    etl_close(&f);
    input_close(in);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, program_setup, program_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(memory_is_bounded),
        TEST(temporary_files_fail),
        TEST(limit_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
