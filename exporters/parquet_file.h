// Parquet files (parquet-format 2): columns are filled value by value, every so many rows become a page of each column,
// compressed by zstd, and some pages a row group: dictionaries, statistics, at the end the indexes of pages and the
// footer.
//
// Memory is bounded by what a page holds as it is and a row group compressed. Pages are made column by column on all
// threads of the crew; the bytes are the same for any number of them.
#ifndef ETWKIT_PARQUET_FILE_H
#define ETWKIT_PARQUET_FILE_H

#include "output.h"
#include "parquet_vector.h"

typedef enum parquet_type {
    PARQUET_INT32,
    PARQUET_INT64,
    PARQUET_UINT64,
    PARQUET_TIME, // nanoseconds since 1970, without a time zone
    PARQUET_BOOL,
    PARQUET_DOUBLE, // the bits of one
    PARQUET_TEXT,   // UTF-8
} parquet_type;

// What a code of a coded column means.
typedef struct parquet_value {
    bool present;
    u64 number;
    span text;
} parquet_value;

// Rows are trees of nodes, all of which may be missing; values are in leaves, each of which is a column. A value's
// definition level says how many of the optional and repeated nodes above it are there, its repetition level at which
// of the repeated ones it goes on (0: with a new row).
typedef struct parquet_column {
    const char *const *path; // of names, from the top
    u32 path_len;
    parquet_type type;
    u8 most_def, most_rep; // the levels of a value that is there
    u8 bit;                // of the row's bits: whether it has a value; PARQUET_LEVELS: each comes with its levels
    bool names;            // texts are given as numbers, pointers to where they stay until parquet_end
    // Of a coded column: what the row's code of set `codes` means. Else NULL, and each row has its own value.
    const parquet_value *values;
    u32 value_count;
    u32 codes;
} parquet_column;

// In the order of depth first. A list is a node of one child, a repeated one of one child, the element.
typedef struct parquet_node {
    const char *name;
    bool repeated, list;
    u32 children; // 0: a leaf,
    u32 column;   // which is this one
} parquet_node;

typedef struct parquet_schema {
    const parquet_column *columns;
    u32 count;
    const parquet_node *nodes;
    u32 node_count, top_count; // top_count: of nodes that are in no other
} parquet_schema;

enum {
    PARQUET_CODE_SETS = 4, // columns of one set share their codes
    PARQUET_LEVELS = 255,
};

typedef struct parquet_file parquet_file;

// The schema's parts and `out` are the caller's, until parquet_end.
parquet_file *parquet_begin(output *out, const parquet_schema *schema, struct crew *threads);

// The values of a row: for each bit a value of its column, added to the vector; for columns with levels one entry, or
// several for those in lists; then what else is to be said of it. `rep` is 0 for all but those in lists.
vector *parquet_vector(parquet_file *f, u32 column);
void parquet_add_null(parquet_file *f, u32 column, u32 rep, u32 def); // def: below most_def
void parquet_add_number(parquet_file *f, u32 column, u32 rep, u64 value);
void parquet_add_text(parquet_file *f, u32 column, u32 rep, span text);

typedef struct parquet_row {
    u32 codes[PARQUET_CODE_SETS];
    u64 has;      // bits
    size_t bytes; // some measure of what it takes in memory
} parquet_row;
MUST_USE bool parquet_row_end(parquet_file *f, const parquet_row *row, error *e);

// Writes what is left; with e == NULL nothing. Frees in any case.
MUST_USE bool parquet_end(parquet_file *f, error *e);

#endif
