#include "parquet_dictionary.h"

#include "etwkit_engine.h"

enum {
    DICTIONARY_VALUES = 65536, // with more, or with more bytes, values are written as they are
    DICTIONARY_BYTES = 1 << 20,
    DICTIONARY_TRIAL = 1024, // from so many values on most must have been there before
};

struct name {
    u64 pointer;
    u32 index;
};

static bool same(span a, span b)
{
    return a.len == b.len && (!a.len || memcmp(a.at, b.at, a.len) == 0);
}

void dictionary_free(dictionary *d)
{
    arena_free(&d->texts);
    mem_free(d->cells);
    mem_free(d->names);
    mem_free(d->of_code);
    map_free(&d->by_value);
    map_free(&d->by_name);
    *d = (dictionary){0};
}

static u32 add(dictionary *d, u64 hash, cell value, size_t bytes)
{
    GROW(d->cells, d->count, d->cap);
    map_add(&d->by_value, hash, d->count);
    d->cells[d->count] = value;
    d->bytes += bytes;
    return d->count++;
}

static u32 index_of_number(dictionary *d, u64 number)
{
    u32 found;
    u64 hash = hash_u64(number);
    MAP_FIND(found, &d->by_value, hash, d->cells[index_].number == number);
    return found != MAP_NONE ? found : add(d, hash, (cell){.number = number}, sizeof(number));
}

static u32 index_of_text(dictionary *d, span text)
{
    u32 found;
    u64 hash = hash_bytes(text.at, text.len);
    MAP_FIND(found, &d->by_value, hash, same(d->cells[index_].text, text));
    return found != MAP_NONE ? found : add(d, hash, (cell){.text = arena_bytes(&d->texts, text)}, 4 + text.len);
}

// Different pointers may be the same text.
static u32 index_of_name(dictionary *d, u64 pointer)
{
    u32 found;
    u64 hash = hash_u64(pointer);
    MAP_FIND(found, &d->by_name, hash, d->names[index_].pointer == pointer);
    if (found != MAP_NONE)
        return d->names[found].index;
    span name = text_span((const char *)(uintptr_t)pointer);
    u8 *valid = arena_take(&d->texts, 3 * name.len + 1);
    u32 index = index_of_text(d, (span){valid, (size_t)(text_utf8(valid, name) - valid)});
    GROW(d->names, d->name_count, d->name_cap);
    d->names[d->name_count] = (struct name){pointer, index};
    map_add(&d->by_name, hash, d->name_count++);
    return index;
}

u32 dictionary_code(dictionary *d, const parquet_column *c, u32 code)
{
    const parquet_value *v = &c->values[code];
    if (!d->of_code)
        d->of_code = mem_zeroed(c->value_count + 1, sizeof(*d->of_code));
    if (v->present && !d->of_code[code])
        d->of_code[code] = 1 + (c->type == PARQUET_TEXT ? index_of_text(d, v->text) : index_of_number(d, v->number));
    return d->of_code[code];
}

static bool is_full(const dictionary *d, u32 looked_up)
{
    return d->count > DICTIONARY_VALUES || d->bytes > DICTIONARY_BYTES ||
           (looked_up >= DICTIONARY_TRIAL && d->count > looked_up / 2);
}

// Numbers that were met lately are found without the map. What each adds to the range is added once.
enum { RECENT_BITS = 6 };

typedef struct recent {
    u64 number;
    u32 index; // plus one
} recent;

static bool index_numbers(dictionary *d, const parquet_column *c, const vector *v, u32 *restrict index, range *out)
{
    recent table[1 << RECENT_BITS] = {{0, 0}};
    recent last = {0, 0};
    for (u32 i = 0, count = v->count; i < count; i++) {
        u64 number = v->numbers[i];
        if (number != last.number || !last.index) {
            recent *at = &table[number * 0x9e3779b97f4a7c15 >> (64 - RECENT_BITS)];
            if (at->number != number || !at->index) {
                u32 found = c->names ? index_of_name(d, number) : index_of_number(d, number);
                if (is_full(d, d->looked_up + i + 1))
                    return false;
                range_add(out, c, d->cells[found].number, d->cells[found].text);
                *at = (recent){number, found + 1};
            }
            last = *at;
        }
        index[i] = last.index - 1;
    }
    return true;
}

static bool index_texts(dictionary *d, const vector *v, u32 *index)
{
    const u8 *p = v->text.bytes + VECTOR_LEVELS;
    for (u32 i = 0; i < v->count; i++) {
        span text = {p + 4, load_u32(p)};
        index[i] = index_of_text(d, text);
        p = text.at + text.len;
        if (is_full(d, d->looked_up + i + 1))
            return false;
    }
    return true;
}

bool dictionary_indexes(dictionary *d, const parquet_column *c, const vector *v, u32 *index, range *out)
{
    u32 before = d->count;
    bool texts = c->type == PARQUET_TEXT && !c->names;
    bool ok = texts ? index_texts(d, v, index) : index_numbers(d, c, v, index, out);
    d->looked_up += v->count;
    if (!ok) {
        d->count = before;
        *out = (range){0};
    }
    return ok;
}
