// The texts of a manifest: string tables in several languages and the $(string.ID) references to them.
#include <string.h>
#include <strings.h>

#include "base/limits.h"
#include "schema/manifest/manifest.h"

typedef struct string_entry {
    const char *raw, *kept;
    const manifest_node *table;
    bool was_kept;
} string_entry;

enum { RANK_SHIFT = 28 }; // of a culture in an entry's order; elements are fewer

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

const char *manifest_keep(arena *keep, const char *text, size_t limit)
{
    size_t len = strlen(text);
    if (len > limit) {
        len = limit;
        while (len && ((u8)text[len] & 0xc0) == 0x80)
            len--;
    }
    while (len && is_blank(text[len - 1]))
        len--;
    return len ? arena_text_len(keep, text, len) : NULL;
}

static u32 culture_rank(const char *culture)
{
    if (!culture)
        return 2;
    if (strcasecmp(culture, "en-US") == 0)
        return 0;
    return strncasecmp(culture, "en", 2) == 0 && (!culture[2] || culture[2] == '-') ? 1 : 2;
}

static void collect_table(manifest_strings *s, const manifest_node *table, u32 *order, arena *scratch)
{
    u32 rank = culture_rank(table->parent ? manifest_attr(table->parent, ATTR_CULTURE) : NULL);
    for (const manifest_node *n = manifest_child(table, TAG_STRING); n; n = manifest_next(n, TAG_STRING)) {
        const char *id = manifest_attr(n, ATTR_ID), *value = manifest_attr(n, ATTR_VALUE);
        if (!id || !value)
            continue;
        string_entry *entry = arena_new(scratch, string_entry);
        entry->raw = value;
        entry->table = table;
        manifest_index_add(&s->index, id, rank << RANK_SHIFT | (*order)++, entry);
    }
}

static const manifest_node *node_behind(const manifest_node *n, const manifest_node *root)
{
    while (n != root && !n->next)
        n = n->parent;
    return n == root ? NULL : n->next;
}

manifest_strings manifest_strings_of(const manifest_target *to, const manifest_node *root, arena *scratch)
{
    manifest_strings s = {.keep = schema_arena(to->set)};
    u32 order = 0;
    for (const manifest_node *n = root; n;) {
        if (n->tag == TAG_STRING_TABLE)
            collect_table(&s, n, &order, scratch);
        bool inside = n->first && n->tag != TAG_PROVIDER && n->tag != TAG_STRING_TABLE;
        n = inside ? n->first : node_behind(n, root);
    }
    manifest_index_sort(&s.index);
    for (u32 i = 1; i < s.index.count; i++) {
        const struct manifest_entry *one = &s.index.items[i - 1], *two = &s.index.items[i];
        const string_entry *x = one->value, *y = two->value;
        if (x->table == y->table && strcmp(one->key, two->key) == 0 && strcmp(x->raw, y->raw) != 0)
            schema_load_note(to->load, "%s: string %.80s stands twice with different texts; the first is used",
                             to->label, two->key);
    }
    return s;
}

static const char *string_of(manifest_strings *s, const char *id, size_t len)
{
    char name[LIMIT_NAME_BYTES];
    struct manifest_entry *found = NULL;
    if (len < sizeof(name)) {
        memcpy(name, id, len);
        name[len] = 0;
        found = manifest_index_find(&s->index, name);
    }
    if (!found) {
        s->missing++;
        return NULL;
    }
    string_entry *entry = found->value;
    if (!entry->was_kept) {
        entry->kept = manifest_keep(s->keep, entry->raw, LIMIT_MESSAGE_BYTES);
        entry->was_kept = true;
    }
    return entry->kept;
}

const char *manifest_text_of(manifest_strings *s, const char *raw)
{
    static const char OPEN[] = "$(string.";
    size_t open = sizeof(OPEN) - 1, len = raw ? strlen(raw) : 0;
    while (len && is_blank(raw[len - 1]))
        len--;
    if (!len)
        return NULL;
    if (len <= open || strncasecmp(raw, OPEN, open) != 0 || raw[len - 1] != ')')
        return manifest_keep(s->keep, raw, LIMIT_MESSAGE_BYTES);
    return string_of(s, raw + open, len - open - 1);
}
