// What the survey keeps of buffers, so that the second pass need not read, inflate and walk them again.
//
// Of small traces: where all events stand, and inflated bytes. Where only some classes are asked for (session->wants),
// of traces of any size: the records that may be wanted, and what is looked at together with them. All as far as there
// is room (base/limits.h); what was not kept is read again.
#ifndef ETWKIT_KEEP_H
#define ETWKIT_KEEP_H

#include "correlate/correlate.h"

struct session;
struct trace;

typedef enum kept_form {
    KEPT_NOTHING,
    KEPT_PLACES, // where its events stand; its bytes must be read again
    KEPT_WHOLE,  // its bytes too
    KEPT_PIECES, // some of its events, and the bytes of these
} kept_form;

typedef struct kept_piece {
    u32 at, len; // in the buffer
} kept_piece;

typedef struct kept_buffer {
    event_ref *refs; // by time
    u8 *bytes;       // the buffer's, or the pieces' one behind the other
    kept_piece *pieces;
    u32 count, piece_count;
    u32 len; // of the buffer's bytes, kept or not
    u8 form;
} kept_buffer;

typedef struct keep_room {
    u8 *blocks[64];
    u32 block_count;
    u8 *at, *end;
    size_t taken;
} keep_room;

void keep_free(keep_room *k);

// Scratch for what is kept of one buffer.
typedef struct keep_lists {
    event_ref *refs;
    u32 ref_count, ref_cap;
    kept_piece *pieces;
    u32 piece_count, piece_cap;
} keep_lists;

void keep_lists_free(keep_lists *l);

// Where the bytes of a buffer shall lie so that the second pass finds them; NULL: there is no room to keep them. Asked
// once for each buffer, in order, by one thread at a time.
u8 *keep_place(struct session *s, u32 trace_index, u32 buffer_index);

// Keeps of a surveyed buffer, whose events are in order, what is worth it. `wanted`, by class index: which events may
// be asked for; NULL: all. `stacks` are those noted in the buffer: the ones of kept events are kept with them.
void keep_buffer(struct session *s, const struct trace *t, const loaded_buffer *b, const bool *wanted,
                 const stack_notes *stacks);

// Whether keep_load reads nothing.
bool keep_is_loaded(const struct trace *t, u32 buffer_index);

// Fills *out with what was kept: of its events those kept, of its bytes those these need. `own` is memory for it, of
// the calling thread. False: it must be read and walked again.
MUST_USE bool keep_load(const struct trace *t, u32 buffer_index, loaded_buffer *own, buffer_reader *reader,
                        loaded_buffer *out);

#endif
