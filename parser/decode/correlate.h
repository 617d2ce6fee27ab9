// Who an event belongs to, as far as the trace itself tells: process names, and the process of a thread.
//
// Fed by the survey in file order, closed once, then asked by time: answers depend neither on threads nor on the order
// of files. Nothing is guessed; where the trace says nothing, neither does this.
#ifndef ETWKIT_CORRELATE_H
#define ETWKIT_CORRELATE_H

#include "decode/classes.h"

typedef struct correlator correlator;

correlator *correlator_new(void);
void correlator_free(correlator *c);

// Whether events of this class tell something (process and thread starts, ends and rundowns). Such a class must have
// been planned before its events are handed in.
bool correlator_wants(const event_class *cls);
void correlator_see(correlator *c, const event_class *cls, const event *ev, i64 filetime, decoder *d);
void correlator_close(correlator *c);

// Image name of the process at that time, UTF-8, living as long as the correlator; NULL: the trace does not tell.
const char *correlator_process_name(const correlator *c, u32 process_id, i64 filetime);
// The process a thread belonged to at that time. False: the trace does not tell.
bool correlator_thread_process(const correlator *c, u32 thread_id, i64 filetime, u32 *process_id);

#endif
