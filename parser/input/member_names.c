#include "input/member_names.h"

#include <string.h>

#include "base/map.h"

typedef struct member_name {
    u64 hash;
    u32 members; // that have it, as far as is known
} member_name;

struct member_names {
    map by_hash;
    member_name *list;
    u32 count, cap;
};

member_names *member_names_new(void)
{
    return mem_zeroed(1, sizeof(member_names));
}

static bool is_name(const void *items, u32 index, const void *key)
{
    return ((const member_name *)items)[index].hash == *(const u64 *)key;
}

// MAP_NONE: no member has the name.
static u32 find(const member_names *names, u64 hash)
{
    return map_find(&names->by_hash, hash, is_name, names->list, &hash);
}

static void add(member_names *names, u64 hash)
{
    GROW(names->list, names->count, names->cap);
    names->list[names->count] = (member_name){hash, 1};
    map_add(&names->by_hash, hash, names->count++);
}

// "x/a.etl", 2: "x/a (2).etl".
static const char *numbered(const char *path, u32 number, arena *a)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path, *dot = strrchr(name, '.');
    const char *suffix = dot && dot > name ? dot : name + strlen(name);
    return arena_format(a, "%.*s (%u)%s", (int)(suffix - path), path, number, suffix);
}

const char *member_name_new(member_names *names, const char *path, arena *a)
{
    u64 hash = hash_bytes(path, strlen(path));
    u32 found = find(names, hash);
    if (found == MAP_NONE) {
        add(names, hash);
        return arena_text(a, path);
    }
    const char *other;
    do {
        other = numbered(path, ++names->list[found].members, a);
        hash = hash_bytes(other, strlen(other));
    } while (find(names, hash) != MAP_NONE);
    add(names, hash);
    return other;
}

const char *member_name_last(const member_names *names, const char *path, arena *a)
{
    u32 found = find(names, hash_bytes(path, strlen(path)));
    u32 members = found == MAP_NONE ? 1 : names->list[found].members;
    return members > 1 ? numbered(path, members, a) : arena_text(a, path);
}

void member_names_free(member_names *names)
{
    if (names) {
        map_free(&names->by_hash);
        mem_free(names->list);
    }
    mem_free(names);
}
