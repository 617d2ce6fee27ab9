// What the report holds of traces nobody wrote a rule for, its charts against SQL, what it calls striking, and how much
// of a long trace is in it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <cjson/cJSON.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "account.h"
#include "base/os.h"
#include "case_file.h"
#include "etl_text.h"
#include "program.h"
#include "report/report_html.h"

#define RUN(p, ...) program_run((p), (const char *const[]){__VA_ARGS__, NULL})

static cJSON *report_of(program *p, const char *etl)
{
    int code = RUN(p, "report", "-q", "--json", "--cache", "none", "--no-hash", etl);
    assert_true(code == 0 || code == 3);
    cJSON *data = cJSON_Parse((const char *)p->out.bytes);
    assert_non_null(data);
    return data;
}

static const cJSON *in(const cJSON *object, const char *name)
{
    const cJSON *found = cJSON_GetObjectItemCaseSensitive(object, name);
    if (!found)
        fail_msg("there is no member %s", name);
    return found;
}

static const cJSON *with(const cJSON *list, const char *name, const char *value)
{
    const cJSON *one;
    cJSON_ArrayForEach (one, list) {
        const char *text = cJSON_GetStringValue(in(one, name));
        if (text && strcmp(text, value) == 0)
            return one;
    }
    fail_msg("nothing has %s %s", name, value);
    return NULL;
}

static const char *cell(const cJSON *table, int row, int column)
{
    return cJSON_GetStringValue(cJSON_GetArrayItem(cJSON_GetArrayItem(in(table, "rows"), row), column));
}

// Where a shared trace is; the test is skipped without it.
static const char *shared(const char *name, char path[512])
{
    const char *folder = getenv("ETWKIT_SHARED");
    snprintf(path, 512, "%s/corpus/%s.etl", folder ? folder : "../shared", name);
    if (!os_exists(path)) {
        print_message("skipped: no %s\n", path);
        skip();
    }
    return path;
}

static const char *built(program *p, const char *case_path, char path[512])
{
    case_file c;
    outbuf file = {0};
    error e = {0};
    if (!case_read(&c, case_path, &e) || !etl_text_build(c.text, c.trace_len, &file, &e))
        fail_msg("%s", e.message);
    case_free(&c);
    bytes_save(program_path(p, "built.etl", path), file.bytes, file.len);
    outbuf_free(&file);
    return path;
}

// ---------------------------------------------------------------------------------------------- striking

static void is_striking(const cJSON *data, const char *kind, int all, const char *text, const char *detail)
{
    const cJSON *one = with(in(data, "striking"), "kind", kind), *item;
    assert_int_equal(in(one, "all")->valueint, all);
    cJSON_ArrayForEach (item, in(one, "items")) {
        const cJSON *meaning = cJSON_GetObjectItemCaseSensitive(item, "detail");
        if (strcmp(cJSON_GetStringValue(in(item, "text")), text) != 0)
            continue;
        if (detail)
            assert_string_equal(cJSON_GetStringValue(meaning), detail);
        else
            assert_null(meaning);
        return;
    }
    fail_msg("%s: nothing says %s", kind, text);
}

static void what_is_striking(void **state)
{
    char path[512];
    cJSON *data = report_of(*state, built(*state, "tests/browser/striking.case", path));
    is_striking(data, "encoded", 1, "powershell.exe -nop -w 1 -eNc RwBlAHQALQBBAGwAaQBhAHMA", "Get-Alias");
    is_striking(data, "autostart", 2,
                "HKU\\S-1-5-21-1-2-3-1001\\Software\\Microsoft\\Windows\\CurrentVersion\\Run Updater", NULL);
    is_striking(data, "autostart", 2, "helper C:\\Users\\ada\\helper.exe LocalSystem", NULL);
    is_striking(data, "path", 1, "\\Device\\HarddiskVolume3\\Users\\ada\\AppData\\Local\\Temp\\tool.exe", NULL);
    is_striking(data, "peer", 1, "203.0.113.9:443", NULL);
    const cJSON *row = with(in(in(data, "processes"), "rows"), "name", "powershell.exe");
    assert_string_equal(cJSON_GetStringValue(in(row, "user_name")), "NT AUTHORITY\\SYSTEM");
    // Its rows know that they are its.
    const cJSON *services = with(in(data, "tables"), "id", "services");
    assert_int_equal(cJSON_GetArrayItem(in(services, "lives"), 0)->valueint, in(row, "life")->valueint);
    cJSON_Delete(data);
}

