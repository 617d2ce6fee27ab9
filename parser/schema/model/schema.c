#include "schema/model/schema.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/bisect.h"
#include "base/limits.h"
#include "base/map.h"

// ---------------------------------------------------------------------------------------------- the set

// A manifest event's record names its provider. Records of classic events and WPP messages name a GUID that need not be
// a provider's, and an opcode or number: such events are in lists by these.
typedef struct known_guid {
    guid id;
    provider_schema *providers; // chain by trust
    u32 lists;                  // chain of event lists: index of the first, plus one
    bool fetched;
} known_guid;

typedef struct list_key {
    guid id;
    u32 key, number;
} list_key;

typedef struct event_list {
    list_key key;
    event_schema **events;
    u32 count, cap;
    u32 next; // of the same GUID: its index plus one
} event_list;

// What tells one event that was added once from another.
typedef struct content_key {
    u64 provider; // its address
    event_descriptor descriptor;
    guid event_guid;
    u32 key, properties;
} content_key;
static_assert(sizeof(content_key) == 48, "no padding: it is hashed and compared as bytes");

struct schema_set {
    arena arena;
    known_guid *known;
    u32 known_count, known_cap;
    map by_guid;
    event_list *lists;
    u32 list_count, list_cap;
    map by_list_key;
    content_key *once; // of events that schema_add_once added
    u32 once_count, once_cap;
    map by_content;
    provider_schema **all; // in the order they were added
    u32 all_count, all_cap;
    void (*fetch)(void *context, schema_set *set, const guid *id);
    void *fetch_context;
};

schema_set *schema_set_new(void)
{
    return mem_zeroed(1, sizeof(schema_set));
}

void schema_set_free(schema_set *set)
{
    if (!set)
        return;
    for (u32 i = 0; i < set->all_count; i++) {
        provider_schema *p = set->all[i];
        if (p->adopted)
            continue;
        mem_free(p->levels.items);
        mem_free(p->tasks.items);
        mem_free(p->opcodes.items);
        mem_free(p->channels.items);
        mem_free(p->keywords.items);
        mem_free(p->senders);
        mem_free(p->maps);
        if (p->maps_by_name)
            map_free(p->maps_by_name);
        mem_free(p->events);
    }
    mem_free(set->all);
    for (u32 i = 0; i < set->list_count; i++)
        mem_free(set->lists[i].events);
    mem_free(set->known);
    mem_free(set->lists);
    map_free(&set->by_guid);
    mem_free(set->once);
    map_free(&set->by_list_key);
    map_free(&set->by_content);
    arena_free(&set->arena);
    mem_free(set);
}

arena *schema_arena(schema_set *set)
{
    return &set->arena;
}

void schema_set_fetch(schema_set *set, void (*fetch)(void *context, schema_set *set, const guid *id), void *context)
{
    set->fetch = fetch;
    set->fetch_context = context;
}

static bool is_known(const void *items, u32 index, const void *id)
{
    return guid_equal(&((const known_guid *)items)[index].id, id);
}

static known_guid *find_known(const schema_set *set, const guid *id)
{
    u32 at = map_find(&set->by_guid, hash_bytes(id, sizeof(*id)), is_known, set->known, id);
    return at == MAP_NONE ? NULL : &set->known[at];
}

static known_guid *add_known(schema_set *set, const guid *id)
{
    known_guid *found = find_known(set, id);
    if (found)
        return found;
    map_add(&set->by_guid, hash_bytes(id, sizeof(*id)), set->known_count);
    GROW(set->known, set->known_count, set->known_cap);
    set->known[set->known_count] = (known_guid){.id = *id};
    return &set->known[set->known_count++];
}

static bool is_list(const void *items, u32 index, const void *key)
{
    return memcmp(&((const event_list *)items)[index].key, key, sizeof(list_key)) == 0;
}

static list_key list_key_of(schema_key key, const guid *id, const event_descriptor *d)
{
    return (list_key){*id, key, key == KEY_WPP ? d->id : d->opcode};
}

static event_list *find_list(const schema_set *set, const list_key *key)
{
    u32 at = map_find(&set->by_list_key, hash_bytes(key, sizeof(*key)), is_list, set->lists, key);
    return at == MAP_NONE ? NULL : &set->lists[at];
}

