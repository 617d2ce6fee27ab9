// JSON members in the order of the record contract; what has no value is left out.
//
// Called by json.c and timesketch.c. Trusts the record: its texts are C strings, its slots are proven.
#include "json_fields.h"

#include "decode/render.h"

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

static u8 *put_guid(u8 *p, const char *member, const u8 *bytes)
{
    p = put_text(p, member);
    p = text_guid(p, bytes);
    *p++ = '"';
    return p;
}

void json_fields_facts(const json_fields *f, const record *rec, outbuf *out)
{
    assert(rec->cls->index < f->class_count);
    literal cls = f->classes[rec->cls->index];
    span name = rec->process_name ? text_span(rec->process_name) : (span){0};
    u8 *p = outbuf_reserve(out, cls.len + 6 * name.len + 320);
    p = put_literal(p, cls);
    if (rec->has_process) {
        p = put_text(p, ",\"process_id\":");
        p = text_u64(p, rec->process_id);
    }
    if (rec->has_thread) {
        p = put_text(p, ",\"thread_id\":");
        p = text_u64(p, rec->thread_id);
    }
    p = put_text(p, ",\"processor\":");
    p = text_u64(p, rec->processor);
    if (rec->process_name) {
        p = put_text(p, ",\"process_name\":\"");
        p = text_utf8_json(p, name);
        *p++ = '"';
    }
    if (rec->event->activity)
        p = put_guid(p, ",\"activity_id\":\"", rec->event->activity);
    const u8 *related;
    if (render_related_activity(rec, &related))
        p = put_guid(p, ",\"related_activity_id\":\"", related);
    outbuf_written(out, p);

    size_t before = out->len;
    outbuf_text(out, ",\"user_sid\":\"");
    if (render_user_sid(out, rec))
        outbuf_text(out, "\"");
    else
        out->len = before;

    literal state = f->states[record_origin(rec)][rec->state];
    outbuf_add(out, state.text, state.len);
}

void json_fields_message(const record *rec, outbuf *out)
{
    size_t before = out->len;
    outbuf_text(out, ",\"message\":\"");
    if (render_message_json(out, rec))
        outbuf_text(out, "\"");
    else
        out->len = before;
}

void json_fields_payload(const json_fields *f, const record *rec, outbuf *out)
{
    if (rec->plan) {
        outbuf_text(out, ",\"data\":");
        render_data_json(out, rec);
    }
    if (rec->state != RECORD_DECODED) {
        u8 *p = put_text(outbuf_reserve(out, 2 * rec->payload.len + 16), ",\"raw\":\"");
        p = text_bytes(p, rec->payload);
        *p++ = '"';
        outbuf_written(out, p);
    }
    if (rec->stack_count) {
        outbuf_text(out, ",\"stack\":");
        render_stack_json(out, rec);
    }
    size_t before = out->len;
    outbuf_text(out, ",\"extended\":");
    if (!render_extended_json(out, rec))
        out->len = before;

    assert(rec->source_index < f->source_count);
    literal source = f->sources[rec->source_index];
    u8 *p = put_literal(outbuf_reserve(out, source.len + 20), source);
    outbuf_written(out, text_u64(p, rec->offset));
}
