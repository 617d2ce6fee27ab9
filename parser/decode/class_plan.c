// The layouts of event classes: which descriptions may fit their payloads, in which order.
#include <string.h>

#include "decode/classes_internal.h"
#include "schema/carried/schema_tracelogging.h"

enum { EVENTSOURCE_MANIFEST_ID = 0xfffe, EVENTSOURCE_MANIFEST_OPCODE = 0xfe };

typedef struct planner {
    class_table *table;
    schema_set *set;
    u32 os_build;
} planner;

static void add_plan(planner *p, event_class *c, const event_schema *described, bool is_64_bit)
{
    if (c->plan_count >= CLASS_PLANS)
        return;
    const plan *compiled = plan_compile(&p->table->arena, described, is_64_bit, NULL);
    if (compiled && (is_64_bit == c->is_64_bit || compiled->has_pointer))
        c->plans[c->plan_count++] = compiled;
}

// The count of an array that a schema fixes at a token number (CLR stacks: 2) is in the field before it.
static const event_schema *counted_variant(planner *p, const event_schema *described)
{
    u32 last = described->top_count - 1u;
    if (described->top_count < 2 || described->property_count != described->top_count)
        return NULL;
    const property *array = &described->properties[last], *count = &described->properties[last - 1];
    const in_type_facts *facts = in_type_find(count->in_type);
    size_t len = strlen(count->name);
    bool named_count = len >= 5 && strcmp(count->name + len - 5, "Count") == 0;
    if ((array->flags & (PROP_STRUCT | PROP_PARAM_COUNT | PROP_COUNT_INLINE | PROP_COUNT_REST)) || array->count < 2 ||
        !named_count || !facts || facts->bytes < 1 || facts->bytes > 4)
        return NULL;
    event_schema *variant = arena_new(&p->table->arena, event_schema);
    property *props = arena_array(&p->table->arena, property, described->property_count);
    memcpy(props, described->properties, described->property_count * sizeof(*props));
    props[last].flags = (props[last].flags & ~(u32)PROP_FIXED_COUNT) | PROP_PARAM_COUNT;
    props[last].count = (u16)(last - 1);
    *variant = *described;
    variant->properties = props;
    return variant;
}

// The layout with one more field, Tail, for all that may follow its fields. Members of structs are listed after the
// top-level properties: they move up by one.
static const event_schema *with_tail(arena *a, const event_schema *described)
{
    u32 top = described->top_count, count = described->property_count;
    property *props = arena_array(a, property, count + 1u);
    for (u32 i = 0; i < count; i++) {
        property *to = &props[i < top ? i : i + 1];
        *to = described->properties[i];
        to->struct_start = (u16)(to->struct_start + ((to->flags & PROP_STRUCT) != 0));
        if ((to->flags & PROP_PARAM_COUNT) && to->count >= top)
            to->count++;
        if ((to->flags & PROP_PARAM_LENGTH) && to->length >= top)
            to->length++;
    }
    props[top] = (property){
        .name = "Tail", .flags = PROP_COUNT_REST, .in_type = IN_BINARY, .out_type = OUT_HEX_BINARY, .count = 1};
    event_schema *tailed = arena_new(a, event_schema);
    *tailed = *described;
    tailed->properties = props;
    tailed->property_count = (u16)(count + 1);
    tailed->top_count = (u16)(top + 1);
    return tailed;
}

// Kernels number a layout anew when fields come to its end: of a version newer than all that are known, the known
// fields are read, and what follows them is shown as it is. The longest layout is tried first: it was added last.
static void add_tails(planner *p, event_class *c, const event_schema *const *newest, u32 count)
{
    if (!count || newest[0]->provider->origin != ORIGIN_KERNEL ||
        newest[0]->descriptor.version >= c->descriptor.version)
        return;
    for (u32 i = count; i-- > 0;)
        if (newest[i]->top_count)
            add_plan(p, c, with_tail(&p->table->arena, newest[i]), c->is_64_bit);
}

static provider_schema *private_provider(planner *p, event_class *c, schema_origin origin)
{
    provider_schema *provider = arena_new(&p->table->arena, provider_schema);
    provider->set = p->set;
    provider->id = c->provider_id;
    provider->name = c->own_provider;
    provider->origin = origin;
    return provider;
}

