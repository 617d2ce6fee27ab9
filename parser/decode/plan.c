#include "decode/plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/map.h"
#include "base/outbuf.h"
#include "base/text.h"
#include "base/text_put.h"
#include "decode/local_time.h"
#include "decode/plan_message.h"

// The values of a map in the width of a field: made once for all fields of a schema.
typedef struct fitting {
    const value_map *from, *fitted;
    u32 bytes;
    bool is_signed;
    u32 bound; // for one value as text
} fitting;

typedef struct compiler {
    arena *arena;
    const event_schema *schema;
    field *fields;
    fitting *fittings;
    u32 fitting_count, fitting_cap;
    bool is_64_bit, has_pointer;
} compiler;

// ---------------------------------------------------------------------------------------------- one field

static bool is_signed(u16 in)
{
    return in == IN_INT8 || in == IN_INT16 || in == IN_INT32 || in == IN_INT64;
}

static show_form integer_show(u16 in, u16 out)
{
    switch (out) {
    case OUT_HEX_INT8:
    case OUT_HEX_INT16:
    case OUT_HEX_INT32:
    case OUT_HEX_INT64:
    case OUT_ERROR_CODE:
    case OUT_CODE_POINTER:
        return SHOW_HEX;
    case OUT_BOOLEAN:
        return SHOW_BOOL;
    case OUT_PORT:
        return SHOW_PORT;
    case OUT_IPV4:
        return SHOW_IPV4;
    case OUT_WIN32_ERROR:
        return SHOW_WIN32_ERROR;
    case OUT_NTSTATUS:
        return SHOW_NTSTATUS;
    case OUT_HRESULT:
        return SHOW_HRESULT;
    case OUT_DATETIME:
    case OUT_DATETIME_UTC:
    case OUT_DATETIME_CULTURE_INSENSITIVE:
        return in == IN_INT64 || in == IN_UINT64 ? SHOW_FILETIME : SHOW_UNSIGNED;
    case OUT_STRING:
        if (in == IN_UINT8 || in == IN_INT8)
            return SHOW_CHAR8;
        if (in == IN_UINT16 || in == IN_INT16)
            return SHOW_CHAR16;
        break;
    case OUT_BYTE:
    case OUT_SHORT:
    case OUT_INT:
    case OUT_LONG:
        return SHOW_SIGNED;
    case OUT_UNSIGNED_BYTE:
    case OUT_UNSIGNED_SHORT:
    case OUT_UNSIGNED_INT:
    case OUT_UNSIGNED_LONG:
        return SHOW_UNSIGNED;
    default:
        break;
    }
    return is_signed(in) ? SHOW_SIGNED : SHOW_UNSIGNED;
}

static show_form string_show(bool utf16, u16 out)
{
    if (utf16)
        return SHOW_UTF16;
    return out == OUT_UTF8 || out == OUT_XML || out == OUT_JSON ? SHOW_UTF8 : SHOW_ANSI;
}

static show_form binary_show(u16 out)
{
    return out == OUT_IPV6 ? SHOW_IPV6 : out == OUT_SOCKET_ADDRESS ? SHOW_SOCKADDR : SHOW_BYTES;
}

