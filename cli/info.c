#include "info.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "json_text.h"
#include "print.h"
#include "schema/cache/schema_cache.h"

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

typedef struct class_row {
    const event_class *cls;
    u64 events;
} class_row;

static int by_provider(const void *a, const void *b)
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

// Classes of a trace, those of one provider together.
static class_row *class_rows(const evidence *ev, const trace *t, u32 *count)
{
    const class_table *classes = ev->session->classes;
    class_row *rows = mem_zeroed(class_count(classes), sizeof(*rows));
    *count = 0;
    for (u32 i = 0; i < class_count(classes) && i < t->class_capacity; i++)
        if (t->class_events[i] && filter_class(&ev->options->filter, class_list(classes)[i]) != WHERE_NEVER)
            rows[(*count)++] = (class_row){class_list(classes)[i], t->class_events[i]};
    if (*count)
        qsort(rows, *count, sizeof(*rows), by_provider);
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
    class_row *rows = class_rows(ev, t, &count);
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

static void add_session_facts(cJSON *root, const trace *t)
{
    const trace_facts *f = &t->file.epochs[0];
    add_text(root, "session", f->session);
    add_text(root, "log_file", f->log_file);
    add_text(root, "computer", t->computer);
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
    for (u32 i = 0; i < t->file.count && listed < MARKS; i++) {
        const etl_buffer *b = &t->file.buffers[i];
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

static void add_counts(cJSON *root, const trace *t, bool with_states)
{
    const trace_facts *f = &t->file.epochs[0];
    cJSON *buffers = cJSON_AddObjectToObject(root, "buffers");
    add_number(buffers, "total", t->file.count);
    add_number(buffers, "compressed", t->file.compressed);
    add_number(buffers, "damaged", t->file.damaged_buffers);
    add_number(buffers, "lost", f->buffers_lost);
    add_losses(buffers, t);
    cJSON *events = cJSON_AddObjectToObject(root, "events");
    add_number(events, "total", t->events);
    if (with_states) {
        add_number(events, "decoded", t->decoded);
        add_number(events, "partial", t->partial);
        add_number(events, "raw", t->raw);
    }
    add_number(events, "lost", f->events_lost);
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
static void add_row(cJSON *root, const evidence *ev, const input_row *row)
{
    json_add_text(root, "file", row->path);
    json_add_text(root, "source", row->source);
    cJSON_AddStringToObject(root, "status", input_status_name(evidence_status(ev, row)));
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
    add_row(root, ev, evidence_row(ev, trace_index));
    add_number(root, "bytes", t->file.input->bytes);
    add_text(root, "sha256", evidence_row(ev, trace_index)->sha256);
    add_session_facts(root, t);
    add_counts(root, t, with_states);
    if (ev->cache)
        cJSON_AddStringToObject(root, "schema_cache", schema_cache_identity(ev->cache));
    cJSON_AddItemToObject(root, "providers", providers_json(ev, t));
    add_damage(root, t);
    char room[160];
    cJSON *limits = cJSON_AddArrayToObject(root, "limits");
    for (u32 i = 0; evidence_limit(ev, i, room); i++)
        cJSON_AddItemToArray(limits, cJSON_CreateString(room));
    cJSON *remarks = cJSON_AddArrayToObject(root, "schema_remarks");
    for (u32 i = 0; i < ev->session->embedded.note_count; i++)
        cJSON_AddItemToArray(remarks, cJSON_CreateString(ev->session->embedded.notes[i]));
    return root;
}

static cJSON *unread_json(const evidence *ev, const input_row *row)
{
    cJSON *root = cJSON_CreateObject();
    add_row(root, ev, row);
    if (row->status == INPUT_DUPLICATE)
        json_add_text(root, "duplicate_of", ev->inputs.rows[row->duplicate_of].source);
    if (row->sha256[0])
        cJSON_AddStringToObject(root, "sha256", row->sha256);
    return root;
}

char *info_json(const evidence *ev, u32 trace_index, bool with_states)
{
    return printed(trace_json(ev, trace_index, with_states));
}

char *info_unread_json(const evidence *ev, const input_row *row)
{
    return printed(unread_json(ev, row));
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
    for (u32 i = 0; i < ev->inputs.count; i++) {
        const input_row *row = &ev->inputs.rows[i];
        bool is_read = row->trace != INPUT_NONE;
        cJSON *info = is_read ? trace_json(ev, row->trace, true) : unread_json(ev, row);
        if (is_read && !ev->options->no_hash)
            add_afterwards(info, ev->session->traces[row->trace]);
        cJSON_AddItemToArray(list, info);
    }
    return list;
}

// ---------------------------------------------------------------------------------------------- text

static void print_time(const char *label, i64 filetime, i32 bias)
{
    if (filetime <= 0)
        return;
    char text[40];
    *text_time((u8 *)text, filetime) = 0;
    printf("  %-14s %s", label, text);
    if (bias && filetime < INT64_MAX / 2) {
        *text_time((u8 *)text, filetime - (i64)bias * 600000000) = 0;
        printf("  (%.19s local)", text);
    }
    putchar('\n');
}

static void print_span(i64 from, i64 to)
{
    if (to <= from || from <= 0)
        return;
    double seconds = (double)(to - from) / 1e7;
    if (seconds < 120)
        printf("  %-14s %.3f s\n", "span", seconds);
    else
        printf("  %-14s %u h %02u min %02u s\n", "span", (unsigned)(seconds / 3600), (unsigned)(seconds / 60) % 60,
               (unsigned)seconds % 60);
}

static int by_events(const void *a, const void *b)
{
    const class_row *x = a, *y = b;
    if (x->events != y->events)
        return x->events > y->events ? -1 : 1;
    return by_provider(a, b);
}

typedef struct provider_row {
    guid id;
    const char *name;
    u64 events, raw;
    u32 classes;
    bool origins[ORIGIN_STRING + 1];
} provider_row;

static int by_provider_events(const void *a, const void *b)
{
    const provider_row *x = a, *y = b;
    if (x->events != y->events)
        return x->events > y->events ? -1 : 1;
    return memcmp(&x->id, &y->id, sizeof(guid));
}

static void print_origins(const provider_row *p)
{
    bool first = true;
    for (int o = 0; o <= ORIGIN_STRING; o++)
        if (p->origins[o] && o != ORIGIN_NONE)
            printf("%s%s", first ? "" : ", ", schema_origin_name((schema_origin)o)), first = false;
    if (p->raw)
        printf("%s%llu raw", first ? "" : ", ", (unsigned long long)p->raw);
    putchar('\n');
}

static void print_providers(const class_row *rows, u32 count)
{
    enum { TOP = 25 };
    provider_row *providers = mem_zeroed(count, sizeof(*providers));
    u32 n = 0;
    for (u32 i = 0; i < count; i++) {
        const event_class *c = rows[i].cls;
        if (!n || !guid_equal(&providers[n - 1].id, &c->provider_id))
            providers[n++] = (provider_row){.id = c->provider_id};
        provider_row *p = &providers[n - 1];
        p->name = p->name ? p->name : c->provider;
        p->events += rows[i].events;
        p->raw += c->plan_count ? 0 : rows[i].events;
        p->classes++;
        p->origins[c->origin] = true;
    }
    if (n)
        qsort(providers, n, sizeof(*providers), by_provider_events);
    printf("\n  %10s %8s  %-44s %s\n", "events", "classes", "provider", "decoded by");
    for (u32 i = 0; i < n && i < TOP; i++) {
        char id[GUID_TEXT];
        const provider_row *p = &providers[i];
        printf("  %10llu %8u  ", (unsigned long long)p->events, p->classes);
        print_padded(stdout, p->name ? p->name : guid_to_text(&p->id, id), 44);
        print_origins(p);
    }
    if (n > TOP)
        printf("  %u more providers (--json lists all)\n", n - TOP);
    mem_free(providers);
}

// What no schema is at hand for, and what would help.
static void print_raw(class_row *rows, u32 count)
{
    enum { TOP = 10 };
    u32 n = 0;
    for (u32 i = 0; i < count; i++)
        if (!rows[i].cls->plan_count)
            rows[n++] = rows[i];
    if (!n)
        return;
    qsort(rows, n, sizeof(*rows), by_events);
    printf("\n  stays raw: %u event classes have no schema here\n", n);
    for (u32 i = 0; i < n && i < TOP; i++) {
        const event_class *c = rows[i].cls;
        char id[GUID_TEXT];
        guid_to_text(&c->provider_id, id);
        printf("  %10llu  ", (unsigned long long)rows[i].events);
        (void)print_clean(stdout, c->provider ? c->provider : id);
        printf(" %s %u v%u: ",
               c->message   ? "message"
               : c->classic ? "opcode"
                            : "event",
               c->classic && !c->message ? c->descriptor.opcode : c->descriptor.id, c->descriptor.version);
        if (c->message)
            printf("needs %s.tmf or the PDB of its driver\n", id);
        else if (c->classic)
            printf("needs the MOF text of class %s\n", id);
        else
            printf("needs the manifest or DLL of provider %s\n", id);
    }
    printf("  etwkit schemas add FILE-OR-FOLDER keeps schemas for every later run\n");
}

static void print_damage(const trace *t)
{
    u64 ranges = t->file.damage.ranges + t->damage.ranges;
    if (!ranges) {
        printf("  %-14s none: every byte is accounted for\n", "damage");
        return;
    }
    printf("  %-14s %llu places, %llu bytes of %llu could not be read as events\n", "damage",
           (unsigned long long)ranges, (unsigned long long)t->account.damage, (unsigned long long)t->file.input->bytes);
}

// How far the times of a trace without a header can be believed, by clock_anchor.
static const char *const CERTAINTY[] = {
    [ANCHOR_HEADER] = "",
    [ANCHOR_REFERENCE] = "times come from the reference clock of a backup buffer",
    [ANCHOR_EVENTS] = "times are the events' own dates",
    [ANCHOR_FLUSH] = "times are uncertain, set by when buffers were flushed",
    [ANCHOR_NONE] = "times are counted from an unknown start",
};

void info_print(const evidence *ev, u32 trace_index)
{
    const trace *t = ev->session->traces[trace_index];
    const trace_facts *f = &t->file.epochs[0];
    (void)print_clean(stdout, t->file.input->path);
    putchar('\n');
    printf("  %-14s %llu bytes, %u buffers%s\n", "size", (unsigned long long)t->file.input->bytes, t->file.count,
           t->file.compressed ? ", compressed" : "");
    if (evidence_row(ev, trace_index)->sha256[0])
        printf("  %-14s %s\n", "sha256", evidence_row(ev, trace_index)->sha256);
    if (f->present) {
        printf("  %-14s ", "session");
        (void)print_clean(stdout, f->session);
        printf("\n  %-14s ", "machine");
        (void)print_clean(stdout, t->computer ? t->computer : "");
        printf("%sWindows %u.%u build %u, %u processors, %u-bit\n", t->computer ? ", " : "", f->os_major, f->os_minor,
               f->os_build, f->processors, f->pointer_size * 8);
    } else {
        printf("  %-14s destroyed or missing: %s\n", "trace header", CERTAINTY[f->anchor]);
    }
    print_time("start", f->start_time, f->utc_bias_minutes);
    print_time("end", f->end_time, f->utc_bias_minutes);
    if (f->present && !f->end_time)
        printf("  %-14s not recorded: the session was not stopped cleanly\n", "end");
    print_time("first event", t->first_time, 0);
    print_time("last event", t->last_time, 0);
    print_span(t->first_time, t->last_time);
    print_time("boot", f->boot_time, f->utc_bias_minutes);
    printf("  %-14s %s, %llu ticks a second\n", "clock", clock_type_name(f->clock_type),
           (unsigned long long)f->clock.frequency);
    printf("  %-14s %llu events (%llu decoded, %llu partial, %llu raw)\n", "records", (unsigned long long)t->events,
           (unsigned long long)t->decoded, (unsigned long long)t->partial, (unsigned long long)t->raw);
    printf("  %-14s %u events, %u buffers by the header; %llu buffers by sequence numbers\n", "lost", f->events_lost,
           f->buffers_lost, (unsigned long long)t->losses.missing);
    print_damage(t);
    printf("  %-14s %llu headers, %llu events, %llu padding, %llu unused, %llu compressed, %llu damaged\n", "bytes",
           (unsigned long long)t->account.headers, (unsigned long long)t->account.events,
           (unsigned long long)t->account.padding, (unsigned long long)t->account.unused,
           (unsigned long long)t->account.compressed, (unsigned long long)t->account.damage);
    u32 count;
    class_row *rows = class_rows(ev, t, &count);
    print_providers(rows, count);
    print_raw(rows, count);
    mem_free(rows);
}

void info_unread_print(const evidence *ev, const input_row *row)
{
    (void)print_clean(stdout, row->path);
    if (row->status == INPUT_DUPLICATE) {
        printf("\n  %-14s ", "the same as");
        (void)print_clean(stdout, ev->inputs.rows[row->duplicate_of].path);
    } else {
        printf("\n  %-14s ", "not read");
        (void)print_clean(stdout, row->error ? row->error : input_status_name(row->status));
    }
    putchar('\n');
}
