#include "decode/classes.h"

#include <string.h>

#include "base/arena.h"
#include "base/map.h"
#include "schema/core/core_pack.h"
#include "schema/tables/schema_kernel.h"
#include "schema/carried/schema_tracelogging.h"

// What two events of one class have in common, beside their TraceLogging metadata.
typedef struct class_key {
    u64 words[4]; // provider, descriptor
    u32 bits;     // header facts that change the meaning of the same numbers
    u32 metadata_len;
} class_key;

struct class_table {
    arena arena;
    event_class **classes;
    class_key *keys;
    u32 count, class_cap, key_cap;
    map by_key;
    size_t most_bytes;
    u64 refused;
    u32 unplanned;
    event_class unknown;
};

enum { BIT_WIDE = 1, BIT_CLASSIC = 2, BIT_STRING = 4, BIT_MESSAGE = 8, BIT_TRACELOGGING = 16 };

class_table *class_table_new(size_t most_bytes)
{
    class_table *t = mem_zeroed(1, sizeof(*t));
    t->most_bytes = most_bytes;
    t->unknown.index = CLASS_NONE;
    return t;
}

void class_table_free(class_table *t)
{
    if (!t)
        return;
    mem_free(t->classes);
    mem_free(t->keys);
    map_free(&t->by_key);
    arena_free(&t->arena);
    mem_free(t);
}

u32 class_count(const class_table *t)
{
    return t->count;
}

event_class *class_at(const class_table *t, u32 index)
{
    return t->classes[index];
}

const event_class *const *class_list(const class_table *t)
{
    return (const event_class *const *)t->classes;
}

u64 class_refused(const class_table *t)
{
    return t->refused;
}

void class_refuse(class_table *t, u64 events)
{
    t->refused += events;
}

u32 class_unplanned(const class_table *t)
{
    return t->unplanned;
}

const event_class *class_unknown(const class_table *t)
{
    return &t->unknown;
}

// ---------------------------------------------------------------------------------------------- finding

static class_key key_of(const event *ev)
{
    class_key k;
    memcpy(k.words, ev->provider.bytes, 16);
    memcpy(k.words + 2, &ev->descriptor, 16);
    k.metadata_len = (u32)ev->schema_tl.len;
    k.bits = (ev->wide ? BIT_WIDE : 0u) | (ev->classic ? BIT_CLASSIC : 0u) |
             (ev->flags & EVENT_FLAG_STRING_ONLY ? BIT_STRING : 0u) | (ev->kind == HEADER_MESSAGE ? BIT_MESSAGE : 0u) |
             (ev->schema_tl.len ? BIT_TRACELOGGING : 0u);
    return k;
}

static u64 hash_of(const class_key *k, span metadata)
{
    u64 hash = hash_bytes(k, sizeof(*k));
    return metadata.len ? hash_more(hash, metadata.at, metadata.len) : hash;
}

static bool is_class(const class_table *t, u32 index, const class_key *k, span metadata)
{
    return memcmp(&t->keys[index], k, sizeof(*k)) == 0 &&
           (!metadata.len || memcmp(t->classes[index]->metadata.at, metadata.at, metadata.len) == 0);
}

static u32 find(const class_table *t, u64 hash, const class_key *k, span metadata)
{
    u32 found;
    MAP_FIND(found, &t->by_key, hash, is_class(t, index_, k, metadata));
    return found;
}

u32 class_find(const class_table *t, const event *ev)
{
    class_key k = key_of(ev);
    u32 found = find(t, hash_of(&k, ev->schema_tl), &k, ev->schema_tl);
    return found == MAP_NONE ? CLASS_NONE : found;
}

static void new_class(class_table *t, const event *ev, const class_key *k)
{
    GROW(t->classes, t->count, t->class_cap);
    GROW(t->keys, t->count, t->key_cap);
    event_class *c = arena_new(&t->arena, event_class);
    *c = (event_class){.index = t->count,
                       .provider_id = ev->provider,
                       .descriptor = ev->descriptor,
                       .kind = ev->kind,
                       .classic = ev->classic,
                       .wide = ev->wide,
                       .string_only = (ev->flags & EVENT_FLAG_STRING_ONLY) != 0,
                       .message = ev->kind == HEADER_MESSAGE,
                       .hook = ev->hook};
    if (ev->schema_tl.len)
        c->metadata = arena_bytes(&t->arena, ev->schema_tl);
    if (ev->traits.len)
        c->own_provider = tracelogging_provider_name(&t->arena, ev->traits);
    t->keys[t->count] = *k;
    t->classes[t->count++] = c;
}

