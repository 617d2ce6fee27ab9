// `etwkit schemas show`: a provider's events, or all there is to say of one event.
#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/limits.h"
#include "base/text.h"
#include "schemas/schemas.h"

enum { MAP_LINES = 64 };

static const char *out_name(u16 number)
{
    const char *name = out_type_name(number), *colon = strchr(name, ':');
    return colon ? colon + 1 : name;
}

// "[4]", "[Count]"; nothing for a scalar.
static void extent_text(const event_schema *ev, u16 value, bool by_field, char *scratch, size_t bytes)
{
    if (by_field)
        snprintf(scratch, bytes, "%s", ev->properties[value].name);
    else
        snprintf(scratch, bytes, "%u", value);
}

static bool has_length(const property *p)
{
    return (p->flags & PROP_PARAM_LENGTH) || (p->length && in_type_find(p->in_type)->bytes == 0);
}

static bool is_array(const property *p)
{
    return (p->flags & (PROP_PARAM_COUNT | PROP_FIXED_COUNT | PROP_COUNT_INLINE | PROP_COUNT_REST)) || p->count != 1;
}

static void count_text(const event_schema *ev, const property *p, char *scratch, size_t bytes)
{
    if (p->flags & PROP_COUNT_INLINE)
        snprintf(scratch, bytes, "counted");
    else if (p->flags & PROP_COUNT_REST)
        snprintf(scratch, bytes, "rest");
    else
        extent_text(ev, p->count, (p->flags & PROP_PARAM_COUNT) != 0, scratch, bytes);
}

// ---------------------------------------------------------------------------------------------- text

static void print_type(const event_schema *ev, const property *p)
{
    char extent[LIMIT_NAME_BYTES];
    (void)schemas_print(p->flags & PROP_STRUCT ? "struct" : in_type_name(p->in_type));
    if (!(p->flags & PROP_STRUCT) && has_length(p)) {
        extent_text(ev, p->length, (p->flags & PROP_PARAM_LENGTH) != 0, extent, sizeof(extent));
        fputs("(", stdout);
        (void)schemas_print(extent);
        fputs(")", stdout);
    }
    if (is_array(p)) {
        count_text(ev, p, extent, sizeof(extent));
        fputs("[", stdout);
        (void)schemas_print(extent);
        fputs("]", stdout);
    }
    const in_type_facts *facts = in_type_find(p->in_type);
    if (!(p->flags & PROP_STRUCT) && p->out_type && facts && p->out_type != facts->default_out)
        printf(" as %s", out_name(p->out_type));
    if (p->map) {
        fputs(p->map->is_bitmap ? " bits " : " map ", stdout);
        (void)schemas_print(p->map->name);
    }
}

// Nesting ends: schema_event_valid.
static void print_fields(const event_schema *ev, u32 first, u32 count, u32 depth)
{
    for (u32 i = first; i < first + count; i++) {
        const property *p = &ev->properties[i];
        printf("      %*s", (int)depth * 2, "");
        schemas_print_padded(p->name, 32 - (int)depth * 2);
        print_type(ev, p);
        putchar('\n');
        if (p->flags & PROP_STRUCT)
            print_fields(ev, p->struct_start, p->struct_members, depth + 1);
    }
}

static void print_map(const value_map *map)
{
    printf("    %s ", map->is_bitmap ? "bits" : "map");
    (void)schemas_print(map->name);
    putchar('\n');
    for (u32 i = 0; i < map->count && i < MAP_LINES; i++) {
        printf("      %10llu 0x%-8llx ", (unsigned long long)map->entries[i].value,
               (unsigned long long)map->entries[i].value);
        (void)schemas_print(map->entries[i].text);
        putchar('\n');
    }
    if (map->count > MAP_LINES)
        printf("      %u more values (--json lists all)\n", map->count - MAP_LINES);
}

static bool shown_before(const event_schema *ev, u32 at)
{
    for (u32 i = 0; i < at; i++)
        if (ev->properties[i].map == ev->properties[at].map)
            return true;
    return false;
}

static void print_line(const char *what, const char *text)
{
    if (!text || !*text)
        return;
    printf("    %-9s ", what);
    (void)schemas_print(text);
    putchar('\n');
}

static void print_keywords(const event_schema *ev)
{
    const name_list *list = &ev->provider->keywords;
    u64 mask = ev->descriptor.keyword;
    if (!mask)
        return;
    printf("    %-9s 0x%llx", "keywords", (unsigned long long)mask);
    for (u32 i = 0; i < ev->keyword_count; i++) {
        putchar(' ');
        (void)schemas_print(ev->keyword_names[i]);
    }
    for (u32 i = 0; !ev->keyword_count && i < list->count; i++) {
        u64 value = list->items[i].value;
        if (value && (mask & value) == value && list->items[i].name) {
            putchar(' ');
            (void)schemas_print(list->items[i].name);
        }
    }
    putchar('\n');
}

static void print_number(const event_schema *ev)
{
    const char *what = ev->key == KEY_CLASSIC ? "opcode" : ev->key == KEY_WPP ? "message" : "event";
    u32 number = ev->key == KEY_CLASSIC ? ev->descriptor.opcode : ev->descriptor.id;
    printf("  %s %u version %u  ", what, number, ev->descriptor.version);
}

