// Names from traces become SQL here, so every name is hostile: made valid UTF-8, quoted, and told apart without case,
// as SQLite compares identifiers.
#include "sqlite_views.h"

#include "base/text.h"
#include "class_groups.h"
#include "etwkit_engine.h"
#include "names.h"

// SQLite refuses statements of more than a million bytes; names of LIMIT_NAME_BYTES could make longer ones.
enum { SQL_FIELDS_BYTES = 500000, SQL_LISTED_CLASSES = 1000 };

// ------------------------------------------------------------------------------------- fixed text

// FILETIMEs outside 1601 … 9999 have no ISO 8601 text and stay numbers, as in the other formats.
#define TIMESTAMP                                                                                                      \
    "CASE WHEN r.time BETWEEN 0 AND 2650467743999999999 THEN "                                                         \
    "strftime('%Y-%m-%dT%H:%M:%S',r.time/10000000-11644473600,'unixepoch')||printf('.%07dZ',r.time%10000000) "         \
    "ELSE CAST(r.time AS TEXT) END"

#define STATE "CASE r.state WHEN 0 THEN 'decoded' WHEN 1 THEN 'partial' ELSE 'raw' END"

#define FROM                                                                                                           \
    " FROM records AS r LEFT JOIN event_classes AS c ON c.id=r.class_id LEFT JOIN traces AS t ON t.id=r.source_id"

// The cache stays at its default of 2 MB: the file only grows, and memory that is used again is cheaper than new one.
const char sqlite_pragmas[] = "PRAGMA page_size=16384;PRAGMA journal_mode=OFF;PRAGMA synchronous=OFF;"
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

// One only, for the views of single events, which it leaves in the order of records: building an index reads the whole
// table again. None on time: records are numbered in time order, so the primary key serves ranges of time as well.
const char sqlite_indexes[] = "CREATE INDEX records_class ON records(class_id);";

// ------------------------------------------------------------------------------------- columns

// Columns of the source other than its name have no place in `traces`.
enum {
    SOURCE_COLUMNS = 0
#define OF_CLASS
#define OF_PLANNED
#define OF_RECORD
#define OF_SOURCE +1
#define COLUMN(name, type, scope, has, value) OF_##scope
#include "decode/columns.def"
};
static_assert(SOURCE_COLUMNS == 1, "sqlite_tables and column_sql know `source` alone");

// A column of the record over the tables of FROM.
static const char *column_sql(arena *a, column_id id)
{
    switch (id) {
    case COLUMN_timestamp:
        return TIMESTAMP;
    case COLUMN_schema:
        return "coalesce(r.schema,c.schema)";
    case COLUMN_state:
        return STATE;
    case COLUMN_host:
        return "coalesce(r.host,t.host)";
    case COLUMN_source:
        return "t.file";
    default:
        return arena_format(a, "%s.%s", column_is_prepared(id) ? "c" : "r", column_table[id].name);
    }
}

