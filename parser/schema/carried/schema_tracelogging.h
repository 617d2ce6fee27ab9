// TraceLogging: events that carry their own schema in an extended data item (EXT_SCHEMA_TL), and their provider's name
// in another (EXT_PROV_TRAITS). Formats: TraceLoggingProvider.h and FORMAT.md, section 6.
#ifndef ETWKIT_SCHEMA_TRACELOGGING_H
#define ETWKIT_SCHEMA_TRACELOGGING_H

#include "schema/model/schema.h"

// Reads the metadata of one event class into *out (name, properties, tags; everything in `a`). The caller fills in
// provider and descriptor. False: the metadata contradicts itself, and why.
MUST_USE bool tracelogging_schema(arena *a, span metadata, event_schema *out, error *e);

// The provider's name out of its traits; NULL where there is none.
const char *tracelogging_provider_name(arena *a, span traits);

#endif
