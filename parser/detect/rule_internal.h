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
    u32 nodes, fields; // so far
    size_t bytes;      // of values, so far
    size_t condition_bytes;
} compilation;

// Reserves `count` nodes in a row. False: the rule has too many.
MUST_USE bool nodes_take(compilation *c, u32 count, u32 *first);

// A selection, list of keywords, or value of `detection`, to a node.
MUST_USE bool selection_compile(compilation *c, const yaml_value *v, node *out);
// The text of a condition to a node.
MUST_USE bool condition_compile(compilation *c, const char *text, node *out);

u32 logsource_field(rule_set *set, logsource *source, const char *name);
u32 rule_by_id(const rule_set *set, const char *id); // MAP_NONE: there is none

// What a document's `correlation` says, for a rule that is being read.
MUST_USE bool correlation_read(rule_set *set, sigma_rule *r, const yaml_value *document, error *e);
// All rules are there: finds those that correlations are about, and which rules are used and told.
void correlations_resolve(rule_set *set);

MUST_USE bool rule_field_index(compilation *c, const char *name, u32 *out);

#endif
