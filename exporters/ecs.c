// Elastic Common Schema (`ecs`): JSON Lines as Filebeat's ETW input writes them (event.*, log.level, winlog.*), with
// host.name and process.*, and where a record shows that somebody did something, what that is: event.category and
// event.type, user.*, file.*, dll.*, registry.*, network.*, source.*, destination.*, dns.*, url.*, http.*.
#include "ecs_activity.h"
#include "ecs_process.h"
#include "exporter.h"
#include "output.h"

#include "base/known_guids.h"

struct sink {
    output out;
    arena memory;
    activities *activities; // NULL: there is no session
    ecs_processes processes;
    literal *events, *heads; // of each class: members of `event`; from there to what differs from event to event
    bool *connections;       // by class: whether it has two ends
    literal *sources;
};

// ---------------------------------------------------------------------------------------------- pieces

// {1C95126E-7EEA-49A9-A3FE-A378B03DDB4D}, as Filebeat has them.
static void add_guid(outbuf *out, const char *key, const u8 *id)
{
    ecs_key(out, key);
    u8 *p = put_text(outbuf_reserve(out, 48), "\"{"), *end = text_guid(p, id);
    for (; p < end; p++)
        if (*p >= 'a' && *p <= 'f')
            *p = (u8)(*p - 'a' + 'A');
    outbuf_written(out, put_text(end, "}\""));
}

static void add_number_as_text(outbuf *out, const char *key, u64 value)
{
    ecs_key(out, key);
    u8 *p = put_u64(put_char(outbuf_reserve(out, 24), '"'), value);
    outbuf_written(out, put_char(p, '"'));
}

static void add_sid(outbuf *out, const char *key, span sid)
{
    ecs_key(out, key);
    u8 *p = text_sid(put_char(outbuf_reserve(out, TEXT_SID_BYTES + 2), '"'), sid);
    outbuf_written(out, put_char(p, '"'));
}

// ---------------------------------------------------------------------------------------------- what differs

// Of classes that are no activities but have two ends.
static void add_end(outbuf *out, const record *rec, const char *key, const char *address, const char *port)
{
    typed_value end, number;
    u8 text[64];
    size_t start = out->len;
    record_value(rec, address, &end);
    record_value(rec, port, &number);
    render_text(out, &end);
    size_t len = out->len - start;
    if (len > sizeof(text)) // no address
        len = 0;
    if (len)
        memcpy(text, out->bytes + start, len);
    out->len = start;
    ecs_end_put(key, (span){text, len}, value_is_integer(&number), number.number, out);
}

static void add_windows(outbuf *out, const record *rec)
{
    const u8 *related = column_related_activity(rec);
    span sid = column_user_sid(rec);
    if (rec->has_process)
        add_number_as_text(out, "process_id", rec->process_id);
    if (rec->has_thread)
        add_number_as_text(out, "thread_id", rec->thread_id);
    if (rec->event->activity)
        add_guid(out, "activity_id", rec->event->activity);
    if (related)
        add_guid(out, "related_activity_id", related);
    if (sid.len) {
        ecs_object user = ecs_begin(out, "user");
        add_sid(out, "identifier", sid);
        ecs_end(out, user);
    }
    if (rec->plan) {
        ecs_key(out, "event_data");
        render_data_json(out, rec);
    }
    outbuf_text(out, "}");
}

// Whom the activity names, else whose event it is, else whose process it happened in.
static void add_user(outbuf *out, const record *rec, const ecs_view *view)
{
    ecs_object user = ecs_begin(out, "user");
    span sid = column_user_sid(rec);
    if (view->seen)
        ecs_activity_user(view);
    if (out->len == user.first && sid.len) {
        char text[TEXT_SID_BYTES + 1];
        *text_sid((u8 *)text, sid) = 0;
        ecs_user_of_sid(text, out);
    }
    if (out->len == user.first && rec->process && rec->process->user_sid)
        ecs_user_of_sid(rec->process->user_sid, out);
    ecs_end(out, user);
}