static void print_builds(const event_schema *ev)
{
    if (!ev->build_count)
        return;
    printf("    %-9s", "builds");
    for (u32 i = 0; i < ev->build_count; i++) {
        const build_range *range = &ev->builds[i];
        printf(range->first == range->last ? "%s %u" : "%s %u to %u", i ? "," : "", range->first, range->last);
    }
    putchar('\n');
}

static void print_event(const event_schema *ev)
{
    char scratch[LIMIT_NAME_BYTES], id[GUID_TEXT];
    print_number(ev);
    (void)schemas_print(schemas_event_name(ev, scratch, sizeof(scratch)));
    putchar('\n');
    print_builds(ev);
    print_line("level", ev->level_name);
    print_line("task", ev->task_name);
    print_line("opcode", ev->opcode_name);
    print_line("channel", ev->channel_name);
    print_keywords(ev);
    if (!guid_is_zero(&ev->event_guid))
        print_line(ev->key == KEY_MANIFEST ? "task id" : "class", guid_to_text(&ev->event_guid, id));
    print_line("source", ev->wpp_source);
    print_line("function", ev->wpp_function);
    print_line("message", ev->message);
    puts(ev->top_count ? "    fields" : "    no fields");
    print_fields(ev, 0, ev->top_count, 0);
    for (u32 i = 0; i < ev->property_count; i++)
        if (ev->properties[i].map && !shown_before(ev, i))
            print_map(ev->properties[i].map);
}

void schemas_print_summary(const event_schema *ev)
{
    char scratch[LIMIT_NAME_BYTES];
    u32 number = ev->key == KEY_CLASSIC ? ev->descriptor.opcode : ev->descriptor.id;
    printf("  %6u v%-3u ", number, ev->descriptor.version);
    schemas_print_padded(ev->level_name ? ev->level_name : "", 12);
    schemas_print_padded(schemas_event_name(ev, scratch, sizeof(scratch)), 40);
    for (u32 i = 0; i < ev->top_count; i++) {
        if (i)
            fputs(", ", stdout);
        (void)schemas_print(ev->properties[i].name);
    }
    putchar('\n');
}

static void print_provider(const provider_schema *p)
{
    char id[GUID_TEXT];
    (void)schemas_print(p->name ? p->name : "-");
    printf("  %s  %s", guid_to_text(&p->id, id), schema_origin_name(p->origin));
    if (p->os_build)
        printf("  Windows build %u", p->os_build);
    printf("  %u events  %u maps\n", p->event_count, p->map_count);
    if (p->path) {
        fputs("  from ", stdout);
        (void)schemas_print(p->path);
        putchar('\n');
    }
}

// ---------------------------------------------------------------------------------------------- JSON

static void add_text(cJSON *to, const char *name, const char *text)
{
    if (text && *text)
        cJSON_AddStringToObject(to, name, text);
}

static void add_mask(cJSON *to, const char *name, u64 mask)
{
    char text[24];
    snprintf(text, sizeof(text), "0x%llx", (unsigned long long)mask);
    cJSON_AddStringToObject(to, name, text);
}

static cJSON *map_json(const value_map *map)
{
    cJSON *out = cJSON_CreateObject(), *values = NULL;
    cJSON_AddStringToObject(out, "name", map->name);
    cJSON_AddBoolToObject(out, "bits", map->is_bitmap);
    values = cJSON_AddArrayToObject(out, "values");
    for (u32 i = 0; i < map->count; i++) {
        cJSON *value = cJSON_CreateObject();
        char number[24]; // exact, which a cJSON number above 2^53 is not
        snprintf(number, sizeof(number), "%llu", (unsigned long long)map->entries[i].value);
        cJSON_AddRawToObject(value, "value", number);
        cJSON_AddStringToObject(value, "text", map->entries[i].text);
        cJSON_AddItemToArray(values, value);
    }
    return out;
}

static cJSON *fields_json(const event_schema *ev, u32 first, u32 count)
{
    cJSON *list = cJSON_CreateArray();
    char extent[LIMIT_NAME_BYTES];
    for (u32 i = first; i < first + count; i++) {
        const property *p = &ev->properties[i];
        cJSON *item = cJSON_CreateObject();
        cJSON_AddStringToObject(item, "name", p->name);
        cJSON_AddStringToObject(item, "type", p->flags & PROP_STRUCT ? "struct" : in_type_name(p->in_type));
        if (!(p->flags & PROP_STRUCT)) {
            add_text(item, "out", out_name(p->out_type));
            if (has_length(p)) {
                extent_text(ev, p->length, (p->flags & PROP_PARAM_LENGTH) != 0, extent, sizeof(extent));
                cJSON_AddStringToObject(item, "length", extent);
            }
        }
        if (is_array(p)) {
            count_text(ev, p, extent, sizeof(extent));
            cJSON_AddStringToObject(item, "count", extent);
        }
        if (p->map)
            cJSON_AddStringToObject(item, "map", p->map->name);
        if (p->flags & PROP_STRUCT)
            cJSON_AddItemToObject(item, "fields", fields_json(ev, p->struct_start, p->struct_members));
        cJSON_AddItemToArray(list, item);
    }
    return list;
}

