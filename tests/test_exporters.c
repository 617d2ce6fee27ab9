// Every exporter's output, read back by an independent reader (cJSON, libcsv, SQLite) and held against columns written
// out by hand (export_samples.c).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <cjson/cJSON.h>
#include <csv.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "csv_cell.h"
#include "export_samples.h"

// ------------------------------------------------------------------------------------- running an exporter

typedef struct run {
    sample_set samples;
    char path[64];
    char *text; // the output, NUL-terminated
    size_t len;
} run;

static void run_read(run *r)
{
    FILE *f = fopen(r->path, "rb");
    assert_non_null(f);
    assert_int_equal(fseek(f, 0, SEEK_END), 0);
    r->len = (size_t)ftell(f);
    rewind(f);
    r->text = malloc(r->len + 1);
    assert_non_null(r->text);
    assert_int_equal(fread(r->text, 1, r->len, f), r->len);
    r->text[r->len] = 0;
    fclose(f);
}

// Writes the first `count` samples, one run of records for each `at_once`.
static void run_export(run *r, const char *name, size_t count, size_t at_once, bool guard)
{
    samples_make(&r->samples);
    snprintf(r->path, sizeof r->path, "/tmp/etwkit_test_XXXXXX");
    r->samples.target.fd = mkstemp(r->path);
    assert_true(r->samples.target.fd >= 0);
    r->samples.target.name = r->path;
    r->samples.target.csv_guard = guard;

    const exporter *x = exporter_by_name(name);
    assert_non_null(x);
    error e = {0};
    sink *s = NULL;
    if (!x->open(&s, &r->samples.target, &e))
        fail_msg("%s", e.message);
    outbuf out = {0};
    for (size_t i = 0; x->render && i < count;) {
        u32 records = 0;
        out.len = 0;
        for (; records < at_once && i < count; records++, i++)
            x->render(s, &r->samples.records[i], &out);
        if (!x->commit(s, (span){out.bytes, out.len}, records, &e))
            fail_msg("%s", e.message);
    }
    outbuf_free(&out);
    if (!x->close(s, &e))
        fail_msg("%s", e.message);
    close(r->samples.target.fd);
    run_read(r);
}

static void run_free(run *r)
{
    unlink(r->path);
    free(r->text);
    samples_free(&r->samples);
}

static void expect_text(const char *got, const char *want, size_t record_index, size_t column)
{
    if (got == want || (got && want && strcmp(got, want) == 0))
        return;
    fail_msg("record %zu, %s: got %s, expected %s", record_index + 1, column_names[column], got ? got : "(none)",
             want ? want : "(none)");
}

static size_t column_index(const char *name)
{
    for (size_t i = 0; i < COLUMN_COUNT; i++)
        if (strcmp(column_names[i], name) == 0)
            return i;
    fail_msg("no column %s", name);
    return 0;
}

// ------------------------------------------------------------------------------------- JSON

static bool is_document(const char *name)
{
    return strcmp(name, "data") == 0 || strcmp(name, "stack") == 0 || strcmp(name, "extended") == 0;
}

static void check_json_value(const cJSON *value, const char *want, size_t index, size_t column)
{
    char text[512] = "";
    if (cJSON_IsNumber(value)) {
        snprintf(text, sizeof text, "%.0f", value->valuedouble);
        expect_text(text, want, index, column);
    } else if (cJSON_IsString(value)) {
        expect_text(value->valuestring, want, index, column);
    } else if (is_document(column_names[column])) {
        cJSON *document = cJSON_Parse(want);
        assert_true(cJSON_Compare(value, document, true));
        cJSON_Delete(document);
    } else {
        assert_true(cJSON_IsArray(value));
        const cJSON *item;
        cJSON_ArrayForEach (item, value) {
            strcat(text, *text ? "|" : "");
            strcat(text, item->valuestring);
        }
        expect_text(text, want, index, column);
    }
}

// Members in the contract's order, each with its value, none that has no value.
static void check_json_record(const cJSON *object, size_t index)
{
    assert_true(cJSON_IsObject(object));
    const cJSON *member = object->child;
    for (size_t column = 0; column < COLUMN_COUNT; column++) {
        const char *want = sample_expected(index, column);
        if (!want)
            continue;
        assert_non_null(member);
        assert_string_equal(member->string, column_names[column]);
        check_json_value(member, want, index, column);
        member = member->next;
    }
    assert_null(member);
}

// cJSON's numbers are doubles: the digits are looked for in the text itself.
static void check_json_digits(const char *line, size_t index)
{
    const char *want = sample_expected(index, column_index("data"));
    if (!want)
        return;
    char member[1024];
    snprintf(member, sizeof member, ",\"data\":%s,", want);
    assert_non_null(strstr(line, member));
}

static void jsonl_holds_all_columns(void **state)
{
    (void)state;
    run r;
    run_export(&r, "jsonl", SAMPLE_COUNT, 4, true);
    char *line = r.text;
    for (size_t i = 0; i < SAMPLE_COUNT; i++) {
        char *end = strchr(line, '\n');
        assert_non_null(end);
        *end = 0;
        cJSON *object = cJSON_Parse(line);
        check_json_record(object, i);
        check_json_digits(line, i);
        cJSON_Delete(object);
        line = end + 1;
    }
    assert_int_equal(*line, 0);
    run_free(&r);
}

static void json_is_one_array(void **state)
{
    (void)state;
    for (size_t at_once = 1; at_once <= 6; at_once += 5) {
        run r;
        run_export(&r, "json", SAMPLE_COUNT, at_once, true);
        assert_memory_equal(r.text, "[\n{\"record\":1,", 14);
        assert_string_equal(r.text + r.len - 4, "}\n]\n");
        cJSON *array = cJSON_Parse(r.text);
        assert_int_equal(cJSON_GetArraySize(array), SAMPLE_COUNT);
        for (int i = 0; i < SAMPLE_COUNT; i++)
            check_json_record(cJSON_GetArrayItem(array, i), (size_t)i);
        cJSON_Delete(array);
        size_t separators = 0;
        for (const char *p = r.text; (p = strstr(p, "},\n{\"record\":")); p++)
            separators++;
        assert_int_equal(separators, SAMPLE_COUNT - 1);
        run_free(&r);
    }
}

