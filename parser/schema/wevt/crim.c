// Reads compiled manifests (the bytes of a WEVT_TEMPLATE resource) into the schema model. Trusts nothing: every offset,
// count and size is compared with the block before use, and all work is charged to a budget that honest files stay far
// below, so that definitions which share bytes cannot multiply. Layouts: libfwevt's and event-trace-kit's descriptions
// of the format, checked against files of known manifests (mc.exe 8.1 to 10.0.18362); where the two differ, the files
// decided.
//
// All offsets count from the start of the CRIM block; 0 is none. A message id of 0xffffffff is none.
//
// CRIM   4 size  8 u16 major  10 u16 minor  12 providers, then {GUID, offset} each
// WEVT   4 size  8 message id  12 blocks, then {kind, offset} each; the block's signature says the same as the kind
// CHAN   4 size  8 n, then 16 each:  0 flags (1 imported)  4 name  8 value  12 message id
// LEVL   4 size  8 n, then 12 each:  0 value  4 message id  8 name
// OPCO   4 size  8 n, then 12 each:  0 u16 task (0 = any)  2 u16 opcode  4 message id  8 name
// TASK   4 size  8 n, then 28 each:  0 value  4 message id  8 GUID  24 name
// KEYW   4 size  8 n, then 16 each:  0 u64 mask  8 message id  12 name
// MAPS   4 size  8 n, then n offsets of VMAP and BMAP
// VMAP   4 size  8 name  12 flags (1 bit map)  16 n, then {value, message id} each; BMAP alike
// TTBL   4 size  8 n, then TEMP blocks one after the other (reached through the events, so not walked)
// TEMP   4 size  8 top-level items  12 all items  16 offset of the items  20 kind  24 GUID  40 binary XML
// item  20 bytes:  0 flags (below)  4 u8 in type  5 u8 out type, or 4 u16 first member  6 u16 members of a struct
//        8 map  12 u16 count  14 u16 length  16 name
// EVNT   4 size  8 n  12 zero, then 48 each:  0 EVENT_DESCRIPTOR  16 message id  20 template  24 opcode  28 level
//        32 task  36 number of keywords  40 offset of their offsets  44 channel (offsets of those definitions)
// PRVA   4 size  8 n, then {kind, offset} each; kind 0x10000001 is the provider's name
// EVTA   4 size  8 n, then 8 each:  0 u8 kind (0x11 event name)  1 u8 version  2 u16 id  4 offset
// An empty block has size 0. Names are {u32 size with itself, UTF-16, NUL, padding}; those of PRVA and EVTA are bare.
#include "schema/wevt/crim.h"

#include <string.h>

#include "base/limits.h"
#include "base/map.h"
#include "base/text.h"

enum { ITEM_STRUCT = 1, ITEM_FIXED_LENGTH = 2, ITEM_PARAM_LENGTH = 4, ITEM_FIXED_COUNT = 8, ITEM_PARAM_COUNT = 16 };
enum { ITEM_BYTES = 20, EVENT_BYTES = 48, CHANNEL_IMPORTED = 1 };

static const u32 NO_MESSAGE = 0xffffffffu;
static const u32 PROVIDER_NAME = 0x10000001u;
static const u8 EVENT_NAME = 0x11;

// What was read already, by what it is and where it stands, so that each is read once.
typedef enum memo_kind { MEMO_NAME = 1, MEMO_MESSAGE, MEMO_TEMPLATE, MEMO_MAP, MEMO_EVENT } memo_kind;

typedef struct memo_slot {
    u64 key; // kind above, offset or id below
    void *value;
} memo_slot;

typedef struct memo {
    map by_key;
    memo_slot *slots;
    u32 count, cap;
} memo;

typedef struct template_items {
    const property *properties;
    u16 count, top;
} template_items;

typedef struct crim_reader {
    const crim_source *from;
    arena *a;
    span blob;
    memo memo;
    u64 budget;
    bool spent;                 // the budget ran out
    provider_schema *p;         // the one being read
    const char *channel_prefix; // what stands before the slash in the provider's own channels
} crim_reader;

