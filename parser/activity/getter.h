// Values of an event by the names that others have for them: where each comes from is said in the table of activities
// (activities.def), and found out for each event class once.
#ifndef ETWKIT_GETTER_H
#define ETWKIT_GETTER_H

#include "correlate/correlate.h"
#include "decode/value.h"

typedef enum getter_kind {
    GET_UNKNOWN, // events of this kind do not record it
    GET_NULL,    // they show all they have, and have no such field
    GET_TEXT,
    GET_FIELD,
    GET_PROCESS,
    GET_LOADED, // what the image of a load says of itself
    GET_FILE,
    GET_KEY,
    GET_KEY_FIELD, // `field` of it, or where `else_field`, instead of it
    GET_HOST,
    GET_ALL, // all fields of the payload, a line each; those that may have words where `words`
} getter_kind;

typedef enum getter_shape {
    SHAPE_PLAIN,
    SHAPE_PATH,
    SHAPE_KEY,
    SHAPE_PIPE,
    SHAPE_HEX,
    SHAPE_DATA,
    SHAPE_TEXT,
    SHAPE_VERB,
} getter_shape;

typedef enum life_fact {
    FACT_IMAGE,
    FACT_COMMAND_LINE,
    FACT_USER,
    FACT_NAME,
    FACT_ID,
    FACT_PARENT, // its id
    FACT_PARENT_IMAGE,
    FACT_PARENT_COMMAND_LINE,
    FACT_ORIGINAL_NAME,
    FACT_DESCRIPTION,
    FACT_VERSION,
    FACT_PRODUCT,
    FACT_COMPANY,
} life_fact;

typedef struct getter {
    getter_kind kind;
    getter_shape shape;
    life_fact fact;
    bool else_field;
    bool own; // GET_PROCESS: of the process the event happened in
    bool words;
    bool as_sysmon;    // keys and data of the registry are written as Sysmon writes them
    const char *text;  // of GET_TEXT
    const char *field; // of the payload
    value_path *paths; // by plan of the class
    bool *has_path;    // likewise
} getter;

// For `name` in `fields`, a text of the table's form.
void getter_make(arena *a, const event_class *cls, const char *fields, const char *name, getter *out);

// For a fact of the process an event happened in: "path", "command_line", "parent.path" …; false: there is no such
// fact. Needs no correlator.
bool getter_of_process(const char *fact, getter *out);

// The source of a name in such a text: "name=source"; false: it is not there.
typedef struct source_word {
    const char *at;
    size_t len;
} source_word;
bool find_source(const char *fields, const char *name, source_word *out);

typedef enum got_kind {
    GOT_UNKNOWN, // not recorded: by no event of this kind, or not by this one
    GOT_NULL,    // the event has no such field, or an empty one
    GOT_TEXT,
} got_kind;

typedef struct got_value {
    got_kind kind;
    bool has_number, tail; // tail: the end of a path whose beginning is not known
    size_t at, len;        // in the scratch's text, as an offset: it may move
    double number;
    bool is_whole;
    u64 whole; // the same exactly; of negative ones modulo 2^64
} got_value;

// What one thread needs; all zero is a valid empty one.
typedef struct getter_scratch {
    outbuf text; // appended to
    outbuf one;
} getter_scratch;
void getter_scratch_free(getter_scratch *scratch);

void getter_get(const correlator *c, const getter *g, const record *rec, getter_scratch *scratch, got_value *out);
// What the value is made of, where many records have the same: equal sources give equal texts. False: it is to be made.
typedef struct getter_source {
    span bytes; // of the payload, or of `kept`
    u64 with;   // what else decides
    const char *kept;
} getter_source;
bool getter_get_source(const correlator *c, const getter *g, const record *rec, getter_source *out);

// Whether a field, or any field of the class's events, is shown as more than numbers, times and addresses.
bool getter_field_has_words(const field *f);
bool getter_class_has_words(const event_class *cls);

// Whether events of the record's layout have the field at all.
bool getter_has_field(const getter *g, const record *rec);
// The number of a payload's field; false: it has none.
bool getter_number(const getter *g, const record *rec, u64 *out);

// The field itself, and its value; false: no layout of the class, or not this event, has it.
bool getter_of_field(arena *a, const event_class *cls, const char *name, getter *out);
bool getter_value(const getter *g, const record *rec, typed_value *out);

#endif
