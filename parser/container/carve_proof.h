// Whether a buffer begins at a place of an image, by what a header says and what follows it.
//
// Evidence is whole records one after the other. A record counts once what follows it proves its end: the next record,
// the end of what the header says is used, the end of the image, or the next buffer. The last one before a place where
// the chain breaks may have lost its end to whatever was written over it, so it does not.
#ifndef ETWKIT_CARVE_PROOF_H
#define ETWKIT_CARVE_PROOF_H

#include "container/carve.h"
#include "container/carve_view.h"

enum { PROOF_HEAD = BUFFER_HEADER_BYTES + 8 }; // bytes of a place that are looked at first

typedef struct carve_prover {
    carve *carve;
    image_view *view;
    u8 *packed, *inflated;
    size_t packed_capacity, inflated_capacity;
} carve_prover;

void prover_free(carve_prover *p);

// `head` has at least PROOF_HEAD bytes of the place, zeros after the image's end. Fills *b where a buffer begins there.
bool prove_buffer(carve_prover *p, u64 offset, const u8 *head, carve_buffer *b);

// Records without a buffer's header before them: several of them in a row, with times. Fills *o.
bool prove_orphans(carve_prover *p, u64 offset, carve_orphans *o);

// The place where the bytes of `b` end is known to be `offset`, where another buffer begins.
void prove_end(carve_buffer *b, u64 offset);

// The buffer's proven events again, inflated: its first `good_end` bytes, or fewer where they cannot be read any more.
// Good until the next call of anything here.
span prove_bytes(carve_prover *p, const carve_buffer *b);
span prove_tail(carve_prover *p, const carve_buffer *b); // likewise, those from `tail` on; empty where there is none

#endif
