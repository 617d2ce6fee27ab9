#include "info.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "etwkit_engine.h"
#include "json_text.h"
#include "print.h"
#include "remarks.h"

// ---------------------------------------------------------------------------------------------- JSON

static void add_time(cJSON *to, const char *name, i64 filetime)
{
    if (filetime <= 0) {
        cJSON_AddNullToObject(to, name);
        return;
    }
    char text[40];
    *text_time((u8 *)text, filetime) = 0;
    cJSON_AddStringToObject(to, name, text);
}

static void add_text(cJSON *to, const char *name, const char *text)
{
    if (text && *text)
        cJSON_AddStringToObject(to, name, text);
    else
        cJSON_AddNullToObject(to, name);
}

static void add_number(cJSON *to, const char *name, u64 value)
{
    cJSON_AddNumberToObject(to, name, (double)value);
}

static void add_hex(cJSON *to, const char *name, u64 value)
{
    char text[24];
    *text_hex((u8 *)text, value) = 0;
    cJSON_AddStringToObject(to, name, text);
}

static void add_damage(cJSON *root, const trace *t)
{
    u32 count;
    damage_note *notes = damage_in_order(&t->file.damage, &t->damage, &count);
    cJSON *list = cJSON_AddArrayToObject(root, "damage");
    for (u32 i = 0; i < count; i++) {
        cJSON *note = cJSON_CreateObject();
        add_number(note, "offset", notes[i].offset);
        add_number(note, "bytes", notes[i].bytes);
        cJSON_AddStringToObject(note, "kind", notes[i].kind);
        cJSON_AddStringToObject(note, "message", notes[i].message);
        cJSON_AddItemToArray(list, note);
    }
    u64 ranges = t->file.damage.ranges + t->damage.ranges;
    if (ranges > count)
        add_number(root, "damage_not_listed", ranges - count);
    mem_free(notes);
}

bool info_is_kernel(const event_class *cls)
{
    return cls->classic && cls->provider &&
           (strcmp(cls->provider, "MSNT_SystemTrace") == 0 || strcmp(cls->provider, "KernelTraceControl") == 0);
}

void info_provider(const event_class *cls, outbuf *out)
{
    char id[GUID_TEXT];
    const char *name = cls->event_name, *end = name ? strchr(name, '/') : NULL;
    if (info_is_kernel(cls) && end) {
        outbuf_add(out, name, (size_t)(end - name));
        outbuf_text(out, " (kernel)");
    } else {
        outbuf_text(out, cls->provider ? cls->provider : guid_to_text(&cls->provider_id, id));
    }
}

int info_class_order(const void *a, const void *b)
{
    const class_row *x = a, *y = b;
    int order = memcmp(&x->cls->provider_id, &y->cls->provider_id, sizeof(guid));
    if (order)
        return order;
    const event_descriptor *d = &x->cls->descriptor, *g = &y->cls->descriptor;
    if (d->id != g->id)
        return d->id < g->id ? -1 : 1;
    if (d->version != g->version)
        return d->version < g->version ? -1 : 1;
    if (d->opcode != g->opcode)
        return d->opcode < g->opcode ? -1 : 1;
    const char *p = x->cls->event_name ? x->cls->event_name : "", *q = y->cls->event_name ? y->cls->event_name : "";
    order = strcmp(p, q);
    if (order)
        return order;
    return x->cls->index < y->cls->index ? -1 : x->cls->index > y->cls->index;
}

class_row *info_classes(const evidence *ev, const trace *t, u32 *count)
{
    const class_table *classes = ev->session->classes;
    class_row *rows = mem_zeroed(class_count(classes), sizeof(*rows));
    *count = 0;
    for (u32 i = 0; i < class_count(classes) && i < t->class_capacity; i++) {
        u64 events = t->class_passed ? t->class_passed[i] : t->class_events[i];
        if (events && filter_class(&ev->run->options->filter, class_list(classes)[i]) != WHERE_NEVER)
            rows[(*count)++] = (class_row){class_list(classes)[i], events};
    }
    if (*count)
        qsort(rows, *count, sizeof(*rows), info_class_order);
    return rows;
}

// Classes that differ only in level, keyword, channel or pointer size are one row to a reader.
static bool same_class(const class_row *a, const class_row *b)
{
    const event_descriptor *d = &a->cls->descriptor, *g = &b->cls->descriptor;
    const char *p = a->cls->event_name ? a->cls->event_name : "", *q = b->cls->event_name ? b->cls->event_name : "";
    return guid_equal(&a->cls->provider_id, &b->cls->provider_id) && d->id == g->id && d->version == g->version &&
           d->opcode == g->opcode && a->cls->origin == b->cls->origin && strcmp(p, q) == 0;
}

