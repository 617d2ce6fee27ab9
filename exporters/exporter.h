// What turns records into a file. A new exporter is one file that defines `const exporter exporter_NAME`, and one line
// in exporters.def: the program's help, its errors and what an output may be follow from what the exporter says of
// itself.
//
// render is pure and may run on any thread: it appends one record to a buffer. commit takes finished runs of records in
// order, on one thread. So the same bytes come out for any number of threads.
#ifndef ETWKIT_EXPORTER_H
#define ETWKIT_EXPORTER_H

#include "base/error.h"
#include "base/outbuf.h"
#include "etwkit_engine.h"

// Facts of one input, for outputs that keep them (SQLite's `traces` and `damage` tables).
typedef struct export_damage {
    u64 offset, bytes;
    const char *kind, *message;
} export_damage;

typedef struct export_trace {
    const char *file;      // as records name it in `source`
    const char *info_json; // the object `info --json` prints for it (NULL but for those with keeps_traces)
    const export_damage *damage;
    u32 damage_count;
    const char *host; // the machine of all its records, by the pointer they have; NULL: unknown, or several
} export_trace;

// One input of the run, read or not.
typedef struct export_input {
    const char *path, *source, *status, *error, *reason; // error and reason NULL: it was read, or is a copy
    const char *sha256;                                  // "" where it was not computed
    u64 bytes;
    i64 duplicate_of; // index in the inputs; -1: of none
    i64 trace;        // index in the traces; -1: it is not read
} export_input;

// Everything is known when an exporter is opened but the records themselves.
typedef struct export_target {
    int fd;                            // where to write, from its start; a file's can also be read
    const char *name;                  // what sentences call it
    const event_class *const *classes; // closed: no class is added while records come
    u32 class_count;
    const bool *wanted; // by class: whether a record may come of it, as the filter says; NULL: of all
    const export_trace *traces;
    u32 trace_count;
    const host_entry *hosts; // machines, by record.host_index
    u32 host_count;
    const export_input *inputs;
    u32 input_count;
    const struct session *session; // what is known beyond the records; NULL: nothing
    struct crew *crew;             // threads for compression
    const struct packing *packing; // NULL: none
    // Of outputs in parts: one sink renders the records of all parts, which those of the parts commit.
    bool only_renders, only_commits;
    const struct class_groups *groups; // by class: each part has the columns of its group. NULL: all have the same
    u32 group;                         // of a part
    u64 without;                       // columns that are left out, as bits
    bool flat;                         // fields of payloads are columns of their own (flat.h)
    bool all_first;                    // the first record has all columns, null where it has no value
    bool search;                       // a database has an index for full-text search
    bool continues;                    // what was written before comes before it: it needs no header row
    bool csv_mark;                     // CSV begins with a byte order mark, by which Excel knows UTF-8
    bool csv_guard;                    // CSV cells a spreadsheet would run as a formula get an apostrophe in front
} export_target;

typedef struct sink sink; // each exporter defines its own

enum { EXPORT_REMARK = 256 };

// What is made of a trace as a whole.
typedef struct export_whole {
    volatile const bool *stop;
    u64 records;                // out: events that passed the filter
    u64 items;                  // likewise: what exporter.counts names
    char remark[EXPORT_REMARK]; // likewise
} export_whole;

typedef struct exporter {
    const char *name;     // -f NAME
    const char *suffixes; // " .json .x " of OUT, blanks around each
    const char *help;     // a line of `etwkit convert --help`
    MUST_USE bool (*open)(sink **out, const export_target *target, error *e);
    void (*render)(const sink *s, const record *rec, outbuf *out); // NULL, as is commit: nothing comes of records
    MUST_USE bool (*commit)(sink *s, span rendered, u32 records, error *e);
    MUST_USE bool (*close)(
        sink *s,
        error *e); // the descriptor stays open; frees s in any case; with e == NULL the output is being abandoned
    // Instead of all these: the output made from the session itself. `records`: how many events passed the filter.
    MUST_USE bool (*whole)(const export_target *target, const filter *f, export_whole *made, error *e);
    // A sentence for people about what was written, after the last commit; NULL: there is nothing to say.
    void (*remark)(const sink *s, char text[EXPORT_REMARK]);
    // Where an output has no records: what it has ("packets") and how many, after the last commit; NULL: records.
    const char *counts;
    u64 (*count)(const sink *s);
    // Whether an existing file is an earlier output of this exporter, by its first bytes (64 KiB of them, or all).
    bool (*is_own)(span head, int fd);
    unsigned correlate; // CORRELATE_…: what it needs of session->correlator beyond what records need
    // Whether render writes nothing for any record of a class, so that it need not be called; NULL: of none.
    bool (*passes_over)(const sink *s, u32 class_index);
    bool needs_file;    // cannot be written to a pipe or standard output
    bool several_files; // OUT is a folder that it fills
    bool may_split;     // outputs of consecutive records, put together, are the output of them all
    bool is_text;       // may be compressed
    bool takes_parts;   // target->groups and `without`
    bool takes_guard;   // has cells that csv_guard is about
    bool takes_mark;    // may begin with csv_mark
    bool takes_flat;    // and payloads that `flat` is about
    bool leaves_out;    // columns that have no value, which all_first is about
    bool takes_search;  // may have an index for full-text search
    bool needs_frames;  // of stacks, as --frames gives them
    bool no_stacks;     // does not look at the stacks of records
    bool no_states;     // states of records that it passes over are not wanted
    bool keeps_traces;  // writes target->traces, which then must be complete (hashes) before open
} exporter;

bool exporter_head_is(span head, const char *text);  // whether it begins with the text
bool exporter_head_has(span head, const char *text); // whether the text is in it

#define EXPORTER(name) extern const exporter exporter_##name;
#include "exporters.def"
#undef EXPORTER

extern const exporter *const exporters[];           // in the order of --help, NULL-terminated
const exporter *exporter_by_name(const char *name); // NULL: there is none
const exporter *exporter_by_path(const char *path); // by its suffix; NULL: none fits
const char *exporter_name(u32 index);               // NULL: the list ends there
const char *exporter_names(char scratch[256]);      // "csv, json, jsonl"; lives in `scratch`

#endif
