// Shared by the files that implement tdh.h only.
//
// A call is one TDH function at work. It holds the schemas still that all threads share, and has a session to itself:
// what calls have compiled so far, kept for those that follow. A class is one layout as TDH shows it, kept in the
// session.
#ifndef ETWKIT_TDH_INTERNAL_H
#define ETWKIT_TDH_INTERNAL_H

#include "base/outbuf.h"
#include "winapi/wide.h"
#include "decode/decode.h"
#include "tdh.h"
#include "winapi/tdh_session.h"

// ---------------------------------------------------------------------------------------------- tdh_session.c

typedef struct tdh_session tdh_session;

typedef struct tdh_class {
    const event_schema *schema;
    const event_schema *view; // the schema with inline counts as properties of their own
    const plan *plan;         // of the view
    span info;                // TRACE_EVENT_INFO of the view, made when first needed
} tdh_class;

typedef struct tdh_call {
    tdh_session *session;
    event event;
} tdh_call;

// Runs work with a session under mem_try: ERROR_NOT_ENOUGH_MEMORY where memory runs out, else what work says.
TDHSTATUS tdh_run(TDHSTATUS (*work)(tdh_call *call, void *arguments), void *arguments);

arena *tdh_call_arena(tdh_call *call); // lives as long as the session
decoder *tdh_call_decoder(tdh_call *call);
outbuf *tdh_call_text(tdh_call *call, u32 which); // two buffers, emptied

// The class whose layout suits call->event best; NULL where nothing describes it. *at is its payload, decoded.
const tdh_class *tdh_call_class(tdh_call *call, decoded *at);
tdh_class *tdh_class_make(tdh_call *call, const event_schema *schema,
                          bool is_64_bit); // NULL: it does not hold together

// A plan for one value of these types, for TdhFormatProperty. NULL: no such in type.
const plan *tdh_call_value_plan(tdh_call *call, u16 in, u16 out, bool explicit_length, bool is_64_bit);

// What the library knows by itself: kernel classes, the built-in tables, and schema caches.
const schema_set *tdh_call_base(tdh_call *call);

// ---------------------------------------------------------------------------------------------- tdh_schemas.c

void tdh_schemas_hold(void); // others may read, nobody may change anything
void tdh_schemas_release(void);
u64 tdh_schemas_generation(void); // another one after every change

// While holding: the sets of traces and loaded files in the order they are asked (0, 1, …), NULL past the last; the
// paths of schema caches, likewise.
const schema_set *tdh_schemas_set(u32 index, u32 *os_build);
const char *tdh_schemas_cache(u32 index);

// Loads a file or folder; one that is loaded already only where `again` says so. `unusable` is returned where nothing
// in it describes events. Must not be called while holding.
TDHSTATUS tdh_schemas_load(const char *path, bool again, TDHSTATUS unusable);

// ---------------------------------------------------------------------------------------------- tdh_info.c

// TRACE_EVENT_INFO with everything that follows it, as Windows lays it out.
void tdh_info_build(outbuf *out, const event_schema *view);
void tdh_map_build(outbuf *out, const value_map *map, DECODING_SOURCE source);
DECODING_SOURCE tdh_source_of(const event_schema *schema);

// The buffer protocol: copies `bytes` where *size allows it, and sets *size to what is needed.
TDHSTATUS tdh_give(span bytes, void *buffer, ULONG *size);

// ---------------------------------------------------------------------------------------------- tdh_property.c

// Where in the payload the described property is, its own length or terminator included. *missing: bytes of a
// terminator that it should have and the payload's end cut off.
TDHSTATUS tdh_locate(const plan *layout, const decoded *at, span payload, u32 count,
                     const PROPERTY_DATA_DESCRIPTOR *path, span *out, u32 *missing);
// A top-level property that has what is left of the payload: how many elements, and *bytes from its start to the end.
u32 tdh_count_rest(const plan *layout, const decoded *at, span payload, u32 index, u32 *bytes);

#endif
