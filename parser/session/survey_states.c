#include "session/survey_states.h"

#include <string.h>

void session_take_states(session *s, u32 trace_index, scanner *by)
{
    trace *t = s->traces[trace_index];
    for (size_t i = 0; i < (size_t)t->class_cap * RECORD_STATES && i < (size_t)by->state_cap * RECORD_STATES; i++)
        t->class_states[i] += by->states[i];
    GROW(t->waiting, t->waiting_count, t->waiting_cap);
    t->waiting[t->waiting_count++] = by->waiting;
    by->waiting = (waiting_payloads){0};
}

// Whether what the survey counted of a class still holds with the plans it has now: a payload that fitted one of them
// fits as long as that one is there; one that fitted none, as long as no other one came.
static bool count_stands(const event_class *cls, const u64 states[RECORD_STATES])
{
    return !(cls->lost_layout && states[RECORD_DECODED]) && !(cls->new_layout && states[RECORD_PARTIAL]);
}

static void count_waiting(trace *t, const class_table *classes, const waiting_payloads *waiting, decoder *d)
{
    for (u32 i = 0; i < waiting->count; i++) {
        const event_class *cls = class_at(classes, waiting->list[i].cls);
        if (cls->plan_count)
            t->class_states[cls->index * RECORD_STATES + class_state(cls, d, waiting->list[i].bytes)]++;
    }
}

// Events whose class has no plans, or that have no class, are raw.
static void settle_trace(trace *t, const class_table *classes, const bool *recount)
{
    u64 raw = t->events;
    for (u32 c = 0; c < class_count(classes) && c < t->class_cap; c++) {
        if (!class_at(classes, c)->plan_count)
            continue;
        raw -= t->class_events[c];
        for (u32 k = 0; k < RECORD_STATES && !recount[c]; k++)
            t->states[k] += t->class_states[c * RECORD_STATES + k];
    }
    t->states[RECORD_RAW] += raw;
}

// Which classes of a trace were counted otherwise than they decode now, or not all of them.
static void mark_recounts(trace *t, const class_table *classes, decoder *d, bool *recount)
{
    u32 count = class_count(classes) < t->class_cap ? class_count(classes) : t->class_cap;
    for (u32 c = 0; c < count; c++)
        recount[c] |= !count_stands(class_at(classes, c), &t->class_states[c * RECORD_STATES]);
    for (u32 w = 0; w < t->waiting_count; w++)
        count_waiting(t, classes, &t->waiting[w], d);
    for (u32 c = 0; c < count; c++) {
        const u64 *states = &t->class_states[c * RECORD_STATES];
        u64 counted = states[RECORD_DECODED] + states[RECORD_PARTIAL];
        recount[c] |= class_at(classes, c)->plan_count && counted != t->class_events[c];
    }
}

void states_settle(session *s, decoder *d)
{
    u32 count = class_count(s->classes);
    s->recount = mem_zeroed(count, sizeof(*s->recount));
    for (u32 i = 0; i < s->trace_count; i++)
        mark_recounts(s->traces[i], s->classes, d, s->recount);
    for (u32 i = 0; i < s->trace_count; i++)
        settle_trace(s->traces[i], s->classes, s->recount);
    if (!memchr(s->recount, true, count)) {
        mem_free(s->recount);
        s->recount = NULL;
    }
}
