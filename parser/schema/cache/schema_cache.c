// Reading the schema cache.
//
// A cache may come from another machine, so nothing in it is believed: the file has exactly our tables, SQLite runs
// with a bound on its work and on what it may allocate, each description is compared with its digest and then read by
// schema_unpack, which trusts nothing either. A row that does not hold is left out and counted; the others serve.
// The file is opened as one that never changes (it is replaced, not written to), so readers lock nothing.
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/os.h"
#include "base/text.h"
#include "schema/cache/schema_cache_sql.h"
#include "schema/cache/schema_pack.h"

// The numbers of origins stand in files: another numbering is another CACHE_VERSION.
static_assert(ORIGIN_EMBEDDED == 2 && ORIGIN_MANIFEST == 4 && ORIGIN_STRING == 10, "origins as the cache knows them");

enum { TICK_STEPS = 100000, SQL_BYTES = 4096 };

const cache_object cache_objects[CACHE_OBJECTS] = {
    {"table", "meta", "CREATE TABLE meta(key TEXT NOT NULL, value TEXT NOT NULL)"},
    {"table", "providers",
     "CREATE TABLE providers(digest BLOB NOT NULL, id BLOB NOT NULL, name TEXT, path TEXT, origin INTEGER NOT NULL, "
     "os_build INTEGER NOT NULL, events INTEGER NOT NULL, maps INTEGER NOT NULL, body BLOB NOT NULL)"},
    {"index", "providers_by_digest", "CREATE UNIQUE INDEX providers_by_digest ON providers(digest)"},
    {"index", "providers_by_id", "CREATE INDEX providers_by_id ON providers(id, events DESC, digest)"},
    {"table", "classes",
     "CREATE TABLE classes(class BLOB NOT NULL, provider BLOB NOT NULL, PRIMARY KEY(class, provider)) WITHOUT ROWID"},
};

// ---------------------------------------------------------------------------------------------- shared pieces

void cache_check_memory(sqlite3 *db)
{
    if (sqlite3_errcode(db) == SQLITE_NOMEM)
        mem_run_out(0);
}

bool cache_failed(sqlite3 *db, const char *path, error *e)
{
    cache_check_memory(db);
    if (sqlite3_errcode(db) == SQLITE_INTERRUPT)
        return error_set(e, "%s: took more work to read than a schema cache can", path);
    return error_set(e, "%s: %s", path, sqlite_fd_error(db, sqlite3_errcode(db)));
}

bool cache_prepare(sqlite3 *db, const char *path, const char *sql, sqlite3_stmt **out, error *e)
{
    return sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL) == SQLITE_OK ||
           cache_failed(db, path, e);
}

void cache_refuse(schema_cache *cache, const char *format, ...)
{
    if (cache->refused++)
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(cache->first.message, sizeof(cache->first.message), format, args);
    va_end(args);
}

void cache_begin(schema_cache *cache)
{
    cache->ticks = 0;
}

static int on_tick(void *context)
{
    schema_cache *cache = context;
    return ++cache->ticks > LIMIT_CACHE_TICKS;
}

// ---------------------------------------------------------------------------------------------- opening

char *schema_cache_default_path(void)
{
    static const char NAME[] = "/schemas.db";
    char *folder = os_cache_folder();
    if (!folder)
        return NULL;
    size_t len = strlen(folder);
    folder = mem_grow(folder, len + 1, len + sizeof(NAME), 1);
    memcpy(folder + len, NAME, sizeof(NAME));
    return folder;
}

static bool read_number(schema_cache *cache, const char *sql, i64 *out, error *e)
{
    sqlite3_stmt *statement = NULL;
    if (!cache_prepare(cache->db, cache->path, sql, &statement, e))
        return false;
    bool ok = sqlite3_step(statement) == SQLITE_ROW || cache_failed(cache->db, cache->path, e);
    if (ok)
        *out = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return ok;
}