// Combinations of in and out type that do not exist fall back to the in type's own form, as TDH does.
static show_form show_of(u16 in, u16 out)
{
    if (out == OUT_NO_PRINT)
        return SHOW_NOTHING;
    switch ((in_type)in) {
    case IN_NULL:
    case IN_STRUCT:
        return SHOW_NOTHING;
    case IN_UNICODE_STRING:
    case IN_COUNTED_STRING:
    case IN_MOF_COUNTED_STRING:
    case IN_REVERSED_COUNTED_STRING:
    case IN_REST_STRING:
        return string_show(true, out);
    case IN_ANSI_STRING:
    case IN_COUNTED_ANSI_STRING:
    case IN_MOF_COUNTED_ANSI_STRING:
    case IN_REVERSED_COUNTED_ANSI_STRING:
    case IN_REST_ANSI_STRING:
        return string_show(false, out);
    case IN_INT8:
    case IN_UINT8:
    case IN_INT16:
    case IN_UINT16:
    case IN_INT32:
    case IN_UINT32:
    case IN_INT64:
    case IN_UINT64:
        return integer_show(in, out);
    case IN_HEX_INT32:
        return out == OUT_WIN32_ERROR || out == OUT_NTSTATUS || out == OUT_HRESULT ? integer_show(in, out) : SHOW_HEX;
    case IN_HEX_INT64:
    case IN_POINTER:
    case IN_SIZE_T:
        return SHOW_HEX;
    case IN_FLOAT:
        return SHOW_F32;
    case IN_DOUBLE:
        return SHOW_F64;
    case IN_BOOLEAN:
        return SHOW_BOOL;
    case IN_BINARY:
    case IN_COUNTED_BINARY:
    case IN_HEX_DUMP:
        return binary_show(out);
    case IN_GUID:
        return SHOW_GUID;
    case IN_FILETIME:
        return SHOW_FILETIME;
    case IN_SYSTEMTIME:
        return SHOW_SYSTEMTIME;
    case IN_SID:
    case IN_WBEM_SID:
        return SHOW_SID;
    case IN_UNICODE_CHAR:
        return SHOW_CHAR16;
    case IN_ANSI_CHAR:
        return SHOW_CHAR8;
    }
    return SHOW_NOTHING;
}

static bool in_type_is_utf16(u16 in)
{
    return in == IN_UNICODE_STRING || in == IN_REST_STRING || in == IN_COUNTED_STRING || in == IN_MOF_COUNTED_STRING;
}

static bool takes_length(u16 in)
{
    return in == IN_UNICODE_STRING || in == IN_ANSI_STRING || in == IN_BINARY || in == IN_REST_STRING ||
           in == IN_REST_ANSI_STRING;
}

// In types of variable size without an explicit length.
static void own_length(field *f, u16 in, u16 out)
{
    switch ((in_type)in) {
    case IN_UNICODE_STRING:
        f->wire = WIRE_UTF16;
        break;
    case IN_ANSI_STRING:
        f->wire = WIRE_ANSI;
        break;
    case IN_BINARY:
        f->wire = out == OUT_IPV6 ? WIRE_FIXED : WIRE_UNKNOWN;
        f->bytes = out == OUT_IPV6 ? 16 : 0;
        break;
    case IN_SID:
        f->wire = WIRE_SID;
        break;
    case IN_WBEM_SID:
        f->wire = WIRE_WBEM_SID;
        break;
    case IN_COUNTED_BINARY:
        f->wire = WIRE_COUNTED;
        break;
    case IN_COUNTED_STRING:
    case IN_COUNTED_ANSI_STRING:
    case IN_MOF_COUNTED_STRING:
    case IN_MOF_COUNTED_ANSI_STRING:
        f->wire = WIRE_COUNTED;
        f->text_end = END_TRIMMED;
        break;
    case IN_REVERSED_COUNTED_STRING:
    case IN_REVERSED_COUNTED_ANSI_STRING:
        f->wire = WIRE_COUNTED_BE;
        f->text_end = END_TRIMMED;
        break;
    case IN_HEX_DUMP:
        f->wire = WIRE_COUNTED32;
        break;
    case IN_REST_STRING:
    case IN_REST_ANSI_STRING:
        f->wire = WIRE_REST;
        break;
    default: // Null, and whatever has a size of its own
        f->wire = WIRE_FIXED;
        f->bytes = 0;
        break;
    }
}

static void compile_size(compiler *c, const property *p, field *f)
{
    const in_type_facts *facts = in_type_find(p->in_type);
    if (p->in_type == IN_BINARY && f->count_form == COUNT_REST) {
        f->count_form = COUNT_ONE;
        f->wire = WIRE_REST;
        return;
    }
    f->unit = in_type_is_utf16(p->in_type) ? 2 : 1;
    f->alignment = f->unit;
    if (facts->bytes != 0) {
        f->wire = WIRE_FIXED;
        f->bytes = facts->bytes > 0 ? (u16)facts->bytes : c->is_64_bit ? 8 : 4;
        f->alignment = in_type_alignment(p->in_type, f->bytes);
        c->has_pointer |= facts->bytes < 0;
    } else if (takes_length(p->in_type) && (p->flags & PROP_PARAM_LENGTH)) {
        f->wire = WIRE_BY_FIELD;
        f->length_field = p->length;
        f->text_end = END_TRIMMED;
    } else if (takes_length(p->in_type) && (p->length || (p->flags & PROP_FIXED_LENGTH))) {
        f->wire = WIRE_FIXED;
        u32 bytes = (u32)p->length * f->unit;
        f->bytes = (u16)(bytes > UINT16_MAX ? UINT16_MAX : bytes);
        f->text_end = END_FIRST_NUL;
        c->has_pointer |= (p->flags & PROP_64_BIT_ONLY) != 0;
        if ((p->flags & PROP_64_BIT_ONLY) && !c->is_64_bit)
            f->bytes = 0;
    } else {
        own_length(f, p->in_type, p->out_type);
        c->has_pointer |= p->in_type == IN_WBEM_SID;
    }
}

