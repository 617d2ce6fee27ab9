#include "sqlite_fields.h"

#include <stdio.h>

#include "etwkit_engine.h"

// ------------------------------------------------------------------------------------- rendered

typedef enum cell_kind { CELL_NULL, CELL_NUMBER, CELL_TEXT } cell_kind;

// A value, by the place of its column; texts stand after all cells.
typedef struct cell {
    u16 column;
    u8 kind;
    u32 at, len; // of a text, from the first cell on
    i64 number;
} cell;

// A record of the run.
typedef struct taken {
    fields_head head;
    span cells;
    u32 next; // of the same table; NOTHING: none
} taken;
static const u32 NOTHING = 0xffffffff;

// A table and the records of the run that go into it.
typedef struct fields_table {
    const layout *layout; // NULL: the shared one
    sqlite3_stmt *insert;
    u32 first, last;
} fields_table;

struct sqlite_fields {
    sqlite3_vtab vtab;
    sqlite3_vtab_cursor place; // there is never more than one
    sqlite3 *db;
    const sqlite_layouts *layouts;
    fields_table *tables; // by layout id; the shared one is 0
    u32 *touched;         // tables with records in the run
    u32 touched_count;
    taken *list;
    u32 count, cap;
    u32 *layout_of; // of shared records: by place in the list
    u32 layout_cap;
    const fields_table *now; // whose records are read, from here:
    u32 at, cell;
};

static const layout *layout_of_class(const sqlite_fields *x, u32 class_index)
{
    return x->layouts->of_class[class_index];
}

u32 sqlite_fields_layout(const sqlite_fields *x, u32 class_index)
{
    const layout *l = layout_of_class(x, class_index);
    return l && l->is_typed ? l->id : 0;
}

static void put_json(outbuf *out, const typed_value *v)
{
    pen at = {out, 0};
    outbuf_written(out, render_value_json(&at, pen_start(&at), v, ESCAPE_JSON));
}

static void put_text_cell(outbuf *out, size_t start, cell *c, size_t text)
{
    c->kind = CELL_TEXT;
    c->at = (u32)(text - start);
    c->len = (u32)(out->len - text);
}

// What a map calls a number is text; a number without a name is one.
static void put_mapped_cell(outbuf *out, size_t start, cell *c, const typed_value *v)
{
    size_t text = out->len;
    put_json(out, v);
    const u8 *at = out->bytes + text;
    size_t len = out->len - text;
    if (len && (at[0] == '-' || (at[0] >= '0' && at[0] <= '9'))) {
        out->len = text;
        c->kind = CELL_NUMBER;
        c->number = v->kind == VALUE_SIGNED ? v->integer : (i64)v->number;
        return;
    }
    out->len = text;
    render_text(out, v);
    put_text_cell(out, start, c, text);
}

static void put_cell(outbuf *out, size_t start, cell *c, const layout_column *column, const typed_value *v)
{
    size_t text = out->len;
    if (*column->type == 'I') {
        c->kind = CELL_NUMBER;
        c->number = v->kind == VALUE_SIGNED ? v->integer : (i64)v->number;
        return;
    }
    if (!*column->type) {
        put_mapped_cell(out, start, c, v);
        return;
    }
    if (column->form == HELD_JSON)
        put_json(out, v);
    else
        render_text(out, v);
    put_text_cell(out, start, c, text);
}

bool sqlite_fields_has(const sqlite_fields *x, const record *rec)
{
    const layout *l = layout_of_class(x, rec->cls->index);
    return l && rec->plan && layout_columns(l, rec->plan);
}