static void first_line_is_as_the_contract_says(void **state)
{
    (void)state;
    run r;
    run_export(&r, "jsonl", 1, 1, true);
    assert_string_equal(
        r.text,
        "{\"record\":1,\"timestamp\":\"2023-03-14T07:46:50.7012345Z\",\"provider\":\"Microsoft-Windows-DNS-Client\","
        "\"provider_id\":\"1c95126e-7eea-49a9-a3fe-a378b03ddb4d\",\"event_id\":3006,\"version\":0,\"channel\":16,"
        "\"level\":4,\"opcode\":0,\"task\":7,\"opcode_name\":\"win:Info\",\"task_name\":\"Query, sent\","
        "\"level_name\":\"Information\",\"keyword_names\":[\"ut:Normal\",\"a,b\"],"
        "\"keywords\":\"0x8000000000000010\",\"process_id\":4321,\"thread_id\":77,\"processor\":3,"
        "\"process_name\":\"chrome.exe\",\"activity_id\":\"00112233-4455-6677-8899-aabbccddeeff\","
        "\"related_activity_id\":\"ffeeddcc-bbaa-9988-7766-554433221100\",\"user_sid\":\"S-1-5-18\","
        "\"schema\":\"manifest\",\"state\":\"decoded\",\"message\":\"example.com, type 28\","
        "\"data\":{\"QueryName\":\"example.com\",\"QueryType\":28,\"QueryOptions\":18446744073709551615},"
        "\"stack\":[\"0xFFFFF80012345678\",\"0x1\"],\"extended\":{\"session_id\":2},\"source\":\"first.etl\","
        "\"offset\":104,\"host\":\"DESKTOP-1\",\"kernel_time\":4294967295,\"user_time\":6}\n");
    run_free(&r);
}

// ------------------------------------------------------------------------------------- text

// Whatever the names, one line a record: no byte below a blank, no DEL.
static void text_is_a_line_each(void **state)
{
    (void)state;
    run r;
    run_export(&r, "text", SAMPLE_COUNT, 4, true);
    assert_string_equal(
        r.text,
        "2023-03-14T07:46:50.7012345Z chrome.exe(4321:77) Microsoft-Windows-DNS-Client/3006 example.com, type 28\n"
        "2023-03-14T07:46:50.7012346Z =1+2(4294967294:0) Microsoft-Windows-DNS-Client/3006  -x [partial, 29 bytes: "
        "E9003DD800DE000001000000FFFFFFFFFFFFFF7F0000000000000080AA]\n"
        "2023-03-14T07:46:50.7012346Z (-:-) Evil\"Pro'v, [x]/=cmd|\"x\" q\"uote=1 dot.ted[0]=2 back\\slash=va\"l,ue "
        "record=3 Timestamp=4 =5 nul=a\xe2\x90\x80"
        "b dup=6 DUP=7 state=8\n"
        "1969-12-31T23:59:59.9999999Z (0:-) 00000000-0000-0000-0000-000000000000/65535 [raw, 6 bytes: 3D20313B0D0A]\n"
        "-5 a b(8:12) MSNT_SystemTrace/Process/Start\n"
        "9999-12-31T23:59:59.9999999Z -5(8:12) msnt_SYSTEMtrace/process/start +1e5\n");
    run_free(&r);
}

// ------------------------------------------------------------------------------------- OpenTelemetry, Elastic

#define ATTRIBUTE(key, type, value) "{\"key\":\"" key "\",\"value\":{\"" type "\":\"" value "\"}}"

// By the log data model's appendix on ETW; 64-bit numbers are texts in protobuf's JSON, and an unsigned one that
// intValue cannot hold is a text.
static void otel_follows_the_appendix(void **state)
{
    (void)state;
    run r;
    run_export(&r, "otel", SAMPLE_COUNT, 4, true);
    const char *first = "{\"resourceLogs\":[{\"resource\":{\"attributes\":[" ATTRIBUTE(
        "host.name", "stringValue",
        "DESKTOP-1") "]},"
                     "\"scopeLogs\":[{\"scope\":{\"name\":\"Microsoft-Windows-DNS-Client\"},"
                     "\"logRecords\":[{\"timeUnixNano\":\"1678780010701234500\",\"severityNumber\":9,\"severityText\":\"INFO\","
                     "\"eventName\":\"etw.3006\",\"attributes\":[" ATTRIBUTE("etw.provider.id", "stringValue", "1c95126e-7eea-49a9-a3fe-a378b03ddb4d") "," ATTRIBUTE(
                         "etw.event.id", "intValue",
                         "3006") "," ATTRIBUTE("etw.version", "intValue",
                                               "0") "," ATTRIBUTE("etw.level", "intValue",
                                                                  "4") "," ATTRIBUTE("etw.opcode", "intValue",
                                                                                     "0") "," ATTRIBUTE("etw.keywords",
                                                                                                        "intValue",
                                                                                                        "-9223372036854775792") "," ATTRIBUTE("etw.record",
                                                                                                                                              "intValue",
                                                                                                                                              "1") "," ATTRIBUTE("etw.process.id",
                                                                                                                                                                 "intValue",
                                                                                                                                                                 "4321") "," ATTRIBUTE("etw.thread.id",
                                                                                                                                                                                       "intValue",
                                                                                                                                                                                       "77") "," ATTRIBUTE("process.executable.name", "stringValue", "chrome.exe") "," ATTRIBUTE("etw.activity.id", "stringValue", "00112233-4455-6677-8899-aabbccddeeff") "," ATTRIBUTE("etw.message", "stringValue", "example.com, type 28") "," ATTRIBUTE("log.file.name",
                                                                                                                                                                                                                                                                                                                                                                                                                                             "stringValue", "first.etl") "," ATTRIBUTE("QueryName", "stringValue", "example.com") "," ATTRIBUTE("QueryType", "intValue", "28") "," ATTRIBUTE("QueryOptions",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                             "stringValue",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                             "18446744073709551615") "]}]}]}]}\n";
    assert_true(r.len > strlen(first));
    char *second = r.text + strlen(first), kept = *second;
    *second = 0;
    assert_string_equal(r.text, first);
    *second = kept;
    // A level of 255 is nobody's severity; before 1970 a time is not known.
    assert_non_null(strstr(r.text, "\"timeUnixNano\":\"0\",\"severityNumber\":0,\"eventName\":\"etw.65535\""));
    assert_non_null(strstr(r.text,
                           "{\"key\":\"Struct\",\"value\":{\"kvlistValue\":{\"values\":[{\"key\":\"A\",\"value\":"
                           "{\"arrayValue\":{\"values\":[{\"intValue\":\"1\"},{\"intValue\":\"2\"}]}}}]}}},"
                           "{\"key\":\"Real\",\"value\":{\"doubleValue\":1.500000}}"));
    run_free(&r);
}

