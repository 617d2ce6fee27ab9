// The correlator as a whole: takes events in, hands facts to the parts, and answers for records. What each kind of fact
// means is in correlate_process.c, _file.c, _key.c, _stack.c, _image.c and _network.c.
#include <stdlib.h>

#include "base/bisect.h"
#include "base/text.h"
#include "correlate/correlate_internal.h"

correlator *correlator_new(void)
{
    correlator *c = mem_zeroed(1, sizeof(*c));
    c->processes.threads.fact_limit = LIMIT_THREAD_FACTS;
    c->processes.threads.is_of_processes = true;
    c->files.names.fact_limit = LIMIT_NAME_FACTS;
    c->keys.names.fact_limit = LIMIT_NAME_FACTS;
    c->network.tcbs.fact_limit = LIMIT_TCB_FACTS;
    return c;
}

static void readers_free(correlator *c)
{
    for (u32 i = 0; i < c->reader_cap; i++)
        for (u32 j = 0; j < c->readers[i].count; j++)
            mem_free(c->readers[i].readers[j]);
    mem_free(c->readers);
    c->readers = NULL;
    c->reader_cap = 0;
}

void correlator_free(correlator *c)
{
    if (!c)
        return;
    process_free(&c->processes);
    file_free(&c->files);
    key_free(&c->keys);
    stack_free(&c->stacks);
    image_free(&c->images);
    version_free(&c->versions);
    method_free(&c->methods);
    network_free(&c->network);
    readers_free(c);
    mem_free(c->roles);
    mem_free(c->traces);
    mem_free(c->later_of);
    mem_free(c->joined);
    mem_free(c->machines);
    mem_free(c->gaps);
    outbuf_free(&c->scratch);
    text_set_free(&c->texts);
    arena_free(&c->arena);
    mem_free(c);
}

void correlate_scratch_free(correlate_scratch *scratch)
{
    outbuf_free(&scratch->text);
    outbuf_free(&scratch->path);
    mem_free(scratch->frames);
    buffer_reader_free(&scratch->reader);
    for (u32 i = 0; i < OTHER_BUFFERS; i++)
        loaded_buffer_free(&scratch->others[i]);
    *scratch = (correlate_scratch){0};
}

void correlator_want(correlator *c, unsigned flags, i64 since, i64 until)
{
    c->flags = flags;
    c->since = since;
    c->until = until;
}

void correlator_add_trace(correlator *c, const etl_file *file)
{
    GROW(c->traces, c->trace_count, c->trace_cap);
    c->traces[c->trace_count++] = (trace_sources){c->source_count, file->trace_header_count, 0, file->input->drives};
    c->source_count += file->trace_header_count;
}

u32 correlator_add_epoch(correlator *c, u32 trace, u32 header)
{
    trace_sources *t = &c->traces[trace];
    bool is_first = !c->later_count || c->later_of[c->later_count - 1] < t->first;
    if (is_first)
        t->later = c->later_count;
    GROW(c->later_of, c->later_count, c->later_cap);
    c->later_of[c->later_count++] = t->first + header;
    return t->headers + (c->later_count - 1 - t->later);
}

void correlator_join_epoch(correlator *c, u32 trace, u32 epoch)
{
    const trace_sources *t = &c->traces[trace];
    GROW(c->joined, c->joined_count, c->joined_cap);
    c->joined[c->joined_count++] = t->later + (epoch - t->headers);
}

const char *path_name(const char *path)
{
    const char *name = path;
    for (const char *p = path; *p; p++)
        if (*p == '\\' || *p == '/')
            name = p + 1;
    return name;
}

// ---------------------------------------------------------------------------------------------- the survey

bool correlator_wants(const correlator *c, const event_class *cls)
{
    return topic_of(c, cls) != TOPIC_NONE;
}

bool correlator_is_stack(const correlator *c, const event_class *cls)
{
    return topic_of(c, cls) == TOPIC_STACK;
}

static const reader *reader_for(correlator *c, const event_class *cls, const plan *p)
{
    class_reader *r = &c->readers[cls->index];
    for (u32 i = 0; i < r->count; i++)
        if (r->readers[i]->plan == p)
            return r->readers[i];
    // A class is planned once before its events are seen: it has no more plans than that.
    if (r->count == CLASS_PLANS)
        return NULL;
    reader *made = mem_zeroed(1, sizeof(*made));
    reader_make(made, r->topic, p);
    return r->readers[r->count++] = made;
}

static class_reader *class_reader_of(correlator *c, const event_class *cls)
{
    if (cls->index >= c->reader_cap) {
        u32 cap = cls->index * 2 + 64;
        c->readers = mem_grow_zeroed(c->readers, c->reader_cap, cap, sizeof(*c->readers));
        c->reader_cap = cap;
    }
    class_reader *r = &c->readers[cls->index];
    if (!r->known) {
        r->known = true;
        r->topic = topic_of(c, cls);
    }
    return r;
}

