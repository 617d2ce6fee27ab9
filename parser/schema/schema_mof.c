// MOF text as a schema source: classes of classic providers, as they are registered with WMI ("mofcomp").
//
// An event class derives from a class that carries a GUID (the class GUID of its events) and often a version, which in
// turn derives from the provider's class. Fields are ordered by WmiDataId; their in types follow from CIM type and
// qualifiers: learn.microsoft.com, "Event Tracing MOF Qualifiers". Knows files only; the kernel's own classes are in
// kernel_events.def, which is trusted more.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/limits.h"
#include "base/outbuf.h"
#include "schema/schema.h"
#include "schema/source_text.h"

enum { CLASS_DEPTH = 16, LIST_ITEMS = 256 };

typedef struct mof_field {
    property prop;
    u32 order; // WmiDataId
} mof_field;

typedef struct mof_class {
    const char *name, *base, *display;
    bool has_guid, has_version;
    guid id;
    u8 version;
    u8 types[LIST_ITEMS]; // opcodes
    const char *type_names[LIST_ITEMS];
    u32 type_count, name_count;
    mof_field *fields;
    u32 field_count, field_cap;
} mof_class;

// The qualifiers in [] in front of a class or field.
typedef struct qualifiers {
    const char *guid, *display, *format, *termination, *extension;
    u32 version, data_id, max;
    bool has_version, pointer;
    u64 types[LIST_ITEMS];
    const char *type_names[LIST_ITEMS], *values[LIST_ITEMS], *value_map[LIST_ITEMS], *bit_values[LIST_ITEMS],
        *bit_map[LIST_ITEMS];
    u32 type_count, name_count, value_count, value_map_count, bit_value_count, bit_map_count;
} qualifiers;

typedef enum token_kind { TOKEN_END, TOKEN_WORD, TOKEN_TEXT, TOKEN_NUMBER, TOKEN_SIGN } token_kind;

typedef struct reader {
    cursor at;
    const u8 *start;
    arena *scratch;
    token_kind kind;
    const char *text; // words, texts and numbers
    char sign;
    u32 line;
    mof_class **classes;
    u32 class_count, class_cap;
    schema_load *load;
    const char *label;
    provider_schema *maps_go_to; // provider the maps of fields belong to
} reader;

// ---------------------------------------------------------------------------------------------- tokens

static u8 peek_byte(const reader *r, size_t ahead)
{
    return cursor_left(&r->at) > ahead ? r->at.at[ahead] : 0;
}

static u8 next_byte(reader *r)
{
    u8 c = take_u8(&r->at);
    r->line += c == '\n';
    return c;
}

static void skip_line(reader *r)
{
    while (cursor_left(&r->at) && peek_byte(r, 0) != '\n')
        (void)next_byte(r);
}

static void skip_blanks(reader *r)
{
    for (;;) {
        u8 c = peek_byte(r, 0);
        if (!cursor_left(&r->at))
            return;
        if (c == '#' || (c == '/' && peek_byte(r, 1) == '/')) {
            skip_line(r);
        } else if (c == '/' && peek_byte(r, 1) == '*') {
            while (cursor_left(&r->at) && !(peek_byte(r, 0) == '*' && peek_byte(r, 1) == '/'))
                (void)next_byte(r);
            (void)take(&r->at, cursor_left(&r->at) < 2 ? cursor_left(&r->at) : 2);
        } else if (c <= ' ') {
            (void)next_byte(r);
        } else {
            return;
        }
    }
}

static bool word_byte(u8 c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c >= 0x80;
}

