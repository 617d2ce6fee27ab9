// Parquet (`parquet`): the record's columns with types. Numbers are integers, `keywords` an unsigned one, `timestamp`
// is in nanoseconds; payload, stack and extended items are their JSON text, keyword names are joined by '|', as in CSV.
//
// By class (target->groups) the payload is no text but a struct of its fields, and each part has a file of its own.
//
// A rendered record is which columns it has (a bit each), the numbers of its class, trace, schema's origin and state,
// and the values of the other columns that differ from record to record: 8 bytes, or a length and a text. Names that
// the session keeps are pointers.
#include "exporter.h"
#include "literal.h"
#include "parquet_file.h"
#include "typed.h"

#include <stdio.h>
#include <unistd.h>

#include "etwkit_engine.h"

enum { SET_CLASS, SET_SOURCE, SET_ORIGIN, SET_STATE }; // of codes

// Times a signed 64-bit number of nanoseconds since 1970 can hold: 1677-09-21T00:12:43.1452242Z to
// 2262-04-11T23:47:16.8547758Z.
static const i64 YEAR_1970 = 116444736000000000, TICKS_MOST = INT64_MAX / 100;

#define NO_COLUMN UINT32_MAX

struct sink {
    output out;
    arena memory;
    parquet_column *columns; // of the file: those of the record, in their order, and leaves of the payload
    u32 column_count;
    parquet_node *nodes;
    u32 node_count, top_count;
    u32 place[COLUMN_COUNT];    // in columns; of `data` by class: of its first leaf; NO_COLUMN: it is left out
    parquet_file *file;         // NULL: nothing is committed
    vector *own[COLUMN_COUNT];  // of columns that differ from record to record; NULL: it is left out
    const class_groups *groups; // by class
    typed_layout *layouts;      // by group; of a part there is one
    u64 lost_times;
};

// ---------------------------------------------------------------------------------------------- columns

static parquet_type type_of(column_id id)
{
    switch (column_table[id].type) {
    case TYPE_NUMBER:
        return column_table[id].scope == SCOPE_CLASS ? PARQUET_INT32 : PARQUET_INT64;
    case TYPE_FLAGS:
        return PARQUET_UINT64;
    case TYPE_TIME:
        return PARQUET_TIME;
    default:
        return PARQUET_TEXT;
    }
}

// A column's value of a class or a trace; the record has nothing else.
static parquet_value prepare(arena *a, column_id id, const record *rec)
{
    parquet_value value = {0};
    typed_value v;
    outbuf text = {0};
    if (type_of(id) == PARQUET_TEXT) {
        value.present = column_text(id, rec, &text);
        value.text = arena_bytes(a, (span){text.bytes, text.len});
    } else {
        column_value(id, rec, &text, &v);
        value.present = v.kind != VALUE_NULL;
        value.number = v.number;
    }
    outbuf_free(&text);
    return value;
}

// By class or by source.
static bool is_prepared(column_id id)
{
    return column_is_of_class(id) || column_is_of_source(id);
}

static void prepare_value(sink *s, parquet_value *values, column_id id, const export_target *target, u32 index)
{
    record rec = {.source_index = index};
    if (column_is_of_source(id))
        rec.source = target->traces[index].file;
    else
        rec.cls = target->classes[index];
    values[index] = prepare(&s->memory, id, &rec);
}

static void prepare_column(sink *s, parquet_column *c, column_id id, const export_target *target)
{
    bool source = column_is_of_source(id);
    const class_group *group = s->groups && !source ? &s->groups->list[target->group] : NULL;
    c->codes = source ? SET_SOURCE : SET_CLASS;
    c->value_count = source ? target->trace_count : target->class_count;
    parquet_value *values = arena_array(&s->memory, parquet_value, c->value_count + 1);
    for (u32 i = 0; i < (group ? group->class_count : c->value_count); i++)
        prepare_value(s, values, id, target, group ? group->classes[i] : i);
    c->values = values;
}

static void prepare_names(sink *s, parquet_column *c, u32 set, u32 count)
{
    parquet_value *values = arena_array(&s->memory, parquet_value, count);
    for (u32 i = 0; i < count; i++) {
        const char *name =
            set == SET_ORIGIN ? schema_origin_name((schema_origin)i) : record_state_name((record_state)i);
        values[i] = (parquet_value){.present = true, .text = text_span(name)};
    }
    c->values = values;
    c->value_count = count;
    c->codes = set;
}

static parquet_node *add_node(sink *s, const char *name, u32 children)
{
    parquet_node *n = &s->nodes[s->node_count++];
    *n = (parquet_node){.name = name, .children = children};
    return n;
}

