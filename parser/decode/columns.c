#include "decode/columns.h"

#include <strings.h>

#include "base/text.h"
#include "base/text_put.h"

#undef ALWAYS
#undef IF
#define ALWAYS true
#define IF(condition) false

#define ROW(kind, name, type, scope, has) [kind##_##name] = {#name, TYPE_##type, SCOPE_##scope, has},

const column_facts column_table[COLUMN_FACTS] = {
#define COLUMN(name, type, scope, has, value) ROW(COLUMN, name, type, scope, has)
#define FACT(name, type, scope, has, value) ROW(FACT, name, type, scope, has)
#include "decode/columns.def"
};

#undef IF
#define IF(condition) (condition)

bool column_find(const char *name, size_t len, column_id *id)
{
    for (u32 i = 0; i < COLUMN_FACTS; i++) {
        if (strncasecmp(column_table[i].name, name, len) == 0 && column_table[i].name[len] == 0) {
            *id = (column_id)i;
            return true;
        }
    }
    return false;
}

// ---------------------------------------------------------------------------------------------- extended data items

static bool find_item(const record *rec, u16 type, size_t min, span *data)
{
    size_t at = 0;
    extended_item item;
    while (extended_next(rec->event->extended, &at, &item)) {
        if (item.type == type && item.data.len >= min) {
            *data = item.data;
            return true;
        }
    }
    return false;
}

const u8 *column_related_activity(const record *rec)
{
    span data;
    return find_item(rec, EXT_RELATED_ACTIVITY, 16, &data) ? data.at : NULL;
}

span column_user_sid(const record *rec)
{
    span data, sid = {0};
    if (find_item(rec, EXT_SID, 8, &data))
        (void)!span_sub(data, 0, 8 + (size_t)4 * data.at[1], &sid);
    return sid;
}

// ---------------------------------------------------------------------------------------------- values

// Each as one column's value; `scratch` for what must be written to be one.

static typed_value value_NUMBER(u64 number, outbuf *scratch)
{
    (void)scratch;
    return (typed_value){.kind = VALUE_UNSIGNED, .number = number};
}

static typed_value value_FLAGS(u64 number, outbuf *scratch)
{
    (void)scratch;
    return (typed_value){.kind = VALUE_UNSIGNED, .number = number, .hex = 'x'};
}

static typed_value value_TIME(i64 time, outbuf *scratch)
{
    (void)scratch;
    return (typed_value){.kind = VALUE_TIME, .integer = time};
}

static typed_value value_GUID(const u8 *id, outbuf *scratch)
{
    (void)scratch;
    return (typed_value){.kind = id ? VALUE_GUID : VALUE_NULL, .bytes = {id, 16}};
}

static typed_value text_value(span text)
{
    return (typed_value){.kind = VALUE_TEXT, .encoding = TEXT_UTF8, .bytes = text};
}

static typed_value value_TEXT(const char *text, outbuf *scratch)
{
    (void)scratch;
    return text ? text_value((span){(const u8 *)text, strlen(text)}) : (typed_value){.kind = VALUE_NULL};
}

static typed_value value_TEXTS(column_texts texts, outbuf *scratch)
{
    (void)scratch;
    return (typed_value){.kind = VALUE_ARRAY, .count = texts.count, .texts = texts.list};
}

static typed_value value_ORIGIN(schema_origin origin, outbuf *scratch)
{
    return value_TEXT(schema_origin_name(origin), scratch);
}

static typed_value value_STATE(record_state state, outbuf *scratch)
{
    return value_TEXT(record_state_name(state), scratch);
}

static typed_value value_SID(span sid, outbuf *scratch)
{
    (void)scratch;
    return (typed_value){.kind = sid.len ? VALUE_SID : VALUE_NULL, .bytes = sid};
}

static typed_value value_BYTES(span bytes, outbuf *scratch)
{
    (void)scratch;
    return (typed_value){.kind = VALUE_BYTES, .bytes = bytes};
}

static typed_value value_VALUE(typed_value v, outbuf *scratch)
{
    (void)scratch;
    return v;
}

static typed_value value_MESSAGE(const record *rec, outbuf *scratch)
{
    render_message(scratch, rec);
    return text_value((span){scratch->bytes, scratch->len});
}

static typed_value value_DATA(const record *rec, outbuf *scratch)
{
    (void)scratch;
    typed_value v;
    record_data(rec, &v);
    return v;
}

static typed_value value_STACK(const record *rec, outbuf *scratch)
{
    (void)scratch;
    return (typed_value){.kind = VALUE_ARRAY, .count = rec->stack_count, .numbers = rec->stack, .hex = 'X'};
}

static typed_value value_EXTENDED(const record *rec, outbuf *scratch)
{
    return render_extended_json(scratch, rec) ? text_value((span){scratch->bytes, scratch->len})
                                              : (typed_value){.kind = VALUE_NULL};
}

void column_value(column_id id, const record *rec, outbuf *scratch, typed_value *out)
{
    scratch->len = 0;
    *out = (typed_value){.kind = VALUE_NULL};
    switch (id) {
#define GIVE(kind, name, type, has, value)                                                                             \
    case kind##_##name:                                                                                                \
        if (has)                                                                                                       \
            *out = value_##type(value, scratch);                                                                       \
        break;
#define COLUMN(name, type, scope, has, value) GIVE(COLUMN, name, type, has, value)
#define FACT(name, type, scope, has, value) GIVE(FACT, name, type, has, value)
#include "decode/columns.def"
    case COLUMN_FACTS:
        break;
    }
}

// ---------------------------------------------------------------------------------------------- text

static void put_texts(outbuf *out, const typed_value *v)
{
    for (u32 i = 0; i < v->count; i++) {
        if (i)
            outbuf_text(out, "|");
        span s = {(const u8 *)v->texts[i], strlen(v->texts[i])};
        outbuf_written(out, text_utf8(outbuf_reserve(out, 3 * s.len), s));
    }
}

static void put_json(outbuf *out, const typed_value *v)
{
    pen at = {out, 64};
    outbuf_written(out, render_value_json(&at, pen_start(&at), v, ESCAPE_JSON));
}

// Columns whose value is JSON in every output.
static bool is_json(column_id id)
{
    column_type type = column_table[id].type;
    return type == TYPE_DATA || type == TYPE_STACK;
}

static bool put_column(column_id id, const record *rec, outbuf *out, bool json)
{
    typed_value v;
    outbuf scratch = {0};
    column_type type = column_table[id].type;
    column_value(id, rec, &scratch, &v);
    if (v.kind == VALUE_NULL)
        (void)0;
    else if (type == TYPE_EXTENDED)
        outbuf_add(out, v.bytes.at, v.bytes.len);
    else if (json || is_json(id))
        put_json(out, &v);
    else if (type == TYPE_TEXTS)
        put_texts(out, &v);
    else
        render_text(out, &v);
    outbuf_free(&scratch);
    return v.kind != VALUE_NULL;
}

bool column_text(column_id id, const record *rec, outbuf *out)
{
    return put_column(id, rec, out, false);
}

bool column_json(column_id id, const record *rec, outbuf *out)
{
    return put_column(id, rec, out, true);
}
