// Keys and data of the registry, as people and rules write them.
#ifndef ETWKIT_REGISTRY_H
#define ETWKIT_REGISTRY_H

#include "decode/value.h"

// A native path (\\REGISTRY\\MACHINE\\...) with HKLM or HKU before it. Sysmon also says CurrentControlSet for all
// control sets.
void registry_put_key(span native, bool as_sysmon, outbuf *out);

// The data of a SetValueKey event of Microsoft-Windows-Kernel-Registry, by the type the event tells: text, a number as
// "DWORD (0x00000001)" or "QWORD (0x00000000-0x00000001)", else hex, of which Sysmon says "Binary Data" only. False:
// the event does not have it.
MUST_USE bool registry_put_data(const record *rec, const typed_value *captured, bool as_sysmon, outbuf *out);

#endif
