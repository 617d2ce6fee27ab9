// CSV (`csv`): a header row, then the record contract's columns; CRLF, UTF-8, an empty cell where there is no value.
//
// Payload, stack and extended items are their JSON text, keyword names are joined by '|'.
#include "csv_cell.h"
#include "exporter.h"
#include "literal.h"
#include "output.h"

#include "decode/render.h"

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
    if (!output_open(&s->out, target->path, e)) {
        mem_free(s);
        return false;
    }
    if (!output_text(&s->out, HEADER, e)) {
        (void)!csv_close(s, NULL);
        return false;
    }
    csv_prepare(s, target);
    *out = s;
    return true;
}

// record to process_id, thread_id, processor: numbers and prepared text.
static void render_head(const sink *s, const record *rec, outbuf *out)
{
    assert(rec->cls->index < s->class_count);
    literal cls = s->classes[rec->cls->index];
    u8 *p = text_u64(outbuf_reserve(out, cls.len + 128), rec->number);
    *p++ = ',';
    p = text_time(p, rec->time);
    p = put_literal(p, cls);
    if (rec->has_process)
        p = text_u64(p, rec->process_id);
    *p++ = ',';
    if (rec->has_thread)
        p = text_u64(p, rec->thread_id);
    *p++ = ',';
    p = text_u64(p, rec->processor);
    *p++ = ',';
    outbuf_written(out, p);
}

static void render_identity(const sink *s, const record *rec, outbuf *out)
{
    csv_cell_text(out, rec->process_name, s->guard);
    u8 *p = outbuf_reserve(out, 128);
    *p++ = ',';
    if (rec->event->activity)
        p = text_guid(p, rec->event->activity);
    *p++ = ',';
    const u8 *related;
    if (render_related_activity(rec, &related))
        p = text_guid(p, related);
    *p++ = ',';
    outbuf_written(out, p);
    render_user_sid(out, rec);
    literal state = s->states[record_origin(rec)][rec->state];
    outbuf_add(out, state.text, state.len);
}

static void csv_render(const sink *s, const record *rec, outbuf *out)
{
    render_head(s, rec, out);
    render_identity(s, rec, out);

    size_t start = out->len;
    if (render_message(out, rec))
        csv_cell_close(out, start, s->guard);
    outbuf_text(out, ",");
    start = out->len;
    if (rec->plan) {
        render_data_json(out, rec);
        csv_cell_close_json(out, start);
    }
    u8 *p = outbuf_reserve(out, 2 * rec->payload.len + 2);
    *p++ = ',';
    if (rec->state != RECORD_DECODED)
        p = text_bytes(p, rec->payload);
    *p++ = ',';
    outbuf_written(out, p);
    start = out->len;
    if (rec->stack_count) {
        render_stack_json(out, rec);
        csv_cell_close_json(out, start);
    }
    outbuf_text(out, ",");
    start = out->len;
    if (render_extended_json(out, rec))
        csv_cell_close_json(out, start);

    assert(rec->source_index < s->source_count);
    literal source = s->sources[rec->source_index];
    p = put_literal(outbuf_reserve(out, source.len + 22), source);
    p = text_u64(p, rec->offset);
    *p++ = '\r';
    *p++ = '\n';
    outbuf_written(out, p);
}

static bool csv_commit(sink *s, span rendered, u32 records, error *e)
{
    (void)records;
    return output_write(&s->out, rendered, e);
}

const exporter exporter_csv = {
    .name = "csv",
    .suffixes = " .csv ",
    .help = "comma-separated values with a header row",
    .open = csv_open,
    .render = csv_render,
    .commit = csv_commit,
    .close = csv_close,
};
