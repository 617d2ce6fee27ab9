// How far events are decoded, counted in the first pass: for those who ask for nothing else, and need not read a trace
// twice then.
//
// The first pass knows only the descriptions it starts with; those that traces carry are known when it ends. So events
// are counted by the layouts that their class has when it is met. More layouts decode more, never less: events that
// were not decoded are kept, within limits, and tried again in the end. Classes that lost a layout, or of which more
// was not decoded than could be kept, must be counted in the second pass (session_counted).
#ifndef ETWKIT_COUNT_H
#define ETWKIT_COUNT_H

#include "session/scan.h"
#include "session/session.h"

typedef struct counter counter;

// Fewer bytes of traces are read again sooner than their classes are planned twice. A test may change it.
extern u64 count_least_bytes;

// Counts into the traces of `s`.
counter *counter_new(session *s);
void counter_free(counter *c);

// `slots`: buffers that may wait to be counted.
void counter_begin_trace(counter *c, u32 trace_index, crew *threads, u32 slots);
// A buffer that was collected. Takes over its memory and gives `s` other memory for it.
void counter_take(counter *c, scanned *s);
void counter_end_trace(counter *c);
// When all classes are planned.
void counter_settle(counter *c);

// Whether the counts of a class hold, for all traces.
bool session_counted(const session *s, u32 cls);
// Adds them to the traces' records.
void session_take_counts(session *s, u32 cls);

#endif
