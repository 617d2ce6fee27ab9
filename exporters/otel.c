// OpenTelemetry (`otel`): OTLP as JSON Lines, a LogsData object with one record a line, which collectors read (the
// otlpjsonfile receiver). The mapping is that of the log data model's appendix: what the header has as etw.*
// attributes, fields of the payload as attributes of their names, no body.
//
// Of its own it has etw.message, etw.raw and etw.record, and process.executable.name and log.file.name of the semantic
// conventions; the provider's name is the scope's.
#include "exporter.h"
#include "literal.h"
#include "output.h"

#include "etwkit_engine.h"

static const i64 YEAR_1970 = 116444736000000000;

struct sink {
    output out;
    arena memory;
    literal *scopes;  // of each class: from the scope to the record's time
    literal *heads;   // from the time on to the attributes that differ
    literal *sources; // of each trace: its attribute
};

// ---------------------------------------------------------------------------------------------- pieces

// A JSON string with its quotes.
static void add_string(outbuf *out, span text)
{
    u8 *p = put_char(outbuf_reserve(out, 6 * text.len + 2), '"');
    outbuf_written(out, put_char(text_utf8_json(p, text), '"'));
}

static void add_key(outbuf *out, const char *key)
{
    outbuf_text(out, ",{\"key\":");
    add_string(out, text_span(key));
    outbuf_text(out, ",\"value\":");
}

static void add_text(outbuf *out, const char *key, span text)
{
    add_key(out, key);
    outbuf_text(out, "{\"stringValue\":");
    add_string(out, text);
    outbuf_text(out, "}}");
}

// 64-bit integers are texts in protobuf's JSON.
static void add_integer(outbuf *out, const char *key, i64 value)
{
    add_key(out, key);
    outbuf_text(out, "{\"intValue\":\"");
    outbuf_written(out, put_i64(outbuf_reserve(out, 24), value));
    outbuf_text(out, "\"}}");
}

// ---------------------------------------------------------------------------------------------- values

static void add_value(outbuf *out, const typed_value *v);

static void add_members(outbuf *out, const typed_value *v)
{
    typed_value member;
    const char *between = "";
    bool named = v->kind == VALUE_STRUCT;
    outbuf_text(out, named ? "{\"kvlistValue\":{\"values\":[" : "{\"arrayValue\":{\"values\":[");
    for (value_walk walk = value_members(v); value_next(&walk, &member); between = ",") {
        outbuf_text(out, between);
        if (named) {
            outbuf_text(out, "{\"key\":");
            add_string(out, text_span(member.field->name));
            outbuf_text(out, ",\"value\":");
        }
        add_value(out, &member);
        if (named)
            outbuf_text(out, "}");
    }
    outbuf_text(out, "]}}");
}

static bool is_integer(span json)
{
    for (size_t i = json.at[0] == '-'; i < json.len; i++)
        if (json.at[i] < '0' || json.at[i] > '9')
            return false;
    return true;
}

// What the value's JSON shows it to be. Larger unsigned numbers than intValue can hold are texts.
static void wrap(outbuf *out, size_t start, const typed_value *v)
{
    span json = {out->bytes + start, out->len - start};
    bool text = json.at[0] == '"', number = !text && json.at[0] != 't' && json.at[0] != 'f';
    bool integer = number && is_integer(json), large = v->kind == VALUE_UNSIGNED && v->number > INT64_MAX;
    const char *open = text || (integer && large) ? "{\"stringValue\":"
                       : integer                  ? "{\"intValue\":"
                       : number                   ? "{\"doubleValue\":"
                                                  : "{\"boolValue\":";
    const char *quote = integer ? "\"" : "";
    size_t before = strlen(open) + strlen(quote);
    u8 *p = outbuf_reserve(out, before + 2) - json.len;
    memmove(p + before, p, json.len);
    p = put_text(put_text(p, open), quote) + json.len;
    outbuf_written(out, put_char(put_text(p, quote), '}'));
}

static void add_value(outbuf *out, const typed_value *v)
{
    if (v->kind == VALUE_NULL) {
        outbuf_text(out, "{}");
        return;
    }
    if (v->kind == VALUE_STRUCT || v->kind == VALUE_ARRAY) {
        add_members(out, v);
        return;
    }
    size_t start = out->len;
    pen at = {out, 6 * v->bytes.len + 512};
    outbuf_written(out, render_value_json(&at, pen_start(&at), v, ESCAPE_JSON));
    if (memcmp(out->bytes + start, "null", 4) == 0) {
        out->len = start;
        outbuf_text(out, "{}");
    } else {
        wrap(out, start, v);
    }
}

static void add_fields(outbuf *out, const record *rec)
{
    typed_value data, v;
    record_data(rec, &data);
    for (value_walk walk = value_members(&data); value_next(&walk, &v);) {
        add_key(out, v.field->name);
        add_value(out, &v);
        outbuf_text(out, "}");
    }
}

// ---------------------------------------------------------------------------------------------- records

static void add_guid(outbuf *out, const char *key, const u8 *id)
{
    u8 text[48];
    add_text(out, key, (span){text, (size_t)(text_guid(text, id) - text)});
}

static void add_own(outbuf *out, const record *rec)
{
    add_integer(out, "etw.record", (i64)rec->number);
    if (rec->has_process)
        add_integer(out, "etw.process.id", rec->process_id);
    if (rec->has_thread)
        add_integer(out, "etw.thread.id", rec->thread_id);
    if (rec->process_name)
        add_text(out, "process.executable.name", text_span(rec->process_name));
    if (rec->event->activity)
        add_guid(out, "etw.activity.id", rec->event->activity);
    if (render_has_message(rec)) {
        add_key(out, "etw.message");
        outbuf_text(out, "{\"stringValue\":\"");
        pen at = {out, render_bound(rec) + 64};
        outbuf_written(out, render_message_text(&at, pen_start(&at), rec, ESCAPE_JSON));
        outbuf_text(out, "\"}}");
    }
    if (rec->state != RECORD_DECODED) {
        add_key(out, "etw.raw");
        outbuf_text(out, "{\"stringValue\":\"");
        outbuf_written(out, text_bytes(outbuf_reserve(out, 2 * rec->payload.len + 1), rec->payload));
        outbuf_text(out, "\"}}");
    }
}

