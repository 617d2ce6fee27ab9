// Sigma rules: what modifiers and conditions mean, by the examples of the Sigma rules specification; what is refused;
// what hostile rules may cost.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fold.h"
#include "base/limits.h"
#include "base/text.h"
#include "detect/rule.h"

#define HEAD "title: T\nid: 1\nlogsource:\n    category: test\ndetection:\n"

static void take_placeholders(void *context, const yaml_value *document)
{
    ((rule_set *)context)->placeholders = document;
}

// ---------------------------------------------------------------------------------------------- rules alone

typedef struct value {
    const char *name, *text; // text NULL: the event has no such field
} value;

// Fields that are not among the values are not known of the event.
static answer ask(const char *yaml, const value *values)
{
    rule_set set = {0};
    rule_scratch scratch = {0};
    error e = {0};
    if (!rule_set_add(&set, "rule.yml", text_span(yaml), &e))
        fail_msg("%s", e.message);
    if (set.rules[0].refused)
        fail_msg("%s\n%s", set.rules[0].refused, yaml);
    rule_set_close(&set);
    const logsource *s = &set.logsources[0];
    subject *subjects = mem_zeroed(s->field_count + 1, sizeof(*subjects));
    u8 folded[16][256];
    assert_true(s->field_count <= 16);
    for (u32 i = 0; i < s->field_count; i++)
        for (const value *v = values; v->name; v++) {
            if (strcmp(v->name, s->fields[i].name) != 0)
                continue;
            subjects[i].kind = v->text ? SUBJECT_TEXT : SUBJECT_NULL;
            subjects[i].text = text_span(v->text ? v->text : "");
            text_fold(folded[i], subjects[i].text);
            subjects[i].folded = (span){folded[i], subjects[i].text.len};
        }
    u32 all[16];
    for (u32 i = 0; i < s->field_count; i++)
        all[i] = i;
    const rule_question question = {s, all, s->field_count, s->always, s->always_count};
    u32 hits = rule_set_ask(&set, &question, subjects, &scratch);
    mem_free(subjects);
    rule_scratch_free(&scratch);
    rule_set_free(&set);
    return hits ? ANSWER_TRUE : ANSWER_FALSE;
}

typedef struct example {
    const char *key, *item; // of the selection
    const char *text;       // of the field "F"
    bool hits;
} example;

