#include "session/session.h"

#include <stdlib.h>
#include <string.h>

#include "base/bisect.h"

// Large blocks are not of the pool that goes where memory runs out.
static void release_cache(void *session_discarded)
{
    session *s = session_discarded;
    event_cache_free_blocks(&s->cache);
}

session *session_new(void)
{
    session *s = mem_zeroed(1, sizeof(*s));
    mem_on_discard(s, release_cache);
    s->schemas = schema_set_new();
    s->classes = class_table_new(LIMIT_CLASS_BYTES);
    s->correlator = correlator_new();
    s->since = INT64_MIN;
    s->until = INT64_MAX;
    return s;
}

static void trace_free(trace *t)
{
    spill_free(&t->filled_block);
    mem_free(t->class_events);
    mem_free(t->class_passed);
    mem_free(t->states);
    mem_free(t->computers);
    losses_free(&t->losses);
    clock_steps_free(&t->clock_steps);
    damage_free(&t->damage);
    etl_close(&t->file);
    input_close(t->owned);
    mem_free(t);
}

void session_free(session *s)
{
    if (!s)
        return;
    for (u32 i = 0; i < s->trace_count; i++)
        trace_free(s->traces[i]);
    mem_free(s->traces);
    mem_free(s->settled);
    event_cache_free(&s->cache);
    hosts_free(&s->hosts);
    schema_load_free(&s->embedded);
    correlator_free(s->correlator);
    class_table_free(s->classes);
    schema_set_free(s->schemas);
    arena_free(&s->arena);
    mem_free(s);
}

bool session_add(session *s, const input *in, error *e)
{
    trace *t = mem_zeroed(1, sizeof(*t));
    if (!etl_open(&t->file, in, e)) {
        mem_free(t);
        return false;
    }
    t->account = t->file.account;
    if (in->is_cut)
        damage_add(&t->damage, in->bytes, 0, "truncated", "the archive it is in breaks off here: more of it is lost");
    GROW(s->traces, s->trace_count, s->trace_capacity);
    t->first_header = s->header_count;
    s->header_count += t->file.trace_header_count;
    s->traces[s->trace_count++] = t;
    s->one_clock = s->trace_count == 1 && t->file.trace_header_count == 1 && !t->file.clock_count &&
                   !t->file.trace_headers[0].counter_log;
    return true;
}

bool session_open(session *s, const char *path, error *e)
{
    input *in;
    if (!input_open(&in, path, e))
        return false;
    if (!session_add(s, in, e)) {
        input_close(in);
        return false;
    }
    s->traces[s->trace_count - 1]->owned = in;
    return true;
}

u32 session_os_build(const session *s)
{
    for (u32 i = 0; i < s->trace_count; i++)
        if (s->traces[i]->file.trace_headers[0].os_build)
            return s->traces[i]->file.trace_headers[0].os_build;
    return 0;
}

const buffer_events *trace_events_of(const trace *t, u32 buffer)
{
    u32 low;
    BISECT(low, 0, t->filled_count, t->filled[index_].buffer < buffer);
    return low < t->filled_count && t->filled[low].buffer == buffer ? &t->filled[low] : NULL;
}

const host_entry *session_host(const session *s, u32 index, u32 trace_header)
{
    return &s->hosts.list[s->hosts.of[s->traces[index]->first_header + trace_header]];
}

u64 session_account_sum(const trace *t)
{
    const etl_account *a = &t->account;
    return a->headers + a->events + a->padding + a->unused + a->compressed + a->damage;
}

i64 session_time(const loaded_buffer *b, i64 time)
{
    return clock_filetime(etl_clock(b->file, b->desc), time);
}

void session_check_files(session *s)
{
    for (u32 i = 0; i < s->trace_count; i++) {
        trace *t = s->traces[i];
        u64 bytes, opened = t->file.input->bytes;
        input_change before = t->change;
        u32 unread = t->unread_again;
        t->change = input_changed(t->file.input, &bytes);
        if (before == INPUT_WRITTEN)
            t->change = INPUT_WRITTEN;
        else if (t->change == INPUT_WRITTEN)
            damage_add(
                &t->damage, bytes < opened ? bytes : opened, bytes < opened ? opened - bytes : 0, "read",
                "the file was written to while it was read: it had %llu bytes when it was opened, it has %llu now",
                (unsigned long long)opened, (unsigned long long)bytes);
        if (unread)
            damage_add(&t->damage, 0, 0, "read",
                       "%u buffers could be read once and not again: their records are missing", unread);
        t->unread_again = 0;
    }
}