u32 class_add(class_table *t, const event *ev)
{
    class_key k = key_of(ev);
    u64 hash = hash_of(&k, ev->schema_tl);
    u32 found = find(t, hash, &k, ev->schema_tl);
    if (found != MAP_NONE)
        return found;
    if (t->count >= LIMIT_CLASSES || t->arena.taken + ev->schema_tl.len > t->most_bytes)
        return CLASS_NONE;
    map_add(&t->by_key, hash, t->count);
    new_class(t, ev, &k);
    return t->count - 1;
}

// ---------------------------------------------------------------------------------------------- planning

enum { EVENTSOURCE_MANIFEST_ID = 0xfffe, EVENTSOURCE_MANIFEST_OPCODE = 0xfe };

typedef struct planner {
    class_table *table;
    schema_set *set;
    u32 os_build;
} planner;

static void add_plan(planner *p, event_class *c, const event_schema *described, bool wide)
{
    if (c->plan_count >= CLASS_PLANS)
        return;
    const plan *compiled = plan_compile(&p->table->arena, described, wide, NULL);
    if (compiled && (wide == c->wide || compiled->has_pointer))
        c->plans[c->plan_count++] = compiled;
}

// The count of an array that a schema fixes at a token number (CLR stacks: 2) is told by the field in front of it.
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

// The layout with all that may stand behind its fields as one more, Tail. Members of structs stand behind the top-level
// properties: they move up by one.
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
    if (newest[0]->provider->origin != ORIGIN_KERNEL || newest[0]->descriptor.version >= c->descriptor.version)
        return;
    for (u32 i = count; i-- > 0;)
        if (newest[i]->top_count)
            add_plan(p, c, with_tail(&p->table->arena, newest[i]), c->wide);
}

static const char *standard_level(u8 level)
{
    static const char *const NAMES[] = {NULL, "Critical", "Error", "Warning", "Information", "Verbose"};
    return level < COUNT_OF(NAMES) ? NAMES[level] : NULL;
}

static const char *standard_opcode(u8 opcode)
{
    static const char *const NAMES[] = {"Info",      "Start", "Stop",   "DCStart", "DCStop",
                                        "Extension", "Reply", "Resume", "Suspend", "Send"};
    if (opcode == 240)
        return "Receive";
    return opcode < COUNT_OF(NAMES) ? NAMES[opcode] : NULL;
}

// Names of the keyword bits an event has set: its own list, or the provider's.
static void name_keywords(planner *p, event_class *c, const event_schema *described)
{
    u64 keyword = c->descriptor.keyword;
    u64 own = described->descriptor.keyword;
    if (described->keyword_count && (own == keyword || own == 0)) {
        c->keyword_names = described->keyword_names;
        c->keyword_count = described->keyword_count;
        return;
    }
    const name_list *list = &described->provider->keywords;
    const char *names[64];
    u32 count = 0;
    for (u32 i = 0; i < list->count && count < COUNT_OF(names); i++)
        if (list->items[i].value && (keyword & list->items[i].value) == list->items[i].value && list->items[i].name)
            names[count++] = list->items[i].name;
    const char **kept = arena_array(&p->table->arena, const char *, count);
    if (count)
        memcpy(kept, names, count * sizeof(*kept));
    c->keyword_names = kept;
    c->keyword_count = count;
}

static const char *listed_name(const name_list *list, u64 value)
{
    const schema_name *n = schema_find_name(list, value);
    return n ? n->name : NULL;
}

static const char *behind_win(const char *name)
{
    return name && strncmp(name, "win:", 4) == 0 ? name + 4 : name;
}

// Windows names an event by its task, and by its opcode where that says more than "Info".
static const char *composed_name(planner *p, const event_class *c)
{
    const char *task = c->task_name, *opcode = c->opcode_name;
    if (task && opcode && (c->classic || c->descriptor.opcode != 0))
        return arena_format(&p->table->arena, "%s/%s", task, opcode);
    return task ? task : opcode && c->descriptor.opcode != 0 ? opcode : NULL;
}

static void name_from_schema(planner *p, event_class *c, const event_schema *described)
{
    const provider_schema *provider = described->provider;
    const event_descriptor *d = &c->descriptor;
    if (provider->name && (!c->provider || c->classic))
        c->provider = provider->name;
    bool same_task = described->descriptor.task == d->task || c->classic || described->any_task;
    c->task_name = same_task ? described->task_name : NULL;
    if (!c->task_name && d->task)
        c->task_name = listed_name(&provider->tasks, d->task);
    // A schema's names are of its own opcode and level; an event of the same id may carry others.
    c->opcode_name = described->descriptor.opcode == d->opcode || described->any_opcode ? described->opcode_name : NULL;
    if (!c->opcode_name)
        c->opcode_name = listed_name(&provider->opcodes, d->opcode | (u64)d->task << 16);
    if (!c->opcode_name)
        c->opcode_name = listed_name(&provider->opcodes, d->opcode);
    c->level_name = described->descriptor.level == d->level ? described->level_name : NULL;
    if (!c->level_name && d->level)
        c->level_name = listed_name(&provider->levels, d->level);
    if (c->message)
        c->descriptor.level = described->descriptor.level;
    c->channel_name = described->channel_name;
    c->event_name = described->event_name;
    c->origin = provider->origin;
    name_keywords(p, c, described);
}

