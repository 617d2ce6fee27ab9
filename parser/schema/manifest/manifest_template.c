// A manifest's <template> as properties: types, lengths and counts, structs flattened the way TDH numbers them.
//
// The top level comes first in the property array, then the members of each struct in the order the structs stand, so
// members always have a higher index than their struct. Names in length= and count= are looked for among the members
// before the field, then before the struct that holds it, and so on outwards.
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/limits.h"
#include "schema/manifest/manifest.h"

enum { TOP = -1 };

typedef struct slot {
    const manifest_node *node;
    const char *name;
    u32 hash;
    i32 parent;            // slot of the struct it is a member of, or TOP
    u32 first_of_siblings; // slot
} slot;

typedef struct layout {
    const manifest_target *to;
    const char *tid;
    const manifest_index *maps;
    arena *keep;
    slot *slots;
    property *properties;
    u32 count, top_count;
    bool quiet; // the second time: everything was noted already
} layout;

// Types that are no manifest types but stand in manifests which tools made: PerfView's names of counted strings, and
// the trace: types of the kernel's MOF classes.
static const struct {
    const char *name;
    u16 in, out, length;
} OTHER_TYPES[] = {
    {"CountedUtf16String", IN_COUNTED_STRING, OUT_STRING, 0},
    {"CountedMbcsString", IN_COUNTED_ANSI_STRING, OUT_STRING, 0},
    {"CountedString", IN_COUNTED_STRING, OUT_STRING, 0},
    {"UnicodeChar", IN_UNICODE_CHAR, OUT_STRING, 0},
    {"AnsiChar", IN_ANSI_CHAR, OUT_STRING, 0},
    {"SizeT", IN_SIZE_T, OUT_HEX_INT64, 0},
    {"Port", IN_UINT16, OUT_PORT, 0},
    {"IPAddr", IN_UINT32, OUT_IPV4, 0},
    {"IPAddrV4", IN_UINT32, OUT_IPV4, 0},
    {"IPAddrV6", IN_BINARY, OUT_IPV6, 16},
    {"WBEMSid", IN_WBEM_SID, OUT_STRING, 0},
    {"WmiTime", IN_UINT64, OUT_ETW_TIME, 0},
};

static u32 hash_of(const char *name)
{
    u32 h = 2166136261u;
    for (; *name; name++)
        h = (h ^ (u8)*name) * 16777619u;
    return h;
}

static bool is_field(const manifest_node *n)
{
    return n->tag == TAG_DATA || n->tag == TAG_STRUCT;
}

static void PRINTF_LIKE(3, 4) layout_note(const layout *l, const slot *s, const char *format, ...)
{
    if (l->quiet)
        return;
    char text[320];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    manifest_note(l->to, s->node->line, "template %.80s: field %.80s: %s", l->tid, s->name, text);
}

// ---------------------------------------------------------------------------------------------- shape

static bool add_slots(layout *l, const manifest_node *of, i32 parent, u32 limit)
{
    u32 first = l->count, taken = 0;
    for (const manifest_node *n = of->first; n && taken < limit; n = n->next) {
        if (!is_field(n) || (n->tag == TAG_STRUCT && !manifest_child(n, TAG_DATA) && !manifest_child(n, TAG_STRUCT)))
            continue;
        if (l->count >= LIMIT_PROPERTIES) {
            if (!l->quiet)
                manifest_note(l->to, of->line, "template %.80s has more than %d fields; it is left out", l->tid,
                              LIMIT_PROPERTIES);
            return false;
        }
        const char *name = manifest_attr(n, ATTR_NAME);
        slot *s = &l->slots[l->count++];
        *s = (slot){n, name ? name : "", hash_of(name ? name : ""), parent, first};
        taken++;
    }
    return true;
}

static u32 depth_of(const layout *l, u32 at)
{
    u32 depth = 1;
    for (; l->slots[at].parent != TOP; at = (u32)l->slots[at].parent)
        depth++;
    return depth;
}