static void hand_out(correlator *c, const sighting *s, const seen *v, topic t, u32 source)
{
    switch (t) {
    case TOPIC_PROCESS:
    case TOPIC_AUDIT_START:
    case TOPIC_AUDIT_STOP:
        process_see(c, s, v, t, source);
        return;
    case TOPIC_THREAD:
        thread_see(c, s, v, source);
        return;
    case TOPIC_FILE:
        file_see(c, s, v, source);
        return;
    case TOPIC_VOLUME:
        volume_see(c, s, v, source);
        return;
    case TOPIC_KEY:
        key_see(c, s, v, source);
        return;
    case TOPIC_IMAGE:
    case TOPIC_IMAGE_ID:
    case TOPIC_IMAGE_VERSION:
        image_see(c, s, v, t, source);
        return;
    case TOPIC_METHOD:
        method_see(c, s, v, source);
        return;
    case TOPIC_NETWORK:
    case TOPIC_TCB:
        network_see(c, s, v, t, source);
        return;
    case TOPIC_NONE:
    case TOPIC_STACK:
    case TOPIC_FILE_USE:
    case TOPIC_KEY_USE:
    case TOPIC_IDENTITY:
        return;
    }
}

void correlator_see(correlator *c, const sighting *s, decoder *d)
{
    const class_reader *r = class_reader_of(c, s->cls);
    u32 source = source_of(c, s->from->file_index, s->epoch);
    if (r->topic == TOPIC_STACK) {
        stack_see(c, s, source);
        return;
    }
    class_decode found;
    class_decode_payload(s->cls, d, s->ev->payload, &found);
    if (!found.plan)
        return;
    seen v = {reader_for(c, s->cls, found.plan), &found, s->ev->payload, c};
    if (v.reader)
        hand_out(c, s, &v, r->topic, source);
}

// ---------------------------------------------------------------------------------------------- hosts and gaps

void correlator_set_hosts(correlator *c, const u32 *host_of_header)
{
    c->machines = mem_zeroed((size_t)c->source_count + c->later_count, sizeof(*c->machines));
    c->host_count = 0;
    for (u32 i = 0; i < c->source_count; i++) {
        c->machines[i] = host_of_header[i];
        if (host_of_header[i] >= c->host_count)
            c->host_count = host_of_header[i] + 1;
    }
    for (u32 i = 0; i < c->later_count; i++)
        c->machines[c->source_count + i] = c->host_count + i;
    for (u32 i = 0; i < c->joined_count; i++)
        c->machines[c->source_count + c->joined[i]] = c->machines[c->later_of[c->joined[i]]];
}

void correlator_add_gap(correlator *c, u32 host, i64 filetime)
{
    GROW(c->gaps, c->gap_count, c->gap_cap);
    c->gaps[c->gap_count++] = (gap){host, filetime};
}

static int by_host_and_time(const void *a, const void *b)
{
    const gap *x = a, *y = b;
    if (x->host != y->host)
        return x->host < y->host ? -1 : 1;
    return x->time < y->time ? -1 : x->time > y->time;
}

static bool has_gap(const correlator *c, u32 host, i64 from, i64 until)
{
    u32 low;
    BISECT(low, 0, c->gap_count,
           c->gaps[index_].host < host || (c->gaps[index_].host == host && c->gaps[index_].time <= from));
    return low < c->gap_count && c->gaps[low].host == host && c->gaps[low].time <= until;
}

bool count_life(const correlator *c, life_counts *counts, u32 machine, i64 from, i64 until, life_doubts doubts)
{
    bool across = has_gap(c, host_of(c, machine), from, until);
    counts->lives++;
    counts->starts_inferred += doubts.start;
    counts->ends_inferred += doubts.end;
    counts->with_gaps += across;
    return across;
}

correlate_counts correlator_counts(const correlator *c)
{
    return (correlate_counts){c->processes.counts, c->processes.threads.counts, c->files.names.counts,
                              c->keys.names.counts, c->images.counts};
}

// Whoever asks for lives is told their host.
static void show_hosts(correlator *c)
{
    u64 passed = 0;
    for (u32 i = 0; c->later_count && i < c->processes.count; i++) {
        process_life *p = &c->processes.list[i];
        p->machine = host_of(c, p->machine);
        spill_pass(&passed, sizeof(*p), SPILL_ITEMS);
    }
    for (u32 i = 0; c->later_count && i < c->network.count; i++)
        c->network.list[i].machine = host_of(c, c->network.list[i].machine);
}