static void plan_tracelogging(planner *p, event_class *c)
{
    event_schema *described = arena_new(&p->table->arena, event_schema);
    if (!tracelogging_schema(&p->table->arena, c->metadata, described, NULL))
        return;
    described->descriptor = c->descriptor;
    described->provider = private_provider(p, c, ORIGIN_TRACELOGGING);
    add_plan(p, c, described, c->is_64_bit);
}

// EVENT_HEADER_FLAG_STRING_ONLY: the whole payload is one string. EVENT_HEADER_PROPERTY_FORWARDED_XML: it is the XML of
// an event that another machine wrote.
static void plan_string(planner *p, event_class *c)
{
    static const property MESSAGE[] = {{.name = "Message", .in_type = IN_UNICODE_STRING, .count = 1}};
    static const property XML[] = {{.name = "EventXml", .in_type = IN_UNICODE_STRING, .out_type = OUT_XML, .count = 1}};
    event_schema *described = arena_new(&p->table->arena, event_schema);
    *described = (event_schema){.key = KEY_MANIFEST,
                                .descriptor = c->descriptor,
                                .message = c->forwarded_xml ? NULL : "%1",
                                .properties = c->forwarded_xml ? XML : MESSAGE,
                                .property_count = 1,
                                .top_count = 1};
    described->provider = private_provider(p, c, ORIGIN_STRING);
    add_plan(p, c, described, c->is_64_bit);
}

// A piece of an EventSource's manifest, as event 65534 of every .NET EventSource carries it.
static void plan_manifest_piece(planner *p, event_class *c)
{
    static const property PIECE[] = {
        {.name = "Format", .in_type = IN_UINT8, .count = 1},
        {.name = "MajorVersion", .in_type = IN_UINT8, .count = 1},
        {.name = "MinorVersion", .in_type = IN_UINT8, .count = 1},
        {.name = "Magic", .in_type = IN_UINT8, .out_type = OUT_HEX_INT8, .count = 1},
        {.name = "TotalChunks", .in_type = IN_UINT16, .count = 1},
        {.name = "ChunkNumber", .in_type = IN_UINT16, .count = 1},
        {.name = "Manifest", .in_type = IN_REST_ANSI_STRING, .out_type = OUT_UTF8, .count = 1},
    };
    event_schema *described = arena_new(&p->table->arena, event_schema);
    *described = (event_schema){.key = KEY_MANIFEST,
                                .descriptor = c->descriptor,
                                .event_name = "ManifestData",
                                .properties = PIECE,
                                .property_count = COUNT_OF(PIECE),
                                .top_count = COUNT_OF(PIECE)};
    described->provider = private_provider(p, c, ORIGIN_EVENTSOURCE);
    add_plan(p, c, described, c->is_64_bit);
}

static void add_layouts(planner *p, event_class *c, const event_schema *const *list, u32 count, bool is_64_bit)
{
    for (u32 i = 0; i < count; i++)
        add_plan(p, c, list[i], is_64_bit);
}

// Layouts by trust. Those of the event's own version come first, then older ones: payloads lack fields more often than
// a header is wrong about its pointer size. Newer ones come after the event's own version at the other pointer size,
// since their fields make many payloads look whole.
static void add_found(planner *p, event_class *c, const schema_find_result *found, u32 count)
{
    const event_schema *own[2 * LIMIT_CANDIDATES], *older[2 * LIMIT_CANDIDATES], *newer[2 * LIMIT_CANDIDATES];
    u32 own_count = 0, older_count = 0, newer_count = 0;
    u8 version = found[0].event->descriptor.version;
    for (u32 i = 0; i < count; i++) {
        const event_schema *e = found[i].event, *counted = counted_variant(p, e);
        bool best = e->descriptor.version == version;
        const event_schema **list = best ? own : e->descriptor.version < version ? older : newer;
        u32 *at = best ? &own_count : e->descriptor.version < version ? &older_count : &newer_count;
        list[(*at)++] = e;
        if (counted)
            list[(*at)++] = counted;
    }
    add_layouts(p, c, own, own_count, c->is_64_bit);
    if (!found[0].exact)
        add_tails(p, c, own, own_count);
    add_layouts(p, c, older, older_count, c->is_64_bit);
    if (!c->classic) {
        add_layouts(p, c, newer, newer_count, c->is_64_bit);
        return;
    }
    add_layouts(p, c, own, own_count, !c->is_64_bit);
    add_layouts(p, c, newer, newer_count, c->is_64_bit);
    add_layouts(p, c, older, older_count, !c->is_64_bit);
    add_layouts(p, c, newer, newer_count, !c->is_64_bit);
}

