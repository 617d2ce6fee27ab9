// MOF text as a schema source: classes of classic providers, as they are registered with WMI ("mofcomp").
//
// An event class derives from a class that carries a GUID (the class GUID of its events) and often a version, which in
// turn derives from the provider's class. Fields are ordered by WmiDataId; their in types follow from CIM type and
// qualifiers: learn.microsoft.com, "Event Tracing MOF Qualifiers". Knows files only; the kernel's own classes are in
// kernel_events.def, which is trusted more.
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/bisect.h"
#include "base/limits.h"
#include "schema/mof/mof.h"
#include "schema/model/schema.h"
#include "schema/model/source_text.h"

// SystemTraceControlGuid. Its classes describe kernel structures, in which a boolean has one byte; user-mode providers
// log a BOOL of four.
static const guid KERNEL = GUID_OF(0x9e814aad, 0x3204, 0x11d2, 0x9a, 0x82, 0x00, 0x60, 0x08, 0xa8, 0x69, 0x39);

typedef struct event_class {
    const mof_class *text;
    u32 order; // in the file
    bool has_guid, has_version;
    guid id;
    u8 version;
} event_class;

typedef struct build {
    schema_set *set;
    const char *label, *path;
    schema_rank rank;
    schema_load *load;
    arena *scratch;
    event_class *classes; // by name
    u32 class_count;
    provider_schema **providers;
    u32 provider_count, provider_cap, events;
} build;

// ---------------------------------------------------------------------------------------------- types

static bool qualifier_is(const mof_field *f, const char *name, const char *value)
{
    const char *text = mof_qualifier_text(f->qualifiers, name);
    return text && strcasecmp(text, value) == 0;
}

static u16 string_type(const mof_field *f)
{
    bool wide = qualifier_is(f, "format", "w");
    if (qualifier_is(f, "StringTermination", "Counted"))
        return wide ? IN_MOF_COUNTED_STRING : IN_MOF_COUNTED_ANSI_STRING;
    if (qualifier_is(f, "StringTermination", "ReverseCounted"))
        return wide ? IN_REVERSED_COUNTED_STRING : IN_REVERSED_COUNTED_ANSI_STRING;
    if (qualifier_is(f, "StringTermination", "NotCounted"))
        return wide ? IN_REST_STRING : IN_REST_ANSI_STRING;
    return wide ? IN_UNICODE_STRING : IN_ANSI_STRING;
}

// Extensions name the wire form whatever CIM type stands beside them.
static bool extension_type(const mof_field *f, property *p)
{
    static const struct {
        const char *name;
        u16 in, out, length;
    } FORMS[] = {
        {"Port", IN_UINT16, OUT_PORT, 0},
        {"IPAddr", IN_UINT32, OUT_IPV4, 0},
        {"IPAddrV4", IN_UINT32, OUT_IPV4, 0},
        {"IPAddrV6", IN_BINARY, OUT_IPV6, 16},
        {"Sid", IN_WBEM_SID, OUT_STRING, 0},
        {"GUID", IN_GUID, OUT_GUID, 0},
        {"SizeT", IN_SIZE_T, OUT_HEX_INT64, 0},
        {"WmiTime", IN_UINT64, OUT_ETW_TIME, 0},
        {"RString", IN_ANSI_STRING, OUT_REDUCED_STRING, 0},
        {"RWString", IN_UNICODE_STRING, OUT_REDUCED_STRING, 0},
        {"Variant", IN_HEX_DUMP, OUT_HEX_BINARY, 0},
    };
    for (size_t i = 0; i < COUNT_OF(FORMS); i++) {
        if (qualifier_is(f, "extension", FORMS[i].name)) {
            p->in_type = FORMS[i].in;
            p->out_type = FORMS[i].out;
            p->length = FORMS[i].length;
            p->flags |= p->length ? PROP_FIXED_LENGTH : 0;
            return true;
        }
    }
    return false;
}

