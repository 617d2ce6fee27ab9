#include "schema/model/schema.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/limits.h"

// ---------------------------------------------------------------------------------------------- types

static const in_type_facts IN_TYPES[] = {
#define IN(name, number, text, bytes, out) {text, number, bytes, OUT_##out},
#include "schema/model/types.def"
};

static const struct {
    const char *name;
    u16 number;
} OUT_TYPES[] = {
#define OUT(name, number, text) {text, number},
#include "schema/model/types.def"
};

const in_type_facts *in_type_find(u16 number)
{
    if (number < 26)
        return &IN_TYPES[number];
    if (number >= 300 && number <= 310)
        return &IN_TYPES[26 + number - 300];
    return NULL;
}

static const char *behind_prefix(const char *name)
{
    const char *colon = strchr(name, ':');
    return colon ? colon + 1 : name;
}

bool in_type_from_name(const char *name, u16 *in)
{
    const char *plain = behind_prefix(name);
    for (size_t i = 0; i < COUNT_OF(IN_TYPES); i++) {
        if (IN_TYPES[i].name[0] && strcasecmp(behind_prefix(IN_TYPES[i].name), plain) == 0) {
            *in = IN_TYPES[i].number;
            return true;
        }
    }
    return false;
}

bool out_type_from_name(const char *name, u16 *out)
{
    const char *plain = behind_prefix(name);
    for (size_t i = 0; i < COUNT_OF(OUT_TYPES); i++) {
        if (OUT_TYPES[i].name[0] && strcasecmp(behind_prefix(OUT_TYPES[i].name), plain) == 0) {
            *out = OUT_TYPES[i].number;
            return true;
        }
    }
    return false;
}

const char *out_type_name(u16 out)
{
    for (size_t i = 0; i < COUNT_OF(OUT_TYPES); i++)
        if (OUT_TYPES[i].number == out)
            return OUT_TYPES[i].name;
    return "";
}

const char *schema_origin_name(schema_origin origin)
{
    switch (origin) {
    case ORIGIN_NONE:
        return "none";
    case ORIGIN_TRACELOGGING:
        return "tracelogging";
    case ORIGIN_EMBEDDED:
        return "embedded";
    case ORIGIN_EVENTSOURCE:
        return "eventsource";
    case ORIGIN_MANIFEST:
        return "manifest";
    case ORIGIN_WEVT:
        return "wevt";
    case ORIGIN_KERNEL:
        return "kernel";
    case ORIGIN_MOF:
        return "mof";
    case ORIGIN_WPP:
        return "wpp";
    case ORIGIN_BUILTIN:
        return "builtin";
    case ORIGIN_STRING:
        return "string";
    }
    return "none";
}

// ---------------------------------------------------------------------------------------------- the set

// Providers hang in chains by GUID; event GUIDs of classic classes and WPP messages are reached through a second table,
// since a record names only those.
typedef struct guid_slot {
    guid id;
    provider_schema *providers; // chain by trust
    bool used, fetched;
} guid_slot;

typedef struct event_slot {
    guid id;
    event_schema **events;
    u32 count, cap;
    bool used;
} event_slot;

struct schema_set {
    arena arena;
    guid_slot *slots;
    u32 slot_count, slot_cap; // cap is a power of two
    event_slot *by_event;
    u32 by_event_count, by_event_cap;
    provider_schema **all; // in the order they were added
    u32 all_count, all_cap;
    void (*fetch)(void *context, schema_set *set, const guid *id);
    void *fetch_context;
};

schema_set *schema_set_new(void)
{
    schema_set *set = mem_zeroed(1, sizeof(*set));
    set->slot_cap = 256;
    set->slots = mem_zeroed(set->slot_cap, sizeof(*set->slots));
    set->by_event_cap = 256;
    set->by_event = mem_zeroed(set->by_event_cap, sizeof(*set->by_event));
    return set;
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
        mem_free(p->maps);
        mem_free(p->events);
    }
    mem_free(set->all);
    for (u32 i = 0; i < set->by_event_cap; i++)
        mem_free(set->by_event[i].events);
    mem_free(set->slots);
    mem_free(set->by_event);
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

static guid_slot *slot_of(const schema_set *set, const guid *id)
{
    u32 mask = set->slot_cap - 1, at = (u32)guid_hash(id) & mask;
    while (set->slots[at].used && !guid_equal(&set->slots[at].id, id))
        at = (at + 1) & mask;
    return &set->slots[at];
}

static guid_slot *slot_add(schema_set *set, const guid *id)
{
    guid_slot *slot = slot_of(set, id);
    if (slot->used)
        return slot;
    if ((set->slot_count + 1) * 2 > set->slot_cap) {
        guid_slot *old = set->slots;
        u32 old_cap = set->slot_cap;
        set->slot_cap *= 2;
        set->slots = mem_zeroed(set->slot_cap, sizeof(*set->slots));
        for (u32 i = 0; i < old_cap; i++)
            if (old[i].used)
                *slot_of(set, &old[i].id) = old[i];
        mem_free(old);
        slot = slot_of(set, id);
    }
    slot->used = true;
    slot->id = *id;
    set->slot_count++;
    return slot;
}

static event_slot *event_slot_of(const schema_set *set, const guid *id)
{
    u32 mask = set->by_event_cap - 1, at = (u32)guid_hash(id) & mask;
    while (set->by_event[at].used && !guid_equal(&set->by_event[at].id, id))
        at = (at + 1) & mask;
    return &set->by_event[at];
}

