// What the files of the correlator share: interned text, facts by time, and the lives they add up to.
#ifndef ETWKIT_CORRELATE_INTERNAL_H
#define ETWKIT_CORRELATE_INTERNAL_H

#include <stdatomic.h>

#include "base/map.h"
#include "base/spill.h"
#include "correlate/correlate.h"
#include "schema/machine/drives.h"

// ---------------------------------------------------------------------------------------------- text

// Each text once: equal texts are the same pointer.
// Times come from payloads and damaged clocks: differences stop at the ends of 64 bits.
static inline i64 time_apart(i64 a, i64 b)
{
    i64 apart;
    if (__builtin_sub_overflow(a, b, &apart))
        return a < b ? INT64_MIN : INT64_MAX;
    return apart;
}

typedef struct text_set {
    spill **blocks; // of texts: never grow, so that texts stay where they are
    u32 block_count, block_cap;
    char *at; // free bytes of the last one
    size_t left;
    const char **list;
    spill *list_block;
    u32 count, cap;
    map by_text;
} text_set;

const char *text_set_add(text_set *set, const char *text, size_t len);
void text_set_free(text_set *set);

// ---------------------------------------------------------------------------------------------- facts and lives

// What is told of an id at a time. START: it has this meaning from now on. EXISTS: it has had it for a while. END: it
// has had it until now.
typedef enum fact_kind { FACT_END, FACT_EXISTS, FACT_START } fact_kind;

typedef struct fact {
    u64 id;
    i64 time;
    const char *text; // of the text set, NULL where the fact is a number
    u32 number;
    u32 source; // once closed: the machine
    fact_kind kind;
} fact;

typedef struct life {
    i64 from, until;
    const char *text;
    u32 number;
} life;

typedef struct life_slot {
    u64 id;
    u32 machine;
    u32 first, count;
} life_slot;

// Lives by id: facts until closed, then found by id and time.
typedef struct history {
    fact *facts;
    u32 fact_count, fact_cap, fact_limit;
    u64 refused;
    life *lives;
    u32 count, cap;
    life_slot *slots; // by id and machine
    u32 slot_count, slot_cap;
    u32 *ranges; // of ids: the first slot of each, one more at the end
    u32 range_count, range_shift;
    u64 lowest; // id
    spill *fact_block, *life_block, *slot_block;
    life_counts counts;
    u64 looked_up;        // while facts are folded, in other arrays
    bool is_of_processes; // the number is that of a process, and no life is longer than the process's
} history;

void history_tell(history *h, const fact *f);
// Folds all facts into lives.
void history_close(history *h, const correlator *c);
void history_free(history *h);
// For lives that were folded elsewhere: by id, machine and `from`.
void history_add_life(history *h, u32 machine, u64 id, const life *l);
void history_index(history *h); // after the last of them
// The life an id had at that time, or that ended at most LIMIT_ENDED_GRACE before; NULL where there is none. The answer
// is the same for all times in [*from, *next).
const life *history_span(const history *h, u32 machine, u64 id, i64 time, i64 *from, i64 *next);

static inline const life *history_at(const history *h, u32 machine, u64 id, i64 time)
{
    i64 from, next;
    return history_span(h, machine, id, time, &from, &next);
}

// ---------------------------------------------------------------------------------------------- fields

// What is looked for in payloads, whatever a schema calls it.
typedef enum want {
    WANT_PROCESS,
    WANT_THREAD,
    WANT_PARENT,
    WANT_SESSION,
    WANT_EXIT,
    WANT_KEY,
    WANT_SID,
    WANT_SUBJECT,
    WANT_NAME,
    WANT_PATH,
    WANT_COMMAND,
    WANT_PACKAGE,
    WANT_APPLICATION,
    WANT_CREATED,
    WANT_EXITED,
    WANT_OBJECT,
    WANT_BASE,
    WANT_BASE_NAME,
    WANT_STATUS,
    WANT_SIZE,
    WANT_GUID,
    WANT_AGE,
    WANT_LOCAL,
    WANT_REMOTE,
    WANT_LOCAL_PORT,
    WANT_REMOTE_PORT,
    WANT_BYTES,
    WANT_STAMP,
    WANT_DESCRIPTION,
    WANT_VERSION,
    WANT_PRODUCT,
    WANT_COMPANY,
    WANTS,
} want;

