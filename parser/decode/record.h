// The boundary between reading and exporting: one event with everything that is known of it.
//
// A record borrows all it points to: the class and plan live as long as the session, payload and slots until the
// exporter's render returns.
#ifndef ETWKIT_RECORD_H
#define ETWKIT_RECORD_H

#include "base/limits.h"
#include "container/event.h"
#include "decode/decode.h"

// Facts that all events of a class share. The class is the provider, the whole descriptor, the pointer size and, for
// TraceLogging, the metadata bytes: so that names, keyword texts and literals are prepared once. Classes are numbered
// from 0 without gaps; the table is closed before the first record is rendered.
enum { CLASS_PLANS = 3 * LIMIT_CANDIDATES }; // of both pointer sizes, and with a tail

typedef struct event_class {
    u32 index;
    guid provider_id;            // for classic events the class GUID
    event_descriptor descriptor; // the level of a WPP message is its description's: their headers have none
    header_kind kind;            // of the first event seen
    bool classic, is_64_bit, string_only, forwarded_xml, message;
    u16 hook;      // kernel events, else 0
    span metadata; // TraceLogging schema, else empty
    u64 events;    // counted by the survey

    // Named from the description of plans[0]; NULL where nothing says it.
    const char *provider, *event_name, *task_name, *opcode_name, *level_name, *channel_name;
    const char *const *keyword_names;
    u32 keyword_count;
    schema_origin origin;
    const plan *plans[CLASS_PLANS];
    u32 plan_count;                         // 0: raw
    const struct event_class *const *named; // by plan: the class whose names fit it; NULL: this one's fit all
    bool made;                              // for such names, with these plans alone; no event is looked up by it
    bool by_sender;     // several processes sent descriptions of it: that of an event's own process comes first
    bool exact_version; // false: plans[0] describes another version of the event

    const value_map *parameters; // of its provider: schema_parameters

    const char *own_provider; // as its events themselves name it; NULL: they do not
} event_class;

typedef enum record_state { RECORD_DECODED, RECORD_PARTIAL, RECORD_RAW } record_state;
enum { RECORD_STATES = RECORD_RAW + 1 };

const char *record_state_name(record_state state); // "decoded", "partial", "raw"

// Where a return address lies: `offset` bytes after the start of a function, or the base of a module. Neither known:
// offset is the address.
typedef struct stack_frame {
    const char *module;   // file name; NULL: in none
    const char *function; // UTF-8; NULL: unknown
    u64 offset;
} stack_frame;

typedef struct record {
    u64 number; // 1, 2, 3 … over the whole output
    i64 time;   // FILETIME, UTC
    const event *event;
    const event_class *cls; // whose names its plan's description gives (event_class.named)
    record_state state;
    const plan *plan; // NULL where raw
    const slot *slots;
    u32 slot_count, top_done;
    span payload;
    bool has_process, has_thread; // false: neither header nor correlation knows
    u32 process_id, thread_id;
    u32 processor;
    const char *process_name;           // UTF-8, NULL: unknown
    const struct process_life *process; // decode/correlate.h; NULL: unknown
    const char *file_path; // of the file object or key in the payload, with drive letter where told; NULL: none
    const char *key_path;  // likewise for registry keys
    const u64 *stack;      // return addresses, innermost first
    u32 stack_count;
    const stack_frame *frames; // of stack, where they were asked for; else NULL
    const char *source;        // the trace file's name
    u32 source_index;
    u32 epoch;                      // within which it is joined with facts (correlator_add_epoch)
    struct getter_scratch *scratch; // the calling thread's, for activities (activity/activity.h); NULL: there is none
    u32 host_index;                 // the machine, in session.hosts
    const char *host;               // its name, UTF-8; NULL: unknown
    u64 offset;                     // of the event in that file, or of its compressed buffer
} record;

#endif
