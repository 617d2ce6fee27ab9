// One column of one row group on its way into the file: values, pages, what is to be said of them in the footer.
#ifndef ETWKIT_PARQUET_CHUNK_H
#define ETWKIT_PARQUET_CHUNK_H

#include "parquet_file.h"

enum {
    PARQUET_ROWS = 122880,     // of a row group
    PARQUET_BYTES = 64 << 20,  // or as many bytes of texts
    PARQUET_PAGE_ROWS = 20480, // of a page
    PARQUET_STATISTIC = 64,    // longest text that is a least or greatest value
};

// Which values are there, and those.
typedef struct vector {
    u8 *def, *rep; // levels, by entry; rep: of columns in lists alone. Other columns have one entry a row
    u64 *numbers;
    outbuf text;
    u32 *ends; // of each text in it
    u32 entries, count;
    u32 entry_cap, count_cap;
} vector;

typedef struct range {
    bool known;
    u64 low, high;
    span low_text, high_text; // borrowed from the vector, or from the column's values
} range;

typedef struct page {
    u64 at;    // in the chunk
    u32 bytes; // header included
    u32 row;
    u32 entries, nulls; // values that are there and those that are not; the latter
    range range;
} page;

enum { PARQUET_PAGES = PARQUET_ROWS / PARQUET_PAGE_ROWS };

typedef struct chunk {
    outbuf bytes;         // all pages
    u32 dictionary_bytes; // of its page, which comes first; 0: there is none
    u64 raw_bytes;        // of all pages before compression
    u32 encoding;         // of data pages
    page pages[PARQUET_PAGES];
    u32 page_count;
    range range;
    u32 entries, nulls;
} chunk;

// What a thread needs to make chunks.
typedef struct chunk_maker chunk_maker;
chunk_maker *chunk_maker_new(void);
void chunk_maker_free(chunk_maker *m);

// `values` of a column with its own ones, else `codes`; `rows` of either.
void chunk_make(chunk_maker *m, const parquet_column *column, const vector *values, const u32 *codes, u32 rows,
                chunk *out);

#endif
