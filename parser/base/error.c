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

bool error_prefix(error *e, const char *format, ...)
{
    if (e) {
        char before[sizeof(e->message)], behind[sizeof(e->message)];
        va_list args;
        va_start(args, format);
        vsnprintf(before, sizeof(before), format, args);
        va_end(args);
        memcpy(behind, e->message, sizeof(behind));
        size_t room = sizeof(e->message), len = strlen(before);
        if (len > room - 3)
            len = room - 3;
        memcpy(e->message, before, len);
        snprintf(e->message + len, room - len, ": %s", behind);
    }
    return false;
}
