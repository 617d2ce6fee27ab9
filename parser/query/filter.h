// What the options --provider, --event-id, --level, --keyword, --pid, --tid, --since, --until and --where let through.
//
// Most of it is decided once for a class; only process, thread and expressions need the record.
#ifndef ETWKIT_FILTER_H
#define ETWKIT_FILTER_H

#include "query/query.h"
#include "session/merge.h"

typedef struct filter_range {
    u32 first, last;
} filter_range;

typedef struct filter {
    const char **providers; // names (any case) or GUIDs
    u32 provider_count, provider_cap;
    filter_range *ids;
    u32 id_count, id_cap;
    bool has_level;
    u8 level;    // this severe or more (0 is always in)
    u64 keyword; // any of these bits; 0: not asked
    u32 *pids, *tids;
    u32 pid_count, pid_cap, tid_count, tid_cap;
    i64 since, until;        // FILETIME
    const expression *where; // owned by the options
} filter;

void filter_init(filter *f);
void filter_free(filter *f);
bool filter_is_open(const filter *f); // lets everything through

// Values of the options, each as often as wanted; false: not one, and why. Names are not copied.
void filter_add_provider(filter *f, const char *name_or_guid);
void filter_add_pid(filter *f, u32 pid);
void filter_add_tid(filter *f, u32 tid);
MUST_USE bool filter_add_ids(filter *f, const char *text, error *e);
MUST_USE bool filter_set_level(filter *f, const char *text, error *e);
MUST_USE bool filter_set_keyword(filter *f, const char *text, error *e);

// Which events of a class, all but the time: WHERE_SOMETIMES where records must be looked at (filter_record).
where_truth filter_class(const filter *f, const event_class *cls);
// Before classes are planned: false where filter_class will say WHERE_NEVER whatever names they get.
bool filter_may_let(const filter *f, const event_class *cls);
bool filter_asks_class(const filter *f); // whether filter_may_let may say so of any
bool filter_is_provider(const char *name_or_guid, const event_class *cls);
bool filter_needs_record(const filter *f);
bool filter_needs_stack(const filter *f); // and that with its stack and frames

// A filter with its expression bound to the planned classes of a session, for records. `scratch` is the calling
// thread's.
typedef struct record_filter {
    const filter *filter;
    query_set *where; // NULL: no expression
} record_filter;
void filter_bind(record_filter *out, const filter *f, const event_class *const *classes, u32 count);
void filter_unbind(record_filter *r);
bool filter_record(const record_filter *r, const record *rec, query_scratch *scratch);

#endif