static const char *member(const cJSON *object, const char *a, const char *b, const char *c)
{
    object = cJSON_GetObjectItemCaseSensitive(object, a);
    object = b ? cJSON_GetObjectItemCaseSensitive(object, b) : object;
    object = c ? cJSON_GetObjectItemCaseSensitive(object, c) : object;
    return cJSON_GetStringValue(object);
}

static void ecs_has_its_fields(void **state)
{
    (void)state;
    run r;
    run_export(&r, "ecs", SAMPLE_COUNT, 4, true);
    const char *at = r.text;
    cJSON *first = cJSON_ParseWithOpts(r.text, &at, false);
    assert_string_equal(member(first, "@timestamp", NULL, NULL), "2023-03-14T07:46:50.7012345Z");
    assert_string_equal(member(first, "log", "level", NULL), "information");
    assert_string_equal(member(first, "log", "file", "path"), "first.etl");
    assert_string_equal(member(first, "event", "code", NULL), "3006");
    assert_string_equal(member(first, "event", "provider", NULL), "Microsoft-Windows-DNS-Client");
    assert_string_equal(member(first, "winlog", "provider_guid", NULL), "{1C95126E-7EEA-49A9-A3FE-A378B03DDB4D}");
    assert_string_equal(member(first, "winlog", "keywords_raw", NULL), "0x8000000000000010");
    assert_string_equal(member(first, "winlog", "process_id", NULL), "4321");
    assert_string_equal(member(first, "winlog", "activity_id", NULL), "{00112233-4455-6677-8899-AABBCCDDEEFF}");
    assert_string_equal(member(first, "winlog", "user", "identifier"), "S-1-5-18");
    assert_string_equal(member(first, "winlog", "event_data", "QueryName"), "example.com");
    assert_string_equal(member(first, "process", "name", NULL), "chrome.exe");
    assert_string_equal(member(first, "message", NULL, NULL), "example.com, type 28");
    cJSON_Delete(first);
    u32 lines = 0;
    for (const char *p = r.text; *p; p++)
        lines += *p == '\n';
    assert_int_equal(lines, SAMPLE_COUNT);
    run_free(&r);
}

// ------------------------------------------------------------------------------------- CSV

typedef struct table {
    char *cells[SAMPLE_COUNT + 2][64];
    size_t columns[SAMPLE_COUNT + 2];
    size_t rows, at;
} table;

static void take_cell(void *text, size_t len, void *context)
{
    table *t = context;
    assert_true(t->rows < SAMPLE_COUNT + 2 && t->at < 64);
    char *cell = NULL;
    if (text) {
        cell = malloc(len + 1);
        assert_non_null(cell);
        memcpy(cell, text, len);
        cell[len] = 0;
    }
    t->cells[t->rows][t->at++] = cell;
}

static void take_row(int end, void *context)
{
    (void)end;
    table *t = context;
    t->columns[t->rows++] = t->at;
    t->at = 0;
}

static void table_read(table *t, const char *text, size_t len)
{
    *t = (table){.rows = 0};
    struct csv_parser parser;
    assert_int_equal(csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI | CSV_EMPTY_IS_NULL | CSV_APPEND_NULL), 0);
    assert_int_equal(csv_parse(&parser, text, len, take_cell, take_row, t), len);
    assert_int_equal(csv_fini(&parser, take_cell, take_row, t), 0);
    csv_free(&parser);
}

static void table_free(table *t)
{
    for (size_t i = 0; i < SAMPLE_COUNT + 2; i++)
        for (size_t k = 0; k < 64; k++)
            free(t->cells[i][k]);
}

// "-5" and "+1e5" begin like formulas and are numbers.
static const char *guarded(const char *text)
{
    static const char *const formulas[][2] = {
        {"=cmd|\"x\"\n", "'=cmd|\"x\"\n"},     {"=1+2", "'=1+2"},        {"-1+a", "'-1+a"}, {" -x", "' -x"},
        {"=other, \"pc\"", "'=other, \"pc\""}, {"= 1;\r\n", "'= 1;\r\n"}};
    for (size_t i = 0; text && i < COUNT_OF(formulas); i++)
        if (strcmp(text, formulas[i][0]) == 0)
            return formulas[i][1];
    return text;
}

static void csv_holds_all_columns(void **state)
{
    (void)state;
    for (int guard = 0; guard < 2; guard++) {
        run r;
        run_export(&r, "csv", SAMPLE_COUNT, 5, guard);
        table t;
        table_read(&t, r.text, r.len);
        assert_int_equal(t.rows, SAMPLE_COUNT + 1);
        for (size_t column = 0; column < COLUMN_COUNT; column++)
            assert_string_equal(t.cells[0][column], column_names[column]);
        for (size_t i = 0; i < SAMPLE_COUNT; i++) {
            assert_int_equal(t.columns[i + 1], COLUMN_COUNT);
            for (size_t column = 0; column < COLUMN_COUNT; column++) {
                const char *want = sample_expected(i, column);
                expect_text(t.cells[i + 1][column], guard ? guarded(want) : want, i, column);
            }
        }
        table_free(&t);
        run_free(&r);
    }
}

