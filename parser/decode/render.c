#include "decode/render.h"

#include "base/text.h"
#include "base/text_put.h"

// ---------------------------------------------------------------------------------------------- single values

// Writers below take and return a write position; field.room and six bytes for each of the value's must be there.

static size_t room_of(const field *f, size_t len)
{
    return f->bound + 6 * len;
}

static u8 *put_utf8(u8 *p, const char *text, text_escape e)
{
    return text_utf8_as(p, (span){(const u8 *)text, strlen(text)}, e);
}

// All names whose bits are set, joined by |, and what is left as hex.
static u8 *put_bitmap(u8 *p, const value_map *map, u64 value, text_escape e)
{
    u64 rest = value;
    bool first = true;
    for (u32 i = 0; i < map->count; i++) {
        u64 mask = map->entries[i].value;
        if (mask ? (value & mask) != mask : value != 0)
            continue;
        if (!first)
            *p++ = '|';
        p = put_utf8(p, map->entries[i].text, e);
        rest &= ~mask;
        first = false;
    }
    if (first && !rest)
        return put_u64(p, 0);
    if (!rest)
        return p;
    if (!first)
        *p++ = '|';
    return text_hex(p, rest);
}

// The names of a mapped value; false, and nothing written, where the map has none for it.
static bool put_mapped(u8 **p, const value_map *map, u64 value, text_escape e)
{
    const char *text = map->is_bitmap ? NULL : value_map_text(map, value);
    if (text)
        *p = put_utf8(*p, text, e);
    else if (map->is_bitmap)
        *p = put_bitmap(*p, map, value, e);
    return text || map->is_bitmap;
}

static u8 *put_prefixed_bytes(u8 *p, span v)
{
    return v.len ? text_bytes(put_text(p, "0x"), v) : p;
}

static u8 *put_braced_guid(u8 *p, span v)
{
    return put_char(text_guid(put_char(p, '{'), v.at), '}');
}

static u8 *put_bool(u8 *p, bool value)
{
    memcpy(p, value ? "true" : "false", 5);
    return p + (value ? 4 : 5);
}

// Times are UTC where nothing says otherwise; local ones lose the Z behind them.
static u8 *put_zone(u8 *end, const field *f)
{
    return end - (f->local && end[-1] == 'Z');
}

// The text of any value but a mapped one, without quotes.
static u8 *put_shown(u8 *p, const field *f, show_form show, span v, text_escape e)
{
    switch (show) {
    case SHOW_UNSIGNED:
        return put_u64(p, load_unsigned(v));
    case SHOW_SIGNED:
        return put_i64(p, load_signed(v));
    case SHOW_PORT:
        return put_u64(p, v.len == 2 ? load_u16_be(v.at) : load_unsigned(v));
    case SHOW_BOOL:
        return put_bool(p, load_unsigned(v) != 0);
    case SHOW_F32:
        return text_f32(p, (u32)load_unsigned(v));
    case SHOW_F64:
        return text_f64(p, load_unsigned(v));
    case SHOW_UTF16:
    case SHOW_CHAR16:
        return text_utf16_as(p, value_text_bytes(f, v, TEXT_UTF16), e);
    case SHOW_UTF8:
        return text_utf8_as(p, value_text_bytes(f, v, TEXT_UTF8), e);
    case SHOW_ANSI:
    case SHOW_CHAR8:
        return text_ansi_as(p, value_text_bytes(f, v, TEXT_ANSI), e);
    case SHOW_HEX:
    case SHOW_WIN32_ERROR:
    case SHOW_NTSTATUS:
    case SHOW_HRESULT:
        return text_hex(p, load_unsigned(v));
    case SHOW_BYTES:
        return put_prefixed_bytes(p, v);
    case SHOW_GUID:
        return put_braced_guid(p, v);
    case SHOW_SID:
        return v.len >= 8 ? text_sid(p, v) : p;
    case SHOW_FILETIME:
        return put_zone(text_time_tdh(p, (i64)load_unsigned(v)), f);
    case SHOW_SYSTEMTIME:
        return put_zone(text_systemtime(p, v.at), f);
    case SHOW_IPV4:
        return v.len == 4 ? text_ipv4(p, v.at) : put_prefixed_bytes(p, v);
    case SHOW_IPV6:
        return v.len == 16 ? text_ipv6(p, v.at) : put_prefixed_bytes(p, v);
    case SHOW_SOCKADDR:
        return text_socket_address(p, v);
    default:
        return p;
    }
}

