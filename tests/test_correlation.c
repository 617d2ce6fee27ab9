// Sigma correlations: what makes them true, by the Sigma correlation rules specification; what is refused; what they
// may remember.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/outbuf.h"
#include "base/text.h"
#include "detect/correlation.h"
#include "program.h"

#define RUN(p, ...) program_run((p), (const char *const[]){__VA_ARGS__, NULL})

// Three rules about events with the fields User and Host.
#define RULE(x)                                                                                                        \
    "---\ntitle: " x "\nid: id-" x "\nname: " x "\nlogsource: {category: c}\ndetection: {s: {F: " x "}, condition: s}\n"
#define RULES RULE("a") RULE("b") RULE("c")

typedef struct seen {
    const char *rule;
    int second;
    const char *user, *host; // NULL: the event does not have it
} seen;

typedef struct heard {
    char text[1024];
    bool with_records;
} heard;

static bool hear(void *context, const correlation_hit *hit)
{
    heard *h = context;
    char *p = h->text + strlen(h->text);
    size_t room = sizeof(h->text) - (size_t)(p - h->text);
    p += snprintf(p, room, "%s%d", *h->text ? " " : "", (int)(hit->last->time / 10000000));
    for (u32 i = 0; i < hit->group_count; i++)
        p += sprintf(p, "%c%.*s", i ? '/' : ':', (int)hit->groups[i].len, (const char *)hit->groups[i].at);
    for (u32 i = 0; h->with_records && i < hit->record_count; i++)
        p += sprintf(p, "%c%u", i ? ',' : '@', (unsigned)hit->records[i]);
    return true;
}

static void load(rule_set *set, const char *yaml)
{
    error e = {0};
    if (!rule_set_add(set, "rules.yml", text_span(yaml), &e))
        fail_msg("%s", e.message);
    rule_set_close(set);
}

static u32 rule_named(const rule_set *set, const char *name)
{
    u32 i = 0;
    while (strcmp(set->rules[i].name, name) != 0)
        i++;
    return i;
}

// The values of what a rule keeps.
static void values_of(const rule_set *set, const sigma_rule *r, const seen *at, span *out)
{
    for (u32 i = 0; i < r->kept_count; i++) {
        const char *field = set->logsources[r->logsource].fields[r->kept[i]].name;
        const char *text = strcmp(field, "User") == 0 ? at->user : strcmp(field, "Host") == 0 ? at->host : NULL;
        out[i] = text ? text_span(text) : (span){0};
    }
}

static void feed(const rule_set *set, const seen *events, heard *h)
{
    correlations *c = correlations_new(set);
    for (u32 i = 0; events[i].rule; i++) {
        span values[8];
        u32 rule = rule_named(set, events[i].rule);
        values_of(set, &set->rules[rule], &events[i], values);
        const correlated hit = {rule, events[i].second * (i64)10000000, i + 1, values, {0}};
        assert_true(correlations_see(c, &hit, hear, h));
    }
    assert_true(correlations_end(c, hear, h));
    assert_int_equal(correlations_forgotten(c), 0);
    correlations_free(c);
}

typedef struct example {
    const char *says, *correlation;
    seen events[12];
    const char *hits; // "second:group/group@record,record ..."
} example;