// The cells OWASP warns of, in all forms a spreadsheet takes for a formula; and what only looks like one.
static void csv_guard_knows_formulas(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool guarded;
    } CELLS[] = {
        {"=1", true},
        {"+a", true},
        {"-a", true},
        {"@SUM(1)", true},
        {"\t=1", true},
        {"\r=1", true},
        {"\n=1", true},
        {"\tplain", true},
        {"\n", true},
        {" =1", true},
        {"   @x", true},
        {"\xc2\xa0=1", true},
        {"\xe3\x80\x80+a", true},
        {"\xef\xbc\x9d"
         "1",
         true},
        {"\xef\xbc\x8b"
         "1",
         true},
        {"\xef\xbc\x8d"
         "1",
         true},
        {"\xef\xbc\xa0x", true},
        {" \xef\xbc\x9dx", true},
        {"\xef\xbb\xbf=1", true},
        {"-", true},
        {"-1", false},
        {"+1.5e-3", false},
        {" -7", false},
        {"a=1", false},
        {" a", false},
        {"\xef\xbc\x9e", false},
        {"{\"=\":1}", false},
        {"1-2", false},
        {"\xe3\x80\x80", false},
        {"\xef\xbc", false},
    };
    for (size_t i = 0; i < COUNT_OF(CELLS); i++) {
        outbuf cell = {0};
        table t;
        csv_cell_text(&cell, CELLS[i].text, true);
        table_read(&t, (const char *)cell.bytes, cell.len);
        assert_int_equal(t.columns[0], 1);
        if ((t.cells[0][0][0] == '\'') != CELLS[i].guarded)
            fail_msg("cell %zu: %s", i, t.cells[0][0]);
        table_free(&t);
        outbuf_free(&cell);
    }
}

// A byte order mark is before everything, and only where it is wanted.
static void csv_may_have_a_mark(void **state)
{
    (void)state;
    run r;
    samples_make(&r.samples);
    char path[] = "/tmp/etwkit_test_XXXXXX";
    for (int mark = 0; mark < 2; mark++) {
        error e = {0};
        sink *out = NULL;
        strcpy(path, "/tmp/etwkit_test_XXXXXX");
        FILE *f = fdopen(mkstemp(path), "w+b");
        assert_non_null(f);
        r.samples.target.fd = fileno(f);
        r.samples.target.name = path;
        r.samples.target.csv_mark = mark;
        const exporter *x = exporter_by_name("csv");
        assert_true(x->open(&out, &r.samples.target, &e) && x->close(out, &e));
        char head[64] = "";
        rewind(f);
        assert_true(fread(head, 1, sizeof(head) - 1, f) > 20);
        assert_memory_equal(head, mark ? "\xef\xbb\xbfrecord," : "record,timestamp,", 10);
        assert_true(x->is_own((span){(const u8 *)head, sizeof(head)}, -1));
        fclose(f);
        unlink(path);
    }
    samples_free(&r.samples);
}

// Line ends, and quotes only where a reader needs them.
static void csv_quotes_what_needs_it(void **state)
{
    (void)state;
    run r;
    run_export(&r, "csv", SAMPLE_COUNT, 6, true);
    assert_non_null(strstr(r.text, ",user_time\r\n1,2023-03-14T07:46:50.7012345Z,Microsoft-Windows-DNS-Client,"));
    assert_non_null(strstr(r.text, ",win:Info,\"Query, sent\",Information,\"ut:Normal|a,b\",0x8000000000000010,4321,"));
    assert_non_null(strstr(r.text,
                           ",\"example.com, type 28\",\"{\"\"QueryName\"\":\"\"example.com\"\",\"\"QueryType\"\""
                           ":28,\"\"QueryOptions\"\":18446744073709551615}\",,"));
    assert_non_null(strstr(r.text, ",first.etl,104,,DESKTOP-1,,4294967295,6\r\n2,"));
    assert_non_null(strstr(r.text, ",\"Evil\"\"Pro'v, [x]\",03020100-"));
    assert_non_null(strstr(r.text, ",wevt,partial,' -x,"));
    assert_non_null(strstr(r.text, ",{},,,,first.etl,16,,DESKTOP-1,,,\r\n"));
    assert_non_null(strstr(
        r.text,
        ",1,\"\",,,,none,raw,,,3D20313B0D0A,,,\" sp,ace.etl\",8,\"'= 1;\r\n\",,,,\r\n")); // "" is no missing value
    assert_string_equal(r.text + r.len - 2, "\r\n");
    run_free(&r);
}

// Cells of every length, so that each tail of the 16-byte loops is met, against libcsv's own writer.
static void csv_cells_as_libcsv_writes_them(void **state)
{
    (void)state;
    run r;
    samples_make(&r.samples);
    r.samples.target.fd = open("/dev/null", O_WRONLY);
    assert_true(r.samples.target.fd >= 0);
    const exporter *x = exporter_by_name("csv");
    u32 seed = 12345;
    for (size_t len = 1; len < 200; len++) {
        char name[256], quoted[600];
        for (size_t i = 0; i < len; i++) {
            seed = seed * 1664525 + 1013904223;
            name[i] = "\"ab,\"c\nd\r e"[(seed >> 24) % 11];
        }
        name[len / 2] = '"';
        name[len] = 0;
        quoted[csv_write(quoted, sizeof quoted, name, len)] = 0;
        r.samples.classes[4].provider = name;
        sink *s;
        error e;
        assert_true(x->open(&s, &r.samples.target, &e));
        outbuf out = {0};
        x->render(s, &r.samples.records[4], &out);
        outbuf_add(&out, "", 1);
        assert_memory_equal((const char *)out.bytes + strlen("5,-5,"), quoted, strlen(quoted));
        assert_int_equal(out.bytes[strlen("5,-5,") + strlen(quoted)], ',');
        outbuf_free(&out);
        assert_true(x->close(s, NULL));
    }
    close(r.samples.target.fd);
    samples_free(&r.samples);
}