static u32 add_class(cJSON *list, const class_row *rows, u32 at, u32 count)
{
    u64 events = 0;
    u32 end = at;
    for (; end < count && same_class(&rows[at], &rows[end]); end++)
        events += rows[end].events;
    const event_class *c = rows[at].cls;
    cJSON *entry = cJSON_CreateObject();
    add_number(entry, "event_id", c->descriptor.id);
    add_number(entry, "version", c->descriptor.version);
    add_number(entry, "opcode", c->descriptor.opcode);
    add_text(entry, "name", c->event_name);
    add_number(entry, "events", events);
    cJSON_AddStringToObject(entry, "schema", schema_origin_name(c->origin));
    cJSON_AddItemToArray(list, entry);
    return end;
}

static cJSON *providers_json(const evidence *ev, const trace *t)
{
    u32 count;
    class_row *rows = info_classes(ev, t, &count);
    cJSON *list = cJSON_CreateArray();
    for (u32 at = 0; at < count;) {
        u32 end = at;
        u64 events = 0;
        const char *name = NULL;
        for (; end < count && guid_equal(&rows[at].cls->provider_id, &rows[end].cls->provider_id); end++) {
            events += rows[end].events;
            if (!name)
                name = rows[end].cls->provider;
        }
        char id[GUID_TEXT];
        cJSON *provider = cJSON_CreateObject();
        cJSON_AddStringToObject(provider, "id", guid_to_text(&rows[at].cls->provider_id, id));
        add_text(provider, "name", name);
        add_number(provider, "events", events);
        cJSON *classes = cJSON_AddArrayToObject(provider, "classes");
        while (at < end)
            at = add_class(classes, rows, at, end);
        cJSON_AddItemToArray(list, provider);
    }
    mem_free(rows);
    return list;
}

static void add_drive(cJSON *list, const drive_letters *d, const drive_letter *drive)
{
    const char letter[] = {drive->letter, ':', 0};
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "letter", letter);
    if (drive->partition)
        add_number(object, "partition", drive->partition);
    cJSON *names = cJSON_AddArrayToObject(object, "volumes");
    for (u32 i = 0; i < d->volume_count; i++)
        if (d->volumes[i].letter == drive->letter)
            cJSON_AddItemToArray(names, cJSON_CreateString(d->volumes[i].name));
    cJSON_AddItemToArray(list, object);
}

// What the registry says that lies with the trace.
static void add_drives(cJSON *root, const drive_letters *d)
{
    if (!d)
        return;
    add_text(root, "windows_folder", d->windows);
    cJSON *list = cJSON_AddArrayToObject(root, "drives");
    for (u32 i = 0; i < d->count; i++)
        add_drive(list, d, &d->list[i]);
}

static void add_session_facts(cJSON *root, const trace *t, const host_entry *host)
{
    const trace_facts *f = &t->file.trace_headers[0];
    add_text(root, "session", f->session);
    add_text(root, "log_file", f->log_file);
    add_text(root, "computer", trace_computer(t));
    add_text(root, "host", host->name);
    add_drives(root, t->file.input->drives);
    if (f->present) {
        char os[64];
        snprintf(os, sizeof(os), "%u.%u.%u", f->os_major, f->os_minor, f->os_build);
        cJSON_AddStringToObject(root, "os_version", os);
    } else {
        cJSON_AddNullToObject(root, "os_version");
    }
    add_time(root, "start", f->start_time ? f->start_time : t->first_time);
    add_time(root, "end", f->end_time ? f->end_time : t->last_time);
    add_time(root, "first_event", t->first_time);
    add_time(root, "last_event", t->last_time);
    add_time(root, "boot_time", f->boot_time);
    cJSON_AddNumberToObject(root, "utc_offset_minutes", (double)-f->utc_bias_minutes);
    add_text(root, "time_zone", f->standard_name);
    add_number(root, "pointer_size", f->pointer_size);
    add_number(root, "processors", f->processors);
    cJSON_AddStringToObject(root, "clock", clock_type_name(f->clock_type));
    add_number(root, "clock_frequency", f->clock.frequency);
    add_number(root, "buffer_size", f->buffer_size);
    add_hex(root, "log_file_mode", f->log_file_mode);
    cJSON_AddBoolToObject(root, "header_present", f->present);
    cJSON_AddBoolToObject(root, "closed_cleanly", t->file.clean_end && f->end_time != 0);
    cJSON_AddStringToObject(root, "clock_anchor", clock_anchor_name(f->anchor));
    add_number(root, "sessions", t->file.sessions);
}