void correlator_settle(correlator *c)
{
    if (c->gap_count)
        qsort(c->gaps, c->gap_count, sizeof(*c->gaps), by_host_and_time);
    drive_open(c);
    file_close(c);
    process_fold(c);
    image_close(c);
    version_close(c);
    image_give_versions(c);
    process_close(c);
    image_close_pdbs(c);
    method_close(c);
    key_close(c);
    network_close(c);
    show_hosts(c);
    readers_free(c);
}

void correlator_close(correlator *c, const class_table *classes)
{
    c->role_count = class_count(classes);
    c->roles = mem_zeroed(c->role_count, sizeof(*c->roles));
    for (u32 i = 0; i < c->role_count; i++)
        c->roles[i] = role_of(c, class_list(classes)[i]);
}

// ---------------------------------------------------------------------------------------------- records

static const reader *role_reader(const class_role *role, const plan *p)
{
    for (u32 i = 0; i < role->count; i++)
        if (role->readers[i].plan == p)
            return &role->readers[i];
    return NULL;
}

// An id in the payload; pointers of 64 bits hold one too.
static bool id_of(const reader *r, want w, const record *rec, u32 *id)
{
    i16 at = r->fields[w];
    if (at == NO_FIELD || (u32)at >= rec->top_done)
        return false;
    span v;
    if (!span_sub(rec->payload, rec->slots[at].offset, rec->slots[at].len, &v) || v.len < 4)
        return false;
    *id = (u32)load_unsigned(v);
    return true;
}

static void identify_from_payload(const reader *r, record *out)
{
    if (!out->has_thread)
        out->has_thread = id_of(r, WANT_THREAD, out, &out->thread_id);
    if (!out->has_process)
        out->has_process = id_of(r, WANT_PROCESS, out, &out->process_id);
}

// Appends a field's text; false where there is none.
static bool put_field(const seen *v, want w, outbuf *o)
{
    span value;
    if (!seen_value(v, w, &value))
        return false;
    size_t start = o->len;
    u8 *p = outbuf_reserve(o, value.len * 3 + 1);
    outbuf_written(o, text_utf16(p, value));
    return o->len > start;
}

static const char *terminated(outbuf *o)
{
    *outbuf_reserve(o, 1) = 0;
    return (const char *)o->bytes;
}

static const char *path_of(const history *h, u32 machine, u64 id, i64 time)
{
    const life *l = id ? history_at(h, machine, id, time) : NULL;
    return l && time <= l->until ? l->text : NULL;
}

static void name_file(const correlator *c, const class_role *role, const seen *v, u32 machine,
                      correlate_scratch *scratch, record *out)
{
    u64 id;
    scratch->text.len = scratch->path.len = 0;
    const char *path = NULL;
    size_t len = 0;
    if (role->own_name && put_field(v, WANT_PATH, &scratch->text)) {
        path = (const char *)scratch->text.bytes;
        len = scratch->text.len;
    }
    if (!path && seen_number(v, WANT_KEY, &id))
        path = path_of(&c->files.names, machine, id, out->time);
    if (!path && seen_number(v, WANT_OBJECT, &id))
        path = path_of(&c->files.names, machine, id, out->time);
    if (!path)
        return;
    file_put_dos_path(c, machine, path, len ? len : strlen(path), &scratch->path);
    out->file_path = terminated(&scratch->path);
}

// What the key that a name is relative to is called: as the event tells it, else as others did before.
static bool put_base(const correlator *c, const seen *v, u32 machine, i64 time, outbuf *out)
{
    u64 base = 0;
    bool manifest = v->reader->fields[WANT_BASE] != NO_FIELD;
    if (manifest && put_field(v, WANT_BASE_NAME, out) && key_is_path((const char *)out->bytes, out->len))
        return true;
    (void)seen_number(v, manifest ? WANT_BASE : WANT_OBJECT, &base);
    const char *parent = path_of(&c->keys.names, machine, base, time);
    out->len = 0;
    if (parent)
        outbuf_text(out, parent);
    return parent != NULL || (manifest && put_field(v, WANT_BASE_NAME, out) && out->bytes[0] == '\\');
}

// Opening and creating names a key relative to another one: its path is both together.
static void name_opened_key(const correlator *c, const seen *v, u32 machine, correlate_scratch *scratch, record *out)
{
    bool named = put_field(v, WANT_PATH, &scratch->text);
    if (named && scratch->text.bytes[0] == '\\') {
        out->key_path = terminated(&scratch->text);
        return;
    }
    if (!put_base(c, v, machine, out->time, &scratch->path))
        return;
    if (named) {
        outbuf_text(&scratch->path, "\\");
        outbuf_add(&scratch->path, scratch->text.bytes, scratch->text.len);
    }
    out->key_path = terminated(&scratch->path);
}

