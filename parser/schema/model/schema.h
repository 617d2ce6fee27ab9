// Schemas: what the payload of an event class looks like, in TDH's terms, whatever place the description came from.
//
// Every decoding source (manifest, PE resource, TMF, MOF text, the trace itself, the kernel table, the cache) fills the
// same structs of this header into a schema_set; the plan compiler (decode/plan.h) reads nothing else. All text is
// UTF-8 and NUL-terminated; NULL means "has none". Everything reachable from a schema_set lives in its arena until
// schema_set_free.
#ifndef ETWKIT_SCHEMA_H
#define ETWKIT_SCHEMA_H

#include "base/arena.h"
#include "base/error.h"
#include "base/event_descriptor.h"
#include "base/guid.h"

typedef enum in_type {
#define IN(name, number, text, bytes, out) IN_##name = number,
#include "schema/model/types.def"
} in_type;

typedef enum out_type {
#define OUT(name, number, text) OUT_##name = number,
#include "schema/model/types.def"
} out_type;

// One row of types.def. NULL where the number is no in type.
typedef struct in_type_facts {
    const char *name; // as manifests write it, "win:UInt32"; "" for MOF-only types
    u16 number;
    i16 bytes; // 0 variable, -1 pointer
    u16 default_out;
} in_type_facts;

const in_type_facts *in_type_find(u16 number);
u8 in_type_alignment(u16 number, u16 bytes); // as C compilers for Windows align it, where it has so many bytes
const char *in_type_name(u16 number); // "UInt32", also for types that manifests have no name for; "?": no in type
MUST_USE bool in_type_from_name(const char *name, u16 *in);   // "win:UInt32"; case ignored, the prefix may be any
MUST_USE bool out_type_from_name(const char *name, u16 *out); // "xs:string", "win:HexInt32"; likewise
const char *out_type_name(u16 out);                           // "" for numbers that are none

// ---------------------------------------------------------------------------------------------- events

// `value` is as its source writes it: negative ones of 64 bits. Sources of 32-bit values (PE files, EVENT_MAP_INFO,
// MOF) cannot say whether one is negative; plan.c compares in the width of the field.
typedef struct map_entry {
    u64 value;
    const char *text;
} map_entry;

// EVENT_MAP_INFO: a value map names single values, a bit map names masks.
typedef struct value_map {
    const char *name;
    const map_entry *entries;
    u32 count;
    bool is_bitmap;
} value_map;

// The map with its values in the width of the field, whose own are compared unsigned: a source may write the same value
// with more bits than the field has, a negative one with their signs. What does not fit is no value of the field. What
// is a value of the field as it stands comes before what only has its bits: 255 of an unsigned byte before -1.
// A value map is put in order; of entries with one value the first stays.
const value_map *value_map_fitted(arena *a, const value_map *from, u32 bytes, bool is_signed);
const char *value_map_text(const value_map *map, u64 value); // of a fitted value map; NULL: it has none

// PROPERTY_FLAGS of tdh.h, then our own from 0x1000 on.
enum {
    PROP_STRUCT = 0x1,       // struct_start and struct_members are valid, in_type and out_type are not
    PROP_PARAM_LENGTH = 0x2, // length is the index of the property that holds the length
    PROP_PARAM_COUNT = 0x4,  // count is the index of the property that holds the count
    PROP_FIXED_LENGTH = 0x10,
    PROP_FIXED_COUNT = 0x20, // an array even where count is 1 (and an empty one where it is 0)
    PROP_HAS_TAGS = 0x40,
    PROP_COUNT_INLINE = 0x1000, // TraceLogging: a u16 count stands in the payload before the elements
    PROP_COUNT_REST = 0x2000,   // as many elements as the payload still holds (StackWalk frames)
    PROP_HIDDEN = 0x4000,       // located and checked but not part of a record's data (paddings of native structs)
    PROP_64_BIT_ONLY = 0x8000,  // only in payloads with 8-byte pointers: alignment of a native struct
    PROP_EMPTY = 0x10000,       // TraceLogging: a struct without members
    PROP_LZNT1 = 0x20000,       // PROP_COUNT_REST and the last: text in LZNT1, UTF-16 unless the out type says UTF-8
};

// EVENT_PROPERTY_INFO. Members of a struct stand anywhere in the same array as top-level properties do, after them.
// Length is in characters for UTF-16 strings and in bytes for everything else, 0 = by the in type's own rule.
typedef struct property {
    const char *name;
    u32 flags;
    u16 in_type, out_type;
    u16 count;                        // number of elements, or a property index; 1 for a scalar
    u16 length;                       // or a property index
    u16 struct_start, struct_members; // indexes into the event's property array
    const value_map *map;
    u32 tags;
} property;

