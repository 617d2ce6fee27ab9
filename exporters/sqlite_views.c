// Names from traces become SQL here, and every name is hostile: names.h.
#include "sqlite_views.h"

#include "base/text.h"
#include "etwkit_engine.h"
#include "names.h"
#include "sqlite_text.h"
#include "sqlite_tree.h"

// SQLite refuses statements of more than a million bytes; names of LIMIT_NAME_BYTES could make longer ones.
enum { SQL_FIELDS_BYTES = 500000 };

// ------------------------------------------------------------------------------------- fixed text

// FILETIMEs outside 1601 … 9999 have no ISO 8601 text and stay numbers, as in the other formats. SQLite is several
// times as fast at datetime as at strftime.
#define TIMESTAMP(of)                                                                                                  \
    "CASE WHEN " of ".time BETWEEN 0 AND 2650467743999999999 THEN replace(datetime(" of                                \
    ".time/10000000-11644473600,'unixepoch'),' ','T')||printf('.%07dZ'," of ".time%10000000) ELSE CAST(" of            \
    ".time AS TEXT) END"

#define STATE "CASE r.state WHEN 0 THEN 'decoded' WHEN 1 THEN 'partial' ELSE 'raw' END"

#define FROM                                                                                                           \
    " FROM records AS r LEFT JOIN event_classes AS c ON c.id=r.class_id LEFT JOIN traces AS t ON t.id=r.source_id"

// The cache stays at its default of 2 MB: the file only grows, and memory that is used again is cheaper than new one.
const char sqlite_pragmas[] = "PRAGMA page_size=" TREE_PAGE_TEXT ";PRAGMA journal_mode=OFF;PRAGMA synchronous=OFF;"
                              "PRAGMA locking_mode=EXCLUSIVE;PRAGMA secure_delete=OFF;";

const char sqlite_tables[] =
    "CREATE TABLE traces(id INTEGER PRIMARY KEY,file TEXT NOT NULL,path TEXT,bytes INTEGER,sha256 TEXT,session TEXT,"
    "computer TEXT,os_version TEXT,start TEXT,\"end\" TEXT,boot_time TEXT,utc_offset_minutes INTEGER,"
    "pointer_size INTEGER,processors INTEGER,clock TEXT,clock_frequency INTEGER,buffer_size INTEGER,"
    "log_file_mode INTEGER,buffers_total INTEGER,buffers_compressed INTEGER,buffers_damaged INTEGER,"
    "buffers_lost INTEGER,events_total INTEGER,events_decoded INTEGER,events_partial INTEGER,events_raw INTEGER,"
    "events_lost INTEGER,info TEXT,host TEXT);"
    "CREATE TABLE inputs(id INTEGER PRIMARY KEY,source TEXT NOT NULL,path TEXT NOT NULL,status TEXT NOT NULL,"
    "reason TEXT,error TEXT,bytes INTEGER NOT NULL,sha256 TEXT,duplicate_of INTEGER REFERENCES inputs(id),"
    "trace_id INTEGER REFERENCES traces(id));"
    "CREATE TABLE damage(source TEXT NOT NULL,offset INTEGER NOT NULL,bytes INTEGER NOT NULL,kind TEXT,message TEXT);";

// Of the records of the shared table by their layout: their views have them in order. That of records by time is filled
// while they come, in whose order they do.
const char sqlite_indexes[] = "CREATE INDEX fields_layout ON fields(layout_id);";

// ------------------------------------------------------------------------------------- columns

// Columns of the source other than its name, and of the host, have no place in `traces`.
enum {
    TRACE_COLUMNS = 0
#define OF_CLASS
#define OF_PLANNED
#define OF_RECORD
#define OF_SOURCE +1
#define OF_HOST +1
#define COLUMN(name, type, scope, has, value) OF_##scope
#include "decode/columns.def"
};
static_assert(TRACE_COLUMNS == 2, "sqlite_tables and column_sql know `source` and `host` alone");

// A column of the record over the tables of FROM.
static const char *column_sql(arena *a, column_id id)
{
    switch (id) {
    case COLUMN_timestamp:
        return TIMESTAMP("r");
    case COLUMN_schema:
        return "coalesce(r.schema,c.schema)";
    case COLUMN_state:
        return STATE;
    case COLUMN_host:
        return "coalesce(r.host,t.host)";
    case COLUMN_source:
        return "t.file";
    default:
        return arena_format(a, "%s.%s", column_is_of_class(id) ? "c" : "r", column_table[id].name);
    }
}

