#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/os.h"
#include "verify/verify.h"

static char *copy(const char *text)
{
    size_t len = strlen(text) + 1;
    return memcpy(mem_alloc(len), text, len);
}

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

// NULL: an odd number of digits, something else than digits, or a NUL.
static char *from_hex(const char *hex)
{
    size_t len = strlen(hex) / 2;
    char *text = mem_alloc(len + 1);
    text[len] = 0;
    for (size_t i = 0; i < len; i++) {
        int high = digit(hex[2 * i]), low = digit(hex[2 * i + 1]);
        text[i] = (char)(high < 0 || low < 0 ? 0 : high << 4 | low);
    }
    if (strlen(hex) % 2 == 0 && strlen(text) == len)
        return text;
    mem_free(text);
    return NULL;
}

char *verify_text(const cJSON *object, const char *member)
{
    char bytes_member[64];
    snprintf(bytes_member, sizeof(bytes_member), "%s_bytes", member);
    const char *hex = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, bytes_member));
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, member));
    return hex ? from_hex(hex) : text ? copy(text) : NULL;
}

// folder/name, where that is something. Heap, or NULL.
static char *in_folder(const char *folder, const char *name)
{
    if (!folder)
        return NULL;
    size_t capacity = strlen(folder) + strlen(name) + 2;
    char *path = mem_alloc(capacity);
    snprintf(path, capacity, "%s/%s", folder, name);
    if (os_exists(path))
        return path;
    mem_free(path);
    return NULL;
}

char *verify_find(const verify_place *place, const char *name, bool beside)
{
    const char *slash = strrchr(name, '/'), *last = slash ? slash + 1 : name;
    char *found = beside ? in_folder(place->folder, last) : NULL;
    if (!found && *name != '/')
        found = in_folder(place->run, name);
    if (!found && *name != '/')
        found = in_folder(place->moved, name);
    if (!found && os_exists(name))
        found = copy(name);
    if (!found && *name != '/')
        found = in_folder(place->folder, name);
    if (!found)
        found = in_folder(place->folder, last);
    return found ? found : copy(name);
}