// The column `schema` of a record, and the order in which equally trusted descriptions are preferred.
typedef enum schema_origin {
    ORIGIN_NONE,
    ORIGIN_TRACELOGGING,
    ORIGIN_EMBEDDED,
    ORIGIN_EVENTSOURCE,
    ORIGIN_MANIFEST,
    ORIGIN_WEVT,
    ORIGIN_KERNEL,
    ORIGIN_MOF,
    ORIGIN_WPP,
    ORIGIN_BUILTIN,
    ORIGIN_STRING,
} schema_origin;

const char *schema_origin_name(schema_origin origin); // "tracelogging", "wevt", … as contract and records say

// How an event names its schema.
typedef enum schema_key {
    KEY_MANIFEST, // provider, id, version
    KEY_CLASSIC,  // class GUID, opcode, version
    KEY_WPP,      // message GUID, message number (in descriptor.id)
} schema_key;

// Windows builds, both ends included.
typedef struct build_range {
    u32 first, last;
} build_range;

typedef struct event_schema {
    struct provider_schema *provider; // set by schema_add_event
    schema_key key;
    guid event_guid; // KEY_CLASSIC: the class GUID; KEY_WPP: the message GUID; else the task's GUID or zero
    event_descriptor descriptor;
    const char
        *event_name;    // the event's own name where the source has one (TraceLogging name, MOF class, symbol is none)
    const char *symbol; // what its source code calls the event, where that is not its name
    const char *task_name, *opcode_name, *level_name, *channel_name;
    const char *message;              // template with %1 %1!s! %n …; WPP templates are translated to the same form
    const char *const *keyword_names; // of descriptor.keyword, where the source names an event's own and not the
    u32 keyword_count;                // provider's (embedded schemas); descriptor.keyword 0: the mask is not known
    const property *properties;
    u16 property_count, top_count; // the first top_count are top level
    const build_range *builds;     // that have this description; none: the provider's
    u32 build_count;
    bool any_task, any_opcode; // the source has the name without a number: it holds for every number
    const char *wpp_function, *wpp_source, *wpp_level, *wpp_flags; // KEY_WPP only
} event_schema;

typedef struct schema_name {
    u64 value; // level, task, opcode | task << 16, channel, keyword mask
    const char *name;
    const char *message;
} schema_name;

typedef struct name_list {
    schema_name *items;
    u32 count, cap;
} name_list;

// How far a description is trusted; a smaller rank wins. The kernel table ranks with the trace itself: MOF texts lag
// after what kernels write (a sample's Count became two 16-bit fields without a new version).
typedef enum schema_rank { RANK_TRACE, RANK_USER, RANK_CACHE, RANK_BUILTIN } schema_rank;

// Who wrote a description into a trace, and when.
typedef struct schema_sender {
    u32 source, epoch; // number of the trace, and of the stretch of it within which facts are joined
    u32 process_id;
    i64 time;         // FILETIME
    i64 since, until; // the id was that process's; both 0: not known
} schema_sender;

// One provider as one file describes it. Several of the same GUID live side by side (two Windows versions, say).
typedef struct provider_schema {
    struct schema_set *set;
    guid id;
    const char *name;
    const char *path; // the file it came from, for people; NULL for built-in tables
    const char *message_file, *resource_file;
    schema_origin origin;
    schema_rank rank;
    u32 os_build; // Windows build it describes, 0 = not known
    name_list levels, tasks, opcodes, channels, keywords;
    value_map **maps;
    u32 map_count, map_cap;
    struct map *maps_by_name; // base/map.h
    event_schema **events;
    u32 event_count, event_cap;
    schema_sender *senders; // by source, process and time
    u32 sender_count, sender_cap;
    i64 *sent; // their times, in order
    bool sorted;
    bool adopted;                 // its lists belong to another set
    struct provider_schema *next; // same GUID, less trusted or added later
} provider_schema;

typedef struct schema_set schema_set;

schema_set *schema_set_new(void);
void schema_set_free(schema_set *set);
arena *schema_arena(schema_set *set);

// A new, empty description. Name and path are copied.
provider_schema *schema_add_provider(schema_set *set, const guid *id, const char *name, schema_origin origin,
                                     schema_rank rank, const char *path);
