// The report's page against SQL over the same trace: each table has the rows its printed query gives. Then hostile
// strings, the same bytes for any number of threads, and the sums of the first section.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/os.h"
#include "etl_text.h"

static char folder[] = "/tmp/etwkit-report-XXXXXX";

static const char *program(void)
{
    const char *name = getenv("ETWKIT");
    return name ? name : "build/etwkit";
}

static int run(const char *arguments)
{
    char line[2048];
    snprintf(line, sizeof(line), "%s %s 2>/dev/null", program(), arguments);
    int status = system(line);
    return status < 0 ? -1 : status >> 8;
}

static char *page_of(const char *trace, const char *more)
{
    char arguments[1024], path[256];
    u8 *bytes;
    size_t len;
    error e = {0};
    snprintf(path, sizeof(path), "%s/page.html", folder);
    snprintf(arguments, sizeof(arguments), "report --cache none %s '%s' -o %s", more, trace, path);
    int code = run(arguments);
    assert_true(code == 0 || code == 3);
    if (!os_read_whole(path, 32 << 20, &bytes, &len, &e))
        fail_msg("%s", e.message);
    assert_true(len < 10u << 20);
    return (char *)bytes;
}

// HTML content back to text, in place.
static void plain(char *text)
{
    static const struct {
        const char *form;
        char c;
    } FORMS[] = {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&#39;", '\''}};
    char *out = text;
    while (*text) {
        size_t i = 0;
        while (i < COUNT_OF(FORMS) && strncmp(text, FORMS[i].form, strlen(FORMS[i].form)) != 0)
            i++;
        if (i < COUNT_OF(FORMS)) {
            *out++ = FORMS[i].c;
            text += strlen(FORMS[i].form);
        } else {
            *out++ = *text++;
        }
    }
    *out = 0;
}

static char *copy(const char *from, const char *to)
{
    size_t len = (size_t)(to - from);
    char *text = memcpy(mem_alloc(len + 1), from, len);
    text[len] = 0;
    return text;
}

static sqlite3 *database_of(const char *trace)
{
    char arguments[1024], path[256];
    snprintf(path, sizeof(path), "%s/all.db", folder);
    snprintf(arguments, sizeof(arguments), "convert -q --cache none '%s' -o %s", trace, path);
    int code = run(arguments);
    assert_true(code == 0 || code == 3);
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    return db;
}

// The cells of a row of the page: record, time, process, id, event, details. Returns the place behind the row.
static const char *next_row(const char *at, const char *end, char cells[9][4096], int *count)
{
    at = strstr(at, "<tr><td>");
    if (!at || at > end)
        return NULL;
    const char *row_end = strstr(at, "</tr>");
    for (*count = 0; *count < 9; ++*count) {
        at = strstr(at, "<td>");
        if (!at || at > row_end)
            break;
        const char *close = strstr(at += 4, "</td>");
        if (strncmp(at, "<time>", 6) == 0)
            at += 6;
        const char *stop = strstr(at, "</time>");
        if (!stop || stop > close)
            stop = close;
        size_t len = (size_t)(stop - at) < 4095 ? (size_t)(stop - at) : 4095;
        memcpy(cells[*count], at, len);
        cells[*count][len] = 0;
        plain(cells[*count]);
        at = close;
    }
    return row_end;
}

static u32 compare_table(sqlite3 *db, const char *page, const char *id, const char *sql)
{
    char head[64];
    snprintf(head, sizeof(head), "<h3 id=\"%s\">", id);
    const char *at = strstr(page, head);
    assert_non_null(at);
    const char *end = strstr(at, "</table>");
    at = strstr(at, "<tbody>");
    sqlite3_stmt *rows = NULL;
    if (sqlite3_prepare_v2(db, sql, -1, &rows, NULL) != SQLITE_OK)
        fail_msg("%s: %s", id, sqlite3_errmsg(db));
    static char cells[9][4096];
    int count;
    u32 compared = 0;
    while ((at = next_row(at, end, cells, &count)) != NULL) {
        assert_int_equal(sqlite3_step(rows), SQLITE_ROW);
        // The query has no column for the report's own word for the event (cell 4).
        for (int i = 0, cell = 0; i < sqlite3_column_count(rows); i++, cell++) {
            if (i == 4)
                cell++;
            const char *want = (const char *)sqlite3_column_text(rows, i);
            if (strncmp(cells[cell], want ? want : "", 1900) != 0)
                fail_msg("%s row %u: \"%s\" on the page, \"%s\" from SQL", id, compared, cells[cell], want ? want : "");
        }
        compared++;
    }
    assert_int_equal(sqlite3_step(rows), SQLITE_DONE);
    sqlite3_finalize(rows);
    return compared;
}

static u32 compare_all(const char *trace)
{
    char *page = page_of(trace, "");
    sqlite3 *db = database_of(trace);
    u32 compared = 0;
    for (const char *at = page; (at = strstr(at, "<pre class=\"sql\" data-table=\"")) != NULL;) {
        at += strlen("<pre class=\"sql\" data-table=\"");
        char *id = copy(at, strchr(at, '"')), *sql = copy(strchr(at, '>') + 1, strstr(at, "</pre>"));
        plain(sql);
        compared += compare_table(db, page, id, sql);
        mem_free(id);
        mem_free(sql);
    }
    sqlite3_close(db);
    mem_free(page);
    return compared;
}

static void dns_sample(void **state)
{
    (void)state;
    assert_int_equal(compare_all("samples/dns.etl"), 18);
    char *page = page_of("samples/dns.etl", "");
    assert_non_null(strstr(page, "x7q2-updates.c2-panel.example"));
    assert_non_null(strstr(page, "27 read = 27 decoded + 0 partly decoded + 0 raw"));
    assert_non_null(strstr(page, "yes: both are equal"));
    assert_non_null(strstr(page, "-EncodedCommand"));
    mem_free(page);
}

static void processes_sample(void **state)
{
    (void)state;
    assert_int_equal(compare_all("samples/processes.etl"), 7);
    char *page = page_of("samples/processes.etl", "");
    assert_non_null(strstr(page, "198.51.100.23:80"));
    mem_free(page);
}

static void damaged_sample(void **state)
{
    (void)state;
    char *page = page_of("samples/damaged.etl", "");
    assert_non_null(strstr(page, "Damage: 5 places"));
    assert_non_null(strstr(page, "0x2588"));
    // The buffer behind the lost one begins at 0.5 s of 0.52: step 230 of 240, 4 units each; nothing else is marked.
    const char *lost = strstr(page, "class=\"lost\"");
    assert_non_null(lost);
    assert_int_equal(strncmp(lost, "class=\"lost\" x=\"920\"", 20), 0);
    assert_null(strstr(lost + 1, "class=\"lost\""));
    mem_free(page);
}

static void same_bytes_for_any_threads(void **state)
{
    (void)state;
    // The command line stands on the page, so it must be the same but for the threads: taken out before comparing.
    char *one = page_of("samples/processes.etl", "-j1"), *four = page_of("samples/processes.etl", "-j4");
    strstr(one, "-j1")[2] = '4';
    assert_string_equal(one, four);
    mem_free(one);
    mem_free(four);
}

static const char HOSTILE[] =
    "trace session=\"</title><script>alert(1)</script>\" build=22631\n"
    "buffer cpu=0\n"
    "system hook=0x0301 version=4 time=+1us pid=4 tid=8\n"
    "  payload ptr:0xffffa00c02400000 u32:9216,5120,1 i32:259 ptr:0x25aa000 u32:0 wbemsid:S-1-5-18\n"
    "  astr:\"<img src=x onerror=alert(2)>\" wstr:\"\\\"'><svg/onload=alert(3)>\" wstr:\"\" wstr:\"\"\n"
    "event provider={1c95126e-7eea-49a9-a3fe-a378b03ddb4d} id=3006 level=4 channel=16 time=+5us pid=9216 tid=7312\n"
    "  payload wstr:\"</script><script>alert(4)</script>&amp;\\x01\" u32:1 u64:0 wstr:\"\" u32:0,0,0,0\n"
    "tdh-schema provider={1c95126e-7eea-49a9-a3fe-a378b03ddb4d} id=3006 version=0 level=4 channel=16\n"
    "  provider-name=\"<b>Microsoft-Windows-DNS-Client\"\n"
    "  fields={wstr QueryName; u32 QueryType; u64 QueryOptions; wstr ServerList; u32 A; u32 B; u32 C; u32 D}\n";

static void hostile_strings_stay_text(void **state)
{
    (void)state;
    outbuf file = {0};
    error e = {0};
    char path[256];
    if (!etl_text_build(HOSTILE, strlen(HOSTILE), &file, &e))
        fail_msg("%s", e.message);
    // A quote in the name would end the shell's, so the name has none of those.
    snprintf(path, sizeof(path), "%s/<i>&hostile.etl", folder);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(file.bytes, 1, file.len, f), file.len);
    fclose(f);
    outbuf_free(&file);
    char *page = page_of(path, "");
    assert_non_null(strstr(page, "&lt;/script&gt;&lt;script&gt;alert(4)"));
    assert_null(strstr(page, "<script>alert"));
    assert_null(strstr(page, "<img src=x"));
    assert_null(strstr(page, "<svg/onload"));
    assert_null(strstr(page, "<b>Micro"));
    assert_null(strstr(page, "<i>&"));
    u32 scripts = 0;
    for (const char *at = page; (at = strstr(at, "<script")) != NULL; at++)
        scripts++;
    assert_int_equal(scripts, 1);
    mem_free(page);
    os_remove(path);
}

static void shared_traces(void **state)
{
    (void)state;
    static const char *const NAMES[] = {"perfview-net452-x64", "airbus-ShutdownPerfDiagLogger", "tx-KernelNetwork"};
    const char *shared = getenv("ETWKIT_SHARED");
    for (size_t i = 0; i < COUNT_OF(NAMES); i++) {
        char path[512];
        snprintf(path, sizeof(path), "%s/corpus/%s.etl", shared ? shared : "../shared", NAMES[i]);
        if (!os_exists(path)) {
            print_message("skipped: no %s\n", path);
            skip();
        }
        u32 compared = compare_all(path);
        print_message("%s: %u rows equal\n", NAMES[i], compared);
    }
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    char path[256];
    static const char *const NAMES[] = {"page.html", "all.db"};
    for (size_t i = 0; i < COUNT_OF(NAMES); i++) {
        snprintf(path, sizeof(path), "%s/%s", folder, NAMES[i]);
        os_remove(path);
    }
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dns_sample),
        cmocka_unit_test(processes_sample),
        cmocka_unit_test(damaged_sample),
        cmocka_unit_test(same_bytes_for_any_threads),
        cmocka_unit_test(hostile_strings_stay_text),
        cmocka_unit_test(shared_traces),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