static void modifiers_mean_what_the_specification_says(void **state)
{
    (void)state;
    static const example EXAMPLES[] = {
        // text without case, as a whole
        {"F", "whoami", "WhoAmI", true},
        {"F", "whoami", "whoami.exe", false},
        {"F", "'Ärger'", "ärger", true},
        {"F", "4688", "4688", true},
        {"F", "[a, b]", "b", true},
        {"F", "[a, b]", "c", false},
        // wildcards and their escapes
        {"F", "'w*m?'", "wh oam", false},
        {"F", "'w*m?'", "wh oami", true},
        {"F", "'*\\\\cmd.exe'", "C:\\Windows\\cmd.exe", true},
        {"F", "'a\\*b'", "a*b", true},
        {"F", "'a\\*b'", "axb", false},
        {"F", "'a\\?b'", "a?b", true},
        {"F", "'a\\\\*'", "a\\xyz", true},
        {"F", "'a\\\\*'", "axyz", false},
        {"F", "'C:\\Temp\\x'", "c:\\temp\\x", true},
        {"F", "'*aab'", "aaaab", true},
        {"F", "'?\?'", "äö", true},
        // places
        {"F|contains", "'o w'", "hello world", true},
        {"F|contains", "'o w'", "hello  world", false},
        {"F|startswith", "hel", "Hello", true},
        {"F|startswith", "ell", "Hello", false},
        {"F|endswith", "LLO", "Hello", true},
        {"F|endswith", "hell", "Hello", false},
        {"F|contains|all", "[a, b]", "xbxax", true},
        {"F|contains|all", "[a, b]", "xbx", false},
        {"F|contains|cased", "Ab", "xAbx", true},
        {"F|contains|cased", "Ab", "xabx", false},
        {"F|cased", "Ab", "ab", false},
        // regular expressions know case, and are looked for anywhere
        {"F|re", "'b{2,}c'", "abbbcd", true},
        {"F|re", "'B{2,}c'", "abbbcd", false},
        {"F|re|i", "'B{2,}c'", "abbbcd", true},
        {"F|re", "'^b'", "a\nb", false},
        {"F|re|m", "'^b'", "a\nb", true},
        {"F|re", "'a.b'", "a\nb", false},
        {"F|re|s", "'a.b'", "a\nb", true},
        // networks
        {"F|cidr", "10.0.0.0/8", "10.200.3.4", true},
        {"F|cidr", "10.0.0.0/8", "11.0.0.1", false},
        {"F|cidr", "192.168.4.0/22", "192.168.7.255", true},
        {"F|cidr", "192.168.4.0/22", "192.168.8.0", false},
        {"F|cidr", "'fe80::/10'", "fe80::1%3", true},
        {"F|cidr", "'fe80::/10'", "fec0::1", false},
        {"F|cidr", "'::1/128'", "0:0:0:0:0:0:0:1", true},
        {"F|cidr", "10.0.0.0/8", "not an address", false},
        // numbers
        {"F|neq", "a", "b", true},
        {"F|neq", "a", "A", false},
        {"F|neq", "[a, b]", "b", false},
        {"F|neq", "[a, b]", "c", true},
        {"F|neq|contains", "a", "xax", false},
        {"F|neq", "a", NULL, true},
        {"F|lt", "10", "9", true},
        {"F|lt", "10", "10", false},
        {"F|lte", "10", "10", true},
        {"F|gt", "10", "10.5", true},
        {"F|gte", "10", "9", false},
        // encodings: "foobar" and its three places in base64, "/bin/bash" likewise, UTF-16 first
        {"F|base64", "foobar", "Zm9vYmFy", true},
        {"F|base64|contains", "foobar", "x Zm9vYmFy x", true},
        {"F|base64", "foobar", "zm9vymfy", false},
        {"F|base64offset|contains", "foobar", "-Zvb2Jhc-", true},
        {"F|base64offset|contains", "foobar", "-mb29iYX-", true},
        {"F|base64offset|contains", "/bin/bash", "xL2Jpbi9iYXNox", true},
        {"F|base64offset|contains", "/bin/bash", "x9iaW4vYmFzax", true},
        {"F|base64offset|contains", "/bin/bash", "xvYmluL2Jhc2x", true},
        {"F|wide|base64", "ping", "cABpAG4AZwA=", true},
        {"F|utf16le|base64", "ping", "cABpAG4AZwA=", true},
        {"F|utf16be|base64", "ping", "AHAAaQBuAGc=", true},
        {"F|utf16|base64", "ping", "//5wAGkAbgBnAA==", true},
        // dashes of Windows programs
        {"F|windash|contains", "' -enc '", "powershell /ENC x", true},
        {"F|windash|contains", "' -enc '",
         "powershell \xe2\x80\x93"
         "enc x",
         true},
        {"F|windash|contains", "' -enc '", "powershell +enc x", false},
        {"F|windash|contains", "'a-b'", "a/b", false},
        // is there a value?
        {"F|exists", "true", "x", true},
        {"F|exists", "false", "x", false},
        {"F|exists", "false", NULL, true},
        {"F", "null", NULL, true},
        {"F", "null", "", false},
        {"F", "'null'", "null", true},
        {"F", "''", "", true},
        {"F", "''", "x", false},
        {"F|contains", "x", NULL, false},
    };
    for (size_t i = 0; i < COUNT_OF(EXAMPLES); i++) {
        const example *x = &EXAMPLES[i];
        char yaml[512];
        snprintf(yaml, sizeof(yaml), HEAD "    s:\n        %s: %s\n    condition: s\n", x->key, x->item);
        const value values[] = {{"F", x->text}, {NULL, NULL}};
        if ((ask(yaml, values) == ANSWER_TRUE) != x->hits)
            fail_msg("%s: %s: '%s' %s", x->key, x->item, x->text, x->hits ? "is to hit" : "is not to hit");
    }
}

