#include "sqlite_entities.h"

#include <stdlib.h>

#include "account.h"
#include "etwkit_engine.h"
#include "sqlite_bind.h"

// ------------------------------------------------------------------------------------- cells of a row

// A row of an INSERT statement, filled from left to right.
typedef struct cells {
    sqlite3_stmt *statement;
    int at;
    u64 passed; // of what the rows are made from
} cells;

static void cell_number(cells *c, i64 number)
{
    sqlite3_bind_int64(c->statement, ++c->at, number);
}

static void cell_total(cells *c, u64 number)
{
    cell_number(c, number < INT64_MAX ? (i64)number : INT64_MAX);
}

static void cell_nothing(cells *c)
{
    sqlite3_bind_null(c->statement, ++c->at);
}

static void cell_if(cells *c, bool has, i64 number)
{
    if (has)
        cell_number(c, number);
    else
        cell_nothing(c);
}

static void cell_text(cells *c, const char *text)
{
    bind_text(c->statement, ++c->at, text && *text ? text : NULL);
}

static void cell_time(cells *c, bool has, i64 filetime)
{
    char text[40];
    *text_time((u8 *)text, filetime) = 0;
    cell_text(c, has ? text : NULL);
}

static void cell_guid(cells *c, const guid *id)
{
    char text[GUID_TEXT];
    cell_text(c, guid_to_text(id, text));
}

static void cell_address(cells *c, bool ipv6, const u8 *bytes)
{
    char text[64];
    *(ipv6 ? text_ipv6((u8 *)text, bytes) : text_ipv4((u8 *)text, bytes)) = 0;
    cell_text(c, text);
}

static void cell_process(cells *c, const process_life *p)
{
    cell_if(c, p != NULL, p ? p->index : 0);
}

// How a moment is known, in the words of the report.
static void cell_moment(cells *c, moment known)
{
    static const char *const NAMES[] = {
        [MOMENT_RECORDED] = "recorded", [MOMENT_OUTSIDE] = "outside", [MOMENT_UNSEEN] = "unseen"};
    cell_text(c, NAMES[known]);
}

static void cell_user(cells *c, const char *sid)
{
    char room[ACCOUNT_NAME];
    cell_text(c, account_name(sid, room));
}

static void cell_version(cells *c, const image_version *v, u32 which)
{
    const char *const texts[] = {v ? v->original_name : NULL, v ? v->description : NULL, v ? v->version : NULL,
                                 v ? v->product : NULL, v ? v->company : NULL};
    cell_text(c, texts[which]);
}

// ------------------------------------------------------------------------------------- tables

// Each column with what fills it. An id is the number of the entity in its list, so that others can name it.

#define HOSTS                                                                                                          \
    COLUMN("id INTEGER PRIMARY KEY", cell_number(c, i))                                                                \
    COLUMN("name TEXT", cell_text(c, x->name))                                                                         \
    COLUMN("boot_time TEXT", cell_time(c, x->boot > 0, x->boot))

// A trace that was merged from several may be of several hosts.
#define HOST_TRACES                                                                                                    \
    COLUMN("host_id INTEGER NOT NULL REFERENCES hosts(id)", cell_number(c, x->host))                                   \
    COLUMN("trace_id INTEGER NOT NULL REFERENCES traces(id)", cell_number(c, x->trace))

// The id means the process while valid_from <= events.time < valid_until.
#define PROCESSES                                                                                                      \
    COLUMN("id INTEGER PRIMARY KEY", cell_number(c, x->index))                                                         \
    COLUMN("host_id INTEGER NOT NULL REFERENCES hosts(id)", cell_number(c, x->machine))                                \
    COLUMN("process_id INTEGER NOT NULL", cell_number(c, x->process_id))                                               \
    COLUMN("start TEXT", cell_time(c, x->start_known == MOMENT_RECORDED, x->start))                                    \
    COLUMN("\"end\" TEXT", cell_time(c, x->end_known == MOMENT_RECORDED, x->end))                                      \
    COLUMN("name TEXT", cell_text(c, x->name))                                                                         \
    COLUMN("image_path TEXT", cell_text(c, x->dos_path))                                                               \
    COLUMN("device_path TEXT", cell_text(c, process_path_guessed(x) ? x->image_path : NULL))                           \
    COLUMN("path_guessed INTEGER", cell_if(c, x->image_path != NULL, process_path_guessed(x)))                         \
    COLUMN("original_name TEXT", cell_version(c, x->version, 0))                                                       \
    COLUMN("description TEXT", cell_version(c, x->version, 1))                                                         \
    COLUMN("file_version TEXT", cell_version(c, x->version, 2))                                                        \
    COLUMN("product TEXT", cell_version(c, x->version, 3))                                                             \
    COLUMN("company TEXT", cell_version(c, x->version, 4))                                                             \
    COLUMN("command_line TEXT", cell_text(c, x->command_line))                                                         \
    COLUMN("parent INTEGER REFERENCES processes(id)", cell_process(c, x->parent))                                      \
    COLUMN("parent_id INTEGER", cell_if(c, x->has_parent, x->parent_id))                                               \
    COLUMN("user_sid TEXT", cell_text(c, x->user_sid))                                                                 \
    COLUMN("user_name TEXT", cell_user(c, x->user_sid))                                                                \
    COLUMN("session_id INTEGER", cell_if(c, x->has_session, x->session_id))                                            \
    COLUMN("exit_status INTEGER", cell_if(c, x->has_exit_status, x->exit_status))                                      \
    COLUMN("package TEXT", cell_text(c, x->package))                                                                   \
    COLUMN("application TEXT", cell_text(c, x->application))                                                           \
    COLUMN("start_known TEXT NOT NULL", cell_moment(c, x->start_known))                                                \
    COLUMN("end_known TEXT NOT NULL", cell_moment(c, x->end_known))                                                    \
    COLUMN("start_inferred INTEGER NOT NULL", cell_number(c, x->start_known != MOMENT_RECORDED))                       \
    COLUMN("parent_inferred INTEGER", cell_if(c, x->parent != NULL, !x->parent_sure))                                  \
    COLUMN("across_gaps INTEGER NOT NULL", cell_number(c, x->across_gap))                                              \
    COLUMN("valid_from INTEGER NOT NULL", cell_number(c, x->since))                                                    \
    COLUMN("valid_until INTEGER NOT NULL", cell_number(c, x->until))

