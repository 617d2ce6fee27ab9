#include "sqlite_rows.h"

#include "literal.h"

#include "etwkit_engine.h"

// Columns behind `record`, which SQLite numbers itself: rows come in the order of their numbers.
enum {
    COLUMN_TIME,
    COLUMN_CLASS,
    COLUMN_PROCESS,
    COLUMN_THREAD,
    COLUMN_PROCESSOR,
    COLUMN_PROCESS_NAME,
    COLUMN_ACTIVITY,
    COLUMN_RELATED,
    COLUMN_USER,
    COLUMN_SCHEMA,
    COLUMN_STATE,
    COLUMN_MESSAGE,
    COLUMN_DATA,
    COLUMN_RAW,
    COLUMN_STACK,
    COLUMN_EXTENDED,
    COLUMN_SOURCE,
    COLUMN_OFFSET,
    COLUMN_COUNT,
};

#define BIT(column) (1u << (column))

enum {
    TEXTS = BIT(COLUMN_PROCESS_NAME) | BIT(COLUMN_ACTIVITY) | BIT(COLUMN_RELATED) | BIT(COLUMN_USER) |
            BIT(COLUMN_SCHEMA) | BIT(COLUMN_MESSAGE) | BIT(COLUMN_DATA) | BIT(COLUMN_RAW) | BIT(COLUMN_STACK) |
            BIT(COLUMN_EXTENDED),

    // Most rows have nothing else.
    COMMON = BIT(COLUMN_TIME) | BIT(COLUMN_CLASS) | BIT(COLUMN_PROCESS) | BIT(COLUMN_THREAD) | BIT(COLUMN_PROCESSOR) |
             BIT(COLUMN_PROCESS_NAME) | BIT(COLUMN_MESSAGE) | BIT(COLUMN_DATA) | BIT(COLUMN_OFFSET),
    ALL = BIT(COLUMN_COUNT) - 1,

    ZEROS = BIT(COLUMN_STATE) | BIT(COLUMN_SOURCE), // have 0 as their default, the others NULL
};

// What rows have beyond the common, from few to all, with an INSERT for each: a column that an INSERT leaves out costs
// less than one that turns out to be NULL.
static const u32 patterns[] = {
    0,
    BIT(COLUMN_STACK) | BIT(COLUMN_EXTENDED),
    BIT(COLUMN_ACTIVITY) | BIT(COLUMN_RELATED) | BIT(COLUMN_USER),
    ALL,
};
enum { PATTERNS = COUNT_OF(patterns) };

static const char *const column_names[COLUMN_COUNT] = {
    "time",      "class_id",     "process_id",  "thread_id",
    "processor", "process_name", "activity_id", "related_activity_id",
    "user_sid",  "schema",       "state",       "message",
    "data",      "raw",          "stack",       "extended",
    "source_id", "offset",
};

// A number, or where a text stands behind the row.
typedef union cell {
    i64 number;
    struct {
        u32 at, len;
    } text;
} cell;

typedef struct row {
    u32 bytes; // of texts behind it
    u32 has;   // columns that have something else than their default, as bits
    cell cells[COLUMN_COUNT];
} row;

struct sqlite_rows {
    sqlite3_vtab table;
    sqlite3_vtab_cursor place; // there is never more than one
    row row;                   // at the cursor
    const u8 *at, *end;        // of that row, of the run
    u32 pattern;               // of that row
    u32 wanted;                // the cursor ends in front of a row of another pattern
    u32 common;
    sqlite3_stmt *inserts[PATTERNS];
    u32 sources;
    u64 *counts; // decoded, partial, raw of each source
};

// ------------------------------------------------------------------------------------- rendering

static void set_number(row *r, u32 column, i64 number)
{
    r->cells[column].number = number;
    r->has |= BIT(column);
}

// The text is what was written since the last one.
static void set_text(row *r, u32 column, const outbuf *out, size_t head)
{
    u32 end = (u32)(out->len - head - sizeof *r);
    r->cells[column].text.at = r->bytes;
    r->cells[column].text.len = end - r->bytes;
    r->bytes = end;
    r->has |= BIT(column);
}

static void render_numbers(row *r, const record *rec)
{
    set_number(r, COLUMN_TIME, rec->time);
    set_number(r, COLUMN_CLASS, rec->cls->index);
    if (rec->has_process)
        set_number(r, COLUMN_PROCESS, rec->process_id);
    if (rec->has_thread)
        set_number(r, COLUMN_THREAD, rec->thread_id);
    set_number(r, COLUMN_PROCESSOR, rec->processor);
    set_number(r, COLUMN_OFFSET, (i64)rec->offset);
    r->cells[COLUMN_STATE].number = rec->state;
    r->cells[COLUMN_SOURCE].number = rec->source_index;
    r->has |= (rec->state != RECORD_DECODED ? BIT(COLUMN_STATE) : 0) | (rec->source_index ? BIT(COLUMN_SOURCE) : 0);
}

