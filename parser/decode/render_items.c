// What is attached to a record besides its payload: extended data items, and what other events tell of it.
#include <string.h>

#include "base/text.h"
#include "base/text_put.h"
#include "decode/render.h"

// Text written by the step: what is in extended items is short and rare.

void render_json_text(outbuf *out, const char *text)
{
    span s = {(const u8 *)text, strlen(text)};
    outbuf_written(out, text_utf8_json(outbuf_reserve(out, 6 * s.len), s));
}

static void add_char(outbuf *o, char c)
{
    outbuf_written(o, put_char(outbuf_reserve(o, 1), c));
}

typedef struct item_writer {
    outbuf *out;
    bool any;
} item_writer;

static void item_key(item_writer *w, const char *name)
{
    add_char(w->out, w->any ? ',' : '{');
    w->any = true;
    add_char(w->out, '"');
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

// Provider traits after the name: u16 size, u8 type; type 1 is the GUID of the provider group.
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
        char name[32];
        *put_u64(put_text((u8 *)name, "item_"), item->type) = 0;
        item_bytes(w, name, item->data);
    }
}

static void item_text(item_writer *w, const char *name, const char *text)
{
    item_key(w, name);
    add_char(w->out, '"');
    render_json_text(w->out, text);
    add_char(w->out, '"');
}

// ["ntdll.dll!+0x1a2b", "App.Main+0x1f", …]; an address nothing tells stays an address.
static void item_frames(item_writer *w, const stack_frame *frames, u32 count)
{
    item_key(w, "frames");
    add_char(w->out, '[');
    for (u32 i = 0; i < count; i++) {
        const stack_frame *f = &frames[i];
        bool known = f->module || f->function;
        outbuf_text(w->out, i ? ",\"" : "\"");
        if (f->module) {
            render_json_text(w->out, f->module);
            outbuf_text(w->out, "!");
        }
        if (f->function)
            render_json_text(w->out, f->function);
        outbuf_text(w->out, known ? "+" : "");
        u8 *p = outbuf_reserve(w->out, 19);
        p = known ? text_hex_lower(p, f->offset) : text_hex(p, f->offset);
        *p++ = '"';
        outbuf_written(w->out, p);
    }
    add_char(w->out, ']');
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
        add_char(out, '}');
    return w.any;
}
