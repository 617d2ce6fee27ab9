// Finding the bytes of one property in a decoded payload, for TdhGetProperty.
//
// The decoder has proven every slot; this walks slots in field order, as the renderer does, and widens each value by
// what belongs to it on the wire (a length in front, a terminator after it), so that the caller gets what was logged.
#include "winapi/tdh_internal.h"

#include "base/limits.h"

typedef struct extent {
    u32 from, to;
    u32 missing; // bytes of a terminator that the payload's end cut off
    bool any;    // false: no value yet
} extent;

typedef struct walk {
    const plan *plan;
    span payload;
    const slot *next, *end;
} walk;

static const u32 WHOLE = UINT32_MAX; // ArrayIndex: all of it

static void extent_add(extent *x, extent more)
{
    if (!x->any || more.from < x->from)
        x->from = more.from;
    if (!x->any || more.to > x->to)
        x->to = more.to;
    x->missing += more.missing;
    x->any = true;
}

// A value with what belongs to it: wire_form of decode/plan.h.
static extent value_extent(const walk *w, const field *f, const slot *s)
{
    u32 from = s->offset, to = s->offset + s->len, missing = 0;
    size_t left = w->payload.len - to;
    switch ((wire_form)f->wire) {
    case WIRE_UTF16:
        missing = left < 2 ? 2 : 0;
        to += 2 - missing;
        break;
    case WIRE_ANSI:
        missing = left < 1 ? 1 : 0;
        to += 1 - missing;
        break;
    case WIRE_COUNTED:
    case WIRE_COUNTED_BE:
        from -= 2;
        break;
    case WIRE_COUNTED32:
        from -= 4;
        break;
    case WIRE_WBEM_SID:
        if (s->len)
            from -= w->plan->is_64_bit ? 16 : 8;
        else
            to += 4;
        break;
    case WIRE_FIXED:
    case WIRE_BY_FIELD:
    case WIRE_SID:
    case WIRE_REST:
    case WIRE_UNKNOWN:
    case WIRE_STRUCT:
        break;
    }
    return (extent){from, to, missing, true};
}

static bool walk_field(walk *w, u32 index, u32 depth, extent *x);

// One element (or the only one) of a field.
static bool walk_one(walk *w, u32 index, u32 depth, extent *x)
{
    const field *f = &w->plan->fields[index];
    if (f->wire != WIRE_STRUCT) {
        if (w->next >= w->end)
            return false;
        extent_add(x, value_extent(w, f, w->next++));
        return true;
    }
    if (depth > LIMIT_NESTING)
        return false;
    for (u32 i = 0; i < f->member_count; i++)
        if (!walk_field(w, f->first_member + i, depth + 1, x))
            return false;
    return true;
}

// Enters an array: how many elements it has, and for those of fixed size where they all stand (then no more slots are
// its own).
static bool walk_array(walk *w, const field *f, u32 *count, extent *fixed)
{
    if (w->next >= w->end)
        return false;
    const slot *head = w->next++;
    *fixed = (extent){0};
    if (f->wire == WIRE_FIXED) {
        *fixed = (extent){head->offset, head->offset + head->len, 0, true};
        *count = f->bytes ? head->len / f->bytes : 0;
    } else {
        *count = head->len;
    }
    return true;
}

static bool walk_field(walk *w, u32 index, u32 depth, extent *x)
{
    const field *f = &w->plan->fields[index];
    if (f->count_form == COUNT_ONE)
        return walk_one(w, index, depth, x);
    u32 count;
    extent fixed;
    if (!walk_array(w, f, &count, &fixed))
        return false;
    if (fixed.any) {
        extent_add(x, fixed);
        return true;
    }
    for (u32 i = 0; i < count; i++)
        if (!walk_one(w, index, depth, x))
            return false;
    return true;
}

// ---------------------------------------------------------------------------------------------- paths

static bool same_name(const char *utf8, const WCHAR *name)
{
    // Names are short; both sides are compared as UTF-8.
    char *text = wide_utf8(name);
    bool same = strcmp(text, utf8) == 0;
    mem_free(text);
    return same;
}

// The field of that name among siblings; the schema's own name first, the unique one of a repeated name after it.
static bool field_named(const plan *p, u32 first, u32 count, const WCHAR *name, u32 *index)
{
    for (u32 i = first; i < first + count; i++) {
        if (same_name(p->schema->properties[i].name, name)) {
            *index = i;
            return true;
        }
    }
    for (u32 i = first; i < first + count; i++) {
        if (p->fields[i].name && same_name(p->fields[i].name, name)) {
            *index = i;
            return true;
        }
    }
    return false;
}