static void render_identity(row *r, const record *rec, outbuf *out, size_t head)
{
    if (rec->process_name) {
        span name = text_span(rec->process_name);
        outbuf_written(out, text_utf8(outbuf_reserve(out, 3 * name.len), name));
        set_text(r, COLUMN_PROCESS_NAME, out, head);
    }
    if (rec->event->activity) {
        outbuf_written(out, text_guid(outbuf_reserve(out, 36), rec->event->activity));
        set_text(r, COLUMN_ACTIVITY, out, head);
    }
    const u8 *related;
    if (render_related_activity(rec, &related)) {
        outbuf_written(out, text_guid(outbuf_reserve(out, 36), related));
        set_text(r, COLUMN_RELATED, out, head);
    }
    if (render_user_sid(out, rec))
        set_text(r, COLUMN_USER, out, head);
    if (record_origin(rec) != rec->cls->origin) {
        outbuf_text(out, schema_origin_name(record_origin(rec)));
        set_text(r, COLUMN_SCHEMA, out, head);
    }
}

void sqlite_row_render(const record *rec, outbuf *out)
{
    row r = {0};
    size_t head = out->len;
    outbuf_written(out, outbuf_reserve(out, sizeof r) + sizeof r);
    render_numbers(&r, rec);
    render_identity(&r, rec, out, head);
    if (render_message(out, rec))
        set_text(&r, COLUMN_MESSAGE, out, head);
    if (rec->plan) {
        render_data_json(out, rec);
        set_text(&r, COLUMN_DATA, out, head);
    }
    if (rec->state != RECORD_DECODED) {
        outbuf_written(out, text_bytes(outbuf_reserve(out, 2 * rec->payload.len), rec->payload));
        set_text(&r, COLUMN_RAW, out, head);
    }
    if (rec->stack_count) {
        render_stack_json(out, rec);
        set_text(&r, COLUMN_STACK, out, head);
    }
    if (render_extended_json(out, rec))
        set_text(&r, COLUMN_EXTENDED, out, head);
    memcpy(out->bytes + head, &r, sizeof r);
}

// ------------------------------------------------------------------------------------- the table SQLite reads

static sqlite_rows *rows_of(sqlite3_vtab_cursor *place)
{
    return (sqlite_rows *)((u8 *)place - offsetof(sqlite_rows, place));
}

static void add_names(outbuf *sql, u32 columns)
{
    const char *before = "";
    for (u32 i = 0; i < COLUMN_COUNT; i++)
        if (columns & BIT(i)) {
            outbuf_text(sql, before);
            outbuf_text(sql, column_names[i]);
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
    while (rows->row.has & ~(rows->common | patterns[rows->pattern]))
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
    if (r->cells[COLUMN_SOURCE].number < rows->sources)
        rows->counts[r->cells[COLUMN_SOURCE].number * 3 + r->cells[COLUMN_STATE].number]++;
    rows_move(rows, rows->at + sizeof *r + r->bytes);
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
    if (!((r->has | ZEROS) & BIT(column)))
        return SQLITE_OK;
    if (TEXTS & BIT(column))
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

static int prepare_insert(sqlite3 *db, u32 columns, sqlite3_stmt **out)
{
    outbuf sql = {0};
    outbuf_text(&sql, "INSERT INTO records(");
    add_names(&sql, columns);
    outbuf_text(&sql, ") SELECT ");
    add_names(&sql, columns);
    outbuf_text(&sql, " FROM rendered");
    int code = sqlite3_prepare_v3(db, (const char *)sql.bytes, (int)sql.len, SQLITE_PREPARE_PERSISTENT, out, NULL);
    outbuf_free(&sql);
    return code;
}

sqlite_rows *sqlite_rows_new(arena *a, sqlite3 *db, u32 sources, int *code)
{
    sqlite_rows *rows = arena_array(a, sqlite_rows, 1);
    rows->sources = sources;
    rows->counts = arena_array(a, u64, (size_t)sources * 3);
    rows->common = COMMON | (sources > 1 ? BIT(COLUMN_SOURCE) : 0);
    *code = sqlite3_create_module(db, "rendered", &module, rows);
    for (u32 i = 0; i < PATTERNS && *code == SQLITE_OK; i++)
        *code = prepare_insert(db, rows->common | patterns[i], &rows->inserts[i]);
    return rows;
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
    return SQLITE_OK;
}

u64 sqlite_rows_count(const sqlite_rows *rows, u32 source, record_state state)
{
    return rows->counts[source * 3 + (u32)state];
}

void sqlite_rows_end(sqlite_rows *rows)
{
    for (u32 i = 0; i < PATTERNS; i++) {
        sqlite3_finalize(rows->inserts[i]);
        rows->inserts[i] = NULL;
    }
}
