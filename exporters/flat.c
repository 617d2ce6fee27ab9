// Names come from traces: made valid UTF-8, cut, told apart.
#include "flat.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/text.h"
#include "names.h"

enum { NAME_BYTES = 3 * LIMIT_NAME_BYTES + 32 };

// ---------------------------------------------------------------------------------------------- kinds

static flat_kind kind_of_form(show_form show)
{
    switch (show) {
    case SHOW_UNSIGNED:
    case SHOW_SIGNED:
    case SHOW_PORT:
        return FLAT_INTEGER;
    case SHOW_F32:
    case SHOW_F64:
        return FLAT_REAL;
    case SHOW_BOOL:
        return FLAT_BOOL;
    default:
        return FLAT_TEXT; // a mapped number among them: where its map has no name it is a number in `data`
    }
}

// What fits values of both.
static flat_kind joined(flat_kind a, flat_kind b)
{
    if (a == b || a == FLAT_NONE)
        return b;
    bool numbers = (a == FLAT_INTEGER || a == FLAT_REAL) && (b == FLAT_INTEGER || b == FLAT_REAL);
    return numbers ? FLAT_REAL : FLAT_TEXT;
}

static void join_kind(flat_column *c, const field *f)
{
    bool list = f->count_form != COUNT_ONE && !f->characters && f->wire != WIRE_STRUCT;
    flat_kind kind = f->wire == WIRE_STRUCT ? FLAT_TEXT : kind_of_form((show_form)f->show);
    if (c->kind != FLAT_NONE && c->list != list) {
        c->list = false;
        c->kind = FLAT_TEXT;
        return;
    }
    c->list = list;
    c->kind = joined(c->kind, kind);
}

// ---------------------------------------------------------------------------------------------- names

typedef struct making {
    flat_layout *layout;
    flat_plan *plan;
} making;

// Room for NAME_BYTES; cut at the last name that fits.
static void put_name(char *to, const plan *p, const value_path *path)
{
    u8 *at = (u8 *)to;
    memcpy(at, "data", 4);
    at += 4;
    for (u32 i = 0; i < path->depth; i++) {
        const char *name = p->fields[path->fields[i]].name;
        span s = {(const u8 *)name, strnlen(name, LIMIT_NAME_BYTES)};
        if (3 * s.len + 32 > (size_t)((u8 *)to + NAME_BYTES - at))
            break;
        *at++ = '.';
        at = text_utf8(at, s);
    }
    *at = 0;
}

static u32 column_named(flat_layout *l, const char *name)
{
    u32 found;
    u64 hash = name_hash(name);
    MAP_FIND(found, &l->names, hash, name_same(l->columns[index_].name, name));
    if (found != MAP_NONE || l->count == LIMIT_FLAT_COLUMNS)
        return found;
    GROW(l->columns, l->count, l->cap);
    l->columns[l->count] = (flat_column){.name = arena_text(&l->memory, name)};
    map_add(&l->names, hash, l->count);
    return l->count++;
}

// The first of name, name_2, name_3 … that this plan does not have yet; MAP_NONE: there is no room for one more.
static u32 free_column(const making *m, char *name)
{
    enum { TRIED_IN_TURN = 16 };
    size_t len = strlen(name);
    u32 column = column_named(m->layout, name);
    for (u32 n = 2; column != MAP_NONE && m->layout->columns[column].last == m->layout->plan_count;) {
        name[len] = '_';
        *text_u64((u8 *)name + len + 1, n) = 0;
        column = column_named(m->layout, name);
        n += n < TRIED_IN_TURN ? 1 : m->plan->count;
    }
    return column;
}

static bool add_leaf(void *context, const plan *p, const value_path *path)
{
    making *m = context;
    char name[NAME_BYTES];
    put_name(name, p, path);
    u32 column = free_column(m, name);
    if (column == MAP_NONE) {
        m->layout->left_out++;
        return true;
    }
    m->layout->columns[column].last = m->layout->plan_count;
    join_kind(&m->layout->columns[column], &p->fields[path->fields[path->depth - 1]]);
    GROW(m->plan->values, m->plan->count, m->plan->cap);
    m->plan->values[m->plan->count++] = (flat_value){column, *path};
    return true;
}