static const example EXAMPLES[] = {
    {"hits within the timespan are counted, by group",
     "type: event_count, rules: [a], group-by: [User], timespan: 10s, condition: {gte: 3}",
     {{"a", 0, "x", 0}, {"a", 1, "y", 0}, {"a", 5, "x", 0}, {"a", 9, "x", 0}, {"b", 9, "y", 0}, {"a", 10, "y", 0}},
     "9:x@1,3,4"},
    {"the timespan slides",
     "type: event_count, rules: [a], timespan: 10s, condition: {gt: 2}",
     {{"a", 0, 0, 0}, {"a", 9, 0, 0}, {"a", 11, 0, 0}, {"a", 19, 0, 0}},
     "19@2,3,4"},
    {"its end belongs to it",
     "type: event_count, rules: [a], timespan: 1m, condition: {gte: 2}",
     {{"a", 0, 0, 0}, {"a", 60, 0, 0}, {"a", 121, 0, 0}},
     "60@1,2"},
    {"a hit counts once",
     "type: event_count, rules: [a], timespan: 1h, condition: {gte: 2}",
     {{"a", 0, 0, 0}, {"a", 1, 0, 0}, {"a", 2, 0, 0}, {"a", 3, 0, 0}, {"a", 4, 0, 0}},
     "1@1,2 3@3,4"},
    {"hits of several rules are counted together",
     "type: event_count, rules: [a, id-b], timespan: 1h, condition: {gte: 2}",
     {{"a", 0, 0, 0}, {"c", 1, 0, 0}, {"b", 2, 0, 0}},
     "2@1,3"},
    {"events without a field of group-by are in no group",
     "type: event_count, rules: [a], group-by: [User, Host], timespan: 1h, condition: {gte: 2}",
     {{"a", 0, "x", 0}, {"a", 1, "x", 0}, {"a", 2, "x", "h"}, {"a", 3, "x", "h"}},
     "3:x/h@3,4"},
    {"groups are all of their fields",
     "type: event_count, rules: [a], group-by: [User, Host], timespan: 1h, condition: {gte: 2}",
     {{"a", 0, "xh", "h"}, {"a", 1, "x", "hh"}, {"a", 2, "xh", "h"}},
     "2:xh/h@1,3"},
    {"counts that are too many are known when their time is over",
     "type: event_count, rules: [a], group-by: [User], timespan: 10s, condition: {gte: 2, lt: 4}",
     {{"a", 0, "x", 0},
      {"a", 1, "y", 0},
      {"a", 2, "x", 0},
      {"a", 3, "y", 0},
      {"a", 4, "y", 0},
      {"a", 5, "y", 0},
      {"a", 30, "z", 0}},
     "2:x@1,3"},
    {"a count at the end of all",
     "type: event_count, rules: [a], timespan: 10s, condition: {eq: 2}",
     {{"a", 0, 0, 0},
      {"a", 3, 0, 0},
      {"a", 20, 0, 0},
      {"a", 21, 0, 0},
      {"a", 22, 0, 0},
      {"a", 40, 0, 0},
      {"a", 44, 0, 0}},
     "3@1,2 44@6,7"},
    {"different values are counted",
     "type: value_count, rules: [a], group-by: [Host], timespan: 10s, condition: {field: User, gte: 3}",
     {{"a", 0, "x", "h"},
      {"a", 1, "x", "h"},
      {"a", 2, "y", "h"},
      {"a", 3, 0, "h"},
      {"a", 4, "z", "g"},
      {"a", 9, "z", "h"}},
     "9:h@2,3,6"},
    {"a value is as old as its last hit",
     "type: value_count, rules: [a], timespan: 10s, condition: {field: User, gte: 2}",
     {{"a", 0, "x", 0}, {"a", 5, "x", 0}, {"a", 14, "y", 0}},
     "14@2,3"},
    {"rules near each other, in any order",
     "type: temporal, rules: [a, b, c], group-by: [User], timespan: 5m",
     {{"c", 0, "x", 0}, {"a", 10, "x", 0}, {"b", 20, "y", 0}, {"b", 300, "x", 0}, {"b", 301, "x", 0}},
     "300:x@2,4,1"},
    {"not too far from each other",
     "type: temporal, rules: [a, b], timespan: 5m",
     {{"a", 0, 0, 0}, {"b", 301, 0, 0}, {"a", 302, 0, 0}},
     "302@3,2"},
    {"some of the rules",
     "type: temporal, rules: [a, b, c], timespan: 5m, condition: {gte: 2}",
     {{"a", 0, 0, 0}, {"a", 1, 0, 0}, {"c", 2, 0, 0}},
     "2@2,3"},
    {"rules in their order",
     "type: temporal_ordered, rules: [a, b, c], timespan: 10s",
     {{"b", 0, 0, 0}, {"a", 1, 0, 0}, {"c", 2, 0, 0}, {"b", 3, 0, 0}, {"a", 4, 0, 0}, {"c", 5, 0, 0}, {"c", 6, 0, 0}},
     "5@2,4,6"},
    {"the latest beginning counts",
     "type: temporal_ordered, rules: [a, b], timespan: 10s",
     {{"a", 0, 0, 0}, {"a", 8, 0, 0}, {"b", 15, 0, 0}, {"b", 16, 0, 0}},
     "15@2,3"},
    {"and not before its time",
     "type: temporal_ordered, rules: [a, b, c], timespan: 10s",
     {{"a", 0, 0, 0}, {"b", 9, 0, 0}, {"c", 11, 0, 0}},
     ""},
    {"the same rule again",
     "type: temporal_ordered, rules: [a, a, b], timespan: 10s",
     {{"a", 0, 0, 0}, {"b", 1, 0, 0}, {"a", 2, 0, 0}, {"b", 3, 0, 0}},
     "3@1,3,4"},
    {"one name for different fields",
     "type: temporal, rules: [a, b], group-by: [who], timespan: 10s, aliases: {who: {a: User, b: Host}}",
     {{"a", 0, "x", "y"}, {"b", 1, "x", "z"}, {"b", 2, "z", "x"}},
     "2:x@1,3"},
};

