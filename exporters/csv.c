// CSV (`csv`): a header row, then the record contract's columns; CRLF, UTF-8, an empty cell where there is no value.
//
// Payload, stack and extended items are their JSON text, keyword names are joined by '|'.
#include "csv_cell.h"
#include "exporter.h"
#include "literal.h"
#include "output.h"

#include "etwkit_engine.h"

static const char HEADER[] =
    "record,timestamp,provider,provider_id,event_name,event_id,version,channel,level,opcode,task,"
    "opcode_name,task_name,level_name,keyword_names,keywords,process_id,thread_id,processor,"
    "process_name,activity_id,related_activity_id,user_sid,schema,state,message,data,raw,stack,"
    "extended,source,offset\r\n";

struct sink {
    output out;
    arena memory;
    literal *classes; // provider to keywords, a comma before each and at the end
    literal *sources; // ,source,
    u32 class_count, source_count;
    literal states[ORIGIN_COUNT][STATE_COUNT]; // ,schema,state,
    bool guard;
};

static void add_cell(outbuf *b, const char *text, bool guard)
{
    outbuf_text(b, ",");
    csv_cell_text(b, text, guard);
}

static void add_number(outbuf *b, u64 value)
{
    outbuf_text(b, ",");
    outbuf_written(b, text_u64(outbuf_reserve(b, 20), value));
}

static void add_keyword_names(outbuf *b, const event_class *cls, bool guard)
{
    outbuf_text(b, ",");
    if (!cls->keyword_count)
        return;
    size_t start = b->len;
    for (u32 i = 0; i < cls->keyword_count; i++) {
        if (i)
            outbuf_text(b, "|");
        span s = text_span(cls->keyword_names[i]);
        outbuf_written(b, text_utf8(outbuf_reserve(b, 3 * s.len), s));
    }
    csv_cell_close(b, start, guard);
}

static void add_class(outbuf *b, const event_class *cls, bool guard)
{
    char id[GUID_TEXT];
    add_cell(b, cls->provider, guard);
    add_cell(b, guid_to_text(&cls->provider_id, id), guard);
    add_cell(b, cls->event_name, guard);
    add_number(b, cls->descriptor.id);
    add_number(b, cls->descriptor.version);
    add_number(b, cls->descriptor.channel);
    add_number(b, cls->descriptor.level);
    add_number(b, cls->descriptor.opcode);
    add_number(b, cls->descriptor.task);
    add_cell(b, cls->opcode_name, guard);
    add_cell(b, cls->task_name, guard);
    add_cell(b, cls->level_name, guard);
    add_keyword_names(b, cls, guard);
    outbuf_text(b, ",");
    outbuf_written(b, text_hex_lower(outbuf_reserve(b, 18), cls->descriptor.keyword));
    outbuf_text(b, ",");
}

static void csv_prepare(sink *s, const export_target *target)
{
    outbuf b = {0};
    s->guard = target->csv_guard;
    s->class_count = target->class_count;
    s->classes = arena_array(&s->memory, literal, target->class_count);
    for (u32 i = 0; i < target->class_count; i++) {
        add_class(&b, target->classes[i], s->guard);
        s->classes[i] = literal_take(&s->memory, &b);
    }
    s->source_count = target->trace_count;
    s->sources = arena_array(&s->memory, literal, target->trace_count);
    for (u32 i = 0; i < target->trace_count; i++) {
        add_cell(&b, target->traces[i].file, s->guard);
        outbuf_text(&b, ",");
        s->sources[i] = literal_take(&s->memory, &b);
    }
    for (unsigned origin = 0; origin < ORIGIN_COUNT; origin++)
        for (unsigned state = 0; state < STATE_COUNT; state++) {
            add_cell(&b, schema_origin_name((schema_origin)origin), false);
            add_cell(&b, record_state_name((record_state)state), false);
            outbuf_text(&b, ",");
            s->states[origin][state] = literal_take(&s->memory, &b);
        }
    outbuf_free(&b);
}

static bool csv_close(sink *s, error *e)
{
    bool ok = output_close(&s->out, e);
    arena_free(&s->memory);
    mem_free(s);
    return ok;
}

static bool csv_open(sink **out, const export_target *target, error *e)
{
    sink *s = mem_zeroed(1, sizeof *s);
    *out = NULL;
    output_open(&s->out, target);
    if (!target->continues && !output_text(&s->out, HEADER, e)) {
        (void)!csv_close(s, NULL);
        return false;
    }
    csv_prepare(s, target);
    *out = s;
    return true;
}

