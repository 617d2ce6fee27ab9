#include "sqlite_fields.h"

#include <stdio.h>

#include "etwkit_engine.h"
#include "sqlite_bind.h"
#include "sqlite_row.h"

// Columns before those of fields, in a table of its own and in the shared one.
enum { OWN_HEAD = 9, SHARED_HEAD = 2 };
static_assert(OWN_HEAD + LAYOUT_COLUMNS <= ROW_COLUMNS, "a row has room for all columns");

// ------------------------------------------------------------------------------------- rendered

struct sqlite_fields {
    const sqlite_layouts *layouts;
    sqlite_tree *trees; // by layout id; that of the shared table is 0
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

static void put_number(row_maker *row, const typed_value *v)
{
    row_number(row, v->kind == VALUE_SIGNED ? v->integer : (i64)v->number);
}

// What a map calls a number is text; a number without a name is one.
static void put_mapped(row_maker *row, const typed_value *v)
{
    outbuf *out = row->out;
    size_t text = out->len;
    put_json(out, v);
    u8 first = out->len > text ? out->bytes[text] : 0;
    out->len = text;
    if (first == '-' || (first >= '0' && first <= '9')) {
        put_number(row, v);
        return;
    }
    render_text(out, v);
    row_text(row);
}

static void put_value(row_maker *row, const layout_column *column, const typed_value *v)
{
    if (*column->type == 'I') {
        put_number(row, v);
    } else if (!*column->type) {
        put_mapped(row, v);
    } else {
        if (column->form == HELD_JSON)
            put_json(row->out, v);
        else
            render_text(row->out, v);
        row_text(row);
    }
}

bool sqlite_fields_has(const sqlite_fields *x, const record *rec)
{
    const layout *l = layout_of_class(x, rec->cls->index);
    return l && rec->plan && layout_columns(l, rec->plan);
}

static void put_if(row_maker *row, bool has, i64 number)
{
    if (has)
        row_number(row, number);
    else
        row_null(row);
}

static void put_name(row_maker *row, const char *name)
{
    if (!name) {
        row_null(row);
        return;
    }
    span s = text_span(name);
    outbuf_written(row->out, text_utf8(outbuf_reserve(row->out, 3 * s.len), s));
    row_text(row);
}

// What the table has before the fields: what nearly every query asks for, so that it is not looked up in `records`.
static void put_head(row_maker *row, const layout *l, const record *rec)
{
    row_null(row); // `record` is the row's number
    if (!l->has_table) {
        row_number(row, l->id);
        return;
    }
    row_number(row, rec->time);
    put_if(row, rec->has_process, rec->process_id);
    put_if(row, rec->has_thread, rec->thread_id);
    row_number(row, rec->processor);
    row_number(row, (i64)rec->offset);
    put_if(row, event_has_cpu_times(rec->event), rec->event->kernel_time);
    put_if(row, event_has_cpu_times(rec->event), rec->event->user_time);
    put_name(row, rec->process_name);
}

static void put_values(row_maker *row, const layout *l, u32 head, const record *rec)
{
    const u16 *columns = layout_columns(l, rec->plan);
    typed_value data, v;
    record_data(rec, &data);
    for (value_walk walk = value_members(&data); value_next(&walk, &v);) {
        u32 column = columns[v.field - rec->plan->fields];
        if (column == NO_COLUMN || v.kind == VALUE_NULL || head + column < row->count)
            continue;
        row_skip(row, head + column);
        put_value(row, &l->columns[column], &v);
    }
}

size_t sqlite_fields_render(const sqlite_fields *x, const record *rec, outbuf *out)
{
    const layout *l = layout_of_class(x, rec->cls->index);
    if (!l)
        return out->len;
    row_maker row;
    u32 head = l->has_table ? OWN_HEAD : SHARED_HEAD;
    row_begin(&row, out, head + l->count);
    put_head(&row, l, rec);
    if (sqlite_fields_has(x, rec))
        put_values(&row, l, head, rec);
    return row_end(&row);
}

// ------------------------------------------------------------------------------------- storing

sqlite_fields *sqlite_fields_new(arena *a, sqlite3 *db, const sqlite_layouts *layouts, int *code)
{
    sqlite_fields *x = arena_new(a, sqlite_fields);
    x->layouts = layouts;
    x->trees = arena_array(a, sqlite_tree, (size_t)layouts->count + 1);
    *code = sqlite_root(db, "fields", &x->trees[0].root);
    for (u32 i = 1; i <= layouts->count && *code == SQLITE_OK; i++) {
        char name[24];
        snprintf(name, sizeof name, "fields_%u", i);
        if (layouts->list[i - 1].has_table)
            *code = sqlite_root(db, name, &x->trees[i].root);
    }
    return x;
}

void sqlite_fields_note(sqlite_fields *x, u32 class_index, u64 stored)
{
    layout *l = x->layouts->of_class[class_index];
    if (l)
        l->stored |= stored;
}

bool sqlite_fields_store(sqlite_fields *x, page_file *f, i64 number, u32 class_index, span row, error *e)
{
    const layout *l = layout_of_class(x, class_index);
    return tree_add(&x->trees[l->has_table ? l->id : 0], f, number, row, e);
}

bool sqlite_fields_end(sqlite_fields *x, page_file *f, error *e)
{
    bool ok = true;
    for (u32 i = 0; i <= x->layouts->count; i++)
        ok = tree_end(&x->trees[i], f, ok ? e : NULL) && ok;
    return ok;
}