static void read_text(reader *r)
{
    outbuf text = {0};
    (void)next_byte(r);
    while (cursor_left(&r->at) && peek_byte(r, 0) != '"' && text.len < LIMIT_MESSAGE_BYTES) {
        u8 c = next_byte(r);
        if (c == '\\' && cursor_left(&r->at)) {
            c = next_byte(r);
            c = c == 'n' ? '\n' : c == 't' ? '\t' : c;
        }
        if (c)
            outbuf_add(&text, &c, 1);
    }
    if (cursor_left(&r->at))
        (void)next_byte(r);
    r->kind = TOKEN_TEXT;
    r->text = arena_text_len(r->scratch, (const char *)text.bytes, text.len);
    outbuf_free(&text);
}

static void advance(reader *r)
{
    skip_blanks(r);
    r->sign = 0;
    r->text = "";
    if (!cursor_left(&r->at)) {
        r->kind = TOKEN_END;
        return;
    }
    u8 c = peek_byte(r, 0);
    if (c == '"') {
        read_text(r);
        return;
    }
    if (word_byte(c) || c == '-') {
        const u8 *from = r->at.at;
        do
            (void)next_byte(r);
        while (cursor_left(&r->at) && word_byte(peek_byte(r, 0)));
        r->kind = (c >= '0' && c <= '9') || c == '-' ? TOKEN_NUMBER : TOKEN_WORD;
        r->text = arena_text_len(r->scratch, (const char *)from, (size_t)(r->at.at - from));
        return;
    }
    r->kind = TOKEN_SIGN;
    r->sign = (char)next_byte(r);
}

static bool at_sign(const reader *r, char sign)
{
    return r->kind == TOKEN_SIGN && r->sign == sign;
}

static bool take_sign(reader *r, char sign)
{
    if (!at_sign(r, sign))
        return false;
    advance(r);
    return true;
}

static bool at_word(const reader *r, const char *word)
{
    return r->kind == TOKEN_WORD && strcasecmp(r->text, word) == 0;
}

// ---------------------------------------------------------------------------------------------- qualifiers

// (value) or {value, value …}: texts and numbers as text. Returns how many; what is over the room is dropped.
static u32 read_values(reader *r, const char **out, u32 room)
{
    char close = at_sign(r, '(') ? ')' : at_sign(r, '{') ? '}' : 0;
    u32 count = 0;
    if (!close)
        return 0;
    advance(r);
    while (r->kind != TOKEN_END && !at_sign(r, close)) {
        if (r->kind == TOKEN_TEXT) {
            // Adjacent texts are one.
            const char *text = r->text;
            advance(r);
            while (r->kind == TOKEN_TEXT && strlen(text) < LIMIT_MESSAGE_BYTES) {
                text = arena_format(r->scratch, "%s%s", text, r->text);
                advance(r);
            }
            if (count < room)
                out[count++] = text;
            continue;
        }
        if (r->kind != TOKEN_SIGN && count < room)
            out[count++] = r->text;
        advance(r);
    }
    advance(r);
    return count;
}

static u64 number_of(const char *text)
{
    return strtoull(text, NULL, 0);
}

static void take_list(reader *r, const char **list, u32 *count)
{
    *count = read_values(r, list, LIST_ITEMS);
}