// Names of Microsoft Learn, "Security identifiers"; what only looks like one of them has none.
static void accounts(void **state)
{
    (void)state;
    static const struct {
        const char *sid, *name;
    } KNOWN[] = {
        {"S-1-5-18", "NT AUTHORITY\\SYSTEM"},
        {"S-1-5-19", "NT AUTHORITY\\LOCAL SERVICE"},
        {"S-1-5-32-544", "BUILTIN\\Administrators"},
        {"S-1-5-90-0-2", "Window Manager\\DWM-2"},
        {"S-1-5-90-1", "Window Manager\\DWM-1"},
        {"S-1-5-96-0-1", "Font Driver Host\\UMFD-1"},
        {"S-1-5-21-1004336348-1177238915-682003330-500", "Administrator"},
        {"S-1-5-21-1004336348-1177238915-682003330-1500", NULL},
        {"S-1-5-90-0-", NULL},
        {"S-1-5-90-x", NULL},
        {"S-1-5-180", NULL},
        {"", NULL},
        {NULL, NULL},
    };
    for (size_t i = 0; i < COUNT_OF(KNOWN); i++) {
        char scratch[ACCOUNT_NAME];
        const char *name = account_name(KNOWN[i].sid, scratch);
        if (KNOWN[i].name)
            assert_string_equal(name, KNOWN[i].name);
        else
            assert_null(name);
    }
}

// What the page has without its script: nothing in a text is markup, and nothing turns what is beside it around.
static void texts_become_html(void **state)
{
    (void)state;
    outbuf out = {0};
    html_text(&out, "<b>\"a\"&\xe2\x80\xae"
                    "cod.exe\x1b[2J\xc2\x9b"
                    "1m\te\xcc\x81\xe2\x80\x8b");
    outbuf_add(&out, "", 1);
    assert_string_equal(out.bytes, "&lt;b&gt;&quot;a&quot;&amp;\xef\xbf\xbd"
                                   "cod.exe\xef\xbf\xbd[2J\xef\xbf\xbd"
                                   "1m\te\xcc\x81\xef\xbf\xbd");
    outbuf_free(&out);
}

// ---------------------------------------------------------------------------------------------- everyday traces

// The rows of a table, and a text that one of them must have.
static void has_table(program *p, const char *name, const char *list, const char *title, int column, int rows,
                      const char *text)
{
    char path[512];
    cJSON *data = report_of(p, shared(name, path));
    const cJSON *table = with(in(data, list), "title", title);
    bool found = false;
    assert_int_equal(in(table, "all")->valueint, rows);
    assert_int_equal(cJSON_GetArraySize(in(table, "rows")), rows);
    for (int row = 0; row < rows && !found; row++)
        found = strstr(cell(table, row, column), text) != NULL;
    if (!found)
        fail_msg("%s: no row says %s", name, text);
    cJSON_Delete(data);
}

