// One provider's description as one block of bytes: how the schema cache keeps it, and how it moves to another set.
//
// The block says the same whatever machine or file it comes from: the path is left out, texts and layouts stand in it
// once, events in the order of schema_sort. Equal descriptions are equal blocks. A block may come from another machine:
// schema_unpack trusts nothing of it.
#ifndef ETWKIT_SCHEMA_PACK_H
#define ETWKIT_SCHEMA_PACK_H

#include "base/outbuf.h"
#include "schema/model/schema.h"

// Appends the description with events [first, first + count) to `out`; a part of the events takes only the maps these
// use. The events must be in order (schema_sort). False: over LIMIT_PACKED_BYTES or LIMIT_PACKED_WORK, nothing is
// added.
MUST_USE bool schema_pack(const provider_schema *p, u32 first, u32 count, outbuf *out);

// Adds what a block describes to the set and returns it. NULL, and nothing added: something in it does not hold. With
// `join`, events a trace carried (ORIGIN_EMBEDDED) go to the description of the same provider, rank, origin and build
// that is in the set already.
provider_schema *schema_unpack(schema_set *set, span block, schema_rank rank, const char *path, bool join, error *e);

// The provider's GUID, read from a block's head. False: it is too short for one.
MUST_USE bool schema_packed_id(span block, guid *id);

#endif
