// Sigma rules: what modifiers and conditions mean, by the examples of the Sigma rules specification; what is refused;
// and hits over traces.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/text.h"
#include "detect/fold.h"
#include "detect/rule.h"
#include "program.h"

#define RUN(p, ...) program_run((p), (const char *const[]){__VA_ARGS__, NULL})
#define HEAD "title: T\nid: 1\nlogsource:\n    category: test\ndetection:\n"

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
            fold_text(folded[i], subjects[i].text);
            subjects[i].folded = (span){folded[i], subjects[i].text.len};
            char *end;
            subjects[i].number = strtod(v->text ? v->text : "x", &end);
            subjects[i].has_number = v->text && *v->text && !*end;
        }
    u32 hits = rule_set_ask(&set, s, subjects, &scratch);
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
    // a and _d are true, b and c_1 are not, c_2 is.
    static const char SELECTIONS[] =
        HEAD "    a:\n        F: x\n    b:\n        F: y\n    c_1:\n        F: y\n"
             "    c_2:\n        F: x\n    _d:\n        F: y\n    l:\n      - F: y\n      - F: x\n";
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
        continue; // refused, below
        snprintf(yaml, sizeof(yaml), "%s    condition: %s\n", SELECTIONS, EXAMPLES[i].condition);
        if ((ask(yaml, values) == ANSWER_TRUE) != EXAMPLES[i].hits)
            fail_msg("%s", EXAMPLES[i].condition);
    }
}

// What is not known is neither true nor false, as in SQL.
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

// Anchors that unfold a thousandfold, brackets without an end, a million needles: bounded, and said.
static void hostile_rules_are_bounded(void **state)
{
    (void)state;
    rule_set set = {0};
    error e = {0};
    outbuf b = {0};
    outbuf_text(&b, "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for (int i = 1; i < 9; i++) {
        char line[128];
        snprintf(line, sizeof(line), "a%d: &a%d [*a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d]\n", i, i,
                 i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
        outbuf_text(&b, line);
    }
    assert_false(rule_set_add(&set, "bomb.yml", (span){b.bytes, b.len}, &e));
    assert_non_null(strstr(e.message, "unfolds into more than"));
    rule_set_free(&set);

    b.len = 0;
    outbuf_text(&b, HEAD "    s:\n        F: x\n    condition: ");
    for (int i = 0; i < 10000; i++)
        outbuf_text(&b, "(");
    outbuf_text(&b, "s\n");
    assert_true(rule_set_add(&set, "deep.yml", (span){b.bytes, b.len}, &e));
    assert_non_null(strstr(set.rules[0].refused, "nests deeper"));
    rule_set_free(&set);

    static const value LONG[] = {{"F", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!"},
                                 {NULL, NULL}};
    assert_int_equal(ask(HEAD "    s:\n        F|re: '^(a+)+$'\n    condition: s\n", LONG), ANSWER_FALSE);
    outbuf_free(&b);
}

// ---------------------------------------------------------------------------------------------- traces

static const char DNS_RULE[] =
    "title: Look-up of example\nid: 5d5a0c7e-0000-4000-8000-000000000001\nstatus: test\n"
    "level: high\ntags: [attack.t1071.004]\nlogsource:\n    product: windows\n"
    "    category: dns_query\ndetection:\n    s:\n        QueryName|endswith: '.example'\n    condition: s\n";

static int setup(void **state)
{
    (void)program_setup(state);
    program *p = *state;
    char path[512];
    assert_int_equal(mkdir(program_path(p, "rules", path), 0700), 0);
    bytes_save(program_path(p, "rules/dns.yml", path), DNS_RULE, strlen(DNS_RULE));
    bytes_save(program_path(p, "rules/readme.txt", path), "no rule", 7);
    return 0;
}

// The look-ups of a trace that end in .example, by its records.
static u32 lookups(program *p, u64 numbers[64])
{
    u32 count = 0;
    RUN(p, "convert", "-q", "samples/dns.etl");
    for (char *line = strtok((char *)p->out.bytes, "\n"); line; line = strtok(NULL, "\n")) {
        cJSON *r = cJSON_Parse(line), *data = cJSON_GetObjectItem(r, "data");
        const char *name = cJSON_GetStringValue(cJSON_GetObjectItem(data, "QueryName"));
        double id = cJSON_GetNumberValue(cJSON_GetObjectItem(r, "event_id"));
        size_t len = name ? strlen(name) : 0;
        if ((id == 3006 || id == 3008) && len > 8 && strcmp(name + len - 8, ".example") == 0)
            numbers[count++] = (u64)cJSON_GetNumberValue(cJSON_GetObjectItem(r, "record"));
        cJSON_Delete(r);
    }
    return count;
}

static void hits_name_the_record(void **state)
{
    program *p = *state;
    u64 expected[64];
    u32 count = lookups(p, expected), at = 0;
    assert_true(count > 0);
    assert_int_equal(RUN(p, "detect", "-q", "--rules", "{}/rules", "samples/dns.etl", "-f", "jsonl"), 0);
    assert_int_equal(program_lines(&p->out), count);
    for (char *line = strtok((char *)p->out.bytes, "\n"); line; line = strtok(NULL, "\n"), at++) {
        cJSON *r = cJSON_Parse(line);
        assert_int_equal(cJSON_GetNumberValue(cJSON_GetObjectItem(r, "record")), expected[at]);
        assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(r, "title")), "Look-up of example");
        assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(r, "level")), "high");
        assert_non_null(cJSON_GetObjectItem(cJSON_GetObjectItem(r, "matched"), "QueryName"));
        cJSON_Delete(r);
    }
    // The same for any number of threads, and with a filter records keep their numbers.
    outbuf one = {0};
    assert_int_equal(RUN(p, "detect", "-q", "-j1", "--rules", "{}/rules", "samples/dns.etl", "-f", "jsonl"), 0);
    outbuf_add(&one, p->out.bytes, p->out.len);
    assert_int_equal(RUN(p, "detect", "-q", "-j4", "--rules", "{}/rules", "samples/dns.etl", "-f", "jsonl",
                         "--event-id", "3006,3008"),
                     0);
    assert_int_equal(p->out.len, one.len);
    assert_memory_equal(p->out.bytes, one.bytes, one.len);
    outbuf_free(&one);
}

