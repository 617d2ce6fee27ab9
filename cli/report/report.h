// The forensic report: one self-contained HTML page about the traces of a session.
//
// Rules (report_rules.c) say which events feed which table; a sink (report_collect.c) gathers them while records are
// read, in record order, so that the page does not depend on threads; report_page.c writes the page. The page holds no
// clock of its own: the same evidence gives the same bytes.
#ifndef ETWKIT_REPORT_H
#define ETWKIT_REPORT_H

#include "evidence.h"
#include "exporter.h"

enum {
    REPORT_DETAILS = 4,             // columns of a table beside time, process and event
    REPORT_ROWS = 2000,             // of one table on the page: more cannot be read, and `convert` gives them all
    REPORT_TABLE_BYTES = 600 << 10, // of one table: eleven tables then stay well under 10 MB
    REPORT_CELL_BYTES = 2000,       // of one cell, a script block say; the rest is in the conversion
    REPORT_PROCESSES = 2000,        // processes shown in the tree
    REPORT_NAMES = 12,              // names and peers shown for one process
    REPORT_BUCKETS = 240,           // steps of the timeline
    REPORT_SERIES = 9,              // providers with a colour of their own; the others are one
    REPORT_DAMAGE = 500,            // damaged ranges listed
    REPORT_PROVIDERS = 400,
};

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

// What was gathered.
typedef struct report_rows {
    outbuf html; // <tr>…</tr> of the rows shown
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

// The page. `before` are the hashes taken while reading, `after` those of a second look (NULL where not asked for).
typedef struct report_job {
    const evidence *evidence;
    const report_data *data;
    char (*after)[SHA256_TEXT];
    u64 records;
} report_job;
void report_page(const report_job *job, outbuf *out);

// Text as HTML content or attribute value: & < > " ' and control characters.
void report_text(outbuf *out, const char *text, size_t len);

extern const char report_css[], report_js[];

#endif
