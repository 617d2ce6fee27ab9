// etwkit detect: hits over traces.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <cjson/cJSON.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/text.h"
#include "etl_text.h"
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

// The record number of the next line that has both in it; 0: there is none.
static u64 number_in(char **at, const char *what, const char *more)
{
    static const char RECORD[] = "\"record\":";
    u64 number = 0;
    for (char *line = *at; *line && !number; line = *at) {
        char *end = strchr(line, '\n');
        *at = end ? end + 1 : line + strlen(line);
        if (end)
            *end = 0; // a sanitizer measures the whole text for each search in it
        const char *record = strstr(line, RECORD);
        if (record && strstr(line, what) && strstr(line, more))
            number = strtoull(record + strlen(RECORD), NULL, 10);
        if (end)
            *end = '\n';
    }
    return number;
}

// Buffers of eight processors overlap in time: hits in them have the numbers of a whole conversion.
static void numbers_are_those_of_a_conversion(void **state)
{
    program *p = *state;
    char path[512], command[1200];
    static const char RULE[] = "title: M\nid: m\nlogsource: {category: image_load}\n"
                               "detection: {s: {ImageLoaded|contains: '\\module'}, condition: s}\n";
    bytes_save(program_path(p, "modules.yml", path), RULE, strlen(RULE));
    for (u32 compressed = 0; compressed < 2; compressed++) {
        snprintf(command, sizeof(command), "${BUILD:-build}/gen_trace 4 %s %s/busy.etl", compressed ? "--xpress" : "",
                 p->folder);
        assert_int_equal(system(command), 0);
        outbuf all = {0};
        RUN(p, "convert", "-q", "--cache", "none", "{}/busy.etl");
        outbuf_add(&all, p->out.bytes, p->out.len + 1);
        for (u32 threads = 1; threads < 4; threads += 2) {
            char *from = (char *)all.bytes, *hits;
            u32 count = 0;
            assert_int_equal(RUN(p, "detect", "-q", "--cache", "none", threads == 1 ? "-j1" : "-j3", "--rules",
                                 "{}/modules.yml", "{}/busy.etl", "-f", "jsonl"),
                             0);
            outbuf_add(&p->out, "", 1);
            hits = (char *)p->out.bytes;
            for (u64 number; (number = number_in(&hits, "\"title\":\"M\"", "")); count++)
                assert_int_equal(number, number_in(&from, "\"Image/Load\"", "\\module"));
            assert_true(count > 100);
        }
        outbuf_free(&all);
    }
}

