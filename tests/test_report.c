// The report's data against SQL over the same trace: each table has the rows its query gives. Then the page around the
// data, hostile strings, and the same bytes for any number of threads. What a browser makes of the page is
// tests/browser/report.sh.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <cjson/cJSON.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/os.h"
#include "base/sha256.h"
#include "case_file.h"
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

static char *file_text(const char *path)
{
    u8 *bytes;
    size_t len;
    error e = {0};
    if (!os_read_whole(path, 32 << 20, &bytes, &len, &e))
        fail_msg("%s", e.message);
    assert_true(len < 10u << 20);
    return (char *)bytes;
}

// What `report MORE TRACE -o FILE` writes.
static char *report_of(const char *trace, const char *more)
{
    char arguments[1024], path[256];
    snprintf(path, sizeof(path), "%s/report", folder);
    snprintf(arguments, sizeof(arguments), "report --force --cache none %s '%s' -o %s", more, trace, path);
    int code = run(arguments);
    assert_true(code == 0 || code == 3 || code == 4);
    return file_text(path);
}

static cJSON *data_of(const char *trace, const char *more)
{
    char both[256];
    snprintf(both, sizeof(both), "--json %s", more);
    char *text = report_of(trace, both);
    cJSON *data = cJSON_Parse(text);
    assert_non_null(data);
    mem_free(text);
    return data;
}

// ---------------------------------------------------------------------------------------------- members

static const cJSON *in(const cJSON *object, const char *name)
{
    const cJSON *found = cJSON_GetObjectItemCaseSensitive(object, name);
    if (!found)
        fail_msg("there is no member %s", name);
    return found;
}

static const char *text_in(const cJSON *object, const char *name)
{
    const cJSON *item = in(object, name);
    assert_true(cJSON_IsString(item));
    return item->valuestring;
}

static int number_in(const cJSON *object, const char *name)
{
    const cJSON *item = in(object, name);
    assert_true(cJSON_IsNumber(item));
    return item->valueint;
}

static const cJSON *table_in(const cJSON *data, const char *id)
{
    const cJSON *table;
    cJSON_ArrayForEach (table, in(data, "tables"))
        if (strcmp(text_in(table, "id"), id) == 0)
            return table;
    fail_msg("there is no table %s", id);
    return NULL;
}

// ---------------------------------------------------------------------------------------------- tables

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

static const char *cell_text(const cJSON *row, int column, char scratch[32])
{
    const cJSON *cell = cJSON_GetArrayItem(row, column);
    if (cJSON_IsNumber(cell)) {
        snprintf(scratch, 32, "%.0f", cell->valuedouble);
        return scratch;
    }
    return cJSON_IsNull(cell) ? "" : cJSON_GetStringValue(cell);
}

// A row begins as one of its query's does, in order; the process is who acted, where the event names another one.
static bool is_row(const cJSON *row, sqlite3_stmt *want)
{
    char number[32], stamp[32];
    return strcmp(cell_text(row, 0, number), (const char *)sqlite3_column_text(want, 0)) == 0 &&
           strcmp(cell_text(row, 1, stamp), (const char *)sqlite3_column_text(want, 1)) == 0;
}

// What an event shows is in the table only where a condition holds that SQL does not know: its query says so, and gives
// more rows. What the cells say is checked where activities are (test_activity.c).
static u32 compare_table(sqlite3 *db, const cJSON *table)
{
    sqlite3_stmt *want = NULL;
    const char *query = text_in(table, "query");
    bool some = strstr(query, "not all of these events") != NULL;
    u32 compared = 0, all = 0;
    if (sqlite3_prepare_v2(db, query, -1, &want, NULL) != SQLITE_OK)
        fail_msg("%s: %s", text_in(table, "id"), sqlite3_errmsg(db));
    const cJSON *row = in(table, "rows")->child;
    for (; sqlite3_step(want) == SQLITE_ROW; all++) {
        if (row && is_row(row, want)) {
            assert_int_equal(cJSON_GetArraySize(row), cJSON_GetArraySize(in(table, "columns")));
            row = row->next;
            compared++;
        } else if (row && !some) {
            fail_msg("%s: record %s is missing", text_in(table, "id"), (const char *)sqlite3_column_text(want, 0));
        }
    }
    if (row)
        fail_msg("%s: SQL does not know record %d", text_in(table, "id"), cJSON_GetArrayItem(row, 0)->valueint);
    assert_true(some ? (int)all >= number_in(table, "all") : (int)all == number_in(table, "all"));
    sqlite3_finalize(want);
    return compared;
}

