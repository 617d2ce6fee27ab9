// Choosing and keeping layouts for the TDH functions: what a session has compiled, and which of it suits an event.
//
// A session belongs to one thread. Layouts are kept by their schema, TraceLogging schemas by the metadata they were
// read from, both until the session ends or the loaded manifests change. Records come from the caller and are believed;
// payloads and metadata inside them are input and are not.
#include "winapi/tdh_internal.h"

#include "base/limits.h"
#include "schema/tables/schema_kernel.h"
#include "schema/carried/schema_tracelogging.h"

enum { CLASS_BUCKETS = 1024 };

typedef struct traced { // a TraceLogging schema
    guid provider;
    span metadata;
    event_schema *schema; // NULL: the metadata contradicts itself
    struct traced *next;
} traced;

typedef struct value_plan {
    u16 in, out;
    bool explicit_length, wide;
    const plan *plan;
    struct value_plan *next;
} value_plan;

struct tdh_session {
    const schema_set *set;
    schema_set *kernel; // for those without a set; made when first needed
    u32 os_build;
    u64 generation; // of the manifests these were made from
    arena arena;
    tdh_class *classes[CLASS_BUCKETS];
    traced *traced[CLASS_BUCKETS];
    value_plan *values[64];
    u32 kept;
    decoder decoder;
    outbuf text[2];
};

static _Thread_local tdh_session *current;

tdh_session *tdh_session_new(const schema_set *set, u32 os_build)
{
    tdh_session *s = mem_zeroed(1, sizeof(*s));
    s->set = set;
    s->os_build = os_build;
    return s;
}

static void session_forget(tdh_session *s)
{
    arena_free(&s->arena);
    memset(s->classes, 0, sizeof(s->classes));
    memset(s->traced, 0, sizeof(s->traced));
    memset(s->values, 0, sizeof(s->values));
    s->kept = 0;
}

void tdh_session_free(tdh_session *s)
{
    if (!s)
        return;
    session_forget(s);
    schema_set_free(s->kernel);
    decoder_free(&s->decoder);
    outbuf_free(&s->text[0]);
    outbuf_free(&s->text[1]);
    mem_free(s);
}

tdh_session *tdh_session_enter(tdh_session *session)
{
    tdh_session *before = current;
    current = session;
    return before;
}

// ---------------------------------------------------------------------------------------------- records

void tdh_event_of(const EVENT_RECORD *record, event *out)
{
    const EVENT_HEADER *h = &record->EventHeader;
    const EVENT_DESCRIPTOR *d = &h->EventDescriptor;
    *out = (event){
        .payload = {record->UserData, record->UserData ? record->UserDataLength : 0},
        .classic = (h->Flags & EVENT_HEADER_FLAG_CLASSIC_HEADER) != 0,
        .wide = (h->Flags & EVENT_HEADER_FLAG_32_BIT_HEADER) == 0,
        .flags = h->Flags,
        .property = h->EventProperty,
        .process_id = h->ProcessId,
        .thread_id = h->ThreadId,
        .kernel_time = h->KernelTime,
        .user_time = h->UserTime,
        .time = h->TimeStamp.QuadPart,
        .provider = guid_load((const u8 *)&h->ProviderId),
        .descriptor = {d->Id, d->Version, d->Channel, d->Level, d->Opcode, d->Task, d->Keyword},
    };
    guid activity = guid_load((const u8 *)&h->ActivityId);
    out->activity = guid_is_zero(&activity) ? NULL : (const u8 *)&h->ActivityId;
    for (u32 i = 0; record->ExtendedData && i < record->ExtendedDataCount; i++) {
        const EVENT_HEADER_EXTENDED_DATA_ITEM *item = &record->ExtendedData[i];
        span data = {(const u8 *)(uintptr_t)item->DataPtr, item->DataSize};
        if (item->ExtType == EVENT_HEADER_EXT_TYPE_EVENT_SCHEMA_TL)
            out->schema_tl = data;
        else if (item->ExtType == EVENT_HEADER_EXT_TYPE_PROV_TRAITS)
            out->traits = data;
    }
}

// ---------------------------------------------------------------------------------------------- calls

void tdh_call_begin(tdh_call *call)
{
    *call = (tdh_call){0};
    tdh_manifests_hold();
    if (!current)
        call->own = tdh_session_new(NULL, 0);
    call->session = current ? current : call->own;
    if (call->session->generation != tdh_manifests_generation()) {
        session_forget(call->session);
        call->session->generation = tdh_manifests_generation();
    }
}

void tdh_call_end(tdh_call *call)
{
    tdh_session_free(call->own);
    tdh_manifests_release();
}

arena *tdh_call_arena(tdh_call *call)
{
    return &call->session->arena;
}

decoder *tdh_call_decoder(tdh_call *call)
{
    return &call->session->decoder;
}

outbuf *tdh_call_text(tdh_call *call, u32 which)
{
    outbuf *text = &call->session->text[which & 1];
    text->len = 0;
    return text;
}

u32 tdh_call_os_build(const tdh_call *call)
{
    return call->session->os_build;
}

