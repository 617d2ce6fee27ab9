// Writing the schema cache: everything into one empty file, which its owner puts in its place.
//
// Rows of the old cache are copied as they are, after a look at their digests.
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "schema/cache/schema_cache_sql.h"
#include "schema/cache/schema_pack.h"

enum { PAGE_BYTES = 8192 };

typedef struct writer {
    sqlite3 *db;
    const char *path;
    sqlite3_stmt *insert, *insert_class;
    outbuf body;
    u64 rows, new_events, new_rows, kept, left_out;
} writer;

static bool run(writer *w, const char *sql, error *e)
{
    return sqlite3_exec(w->db, sql, NULL, NULL, NULL) == SQLITE_OK || cache_failed(w->db, w->path, e);
}

// One transaction without journal: the file is nobody's until it is complete.
static bool begin(writer *w, int fd, error *e)
{
    char settings[160];
    snprintf(settings, sizeof(settings),
             "PRAGMA page_size=%d; PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; "
             "BEGIN EXCLUSIVE",
             PAGE_BYTES);
    int code = sqlite_fd_open(fd, true, &w->db);
    if (!w->db)
        mem_run_out(0);
    return code == SQLITE_OK ? run(w, settings, e) : cache_failed(w->db, w->path, e);
}

static bool make_tables(writer *w, error *e)
{
    char sql[160];
    snprintf(sql, sizeof(sql), "PRAGMA application_id=%d; PRAGMA user_version=%d", CACHE_APPLICATION, CACHE_VERSION);
    if (!run(w, sql, e))
        return false;
    for (u32 i = 0; i < CACHE_OBJECTS; i++)
        if (!run(w, cache_objects[i].sql, e))
            return false;
    return run(w, "INSERT INTO meta VALUES('what', 'etwkit schema cache'), ('digest', 'SHA-256')", e) &&
           cache_prepare(
               w->db, w->path,
               "INSERT OR IGNORE INTO providers(digest, id, name, path, origin, os_build, events, maps, body) "
               "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
               &w->insert, e) &&
           cache_prepare(w->db, w->path, "INSERT OR IGNORE INTO classes(class, provider) VALUES(?1, ?2)",
                         &w->insert_class, e);
}

// ---------------------------------------------------------------------------------------------- rows

static bool add_class(writer *w, const guid *class_id, const guid *provider, error *e)
{
    sqlite3_bind_blob(w->insert_class, 1, class_id->bytes, sizeof(guid), SQLITE_STATIC);
    sqlite3_bind_blob(w->insert_class, 2, provider->bytes, sizeof(guid), SQLITE_STATIC);
    bool ok = sqlite3_step(w->insert_class) == SQLITE_DONE || cache_failed(w->db, w->path, e);
    sqlite3_reset(w->insert_class);
    return ok;
}

// Events that name only a class or message GUID are found through it.
static bool add_classes(writer *w, const provider_schema *p, u32 first, u32 count, error *e)
{
    const guid *last = NULL;
    for (u32 i = first; i < first + count; i++) {
        const event_schema *event = p->events[i];
        if (event->key == KEY_MANIFEST || guid_equal(&event->event_guid, &p->id) ||
            (last && guid_equal(last, &event->event_guid)))
            continue;
        last = &event->event_guid;
        if (!add_class(w, &event->event_guid, &p->id, e))
            return false;
    }
    return true;
}

static bool step_insert(writer *w, u32 events, error *e)
{
    bool ok = sqlite3_step(w->insert) == SQLITE_DONE || cache_failed(w->db, w->path, e);
    if (ok && sqlite3_changes(w->db) > 0) {
        w->rows++;
        w->new_rows++;
        w->new_events += events;
    }
    sqlite3_reset(w->insert);
    return ok && (w->rows <= LIMIT_CACHE_ROWS ||
                  error_set(e, "%s: a schema cache holds at most %d descriptions", w->path, LIMIT_CACHE_ROWS));
}

static bool add_row(writer *w, const provider_schema *p, u32 first, u32 count, error *e)
{
    u8 digest[DIGEST_BYTES];
    w->body.len = 0;
    bool fits = schema_pack(p, first, count, &w->body);
    *(fits ? &w->kept : &w->left_out) += count;
    if (!fits)
        return true;
    span body = {w->body.bytes, w->body.len};
    sha256_of(body, digest);
    sqlite3_bind_blob(w->insert, 1, digest, sizeof(digest), SQLITE_STATIC);
    sqlite3_bind_blob(w->insert, 2, p->id.bytes, sizeof(p->id.bytes), SQLITE_STATIC);
    sqlite3_bind_text(w->insert, 3, p->name, -1, SQLITE_STATIC);
    sqlite3_bind_text(w->insert, 4, p->path, -1, SQLITE_STATIC);
    sqlite3_bind_int64(w->insert, 5, (i64)p->origin);
    sqlite3_bind_int64(w->insert, 6, p->os_build);
    sqlite3_bind_int64(w->insert, 7, count);
    sqlite3_bind_int64(w->insert, 8, p->map_count);
    sqlite3_bind_blob64(w->insert, 9, body.at, body.len, SQLITE_STATIC);
    return step_insert(w, count, e) && add_classes(w, p, first, count, e);
}

