// Schemas a merged trace embeds: TRACE_EVENT_INFO and EVENT_MAP_INFO as TDH returned them on the machine of origin.
//
// They stand in FULL events of the class KernelTraceControl/MetaData, mostly near the end of the file. Maps are named
// by events, so all maps are handed in before the first event. Layouts: tdh.h and FORMAT.md, section 8.
#ifndef ETWKIT_SCHEMA_TDH_H
#define ETWKIT_SCHEMA_TDH_H

#include "schema/model/schema.h"

extern const guid EVENT_METADATA_CLASS;     // {bbccf6c1-6cd1-48c4-80ff-839482e37671}
extern const guid PERFTRACK_METADATA_CLASS; // {bf6ef1cb-89b5-490a-80ac-b180cfbcff0f}
enum { METADATA_EVENT_INFO = 32, METADATA_MAP_INFO = 33 };

// One payload each. False: it contradicts itself; nothing was added.
MUST_USE bool tdh_load_map_info(schema_set *set, span payload, error *e);
MUST_USE bool tdh_load_event_info(schema_set *set, span payload, error *e);

#endif
