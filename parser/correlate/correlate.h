// What events tell about each other: processes over time, threads, names behind addresses and handles, stacks, modules
// and connections.
//
// Fed by the survey in file order, closed once, then asked by time: answers depend neither on threads nor on the order
// of files, because every fact carries its time and all are put in order when the correlator is closed. Nothing is
// guessed: where the trace does not tell, neither does this. Traces of different hosts (hosts.h) do not answer for each
// other. What was told and did not fit into a limit is counted in correlator_losses.
// Sources: the kernel's Process, Thread, Image, FileIo, Registry, StackWalk, TcpIp and UdpIp events with their
// rundowns, KernelTraceControl's ImageID and SystemConfigEx, Microsoft-Windows-Kernel-Process, -File, -Registry,
// -Network, -TCPIP and -Security-Auditing (FORMAT.md, sections 5.4 to 5.7).
#ifndef ETWKIT_CORRELATE_H
#define ETWKIT_CORRELATE_H

#include <string.h>

#include "base/outbuf.h"
#include "container/etl_file.h"
#include "decode/classes.h"
#include "decode/events.h"
#include "schema/wpp/pdb_publics.h"

typedef struct correlator correlator;

// What is worth its cost.
enum {
    CORRELATE_FILES = 0x1,      // file_path of records
    CORRELATE_KEYS = 0x2,       // key_path of records
    CORRELATE_STACKS = 0x4,     // stacks logged as events of their own
    CORRELATE_IMAGES = 0x8,     // modules by address, PDB identities, image paths of processes
    CORRELATE_NETWORK = 0x10,   // connections
    CORRELATE_FRAMES = 0x20,    // frames of records; needs CORRELATE_IMAGES
    CORRELATE_PROCESSES = 0x40, // processes and threads, process names of records
    CORRELATE_RECORDS = CORRELATE_PROCESSES | CORRELATE_FILES | CORRELATE_KEYS | CORRELATE_STACKS,
    CORRELATE_REPORT = CORRELATE_RECORDS | CORRELATE_IMAGES | CORRELATE_NETWORK,
};

correlator *correlator_new(void);
void correlator_free(correlator *c);

// ---------------------------------------------------------------------------------------------- feeding

// Before the first trace. Stacks are wanted of events from `since` to `until` only (FILETIME, both inclusive).
void correlator_want(correlator *c, unsigned flags, i64 since, i64 until);

// Announces the next trace (its index is the number of calls before).
void correlator_add_trace(correlator *c, const etl_file *file);

// Facts of one epoch are told to records of it. Those of a trace are its trace headers (etl_file.trace_headers); behind
// them come, while its events are fed, stretches of one of these that stay apart: its clock was set back. Returns the
// number. Those of one trace are added before those of the next.
u32 correlator_add_epoch(correlator *c, u32 trace, u32 header);
// A stretch that is not apart from its trace header's after all.
void correlator_join_epoch(correlator *c, u32 trace, u32 epoch);

// Stacks will be asked for of events of the times that correlator_ask is told only, before the last event. `bytes` of
// traces are to come.
void correlator_ask_few(correlator *c, u64 bytes);
void correlator_ask(correlator *c, i64 time); // session clock

// Whether events of this class tell something that is wanted. Such a class must be planned before its events are seen.
bool correlator_wants(const correlator *c, const event_class *cls);

typedef struct sighting {
    const event_class *cls;
    const event *ev;
    i64 time; // FILETIME
    const loaded_buffer *from;
    const event_ref *ref; // in it
    u32 epoch;
} sighting;

void correlator_see(correlator *c, const sighting *s, decoder *d);

// Whether events of this class are stacks. There are so many that any thread may note those of a buffer it has loaded,
// to be taken in later: false from correlator_note_stack means that this one must be seen like any other event.
bool correlator_is_stack(const correlator *c, const event_class *cls);
enum { STACK_THREADS = 64 };
typedef struct stack_notes {
    struct stack_part *list;
    u32 count, cap;
    struct stack_thread *threads; // whose threads these are, each mostly once
    u32 thread_count, thread_cap;
    u32 latest[STACK_THREADS]; // in `threads`, by thread
} stack_notes;
void stack_notes_clear(stack_notes *notes);
void stack_notes_free(stack_notes *notes);
bool correlator_note_stack(const correlator *c, const event_class *cls, const loaded_buffer *b, const event_ref *ref,
                           stack_notes *notes);