static void add_column(sink *s, column_id id, const export_target *target)
{
    parquet_column *c = &s->columns[s->column_count];
    const char **path = arena_array(&s->memory, const char *, 1);
    *path = column_table[id].name;
    *c = (parquet_column){.path = path,
                          .path_len = 1,
                          .type = type_of(id),
                          .most_def = 1,
                          .bit = (u8)id,
                          .names = column_table[id].type == TYPE_TEXT};
    if (is_prepared(id))
        prepare_column(s, c, id, target);
    else if (column_table[id].type == TYPE_ORIGIN)
        prepare_names(s, c, SET_ORIGIN, ORIGIN_COUNT);
    else if (column_table[id].type == TYPE_STATE)
        prepare_names(s, c, SET_STATE, RECORD_STATES);
    add_node(s, *path, 0)->column = s->column_count;
    s->place[id] = s->column_count++;
}

enum { PATH_MOST = 3 * (LIMIT_NESTING + 2) };

// What is below "data": each level of it has its name, a list two more.
static void add_tree(sink *s, const typed_node *n, const char **path, u32 depth)
{
    path[depth++] = n->name;
    parquet_node *made = add_node(s, n->name, n->list ? 1 : n->count);
    if (n->list) {
        made->list = true;
        add_node(s, "list", 1)->repeated = true;
        made = add_node(s, "element", n->count);
        path[depth++] = "list";
        path[depth++] = "element";
    }
    made->children = n->is_struct ? n->count : 0;
    for (u32 i = 0; n->is_struct && i < n->count; i++)
        add_tree(s, n->children[i], path, depth);
    if (n->is_struct)
        return;
    const char **own = arena_array(&s->memory, const char *, depth);
    memcpy(own, path, depth * sizeof(*own));
    made->column = s->column_count;
    s->columns[s->column_count++] = (parquet_column){.path = own,
                                                     .path_len = depth,
                                                     .type = typed_parquet(n),
                                                     .most_def = n->value_def,
                                                     .most_rep = n->value_rep,
                                                     .bit = PARQUET_LEVELS};
}

static u32 nodes_below(const typed_node *n)
{
    u32 nodes = n->list ? 3 : 1;
    for (u32 i = 0; n->is_struct && i < n->count; i++)
        nodes += nodes_below(n->children[i]);
    return nodes;
}

static void make_columns(sink *s, const export_target *target)
{
    const char *path[PATH_MOST];
    const typed_layout *l = s->layouts;
    s->columns = arena_array(&s->memory, parquet_column, COLUMN_COUNT + (l ? l->leaf_count : 0));
    s->nodes = arena_array(&s->memory, parquet_node, COLUMN_COUNT + (l ? nodes_below(&l->root) : 0));
    for (column_id id = 0; id < COLUMN_COUNT; id++) {
        s->place[id] = NO_COLUMN;
        if (target->without >> id & 1)
            continue;
        s->top_count += id != COLUMN_data || !l || l->leaf_count;
        if (id != COLUMN_data || !l) {
            add_column(s, id, target);
        } else if (l->leaf_count) {
            s->place[id] = s->column_count;
            add_tree(s, &l->root, path, 0);
        }
    }
}

// ---------------------------------------------------------------------------------------------- records to rows

// Written and read as words: what was just put together from smaller pieces would be waited for.
enum { HEAD_BYTES = 3 * sizeof(u64) };

typedef struct row_head {
    u64 columns; // which it has, of those of its own
    u32 bytes;   // of it all
    u32 cls, source;
    u16 origin, state;
} row_head;

ALWAYS_INLINE u8 *put_word(u8 *p, u64 word)
{
    memcpy(p, &word, sizeof(word));
    return p + sizeof(word);
}

ALWAYS_INLINE u64 word_at(const u8 *p)
{
    u64 word;
    memcpy(&word, p, sizeof(word));
    return word;
}

ALWAYS_INLINE void put_head(u8 *p, row_head h)
{
    p = put_word(p, h.columns);
    p = put_word(p, h.bytes | (u64)h.cls << 32);
    (void)put_word(p, h.source | (u64)h.origin << 32 | (u64)h.state << 48);
}

ALWAYS_INLINE row_head head_at(const u8 *p)
{
    u64 second = word_at(p + 8), third = word_at(p + 16);
    return (row_head){.columns = word_at(p),
                      .bytes = (u32)second,
                      .cls = (u32)(second >> 32),
                      .source = (u32)third,
                      .origin = (u16)(third >> 32),
                      .state = (u16)(third >> 48)};
}

