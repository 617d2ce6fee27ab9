// The columns of the normalized record (columns.def): by number, by name, as typed values and as text.
//
// Outputs that write all columns of many records expand columns.def themselves, with a function for each type; this
// header has what they share. Whoever wants single columns of single records asks column_value or column_text.
#ifndef ETWKIT_COLUMNS_H
#define ETWKIT_COLUMNS_H

#include "decode/payload_text.h"
#include "decode/render.h"

typedef enum column_id {
#define COLUMN(name, type, scope, has, value) COLUMN_##name,
#include "decode/columns.def"
    COLUMN_COUNT, // of those in the outputs
    COLUMN_LAST = COLUMN_COUNT - 1,
#define FACT(name, type, scope, has, value) FACT_##name,
#include "decode/columns.def"
    COLUMN_FACTS, // with facts
} column_id;

typedef enum column_type {
    TYPE_NUMBER,
    TYPE_FLAGS,
    TYPE_TIME,
    TYPE_GUID,
    TYPE_TEXT,
    TYPE_TEXTS,
    TYPE_ORIGIN,
    TYPE_STATE,
    TYPE_SID,
    TYPE_BYTES,
    TYPE_VALUE,
    TYPE_MESSAGE,
    TYPE_DATA,
    TYPE_STACK,
    TYPE_EXTENDED,
} column_type;

typedef enum column_scope { SCOPE_CLASS, SCOPE_PLANNED, SCOPE_SOURCE, SCOPE_HOST, SCOPE_RECORD } column_scope;

typedef struct column_facts {
    const char *name;
    column_type type;
    column_scope scope;
    bool always; // no record is without
} column_facts;

extern const column_facts column_table[COLUMN_FACTS];

// By name, in any case. False: there is none.
MUST_USE bool column_find(const char *name, size_t len, column_id *id);

// The value; VALUE_NULL where the record has none. Messages and extended items are written to `scratch` for it, whose
// earlier contents are lost.
void column_value(column_id id, const record *rec, outbuf *scratch, typed_value *out);

// Appends the value as CSV shows it, without quotes; or as a JSON value. False, and nothing is written, where there is
// none.
bool column_text(column_id id, const record *rec, outbuf *out);
bool column_json(column_id id, const record *rec, outbuf *out);

// ---------------------------------------------------------------------------------------------- for columns.def

#define ALWAYS true
#define IF(condition) (condition)

typedef struct column_texts {
    const char *const *list;
    u32 count;
} column_texts;

static inline column_texts column_keyword_names(const record *rec)
{
    return (column_texts){rec->cls->keyword_names, rec->cls->keyword_count};
}

enum { ORIGIN_COUNT = ORIGIN_STRING + 1 };

// Where this record's decode came from. Descriptions of one class may come from different sources.
static inline schema_origin column_origin(const record *rec)
{
    if (!rec->plan)
        return ORIGIN_NONE;
    const provider_schema *provider = rec->plan->schema ? rec->plan->schema->provider : NULL;
    schema_origin origin = provider ? provider->origin : rec->cls->origin;
    return (unsigned)origin < ORIGIN_COUNT ? origin : ORIGIN_NONE;
}

// Whether it was decoded by the description of another version because its own has none.
static inline bool column_is_other_version(const record *rec)
{
    return rec->plan && !rec->cls->exact_version && rec->plan->schema &&
           rec->plan->schema->descriptor.version != rec->cls->descriptor.version;
}

// Of extended data items.
const u8 *column_related_activity(const record *rec); // NULL: none
span column_user_sid(const record *rec);              // empty: none

// ---------------------------------------------------------------------------------------------- for outputs

static const u8 COLUMN_SCOPES[] = {
#define COLUMN(name, type, scope, has, value) SCOPE_##scope,
#include "decode/columns.def"
};

// For numbers known to the compiler the answers are known to it as well.
ALWAYS_INLINE bool column_is_of_class(column_id id)
{
    return COLUMN_SCOPES[id] == SCOPE_CLASS || COLUMN_SCOPES[id] == SCOPE_PLANNED;
}

ALWAYS_INLINE bool column_is_of_source(column_id id)
{
    return COLUMN_SCOPES[id] == SCOPE_SOURCE;
}

// Bytes that a value of each type takes at most with quotes and separators, besides what render_bound counts and what
// is reserved while it is written.
enum {
    COLUMN_BOUND_NUMBER = 24,
    COLUMN_BOUND_FLAGS = 24,
    COLUMN_BOUND_TIME = 40,
    COLUMN_BOUND_GUID = 44,
    COLUMN_BOUND_TEXT = 8,
    COLUMN_BOUND_TEXTS = 8,
    COLUMN_BOUND_ORIGIN = 64,
    COLUMN_BOUND_STATE = 64,
    COLUMN_BOUND_SID = 8,
    COLUMN_BOUND_BYTES = 8,
    COLUMN_BOUND_VALUE = 8,
    COLUMN_BOUND_MESSAGE = 8,
    COLUMN_BOUND_DATA = 8,
    COLUMN_BOUND_STACK = 8,
    COLUMN_BOUND_EXTENDED = 8,
};

// Of all columns of a record and their names.
enum {
    COLUMN_BOUND = 0
#define COLUMN(name, type, scope, has, value) +COLUMN_BOUND_##type + (int)sizeof(#name) + 4
#include "decode/columns.def"
};

#endif
