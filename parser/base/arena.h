// Memory by lifetime: everything that lives as long as its arena is taken from it, nothing is freed one by one.
//
// The structs that hand out pointers say which arena they come from. Where there is no more memory, control leaves as
// memory.h says: input cannot cause that by itself, every size it may ask for has a limit in limits.h.
#ifndef ETWKIT_ARENA_H
#define ETWKIT_ARENA_H

#include "base/memory.h"
#include "base/span.h"

typedef struct arena {
    struct arena_block *blocks; // newest first
    u8 *at, *end;               // free bytes of the newest block
    size_t taken;               // bytes handed out since the last reset
} arena;

// Zeroed bytes, aligned for any type. An all-zero arena is a valid empty one. Never NULL.
void *arena_take(arena *a, size_t bytes);
#define arena_new(a, type) ((type *)arena_take((a), sizeof(type)))
#define arena_array(a, type, count) ((type *)arena_take_array((a), (count), sizeof(type)))
void *arena_take_array(arena *a, size_t count, size_t each); // an overflow is no memory

// Copies with a NUL after it; the text may hold any bytes.
char *arena_text(arena *a, const char *text);
char *arena_text_len(arena *a, const char *text, size_t len);
span arena_bytes(arena *a, span bytes);
char *arena_format(arena *a, const char *format, ...) PRINTF_LIKE(2, 3);

void arena_free(arena *a); // everything; the arena is empty and usable again

#endif
