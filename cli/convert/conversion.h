// One output and what it is made from: begun before anything is read, filled from a session, committed with what
// belongs to it, or given up.
#ifndef ETWKIT_CONVERSION_H
#define ETWKIT_CONVERSION_H

#include "packing.h"
#include "etwkit_engine.h"
#include "evidence.h"
#include "exporter.h"
#include "outfile.h"

enum { PART_KEYS = 8 };
typedef struct part_keys {
    u8 list[PART_KEYS]; // columns, PART_DAY, PART_HOUR (parts.h)
    u32 count;
} part_keys;

// Options of `convert` alone (options.own).
typedef struct convert_options {
    bool guard, no_guard, mark, flat, all_first, search;
    u32 shard, shards;       // the part, from 1; shards 0: everything
    bool by_class;           // -o FOLDER/: a file for each kind of event,
    part_keys partition;     // or for each value of these
    struct rule_book *rules; // whose hits are written as well; NULL: none
} convert_options;

// How records are written.
typedef struct output_format {
    const exporter *exporter;
    const packing *packing; // NULL: none
} output_format;

typedef struct conversion {
    const options *options;
    output_format format;
    const char *path;              // OUT; NULL or "-": standard output
    outfile *out, own, provenance; // out: `own`, or somebody else's
    char *provenance_path, what[48];
    u64 records, hits, items;   // items: of what the exporter counts instead of records
    u64 states[RECORD_STATES];  // of them
    char remark[EXPORT_REMARK]; // of the exporter; "": none
    struct parts *parts;        // of many files; NULL: of one
    u32 part_count;
    bool reader_left; // of a pipe that OUT is
} conversion;

// Before anything is read: false where OUT cannot be written or must not be (own.refused, provenance.refused), and why.
MUST_USE bool conversion_begin(conversion *c, error *e);
// For evidence_open.
evidence_wish conversion_wish(const conversion *c, u32 first, u32 count);
// All records of the session.
MUST_USE bool conversion_run(conversion *c, evidence *ev, error *e);
// OUT and its provenance appear; both or none.
MUST_USE bool conversion_finish(conversion *c, evidence *ev, error *e);
void conversion_end(conversion *c); // in any case; what did not appear is removed

// What an exporter is told before the first record.
typedef struct conversion_target {
    export_target target;
    export_trace *traces;
    export_input *inputs;
    char **json;
    bool *wanted;
} conversion_target;
void conversion_target_fill(conversion_target *t, const evidence *ev, const exporter *x, const filter *f);
void conversion_target_free(conversion_target *t);

// Each input of the run by itself, into the folder that -o names. Returns the exit code.
int convert_each(run *r, const output_format *format);

#endif