void sqlite_fields_render(const sqlite_fields *x, const record *rec, outbuf *out)
{
    const layout *l = layout_of_class(x, rec->cls->index);
    const u16 *columns = layout_columns(l, rec->plan);
    size_t start = out->len;
    typed_value data, v;
    u32 count = 0;
    record_data(rec, &data);
    // Room for all cells first, so that texts may follow them.
    outbuf_written(out, outbuf_reserve(out, l->count * sizeof(cell)) + l->count * sizeof(cell));
    for (value_walk walk = value_members(&data); value_next(&walk, &v);) {
        u16 column = columns[v.field - rec->plan->fields];
        if (column == NO_COLUMN || v.kind == VALUE_NULL || count == l->count)
            continue;
        cell c = {.column = column};
        put_cell(out, start, &c, &l->columns[column], &v);
        memcpy(out->bytes + start + count++ * sizeof c, &c, sizeof c);
    }
    cell end = {.column = NO_COLUMN};
    if (count < l->count)
        memcpy(out->bytes + start + count * sizeof(cell), &end, sizeof end);
}

// ------------------------------------------------------------------------------------- the table SQLite reads

enum { RECORD_COLUMN, LAYOUT_COLUMN, TIME_COLUMN, PROCESS_COLUMN, THREAD_COLUMN, FIRST_COLUMN };

static sqlite_fields *fields_of(sqlite3_vtab_cursor *place)
{
    return (sqlite_fields *)((u8 *)place - offsetof(sqlite_fields, place));
}

static int table_connect(sqlite3 *db, void *context, int argc, const char *const *argv, sqlite3_vtab **out, char **why)
{
    (void)argc, (void)argv, (void)why;
    sqlite_fields *x = context;
    outbuf sql = {0};
    outbuf_text(&sql, "CREATE TABLE rendered_fields(record,layout_id,time,process_id,thread_id");
    char name[16];
    for (u32 i = 0; i < LAYOUT_COLUMNS; i++) {
        snprintf(name, sizeof name, ",v%u", i);
        outbuf_text(&sql, name);
    }
    outbuf_add(&sql, ")", 2);
    int code = sqlite3_declare_vtab(db, (const char *)sql.bytes);
    outbuf_free(&sql);
    *out = &x->vtab;
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
    *out = &((sqlite_fields *)table)->place;
    return SQLITE_OK;
}

static int cursor_close(sqlite3_vtab_cursor *place)
{
    (void)place;
    return SQLITE_OK;
}

static int cursor_start(sqlite3_vtab_cursor *place, int way, const char *name, int argc, sqlite3_value **argv)
{
    (void)way, (void)name, (void)argc, (void)argv;
    sqlite_fields *x = fields_of(place);
    x->at = x->now->first;
    x->cell = 0;
    return SQLITE_OK;
}

static int cursor_next(sqlite3_vtab_cursor *place)
{
    sqlite_fields *x = fields_of(place);
    x->at = x->list[x->at].next;
    x->cell = 0;
    return SQLITE_OK;
}

static int cursor_ended(sqlite3_vtab_cursor *place)
{
    return fields_of(place)->at == NOTHING;
}

static void give_head(const sqlite_fields *x, sqlite3_context *result, int column)
{
    const fields_head *h = &x->list[x->at].head;
    if (column == RECORD_COLUMN)
        sqlite3_result_int64(result, (i64)h->number);
    else if (column == LAYOUT_COLUMN)
        sqlite3_result_int64(result, x->layout_of[x->at]);
    else if (column == TIME_COLUMN)
        sqlite3_result_int64(result, h->time);
    else if (column == PROCESS_COLUMN && h->has_process)
        sqlite3_result_int64(result, h->process_id);
    else if (column == THREAD_COLUMN && h->has_thread)
        sqlite3_result_int64(result, h->thread_id);
}

// Cells stand in the order in which they are asked for.
static int cursor_column(sqlite3_vtab_cursor *place, sqlite3_context *result, int column)
{
    sqlite_fields *x = fields_of(place);
    const taken *t = &x->list[x->at];
    if (column < FIRST_COLUMN)
        give_head(x, result, column);
    if (column < FIRST_COLUMN || (x->cell + 1) * sizeof(cell) > t->cells.len)
        return SQLITE_OK;
    cell c;
    memcpy(&c, t->cells.at + x->cell * sizeof c, sizeof c);
    if (c.column != column - FIRST_COLUMN)
        return SQLITE_OK;
    x->cell++;
    if (c.kind == CELL_TEXT)
        sqlite3_result_text(result, (const char *)t->cells.at + c.at, (int)c.len, SQLITE_STATIC);
    else
        sqlite3_result_int64(result, c.number);
    return SQLITE_OK;
}

