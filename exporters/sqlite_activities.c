#include "sqlite_activities.h"

#include "etwkit_engine.h"
#include "sqlite_bind.h"

// ------------------------------------------------------------------------------------- tables

// clang-format off
static const char ACTIVITIES[] =
    "CREATE TABLE activities(id INTEGER PRIMARY KEY,record INTEGER NOT NULL REFERENCES records(record),"
    "time INTEGER NOT NULL,timestamp TEXT NOT NULL,host_id INTEGER REFERENCES hosts(id),kind TEXT NOT NULL,action TEXT,"
    "process_name TEXT,process_known TEXT"; // then the fields

static const char TABLES[] =
    ",file INTEGER REFERENCES files(id),registry_value INTEGER REFERENCES registry_values(id),"
    "logon_session INTEGER REFERENCES logons(id));"
    "CREATE TABLE activity_more_records(activity INTEGER NOT NULL REFERENCES activities(id),"
    "record INTEGER NOT NULL REFERENCES records(record),PRIMARY KEY(activity,record)) WITHOUT ROWID;"
    "CREATE VIEW activity_records AS SELECT id AS activity,record FROM activities "
    "UNION ALL SELECT activity,record FROM activity_more_records;"
    "CREATE TABLE process_records(record INTEGER PRIMARY KEY REFERENCES records(record),"
    "process INTEGER NOT NULL REFERENCES processes(id),shows TEXT NOT NULL);"
    "CREATE TABLE dns_queries(record INTEGER PRIMARY KEY REFERENCES records(record),timestamp TEXT NOT NULL,"
    "time INTEGER NOT NULL,process INTEGER REFERENCES processes(id),process_id INTEGER,process_name TEXT,"
    "stage TEXT NOT NULL,query_name TEXT NOT NULL,query_type INTEGER,status INTEGER,results TEXT);"
    "CREATE TABLE files(id INTEGER PRIMARY KEY,host_id INTEGER REFERENCES hosts(id),path TEXT NOT NULL,"
    "first TEXT NOT NULL,last TEXT NOT NULL,creates INTEGER NOT NULL,writes INTEGER NOT NULL,"
    "bytes_written INTEGER NOT NULL,renames INTEGER NOT NULL,deletes INTEGER NOT NULL);"
    "CREATE TABLE registry_values(id INTEGER PRIMARY KEY,host_id INTEGER REFERENCES hosts(id),key TEXT NOT NULL,"
    "value_name TEXT,first TEXT NOT NULL,last TEXT NOT NULL,creates INTEGER NOT NULL,sets INTEGER NOT NULL,"
    "deletes INTEGER NOT NULL,data TEXT);"
    "CREATE TABLE users(id INTEGER PRIMARY KEY,sid TEXT,domain TEXT,account TEXT);"
    "CREATE TABLE logons(id INTEGER PRIMARY KEY,host_id INTEGER REFERENCES hosts(id),logon INTEGER NOT NULL,"
    "start TEXT NOT NULL,\"end\" TEXT,user INTEGER REFERENCES users(id),domain TEXT,account TEXT,sid TEXT,"
    "type INTEGER,address TEXT);";
// clang-format on

const char sqlite_activity_indexes[] = "CREATE INDEX activities_process ON activities(process,time);"
                                       "CREATE INDEX activities_kind ON activities(kind,time);";

void sqlite_activity_tables(outbuf *sql)
{
    static const char *const TYPES[] = {
        [FIELD_PROCESS] = " INTEGER REFERENCES processes(id)", [FIELD_TEXT] = " TEXT", [FIELD_NUMBER] = " INTEGER"};
    outbuf_text(sql, ACTIVITIES);
    for (u32 i = 0; i < ACTIVITY_FIELDS; i++) {
        outbuf_text(sql, ",");
        outbuf_text(sql, activity_fields[i].name);
        outbuf_text(sql, TYPES[activity_fields[i].type]);
        if (activity_fields[i].type != FIELD_PROCESS)
            continue;
        outbuf_text(sql, ",");
        outbuf_text(sql, activity_fields[i].name);
        outbuf_text(sql, "_id INTEGER");
    }
    outbuf_text(sql, TABLES);
}

