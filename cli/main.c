#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "completions.h"
#include "etwkit.h"
#include "evidence.h"
#include "guard.h"
#include "memory.h"
#include "outfile.h"
#include "print.h"
#include "sandbox.h"
#include "signals.h"
#include "version.h"

static void print_help(void)
{
    printf("etwkit %s: Windows event traces (.etl) read, decoded and converted anywhere\n\n", etwkit_version());
    for (size_t i = 0; commands[i]; i++)
        printf("  etwkit %-9s %-24s %s\n", commands[i]->name, commands[i]->arguments, commands[i]->help);
    puts("\n`etwkit COMMAND --help` lists a command's options; `etwkit --version` what the program is made of.\n"
         "`etwkit --completions bash|zsh|fish` prints a completion script for that shell.\n"
         "exit codes: 0 done, 1 failed, 2 wrong command line, 3 done but part of the input was damaged,\n"
         "            4 done but something given could not be read, 5 a hit of detect --fail-on");
}

// A failed write to standard output is a failure, whatever the command says.
static int flushed(int code)
{
    print_release();
    bool failed = ferror(stdout) != 0;
    if (fflush(stdout) == 0 && !failed)
        return code;
    if (outfile_reader_left(STDOUT_FILENO))
        signals_end_by_pipe();
    if (!run_stop)
        fputs("etwkit: standard output could not be written\n", stderr);
    return EXIT_FAILED;
}

// ---------------------------------------------------------------------------------------------- commands

typedef struct call {
    const command *command, *parent; // parent: NULL, or the command it belongs to
    int word;                        // of argv that named a command's own command
} call;

static int refuse(const call *c, const char *message)
{
    fprintf(stderr, "etwkit %s%s%s: ", c->parent ? c->parent->name : "", c->parent ? " " : "", c->command->name);
    print_lines(stderr, message);
    return EXIT_USAGE;
}

static void give_up_rights(const call *c, const options *o)
{
    char *cache = !c->command->writes_cache || o->cache ? NULL : schema_cache_default_path();
    const char *written[] = {o->out, o->summary, c->command->writes_cache ? o->cache : NULL, cache};
    if (!o->no_sandbox)
        sandbox_begin(written, COUNT_OF(written));
    mem_free(cache);
}

static void print_version(bool no_sandbox)
{
    if (!no_sandbox)
        sandbox_begin(NULL, 0);
    version_print();
    printf("sandbox: %s\n", no_sandbox ? "none: --no-sandbox" : sandbox_text());
}

static int execute(const call *c, int argc, char **argv)
{
    options o;
    error e = {0};
    int code = EXIT_DONE;
    if (!options_read(&o, c->command, c->word, argc, argv, &e)) {
        code = refuse(c, e.message);
    } else if (o.version) {
        print_version(o.no_sandbox);
    } else if (o.help) {
        command_print_help(c->command, c->parent ? c->parent->name : NULL);
    } else if (!c->command->run) {
        char scratch[256];
        error_set(&e, "no command given: %s", command_names(c->command->commands, scratch));
        code = refuse(c, e.message);
    } else {
        give_up_rights(c, &o);
        code = c->command->run(&o);
    }
    options_free(&o);
    return code;
}

// The command's own command that the arguments name.
static bool find_own(call *c, int argc, char **argv, error *e)
{
    char scratch[96];
    const command *const *own = c->command->commands;
    c->word = own ? options_first_word(c->command, argc, argv) : 0;
    if (!c->word)
        return true;
    const command *named = command_named(own, argv[c->word]);
    if (!named)
        return error_set(e, "unknown command '%.60s'%s", argv[c->word], command_suggested(own, argv[c->word], scratch));
    c->parent = c->command;
    c->command = named;
    return true;
}

static int run_named(const char *name, int argc, char **argv)
{
    char names[256], scratch[96];
    call c = {.command = command_named(commands, name)};
    error e = {0};
    if (c.command)
        return find_own(&c, argc, argv, &e) ? execute(&c, argc, argv) : refuse(&c, e.message);
    if (*name == '-')
        print_say("unknown option '%.60s'; the command comes first (etwkit --help)", name);
    else if (*name)
        print_say("unknown command '%.60s'%s (etwkit --help)", name, command_suggested(commands, name, scratch));
    else
        print_say("no command given: %s (etwkit --help)", command_names(commands, names));
    return EXIT_USAGE;
}

static int print_completions(const char *shell)
{
    if (completions_print(shell))
        return EXIT_DONE;
    print_say("--completions: bash, zsh or fish, not '%.40s'", shell);
    return EXIT_USAGE;
}

// `etwkit help COMMAND`, `etwkit --help COMMAND`.
static int help(int argc, char **argv)
{
    char *asked[] = {argv[0], argc > 2 ? argv[2] : NULL, (char[]){"--help"}, NULL};
    if (argc > 2)
        return run_named(argv[2], (int)COUNT_OF(asked) - 1, asked);
    print_help();
    return EXIT_DONE;
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";
    memory_begin();
#ifdef ETWKIT_COMMIT
    version_commit = *ETWKIT_COMMIT ? ETWKIT_COMMIT : NULL;
#endif
    guard_begin(argc, argv);
    signals_begin();
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0)
        return flushed(help(argc, argv));
    if (strcmp(name, "--version") == 0)
        print_version(argc > 2 && strcmp(argv[2], "--no-sandbox") == 0);
    else if (strcmp(name, "--completions") == 0)
        return flushed(print_completions(argc > 2 ? argv[2] : ""));
    else
        return flushed(run_named(name, argc, argv));
    return flushed(EXIT_DONE);
}
