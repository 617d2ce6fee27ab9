// The command line comes from tables: every option a command lists is read and is in its help; what is misspelt is
// answered with the word that was meant; what may be given often may be given any number of times.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/suggest.h"
#include "command.h"
#include "exporter.h"
#include "program.h"

enum { MOST = 4096 };

typedef struct line {
    char *words[MOST];
    int count;
} line;

static void add(line *l, const char *word)
{
    assert_true(l->count < MOST);
    l->words[l->count++] = (char *)(uintptr_t)word;
}

static line line_of(const command *c)
{
    line l = {.count = 0};
    add(&l, "etwkit");
    add(&l, c->name);
    return l;
}

static options read_line(const command *c, line *l)
{
    options o;
    error e = {0};
    if (!options_read(&o, c, 0, l->count, l->words, &e))
        fail_msg("%s", e.message);
    return o;
}

static void refuse_line(const command *c, line *l, const char *why)
{
    options o;
    error e = {0};
    assert_false(options_read(&o, c, 0, l->count, l->words, &e));
    assert_string_equal(e.message, why);
    options_free(&o);
}

// ---------------------------------------------------------------------------------------------- near misses

static void near_misses(void **state)
{
    (void)state;
    static const struct {
        const char *word, *meant; // NULL: nothing is near
    } CASES[] = {
        {"inof", "info"},
        {"nifo", "info"},
        {"ifo", "info"},
        {"INFO", "info"},
        {"frob", NULL},
        {"convrt", "convert"},
        {"cnovert", "convert"},
        {"converts", "convert"},
        {"scheams", "schemas"},
        {"verfy", "verify"},
        {"ver", "verify"},
        {"conv", "convert"},
        {"co", NULL},
        {"x", NULL},
        {"", NULL},
        {"reprot-everything-in-this-folder-and-all-the-ones-below-it", NULL},
    };
    for (size_t i = 0; i < COUNT_OF(CASES); i++) {
        suggestion s = {.word = CASES[i].word};
        for (size_t k = 0; commands[k]; k++)
            suggest_try(&s, commands[k]->name);
        if (!CASES[i].meant != !s.best || (s.best && strcmp(s.best, CASES[i].meant) != 0))
            fail_msg("'%s' gives '%s'", CASES[i].word, s.best ? s.best : "nothing");
    }
}

static void errors_name_what_was_meant(void **state)
{
    (void)state;
    static const struct {
        const char *arg, *why;
    } CASES[] = {
        {"--provder", "unknown option '--provder'; did you mean '--provider'?"},
        {"--provder=x", "unknown option '--provder=x'; did you mean '--provider'?"},
        {"--sch", "unknown option '--sch'; did you mean '--schemas'?"},
        {"--json=1", "unknown option '--json=1'; did you mean '--json'?"},
        {"--frobnicate", "unknown option '--frobnicate'"},
        {"-z", "unknown option '-z'"},
        {"--pid", "option '--pid' needs a value: --pid N"},
        {"--pid=-1", "--pid: '-1' is not a number from 0 to 4294967295"},
        {"--tid=4294967296", "--tid: '4294967296' is not a number from 0 to 4294967295"},
        {"-j0", "--threads: '0' is not a number from 1 to 1024"},
        {"-j1025", "--threads: '1025' is not a number from 1 to 1024"},
        {"--since=noon", "--since: 'noon' is not a UTC time like 2024-05-01T10:00:00.5"},
        {"--event-id=1-", "--event-id: '1-' is not a list of numbers like 1,5,100-200"},
        {"--keyword=0", "--keyword: '0' is not a mask like 0x10"},
    };
    for (size_t i = 0; i < COUNT_OF(CASES); i++) {
        line l = line_of(&command_info);
        add(&l, CASES[i].arg);
        refuse_line(&command_info, &l, CASES[i].why);
    }
    line none = line_of(&command_carve), two = line_of(&command_carve);
    refuse_line(&command_carve, &none, "missing arguments: IMAGE -o FOLDER");
    add(&two, "one");
    add(&two, "two");
    refuse_line(&command_carve, &two, "unexpected argument 'two'");
}

// ---------------------------------------------------------------------------------------------- reading