static void add_to_list(schema_set *set, event_schema *event)
{
    list_key key = list_key_of(event->key, &event->event_guid, &event->descriptor);
    event_list *list = find_list(set, &key);
    if (!list) {
        map_add(&set->by_list_key, hash_bytes(&key, sizeof(key)), set->list_count);
        GROW(set->lists, set->list_count, set->list_cap);
        known_guid *known = add_known(set, &key.id);
        list = &set->lists[set->list_count++];
        *list = (event_list){.key = key, .next = known->lists};
        known->lists = set->list_count;
    }
    GROW(list->events, list->count, list->cap);
    list->events[list->count++] = event;
}

// More trusted ones first, equals as they were added.
static void link_provider(schema_set *set, provider_schema *p)
{
    provider_schema **at = &add_known(set, &p->id)->providers;
    while (*at && ((*at)->rank < p->rank || ((*at)->rank == p->rank && (*at)->origin <= p->origin)))
        at = &(*at)->next;
    p->next = *at;
    *at = p;
    GROW(set->all, set->all_count, set->all_cap);
    set->all[set->all_count++] = p;
}

provider_schema *schema_add_provider(schema_set *set, const guid *id, const char *name, schema_origin origin,
                                     schema_rank rank, const char *path)
{
    provider_schema *p = arena_new(&set->arena, provider_schema);
    p->set = set;
    p->id = *id;
    p->name = name && *name ? arena_text(&set->arena, name) : NULL;
    p->path = path ? arena_text(&set->arena, path) : NULL;
    p->origin = origin;
    p->rank = rank;
    link_provider(set, p);
    return p;
}

void schema_add_name(provider_schema *p, name_list *list, u64 value, const char *name, const char *message)
{
    arena *a = &p->set->arena;
    GROW(list->items, list->count, list->cap);
    list->items[list->count++] = (schema_name){
        value,
        name && *name ? arena_text(a, name) : NULL,
        message && *message ? arena_text(a, message) : NULL,
    };
}

static int compare_senders(const schema_sender *a, const schema_sender *b)
{
    if (a->source != b->source)
        return a->source < b->source ? -1 : 1;
    if (a->process_id != b->process_id)
        return a->process_id < b->process_id ? -1 : 1;
    return a->time < b->time ? -1 : a->time > b->time;
}

// How many senders come before, or are the same.
static u32 senders_until(const provider_schema *p, const schema_sender *sender)
{
    u32 low;
    BISECT(low, 0, p->sender_count, compare_senders(&p->senders[index_], sender) <= 0);
    return low;
}

void schema_add_sender(provider_schema *p, const schema_sender *sender)
{
    if (p->sender_count >= LIMIT_MANIFEST_SENDERS)
        return;
    GROW(p->senders, p->sender_count, p->sender_cap);
    u32 at = senders_until(p, sender);
    memmove(p->senders + at + 1, p->senders + at, (p->sender_count - at) * sizeof(*p->senders));
    p->senders[at] = *sender;
    p->sender_count++;
}

static bool is_process_of(const schema_sender *s, const schema_sender *event)
{
    bool lived = s->since == s->until || (s->since <= event->time && event->time < s->until);
    return s->source == event->source && s->process_id == event->process_id && lived;
}

const schema_sender *schema_find_sender(const provider_schema *p, const schema_sender *event)
{
    u32 after = senders_until(p, event);
    for (u32 i = after ? after - 1 : 0; i <= after && i < p->sender_count; i++)
        if (is_process_of(&p->senders[i], event))
            return &p->senders[i];
    return NULL;
}

static int compare_times(const void *a, const void *b)
{
    i64 x = *(const i64 *)a, y = *(const i64 *)b;
    return x < y ? -1 : x > y;
}

void schema_settle_senders(schema_set *set, void (*tell)(void *context, schema_sender *sender), void *context)
{
    u32 at = 0;
    for (provider_schema *p; (p = schema_each(set, &at)) != NULL;) {
        if (!p->sender_count)
            continue;
        p->sent = arena_array(&set->arena, i64, p->sender_count);
        for (u32 i = 0; i < p->sender_count; i++) {
            tell(context, &p->senders[i]);
            p->sent[i] = p->senders[i].time;
        }
        qsort(p->sent, p->sender_count, sizeof(*p->sent), compare_times);
    }
}

static u64 apart(i64 a, i64 b)
{
    return a < b ? (u64)b - (u64)a : (u64)a - (u64)b;
}

u64 schema_sent_beside(const provider_schema *p, i64 time)
{
    u32 low;
    if (!p->sent)
        return UINT64_MAX;
    BISECT(low, 0, p->sender_count, p->sent[index_] <= time);
    u64 before = low ? apart(p->sent[low - 1], time) : UINT64_MAX;
    u64 after = low < p->sender_count ? apart(p->sent[low], time) : UINT64_MAX;
    return before < after ? before : after;
}

