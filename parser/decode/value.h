// The values of a record's payload, typed: what kind each is, its number, text or bytes, and how it is shown.
//
// The way from located bytes (decode.h) to values for everyone who does not write them as text: queries, correlation,
// typed outputs, the library's callers. Nothing here allocates, renders or fails: the decoder has proven every slot.
// A value borrows from the record it is of, and from its plan. Render.h makes text and JSON of values.
//
//     typed_value data, v;
//     record_data(rec, &data);
//     for (value_walk w = value_members(&data); value_next(&w, &v);)
//         if (v.kind == VALUE_UNSIGNED) use(v.field->name, v.number);
#ifndef ETWKIT_VALUE_H
#define ETWKIT_VALUE_H

#include "decode/record.h"

typedef enum value_kind {
    VALUE_NULL,       // there is no value
    VALUE_UNSIGNED,   // number; also pointers, flags, ports (in host order) and status codes
    VALUE_SIGNED,     // integer
    VALUE_BOOL,       // number: 0 or 1
    VALUE_FLOAT,      // real
    VALUE_TIME,       // number: FILETIME, 100 ns since 1601
    VALUE_SYSTEMTIME, // bytes: 16, a SYSTEMTIME
    VALUE_TEXT,       // bytes, as `encoding` says
    VALUE_BYTES,      // bytes
    VALUE_GUID,       // bytes: 16, as in a trace
    VALUE_SID,        // bytes: a SID in its binary form; empty: none was logged
    VALUE_IPV4,       // bytes: 4, in network order
    VALUE_IPV6,       // bytes: 16, in network order
    VALUE_SOCKADDR,   // bytes: a SOCKADDR of any family and length
    VALUE_STRUCT,     // value_members gives its members
    VALUE_ARRAY,      // value_members gives its `count` elements
} value_kind;

typedef enum text_encoding { TEXT_UTF16, TEXT_UTF8, TEXT_ANSI } text_encoding;

typedef struct typed_value {
    value_kind kind;
    text_encoding encoding;
    u32 count;
    const field *field; // name, in and out type, map; elements have their array's; NULL: not of a payload, or all of it
    union {
        u64 number;
        i64 integer;
        double real;
    };
    span bytes;        // of all but structs and arrays. Of text: without terminator and padding
    const record *rec; // of structs and arrays of a payload: what their slots are of
    union {
        const slot *slots;
        const char *const *texts; // of an array without field: UTF-8,
        const u64 *numbers;       // or where `hex` is not 0: addresses
    };
    char hex; // of numbers without field: 0: decimal; 'x', 'X': 0x1a, 0x1A
} typed_value;

// ---------------------------------------------------------------------------------------------- fields of a record

// The payload as a struct of the fields that were found; VALUE_NULL where the record has no plan.
void record_data(const record *rec, typed_value *out);

// A top-level field by its index in the plan; VALUE_NULL where the payload ended before it.
void record_field(const record *rec, u32 index, typed_value *out);

// The slots of a top-level field, and where the payload has them: index < rec->top_done.
const slot *record_slots(const record *rec, u32 index);
static inline span record_bytes(const record *rec, u32 index) // of a single one
{
    const slot *s = rec->plan->one_slot_each ? &rec->slots[index] : record_slots(rec, index);
    return (span){rec->payload.at + s->offset, s->len};
}

// The part of a text field's bytes that is text.
span value_text_bytes(const field *f, span bytes, text_encoding encoding);

// The value of a field (no array, no struct) whose bytes are at hand.
void value_of(const field *f, span bytes, typed_value *out);

// The members of a struct, or the elements of an array, in order; nothing for other values. Members that the record
// does not show (paddings) are left out.
typedef struct value_walk {
    const record *rec;
    const field *next, *end; // of an array: always its field
    const slot *slots;
    const u8 *packed; // the next element of an array of values of one size; else NULL
    const char *const *texts;
    const u64 *numbers;
    u32 left; // elements
    bool elements, top;
} value_walk;

value_walk value_members(const typed_value *v);
bool value_next(value_walk *w, typed_value *out);

// ---------------------------------------------------------------------------------------------- fields by path

// "QueryName", "Struct.Member": found once for a plan, good for all its records. Names are compared exactly; where
// names have dots in them, the longest one that fits counts. An array on the way means each of its elements.
typedef struct value_path {
    u16 fields[LIMIT_NESTING + 1]; // indexes into plan.fields, from the top level down
    u8 depth;
    bool has_place; // the value is always in the same slot, `place`
    bool repeats;   // there is an array among the fields
    u32 place;
} value_path;

// False: no record of this plan has such a field.
MUST_USE bool value_path_find(const plan *p, const char *text, value_path *out);

// Calls `visit` with the path of every value of the plan's records that is no struct of its own (arrays are values), in
// the order of their fields, until it returns false. What records do not show is left out.
typedef bool value_leaf(void *context, const plan *p, const value_path *path);
void value_each_leaf(const plan *p, value_leaf *visit, void *context);

// The value at a path without arrays; VALUE_NULL where there is none in this record, or an array on the way. An array
// at its end is the value.
void value_at(const record *rec, const value_path *path, typed_value *out);

// The same by the path's text, for callers that look at few records; VALUE_NULL where the plan has no such field.
void record_value(const record *rec, const char *path, typed_value *out);

// Whether `visit` says true of any value at the path: of each element where there are arrays (and of none, where they
// are empty), of VALUE_NULL where the payload ended before it.
typedef bool value_visit(void *context, const typed_value *v);
bool value_any(const record *rec, const value_path *path, value_visit *visit, void *context);

// ---------------------------------------------------------------------------------------------- what a value is

static inline bool value_is_integer(const typed_value *v)
{
    return v->kind == VALUE_UNSIGNED || v->kind == VALUE_SIGNED || v->kind == VALUE_BOOL || v->kind == VALUE_TIME;
}

// What the field's value map calls its number; NULL: it has no name, or is several flags.
const char *value_name(const typed_value *v);

// How many slots a field takes from `first` on, its elements and members included.
u32 field_slots(const plan *p, const field *f, const slot *first);

#endif
