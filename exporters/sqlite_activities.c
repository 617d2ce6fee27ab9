#include "sqlite_activities.h"

#include "etwkit_engine.h"
#include "sqlite_bind.h"
#include "sqlite_connections.h"
#include "sqlite_row.h"

// ------------------------------------------------------------------------------------- tables

// clang-format off
static const char ACTIVITIES[] =
    "CREATE TABLE activities(id INTEGER PRIMARY KEY,record INTEGER NOT NULL REFERENCES records(record),"
    "time INTEGER NOT NULL,timestamp TEXT NOT NULL,host_id INTEGER REFERENCES hosts(id),kind TEXT NOT NULL,action TEXT,"
    "process_name TEXT,process_known TEXT"; // then the fields

static const char TABLES[] =
    ",connection INTEGER REFERENCES connections(id),file INTEGER REFERENCES files(id),registry_value INTEGER REFERENCES registry_values(id),"
    "logon_session INTEGER REFERENCES logons(id));"
    "CREATE TABLE activity_more_records(activity INTEGER NOT NULL REFERENCES activities(id),"
    "record INTEGER NOT NULL REFERENCES records(record));"
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

const char sqlite_activity_indexes[] =
    "CREATE INDEX activities_process ON activities(process,time);"
    "CREATE INDEX activities_kind ON activities(kind,time);"
    "CREATE INDEX activity_more_records_activity ON activity_more_records(activity);";

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

// Of an activity, before its rows.
typedef struct activity_head {
    u32 row, row_end, dns, dns_end, end; // where they are, counted from here; dns_end 0: it shows no look-up
    u8 kind;
    bool has_life;
    u32 life; // of who acted
} activity_head;

struct sqlite_activities {
    const correlator *correlator;
    activities *activities;
    connection_index connections;
    sqlite_tree rows, more, process_records, dns;
    i64 next, next_more; // numbers of the next rows
    u32 life_count;
    i64 *starts, *ends;                // by process: the activity that is its start or end; 0: none yet
    i64 last_process_record, last_dns; // numbers of records
    outbuf row;
};

static void put_len(row_maker *row, const void *text, size_t len)
{
    if (!len) {
        row_null(row);
        return;
    }
    outbuf *out = row->out;
    outbuf_written(out, text_utf8(outbuf_reserve(out, 3 * len), (span){text, len}));
    row_text(row);
}

static void put_text_cell(row_maker *row, const char *text)
{
    put_len(row, text, text ? strlen(text) : 0);
}

static void put_timestamp(row_maker *row, i64 time)
{
    outbuf_written(row->out, text_time(outbuf_reserve(row->out, 40), time));
    row_text(row);
}

static void put_field(row_maker *row, const activity *seen, const record *rec, activity_field which)
{
    u64 number;
    if (activity_fields[which].type != FIELD_NUMBER) {
        span text = activity_text(seen, rec->scratch, which);
        put_len(row, text.at, text.len);
    } else if (activity_number(seen, which, &number)) {
        row_number(row, (i64)number);
    } else {
        row_null(row);
    }
}

static void put_process(row_maker *row, bool has, u32 id, const process_life *life)
{
    if (life)
        row_number(row, life->index);
    else
        row_null(row);
    if (has)
        row_number(row, id);
    else
        row_null(row);
}

// Of the process the event happened in, where that is who acted.
static void put_process_name(row_maker *row, const activity *seen, const record *rec, bool from_path)
{
    bool own = rec->has_process && rec->process_id == seen->process_id && rec->process_name;
    const char *name = own ? rec->process_name : seen->process ? seen->process->name : NULL;
    span other = name ? (span){0} : text_file_name(activity_text(seen, rec->scratch, ACTIVITY_path));
    if (name || !from_path)
        put_text_cell(row, name);
    else
        put_len(row, other.at, other.len);
}

