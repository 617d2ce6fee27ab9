// What the reader and the writer of the schema cache share: the file's tables and the library's handle. For
// schema_cache.c and schema_cache_write.c only.
#ifndef ETWKIT_SCHEMA_CACHE_SQL_H
#define ETWKIT_SCHEMA_CACHE_SQL_H

#include "base/os.h"
#include "base/sha256.h"
#include "base/sqlite_fd.h"
#include "schema/cache/schema_cache.h"

enum {
    CACHE_APPLICATION = 0x45747763, // "Etwc", SQLite's application_id
    CACHE_VERSION = 2,              // SQLite's user_version; a later one is refused, earlier ones are read
    DIGEST_BYTES = SHA256_BYTES,
};

// Everything that stands in a cache, in the words it is made with. A file that has anything else is no cache: a view
// or a trigger in a table's place would run what its author wrote.
typedef struct cache_object {
    const char *type, *name, *sql;
} cache_object;

enum { CACHE_OBJECTS = 5 };
extern const cache_object cache_objects[CACHE_OBJECTS];

struct schema_cache {
    sqlite3 *db;
    os_file file;
    char *path;
    sqlite3_stmt *by_id, *by_class;
    char identity[DIGEST_BYTES * 2 + 1];
    u64 rows;
    u32 ticks;   // of the request under way
    u32 refused; // rows that did not hold
    error first; // what was wrong with the first of them
};

void cache_check_memory(sqlite3 *db); // does not return where SQLite's last error is that there was none
bool cache_failed(sqlite3 *db, const char *path, error *e); // SQLite's last error as a sentence; false
MUST_USE bool cache_prepare(sqlite3 *db, const char *path, const char *sql, sqlite3_stmt **out, error *e);
void cache_refuse(schema_cache *cache, const char *format, ...) PRINTF_LIKE(2, 3);
void cache_begin(schema_cache *cache); // a request's bound on work starts anew

#endif
