#include "trace.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/text.h"
#include "schema/eventsource.h"
#include "schema/schema_builtin.h"
#include "schema/schema_kernel.h"
#include "schema/schema_tdh.h"

enum { FEWEST_BUFFERS = 8 }; // fewer are not worth a thread
enum { PROGRESS_BYTES = 64 << 20, KEEP_BLOCK = 2 << 20 };

enum { COMPUTER_NAME_AT = 20, COMPUTER_NAME_BYTES = 512 }; // in SystemConfig's CPU event

// A payload that is a schema, or a piece of one, kept until all buffers are read: maps must be in before events, and
// pieces of manifests in time order.
typedef struct carried {
    guid provider;
    u32 process_id, thread_id;
    i64 time;
    interest kind;
    u32 order; // as they stood in the files
    span payload;
} carried;

typedef struct survey {
    session *session;
    trace *trace;
    arena arena;
    decoder decoder;
    u8 *interests; // by class index
    u32 interest_count, interest_cap;
    carried *carried;
    u32 carried_count, carried_cap;
    u64 done, total, told;
} survey;

session *session_new(void)
{
    session *s = mem_zeroed(1, sizeof(*s));
    s->schemas = schema_set_new();
    s->classes = class_table_new();
    s->correlator = correlator_new();
    s->since = INT64_MIN;
    s->until = INT64_MAX;
    return s;
}

static void trace_free(trace *t)
{
    mem_free(t->kept);
    mem_free(t->class_events);
    losses_free(&t->losses);
    damage_free(&t->damage);
    etl_close(&t->file);
    mem_free(t);
}

static void keep_free(keep_room *k)
{
    for (u32 i = 0; i < k->block_count; i++)
        os_large_free(k->blocks[i], KEEP_BLOCK);
}

void session_free(session *s)
{
    if (!s)
        return;
    for (u32 i = 0; i < s->trace_count; i++)
        trace_free(s->traces[i]);
    mem_free(s->traces);
    keep_free(&s->keep_bytes);
    keep_free(&s->keep_refs);
    schema_load_free(&s->embedded);
    correlator_free(s->correlator);
    class_table_free(s->classes);
    schema_set_free(s->schemas);
    arena_free(&s->arena);
    mem_free(s);
}

bool session_open(session *s, const char *path, error *e)
{
    trace *t = mem_zeroed(1, sizeof(*t));
    if (!etl_open(&t->file, path, e)) {
        mem_free(t);
        return false;
    }
    t->kept = mem_zeroed(t->file.count, sizeof(*t->kept));
    t->account = t->file.account;
    GROW(s->traces, s->trace_count, s->trace_cap);
    s->traces[s->trace_count++] = t;
    s->one_clock = s->trace_count == 1 && t->file.epoch_count == 1;
    return true;
}

u32 session_os_build(const session *s)
{
    for (u32 i = 0; i < s->trace_count; i++)
        if (s->traces[i]->file.epochs[0].os_build)
            return s->traces[i]->file.epochs[0].os_build;
    return 0;
}

u64 session_account_sum(const trace *t)
{
    const etl_account *a = &t->account;
    return a->headers + a->events + a->padding + a->unused + a->compressed + a->damage;
}

i64 session_time(const loaded_buffer *b, i64 time)
{
    return clock_filetime(&b->file->epochs[b->desc->epoch].clock, time);
}

// ---------------------------------------------------------------------------------------------- the survey

// A class of the session: what tells something is decoded while the survey runs.
static interest take_class(survey *v, u32 cls)
{
    session *s = v->session;
    interest kind = interest_of(s->correlator, class_at(s->classes, cls));
    if (kind == INTEREST_CORRELATE)
        class_plan(s->classes, cls, s->schemas, session_os_build(s));
    return kind;
}

static void carry(survey *v, const event *ev, interest kind)
{
    GROW(v->carried, v->carried_count, v->carried_cap);
    v->carried[v->carried_count] = (carried){ev->provider, ev->process_id, ev->thread_id, ev->time, kind,
                                               v->carried_count, arena_bytes(&v->arena, ev->payload)};
    v->carried_count++;
}

