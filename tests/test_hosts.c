// Which traces are one machine's, by what their headers say; and that the program joins within one only.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "correlate/hosts.h"
#include "etl_text.h"
#include "program.h"

enum { SECOND = 10000000, TICK = 156250 };
static const i64 BOOT = 133590240000000000;

// ---------------------------------------------------------------------------------------------- headers

// A session of its own in a file of its own, on the machine all are on.
static host_facts header(u32 trace)
{
    static const char *const FILES[] = {"a.etl", "b.etl", "c.etl"};
    i64 start = BOOT + (i64)(trace + 1) * 100 * SECOND;
    return (host_facts){.file = FILES[trace],
                        .trace = trace,
                        .boot = BOOT,
                        .precision = TICK,
                        .build = 19041,
                        .processors = 4,
                        .bias = -60,
                        .zone = "@tzres.dll,-322",
                        .logger_id = 3,
                        .session = FILES[trace],
                        .session_start = start,
                        .first = start,
                        .last = start + SECOND};
}

// Hosts by header as digits, and whether something was noted.
static void expect_hosts(const host_facts *facts, u32 count, const char *given, const char *hosts, const char *says)
{
    host_map map;
    char found[8] = "";
    hosts_find(&map, facts, count, given);
    for (u32 i = 0; i < count; i++)
        found[i] = (char)('0' + map.of[i]);
    assert_string_equal(found, hosts);
    assert_int_equal(map.note_count, says ? 1 : 0);
    if (says && !strstr(map.notes[0], says))
        fail_msg("%s: not in: %s", says, map.notes[0]);
    hosts_free(&map);
}

static void alike_is_one(void **state)
{
    (void)state;
    host_facts f[] = {header(0), header(1)};
    expect_hosts(f, 2, NULL, "00", NULL);
    f[1].boot += TICK;
    expect_hosts(f, 2, NULL, "00", NULL);
    f[1].computer = "PC1";
    expect_hosts(f, 2, NULL, "00", NULL);
    f[0].computer = "pc1";
    f[0].processors = 2; // a machine may get more, and names and boots agree
    expect_hosts(f, 2, NULL, "00", NULL);
}

static void other_boots_are_others(void **state)
{
    (void)state;
    host_facts f[] = {header(0), header(1)};
    f[1].boot += TICK + 1;
    expect_hosts(f, 2, NULL, "01", "boot times are 0.0 s apart");
    f[0].boot += SECOND * 20;
    expect_hosts(f, 2, NULL, "10", "apart");
    expect_hosts(f, 2, "PC1", "10", "apart");
    f[0].boot += (i64)SECOND * 3600;
    expect_hosts(f, 2, "PC1", "10", NULL);
}

static void other_computers_are_others(void **state)
{
    (void)state;
    host_facts f[] = {header(0), header(1), header(2)};
    f[0].computer = "PC1";
    f[1].computer = "PC2";
    f[2].computer = "pc1";
    expect_hosts(f, 3, NULL, "010", NULL);
    expect_hosts(f, 3, "PC1", "010", NULL);
    f[2].computer = NULL; // may be either's
    expect_hosts(f, 3, NULL, "012", "joined with neither");
}

// Files that were put together, or written on.
static void two_computers_in_one_file(void **state)
{
    (void)state;
    host_facts f[] = {header(0), header(0), header(0)};
    expect_hosts(f, 3, NULL, "000", NULL);
    f[0].computer = "PC1";
    f[1].computer = "PC2";
    f[2].build = 7601; // another machine's, of which nothing is noted
    expect_hosts(f, 3, NULL, "012", "sessions of PC1 and of PC2");
    f[2].computer = "pc1";
    expect_hosts(f, 3, NULL, "010", "sessions of PC1 and of PC2");
}

static void unlike_is_noted(void **state)
{
    (void)state;
    host_facts f[] = {header(0), header(1)};
    f[1].processors = 8;
    expect_hosts(f, 2, NULL, "01", "processors");
    expect_hosts(f, 2, "PC1", "00", NULL);
    f[1].processors = 4;
    f[1].bias = 0;
    expect_hosts(f, 2, NULL, "01", "time zones");
    f[1].bias = f[0].bias;
    f[1].build = 7601;
    expect_hosts(f, 2, NULL, "01", NULL);
}