static void name_key(const correlator *c, const class_role *role, const seen *v, u32 machine,
                     correlate_scratch *scratch, record *out)
{
    u64 id;
    scratch->text.len = scratch->path.len = 0;
    if (role->own_name) {
        name_opened_key(c, v, machine, scratch, out);
        return;
    }
    if (put_field(v, WANT_PATH, &scratch->text) && key_is_path((const char *)scratch->text.bytes, scratch->text.len))
        out->key_path = terminated(&scratch->text);
    else if (seen_number(v, WANT_OBJECT, &id))
        out->key_path = path_of(&c->keys.names, machine, id, out->time);
}

static void tell_payload(const correlator *c, const class_role *role, u32 machine, correlate_scratch *scratch,
                         record *out)
{
    const reader *r = role_reader(role, out->plan);
    if (!r)
        return;
    identify_from_payload(r, out);
    if (role->topic == TOPIC_IDENTITY)
        return;
    class_decode decode = {out->cls, out->plan, {FIT_EXACT, out->top_done, out->slot_count, 0, out->slots}, out->state};
    seen v = {r, &decode, out->payload, NULL};
    if (role->topic == TOPIC_FILE_USE)
        name_file(c, role, &v, machine, scratch, out);
    else if (role->topic == TOPIC_KEY_USE)
        name_key(c, role, &v, machine, scratch, out);
}

const process_life *correlator_process_at(const correlator *c, u32 trace, u32 epoch, u32 process_id, i64 filetime)
{
    return process_at(c, c->machines[source_of(c, trace, epoch)], process_id, filetime);
}

u32 correlator_host(const correlator *c, u32 trace, u32 epoch)
{
    return host_of(c, c->machines[source_of(c, trace, epoch)]);
}

bool correlator_thread_process(const correlator *c, u32 trace, u32 epoch, u32 thread_id, i64 filetime, u32 *process_id)
{
    const life *l = history_at(&c->processes.threads, c->machines[source_of(c, trace, epoch)], thread_id, filetime);
    if (l)
        *process_id = l->number;
    return l != NULL;
}

static recent_answer *recent_place(recent_answer *list, u32 machine, u32 id, i64 time, bool *known)
{
    u64 key = (u64)machine << 32 | id;
    recent_answer *a = &list[(id >> 2 ^ id >> 8) % RECENT_ANSWERS];
    *known = a->id == key && a->from <= time && time < a->next;
    a->id = key;
    return a;
}

static void find_process(const correlator *c, u32 machine, correlate_scratch *scratch, record *out)
{
    bool known;
    recent_answer *a = recent_place(scratch->processes, machine, out->process_id, out->time, &known);
    if (!known) {
        const life *l = history_span(&c->processes.ids, machine, out->process_id, out->time, &a->from, &a->next);
        spill_pass(&scratch->passed, SPILL_LOOKUP, SPILL_LOOKUPS);
        a->process = l ? &c->processes.list[l->number] : NULL;
    }
    out->process = a->process;
    if (a->process)
        out->process_name = a->process->name;
}

static void find_thread(const correlator *c, u32 machine, correlate_scratch *scratch, record *out)
{
    bool known;
    recent_answer *a = recent_place(scratch->threads, machine, out->thread_id, out->time, &known);
    if (!known) {
        const life *l = history_span(&c->processes.threads, machine, out->thread_id, out->time, &a->from, &a->next);
        spill_pass(&scratch->passed, SPILL_LOOKUP, SPILL_LOOKUPS);
        a->found = l != NULL;
        a->number = l ? l->number : 0;
    }
    out->has_process = a->found;
    if (a->found)
        out->process_id = a->number;
}

void correlator_identify(const correlator *c, u32 trace, u32 epoch, correlate_scratch *scratch, record *out)
{
    const event *ev = out->event;
    u32 machine = c->machines[source_of(c, trace, epoch)];
    out->process = NULL;
    out->process_name = out->file_path = out->key_path = NULL;
    out->has_process = ev->process_id != 0xffffffff;
    out->process_id = ev->process_id;
    out->has_thread = ev->thread_id != 0xffffffff;
    out->thread_id = ev->thread_id;
    const class_role *role = out->cls->index < c->role_count ? c->roles[out->cls->index] : NULL;
    if (role && out->plan && (role->topic != TOPIC_IDENTITY || !out->has_process || !out->has_thread))
        tell_payload(c, role, machine, scratch, out);
    if (!out->has_process && out->has_thread)
        find_thread(c, machine, scratch, out);
    if (out->has_process)
        find_process(c, machine, scratch, out);
}

correlate_losses correlator_losses(const correlator *c)
{
    return (correlate_losses){c->processes.refused,
                              c->processes.threads.refused,
                              c->files.names.refused,
                              c->keys.names.refused + c->keys.refused,
                              c->stacks.refused,
                              c->images.refused,
                              c->methods.refused,
                              c->images.pdbs_refused,
                              c->network.refused + c->network.tcbs.refused,
                              c->files.volumes_refused};
}
