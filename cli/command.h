// What a command is. A new one is a file that defines `const command command_NAME` and one line in commands.def.
//
// A command carries its options in groups: some are shared (options.h), some are its own. `etwkit --help`,
// `etwkit COMMAND --help`, the reading of arguments and "did you mean" all come from these tables.
#ifndef ETWKIT_COMMAND_H
#define ETWKIT_COMMAND_H

#include "options.h"

enum { COMMAND_GROUPS = 8 };
#define COMMAND_MANY UINT32_MAX

typedef struct command {
    const char *name;
    const char *arguments; // "TRACE... -o OUT"
    const char *help;      // one line
    const option_group *options[COMMAND_GROUPS];
    const struct command *const *commands; // its own commands, NULL-terminated: it is run by naming one of them
    u32 least, most;                       // how many arguments that are not options
    size_t own_bytes;                      // of the struct of its own that options.own points to; 0: it has none
    unsigned correlate;                    // CORRELATE_…: what its records need
    bool writes_cache;                     // beside what --output names
    void (*print_more)(void);              // to stdout, at the end of its --help; NULL: nothing
    int (*run)(const options *o);          // returns the program's exit code; what went wrong was said
} command;

#define COMMAND(name) extern const command command_##name;
#include "commands.def"
#undef COMMAND

extern const command *const commands[]; // in the order of --help, NULL-terminated

// NULL: no command of the list has the name.
const command *command_named(const command *const *list, const char *name);
// "; did you mean 'info'?" or ""; lives in `scratch`.
const char *command_suggested(const command *const *list, const char *name, char scratch[96]);
// "info, convert, report"; lives in `scratch`.
const char *command_names(const command *const *list, char scratch[256]);

void command_print_help(const command *c, const char *parent); // parent: the command it belongs to, or NULL

#endif
