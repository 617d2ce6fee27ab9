#include "container/damage.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"

void damage_add(damage_log *log, u64 offset, u64 bytes, const char *kind, const char *format, ...)
{
    log->ranges++;
    log->bytes += bytes;
    if (log->count >= LIMIT_DAMAGE_NOTES)
        return;
    char text[400];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    GROW(log->notes, log->count, log->cap);
    log->notes[log->count++] = (damage_note){offset, bytes, kind, arena_text(&log->arena, text)};
}

void damage_append(damage_log *log, const damage_log *more)
{
    for (u32 i = 0; i < more->count; i++)
        damage_add(log, more->notes[i].offset, more->notes[i].bytes, more->notes[i].kind, "%s", more->notes[i].message);
    log->ranges += more->ranges - more->count;
    u64 noted = 0;
    for (u32 i = 0; i < more->count; i++)
        noted += more->notes[i].bytes;
    log->bytes += more->bytes - noted;
}

static int by_offset(const void *a, const void *b)
{
    const damage_note *x = a, *y = b;
    if (x->offset != y->offset)
        return x->offset < y->offset ? -1 : 1;
    return x->bytes < y->bytes ? -1 : x->bytes > y->bytes;
}

void damage_sort(damage_log *log)
{
    if (log->count)
        qsort(log->notes, log->count, sizeof(*log->notes), by_offset);
}

void damage_free(damage_log *log)
{
    arena_free(&log->arena);
    mem_free(log->notes);
    *log = (damage_log){0};
}