// The slot of a thing; *fresh says that nobody asked for it before. Valid until the next call.
static memo_slot *memo_at(memo *m, memo_kind kind, u32 where, bool *fresh)
{
    u64 key = (u64)kind << 32 | where;
    u32 at;
    MAP_FIND(at, &m->by_key, hash_u64(key), m->slots[index_].key == key);
    *fresh = at == MAP_NONE;
    if (*fresh) {
        GROW(m->slots, m->count, m->cap);
        at = m->count++;
        m->slots[at] = (memo_slot){key, NULL};
        map_add(&m->by_key, hash_u64(key), at);
    }
    return &m->slots[at];
}

static void memo_set(memo *m, memo_kind kind, u32 where, void *value)
{
    bool fresh;
    memo_at(m, kind, where, &fresh)->value = value;
}

static bool spend(crim_reader *r, u64 work)
{
    if (work > r->budget) {
        r->budget = 0;
        r->spent = true;
        return false;
    }
    r->budget -= work;
    return true;
}

// ---------------------------------------------------------------------------------------------- texts

static char *text_of_utf16(crim_reader *r, span utf16)
{
    size_t len;
    utf16_length(utf16, &len);
    if (len > LIMIT_NAME_BYTES)
        len = LIMIT_NAME_BYTES;
    if (!spend(r, len + 16))
        return NULL;
    u8 *text = arena_take(r->a, len * 3 + 1);
    *text_utf16(text, (span){utf16.at, len}) = 0;
    return (char *)text;
}

// A name with its size in front. NULL: none, or it lies outside the block.
static const char *name_at(crim_reader *r, u32 offset)
{
    span size, text;
    if (!offset || !span_sub(r->blob, offset, 4, &size) || load_u32(size.at) < 4 ||
        !span_sub(r->blob, (size_t)offset + 4, load_u32(size.at) - 4, &text))
        return NULL;
    bool fresh;
    memo_slot *slot = memo_at(&r->memo, MEMO_NAME, offset, &fresh);
    if (fresh)
        slot->value = text_of_utf16(r, text);
    return slot->value;
}

static const char *bare_name_at(crim_reader *r, u32 offset)
{
    return offset && offset < r->blob.len ? text_of_utf16(r, span_from(r->blob, offset)) : NULL;
}

static char *message_text(crim_reader *r, span text, u16 flags)
{
    if (text.len > LIMIT_MESSAGE_BYTES)
        text.len = LIMIT_MESSAGE_BYTES;
    if (flags == 1)
        utf16_length(text, &text.len);
    else
        ansi_length(text, &text.len);
    if (!spend(r, text.len + 16))
        return NULL;
    u8 *begin = arena_take(r->a, text.len * 3 + 1), *end;
    if (flags == 1)
        end = text_utf16(begin, text);
    else if (flags == 2)
        end = text_utf8(begin, text);
    else
        end = text_ansi(begin, text);
    while (end > begin && (end[-1] == '\n' || end[-1] == '\r' || end[-1] == ' ' || end[-1] == '\t'))
        end--;
    *end = 0;
    return end > begin ? (char *)begin : NULL;
}

// The message of an id, without the line feed message tables close it with. NULL: has none, or no table knows it.
static const char *message_at(crim_reader *r, u32 id)
{
    if (id == NO_MESSAGE)
        return NULL;
    bool fresh;
    memo_slot *slot = memo_at(&r->memo, MEMO_MESSAGE, id, &fresh);
    for (size_t i = 0; fresh && i < COUNT_OF(r->from->tables); i++) {
        u16 flags;
        span text;
        if (r->from->tables[i] && pe_messages_find(r->from->tables[i], id, &flags, &text)) {
            slot->value = message_text(r, text, flags);
            break;
        }
    }
    return slot->value;
}

// What a person reads: the message, else the symbolic name without the prefix of the standard definitions.
static const char *shown(const char *name, const char *message)
{
    if (message)
        return message;
    return name && strncmp(name, "win:", 4) == 0 ? name + 4 : name;
}

// ---------------------------------------------------------------------------------------------- definitions

// The rows of a block: its count at +8, rows of `each` bytes from `first` on. What is claimed but not there is left
// out.
static u32 rows_at(crim_reader *r, u32 offset, u32 first, u32 each, span *rows)
{
    span head;
    if (!span_sub(r->blob, offset, first, &head))
        return 0;
    *rows = span_from(r->blob, (size_t)offset + first);
    u32 claimed = load_u32(head.at + 8);
    if (claimed > rows->len / each) {
        schema_load_note(r->from->load, "%s: %.4s block at 0x%x claims %u entries, the file holds %zu", r->from->path,
                         (const char *)head.at, offset, claimed, rows->len / each);
        claimed = (u32)(rows->len / each);
    }
    return claimed;
}