void sqlite_events_view(outbuf *sql)
{
    arena a = {0};
    outbuf_text(sql, "CREATE VIEW events AS SELECT ");
    for (column_id id = 0; id < COLUMN_COUNT; id++) {
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

// ------------------------------------------------------------------------------------- texts

static void add_quoted(outbuf *b, const char *text, char quote)
{
    size_t len = strlen(text);
    u8 *p = outbuf_reserve(b, 2 * len + 2);
    *p++ = (u8)quote;
    for (size_t i = 0; i < len; i++) {
        *p++ = (u8)text[i];
        if (text[i] == quote)
            *p++ = (u8)quote;
    }
    *p++ = (u8)quote;
    outbuf_written(b, p);
}

static void add_number(outbuf *b, u64 value)
{
    outbuf_written(b, text_u64(outbuf_reserve(b, 20), value));
}

// ------------------------------------------------------------------------------------- fields

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
    const char *stem = arena_format(a, "data_%s", name);
    if (names_claim(a, used, stem))
        return stem;
    for (u32 n = 2;; n++) {
        const char *other = arena_format(a, "%s_%u", stem, n);
        if (names_claim(a, used, other))
            return other;
    }
}

static void fields_of_plan(arena *a, field_list *list, const plan *layout)
{
    if (layout == list->last)
        return;
    list->last = layout;
    for (u32 i = 0; i < layout->top_count; i++) {
        const field *f = &layout->fields[i];
        if (f->hidden || (f->show == SHOW_NOTHING && f->out_type == OUT_NO_PRINT))
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

static void add_column(outbuf *b, const char *sql, const char *name)
{
    if (sql)
        outbuf_text(b, sql);
    outbuf_text(b, " AS ");
    add_quoted(b, name, '"');
}

static void add_condition(outbuf *b, const class_group *g, const event_class *const *classes)
{
    outbuf_text(b, FROM " WHERE r.class_id IN (");
    if (g->class_count > SQL_LISTED_CLASSES) {
        outbuf_text(b, "SELECT id FROM event_classes WHERE view_name=");
        add_quoted(b, g->name, '\'');
    } else {
        for (u32 i = 0; i < g->class_count; i++) {
            outbuf_text(b, i ? "," : "");
            add_number(b, classes[g->classes[i]]->index);
        }
    }
    outbuf_text(b, ")");
}

static void add_last(arena *a, outbuf *b, field_list *list, column_id id)
{
    if (!names_claim(a, &list->columns, column_table[id].name))
        return;
    outbuf_text(b, ",");
    add_column(b, column_sql(a, id), column_table[id].name);
}

static const char *group_view(arena *to, const class_group *g, const event_class *const *classes, u32 *cut)
{
    field_list list = {0};
    arena texts = {0}, *a = &texts;
    outbuf b = {0};
    outbuf_text(&b, "CREATE VIEW ");
    add_quoted(&b, g->name, '"');
    outbuf_text(&b, " AS SELECT ");
    for (size_t i = 0; i < COUNT_OF(FRONT); i++) {
        outbuf_text(&b, i ? "," : "");
        add_column(&b, column_sql(a, FRONT[i]), column_table[FRONT[i]].name);
        names_claim(a, &list.columns, column_table[FRONT[i]].name);
    }
    for (u32 i = 0; i < g->class_count; i++)
        for (u32 k = 0; k < classes[g->classes[i]]->plan_count; k++)
            fields_of_plan(a, &list, classes[g->classes[i]]->plans[k]);
    *cut += list.is_cut;
    for (u32 i = 0; i < list.count && b.len < SQL_FIELDS_BYTES; i++) {
        outbuf_text(&b, ",");
        add_field(a, &b, &list.items[i]);
        add_column(&b, NULL, list.items[i].column);
    }
    for (size_t i = 0; i < COUNT_OF(CLASS_COLUMNS); i++)
        add_last(a, &b, &list, CLASS_COLUMNS[i]);
    for (column_id id = 0; id < COLUMN_COUNT; id++)
        if (id == COLUMN_source || (!column_is_prepared(id) && id != COLUMN_data))
            add_last(a, &b, &list, id);
    add_condition(&b, g, classes);
    const char *sql = arena_text_len(to, (const char *)b.bytes, b.len);
    arena_free(&texts);
    outbuf_free(&b);
    mem_free(list.items);
    names_free(&list.by_name);
    names_free(&list.columns);
    return sql;
}

sqlite_views sqlite_views_make(arena *a, const event_class *const *classes, u32 count)
{
    class_groups groups;
    class_groups_make(&groups, a, classes, count);
    sqlite_views views = {.count = groups.count, .of_class = arena_array(a, const char *, count)};
    views.list = arena_array(a, sqlite_view, groups.count);
    for (u32 i = 0; i < groups.count; i++)
        views.list[i] = (sqlite_view){groups.list[i].name, group_view(a, &groups.list[i], classes, &views.cut)};
    for (u32 i = 0; i < count; i++) {
        views.of_class[i] = groups.of_class[i] == GROUP_NONE ? NULL : groups.list[groups.of_class[i]].name;
        views.without_view += groups.of_class[i] == GROUP_NONE;
    }
    class_groups_free(&groups);
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
static void add_fields(outbuf *b, const plan *layout, u32 first, u32 count, u32 depth)
{
    static const char *const counts[] = {
        [COUNT_FIXED] = "fixed", [COUNT_BY_FIELD] = "field", [COUNT_INLINE] = "inline", [COUNT_REST] = "rest"};
    bool any = false;
    outbuf_text(b, "[");
    for (u32 i = first; i < first + count && i < layout->field_count; i++) {
        const field *f = &layout->fields[i];
        if (f->hidden)
            continue;
        add_member(b, any ? ",{\"name\":\"" : "{\"name\":\"", f->name);
        any = true;
        if (f->wire == WIRE_STRUCT) {
            outbuf_text(b, ",\"type\":\"struct\",\"fields\":");
            if (depth < LIMIT_NESTING)
                add_fields(b, layout, f->first_member, f->member_count, depth + 1);
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

void sqlite_fields_json(outbuf *out, const plan *layout)
{
    if (layout)
        add_fields(out, layout, 0, layout->top_count, 0);
}