static void correlations_come_true_as_specified(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(EXAMPLES); i++) {
        const example *x = &EXAMPLES[i];
        rule_set set = {0};
        heard h = {.with_records = true};
        char yaml[2048];
        snprintf(yaml, sizeof(yaml), RULES "---\ntitle: T\nid: id-t\ncorrelation: {%s}\n", x->correlation);
        load(&set, yaml);
        if (set.rules[3].refused)
            fail_msg("%s: %s", x->says, set.rules[3].refused);
        feed(&set, x->events, &h);
        if (strcmp(h.text, x->hits) != 0)
            fail_msg("%s: '%s', is to be '%s'", x->says, h.text, x->hits);
        rule_set_free(&set);
    }
}

// The example of the specification: many failures, then a success.
static void correlations_build_on_each_other(void **state)
{
    (void)state;
    static const char YAML[] =
        RULES "---\ntitle: Many a\nid: id-m\nname: many_a\n"
              "correlation: {type: event_count, rules: [a], group-by: [User], timespan: 10s, condition: {gte: 3}}\n"
              "---\ntitle: T\nid: id-t\n"
              "correlation: {type: temporal_ordered, rules: [many_a, b], group-by: [Host], timespan: 1m}\n";
    static const seen EVENTS[] = {{"b", 0, "x", "h"}, {"a", 1, "x", "h"},  {"a", 2, "x", "h"},  {"b", 3, "x", "h"},
                                  {"a", 4, "x", "h"}, {"b", 30, "y", "g"}, {"b", 50, "y", "h"}, {0}};
    rule_set set = {0};
    heard h = {.with_records = true};
    load(&set, YAML);
    feed(&set, EVENTS, &h);
    assert_string_equal(h.text, "50:h@5,7"); // many_a is not told: another correlation is about it
    for (u32 i = 0; i < 5; i++)
        assert_int_equal(set.rules[i].told, i == 2 || i == 4); // c is nobody's
    rule_set_free(&set);
}

static void generate_and_options_say_what_is_told(void **state)
{
    (void)state;
    rule_set set = {0};
    error e = {0};
    static const char YAML[] = RULES
        "---\ntitle: T\nid: id-t\ncorrelation: {type: event_count, rules: [a], timespan: 10s, condition: {gte: 3}, "
        "generate: true}\n"
        "---\ntitle: U\nid: id-u\ncorrelation: {type: event_count, rules: [b], timespan: 10s, condition: {gte: 3}}\n";
    assert_true(rule_set_add(&set, "rules.yml", text_span(YAML), &e));
    set.rules[1].left_out = set.rules[2].left_out = true;
    rule_set_close(&set);
    static const bool TOLD[] = {true, false, false, true, true}, USED[] = {true, true, false, true, true};
    for (u32 i = 0; i < 5; i++) {
        assert_int_equal(set.rules[i].told, TOLD[i]);
        assert_int_equal(set.rules[i].used, USED[i]);
    }
    rule_set_free(&set);
}

