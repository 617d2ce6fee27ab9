// Rules against events.
//
// The texts of an event's fields are passed once each, for all needles of all rules; a rule is looked at only where one
// of its needles was found, or where it can be true without any.
#include <stdlib.h>
#include <string.h>

#include "detect/rule_internal.h"

enum {
    NO_COVER = UINT32_MAX / 4, // a node that can be true without any needle
    FOUND = ANSWER_TRUE + 1,   // instead of an answer: the needle was, and nobody asked for more yet
};

// ---------------------------------------------------------------------------------------------- getting ready

typedef struct asking {
    const rule_set *set;
    const logsource *source;
    possible (*of)(void *context, const test *t);
    void *context;
} asking;

static possible possible_of(const asking *a, const node *n)
{
    if (n->kind == NODE_TEST)
        return a->of(a->context, &a->source->tests[n->first]);
    possible all = {n->kind == NODE_AND, n->kind != NODE_AND};
    for (u32 i = 0; i < n->count; i++) {
        possible x = possible_of(a, &a->set->nodes[n->first + i]);
        if (n->kind == NODE_NOT)
            return (possible){x.no, x.yes};
        all.yes = n->kind == NODE_AND ? all.yes && x.yes : all.yes || x.yes;
        all.no = n->kind == NODE_AND ? all.no || x.no : all.no && x.no;
    }
    return all;
}

possible rule_possible(const rule_set *set, u32 index, possible (*of)(void *context, const test *t), void *context)
{
    const sigma_rule *r = &set->rules[index];
    const asking a = {set, &set->logsources[r->logsource], of, context};
    return possible_of(&a, &set->nodes[r->root]);
}

// When no needle is found in any field.
static possible without_needles(void *context, const test *t)
{
    (void)context;
    return (possible){!t->has_needle, true};
}

// The fewer and longer needles are, the less often they are found for nothing.
static u32 cost_of(const rule_set *set, const logsource *s, const node *n)
{
    const test *t = n->kind == NODE_TEST ? &s->tests[n->first] : NULL;
    if (t)
        return t->has_needle ? 1 + 64 / (u32)pattern_needle(&t->pattern).len : NO_COVER;
    u32 cost = n->kind == NODE_OR ? 0 : NO_COVER;
    for (u32 i = 0; n->kind != NODE_NOT && i < n->count; i++) {
        u32 one = cost_of(set, s, &set->nodes[n->first + i]);
        if (n->kind == NODE_AND)
            cost = one < cost ? one : cost;
        else
            cost = one > NO_COVER - cost ? NO_COVER : cost + one;
    }
    return cost;
}

// Enters a rule where needles are found of which one must be there if it is true: of all operands of an "or", of the
// cheapest of an "and".
static void attach(rule_set *set, logsource *s, u32 number, const node *n)
{
    if (n->kind == NODE_TEST) {
        test *t = &s->tests[n->first];
        if (t->rule_count && t->rules[t->rule_count - 1] == number)
            return;
        GROW(t->rules, t->rule_count, t->rule_capacity);
        t->rules[t->rule_count++] = number;
        return;
    }
    const node *best = NULL;
    u32 least = NO_COVER;
    for (u32 i = 0; i < n->count; i++) {
        const node *one = &set->nodes[n->first + i];
        u32 cost = n->kind == NODE_AND ? cost_of(set, s, one) : 0;
        if (n->kind == NODE_OR)
            attach(set, s, number, one);
        else if (cost < least) {
            least = cost;
            best = one;
        }
    }
    if (best)
        attach(set, s, number, best);
}

// Numbers, times, addresses, GUIDs and SIDs have none but these, without case. A line's end stands between fields.
static bool is_word(span text)
{
    if (!text.len || memchr(text.at, '\n', text.len))
        return false;
    static const char OTHERS[] = "0123456789abcdefxtrulsznif:.-+%[]{}, \"";
    for (size_t i = 0; i < text.len; i++)
        if (!memchr(OTHERS, text.at[i], sizeof(OTHERS) - 1))
            return true;
    return false;
}

