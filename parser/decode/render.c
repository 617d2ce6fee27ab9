#include "decode/render.h"

#include <stdio.h>

#include "base/text.h"

// ---------------------------------------------------------------------------------------------- single values

static u64 unsigned_of(span v)
{
    switch (v.len) {
    case 1:
        return v.at[0];
    case 2:
        return load_u16(v.at);
    case 4:
        return load_u32(v.at);
    case 8:
        return load_u64(v.at);
    default:
        return 0;
    }
}

static i64 signed_of(span v)
{
    switch (v.len) {
    case 1:
        return (i8)v.at[0];
    case 2:
        return (i16)load_u16(v.at);
    case 4:
        return (i32)load_u32(v.at);
    default:
        return (i64)unsigned_of(v);
    }
}

// Writers below take and return a write position; value_room says what must be reserved for them.
typedef enum dress { PLAIN, JSON } dress;

enum {
    ROOM_NUMBER = 48, // numbers, GUIDs, times, addresses with their quotes
    ROOM_FLOAT = 400,
    ROOM_SID = 16 + 11 * 256,
};

static size_t value_room(const field *f, size_t len)
{
    if (f->show <= SHOW_BOOL || f->show == SHOW_GUID)
        return ROOM_NUMBER;
    size_t room = ROOM_NUMBER + 16 + len * 6;
    if (f->map)
        room += f->map_room;
    if (f->show == SHOW_F32 || f->show == SHOW_F64)
        room += ROOM_FLOAT;
    if (f->show == SHOW_SID)
        room += ROOM_SID;
    return room;
}

static u8 *put_utf8(u8 *p, const char *text, dress d)
{
    span s = {(const u8 *)text, strlen(text)};
    return d == JSON ? text_utf8_json(p, s) : text_utf8(p, s);
}

void render_json_text(outbuf *out, const char *text)
{
    u8 *p = outbuf_reserve(out, strlen(text) * 6 + 1);
    outbuf_written(out, put_utf8(p, text, JSON));
}

static void put_char(outbuf *o, char c)
{
    u8 *p = outbuf_reserve(o, 1);
    *p = (u8)c;
    outbuf_written(o, p + 1);
}

static const char *map_text(const value_map *map, u64 value)
{
    for (u32 i = 0; i < map->count; i++)
        if (map->entries[i].value == value)
            return map->entries[i].text;
    return NULL;
}

// All names whose bits are set, joined by |, and what is left as hex.
static u8 *put_bitmap(u8 *p, const value_map *map, u64 value, dress d)
{
    u64 rest = value;
    bool first = true;
    for (u32 i = 0; i < map->count; i++) {
        u32 mask = map->entries[i].value;
        if (mask ? (value & mask) != mask : value != 0)
            continue;
        if (!first)
            *p++ = '|';
        p = put_utf8(p, map->entries[i].text, d);
        rest &= ~(u64)mask;
        first = false;
    }
    if (first && !rest)
        return text_u64(p, 0);
    if (!rest)
        return p;
    if (!first)
        *p++ = '|';
    return text_hex(p, rest);
}

static span trimmed(const field *f, span v)
{
    if (!f->trim)
        return v;
    if (f->show == SHOW_UTF16)
        while (v.len >= 2 && v.at[v.len - 1] == 0 && v.at[v.len - 2] == 0)
            v.len -= 2;
    else
        while (v.len && v.at[v.len - 1] == 0)
            v.len--;
    return v;
}

static u8 *put_prefixed_bytes(u8 *p, span v)
{
    if (!v.len)
        return p;
    *p++ = '0';
    *p++ = 'x';
    return text_bytes(p, v);
}

static u8 *put_braced_guid(u8 *p, span v)
{
    *p++ = '{';
    p = text_guid(p, v.at);
    *p++ = '}';
    return p;
}

