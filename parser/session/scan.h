// The survey's work on one buffer that any thread can do: bytes loaded, events found, their classes told apart, those
// picked out that tell something; and, where states are all that is asked for, events decoded.
//
// Each scanner numbers classes as it meets them, in a table of its own. The survey (survey.c) takes scanned buffers in
// file order and gives classes the numbers that stand, so these depend neither on threads nor on who was faster.
#ifndef ETWKIT_SCAN_H
#define ETWKIT_SCAN_H

#include "correlate/correlate.h"

// What the survey does with events of a class, as the class alone tells.
typedef enum interest {
    INTEREST_NONE,
    INTEREST_EVENT_INFO,
    INTEREST_MAP_INFO,
    INTEREST_MANIFEST,
    INTEREST_COMPUTER,
    INTEREST_CORRELATE,
    INTEREST_STACK, // correlated too, most of them here (correlator_note_stack)
} interest;

interest interest_of(const correlator *c, const event_class *cls);

typedef struct waiting_payload {
    u32 cls; // the session's number
    span bytes;
} waiting_payload;

typedef struct waiting_payloads {
    arena room;
    waiting_payload *list;
    u32 count, cap;
    size_t bytes;
} waiting_payloads;

void waiting_free(waiting_payloads *w);

// One thread's. `numbers` belongs to the survey, the rest to the scanning thread.
typedef struct scanner {
    buffer_reader reader;
    class_table *classes;
    const correlator *correlator;
    decoder decoder;
    u64 *states; // by the session's class number and record_state: events counted by scan_count
    u32 state_cap;
    waiting_payloads waiting; // of classes that had no plans yet
    u8 *interests;            // by the scanner's number
    u32 interest_count, interest_cap;
    struct {
        u32 *list; // by the scanner's number: the session's
        u32 count, cap;
    } numbers;
} scanner;

scanner *scanner_new(const correlator *c);
void scanner_free(scanner *s);

// A scanned buffer. All zero is a valid new one; its memory serves the next buffer.
typedef struct scanned {
    loaded_buffer buffer; // refs in file order, classes by the scanner's numbers
    scanner *by;
    u32 *firsts; // index in refs of the first event of each class that was new to the scanner, in their order
    u32 first_count, first_cap;
    u32 *told; // index in refs of the events the survey must look into
    u32 told_count, told_cap;
    stack_notes stacks;
    const event_class *const *classes; // the session's, once the survey has taken it, where scan_count shall count it;
    u32 class_count;                   // else NULL. refs then have the session's numbers.
    etl_account account;
    damage_log damage;
    u32 headers[HEADER_KINDS];
    bool unordered;
} scanned;

void scanned_free(scanned *s);

// Bytes go to `place` (etl_room bytes), or to memory of *out where that is NULL. `trace` is the file's index.
// What *out held before is counted first.
void scan_buffer(scanner *s, const etl_file *file, u32 trace, u32 buffer_index, u8 *place, scanned *out);

// Counts how far the events of a taken buffer decode by the plans their classes have; the others wait for plans, as far
// as there is room.
void scan_count(scanner *s, scanned *out);

#endif