const schema_name *schema_find_name(const name_list *list, u64 value)
{
    for (u32 i = 0; i < list->count; i++)
        if (list->items[i].value == value)
            return &list->items[i];
    return NULL;
}

static bool has_name(const void *items, u32 index, const void *name)
{
    return strcmp(((value_map *const *)items)[index]->name, name) == 0;
}

const value_map *schema_find_map(const provider_schema *p, const char *name)
{
    if (!p->map_count)
        return NULL;
    u32 at = map_find(p->maps_by_name, hash_bytes(name, strlen(name)), has_name, p->maps, name);
    return at == MAP_NONE ? NULL : p->maps[at];
}

const value_map *schema_parameters(const schema_set *set, const guid *id)
{
    const value_map *found = NULL;
    for (const provider_schema *p = schema_providers(set, id); p && !found; p = p->next)
        found = schema_find_map(p, SCHEMA_PARAMETERS);
    return found;
}

void schema_list_map(provider_schema *p, value_map *added)
{
    if (!p->maps_by_name)
        p->maps_by_name = arena_new(&p->set->arena, map);
    if (!schema_find_map(p, added->name))
        map_add(p->maps_by_name, hash_bytes(added->name, strlen(added->name)), p->map_count);
    GROW(p->maps, p->map_count, p->map_cap);
    p->maps[p->map_count++] = added;
}

value_map *schema_add_map(provider_schema *p, const char *name, bool is_bitmap, const map_entry *entries, u32 count)
{
    arena *a = &p->set->arena;
    if (count > LIMIT_MAP_ENTRIES)
        count = LIMIT_MAP_ENTRIES;
    map_entry *copies = arena_array(a, map_entry, count);
    u32 kept = 0;
    for (u32 i = 0; i < count; i++)
        if (entries[i].text && *entries[i].text)
            copies[kept++] = (map_entry){entries[i].value, arena_text(a, entries[i].text)};
    value_map *added = arena_new(a, value_map);
    *added =
        (value_map){.name = arena_text(a, name ? name : ""), .entries = copies, .count = kept, .is_bitmap = is_bitmap};
    schema_list_map(p, added);
    return added;
}

// ---------------------------------------------------------------------------------------------- events

// Members of a struct come after the struct itself, so that nesting cannot loop.
static bool property_valid(const event_schema *event, u32 at, error *e)
{
    const property *p = &event->properties[at];
    const char *name = p->name ? p->name : "";
    if (!p->name)
        return error_set(e, "property %u has no name", at);
    if (p->flags & PROP_STRUCT) {
        if (p->struct_start <= at || (p->struct_members == 0 && !(p->flags & PROP_EMPTY)) ||
            p->struct_start + p->struct_members > event->property_count)
            return error_set(e, "struct %s claims members %u to %u of %u properties", name, p->struct_start,
                             p->struct_start + p->struct_members, event->property_count);
    } else if (!in_type_find(p->in_type)) {
        return error_set(e, "property %s has in type %u, which does not exist", name, p->in_type);
    }
    if ((p->flags & PROP_PARAM_COUNT) && p->count >= event->property_count)
        return error_set(e, "property %s takes its count from property %u of %u", name, p->count,
                         event->property_count);
    if ((p->flags & PROP_PARAM_LENGTH) && p->length >= event->property_count)
        return error_set(e, "property %s takes its length from property %u of %u", name, p->length,
                         event->property_count);
    return true;
}

// Members reached from `at` stand after it, so a walk ends; depth and total work are bounded here.
static bool nesting_valid(const event_schema *event, u32 at, u32 depth, u32 *visits)
{
    const property *p = &event->properties[at];
    if (!(p->flags & PROP_STRUCT))
        return true;
    if (depth >= LIMIT_NESTING)
        return false;
    for (u32 i = 0; i < p->struct_members; i++) {
        if (++*visits > LIMIT_PROPERTIES || !nesting_valid(event, p->struct_start + i, depth + 1, visits))
            return false;
    }
    return true;
}

bool schema_event_valid(const event_schema *event, error *e)
{
    if (event->property_count > LIMIT_PROPERTIES)
        return error_set(e, "%u properties are over LIMIT_PROPERTIES, %u", event->property_count, LIMIT_PROPERTIES);
    if (event->top_count > event->property_count)
        return error_set(e, "%u top-level properties of %u", event->top_count, event->property_count);
    for (u32 i = 0; i < event->property_count; i++)
        if (!property_valid(event, i, e))
            return false;
    u32 visits = 0;
    for (u32 i = 0; i < event->top_count; i++)
        if (!nesting_valid(event, i, 0, &visits))
            return error_set(e, "structs nest deeper than %u or share members", LIMIT_NESTING);
    return true;
}

