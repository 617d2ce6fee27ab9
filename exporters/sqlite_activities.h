// Activities in the SQLite output: a row for each, and what follows from them: which records show a process, DNS
// queries, files, registry values, logons, users.
#ifndef ETWKIT_SQLITE_ACTIVITIES_H
#define ETWKIT_SQLITE_ACTIVITIES_H

#include <sqlite3.h>

#include "exporter.h"
#include "sqlite_tree.h"

typedef struct sqlite_activities sqlite_activities;

// Appends the CREATE TABLE statements.
void sqlite_activity_tables(outbuf *sql);
extern const char sqlite_activity_indexes[]; // for after the load, before sqlite_activities_finish

// Lives in `a`; `code` is one of SQLite. The target has a session.
sqlite_activities *sqlite_activities_new(arena *a, sqlite3 *db, const export_target *target, int *code);

// Appends what the record shows, for sqlite_activities_store; on any thread.
void sqlite_activities_render(const sqlite_activities *x, const record *rec, outbuf *out);
// Of one record, in the order of records.
MUST_USE bool sqlite_activities_store(sqlite_activities *x, page_file *f, i64 number, span rendered, error *e);
// With e == NULL nothing is written; frees in any case.
bool sqlite_activities_end(sqlite_activities *x, page_file *f, error *e);
int sqlite_activities_finish(sqlite3 *db); // with all records and indexes in the file

#endif
