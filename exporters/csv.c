// CSV (`csv`): a header row, then the record contract's columns; CRLF, UTF-8, an empty cell where there is no value.
//
// Payload, stack and extended items are their JSON text, keyword names are joined by '|'. With `flat` each field of
// payloads is a column, in the place of `data`.
#include <stdatomic.h>
#include <stdio.h>

#include "csv_cell.h"
#include "exporter.h"
#include "flat.h"
#include "output.h"
#include "prepared.h"

#include "etwkit_engine.h"

static const char MARK[] = "\xef\xbb\xbf";

enum { CELL_MOST = 32767 }; // characters, of Excel; others have the same or more

struct sink {
    output out;
    arena memory;
    prepared prepared; // each cell with a comma after it
    bool guard, flat;
    u64 without;
    flat_layout *layouts; // where `flat`: one, or by class one for each group; of a part there is one
    u32 layout_count;
    const class_groups *groups;
    _Atomic u64 *long_cells; // of more than CELL_MOST characters
};

// ---------------------------------------------------------------------------------------------- open and close

static void csv_prepare(const void *context, column_id id, const record *rec, outbuf *out)
{
    const sink *s = context;
    size_t start = out->len;
    if (s->without >> id & 1)
        return;
    bool is_text = column_table[id].type == TYPE_TEXT || column_table[id].type == TYPE_TEXTS;
    if (column_text(id, rec, out))
        csv_cell_close(out, start, is_text && s->guard);
    outbuf_text(out, ",");
}

static bool csv_close(sink *s, error *e)
{
    bool ok = output_close(&s->out, e);
    for (u32 i = 0; i < s->layout_count; i++)
        flat_free(&s->layouts[i]);
    mem_free(s->layouts);
    arena_free(&s->memory);
    mem_free((void *)s->long_cells);
    mem_free(s);
    return ok;
}

static void add_flat_names(const sink *s, outbuf *header)
{
    for (u32 i = 0; i < s->layouts->count; i++) {
        csv_cell_text(header, s->layouts->columns[i].name, false);
        outbuf_text(header, ",");
    }
}

// All fields of all classes; by class, those of a part's group, or for what is rendered those of each.
static void make_layouts(sink *s, const export_target *target)
{
    bool each = target->groups && !target->only_commits;
    s->layout_count = each ? target->groups->count : 1;
    s->layouts = mem_zeroed(s->layout_count, sizeof *s->layouts);
    for (u32 i = 0; i < s->layout_count; i++)
        flat_make(&s->layouts[i], target, target->groups ? &target->groups->list[each ? i : target->group] : NULL);
}

static bool write_header(sink *s, error *e)
{
    outbuf header = {0};
    for (column_id id = 0; id < COLUMN_COUNT; id++) {
        if (id == COLUMN_data && s->flat) {
            add_flat_names(s, &header);
        } else if (!(s->without >> id & 1)) {
            outbuf_text(&header, column_table[id].name);
            outbuf_text(&header, ",");
        }
    }
    header.len -= header.len != 0;
    outbuf_text(&header, "\r\n");
    bool ok = output_write(&s->out, (span){header.bytes, header.len}, e);
    outbuf_free(&header);
    return ok;
}

static bool csv_open(sink **out, const export_target *target, error *e)
{
    sink *s = mem_zeroed(1, sizeof *s);
    *out = NULL;
    output_open(&s->out, target);
    s->guard = target->csv_guard;
    s->flat = target->flat || target->groups;
    s->without = target->without;
    s->groups = target->groups;
    s->long_cells = mem_zeroed(1, sizeof *s->long_cells);
    if (s->flat)
        make_layouts(s, target);
    if (!target->continues && !target->only_renders &&
        !((!target->csv_mark || output_text(&s->out, MARK, e)) && write_header(s, e))) {
        (void)!csv_close(s, NULL);
        return false;
    }
    if (!target->only_commits)
        prepared_make(&s->prepared, &s->memory, target, csv_prepare, s);
    *out = s;
    return true;
}

// ---------------------------------------------------------------------------------------------- values

typedef struct row {
    const sink *sink;
    pen at;
} row;