static void render_row(const sqlite_activities *x, const activity *seen, const record *rec, row_maker *row)
{
    u32 host = correlator_host(x->correlator, rec->source_index, rec->epoch);
    bool of_process = seen->kind == ACTIVITY_KIND_process_start || seen->kind == ACTIVITY_KIND_process_end;
    row_null(row); // its number
    row_number(row, (i64)rec->number);
    row_number(row, rec->time);
    put_timestamp(row, rec->time);
    row_number(row, host);
    put_text_cell(row, activity_kinds[seen->kind].name);
    put_text_cell(row, seen->action);
    put_process_name(row, seen, rec, of_process);
    put_text_cell(row, activity_known_name(seen->known));
    for (u32 i = 0; i < ACTIVITY_FIELDS; i++)
        if (i == ACTIVITY_process)
            put_process(row, seen->has_process, seen->process_id, seen->process);
        else if (i == ACTIVITY_target)
            put_process(row, seen->has_target, seen->target_id, seen->target);
        else
            put_field(row, seen, rec, (activity_field)i);
    i64 of = connection_index_find(&x->connections, host, seen, rec);
    if (of >= 0)
        row_number(row, of);
}

static bool is_dns(const activity *seen, const record *rec)
{
    return (seen->kind == ACTIVITY_KIND_dns_query || seen->kind == ACTIVITY_KIND_dns_answer) &&
           activity_text(seen, rec->scratch, ACTIVITY_name).len;
}

static void render_dns(const activity *seen, const record *rec, row_maker *row)
{
    static const activity_field WHICH[] = {ACTIVITY_name, ACTIVITY_type, ACTIVITY_status, ACTIVITY_results};
    row_null(row); // the record's number
    put_timestamp(row, rec->time);
    row_number(row, rec->time);
    put_process(row, seen->has_process, seen->process_id, seen->process);
    put_process_name(row, seen, rec, true);
    put_text_cell(row, seen->action);
    for (size_t i = 0; i < COUNT_OF(WHICH); i++)
        put_field(row, seen, rec, WHICH[i]);
}

enum { BEFORE_FIELDS = 9, PROCESS_FIELDS = 2, CONNECTION = 1, DNS_COLUMNS = 11 };

static void render_one(const sqlite_activities *x, const activity *seen, const record *rec, outbuf *out)
{
    size_t at = out->len;
    outbuf_written(out, outbuf_reserve(out, sizeof(activity_head)) + sizeof(activity_head));
    activity_head head = {.kind = (u8)seen->kind, .has_life = seen->process != NULL};
    if (seen->process)
        head.life = seen->process->index;
    row_maker row;
    row_begin(&row, out, BEFORE_FIELDS + ACTIVITY_FIELDS + PROCESS_FIELDS + CONNECTION);
    render_row(x, seen, rec, &row);
    head.row = (u32)(row_end(&row) - at);
    head.row_end = (u32)(out->len - at);
    if (is_dns(seen, rec)) {
        row_begin(&row, out, DNS_COLUMNS);
        render_dns(seen, rec, &row);
        head.dns = (u32)(row_end(&row) - at);
        head.dns_end = (u32)(out->len - at);
    }
    head.end = (u32)(out->len - at);
    memcpy(out->bytes + at, &head, sizeof(head));
}

void sqlite_activities_render(const sqlite_activities *x, const record *rec, outbuf *out)
{
    activity seen;
    u32 count = activities_of_class(x->activities, rec->cls->index);
    for (u32 i = 0; i < count; i++)
        if (activity_see(x->activities, rec, i, rec->scratch, &seen))
            render_one(x, &seen, rec, out);
}

// ------------------------------------------------------------------------------------- stored

// A row of two or three columns, made here.
static bool add_pair(sqlite_activities *x, sqlite_tree *to, page_file *f, i64 number, i64 first, i64 second, error *e)
{
    row_maker row;
    x->row.len = 0;
    row_begin(&row, &x->row, 2);
    row_number(&row, first);
    row_number(&row, second);
    size_t at = row_end(&row);
    return tree_add(to, f, number, (span){x->row.bytes + at, x->row.len - at}, e);
}

static const char *shown_of_process(activity_kind kind)
{
    return kind == ACTIVITY_KIND_process_start     ? "start"
           : kind == ACTIVITY_KIND_process_end     ? "end"
           : kind == ACTIVITY_KIND_process_running ? "rundown"
                                                   : NULL;
}

