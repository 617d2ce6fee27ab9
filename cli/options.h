// The command line: one table of options from which help is printed and arguments are read.
#ifndef ETWKIT_OPTIONS_H
#define ETWKIT_OPTIONS_H

#include "correlate/correlate.h"
#include "query/filter.h"
#include "version.h"

// Exit codes of the program (README, "Exit codes").
enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_DAMAGE = 3, EXIT_UNREAD = 4 };

enum { OPTION_PATHS = 1024 };

typedef struct options {
    const char **inputs; // what is no option: traces, paths
    u32 input_count, input_cap;
    const char *out, *format, *cache;
    const char *schemas[OPTION_PATHS];
    u32 schema_count;
    unsigned threads;
    unsigned correlate; // CORRELATE_…: by command and --frames
    bool no_hash, quiet, json, force, again, no_guard, guard, help;
    const char *provenance; // the word in the name of OUT.WORD.json; NULL: none is asked for
    expression *where;
    filter filter;
    int argc; // the whole command line, for provenance
    char **argv;
} options;

// A bit for each command an option belongs to.
typedef enum command_bit {
    FOR_INFO = 1,
    FOR_CONVERT = 2,
    FOR_SCHEMAS = 4,
    FOR_REPORT = 8,
    FOR_CARVE = 16,
    FOR_READERS = FOR_INFO | FOR_CONVERT | FOR_REPORT,
    FOR_VERIFY = 32,
    FOR_ALL = 63,
} command_bit;

// Reads argv[2 …] for a command. False: one sentence, the exit code is EXIT_USAGE.
MUST_USE bool options_read(options *o, command_bit command, int argc, char **argv, error *e);
void options_free(options *o);
void options_print_help(command_bit command); // to stdout

#endif