// Where events and buffers were lost: holes in the numbering by processor, and the buffers Windows marked.
static void add_losses(cJSON *buffers, const trace *t)
{
    enum { MARKS = 1000 };
    add_number(buffers, "missing_sequence_numbers", t->losses.missing);
    add_number(buffers, "repeated_sequence_numbers", t->losses.repeated);
    if (t->losses.repeated)
        add_number(buffers, "repeated_first_offset", t->losses.repeated_at);
    add_number(buffers, "repeated_buffers", t->losses.copies);
    cJSON *missing = cJSON_AddArrayToObject(buffers, "missing");
    for (u32 i = 0; i < t->losses.count; i++) {
        const loss_row *r = &t->losses.rows[i];
        cJSON *row = cJSON_CreateObject();
        if (r->has_processor)
            add_number(row, "processor", r->processor);
        else
            cJSON_AddNullToObject(row, "processor");
        add_number(row, "buffers", r->missing);
        cJSON_AddItemToArray(missing, row);
    }
    add_number(buffers, "marked_lost", t->losses.marked);
    cJSON *marks = cJSON_AddArrayToObject(buffers, "marks");
    u32 listed = 0;
    u64 passed = 0;
    for (u32 i = 0; t->losses.marked && i < t->file.count && listed < MARKS; i++) {
        const etl_buffer *b = &t->file.buffers[i];
        spill_pass(&passed, sizeof(*b), SPILL_ITEMS);
        if (!(b->flags & (BUFFER_FLAG_EVENTS_LOST | BUFFER_FLAG_BUFFER_LOST)))
            continue;
        cJSON *mark = cJSON_CreateObject();
        add_number(mark, "offset", b->offset);
        add_number(mark, "processor", b->processor);
        cJSON_AddBoolToObject(mark, "events_lost", b->flags & BUFFER_FLAG_EVENTS_LOST);
        cJSON_AddBoolToObject(mark, "buffers_lost", b->flags & BUFFER_FLAG_BUFFER_LOST);
        cJSON_AddItemToArray(marks, mark);
        listed++;
    }
}

// Where the clock was set back, by processor.
static void add_clock_steps(cJSON *root, const trace *t)
{
    const clock_steps *steps = &t->clock_steps;
    cJSON *list = cJSON_AddArrayToObject(root, "clock_set_back");
    u64 left = steps->told;
    for (u32 i = 0; i < steps->count; i++) {
        const clock_step *s = &steps->list[i];
        if (s->is_start)
            continue;
        cJSON *row = cJSON_CreateObject();
        add_number(row, "offset", s->offset);
        add_number(row, "processor", s->processor);
        add_time(row, "from", s->from);
        add_time(row, "to", s->to);
        cJSON_AddItemToArray(list, row);
        left--;
    }
    if (left)
        add_number(root, "clock_set_back_not_listed", left);
}

static void add_remarks(cJSON *root, const trace *t)
{
    char room[REMARK_TEXT];
    cJSON *list = cJSON_AddArrayToObject(root, "remarks");
    for (u32 i = 0; remark_at(t, i, room); i++)
        cJSON_AddItemToArray(list, cJSON_CreateString(room));
}

static void add_far_times(cJSON *root, const trace *t)
{
    const far_events *far = &t->far;
    cJSON *to = cJSON_AddObjectToObject(root, "outside_session");
    add_number(to, "events", far->events);
    if (!far->events)
        return;
    add_number(to, "first_offset", far->first_offset);
    add_time(to, "first_time", far->first_time);
    if (far->first_date)
        add_time(to, "first_as_date", far->first_date);
}

// By the header, of this file.
static void add_lost(cJSON *to, const trace *t, u32 own, u32 of_session)
{
    if (!t->segment.is_segment) {
        add_number(to, "lost", of_session);
        return;
    }
    if (t->segment.is_loss_known)
        add_number(to, "lost", own);
    else
        cJSON_AddNullToObject(to, "lost");
    add_number(to, "lost_since_session_start", of_session);
}

u64 info_other_versions(const evidence *ev, const trace *t)
{
    u64 events = 0;
    u32 count;
    class_row *rows = info_classes(ev, t, &count);
    for (u32 i = 0; i < count; i++)
        events += rows[i].cls->plan_count && !rows[i].cls->exact_version ? rows[i].events : 0;
    mem_free(rows);
    return events;
}