void sqlite_events_view(const sqlite_layouts *layouts, outbuf *sql)
{
    arena a = {0};
    outbuf_text(sql, "CREATE VIEW events AS SELECT ");
    for (column_id id = 0; id < COLUMN_COUNT; id++) {
        if (id == COLUMN_data)
            sqlite_layout_data(layouts, sql);
        else
            outbuf_text(sql, column_sql(&a, id));
        outbuf_text(sql, " AS ");
        outbuf_text(sql, column_table[id].name);
        outbuf_text(sql, ",");
    }
    outbuf_text(sql, "r.time AS time" FROM ";");
    arena_free(&a);
}

// Before the fields; a field of the same name gives way.
static const column_id FRONT[] = {COLUMN_record,    COLUMN_timestamp,    COLUMN_process_id,
                                  COLUMN_thread_id, COLUMN_process_name, COLUMN_activity_id};

// After the fields, and only where no field has the name: these of the class, and all others of the record.
static const column_id CLASS_COLUMNS[] = {COLUMN_event_name, COLUMN_event_id, COLUMN_version,
                                          COLUMN_opcode,     COLUMN_level,    COLUMN_keywords};

// ------------------------------------------------------------------------------------- fields

static void add_column(outbuf *b, const char *sql, const char *name)
{
    if (sql)
        outbuf_text(b, sql);
    outbuf_text(b, " AS ");
    add_quoted(b, name, '"');
}

typedef struct view_field {
    const char *name;   // as in the JSON object
    const char *column; // as in the view
    bool wide_unsigned; // some class has it as an unsigned 64-bit number,
    bool real;          // or as a floating-point one
} view_field;

typedef struct field_list {
    view_field *items;
    u32 count, cap;
    names by_name, columns;
    const plan *last; // classes of one event mostly share their plan
    bool is_cut;      // there are more than LIMIT_VIEW_FIELDS
} field_list;

static const char *field_column(arena *a, names *used, const char *name)
{
    if (*name && names_claim(a, used, name))
        return name;
    return names_claim_numbered(a, used, arena_format(a, "data_%s", name), "_", "");
}

// ------------------------------------------------------------------------------------- typed fields

// A stored column as a view shows it: numbers as numbers, but for those beyond SQLite's.
static void add_stored(outbuf *b, const layout_column *c, u32 column)
{
    static const char *const AROUND[][3] = {
        {"", "", ""},
        {"CASE WHEN f.v", "<0 THEN printf('0x%X',f.v", ") ELSE f.v"},
        {"CASE WHEN f.v", "<0 THEN printf('%u',f.v", ") ELSE f.v"},
        {"CASE substr(f.v", ",1,1) WHEN '\"' THEN trim(f.v", ",'\"') ELSE CAST(f.v"},
    };
    u32 way = c->is_fraction ? 3 : !c->is_wide ? 0 : c->form == HELD_HEX ? 1 : 2;
    if (!way) {
        outbuf_text(b, "f.v");
        add_number(b, column);
        return;
    }
    for (u32 i = 0; i < 3; i++) {
        outbuf_text(b, AROUND[way][i]);
        add_number(b, column);
    }
    outbuf_text(b, way == 3 ? " AS REAL) END" : " END");
}

// All columns of one name as one.
static void add_typed_field(outbuf *b, const layout *l, u32 first)
{
    u32 others = 0;
    for (u32 i = first + 1; i < l->count; i++)
        others += strcmp(l->columns[i].name, l->columns[first].name) == 0;
    outbuf_text(b, others ? "coalesce(" : "");
    add_stored(b, &l->columns[first], first);
    for (u32 i = first + 1; others && i < l->count; i++)
        if (strcmp(l->columns[i].name, l->columns[first].name) == 0) {
            outbuf_text(b, ",");
            add_stored(b, &l->columns[i], i);
        }
    outbuf_text(b, others ? ")" : "");
}

static void add_typed_fields(arena *a, outbuf *b, const layout *l, field_list *list)
{
    for (u32 i = 0; i < l->count && b->len < SQL_FIELDS_BYTES; i++) {
        bool added;
        if (names_add(&list->by_name, l->columns[i].name, i, &added) != i)
            continue;
        outbuf_text(b, ",");
        add_typed_field(b, l, i);
        add_column(b, NULL, field_column(a, &list->columns, l->columns[i].name));
    }
}

// ------------------------------------------------------------------------------------- fields as JSON

