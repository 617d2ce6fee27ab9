// The built-in core: events of the Windows providers an investigation meets first, for traces that come alone.
//
// Facts only (ids, versions, field names and types, names of tasks, opcodes, keywords and maps), no messages. A
// manifest or DLL the user gives, and what a trace says of itself, are preferred to it.
#ifndef ETWKIT_SCHEMA_BUILTIN_H
#define ETWKIT_SCHEMA_BUILTIN_H

#include "schema/model/schema.h"

// Adds a provider of the table to the set: origin ORIGIN_BUILTIN, rank RANK_BUILTIN. To be called once a set and
// provider, as the fetch hook of schema_set_fetch does. False: the table does not have it.
bool schema_builtin_fetch(schema_set *set, const guid *provider);

#endif
