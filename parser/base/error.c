#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool error_set(error *e, const char *format, ...)
{
    if (e) {
        va_list args;
        va_start(args, format);
        vsnprintf(e->message, sizeof(e->message), format, args);
        va_end(args);
    }
    return false;
}

// Appends to what stands in text[0 .. len), cut at the end of the message.
static size_t append(char *text, size_t len, const char *more, size_t more_len)
{
    size_t room = sizeof(((error *)NULL)->message) - 1 - len;
    if (more_len > room)
        more_len = room;
    memcpy(text + len, more, more_len);
    text[len + more_len] = 0;
    return len + more_len;
}

bool error_prefix(error *e, const char *format, ...)
{
    if (e) {
        error whole; // the arguments may point into e
        va_list args;
        va_start(args, format);
        vsnprintf(whole.message, sizeof(whole.message), format, args);
        va_end(args);
        size_t len = append(whole.message, strlen(whole.message), ": ", 2);
        append(whole.message, len, e->message, strlen(e->message));
        *e = whole;
    }
    return false;
}
