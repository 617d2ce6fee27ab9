// Parquet files of flat rows (parquet-format 2): columns are filled value by value, and every so many rows written as a
// row group: dictionaries, pages compressed by zstd, statistics, at the end the indexes of pages and the footer.
//
// Memory is bounded by what a row group holds. Row groups are encoded column by column on all threads of the crew; the
// bytes are the same for any number of them.
#ifndef ETWKIT_PARQUET_FILE_H
#define ETWKIT_PARQUET_FILE_H

#include "output.h"

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

typedef struct parquet_column {
    const char *name;
    parquet_type type;
    // Of a coded column: what the row's code of set `codes` means. Else NULL, and each row has its own value.
    const parquet_value *values;
    u32 value_count;
    u32 codes;
} parquet_column;

enum { PARQUET_CODE_SETS = 4 }; // columns of one set share their codes

typedef struct parquet_file parquet_file;

// `columns` and `out` are the caller's, until parquet_end.
parquet_file *parquet_begin(output *out, const parquet_column *columns, u32 count, struct crew *threads);

// The values of a row, one for each column that is not coded and one for each set of codes.
void parquet_add_code(parquet_file *f, u32 set, u32 code);
void parquet_add_null(parquet_file *f, u32 column);
void parquet_add_number(parquet_file *f, u32 column, u64 value);
void parquet_add_text(parquet_file *f, u32 column, span text);
MUST_USE bool parquet_row_end(parquet_file *f, error *e);

// Writes what is left; with e == NULL nothing. Frees in any case.
MUST_USE bool parquet_end(parquet_file *f, error *e);

#endif
