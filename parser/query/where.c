#include "query/where.h"

#include "query/where_nodes.h"

// ---------------------------------------------------------------------------------------------- tests

static bool is_listed(const operand *value, const node *list)
{
    for (const node *item = list; item; item = item->next)
        if (operand_compare(OP_EQ, value, &item->value))
            return true;
    return false;
}

bool test_holds(const node *n, const operand *left, const operand *right)
{
    switch (n->kind) {
    case NODE_COMPARE:
        return operand_compare(n->op, left, right);
    case NODE_LIKE:
        return left->kind == OPERAND_TEXT && right->kind == OPERAND_TEXT && operand_like(left, right) != n->negated;
    case NODE_IN:
        return left->kind != OPERAND_NULL && is_listed(left, n->right) != n->negated;
    case NODE_NULL:
        return (left->kind == OPERAND_NULL) != n->negated;
    case NODE_BITS:
        return operand_has_bits(left, right);
    case NODE_TRUTH:
        return operand_is_true(left);
    default:
        return false;
    }
}

// One that is not negated may hold of all of them as well, joined as outputs without arrays have them.
bool test_holds_of_texts(const node *n, const record *rec, const operand *joined, const operand *right)
{
    column_texts texts = column_keyword_names(rec);
    bool negative = n->negated || (n->kind == NODE_COMPARE && n->op == OP_NE);
    if (n->kind == NODE_NULL || (!negative && test_holds(n, joined, right)))
        return test_holds(n, joined, right);
    for (u32 i = 0; i < texts.count; i++) {
        operand one = {.kind = OPERAND_TEXT, .text = texts.list[i], .len = strlen(texts.list[i])};
        if (test_holds(n, &one, right))
            return true;
    }
    return false;
}

// ---------------------------------------------------------------------------------------------- classes

// A field that no layout of the class has is null in all its events.
static bool lacks_field(const event_class *cls, const char *path)
{
    value_path found;
    for (u32 p = 0; p < cls->plan_count; p++)
        if (value_path_find(cls->plans[p], path, &found))
            return false;
    return true;
}

bool classes_have_field(const event_class *const *classes, u32 count, const char *path)
{
    for (u32 i = 0; i < count; i++)
        if (!lacks_field(classes[i], path))
            return true;
    return false;
}

static bool class_says(const node *n, const event_class *cls, bool planned)
{
    switch (n->kind) {
    case NODE_COLUMN:
        if (n->column == COLUMN_level && cls->message && !planned)
            return false;
        return column_table[n->column].scope <= (planned ? SCOPE_PLANNED : SCOPE_CLASS);
    case NODE_FIELD:
        return planned && lacks_field(cls, n->path);
    case NODE_PROCESS:
        return false;
    default:
        return true;
    }
}

static operand class_operand(const node *n, const record *rec, outbuf *texts)
{
    outbuf scratch = {0};
    if (!n || n->kind == NODE_FIELD)
        return (operand){.kind = OPERAND_NULL};
    if (n->kind != NODE_COLUMN)
        return n->value;
    operand o = operand_of_column(n->column, rec, texts, &scratch);
    outbuf_free(&scratch);
    return o;
}

where_truth test_for_class(const node *n, const event_class *cls, bool planned)
{
    bool has_right = n->right && n->kind != NODE_IN;
    if (!class_says(n->left, cls, planned) || (has_right && !class_says(n->right, cls, planned)))
        return WHERE_SOMETIMES;
    record rec = {.cls = cls};
    outbuf texts[2] = {{0}, {0}};
    operand left = class_operand(n->left, &rec, &texts[0]);
    operand right = class_operand(has_right ? n->right : NULL, &rec, &texts[1]);
    bool holds = node_is_texts(n->left) ? test_holds_of_texts(n, &rec, &left, &right) : test_holds(n, &left, &right);
    outbuf_free(&texts[0]);
    outbuf_free(&texts[1]);
    return holds ? WHERE_ALWAYS : WHERE_NEVER;
}

static where_truth holds_for_class(const node *n, const event_class *cls, bool planned)
{
    where_truth left, right;
    switch (n->kind) {
    case NODE_AND:
        left = holds_for_class(n->left, cls, planned);
        right = left == WHERE_NEVER ? left : holds_for_class(n->right, cls, planned);
        return left < right ? left : right;
    case NODE_OR:
        left = holds_for_class(n->left, cls, planned);
        right = left == WHERE_ALWAYS ? left : holds_for_class(n->right, cls, planned);
        return left > right ? left : right;
    case NODE_NOT:
        return (where_truth)(WHERE_ALWAYS - holds_for_class(n->left, cls, planned));
    default:
        return test_for_class(n, cls, planned);
    }
}

where_truth where_for_class(const expression *x, const event_class *cls, bool planned)
{
    return holds_for_class(x->root, cls, planned);
}

static bool asks(const node *n, bool (*fits)(column_id asked, column_id column), column_id column)
{
    if (!n)
        return false;
    if (n->kind == NODE_COLUMN)
        return fits(n->column, column);
    return asks(n->left, fits, column) || asks(n->right, fits, column);
}

static bool is_of_class(column_id asked, column_id column)
{
    (void)column;
    return column_table[asked].scope == SCOPE_CLASS;
}

static bool is_same(column_id asked, column_id column)
{
    return asked == column;
}

bool where_asks_class(const expression *x)
{
    return asks(x->root, is_of_class, COLUMN_FACTS);
}

static bool asks_process(const node *n)
{
    return n && (n->kind == NODE_PROCESS || asks_process(n->left) || asks_process(n->right));
}

bool where_asks_process(const expression *x)
{
    return asks_process(x->root);
}

bool where_asks_column(const expression *x, column_id column)
{
    return asks(x->root, is_same, column);
}

static const char *find_field(const node *n, u32 *left)
{
    if (!n || (n->kind == NODE_FIELD && (*left)-- == 0))
        return n ? n->path : NULL;
    const char *found = find_field(n->left, left);
    return found ? found : find_field(n->right, left);
}

const char *where_field(const expression *x, u32 index)
{
    return find_field(x->root, &index);
}
