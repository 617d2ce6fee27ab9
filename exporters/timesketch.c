// Timesketch (`timesketch`): JSON Lines with the members its importer asks for (message, datetime, timestamp_desc,
// timestamp in microseconds since 1970), then the record contract's columns.
//
// The exact time of a record stands in `event_time`, since `timestamp` is taken.
#include "exporter.h"
#include "json_fields.h"
#include "output.h"

#include "etwkit_engine.h"

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
    (void)e;
    *out = NULL;
    output_open(&s->out, target);
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
static u8 *put_description(const sink *s, const pen *at, u8 *p, const record *rec)
{
    if (render_has_message(rec))
        return render_message_text(at, p, rec, ESCAPE_JSON);
    literal stem = s->stems[rec->cls->index];
    p = put_literal(pen_more(at, p, stem.len), stem);
    if (!rec->plan)
        return p;
    *p++ = ' ';
    size_t start = (size_t)(p - at->out->bytes);
    return render_escaped(at, render_data(at, p, rec, ESCAPE_JSON), start);
}

static void timesketch_render(const sink *s, const record *rec, outbuf *out)
{
    enum { BOUND_HEAD = 512 };
    pen at = {out, json_fields_bound(&s->fields, rec) + BOUND_HEAD};
    u8 *p = put_description(s, &at, put_text(pen_start(&at), "{\"message\":\""), rec);

    // Years 1601 to 9999 have a date; other times are shown as the nearest of those.
    i64 shown = rec->time < 0 ? 0 : rec->time > LAST_TIME ? LAST_TIME : rec->time;
    // Payload and message share a room that was made for one of them.
    p = pen_more(&at, p, 0);
    p = text_time(put_text(p, "\",\"datetime\":\""), shown) - 2; // without the seventh decimal and the Z
    p = put_text(p, "+00:00\",\"timestamp\":");
    i64 ticks = shown - EPOCH_1970;
    p = put_i64(p, ticks / 10 - (ticks % 10 < 0));
    p = put_text(p, ",\"timestamp_desc\":\"Event Logged\",\"data_type\":\"windows:etw:event\",\"record\":");
    p = put_u64(p, rec->number);
    p = put_char(text_time(put_text(p, ",\"event_time\":\""), rec->time), '"');
    p = json_fields_other(&s->fields, &at, p, rec);
    outbuf_written(out, put_text(p, "}\n"));
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

static bool timesketch_is_own(span head, int fd)
{
    (void)fd;
    return exporter_head_is(head, "{\"message\":\"") && exporter_head_has(head, "\"data_type\":\"windows:etw:event\"");
}

const exporter exporter_timesketch = {
    .name = "timesketch",
    .suffixes = "",
    .help = "JSON Lines as Timesketch imports them",
    .may_split = true,
    .is_text = true,
    .open = timesketch_open,
    .render = timesketch_render,
    .commit = timesketch_commit,
    .close = timesketch_close,
    .is_own = timesketch_is_own,
};
