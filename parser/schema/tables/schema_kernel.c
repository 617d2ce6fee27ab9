// Looks up and compiles kernel_events.def and classic_events.def. The tables are trusted: a line that does not compile
// is a mistake which the table's test finds, and is left out here.
#include "schema/tables/schema_kernel.h"

#include "schema/model/schema_layout.h"

enum { NO_GROUP = 0x100 };

typedef enum kernel_class {
#define CLASS(tag, ...) CLASS_##tag,
#include "schema/tables/kernel_events.def"
    KERNEL_CLASSES, // how many of them come before the others
    CLASS_BEFORE_OTHERS = KERNEL_CLASSES - 1,
#define CLASS(tag, ...) CLASS_##tag,
#include "schema/tables/classic_events.def"
} kernel_class;

typedef struct class_row {
    u16 group;
    const char *task, *provider;
    guid id;
} class_row;

static const class_row CLASSES[] = {
#define CLASS(tag, group, task, provider, ...) {group, task, provider, GUID_OF(__VA_ARGS__)},
#include "schema/tables/kernel_events.def"
#define CLASS(tag, group, task, provider, ...) {group, task, provider, GUID_OF(__VA_ARGS__)},
#include "schema/tables/classic_events.def"
};

// A class with the events of another one.
typedef struct alike_row {
    u8 class;
    const char *task;
    guid id;
} alike_row;

static const alike_row ALIKES[] = {
#define ALIKE(tag, task, ...) {CLASS_##tag, task, GUID_OF(__VA_ARGS__)},
#include "schema/tables/classic_events.def"
};

// layout NULL: names only.
typedef struct event_row {
    u8 class, version;
    const char *opcodes, *layout;
} event_row;

static const event_row EVENTS[] = {
#define EVENT(tag, version, opcodes, layout) {CLASS_##tag, version, opcodes, layout},
#define NAMES(tag, opcodes) {CLASS_##tag, 0, opcodes, NULL},
#include "schema/tables/kernel_events.def"
#define EVENT(tag, version, opcodes, layout) {CLASS_##tag, version, opcodes, layout},
#include "schema/tables/classic_events.def"
};

// What the tables say of a class GUID.
typedef struct found_class {
    u32 class; // whose events it has
    const char *task;
} found_class;

static bool class_find(const guid *id, found_class *found)
{
    for (u32 i = 0; i < COUNT_OF(CLASSES); i++) {
        if (guid_equal(&CLASSES[i].id, id)) {
            *found = (found_class){i, CLASSES[i].task};
            return true;
        }
    }
    for (u32 i = 0; i < COUNT_OF(ALIKES); i++) {
        if (guid_equal(&ALIKES[i].id, id)) {
            *found = (found_class){ALIKES[i].class, ALIKES[i].task};
            return true;
        }
    }
    return false;
}

typedef struct opcode_item {
    u8 opcode;
    const char *name;
    size_t len;
} opcode_item;

// One "opcode:name" of the list, which moves on to the next. False at its end.
static bool next_opcode(const char **list, opcode_item *item)
{
    const char *at = *list;
    u32 opcode = 0;
    if (!*at)
        return false;
    while (*at >= '0' && *at <= '9')
        opcode = opcode * 10 + (u32)(*at++ - '0');
    item->opcode = (u8)opcode;
    if (*at == ':')
        at++;
    item->name = at;
    item->len = strcspn(at, ",");
    at += item->len;
    *list = at + strspn(at, ", ");
    return true;
}

static void add_events(provider_schema *p, const found_class *class, const event_row *row, u32 variant)
{
    arena *a = schema_arena(p->set);
    event_schema base = {.key = KEY_CLASSIC, .event_guid = p->id, .task_name = class->task};
    base.descriptor.version = row->version;
    if (!layout_compile(a, p, row->layout, variant, &base, NULL))
        return;
    opcode_item item;
    for (const char *list = row->opcodes; next_opcode(&list, &item);) {
        event_schema *event = arena_new(a, event_schema);
        *event = base;
        event->descriptor.opcode = item.opcode;
        event->opcode_name = item.len ? arena_text_len(a, item.name, item.len) : NULL;
        (void)schema_add_event(p, event);
    }
}

static void add_names(provider_schema *p, const event_row *row)
{
    arena *a = schema_arena(p->set);
    opcode_item item;
    for (const char *list = row->opcodes; next_opcode(&list, &item);)
        schema_add_name(p, &p->opcodes, item.opcode, arena_text_len(a, item.name, item.len), NULL);
}

bool schema_kernel_fetch(schema_set *set, const guid *class_guid)
{
    found_class class;
    if (!class_find(class_guid, &class))
        return false;
    bool kernel = class.class < KERNEL_CLASSES;
    provider_schema *p =
        schema_add_provider(set, class_guid, CLASSES[class.class].provider, kernel ? ORIGIN_KERNEL : ORIGIN_BUILTIN,
                            kernel ? RANK_TRACE : RANK_BUILTIN, NULL);
    schema_add_name(p, &p->tasks, 0, class.task, NULL);
    for (size_t i = 0; i < COUNT_OF(EVENTS); i++) {
        const event_row *row = &EVENTS[i];
        if (row->class != class.class)
            continue;
        if (!row->layout) {
            add_names(p, row);
            continue;
        }
        for (u32 variant = 0; variant < layout_variants(row->layout); variant++)
            add_events(p, &class, row, variant);
    }
    return true;
}

const char *kernel_group_name(u8 group)
{
    for (size_t i = 0; i < COUNT_OF(CLASSES); i++)
        if (CLASSES[i].group == group)
            return CLASSES[i].task;
    return NULL;
}

const char *kernel_class_name(const guid *class_guid)
{
    found_class class;
    return class_find(class_guid, &class) ? class.task : NULL;
}

const char *kernel_opcode_name(const schema_set *set, const guid *class_guid, u8 opcode)
{
    for (provider_schema *p = schema_providers(set, class_guid); p; p = p->next) {
        const schema_name *name = p->origin == ORIGIN_KERNEL ? schema_find_name(&p->opcodes, opcode) : NULL;
        if (name)
            return name->name;
    }
    return NULL;
}
