// Trees that are written without SQLite, as SQLite reads them: all rows are there, in order, and the file is whole.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sqlite_row.h"
#include "sqlite_tree.h"

typedef struct made {
    char path[64];
    int fd;
    u32 table, index;
} made;

static sqlite3 *open_db(const made *m)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(m->path, &db), SQLITE_OK);
    return db;
}

static i64 number_of(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *row;
    if (sqlite3_prepare_v2(db, sql, -1, &row, NULL) != SQLITE_OK || sqlite3_step(row) != SQLITE_ROW)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    i64 number = sqlite3_column_int64(row, 0);
    sqlite3_finalize(row);
    return number;
}

static void is_whole(sqlite3 *db)
{
    sqlite3_stmt *row;
    assert_int_equal(sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &row, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(row), SQLITE_ROW);
    assert_string_equal(sqlite3_column_text(row, 0), "ok");
    sqlite3_finalize(row);
}

static made begin(void)
{
    made m = {.path = "/tmp/etwkit_tree_XXXXXX"};
    m.fd = mkstemp(m.path);
    sqlite3 *db = open_db(&m);
    assert_int_equal(sqlite3_exec(db,
                                  "PRAGMA page_size=16384;PRAGMA journal_mode=OFF;"
                                  "CREATE TABLE t(id INTEGER PRIMARY KEY,a,b,c,d DEFAULT 7);CREATE INDEX i ON t(a);",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    m.table = (u32)number_of(db, "SELECT rootpage FROM sqlite_master WHERE name='t'");
    m.index = (u32)number_of(db, "SELECT rootpage FROM sqlite_master WHERE name='i'");
    sqlite3_close(db);
    return m;
}

static void end(made *m)
{
    close(m->fd);
    unlink(m->path);
}

// Row n has numbers of every size in a, and in b a text of `len` bytes.
static i64 value_of(i64 n)
{
    return n % 3 == 2 ? -n : n * 40000000 / (n % 7 + 1);
}

static void add_row(outbuf *out, sqlite_tree *t, page_file *f, i64 n, i64 a, size_t len)
{
    row_maker row;
    error e = {0};
    out->len = 0;
    row_begin(&row, out, 5);
    row_null(&row);
    row_number(&row, a);
    memset(outbuf_reserve(out, len), 'a' + (int)(n % 26), len);
    out->len += len;
    row_text(&row);
    size_t at = row_end(&row);
    assert_true(tree_add(t, f, n, (span){out->bytes + at, out->len - at}, &e));
}

static void add_entry(outbuf *out, sqlite_tree *t, page_file *f, i64 a, i64 n)
{
    row_maker row;
    error e = {0};
    out->len = 0;
    row_begin(&row, out, 2);
    row_number(&row, a);
    row_number(&row, n);
    size_t at = row_end(&row);
    assert_true(tree_add(t, f, 0, (span){out->bytes + at, out->len - at}, &e));
}

static void fill(made *m, i64 rows, size_t (*len)(i64 n), i64 (*a)(i64 n), bool with_index)
{
    error e = {0};
    page_file f;
    outbuf out = {0};
    sqlite_tree table = {.root = m->table}, index = {.root = m->index, .is_index = true};
    assert_true(page_file_open(&f, m->fd, "test", &e));
    for (i64 n = 1; n <= rows; n++) {
        add_row(&out, &table, &f, n, a(n), len(n));
        if (with_index)
            add_entry(&out, &index, &f, a(n), n);
    }
    assert_true(tree_end(&table, &f, &e));
    assert_true(tree_end(&index, &f, &e));
    assert_true(page_file_close(&f, &e));
    outbuf_free(&out);
}

static void rows_are_there(sqlite3 *db, i64 rows, size_t (*len)(i64 n), i64 (*a)(i64 n))
{
    sqlite3_stmt *row;
    assert_int_equal(sqlite3_prepare_v2(db, "SELECT id,a,b,c,d FROM t", -1, &row, NULL), SQLITE_OK);
    for (i64 n = 1; n <= rows; n++) {
        assert_int_equal(sqlite3_step(row), SQLITE_ROW);
        assert_int_equal(sqlite3_column_int64(row, 0), n);
        assert_int_equal(sqlite3_column_int64(row, 1), a(n));
        const char *text = (const char *)sqlite3_column_text(row, 2);
        size_t bytes = (size_t)sqlite3_column_bytes(row, 2);
        assert_int_equal(bytes, len(n));
        for (size_t i = 0; i < bytes; i++)
            assert_int_equal(text[i], 'a' + n % 26);
        assert_int_equal(sqlite3_column_type(row, 3), SQLITE_NULL);
        assert_int_equal(sqlite3_column_int64(row, 4), 7); // left out: its default
    }
    assert_int_equal(sqlite3_step(row), SQLITE_DONE);
    sqlite3_finalize(row);
}

static size_t few_bytes(i64 n)
{
    return (size_t)n % 50;
}

// Around what a page holds, and a few pages more.
static size_t any_bytes(i64 n)
{
    return (size_t)(n % 40 == 0 ? 16200 + n % 300 : n % 97 == 0 ? 30000 + n * 17 % 90000 : n * 31 % 4000);
}

static size_t half_pages(i64 n)
{
    return n ? 8000 : 0;
}

static i64 same_number(i64 n)
{
    return n;
}

static void counts_of_rows(void **state)
{
    static const i64 COUNTS[] = {0, 1, 2, 300, 301, 5000, 200000};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(COUNTS); i++) {
        made m = begin();
        fill(&m, COUNTS[i], few_bytes, same_number, true);
        sqlite3 *db = open_db(&m);
        is_whole(db);
        rows_are_there(db, COUNTS[i], few_bytes, same_number);
        assert_int_equal(number_of(db, "SELECT count(*) FROM t WHERE a BETWEEN 250 AND 310"), COUNTS[i] < 250 ? 0
                                                                                              : COUNTS[i] < 310
                                                                                                  ? COUNTS[i] - 249
                                                                                                  : 61);
        sqlite3_close(db);
        end(&m);
    }
}

static void numbers_and_texts_of_all_lengths(void **state)
{
    (void)state;
    made m = begin();
    fill(&m, 4000, any_bytes, value_of, false);
    sqlite3 *db = open_db(&m);
    rows_are_there(db, 4000, any_bytes, value_of);
    assert_int_equal(sqlite3_exec(db, "REINDEX i;VACUUM", NULL, NULL, NULL), SQLITE_OK);
    is_whole(db);
    rows_are_there(db, 4000, any_bytes, value_of);
    sqlite3_close(db);
    end(&m);
}

// Some 1,400 pages make a page of the level above; then there is another level.
static void trees_of_three_levels(void **state)
{
    enum { ROWS = 6001 };
    (void)state;
    made m = begin();
    fill(&m, ROWS, half_pages, same_number, false);
    sqlite3 *db = open_db(&m);
    rows_are_there(db, ROWS, half_pages, same_number);
    assert_int_equal(number_of(db, "SELECT a FROM t WHERE id=4711"), 4711);
    assert_int_equal(sqlite3_exec(db, "REINDEX i", NULL, NULL, NULL), SQLITE_OK);
    is_whole(db);
    sqlite3_close(db);
    end(&m);
}

// SQLite refuses the page with its locks.
static void page_of_locks_is_passed_over(void **state)
{
    (void)state;
    made m = begin();
    assert_int_equal(ftruncate(m.fd, (1 << 30) - 5 * TREE_PAGE), 0);
    fill(&m, 400, any_bytes, value_of, false);
    sqlite3 *db = open_db(&m);
    rows_are_there(db, 400, any_bytes, value_of);
    sqlite3_close(db);
    end(&m);
}

static void varints(void **state)
{
    static const struct {
        u64 value;
        size_t bytes;
    } CASES[] = {{0, 1},          {127, 1},       {128, 2}, {16383, 2}, {16384, 3}, {(1ull << 56) - 1, 8},
                 {1ull << 56, 9}, {UINT64_MAX, 9}};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(CASES); i++) {
        u8 at[ROW_VARINT];
        assert_int_equal(row_put_varint(at, CASES[i].value) - at, CASES[i].bytes);
        u64 value = 0;
        for (size_t k = 0; k < CASES[i].bytes; k++)
            value = k == 8 ? value << 8 | at[k] : value << 7 | (at[k] & 0x7f);
        assert_true(value == CASES[i].value);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(varints),
        cmocka_unit_test(counts_of_rows),
        cmocka_unit_test(numbers_and_texts_of_all_lengths),
        cmocka_unit_test(trees_of_three_levels),
        cmocka_unit_test(page_of_locks_is_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