// Fills slots with the first `top_limit` fields of the template and all their members.
static bool lay_out(layout *l, const manifest_node *template_node, u32 top_limit)
{
    l->count = 0;
    if (!add_slots(l, template_node, TOP, top_limit))
        return false;
    l->top_count = l->count;
    for (u32 i = 0; i < l->count; i++) {
        if (l->slots[i].node->tag != TAG_STRUCT)
            continue;
        if (depth_of(l, i) >= LIMIT_NESTING) {
            layout_note(l, &l->slots[i], "structs nest deeper than %d; the template is left out", LIMIT_NESTING);
            return false;
        }
        u32 start = l->count;
        if (!add_slots(l, l->slots[i].node, (i32)i, UINT32_MAX))
            return false;
        l->properties[i].struct_start = (u16)start;
        l->properties[i].struct_members = (u16)(l->count - start);
    }
    return true;
}

// ---------------------------------------------------------------------------------------------- fields

// Dump tools take the blanks out of field names but leave them in references.
static bool same_but_blanks(const char *name, const char *wanted)
{
    for (; *wanted; wanted++) {
        if (*wanted == ' ')
            continue;
        if (*name++ != *wanted)
            return false;
    }
    return !*name;
}

static i32 find_named(const layout *l, u32 at, const char *wanted)
{
    u32 hash = hash_of(wanted);
    bool blanks = strchr(wanted, ' ') != NULL;
    for (i32 own = (i32)at; own != TOP; own = l->slots[own].parent) {
        for (u32 i = (u32)own; i-- > l->slots[own].first_of_siblings;) {
            const slot *s = &l->slots[i];
            if ((s->hash == hash && strcmp(s->name, wanted) == 0) || (blanks && same_but_blanks(s->name, wanted)))
                return (i32)i;
        }
    }
    return TOP;
}

static bool is_integer(const property *p)
{
    return !(p->flags & PROP_STRUCT) &&
           ((p->in_type >= IN_INT8 && p->in_type <= IN_UINT64) || p->in_type == IN_BOOLEAN ||
            p->in_type == IN_POINTER || p->in_type == IN_HEX_INT32 || p->in_type == IN_HEX_INT64 ||
            p->in_type == IN_SIZE_T);
}

// length= and count=: a number, or the name of an integer field in front.
static bool read_extent(layout *l, u32 at, manifest_attribute id, u32 fixed, u32 by_field, u16 *out)
{
    const slot *s = &l->slots[at];
    const char *text = manifest_attr(s->node, id), *what = id == ATTR_LENGTH ? "length" : "count";
    property *p = &l->properties[at];
    u64 number = 0;
    if (!text || !*text)
        return true;
    if (manifest_number(text, &number)) {
        if (number > UINT16_MAX) {
            layout_note(l, s, "%s %.40s is over the limit of 65535", what, text);
            return false;
        }
        p->flags |= fixed;
        *out = (u16)number;
        return true;
    }
    i32 field = find_named(l, at, text);
    if (field == TOP || !is_integer(&l->properties[field])) {
        layout_note(l, s, "its %s names %.80s, which is no integer field before it", what, text);
        return false;
    }
    p->flags |= by_field;
    *out = (u16)field;
    return true;
}

static bool read_in_type(layout *l, u32 at)
{
    const slot *s = &l->slots[at];
    const char *written = manifest_attr(s->node, ATTR_IN_TYPE);
    property *p = &l->properties[at];
    char name[64];
    size_t len = 0;
    for (const char *c = written ? written : ""; *c && len < sizeof(name) - 1; c++)
        if (*c != ' ')
            name[len++] = *c;
    name[len] = 0;
    if (in_type_from_name(name, &p->in_type)) {
        p->out_type = in_type_find(p->in_type)->default_out;
        if (p->in_type != IN_STRUCT)
            return true;
    }
    const char *colon = strchr(name, ':');
    for (size_t i = 0; i < COUNT_OF(OTHER_TYPES); i++) {
        if (strcasecmp(OTHER_TYPES[i].name, colon ? colon + 1 : name) == 0) {
            p->in_type = OTHER_TYPES[i].in;
            p->out_type = OTHER_TYPES[i].out;
            p->length = OTHER_TYPES[i].length;
            p->flags |= p->length ? PROP_FIXED_LENGTH : 0;
            return true;
        }
    }
    layout_note(l, s, "unknown inType %.60s", written ? written : "(missing)");
    return false;
}

static void read_out_type(layout *l, u32 at)
{
    const slot *s = &l->slots[at];
    const char *written = manifest_attr(s->node, ATTR_OUT_TYPE);
    u16 out = 0;
    if (!written || !*written)
        return;
    if (out_type_from_name(written, &out))
        l->properties[at].out_type = out;
    else
        layout_note(l, s, "unknown outType %.60s", written);
}