// ------------------------------------------------------------------------------------- rendered

typedef struct activity_cell {
    bool has, is_number;
    u32 at, len; // of a text, after the row
    u64 number;
} activity_cell;

// One activity of a record, its texts after it.
typedef struct activity_row {
    u32 bytes; // of texts
    u8 kind, known;
    bool has_process, has_target;
    u32 process_id, target_id;
    const process_life *process, *target;
    const char *action, *own_name; // own_name: of the process the event happened in, where that is who acted
    u32 host;
    activity_cell cells[ACTIVITY_FIELDS];
} activity_row;

struct sqlite_activities {
    const correlator *correlator;
    activities *activities;
    sqlite3_stmt *insert, *more, *process_record, *dns;
    i64 next; // id of the next activity
    u32 life_count;
    i64 *starts, *ends; // by process: the activity that is its start or end; 0: none yet
    outbuf text;
};

static void fill_cells(activity_row *row, const activity *seen, const record *rec, size_t start, outbuf *out)
{
    for (u32 i = 0; i < ACTIVITY_FIELDS; i++) {
        activity_cell *c = &row->cells[i];
        if (activity_fields[i].type == FIELD_NUMBER) {
            c->has = c->is_number = activity_number(seen, (activity_field)i, &c->number);
            continue;
        }
        span text = activity_text(seen, rec->scratch, (activity_field)i);
        if (!text.len)
            continue;
        *c = (activity_cell){.has = true, .at = (u32)(out->len - start)};
        outbuf_written(out, text_utf8(outbuf_reserve(out, 3 * text.len), text));
        c->len = (u32)(out->len - start) - c->at;
    }
}

static void render_one(const sqlite_activities *x, const activity *seen, const record *rec, outbuf *out)
{
    size_t head = out->len;
    outbuf_written(out, outbuf_reserve(out, sizeof(activity_row)) + sizeof(activity_row));
    activity_row row = {.kind = (u8)seen->kind,
                        .known = (u8)seen->known,
                        .has_process = seen->has_process,
                        .has_target = seen->has_target,
                        .process_id = seen->process_id,
                        .target_id = seen->target_id,
                        .process = seen->process,
                        .target = seen->target,
                        .action = seen->action,
                        .host = correlator_host(x->correlator, rec->source_index, rec->epoch)};
    if (rec->has_process && rec->process_id == seen->process_id)
        row.own_name = rec->process_name;
    fill_cells(&row, seen, rec, head + sizeof(row), out);
    row.bytes = (u32)(out->len - head - sizeof(row));
    memcpy(out->bytes + head, &row, sizeof(row));
}

void sqlite_activities_render(const sqlite_activities *x, const record *rec, outbuf *out)
{
    activity seen;
    u32 count = activities_of_class(x->activities, rec->cls->index);
    for (u32 i = 0; i < count; i++)
        if (activity_see(x->activities, rec, i, rec->scratch, &seen))
            render_one(x, &seen, rec, out);
}

// ------------------------------------------------------------------------------------- rows

// A row of an INSERT statement, filled from left to right.
typedef struct cells {
    sqlite3_stmt *statement;
    int at;
} cells;

static void put_number(cells *c, bool has, i64 number)
{
    c->at++;
    if (has)
        sqlite3_bind_int64(c->statement, c->at, number);
    else
        sqlite3_bind_null(c->statement, c->at);
}

static void put_text_cell(cells *c, const char *text)
{
    bind_text(c->statement, ++c->at, text && *text ? text : NULL);
}

static void put_cell(cells *c, const activity_row *row, const u8 *texts, activity_field which)
{
    const activity_cell *cell = &row->cells[which];
    if (!cell->has || cell->is_number) {
        put_number(c, cell->has, (i64)cell->number);
        return;
    }
    bind_len(c->statement, ++c->at, texts + cell->at, cell->len);
}