// A parent's image and the name of the process are facts of other events.
static void facts_of_processes_are_joined(void **state)
{
    program *p = *state;
    RUN(p, "detect", "-q", "--cache", "none", "--rules", "samples/rules", "samples/processes.etl");
    assert_int_equal(program_lines(&p->out), 2);
    outbuf_add(&p->out, "", 1);
    const char *text = (const char *)p->out.bytes;
    assert_non_null(strstr(text, "| WINWORD.EXE(8044) | ParentImage=C:\\Office\\WINWORD.EXE Image="));
    assert_non_null(strstr(text, "| cmd.exe(8420) | CommandLine=powershell "));
}

static void exit_codes_are_for_pipelines(void **state)
{
    program *p = *state;
    char path[512];
    assert_int_equal(RUN(p, "detect", "--rules", "{}/rules", "samples/dns.etl", "--fail-on", "high"), 5);
    assert_int_equal(RUN(p, "detect", "--rules", "{}/rules", "samples/dns.etl", "--fail-on", "critical"), 0);
    assert_int_equal(
        RUN(p, "detect", "--rules", "{}/rules", "samples/dns.etl", "--min-level", "critical", "--fail-on", "low"), 0);
    assert_int_equal(RUN(p, "detect", "--rules", "{}/rules", "samples/dns.etl", "{}/none.etl"), 4);
    assert_int_equal(RUN(p, "detect", "--rules", "{}/rules", "samples/dns.etl", "{}/none.etl", "--fail-on", "high"), 5);
    assert_int_equal(RUN(p, "detect", "samples/dns.etl"), 2);
    assert_int_equal(RUN(p, "detect", "--rules", "{}/none", "samples/dns.etl"), 1);
    assert_int_equal(RUN(p, "detect", "--rules", "{}/rules", "samples/dns.etl", "-o", "{}/x.unknown"), 2);
    // Rules are read: they are never written to.
    assert_int_equal(RUN(p, "detect", "--rules", "{}/rules/dns.yml", "samples/dns.etl", "-o", "{}/rules/dns.yml", "-f",
                         "csv", "--force"),
                     2);
    outbuf rule = {0};
    bytes_load(program_path(p, "rules/dns.yml", path), &rule);
    assert_string_equal((const char *)rule.bytes, DNS_RULE);
    outbuf_free(&rule);
}

static void a_broken_rule_is_one_line(void **state)
{
    program *p = *state;
    char path[512];
    bytes_save(program_path(p, "rules/bad.yml", path), "a: [", 4);
    bytes_save(program_path(p, "rules/copy.yml", path), DNS_RULE, strlen(DNS_RULE));
    assert_int_equal(RUN(p, "detect", "--rules", "{}/rules", "samples/dns.etl", "-o", "{}/hits.csv"), 0);
    assert_non_null(strstr((char *)p->err.bytes, "bad.yml: not a Sigma rule: line "));
    assert_non_null(strstr((char *)p->err.bytes, "its id is that of"));
    assert_non_null(strstr((char *)p->err.bytes, "1 used"));
    assert_int_equal(RUN(p, "detect", "--rules", "{}/rules", "--list"), 0);
    assert_non_null(strstr((char *)p->out.bytes, "1 of 2 rules apply"));
}

// ---------------------------------------------------------------------------------------------- real events

static void add_text(outbuf *b, const char *text)
{
    outbuf_text(b, " wstr:\"");
    for (; *text; text++) {
        const char *escape = *text == '\n' ? "\\n" : *text == '\t' ? "\\t" : *text == '\r' ? "\\r" : NULL;
        if (escape) {
            outbuf_text(b, escape);
            continue;
        }
        if (*text == '"' || *text == '\\')
            outbuf_text(b, "\\");
        outbuf_add(b, text, 1);
    }
    outbuf_text(b, "\"");
}

