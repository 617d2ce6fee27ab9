#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <cjson/cJSON.h>

#include "base/limits.h"
#include "base/os.h"
#include "command.h"
#include "print.h"
#include "schemas/schemas.h"

void schemas_say(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    print_say_list(format, args);
    va_end(args);
}

int schemas_print(const char *text)
{
    return print_clean(stdout, text);
}

void schemas_print_padded(const char *text, int columns)
{
    print_padded(stdout, text, columns);
}

// ---------------------------------------------------------------------------------------------- which cache

static schema_cache *open_cache(const options *o)
{
    char *standard = o->cache ? NULL : schema_cache_default_path();
    const char *path = o->cache ? o->cache : standard;
    schema_cache *cache = NULL;
    error e = {0};
    if (!path)
        schemas_say("the system names no cache folder: --cache FILE");
    else if (strcmp(path, "none") == 0)
        schemas_say("--cache none: there is nothing to show");
    else if (!os_exists(path))
        schemas_say("%s: no schema cache there; etwkit schemas add makes it", path);
    else if (!schema_cache_open(&cache, path, &e))
        schemas_say("%s", e.message);
    mem_free(standard);
    return cache;
}

static void tell_refused(const schema_cache *cache)
{
    const char *first;
    u32 refused = schema_cache_refused(cache, &first);
    if (refused)
        schemas_say("%s%s", first, refused > 1 ? " (and more like it)" : "");
}

// ---------------------------------------------------------------------------------------------- list

static bool list_line(void *context, const schema_cache_row *row)
{
    (void)context;
    char id[GUID_TEXT];
    schemas_print_padded(row->name ? row->name : "-", 52);
    printf("%s %-11s ", guid_to_text(&row->id, id), schema_origin_name(row->origin));
    if (row->os_build)
        printf("%6u ", row->os_build);
    else
        fputs("     - ", stdout);
    printf("%7u %5u  ", row->events, row->maps);
    (void)schemas_print(row->path ? row->path : "-");
    putchar('\n');
    return true;
}

static bool list_json(void *context, const schema_cache_row *row)
{
    (void)context;
    char id[GUID_TEXT];
    cJSON *line = cJSON_CreateObject();
    if (row->name)
        cJSON_AddStringToObject(line, "provider", row->name);
    cJSON_AddStringToObject(line, "provider_id", guid_to_text(&row->id, id));
    cJSON_AddStringToObject(line, "schema", schema_origin_name(row->origin));
    if (row->os_build)
        cJSON_AddNumberToObject(line, "os_build", row->os_build);
    cJSON_AddNumberToObject(line, "events", row->events);
    cJSON_AddNumberToObject(line, "maps", row->maps);
    if (row->path)
        cJSON_AddStringToObject(line, "path", row->path);
    char *text = cJSON_PrintUnformatted(line);
    puts(text ? text : "{}");
    cJSON_free(text);
    cJSON_Delete(line);
    return true;
}

static int list(const options *o)
{
    schema_cache *cache = open_cache(o);
    error e = {0};
    if (!cache)
        return EXIT_FAILED;
    if (!o->json)
        printf("%-52s %-36s %-11s %6s %7s %5s  %s\n", "provider", "id", "schema", "build", "events", "maps", "from");
    bool ok = schema_cache_list(cache, o->json ? list_json : list_line, NULL, &e);
    if (!ok)
        schemas_say("%s", e.message);
    tell_refused(cache);
    schema_cache_close(cache);
    return ok ? EXIT_DONE : EXIT_FAILED;
}

// ---------------------------------------------------------------------------------------------- one provider

typedef struct name_search {
    const char *name;
    guid *ids;
    u32 count;
    char similar[3][160];
    u32 similar_count;
} name_search;

static bool holds_word(const char *text, const char *word)
{
    size_t len = strlen(word);
    for (; *text; text++)
        if (strncasecmp(text, word, len) == 0)
            return true;
    return false;
}

static void note_similar(name_search *s, const char *name)
{
    u32 at = s->similar_count;
    if (strlen(s->name) < 3 || at == COUNT_OF(s->similar) || (at && strcmp(s->similar[at - 1], name) == 0) ||
        !holds_word(name, s->name))
        return;
    snprintf(s->similar[at], sizeof(s->similar[at]), "%s", name);
    s->similar_count++;
}

static bool search_row(void *context, const schema_cache_row *row)
{
    name_search *s = context;
    if (!row->name || strcasecmp(row->name, s->name) != 0) {
        if (row->name)
            note_similar(s, row->name);
        return true;
    }
    for (u32 i = 0; i < s->count; i++)
        if (guid_equal(&s->ids[i], &row->id))
            return true;
    s->ids[s->count++] = row->id;
    return s->count < SCHEMAS_MATCHES;
}

