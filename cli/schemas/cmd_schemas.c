#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <cjson/cJSON.h>

#include "base/limits.h"
#include "base/suggest.h"
#include "command.h"
#include "print.h"
#include "schemas/catalogue.h"
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

void schemas_print_json(cJSON *line)
{
    char *text = cJSON_PrintUnformatted(line);
    puts(text ? text : "{}");
    cJSON_free(text);
    cJSON_Delete(line);
}

bool schemas_holds(const char *text, const char *word)
{
    size_t len = strlen(word);
    for (; text && *text; text++)
        if (strncasecmp(text, word, len) == 0)
            return true;
    return false;
}

// ---------------------------------------------------------------------------------------------- list

static void list_line(const schema_cache_row *row)
{
    char id[GUID_TEXT];
    schemas_print_padded(*row->name ? row->name : "-", 52);
    printf("%s %-11s ", guid_to_text(&row->id, id), schema_origin_name(row->origin));
    if (row->os_build)
        printf("%6u ", row->os_build);
    else
        fputs("     - ", stdout);
    printf("%7u  ", row->events);
    (void)schemas_print(row->path ? row->path : "-");
    putchar('\n');
}

static void list_json(const schema_cache_row *row)
{
    char id[GUID_TEXT];
    cJSON *line = cJSON_CreateObject();
    if (*row->name)
        cJSON_AddStringToObject(line, "provider", row->name);
    cJSON_AddStringToObject(line, "provider_id", guid_to_text(&row->id, id));
    cJSON_AddStringToObject(line, "schema", schema_origin_name(row->origin));
    if (row->os_build)
        cJSON_AddNumberToObject(line, "os_build", row->os_build);
    cJSON_AddNumberToObject(line, "events", row->events);
    if (row->origin != ORIGIN_BUILTIN)
        cJSON_AddNumberToObject(line, "maps", row->maps);
    if (row->path)
        cJSON_AddStringToObject(line, "path", row->path);
    schemas_print_json(line);
}

static int list(const options *o)
{
    catalogue c;
    bool ok = catalogue_open(&c, o);
    if (ok && !o->json)
        printf("%-52s %-36s %-11s %6s %7s  %s\n", "provider", "id", "schema", "build", "events", "from");
    for (u32 i = 0; i < c.count; i++)
        (o->json ? list_json : list_line)(&c.rows[i]);
    catalogue_close(&c);
    return ok ? EXIT_DONE : EXIT_FAILED;
}

// ---------------------------------------------------------------------------------------------- one provider

static bool holds_id(const schemas_wanted *w, const guid *id)
{
    for (u32 i = 0; i < w->count; i++)
        if (guid_equal(&w->ids[i], id))
            return true;
    return false;
}

static void say_similar(const catalogue *c, const char *name)
{
    enum { SIMILAR = 3 };
    const char *last = "";
    u32 said = 0;
    for (u32 i = 0; i < c->count && said < SIMILAR && strlen(name) >= 3; i++) {
        const char *known = c->rows[i].name;
        if (!schemas_holds(known, name) || strcmp(known, last) == 0)
            continue;
        schemas_say("  there is %s", known);
        last = known;
        said++;
    }
}

static bool find_provider(const catalogue *c, schemas_wanted *w, const char *name)
{
    size_t len = strlen(name);
    if (len < 64 && guid_from_text(name, len, &w->ids[0]) && schema_providers(w->set, &w->ids[0])) {
        w->count = 1;
        return true;
    }
    for (u32 i = 0; i < c->count && w->count < SCHEMAS_MATCHES; i++)
        if (strcasecmp(c->rows[i].name, name) == 0 && !holds_id(w, &c->rows[i].id))
            w->ids[w->count++] = c->rows[i].id;
    if (w->count)
        return true;
    char scratch[96];
    suggestion near = {.word = name};
    for (u32 i = 0; i < c->count; i++)
        suggest_try(&near, c->rows[i].name);
    schemas_say("%s: no such provider is known%s (etwkit schemas list)", name, suggest_text(&near, scratch));
    say_similar(c, name);
    return false;
}

static int of_provider(const options *o, int (*run)(const options *o, const schemas_wanted *wanted))
{
    catalogue c;
    int code = EXIT_FAILED;
    if (catalogue_open(&c, o)) {
        schemas_wanted w = {.set = c.set};
        if (find_provider(&c, &w, o->inputs[0]))
            code = run(o, &w);
    }
    catalogue_close(&c);
    return code;
}

