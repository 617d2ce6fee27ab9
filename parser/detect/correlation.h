// Sigma correlations: rules about hits of other rules. Source: the Sigma correlation rules specification 2.
//
// Hits go in one by one, in the order of time. A correlation that becomes true begins anew: each hit counts for one of
// its own. What it remembers are the hits of its last timespan, by group; memory has a limit, beyond which the oldest
// groups are forgotten, and counted.
#ifndef ETWKIT_CORRELATION_H
#define ETWKIT_CORRELATION_H

#include "detect/rule.h"

typedef enum correlation_kind { EVENT_COUNT, VALUE_COUNT, TEMPORAL, TEMPORAL_ORDERED } correlation_kind;

// Where the fields of a correlation are among those that a rule below it keeps (sigma_rule.kept).
typedef struct correlation_source {
    u32 rule;
    u32 *at; // group-by fields in their order, then the counted one
} correlation_source;

typedef struct correlation {
    u32 rule; // of the set: itself
    correlation_kind kind;
    bool generate;     // the rules it is about are told as well
    bool falls;        // true of a count that is over: only known when its time is
    u64 least, most;   // of what it counts
    i64 timespan;      // 100 ns
    const char **refs; // ids and names, as written
    u32 *rules;        // the same, found
    u32 ref_count;
    const char **groups; // fields
    u32 group_count;
    const char *field; // VALUE_COUNT
    const yaml_value *aliases;
    correlation_source *sources;
    u32 source_count;
    u8 visit; // while references are followed
} correlation;

// ---------------------------------------------------------------------------------------------- hits

// A hit of a rule that a correlation is about.
typedef struct correlated {
    u32 rule;
    i64 time;
    u64 record;
    const span *values; // by sigma_rule.kept, without case; at NULL: the event does not have it
    span told;          // the caller's, given back with what it made true
} correlated;

typedef struct correlation_hit {
    u32 rule;               // the correlation
    const correlated *last; // the last of the hits that made it true; its values are gone
    const span *groups;     // by group-by field
    u32 group_count;
    const u64 *records; // the first of them
    u32 record_count;
    u64 count; // what was counted
} correlation_hit;

typedef bool correlation_found(void *context, const correlation_hit *hit);

typedef struct correlations correlations;
correlations *correlations_new(const rule_set *set);
// False: the callback said so.
MUST_USE bool correlations_see(correlations *c, const correlated *hit, correlation_found *found, void *context);
MUST_USE bool correlations_end(correlations *c, correlation_found *found, void *context); // after the last
u64 correlations_forgotten(const correlations *c);                                        // groups, for want of room
void correlations_free(correlations *c);

#endif