typedef struct row {
    const sink *sink;
    const pen *at;
    u64 columns;
    schema_origin origin;
    record_state state;
} row;

ALWAYS_INLINE u8 *put_NUMBER(row *r, u8 *p, u64 bit, u64 number)
{
    r->columns |= bit;
    return put_word(p, number);
}

ALWAYS_INLINE u8 *put_TIME(row *r, u8 *p, u64 bit, i64 time)
{
    return put_NUMBER(r, p, bit, (u64)time);
}

ALWAYS_INLINE u8 *put_ORIGIN(row *r, u8 *p, u64 bit, schema_origin origin)
{
    (void)bit;
    r->origin = origin;
    return p;
}

ALWAYS_INLINE u8 *put_STATE(row *r, u8 *p, u64 bit, record_state state)
{
    (void)bit;
    r->state = state;
    return p;
}

ALWAYS_INLINE u8 *put_TEXT(row *r, u8 *p, u64 bit, const char *name)
{
    return name ? put_NUMBER(r, p, bit, (u64)(uintptr_t)name) : p;
}

// A text: its length, which text_end fills in, and the bytes.
enum { LENGTH_BYTES = sizeof(u32) };

ALWAYS_INLINE u8 *text_end(row *r, size_t start, u8 *p, u64 bit)
{
    u8 *length = r->at->out->bytes + start;
    (void)put_little(length, (u64)(p - length) - LENGTH_BYTES, LENGTH_BYTES);
    r->columns |= bit;
    return p;
}

ALWAYS_INLINE size_t offset_of(const row *r, const u8 *p)
{
    return (size_t)(p - r->at->out->bytes);
}

ALWAYS_INLINE u8 *put_GUID(row *r, u8 *p, u64 bit, const u8 *id)
{
    return id ? text_end(r, offset_of(r, p), text_guid(p + LENGTH_BYTES, id), bit) : p;
}

static u8 *put_SID(row *r, u8 *p, u64 bit, span sid)
{
    if (!sid.len)
        return p;
    p = pen_more(r->at, p, TEXT_SID_BYTES);
    return text_end(r, offset_of(r, p), text_sid(p + LENGTH_BYTES, sid), bit);
}

ALWAYS_INLINE u8 *put_BYTES(row *r, u8 *p, u64 bit, span bytes)
{
    p = pen_more(r->at, p, 2 * bytes.len);
    return text_end(r, offset_of(r, p), text_bytes(p + LENGTH_BYTES, bytes), bit);
}

static u8 *put_VALUE(row *r, u8 *p, u64 bit, typed_value v)
{
    size_t start = offset_of(r, p);
    return v.kind == VALUE_NULL ? p
                                : text_end(r, start, render_value_text(r->at, p + LENGTH_BYTES, &v, ESCAPE_NONE), bit);
}

ALWAYS_INLINE u8 *put_MESSAGE(row *r, u8 *p, u64 bit, const record *rec)
{
    size_t start = offset_of(r, p);
    return text_end(r, start, render_message_text(r->at, p + LENGTH_BYTES, rec, ESCAPE_NONE), bit);
}

static u8 *put_typed(row *r, u8 *p, u64 bit, const record *rec)
{
    const sink *s = r->sink;
    size_t start = offset_of(r, p);
    outbuf_written(r->at->out, p + LENGTH_BYTES);
    if (typed_write(&s->layouts[s->groups->of_class[rec->cls->index]], rec, r->at->out))
        return text_end(r, start, pen_start(r->at), bit);
    r->at->out->len = start;
    return pen_start(r->at);
}

ALWAYS_INLINE u8 *put_DATA(row *r, u8 *p, u64 bit, const record *rec)
{
    size_t start = offset_of(r, p);
    if (r->sink->layouts)
        return put_typed(r, p, bit, rec);
    return text_end(r, start, render_data(r->at, p + LENGTH_BYTES, rec, ESCAPE_JSON), bit);
}

ALWAYS_INLINE u8 *put_STACK(row *r, u8 *p, u64 bit, const record *rec)
{
    return text_end(r, offset_of(r, p), render_stack(p + LENGTH_BYTES, rec, ESCAPE_JSON), bit);
}

static u8 *put_EXTENDED(row *r, u8 *p, u64 bit, const record *rec)
{
    size_t start = offset_of(r, p);
    outbuf_written(r->at->out, p + LENGTH_BYTES);
    if (render_extended_json(r->at->out, rec))
        return text_end(r, start, pen_start(r->at), bit);
    r->at->out->len = start;
    return pen_start(r->at);
}

