// Sigma rules: documents to expressions. Source: the Sigma rules specification 2.
#ifndef ETWKIT_RULE_H
#define ETWKIT_RULE_H

#include "detect/known_text.h"
#include "detect/needles.h"
#include "detect/pattern.h"
#include "detect/yaml_tree.h"

typedef enum rule_level {
    LEVEL_NONE,
    LEVEL_INFORMATIONAL,
    LEVEL_LOW,
    LEVEL_MEDIUM,
    LEVEL_HIGH,
    LEVEL_CRITICAL
} rule_level;

const char *rule_level_name(rule_level level); // "" for LEVEL_NONE
bool rule_level_read(const char *name, rule_level *out);

// Nodes of all rules of a set. Operands of AND, OR and NOT are nodes first, first + 1, … first + count - 1.
typedef enum node_kind { NODE_AND, NODE_OR, NODE_NOT, NODE_TEST } node_kind;
typedef struct node {
    node_kind kind;
    u32 first, count; // NODE_TEST: `first` is the test
} node;

// One pattern on one field, shared by all rules of a logsource that ask it.
typedef struct test {
    u32 field;
    bool used;       // by a rule that is used
    bool has_needle; // found by it; else asked when a rule gets that far
    sigma_pattern pattern;
    u32 *rules; // that a found needle may decide
    u32 rule_count, rule_capacity;
} test;

// A field that rules name; "" stands for keywords, which are looked for in all of the event.
typedef struct rule_field {
    const char *name;
    bool used;
    bool words;      // keywords, each of which has letters that numbers, times and addresses do not have
    needles needles; // of tests on it, by test
} rule_field;

typedef struct sigma_rule {
    const char *path;
    u32 document; // of the file, from 1
    const char *id, *name, *title, *status;
    const char **tags;
    u32 tag_count;
    rule_level level;
    u32 logsource;                   // index
    u32 root;                        // node
    bool always;                     // may be true without a needle
    const char *refused;             // why it is not understood, or cannot be used; NULL: it can
    bool left_out;                   // by whoever reads the set, before it is closed
    bool used;                       // neither; or a correlation that is used is about it
    bool told;                       // its hits are to be told: not where a correlation that is used is about it
    struct correlation *correlation; // NULL: a rule about events
    u32 *kept;                       // fields of its logsource that correlations ask
    u32 kept_count, kept_capacity;
} sigma_rule;

// Rules with the same "what kind of event".
typedef struct logsource {
    const char *product, *category, *service; // "": not named
    rule_field *fields;
    u32 field_count, field_capacity;
    test *tests;
    u32 test_count, test_capacity;
    struct map *tests_by_text, *fields_by_name;
    span *test_texts; // what makes each different from the others
    u32 *rules;       // those that are used
    u32 rule_count, rule_capacity;
    u32 *always; // of them
    u32 always_count;
} logsource;

typedef struct rule_set {
    arena arena;
    sigma_rule *rules;
    u32 rule_count, rule_capacity;
    logsource *logsources;
    u32 logsource_count, logsource_capacity;
    u32 test_count; // of all logsources
    node *nodes;
    u32 node_count, node_capacity;
    struct map *ids, *names;
    struct correlation **correlations; // that are used: none before those it is about
    u32 correlation_count, correlation_capacity;
    const yaml_value *placeholders; // a map from names to texts or lists; NULL: none are given
} rule_set;

// Adds all documents of a file. A document that is no rule, or is not understood, becomes a rule that is refused.
// False: the file cannot be read as YAML, and why; the documents before the break are there.
MUST_USE bool rule_set_add(rule_set *set, const char *path, span text, error *e);
// After the last: what is shared is made ready for asking, from any number of threads.
void rule_set_close(rule_set *set);
void rule_set_free(rule_set *set);

// ---------------------------------------------------------------------------------------------- asking

// What one thread needs to ask; all zero is a valid empty one.
typedef struct rule_scratch {
    u32 *asked; // by test: when it was answered
    u8 *answers;
    u32 capacity, now;
    u32 *candidate; // by rule of the set: when it became one
    u32 candidate_capacity;
    u32 *hits;
    u32 hit_count, hit_capacity;
    u32 *candidates;
    u32 candidate_count, candidates_capacity;
    const logsource *source;
    const subject *subjects;
} rule_scratch;
void rule_scratch_free(rule_scratch *scratch);

// What is asked of events of a kind.
typedef struct rule_question {
    const logsource *source;
    const u32 *fields; // of the logsource: of all others nothing is known
    u32 field_count;
    const u32 *always; // rules that can be true without a needle: logsource.always, or of these whatever may be true
    u32 always_count;
} rule_question;

// The rules that are true of an event: indexes in scratch->hits, ascending. `subjects` by field of the logsource.
u32 rule_set_ask(const rule_set *set, const rule_question *q, const subject *subjects, rule_scratch *scratch);

// Calls for each test of a rule that is true, after rule_set_ask: what made it true.
void rule_reasons(const rule_set *set, u32 rule, rule_scratch *scratch,
                  void (*reason)(void *context, const rule_field *f, const subject *s), void *context);

// Which answers a test, or all of a rule, may give.
typedef struct possible {
    bool yes, no;
} possible;

// Marks the fields of its logsource that a rule asks, or that are kept for correlations.
void rule_fields(const rule_set *set, u32 rule, bool *asked);

// How often a regular expression of the rule gave up on a value; 0 for most.
u64 rule_gave_up(const rule_set *set, u32 rule);

// What a rule may come to, by what its tests may.
possible rule_possible(const rule_set *set, u32 rule, possible (*of)(void *context, const test *t), void *context);

#endif
