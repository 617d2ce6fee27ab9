// Shared by the files that turn documents into rules.
#ifndef ETWKIT_RULE_INTERNAL_H
#define ETWKIT_RULE_INTERNAL_H

#include "detect/rule.h"

// A rule that is being read.
typedef struct compilation {
    rule_set *set;
    logsource *source;
    const yaml_value *detection;
    error *e;
    u32 depth;
} compilation;

// Reserves `count` nodes in a row.
u32 nodes_take(rule_set *set, u32 count);

// A selection, list of keywords, or value of `detection`, to a node.
MUST_USE bool selection_compile(compilation *c, const yaml_value *v, node *out);
// The text of a condition to a node.
MUST_USE bool condition_compile(compilation *c, const char *text, node *out);

u32 logsource_field(rule_set *set, logsource *source, const char *name);

#endif