static bool check_version(schema_cache *cache, error *e)
{
    i64 application = 0, version = 0;
    if (!read_number(cache, "PRAGMA application_id", &application, e) ||
        !read_number(cache, "PRAGMA user_version", &version, e))
        return false;
    if (application != CACHE_APPLICATION)
        return error_set(e, "%s: an SQLite database, but no schema cache", cache->path);
    if (version > CACHE_VERSION)
        return error_set(e, "%s: a schema cache of version %lld; this program reads up to version %d", cache->path,
                         (long long)version, CACHE_VERSION);
    return version >= 1 || error_set(e, "%s: a schema cache that claims version %lld", cache->path, (long long)version);
}

static bool is_object(sqlite3_stmt *row)
{
    for (u32 i = 0; i < CACHE_OBJECTS; i++) {
        const cache_object *o = &cache_objects[i];
        const char *wanted[] = {o->type, o->name, o->sql};
        bool same = true;
        for (int c = 0; c < 3 && same; c++) {
            const char *text = (const char *)sqlite3_column_text(row, c);
            same = text && strcmp(text, wanted[c]) == 0;
        }
        if (same)
            return true;
    }
    return false;
}

static bool check_objects(schema_cache *cache, error *e)
{
    sqlite3_stmt *row = NULL;
    if (!cache_prepare(cache->db, cache->path, "SELECT type, name, sql FROM sqlite_schema", &row, e))
        return false;
    u32 count = 0;
    int code;
    bool ok = true;
    while (ok && (code = sqlite3_step(row)) != SQLITE_DONE) {
        if (code != SQLITE_ROW)
            ok = cache_failed(cache->db, cache->path, e);
        else if (!is_object(row) || ++count > CACHE_OBJECTS)
            ok = error_set(e, "%s: holds tables that a schema cache does not have", cache->path);
    }
    sqlite3_finalize(row);
    return ok && (count == CACHE_OBJECTS || error_set(e, "%s: has %u of the %d tables and indexes of a schema cache",
                                                      cache->path, count, CACHE_OBJECTS));
}

// The digests in their order stand for the content. An index that does not ascend is damaged (or runs in a circle).
static bool hash_rows(schema_cache *cache, sha256 *hash, sqlite3_stmt *row, error *e)
{
    u8 last[DIGEST_BYTES] = {0};
    int code;
    while ((code = sqlite3_step(row)) == SQLITE_ROW) {
        const void *digest = sqlite3_column_blob(row, 0);
        if (sqlite3_column_bytes(row, 0) != DIGEST_BYTES || !digest || memcmp(digest, last, DIGEST_BYTES) <= 0)
            return error_set(e, "%s: the index of its descriptions is damaged at row %llu", cache->path,
                             (unsigned long long)cache->rows + 1);
        if (++cache->rows > LIMIT_CACHE_ROWS)
            return error_set(e, "%s: more than %d descriptions", cache->path, LIMIT_CACHE_ROWS);
        memcpy(last, digest, DIGEST_BYTES);
        sha256_add(hash, (span){digest, DIGEST_BYTES});
    }
    return code == SQLITE_DONE || cache_failed(cache->db, cache->path, e);
}

static bool read_identity(schema_cache *cache, error *e)
{
    static const char NAME[] = "etwkit schema cache 1";
    u8 digest[SHA256_BYTES];
    sqlite3_stmt *row = NULL;
    sha256 *hash = sha256_begin();
    sha256_add(hash, (span){(const u8 *)NAME, sizeof(NAME)});
    bool ok = cache_prepare(cache->db, cache->path,
                            "SELECT digest FROM providers INDEXED BY providers_by_digest ORDER BY digest", &row, e) &&
              hash_rows(cache, hash, row, e);
    sha256_end(hash, digest);
    if (ok)
        sha256_text(digest, cache->identity);
    sqlite3_finalize(row);
    return ok;
}

