// One sentence for a person: what was read, what it claimed, what was there. Callers put their context in front once.
#ifndef ETWKIT_ERROR_H
#define ETWKIT_ERROR_H

#include "base/base.h"

typedef struct error {
    char message[512];
} error;

// Both always return false, so that a failing function can end in `return error_set(...)`. e may be NULL.
bool error_set(error *e, const char *format, ...) PRINTF_LIKE(2, 3);
bool error_prefix(error *e, const char *format, ...) PRINTF_LIKE(2, 3); // "context: " before what it says already

#endif