static int cursor_number(sqlite3_vtab_cursor *place, sqlite3_int64 *number)
{
    (void)place;
    *number = 0; // nobody asks
    return SQLITE_OK;
}

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

static void add_columns(outbuf *sql, u32 count, bool shared)
{
    char name[16];
    outbuf_text(sql, shared ? "record,layout_id" : "record,time,process_id,thread_id");
    for (u32 i = 0; i < count; i++) {
        snprintf(name, sizeof name, ",v%u", i);
        outbuf_text(sql, name);
    }
}

static int prepare_insert(sqlite_fields *x, fields_table *t)
{
    u32 count = t->layout ? t->layout->count : SHARED_COLUMNS;
    outbuf sql = {0};
    char head[64];
    snprintf(head, sizeof head, "INSERT OR FAIL INTO fields%s%.0u(", t->layout ? "_" : "",
             t->layout ? t->layout->id : 0);
    outbuf_text(&sql, head);
    add_columns(&sql, count, !t->layout);
    outbuf_text(&sql, ") SELECT ");
    add_columns(&sql, count, !t->layout);
    outbuf_text(&sql, " FROM rendered_fields");
    int code =
        sqlite3_prepare_v3(x->db, (const char *)sql.bytes, (int)sql.len, SQLITE_PREPARE_PERSISTENT, &t->insert, NULL);
    outbuf_free(&sql);
    return code;
}

sqlite_fields *sqlite_fields_new(arena *a, sqlite3 *db, const sqlite_layouts *layouts, int *code)
{
    sqlite_fields *x = arena_new(a, sqlite_fields);
    x->db = db;
    x->layouts = layouts;
    x->tables = arena_array(a, fields_table, (size_t)layouts->count + 1);
    x->touched = arena_array(a, u32, (size_t)layouts->count + 1);
    for (u32 i = 0; i <= layouts->count; i++)
        x->tables[i] = (fields_table){i ? &layouts->list[i - 1] : NULL, NULL, NOTHING, NOTHING};
    *code = sqlite3_create_module(db, "rendered_fields", &module, x);
    return x;
}

void sqlite_fields_end(sqlite_fields *x)
{
    for (u32 i = 0; i <= x->layouts->count; i++) {
        sqlite3_finalize(x->tables[i].insert);
        x->tables[i].insert = NULL;
    }
    mem_free(x->list);
    mem_free(x->layout_of);
    x->list = NULL;
    x->layout_of = NULL;
}

void sqlite_fields_take(sqlite_fields *x, const fields_head *head, u32 class_index, span rendered)
{
    layout *l = x->layouts->of_class[class_index];
    if (!l)
        return;
    l->stored |= head->stored;
    fields_table *t = &x->tables[l->has_table ? l->id : 0];
    u32 at = x->count;
    GROW(x->list, x->count, x->cap);
    GROW(x->layout_of, at, x->layout_cap);
    x->list[x->count++] = (taken){*head, rendered, NOTHING};
    x->layout_of[at] = l->id;
    if (t->first == NOTHING) {
        t->first = at;
        x->touched[x->touched_count++] = (u32)(t - x->tables);
    } else {
        x->list[t->last].next = at;
    }
    t->last = at;
}

int sqlite_fields_store(sqlite_fields *x)
{
    int code = SQLITE_OK;
    for (u32 i = 0; i < x->touched_count && code == SQLITE_OK; i++) {
        fields_table *t = &x->tables[x->touched[i]];
        x->now = t;
        if (!t->insert)
            code = prepare_insert(x, t);
        if (code == SQLITE_OK) {
            sqlite3_step(t->insert);
            code = sqlite3_reset(t->insert);
        }
        t->first = t->last = NOTHING;
    }
    x->touched_count = x->count = 0;
    return code;
}
