#include "query/query.h"

#include "base/map.h"
#include "query/where_nodes.h"

static const u32 NONE = UINT32_MAX, ALWAYS_HOLDS = UINT32_MAX, NEVER_HOLDS = UINT32_MAX - 1;

// A column, a field or a constant: each once in all expressions.
typedef struct source {
    span key;
    const node *node;
} source;

// Each once in all expressions.
typedef struct test {
    span key;
    const node *node;
    u32 left, right; // sources; right: NONE for lists, and where there is none
} test;

// A node of an expression, whatever the class; or what is left of one for a class.
typedef struct term {
    node_kind kind;  // NODE_AND, NODE_OR, NODE_NOT, or NODE_TRUTH for any test
    u32 left, right; // terms. Of a test: left is the test, and for a class right the path of its left source
    u32 right_path;  // and this the path of its right source
} term;

typedef struct bound_class {
    const term *terms;
    const u32 *candidates; // expressions that may hold, ascending,
    const u32 *roots;      // and the term of each, or ALWAYS_HOLDS
    u32 candidate_count;
    where_truth truth, truth_of_events; // the latter of its events' records, of which some may be of another class
    const event_class *cls;
    const value_path *paths; // of each plan path_count, one plan after the other; depth 0: it has no such field
    u32 path_count;
} bound_class;

struct query_set {
    arena arena;
    source *sources;
    u32 source_count, source_capacity;
    test *tests;
    u32 test_count, test_capacity;
    term *terms;
    u32 term_count, term_capacity;
    u32 *roots; // by expression
    u32 count;
    map source_map, test_map;
    arena bound_arena;
    bound_class *classes; // and after them one that no facts are known of
    u32 class_count;
};

// ---------------------------------------------------------------------------------------------- making

// Nodes with the same key are the same.
static void put_key(outbuf *key, const node *n)
{
    outbuf_add(key, &n->kind, sizeof(n->kind));
    switch (n->kind) {
    case NODE_COLUMN:
        outbuf_add(key, &n->column, sizeof(n->column));
        break;
    case NODE_FIELD:
        outbuf_add(key, n->path, strlen(n->path) + 1);
        break;
    case NODE_PROCESS:
        outbuf_add(key, &n->fact.fact, sizeof(n->fact.fact));
        break;
    case NODE_TEXT:
        outbuf_add(key, &n->value.len, sizeof(n->value.len));
        outbuf_add(key, n->value.text, n->value.len);
        break;
    case NODE_NUMBER:
        outbuf_add(key, &n->value.kind, sizeof(n->value.kind));
        outbuf_add(key, &n->value.negative, sizeof(n->value.negative));
        outbuf_add(key, &n->value.whole, sizeof(n->value.whole));
        outbuf_add(key, &n->value.fraction, sizeof(n->value.fraction));
        break;
    default:
        outbuf_add(key, &n->op, sizeof(n->op));
        outbuf_add(key, &n->negated, sizeof(n->negated));
        break;
    }
}

static void put_list_key(outbuf *key, const node *list)
{
    for (const node *item = list; item; item = item->next)
        put_key(key, item);
}

static bool same_key(span key, const outbuf *other)
{
    return key.len == other->len && memcmp(key.at, other->bytes, key.len) == 0;
}

static span keep_key(query_set *q, const outbuf *key)
{
    return (span){(const u8 *)arena_text_len(&q->arena, (const char *)key->bytes, key->len), key->len};
}

static u32 add_source(query_set *q, const node *n)
{
    outbuf key = {0};
    u32 found;
    put_key(&key, n);
    u64 hash = hash_bytes(key.bytes, key.len);
    MAP_FIND(found, &q->source_map, hash, same_key(q->sources[index_].key, &key));
    if (found == MAP_NONE) {
        found = q->source_count;
        GROW(q->sources, q->source_count, q->source_capacity);
        q->sources[q->source_count++] = (source){keep_key(q, &key), n};
        map_add(&q->source_map, hash, found);
    }
    outbuf_free(&key);
    return found;
}

static u32 add_test(query_set *q, const node *n)
{
    outbuf key = {0};
    u32 found, left = add_source(q, n->left), right = n->right && n->kind != NODE_IN ? add_source(q, n->right) : NONE;
    put_key(&key, n);
    outbuf_add(&key, &left, sizeof(left));
    outbuf_add(&key, &right, sizeof(right));
    put_list_key(&key, n->kind == NODE_IN ? n->right : NULL);
    u64 hash = hash_bytes(key.bytes, key.len);
    MAP_FIND(found, &q->test_map, hash, same_key(q->tests[index_].key, &key));
    if (found == MAP_NONE) {
        found = q->test_count;
        GROW(q->tests, q->test_count, q->test_capacity);
        q->tests[q->test_count++] = (test){keep_key(q, &key), n, left, right};
        map_add(&q->test_map, hash, found);
    }
    outbuf_free(&key);
    return found;
}

