// The forensic report: one self-contained HTML page about the traces of a session.
//
// Rules (report_rules.c) say which events feed which table; a sink (report_collect.c) gathers them while records are
// read, in record order, so that the report does not depend on threads. report_model.c and report_activity.c make one
// JSON object of all that the page shows; report_page.c puts it into the page (page.html, page.css, page.js).
// report_static.c writes out what must be readable where scripts are off, the script shows the rest. The report holds
// no clock of its own: the same evidence gives the same bytes.
#ifndef ETWKIT_REPORT_H
#define ETWKIT_REPORT_H

#include <cjson/cJSON.h>

#include "evidence.h"
#include "exporter.h"

enum {
    REPORT_DETAILS = 4,             // columns of a table after record, time, process, id and event
    REPORT_ROWS = 2000,             // of one table: more cannot be read, and `convert` gives them all
    REPORT_TABLE_BYTES = 600 << 10, // of one table: eleven tables then stay well under 10 MB
    REPORT_CELL_BYTES = 2000,       // of one cell, a script block say; the rest is in the conversion
    REPORT_PROCESSES = 2000,        // processes shown in the tree
    REPORT_NAMES = 12,              // names and peers shown for one process
    REPORT_BUCKETS = 240,           // steps of the timeline
    REPORT_SERIES = 9,              // providers with a colour of their own; the others are one
    REPORT_DAMAGE = 500,            // damaged ranges listed of one trace
    REPORT_PROVIDERS = 400,         // of one trace
};

// ---------------------------------------------------------------------------------------------- rules

// One kind of event that belongs into a table.
typedef struct report_rule {
    const char *table; // id of the table
    guid provider;     // for classic events the class GUID
    bool classic;
    u16 first, last;                    // event ids, or opcodes of classic events
    const char *event;                  // what the row calls it
    const char *fields[REPORT_DETAILS]; // payload fields; "@file" and "@key" are correlated paths; NULL: empty
} report_rule;

typedef struct report_table {
    const char *id, *title, *explanation;
    const char *columns[REPORT_DETAILS]; // NULL: no such column
} report_table;

extern const report_table report_tables[]; // in page order; id NULL ends
extern const report_rule report_rules[];   // table NULL ends

u32 report_table_count(void);
u32 report_table_index(const char *id);
// The rule a class of events falls under; NULL: none.
const report_rule *report_rule_of(const event_class *cls);
// The SQL query over `convert -o OUT.db` that gives the table.
void report_query(const report_table *table, outbuf *out);

// ---------------------------------------------------------------------------------------------- gathering

typedef struct report_rows {
    outbuf json; // arrays of cells, a comma after each
    u64 shown, all;
} report_rows;

typedef struct report_life { // by process_life.index
    u64 events, files, names_all;
    const char *names[REPORT_NAMES];
    u32 name_count;
} report_life;

typedef struct report_series {
    const char *name; // provider
    u64 events;
    u32 buckets[REPORT_BUCKETS];
} report_series;

// The exporter's sink: everything the page shows that comes from records.
typedef struct sink {
    const session *session;
    report_rows *tables;
    report_life *lives;
    u32 life_count;
    report_series *series; // by provider, in order of first event
    u32 series_count, series_cap;
    u32 *series_of_class;
    i64 from, to; // FILETIME of the timeline's ends
    arena arena;
} report_data;

void report_data_begin(report_data *d, const session *s);
void report_data_free(report_data *d);

extern const exporter report_exporter; // its sink is a report_data that was begun

// ---------------------------------------------------------------------------------------------- model and page

typedef struct report_job {
    const evidence *evidence;
    const report_data *data;
    u64 records;
} report_job;

// The whole model. Inputs are hashed once more. cJSON_Delete.
cJSON *report_model(const report_job *job);
// It as JSON text without "<", so that it can be part of a page.
void report_json(const cJSON *model, outbuf *out);
// The page around that text.
void report_page(const cJSON *model, outbuf *out);

// What the page shows without its script, as HTML.
typedef struct report_text {
    outbuf title, sources, summary, evidence;
} report_text;

void report_static(const cJSON *model, report_text *text);
void report_text_free(report_text *text);

// Whether a file is one of these two, by its first bytes.
bool report_page_is_own(span head, int fd);
bool report_json_is_own(span head, int fd);

// Parts of the model (report_activity.c).
void report_add_processes(cJSON *root, const report_job *job);
void report_add_connections(cJSON *root, const session *s);
void report_add_tables(cJSON *root, const report_data *d);

// A number exactly: as text where a double cannot hold it.
void report_add_number(cJSON *to, const char *name, u64 number);
void report_add_time(cJSON *to, const char *name, i64 filetime); // null where it is not positive

#endif