static bool add_set(writer *w, const schema_set *set, error *e)
{
    u32 at = 0;
    for (provider_schema *p; (p = schema_each(set, &at)) != NULL;) {
        bool one_by_one = p->origin == ORIGIN_EMBEDDED;
        schema_sort(p);
        if (!one_by_one && !add_row(w, p, 0, p->event_count, e))
            return false;
        for (u32 i = 0; one_by_one && i < p->event_count; i++)
            if (!add_row(w, p, i, 1, e))
                return false;
    }
    return true;
}

static bool copy_row(writer *w, schema_cache *old, sqlite3_stmt *row, error *e)
{
    enum { COLUMNS = 9, BODY = 8 };
    span body = {sqlite3_column_blob(row, BODY), (size_t)sqlite3_column_bytes(row, BODY)};
    bool same = body.at && sqlite3_column_bytes(row, 0) == DIGEST_BYTES && sha256_is(body, sqlite3_column_blob(row, 0));
    if (!same || sqlite3_column_bytes(row, 1) != sizeof(guid)) {
        cache_refuse(old, "%s: a description of %zu bytes does not have the digest it was stored with; it is left out",
                     old->path, body.len);
        return true;
    }
    for (int i = 0; i < COLUMNS; i++)
        sqlite3_bind_value(w->insert, i + 1, sqlite3_column_value(row, i));
    return step_insert(w, 0, e);
}

static bool copy_classes(writer *w, schema_cache *old, error *e)
{
    sqlite3_stmt *row = NULL;
    if (!cache_prepare(old->db, old->path, "SELECT class, provider FROM classes ORDER BY class, provider", &row, e))
        return false;
    int code;
    bool ok = true;
    guid last[2] = {0};
    while (ok && (code = sqlite3_step(row)) == SQLITE_ROW) {
        if (sqlite3_column_bytes(row, 0) != sizeof(guid) || sqlite3_column_bytes(row, 1) != sizeof(guid))
            continue;
        guid pair[2] = {guid_load(sqlite3_column_blob(row, 0)), guid_load(sqlite3_column_blob(row, 1))};
        ok = memcmp(pair, last, sizeof(pair)) > 0 ? add_class(w, &pair[0], &pair[1], e)
                                                  : error_set(e, "%s: its table of classes is damaged", old->path);
        memcpy(last, pair, sizeof(last));
    }
    if (ok && code != SQLITE_DONE)
        ok = cache_failed(old->db, old->path, e);
    sqlite3_finalize(row);
    return ok;
}

static bool copy_old(writer *w, schema_cache *old, error *e)
{
    sqlite3_stmt *row = NULL;
    cache_begin(old);
    if (!cache_prepare(old->db, old->path,
                       "SELECT digest, id, name, path, origin, os_build, events, maps, body FROM providers", &row, e))
        return false;
    int code;
    bool ok = true;
    u64 rows = 0;
    while (ok && (code = sqlite3_step(row)) == SQLITE_ROW)
        ok = ++rows <= old->rows ? copy_row(w, old, row, e)
                                 : error_set(e, "%s: more descriptions than its index knows", old->path);
    if (ok && code != SQLITE_DONE)
        ok = cache_failed(old->db, old->path, e);
    sqlite3_finalize(row);
    return ok && copy_classes(w, old, e);
}

// ---------------------------------------------------------------------------------------------- the whole

static bool fill(writer *w, schema_cache *old, const schema_set *set, schema_cache_news *news, error *e)
{
    if (!make_tables(w, e) || (old && !copy_old(w, old, e)))
        return false;
    bool lost = old && w->rows != old->rows;
    w->new_rows = 0;
    if (!add_set(w, set, e))
        return false;
    news->events = w->new_events;
    news->kept = w->kept;
    news->left_out = w->left_out;
    news->changed = w->new_rows > 0 || lost || (!old && w->kept);
    return !news->changed || run(w, "COMMIT", e);
}

bool schema_cache_fill(int fd, const char *path, schema_cache *old, const schema_set *set, schema_cache_news *news,
                       error *e)
{
    writer w = {.path = path};
    *news = (schema_cache_news){0};
    bool ok = begin(&w, fd, e) && fill(&w, old, set, news, e);
    sqlite3_finalize(w.insert);
    sqlite3_finalize(w.insert_class);
    sqlite3_close(w.db);
    outbuf_free(&w.body);
    return ok;
}
