// JSON members in the order of the record contract; what has no value is left out.
//
// Called by json.c and timesketch.c. Trusts the record: its texts are C strings, its slots are proven.
#include "json_fields.h"

#include "etwkit_engine.h"

static void json_prepare(const void *context, column_id id, const record *rec, outbuf *out)
{
    const json_fields *f = context;
    size_t start = out->len;
    if (f->without >> id & 1)
        return;
    outbuf_text(out, ",\"");
    outbuf_text(out, column_table[id].name);
    outbuf_text(out, "\":");
    if (!column_json(id, rec, out))
        out->len = start;
}

static void make_keys(json_fields *f)
{
    outbuf key = {0};
    f->keys = arena_array(&f->memory, literal, f->layout.count);
    for (u32 i = 0; i < f->layout.count; i++) {
        span name = text_span(f->layout.columns[i].name);
        outbuf_text(&key, ",\"");
        outbuf_written(&key, text_utf8_json(outbuf_reserve(&key, 6 * name.len), name));
        outbuf_text(&key, "\":");
        f->keys[i] = literal_take(&f->memory, &key);
    }
    outbuf_free(&key);
}

void json_fields_open(json_fields *f, const export_target *target)
{
    *f = (json_fields){.flat = target->flat, .without = target->without};
    if (!target->only_commits)
        prepared_make(&f->prepared, &f->memory, target, json_prepare, f);
    if (f->flat && !target->only_commits) {
        flat_make(&f->layout, target, NULL);
        make_keys(f);
    }
}

void json_fields_free(json_fields *f)
{
    flat_free(&f->layout);
    arena_free(&f->memory);
}

size_t json_fields_bound(const json_fields *f, const record *rec)
{
    return f->prepared.bound + render_bound(rec) + COLUMN_BOUND;
}

// ---------------------------------------------------------------------------------------------- values

// Each writes a member: `key` is its comma, name and colon, a constant.

typedef struct object {
    const json_fields *fields;
    const pen *at;
} object;

ALWAYS_INLINE u8 *put_NUMBER(const object *o, u8 *p, const char *key, u64 number)
{
    (void)o;
    return put_u64(put_text(p, key), number);
}

ALWAYS_INLINE u8 *put_TIME(const object *o, u8 *p, const char *key, i64 time)
{
    (void)o;
    return put_char(text_time(put_char(put_text(p, key), '"'), time), '"');
}

ALWAYS_INLINE u8 *put_GUID(const object *o, u8 *p, const char *key, const u8 *id)
{
    (void)o;
    return id ? put_char(text_guid(put_char(put_text(p, key), '"'), id), '"') : p;
}

ALWAYS_INLINE u8 *put_TEXT(const object *o, u8 *p, const char *key, const char *text)
{
    span s = text_span(text);
    p = put_text(pen_more(o->at, p, 6 * s.len), key);
    return put_char(text_utf8_json(put_char(p, '"'), s), '"');
}

ALWAYS_INLINE u8 *put_name(u8 *p, const char *key, literal name)
{
    return put_char(put_literal(put_char(put_text(p, key), '"'), name), '"');
}

ALWAYS_INLINE u8 *put_ORIGIN(const object *o, u8 *p, const char *key, schema_origin origin)
{
    return put_name(p, key, o->fields->prepared.origins[origin]);
}

ALWAYS_INLINE u8 *put_STATE(const object *o, u8 *p, const char *key, record_state state)
{
    return put_name(p, key, o->fields->prepared.states[state]);
}

static u8 *put_SID(const object *o, u8 *p, const char *key, span sid)
{
    if (!sid.len)
        return p;
    p = put_text(pen_more(o->at, p, TEXT_SID_BYTES), key);
    return put_char(text_sid(put_char(p, '"'), sid), '"');
}

ALWAYS_INLINE u8 *put_BYTES(const object *o, u8 *p, const char *key, span bytes)
{
    p = put_text(pen_more(o->at, p, 2 * bytes.len), key);
    return put_char(text_bytes(put_char(p, '"'), bytes), '"');
}

static u8 *put_VALUE(const object *o, u8 *p, const char *key, typed_value v)
{
    return v.kind == VALUE_NULL ? p : render_value_json(o->at, put_text(p, key), &v, ESCAPE_JSON);
}

