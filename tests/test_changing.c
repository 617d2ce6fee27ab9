// Files that are written to while they are read: a session still being recorded, a copy still running, a disk that
// loses pages. What was read stays right, what could not be read again is told, nothing crashes.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "session/merge.h"
#include "session/trim.h"
#include "etl_text.h"

enum { BUFFERS = 8, BUFFER_BYTES = 4096 };

typedef struct changing {
    char path[64];
    session *session;
    u64 bytes;
} changing;

// A header buffer and seven more with one event each.
static int begin(void **state)
{
    changing *c = mem_zeroed(1, sizeof(*c));
    outbuf text = {0}, file = {0};
    error e;
    outbuf_text(&text, "trace\n");
    for (u32 i = 1; i < BUFFERS; i++) {
        char line[160];
        snprintf(line, sizeof(line), "buffer\nevent provider={a0b1c2d3-0011-2233-4455-66778899aabb} id=%u time=+%ums\n",
                 i, i);
        outbuf_text(&text, line);
    }
    if (!etl_text_build((const char *)text.bytes, text.len, &file, &e))
        fail_msg("%s", e.message);
    assert_int_equal(file.len, BUFFERS * BUFFER_BYTES);
    strcpy(c->path, "/tmp/etwkit-changing-XXXXXX");
    int fd = mkstemp(c->path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, file.bytes, file.len), file.len);
    close(fd);
    c->bytes = file.len;
    c->session = session_new();
    assert_true(session_open(c->session, c->path, &e));
    outbuf_free(&text);
    outbuf_free(&file);
    *state = c;
    return 0;
}

static int end(void **state)
{
    changing *c = *state;
    session_free(c->session);
    unlink(c->path);
    mem_free(c);
    return 0;
}

static void cut(const changing *c, u64 bytes)
{
    assert_int_equal(truncate(c->path, (off_t)bytes), 0);
}

typedef struct reading {
    merge *merge;
    buffer_reader reader;
} reading;

static merge_buffer *get(void *context, u32 order)
{
    reading *r = context;
    return merge_load(r->merge, order, NULL, &r->reader);
}

static void put_back(void *context, merge_buffer *b)
{
    (void)context;
    merge_buffer_free(b);
}

// How many records come out; each has the id its time says.
static u32 records_of(changing *c)
{
    static const merge_filter ALL = {NULL, INT64_MIN, INT64_MAX};
    reading r = {.merge = merge_new(c->session, &ALL)};
    record_scratch scratch = {0};
    slice s = {0};
    u32 records = 0;
    merge_on_release(r.merge, put_back, NULL);
    while (merge_next(r.merge, 64, &s, get, &r)) {
        for (u32 i = 0; i < s.count; i++, records++) {
            record rec;
            const loaded_buffer *b = &s.items[i].buffer->loaded;
            session_record(c->session, b, &b->refs[s.items[i].ref], &scratch, &rec);
            if (rec.event->kind != HEADER_SYSTEM64)
                assert_int_equal(rec.event->time, 1000000000 + 10000 * rec.event->descriptor.id);
        }
        slice_release(r.merge, &s);
    }
    mem_free(s.items);
    mem_free(s.buffers);
    buffer_reader_free(&r.reader);
    record_scratch_free(&scratch);
    merge_free(r.merge);
    return records;
}

static u32 read_notes(const trace *t)
{
    u32 count = 0;
    for (u32 i = 0; i < t->damage.count; i++)
        count += strcmp(t->damage.notes[i].kind, "read") == 0;
    return count;
}

static void untouched(void **state)
{
    changing *c = *state;
    assert_true(session_survey(c->session, NULL, NULL));
    assert_int_equal(records_of(c), BUFFERS);
    session_check_files(c->session);
    assert_int_equal(c->session->traces[0]->damage.ranges, 0);
}

static void shrinks_before_the_survey(void **state)
{
    changing *c = *state;
    const trace *t = c->session->traces[0];
    cut(c, 5 * BUFFER_BYTES + 100);
    assert_true(session_survey(c->session, NULL, NULL));
    assert_int_equal(t->events, 5);
    assert_int_equal(session_account_sum(t), c->bytes);
    // The cut buffer, the two after it, and the file itself.
    assert_int_equal(read_notes(t), 4);
    assert_int_equal(records_of(c), 5);
    session_check_files(c->session);
    assert_int_equal(read_notes(t), 4); // once is enough
}

