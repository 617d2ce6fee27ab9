// SQLite (`sqlite`): a lean table of records, the tables around it, and views that show them as the record contract
// says. All is one transaction without journal: the file is nobody's until it is complete.
#include "exporter.h"
#include "literal.h"
#include "sqlite_activities.h"
#include "sqlite_alias.h"
#include "sqlite_bind.h"
#include "sqlite_entities.h"
#include "sqlite_layouts.h"
#include "sqlite_rows.h"
#include "sqlite_search.h"
#include "sqlite_views.h"

#include <cjson/cJSON.h>
#include <sys/stat.h>

#include "base/sqlite_fd.h"

struct sink {
    sqlite3 *db;
    const char *name; // for sentences
    arena memory;
    export_target target;
    sqlite_layouts layouts;
    sqlite_rows *rows;
    page_file pages; // while records come, `db` is closed
    u32 sources;
    u32 without_view, cut_views;
};

// ------------------------------------------------------------------------------------- small helpers

static bool sqlite_failed(const sink *s, int code, error *e)
{
    return error_set(e, "%s: %s", s->name, sqlite_fd_error(s->db, code));
}

static bool sqlite_ok(const sink *s, int code, error *e)
{
    return code == SQLITE_OK || sqlite_failed(s, code, e);
}

static bool sqlite_run(sink *s, const char *sql, error *e)
{
    return sqlite_ok(s, sqlite3_exec(s->db, sql, NULL, NULL, NULL), e);
}

static sqlite3_stmt *sqlite_prepare(sink *s, const char *sql, error *e)
{
    sqlite3_stmt *statement = NULL;
    (void)sqlite_ok(s, sqlite3_prepare_v3(s->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL), e);
    return statement;
}

static bool sqlite_step(sink *s, sqlite3_stmt *statement, error *e)
{
    int code = sqlite3_step(statement);
    if (code != SQLITE_DONE)
        return sqlite_failed(s, code, e);
    sqlite3_reset(statement);
    return true;
}

// ------------------------------------------------------------------------------------- facts known at the start

static const column_id CLASS_COLUMNS[] = {
#define OF_CLASS(id) id,
#define OF_PLANNED(id) id,
#define OF_SOURCE(id)
#define OF_HOST(id)
#define OF_RECORD(id)
#define COLUMN(name, type, scope, has, value) OF_##scope(COLUMN_##name)
#define FACT(name, type, scope, has, value) OF_##scope(FACT_##name)
#include "decode/columns.def"
};

static void add_classes_table(outbuf *sql)
{
    outbuf_text(sql, "CREATE TABLE event_classes(id INTEGER PRIMARY KEY");
    for (size_t i = 0; i < COUNT_OF(CLASS_COLUMNS); i++) {
        const column_facts *column = &column_table[CLASS_COLUMNS[i]];
        outbuf_text(sql, ",");
        outbuf_text(sql, column->name);
        outbuf_text(sql, column->type == TYPE_NUMBER ? " INTEGER" : " TEXT");
        outbuf_text(sql, column->always ? " NOT NULL" : "");
    }
    outbuf_text(sql, ",schema TEXT NOT NULL,events INTEGER NOT NULL,fields TEXT,view_name TEXT,view_alias TEXT);");
}

static void bind_column(sqlite3_stmt *statement, int at, column_id id, const record *rec)
{
    outbuf text = {0};
    typed_value v;
    column_value(id, rec, &text, &v);
    if (v.kind == VALUE_NULL)
        sqlite3_bind_null(statement, at);
    else if (column_table[id].type == TYPE_NUMBER)
        sqlite3_bind_int64(statement, at, (i64)v.number);
    else if (column_text(id, rec, &text))
        bind_len(statement, at, text.bytes, text.len);
    outbuf_free(&text);
}

static void bind_class(sqlite3_stmt *statement, const event_class *cls, const layout *l)
{
    record rec = {.cls = cls};
    int at = 1;
    sqlite3_bind_int64(statement, at++, cls->index);
    for (size_t i = 0; i < COUNT_OF(CLASS_COLUMNS); i++)
        bind_column(statement, at++, CLASS_COLUMNS[i], &rec);
    bind_text(statement, at++, schema_origin_name(cls->origin));
    sqlite3_bind_int64(statement, at++, (i64)cls->events);
    if (cls->plan_count) {
        outbuf b = {0};
        sqlite_fields_json(&b, cls->plans[0]);
        bind_len(statement, at, b.bytes, b.len);
        outbuf_free(&b);
    } else {
        sqlite3_bind_null(statement, at);
    }
    bind_text(statement, at + 1, l ? l->name : NULL);
    bind_text(statement, at + 2, l ? l->alias : NULL);
}

