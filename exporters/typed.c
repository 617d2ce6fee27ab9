#include "typed.h"

#include <string.h>

#include "base/limits.h"
#include "flat.h"
#include "names.h"

struct typed_struct {
    const typed_node *node;
    struct typed_field {
        typed_node *to;
        typed_struct *members; // of a struct, or of the structs of a list
    } * fields;
    u32 count;
    typed_node **missing; // children of the node that the plan does not have
    u32 missing_count;
};

// ---------------------------------------------------------------------------------------------- kinds

static typed_kind unsigned_of(const field *f)
{
    if (f->wire != WIRE_FIXED || f->bytes > 4)
        return TYPED_U64;
    return f->bytes > 2 ? TYPED_U32 : TYPED_U16;
}

static typed_kind kind_of(const field *f)
{
    switch ((show_form)f->show) {
    case SHOW_UNSIGNED:
    case SHOW_HEX:
    case SHOW_PORT:
    case SHOW_WIN32_ERROR:
    case SHOW_NTSTATUS:
    case SHOW_HRESULT:
        return unsigned_of(f);
    case SHOW_SIGNED:
        return f->wire == WIRE_FIXED && f->bytes <= 4 ? TYPED_S32 : TYPED_S64;
    case SHOW_F32:
    case SHOW_F64:
        return TYPED_REAL;
    case SHOW_BOOL:
        return TYPED_BOOL;
    case SHOW_FILETIME:
        return TYPED_TIME;
    default:
        return TYPED_TEXT;
    }
}

static bool is_unsigned(typed_kind k)
{
    return k >= TYPED_U16 && k <= TYPED_U64;
}

static bool is_integer(typed_kind k)
{
    return k >= TYPED_U16 && k <= TYPED_S64;
}

// What fits values of both.
static typed_kind joined(typed_kind a, typed_kind b)
{
    if (a == b || a == TYPED_NONE)
        return b;
    if (!is_integer(a) || !is_integer(b))
        return TYPED_TEXT;
    if (is_unsigned(a) == is_unsigned(b))
        return a > b ? a : b;
    return a == TYPED_U64 || b == TYPED_U64 ? TYPED_TEXT : TYPED_S64;
}

parquet_type typed_parquet(const typed_node *leaf)
{
    static const u8 TYPES[] = {[TYPED_NONE] = PARQUET_TEXT,   [TYPED_U16] = PARQUET_INT32, [TYPED_U32] = PARQUET_INT64,
                               [TYPED_U64] = PARQUET_UINT64,  [TYPED_S32] = PARQUET_INT32, [TYPED_S64] = PARQUET_INT64,
                               [TYPED_REAL] = PARQUET_DOUBLE, [TYPED_BOOL] = PARQUET_BOOL, [TYPED_TIME] = PARQUET_TIME,
                               [TYPED_TEXT] = PARQUET_TEXT};
    return (parquet_type)TYPES[leaf->kind];
}

// ---------------------------------------------------------------------------------------------- plans to a tree

static typed_node *child_named(arena *a, typed_node *parent, const char *name)
{
    u32 found;
    u64 hash = name_hash(name);
    MAP_FIND(found, &parent->by_name, hash, name_same(parent->children[index_]->name, name));
    if (found != MAP_NONE)
        return parent->children[found];
    GROW(parent->children, parent->count, parent->cap);
    typed_node *made = arena_array(a, typed_node, 1);
    *made = (typed_node){.name = name};
    map_add(&parent->by_name, hash, parent->count);
    return parent->children[parent->count++] = made;
}

// The child of that name which this struct does not have yet.
static typed_node *free_child(typed_layout *l, typed_node *parent, const field *f, u32 mark)
{
    const char *name = name_clean(&l->memory, f->name);
    typed_node *first = child_named(&l->memory, parent, name), *child = first;
    if (first->last != mark)
        first->times = 1;
    while (child->last == mark)
        child = child_named(&l->memory, parent, arena_format(&l->memory, "%s_%u", name, ++first->times));
    if (child != first)
        child->times = 1;
    child->last = mark;
    return child;
}

static bool is_shown(const field *f, bool top)
{
    return !(top ? f->silent : f->hidden);
}

static typed_struct *join_struct(typed_layout *l, typed_node *into, const plan *p, u32 first, u32 count, bool top);

// Whether the field is a struct with members that are shown.
static bool has_members(const plan *p, const field *f)
{
    for (u32 i = 0; f->wire == WIRE_STRUCT && i < f->member_count; i++)
        if (!p->fields[f->first_member + i].hidden)
            return true;
    return false;
}

