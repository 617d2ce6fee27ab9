#include "options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/os.h"
#include "base/suggest.h"
#include "base/text.h"
#include "command.h"
#include "print.h"

// ---------------------------------------------------------------------------------------------- setters

static void *member(void *base, const option *row)
{
    return (char *)base + row->at;
}

bool option_flag(options *o, const option *row, const char *value, error *e)
{
    (void)value, (void)e;
    return *(bool *)member(o, row) = true;
}

bool option_own_flag(options *o, const option *row, const char *value, error *e)
{
    (void)value, (void)e;
    return *(bool *)member(o->own, row) = true;
}

bool option_text(options *o, const option *row, const char *value, error *e)
{
    (void)e;
    *(const char **)member(o, row) = value;
    return true;
}

bool option_add_text(options *o, const option *row, const char *value, error *e)
{
    (void)e;
    text_list *list = member(o, row);
    GROW(list->items, list->count, list->cap);
    list->items[list->count++] = value;
    return true;
}

static bool read_number(const option *row, const char *text, u32 least, u32 most, u32 *out, error *e)
{
    char *end;
    errno = 0;
    unsigned long value = strtoul(text, &end, 0);
    if (end == text || *end || errno || *text == '-' || value < least || value > most)
        return error_set(e, "%s: '%s' is not a number from %u to %u", row->name, text, least, most);
    *out = (u32)value;
    return true;
}

static bool set_threads(options *o, const option *row, const char *value, error *e)
{
    enum { MOST_THREADS = 1024 };
    return read_number(row, value, 1, MOST_THREADS, &o->threads, e);
}

static bool add_provider(options *o, const option *row, const char *value, error *e)
{
    (void)row, (void)e;
    filter_add_provider(&o->filter, value);
    return true;
}

static bool add_ids(options *o, const option *row, const char *value, error *e)
{
    (void)row;
    return filter_add_ids(&o->filter, value, e);
}

static bool set_level(options *o, const option *row, const char *value, error *e)
{
    (void)row;
    return filter_set_level(&o->filter, value, e);
}

static bool set_keyword(options *o, const option *row, const char *value, error *e)
{
    (void)row;
    return filter_set_keyword(&o->filter, value, e);
}

static bool add_pid(options *o, const option *row, const char *value, error *e)
{
    u32 number = 0;
    if (!read_number(row, value, 0, UINT32_MAX, &number, e))
        return false;
    filter_add_pid(&o->filter, number);
    return true;
}

static bool add_tid(options *o, const option *row, const char *value, error *e)
{
    u32 number = 0;
    if (!read_number(row, value, 0, UINT32_MAX, &number, e))
        return false;
    filter_add_tid(&o->filter, number);
    return true;
}

static bool read_time(const option *row, const char *text, i64 *out, error *e)
{
    return time_from_text(text, out) ||
           error_set(e, "%s: '%s' is not a UTC time like 2024-05-01T10:00:00.5", row->name, text);
}

static const char *log_kind(u32 index)
{
    static const char *const KINDS[] = {"text", "json", NULL};
    return KINDS[index];
}

static bool set_log(options *o, const option *row, const char *value, error *e)
{
    (void)o;
    bool json = strcmp(value, log_kind(1)) == 0;
    print_as_json(json);
    return json || strcmp(value, log_kind(0)) == 0 ||
           error_set(e, "%s: '%s' is neither text nor json", row->name, value);
}

static bool set_since(options *o, const option *row, const char *value, error *e)
{
    return read_time(row, value, &o->filter.since, e);
}

static bool set_until(options *o, const option *row, const char *value, error *e)
{
    return read_time(row, value, &o->filter.until, e);
}

static bool set_where(options *o, const option *row, const char *value, error *e)
{
    if (o->where)
        return error_set(e, "%s: given twice; join the expressions with and", row->name);
    o->where = where_parse(value, e);
    if (o->where && where_asks_process(o->where))
        o->correlate |= CORRELATE_PROCESSES | CORRELATE_FILES | CORRELATE_IMAGES;
    o->filter.where = o->where;
    return o->where != NULL;
}

// ---------------------------------------------------------------------------------------------- shared groups