static void note_computer(survey *v, const event *ev)
{
    span name;
    size_t len = 0;
    if (v->trace->computer || !span_sub(ev->payload, COMPUTER_NAME_AT, COMPUTER_NAME_BYTES, &name))
        return;
    (void)utf16_length(name, &len);
    u8 *text = arena_take(&v->session->arena, len * 3 + 1);
    text_utf16(text, (span){name.at, len});
    if (*text)
        v->trace->computer = (const char *)text;
}

static void survey_correlate(survey *v, const loaded_buffer *b, const event_ref *ref, const event *ev)
{
    sighting seen = {class_at(v->session->classes, ref->cls), ev, session_time(b, ev->time), b, ref};
    correlator_see(v->session->correlator, &seen, &v->decoder);
}

static void survey_event(survey *v, const loaded_buffer *b, const event_ref *ref)
{
    event ev;
    interest kind = ref->cls == CLASS_NONE ? INTEREST_NONE : (interest)v->interests[ref->cls];
    if (kind == INTEREST_NONE)
        return;
    loaded_event(b, ref, &ev);
    switch (kind) {
    case INTEREST_NONE:
        return;
    case INTEREST_EVENT_INFO:
    case INTEREST_MAP_INFO:
    case INTEREST_MANIFEST:
        carry(v, &ev, kind);
        return;
    case INTEREST_COMPUTER:
        note_computer(v, &ev);
        return;
    case INTEREST_CORRELATE:
    case INTEREST_STACK:
        survey_correlate(v, b, ref, &ev);
        return;
    }
}

// Gives the classes a scanner met for the first time the session's numbers, and this trace room to count them.
static void take_classes(survey *v, const scanned *s)
{
    class_table *classes = v->session->classes;
    trace *t = v->trace;
    for (u32 i = 0; i < s->first_count; i++) {
        event ev;
        loaded_event(&s->buffer, &s->buffer.refs[s->firsts[i]], &ev);
        GROW(s->by->numbers.list, s->by->numbers.count, s->by->numbers.cap);
        s->by->numbers.list[s->by->numbers.count++] = class_add(classes, &ev);
    }
    while (v->interest_count < class_count(classes)) {
        u8 kind = (u8)take_class(v, v->interest_count);
        GROW(v->interests, v->interest_count, v->interest_cap);
        v->interests[v->interest_count++] = kind;
    }
    if (t->class_cap < class_count(classes)) {
        u32 cap = class_count(classes) * 2;
        t->class_events = mem_grow(t->class_events, cap, sizeof(*t->class_events));
        memset(t->class_events + t->class_cap, 0, (cap - t->class_cap) * sizeof(*t->class_events));
        t->class_cap = cap;
    }
}

// The session's number of a class of which the scanner's table had no room to take note.
static u32 class_anew(survey *v, const loaded_buffer *b, const event_ref *ref)
{
    event ev;
    loaded_event(b, ref, &ev);
    return class_find(v->session->classes, &ev);
}

// Numbers and counts the events, and looks into those that tell something.
static void take_events(survey *v, scanned *s)
{
    const loaded_buffer *b = &s->buffer;
    const u32 *numbers = s->by->numbers.list;
    u64 refused = 0, classes = 0;
    for (u32 i = 0; i < b->count; i++) {
        event_ref *ref = &b->refs[i];
        ref->cls = ref->cls == CLASS_NONE ? class_anew(v, b, ref) : numbers[ref->cls];
        if (ref->cls == CLASS_NONE) {
            refused++;
            continue;
        }
        v->trace->class_events[ref->cls]++;
        classes |= (u64)1 << ref->cls % 64;
    }
    for (u32 i = 0; i < s->told_count; i++)
        survey_event(v, b, &b->refs[s->told[i]]);
    correlator_take_stacks(v->session->correlator, &s->stacks);
    class_refuse(v->session->classes, refused);
    v->trace->file.buffers[b->desc - v->trace->file.buffers].classes = refused ? UINT64_MAX : classes;
}

static void note_times(trace *t, etl_buffer *desc, const loaded_buffer *b)
{
    desc->events = b->count;
    if (!b->count)
        return;
    desc->first_time = b->refs[0].time;
    desc->last_time = b->refs[b->count - 1].time;
    i64 first = session_time(b, desc->first_time), last = session_time(b, desc->last_time);
    if (!t->first_time || first < t->first_time)
        t->first_time = first;
    if (last > t->last_time)
        t->last_time = last;
}

