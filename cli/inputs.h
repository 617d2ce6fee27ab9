// Everything a run was given or found, in order, read or not: a row each, for wherever inputs are listed.
//
// inputs_find adds a row for each trace there is in what was given: a file, a folder, an archive. Then inputs_name
// tells copies from originals and gives each its name in records. A run reads the rows whose status is INPUT_OK; what
// it finds out later it puts in.
#ifndef ETWKIT_INPUTS_H
#define ETWKIT_INPUTS_H

#include <pthread.h>

#include "base/arena.h"
#include "etwkit_engine.h"

typedef enum input_status {
    INPUT_OK,
    INPUT_DAMAGED,   // read; part of it could not be
    INPUT_DUPLICATE, // the same bytes as another one: read once
    INPUT_NOT_A_TRACE,
    INPUT_EMPTY,
    INPUT_UNREADABLE,
    INPUT_SKIPPED,     // its output is there already
    INPUT_UNWRITTEN,   // read; its output could not be written
    INPUT_NOT_REACHED, // the run was interrupted before
} input_status;

#define INPUT_NONE UINT32_MAX // no row, no trace

typedef struct input_row {
    const char *path;     // as given
    const char *relative; // its path in what was given: from a folder down, from the name of a file on
    const char *source;   // its name in records, unique in the run
    input *in;            // NULL: could not be opened, or closed as a copy
    input_status status;
    error_code code;          // why it is not read; ERR_NONE
    const char *error;        // likewise, a sentence; NULL
    u32 duplicate_of;         // row; INPUT_NONE
    u32 trace;                // index in the session; INPUT_NONE
    u64 bytes;                // where it was opened
    char sha256[SHA256_TEXT]; // "" where it was not computed
    bool unhashed;            // its hash was wanted and could not be made
    // What came of it, for --summary.
    u64 states[RECORD_STATES]; // records
    u64 damage;                // places
    double seconds;
    const char *output; // NULL: it has none of its own; lives as long as the list
} input_row;

typedef struct inputs {
    arena arena;
    input_row *rows;
    u32 count, capacity;
    struct map *by_path;     // base/map.h: rows, the first of each path
    u64 passed;              // files in folders and archives that are not traces
    struct hashing *hashing; // at work
    const char *given;       // what is being looked into, and whether it is a folder
    bool given_is_folder;
    pthread_mutex_t lock; // of the arena
    machines *machines;   // what those say themselves that the traces come from
} inputs;

const char *input_status_name(input_status status); // "ok", "not_a_trace", …
const char *input_reason(const input_row *row);     // one word of error codes for a scheduler; NULL where it was read

void inputs_begin(inputs *list);
void inputs_find(inputs *list, const char *path);
// The same for each name in a list, one a line, or with a NUL after each. "-" is standard input. False: it cannot be
// read.
MUST_USE bool inputs_find_from(inputs *list, const char *list_of_names, bool with_nul, error *e);
// Without hashes nothing is known to be a copy: one file given twice is two inputs, with two sources.
void inputs_name(inputs *list, bool hashes);
void inputs_free(inputs *list);
// A text that lives as long as the list does. On any thread.
const char *inputs_keep_text(inputs *list, const char *text);

// Of the row, or of the one it is a copy of; "" where it was not computed.
const char *inputs_sha256(const inputs *list, const input_row *row);

// What became of a row: it is not read, for this reason. On any thread.
void input_fail(inputs *list, input_row *row, const error *e);

// The rows that are read are hashed on threads of their own, at most so many, from inputs_hash_begin to
// inputs_hash_finish, which waits for them; a failure is said, and noted in the row.
void inputs_hash_begin(inputs *list, unsigned threads);
void inputs_hash_finish(inputs *list);

// Of one row that is read: in line, or on a thread of its own until input_hash_end, which says what failed. All zero is
// a valid one that is at its end.
typedef struct input_hashing {
    input_row *row;
    pthread_t thread;
    bool runs, failed;
    error why;
} input_hashing;

void input_hash(input_row *row);
void input_hash_begin(input_hashing *h, input_row *row);
void input_hash_end(input_hashing *h);

typedef struct inputs_sum {
    u32 given, read, damaged, copies, skipped, unread, unhashed; // read: damaged ones too
    u64 passed;
} inputs_sum;
inputs_sum inputs_count(const inputs *list);

#endif