static u8 *put_plain(u8 *p, const field *f, span v, text_escape e)
{
    if (f->show == SHOW_MAP && put_mapped(&p, f->map, load_unsigned(v), e))
        return p;
    return put_shown(p, f, f->show == SHOW_MAP ? (show_form)f->unmapped : (show_form)f->show, v, e);
}

// JSON has numbers and booleans of its own, but for what is no number.
static bool is_bare(show_form show, span v)
{
    switch (show) {
    case SHOW_UNSIGNED:
    case SHOW_SIGNED:
    case SHOW_PORT:
    case SHOW_BOOL:
        return true;
    case SHOW_F32:
        return (load_unsigned(v) & 0x7f800000u) != 0x7f800000u;
    case SHOW_F64:
        return (load_unsigned(v) & 0x7ff0000000000000u) != 0x7ff0000000000000u;
    default:
        return false;
    }
}

ALWAYS_INLINE u8 *put_quote(u8 *p, text_escape e)
{
    memcpy(p, "\"\"", 2);
    return p + (e == ESCAPE_JSON_CSV ? 2 : 1);
}

static u8 *put_json_by_show(u8 *p, const field *f, span v, text_escape e)
{
    u8 *inside = put_quote(p, e);
    show_form show = (show_form)f->show;
    if (show == SHOW_MAP) {
        if (put_mapped(&inside, f->map, load_unsigned(v), e))
            return put_quote(inside, e);
        show = (show_form)f->unmapped;
    }
    if (is_bare(show, v))
        return put_shown(p, f, show, v, e);
    return put_quote(put_shown(inside, f, show, v, e), e);
}

// Opening quote and 0x, closing quote: each is one store, of which the rest is overwritten.
ALWAYS_INLINE u8 *put_hex_open(u8 *p, text_escape e)
{
    bool twice = e == ESCAPE_JSON_CSV;
    memcpy(p, twice ? "\"\"0x" : "\"0x", 4);
    return p + (twice ? 4 : 3);
}

ALWAYS_INLINE u8 *put_quoted_hex(u8 *p, u64 value, text_escape e)
{
    return put_quote(put_hex_digits(put_hex_open(p, e), value, LETTERS_UPPER), e);
}

// The way of almost all values. `json`: as a JSON value, else as the text alone.
ALWAYS_INLINE u8 *put_value(u8 *p, const field *f, span v, text_escape e, bool json)
{
    switch ((value_writer)f->writer) {
    case WRITE_U8:
        return put_u64(p, v.at[0]);
    case WRITE_U16:
        return put_u64(p, load_u16(v.at));
    case WRITE_U32:
        return put_u64(p, load_u32(v.at));
    case WRITE_U64:
        return put_u64(p, load_u64(v.at));
    case WRITE_I8:
        return put_i64(p, (i8)v.at[0]);
    case WRITE_I16:
        return put_i64(p, (i16)load_u16(v.at));
    case WRITE_I32:
        return put_i64(p, (i32)load_u32(v.at));
    case WRITE_I64:
        return put_i64(p, load_i64(v.at));
    case WRITE_HEX8:
        return json ? put_quoted_hex(p, v.at[0], e) : put_hex(p, v.at[0], LETTERS_UPPER);
    case WRITE_HEX16:
        return json ? put_quoted_hex(p, load_u16(v.at), e) : put_hex(p, load_u16(v.at), LETTERS_UPPER);
    case WRITE_HEX32:
        return json ? put_quoted_hex(p, load_u32(v.at), e) : put_hex(p, load_u32(v.at), LETTERS_UPPER);
    case WRITE_HEX64:
        return json ? put_quoted_hex(p, load_u64(v.at), e) : put_hex(p, load_u64(v.at), LETTERS_UPPER);
    case WRITE_UTF16:
        if (!json)
            return text_utf16_as(p, v, e);
        return put_quote(text_utf16_as(put_quote(p, e), v, e), e);
    case WRITE_BY_SHOW:
        break;
    }
    return json ? put_json_by_show(p, f, v, e) : put_plain(p, f, v, e);
}

// ---------------------------------------------------------------------------------------------- fields

// A walk over a record's slots in field order.
typedef struct walk {
    const pen *at;
    const plan *plan;
    const u8 *payload;
    const slot *next;
    text_escape escape; // of JSON
} walk;