// ------------------------------------------------------------------------------------- SQLite

static sqlite3 *database(const char *path)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    return db;
}

static sqlite3_stmt *query(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *statement;
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    return statement;
}

// The single value of a query as text; `kind` is SQLite's type of it.
static void check_value(sqlite3 *db, const char *sql, int kind, const char *want)
{
    sqlite3_stmt *statement = query(db, sql);
    if (sqlite3_step(statement) != SQLITE_ROW)
        fail_msg("%s: no row", sql);
    if (sqlite3_column_type(statement, 0) != kind)
        fail_msg("%s: type %d, expected %d", sql, sqlite3_column_type(statement, 0), kind);
    const char *got = (const char *)sqlite3_column_text(statement, 0);
    if (want && (!got || strcmp(got, want) != 0))
        fail_msg("%s: got %s, expected %s", sql, got ? got : "(none)", want);
    sqlite3_finalize(statement);
}

static void sqlite_holds_all_columns(void **state)
{
    (void)state;
    run r;
    run_export(&r, "sqlite", SAMPLE_COUNT, 4, true);
    sqlite3 *db = database(r.path);
    sqlite3_stmt *statement = query(db, "SELECT * FROM events ORDER BY record");
    assert_int_equal(sqlite3_column_count(statement), COLUMN_COUNT + 1);
    for (int column = 0; column < COLUMN_COUNT; column++)
        assert_string_equal(sqlite3_column_name(statement, column), column_names[column]);
    assert_string_equal(sqlite3_column_name(statement, COLUMN_COUNT), "time");
    for (size_t i = 0; i < SAMPLE_COUNT; i++) {
        assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
        for (size_t column = 0; column < COLUMN_COUNT; column++)
            expect_text((const char *)sqlite3_column_text(statement, (int)column), sample_expected(i, column), i,
                        column);
        assert_int_equal(sqlite3_column_int64(statement, COLUMN_COUNT), r.samples.records[i].time);
    }
    assert_int_equal(sqlite3_step(statement), SQLITE_DONE);
    sqlite3_finalize(statement);
    check_value(db, "SELECT typeof(process_id)||typeof(record)||typeof(offset)||typeof(level) FROM events", SQLITE_TEXT,
                "integerintegerintegerinteger");
    check_value(db, "PRAGMA integrity_check", SQLITE_TEXT, "ok");
    check_value(
        db, "SELECT group_concat(name) FROM (SELECT name FROM sqlite_master WHERE type='index' ORDER BY name)",
        SQLITE_TEXT,
        "activities_kind,activities_logoff,activities_process,activity_more_records_activity,connections_process,"
        "fields_layout,files_path,logons_logon,processes_id,records_time,registry_values_key,users_sid");
    sqlite3_close(db);
    run_free(&r);
}

static void sqlite_views_have_typed_columns(void **state)
{
    (void)state;
    run r;
    run_export(&r, "sqlite", SAMPLE_COUNT, 6, true);
    sqlite3 *db = database(r.path);
#define DNS_VIEW " FROM \"Microsoft-Windows-DNS-Client/3006\""
    check_value(db, "SELECT count(*)" DNS_VIEW, SQLITE_INTEGER, "2"); // both versions
    check_value(db, "SELECT timestamp" DNS_VIEW " WHERE QueryName='example.com'", SQLITE_TEXT,
                "2023-03-14T07:46:50.7012345Z");
    check_value(db, "SELECT process_id" DNS_VIEW " WHERE QueryType=1", SQLITE_INTEGER, "4294967294");
    check_value(db, "SELECT QueryType" DNS_VIEW " WHERE record=1", SQLITE_INTEGER, "28");
    check_value(db, "SELECT QueryOptions" DNS_VIEW " WHERE record=1", SQLITE_TEXT, "18446744073709551615");
    check_value(db, "SELECT QueryOptions" DNS_VIEW " WHERE record=2", SQLITE_INTEGER, "9223372036854775807");
    check_value(db, "SELECT Status" DNS_VIEW " WHERE record=1", SQLITE_NULL, NULL);
    check_value(db, "SELECT Status" DNS_VIEW " WHERE record=2", SQLITE_INTEGER, "-9223372036854775808");
    check_value(db, "SELECT QueryName" DNS_VIEW " WHERE record=2", SQLITE_TEXT, "\xc3\xa9\xf0\x9f\x98\x80");
    check_value(db, "SELECT version||state||schema||source" DNS_VIEW " WHERE record=2", SQLITE_TEXT,
                "1partialwevtfirst.etl");

#define EVIL_VIEW " FROM \"Evil\"\"Pro'v, [x]/=cmd|\"\"x\"\"\n\""
    check_value(db, "SELECT \"q\"\"uote\"" EVIL_VIEW, SQLITE_INTEGER, "1");
    check_value(db, "SELECT \"dot.ted[0]\"" EVIL_VIEW, SQLITE_INTEGER, "2");
    check_value(db, "SELECT \"back\\slash\"" EVIL_VIEW, SQLITE_TEXT, "va\"l,ue\n");
    check_value(db, "SELECT data_record" EVIL_VIEW " WHERE record=3", SQLITE_INTEGER, "3");
    check_value(db, "SELECT data_Timestamp" EVIL_VIEW, SQLITE_INTEGER, "4");
    check_value(db, "SELECT \"data_\"" EVIL_VIEW, SQLITE_INTEGER, "5");
    check_value(db, "SELECT dup" EVIL_VIEW, SQLITE_INTEGER, "6");
    check_value(db, "SELECT data_DUP" EVIL_VIEW, SQLITE_INTEGER, "7");
    check_value(db, "SELECT state" EVIL_VIEW, SQLITE_INTEGER, "8"); // the field, not the record's state

    check_value(db, "SELECT raw FROM \"00000000-0000-0000-0000-000000000000/65535\"", SQLITE_TEXT, "3D20313B0D0A");
    check_value(db, "SELECT record FROM \"MSNT_SystemTrace/Process/Start\"", SQLITE_INTEGER, "5");
    check_value(db, "SELECT record FROM \"msnt_SYSTEMtrace/process/start (2)\"", SQLITE_INTEGER, "6");
    check_value(db, "SELECT Struct FROM \"msnt_SYSTEMtrace/process/start (2)\"", SQLITE_TEXT, "{\"A\":[1,2]}");
    check_value(db, "SELECT Real FROM \"msnt_SYSTEMtrace/process/start (2)\"", SQLITE_FLOAT, "1.5");
    check_value(db, "SELECT count(*) FROM sqlite_master WHERE type='view' AND name<>'activity_records'", SQLITE_INTEGER,
                "11"); // five by two names, and events
    sqlite3_close(db);
    run_free(&r);
}