ALWAYS_INLINE u8 *put_NUMBER(const row *r, u8 *p, u64 number)
{
    (void)r;
    return put_u64(p, number);
}

ALWAYS_INLINE u8 *put_TIME(const row *r, u8 *p, i64 time)
{
    (void)r;
    return text_time(p, time);
}

ALWAYS_INLINE u8 *put_GUID(const row *r, u8 *p, const u8 *id)
{
    (void)r;
    return id ? text_guid(p, id) : p;
}

static u8 *put_TEXT(const row *r, u8 *p, const char *text)
{
    outbuf_written(r->at.out, p);
    csv_cell_text(r->at.out, text, r->sink->guard);
    return pen_start(&r->at);
}

ALWAYS_INLINE u8 *put_ORIGIN(const row *r, u8 *p, schema_origin origin)
{
    return put_literal(p, r->sink->prepared.origins[origin]);
}

ALWAYS_INLINE u8 *put_STATE(const row *r, u8 *p, record_state state)
{
    return put_literal(p, r->sink->prepared.states[state]);
}

static u8 *put_SID(const row *r, u8 *p, span sid)
{
    return sid.len ? text_sid(pen_more(&r->at, p, TEXT_SID_BYTES), sid) : p;
}

ALWAYS_INLINE u8 *put_BYTES(const row *r, u8 *p, span bytes)
{
    return text_bytes(pen_more(&r->at, p, 2 * bytes.len), bytes);
}

static u8 *put_VALUE(const row *r, u8 *p, typed_value v)
{
    size_t start = (size_t)(p - r->at.out->bytes);
    if (v.kind == VALUE_NULL)
        return p;
    outbuf_written(r->at.out, render_value_text(&r->at, p, &v, ESCAPE_NONE));
    csv_cell_close(r->at.out, start, r->sink->guard);
    return pen_start(&r->at);
}

static u8 *put_MESSAGE(const row *r, u8 *p, const record *rec)
{
    size_t start = (size_t)(p - r->at.out->bytes);
    outbuf_written(r->at.out, render_message_text(&r->at, p, rec, ESCAPE_NONE));
    csv_cell_close(r->at.out, start, r->sink->guard);
    return pen_start(&r->at);
}

// The payload is written as the inside of a quoted cell; only the empty one has no quotes.
static u8 *put_DATA(const row *r, u8 *p, const record *rec)
{
    size_t start = (size_t)(p - r->at.out->bytes);
    p = render_data(&r->at, put_char(p, '"'), rec, ESCAPE_JSON_CSV);
    u8 *cell = r->at.out->bytes + start;
    return p - cell == 3 ? put_text(cell, "{}") : put_char(p, '"');
}

static u8 *put_STACK(const row *r, u8 *p, const record *rec)
{
    (void)r;
    return put_char(render_stack(put_char(p, '"'), rec, ESCAPE_JSON_CSV), '"');
}

static u8 *put_EXTENDED(const row *r, u8 *p, const record *rec)
{
    size_t start = (size_t)(p - r->at.out->bytes);
    outbuf_written(r->at.out, p);
    if (render_extended_json(r->at.out, rec))
        csv_cell_close_json(r->at.out, start);
    return pen_start(&r->at);
}

// A cell and a comma for each field that any class has.
static u8 *put_flat(const row *r, u8 *p, const record *rec)
{
    outbuf *out = r->at.out;
    const sink *s = r->sink;
    const flat_layout *l = &s->layouts[s->groups ? s->groups->of_class[rec->cls->index] : 0];
    const flat_plan *fields = flat_of(l, rec);
    outbuf_written(out, p);
    u32 column = 0;
    for (u32 i = 0; fields && i < fields->count; i++) {
        typed_value v;
        value_at(rec, &fields->values[i].path, &v);
        while (column < fields->values[i].column)
            outbuf_text(out, ","), column++;
        size_t start = out->len;
        if (v.kind != VALUE_NULL) {
            flat_text(out, &v);
            csv_cell_close(out, start, s->guard && l->columns[column].kind == FLAT_TEXT);
        }
    }
    while (column < l->count)
        outbuf_text(out, ","), column++;
    return pen_start(&r->at);
}

