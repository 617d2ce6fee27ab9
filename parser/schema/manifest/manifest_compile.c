// From a manifest's tree to provider schemas: maps, templates, events. Knows the schema, not XML.
//
// The tree is hostile: every reference may dangle, every number may be out of range, every id may stand twice. What is
// wrong is noted with its line and left out; what is right is kept. Display texts (the message of a task, opcode or
// level) go before symbolic names, as TDH shows them.
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/limits.h"
#include "schema/manifest/manifest_names.h"
#include "schema/model/source_text.h"

typedef struct build {
    const manifest_target *to;
    arena *scratch;
    provider_schema *p;
    manifest_names names;
    bool is_wbem; // of MOF classes, as a tool says that wrote the file
    manifest_index maps, templates;
} build;

static const char *name_of(const manifest_node *n)
{
    const char *name = manifest_attr(n, ATTR_NAME);
    return name ? name : "";
}

// ---------------------------------------------------------------------------------------------- maps and templates

static void compile_map(build *b, const manifest_node *node)
{
    map_entry *entries = NULL;
    u32 count = 0, cap = 0;
    for (const manifest_node *n = manifest_child(node, TAG_MAP); n; n = manifest_next(n, TAG_MAP)) {
        const char *text = manifest_attr(n, ATTR_VALUE);
        u64 value = 0;
        if (!text || !manifest_number(text, &value)) {
            manifest_note(b->to, n->line, "map %.80s has value %.40s, which is not a number", name_of(node),
                          text ? text : "(missing)");
            continue;
        }
        if (count >= LIMIT_MAP_ENTRIES) {
            manifest_note(b->to, n->line, "map %.80s has more than %d values", name_of(node), LIMIT_MAP_ENTRIES);
            break;
        }
        const char *shown = manifest_text_of(b->names.strings, manifest_attr(n, ATTR_MESSAGE));
        GROW(entries, count, cap);
        entries[count++] = (map_entry){value, shown};
    }
    value_map *map = schema_add_map(b->p, name_of(node), node->tag == TAG_BIT_MAP, entries, count);
    mem_free(entries);
    manifest_index_add(&b->maps, name_of(node), b->maps.count, map);
    if (b->to->load)
        b->to->load->maps++;
}

static void compile_maps(build *b, const manifest_node *parent)
{
    for (const manifest_node *n = parent->first; n; n = n->next)
        if (n->tag == TAG_VALUE_MAP || n->tag == TAG_BIT_MAP)
            compile_map(b, n);
}

static void compile_templates(build *b, const manifest_node *provider)
{
    for (const manifest_node *g = manifest_child(provider, TAG_TEMPLATES); g; g = manifest_next(g, TAG_TEMPLATES)) {
        for (const manifest_node *n = manifest_child(g, TAG_TEMPLATE); n; n = manifest_next(n, TAG_TEMPLATE)) {
            const char *tid = manifest_attr(n, ATTR_TID);
            manifest_layout *layout = arena_new(b->scratch, manifest_layout);
            *layout = manifest_layout_of(b->to, n, &b->maps, b->scratch);
            manifest_index_add(&b->templates, tid ? tid : "", b->templates.count, layout);
        }
    }
    manifest_index_note_doubles(b->to, &b->templates, "template");
}

// ---------------------------------------------------------------------------------------------- events

static void read_keywords(build *b, const manifest_node *n, event_schema *event)
{
    const char *at = manifest_attr(n, ATTR_KEYWORDS);
    while (at && *at) {
        char name[256];
        size_t len = strcspn(at, " \t\r\n");
        const char *shown = NULL;
        u64 mask = 0;
        if (len && len < sizeof(name)) {
            memcpy(name, at, len);
            name[len] = 0;
            manifest_name_refer(&b->names, &b->names.keywords, n, name, &mask, &shown);
            event->descriptor.keyword |= mask;
        }
        at += len + (at[len] != 0);
    }
}

static void read_channel(build *b, const manifest_node *n, event_schema *event)
{
    const char *text = manifest_attr(n, ATTR_CHANNEL);
    const manifest_name *declared = manifest_name_find(&b->names.channels.declared, text);
    u64 value = 0;
    manifest_name_refer(&b->names, &b->names.channels, n, text, &value, &event->channel_name);
    event->descriptor.channel = (u8)value;
    event->descriptor.keyword |= declared ? declared->keyword_bit : 0;
}

// Tools that translate MOF classes write manifests in which events have invented ids. What names their events in a
// trace is the task's GUID, the opcode and the version.
static bool is_classic(const build *b, const manifest_node *n, const event_schema *event, u64 id)
{
    const char *opcode = manifest_attr(n, ATTR_OPCODE);
    u64 number = 0;
    return !guid_is_zero(&event->event_guid) &&
           (b->is_wbem || id > UINT16_MAX || (opcode && manifest_number(opcode, &number)));
}