static inline span bytes_at(const walk *w, const slot *s)
{
    return (span){w->payload + s->offset, s->len};
}

// The first member of an object loses the comma before its key.
ALWAYS_INLINE u8 *put_key(u8 *p, const field *f, text_escape e, bool first)
{
    plan_text key = e == ESCAPE_JSON_CSV ? f->csv_key : f->json_key;
    return put_padded(p, key.text + first, key.len - first);
}

static u8 *walk_field(walk *w, u8 *p, const field *f);

static u8 *walk_struct(walk *w, u8 *p, const field *f)
{
    bool first = true;
    p = put_char(pen_more(w->at, p, 2), '{');
    for (u32 i = 0; i < f->member_count; i++) {
        const field *member = &w->plan->fields[f->first_member + i];
        if (member->hidden) {
            w->next += field_slots(w->plan, member, w->next);
            continue;
        }
        p = put_key(pen_more(w->at, p, member->csv_key.len + TEXT_PADDING), member, w->escape, first);
        p = walk_field(w, p, member);
        first = false;
    }
    return put_char(pen_more(w->at, p, 1), '}');
}

// Addresses come in long arrays (stacks): no per-element look at what they are, and what stands between two of them is
// one store.
ALWAYS_INLINE u8 *put_next_hex(u8 *p, u64 value, text_escape e)
{
    bool twice = e == ESCAPE_JSON_CSV;
    p = put_hex_digits(p, value, LETTERS_UPPER);
    memcpy(p, twice ? "\"\",\"\"0x" : "\",\"0x\0\0", 8);
    return p + (twice ? 7 : 5);
}

// Takes back what stands before a next one; the last one keeps its quote and comma.
ALWAYS_INLINE u8 *take_hex_open(u8 *p, text_escape e)
{
    return p - (e == ESCAPE_JSON_CSV ? 4 : 3);
}

ALWAYS_INLINE u8 *put_hex_elements(u8 *p, span v, size_t each, text_escape e)
{
    p = put_hex_open(p, e);
    for (size_t at = 0; at + each <= v.len; at += each)
        p = put_next_hex(p, each == 8 ? load_u64(v.at + at) : load_u32(v.at + at), e);
    return take_hex_open(p, e);
}

static u8 *put_hex_array(u8 *p, span v, size_t each, text_escape e)
{
    if (e == ESCAPE_JSON)
        return each == 8 ? put_hex_elements(p, v, 8, ESCAPE_JSON) : put_hex_elements(p, v, 4, ESCAPE_JSON);
    return each == 8 ? put_hex_elements(p, v, 8, ESCAPE_JSON_CSV) : put_hex_elements(p, v, 4, ESCAPE_JSON_CSV);
}

ALWAYS_INLINE u8 *put_stack(u8 *p, const record *rec, text_escape e)
{
    p = put_hex_open(put_char(p, '['), e);
    for (u32 i = 0; i < rec->stack_count; i++)
        p = put_next_hex(p, rec->stack[i], e);
    p = take_hex_open(p, e);
    return put_char(p - (rec->stack_count != 0), ']');
}

u8 *render_stack(u8 *p, const record *rec, text_escape escape)
{
    return escape == ESCAPE_JSON ? put_stack(p, rec, ESCAPE_JSON) : put_stack(p, rec, ESCAPE_JSON_CSV);
}

static u8 *put_u32_array(u8 *p, span v)
{
    for (size_t at = 0; at + 4 <= v.len; at += 4)
        p = put_char(put_u64(p, load_u32(v.at + at)), ',');
    return p;
}

// Elements of one size side by side, each with a comma after it.
static u8 *put_elements(const pen *at, u8 *p, const field *f, span v, text_escape e, bool json)
{
    enum { BOUND_ELEMENT = 32 }; // a number with its quotes and comma, and what is written beyond them
    bool hex = json && (f->writer == WRITE_HEX32 || f->writer == WRITE_HEX64);
    if (hex || f->writer == WRITE_U32) {
        p = pen_more(at, p, (v.len / f->bytes + 1) * BOUND_ELEMENT);
        return hex ? put_hex_array(p, v, f->bytes, e) : put_u32_array(p, v);
    }
    for (size_t i = 0; f->bytes && i + f->bytes <= v.len; i += f->bytes) {
        p = pen_more(at, p, room_of(f, f->bytes) + 2);
        p = put_char(put_value(p, f, (span){v.at + i, f->bytes}, e, json), ',');
    }
    return p;
}

