// The vocabulary of manifests and the look-ups in a manifest's tree. Knows no XML and no schemas.
#include "schema/manifest/manifest.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/bisect.h"

static const struct {
    const char *name;
    manifest_tag tag;
} TAGS[] = {
    {"assembly", TAG_CONTAINER},
    {"instrumentationManifest", TAG_CONTAINER},
    {"instrumentation", TAG_CONTAINER},
    {"localization", TAG_CONTAINER},
    {"provider", TAG_PROVIDER},
    {"channels", TAG_CHANNELS},
    {"channel", TAG_CHANNEL},
    {"importChannel", TAG_IMPORT_CHANNEL},
    {"levels", TAG_LEVELS},
    {"level", TAG_LEVEL},
    {"keywords", TAG_KEYWORDS},
    {"keyword", TAG_KEYWORD},
    {"tasks", TAG_TASKS},
    {"task", TAG_TASK},
    {"opcodes", TAG_OPCODES},
    {"opcode", TAG_OPCODE},
    {"maps", TAG_MAPS},
    {"valueMap", TAG_VALUE_MAP},
    {"bitMap", TAG_BIT_MAP},
    {"map", TAG_MAP},
    {"templates", TAG_TEMPLATES},
    {"template", TAG_TEMPLATE},
    {"data", TAG_DATA},
    {"struct", TAG_STRUCT},
    {"events", TAG_EVENTS},
    {"event", TAG_EVENT},
    {"resources", TAG_RESOURCES},
    {"stringTable", TAG_STRING_TABLE},
    {"string", TAG_STRING},
};

static const struct {
    const char *name;
    manifest_attribute id;
} ATTRIBUTES[] = {
    {"name", ATTR_NAME},
    {"guid", ATTR_GUID},
    {"symbol", ATTR_SYMBOL},
    {"message", ATTR_MESSAGE},
    {"resourceFileName", ATTR_RESOURCE_FILE},
    {"messageFileName", ATTR_MESSAGE_FILE},
    {"source", ATTR_SOURCE},
    {"value", ATTR_VALUE},
    {"version", ATTR_VERSION},
    {"level", ATTR_LEVEL},
    {"opcode", ATTR_OPCODE},
    {"task", ATTR_TASK},
    {"keywords", ATTR_KEYWORDS},
    {"channel", ATTR_CHANNEL},
    {"template", ATTR_TEMPLATE},
    {"mask", ATTR_MASK},
    {"chid", ATTR_CHID},
    {"eventGUID", ATTR_EVENT_GUID},
    {"tid", ATTR_TID},
    {"inType", ATTR_IN_TYPE},
    {"outType", ATTR_OUT_TYPE},
    {"map", ATTR_MAP},
    {"length", ATTR_LENGTH},
    {"count", ATTR_COUNT},
    {"tags", ATTR_TAGS},
    {"id", ATTR_ID},
    {"culture", ATTR_CULTURE},
    {"etwkit:build", ATTR_BUILD},
};

static const char *without_prefix(const char *name)
{
    const char *colon = strchr(name, ':');
    return colon ? colon + 1 : name;
}

manifest_tag manifest_tag_of(const char *name)
{
    const char *plain = without_prefix(name);
    for (size_t i = 0; i < COUNT_OF(TAGS); i++)
        if (strcmp(TAGS[i].name, plain) == 0)
            return TAGS[i].tag;
    return TAG_NONE;
}

manifest_attribute manifest_attribute_of(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(ATTRIBUTES); i++)
        if (strcasecmp(ATTRIBUTES[i].name, name) == 0)
            return ATTRIBUTES[i].id;
    return ATTR_NONE;
}

const char *manifest_attr(const manifest_node *node, manifest_attribute id)
{
    for (u32 i = 0; i < node->attribute_count; i++)
        if (node->attributes[i].id == id)
            return node->attributes[i].text;
    return NULL;
}

static const manifest_node *of_tag(const manifest_node *node, manifest_tag tag)
{
    while (node && node->tag != tag)
        node = node->next;
    return node;
}

const manifest_node *manifest_child(const manifest_node *node, manifest_tag tag)
{
    return of_tag(node->first, tag);
}

const manifest_node *manifest_next(const manifest_node *node, manifest_tag tag)
{
    return of_tag(node->next, tag);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static unsigned digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0');
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? (unsigned)(lower - 'a' + 10) : 99;
}

bool manifest_number(const char *text, u64 *value)
{
    while (is_blank(*text))
        text++;
    bool negative = *text == '-';
    text += negative;
    unsigned base = 10;
    if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
        base = 16;
        text += 2;
    }
    u64 sum = 0;
    const char *start = text;
    for (; digit_of(*text) < base; text++) {
        unsigned digit = digit_of(*text);
        if (sum > (UINT64_MAX - digit) / base)
            return false;
        sum = sum * base + digit;
    }
    if (text == start && base == 10) // "0x" is 0: .NET wrote that for enumerations without a value
        return false;
    while (is_blank(*text))
        text++;
    if (*text)
        return false;
    *value = negative ? 0 - sum : sum;
    return true;
}

void manifest_index_add(manifest_index *index, const char *key, u32 order, void *value)
{
    GROW(index->items, index->count, index->cap);
    index->items[index->count++] = (struct manifest_entry){key, order, value};
}

static int by_key(const void *a, const void *b)
{
    const struct manifest_entry *x = a, *y = b;
    int order = strcmp(x->key, y->key);
    return order ? order : (x->order > y->order) - (x->order < y->order);
}

void manifest_index_sort(manifest_index *index)
{
    if (index->count > 1)
        qsort(index->items, index->count, sizeof(*index->items), by_key);
}

struct manifest_entry *manifest_index_find(const manifest_index *index, const char *key)
{
    u32 low;
    BISECT(low, 0, index->count, strcmp(index->items[index_].key, key) < 0);
    return low < index->count && strcmp(index->items[low].key, key) == 0 ? &index->items[low] : NULL;
}

void manifest_index_free(manifest_index *index)
{
    mem_free(index->items);
    *index = (manifest_index){0};
}

void manifest_note(const manifest_target *to, u32 line, const char *format, ...)
{
    char text[400];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    schema_load_note(to->load, "%s: line %u: %s", to->label, line, text);
}