static void add_log(outbuf *out, u8 level, literal source)
{
    static const char *const LEVELS[] = {"information", "critical", "error", "warning", "information", "verbose"};
    ecs_object log = ecs_begin(out, "log");
    ecs_text(out, "level", level < COUNT_OF(LEVELS) ? LEVELS[level] : NULL);
    ecs_separate(out);
    outbuf_add(out, source.text, source.len);
    ecs_end(out, log);
}

static void add_event(const sink *s, outbuf *out, const record *rec, const ecs_view *view)
{
    literal rest = s->events[rec->cls->index];
    ecs_object members = ecs_begin(out, "event");
    ecs_number(out, "sequence", rec->number);
    ecs_separate(out);
    outbuf_add(out, rest.text, rest.len);
    if (view->seen)
        ecs_activity_event(view);
    ecs_end(out, members);
}

static void add_message(outbuf *out, const record *rec)
{
    if (!render_has_message(rec))
        return;
    ecs_key(out, "message");
    outbuf_text(out, "\"");
    pen at = {out, render_bound(rec) + 64};
    outbuf_written(out, put_char(render_message_text(&at, pen_start(&at), rec, ESCAPE_JSON), '"'));
}

// The first activity a record shows.
static bool see(const sink *s, const record *rec, activity *seen)
{
    u32 count = s->activities && rec->scratch ? activities_of_class(s->activities, rec->cls->index) : 0;
    for (u32 i = 0; i < count; i++)
        if (activity_see(s->activities, rec, i, rec->scratch, seen))
            return true;
    return false;
}

static void ecs_render(const sink *s, const record *rec, outbuf *out)
{
    activity seen;
    const ecs_view view = {see(s, rec, &seen) ? &seen : NULL, rec->scratch, out};
    literal head = s->heads[rec->cls->index];
    u8 *p = put_text(outbuf_reserve(out, 96), "{\"@timestamp\":\"");
    outbuf_written(out, put_text(text_time(p, rec->time), "\",\"ecs\":{\"version\":\"8.11.0\"}"));
    add_log(out, rec->cls->descriptor.level, s->sources[rec->source_index]);
    add_event(s, out, rec, &view);
    outbuf_add(out, head.text, head.len);
    add_windows(out, rec);
    ecs_process_put(&s->processes, rec, view.seen, out);
    ecs_object host = ecs_begin(out, "host");
    ecs_text(out, "name", rec->host);
    ecs_end(out, host);
    add_user(out, rec, &view);
    add_message(out, rec);
    if (view.seen) {
        ecs_activity_objects(&view);
    } else if (s->connections[rec->cls->index]) {
        add_end(out, rec, "source", "saddr", "sport");
        add_end(out, rec, "destination", "daddr", "dport");
    }
    outbuf_text(out, "}\n");
}

// ---------------------------------------------------------------------------------------------- what a class says

static bool has_two_ends(const event_class *cls)
{
    static const guid CONNECTIONS[] = {
        GUID_KERNEL_NETWORK, // Kernel-Network
        GUID_CLASS_TCP_IP,   // TcpIp
        GUID_CLASS_UDP_IP,   // UdpIp
    };
    value_path path;
    if (!cls->plan_count || !value_path_find(cls->plans[0], "saddr", &path) ||
        !value_path_find(cls->plans[0], "daddr", &path))
        return false;
    for (size_t i = 0; i < COUNT_OF(CONNECTIONS); i++)
        if (guid_equal(&cls->provider_id, &CONNECTIONS[i]))
            return true;
    return false;
}

static literal make_event(arena *a, const event_class *cls)
{
    outbuf b = {0};
    add_number_as_text(&b, "code", cls->descriptor.id);
    ecs_text(&b, "kind", "event");
    ecs_number(&b, "severity", cls->descriptor.level);
    ecs_text(&b, "provider", cls->provider);
    ecs_text(&b, "action", cls->event_name);
    literal made = literal_take(a, &b);
    outbuf_free(&b);
    return made;
}

