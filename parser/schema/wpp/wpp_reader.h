// Lines of TMF text to events: the state between the lines, and what was met so far.
//
// Internal to the WPP sources. Slices in here lie in the text being read, which has to outlive the reading; what ends
// up in the set is copied into its arena.
#ifndef ETWKIT_WPP_READER_H
#define ETWKIT_WPP_READER_H

#include "base/map.h"
#include "schema/wpp/wpp.h"

// What was met so far. Entries live in the set's arena.
typedef struct wpp_table {
    map by_key;
    void **entries;
    u32 count, cap;
} wpp_table;

typedef struct wpp_section { // a message GUID
    guid id;
    const char *component, *source;
    provider_schema *provider; // NULL until it has a message
} wpp_section;

typedef struct wpp_enum { // an #enumv table
    span name;
    const map_entry *entries;
    u32 count;
} wpp_enum;

typedef struct wpp_map { // a value map of one provider
    const provider_schema *provider;
    span text;
    const value_map *map;
} wpp_map;

typedef struct wpp_parameter {
    span name, item;
    u16 index;
} wpp_parameter;

// A #typev line. Several may share the parameters that follow.
typedef struct wpp_head {
    span tag, format, comment;
    u16 number;
} wpp_head;
enum { WPP_HEADS = 64 }; // with the same parameters; a file that has more was not made by a compiler

typedef enum wpp_place { PLACE_OUTSIDE, PLACE_BEFORE_BRACE, PLACE_IN_MESSAGE, PLACE_IN_ENUM } wpp_place;

typedef struct wpp_reader {
    schema_set *set;
    arena *arena;
    const char *path;
    schema_rank rank;
    schema_load *load;
    wpp_table sections, enums, maps, messages;
    wpp_section *section; // of the last GUID line, NULL where the file has too many
    wpp_trailer guid_trailer;
    u32 event_count, control_count, map_entries;
    bool sections_over, maps_over; // said once

    wpp_place place;
    wpp_head heads[WPP_HEADS]; // of the message being read
    u32 head_count;
    wpp_head head;             // the one being read or made an event of
    span function;             // the one a PDB file says the message stands in; may be empty
    wpp_parameter *parameters; // LIMIT_PROPERTIES of them
    span *specs;               // by parameter number less the first
    u32 parameter_count;
    bool parameters_end; // one could not be read; those after it cannot be placed
} wpp_reader;

void wpp_reader_open(wpp_reader *r, schema_set *set, const char *path, schema_rank rank, schema_load *load);
void wpp_reader_close(wpp_reader *r);

// One line, trimmed and not empty, of at most LIMIT_TMF_LINE_BYTES bytes without NULs; comments left out. Enum tables
// must have been handed in before the messages that use them; their own lines are passed over here.
void wpp_reader_line(wpp_reader *r, span line);
// The end of a file or annotation: notes a message that is not complete.
void wpp_reader_end(wpp_reader *r);

bool wpp_is_typev(span line);
bool wpp_is_brace(span line, char brace); // alone, or with a comment after it
// The end of a format string in what follows its first quote, which has no blanks at its end: the last quote with a
// comment after it, else the last quote.
bool wpp_closing_quote(span quoted, size_t *at);

// An #enumv table: the name is a slice of the text, entries are copied. The first of a name is kept.
void wpp_reader_add_enum(wpp_reader *r, span name, const map_entry *entries, u32 count);
// A control GUID with its name and the names of its flags, lowest bit first.
void wpp_reader_add_control(wpp_reader *r, const guid *id, span name, const span *flags, u32 flag_count);

// A copy in the set's arena, cut at LIMIT_NAME_BYTES; NULL where it is empty.
const char *wpp_reader_copy(const wpp_reader *r, span s);

#endif
