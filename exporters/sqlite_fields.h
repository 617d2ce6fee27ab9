// Values of payloads in their typed tables (sqlite_layouts.h): rendered by any thread, stored in runs, a table at a
// time.
#ifndef ETWKIT_SQLITE_FIELDS_H
#define ETWKIT_SQLITE_FIELDS_H

#include <sqlite3.h>

#include "sqlite_layouts.h"

typedef struct sqlite_fields sqlite_fields;

// Lives in `a`, which must outlive the database. Codes are those of SQLite.
sqlite_fields *sqlite_fields_new(arena *a, sqlite3 *db, const sqlite_layouts *layouts, int *code);
void sqlite_fields_end(sqlite_fields *x); // before the database is closed

// Whether the values of a record have columns. Else its payload is to be kept as JSON, or there is none.
bool sqlite_fields_has(const sqlite_fields *x, const record *rec);
// Appends them.
void sqlite_fields_render(const sqlite_fields *x, const record *rec, outbuf *out);

// For all records of a run in their order, then once for the run. `rendered` must stay until then.
typedef struct fields_head { // what a table has of the record besides
    u64 number;
    i64 time, process_id, thread_id;
    bool has_process, has_thread;
    u64 stored; // layout.stored
} fields_head;
void sqlite_fields_take(sqlite_fields *x, const fields_head *head, u32 class_index, span rendered);
int sqlite_fields_store(sqlite_fields *x);

// Of a class; 0: no payload of it is typed.
u32 sqlite_fields_layout(const sqlite_fields *x, u32 class_index);

#endif