static void join_field(typed_layout *l, struct typed_field *to, const plan *p, const field *f)
{
    typed_node *child = to->to;
    bool is_struct = has_members(p, f), list = f->count_form != COUNT_ONE && !f->characters;
    bool is_new = !child->is_struct && child->kind == TYPED_NONE;
    if (is_new) {
        child->is_struct = is_struct;
        child->list = list;
    }
    if (child->is_struct != is_struct || child->list != list) {
        child->is_struct = child->list = false;
        child->kind = TYPED_TEXT;
    }
    if (child->is_struct)
        to->members = join_struct(l, child, p, f->first_member, f->member_count, false);
    else
        child->kind = joined(child->kind, f->wire == WIRE_STRUCT ? TYPED_TEXT : kind_of(f));
}

// depth is bounded by LIMIT_NESTING: schemas with deeper structs are refused.
static typed_struct *join_struct(typed_layout *l, typed_node *into, const plan *p, u32 first, u32 count, bool top)
{
    typed_struct *s = arena_array(&l->memory, typed_struct, 1);
    u32 mark = ++l->structs;
    *s = (typed_struct){.node = into, .fields = arena_array(&l->memory, struct typed_field, count)};
    for (u32 i = first; i < first + count; i++) {
        const field *f = &p->fields[i];
        if (!is_shown(f, top))
            continue;
        struct typed_field *to = &s->fields[s->count++];
        *to = (struct typed_field){.to = free_child(l, into, f, mark)};
        join_field(l, to, p, f);
    }
    return s;
}

static u32 plan_index(const typed_layout *l, const plan *p)
{
    u32 found;
    MAP_FIND(found, &l->by_plan, hash_u64((u64)(uintptr_t)p), l->plans[index_].of == p);
    return found;
}

static void join_plan(typed_layout *l, const plan *p)
{
    if (plan_index(l, p) != MAP_NONE)
        return;
    GROW(l->plans, l->plan_count, l->plan_cap);
    map_add(&l->by_plan, hash_u64((u64)(uintptr_t)p), l->plan_count);
    l->plans[l->plan_count++] = (typed_plan){p, join_struct(l, &l->root, p, 0, p->top_count, true)};
}

// ---------------------------------------------------------------------------------------------- levels

static void set_levels(typed_layout *l, typed_node *n, u32 def, u32 rep)
{
    n->def = (u8)(def + 1);
    n->rep = (u8)rep;
    n->value_def = (u8)(n->def + (n->list ? 2 : 0));
    n->value_rep = (u8)(n->rep + n->list);
    for (u32 i = 0; n->is_struct && i < n->count; i++)
        set_levels(l, n->children[i], n->value_def, n->value_rep);
    if (n->is_struct)
        return;
    n->column = l->leaf_count;
    GROW(l->leaves, l->leaf_count, l->leaf_cap);
    l->leaves[l->leaf_count++] = n;
}

// Of all fields that a struct of a plan has, or lacks.
static u64 places_of(const typed_struct *s)
{
    u64 places = s->node->count;
    for (u32 i = 0; i < s->count; i++)
        if (s->fields[i].members && s->fields[i].to->is_struct)
            places += places_of(s->fields[i].members);
    return places;
}

static bool is_too_wide(const typed_layout *l)
{
    u64 places = 0;
    for (u32 i = 0; i < l->plan_count && places <= LIMIT_TYPED_PLACES; i++)
        places += places_of(l->plans[i].top);
    return l->leaf_count > LIMIT_TYPED_FIELDS || places > LIMIT_TYPED_PLACES;
}

static void make_text(typed_layout *l)
{
    l->is_text = true;
    l->leaf_count = 0;
    l->root.is_struct = false;
    l->root.kind = TYPED_TEXT;
    set_levels(l, &l->root, 0, 0);
}

static void find_missing(typed_layout *l, typed_struct *s)
{
    s->missing = arena_array(&l->memory, typed_node *, s->node->count);
    for (u32 i = 0; i < s->node->count; i++)
        s->node->children[i]->last = 0;
    for (u32 i = 0; i < s->count; i++)
        s->fields[i].to->last = 1;
    for (u32 i = 0; i < s->node->count; i++)
        if (!s->node->children[i]->last)
            s->missing[s->missing_count++] = s->node->children[i];
    for (u32 i = 0; i < s->count; i++)
        if (s->fields[i].members && s->fields[i].to->is_struct)
            find_missing(l, s->fields[i].members);
}

void typed_make(typed_layout *out, const export_target *target, const class_group *group)
{
    *out = (typed_layout){.root = {.name = "data", .is_struct = true}};
    for (u32 i = 0; i < group->class_count; i++) {
        const event_class *cls = target->classes[group->classes[i]];
        for (u32 k = 0; k < cls->plan_count && (!target->wanted || target->wanted[group->classes[i]]); k++)
            join_plan(out, cls->plans[k]);
    }
    if (out->root.count)
        set_levels(out, &out->root, 0, 0);
    if (is_too_wide(out))
        make_text(out);
    for (u32 i = 0; i < out->plan_count && !out->is_text; i++)
        find_missing(out, (typed_struct *)(uintptr_t)out->plans[i].top);
}

