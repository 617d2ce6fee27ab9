#include "input/near.h"

#include <string.h>
#include <strings.h>

#include "base/os.h"

typedef struct name_search {
    const char *name; // the first of the path
    size_t len;
    const char *rest; // what comes after it
    arena *arena;
    const char *found;
} name_search;

static const char *find_in(const char *folder, const char *path, arena *a);

static bool try_entry(void *context, const char *path)
{
    name_search *s = context;
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    if (strlen(name) == s->len && strncasecmp(name, s->name, s->len) == 0)
        s->found = *s->rest ? find_in(path, s->rest, s->arena) : arena_text(s->arena, path);
    return !s->found;
}

// Where two names differ in their letters' case only, either may be meant.
static const char *find_in(const char *folder, const char *path, arena *a)
{
    name_search s = {.name = path, .len = strcspn(path, "/"), .arena = a};
    s.rest = path + s.len + (path[s.len] != 0);
    bool leads_up = s.len == 2 && path[0] == '.' && path[1] == '.';
    if (leads_up || !s.len || !os_is_folder(folder))
        return NULL;
    return os_list_folder(folder, try_entry, &s, NULL) ? s.found : NULL;
}

const char *near_find(const char *root, const char *path, arena *a)
{
    const char *exact = arena_format(a, "%s%s", root, path);
    return os_exists(exact) ? exact : find_in(*root ? root : ".", path, a);
}
