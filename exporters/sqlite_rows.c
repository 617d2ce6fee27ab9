#include "sqlite_rows.h"

#include "literal.h"
#include "sqlite_activities.h"
#include "sqlite_fields.h"
#include "sqlite_row.h"

#include "etwkit_engine.h"
#include "sqlite_bind.h"

// Columns of the table after `record`, which SQLite numbers itself: rows come in the order of their numbers. For
// columns that a class or a trace determines there is the number of the class or trace.
#define STORED_CLASS(name, id)
#define STORED_PLANNED(name, id)
#define STORED_SOURCE(name, id)
#define STORED_HOST STORED_RECORD
#define COLUMN(name, type, scope, has, value) STORED_##scope(name, COLUMN_##name)

typedef enum stored_id {
    STORED_class_id,
    STORED_source_id,
    STORED_layout_id,
#define STORED_RECORD(name, id) STORED_##name,
#include "decode/columns.def"
    STORED_COUNT,
} stored_id;

static const column_id COLUMN_OF[STORED_COUNT] = {
    [STORED_class_id] = COLUMN_provider_id,
    [STORED_source_id] = COLUMN_source,
    [STORED_layout_id] = COLUMN_data,
#undef STORED_RECORD
#define STORED_RECORD(name, id) [STORED_##name] = id,
#define COLUMN(name, type, scope, has, value) STORED_##scope(name, COLUMN_##name)
#include "decode/columns.def"
};

static_assert(STORED_COUNT < 64, "the columns of a row are bits of a number");

#define BIT(name) (1ull << STORED_##name)

static const u64 ZEROS = BIT(state) | BIT(source_id); // have 0 as their default, the others NULL

// Of a record, before its rows.
typedef struct row_head {
    u64 stored; // layout.stored
    i64 time;
    u32 class_index, source, state;
    // From where to where, counted from here, its rows in `records` and of its payload are; then activities.
    u32 row, row_end, fields, fields_end, end;
} row_head;

struct sqlite_rows {
    sqlite_tree records, times;
    const char **hosts; // by source
    u32 sources;
    u64 *counts; // decoded, partial, raw of each source
    sqlite_fields *fields;
    sqlite_activities *activities; // NULL: no session is there that knows of processes
    u64 stored;
    i64 last_time;
    bool disordered; // times do not ascend: SQLite is to make their index
    outbuf entry;    // of it
};

// ------------------------------------------------------------------------------------- rendering

typedef struct row_writer {
    row_maker row;
    u64 stored;
    const record *rec;
    const sqlite_rows *rows;
} row_writer;

// The table has `record` before all others.
static u32 place_of(stored_id column)
{
    return column < STORED_record ? column + 1 : column;
}

ALWAYS_INLINE void set_number(row_writer *w, stored_id column, i64 number)
{
    row_skip(&w->row, place_of(column));
    row_number(&w->row, number);
    w->stored |= 1ull << COLUMN_OF[column];
}

// The text is what was written since the last value.
ALWAYS_INLINE void set_text(row_writer *w, stored_id column)
{
    row_skip(&w->row, place_of(column));
    row_text(&w->row);
    w->stored |= 1ull << COLUMN_OF[column];
}

ALWAYS_INLINE void store_NUMBER(row_writer *w, stored_id column, u64 number)
{
    set_number(w, column, (i64)number);
}

ALWAYS_INLINE void store_TIME(row_writer *w, stored_id column, i64 time)
{
    set_number(w, column, time);
}

ALWAYS_INLINE void store_STATE(row_writer *w, stored_id column, record_state state)
{
    set_number(w, column, state);
    if (!state)
        w->stored &= ~(1ull << COLUMN_OF[column]);
}

ALWAYS_INLINE void store_GUID(row_writer *w, stored_id column, const u8 *id)
{
    if (!id)
        return;
    outbuf_written(w->row.out, text_guid(outbuf_reserve(w->row.out, 36), id));
    set_text(w, column);
}

// The machine's name is in `traces` where a trace is of one machine.
static void store_TEXT(row_writer *w, stored_id column, const char *text)
{
    if (column == STORED_host && text == w->rows->hosts[w->rec->source_index])
        return;
    span s = text_span(text);
    outbuf_written(w->row.out, text_utf8(outbuf_reserve(w->row.out, 3 * s.len), s));
    set_text(w, column);
}