static void read_qualifier(reader *r, qualifiers *q)
{
    const char *name = r->text, *values[LIST_ITEMS];
    advance(r);
    if (strcasecmp(name, "EventTypeName") == 0) {
        take_list(r, q->type_names, &q->name_count);
    } else if (strcasecmp(name, "Values") == 0) {
        take_list(r, q->values, &q->value_count);
    } else if (strcasecmp(name, "ValueMap") == 0) {
        take_list(r, q->value_map, &q->value_map_count);
    } else if (strcasecmp(name, "BitValues") == 0) {
        take_list(r, q->bit_values, &q->bit_value_count);
    } else if (strcasecmp(name, "BitMap") == 0) {
        take_list(r, q->bit_map, &q->bit_map_count);
    } else {
        u32 count = read_values(r, values, LIST_ITEMS);
        const char *first = count ? values[0] : "";
        if (strcasecmp(name, "Guid") == 0) {
            q->guid = first;
        } else if (strcasecmp(name, "DisplayName") == 0) {
            q->display = first;
        } else if (strcasecmp(name, "EventVersion") == 0) {
            q->version = (u32)number_of(first);
            q->has_version = true;
        } else if (strcasecmp(name, "EventType") == 0) {
            for (q->type_count = 0; q->type_count < count; q->type_count++)
                q->types[q->type_count] = number_of(values[q->type_count]);
        } else if (strcasecmp(name, "WmiDataId") == 0) {
            q->data_id = (u32)number_of(first);
        } else if (strcasecmp(name, "MAX") == 0) {
            q->max = (u32)number_of(first);
        } else if (strcasecmp(name, "format") == 0) {
            q->format = first;
        } else if (strcasecmp(name, "StringTermination") == 0) {
            q->termination = first;
        } else if (strcasecmp(name, "extension") == 0) {
            q->extension = first;
        } else if (strcasecmp(name, "pointer") == 0 || strcasecmp(name, "PointerType") == 0) {
            q->pointer = true;
        }
    }
    // Flavours (": amended") say nothing about layout.
    while (take_sign(r, ':') || r->kind == TOKEN_WORD)
        if (r->kind == TOKEN_WORD)
            advance(r);
}

static void read_qualifiers(reader *r, qualifiers *q)
{
    memset(q, 0, sizeof(*q));
    if (!take_sign(r, '['))
        return;
    while (r->kind != TOKEN_END && !at_sign(r, ']')) {
        if (r->kind == TOKEN_WORD)
            read_qualifier(r, q);
        else
            advance(r);
    }
    advance(r);
}

// ---------------------------------------------------------------------------------------------- fields

static bool extension_is(const qualifiers *q, const char *name)
{
    return q->extension && strcasecmp(q->extension, name) == 0;
}

static bool format_is(const qualifiers *q, const char *letter)
{
    return q->format && strcasecmp(q->format, letter) == 0;
}

static u16 string_type(const qualifiers *q)
{
    bool wide = format_is(q, "w"), rest = false;
    const char *t = q->termination ? q->termination : "NullTerminated";
    if (strcasecmp(t, "Counted") == 0)
        return wide ? IN_MOF_COUNTED_STRING : IN_MOF_COUNTED_ANSI_STRING;
    if (strcasecmp(t, "ReverseCounted") == 0)
        return wide ? IN_REVERSED_COUNTED_STRING : IN_REVERSED_COUNTED_ANSI_STRING;
    rest = strcasecmp(t, "NotCounted") == 0;
    if (rest)
        return wide ? IN_REST_STRING : IN_REST_ANSI_STRING;
    return wide ? IN_UNICODE_STRING : IN_ANSI_STRING;
}

static u16 hex_out(u16 in)
{
    switch (in_type_find(in)->bytes) {
    case 1:
        return OUT_HEX_INT8;
    case 2:
        return OUT_HEX_INT16;
    case 4:
        return OUT_HEX_INT32;
    default:
        return OUT_HEX_INT64;
    }
}

// Extensions name the wire form whatever CIM type stands beside them.
static bool extension_type(const qualifiers *q, property *p)
{
    static const struct {
        const char *name;
        u16 in, out, length;
    } FORMS[] = {
        {"Port", IN_UINT16, OUT_PORT, 0},         {"IPAddr", IN_UINT32, OUT_IPV4, 0},
        {"IPAddrV4", IN_UINT32, OUT_IPV4, 0},     {"IPAddrV6", IN_BINARY, OUT_IPV6, 16},
        {"Sid", IN_WBEM_SID, OUT_STRING, 0},      {"GUID", IN_GUID, OUT_GUID, 0},
        {"SizeT", IN_SIZE_T, OUT_HEX_INT64, 0},   {"WmiTime", IN_UINT64, OUT_ETW_TIME, 0},
        {"RString", IN_ANSI_STRING, OUT_STRING, 0}, {"RWString", IN_UNICODE_STRING, OUT_STRING, 0},
    };
    for (size_t i = 0; i < COUNT_OF(FORMS); i++) {
        if (extension_is(q, FORMS[i].name)) {
            p->in_type = FORMS[i].in;
            p->out_type = FORMS[i].out;
            p->length = FORMS[i].length;
            return true;
        }
    }
    if (extension_is(q, "Variant")) {
        p->in_type = IN_BINARY;
        p->flags |= PROP_COUNT_REST;
        return true;
    }
    return false;
}

