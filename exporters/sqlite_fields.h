// Values of payloads in their typed tables (sqlite_layouts.h): rendered by any thread, stored in the order of records.
#ifndef ETWKIT_SQLITE_FIELDS_H
#define ETWKIT_SQLITE_FIELDS_H

#include <sqlite3.h>

#include "sqlite_layouts.h"
#include "sqlite_tree.h"

typedef struct sqlite_fields sqlite_fields;

// Lives in `a`; `code` is one of SQLite.
sqlite_fields *sqlite_fields_new(arena *a, sqlite3 *db, const sqlite_layouts *layouts, int *code);

// Whether the values of a record have columns. Else its payload is to be kept as JSON, or there is none.
bool sqlite_fields_has(const sqlite_fields *x, const record *rec);
// Appends its row, and says where it begins. Records without a view have none.
size_t sqlite_fields_render(const sqlite_fields *x, const record *rec, outbuf *out);

void sqlite_fields_note(sqlite_fields *x, u32 class_index, u64 stored); // layout.stored, of each record
MUST_USE bool sqlite_fields_store(sqlite_fields *x, page_file *f, i64 number, u32 class_index, span row, error *e);
// With e == NULL nothing is written; frees in any case.
bool sqlite_fields_end(sqlite_fields *x, page_file *f, error *e);

// Of a class; 0: no payload of it is typed.
u32 sqlite_fields_layout(const sqlite_fields *x, u32 class_index);

#endif