typedef enum topic {
    TOPIC_NONE,
    TOPIC_PROCESS,
    TOPIC_AUDIT_START,
    TOPIC_AUDIT_STOP,
    TOPIC_THREAD,
    TOPIC_FILE,
    TOPIC_KEY,
    TOPIC_STACK,
    TOPIC_IMAGE,
    TOPIC_IMAGE_ID,
    TOPIC_IMAGE_VERSION,
    TOPIC_METHOD,
    TOPIC_VOLUME,
    TOPIC_NETWORK,
    TOPIC_TCB,
    // Only asked of records:
    TOPIC_FILE_USE,
    TOPIC_KEY_USE,
    TOPIC_IDENTITY,
} topic;

enum { NO_FIELD = -1 };

// Where the wanted fields stand in one plan: slot i belongs to field i for all that are named here.
typedef struct reader {
    const plan *plan;
    i16 fields[WANTS];
} reader;

void reader_make(reader *r, topic t, const plan *p);

// A decoded payload seen through a reader.
typedef struct seen {
    const reader *reader;
    const class_decode *decode;
    span payload;
    correlator *c;
} seen;

bool seen_value(const seen *s, want w, span *value);
bool seen_number(const seen *s, want w, u64 *number); // of whole numbers and times
bool seen_u32(const seen *s, want w, u32 *number);    // of at least 4 bytes
const char *seen_text(const seen *s, want w);         // interned; NULL where absent or empty

// ---------------------------------------------------------------------------------------------- the parts

typedef struct process_book {
    struct process_fact *facts;
    u32 fact_count, fact_cap;
    u64 refused;
    process_life *list;
    u32 count, cap;
    const process_life **sorted;
    spill *fact_block, *list_block, *sorted_block;
    history ids;     // process id -> index in list
    history threads; // thread id -> process id
    life_counts counts;
} process_book;

typedef struct volume {
    u32 source; // once closed: the machine
    i64 time;
    const char *prefix, *replacement;
    size_t prefix_len;
} volume;

// The volume a machine ran Windows from, where it has no letter.
typedef struct system_drive {
    u32 machine;
    span device; // "\\Device\\HarddiskVolume3"
    bool sure;   // by ntdll.dll
} system_drive;

typedef struct file_book {
    history names; // FileKey and FileObject -> path
    volume *volumes;
    u32 volume_count, volume_cap;
    system_drive *drives;
    u32 drive_count, drive_cap;
    const drive_letters **letters; // by host, what its registry says; NULL
    u64 volumes_refused;
} file_book;

typedef struct key_book {
    history names; // KCB or KeyObject -> path
    struct key_open *opens;
    spill *open_block;
    u32 open_count, open_cap;
    u64 path_bytes; // of LIMIT_KEY_PATHS
    u64 refused;
} key_book;

// A stack names the process of its thread.
typedef struct stack_thread {
    u32 source, thread, process;
    i64 time;      // FILETIME of the event
    bool is_known; // once told: a rundown has it
} stack_thread;

typedef struct stack_book {
    u64 *asked;     // a bit for each time stamp stacks will be asked for, by its hash; NULL: all will be
    u32 asked_bits; // log2 of their number
    u64 dropped;    // parts nobody will ask for
    spill *part_block, *use_block, *definition_block, *frame_block, *stack_block, *taken_block;
    stack_thread *threads; // in the order of their time where a thread has several
    u32 thread_count, thread_cap;
    u64 thread_refused;
    map thread_map; // (source, thread) -> its last one
    struct stack_part *parts;
    u32 part_count;
    struct key_use *uses; // of keys, by parts
    u32 use_count, use_cap;
    struct key_definition *definitions;
    u32 definition_count, definition_cap;
    u64 *frames; // of all stacks
    size_t frame_count;
    struct stack_place *stacks; // each once
    u32 stack_count, stack_cap;
    u32 *slots;
    u32 slot_cap;
    u32 *first; // by source: its first part; one more at the end
    u64 refused;
    atomic_uchar *taken; // by part
} stack_book;