static void what_cannot_be_correlated_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *correlation, *why;
    } BAD[] = {
        {"type: near, rules: [a], timespan: 1s, condition: {gte: 1}", "the correlation 'near' is not known"},
        {"rules: [a], timespan: 1s, condition: {gte: 1}", "without a type"},
        {"type: event_count, timespan: 1s, condition: {gte: 1}", "names no rules"},
        {"type: event_count, rules: [d], timespan: 1s, condition: {gte: 1}", "not among those given"},
        {"type: event_count, rules: [a], timespan: 1w, condition: {gte: 1}", "timespan '1w'"},
        {"type: event_count, rules: [a], timespan: 99999999999999999999d, condition: {gte: 1}", "timespan"},
        {"type: event_count, rules: [a], condition: {gte: 1}", "timespan"},
        {"type: event_count, rules: [a], timespan: 1s", "no condition"},
        {"type: event_count, rules: [a], timespan: 1s, condition: {near: 1}", "'near' is not known"},
        {"type: event_count, rules: [a], timespan: 1s, condition: {gte: -1}", "not a number"},
        {"type: event_count, rules: [a], timespan: 1s, condition: {gte: 1000000}", "not a number up to"},
        {"type: event_count, rules: [a], timespan: 1s, condition: {lt: 0}", "cannot come true"},
        {"type: event_count, rules: [a], timespan: 1s, condition: {gt: 3, lt: 3}", "cannot come true"},
        {"type: value_count, rules: [a], timespan: 1s, condition: {gte: 1}", "which field"},
        {"type: temporal, rules: [a, b], timespan: 1s, condition: {gte: 3}", "cannot come true"},
        {"type: temporal, rules: [a, b], timespan: 1s, condition: a and b", "not a map"},
        {"type: temporal, rules: [a, id-t], timespan: 1s", "about itself"},
    };
    for (size_t i = 0; i < COUNT_OF(BAD); i++) {
        rule_set set = {0};
        char yaml[2048];
        snprintf(yaml, sizeof(yaml), RULES "---\ntitle: T\nid: id-t\ncorrelation: {%s}\n", BAD[i].correlation);
        load(&set, yaml);
        if (!set.rules[3].refused || !strstr(set.rules[3].refused, BAD[i].why))
            fail_msg("%s is refused for: %s", BAD[i].correlation, set.rules[3].refused);
        rule_set_free(&set);
    }
}

// Any number of groups takes the memory of some: the oldest are forgotten, and counted.
static void memory_is_bounded(void **state)
{
    (void)state;
    rule_set set = {0};
    heard h = {0};
    load(&set,
         RULES "---\ntitle: T\nid: id-t\n"
               "correlation: {type: event_count, rules: [a], group-by: [User], timespan: 1d, condition: {gte: 2}}\n");
    correlations *c = correlations_new(&set);
    char *user = mem_zeroed(1, 1024);
    memset(user, 'x', 1000);
    for (u32 i = 0; i < 100000; i++) {
        snprintf(user + 1000, 24, "%u", i);
        const span value = text_span(user);
        const correlated hit = {0, i, i + 1, &value, {0}};
        assert_true(correlations_see(c, &hit, hear, &h));
    }
    assert_true(correlations_forgotten(c) > 30000 && correlations_forgotten(c) < 100000);
    assert_string_equal(h.text, "");
    const span value = text_span(user); // the last is remembered
    const correlated again = {0, 100000, 100001, &value, {0}};
    assert_true(correlations_see(c, &again, hear, &h));
    assert_true(*h.text);
    mem_free(user);
    correlations_free(c);
    rule_set_free(&set);
}

// ---------------------------------------------------------------------------------------------- at length

typedef struct counted {
    u64 record, count, records[LIMIT_CORRELATION_SHOWN];
    u32 record_count;
} counted;

