// Buffers that all lie over each other in time: their events come in order, and only so many of them are in memory.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/spill.h"
#include "etl_text.h"
#include "session/merge.h"
#include "session/parking.h"

enum { BUFFERS = 24, EVENTS = 6, BUFFER_BYTES = 4096 };

typedef struct reading {
    session *session;
    merge *merge;
    buffer_reader reader;
    u32 open, most_open; // buffers that were loaded and not put back
} reading;

static merge_buffer *get(void *context, u32 order)
{
    reading *r = context;
    r->most_open = ++r->open > r->most_open ? r->open : r->most_open;
    return merge_load(r->merge, order, NULL, &r->reader);
}

static void put_back(void *context, merge_buffer *b)
{
    reading *r = context;
    r->open--;
    merge_buffer_free(b);
}

// The first event of all buffers, then the second of all, and so on; ids count them in the order of time.
static session *build(char path[static 64])
{
    outbuf text = {0}, file = {0};
    error e;
    char line[160];
    outbuf_text(&text, "trace\n");
    for (u32 b = 0; b < BUFFERS; b++) {
        outbuf_text(&text, "buffer\n");
        for (u32 i = 0; i < EVENTS; i++) {
            u32 id = i * BUFFERS + b;
            snprintf(line, sizeof(line),
                     "event provider={a0b1c2d3-0011-2233-4455-66778899aabb} id=%u level=%u time=+%uus\n", id,
                     id % 2 + 4, id + 10);
            outbuf_text(&text, line);
        }
    }
    if (!etl_text_build((const char *)text.bytes, text.len, &file, &e))
        fail_msg("%s", e.message);
    strcpy(path, "/tmp/etwkit-overlap-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, file.bytes, file.len), file.len);
    close(fd);
    session *s = session_new();
    assert_true(session_open(s, path, &e) && session_survey(s, NULL, NULL));
    outbuf_free(&text);
    outbuf_free(&file);
    return s;
}

// Every `step`-th event comes, in order, and has what it was written with.
static void come_in_order(reading *r, const merge_filter *filter, u32 step, u32 slice_events)
{
    record_scratch scratch = {0};
    slice held[3] = {0}; // slices are rendered while others are merged
    u32 id = step - 1, turn = 0;
    r->merge = merge_new(r->session, filter);
    merge_on_release(r->merge, put_back, r);
    for (;; turn++) {
        slice *s = &held[turn % 3];
        slice_release(r->merge, s);
        if (!merge_next(r->merge, slice_events, s, get, r))
            break;
        const slice *older = &held[(turn + 2) % 3];
        for (u32 i = 0; i < older->count; i++)
            assert_true(older->items[i].buffer->users > 0);
        for (u32 i = 0; i < s->count; i++) {
            record rec;
            const loaded_buffer *b = &s->items[i].buffer->loaded;
            session_record(r->session, b, &b->refs[s->items[i].ref], &scratch, &rec);
            if (header_is_hook(rec.event->kind)) // the trace header's
                continue;
            assert_int_equal(rec.event->descriptor.id, id);
            assert_int_equal(rec.event->descriptor.level, id % 2 + 4);
            id += step;
        }
    }
    for (u32 i = 0; i < 3; i++) {
        slice_release(r->merge, &held[i]);
        mem_free(held[i].items);
        mem_free(held[i].buffers);
    }
    assert_int_equal(id, EVENTS * BUFFERS + step - 1);
    assert_int_equal(r->open, 0);
    merge_free(r->merge);
    record_scratch_free(&scratch);
}

static void in_any_memory(void **state)
{
    (void)state;
    static const merge_filter ALL = {NULL, INT64_MIN, INT64_MAX};
    static const u64 LIMITS[] = {64 << 20, 5 * (BUFFER_BYTES + 1024), 0};
    static const u32 MOST_OPEN[] = {BUFFERS + 1, 6, 1};
    static const u32 SLICES[] = {1, 7, 512};
    reading r = {0};
    char path[64];
    r.session = build(path);
    bool *odd = mem_zeroed(class_count(r.session->classes), sizeof(*odd));
    for (u32 i = 0; i < class_count(r.session->classes); i++)
        odd[i] = class_at(r.session->classes, i)->descriptor.id % 2;
    const merge_filter few = {odd, INT64_MIN, INT64_MAX};
    for (u32 i = 0; i < 9; i++) {
        parking_open_limit = LIMITS[i / 3];
        r.most_open = 0;
        come_in_order(&r, &ALL, 1, SLICES[i % 3]);
        assert_true(r.most_open <= MOST_OPEN[i / 3]);
        come_in_order(&r, &few, 2, SLICES[i % 3]);
    }
    mem_free(odd);
    buffer_reader_free(&r.reader);
    session_free(r.session);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(in_any_memory)};
    int failed = cmocka_run_group_tests_name("in memory", tests, NULL, NULL);
    spill_memory_limit = 0;
    return failed + cmocka_run_group_tests_name("in files", tests, NULL, NULL);
}
