#include "description.h"

#include "etwkit_engine.h"

enum { RAW_SHOWN = 64 }; // bytes of a payload that cannot be decoded

void descriptions_open(descriptions *d, const export_target *target)
{
    outbuf b = {0};
    d->stems = arena_array(&d->memory, literal, target->class_count);
    for (u32 i = 0; i < target->class_count; i++) {
        const event_class *cls = target->classes[i];
        char id[GUID_TEXT];
        span provider = text_span(cls->provider ? cls->provider : guid_to_text(&cls->provider_id, id));
        span name = text_span(cls->event_name ? cls->event_name : "");
        u8 *p = outbuf_reserve(&b, 3 * (provider.len + name.len) + 32);
        p = put_char(text_utf8(p, provider), '/');
        outbuf_written(&b, name.len ? text_utf8(p, name) : put_u64(p, cls->descriptor.id));
        d->stems[i] = literal_take(&d->memory, &b);
    }
    outbuf_free(&b);
    if (target->session)
        d->activities =
            activities_new(target->session->correlator, target->classes, target->class_count, ACTIVITY_KINDS_TOLD);
}

void descriptions_free(descriptions *d)
{
    activities_free(d->activities);
    arena_free(&d->memory);
}

// ------------------------------------------------------------------------------------- lines

// Bytes of the control character at `at`, 0 where there is none: C0, DEL, and C1 as UTF-8 has it (0xc2, 0x80 to 0x9f).
static inline size_t control_length(const u8 *at, const u8 *end)
{
    if (*at < 0x20 || *at == 0x7f)
        return 1;
    return *at == 0xc2 && end - at > 1 && at[1] < 0xa0 ? 2 : 0;
}

// What stands from `start` on becomes a part of one line that no terminal acts on: each run of control characters (with
// the blanks around it) is a blank, and there is none at the end.
void description_clean(outbuf *out, size_t start)
{
    u8 *to = out->bytes + start, *first = to, *end = out->bytes + out->len;
    for (const u8 *at = to; at < end;) {
        size_t control = control_length(at, end), hidden = 0;
        if (!control && *at >= 0xc2)
            hidden = text_hidden((span){at, (size_t)(end - at)});
        if (!control) {
            *to++ = hidden ? '?' : *at;
            at += hidden ? hidden : 1;
            continue;
        }
        while (at < end && (*at == ' ' || control_length(at, end)))
            at += *at == ' ' ? 1 : control_length(at, end);
        if (to > first && to[-1] != ' ')
            *to++ = ' ';
    }
    while (to > first && to[-1] == ' ')
        to--;
    outbuf_written(out, to);
}

// ------------------------------------------------------------------------------------- fields

// The text that is all of a payload; false where there is more to it, or something else.
static bool only_text(const record *rec, typed_value *text)
{
    typed_value data, more;
    record_data(rec, &data);
    value_walk walk = value_members(&data);
    return value_next(&walk, text) && text->kind == VALUE_TEXT && !value_next(&walk, &more);
}

// In quotes where it would not be seen as one: it is empty or has blanks in it.
static void put_value(outbuf *out, const typed_value *v)
{
    size_t start = out->len;
    render_text(out, v);
    const char *account = v->kind == VALUE_SID ? sid_name_of(v->bytes) : NULL;
    if (account) {
        outbuf_text(out, " (");
        outbuf_text(out, account);
        outbuf_text(out, ")");
    }
    size_t len = out->len - start;
    if (v->kind == VALUE_NULL || v->kind == VALUE_STRUCT || (len && !memchr(out->bytes + start, ' ', len)))
        return;
    u8 *text = outbuf_reserve(out, 2) - len;
    memmove(text + 1, text, len);
    text[0] = text[len + 1] = '"';
    outbuf_written(out, text + len + 2);
}

void description_put_fields(const record *rec, outbuf *out)
{
    typed_value data, v;
    if (only_text(rec, &v)) {
        render_text(out, &v);
        return;
    }
    record_data(rec, &data);
    const char *between = "";
    for (value_walk walk = value_members(&data); value_next(&walk, &v); between = " ") {
        outbuf_text(out, between);
        span name = text_span(v.field->name);
        outbuf_written(out, text_utf8(outbuf_reserve(out, 3 * name.len), name));
        outbuf_text(out, "=");
        put_value(out, &v);
    }
}

// What could not be decoded.
static void put_raw(outbuf *out, const record *rec)
{
    span payload = rec->payload;
    size_t shown = payload.len < RAW_SHOWN ? payload.len : RAW_SHOWN;
    u8 *p = outbuf_reserve(out, 2 * RAW_SHOWN + 64);
    p = put_text(p, rec->state == RECORD_PARTIAL ? " [partial, " : "[raw, ");
    p = put_text(put_u64(p, payload.len), payload.len == 1 ? " byte" : " bytes");
    if (shown)
        p = text_bytes(put_text(p, ": "), (span){payload.at, shown});
    outbuf_written(out, put_text(p, shown < payload.len ? "...]" : "]"));
}

void description_put_event(const record *rec, outbuf *out)
{
    if (!render_message(out, rec) && rec->plan)
        description_put_fields(rec, out);
    if (rec->state != RECORD_DECODED)
        put_raw(out, rec);
}

// ------------------------------------------------------------------------------------- records

static bool put_activity(const descriptions *d, const record *rec, outbuf *out)
{
    activity seen;
    u32 count = d->activities && rec->scratch ? activities_of_class(d->activities, rec->cls->index) : 0;
    for (u32 i = 0; i < count; i++)
        if (activity_see(d->activities, rec, i, rec->scratch, &seen)) {
            size_t start = out->len;
            activity_sentence(&seen, rec->scratch, out);
            description_clean(out, start);
            return true;
        }
    return false;
}

description description_put(const descriptions *d, const record *rec, outbuf *out)
{
    if (put_activity(d, rec, out))
        return DESCRIBED_ACTIVITY;
    if (render_message(out, rec))
        return DESCRIBED_MESSAGE;
    size_t start = out->len;
    literal stem = d->stems[rec->cls->index];
    outbuf_add(out, stem.text, stem.len);
    if (rec->plan) {
        outbuf_text(out, " ");
        description_put_fields(rec, out);
    }
    description_clean(out, start);
    return DESCRIBED_FIELDS;
}