static bool store_process_record(sqlite_activities *x, page_file *f, i64 number, const activity_head *h, error *e)
{
    const char *shown = shown_of_process((activity_kind)h->kind);
    if (!shown || !h->has_life || x->last_process_record == number)
        return true;
    row_maker row;
    x->row.len = 0;
    row_begin(&row, &x->row, 3);
    row_null(&row);
    row_number(&row, h->life);
    put_text_cell(&row, shown);
    size_t at = row_end(&row);
    x->last_process_record = number;
    return tree_add(&x->process_records, f, number, (span){x->row.bytes + at, x->row.len - at}, e);
}

static bool store_dns(sqlite_activities *x, page_file *f, i64 number, const activity_head *h, const u8 *at, error *e)
{
    if (!h->dns_end || x->last_dns == number)
        return true;
    x->last_dns = number;
    return tree_add(&x->dns, f, number, (span){at + h->dns, h->dns_end - h->dns}, e);
}

// A process starts and ends once, whoever tells it: records after the first are added to that activity.
static i64 *known_activity(sqlite_activities *x, const activity_head *h)
{
    i64 *of_process = h->kind == ACTIVITY_KIND_process_start ? x->starts
                      : h->kind == ACTIVITY_KIND_process_end ? x->ends
                                                             : NULL;
    return of_process && h->has_life && h->life < x->life_count ? &of_process[h->life] : NULL;
}

static bool store_one(sqlite_activities *x, page_file *f, i64 number, const activity_head *h, const u8 *at, error *e)
{
    i64 *known = known_activity(x, h);
    if (!store_process_record(x, f, number, h, e) || !store_dns(x, f, number, h, at, e))
        return false;
    if (h->kind == ACTIVITY_KIND_process_running)
        return true;
    if (known && *known)
        return add_pair(x, &x->more, f, x->next_more++, *known, number, e);
    if (known)
        *known = x->next;
    return tree_add(&x->rows, f, x->next++, (span){at + h->row, h->row_end - h->row}, e);
}

bool sqlite_activities_store(sqlite_activities *x, page_file *f, i64 number, span rendered, error *e)
{
    activity_head h;
    for (; rendered.len; rendered = span_from(rendered, h.end)) {
        memcpy(&h, rendered.at, sizeof(h));
        if (!store_one(x, f, number, &h, rendered.at, e))
            return false;
    }
    return true;
}

// ------------------------------------------------------------------------------------- begin and end

sqlite_activities *sqlite_activities_new(arena *a, sqlite3 *db, const export_target *target, int *code)
{
    sqlite_activities *x = arena_new(a, sqlite_activities);
    x->correlator = target->session->correlator;
    x->activities = activities_new(target->session->correlator, target->classes, target->class_count, ACTIVITY_KINDS);
    connection_index_make(&x->connections, x->correlator);
    x->next = x->next_more = 1;
    (void)correlator_processes(target->session->correlator, &x->life_count);
    x->starts = arena_array(a, i64, x->life_count);
    x->ends = arena_array(a, i64, x->life_count);
    const struct {
        const char *name;
        sqlite_tree *tree;
    } TREES[] = {{"activities", &x->rows},
                 {"activity_more_records", &x->more},
                 {"process_records", &x->process_records},
                 {"dns_queries", &x->dns}};
    for (size_t i = 0; i < COUNT_OF(TREES) && *code == SQLITE_OK; i++)
        *code = sqlite_root(db, TREES[i].name, &TREES[i].tree->root);
    return x;
}

bool sqlite_activities_end(sqlite_activities *x, page_file *f, error *e)
{
    bool ok = tree_end(&x->rows, f, e);
    ok = tree_end(&x->more, f, ok ? e : NULL) && ok;
    ok = tree_end(&x->process_records, f, ok ? e : NULL) && ok;
    ok = tree_end(&x->dns, f, ok ? e : NULL) && ok;
    if (x->activities)
        activities_free(x->activities);
    x->activities = NULL;
    connection_index_free(&x->connections);
    outbuf_free(&x->row);
    return ok;
}

