#include "session/collect.h"

#include "base/limits.h"
#include "base/text.h"

enum { COMPUTER_NAME_AT = 20, COMPUTER_NAME_BYTES = 512 }; // in SystemConfig's CPU event

void collector_begin(collector *c, session *s)
{
    *c = (collector){.session = s, .asks_stacks = s->wants && (s->correlate & CORRELATE_STACKS)};
}

void collector_end(collector *c)
{
    decoder_free(&c->decoder);
    mem_free(c->interests);
    mem_free(c->wanted);
    carried_free(&c->carried);
}

void collector_begin_trace(collector *c, trace *t)
{
    c->trace = t;
    c->watch = (clock_watch){.correlator = c->session->correlator, .steps = &t->clock_steps};
}

void collector_end_trace(collector *c)
{
    clock_watch_close(&c->watch, &c->trace->file);
    clock_watch_free(&c->watch);
    clock_steps_close(&c->trace->clock_steps);
    spill_seal(c->trace->filled_block);
}

// ---------------------------------------------------------------------------------------------- classes

// Classes whose events are looked into are planned at once, with the schemas known so far.
static void add_interest(collector *c, u32 cls)
{
    session *s = c->session;
    interest kind = interest_of(s->correlator, class_at(s->classes, cls));
    if (kind == INTEREST_CORRELATE || s->counted)
        class_plan(s->classes, cls, s->schemas, session_os_build(s));
    if (s->wants) {
        GROW(c->wanted, cls, c->wanted_capacity);
        c->wanted[cls] = s->wants(s->wants_context, class_at(s->classes, cls));
    }
    GROW(c->interests, cls, c->interest_capacity);
    c->interests[cls] = (u8)kind;
    c->interest_count = cls + 1;
}

static const u32 NOT_NUMBERED = UINT32_MAX;

// The final number of a class the scanner met for the first time, or had no space for.
static u32 number_class(collector *c, const loaded_buffer *b, const event_ref *ref)
{
    class_table *classes = c->session->classes;
    trace *t = c->trace;
    event ev;
    loaded_event(b, ref, &ev);
    u32 number = class_add(classes, &ev);
    if (number == CLASS_NONE)
        number = class_add_rest(classes);
    while (c->interest_count < class_count(classes))
        add_interest(c, c->interest_count);
    if (t->class_capacity < class_count(classes)) {
        u32 capacity = class_count(classes) * 2;
        t->class_events = mem_grow_zeroed(t->class_events, t->class_capacity, capacity, sizeof(*t->class_events));
        t->class_capacity = capacity;
    }
    return number;
}

// Final numbers by the scanner's, those of the classes it met in this buffer still to be given.
static u32 *numbers_of(const scanned *s)
{
    scanner *by = s->by;
    while (by->numbers.count < s->classes) {
        GROW(by->numbers.list, by->numbers.count, by->numbers.capacity);
        by->numbers.list[by->numbers.count++] = NOT_NUMBERED;
    }
    return by->numbers.list;
}

// Numbers and counts the events. Returns which classes there are (buffer_events.classes).
static u64 number_events(collector *c, const scanned *s)
{
    const loaded_buffer *b = &s->buffer;
    u32 *numbers = numbers_of(s);
    u64 classes = 0;
    for (u32 i = 0; i < b->count; i++) {
        event_ref *ref = &b->refs[i];
        u32 number = ref->cls == CLASS_NONE ? NOT_NUMBERED : numbers[ref->cls];
        if (number == NOT_NUMBERED) {
            number = number_class(c, b, ref);
            if (ref->cls != CLASS_NONE)
                numbers[ref->cls] = number;
        }
        ref->cls = number;
        if (c->asks_stacks && c->wanted[number])
            correlator_ask(c->session->correlator, ref->time);
        c->trace->class_events[number]++;
        classes |= (u64)1 << number % 64;
    }
    return classes;
}

// ---------------------------------------------------------------------------------------------- what events say

static void collect_computer(collector *c, const event *ev, u32 trace_header)
{
    trace *t = c->trace;
    span name;
    size_t len = 0;
    if ((t->computers && t->computers[trace_header]) ||
        !span_sub(ev->payload, COMPUTER_NAME_AT, COMPUTER_NAME_BYTES, &name))
        return;
    (void)utf16_length(name, &len);
    u8 *text = arena_take(&c->session->arena, len * 3 + 1);
    text_utf16(text, (span){name.at, len});
    if (!*text)
        return;
    if (!t->computers)
        t->computers = mem_zeroed(t->file.trace_header_count, sizeof(*t->computers));
    t->computers[trace_header] = (const char *)text;
    if (!t->computer)
        t->computer = (const char *)text;
}

static void collect_fact(collector *c, const loaded_buffer *b, const event_ref *ref, const event *ev)
{
    const clock_steps *steps = &c->trace->clock_steps;
    u32 epoch = clock_steps_epoch(steps, b->file, b->desc, ref->offset);
    sighting seen = {class_at(c->session->classes, ref->cls), ev, session_time(b, ev->time), b, ref, epoch};
    if (!steps->is_full || epoch != steps->full_epoch)
        correlator_see(c->session->correlator, &seen, &c->decoder);
}

static void collect_schema(collector *c, const loaded_buffer *b, const event_ref *ref, const event *ev, interest kind)
{
    schema_sender sender = {.source = b->file_index,
                            .epoch = clock_steps_epoch(&c->trace->clock_steps, b->file, b->desc, ref->offset),
                            .process_id = ev->process_id,
                            .time = session_time(b, ev->time)};
    carried_add(&c->carried, ev, &sender, kind);
}

