// Choosing and keeping layouts for the TDH functions: what calls have compiled so far, and which of it suits an event.
//
// A session serves one call at a time, of any thread: a call takes one that is idle or makes one, and gives it back.
// What it keeps is valid until the shared schemas change; then it goes as a whole, as it does where memory runs out.
// Records come from the caller and are believed; payloads and metadata inside them are input and are not.
#include <pthread.h>

#include "base/limits.h"
#include "base/map.h"
#include "base/memory.h"
#include "schema/cache/schema_cache.h"
#include "schema/carried/schema_tracelogging.h"
#include "schema/core/schema_core.h"
#include "schema/tables/schema_kernel.h"
#include "winapi/tdh_internal.h"
#include "winapi/winapi.h"

typedef struct traced { // a TraceLogging schema; names of levels and opcodes come from the descriptor
    guid provider;
    event_descriptor descriptor;
    span metadata;
    event_schema *schema; // NULL: the metadata contradicts itself
} traced;

typedef struct value_plan {
    u64 types;
    const plan *plan;
} value_plan;

enum { MOST_CACHES = 8, MOST_IDLE = 64 };

struct tdh_session {
    mem_pool *pool;   // all of it
    u64 generation;   // of the shared schemas these were made from
    schema_set *base; // made when first needed
    schema_cache *caches[MOST_CACHES];
    u32 cache_count;
    arena arena;
    tdh_class **classes;
    traced *traced;
    value_plan *values;
    u32 class_count, class_cap, traced_count, traced_cap, value_count, value_cap;
    map class_map, traced_map, value_map;
    u32 kept; // layouts, and providers that were looked for; what input may make grow
    decoder decoder;
    outbuf text[2];
    tdh_session *next; // while it is idle
};

static struct {
    pthread_mutex_t lock;
    tdh_session *first;
    u32 count;
} idle = {.lock = PTHREAD_MUTEX_INITIALIZER};

// A thread that is delivering a trace keeps a session for its next call.
static _Thread_local struct {
    bool keeps;
    tdh_session *session;
} own;

// ---------------------------------------------------------------------------------------------- records