// The tables of providers have record, time, process, id, event and level as SQL gives them, and the text of the event,
// of which SQL has the message or the fields as JSON.
static void compare_provider(sqlite3 *db, const cJSON *table)
{
    enum { SAYS = 6 };
    sqlite3_stmt *want = NULL;
    int all = 0;
    const cJSON *row;
    if (sqlite3_prepare_v2(db, text_in(table, "query"), -1, &want, NULL) != SQLITE_OK)
        fail_msg("%s: %s", text_in(table, "id"), sqlite3_errmsg(db));
    cJSON_ArrayForEach (row, in(table, "rows")) {
        assert_int_equal(sqlite3_step(want), SQLITE_ROW);
        assert_int_equal(cJSON_GetArraySize(row), SAYS + 1);
        for (int i = 0; i < SAYS; i++) {
            char room[32];
            const char *text = (const char *)sqlite3_column_text(want, i);
            assert_string_equal(cell_text(row, i, room), text ? text : "");
        }
        all++;
    }
    while (sqlite3_step(want) == SQLITE_ROW)
        all++;
    assert_int_equal(all, number_in(table, "all"));
    sqlite3_finalize(want);
}

static u32 compare_all(const char *trace)
{
    cJSON *data = data_of(trace, "");
    sqlite3 *db = database_of(trace);
    const cJSON *table;
    u32 compared = 0;
    cJSON_ArrayForEach (table, in(data, "tables"))
        compared += compare_table(db, table);
    cJSON_ArrayForEach (table, in(data, "providers"))
        compare_provider(db, table);
    sqlite3_close(db);
    cJSON_Delete(data);
    return compared;
}

static void dns_sample(void **state)
{
    (void)state;
    assert_int_equal(compare_all("samples/dns.etl"), 18);
    cJSON *data = data_of("samples/dns.etl", "");
    const cJSON *input = cJSON_GetArrayItem(in(data, "inputs"), 0), *events = in(input, "events");
    assert_true(number_in(events, "total") == 27 && number_in(events, "decoded") == 27);
    assert_string_equal(text_in(input, "sha256"), text_in(input, "sha256_afterwards"));
    assert_int_equal(number_in(table_in(data, "dns"), "all"), 18);
    const cJSON *life;
    bool found = false;
    cJSON_ArrayForEach (life, in(in(data, "processes"), "rows")) {
        const char *name = cJSON_GetStringValue(in(life, "name"));
        if (!name || strcmp(name, "powershell.exe") != 0)
            continue;
        found = true;
        assert_non_null(strstr(text_in(life, "command_line"), "-EncodedCommand"));
        char *names = cJSON_PrintUnformatted(in(life, "names"));
        assert_non_null(strstr(names, "x7q2-updates.c2-panel.example"));
        cJSON_free(names);
    }
    assert_true(found);
    cJSON_Delete(data);
}

static void processes_sample(void **state)
{
    (void)state;
    assert_int_equal(compare_all("samples/processes.etl"), 7 + 1);
    cJSON *data = data_of("samples/processes.etl", "");
    char *connections = cJSON_PrintUnformatted(in(data, "connections"));
    assert_non_null(strstr(connections, "\"remote\":\"198.51.100.23:80\""));
    cJSON_free(connections);
    cJSON_Delete(data);
}

static void damaged_sample(void **state)
{
    (void)state;
    cJSON *data = data_of("samples/damaged.etl", "");
    const cJSON *damage = in(cJSON_GetArrayItem(in(data, "inputs"), 0), "damage");
    assert_int_equal(cJSON_GetArraySize(damage), 5);
    assert_int_equal(number_in(cJSON_GetArrayItem(damage, 0), "offset"), 0x2588);
    // The buffer after the lost one begins 0.4 s after the first event; nothing else is marked.
    const cJSON *timeline = in(data, "timeline"), *lost = in(timeline, "lost");
    assert_string_equal(text_in(timeline, "from"), "2024-04-02T03:04:05.1000000Z");
    assert_string_equal(text_in(timeline, "to"), "2024-04-02T03:04:05.5200000Z");
    assert_int_equal(cJSON_GetArraySize(lost), 1);
    assert_int_equal(cJSON_GetArrayItem(lost, 0)->valueint, (int)(0.4 / in(timeline, "step_seconds")->valuedouble));
    cJSON_Delete(data);
}

