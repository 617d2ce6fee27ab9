// The forensic report: one self-contained HTML page about the traces of a session.
//
// Which tables an event feeds is known by its class before records are read (report_classes.c): those of the activities
// it shows (report_rules.c), else that of its provider. A sink (report_collect.c) gathers rows (report_rows.c), the
// timeline (report_time.c) and sums for charts (report_charts.c) while records are read, in record order, so that the
// report does not depend on threads. report_model.c and its parts make one JSON object of all that the page shows;
// report_page.c puts it into the page (page/). report_static.c writes out what must be readable where scripts are off,
// the scripts show the rest. The report holds no clock of its own: the same evidence gives the same bytes.
#ifndef ETWKIT_REPORT_H
#define ETWKIT_REPORT_H

#include <cjson/cJSON.h>
#include <stdatomic.h>

#include "base/map.h"
#include "evidence.h"
#include "exporter.h"
#include "outfile.h"

enum {
    REPORT_DETAILS = 6,             // columns of a table after record, time, process, id and event
    REPORT_SHOWS = 4,               // tables that one event has a row in
    REPORT_ROWS = 2000,             // of one table: more cannot be read, and `convert` gives them all
    REPORT_KERNEL_ROWS = 500,       // of a class of the kernel's events: single ones say little
    REPORT_TABLE_BYTES = 400 << 10, // of one table, where there are few of them,
    REPORT_ALL_BYTES = 4 << 20,     // and of all: the page stays under 10 MB
    REPORT_CELL_BYTES = 2000,       // of one cell, a script block say; the rest is in the conversion
    REPORT_TABLES = 300,            // of providers
    REPORT_PROCESSES = 2000,        // processes shown in the tree
    REPORT_NAMES = 12,              // names and peers shown for one process
    REPORT_STEPS = 1024,            // steps of the timeline at most, and more than half of it where it is longer than
                                    // 100 us
    REPORT_SERIES = 9,              // providers with a colour of their own; the others are one
    REPORT_PAIRS = 100000,          // of process and module, say, that a chart sums up; what comes later is one
    REPORT_BARS = 15,               // of a chart
    REPORT_DAMAGE = 500,            // damaged ranges listed of one trace
    REPORT_CLASSES = 3000,          // classes of events listed
};

static const u32 REPORT_NONE = UINT32_MAX; // no table, no process, no host

// ---------------------------------------------------------------------------------------------- tables of activities

// A column behind record, time, process, id and event.
typedef struct report_column {
    const char *title; // NULL: there is none
    activity_field field;
} report_column;

typedef struct report_table {
    const char *id, *title, *explanation;
    u64 kinds; // bits by activity_kind
    report_column columns[REPORT_DETAILS];
    bool watched; // rows that are not shown are looked at as well, for what is striking and the names of processes
} report_table;

extern const report_table report_tables[]; // in page order; id NULL ends

u32 report_table_count(void);
u32 report_table_index(const char *id);
u32 report_table_of(activity_kind kind); // REPORT_NONE: it has none
// The SQL query over `convert -o OUT.db` that gives the events of a table,
void report_query(const report_table *table, outbuf *out);
// and those of a provider's: its events but those that are in another table whatever they say.
void report_provider_query(const guid *provider, outbuf *out);

// ---------------------------------------------------------------------------------------------- classes

// A provider, or a class of classic kernel events, whose events have no other table.
typedef struct report_provider {
    guid id;
    const char *title;
    u64 events; // in the traces; fewer where a filter was given
    bool bookkeeping, kernel;
    u32 order; // of its first class
    u32 table; // REPORT_NONE: one of too many
    bool has_rules;
} report_provider;

// An activity that events of a class show, and its table.
typedef struct report_show {
    u32 which, table;
    event_when when;
} report_show;

// What is known of an event by its class.
typedef struct report_class {
    report_show shows[REPORT_SHOWS];
    u32 show_count;
    bool shows_always; // one of them, whatever the event says
    const struct chart_rule *chart;
    u32 table; // of the provider; REPORT_NONE: none
    u32 series;
    bool outside_time;  // not on the timeline
    bool tells_process; // what it says of a process is known from that
} report_class;