static void sqlite_keeps_traces_classes_damage(void **state)
{
    (void)state;
    run r;
    run_export(&r, "sqlite", SAMPLE_COUNT, 6, true);
    sqlite3 *db = database(r.path);
    check_value(db, "SELECT path FROM traces WHERE file='first.etl'", SQLITE_TEXT, "in/first.etl");
    check_value(db, "SELECT bytes FROM traces WHERE id=0", SQLITE_INTEGER, "1099511627776");
    check_value(db, "SELECT session FROM traces WHERE id=0", SQLITE_TEXT, "NT \"K\"");
    check_value(db,
                "SELECT sha256||processors||clock||buffers_total||buffers_lost||events_total||events_raw FROM traces",
                SQLITE_TEXT, "ab4qpc7160"); // states are counted from the records: no raw one is of this file
    check_value(db, "SELECT events_lost FROM traces WHERE id=0", SQLITE_NULL, NULL);
    check_value(db, "SELECT info FROM traces WHERE id=0", SQLITE_TEXT, r.samples.traces[0].info_json);
    check_value(db, "SELECT path FROM traces WHERE file=' sp,ace.etl'", SQLITE_NULL, NULL);
    check_value(db, "SELECT source||offset||bytes||kind||message FROM damage WHERE offset=4096", SQLITE_TEXT,
                "first.etl409665536bufferbuffer 17: it's \"gone\"");
    check_value(db, "SELECT count(*) FROM damage", SQLITE_INTEGER, "2");
    check_value(db, "SELECT count(*) FROM event_classes", SQLITE_INTEGER, "6");
    check_value(db,
                "SELECT provider||event_id||version||task_name||keyword_names||keywords||schema||events "
                "FROM event_classes WHERE id=0",
                SQLITE_TEXT, "Microsoft-Windows-DNS-Client30060Query, sentut:Normal|a,b0x8000000000000010manifest1");
    check_value(db, "SELECT fields FROM event_classes WHERE id=5", SQLITE_TEXT,
                "[{\"name\":\"Struct\",\"type\":\"struct\",\"fields\":[{\"name\":\"A\",\"type\":\"win:UInt8\","
                "\"shown_as\":\"xs:unsignedByte\",\"array\":\"fixed\"}]},{\"name\":\"Real\",\"type\":\"win:Double\","
                "\"shown_as\":\"xs:double\"}]");
    check_value(db, "SELECT count(*) FROM event_classes c JOIN sqlite_master v ON v.type='view' AND v.name=c.view_name",
                SQLITE_INTEGER, "6");
    check_value(db, "SELECT json_extract(fields,'$[0].name') FROM event_classes WHERE id=2", SQLITE_TEXT, "q\"uote");
    sqlite3_close(db);
    run_free(&r);
}

// The view computes timestamps; the text writers of the other formats are the judge, over the whole range.
static void sqlite_timestamps_are_exact(void **state)
{
    (void)state;
    static const i64 times[] = {0,
                                1,
                                9999999,
                                10000000,
                                116444736000000000,
                                125911584000000001,
                                133232536109999999,
                                133485407999999999,
                                2650467743999999999,
                                2650467744000000000,
                                -1,
                                INT64_MAX,
                                INT64_MIN};
    for (size_t i = 0; i < COUNT_OF(times); i += SAMPLE_COUNT) {
        run r;
        char json[SAMPLE_COUNT][64] = {{0}};
        samples_make(&r.samples);
        size_t count = COUNT_OF(times) - i < SAMPLE_COUNT ? COUNT_OF(times) - i : SAMPLE_COUNT;
        const char *names[] = {"jsonl", "sqlite"};
        for (size_t n = 0; n < 2; n++) {
            snprintf(r.path, sizeof r.path, "/tmp/etwkit_test_XXXXXX");
            r.samples.target.fd = mkstemp(r.path);
            const exporter *x = exporter_by_name(names[n]);
            sink *s;
            error e;
            assert_true(x->open(&s, &r.samples.target, &e));
            outbuf out = {0};
            for (size_t k = 0; k < count; k++) {
                size_t before = out.len;
                r.samples.records[k].time = times[i + k];
                x->render(s, &r.samples.records[k], &out);
                if (n == 0)
                    sscanf((const char *)out.bytes + before, "{\"record\":%*d,\"timestamp\":\"%63[^\"]", json[k]);
            }
            assert_true(x->commit(s, (span){out.bytes, out.len}, (u32)count, &e));
            assert_true(x->close(s, &e));
            close(r.samples.target.fd);
            outbuf_free(&out);
            if (n == 0)
                unlink(r.path);
        }
        sqlite3 *db = database(r.path);
        for (size_t k = 0; k < count; k++) {
            char sql[80];
            snprintf(sql, sizeof sql, "SELECT timestamp FROM events WHERE record=%zu", k + 1);
            check_value(db, sql, SQLITE_TEXT, json[k]);
        }
        sqlite3_close(db);
        unlink(r.path);
        samples_free(&r.samples);
    }
}

// ------------------------------------------------------------------------------------- timelines

