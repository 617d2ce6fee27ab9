// Elastic Common Schema (`ecs`): JSON Lines as Filebeat's ETW input writes them (event.*, log.level, winlog.*), with
// process.*, host.name and, where an event tells of them, dns.question.name and the ends of a connection.
#include "exporter.h"

#include "base/known_guids.h"
#include "literal.h"
#include "output.h"

#include "etwkit_engine.h"

typedef enum ecs_role { ECS_OTHER, ECS_DNS, ECS_CONNECTION } ecs_role;

struct sink {
    output out;
    arena memory;
    literal *heads; // of each class: from after the time to what differs from event to event
    u8 *roles;      // ecs_role of each class
    literal *sources;
};

// ---------------------------------------------------------------------------------------------- pieces

static void add_string(outbuf *out, span text)
{
    u8 *p = put_char(outbuf_reserve(out, 6 * text.len + 2), '"');
    outbuf_written(out, put_char(text_utf8_json(p, text), '"'));
}

static void add_text(outbuf *out, const char *key, const char *text)
{
    if (!text)
        return;
    outbuf_text(out, key);
    add_string(out, text_span(text));
}

static void add_number(outbuf *out, const char *key, u64 value)
{
    outbuf_text(out, key);
    outbuf_written(out, put_u64(outbuf_reserve(out, 20), value));
}

// {1C95126E-7EEA-49A9-A3FE-A378B03DDB4D}, as Filebeat has them.
static void add_guid(outbuf *out, const char *key, const u8 *id)
{
    outbuf_text(out, key);
    u8 *p = put_text(outbuf_reserve(out, 48), "\"{"), *end = text_guid(p, id);
    for (; p < end; p++)
        if (*p >= 'a' && *p <= 'f')
            *p = (u8)(*p - 'a' + 'A');
    outbuf_written(out, put_text(end, "}\""));
}

// A member of the payload as a member of another object; nothing where there is none. Returns whether it was there.
static bool add_member(outbuf *out, const record *rec, const char *key, const char *name)
{
    typed_value v;
    record_value(rec, name, &v);
    if (v.kind == VALUE_NULL || v.kind == VALUE_STRUCT || v.kind == VALUE_ARRAY)
        return false;
    outbuf_text(out, key);
    pen at = {out, 6 * v.bytes.len + 512};
    outbuf_written(out, render_value_json(&at, pen_start(&at), &v, ESCAPE_JSON));
    return true;
}

// ---------------------------------------------------------------------------------------------- what differs

static void add_end(outbuf *out, const record *rec, const char *name, const char *address, const char *port)
{
    outbuf_text(out, name);
    const char *comma = add_member(out, rec, "\"ip\":", address) ? ",\"port\":" : "\"port\":";
    add_member(out, rec, comma, port);
    outbuf_text(out, "}");
}

static void add_process(outbuf *out, const record *rec)
{
    if (!rec->has_process)
        return;
    add_number(out, ",\"process\":{\"pid\":", rec->process_id);
    add_text(out, ",\"name\":", rec->process_name);
    if (rec->has_thread) {
        add_number(out, ",\"thread\":{\"id\":", rec->thread_id);
        outbuf_text(out, "}");
    }
    outbuf_text(out, "}");
}

static void add_windows(outbuf *out, const record *rec)
{
    const u8 *related = column_related_activity(rec);
    span sid = column_user_sid(rec);
    if (rec->has_process) {
        add_number(out, ",\"process_id\":\"", rec->process_id);
        outbuf_text(out, "\"");
    }
    if (rec->has_thread) {
        add_number(out, ",\"thread_id\":\"", rec->thread_id);
        outbuf_text(out, "\"");
    }
    if (rec->event->activity)
        add_guid(out, ",\"activity_id\":", rec->event->activity);
    if (related)
        add_guid(out, ",\"related_activity_id\":", related);
    if (sid.len) {
        outbuf_text(out, ",\"user\":{\"identifier\":\"");
        outbuf_written(out, text_sid(outbuf_reserve(out, TEXT_SID_BYTES), sid));
        outbuf_text(out, "\"}");
    }
    if (rec->plan) {
        outbuf_text(out, ",\"event_data\":");
        render_data_json(out, rec);
    }
    outbuf_text(out, "}");
}

