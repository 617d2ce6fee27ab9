#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void write(error *e, error_code code, const char *format, va_list args)
{
    if (!e)
        return;
    error whole = {.code = code}; // the arguments may point into e
    vsnprintf(whole.message, sizeof(whole.message), format, args);
    *e = whole;
}

bool error_set(error *e, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    write(e, ERR_BROKEN, format, args);
    va_end(args);
    return false;
}

bool error_code_set(error *e, error_code code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    write(e, code, format, args);
    va_end(args);
    return false;
}

// Appends to what is in text[0 .. len), cut at the end of the message.
static size_t append(char *text, size_t len, const char *more)
{
    size_t left = sizeof(((error *)NULL)->message) - 1 - len, more_len = strlen(more);
    if (more_len > left)
        more_len = left;
    memcpy(text + len, more, more_len);
    text[len + more_len] = 0;
    return len + more_len;
}

bool error_errno_set(error *e, int number, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    write(e, error_code_of_errno(number), format, args);
    va_end(args);
    if (e)
        append(e->message, append(e->message, strlen(e->message), ": "), strerror(number));
    return false;
}

bool error_prefix(error *e, const char *format, ...)
{
    if (e) {
        error whole;
        va_list args;
        va_start(args, format);
        write(&whole, e->code, format, args);
        va_end(args);
        append(whole.message, append(whole.message, strlen(whole.message), ": "), e->message);
        *e = whole;
    }
    return false;
}

error_code error_code_of_errno(int number)
{
    switch (number) {
    case 0:
        return ERR_NONE;
    case ENOENT:
    case ENOTDIR:
        return ERR_MISSING;
    case EACCES:
    case EPERM:
        return ERR_PERMISSION;
    case EISDIR:
        return ERR_NOT_A_FILE;
    case ENOSPC:
        return ERR_SPACE;
    case ENOMEM:
        return ERR_MEMORY;
    case EMFILE:
    case ENFILE:
        return ERR_LIMIT;
    default:
        return ERR_IO;
    }
}

const char *error_reason(error_code code)
{
    static const char *const REASONS[] = {
        [ERR_NONE] = "",
        [ERR_BROKEN] = "broken",
        [ERR_NOT_A_TRACE] = "not_a_trace",
        [ERR_EMPTY] = "empty",
        [ERR_MISSING] = "missing",
        [ERR_PERMISSION] = "permission",
        [ERR_NOT_A_FILE] = "not_a_file",
        [ERR_IO] = "io",
        [ERR_SPACE] = "space",
        [ERR_MEMORY] = "memory",
        [ERR_LIMIT] = "limit",
        [ERR_ENCRYPTED] = "encrypted",
    };
    return REASONS[code];
}