static void note_words(logsource *s)
{
    for (u32 i = 0; i < s->field_count; i++)
        s->fields[i].words = !*s->fields[i].name;
    for (u32 i = 0; i < s->test_count; i++)
        if (s->tests[i].used && !is_word(pattern_needle(&s->tests[i].pattern)))
            s->fields[s->tests[i].field].words = false;
}

static void enter_needles(logsource *s)
{
    for (u32 i = 0; i < s->test_count; i++) {
        test *t = &s->tests[i];
        span text = pattern_needle(&t->pattern);
        t->has_needle = text.len > 0;
        if (t->has_needle && t->used)
            needles_add(&s->fields[t->field].needles, text, i);
    }
    for (u32 i = 0; i < s->field_count; i++)
        needles_close(&s->fields[i].needles);
    note_words(s);
}

static bool is_asked(const sigma_rule *r)
{
    return r->used && !r->correlation;
}

static void mark_used(rule_set *set, logsource *s, const node *n)
{
    for (u32 i = 0; n->kind != NODE_TEST && i < n->count; i++)
        mark_used(set, s, &set->nodes[n->first + i]);
    if (n->kind != NODE_TEST)
        return;
    test *t = &s->tests[n->first];
    t->used = s->fields[t->field].used = true;
    if (t->pattern.kind == PATTERN_FIELD)
        s->fields[t->pattern.field].used = true;
}

void rule_set_close(rule_set *set)
{
    correlations_resolve(set);
    for (u32 i = 0; i < set->rule_count; i++)
        if (is_asked(&set->rules[i]))
            mark_used(set, &set->logsources[set->rules[i].logsource], &set->nodes[set->rules[i].root]);
    for (u32 i = 0; i < set->logsource_count; i++)
        enter_needles(&set->logsources[i]);
    for (u32 i = 0; i < set->rule_count; i++) {
        sigma_rule *r = &set->rules[i];
        if (!is_asked(r))
            continue;
        logsource *s = &set->logsources[r->logsource];
        r->always = rule_possible(set, i, without_needles, NULL).yes;
        GROW(s->rules, s->rule_count, s->rule_capacity);
        s->rules[s->rule_count++] = i;
        if (!r->always)
            attach(set, s, i, &set->nodes[r->root]);
        s->always_count += r->always;
    }
    for (u32 i = 0; i < set->logsource_count; i++) {
        logsource *s = &set->logsources[i];
        u32 n = 0;
        s->always = mem_zeroed(s->always_count + 1, sizeof(*s->always));
        for (u32 k = 0; k < s->rule_count; k++)
            if (set->rules[s->rules[k]].always)
                s->always[n++] = s->rules[k];
    }
}

// ---------------------------------------------------------------------------------------------- scratch

void rule_scratch_free(rule_scratch *x)
{
    mem_free(x->asked);
    mem_free(x->answers);
    mem_free(x->candidate);
    mem_free(x->hits);
    mem_free(x->candidates);
    *x = (rule_scratch){0};
}

// Answers of the event before are forgotten by counting on.
static void begin(const rule_set *set, const logsource *s, const subject *subjects, rule_scratch *x)
{
    if (s->test_count > x->capacity) {
        x->asked = mem_grow_zeroed(x->asked, x->capacity, s->test_count, sizeof(*x->asked));
        x->answers = mem_grow_zeroed(x->answers, x->capacity, s->test_count, sizeof(*x->answers));
        x->capacity = s->test_count;
    }
    if (set->rule_count > x->candidate_capacity) {
        x->candidate = mem_grow_zeroed(x->candidate, x->candidate_capacity, set->rule_count, sizeof(*x->candidate));
        x->candidate_capacity = set->rule_count;
    }
    if (++x->now == 0) {
        memset(x->asked, 0, x->capacity * sizeof(*x->asked));
        memset(x->candidate, 0, x->candidate_capacity * sizeof(*x->candidate));
        x->now = 1;
    }
    x->source = s;
    x->subjects = subjects;
    x->hit_count = x->candidate_count = 0;
}

// ---------------------------------------------------------------------------------------------- needles