static void fields_of_plan(arena *a, field_list *list, const plan *p)
{
    if (p == list->last)
        return;
    list->last = p;
    for (u32 i = 0; i < p->top_count; i++) {
        const field *f = &p->fields[i];
        if (f->hidden || f->silent)
            continue;
        u8 clean[CLEAN_BYTES];
        name_clean_into(clean, f->name);
        u32 at = names_find(&list->by_name, (const char *)clean);
        if (at == NAME_UNKNOWN) {
            list->is_cut = list->count >= LIMIT_VIEW_FIELDS;
            if (list->is_cut)
                return;
            const char *name = arena_text(a, (const char *)clean);
            bool added;
            at = names_add(&list->by_name, name, list->count, &added);
            GROW(list->items, list->count, list->cap);
            list->items[list->count++] = (view_field){name, field_column(a, &list->columns, name), false, false};
        }
        bool number = f->show == SHOW_UNSIGNED || (f->show == SHOW_MAP && f->unmapped == SHOW_UNSIGNED);
        list->items[at].wide_unsigned |= number && f->bytes == 8 && f->count_form == COUNT_ONE;
        list->items[at].real |= f->show == SHOW_F32 || f->show == SHOW_F64;
    }
}

// What a JSON path cannot name in every SQLite version.
static bool name_needs_search(const char *name)
{
    for (const u8 *p = (const u8 *)name; *p; p++)
        if (*p < 0x20 || *p == '"' || *p == '\\' || *p == 0x7f)
            return true;
    return !*name;
}

static void add_extract(outbuf *b, const char *path, bool twice)
{
    outbuf_text(b, "json_extract(r.data,");
    add_quoted(b, path, '\'');
    if (twice) {
        outbuf_text(b, ",");
        add_quoted(b, path, '\'');
    }
    outbuf_text(b, ")");
}

// SQLite makes JSON integers above 2^63-1 floating point. Asked for the same value twice it answers with the text
// "[n,n]", from which the number is cut in all its digits.
static void add_field(arena *a, outbuf *b, const view_field *f)
{
    if (name_needs_search(f->name)) {
        outbuf_text(b, "(SELECT j.value FROM json_each(r.data) AS j WHERE j.key=");
        add_quoted(b, f->name, '\'');
        outbuf_text(b, ")");
        return;
    }
    const char *path = arena_format(a, "$.\"%s\"", f->name);
    if (!f->wide_unsigned || f->real) {
        add_extract(b, path, false);
        return;
    }
    outbuf_text(b, "CASE typeof(");
    add_extract(b, path, false);
    outbuf_text(b, ") WHEN 'real' THEN substr(");
    add_extract(b, path, true);
    outbuf_text(b, ",2,(length(");
    add_extract(b, path, true);
    outbuf_text(b, ")-3)/2) ELSE ");
    add_extract(b, path, false);
    outbuf_text(b, " END");
}

static void add_condition(outbuf *b, const layout *l)
{
    outbuf_text(b, " FROM fields");
    if (l->has_table) {
        outbuf_text(b, "_");
        add_number(b, l->id);
    }
    outbuf_text(b, " AS f");
    if (l->has_table)
        return;
    outbuf_text(b, " LEFT JOIN records AS r ON r.record=f.record LEFT JOIN event_classes AS c ON c.id=r.class_id "
                   "LEFT JOIN traces AS t ON t.id=r.source_id WHERE f.layout_id=");
    add_number(b, l->id);
}

// ------------------------------------------------------------------------------------- the record's columns

// What is needed to say a column of the records of a layout without looking it up.
typedef struct view_maker {
    arena *a;
    const layout *l;
    const export_target *target;
} view_maker;

static const char *literal_text(arena *a, const char *text)
{
    if (!text)
        return "NULL";
    outbuf b = {0};
    add_quoted(&b, name_clean(a, text), '\'');
    const char *sql = arena_text_len(a, (const char *)b.bytes, b.len);
    outbuf_free(&b);
    return sql;
}

// A column that all classes of the layout have alike, as SQL; NULL: they differ.
static const char *class_literal(const view_maker *m, column_id id)
{
    outbuf first = {0}, other = {0};
    bool same = m->l->class_count > 0, has = false;
    for (u32 i = 0; i < m->l->class_count && same; i++) {
        outbuf *text = i ? &other : &first;
        record rec = {.cls = m->target->classes[m->l->classes[i]]};
        text->len = 0;
        bool has_it = column_text(id, &rec, text);
        same = i == 0 ||
               (has_it == has && (!has || (first.len == other.len && !memcmp(first.bytes, other.bytes, first.len))));
        has = has_it;
    }
    const char *sql = NULL;
    outbuf_add(&first, "", 1);
    if (same && column_table[id].type == TYPE_NUMBER)
        sql = has ? arena_text(m->a, (const char *)first.bytes) : "NULL";
    else if (same)
        sql = literal_text(m->a, has ? (const char *)first.bytes : NULL);
    outbuf_free(&first);
    outbuf_free(&other);
    return sql;
}

