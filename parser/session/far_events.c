#include "session/far_events.h"

#include "base/limits.h"

static const i64 LONGEST_SESSION = (i64)10 * 366 * 86400 * 10000000;

bool is_far(const trace_facts *facts, i64 filetime)
{
    if (!facts->present || facts->start_time <= 0)
        return false;
    bool ends = facts->end_time >= facts->start_time;
    i64 end = ends ? facts->end_time : facts->start_time, more = ends ? LIMIT_FAR_TIME : LONGEST_SESSION;
    return filetime < facts->start_time - LIMIT_FAR_TIME || (end < INT64_MAX - more && filetime > end + more);
}

static void add(far_events *far, const loaded_buffer *b, const event_ref *ref, i64 time)
{
    const trace_facts *facts = &b->file->trace_headers[b->desc->trace_header];
    bool packed = b->desc->flags & BUFFER_FLAG_COMPRESSED;
    if (far->events++)
        return;
    far->first_offset = b->desc->offset + (packed ? 0 : ref->offset);
    far->first_time = time;
    far->first_date = !is_far(facts, ref->time) ? ref->time : 0;
}

void far_events_see(far_events *far, const loaded_buffer *b)
{
    const trace_facts *facts = &b->file->trace_headers[b->desc->trace_header];
    const session_clock *clock = etl_clock(b->file, b->desc);
    i64 first = clock_filetime(clock, b->refs[0].time);
    i64 last = clock_filetime(clock, b->refs[b->count - 1].time);
    if (!is_far(facts, first) && !is_far(facts, last))
        return;
    for (u32 i = 0; i < b->count; i++) {
        i64 time = clock_filetime(clock, b->refs[i].time);
        if (is_far(facts, time))
            add(far, b, &b->refs[i], time);
    }
}