// ---------------------------------------------------------------------------------------------- plans

static int by_column(const void *a, const void *b)
{
    u32 x = ((const flat_value *)a)->column, y = ((const flat_value *)b)->column;
    return (x > y) - (x < y);
}

static u32 plan_index(const flat_layout *l, const plan *p)
{
    u32 found;
    MAP_FIND(found, &l->by_plan, hash_u64((u64)(uintptr_t)p), l->plans[index_].of == p);
    return found;
}

static void add_plan(flat_layout *l, const plan *p)
{
    if (plan_index(l, p) != MAP_NONE)
        return;
    GROW(l->plans, l->plan_count, l->plan_cap);
    map_add(&l->by_plan, hash_u64((u64)(uintptr_t)p), l->plan_count);
    flat_plan *made = &l->plans[l->plan_count++];
    *made = (flat_plan){.of = p};
    value_each_leaf(p, add_leaf, &(making){l, made});
    if (made->count)
        qsort(made->values, made->count, sizeof(*made->values), by_column);
}

void flat_make(flat_layout *out, const export_target *target, const class_group *group)
{
    *out = (flat_layout){0};
    for (u32 i = 0; i < (group ? group->class_count : target->class_count); i++) {
        u32 at = group ? group->classes[i] : i;
        const event_class *cls = target->classes[at];
        for (u32 k = 0; k < cls->plan_count && (!target->wanted || target->wanted[at]); k++)
            add_plan(out, cls->plans[k]);
    }
}

void flat_free(flat_layout *l)
{
    for (u32 i = 0; i < l->plan_count; i++)
        mem_free(l->plans[i].values);
    mem_free(l->plans);
    mem_free(l->columns);
    map_free(&l->names);
    map_free(&l->by_plan);
    arena_free(&l->memory);
}

const flat_plan *flat_of(const flat_layout *l, const record *rec)
{
    u32 index = rec->plan ? plan_index(l, rec->plan) : MAP_NONE;
    return index == MAP_NONE ? NULL : &l->plans[index];
}

// ---------------------------------------------------------------------------------------------- values

static bool is_compound(const typed_value *v)
{
    return v->kind == VALUE_ARRAY || v->kind == VALUE_STRUCT;
}

static void put_json(outbuf *out, const typed_value *v)
{
    pen at = {out, 0};
    outbuf_written(out, render_value_json(&at, pen_start(&at), v, ESCAPE_JSON));
}

void flat_text(outbuf *out, const typed_value *v)
{
    if (is_compound(v))
        put_json(out, v);
    else
        render_text(out, v);
}

static void put_string(outbuf *out, const typed_value *v)
{
    enum { CLOSING = 2 };
    pen at = {out, CLOSING};
    outbuf_text(out, "\"");
    size_t start = out->len;
    flat_text(out, v);
    u8 *p = render_escaped(&at, pen_start(&at), start);
    *p++ = '"';
    outbuf_written(out, p);
}

static bool put_single(outbuf *out, flat_kind kind, const typed_value *v)
{
    if (v->kind == VALUE_FLOAT && !isfinite(v->real) && kind == FLAT_REAL)
        return false;
    if (kind == FLAT_TEXT)
        put_string(out, v);
    else
        put_json(out, v);
    return true;
}

static void put_list(outbuf *out, flat_kind kind, const typed_value *v)
{
    typed_value element;
    const char *before = "[";
    for (value_walk w = value_members(v); value_next(&w, &element); before = ",") {
        outbuf_text(out, before);
        if (!put_single(out, kind, &element))
            outbuf_text(out, "null");
    }
    outbuf_text(out, *before == '[' ? "[]" : "]");
}

bool flat_json(outbuf *out, const flat_column *column, const typed_value *v)
{
    if (v->kind == VALUE_NULL)
        return false;
    if (!column->list || v->kind != VALUE_ARRAY)
        return put_single(out, column->kind, v);
    put_list(out, column->kind, v);
    return true;
}