// All events of eight buffers that lie over each other hit, some at the same time: more hits within each than events.
static void numbers_of_hits_that_are_more_than_a_buffer_has(void **state)
{
    enum { BUFFERS = 8, EVENTS = 5 };
    program *p = *state;
    char line[512], path[512];
    outbuf text = {0}, trace = {0};
    error e = {0};
    outbuf_text(&text, "trace clock=system start=2024-05-01T10:00:00Z\n");
    for (u32 i = 0; i < BUFFERS * EVENTS; i++) {
        if (i % EVENTS == 0)
            outbuf_text(&text, "buffer\n");
        snprintf(line, sizeof(line),
                 "event provider={1c95126e-7eea-49a9-a3fe-a378b03ddb4d} id=3008 level=4 keyword=0x8000000000000000 "
                 "channel=16 time=13359031200%u%06u00 pid=8 tid=12\n"
                 "  payload wstr:\"%u.example\" u32:1 u64:0x40026010 u32:0 wstr:\"\"\n",
                 i % EVENTS, i / EVENTS / 2, i);
        outbuf_text(&text, line);
    }
    if (!etl_text_build((const char *)text.bytes, text.len, &trace, &e))
        fail_msg("%s", e.message);
    bytes_save(program_path(p, "over.etl", path), trace.bytes, trace.len);
    RUN(p, "convert", "-q", "{}/over.etl");
    outbuf all = {0};
    outbuf_add(&all, p->out.bytes, p->out.len + 1);
    assert_int_equal(RUN(p, "detect", "-q", "--rules", "{}/rules", "{}/over.etl", "-f", "jsonl"), 0);
    outbuf_add(&p->out, "", 1);
    char *hits = (char *)p->out.bytes, *from = (char *)all.bytes;
    for (u32 i = 0; i < BUFFERS * EVENTS; i++) {
        char name[32];
        u32 at = i % BUFFERS * EVENTS + i / BUFFERS; // by time, then by buffer
        snprintf(name, sizeof(name), "\"%u.example\"", at);
        u64 number = number_in(&hits, "Look-up of example", name);
        assert_true(number > 0);
        assert_int_equal(number, number_in(&from, "\"event_id\":3008", name));
    }
    outbuf_free(&all);
    outbuf_free(&text);
    outbuf_free(&trace);
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

// A process that ran before the recording is told of as well; an event that shows two things hits a rule once.
static void an_event_hits_a_rule_once(void **state)
{
    program *p = *state;
    char path[512], command[1200];
    static const char RUNNING[] =
        "trace\nbuffer\nsystem hook=0x0303 version=4 pid=4 tid=8 payload ptr:1 u32:712,604,0 i32:259 ptr:1 u32:0 "
        "wbemsid:S-1-5-18 astr:powershell.exe wstr:\"powershell.exe -enc SQBFAFgA\" wstr:\"\" wstr:\"\"\n";
    bytes_save(program_path(p, "running.case", path), RUNNING, strlen(RUNNING));
    snprintf(command, sizeof(command), "${BUILD:-build}/etl_make %s %s/running.etl", path, p->folder);
    assert_int_equal(system(command), 0);
    RUN(p, "detect", "-q", "--rules", "samples/rules/encoded-command.yml", "{}/running.etl", "-f", "jsonl");
    assert_int_equal(program_lines(&p->out), 1);
    // The kernel and the security log tell of the same process.
    RUN(p, "detect", "-q", "--cache", "none", "--rules", "samples/rules/encoded-command.yml", "samples/incident.etl",
        "-f", "jsonl");
    assert_int_equal(program_lines(&p->out), 2);
    assert_non_null(strstr((char *)p->out.bytes, "Microsoft-Windows-Security-Auditing"));
}

// One event of the registry: its type, what was written, how much of that was captured.
static void put_setting(outbuf *b, u32 type, u32 size, const char *value, const char *captured)
{
    char line[512];
    int len =
        snprintf(line, sizeof(line),
                 "event provider=70eb4f03-c1de-4f73-a051-33d13d5413bd id=5 level=4 pid=712 tid=8 payload ptr:0x10 "
                 "u32:0,%u,%u wstr:\"\\\\REGISTRY\\\\MACHINE\\\\SYSTEM\\\\ControlSet002\\\\Services\\\\x\" wstr:%s %s "
                 "u32:0,0 u16:0\n",
                 type, size, value, captured);
    outbuf_add(b, line, (size_t)len);
}

// Data of the registry, and the control set, are written as in Sysmon's events: those of the rules' own tests have
// these forms. A number that was not captured is not known; that data are binary is known by their type.
static void the_registry_reads_as_rules_have_it(void **state)
{
    program *p = *state;
    char path[512], command[1200];
    static const char RULE[] = "title: R\nid: r\nlogsource: {product: windows, category: registry_set}\ndetection:\n"
                               "    s:\n        TargetObject|startswith: 'HKLM\\System\\CurrentControlSet\\'\n"
                               "        Details|re: '.*'\n    condition: s\n";
    outbuf b = {0};
    outbuf_text(&b, "trace\nbuffer\n");
    put_setting(&b, 4, 4, "Dword", "u16:4 u32:4489");
    put_setting(&b, 11, 8, "Qword", "u16:8 u64:0x1000000ab");
    put_setting(&b, 3, 3, "Binary", "u16:3 hex:0102ff");
    put_setting(&b, 3, 3, "Uncaptured", "u16:0");
    put_setting(&b, 0, 0, "None", "u16:0");
    put_setting(&b, 1, 8, "Text", "u16:8 wstr:abc");
    put_setting(&b, 2, 2, "Nothing", "u16:2 wstr:\"\"");
    put_setting(&b, 4, 4, "Unknown", "u16:0");
    put_setting(&b, 1, 20, "Unknown", "u16:0");
    put_setting(&b, 7, 10, "List", "u16:10 hex:61000000620000000000");
    bytes_save(program_path(p, "registry.case", path), b.bytes, b.len);
    snprintf(command, sizeof(command), "${BUILD:-build}/etl_make %s %s/registry.etl", path, p->folder);
    assert_int_equal(system(command), 0);
    bytes_save(program_path(p, "registry.yml", path), RULE, strlen(RULE));
    RUN(p, "detect", "-q", "--cache", "none", "--rules", "{}/registry.yml", "{}/registry.etl", "-f", "jsonl");
    static const char *const TOLD[] = {
        "Dword\",\"Details\":\"DWORD (0x00001189)\"", "Qword\",\"Details\":\"QWORD (0x00000001-0x000000ab)\"",
        "Binary\",\"Details\":\"Binary Data\"",       "Uncaptured\",\"Details\":\"Binary Data\"",
        "None\",\"Details\":\"Binary Data\"",         "Text\",\"Details\":\"abc\"",
        "Nothing\",\"Details\":\"(Empty)\"",          "List\",\"Details\":\"a b\"",
    };
    outbuf_add(&p->out, "", 1);
    for (size_t i = 0; i < COUNT_OF(TOLD); i++) {
        char whole[256];
        snprintf(whole, sizeof(whole), "\"TargetObject\":\"HKLM\\\\System\\\\CurrentControlSet\\\\Services\\\\x\\\\%s",
                 TOLD[i]);
        if (!strstr((const char *)p->out.bytes, whole))
            fail_msg("'%s' is not in\n%s", whole, (const char *)p->out.bytes);
    }
    assert_int_equal(program_lines(&p->out), COUNT_OF(TOLD));
    outbuf_free(&b);
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
    // No hits of no rules are no result.
    bytes_save(program_path(p, "text.yml", path), "no rule", 7);
    assert_int_equal(RUN(p, "detect", "--rules", "{}/text.yml", "samples/dns.etl"), 1);
    assert_non_null(strstr((char *)p->err.bytes, "no rule in it can be used"));
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

// ---------------------------------------------------------------------------------------------- outputs

static i64 ask_database(const char *path, const char *sql)
{
    sqlite3 *db;
    sqlite3_stmt *s = NULL;
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) != SQLITE_OK || sqlite3_step(s) != SQLITE_ROW)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    i64 value = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    sqlite3_close(db);
    return value;
}

