#include "decode/value.h"

#include <string.h>

// ---------------------------------------------------------------------------------------------- single values

// The form the number itself is shown in, where no map names it.
static show_form shown_as(const field *f)
{
    return (show_form)(f->show == SHOW_MAP ? f->unmapped : f->show);
}

static span without_nuls(span v, size_t unit)
{
    while (v.len >= unit && v.at[v.len - 1] == 0 && v.at[v.len - unit] == 0)
        v.len -= unit;
    return v;
}

span value_text_bytes(const field *f, span v, text_encoding encoding)
{
    if (f->text_end == END_TRIMMED)
        return without_nuls(v, encoding == TEXT_UTF16 ? 2 : 1);
    if (f->text_end == END_FIRST_NUL && encoding == TEXT_UTF16)
        (void)utf16_length(v, &v.len);
    else if (f->text_end == END_FIRST_NUL)
        (void)ansi_length(v, &v.len);
    return v;
}

static void set_text(typed_value *out, text_encoding encoding)
{
    out->kind = VALUE_TEXT;
    out->encoding = encoding;
    out->bytes = value_text_bytes(out->field, out->bytes, encoding);
}

static void set_number(typed_value *out, value_kind kind, u64 number)
{
    out->kind = kind;
    out->number = number;
}

static double real_of(span v)
{
    u64 bits = load_unsigned(v);
    if (v.len == 4) {
        u32 half = (u32)bits;
        float single;
        memcpy(&single, &half, sizeof(single));
        return (double)single;
    }
    double real;
    memcpy(&real, &bits, sizeof(real));
    return real;
}

void value_of(const field *f, span v, typed_value *out)
{
    *out = (typed_value){.kind = VALUE_BYTES, .field = f, .bytes = v};
    switch (shown_as(f)) {
    case SHOW_UNSIGNED:
    case SHOW_HEX:
    case SHOW_WIN32_ERROR:
    case SHOW_NTSTATUS:
    case SHOW_HRESULT:
        set_number(out, VALUE_UNSIGNED, load_unsigned(v));
        break;
    case SHOW_PORT:
        set_number(out, VALUE_UNSIGNED, v.len == 2 ? load_u16_be(v.at) : load_unsigned(v));
        break;
    case SHOW_SIGNED:
        out->kind = VALUE_SIGNED;
        out->integer = load_signed(v);
        break;
    case SHOW_BOOL:
        set_number(out, VALUE_BOOL, load_unsigned(v) != 0);
        break;
    case SHOW_F32:
    case SHOW_F64:
        out->kind = VALUE_FLOAT;
        out->real = real_of(v);
        break;
    case SHOW_UTF16:
    case SHOW_CHAR16:
        set_text(out, TEXT_UTF16);
        break;
    case SHOW_NOTHING: // shown as an empty text
        out->bytes.len = 0;
        set_text(out, TEXT_UTF8);
        break;
    case SHOW_UTF8:
        set_text(out, TEXT_UTF8);
        break;
    case SHOW_ANSI:
    case SHOW_CHAR8:
        set_text(out, TEXT_ANSI);
        break;
    case SHOW_GUID:
        out->kind = VALUE_GUID;
        break;
    case SHOW_SID:
        out->kind = VALUE_SID;
        break;
    case SHOW_FILETIME:
        set_number(out, VALUE_TIME, load_unsigned(v));
        break;
    case SHOW_SYSTEMTIME:
        out->kind = VALUE_SYSTEMTIME;
        break;
    case SHOW_IPV4:
        out->kind = v.len == 4 ? VALUE_IPV4 : VALUE_BYTES;
        break;
    case SHOW_IPV6:
        out->kind = v.len == 16 ? VALUE_IPV6 : VALUE_BYTES;
        break;
    case SHOW_SOCKADDR:
        out->kind = VALUE_SOCKADDR;
        break;
    case SHOW_BYTES:
    case SHOW_MAP:
    case SHOW_STRUCT:
        break;
    }
}

const char *value_name(const typed_value *v)
{
    const value_map *map = v->field ? v->field->map : NULL;
    bool is_named = map && !map->is_bitmap && value_is_integer(v);
    return is_named ? value_map_text(map, load_unsigned(v->bytes)) : NULL;
}

// ---------------------------------------------------------------------------------------------- slots

static u32 element_slots(const plan *p, const field *f, const slot *first)
{
    if (f->wire != WIRE_STRUCT)
        return 1;
    u32 slots = 0;
    for (u32 i = 0; i < f->member_count; i++)
        slots += field_slots(p, &p->fields[f->first_member + i], first + slots);
    return slots;
}

// Elements of one size lie in one slot.
static bool is_packed(const field *f)
{
    return f->wire == WIRE_FIXED;
}