static void name_rest(planner *p, event_class *c)
{
    if (!c->provider)
        c->provider = core_provider_name(&c->provider_id);
    if (c->hook || c->classic) {
        if (!c->opcode_name)
            c->opcode_name = kernel_opcode_name(p->set, &c->provider_id, c->descriptor.opcode);
        if (c->opcode_name && !c->task_name && c->hook)
            c->task_name = kernel_group_name((u8)(c->hook >> 8));
    } else {
        if (!c->opcode_name && !c->message)
            c->opcode_name = standard_opcode(c->descriptor.opcode);
        if (!c->level_name)
            c->level_name = standard_level(c->descriptor.level);
    }
    c->level_name = behind_win(c->level_name);
    if (c->level_name && strcmp(c->level_name, "Informational") == 0)
        c->level_name = "Information";
    c->opcode_name = behind_win(c->opcode_name);
    if (!c->event_name)
        c->event_name = composed_name(p, c);
}

static provider_schema *private_provider(planner *p, event_class *c, schema_origin origin)
{
    provider_schema *provider = arena_new(&p->table->arena, provider_schema);
    provider->set = p->set;
    provider->id = c->provider_id;
    provider->name = c->provider;
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
    c->exact_version = true;
    name_from_schema(p, c, described);
    add_plan(p, c, described, c->wide);
}

// EVENT_HEADER_FLAG_STRING_ONLY: the whole payload is one string.
static void plan_string(planner *p, event_class *c)
{
    static const property MESSAGE[] = {{.name = "Message", .in_type = IN_UNICODE_STRING, .count = 1}};
    event_schema *described = arena_new(&p->table->arena, event_schema);
    *described = (event_schema){.key = KEY_MANIFEST,
                                .descriptor = c->descriptor,
                                .message = "%1",
                                .properties = MESSAGE,
                                .property_count = 1,
                                .top_count = 1};
    described->provider = private_provider(p, c, ORIGIN_STRING);
    c->exact_version = true;
    name_from_schema(p, c, described);
    add_plan(p, c, described, c->wide);
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
    for (const provider_schema *s = schema_providers(p->set, &c->provider_id); s && !c->provider; s = s->next)
        c->provider = s->name;
    c->exact_version = true;
    name_from_schema(p, c, described);
    add_plan(p, c, described, c->wide);
}

static void add_wide(planner *p, event_class *c, const event_schema *const *list, u32 count, bool wide)
{
    for (u32 i = 0; i < count; i++)
        add_plan(p, c, list[i], wide);
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
    add_wide(p, c, own, own_count, c->wide);
    if (!found[0].exact)
        add_tails(p, c, own, own_count);
    add_wide(p, c, older, older_count, c->wide);
    if (!c->classic) {
        add_wide(p, c, newer, newer_count, c->wide);
        return;
    }
    add_wide(p, c, own, own_count, !c->wide);
    add_wide(p, c, newer, newer_count, c->wide);
    add_wide(p, c, older, older_count, !c->wide);
    add_wide(p, c, newer, newer_count, !c->wide);
}

static void plan_from_set(planner *p, event_class *c)
{
    schema_key key = c->message ? KEY_WPP : c->classic ? KEY_CLASSIC : KEY_MANIFEST;
    schema_find_result found[LIMIT_CANDIDATES];
    u32 count = schema_find(p->set, key, &c->provider_id, &c->descriptor, p->os_build, found, LIMIT_CANDIDATES);
    if (count) {
        c->exact_version = found[0].exact;
        name_from_schema(p, c, found[0].event);
        add_found(p, c, found, count);
        return;
    }
    for (const provider_schema *s = schema_providers(p->set, &c->provider_id); s && !c->provider; s = s->next)
        c->provider = s->name;
}

static void forget_names(event_class *c)
{
    c->provider = c->own_provider;
    c->event_name = c->task_name = c->opcode_name = c->level_name = c->channel_name = NULL;
    c->keyword_names = NULL;
    c->keyword_count = 0;
    c->exact_version = false;
    if (c->message)
        c->descriptor.level = 0;
}

static void add_plans(planner *p, event_class *c)
{
    if (c->metadata.len)
        plan_tracelogging(p, c);
    else if (c->string_only)
        plan_string(p, c);
    if (!c->plan_count)
        plan_from_set(p, c);
    if (!c->plan_count && !c->classic && c->descriptor.id == EVENTSOURCE_MANIFEST_ID &&
        c->descriptor.opcode == EVENTSOURCE_MANIFEST_OPCODE)
        plan_manifest_piece(p, c);
}

