#include "container/clock.h"

enum { TICKS_A_SECOND = 10000000 };

const char *clock_type_name(clock_type type)
{
    switch (type) {
    case CLOCK_QPC:
        return "qpc";
    case CLOCK_SYSTEM:
        return "system";
    case CLOCK_CYCLE:
        return "cycle";
    }
    return "qpc";
}

static i64 saturated_sum(i64 a, i64 b)
{
    i64 sum;
    if (__builtin_add_overflow(a, b, &sum))
        return b < 0 ? INT64_MIN : INT64_MAX;
    return sum;
}

static u64 scaled(u64 ticks, u64 frequency)
{
    if (frequency == TICKS_A_SECOND)
        return ticks;
    __extension__ typedef unsigned __int128 wide;
    if (frequency < (u64)1 << 40) // (ticks % frequency) * 10^7 then fits 64 bits
        return ticks / frequency < UINT64_MAX / TICKS_A_SECOND / 2
                   ? ticks / frequency * TICKS_A_SECOND + ticks % frequency * TICKS_A_SECOND / frequency
                   : INT64_MAX;
    wide exact = (wide)ticks * TICKS_A_SECOND / frequency;
    return exact > INT64_MAX ? INT64_MAX : (u64)exact;
}

i64 clock_duration(const session_clock *clock, i64 ticks)
{
    bool negative = ticks < 0;
    u64 size = scaled(negative ? 0 - (u64)ticks : (u64)ticks, clock->frequency);
    if (size > INT64_MAX)
        size = INT64_MAX;
    return negative ? -(i64)size : (i64)size;
}

i64 clock_filetime(const session_clock *clock, i64 time)
{
    i64 delta;
    if (__builtin_sub_overflow(time, clock->base_time, &delta))
        delta = time < 0 ? -INT64_MAX : INT64_MAX;
    i64 found = saturated_sum(clock->base_filetime, clock_duration(clock, delta));
    return delta ? saturated_sum(found, clock->others_off) : found;
}