static literal make_head(arena *a, const event_class *cls)
{
    const event_descriptor *d = &cls->descriptor;
    outbuf b = {0};
    outbuf_text(&b, ",\"winlog\":{");
    add_guid(&b, "provider_guid", cls->provider_id.bytes);
    ecs_number(&b, "version", d->version);
    ecs_number(&b, "level_raw", d->level);
    ecs_number(&b, "opcode_raw", d->opcode);
    ecs_number(&b, "task_raw", d->task);
    ecs_text(&b, "level", cls->level_name);
    ecs_text(&b, "opcode", cls->opcode_name);
    ecs_text(&b, "task", cls->task_name);
    ecs_text(&b, "channel", cls->channel_name);
    ecs_key(&b, "keywords_raw");
    u8 *p = text_hex(put_char(outbuf_reserve(&b, 24), '"'), d->keyword);
    outbuf_written(&b, put_char(p, '"'));
    if (cls->keyword_count) {
        ecs_key(&b, "keywords");
        outbuf_text(&b, "[");
        for (u32 i = 0; i < cls->keyword_count; i++) {
            ecs_separate(&b);
            ecs_string(&b, text_span(cls->keyword_names[i]));
        }
        outbuf_text(&b, "]");
    }
    literal made = literal_take(a, &b);
    outbuf_free(&b);
    return made;
}

// ---------------------------------------------------------------------------------------------- the exporter

static void make_sources(sink *s, const export_target *target)
{
    outbuf b = {0};
    s->sources = arena_array(&s->memory, literal, target->trace_count);
    for (u32 i = 0; i < target->trace_count; i++) {
        outbuf_text(&b, "\"file\":{\"path\":");
        ecs_string(&b, text_span(target->traces[i].file));
        outbuf_text(&b, "}");
        s->sources[i] = literal_take(&s->memory, &b);
    }
    outbuf_free(&b);
}

static bool ecs_open(sink **out, const export_target *target, error *e)
{
    sink *s = mem_zeroed(1, sizeof *s);
    (void)e;
    *out = s;
    output_open(&s->out, target);
    s->events = arena_array(&s->memory, literal, target->class_count);
    s->heads = arena_array(&s->memory, literal, target->class_count);
    s->connections = arena_array(&s->memory, bool, target->class_count);
    for (u32 i = 0; i < target->class_count; i++) {
        s->events[i] = make_event(&s->memory, target->classes[i]);
        s->heads[i] = make_head(&s->memory, target->classes[i]);
        s->connections[i] = has_two_ends(target->classes[i]);
    }
    make_sources(s, target);
    if (target->session) {
        s->activities =
            activities_new(target->session->correlator, target->classes, target->class_count, ACTIVITY_KINDS);
        ecs_processes_open(&s->processes, target->session->correlator);
    }
    return true;
}

static bool ecs_commit(sink *s, span rendered, u32 records, error *e)
{
    (void)records;
    return output_write(&s->out, rendered, e);
}

static bool ecs_close(sink *s, error *e)
{
    bool ok = output_close(&s->out, e);
    activities_free(s->activities);
    ecs_processes_free(&s->processes);
    arena_free(&s->memory);
    mem_free(s);
    return ok;
}

static bool ecs_is_own(span head, int fd)
{
    (void)fd;
    return exporter_head_is(head, "{\"@timestamp\":\"") && exporter_head_has(head, "\"winlog\":{\"provider_guid\"");
}

const exporter exporter_ecs = {
    .name = "ecs",
    .suffixes = "",
    .help = "Elastic Common Schema: JSON Lines as Filebeat writes them",
    .may_split = true,
    .is_text = true,
    .correlate = CORRELATE_ACTIVITIES,
    .open = ecs_open,
    .render = ecs_render,
    .commit = ecs_commit,
    .close = ecs_close,
    .is_own = ecs_is_own,
};
