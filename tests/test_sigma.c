// Sigma against others: real events that rules must hit, in the forms of Sysmon, of the kernel and of providers; and
// what pySigma says of generated ones. All of it needs the rules at ETWKIT_SHARED, the latter Python with pySigma
// (ETWKIT_PYTHON).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "judges.h"
#include "program.h"

#define RUN(p, ...) program_run((p), (const char *const[]){__VA_ARGS__, NULL})

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
    if (!data) // UserData/Operation_...
        data = cJSON_GetObjectItem(event, "UserData")->child;
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
            snprintf(
                command, sizeof(command),
                "${BUILD:-build}/etl_make %s/event.case %s/event.etl && grep -rl '^id: %s' %s/sigma/rules* >%s/rule",
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
    assert_int_equal(asked, 100);
    assert_int_equal(hit, asked);
}

// ---------------------------------------------------------------------------------------------- scripts

// Runs a script over the rules, whose last line then is in `said`. Skips where it cannot run.
static int run_script(program *p, const char *script, const char *arguments, char said[256])
{
    const char *shared = getenv("ETWKIT_SHARED"), *python = judge_python();
    char command[1024];
    snprintf(command, sizeof(command), "[ -d '%s/sigma' ] && %s -c '' 2>/dev/null", shared ? shared : "", python);
    if (!shared || system(command) != 0) {
        print_message("skipped: no Sigma rules of others or no Python at hand (ETWKIT_SHARED, ETWKIT_PYTHON)\n");
        skip();
    }
    snprintf(command, sizeof(command),
             "%s tests/%s ${ETWKIT:-build/etwkit} ${BUILD:-build}/etl_make %s %s/sigma%s >%s/said", python, script,
             p->folder, shared, arguments, p->folder);
    int status = system(command), code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    snprintf(command, sizeof(command), "head -n %d %s/said; tail -n 1 %s/said >%s/last", code ? 20 : 0, p->folder,
             p->folder, p->folder);
    assert_int_equal(system(command), 0);
    outbuf text = {0};
    char path[512];
    bytes_load(program_path(p, "last", path), &text);
    snprintf(said, 256, "%.*s", (int)text.len, (const char *)text.bytes);
    outbuf_free(&text);
    return code;
}

static int count_in(const char *said, const char *name)
{
    const char *at = strstr(said, name);
    return at ? atoi(at + strlen(name) + 1) : -1;
}

static void the_kernel_and_providers_tell_the_same(void **state)
{
    char said[256];
    assert_int_equal(run_script(*state, "sigma_events.py", "", said), 0);
    assert_int_equal(count_in(said, "events"), 100);
    assert_true(count_in(said, "told") >= 92 && count_in(said, "hit") >= 235);
}

static void pysigma_says_the_same(void **state)
{
    char said[256];
    int code = run_script(*state, "sigma_judge.py", " --every 7", said);
    if (code == 77) {
        print_message("skipped: no Python with pySigma and its SQLite backend (ETWKIT_PYTHON)\n");
        skip();
    }
    assert_int_equal(code, 0);
    assert_true(count_in(said, "rules") >= 300 && count_in(said, "with_hits") >= 300);
    assert_true(count_in(said, "hits") >= 2000 && count_in(said, "events") - count_in(said, "hits") >= 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(real_events_are_hit_by_their_rules, program_setup, program_teardown),
        cmocka_unit_test_setup_teardown(the_kernel_and_providers_tell_the_same, program_setup, program_teardown),
        cmocka_unit_test_setup_teardown(pysigma_says_the_same, program_setup, program_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