static u8 *walk_array(walk *w, u8 *p, const field *f)
{
    const slot *head = w->next++;
    p = put_char(pen_more(w->at, p, 2), '[');
    if (f->wire == WIRE_FIXED)
        p = put_elements(w->at, p, f, bytes_at(w, head), w->escape, true);
    for (u32 i = 0; f->wire != WIRE_FIXED && i < head->len; i++) {
        if (f->wire == WIRE_STRUCT) {
            p = walk_struct(w, p, f);
        } else {
            span v = bytes_at(w, w->next++);
            p = put_value(pen_more(w->at, p, room_of(f, v.len) + 2), f, v, w->escape, true);
        }
        p = put_char(pen_more(w->at, p, 1), ',');
    }
    p -= p[-1] == ',';
    return put_char(pen_more(w->at, p, 1), ']');
}

// Writes the field's value and takes its slots off the walk.
static u8 *walk_field(walk *w, u8 *p, const field *f)
{
    if (f->count_form != COUNT_ONE && !f->characters)
        return walk_array(w, p, f);
    if (f->wire == WIRE_STRUCT)
        return walk_struct(w, p, f);
    span v = bytes_at(w, w->next++);
    return put_value(pen_more(w->at, p, room_of(f, v.len)), f, v, w->escape, true);
}

// Keys and single values are covered by the plan's data_bound, which is part of the pen's room. Each key brings its
// comma; the first one's place is the opening brace's.
ALWAYS_INLINE u8 *put_data(const pen *at, u8 *p, const record *rec, text_escape e)
{
    walk w = {at, rec->plan, rec->payload.at, rec->slots, e};
    size_t start = (size_t)(p - at->out->bytes);
    const field *f = rec->plan->fields, *end = f + rec->top_done;
    const slot *next = rec->slots;
    for (; f < end; f++) {
        if (f->silent) {
            next += field_slots(w.plan, f, next);
            continue;
        }
        p = put_key(p, f, e, false);
        if (f->single) {
            p = put_value(p, f, bytes_at(&w, next++), e, true);
            continue;
        }
        w.next = next;
        p = walk_field(&w, p, f);
        next = w.next;
    }
    u8 *open = at->out->bytes + start;
    *open = '{';
    return put_char(p == open ? p + 1 : p, '}');
}

u8 *render_data(const pen *at, u8 *p, const record *rec, text_escape escape)
{
    if (!rec->plan)
        return put_text(p, "{}");
    return escape == ESCAPE_JSON ? put_data(at, p, rec, ESCAPE_JSON) : put_data(at, p, rec, ESCAPE_JSON_CSV);
}

size_t render_bound(const record *rec)
{
    enum { BOUND_ADDRESS = 24, BOUND_MORE = 128 };
    size_t keys = rec->plan ? rec->plan->data_bound : 0;
    return keys + 8 * rec->payload.len + (size_t)BOUND_ADDRESS * rec->stack_count + BOUND_MORE;
}

void render_data_json(outbuf *out, const record *rec)
{
    pen at = {out, render_bound(rec)};
    outbuf_written(out, render_data(&at, pen_start(&at), rec, ESCAPE_JSON));
}

void render_stack_json(outbuf *out, const record *rec)
{
    pen at = {out, render_bound(rec)};
    outbuf_written(out, render_stack(pen_start(&at), rec, ESCAPE_JSON));
}

u8 *render_escaped(const pen *at, u8 *p, size_t start)
{
    size_t len = (size_t)(p - at->out->bytes) - start;
    p = pen_more(at, p, 6 * len);
    u8 *text = at->out->bytes + start;
    size_t escaped = (size_t)(text_utf8_json(p, (span){text, len}) - p);
    memmove(text, p, escaped);
    return text + escaped;
}

// ---------------------------------------------------------------------------------------------- values

u8 *render_bytes_text(const pen *at, u8 *p, const field *f, span bytes, text_escape escape)
{
    return put_value(pen_more(at, p, room_of(f, bytes.len)), f, bytes, escape, false);
}

static walk walk_from(const pen *at, const typed_value *v, text_escape e)
{
    return (walk){at, v->rec->plan, v->rec->payload.at, v->slots, e};
}

