// How the payloads of event classes stand in typed columns. The classes of one view share a layout: the union of their
// fields, in their order. A layout with many records has a table of its own, the others share one with columns v0, v1,
// …
//
// A field that two classes show in different forms, or in another order, has a column for each; a record has a value in
// one of them.
#ifndef ETWKIT_SQLITE_LAYOUTS_H
#define ETWKIT_SQLITE_LAYOUTS_H

#include "exporter.h"

// What a column holds, and how the record's `data` shows it. The numbers stand in the table layout_fields.
typedef enum held_form {
    HELD_QUOTED,   // text or a number, as json_quote shows it
    HELD_HEX,      // a number, shown as "0x1A"
    HELD_UNSIGNED, // a number that may have 64 bits; SQLite's are signed
    HELD_BOOL,
    HELD_JSON, // JSON text: arrays, structs, fractions
} held_form;

typedef struct layout_column {
    const char *name; // as in the JSON object, UTF-8
    const char *type; // as declared
    held_form form;
    bool is_wide, is_fraction; // may have more than 32 bits; is a fraction as JSON
} layout_column;

enum { SHARED_COLUMNS = 32, LAYOUT_COLUMNS = 300 };

typedef struct layout {
    const char *name;  // of its view
    const char *alias; // another name of it, without quotes (sqlite_alias.h)
    u32 id;            // 1, 2, …
    bool has_table;    // fields_ID; else it shares the table `fields`
    bool is_typed;     // false: it has too many fields, its records keep their payload as JSON
    layout_column *columns;
    u32 count, cap;
    const u32 *classes;
    u32 class_count;
    u64 events;
    u64 stored;                // columns of `records` that a record of it has, as bits by column_id; known at the end
    struct layout_plan *plans; // of all its classes
    u32 plan_count, plan_cap;
} layout;

// Where the fields of a plan stand.
typedef struct layout_plan {
    const plan *plan;
    const u16 *columns; // by top-level field; NO_COLUMN: it is not shown
} layout_plan;
enum { NO_COLUMN = 0xffff };

typedef struct sqlite_layouts {
    layout *list;
    u32 count;
    layout **of_class; // by index in `classes`; NULL beyond LIMIT_VIEWS
} sqlite_layouts;

// Lives in `a`, but for its lists.
sqlite_layouts sqlite_layouts_make(arena *a, const event_class *const *classes, u32 count);
void sqlite_layouts_free(sqlite_layouts *layouts); // what does not
// The columns of a plan of the layout; NULL: it has none that are typed.
const u16 *layout_columns(const layout *l, const plan *p);

// Appends the CREATE TABLE statements, and fills layout_fields.
void sqlite_layout_tables(const sqlite_layouts *layouts, outbuf *sql);
// Appends `data` of a record r as SQL.
void sqlite_layout_data(const sqlite_layouts *layouts, outbuf *sql);

#endif