// The hits of a database are those of the JSON Lines; beside events each is a row of `events`, also where a filter has
// left some out.
static void hits_are_a_table_of_a_database(void **state)
{
    program *p = *state;
    char path[512];
    u64 numbers[64];
    i64 count = lookups(p, numbers);
    assert_int_equal(RUN(p, "detect", "-q", "--rules", "{}/rules", "samples/dns.etl", "-o", "{}/hits.db"), 0);
    program_path(p, "hits.db", path);
    assert_int_equal(ask_database(path, "SELECT count(*) FROM detections WHERE level = 'high' AND status = 'test' AND "
                                        "tags = 'attack.t1071.004' AND json_extract(matched, '$.QueryName') LIKE "
                                        "'%.example' AND title = 'Look-up of example' AND source = 'dns.etl'"),
                     count);
    assert_int_equal(ask_database(path, "SELECT min(record) FROM detections"), (i64)numbers[0]);
    assert_int_equal(RUN(p, "detect", "-q", "--rules", "{}/rules", "samples/dns.etl", "-o", "{}/hits.db"), 0);
    assert_int_equal(RUN(p, "convert", "-q", "--rules", "{}/rules", "samples/dns.etl", "-o", "{}/all.db", "--event-id",
                         "3008,3006", "--provenance"),
                     0);
    program_path(p, "all.db", path);
    assert_int_equal(ask_database(path, "SELECT count(*) FROM detections d JOIN events e USING (record) WHERE "
                                        "d.offset = e.offset AND d.time = e.time AND e.event_id IN (3006, 3008)"),
                     count);
    assert_int_equal(RUN(p, "verify", "--again", "{}/all.db.provenance.json"), 0);
    assert_int_equal(RUN(p, "convert", "--rules", "{}/rules", "samples/dns.etl", "-o", "{}/all.csv"), 2);
    assert_int_equal(RUN(p, "convert", "--rules", "{}/none", "samples/dns.etl", "-o", "{}/none.db"), 1);
}

