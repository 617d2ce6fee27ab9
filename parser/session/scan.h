// The first pass over one buffer, as any thread does it: bytes loaded, events found, their classes told apart, and the
// events picked out that the collector must look into. What comes out depends on the buffer alone.
//
// Each scanner numbers classes as it meets them, in a table of its own. The collector (collect.h) takes scanned buffers
// in file order and gives classes their final numbers, so these depend neither on threads nor on which was faster.
#ifndef ETWKIT_SCAN_H
#define ETWKIT_SCAN_H

#include "correlate/correlate.h"

// What the collector does with events of a class.
typedef enum interest {
    INTEREST_NONE,
    INTEREST_EVENT_INFO, // schemas that the trace carries
    INTEREST_MAP_INFO,
    INTEREST_MANIFEST,
    INTEREST_COMPUTER,  // the computer's name
    INTEREST_CORRELATE, // facts about processes, files, … (correlate/correlate.h)
    INTEREST_STACK,     // likewise; most of them are noted while scanning (correlator_note_stack)
} interest;

interest interest_of(const correlator *c, const event_class *cls);

// One thread's.
typedef struct scanner {
    buffer_reader reader;
    class_table *classes;
    const correlator *correlator;
    u8 *interests; // by the scanner's class number
    u32 interest_count, interest_capacity;
    struct { // the collector's: final class numbers by the scanner's
        u32 *list;
        u32 count, capacity;
    } numbers;
} scanner;

void scanner_begin(scanner *s, const correlator *c);
void scanner_end(scanner *s);

// A scanned buffer. All zero is a valid new one; its memory serves the next buffer.
typedef struct scanned {
    loaded_buffer buffer; // refs in file order, with the scanner's class numbers
    scanner *by;
    u32 classes;  // how many the scanner knew when it was done
    u32 *notable; // index in refs of the events the collector must look into
    u32 notable_count, notable_capacity;
    stack_notes stacks;
    etl_account account;
    damage_log damage;
    u32 headers[HEADER_KINDS];
    bool unordered; // refs are not in the order of time
} scanned;

void scanned_free(scanned *s);

// `trace` is the file's index in the session.
void scan_buffer(scanner *s, const etl_file *file, u32 trace, u32 buffer_index, scanned *out);

#endif