static void conditions_are_read_as_written(void **state)
{
    (void)state;
    // a, c_2 and l are true, b, c_1 and _d are not.
    static const char SELECTIONS[] =
        HEAD "    a:\n        F: x\n    b:\n        F: y\n    c_1:\n        F: y\n"
             "    c_2:\n        F: x\n    _d:\n        F: y\n    l:\n        - F: y\n        - F: x\n";
    static const struct {
        const char *condition;
        bool hits;
    } EXAMPLES[] = {
        {"a", true},
        {"not a", false},
        {"not b", true},
        {"not not a", true},
        {"a and b", false},
        {"a or b", true},
        {"b or a and b", false},
        {"(b or a) and a", true},
        {"a or b and b", true},
        {"not b and not c_1", true},
        {"1 of c_*", true},
        {"all of c_*", false},
        {"any of c_*", true},
        {"1 of them", true},
        {"not 1 of _*", true},
        {"a AND NOT b", true},
        {"l", true},
        {"[b, a]", true}, // any of several
    };
    for (size_t i = 0; i < COUNT_OF(EXAMPLES); i++) {
        char yaml[1024];
        const value values[] = {{"F", "x"}, {NULL, NULL}};
        snprintf(yaml, sizeof(yaml), "%s    condition: %s\n", SELECTIONS, EXAMPLES[i].condition);
        if ((ask(yaml, values) == ANSWER_TRUE) != EXAMPLES[i].hits)
            fail_msg("%s", EXAMPLES[i].condition);
    }
}

// What nobody records is neither true nor false, as in SQL.
static void what_is_not_known_hits_nothing(void **state)
{
    (void)state;
    static const value VALUES[] = {{"F", "x"}, {NULL, NULL}};
    assert_int_equal(ask(HEAD "    s:\n        F: x\n    f:\n        G: y\n    condition: s and not f\n", VALUES),
                     ANSWER_FALSE);
    assert_int_equal(ask(HEAD "    s:\n        F: x\n    f:\n        G: y\n    condition: s or f\n", VALUES),
                     ANSWER_TRUE);
    assert_int_equal(ask(HEAD "    s:\n        F: x\n    f:\n        G: null\n    condition: s and f\n", VALUES),
                     ANSWER_FALSE);
    // What the event does not have is equal to nothing.
    static const value ABSENT[] = {{"F", "x"}, {"G", NULL}, {NULL, NULL}};
    assert_int_equal(ask(HEAD "    s:\n        F: x\n    f:\n        G: y\n    condition: s and not f\n", ABSENT),
                     ANSWER_TRUE);
    assert_int_equal(ask(HEAD "    s:\n        F: x\n    f:\n        G|gt: 1\n    condition: s and not f\n", ABSENT),
                     ANSWER_TRUE);
}

static void fields_are_compared_and_keywords_found(void **state)
{
    (void)state;
    static const value SAME[] = {{"A", "x/y"}, {"B", "X/Y"}, {NULL, NULL}},
                       OTHER[] = {{"A", "x/y"}, {"B", "y"}, {NULL, NULL}};
    assert_int_equal(ask(HEAD "    s:\n        A|fieldref: B\n    condition: s\n", SAME), ANSWER_TRUE);
    assert_int_equal(ask(HEAD "    s:\n        A|fieldref: B\n    condition: s\n", OTHER), ANSWER_FALSE);
    assert_int_equal(ask(HEAD "    s:\n        A|fieldref|endswith: B\n    condition: s\n", OTHER), ANSWER_TRUE);
    assert_int_equal(ask(HEAD "    s:\n        A|fieldref|startswith: B\n    condition: s\n", OTHER), ANSWER_FALSE);
    static const value ALL[] = {{"", "first\nmimikatz.exe\n"}, {NULL, NULL}};
    assert_int_equal(ask(HEAD "    keywords:\n        - nothing\n        - MIMIKATZ\n    condition: keywords\n", ALL),
                     ANSWER_TRUE);
    assert_int_equal(
        ask(HEAD "    keywords:\n        '|all':\n            - first\n            - other\n    condition: keywords\n",
            ALL),
        ANSWER_FALSE);
}