static void plan_from_set(planner *p, event_class *c)
{
    schema_key key = c->message ? KEY_WPP : c->classic ? KEY_CLASSIC : KEY_MANIFEST;
    schema_find_result found[LIMIT_CANDIDATES];
    u32 count = schema_find(p->set, key, &c->provider_id, &c->descriptor, p->os_build, found, LIMIT_CANDIDATES);
    if (count)
        add_found(p, c, found, count);
    c->exact_version = count && found[0].exact;
}

static void add_plans(planner *p, event_class *c)
{
    if (c->metadata.len)
        plan_tracelogging(p, c);
    else if (c->string_only || c->forwarded_xml)
        plan_string(p, c);
    if (!c->plan_count)
        plan_from_set(p, c);
    if (!c->plan_count && !c->classic && c->descriptor.id == EVENTSOURCE_MANIFEST_ID &&
        c->descriptor.opcode == EVENTSOURCE_MANIFEST_OPCODE)
        plan_manifest_piece(p, c);
}

static bool has_senders(const event_class *c)
{
    const provider_schema *first = NULL;
    for (u32 i = 0; i < c->plan_count; i++) {
        const provider_schema *p = c->plans[i]->schema->provider;
        if (p->sender_count && first && p != first)
            return true;
        if (p->sender_count)
            first = p;
    }
    return false;
}

void class_plan(class_table *t, u32 index, schema_set *set, u32 os_build)
{
    planner p = {t, set, os_build};
    event_class *c = t->classes[index];
    c->plan_count = 0;
    c->named = NULL;
    c->exact_version = true;
    if (index == t->rest)
        return;
    if (t->arena.taken < t->most_bytes)
        add_plans(&p, c);
    else
        t->unplanned++;
    c->by_sender = has_senders(c);
    c->parameters =
        c->plan_count && c->plans[0]->schema->key == KEY_MANIFEST ? schema_parameters(set, &c->provider_id) : NULL;
    class_name(t, set, c, c->plan_count ? c->plans[0]->schema : NULL);
}

// The class under whose names a plan's records go: c itself, or one that was made for another plan of c with the same
// names. NULL: there is none yet.
static const event_class *named_alike(const event_class *c, u32 count, const event_class *names)
{
    if (class_same_names(c, names))
        return c;
    for (u32 i = 0; i < count; i++)
        if (class_same_names(c->named[i], names))
            return c->named[i];
    return NULL;
}

static const event_class *add_named(class_table *t, const event_class *c, const event_class *names)
{
    event_class *made = class_new(t);
    if (!made)
        return c;
    u32 index = made->index;
    *made = *names;
    made->index = index;
    made->plan_count = 0;
    return made;
}

// The plans of a class may stem from descriptions that name the event in other ways. Each of these gets a class of its
// own, which no event is looked up by: records go by the class of the plan that fits them.
static void split_names(class_table *t, schema_set *set, event_class *c)
{
    const event_class **named = arena_array(&t->arena, const event_class *, c->plan_count);
    bool split = false;
    c->named = named;
    for (u32 i = 0; i < c->plan_count; i++) {
        event_class names = *c;
        names.named = NULL;
        names.made = true;
        names.events = 0;
        class_name(t, set, &names, c->plans[i]->schema);
        named[i] = named_alike(c, i, &names);
        if (!named[i])
            named[i] = add_named(t, c, &names);
        split |= named[i] != c;
        if (named[i] != c) {
            event_class *made = t->classes[named[i]->index];
            made->plans[made->plan_count++] = c->plans[i];
        }
    }
    if (!split)
        c->named = NULL;
}

void class_table_plan(class_table *t, schema_set *set, u32 os_build)
{
    u32 count = t->count;
    t->unplanned = 0;
    for (u32 i = 0; i < count; i++)
        class_plan(t, i, set, os_build);
    for (u32 i = 0; i < count; i++)
        if (!t->classes[i]->made && t->classes[i]->plan_count > 1)
            split_names(t, set, t->classes[i]);
}