static bool find_provider(schemas_wanted *w, const char *name)
{
    name_search s = {.name = name, .ids = w->ids};
    error e = {0};
    size_t len = strlen(name);
    if (len < 64 && guid_from_text(name, len, &w->ids[0]) && schema_providers(w->set, &w->ids[0])) {
        w->count = 1;
        return true;
    }
    if (!schema_cache_list(w->cache, search_row, &s, &e)) {
        schemas_say("%s", e.message);
        return false;
    }
    w->count = s.count;
    if (s.count)
        return true;
    schemas_say("%s: the cache knows no such provider (etwkit schemas list)", name);
    for (u32 i = 0; i < s.similar_count; i++)
        schemas_say("  there is %s", s.similar[i]);
    return false;
}

static int of_provider(const options *o, int (*run)(const options *o, const schemas_wanted *wanted))
{
    schemas_wanted w = {.cache = open_cache(o)};
    int code = EXIT_FAILED;
    if (!w.cache)
        return code;
    w.set = schema_set_new();
    schema_set_fetch(w.set, schema_cache_fetch, w.cache);
    if (find_provider(&w, o->inputs[0]))
        code = run(o, &w);
    tell_refused(w.cache);
    schema_set_free(w.set);
    schema_cache_close(w.cache);
    return code;
}

// ---------------------------------------------------------------------------------------------- naming events

const char *schemas_event_name(const event_schema *ev, char *room, size_t bytes)
{
    const char *task = ev->task_name, *opcode = ev->opcode_name;
    if (ev->event_name)
        return ev->event_name;
    bool both = task && opcode && (ev->key == KEY_CLASSIC || ev->descriptor.opcode != 0);
    snprintf(room, bytes, "%s%s%s", task ? task : "", both ? "/" : "", both || !task ? (opcode ? opcode : "") : "");
    return room;
}

bool schemas_event_fits(const event_schema *ev, const char *wanted)
{
    if (!wanted)
        return true;
    unsigned number = 0, version = 0;
    int end = 0, more = 0;
    if (sscanf(wanted, "%5u%n:%3u%n", &number, &end, &version, &more) >= 1 &&
        (wanted[end] == 0 || (more && wanted[more] == 0))) {
        u32 own = ev->key == KEY_CLASSIC ? ev->descriptor.opcode : ev->descriptor.id;
        return own == number && (!more || ev->descriptor.version == version);
    }
    char room[LIMIT_NAME_BYTES];
    return strcasecmp(schemas_event_name(ev, room, sizeof(room)), wanted) == 0 ||
           (ev->task_name && strcasecmp(ev->task_name, wanted) == 0);
}

// ---------------------------------------------------------------------------------------------- the command

static int show(const options *o)
{
    return of_provider(o, schemas_show);
}

static int export(const options *o)
{
    return of_provider(o, schemas_export);
}

static const command ADD = {
    .name = "add",
    .arguments = "PATH...",
    .help = "keep the schemas of manifests, PE, TMF, PDB and MOF files, folders of them, and traces",
    .options = {OPTION_GROUP("output", OPTION_CACHE, OPTION_JSON("one JSON object: what was learnt"))},
    .least = 1,
    .most = COMMAND_MANY,
    .writes_cache = true,
    .run = schemas_add,
};

static const command LIST = {
    .name = "list",
    .arguments = "",
    .help = "what the cache holds",
    .options = {OPTION_GROUP("output", OPTION_CACHE, OPTION_JSON("one JSON object a provider, a line each"))},
    .run = list,
};

static const command SHOW = {
    .name = "show",
    .arguments = "PROVIDER [EVENT]",
    .help = "events, fields, types, maps and messages; EVENT is ID, ID:VERSION or a name",
    .options = {OPTION_GROUP("output", OPTION_CACHE, OPTION_JSON("one JSON object a provider, a line each"))},
    .least = 1,
    .most = 2,
    .run = show,
};

static const command EXPORT = {
    .name = "export",
    .arguments = "PROVIDER [BUILD] -o OUT.man",
    .help = "a provider as an instrumentation manifest",
    .options = {OPTION_GROUP("output", OPTION_OUTPUT("OUT.man", "where to write; - is standard output"),
                             OPTION_FORCE("replace a file that is not an earlier export"), OPTION_CACHE)},
    .least = 1,
    .most = 2,
    .run = export,
};

static const command *const COMMANDS[] = {&ADD, &LIST, &SHOW, &EXPORT, NULL};

const command command_schemas = {
    .name = "schemas",
    .arguments = "add|list|show|export",
    .help = "the schema cache: what goes in once serves every later run",
    .commands = COMMANDS,
};
