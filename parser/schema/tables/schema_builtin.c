// Looks up and compiles builtin_events.def. The table is trusted: a line that does not compile is a mistake which the
// table's test finds, and is left out here.
#include "schema/tables/schema_builtin.h"

#include <stddef.h>
#include <stdlib.h>

#include "schema/model/schema_layout.h"

typedef enum builtin_provider {
#define PROVIDER(tag, name, ...) PROVIDER_##tag,
#include "schema/tables/builtin_events.def"
} builtin_provider;

typedef struct provider_row {
    const char *name;
    guid id;
} provider_row;

static const provider_row PROVIDERS[] = {
#define PROVIDER(tag, name, ...) {name, GUID_OF(__VA_ARGS__)},
#include "schema/tables/builtin_events.def"
};

typedef enum row_kind { ROW_EVENTS, ROW_KEYWORDS, ROW_TASKS, ROW_OPCODES, ROW_VALUES, ROW_BITS } row_kind;

// Places instead of pointers: a table of pointers is written to whenever the program starts, page by page.
static const struct row_texts {
#define LIST_ALONE(list) char LINE_NAME(l)[sizeof(list)];
#define LIST_AND_TEXT(list, text) LIST_ALONE(list) char LINE_NAME(t)[sizeof(text)];
#define KEYWORDS(tag, list) LIST_ALONE(list)
#define TASKS(tag, list) LIST_ALONE(list)
#define OPCODES(tag, list) LIST_ALONE(list)
#define MAP(tag, kind, name, list) LIST_AND_TEXT(list, name)
#define EVENTS(tag, events, layout) LIST_AND_TEXT(events, layout)
#include "schema/tables/builtin_events.def"
} TEXTS = {
#define KEYWORDS(tag, list) list,
#define TASKS(tag, list) list,
#define OPCODES(tag, list) list,
#define MAP(tag, kind, name, list) list, name,
#define EVENTS(tag, events, layout) events, layout,
#include "schema/tables/builtin_events.def"
};

// list: what the row enumerates; text: the layout of ROW_EVENTS, the name of a map, nothing for the others. Both are
// offsets in TEXTS.
typedef struct table_row {
    u8 provider, kind;
    u32 list, text;
} table_row;

static const table_row ROWS[] = {
#define AT(member) offsetof(struct row_texts, LINE_NAME(member))
#define KEYWORDS(tag, ...) {PROVIDER_##tag, ROW_KEYWORDS, AT(l), 0},
#define TASKS(tag, ...) {PROVIDER_##tag, ROW_TASKS, AT(l), 0},
#define OPCODES(tag, ...) {PROVIDER_##tag, ROW_OPCODES, AT(l), 0},
#define MAP(tag, kind, ...) {PROVIDER_##tag, ROW_##kind, AT(l), AT(t)},
#define EVENTS(tag, ...) {PROVIDER_##tag, ROW_EVENTS, AT(l), AT(t)},
#include "schema/tables/builtin_events.def"
};

static const char *text_at(u32 offset)
{
    return (const char *)&TEXTS + offset;
}

// One "number=name" of a list with | between; "12.3=name" gives 3 | 12 << 16. False at the end.
static bool next_name(arena *a, const char **list, schema_name *item)
{
    if (!**list)
        return false;
    char *end;
    item->value = strtoull(*list, &end, 0);
    if (*end == '.')
        item->value = item->value << 16 | strtoull(end + 1, &end, 10);
    const char *name = *end == '=' ? end + 1 : end;
    size_t len = strcspn(name, "|");
    item->name = arena_text_len(a, name, len);
    *list = name[len] ? name + len + 1 : name + len;
    return true;
}

static void add_names(provider_schema *p, name_list *list, const char *text)
{
    schema_name item;
    while (next_name(schema_arena(p->set), &text, &item))
        schema_add_name(p, list, item.value, item.name, NULL);
}

static void add_map(provider_schema *p, const table_row *row)
{
    enum { ENTRIES = 512 };
    map_entry entries[ENTRIES];
    u32 count = 0;
    schema_name item;
    const char *list = text_at(row->list);
    while (count < ENTRIES && next_name(schema_arena(p->set), &list, &item))
        entries[count++] = (map_entry){item.value, item.name};
    (void)schema_add_map(p, text_at(row->text), row->kind == ROW_BITS, entries, count);
}

// One "id/version/level/task/opcode" of a list with blanks between; what is left out at the end is 0.
static bool next_event(const char **list, event_descriptor *descriptor)
{
    unsigned long numbers[5] = {0};
    if (!**list)
        return false;
    for (u32 i = 0; i < COUNT_OF(numbers); i++) {
        char *end;
        numbers[i] = strtoul(*list, &end, 10);
        *list = end;
        if (*end != '/')
            break;
        ++*list;
    }
    *list += strspn(*list, " ");
    *descriptor = (event_descriptor){
        .id = (u16)numbers[0],
        .version = (u8)numbers[1],
        .level = (u8)numbers[2],
        .task = (u16)numbers[3],
        .opcode = (u8)numbers[4],
    };
    return true;
}

static const char *name_of(const name_list *list, u64 value)
{
    const schema_name *name = schema_find_name(list, value);
    return name ? name->name : NULL;
}

static void add_events(provider_schema *p, const table_row *row)
{
    arena *a = schema_arena(p->set);
    event_schema base = {.key = KEY_MANIFEST};
    if (!layout_compile(a, p, text_at(row->text), 0, &base, NULL))
        return;
    const char *list = text_at(row->list);
    event_descriptor d;
    while (next_event(&list, &d)) {
        event_schema *event = arena_new(a, event_schema);
        *event = base;
        event->descriptor = d;
        event->task_name = name_of(&p->tasks, d.task);
        event->opcode_name = name_of(&p->opcodes, (u64)d.task << 16 | d.opcode);
        (void)schema_add_event(p, event);
    }
}

static void add_row(provider_schema *p, const table_row *row)
{
    switch ((row_kind)row->kind) {
    case ROW_EVENTS:
        add_events(p, row);
        break;
    case ROW_KEYWORDS:
        add_names(p, &p->keywords, text_at(row->list));
        break;
    case ROW_TASKS:
        add_names(p, &p->tasks, text_at(row->list));
        break;
    case ROW_OPCODES:
        add_names(p, &p->opcodes, text_at(row->list));
        break;
    case ROW_VALUES:
    case ROW_BITS:
        add_map(p, row);
        break;
    }
}

bool schema_builtin_fetch(schema_set *set, const guid *provider)
{
    for (size_t i = 0; i < COUNT_OF(PROVIDERS); i++) {
        if (!guid_equal(&PROVIDERS[i].id, provider))
            continue;
        const provider_row *row = &PROVIDERS[i];
        provider_schema *p = schema_add_provider(set, provider, row->name, ORIGIN_BUILTIN, RANK_BUILTIN, NULL);
        for (size_t r = 0; r < COUNT_OF(ROWS); r++)
            if (ROWS[r].provider == i)
                add_row(p, &ROWS[r]);
        return true;
    }
    return false;
}
