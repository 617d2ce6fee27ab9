// The `ecs` and `otel` formats against the schemas that their projects publish, over all traces at hand, and what `ecs`
// tells of an intrusion. Environment: ETWKIT the program; ETWKIT_ECS the "generated" folder of the Elastic Common
// Schema; ETWKIT_PYTHON a Python with opentelemetry-proto; ETWKIT_SHARED a folder whose corpus/*.etl are read as well.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "etl_text.h"
#include "judges.h"

#define RUN(p, ...) program_run((p), (const char *const[]){__VA_ARGS__, NULL})

static void otel_is_otlp(void **state)
{
    (void)state;
    int code = judge_traces("tests/otel_judge.py", "");
    if (code == 77) {
        print_message("skipped: %s has no opentelemetry-proto\n", judge_python());
        skip();
    }
    assert_int_equal(code, 0);
}

static void ecs_is_in_the_schema(void **state)
{
    char script[600];
    const char *folder = getenv("ETWKIT_ECS");
    (void)state;
    snprintf(script, sizeof(script), "tests/ecs_judge.py '%s'", folder ? folder : "");
    int code = folder ? judge_traces(script, "") : 77;
    if (code == 77) {
        print_message("skipped: no Elastic Common Schema (ETWKIT_ECS)\n");
        skip();
    }
    assert_int_equal(code, 0);
}

// ---------------------------------------------------------------------------------------------- one story

// "process.parent.name=explorer.exe": the value at that path, as JSON without quotes; "-" where there is none.
static void expect(const cJSON *record, const char *wanted)
{
    char path[512], *value, *name, *rest = NULL;
    const cJSON *at = record;
    snprintf(path, sizeof(path), "%s", wanted);
    value = strchr(path, '=');
    *value++ = 0;
    for (name = strtok_r(path, ".", &rest); name && at; name = strtok_r(NULL, ".", &rest))
        at = cJSON_GetObjectItemCaseSensitive(at, name);
    char *text = at ? cJSON_PrintUnformatted(at) : NULL;
    char *shown = text ? text : (char *)"-";
    if (at && cJSON_IsString(at))
        shown = at->valuestring;
    if (strcmp(shown, value) != 0)
        fail_msg("%s: got %s", wanted, shown);
    cJSON_free(text);
}

// The first record of a trace that the condition finds.
static void tells_of(program *p, const char *trace, const char *where, const char *const *wanted)
{
    RUN(p, "convert", trace, "-q", "-f", "ecs", "--where", where);
    assert_int_equal(p->code, 0);
    cJSON *record = cJSON_Parse((const char *)p->out.bytes); // the first line
    if (!record)
        fail_msg("no record: %s", where);
    for (; *wanted; wanted++)
        expect(record, *wanted);
    cJSON_Delete(record);
}
#define TELLS(p, where, ...) tells_of((p), "samples/incident.etl", (where), (const char *const[]){__VA_ARGS__, NULL})

#define TELLS_OF(p, where, ...) tells_of((p), "{}/in.etl", (where), (const char *const[]){__VA_ARGS__, NULL})

#define MARA "S-1-5-21-2005221396-1177238915-839522115-1107"

static void ecs_tells_of_processes(void **state)
{
    TELLS(*state, "event_name = 'Process/Start' and data.ProcessId = 7420", "event.category=[\"process\"]",
          "event.type=[\"start\"]", "process.pid=7420", "process.name=powershell.exe",
          "process.executable=C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe",
          "process.start=2024-09-03T14:02:22.0000000Z", "process.parent.pid=7044", "process.parent.name=WINWORD.EXE",
          "process.parent.executable=C:\\Program Files\\Office\\WINWORD.EXE", "process.user.id=" MARA, "user.id=" MARA,
          "process.thread=-", "host.name=WS-0417", "winlog.process_id=7044");
    TELLS(*state, "event_id = 4688", "process.pid=7420", "user.name=mara", "user.domain=CORP",
          "process.parent.name=WINWORD.EXE");
    TELLS(*state, "event_name = 'Process/End' and data.ProcessId = 7420", "event.type=[\"end\"]", "process.exit_code=0",
          "event.outcome=-");
    TELLS(*state, "event_name = 'Image/Load' and process_id = 5120", "event.category=[\"library\"]",
          "dll.path=C:\\Windows\\explorer.exe", "dll.name=explorer.exe", "process.thread.id=5128");
}

static void ecs_tells_of_networks(void **state)
{
    TELLS(*state, "event_id = 3008 and data.QueryName = 'cdn-sync.example'", "event.category=[\"network\"]",
          "event.type=[\"protocol\",\"info\"]", "event.outcome=success", "dns.question.name=cdn-sync.example",
          "dns.question.type=A", "dns.type=answer", "dns.response_code=NOERROR", "dns.resolved_ip=[\"203.0.113.66\"]",
          "dns.answers=[{\"data\":\"203.0.113.66\",\"type\":\"A\"}]", "process.name=powershell.exe");
    TELLS(*state, "event_id = 3006", "dns.type=query", "dns.response_code=-", "dns.resolved_ip=-");
    TELLS(*state, "event_id = 3008 and data.QueryStatus = 9003", "dns.response_code=NXDOMAIN", "event.outcome=failure");
    TELLS(*state, "event_name = 'TcpIp/ConnectIPV4' and data.PID = 7420", "event.type=[\"connection\",\"start\"]",
          "network.transport=tcp", "network.type=ipv4", "network.direction=egress", "source.ip=192.0.2.44",
          "source.port=50311", "destination.ip=203.0.113.66", "destination.port=80", "destination.address=203.0.113.66",
          "source.bytes=-");
    TELLS(*state, "event_name = 'TcpIp/SendIPV4' and data.PID = 7420", "source.ip=192.0.2.44", "source.bytes=214",
          "destination.bytes=-");
    TELLS(*state, "event_name = 'TcpIp/RecvIPV4' and data.PID = 7420", "network.direction=ingress",
          "source.ip=203.0.113.66", "source.port=80", "source.bytes=48412", "destination.ip=192.0.2.44",
          "process.pid=7420", "process.thread=-");
}

