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

// Writers that need to know where their text goes: bare, or inside a JSON string.
typedef enum dress { PLAIN, JSON } dress;

static void put_utf8(outbuf *o, const char *text, dress d)
{
    span s = {(const u8 *)text, strlen(text)};
    u8 *p = outbuf_reserve(o, s.len * 6 + 1);
    outbuf_written(o, d == JSON ? text_utf8_json(p, s) : text_utf8(p, s));
}

void render_json_text(outbuf *out, const char *text)
{
    put_utf8(out, text, JSON);
}

static void put_char(outbuf *o, char c)
{
    u8 *p = outbuf_reserve(o, 1);
    *p = (u8)c;
    outbuf_written(o, p + 1);
}

static void put_map(outbuf *o, const value_map *map, u64 value, dress d)
{
    if (!map->is_bitmap) {
        for (u32 i = 0; i < map->count; i++) {
            if (map->entries[i].value == value) {
                put_utf8(o, map->entries[i].text, d);
                return;
            }
        }
        return;
    }
    u64 rest = value;
    bool first = true;
    for (u32 i = 0; i < map->count; i++) {
        u32 mask = map->entries[i].value;
        if (mask ? (value & mask) != mask : value != 0)
            continue;
        if (!first)
            put_char(o, '|');
        put_utf8(o, map->entries[i].text, d);
        rest &= ~(u64)mask;
        first = false;
    }
    if (rest || first) {
        u8 *p = outbuf_reserve(o, 24);
        if (!first)
            *p++ = '|';
        outbuf_written(o, first && !rest ? text_u64(p, 0) : text_hex(p, rest));
    }
}

// Whether a value has a name of its own; one that has none is shown as its type would be without a map.
static bool map_names(const value_map *map, u64 value)
{
    if (map->is_bitmap)
        return true;
    for (u32 i = 0; i < map->count; i++)
        if (map->entries[i].value == value)
            return true;
    return false;
}

static span trimmed(const field *f, span v)
{
    if (f->trim) {
        if (f->show == SHOW_UTF16)
            while (v.len >= 2 && v.at[v.len - 1] == 0 && v.at[v.len - 2] == 0)
                v.len -= 2;
        else
            while (v.len && v.at[v.len - 1] == 0)
                v.len--;
    }
    return v;
}

static u8 *put_string(u8 *p, show_form show, span v, dress d)
{
    switch (show) {
    case SHOW_UTF16:
    case SHOW_CHAR16:
        return d == JSON ? text_utf16_json(p, v) : text_utf16(p, v);
    case SHOW_UTF8:
        return d == JSON ? text_utf8_json(p, v) : text_utf8(p, v);
    default:
        return d == JSON ? text_ansi_json(p, v) : text_ansi(p, v);
    }
}

static void put_braced_guid(outbuf *o, span v)
{
    u8 *p = outbuf_reserve(o, 38);
    *p++ = '{';
    p = text_guid(p, v.at);
    *p++ = '}';
    outbuf_written(o, p);
}

// The text of a value that is a string in JSON too. Room is reserved here.
static void put_text(outbuf *o, const field *f, show_form show, span v, dress d)
{
    u8 *p;
    switch (show) {
    case SHOW_UTF16:
    case SHOW_ANSI:
    case SHOW_UTF8:
    case SHOW_CHAR16:
    case SHOW_CHAR8:
        v = trimmed(f, v);
        p = outbuf_reserve(o, v.len * 6);
        outbuf_written(o, put_string(p, show, v, d));
        return;
    case SHOW_HEX:
    case SHOW_WIN32_ERROR:
    case SHOW_NTSTATUS:
    case SHOW_HRESULT:
        p = outbuf_reserve(o, 18);
        outbuf_written(o, text_hex(p, unsigned_of(v)));
        return;
    case SHOW_BYTES:
        if (v.len) {
            p = outbuf_reserve(o, 2 + v.len * 2);
            *p++ = '0';
            *p++ = 'x';
            outbuf_written(o, text_bytes(p, v));
        }
        return;
    case SHOW_GUID:
        put_braced_guid(o, v);
        return;
    case SHOW_SID:
        if (v.len >= 8) {
            p = outbuf_reserve(o, 16 + 11 * 256);
            outbuf_written(o, text_sid(p, v));
        }
        return;
    case SHOW_FILETIME:
        p = outbuf_reserve(o, 32);
        outbuf_written(o, text_time_tdh(p, (i64)unsigned_of(v)));
        return;
    case SHOW_SYSTEMTIME:
        p = outbuf_reserve(o, 64);
        outbuf_written(o, text_systemtime(p, v.at));
        return;
    case SHOW_IPV4:
        p = outbuf_reserve(o, 16);
        outbuf_written(o, text_ipv4(p, v.at));
        return;
    case SHOW_IPV6:
        p = outbuf_reserve(o, 48 + v.len * 2);
        outbuf_written(o, v.len == 16 ? text_ipv6(p, v.at) : text_bytes(p, v));
        return;
    case SHOW_SOCKADDR:
        p = outbuf_reserve(o, 64 + v.len * 2);
        outbuf_written(o, text_socket_address(p, v));
        return;
    default:
        return;
    }
}

