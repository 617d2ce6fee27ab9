#include "query/where.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/text.h"
#include "decode/columns.h"

enum { WHERE_DEPTH = 64, WHERE_NODES = 4096 };

typedef enum node_kind {
    NODE_AND,
    NODE_OR,
    NODE_NOT,
    NODE_COMPARE,
    NODE_LIKE,
    NODE_IN,
    NODE_NULL,
    NODE_BITS,
    NODE_TRUTH,
    NODE_COLUMN,
    NODE_FIELD,
    NODE_TEXT,
    NODE_NUMBER,
} node_kind;

typedef enum compare_op { OP_EQ, OP_NE, OP_LT, OP_LE, OP_GT, OP_GE } compare_op;

// A value: null, a whole number with its sign, a fraction, or text.
typedef enum operand_kind { OPERAND_NULL, OPERAND_WHOLE, OPERAND_FRACTION, OPERAND_TEXT } operand_kind;
typedef struct value {
    operand_kind kind;
    bool negative;
    u64 whole; // its size where negative
    double fraction;
    const char *text;
    size_t len;
} value;

typedef struct node {
    node_kind kind;
    compare_op op;
    bool negated;
    column_id column;
    const char *path; // NODE_FIELD: "QueryName", "Struct.Member"
    value value;
    struct node *left, *right, *next; // next: in a list
} node;

struct expression {
    arena arena;
    node *root;
};

// ---------------------------------------------------------------------------------------------- reading

typedef struct parser {
    arena *arena;
    const char *text, *at;
    error *e;
    u32 depth, nodes;
    bool failed;
} parser;

static node *fail(parser *p, const char *at, const char *what)
{
    if (!p->failed) {
        int column = (int)(at - p->text), from = column > 60 ? column - 60 : 0;
        error_set(p->e, "--where: %s\n  %.100s\n  %*s^", what, p->text + from, column - from, "");
    }
    p->failed = true;
    return NULL;
}

static void blanks(parser *p)
{
    while (*p->at == ' ' || *p->at == '\t' || *p->at == '\n' || *p->at == '\r')
        p->at++;
}

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || (c & 0x80);
}

static bool take_word(parser *p, const char *word)
{
    blanks(p);
    size_t len = strlen(word);
    if (strncasecmp(p->at, word, len) != 0 || is_word(p->at[len]))
        return false;
    p->at += len;
    return true;
}

static bool take_sign(parser *p, const char *sign)
{
    blanks(p);
    size_t len = strlen(sign);
    if (strncmp(p->at, sign, len) != 0)
        return false;
    p->at += len;
    return true;
}

static node *new_node(parser *p, node_kind kind)
{
    if (++p->nodes > WHERE_NODES)
        return fail(p, p->at, "the expression is too long");
    node *n = arena_new(p->arena, node);
    n->kind = kind;
    return n;
}

static bool whole_number(const char *text, size_t len, value *out)
{
    char copy[32], *end;
    if (len == 0 || len >= sizeof(copy) || !((text[0] >= '0' && text[0] <= '9') || text[0] == '-'))
        return false;
    memcpy(copy, text, len);
    copy[len] = 0;
    bool negative = copy[0] == '-',
         hex = strncmp(copy + negative, "0x", 2) == 0 || strncmp(copy + negative, "0X", 2) == 0;
    errno = 0;
    u64 size = strtoull(copy + negative, &end, hex ? 16 : 10);
    if (*end || errno || end == copy + negative)
        return false;
    *out = (value){.kind = OPERAND_WHOLE, .negative = negative && size, .whole = size};
    return true;
}

static node *parse_text(parser *p)
{
    const char *start = p->at;
    char quote = *p->at++;
    size_t len = 0;
    char *text = arena_take(p->arena, strlen(p->at) + 1);
    for (;; p->at++) {
        if (!*p->at)
            return fail(p, start, "this text has no end");
        if (*p->at == quote && *++p->at != quote)
            break;
        text[len++] = *p->at;
    }
    node *n = new_node(p, NODE_TEXT);
    if (n)
        n->value = (value){.kind = OPERAND_TEXT, .text = text, .len = len};
    return n;
}