static void parquet_render(const sink *s, const record *rec, outbuf *out)
{
    pen at = {out, render_bound(rec) + COLUMN_BOUND + HEAD_BYTES};
    row r = {.sink = s, .at = &at};
    size_t start = out->len;
    u8 *p = pen_start(&at) + HEAD_BYTES;
#define PUT_CLASS(name, type, has, value)
#define PUT_PLANNED(name, type, has, value)
#define PUT_SOURCE(name, type, has, value)
#define PUT_HOST PUT_RECORD
#define PUT_RECORD(name, type, has, value)                                                                             \
    if (has)                                                                                                           \
        p = put_##type(&r, p, (u64)1 << COLUMN_##name, value);
#define COLUMN(name, type, scope, has, value) PUT_##scope(name, type, has, value)
#include "decode/columns.def"
    outbuf_written(out, p);
    put_head(out->bytes + start, (row_head){.columns = r.columns,
                                            .bytes = (u32)(out->len - start),
                                            .cls = rec->cls->index,
                                            .source = rec->source_index,
                                            .origin = (u16)r.origin,
                                            .state = (u16)r.state});
}

// ---------------------------------------------------------------------------------------------- rows to columns

// False: nanoseconds do not reach there.
static bool nanoseconds(sink *s, i64 time, u64 *out)
{
    // Not more than 2^63 away from each other: times have a sign, 1970 is early.
    i64 ticks = time < INT64_MIN + YEAR_1970 ? INT64_MIN : time - YEAR_1970;
    bool fits = ticks <= TICKS_MOST && ticks >= -TICKS_MOST;
    s->lost_times += !fits;
    *out = fits ? (u64)(ticks * 100) : 0;
    return fits;
}

static void add_number(sink *s, u32 at, u32 rep, u64 number)
{
    const parquet_column *c = &s->columns[at];
    if (c->type != PARQUET_TIME || nanoseconds(s, (i64)number, &number))
        parquet_add_number(s->file, at, rep, number);
    else
        parquet_add_null(s->file, at, rep, c->most_def - 1);
}

static void add_payload(sink *s, bool present, span entries)
{
    const typed_layout *l = s->layouts;
    typed_entry e;
    u32 first = s->place[COLUMN_data];
    for (u32 i = 0; !present && i < l->leaf_count; i++)
        parquet_add_null(s->file, first + i, 0, 0);
    while (present && typed_next(l, &entries, &e)) {
        if (!e.has)
            parquet_add_null(s->file, first + e.leaf, e.rep, e.def);
        else if (s->columns[first + e.leaf].type == PARQUET_TEXT)
            parquet_add_text(s->file, first + e.leaf, e.rep, e.text);
        else
            add_number(s, first + e.leaf, e.rep, e.number);
    }
}

typedef struct taking {
    sink *sink;
    u64 columns; // that have a value
} taking;

ALWAYS_INLINE const u8 *take_NUMBER(taking *t, column_id id, const u8 *p)
{
    if (t->sink->own[id])
        vector_number(t->sink->own[id], word_at(p));
    return p + sizeof(u64);
}

ALWAYS_INLINE const u8 *take_TIME(taking *t, column_id id, const u8 *p)
{
    u64 time;
    if (!nanoseconds(t->sink, (i64)word_at(p), &time))
        t->columns &= ~((u64)1 << id);
    else if (t->sink->own[id])
        vector_number(t->sink->own[id], time);
    return p + sizeof(u64);
}

ALWAYS_INLINE const u8 *take_text(taking *t, column_id id, const u8 *p)
{
    span text = {p, LENGTH_BYTES + load_u32(p)};
    if (t->sink->own[id])
        vector_counted_text(t->sink->own[id], text);
    return p + text.len;
}

ALWAYS_INLINE const u8 *take_DATA(taking *t, column_id id, const u8 *p)
{
    if (!t->sink->layouts)
        return take_text(t, id, p);
    u32 len = load_u32(p);
    add_payload(t->sink, true, (span){p + LENGTH_BYTES, len});
    return p + LENGTH_BYTES + len;
}

#define take_TEXT take_NUMBER
#define take_GUID take_text
#define take_SID take_text
#define take_BYTES take_text
#define take_VALUE take_text
#define take_MESSAGE take_text
#define take_STACK take_text
#define take_EXTENDED take_text
#define take_ORIGIN(t, id, p) (p)
#define take_STATE(t, id, p) (p)

