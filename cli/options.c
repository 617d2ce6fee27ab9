#include "options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/os.h"
#include "base/text.h"

typedef enum option_id {
    OPT_OUT,
    OPT_FORMAT,
    OPT_JSON,
    OPT_SCHEMAS,
    OPT_CACHE,
    OPT_THREADS,
    OPT_NO_HASH,
    OPT_QUIET,
    OPT_PROVENANCE,
    OPT_MANIFEST,
    OPT_FORCE,
    OPT_AGAIN,
    OPT_GUARD,
    OPT_NO_GUARD,
    OPT_PROVIDER,
    OPT_EVENT_ID,
    OPT_LEVEL,
    OPT_KEYWORD,
    OPT_PID,
    OPT_TID,
    OPT_SINCE,
    OPT_UNTIL,
    OPT_WHERE,
    OPT_FRAMES,
    OPT_HELP,
} option_id;

typedef struct option_row {
    option_id id;
    const char *short_name, *name, *argument; // argument NULL: a switch
    unsigned commands;
    const char *help;
} option_row;

static const option_row ROWS[] = {
    {OPT_OUT, "-o", "--output", "OUT", FOR_CONVERT | FOR_REPORT | FOR_CARVE | FOR_SCHEMAS,
     "where to write; - is stdout"},
    {OPT_FORMAT, "-f", "--format", "NAME", FOR_CONVERT,
     "csv, json, jsonl, sqlite, timesketch, l2tcsv or null; else by OUT's suffix"},
    {OPT_JSON, NULL, "--json", NULL, FOR_INFO | FOR_SCHEMAS | FOR_VERIFY,
     "one JSON object a trace or file, a line each"},
    {OPT_AGAIN, NULL, "--again", NULL, FOR_VERIFY, "repeat the conversion and compare byte for byte"},
    {OPT_PROVENANCE, NULL, "--provenance", NULL, FOR_CONVERT,
     "also write OUT.provenance.json: evidence, schemas, command and counts"},
    {OPT_MANIFEST, NULL, "--manifest", NULL, FOR_CONVERT, "the same as OUT.manifest.json, its old name"},
    {OPT_FORCE, NULL, "--force", NULL, FOR_CONVERT | FOR_REPORT | FOR_CARVE | FOR_SCHEMAS,
     "replace what is not an earlier output of this program; carve: write into a folder that is not empty"},
    {OPT_FRAMES, NULL, "--frames", NULL, FOR_CONVERT, "name the modules of stacks: extended.frames"},
    {OPT_SCHEMAS, NULL, "--schemas", "PATH", FOR_READERS,
     "a manifest, DLL, TMF, PDB or MOF file, or a folder of them; repeatable"},
    {OPT_CACHE, NULL, "--cache", "FILE", FOR_READERS | FOR_SCHEMAS, "the schema cache; \"none\" uses none"},
    {OPT_THREADS, "-j", "--threads", "N", FOR_READERS, "threads; default: the processors"},
    {OPT_NO_HASH, NULL, "--no-hash", NULL, FOR_READERS, "skip the SHA-256 of the input"},
    {OPT_GUARD, NULL, "--guard", NULL, FOR_CONVERT,
     "CSV: put ' before cells a spreadsheet would run (default for OUT.csv)"},
    {OPT_NO_GUARD, NULL, "--no-guard", NULL, FOR_CONVERT, "CSV: leave such cells as they are"},
    {OPT_PROVIDER, NULL, "--provider", "NAME|GUID", FOR_READERS, "only events of this provider; repeatable"},
    {OPT_EVENT_ID, NULL, "--event-id", "N[,N-M]", FOR_READERS, "only these event ids"},
    {OPT_LEVEL, NULL, "--level", "N|NAME", FOR_READERS, "only events of this level and the more severe ones"},
    {OPT_KEYWORD, NULL, "--keyword", "MASK", FOR_READERS, "only events with any of these keyword bits"},
    {OPT_PID, NULL, "--pid", "N", FOR_READERS, "only events of this process; repeatable"},
    {OPT_TID, NULL, "--tid", "N", FOR_READERS, "only events of this thread; repeatable"},
    {OPT_SINCE, NULL, "--since", "TIME", FOR_READERS, "only events at or after a UTC time (2024-05-01T10:00:00)"},
    {OPT_UNTIL, NULL, "--until", "TIME", FOR_READERS, "only events at or before a UTC time"},
    {OPT_WHERE, NULL, "--where", "EXPR", FOR_READERS, "only records an expression holds for"},
    {OPT_QUIET, "-q", "--quiet", NULL, FOR_ALL, "say nothing but errors"},
    {OPT_HELP, "-h", "--help", NULL, FOR_ALL, "this text"},
};

void options_print_help(command_bit command)
{
    puts("options:");
    for (size_t i = 0; i < COUNT_OF(ROWS); i++) {
        const option_row *r = &ROWS[i];
        if (!(r->commands & (unsigned)command))
            continue;
        char left[64];
        snprintf(left, sizeof(left), "  %s%s%s%s%s", r->short_name ? r->short_name : "", r->short_name ? ", " : "",
                 r->name, r->argument ? " " : "", r->argument ? r->argument : "");
        printf("%-28s %s\n", left, r->help);
    }
}

