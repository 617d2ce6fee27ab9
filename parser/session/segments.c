#include "session/segments.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"

typedef struct segment_file {
    const input *in;
    i64 start, boot;
    u16 logger_id;
    const char *session, *computer; // NULL: not recorded
    u64 first, last;                // sequence numbers
    u32 events_lost, buffers_lost;
} segment_file;

void segments_free(segment_list *list)
{
    if (list->by_input)
        map_free(list->by_input);
    mem_free(list->files);
    arena_free(&list->arena);
    *list = (segment_list){0};
}

static const char *kept(segment_list *list, const char *text)
{
    return text ? arena_text(&list->arena, text) : NULL;
}

void segments_add(segment_list *list, const etl_file *f, const losses *counted)
{
    const trace_facts *facts = &f->trace_headers[0];
    if (!facts->present || !(facts->log_file_mode & LOG_FILE_MODE_NEWFILE) || f->sessions > 1 || !counted->numbered)
        return;
    GROW(list->files, list->count, list->cap);
    list->files[list->count++] = (segment_file){.in = f->input,
                                                .start = facts->start_time,
                                                .boot = facts->boot_time,
                                                .logger_id = facts->logger_id,
                                                .session = kept(list, facts->session),
                                                .computer = kept(list, f->input->computer),
                                                .first = counted->first,
                                                .last = counted->last,
                                                .events_lost = facts->events_lost,
                                                .buffers_lost = facts->buffers_lost};
}

void segments_look(segment_list *list, const input *in)
{
    etl_file f;
    error e;
    losses counted;
    if (!etl_begins_new_file(in) || !etl_open(&f, in, &e))
        return;
    losses_count(&f, &counted);
    segments_add(list, &f, &counted);
    losses_free(&counted);
    etl_close(&f);
}

// ---------------------------------------------------------------------------------------------- sessions

static int compare(i64 a, i64 b)
{
    return a < b ? -1 : a > b;
}

static int compare_texts(const char *a, const char *b)
{
    return !a || !b ? compare(a != NULL, b != NULL) : strcmp(a, b);
}

static int compare_sessions(const segment_file *a, const segment_file *b)
{
    int order = compare(a->start, b->start);
    order = order ? order : compare(a->boot, b->boot);
    order = order ? order : compare(a->logger_id, b->logger_id);
    order = order ? order : compare_texts(a->session, b->session);
    return order ? order : compare_texts(a->computer, b->computer);
}

// Losses are counted from the session's start on, and order files whose buffers are numbered anew in each.
static int by_session_and_sequence(const void *a, const void *b)
{
    const segment_file *x = a, *y = b;
    int order = compare_sessions(x, y);
    if (!order)
        order = x->first < y->first ? -1 : x->first > y->first;
    if (!order)
        order = x->events_lost < y->events_lost ? -1 : x->events_lost > y->events_lost;
    if (!order)
        order = x->buffers_lost < y->buffers_lost ? -1 : x->buffers_lost > y->buffers_lost;
    return order ? order : strcmp(x->in->path, y->in->path);
}

void segments_order(segment_list *list)
{
    if (list->count)
        qsort(list->files, list->count, sizeof(*list->files), by_session_and_sequence);
    list->by_input = arena_new(&list->arena, map);
    for (u32 i = 0; i < list->count; i++)
        map_add(list->by_input, hash_u64((uintptr_t)list->files[i].in), i);
}

static bool begins_numbers(const segment_file *f)
{
    return f->first <= 1;
}

// What was lost since the file before, which ended right in front of this one: numbers between them that neither has
// are buffers that were lost, or of a file that is not there.
static void follow(segment *s, const segment_file *f, const segment_file *before)
{
    bool anew = begins_numbers(f) && begins_numbers(before);
    if (!anew && f->first <= before->last)
        s->in_both = (f->last < before->last ? f->last : before->last) - f->first + 1;
    if (s->in_both || f->events_lost < before->events_lost || f->buffers_lost < before->buffers_lost)
        return;
    s->has_before = true;
    s->missing = anew ? 0 : f->first - before->last - 1;
    s->events_lost = f->events_lost - before->events_lost;
    s->buffers_lost = f->buffers_lost - before->buffers_lost;
    s->is_loss_known = s->missing <= s->buffers_lost;
}

static segment made(const segment_list *list, u32 i)
{
    const segment_file *f = &list->files[i];
    segment s = {.is_segment = true, .is_loss_known = begins_numbers(f)};
    if (s.is_loss_known) {
        s.events_lost = f->events_lost;
        s.buffers_lost = f->buffers_lost;
    }
    if (i && compare_sessions(f - 1, f) == 0)
        follow(&s, f, f - 1);
    return s;
}

segment segment_of(const segment_list *list, const etl_file *f)
{
    u32 at = MAP_NONE;
    if (list->by_input && (f->trace_headers[0].log_file_mode & LOG_FILE_MODE_NEWFILE))
        MAP_FIND(at, list->by_input, hash_u64((uintptr_t)f->input), list->files[index_].in == f->input);
    return at == MAP_NONE ? (segment){0} : made(list, at);
}