// ---------------------------------------------------------------------------------------------- records

// Characters as spreadsheets count them: UTF-16 units.
static void note_long_cells(const sink *s, span text)
{
    u32 characters = 0;
    bool quoted = false;
    for (size_t i = 0; i <= text.len; i++) {
        u8 c = i < text.len ? text.at[i] : ',';
        if (c == ',' && !quoted) {
            *s->long_cells += characters > CELL_MOST;
            characters = 0;
        } else if (c == '"') {
            characters += quoted && i + 1 < text.len && text.at[i + 1] == '"';
            quoted = !quoted;
        } else {
            characters += (c & 0xc0) != 0x80;
            characters += c >= 0xf0;
        }
    }
}

// `without` and `flat` are constants where nothing of the kind is asked for.
ALWAYS_INLINE void put_row(const sink *s, const record *rec, outbuf *out, u64 without, bool flat)
{
    row r = {s, {out, s->prepared.bound + render_bound(rec) + COLUMN_BOUND}};
    size_t start = out->len;
    u8 *p = pen_start(&r.at);
#define PUT_CLASS(name, type, has, value)                                                                              \
    if (!column_continues_run(COLUMN_##name))                                                                          \
        p = put_literal(p, prepared_run(&s->prepared, COLUMN_##name, rec));
#define PUT_PLANNED PUT_CLASS
#define PUT_SOURCE PUT_CLASS
#define PUT_HOST PUT_CLASS
#define PUT_RECORD(name, type, has, value)                                                                             \
    if (COLUMN_##name == COLUMN_data && flat) {                                                                        \
        p = put_flat(&r, p, rec);                                                                                      \
    } else if (!(without >> COLUMN_##name & 1)) {                                                                      \
        if (has)                                                                                                       \
            p = put_##type(&r, p, value);                                                                              \
        p = put_char(p, ',');                                                                                          \
    }
#define COLUMN(name, type, scope, has, value) PUT_##scope(name, type, has, value)
#include "decode/columns.def"
    outbuf_written(out, put_text(p - 1, "\r\n"));
    if (out->len - start > CELL_MOST)
        note_long_cells(s, (span){out->bytes + start, out->len - start});
}

static void csv_render(const sink *s, const record *rec, outbuf *out)
{
    if (s->without || s->flat)
        put_row(s, rec, out, s->without, s->flat);
    else
        put_row(s, rec, out, 0, false);
}

static void csv_remark(const sink *s, char text[EXPORT_REMARK])
{
    int len = 0;
    if (*s->long_cells)
        len = snprintf(text, EXPORT_REMARK, "%llu cells have more than %u characters: spreadsheets cut them",
                       (unsigned long long)*s->long_cells, CELL_MOST);
    u64 left_out = 0;
    for (u32 i = 0; i < s->layout_count; i++)
        left_out += s->layouts[i].left_out;
    if (left_out)
        snprintf(text + len, (size_t)(EXPORT_REMARK - len), "%s%llu fields beyond %u columns are left out",
                 len ? "; " : "", (unsigned long long)left_out, LIMIT_FLAT_COLUMNS);
}

static bool csv_commit(sink *s, span rendered, u32 records, error *e)
{
    (void)records;
    return output_write(&s->out, rendered, e);
}

static bool csv_is_own(span head, int fd)
{
    (void)fd;
    span text = exporter_head_is(head, MARK) ? span_from(head, sizeof(MARK) - 1) : head;
    return exporter_head_is(text, "record,timestamp,provider,provider_id,");
}

const exporter exporter_csv = {
    .name = "csv",
    .suffixes = " .csv ",
    .help = "comma-separated values with a header row",
    .may_split = true,
    .is_text = true,
    .takes_guard = true,
    .takes_mark = true,
    .takes_flat = true,
    .takes_parts = true,
    .remark = csv_remark,
    .open = csv_open,
    .render = csv_render,
    .commit = csv_commit,
    .close = csv_close,
    .is_own = csv_is_own,
};