static void what_is_not_understood_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *yaml, *why;
    } BAD[] = {
        {HEAD "    s:\n        F|near: x\n    condition: s\n", "the modifier 'near'"},
        {HEAD "    s:\n        F: x\n    condition: t\n", "names 't'"},
        {HEAD "    s:\n        F: x\n    condition: S\n", "names 'S'"},
        {HEAD "    s:\n        F: x\n    condition: s and\n", "ends too early"},
        {HEAD "    s:\n        F: x\n    condition: (s\n", "lacks a ')'"},
        {HEAD "    s:\n        F: x\n    condition: s s\n", "where 'and' or 'or'"},
        {HEAD "    s:\n        F: x\n    condition: 1 of t*\n", "no selection"},
        {HEAD "    s:\n        F: x\n    condition: 2 of s*\n", "known are 1, any and all"},
        {HEAD "    s:\n        F: x\n    condition: s | count() > 5\n", "counts after '|'"},
        {HEAD "    s:\n        F: x\n", "no condition"},
        {HEAD "    s:\n        F|re: '('\n    condition: s\n", "not a regular expression"},
        {HEAD "    s:\n        F|cidr: 10.0.0.0/33\n    condition: s\n", "not a network"},
        {HEAD "    s:\n        F|lt: x\n    condition: s\n", "not a number"},
        {HEAD "    s:\n        F|wide: x\n    condition: s\n", "no base64 follows"},
        {HEAD "    s:\n        F|base64: 'x*'\n    condition: s\n", "wildcards"},
        {HEAD "    s:\n        F|expand: '%x%'\n    condition: s\n", "placeholder"},
        {HEAD "    s:\n        F:\n            a: b\n    condition: s\n", "its value is a map"},
        {"title: T\nlogsource:\n    product: windows\n", "no detection"},
        {"title: T\nlevel: worst\n"
         "logsource:\n    category: x\ndetection:\n    s:\n        F: x\n    condition: s\n",
         "level"},
        {"- a\n- b\n", "not a rule"},
    };
    for (size_t i = 0; i < COUNT_OF(BAD); i++) {
        rule_set set = {0};
        error e = {0};
        assert_true(rule_set_add(&set, "rule.yml", text_span(BAD[i].yaml), &e));
        assert_int_equal(set.rule_count, 1);
        if (!set.rules[0].refused || !strstr(set.rules[0].refused, BAD[i].why))
            fail_msg("%s\nis refused for: %s", BAD[i].yaml, set.rules[0].refused ? set.rules[0].refused : "nothing");
        rule_set_free(&set);
    }
}

// ---------------------------------------------------------------------------------------------- hostile rules

// Reads a file of rules that is refused as a whole or whose first document is, for a reason that has `why` in it.
static void refused(const outbuf *yaml, const char *placeholders, const char *why)
{
    rule_set set = {0};
    error e = {0};
    arena a = {0};
    if (placeholders)
        assert_true(yaml_read(&a, text_span(placeholders), take_placeholders, &set, &e));
    bool read = rule_set_add(&set, "hostile.yml", (span){yaml->bytes, yaml->len}, &e);
    const char *said = !read ? e.message : set.rule_count ? set.rules[0].refused : NULL;
    if (!said || !strstr(said, why))
        fail_msg("it is to say '%s', and says '%s'", why, said ? said : "nothing");
    rule_set_close(&set);
    rule_set_free(&set);
    arena_free(&a);
}

static void repeat(outbuf *b, const char *text, u32 count)
{
    for (u32 i = 0; i < count; i++)
        outbuf_text(b, text);
}