static void index_by_event_guid(schema_set *set, event_schema *event)
{
    if ((set->by_event_count + 1) * 2 > set->by_event_cap) {
        event_slot *old = set->by_event;
        u32 old_cap = set->by_event_cap;
        set->by_event_cap *= 2;
        set->by_event = mem_zeroed(set->by_event_cap, sizeof(*set->by_event));
        for (u32 i = 0; i < old_cap; i++)
            if (old[i].used)
                *event_slot_of(set, &old[i].id) = old[i];
        mem_free(old);
    }
    event_slot *slot = event_slot_of(set, &event->event_guid);
    if (!slot->used) {
        slot->used = true;
        slot->id = event->event_guid;
        set->by_event_count++;
    }
    GROW(slot->events, slot->count, slot->cap);
    slot->events[slot->count++] = event;
}

// More trusted ones first, equals as they were added.
static void link_provider(schema_set *set, provider_schema *p)
{
    provider_schema **at = &slot_add(set, &p->id)->providers;
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

const schema_name *schema_find_name(const name_list *list, u64 value)
{
    for (u32 i = 0; i < list->count; i++)
        if (list->items[i].value == value)
            return &list->items[i];
    return NULL;
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
    value_map *map = arena_new(a, value_map);
    *map = (value_map){arena_text(a, name ? name : ""), copies, kept, is_bitmap};
    GROW(p->maps, p->map_count, p->map_cap);
    p->maps[p->map_count++] = map;
    return map;
}

const value_map *schema_find_map(const provider_schema *p, const char *name)
{
    for (u32 i = 0; i < p->map_count; i++)
        if (strcmp(p->maps[i]->name, name) == 0)
            return p->maps[i];
    return NULL;
}

// ---------------------------------------------------------------------------------------------- events

// Where members of a struct may stand: behind the struct itself, so that nesting cannot loop.
static bool property_valid(const event_schema *event, u32 at, error *e)
{
    const property *p = &event->properties[at];
    const char *name = p->name ? p->name : "";
    if (!p->name)
        return error_set(e, "property %u has no name", at);
    if (p->flags & PROP_STRUCT) {
        if (p->struct_start <= at || p->struct_members == 0 ||
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

// Members reached from `at` stand behind it, so a walk ends; depth and total work are bounded here.
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
        return error_set(e, "%u properties are over the limit of %u", event->property_count, LIMIT_PROPERTIES);
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
        index_by_event_guid(p->set, event);
    return true;
}

static void fetch_once(const schema_set *set, const guid *id)
{
    if (!set->fetch)
        return;
    schema_set *mutable_set =
        (schema_set *)(uintptr_t)set; // a look-up is const to its caller; what it fetches is not seen as change
    guid_slot *slot = slot_add(mutable_set, id);
    if (slot->fetched)
        return;
    slot->fetched = true;
    set->fetch(set->fetch_context, mutable_set, id);
}

provider_schema *schema_providers(const schema_set *set, const guid *id)
{
    fetch_once(set, id);
    guid_slot *slot = slot_of(set, id);
    return slot->used ? slot->providers : NULL;
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
    const event_slot *slot = event_slot_of(from, id);
    for (u32 i = 0; slot->used && i < slot->count; i++)
        index_by_event_guid(set, slot->events[i]);
}

// How well an event's description suits: lower is better, compared field by field.
typedef struct suitability {
    u32 version_off; // 0 exact, then the distance; versions above the wanted one come after those below
    u32 rank, build_off, origin;
} suitability;

static suitability suits(const event_schema *event, u8 version, u32 os_build)
{
    const provider_schema *p = event->provider;
    u32 have = event->descriptor.version, build = p->os_build;
    suitability s = {0, (u32)p->rank, 0, (u32)p->origin};
    if (have < version)
        s.version_off = version - have;
    else if (have > version)
        s.version_off = 256u + have - version;
    if (build && os_build)
        s.build_off = build > os_build ? build - os_build : os_build - build;
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
    return a->origin < b->origin;
}

typedef struct ranking {
    schema_find_result *out;
    suitability suit[LIMIT_CANDIDATES];
    u32 count, room;
} ranking;

static void rank_event(ranking *r, const event_schema *event, u8 version, u32 os_build)
{
    suitability s = suits(event, version, os_build);
    u32 at = r->count;
    while (at > 0 && better(&s, &r->suit[at - 1]))
        at--;
    if (at >= r->room)
        return;
    if (r->count < r->room)
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
    u32 low = 0, high = p->event_count;
    while (low < high) {
        u32 mid = low + (high - low) / 2;
        if (p->events[mid]->descriptor.id < descriptor->id)
            low = mid + 1;
        else
            high = mid;
    }
    for (; low < p->event_count && p->events[low]->descriptor.id == descriptor->id; low++)
        if (p->events[low]->key == KEY_MANIFEST)
            rank_event(r, p->events[low], descriptor->version, os_build);
}

u32 schema_find(const schema_set *set, schema_key key, const guid *id, const event_descriptor *descriptor, u32 os_build,
                schema_find_result *out, u32 room)
{
    ranking r = {.out = out, .room = room < LIMIT_CANDIDATES ? room : LIMIT_CANDIDATES};
    fetch_once(set, id);
    if (key == KEY_MANIFEST) {
        for (provider_schema *p = schema_providers(set, id); p; p = p->next)
            rank_by_id(&r, p, descriptor, os_build);
        return r.count;
    }
    event_slot *slot = event_slot_of(set, id);
    for (u32 i = 0; slot->used && i < slot->count; i++) {
        const event_schema *event = slot->events[i];
        if (event->key != key)
            continue;
        bool same =
            key == KEY_WPP ? event->descriptor.id == descriptor->id : event->descriptor.opcode == descriptor->opcode;
        if (same)
            rank_event(&r, event, descriptor->version, os_build);
    }
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
