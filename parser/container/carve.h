// Trace buffers in any stream of bytes: a disk image, unallocated space, a pagefile, a memory dump.
//
// carve_scan looks at every multiple of 8 (every byte for compressed buffers) and takes what has the facts of a buffer
// header and a chain of events, or a stream that inflates to one, behind it. carve_group puts the buffers of one
// session together as far as their bytes allow, and says for each why it is where it is. Who calls it (cli/cmd_carve.c)
// writes the files. Nothing here writes, and the image is only read.
#ifndef ETWKIT_CARVE_H
#define ETWKIT_CARVE_H

#include "input/input.h"
#include "container/trace_header.h"

// Why a buffer belongs to its session.
typedef enum carve_reason {
    CARVE_HEADER,    // it is the session's header buffer
    CARVE_FOLLOWS,   // it stands right behind another buffer of the session
    CARVE_CLOCK,     // logger, buffer size and time fit the session, and its sequence number was still missing
    CARVE_COMPANY,   // no header survives; logger, buffer size and time fit the session's other buffers
    CARVE_FIRST,     // no header survives; it is the first buffer found of its session
    CARVE_REST,      // over LIMIT_CARVED_SESSIONS: kept with the last one
    CARVE_DUPLICATE, // the session has the same buffer from another place
} carve_reason;

const char *carve_reason_text(carve_reason reason); // a sentence

#define CARVE_NONE UINT32_MAX // no index

typedef struct carve_buffer {
    u64 offset; // in the image
    u32 size;   // claimed; the file is written with as many bytes
    u32 here;   // bytes of it that can be its own: fewer where the image ends or another buffer begins
    u32 used, events;
    u32 good_end; // offset in the buffer behind the last event of the first unbroken chain
    bool intact;  // all used bytes are events
    u8 flags, type;
    u16 processor, logger_id;
    u64 sequence;
    i64 time_stamp, first_time, last_time;
    compression form; // COMPRESSION_NONE where it is not compressed
    u32 facts;        // index of the trace facts it carries, CARVE_NONE
    u32 session;      // filled by carve_group
    carve_reason reason;
    u32 duplicate_of; // index of the buffer that was kept
} carve_buffer;

typedef struct carve_session {
    u32 header; // index of its header buffer, CARVE_NONE where none survives
    u32 first;  // index of its first buffer
    u32 buffers, duplicates;
    u32 buffer_size;
    u16 logger_id; // of its buffers; merged traces have another one in the header
    compression form;
    i64 first_time, last_time; // ticks
    u64 events;
} carve_session;

typedef struct carve {
    arena arena;
    const input *image;
    carve_buffer *buffers; // by offset
    u32 count, cap;
    trace_facts *facts;
    u32 facts_count, facts_cap;
    carve_session *sessions;
    u32 session_count, session_cap;
    u64 unreadable; // bytes the medium did not give
    u64 refused;    // buffers over LIMIT_CARVED_BUFFERS
} carve;

// Told about every 64 MiB; false from it ends the work.
typedef bool carve_progress(void *context, u64 done, u64 total);

// `c` is all zero but for the image, which is the caller's. False: `progress` said so.
MUST_USE bool carve_scan(carve *c, carve_progress *progress, void *context);
void carve_group(carve *c);
void carve_free(carve *c);

#endif