#define CONNECTIONS                                                                                                    \
    COLUMN("id INTEGER PRIMARY KEY", cell_number(c, i))                                                                \
    COLUMN("host_id INTEGER NOT NULL REFERENCES hosts(id)", cell_number(c, x->machine))                                \
    COLUMN("first TEXT NOT NULL", cell_time(c, true, x->first))                                                        \
    COLUMN("last TEXT NOT NULL", cell_time(c, true, x->last))                                                          \
    COLUMN("process INTEGER REFERENCES processes(id)", cell_process(c, x->process))                                    \
    COLUMN("process_id INTEGER", cell_if(c, x->process_id != NO_PROCESS_ID, x->process_id))                            \
    COLUMN("protocol TEXT NOT NULL", cell_text(c, x->tcp ? "TCP" : "UDP"))                                             \
    COLUMN("local_address TEXT NOT NULL", cell_address(c, x->ipv6, x->local))                                          \
    COLUMN("local_port INTEGER NOT NULL", cell_number(c, x->local_port))                                               \
    COLUMN("remote_address TEXT NOT NULL", cell_address(c, x->ipv6, x->remote))                                        \
    COLUMN("remote_port INTEGER NOT NULL", cell_number(c, x->remote_port))                                             \
    COLUMN("bytes_sent INTEGER NOT NULL", cell_total(c, x->bytes_sent))                                                \
    COLUMN("bytes_received INTEGER NOT NULL", cell_total(c, x->bytes_received))                                        \
    COLUMN("sends INTEGER NOT NULL", cell_total(c, x->sends))                                                          \
    COLUMN("receives INTEGER NOT NULL", cell_total(c, x->receives))                                                    \
    COLUMN("connects INTEGER NOT NULL", cell_total(c, x->connects))                                                    \
    COLUMN("accepts INTEGER NOT NULL", cell_total(c, x->accepts))                                                      \
    COLUMN("disconnects INTEGER NOT NULL", cell_total(c, x->disconnects))                                              \
    COLUMN("retransmits INTEGER NOT NULL", cell_total(c, x->retransmits))

#define IMAGES                                                                                                         \
    COLUMN("id INTEGER PRIMARY KEY", cell_number(c, i))                                                                \
    COLUMN("image_path TEXT", cell_text(c, x->image))                                                                  \
    COLUMN("original_name TEXT", cell_version(c, x->version, 0))                                                       \
    COLUMN("description TEXT", cell_version(c, x->version, 1))                                                         \
    COLUMN("file_version TEXT", cell_version(c, x->version, 2))                                                        \
    COLUMN("product TEXT", cell_version(c, x->version, 3))                                                             \
    COLUMN("company TEXT", cell_version(c, x->version, 4))                                                             \
    COLUMN("pdb_name TEXT", cell_text(c, x->pdb))                                                                      \
    COLUMN("pdb_id TEXT NOT NULL", cell_guid(c, &x->id))                                                               \
    COLUMN("pdb_age INTEGER NOT NULL", cell_number(c, x->age))                                                         \
    COLUMN("managed INTEGER NOT NULL", cell_number(c, x->managed))

typedef struct host_trace {
    u32 host, trace;
} host_trace;

#define COLUMN(declaration, put) put;
#define CELLS(name, type, columns)                                                                                     \
    static void name(cells *c, const type *x, u32 i)                                                                   \
    {                                                                                                                  \
        (void)i;                                                                                                       \
        columns                                                                                                        \
    }
CELLS(put_host, host_entry, HOSTS)
CELLS(put_host_trace, host_trace, HOST_TRACES)
CELLS(put_life, process_life, PROCESSES)
CELLS(put_connection, connection, CONNECTIONS)
CELLS(put_image, pdb_identity, IMAGES)
#undef COLUMN