static void read_map(layout *l, u32 at)
{
    const slot *s = &l->slots[at];
    const char *name = manifest_attr(s->node, ATTR_MAP);
    if (!name || !*name)
        return;
    const struct manifest_entry *entry = manifest_index_find(l->maps, name);
    if (entry)
        l->properties[at].map = entry->value;
    else
        layout_note(l, s, "there is no map %.80s", name);
}

// An array of characters is one string of fixed length.
static void characters_to_string(property *p)
{
    if ((p->in_type != IN_UNICODE_CHAR && p->in_type != IN_ANSI_CHAR) || !(p->flags & PROP_FIXED_COUNT))
        return;
    p->in_type = p->in_type == IN_UNICODE_CHAR ? IN_UNICODE_STRING : IN_ANSI_STRING;
    p->flags = (p->flags & ~(u32)PROP_FIXED_COUNT) | PROP_FIXED_LENGTH;
    p->length = p->count;
    p->count = 1;
}

static bool read_field(layout *l, u32 at)
{
    const slot *s = &l->slots[at];
    property *p = &l->properties[at];
    u64 tags = 0;
    p->name = manifest_keep(l->keep, s->name, LIMIT_NAME_BYTES);
    p->count = 1;
    if (!p->name)
        p->name = "";
    const char *tag_text = manifest_attr(s->node, ATTR_TAGS);
    if (tag_text && manifest_number(tag_text, &tags) && tags <= UINT32_MAX) {
        p->flags |= PROP_HAS_TAGS;
        p->tags = (u32)tags;
    }
    if (!read_extent(l, at, ATTR_COUNT, PROP_FIXED_COUNT, PROP_PARAM_COUNT, &p->count))
        return false;
    if (s->node->tag == TAG_STRUCT) {
        p->flags |= PROP_STRUCT;
        if (!p->struct_members)
            layout_note(l, s, "a struct without members");
        return p->struct_members > 0;
    }
    if (!read_in_type(l, at) || !read_extent(l, at, ATTR_LENGTH, PROP_FIXED_LENGTH, PROP_PARAM_LENGTH, &p->length))
        return false;
    read_out_type(l, at);
    read_map(l, at);
    characters_to_string(p);
    return true;
}

// The first top-level field that cannot be located or holds one that cannot; top_count where all is well.
static u32 read_fields(layout *l)
{
    u32 cut = l->top_count;
    for (u32 i = 0; i < l->count; i++) {
        if (read_field(l, i))
            continue;
        u32 top = i;
        while (l->slots[top].parent != TOP)
            top = (u32)l->slots[top].parent;
        cut = top < cut ? top : cut;
    }
    return cut;
}

static u32 fields_below(const manifest_node *node)
{
    u32 count = 0;
    for (const manifest_node *n = node->first; n && count <= LIMIT_PROPERTIES;) {
        count += is_field(n);
        if (n->first) {
            n = n->first;
            continue;
        }
        while (n != node && !n->next)
            n = n->parent;
        n = n == node ? NULL : n->next;
    }
    return count < LIMIT_PROPERTIES ? count : LIMIT_PROPERTIES;
}

manifest_layout manifest_layout_of(const manifest_target *to, const manifest_node *template_node,
                                   const manifest_index *maps, arena *scratch)
{
    u32 capacity = fields_below(template_node);
    const char *tid = manifest_attr(template_node, ATTR_TID);
    layout l = {.to = to, .tid = tid ? tid : "", .maps = maps, .keep = schema_arena(to->set)};
    if (!capacity)
        return (manifest_layout){0};
    l.slots = arena_array(scratch, slot, capacity);
    l.properties = arena_array(l.keep, property, capacity);
    if (!lay_out(&l, template_node, UINT32_MAX))
        return (manifest_layout){0};
    u32 cut = read_fields(&l);
    if (cut < l.top_count) {
        l.quiet = true;
        memset(l.properties, 0, capacity * sizeof(*l.properties));
        if (!lay_out(&l, template_node, cut) || read_fields(&l) < l.top_count)
            return (manifest_layout){0};
    }
    return (manifest_layout){l.properties, (u16)l.count, (u16)l.top_count};
}