static void fetch_kernel(void *context, schema_set *set, const guid *id)
{
    (void)context;
    (void)schema_kernel_fetch(set, id);
}

const schema_set *tdh_call_set(tdh_call *call, u32 *at)
{
    tdh_session *s = call->session;
    if (*at == 0) {
        ++*at;
        if (s->set)
            return s->set;
    }
    const schema_set *manifest = tdh_manifests_set(*at - 1);
    if (manifest) {
        ++*at;
        return manifest;
    }
    if (s->set || *at == UINT32_MAX)
        return NULL; // a trace's set brings the kernel's classes itself
    *at = UINT32_MAX;
    if (!s->kernel) {
        s->kernel = schema_set_new();
        schema_set_fetch(s->kernel, fetch_kernel, NULL);
    }
    return s->kernel;
}

// ---------------------------------------------------------------------------------------------- views

static bool has_inline_counts(const event_schema *schema)
{
    for (u32 i = 0; i < schema->property_count; i++)
        if (schema->properties[i].flags & PROP_COUNT_INLINE)
            return true;
    return false;
}

// A count that stands inline becomes a UINT16 property before its array, among the same siblings; everything else
// keeps its order, so that members of a struct stay together. to[i] is where property i goes (its count before it).
static bool view_places(const event_schema *schema, u32 *to)
{
    u32 place = 0;
    for (u32 i = 0; i < schema->property_count; i++) {
        place += (schema->properties[i].flags & PROP_COUNT_INLINE) != 0;
        to[i] = place++;
    }
    to[schema->property_count] = place;
    return place <= LIMIT_PROPERTIES;
}

static u32 first_place(const event_schema *schema, const u32 *to, u32 i)
{
    return i < schema->property_count && (schema->properties[i].flags & PROP_COUNT_INLINE) ? to[i] - 1 : to[i];
}

static void view_property(arena *a, const event_schema *schema, const u32 *to, u32 i, property *out)
{
    property p = schema->properties[i];
    if (p.flags & PROP_STRUCT) {
        u32 end = (u32)p.struct_start + p.struct_members;
        u32 start = first_place(schema, to, p.struct_start);
        p.struct_members = (u16)(first_place(schema, to, end) - start);
        p.struct_start = (u16)start;
    }
    if (p.flags & PROP_PARAM_LENGTH)
        p.length = (u16)to[p.length];
    if (p.flags & PROP_PARAM_COUNT)
        p.count = (u16)to[p.count];
    if (p.flags & PROP_COUNT_INLINE) {
        out[to[i] - 1] = (property){.name = arena_format(a, "%s.Count", p.name),
                                    .in_type = IN_UINT16,
                                    .out_type = OUT_UNSIGNED_SHORT,
                                    .count = 1};
        p.flags = (p.flags & ~(u32)PROP_COUNT_INLINE) | PROP_PARAM_COUNT;
        p.count = (u16)(to[i] - 1);
    }
    out[to[i]] = p;
}

static const event_schema *view_of(arena *a, const event_schema *schema)
{
    if (!has_inline_counts(schema))
        return schema;
    u32 *to = arena_array(a, u32, schema->property_count + 1u);
    if (!view_places(schema, to))
        return NULL;
    property *props = arena_array(a, property, to[schema->property_count]);
    for (u32 i = 0; i < schema->property_count; i++)
        view_property(a, schema, to, i, props);
    event_schema *view = arena_new(a, event_schema);
    *view = *schema;
    view->properties = props;
    view->property_count = (u16)to[schema->property_count];
    view->top_count = (u16)first_place(schema, to, schema->top_count);
    return view;
}

// ---------------------------------------------------------------------------------------------- classes

static u32 bucket_of(const void *key, bool wide)
{
    u64 h = ((u64)(uintptr_t)key >> 4 ^ (u64)wide << 60) * 0x9e3779b97f4a7c15u;
    return (u32)(h >> 32) % CLASS_BUCKETS;
}

tdh_class *tdh_class_make(tdh_call *call, const event_schema *schema, bool wide)
{
    tdh_session *s = call->session;
    tdh_class **bucket = &s->classes[bucket_of(schema, wide)];
    for (tdh_class *c = *bucket; c; c = c->next)
        if (c->schema == schema && c->plan->wide == wide)
            return c;
    const event_schema *view = s->kept < LIMIT_CLASSES ? view_of(&s->arena, schema) : NULL;
    const plan *compiled = view ? plan_compile(&s->arena, view, wide, NULL) : NULL;
    if (!compiled)
        return NULL;
    tdh_class *c = arena_new(&s->arena, tdh_class);
    *c = (tdh_class){schema, view, compiled, {0}, *bucket};
    s->kept++;
    return *bucket = c;
}