// A view is compiled, to be sure that every reader can parse it, and then stored as CREATE VIEW stores it: run, that
// reads all of the schema again for each view.
static bool write_view(sink *s, sqlite3_stmt *insert, const sqlite_view *view, error *e)
{
    sqlite3_stmt *create = sqlite_prepare(s, view->sql, e);
    sqlite3_finalize(create);
    if (!create)
        return false;
    bind_text(insert, 1, view->name);
    bind_text(insert, 2, view->sql);
    return sqlite_step(s, insert, e);
}

static bool write_views(sink *s, error *e)
{
    sqlite_views views = sqlite_views_make(&s->memory, &s->layouts, &s->target);
    sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 0, NULL);
    sqlite3_db_config(s->db, SQLITE_DBCONFIG_WRITABLE_SCHEMA, 1, NULL);
    sqlite3_stmt *insert = sqlite_prepare(s, "INSERT INTO sqlite_master VALUES('view',?1,?1,0,?2)", e);
    bool ok = insert != NULL;
    for (u32 i = 0; ok && i < views.count; i++)
        ok = write_view(s, insert, &views.list[i], e);
    sqlite3_finalize(insert);
    sqlite3_db_config(s->db, SQLITE_DBCONFIG_WRITABLE_SCHEMA, 0, NULL);
    return ok;
}

static sqlite3_stmt *prepare_classes(sink *s, error *e)
{
    enum { OTHERS = 5 }; // after the first
    outbuf sql = {0};
    outbuf_text(&sql, "INSERT INTO event_classes VALUES(?");
    for (size_t i = 0; i < COUNT_OF(CLASS_COLUMNS) + OTHERS; i++)
        outbuf_text(&sql, ",?");
    outbuf_add(&sql, ")", 2);
    sqlite3_stmt *insert = sqlite_prepare(s, (const char *)sql.bytes, e);
    outbuf_free(&sql);
    return insert;
}

static bool write_classes(sink *s, const export_target *target, error *e)
{
    sqlite3_stmt *insert = prepare_classes(s, e);
    bool ok = insert != NULL;
    for (u32 i = 0; ok && i < target->class_count; i++) {
        const layout *l = s->layouts.of_class[i];
        s->without_view += !l;
        bind_class(insert, target->classes[i], l);
        ok = sqlite_step(s, insert, e);
    }
    sqlite3_finalize(insert);
    return ok;
}

// Where the columns of `traces` from `path` on stand in the object of `info --json`.
static const struct {
    const char *object, *member;
} FACT_COLUMNS[] = {
    {NULL, "file"},         {NULL, "bytes"},
    {NULL, "sha256"},       {NULL, "session"},
    {NULL, "computer"},     {NULL, "os_version"},
    {NULL, "start"},        {NULL, "end"},
    {NULL, "boot_time"},    {NULL, "utc_offset_minutes"},
    {NULL, "pointer_size"}, {NULL, "processors"},
    {NULL, "clock"},        {NULL, "clock_frequency"},
    {NULL, "buffer_size"},  {NULL, "log_file_mode"},
    {"buffers", "total"},   {"buffers", "compressed"},
    {"buffers", "damaged"}, {"buffers", "lost"},
    {"events", "total"},    {"events", "decoded"},
    {"events", "partial"},  {"events", "raw"},
    {"events", "lost"},
};

static void bind_json(sqlite3_stmt *statement, int at, const cJSON *value)
{
    if (cJSON_IsNumber(value)) {
        // Whole numbers that a double holds exactly; `info` keeps the text of all.
        double number = value->valuedouble;
        if (number >= -9007199254740992.0 && number <= 9007199254740992.0 && (double)(i64)number == number)
            sqlite3_bind_int64(statement, at, (i64)number);
        else
            sqlite3_bind_double(statement, at, number);
    } else {
        bind_text(statement, at, cJSON_IsString(value) ? value->valuestring : NULL);
    }
}

static void bind_trace(sqlite3_stmt *statement, u32 index, const export_trace *t)
{
    cJSON *info = t->info_json ? cJSON_Parse(t->info_json) : NULL;
    sqlite3_bind_int64(statement, 1, index);
    bind_text(statement, 2, t->file);
    for (size_t i = 0; i < COUNT_OF(FACT_COLUMNS); i++) {
        const cJSON *object = info;
        if (FACT_COLUMNS[i].object)
            object = cJSON_GetObjectItemCaseSensitive(info, FACT_COLUMNS[i].object);
        bind_json(statement, (int)i + 3, cJSON_GetObjectItemCaseSensitive(object, FACT_COLUMNS[i].member));
    }
    bind_text(statement, (int)COUNT_OF(FACT_COLUMNS) + 3, t->info_json);
    bind_text(statement, (int)COUNT_OF(FACT_COLUMNS) + 4, t->host);
    cJSON_Delete(info);
}

