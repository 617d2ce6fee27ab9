// Instrumentation manifests in memory: the tree schema_manifest.c reads from XML, and what turns it into schemas.
//
// Only the elements and attributes that describe events are kept; everything else of a component manifest is passed
// over while reading. Element and attribute names: eventman.xsd of the Windows SDK, learn.microsoft.com "Event Manifest
// Schema". Used by schema_manifest.c, manifest_*.c and eventsource.c.
#ifndef ETWKIT_MANIFEST_H
#define ETWKIT_MANIFEST_H

#include "schema/model/schema.h"

typedef enum manifest_tag {
    TAG_NONE,
    TAG_CONTAINER, // elements that only group others: instrumentation, events, localization …
    TAG_PROVIDER,
    TAG_CHANNELS,
    TAG_CHANNEL,
    TAG_IMPORT_CHANNEL,
    TAG_LEVELS,
    TAG_LEVEL,
    TAG_KEYWORDS,
    TAG_KEYWORD,
    TAG_TASKS,
    TAG_TASK,
    TAG_OPCODES,
    TAG_OPCODE,
    TAG_MAPS,
    TAG_VALUE_MAP,
    TAG_BIT_MAP,
    TAG_MAP,
    TAG_TEMPLATES,
    TAG_TEMPLATE,
    TAG_DATA,
    TAG_STRUCT,
    TAG_EVENTS, // both the list of providers and the list of events are called so
    TAG_EVENT,
    TAG_RESOURCES,
    TAG_STRING_TABLE,
    TAG_STRING,
} manifest_tag;

typedef enum manifest_attribute {
    ATTR_NONE,
    ATTR_NAME,
    ATTR_GUID,
    ATTR_SYMBOL,
    ATTR_MESSAGE,
    ATTR_RESOURCE_FILE,
    ATTR_MESSAGE_FILE,
    ATTR_SOURCE,
    ATTR_VALUE,
    ATTR_VERSION,
    ATTR_LEVEL,
    ATTR_OPCODE,
    ATTR_TASK,
    ATTR_KEYWORDS,
    ATTR_CHANNEL,
    ATTR_TEMPLATE,
    ATTR_MASK,
    ATTR_CHID,
    ATTR_EVENT_GUID,
    ATTR_TID,
    ATTR_IN_TYPE,
    ATTR_OUT_TYPE,
    ATTR_MAP,
    ATTR_LENGTH,
    ATTR_COUNT,
    ATTR_TAGS,
    ATTR_ID,
    ATTR_CULTURE,
    ATTR_BUILD, // etwkit:build
} manifest_attribute;

typedef struct manifest_node {
    manifest_tag tag;
    u32 line;
    u32 attribute_count;
    const struct manifest_pair {
        manifest_attribute id;
        const char *text;
    } * attributes;
    struct manifest_node *parent, *first, *last, *next;
} manifest_node;

manifest_tag manifest_tag_of(const char *name);                                   // a namespace prefix is ignored
manifest_attribute manifest_attribute_of(const char *name);                       // ATTR_NONE: of no interest
const char *manifest_attr(const manifest_node *node, manifest_attribute id);      // NULL: not there
const manifest_node *manifest_child(const manifest_node *node, manifest_tag tag); // the first, or NULL
const manifest_node *manifest_next(const manifest_node *node, manifest_tag tag);  // the next sibling, or NULL

// Decimal or 0x hexadecimal, blanks around allowed, "-1" gives all ones. False: something else, or over 64 bits.
MUST_USE bool manifest_number(const char *text, u64 *value);

// Names to things, sorted once and then searched: time stays bounded whatever names a file chooses.
typedef struct manifest_index {
    struct manifest_entry {
        const char *key;
        u32 order; // among equal keys the smallest is found
        void *value;
    } * items;
    u32 count, cap;
} manifest_index;

void manifest_index_add(manifest_index *index, const char *key, u32 order, void *value);
void manifest_index_sort(manifest_index *index);
struct manifest_entry *manifest_index_find(const manifest_index *index, const char *key); // NULL: not there
void manifest_index_free(manifest_index *index);

// Where a manifest goes and how it is trusted.
typedef struct manifest_target {
    schema_set *set;
    schema_origin origin; // ORIGIN_EVENTSOURCE: symbols are event names
    schema_rank rank;
    const char *path;  // NULL: none
    const char *label; // what notes call it
    const guid *only;  // providers with another GUID are refused; NULL: all are welcome
    schema_load *load; // may be NULL
} manifest_target;

// One XML document. False: no provider came of it; e says why, with a line number.
bool manifest_load(const manifest_target *to, span bytes, error *e);

// "label: line N: …" into the target's notes.
void manifest_note(const manifest_target *to, u32 line, const char *format, ...) PRINTF_LIKE(3, 4);

// The string tables of a document, en-US before other English before the first in the file.
typedef struct manifest_strings {
    manifest_index index;
    arena *keep; // where texts that are used are copied to
    u32 missing; // references that named no string
} manifest_strings;

manifest_strings manifest_strings_of(const manifest_target *to, const manifest_node *root, arena *scratch);
// "$(string.ID)" becomes the text of ID, anything else stays as it is; blanks at the end are cut. NULL: nothing to
// show.
const char *manifest_text_of(manifest_strings *strings, const char *raw);
// A copy without blanks at its end, cut at `limit` bytes but not inside a character. NULL where nothing is left.
const char *manifest_keep(arena *keep, const char *text, size_t limit);

// The parts, in their files.
u32 manifest_compile(const manifest_target *to, const manifest_node *root, arena *scratch); // providers added

typedef struct manifest_layout {
    const property *properties;
    u16 count, top_count;
} manifest_layout;

// A template's properties. What cannot be laid out (an unknown in type, a length that names no field) ends the layout
// before it, with a note: nothing after it can be located.
manifest_layout manifest_layout_of(const manifest_target *to, const manifest_node *template_node,
                                   const manifest_index *maps, arena *scratch);

#endif