static bool add_name(crim_reader *r, name_list *list, u64 value, u32 name_offset, u32 message_id)
{
    const char *name = name_at(r, name_offset), *message = message_at(r, message_id);
    if (!spend(r, 12 + (name ? strlen(name) : 0) + (message ? strlen(message) : 0)))
        return false;
    schema_add_name(r->p, list, value, name, message);
    return true;
}

static void read_channels(crim_reader *r, u32 offset)
{
    span rows;
    u32 count = rows_at(r, offset, 12, 16, &rows);
    for (u32 i = 0; i < count; i++) {
        const u8 *row = rows.at + (size_t)i * 16;
        if (!add_name(r, &r->p->channels, load_u32(row + 8), load_u32(row + 4), load_u32(row + 12)))
            return;
        // A provider's own channels are called after it.
        const char *name = r->p->channels.items[r->p->channels.count - 1].name,
                   *slash = name ? strchr(name, '/') : NULL;
        if (!r->channel_prefix && slash && slash > name && !(load_u32(row) & CHANNEL_IMPORTED))
            r->channel_prefix = arena_text_len(r->a, name, (size_t)(slash - name));
    }
}

static void read_levels(crim_reader *r, u32 offset)
{
    span rows;
    u32 count = rows_at(r, offset, 12, 12, &rows);
    for (u32 i = 0; i < count; i++) {
        const u8 *row = rows.at + (size_t)i * 12;
        if (!add_name(r, &r->p->levels, load_u32(row), load_u32(row + 8), load_u32(row + 4)))
            return;
    }
}

static void read_opcodes(crim_reader *r, u32 offset)
{
    span rows;
    u32 count = rows_at(r, offset, 12, 12, &rows);
    for (u32 i = 0; i < count; i++) {
        const u8 *row = rows.at + (size_t)i * 12;
        u64 value = load_u16(row + 2) | (u64)load_u16(row) << 16;
        if (!add_name(r, &r->p->opcodes, value, load_u32(row + 8), load_u32(row + 4)))
            return;
    }
}

static void read_tasks(crim_reader *r, u32 offset)
{
    span rows;
    u32 count = rows_at(r, offset, 12, 28, &rows);
    for (u32 i = 0; i < count; i++) {
        const u8 *row = rows.at + (size_t)i * 28;
        if (!add_name(r, &r->p->tasks, load_u32(row), load_u32(row + 24), load_u32(row + 4)))
            return;
    }
}

static void read_keywords(crim_reader *r, u32 offset)
{
    span rows;
    u32 count = rows_at(r, offset, 12, 16, &rows);
    for (u32 i = 0; i < count; i++) {
        const u8 *row = rows.at + (size_t)i * 16;
        if (!add_name(r, &r->p->keywords, load_u64(row), load_u32(row + 12), load_u32(row + 8)))
            return;
    }
}

static void read_provider_attributes(crim_reader *r, u32 offset)
{
    span rows;
    u32 count = rows_at(r, offset, 12, 8, &rows);
    for (u32 i = 0; i < count && spend(r, 8); i++)
        if (load_u32(rows.at + (size_t)i * 8) == PROVIDER_NAME) {
            const char *name = bare_name_at(r, load_u32(rows.at + (size_t)i * 8 + 4));
            if (name && *name)
                r->p->name = name;
        }
}

// ---------------------------------------------------------------------------------------------- maps, templates

// Entries without a message say nothing and are left out; a map with none of them is no map.
static value_map *read_map(crim_reader *r, u32 offset)
{
    span head, rows;
    if (!span_sub(r->blob, offset, 20, &head) || (memcmp(head.at, "VMAP", 4) != 0 && memcmp(head.at, "BMAP", 4) != 0))
        return NULL;
    u32 count = load_u32(head.at + 16), kept = 0;
    rows = span_from(r->blob, (size_t)offset + 20);
    if (count > LIMIT_MAP_ENTRIES || count > rows.len / 8) {
        schema_load_note(r->from->load, "%s: map at 0x%x claims %u entries, the file holds %zu", r->from->path, offset,
                         count, rows.len / 8);
        return NULL;
    }
    const char *name = name_at(r, load_u32(head.at + 8));
    map_entry *entries = arena_array(r->a, map_entry, spend(r, (u64)count * 8) ? count : 0);
    for (u32 i = 0; i < count && !r->spent; i++) {
        const char *text = message_at(r, load_u32(rows.at + (size_t)i * 8 + 4));
        if (text && spend(r, strlen(text)))
            entries[kept++] = (map_entry){load_u32(rows.at + (size_t)i * 8), text};
    }
    if (!kept || r->spent)
        return NULL;
    if (r->from->load)
        r->from->load->maps++;
    return schema_add_map(r->p, name, head.at[0] == 'B', entries, kept);
}