static bool write_damage(sink *s, const export_trace *t, error *e)
{
    sqlite3_stmt *insert = sqlite_prepare(s, "INSERT INTO damage VALUES(?,?,?,?,?)", e);
    bool ok = insert != NULL;
    for (u32 i = 0; ok && i < t->damage_count; i++) {
        const export_damage *damage = &t->damage[i];
        bind_text(insert, 1, t->file);
        sqlite3_bind_int64(insert, 2, (i64)damage->offset);
        sqlite3_bind_int64(insert, 3, (i64)damage->bytes);
        bind_text(insert, 4, damage->kind);
        bind_text(insert, 5, damage->message);
        ok = sqlite_step(s, insert, e);
    }
    sqlite3_finalize(insert);
    return ok;
}

static bool write_traces(sink *s, const export_target *target, error *e)
{
    sqlite3_stmt *insert =
        sqlite_prepare(s, "INSERT INTO traces VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)", e);
    bool ok = insert != NULL;
    for (u32 i = 0; ok && i < target->trace_count; i++) {
        bind_trace(insert, i, &target->traces[i]);
        ok = sqlite_step(s, insert, e) && write_damage(s, &target->traces[i], e);
    }
    sqlite3_finalize(insert);
    return ok;
}

static void bind_index(sqlite3_stmt *statement, int column, i64 index)
{
    if (index >= 0)
        sqlite3_bind_int64(statement, column, index);
    else
        sqlite3_bind_null(statement, column);
}

static bool write_inputs(sink *s, const export_target *target, error *e)
{
    sqlite3_stmt *insert = sqlite_prepare(s, "INSERT INTO inputs VALUES(?,?,?,?,?,?,?,?,?,?)", e);
    bool ok = insert != NULL;
    for (u32 i = 0; ok && i < target->input_count; i++) {
        const export_input *in = &target->inputs[i];
        sqlite3_bind_int64(insert, 1, i);
        bind_text(insert, 2, in->source);
        bind_text(insert, 3, in->path);
        bind_text(insert, 4, in->status);
        bind_text(insert, 5, in->reason);
        bind_text(insert, 6, in->error);
        sqlite3_bind_int64(insert, 7, (i64)in->bytes);
        bind_text(insert, 8, *in->sha256 ? in->sha256 : NULL);
        bind_index(insert, 9, in->duplicate_of);
        bind_index(insert, 10, in->trace);
        ok = sqlite_step(s, insert, e);
    }
    sqlite3_finalize(insert);
    return ok;
}

// ------------------------------------------------------------------------------------- open

static int open_database(int fd, bool writable, sqlite3 **db)
{
    // Nobody asks how much memory it has; where it is already in use it refuses, which does no harm.
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    return sqlite_fd_open(fd, writable, db);
}

static bool write_tables(sink *s, error *e)
{
    outbuf sql = {0};
    sqlite_rows_table(&sql);
    add_classes_table(&sql);
    outbuf_text(&sql, sqlite_tables);
    sqlite_entity_tables(&sql);
    sqlite_activity_tables(&sql);
    sqlite_layout_tables(&s->layouts, &sql);
    sqlite_events_view(&s->layouts, &sql);
    outbuf_text(&sql, "CREATE INDEX records_time ON records(time);");
    outbuf_text(&sql, s->target.search ? sqlite_search_tables : "");
    outbuf_add(&sql, "", 1);
    bool ok = sqlite_run(s, (const char *)sql.bytes, e);
    outbuf_free(&sql);
    return ok;
}

static bool sqlite_begin(sink *s, const export_target *target, error *e)
{
    if (!sqlite_ok(s, open_database(target->fd, true, &s->db), e))
        return false;
    s->target = *target;
    s->layouts = sqlite_layouts_make(&s->memory, target->classes, target->class_count);
    s->cut_views = sqlite_views_cut(&s->layouts, target);
    if (!sqlite_run(s, sqlite_pragmas, e) || !sqlite_run(s, "PRAGMA user_version=1;BEGIN", e) || !write_tables(s, e) ||
        !sqlite_ok(s, sqlite_aliases_make(&s->memory, s->db, &s->layouts), e) || !write_classes(s, target, e) ||
        !write_traces(s, target, e) || !write_inputs(s, target, e))
        return false;
    int code = target->session ? sqlite_entities_store(s->db, target->session) : SQLITE_OK;
    if (!sqlite_ok(s, code, e) || !sqlite_run(s, "COMMIT", e))
        return false;
    s->rows = sqlite_rows_new(&s->memory, s->db, target, &s->layouts, &code);
    if (!sqlite_ok(s, code, e))
        return false;
    sqlite3_close(s->db);
    s->db = NULL;
    return page_file_open(&s->pages, target->fd, target->name, e);
}