// All but what the recording says of itself: its header, and two descriptions of events.
static void timeline_counts_every_event(void **state)
{
    (void)state;
    cJSON *data = data_of("samples/dns.etl", "");
    const cJSON *timeline = in(data, "timeline"), *series, *count;
    int sum = 0, steps = number_in(timeline, "steps");
    assert_true(steps > 512 && steps <= 1024);
    cJSON_ArrayForEach (series, in(timeline, "series")) {
        int of_one = 0;
        assert_int_equal(cJSON_GetArraySize(in(series, "counts")), steps);
        cJSON_ArrayForEach (count, in(series, "counts"))
            of_one += count->valueint;
        assert_int_equal(of_one, number_in(series, "events"));
        sum += of_one;
    }
    assert_int_equal(sum, 27 - 1 - 2);
    cJSON_Delete(data);
}

// ---------------------------------------------------------------------------------------------- the page

static const char DATA_BEGIN[] = "<script type=\"application/json\" id=\"data\">";

// Cuts the data out of a page and returns it.
static char *cut_data(char *page)
{
    char *from = strstr(page, DATA_BEGIN);
    assert_non_null(from);
    from += strlen(DATA_BEGIN);
    char *to = strstr(from, "</script>");
    assert_non_null(to);
    size_t len = (size_t)(to - from);
    char *data = memcpy(mem_alloc(len + 1), from, len);
    data[len] = 0;
    memmove(from, to, strlen(to) + 1);
    return data;
}

static void page_holds_the_data(void **state)
{
    (void)state;
    char *page = report_of("samples/dns.etl", ""), *text = cut_data(page);
    cJSON *inner = cJSON_Parse(text), *data = data_of("samples/dns.etl", "");
    assert_non_null(inner);
    assert_null(strchr(text, '<'));
    // The command lines differ by --json.
    cJSON_DeleteItemFromObjectCaseSensitive(inner, "command_line");
    cJSON_DeleteItemFromObjectCaseSensitive(data, "command_line");
    assert_true(cJSON_Compare(inner, data, true));
    cJSON_Delete(inner);
    cJSON_Delete(data);
    mem_free(text);
    mem_free(page);
}

static const char *const SCRIPTS[] = {"base", "table", "timeline", "charts", "process", "page"};

// The page's scripts, one after the other; heap.
static char *all_scripts(void)
{
    outbuf all = {0};
    for (size_t i = 0; i < COUNT_OF(SCRIPTS); i++) {
        char path[64];
        snprintf(path, sizeof(path), "cli/report/page/%s.js", SCRIPTS[i]);
        char *file = file_text(path);
        outbuf_text(&all, file);
        mem_free(file);
    }
    outbuf_add(&all, "", 1);
    return (char *)all.bytes;
}

// The page has the text as it is between two tags, and its hash in the policy.
static void has_part(const char *page, const char *text, const char *before, const char *after, const char *policy)
{
    char wanted[256], base64[SHA256_BASE64];
    u8 digest[SHA256_BYTES];
    sha256_of((span){(const u8 *)text, strlen(text)}, digest);
    sha256_base64(digest, base64);
    snprintf(wanted, sizeof(wanted), "%s 'sha256-%s'", policy, base64);
    assert_non_null(strstr(page, wanted));
    const char *found = strstr(page, text);
    assert_non_null(found);
    assert_memory_equal(found - strlen(before), before, strlen(before));
    assert_memory_equal(found + strlen(text), after, strlen(after));
    assert_null(strstr(text, "</"));
}