void class_plan(class_table *t, u32 index, schema_set *set, u32 os_build)
{
    planner p = {t, set, os_build};
    event_class *c = t->classes[index];
    forget_names(c);
    c->plan_count = 0;
    if (t->arena.taken < t->most_bytes)
        add_plans(&p, c);
    else
        t->unplanned++;
    if (!c->plan_count)
        c->origin = ORIGIN_NONE;
    name_rest(&p, c);
}

void class_table_plan(class_table *t, schema_set *set, u32 os_build)
{
    t->unplanned = 0;
    for (u32 i = 0; i < t->count; i++)
        class_plan(t, i, set, os_build);
}

// A name that begins with anything but printable ASCII.
static bool strange_text(const plan *p, const decoded *values, span payload)
{
    if (p->first_text == PLAN_NO_TEXT || values->slots[p->first_text].len < 2)
        return false;
    u16 first = load_u16(payload.at + values->slots[p->first_text].offset);
    return first < 0x20 || first > 0x7e;
}

// Addresses have 48 bits, sign-extended.
static bool canonical_pointers(const plan *p, const decoded *values, span payload)
{
    for (u32 i = 0; i < p->first_text; i++) {
        slot value = values->slots[i];
        bool pointer = p->fields[i].in_type == IN_POINTER && value.len == 8;
        i64 high = pointer ? load_i64(payload.at + value.offset) >> 47 : 0;
        if (high != 0 && high != -1)
            return false;
    }
    return true;
}

// Both pointer sizes may take a payload: half of a 64-bit number is then the beginning of the name that follows. It is
// as its header says, unless that makes a name strange which is not with 8-byte pointers: 32-bit programs have written
// such payloads.
static bool wide_after_all(const event_class *cls, decoder *d, const plan *narrow, span payload, class_decode *out)
{
    if (!cls->classic || narrow->wide || !narrow->has_pointer || !strange_text(narrow, &out->values, payload))
        return false;
    for (u32 i = 0; i < cls->plan_count; i++) {
        const plan *p = cls->plans[i];
        if (!p->wide || decode_run(d, p, payload, &out->values) != FIT_EXACT || p->first_text == PLAN_NO_TEXT ||
            strange_text(p, &out->values, payload) || !canonical_pointers(p, &out->values, payload))
            continue;
        out->plan = p;
        return true;
    }
    decode_run(d, narrow, payload, &out->values);
    return false;
}

// Of the plans that leave nothing but padding over, the first; else the first of all.
static void decode_inexact(const event_class *cls, decoder *d, u32 padded, span payload, class_decode *out)
{
    if (!cls->plan_count) {
        *out = (class_decode){NULL, {0}, RECORD_RAW};
        return;
    }
    bool fits = padded < cls->plan_count;
    out->plan = cls->plans[fits ? padded : 0];
    out->state = fits ? RECORD_DECODED : RECORD_PARTIAL;
    if (cls->plan_count > 1)
        decode_run(d, out->plan, payload, &out->values);
}

void class_decode_payload(const event_class *cls, decoder *d, span payload, class_decode *out)
{
    u32 padded = CLASS_PLANS;
    for (u32 i = 0; i < cls->plan_count; i++) {
        const plan *p = cls->plans[i];
        if (padded < CLASS_PLANS && p->wide != cls->plans[padded]->wide)
            break;
        decode_fit fit = decode_run(d, p, payload, &out->values);
        if (fit == FIT_PADDED && padded == CLASS_PLANS)
            padded = i;
        if (fit != FIT_EXACT)
            continue;
        out->state = RECORD_DECODED;
        if (!wide_after_all(cls, d, p, payload, out))
            out->plan = p;
        return;
    }
    decode_inexact(cls, d, padded, payload, out);
}

record_state class_state(const event_class *cls, decoder *d, span payload)
{
    for (u32 i = 0; i < cls->plan_count; i++) {
        const plan *p = cls->plans[i];
        decoded values;
        bool fits = p->all_fixed ? payload.len >= p->prefix_bytes && payload.len - p->prefix_bytes <= p->padding
                                 : decode_run(d, p, payload, &values) == FIT_EXACT;
        if (fits)
            return RECORD_DECODED;
    }
    return cls->plan_count ? RECORD_PARTIAL : RECORD_RAW;
}

const char *record_state_name(record_state state)
{
    switch (state) {
    case RECORD_DECODED:
        return "decoded";
    case RECORD_PARTIAL:
        return "partial";
    case RECORD_RAW:
        return "raw";
    }
    return "raw";
}