static void timesketch_has_what_its_importer_asks_for(void **state)
{
    program *p = *state;
    assert_int_equal(RUN(p, "detect", "-q", "--rules", "{}/rules", "samples/dns.etl", "-f", "timesketch"), 0);
    assert_true(program_lines(&p->out) > 0);
    for (char *line = strtok((char *)p->out.bytes, "\n"); line; line = strtok(NULL, "\n")) {
        cJSON *r = cJSON_Parse(line), *data = cJSON_GetObjectItem(r, "matched");
        const char *message = cJSON_GetStringValue(cJSON_GetObjectItem(r, "message"));
        const char *when = cJSON_GetStringValue(cJSON_GetObjectItem(r, "datetime"));
        assert_non_null(strstr(message, "high: Look-up of example by "));
        assert_non_null(strstr(message, cJSON_GetStringValue(cJSON_GetObjectItem(data, "QueryName"))));
        assert_int_equal(strlen(when), strlen("2024-03-14T07:46:52.123456+00:00"));
        // 2024-03-14T00:00:00Z is 1710374400 seconds after 1970.
        double seconds = cJSON_GetNumberValue(cJSON_GetObjectItem(r, "timestamp")) / 1e6 - 1710374400.0;
        int hour, minute;
        double second;
        assert_int_equal(sscanf(when, "2024-03-14T%d:%d:%lf", &hour, &minute, &second), 3);
        assert_true(seconds - (hour * 3600 + minute * 60 + second) < 0.001);
        assert_non_null(cJSON_GetObjectItem(r, "timestamp_desc"));
        assert_string_equal(cJSON_GetArrayItem(cJSON_GetObjectItem(r, "tag"), 0)->valuestring, "attack.t1071.004");
        cJSON_Delete(r);
    }
}

static bool has_escape(program *p, const char *before, const char *arguments)
{
    char command[1024], path[512];
    outbuf text = {0};
    snprintf(
        command, sizeof(command),
        "%s script -qec '${ETWKIT:-build/etwkit} detect -q --rules %s/rules samples/dns.etl %s' %s/typescript >/dev/null 2>&1 "
        "</dev/null",
        before, p->folder, arguments, p->folder);
    assert_int_equal(system(command), 0);
    bytes_load(program_path(p, "typescript", path), &text);
    outbuf_add(&text, "", 1);
    assert_non_null(strstr((char *)text.bytes, "Look-up of example"));
    bool has = strstr((char *)text.bytes, "\x1b[") != NULL;
    outbuf_free(&text);
    return has;
}

static void only_terminals_have_colours(void **state)
{
    program *p = *state;
    if (system("script -qec true /dev/null >/dev/null 2>&1 </dev/null") != 0) {
        print_message("skipped: no terminal can be had (script)\n");
        skip();
    }
    assert_true(has_escape(p, "env -u NO_COLOR TERM=xterm", ""));
    assert_false(has_escape(p, "env NO_COLOR=1 TERM=xterm", ""));
    assert_false(has_escape(p, "env -u NO_COLOR TERM=dumb", ""));
    assert_false(has_escape(p, "env -u NO_COLOR TERM=xterm", "-f jsonl"));
    RUN(p, "detect", "-q", "--rules", "{}/rules", "samples/dns.etl");
    assert_null(memchr(p->out.bytes, 0x1b, p->out.len));
}