// An event of JSON as a trace of one event whose description it carries.
static bool write_case(program *p, const cJSON *event)
{
    const cJSON *system = cJSON_GetObjectItem(event, "System"), *data = cJSON_GetObjectItem(event, "EventData"), *field;
    const cJSON *provider = cJSON_GetObjectItem(cJSON_GetObjectItem(system, "Provider"), "#attributes");
    const char *id = cJSON_GetStringValue(cJSON_GetObjectItem(provider, "Guid"));
    char head[256], path[512];
    outbuf b = {0};
    if (!id || !cJSON_IsObject(data))
        return false;
    snprintf(head, sizeof(head), "provider=%s id=%d version=%d", id,
             (int)cJSON_GetNumberValue(cJSON_GetObjectItem(system, "EventID")),
             (int)cJSON_GetNumberValue(cJSON_GetObjectItem(system, "Version")));
    outbuf_text(&b, "trace\nbuffer\ntdh-schema ");
    outbuf_text(&b, head);
    outbuf_text(&b, " provider-name=\"");
    outbuf_text(&b, cJSON_GetStringValue(cJSON_GetObjectItem(provider, "Name")));
    outbuf_text(&b, "\" fields={");
    cJSON_ArrayForEach (field, data) {
        outbuf_text(&b, field == data->child ? "wstr " : "; wstr ");
        outbuf_text(&b, field->string);
    }
    outbuf_text(&b, "}\nevent ");
    outbuf_text(&b, head);
    outbuf_text(&b, " payload");
    cJSON_ArrayForEach (field, data) {
        char *number = cJSON_IsString(field) ? NULL : cJSON_PrintUnformatted(field);
        add_text(&b, number ? number : field->valuestring);
        cJSON_free(number);
    }
    outbuf_text(&b, "\n");
    bytes_save(program_path(p, "event.case", path), b.bytes, b.len);
    outbuf_free(&b);
    return true;
}

static void real_events_are_hit_by_their_rules(void **state)
{
    program *p = *state;
    const char *shared = getenv("ETWKIT_SHARED");
    char command[2048], list[512], line[512];
    u32 asked = 0, hit = 0;
    snprintf(command, sizeof(command), "ls %s/sigma/regression/*.json >%s/list 2>/dev/null", shared ? shared : "",
             p->folder);
    if (!shared || system(command) != 0) {
        print_message("skipped: no Sigma rules and events of others are at hand (ETWKIT_SHARED)\n");
        skip();
    }
    FILE *f = fopen(program_path(p, "list", list), "r");
    while (fgets(line, sizeof(line), f)) {
        line[strcspn(line, "\n")] = 0;
        outbuf json = {0};
        bytes_load(line, &json);
        cJSON *root = cJSON_Parse((const char *)json.bytes);
        if (write_case(p, cJSON_GetObjectItem(root, "Event"))) {
            char id[64] = "", rules[512];
            memcpy(id, strrchr(line, '/') + 1, 36);
            snprintf(command, sizeof(command),
                     "build/etl_make %s/event.case %s/event.etl && grep -rl '^id: %s' %s/sigma/rules* >%s/rule",
                     p->folder, p->folder, id, shared, p->folder);
            assert_int_equal(system(command), 0);
            outbuf path = {0};
            bytes_load(program_path(p, "rule", rules), &path);
            path.bytes[strcspn((char *)path.bytes, "\n")] = 0;
            asked++;
            RUN(p, "detect", "-q", "--rules", (char *)path.bytes, "{}/event.etl", "-f", "jsonl");
            if (p->out.len && strstr((char *)p->out.bytes, id))
                hit++;
            else
                print_message("%s does not hit its event\n", (char *)path.bytes);
            outbuf_free(&path);
        }
        cJSON_Delete(root);
        outbuf_free(&json);
    }
    fclose(f);
    assert_true(asked >= 90);
    assert_int_equal(hit, asked);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(modifiers_mean_what_the_specification_says),
        cmocka_unit_test(conditions_are_read_as_written),
        cmocka_unit_test(what_is_not_known_hits_nothing),
        cmocka_unit_test(fields_are_compared_and_keywords_found),
        cmocka_unit_test(what_is_not_understood_is_refused),
        cmocka_unit_test(hostile_rules_are_bounded),
        cmocka_unit_test_setup_teardown(hits_name_the_record, setup, program_teardown),
        cmocka_unit_test_setup_teardown(facts_of_processes_are_joined, setup, program_teardown),
        cmocka_unit_test_setup_teardown(exit_codes_are_for_pipelines, setup, program_teardown),
        cmocka_unit_test_setup_teardown(a_broken_rule_is_one_line, setup, program_teardown),
        cmocka_unit_test_setup_teardown(real_events_are_hit_by_their_rules, setup, program_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
