// Hits as the table `detections` of an SQLite database: one of its own, or beside the events of a conversion.
#include <sqlite3.h>

#include "base/sqlite_fd.h"
#include "base/text.h"
#include "detect/detect.h"
#include "detect/detect_format.h"
#include "sqlite_bind.h"

static const char TABLE[] =
    "PRAGMA journal_mode=OFF;PRAGMA synchronous=OFF;BEGIN;"
    "CREATE TABLE detections(id INTEGER PRIMARY KEY,record INTEGER NOT NULL,time INTEGER NOT NULL,"
    "timestamp TEXT NOT NULL,host TEXT,level TEXT,title TEXT,rule_id TEXT,status TEXT,tags TEXT,rule_file TEXT NOT NULL,"
    "process_id INTEGER,process_name TEXT,provider TEXT,event_id INTEGER NOT NULL,event_name TEXT,"
    "matched TEXT NOT NULL,count INTEGER,records TEXT,source TEXT NOT NULL,offset INTEGER NOT NULL);";
static const char INSERT[] = "INSERT INTO detections VALUES(NULL,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)";

struct hit_table {
    sqlite3 *db;
    sqlite3_stmt *insert;
    const char *name;
    outbuf text;
};

static bool failed(const hit_table *t, error *e)
{
    return error_set(e, "%s: %s", t->name, sqlite_fd_error(t->db, sqlite3_errcode(t->db)));
}

bool hit_table_open(hit_table **out, const outfile *file, error *e)
{
    hit_table *t = *out = mem_zeroed(1, sizeof(*t));
    t->name = file->path;
    return (sqlite_fd_open(file->fd, true, &t->db) == SQLITE_OK &&
            sqlite3_exec(t->db, TABLE, NULL, NULL, NULL) == SQLITE_OK &&
            sqlite3_prepare_v2(t->db, INSERT, -1, &t->insert, NULL) == SQLITE_OK) ||
           failed(t, e);
}

static void bind_made(hit_table *t, int at, const detection *d, void (*put)(const detection *d, outbuf *out))
{
    t->text.len = 0;
    put(d, &t->text);
    bind_len(t->insert, at, t->text.bytes, t->text.len);
}

static void put_tags(const detection *d, outbuf *out)
{
    outbuf_text(out, "");
    detection_put_tags(d->rule, out);
}

static void put_time(const detection *d, outbuf *out)
{
    outbuf_written(out, text_time(outbuf_reserve(out, 32), d->time));
}

static void bind_rule(hit_table *t, int at, const sigma_rule *r)
{
    bind_text(t->insert, at, rule_level_name(r->level));
    bind_text(t->insert, at + 1, r->title);
    bind_text(t->insert, at + 2, r->id);
    bind_text(t->insert, at + 3, r->status);
    bind_text(t->insert, at + 5, r->path);
}

bool hit_table_add(void *context, const detection *d, error *e)
{
    hit_table *t = context;
    sqlite3_stmt *s = t->insert;
    sqlite3_clear_bindings(s);
    sqlite3_bind_int64(s, 1, (i64)d->record);
    sqlite3_bind_int64(s, 2, d->time);
    bind_made(t, 3, d, put_time);
    bind_text(s, 4, d->host);
    bind_rule(t, 5, d->rule);
    bind_made(t, 9, d, put_tags);
    if (d->has_process)
        sqlite3_bind_int64(s, 11, d->process_id);
    bind_text(s, 12, d->process_name);
    bind_text(s, 13, d->provider);
    sqlite3_bind_int64(s, 14, d->event_id);
    bind_text(s, 15, d->event_name);
    bind_made(t, 16, d, detection_put_matched);
    if (d->rule->correlation) {
        sqlite3_bind_int64(s, 17, (i64)d->count);
        bind_made(t, 18, d, detection_put_records);
    }
    bind_text(s, 19, d->source);
    sqlite3_bind_int64(s, 20, (i64)d->offset);
    bool ok = sqlite3_step(s) == SQLITE_DONE;
    sqlite3_reset(s);
    return ok || failed(t, e);
}

bool hit_table_close(hit_table *t, bool ok, error *e)
{
    sqlite3_finalize(t->insert);
    if (ok && sqlite3_exec(t->db, "COMMIT;CREATE INDEX detections_by_record ON detections(record)", NULL, NULL, NULL) !=
                  SQLITE_OK)
        ok = failed(t, e);
    sqlite3_close(t->db);
    outbuf_free(&t->text);
    mem_free(t);
    return ok;
}

bool hit_table_is_own(int fd)
{
    enum { STEPS = 1000000 };
    sqlite3 *db = NULL;
    sqlite3_stmt *tables = NULL;
    bool own = sqlite_fd_open(fd, false, &db) == SQLITE_OK;
    if (own)
        sqlite_fd_bound(db, STEPS);
    own = own &&
          sqlite3_prepare_v2(db, "SELECT 1 FROM sqlite_schema WHERE type='table' AND name='detections'", -1, &tables,
                             NULL) == SQLITE_OK &&
          sqlite3_step(tables) == SQLITE_ROW;
    sqlite3_finalize(tables);
    sqlite3_close(db);
    return own;
}
