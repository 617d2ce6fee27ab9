// Which traces were recorded on one machine between two boots: a host. Facts are joined within a host only.
//
// Two trace headers are of one host where both name the computer alike and booted at the same time, or where boot time,
// Windows build, processors and time zone agree and nothing contradicts it, or where the user says that all inputs are
// one machine's (and booted at the same time). Boot times are the same within the clock's precision. Two computer names
// are two hosts, in one file too; a header that does not say when its machine booted joins with no other session. What
// is not sure joins nothing, and is noted.
//
// Windows gives a logger id to one session at a time: two sessions with one id that ran at the same time were two
// machines', however much else agrees.
#ifndef ETWKIT_HOSTS_H
#define ETWKIT_HOSTS_H

#include "base/arena.h"

// What one trace header says. Headers of a file follow each other.
typedef struct host_facts {
    const char *file;     // name of the input, for notes
    u32 trace;            // index of the input
    const char *computer; // NULL: not recorded
    i64 boot;             // FILETIME, 0: not recorded
    u32 precision;        // of its clock, 100 ns
    u32 build, processors;
    i32 bias;         // minutes, of the zone: daylight saving begins and ends within one boot
    const char *zone; // NULL: not recorded
    u16 logger_id;    // 0: of no session, as in merged traces
    const char *session;
    i64 session_start, first, last; // FILETIME; of the session, and of the events
} host_facts;

typedef struct host_entry {
    const char *name; // the computer's, else the one the user gave; NULL: not known
    i64 boot;         // 0: not known
    u32 headers;      // how many are of it
} host_entry;

typedef struct host_map {
    arena arena;
    host_entry *list;
    u32 count;
    u32 *of; // host by header
    const char **notes;
    u32 note_count, note_cap, more_notes; // more_notes: beyond LIMIT_HOST_NOTES
} host_map;

// `given`: the name the user gave to all inputs, or NULL. Hosts are numbered by boot time, then in the order of
// headers. Names belong to whoever owns the facts.
void hosts_find(host_map *out, const host_facts *facts, u32 count, const char *given);
void hosts_free(host_map *map);

#endif