static void timesketch_has_its_members(void **state)
{
    (void)state;
    run r;
    run_export(&r, "timesketch", SAMPLE_COUNT, 6, true);
    static const char *const datetimes[] = {"2023-03-14T07:46:50.701234+00:00", "2023-03-14T07:46:50.701234+00:00",
                                            "2023-03-14T07:46:50.701234+00:00", "1969-12-31T23:59:59.999999+00:00",
                                            "1601-01-01T00:00:00.000000+00:00", "9999-12-31T23:59:59.999999+00:00"};
    static const i64 timestamps[] = {1678780010701234,   1678780010701234,  1678780010701234, -1,
                                     -11644473600000000, 253402300799999999};
    static const char fields[] = "Evil\"Pro'v, [x]/=cmd|\"x\" q\"uote=1 dot.ted[0]=2 back\\slash=va\"l,ue record=3 "
                                 "Timestamp=4 =5 nul=a␀b dup=6 DUP=7 state=8";
    static const char *const messages[] = {
        "example.com, type 28",           " -x", fields, "00000000-0000-0000-0000-000000000000/65535",
        "MSNT_SystemTrace/Process/Start", "+1e5"};
    char *line = r.text;
    for (size_t i = 0; i < SAMPLE_COUNT; i++) {
        char *end = strchr(line, '\n');
        assert_non_null(end);
        *end = 0;
        cJSON *o = cJSON_Parse(line);
        assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(o, "datetime")), datetimes[i]);
        assert_true(cJSON_GetNumberValue(cJSON_GetObjectItem(o, "timestamp")) == (double)timestamps[i]);
        assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(o, "message")), messages[i]);
        assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(o, "timestamp_desc")), "Event Logged");
        assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(o, "event_time")), sample_expected(i, 1));
        assert_non_null(cJSON_GetObjectItem(o, "offset"));
        cJSON_Delete(o);
        line = end + 1;
    }
    assert_int_equal(*line, 0);
    run_free(&r);
}

static void l2tcsv_has_its_columns(void **state)
{
    (void)state;
    run r;
    run_export(&r, "l2tcsv", SAMPLE_COUNT, 6, true);
    table t;
    table_read(&t, r.text, r.len);
    assert_int_equal(t.rows, SAMPLE_COUNT + 1);
    size_t lines = 0;
    for (size_t i = 0; i < r.len; i++)
        lines += r.text[i] == '\n';
    assert_int_equal(lines, t.rows); // no cell holds a line break
    for (size_t i = 0; i < t.rows; i++)
        assert_int_equal(t.columns[i], 17);
    static const char *const first[] = {"03/14/2023",
                                        "07:46:50",
                                        "UTC",
                                        "....",
                                        "ETL",
                                        "Event Trace Log",
                                        "Event Logged",
                                        "S-1-5-18",
                                        "DESKTOP-1",
                                        "example.com, type 28",
                                        "example.com, type 28",
                                        "2",
                                        "first.etl",
                                        "-",
                                        "-",
                                        "etwkit"};
    for (size_t i = 0; i < COUNT_OF(first); i++)
        assert_string_equal(t.cells[1][i], first[i]);
    assert_non_null(strstr(t.cells[1][16], "record: 1; time: 2023-03-14T07:46:50.7012345Z; event_id: 3006; level: 4; "
                                           "process_id: 4321; thread_id: 77; "));
    assert_non_null(strstr(t.cells[1][16], "data: {\"QueryName\":\"example.com\""));
    assert_int_equal(strlen(t.cells[3][9]), 80);
    assert_string_equal(t.cells[3][8], "'=other, \"pc\"");
    assert_string_equal(t.cells[4][8], "-");
    assert_string_equal(t.cells[3][12], " sp,ace.etl");
    assert_string_equal(t.cells[6][0], "12/31/9999");
    assert_string_equal(t.cells[6][10], "+1e5");
    table_free(&t);
    run_free(&r);
}

// ------------------------------------------------------------------------------------- the rest

static void no_records_make_valid_outputs(void **state)
{
    (void)state;
    run r;
    run_export(&r, "json", 0, 1, true);
    assert_string_equal(r.text, "[\n\n]\n");
    cJSON *array = cJSON_Parse(r.text);
    assert_true(cJSON_IsArray(array));
    assert_int_equal(cJSON_GetArraySize(array), 0);
    cJSON_Delete(array);
    run_free(&r);
    run_export(&r, "jsonl", 0, 1, true);
    assert_int_equal(r.len, 0);
    run_free(&r);
    run_export(&r, "csv", 0, 1, true);
    assert_int_equal(strchr(r.text, '\n') - r.text, r.len - 1);
    run_free(&r);
    run_export(&r, "null", SAMPLE_COUNT, 1, true);
    assert_int_equal(r.len, 0);
    run_free(&r);
    run_export(&r, "sqlite", 0, 1, true);
    sqlite3 *db = database(r.path);
    check_value(db, "SELECT count(*) FROM events", SQLITE_INTEGER, "0");
    check_value(db, "SELECT count(*) FROM \"Microsoft-Windows-DNS-Client/3006\"", SQLITE_INTEGER, "0");
    check_value(db, "SELECT count(*) FROM event_classes", SQLITE_INTEGER, "6");
    sqlite3_close(db);
    run_free(&r);
}