// Windows gives a logger id to one session at a time.
static void one_logger_id_at_a_time(void **state)
{
    (void)state;
    host_facts f[] = {header(0), header(1), header(2)};
    f[1].first = f[0].last - 1;
    expect_hosts(f, 2, NULL, "01", "logger id 3");
    expect_hosts(f, 2, "PC1", "00", NULL);
    f[1].logger_id = 4;
    expect_hosts(f, 2, NULL, "00", NULL);
    f[1].logger_id = 3; // another file of the same session
    f[1].session = f[0].session;
    f[1].session_start = f[0].session_start;
    expect_hosts(f, 2, NULL, "00", NULL);
    f[0].computer = f[2].computer = "PC1"; // known to be one, the other one met the first of them
    f[1].session = "b.etl";
    f[0].last = f[2].first - 1;
    expect_hosts(f, 3, NULL, "010", "logger id 3");
}

static void without_a_boot_time_a_file_is_alone(void **state)
{
    (void)state;
    host_facts f[] = {header(0), header(0), header(1)};
    f[0].boot = f[1].boot = f[2].boot = 0;
    expect_hosts(f, 3, NULL, "001", NULL);
    expect_hosts(f, 3, "PC1", "001", NULL);
    f[1].session_start++; // an appended session: after which boot is not known
    expect_hosts(f, 3, NULL, "012", NULL);
    expect_hosts(f, 3, "PC1", "012", NULL);
}

// ---------------------------------------------------------------------------------------------- the program

#define RUN(p, ...) program_run((p), (const char *const[]){__VA_ARGS__, NULL})
#define PROCESS(name)                                                                                                  \
    "payload ptr:0xffffe00012345678 u32:500,4,1 i32:259 ptr:0x1ad000 wbemsid:S-1-5-18 astr:" name " wstr:x\n"

static const char EVENTS[] = "trace boot=2024-05-01T09:00:00Z session=events logger=3\nbuffer logger=3\n"
                             "event provider={a0b1c2d3-0011-2233-4455-66778899aabb} id=1 pid=500 time=+60us\n";
// An hour apart, with one event whose time is no date of the session.
static const char STRAY[] =
    "trace boot=2024-05-01T09:00:00Z session=a logger=3 end=2024-05-01T10:00:01Z\nbuffer logger=3\n"
    "system hook=0x0301 version=3 time=+10us pid=4 " PROCESS("long.exe") //
    "event provider={a0b1c2d3-0011-2233-4455-66778899aabb} id=1 pid=500 time=133590312010000000\n";
static const char LATER[] =
    "trace boot=2024-05-01T09:00:00Z session=b logger=3 start=2024-05-01T11:00:00Z first=37000000000\n"
    "buffer logger=3\n"
    "event provider={a0b1c2d3-0011-2233-4455-66778899aabb} id=2 pid=500 time=+60us\n";
// What is damaged may have been the end of the process.
static const char DAMAGED[] = "trace\nbuffer sequence=1\n"
                              "system hook=0x0301 version=3 time=+10us pid=4 " PROCESS("long.exe") //
    "raw payload u32:0x11223344,0x55667788,0,0\n"
    "event provider={a0b1c2d3-0011-2233-4455-66778899aabb} id=1 pid=500 time=+1s\n"
    "event provider={a0b1c2d3-0011-2233-4455-66778899aabb} id=1 pid=500 time=+2s\n"
    "event provider={a0b1c2d3-0011-2233-4455-66778899aabb} id=1 pid=500 time=+3s\n"
    "buffer sequence=2\nevent provider={a0b1c2d3-0011-2233-4455-66778899aabb} id=2 pid=500 time=+4s\n";
// Days later daylight saving had begun.
static const char WINTER[] =
    "trace boot=2024-03-20T09:00:00Z session=a logger=3 bias=-60 daylight-bias=-60 start=2024-03-30T10:00:00Z\nbuffer logger=3\n"
    "system hook=0x0301 version=3 time=+10us pid=4 " PROCESS("long.exe");
static const char SUMMER[] =
    "trace boot=2024-03-20T09:00:00Z session=b logger=4 bias=-60 daylight-bias=-60 start=2024-04-02T10:00:00Z first=3592000000000\n"
    "buffer logger=4\nevent provider={a0b1c2d3-0011-2233-4455-66778899aabb} id=2 pid=500 time=+60us\n";
static const char FACTS[] = "trace boot=2024-05-01T09:00:00Z session=facts logger=3\nbuffer logger=3\n"
                            "system hook=0x0301 version=3 time=+10us pid=4 " PROCESS("evil.exe") //
    "event provider={a0b1c2d3-0011-2233-4455-66778899aabb} id=2 pid=500 time=+70us\n";