static void add_candidate(rule_scratch *x, u32 number)
{
    if (x->candidate[number] == x->now)
        return;
    x->candidate[number] = x->now;
    GROW(x->candidates, x->candidate_count, x->candidates_capacity);
    x->candidates[x->candidate_count++] = number;
}

static answer ask_pattern(const rule_scratch *x, const test *t)
{
    const sigma_pattern *p = &t->pattern;
    return pattern_answer(p, &x->subjects[t->field], p->kind == PATTERN_FIELD ? &x->subjects[p->field] : NULL);
}

typedef struct passing {
    rule_scratch *x;
    size_t len; // of the text
    bool tail;
    known_text *known; // which remembers what is found; or NULL
} passing;

static void note_answer(known_text *t, u32 number, answer is)
{
    GROW(t->answers, t->count, t->capacity);
    t->answers[t->count++] = (known_answer){number, (u8)is};
}

static void add_candidates(rule_scratch *x, const test *t)
{
    for (u32 i = 0; i < t->rule_count; i++)
        add_candidate(x, t->rules[i]);
}

static void needle_is_there(void *context, u32 number, size_t at, size_t len)
{
    const passing *pass = context;
    rule_scratch *x = pass->x;
    const test *t = &x->source->tests[number];
    bool asked = x->asked[number] == x->now;
    if (asked && x->answers[number] != ANSWER_FALSE)
        return;
    answer is = pass->tail ? ANSWER_UNKNOWN : pattern_at_needle(&t->pattern, pass->len, at, len);
    if (is == ANSWER_FALSE || (is == ANSWER_UNKNOWN && asked))
        return;
    if (pass->known && !asked)
        note_answer(pass->known, number, ANSWER_FALSE);
    x->asked[number] = x->now;
    x->answers[number] = (u8)(is == ANSWER_TRUE ? ANSWER_TRUE : t->rule_count ? ask_pattern(x, t) : FOUND);
    if (x->answers[number] == ANSWER_TRUE)
        add_candidates(x, t);
}

// What the needles found in the text before.
static void recall(rule_scratch *x, const known_text *known)
{
    for (u32 i = 0; i < known->count; i++) {
        const known_answer *a = &known->answers[i];
        x->asked[a->test] = x->now;
        x->answers[a->test] = a->answer;
        if (a->answer == ANSWER_TRUE)
            add_candidates(x, &x->source->tests[a->test]);
    }
}

static void pass_text(rule_scratch *x, const needles *list, const subject *s)
{
    passing pass = {x, s->folded.len, s->tail, s->known};
    if (s->known && s->known->passed) {
        recall(x, s->known);
        return;
    }
    needles_find(list, s->folded, needle_is_there, &pass);
    for (u32 i = 0; s->known && i < s->known->count; i++)
        s->known->answers[i].answer = x->answers[s->known->answers[i].test];
    if (s->known)
        s->known->passed = true;
}

// A tail can only be the end that a pattern asks for: that is its needle.
static void pass_texts(rule_scratch *x, const u32 *fields, u32 count)
{
    for (u32 i = 0; i < count; i++) {
        const subject *s = &x->subjects[fields[i]];
        const needles *list = &x->source->fields[fields[i]].needles;
        if (s->kind == SUBJECT_TEXT && list->count)
            pass_text(x, list, s);
    }
}

// ---------------------------------------------------------------------------------------------- answers

static answer answer_of_test(rule_scratch *x, u32 number)
{
    const test *t = &x->source->tests[number];
    bool asked = x->asked[number] == x->now;
    if (asked && x->answers[number] != FOUND)
        return (answer)x->answers[number];
    const subject *s = &x->subjects[t->field];
    bool missing = !asked && t->has_needle && s->kind == SUBJECT_TEXT && !s->tail;
    answer is = missing ? ANSWER_FALSE : ask_pattern(x, t);
    x->asked[number] = x->now;
    x->answers[number] = (u8)is;
    if (s->known && !t->has_needle && t->pattern.kind == PATTERN_REGEX)
        note_answer(s->known, number, is);
    return is;
}

