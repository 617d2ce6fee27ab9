// Tables and indexes of an SQLite file, filled in the order of their keys without SQLite: pages are written once, one
// after the other, and each tree keeps no more than one page of each of its levels in memory. The format is that of
// https://www.sqlite.org/fileformat2.html.
//
// SQLite makes the file with its tables, empty, and is closed; then pages are added; then SQLite may open it again.
#ifndef ETWKIT_SQLITE_TREE_H
#define ETWKIT_SQLITE_TREE_H

#include "base/error.h"
#include "base/outbuf.h"
#include "base/span.h"

#define TREE_PAGE_TEXT "16384"
enum { TREE_PAGE = 16384 }; // the page size of the file

typedef struct page_file {
    int fd;
    const char *name; // for sentences
    u32 next;         // number of the next page
    u8 *held;         // pages before it that are not written yet
    u32 held_pages;
} page_file;

MUST_USE bool page_file_open(page_file *f, int fd, const char *name, error *e); // pages are added at its end
bool page_file_close(page_file *f, error *e); // with e == NULL the file is being abandoned; frees in any case

enum { TREE_LEVELS = 8 }; // pages have some thousand entries

typedef struct tree_page {
    u8 *bytes; // NULL: none is begun
    u32 cells, start;
} tree_page;

// Of a table (rows by number) or an index.
typedef struct sqlite_tree {
    u32 root; // the page SQLite gave it
    bool is_index;
    u32 count; // of levels; 0: it is empty
    i64 last;  // number of the last row
    tree_page level[TREE_LEVELS];
} sqlite_tree;

// Keys ascend: `number` of rows, or the values of an index's entry, which end with it. `row` is as SQLite stores it
// (sqlite_row.h).
MUST_USE bool tree_add(sqlite_tree *t, page_file *f, i64 number, span row, error *e);
// Writes what is left. With e == NULL nothing; frees in any case.
bool tree_end(sqlite_tree *t, page_file *f, error *e);

#endif
