// Shared by the files behind tdh.h only.
//
// A call is one TDH function at work: it holds the loaded manifests still, and has a session, the thread's current one
// or one of its own that ends with it. A class is one layout as TDH shows it, kept in the session.
#ifndef ETWKIT_TDH_INTERNAL_H
#define ETWKIT_TDH_INTERNAL_H

#include "base/outbuf.h"
#include "base/wide.h"
#include "decode/decode.h"
#include "tdh.h"
#include "winapi/tdh_session.h"

// ---------------------------------------------------------------------------------------------- tdh_session.c

typedef struct tdh_class {
    const event_schema *schema;
    const event_schema *view; // the schema with inline counts as properties of their own
    const plan *plan;         // of the view
    span info;                // TRACE_EVENT_INFO of the view, made when first asked for
    struct tdh_class *next;
} tdh_class;

typedef struct tdh_call {
    tdh_session *session, *own;
    event event;
} tdh_call;

void tdh_call_begin(tdh_call *call);
void tdh_call_end(tdh_call *call);
arena *tdh_call_arena(tdh_call *call); // lives as long as the session
decoder *tdh_call_decoder(tdh_call *call);
outbuf *tdh_call_text(tdh_call *call, u32 which); // two buffers, emptied

// The class whose layout suits call->event best; NULL where nothing describes it. *at is its payload, decoded.
const tdh_class *tdh_call_class(tdh_call *call, decoded *at);
tdh_class *tdh_class_make(tdh_call *call, const event_schema *schema, bool wide); // NULL: it does not hold together

// A plan for one value of these types, for TdhFormatProperty. NULL: no such in type.
const plan *tdh_call_value_plan(tdh_call *call, u16 in, u16 out, bool explicit_length, bool wide);

// The sets that answer, most trusted first: *at starts at 0; NULL at the end.
const schema_set *tdh_call_set(tdh_call *call, u32 *at);
u32 tdh_call_os_build(const tdh_call *call);

// ---------------------------------------------------------------------------------------------- tdh_manifest.c

void tdh_manifests_hold(void); // others may read, none may load
void tdh_manifests_release(void);
u64 tdh_manifests_generation(void);             // changes with every load and unload
const schema_set *tdh_manifests_set(u32 index); // NULL past the last
// Loads a file unless it is loaded; must not be called while holding.
TDHSTATUS tdh_manifests_load(const char *path, bool again, TDHSTATUS unusable);

// ---------------------------------------------------------------------------------------------- tdh_info.c

// TRACE_EVENT_INFO with everything behind it, as Windows lays it out.
void tdh_info_build(outbuf *out, const event_schema *view);
void tdh_map_build(outbuf *out, const value_map *map, DECODING_SOURCE source);
DECODING_SOURCE tdh_source_of(const event_schema *schema);

// The buffer protocol: copies `bytes` if *size allows, and tells the size.
TDHSTATUS tdh_give(span bytes, void *buffer, ULONG *size);

// ---------------------------------------------------------------------------------------------- tdh_property.c

// Where in the payload the described property stands, its own length or terminator included.
TDHSTATUS tdh_locate(const plan *layout, const decoded *at, span payload, u32 count,
                     const PROPERTY_DATA_DESCRIPTOR *path, span *out);
// A top-level property that takes what is left of the payload: how many elements, and *bytes from its start to the end.
u32 tdh_count_rest(const plan *layout, const decoded *at, span payload, u32 index, u32 *bytes);

#endif