static bool commit_row(sink *s, const u8 *p, const row_head *head, error *e)
{
    taking t = {s, head->columns};
#define TAKE_CLASS(name, type)
#define TAKE_PLANNED(name, type)
#define TAKE_SOURCE(name, type)
#define TAKE_HOST TAKE_RECORD
#define TAKE_RECORD(name, type)                                                                                        \
    if (head->columns >> COLUMN_##name & 1)                                                                            \
        p = take_##type(&t, COLUMN_##name, p);
#define COLUMN(name, type, scope, has, value) TAKE_##scope(name, type)
#include "decode/columns.def"
    if (s->layouts && !(head->columns >> COLUMN_data & 1))
        add_payload(s, false, (span){0});
    const parquet_row done = {
        .codes = {[SET_CLASS] = head->cls,
                  [SET_SOURCE] = head->source,
                  [SET_ORIGIN] = head->origin,
                  [SET_STATE] = head->state},
        .has = t.columns,
        .bytes = head->bytes,
    };
    return parquet_row_end(s->file, &done, e);
}

static bool parquet_commit(sink *s, span rendered, u32 records, error *e)
{
    const u8 *p = rendered.at;
    for (u32 i = 0; i < records; i++) {
        row_head head = head_at(p);
        if (!commit_row(s, p + HEAD_BYTES, &head, e))
            return false;
        p += head.bytes;
    }
    return true;
}

// ---------------------------------------------------------------------------------------------- the exporter

// Of all groups where records of all are rendered, of its own where those of one are committed.
static void make_layouts(sink *s, const export_target *target)
{
    bool part = target->only_commits;
    s->layouts = arena_array(&s->memory, typed_layout, s->groups->count);
    for (u32 i = 0; i < (part ? 1 : s->groups->count); i++)
        typed_make(&s->layouts[i], target, &s->groups->list[part ? target->group : i]);
}

static bool parquet_open(sink **out, const export_target *target, error *e)
{
    sink *s = mem_zeroed(1, sizeof *s);
    (void)e;
    *out = s;
    s->groups = target->groups;
    output_open(&s->out, target);
    if (s->groups)
        make_layouts(s, target);
    if (target->only_renders)
        return true;
    make_columns(s, target);
    const parquet_schema schema = {s->columns, s->column_count, s->nodes, s->node_count, s->top_count};
    s->file = parquet_begin(&s->out, &schema, target->crew);
    for (column_id id = 0; id < COLUMN_COUNT; id++)
        if (s->place[id] != NO_COLUMN && s->columns[s->place[id]].bit == id && !s->columns[s->place[id]].values)
            s->own[id] = parquet_vector(s->file, s->place[id]);
    return true;
}

static void parquet_remark(const sink *s, char text[EXPORT_REMARK])
{
    int len = 0;
    if (s->lost_times)
        len = snprintf(text, EXPORT_REMARK,
                       "%llu times before 1677 or after 2262 are null: nanoseconds do not reach there",
                       (unsigned long long)s->lost_times);
    if (s->layouts && s->layouts[0].is_text)
        snprintf(
            text + len, EXPORT_REMARK - (size_t)len,
            "%sthe fields of one kind of event are more than LIMIT_TYPED_FIELDS or LIMIT_TYPED_PLACES: its data is "
            "text",
            len ? "; " : "");
}

static bool parquet_close(sink *s, error *e)
{
    bool ok = !s->file || parquet_end(s->file, e);
    ok = output_close(&s->out, ok ? e : NULL) && ok;
    for (u32 i = 0; s->layouts && i < s->groups->count; i++)
        typed_free(&s->layouts[i]);
    arena_free(&s->memory);
    mem_free(s);
    return ok;
}

// All such files begin alike; what made them is at the end.
static bool parquet_is_own(span head, int fd)
{
    enum { TAIL = 64 << 10 };
    off_t end = exporter_head_is(head, "PAR1") ? lseek(fd, 0, SEEK_END) : 0;
    u8 *tail = mem_alloc(TAIL);
    ssize_t got = end > 0 ? pread(fd, tail, TAIL, end > TAIL ? end - TAIL : 0) : 0;
    bool own = got > 0 && exporter_head_has((span){tail, (size_t)got}, "etwkit version ");
    mem_free(tail);
    return own;
}

const exporter exporter_parquet = {
    .name = "parquet",
    .suffixes = " .parquet ",
    .help = "columns with types, compressed: DuckDB, ClickHouse, pandas, polars, Spark",
    .open = parquet_open,
    .render = parquet_render,
    .commit = parquet_commit,
    .remark = parquet_remark,
    .close = parquet_close,
    .is_own = parquet_is_own,
    .takes_parts = true,
};
