// Names from traces become SQL here, and every name is hostile: names.h.
#include "sqlite_layouts.h"

#include "etwkit_engine.h"
#include "class_groups.h"
#include "names.h"
#include "sqlite_text.h"

// A table takes two pages at least: only layouts with so many records have one. And all of them together stand in the
// SQL of `events`, which SQLite limits to a million bytes.
enum { OWN_RECORDS = 512, OWN_TABLES = 250, OWN_SQL_BYTES = 500000 };

// ------------------------------------------------------------------------------------- columns

static bool is_shown(const field *f)
{
    return !f->hidden && !f->silent;
}

static layout_column column_of(const field *f)
{
    if (!f->single)
        return (layout_column){.type = "TEXT", .form = HELD_JSON};
    switch ((show_form)f->show) {
    case SHOW_UNSIGNED:
    case SHOW_PORT:
        return (layout_column){
            .type = "INTEGER", .form = f->bytes > 4 ? HELD_UNSIGNED : HELD_QUOTED, .is_wide = f->bytes > 4};
    case SHOW_SIGNED:
        return (layout_column){.type = "INTEGER", .form = HELD_QUOTED};
    case SHOW_HEX:
    case SHOW_WIN32_ERROR:
    case SHOW_NTSTATUS:
    case SHOW_HRESULT:
        return (layout_column){.type = "INTEGER", .form = HELD_HEX, .is_wide = f->bytes > 4};
    case SHOW_BOOL:
        return (layout_column){.type = "INTEGER", .form = HELD_BOOL};
    case SHOW_F32:
    case SHOW_F64:
        return (layout_column){.type = "TEXT", .form = HELD_JSON, .is_fraction = true};
    case SHOW_MAP: // text, or the number of what has no name
        return (layout_column){.type = "", .form = HELD_QUOTED};
    default:
        return (layout_column){.type = "TEXT", .form = HELD_QUOTED};
    }
}

static bool is_like(const layout_column *a, const layout_column *b)
{
    return a->form == b->form && strcmp(a->type, b->type) == 0 && a->is_fraction == b->is_fraction;
}

// The column for a field that comes after column `from` - 1: one that is there, else a new one at that place.
static u32 place_column(arena *a, layout *l, u32 from, const field *f)
{
    layout_column wanted = column_of(f);
    wanted.name = name_clean(a, f->name);
    for (u32 i = from; i < l->count; i++)
        if (is_like(&l->columns[i], &wanted) && strcmp(l->columns[i].name, wanted.name) == 0) {
            l->columns[i].is_wide |= wanted.is_wide;
            return i;
        }
    GROW(l->columns, l->count, l->cap);
    memmove(l->columns + from + 1, l->columns + from, (l->count - from) * sizeof(*l->columns));
    l->columns[from] = wanted;
    l->count++;
    return from;
}

static bool has_plan(const layout *l, const plan *p)
{
    for (u32 i = 0; i < l->plan_count; i++)
        if (l->plans[i].plan == p)
            return true;
    return false;
}

static void add_plan(arena *a, layout *l, const plan *p)
{
    if (has_plan(l, p) || !l->is_typed)
        return;
    GROW(l->plans, l->plan_count, l->plan_cap);
    l->plans[l->plan_count++] = (layout_plan){p, NULL};
    for (u32 i = 0, from = 0; i < p->top_count && l->is_typed; i++)
        if (is_shown(&p->fields[i])) {
            from = place_column(a, l, from, &p->fields[i]) + 1;
            l->is_typed = l->count <= LAYOUT_COLUMNS;
        }
}

// With all columns in place: the fields of a plan go through them in order once more.
static void map_plan(arena *a, const layout *l, layout_plan *x)
{
    u16 *columns = arena_array(a, u16, x->plan->top_count);
    u8 clean[CLEAN_BYTES];
    for (u32 i = 0, from = 0; i < x->plan->top_count; i++) {
        const field *f = &x->plan->fields[i];
        columns[i] = NO_COLUMN;
        if (!is_shown(f))
            continue;
        layout_column wanted = column_of(f);
        name_clean_into(clean, f->name);
        for (u32 k = from; k < l->count; k++)
            if (is_like(&l->columns[k], &wanted) && strcmp(l->columns[k].name, (const char *)clean) == 0) {
                columns[i] = (u16)k;
                from = k + 1;
                break;
            }
    }
    x->columns = columns;
}

const u16 *layout_columns(const layout *l, const plan *p)
{
    for (u32 i = 0; l->is_typed && i < l->plan_count; i++)
        if (l->plans[i].plan == p)
            return l->plans[i].columns;
    return NULL;
}