static bool map_applies(const property *p)
{
    switch (p->in_type) {
    case IN_INT8:
    case IN_UINT8:
    case IN_INT16:
    case IN_UINT16:
    case IN_INT32:
    case IN_UINT32:
    case IN_INT64:
    case IN_UINT64:
    case IN_HEX_INT32:
    case IN_HEX_INT64:
    case IN_BOOLEAN:
        return p->map && p->map->count;
    default:
        return false;
    }
}

static u32 at_most(u64 text)
{
    return text > LIMIT_RECORD_TEXT ? LIMIT_RECORD_TEXT + 1 : (u32)text;
}

// All names of a bit map may be in one value.
static u32 map_bound(const value_map *names)
{
    u64 longest = 0, all = 0;
    for (u32 i = 0; i < names->count; i++) {
        u64 len = (u64)strlen(names->entries[i].text) * 6 + 1;
        longest = len > longest ? len : longest;
        all += len;
    }
    return at_most(names->is_bitmap ? all : longest);
}

static const fitting *fitting_of(compiler *c, const value_map *from, u32 bytes, bool is_signed)
{
    for (u32 i = 0; i < c->fitting_count; i++) {
        const fitting *f = &c->fittings[i];
        if (f->from == from && f->bytes == bytes && f->is_signed == is_signed)
            return f;
    }
    GROW(c->fittings, c->fitting_count, c->fitting_cap);
    fitting *made = &c->fittings[c->fitting_count++];
    *made = (fitting){from, value_map_fitted(c->arena, from, bytes, is_signed), bytes, is_signed, 0};
    made->bound = map_bound(made->fitted);
    return made;
}

static void compile_count(const property *p, field *f)
{
    f->count = p->count;
    if (p->flags & PROP_PARAM_COUNT)
        f->count_form = COUNT_BY_FIELD;
    else if (p->flags & PROP_COUNT_INLINE)
        f->count_form = COUNT_INLINE;
    else if (p->flags & PROP_COUNT_REST)
        f->count_form = COUNT_REST;
    else if ((p->flags & PROP_FIXED_COUNT) || p->count > 1)
        f->count_form = COUNT_FIXED;
    else
        f->count_form = COUNT_ONE;
}

static u32 value_bound(const field *f, u32 map_text)
{
    enum {
        BOUND_NUMBER = 64, // numbers, GUIDs, times, addresses, with their quotes and what is written beyond them
        BOUND_FLOAT = 400,
        BOUND_SID = 16 + 11 * 256,
    };
    u32 bound = BOUND_NUMBER + map_text;
    if (f->show == SHOW_F32 || f->show == SHOW_F64)
        bound += BOUND_FLOAT;
    return f->show == SHOW_SID ? bound + BOUND_SID : bound;
}

static value_writer writer_of(const field *f)
{
    if (f->show == SHOW_UTF16)
        return f->text_end ? WRITE_BY_SHOW : WRITE_UTF16;
    value_writer first = f->show == SHOW_UNSIGNED ? WRITE_U8
                         : f->show == SHOW_SIGNED ? WRITE_I8
                         : f->show == SHOW_HEX    ? WRITE_HEX8
                                                  : WRITE_BY_SHOW;
    if (first == WRITE_BY_SHOW || f->wire != WIRE_FIXED)
        return WRITE_BY_SHOW;
    switch (f->bytes) {
    case 1:
        return first;
    case 2:
        return first + 1;
    case 4:
        return first + 2;
    case 8:
        return first + 3;
    default:
        return WRITE_BY_SHOW;
    }
}