static void put_process(cells *c, bool has, u32 id, const process_life *life)
{
    put_number(c, life != NULL, life ? life->index : 0);
    put_number(c, has, id);
}

static int step(cells *c)
{
    c->at = 0;
    sqlite3_step(c->statement);
    return sqlite3_reset(c->statement);
}

static const char *timestamp(i64 time, char room[40])
{
    *text_time((u8 *)room, time) = 0;
    return room;
}

// The file name of a path of the texts; empty: there is no path.
static span name_in_path(const activity_row *row, const u8 *texts)
{
    const activity_cell *c = &row->cells[ACTIVITY_path];
    span path = {texts + c->at, c->has ? c->len : 0};
    size_t at = path.len;
    while (at && path.at[at - 1] != '\\')
        at--;
    return span_from(path, at);
}

static void put_process_name(cells *c, const activity_row *row, const u8 *texts, bool from_path)
{
    const char *name = row->own_name ? row->own_name : row->process ? row->process->name : NULL;
    span other = name_in_path(row, texts);
    if (name || !from_path || !other.len)
        put_text_cell(c, name);
    else
        bind_len(c->statement, ++c->at, other.at, other.len);
}

static int store_activity(sqlite_activities *x, u64 number, i64 time, const activity_row *row, const u8 *texts)
{
    cells c = {x->insert, 0};
    char when[40];
    put_number(&c, true, x->next);
    put_number(&c, true, (i64)number);
    put_number(&c, true, time);
    put_text_cell(&c, timestamp(time, when));
    put_number(&c, true, row->host);
    put_text_cell(&c, activity_kinds[row->kind].name);
    put_text_cell(&c, row->action);
    put_process_name(&c, row, texts,
                     row->kind == ACTIVITY_KIND_process_start || row->kind == ACTIVITY_KIND_process_end);
    put_text_cell(&c, activity_known_name((activity_known)row->known));
    for (u32 i = 0; i < ACTIVITY_FIELDS; i++)
        if (i == ACTIVITY_process)
            put_process(&c, row->has_process, row->process_id, row->process);
        else if (i == ACTIVITY_target)
            put_process(&c, row->has_target, row->target_id, row->target);
        else
            put_cell(&c, row, texts, (activity_field)i);
    x->next++;
    return step(&c);
}

static int store_more(sqlite_activities *x, i64 activity_row_id, u64 number)
{
    cells c = {x->more, 0};
    put_number(&c, true, activity_row_id);
    put_number(&c, true, (i64)number);
    return step(&c);
}

static const char *shown_of_process(activity_kind kind)
{
    return kind == ACTIVITY_KIND_process_start     ? "start"
           : kind == ACTIVITY_KIND_process_end     ? "end"
           : kind == ACTIVITY_KIND_process_running ? "rundown"
                                                   : NULL;
}

static int store_process_record(sqlite_activities *x, u64 number, const activity_row *row)
{
    const char *shown = shown_of_process((activity_kind)row->kind);
    if (!shown || !row->process)
        return SQLITE_OK;
    cells c = {x->process_record, 0};
    put_number(&c, true, (i64)number);
    put_number(&c, true, row->process->index);
    put_text_cell(&c, shown);
    return step(&c);
}

static int store_dns(sqlite_activities *x, u64 number, i64 time, const activity_row *row, const u8 *texts)
{
    bool is_dns = row->kind == ACTIVITY_KIND_dns_query || row->kind == ACTIVITY_KIND_dns_answer;
    if (!is_dns || !row->cells[ACTIVITY_name].has)
        return SQLITE_OK;
    cells c = {x->dns, 0};
    char when[40];
    put_number(&c, true, (i64)number);
    put_text_cell(&c, timestamp(time, when));
    put_number(&c, true, time);
    put_process(&c, row->has_process, row->process_id, row->process);
    put_process_name(&c, row, texts, true);
    put_text_cell(&c, row->action);
    static const activity_field WHICH[] = {ACTIVITY_name, ACTIVITY_type, ACTIVITY_status, ACTIVITY_results};
    for (size_t i = 0; i < COUNT_OF(WHICH); i++)
        put_cell(&c, row, texts, WHICH[i]);
    return step(&c);
}