typedef struct image_book {
    bool has_versions; // some image says something of itself
    struct image_fact *facts;
    spill *fact_block;
    u32 fact_count, fact_cap;
    struct image *list; // by machine, process, base and time
    spill *list_block;
    u32 count, cap;
    struct pdb_fact *pdb_facts;
    spill *pdb_fact_block;
    u32 pdb_count, pdb_cap;
    pdb_identity *pdbs;
    spill *pdb_block;
    u32 identity_count;
    u64 refused, pdbs_refused, passed;
    life_counts counts;
} image_book;

typedef struct version_book {
    struct version_fact *list; // once closed: by machine, size and link time
    spill *list_block;
    u32 count, cap;
} version_book;

typedef struct method_book {
    struct method *list; // once closed: by machine, process and address
    spill *list_block;
    u32 count, cap;
    u64 refused;
} method_book;

typedef struct network_book {
    connection *list;
    spill *list_block;
    u32 count, cap;
    map by_ends;
    history tcbs; // control block -> connection in list, until closed
    struct tcb_move *moves;
    spill *move_block;
    u32 move_count, move_cap;
    u64 refused;
} network_book;

// What records of a class can be told, decided once.
typedef struct class_role {
    topic topic;   // TOPIC_FILE_USE, TOPIC_KEY_USE, TOPIC_IDENTITY or TOPIC_STACK (never the owner of a stack)
    bool own_name; // the payload's name is the whole path, or the end of the key's
    bool running;  // the thread told is the one that ran
    u32 count;
    reader *readers; // one for each plan of the class
} class_role;

typedef struct class_reader {
    topic topic;
    bool known;
    u32 count;
    reader *readers[CLASS_PLANS];
} class_reader;

// A moment at which something may be missing.
typedef struct gap {
    u32 host;
    i64 time;
} gap;

// Where the sources of one trace are.
typedef struct trace_sources {
    u32 first, headers;          // of its trace headers
    u32 later;                   // the first of those behind source_count
    const drive_letters *drives; // by the registry of its machine; NULL
} trace_sources;

struct correlator {
    unsigned flags;
    i64 since, until; // whose stacks are wanted
    text_set texts;
    arena arena;
    outbuf scratch;
    class_reader *readers; // by class index, while surveying
    u32 reader_cap;
    class_role **roles; // by class index, once closed
    u32 role_count;
    trace_sources *traces;
    u32 trace_count, trace_cap;
    // A source is a trace header of a trace; behind them all, what follows a step back of its clock.
    u32 source_count, later_count, later_cap;
    u32 *later_of; // by source behind source_count: the trace header's
    u32 *joined;   // of these, those that are of its machine
    u32 joined_count, joined_cap;
    u32 *machines;  // by source: within which one facts are joined; those behind host_count are of later_of alone
    u32 host_count; // machines that are hosts
    gap *gaps;      // by host and time
    u32 gap_count, gap_cap;
    process_book processes;
    file_book files;
    key_book keys;
    stack_book stacks;
    image_book images;
    version_book versions;
    method_book methods;
    network_book network;
};

static inline u32 source_of(const correlator *c, u32 trace, u32 epoch)
{
    const trace_sources *t = &c->traces[trace];
    return epoch < t->headers ? t->first + epoch : c->source_count + t->later + (epoch - t->headers);
}

// The host of a machine.
static inline u32 host_of(const correlator *c, u32 machine)
{
    return machine < c->host_count ? machine : c->machines[c->later_of[machine - c->host_count]];
}

