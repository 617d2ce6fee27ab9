// What the TDH functions answer from: the schemas of opened traces, for all threads.
//
// TDH's interface hands over an EVENT_RECORD and nothing else, which does not say what trace it is of. So every
// function looks into the schemas of all opened traces, those of the trace this thread is delivering first, then into
// what TdhLoadManifest* loaded, then into what the library knows by itself; where several describe an event, the layout
// is chosen that its payload fits. Any EVENT_RECORD can be decoded, one built by a test included.
#ifndef ETWKIT_TDH_SESSION_H
#define ETWKIT_TDH_SESSION_H

#include "container/event.h"
#include "opentrace.h"
#include "schema/model/schema.h"

typedef struct tdh_source tdh_source;

// Adds a set. It is not owned, must not change any more and must outlive the source. os_build is that of the machine
// that logged, 0 where not known. Allocates (base/memory.h).
tdh_source *tdh_source_add(const schema_set *set, u32 os_build);
void tdh_source_remove(tdh_source *source); // returns when no call of any thread uses it; NULL is allowed

// Makes this the source that calls of this thread ask first (NULL: none) and returns the one that was.
const tdh_source *tdh_source_prefer(const tdh_source *source);

// Whether calls of this thread keep what they need between them: cheaper for many calls, to be ended where the thread
// returns to its caller. Returns what was.
bool tdh_session_keep(bool keeps);

// The event a record is of, from the record's own fields. Spans point to what the record points to; `record`,
// `extended` and `activity` stay empty, `kind` is HEADER_NONE.
void tdh_event_of(const EVENT_RECORD *record, event *out);

#endif