static void ecs_render(const sink *s, const record *rec, outbuf *out)
{
    static const char *const LEVELS[] = {"information", "critical", "error", "warning", "information", "verbose"};
    literal head = s->heads[rec->cls->index], source = s->sources[rec->source_index];
    u8 level = rec->cls->descriptor.level;
    u8 *p = put_text(outbuf_reserve(out, 96), "{\"@timestamp\":\"");
    outbuf_written(out, put_text(text_time(p, rec->time), "\",\"ecs\":{\"version\":\"8.11.0\"},\"log\":{"));
    if (level < COUNT_OF(LEVELS)) {
        add_text(out, "\"level\":", LEVELS[level]);
        outbuf_text(out, ",");
    }
    outbuf_add(out, source.text, source.len);
    add_number(out, ",\"event\":{\"sequence\":", rec->number);
    outbuf_add(out, head.text, head.len);
    add_windows(out, rec);
    add_process(out, rec);
    add_text(out, ",\"host\":{\"name\":", rec->host);
    outbuf_text(out, rec->host ? "}" : "");
    if (render_has_message(rec)) {
        outbuf_text(out, ",\"message\":\"");
        pen at = {out, render_bound(rec) + 64};
        outbuf_written(out, put_char(render_message_text(&at, pen_start(&at), rec, ESCAPE_JSON), '"'));
    }
    if (s->roles[rec->cls->index] == ECS_DNS && add_member(out, rec, ",\"dns\":{\"question\":{\"name\":", "QueryName"))
        outbuf_text(out, "}}");
    if (s->roles[rec->cls->index] == ECS_CONNECTION) {
        add_end(out, rec, ",\"source\":{", "saddr", "sport");
        add_end(out, rec, ",\"destination\":{", "daddr", "dport");
    }
    outbuf_text(out, "}\n");
}

// ---------------------------------------------------------------------------------------------- what a class says

static ecs_role role_of(const event_class *cls)
{
    static const guid DNS = GUID_DNS_CLIENT;
    static const guid CONNECTIONS[] = {
        GUID_KERNEL_NETWORK, // Kernel-Network
        GUID_CLASS_TCP_IP,   // TcpIp
        GUID_CLASS_UDP_IP,   // UdpIp
    };
    value_path path;
    bool has_ends = cls->plan_count && value_path_find(cls->plans[0], "saddr", &path) &&
                    value_path_find(cls->plans[0], "daddr", &path);
    for (size_t i = 0; i < COUNT_OF(CONNECTIONS); i++)
        if (has_ends && guid_equal(&cls->provider_id, &CONNECTIONS[i]))
            return ECS_CONNECTION;
    return guid_equal(&cls->provider_id, &DNS) ? ECS_DNS : ECS_OTHER;
}

static literal make_head(arena *a, const event_class *cls)
{
    const event_descriptor *d = &cls->descriptor;
    outbuf b = {0};
    add_number(&b, ",\"code\":\"", d->id);
    add_number(&b, "\",\"kind\":\"event\",\"severity\":", d->level);
    add_text(&b, ",\"provider\":", cls->provider);
    add_text(&b, ",\"action\":", cls->event_name);
    outbuf_text(&b, "},\"winlog\":{\"provider_guid\":");
    add_guid(&b, "", cls->provider_id.bytes);
    add_number(&b, ",\"version\":", d->version);
    add_number(&b, ",\"level_raw\":", d->level);
    add_number(&b, ",\"opcode_raw\":", d->opcode);
    add_number(&b, ",\"task_raw\":", d->task);
    add_text(&b, ",\"level\":", cls->level_name);
    add_text(&b, ",\"opcode\":", cls->opcode_name);
    add_text(&b, ",\"task\":", cls->task_name);
    add_text(&b, ",\"channel\":", cls->channel_name);
    outbuf_text(&b, ",\"keywords_raw\":\"");
    outbuf_written(&b, text_hex(outbuf_reserve(&b, 18), d->keyword));
    outbuf_text(&b, "\"");
    for (u32 i = 0; i < cls->keyword_count; i++)
        add_text(&b, i ? "," : ",\"keywords\":[", cls->keyword_names[i]);
    outbuf_text(&b, cls->keyword_count ? "]" : "");
    literal made = literal_take(a, &b);
    outbuf_free(&b);
    return made;
}

// ---------------------------------------------------------------------------------------------- the exporter

static bool ecs_open(sink **out, const export_target *target, error *e)
{
    sink *s = mem_zeroed(1, sizeof *s);
    (void)e;
    *out = s;
    output_open(&s->out, target);
    s->heads = arena_array(&s->memory, literal, target->class_count);
    s->roles = arena_array(&s->memory, u8, target->class_count);
    for (u32 i = 0; i < target->class_count; i++) {
        s->heads[i] = make_head(&s->memory, target->classes[i]);
        s->roles[i] = (u8)role_of(target->classes[i]);
    }
    outbuf b = {0};
    s->sources = arena_array(&s->memory, literal, target->trace_count);
    for (u32 i = 0; i < target->trace_count; i++) {
        add_text(&b, "\"file\":{\"path\":", target->traces[i].file);
        outbuf_text(&b, "}}");
        s->sources[i] = literal_take(&s->memory, &b);
    }
    outbuf_free(&b);
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
    .open = ecs_open,
    .render = ecs_render,
    .commit = ecs_commit,
    .close = ecs_close,
    .is_own = ecs_is_own,
};