// record to process_id, thread_id, processor: numbers and prepared text.
static u8 *put_head(const sink *s, u8 *p, const record *rec)
{
    literal cls = s->classes[rec->cls->index];
    p = text_time(put_char(put_u64(p, rec->number), ','), rec->time);
    memcpy(p, cls.text, cls.len);
    p += cls.len;
    if (rec->has_process)
        p = put_u64(p, rec->process_id);
    *p++ = ',';
    if (rec->has_thread)
        p = put_u64(p, rec->thread_id);
    p = put_u64(put_char(p, ','), rec->processor);
    return put_char(p, ',');
}

// related_activity_id, user_sid: what stands in extended data items.
static u8 *put_attached(const pen *at, u8 *p, const record *rec)
{
    const u8 *related;
    if (render_related_activity(rec, &related))
        p = text_guid(p, related);
    outbuf_written(at->out, put_char(p, ','));
    render_user_sid(at->out, rec);
    return pen_start(at);
}

// process_name to state
static u8 *put_identity(const sink *s, const pen *at, u8 *p, const record *rec)
{
    if (rec->process_name) {
        outbuf_written(at->out, p);
        csv_cell_text(at->out, rec->process_name, s->guard);
        p = pen_start(at);
    }
    *p++ = ',';
    if (rec->event->activity)
        p = text_guid(p, rec->event->activity);
    *p++ = ',';
    p = rec->event->extended.len ? put_attached(at, p, rec) : put_char(p, ',');
    return put_literal(p, s->states[record_origin(rec)][rec->state]);
}

static u8 *put_message(const sink *s, const pen *at, u8 *p, const record *rec)
{
    size_t start = (size_t)(p - at->out->bytes);
    outbuf_written(at->out, render_message_text(at, p, rec, ESCAPE_NONE));
    csv_cell_close(at->out, start, s->guard);
    return pen_start(at);
}

// The payload is written as the inside of a quoted cell; only the empty one stands without quotes.
static u8 *put_data(const pen *at, u8 *p, const record *rec)
{
    size_t start = (size_t)(p - at->out->bytes);
    p = render_data(at, put_char(p, '"'), rec, ESCAPE_JSON_CSV);
    u8 *cell = at->out->bytes + start;
    return p - cell == 3 ? put_text(cell, "{}") : put_char(p, '"');
}

static u8 *put_extended(const pen *at, u8 *p, const record *rec)
{
    size_t start = (size_t)(p - at->out->bytes);
    outbuf_written(at->out, p);
    if (render_extended_json(at->out, rec))
        csv_cell_close_json(at->out, start);
    return pen_start(at);
}

static void csv_render(const sink *s, const record *rec, outbuf *out)
{
    enum { ROOM_NUMBERS = 512 }; // numbers, identities, prepared texts of a few bytes
    assert(rec->cls->index < s->class_count && rec->source_index < s->source_count);
    literal source = s->sources[rec->source_index];
    pen at = {out, s->classes[rec->cls->index].len + source.len + render_room(rec) + ROOM_NUMBERS};
    u8 *p = put_head(s, pen_start(&at), rec);
    p = put_identity(s, &at, p, rec);
    if (render_has_message(rec))
        p = put_message(s, &at, p, rec);
    *p++ = ',';
    if (rec->plan)
        p = put_data(&at, p, rec);
    *p++ = ',';
    if (rec->state != RECORD_DECODED)
        p = text_bytes(p, rec->payload);
    *p++ = ',';
    if (rec->stack_count)
        p = put_char(render_stack(put_char(p, '"'), rec, ESCAPE_JSON_CSV), '"');
    *p++ = ',';
    if (render_may_extend(rec))
        p = put_extended(&at, p, rec);
    p = put_u64(put_literal(p, source), rec->offset);
    outbuf_written(out, put_text(p, "\r\n"));
}

static bool csv_commit(sink *s, span rendered, u32 records, error *e)
{
    (void)records;
    return output_write(&s->out, rendered, e);
}

static bool csv_is_own(span head, int fd)
{
    (void)fd;
    return exporter_head_is(head, "record,timestamp,provider,provider_id,");
}

const exporter exporter_csv = {
    .name = "csv",
    .suffixes = " .csv ",
    .help = "comma-separated values with a header row",
    .may_split = true,
    .is_text = true,
    .takes_guard = true,
    .open = csv_open,
    .render = csv_render,
    .commit = csv_commit,
    .close = csv_close,
    .is_own = csv_is_own,
};