static bool cim_type(const char *type, u16 *in)
{
    static const struct {
        const char *name;
        u16 in;
    } TYPES[] = {
        {"uint8", IN_UINT8},         {"sint8", IN_INT8},      {"uint16", IN_UINT16},   {"sint16", IN_INT16},
        {"uint32", IN_UINT32},       {"sint32", IN_INT32},    {"uint64", IN_UINT64},   {"sint64", IN_INT64},
        {"real32", IN_FLOAT},        {"real64", IN_DOUBLE},   {"boolean", IN_BOOLEAN}, {"datetime", IN_FILETIME},
        {"char16", IN_UNICODE_CHAR}, {"char8", IN_ANSI_CHAR},
    };
    for (size_t i = 0; i < COUNT_OF(TYPES); i++) {
        if (strcasecmp(TYPES[i].name, type) == 0) {
            *in = TYPES[i].in;
            return true;
        }
    }
    return false;
}

static u16 hex_out(u16 in)
{
    i16 bytes = in_type_find(in)->bytes;
    return bytes == 1 ? OUT_HEX_INT8 : bytes == 2 ? OUT_HEX_INT16 : bytes == 4 ? OUT_HEX_INT32 : OUT_HEX_INT64;
}

static bool is_integer(u16 in)
{
    return in >= IN_INT8 && in <= IN_UINT64;
}

// The in and out type of one element. False: an object without an extension that says what it is.
static bool element_type(const mof_field *f, bool is_kernel, property *p)
{
    if (extension_type(f, p))
        return true;
    if (mof_qualifier_find(f->qualifiers, "pointer") || mof_qualifier_find(f->qualifiers, "PointerType")) {
        p->in_type = IN_POINTER;
    } else if (strcasecmp(f->type, "string") == 0) {
        p->in_type = string_type(f);
    } else if (strcasecmp(f->type, "boolean") == 0 && is_kernel) {
        p->in_type = IN_UINT8;
        p->out_type = OUT_BOOLEAN;
        return true;
    } else if (!cim_type(f->type, &p->in_type)) {
        return false;
    }
    p->out_type = in_type_find(p->in_type)->default_out;
    if (qualifier_is(f, "format", "x") && is_integer(p->in_type))
        p->out_type = hex_out(p->in_type);
    else if (qualifier_is(f, "format", "c") && (p->in_type == IN_UINT8 || p->in_type == IN_INT8))
        p->out_type = OUT_STRING;
    else if (mof_qualifier_find(f->qualifiers, "XMLFragment") && p->out_type == OUT_STRING)
        p->out_type = OUT_XML;
    return true;
}

// ---------------------------------------------------------------------------------------------- lengths and counts

static u64 first_number(const mof_field *f, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        u64 number = mof_number(mof_qualifier_text(f->qualifiers, names[i]));
        if (number)
            return number < LIMIT_ARRAY_ELEMENTS ? number : LIMIT_ARRAY_ELEMENTS;
    }
    return 0;
}

// An array of characters is one string, and bytes nobody is meant to read are one value.
static bool joins(const mof_field *f, property *p)
{
    bool is_byte = p->in_type == IN_UINT8 || p->in_type == IN_INT8;
    if (p->in_type == IN_UNICODE_CHAR)
        p->in_type = IN_UNICODE_STRING;
    else if (p->in_type == IN_ANSI_CHAR || (is_byte && qualifier_is(f, "format", "s")))
        p->in_type = IN_ANSI_STRING;
    else if (is_byte && qualifier_is(f, "extension", "NoPrint"))
        p->in_type = IN_BINARY;
    else
        return false;
    p->out_type = in_type_find(p->in_type)->default_out;
    return true;
}

static u16 rest_type(u16 in)
{
    return in == IN_UNICODE_STRING ? IN_REST_STRING : in == IN_ANSI_STRING ? IN_REST_ANSI_STRING : in;
}

// The property whose value is the number of elements, where a qualifier names one in front.
static bool sized_by_field(const mof_field *f, const property *all, u32 at, property *p)
{
    const char *name = mof_qualifier_text(f->qualifiers, "WmiSizeIs");
    if (!name)
        name = mof_qualifier_text(f->qualifiers, "SizeIs");
    for (u32 i = at; name && i-- > 0;) {
        if (strcasecmp(all[i].name, name) == 0 && is_integer(all[i].in_type)) {
            p->flags |= PROP_PARAM_COUNT;
            p->count = (u16)i;
            return true;
        }
    }
    return false;
}