// The event's own name: a .NET EventSource's method, else the symbol where nothing better names the event.
static void name_event(build *b, const manifest_node *n, event_schema *event)
{
    const char *symbol = manifest_attr(n, ATTR_SYMBOL);
    bool unnamed = !event->task_name && (!event->opcode_name || event->descriptor.opcode == 0) && !b->names.is_dump;
    const char *kept = symbol ? manifest_keep(schema_arena(b->to->set), symbol, LIMIT_NAME_BYTES) : NULL;
    if (unnamed || b->names.is_exact || b->to->origin == ORIGIN_EVENTSOURCE)
        event->event_name = kept;
    else if (!b->names.is_dump)
        event->symbol = kept;
}

static void read_names(build *b, const manifest_node *n, event_schema *event)
{
    u64 level = 0, task = 0;
    const char *task_text = manifest_attr(n, ATTR_TASK);
    const manifest_name *declared = manifest_name_find(&b->names.tasks.declared, task_text);
    manifest_name_refer(&b->names, &b->names.levels, n, manifest_attr(n, ATTR_LEVEL), &level, &event->level_name);
    manifest_name_refer(&b->names, &b->names.tasks, n, task_text, &task, &event->task_name);
    event->descriptor.level = (u8)level;
    event->descriptor.task = (u16)task;
    if (declared)
        event->event_guid = declared->event_guid;
    manifest_opcode_refer(&b->names, n, declared, event);
    read_keywords(b, n, event);
    read_channel(b, n, event);
    name_event(b, n, event);
}

static void read_template(build *b, const manifest_node *n, event_schema *event)
{
    const char *tid = manifest_attr(n, ATTR_TEMPLATE);
    if (!tid || !*tid)
        return;
    const struct manifest_entry *entry = manifest_index_find(&b->templates, tid);
    if (!entry) {
        manifest_note(b->to, n->line, "event %.40s: there is no template %.80s", manifest_attr(n, ATTR_VALUE), tid);
        return;
    }
    const manifest_layout *layout = entry->value;
    event->properties = layout->properties;
    event->property_count = layout->count;
    event->top_count = layout->top_count;
}

// The id and version an event is found by; false and a note where they are none.
static bool read_key(build *b, const manifest_node *n, u64 *id, u64 *version)
{
    const char *value = manifest_attr(n, ATTR_VALUE), *text = manifest_attr(n, ATTR_VERSION);
    *version = 0;
    if (value && manifest_number(value, id) && *id <= UINT32_MAX &&
        (!text || (manifest_number(text, version) && *version <= UINT8_MAX)))
        return true;
    manifest_note(b->to, n->line, "an event with value %.40s and version %.40s", value ? value : "(missing)",
                  text ? text : "(missing)");
    return false;
}

// In such files the opcode's name is what the symbol says after the task's.
static void name_classic_opcode(build *b, const manifest_node *n, event_schema *event)
{
    const char *symbol = manifest_attr(n, ATTR_SYMBOL), *task = event->task_name;
    size_t len = task ? strlen(task) : 0;
    if (!event->opcode_name && symbol && len && strncmp(symbol, task, len) == 0)
        event->opcode_name =
            manifest_keep(schema_arena(b->to->set), symbol + len + (symbol[len] == '_'), LIMIT_NAME_BYTES);
}

static void compile_event(build *b, const manifest_node *n, u64 id, u64 version)
{
    event_schema *event = arena_new(schema_arena(b->to->set), event_schema);
    event->descriptor.version = (u8)version;
    read_names(b, n, event);
    event->message = manifest_text_of(b->names.strings, manifest_attr(n, ATTR_MESSAGE));
    read_template(b, n, event);
    if (is_classic(b, n, event, id)) {
        event->key = KEY_CLASSIC;
        if (!b->names.is_exact)
            name_classic_opcode(b, n, event);
    } else if (id > UINT16_MAX) {
        manifest_note(b->to, n->line, "event %llu: ids have 16 bits", (unsigned long long)id);
        return;
    } else {
        event->descriptor.id = (u16)id;
    }
    if (!schema_add_event(b->p, event))
        manifest_note(b->to, n->line, "event %llu is not usable", (unsigned long long)id);
    else if (b->to->load)
        b->to->load->events++;
}

typedef struct event_key {
    u64 key; // id, version
    u32 order;
    const manifest_node *node;
} event_key;

static int by_event_key(const void *a, const void *b)
{
    const event_key *x = a, *y = b;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return (x->order > y->order) - (x->order < y->order);
}

