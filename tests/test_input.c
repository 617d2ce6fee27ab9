// Inputs: files under few descriptors, files that change under their reader, streams of any length.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/limits.h"
#include "input/input.h"
#include "program.h"

#define RUN(p, ...) program_run((p), (const char *const[]){__VA_ARGS__, NULL})

static const char DNS[] = "samples/dns.etl";

static input *open_named(program *p, const char *name)
{
    char path[512];
    input *in;
    error e = {0};
    if (!input_open(&in, program_path(p, name, path), &e))
        fail_msg("%s", e.message);
    return in;
}

static u32 read_u32(const input *in, u64 offset, bool *failed)
{
    u32 value = 0;
    *failed = false;
    (void)input_read(in, offset, &value, sizeof(value), failed);
    return value;
}

// ---------------------------------------------------------------------------------------------- files

static void more_files_than_descriptors(void **state)
{
    enum { FILES = 300, DESCRIPTORS = 64 };
    program *p = *state;
    static input *files[FILES];
    struct rlimit limit, before;
    char name[32], path[512];
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    limit = before;
    limit.rlim_cur = DESCRIPTORS;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    for (u32 i = 0; i < FILES; i++) {
        snprintf(name, sizeof(name), "%u.bin", i);
        bytes_save(program_path(p, name, path), &i, sizeof(i));
        files[i] = open_named(p, name);
    }
    for (u32 round = 0; round < 3; round++)
        for (u32 i = 0; i < FILES; i++) {
            u32 at = (i * 7 + round) % FILES;
            bool failed;
            assert_int_equal(read_u32(files[at], 0, &failed), at);
            assert_false(failed);
        }
    for (u32 i = 0; i < FILES; i++)
        input_close(files[i]);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

static void replaced_file_is_read_on(void **state)
{
    program *p = *state;
    char path[512], other[512];
    u64 bytes;
    bool failed;
    bytes_save(program_path(p, "evidence", path), &(u32){1}, 4);
    bytes_save(program_path(p, "other", other), &(u32){2}, 4);
    input *in = open_named(p, "evidence");
    u8 digest[SHA256_BYTES], wanted[SHA256_BYTES];
    assert_int_equal(input_changed(in, &bytes), INPUT_UNCHANGED);
    assert_int_equal(rename(other, path), 0);
    assert_int_equal(input_changed(in, &bytes), INPUT_REPLACED);
    assert_int_equal(read_u32(in, 0, &failed), 1);
    sha256_of((span){(const u8 *)&(u32){1}, 4}, wanted);
    assert_true(input_sha256(in, digest, NULL));
    assert_memory_equal(digest, wanted, SHA256_BYTES);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(input_changed(in, &bytes), INPUT_GONE);
    input_close(in);
}

static void written_file_is_noticed(void **state)
{
    program *p = *state;
    char path[512];
    u64 bytes;
    bytes_save(program_path(p, "evidence", path), "12345678", 8);
    input *in = open_named(p, "evidence");
    int fd = open(path, O_WRONLY | O_APPEND);
    assert_int_equal(write(fd, "9", 1), 1);
    close(fd);
    assert_int_equal(input_changed(in, &bytes), INPUT_WRITTEN);
    assert_int_equal(bytes, 9);
    input_close(in);
}

// A file that lost its descriptor to others, and was replaced meanwhile, is not the one that was opened.
static void other_file_is_never_read(void **state)
{
    enum { FILES = 600 }; // more than are ever kept open
    program *p = *state;
    static input *files[FILES];
    char name[32], path[512], other[512];
    bool failed;
    for (u32 i = 0; i < FILES; i++) {
        snprintf(name, sizeof(name), "%u.bin", i);
        bytes_save(program_path(p, name, path), &i, sizeof(i));
        files[i] = open_named(p, name);
    }
    bytes_save(program_path(p, "other", other), &(u32){77}, 4);
    assert_int_equal(rename(other, program_path(p, "0.bin", path)), 0);
    assert_int_equal(read_u32(files[0], 0, &failed), 0);
    assert_true(failed);
    assert_int_equal(read_u32(files[FILES - 1], 0, &failed), FILES - 1);
    assert_false(failed);
    for (u32 i = 0; i < FILES; i++)
        input_close(files[i]);
}

// ---------------------------------------------------------------------------------------------- streams

static void stdin_is_an_input(void **state)
{
    program *p = *state;
    assert_int_equal(RUN(p, "convert", DNS, "--where", "event_id = 3006"), 0);
    outbuf named = {0};
    outbuf_add(&named, p->out.bytes, p->out.len + 1);
    p->stdin_path = DNS;
    assert_int_equal(RUN(p, "convert", "-", "--where", "event_id = 3006"), 0);
    static const char SOURCE[] = "\"source\":\"dns.etl\"";
    const char *line = strstr((const char *)named.bytes, SOURCE);
    assert_non_null(line);
    size_t head = (size_t)(line - (const char *)named.bytes);
    assert_memory_equal(p->out.bytes, named.bytes, head);
    assert_int_equal(strncmp((const char *)p->out.bytes + head, "\"source\":\"-\"", 12), 0);
    outbuf_free(&named);
}

static void fill(FILE *to, size_t bytes)
{
    static const u8 ZEROS[1 << 16];
    for (; bytes; bytes -= bytes < sizeof(ZEROS) ? bytes : sizeof(ZEROS))
        assert_int_equal(fwrite(ZEROS, 1, bytes < sizeof(ZEROS) ? bytes : sizeof(ZEROS), to),
                         bytes < sizeof(ZEROS) ? bytes : sizeof(ZEROS));
}

// A trace with unused space after it, through a pipe: what `info --json` says is what it says of the same file.
static void pipe_says_what_the_file_says(program *p, size_t fill_bytes)
{
    char path[512], pipe_path[512];
    outbuf trace = {0}, of_file = {0};
    bytes_load(DNS, &trace);
    FILE *file = fopen(program_path(p, "trace.etl", path), "wb");
    assert_int_equal(fwrite(trace.bytes, 1, trace.len, file), trace.len);
    fill(file, fill_bytes);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(RUN(p, "info", "--json", "{}/trace.etl"), 0);
    outbuf_add(&of_file, p->out.bytes, p->out.len + 1);

    assert_int_equal(mkfifo(program_path(p, "pipe.etl", pipe_path), 0600), 0);
    pid_t child = program_start(p, (const char *const[]){"info", "--json", "{}/pipe.etl", NULL});
    alarm(60); // where nobody reads the pipe, opening it never ends
    FILE *to = fopen(pipe_path, "wb");
    assert_non_null(to);
    assert_int_equal(fwrite(trace.bytes, 1, trace.len, to), trace.len);
    fill(to, fill_bytes);
    assert_int_equal(fclose(to), 0);
    alarm(0);
    assert_int_equal(program_wait(p, child), 0);
    const char *from_file = strstr((const char *)of_file.bytes, "\"bytes\""),
               *from_pipe = strstr((const char *)p->out.bytes, "\"bytes\"");
    assert_non_null(from_file);
    assert_non_null(from_pipe);
    assert_string_equal(from_pipe, from_file);
    assert_non_null(strstr(from_pipe, "\"sha256\":\""));
    outbuf_free(&trace);
    outbuf_free(&of_file);
}

static void short_pipe(void **state)
{
    pipe_says_what_the_file_says(*state, 0);
}

static void pipe_longer_than_memory(void **state)
{
    pipe_says_what_the_file_says(*state, LIMIT_SPOOL_MEMORY + 12345);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(more_files_than_descriptors, program_setup, program_teardown),
        cmocka_unit_test_setup_teardown(replaced_file_is_read_on, program_setup, program_teardown),
        cmocka_unit_test_setup_teardown(written_file_is_noticed, program_setup, program_teardown),
        cmocka_unit_test_setup_teardown(other_file_is_never_read, program_setup, program_teardown),
        cmocka_unit_test_setup_teardown(stdin_is_an_input, program_setup, program_teardown),
        cmocka_unit_test_setup_teardown(short_pipe, program_setup, program_teardown),
        cmocka_unit_test_setup_teardown(pipe_longer_than_memory, program_setup, program_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