typedef struct stack_note {
    i64 target; // time stamp of the event it belongs to
    u32 offset; // of its own record in the buffer
} stack_note;
stack_note stack_note_at(const stack_notes *notes, u32 i);
// Whose stack the event of such a class says that it is. False: of no event's; it defines a key.
typedef struct stack_owner {
    i64 time; // session clock
    u32 process, thread;
} stack_owner;
bool correlator_stack_owner(const event_class *cls, span payload, stack_owner *out);
void correlator_take_stacks(correlator *c, const stack_notes *notes);
// Before: whose threads they are is a fact of that epoch; or of one that is not sure, and is forgotten.
void correlator_note_epoch(const correlator *c, stack_notes *notes, u32 trace, u32 epoch);
void correlator_forget_threads(stack_notes *notes);

// After the last event: whose host each trace header is (hosts.h), and moments of
// a host at which something may be missing: lives that reach across one are counted.
void correlator_set_hosts(correlator *c, const u32 *host_of_header);
void correlator_add_gap(correlator *c, u32 host, i64 filetime);

// Then: facts are put in order, stacks and all else, which may be done at the same time. Asks for no
// classes, which may be planned meanwhile.
void correlator_settle_stacks(correlator *c);
void correlator_settle(correlator *c);
// Then, with all classes planned for good.
void correlator_close(correlator *c, const class_table *classes);

// ---------------------------------------------------------------------------------------------- records

// The last answers about ids: most events of a slice are of some hundred processes and threads.
enum { RECENT_ANSWERS = 512 };
typedef struct recent_answer {
    u64 id;         // with the machine in the upper half
    i64 from, next; // valid in [from, next); both 0: no answer
    const struct process_life *process;
    u32 number;
    bool found;
} recent_answer;

enum { OTHER_BUFFERS = 4 };

// Scratch of one thread; all zero is a valid empty one.
typedef struct correlate_scratch {
    outbuf text, path;
    stack_frame *frames;
    u32 frame_cap;
    u32 stack_at; // where the last stack stood: the next one is near
    recent_answer processes[RECENT_ANSWERS], threads[RECENT_ANSWERS];
    u64 passed; // by look-ups of others
    buffer_reader reader;
    loaded_buffer others[OTHER_BUFFERS]; // with stacks of events of other buffers
    u32 other_next;
} correlate_scratch;
void correlate_scratch_free(correlate_scratch *scratch);

// Fills process, thread, names and paths of a record whose event, class, payload and slots are set.
void correlator_identify(const correlator *c, u32 trace, u32 epoch, correlate_scratch *scratch, record *out);

// Appends to *stack what StackWalk events tell of the event `ref` of `b`, kernel part first, and returns the new count.
u32 correlator_stack(const correlator *c, const loaded_buffer *b, const event_ref *ref, correlate_scratch *scratch,
                     const record *rec, u64 **stack, u32 count, u32 *cap);
// The same for a stack key in an extended item of an event at `raw_time`.
u32 correlator_stack_of_key(const correlator *c, u32 trace, u32 trace_header, u64 key, i64 raw_time, u64 **stack,
                            u32 count, u32 *cap);
// Modules of rec->stack into rec->frames.
void correlator_frames(const correlator *c, u32 trace, u32 epoch, correlate_scratch *scratch, record *rec);

// ---------------------------------------------------------------------------------------------- for reports

typedef enum moment {
    MOMENT_RECORDED, // the time is known
    MOMENT_OUTSIDE,  // before the recording, or after it: the process was there at its start or end
    MOMENT_UNSEEN,   // inside the recording, but no event tells when
} moment;

// What an image says of itself, as trace merging notes it. NULL: not told.
typedef struct image_version {
    const char *original_name, *description, *version, *product, *company;
} image_version;

// One process from start to end. Text is UTF-8 and lives as long as the correlator; NULL: unknown.
typedef struct process_life {
    u32 process_id;
    u32 machine; // host (hosts.h)
    moment start_known, end_known;
    i64 start, end;         // FILETIME where MOMENT_RECORDED, else 0
    i64 since;              // its id means it from here on; INT64_MIN where it was there before the recording
    i64 until;              // and before here: the next one's `since`, or a little after its end; INT64_MAX: for good
    const char *name;       // file name of the image
    const char *image_path; // drive letters where the trace maps them
    const char *dos_path;   // the same with guessed ones (correlator_put_dos_path)
    const image_version *version; // of the image; NULL: not told
    const char *command_line;
    const char *user_sid;
    const char *package, *application;
    bool has_parent, has_session, has_exit_status;
    u32 parent_id, session_id, exit_status;
    const struct process_life *parent; // who had parent_id at the start; NULL: unknown
    bool across_gap;                   // something is missing between its start and its end
    bool parent_sure; // false: both are from before the recording, and the id may have been another's then
    i64 thread_time;  // when its first thread started, where that and its own start are recorded; else INT64_MAX
    u32 first_thread;
    u32 index; // in correlator_processes
} process_life;