// Values that are not of a payload: columns and their elements.
static u8 *put_fieldless(const pen *at, u8 *p, const typed_value *v, text_escape e)
{
    enum { BOUND_VALUE = 64 };
    p = pen_more(at, p, BOUND_VALUE + 6 * v->bytes.len + (v->kind == VALUE_SID ? TEXT_SID_BYTES : 0));
    switch (v->kind) {
    case VALUE_UNSIGNED:
        return v->hex == 'x' ? text_hex_lower(p, v->number) : v->hex ? text_hex(p, v->number) : put_u64(p, v->number);
    case VALUE_TIME:
        return text_time(p, v->integer);
    case VALUE_TEXT:
        return v->encoding == TEXT_UTF16  ? text_utf16_as(p, v->bytes, e)
               : v->encoding == TEXT_UTF8 ? text_utf8_as(p, v->bytes, e)
                                          : text_ansi_as(p, v->bytes, e);
    case VALUE_GUID:
        return text_guid(p, v->bytes.at);
    case VALUE_SID:
        return text_sid(p, v->bytes);
    case VALUE_BYTES:
        return text_bytes(p, v->bytes);
    default:
        return p;
    }
}

static u8 *put_fieldless_json(const pen *at, u8 *p, const typed_value *v, text_escape e)
{
    if (v->kind == VALUE_UNSIGNED && !v->hex)
        return put_fieldless(at, p, v, e);
    p = put_quote(pen_more(at, p, 2), e);
    p = put_fieldless(at, p, v, e);
    return put_quote(pen_more(at, p, 2), e);
}

static u8 *put_fieldless_array(const pen *at, u8 *p, const typed_value *v, text_escape e)
{
    typed_value element;
    p = put_char(pen_more(at, p, 1), '[');
    for (value_walk w = value_members(v); value_next(&w, &element);) {
        if (w.left + 1 < v->count)
            p = put_char(pen_more(at, p, 1), ',');
        p = put_fieldless_json(at, p, &element, e);
    }
    return put_char(pen_more(at, p, 1), ']');
}

u8 *render_value_json(const pen *at, u8 *p, const typed_value *v, text_escape escape)
{
    if (v->kind == VALUE_NULL)
        return put_text(pen_more(at, p, 4), "null");
    if (!v->field && v->kind == VALUE_STRUCT)
        return render_data(&(pen){at->out, at->bound + render_bound(v->rec)}, pen_more(at, p, render_bound(v->rec)),
                           v->rec, escape);
    if (!v->field)
        return v->kind == VALUE_ARRAY ? put_fieldless_array(at, p, v, escape) : put_fieldless_json(at, p, v, escape);
    if (v->kind != VALUE_STRUCT && v->kind != VALUE_ARRAY)
        return put_value(pen_more(at, p, room_of(v->field, v->bytes.len)), v->field, v->bytes, escape, true);
    walk w = walk_from(at, v, escape);
    return v->kind == VALUE_ARRAY ? walk_array(&w, p, v->field) : walk_struct(&w, p, v->field);
}

// Elements of an array are joined by commas.
static u8 *put_text_elements(const pen *at, u8 *p, const typed_value *v, text_escape e)
{
    typed_value element;
    value_walk w = value_members(v);
    if (v->field && w.packed) {
        p = put_elements(at, p, v->field, (span){w.packed, v->slots->len}, e, false);
        return p - (v->count != 0);
    }
    for (bool first = true; value_next(&w, &element); first = false) {
        if (!first)
            p = put_char(pen_more(at, p, 1), ',');
        p = render_value_text(at, p, &element, e);
    }
    return p;
}

u8 *render_value_text(const pen *at, u8 *p, const typed_value *v, text_escape escape)
{
    if (!v->field && v->kind != VALUE_STRUCT && v->kind != VALUE_ARRAY)
        return put_fieldless(at, p, v, escape);
    switch (v->kind) {
    case VALUE_NULL:
        return p;
    case VALUE_ARRAY:
        return put_text_elements(at, p, v, escape);
    case VALUE_STRUCT: {
        size_t start = (size_t)(p - at->out->bytes);
        p = render_value_json(at, p, v, ESCAPE_JSON);
        return escape == ESCAPE_NONE ? p : render_escaped(at, p, start);
    }
    default:
        return render_bytes_text(at, p, v->field, v->bytes, escape);
    }
}

void render_text(outbuf *out, const typed_value *v)
{
    pen at = {out, 0};
    outbuf_written(out, render_value_text(&at, pen_start(&at), v, ESCAPE_NONE));
}
