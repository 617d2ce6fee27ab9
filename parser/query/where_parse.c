#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/limits.h"
#include "base/suggest.h"
#include "base/text.h"
#include "query/where_nodes.h"

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

static node *new_node(parser *p, node_kind kind, const char *at)
{
    if (++p->nodes > LIMIT_WHERE_NODES)
        return fail(p, p->at, "the expression is too long");
    node *n = arena_new(p->arena, node);
    n->kind = kind;
    n->at = at;
    return n;
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
    node *n = new_node(p, NODE_TEXT, start);
    if (n)
        n->value = (operand){.kind = OPERAND_TEXT, .text = text, .len = len};
    return n;
}

static node *parse_number(parser *p)
{
    const char *start = p->at;
    if (*p->at == '-')
        p->at++;
    while (is_word(*p->at) || *p->at == '.')
        p->at++;
    node *n = new_node(p, NODE_NUMBER, start);
    if (!n || operand_whole_number(start, (size_t)(p->at - start), &n->value))
        return n;
    char *end;
    double fraction = strtod(start, &end);
    if (end != p->at)
        return fail(p, start, "this is no number");
    n->value = (operand){.kind = OPERAND_FRACTION, .fraction = fraction};
    return n;
}

static node *parse_fact(parser *p, const char *start, const char *name)
{
    getter fact;
    if (!getter_of_process(name, &fact))
        return fail(p, start,
                    "processes have path, command_line, user, name, id, parent, parent.path, parent.command_line, "
                    "original_name, description, version, product and company");
    node *n = new_node(p, NODE_PROCESS, start);
    if (n)
        n->fact = fact;
    return n;
}

static node *no_such_column(parser *p, const char *start, const char *name)
{
    char what[160], scratch[96];
    suggestion s = {.word = name};
    for (u32 i = 0; i < COLUMN_FACTS; i++)
        suggest_try(&s, column_table[i].name);
    snprintf(what, sizeof(what), "there is no such column%s",
             s.best ? suggest_text(&s, scratch) : "; payload fields are written data.Name");
    return fail(p, start, what);
}

static node *parse_column(parser *p, const char *start, const char *name)
{
    column_id column;
    if (!column_find(name, strlen(name), &column))
        return no_such_column(p, start, name);
    if (column == COLUMN_record)
        return fail(p, start, "records are numbered after the filter; source and offset say which one is meant");
    node *n = new_node(p, NODE_COLUMN, start);
    if (n)
        n->column = column;
    return n;
}

// A name, parts of which may stand in quotes: data."Raw Script". NULL: one has no end.
static char *take_name(parser *p)
{
    const char *start = p->at;
    char *name = arena_take(p->arena, strlen(start) + 1);
    size_t len = 0;
    while (is_word(*p->at) || *p->at == '.') {
        name[len++] = *p->at++;
        if (p->at[-1] != '.' || (*p->at != '"' && *p->at != '\''))
            continue;
        const char *quote = p->at++, *end = strchr(p->at, *quote);
        if (!end) {
            fail(p, quote, "this name has no end");
            return NULL;
        }
        memcpy(name + len, p->at, (size_t)(end - p->at));
        len += (size_t)(end - p->at);
        p->at = end + 1;
    }
    name[len] = 0;
    return name;
}

static node *parse_name(parser *p)
{
    const char *start = p->at;
    const char *name = take_name(p);
    if (!name)
        return NULL;
    if (strcasecmp(name, "true") == 0 || strcasecmp(name, "false") == 0) {
        node *n = new_node(p, NODE_TEXT, start);
        if (n)
            n->value = (operand){.kind = OPERAND_TEXT, .text = name, .len = strlen(name)};
        return n;
    }
    if (strncmp(name, "data.", 5) == 0 && name[5]) {
        node *n = new_node(p, NODE_FIELD, start);
        if (n)
            n->path = name + 5;
        return n;
    }
    if (strncmp(name, "process.", 8) == 0)
        return parse_fact(p, start, name + 8);
    return parse_column(p, start, name);
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

// ---------------------------------------------------------------------------------------------- what can be equal

static bool is_number(const operand *v)
{
    operand number;
    return v->kind != OPERAND_TEXT || operand_whole_number(v->text, v->len, &number);
}

static bool is_guid(const operand *v)
{
    guid id;
    return v->kind == OPERAND_TEXT && guid_from_text(v->text, v->len, &id);
}

// A year, a month, a day, an hour or a minute is its beginning.
static bool read_time(const operand *v, i64 *time)
{
    static const char REST[] = "0000-01-01T00:00:00";
    char text[64];
    size_t len = v->len;
    if (v->kind != OPERAND_TEXT || len >= sizeof(text))
        return false;
    memcpy(text, v->text, len);
    text[len] = 0;
    if (len == 4 || len == 7 || len == 10 || len == 13 || len == 16)
        memcpy(text + len, REST + len, sizeof(REST) - len);
    return time_from_text(text, time);
}

// Times are compared as the texts that outputs have.
static bool take_time(parser *p, operand *v)
{
    enum { TIME_TEXT = 40 };
    i64 time;
    if (!read_time(v, &time))
        return false;
    char *text = arena_take(p->arena, TIME_TEXT);
    v->text = text;
    v->len = (size_t)(text_time((u8 *)text, time) - (u8 *)text);
    return true;
}

static node *no_number(parser *p, const node *literal, column_id column)
{
    char what[96];
    snprintf(what, sizeof(what), "%s is a number%s", column_table[column].name,
             column == COLUMN_level    ? "; level_name is its name"
             : column == COLUMN_opcode ? "; opcode_name is its name"
             : column == COLUMN_task   ? "; task_name is its name"
                                       : "");
    return fail(p, literal->at, what);
}

// A column that a constant can never be equal to is a mistake.
static bool check_constant(parser *p, const node *column, node *literal)
{
    if (column->kind != NODE_COLUMN || (literal->kind != NODE_TEXT && literal->kind != NODE_NUMBER))
        return true;
    switch (column_table[column->column].type) {
    case TYPE_NUMBER:
    case TYPE_FLAGS:
        return is_number(&literal->value) || no_number(p, literal, column->column);
    case TYPE_GUID:
        return is_guid(&literal->value) || fail(p, literal->at, "this is no GUID");
    case TYPE_TIME:
        return take_time(p, &literal->value) ||
               fail(p, literal->at, "this is no UTC time like '2024-05-01T10:00:00.5'");
    default:
        return true;
    }
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
            return fail(p, item->at, "a list holds texts and numbers only");
        if (!check_constant(p, test->left, item))
            return NULL;
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
    node *n = left && right ? new_node(p, kind, left->at) : NULL;
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
        if (right && (!check_constant(p, left, right) || !check_constant(p, right, left)))
            return NULL;
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
        test = new_node(p, NODE_NULL, left->at);
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
        test = new_node(p, NODE_IN, left->at);
        if (!test)
            return NULL;
        test->left = left;
        test->negated = negated;
        return parse_list(p, test);
    }
    if (negated)
        return fail(p, p->at, "like or in is expected here");
    test = new_node(p, NODE_TRUTH, left->at);
    if (test)
        test->left = left;
    return test;
}

static node *parse_or(parser *p);

static node *parse_factor(parser *p)
{
    if (++p->depth > LIMIT_WHERE_DEPTH)
        return fail(p, p->at, "the expression nests too deep");
    node *n = NULL;
    if (take_word(p, "not")) {
        node *inner = parse_factor(p);
        n = inner ? new_node(p, NODE_NOT, inner->at) : NULL;
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