ALWAYS_INLINE u8 *put_MESSAGE(const object *o, u8 *p, const char *key, const record *rec)
{
    p = put_char(put_text(p, key), '"');
    return put_char(render_message_text(o->at, p, rec, ESCAPE_JSON), '"');
}

ALWAYS_INLINE u8 *put_DATA(const object *o, u8 *p, const char *key, const record *rec)
{
    return render_data(o->at, put_text(p, key), rec, ESCAPE_JSON);
}

ALWAYS_INLINE u8 *put_STACK(const object *o, u8 *p, const char *key, const record *rec)
{
    (void)o;
    return render_stack(put_text(p, key), rec, ESCAPE_JSON);
}

static u8 *put_EXTENDED(const object *o, u8 *p, const char *key, const record *rec)
{
    size_t start = (size_t)(p - o->at->out->bytes);
    outbuf_written(o->at->out, put_text(p, key));
    if (!render_extended_json(o->at->out, rec))
        o->at->out->len = start;
    return pen_start(o->at);
}

// The fields of the payload. With `whole` also those of other classes, as null.
static void put_flat(const json_fields *f, outbuf *out, const record *rec, bool whole)
{
    const flat_plan *fields = flat_of(&f->layout, rec);
    u32 next = 0, count = fields ? fields->count : 0;
    for (u32 i = 0; i < (whole ? f->layout.count : count); i++) {
        u32 column = whole ? i : fields->values[i].column;
        typed_value v = {.kind = VALUE_NULL};
        if (next < count && fields->values[next].column == column)
            value_at(rec, &fields->values[next++].path, &v);
        size_t start = out->len;
        outbuf_add(out, f->keys[column].text, f->keys[column].len);
        if (flat_json(out, &f->layout.columns[column], &v))
            continue;
        out->len = whole ? out->len : start;
        outbuf_text(out, whole ? "null" : "");
    }
}

static u8 *put_flat_data(const object *o, u8 *p, const record *rec)
{
    outbuf_written(o->at->out, p);
    put_flat(o->fields, o->at->out, rec, false);
    return pen_start(o->at);
}

// ---------------------------------------------------------------------------------------------- records

ALWAYS_INLINE u8 *put_columns(const json_fields *f, const pen *at, u8 *p, const record *rec, u64 without)
{
    object o = {f, at};
#define PUT_CLASS(name, type, has, value)                                                                              \
    if (!column_continues_run(COLUMN_##name))                                                                          \
        p = put_literal(p, prepared_run(&f->prepared, COLUMN_##name, rec));
#define PUT_PLANNED PUT_CLASS
#define PUT_SOURCE PUT_CLASS
#define PUT_HOST PUT_CLASS
#define PUT_RECORD(name, type, has, value)                                                                             \
    if (COLUMN_##name == COLUMN_data && f->flat)                                                                       \
        p = put_flat_data(&o, p, rec);                                                                                 \
    else if (!(without >> COLUMN_##name & 1) && (has))                                                                 \
        p = put_##type(&o, p, ",\"" #name "\":", value);
#define COLUMN(name, type, scope, has, value) PUT_##scope(name, type, has, value)
#include "decode/columns.def"
    return p;
}

u8 *json_fields_all(const json_fields *f, const pen *at, u8 *p, const record *rec)
{
    return f->without ? put_columns(f, at, p, rec, f->without) : put_columns(f, at, p, rec, 0);
}

void json_fields_whole(const json_fields *f, outbuf *out, const record *rec)
{
    for (column_id id = 0; id < COLUMN_COUNT; id++) {
        if (f->without >> id & 1)
            continue;
        if (id == COLUMN_data && f->flat) {
            put_flat(f, out, rec, true);
            continue;
        }
        outbuf_text(out, ",\"");
        outbuf_text(out, column_table[id].name);
        outbuf_text(out, "\":");
        if (!column_json(id, rec, out))
            outbuf_text(out, "null");
    }
}

u8 *json_fields_other(const json_fields *f, const pen *at, u8 *p, const record *rec)
{
    return put_columns(f, at, p, rec, 1u << COLUMN_record | 1u << COLUMN_timestamp | 1u << COLUMN_message);
}
