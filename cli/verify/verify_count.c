#include <csv.h>
#include <string.h>

#include "base/limits.h"
#include "base/os.h"
#include "base/outbuf.h"
#include "base/sqlite_fd.h"
#include "etwkit_engine.h"
#include "packing.h"
#include "verify/verify.h"

enum { CHUNK = 256 << 10, STEPS_AT_LEAST = 5000000 }; // of SQLite; a record has more bytes than it takes steps

static bool unreadable(const input *in, u64 at, error *e)
{
    return error_code_set(e, ERR_IO, "%s: a read failed at byte %llu", in->path, (unsigned long long)at);
}

// ---------------------------------------------------------------------------------------------- CSV

static void count_row(int end, void *context)
{
    (void)end;
    ++*(u64 *)context;
}

static bool count_csv(const input *in, bool header, u64 *records, error *e)
{
    struct csv_parser parser;
    u64 rows = 0, at = 0;
    bool lost = false, ok = true;
    if (csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI) != 0)
        return error_set(e, "%s: libcsv cannot be started", in->path);
    char *chunk = mem_alloc(CHUNK);
    for (size_t got; ok && (got = input_read(in, at, chunk, CHUNK, &lost)) > 0; at += got) {
        size_t done = csv_parse(&parser, chunk, got, NULL, count_row, &rows);
        if (done < got)
            ok = error_set(e, "%s: not CSV at byte %llu, row %llu: %s", in->path, (unsigned long long)(at + done),
                           (unsigned long long)rows + 1, csv_strerror(csv_error(&parser)));
    }
    if (ok && lost)
        ok = unreadable(in, at, e);
    if (ok && csv_fini(&parser, NULL, count_row, &rows) != 0)
        ok = error_set(e, "%s: the last row ends inside quotes", in->path);
    csv_free(&parser);
    mem_free(chunk);
    *records = rows - (header && rows);
    return ok && (rows || !header || error_set(e, "%s: has no header row", in->path));
}

// ---------------------------------------------------------------------------------------------- text

static bool count_text(const input *in, u64 *records, error *e)
{
    u64 at = 0;
    u8 last = '\n';
    bool lost = false;
    u8 *chunk = mem_alloc(CHUNK);
    *records = 0;
    for (size_t got; (got = input_read(in, at, chunk, CHUNK, &lost)) > 0; at += got) {
        for (size_t i = 0; i < got; i++)
            *records += chunk[i] == '\n';
        last = chunk[got - 1];
    }
    mem_free(chunk);
    if (lost)
        return unreadable(in, at, e);
    return last == '\n' || error_set(e, "%s: the last line has no end", in->path);
}

// ---------------------------------------------------------------------------------------------- JSON

// The text around the place that is read: what comes before it is dropped, what comes after it is fetched.
typedef struct json_reader {
    const input *in;
    outbuf text;
    u64 start;  // of text in the input
    size_t pos; // in text
    bool lost;
} json_reader;

// Makes text[pos + more] be there. False: the input ends before.
static bool have(json_reader *r, size_t more)
{
    while (r->text.len - r->pos <= more) {
        if (r->pos) {
            memmove(r->text.bytes, r->text.bytes + r->pos, r->text.len - r->pos);
            r->text.len -= r->pos;
            r->start += r->pos;
            r->pos = 0;
        }
        u8 *at = outbuf_reserve(&r->text, CHUNK);
        size_t got = input_read(r->in, r->start + r->text.len, at, CHUNK, &r->lost);
        if (!got)
            return false;
        r->text.len += got;
    }
    return true;
}

// The next byte that is not white space, not taken; 0: the end.
static u8 peek(json_reader *r)
{
    for (; have(r, 0); r->pos++)
        if (!strchr(" \t\r\n", r->text.bytes[r->pos]) || !r->text.bytes[r->pos])
            return r->text.bytes[r->pos];
    return 0;
}