const option_group options_input = {"input",
                                    (const option[]){

                                        {.name = "--files-from",
                                         .argument = "FILE",
                                         .help = "traces named in a file, one a line; - is standard input; repeatable",
                                         .set = option_add_text,
                                         .at = offsetof(options, files_from),
                                         .neutral = true},
                                        {.name = "--null",
                                         .help = "names of --files-from end with a NUL",
                                         .set = option_flag,
                                         .at = offsetof(options, null),
                                         .neutral = true},
                                        OPTION_SCHEMAS,
                                        OPTION_CACHE,
                                        {.name = "--host",
                                         .argument = "NAME",
                                         .help = "all traces are of the machine of that name",
                                         .set = option_text,
                                         .at = offsetof(options, host)},
                                        {.name = "--no-hash",
                                         .help = "skip the SHA-256 of the inputs: what is given twice is read twice",
                                         .set = option_flag,
                                         .at = offsetof(options, no_hash)},
                                        {.name = "--summary",
                                         .argument = "FILE",
                                         .help = "one JSON line for each input: what became of it",
                                         .set = option_text,
                                         .at = offsetof(options, summary),
                                         .neutral = true},
                                        {.name = "--log",
                                         .argument = "KIND",
                                         .help = "what is said on standard error, as text or as one JSON object a line",
                                         .set = set_log,
                                         .word = log_kind,
                                         .neutral = true},
                                        {0},
                                    }};

const option_group options_filter = {
    "filter",
    (const option[]){
        {.name = "--provider",
         .argument = "NAME|GUID",
         .help = "only events of this provider; repeatable",
         .set = add_provider},
        {.name = "--event-id", .argument = "N[,N-M]", .help = "only these event ids; repeatable", .set = add_ids},
        {.name = "--level",
         .argument = "N|NAME",
         .help = "only events of this level and the more severe ones",
         .set = set_level},
        {.name = "--keyword",
         .argument = "MASK",
         .help = "only events with any of these keyword bits",
         .set = set_keyword},
        {.name = "--pid", .argument = "N", .help = "only events of this process; repeatable", .set = add_pid},
        {.name = "--tid", .argument = "N", .help = "only events of this thread; repeatable", .set = add_tid},
        {.name = "--since",
         .argument = "TIME",
         .help = "only events at or after a UTC time (2024-05-01T10:00:00)",
         .set = set_since},
        {.name = "--until", .argument = "TIME", .help = "only events at or before a UTC time", .set = set_until},
        {.name = "--where", .argument = "EXPR", .help = "only records an expression holds for", .set = set_where},
        {0},
    }};

const option_group options_common = {"general", (const option[]){
                                                    {.short_name = "-j",
                                                     .name = "--threads",
                                                     .argument = "N",
                                                     .help = "threads at most; default: the processors",
                                                     .set = set_threads,
                                                     .neutral = true},
                                                    {.short_name = "-q",
                                                     .name = "--quiet",
                                                     .help = "print nothing but errors",
                                                     .set = option_flag,
                                                     .at = offsetof(options, quiet),
                                                     .neutral = true},
                                                    {.name = "--no-sandbox",
                                                     .help = "keep all rights of the user while reading",
                                                     .set = option_flag,
                                                     .at = offsetof(options, no_sandbox),
                                                     .neutral = true},
                                                    {.short_name = "-h",
                                                     .name = "--help",
                                                     .help = "this text",
                                                     .set = option_flag,
                                                     .at = offsetof(options, help),
                                                     .neutral = true},
                                                    {.name = "--version",
                                                     .help = "what the program is made of",
                                                     .set = option_flag,
                                                     .at = offsetof(options, version),
                                                     .neutral = true},
                                                    {0},
                                                }};

// ---------------------------------------------------------------------------------------------- rows of a command

// Calls `visit` with the rows of the command and of its own commands until one returns true, and returns that row.
static const option *each_row(const command *c, bool (*visit)(void *context, const option *row), void *context)
{
    for (size_t i = 0; i <= COMMAND_GROUPS; i++) {
        const option_group *group = i == COMMAND_GROUPS ? &options_common : c->options[i];
        for (const option *row = group ? group->rows : NULL; row && row->name; row++)
            if (visit(context, row))
                return row;
    }
    const option *found = NULL;
    for (size_t i = 0; c->commands && c->commands[i] && !found; i++)
        found = each_row(c->commands[i], visit, context);
    return found;
}

typedef struct argument {
    const char *text;
    const char *value; // what follows = or, for short names, the letter; NULL: nothing does
} argument;

static bool is_meant(void *context, const option *row)
{
    argument *a = context;
    size_t len = strlen(row->name);
    if (strncmp(a->text, row->name, len) == 0 && (a->text[len] == 0 || (a->text[len] == '=' && row->argument))) {
        a->value = a->text[len] ? a->text + len + 1 : NULL;
        return true;
    }
    if (row->short_name && strncmp(a->text, row->short_name, 2) == 0 && (a->text[2] == 0 || row->argument)) {
        a->value = a->text[2] ? a->text + 2 : NULL;
        return true;
    }
    return false;
}

static bool note_similar(void *context, const option *row)
{
    suggest_try(context, row->name);
    return false;
}

static bool is_option(const char *text)
{
    return text[0] == '-' && text[1] != 0;
}