static const event_schema *traced_schema(tdh_call *call)
{
    tdh_session *s = call->session;
    const event *ev = &call->event;
    u64 h = guid_hash(&ev->provider);
    for (size_t i = 0; i < ev->schema_tl.len; i++)
        h = (h ^ ev->schema_tl.at[i]) * 0x100000001b3u;
    traced **bucket = &s->traced[(u32)(h >> 32) % CLASS_BUCKETS];
    for (const traced *t = *bucket; t; t = t->next)
        if (t->metadata.len == ev->schema_tl.len && guid_equal(&t->provider, &ev->provider) &&
            memcmp(t->metadata.at, ev->schema_tl.at, ev->schema_tl.len) == 0)
            return t->schema;
    if (s->kept >= LIMIT_CLASSES)
        return NULL;
    s->kept++;
    traced *t = arena_new(&s->arena, traced);
    *t = (traced){ev->provider, arena_bytes(&s->arena, ev->schema_tl), NULL, *bucket};
    *bucket = t;
    event_schema *schema = arena_new(&s->arena, event_schema);
    if (!tracelogging_schema(&s->arena, t->metadata, schema, NULL))
        return NULL;
    provider_schema *p = arena_new(&s->arena, provider_schema);
    p->id = ev->provider;
    p->origin = ORIGIN_TRACELOGGING;
    p->name = tracelogging_provider_name(&s->arena, ev->traits);
    schema->provider = p;
    schema->descriptor = ev->descriptor;
    return t->schema = schema;
}

// ---------------------------------------------------------------------------------------------- candidates

typedef struct choice {
    const tdh_class *best;
    u32 rank; // of best: its decode_fit
} choice;

static void try_class(tdh_call *call, choice *c, const event_schema *schema, bool wide)
{
    if (c->best && c->rank == FIT_EXACT)
        return;
    const tdh_class *made = tdh_class_make(call, schema, wide);
    if (!made)
        return;
    decoded at;
    decode_fit fit = decode_run(&call->session->decoder, made->plan, call->event.payload, &at);
    if (!c->best || fit < c->rank)
        *c = (choice){made, fit};
}

// Candidates in their order of trust. Where none is consumed exactly as the header says and one is with the other
// pointer size, the payload decides.
static const tdh_class *choose(tdh_call *call, const schema_find_result *found, u32 count, bool exact)
{
    choice c = {0};
    bool wide = call->event.wide;
    for (u32 i = 0; i < count; i++)
        if (found[i].exact == exact)
            try_class(call, &c, found[i].event, wide);
    choice other = {0};
    for (u32 i = 0; i < count && c.best && c.rank != 0; i++)
        if (found[i].exact == exact)
            try_class(call, &other, found[i].event, !wide);
    return other.best && other.rank == 0 ? other.best : c.best;
}

const tdh_class *tdh_call_class(tdh_call *call, decoded *at)
{
    const event *ev = &call->event;
    const tdh_class *class = NULL;
    schema_find_result found[4 * LIMIT_CANDIDATES];
    u32 count = 0;
    if (ev->flags & EVENT_FLAG_STRING_ONLY)
        return NULL;
    if (ev->schema_tl.len) {
        const event_schema *schema = traced_schema(call);
        if (schema)
            found[count++] = (schema_find_result){schema, true};
    } else {
        schema_key key = ev->flags & EVENT_FLAG_TRACE_MESSAGE ? KEY_WPP : ev->classic ? KEY_CLASSIC : KEY_MANIFEST;
        const schema_set *set;
        u32 next = 0;
        while (count < COUNT_OF(found) && (set = tdh_call_set(call, &next)) != NULL)
            count += schema_find(set, key, &ev->provider, &ev->descriptor, call->session->os_build, found + count,
                                 (u32)COUNT_OF(found) - count);
    }
    class = choose(call, found, count, true);
    if (!class)
        class = choose(call, found, count, false);
    if (class && at)
        decode_run(&call->session->decoder, class->plan, ev->payload, at);
    return class;
}

// ---------------------------------------------------------------------------------------------- single values

const plan *tdh_call_value_plan(tdh_call *call, u16 in, u16 out, bool explicit_length, bool wide)
{
    tdh_session *s = call->session;
    if (!in_type_find(in) || in == IN_STRUCT)
        return NULL;
    value_plan **bucket = &s->values[(in * 31u + out * 7u + (u32)explicit_length * 2u + wide) % COUNT_OF(s->values)];
    u32 chain = 0;
    for (const value_plan *v = *bucket; v; v = v->next, chain++)
        if (v->in == in && v->out == out && v->explicit_length == explicit_length && v->wide == wide)
            return v->plan;
    property *p = arena_new(&s->arena, property);
    *p = (property){.name = "value", .in_type = in, .out_type = out, .count = 1};
    if (explicit_length) {
        p->flags = PROP_FIXED_LENGTH;
        p->length = 1;
    }
    event_schema *schema = arena_new(&s->arena, event_schema);
    *schema = (event_schema){.key = KEY_MANIFEST, .properties = p, .property_count = 1, .top_count = 1};
    value_plan *v = arena_new(&s->arena, value_plan);
    *v = (value_plan){in, out, explicit_length, wide, plan_compile(&s->arena, schema, wide, NULL), NULL};
    if (chain < 64) { // a caller may invent 65,536 out types
        v->next = *bucket;
        *bucket = v;
    }
    return v->plan;
}