static answer answer_of_node(const rule_set *set, rule_scratch *x, const node *n)
{
    if (n->kind == NODE_TEST)
        return answer_of_test(x, n->first);
    if (n->kind == NODE_NOT)
        return (answer)(ANSWER_TRUE - answer_of_node(set, x, &set->nodes[n->first]));
    answer end = n->kind == NODE_AND ? ANSWER_FALSE : ANSWER_TRUE, is = (answer)(ANSWER_TRUE - end);
    for (u32 i = 0; i < n->count && is != end; i++) {
        answer one = answer_of_node(set, x, &set->nodes[n->first + i]);
        is = (n->kind == NODE_AND) == (one < is) ? one : is;
    }
    return is;
}

static int by_number(const void *a, const void *b)
{
    u32 x = *(const u32 *)a, y = *(const u32 *)b;
    return (x > y) - (x < y);
}

u32 rule_set_ask(const rule_set *set, const rule_question *q, const subject *subjects, rule_scratch *x)
{
    begin(set, q->source, subjects, x);
    pass_texts(x, q->fields, q->field_count);
    for (u32 i = 0; i < q->always_count; i++)
        add_candidate(x, q->always[i]);
    for (u32 i = 0; i < x->candidate_count; i++) {
        u32 number = x->candidates[i];
        if (answer_of_node(set, x, &set->nodes[set->rules[number].root]) != ANSWER_TRUE)
            continue;
        GROW(x->hits, x->hit_count, x->hit_capacity);
        x->hits[x->hit_count++] = number;
    }
    if (x->hit_count > 1)
        qsort(x->hits, x->hit_count, sizeof(*x->hits), by_number);
    return x->hit_count;
}

static void fields_of(const rule_set *set, const logsource *s, const node *n, bool *asked)
{
    for (u32 i = 0; n->kind != NODE_TEST && i < n->count; i++)
        fields_of(set, s, &set->nodes[n->first + i], asked);
    if (n->kind != NODE_TEST)
        return;
    const test *t = &s->tests[n->first];
    asked[t->field] = true;
    if (t->pattern.kind == PATTERN_FIELD)
        asked[t->pattern.field] = true;
}

void rule_fields(const rule_set *set, u32 number, bool *asked)
{
    const sigma_rule *r = &set->rules[number];
    fields_of(set, &set->logsources[r->logsource], &set->nodes[r->root], asked);
    for (u32 i = 0; i < r->kept_count; i++)
        asked[r->kept[i]] = true;
}

static u64 gave_up_of(const rule_set *set, const logsource *s, const node *n)
{
    u64 sum = 0;
    if (n->kind == NODE_TEST)
        return pattern_gave_up(&s->tests[n->first].pattern);
    for (u32 i = 0; i < n->count; i++)
        sum += gave_up_of(set, s, &set->nodes[n->first + i]);
    return sum;
}

u64 rule_gave_up(const rule_set *set, u32 number)
{
    const sigma_rule *r = &set->rules[number];
    return !is_asked(r) ? 0 : gave_up_of(set, &set->logsources[r->logsource], &set->nodes[r->root]);
}

// ---------------------------------------------------------------------------------------------- reasons

typedef struct telling {
    const rule_set *set;
    rule_scratch *x;
    void (*reason)(void *context, const rule_field *f, const subject *s);
    void *context;
    u64 known; // bit n % 64 for each field n
} telling;

// Of operands that are true, and only where the whole is.
static void tell(telling *t, const node *n)
{
    if (n->kind == NODE_NOT || answer_of_node(t->set, t->x, n) != ANSWER_TRUE)
        return;
    for (u32 i = 0; n->kind != NODE_TEST && i < n->count; i++)
        tell(t, &t->set->nodes[n->first + i]);
    if (n->kind != NODE_TEST)
        return;
    u32 field = t->x->source->tests[n->first].field;
    u64 bit = 1ull << field % 64;
    if (field < 64 && (t->known & bit))
        return;
    t->known |= bit;
    t->reason(t->context, &t->x->source->fields[field], &t->x->subjects[field]);
}

void rule_reasons(const rule_set *set, u32 number, rule_scratch *x,
                  void (*reason)(void *context, const rule_field *f, const subject *s), void *context)
{
    telling t = {set, x, reason, context, 0};
    tell(&t, &set->nodes[set->rules[number].root]);
}