static void add_account(etl_account *to, const etl_account *more)
{
    to->headers += more->headers;
    to->events += more->events;
    to->padding += more->padding;
    to->unused += more->unused;
    to->compressed += more->compressed;
    to->damage += more->damage;
}

// Room in large blocks; NULL where they are used up.
static void *keep_take(keep_room *k, size_t bytes)
{
    size_t room = (bytes + 15) & ~(size_t)15;
    if (room > (size_t)(k->end - k->at)) {
        if (k->block_count == COUNT_OF(k->blocks) || room > KEEP_BLOCK)
            return NULL;
        u8 *block = os_large_block(KEEP_BLOCK);
        if (!block)
            return NULL;
        k->blocks[k->block_count++] = k->at = block;
        k->end = block + KEEP_BLOCK;
    }
    void *taken = k->at;
    k->at += room;
    k->taken += room;
    return taken;
}

// Small traces are read again sooner than memory is had; of those over the limit only a small part would be kept.
static bool worth_keeping(const trace *t)
{
    enum { SMALL = 256 << 10 };
    return t->file.os.bytes > SMALL && t->file.os.bytes <= LIMIT_KEPT_TRACE_BYTES;
}

u8 *session_place(session *s, u32 trace_index, u32 buffer_index)
{
    keep_room *k = &s->keep_bytes;
    const trace *t = s->traces[trace_index];
    const etl_buffer *b = &t->file.buffers[buffer_index];
    size_t room = etl_room(b);
    // What was not inflated is read again: that is cheaper than fresh memory.
    if (!worth_keeping(t) || !(b->flags & BUFFER_FLAG_COMPRESSED) || k->taken + room > LIMIT_KEPT_BUFFER_BYTES)
        return NULL;
    return t->kept[buffer_index].bytes = keep_take(k, room);
}

// Bytes without the places of their events would have to be walked again: they are not kept.
static void keep(session *s, const trace *t, const loaded_buffer *b)
{
    kept_buffer *kept = &t->kept[b->desc - t->file.buffers];
    size_t bytes = b->count * sizeof(*b->refs);
    kept->len = (u32)b->bytes.len;
    if (worth_keeping(t) && b->count && s->keep_refs.taken + bytes <= LIMIT_KEPT_REFS_BYTES)
        kept->refs = keep_take(&s->keep_refs, bytes);
    if (!kept->refs) {
        kept->bytes = NULL;
        return;
    }
    memcpy(kept->refs, b->refs, bytes);
    kept->count = b->count;
}

static void survey_buffer(survey *v, u32 buffer_index, scanned *s)
{
    trace *t = v->trace;
    loaded_buffer *b = &s->buffer;
    take_classes(v, s);
    take_events(v, s);
    if (s->unordered)
        refs_sort(b->refs, b->count);
    t->events += b->count;
    for (u32 i = 0; i < HEADER_KINDS; i++)
        t->headers[i] += s->headers[i];
    add_account(&t->account, &s->account);
    t->file.damaged_buffers += s->damage.ranges != 0;
    if (s->damage.ranges)
        damage_append(&t->damage, &s->damage);
    note_times(t, &t->file.buffers[buffer_index], b);
    keep(v->session, t, b);
}

// Buffers scanned in line, as survey_threads does it on many threads.
typedef struct scan_inline {
    session *session;
    u32 trace_index;
    scanner *scanner;
    scanned scanned;
} scan_inline;

static void *inline_begin(session *s, u32 trace_index, void *context)
{
    (void)context;
    scan_inline *run = mem_zeroed(1, sizeof(*run));
    *run = (scan_inline){.session = s, .trace_index = trace_index, .scanner = scanner_new(s->correlator)};
    return run;
}

static scanned *inline_take(void *context, u32 buffer_index)
{
    scan_inline *run = context;
    scan_buffer(run->scanner, &run->session->traces[run->trace_index]->file, run->trace_index, buffer_index,
                session_place(run->session, run->trace_index, buffer_index), &run->scanned);
    return &run->scanned;
}

static void inline_end(void *context)
{
    scan_inline *run = context;
    scanner_free(run->scanner);
    scanned_free(&run->scanned);
    mem_free(run);
}