// Only where it is not that of its class.
static void store_ORIGIN(row_writer *w, stored_id column, schema_origin origin)
{
    if (origin == w->rec->cls->origin)
        return;
    outbuf_text(w->row.out, schema_origin_name(origin));
    set_text(w, column);
}

static void store_SID(row_writer *w, stored_id column, span sid)
{
    if (!sid.len)
        return;
    outbuf_written(w->row.out, text_sid(outbuf_reserve(w->row.out, TEXT_SID_BYTES), sid));
    set_text(w, column);
}

static void store_BYTES(row_writer *w, stored_id column, span bytes)
{
    outbuf_written(w->row.out, text_bytes(outbuf_reserve(w->row.out, 2 * bytes.len), bytes));
    set_text(w, column);
}

static void store_VALUE(row_writer *w, stored_id column, typed_value v)
{
    if (v.kind == VALUE_NULL)
        return;
    render_text(w->row.out, &v);
    set_text(w, column);
}

static void store_MESSAGE(row_writer *w, stored_id column, const record *rec)
{
    if (render_message(w->row.out, rec))
        set_text(w, column);
}

// Only where its values have no columns.
static void store_DATA(row_writer *w, stored_id column, const record *rec)
{
    if (w->stored >> COLUMN_data & 1)
        return;
    render_data_json(w->row.out, rec);
    set_text(w, column);
}

static void store_STACK(row_writer *w, stored_id column, const record *rec)
{
    render_stack_json(w->row.out, rec);
    set_text(w, column);
}

static void store_EXTENDED(row_writer *w, stored_id column, const record *rec)
{
    if (render_extended_json(w->row.out, rec))
        set_text(w, column);
}