static void collect_event(collector *c, const loaded_buffer *b, const event_ref *ref)
{
    event ev;
    interest kind = (interest)c->interests[ref->cls];
    if (kind == INTEREST_NONE)
        return;
    loaded_event(b, ref, &ev);
    switch (kind) {
    case INTEREST_NONE:
        return;
    case INTEREST_EVENT_INFO:
    case INTEREST_MAP_INFO:
    case INTEREST_MANIFEST:
        collect_schema(c, b, ref, &ev, kind);
        return;
    case INTEREST_COMPUTER:
        collect_computer(c, &ev, b->desc->trace_header);
        return;
    case INTEREST_CORRELATE:
    case INTEREST_STACK:
        collect_fact(c, b, ref, &ev);
        return;
    }
}

// ---------------------------------------------------------------------------------------------- accounts

static void add_account(etl_account *to, const etl_account *more)
{
    to->headers += more->headers;
    to->events += more->events;
    to->padding += more->padding;
    to->unused += more->unused;
    to->compressed += more->compressed;
    to->damage += more->damage;
}

static void collect_account(trace *t, const scanned *s)
{
    t->events += s->buffer.count;
    for (u32 i = 0; i < HEADER_KINDS; i++)
        t->headers[i] += s->headers[i];
    add_account(&t->account, &s->account);
    t->file.damaged_buffers += s->damage.ranges != 0;
    if (s->damage.ranges)
        damage_append(&t->damage, &s->damage);
}

// The first event that is of this file: the header of a session that goes on in new files repeats its beginning.
static u32 first_own(const loaded_buffer *b)
{
    const trace_facts *facts = &b->file->trace_headers[b->desc->trace_header];
    u32 at = 0;
    if (b->desc->type == BUFFER_TYPE_HEADER && (facts->log_file_mode & LOG_FILE_MODE_NEWFILE))
        while (at < b->count && b->refs[at].time <= facts->header_time)
            at++;
    return at;
}

static void widen(i64 *first, i64 *last, i64 from, i64 to)
{
    if (!*first || from < *first)
        *first = from;
    if (to > *last)
        *last = to;
}

// Of the events from `own` on; the least and the greatest of their times are given.
static void collect_near_times(trace *t, const loaded_buffer *b, u32 own, i64 first, i64 last)
{
    const trace_facts *facts = &b->file->trace_headers[b->desc->trace_header];
    if (!is_far(facts, first) && !is_far(facts, last)) {
        widen(&t->first_near, &t->last_near, first, last);
        return;
    }
    for (u32 i = own; i < b->count; i++) {
        i64 time = session_time(b, b->refs[i].time);
        if (!is_far(facts, time))
            widen(&t->first_near, &t->last_near, time, time);
    }
}

static void collect_times(trace *t, const loaded_buffer *b, const buffer_events *facts)
{
    u32 own = first_own(b);
    if (own == b->count)
        return;
    i64 first = session_time(b, b->refs[own].time), last = session_time(b, facts->last_time);
    widen(&t->first_time, &t->last_time, first, last);
    collect_near_times(t, b, own, first, last);
}

// ---------------------------------------------------------------------------------------------- the cache

// Re-reading a small trace is faster than allocating memory to cache it; of a large one only a small part would fit.
static bool is_worth_caching(const session *s, const trace *t)
{
    enum { SMALL = 256 << 10 };
    return t->file.input->bytes > SMALL && (s->wants || t->file.input->bytes <= LIMIT_CACHED_TRACE_BYTES);
}

static cached_buffer *cache_of(collector *c, scanned *s)
{
    session *all = c->session;
    if (all->counted || !is_worth_caching(all, c->trace))
        return NULL;
    if (c->wanted)
        return cache_wanted(&all->cache, &s->buffer, c->wanted, &s->stacks);
    bool packed = s->buffer.desc->flags & BUFFER_FLAG_COMPRESSED;
    return (packed ? cache_whole : cache_places)(&all->cache, &s->buffer);
}

// Whose the threads of a buffer's stacks are: not known where its clock was set back inside it.
static void place_threads(const collector *c, scanned *s)
{
    const clock_steps *steps = &c->trace->clock_steps;
    const loaded_buffer *b = &s->buffer;
    u32 first = clock_steps_epoch(steps, b->file, b->desc, 0);
    u32 last = clock_steps_epoch(steps, b->file, b->desc, UINT32_MAX);
    if (first != last || (steps->is_full && first == steps->full_epoch))
        correlator_forget_threads(&s->stacks);
    else if (first != b->desc->trace_header)
        correlator_note_epoch(c->session->correlator, &s->stacks, b->file_index, first);
}

void collect_buffer(collector *c, scanned *s)
{
    trace *t = c->trace;
    loaded_buffer *b = &s->buffer;
    u64 classes = number_events(c, s);
    clock_watch_see(&c->watch, b, s->unordered);
    place_threads(c, s);
    for (u32 i = 0; i < s->notable_count; i++)
        collect_event(c, b, &b->refs[s->notable[i]]);
    correlator_take_stacks(c->session->correlator, &s->stacks);
    collect_account(t, s);
    if (!b->count)
        return;
    if (s->unordered)
        refs_sort(b->refs, b->count);
    buffer_events facts = {.buffer = (u32)(b->desc - t->file.buffers),
                           .count = b->count,
                           .classes = classes,
                           .first_time = b->refs[0].time,
                           .last_time = b->refs[b->count - 1].time};
    collect_times(t, b, &facts);
    far_events_see(&t->far, b);
    facts.cached = cache_of(c, s);
    SPILL_GROW(t->filled_block, t->filled, t->filled_count, t->filled_capacity);
    t->filled[t->filled_count++] = facts;
}