static void compile_events(build *b, const manifest_node *provider)
{
    event_key *keys = NULL;
    u32 count = 0, cap = 0;
    for (const manifest_node *g = manifest_child(provider, TAG_EVENTS); g; g = manifest_next(g, TAG_EVENTS)) {
        for (const manifest_node *n = manifest_child(g, TAG_EVENT); n; n = manifest_next(n, TAG_EVENT)) {
            u64 id = 0, version = 0;
            if (!read_key(b, n, &id, &version))
                continue;
            GROW(keys, count, cap);
            keys[count] = (event_key){id << 8 | version, count, n};
            count++;
        }
    }
    if (count > 1)
        qsort(keys, count, sizeof(*keys), by_event_key);
    for (u32 i = 0; i < count; i++) {
        u64 id = keys[i].key >> 8, version = keys[i].key & 0xff;
        if (i && keys[i].key == keys[i - 1].key)
            manifest_note(b->to, keys[i].node->line, "event %llu version %llu stands twice; the first is used",
                          (unsigned long long)id, (unsigned long long)version);
        else
            compile_event(b, keys[i].node, id, version);
    }
    mem_free(keys);
}

// ---------------------------------------------------------------------------------------------- providers

static const char *file_attr(const build *b, const manifest_node *n, manifest_attribute id)
{
    const char *text = manifest_attr(n, id);
    return text ? manifest_keep(schema_arena(b->to->set), text, LIMIT_NAME_BYTES) : NULL;
}

static bool provider_id(const manifest_target *to, const manifest_node *n, guid *id)
{
    const char *text = manifest_attr(n, ATTR_GUID);
    if (!text || !guid_from_text(text, strlen(text), id)) {
        manifest_note(to, n->line, "provider %.80s has GUID %.60s, which is none", name_of(n),
                      text ? text : "(missing)");
        return false;
    }
    if (to->only && !guid_equal(id, to->only)) {
        manifest_note(to, n->line, "provider %.80s has GUID %.60s, which is not the provider that sent it", name_of(n),
                      text);
        return false;
    }
    return true;
}

static bool compile_provider(const manifest_target *to, const manifest_node *n, manifest_strings *strings,
                             arena *scratch)
{
    build b = {.to = to, .scratch = scratch, .names = {.to = to, .scratch = scratch, .strings = strings}};
    guid id;
    if (!provider_id(to, n, &id))
        return false;
    const char *source = manifest_attr(n, ATTR_SOURCE);
    u64 build_number = 0;
    b.names.is_exact = manifest_attr(n, ATTR_BUILD) && manifest_number(manifest_attr(n, ATTR_BUILD), &build_number);
    b.names.is_dump = source != NULL || b.names.is_exact;
    b.is_wbem = source && strcasecmp(source, "Wbem") == 0;
    char name[LIMIT_NAME_BYTES] = "";
    strncat(name, name_of(n), sizeof(name) - 1);
    b.p = b.names.p = schema_add_provider(to->set, &id, name, to->origin, to->rank, to->path);
    b.p->os_build = build_number ? (u32)build_number : source_os_build(to->path);
    b.p->message_file = file_attr(&b, n, ATTR_MESSAGE_FILE);
    b.p->resource_file = file_attr(&b, n, ATTR_RESOURCE_FILE);
    manifest_names_read(&b.names, n);
    compile_maps(&b, n);
    for (const manifest_node *g = manifest_child(n, TAG_MAPS); g; g = manifest_next(g, TAG_MAPS))
        compile_maps(&b, g);
    manifest_index_note_doubles(to, &b.maps, "map");
    compile_templates(&b, n);
    compile_events(&b, n);
    manifest_names_free(&b.names);
    manifest_index_free(&b.maps);
    manifest_index_free(&b.templates);
    if (to->load)
        to->load->providers++;
    return true;
}

u32 manifest_compile(const manifest_target *to, const manifest_node *root, arena *scratch)
{
    u32 providers = 0;
    manifest_strings strings = manifest_strings_of(to, root, scratch);
    for (const manifest_node *n = root; n;) {
        if (n->tag == TAG_PROVIDER && providers < LIMIT_PROVIDERS_A_FILE)
            providers += compile_provider(to, n, &strings, scratch);
        if (n->first && (n->tag == TAG_CONTAINER || n->tag == TAG_EVENTS)) {
            n = n->first;
            continue;
        }
        while (n != root && !n->next)
            n = n->parent;
        n = n == root ? NULL : n->next;
    }
    if (strings.missing)
        schema_load_note(to->load, "%s: %u texts are referred to and not there", to->label, strings.missing);
    manifest_index_free(&strings.index);
    return providers;
}
