// The two fixed structures of a trace: WMI_BUFFER_HEADER before every buffer, and TRACE_LOGFILE_HEADER in the
// first event of a header buffer. Layouts: FORMAT.md, sections 1.1 and 1.5 (ntwmi.h of phnt, evntrace.h, "observed").
#ifndef ETWKIT_TRACE_HEADER_H
#define ETWKIT_TRACE_HEADER_H

#include "base/arena.h"
#include "base/span.h"
#include "container/clock.h"

enum {
    BUFFER_HEADER_BYTES = 72,

    BUFFER_FLAG_FLUSH = 0x01,
    BUFFER_FLAG_EVENTS_LOST = 0x02,
    BUFFER_FLAG_BUFFER_LOST = 0x04,
    BUFFER_FLAG_RTBACKUP_CORRUPT = 0x08,
    BUFFER_FLAG_RTBACKUP = 0x10,
    BUFFER_FLAG_PROCESSOR_INDEX = 0x20,
    BUFFER_FLAG_COMPRESSED = 0x40,

    BUFFER_TYPE_CONTEXT_SWAP = 2,
    BUFFER_TYPE_HEADER = 4,
    BUFFER_TYPE_LAST = 7,

    LOG_FILE_MODE_CIRCULAR = 0x00000002,
    LOG_FILE_MODE_APPEND = 0x00000004,
    LOG_FILE_MODE_NEWFILE = 0x00000008,
    LOG_FILE_MODE_RELOG = 0x00010000,
    LOG_FILE_MODE_COMPRESSED = 0x04000000,
};

// Compression formats, RtlCompressBuffer's numbers.
typedef enum compression {
    COMPRESSION_NONE = 0,
    COMPRESSION_LZNT1 = 2,
    COMPRESSION_XPRESS = 3,
    COMPRESSION_XPRESS_HUFF = 4
} compression;

typedef struct buffer_header {
    u32 claimed_size; // of the buffer in the file
    u32 saved_offset; // stale in header buffers
    u32 filled;       // Offset at 0x30, the authority on how much is used
    i64 time_stamp;
    u64 sequence;
    u16 processor; // decoded: index, or the byte older systems have
    u16 logger_id;
    u32 state;
    u8 flags, type;
    i64 reference_filetime, reference_time; // REF_CLOCK, meaningful with BUFFER_FLAG_RTBACKUP only
} buffer_header;

void buffer_header_read(const u8 *bytes72, buffer_header *out);

// Whether these bytes can start a buffer at all. `capacity` is what the file still holds from there. Used to tell
// buffers from damage, so it asks for several independent facts; `largest` bounds the size of an uncompressed buffer's
// data (0: not known).
bool buffer_header_plausible(span at, u64 capacity, u32 largest);

// What ties a session's clock to UTC, best first.
typedef enum clock_anchor {
    ANCHOR_HEADER,    // StartTime and the header event's time stamp
    ANCHOR_REFERENCE, // the reference clock real-time backup buffers carry
    ANCHOR_EVENTS,    // no header: the event times are FILETIMEs already
    ANCHOR_FLUSH,     // no header: buffers tell when they were flushed; late by up to a flush interval
    ANCHOR_NONE,      // no header: times count from an unknown start
} clock_anchor;

const char *clock_anchor_name(clock_anchor anchor); // "header", "reference", "events", "flush", "none"

// TRACE_LOGFILE_HEADER and its event header.
typedef struct trace_facts {
    bool present; // false: the header buffer is missing or destroyed, all below is assumed
    clock_anchor anchor;
    u16 logger_id;   // of the header buffer; 0 in merged traces
    u32 buffer_size; // of an uncompressed buffer
    u8 os_major, os_minor, layout_major, layout_minor;
    u32 os_build;
    u32 processors;
    i64 start_time, end_time, boot_time; // FILETIME; 0: not recorded
    u32 timer_resolution;                // 100 ns
    u32 max_file_size;
    u32 log_file_mode;
    u32 buffers_written, start_buffers;
    u32 pointer_size;
    bool is_64_bit; // the header itself
    u32 events_lost, buffers_lost;
    u32 cpu_mhz;
    i32 utc_bias_minutes;  // UTC = local + bias, daylight saving at start included where its rule says so
    i32 zone_bias_minutes; // without daylight saving
    const char *standard_name, *daylight_name;
    u64 perf_frequency;
    clock_type clock_type;
    u32 clock_kind;                 // as it stands there
    const char *session, *log_file; // UTF-8
    bool counter_log;               // a .blg of the Performance Monitor: its records are stamped with local time
    session_clock clock;
    compression compression; // for buffers with BUFFER_FLAG_COMPRESSED
    i64 header_time;         // the header event's own time stamp: the anchor
} trace_facts;

// `buffer` is a header buffer's used bytes from its start. Strings go to `a`. False: no logfile header stands there.
bool trace_facts_read(span buffer, arena *a, trace_facts *out);

// What is assumed where no header can be read: QPC at 10 MHz.
void trace_facts_assume(trace_facts *out);

#endif