static node *parse_number(parser *p)
{
    const char *start = p->at;
    if (*p->at == '-')
        p->at++;
    while (is_word(*p->at) || *p->at == '.')
        p->at++;
    node *n = new_node(p, NODE_NUMBER);
    if (!n || whole_number(start, (size_t)(p->at - start), &n->value))
        return n;
    char *end;
    double fraction = strtod(start, &end);
    if (end != p->at)
        return fail(p, start, "this is no number");
    n->value = (value){.kind = OPERAND_FRACTION, .fraction = fraction};
    return n;
}

static node *parse_name(parser *p)
{
    const char *start = p->at;
    while (is_word(*p->at) || *p->at == '.')
        p->at++;
    char *name = arena_text_len(p->arena, start, (size_t)(p->at - start));
    if (strcasecmp(name, "true") == 0 || strcasecmp(name, "false") == 0) {
        node *n = new_node(p, NODE_TEXT);
        if (n)
            n->value = (value){.kind = OPERAND_TEXT, .text = name, .len = strlen(name)};
        return n;
    }
    if (strncmp(name, "data.", 5) == 0 && name[5]) {
        node *n = new_node(p, NODE_FIELD);
        if (n)
            n->path = name + 5;
        return n;
    }
    column_id column;
    if (column_find(name, strlen(name), &column)) {
        node *n = new_node(p, NODE_COLUMN);
        if (n)
            n->column = column;
        return n;
    }
    return fail(p, start, "there is no such column; payload fields are written data.Name");
}

static node *parse_operand(parser *p)
{
    blanks(p);
    if (*p->at == '\'' || *p->at == '"')
        return parse_text(p);
    if ((*p->at >= '0' && *p->at <= '9') || *p->at == '-')
        return parse_number(p);
    if (is_word(*p->at))
        return parse_name(p);
    return fail(p, p->at,
                *p->at ? "a column, a field, a text or a number is expected here" : "something is missing here");
}

static node *parse_list(parser *p, node *test)
{
    if (!take_sign(p, "("))
        return fail(p, p->at, "( is expected here");
    node **tail = &test->right;
    do {
        node *item = parse_operand(p);
        if (!item)
            return NULL;
        if (item->kind != NODE_TEXT && item->kind != NODE_NUMBER)
            return fail(p, p->at, "a list holds texts and numbers only");
        *tail = item;
        tail = &item->next;
    } while (take_sign(p, ","));
    return take_sign(p, ")") ? test : fail(p, p->at, ") is expected here");
}

static bool take_compare(parser *p, compare_op *op)
{
    static const struct {
        const char *sign;
        compare_op op;
    } SIGNS[] = {{"==", OP_EQ}, {"=", OP_EQ}, {"!=", OP_NE}, {"<>", OP_NE},
                 {"<=", OP_LE}, {"<", OP_LT}, {">=", OP_GE}, {">", OP_GT}};
    for (size_t i = 0; i < COUNT_OF(SIGNS); i++) {
        if (take_sign(p, SIGNS[i].sign)) {
            *op = SIGNS[i].op;
            return true;
        }
    }
    return false;
}

static node *with_sides(parser *p, node_kind kind, node *left, node *right)
{
    node *n = left && right ? new_node(p, kind) : NULL;
    if (n) {
        n->left = left;
        n->right = right;
    }
    return n;
}

// a < b is b > a.
static compare_op turned(compare_op op)
{
    switch (op) {
    case OP_LT:
        return OP_GT;
    case OP_LE:
        return OP_GE;
    case OP_GT:
        return OP_LT;
    case OP_GE:
        return OP_LE;
    default:
        return op;
    }
}