static void forms_of_arguments(void **state)
{
    (void)state;
    line l = line_of(&command_convert);
    static const char *const WORDS[] = {"-j3",   "a.etl", "--cache=c.db", "-",  "-f", "csv",      "-oOUT",
                                        "--tid", "7",     "--frames",     "--", "-q", "--no-hash"};
    for (size_t i = 0; i < COUNT_OF(WORDS); i++)
        add(&l, WORDS[i]);
    options o = read_line(&command_convert, &l);
    assert_int_equal(o.threads, 3);
    assert_string_equal(o.cache, "c.db");
    assert_string_equal(o.format, "csv");
    assert_string_equal(o.out, "OUT");
    assert_int_equal(o.filter.tids[0], 7);
    assert_true((o.correlate & CORRELATE_FRAMES) != 0 && !o.quiet && !o.no_hash);
    assert_int_equal(o.input_count, 4);
    assert_string_equal(o.inputs[0], "a.etl");
    assert_string_equal(o.inputs[1], "-");
    assert_string_equal(o.inputs[2], "-q");
    assert_string_equal(o.inputs[3], "--no-hash");
    options_free(&o);
}

// Far more than anybody's fixed array would hold.
static void repeated_options(void **state)
{
    (void)state;
    enum { TIMES = 600 };
    static const char *const NAMES[] = {"--provider=x", "--event-id=1,2-3", "--pid=4", "--tid=5", "--schemas=p"};
    line l = line_of(&command_info);
    for (int i = 0; i < TIMES; i++)
        for (size_t k = 0; k < COUNT_OF(NAMES); k++)
            add(&l, NAMES[k]);
    options o = read_line(&command_info, &l);
    const filter *f = &o.filter;
    assert_int_equal(f->provider_count, TIMES);
    assert_int_equal(f->id_count, 2 * TIMES);
    assert_int_equal(f->pid_count, TIMES);
    assert_int_equal(f->tid_count, TIMES);
    assert_int_equal(o.schemas.count, TIMES);
    assert_true(f->ids[2 * TIMES - 1].first == 2 && f->ids[2 * TIMES - 1].last == 3);
    assert_true(f->pids[TIMES - 1] == 4 && f->tids[TIMES - 1] == 5);
    assert_string_equal(f->providers[TIMES - 1], "x");
    assert_string_equal(o.schemas.items[TIMES - 1], "p");
    options_free(&o);
}

static void own_commands(void **state)
{
    (void)state;
    line l = line_of(&command_schemas);
    add(&l, "--cache");
    add(&l, "show");
    assert_int_equal(options_first_word(&command_schemas, l.count, l.words), 0);
    add(&l, "list");
    assert_int_equal(options_first_word(&command_schemas, l.count, l.words), 4);
    options o;
    error e = {0};
    const command *list = command_named(command_schemas.commands, "list");
    assert_true(options_read(&o, list, 4, l.count, l.words, &e));
    assert_string_equal(o.cache, "show");
    assert_int_equal(o.input_count, 0);
    options_free(&o);
}

// Exit code 2, and a sentence that has these words.
static void refused_command_lines(void **state)
{
    static const char *const CASES[][6] = {
        {"unknown option '-q'; the command comes first", "-q", "info", "samples/dns.etl"},
        {"did you mean 'convert'?", "convrt", "samples/dns.etl"},
        {"standard input (-) can be read once", "info", "-", "-"},
        {"standard input (-) can be read once", "info", "--files-from", "-", "-"},
        {"--null is for names of --files-from", "info", "--null", "samples/dns.etl"},
        {"--bom is for csv", "convert", "samples/dns.etl", "--bom"},
        {"--guard is for csv", "convert", "samples/dns.etl", "--guard"},
        {"--symbols: samples/dns.etl is no folder", "convert", "samples/dns.etl", "--symbols", "samples/dns.etl"},
        {"unknown format 'db'; did you mean 'sqlite'?", "convert", "samples/dns.etl", "-f", "db"},
        {"unknown format 'jsnol'; did you mean 'jsonl'?", "convert", "samples/dns.etl", "-f", "jsnol"},
        {"no output file given", "report", "samples/dns.etl"},
        {"no rules given", "detect", "samples/dns.etl"},
    };
    program *p = *state;
    for (size_t i = 0; i < COUNT_OF(CASES); i++) {
        assert_int_equal(program_run(p, CASES[i] + 1), 2);
        if (!strstr((const char *)p->err.bytes, CASES[i][0]))
            fail_msg("\"%s\" is not in %s", CASES[i][0], (const char *)p->err.bytes);
    }
}