static void page_is_made_of_its_files(void **state)
{
    (void)state;
    char base64[SHA256_BASE64];
    u8 digest[SHA256_BYTES];
    sha256_of((span){NULL, 0}, digest);
    sha256_base64(digest, base64);
    assert_string_equal(base64, "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
    char *page = report_of("samples/dns.etl", ""), *style = file_text("cli/report/page/page.css");
    char *script = all_scripts();
    has_part(page, style, "<style>", "</style>", "style-src");
    has_part(page, script, "<script>", "</script>", "script-src");
    assert_null(strstr(page, "unsafe-"));
    assert_null(strstr(page, "{{"));
    mem_free(script);
    mem_free(style);
    mem_free(page);
}

// No way for text to become markup or code, nor for a link to lead out of the page: the two that set an address are
// those within the page and those to what it makes itself to be saved.
static void script_makes_text_nodes_only(void **state)
{
    (void)state;
    static const char *const FORBIDDEN[] = {
        "innerHTML",  "outerHTML", "insertAdjacent", "document.write", "eval(",   "Function(", "createContextual",
        "setTimeout", ".href",     "srcdoc",         "fetch(",         "XMLHttp", "location ="};
    static const char *const HREFS[] = {"setAttribute('href', '#' + id)", "setAttribute('href', place)"};
    char *script = all_scripts();
    int hrefs = 0;
    for (size_t i = 0; i < COUNT_OF(FORBIDDEN); i++)
        if (strstr(script, FORBIDDEN[i]))
            fail_msg("the script uses %s", FORBIDDEN[i]);
    for (const char *at = script; (at = strstr(at, "href")); at++)
        hrefs++;
    assert_int_equal(hrefs, COUNT_OF(HREFS));
    for (size_t i = 0; i < COUNT_OF(HREFS); i++)
        assert_non_null(strstr(script, HREFS[i]));
    assert_non_null(strstr(script, "place = URL.createObjectURL("));
    mem_free(script);
}

static void same_bytes_for_any_threads(void **state)
{
    (void)state;
    // The command line is part of the report, so it must be the same but for the threads: replaced before comparing.
    char *one = report_of("samples/processes.etl", "-j1"), *four = report_of("samples/processes.etl", "-j4");
    for (char *at = one; (at = strstr(at, "-j1"));)
        at[2] = '4';
    assert_string_equal(one, four);
    mem_free(one);
    mem_free(four);
}

static void earlier_reports_are_replaced(void **state)
{
    (void)state;
    char line[512];
    static const struct {
        const char *options, *name;
        int code;
    } RUNS[] = {{"", "a", 0}, {"", "a", 0}, {"--json", "a", 2}, {"--json", "b", 0}, {"--json", "b", 0}, {"", "b", 2}};
    for (size_t i = 0; i < COUNT_OF(RUNS); i++) {
        snprintf(line, sizeof(line), "report -q --cache none %s samples/dns.etl -o %s/%s", RUNS[i].options, folder,
                 RUNS[i].name);
        assert_int_equal(run(line), RUNS[i].code);
    }
}

// ---------------------------------------------------------------------------------------------- without its script

// Of each tag of a page, once: what is between "<" and ">".
typedef struct tags {
    const char *at[400];
    size_t len[400];
    u32 count;
} tags;

static bool has_tag(const tags *list, const char *at, size_t len)
{
    for (u32 i = 0; i < list->count; i++)
        if (list->len[i] == len && memcmp(list->at[i], at, len) == 0)
            return true;
    return false;
}

// Cuts style and script out of a page whose data was cut out.
static void cut_code(char *page)
{
    static const char *const ENDS[][2] = {{"<style>", "</style>"}, {"<script>", "</script>"}};
    for (size_t i = 0; i < COUNT_OF(ENDS); i++) {
        char *from = strstr(page, ENDS[i][0]), *to = strstr(page, ENDS[i][1]);
        assert_true(from && to);
        memmove(from, to, strlen(to) + 1);
    }
}

static void add_tags(tags *list, const char *page)
{
    for (const char *at = page; (at = strchr(at, '<'));) {
        size_t len = strcspn(at, ">");
        if (!has_tag(list, at, len)) {
            assert_true(list->count < COUNT_OF(list->at));
            list->at[list->count] = at;
            list->len[list->count++] = len;
        }
        at += len;
    }
}

// The page as one sees it that runs no script.
static char *plain_page(const char *trace, const char *more)
{
    char *page = report_of(trace, more);
    mem_free(cut_data(page));
    cut_code(page);
    return page;
}

static void has(const char *page, const char *text)
{
    if (!strstr(page, text))
        fail_msg("the page without its script has no %s", text);
}

static void evidence_needs_no_script(void **state)
{
    (void)state;
    char *file = NULL, row[256], hash[SHA256_TEXT];
    u8 digest[SHA256_BYTES];
    size_t len;
    error e = {0};
    assert_true(os_read_whole("samples/damaged.etl", 1 << 20, (u8 **)&file, &len, &e));
    sha256_of((span){(const u8 *)file, len}, digest);
    sha256_text(digest, hash);
    char *page = plain_page("samples/damaged.etl", "");
    has(page, "<title>Trace report: damaged.etl</title>");
    has(page, "<tr><th>Damage</th><td>5 places, 452 bytes</td></tr>");
    snprintf(row, sizeof(row), "<tr><th>SHA-256 when read</th><td>%s</td></tr>", hash);
    has(page, row);
    snprintf(row, sizeof(row), "<tr><th>SHA-256 afterwards</th><td>%s</td></tr>", hash);
    has(page, row);
    has(page, "<tr><th>Unchanged</th><td>yes: both are equal</td></tr>");
    has(page, "<tr><th>Size</th><td>21580 bytes</td></tr>");
    has(page, "<td>0 events and 0 buffers by the header, 1 buffers by gaps in their numbers</td>");
    has(page, "<td>52 read = 52 decoded + 0 partly decoded + 0 raw</td>");
    has(page, "<tr><td>0x2588</td><td>192</td><td>event</td><td>");
    has(page, "<tr><td>0x544c</td><td>0</td><td>truncated</td><td>");
    mem_free(page);
    mem_free(file);
    page = plain_page("samples/dns.etl", "--no-hash");
    has(page, "<p>Damage: none.");
    has(page, "<tr><th>SHA-256</th><td>not computed (--no-hash)</td></tr>");
    has(page, "<li><a href=\"#dns\">DNS look-ups</a> 18</li>");
    has(page, "<h4>Encoded commands: 1</h4>");
    has(page, " means <code>IEX</code> <a href=\"#process-");
    has(page, "<noscript>");
    mem_free(page);
}

static void what_was_not_read_is_in_the_evidence(void **state)
{
    (void)state;
    char line[256], copy[128];
    snprintf(copy, sizeof(copy), "%s/a", folder);
    snprintf(line, sizeof(line), "samples/dns.etl' samples/README.md '%s", copy);
    u8 *bytes;
    size_t len;
    error e = {0};
    assert_true(os_read_whole("samples/dns.etl", 1 << 20, &bytes, &len, &e));
    FILE *f = fopen(copy, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, len, f), len);
    fclose(f);
    mem_free(bytes);
    char *page = plain_page(line, "");
    has(page, "<tr><th>Not read</th><td>2 of 3 inputs: see Evidence</td></tr>");
    has(page, "<tr><th>Path</th><td>samples/README.md</td></tr>\n<tr><th>Not read</th><td>");
    has(page, "<tr><th>Not read</th><td>the same bytes as dns.etl, which was</td></tr>");
    mem_free(page);
}

