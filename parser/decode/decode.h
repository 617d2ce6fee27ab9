// A plan run over a payload: finds every value and proves that it lies inside. Nothing is written or rendered here.
#ifndef ETWKIT_DECODE_H
#define ETWKIT_DECODE_H

#include "base/outbuf.h"
#include "decode/plan.h"

// Scratch of one thread: the slots of one event and the integer values that lengths and counts refer to.
typedef struct decoder {
    slot *slots;
    u32 slot_cap;
    u64 *values; // by field index
    u32 value_cap;
    outbuf inflated; // a payload with its packed text inflated
    u64 cut;         // runs that ended early lest the record's text exceed LIMIT_RECORD_TEXT
} decoder;

void decoder_free(decoder *d);

typedef enum decode_fit {
    FIT_EXACT,  // every byte of the payload belongs to a value
    FIT_PADDED, // all values found, what is left is the padding of a native struct
    FIT_TAIL,   // all values found, bytes left over
    FIT_SHORT,  // the payload ends before the values do, or decoding ends before the text gets too long
} decode_fit;

typedef struct decoded {
    decode_fit fit;
    u32 top_done;      // top-level fields found completely; all of them unless FIT_SHORT
    u32 slot_count;    // of those fields
    u32 consumed;      // payload bytes they take
    const slot *slots; // the decoder's (valid until its next run) or the plan's own
} decoded;

// Fills *out, member by member: on this path a struct that is returned and copied waits in memory for its parts.
decode_fit decode_run(decoder *d, const plan *plan, span payload, decoded *out);

// Of a plan that inflates, and what its run has found: the payload with the packed text inflated, and *values there,
// until the decoder's next run. False where it is damaged or longer than a record may be; values then end before it.
MUST_USE bool decoder_inflate(decoder *d, const plan *plan, span *payload, decoded *values);

#endif
