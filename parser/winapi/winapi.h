// What all files of this folder share: from the project's errors to Windows' codes, and work that may run out of
// memory.
#ifndef ETWKIT_WINAPI_H
#define ETWKIT_WINAPI_H

#include "base/memory.h"
#include "opentrace.h"

DWORD winapi_code(const error *e);

// Runs work in a pool that goes with the call. ERROR_NOT_ENOUGH_MEMORY, else ERROR_SUCCESS.
DWORD winapi_try(void (*work)(void *context), void *context);

#endif
