// The engine: traces opened together, surveyed (survey.c), planned, and read as one time-ordered stream of records.
//
// Two passes. The first scans every buffer once: facts, event classes, embedded schemas, damage, the processes and
// threads that lived; then every class gets its names and plans. The second reads records in time order; from here on
// nothing shared changes, so any number of threads may render them. The order of calls:
//
//     session_new, session_add for each input, schemas into session->schemas, session_survey,
//     a reader of records (merge.h, used by cli/pipeline.c and winapi/opentrace.c), session_free
#ifndef ETWKIT_SESSION_H
#define ETWKIT_SESSION_H

#include "activity/getter.h"
#include "container/losses.h"
#include "correlate/correlate.h"
#include "correlate/hosts.h"
#include "session/clock_steps.h"
#include "session/event_cache.h"
#include "session/far_events.h"
#include "session/schema_store.h"
#include "session/segments.h"
#include "threads/crew.h"

// A buffer with events, as the first pass found it.
typedef struct buffer_events {
    u32 buffer;                // index in etl_file.buffers
    u32 count;                 // of events
    u64 classes;               // bit n % 64 for each event class n in it; all where an event has no class
    i64 first_time, last_time; // of its events by time; session clock
    cached_buffer *cached;     // NULL: it must be read again
} buffer_events;

// Events of a class by how far they are decoded.
typedef struct state_counts {
    u64 of[RECORD_STATES];
    u64 cut; // of them at LIMIT_RECORD_TEXT
} state_counts;

// One input.
typedef struct trace {
    etl_file file;
    input *owned; // where session_open opened it
    etl_account account;
    u32 first_header; // of all trace headers of the session, file.trace_headers[0]
    u64 events;
    u64 headers[HEADER_KINDS]; // by header_kind
    u64 decoded, partial, raw; // counted by whoever read the records
    u64 *class_events;         // by class index, of this trace
    _Atomic u64 *class_passed; // of these, those that passed a filter; NULL: that was not counted
    u32 class_capacity;
    state_counts *states; // by class index, where the first pass counts (count.h)
    u32 state_count;
    buffer_events *filled; // in file order; who goes through all calls spill_pass
    spill *filled_block;
    u32 filled_count, filled_capacity;
    i64 first_time, last_time; // FILETIME of its first and last event
    i64 first_near, last_near; // likewise, of those that are not far outside their session; 0: none is
    clock_steps clock_steps;
    far_events far;
    segment segment;
    const char *header_doubt; // a sentence (header_doubts.h), or NULL
    losses losses;            // buffers that never reached the file, by what the others say
    input_change change;      // what became of the file meanwhile; INPUT_WRITTEN is noted as damage once
    const char *computer;     // from SystemConfig; NULL: not recorded (trace_computer)
    const char **computers;   // by trace header (file.trace_headers), where some recorded it; else NULL
    _Atomic u32 unread_again; // buffers that gave other events in the second pass than in the first
    damage_log damage;        // found inside buffers; file.damage has what was found between them
} trace;

typedef struct session {
    arena arena;
    trace **traces;
    u32 trace_count, trace_capacity;
    u32 header_count; // trace headers of all traces
    schema_set *schemas;
    class_table *classes;
    correlator *correlator;
    crew *crew;                   // NULL: everything is done in line
    unsigned correlate;           // CORRELATE_…: what the first pass follows; set before it
    const segment_list *segments; // files of sessions in several files, of all of a run; NULL: those that are added
    const char *host_name;        // the user's for the machine of all traces; NULL: none
    i64 since, until;             // FILETIME: no other records will be asked for; likewise
    bool (*wants)(void *context, const event_class *cls); // false: nor records of this class, whose names are not known
    void *wants_context;                                  // yet; NULL: of all
    bool only_counts; // states of all events are wanted, and nothing else: the first pass may count them; likewise
    bool counted;     // it does, or did for all
    bool *settled;    // by class index: and its counts hold (count.h)
    u32 settled_count;
    host_map hosts; // by trace header, traces one after the other
    event_cache cache;
    schema_load embedded; // what the traces' own schemas came to
    u64 cut;              // records whose decoding ended at LIMIT_RECORD_TEXT; counted by whoever read them
    bool one_clock;       // all events can be ordered by their session clock alone
    schema_store *store;  // descriptions beyond the traces' own; NULL: the built-in tables, and those of `fetch`
    void (*fetch)(void *context, schema_set *set, const guid *id); // a schema cache's, asked once a provider
    void *fetch_context;
} session;

// The computer it was recorded on: what the trace says, else what the drive it lies on says. NULL: nobody does.
static inline const char *trace_computer(const trace *t)
{
    return t->computer ? t->computer : t->file.input->computer;
}

session *session_new(void);
void session_free(session *s);

// Adds a trace. False: there is none; the sentence says why. The others stay usable. `in` must stay open until
// session_free.
MUST_USE bool session_add(session *s, const input *in, error *e);
// Opens a file and adds it.
MUST_USE bool session_open(session *s, const char *path, error *e);

// Called about every 64 MiB of input; NULL for none. False from it ends the work early.
typedef bool session_progress(void *context, u64 done, u64 total);

// Reads all buffers of all traces, then plans all classes. False only when progress said so.
MUST_USE bool session_survey(session *s, session_progress *progress, void *context);

// Asks what became of the inputs since they were opened (trace.change). Notes, as damage of kind "read", those that
// were written to, and buffers that could be read in the first pass and not again. Call it when all records are out.
void session_check_files(session *s);

// What the first pass found in a buffer; NULL: no events.
const buffer_events *trace_events_of(const trace *t, u32 buffer);

// Whether the bytes of a trace add up to its size (they must; a difference is our mistake and is reported as damage).
u64 session_account_sum(const trace *t);

// The Windows build the first trace was recorded on; 0: not known.
u32 session_os_build(const session *s);

// The host of a trace header.
const host_entry *session_host(const session *s, u32 index, u32 trace_header);

// FILETIME of an event of a buffer.
i64 session_time(const loaded_buffer *b, i64 time);

// Fills a record from an event reference: everything but its number. `room` is the calling thread's.
typedef struct record_scratch {
    decoder decoder;
    event event;
    u64 *stack;
    u32 stack_cap;
    correlate_scratch correlate;
    getter_scratch activity;
} record_scratch;
void record_scratch_free(record_scratch *scratch);
void session_record(const session *s, const loaded_buffer *b, const event_ref *ref, record_scratch *scratch,
                    record *out);
// The same without its stack.
void session_record_bare(const session *s, const loaded_buffer *b, const event_ref *ref, record_scratch *scratch,
                         record *out);

// How far the record's payload is decoded, without the record: every value is located and nothing else is done.
record_state session_state(const session *s, const loaded_buffer *b, const event_ref *ref, record_scratch *scratch);

#endif
