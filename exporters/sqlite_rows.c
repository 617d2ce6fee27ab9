#include "sqlite_rows.h"

#include "literal.h"
#include "sqlite_activities.h"
#include "sqlite_fields.h"

#include "etwkit_engine.h"

// Columns of the table after `record`, which SQLite numbers itself: rows come in the order of their numbers. For
// columns that a class or a trace determines there is the number of the class or trace.
#define STORED_CLASS(name, id)
#define STORED_PLANNED(name, id)
#define STORED_SOURCE(name, id)
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

static const u64 ALL = (1ull << STORED_COUNT) - 1;
static const u64 ZEROS = BIT(state) | BIT(source_id); // have 0 as their default, the others NULL

// Most rows have nothing else.
static const u64 COMMON = BIT(timestamp) | BIT(class_id) | BIT(process_id) | BIT(thread_id) | BIT(processor) |
                          BIT(process_name) | BIT(message) | BIT(layout_id) | BIT(offset);

// What rows have besides the common, from few to all, with an INSERT for each: a column that an INSERT leaves out costs
// less than one that turns out to be NULL.
static const u64 PATTERNS[] = {
    0,
    BIT(kernel_time) | BIT(user_time),
    BIT(kernel_time) | BIT(user_time) | BIT(stack) | BIT(extended),
    BIT(kernel_time) | BIT(user_time) | BIT(activity_id) | BIT(related_activity_id) | BIT(user_sid),
    (1ull << STORED_COUNT) - 1 - BIT(record), // all others
};

// A number, or the place of a text after the row.
typedef union cell {
    i64 number;
    struct {
        u32 at, len;
    } text;
} cell;

typedef struct row {
    u64 has;          // columns that have something else than their default, as bits
    u32 bytes;        // of texts after it,
    u32 fields, more; // of its payload's values after them, and of activities
    cell cells[STORED_COUNT];
} row;

struct sqlite_rows {
    sqlite3_vtab table;
    sqlite3_vtab_cursor place; // there is never more than one
    row row;                   // at the cursor
    const u8 *at, *end;        // of that row, of the run
    u32 pattern;               // of that row
    u32 wanted;                // the cursor ends before a row of another pattern
    u64 common;
    sqlite3_stmt *inserts[COUNT_OF(PATTERNS)];
    const char **hosts; // by source
    u32 sources;
    u64 *counts; // decoded, partial, raw of each source
    sqlite_fields *fields;
    sqlite_activities *activities; // NULL: no session is there that knows of processes
    u64 stored;
};

// ------------------------------------------------------------------------------------- rendering

typedef struct row_writer {
    row row;
    outbuf *out;
    size_t start; // of the row's texts
    const record *rec;
    const sqlite_rows *rows;
} row_writer;

static void set_number(row_writer *w, stored_id column, i64 number)
{
    w->row.cells[column].number = number;
    w->row.has |= 1ull << column;
}

// The text is what was written since the last one.
static void set_text(row_writer *w, stored_id column)
{
    u32 end = (u32)(w->out->len - w->start);
    w->row.cells[column].text.at = w->row.bytes;
    w->row.cells[column].text.len = end - w->row.bytes;
    w->row.bytes = end;
    w->row.has |= 1ull << column;
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
    if (state)
        set_number(w, column, state);
}

ALWAYS_INLINE void store_GUID(row_writer *w, stored_id column, const u8 *id)
{
    if (!id)
        return;
    outbuf_written(w->out, text_guid(outbuf_reserve(w->out, 36), id));
    set_text(w, column);
}

// The machine's name is in `traces` where a trace is of one machine.
static void store_TEXT(row_writer *w, stored_id column, const char *text)
{
    if (column == STORED_host && text == w->rows->hosts[w->rec->source_index])
        return;
    span s = text_span(text);
    outbuf_written(w->out, text_utf8(outbuf_reserve(w->out, 3 * s.len), s));
    set_text(w, column);
}