static void shrinks_before_the_records(void **state)
{
    changing *c = *state;
    const trace *t = c->session->traces[0];
    assert_true(session_survey(c->session, NULL, NULL));
    assert_int_equal(t->events, BUFFERS);
    assert_int_equal(t->damage.ranges, 0);
    cut(c, 6 * BUFFER_BYTES);
    assert_int_equal(records_of(c), 6);
    session_check_files(c->session);
    assert_true(t->change == INPUT_WRITTEN);
    assert_int_equal(read_notes(t), 2); // the file is shorter; two buffers gave no records
}

static void vanishes_between(void **state)
{
    changing *c = *state;
    assert_true(session_survey(c->session, NULL, NULL));
    cut(c, 0);
    assert_int_equal(records_of(c), 0);
    session_check_files(c->session);
    assert_true(c->session->traces[0]->change == INPUT_WRITTEN);
}

static void grows(void **state)
{
    changing *c = *state;
    const trace *t = c->session->traces[0];
    int fd = open(c->path, O_WRONLY | O_APPEND);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "more", 4), 4);
    close(fd);
    assert_true(session_survey(c->session, NULL, NULL));
    assert_int_equal(t->events, BUFFERS);
    assert_int_equal(session_account_sum(t), c->bytes);
    assert_int_equal(t->damage.ranges, 1);
    assert_string_equal(t->damage.notes[0].kind, "read");
    assert_int_equal(t->damage.notes[0].offset, c->bytes);
    assert_int_equal(t->damage.notes[0].bytes, 0);
}

// Other bytes in the same place between the two passes: positions kept from the first may mean nothing now.
static void is_overwritten(void **state)
{
    changing *c = *state;
    assert_true(session_survey(c->session, NULL, NULL));
    struct timespec later = {.tv_nsec = 20000000};
    nanosleep(&later, NULL);
    u8 noise[BUFFER_BYTES];
    memset(noise, 0x5a, sizeof(noise));
    int fd = open(c->path, O_WRONLY);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, noise, sizeof(noise), 3 * BUFFER_BYTES), BUFFER_BYTES);
    close(fd);
    static const merge_filter ALL = {NULL, INT64_MIN, INT64_MAX};
    reading r = {.merge = merge_new(c->session, &ALL)};
    record_scratch scratch = {0};
    slice s = {0};
    merge_on_release(r.merge, put_back, NULL);
    while (merge_next(r.merge, 64, &s, get, &r)) {
        for (u32 i = 0; i < s.count; i++) {
            record rec;
            const loaded_buffer *b = &s.items[i].buffer->loaded;
            session_record(c->session, b, &b->refs[s.items[i].ref], &scratch, &rec);
        }
        slice_release(r.merge, &s);
    }
    mem_free(s.items);
    mem_free(s.buffers);
    buffer_reader_free(&r.reader);
    record_scratch_free(&scratch);
    merge_free(r.merge);
    session_check_files(c->session);
    assert_true(c->session->traces[0]->change == INPUT_WRITTEN);
    assert_true(read_notes(c->session->traces[0]) > 0);
}

static bool keeps_all(void *context, const loaded_buffer *b, const event_ref *ref, bool last)
{
    changing *c = context;
    assert_true(ref->cls < class_count(c->session->classes));
    (void)b;
    (void)last;
    return true;
}

static bool write_nowhere(void *context, span bytes, error *e)
{
    (void)context;
    (void)bytes;
    (void)e;
    return true;
}

static bool change_nowhere(void *context, u64 offset, span bytes, error *e)
{
    (void)offset;
    return write_nowhere(context, bytes, e);
}

// An event that is another one in the second pass has no class.
static void is_trimmed_while_it_changes(void **state)
{
    changing *c = *state;
    trim_job job = {
        .session = c->session, .keeps = keeps_all, .write = write_nowhere, .change = change_nowhere, .context = c};
    const u8 other[] = {99, 0};
    error e;
    assert_true(session_survey(c->session, NULL, NULL));
    assert_true(trim_trace(&job, &e));
    int fd = open(c->path, O_WRONLY);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, other, sizeof(other), 3 * BUFFER_BYTES + 72 + 40), sizeof(other)); // the id
    close(fd);
    assert_false(trim_trace(&job, &e));
    assert_non_null(strstr(e.message, "a buffer cannot be read again"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(untouched, begin, end),
        cmocka_unit_test_setup_teardown(is_trimmed_while_it_changes, begin, end),
        cmocka_unit_test_setup_teardown(shrinks_before_the_survey, begin, end),
        cmocka_unit_test_setup_teardown(shrinks_before_the_records, begin, end),
        cmocka_unit_test_setup_teardown(vanishes_between, begin, end),
        cmocka_unit_test_setup_teardown(grows, begin, end),
        cmocka_unit_test_setup_teardown(is_overwritten, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
