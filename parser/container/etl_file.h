// One .etl file: which byte ranges of it are buffers, and the used bytes of each.
//
// etl_open hops from buffer header to buffer header and so accounts for every byte: buffers, unused space (fill,
// preallocated zeros) and damage (etl_index.c). etl_load reads one buffer and inflates it where it is compressed.
// Nothing here looks at events except to tell a buffer from noise.
#ifndef ETWKIT_ETL_FILE_H
#define ETWKIT_ETL_FILE_H

#include "base/spill.h"
#include "container/damage.h"
#include "container/trace_header.h"
#include "input/input.h"

typedef struct etl_buffer {
    u64 offset; // in the file
    u32 size;   // bytes it has there, header included (fewer than claimed where the file is cut)
    u32 used;   // bytes of header and events once inflated, as claimed and bounded
    u64 sequence;
    i64 time_stamp;   // of its flush: the session's clock, or FILETIME in relogged traces
    u32 trace_header; // index of the facts of its session
    u32 clock;        // index of its own clock in reference_clocks + 1; 0: its session's
    u16 processor, logger_id;
    u8 flags, type;
    bool cut : 1;      // the file ends inside it
    bool headless : 1; // its header is destroyed: whether events stand at its beginning is not known either
    bool counted : 1;  // `used` is what its header counts, not just all there is
} etl_buffer;

// Bytes of the file by what they are; the sum is the file's size (etl_accounted checks it).
typedef struct etl_account {
    u64 headers;    // buffer headers
    u64 events;     // event records, unpadded
    u64 padding;    // between records
    u64 unused;     // after the last event of a buffer, and fill after the last buffer
    u64 compressed; // payload of compressed buffers (their inside is accounted for in inflated bytes)
    u64 damage;
} etl_account;

typedef struct etl_file {
    const input *input;
    arena arena;
    trace_facts *trace_headers; // [0] is the first header buffer's; one more for each header buffer
    spill *trace_header_block;
    u32 trace_header_count, trace_header_cap;
    session_clock *reference_clocks; // of buffers that bring their own
    spill *clock_block;
    u32 clock_count, clock_cap;
    u32 session_header; // while indexing: the facts of the header buffer last seen
    u32 sessions;       // header buffers, at least 1
    u32 hint_size;      // while indexing: buffer size the first bytes of the file tell, 0: none
    bool hint_compressed;
    struct last_peek *last_peek; // likewise
    etl_buffer *buffers;         // in file order; who goes through all calls spill_pass
    spill *buffer_block;
    u32 count, cap;
    u32 compressed, damaged_buffers;
    bool clean_end; // the last buffer carries the flush marker of a session that was stopped
    etl_account account;
    damage_log damage;
} etl_file;

// `in` must stay open. False only where nothing of a trace can be found: the sentence says what was there.
MUST_USE bool etl_open(etl_file *f, const input *in, error *e);
void etl_close(etl_file *f);

// Whether an input begins as a trace does, by its first bytes alone: for finding traces among other files.
bool etl_is_likely(const input *in);

// Whether its header says that it is a file of a session that goes on in new files.
bool etl_begins_new_file(const input *in);

static inline const session_clock *etl_clock(const etl_file *f, const etl_buffer *b)
{
    return b->clock ? &f->reference_clocks[b->clock - 1] : &f->trace_headers[b->trace_header].clock;
}

// Room etl_load needs in `into` for a buffer's used bytes.
size_t etl_capacity(const etl_buffer *b);

// Scratch of one thread for compressed bytes.
typedef struct etl_scratch {
    u8 *bytes;
    size_t cap;
} etl_scratch;

// Bytes of a loaded buffer that could not be read, zeros in their place. end == 0: there are none.
typedef struct etl_hole {
    size_t at, end;
} etl_hole;

// The buffer's bytes from its header to the end of what is used, into `into` (etl_capacity bytes). What could not be
// read or inflated is missing at the end of the result or lies in *hole, and is noted where `damage` is given.
span etl_load(const etl_file *f, const etl_buffer *b, u8 *into, etl_scratch *scratch, etl_hole *hole,
              damage_log *damage);

// Up to `want` bytes; what lies in sectors that cannot be read becomes zero and is put into *hole. With NULL for it
// reading ends there.
size_t etl_read_around(const etl_file *f, u64 offset, u8 *into, size_t want, etl_hole *hole);

// LIMIT_BUFFERS; tests set it.
extern u32 etl_buffer_limit;

// etl_open's second half, for nobody else: fills buffers, trace_headers, account and damage.
void etl_index(etl_file *f);

#endif
