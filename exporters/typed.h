// Payloads of one kind of event as trees of typed values: structs and lists as such, for formats that have them.
//
// The tree of a group of classes is the union of their plans by the names of fields. Where those do not agree (a number
// here, a text there), the field is a text, and where it is a list or a struct its JSON. Names that differ only in case
// are one field; where one struct has two of them, the second is `name_2`.
//
// A payload becomes entries of columns with levels, as Parquet has them (parquet_file.h).
#ifndef ETWKIT_TYPED_H
#define ETWKIT_TYPED_H

#include "base/map.h"
#include "class_groups.h"
#include "exporter.h"
#include "parquet_file.h"

typedef enum typed_kind {
    TYPED_NONE,
    TYPED_U16, // numbers of at most so many bits
    TYPED_U32,
    TYPED_U64,
    TYPED_S32,
    TYPED_S64,
    TYPED_REAL,
    TYPED_BOOL,
    TYPED_TIME,
    TYPED_TEXT,
} typed_kind;

typedef struct typed_node {
    const char *name;
    bool list, is_struct;
    typed_kind kind; // of leaves
    struct typed_node **children;
    u32 count, cap;
    map by_name;
    u8 def, rep;  // levels at which it is there
    u8 value_def; // and one of its values is: those of a list are its elements
    u8 value_rep; // with which those after the first come
    u32 column;   // of a leaf: its number among them
    u32 last;     // struct of a plan that has it, while plans are joined
    u32 times;    // and how often that one wants the name
} typed_node;

// How the fields of a plan's struct fill a node, in the order in which the payload has them.
typedef struct typed_struct typed_struct;

typedef struct typed_plan {
    const plan *of;
    const typed_struct *top;
} typed_plan;

typedef struct typed_layout {
    arena memory;
    typed_node root; // "data"; without children: no class has fields
    typed_node **leaves;
    u32 leaf_count, leaf_cap, structs;
    typed_plan *plans;
    u32 plan_count, plan_cap;
    map by_plan;
    bool is_text; // too many fields: "data" is their JSON
} typed_layout;

void typed_make(typed_layout *out, const export_target *target, const class_group *group);
void typed_free(typed_layout *l);

parquet_type typed_parquet(const typed_node *leaf);

// The record's payload as entries, one after the other. False, and nothing is written: the record has none.
bool typed_write(const typed_layout *l, const record *rec, outbuf *out);

typedef struct typed_entry {
    u32 leaf;
    u8 rep, def;
    bool has; // a value: number, or text
    u64 number;
    span text;
} typed_entry;

bool typed_next(const typed_layout *l, span *entries, typed_entry *out);

#endif