static const value_map *map_at(crim_reader *r, u32 offset)
{
    if (!offset)
        return NULL;
    bool fresh;
    memo_slot *slot = memo_at(&r->memo, MEMO_MAP, offset, &fresh);
    if (!fresh)
        return slot->value;
    value_map *values = read_map(r, offset);
    memo_set(&r->memo, MEMO_MAP, offset, values);
    return values;
}

static void read_maps(crim_reader *r, u32 offset)
{
    span rows;
    u32 count = rows_at(r, offset, 12, 4, &rows);
    for (u32 i = 0; i < count && spend(r, 4); i++)
        map_at(r, load_u32(rows.at + (size_t)i * 4));
}

static bool read_item(crim_reader *r, const u8 *item, property *out)
{
    u32 flags = load_u32(item);
    *out = (property){.count = 1, .name = name_at(r, load_u32(item + 16))};
    if (flags & ITEM_STRUCT) {
        out->flags |= PROP_STRUCT;
        out->struct_start = load_u16(item + 4);
        out->struct_members = load_u16(item + 6);
    } else {
        const in_type_facts *facts = in_type_find(item[4]);
        out->in_type = item[4];
        out->out_type = item[5] || !facts ? item[5] : facts->default_out;
        out->map = map_at(r, load_u32(item + 8));
    }
    if (flags & ITEM_PARAM_COUNT)
        out->flags |= PROP_PARAM_COUNT;
    else if (flags & ITEM_FIXED_COUNT)
        out->flags |= PROP_FIXED_COUNT;
    if (flags & ITEM_PARAM_LENGTH)
        out->flags |= PROP_PARAM_LENGTH;
    else if (flags & ITEM_FIXED_LENGTH)
        out->flags |= PROP_FIXED_LENGTH;
    // Without its flag a number means nothing: mc.exe leaves a length at SIDs, whose length is their own.
    if (flags & (ITEM_PARAM_COUNT | ITEM_FIXED_COUNT))
        out->count = load_u16(item + 12);
    if (flags & (ITEM_PARAM_LENGTH | ITEM_FIXED_LENGTH))
        out->length = load_u16(item + 14);
    return out->name != NULL;
}

static template_items *read_template(crim_reader *r, u32 offset)
{
    span head, items = {0};
    if (!span_sub(r->blob, offset, 40, &head) || memcmp(head.at, "TEMP", 4) != 0) {
        schema_load_note(r->from->load, "%s: no template at 0x%x", r->from->path, offset);
        return NULL;
    }
    u32 top = load_u32(head.at + 8), count = load_u32(head.at + 12), claimed_at = load_u32(head.at + 16);
    if (top > count || count > LIMIT_PROPERTIES ||
        (count && !span_sub(r->blob, claimed_at, (size_t)count * ITEM_BYTES, &items))) {
        schema_load_note(r->from->load, "%s: template at 0x%x claims %u of %u items at 0x%x, the file has %zu bytes",
                         r->from->path, offset, top, count, claimed_at, r->blob.len);
        return NULL;
    }
    if (!spend(r, 40 + (u64)count * ITEM_BYTES))
        return NULL;
    property *properties = arena_array(r->a, property, count);
    for (u32 i = 0; i < count; i++)
        if (!read_item(r, items.at + (size_t)i * ITEM_BYTES, &properties[i])) {
            schema_load_note(r->from->load, "%s: template at 0x%x: item %u has no name", r->from->path, offset, i);
            return NULL;
        }
    template_items *t = arena_new(r->a, template_items);
    *t = (template_items){properties, (u16)count, (u16)top};
    return t;
}

// Many events share one template.
static const template_items *template_at(crim_reader *r, u32 offset)
{
    static const template_items nothing;
    if (!offset)
        return &nothing;
    bool fresh;
    memo_slot *slot = memo_at(&r->memo, MEMO_TEMPLATE, offset, &fresh);
    if (!fresh)
        return slot->value;
    template_items *t = read_template(r, offset);
    memo_set(&r->memo, MEMO_TEMPLATE, offset, t);
    return t;
}

