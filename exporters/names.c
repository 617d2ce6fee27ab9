#include "names.h"

#include <string.h>

#include "base/text.h"

static bool same_name(const void *items, u32 index, const void *key)
{
    return strcmp(((const struct named *)items)[index].name, key) == 0;
}

static u32 index_of(const names *n, const char *name)
{
    return map_find(&n->map, hash_bytes(name, strlen(name)), same_name, n->list, name);
}

u32 names_add(names *n, const char *name, u32 value, bool *added)
{
    u32 found = index_of(n, name);
    *added = found == MAP_NONE;
    if (!*added)
        return n->list[found].value;
    GROW(n->list, n->count, n->cap);
    n->list[n->count] = (struct named){name, value, 0};
    map_add(&n->map, hash_bytes(name, strlen(name)), n->count++);
    return value;
}

u32 names_find(const names *n, const char *name)
{
    u32 found = index_of(n, name);
    return found == MAP_NONE ? NAME_UNKNOWN : n->list[found].value;
}

static char folded(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

u64 name_hash(const char *name)
{
    u64 hash = 0;
    for (; *name; name++)
        hash = hash_more(hash, &(char){folded(*name)}, 1);
    return hash;
}

bool name_same(const char *a, const char *b)
{
    while (*a && folded(*a) == folded(*b))
        a++, b++;
    return *a == *b;
}

const char *name_folded(arena *a, const char *name)
{
    char *copy = arena_text(a, name);
    for (char *p = copy; *p; p++)
        *p = folded(*p);
    return copy;
}

bool names_claim(arena *a, names *n, const char *name)
{
    bool added;
    names_add(n, name_folded(a, name), 0, &added);
    return added;
}

const char *names_claim_numbered(arena *a, names *n, const char *name, const char *before, const char *after)
{
    const char *own = name;
    while (!names_claim(a, n, own)) {
        struct named *taken = &n->list[index_of(n, name_folded(a, name))];
        own = arena_format(a, "%s%s%u%s", name, before, ++taken->again + 1, after);
    }
    return own;
}

void names_free(names *n)
{
    mem_free(n->list);
    map_free(&n->map);
    *n = (names){0};
}

void name_clean_into(u8 *clean, const char *name)
{
    span s = {(const u8 *)name, strnlen(name, LIMIT_NAME_BYTES)};
    *text_utf8(clean, s) = 0;
}

const char *name_clean(arena *a, const char *name)
{
    u8 clean[CLEAN_BYTES];
    name_clean_into(clean, name);
    return arena_text(a, (const char *)clean);
}
