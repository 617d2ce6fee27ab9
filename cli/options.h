// The command line: options are rows of tables, in groups that commands list (command.h).
#ifndef ETWKIT_OPTIONS_H
#define ETWKIT_OPTIONS_H

#include "etwkit_engine.h"

// Exit codes of the program (README, "Exit codes").
enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_DAMAGE = 3, EXIT_UNREAD = 4, EXIT_HIT = 5 };

typedef struct text_list {
    const char **items;
    u32 count, cap;
} text_list;

// What was given, of the options that several commands share or that several files look at. Texts are those of argv.
enum { OPTION_OWN_TEXTS = 5 };

typedef struct options {
    const char **inputs; // arguments that are not options: traces, paths
    u32 input_count, input_cap;
    const char *out, *format, *cache, *summary, *host, *symbols;
    text_list schemas, files_from;
    text_list own_texts[OPTION_OWN_TEXTS]; // repeatable options of the command alone, which names the indexes
    text_list meaning;                     // options that are not neutral, each as "name=value"; owned
    unsigned threads;
    unsigned correlate; // CORRELATE_…: the command's, and --frames
    bool no_hash, no_sandbox, quiet, json, force, help, version, null, skip_done;
    const char *provenance; // the word in the name of OUT.WORD.json; NULL: no such file is wanted
    expression *where;
    filter filter;
    void *own; // options of the command alone: command.own_bytes, zeroed
    int argc;  // the whole command line, for provenance
    char **argv;
} options;

// ---------------------------------------------------------------------------------------------- rows

typedef struct option {
    const char *short_name, *name; // "-o" or NULL; "--output"
    const char *argument;          // what its value is called; NULL: a switch
    const char *help;
    // Stores a value (NULL for a switch). False: it is not one, and `e` says why.
    bool (*set)(options *o, const struct option *row, const char *value, error *e);
    size_t at;                      // for the setters below: of the member
    const char *(*word)(u32 index); // words the value may be, NULL ends them; listed in help
    bool neutral;                   // outputs are the same with it and without
} option;

typedef struct option_group {
    const char *title;
    const option *rows; // a row without a name ends them
} option_group;

#define OPTION_GROUP(title, ...)                                                                                       \
    &(const option_group)                                                                                              \
    {                                                                                                                  \
        title, (const option[])                                                                                        \
        {                                                                                                              \
            __VA_ARGS__,                                                                                               \
            {                                                                                                          \
                0                                                                                                      \
            }                                                                                                          \
        }                                                                                                              \
    }

// Setters of a member of `options`: a bool, a text, a text_list.
bool option_flag(options *o, const option *row, const char *value, error *e);
bool option_text(options *o, const option *row, const char *value, error *e);
bool option_add_text(options *o, const option *row, const char *value, error *e);
// Of a bool member of what `own` points to.
bool option_own_flag(options *o, const option *row, const char *value, error *e);

extern const option_group options_input;  // of the reading commands: schemas, cache, threads, hashing
extern const option_group options_filter; // which events
extern const option_group options_common; // every command has these without listing them

#define OPTION_OUTPUT(what, text)                                                                                      \
    {                                                                                                                  \
        .short_name = "-o", .name = "--output", .argument = what, .help = text, .set = option_text,                    \
        .at = offsetof(options, out), .neutral = true                                                                  \
    }
#define OPTION_FORCE(text)                                                                                             \
    {                                                                                                                  \
        .name = "--force", .help = text, .set = option_flag, .at = offsetof(options, force), .neutral = true           \
    }
#define OPTION_JSON(text)                                                                                              \
    {                                                                                                                  \
        .name = "--json", .help = text, .set = option_flag, .at = offsetof(options, json)                              \
    }
#define OPTION_CACHE                                                                                                   \
    {                                                                                                                  \
        .name = "--cache", .argument = "FILE", .help = "the schema cache; \"none\" uses none", .set = option_text,     \
        .at = offsetof(options, cache), .neutral = true                                                                \
    }
#define OPTION_SCHEMAS                                                                                                 \
    {                                                                                                                  \
        .name = "--schemas", .argument = "PATH",                                                                       \
        .help = "a manifest, DLL, TMF, PDB or MOF file, or a folder of them; repeatable", .set = option_add_text,      \
        .at = offsetof(options, schemas), .neutral = true                                                              \
    }

// ---------------------------------------------------------------------------------------------- reading

struct command;

// Reads argv[2 …] but for argv[skip], which named a command's own command (0: nothing did). False: one sentence, the
// exit code is EXIT_USAGE. options_free in any case.
MUST_USE bool options_read(options *o, const struct command *c, int skip, int argc, char **argv, error *e);
void options_free(options *o);
// Where in argv the first argument is that is neither an option nor the value of one; 0: nowhere.
int options_first_word(const struct command *c, int argc, char **argv);
void options_print_help(const struct command *c); // to stdout

#endif