bool schema_add_event(provider_schema *p, event_schema *event)
{
    if (p->event_count >= LIMIT_EVENTS_A_PROVIDER * 4u || !schema_event_valid(event, NULL))
        return false;
    event->provider = p;
    GROW(p->events, p->event_count, p->event_cap);
    p->events[p->event_count++] = event;
    p->sorted = false;
    if (event->key != KEY_MANIFEST)
        add_to_list(p->set, event);
    return true;
}

static bool is_content(const void *items, u32 index, const void *key)
{
    return memcmp(&((const content_key *)items)[index], key, sizeof(content_key)) == 0;
}

bool schema_add_once(provider_schema *p, event_schema *event)
{
    schema_set *set = p->set;
    content_key key = {(u64)(uintptr_t)p, event->descriptor, event->event_guid, event->key, event->property_count};
    u64 hash = hash_bytes(&key, sizeof(key));
    if (map_find(&set->by_content, hash, is_content, set->once, &key) != MAP_NONE)
        return true;
    map_add(&set->by_content, hash, set->once_count);
    GROW(set->once, set->once_count, set->once_cap);
    set->once[set->once_count++] = key;
    return schema_add_event(p, event);
}

static void fetch_once(const schema_set *set, const guid *id)
{
    if (!set->fetch)
        return;
    schema_set *mutable_set =
        (schema_set *)(uintptr_t)set; // a look-up is const to its caller; what it fetches is not seen as change
    known_guid *known = add_known(mutable_set, id);
    if (known->fetched)
        return;
    known->fetched = true;
    set->fetch(set->fetch_context, mutable_set, id);
}

provider_schema *schema_providers(const schema_set *set, const guid *id)
{
    fetch_once(set, id);
    const known_guid *known = find_known(set, id);
    return known ? known->providers : NULL;
}

provider_schema *schema_each(const schema_set *set, u32 *at)
{
    return *at < set->all_count ? set->all[(*at)++] : NULL;
}

void schema_adopt(schema_set *set, schema_set *from, const guid *id)
{
    for (provider_schema *p = schema_providers(from, id); p; p = p->next) {
        provider_schema *own = arena_new(&set->arena, provider_schema);
        schema_sort(p);
        *own = *p;
        own->set = set;
        own->adopted = true;
        link_provider(set, own);
    }
    const known_guid *known = find_known(from, id);
    for (u32 at = known ? known->lists : 0; at; at = from->lists[at - 1].next)
        for (u32 i = 0; i < from->lists[at - 1].count; i++)
            add_to_list(set, from->lists[at - 1].events[i]);
}

// How well an event's description suits: lower is better, compared field by field.
typedef struct suitability {
    u32 version_off; // 0 exact, then the distance; versions above the wanted one come after those below
    u32 rank, build_off, origin;
    u32 opcode_off; // of one source: some have descriptions of an id and version that differ in their opcodes alone
} suitability;

static u32 distance(const build_range *range, u32 build)
{
    return build < range->first ? range->first - build : build > range->last ? build - range->last : 0;
}

// How far the builds that have this description are from a trace's; 0 where one of them is not known.
static u32 builds_off(const event_schema *event, u32 os_build)
{
    const build_range whole = {event->provider->os_build, event->provider->os_build};
    const build_range *ranges = event->build_count ? event->builds : &whole;
    u32 count = event->build_count ? event->build_count : whole.first != 0, nearest = count ? UINT32_MAX : 0;
    for (u32 i = 0; os_build && i < count; i++) {
        u32 off = distance(&ranges[i], os_build);
        nearest = off < nearest ? off : nearest;
    }
    return os_build ? nearest : 0;
}

static suitability suits(const event_schema *event, const event_descriptor *wanted, u32 os_build)
{
    const provider_schema *p = event->provider;
    u32 have = event->descriptor.version, version = wanted->version;
    suitability s = {0, (u32)p->rank, builds_off(event, os_build), (u32)p->origin,
                     event->descriptor.opcode != wanted->opcode};
    if (have < version)
        s.version_off = version - have;
    else if (have > version)
        s.version_off = 256u + have - version;
    return s;
}

static bool better(const suitability *a, const suitability *b)
{
    if (a->version_off != b->version_off)
        return a->version_off < b->version_off;
    if (a->rank != b->rank)
        return a->rank < b->rank;
    if (a->build_off != b->build_off)
        return a->build_off < b->build_off;
    if (a->origin != b->origin)
        return a->origin < b->origin;
    return a->opcode_off < b->opcode_off;
}

