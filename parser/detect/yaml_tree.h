// A YAML document as a tree of texts, lists and maps, in the document's order.
//
// Read by libyaml; anchors are followed. Documents that unfold into more than LIMIT_YAML_NODES nodes, or nest deeper
// than LIMIT_YAML_DEPTH, are refused.
#ifndef ETWKIT_YAML_TREE_H
#define ETWKIT_YAML_TREE_H

#include "base/arena.h"
#include "base/error.h"

typedef enum yaml_kind { YAML_TEXT, YAML_LIST, YAML_MAP } yaml_kind;

typedef struct yaml_value {
    yaml_kind kind;
    bool plain; // of a text: without quotes, so that null, true and numbers mean what they say
    u32 count;  // of items
    size_t len;
    const char *text;                      // UTF-8, a NUL after it
    const struct yaml_value *keys, *items; // keys: of a map; all are texts
} yaml_value;

// Calls `visit` for each document of the text. False, and why, at the first that is broken; those before it were
// visited. Nodes live in the arena.
typedef void yaml_visit(void *context, const yaml_value *document);
MUST_USE bool yaml_read(arena *a, span text, yaml_visit *visit, void *context, error *e);

const yaml_value *yaml_member(const yaml_value *map, const char *key); // NULL: there is none, or it is not a map
const char *yaml_text(const yaml_value *map, const char *key);         // NULL: there is none, or it is not a text
bool yaml_is_null(const yaml_value *v);

#endif