// Anchors that unfold a thousandfold, in number and in bytes, into themselves, and brackets without an end.
static void yaml_bombs_are_bounded(void **state)
{
    (void)state;
    outbuf b = {0};
    outbuf_text(&b, "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for (int i = 1; i < 9; i++) {
        char line[128];
        snprintf(line, sizeof(line), "a%d: &a%d [*a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d]\n", i, i,
                 i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
        outbuf_text(&b, line);
    }
    refused(&b, NULL, "unfolds into more than");
    b.len = 0;
    outbuf_text(&b, "a: &a ");
    repeat(&b, "0123456789abcdef", 1 << 16);
    outbuf_text(&b, "\nb: [*a");
    repeat(&b, ", *a", 100000);
    outbuf_text(&b, "]\n");
    refused(&b, NULL, "unfolds into more than");
    b.len = 0;
    outbuf_text(&b, "a: &a [*a]\n");
    refused(&b, NULL, "nests deeper");
    b.len = 0;
    repeat(&b, "[", 20000);
    refused(&b, NULL, "line ");
    b.len = 0;
    repeat(&b, "{a: ", 5000);
    refused(&b, NULL, "line ");
    outbuf_free(&b);
}

static void conditions_without_an_end_are_bounded(void **state)
{
    (void)state;
    outbuf b = {0};
    outbuf_text(&b, HEAD "    s:\n        F: x\n    condition: ");
    repeat(&b, "(", 10000);
    outbuf_text(&b, "s\n");
    refused(&b, NULL, "nests deeper");
    b.len = 0;
    outbuf_text(&b, HEAD "    s:\n        F: x\n    condition: ");
    repeat(&b, "not ", 10000);
    outbuf_text(&b, "s\n");
    refused(&b, NULL, "nests deeper");
    b.len = 0;
    outbuf_text(&b, HEAD "    s:\n        F: x\n    condition: s");
    repeat(&b, " or s", 2000);
    outbuf_text(&b, "\n");
    refused(&b, NULL, "terms in a row");
    b.len = 0;
    outbuf_text(&b, HEAD "    s:\n        F: x\n    condition: s");
    repeat(&b, " or s", 20000);
    outbuf_text(&b, "\n");
    refused(&b, NULL, "its condition has more than");
    b.len = 0;
    outbuf_text(&b, HEAD "    s:\n        F: [x");
    repeat(&b, ", x", 9999);
    outbuf_text(&b, "]\n    condition: s");
    repeat(&b, " or s", 999);
    outbuf_text(&b, "\n");
    refused(&b, NULL, "it has more than 1048576 terms");
    b.len = 0;
    outbuf_text(&b, HEAD "    s:\n        F: x\n    condition: 1 of ");
    repeat(&b, "*a", 100);
    outbuf_text(&b, "\n");
    refused(&b, NULL, "no selection has such a name");
    outbuf_free(&b);
}

static void values_without_an_end_are_bounded(void **state)
{
    (void)state;
    outbuf b = {0};
    outbuf_text(&b, HEAD "    s:\n        F: '");
    repeat(&b, "*aaaaaaa", 10000);
    outbuf_text(&b, "'\n    condition: s\n");
    refused(&b, NULL, "a value of 80000 bytes");
    b.len = 0;
    outbuf_text(&b, HEAD "    s:\n");
    for (u32 i = 0; i < 1000; i++) {
        char line[64];
        snprintf(line, sizeof(line), "        F%u: x\n", i);
        outbuf_text(&b, line);
    }
    outbuf_text(&b, "    condition: s\n");
    refused(&b, NULL, "it names more than 256 fields");
    b.len = 0;
    outbuf_text(&b, HEAD "    s:\n        F|expand: '%a%'\n    condition: s\n");
    refused(&b, "a: '%a%'\n", "placeholders in placeholders");
    refused(&b, "a: ['%b%', '%b%', '%b%', '%b%']\nb: ['%a%', '%a%', '%a%', '%a%']\n", "placeholders in placeholders");
    refused(&b, "a: ['%a%%a%', x]\n", "placeholders in placeholders");
    b.len = 0;
    outbuf_text(&b, HEAD "    s:\n        F|re: '");
    repeat(&b, "(", 100);
    repeat(&b, ")", 100);
    outbuf_text(&b, "'\n    condition: s\n");
    refused(&b, NULL, "not a regular expression");
    outbuf_free(&b);
}

// Each rule is a small one; it is the number of them.
static void rules_together_are_bounded(void **state)
{
    (void)state;
    outbuf b = {0};
    error e = {0};
    rule_set set = {0}, full = {.test_count = LIMIT_RULE_TESTS};
    for (u32 i = 0; i <= LIMIT_RULE_SOURCES; i++) {
        char rule[160];
        outbuf_add(&b, rule,
                   (size_t)snprintf(rule, sizeof(rule),
                                    "title: T\nlogsource: {category: c%u}\ndetection: {s: {F: x}, condition: s}\n---\n",
                                    i));
    }
    assert_true(rule_set_add(&set, "many.yml", (span){b.bytes, b.len}, &e));
    assert_null(set.rules[LIMIT_RULE_SOURCES - 1].refused);
    assert_string_equal(set.rules[LIMIT_RULE_SOURCES].refused, "all rules together have more than 1024 logsources");
    rule_set_close(&set);
    rule_set_free(&set);
    assert_true(rule_set_add(&full, "one.yml", text_span(HEAD "    s:\n        F: x\n    condition: s\n"), &e));
    assert_non_null(strstr(full.rules[0].refused, "all rules together ask for more than 1048576 values"));
    rule_set_close(&full);
    rule_set_free(&full);
    outbuf_free(&b);
}

// A list of 400,000 values is a list like others.
static void many_values_are_looked_for_at_once(void **state)
{
    (void)state;
    outbuf b = {0};
    outbuf_text(&b, HEAD "    s:\n        F|contains: [x0");
    for (u32 i = 1; i < 400000; i++) {
        char word[16];
        outbuf_add(&b, word, (size_t)snprintf(word, sizeof(word), ",%x", i));
    }
    outbuf_text(&b, "]\n    condition: s\n");
    outbuf_add(&b, "", 1);
    assert_int_equal(ask((const char *)b.bytes, (const value[]){{"F", "is 61A7F there?"}, {NULL, NULL}}), ANSWER_TRUE);
    assert_int_equal(ask((const char *)b.bytes, (const value[]){{"F", "- - - - -"}, {NULL, NULL}}), ANSWER_FALSE);
    outbuf_free(&b);
}

// An answer that takes too long is no answer: neither the rule nor its "not" hits, and it is counted.
static void regular_expressions_give_up(void **state)
{
    (void)state;
    static const char TEXT[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!";
    static const value LONG[] = {{"F", TEXT}, {NULL, NULL}};
    assert_int_equal(ask(HEAD "    s:\n        F|re: '^(a+)+$'\n    condition: s\n", LONG), ANSWER_FALSE);
    assert_int_equal(ask(HEAD "    s:\n        F|re: '^(a+)+$'\n    condition: not s\n", LONG), ANSWER_FALSE);
    assert_int_equal(ask(HEAD "    s:\n        F|re: '^(a+)+!$'\n    condition: s\n", LONG), ANSWER_TRUE);
    rule_set set = {0};
    rule_scratch scratch = {0};
    error e = {0};
    assert_true(rule_set_add(&set, "r.yml", text_span(HEAD "    s:\n        F|re: '^(a+)+$'\n    condition: s\n"), &e));
    rule_set_close(&set);
    const subject s = {.kind = SUBJECT_TEXT, .text = text_span(TEXT), .folded = text_span(TEXT)};
    const rule_question question = {&set.logsources[0], (const u32[]){0}, 1, set.logsources[0].always, 1};
    for (u32 i = 0; i < 3; i++)
        (void)rule_set_ask(&set, &question, &s, &scratch);
    assert_int_equal(rule_gave_up(&set, 0), 3);
    rule_scratch_free(&scratch);
    rule_set_free(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(modifiers_mean_what_the_specification_says),
        cmocka_unit_test(conditions_are_read_as_written),
        cmocka_unit_test(what_is_not_known_hits_nothing),
        cmocka_unit_test(fields_are_compared_and_keywords_found),
        cmocka_unit_test(what_is_not_understood_is_refused),
        cmocka_unit_test(yaml_bombs_are_bounded),
        cmocka_unit_test(conditions_without_an_end_are_bounded),
        cmocka_unit_test(values_without_an_end_are_bounded),
        cmocka_unit_test(rules_together_are_bounded),
        cmocka_unit_test(many_values_are_looked_for_at_once),
        cmocka_unit_test(regular_expressions_give_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