// Puts the walk at element `wanted` of an array; fixed elements are told by *x and end the path.
static TDHSTATUS enter_element(walk *w, u32 index, u32 depth, u32 wanted, extent *x)
{
    const field *f = &w->plan->fields[index];
    u32 count;
    extent fixed;
    *x = (extent){0};
    if (!walk_array(w, f, &count, &fixed))
        return ERROR_EVT_INVALID_EVENT_DATA;
    if (wanted >= count)
        return ERROR_INVALID_PARAMETER;
    if (fixed.any) {
        u32 from = fixed.from + wanted * f->bytes;
        *x = (extent){from, from + f->bytes, 0, true};
        return ERROR_SUCCESS;
    }
    extent before = {0};
    for (u32 i = 0; i < wanted; i++)
        if (!walk_one(w, index, depth, &before))
            return ERROR_EVT_INVALID_EVENT_DATA;
    return ERROR_SUCCESS;
}

static TDHSTATUS finish(walk *w, u32 index, u32 depth, u32 wanted, extent *x)
{
    const field *f = &w->plan->fields[index];
    *x = (extent){0};
    if (wanted == WHOLE || (f->count_form == COUNT_ONE && wanted == 0))
        return walk_field(w, index, depth, x) ? ERROR_SUCCESS : ERROR_EVT_INVALID_EVENT_DATA;
    if (f->count_form == COUNT_ONE)
        return ERROR_INVALID_PARAMETER;
    TDHSTATUS status = enter_element(w, index, depth, wanted, x);
    if (status == ERROR_SUCCESS && !x->any && !walk_one(w, index, depth, x))
        return ERROR_EVT_INVALID_EVENT_DATA;
    return status;
}

TDHSTATUS tdh_locate(const plan *layout, const decoded *at, span payload, u32 count,
                     const PROPERTY_DATA_DESCRIPTOR *path, span *out, u32 *missing)
{
    walk w = {layout, payload, at->slots, at->slots + at->slot_count};
    u32 first = 0, siblings = layout->top_count;
    extent x = {0};
    for (u32 depth = 0; depth < count; depth++) {
        const WCHAR *name = (const WCHAR *)(uintptr_t)path[depth].PropertyName;
        u32 index, wanted = path[depth].ArrayIndex;
        if (!name || depth > LIMIT_NESTING)
            return ERROR_INVALID_PARAMETER;
        if (!field_named(layout, first, siblings, name, &index))
            return ERROR_NOT_FOUND;
        for (u32 i = first; i < index; i++)
            if ((depth == 0 && i >= at->top_done) || !walk_field(&w, i, depth, &x))
                return ERROR_EVT_INVALID_EVENT_DATA;
        if (depth == 0 && index >= at->top_done)
            return ERROR_EVT_INVALID_EVENT_DATA;
        const field *f = &layout->fields[index];
        if (depth + 1 == count) {
            TDHSTATUS status = finish(&w, index, depth, wanted, &x);
            *out = x.any ? (span){payload.at + x.from, x.to - x.from} : (span){payload.at, 0};
            *missing = x.missing;
            return status;
        }
        if (f->wire != WIRE_STRUCT)
            return ERROR_NOT_FOUND;
        if (f->count_form != COUNT_ONE) {
            TDHSTATUS status = enter_element(&w, index, depth, wanted == WHOLE ? 0 : wanted, &x);
            if (status != ERROR_SUCCESS)
                return status;
        }
        first = f->first_member;
        siblings = f->member_count;
    }
    return ERROR_INVALID_PARAMETER;
}

u32 tdh_count_rest(const plan *layout, const decoded *at, span payload, u32 index, u32 *bytes)
{
    walk w = {layout, payload, at->slots, at->slots + at->slot_count};
    extent x = {0};
    *bytes = 0;
    if (index >= at->top_done)
        return 0;
    for (u32 i = 0; i < index; i++)
        if (!walk_field(&w, i, 0, &x))
            return 0;
    *bytes = (u32)payload.len - x.to;
    u32 count = 0;
    if (layout->fields[index].count_form == COUNT_ONE)
        return 1;
    return walk_array(&w, &layout->fields[index], &count, &x) ? count : 0;
}