static void add_counts(cJSON *root, const evidence *ev, const trace *t, bool with_states)
{
    const trace_facts *f = &t->file.trace_headers[0];
    cJSON *buffers = cJSON_AddObjectToObject(root, "buffers");
    add_number(buffers, "total", t->file.count);
    add_number(buffers, "compressed", t->file.compressed);
    add_number(buffers, "damaged", t->file.damaged_buffers);
    add_lost(buffers, t, t->segment.buffers_lost, f->buffers_lost);
    add_losses(buffers, t);
    cJSON *events = cJSON_AddObjectToObject(root, "events");
    add_number(events, "total", t->events);
    if (with_states) {
        add_number(events, "decoded", t->decoded);
        add_number(events, "partial", t->partial);
        add_number(events, "raw", t->raw);
        add_number(events, "other_version", info_other_versions(ev, t));
    }
    add_lost(events, t, t->segment.events_lost, f->events_lost);
    cJSON *headers = cJSON_AddObjectToObject(root, "headers");
    for (int k = 0; k < HEADER_KINDS; k++)
        if (t->headers[k])
            add_number(headers, header_kind_name((header_kind)k), t->headers[k]);
    cJSON *bytes = cJSON_AddObjectToObject(root, "account");
    add_number(bytes, "headers", t->account.headers);
    add_number(bytes, "events", t->account.events);
    add_number(bytes, "padding", t->account.padding);
    add_number(bytes, "unused", t->account.unused);
    add_number(bytes, "compressed", t->account.compressed);
    add_number(bytes, "damage", t->account.damage);
}

// What every input has, read or not.
static void add_row(cJSON *root, const input_row *row, input_status status)
{
    json_add_text(root, "file", row->path);
    json_add_text(root, "source", row->source);
    cJSON_AddStringToObject(root, "status", input_status_name(status));
    if (row->error) {
        json_add_text(root, "error", row->error);
        cJSON_AddStringToObject(root, "reason", input_reason(row));
    }
}

static char *printed(cJSON *root)
{
    char *text = cJSON_PrintUnformatted(root);
    cJSON_Delete(root);
    size_t len = strlen(text) + 1;
    char *copy = memcpy(mem_alloc(len), text, len);
    cJSON_free(text);
    return copy;
}

static cJSON *trace_json(const evidence *ev, u32 trace_index, bool with_states)
{
    const trace *t = ev->session->traces[trace_index];
    cJSON *root = cJSON_CreateObject();
    const input_row *row = evidence_row(ev, trace_index);
    add_row(root, row, evidence_status(ev, row));
    add_number(root, "bytes", t->file.input->bytes);
    // While hashing is under way nobody else may look.
    add_text(root, "sha256", ev->run->inputs.hashing ? NULL : row->sha256);
    add_session_facts(root, t, session_host(ev->session, trace_index, 0));
    add_clock_steps(root, t);
    add_far_times(root, t);
    add_counts(root, ev, t, with_states);
    if (ev->run->cache)
        cJSON_AddStringToObject(root, "schema_cache", schema_cache_identity(ev->run->cache));
    cJSON_AddItemToObject(root, "providers", providers_json(ev, t));
    add_damage(root, t);
    char scratch[160];
    cJSON *limits = cJSON_AddArrayToObject(root, "limits");
    for (u32 i = 0; evidence_limit(ev, i, scratch); i++)
        cJSON_AddItemToArray(limits, cJSON_CreateString(scratch));
    add_remarks(root, t);
    cJSON *remarks = cJSON_AddArrayToObject(root, "schema_remarks");
    for (u32 i = 0; i < ev->session->embedded.note_count; i++)
        cJSON_AddItemToArray(remarks, cJSON_CreateString(ev->session->embedded.notes[i]));
    return root;
}

static cJSON *unread_json(const run *r, const input_row *row)
{
    cJSON *root = cJSON_CreateObject();
    add_row(root, row, row->status);
    if (row->status == INPUT_DUPLICATE)
        json_add_text(root, "duplicate_of", r->inputs.rows[row->duplicate_of].source);
    const char *hash = inputs_sha256(&r->inputs, row);
    if (*hash)
        cJSON_AddStringToObject(root, "sha256", hash);
    return root;
}

char *info_json(const evidence *ev, u32 trace_index, bool with_states)
{
    return printed(trace_json(ev, trace_index, with_states));
}

char *info_unread_json(const run *r, const input_row *row)
{
    return printed(unread_json(r, row));
}

// What a second reading gives, and what became of the file.
static void add_afterwards(cJSON *to, const trace *t)
{
    char text[SHA256_TEXT];
    if (input_sha256_text(t->file.input, text, NULL))
        cJSON_AddStringToObject(to, "sha256_afterwards", text);
    else
        cJSON_AddNullToObject(to, "sha256_afterwards");
    if (t->change != INPUT_UNCHANGED)
        cJSON_AddStringToObject(to, "changed", input_change_text(t->change));
}

cJSON *info_inputs(const evidence *ev)
{
    cJSON *list = cJSON_CreateArray();
    for (u32 i = ev->first; i < ev->first + ev->count; i++) {
        const input_row *row = &ev->run->inputs.rows[i];
        bool is_read = row->trace != INPUT_NONE;
        cJSON *info = is_read ? trace_json(ev, row->trace, true) : unread_json(ev->run, row);
        if (is_read && !ev->run->options->no_hash)
            add_afterwards(info, ev->session->traces[row->trace]);
        cJSON_AddItemToArray(list, info);
    }
    return list;
}