#define COLUMN(declaration, put) "," declaration
static const struct {
    const char *name, *columns; // with a comma before each
} TABLES[] = {
    {"hosts", HOSTS},   {"host_traces", HOST_TRACES}, {"processes", PROCESSES}, {"connections", CONNECTIONS},
    {"images", IMAGES},
};
#undef COLUMN

const char sqlite_entity_indexes[] = "CREATE INDEX processes_id ON processes(process_id,valid_from);"
                                     "CREATE INDEX connections_process ON connections(process);";

void sqlite_entity_tables(outbuf *sql)
{
    for (size_t i = 0; i < COUNT_OF(TABLES); i++) {
        outbuf_text(sql, "CREATE TABLE ");
        outbuf_text(sql, TABLES[i].name);
        outbuf_text(sql, "(");
        outbuf_text(sql, TABLES[i].columns + 1);
        outbuf_text(sql, ");");
    }
}

// ------------------------------------------------------------------------------------- rows

// An INSERT into all columns of a table.
static int prepare(sqlite3 *db, const char *table, cells *out)
{
    *out = (cells){0};
    sqlite3_stmt *columns = NULL;
    char *sql = sqlite3_mprintf("SELECT * FROM %s", table);
    int code = sql ? sqlite3_prepare_v2(db, sql, -1, &columns, NULL) : SQLITE_NOMEM;
    sqlite3_free(sql);
    outbuf insert = {0};
    outbuf_text(&insert, "INSERT INTO ");
    outbuf_text(&insert, table);
    for (int i = 0; i < sqlite3_column_count(columns); i++)
        outbuf_text(&insert, i ? ",?" : " VALUES(?");
    outbuf_add(&insert, ")", sizeof(")"));
    sqlite3_finalize(columns);
    if (code == SQLITE_OK)
        code = sqlite3_prepare_v2(db, (const char *)insert.bytes, -1, &out->statement, NULL);
    outbuf_free(&insert);
    return code;
}

static int store(cells *c)
{
    c->at = 0;
    spill_pass(&c->passed, SPILL_LOOKUP, SPILL_LOOKUPS);
    sqlite3_step(c->statement);
    return sqlite3_reset(c->statement);
}

// `items`: `count` of them, each given as `item` to `put`.
#define STORE_ALL(db, table, count, put, item)                                                                         \
    do {                                                                                                               \
        cells c;                                                                                                       \
        int code = prepare(db, table, &c);                                                                             \
        for (u32 i = 0; code == SQLITE_OK && i < (count); i++) {                                                       \
            put(&c, item, i);                                                                                          \
            code = store(&c);                                                                                          \
        }                                                                                                              \
        sqlite3_finalize(c.statement);                                                                                 \
        return code;                                                                                                   \
    } while (0)

static int store_hosts(sqlite3 *db, const session *s)
{
    STORE_ALL(db, "hosts", s->hosts.count, put_host, &s->hosts.list[i]);
}

static int by_number(const void *a, const void *b)
{
    const u32 *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

// Each of its trace headers may be another host's.
static int store_hosts_of(cells *c, const session *s, u32 trace_index)
{
    const trace *t = s->traces[trace_index];
    u32 count = t->file.trace_header_count, *hosts = mem_alloc((count + (size_t)1) * sizeof(*hosts));
    int code = SQLITE_OK;
    for (u32 i = 0; i < count; i++)
        hosts[i] = s->hosts.of[t->first_header + i];
    qsort(hosts, count, sizeof(*hosts), by_number);
    for (u32 i = 0; i < count && code == SQLITE_OK; i++) {
        if (i && hosts[i] == hosts[i - 1])
            continue;
        put_host_trace(c, &(host_trace){hosts[i], trace_index}, 0);
        code = store(c);
    }
    mem_free(hosts);
    return code;
}

static int store_host_traces(sqlite3 *db, const session *s)
{
    cells c;
    int code = prepare(db, "host_traces", &c);
    for (u32 i = 0; i < s->trace_count && code == SQLITE_OK; i++)
        code = store_hosts_of(&c, s, i);
    sqlite3_finalize(c.statement);
    return code;
}

static int store_processes(sqlite3 *db, const session *s)
{
    u32 count;
    const process_life *const *list = correlator_processes(s->correlator, &count);
    STORE_ALL(db, "processes", count, put_life, list[i]);
}

static int store_connections(sqlite3 *db, const session *s)
{
    u32 count;
    const connection *list = correlator_connections(s->correlator, &count);
    STORE_ALL(db, "connections", count, put_connection, &list[i]);
}

static int store_images(sqlite3 *db, const session *s)
{
    u32 count;
    const pdb_identity *list = correlator_pdbs(s->correlator, &count);
    STORE_ALL(db, "images", count, put_image, &list[i]);
}

int sqlite_entities_store(sqlite3 *db, const session *s)
{
    static int (*const STORES[])(sqlite3 *, const session *) = {store_hosts, store_host_traces, store_processes,
                                                                store_connections, store_images};
    int code = SQLITE_OK;
    for (size_t i = 0; code == SQLITE_OK && i < COUNT_OF(STORES); i++)
        code = STORES[i](db, s);
    return code;
}