static bool cim_type(const char *type, u16 *in)
{
    static const struct {
        const char *name;
        u16 in;
    } TYPES[] = {{"uint8", IN_UINT8},   {"sint8", IN_INT8},      {"uint16", IN_UINT16}, {"sint16", IN_INT16},
                 {"uint32", IN_UINT32}, {"sint32", IN_INT32},    {"uint64", IN_UINT64}, {"sint64", IN_INT64},
                 {"real32", IN_FLOAT},  {"real64", IN_DOUBLE},   {"char16", IN_UNICODE_CHAR},
                 {"char8", IN_ANSI_CHAR}, {"boolean", IN_UINT8}, {"datetime", IN_FILETIME}};
    for (size_t i = 0; i < COUNT_OF(TYPES); i++) {
        if (strcasecmp(TYPES[i].name, type) == 0) {
            *in = TYPES[i].in;
            return true;
        }
    }
    return false;
}

// The in and out type of a field. False: an object without an extension that says what it is.
static bool field_type(const qualifiers *q, const char *type, property *p)
{
    if (q->pointer) {
        p->in_type = IN_POINTER;
        return true;
    }
    if (extension_type(q, p))
        return true;
    if (strcasecmp(type, "string") == 0) {
        p->in_type = string_type(q);
        return true;
    }
    if (!cim_type(type, &p->in_type))
        return false;
    if (strcasecmp(type, "boolean") == 0)
        p->out_type = OUT_BOOLEAN;
    else if (format_is(q, "x") && in_type_find(p->in_type)->bytes > 0)
        p->out_type = hex_out(p->in_type);
    return true;
}

// Value maps without numbers count from 0; bit maps name bit numbers.
static const value_map *field_map(reader *r, const qualifiers *q, const char *name)
{
    map_entry entries[LIST_ITEMS];
    bool bits = q->bit_value_count > 0;
    const char *const *names = bits ? q->bit_values : q->values, *const *numbers = bits ? q->bit_map : q->value_map;
    u32 count = bits ? q->bit_value_count : q->value_count, given = bits ? q->bit_map_count : q->value_map_count;
    if (!count || !r->maps_go_to)
        return NULL;
    for (u32 i = 0; i < count; i++) {
        u64 number = i < given ? number_of(numbers[i]) : i;
        entries[i] = (map_entry){bits ? 1u << (number & 31) : (u32)number, names[i]};
    }
    return schema_add_map(r->maps_go_to, name, bits, entries, count);
}

