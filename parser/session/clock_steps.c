#include "session/clock_steps.h"

#include <string.h>

#include "base/bisect.h"
#include "base/limits.h"
#include "session/far_events.h"

void clock_steps_free(clock_steps *s)
{
    mem_free(s->list);
    *s = (clock_steps){0};
}

void clock_steps_close(clock_steps *s)
{
    for (u32 i = 0; i < s->count; i++) {
        const clock_step *x = &s->list[i];
        bool earlier =
            !s->first || x->buffer < s->first->buffer || (x->buffer == s->first->buffer && x->at < s->first->at);
        if (!x->is_start && earlier)
            s->first = x;
    }
}

static bool is_up_to(const clock_step *x, u16 processor, u32 buffer, u32 at)
{
    return x->processor != processor ? x->processor < processor
           : x->buffer != buffer     ? x->buffer < buffer
                                     : x->at <= at;
}

// How many of the list are at or in front of a place.
static u32 steps_up_to(const clock_steps *s, u16 processor, u32 buffer, u32 at)
{
    u32 count;
    BISECT(count, 0, s->count, is_up_to(&s->list[index_], processor, buffer, at));
    return count;
}

u32 clock_steps_epoch_rare(const clock_steps *s, const etl_file *file, const etl_buffer *desc, u32 at)
{
    u32 buffer = (u32)(desc - file->buffers), behind = steps_up_to(s, desc->processor, buffer, at);
    if (s->is_full && buffer >= s->full_from)
        return s->full_epoch;
    const clock_step *last = behind ? &s->list[behind - 1] : NULL;
    return last && last->processor == desc->processor && last->header == desc->trace_header ? last->epoch
                                                                                            : desc->trace_header;
}

// ---------------------------------------------------------------------------------------------- watching

void clock_watch_free(clock_watch *w)
{
    mem_free(w->streams);
    mem_free(w->behind.list);
    mem_free(w->older.list);
    *w = (clock_watch){0};
}

static void begin_header(clock_watch *w, const loaded_buffer *b)
{
    clock_watch_close(w, b->file);
    w->header = b->desc->trace_header;
    w->count = w->behind.count = w->older.count = 0;
}

static clock_stream *stream_of(clock_watch *w, u16 processor)
{
    while (w->count <= processor) {
        GROW(w->streams, w->count, w->cap);
        w->streams[w->count++] = (clock_stream){0};
    }
    return &w->streams[processor];
}

static u32 epoch_of(clock_watch *w, const clock_stream *stream)
{
    clock_epochs *epochs = stream->is_older ? &w->older : &w->behind;
    u32 index = stream->is_older ? stream->steps : stream->steps - 1;
    while (epochs->count <= index) {
        GROW(epochs->list, epochs->count, epochs->cap);
        epochs->list[epochs->count++] = correlator_add_epoch(w->correlator, w->trace, w->header);
    }
    return epochs->list[index];
}

static void add(clock_watch *w, const clock_step *step)
{
    clock_steps *s = w->steps;
    if (s->is_full)
        return;
    if (s->count >= LIMIT_CLOCK_STEPS) {
        s->is_full = true;
        s->full_from = step->buffer;
        s->full_epoch = correlator_add_epoch(w->correlator, w->trace, w->header);
        return;
    }
    u32 place = steps_up_to(s, step->processor, step->buffer, step->at);
    GROW(s->list, s->count, s->cap);
    memmove(s->list + place + 1, s->list + place, (s->count - place) * sizeof(*s->list));
    s->list[place] = *step;
    s->count++;
}

static clock_step step_at(const clock_watch *w, const loaded_buffer *b, const event_ref *ref)
{
    bool packed = b->desc->flags & BUFFER_FLAG_COMPRESSED;
    return (clock_step){.buffer = (u32)(b->desc - b->file->buffers),
                        .at = ref->offset,
                        .processor = b->desc->processor,
                        .header = w->header,
                        .offset = b->desc->offset + (packed ? 0 : ref->offset)};
}

// A thread may be interrupted between taking the time and writing the event.
static bool is_back(const session_clock *clock, i64 from, i64 to)
{
    if (to >= from)
        return false;
    i64 before = clock_filetime(clock, from), behind = clock_filetime(clock, to);
    return behind < before && (u64)before - (u64)behind >= LIMIT_LATE_EVENT;
}