typedef struct ranking {
    schema_find_result *out;
    suitability suit[LIMIT_CANDIDATES];
    u32 count, capacity;
} ranking;

static void rank_event(ranking *r, const event_schema *event, const event_descriptor *wanted, u32 os_build)
{
    suitability s = suits(event, wanted, os_build);
    u32 at = r->count;
    while (at > 0 && better(&s, &r->suit[at - 1]))
        at--;
    if (at >= r->capacity)
        return;
    if (r->count < r->capacity)
        r->count++;
    for (u32 i = r->count - 1; i > at; i--) {
        r->out[i] = r->out[i - 1];
        r->suit[i] = r->suit[i - 1];
    }
    r->out[at] = (schema_find_result){event, s.version_off == 0};
    r->suit[at] = s;
}

static bool sorts_before(const event_schema *a, const event_schema *b)
{
    if (a->descriptor.id != b->descriptor.id)
        return a->descriptor.id < b->descriptor.id;
    return a->descriptor.version < b->descriptor.version;
}

static bool in_order(const provider_schema *p)
{
    for (u32 i = 1; i < p->event_count; i++)
        if (sorts_before(p->events[i], p->events[i - 1]))
            return false;
    return true;
}

// Runs of doubling length, merged back and forth. The sort is stable: of two descriptions of an event the one that was
// added first stays the first.
static void sort_events(provider_schema *p)
{
    u32 count = p->event_count;
    event_schema **from = p->events, **to = mem_zeroed(count, sizeof(*to)), **spare = to;
    for (u32 run = 1; run < count; run *= 2) {
        for (u32 low = 0; low < count; low += 2 * run) {
            u32 a = low, a_end = low + run < count ? low + run : count;
            u32 b = a_end, b_end = a_end + run < count ? a_end + run : count;
            for (u32 i = low; i < b_end; i++)
                to[i] = b == b_end || (a < a_end && !sorts_before(from[b], from[a])) ? from[a++] : from[b++];
        }
        event_schema **swap = from;
        from = to;
        to = swap;
    }
    if (from != p->events)
        memcpy(p->events, from, count * sizeof(*from));
    mem_free(spare);
}

void schema_sort(provider_schema *p)
{
    if (p->sorted)
        return; // other threads may be reading
    if (!in_order(p))
        sort_events(p);
    p->sorted = true;
}

void schema_freeze(schema_set *set)
{
    schema_set_fetch(set, NULL, NULL);
    for (u32 i = 0; i < set->all_count; i++)
        schema_sort(set->all[i]);
}

static void rank_by_id(ranking *r, provider_schema *p, const event_descriptor *descriptor, u32 os_build)
{
    schema_sort(p);
    u32 low;
    BISECT(low, 0, p->event_count, p->events[index_]->descriptor.id < descriptor->id);
    for (; low < p->event_count && p->events[low]->descriptor.id == descriptor->id; low++)
        if (p->events[low]->key == KEY_MANIFEST)
            rank_event(r, p->events[low], descriptor, os_build);
}

u32 schema_find(const schema_set *set, schema_key key, const guid *id, const event_descriptor *descriptor, u32 os_build,
                schema_find_result *out, u32 capacity)
{
    ranking r = {.out = out, .capacity = capacity < LIMIT_CANDIDATES ? capacity : LIMIT_CANDIDATES};
    fetch_once(set, id);
    if (key == KEY_MANIFEST) {
        for (provider_schema *p = schema_providers(set, id); p; p = p->next)
            rank_by_id(&r, p, descriptor, os_build);
        return r.count;
    }
    list_key wanted = list_key_of(key, id, descriptor);
    const event_list *list = find_list(set, &wanted);
    for (u32 i = 0; list && i < list->count; i++)
        rank_event(&r, list->events[i], descriptor, os_build);
    return r.count;
}

// ---------------------------------------------------------------------------------------------- notes

void schema_load_note(schema_load *load, const char *format, ...)
{
    if (!load)
        return;
    load->refused++;
    if (load->note_count >= SCHEMA_NOTES)
        return;
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    size_t len = strlen(text) + 1;
    load->notes[load->note_count++] = memcpy(mem_alloc(len), text, len);
}

void schema_load_free(schema_load *load)
{
    for (u32 i = 0; i < load->note_count; i++)
        mem_free(load->notes[i]);
    *load = (schema_load){0};
}