// Whether the drive's letter in dos_path is a guess.
static inline bool process_path_guessed(const process_life *p)
{
    return p->image_path && strcmp(p->image_path, p->dos_path) != 0 && strncmp(p->dos_path, "\\\\", 2) != 0;
}

// All processes, by start, then id, machine and order of their lives; those from before the recording first.
const process_life *const *correlator_processes(const correlator *c, u32 *count);
// Who had a process id at a time; NULL: unknown.
const process_life *correlator_process_at(const correlator *c, u32 trace, u32 epoch, u32 process_id, i64 filetime);
// The host of an epoch (hosts.h).
u32 correlator_host(const correlator *c, u32 trace, u32 epoch);
// Appends a path with a drive letter for its device: where a trace of that machine maps it; else, for the volume its
// Windows ran from, the letter that its registry says, or C:; else the letter of the partition that has the volume's
// number, where the number of Windows' own partition is right. True: it was guessed.
bool correlator_put_dos_path(const correlator *c, u32 trace, u32 epoch, span path, outbuf *out);
// The process a thread belonged to at that time. False: the trace does not tell.
bool correlator_thread_process(const correlator *c, u32 trace, u32 epoch, u32 thread_id, i64 filetime, u32 *process_id);

// A stretch of traffic between two ends for one process.
typedef struct connection {
    bool tcp, ipv6;
    u32 machine, process_id;
    const process_life *process; // who had that id; NULL: unknown, or not the same one at the first and the last event
    u8 local[16], remote[16];    // 4 or 16 bytes in network order
    u16 local_port, remote_port;
    i64 first, last; // FILETIME of its first and last event
    u64 bytes_sent, bytes_received, sends, receives, connects, accepts, disconnects, retransmits;
    u32 before; // while events are fed: an earlier one of these ends in the list, or all ones
} connection;
// The kernel has all ones where it knows of no process, as of packets that nobody waits for.
static const u32 NO_PROCESS_ID = UINT32_MAX;
// By first time, then process id, ends and protocol.
const connection *correlator_connections(const correlator *c, u32 *count);

// The identity of an image's symbols, once for each image path and identity.
typedef struct pdb_identity {
    const char *image;            // path or original name; NULL: no load tells it
    const image_version *version; // NULL: not told
    const char *pdb;
    guid id;
    u32 age;
    bool managed; // an NGEN image's (DbgID_ILRSDS)
} pdb_identity;
// By image, then PDB name, GUID and age.
const pdb_identity *correlator_pdbs(const correlator *c, u32 *count);
// What is known of an identity's functions, for frames from now on; must live as long as the correlator.
void correlator_set_symbols(correlator *c, const pdb_identity *of, const public_symbols *symbols);

// The module an address of a process lay in at a time, and the method that was compiled there: names, and how far into
// it. False: neither is known.
bool correlator_module(const correlator *c, u32 trace, u32 epoch, u32 process_id, i64 filetime, u64 address,
                       stack_frame *out);

bool correlator_has_versions(const correlator *c); // of any image
// What the image says of itself that a process loaded to an address before, or at, that time; NULL: not told.
const image_version *correlator_version(const correlator *c, u32 trace, u32 epoch, u32 process_id, i64 filetime,
                                        u64 base);

// Stacks that were told, and how many of them the records read so far have taken. What is left belongs to events that
// were lost, filtered out, or cannot be told apart.
void correlator_stack_counts(const correlator *c, u64 *recorded, u64 *joined);

// How sure the lives are that facts add up to: a process, a thread, a name or a module in its time.
typedef struct life_counts {
    u64 lives;
    u64 starts_inferred; // no event tells where they began: a rundown or an end says that they had
    u64 ends_inferred;   // no event tells where they ended: what came after them does
    u64 with_gaps;       // they reach across a moment at which something is missing
} life_counts;
typedef struct correlate_counts {
    life_counts processes, threads, files, keys, images;
} correlate_counts;
correlate_counts correlator_counts(const correlator *c);

// Facts that found a limit reached.
typedef struct correlate_losses {
    u64 processes, threads, files, keys, stacks, images, methods, pdbs, connections, volumes;
} correlate_losses;
correlate_losses correlator_losses(const correlator *c);

#endif