// A process starts and ends once, whoever tells it: records after the first are added to that activity.
static int store_row(sqlite_activities *x, u64 number, i64 time, const activity_row *row, const u8 *texts)
{
    i64 *of_process = row->kind == ACTIVITY_KIND_process_start ? x->starts
                      : row->kind == ACTIVITY_KIND_process_end ? x->ends
                                                               : NULL;
    i64 *known =
        of_process && row->process && row->process->index < x->life_count ? &of_process[row->process->index] : NULL;
    int code = store_process_record(x, number, row);
    if (code == SQLITE_OK)
        code = store_dns(x, number, time, row, texts);
    if (code != SQLITE_OK || row->kind == ACTIVITY_KIND_process_running)
        return code;
    if (known && *known)
        return store_more(x, *known, number);
    if (known)
        *known = x->next;
    return store_activity(x, number, time, row, texts);
}

int sqlite_activities_store(sqlite_activities *x, u64 number, i64 time, span rendered)
{
    activity_row row;
    while (rendered.len >= sizeof(row)) {
        memcpy(&row, rendered.at, sizeof(row));
        int code = store_row(x, number, time, &row, rendered.at + sizeof(row));
        if (code != SQLITE_OK)
            return code;
        rendered = span_from(rendered, sizeof(row) + row.bytes);
    }
    return SQLITE_OK;
}

// ------------------------------------------------------------------------------------- begin and end

static int prepare_insert(sqlite3 *db, const char *head, u32 columns, sqlite3_stmt **out)
{
    outbuf sql = {0};
    outbuf_text(&sql, head);
    for (u32 i = 0; i < columns; i++)
        outbuf_text(&sql, i ? ",?" : " VALUES(?");
    outbuf_text(&sql, ")");
    int code = sqlite3_prepare_v3(db, (const char *)sql.bytes, (int)sql.len, SQLITE_PREPARE_PERSISTENT, out, NULL);
    outbuf_free(&sql);
    return code;
}

static int prepare_activities(sqlite3 *db, sqlite3_stmt **out)
{
    enum { BEFORE_FIELDS = 9 };
    outbuf head = {0};
    u32 columns = BEFORE_FIELDS;
    outbuf_text(&head,
                "INSERT INTO activities(id,record,time,timestamp,host_id,kind,action,process_name,process_known");
    for (u32 i = 0; i < ACTIVITY_FIELDS; i++) {
        outbuf_text(&head, ",");
        outbuf_text(&head, activity_fields[i].name);
        columns++;
        if (activity_fields[i].type != FIELD_PROCESS)
            continue;
        outbuf_text(&head, ",");
        outbuf_text(&head, activity_fields[i].name);
        outbuf_text(&head, "_id");
        columns++;
    }
    outbuf_add(&head, ")", 2);
    int code = prepare_insert(db, (const char *)head.bytes, columns, out);
    outbuf_free(&head);
    return code;
}

sqlite_activities *sqlite_activities_new(arena *a, sqlite3 *db, const export_target *target, int *code)
{
    sqlite_activities *x = arena_new(a, sqlite_activities);
    x->correlator = target->session->correlator;
    x->activities = activities_new(target->session->correlator, target->classes, target->class_count);
    x->next = 1;
    (void)correlator_processes(target->session->correlator, &x->life_count);
    x->starts = arena_array(a, i64, x->life_count);
    x->ends = arena_array(a, i64, x->life_count);
    *code = prepare_activities(db, &x->insert);
    if (*code == SQLITE_OK)
        *code = prepare_insert(db, "INSERT INTO activity_more_records", 2, &x->more);
    if (*code == SQLITE_OK)
        *code = prepare_insert(db, "INSERT OR IGNORE INTO process_records", 3, &x->process_record);
    if (*code == SQLITE_OK)
        *code = prepare_insert(db, "INSERT OR IGNORE INTO dns_queries", 11, &x->dns);
    return x;
}