static bool keep_last(void *context, const correlation_hit *hit)
{
    counted *k = context;
    *k = (counted){.record = hit->last->record, .count = hit->count, .record_count = hit->record_count};
    memcpy(k->records, hit->records, hit->record_count * sizeof(*hit->records));
    return true;
}

enum { VALUES = 40, WANTED = 25, SECONDS = 10 };

// What a plain reading of the specification makes of it: of each value its last hit; those within the timespan count.
typedef struct plain {
    u64 record[VALUES];
    i64 time[VALUES];
} plain;

static bool plain_sees(plain *m, u32 value, i64 time, u64 record, counted *out)
{
    *out = (counted){.record = record};
    m->record[value] = record;
    m->time[value] = time;
    for (u32 i = 0; i < VALUES; i++)
        if (m->record[i] && time - m->time[i] > SECONDS * (i64)10000000)
            m->record[i] = 0;
    for (u64 from = 0;; out->count++) {
        u64 next = UINT64_MAX;
        for (u32 i = 0; i < VALUES; i++)
            next = m->record[i] > from && m->record[i] < next ? m->record[i] : next;
        if (next == UINT64_MAX)
            break;
        out->records[out->record_count++] = from = next;
    }
    if (out->count < WANTED)
        return false;
    *m = (plain){{0}, {0}};
    return true;
}

static void values_come_and_go_as_in_a_plain_count(void **state)
{
    (void)state;
    rule_set set = {0};
    plain model = {{0}, {0}};
    u32 random = 1, trues = 0, number = 0;
    load(&set, RULES "---\ntitle: T\nid: id-t\ncorrelation: {type: value_count, rules: [a], timespan: 10s, condition: "
                     "{field: User, gte: 25}}\n");
    correlations *c = correlations_new(&set);
    i64 time = 0;
    for (u64 record = 1; record < 20000; record++) {
        char text[16];
        random = random * 1664525 + 1013904223;
        u32 value = (random >> 16) % (record % 1000 < 600 ? VALUES : VALUES / 2);
        time += (random >> 8) % 6000000;
        snprintf(text, sizeof(text), "v%u", value);
        const span texts[] = {text_span(text), text_span(text)};
        const correlated hit = {0, time, record, texts, {0}};
        counted said = {0}, wanted;
        assert_true(correlations_see(c, &hit, keep_last, &said));
        bool is_true = plain_sees(&model, value, time, record, &wanted);
        assert_int_equal(said.record != 0, is_true);
        if (is_true)
            assert_memory_equal(&said, &wanted, sizeof(said));
        trues += is_true;
        number += !is_true;
    }
    assert_true(trues > 20 && number > 1000);
    correlations_free(c);
    rule_set_free(&set);
}

// Chains of 32 rules that come true leave the memory to others: what begins for y stays.
static void what_came_true_is_remembered_no_more(void **state)
{
    (void)state;
    enum { TIMES = 20000 };
    rule_set set = {0};
    outbuf yaml = {0};
    char text[256];
    for (u32 i = 0; i < LIMIT_CORRELATION_RULES; i++) {
        snprintf(text, sizeof(text),
                 "---\ntitle: r%u\nid: id-r%u\nname: r%u\nlogsource: {category: c}\ndetection: {s: {F: %u}, condition: "
                 "s}\n",
                 i, i, i, i);
        outbuf_text(&yaml, text);
    }
    outbuf_text(&yaml, "---\ntitle: T\nid: id-t\ncorrelation: {type: temporal_ordered, timespan: 1m, rules: [r0");
    for (u32 i = 1; i < LIMIT_CORRELATION_RULES; i++) {
        snprintf(text, sizeof(text), ", r%u", i);
        outbuf_text(&yaml, text);
    }
    outbuf_text(&yaml, "], group-by: [User]}\n");
    outbuf_add(&yaml, "", 1);
    load(&set, (const char *)yaml.bytes);
    correlations *c = correlations_new(&set);
    counted said = {0};
    const span x = text_span("x"), y = text_span("y");
    assert_true(correlations_see(c, &(correlated){0, 0, 1, &y, {0}}, keep_last, &said));
    for (u32 i = 0; i < TIMES * LIMIT_CORRELATION_RULES; i++) {
        const correlated hit = {i % LIMIT_CORRELATION_RULES, i, i + 1, &x, {0}};
        said.record = 0;
        assert_true(correlations_see(c, &hit, keep_last, &said));
        assert_int_equal(said.record, (i + 1) % LIMIT_CORRELATION_RULES ? 0 : i + 1);
    }
    assert_int_equal(correlations_forgotten(c), 0);
    correlations_free(c);
    outbuf_free(&yaml);
    rule_set_free(&set);
}