static void everyday_traces(void **state)
{
    program *p = *state;
    enum { CONTENT = 5, SAYS };
    has_table(p, "airbus-AMSITrace", "tables", "Scripts and what was scanned", CONTENT, 19,
              "powershell.exe -nop -w 1 -enc RwBlAHQALQBBAGwAaQBhAHMA");
    has_table(p, "s4-WindowsUpdate", "providers", "WUTraceLogging", SAYS, 80,
              "* END * Service exit Exit code = 0x240001");
    has_table(p, "s4-waasmedic", "providers", "Microsoft.Windows.WaaSMedic.Local", SAYS, 17, "** Service starting **");
    has_table(p, "tx-WsRm01", "providers", "Microsoft-Windows-WinRM", SAYS, 68,
              "path=%systemroot%\\system32\\wevtfwd.dll");
    has_table(p, "tx-WsRm01", "tables", "Logons and accounts", CONTENT, 1, "STBTEST\\mspuser");
    has_table(p, "sonde-merged-tracelogging", "providers", "sonde-gateway", SAYS, 9, "");
    has_table(p, "pktmon-demikernel-ws2022", "providers", "Microsoft-Windows-PktMon", SAYS, 403, "");
    char path[512];
    cJSON *data = report_of(p, shared("airbus-AMSITrace", path));
    const cJSON *encoded = with(in(data, "striking"), "kind", "encoded");
    assert_int_equal(in(encoded, "all")->valueint, 3);
    cJSON_Delete(data);
}

// An intrusion, by tables: who did what is told alike, whichever provider told it.
static void incident(void **state)
{
    static const struct {
        const char *table, *process;
        int column, rows;
        const char *text;
    } ROWS[] = {
        {"dns", "updater.exe", 5, 10, "x7q2.sync-relay.example"},
        {"dns", "powershell.exe", 8, 10, "203.0.113.66"}, // in the event "::ffff:203.0.113.66;"
        {"opened", "powershell.exe", 6, 2, "203.0.113.66"},
        {"files", "powershell.exe", 5, 3, "C:\\Users\\mara\\AppData\\Local\\Temp\\u.zip"},
        {"registry", "updater.exe", 7, 1, "C:\\Users\\mara\\AppData\\Roaming\\Sync\\updater.exe"},
        {"services", "services.exe", 6, 3, "C:\\Windows\\Temp\\svcupd.exe"},
        {"logons", "lsass.exe", 5, 3, "mara"},
        {"others", "updater.exe", 5, 1, "explorer.exe (5120)"},
    };
    cJSON *data = report_of(*state, "samples/incident.etl");
    for (size_t i = 0; i < COUNT_OF(ROWS); i++) {
        const cJSON *table = with(in(data, "tables"), "id", ROWS[i].table);
        bool found = false;
        assert_int_equal(in(table, "all")->valueint, ROWS[i].rows);
        for (int row = 0; row < ROWS[i].rows && !found; row++)
            found = strcmp(cell(table, row, 2), ROWS[i].process) == 0 &&
                    strcmp(cell(table, row, ROWS[i].column), ROWS[i].text) == 0;
        if (!found)
            fail_msg("%s: no row of %s says %s", ROWS[i].table, ROWS[i].process, ROWS[i].text);
    }
    cJSON_Delete(data);
}

// ---------------------------------------------------------------------------------------------- charts

static double sum_of(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *statement;
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK)
        fail_msg("%s", sqlite3_errmsg(db));
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    double sum = sqlite3_column_double(statement, 0);
    sqlite3_finalize(statement);
    return sum;
}

#define SAMPLES "FROM events WHERE provider_id = 'ce1dbfb4-137e-4da6-87b0-3f59aa102cbc' AND opcode = 46"
#define DISK "FROM events WHERE provider_id = '3d6fa8d4-fe05-11d0-9dda-00c04fd7ba7c' AND opcode IN (10, 11)"

static const cJSON *bar_of(const cJSON *chart, const char *list, const char *name, const char *value)
{
    return in(with(in(chart, list), name, value), "amount");
}

