#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/os.h"

enum { BLOCK_BYTES = 64 << 10, ALIGNMENT = 16 };
enum { TOUCHED_BYTES = 64 << 10 }; // blocks from this on have their pages asked for at once

struct arena_block {
    struct arena_block *older;
    _Alignas(ALIGNMENT) u8 bytes[];
};

void (*mem_last_words)(void);

static void *touched(void *block, size_t bytes)
{
    if (bytes >= TOUCHED_BYTES)
        os_touch(block, bytes);
    return block;
}

static _Noreturn void out_of_memory(size_t bytes)
{
    if (mem_last_words)
        mem_last_words();
    fprintf(stderr, "etwkit: out of memory: %zu more bytes were not to be had\n", bytes);
    exit(1);
}

void *mem_alloc(size_t bytes)
{
    void *block = malloc(bytes ? bytes : 1);
    if (!block)
        out_of_memory(bytes);
    return touched(block, bytes);
}

void *mem_zeroed(size_t count, size_t each)
{
    if (each && count >= TOUCHED_BYTES / each && count < OS_MOVED_BYTES / each)
        return memset(mem_alloc(count * each), 0, count * each);
    void *block = calloc(count ? count : 1, each ? each : 1);
    if (!block)
        out_of_memory(count);
    return touched(block, count * each);
}

void *mem_grow(void *block, size_t had, size_t count, size_t each)
{
    if (each && count > SIZE_MAX / each)
        out_of_memory(SIZE_MAX);
    size_t bytes = count * each;
    // Copied into pages that were asked for: realloc would have them come one by one.
    if (had && bytes >= TOUCHED_BYTES && had * each < OS_MOVED_BYTES) {
        void *moved = memcpy(mem_alloc(bytes), block, had * each);
        mem_free(block);
        return moved;
    }
    void *grown = realloc(block, bytes ? bytes : 1);
    if (!grown)
        out_of_memory(bytes);
    return touched(grown, bytes);
}

void *mem_grow_zeroed(void *block, size_t had, size_t count, size_t each)
{
    u8 *grown = mem_grow(block, had, count, each);
    memset(grown + had * each, 0, (count - had) * each);
    return grown;
}

void mem_free(void *block)
{
    free(block);
}

void *arena_take(arena *a, size_t bytes)
{
    if (bytes > SIZE_MAX / 2)
        out_of_memory(bytes);
    bytes = ((bytes ? bytes : 1) + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    if (bytes > (size_t)(a->end - a->at)) {
        size_t room = bytes > BLOCK_BYTES / 4 ? bytes : BLOCK_BYTES;
        struct arena_block *block = mem_alloc(sizeof(*block) + room);
        block->older = a->blocks;
        a->blocks = block;
        a->at = block->bytes;
        a->end = block->bytes + room;
    }
    void *taken = a->at;
    a->at += bytes;
    a->taken += bytes;
    return memset(taken, 0, bytes);
}

void *arena_take_array(arena *a, size_t count, size_t each)
{
    if (each && count > SIZE_MAX / each)
        out_of_memory(SIZE_MAX);
    return arena_take(a, count * each);
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
        free(a->blocks);
        a->blocks = older;
    }
    *a = (arena){0};
}