// ---------------------------------------------------------------------------------------------- traces

static const char *text_of(const cJSON *object, const char *name)
{
    return cJSON_GetStringValue(cJSON_GetObjectItem(object, name));
}

static int number_of(const cJSON *object, const char *name)
{
    return (int)cJSON_GetNumberValue(cJSON_GetObjectItem(object, name));
}

// Names that powershell.exe looks up in samples/dns.etl; a correlation names the records it came from.
static void hits_of_correlations_name_their_records(void **state)
{
    program *p = *state;
    char path[512];
    static const char YAML[] =
        "title: Look-up\nid: id-a\nname: look_up\nlevel: low\nlogsource: {product: windows, category: dns_query}\n"
        "detection: {s: {EventID: 22, QueryStatus: '0x0'}, condition: s}\n---\n"
        "title: Many names\nid: id-t\nlevel: high\ncorrelation: {type: value_count, rules: [look_up], "
        "group-by: [ProcessId], timespan: 1m, condition: {field: QueryName, gte: 3}}\n";
    bytes_save(program_path(p, "many.yml", path), YAML, strlen(YAML));
    assert_int_equal(RUN(p, "detect", "-q", "--cache", "none", "--rules", "{}/many.yml", "samples/dns.etl", "-f",
                         "jsonl", "--min-level", "medium", "--fail-on", "high"),
                     5);
    assert_int_equal(program_lines(&p->out), 1);
    cJSON *hit = cJSON_Parse((const char *)p->out.bytes), *records = cJSON_GetObjectItem(hit, "records");
    assert_string_equal(text_of(hit, "title"), "Many names");
    assert_string_equal(text_of(cJSON_GetObjectItem(hit, "matched"), "ProcessId"), "9216");
    assert_int_equal(number_of(hit, "count"), 3);
    assert_int_equal(cJSON_GetArraySize(records), 3);
    const char *names[3] = {0};
    cJSON *all[64];
    u32 count = 0;
    RUN(p, "convert", "-q", "--cache", "none", "samples/dns.etl");
    for (char *line = strtok((char *)p->out.bytes, "\n"); line; line = strtok(NULL, "\n"))
        all[count++] = cJSON_Parse(line);
    for (u32 i = 0; i < 3; i++) {
        const cJSON *r = all[cJSON_GetArrayItem(records, (int)i)->valueint - 1];
        assert_int_equal(number_of(r, "event_id"), 3008);
        assert_int_equal(number_of(r, "process_id"), 9216);
        names[i] = text_of(cJSON_GetObjectItem(r, "data"), "QueryName");
        for (u32 k = 0; k < i; k++)
            assert_string_not_equal(names[i], names[k]);
    }
    while (count)
        cJSON_Delete(all[--count]);
    cJSON_Delete(hit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(correlations_come_true_as_specified),
        cmocka_unit_test(correlations_build_on_each_other),
        cmocka_unit_test(generate_and_options_say_what_is_told),
        cmocka_unit_test(what_cannot_be_correlated_is_refused),
        cmocka_unit_test(memory_is_bounded),
        cmocka_unit_test(values_come_and_go_as_in_a_plain_count),
        cmocka_unit_test(what_came_true_is_remembered_no_more),
        cmocka_unit_test_setup_teardown(hits_of_correlations_name_their_records, program_setup, program_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