static void ecs_tells_of_files_and_keys(void **state)
{
    TELLS(*state, "event_name = 'FileIo/Create' and data.OpenPath like '%u.zip'", "event.category=[\"file\"]",
          "event.type=[\"creation\"]", "file.path=C:\\Users\\mara\\AppData\\Local\\Temp\\u.zip", "file.name=u.zip",
          "file.directory=C:\\Users\\mara\\AppData\\Local\\Temp", "file.extension=zip", "file.drive_letter=C",
          "process.name=powershell.exe");
    TELLS(*state, "provider = 'Microsoft-Windows-Kernel-Registry' and event_id = 5", "event.category=[\"registry\"]",
          "event.type=[\"change\"]", "event.outcome=success", "registry.hive=HKU",
          "registry.key=" MARA "\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Run", "registry.value=Updater",
          "registry.path=HKU\\" MARA "\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Run\\Updater",
          "registry.data.strings=[\"C:\\\\Users\\\\mara\\\\AppData\\\\Roaming\\\\Sync\\\\updater.exe\"]",
          "process.name=updater.exe");
}

// A stream of a file, a look-up with several answers, traffic over IPv6.
static void ecs_tells_of_rarer_things(void **state)
{
    static const char TEXT[] =
        "trace\nbuffer\n"
        "perfinfo hook=0x0440 version=3 time=+1us payload ptr:0x20 ptr:0x700 u32:8,0x02000000,0x80,7 "
        "wstr:\"\\\\Device\\\\HarddiskVolume3\\\\m\\\\.a.b.txt:Zone.Identifier\"\n"
        "event provider={1c95126e-7eea-49a9-a3fe-a378b03ddb4d} id=3008 level=4 keyword=0x8000000000000000 channel=16 "
        "time=+2us pid=4 payload wstr:\"x.example\" u32:28 u64:0 u32:0 "
        "wstr:\"type:  5 y.example;2001:db8::1;::ffff:192.0.2.1;\"\n"
        "system hook=0x061a version=2 time=+3us payload u32:4,77 ipv6:2001:db8::2 ipv6:fe80::1 port:443 port:50000 "
        "u32:1,2,0 ptr:0\n"
        "event provider={2a576b87-09a7-520e-c21a-4942f0271d67} id=1101 time=+4us pid=4 payload ptr:16 u8:1 u32:1 "
        "wstr:a wstr:b u32:2,2 wchars:c zeros:32 bool:0\n";
    program *p = *state;
    char path[512];
    error e = {0};
    outbuf made = {0};
    if (!etl_text_build(TEXT, strlen(TEXT), &made, &e))
        fail_msg("%s", e.message);
    bytes_save(program_path(p, "in.etl", path), made.bytes, made.len);
    outbuf_free(&made);
    TELLS_OF(p, "event_name = 'FileIo/Create'", "event.category=[\"file\"]", "file.name=.a.b.txt", "file.extension=txt",
             "file.fork_name=Zone.Identifier");
    TELLS_OF(p, "event_id = 3008", "dns.question.type=AAAA", "dns.resolved_ip=[\"2001:db8::1\",\"192.0.2.1\"]",
             "dns.answers=[{\"data\":\"y.example\",\"type\":\"CNAME\"},{\"data\":\"2001:db8::1\",\"type\":\"AAAA\"},"
             "{\"data\":\"192.0.2.1\",\"type\":\"A\"}]");
    TELLS_OF(p, "event_name = 'TcpIp/SendIPV6'", "network.type=ipv6", "source.ip=fe80::1", "source.bytes=77",
             "destination.ip=2001:db8::2", "process.pid=4");
    TELLS_OF(p, "event_id = 1101", "event.category=[\"process\"]", "event.outcome=-"); // 1: nothing was detected
}

static void ecs_tells_of_accounts(void **state)
{
    TELLS(*state, "event_id = 4624", "event.category=[\"authentication\"]", "event.type=[\"start\"]",
          "event.outcome=success", "user.name=mara", "user.domain=CORP", "user.id=" MARA, "source.ip=198.51.100.77");
    TELLS(*state, "event_id = 21", "user.name=mara", "user.domain=CORP");
    TELLS(*state, "event_id = 7045", "event.category=[\"configuration\"]", "user.name=SYSTEM",
          "user.domain=NT AUTHORITY", "user.id=S-1-5-18");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(ecs_tells_of_processes, program_setup, program_teardown),
        cmocka_unit_test_setup_teardown(ecs_tells_of_networks, program_setup, program_teardown),
        cmocka_unit_test_setup_teardown(ecs_tells_of_files_and_keys, program_setup, program_teardown),
        cmocka_unit_test_setup_teardown(ecs_tells_of_rarer_things, program_setup, program_teardown),
        cmocka_unit_test_setup_teardown(ecs_tells_of_accounts, program_setup, program_teardown),
        cmocka_unit_test(otel_is_otlp),
        cmocka_unit_test(ecs_is_in_the_schema),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