static bool read_count(const char *text, const char *name, u32 most, u32 *out, error *e)
{
    char *end;
    errno = 0;
    unsigned long value = strtoul(text, &end, 0);
    if (end == text || *end || errno || *text == '-' || value > most)
        return error_set(e, "%s: \"%s\" is no number up to %u", name, text, most);
    *out = (u32)value;
    return true;
}

static bool add_number(u32 *list, u32 *count, const char *text, const char *name, error *e)
{
    if (*count == FILTER_VALUES)
        return error_set(e, "%s: given more than %d times", name, FILTER_VALUES);
    return read_count(text, name, UINT32_MAX, &list[(*count)++], e);
}

static bool read_time(const char *text, const char *name, i64 *out, error *e)
{
    return time_from_text(text, out) ||
           error_set(e, "%s: \"%s\" is no UTC time like 2024-05-01T10:00:00.5", name, text);
}

static bool apply(options *o, const option_row *r, const char *value, error *e)
{
    filter *f = &o->filter;
    switch (r->id) {
    case OPT_OUT:
        o->out = value;
        return true;
    case OPT_FORMAT:
        o->format = value;
        return true;
    case OPT_JSON:
        return o->json = true;
    case OPT_PROVENANCE:
        o->provenance = "provenance";
        return true;
    case OPT_MANIFEST:
        o->provenance = "manifest";
        return true;
    case OPT_FORCE:
        return o->force = true;
    case OPT_AGAIN:
        return o->again = true;
    case OPT_SCHEMAS:
        if (o->schema_count == OPTION_PATHS)
            return error_set(e, "--schemas: given more than %d times", OPTION_PATHS);
        o->schemas[o->schema_count++] = value;
        return true;
    case OPT_CACHE:
        o->cache = value;
        return true;
    case OPT_THREADS:
        return read_count(value, "-j", 1024, &o->threads, e) &&
               (o->threads || error_set(e, "-j: 0 threads do nothing"));
    case OPT_NO_HASH:
        return o->no_hash = true;
    case OPT_GUARD:
        return o->guard = true;
    case OPT_NO_GUARD:
        return o->no_guard = true;
    case OPT_QUIET:
        return o->quiet = true;
    case OPT_PROVIDER:
        if (f->provider_count == FILTER_VALUES)
            return error_set(e, "--provider: given more than %d times", FILTER_VALUES);
        f->providers[f->provider_count++] = value;
        return true;
    case OPT_EVENT_ID:
        return filter_add_ids(f, value, e);
    case OPT_LEVEL:
        return filter_set_level(f, value, e);
    case OPT_KEYWORD:
        return filter_set_keyword(f, value, e);
    case OPT_PID:
        return add_number(f->pids, &f->pid_count, value, "--pid", e);
    case OPT_TID:
        return add_number(f->tids, &f->tid_count, value, "--tid", e);
    case OPT_SINCE:
        return read_time(value, "--since", &f->since, e);
    case OPT_UNTIL:
        return read_time(value, "--until", &f->until, e);
    case OPT_WHERE:
        if (o->where)
            return error_set(e, "--where: given twice; join the expressions with and");
        o->where = where_parse(value, e);
        f->where = o->where;
        return o->where != NULL;
    case OPT_FRAMES:
        o->correlate |= CORRELATE_IMAGES | CORRELATE_FRAMES;
        return true;
    case OPT_HELP:
        return o->help = true;
    }
    return false;
}

// The row an argument names; *value is what stands behind = or, for short names, right behind the letter.
static const option_row *row_of(const char *arg, command_bit command, const char **value)
{
    *value = NULL;
    for (size_t i = 0; i < COUNT_OF(ROWS); i++) {
        const option_row *r = &ROWS[i];
        size_t len = strlen(r->name);
        if (!(r->commands & (unsigned)command))
            continue;
        if (strncmp(arg, r->name, len) == 0 && (arg[len] == 0 || (arg[len] == '=' && r->argument))) {
            if (arg[len] == '=')
                *value = arg + len + 1;
            return r;
        }
        if (r->short_name && strncmp(arg, r->short_name, 2) == 0 && (arg[2] == 0 || r->argument)) {
            if (arg[2])
                *value = arg + 2;
            return r;
        }
    }
    return NULL;
}

bool options_read(options *o, command_bit command, int argc, char **argv, error *e)
{
    memset(o, 0, sizeof(*o));
    filter_init(&o->filter);
    o->argc = argc;
    o->argv = argv;
    o->threads = os_processors();
    o->correlate = command == FOR_REPORT ? CORRELATE_REPORT : CORRELATE_RECORDS;
    bool only_inputs = false;
    for (int i = 2; i < argc; i++) {
        const char *arg = argv[i], *value;
        if (only_inputs || arg[0] != '-' || arg[1] == 0) {
            GROW(o->inputs, o->input_count, o->input_cap);
            o->inputs[o->input_count++] = arg;
            continue;
        }
        if (strcmp(arg, "--") == 0) {
            only_inputs = true;
            continue;
        }
        const option_row *r = row_of(arg, command, &value);
        if (!r)
            return error_set(e, "unknown option %s", arg);
        if (r->argument && !value) {
            if (i + 1 >= argc)
                return error_set(e, "%s needs a value: %s %s", arg, r->name, r->argument);
            value = argv[++i];
        }
        if (!apply(o, r, value, e))
            return false;
    }
    return true;
}

void options_free(options *o)
{
    mem_free(o->inputs);
    where_free(o->where);
}
