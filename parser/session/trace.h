// The engine: traces opened together, surveyed (survey.c), planned, and read as one time-ordered stream of records.
//
// Three passes. The survey reads every buffer once in file order: facts, event classes, embedded schemas, damage, the
// processes and threads that lived. Planning gives every class its names and plans. Then records are read in time
// order; from here on nothing shared changes, so any number of threads may render them. The order:
//
//     session_new, session_add for each input, schemas into session->schemas, session_survey,
//     a reader of records (decode/merge.h, used by cli/pipeline.c and opentrace.c), session_free
#ifndef ETWKIT_TRACE_H
#define ETWKIT_TRACE_H

#include "container/losses.h"
#include "correlate/correlate.h"
#include "session/scan.h"
#include "session/keep.h"

// One input.
typedef struct trace {
    etl_file file;
    input *owned; // where session_open opened it
    etl_account account;
    u64 events;
    u64 headers[HEADER_KINDS]; // by header_kind
    u64 decoded, partial, raw; // counted by whoever read the records
    u64 *class_events;         // by class index, of this trace
    u64 *class_states;         // by class index and record_state: what the survey counted (session->count_states)
    u32 class_cap;
    u64 states[RECORD_STATES]; // what stands of class_states once all plans are known (session->recount)
    waiting_payloads *waiting; // what could not be counted yet, by scanner
    u32 waiting_count, waiting_cap;
    i64 first_time, last_time; // FILETIME of its first and last event
    losses losses;             // buffers that never reached the file, as the others tell
    input_change change;       // what became of the file meanwhile; INPUT_WRITTEN is noted as damage once
    const char *computer;      // from SystemConfig; NULL: not recorded
    kept_buffer *kept;         // by buffer index
    _Atomic u32 unread_again;  // buffers that gave other events when read for their records than in the survey
    damage_log damage;         // found inside buffers; file.damage has what was found between them
} trace;

struct session;

// Other threads that scan buffers ahead of the survey (cli/ahead.c), since the parser starts none itself. take is
// called once for each buffer of the trace in order; what it returns is the survey's until its next call, or end.
// beside has one of them do some other work, join waits for it.
typedef struct survey_threads {
    void (*beside)(void *context, void (*work)(void *), void *work_context);
    void (*join)(void *context);
    void *(*begin)(struct session *s, u32 trace_index, void *context);
    scanned *(*take)(void *run, u32 buffer_index);
    void (*end)(void *run);
} survey_threads;

typedef struct session {
    arena arena;
    trace **traces;
    u32 trace_count, trace_cap;
    schema_set *schemas;
    class_table *classes;
    correlator *correlator;
    unsigned correlate; // CORRELATE_… (decode/correlate.h): what the survey follows; set before it
    i64 since, until;   // FILETIME: no other records will be asked for; likewise
    bool (*wants)(void *context, const event_class *cls); // false: nor records of this class, whose names are not known
    void *wants_context;                                  // yet; NULL: of all
    bool count_states;                                    // the survey counts how far events decode; set before it
    bool *recount;                 // by class index: whether the survey's count does not hold, since plans came later;
                                   // NULL: all hold
    schema_load embedded;          // what the traces' own schemas came to
    bool one_clock;                // all events can be ordered by their session clock alone
    const survey_threads *threads; // NULL: buffers are scanned in line
    void *threads_context;
    void (*fetch)(void *context, schema_set *set, const guid *id); // a schema cache's, asked once a provider
    void *fetch_context;
    keep_room keep_bytes, keep_refs; // apart: bytes are placed by scanning threads
    keep_lists keep_lists;
} session;

session *session_new(void);
void session_free(session *s);

// Adds a trace. False: there is none; the sentence says why. The others stay usable. `in` must stay open until
// session_free.
MUST_USE bool session_add(session *s, const input *in, error *e);
// Opens a file and adds it.
MUST_USE bool session_open(session *s, const char *path, error *e);

// Takes what a scanner counted into its trace. Called before the scanner is freed, by one thread.
void session_take_states(session *s, u32 trace_index, scanner *by);

// Told about every 64 MiB of input; NULL for none. False from it ends the work early.
typedef bool (*session_progress)(void *context, u64 done, u64 total);

// Reads all buffers of all traces, then plans all classes. False only when progress said so.
MUST_USE bool session_survey(session *s, session_progress progress, void *context);

// Asks what became of the inputs since they were opened (trace.change). Notes, as damage of kind "read", those that
// were written to, and buffers that could be read in the survey and not again. Call it when all records are out.
void session_check_files(session *s);

// Whether the bytes of a trace add up to its size (they must; a difference is our mistake and is reported as damage).
u64 session_account_sum(const trace *t);

// The Windows build the first trace was recorded on; 0: not known.
u32 session_os_build(const session *s);

// FILETIME of an event of a buffer.
i64 session_time(const loaded_buffer *b, i64 time);

// Fills a record from an event reference: everything but its number. `d` is the calling thread's.
typedef struct record_room {
    decoder decoder;
    event event;
    u64 *stack;
    u32 stack_cap;
    correlate_room correlate;
} record_room;
void record_room_free(record_room *room);
void session_record(const session *s, const loaded_buffer *b, const event_ref *ref, record_room *room, record *out);
// The same without its stack.
void session_record_bare(const session *s, const loaded_buffer *b, const event_ref *ref, record_room *room,
                         record *out);

// How far the record's payload is decoded, without the record: every value is located and nothing else is done.
record_state session_state(const session *s, const loaded_buffer *b, const event_ref *ref, record_room *room);

#endif
