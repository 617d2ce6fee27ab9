// `etwkit detect`: Sigma rules over traces.
#ifndef ETWKIT_DETECT_H
#define ETWKIT_DETECT_H

#include "detect/detection.h"
#include "etwkit_engine.h"
#include "evidence.h"
#include "exporter.h"
#include "outfile.h"

// Options of `detect` alone (options.own_texts, options.own).
typedef enum detect_texts { TEXTS_RULES, TEXTS_STATUS, TEXTS_TAG, TEXTS_EXCLUDE, TEXTS_PLACEHOLDERS } detect_texts;
typedef struct detect_options {
    rule_level min_level, fail_level; // LEVEL_NONE: any, none
    bool list;
} detect_options;

// The rules that were asked for, and what became of the others.
typedef struct rule_book {
    rule_set set;
    arena arena;
    u32 refused, unused; // not understood; left out by --min-level and its like
    u32 broken;          // files that could not be read as YAML to their end
} rule_book;

// Which rules are wanted.
typedef struct rule_choice {
    const text_list *rules;                                  // files and folders
    const text_list *status, *tags, *exclude, *placeholders; // NULL: nobody asked
    rule_level min_level;
    bool list; // they will be printed: what is refused need not be said before
    bool quiet;
} rule_choice;

// Reads all files and folders of --rules. What is refused is said on stderr, a line each. False: nothing could be read.
MUST_USE bool rule_book_read(rule_book *b, const rule_choice *c, error *e);
void rule_book_free(rule_book *b);
void rule_book_print(rule_book *b); // --list, to stdout

// What all hits came to.
typedef struct host_hits {
    const char *host; // NULL: unknown
    u64 *by_rule;     // of the set
} host_hits;
typedef struct hit_counts {
    u64 hits;
    rule_level highest;
    u32 rule_count;
    host_hits *hosts;
    u32 host_count, host_capacity;
} hit_counts;
void hit_counts_free(hit_counts *c);

// Calls for each hit in the records of the session that the filter lets through, in their order. The session must be
// open for all of its records. False: the callback failed, or the run was stopped.
typedef bool detection_visit(void *context, const detection *d, error *e);
MUST_USE bool detect_run(const rule_book *b, const filter *f, evidence *ev, hit_counts *counts, detection_visit *visit,
                         void *context, error *e);

// ---------------------------------------------------------------------------------------------- outputs

typedef enum hit_format { HITS_TABLE, HITS_JSONL, HITS_JSON, HITS_CSV, HITS_TIMESKETCH, HITS_SQLITE } hit_format;
MUST_USE bool hit_format_find(const options *o, hit_format *out, error *e);
bool hits_are_own(span head, int fd);

typedef struct hit_writer hit_writer;
MUST_USE bool hit_writer_open(hit_writer **w, hit_format format, const outfile *out, error *e);
bool hit_writer_add(void *context, const detection *d, error *e); // a detection_visit
MUST_USE bool hit_writer_close(hit_writer *w, bool ok, error *e);

// Rows of a table in a database, which may have others.
typedef struct hit_table hit_table;
MUST_USE bool hit_table_open(hit_table **t, const outfile *file, error *e);
bool hit_table_add(void *context, const detection *d, error *e); // a detection_visit
MUST_USE bool hit_table_close(hit_table *t, bool ok, error *e);
bool hit_table_is_own(int fd);

#define OPTION_RULES(text)                                                                                             \
    {                                                                                                                  \
        .name = "--rules", .argument = "PATH", .help = text, .set = option_add_text,                                   \
        .at = offsetof(options, own_texts[TEXTS_RULES])                                                                \
    }

// What detect_run needs of correlation (CORRELATE_...).
enum { DETECT_CORRELATES = CORRELATE_PROCESSES | CORRELATE_FILES | CORRELATE_KEYS | CORRELATE_IMAGES };

#endif