static void array_extent(const mof_field *f, const property *all, u32 at, property *p)
{
    static const char *const COUNTS[] = {"MAX", "Size", "Length"};
    u64 elements = f->elements ? f->elements : first_number(f, COUNTS, COUNT_OF(COUNTS));
    if (sized_by_field(f, all, at, p))
        return;
    if (elements && joins(f, p)) {
        p->flags |= PROP_FIXED_LENGTH;
        p->length = (u16)elements;
    } else if (elements) {
        p->flags |= PROP_FIXED_COUNT;
        p->count = (u16)elements;
    } else if (joins(f, p) && p->in_type != IN_BINARY) {
        p->in_type = rest_type(p->in_type);
    } else {
        p->flags |= PROP_COUNT_REST;
    }
}

static void string_extent(const mof_field *f, property *p)
{
    static const char *const LENGTHS[] = {"Length", "Size", "MAX"};
    u64 length = first_number(f, LENGTHS, COUNT_OF(LENGTHS));
    bool fixed = strcasecmp(f->type, "string") == 0 && !mof_qualifier_find(f->qualifiers, "StringTermination");
    if (!length || !fixed || (p->in_type != IN_UNICODE_STRING && p->in_type != IN_ANSI_STRING))
        return;
    p->flags |= PROP_FIXED_LENGTH;
    p->length = (u16)length;
}

// ---------------------------------------------------------------------------------------------- maps

// Values without numbers count from 0, bits from the lowest. ValueType("flag") makes masks of the numbers.
static const value_map *field_map(build *b, provider_schema *p, const event_class *c, const mof_field *f)
{
    const mof_list *names = mof_qualifier_find(f->qualifiers, "BitValues");
    const mof_list *numbers = mof_qualifier_find(f->qualifiers, names ? "BitMap" : "ValueMap");
    bool bits = names != NULL;
    if (!names)
        names = mof_qualifier_find(f->qualifiers, "Values");
    if (!names || !names->count)
        return NULL;
    map_entry *entries = arena_array(b->scratch, map_entry, names->count);
    for (u32 i = 0; i < names->count; i++) {
        u64 number = numbers && i < numbers->count ? mof_number(numbers->items[i]) : i;
        entries[i] = (map_entry){bits ? (number < 64 ? (u64)1 << number : 0) : number, names->items[i]};
    }
    const char *name = arena_format(b->scratch, "%s_%s", c->text->name, f->name);
    b->load->maps++;
    return schema_add_map(p, name, bits || qualifier_is(f, "ValueType", "flag"), entries, names->count);
}

// ---------------------------------------------------------------------------------------------- classes

static int by_name(const void *a, const void *b)
{
    const event_class *x = a, *y = b;
    int order = strcasecmp(x->text->name, y->text->name);
    return order ? order : (x->order > y->order) - (x->order < y->order);
}

static const event_class *class_named(const build *b, const char *name)
{
    u32 low = 0;
    if (name)
        BISECT(low, 0, b->class_count, strcasecmp(b->classes[index_].text->name, name) < 0);
    bool found = name && low < b->class_count && strcasecmp(b->classes[low].text->name, name) == 0;
    return found ? &b->classes[low] : NULL;
}

static void collect_classes(build *b, const mof_class *first)
{
    u32 capacity = 0;
    for (const mof_class *c = first; c; c = c->next)
        capacity++;
    b->classes = arena_array(b->scratch, event_class, capacity);
    for (const mof_class *c = first; c; c = c->next) {
        event_class *made = &b->classes[b->class_count];
        const char *id = mof_qualifier_text(c->qualifiers, "Guid");
        const char *version = mof_qualifier_text(c->qualifiers, "EventVersion");
        *made = (event_class){.text = c, .order = b->class_count++, .has_version = version != NULL};
        made->version = (u8)mof_number(version);
        made->has_guid = id && guid_from_text(id, strlen(id), &made->id);
        if (id && !made->has_guid)
            schema_load_note(b->load, "%s: line %u: class %.80s has GUID %.60s, which is none", b->label, c->line,
                             c->name, id);
    }
    if (capacity)
        qsort(b->classes, b->class_count, sizeof(*b->classes), by_name);
    for (u32 i = 1; i < b->class_count; i++)
        if (strcasecmp(b->classes[i - 1].text->name, b->classes[i].text->name) == 0)
            schema_load_note(b->load, "%s: line %u: class %.80s stands twice; the first is used as a base", b->label,
                             b->classes[i].text->line, b->classes[i].text->name);
}

