#include "schema/machine/publishers.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/limits.h"

// What stands for folders of a system drive, as Windows has them from the start.
static const struct {
    const char *name, *means;
} FOLDERS[] = {
    {"%systemroot%", "windows"},
    {"%windir%", "windows"},
    {"\\systemroot", "windows"},
    {"%systemdrive%", ""},
    {"%programfiles%", "program files"},
    {"%programfiles(x86)%", "program files (x86)"},
    {"%programdata%", "programdata"},
    {"%allusersprofile%", "programdata"},
    {"%commonprogramfiles%", "program files/common files"},
    {"\\??\\", ""},
};

static const char *expand(const char *value, arena *a)
{
    for (u32 i = 0; i < COUNT_OF(FOLDERS); i++) {
        size_t len = strlen(FOLDERS[i].name);
        if (strncasecmp(value, FOLDERS[i].name, len) == 0)
            return arena_format(a, "%s%s", FOLDERS[i].means, value + len);
    }
    return value;
}

// x:\a\b, \a\b, or b of system32.
static const char *without_drive(const char *path, arena *a)
{
    if (isalpha((unsigned char)path[0]) && path[1] == ':')
        path += 2;
    else if (!strpbrk(path, "\\/"))
        return arena_format(a, "windows/system32/%s", path);
    return path + strspn(path, "\\/");
}

const char *publisher_path(const char *value, arena *a)
{
    if (!value)
        return NULL;
    value += strspn(value, " \"");
    if (!*value || (value[0] == '\\' && value[1] == '\\'))
        return NULL; // nothing, or of another machine
    char *path = arena_text(a, without_drive(expand(value, a), a));
    path[strcspn(path, "\";")] = 0;
    for (char *at = path; *at; at++)
        *at = *at == '\\' ? '/' : (char)tolower((unsigned char)*at);
    return *path && !strchr(path, '%') ? path : NULL;
}

static bool id_of(const char *name, guid *id)
{
    size_t len = strlen(name);
    return len > 2 && name[0] == '{' && name[len - 1] == '}' && guid_from_text(name + 1, len - 2, id);
}

publisher *publishers_read(hive *software, arena *a, u32 *count)
{
    static const char LIST[] = "Microsoft\\Windows\\CurrentVersion\\WINEVT\\Publishers";
    hive_key list = hive_find(software, LIST), *keys = NULL;
    u32 key_count = list ? hive_children(software, list, &keys, LIMIT_PUBLISHERS) : 0;
    publisher *found = arena_array(a, publisher, key_count);
    *count = 0;
    for (u32 i = 0; i < key_count; i++) {
        publisher p = {0};
        const char *name = hive_name(software, keys[i], a);
        if (!name || !id_of(name, &p.id))
            continue;
        p.resources = publisher_path(hive_text(software, keys[i], "ResourceFileName", a), a);
        p.messages = publisher_path(hive_text(software, keys[i], "MessageFileName", a), a);
        p.parameters = publisher_path(hive_text(software, keys[i], "ParameterFileName", a), a);
        if (p.resources || p.messages)
            found[(*count)++] = p;
    }
    mem_free(keys);
    return *count ? found : NULL;
}
