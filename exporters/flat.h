// Fields of payloads as columns of their own: `data.QueryName`, `data.Struct.Member`.
//
// Names that differ only in case are one column, as databases and spreadsheets compare them; where one payload has two
// of them, the second is `data.name_2`. A column has one kind for all records: numbers in one class and texts in
// another are texts.
#ifndef ETWKIT_FLAT_H
#define ETWKIT_FLAT_H

#include "base/map.h"
#include "class_groups.h"
#include "exporter.h"

typedef enum flat_kind { FLAT_NONE, FLAT_INTEGER, FLAT_REAL, FLAT_BOOL, FLAT_TEXT } flat_kind;

typedef struct flat_column {
    const char *name; // valid UTF-8
    flat_kind kind;   // of lists: of their elements
    bool list;
    u32 last; // plan that has it, from 1; while they are collected
} flat_column;

// Where a record of a plan has the value of a column.
typedef struct flat_value {
    u32 column;
    value_path path;
} flat_value;

typedef struct flat_plan {
    const plan *of;
    flat_value *values; // by ascending column
    u32 count, cap;
} flat_plan;

typedef struct flat_layout {
    arena memory;
    flat_column *columns;
    u32 count, cap;
    flat_plan *plans;
    u32 plan_count, plan_cap;
    map names, by_plan;
    u64 left_out; // fields beyond LIMIT_FLAT_COLUMNS
} flat_layout;

// All fields of the classes that records may come of, in the order of both; of a group's alone, or (NULL) of all.
void flat_make(flat_layout *out, const export_target *target, const class_group *group);
void flat_free(flat_layout *l);

// The columns of the record's plan; NULL where it has none.
const flat_plan *flat_of(const flat_layout *l, const record *rec);

// The value as JSON, of its column's kind; false, and nothing written, where it is none (or no number JSON has).
bool flat_json(outbuf *out, const flat_column *column, const typed_value *v);
// As CSV shows it: arrays and structs as JSON.
void flat_text(outbuf *out, const typed_value *v);

#endif