static void charts_equal_sql(void **state)
{
    program *p = *state;
    char path[512], db_path[512];
    sqlite3 *db = NULL;
    cJSON *data = report_of(p, shared("perfview-net452-x64", path));
    assert_int_equal(RUN(p, "convert", "-q", "--cache", "none", "--no-hash", path, "-o", "{}/all.db"), 0);
    assert_int_equal(sqlite3_open(program_path(p, "all.db", db_path), &db), SQLITE_OK);
    const cJSON *cpu = with(in(data, "charts"), "id", "cpu"), *disk = with(in(data, "charts"), "id", "disk");
    assert_true(in(cpu, "total")->valuedouble == sum_of(db, "SELECT count(*) " SAMPLES " AND process_id <> 0"));
    assert_true(in(cpu, "idle")->valuedouble == sum_of(db, "SELECT count(*) " SAMPLES " AND process_id = 0"));
    assert_true(bar_of(cpu, "processes", "process", "Test.x64.exe")->valuedouble ==
                sum_of(db, "SELECT count(*) " SAMPLES " AND process_name = 'Test.x64.exe'"));
    assert_true(in(disk, "total")->valuedouble == sum_of(db, "SELECT sum(json_extract(data, '$.TransferSize')) " DISK));
    assert_true(
        bar_of(disk, "labels", "label", "C:\\Windows\\Microsoft.NET\\Framework64\\v4.0.30319\\clr.dll")->valuedouble ==
        sum_of(db, "SELECT sum(json_extract(data, '$.TransferSize')) " DISK
                   " AND json_extract(extended, '$.file_path') LIKE '%\\Framework64\\v4.0.30319\\clr.dll'"));
    assert_true(in(with(in(data, "charts"), "id", "network"), "total")->valuedouble ==
                sum_of(db, "SELECT sum(bytes_sent + bytes_received) FROM connections"));
    sqlite3_close(db);
    cJSON_Delete(data);
}

// The samples of samples/processes.etl, by the modules its description puts them in.
static void modules_of_samples(void **state)
{
    cJSON *data = report_of(*state, "samples/processes.etl");
    const cJSON *cpu = with(in(data, "charts"), "id", "cpu");
    assert_int_equal(in(cpu, "total")->valueint, 24);
    assert_int_equal(bar_of(cpu, "labels", "label", "cmd.exe")->valueint, 6);
    cJSON_Delete(data);
}

// ---------------------------------------------------------------------------------------------- bounds

static void long_traces_are_cut_plainly(void **state)
{
    char path[512];
    cJSON *data = report_of(*state, shared("perfview-net452-x64", path));
    size_t bytes = ((program *)*state)->out.len, cut = 0;
    const cJSON *table;
    assert_true(bytes < 6 << 20);
    cJSON_ArrayForEach (table, in(data, "providers")) {
        int rows = cJSON_GetArraySize(in(table, "rows")), all = in(table, "all")->valueint;
        assert_true(rows <= 2000 && rows <= all && rows >= (all < 200 ? all : 200));
        assert_int_equal(cJSON_GetArraySize(in(table, "lives")), rows);
        cut += all > rows;
    }
    assert_true(cut > 3);
    cJSON_Delete(data);
}

// Two machines: each row says of which it is, and their processes stand apart.
static void hosts_apart(void **state)
{
    program *p = *state;
    assert_int_equal(RUN(p, "report", "-q", "--json", "--cache", "none", "samples/dns.etl", "samples/processes.etl"),
                     0);
    cJSON *data = cJSON_Parse((const char *)p->out.bytes);
    assert_int_equal(cJSON_GetArraySize(in(data, "hosts")), 2);
    assert_int_equal(cJSON_GetArrayItem(in(with(in(data, "tables"), "id", "dns"), "hosts"), 0)->valueint, 0);
    assert_int_equal(cJSON_GetArrayItem(in(with(in(data, "tables"), "id", "images"), "hosts"), 0)->valueint, 1);
    const cJSON *life;
    int last = 0;
    cJSON_ArrayForEach (life, in(in(data, "processes"), "rows")) {
        assert_true(in(life, "host")->valueint >= last);
        last = in(life, "host")->valueint;
    }
    assert_int_equal(last, 1);
    cJSON_Delete(data);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, program_setup, program_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_striking),
        cmocka_unit_test(accounts),
        cmocka_unit_test(texts_become_html),
        TEST(everyday_traces),
        TEST(incident),
        TEST(charts_equal_sql),
        TEST(modules_of_samples),
        TEST(long_traces_are_cut_plainly),
        TEST(hosts_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
