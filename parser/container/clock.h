// Session clocks to FILETIME.
//
// FILETIME(event) = StartTime + (time - t0) * 10^7 / frequency, truncated toward zero, where t0 is the trace header
// event's own time stamp: bit-exact with Windows on 2,041 of 2,041 events of a trace that was also converted there.
// BootTime, and the base formula of the WNODE_HEADER page, are not (FORMAT.md, section 4).
#ifndef ETWKIT_CLOCK_H
#define ETWKIT_CLOCK_H

#include "base/base.h"

// TRACE_LOGFILE_HEADER.ReservedFlags; 0 is read as QPC.
typedef enum clock_type { CLOCK_QPC = 1, CLOCK_SYSTEM = 2, CLOCK_CYCLE = 3 } clock_type;

const char *clock_type_name(clock_type type); // "qpc", "system", "cycle"

typedef struct session_clock {
    i64 base_time; // in ticks of the clock
    i64 base_filetime;
    u64 frequency;  // ticks a second, never 0
    i64 others_off; // added to all times but base_time: those of counter logs are local
} session_clock;

// Ticks of the clock -> FILETIME; saturates where the sum leaves 63 bits.
i64 clock_filetime(const session_clock *clock, i64 time);
// Ticks as a duration in 100 ns.
i64 clock_duration(const session_clock *clock, i64 ticks);

#endif
