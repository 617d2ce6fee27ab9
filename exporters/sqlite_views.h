// The SQL text of the SQLite output: its tables, the view `events`, and one view for each group of event classes.
//
// Pure text; nothing here touches a database. Functions of old SQLite versions only (json_extract, not ->>): a view
// that a reader's SQLite cannot parse makes the whole file unreadable for it.
#ifndef ETWKIT_SQLITE_VIEWS_H
#define ETWKIT_SQLITE_VIEWS_H

#include "sqlite_layouts.h"

extern const char sqlite_pragmas[]; // for a file that nobody else reads before it is complete
extern const char sqlite_tables[];  // CREATE TABLE statements, but for records and classes
extern const char sqlite_indexes[]; // for after the load

// Appends the CREATE VIEW of `events`: the records as the record contract says.
void sqlite_events_view(const sqlite_layouts *layouts, outbuf *sql);

// A CREATE VIEW statement for each layout and for its alias, with all records in the file. Everything lives in `a`.
typedef struct sqlite_view {
    const char *name, *sql;
} sqlite_view;

typedef struct sqlite_views {
    sqlite_view *list;
    u32 count;
} sqlite_views;
// How many views lack fields beyond LIMIT_VIEW_FIELDS.
u32 sqlite_views_cut(const sqlite_layouts *layouts, const export_target *target);
sqlite_views sqlite_views_make(arena *a, const sqlite_layouts *layouts, const export_target *target);

// The column `fields` of event_classes: the fields of a plan as a JSON array, nested for structs. NULL: nothing.
void sqlite_fields_json(outbuf *out, const plan *p);

#endif