static const char *origin_literal(const view_maker *m)
{
    schema_origin origin = m->target->classes[m->l->classes[0]]->origin;
    for (u32 i = 1; i < m->l->class_count; i++)
        if (m->target->classes[m->l->classes[i]]->origin != origin)
            return NULL;
    return literal_text(m->a, schema_origin_name(origin));
}

// What stands for a column where nothing has to be looked up; NULL: something has.
static const char *known_column(const view_maker *m, column_id id)
{
    bool stored = m->l->stored >> id & 1, one_trace = m->target->trace_count == 1;
    switch (id) {
    case COLUMN_record:
        return "f.record";
    case COLUMN_timestamp:
        return TIMESTAMP("f");
    case COLUMN_process_id:
        return "f.process_id";
    case COLUMN_thread_id:
    case COLUMN_processor:
    case COLUMN_process_name:
    case COLUMN_offset:
    case COLUMN_kernel_time:
    case COLUMN_user_time:
        return arena_format(m->a, "f.%s", column_table[id].name);
    case COLUMN_state:
        return stored ? NULL : "'decoded'";
    case COLUMN_schema:
        return stored ? NULL : origin_literal(m);
    case COLUMN_source:
        return one_trace ? literal_text(m->a, m->target->traces[0].file) : NULL;
    case COLUMN_host:
        return stored || !one_trace ? NULL : literal_text(m->a, m->target->traces[0].host);
    default:
        return column_is_of_class(id) ? class_literal(m, id) : stored ? NULL : "NULL";
    }
}

static bool needs_others(column_id id)
{
    return column_is_of_class(id) || id == COLUMN_schema || id == COLUMN_host || id == COLUMN_source;
}

// A column of the records of one layout. Those of a table of their own are looked up only where they are asked for:
// with a join a scan that sums up a field would look at each record.
static const char *layout_column_sql(const view_maker *m, column_id id)
{
    if (!m->l->has_table)
        return id == COLUMN_record ? "f.record" : column_sql(m->a, id);
    const char *known = known_column(m, id);
    if (known)
        return known;
    return arena_format(m->a, "(SELECT %s FROM records AS r%s WHERE r.record=f.record)", column_sql(m->a, id),
                        needs_others(id) ? " LEFT JOIN event_classes AS c ON c.id=r.class_id "
                                           "LEFT JOIN traces AS t ON t.id=r.source_id"
                                         : "");
}

static void add_last(const view_maker *m, outbuf *b, field_list *list, column_id id)
{
    if (!names_claim(m->a, &list->columns, column_table[id].name))
        return;
    outbuf_text(b, ",");
    add_column(b, layout_column_sql(m, id), column_table[id].name);
}

static void fields_of_layout(arena *a, field_list *list, const layout *l, const event_class *const *classes)
{
    for (u32 i = 0; i < l->class_count; i++)
        for (u32 k = 0; k < classes[l->classes[i]]->plan_count; k++)
            fields_of_plan(a, list, classes[l->classes[i]]->plans[k]);
}

static void field_list_free(field_list *list)
{
    mem_free(list->items);
    names_free(&list->by_name);
    names_free(&list->columns);
}

static void add_json_fields(arena *a, outbuf *b, const layout *l, const event_class *const *classes, field_list *list)
{
    fields_of_layout(a, list, l, classes);
    for (u32 i = 0; i < list->count && b->len < SQL_FIELDS_BYTES; i++) {
        outbuf_text(b, ",");
        add_field(a, b, &list->items[i]);
        add_column(b, NULL, list->items[i].column);
    }
}

