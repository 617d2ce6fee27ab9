#include "container/anchor.h"

#include "container/event.h"

enum { BUFFERS_ASKED = 64 };

// A buffer's flush beside its last event.
typedef struct moment {
    i64 event, flush;
} moment;

typedef struct evidence_of_time {
    u32 events;         // buffers whose events have times
    u32 filetimes;      // of these, how many are FILETIMEs
    moment first, last; // by flush, where that is a FILETIME and the events' times are not
    u32 moments;
} evidence_of_time;

bool anchor_is_filetime(i64 time)
{
    static const i64 FROM = 122441760000000000, TO = 157469184000000000; // 1989, 2100
    return time >= FROM && time < TO;
}

static bool last_event_time(span bytes, i64 *time)
{
    bool any = false;
    for (size_t at = BUFFER_HEADER_BYTES; at < bytes.len;) {
        event_frame frame;
        const char *why;
        if (event_frame_at(span_from(bytes, at), &frame, &why) != FRAME_OK)
            break;
        if (frame.has_time && frame.time > 0) {
            *time = frame.time;
            any = true;
        }
        at += (frame.size + 7) & ~(size_t)7;
    }
    return any;
}

static void ask_buffer(evidence_of_time *ev, const etl_buffer *b, span bytes)
{
    i64 time;
    if (!last_event_time(bytes, &time))
        return;
    ev->events++;
    if (anchor_is_filetime(time)) {
        ev->filetimes++;
        return;
    }
    if (!anchor_is_filetime(b->time_stamp))
        return;
    moment m = {time, b->time_stamp};
    if (!ev->moments || m.flush < ev->first.flush)
        ev->first = m;
    if (!ev->moments || m.flush > ev->last.flush)
        ev->last = m;
    ev->moments++;
}

static evidence_of_time ask(const etl_file *f)
{
    evidence_of_time ev = {0};
    etl_scratch scratch = {0};
    u32 step = f->count / BUFFERS_ASKED + 1;
    for (u32 i = 0; i < f->count; i += step) {
        u8 *into = mem_alloc(etl_capacity(&f->buffers[i]));
        ask_buffer(&ev, &f->buffers[i], etl_load(f, &f->buffers[i], into, &scratch, NULL, NULL));
        mem_free(into);
    }
    mem_free(scratch.bytes);
    return ev;
}

// Ticks a second from two moments; the usual frequencies where it is close to one (they differ by more than 2 %).
static u64 frequency_between(const moment *a, const moment *b)
{
    static const u64 USUAL[] = {10000000, 3579545, 14318180};
    enum { ONE_SECOND = 10000000 };
    i64 ticks = b->event - a->event, time = b->flush - a->flush;
    if (time < ONE_SECOND || ticks <= 0)
        return USUAL[0];
    double measured = (double)ticks * ONE_SECOND / (double)time;
    for (u32 i = 0; i < COUNT_OF(USUAL); i++)
        if (measured > (double)USUAL[i] * 0.98 && measured < (double)USUAL[i] * 1.02)
            return USUAL[i];
    return measured >= 1 && measured < 1e11 ? (u64)measured : USUAL[0];
}

static const char *choose(etl_file *f, trace_facts *facts)
{
    evidence_of_time ev = ask(f);
    if (f->clock_count) {
        facts->clock.base_time = f->reference_clocks[0].base_time;
        facts->clock.base_filetime = f->reference_clocks[0].base_filetime;
        facts->anchor = ANCHOR_REFERENCE;
        return "times come from the reference clock of a real-time backup buffer, at an assumed 10 MHz";
    }
    if (ev.filetimes && ev.filetimes >= ev.events - ev.filetimes) {
        facts->clock_type = CLOCK_SYSTEM;
        facts->anchor = ANCHOR_EVENTS;
        return "the times of the events are dates themselves and were taken as they stand";
    }
    if (ev.moments) {
        facts->clock = (session_clock){ev.first.event, ev.first.flush, frequency_between(&ev.first, &ev.last), 0};
        facts->anchor = ANCHOR_FLUSH;
        return "times were set by when buffers were flushed: they may be late by up to some seconds";
    }
    return "nothing ties its clock to a date: times are right to each other at an assumed 10 MHz, not to the calendar";
}

void anchor_guess(etl_file *f)
{
    trace_facts *facts = &f->trace_headers[0];
    const char *what = choose(f, facts);
    damage_add(&f->damage, 0, 0, "header",
               "no trace header event could be read, so session, machine and clock are not "
               "known; %s",
               what);
}