void tdh_event_of(const EVENT_RECORD *record, event *out)
{
    const EVENT_HEADER *h = &record->EventHeader;
    const EVENT_DESCRIPTOR *d = &h->EventDescriptor;
    *out = (event){
        .payload = {record->UserData, record->UserData ? record->UserDataLength : 0},
        .classic = (h->Flags & EVENT_HEADER_FLAG_CLASSIC_HEADER) != 0,
        .is_64_bit = (h->Flags & EVENT_HEADER_FLAG_32_BIT_HEADER) == 0,
        .flags = h->Flags,
        .property = h->EventProperty,
        .process_id = h->ProcessId,
        .thread_id = h->ThreadId,
        .kernel_time = h->KernelTime,
        .user_time = h->UserTime,
        .time = h->TimeStamp.QuadPart,
        .provider = winapi_guid_bytes(&h->ProviderId),
        .descriptor = {d->Id, d->Version, d->Channel, d->Level, d->Opcode, d->Task, d->Keyword},
    };
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

typedef struct run {
    tdh_call call;
    TDHSTATUS (*work)(tdh_call *call, void *arguments);
    void *arguments;
    TDHSTATUS status;
} run;

static void make_session(void *context)
{
    tdh_session **made = context;
    *made = mem_zeroed(1, sizeof(**made));
}

// NULL: there is no memory.
static tdh_session *new_session(u64 generation)
{
    tdh_session *s = NULL;
    mem_pool *pool = mem_pool_new();
    if (!pool || !mem_try(pool, make_session, &s, NULL)) {
        mem_pool_free(pool);
        return NULL;
    }
    s->pool = pool;
    s->generation = generation;
    return s;
}

static tdh_session *idle_session(void)
{
    tdh_session *kept = own.session;
    own.session = NULL;
    if (kept)
        return kept;
    pthread_mutex_lock(&idle.lock);
    tdh_session *s = idle.first;
    if (s) {
        idle.first = s->next;
        idle.count--;
    }
    pthread_mutex_unlock(&idle.lock);
    return s;
}

static tdh_session *begin_session(void)
{
    u64 generation = tdh_schemas_generation();
    tdh_session *s;
    while ((s = idle_session()) != NULL && s->generation != generation)
        mem_pool_free(s->pool);
    return s ? s : new_session(generation);
}

static void end_session(tdh_session *s)
{
    bool keep = s->kept < LIMIT_CLASSES;
    if (keep && own.keeps) {
        own.session = s;
        return;
    }
    pthread_mutex_lock(&idle.lock);
    keep = keep && idle.count < MOST_IDLE;
    if (keep) {
        s->next = idle.first;
        idle.first = s;
        idle.count++;
    }
    pthread_mutex_unlock(&idle.lock);
    if (!keep)
        mem_pool_free(s->pool);
}

bool tdh_session_keep(bool keeps)
{
    bool before = own.keeps;
    tdh_session *s = own.session;
    own.keeps = keeps;
    own.session = NULL;
    if (s)
        end_session(s);
    return before;
}

static void run_work(void *context)
{
    run *r = context;
    r->status = r->work(&r->call, r->arguments);
}

TDHSTATUS tdh_run(TDHSTATUS (*work)(tdh_call *call, void *arguments), void *arguments)
{
    run r = {.work = work, .arguments = arguments, .status = ERROR_NOT_ENOUGH_MEMORY};
    tdh_schemas_hold();
    tdh_session *s = r.call.session = begin_session();
    if (s && mem_try(s->pool, run_work, &r, NULL)) {
        end_session(s);
    } else {
        r.status = ERROR_NOT_ENOUGH_MEMORY;
        if (s)
            mem_pool_free(s->pool);
    }
    tdh_schemas_release();
    return r.status;
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

static void fetch_base(void *context, schema_set *set, const guid *id)
{
    tdh_session *s = context;
    s->kept++;
    for (u32 i = 0; i < s->cache_count; i++)
        schema_cache_fetch(s->caches[i], set, id);
    (void)schema_kernel_fetch(set, id);
    (void)schema_core_fetch(set, id);
}

static void open_caches(tdh_session *s)
{
    const char *path;
    for (u32 i = 0; s->cache_count < MOST_CACHES && (path = tdh_schemas_cache(i)) != NULL; i++)
        if (schema_cache_open(&s->caches[s->cache_count], path, NULL))
            s->cache_count++;
}

const schema_set *tdh_call_base(tdh_call *call)
{
    tdh_session *s = call->session;
    if (!s->base) {
        s->base = schema_set_new();
        schema_set_fetch(s->base, fetch_base, s);
        open_caches(s);
    }
    return s->base;
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

tdh_class *tdh_class_make(tdh_call *call, const event_schema *schema, bool is_64_bit)
{
    tdh_session *s = call->session;
    u64 hash = hash_u64((u64)(uintptr_t)schema ^ is_64_bit);
    u32 at;
    MAP_FIND(at, &s->class_map, hash,
             s->classes[index_]->schema == schema && s->classes[index_]->plan->is_64_bit == is_64_bit);
    if (at != MAP_NONE)
        return s->classes[at];
    const event_schema *view = s->kept < LIMIT_CLASSES ? view_of(&s->arena, schema) : NULL;
    const plan *compiled = view ? plan_compile(&s->arena, view, is_64_bit, NULL) : NULL;
    if (!compiled)
        return NULL;
    tdh_class *c = arena_new(&s->arena, tdh_class);
    *c = (tdh_class){schema, view, compiled, {0}};
    GROW(s->classes, s->class_count, s->class_cap);
    s->classes[s->class_count] = c;
    map_add(&s->class_map, hash, s->class_count++);
    s->kept++;
    return c;
}

static bool is_traced(const void *items, u32 index, const void *key)
{
    const traced *t = (const traced *)items + index;
    const event *ev = key;
    return t->metadata.len == ev->schema_tl.len && guid_equal(&t->provider, &ev->provider) &&
           memcmp(&t->descriptor, &ev->descriptor, sizeof(t->descriptor)) == 0 &&
           memcmp(t->metadata.at, ev->schema_tl.at, ev->schema_tl.len) == 0;
}

// NULL: the metadata contradicts itself.
static event_schema *read_metadata(arena *a, span metadata, const event *ev)
{
    event_schema *schema = arena_new(a, event_schema);
    if (!tracelogging_schema(a, metadata, schema, NULL))
        return NULL;
    provider_schema *p = arena_new(a, provider_schema);
    p->id = ev->provider;
    p->origin = ORIGIN_TRACELOGGING;
    p->name = tracelogging_provider_name(a, ev->traits);
    schema->provider = p;
    schema->descriptor = ev->descriptor;
    return schema;
}

static const event_schema *traced_schema(tdh_call *call)
{
    tdh_session *s = call->session;
    const event *ev = &call->event;
    u64 hash = hash_bytes(&ev->provider, sizeof(ev->provider));
    hash = hash_more(hash, &ev->descriptor, sizeof(ev->descriptor));
    hash = hash_more(hash, ev->schema_tl.at, ev->schema_tl.len);
    u32 at = map_find(&s->traced_map, hash, is_traced, s->traced, ev);
    if (at != MAP_NONE)
        return s->traced[at].schema;
    if (s->kept >= LIMIT_CLASSES)
        return NULL;
    s->kept++;
    GROW(s->traced, s->traced_count, s->traced_cap);
    traced *t = &s->traced[s->traced_count];
    *t = (traced){ev->provider, ev->descriptor, arena_bytes(&s->arena, ev->schema_tl), NULL};
    t->schema = read_metadata(&s->arena, t->metadata, ev);
    map_add(&s->traced_map, hash, s->traced_count++);
    return t->schema;
}

// ---------------------------------------------------------------------------------------------- candidates

typedef struct choice {
    const tdh_class *best;
    u32 rank; // of best: its decode_fit
} choice;

static void try_class(tdh_call *call, choice *c, const event_schema *schema, bool is_64_bit)
{
    if (c->best && c->rank == FIT_EXACT)
        return;
    const tdh_class *made = tdh_class_make(call, schema, is_64_bit);
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
    bool is_64_bit = call->event.is_64_bit;
    for (u32 i = 0; i < count; i++)
        if (found[i].exact == exact)
            try_class(call, &c, found[i].event, is_64_bit);
    choice other = {0};
    for (u32 i = 0; i < count && c.best && c.rank != 0; i++)
        if (found[i].exact == exact)
            try_class(call, &other, found[i].event, !is_64_bit);
    return other.best && other.rank == 0 ? other.best : c.best;
}

typedef struct candidates {
    schema_find_result found[4 * LIMIT_CANDIDATES];
    u32 count;
    bool exact; // one of them is of the event's own version
} candidates;

static void add_found(candidates *c, const schema_set *set, const event *ev, u32 os_build)
{
    schema_key key = ev->flags & EVENT_FLAG_TRACE_MESSAGE ? KEY_WPP : ev->classic ? KEY_CLASSIC : KEY_MANIFEST;
    u32 first = c->count;
    c->count += schema_find(set, key, &ev->provider, &ev->descriptor, os_build, c->found + first,
                            (u32)COUNT_OF(c->found) - first);
    for (u32 i = first; i < c->count; i++)
        c->exact |= c->found[i].exact;
}

// The library's own knowledge is used where nobody else knows the event as it is.
static void find_candidates(tdh_call *call, candidates *c)
{
    const event *ev = &call->event;
    const schema_set *set;
    u32 os_build;
    if (ev->schema_tl.len) {
        const event_schema *schema = traced_schema(call);
        if (schema)
            c->found[c->count++] = (schema_find_result){schema, true};
        return;
    }
    for (u32 i = 0; (set = tdh_schemas_set(i, &os_build)) != NULL; i++)
        add_found(c, set, ev, os_build);
    if (!c->exact)
        add_found(c, tdh_call_base(call), ev, os_build);
}

const tdh_class *tdh_call_class(tdh_call *call, decoded *at)
{
    const event *ev = &call->event;
    candidates c; // large, and only its beginning is read
    if (ev->flags & EVENT_FLAG_STRING_ONLY)
        return NULL;
    c.count = 0;
    c.exact = false;
    find_candidates(call, &c);
    const tdh_class *class = choose(call, c.found, c.count, true);
    if (!class)
        class = choose(call, c.found, c.count, false);
    if (class && at)
        decode_run(&call->session->decoder, class->plan, ev->payload, at);
    return class;
}

// ---------------------------------------------------------------------------------------------- single values

static const plan *compile_value(arena *a, u16 in, u16 out, bool explicit_length, bool is_64_bit)
{
    property *p = arena_new(a, property);
    *p = (property){.name = "value", .in_type = in, .out_type = out, .count = 1};
    if (explicit_length) {
        p->flags = PROP_FIXED_LENGTH;
        p->length = 1;
    }
    event_schema *schema = arena_new(a, event_schema);
    *schema = (event_schema){.key = KEY_MANIFEST, .properties = p, .property_count = 1, .top_count = 1};
    return plan_compile(a, schema, is_64_bit, NULL);
}

const plan *tdh_call_value_plan(tdh_call *call, u16 in, u16 out, bool explicit_length, bool is_64_bit)
{
    tdh_session *s = call->session;
    u64 types = in | (u64)out << 16 | (u64)explicit_length << 32 | (u64)is_64_bit << 33, hash = hash_u64(types);
    u32 at;
    if (!in_type_find(in) || in == IN_STRUCT)
        return NULL;
    MAP_FIND(at, &s->value_map, hash, s->values[index_].types == types);
    if (at != MAP_NONE)
        return s->values[at].plan;
    GROW(s->values, s->value_count, s->value_cap);
    s->values[s->value_count] = (value_plan){types, compile_value(&s->arena, in, out, explicit_length, is_64_bit)};
    map_add(&s->value_map, hash, s->value_count++);
    s->kept++; // a caller may invent 65,536 out types
    return s->values[s->value_count - 1].plan;
}
