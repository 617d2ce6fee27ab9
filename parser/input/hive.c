#include "input/hive.h"

#include "base/os.h"
#include "input/as_file.h"

#if !defined(_WIN32) && !defined(ETWKIT_NO_IMAGES) && __has_include(<hivex.h>)
#include <hivex.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

// ---------------------------------------------------------------------------------------------- the library

#define FUNCTIONS(X)                                                                                                   \
    X(hivex_open)                                                                                                      \
    X(hivex_close)                                                                                                     \
    X(hivex_root)                                                                                                      \
    X(hivex_node_name)                                                                                                 \
    X(hivex_node_children)                                                                                             \
    X(hivex_node_get_child)                                                                                            \
    X(hivex_node_values)                                                                                               \
    X(hivex_node_get_value)                                                                                            \
    X(hivex_value_key)                                                                                                 \
    X(hivex_value_value)                                                                                               \
    X(hivex_value_string)                                                                                              \
    X(hivex_value_dword)

static struct {
#define MEMBER(name) __typeof__(name) *name;
    FUNCTIONS(MEMBER)
#undef MEMBER
} lib;
static bool is_there;

static void load_functions(void)
{
#ifdef ETWKIT_STATIC
#define TAKE(name) lib.name = name;
    FUNCTIONS(TAKE)
    is_there = true;
#else
    void *library = os_library_open("libhivex.so.0");
    is_there = library != NULL;
#define TAKE(name) is_there = is_there && os_library_symbol(library, #name, &lib.name, sizeof(lib.name));
    FUNCTIONS(TAKE)
#endif
}

bool hive_library(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, load_functions);
    return is_there;
}

// ---------------------------------------------------------------------------------------------- reading

struct hive {
    hive_h *handle;
    as_file file;
};

hive *hive_open(const input *in, error *e)
{
    if (!hive_library()) {
        error_set(e, "%s: it is a registry hive, and libhivex is not installed here", in->path);
        return NULL;
    }
    hive *h = mem_zeroed(1, sizeof(*h));
    if (as_file_copy(&h->file, in, e)) {
        h->handle = lib.hivex_open(h->file.path, 0);
        if (!h->handle) // what is wrong in one place need not be everywhere
            h->handle = lib.hivex_open(h->file.path, HIVEX_OPEN_UNSAFE);
        if (h->handle)
            return h;
        error_set(e, "%s: the registry hive cannot be read", in->path);
    }
    hive_close(h);
    return NULL;
}

void hive_close(hive *h)
{
    if (!h)
        return;
    if (h->handle)
        lib.hivex_close(h->handle);
    as_file_close(&h->file);
    mem_free(h);
}

hive_key hive_find(hive *h, const char *path)
{
    char name[256];
    hive_key key = lib.hivex_root(h->handle);
    while (key && *path) {
        size_t len = strcspn(path, "\\");
        if (len >= sizeof(name))
            return 0;
        memcpy(name, path, len);
        name[len] = 0;
        key = lib.hivex_node_get_child(h->handle, key, name);
        path += len + (path[len] != 0);
    }
    return key;
}

u32 hive_children(hive *h, hive_key key, hive_key **children, u32 most)
{
    hive_node_h *found = lib.hivex_node_children(h->handle, key);
    u32 count = 0;
    while (found && found[count] && count < most)
        count++;
    *children = mem_alloc(count * sizeof(**children) + 1);
    if (count)
        memcpy(*children, found, count * sizeof(**children));
    free(found);
    return count;
}

// What the library gave, as a text of the arena.
static const char *text_of(char *given, arena *a)
{
    const char *text = given ? arena_text(a, given) : NULL;
    free(given);
    return text;
}

const char *hive_name(hive *h, hive_key key, arena *a)
{
    return text_of(lib.hivex_node_name(h->handle, key), a);
}

const char *hive_text(hive *h, hive_key key, const char *value, arena *a)
{
    hive_value_h found = lib.hivex_node_get_value(h->handle, key, value);
    return found ? text_of(lib.hivex_value_string(h->handle, found), a) : NULL;
}

static void visit_value(hive *h, hive_value_h value, hive_visitor *visit, void *context)
{
    hive_type type;
    size_t len = 0;
    char *name = lib.hivex_value_key(h->handle, value), *bytes = lib.hivex_value_value(h->handle, value, &type, &len);
    if (name && bytes)
        visit(context, name, (span){(const u8 *)bytes, len});
    free(name);
    free(bytes);
}

void hive_each_value(hive *h, hive_key key, u32 most, hive_visitor *visit, void *context)
{
    hive_value_h *values = lib.hivex_node_values(h->handle, key);
    for (u32 i = 0; values && values[i] && i < most; i++)
        visit_value(h, values[i], visit, context);
    free(values);
}

u32 hive_number(hive *h, hive_key key, const char *value, u32 otherwise)
{
    hive_value_h found = lib.hivex_node_get_value(h->handle, key, value);
    int32_t number = found ? lib.hivex_value_dword(h->handle, found) : -1;
    return number >= 0 ? (u32)number : otherwise;
}

#else

bool hive_library(void)
{
    return false;
}

hive *hive_open(const input *in, error *e)
{
    error_set(e, "%s: it is a registry hive, and this program was built without libhivex", in->path);
    return NULL;
}

void hive_close(hive *h)
{
    (void)h;
}

hive_key hive_find(hive *h, const char *path)
{
    (void)h, (void)path;
    return 0;
}

u32 hive_children(hive *h, hive_key key, hive_key **children, u32 most)
{
    (void)h, (void)key, (void)most;
    *children = NULL;
    return 0;
}

const char *hive_name(hive *h, hive_key key, arena *a)
{
    (void)h, (void)key, (void)a;
    return NULL;
}

const char *hive_text(hive *h, hive_key key, const char *value, arena *a)
{
    (void)h, (void)key, (void)value, (void)a;
    return NULL;
}

void hive_each_value(hive *h, hive_key key, u32 most, hive_visitor *visit, void *context)
{
    (void)h, (void)key, (void)most, (void)visit, (void)context;
}

u32 hive_number(hive *h, hive_key key, const char *value, u32 otherwise)
{
    (void)h, (void)key, (void)value;
    return otherwise;
}

#endif
