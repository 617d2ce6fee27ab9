// Files of Sigma rules, up to a NUL; what follows it are values, a line each, for the fields they name. What rules say
// of the values by the way of needles must be what their patterns say one by one.
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "base/fold.h"
#include "detect/rule.h"

enum { FIELDS = 64, BYTES = 4096 };

static answer ask_plainly(const rule_set *set, const logsource *s, const subject *subjects, const node *n)
{
    if (n->kind == NODE_TEST) {
        const test *t = &s->tests[n->first];
        const sigma_pattern *p = &t->pattern;
        return pattern_answer(p, &subjects[t->field], p->kind == PATTERN_FIELD ? &subjects[p->field] : NULL);
    }
    answer is = n->kind == NODE_OR ? ANSWER_FALSE : ANSWER_TRUE;
    for (u32 i = 0; i < n->count; i++) {
        answer one = ask_plainly(set, s, subjects, &set->nodes[n->first + i]);
        if (n->kind == NODE_NOT)
            return (answer)(ANSWER_TRUE - one);
        is = (n->kind == NODE_AND) == (one < is) ? one : is;
    }
    return is;
}

// The next line as a value: "\x01" is none, one that begins with a backslash and ends with "\x02" is a tail.
static void fill(subject *s, span *values, u8 folded[BYTES])
{
    const u8 *end = values->len ? memchr(values->at, '\n', values->len) : NULL;
    span line = fuzz_take(values, end ? (size_t)(end - values->at) : values->len);
    (void)fuzz_take(values, 1);
    if (line.len > BYTES)
        line.len = BYTES;
    if (!line.len)
        line.at = folded;
    *s = (subject){.kind = SUBJECT_TEXT, .text = line};
    if (line.len == 1 && line.at[0] == 1)
        s->kind = SUBJECT_NULL;
    if (line.len && line.at[line.len - 1] == 2 && line.at[0] == '\\') {
        s->tail = true;
        s->text.len--;
    }
    text_fold(folded, s->text);
    s->folded = (span){folded, s->text.len};
    s->number = (double)line.len;
    s->has_number = line.len % 2;
}

static void ask(const rule_set *set, const logsource *s, span values, rule_scratch *scratch)
{
    static subject subjects[FIELDS];
    static u8 folded[FIELDS][BYTES];
    u32 all[FIELDS];
    if (s->field_count > FIELDS)
        return;
    for (u32 i = 0; i < s->field_count; i++) {
        fill(&subjects[i], &values, folded[i]);
        all[i] = i;
    }
    const rule_question question = {s, all, s->field_count, s->always, s->always_count};
    u32 hits = rule_set_ask(set, &question, subjects, scratch), at = 0;
    for (u32 i = 0; i < s->rule_count; i++) {
        u32 number = s->rules[i];
        bool hit = at < hits && scratch->hits[at] == number;
        answer plain = ask_plainly(set, s, subjects, &set->nodes[set->rules[number].root]);
        if (hit != (plain == ANSWER_TRUE) && !rule_gave_up(set, number))
            abort();
        at += hit;
    }
    if (at != hits)
        abort();
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    rule_set set = {0};
    rule_scratch scratch = {0};
    error e = {0};
    const u8 *end = size ? memchr(data, 0, size) : NULL;
    span text = {data, end ? (size_t)(end - data) : size};
    span values = end ? span_from((span){data, size}, text.len + 1) : (span){0};
    if (!rule_set_add(&set, "rules.yml", text, &e) && !e.message[0])
        abort();
    rule_set_close(&set);
    for (u32 i = 0; i < set.logsource_count; i++)
        ask(&set, &set.logsources[i], values, &scratch);
    rule_scratch_free(&scratch);
    rule_set_free(&set);
    return 0;
}
