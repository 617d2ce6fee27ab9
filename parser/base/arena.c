#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { BLOCK_BYTES = 64 << 10, ALIGNMENT = 16 };

struct arena_block {
    struct arena_block *older;
    _Alignas(ALIGNMENT) u8 bytes[];
};

void *arena_take(arena *a, size_t bytes)
{
    if (bytes > SIZE_MAX / 2)
        (void)mem_alloc(bytes); // does not return
    bytes = ((bytes ? bytes : 1) + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    if (bytes > (size_t)(a->end - a->at)) {
        size_t capacity = bytes > BLOCK_BYTES / 4 ? bytes : BLOCK_BYTES;
        struct arena_block *block = mem_alloc(sizeof(*block) + capacity);
        block->older = a->blocks;
        a->blocks = block;
        a->at = block->bytes;
        a->end = block->bytes + capacity;
    }
    void *taken = a->at;
    a->at += bytes;
    a->taken += bytes;
    return memset(taken, 0, bytes);
}

void *arena_take_array(arena *a, size_t count, size_t each)
{
    return arena_take(a, each && count > SIZE_MAX / each ? SIZE_MAX : count * each);
}

char *arena_text_len(arena *a, const char *text, size_t len)
{
    char *copy = arena_take(a, len + 1);
    if (len)
        memcpy(copy, text, len);
    return copy;
}

char *arena_text(arena *a, const char *text)
{
    return arena_text_len(a, text, strlen(text));
}

span arena_bytes(arena *a, span bytes)
{
    return (span){(const u8 *)arena_text_len(a, (const char *)bytes.at, bytes.len), bytes.len};
}

char *arena_format(arena *a, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = arena_take(a, len < 0 ? 1 : (size_t)len + 1);
    if (len > 0)
        vsnprintf(text, (size_t)len + 1, format, again);
    va_end(again);
    return text;
}

void arena_free(arena *a)
{
    while (a->blocks) {
        struct arena_block *older = a->blocks->older;
        mem_free(a->blocks);
        a->blocks = older;
    }
    *a = (arena){0};
}