// What a class inherits: the GUID of its events, their version, and who provides them.
typedef struct lineage {
    const event_class *events, *provider;
    const char *display;
    u8 version;
    bool has_version;
} lineage;

static lineage lineage_of(const build *b, const event_class *c)
{
    lineage l = {0};
    const mof_class *own = c->text;
    for (u32 depth = 0; c && depth < LIMIT_MOF_DEPTH; depth++, c = class_named(b, c->text->base)) {
        if (c->has_version && !l.has_version) {
            l.version = c->version;
            l.has_version = true;
        }
        if (!l.events && !l.display)
            l.display = mof_qualifier_text(c->text->qualifiers, "DisplayName");
        if (c->has_guid && !l.events)
            l.events = c;
        else if (c->has_guid && !l.provider)
            l.provider = c;
    }
    if (c && mof_qualifier_find(own->qualifiers, "EventType"))
        schema_load_note(b->load, "%s: %.80s has more than LIMIT_MOF_DEPTH, %d, classes above it: the rest is not read",
                         b->label, own->name, LIMIT_MOF_DEPTH);
    if (!l.provider)
        l.provider = l.events;
    if (!l.display && l.events)
        l.display = l.events->text->name;
    return l;
}

static provider_schema *provider_of(build *b, const event_class *c)
{
    for (u32 i = 0; i < b->provider_count; i++)
        if (guid_equal(&b->providers[i]->id, &c->id))
            return b->providers[i];
    if (b->provider_count >= LIMIT_PROVIDERS_A_FILE)
        return NULL;
    provider_schema *p = schema_add_provider(b->set, &c->id, c->text->name, ORIGIN_MOF, b->rank, b->path);
    p->os_build = source_os_build(b->path);
    GROW(b->providers, b->provider_count, b->provider_cap);
    b->providers[b->provider_count++] = p;
    return p;
}

// ---------------------------------------------------------------------------------------------- events

// A field of the payload with the class it stands in.
typedef struct placed {
    const mof_field *field;
    const event_class *in;
    u64 order; // WmiDataId
    u32 depth; // 0: the class itself
} placed;

static int by_order(const void *a, const void *b)
{
    const placed *x = a, *y = b;
    if (x->order != y->order)
        return x->order < y->order ? -1 : 1;
    if (x->depth != y->depth)
        return x->depth < y->depth ? -1 : 1;
    return (x->field->line > y->field->line) - (x->field->line < y->field->line);
}

// Fields with a WmiDataId, inherited ones where the class has none of that number. Heap; sorted.
static placed *payload_of(build *b, const event_class *c, u32 *out_count)
{
    placed *list = NULL;
    u32 count = 0, cap = 0, kept = 0;
    const event_class *at = c;
    for (u32 depth = 0; at && depth < LIMIT_MOF_DEPTH; depth++, at = class_named(b, at->text->base)) {
        for (const mof_field *f = at->text->fields; f && count < LIMIT_PROPERTIES; f = f->next) {
            u64 order = mof_number(mof_qualifier_text(f->qualifiers, "WmiDataId"));
            if (!order || !*f->name)
                continue;
            GROW(list, count, cap);
            list[count++] = (placed){f, at, order, depth};
        }
    }
    if (count > 1)
        qsort(list, count, sizeof(*list), by_order);
    for (u32 i = 0; i < count; i++) {
        bool same = kept && list[kept - 1].order == list[i].order;
        if (same && list[kept - 1].depth == list[i].depth)
            schema_load_note(b->load, "%s: line %u: field %.80s of %.80s has a WmiDataId that is taken", b->label,
                             list[i].field->line, list[i].field->name, c->text->name);
        if (!same)
            list[kept++] = list[i];
    }
    *out_count = kept;
    return list;
}

// Fills what is known of one event's payload; a field of unknown size ends it.
static u16 read_properties(build *b, provider_schema *p, const event_class *c, const placed *list, u32 count,
                           property *out)
{
    bool is_kernel = guid_equal(&p->id, &KERNEL);
    arena *keep = schema_arena(b->set);
    for (u32 i = 0; i < count; i++) {
        const mof_field *f = list[i].field;
        property *made = &out[i];
        made->name = arena_text(keep, f->name);
        made->count = 1;
        if (!element_type(f, is_kernel, made)) {
            schema_load_note(b->load,
                             "%s: line %u: field %.80s of %.80s has type %.40s and no extension that says its size",
                             b->label, f->line, f->name, c->text->name, f->type);
            return (u16)i;
        }
        if (f->is_array)
            array_extent(f, out, i, made);
        else
            string_extent(f, made);
        if (is_integer(made->in_type))
            made->map = field_map(b, p, c, f);
    }
    return (u16)count;
}