static void compile_field(compiler *c, u32 at)
{
    const property *p = &c->schema->properties[at];
    field *f = &c->fields[at];
    f->hidden = (p->flags & PROP_HIDDEN) != 0;
    f->in_type = p->in_type;
    f->out_type = p->out_type;
    compile_count(p, f);
    if (p->flags & PROP_STRUCT) {
        f->in_type = IN_STRUCT;
        f->wire = WIRE_STRUCT;
        f->show = SHOW_STRUCT;
        f->first_member = p->struct_start;
        f->member_count = p->struct_members;
        f->silent = f->hidden;
        return;
    }
    compile_size(c, p, f);
    f->show = (u8)show_of(p->in_type, p->out_type ? p->out_type : in_type_find(p->in_type)->default_out);
    f->unmapped = f->show;
    f->local = (f->show == SHOW_FILETIME || f->show == SHOW_SYSTEMTIME) && is_local_time(p->name);
    const fitting *names = map_applies(p) ? fitting_of(c, p->map, f->bytes, is_signed(p->in_type)) : NULL;
    u32 map_text = names ? names->bound : 0;
    if (names && names->fitted->count) {
        f->map = names->fitted;
        f->show = SHOW_MAP;
    }
    f->characters = f->count_form != COUNT_ONE && (f->show == SHOW_CHAR8 || f->show == SHOW_CHAR16);
    if (f->characters)
        f->text_end = f->count_form == COUNT_FIXED ? END_FIRST_NUL : END_TRIMMED;
    f->silent = f->hidden || (f->show == SHOW_NOTHING && f->out_type == OUT_NO_PRINT);
    f->single = f->count_form == COUNT_ONE;
    f->writer = (u8)writer_of(f);
    f->bound = value_bound(f, map_text);
}

plan_text plan_padded(arena *a, const u8 *text, size_t len)
{
    char *copy = arena_take(a, len + TEXT_PADDING);
    if (len)
        memcpy(copy, text, len);
    return (plan_text){copy, (u32)len};
}

static plan_text key_of(arena *a, span name, text_escape escape)
{
    const char *quote = escape == ESCAPE_JSON_CSV ? "\"\"" : "\"";
    u8 *key = mem_alloc(name.len * 6 + 8), *end = put_text(put_char(key, ','), quote);
    end = put_char(put_text(text_utf8_as(end, name, escape), quote), ':');
    plan_text made = plan_padded(a, key, (size_t)(end - key));
    mem_free(key);
    return made;
}

typedef struct siblings {
    const char **names;
    u32 *times; // it was wanted
    map by_name;
} siblings;

static bool is_sibling(const void *names, u32 index, const void *name)
{
    return strcmp(((const char *const *)names)[index], name) == 0;
}

// False: one of them has it.
static bool claim_name(siblings *s, const char *name, u32 *at)
{
    u64 hash = hash_bytes(name, strlen(name));
    *at = map_find(&s->by_name, hash, is_sibling, s->names, name);
    if (*at != MAP_NONE)
        return false;
    *at = s->by_name.count;
    s->names[*at] = name;
    map_add(&s->by_name, hash, *at);
    return true;
}

// As it is shown: two that are cut or mended to the same text are one name.
static const char *shown_name(arena *a, const char *name)
{
    size_t len = strnlen(name, LIMIT_NAME_BYTES);
    u8 *clean = mem_alloc(3 * len + TEXT_PADDING), *end = text_utf8(clean, (span){(const u8 *)name, len});
    bool same = !name[len] && (size_t)(end - clean) == len && memcmp(clean, name, len) == 0;
    const char *shown = same ? name : arena_text_len(a, (const char *)clean, (size_t)(end - clean));
    mem_free(clean);
    return shown;
}

static const char *other_name(compiler *c, siblings *s, const char *name)
{
    u32 first, at;
    (void)claim_name(s, name, &first);
    for (;;) {
        const char *other = arena_format(c->arena, "%s_%u", name, ++s->times[first] + 1);
        if (claim_name(s, other, &at))
            return other;
    }
}

