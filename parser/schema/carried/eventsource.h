// Manifests that .NET EventSources write into their traces: event 65534, in pieces of at most 64 KiB.
//
// Each piece starts with u8 format (1), u8 major, u8 minor, u8 magic 0x5b, u16 pieces in all, u16 number of this one,
// and goes on with UTF-8 XML (ManifestEnvelope in the .NET sources; FORMAT.md, section 8). Every process that uses a
// source writes the whole manifest, when a session enables it and often again when it ends. Threads may write at once,
// on several processors, and pieces may be lost: pieces of one process are joined by their numbers, in any order.
#ifndef ETWKIT_EVENTSOURCE_H
#define ETWKIT_EVENTSOURCE_H

#include "schema/model/schema.h"

typedef struct eventsource eventsource;

eventsource *eventsource_new(void);
void eventsource_free(eventsource *es); // manifests that never became whole are noted before: eventsource_finish

// The payload of one such event, offered in time order. A manifest that became whole is added to the set
// (ORIGIN_EVENTSOURCE, RANK_TRACE) unless the same one of the same provider is in already; its sender is noted either
// way. Pieces that do not fit together, and manifests that cannot be read, become notes.
void eventsource_offer(eventsource *es, schema_set *set, const guid *provider, const schema_sender *sender,
                       span payload, schema_load *load);

// Notes the manifests that lack pieces and that their process has not sent whole either.
void eventsource_finish(eventsource *es, schema_load *load);

#endif
