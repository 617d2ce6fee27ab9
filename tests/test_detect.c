// etwkit detect: hits over traces.
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
#include "program.h"

#define RUN(p, ...) program_run((p), (const char *const[]){__VA_ARGS__, NULL})

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
        cmocka_unit_test_setup_teardown(hits_name_the_record, setup, program_teardown),
        cmocka_unit_test_setup_teardown(facts_of_processes_are_joined, setup, program_teardown),
        cmocka_unit_test_setup_teardown(exit_codes_are_for_pipelines, setup, program_teardown),
        cmocka_unit_test_setup_teardown(a_broken_rule_is_one_line, setup, program_teardown),
        cmocka_unit_test_setup_teardown(real_events_are_hit_by_their_rules, setup, program_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
