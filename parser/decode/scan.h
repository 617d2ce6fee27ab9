// The survey's work on one buffer that any thread can do: bytes loaded, events found, their classes told apart, those
// picked out that tell something.
//
// Each scanner numbers classes as it meets them, in a table of its own. The survey (trace.c) takes scanned buffers in
// file order and gives classes the numbers that stand, so these depend neither on threads nor on who was faster.
#ifndef ETWKIT_SCAN_H
#define ETWKIT_SCAN_H

#include "decode/correlate.h"

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

// One thread's. `numbers` belongs to the survey, the rest to the scanning thread.
typedef struct scanner {
    buffer_reader reader;
    class_table *classes;
    const correlator *correlator;
    u8 *interests; // by the scanner's number
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
    etl_account account;
    damage_log damage;
    u32 headers[HEADER_KINDS];
    bool unordered;
} scanned;

void scanned_free(scanned *s);

// Bytes go to `place` (etl_room bytes), or to memory of *out where that is NULL. `trace` is the file's index.
void scan_buffer(scanner *s, const etl_file *file, u32 trace, u32 buffer_index, u8 *place, scanned *out);

#endif