// ---------------------------------------------------------------------------------------------- events

// The text of the definition an event names by its offset. `message` and `name` are where these stand in it.
static const char *definition_shown(crim_reader *r, u32 offset, u32 bytes, u32 message, u32 name, span *definition)
{
    if (!offset || !span_sub(r->blob, offset, bytes, definition))
        return NULL;
    return shown(name_at(r, load_u32(definition->at + name)), message_at(r, load_u32(definition->at + message)));
}

static void read_event(crim_reader *r, const u8 *row)
{
    const template_items *t = template_at(r, load_u32(row + 20));
    event_schema *event = arena_new(r->a, event_schema);
    span at;
    event->key = KEY_MANIFEST;
    event->descriptor = (event_descriptor){.id = load_u16(row),
                                           .version = row[2],
                                           .channel = row[3],
                                           .level = row[4],
                                           .opcode = row[5],
                                           .task = load_u16(row + 6),
                                           .keyword = load_u64(row + 8)};
    event->message = message_at(r, load_u32(row + 16));
    event->opcode_name = definition_shown(r, load_u32(row + 24), 12, 4, 8, &at);
    event->level_name = definition_shown(r, load_u32(row + 28), 12, 4, 8, &at);
    if ((event->task_name = definition_shown(r, load_u32(row + 32), 28, 4, 24, &at)) != NULL)
        event->event_guid = guid_load(at.at + 8);
    if (load_u32(row + 44) && span_sub(r->blob, load_u32(row + 44), 16, &at))
        event->channel_name = name_at(r, load_u32(at.at + 4)); // channels are named, their message is a description
    if (t) {
        event->properties = t->properties;
        event->property_count = t->count;
        event->top_count = t->top;
    }
    error why = {0};
    if (r->spent)
        return;
    if (!t || !schema_event_valid(event, &why) || !schema_add_event(r->p, event)) {
        schema_load_note(r->from->load, "%s: event %u version %u: %s", r->from->path, event->descriptor.id,
                         event->descriptor.version, t ? why.message : "its template cannot be read");
        return;
    }
    if (r->from->load)
        r->from->load->events++;
    memo_set(&r->memo, MEMO_EVENT, (u32)event->descriptor.id << 8 | event->descriptor.version, event);
}

static void read_events(crim_reader *r, u32 offset)
{
    span rows;
    u32 count = rows_at(r, offset, 16, EVENT_BYTES, &rows);
    for (u32 i = 0; i < count; i++) {
        const u8 *row = rows.at + (size_t)i * EVENT_BYTES;
        const template_items *t = template_at(r, load_u32(row + 20));
        if (!spend(r, EVENT_BYTES + (t ? t->count : 0u)))
            return;
        read_event(r, row);
    }
}

static void read_event_attributes(crim_reader *r, u32 offset)
{
    span rows;
    u32 count = rows_at(r, offset, 12, 8, &rows);
    for (u32 i = 0; i < count && spend(r, 8); i++) {
        const u8 *row = rows.at + (size_t)i * 8;
        bool fresh;
        if (row[0] != EVENT_NAME)
            continue;
        event_schema *event = memo_at(&r->memo, MEMO_EVENT, (u32)load_u16(row + 2) << 8 | row[1], &fresh)->value;
        if (event && event->provider == r->p)
            event->event_name = bare_name_at(r, load_u32(row + 4));
    }
}

// ---------------------------------------------------------------------------------------------- providers

typedef struct block_reader {
    char signature[5];
    u8 pass; // events need maps and names, event names need events
    void (*read)(crim_reader *r, u32 offset);
} block_reader;

static const block_reader BLOCKS[] = {
    {"CHAN", 0, read_channels}, {"LEVL", 0, read_levels},   {"OPCO", 0, read_opcodes},
    {"TASK", 0, read_tasks},    {"KEYW", 0, read_keywords}, {"PRVA", 0, read_provider_attributes},
    {"MAPS", 0, read_maps},     {"EVNT", 1, read_events},   {"EVTA", 2, read_event_attributes},
};