static void otel_render(const sink *s, const record *rec, outbuf *out)
{
    literal scope = s->scopes[rec->cls->index], head = s->heads[rec->cls->index],
            source = s->sources[rec->source_index];
    outbuf_text(out, "{\"resourceLogs\":[{\"resource\":{");
    if (rec->host) {
        outbuf_text(out, "\"attributes\":[{\"key\":\"host.name\",\"value\":{\"stringValue\":");
        add_string(out, text_span(rec->host));
        outbuf_text(out, "}}]");
    }
    outbuf_add(out, scope.text, scope.len);
    // 0 is a time that is not known, as one before 1970 has to be.
    u64 ticks = rec->time > YEAR_1970 ? (u64)(rec->time - YEAR_1970) : 0;
    outbuf_written(out, put_u64(outbuf_reserve(out, 24), ticks < UINT64_MAX / 100 ? ticks * 100 : 0));
    outbuf_add(out, head.text, head.len);
    add_own(out, rec);
    outbuf_add(out, source.text, source.len);
    if (rec->plan)
        add_fields(out, rec);
    outbuf_text(out, "]}]}]}]}\n");
}

// ---------------------------------------------------------------------------------------------- the exporter

static literal make_scope(arena *a, const event_class *cls)
{
    outbuf b = {0};
    outbuf_text(&b, "},\"scopeLogs\":[{\"scope\":{");
    if (cls->provider) {
        outbuf_text(&b, "\"name\":");
        add_string(&b, text_span(cls->provider));
    }
    outbuf_text(&b, "},\"logRecords\":[{\"timeUnixNano\":\"");
    literal made = literal_take(a, &b);
    outbuf_free(&b);
    return made;
}

static literal make_head(arena *a, const event_class *cls)
{
    static const struct {
        u8 number;
        const char *text;
    } SEVERITIES[] = {{0, "LOG_ALWAYS"}, {21, "CRITICAL"}, {17, "ERROR"}, {13, "WARNING"}, {9, "INFO"}, {5, "VERBOSE"}};
    const event_descriptor *d = &cls->descriptor;
    bool standard = d->level < COUNT_OF(SEVERITIES);
    const char *severity = standard ? SEVERITIES[d->level].text : d->level > 15 ? cls->level_name : NULL;
    outbuf b = {0};
    outbuf_text(&b, "\",\"severityNumber\":");
    outbuf_written(&b, put_u64(outbuf_reserve(&b, 24), standard ? SEVERITIES[d->level].number : 0));
    if (severity) {
        outbuf_text(&b, ",\"severityText\":");
        add_string(&b, text_span(severity));
    }
    const char *name = cls->event_name ? cls->event_name : arena_format(a, "etw.%u", d->id);
    outbuf_text(&b, ",\"eventName\":");
    add_string(&b, text_span(name));
    outbuf_text(&b, ",\"attributes\":[");
    size_t start = b.len;
    add_guid(&b, "etw.provider.id", cls->provider_id.bytes);
    memmove(b.bytes + start, b.bytes + start + 1, --b.len - start); // no comma before the first one
    add_integer(&b, "etw.event.id", d->id);
    add_integer(&b, "etw.version", d->version);
    add_integer(&b, "etw.level", d->level);
    add_integer(&b, "etw.opcode", d->opcode);
    add_integer(&b, "etw.keywords", (i64)d->keyword);
    literal made = literal_take(a, &b);
    outbuf_free(&b);
    return made;
}

static bool otel_open(sink **out, const export_target *target, error *e)
{
    sink *s = mem_zeroed(1, sizeof *s);
    (void)e;
    *out = s;
    output_open(&s->out, target);
    s->scopes = arena_array(&s->memory, literal, target->class_count);
    s->heads = arena_array(&s->memory, literal, target->class_count);
    for (u32 i = 0; i < target->class_count; i++) {
        s->scopes[i] = make_scope(&s->memory, target->classes[i]);
        s->heads[i] = make_head(&s->memory, target->classes[i]);
    }
    outbuf b = {0};
    s->sources = arena_array(&s->memory, literal, target->trace_count);
    for (u32 i = 0; i < target->trace_count; i++) {
        add_text(&b, "log.file.name", text_span(target->traces[i].file));
        s->sources[i] = literal_take(&s->memory, &b);
    }
    outbuf_free(&b);
    return true;
}

static bool otel_commit(sink *s, span rendered, u32 records, error *e)
{
    (void)records;
    return output_write(&s->out, rendered, e);
}

static bool otel_close(sink *s, error *e)
{
    bool ok = output_close(&s->out, e);
    arena_free(&s->memory);
    mem_free(s);
    return ok;
}

static bool otel_is_own(span head, int fd)
{
    (void)fd;
    return exporter_head_is(head, "{\"resourceLogs\":[{") && exporter_head_has(head, "{\"key\":\"etw.provider.id\"");
}

const exporter exporter_otel = {
    .name = "otel",
    .suffixes = "",
    .help = "OpenTelemetry: OTLP JSON Lines",
    .may_split = true,
    .is_text = true,
    .open = otel_open,
    .render = otel_render,
    .commit = otel_commit,
    .close = otel_close,
    .is_own = otel_is_own,
};