void schema_add_name(provider_schema *p, name_list *list, u64 value, const char *name, const char *message);
// Notes one more sender of a description; beyond LIMIT_MANIFEST_SENDERS none.
void schema_add_sender(provider_schema *p, const schema_sender *sender);
// When the process of an event last sent the description before it, or else first after it. NULL: it did not.
const schema_sender *schema_find_sender(const provider_schema *p, const schema_sender *event);
// Tells of each sender of any description whose id that was, before the set is frozen; then schema_sent_beside knows.
void schema_settle_senders(schema_set *set, void (*tell)(void *context, schema_sender *sender), void *context);
// How long before or after an event any process sent the description.
u64 schema_sent_beside(const provider_schema *p, i64 time);
const schema_name *schema_find_name(const name_list *list, u64 value); // NULL: not there
// Entries without a text are left out: their number says more.
value_map *schema_add_map(provider_schema *p, const char *name, bool is_bitmap, const map_entry *entries, u32 count);
// What %%1833 and its like mean in values of the provider's events: a map of that name, by number. NULL: not known.
#define SCHEMA_PARAMETERS "%%"
const value_map *schema_parameters(const schema_set *set, const guid *id);
void schema_list_map(provider_schema *p, value_map *added); // one that was made elsewhere; of a name the first is found
const value_map *schema_find_map(const provider_schema *p, const char *name);
// The event's memory and everything it points to must already belong to the set's arena. Refused (false, counted in
// the provider's set) where an index, count or nesting of its properties does not hold: see schema_event_valid.
bool schema_add_event(provider_schema *p, event_schema *event);
// The same, unless it has added an event of that provider, descriptor, class GUID and number of properties before.
bool schema_add_once(provider_schema *p, event_schema *event);
MUST_USE bool schema_event_valid(const event_schema *event, error *e);

// All descriptions of a provider (for KEY_CLASSIC and KEY_WPP events too: by the provider's GUID), most trusted first.
provider_schema *schema_providers(const schema_set *set, const guid *id);
// Every description in the set, in the order they were added: call with *at = 0 until it returns NULL.
provider_schema *schema_each(const schema_set *set, u32 *at);
// Puts a description's events in the order of id and version, equals as they were added. A look-up does this to what it
// meets for the first time; call it before several threads look up at once.
void schema_sort(provider_schema *p);

// Ends fetching and puts everything in order: from now on look-ups change nothing, so that any number of threads may
// make them. Nothing may be added any more.
void schema_freeze(schema_set *set);

// What is known for an event, best first: exact version before nearest version, trusted before less trusted, nearer OS
// build before farther. Returns how many of `room` were filled. `exact` of a find says whether the version matched.
typedef struct schema_find_result {
    const event_schema *event;
    bool exact;
} schema_find_result;

u32 schema_find(const schema_set *set, schema_key key, const guid *id, const event_descriptor *descriptor, u32 os_build,
                schema_find_result *out, u32 capacity);

// Makes what `from` knows of a GUID, of a provider or of classic events and messages, known here as well. Nothing is
// copied: `from` must outlive the set, and nothing of that GUID may be added to it any more.
void schema_adopt(schema_set *set, schema_set *from, const guid *id);

// Called by schema_providers/schema_find the first time a GUID is asked for, so that a cache reads only what a trace
// names. NULL switches it off.
void schema_set_fetch(schema_set *set, void (*fetch)(void *context, schema_set *set, const guid *id), void *context);

// ---------------------------------------------------------------------------------------------- sources

// What loading files came to. Notes are sentences for a person ("x.man: event 7: unknown inType win:Foo"), at most
// SCHEMA_NOTES of them are kept.
enum { SCHEMA_NOTES = 64 };
typedef struct schema_load {
    u32 files, providers, events, maps;
    u32 refused; // described but not usable
    u32 note_count;
    char *notes[SCHEMA_NOTES];                                    // heap; schema_load_free
    void (*on_file)(void *context, const char *path, span bytes); // for each file that described something; or NULL
    void *context;
} schema_load;

void schema_load_note(schema_load *load, const char *format, ...) PRINTF_LIKE(2, 3); // counts as refused
void schema_load_free(schema_load *load);

// A decoding source that is a file. `recognise` looks at the first bytes (at most 4 KiB) and the name; `load` gets all
// bytes and adds what it finds to the set. False from load: nothing usable, the error says why in one sentence.
typedef struct schema_source {
    const char *name;
    bool (*recognise)(span head, const char *path);
    bool (*load)(schema_set *set, span bytes, const char *path, schema_rank rank, schema_load *load, error *e);
} schema_source;

extern const schema_source *const schema_sources[]; // NULL-terminated; a new source is one file and one line here

// A file met on a walk: one no source recognises is passed over (false), one that cannot be used becomes a note
// (false).
bool schema_load_found(schema_set *set, const char *path, schema_rank rank, schema_load *load);

// Calls visit for a file, or for all files below a folder in byte order of names; links that lead back up are not
// followed. Folders that cannot be read become notes. False: the path itself is a folder that cannot be read.
MUST_USE bool schema_walk(const char *path, bool (*visit)(void *context, const char *file), void *context,
                          schema_load *load, error *e);

// A file, or a folder walked to its leaves (files no source recognises are passed over). False: the path cannot be
// read, or it is a single file nothing recognises.
MUST_USE bool schema_load_path(schema_set *set, const char *path, schema_rank rank, schema_load *load, error *e);

#endif