u32 field_slots(const plan *p, const field *f, const slot *first)
{
    if (f->count_form == COUNT_ONE)
        return element_slots(p, f, first);
    u32 slots = 1, count = is_packed(f) ? 0 : first->len;
    for (u32 i = 0; i < count; i++)
        slots += element_slots(p, f, first + slots);
    return slots;
}

const slot *record_slots(const record *rec, u32 index)
{
    const slot *at = rec->slots;
    if (rec->plan->one_slot_each)
        return at + index;
    for (u32 i = 0; i < index; i++)
        at += field_slots(rec->plan, &rec->plan->fields[i], at);
    return at;
}

static void element_value(const record *rec, const field *f, const slot *at, typed_value *out)
{
    if (f->wire == WIRE_STRUCT)
        *out = (typed_value){.kind = VALUE_STRUCT, .field = f, .rec = rec, .slots = at};
    else
        value_of(f, (span){rec->payload.at + at->offset, at->len}, out);
}

static void field_value(const record *rec, const field *f, const slot *at, typed_value *out)
{
    if (f->count_form == COUNT_ONE || f->characters) {
        element_value(rec, f, at, out);
        return;
    }
    *out = (typed_value){.kind = VALUE_ARRAY, .field = f, .count = at->len, .rec = rec, .slots = at};
    if (is_packed(f))
        out->count = f->bytes ? at->len / f->bytes : 0;
}

void record_data(const record *rec, typed_value *out)
{
    *out = (typed_value){.kind = rec->plan ? VALUE_STRUCT : VALUE_NULL, .rec = rec, .slots = rec->slots};
}

void record_field(const record *rec, u32 index, typed_value *out)
{
    if (rec->plan && index < rec->top_done)
        field_value(rec, &rec->plan->fields[index], record_slots(rec, index), out);
    else
        *out = (typed_value){.kind = VALUE_NULL};
}

// ---------------------------------------------------------------------------------------------- members, elements

static value_walk elements_of(const typed_value *v)
{
    value_walk w = {.elements = true, .left = v->count};
    if (!v->field && v->hex) {
        w.numbers = v->numbers;
    } else if (!v->field) {
        w.texts = v->texts;
    } else {
        w.rec = v->rec;
        w.next = v->field;
        w.packed = is_packed(v->field) ? v->rec->payload.at + v->slots->offset : NULL;
        w.slots = v->slots + 1; // the first one holds their number
    }
    return w;
}

value_walk value_members(const typed_value *v)
{
    const field *f = v->field;
    if (v->kind == VALUE_ARRAY)
        return elements_of(v);
    if (v->kind != VALUE_STRUCT)
        return (value_walk){0};
    value_walk w = {.rec = v->rec, .slots = v->slots, .top = !f};
    w.next = v->rec->plan->fields + (f ? f->first_member : 0);
    w.end = w.next + (f ? f->member_count : v->rec->top_done);
    return w;
}

static bool next_element(value_walk *w, typed_value *out)
{
    if (!w->left)
        return false;
    w->left--;
    if (w->packed) {
        value_of(w->next, (span){w->packed, w->next->bytes}, out);
        w->packed += w->next->bytes;
    } else if (w->next) {
        element_value(w->rec, w->next, w->slots, out);
        w->slots += element_slots(w->rec->plan, w->next, w->slots);
    } else if (w->texts) {
        const char *text = *w->texts++;
        *out = (typed_value){.kind = VALUE_TEXT, .encoding = TEXT_UTF8, .bytes = {(const u8 *)text, strlen(text)}};
    } else {
        *out = (typed_value){.kind = VALUE_UNSIGNED, .number = *w->numbers++, .hex = 'X'};
    }
    return true;
}

static bool next_member(value_walk *w, typed_value *out)
{
    while (w->next != w->end) {
        const field *f = w->next++;
        const slot *at = w->slots;
        w->slots += field_slots(w->rec->plan, f, at);
        if (w->top ? f->silent : f->hidden)
            continue;
        field_value(w->rec, f, at, out);
        return true;
    }
    return false;
}

bool value_next(value_walk *w, typed_value *out)
{
    return w->elements ? next_element(w, out) : next_member(w, out);
}

// ---------------------------------------------------------------------------------------------- paths

enum { SLOTS_VARY = -1 };

// Slots of a field whatever the payload.
static i32 fixed_slots(const plan *p, const field *f)
{
    if (f->count_form != COUNT_ONE)
        return is_packed(f) ? 1 : SLOTS_VARY;
    if (f->wire != WIRE_STRUCT)
        return 1;
    i32 slots = 0;
    for (u32 i = 0; i < f->member_count; i++) {
        i32 more = fixed_slots(p, &p->fields[f->first_member + i]);
        if (more == SLOTS_VARY)
            return SLOTS_VARY;
        slots += more;
    }
    return slots;
}