// ---------------------------------------------------------------------------------------------- records

void record_scratch_free(record_scratch *scratch)
{
    decoder_free(&scratch->decoder);
    mem_free(scratch->stack);
    correlate_scratch_free(&scratch->correlate);
    getter_scratch_free(&scratch->activity);
    *scratch = (record_scratch){0};
}

record_state session_state(const session *s, const loaded_buffer *b, const event_ref *ref, record_scratch *scratch)
{
    return class_state(class_at(s->classes, ref->cls), &scratch->decoder, loaded_payload(b, ref));
}

// Stacks stand in extended items: a match id, then return addresses of either size, or the key of a stack that is
// defined elsewhere; and in events of their own.
static void take_stack(const session *s, const loaded_buffer *b, const event_ref *ref, record_scratch *scratch,
                       record *out)
{
    const event *ev = out->event;
    size_t at = 0;
    extended_item item;
    u32 count = 0;
    while (ev->extended.len && extended_next(ev->extended, &at, &item)) {
        u32 each = item.type == EXT_STACK32 ? 4 : item.type == EXT_STACK64 ? 8 : 0;
        for (size_t i = 8; each && i + each <= item.data.len; i += each) {
            GROW(scratch->stack, count, scratch->stack_cap);
            scratch->stack[count++] = each == 4 ? load_u32(item.data.at + i) : load_u64(item.data.at + i);
        }
        each = item.type == EXT_STACK_KEY32 ? 4 : item.type == EXT_STACK_KEY64 ? 8 : 0;
        if (each && item.data.len >= 8 + each)
            count = correlator_stack_of_key(s->correlator, b->file_index, b->desc->trace_header,
                                            each == 4 ? load_u32(item.data.at + 8) : load_u64(item.data.at + 8),
                                            ref->time, &scratch->stack, count, &scratch->stack_cap);
    }
    count =
        correlator_stack(s->correlator, b, ref, &scratch->correlate, out, &scratch->stack, count, &scratch->stack_cap);
    out->stack = scratch->stack;
    out->stack_count = count;
}

static u32 session_epoch(const session *s, const loaded_buffer *b, const event_ref *ref)
{
    return clock_steps_epoch(&s->traces[b->file_index]->clock_steps, b->file, b->desc, ref->offset);
}

void session_record_bare(const session *s, const loaded_buffer *b, const event_ref *ref, record_scratch *scratch,
                         record *out)
{
    loaded_event(b, ref, &scratch->event);
    const event *ev = &scratch->event;
    class_decode d;
    const event_class *cls = class_at(s->classes, ref->cls);
    if (cls->by_sender) {
        schema_sender from = {
            .source = b->file_index, .process_id = ev->process_id, .time = session_time(b, ref->time)};
        class_decode_sent(cls, &scratch->decoder, ev->payload, &from, &d);
    } else {
        class_decode_payload(cls, &scratch->decoder, ev->payload, &d);
    }
    span payload = ev->payload;
    if (d.plan && d.plan->inflates && !decoder_inflate(&scratch->decoder, d.plan, &payload, &d.values))
        d.state = RECORD_PARTIAL;
    // One by one, as in event_clear.
    out->number = 0;
    out->time = session_time(b, ref->time);
    out->event = ev;
    out->cls = d.cls;
    out->state = d.state;
    out->plan = d.plan;
    out->slots = d.values.slots;
    out->slot_count = d.values.slot_count;
    out->top_done = d.values.top_done;
    out->payload = payload;
    out->processor = b->desc->processor;
    out->source = b->file->input->name;
    out->source_index = b->file_index;
    out->epoch = session_epoch(s, b, ref);
    const host_entry *host = session_host(s, b->file_index, b->desc->trace_header);
    out->host = host->name;
    out->host_index = (u32)(host - s->hosts.list);
    out->scratch = &scratch->activity;
    out->offset = b->desc->offset;
    if (!(b->desc->flags & BUFFER_FLAG_COMPRESSED))
        out->offset += ref->offset;
    correlator_identify(s->correlator, b->file_index, out->epoch, &scratch->correlate, out);
    out->stack = NULL;
    out->stack_count = 0;
    out->frames = NULL;
}

void session_record(const session *s, const loaded_buffer *b, const event_ref *ref, record_scratch *scratch,
                    record *out)
{
    session_record_bare(s, b, ref, scratch, out);
    take_stack(s, b, ref, scratch, out);
    if ((s->correlate & CORRELATE_FRAMES) && out->stack_count)
        correlator_frames(s->correlator, b->file_index, out->epoch, &scratch->correlate, out);
}
