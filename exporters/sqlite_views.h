// The SQL text of the SQLite output: its tables, the view `events`, and one view for each group of event classes.
//
// Pure text; nothing here touches a database. Functions of old SQLite versions only (json_extract, not ->>): a view
// that a reader's SQLite cannot parse makes the whole file unreadable for it.
#ifndef ETWKIT_SQLITE_VIEWS_H
#define ETWKIT_SQLITE_VIEWS_H

#include "exporter.h"

extern const char sqlite_pragmas[]; // for a file that nobody else reads before it is complete
extern const char sqlite_tables[];  // CREATE TABLE statements, but for records and classes
extern const char sqlite_indexes[]; // for after the load

// Appends the CREATE VIEW of `events`: the records as the record contract says.
void sqlite_events_view(outbuf *sql);

// CREATE VIEW statements, one for each group of classes: the versions of a manifest event, the classes of one name of
// an event without an id. Fields are the union over the group. Everything lives in `a`.
typedef struct sqlite_view {
    const char *name, *sql;
} sqlite_view;

typedef struct sqlite_views {
    sqlite_view *list;
    u32 count;
    const char **of_class; // the name of each class's view; NULL beyond LIMIT_VIEWS
    u32 without_view;      // classes beyond it
    u32 cut;               // views with more fields than LIMIT_VIEW_FIELDS
} sqlite_views;
sqlite_views sqlite_views_make(arena *a, const event_class *const *classes, u32 count);

// The column `fields` of event_classes: the fields of a plan as a JSON array, nested for structs. NULL: nothing.
void sqlite_fields_json(outbuf *out, const plan *layout);

#endif
