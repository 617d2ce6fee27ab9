// What went wrong: a sentence for a person (what was read, what it claimed, what was there) and a code for a program.
// Callers put their context before the sentence once; the code stays.
#ifndef ETWKIT_ERROR_H
#define ETWKIT_ERROR_H

#include "base/base.h"

typedef enum error_code {
    ERR_NONE,
    ERR_BROKEN,      // what was read contradicts its format or itself; what error_set says
    ERR_NOT_A_TRACE, // no trace buffer in it
    ERR_EMPTY,       // no byte in it
    ERR_MISSING,     // no such file
    ERR_PERMISSION,  // the system does not let us
    ERR_NOT_A_FILE,  // a folder, or a device that cannot be read from any place
    ERR_IO,          // the medium or the network fails
    ERR_SPACE,       // the disk is full
    ERR_MEMORY,
    ERR_LIMIT, // of limits.h, or of the system's descriptors
    ERR_ENCRYPTED,
} error_code;

typedef struct error {
    error_code code;
    char message[512];
} error;

// All always return false, so that a failing function can end in `return error_set(...)`. e may be NULL.
bool error_set(error *e, const char *format, ...) PRINTF_LIKE(2, 3); // ERR_BROKEN
bool error_code_set(error *e, error_code code, const char *format, ...) PRINTF_LIKE(3, 4);
bool error_errno_set(error *e, int number, const char *format, ...) PRINTF_LIKE(3, 4); // "format: what errno says"
bool error_prefix(error *e, const char *format, ...) PRINTF_LIKE(2, 3); // "context: " before what it says already

error_code error_code_of_errno(int number);

// The one word a scheduler can decide by, as records of inputs and the provenance file have it.
const char *error_reason(error_code code);

#endif