static node *parse_test(parser *p)
{
    node *left = parse_operand(p), *test = NULL;
    compare_op op;
    if (!left)
        return NULL;
    if (take_compare(p, &op)) {
        node *right = parse_operand(p);
        // A field that is an array is looked through on the left side only.
        bool turn = right && right->kind == NODE_FIELD && left->kind != NODE_FIELD;
        test = turn ? with_sides(p, NODE_COMPARE, right, left) : with_sides(p, NODE_COMPARE, left, right);
        if (test)
            test->op = turn ? turned(op) : op;
        return test;
    }
    if (take_sign(p, "&"))
        return with_sides(p, NODE_BITS, left, parse_operand(p));
    if (take_word(p, "is")) {
        bool negated = take_word(p, "not");
        if (!take_word(p, "null"))
            return fail(p, p->at, "null is expected here");
        test = new_node(p, NODE_NULL);
        if (test) {
            test->left = left;
            test->negated = negated;
        }
        return test;
    }
    bool negated = take_word(p, "not");
    if (take_word(p, "like")) {
        test = with_sides(p, NODE_LIKE, left, parse_operand(p));
        if (test)
            test->negated = negated;
        return test;
    }
    if (take_word(p, "in")) {
        test = new_node(p, NODE_IN);
        if (!test)
            return NULL;
        test->left = left;
        test->negated = negated;
        return parse_list(p, test);
    }
    if (negated)
        return fail(p, p->at, "like or in is expected here");
    test = new_node(p, NODE_TRUTH);
    if (test)
        test->left = left;
    return test;
}

static node *parse_or(parser *p);

static node *parse_factor(parser *p)
{
    if (++p->depth > WHERE_DEPTH)
        return fail(p, p->at, "the expression nests too deep");
    node *n = NULL;
    if (take_word(p, "not")) {
        node *inner = parse_factor(p);
        n = inner ? new_node(p, NODE_NOT) : NULL;
        if (n)
            n->left = inner;
    } else if (take_sign(p, "(")) {
        n = parse_or(p);
        if (n && !take_sign(p, ")"))
            n = fail(p, p->at, ") is expected here");
    } else {
        n = parse_test(p);
    }
    p->depth--;
    return n;
}

static node *parse_and(parser *p)
{
    node *n = parse_factor(p);
    while (n && take_word(p, "and"))
        n = with_sides(p, NODE_AND, n, parse_factor(p));
    return n;
}

static node *parse_or(parser *p)
{
    node *n = parse_and(p);
    while (n && take_word(p, "or"))
        n = with_sides(p, NODE_OR, n, parse_and(p));
    return n;
}

expression *where_parse(const char *text, error *e)
{
    expression *x = mem_zeroed(1, sizeof(*x));
    parser p = {.arena = &x->arena, .text = text, .at = text, .e = e};
    x->root = parse_or(&p);
    blanks(&p);
    if (x->root && *p.at)
        x->root = fail(&p, p.at, "and, or, or the end is expected here");
    if (x->root)
        return x;
    where_free(x);
    return NULL;
}

void where_free(expression *x)
{
    if (x) {
        arena_free(&x->arena);
        mem_free(x);
    }
}

// ---------------------------------------------------------------------------------------------- values

static value null_value(void)
{
    return (value){.kind = OPERAND_NULL};
}

static value number_value(u64 number)
{
    return (value){.kind = OPERAND_WHOLE, .whole = number};
}

static value text_value(const char *text)
{
    return text ? (value){.kind = OPERAND_TEXT, .text = text, .len = strlen(text)} : null_value();
}

// Text written into the scratch buffer from `start` on. The buffer may move: offsets are kept until all is written.
static value scratch_value(const outbuf *o, size_t start)
{
    return (value){.kind = OPERAND_TEXT, .text = (const char *)o->bytes + start, .len = o->len - start};
}

