// The table of output formats and how one is found.
#include "exporter.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

const exporter *const exporters[] = {
#define EXPORTER(name) &exporter_##name,
#include "exporters.def"
#undef EXPORTER
    NULL,
};

const char *exporter_name(u32 index)
{
    return exporters[index] ? exporters[index]->name : NULL;
}

const char *exporter_names(char scratch[256])
{
    size_t len = 0;
    for (u32 i = 0; exporters[i] && len < 256; i++)
        len += (size_t)snprintf(scratch + len, 256 - len, "%s%s", i ? ", " : "", exporters[i]->name);
    return scratch;
}

bool exporter_head_is(span head, const char *text)
{
    size_t len = strlen(text);
    return head.len >= len && memcmp(head.at, text, len) == 0;
}

bool exporter_head_has(span head, const char *text)
{
    for (size_t at = 0; at < head.len; at++)
        if (exporter_head_is(span_from(head, at), text))
            return true;
    return false;
}

const exporter *exporter_by_name(const char *name)
{
    for (size_t i = 0; exporters[i]; i++)
        if (strcasecmp(exporters[i]->name, name) == 0)
            return exporters[i];
    return NULL;
}

// Whether `suffix` is one of the blank-separated words of `list`.
static bool list_has(const char *list, const char *suffix, size_t len)
{
    while (*list) {
        list += strspn(list, " ");
        size_t word = strcspn(list, " ");
        if (word == len && strncasecmp(list, suffix, len) == 0)
            return true;
        list += word;
    }
    return false;
}

const exporter *exporter_by_path(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *suffix = strrchr(slash ? slash + 1 : path, '.');
    if (!suffix)
        return NULL;
    for (size_t i = 0; exporters[i]; i++)
        if (list_has(exporters[i]->suffixes, suffix, strlen(suffix)))
            return exporters[i];
    return NULL;
}