// Length of the object at pos, by its braces; cJSON judges the rest. 0: it does not end.
static size_t object_length(json_reader *r)
{
    u32 depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < LIMIT_VERIFIED_RECORD && have(r, i); i++) {
        u8 c = r->text.bytes[r->pos + i];
        if (quoted) {
            i += c == '\\';
            quoted = c != '"';
        } else if (c == '"') {
            quoted = true;
        } else if (c == '{') {
            depth++;
        } else if (c == '}' && --depth == 0) {
            return i + 1;
        }
    }
    return 0;
}

static bool take_object(json_reader *r, u64 *records)
{
    size_t len = peek(r) == '{' ? object_length(r) : 0;
    cJSON *object = len ? cJSON_ParseWithLength((const char *)r->text.bytes + r->pos, len) : NULL;
    bool ok = cJSON_IsObject(object);
    cJSON_Delete(object);
    r->pos += ok ? len : 0;
    *records += ok;
    return ok;
}

static bool take_lines(json_reader *r, u64 *records)
{
    while (peek(r))
        if (!take_object(r, records))
            return false;
    return true;
}

static bool take_byte(json_reader *r, u8 wanted)
{
    bool there = peek(r) == wanted;
    r->pos += there;
    return there;
}

static bool take_array(json_reader *r, u64 *records)
{
    if (!take_byte(r, '['))
        return false;
    bool first = true;
    for (; !take_byte(r, ']'); first = false)
        if ((!first && !take_byte(r, ',')) || !take_object(r, records))
            return false;
    return peek(r) == 0;
}

static bool count_json(const input *in, bool array, u64 *records, error *e)
{
    json_reader r = {.in = in};
    *records = 0;
    bool ok = array ? take_array(&r, records) : take_lines(&r, records);
    u64 at = r.start + r.pos;
    outbuf_free(&r.text);
    if (r.lost)
        return unreadable(in, at, e);
    return ok || error_set(e, "%s: not a record as JSON at byte %llu, record %llu", in->path, (unsigned long long)at,
                           (unsigned long long)*records + 1);
}

// ---------------------------------------------------------------------------------------------- SQLite

static bool count_rows(sqlite3 *db, const char *path, u64 *records, error *e)
{
    sqlite3_stmt *count = NULL;
    // With a condition, so that each row is a step of its own.
    bool ok = sqlite3_prepare_v2(db, "SELECT count(*) FROM events WHERE record >= 0", -1, &count, NULL) == SQLITE_OK &&
              sqlite3_step(count) == SQLITE_ROW;
    if (ok)
        *records = (u64)sqlite3_column_int64(count, 0);
    else
        error_set(e, "%s: %s", path, sqlite_fd_error(db, sqlite3_errcode(db)));
    sqlite3_finalize(count);
    return ok;
}

static bool count_sqlite(const input *in, u64 *records, error *e)
{
    os_file file;
    sqlite3 *db = NULL;
    if (!os_open(&file, in->path, e))
        return false;
    bool ok =
        (file.device == in->device && file.inode == in->inode) || error_set(e, "%s: is another file by now", in->path);
    int code = ok ? sqlite_fd_open(file.fd, false, &db) : SQLITE_OK;
    if (code != SQLITE_OK)
        ok = error_set(e, "%s: %s", in->path, sqlite_fd_error(db, code));
    if (ok)
        sqlite_fd_bound(db, STEPS_AT_LEAST + in->bytes);
    ok = ok && count_rows(db, in->path, records, e);
    sqlite3_close(db);
    os_close(&file);
    return ok;
}

// ---------------------------------------------------------------------------------------------- traces

// As `info` counts them.
static bool count_events(const input *in, u64 *events, error *e)
{
    session *s = session_new();
    bool ok = session_add(s, in, e) && session_survey(s, NULL, NULL);
    *events = ok ? s->traces[0]->events : 0;
    session_free(s);
    return ok;
}

// ---------------------------------------------------------------------------------------------- by format

typedef enum reader_kind {
    READ_NOTHING,
    READ_CSV,
    READ_TEXT,
    READ_ARRAY,
    READ_LINES,
    READ_SQLITE,
    READ_PARQUET,
    READ_ITEMS,
    READ_TRACE
} reader_kind;