static u32 add_term(query_set *q, const node *n)
{
    term t = {.kind = node_is_test(n) ? NODE_TRUTH : n->kind};
    t.left = node_is_test(n) ? add_test(q, n) : add_term(q, n->left);
    t.right = n->kind == NODE_AND || n->kind == NODE_OR ? add_term(q, n->right) : NONE;
    GROW(q->terms, q->term_count, q->term_capacity);
    q->terms[q->term_count] = t;
    return q->term_count++;
}

query_set *query_new(const expression *const *list, u32 count)
{
    query_set *q = mem_zeroed(1, sizeof(*q));
    q->count = count;
    q->roots = arena_array(&q->arena, u32, count);
    for (u32 i = 0; i < count; i++)
        q->roots[i] = add_term(q, list[i]->root);
    query_bind(q, NULL, 0);
    return q;
}

void query_free(query_set *q)
{
    if (!q)
        return;
    mem_free(q->sources);
    mem_free(q->tests);
    mem_free(q->terms);
    map_free(&q->source_map);
    map_free(&q->test_map);
    arena_free(&q->bound_arena);
    arena_free(&q->arena);
    mem_free(q);
}

// ---------------------------------------------------------------------------------------------- binding to classes

// One class at a time. What is known of tests and paths is of the class whose number is in `seen`.
typedef struct binder {
    query_set *q;
    const event_class *cls; // NULL: nothing is known of it
    u32 number;             // from 1
    struct {
        u32 seen, path; // NONE: no plan has the field, or it is none
    } * sources;
    struct {
        u32 seen;
        where_truth truth;
    } * tests;
    term *terms;
    u32 term_count, term_capacity;
    u32 *paths; // sources
    u32 path_count, path_capacity;
} binder;

static u32 path_of(binder *b, u32 index)
{
    if (index == NONE || b->q->sources[index].node->kind != NODE_FIELD || !b->cls)
        return NONE;
    if (b->sources[index].seen != b->number) {
        b->sources[index].seen = b->number;
        b->sources[index].path = b->path_count;
        GROW(b->paths, b->path_count, b->path_capacity);
        b->paths[b->path_count++] = index;
    }
    return b->sources[index].path;
}

static where_truth truth_of(binder *b, u32 index)
{
    if (b->tests[index].seen != b->number) {
        b->tests[index].seen = b->number;
        b->tests[index].truth = b->cls ? test_for_class(b->q->tests[index].node, b->cls, true) : WHERE_SOMETIMES;
    }
    return b->tests[index].truth;
}

static u32 push_term(binder *b, term t)
{
    GROW(b->terms, b->term_count, b->term_capacity);
    b->terms[b->term_count] = t;
    return b->term_count++;
}

// What is left of a term: another term, ALWAYS_HOLDS or NEVER_HOLDS.
static u32 reduce(binder *b, u32 index)
{
    const term *t = &b->q->terms[index];
    u32 decides = t->kind == NODE_AND ? NEVER_HOLDS : ALWAYS_HOLDS,
        other = t->kind == NODE_AND ? ALWAYS_HOLDS : NEVER_HOLDS;
    if (t->kind == NODE_TRUTH) {
        const test *leaf = &b->q->tests[t->left];
        where_truth truth = truth_of(b, t->left);
        if (truth != WHERE_SOMETIMES)
            return truth == WHERE_ALWAYS ? ALWAYS_HOLDS : NEVER_HOLDS;
        u32 left = path_of(b, leaf->left), right = path_of(b, leaf->right);
        return push_term(b, (term){NODE_TRUTH, t->left, left, right});
    }
    u32 left = reduce(b, t->left);
    if (t->kind == NODE_NOT)
        return left == ALWAYS_HOLDS  ? NEVER_HOLDS
               : left == NEVER_HOLDS ? ALWAYS_HOLDS
                                     : push_term(b, (term){NODE_NOT, left, NONE, NONE});
    if (left == decides)
        return decides;
    u32 right = reduce(b, t->right);
    if (right == decides || left == other)
        return right;
    return right == other ? left : push_term(b, (term){t->kind, left, right, NONE});
}

static const void *keep(binder *b, const void *items, size_t bytes)
{
    void *copy = arena_take(&b->q->bound_arena, bytes);
    if (bytes)
        memcpy(copy, items, bytes);
    return copy;
}

