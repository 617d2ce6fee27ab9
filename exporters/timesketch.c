// Timesketch (`timesketch`): JSON Lines with the members its importer asks for (message, datetime, timestamp_desc,
// timestamp in microseconds since 1970), then the record contract's columns.
//
// The exact time of a record stands in `event_time`, since `timestamp` is taken.
#include "exporter.h"
#include "json_fields.h"
#include "output.h"

#include "decode/render.h"

static const i64 EPOCH_1970 = 116444736000000000; // as FILETIME
static const i64 LAST_TIME = 2650467743999999999; // 9999-12-31T23:59:59.9999999Z

struct sink {
    output out;
    json_fields fields;
    literal *stems; // provider/event, for records without a message
};

static bool timesketch_open(sink **out, const export_target *target, error *e)
{
    sink *s = mem_zeroed(1, sizeof *s);
    *out = NULL;
    if (!output_open(&s->out, target->path, e)) {
        mem_free(s);
        return false;
    }
    json_fields_open(&s->fields, target);
    outbuf b = {0};
    s->stems = arena_array(&s->fields.memory, literal, target->class_count);
    for (u32 i = 0; i < target->class_count; i++) {
        const event_class *cls = target->classes[i];
        char id[GUID_TEXT];
        span provider = text_span(cls->provider ? cls->provider : guid_to_text(&cls->provider_id, id));
        outbuf_written(&b, text_utf8_json(outbuf_reserve(&b, 6 * provider.len), provider));
        outbuf_text(&b, "/");
        span name = text_span(cls->event_name ? cls->event_name : "");
        u8 *p = outbuf_reserve(&b, 6 * name.len + 20);
        outbuf_written(&b, name.len ? text_utf8_json(p, name) : text_u64(p, cls->descriptor.id));
        s->stems[i] = literal_take(&s->fields.memory, &b);
    }
    outbuf_free(&b);
    *out = s;
    return true;
}

// The message, or what the event is and its payload.
static void render_description(const sink *s, const record *rec, outbuf *out)
{
    if (render_message_json(out, rec))
        return;
    literal stem = s->stems[rec->cls->index];
    outbuf_add(out, stem.text, stem.len);
    if (!rec->plan)
        return;
    outbuf data = {0};
    render_data_json(&data, rec);
    outbuf_text(out, " ");
    outbuf_written(out, text_utf8_json(outbuf_reserve(out, 6 * data.len), (span){data.bytes, data.len}));
    outbuf_free(&data);
}

static void timesketch_render(const sink *s, const record *rec, outbuf *out)
{
    outbuf_text(out, "{\"message\":\"");
    render_description(s, rec, out);

    // Years 1601 to 9999 have a date; other times are shown as the nearest of those.
    i64 shown = rec->time < 0 ? 0 : rec->time > LAST_TIME ? LAST_TIME : rec->time;
    u8 *p = put_text(outbuf_reserve(out, 320), "\",\"datetime\":\"");
    p = text_time(p, shown) - 2; // without the seventh decimal and the Z
    p = put_text(p, "+00:00\",\"timestamp\":");
    i64 ticks = shown - EPOCH_1970;
    p = text_i64(p, ticks / 10 - (ticks % 10 < 0));
    p = put_text(p, ",\"timestamp_desc\":\"Event Logged\",\"data_type\":\"windows:etw:event\",\"record\":");
    p = text_u64(p, rec->number);
    p = put_text(p, ",\"event_time\":\"");
    p = text_time(p, rec->time);
    *p++ = '"';
    outbuf_written(out, p);
    json_fields_facts(&s->fields, rec, out);
    json_fields_payload(&s->fields, rec, out);
    outbuf_text(out, "}\n");
}

static bool timesketch_commit(sink *s, span rendered, u32 records, error *e)
{
    (void)records;
    return output_write(&s->out, rendered, e);
}

static bool timesketch_close(sink *s, error *e)
{
    bool ok = output_close(&s->out, e);
    json_fields_free(&s->fields);
    mem_free(s);
    return ok;
}

const exporter exporter_timesketch = {
    .name = "timesketch",
    .suffixes = "",
    .help = "JSON Lines as Timesketch imports them",
    .open = timesketch_open,
    .render = timesketch_render,
    .commit = timesketch_commit,
    .close = timesketch_close,
};