// ------------------------------------------------------------------------------------- tables

static size_t sql_bytes(const layout *l)
{
    size_t bytes = 200;
    for (u32 i = 0; i < l->count; i++)
        bytes += 100 + 6 * strlen(l->columns[i].name);
    return bytes;
}

static int by_events(const void *a, const void *b)
{
    const layout *x = *(layout *const *)a, *y = *(layout *const *)b;
    if (x->events != y->events)
        return x->events > y->events ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

// Those with most records first; then those that do not fit into the shared table.
static void give_tables(arena *a, sqlite_layouts *all)
{
    u32 tables = 0;
    size_t bytes = 0;
    layout **order = arena_array(a, layout *, all->count);
    for (u32 i = 0; i < all->count; i++)
        order[i] = &all->list[i];
    if (all->count)
        qsort(order, all->count, sizeof(*order), by_events);
    for (u32 i = 0; i < all->count; i++) {
        layout *l = order[i];
        bool wants = l->events >= OWN_RECORDS || l->count > SHARED_COLUMNS;
        if (l->is_typed && wants && tables < OWN_TABLES && bytes + sql_bytes(l) <= OWN_SQL_BYTES) {
            l->has_table = true;
            bytes += sql_bytes(l);
            tables++;
        }
        l->is_typed &= l->has_table || l->count <= SHARED_COLUMNS;
    }
}

static void close_layout(arena *a, layout *l, const event_class *const *classes)
{
    l->is_typed = true;
    for (u32 i = 0; i < l->class_count; i++) {
        const event_class *cls = classes[l->classes[i]];
        l->events += cls->events;
        for (u32 k = 0; k < cls->plan_count; k++)
            add_plan(a, l, cls->plans[k]);
    }
    for (u32 i = 0; l->is_typed && i < l->plan_count; i++)
        map_plan(a, l, &l->plans[i]);
}

sqlite_layouts sqlite_layouts_make(arena *a, const event_class *const *classes, u32 count)
{
    class_groups groups;
    class_groups_make(&groups, a, classes, count);
    sqlite_layouts all = {arena_array(a, layout, groups.count), groups.count, arena_array(a, layout *, count)};
    for (u32 i = 0; i < count; i++)
        all.of_class[i] = groups.of_class[i] == GROUP_NONE ? NULL : &all.list[groups.of_class[i]];
    for (u32 i = 0; i < all.count; i++) {
        class_group *g = &groups.list[i];
        u32 *of = arena_array(a, u32, g->class_count);
        memcpy(of, g->classes, g->class_count * sizeof(*of));
        all.list[i] = (layout){.name = g->name, .id = i + 1, .classes = of, .class_count = g->class_count};
        close_layout(a, &all.list[i], classes);
    }
    class_groups_free(&groups);
    give_tables(a, &all);
    return all;
}

void sqlite_layouts_free(sqlite_layouts *all)
{
    for (u32 i = 0; i < all->count; i++) {
        mem_free(all->list[i].columns);
        mem_free(all->list[i].plans);
    }
    all->count = 0;
}

// ------------------------------------------------------------------------------------- SQL

static void add_key(outbuf *sql, const char *name)
{
    outbuf key = {0};
    span s = text_span(name);
    outbuf_text(&key, ",\"");
    outbuf_written(&key, text_utf8_json(outbuf_reserve(&key, 6 * s.len), s));
    outbuf_add(&key, "\":", 3);
    add_quoted(sql, (const char *)key.bytes, '\'');
    outbuf_free(&key);
}

static void add_columns(outbuf *sql, u32 count, const layout *l)
{
    for (u32 i = 0; i < count; i++) {
        outbuf_text(sql, ",v");
        add_number(sql, i);
        if (l && *l->columns[i].type) {
            outbuf_text(sql, " ");
            outbuf_text(sql, l->columns[i].type);
        }
    }
}

// Many rows a statement, but no statement of a million bytes.
static void add_layout_fields(outbuf *sql, const layout *l)
{
    enum { STATEMENT_BYTES = 100000 };
    size_t start = 0;
    for (u32 i = 0; i < l->count; i++) {
        bool begins = i == 0 || sql->len - start > STATEMENT_BYTES;
        if (begins) {
            outbuf_text(sql, i ? ";" : "");
            start = sql->len;
        }
        outbuf_text(sql, begins ? "INSERT INTO layout_fields VALUES(" : ",(");
        add_number(sql, l->id);
        outbuf_text(sql, ",");
        add_number(sql, i);
        outbuf_text(sql, ",");
        add_key(sql, l->columns[i].name);
        outbuf_text(sql, ",");
        add_number(sql, l->columns[i].form);
        outbuf_text(sql, ")");
    }
    outbuf_text(sql, l->count ? ";" : "");
}

void sqlite_layout_tables(const sqlite_layouts *all, outbuf *sql)
{
    outbuf_text(sql,
                "CREATE TABLE layout_fields(layout_id INTEGER,position INTEGER,key TEXT,form INTEGER,"
                "PRIMARY KEY(layout_id,position)) WITHOUT ROWID;"
                "CREATE TABLE fields(record INTEGER PRIMARY KEY REFERENCES records(record),layout_id INTEGER NOT NULL");
    add_columns(sql, SHARED_COLUMNS, NULL);
    outbuf_text(sql, ");");
    for (u32 i = 0; i < all->count; i++) {
        const layout *l = &all->list[i];
        if (!l->has_table) {
            if (l->is_typed)
                add_layout_fields(sql, l);
            continue;
        }
        outbuf_text(sql, "CREATE TABLE fields_");
        add_number(sql, l->id);
        outbuf_text(sql, "(record INTEGER PRIMARY KEY REFERENCES records(record),time INTEGER NOT NULL,"
                         "process_id INTEGER,thread_id INTEGER,processor INTEGER NOT NULL,offset INTEGER NOT NULL,"
                         "kernel_time INTEGER,user_time INTEGER,process_name TEXT");
        add_columns(sql, l->count, l);
        outbuf_text(sql, ");");
    }
}

// A column as a member's value.
static void add_value(outbuf *sql, held_form form, u32 column)
{
    static const char *const AROUND[][2] = {
        [HELD_QUOTED] = {"json_quote(f.v", ")"},
        [HELD_HEX] = {"printf('\"0x%X\"',f.v", ")"},
        [HELD_UNSIGNED] = {"printf('%u',f.v", ")"},
        [HELD_BOOL] = {"CASE f.v", " WHEN 0 THEN 'false' ELSE 'true' END"},
        [HELD_JSON] = {"f.v", ""},
    };
    outbuf_text(sql, AROUND[form][0]);
    add_number(sql, column);
    outbuf_text(sql, AROUND[form][1]);
}

static void add_own(outbuf *sql, const layout *l)
{
    outbuf_text(sql, " WHEN ");
    add_number(sql, l->id);
    outbuf_text(sql, " THEN (SELECT '{'||substr(''");
    for (u32 i = 0; i < l->count; i++) {
        outbuf_text(sql, "||CASE WHEN f.v");
        add_number(sql, i);
        outbuf_text(sql, " IS NULL THEN '' ELSE ");
        add_key(sql, l->columns[i].name);
        outbuf_text(sql, "||");
        add_value(sql, l->columns[i].form, i);
        outbuf_text(sql, " END");
    }
    outbuf_text(sql, ",2)||'}' FROM fields_");
    add_number(sql, l->id);
    outbuf_text(sql, " f WHERE f.record=r.record)");
}

// The column of a position of the shared table, in one of the forms.
static void add_shared(outbuf *sql, held_form form)
{
    outbuf_text(sql, " CASE l.position");
    for (u32 i = 0; i < SHARED_COLUMNS; i++) {
        outbuf_text(sql, " WHEN ");
        add_number(sql, i);
        outbuf_text(sql, " THEN CASE WHEN f.v");
        add_number(sql, i);
        outbuf_text(sql, " IS NOT NULL THEN ");
        add_value(sql, form, i);
        outbuf_text(sql, " END");
    }
    outbuf_text(sql, " END");
}

void sqlite_layout_data(const sqlite_layouts *all, outbuf *sql)
{
    outbuf_text(sql, "CASE WHEN r.layout_id IS NULL THEN r.data ELSE CASE r.layout_id");
    for (u32 i = 0; i < all->count; i++)
        if (all->list[i].has_table)
            add_own(sql, &all->list[i]);
    outbuf_text(sql, " WHEN 0 THEN NULL ELSE (SELECT '{'||coalesce(substr(group_concat(l.key||CASE l.form");
    for (u32 form = HELD_QUOTED; form <= HELD_JSON; form++) {
        outbuf_text(sql, " WHEN ");
        add_number(sql, form);
        outbuf_text(sql, " THEN");
        add_shared(sql, (held_form)form);
    }
    outbuf_text(sql, " END,''),2),'')||'}' FROM layout_fields l CROSS JOIN fields f ON f.record=r.record "
                     "WHERE l.layout_id=r.layout_id) END END");
}