static void a_report_has_them_as_its_first_table(void **state)
{
    program *p = *state;
    u64 numbers[64];
    u32 count = lookups(p, numbers), at = 0;
    assert_int_equal(RUN(p, "report", "-q", "--json", "--rules", "{}/rules", "samples/dns.etl"), 0);
    cJSON *root = cJSON_Parse((const char *)p->out.bytes), *row;
    const cJSON *table = cJSON_GetArrayItem(cJSON_GetObjectItem(root, "tables"), 0);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(table, "id")), "detections");
    assert_int_equal(cJSON_GetNumberValue(cJSON_GetObjectItem(table, "all")), count);
    cJSON_ArrayForEach (row, cJSON_GetObjectItem(table, "rows")) {
        assert_int_equal(cJSON_GetArrayItem(row, 0)->valuedouble, numbers[at++]);
        assert_string_equal(cJSON_GetArrayItem(row, 4)->valuestring, "high");
        assert_string_equal(cJSON_GetArrayItem(row, 5)->valuestring, "Look-up of example");
    }
    assert_int_equal(at, count);
    cJSON_Delete(root);
    assert_int_equal(RUN(p, "report", "-q", "--rules", "{}/rules", "samples/dns.etl", "-o", "{}/report.html"), 0);
    assert_int_equal(RUN(p, "report", "-q", "--rules", "{}/none", "samples/dns.etl", "-o", "{}/report.html"), 1);
}

// ---------------------------------------------------------------------------------------------- which rules

// How many lines of hits there are with these options.
static u32 hits_with(program *p, const char *option, const char *value)
{
    assert_int_equal(RUN(p, "detect", "-q", "--cache", "none", "--rules", "samples/rules", "samples/dns.etl",
                         "samples/processes.etl", "-f", "jsonl", option, value),
                     0);
    return program_lines(&p->out);
}

static u32 lines_with(const outbuf *text, const char *what)
{
    u32 count = 0;
    for (const char *at = (const char *)text->bytes; (at = strstr(at, what)); at++)
        count++;
    return count;
}

static void options_choose_rules(void **state)
{
    program *p = *state;
    u32 all = hits_with(p, "--min-level", "informational");
    outbuf_add(&p->out, "", 1);
    u32 high = lines_with(&p->out, "\"level\":\"high\""), low = lines_with(&p->out, "\"level\":\"low\"");
    u32 tagged = lines_with(&p->out, "\"attack.t1027.010\""), test = lines_with(&p->out, "\"status\":\"test\"");
    u32 one = lines_with(&p->out, "3b0f2a5e-7a52-4d6c-9a3e-0d1a5c2b9e04");
    assert_true(high && low && tagged && one && high < all && tagged < all && one < all);
    assert_int_equal(hits_with(p, "--min-level", "HIGH"), high);
    assert_int_equal(hits_with(p, "--tag", "attack.t1027.010"), tagged);
    assert_int_equal(hits_with(p, "--status", "test"), test);
    assert_int_equal(hits_with(p, "--status", "stable"), all - test);
    assert_int_equal(hits_with(p, "--exclude", "3b0f2a5e-7a52-4d6c-9a3e-0d1a5c2b9e04"), all - one);
    assert_int_equal(RUN(p, "detect", "--rules", "samples/rules", "samples/dns.etl", "--min-level", "worst"), 2);
}

static void placeholders_come_from_a_file(void **state)
{
    program *p = *state;
    char path[512];
    static const char RULE[] = "title: T\nid: e\nlevel: low\nlogsource: {product: windows, category: dns_query}\n"
                               "detection: {s: {QueryName|expand: '%places%'}, condition: s}\n",
                      NAMES[] = "places: ['www.example.com', 'mail.*']\n";
    bytes_save(program_path(p, "expand.yml", path), RULE, strlen(RULE));
    bytes_save(program_path(p, "names.txt", path), NAMES, strlen(NAMES));
    assert_int_equal(RUN(p, "detect", "--rules", "{}/expand.yml", "samples/dns.etl"), 1);
    assert_non_null(strstr((char *)p->err.bytes, "no placeholder file says what %places% is"));
    assert_int_equal(
        RUN(p, "detect", "-q", "--rules", "{}/expand.yml", "--placeholders", "{}/names.txt", "samples/dns.etl"), 0);
    outbuf_add(&p->out, "", 1);
    assert_true(lines_with(&p->out, "QueryName=www.example.com") > 0);
    assert_true(lines_with(&p->out, "QueryName=mail.example.com") > 0);
    assert_int_equal(lines_with(&p->out, "QueryName="), program_lines(&p->out));
    assert_int_equal(RUN(p, "detect", "--rules", "{}/expand.yml", "--placeholders", "{}/missing", "samples/dns.etl"),
                     1);
}

