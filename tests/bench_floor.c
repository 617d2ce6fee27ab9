// Ceilings for `make bench`, taken in the same run as what they are compared with.
//
//     bench_floor insert FROM.db TO.db   the rows of an SQLite output inserted again by a bare loop, with the index and
//                                        the close: ns a row
//     bench_floor load FROM.db TO.db     the same without the index
//     bench_floor inflate TRACE          the compressed buffers of a trace inflated: GB a second out
//     bench_floor write BYTES FILE       so many bytes written from one warm block: the time is for the caller to take
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/os.h"
#include "container/etl_file.h"
#include "container/xpress.h"
#include "sqlite_views.h"

enum { COLUMNS = 64, INFLATE_BOUND = 16 << 20, WRITE_BLOCK = 256 << 10 };

// One column of one row, ready to bind.
typedef struct cell {
    int type;
    i64 number;
    const char *text;
    int len;
} cell;

static int complain(sqlite3 *db, const char *what)
{
    fprintf(stderr, "bench_floor: %s: %s\n", what, sqlite3_errmsg(db));
    return 1;
}

static cell *read_rows(sqlite3 *db, arena *a, int *columns, u64 *rows)
{
    sqlite3_stmt *select = NULL;
    cell *cells = NULL;
    u32 count = 0, cap = 0;
    if (sqlite3_prepare_v2(db, "SELECT * FROM records ORDER BY record", -1, &select, NULL) != SQLITE_OK)
        return NULL;
    *columns = sqlite3_column_count(select);
    *rows = 0;
    while (sqlite3_step(select) == SQLITE_ROW) {
        for (int i = 0; i < *columns; i++) {
            cell c = {.type = sqlite3_column_type(select, i)};
            if (c.type == SQLITE_INTEGER)
                c.number = sqlite3_column_int64(select, i);
            if (c.type == SQLITE_TEXT) {
                c.len = sqlite3_column_bytes(select, i);
                c.text = arena_text_len(a, (const char *)sqlite3_column_text(select, i), (size_t)c.len);
            }
            GROW(cells, count, cap);
            cells[count++] = c;
        }
        ++*rows;
    }
    sqlite3_finalize(select);
    return cells;
}

// A column that is NULL and stays NULL is not bound again.
static void bind_cells(sqlite3_stmt *insert, const cell *cells, int columns, bool *bound)
{
    for (int i = 0; i < columns; i++) {
        const cell *c = &cells[i];
        if (c->type == SQLITE_INTEGER)
            sqlite3_bind_int64(insert, i + 1, c->number);
        else if (c->type == SQLITE_TEXT)
            sqlite3_bind_text(insert, i + 1, c->text, c->len, SQLITE_STATIC);
        else if (bound[i])
            sqlite3_bind_null(insert, i + 1);
        bound[i] = c->type == SQLITE_INTEGER || c->type == SQLITE_TEXT;
    }
}

// The statement that made the table.
static const char *table_sql(sqlite3 *db, arena *a)
{
    sqlite3_stmt *select = NULL;
    const char *sql = "";
    if (sqlite3_prepare_v2(db, "SELECT sql FROM sqlite_master WHERE name='records'", -1, &select, NULL) == SQLITE_OK &&
        sqlite3_step(select) == SQLITE_ROW)
        sql = arena_text(a, (const char *)sqlite3_column_text(select, 0));
    sqlite3_finalize(select);
    return sql;
}