typedef struct report_classes {
    report_class *list; // by event_class.index
    u32 count;
    report_provider *providers; // those with most events first
    u32 provider_count, provider_cap;
    u32 left_out;                                // providers without a table
    const char *series_names[REPORT_SERIES + 1]; // the last one's is "": all others
    u32 other_series;                            // how many are one
    arena arena;
} report_classes;

void report_classes_begin(report_classes *out, const session *s);
void report_classes_free(report_classes *c);

// ---------------------------------------------------------------------------------------------- rows

typedef struct report_row {
    size_t end; // of its JSON in the table's
    u32 life, host;
} report_row;

// Rows of a table: the first ones. Its class says whether it is full before a row is made.
typedef struct report_rows {
    outbuf json; // "[", then arrays of cells, a comma and a line break after each
    report_row *list;
    u32 shown, cap, most;
    u64 all;
    atomic_bool full; // no row comes any more; read by other threads
} report_rows;

typedef struct report_store {
    report_rows *tables; // those of report_tables, then those of providers
    u32 count;
    size_t most, bytes; // of one table, and of all so far
} report_store;

void report_store_begin(report_store *s, u32 tables);
void report_store_free(report_store *s);
// Whether it is shown.
bool report_store_add(report_store *s, u32 table, span row, u32 life, u32 host);

// All rows as a JSON array; after the last one. Lives as long as the rows.
const char *report_rows_json(report_rows *rows);

// Appends the row of a record in the table of its provider: [record, time, process, id, event, level, what it says],
// and to *said what it says, behind a line break; and that of an activity: [record, time, process, id, event,
// columns...].
void report_put_event(outbuf *out, const record *rec, outbuf *said);
void report_put_activity(outbuf *out, const activity *x, const report_table *table, outbuf *said);

// ---------------------------------------------------------------------------------------------- time

// Events in steps of equal length. The first event begins the first step; steps double their length when events come
// that are later than the last one.
typedef struct report_time {
    bool begun;
    i64 from, last; // FILETIME
    u64 step;       // 100 ns
    u32 used;       // steps
    u32 counts[REPORT_SERIES + 1][REPORT_STEPS];
    u64 events[REPORT_SERIES + 1];
} report_time;

void report_time_add(report_time *t, u32 series, i64 time, bool outside);
// The step of a time; false: it is in none.
bool report_time_step(const report_time *t, i64 time, u32 *step);

// ---------------------------------------------------------------------------------------------- charts

typedef enum chart_label { LABEL_MODULE, LABEL_FILE } chart_label;

// Events whose amounts are summed up by process and by something else.
typedef struct chart_rule {
    u32 chart; // in report_charts
    guid provider;
    bool classic;
    u16 first, last;
    const char *amount; // payload field; NULL: each event counts one
    chart_label label;
    const char *field; // LABEL_MODULE: the address
} chart_rule;

typedef struct report_chart {
    const char *id, *title, *explanation, *unit, *label;
    bool without_idle; // the process without id is no work, and not among the bars
} report_chart;

extern const report_chart report_charts[]; // in page order; id NULL ends
const chart_rule *report_chart_rule_of(const event_class *cls);

typedef struct chart_note { // what render hands to commit, then `bytes` of the label
    u64 amount, hash;
    u32 bytes;
} chart_note;

typedef struct chart_pair {
    u32 chart, life, process_id; // process_id where there is no life
    bool has_process;
    const char *label;
    u32 bytes;
    u64 events, amount;
} chart_pair;

typedef struct chart_sums {
    chart_pair *list;
    u32 count, cap;
    map by_key;
    arena arena;
} chart_sums;

// Appends the label.
void report_chart_measure(const session *s, const chart_rule *rule, const record *rec, outbuf *out, chart_note *note);
typedef struct chart_who {
    u32 life, process_id;
    bool has_process;
} chart_who;
void report_chart_add(chart_sums *sums, const chart_rule *rule, chart_who who, const chart_note *note, const u8 *label);
void report_chart_sums_free(chart_sums *sums);