typedef struct reader {
    const char *format;
    reader_kind kind;
    const char *counted;
} reader;

static reader reader_of(const char *format)
{
    static const reader READERS[] = {
        {"csv", READ_CSV, "records"},          {"l2tcsv", READ_CSV, "records"},
        {"json", READ_ARRAY, "records"},       {"jsonl", READ_LINES, "records"},
        {"timesketch", READ_LINES, "records"}, {"sqlite", READ_SQLITE, "records"},
        {"text", READ_TEXT, "records"},        {"otel", READ_LINES, "records"},
        {"ecs", READ_LINES, "records"},        {"parquet", READ_PARQUET, "records"},
        {"pcapng", READ_ITEMS, "packets"},     {"folded", READ_ITEMS, "samples"},
        {"speedscope", READ_ITEMS, "samples"}, {"perfetto", READ_ITEMS, "events"},
        {"etl", READ_TRACE, "events"},
    };
    for (size_t i = 0; i < COUNT_OF(READERS); i++)
        if (strcmp(READERS[i].format, format) == 0)
            return READERS[i];
    return (reader){"", READ_NOTHING, NULL};
}

// Without the suffix of what it is compressed with.
static reader reader_of_packed(const char *format, const packing **how)
{
    size_t len = strlen(format);
    char name[48] = "";
    *how = packing_of(format, &len);
    if (len < sizeof(name))
        memcpy(name, format, len);
    return reader_of(name);
}

const char *verify_counted(const char *format)
{
    const packing *how;
    return reader_of_packed(format, &how).counted;
}

static bool count(const input *in, const reader *by, bool header, u64 *records, error *e)
{
    switch (by->kind) {
    case READ_CSV:
        return count_csv(in, header, records, e);
    case READ_TEXT:
        return count_text(in, records, e);
    case READ_ARRAY:
        return count_json(in, true, records, e);
    case READ_LINES:
        return count_json(in, false, records, e);
    case READ_SQLITE:
        return count_sqlite(in, records, e);
    case READ_PARQUET:
        return verify_count_parquet(in, records, e);
    case READ_ITEMS:
        return verify_count_items(in, by->format, records, e);
    case READ_TRACE:
        return count_events(in, records, e);
    case READ_NOTHING:
        break;
    }
    return error_set(e, "%s: nobody knows how to count records of its format", in->path);
}

// ---------------------------------------------------------------------------------------------- compressed

typedef struct expanded {
    input *in; // NULL: it cannot be expanded
    error *e;
} expanded;

static bool is_wanted(void *context, const input *head)
{
    (void)context, (void)head;
    return true;
}

static bool take_member(void *context, input *in)
{
    expanded *x = context;
    if (in->is_cut)
        error_set(x->e, "%s: it cannot be expanded whole", in->path);
    else
        x->in = in;
    if (in->is_cut)
        input_close(in);
    return false;
}

static bool member_failed(void *context, const char *path, const error *e)
{
    (void)path;
    *((expanded *)context)->e = *e;
    return true;
}

bool verify_varint(u8 (*next)(void *from), void *from, u64 *value)
{
    *value = 0;
    for (u32 shift = 0; shift < 64; shift += 7) {
        u8 byte = next(from);
        *value |= (u64)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return true;
    }
    return false;
}

static bool count_packed(const input *in, const reader *by, bool header, u64 *records, error *e)
{
    expanded x = {.e = e};
    const archive_visitor visitor = {&x, is_wanted, take_member, member_failed, NULL};
    (void)archive_each(in, &visitor);
    bool ok = x.in && count(x.in, by, header, records, e);
    input_close(x.in);
    return ok;
}

bool verify_count(const input *in, const char *format, bool header, u64 *records, error *e)
{
    const packing *how;
    const reader by = reader_of_packed(format, &how);
    mem_watch_begin();
    bool counted = how ? count_packed(in, &by, header, records, e) : count(in, &by, header, records, e);
    if (!counted)
        mem_watch_end();
    return counted;
}
