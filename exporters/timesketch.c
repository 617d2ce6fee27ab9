// Timesketch (`timesketch`): JSON Lines with the members its importer asks for (message, datetime, timestamp_desc,
// timestamp in microseconds since 1970), then the record contract's columns.
//
// The exact time of a record stands in `event_time`, since `timestamp` is taken; its own message in `event_message`,
// where `message` tells what it shows that somebody did.
#include "description.h"
#include "exporter.h"
#include "json_fields.h"
#include "output.h"

#include "etwkit_engine.h"

static const i64 EPOCH_1970 = 116444736000000000; // as FILETIME
static const i64 LAST_TIME = 2650467743999999999; // 9999-12-31T23:59:59.9999999Z

struct sink {
    output out;
    json_fields fields;
    descriptions descriptions;
};

static bool timesketch_open(sink **out, const export_target *target, error *e)
{
    sink *s = mem_zeroed(1, sizeof *s);
    (void)e;
    *out = NULL;
    output_open(&s->out, target);
    json_fields_open(&s->fields, target);
    descriptions_open(&s->descriptions, target);
    *out = s;
    return true;
}

static void timesketch_render(const sink *s, const record *rec, outbuf *out)
{
    enum { BOUND_HEAD = 512 };
    pen at = {out, json_fields_bound(&s->fields, rec) + BOUND_HEAD};
    outbuf_written(out, put_text(pen_start(&at), "{\"message\":\""));
    size_t start = out->len;
    description described = description_put(&s->descriptions, rec, out);
    u8 *p = render_escaped(&at, pen_start(&at), start);

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
    if (described == DESCRIBED_ACTIVITY && render_has_message(rec)) {
        p = put_text(p, ",\"event_message\":\"");
        p = put_char(render_message_text(&at, p, rec, ESCAPE_JSON), '"');
        p = pen_more(&at, p, 0);
    }
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
    descriptions_free(&s->descriptions);
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
    .correlate = CORRELATE_ACTIVITIES,
    .open = timesketch_open,
    .render = timesketch_render,
    .commit = timesketch_commit,
    .close = timesketch_close,
    .is_own = timesketch_is_own,
};
