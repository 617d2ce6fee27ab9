// Trace buffers in any stream of bytes: a disk image, unallocated space, a pagefile, a memory dump.
//
// carve_scan finds buffers: it looks at every multiple of 8, for compressed ones at every byte, and counts what looks
// like a buffer's header as one only where records follow it, one after the other (carve_proof.h). What it finds
// depends on the bytes alone. carve_group says which of them were one session (carve_group.h), and why; it leaves out
// copies only, and where bytes fit several sessions and nothing decides it puts them into none. Nothing here writes;
// cli/carve/ does.
//
// Offsets and sizes are bytes, times are ticks of a session's clock but where FILETIME is said. All memory is the
// carve's, until carve_free. One thread at a time.
#ifndef ETWKIT_CARVE_H
#define ETWKIT_CARVE_H

#include "base/outbuf.h"
#include "input/input.h"
#include "container/trace_header.h"

// Why a buffer belongs to its session.
typedef enum carve_reason {
    CARVE_HEADER,    // it is the session's header buffer
    CARVE_FOLLOWS,   // it lies in a row with other buffers of the session
    CARVE_CLOCK,     // it fits this session only: logger, buffer size, time, and its sequence number was still missing
    CARVE_EVIDENCE,  // it fits several so, and numbers, flush times or the order of events allow this one only
    CARVE_COMPANY,   // no header survives; logger, buffer size and time fit the session's other buffers
    CARVE_FIRST,     // no header survives; it is the first buffer found of its session
    CARVE_AMBIGUOUS, // it fits several sessions with equal right, and is in none of them
    CARVE_OTHERWISE, // a session has its number with other contents: which of the two is right is not known
    CARVE_REST,      // over LIMIT_CARVED_SESSIONS: kept with the last one
    CARVE_DUPLICATE, // the session has the same bytes from another place
} carve_reason;

const char *carve_reason_text(carve_reason reason); // a sentence

#define CARVE_NONE UINT32_MAX // no index

typedef struct carve_buffer {
    u64 offset; // in the image
    u32 size;   // claimed; the file is written with as many bytes
    u32 here;   // bytes of it that can be its own: fewer where the image ends or another buffer begins
    u32 used;   // bytes of header and events, inflated, as claimed
    // What is proven of them: `events` whole ones, which follow each other up to good_end (inflated) and, where bytes
    // between are destroyed, again from `tail` (0: nowhere) to `used`.
    u32 events, good_end, tail;
    u32 torn_end;   // where the record at good_end ends, if it does
    bool intact;    // all used bytes are events
    bool is_header; // its first event is a trace header event
    bool is_live;   // it was being filled: its header does not say yet how much is used, or which number it has
    u8 flags, type;
    u16 processor, logger_id;
    u64 begins; // a hash of its first event's beginning
    u64 sequence;
    i64 time_stamp, first_time, last_time;
    compression form; // COMPRESSION_NONE where it is not compressed
    u32 facts;        // filled by carve_group: index of the trace facts it carries, CARVE_NONE
    u32 session;      // likewise
    carve_reason reason;
    u32 duplicate_of; // index of the buffer that was kept
} carve_buffer;

// Events in a row whose buffer's header is lost. They belong to no session.
typedef struct carve_orphans {
    u64 offset, bytes; // in the image; of whole events
    u64 end;           // where one that may not be whole ends, from `offset`
    u64 events;
    i64 first_time, last_time; // ticks
} carve_orphans;

typedef struct carve_session {
    u32 header; // index of its header buffer, CARVE_NONE where none survives
    u32 first;  // index of its first buffer
    u32 buffers, duplicates;
    u32 buffer_size;
    u16 logger_id; // of its buffers; merged traces have another one in the header
    compression form;
    i64 first_time, last_time; // ticks
    u64 events;
    u32 dated;         // index of a buffer whose flush time is a date, CARVE_NONE
    u32 pieces;        // of buffers that are known to belong together
    bool is_ambiguous; // the buffers may belong to others:
    bool has_rivals;   // internal: another session without a header claims the same numbers
    u32 *may_be;       // sessions with a header that its buffers fit, in the arena; none: other sessions without one
    u32 may_be_count;
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
    carve_orphans *orphans; // the first LIMIT_DAMAGE_NOTES places
    u32 orphan_count, orphan_cap;
    u64 orphan_places, orphan_events, orphan_bytes; // of all; bytes: outside of buffers
    u64 ambiguous;                                  // buffers of sessions that are,
    u64 rest;                                       // and those over LIMIT_CARVED_SESSIONS
    u64 unreadable;                                 // bytes the medium did not give,
    u64 unreadable_outside;                         // of these outside of buffers
    u64 refused;                                    // buffers over LIMIT_CARVED_BUFFERS
    u64 inflated;                                   // bytes, so far, and
    u64 not_inflated; // places that may be compressed buffers and were over LIMIT_CARVED_INFLATED
} carve;

// Told about every 64 MiB; false from it ends the work.
typedef bool carve_progress(void *context, u64 done, u64 total);

// `c` is all zero but for the image, which is the caller's. False: `progress` said so.
MUST_USE bool carve_scan(carve *c, carve_progress *progress, void *context);
void carve_group(carve *c);
// What is proven of a buffer that is not intact, as a buffer: its header as it was found and its whole events,
// inflated, where they are; fill between. Replaces what is in `into`.
void carve_proven(const carve *c, const carve_buffer *b, outbuf *into);
void carve_free(carve *c);

#endif