static void lists_say_why(void **state)
{
    program *p = *state;
    char path[512];
    static const char OTHERS[] =
        "title: L\nid: l\nlogsource: {product: linux, category: process_creation}\n"
        "detection: {s: {Image: x}, condition: s}\n---\n"
        "title: H\nid: h\nlogsource: {product: windows, category: file_event}\n"
        "detection: {s: {Hashes|contains: x}, condition: s}\n---\n"
        "title: Y\nid: y\nlogsource: {product: windows, category: process_access}\n"
        "detection: {s: {CallTrace|contains: x}, condition: s}\n---\n"
        "title: V\nid: v\nlogsource: {product: windows, category: process_tampering}\n"
        "detection: {s: {Image: x}, condition: s}\n---\n"
        "title: C\nid: c\nlogsource: {product: windows, category: antivirus}\n"
        "detection: {s: {A: x}, condition: s}\n---\n"
        "title: K\nid: k\ncorrelation: {type: event_count, rules: [c], timespan: 1s, condition: {gte: 2}}\n";
    bytes_save(program_path(p, "others.yml", path), OTHERS, strlen(OTHERS));
    assert_int_equal(RUN(p, "detect", "--rules", "{}/others.yml", "--rules", "{}/rules", "--list"), 0);
    static const char *const LINES[] = {
        "L: it is not about Windows",
        "H: only Sysmon's own events tell Hashes",
        "Y: only Sysmon's own events tell CallTrace",
        "V: only Sysmon has events of its category",
        "C: no event is known for its category",
        "K: of the rule 'c': no event is known for its category",
        "Look-up of example\n",
        "1 of 7 rules apply",
    };
    for (size_t i = 0; i < COUNT_OF(LINES); i++)
        if (!strstr((char *)p->out.bytes, LINES[i]))
            fail_msg("'%s' is not in\n%s", LINES[i], (char *)p->out.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(hits_name_the_record, setup, program_teardown),
        cmocka_unit_test_setup_teardown(numbers_are_those_of_a_conversion, setup, program_teardown),
        cmocka_unit_test_setup_teardown(numbers_of_hits_that_are_more_than_a_buffer_has, setup, program_teardown),
        cmocka_unit_test_setup_teardown(facts_of_processes_are_joined, setup, program_teardown),
        cmocka_unit_test_setup_teardown(an_event_hits_a_rule_once, setup, program_teardown),
        cmocka_unit_test_setup_teardown(the_registry_reads_as_rules_have_it, setup, program_teardown),
        cmocka_unit_test_setup_teardown(exit_codes_are_for_pipelines, setup, program_teardown),
        cmocka_unit_test_setup_teardown(a_broken_rule_is_one_line, setup, program_teardown),
        cmocka_unit_test_setup_teardown(hits_are_a_table_of_a_database, setup, program_teardown),
        cmocka_unit_test_setup_teardown(timesketch_has_what_its_importer_asks_for, setup, program_teardown),
        cmocka_unit_test_setup_teardown(only_terminals_have_colours, setup, program_teardown),
        cmocka_unit_test_setup_teardown(a_report_has_them_as_its_first_table, setup, program_teardown),
        cmocka_unit_test_setup_teardown(options_choose_rules, setup, program_teardown),
        cmocka_unit_test_setup_teardown(placeholders_come_from_a_file, setup, program_teardown),
        cmocka_unit_test_setup_teardown(lists_say_why, setup, program_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