static void free_children(typed_node *n)
{
    for (u32 i = 0; i < n->count; i++)
        free_children(n->children[i]);
    mem_free(n->children);
    map_free(&n->by_name);
}

void typed_free(typed_layout *l)
{
    free_children(&l->root);
    mem_free(l->leaves);
    mem_free(l->plans);
    map_free(&l->by_plan);
    arena_free(&l->memory);
}

// ---------------------------------------------------------------------------------------------- payloads to entries

typedef struct entry_head {
    u32 leaf;
    u8 rep, def, unused[2];
} entry_head;

static void put_head(outbuf *out, const typed_node *leaf, u32 rep, u32 def)
{
    const entry_head head = {.leaf = leaf->column, .rep = (u8)rep, .def = (u8)def};
    outbuf_add(out, &head, sizeof(head));
}

static void put_missing(outbuf *out, const typed_node *n, u32 rep, u32 def)
{
    for (u32 i = 0; n->is_struct && i < n->count; i++)
        put_missing(out, n->children[i], rep, def);
    if (!n->is_struct)
        put_head(out, n, rep, def);
}

static void put_text_value(outbuf *out, const typed_value *v)
{
    u32 len = 0;
    size_t start = out->len;
    outbuf_add(out, &len, sizeof(len));
    flat_text(out, v);
    len = (u32)(out->len - start - sizeof(len));
    memcpy(out->bytes + start, &len, sizeof(len));
}

static void put_leaf(outbuf *out, const typed_node *n, const typed_value *v, u32 rep)
{
    u64 number = v->number; // and the bits of `integer` and `real`
    put_head(out, n, rep, n->value_def);
    if (n->kind == TYPED_TEXT)
        put_text_value(out, v);
    else
        outbuf_add(out, &number, sizeof(number));
}

static void put_struct(outbuf *out, const typed_struct *s, const typed_value *v, u32 rep);

static void put_element(outbuf *out, const struct typed_field *f, const typed_value *v, u32 rep)
{
    if (f->to->is_struct)
        put_struct(out, f->members, v, rep);
    else
        put_leaf(out, f->to, v, rep);
}

static void put_value(outbuf *out, const struct typed_field *f, const typed_value *v, u32 rep)
{
    typed_value element;
    if (!f->to->list) {
        put_element(out, f, v, rep);
        return;
    }
    if (!v->count)
        put_missing(out, f->to, rep, f->to->def);
    for (value_walk w = value_members(v); value_next(&w, &element); rep = f->to->value_rep)
        put_element(out, f, &element, rep);
}

// A payload that ended early has its first fields only.
static void put_struct(outbuf *out, const typed_struct *s, const typed_value *v, u32 rep)
{
    u32 at = 0;
    typed_value member;
    for (value_walk w = value_members(v); at < s->count && value_next(&w, &member); at++)
        put_value(out, &s->fields[at], &member, rep);
    for (; at < s->count; at++)
        put_missing(out, s->fields[at].to, rep, s->node->value_def);
    for (u32 i = 0; i < s->missing_count; i++)
        put_missing(out, s->missing[i], rep, s->node->value_def);
}

bool typed_write(const typed_layout *l, const record *rec, outbuf *out)
{
    u32 index = rec->plan ? plan_index(l, rec->plan) : MAP_NONE;
    typed_value data;
    if (index == MAP_NONE || !l->root.count)
        return false;
    record_data(rec, &data);
    if (l->is_text)
        put_leaf(out, &l->root, &data, 0);
    else
        put_struct(out, l->plans[index].top, &data, 0);
    return true;
}

bool typed_next(const typed_layout *l, span *entries, typed_entry *out)
{
    entry_head head;
    if (!entries->len)
        return false;
    memcpy(&head, entries->at, sizeof(head));
    *entries = span_from(*entries, sizeof(head));
    const typed_node *leaf = l->leaves[head.leaf];
    *out = (typed_entry){.leaf = head.leaf, .rep = head.rep, .def = head.def, .has = head.def == leaf->value_def};
    if (out->has && leaf->kind == TYPED_TEXT) {
        u32 len;
        memcpy(&len, entries->at, sizeof(len));
        out->text = (span){entries->at + sizeof(len), len};
        *entries = span_from(*entries, sizeof(len) + (size_t)len);
    } else if (out->has) {
        memcpy(&out->number, entries->at, sizeof(out->number));
        *entries = span_from(*entries, sizeof(out->number));
    }
    return true;
}
