// The built-in core as schemas: every provider that public sources describe, for traces that come alone.
//
// Facts only (ids, versions, field names and types, names of tasks, opcodes, keywords and maps), no messages. A
// manifest or DLL the user gives, and what a trace says of itself, are preferred to it.
//
// The text of a provider has a line for each fact, cells separated by tabs, those left out at the end empty:
//
//   provider  GUID  name  builds
//   keyword   0x10  name
//   task      12  name
//   opcode    task.opcode  name
//   map       name  value=text ...        bits  name  mask=text ...
//   layout    fields                      as schema_layout.h has them; the events that follow it have this layout
//   id/version  builds  level  task  opcode  keywords  channel
//
// Builds are those of Windows that are known to have it, "7600-10240,26100": a range names the first and the last build
// any source describes, and all of these between have it. "*" is those of the provider, nothing: not known. A source
// may have names without numbers; then the name is in the cell of a task, opcode or (separated by blanks) keywords.
// Where builds disagree on an event of the same version it is there several times, the newest layout first.
//
// `bytes` without a length has a size that is not known (a structure nobody describes, or a length the sources have
// lost), except for the 16 bytes of `ipv6`.
#ifndef ETWKIT_SCHEMA_CORE_H
#define ETWKIT_SCHEMA_CORE_H

#include "schema/model/schema.h"

// Adds a provider of the core to the set: origin ORIGIN_BUILTIN, rank RANK_BUILTIN. To be called once a set and
// provider, as the fetch hook of schema_set_fetch does. False: the core does not describe it.
bool schema_core_fetch(schema_set *set, const guid *provider);

#endif
