// log2timeline CSV (`l2tcsv`): the 17 columns that plaso and its readers agree on, for timelines of many sources.
//
// The fields stand in `desc` where a record has no message and shows nothing, and in `extra` otherwise; '-' is "nothing
// known".
#include "csv_cell.h"
#include "description.h"
#include "exporter.h"
#include "literal.h"
#include "output.h"

#include "etwkit_engine.h"

static const char HEADER[] = "date,time,timezone,MACB,source,sourcetype,type,user,host,short,desc,version,filename,"
                             "inode,notes,format,extra\r\n";
static const i64 LAST_TIME = 2650467743999999999; // 9999-12-31T23:59:59.9999999Z

struct sink {
    output out;
    arena memory;
    descriptions descriptions;
    literal *sources; // ,2,file,-,-,etwkit,
    bool guard;
};

static bool l2tcsv_close(sink *s, error *e)
{
    bool ok = output_close(&s->out, e);
    descriptions_free(&s->descriptions);
    arena_free(&s->memory);
    mem_free(s);
    return ok;
}

// Its readers take a line for a record.
static void close_cell(outbuf *b, size_t start, bool guard)
{
    csv_cell_one_line(b, start);
    csv_cell_close(b, start, guard);
}

static void add_cell(outbuf *b, const char *text, bool guard)
{
    size_t start = b->len;
    span s = text_span(text);
    outbuf_written(b, text_utf8(outbuf_reserve(b, 3 * s.len), s));
    close_cell(b, start, guard);
}

static void l2tcsv_prepare(sink *s, const export_target *target)
{
    outbuf b = {0};
    s->sources = arena_array(&s->memory, literal, target->trace_count);
    for (u32 i = 0; i < target->trace_count; i++) {
        const export_trace *t = &target->traces[i];
        outbuf_text(&b, ",2,");
        add_cell(&b, t->file, s->guard);
        outbuf_text(&b, ",-,-,etwkit,");
        s->sources[i] = literal_take(&s->memory, &b);
    }
    outbuf_free(&b);
}

static bool l2tcsv_open(sink **out, const export_target *target, error *e)
{
    sink *s = mem_zeroed(1, sizeof *s);
    *out = NULL;
    s->guard = target->csv_guard;
    output_open(&s->out, target);
    descriptions_open(&s->descriptions, target);
    if (!target->continues && !output_text(&s->out, HEADER, e)) {
        (void)!l2tcsv_close(s, NULL);
        return false;
    }
    l2tcsv_prepare(s, target);
    *out = s;
    return true;
}

static u8 *put_member(u8 *p, const char *name, u64 value)
{
    p = put_text(p, name);
    p = text_u64(p, value);
    return p;
}

// "name: value; name: value", the form of plaso's extra column
static void render_extra(const record *rec, bool data, outbuf *out)
{
    size_t start = out->len;
    u8 *p = put_member(outbuf_reserve(out, 320), "record: ", rec->number);
    p = put_text(p, "; time: ");
    p = text_time(p, rec->time);
    p = put_member(p, "; event_id: ", rec->cls->descriptor.id);
    p = put_member(p, "; level: ", rec->cls->descriptor.level);
    if (rec->has_process)
        p = put_member(p, "; process_id: ", rec->process_id);
    if (rec->has_thread)
        p = put_member(p, "; thread_id: ", rec->thread_id);
    if (rec->event->activity) {
        p = put_text(p, "; activity_id: ");
        p = text_guid(p, rec->event->activity);
    }
    p = put_text(p, "; state: ");
    p = put_text(p, record_state_name(rec->state));
    p = put_member(p, "; offset: ", rec->offset);
    outbuf_written(out, p);
    if (rec->process_name) {
        outbuf_text(out, "; process_name: ");
        span name = text_span(rec->process_name);
        outbuf_written(out, text_utf8(outbuf_reserve(out, 3 * name.len), name));
    }
    if (data) {
        outbuf_text(out, "; data: ");
        render_data_json(out, rec);
    }
    close_cell(out, start, false);
}

// `short`, the first characters of `desc`, and `desc`: the record in words. Whether that leaves out its fields.
static bool render_description(const sink *s, const record *rec, outbuf *out)
{
    enum { SHORT_BYTES = 80 };
    outbuf text = {0};
    description described = description_put(&s->descriptions, rec, &text);
    size_t cut = text.len;
    if (cut > SHORT_BYTES) {
        cut = SHORT_BYTES;
        while (cut && (text.bytes[cut] & 0xc0) == 0x80)
            cut--;
    }
    size_t start = out->len;
    outbuf_add(out, text.bytes, cut);
    close_cell(out, start, s->guard);
    outbuf_text(out, ",");
    start = out->len;
    outbuf_add(out, text.bytes, text.len);
    close_cell(out, start, s->guard);
    outbuf_free(&text);
    return described != DESCRIBED_FIELDS;
}

static void l2tcsv_render(const sink *s, const record *rec, outbuf *out)
{
    u8 iso[32];
    text_time(iso, rec->time < 0 ? 0 : rec->time > LAST_TIME ? LAST_TIME : rec->time);
    u8 *p = outbuf_reserve(out, 128);
    memcpy(p, iso + 5, 2); // MM/DD/YYYY
    p[2] = '/';
    memcpy(p + 3, iso + 8, 2);
    p[5] = '/';
    memcpy(p + 6, iso, 4);
    p[10] = ',';
    memcpy(p + 11, iso + 11, 8); // HH:MM:SS
    p = put_text(p + 19, ",UTC,....,ETL,Event Trace Log,Event Logged,");
    outbuf_written(out, p);
    if (!column_text(COLUMN_user_sid, rec, out))
        outbuf_text(out, "-");
    outbuf_text(out, ",");
    add_cell(out, rec->host ? rec->host : "-", rec->host && s->guard);
    outbuf_text(out, ",");
    bool other = render_description(s, rec, out);
    literal source = s->sources[rec->source_index];
    outbuf_add(out, source.text, source.len);
    render_extra(rec, rec->plan && other, out);
    outbuf_text(out, "\r\n");
}

static bool l2tcsv_commit(sink *s, span rendered, u32 records, error *e)
{
    (void)records;
    return output_write(&s->out, rendered, e);
}

// Other programs write the same header: the first line after it says what the records are.
static bool l2tcsv_is_own(span head, int fd)
{
    enum { DATE_TIME = 19 };
    (void)fd;
    span first = span_from(head, sizeof(HEADER) - 1);
    return exporter_head_is(head, HEADER) &&
           (!first.len || exporter_head_is(span_from(first, DATE_TIME), ",UTC,....,ETL,Event Trace Log,"));
}

const exporter exporter_l2tcsv = {
    .name = "l2tcsv",
    .suffixes = "",
    .help = "log2timeline's 17 columns as CSV",
    .may_split = true,
    .is_text = true,
    .correlate = CORRELATE_ACTIVITIES,
    .takes_guard = true,
    .open = l2tcsv_open,
    .render = l2tcsv_render,
    .commit = l2tcsv_commit,
    .close = l2tcsv_close,
    .is_own = l2tcsv_is_own,
};
