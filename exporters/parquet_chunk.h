// One column of one row group on its way into the file: pages, a dictionary, what is to be said of them in the footer.
#ifndef ETWKIT_PARQUET_CHUNK_H
#define ETWKIT_PARQUET_CHUNK_H

#include "parquet_dictionary.h"

enum { PARQUET_STATISTIC = 64 }; // longest text that is a least or greatest value

typedef struct page {
    u64 at;    // in the chunk
    u32 bytes; // header included
    u64 row;
    u32 entries, nulls; // values that are there and those that are not; the latter
    range range;
} page;

typedef struct chunk {
    outbuf bytes;  // its pages
    outbuf first;  // the page of the dictionary, which comes before them; empty: there is none
    u64 raw_bytes; // of all pages before compression
    u32 encodings; // of data pages, as bits
    bool without;  // the dictionary is closed: what comes is as it is
    bool dense;    // its texts are worth more effort
    page *pages;
    u32 page_count, page_cap;
    range range;
    u64 rows, entries, nulls;
    dictionary dictionary;
} chunk;

// Rows that become a page of each column.
typedef struct batch {
    u32 count;
    u64 *has;     // by row: which of the columns that have a bit have a value
    u64 any, all; // those of any row, of all rows
    u32 *codes[PARQUET_CODE_SETS];
    u32 *used[PARQUET_CODE_SETS]; // the different codes of these rows
    u32 used_count[PARQUET_CODE_SETS];
} batch;

// What a thread needs to make pages.
typedef struct chunk_maker chunk_maker;
chunk_maker *chunk_maker_new(void);
void chunk_maker_free(chunk_maker *m);

// `values` of a column with its own ones.
void chunk_add_page(chunk_maker *m, chunk *to, const parquet_column *column, vector *values, const batch *rows);
void chunk_end(chunk_maker *m, chunk *to, const parquet_column *column); // no page follows

void chunk_clear(chunk *c); // for another row group; what its bytes took is kept
void chunk_free(chunk *c);

#endif