static void read_blocks(crim_reader *r, span list, u32 count, u8 pass)
{
    for (u32 i = 0; i < count && spend(r, 8); i++) {
        u32 offset = load_u32(list.at + (size_t)i * 8 + 4);
        span head;
        if (!span_sub(r->blob, offset, 12, &head)) {
            if (pass == 0)
                schema_load_note(r->from->load, "%s: a block is claimed at 0x%x, the file has %zu bytes", r->from->path,
                                 offset, r->blob.len);
            continue;
        }
        for (size_t b = 0; b < COUNT_OF(BLOCKS); b++)
            if (BLOCKS[b].pass == pass && memcmp(head.at, BLOCKS[b].signature, 4) == 0)
                BLOCKS[b].read(r, offset);
    }
}

static bool one_word(const char *text)
{
    return text && *text && !strpbrk(text, " \t\r\n%");
}

static void read_provider(crim_reader *r, const guid *id, u32 offset)
{
    span head, list;
    char text[GUID_TEXT];
    if (!span_sub(r->blob, offset, 16, &head) || memcmp(head.at, "WEVT", 4) != 0) {
        schema_load_note(r->from->load, "%s: provider %s: no WEVT block at 0x%x", r->from->path, guid_to_text(id, text),
                         offset);
        return;
    }
    u32 count = load_u32(head.at + 12);
    list = span_from(r->blob, (size_t)offset + 16);
    if (count > list.len / 8)
        count = (u32)(list.len / 8);
    r->p = schema_add_provider(r->from->set, id, NULL, ORIGIN_WEVT, r->from->rank, r->from->path);
    r->p->os_build = r->from->os_build;
    r->channel_prefix = NULL;
    for (u8 pass = 0; pass < 3; pass++)
        read_blocks(r, list, count, pass);
    if (!r->p->name)
        r->p->name = r->channel_prefix;
    const char *message = message_at(r, load_u32(head.at + 8));
    if (!r->p->name && one_word(message))
        r->p->name = message;
    if (r->from->load)
        r->from->load->providers++;
}

static void read_providers(crim_reader *r, u32 claimed)
{
    u32 there = (u32)((r->blob.len - 16) / 20), limit = LIMIT_PROVIDERS_A_FILE, count = claimed;
    if (count > there || count > limit) {
        schema_load_note(r->from->load,
                         "%s: WEVT_TEMPLATE claims %u providers, the file holds %u, LIMIT_PROVIDERS_A_FILE is %u",
                         r->from->path, count, there, limit);
        count = there < limit ? there : limit;
    }
    for (u32 i = 0; i < count && !r->spent; i++) {
        guid id = guid_load(r->blob.at + 16 + (size_t)i * 20);
        read_provider(r, &id, load_u32(r->blob.at + 32 + (size_t)i * 20));
    }
}

bool crim_is(span bytes)
{
    return bytes.len >= 16 && memcmp(bytes.at, "CRIM", 4) == 0;
}

bool crim_load(const crim_source *from, span bytes, error *e)
{
    if (!crim_is(bytes))
        return error_set(e, "WEVT_TEMPLATE resource of %zu bytes does not begin with CRIM", bytes.len);
    u32 claimed = load_u32(bytes.at + 4), major = load_u16(bytes.at + 8), minor = load_u16(bytes.at + 10);
    if (major != 3 && major != 5)
        return error_set(e, "WEVT_TEMPLATE version %u.%u is not known, 3.1 and 5.1 are", major, minor);
    if (claimed < 16 || claimed > bytes.len)
        schema_load_note(from->load, "%s: WEVT_TEMPLATE claims %u bytes, the file holds %zu", from->path, claimed,
                         bytes.len);
    else
        bytes.len = claimed;
    crim_reader r = {.from = from, .a = schema_arena(from->set), .blob = bytes};
    // Compiled manifests use each byte about once; only standard names are shared by the providers of a file.
    r.budget = LIMIT_WEVT_WORK + 8 * (u64)bytes.len;
    for (size_t i = 0; i < COUNT_OF(from->tables); i++)
        r.budget += from->tables[i] ? 8 * (u64)from->tables[i]->table.len : 0;
    read_providers(&r, load_u32(bytes.at + 12));
    map_free(&r.memo.by_key);
    mem_free(r.memo.slots);
    if (r.spent)
        schema_load_note(from->load,
                         "%s: definitions share more bytes than compiled manifests do, the rest is left out",
                         from->path);
    return r.p ? true : error_set(e, "WEVT_TEMPLATE resource of %zu bytes holds no provider", bytes.len);
}