static size_t render_row(const sqlite_rows *rows, const record *rec, bool is_typed, row_head *head, outbuf *out)
{
    row_writer w = {.rec = rec, .rows = rows};
    row_begin(&w.row, out, STORED_COUNT);
    set_number(&w, STORED_class_id, rec->cls->index);
    set_number(&w, STORED_source_id, rec->source_index);
    if (is_typed)
        set_number(&w, STORED_layout_id, sqlite_fields_layout(rows->fields, rec->cls->index));
#define STORE_CLASS(name, type, has, value)
#define STORE_PLANNED(name, type, has, value)
#define STORE_SOURCE(name, type, has, value)
#define STORE_HOST STORE_RECORD
#define STORE_RECORD(name, type, has, value)                                                                           \
    if (STORED_##name != STORED_record && (has))                                                                       \
        store_##type(&w, STORED_##name, value);
#define COLUMN(name, type, scope, has, value) STORE_##scope(name, type, has, value)
#include "decode/columns.def"
    head->stored = w.stored;
    return row_end(&w.row);
}

void sqlite_row_render(const sqlite_rows *rows, const record *rec, outbuf *out)
{
    size_t at = out->len;
    outbuf_written(out, outbuf_reserve(out, sizeof(row_head)) + sizeof(row_head));
    row_head head = {
        .time = rec->time, .class_index = rec->cls->index, .source = rec->source_index, .state = (u32)rec->state};
    bool is_typed = sqlite_fields_has(rows->fields, rec);
    head.row = (u32)(render_row(rows, rec, is_typed, &head, out) - at);
    head.row_end = (u32)(out->len - at);
    head.fields = (u32)(sqlite_fields_render(rows->fields, rec, out) - at);
    head.fields_end = (u32)(out->len - at);
    if (rows->activities && rec->scratch)
        sqlite_activities_render(rows->activities, rec, out);
    head.end = (u32)(out->len - at);
    memcpy(out->bytes + at, &head, sizeof(head));
}

// ------------------------------------------------------------------------------------- columns

static const char *stored_name(stored_id column)
{
    switch (column) {
    case STORED_class_id:
        return "class_id";
    case STORED_source_id:
        return "source_id";
    case STORED_layout_id:
        return "layout_id";
    case STORED_timestamp:
        return "time";
    default:
        return column_table[COLUMN_OF[column]].name;
    }
}

static bool is_number(stored_id column)
{
    column_type type = column_table[COLUMN_OF[column]].type;
    return column == STORED_class_id || column == STORED_source_id || column == STORED_layout_id ||
           type == TYPE_NUMBER || type == TYPE_TIME || type == TYPE_STATE;
}

void sqlite_rows_table(outbuf *sql)
{
    outbuf_text(sql, "CREATE TABLE records(record INTEGER PRIMARY KEY");
    for (stored_id i = 0; i < STORED_COUNT; i++) {
        if (i == STORED_record)
            continue;
        outbuf_text(sql, ",");
        outbuf_text(sql, stored_name(i));
        outbuf_text(sql, is_number(i) ? " INTEGER" : " TEXT");
        if (is_number(i) && i != STORED_layout_id && column_table[COLUMN_OF[i]].always)
            outbuf_text(sql, " NOT NULL");
        if (ZEROS >> i & 1)
            outbuf_text(sql, " DEFAULT 0");
    }
    outbuf_text(sql, ");");
}

// ------------------------------------------------------------------------------------- storing

sqlite_rows *sqlite_rows_new(arena *a, sqlite3 *db, const export_target *target, const sqlite_layouts *layouts,
                             int *code)
{
    sqlite_rows *rows = arena_array(a, sqlite_rows, 1);
    rows->sources = target->trace_count;
    rows->counts = arena_array(a, u64, (size_t)rows->sources * 3);
    rows->hosts = arena_array(a, const char *, rows->sources);
    for (u32 i = 0; i < rows->sources; i++)
        rows->hosts[i] = target->traces[i].host;
    rows->last_time = INT64_MIN;
    rows->times.is_index = true;
    rows->fields = sqlite_fields_new(a, db, layouts, code);
    if (*code == SQLITE_OK)
        *code = sqlite_root(db, "records", &rows->records.root);
    if (*code == SQLITE_OK)
        *code = sqlite_root(db, "records_time", &rows->times.root);
    if (*code == SQLITE_OK && target->session)
        rows->activities = sqlite_activities_new(a, db, target, code);
    return rows;
}

// In the index by time, as long as times ascend.
static bool store_time(sqlite_rows *rows, page_file *f, i64 time, error *e)
{
    rows->disordered |= time < rows->last_time;
    rows->last_time = time;
    if (rows->disordered)
        return true;
    row_maker row;
    rows->entry.len = 0;
    row_begin(&row, &rows->entry, 2);
    row_number(&row, time);
    row_number(&row, (i64)rows->stored);
    size_t at = row_end(&row);
    return tree_add(&rows->times, f, 0, (span){rows->entry.bytes + at, rows->entry.len - at}, e);
}

static bool store_record(sqlite_rows *rows, page_file *f, const row_head *h, const u8 *at, error *e)
{
    i64 number = (i64)++rows->stored;
    span fields = {at + h->fields, h->fields_end - h->fields}, more = {at + h->fields_end, h->end - h->fields_end};
    if (h->source < rows->sources)
        rows->counts[h->source * 3 + h->state]++;
    sqlite_fields_note(rows->fields, h->class_index, h->stored);
    return tree_add(&rows->records, f, number, (span){at + h->row, h->row_end - h->row}, e) &&
           store_time(rows, f, h->time, e) &&
           (!fields.len || sqlite_fields_store(rows->fields, f, number, h->class_index, fields, e)) &&
           (!more.len || sqlite_activities_store(rows->activities, f, number, more, e));
}

bool sqlite_rows_store(sqlite_rows *rows, page_file *f, span rendered, error *e)
{
    row_head h;
    for (; rendered.len; rendered = span_from(rendered, h.end)) {
        memcpy(&h, rendered.at, sizeof(h));
        if (!store_record(rows, f, &h, rendered.at, e))
            return false;
    }
    return true;
}

u64 sqlite_rows_count(const sqlite_rows *rows, u32 source, record_state state)
{
    return rows->counts[source * 3 + (u32)state];
}

bool sqlite_rows_end(sqlite_rows *rows, page_file *f, error *e)
{
    bool ok = tree_end(&rows->records, f, e);
    ok = tree_end(&rows->times, f, ok ? e : NULL) && ok;
    ok = sqlite_fields_end(rows->fields, f, ok ? e : NULL) && ok;
    if (rows->activities)
        ok = sqlite_activities_end(rows->activities, f, ok ? e : NULL) && ok;
    outbuf_free(&rows->entry);
    return ok;
}

bool sqlite_rows_disordered(const sqlite_rows *rows)
{
    return rows->disordered;
}