static void read_field(reader *r, mof_class *c, const qualifiers *q)
{
    const char *type = r->text;
    advance(r);
    property p = {.name = r->text, .count = 1};
    advance(r);
    u32 elements = 0;
    if (take_sign(r, '[')) {
        elements = r->kind == TOKEN_NUMBER ? (u32)number_of(r->text) : q->max;
        while (r->kind != TOKEN_END && !at_sign(r, ']') && !at_sign(r, ';'))
            advance(r);
        (void)take_sign(r, ']');
    }
    while (r->kind != TOKEN_END && !at_sign(r, ';') && !at_sign(r, '}'))
        advance(r);
    (void)take_sign(r, ';');
    if (!q->data_id || c->field_count >= LIMIT_PROPERTIES)
        return; // not part of the payload
    if (!field_type(q, type, &p)) {
        schema_load_note(r->load, "%s: line %u: field %s of %s has type %s and no extension that says its size", r->label,
                         r->line, p.name, c->name, type);
        p.in_type = IN_BINARY;
        p.flags |= PROP_COUNT_REST;
    }
    if (elements && p.in_type == IN_UNICODE_CHAR) {
        p.in_type = IN_UNICODE_STRING;
        p.length = (u16)(elements > UINT16_MAX / 2 ? UINT16_MAX / 2 : elements);
    } else if (elements && p.in_type == IN_ANSI_CHAR) {
        p.in_type = IN_ANSI_STRING;
        p.length = (u16)(elements > UINT16_MAX ? UINT16_MAX : elements);
    } else if (elements) {
        p.count = (u16)(elements > UINT16_MAX ? UINT16_MAX : elements);
        p.flags |= PROP_FIXED_COUNT;
    }
    p.map = field_map(r, q, p.name);
    GROW(c->fields, c->field_count, c->field_cap);
    c->fields[c->field_count++] = (mof_field){p, q->data_id};
}

// ---------------------------------------------------------------------------------------------- classes

static void read_class(reader *r, const qualifiers *q)
{
    mof_class *c = arena_new(r->scratch, mof_class);
    c->name = r->text;
    advance(r);
    if (take_sign(r, ':')) {
        c->base = r->text;
        advance(r);
    }
    c->has_guid = q->guid && guid_from_text(q->guid, strlen(q->guid), &c->id);
    c->has_version = q->has_version;
    c->version = (u8)q->version;
    c->display = q->display;
    c->type_count = q->type_count;
    c->name_count = q->name_count;
    for (u32 i = 0; i < q->type_count; i++)
        c->types[i] = (u8)q->types[i];
    memcpy(c->type_names, q->type_names, sizeof(c->type_names));
    qualifiers *own = mem_alloc(sizeof(*own));
    if (take_sign(r, '{')) {
        while (r->kind != TOKEN_END && !at_sign(r, '}')) {
            read_qualifiers(r, own);
            if (r->kind == TOKEN_WORD)
                read_field(r, c, own);
            else if (!at_sign(r, '}'))
                advance(r);
        }
        (void)take_sign(r, '}');
    }
    mem_free(own);
    if (r->class_count < LIMIT_EVENTS_A_PROVIDER) {
        GROW(r->classes, r->class_count, r->class_cap);
        r->classes[r->class_count++] = c;
    }
}

static int by_name(const void *a, const void *b)
{
    const mof_class *x = *(mof_class *const *)a, *y = *(mof_class *const *)b;
    return strcasecmp(x->name, y->name);
}

static const mof_class *class_named(const reader *r, const char *name)
{
    mof_class key = {.name = name};
    const mof_class *wanted = &key, *const *found;
    if (!name || !r->class_count)
        return NULL;
    found = bsearch(&wanted, r->classes, r->class_count, sizeof(*r->classes), by_name);
    return found ? *found : NULL;
}

static int by_order(const void *a, const void *b)
{
    const mof_field *x = a, *y = b;
    return x->order < y->order ? -1 : x->order > y->order;
}

// What a class inherits: the GUID of its events, their version, and who provides them.
typedef struct lineage {
    const mof_class *event_class, *provider;
    u8 version;
    bool has_version;
} lineage;

static lineage lineage_of(const reader *r, const mof_class *c)
{
    lineage l = {0};
    for (u32 depth = 0; c && depth < CLASS_DEPTH; depth++, c = class_named(r, c->base)) {
        if (c->has_version && !l.has_version) {
            l.version = c->version;
            l.has_version = true;
        }
        if (c->has_guid && !l.event_class)
            l.event_class = c;
        else if (c->has_guid && !l.provider)
            l.provider = c;
    }
    if (!l.provider)
        l.provider = l.event_class;
    return l;
}