// Of the first one's end nothing tells but the second one's start.
static const char AGAIN[] = "trace\nbuffer\n"
                            "system hook=0x0301 version=3 time=+10us pid=4 " PROCESS("one.exe") //
    "system hook=0x0301 version=3 time=+80us pid=4 " PROCESS("two.exe");
// Known from the rundown at the end only, and what came before is missing.
static const char RUNDOWN[] = "trace boot=2024-05-01T09:00:00Z\nbuffer sequence=1\n"
                              "event provider={a0b1c2d3-0011-2233-4455-66778899aabb} id=1 pid=500 time=+20us\n"
                              "buffer sequence=9\n"
                              "system hook=0x0304 version=3 time=+80us pid=4 " PROCESS("old.exe");

static void build(program *p, const char *text, const char *name)
{
    outbuf file = {0};
    error e = {0};
    char path[512];
    if (!etl_text_build(text, strlen(text), &file, &e))
        fail_msg("%s", e.message);
    bytes_save(program_path(p, name, path), file.bytes, file.len);
    outbuf_free(&file);
}

static int setup(void **state)
{
    (void)program_setup(state);
    program *p = *state;
    build(p, EVENTS, "events.etl");
    build(p, FACTS, "facts.etl");
    build(p, RUNDOWN, "rundown.etl");
    build(p, AGAIN, "again.etl");
    build(p, STRAY, "stray.etl");
    build(p, LATER, "later.etl");
    build(p, DAMAGED, "damaged.etl");
    build(p, WINTER, "winter.etl");
    build(p, SUMMER, "summer.etl");
    return 0;
}

static u32 count_text(const outbuf *in, const char *text)
{
    u32 count = 0;
    for (const char *at = (const char *)in->bytes; (at = strstr(at, text)) != NULL; at++)
        count++;
    return count;
}

static void names_stay_on_their_machine(void **state)
{
    program *p = *state;
    assert_int_equal(RUN(p, "convert", "{}/events.etl", "{}/facts.etl", "-f", "jsonl"), 0);
    assert_int_equal(count_text(&p->out, "\"process_name\":\"evil.exe\""), 1);
    assert_non_null(strstr((const char *)p->err.bytes, "logger id 3"));
    assert_int_equal(RUN(p, "convert", "{}/events.etl", "{}/facts.etl", "-f", "jsonl", "--host", "PC1"), 0);
    assert_int_equal(count_text(&p->out, "\"process_name\":\"evil.exe\""), 2);
    assert_null(strstr((const char *)p->err.bytes, "logger id"));
    assert_int_equal(RUN(p, "info", "--json", "{}/events.etl", "--host", "PC1"), 0);
    assert_non_null(strstr((const char *)p->out.bytes, "\"host\":\"PC1\""));
}

static const cJSON *at(const cJSON *root, const char *name)
{
    const cJSON *found = cJSON_GetObjectItemCaseSensitive(root, name);
    if (!found)
        fail_msg("no member %s", name);
    return found;
}

static cJSON *provenance(program *p, const char *name)
{
    outbuf text = {0};
    char path[512];
    bytes_load(program_path(p, name, path), &text);
    cJSON *root = cJSON_ParseWithLength((const char *)text.bytes, text.len);
    assert_non_null(root);
    outbuf_free(&text);
    return root;
}