// Ranges, first and last build each.
static cJSON *builds_json(const event_schema *ev)
{
    cJSON *list = cJSON_CreateArray();
    for (u32 i = 0; i < ev->build_count; i++)
        cJSON_AddItemToArray(list,
                             cJSON_CreateIntArray((const int[]){(int)ev->builds[i].first, (int)ev->builds[i].last}, 2));
    return list;
}

static cJSON *event_json(const event_schema *ev)
{
    static const char *const KEYS[] = {"event", "class", "message"};
    char scratch[LIMIT_NAME_BYTES], id[GUID_TEXT];
    const event_descriptor *d = &ev->descriptor;
    cJSON *out = cJSON_CreateObject();
    cJSON_AddStringToObject(out, "key", KEYS[ev->key]);
    cJSON_AddNumberToObject(out, "event_id", d->id);
    cJSON_AddNumberToObject(out, "version", d->version);
    cJSON_AddNumberToObject(out, "channel", d->channel);
    cJSON_AddNumberToObject(out, "level", d->level);
    cJSON_AddNumberToObject(out, "opcode", d->opcode);
    cJSON_AddNumberToObject(out, "task", d->task);
    add_mask(out, "keywords", d->keyword);
    if (!guid_is_zero(&ev->event_guid))
        cJSON_AddStringToObject(out, "class_id", guid_to_text(&ev->event_guid, id));
    add_text(out, "name", schemas_event_name(ev, scratch, sizeof(scratch)));
    add_text(out, "task_name", ev->task_name);
    add_text(out, "opcode_name", ev->opcode_name);
    add_text(out, "level_name", ev->level_name);
    add_text(out, "channel_name", ev->channel_name);
    add_text(out, "message", ev->message);
    add_text(out, "wpp_source", ev->wpp_source);
    add_text(out, "wpp_function", ev->wpp_function);
    if (ev->build_count)
        cJSON_AddItemToObject(out, "builds", builds_json(ev));
    cJSON_AddItemToObject(out, "fields", fields_json(ev, 0, ev->top_count));
    return out;
}

static cJSON *provider_json(const provider_schema *p, const char *wanted)
{
    char id[GUID_TEXT];
    cJSON *out = cJSON_CreateObject();
    add_text(out, "provider", p->name);
    cJSON_AddStringToObject(out, "provider_id", guid_to_text(&p->id, id));
    cJSON_AddStringToObject(out, "schema", schema_origin_name(p->origin));
    if (p->os_build)
        cJSON_AddNumberToObject(out, "os_build", p->os_build);
    add_text(out, "path", p->path);
    cJSON *keywords = cJSON_AddArrayToObject(out, "keywords");
    for (u32 i = 0; i < p->keywords.count; i++) {
        cJSON *keyword = cJSON_CreateObject();
        add_mask(keyword, "mask", p->keywords.items[i].value);
        add_text(keyword, "name", p->keywords.items[i].name);
        add_text(keyword, "message", p->keywords.items[i].message);
        cJSON_AddItemToArray(keywords, keyword);
    }
    cJSON *maps = cJSON_AddArrayToObject(out, "maps");
    for (u32 i = 0; i < p->map_count; i++)
        cJSON_AddItemToArray(maps, map_json(p->maps[i]));
    cJSON *events = cJSON_AddArrayToObject(out, "events");
    for (u32 i = 0; i < p->event_count; i++)
        if (schemas_event_fits(p->events[i], wanted))
            cJSON_AddItemToArray(events, event_json(p->events[i]));
    return out;
}

// ---------------------------------------------------------------------------------------------- the command

static u32 show_provider(const options *o, provider_schema *p, const char *wanted)
{
    u32 shown = 0;
    schema_sort(p);
    for (u32 i = 0; i < p->event_count; i++)
        shown += schemas_event_fits(p->events[i], wanted);
    if (wanted && !shown)
        return 0;
    if (o->json) {
        schemas_print_json(provider_json(p, wanted));
        return 1;
    }
    print_provider(p);
    for (u32 i = 0; i < p->event_count; i++) {
        if (!schemas_event_fits(p->events[i], wanted))
            continue;
        if (wanted)
            print_event(p->events[i]);
        else
            schemas_print_summary(p->events[i]);
    }
    putchar('\n');
    return 1;
}

int schemas_show(const options *o, const schemas_wanted *wanted)
{
    const char *number = o->input_count > 1 ? o->inputs[1] : NULL;
    u32 shown = 0;
    for (u32 i = 0; i < wanted->count; i++)
        for (provider_schema *p = schema_providers(wanted->set, &wanted->ids[i]); p; p = p->next)
            shown += show_provider(o, p, number);
    if (!shown)
        schemas_say("%s: no event %s", o->inputs[0], number ? number : "");
    return shown ? EXIT_DONE : EXIT_FAILED;
}