static void add_event(build *b, provider_schema *p, const event_class *c, const event_schema *like, u64 opcode,
                      const char *opcode_name)
{
    if (opcode > UINT8_MAX || b->events >= LIMIT_EVENTS_A_PROVIDER) {
        schema_load_note(b->load, "%s: line %u: class %.80s: event type %llu is over a limit", b->label, c->text->line,
                         c->text->name, (unsigned long long)opcode);
        return;
    }
    event_schema *event = arena_new(schema_arena(b->set), event_schema);
    *event = *like;
    event->descriptor.opcode = (u8)opcode;
    event->opcode_name = opcode_name && *opcode_name ? arena_text(schema_arena(b->set), opcode_name) : NULL;
    b->events++;
    if (schema_add_event(p, event))
        b->load->events++;
    else
        schema_load_note(b->load, "%s: line %u: class %.80s is not usable", b->label, c->text->line, c->text->name);
}

static void add_events(build *b, const event_class *c)
{
    const mof_list *types = mof_qualifier_find(c->text->qualifiers, "EventType");
    const mof_list *names = mof_qualifier_find(c->text->qualifiers, "EventTypeName");
    lineage l = lineage_of(b, c);
    provider_schema *p = types && types->count && l.events ? provider_of(b, l.provider) : NULL;
    u32 count = 0;
    if (!p)
        return;
    arena *keep = schema_arena(b->set);
    placed *list = payload_of(b, c, &count);
    property *properties = arena_array(keep, property, count);
    event_schema like = {.key = KEY_CLASSIC, .event_guid = l.events->id, .properties = properties};
    like.property_count = like.top_count = read_properties(b, p, c, list, count, properties);
    like.descriptor.version = l.version;
    like.descriptor.level = (u8)mof_number(mof_qualifier_text(c->text->qualifiers, "EventLevel"));
    like.task_name = arena_text(keep, l.display);
    mem_free(list);
    for (u32 i = 0; i < types->count && i <= UINT8_MAX; i++)
        add_event(b, p, c, &like, mof_number(types->items[i]), names && i < names->count ? names->items[i] : NULL);
}

// ---------------------------------------------------------------------------------------------- the source

static bool mof_recognise(span head, const char *path)
{
    char text[4096];
    size_t len = source_text_head(head, text, sizeof(text) - 1);
    text[len] = 0;
    return source_path_ends(path, ".mof") && (strchr(text, '[') || strstr(text, "class"));
}

static bool mof_load(schema_set *set, span bytes, const char *path, schema_rank rank, schema_load *load, error *e)
{
    if (bytes.len > LIMIT_MOF_BYTES)
        return error_set(e, "a MOF file of %zu bytes is over LIMIT_MOF_BYTES, %d", bytes.len, LIMIT_MOF_BYTES);
    arena scratch = {0};
    schema_load own = {0};
    source_text text = source_text_of(bytes);
    build b = {.set = set,
               .label = source_path_base(path),
               .path = path,
               .rank = rank,
               .load = load ? load : &own,
               .scratch = &scratch};
    u32 before = b.load->events;
    bool is_cut;
    collect_classes(&b, mof_read(text.utf8, &scratch, &is_cut));
    if (is_cut)
        schema_load_note(b.load, "%s: LIMIT_MOF_CLASSES: only the first %d classes were read", b.label,
                         LIMIT_MOF_CLASSES);
    for (u32 i = 0; i < b.class_count; i++)
        add_events(&b, &b.classes[i]);
    b.load->providers += b.provider_count;
    bool any = b.load->events > before;
    mem_free(b.providers);
    source_text_free(&text);
    arena_free(&scratch);
    schema_load_free(&own);
    return any || error_set(e, "a MOF file in which no event class is described");
}

const schema_source schema_source_mof = {"mof", mof_recognise, mof_load};
