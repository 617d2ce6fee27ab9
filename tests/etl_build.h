// Writes .etl bytes: records, buffers and the logfile header, as Windows lays them out.
//
// Only tests, samples and the trace generator use it. It shares no code with the reader beyond parser/base, so that a
// misread field cannot hide in both. It writes what it is told, nonsense included: broken traces are wanted too.
// Layouts: WMI_BUFFER_HEADER, TRACE_LOGFILE_HEADER, EVENT_TRACE_HEADER and EVENT_HEADER of evntrace.h/evntcons.h and
// ntwmi.h (phnt), checked against recorded traces.
#ifndef ETWKIT_TESTS_ETL_BUILD_H
#define ETWKIT_TESTS_ETL_BUILD_H

#include "base/error.h"
#include "base/guid.h"
#include "base/outbuf.h"

enum {
    ETL_BUFFER_HEADER = 72,
    ETL_MODE_COMPRESSED = 0x04000000,
    ETL_FLAG_FLUSH_MARKER = 0x01,
    ETL_FLAG_PROC_INDEX = 0x20,
    ETL_FLAG_COMPRESSED = 0x40,
    ETL_TYPE_HEADER = 4,
};

// ---------------------------------------------------------------------------------------------- bytes

void put_u8(outbuf *to, u8 value);
void put_u16(outbuf *to, u16 value);
void put_u32(outbuf *to, u32 value);
void put_u64(outbuf *to, u64 value);
void put_ptr(outbuf *to, u64 value, u32 bits); // 4 or 8 bytes
void put_fill(outbuf *to, u8 value, size_t count);
void put_guid(outbuf *to, const guid *g);
void put_utf16(outbuf *to, const char *utf8, size_t len); // without a terminator; malformed UTF-8 becomes U+FFFD
void put_utf16_text(outbuf *to, const char *utf8);        // with a terminator
void set_u16(u8 *at, u16 value);
void set_u32(u8 *at, u32 value);
void set_u64(u8 *at, u64 value);

// ---------------------------------------------------------------------------------------------- records

typedef enum etl_kind {
    ETL_SYSTEM,
    ETL_COMPACT,
    ETL_PERFINFO,
    ETL_FULL,
    ETL_INSTANCE,
    ETL_EVENT,
    ETL_MESSAGE,
    ETL_ERROR, // header type 13: an error while logging
} etl_kind;

// OptionFlags of a TraceMessage record (evntrace.h).
enum {
    ETL_MESSAGE_SEQUENCE = 0x01,
    ETL_MESSAGE_GUID = 0x02,
    ETL_MESSAGE_COMPONENT = 0x04,
    ETL_MESSAGE_TIMESTAMP = 0x08,
    ETL_MESSAGE_PERF_TIMESTAMP = 0x10,
    ETL_MESSAGE_SYSTEMINFO = 0x20,
    ETL_MESSAGE_POINTER32 = 0x40,
    ETL_MESSAGE_POINTER64 = 0x80,
};

// Everything a header of any kind can hold; each kind writes the fields it has.
typedef struct etl_event {
    etl_kind kind;
    u32 bits; // 32 or 64
    u64 time; // session clock
    u32 pid, tid, kernel_time, user_time;
    guid id;       // provider, event class or message GUID
    guid activity; // EVENT
    u16 hook;      // SYSTEM, COMPACT, PERFINFO: group << 8 | type
    u16 event_id;  // EVENT; MESSAGE: the message number
    u16 version;   // 8 bits in EVENT
    u8 channel, level, opcode;
    u16 task;
    u64 keyword;
    u16 flags, property;     // EVENT; bit 0 is set where items follow. MESSAGE: OptionFlags in `flags`
    u32 sequence, component; // MESSAGE
    u32 instance_id, parent_instance_id;
    guid parent;   // INSTANCE
    bool has_pebs; // SYSTEM, COMPACT, PERFINFO
    u64 pebs, counters[7];
    u32 counter_count;
    u8 marker;        // flag byte, 0 = what the kind has (0xC0, 0x90 for messages)
    u8 reserved;      // MESSAGE: byte 2
    u32 claimed_size; // 0 = the true one
    outbuf extended;  // a chain made with etl_event_extend
    size_t extended_last;
    outbuf payload;
} etl_event;

// Adds one extended data item to the chain before the payload.
void etl_event_extend(etl_event *event, u16 type, const void *data, size_t len);
// Appends the record, padded to 8 bytes. False: header and payload exceed 65,535 bytes.
bool etl_event_put(outbuf *to, const etl_event *event, error *e);
void etl_event_free(etl_event *event);

// ---------------------------------------------------------------------------------------------- traces and buffers

typedef enum etl_clock { ETL_CLOCK_QPC = 1, ETL_CLOCK_SYSTEM = 2, ETL_CLOCK_CYCLE = 3 } etl_clock;

// What the logfile header event tells. Times are FILETIMEs.
typedef struct etl_trace {
    u32 pointer;         // 4 or 8: layout of the header
    u32 claimed_pointer; // the PointerSize field
    u32 clock;           // etl_clock, or any other number
    u64 frequency;       // ticks a second of the session clock
    u64 claimed_frequency;
    u64 first_tick; // the header event's own time stamp
    i64 start, end, boot;
    u32 buffer_size, mode, build, processors, timer_resolution, maximum_size, start_buffers, cpu_mhz;
    u8 os_major, os_minor, layout_major, layout_minor;
    u32 events_lost, buffers_lost, buffers_written;
    i32 bias, daylight_bias; // minutes, UTC = local + bias
    u32 pid, tid;
    const char *session, *file;
} etl_trace;

etl_trace etl_trace_default(void);                      // 64 bit, QPC at 10 MHz, 2024-05-01 10:00 UTC, 4 KiB buffers
void etl_trace_put(outbuf *to, const etl_trace *trace); // the logfile header event

// One buffer. `records` stands after the 72 bytes of header; offsets inside it are from the buffer's start minus 72.
typedef struct etl_buffer {
    u32 size; // bytes in the file; compressed ones take what they need
    u32 cpu;
    bool old_cpu; // before Windows 8: one byte processor, one byte alignment, no PROC_INDEX flag
    bool compress;
    u64 sequence, time;
    u16 flags, type, logger;
    u32 state;
    u64 claimed_size, claimed_used, claimed_saved; // UINT64_MAX = the true ones
    u64 reference_start, reference_tick;           // ETW_REF_CLOCK, bytes 0x38 on
    u8 fill;
    outbuf records;
} etl_buffer;

etl_buffer etl_buffer_default(void);
void etl_buffer_put(outbuf *file, const etl_buffer *buffer);

#endif