// ---------------------------------------------------------------------------------------------- the text of the core

typedef struct show_options {
    bool core;
} show_options;

static bool print_core(const core_provider *p, error *e)
{
    char *text = mem_alloc(p->text_bytes + 1);
    bool ok = core_text(p, text);
    if (ok)
        fwrite(text, 1, p->text_bytes, stdout);
    mem_free(text);
    return ok || error_set(e, "the built-in core is damaged at %s", p->name);
}

static int show_core(const char *name)
{
    error e = {0};
    u32 shown = 0;
    bool ok = true;
    for (u32 i = 0; i < core_count() && ok; i++) {
        core_provider p = core_at(i);
        char id[GUID_TEXT];
        if (name && strcasecmp(p.name, name) != 0 && strcasecmp(guid_to_text(&p.id, id), name) != 0)
            continue;
        ok = print_core(&p, &e);
        shown++;
    }
    if (!ok)
        schemas_say("%s", e.message);
    else if (!shown)
        schemas_say("%s: the built-in core has no such provider", name);
    return ok && shown ? EXIT_DONE : EXIT_FAILED;
}

// ---------------------------------------------------------------------------------------------- naming events

const char *schemas_event_name(const event_schema *ev, char *scratch, size_t bytes)
{
    const char *task = ev->task_name, *opcode = ev->opcode_name;
    if (ev->event_name)
        return ev->event_name;
    bool both = task && opcode && (ev->key == KEY_CLASSIC || ev->descriptor.opcode != 0);
    snprintf(scratch, bytes, "%s%s%s", task ? task : "", both ? "/" : "", both || !task ? (opcode ? opcode : "") : "");
    return scratch;
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
    char scratch[LIMIT_NAME_BYTES];
    return strcasecmp(schemas_event_name(ev, scratch, sizeof(scratch)), wanted) == 0 ||
           (ev->task_name && strcasecmp(ev->task_name, wanted) == 0);
}

// ---------------------------------------------------------------------------------------------- the command

static int show(const options *o)
{
    const show_options *own = o->own;
    if (own->core)
        return show_core(o->input_count ? o->inputs[0] : NULL);
    if (!o->input_count) {
        schemas_say("show: missing arguments: PROVIDER [EVENT]");
        return EXIT_USAGE;
    }
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
    .help = "every provider that is known: name, GUID, where from, events",
    .options = {OPTION_GROUP("output", OPTION_SCHEMAS, OPTION_CACHE,
                             OPTION_JSON("one JSON object a provider, a line each"))},
    .run = list,
};

static const command SEARCH = {
    .name = "search",
    .arguments = "WORD...",
    .help = "providers, events, fields and keywords that hold all the words",
    .options = {OPTION_GROUP("output", OPTION_SCHEMAS, OPTION_CACHE,
                             OPTION_JSON("one JSON object a find, a line each"))},
    .least = 1,
    .most = COMMAND_MANY,
    .run = schemas_search,
};

static const command SHOW = {
    .name = "show",
    .arguments = "PROVIDER [EVENT]",
    .help = "events, fields, types, maps and messages; EVENT is ID, ID:VERSION or a name",
    .options = {OPTION_GROUP("output", OPTION_SCHEMAS, OPTION_CACHE,
                             {.name = "--core",
                              .help = "the built-in core as text, all of it or of one provider",
                              .set = option_own_flag,
                              .at = offsetof(show_options, core)},
                             OPTION_JSON("one JSON object a provider, a line each"))},
    .most = 2,
    .own_bytes = sizeof(show_options),
    .run = show,
};

static const command EXPORT = {
    .name = "export",
    .arguments = "PROVIDER [BUILD] -o OUT.man",
    .help = "a provider as an instrumentation manifest",
    .options = {OPTION_GROUP("output", OPTION_OUTPUT("OUT.man", "where to write; - is standard output"),
                             OPTION_FORCE("replace a file that is not an earlier export"), OPTION_SCHEMAS,
                             OPTION_CACHE)},
    .least = 1,
    .most = 2,
    .run = export,
};

static const command *const COMMANDS[] = {&ADD, &LIST, &SEARCH, &SHOW, &EXPORT, NULL};

const command command_schemas = {
    .name = "schemas",
    .arguments = "add|list|search|show|export",
    .help = "what is known of events, and the cache that carries it to every later run",
    .commands = COMMANDS,
};
