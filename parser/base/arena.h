// Memory by lifetime: everything that lives as long as its arena is taken from it, nothing is freed one by one.
//
// The structs that hand out pointers say which arena they come from. When the machine is out of memory the process
// ends with one sentence: input cannot cause that by itself, every size it may ask for has a limit in limits.h.
#ifndef ETWKIT_ARENA_H
#define ETWKIT_ARENA_H

#include "base/base.h"
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
void *arena_take_array(arena *a, size_t count, size_t each); // ends the process where count * each overflows

// Copies with a NUL behind; the text may hold any bytes.
char *arena_text(arena *a, const char *text);
char *arena_text_len(arena *a, const char *text, size_t len);
span arena_bytes(arena *a, span bytes);
char *arena_format(arena *a, const char *format, ...) PRINTF_LIKE(2, 3);

void arena_free(arena *a); // everything; the arena is empty and usable again

// Plain heap blocks with the same promise, for what grows: never NULL.
void *mem_alloc(size_t bytes);
void *mem_zeroed(size_t count, size_t each);
void *mem_grow(void *block, size_t had, size_t count, size_t each);        // the first `had` elements stay
void *mem_grow_zeroed(void *block, size_t had, size_t count, size_t each); // what is new is zero
void mem_free(void *block);

// An array that grows: makes room for index `count` in *items, whose capacity is *cap. Those below 4 MiB double, large
// ones grow by an eighth.
enum { GROW_DOUBLES = 4 << 20 };
#define GROW(items, count, cap)                                                                                        \
    do {                                                                                                               \
        if ((count) >= (cap)) {                                                                                        \
            size_t had_ = (cap);                                                                                       \
            (cap) = (cap) ? (cap) < GROW_DOUBLES / sizeof(*(items)) ? (cap)*2 : (cap) + (cap) / 8 : 16;                \
            (items) = mem_grow((items), had_, (cap), sizeof(*(items)));                                                \
        }                                                                                                              \
    } while (0)

// Called once, before the process ends for want of memory (removes unfinished outputs).
extern void (*mem_last_words)(void);

#endif