static const value_path *find_paths(binder *b)
{
    u32 plans = b->cls ? b->cls->plan_count : 0;
    value_path *paths = arena_array(&b->q->bound_arena, value_path, (size_t)plans * b->path_count);
    for (u32 p = 0; p < plans; p++)
        for (u32 i = 0; i < b->path_count; i++) {
            value_path *path = &paths[p * b->path_count + i];
            if (!value_path_find(b->cls->plans[p], b->q->sources[b->paths[i]].node->path, path))
                path->depth = 0;
        }
    return paths;
}

static bound_class bind_class(binder *b, const event_class *cls, u32 *candidates, u32 *roots)
{
    bound_class out = {.truth = WHERE_NEVER, .cls = cls};
    b->cls = cls;
    b->number++;
    b->term_count = b->path_count = 0;
    for (u32 i = 0; i < b->q->count; i++) {
        u32 root = reduce(b, b->q->roots[i]);
        if (root == NEVER_HOLDS)
            continue;
        candidates[out.candidate_count] = i;
        roots[out.candidate_count++] = root;
        where_truth truth = root == ALWAYS_HOLDS ? WHERE_ALWAYS : WHERE_SOMETIMES;
        out.truth = truth > out.truth ? truth : out.truth;
    }
    out.candidates = keep(b, candidates, out.candidate_count * sizeof(u32));
    out.roots = keep(b, roots, out.candidate_count * sizeof(u32));
    out.terms = keep(b, b->terms, b->term_count * sizeof(term));
    out.path_count = b->path_count;
    out.paths = find_paths(b);
    return out;
}

// Records of an event class may be of classes with other names (event_class.named).
static void join_named(query_set *q)
{
    for (u32 i = 0; i < q->class_count; i++) {
        bound_class *c = &q->classes[i];
        c->truth_of_events = c->truth;
        for (u32 p = 0; c->cls->named && p < c->cls->plan_count; p++)
            if (q->classes[c->cls->named[p]->index].truth != c->truth)
                c->truth_of_events = WHERE_SOMETIMES;
    }
}

void query_bind(query_set *q, const event_class *const *classes, u32 count)
{
    binder b = {.q = q};
    arena_free(&q->bound_arena);
    q->classes = arena_array(&q->bound_arena, bound_class, (size_t)count + 1);
    q->class_count = count;
    b.sources = mem_zeroed(q->source_count, sizeof(*b.sources));
    b.tests = mem_zeroed(q->test_count, sizeof(*b.tests));
    u32 *lists = mem_zeroed((size_t)2 * q->count, sizeof(u32));
    for (u32 i = 0; i <= count; i++)
        q->classes[i] = bind_class(&b, i < count ? classes[i] : NULL, lists, lists + q->count);
    join_named(q);
    mem_free(lists);
    mem_free(b.sources);
    mem_free(b.tests);
    mem_free(b.terms);
    mem_free(b.paths);
}

static const bound_class *class_bound(const query_set *q, u32 index)
{
    return &q->classes[index < q->class_count ? index : q->class_count];
}

where_truth query_class(const query_set *q, u32 class_index)
{
    return class_index < q->class_count ? q->classes[class_index].truth_of_events : WHERE_SOMETIMES;
}

const u32 *query_candidates(const query_set *q, u32 class_index, u32 *count)
{
    const bound_class *c = class_bound(q, class_index);
    *count = c->candidate_count;
    return c->candidates;
}

// ---------------------------------------------------------------------------------------------- running

typedef struct source_value {
    operand value;
    u64 run; // that read it
    outbuf text;
} source_value;

typedef struct run {
    const query_set *q;
    const bound_class *cls;
    const value_path *paths; // of the record's plan; NULL: it has none
    const record *rec;
    query_scratch *s;
} run;

void query_scratch_free(query_scratch *s)
{
    for (u32 i = 0; i < s->source_count; i++)
        outbuf_free(&s->sources[i].text);
    mem_free(s->sources);
    mem_free(s->tests);
    outbuf_free(&s->element);
    getter_scratch_free(&s->fact);
    outbuf_free(&s->column);
    *s = (query_scratch){0};
}

static void scratch_fit(const query_set *q, query_scratch *s)
{
    s->source_count = q->source_count;
    s->sources = mem_zeroed(q->source_count, sizeof(*s->sources));
    s->tests = mem_zeroed(q->test_count, sizeof(*s->tests));
}

static const value_path *path_at(const run *r, u32 path)
{
    if (path == NONE || !r->paths || !r->paths[path].depth)
        return NULL;
    return &r->paths[path];
}