// Names must be unique among siblings, or a JSON object would hold one key twice: later ones get _2, _3 … as far as
// none is called so itself.
static void compile_names(compiler *c, u32 first, u32 count)
{
    siblings s = {.names = mem_zeroed(2 * (size_t)count, sizeof(*s.names)),
                  .times = mem_zeroed(2 * (size_t)count, sizeof(*s.times))};
    u32 at;
    for (u32 i = first; i < first + count; i++) {
        const char *name = shown_name(c->arena, c->schema->properties[i].name);
        c->fields[i].name = claim_name(&s, name, &at) ? name : NULL;
    }
    for (u32 i = first; i < first + count; i++) {
        if (!c->fields[i].name)
            c->fields[i].name = other_name(c, &s, shown_name(c->arena, c->schema->properties[i].name));
        span name = text_span(c->fields[i].name);
        c->fields[i].json_key = key_of(c->arena, name, ESCAPE_JSON);
        c->fields[i].csv_key = key_of(c->arena, name, ESCAPE_JSON_CSV);
    }
    mem_free(s.names);
    mem_free(s.times);
    map_free(&s.by_name);
}

// ---------------------------------------------------------------------------------------------- the plan

static void compile_packed(compiler *c, plan *out)
{
    u32 last = out->top_count - 1u;
    const property *p = c->schema->properties;
    if (!out->top_count || !(p[last].flags & PROP_LZNT1) || c->fields[last].wire != WIRE_REST)
        return;
    c->fields[last].show = p[last].out_type == OUT_UTF8 ? SHOW_UTF8 : SHOW_UTF16;
    c->fields[last].text_end = END_TRIMMED;
    out->inflates = true;
}

static bool fixed_field(const field *f, u32 *bytes)
{
    if (f->wire != WIRE_FIXED || (f->count_form != COUNT_ONE && f->count_form != COUNT_FIXED))
        return false;
    *bytes = f->count_form == COUNT_ONE ? f->bytes : (u32)f->bytes * f->count;
    return true;
}

// A binary value whose size nobody says: where all fields after it are of fixed size, it is what these leave.
static void compile_unknown(compiler *c, plan *p)
{
    u32 after = 0, bytes = 0;
    for (u32 i = p->top_count; i-- > 0; after += bytes) {
        field *f = &c->fields[i];
        if (fixed_field(f, &bytes) && after + bytes <= UINT16_MAX)
            continue;
        if (f->wire == WIRE_UNKNOWN && f->count_form == COUNT_ONE) {
            f->wire = WIRE_REST;
            f->bytes = (u16)after;
            p->takes_what_is_left = true;
        }
        return;
    }
}

static void compile_prefix(compiler *c, plan *out)
{
    slot *slots = arena_array(c->arena, slot, out->top_count);
    u32 at = 0, i = 0, bytes = 0;
    for (; i < out->top_count && fixed_field(&c->fields[i], &bytes) && at + bytes <= UINT16_MAX; i++) {
        slots[i] = (slot){at, bytes};
        out->prefix_referenced |= c->fields[i].referenced;
        at += bytes;
    }
    out->prefix_slots = slots;
    out->prefix_count = i;
    out->prefix_bytes = at;
    out->all_fixed = i == out->top_count;
}

// Kernel payloads are C structs, copied with or without the bytes that fill them up to their alignment.
static void compile_padding(plan *out)
{
    const provider_schema *provider = out->schema->provider;
    u32 alignment = 1;
    if (!out->all_fixed || !provider || provider->origin != ORIGIN_KERNEL)
        return;
    for (u32 i = 0; i < out->top_count; i++)
        if (out->fields[i].alignment > alignment)
            alignment = out->fields[i].alignment;
    out->padding = (alignment - out->prefix_bytes % alignment) % alignment;
}

// Runs of fields that need one look at the payload's end for all of them.
static void compile_runs(compiler *c, const plan *p)
{
    u32 fields = 0, bytes = 0;
    for (u32 i = p->top_count; i-- > p->prefix_count;) {
        field *f = &c->fields[i];
        bool plain = f->wire == WIRE_FIXED && f->count_form == COUNT_ONE && !f->referenced;
        fields = plain ? fields + 1 : 0;
        bytes = plain ? bytes + f->bytes : 0;
        f->run_fields = (u16)fields;
        f->run_bytes = bytes;
    }
}

// Arrays of values of one size lie in one slot, like a single value.
static bool fixed_elements(const field *f)
{
    return f->wire == WIRE_FIXED || f->count_form == COUNT_ONE;
}

