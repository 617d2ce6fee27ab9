// What all files of this folder share: from the project's errors to Windows' codes, and work that may run out of
// memory.
#ifndef ETWKIT_WINAPI_H
#define ETWKIT_WINAPI_H

#include "base/guid.h"
#include "base/memory.h"
#include "base/span.h"
#include "opentrace.h"

DWORD winapi_code(const error *e);

// Windows' GUIDs are structures of integers; the project's are the 16 bytes that are in traces.
static inline GUID winapi_guid(const u8 bytes[16])
{
    GUID g = {load_u32(bytes), load_u16(bytes + 4), load_u16(bytes + 6), {0}};
    memcpy(g.Data4, bytes + 8, 8);
    return g;
}

guid winapi_guid_bytes(const GUID *g);

// Runs work in a pool that goes with the call. ERROR_NOT_ENOUGH_MEMORY, else ERROR_SUCCESS.
DWORD winapi_try(void (*work)(void *context), void *context);

#endif