static provider_schema *provider_of(schema_set *set, const lineage *l, schema_rank rank, const char *path,
                                    provider_schema **made, u32 *count)
{
    for (u32 i = 0; i < *count; i++)
        if (guid_equal(&made[i]->id, &l->provider->id))
            return made[i];
    if (*count >= LIST_ITEMS)
        return NULL;
    provider_schema *p = schema_add_provider(set, &l->provider->id, l->provider->name, ORIGIN_MOF, rank, path);
    p->os_build = source_os_build(path);
    made[(*count)++] = p;
    return p;
}

static void add_events(reader *r, provider_schema *p, const mof_class *c, const lineage *l)
{
    arena *a = schema_arena(p->set);
    property *props = arena_array(a, property, c->field_count);
    if (c->field_count)
        qsort(c->fields, c->field_count, sizeof(*c->fields), by_order);
    for (u32 i = 0; i < c->field_count; i++) {
        props[i] = c->fields[i].prop;
        props[i].name = arena_text(a, props[i].name);
    }
    const char *task = l->event_class->display ? l->event_class->display : l->event_class->name;
    for (u32 i = 0; i < c->type_count; i++) {
        event_schema *event = arena_new(a, event_schema);
        event->key = KEY_CLASSIC;
        event->event_guid = l->event_class->id;
        event->descriptor.version = l->version;
        event->descriptor.opcode = c->types[i];
        event->task_name = arena_text(a, task);
        event->opcode_name = i < c->name_count ? arena_text(a, c->type_names[i]) : NULL;
        event->properties = props;
        event->property_count = event->top_count = (u16)c->field_count;
        if (schema_add_event(p, event))
            r->load->events++;
        else
            schema_load_note(r->load, "%s: class %s is not usable", r->label, c->name);
    }
}

static bool mof_recognise(span head, const char *path)
{
    char text[4096];
    size_t len = source_text_head(head, text, sizeof(text) - 1);
    text[len] = 0;
    return source_path_ends(path, ".mof") && (strchr(text, '[') || strstr(text, "class"));
}

static bool mof_load(schema_set *set, span bytes, const char *path, schema_rank rank, schema_load *load, error *e)
{
    arena scratch = {0};
    schema_load own = {0};
    source_text text = source_text_of(bytes);
    // Maps of fields need an owner before the provider is known; they live in the set as long as it does.
    static const guid NOBODY = {{0}};
    provider_schema *maps = schema_add_provider(set, &NOBODY, NULL, ORIGIN_MOF, rank, path), *made[LIST_ITEMS];
    reader r = {.at = cursor_over(text.utf8), .scratch = &scratch, .line = 1, .load = load ? load : &own,
                .label = source_path_base(path), .maps_go_to = maps};
    qualifiers *q = mem_alloc(sizeof(*q));
    u32 made_count = 0, before = r.load->events;
    advance(&r);
    while (r.kind != TOKEN_END) {
        read_qualifiers(&r, q);
        if (at_word(&r, "class")) {
            advance(&r);
            read_class(&r, q);
        } else {
            advance(&r);
        }
    }
    if (r.class_count)
        qsort(r.classes, r.class_count, sizeof(*r.classes), by_name);
    for (u32 i = 0; i < r.class_count; i++) {
        lineage l = lineage_of(&r, r.classes[i]);
        if (!l.event_class || !r.classes[i]->type_count)
            continue;
        provider_schema *p = provider_of(set, &l, rank, path, made, &made_count);
        if (p)
            add_events(&r, p, r.classes[i], &l);
    }
    for (u32 i = 0; i < r.class_count; i++)
        mem_free(r.classes[i]->fields);
    r.load->providers += made_count;
    r.load->maps += maps->map_count;
    bool any = r.load->events > before;
    mem_free(q);
    mem_free(r.classes);
    source_text_free(&text);
    arena_free(&scratch);
    schema_load_free(&own);
    return any || error_set(e, "a MOF file in which no event class is described");
}

const schema_source schema_source_mof = {"mof", mof_recognise, mof_load};