static void provenance_says_what_was_inferred(void **state)
{
    program *p = *state;
    assert_int_equal(RUN(p, "convert", "{}/rundown.etl", "-o", "{}/r.jsonl", "--provenance"), 0);
    cJSON *root = provenance(p, "r.jsonl.provenance.json");
    const cJSON *counts = at(at(root, "joins"), "processes");
    const cJSON *process = cJSON_GetArrayItem(at(at(root, "joins"), "unsure_processes"), 0);
    assert_int_equal(at(counts, "lives")->valueint, 1);
    assert_int_equal(at(counts, "start_inferred")->valueint, 1);
    assert_int_equal(at(counts, "across_gaps")->valueint, 1);
    assert_string_equal(at(process, "process_name")->valuestring, "old.exe");
    assert_true(cJSON_IsTrue(at(process, "start_inferred")) && cJSON_IsTrue(at(process, "across_gaps")));
    assert_true(cJSON_IsFalse(at(process, "end_inferred")));
    cJSON_Delete(root);
    assert_int_equal(RUN(p, "convert", "{}/again.etl", "-o", "{}/a.jsonl", "--provenance"), 0);
    root = provenance(p, "a.jsonl.provenance.json");
    assert_int_equal(at(at(at(root, "joins"), "processes"), "end_inferred")->valueint, 1);
    assert_int_equal(cJSON_GetArraySize(at(at(root, "joins"), "unsure_processes")), 1);
    process = cJSON_GetArrayItem(at(at(root, "joins"), "unsure_processes"), 0);
    assert_string_equal(at(process, "process_name")->valuestring, "one.exe");
    assert_true(cJSON_IsTrue(at(process, "end_inferred")) && cJSON_IsFalse(at(process, "start_inferred")));
    cJSON_Delete(root);
    assert_int_equal(RUN(p, "convert", "{}/facts.etl", "{}/events.etl", "-o", "{}/f.jsonl", "--provenance"), 0);
    root = provenance(p, "f.jsonl.provenance.json");
    assert_int_equal(cJSON_GetArraySize(at(root, "hosts")), 2);
    assert_int_equal(cJSON_GetArraySize(at(root, "host_notes")), 1);
    counts = at(at(root, "joins"), "processes");
    assert_int_equal(at(counts, "start_inferred")->valueint, 0);
    assert_int_equal(at(counts, "across_gaps")->valueint, 0);
    cJSON_Delete(root);
}

static void daylight_saving_is_no_other_zone(void **state)
{
    program *p = *state;
    assert_int_equal(RUN(p, "convert", "{}/winter.etl", "{}/summer.etl", "-f", "jsonl"), 0);
    assert_int_equal(count_text(&p->out, "\"process_name\":\"long.exe\""), 1);
    assert_null(strstr((const char *)p->err.bytes, "time zones"));
}

static void gaps_are_seen(void **state)
{
    program *p = *state;
    assert_int_equal(RUN(p, "convert", "{}/stray.etl", "{}/later.etl", "-o", "{}/s.jsonl", "--provenance"), 0);
    cJSON *root = provenance(p, "s.jsonl.provenance.json");
    assert_int_equal(cJSON_GetArraySize(at(root, "hosts")), 1);
    assert_int_equal(at(at(at(root, "joins"), "processes"), "across_gaps")->valueint, 1);
    cJSON_Delete(root);
    assert_int_equal(RUN(p, "convert", "{}/damaged.etl", "-o", "{}/d.jsonl", "--provenance"), 3);
    root = provenance(p, "d.jsonl.provenance.json");
    assert_int_equal(at(at(at(root, "joins"), "processes"), "across_gaps")->valueint, 1);
    cJSON_Delete(root);
}

// Whoever reads the page only must know of it.
static void report_has_the_doubts(void **state)
{
    program *p = *state;
    outbuf page = {0};
    char path[512];
    assert_int_equal(RUN(p, "report", "-q", "{}/facts.etl", "{}/events.etl", "-o", "{}/r.html"), 0);
    bytes_load(program_path(p, "r.html", path), &page);
    outbuf_add(&page, "", 1);
    assert_non_null(strstr((const char *)page.bytes, "<th>Not joined</th><td>"));
    assert_non_null(strstr((const char *)page.bytes, "nothing is joined between them"));
    page.len = 0;
    assert_int_equal(RUN(p, "report", "-q", "--json", "{}/facts.etl", "{}/events.etl"), 0);
    cJSON *root = cJSON_ParseWithLength((const char *)p->out.bytes, p->out.len);
    assert_int_equal(cJSON_GetArraySize(at(root, "host_notes")), 1);
    cJSON_Delete(root);
    outbuf_free(&page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(alike_is_one),
        cmocka_unit_test(other_boots_are_others),
        cmocka_unit_test(other_computers_are_others),
        cmocka_unit_test(two_computers_in_one_file),
        cmocka_unit_test(unlike_is_noted),
        cmocka_unit_test(one_logger_id_at_a_time),
        cmocka_unit_test(without_a_boot_time_a_file_is_alone),
        cmocka_unit_test_setup_teardown(names_stay_on_their_machine, setup, program_teardown),
        cmocka_unit_test_setup_teardown(provenance_says_what_was_inferred, setup, program_teardown),
        cmocka_unit_test_setup_teardown(daylight_saving_is_no_other_zone, setup, program_teardown),
        cmocka_unit_test_setup_teardown(gaps_are_seen, setup, program_teardown),
        cmocka_unit_test_setup_teardown(report_has_the_doubts, setup, program_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