// The events of a processor begin behind a step of others. Those that are earlier than where it led to are from before.
static void begin_stream(clock_watch *w, const loaded_buffer *b, clock_stream *stream, const event_ref *first)
{
    u32 steps = stream->is_older ? w->older.count - (w->older.count > 0) : w->behind.count;
    stream->is_known = true;
    stream->last = first->time;
    stream->steps = steps && first->time < w->latest_to ? steps - 1 : steps;
    clock_step start = step_at(w, b, first);
    start.is_start = true;
    if (!stream->is_older) {
        stream->start = start;
        stream->first = first->time;
        stream->first_sequence = b->desc->sequence;
    }
    if (!stream->steps && !stream->is_older)
        return;
    start.epoch = epoch_of(w, stream);
    add(w, &start);
}

// An event with a damaged time looks like this too: which it was cannot be known, and what is doubtful joins nothing.
static void step_back(clock_watch *w, const loaded_buffer *b, clock_stream *stream, const event_ref *ref)
{
    const session_clock *clock = etl_clock(b->file, b->desc);
    clock_step step = step_at(w, b, ref);
    step.from = clock_filetime(clock, stream->last);
    step.to = clock_filetime(clock, ref->time);
    w->steps->told++;
    w->latest_to = ref->time;
    if (w->steps->is_full)
        return;
    stream->steps++;
    step.epoch = epoch_of(w, stream);
    add(w, &step);
}

// Events that are not of the session's time say nothing of its clock; nor do records without a time.
static bool tells_time(const loaded_buffer *b, const event_ref *ref)
{
    const trace_facts *facts = &b->file->trace_headers[b->desc->trace_header];
    return ref->time && !is_far(facts, clock_filetime(etl_clock(b->file, b->desc), ref->time));
}

// Where the events are in order, only the first of them can be behind a step.
static void see_all(clock_watch *w, const loaded_buffer *b, clock_stream *stream, u32 first, bool unordered)
{
    const session_clock *clock = etl_clock(b->file, b->desc);
    u32 last = b->count - 1;
    while (!tells_time(b, &b->refs[last])) // the first one does
        last--;
    for (u32 i = first; i <= last && (unordered || i == first); i++) {
        if (!tells_time(b, &b->refs[i]))
            continue;
        if (is_back(clock, stream->last, b->refs[i].time))
            step_back(w, b, stream, &b->refs[i]);
        stream->last = b->refs[i].time;
    }
    stream->last = b->refs[last].time;
}

// Whether the file has wrapped here: what follows is older than its beginning.
static bool is_wrap(const loaded_buffer *b, const clock_stream *stream)
{
    const trace_facts *facts = &b->file->trace_headers[b->desc->trace_header];
    return stream->is_known && !stream->is_older && facts->log_file_mode & LOG_FILE_MODE_CIRCULAR &&
           b->desc->sequence < stream->first_sequence;
}

void clock_watch_see(clock_watch *w, const loaded_buffer *b, bool unordered)
{
    const etl_buffer *desc = b->desc;
    u32 first = desc->type == BUFFER_TYPE_HEADER; // the trace header event has the time of the session's start
    if (desc->clock)                              // its own
        return;
    w->trace = b->file_index;
    if (desc->trace_header != w->header)
        begin_header(w, b);
    while (first < b->count && !tells_time(b, &b->refs[first]))
        first++;
    if (first >= b->count)
        return;
    clock_stream *stream = stream_of(w, desc->processor);
    bool numbered = stream->is_known && (desc->sequence || stream->sequence);
    if (is_wrap(b, stream)) {
        stream->is_older = true;
        begin_stream(w, b, stream, &b->refs[first]);
    } else if (numbered && (desc->sequence <= stream->sequence ||
                            (stream->is_older && desc->sequence >= stream->first_sequence))) { // repeated
        return;
    } else if (!stream->is_known) {
        begin_stream(w, b, stream, &b->refs[first]);
    }
    see_all(w, b, stream, first, unordered);
    stream->sequence = desc->sequence;
}

// From the end of what is older to the beginning of what is newer, on one processor.
static bool is_back_at_seam(clock_watch *w, const etl_file *file, const clock_stream *stream)
{
    const session_clock *clock = &file->trace_headers[w->header].clock;
    if (!stream->is_older || !is_back(clock, stream->last, stream->first))
        return false;
    clock_step step = stream->start;
    step.is_start = false;
    step.epoch = w->header;
    step.from = clock_filetime(clock, stream->last);
    step.to = clock_filetime(clock, stream->first);
    w->steps->told++;
    add(w, &step);
    return true;
}

void clock_watch_close(clock_watch *w, const etl_file *file)
{
    bool is_back = false;
    for (u32 i = 0; i < w->count; i++)
        is_back = is_back_at_seam(w, file, &w->streams[i]) || is_back;
    if (w->older.count && !is_back) // what is older led to what is newer
        correlator_join_epoch(w->correlator, w->trace, w->older.list[w->older.count - 1]);
    w->count = w->older.count = 0;
}