static const char *layout_view(arena *to, const layout *l, const export_target *target)
{
    field_list list = {0};
    arena texts = {0}, *a = &texts;
    view_maker m = {a, l, target};
    outbuf b = {0};
    outbuf_text(&b, "CREATE VIEW ");
    add_quoted(&b, l->name, '"');
    outbuf_text(&b, " AS SELECT ");
    for (size_t i = 0; i < COUNT_OF(FRONT); i++) {
        outbuf_text(&b, i ? "," : "");
        add_column(&b, layout_column_sql(&m, FRONT[i]), column_table[FRONT[i]].name);
        names_claim(a, &list.columns, column_table[FRONT[i]].name);
    }
    if (l->is_typed)
        add_typed_fields(a, &b, l, &list);
    else
        add_json_fields(a, &b, l, target->classes, &list);
    for (size_t i = 0; i < COUNT_OF(CLASS_COLUMNS); i++)
        add_last(&m, &b, &list, CLASS_COLUMNS[i]);
    for (column_id id = 0; id < COLUMN_COUNT; id++)
        if (!column_is_of_class(id) && id != COLUMN_data)
            add_last(&m, &b, &list, id);
    add_condition(&b, l);
    const char *sql = arena_text_len(to, (const char *)b.bytes, b.len);
    arena_free(&texts);
    outbuf_free(&b);
    field_list_free(&list);
    return sql;
}

u32 sqlite_views_cut(const sqlite_layouts *layouts, const export_target *target)
{
    u32 cut = 0;
    for (u32 i = 0; i < layouts->count; i++) {
        field_list list = {0};
        arena texts = {0};
        if (!layouts->list[i].is_typed)
            fields_of_layout(&texts, &list, &layouts->list[i], target->classes);
        cut += list.is_cut;
        field_list_free(&list);
        arena_free(&texts);
    }
    return cut;
}

static const char *alias_view(arena *to, const layout *l)
{
    outbuf b = {0};
    outbuf_text(&b, "CREATE VIEW ");
    add_quoted(&b, l->alias, '"');
    outbuf_text(&b, " AS SELECT * FROM ");
    add_quoted(&b, l->name, '"');
    const char *sql = arena_text_len(to, (const char *)b.bytes, b.len);
    outbuf_free(&b);
    return sql;
}

sqlite_views sqlite_views_make(arena *a, const sqlite_layouts *layouts, const export_target *target)
{
    sqlite_views views = {arena_array(a, sqlite_view, (size_t)2 * layouts->count), 2 * layouts->count};
    sqlite_view *at = views.list;
    for (u32 i = 0; i < layouts->count; i++) {
        const layout *l = &layouts->list[i];
        *at++ = (sqlite_view){l->name, layout_view(a, l, target)};
        *at++ = (sqlite_view){l->alias, alias_view(a, l)};
    }
    return views;
}

// ------------------------------------------------------------------------------------- field lists

static void add_member(outbuf *b, const char *member, const char *text)
{
    span s = {(const u8 *)text, strlen(text)};
    outbuf_text(b, member);
    outbuf_written(b, text_utf8_json(outbuf_reserve(b, 6 * s.len), s));
    outbuf_text(b, "\"");
}

// depth is bounded by LIMIT_NESTING: schema_event_valid refuses deeper structs.
static void add_fields(outbuf *b, const plan *p, u32 first, u32 count, u32 depth)
{
    static const char *const counts[] = {
        [COUNT_FIXED] = "fixed", [COUNT_BY_FIELD] = "field", [COUNT_INLINE] = "inline", [COUNT_REST] = "rest"};
    bool any = false;
    outbuf_text(b, "[");
    for (u32 i = first; i < first + count && i < p->field_count; i++) {
        const field *f = &p->fields[i];
        if (f->hidden)
            continue;
        add_member(b, any ? ",{\"name\":\"" : "{\"name\":\"", f->name);
        any = true;
        if (f->wire == WIRE_STRUCT) {
            outbuf_text(b, ",\"type\":\"struct\",\"fields\":");
            if (depth < LIMIT_NESTING)
                add_fields(b, p, f->first_member, f->member_count, depth + 1);
            else
                outbuf_text(b, "[]");
        } else {
            const in_type_facts *in = in_type_find(f->in_type);
            add_member(b, ",\"type\":\"", in ? in->name : "");
            add_member(b, ",\"shown_as\":\"", out_type_name(f->out_type));
        }
        if (f->count_form < COUNT_OF(counts) && counts[f->count_form])
            add_member(b, ",\"array\":\"", counts[f->count_form]);
        if (f->map && f->map->name)
            add_member(b, ",\"map\":\"", f->map->name);
        outbuf_text(b, "}");
    }
    outbuf_text(b, "]");
}

void sqlite_fields_json(outbuf *out, const plan *p)
{
    if (p)
        add_fields(out, p, 0, p->top_count, 0);
}