static void sqlite_free(sink *s)
{
    if (s->rows)
        (void)sqlite_rows_end(s->rows, &s->pages, NULL);
    (void)page_file_close(&s->pages, NULL);
    sqlite3_close(s->db);
    sqlite_layouts_free(&s->layouts);
    arena_free(&s->memory);
    mem_free(s);
}

static bool sqlite_open(sink **out, const export_target *target, error *e)
{
    *out = NULL;
    struct stat st;
    if (fstat(target->fd, &st) != 0 || !S_ISREG(st.st_mode))
        return error_set(e, "%s: SQLite output needs a file", target->name);
    sink *s = mem_zeroed(1, sizeof *s);
    s->name = target->name;
    s->sources = target->trace_count;
    if (!sqlite_begin(s, target, e)) {
        sqlite_free(s);
        return false;
    }
    *out = s;
    return true;
}

// ------------------------------------------------------------------------------------- records and the end

static void sqlite_render(const sink *s, const record *rec, outbuf *out)
{
    sqlite_row_render(s->rows, rec, out);
}

static bool sqlite_commit(sink *s, span rendered, u32 records, error *e)
{
    (void)records;
    return sqlite_rows_store(s->rows, &s->pages, rendered, e);
}

static bool write_states(sink *s, error *e)
{
    sqlite3_stmt *update =
        sqlite_prepare(s, "UPDATE traces SET events_decoded=?,events_partial=?,events_raw=? WHERE id=?", e);
    bool ok = update != NULL;
    for (u32 i = 0; ok && i < s->sources; i++) {
        for (int state = RECORD_DECODED; state <= RECORD_RAW; state++)
            sqlite3_bind_int64(update, state + 1, (i64)sqlite_rows_count(s->rows, i, (record_state)state));
        sqlite3_bind_int64(update, 4, i);
        ok = sqlite_step(s, update, e);
    }
    sqlite3_finalize(update);
    return ok;
}

static void sqlite_remark(const sink *s, char text[EXPORT_REMARK])
{
    if (s->without_view || s->cut_views)
        snprintf(text, EXPORT_REMARK,
                 "%u event classes beyond LIMIT_VIEWS have no view, %u views lack fields beyond LIMIT_VIEW_FIELDS",
                 s->without_view, s->cut_views);
}

// What SQLite makes of the rows.
static bool sqlite_finish(sink *s, error *e)
{
    if (!sqlite_ok(s, open_database(s->target.fd, true, &s->db), e))
        return false;
    return sqlite_run(s, sqlite_pragmas, e) && sqlite_run(s, "BEGIN", e) && write_states(s, e) && write_views(s, e) &&
           sqlite_run(s, "COMMIT", e) &&
           (!sqlite_rows_disordered(s->rows) || sqlite_run(s, "REINDEX records_time", e)) &&
           sqlite_run(s, sqlite_indexes, e) && sqlite_run(s, sqlite_entity_indexes, e) &&
           sqlite_run(s, sqlite_activity_indexes, e) && sqlite_ok(s, sqlite_activities_finish(s->db), e) &&
           (!s->target.search || sqlite_run(s, sqlite_search_fill, e));
}

static bool sqlite_close(sink *s, error *e)
{
    bool ok = !e || (sqlite_rows_end(s->rows, &s->pages, e) && page_file_close(&s->pages, e) && sqlite_finish(s, e));
    sqlite_free(s);
    return ok;
}

// By its tables: what begins as an SQLite database may be anybody's.
static bool sqlite_is_own(span head, int fd)
{
    enum { STEPS = 50000000 }; // LIMIT_VIEWS take some hundred thousand
    static const char OURS[] = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND "
                               "name IN ('records', 'event_classes', 'traces', 'damage')";
    sqlite3 *db = NULL;
    sqlite3_stmt *count = NULL;
    bool own = exporter_head_is(head, "SQLite format 3") && open_database(fd, false, &db) == SQLITE_OK;
    if (own)
        sqlite_fd_bound(db, STEPS);
    own = own && sqlite3_prepare_v2(db, OURS, -1, &count, NULL) == SQLITE_OK && sqlite3_step(count) == SQLITE_ROW &&
          sqlite3_column_int(count, 0) == 4;
    sqlite3_finalize(count);
    sqlite3_close(db);
    return own;
}

const exporter exporter_sqlite = {
    .name = "sqlite",
    .suffixes = " .db .sqlite .sqlite3 ",
    .help = "an SQLite database with a view for each event class",
    .correlate = CORRELATE_ACTIVITIES,
    .needs_file = true,
    .open = sqlite_open,
    .render = sqlite_render,
    .commit = sqlite_commit,
    .remark = sqlite_remark,
    .takes_search = true,
    .keeps_traces = true,
    .close = sqlite_close,
    .is_own = sqlite_is_own,
};