static bool unknown_option(const command *c, const char *text, error *e)
{
    char name[64], scratch[96];
    snprintf(name, sizeof(name), "%.*s", (int)strcspn(text, "="), text);
    suggestion s = {.word = name};
    (void)each_row(c, note_similar, &s);
    return error_set(e, "unknown option '%.60s'%s", text, suggest_text(&s, scratch));
}

// ---------------------------------------------------------------------------------------------- reading

static void note_meaning(options *o, const option *row, const char *value)
{
    if (row->neutral)
        return;
    size_t capacity = strlen(row->name) + (value ? strlen(value) : 0) + sizeof("=");
    char *text = mem_alloc(capacity);
    snprintf(text, capacity, "%s=%s", row->name, value ? value : "");
    GROW(o->meaning.items, o->meaning.count, o->meaning.cap);
    o->meaning.items[o->meaning.count++] = text;
}

static bool read_all(options *o, const command *c, int skip, error *e)
{
    bool only_inputs = false;
    for (int i = 2; i < o->argc; i++) {
        argument a = {.text = o->argv[i]};
        if (i == skip)
            continue;
        if (only_inputs || !is_option(a.text)) {
            GROW(o->inputs, o->input_count, o->input_cap);
            o->inputs[o->input_count++] = a.text;
            continue;
        }
        only_inputs = strcmp(a.text, "--") == 0;
        if (only_inputs)
            continue;
        const option *row = each_row(c, is_meant, &a);
        if (!row)
            return unknown_option(c, a.text, e);
        if (row->argument && !a.value && ++i >= o->argc)
            return error_set(e, "option '%s' needs a value: %s %s", a.text, row->name, row->argument);
        const char *value = row->argument && !a.value ? o->argv[i] : a.value;
        if (!row->set(o, row, value, e))
            return false;
        note_meaning(o, row, value);
    }
    return true;
}

static u32 reads_of_stdin(const options *o)
{
    u32 count = 0;
    for (u32 i = 0; i < o->input_count; i++)
        count += strcmp(o->inputs[i], "-") == 0;
    for (u32 i = 0; i < o->files_from.count; i++)
        count += strcmp(o->files_from.items[i], "-") == 0;
    return count;
}

static bool check(const options *o, const command *c, error *e)
{
    if (o->help || o->version)
        return true;
    if (o->input_count < c->least)
        return error_set(e, "missing arguments: %s", c->arguments);
    if (o->input_count > c->most)
        return error_set(e, "unexpected argument '%s'", o->inputs[c->most]);
    if (reads_of_stdin(o) > 1)
        return error_set(e, "standard input (-) can be read once");
    return o->filter.since <= o->filter.until || error_set(e, "--since is after --until");
}

bool options_read(options *o, const command *c, int skip, int argc, char **argv, error *e)
{
    *o = (options){.argc = argc, .argv = argv, .threads = os_processors(), .correlate = c->correlate};
    filter_init(&o->filter);
    o->own = mem_zeroed(1, c->own_bytes);
    return read_all(o, c, skip, e) && check(o, c, e);
}

void options_free(options *o)
{
    mem_free(o->inputs);
    mem_free(o->schemas.items);
    mem_free(o->files_from.items);
    for (u32 i = 0; i < OPTION_OWN_TEXTS; i++)
        mem_free(o->own_texts[i].items);
    for (u32 i = 0; i < o->meaning.count; i++)
        mem_free((void *)(uintptr_t)o->meaning.items[i]);
    mem_free(o->meaning.items);
    mem_free(o->own);
    where_free(o->where);
    filter_free(&o->filter);
}

int options_first_word(const command *c, int argc, char **argv)
{
    for (int i = 2; i < argc; i++) {
        argument a = {.text = argv[i]};
        if (strcmp(a.text, "--") == 0)
            return i + 1 < argc ? i + 1 : 0;
        if (!is_option(a.text))
            return i;
        const option *row = each_row(c, is_meant, &a);
        if (row && row->argument && !a.value)
            i++;
    }
    return 0;
}

// ---------------------------------------------------------------------------------------------- help

static void print_row(const option *row)
{
    char left[64];
    snprintf(left, sizeof(left), "%s%s%s%s%s", row->short_name ? row->short_name : "  ", row->short_name ? ", " : "  ",
             row->name, row->argument ? " " : "", row->argument ? row->argument : "");
    printf("  %-26s %s", left, row->help);
    const char *word;
    for (u32 i = 0; row->word && (word = row->word(i)) != NULL; i++)
        printf("%s%s", i ? ", " : ": ", word);
    putchar('\n');
}

void options_print_help(const command *c)
{
    for (size_t i = 0; i <= COMMAND_GROUPS; i++) {
        const option_group *group = i == COMMAND_GROUPS ? &options_common : c->options[i];
        if (!group)
            continue;
        printf("\n%s:\n", group->title);
        for (const option *row = group->rows; row->name; row++)
            print_row(row);
    }
}