static bool survey_trace(survey *v, u32 file_index, session_progress progress, void *context)
{
    static const survey_threads INLINE = {.begin = inline_begin, .take = inline_take, .end = inline_end};
    session *s = v->session;
    trace *t = v->trace = s->traces[file_index];
    const survey_threads *scan = s->threads && t->file.count > FEWEST_BUFFERS ? s->threads : &INLINE;
    void *run = scan->begin(s, file_index, s->threads_context);
    bool go_on = true;
    for (u32 i = 0; i < t->file.count && go_on; i++) {
        survey_buffer(v, i, scan->take(run, i));
        v->done += t->file.buffers[i].size;
        if (progress && v->done - v->told >= PROGRESS_BYTES) {
            v->told = v->done;
            go_on = progress(context, v->done, v->total);
        }
    }
    scan->end(run);
    for (u32 i = 0; i < class_count(s->classes) && i < t->class_cap; i++)
        class_at(s->classes, i)->events += t->class_events[i];
    return go_on;
}

// ---------------------------------------------------------------------------------------------- embedded schemas

static int by_time(const void *a, const void *b)
{
    const carried *x = a, *y = b;
    if (x->time != y->time)
        return x->time < y->time ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

static void load_carried(survey *v)
{
    session *s = v->session;
    if (v->carried_count)
        qsort(v->carried, v->carried_count, sizeof(*v->carried), by_time);
    error e;
    for (u32 i = 0; i < v->carried_count; i++)
        if (v->carried[i].kind == INTEREST_MAP_INFO && !tdh_load_map_info(s->schemas, v->carried[i].payload, &e))
            schema_load_note(&s->embedded, "%s", e.message);
    for (u32 i = 0; i < v->carried_count; i++)
        if (v->carried[i].kind == INTEREST_EVENT_INFO && !tdh_load_event_info(s->schemas, v->carried[i].payload, &e))
            schema_load_note(&s->embedded, "%s", e.message);
    eventsource *es = eventsource_new();
    for (u32 i = 0; i < v->carried_count; i++) {
        const carried *c = &v->carried[i];
        if (c->kind == INTEREST_MANIFEST)
            eventsource_offer(es, s->schemas, &c->provider, c->process_id, c->thread_id, c->payload, &s->embedded);
    }
    eventsource_finish(es, &s->embedded);
    eventsource_free(es);
}

static void fetch_builtin(void *context, schema_set *set, const guid *id)
{
    session *s = context;
    if (s->fetch)
        s->fetch(s->fetch_context, set, id);
    (void)schema_kernel_fetch(set, id);
    (void)schema_builtin_fetch(set, id);
}

static void check_account(trace *t)
{
    u64 sum = session_account_sum(t);
    if (sum != t->file.os.bytes)
        damage_add(&t->damage, 0, 0, "account", "the parts of the file add up to %llu bytes, it has %llu: a fault of the reader",
                   (unsigned long long)sum, (unsigned long long)t->file.os.bytes);
}

void session_check_files(session *s)
{
    for (u32 i = 0; i < s->trace_count; i++) {
        trace *t = s->traces[i];
        u64 bytes, opened = t->file.os.bytes;
        u32 unread = t->unread_again;
        if (!t->changed && os_changed(&t->file.os, &bytes)) {
            t->changed = true;
            damage_add(&t->damage, bytes < opened ? bytes : opened, bytes < opened ? opened - bytes : 0, "read",
                       "the file was written to while it was read: it had %llu bytes when it was opened, it has %llu now",
                       (unsigned long long)opened, (unsigned long long)bytes);
        }
        if (unread)
            damage_add(&t->damage, 0, 0, "read", "%u buffers could be read once and not again: their records are missing",
                       unread);
        t->unread_again = 0;
    }
}

static void settle(void *context)
{
    correlator_settle(context);
}

bool session_survey(session *s, session_progress progress, void *context)
{
    survey v = {.session = s};
    schema_set_fetch(s->schemas, fetch_builtin, s);
    correlator_want(s->correlator, s->correlate, s->since, s->until);
    for (u32 i = 0; i < s->trace_count; i++) {
        v.total += s->traces[i]->file.os.bytes;
        correlator_add_trace(s->correlator, &s->traces[i]->file);
    }
    bool go_on = true;
    for (u32 i = 0; i < s->trace_count && go_on; i++) {
        go_on = survey_trace(&v, i, progress, context);
        losses_count(&s->traces[i]->file, &s->traces[i]->losses);
        if (go_on)
            check_account(s->traces[i]);
    }
    if (s->threads)
        s->threads->beside(s->threads_context, settle, s->correlator);
    load_carried(&v);
    class_table_plan(s->classes, s->schemas, session_os_build(s));
    if (s->threads)
        s->threads->join(s->threads_context);
    else
        settle(s->correlator);
    session_check_files(s);
    correlator_close(s->correlator, s->classes);
    decoder_free(&v.decoder);
    mem_free(v.interests);
    mem_free(v.carried);
    arena_free(&v.arena);
    return go_on;
}

// ---------------------------------------------------------------------------------------------- records

void record_room_free(record_room *room)
{
    decoder_free(&room->decoder);
    mem_free(room->stack);
    correlate_room_free(&room->correlate);
    *room = (record_room){0};
}

static const event_class *class_of_ref(const session *s, const event_ref *ref)
{
    return ref->cls == CLASS_NONE ? class_unknown(s->classes) : class_at(s->classes, ref->cls);
}

record_state session_state(const session *s, const loaded_buffer *b, const event_ref *ref, record_room *room)
{
    return class_state(class_of_ref(s, ref), &room->decoder, loaded_payload(b, ref));
}

// Stacks stand in extended items: a match id, then return addresses of either size, or the key of a stack that is
// defined elsewhere; and in events of their own.
static void take_stack(const session *s, const loaded_buffer *b, const event_ref *ref, record_room *room, record *out)
{
    const event *ev = out->event;
    size_t at = 0;
    extended_item item;
    u32 count = 0;
    while (ev->extended.len && extended_next(ev->extended, &at, &item)) {
        u32 each = item.type == EXT_STACK32 ? 4 : item.type == EXT_STACK64 ? 8 : 0;
        for (size_t i = 8; each && i + each <= item.data.len; i += each) {
            GROW(room->stack, count, room->stack_cap);
            room->stack[count++] = each == 4 ? load_u32(item.data.at + i) : load_u64(item.data.at + i);
        }
        each = item.type == EXT_STACK_KEY32 ? 4 : item.type == EXT_STACK_KEY64 ? 8 : 0;
        if (each && item.data.len >= 8 + each)
            count = correlator_stack_of_key(s->correlator, b->file_index, b->desc->epoch,
                                            each == 4 ? load_u32(item.data.at + 8) : load_u64(item.data.at + 8), ref->time,
                                            &room->stack, count, &room->stack_cap);
    }
    count = correlator_stack(s->correlator, b, ref, &room->correlate, out, &room->stack, count, &room->stack_cap);
    out->stack = room->stack;
    out->stack_count = count;
}

void session_record(const session *s, const loaded_buffer *b, const event_ref *ref, record_room *room, record *out)
{
    loaded_event(b, ref, &room->event);
    const event *ev = &room->event;
    const event_class *cls = class_of_ref(s, ref);
    class_decode d = class_decode_payload(cls, &room->decoder, ev->payload);
    // One by one, as in event_clear.
    out->number = 0;
    out->time = session_time(b, ref->time);
    out->event = ev;
    out->cls = cls;
    out->state = d.state;
    out->plan = d.plan;
    out->slots = d.values.slots;
    out->slot_count = d.values.slot_count;
    out->top_done = d.values.top_done;
    out->payload = ev->payload;
    out->processor = b->desc->processor;
    out->source = b->file->name;
    out->source_index = b->file_index;
    out->offset = b->desc->offset;
    if (!(b->desc->flags & BUFFER_FLAG_COMPRESSED))
        out->offset += ref->offset;
    correlator_identify(s->correlator, b->file_index, b->desc->epoch, &room->correlate, out);
    take_stack(s, b, ref, room, out);
    out->frames = NULL;
    if ((s->correlate & CORRELATE_FRAMES) && out->stack_count)
        correlator_frames(s->correlator, b->file_index, b->desc->epoch, &room->correlate, out);
}
