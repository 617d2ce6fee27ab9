// Values of one column that wait for their page.
#ifndef ETWKIT_PARQUET_VECTOR_H
#define ETWKIT_PARQUET_VECTOR_H

#include "base/outbuf.h"

typedef struct vector {
    u8 *def, *rep; // levels by entry, of columns whose values come with levels; rep: of those in lists alone
    u64 *numbers;
    outbuf text; // room for levels, then a length of four bytes and a text each: a plain page as it is written
    u32 entries, count;
    u32 entry_cap, count_cap;
} vector;

// The lowest byte first, as in the file.
ALWAYS_INLINE u8 *put_little(u8 *p, u64 value, u32 bytes)
{
    for (u32 i = 0; i < bytes; i++)
        p[i] = (u8)(value >> 8 * i);
    return p + bytes;
}

enum { VECTOR_LEVELS = 4096 }; // the room for levels before texts

static inline void vector_number(vector *v, u64 number)
{
    GROW(v->numbers, v->count, v->count_cap);
    v->numbers[v->count++] = number;
}

static inline u8 *vector_text_room(vector *v, size_t bytes)
{
    v->count++;
    if (!v->text.len) {
        (void)outbuf_reserve(&v->text, VECTOR_LEVELS);
        v->text.len = VECTOR_LEVELS;
    }
    u8 *p = outbuf_reserve(&v->text, bytes);
    v->text.len += bytes;
    return p;
}

// A text with its length before it.
static inline void vector_counted_text(vector *v, span counted)
{
    memcpy(vector_text_room(v, counted.len), counted.at, counted.len);
}

static inline void vector_text(vector *v, span text)
{
    u8 *p = put_little(vector_text_room(v, 4 + text.len), text.len, 4);
    if (text.len)
        memcpy(p, text.at, text.len);
}

static inline void vector_levels(vector *v, u32 rep, u32 def, bool in_list)
{
    if (v->entries == v->entry_cap) {
        v->entry_cap = v->entry_cap ? 2 * v->entry_cap : 1024;
        v->def = mem_grow(v->def, v->entries, v->entry_cap, 1);
        v->rep = in_list ? mem_grow(v->rep, v->entries, v->entry_cap, 1) : NULL;
    }
    if (in_list)
        v->rep[v->entries] = (u8)rep;
    v->def[v->entries++] = (u8)def;
}

static inline void vector_clear(vector *v)
{
    v->entries = v->count = 0;
    v->text.len = 0;
}

static inline void vector_free(vector *v)
{
    mem_free(v->def);
    mem_free(v->rep);
    mem_free(v->numbers);
    outbuf_free(&v->text);
}

#endif
