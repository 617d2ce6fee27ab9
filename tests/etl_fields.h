// The field language, and the three forms in which Windows describes the same fields: TraceLogging metadata,
// TRACE_EVENT_INFO and EVENT_MAP_INFO.
//
//   fields={ u32 A; u32:hex B; wstr(10) C; u16[3] D; i32[] E; u16[Count] F; bin(Length) G; u8@MapName H;
//            struct S { wstr X; u64 Y }; struct[2] T { … }; struct[] U { … } ; u32 V ~0x5 }
//
// type(length)@map:out[count] name ~tags, in this order; length and count are numbers or names of other fields (names
// only in TRACE_EVENT_INFO). Types: null wstr astr i8 u8 i16 u16 i32 u32 i64 u64 f32 f64 bool bin guid ptr filetime
// systemtime sid x32 x64 cwstr castr cbin, or inN for any TDH number. Outs: see the table in etl_fields.c, or outN.
#ifndef ETWKIT_TESTS_ETL_FIELDS_H
#define ETWKIT_TESTS_ETL_FIELDS_H

#include "etl_words.h"

typedef struct field {
    const char *name, *length, *count, *map; // NULL: not given; count "": as many as the payload says
    u16 in, out;                             // TDH numbers
    u8 tl_out;                               // TraceLogging's number of the same out type
    bool is_array, has_tags, is_struct;
    u32 tags;
    struct field *members, *next;
    u16 index; // in TRACE_EVENT_INFO's array
} field;

// `text` with its braces, or NULL for no fields.
bool fields_parse(const char *text, field **out, arena *memory, error *e);

// u16 size, tags, name, fields: the data of an item of type 11.
bool fields_to_tracelogging(outbuf *to, const char *event_name, u32 tags, const field *fields, error *e);
// u16 size, name, traits: the data of an item of type 12. group may be NULL.
void traits_put(outbuf *to, const char *provider, const guid *group);

typedef struct event_info {
    guid provider, event_guid;
    u16 id, task;
    u8 version, channel, level, opcode;
    u64 keyword;
    u32 source; // DECODING_SOURCE
    const char *provider_name, *level_name, *channel_name, *keyword_names, *task_name, *opcode_name, *message,
        *event_name; // keyword_names: "A,B"
    u32 flags;
    bool is_32_bit; // of the process the schema was collected for
} event_info;

bool fields_to_event_info(outbuf *to, const event_info *info, field *fields, arena *memory, error *e);
// The payload of an EventMapInfo record: provider GUID, then EVENT_MAP_INFO. entries={1="one" 2="two"}.
bool map_info_put(outbuf *to, const guid *provider, const char *name, bool bitmap, const char *entries, arena *memory,
                  error *e);

#endif
