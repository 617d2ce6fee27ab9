// JSON members in the order of the record contract; what has no value is left out.
//
// Called by json.c and timesketch.c. Trusts the record: its texts are C strings, its slots are proven.
#include "json_fields.h"

#include "etwkit_engine.h"

// ------------------------------------------------------------------------------------- literals

static void add_string(outbuf *b, const char *key, const char *text)
{
    if (!text)
        return;
    outbuf_text(b, ",\"");
    outbuf_text(b, key);
    outbuf_text(b, "\":\"");
    span s = text_span(text);
    outbuf_written(b, text_utf8_json(outbuf_reserve(b, 6 * s.len), s));
    outbuf_text(b, "\"");
}

static void add_number(outbuf *b, const char *key, u64 value)
{
    outbuf_text(b, ",\"");
    outbuf_text(b, key);
    outbuf_text(b, "\":");
    outbuf_written(b, text_u64(outbuf_reserve(b, 20), value));
}

static void add_keyword_names(outbuf *b, const event_class *cls)
{
    if (!cls->keyword_count)
        return;
    outbuf_text(b, ",\"keyword_names\":[");
    for (u32 i = 0; i < cls->keyword_count; i++) {
        outbuf_text(b, i ? ",\"" : "\"");
        span s = text_span(cls->keyword_names[i]);
        outbuf_written(b, text_utf8_json(outbuf_reserve(b, 6 * s.len), s));
        outbuf_text(b, "\"");
    }
    outbuf_text(b, "]");
}

static void add_class(outbuf *b, const event_class *cls)
{
    char id[GUID_TEXT];
    add_string(b, "provider", cls->provider);
    add_string(b, "provider_id", guid_to_text(&cls->provider_id, id));
    add_string(b, "event_name", cls->event_name);
    add_number(b, "event_id", cls->descriptor.id);
    add_number(b, "version", cls->descriptor.version);
    add_number(b, "channel", cls->descriptor.channel);
    add_number(b, "level", cls->descriptor.level);
    add_number(b, "opcode", cls->descriptor.opcode);
    add_number(b, "task", cls->descriptor.task);
    add_string(b, "opcode_name", cls->opcode_name);
    add_string(b, "task_name", cls->task_name);
    add_string(b, "level_name", cls->level_name);
    add_keyword_names(b, cls);
    outbuf_text(b, ",\"keywords\":\"");
    outbuf_written(b, text_hex_lower(outbuf_reserve(b, 18), cls->descriptor.keyword));
    outbuf_text(b, "\"");
}

void json_fields_open(json_fields *f, const export_target *target)
{
    outbuf b = {0};
    *f = (json_fields){.class_count = target->class_count, .source_count = target->trace_count};
    f->classes = arena_array(&f->memory, literal, target->class_count);
    for (u32 i = 0; i < target->class_count; i++) {
        add_class(&b, target->classes[i]);
        f->classes[i] = literal_take(&f->memory, &b);
    }
    f->sources = arena_array(&f->memory, literal, target->trace_count);
    for (u32 i = 0; i < target->trace_count; i++) {
        add_string(&b, "source", target->traces[i].file);
        outbuf_text(&b, ",\"offset\":");
        f->sources[i] = literal_take(&f->memory, &b);
    }
    for (unsigned origin = 0; origin < ORIGIN_COUNT; origin++)
        for (unsigned state = 0; state < STATE_COUNT; state++) {
            add_string(&b, "schema", schema_origin_name((schema_origin)origin));
            add_string(&b, "state", record_state_name((record_state)state));
            f->states[origin][state] = literal_take(&f->memory, &b);
        }
    outbuf_free(&b);
}

void json_fields_free(json_fields *f)
{
    arena_free(&f->memory);
}

// ------------------------------------------------------------------------------------- records

size_t json_fields_room(const json_fields *f, const record *rec)
{
    enum { ROOM_NUMBERS = 512 }; // numbers, identities, keys, prepared texts of a few bytes
    assert(rec->cls->index < f->class_count && rec->source_index < f->source_count);
    return f->classes[rec->cls->index].len + f->sources[rec->source_index].len + render_room(rec) + ROOM_NUMBERS;
}

static u8 *put_process_name(const pen *at, u8 *p, const char *text)
{
    span name = text_span(text);
    p = put_text(pen_more(at, p, 6 * name.len), ",\"process_name\":\"");
    return put_char(text_utf8_json(p, name), '"');
}

static u8 *put_guid(u8 *p, const u8 *bytes)
{
    return put_char(text_guid(p, bytes), '"');
}

// What stands in extended data items.
static u8 *put_attached(const pen *at, u8 *p, const record *rec)
{
    const u8 *related;
    if (render_related_activity(rec, &related))
        p = put_guid(put_text(p, ",\"related_activity_id\":\""), related);
    u8 *inside = put_text(p, ",\"user_sid\":\"");
    size_t start = (size_t)(inside - at->out->bytes);
    at->out->len = start;
    if (render_user_sid(at->out, rec))
        return put_char(pen_start(at), '"');
    return p;
}

u8 *json_fields_facts(const json_fields *f, const pen *at, u8 *p, const record *rec)
{
    literal cls = f->classes[rec->cls->index];
    memcpy(p, cls.text, cls.len);
    p += cls.len;
    if (rec->has_process)
        p = put_u64(put_text(p, ",\"process_id\":"), rec->process_id);
    if (rec->has_thread)
        p = put_u64(put_text(p, ",\"thread_id\":"), rec->thread_id);
    p = put_u64(put_text(p, ",\"processor\":"), rec->processor);
    if (rec->process_name)
        p = put_process_name(at, p, rec->process_name);
    if (rec->event->activity)
        p = put_guid(put_text(p, ",\"activity_id\":\""), rec->event->activity);
    if (rec->event->extended.len)
        p = put_attached(at, p, rec);
    return put_literal(p, f->states[record_origin(rec)][rec->state]);
}

u8 *json_fields_message(const pen *at, u8 *p, const record *rec)
{
    if (!render_has_message(rec))
        return p;
    p = put_text(p, ",\"message\":\"");
    return put_char(render_message_text(at, p, rec, ESCAPE_JSON), '"');
}

static u8 *put_extended(const pen *at, u8 *p, const record *rec)
{
    outbuf_written(at->out, put_text(p, ",\"extended\":"));
    return render_extended_json(at->out, rec) ? pen_start(at) : p;
}

u8 *json_fields_payload(const json_fields *f, const pen *at, u8 *p, const record *rec)
{
    if (rec->plan)
        p = render_data(at, put_text(p, ",\"data\":"), rec, ESCAPE_JSON);
    if (rec->state != RECORD_DECODED)
        p = put_char(text_bytes(put_text(p, ",\"raw\":\""), rec->payload), '"');
    if (rec->stack_count)
        p = render_stack(put_text(p, ",\"stack\":"), rec, ESCAPE_JSON);
    if (render_may_extend(rec))
        p = put_extended(at, p, rec);
    return put_u64(put_literal(p, f->sources[rec->source_index]), rec->offset);
}
