// Steps back of a trace's clock, as the events of one processor show them, which are written in the order of time: the
// clock was set back while the session ran. Times behind a step repeat those before it, so what is known by time on one
// side says nothing of the other: both are told apart (epoch), and nothing is joined across.
#ifndef ETWKIT_CLOCK_STEPS_H
#define ETWKIT_CLOCK_STEPS_H

#include "correlate/correlate.h"

typedef struct clock_step {
    u32 buffer, at; // the first event behind it: index of its buffer, place therein
    u16 processor;
    bool is_start; // none: where the events of a processor begin that begin behind a step of others
    u32 header;    // its trace header
    u32 epoch;     // of the events from here on (correlator_add_epoch)
    u64 offset;    // of the event in the file, or of its compressed buffer
    i64 from, to;  // FILETIME of the event before, and of this one
} clock_step;

// One trace's. All zero is a valid empty one.
typedef struct clock_steps {
    clock_step *list; // by processor, buffer and place
    u32 count, cap;
    u64 told;                // steps, also those that are not in the list
    const clock_step *first; // in the file; NULL: none. Once all buffers were seen
    bool is_full;            // LIMIT_CLOCK_STEPS was reached in buffer `full_from`: from there on nothing is joined
    u32 full_from, full_epoch;
} clock_steps;

void clock_steps_free(clock_steps *s);
void clock_steps_close(clock_steps *s); // all buffers were seen

// The epoch of the event at a place in a buffer.
u32 clock_steps_epoch_rare(const clock_steps *s, const etl_file *file, const etl_buffer *desc, u32 at);
static inline u32 clock_steps_epoch(const clock_steps *s, const etl_file *file, const etl_buffer *desc, u32 at)
{
    return s->count ? clock_steps_epoch_rare(s, file, desc, at) : desc->trace_header;
}

// What the events of one processor came to so far.
typedef struct clock_stream {
    bool is_known;
    u64 sequence; // of its last buffer
    i64 last;     // time of its last event; session clock
    u32 steps;    // back
    // In a circular file that has wrapped, what is older stands behind what is newer.
    bool is_older;
    u64 first_sequence; // of what is newer
    clock_step start;   // where that begins (no step),
    i64 first;          // and when; session clock
} clock_stream;

typedef struct clock_epochs {
    u32 *list;
    u32 count, cap;
} clock_epochs;

// While the first pass goes through one trace.
typedef struct clock_watch {
    correlator *correlator;
    clock_steps *steps;
    clock_stream *streams; // by processor
    u32 count, cap;
    u32 trace, header;   // of which all this is
    clock_epochs behind; // by steps, from the second on
    clock_epochs older;  // of what is older in a circular file, by steps, from the first on
    i64 latest_to;       // session clock: where the latest step led to
} clock_watch;

void clock_watch_free(clock_watch *w);
void clock_watch_close(clock_watch *w, const etl_file *file); // after the last buffer
// The next buffer, its events in the order of the file.
void clock_watch_see(clock_watch *w, const loaded_buffer *b, bool unordered);

#endif
