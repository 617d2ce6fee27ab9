// Rows of the table `records` and of what stands beside it: rendered by any thread as SQLite stores them, then added to
// their trees in the order of records.
#ifndef ETWKIT_SQLITE_ROWS_H
#define ETWKIT_SQLITE_ROWS_H

#include <sqlite3.h>

#include "sqlite_layouts.h"
#include "sqlite_tree.h"

typedef struct sqlite_rows sqlite_rows;

// Appends its CREATE TABLE.
void sqlite_rows_table(outbuf *sql);

void sqlite_row_render(const sqlite_rows *rows, const record *rec, outbuf *out);

// Lives in `a`; the database has all tables, and may be closed then. `code` is one of SQLite.
sqlite_rows *sqlite_rows_new(arena *a, sqlite3 *db, const export_target *target, const sqlite_layouts *layouts,
                             int *code);
// In the order of their numbers, from 1 on.
MUST_USE bool sqlite_rows_store(sqlite_rows *rows, page_file *f, span rendered, error *e);
u64 sqlite_rows_count(const sqlite_rows *rows, u32 source, record_state state); // of those stored
bool sqlite_rows_disordered(const sqlite_rows *rows); // the index records_time is not complete
// With e == NULL nothing is written; frees in any case.
bool sqlite_rows_end(sqlite_rows *rows, page_file *f, error *e);

#endif
