// One event of a buffer, whatever trace header kind frames it: the bytes stay in place, the header becomes values.
//
// Two steps, because the survey of a trace needs only the first: event_frame tells kind, size and time of the record
// at a position; event_read normalises the whole header into what EVENT_RECORD holds. Layouts: FORMAT.md, sections 2
// and 3 (evntrace.h, evntcons.h, and "observed").
#ifndef ETWKIT_EVENT_H
#define ETWKIT_EVENT_H

#include "base/event_descriptor.h"
#include "base/guid.h"

// Header type numbers as they stand in byte 2 of a record.
typedef enum header_kind {
    HEADER_NONE = 0,
    HEADER_SYSTEM32 = 1,
    HEADER_SYSTEM64 = 2,
    HEADER_COMPACT32 = 3,
    HEADER_COMPACT64 = 4,
    HEADER_FULL32 = 10,
    HEADER_INSTANCE32 = 11,
    HEADER_ERROR = 13,
    HEADER_MESSAGE = 15, // WPP; on disk the mark is 0x90 in byte 3, not this number
    HEADER_PERFINFO32 = 16,
    HEADER_PERFINFO64 = 17,
    HEADER_EVENT32 = 18,
    HEADER_EVENT64 = 19,
    HEADER_FULL64 = 20,
    HEADER_INSTANCE64 = 21,
    HEADER_KINDS = 22,
} header_kind;

const char *header_kind_name(header_kind kind); // "SYSTEM32" …; "" for numbers that are no kind

// EVENT_HEADER.Flags (evntcons.h).
enum {
    EVENT_FLAG_EXTENDED = 0x1,
    EVENT_FLAG_PRIVATE_SESSION = 0x2,
    EVENT_FLAG_STRING_ONLY = 0x4,
    EVENT_FLAG_TRACE_MESSAGE = 0x8,
    EVENT_FLAG_NO_CPUTIME = 0x10,
    EVENT_FLAG_32_BIT = 0x20,
    EVENT_FLAG_64_BIT = 0x40,
    EVENT_FLAG_CLASSIC = 0x100,
    EVENT_FLAG_PROCESSOR_INDEX = 0x200,
};

enum { EVENT_PROPERTY_FORWARDED_XML = 0x2 }; // EVENT_HEADER.EventProperty (evntcons.h)

// EVENT_HEADER_EXT_TYPE_* (evntcons.h).
typedef enum extended_type {
    EXT_RELATED_ACTIVITY = 1,
    EXT_SID = 2,
    EXT_TS_ID = 3,
    EXT_INSTANCE_INFO = 4,
    EXT_STACK32 = 5,
    EXT_STACK64 = 6,
    EXT_PEBS_INDEX = 7,
    EXT_PMC_COUNTERS = 8,
    EXT_PSM_KEY = 9,
    EXT_EVENT_KEY = 10,
    EXT_SCHEMA_TL = 11,
    EXT_PROV_TRAITS = 12,
    EXT_PROCESS_START_KEY = 13,
    EXT_CONTROL_GUID = 14,
    EXT_QPC_DELTA = 15,
    EXT_CONTAINER_ID = 16,
    EXT_STACK_KEY32 = 17,
    EXT_STACK_KEY64 = 18,
} extended_type;

// What the survey needs of a record, and where the next one stands.
typedef struct event_frame {
    u32 size; // unpadded; the next record stands at the next multiple of 8
    header_kind kind;
    bool has_time; // a WPP message may carry none: it then takes the time of the event before it
    i64 time;      // session clock
} event_frame;

typedef enum frame_result {
    FRAME_OK,
    FRAME_END,    // fill bytes or an unwritten hole: no more events in this buffer
    FRAME_DAMAGE, // no record can start like this; *why says it
} frame_result;

// Where a header kind has its size and time, and how long its fixed part is.
typedef struct header_facts {
    const char *name;
    u8 size_at, time_at;
    u8 bytes; // 0: no header that can be told by its mark
    bool is_64_bit;
} header_facts;
extern const header_facts HEADER_FACTS[HEADER_KINDS];

enum {
    MARK_EVENT = 0xc0,   // bits of byte 3 of a record: TRACE_HEADER_FLAG | TRACE_HEADER_EVENT_TRACE
    MARK_MESSAGE = 0x90, // TRACE_HEADER_FLAG | TRACE_MESSAGE
};

// event_frame_at for what is no sound record of the kinds in HEADER_FACTS: WPP messages, fill, damage.
frame_result event_frame_rare(span left, event_frame *out, const char **why);

