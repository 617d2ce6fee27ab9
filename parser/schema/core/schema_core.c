// Reads a provider's text. The text is part of the program: a line that says nothing useful is a mistake which the
// core's test finds, and is left out here.
#include "schema/core/schema_core.h"

#include <stdlib.h>

#include "schema/core/core_pack.h"
#include "schema/model/schema_layout.h"

typedef struct reader {
    provider_schema *p;
    arena *arena;
    const build_range *builds; // of the provider
    u32 build_count;
    event_schema layout; // what the events that follow have in common
    bool laid_out;
} reader;

// Cuts the text at the next `end`; "" after the last piece. The pieces stay where they are.
static char *next_piece(char **at, char end)
{
    char *piece = *at, *stop = strchr(piece, end);
    if (stop)
        *stop++ = 0;
    *at = stop ? stop : piece + strlen(piece);
    return piece;
}

static char *next_cell(char **line)
{
    return next_piece(line, '\t');
}

static u32 count_of(const char *text, char c)
{
    u32 count = 0;
    for (; *text; text++)
        count += *text == c;
    return count;
}

static bool is_number(const char *cell)
{
    return *cell >= '0' && *cell <= '9';
}

static void read_builds(reader *r, char *cell, const build_range **builds, u32 *count)
{
    if (!*cell || *cell == '*') {
        *builds = *cell ? r->builds : NULL;
        *count = *cell ? r->build_count : 0;
        return;
    }
    *count = count_of(cell, ',') + 1;
    build_range *ranges = arena_array(r->arena, build_range, *count);
    for (u32 i = 0; i < *count; i++) {
        char *end;
        ranges[i].first = (u32)strtoul(cell, &end, 10);
        ranges[i].last = *end == '-' ? (u32)strtoul(end + 1, &end, 10) : ranges[i].first;
        cell = end + (*end == ',');
    }
    *builds = ranges;
}

static void read_map(reader *r, char *line, bool is_bits)
{
    const char *name = next_cell(&line);
    u32 count = 0, most = count_of(line, '\t') + 1;
    map_entry *entries = arena_array(r->arena, map_entry, most);
    while (*line && count < most) {
        char *text, *cell = next_cell(&line);
        u64 value = strtoull(cell, &text, 0);
        entries[count++] = (map_entry){value, text + (*text == '=')};
    }
    (void)schema_add_map(r->p, name, is_bits, entries, count);
}

static void read_name(reader *r, name_list *list, char *line)
{
    char *end, *cell = next_cell(&line);
    u64 value = strtoull(cell, &end, 0);
    if (*end == '.') // an opcode of a task
        value = value << 16 | strtoull(end + 1, NULL, 10);
    schema_add_name(r->p, list, value, next_cell(&line), NULL);
}

static const char *name_of(const name_list *list, u64 value)
{
    const schema_name *name = schema_find_name(list, value);
    return name ? name->name : NULL;
}

static void read_task(reader *r, event_schema *event, const char *task, const char *opcode)
{
    event_descriptor *d = &event->descriptor;
    d->task = (u16)(is_number(task) ? strtoul(task, NULL, 10) : 0);
    d->opcode = (u8)(is_number(opcode) ? strtoul(opcode, NULL, 10) : 0);
    event->any_task = *task && !is_number(task);
    event->any_opcode = *opcode && !is_number(opcode);
    event->task_name = event->any_task ? task : name_of(&r->p->tasks, d->task);
    event->opcode_name = event->any_opcode ? opcode : name_of(&r->p->opcodes, (u64)d->task << 16 | d->opcode);
}

static void read_keywords(reader *r, event_schema *event, char *cell)
{
    if (is_number(cell)) {
        event->descriptor.keyword = strtoull(cell, NULL, 16);
        return;
    }
    u32 most = count_of(cell, ' ') + 1;
    const char **names = arena_array(r->arena, const char *, most);
    while (*cell && event->keyword_count < most)
        names[event->keyword_count++] = next_piece(&cell, ' ');
    event->keyword_names = names;
}

static void read_event(reader *r, char *cell, char *line)
{
    char *end;
    if (!r->laid_out || !is_number(cell))
        return;
    event_schema *event = arena_new(r->arena, event_schema);
    *event = r->layout;
    event->descriptor.id = (u16)strtoul(cell, &end, 10);
    event->descriptor.version = (u8)strtoul(end + (*end == '/'), NULL, 10);
    read_builds(r, next_cell(&line), &event->builds, &event->build_count);
    event->descriptor.level = (u8)strtoul(next_cell(&line), NULL, 10);
    const char *task = next_cell(&line);
    read_task(r, event, task, next_cell(&line));
    read_keywords(r, event, next_cell(&line));
    event->channel_name = *line ? line : NULL;
    (void)schema_add_event(r->p, event);
}

static void read_line(reader *r, char *line)
{
    char *word = next_cell(&line);
    if (strcmp(word, "layout") == 0) {
        r->layout = (event_schema){.key = KEY_MANIFEST};
        r->laid_out = layout_compile(r->arena, r->p, line, 0, &r->layout, NULL);
    } else if (strcmp(word, "keyword") == 0) {
        read_name(r, &r->p->keywords, line);
    } else if (strcmp(word, "task") == 0) {
        read_name(r, &r->p->tasks, line);
    } else if (strcmp(word, "opcode") == 0) {
        read_name(r, &r->p->opcodes, line);
    } else if (strcmp(word, "map") == 0 || strcmp(word, "bits") == 0) {
        read_map(r, line, *word == 'b');
    } else if (strcmp(word, "provider") == 0) {
        (void)next_cell(&line); // GUID and name: the index has them
        (void)next_cell(&line);
        read_builds(r, line, &r->builds, &r->build_count);
    } else {
        read_event(r, word, line);
    }
}

bool schema_core_fetch(schema_set *set, const guid *provider)
{
    core_provider found;
    if (!core_find(provider, &found) || !found.events)
        return false;
    arena *a = schema_arena(set);
    char *text = arena_take(a, found.text_bytes + 1);
    if (!core_text(&found, text))
        return false;
    reader r = {.p = schema_add_provider(set, provider, found.name, ORIGIN_BUILTIN, RANK_BUILTIN, NULL), .arena = a};
    while (*text)
        read_line(&r, next_piece(&text, '\n'));
    return true;
}
