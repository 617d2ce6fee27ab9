// Rows of the table `records`: rendered by any thread, then stored in runs.
//
// SQLite reads the rows of a run itself, as a table that lives only while they are stored, so that one step of a
// prepared INSERT stores many rows and copies no text on the way.
#ifndef ETWKIT_SQLITE_ROWS_H
#define ETWKIT_SQLITE_ROWS_H

#include <sqlite3.h>

#include "sqlite_layouts.h"

typedef struct sqlite_rows sqlite_rows;

// Appends its CREATE TABLE.
void sqlite_rows_table(outbuf *sql);

void sqlite_row_render(const sqlite_rows *rows, const record *rec, outbuf *out);

// Lives in `a`, which must outlive the database. Codes are those of SQLite.
sqlite_rows *sqlite_rows_new(arena *a, sqlite3 *db, const export_target *target, const sqlite_layouts *layouts,
                             int *code);
int sqlite_rows_store(sqlite_rows *rows, span rendered); // in the order of their numbers, from 1 on
u64 sqlite_rows_count(const sqlite_rows *rows, u32 source, record_state state); // of those stored
void sqlite_rows_end(sqlite_rows *rows);                                        // before the database is closed

#endif
