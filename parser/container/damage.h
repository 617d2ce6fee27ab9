// What was wrong with a trace: counted, located, never fatal.
#ifndef ETWKIT_DAMAGE_H
#define ETWKIT_DAMAGE_H

#include "base/arena.h"

typedef struct damage_note {
    u64 offset, bytes;   // in the file; inside a compressed buffer the offset is the buffer's
    const char *kind;    // "buffer", "event", "compression", "truncated", "read", "header", "garbage", "extended"
    const char *message; // one sentence
} damage_note;

typedef struct damage_log {
    arena arena;
    damage_note *notes; // as it was found; the first LIMIT_DAMAGE_NOTES
    u32 count, cap;
    u64 ranges, bytes; // of all, also those not kept
} damage_log;

void damage_add(damage_log *log, u64 offset, u64 bytes, const char *kind, const char *format, ...) PRINTF_LIKE(5, 6);
void damage_append(damage_log *log, const damage_log *more); // in their order
// The notes of two logs by offset, those of one offset in the order they were added: heap, `count` of both together.
damage_note *damage_in_order(const damage_log *a, const damage_log *b, u32 *count);
void damage_free(damage_log *log);

#endif
