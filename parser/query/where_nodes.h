// What an expression is inside: a tree of tests over operands. For the files of query/ only.
#ifndef ETWKIT_WHERE_NODES_H
#define ETWKIT_WHERE_NODES_H

#include "activity/getter.h"
#include "query/operand.h"
#include "query/where.h"

typedef enum node_kind {
    NODE_AND,
    NODE_OR,
    NODE_NOT,
    NODE_COMPARE, // the tests, from here
    NODE_LIKE,
    NODE_IN,
    NODE_NULL,
    NODE_BITS,
    NODE_TRUTH,  // to here
    NODE_COLUMN, // the operands
    NODE_FIELD,
    NODE_PROCESS,
    NODE_TEXT,
    NODE_NUMBER,
} node_kind;

typedef struct node {
    node_kind kind;
    compare_op op;
    bool negated;
    column_id column;
    const char *path;          // NODE_FIELD: "QueryName", "Struct.Member"
    getter fact;               // NODE_PROCESS
    operand value;             // NODE_TEXT, NODE_NUMBER
    const char *at;            // of operands: where they stand in the expression
    struct node *left, *right; // of tests: operands; NODE_IN: the first of the list
    struct node *next;         // in a list
} node;

struct expression {
    arena arena;
    node *root;
};

static inline bool node_is_test(const node *n)
{
    return n->kind >= NODE_COMPARE && n->kind <= NODE_TRUTH;
}

// Whether the test holds of its operands' values.
bool test_holds(const node *test, const operand *left, const operand *right);

// Of the columns whose value is a list of texts: whether the test holds of one of them, as of an array's elements.
static inline bool node_is_texts(const node *n)
{
    return n->kind == NODE_COLUMN && column_table[n->column].type == TYPE_TEXTS;
}
bool test_holds_of_texts(const node *test, const record *rec, const operand *joined, const operand *right);

// What holds of a test for all events of a class, as far as the class alone says.
where_truth test_for_class(const node *test, const event_class *cls, bool planned);

#endif