// The longest name among siblings that `text` begins with, up to its end or a dot; the latter for structs alone.
static bool find_sibling(const plan *p, u32 first, u32 count, const char *text, u32 *index, size_t *len)
{
    bool found = false;
    for (u32 i = first; i < first + count; i++) {
        const field *f = &p->fields[i];
        size_t name = strlen(f->name);
        if (strncmp(text, f->name, name) != 0 || (text[name] && (text[name] != '.' || f->wire != WIRE_STRUCT)))
            continue;
        if (found && name <= *len)
            continue;
        found = true;
        *index = i;
        *len = name;
    }
    return found;
}

// One step down the path, to field `index` of siblings that begin at `first`.
static void path_step(const plan *p, u32 first, u32 index, value_path *out)
{
    if (out->depth)
        out->has_place &= p->fields[out->fields[out->depth - 1]].count_form == COUNT_ONE;
    for (u32 i = first; i < index; i++) {
        i32 slots = fixed_slots(p, &p->fields[i]);
        out->has_place &= slots != SLOTS_VARY;
        out->place += (u32)slots;
    }
    out->fields[out->depth++] = (u16)index;
    out->repeats |= p->fields[index].count_form != COUNT_ONE;
}

bool value_path_find(const plan *p, const char *text, value_path *out)
{
    u32 first = 0, count = p->top_count, index;
    size_t len = 0;
    *out = (value_path){.has_place = true};
    while (out->depth <= LIMIT_NESTING && find_sibling(p, first, count, text, &index, &len)) {
        path_step(p, first, index, out);
        if (!text[len])
            return true;
        text += len + 1;
        first = p->fields[index].first_member;
        count = p->fields[index].member_count;
    }
    return false;
}

static bool each_leaf(const plan *p, u32 first, u32 count, const value_path *above, value_leaf *visit, void *context)
{
    bool more = true;
    for (u32 i = first; i < first + count && more; i++) {
        const field *f = &p->fields[i];
        value_path path = *above;
        if ((above->depth ? f->hidden : f->silent) || path.depth > LIMIT_NESTING)
            continue;
        path_step(p, first, i, &path);
        if (f->wire == WIRE_STRUCT && f->count_form == COUNT_ONE)
            more = each_leaf(p, f->first_member, f->member_count, &path, visit, context);
        else
            more = visit(context, p, &path);
    }
    return more;
}

void value_each_leaf(const plan *p, value_leaf *visit, void *context)
{
    const value_path top = {.has_place = true};
    (void)each_leaf(p, 0, p->top_count, &top, visit, context);
}

// Where a member of the struct whose members begin at `at` has its slots.
static const slot *member_slots(const plan *p, const field *structure, const slot *at, u32 member)
{
    for (u32 i = structure->first_member; i < member; i++)
        at += field_slots(p, &p->fields[i], at);
    return at;
}

void value_at(const record *rec, const value_path *path, typed_value *out)
{
    *out = (typed_value){.kind = VALUE_NULL};
    if (!rec->plan || path->fields[0] >= rec->top_done)
        return;
    const plan *p = rec->plan;
    const field *f = &p->fields[path->fields[path->depth - 1]];
    if (path->has_place) {
        field_value(rec, f, rec->slots + path->place, out);
        return;
    }
    const slot *at = record_slots(rec, path->fields[0]);
    for (u32 i = 1; i < path->depth; i++) {
        const field *structure = &p->fields[path->fields[i - 1]];
        if (structure->count_form != COUNT_ONE)
            return;
        at = member_slots(p, structure, at, path->fields[i]);
    }
    field_value(rec, f, at, out);
}

void record_value(const record *rec, const char *path, typed_value *out)
{
    value_path found;
    if (rec->plan && value_path_find(rec->plan, path, &found))
        value_at(rec, &found, out);
    else
        *out = (typed_value){.kind = VALUE_NULL};
}

typedef struct search {
    const value_path *path;
    value_visit *visit;
    void *context;
} search;

// Among the values of the path's field `depth`, of which `v` is one or holds all.
static bool any_value(const search *s, u32 depth, const typed_value *v)
{
    typed_value inner;
    if (v->kind == VALUE_ARRAY) {
        for (value_walk w = value_members(v); value_next(&w, &inner);)
            if (any_value(s, depth, &inner))
                return true;
        return false;
    }
    if (depth + 1 == s->path->depth)
        return s->visit(s->context, v);
    const plan *p = v->rec->plan;
    u32 member = s->path->fields[depth + 1];
    field_value(v->rec, &p->fields[member], member_slots(p, v->field, v->slots, member), &inner);
    return any_value(s, depth + 1, &inner);
}

bool value_any(const record *rec, const value_path *path, value_visit *visit, void *context)
{
    typed_value v;
    record_field(rec, path->fields[0], &v);
    return v.kind == VALUE_NULL ? visit(context, &v) : any_value(&(search){path, visit, context}, 0, &v);
}
