// Entities in the SQLite output: what the samples' stories say of them, and that they equal what SQL over the records
// gives. Environment: ETWKIT the program, ETWKIT_SHARED a folder whose corpus/*.etl are compared as well.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <glob.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "etl_text.h"
#include "program.h"

#define RUN(p, ...) program_run((p), (const char *const[]){__VA_ARGS__, NULL})

static const char *examined = ""; // for sentences

static sqlite3 *convert(program *p, const char *trace)
{
    char path[512];
    sqlite3 *db;
    int code =
        RUN(p, "convert", trace, "-q", "--no-hash", "--fts", "--rules", "samples/rules", "--force", "-o", "{}/out.db");
    if (code == 1)
        return NULL; // not a trace
    assert_int_equal(sqlite3_open_v2(program_path(p, "out.db", path), &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    return db;
}

static sqlite3 *convert_text(program *p, const char *text, size_t len)
{
    outbuf file = {0};
    error e = {0};
    char path[512];
    if (!etl_text_build(text, len, &file, &e))
        fail_msg("%s", e.message);
    bytes_save(program_path(p, "text.etl", path), file.bytes, file.len);
    outbuf_free(&file);
    return convert(p, path);
}

static sqlite3_stmt *query(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *statement;
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    return statement;
}

static const char *cell(sqlite3_stmt *row, int column)
{
    const char *text = (const char *)sqlite3_column_text(row, column);
    return text ? text : "NULL";
}

// All rows, cells with a bar between them and rows with a line break.
static void rows_are(sqlite3 *db, const char *sql, const char *wanted)
{
    outbuf found = {0};
    sqlite3_stmt *row = query(db, sql);
    while (sqlite3_step(row) == SQLITE_ROW) {
        for (int i = 0; i < sqlite3_column_count(row); i++) {
            outbuf_text(&found, i ? "|" : "");
            outbuf_text(&found, cell(row, i));
        }
        outbuf_text(&found, "\n");
    }
    sqlite3_finalize(row);
    outbuf_add(&found, "", 1);
    if (strcmp((const char *)found.bytes, wanted) != 0)
        fail_msg("%s %s:\n%s\nexpected:\n%s", examined, sql, (const char *)found.bytes, wanted);
    outbuf_free(&found);
}

static void nothing_dangles(sqlite3 *db)
{
    rows_are(db, "PRAGMA foreign_key_check", "");
    rows_are(db, "PRAGMA integrity_check", "ok\n");
}

// ---------------------------------------------------------------------------------------------- the samples

// samples/processes.case: a document starts a shell.
static void processes_have_parents(void **state)
{
    (void)state;
    program p;
    program_begin(&p);
    sqlite3 *db = convert(&p, "samples/processes.etl");
    rows_are(db,
             "SELECT p.process_id,p.name,p.start,p.\"end\",p.exit_status,p.parent_id,q.name,p.parent_inferred "
             "FROM processes p LEFT JOIN processes q ON q.id=p.parent WHERE p.session_id=1 ORDER BY p.id",
             "1204|svchost.exe|NULL|NULL|NULL|820|services.exe|1\n"
             "5120|explorer.exe|NULL|NULL|NULL|5060|NULL|NULL\n"
             "8044|WINWORD.EXE|2024-05-06T09:12:01.0000000Z|NULL|NULL|5120|explorer.exe|0\n"
             "8420|cmd.exe|2024-05-06T09:12:03.5000000Z|NULL|NULL|8044|WINWORD.EXE|0\n"
             "8612|powershell.exe|2024-05-06T09:12:03.7000000Z|NULL|NULL|8420|cmd.exe|0\n"
             "8700|whoami.exe|2024-05-06T09:12:05.0000000Z|2024-05-06T09:12:05.2000000Z|0|8612|powershell.exe|0\n");
    rows_are(db, "SELECT DISTINCT user_sid,user_name FROM processes ORDER BY 1",
             "S-1-5-18|NT AUTHORITY\\SYSTEM\n"
             "S-1-5-19|NT AUTHORITY\\LOCAL SERVICE\n"
             "S-1-5-21-1004336348-1177238915-682003330-1001|NULL\n");
    program_run(&p, (const char *const[]){"convert", "-f", "text", "samples/processes.etl", NULL});
    outbuf_add(&p.out, "", 1);
    assert_non_null(strstr((const char *)p.out.bytes, "UserSID=\"S-1-5-18 (NT AUTHORITY\\SYSTEM)\" ImageFileName="));
    assert_non_null(strstr((const char *)p.out.bytes, "UserSID=S-1-5-21-1004336348-1177238915-682003330-1001 "));
    rows_are(
        db,
        "SELECT image_path,device_path,path_guessed,command_line,start_known,end_known,start_inferred FROM processes WHERE process_id IN (4,8420)",
        "NULL|NULL|NULL|NULL|outside|outside|1\n"
        "C:\\Windows\\System32\\cmd.exe|\\Device\\HarddiskVolume3\\Windows\\System32\\cmd.exe|1|cmd.exe /c start /min powershell|recorded|outside|0\n");
    rows_are(db,
             "SELECT c.protocol,c.local_address,c.local_port,c.remote_address,c.remote_port,c.bytes_sent,"
             "c.bytes_received,c.connects,c.first,p.name FROM connections c JOIN processes p ON p.id=c.process",
             "TCP|192.0.2.44|50311|198.51.100.23|80|214|18412|1|2024-05-06T09:12:03.9000000Z|powershell.exe\n");
    rows_are(db,
             "SELECT p.name,r.shows,e.event_name,e.timestamp FROM processes p JOIN process_records r ON r.process=p.id "
             "JOIN events e ON e.record=r.record WHERE p.process_id IN (4,8700) ORDER BY r.record",
             "System|rundown|Process/DCStart|2024-05-06T09:12:00.0000100Z\n"
             "whoami.exe|start|Process/Start|2024-05-06T09:12:05.0000000Z\n"
             "whoami.exe|end|Process/End|2024-05-06T09:12:05.2000000Z\n"
             "System|rundown|Process/DCEnd|2024-05-06T09:12:09.0000030Z\n");
    nothing_dangles(db);
    sqlite3_close(db);
    program_end(&p);
}

// samples/dns.case: which process looked up which name.
static void queries_have_processes(void **state)
{
    (void)state;
    program p;
    program_begin(&p);
    sqlite3 *db = convert(&p, "samples/dns.etl");
    rows_are(
        db,
        "SELECT d.timestamp,d.process_id,d.process_name,p.name,d.query_name,d.query_type,d.status,d.results "
        "FROM dns_queries d JOIN processes p ON p.id=d.process "
        "WHERE d.stage='completed' AND (d.process_name='powershell.exe' OR d.status<>0) ORDER BY d.record",
        "2024-03-14T07:46:52.3234170Z|9216|powershell.exe|powershell.exe|raw.code-share.example|1|0|198.51.100.23;\n"
        "2024-03-14T07:46:52.9234170Z|9216|powershell.exe|powershell.exe|x7q2-updates.c2-panel.example|1|0|::ffff:203.0.113.66;\n"
        "2024-03-14T07:46:53.1234170Z|9216|powershell.exe|powershell.exe|nbswy3dpeb3w64tmmqxg633p.t1.c2-panel.example|16|0|type: 16;\n"
        "2024-03-14T07:46:53.2234170Z|9216|powershell.exe|powershell.exe|mfzwizltoqqgq2lkna2tgnbv.t2.c2-panel.example|16|0|type: 16;\n"
        "2024-03-14T07:46:54.0234170Z|7300|browser.exe|browser.exe|mail.example.com|1|9003|NULL\n"
        "2024-03-14T07:46:55.2234170Z|1384|svchost.exe|svchost.exe|_ldap._tcp.dc._msdcs.corp.example|33|9003|NULL\n");
    rows_are(db, "SELECT stage,count(*),count(status) FROM dns_queries GROUP BY stage", "asked|9|0\ncompleted|9|9\n");
    rows_are(
        db,
        "SELECT h.boot_time,t.file FROM hosts h JOIN host_traces x ON x.host_id=h.id JOIN traces t ON t.id=x.trace_id",
        "2024-03-14T07:45:10.0000000Z|dns.etl\n");
    nothing_dangles(db);
    sqlite3_close(db);
    program_end(&p);
}

// Services answer for others: 3020 has the client's id, Sysmon's 22 its id and image. An id is used twice.
static const char FOR_OTHERS[] =
    "trace start=2024-01-01T00:00:00Z boot=2024-01-01T00:00:00Z\nbuffer\n"
    "system hook=0x0301 version=4 time=+1s pid=4 tid=8 payload ptr:0xffffa00c00004000 u32:500,4,0 i32:259 ptr:0 u32:0 "
    "wbemsid:S-1-5-18 astr:one.exe wstr:\"\" wstr:\"\" wstr:\"\"\n"
    "event provider={1c95126e-7eea-49a9-a3fe-a378b03ddb4d} id=3020 version=1 time=+1500ms pid=77 tid=78 "
    "payload wstr:a.example u32:28,1,2,9701 wstr:\"\" u32:500\n"
    "system hook=0x0302 version=4 time=+2s pid=4 tid=8 payload ptr:0xffffa00c00004000 u32:500,4,0 i32:7 ptr:0 u32:0 "
    "wbemsid:S-1-5-18 astr:one.exe wstr:\"\" wstr:\"\" wstr:\"\"\n"
    "system hook=0x0301 version=4 time=+30s pid=4 tid=8 payload ptr:0xffffa00c00005000 u32:500,4,0 i32:259 ptr:0 u32:0 "
    "wbemsid:S-1-5-18 astr:two.exe wstr:\"\" wstr:\"\" wstr:\"\"\n"
    "event provider={5770385f-c22a-43e0-bf4c-06f5698ffbd9} id=22 time=+31s pid=88 tid=89 "
    "payload u32:500 wstr:b.example wstr:0 wstr:\"192.0.2.1;\" wstr:\"C:\\\\bin\\\\two.exe\"\n"
    "event provider={5770385f-c22a-43e0-bf4c-06f5698ffbd9} id=22 time=+32s pid=88 tid=89 "
    "payload u32:600 wstr:c.example wstr:9003 wstr:- wstr:\"C:\\\\bin\\\\three.exe\"\n"
    "tdh-schema provider={1c95126e-7eea-49a9-a3fe-a378b03ddb4d} id=3020 version=1 provider-name=Microsoft-Windows-DNS-Client "
    "fields={ wstr QueryName; u32 QueryType; u32 NetworkIndex; u32 InterfaceIndex; u32:win32 Status; wstr QueryResults; "
    "u32 ClientPID }\n"
    "tdh-schema provider={5770385f-c22a-43e0-bf4c-06f5698ffbd9} id=22 provider-name=Microsoft-Windows-Sysmon "
    "fields={ u32 ProcessId; wstr QueryName; wstr QueryStatus; wstr QueryResults; wstr Image }\n";

static void queries_for_others(void **state)
{
    (void)state;
    program p;
    program_begin(&p);
    sqlite3 *db = convert_text(&p, FOR_OTHERS, strlen(FOR_OTHERS));
    rows_are(db,
             "SELECT d.stage,d.process_id,d.process_name,p.exit_status,d.query_name,d.query_type,d.status,d.results "
             "FROM dns_queries d LEFT JOIN processes p ON p.id=d.process ORDER BY d.record",
             "answered|500|one.exe|7|a.example|28|9701|NULL\n"
             "completed|500|two.exe|NULL|b.example|NULL|0|192.0.2.1;\n"
             "completed|600|three.exe|NULL|c.example|NULL|9003|-\n");
    rows_are(db, "SELECT p.name,r.shows FROM process_records r JOIN processes p ON p.id=r.process ORDER BY r.record",
             "one.exe|start\none.exe|end\ntwo.exe|start\n");
    nothing_dangles(db);
    sqlite3_close(db);
    program_end(&p);
}

// Filters choose records; entities come from the whole of the inputs.
static void filters_leave_entities(void **state)
{
    (void)state;
    program p;
    char path[512];
    sqlite3 *db;
    program_begin(&p);
    assert_int_equal(RUN(&p, "convert", "samples/dns.etl", "-q", "--event-id", "3006", "-o", "{}/some.db"), 0);
    assert_int_equal(sqlite3_open_v2(program_path(&p, "some.db", path), &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    rows_are(
        db, "SELECT (SELECT count(*) FROM records),(SELECT count(*) FROM dns_queries),(SELECT count(*) FROM processes)",
        "9|9|5\n");
    sqlite3_close(db);
    program_end(&p);
}

// samples/incident.case.
static void incident_is_in_tables(void **state)
{
    (void)state;
    program p;
    program_begin(&p);
    sqlite3 *db = convert(&p, "samples/incident.etl");
    rows_are(
        db,
        "WITH RECURSIVE tree(id,line) AS (SELECT id,name||' '||process_id FROM processes WHERE name='explorer.exe' "
        "UNION ALL SELECT p.id,line||' > '||p.name||' '||p.process_id FROM processes p JOIN tree t ON p.parent=t.id) "
        "SELECT line FROM tree ORDER BY line",
        "explorer.exe 5120\n"
        "explorer.exe 5120 > WINWORD.EXE 7044\n"
        "explorer.exe 5120 > WINWORD.EXE 7044 > powershell.exe 7420\n"
        "explorer.exe 5120 > WINWORD.EXE 7044 > powershell.exe 7420 > updater.exe 7640\n"
        "explorer.exe 5120 > sync.exe 6200\n");
    // The kernel and the audit tell of PowerShell's start: one activity, two records.
    rows_are(db,
             "SELECT a.process_name,count(r.record) FROM activities a JOIN activity_records r ON r.activity=a.id "
             "WHERE a.kind='process_start' GROUP BY a.id HAVING count(*)>1",
             "powershell.exe|2\n");
    rows_are(db, "SELECT path,creates,writes,bytes_written,deletes FROM files ORDER BY path",
             "C:\\Users\\mara\\AppData\\Local\\Temp\\u.zip|1|2|48412|1\n"
             "C:\\Users\\mara\\AppData\\Roaming\\Sync\\updater.exe|1|1|73728|0\n");
    rows_are(db, "SELECT key,value_name,sets,data FROM registry_values",
             "HKU\\S-1-5-21-2005221396-1177238915-839522115-1107\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Run|"
             "Updater|1|C:\\Users\\mara\\AppData\\Roaming\\Sync\\updater.exe\n");
    rows_are(
        db,
        "SELECT l.account,l.domain,l.type,l.address,substr(l.start,12,8),substr(l.\"end\",12,8),printf('0x%x',l.logon),"
        "u.sid FROM logons l JOIN users u ON u.id=l.user",
        "mara|CORP|10|198.51.100.77|14:02:12|14:02:30|0x5a1f3c|"
        "S-1-5-21-2005221396-1177238915-839522115-1107\n");
    // One account, as SID, as domain and name, and as "domain\\name"; the logon tells whose the processes are.
    rows_are(db, "SELECT domain,account FROM users WHERE account IS NOT NULL", "CORP|mara\n");
    rows_are(db, "SELECT count(*) FROM processes WHERE user_name='CORP\\mara'", "5\n");
    rows_are(db, "SELECT kind,name,program,account FROM activities WHERE kind IN ('service_change','task_change')",
             "service_change|SyncUpdater|C:\\Windows\\Temp\\svcupd.exe|LocalSystem\n"
             "service_change|SyncUpdater|C:\\Windows\\Temp\\svcupd.exe|LocalSystem\n"
             "task_change|\\Sync\\UpdaterCheck|NULL|CORP\\mara\n");
    rows_are(
        db,
        "SELECT a.process_name,t.name,a.target_id,a.process_known FROM activities a JOIN processes t ON t.id=a.target "
        "WHERE a.kind='remote_thread'",
        "updater.exe|explorer.exe|5120|header\n");
    rows_are(db, "SELECT process_known,count(*) FROM activities WHERE kind LIKE 'file%' GROUP BY 1", "thread|6\n");
    rows_are(db,
             "SELECT p.name,c.remote_address,c.remote_port,c.bytes_sent,c.bytes_received FROM connections c "
             "JOIN processes p ON p.id=c.process ORDER BY c.first",
             "powershell.exe|203.0.113.66|80|214|48412\nupdater.exe|203.0.113.80|443|263974|512\n");
    nothing_dangles(db);
    sqlite3_close(db);
    program_end(&p);
}

// ---------------------------------------------------------------------------------------------- SQL over the records

// With a look at all activities for each registry value and each logon this took a minute and more.
static void many_values_and_logons(void **state)
{
    (void)state;
    enum { MANY = 20000 };
    program p;
    outbuf text = {0};
    outbuf_text(&text,
                "trace start=2024-09-03T14:02:10Z frequency=10000000 build=19045\n  buffer-size=16777216\nbuffer\n");
    for (u32 i = 0; i < MANY; i++) {
        char line[700];
        snprintf(
            line, sizeof(line),
            "event provider={70eb4f03-c1de-4f73-a051-33d13d5413bd} id=5 opcode=36 time=+%uus pid=7 tid=8\n"
            "  payload ptr:0x10 u32:0,1,4 wstr:\"\\\\REGISTRY\\\\MACHINE\\\\K%u\" wstr:V u16:4 wstr:\"%u\" u32:0,0 u16:0\n"
            "event provider={54849625-5478-4994-a5ba-3e3b0328c30d} id=4624 version=0 time=+%uus pid=7 tid=8\n"
            "  payload sid:S-1-5-18 wstr:W wstr:C u64:1 sid:S-1-5-21-1-2-3-%u wstr:m%u wstr:C u64:%u u32:10 wstr:U wstr:N "
            "wstr:W guid:00000000-0000-0000-0000-000000000000 wstr:- wstr:- u32:0 ptr:1 wstr:p wstr:- wstr:-\n",
            2 * i + 1, i, i % 10, 2 * i + 2, i + 1000, i, i + 1000);
        outbuf_text(&text, line);
    }
    program_begin(&p);
    sqlite3 *db = convert_text(&p, (const char *)text.bytes, text.len);
    rows_are(db, "SELECT count(*),count(data),max(data) FROM registry_values", "20000|20000|9\n");
    rows_are(db, "SELECT count(*),count(user) FROM logons", "20000|20000\n");
    sqlite3_close(db);
    program_end(&p);
    outbuf_free(&text);
}

// What was tried in vain changed nothing; a status is one number, whether its event has it signed or not; all ones are
// nobody's id; what opens a file that may be there has not made it.
static void failures_change_nothing(void **state)
{
    static const char TEXT[] = "trace build=19045\n"
#define SET(status, data)                                                                                              \
    "event provider={70eb4f03-c1de-4f73-a051-33d13d5413bd} id=5 pid=500 tid=8 payload ptr:1 u32:" status               \
    ",4,4 wstr:\"\\\\REGISTRY\\\\MACHINE\\\\K\" wstr:V u16:4 u32:" data " u32:0,0 u16:0\n"
        SET("0", "7")
            SET("0xc0000022", "9") "event provider={70eb4f03-c1de-4f73-a051-33d13d5413bd} id=6 pid=500 tid=8 "
                                   "payload ptr:1 u32:0xc0000022 wstr:\"\\\\REGISTRY\\\\MACHINE\\\\K\" wstr:V\n"
#define OPENED(options)                                                                                                        \
    "event provider={edd08927-9cc4-4e65-b970-c2560fb5c289} id=12 version=1 pid=500 tid=8 payload ptr:16 ptr:17 u32:8," options \
    ",0,0 wstr:\"\\\\x\"\n"
        OPENED("0x03000000") OPENED("0x02000000") OPENED(
            "0x03000000") "system hook=0x060a version=2 payload u32:0xffffffff,9 ipv4:192.0.2.1 ipv4:192.0.2.2 port:1 port:2 u32:0,0,0 ptr:0\n"
                          "system hook=0x0302 version=4 pid=500 tid=8 payload ptr:16 u32:500,4,0 i32:-1073741510 ptr:16 u32:0 "
                          "wbemsid:S-1-5-18 astr:a.exe wstr:\"\" wstr:\"\" wstr:\"\"\n";
    (void)state;
    program p;
    program_begin(&p);
    sqlite3 *db = convert_text(&p, TEXT, strlen(TEXT));
    rows_are(db, "SELECT key,value_name,sets,deletes,data FROM registry_values", "HKLM\\K|V|1|0|DWORD (0x00000007)\n");
    rows_are(db,
             "SELECT c.process_id,c.bytes_sent,a.process_id,a.process_known,a.connection=c.id "
             "FROM connections c, activities a WHERE a.kind='send'",
             "NULL|9|NULL|NULL|1\n");
    rows_are(db, "SELECT path,creates FROM files", "\\x|1\n");
    rows_are(db, "SELECT count(*) FROM activities WHERE kind LIKE 'registry%' AND status=0xc0000022", "2\n");
    rows_are(db,
             "SELECT a.status=0xc000013a,p.exit_status=a.status FROM activities a JOIN processes p ON p.id=a.process "
             "WHERE kind='process_end'",
             "1|1\n");
    sqlite3_close(db);
    program_end(&p);
}

// Two processes, one after the other, had one id and one pair of ends; of packets without a connection, of two more, it
// is not known which process it was.
static void ends_used_again(void **state)
{
#define LIFE(hook, time, id, name)                                                                                     \
    "system hook=" hook " version=4 time=" time " payload ptr:16 u32:" id ",4,0 i32:0 ptr:16 u32:0 wbemsid:S-1-5-18 "  \
    "astr:" name " wstr:\"\" wstr:\"\" wstr:\"\"\n"
#define ENDS "ipv4:192.0.2.9 ipv4:10.0.0.1 port:443 port:50000 "
#define TCP(time) "perfinfo hook=0x060c version=2 time=" time " payload u32:500,0 " ENDS "u16:1,2 u32:0,0,0,0,7 ptr:1\n"
#define TCP_SENT(time) "perfinfo hook=0x060a version=2 time=" time " payload u32:500,100 " ENDS "u32:1,2,7 ptr:1\n"
#define UDP_SENT(time) "perfinfo hook=0x080a version=2 time=" time " payload u32:600,10 " ENDS "u32:1 ptr:1\n"
    static const char TEXT[] = "trace\nbuffer size=8192\n" LIFE("0x0301", "+1s", "500", "one.exe")
        LIFE("0x0301", "+1s", "600", "three.exe") TCP("+2s") TCP_SENT("+3s") UDP_SENT("+3s")
            LIFE("0x0302", "+4s", "500", "one.exe") LIFE("0x0302", "+4s", "600", "three.exe")
                LIFE("0x0301", "+20s", "500", "two.exe") LIFE("0x0301", "+20s", "600", "four.exe") TCP("+21s")
                    TCP_SENT("+22s") TCP_SENT("+23s") UDP_SENT("+23s") "buffer cpu=1 sequence=2\n" TCP_SENT("+2500ms");
    (void)state;
    program p;
    program_begin(&p);
    sqlite3 *db = convert_text(&p, TEXT, strlen(TEXT));
    rows_are(db,
             "SELECT c.protocol,p.name,c.bytes_sent,c.last FROM connections c LEFT JOIN processes p ON p.id=c.process "
             "ORDER BY c.first,1",
             "TCP|one.exe|200|2024-05-01T10:00:03.0000000Z\n"
             "UDP|NULL|20|2024-05-01T10:00:23.0000000Z\n"
             "TCP|two.exe|200|2024-05-01T10:00:23.0000000Z\n");
    rows_are(db,
             "SELECT count(*) FROM activities a JOIN connections c ON c.id=a.connection "
             "WHERE c.process IS NOT NULL AND c.process!=a.process",
             "0\n");
    rows_are(db, "SELECT count(*) FROM activities WHERE connection IS NULL AND kind IN ('connect','send')", "0\n");
    sqlite3_close(db);
    program_end(&p);
}

// The process of a record by its id and time is the one its name says: in traces of one host, each record.
static void names_agree(sqlite3 *db)
{
    rows_are(db,
             "SELECT r.record,r.process_id,r.process_name,p.name FROM records r LEFT JOIN processes p "
             "ON p.process_id=r.process_id AND p.valid_from<=r.time AND r.time<p.valid_until "
             "WHERE r.process_name IS NOT p.name AND (SELECT count(*) FROM hosts)=1 LIMIT 5",
             "");
}

// Lives do not overlap.
static void lives_are_apart(sqlite3 *db)
{
    rows_are(db,
             "SELECT a.id,b.id FROM processes a JOIN processes b ON a.process_id=b.process_id AND a.host_id=b.host_id "
             "AND a.id<>b.id AND a.valid_from<=b.valid_from AND b.valid_from<a.valid_until",
             "");
}

// Every process that the kernel says was started is there with its start, and every one that ended with its end; to the
// second, as Kernel-Process tells its moments more exactly than the time of the kernel's event.
static void starts_agree(sqlite3 *db)
{
    static const char *const MOMENTS[][2] = {{"1", "start"}, {"2", "\"end\""}};
    char sql[1024];
    for (size_t i = 0; i < COUNT_OF(MOMENTS); i++) {
        snprintf(sql, sizeof(sql),
                 "SELECT e.record FROM events e JOIN records r USING (record) JOIN event_classes c ON c.id=r.class_id "
                 "WHERE c.provider_id='3d6fa8d0-fe05-11d0-9dda-00c04fd7ba7c' AND c.opcode=%s AND "
                 "e.state='decoded' AND NOT EXISTS (SELECT 1 FROM processes p WHERE "
                 "abs(julianday(p.%s)-julianday(e.timestamp))*86400<1 AND "
                 "json_extract(e.data,'$.ProcessId')=printf('0x%%X',p.process_id))",
                 MOMENTS[i][0], MOMENTS[i][1]);
        rows_are(db, sql, "");
    }
}

// Every record about a process is one of a process of the same id.
static void process_records_agree(sqlite3 *db)
{
    rows_are(db,
             "SELECT e.record FROM events e JOIN records r USING (record) JOIN event_classes c ON c.id=r.class_id "
             "WHERE c.provider_id='3d6fa8d0-fe05-11d0-9dda-00c04fd7ba7c' AND c.opcode BETWEEN 1 AND 4 AND "
             "e.state='decoded' AND NOT EXISTS (SELECT 1 FROM process_records x JOIN processes p ON p.id=x.process "
             "WHERE x.record=e.record AND json_extract(e.data,'$.ProcessId')=printf('0x%X',p.process_id))",
             "");
}

// Bytes of all connections together are those of all send and receive events of TCP and UDP.
static void bytes_agree(sqlite3 *db)
{
    rows_are(
        db,
        "WITH raw AS (SELECT c.opcode,json_extract(e.data,'$.size') AS size FROM events e JOIN records USING (record) "
        "JOIN event_classes c ON c.id=class_id WHERE c.provider_id IN ('9a280ac0-c8e0-11d1-84e2-00c04fb998a2',"
        "'bf3a50c5-a9c9-4988-a005-2df0b7c80f80')) SELECT 1 FROM (SELECT "
        "(SELECT coalesce(sum(size),0) FROM raw WHERE opcode IN (10,26)) AS sent,"
        "(SELECT coalesce(sum(size),0) FROM raw WHERE opcode IN (11,27)) AS received,"
        "(SELECT coalesce(sum(bytes_sent),0) FROM connections) AS s,"
        "(SELECT coalesce(sum(bytes_received),0) FROM connections) AS r) "
        "WHERE (SELECT count(*) FROM raw)>0 AND (sent<>s OR received<>r)",
        "");
}

// Activities of a kind are as many as the records that tell them.
static void activities_agree(sqlite3 *db)
{
    static const struct {
        const char *kinds, *classes;
    } SAME[] = {
        {"'image_load'", "c.provider_id='2cb15d1d-5fc1-11d2-abe1-00a0c911f518' AND c.opcode=10 OR "
                         "c.provider_id='22fb2cd6-0e7b-422b-a0c7-2fad1fd0e716' AND c.event_id=5"},
        {"'process_start'", "c.provider_id='3d6fa8d0-fe05-11d0-9dda-00c04fd7ba7c' AND c.opcode=1 OR "
                            "c.provider_id='22fb2cd6-0e7b-422b-a0c7-2fad1fd0e716' AND c.event_id=1 OR "
                            "c.provider_id='54849625-5478-4994-a5ba-3e3b0328c30d' AND c.event_id=4688"},
        {"'process_end'", "c.provider_id='3d6fa8d0-fe05-11d0-9dda-00c04fd7ba7c' AND c.opcode=2 OR "
                          "c.provider_id='22fb2cd6-0e7b-422b-a0c7-2fad1fd0e716' AND c.event_id=2"},
        {"'file_write'", "c.provider_id='90cbdc39-4a3e-11d1-84f4-0000f80464e3' AND c.opcode=68 OR "
                         "c.provider_id='edd08927-9cc4-4e65-b970-c2560fb5c289' AND c.event_id=16"},
        {"'file_delete'", "c.provider_id='90cbdc39-4a3e-11d1-84f4-0000f80464e3' AND c.opcode IN (70,79) OR "
                          "c.provider_id='edd08927-9cc4-4e65-b970-c2560fb5c289' AND c.event_id=26"},
        {"'registry_set','registry_delete','registry_delete_value'",
         "c.provider_id='ae53722e-c863-11d2-8659-00c04fa321a1' AND c.opcode IN (12,14,15) OR "
         "c.provider_id='70eb4f03-c1de-4f73-a051-33d13d5413bd' AND c.event_id IN (3,5,6)"},
        {"'dns_query'", "c.provider_id='1c95126e-7eea-49a9-a3fe-a378b03ddb4d' AND c.event_id IN (3006,3008)"},
        {"'connect','accept'", "c.provider_id IN ('9a280ac0-c8e0-11d1-84e2-00c04fb998a2',"
                               "'7dd42a49-5329-4832-8dfd-43d979153a88') AND coalesce(nullif(c.event_id,0),c.opcode) IN "
                               "(12,15,28,31)"},
        {"'logon'", "c.provider_id='54849625-5478-4994-a5ba-3e3b0328c30d' AND c.event_id IN (4624,4625,4648) OR "
                    "c.provider_id='a7975c8f-ac13-49f1-87da-5a984a4ab417' AND c.event_id=169 OR "
                    "c.provider_id='5d896912-022d-40aa-a3a8-4fa5515c76d7' AND c.event_id IN (21,25)"},
    };
    char sql[2048];
    for (size_t i = 0; i < COUNT_OF(SAME); i++) {
        snprintf(
            sql, sizeof(sql),
            "SELECT a,r FROM (SELECT (SELECT count(*) FROM activities a JOIN activity_records x ON x.activity=a.id "
            "WHERE a.kind IN (%s)) AS a,(SELECT count(*) FROM events e JOIN records USING (record) JOIN event_classes c "
            "ON c.id=class_id WHERE e.data IS NOT NULL AND (%s)) AS r) WHERE a<>r",
            SAME[i].kinds, SAME[i].classes);
        rows_are(db, sql, "");
    }
}

// Who did it is who its id says, and whose record it is unless the payload names another.
static void actors_agree(sqlite3 *db)
{
    rows_are(db,
             "SELECT a.id FROM activities a JOIN processes p ON p.id=a.process WHERE p.process_id<>a.process_id OR "
             "p.host_id<>a.host_id OR a.time<p.valid_from OR a.time>=p.valid_until",
             "");
    rows_are(
        db,
        "SELECT a.id FROM activities a JOIN events e USING (record) WHERE a.process_known IN ('header','thread') AND "
        "(a.process_id<>e.process_id OR a.process_name IS NOT e.process_name OR a.time<>e.time)",
        "");
}

// A process's start is one activity; a file's totals are those of its activities.
static void totals_agree(sqlite3 *db)
{
    rows_are(db,
             "SELECT process FROM activities WHERE kind IN ('process_start','process_end') AND process IS NOT NULL "
             "GROUP BY process,kind HAVING count(*)>1",
             "");
    rows_are(
        db,
        "SELECT f.id FROM files f LEFT JOIN (SELECT file,sum(kind='file_write') AS writes FROM activities GROUP BY "
        "file) a ON a.file=f.id WHERE f.writes IS NOT a.writes",
        "");
}

static void records_agree(void **state)
{
    (void)state;
    program p;
    char pattern[512];
    const char *shared = getenv("ETWKIT_SHARED");
    glob_t found = {0};
    assert_int_equal(glob("samples/*.etl", 0, NULL, &found), 0);
    snprintf(pattern, sizeof(pattern), "%s/corpus/*.etl", shared ? shared : "");
    if (!shared || glob(pattern, GLOB_APPEND, NULL, &found) != 0)
        print_message("no other traces at hand (ETWKIT_SHARED): samples only\n");
    program_begin(&p);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        sqlite3 *db = convert(&p, found.gl_pathv[i]);
        if (!db)
            continue;
        examined = found.gl_pathv[i];
        nothing_dangles(db);
        names_agree(db);
        lives_are_apart(db);
        starts_agree(db);
        process_records_agree(db);
        bytes_agree(db);
        activities_agree(db);
        actors_agree(db);
        totals_agree(db);
        sqlite3_close(db);
    }
    globfree(&found);
    program_end(&p);
}

// ---------------------------------------------------------------------------------------------- search

// Words that are nowhere a part of others: those rows have them that LIKE finds. Keys of JSON are no text.
static void search_finds_what_is_there(void **state)
{
    static const char *const WORDS[] = {"powershell", "mara",  "downloadstring", "relay",  "gate",
                                        "x7q2",       "u.zip", "cdn-sync",       "nowhere"};
    (void)state;
    program p;
    char path[512], sql[1024];
    program_begin(&p);
    assert_int_equal(RUN(&p, "convert", "-q", "--cache", "none", "samples/incident.etl", "--fts", "-o", "{}/out.db"),
                     0);
    sqlite3 *db;
    assert_int_equal(sqlite3_open(program_path(&p, "out.db", path), &db), SQLITE_OK);
    for (size_t i = 0; i < COUNT_OF(WORDS); i++) {
        snprintf(
            sql, sizeof(sql),
            "SELECT coalesce((SELECT group_concat(record) FROM (SELECT record FROM events WHERE message LIKE "
            "'%%%s%%' OR data LIKE '%%%s%%'))=(SELECT group_concat(rowid) FROM (SELECT rowid FROM text_search WHERE "
            "text_search MATCH '\"%s\"' ORDER BY rowid)),'none')",
            WORDS[i], WORDS[i], WORDS[i]);
        rows_are(db, sql, i + 1 < COUNT_OF(WORDS) ? "1\n" : "none\n");
    }
    rows_are(db, "SELECT count(*) FROM text_search WHERE text_search MATCH 'QueryName'", "0\n");
    rows_are(db, "SELECT rowid,snippet(text_search,1,'[',']','...',3) FROM text_search WHERE text_search MATCH 'zip'",
             "35|...Temp\\u.[zip]\n");
    rows_are(db, "INSERT INTO text_search(text_search,rank) VALUES('integrity-check',1)", "");
    sqlite3_close(db);
    // Not asked for, it is not there; other formats have none.
    assert_int_equal(RUN(&p, "convert", "-q", "samples/dns.etl", "--force", "-o", "{}/out.db"), 0);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    rows_are(db, "SELECT count(*) FROM sqlite_master WHERE name LIKE '%text%'", "0\n");
    sqlite3_close(db);
    assert_int_equal(RUN(&p, "convert", "samples/incident.etl", "--fts", "-f", "csv"), 2);
    program_end(&p);
}

// ---------------------------------------------------------------------------------------------- the README's queries

// Runs a query and returns how many rows it gave.
static u32 row_count(sqlite3 *db, const char *sql)
{
    u32 count = 0;
    sqlite3_stmt *row = query(db, sql);
    while (sqlite3_step(row) == SQLITE_ROW)
        count++;
    sqlite3_finalize(row);
    return count;
}

// Queries are the indented text from SELECT or WITH to a semicolon.
static char *next_query(char **rest)
{
    static const char *const STARTS[] = {"\n    SELECT ", "\n    WITH "};
    char *from = NULL;
    for (size_t i = 0; i < COUNT_OF(STARTS); i++) {
        char *at = strstr(*rest, STARTS[i]);
        if (at && (!from || at < from))
            from = at;
    }
    char *end = from ? strchr(from, ';') : NULL;
    if (!end)
        return NULL;
    *end = 0;
    *rest = end + 1;
    return from;
}

// Each runs over every sample, and finds something in one.
static void queries_of_the_readme_run(void **state)
{
    (void)state;
    enum { MOST = 40 };
    char *queries[MOST];
    u32 rows[MOST] = {0}, count = 0;
    outbuf text = {0};
    bytes_load("exporters/README.md", &text);
    outbuf_add(&text, "", 1);
    for (char *rest = (char *)text.bytes; count < MOST && (queries[count] = next_query(&rest));)
        count++;
    assert_true(count >= 20);
    program p;
    program_begin(&p);
    static const char *const SAMPLES[] = {"samples/dns.etl", "samples/processes.etl", "samples/merged.etl",
                                          "samples/incident.etl"};
    for (size_t i = 0; i < COUNT_OF(SAMPLES); i++) {
        sqlite3 *db = convert(&p, SAMPLES[i]);
        for (u32 k = 0; k < count; k++)
            rows[k] += row_count(db, queries[k]);
        sqlite3_close(db);
    }
    for (u32 k = 0; k < count; k++)
        if (!rows[k])
            fail_msg("no row in any sample:%s", queries[k]);
    program_end(&p);
    outbuf_free(&text);
}

// What README.md shows of the incident is what comes out.
static void readme_shows_the_incident(void **state)
{
    (void)state;
    program p;
    outbuf text = {0}, line = {0};
    bytes_load("README.md", &text);
    outbuf_add(&text, "", 1);
    program_begin(&p);
    sqlite3 *db = convert(&p, "samples/incident.etl");
    char *from = strstr((char *)text.bytes, "\"SELECT substr(timestamp, 12, 8) AS time, process_name, kind,");
    char *end = from ? strstr(from, "ORDER BY time\"") : NULL;
    assert_non_null(end);
    const char *shown = end + strlen("ORDER BY time\"\n");
    end[strlen("ORDER BY time")] = 0;
    sqlite3_stmt *row = query(db, from + 1);
    while (sqlite3_step(row) == SQLITE_ROW) {
        line.len = 0;
        u8 *at = outbuf_reserve(&line, 1024);
        outbuf_written(&line, at + snprintf((char *)at, 1024, "    %s  %-14s  %-13s  %s\n", cell(row, 0), cell(row, 1),
                                            cell(row, 2), cell(row, 3)));
        assert_memory_equal(shown, line.bytes, line.len);
        shown += line.len;
    }
    assert_int_equal(*shown, '\n');
    sqlite3_finalize(row);
    sqlite3_close(db);
    program_end(&p);
    outbuf_free(&text);
    outbuf_free(&line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(processes_have_parents),
        cmocka_unit_test(queries_have_processes),
        cmocka_unit_test(ends_used_again),
        cmocka_unit_test(queries_for_others),
        cmocka_unit_test(filters_leave_entities),
        cmocka_unit_test(incident_is_in_tables),
        cmocka_unit_test(many_values_and_logons),
        cmocka_unit_test(readme_shows_the_incident),
        cmocka_unit_test(records_agree),
        cmocka_unit_test(failures_change_nothing),
        cmocka_unit_test(queries_of_the_readme_run),
        cmocka_unit_test(search_finds_what_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