// Only where it is not that of its class.
static void store_ORIGIN(row_writer *w, stored_id column, schema_origin origin)
{
    if (origin == w->rec->cls->origin)
        return;
    outbuf_text(w->out, schema_origin_name(origin));
    set_text(w, column);
}

static void store_SID(row_writer *w, stored_id column, span sid)
{
    if (!sid.len)
        return;
    outbuf_written(w->out, text_sid(outbuf_reserve(w->out, TEXT_SID_BYTES), sid));
    set_text(w, column);
}

static void store_BYTES(row_writer *w, stored_id column, span bytes)
{
    outbuf_written(w->out, text_bytes(outbuf_reserve(w->out, 2 * bytes.len), bytes));
    set_text(w, column);
}

static void store_VALUE(row_writer *w, stored_id column, typed_value v)
{
    if (v.kind == VALUE_NULL)
        return;
    render_text(w->out, &v);
    set_text(w, column);
}

static void store_MESSAGE(row_writer *w, stored_id column, const record *rec)
{
    if (render_message(w->out, rec))
        set_text(w, column);
}

// Only where its values have no columns.
static void store_DATA(row_writer *w, stored_id column, const record *rec)
{
    if (w->row.has & BIT(layout_id))
        return;
    render_data_json(w->out, rec);
    set_text(w, column);
}

static void store_STACK(row_writer *w, stored_id column, const record *rec)
{
    render_stack_json(w->out, rec);
    set_text(w, column);
}

static void store_EXTENDED(row_writer *w, stored_id column, const record *rec)
{
    if (render_extended_json(w->out, rec))
        set_text(w, column);
}