// The page has no tag that the pages of harmless traces do not have, and its data no character that markup needs.
static void hostile_strings_stay_text(void **state)
{
    (void)state;
    case_file c;
    outbuf file = {0};
    error e = {0};
    char path[256];
    if (!case_read(&c, "tests/browser/hostile.case", &e) || !etl_text_build(c.text, c.trace_len, &file, &e))
        fail_msg("%s", e.message);
    case_free(&c);
    // A quote in the name would end the shell's, so the name has none of those.
    snprintf(path, sizeof(path), "%s/<i>&hostile.etl", folder);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(file.bytes, 1, file.len, f), file.len);
    fclose(f);
    outbuf_free(&file);
    tags known = {0}, all = {0};
    char *hostile = report_of(path, ""), *plain = plain_page("samples/dns.etl", ""), *data = cut_data(hostile);
    cut_code(hostile);
    add_tags(&known, plain);
    add_tags(&all, hostile);
    for (u32 i = 0; i < all.count; i++)
        if (!has_tag(&known, all.at[i], all.len[i]))
            fail_msg("a text became markup: %.*s>", (int)all.len[i], all.at[i]);
    has(hostile, "<title>Trace report: &lt;i&gt;&amp;hostile.etl</title>");
    has(hostile, "<td>&lt;/title&gt;&lt;/script&gt;&lt;script&gt;document.title='RUN'&lt;/script&gt;</td>");
    assert_null(strchr(data, '<'));
    assert_non_null(strstr(data, "\\u003c/script>\\u003cscript>document.title"));
    cJSON *root = cJSON_Parse(data);
    const cJSON *row = cJSON_GetArrayItem(in(table_in(root, "dns"), "rows"), 0);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetArrayItem(row, 2)), "<img src=x onerror=document.title='RUN'>");
    assert_string_equal(cJSON_GetStringValue(cJSON_GetArrayItem(row, 5)),
                        "</script><script>document.title='RUN'</script>&amp;\x01");
    assert_string_equal(text_in(cJSON_GetArrayItem(in(root, "inputs"), 0), "source"), "<i>&hostile.etl");
    cJSON_Delete(root);
    mem_free(hostile);
    mem_free(plain);
    mem_free(data);
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
    static const char *const NAMES[] = {"report", "all.db", "a", "b"};
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
        cmocka_unit_test(timeline_counts_every_event),
        cmocka_unit_test(page_holds_the_data),
        cmocka_unit_test(page_is_made_of_its_files),
        cmocka_unit_test(script_makes_text_nodes_only),
        cmocka_unit_test(same_bytes_for_any_threads),
        cmocka_unit_test(earlier_reports_are_replaced),
        cmocka_unit_test(evidence_needs_no_script),
        cmocka_unit_test(what_was_not_read_is_in_the_evidence),
        cmocka_unit_test(hostile_strings_stay_text),
        cmocka_unit_test(shared_traces),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