// ---------------------------------------------------------------------------------------------- what is striking

// A row or a command line that deserves a look, by words in it. The page says which words and that it is no verdict.
typedef enum striking {
    STRIKING_ENCODED,   // an encoded command
    STRIKING_AUTOSTART, // something will run by itself
    STRIKING_PATH,      // a program in a folder that users can write
    STRIKING_PEER,
    STRIKING_KINDS,
} striking;

enum { STRIKING_SHOWN = 5, STRIKING_TEXT = 300 };

typedef struct striking_item {
    const char *text, *detail; // detail NULL: none
    u64 record;                // 0: none
    u32 life;                  // REPORT_NONE: none
} striking_item;

typedef struct striking_list {
    striking_item items[STRIKING_SHOWN];
    u64 all;
} striking_list;

// The encoded command in a text, as it stands there; empty: none.
span striking_encoded(span text);
// What it encodes, if it is UTF-16 in base64; false: it is not.
bool striking_decode(span command, outbuf *out);
// Whether a row that says `said` is about something that will run by itself.
bool striking_starts(const activity *x, span said);

void striking_add(striking_list *list, const striking_item *item);
// A text as items have it.
const char *striking_text(arena *texts, span text);
// The part of a text with an encoded command in it.
void striking_put_encoded(span text, span command, outbuf *out);

// ---------------------------------------------------------------------------------------------- gathering

typedef struct report_life { // by process_life.index
    u64 events, files, names_all;
    const char *names[REPORT_NAMES];
    u32 name_count;
} report_life;

// The exporter's sink: everything the page shows that comes from records.
typedef struct sink {
    const session *session;
    report_classes classes;
    activities *activities;
    report_store store;
    report_time time;
    chart_sums charts;
    report_life *lives;
    u32 life_count;
    striking_list striking[STRIKING_KINDS];
    u32 dns, files; // tables that lives count
    arena arena;
} report_data;

void report_data_begin(report_data *d, const session *s);
void report_data_free(report_data *d);

extern const exporter report_exporter; // its sink is a report_data that was begun

// ---------------------------------------------------------------------------------------------- model and page

typedef struct report_job {
    const evidence *evidence;
    report_data *data;
    u64 records;
} report_job;

// The whole model. Inputs are hashed once more. It borrows the rows of the data. cJSON_Delete.
cJSON *report_model(const report_job *job);
// It as JSON text without "<", so that it can be part of a page. cJSON_free.
char *report_json(const cJSON *model, const report_data *d);
// The page around that text.
MUST_USE bool report_page(const cJSON *model, span json, outfile *out, error *e);

// What the page shows without its script, as HTML.
typedef struct report_text {
    outbuf title, sources, summary, evidence;
} report_text;

void report_static(const cJSON *model, report_text *text);
void report_text_free(report_text *text);

// Whether a file is one of these two, by its first bytes.
bool report_page_is_own(span head, int fd);
bool report_json_is_own(span head, int fd);

// Parts of the model (report_activity.c, report_tables.c, report_charts.c, report_time.c, report_striking.c).
void report_add_hosts(cJSON *root, const session *s);
void report_add_processes(cJSON *root, const report_job *job);
void report_add_connections(cJSON *root, const session *s);
void report_add_tables(cJSON *root, report_data *d);
void report_add_classes(cJSON *root, const report_job *job);
void report_add_charts(cJSON *root, const report_data *d);
void report_add_timeline(cJSON *root, const report_data *d);
void report_add_striking(cJSON *root, const report_data *d);

// A number exactly: as text where a double cannot hold it.
void report_add_number(cJSON *to, const char *name, u64 number);
void report_add_time(cJSON *to, const char *name, i64 filetime);     // null where it is not positive
void report_add_text(cJSON *to, const char *name, const char *text); // null where there is none

#endif