static bool open_database(schema_cache *cache, error *e)
{
    int code = sqlite_fd_open(cache->file.fd, false, &cache->db);
    if (!cache->db)
        mem_run_out(0);
    if (code != SQLITE_OK)
        return cache_failed(cache->db, cache->path, e);
    sqlite3_limit(cache->db, SQLITE_LIMIT_LENGTH, LIMIT_PACKED_BYTES + SQL_BYTES);
    sqlite3_limit(cache->db, SQLITE_LIMIT_SQL_LENGTH, SQL_BYTES);
    sqlite3_limit(cache->db, SQLITE_LIMIT_COLUMN, 64);
    sqlite3_progress_handler(cache->db, TICK_STEPS, on_tick, cache);
    sqlite3_db_config(cache->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(cache->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(cache->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    sqlite3_db_config(cache->db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
    return sqlite3_exec(cache->db, "PRAGMA cell_size_check=ON; PRAGMA mmap_size=0", NULL, NULL, NULL) == SQLITE_OK ||
           cache_failed(cache->db, cache->path, e);
}

// Statements too that were left in the middle.
static void close_database(void *discarded)
{
    schema_cache *cache = discarded;
    for (sqlite3_stmt *s; cache->db && (s = sqlite3_next_stmt(cache->db, NULL)) != NULL;)
        sqlite3_finalize(s);
    sqlite3_close(cache->db);
    os_close(&cache->file);
}

bool schema_cache_open(schema_cache **out, const char *path, error *e)
{
    *out = NULL;
    schema_cache *cache = mem_zeroed(1, sizeof(*cache));
    size_t len = strlen(path) + 1;
    cache->path = memcpy(mem_alloc(len), path, len);
    cache->file.fd = -1;
    mem_on_discard(cache, close_database);
    bool ok = os_open(&cache->file, path, e) && open_database(cache, e) && check_version(cache, e) &&
              check_objects(cache, e) && read_identity(cache, e) &&
              cache_prepare(cache->db, path,
                            "SELECT digest, path, body FROM providers WHERE id = ?1 ORDER BY events DESC, digest",
                            &cache->by_id, e) &&
              cache_prepare(cache->db, path, "SELECT provider FROM classes WHERE class = ?1 AND provider <> ?1",
                            &cache->by_class, e);
    if (!ok) {
        schema_cache_close(cache);
        return false;
    }
    *out = cache;
    return true;
}

void schema_cache_close(schema_cache *cache)
{
    if (!cache)
        return;
    close_database(cache);
    mem_free(cache->path);
    mem_free(cache);
}

const char *schema_cache_identity(const schema_cache *cache)
{
    return cache->identity;
}

const char *schema_cache_path(const schema_cache *cache)
{
    return cache->path;
}

u64 schema_cache_rows(const schema_cache *cache)
{
    return cache->rows;
}

u32 schema_cache_refused(const schema_cache *cache, const char **first)
{
    *first = cache->refused ? cache->first.message : NULL;
    return cache->refused;
}

// ---------------------------------------------------------------------------------------------- fetching

static span blob_at(sqlite3_stmt *row, int column)
{
    const void *bytes = sqlite3_column_blob(row, column);
    int len = sqlite3_column_bytes(row, column);
    if (!bytes)
        cache_check_memory(sqlite3_db_handle(row));
    return bytes && len > 0 ? (span){bytes, (size_t)len} : (span){(const u8 *)"", 0};
}

static bool fetch_row(schema_cache *cache, schema_set *set, sqlite3_stmt *row, const guid *id, error *e)
{
    span claimed = blob_at(row, 0), body = blob_at(row, 2);
    guid packed;
    if (claimed.len != DIGEST_BYTES || !sha256_is(body, claimed.at))
        return error_set(e, "%s: a description of %zu bytes does not have the digest it was stored with", cache->path,
                         body.len);
    if (!schema_packed_id(body, &packed) || !guid_equal(&packed, id))
        return error_set(e, "%s: a description stands under another provider than its own", cache->path);
    char text[LIMIT_NAME_BYTES];
    span path = blob_at(row, 1);
    if (path.len >= sizeof(text) / 3)
        path.len = 0;
    u8 *end = text_utf8((u8 *)text, path);
    *end = 0;
    return schema_unpack(set, body, RANK_CACHE, *text ? text : NULL, true, e) || error_prefix(e, "%s", cache->path);
}

static void fetch_provider(schema_cache *cache, schema_set *set, const guid *id)
{
    error e = {0};
    u64 bytes = 0, rows = 0;
    int code;
    if (sqlite3_stmt_busy(cache->by_id))
        return; // unpacking asks the set, which asks here
    sqlite3_bind_blob(cache->by_id, 1, id->bytes, sizeof(id->bytes), SQLITE_STATIC);
    while ((code = sqlite3_step(cache->by_id)) == SQLITE_ROW) {
        bytes += (u64)sqlite3_column_bytes(cache->by_id, 2);
        if (bytes > LIMIT_CACHE_FETCH_BYTES || ++rows > cache->rows) {
            cache_refuse(cache, "%s: descriptions of one provider over LIMIT_CACHE_FETCH_BYTES, %d, or in a circle",
                         cache->path, LIMIT_CACHE_FETCH_BYTES);
            break;
        }
        if (!fetch_row(cache, set, cache->by_id, id, &e))
            cache_refuse(cache, "%s", e.message);
    }
    if (code != SQLITE_ROW && code != SQLITE_DONE && !cache_failed(cache->db, cache->path, &e))
        cache_refuse(cache, "%s", e.message);
    sqlite3_reset(cache->by_id);
}

// Providers are collected first: asking the set for one comes back here.
static u32 providers_of_class(schema_cache *cache, const guid *id, guid *list, u32 capacity)
{
    u32 count = 0;
    sqlite3_bind_blob(cache->by_class, 1, id->bytes, sizeof(id->bytes), SQLITE_STATIC);
    while (count < capacity && sqlite3_step(cache->by_class) == SQLITE_ROW) {
        span provider = blob_at(cache->by_class, 0);
        if (provider.len == sizeof(list->bytes))
            list[count++] = guid_load(provider.at);
    }
    cache_check_memory(cache->db);
    sqlite3_reset(cache->by_class);
    return count;
}

void schema_cache_fetch(void *context, schema_set *set, const guid *id)
{
    schema_cache *cache = context;
    guid providers[64];
    cache_begin(cache);
    fetch_provider(cache, set, id);
    u32 count = providers_of_class(cache, id, providers, COUNT_OF(providers));
    for (u32 i = 0; i < count; i++)
        (void)schema_providers(set, &providers[i]);
}

// ---------------------------------------------------------------------------------------------- listing

bool schema_cache_list(schema_cache *cache, bool (*visit)(void *context, const schema_cache_row *row), void *context,
                       error *e)
{
    sqlite3_stmt *row = NULL;
    cache_begin(cache);
    if (!cache_prepare(
            cache->db, cache->path,
            "SELECT id, max(name), min(path), origin, os_build, sum(events), max(maps) "
            "FROM (SELECT rowid, digest, id, name, path, origin, os_build, events, maps FROM providers LIMIT ?1) "
            "GROUP BY id, origin, os_build, CASE origin WHEN 2 THEN 0 ELSE rowid END "
            "ORDER BY max(name) COLLATE NOCASE, id, os_build, min(digest)",
            &row, e))
        return false;
    sqlite3_bind_int64(row, 1, (i64)cache->rows); // pages in a circle do not end by themselves
    int code;
    while ((code = sqlite3_step(row)) == SQLITE_ROW) {
        span id = blob_at(row, 0);
        i64 origin = sqlite3_column_int64(row, 3);
        if (id.len != sizeof(guid) || origin < 0 || origin > ORIGIN_STRING) {
            cache_refuse(cache, "%s: a description without a provider's GUID or origin", cache->path);
            continue;
        }
        schema_cache_row facts = {.id = guid_load(id.at),
                                  .name = (const char *)sqlite3_column_text(row, 1),
                                  .path = (const char *)sqlite3_column_text(row, 2),
                                  .origin = (schema_origin)origin,
                                  .os_build = (u32)sqlite3_column_int64(row, 4),
                                  .events = (u32)sqlite3_column_int64(row, 5),
                                  .maps = (u32)sqlite3_column_int64(row, 6)};
        if (!visit(context, &facts))
            break;
    }
    bool ok = code == SQLITE_ROW || code == SQLITE_DONE || cache_failed(cache->db, cache->path, e);
    sqlite3_finalize(row);
    return ok;
}