// ------------------------------------------------------------------------------------- what follows from them

#define OF_FILES "('file_create','file_write','file_rename','file_delete','stream_create')"
#define OF_REGISTRY "('registry_add','registry_set','registry_delete','registry_delete_value')"
#define DONE "coalesce(status,0)<0x80000000" // what was tried in vain, as NTSTATUS tells it, changed nothing

// clang-format off
static const char FINISH[] =
    "BEGIN;"
    "INSERT INTO files SELECT NULL,host_id,path,min(timestamp),max(timestamp),"
        "sum(kind='file_create' AND action='created'),"
        "sum(kind='file_write'),coalesce(sum(CASE kind WHEN 'file_write' THEN bytes END),0),sum(kind='file_rename'),"
        "sum(kind='file_delete') FROM activities WHERE kind IN " OF_FILES " AND path IS NOT NULL GROUP BY host_id,path;"
    "CREATE UNIQUE INDEX files_path ON files(path,host_id);"
    "UPDATE activities SET file=(SELECT id FROM files f WHERE f.path=activities.path AND f.host_id=activities.host_id) "
        "WHERE kind IN " OF_FILES " AND path IS NOT NULL;"
    "INSERT INTO registry_values SELECT NULL,host_id,key,value_name,min(timestamp),max(timestamp),"
        "sum(kind='registry_add' AND " DONE "),sum(kind='registry_set' AND " DONE "),"
        "sum(kind IN ('registry_delete','registry_delete_value') AND " DONE "),NULL "
        "FROM activities WHERE kind IN " OF_REGISTRY " AND key IS NOT NULL GROUP BY host_id,key,value_name;"
    "CREATE INDEX registry_values_key ON registry_values(key,value_name);"
    "UPDATE activities SET registry_value=(SELECT id FROM registry_values r WHERE r.key=activities.key AND "
        "r.value_name IS activities.value_name AND r.host_id=activities.host_id) "
        "WHERE kind IN " OF_REGISTRY " AND key IS NOT NULL;"
    "UPDATE registry_values SET data=last.data FROM (SELECT registry_value,data,max(id) FROM activities "
        "WHERE registry_value IS NOT NULL AND data IS NOT NULL AND " DONE " GROUP BY registry_value) AS last "
        "WHERE last.registry_value=registry_values.id AND sets>0;"
    "INSERT INTO users SELECT NULL,sid,max(domain),max(account) FROM ("
        "SELECT user_sid AS sid,NULL AS domain,NULL AS account FROM processes WHERE user_sid IS NOT NULL "
        "UNION SELECT sid,domain,account FROM activities WHERE sid IS NOT NULL AND kind<>'autostart') GROUP BY sid;"
    "CREATE INDEX users_sid ON users(sid);"
    "INSERT INTO users SELECT NULL,NULL,domain,account FROM ("
        "SELECT coalesce(domain,substr(account,1,slash-1)) AS domain,substr(account,slash+1) AS account FROM ("
            "SELECT domain,account,CASE WHEN domain IS NULL THEN instr(account,'\\') ELSE 0 END AS slash "
            "FROM activities WHERE kind IN ('logon','logoff') AND sid IS NULL AND account IS NOT NULL) "
        "EXCEPT SELECT domain,account FROM users);"
    "UPDATE processes SET user_name=(SELECT coalesce(domain||'\\','')||account FROM users WHERE sid=user_sid) "
        "WHERE user_name IS NULL AND user_sid IS NOT NULL;"
    "INSERT INTO logons SELECT NULL,host_id,logon,min(timestamp),NULL,NULL,domain,account,sid,type,address "
        "FROM activities WHERE kind='logon' AND logon IS NOT NULL AND type IS NOT NULL GROUP BY host_id,logon;"
    "CREATE INDEX logons_logon ON logons(logon,host_id);"
    "CREATE INDEX activities_logoff ON activities(logon,host_id,timestamp) WHERE kind='logoff';"
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