// A fact of the record's process; the end of a path that is not known is told without the backslash before it.
static operand read_fact(const run *r, const getter *fact)
{
    getter_scratch *s = &r->s->fact;
    got_value v;
    s->text.len = 0;
    getter_get(NULL, fact, r->rec, s, &v);
    if (v.kind != GOT_TEXT)
        return (operand){.kind = OPERAND_NULL};
    size_t tail = v.tail && v.len;
    return (operand){.kind = OPERAND_TEXT,
                     .has_number = v.is_whole,
                     .whole = v.whole,
                     .text = (const char *)s->text.bytes + v.at + tail,
                     .len = v.len - tail};
}

static operand read_source(const run *r, const node *n, u32 path, outbuf *text)
{
    typed_value v = {.kind = VALUE_NULL};
    text->len = 0;
    if (n->kind == NODE_COLUMN)
        return operand_of_column(n->column, r->rec, text, &r->s->column);
    if (n->kind == NODE_PROCESS) {
        operand o = read_fact(r, &n->fact);
        if (o.kind != OPERAND_TEXT)
            return o;
        outbuf_add(text, o.text, o.len);
        o.text = (const char *)text->bytes;
        return o;
    }
    if (n->kind != NODE_FIELD)
        return n->value;
    const value_path *found = path_at(r, path);
    if (found)
        value_at(r->rec, found, &v);
    return operand_of_value(&v, text);
}

static const operand *source_operand(const run *r, u32 index, u32 path)
{
    static const operand NOTHING = {.kind = OPERAND_NULL};
    if (index == NONE)
        return &NOTHING;
    source_value *v = &r->s->sources[index];
    if (v->run != r->s->run) {
        v->value = read_source(r, r->q->sources[index].node, path, &v->text);
        v->run = r->s->run;
    }
    return &v->value;
}

typedef struct element_test {
    const node *node;
    const operand *right;
    outbuf *text;
} element_test;

static bool element_holds(void *context, const typed_value *v)
{
    const element_test *t = context;
    t->text->len = 0;
    operand left = operand_of_value(v, t->text);
    return test_holds(t->node, &left, t->right);
}

static bool do_test(const run *r, const term *t)
{
    const test *leaf = &r->q->tests[t->left];
    const operand *right = source_operand(r, leaf->right, t->right_path);
    const value_path *path = path_at(r, t->right);
    if (path && path->repeats)
        return value_any(r->rec, path, element_holds, &(element_test){leaf->node, right, &r->s->element});
    const operand *left = source_operand(r, leaf->left, t->right);
    return node_is_texts(leaf->node->left) ? test_holds_of_texts(leaf->node, r->rec, left, right)
                                           : test_holds(leaf->node, left, right);
}

static bool term_holds(const run *r, u32 index)
{
    const term *t = &r->cls->terms[index];
    switch (t->kind) {
    case NODE_AND:
        return term_holds(r, t->left) && term_holds(r, t->right);
    case NODE_OR:
        return term_holds(r, t->left) || term_holds(r, t->right);
    case NODE_NOT:
        return !term_holds(r, t->left);
    default:
        break;
    }
    u64 *done = &r->s->tests[t->left];
    if (*done >> 1 != r->s->run)
        *done = r->s->run << 1 | do_test(r, t);
    return *done & 1;
}

static const value_path *paths_of_plan(const bound_class *c, const plan *p)
{
    for (u32 i = 0; p && c->cls && i < c->cls->plan_count; i++)
        if (c->cls->plans[i] == p)
            return c->paths + (size_t)i * c->path_count;
    return NULL;
}

static run start(const query_set *q, const record *rec, query_scratch *s)
{
    const bound_class *c = class_bound(q, rec->cls->index);
    if (!s->sources)
        scratch_fit(q, s);
    s->run++;
    return (run){q, c, paths_of_plan(c, rec->plan), rec, s};
}

static bool candidate_holds(const run *r, u32 index)
{
    u32 root = r->cls->roots[index];
    return root == ALWAYS_HOLDS || term_holds(r, root);
}

u32 query_run(const query_set *q, const record *rec, query_scratch *s, u32 *hits)
{
    run r = start(q, rec, s);
    u32 count = 0;
    for (u32 i = 0; i < r.cls->candidate_count; i++)
        if (candidate_holds(&r, i))
            hits[count++] = r.cls->candidates[i];
    return count;
}

bool query_any(const query_set *q, const record *rec, query_scratch *s)
{
    run r = start(q, rec, s);
    if (r.cls->truth == WHERE_ALWAYS)
        return true;
    for (u32 i = 0; i < r.cls->candidate_count; i++)
        if (candidate_holds(&r, i))
            return true;
    return false;
}