static value column_operand(column_id column, const record *rec, outbuf *o)
{
    column_type type = column_table[column].type;
    if (type == TYPE_NUMBER || type == TYPE_FLAGS) {
        typed_value v;
        column_value(column, rec, o, &v);
        return v.kind == VALUE_NULL ? null_value() : number_value(v.number);
    }
    size_t start = o->len;
    return column_text(column, rec, o) ? scratch_value(o, start) : null_value();
}

// Whether a text is a number for comparing with one.
static value as_number(value v)
{
    value number;
    return v.kind == OPERAND_TEXT && whole_number(v.text, v.len, &number) ? number : v;
}

static double as_double(const value *v)
{
    return v->kind == OPERAND_FRACTION ? v->fraction : v->negative ? -(double)v->whole : (double)v->whole;
}

static int compare_numbers(const value *a, const value *b)
{
    if (a->kind == OPERAND_FRACTION || b->kind == OPERAND_FRACTION) {
        double x = as_double(a), y = as_double(b);
        return x < y ? -1 : x > y;
    }
    if (a->negative != b->negative)
        return a->negative ? -1 : 1;
    int order = a->whole < b->whole ? -1 : a->whole > b->whole;
    return a->negative ? -order : order;
}

static int compare_texts(const value *a, const value *b)
{
    size_t len = a->len < b->len ? a->len : b->len;
    int order = strncasecmp(a->text, b->text, len);
    return order ? order : a->len < b->len ? -1 : a->len > b->len;
}

