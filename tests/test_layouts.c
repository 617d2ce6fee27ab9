// Typed tables of the SQLite output: whatever layouts payloads have, `data` is that of the JSON Lines, views have
// numbers as numbers, and two thousand classes are as good as two.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "etl_text.h"
#include "program.h"

#define RUN(p, ...) program_run((p), (const char *const[]){__VA_ARGS__, NULL})

enum { CLASSES = 2100, MANY = 700 }; // MANY: enough for a table of their own

static void add(outbuf *text, const char *format, ...) PRINTF_LIKE(2, 3);
static void add(outbuf *text, const char *format, ...)
{
    char line[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    outbuf_text(text, line);
}

#define PROVIDER "provider={11223344-0000-4000-8000-000000000001} "

// Each of CLASSES names once, then MANY of one class with every kind of value, then two classes of one name whose
// fields differ in form and order.
static void build(program *p, char path[512])
{
    outbuf text = {0}, file = {0};
    error e = {0};
    add(&text, "trace start=2024-05-01T10:00:00Z buffer-size=65536\nbuffer\n");
    for (int i = 0; i < CLASSES; i++)
        add(&text,
            "tracelogging " PROVIDER
            "traits=\"Layouts\" name=One%d fields={ u32 A; wstr B } payload u32:%d wstr:\"t%d\"\n",
            i, i, i);
    for (int i = 0; i < MANY; i++)
        add(&text,
            "tracelogging " PROVIDER
            "traits=\"Layouts\" name=Many fields={ u32 Count; u32:hex ProcessId; u64 Wide; u64:hex Address; "
            "i64 Less; f64 Part; bool Flag; wstr Name; guid Id; u16[2] Pair; struct Inner { u8 X; wstr Y } } "
            "payload u32:%d u32:%d u64:%llu u64:%llu i64:-%d f64:%d.25 bool:%d wstr:\"a\\\"b\\\\c\\n%d\" "
            "guid:00112233-4455-6677-8899-aabbccddeeff u16:1,%d u8:7 wstr:\"y\"\n",
            i, 3676 + i, i % 2 ? 18446744073709551615ull : (unsigned long long)i,
            i % 2 ? 0xfffffa8000000000ull + (unsigned)i : 0x1000ull, i, i, i % 2, i, i);
    for (int i = 0; i < MANY; i++)
        add(&text,
            i % 2 ? "tracelogging " PROVIDER
                    "traits=\"Layouts\" name=Two fields={ u32 A; wstr B } payload u32:%d wstr:\"%d\"\n"
                  : "tracelogging " PROVIDER
                    "traits=\"Layouts\" name=Two fields={ wstr B; u32:hex A } payload wstr:\"%d\" u32:%d\n",
            i, i);
    if (!etl_text_build((const char *)text.bytes, text.len, &file, &e))
        fail_msg("%s", e.message);
    bytes_save(program_path(p, "in.etl", path), file.bytes, file.len);
    outbuf_free(&text);
    outbuf_free(&file);
}

static sqlite3 *open_made(program *p, const char *in)
{
    char path[512];
    sqlite3 *db;
    assert_int_equal(RUN(p, "convert", in, "-q", "--cache", "none", "-o", "{}/out.db"), 0);
    assert_int_equal(sqlite3_open_v2(program_path(p, "out.db", path), &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    return db;
}

static void is(sqlite3 *db, const char *sql, const char *wanted)
{
    sqlite3_stmt *row;
    if (sqlite3_prepare_v2(db, sql, -1, &row, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    assert_int_equal(sqlite3_step(row), SQLITE_ROW);
    const char *text = (const char *)sqlite3_column_text(row, 0);
    assert_string_equal(text ? text : "NULL", wanted);
    sqlite3_finalize(row);
}

// The data of each line, as it stands there, is that of the event.
static void data_is_that_of_json_lines(program *p, sqlite3 *db, const char *in)
{
    sqlite3_stmt *row;
    u32 rows = 0;
    assert_int_equal(RUN(p, "convert", in, "-q", "--cache", "none", "-f", "jsonl"), 0);
    assert_int_equal(sqlite3_prepare_v2(db, "SELECT data FROM events ORDER BY record", -1, &row, NULL), SQLITE_OK);
    char *line = (char *)p->out.bytes;
    while (sqlite3_step(row) == SQLITE_ROW) {
        char *end = strchr(line, '\n'), *data = strstr(line, ",\"data\":");
        assert_non_null(end);
        const char *found = (const char *)sqlite3_column_text(row, 0);
        bool has = data && data < end;
        assert_int_equal(found != NULL, has);
        if (has && strncmp(data + strlen(",\"data\":"), found, strlen(found)) != 0)
            fail_msg("record %u: %s\nbut %.*s", rows + 1, found, (int)(end - data), data);
        line = end + 1;
        rows++;
    }
    assert_string_equal(line, "");
    assert_int_equal(rows, 1 + CLASSES + 2 * MANY);
    sqlite3_finalize(row);
}

static void time_ranges_use_the_index(sqlite3 *db)
{
    sqlite3_stmt *row;
    const char *sql = "EXPLAIN QUERY PLAN SELECT record FROM events WHERE time BETWEEN 1 AND 2";
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &row, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(row), SQLITE_ROW);
    assert_non_null(strstr((const char *)sqlite3_column_text(row, 3), "records_time (time>? AND time<?)"));
    sqlite3_finalize(row);
}

// Names without slashes, whatever others are like them.
static void views_have_aliases(void **state)
{
    static const char *const WANTED[][2] = {
        {"A-B/X", "A_B_X"},
        {"A_B/X", "A_B_X_2"},
        {"a.b/x", "a_b_x_3"},
        {"layout/fields", "layout_fields_2"},
        {"text/search", "text_search_2"},
        {"1st/2", "_1st_2"},
        {"current/time", "current_time_2"},
        {"\xc3\xa9t\xc3\xa9/\"1'", "\xc3\xa9t\xc3\xa9__1_"},
    };
    program *p = *state;
    outbuf text = {0}, file = {0};
    error e = {0};
    char path[512], sql[256];
    add(&text, "trace start=2024-05-01T10:00:00Z buffer-size=65536\nbuffer\n");
    for (size_t i = 0; i < COUNT_OF(WANTED); i++) {
        const char *slash = strchr(WANTED[i][0], '/');
        bool quoted = strchr(slash, '"') != NULL;
        add(&text,
            "tracelogging provider={11223344-0000-4000-8000-%012zu} traits=\"%.*s\" name=%s fields={ u32 A } payload u32:%zu\n",
            i, (int)(slash - WANTED[i][0]), WANTED[i][0], quoted ? "\"\\\"1'\"" : slash + 1, i);
    }
    if (!etl_text_build((const char *)text.bytes, text.len, &file, &e))
        fail_msg("%s", e.message);
    bytes_save(program_path(p, "in.etl", path), file.bytes, file.len);
    sqlite3 *db = open_made(p, path);
    is(db, "SELECT count(*) FROM (SELECT 1 FROM sqlite_master GROUP BY lower(name) HAVING count(*)>1)", "0");
    for (size_t i = 0; i < COUNT_OF(WANTED); i++) {
        char number[8];
        snprintf(number, sizeof(number), "%zu", i);
        snprintf(sql, sizeof(sql), "SELECT A FROM %s", WANTED[i][1]);
        is(db, sql, number);
        snprintf(sql, sizeof(sql), "SELECT view_name FROM event_classes WHERE view_alias='%s'", WANTED[i][1]);
        is(db, sql, WANTED[i][0]);
    }
    sqlite3_close(db);
    outbuf_free(&text);
    outbuf_free(&file);
}

static void layouts_of_all_kinds(void **state)
{
    program *p = *state;
    char in[512];
    build(p, in);
    sqlite3 *db = open_made(p, in);
    data_is_that_of_json_lines(p, db, in);
    // The two with many records have tables of their own.
    is(db, "SELECT count(*) FROM sqlite_master WHERE type='table' AND name GLOB 'fields_*'", "2");
    is(db, "SELECT A||B||typeof(A) FROM \"Layouts/One2099\"", "2099t2099integer");
#define OF_MANY " FROM \"Layouts/Many\" WHERE Count="
    is(db, "SELECT sum(Count)||','||count(*) FROM \"Layouts/Many\"", "244650,700");
    is(db, "SELECT typeof(ProcessId)||ProcessId" OF_MANY "5", "integer3681");
    is(db, "SELECT typeof(Wide)||Wide" OF_MANY "4", "integer4");
    is(db, "SELECT typeof(Wide)||Wide" OF_MANY "5", "text18446744073709551615");
    is(db, "SELECT typeof(Address)||Address" OF_MANY "4", "integer4096");
    is(db, "SELECT typeof(Address)||Address" OF_MANY "5", "text0xFFFFFA8000000005");
    is(db, "SELECT Less||'|'||Part||'|'||typeof(Part)||'|'||Flag||'|'||Pair||'|'||Inner" OF_MANY "5",
       "-5|5.25|real|1|[1,5]|{\"X\":7,\"Y\":\"y\"}");
    is(db, "SELECT Name" OF_MANY "5", "a\"b\\c\n5");
    is(db,
       "SELECT timestamp||process_id||thread_id||state||schema||source||event_name||level FROM \"Layouts/Many\" LIMIT 1",
       "2024-05-01T10:00:00.0210100Z48decodedtraceloggingin.etlMany5");
    is(db, "SELECT count(*) FROM \"Layouts/Two\" WHERE A=CAST(B AS INTEGER)", "700");
    is(db, "SELECT group_concat(record) FROM (SELECT record FROM \"Layouts/Two\" LIMIT 3)", "2802,2803,2804");
    is(db, "SELECT count(*) FROM event_classes c JOIN sqlite_master v ON v.type='view' AND v.name=c.view_name", "2104");
    time_ranges_use_the_index(db);
    is(db, "PRAGMA integrity_check", "ok");
    sqlite3_close(db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(layouts_of_all_kinds, program_setup, program_teardown),
        cmocka_unit_test_setup_teardown(views_have_aliases, program_setup, program_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