static void compile_slots(plan *out)
{
    u64 bound = 0;
    for (u32 i = 0; i < out->top_count; i++) {
        const field *f = &out->fields[i];
        bound += f->csv_key.len + TEXT_PADDING + f->bound;
        out->one_slot_each &= f->wire != WIRE_STRUCT && fixed_elements(f);
        if (out->one_slot_each && out->first_text == PLAN_NO_TEXT && f->show == SHOW_UTF16 && f->single)
            out->first_text = (u16)i;
    }
    out->data_bound = at_most(bound);
}

// ---------------------------------------------------------------------------------------------- how much text

// Beyond six bytes for each of the payload's: the longest numbers, times and addresses take less than 32 in all.
static u64 element_text(const compiler *c, const field *f)
{
    enum { NUMBER = 32, BRACES = 2 };
    if (f->wire != WIRE_STRUCT)
        return f->map || f->show == SHOW_F64 ? f->bound : NUMBER;
    u64 text = f->member_count ? BRACES : BRACES + 1; // the comma is its own
    for (u32 i = 0; i < f->member_count; i++) {
        const field *m = &c->fields[f->first_member + i];
        text += m->csv_key.len + (m->count_form == COUNT_ONE ? m->element_text : BRACES);
    }
    return text;
}

static void compile_text(compiler *c, plan *out)
{
    for (u32 i = out->field_count; i-- > 0;) // members come after their struct
        c->fields[i].element_text = at_most(element_text(c, &c->fields[i]));
    u32 repeats = plan_message_repeats(out);
    u32 most = LIMIT_RECORD_TEXT / (repeats ? repeats : 1);
    bool over = out->data_bound > LIMIT_RECORD_TEXT || plan_message_bound(out) > LIMIT_RECORD_TEXT;
    out->elements_text = most;
    out->payload_end = over ? 0 : most / 6 + 1;
    if (out->payload_end <= UINT16_MAX)
        out->all_fixed = false; // its payloads must be looked at
}

static void compile_all(compiler *c)
{
    u32 count = c->schema->property_count;
    compile_names(c, 0, c->schema->top_count);
    for (u32 i = 0; i < count; i++)
        compile_field(c, i);
    for (u32 i = 0; i < count; i++) {
        const property *p = &c->schema->properties[i];
        if (p->flags & PROP_STRUCT)
            compile_names(c, p->struct_start, p->struct_members);
        if (p->flags & PROP_PARAM_COUNT)
            c->fields[p->count].referenced = true;
        if (c->fields[i].wire == WIRE_BY_FIELD)
            c->fields[p->length].referenced = true;
    }
    for (u32 i = 0; i < count; i++)
        if (!c->fields[i].name)
            compile_names(c, i, 1);
}

const plan *plan_compile(arena *a, const event_schema *schema, bool is_64_bit, error *e)
{
    if (!schema_event_valid(schema, e))
        return NULL;
    compiler c = {.arena = a, .schema = schema, .is_64_bit = is_64_bit};
    c.fields = arena_array(a, field, schema->property_count);
    plan *out = arena_new(a, plan);
    compile_all(&c);
    *out = (plan){.schema = schema,
                  .fields = c.fields,
                  .field_count = schema->property_count,
                  .top_count = schema->top_count,
                  .is_64_bit = is_64_bit,
                  .has_pointer = c.has_pointer,
                  .one_slot_each = true,
                  .first_text = PLAN_NO_TEXT};
    compile_unknown(&c, out);
    compile_packed(&c, out);
    compile_slots(out);
    compile_prefix(&c, out);
    compile_padding(out);
    compile_runs(&c, out);
    plan_add_message(a, out);
    compile_text(&c, out);
    mem_free(c.fittings);
    return out;
}

u64 plan_layout(const plan *p)
{
    const u32 all[] = {p->field_count, p->top_count,   p->is_64_bit,    p->inflates,
                       p->padding,     p->payload_end, p->elements_text};
    u64 hash = hash_bytes(all, sizeof(all));
    for (u32 i = 0; i < p->field_count; i++) {
        const field *f = &p->fields[i];
        const u32 one[] = {f->wire,         f->count_form,   f->unit,         f->bytes,       f->count,
                           f->length_field, f->first_member, f->member_count, f->element_text};
        hash = hash_more(hash, one, sizeof(one));
    }
    return hash;
}