// Numbers and booleans: the same characters in JSON and in text. False: the value is a string in JSON.
static bool put_number(outbuf *o, show_form show, span v)
{
    u8 *p;
    switch (show) {
    case SHOW_UNSIGNED:
        p = outbuf_reserve(o, 20);
        outbuf_written(o, text_u64(p, unsigned_of(v)));
        return true;
    case SHOW_SIGNED:
        p = outbuf_reserve(o, 20);
        outbuf_written(o, text_i64(p, signed_of(v)));
        return true;
    case SHOW_PORT:
        p = outbuf_reserve(o, 20);
        outbuf_written(o, text_u64(p, v.len == 2 ? load_u16_be(v.at) : unsigned_of(v)));
        return true;
    case SHOW_BOOL:
        if (unsigned_of(v))
            outbuf_add(o, "true", 4);
        else
            outbuf_add(o, "false", 5);
        return true;
    default:
        return false;
    }
}

static bool is_finite(show_form show, u64 bits)
{
    return show == SHOW_F32 ? (bits & 0x7f800000u) != 0x7f800000u
                            : (bits & 0x7ff0000000000000u) != 0x7ff0000000000000u;
}

static void put_float(outbuf *o, show_form show, u64 bits)
{
    u8 *p = outbuf_reserve(o, 400);
    outbuf_written(o, show == SHOW_F32 ? text_f32(p, (u32)bits) : text_f64(p, bits));
}

static void put_json_value(outbuf *o, const field *f, span v)
{
    show_form show = (show_form)f->show;
    if (show == SHOW_MAP) {
        u64 value = unsigned_of(v);
        if (map_names(f->map, value)) {
            put_char(o, '"');
            put_map(o, f->map, value, JSON);
            put_char(o, '"');
            return;
        }
        show = (show_form)f->unmapped;
    }
    if (put_number(o, show, v))
        return;
    bool is_float = show == SHOW_F32 || show == SHOW_F64;
    if (is_float && is_finite(show, unsigned_of(v))) {
        put_float(o, show, unsigned_of(v));
        return;
    }
    put_char(o, '"');
    if (is_float)
        put_float(o, show, unsigned_of(v));
    else
        put_text(o, f, show, v, JSON);
    put_char(o, '"');
}

void render_value_text(outbuf *out, const field *f, span value, bool wide)
{
    (void)wide;
    show_form show = (show_form)f->show;
    if (show == SHOW_MAP) {
        u64 number = unsigned_of(value);
        if (map_names(f->map, number)) {
            put_map(out, f->map, number, PLAIN);
            return;
        }
        show = (show_form)f->unmapped;
    }
    if (put_number(out, show, value))
        return;
    if (show == SHOW_F32 || show == SHOW_F64)
        put_float(out, show, unsigned_of(value));
    else
        put_text(out, f, show, value, PLAIN);
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

static void walk_fixed_array(walk *w, const field *f)
{
    const slot *s = w->next - 1;
    put_char(w->out, '[');
    for (u32 at = 0; f->bytes && at + f->bytes <= s->len; at += f->bytes) {
        if (at)
            put_char(w->out, ',');
        put_json_value(w->out, f, (span){w->payload.at + s->offset + at, f->bytes});
    }
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
                put_json_value(w->out, f, value_at(w, w->next));
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
            put_json_value(w->out, f, value_at(w, w->next));
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
        u8 *p = outbuf_reserve(out, f->json_key_len + 1u);
        if (!first)
            *p++ = ',';
        first = false;
        memcpy(p, f->json_key, f->json_key_len);
        outbuf_written(out, p + f->json_key_len);
        walk_field(&w, f, true);
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
    if (w.any)
        put_char(out, '}');
    return w.any;
}