static void names_of_a_million_bytes_still_make_views(void **state)
{
    (void)state;
    enum { FIELDS = 300, CLASSES = 1500 };
    sample_set s;
    samples_make(&s);
    property *properties = arena_array(&s.memory, property, FIELDS);
    for (u32 i = 0; i < FIELDS; i++) {
        char *name = arena_take(&s.memory, LIMIT_NAME_BYTES + 1);
        memset(name, '\'', LIMIT_NAME_BYTES);
        name[i] = 'x';
        properties[i] = (property){name, 0, IN_UINT64, OUT_UNSIGNED_LONG, 1, 0, 0, 0, NULL, 0};
    }
    event_schema schema = {.properties = properties, .property_count = FIELDS, .top_count = FIELDS};
    error e;
    const plan *made = plan_compile(&s.memory, &schema, true, &e);
    assert_non_null(made);
    // One event with so many classes that their numbers would not fit a statement either.
    event_class *classes = arena_array(&s.memory, event_class, CLASSES);
    const event_class **list = arena_array(&s.memory, const event_class *, CLASSES);
    for (u32 i = 0; i < CLASSES; i++) {
        classes[i] =
            (event_class){.index = i, .descriptor = {7, 0, 0, 0, 0, 0, i}, .provider = "sqlite_x", .plan_count = 1};
        classes[i].plans[0] = made;
        list[i] = &classes[i];
    }
    char path[] = "/tmp/etwkit_test_XXXXXX";
    export_target target = {.fd = mkstemp(path), .name = path, .classes = list, .class_count = CLASSES};
    const exporter *x = exporter_by_name("sqlite");
    sink *to;
    if (!x->open(&to, &target, &e))
        fail_msg("%s", e.message);
    assert_true(x->close(to, &e));
    close(target.fd);
    sqlite3 *db = database(path);
    check_value(db, "SELECT count(*) FROM \"_sqlite_x/7\"", SQLITE_INTEGER, "0");
    sqlite3_close(db);
    unlink(path);
    samples_free(&s);
}

static void failures_are_sentences(void **state)
{
    (void)state;
    static const char *const names[] = {"json", "jsonl", "csv",     "timesketch", "l2tcsv", "text",
                                        "otel", "ecs",   "parquet", "pcapng",     "sqlite"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        const exporter *x = exporter_by_name(names[i]);
        sample_set s;
        samples_make(&s);
        sink *to = NULL;
        error e = {0};
        s.target.name = "/dev/full";
        s.target.fd = open("/dev/full", O_WRONLY);
        if (strcmp(names[i], "sqlite") == 0) {
            assert_false(x->open(&to, &s.target, &e));
            assert_string_equal(e.message, "/dev/full: SQLite output needs a file");
        } else if (s.target.fd >= 0) {
            outbuf out = {0};
            assert_true(x->open(&to, &s.target, &e));
            x->render(to, &s.records[0], &out);
            bool ok = x->commit(to, (span){out.bytes, out.len}, 1, &e);
            ok = x->close(to, ok ? &e : NULL) && ok;
            assert_false(ok);
            assert_string_equal(e.message, "/dev/full: No space left on device");
            outbuf_free(&out);
        }
        close(s.target.fd);
        samples_free(&s);
    }
}

// An output knows its own kind again, also an empty one, and no other.
static void outputs_are_recognised(void **state)
{
    (void)state;
    static const char *const names[] = {"json", "jsonl", "csv",     "timesketch", "l2tcsv", "text",
                                        "otel", "ecs",   "parquet", "pcapng",     "sqlite"};
    for (size_t i = 0; i < COUNT_OF(names) * 2; i++) {
        run r;
        run_export(&r, names[i / 2], i % 2 ? SAMPLE_COUNT : 0, 4, true);
        int fd = open(r.path, O_RDONLY);
        span head = {(const u8 *)r.text, r.len};
        for (size_t k = 0; k < COUNT_OF(names); k++) {
            bool own = exporter_by_name(names[k])->is_own(head, fd);
            if (r.len && own != (k == i / 2))
                fail_msg("%s, %zu bytes, as %s: %d", names[i / 2], r.len, names[k], own);
        }
        close(fd);
        run_free(&r);
    }
}

// A database with other tables is somebody else's.
static void foreign_database(void **state)
{
    (void)state;
    char path[] = "/tmp/etwkit_test_XXXXXX", head[100];
    int fd = mkstemp(path);
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "CREATE TABLE records(x); CREATE TABLE visits(y)", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    assert_int_equal(pread(fd, head, sizeof(head), 0), sizeof(head));
    assert_memory_equal(head, "SQLite format 3", 15);
    assert_false(exporter_by_name("sqlite")->is_own((span){(const u8 *)head, sizeof(head)}, fd));
    close(fd);
    unlink(path);
}

static void formats_are_found(void **state)
{
    (void)state;
    static const char *const paths[][2] = {{"a.csv", "csv"},      {"a.b.json", "json"}, {"x/a.jsonl", "jsonl"},
                                           {"a.NDJSON", "jsonl"}, {"a.db", "sqlite"},   {"a.sqlite", "sqlite"},
                                           {"a.txt", "text"},     {"a.json/b", NULL},   {"csv", NULL},
                                           {"a.", NULL},          {"a. ", NULL},        {"a.js", NULL}};
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        const exporter *x = exporter_by_path(paths[i][0]);
        if (paths[i][1])
            assert_string_equal(x->name, paths[i][1]);
        else
            assert_null(x);
    }
    assert_null(exporter_by_name("xml"));
    for (size_t i = 0; exporters[i]; i++)
        assert_ptr_equal(exporter_by_name(exporters[i]->name), exporters[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jsonl_holds_all_columns),
        cmocka_unit_test(json_is_one_array),
        cmocka_unit_test(first_line_is_as_the_contract_says),
        cmocka_unit_test(text_is_a_line_each),
        cmocka_unit_test(otel_follows_the_appendix),
        cmocka_unit_test(ecs_has_its_fields),
        cmocka_unit_test(csv_holds_all_columns),
        cmocka_unit_test(csv_may_have_a_mark),
        cmocka_unit_test(csv_quotes_what_needs_it),
        cmocka_unit_test(csv_cells_as_libcsv_writes_them),
        cmocka_unit_test(sqlite_holds_all_columns),
        cmocka_unit_test(sqlite_views_have_typed_columns),
        cmocka_unit_test(sqlite_keeps_traces_classes_damage),
        cmocka_unit_test(sqlite_timestamps_are_exact),
        cmocka_unit_test(timesketch_has_its_members),
        cmocka_unit_test(csv_guard_knows_formulas),
        cmocka_unit_test(l2tcsv_has_its_columns),
        cmocka_unit_test(no_records_make_valid_outputs),
        cmocka_unit_test(names_of_a_million_bytes_still_make_views),
        cmocka_unit_test(failures_are_sentences),
        cmocka_unit_test(outputs_are_recognised),
        cmocka_unit_test(foreign_database),
        cmocka_unit_test(formats_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