// The text of a value that is a string in JSON too.
static u8 *put_text(u8 *p, const field *f, show_form show, span v, dress d)
{
    switch (show) {
    case SHOW_UTF16:
        v = trimmed(f, v);
        return d == JSON ? text_utf16_json(p, v) : text_utf16(p, v);
    case SHOW_CHAR16:
        return d == JSON ? text_utf16_json(p, v) : text_utf16(p, v);
    case SHOW_UTF8:
        v = trimmed(f, v);
        return d == JSON ? text_utf8_json(p, v) : text_utf8(p, v);
    case SHOW_ANSI:
    case SHOW_CHAR8:
        v = trimmed(f, v);
        return d == JSON ? text_ansi_json(p, v) : text_ansi(p, v);
    case SHOW_HEX:
    case SHOW_WIN32_ERROR:
    case SHOW_NTSTATUS:
    case SHOW_HRESULT:
        return text_hex(p, unsigned_of(v));
    case SHOW_BYTES:
        return put_prefixed_bytes(p, v);
    case SHOW_GUID:
        return put_braced_guid(p, v);
    case SHOW_SID:
        return v.len >= 8 ? text_sid(p, v) : p;
    case SHOW_FILETIME:
        return text_time_tdh(p, (i64)unsigned_of(v));
    case SHOW_SYSTEMTIME:
        return text_systemtime(p, v.at);
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

static bool is_finite(show_form show, u64 bits)
{
    return show == SHOW_F32 ? (bits & 0x7f800000u) != 0x7f800000u : (bits & 0x7ff0000000000000u) != 0x7ff0000000000000u;
}

static u8 *put_float(u8 *p, show_form show, u64 bits)
{
    return show == SHOW_F32 ? text_f32(p, (u32)bits) : text_f64(p, bits);
}

static u8 *put_bool(u8 *p, bool value)
{
    memcpy(p, value ? "true" : "false", 5);
    return p + (value ? 4 : 5);
}

static u8 *put_quoted_map(u8 *p, const field *f, u64 value, bool *named)
{
    const char *text = f->map->is_bitmap ? NULL : map_text(f->map, value);
    *named = f->map->is_bitmap || text;
    if (!*named)
        return p;
    *p++ = '"';
    p = text ? put_utf8(p, text, JSON) : put_bitmap(p, f->map, value, JSON);
    *p++ = '"';
    return p;
}

static u8 *put_json_value(u8 *p, const field *f, span v)
{
    show_form show = (show_form)f->show;
    bool named;
    if (show == SHOW_MAP) {
        p = put_quoted_map(p, f, unsigned_of(v), &named);
        if (named)
            return p;
        show = (show_form)f->unmapped;
    }
    switch (show) {
    case SHOW_UNSIGNED:
        return text_u64(p, unsigned_of(v));
    case SHOW_SIGNED:
        return text_i64(p, signed_of(v));
    case SHOW_PORT:
        return text_u64(p, v.len == 2 ? load_u16_be(v.at) : unsigned_of(v));
    case SHOW_BOOL:
        return put_bool(p, unsigned_of(v) != 0);
    case SHOW_F32:
    case SHOW_F64:
        if (is_finite(show, unsigned_of(v)))
            return put_float(p, show, unsigned_of(v));
        *p++ = '"';
        p = put_float(p, show, unsigned_of(v));
        break;
    default:
        *p++ = '"';
        p = put_text(p, f, show, v, JSON);
        break;
    }
    *p++ = '"';
    return p;
}

void render_value_text(outbuf *out, const field *f, span value, bool wide)
{
    (void)wide;
    u8 *p = outbuf_reserve(out, value_room(f, value.len));
    show_form show = (show_form)f->show;
    if (show == SHOW_MAP) {
        const char *text = f->map->is_bitmap ? NULL : map_text(f->map, unsigned_of(value));
        if (text || f->map->is_bitmap) {
            p = text ? put_utf8(p, text, PLAIN) : put_bitmap(p, f->map, unsigned_of(value), PLAIN);
            outbuf_written(out, p);
            return;
        }
        show = (show_form)f->unmapped;
    }
    switch (show) {
    case SHOW_UNSIGNED:
        p = text_u64(p, unsigned_of(value));
        break;
    case SHOW_SIGNED:
        p = text_i64(p, signed_of(value));
        break;
    case SHOW_PORT:
        p = text_u64(p, value.len == 2 ? load_u16_be(value.at) : unsigned_of(value));
        break;
    case SHOW_BOOL:
        p = put_bool(p, unsigned_of(value) != 0);
        break;
    case SHOW_F32:
    case SHOW_F64:
        p = put_float(p, show, unsigned_of(value));
        break;
    default:
        p = put_text(p, f, show, value, PLAIN);
        break;
    }
    outbuf_written(out, p);
}

// ---------------------------------------------------------------------------------------------- fields

// A walk over a record's slots in field order.
typedef struct walk {
    outbuf *out;
    const plan *plan;
    span payload;
    const slot *next;
} walk;

static span value_at(const walk *w, const slot *s)
{
    return (span){w->payload.at + s->offset, s->len};
}

static void put_value(walk *w, const field *f)
{
    span v = value_at(w, w->next);
    u8 *p = outbuf_reserve(w->out, value_room(f, v.len));
    outbuf_written(w->out, put_json_value(p, f, v));
}

static void walk_field(walk *w, const field *f, bool show);

static void walk_struct(walk *w, const field *f, bool show)
{
    bool first = true;
    if (show)
        put_char(w->out, '{');
    for (u32 i = 0; i < f->member_count; i++) {
        const field *member = &w->plan->fields[f->first_member + i];
        bool shown = show && !member->hidden;
        if (shown) {
            if (!first)
                put_char(w->out, ',');
            first = false;
            outbuf_add(w->out, member->json_key, member->json_key_len);
        }
        walk_field(w, member, shown);
    }
    if (show)
        put_char(w->out, '}');
}

// Addresses and other hex numbers come in long arrays (stacks): no per-element look at what they are.
static u8 *put_hex_array(u8 *p, span v, u32 each)
{
    for (size_t at = 0; at + each <= v.len; at += each) {
        u64 value = each == 8   ? load_u64(v.at + at)
                    : each == 4 ? load_u32(v.at + at)
                                : unsigned_of((span){v.at + at, each});
        *p++ = '"';
        p = text_hex(p, value);
        *p++ = '"';
        *p++ = ',';
    }
    return p;
}

static void walk_fixed_array(walk *w, const field *f)
{
    const slot *s = w->next - 1;
    if (f->show == SHOW_HEX && f->bytes) {
        u8 *at = outbuf_reserve(w->out, s->len / f->bytes * (size_t)21 + 24);
        *at++ = '[';
        at = put_hex_array(at, (span){w->payload.at + s->offset, s->len}, f->bytes);
        at -= at[-1] == ',';
        *at++ = ']';
        outbuf_written(w->out, at);
        return;
    }
    size_t room = value_room(f, f->bytes) + 2;
    u8 *p = outbuf_reserve(w->out, room);
    *p++ = '[';
    for (u32 at = 0; f->bytes && at + f->bytes <= s->len; at += f->bytes) {
        outbuf_written(w->out, p);
        p = outbuf_reserve(w->out, room);
        if (at)
            *p++ = ',';
        p = put_json_value(p, f, (span){w->payload.at + s->offset + at, f->bytes});
    }
    outbuf_written(w->out, p);
    put_char(w->out, ']');
}

static void walk_array(walk *w, const field *f, bool show)
{
    const slot *head = w->next++;
    if (f->wire == WIRE_FIXED) {
        if (show)
            walk_fixed_array(w, f);
        return;
    }
    if (show)
        put_char(w->out, '[');
    for (u32 i = 0; i < head->len; i++) {
        if (show && i)
            put_char(w->out, ',');
        if (f->wire == WIRE_STRUCT) {
            walk_struct(w, f, show);
        } else {
            if (show)
                put_value(w, f);
            w->next++;
        }
    }
    if (show)
        put_char(w->out, ']');
}

// Takes the field's slots off the walk, and writes its value where `show`.
static void walk_field(walk *w, const field *f, bool show)
{
    if (f->count_form != COUNT_ONE) {
        walk_array(w, f, show);
    } else if (f->wire == WIRE_STRUCT) {
        walk_struct(w, f, show);
    } else {
        if (show)
            put_value(w, f);
        w->next++;
    }
}

void render_data_json(outbuf *out, const record *rec)
{
    walk w = {out, rec->plan, rec->payload, rec->slots};
    bool first = true;
    put_char(out, '{');
    for (u32 i = 0; rec->plan && i < rec->top_done; i++) {
        const field *f = &rec->plan->fields[i];
        if (f->hidden || (f->show == SHOW_NOTHING && f->wire != WIRE_STRUCT && f->out_type == OUT_NO_PRINT)) {
            walk_field(&w, f, false);
            continue;
        }
        // A single value, by far the most frequent: key and value under one reservation.
        bool single = f->count_form == COUNT_ONE && f->wire != WIRE_STRUCT;
        span v = single ? value_at(&w, w.next) : (span){NULL, 0};
        u8 *p = outbuf_reserve(out, f->json_key_len + 2u + (single ? value_room(f, v.len) : 0));
        *p = ',';
        p += !first;
        first = false;
        memcpy(p, f->json_key, f->json_key_len);
        p += f->json_key_len;
        if (single) {
            w.next++;
            outbuf_written(out, put_json_value(p, f, v));
        } else {
            outbuf_written(out, p);
            walk_field(&w, f, true);
        }
    }
    put_char(out, '}');
}

// ---------------------------------------------------------------------------------------------- messages

// One printf conversion of a WPP message applied to an integer. Only flags, width and conversion of the specification
// are used; lengths (l, ll, I64) follow from the value.
static void put_spec(outbuf *o, const char *spec, const field *f, span v)
{
    char form[32] = "%";
    size_t n = 1;
    const char *p = spec;
    while (*p && strchr("-+ #0", *p) && n < 8)
        form[n++] = *p++;
    while (((*p >= '0' && *p <= '9') || *p == '.') && n < 12)
        form[n++] = *p++;
    while (*p && strchr("hlLIqjzt6432wF", *p))
        p++;
    char conversion = *p ? *p : 'd';
    if (conversion ==
        'p') { // as Windows' C library prints pointers: all digits, no 0x, which messages write themselves
        char digits[32];
        snprintf(digits, sizeof(digits), "%0*llX", (int)(2 * f->bytes), (unsigned long long)unsigned_of(v));
        outbuf_add(o, digits, strlen(digits));
        return;
    }
    if (!strchr("diuxXo", conversion)) {
        render_value_text(o, f, v, true);
        return;
    }
    form[n++] = 'l';
    form[n++] = 'l';
    form[n++] = conversion;
    form[n] = 0;
    char text[160];
    bool is_signed = conversion == 'd' || conversion == 'i';
    int len = is_signed ? snprintf(text, sizeof(text), form, (long long)signed_of(v))
                        : snprintf(text, sizeof(text), form, (unsigned long long)unsigned_of(v));
    if (len > 0)
        outbuf_add(o, text, (size_t)len < sizeof(text) ? (size_t)len : sizeof(text) - 1);
}

static bool is_integer(const field *f)
{
    return f->wire == WIRE_FIXED && f->count_form == COUNT_ONE &&
           (f->show == SHOW_UNSIGNED || f->show == SHOW_SIGNED || f->show == SHOW_HEX);
}

static const slot *slot_of_field(const record *rec, u32 index, outbuf *scratch)
{
    if (rec->plan->one_slot_each)
        return &rec->slots[index];
    walk w = {scratch, rec->plan, rec->payload, rec->slots};
    for (u32 i = 0; i < index; i++)
        walk_field(&w, &rec->plan->fields[i], false);
    return w.next;
}

// Elements of an array are joined by commas.
static void put_insert(outbuf *o, const record *rec, const message_piece *piece)
{
    u32 index = (u32)piece->field;
    if (index >= rec->top_done)
        return;
    const field *f = &rec->plan->fields[index];
    const slot *s = slot_of_field(rec, index, o);
    if (f->wire == WIRE_STRUCT || (f->count_form != COUNT_ONE && f->wire != WIRE_FIXED)) {
        walk w = {o, rec->plan, rec->payload, s};
        walk_field(&w, f, true);
        return;
    }
    span v = {rec->payload.at + s->offset, s->len};
    if (f->count_form == COUNT_ONE) {
        if (piece->spec && is_integer(f))
            put_spec(o, piece->spec, f, v);
        else
            render_value_text(o, f, v, rec->plan->wide);
        return;
    }
    for (u32 at = 0; f->bytes && at + f->bytes <= v.len; at += f->bytes) {
        if (at)
            put_char(o, ',');
        render_value_text(o, f, (span){v.at + at, f->bytes}, rec->plan->wide);
    }
}

bool render_field_text(outbuf *out, const record *rec, const char *name)
{
    for (u32 i = 0; rec->plan && i < rec->top_done; i++) {
        if (strcmp(rec->plan->fields[i].name, name) != 0)
            continue;
        const message_piece piece = {.field = (i32)i};
        put_insert(out, rec, &piece);
        return true;
    }
    return false;
}

bool render_message(outbuf *out, const record *rec)
{
    if (!rec->plan || !rec->plan->message_count)
        return false;
    for (u32 i = 0; i < rec->plan->message_count; i++) {
        const message_piece *piece = &rec->plan->message[i];
        outbuf_add(out, piece->text, piece->text_len);
        if (piece->field >= 0)
            put_insert(out, rec, piece);
    }
    return true;
}

// The message is written as text first, then escaped into its place behind it and moved down: no second buffer.
bool render_message_json(outbuf *out, const record *rec)
{
    size_t start = out->len;
    if (!render_message(out, rec))
        return false;
    size_t len = out->len - start;
    u8 *escaped = outbuf_reserve(out, len * 6);
    u8 *end = text_utf8_json(escaped, (span){out->bytes + start, len});
    size_t bytes = (size_t)(end - escaped);
    memmove(out->bytes + start, escaped, bytes);
    out->len = start + bytes;
    return true;
}

// ---------------------------------------------------------------------------------------------- attachments

void render_stack_json(outbuf *out, const record *rec)
{
    u8 *p = outbuf_reserve(out, rec->stack_count * (size_t)21 + 2);
    *p++ = '[';
    for (u32 i = 0; i < rec->stack_count; i++) {
        if (i)
            *p++ = ',';
        *p++ = '"';
        p = text_hex(p, rec->stack[i]);
        *p++ = '"';
    }
    *p++ = ']';
    outbuf_written(out, p);
}

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

bool render_related_activity(const record *rec, const u8 **guid_bytes)
{
    span data;
    if (!rec->event->extended.len || !find_item(rec, EXT_RELATED_ACTIVITY, 16, &data))
        return false;
    *guid_bytes = data.at;
    return true;
}

bool render_user_sid(outbuf *out, const record *rec)
{
    span data;
    if (!rec->event->extended.len || !find_item(rec, EXT_SID, 8, &data) || data.len < 8 + 4u * data.at[1])
        return false;
    u8 *p = outbuf_reserve(out, 16 + 11 * 256);
    outbuf_written(out, text_sid(p, (span){data.at, 8 + 4u * data.at[1]}));
    return true;
}

typedef struct item_writer {
    outbuf *out;
    bool any;
} item_writer;

static void item_key(item_writer *w, const char *name)
{
    put_char(w->out, w->any ? ',' : '{');
    w->any = true;
    put_char(w->out, '"');
    outbuf_text(w->out, name);
    outbuf_text(w->out, "\":");
}

static void item_number(item_writer *w, const char *name, u64 value)
{
    item_key(w, name);
    u8 *p = outbuf_reserve(w->out, 20);
    outbuf_written(w->out, text_u64(p, value));
}

static void item_hex(item_writer *w, const char *name, u64 value)
{
    item_key(w, name);
    u8 *p = outbuf_reserve(w->out, 20);
    *p++ = '"';
    p = text_hex(p, value);
    *p++ = '"';
    outbuf_written(w->out, p);
}

static void item_guid(item_writer *w, const char *name, const u8 *bytes)
{
    item_key(w, name);
    u8 *p = outbuf_reserve(w->out, 38);
    *p++ = '"';
    p = text_guid(p, bytes);
    *p++ = '"';
    outbuf_written(w->out, p);
}

static void item_bytes(item_writer *w, const char *name, span data)
{
    item_key(w, name);
    u8 *p = outbuf_reserve(w->out, data.len * 2 + 2);
    *p++ = '"';
    p = text_bytes(p, data);
    *p++ = '"';
    outbuf_written(w->out, p);
}

static void item_counters(item_writer *w, const char *name, const u8 *at, size_t count)
{
    item_key(w, name);
    u8 *p = outbuf_reserve(w->out, count * 21 + 2);
    *p++ = '[';
    for (size_t i = 0; i < count; i++) {
        if (i)
            *p++ = ',';
        p = text_u64(p, load_u64(at + i * 8));
    }
    *p++ = ']';
    outbuf_written(w->out, p);
}

// Provider traits behind the name: u16 size, u8 type; type 1 is the GUID of the provider group.
static void item_traits(item_writer *w, span traits)
{
    size_t len = 0;
    if (traits.len < 3 || !ansi_length(span_from(traits, 2), &len))
        return;
    span rest = span_from(traits, 2 + len + 1);
    while (rest.len >= 3) {
        size_t size = load_u16(rest.at);
        if (size < 3 || size > rest.len)
            return;
        if (rest.at[2] == 1 && size >= 19)
            item_guid(w, "provider_group", rest.at + 3);
        rest = span_from(rest, size);
    }
}

static void item_write(item_writer *w, const extended_item *item)
{
    const u8 *p = item->data.at;
    size_t len = item->data.len;
    if (item->type == EXT_TS_ID && len >= 4) {
        item_number(w, "session_id", load_u32(p));
    } else if (item->type == EXT_INSTANCE_INFO && len >= 24) {
        item_number(w, "instance_id", load_u32(p));
        item_number(w, "parent_instance_id", load_u32(p + 4));
        item_guid(w, "parent_guid", p + 8);
    } else if ((item->type == EXT_STACK32 || item->type == EXT_STACK64) && len >= 8) {
        if (load_u64(p))
            item_hex(w, "stack_match_id", load_u64(p));
    } else if (item->type == EXT_PEBS_INDEX && len >= 8) {
        item_number(w, "pebs_index", load_u64(p));
    } else if (item->type == EXT_PMC_COUNTERS) {
        item_counters(w, "pmc_counters", p, len / 8);
    } else if (item->type == EXT_EVENT_KEY && len >= 8) {
        item_hex(w, "event_key", load_u64(p));
    } else if (item->type == EXT_PROCESS_START_KEY && len >= 8) {
        item_hex(w, "process_start_key", load_u64(p));
    } else if (item->type == EXT_CONTROL_GUID && len >= 16) {
        item_guid(w, "control_guid", p);
    } else if (item->type == EXT_QPC_DELTA && len >= 8) {
        item_hex(w, "qpc_delta", load_u64(p));
    } else if (item->type == EXT_CONTAINER_ID && len >= 16) {
        item_guid(w, "container_id", p);
    } else if ((item->type == EXT_STACK_KEY32 && len >= 12) || (item->type == EXT_STACK_KEY64 && len >= 16)) {
        item_hex(w, "stack_match_id", load_u64(p));
        item_hex(w, "stack_key", len >= 16 ? load_u64(p + 8) : load_u32(p + 8));
    } else if (item->type == EXT_PROV_TRAITS) {
        item_traits(w, item->data);
    } else if (item->type == EXT_PSM_KEY) {
        item_bytes(w, "psm_key", item->data);
    } else if (item->type != EXT_RELATED_ACTIVITY && item->type != EXT_SID && item->type != EXT_SCHEMA_TL) {
        char name[16];
        snprintf(name, sizeof(name), "item_%u", item->type);
        item_bytes(w, name, item->data);
    }
}

static void item_text(item_writer *w, const char *name, const char *text)
{
    item_key(w, name);
    put_char(w->out, '"');
    render_json_text(w->out, text);
    put_char(w->out, '"');
}

// ["ntdll.dll!+0x1a2b", …]; an address no module tells stays an address.
static void item_frames(item_writer *w, const stack_frame *frames, u32 count)
{
    item_key(w, "frames");
    put_char(w->out, '[');
    for (u32 i = 0; i < count; i++) {
        outbuf_text(w->out, i ? ",\"" : "\"");
        if (frames[i].module) {
            render_json_text(w->out, frames[i].module);
            outbuf_text(w->out, "!+");
        }
        u8 *p = outbuf_reserve(w->out, 19);
        p = frames[i].module ? text_hex_lower(p, frames[i].offset) : text_hex(p, frames[i].offset);
        *p++ = '"';
        outbuf_written(w->out, p);
    }
    put_char(w->out, ']');
}

static void correlated_items(item_writer *w, const record *rec)
{
    if (rec->file_path)
        item_text(w, "file_path", rec->file_path);
    if (rec->key_path)
        item_text(w, "key_path", rec->key_path);
    if (rec->frames)
        item_frames(w, rec->frames, rec->stack_count);
}

bool render_extended_json(outbuf *out, const record *rec)
{
    item_writer w = {out, false};
    const event *ev = rec->event;
    size_t at = 0;
    extended_item item;
    while (ev->extended.len && extended_next(ev->extended, &at, &item))
        item_write(&w, &item);
    if (ev->parent_guid) {
        item_number(&w, "instance_id", ev->instance_id);
        item_number(&w, "parent_instance_id", ev->parent_instance_id);
        item_guid(&w, "parent_guid", ev->parent_guid);
    }
    if (ev->extra_pebs)
        item_number(&w, "pebs_index", load_u64(ev->extra));
    if (ev->extra_count > ev->extra_pebs)
        item_counters(&w, "pmc_counters", ev->extra + 8 * ev->extra_pebs, (size_t)ev->extra_count - ev->extra_pebs);
    if (ev->kind == HEADER_MESSAGE && (ev->message_flags & 1))
        item_number(&w, "message_sequence", ev->message_sequence);
    correlated_items(&w, rec);
    if (w.any)
        put_char(out, '}');
    return w.any;
}