// `left` holds the rest of the buffer's used bytes, starting at the record. False: event_frame_rare knows more.
static inline bool event_frame_common(span left, event_frame *out)
{
    if (left.len < 8)
        return false;
    u64 word = load_u64(left.at);
    u32 kind = word >> 16 & 0xff, mark = word >> 24 & MARK_EVENT;
    const header_facts *facts = &HEADER_FACTS[kind < HEADER_KINDS ? kind : HEADER_NONE];
    u32 size = word >> facts->size_at * 8 & 0xffff;
    if (mark != MARK_EVENT || !facts->bytes || size < facts->bytes || size > left.len)
        return false;
    *out = (event_frame){size, (header_kind)kind, true, load_i64(left.at + facts->time_at)};
    return true;
}

static inline frame_result event_frame_at(span left, event_frame *out, const char **why)
{
    return event_frame_common(left, out) ? FRAME_OK : event_frame_rare(left, out, why);
}

typedef struct event {
    span record;    // all bytes, header included
    span payload;   // user data
    span extended;  // the chain of extended data items as on disk; empty where there is none
    span schema_tl; // EXT_SCHEMA_TL data, and
    span traits;    // EXT_PROV_TRAITS data, where present
    header_kind kind;
    bool classic;   // identified by class GUID and opcode, not by provider and id
    bool is_64_bit; // 64-bit pointers in the payload
    bool extended_damaged;
    u16 flags;                  // EVENT_HEADER.Flags as the consumer sees them
    u16 property;               // EVENT_HEADER.EventProperty
    u16 hook;                   // group << 8 | type, for SYSTEM, COMPACT and PERFINFO records
    u32 process_id, thread_id;  // 0xffffffff: the header has none
    u32 kernel_time, user_time; // timer ticks
    i64 time;                   // session clock
    guid provider;              // for classic events the class GUID
    event_descriptor descriptor;
    const u8 *activity; // 16 bytes, NULL where absent or zero
    u16 message_flags;  // WPP option flags
    u32 message_sequence;
    u32 instance_id, parent_instance_id;
    const u8 *parent_guid; // INSTANCE records
    u8 extra_count;        // PERFINFO/SYSTEM/COMPACT: counters before the payload (PEBS index first where
    bool extra_pebs;       // extra_pebs), 8 bytes each, at extra
    const u8 *extra;
} event;

// `record` is exactly the frame's bytes. Always fills *out: event_frame_at has proven the fixed header. `previous_time`
// is used where the record carries no time. Extended items that contradict themselves end the chain there, mark the
// event and leave what follows to the payload.
void event_read(span record, const event_frame *frame, i64 previous_time, event *out);

static inline bool header_is_event(header_kind kind)
{
    return kind == HEADER_EVENT32 || kind == HEADER_EVENT64;
}

// SYSTEM, COMPACT and PERFINFO: kernel events, told by a hook.
static inline bool header_is_hook(header_kind kind)
{
    return (kind >= HEADER_SYSTEM32 && kind <= HEADER_COMPACT64) || kind == HEADER_PERFINFO32 ||
           kind == HEADER_PERFINFO64;
}

// Whether kernel_time and user_time are what the header records. Sessions of one process record other things there.
static inline bool event_has_cpu_times(const event *ev)
{
    const u32 kinds = 1u << HEADER_SYSTEM32 | 1u << HEADER_SYSTEM64 | 1u << HEADER_FULL32 | 1u << HEADER_FULL64 |
                      1u << HEADER_INSTANCE32 | 1u << HEADER_INSTANCE64 | 1u << HEADER_EVENT32 | 1u << HEADER_EVENT64;
    return (kinds >> ev->kind & 1) && !(ev->flags & (EVENT_FLAG_NO_CPUTIME | EVENT_FLAG_PRIVATE_SESSION));
}

// The payload of a framed record, as event_read finds it; of one with extended items, counters or WPP parts.
span event_payload_rare(span record, header_kind kind);
static inline span event_payload(span record, header_kind kind)
{
    u64 word = load_u64(record.at);
    u32 bytes = HEADER_FACTS[kind].bytes;
    if (!bytes || (header_is_event(kind) && word >> 32 & EVENT_FLAG_EXTENDED) ||
        (header_is_hook(kind) && word & 0x8700))
        return event_payload_rare(record, kind);
    return (span){record.at + bytes, record.len - bytes};
}

// Whether a framed EVENT record with extended items carries its own schema; *damaged: they contradict themselves.
bool event_carries_schema(span record, bool *damaged);
static inline bool event_is_tracelogging(span record, header_kind kind, bool *damaged)
{
    return header_is_event(kind) && (load_u16(record.at + 4) & EVENT_FLAG_EXTENDED) &&
           event_carries_schema(record, damaged);
}

// Walks a chain: *at starts at 0; false at its end. data.len is the item's DataSize.
typedef struct extended_item {
    u16 type;
    span data;
} extended_item;
bool extended_next(span chain, size_t *at, extended_item *out);

#endif
