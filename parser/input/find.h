// Finds inputs in whatever a user names: a file, a stream, a folder and all below it, an archive or a disk image and
// what is inside, one in another.
//
// What is looked for is recognised by content, or by its name; everything else is counted and passed over.
#ifndef ETWKIT_FIND_H
#define ETWKIT_FIND_H

#include "input/input.h"

// Other files that are of use, by their names.
typedef struct find_helper {
    void *context;
    bool (*is_useful)(void *context, const char *path);
    void (*useful)(void *context, input *in); // its to close
    // After an archive: whether is_useful has become true for more of its files.
    bool (*needs_more)(void *context, const char *archive);
} find_helper;

typedef struct finder {
    void *context;
    bool (*is_wanted)(const input *in); // by its first bytes: of members only ARCHIVE_HEAD are there
    const char *suffix;                 // ".etl": by its name
    // Found or given. It is the callee's. False ends the search.
    bool (*found)(void *context, input *in);
    // What was given, or is named like what is wanted, or holds others, and cannot be read.
    bool (*failed)(void *context, const char *path, const error *e);
    // In an archive, another name of what may have been found before as `first`; false: it was not. NULL: nobody asks.
    bool (*again)(void *context, const char *path, const char *first);
    find_helper helper; // all NULL: there is none. What it takes counts as passed
    u64 passed;         // out: files that are something else
    u64 found_count;    // out: calls of found and failed
    u32 depth;          // internal: archives around what is looked at
} finder;

// False: the search was ended.
bool find_inputs(finder *f, const char *path);

#endif
