// A trace file read once in good state, changed a little many times, and read again each time: what tests/test_sweeps.c
// and tests/test_faults.c are made of. In process, because a sweep reads tens of thousands of files.
#ifndef ETWKIT_TESTS_SWEEP_H
#define ETWKIT_TESTS_SWEEP_H

#include "base/outbuf.h"
#include "container/event.h"

// One record of a good file.
typedef struct sweep_event {
    u64 hash;          // of its bytes
    u64 offset, bytes; // in the file; of its whole buffer where that is compressed
    u32 at;            // in the inflated buffer
    bool is_header;    // the trace header event
    bool seen;         // in the reading last made
} sweep_event;

typedef struct sweep {
    const char *name;
    char path[64]; // a copy that may be changed
    int fd;
    outbuf good;         // its bytes in good state
    sweep_event *events; // ordered by hash
    u32 count, cap;
    u64 *headers; // offsets of buffer headers, where they end: the next entry's or the file's end
    u32 header_count, header_cap;

    bool may_hide; // what was changed may hide records without a trace (the size of one before them)

    // The reading last made.
    bool opened;
    u32 found, unknown; // events, and those of them the good file has not
    u64 damage_ranges;
    double slowest; // CPU seconds, of all readings
} sweep;

// Reads the good file. Fails the test where it is damaged.
void sweep_open(sweep *s, const char *path);
void sweep_close(sweep *s);

void sweep_put(sweep *s, u64 offset, const u8 *bytes, size_t len);
void sweep_restore(sweep *s, u64 offset, size_t len);
void sweep_cut(sweep *s, u64 bytes); // sweep_restore(s, 0, all) undoes it

// Container and events: which records are there, whether the bytes add up. Fails the test where they do not, where a
// record is missing without a note of damage, and where a reading takes seconds.
void sweep_read(sweep *s, const char *what, u64 where);
// The same through a whole session: schemas, plans, every record rendered as JSON.
void sweep_convert(sweep *s, const char *what, u64 where);

// How many events of the good file that lie outside [from, to) were not seen.
u32 sweep_missing(const sweep *s, u64 from, u64 to);

#endif
