#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "evidence.h"
#include "guard.h"
#include "memory.h"
#include "outfile.h"
#include "signals.h"

typedef struct command {
    const char *name, *arguments, *help;
    command_bit bit;
    int (*run)(const options *o);
} command;

static const command COMMANDS[] = {
    {"info", "TRACE...", "what each trace is: session, machine, clock, providers, losses, damage", FOR_INFO, cmd_info},
    {"convert", "TRACE... -o OUT", "every event, decoded and in time order, as CSV, JSON, JSON Lines or SQLite",
     FOR_CONVERT, cmd_convert},
    {"schemas", "add|list|show|export", "the schema cache: what goes in once serves every later run", FOR_SCHEMAS,
     cmd_schemas},
    {"carve", "IMAGE -o FOLDER", "trace buffers in a disk image, unallocated space or a memory dump, as .etl files",
     FOR_CARVE, cmd_carve},
    {"verify", "FILE.provenance.json...", "whether inputs and output are what a provenance file says", FOR_VERIFY,
     cmd_verify},
    {"report", "TRACE... -o OUT.html", "the forensic report: one self-contained page", FOR_REPORT, cmd_report},
};

static void print_help(void)
{
    puts("etwkit " ETWKIT_VERSION ": Windows event traces (.etl) read, decoded and converted anywhere\n");
    for (size_t i = 0; i < COUNT_OF(COMMANDS); i++)
        printf("  etwkit %-9s %-24s %s\n", COMMANDS[i].name, COMMANDS[i].arguments, COMMANDS[i].help);
    puts("\n`etwkit COMMAND --help` lists a command's options.\n"
         "exit codes: 0 done, 1 failed, 2 wrong command line, 3 done but part of the input was damaged");
}

// What was said on standard output must have got there.
static int told(int code)
{
    bool failed = ferror(stdout) != 0;
    if (fflush(stdout) == 0 && !failed)
        return code;
    if (outfile_reader_left(STDOUT_FILENO))
        signals_end_by_pipe();
    if (!evidence_stop)
        fputs("etwkit: standard output could not be written\n", stderr);
    return EXIT_FAILED;
}

static int run(const command *c, int argc, char **argv)
{
    options o;
    error e = {0};
    int code = EXIT_USAGE;
    if (!options_read(&o, c->bit, argc, argv, &e)) {
        fprintf(stderr, "etwkit %s: %s\n", c->name, e.message);
    } else if (o.help) {
        printf("etwkit %s %s\n  %s\n\n", c->name, c->arguments, c->help);
        options_print_help(c->bit);
        code = EXIT_DONE;
    } else {
        code = c->run(&o);
    }
    options_free(&o);
    return code;
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";
    memory_begin();
#ifdef ETWKIT_COMMIT
    version_commit = *ETWKIT_COMMIT ? ETWKIT_COMMIT : NULL;
#endif
    guard_begin();
    signals_begin();
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        print_help();
        return told(EXIT_DONE);
    }
    if (strcmp(name, "--version") == 0) {
        puts("etwkit " ETWKIT_VERSION);
        return told(EXIT_DONE);
    }
    for (size_t i = 0; i < COUNT_OF(COMMANDS); i++)
        if (strcmp(name, COMMANDS[i].name) == 0)
            return told(run(&COMMANDS[i], argc, argv));
    if (*name)
        fprintf(stderr, "etwkit: %s is no command (etwkit --help)\n", name);
    else
        fprintf(stderr, "etwkit: a command is needed: info, convert, report, schemas, carve, verify (etwkit --help)\n");
    return EXIT_USAGE;
}