void sqlite_row_render(const sqlite_rows *rows, const record *rec, outbuf *out)
{
    size_t head = out->len;
    outbuf_written(out, outbuf_reserve(out, sizeof(row)) + sizeof(row));
    row_writer w = {.out = out, .start = out->len, .rec = rec, .rows = rows};
    set_number(&w, STORED_class_id, rec->cls->index);
    if (rec->source_index)
        set_number(&w, STORED_source_id, rec->source_index);
    bool is_typed = sqlite_fields_has(rows->fields, rec);
    if (is_typed)
        set_number(&w, STORED_layout_id, sqlite_fields_layout(rows->fields, rec->cls->index));
#define STORE_CLASS(name, type, has, value)
#define STORE_PLANNED(name, type, has, value)
#define STORE_SOURCE(name, type, has, value)
#define STORE_RECORD(name, type, has, value)                                                                           \
    if (STORED_##name != STORED_record && (has))                                                                       \
        store_##type(&w, STORED_##name, value);
#define COLUMN(name, type, scope, has, value) STORE_##scope(name, type, has, value)
#include "decode/columns.def"
    size_t start = out->len;
    if (is_typed)
        sqlite_fields_render(rows->fields, rec, out);
    w.row.fields = (u32)(out->len - start);
    if (rows->activities && rec->scratch) {
        start = out->len;
        sqlite_activities_render(rows->activities, rec, out);
        w.row.more = (u32)(out->len - start);
    }
    memcpy(out->bytes + head, &w.row, sizeof(row));
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

// ------------------------------------------------------------------------------------- the table SQLite reads

static sqlite_rows *rows_of(sqlite3_vtab_cursor *place)
{
    return (sqlite_rows *)((u8 *)place - offsetof(sqlite_rows, place));
}

static void add_names(outbuf *sql, u64 columns)
{
    const char *before = "";
    for (stored_id i = 0; i < STORED_COUNT; i++)
        if (columns >> i & 1) {
            outbuf_text(sql, before);
            outbuf_text(sql, stored_name(i));
            before = ",";
        }
}

static int table_connect(sqlite3 *db, void *context, int argc, const char *const *argv, sqlite3_vtab **out, char **why)
{
    (void)argc, (void)argv, (void)why;
    sqlite_rows *rows = context;
    outbuf sql = {0};
    outbuf_text(&sql, "CREATE TABLE rendered(");
    add_names(&sql, ALL);
    outbuf_add(&sql, ")", 2);
    int code = sqlite3_declare_vtab(db, (const char *)sql.bytes);
    outbuf_free(&sql);
    *out = &rows->table;
    return code;
}

static int table_disconnect(sqlite3_vtab *table)
{
    (void)table;
    return SQLITE_OK;
}

static int table_plan(sqlite3_vtab *table, sqlite3_index_info *info)
{
    (void)table, (void)info;
    return SQLITE_OK;
}

static int cursor_open(sqlite3_vtab *table, sqlite3_vtab_cursor **out)
{
    *out = &((sqlite_rows *)table)->place;
    return SQLITE_OK;
}

static int cursor_close(sqlite3_vtab_cursor *place)
{
    (void)place;
    return SQLITE_OK;
}

// To the row at `at`, or to the end.
static void rows_move(sqlite_rows *rows, const u8 *at)
{
    rows->at = at;
    if (at == rows->end)
        return;
    memcpy(&rows->row, at, sizeof rows->row);
    rows->pattern = 0;
    while (rows->row.has & ~(rows->common | PATTERNS[rows->pattern]))
        rows->pattern++;
}

static int cursor_start(sqlite3_vtab_cursor *place, int way, const char *name, int argc, sqlite3_value **argv)
{
    (void)place, (void)way, (void)name, (void)argc, (void)argv;
    return SQLITE_OK;
}

static int cursor_next(sqlite3_vtab_cursor *place)
{
    sqlite_rows *rows = rows_of(place);
    const row *r = &rows->row;
    if (r->cells[STORED_source_id].number < rows->sources)
        rows->counts[r->cells[STORED_source_id].number * 3 + r->cells[STORED_state].number]++;
    rows_move(rows, rows->at + sizeof *r + r->bytes + r->fields + r->more);
    return SQLITE_OK;
}

static int cursor_ended(sqlite3_vtab_cursor *place)
{
    const sqlite_rows *rows = rows_of(place);
    return rows->at == rows->end || rows->pattern != rows->wanted;
}

static int cursor_column(sqlite3_vtab_cursor *place, sqlite3_context *result, int column)
{
    const sqlite_rows *rows = rows_of(place);
    const row *r = &rows->row;
    const cell *c = &r->cells[column];
    if (!((r->has | ZEROS) >> column & 1))
        return SQLITE_OK;
    if (!is_number((stored_id)column))
        sqlite3_result_text(result, (const char *)rows->at + sizeof *r + c->text.at, (int)c->text.len, SQLITE_STATIC);
    else
        sqlite3_result_int64(result, c->number);
    return SQLITE_OK;
}

static int cursor_number(sqlite3_vtab_cursor *place, sqlite3_int64 *number)
{
    (void)place;
    *number = 0; // nobody asks
    return SQLITE_OK;
}

// Without xCreate: it is there by its name only, and no part of the file.
static const sqlite3_module module = {
    .xConnect = table_connect,
    .xBestIndex = table_plan,
    .xDisconnect = table_disconnect,
    .xOpen = cursor_open,
    .xClose = cursor_close,
    .xFilter = cursor_start,
    .xNext = cursor_next,
    .xEof = cursor_ended,
    .xColumn = cursor_column,
    .xRowid = cursor_number,
};

// ------------------------------------------------------------------------------------- storing

static int prepare_insert(sqlite3 *db, u64 columns, sqlite3_stmt **out)
{
    outbuf sql = {0};
    outbuf_text(&sql, "INSERT OR FAIL INTO records(");
    add_names(&sql, columns);
    outbuf_text(&sql, ") SELECT ");
    add_names(&sql, columns);
    outbuf_text(&sql, " FROM rendered");
    int code = sqlite3_prepare_v3(db, (const char *)sql.bytes, (int)sql.len, SQLITE_PREPARE_PERSISTENT, out, NULL);
    outbuf_free(&sql);
    return code;
}

sqlite_rows *sqlite_rows_new(arena *a, sqlite3 *db, const export_target *target, const sqlite_layouts *layouts,
                             int *code)
{
    sqlite_rows *rows = arena_array(a, sqlite_rows, 1);
    rows->sources = target->trace_count;
    rows->counts = arena_array(a, u64, (size_t)rows->sources * 3);
    rows->hosts = arena_array(a, const char *, rows->sources);
    for (u32 i = 0; i < rows->sources; i++)
        rows->hosts[i] = target->traces[i].host;
    rows->common = COMMON | (rows->sources > 1 ? BIT(source_id) : 0);
    *code = sqlite3_create_module(db, "rendered", &module, rows);
    if (*code == SQLITE_OK)
        rows->fields = sqlite_fields_new(a, db, layouts, code);
    if (*code == SQLITE_OK && target->session)
        rows->activities = sqlite_activities_new(a, db, target, code);
    for (u32 i = 0; i < COUNT_OF(PATTERNS) && *code == SQLITE_OK; i++)
        *code = prepare_insert(db, rows->common | PATTERNS[i], &rows->inserts[i]);
    return rows;
}

// By column_id, as bits.
static u64 columns_of(const row *r)
{
    static_assert(COLUMN_COUNT < 64, "the columns of a record are bits of a number");
    u64 columns = 0;
    for (u64 left = r->has; left; left &= left - 1)
        columns |= 1ull << COLUMN_OF[__builtin_ctzll(left)];
    return columns;
}

// What stands in other tables of the rows that were stored.
static int store_others(sqlite_rows *rows, span rendered)
{
    int code = SQLITE_OK;
    for (span left = rendered; left.len && code == SQLITE_OK;) {
        row r;
        memcpy(&r, left.at, sizeof r);
        rows->stored++;
        const u8 *fields = left.at + sizeof r + r.bytes;
        fields_head h = {.number = rows->stored,
                         .time = r.cells[STORED_timestamp].number,
                         .process_id = r.cells[STORED_process_id].number,
                         .thread_id = r.cells[STORED_thread_id].number,
                         .has_process = r.has & BIT(process_id),
                         .has_thread = r.has & BIT(thread_id),
                         .stored = columns_of(&r)};
        sqlite_fields_take(rows->fields, &h, (u32)r.cells[STORED_class_id].number, (span){fields, r.fields});
        if (r.more)
            code = sqlite_activities_store(rows->activities, rows->stored, r.cells[STORED_timestamp].number,
                                           (span){fields + r.fields, r.more});
        left = span_from(left, sizeof r + r.bytes + r.fields + r.more);
    }
    return code == SQLITE_OK ? sqlite_fields_store(rows->fields) : code;
}

int sqlite_rows_store(sqlite_rows *rows, span rendered)
{
    rows->end = rendered.at + rendered.len;
    rows_move(rows, rendered.at);
    while (rows->at != rows->end) {
        rows->wanted = rows->pattern;
        sqlite3_step(rows->inserts[rows->wanted]);
        int code = sqlite3_reset(rows->inserts[rows->wanted]);
        if (code != SQLITE_OK)
            return code;
    }
    return store_others(rows, rendered);
}

u64 sqlite_rows_count(const sqlite_rows *rows, u32 source, record_state state)
{
    return rows->counts[source * 3 + (u32)state];
}

void sqlite_rows_end(sqlite_rows *rows)
{
    for (u32 i = 0; i < COUNT_OF(PATTERNS); i++) {
        sqlite3_finalize(rows->inserts[i]);
        rows->inserts[i] = NULL;
    }
    if (rows->fields)
        sqlite_fields_end(rows->fields);
    if (rows->activities)
        sqlite_activities_end(rows->activities);
    rows->activities = NULL;
}
