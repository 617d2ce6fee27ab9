// The ordered half of the first pass: takes scanned buffers in file order and hands what is in them to those who gather
// it, each one function of collect.c: class numbers and counts, accounts and times, schemas the trace carries, facts
// for the correlator, the event cache.
#ifndef ETWKIT_COLLECT_H
#define ETWKIT_COLLECT_H

#include "session/carried_schemas.h"
#include "session/session.h"

typedef struct collector {
    session *session;
    trace *trace; // whose buffers are being collected
    decoder decoder;
    u8 *interests; // by class index
    bool *wanted;  // likewise; NULL: all are
    u32 interest_count, interest_capacity, wanted_capacity;
    clock_watch watch;
    carried_schemas carried;
    bool asks_stacks; // tells the correlator which stacks will be asked for
} collector;

void collector_begin(collector *c, session *s);
void collector_end(collector *c);
// Each trace in turn.
void collector_begin_trace(collector *c, trace *t);
void collector_end_trace(collector *c);

// The buffer's events get their final class numbers and are put in the order of time.
void collect_buffer(collector *c, scanned *s);

#endif