static int insert_rows(sqlite3 *to, const char *table, const char *after, const cell *cells, int columns, u64 rows)
{
    char sql[512] = "INSERT INTO records VALUES(?";
    for (int i = 1; i < columns; i++)
        strcat(sql, ",?");
    strcat(sql, ")");
    sqlite3_stmt *insert = NULL;
    bool bound[COLUMNS] = {false};
    double start = os_seconds();
    if (sqlite3_exec(to, sqlite_pragmas, NULL, NULL, NULL) != SQLITE_OK ||
        sqlite3_exec(to, "BEGIN", NULL, NULL, NULL) != SQLITE_OK ||
        sqlite3_exec(to, table, NULL, NULL, NULL) != SQLITE_OK ||
        sqlite3_prepare_v3(to, sql, -1, SQLITE_PREPARE_PERSISTENT, &insert, NULL) != SQLITE_OK)
        return complain(to, "table");
    for (u64 row = 0; row < rows; row++) {
        bind_cells(insert, &cells[row * (u64)columns], columns, bound);
        if (sqlite3_step(insert) != SQLITE_DONE)
            return complain(to, "insert");
        sqlite3_reset(insert);
    }
    sqlite3_finalize(insert);
    if (sqlite3_exec(to, "COMMIT", NULL, NULL, NULL) != SQLITE_OK ||
        sqlite3_exec(to, after, NULL, NULL, NULL) != SQLITE_OK)
        return complain(to, "end");
    sqlite3_close(to);
    double took = os_seconds() - start;
    printf("%.0f\n", rows ? took * 1e9 / (double)rows : 0);
    return 0;
}

static int bench_insert(const char *from, const char *path, const char *after)
{
    sqlite3 *db = NULL, *to = NULL;
    arena a = {0};
    int columns = 0, code = 1;
    u64 rows = 0;
    os_remove(path);
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    if (sqlite3_open(from, &db) != SQLITE_OK)
        return complain(db, from);
    cell *cells = read_rows(db, &a, &columns, &rows);
    const char *table = table_sql(db, &a);
    sqlite3_close(db);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    if (sqlite3_open_v2(path, &to, flags, NULL) != SQLITE_OK)
        return complain(to, path);
    if (cells && columns <= COLUMNS)
        code = insert_rows(to, table, after, cells, columns, rows);
    mem_free(cells);
    arena_free(&a);
    return code;
}

static int bench_inflate(const char *path)
{
    etl_file f;
    error e = {0};
    input *in = NULL;
    if (!input_open(&in, path, &e) || !etl_open(&f, in, &e)) {
        fprintf(stderr, "bench_floor: %s\n", e.message);
        return 1;
    }
    // All compressed bytes first, so that only inflating is timed.
    u8 *packed = mem_alloc((size_t)in->bytes), *out = mem_alloc(INFLATE_BOUND);
    bool failed = false;
    (void)input_read(in, 0, packed, (size_t)in->bytes, &failed);
    u64 made = 0;
    double start = os_seconds(), took;
    do {
        for (u32 i = 0; i < f.count; i++) {
            const etl_buffer *b = &f.buffers[i];
            if (!(b->flags & BUFFER_FLAG_COMPRESSED) || b->used > INFLATE_BOUND - XPRESS_SLACK)
                continue;
            span stream = {packed + b->offset + BUFFER_HEADER_BYTES, b->size - BUFFER_HEADER_BYTES};
            if (xpress_inflate(stream, out, b->used - BUFFER_HEADER_BYTES, &e))
                made += b->used - BUFFER_HEADER_BYTES;
        }
        took = os_seconds() - start;
    } while (took < 0.5 && made);
    printf("%.2f\n", made ? (double)made / took / 1e9 : 0);
    mem_free(packed);
    mem_free(out);
    etl_close(&f);
    input_close(in);
    return 0;
}

static int bench_write(unsigned long long bytes, const char *path)
{
    static char block[WRITE_BLOCK];
    memset(block, 'e', sizeof block);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    while (fd >= 0 && bytes) {
        ssize_t wrote = write(fd, block, bytes < sizeof block ? (size_t)bytes : sizeof block);
        if (wrote <= 0)
            break;
        bytes -= (unsigned long long)wrote;
    }
    if (fd < 0 || close(fd) != 0 || bytes) {
        fprintf(stderr, "bench_floor: %s cannot be written\n", path);
        return 1;
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "insert") == 0)
        return bench_insert(argv[2], argv[3], sqlite_indexes);
    if (argc == 4 && strcmp(argv[1], "load") == 0)
        return bench_insert(argv[2], argv[3], "");
    if (argc == 3 && strcmp(argv[1], "inflate") == 0)
        return bench_inflate(argv[2]);
    if (argc == 4 && strcmp(argv[1], "write") == 0)
        return bench_write(strtoull(argv[2], NULL, 10), argv[3]);
    fprintf(stderr, "usage: bench_floor insert|load FROM.db TO.db | inflate TRACE | write BYTES FILE\n");
    return 2;
}
