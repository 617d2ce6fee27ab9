// What TDH's functions answer from while a trace is being delivered: the schemas of that trace, for one thread.
//
// TDH's interface hands over an EVENT_RECORD and nothing else, so the schemas travel beside the call, as a session that
// ProcessTrace makes current for its thread. Nothing is hidden in the record: any EVENT_RECORD, one built by a test
// included, can be asked about. Without a session, TDH knows what TdhLoadManifest* loaded, the kernel's classes, and
// the events that describe themselves.
#ifndef ETWKIT_TDH_SESSION_H
#define ETWKIT_TDH_SESSION_H

#include "container/event.h"
#include "opentrace.h"
#include "schema/model/schema.h"

typedef struct tdh_session tdh_session;

// `set` may be NULL, is not owned, and must outlive the session; only the session's thread may use it meanwhile
// (look-ups may fetch). os_build is that of the machine that logged, 0 where not known.
tdh_session *tdh_session_new(const schema_set *set, u32 os_build);
void tdh_session_free(tdh_session *session); // not while it is current; NULL is fine

// Makes the session current for this thread (NULL: none) and returns the one that was. Cheap: may be called for every
// event where several traces are merged.
tdh_session *tdh_session_enter(tdh_session *session);

// The event a record stands for, out of the record's own fields. Spans point to what the record points to; `record`
// and `extended` stay empty, `kind` is HEADER_NONE.
void tdh_event_of(const EVENT_RECORD *record, event *out);

#endif