// What no event tells of a life.
typedef struct life_doubts {
    bool start, end;
} life_doubts;

// Returns whether the life reaches across a gap.
bool count_life(const correlator *c, life_counts *counts, u32 machine, i64 from, i64 until, life_doubts doubts);

// The last component of a path.
const char *path_name(const char *path);

topic topic_of(const correlator *c, const event_class *cls);
class_role *role_of(correlator *c, const event_class *cls);

void process_see(correlator *c, const sighting *s, const seen *v, topic t, u32 source);
void thread_see(correlator *c, const sighting *s, const seen *v, u32 source);
void process_fold(correlator *c); // then process_at answers, of processes that are not complete yet
void process_close(correlator *c);
const process_life *process_at(const correlator *c, u32 machine, u32 process_id, i64 time);
void process_free(process_book *b);

void file_see(correlator *c, const sighting *s, const seen *v, u32 source);
void volume_see(correlator *c, const sighting *s, const seen *v, u32 source);
void volume_add(correlator *c, u32 source, i64 time, const char *prefix, const char *replacement);
void file_close(correlator *c);
void file_free(file_book *b);
// A device path with its drive letter, interned; the path itself where no volume mapping of the machine applies.
const char *file_dos_path(correlator *c, u32 machine, const char *path);
// The same for text that is not kept: written to *out with a NUL.
void file_put_dos_path(const correlator *c, u32 machine, const char *path, size_t len, outbuf *out);

void drive_open(correlator *c); // what registries say
void drive_note(correlator *c, u32 machine, const char *path);
bool drive_put_path(const correlator *c, u32 machine, span told, outbuf *out); // as correlator_put_dos_path

void key_see(correlator *c, const sighting *s, const seen *v, u32 source);
void key_close(correlator *c);
// Whether text is a whole key path and not a name relative to some key.
bool key_is_path(const char *text, size_t len);
void key_free(key_book *b);

// Where a StackWalk event says what it belongs to.
enum { STACK_TARGET_AT = 0, STACK_PROCESS_AT = 8, STACK_THREAD_AT = 12 };

// Of one stack's payload, which has at least these three: whose its thread is; noted by any thread, and taken in.
stack_thread stack_thread_of(const correlator *c, const loaded_buffer *b, span payload);
void stack_note_thread(const correlator *c, const loaded_buffer *b, span payload, stack_notes *notes);
void stack_add_thread(stack_book *b, const stack_thread *t);
void stack_free_threads(stack_book *b);
// Tells the history of threads what stacks say of those it knows nothing else of.
void stack_tell_threads(const correlator *c, history *threads);
void stack_see(correlator *c, const sighting *s, u32 source);
void stack_free(stack_book *b);

void image_see(correlator *c, const sighting *s, const seen *v, topic t, u32 source);
void image_close(correlator *c);
void image_give_versions(correlator *c);
void image_close_pdbs(correlator *c);
void image_free(image_book *b);
// The image of that name which a process loaded in [from, until]; path NULL: unknown.
typedef struct named_image {
    const char *path;
    const image_version *version;
} named_image;
named_image image_named(const correlator *c, u32 machine, u32 process_id, const char *name, i64 from, i64 until);

void version_see(correlator *c, const seen *v, u32 source);
void version_close(correlator *c);
// What a file of that size and link time says of itself, else that it has that original name (NULL: not told).
const image_version *version_of(correlator *c, u32 machine, u32 size, u32 stamp, const char *original);
void version_free(version_book *b);

void method_see(correlator *c, const sighting *s, const seen *v, u32 source);
void method_close(correlator *c);
void method_free(method_book *b);
// The method an address lies in: function and offset of *out. False: in none.
bool method_at(const correlator *c, u32 machine, u32 process_id, i64 time, u64 address, stack_frame *out);

void network_see(correlator *c, const sighting *s, const seen *v, topic t, u32 source);
void network_close(correlator *c);
void network_free(network_book *b);

#endif