static bool compare(compare_op op, value a, value b)
{
    if (a.kind == OPERAND_NULL || b.kind == OPERAND_NULL)
        return false;
    if (a.kind != b.kind) {
        a = as_number(a);
        b = as_number(b);
    }
    bool texts = a.kind == OPERAND_TEXT && b.kind == OPERAND_TEXT;
    if (!texts && (a.kind == OPERAND_TEXT || b.kind == OPERAND_TEXT))
        return op == OP_NE;
    int order = texts ? compare_texts(&a, &b) : compare_numbers(&a, &b);
    switch (op) {
    case OP_EQ:
        return order == 0;
    case OP_NE:
        return order != 0;
    case OP_LT:
        return order < 0;
    case OP_LE:
        return order <= 0;
    case OP_GT:
        return order > 0;
    case OP_GE:
        return order >= 0;
    }
    return false;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

// % any run, _ one character. Backtracks to the last % only: linear times the number of %.
static bool like(const char *text, size_t len, const char *pattern, size_t pattern_len)
{
    size_t t = 0, p = 0, star = SIZE_MAX, mark = 0;
    while (t < len) {
        if (p < pattern_len && pattern[p] == '%') {
            star = p++;
            mark = t;
        } else if (p < pattern_len && (pattern[p] == '_' || lower(pattern[p]) == lower(text[t]))) {
            p++;
            t++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            t = ++mark;
        } else {
            return false;
        }
    }
    while (p < pattern_len && pattern[p] == '%')
        p++;
    return p == pattern_len;
}

// ---------------------------------------------------------------------------------------------- evaluating

typedef struct evaluation {
    const record *rec;
    outbuf *scratch; // for texts of left sides,
    outbuf *right;   // and of right sides: a buffer moves when it grows
} evaluation;

static bool test_value(const node *n, const evaluation *ev, value left);

static bool test_json(const node *n, const evaluation *ev, const cJSON *item, const char *path)
{
    if (cJSON_IsArray(item)) {
        const cJSON *element;
        cJSON_ArrayForEach (element, item)
            if (test_json(n, ev, element, path))
                return true;
        return false;
    }
    if (*path) {
        size_t len = strcspn(path, ".");
        const cJSON *member;
        cJSON_ArrayForEach (member, item)
            if (member->string && strlen(member->string) == len && strncmp(member->string, path, len) == 0)
                return test_json(n, ev, member, path[len] ? path + len + 1 : path + len);
        return test_value(n, ev, null_value());
    }
    if (cJSON_IsString(item))
        return test_value(n, ev, text_value(item->valuestring));
    if (cJSON_IsBool(item))
        return test_value(n, ev, text_value(cJSON_IsTrue(item) ? "true" : "false"));
    if (cJSON_IsNumber(item))
        return test_value(n, ev, (value){.kind = OPERAND_FRACTION, .fraction = item->valuedouble});
    return test_value(n, ev, null_value());
}

// Fields inside structs and arrays: through the JSON the record would show. Slow, and rare.
static bool test_nested(const node *n, const evaluation *ev, const char *path)
{
    outbuf json = {0};
    render_data_json(&json, ev->rec);
    cJSON *root = cJSON_ParseWithLength((const char *)json.bytes, json.len);
    bool holds = test_json(n, ev, root, path);
    cJSON_Delete(root);
    outbuf_free(&json);
    return holds;
}

static value scalar_value(const field *f, span bytes, outbuf *o)
{
    size_t start = o->len;
    typed_value typed;
    value_of(f, bytes, &typed);
    render_text(o, &typed);
    value v = scratch_value(o, start), number;
    bool numeric = f->show == SHOW_UNSIGNED || f->show == SHOW_SIGNED || f->show == SHOW_PORT || f->show == SHOW_HEX;
    return numeric && whole_number(v.text, v.len, &number) ? number : v;
}

// Of a field on the right side: one value, else null.
static value field_value(const record *rec, const char *path, outbuf *o)
{
    for (u32 i = 0; rec->plan && rec->plan->one_slot_each && i < rec->top_done; i++) {
        const field *f = &rec->plan->fields[i];
        const slot *s = &rec->slots[i];
        if (strcmp(f->name, path) == 0 && f->count_form == COUNT_ONE)
            return scalar_value(f, (span){rec->payload.at + s->offset, s->len}, o);
    }
    return null_value();
}

static bool test_field(const node *n, const evaluation *ev)
{
    const record *rec = ev->rec;
    const char *path = n->left->path;
    if (!rec->plan)
        return test_value(n, ev, null_value());
    for (u32 i = 0; i < rec->top_done; i++) {
        const field *f = &rec->plan->fields[i];
        if (strcmp(f->name, path) != 0)
            continue;
        if (f->count_form != COUNT_ONE || !rec->plan->one_slot_each)
            return test_nested(n, ev, path);
        const slot *s = &rec->slots[i];
        return test_value(n, ev, scalar_value(f, (span){rec->payload.at + s->offset, s->len}, ev->scratch));
    }
    return strchr(path, '.') ? test_nested(n, ev, path) : test_value(n, ev, null_value());
}

static value operand_value(const node *n, const record *rec, outbuf *o)
{
    switch (n->kind) {
    case NODE_TEXT:
    case NODE_NUMBER:
        return n->value;
    case NODE_COLUMN:
        return column_operand(n->column, rec, o);
    case NODE_FIELD:
        return field_value(rec, n->path, o);
    default:
        return null_value();
    }
}

static bool test_value(const node *n, const evaluation *ev, value left)
{
    ev->right->len = 0;
    value right = n->right ? operand_value(n->right, ev->rec, ev->right) : null_value();
    switch (n->kind) {
    case NODE_COMPARE:
        return compare(n->op, left, right);
    case NODE_LIKE:
        if (left.kind != OPERAND_TEXT || right.kind != OPERAND_TEXT)
            return false;
        return like(left.text, left.len, right.text, right.len) != n->negated;
    case NODE_IN:
        for (const node *item = n->right; item && left.kind != OPERAND_NULL; item = item->next)
            if (compare(OP_EQ, left, item->value))
                return !n->negated;
        return left.kind != OPERAND_NULL && n->negated;
    case NODE_NULL:
        return (left.kind == OPERAND_NULL) != n->negated;
    case NODE_BITS:
        left = as_number(left);
        return left.kind == OPERAND_WHOLE && right.kind == OPERAND_WHOLE && (left.whole & right.whole);
    case NODE_TRUTH:
        left = as_number(left);
        if (left.kind == OPERAND_TEXT)
            return left.len == 4 && strncasecmp(left.text, "true", 4) == 0;
        return left.kind == OPERAND_WHOLE ? left.whole != 0 : left.kind == OPERAND_FRACTION && left.fraction != 0;
    default:
        return false;
    }
}

static bool holds(const node *n, const evaluation *ev)
{
    switch (n->kind) {
    case NODE_AND:
        return holds(n->left, ev) && holds(n->right, ev);
    case NODE_OR:
        return holds(n->left, ev) || holds(n->right, ev);
    case NODE_NOT:
        return !holds(n->left, ev);
    default:
        break;
    }
    if (n->left->kind == NODE_FIELD)
        return test_field(n, ev);
    return test_value(n, ev, operand_value(n->left, ev->rec, ev->scratch));
}

bool where_holds(const expression *x, const record *rec, outbuf *scratch)
{
    scratch->len = 0;
    outbuf right = {0};
    evaluation ev = {rec, scratch, &right};
    bool answer = holds(x->root, &ev);
    outbuf_free(&right);
    return answer;
}

// ---------------------------------------------------------------------------------------------- classes

// A field that no layout of the class has is null in all its events.
static bool lacks_field(const event_class *cls, const char *path)
{
    if (strchr(path, '.'))
        return false;
    for (u32 p = 0; p < cls->plan_count; p++)
        for (u32 i = 0; i < cls->plans[p]->top_count; i++)
            if (strcmp(cls->plans[p]->fields[i].name, path) == 0)
                return false;
    return true;
}

static bool class_tells(const node *operand, const event_class *cls, bool planned)
{
    switch (operand->kind) {
    case NODE_COLUMN:
        if (operand->column == COLUMN_level && cls->message && !planned)
            return false;
        return column_table[operand->column].scope <= (planned ? SCOPE_PLANNED : SCOPE_CLASS);
    case NODE_FIELD:
        return planned && lacks_field(cls, operand->path);
    default:
        return true;
    }
}

static where_truth holds_for_class(const node *n, const evaluation *ev, bool planned)
{
    where_truth left, right;
    switch (n->kind) {
    case NODE_AND:
        left = holds_for_class(n->left, ev, planned);
        right = holds_for_class(n->right, ev, planned);
        return left < right ? left : right;
    case NODE_OR:
        left = holds_for_class(n->left, ev, planned);
        right = holds_for_class(n->right, ev, planned);
        return left > right ? left : right;
    case NODE_NOT:
        return (where_truth)(WHERE_ALWAYS - holds_for_class(n->left, ev, planned));
    default:
        break;
    }
    const event_class *cls = ev->rec->cls;
    if (!class_tells(n->left, cls, planned) || (n->right && !class_tells(n->right, cls, planned)))
        return WHERE_SOMETIMES;
    return test_value(n, ev, operand_value(n->left, ev->rec, ev->scratch)) ? WHERE_ALWAYS : WHERE_NEVER;
}

where_truth where_for_class(const expression *x, const event_class *cls, bool planned)
{
    outbuf scratch = {0}, right = {0};
    event ev = {.provider = cls->provider_id, .descriptor = cls->descriptor};
    record rec = {.cls = cls, .event = &ev};
    where_truth truth = holds_for_class(x->root, &(evaluation){&rec, &scratch, &right}, planned);
    outbuf_free(&scratch);
    outbuf_free(&right);
    return truth;
}

static bool asks_class(const node *n)
{
    if (!n)
        return false;
    return (n->kind == NODE_COLUMN && column_table[n->column].scope == SCOPE_CLASS) || asks_class(n->left) ||
           asks_class(n->right);
}

bool where_asks_class(const expression *x)
{
    return asks_class(x->root);
}