static void asked_for(void **state)
{
    program *p = *state;
    static const char *const HELPS[][4] = {{"help", "convert"}, {"--help", "convert"}, {"convert", "-h"}};
    for (size_t i = 0; i < COUNT_OF(HELPS); i++) {
        assert_int_equal(program_run(p, HELPS[i]), 0);
        assert_non_null(strstr((const char *)p->out.bytes, "etwkit convert TRACE... -o OUT"));
    }
    assert_int_equal(program_run(p, (const char *const[]){"info", "--version", NULL}), 0);
    assert_non_null(strstr((const char *)p->out.bytes, "schema core: sha256"));
    assert_int_equal(program_run(p, (const char *const[]){"help", "frob", NULL}), 2);
}

// ---------------------------------------------------------------------------------------------- help

static void help_has(const program *p, const char *what)
{
    if (what && *what && !strstr((const char *)p->out.bytes, what))
        fail_msg("the help does not say \"%s\"", what);
}

// A value the option accepts, so that it is shown to be read.
static const char *sample_of(const option *row)
{
    const char *argument = row->argument;
    bool time = strcmp(argument, "TIME") == 0, mask = strcmp(argument, "MASK") == 0;
    return time                               ? "2024-05-01T10:00:00"
           : mask                             ? "0x10"
           : strcmp(argument, "EXPR") == 0    ? "event_id = 1"
           : strcmp(argument, "I/N") == 0     ? "1/2"
           : strcmp(argument, "COLUMNS") == 0 ? "day"
           : strncmp(argument, "N", 1) == 0   ? "1"
           : row->word && row->word(0)        ? row->word(0)
                                              : "x";
}

static void option_works(program *p, const command *c, const option *row)
{
    line l = line_of(c);
    options o;
    error e = {0};
    help_has(p, row->name);
    help_has(p, row->help);
    help_has(p, row->argument);
    add(&l, row->name);
    if (row->argument)
        add(&l, sample_of(row));
    for (u32 i = 0; i < c->least; i++)
        add(&l, "input");
    if (!options_read(&o, c, 0, l.count, l.words, &e))
        fail_msg("%s %s: %s", c->name, row->name, e.message);
    assert_int_equal(o.input_count, c->least);
    options_free(&o);
}

static void command_helps(program *p, const command *c, const char *parent)
{
    const char *args[] = {parent ? parent : c->name, parent ? c->name : "--help", parent ? "--help" : NULL, NULL};
    assert_int_equal(program_run(p, args), 0);
    assert_int_equal(p->err.len, 0);
    help_has(p, c->help);
    help_has(p, c->arguments);
    for (size_t g = 0; g < COMMAND_GROUPS && c->options[g]; g++)
        for (const option *row = c->options[g]->rows; row->name; row++)
            option_works(p, c, row);
    for (size_t i = 0; c->commands && c->commands[i]; i++)
        help_has(p, c->commands[i]->help);
    for (size_t i = 0; c->commands && c->commands[i]; i++)
        command_helps(p, c->commands[i], c->name);
}

static void help_comes_from_the_tables(void **state)
{
    program *p = *state;
    const char *args[] = {"--help", NULL};
    assert_int_equal(program_run(p, args), 0);
    for (size_t i = 0; commands[i]; i++) {
        help_has(p, commands[i]->name);
        help_has(p, commands[i]->arguments);
        help_has(p, commands[i]->help);
    }
    for (size_t i = 0; commands[i]; i++)
        command_helps(p, commands[i], NULL);
}

static void formats_come_from_the_table(void **state)
{
    program *p = *state;
    const char *args[] = {"convert", "--help", NULL};
    assert_int_equal(program_run(p, args), 0);
    for (u32 i = 0; exporters[i]; i++) {
        assert_string_equal(exporter_name(i), exporters[i]->name);
        assert_non_null(exporters[i]->help);
        help_has(p, exporters[i]->name);
        help_has(p, exporters[i]->help);
    }
}

static int begin(void **state)
{
    static program p;
    program_begin(&p);
    *state = &p;
    return 0;
}

static int end(void **state)
{
    program_end(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(near_misses),
        cmocka_unit_test(errors_name_what_was_meant),
        cmocka_unit_test(forms_of_arguments),
        cmocka_unit_test(repeated_options),
        cmocka_unit_test(own_commands),
        cmocka_unit_test_setup_teardown(refused_command_lines, begin, end),
        cmocka_unit_test_setup_teardown(asked_for, begin, end),
        cmocka_unit_test_setup_teardown(help_comes_from_the_tables, begin, end),
        cmocka_unit_test_setup_teardown(formats_come_from_the_table, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
