// A plan: the schema of one event class, compiled for one pointer size into a flat table the decoder runs.
//
// Everything that does not depend on a payload is settled here once: sizes, offsets of the fixed prefix, how a value is
// shown, unique names, the message template cut into pieces. Fields stand in the schema's property order, so a
// property index is a field index. A plan never changes after plan_compile and is read by all threads.
#ifndef ETWKIT_PLAN_H
#define ETWKIT_PLAN_H

#include "base/text.h"
#include "schema/model/schema.h"

// How a value is found in the payload.
typedef enum wire_form {
    WIRE_FIXED, // `bytes` bytes
    WIRE_UTF16, // to the NUL and with it, or to the end of the payload
    WIRE_ANSI,
    WIRE_BY_FIELD,   // `unit` times the value of field `length_field`
    WIRE_COUNTED,    // u16 byte length in front
    WIRE_COUNTED_BE, // the same, big-endian
    WIRE_COUNTED32,  // u32 byte length in front
    WIRE_SID,
    WIRE_WBEM_SID, // four zero bytes, or a TOKEN_USER of two pointers and a SID
    WIRE_REST,     // all that is left but for `bytes`
    WIRE_UNKNOWN,  // of unknown size: what follows cannot be found
    WIRE_STRUCT,   // the members, one after the other
} wire_form;

// How often.
typedef enum count_form {
    COUNT_ONE,
    COUNT_FIXED,
    COUNT_BY_FIELD,
    COUNT_INLINE, // u16 before the elements
    COUNT_REST,   // as many as there are bytes for
} count_form;

// How a value is shown.
typedef enum show_form {
    SHOW_NOTHING,
    SHOW_UNSIGNED,
    SHOW_SIGNED,
    SHOW_HEX, // "0x1A"
    SHOW_BOOL,
    SHOW_F32,
    SHOW_F64,
    SHOW_UTF16,
    SHOW_ANSI,
    SHOW_UTF8,
    SHOW_CHAR16,
    SHOW_CHAR8,
    SHOW_BYTES, // "0x3EAF"
    SHOW_GUID,
    SHOW_SID,
    SHOW_FILETIME,
    SHOW_SYSTEMTIME,
    SHOW_PORT,
    SHOW_IPV4,
    SHOW_IPV6,
    SHOW_SOCKADDR,
    SHOW_WIN32_ERROR,
    SHOW_NTSTATUS,
    SHOW_HRESULT,
    SHOW_MAP, // by `map`; a value it does not hold is shown as `unmapped` says
    SHOW_STRUCT,
} show_form;

// Where text that has a length ends.
typedef enum text_ending {
    END_AS_LOGGED,
    END_TRIMMED,   // a length of the payload: NULs at its end are no text, others are
    END_FIRST_NUL, // a length of the schema: as in C, nothing behind its first NUL
} text_ending;

// How one value is written: the frequent forms by their size too, so that the renderer decides once.
typedef enum value_writer {
    WRITE_BY_SHOW, // all others
    WRITE_U8,
    WRITE_U16,
    WRITE_U32,
    WRITE_U64,
    WRITE_I8,
    WRITE_I16,
    WRITE_I32,
    WRITE_I64,
    WRITE_HEX8,
    WRITE_HEX16,
    WRITE_HEX32,
    WRITE_HEX64,
    WRITE_UTF16,
} value_writer;

// Text with TEXT_PADDING bytes after it that may be read (base/text_put.h).
typedef struct plan_text {
    const char *text;
    u32 len;
} plan_text;

typedef struct field {
    plan_text json_key;                  // ,"name": with comma, quotes, colon and escapes
    plan_text csv_key;                   // the same inside a quoted CSV cell
    u32 bound;                           // bytes of one value as text in any form, besides six for each of its own
    u32 element_text;                    // the same of one element with all keys in it; of a struct and of an array
    u8 writer;                           // value_writer of one value
    bool single;                         // no array, no struct
    bool silent;                         // no member of the record's data
    u8 wire, count_form, show, unmapped; // wire_form, count_form, show_form, show_form
    const char *name;                    // unique among its siblings
    u8 unit;                             // bytes of a length unit: 2 for UTF-16
    bool hidden;                         // located, not shown
    bool referenced;                     // a later field takes its length or count from this one
    u8 text_end;                         // text_ending
    bool characters;                     // an array of characters: one text
    bool local;                          // a time of the machine's time zone, by its name
    u16 bytes;                           // WIRE_FIXED: of one element; WIRE_REST: of the fields after it
    u8 alignment;                        // of its native type, in bytes
    u16 count;                           // COUNT_FIXED: the number; COUNT_BY_FIELD: the field
    u16 length_field;
    u16 first_member, member_count;
    u16 run_fields; // top level: how many fields from this one on are single, of fixed size and not referenced,
    u32 run_bytes;  // and their bytes together
    u16 in_type, out_type;
    const value_map *map;
} field;

// Where a value lies in the payload. An array of values of variable size, and an array of structs, has one slot with
// its element count in `len` (offset SLOT_COUNT), then the slots of its elements.
typedef struct slot {
    u32 offset, len;
} slot;
static const u32 SLOT_COUNT = UINT32_MAX;

// What a WPP message may insert of the record's header: the numbers are WPP's own.
typedef enum message_own {
    OWN_NOTHING,
    OWN_THREAD = 3,
    OWN_TIME,
    OWN_KERNEL_TIME,
    OWN_USER_TIME,
    OWN_SEQUENCE,
    OWN_PROCESS,
    OWN_PROCESSOR,
} message_own;

// A piece of a message: literal text, then the value of a top-level field (or none).
typedef struct message_piece {
    plan_text text, json;    // json: as the inside of a JSON string
    i32 field;               // -1: text only, or `own`
    u8 own;                  // message_own
    bool named;              // a status code with its name, as WPP's formatter writes it
    const number_form *form; // printf conversion of a WPP message, NULL where the field's own form is meant
} message_piece;

enum { PLAN_NO_TEXT = UINT16_MAX };

typedef struct plan {
    const event_schema *schema;
    const field *fields;
    u32 field_count, top_count;
    u32 prefix_count, prefix_bytes; // top-level fields of fixed place and size, and their bytes together
    u32 padding; // bytes a compiler appends to the native struct, which may or may not have been logged with it
    const slot *prefix_slots;
    bool prefix_referenced;  // a later field takes its length or count from one of them
    bool all_fixed;          // the prefix is everything: a payload fits exactly when its length is prefix_bytes
    bool is_64_bit;          // pointers have 8 bytes
    bool inflates;           // the last field is packed text: decoder_inflate
    bool takes_what_is_left; // a value of unknown size does: a payload of any length fits, which proves nothing
    bool has_pointer;        // the other pointer size would make another plan
    bool one_slot_each;      // slot i belongs to top-level field i
    u16 first_text; // top-level field: the first UTF-16 text, where its slot has the same number; else PLAN_NO_TEXT
    u32 data_bound; // bytes of all keys and single values, besides six for each byte of the payload
    // What keeps a record's text within LIMIT_RECORD_TEXT, whatever schema and payload claim:
    u32 payload_end;   // payloads of so many bytes or more are not decoded
    u32 elements_text; // and no field with which the elements of arrays and structs would take more than this
    const message_piece *message;
    u32 message_count;
} plan;

// Compiled into `a`; NULL and one sentence where the schema does not hold together (sources have checked it before).
const plan *plan_compile(arena *a, const event_schema *schema, bool is_64_bit, error *e);

// A hash of where values stand and of what limits their text: plans of the same come as far in any payload.
u64 plan_layout(const plan *p);

#endif
