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

typedef struct placed {
    const damage_note *note;
    u32 order; // in which it was added
} placed;

static int by_offset(const void *a, const void *b)
{
    const placed *x = a, *y = b;
    if (x->note->offset != y->note->offset)
        return x->note->offset < y->note->offset ? -1 : 1;
    return x->order < y->order ? -1 : 1;
}

damage_note *damage_in_order(const damage_log *a, const damage_log *b, u32 *count)
{
    u32 all = a->count + b->count;
    placed *places = mem_zeroed(all, sizeof(*places));
    damage_note *notes = mem_zeroed(all, sizeof(*notes));
    for (u32 i = 0; i < all; i++)
        places[i] = (placed){i < a->count ? &a->notes[i] : &b->notes[i - a->count], i};
    if (all)
        qsort(places, all, sizeof(*places), by_offset);
    for (u32 i = 0; i < all; i++)
        notes[i] = *places[i].note;
    mem_free(places);
    *count = all;
    return notes;
}

void damage_free(damage_log *log)
{
    arena_free(&log->arena);
    mem_free(log->notes);
    *log = (damage_log){0};
}