void sqlite_activities_end(sqlite_activities *x)
{
    sqlite3_finalize(x->insert);
    sqlite3_finalize(x->more);
    sqlite3_finalize(x->process_record);
    sqlite3_finalize(x->dns);
    activities_free(x->activities);
}

// ------------------------------------------------------------------------------------- what follows from them

#define OF_FILES "('file_create','file_write','file_rename','file_delete','stream_create')"
#define OF_REGISTRY "('registry_add','registry_set','registry_delete','registry_delete_value')"

// clang-format off
static const char FINISH[] =
    "BEGIN;"
    "INSERT INTO files SELECT NULL,host_id,path,min(timestamp),max(timestamp),sum(kind='file_create'),"
        "sum(kind='file_write'),coalesce(sum(CASE kind WHEN 'file_write' THEN bytes END),0),sum(kind='file_rename'),"
        "sum(kind='file_delete') FROM activities WHERE kind IN " OF_FILES " AND path IS NOT NULL GROUP BY host_id,path;"
    "CREATE UNIQUE INDEX files_path ON files(path,host_id);"
    "UPDATE activities SET file=(SELECT id FROM files f WHERE f.path=activities.path AND f.host_id=activities.host_id) "
        "WHERE kind IN " OF_FILES " AND path IS NOT NULL;"
    "INSERT INTO registry_values SELECT NULL,host_id,key,value_name,min(timestamp),max(timestamp),sum(kind='registry_add'),"
        "sum(kind='registry_set'),sum(kind IN ('registry_delete','registry_delete_value')),NULL "
        "FROM activities WHERE kind IN " OF_REGISTRY " AND key IS NOT NULL GROUP BY host_id,key,value_name;"
    "CREATE INDEX registry_values_key ON registry_values(key,value_name);"
    "UPDATE activities SET registry_value=(SELECT id FROM registry_values r WHERE r.key=activities.key AND "
        "r.value_name IS activities.value_name AND r.host_id=activities.host_id) "
        "WHERE kind IN " OF_REGISTRY " AND key IS NOT NULL;"
    "UPDATE registry_values SET data=(SELECT data FROM activities a WHERE a.registry_value=registry_values.id "
        "AND a.data IS NOT NULL ORDER BY a.time DESC LIMIT 1) WHERE sets>0;"
    "INSERT INTO users SELECT NULL,sid,max(domain),max(account) FROM ("
        "SELECT user_sid AS sid,NULL AS domain,NULL AS account FROM processes WHERE user_sid IS NOT NULL "
        "UNION SELECT sid,domain,account FROM activities WHERE sid IS NOT NULL AND kind<>'autostart') GROUP BY sid;"
    "INSERT INTO users SELECT DISTINCT NULL,NULL,domain,account FROM activities a WHERE kind IN ('logon','logoff') AND "
        "sid IS NULL AND account IS NOT NULL;"
    "INSERT INTO logons SELECT NULL,host_id,logon,min(timestamp),NULL,NULL,domain,account,sid,type,address "
        "FROM activities WHERE kind='logon' AND logon IS NOT NULL AND type IS NOT NULL GROUP BY host_id,logon;"
    "UPDATE logons SET user=(SELECT id FROM users u WHERE u.sid=logons.sid),"
        "\"end\"=(SELECT min(timestamp) FROM activities a WHERE a.kind='logoff' AND a.logon=logons.logon AND "
        "a.host_id=logons.host_id AND a.timestamp>=logons.start);"
    "UPDATE activities SET logon_session=(SELECT id FROM logons l WHERE l.logon=activities.logon AND "
        "l.host_id=activities.host_id) WHERE logon IS NOT NULL;"
    "COMMIT;";
// clang-format on

int sqlite_activities_finish(sqlite3 *db)
{
    return sqlite3_exec(db, FINISH, NULL, NULL, NULL);
}
