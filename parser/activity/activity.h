// What a record shows that somebody did: one form for whichever provider tells it.
//
// Which events show what is one table (activities.def). Everything is found out for each event class once; records of
// classes that show nothing cost one look at a table. Answers depend on the record alone and on what is known of
// processes, files and keys at its time, so that any thread may ask and the same comes out.
//
//     activities *a = activities_new(session->correlator, classes, count, ACTIVITY_KINDS);
//     for (u32 i = 0; i < activities_of_class(a, rec->cls->index); i++)
//         if (activity_see(a, rec, i, &scratch, &seen))
//             use(seen.kind, seen.process, activity_text(&seen, &scratch, ACTIVITY_path, &len));
#ifndef ETWKIT_ACTIVITY_H
#define ETWKIT_ACTIVITY_H

#include "activity/condition.h"

typedef enum activity_kind {
#define KIND(name, title, sentence) ACTIVITY_KIND_##name,
#include "activity/activities.def"
    ACTIVITY_KINDS,
    ACTIVITY_KIND_LAST = ACTIVITY_KINDS - 1, // those that are told only go on from here
#define TOLD(name, sentence) ACTIVITY_KIND_##name,
#include "activity/activities.def"
    ACTIVITY_KINDS_TOLD
} activity_kind;

typedef enum activity_field {
#define FIELD(name, type, meaning) ACTIVITY_##name,
#include "activity/activities.def"
    ACTIVITY_FIELDS
} activity_field;

typedef enum activity_type { FIELD_PROCESS, FIELD_TEXT, FIELD_NUMBER } activity_type;

typedef struct activity_field_facts {
    const char *name;
    activity_type type;
    const char *meaning;
} activity_field_facts;
extern const activity_field_facts activity_fields[ACTIVITY_FIELDS];

typedef struct activity_kind_facts {
    const char *name, *title, *sentence;
} activity_kind_facts;
extern const activity_kind_facts activity_kinds[ACTIVITY_KINDS_TOLD];

// A line of the table.
typedef struct activity_source {
    activity_kind kind;
    const char *action; // "": the kind says it
    guid provider;
    bool classic;
    u16 first, last;  // event ids, or opcodes of classic events
    const char *name; // of the event instead; NULL: they have numbers
    event_when when;
    const char *fields;
} activity_source;
extern const activity_source activity_sources[];
extern const u32 activity_source_count;

bool activity_source_is_of(const activity_source *s, const event_class *cls);
// A text of the table's form whose sources are fields of an activity (".path", ".process>image"), with those of the
// line in their place. What the line does not have is left out.
const char *activity_expand(arena *a, const char *fields, const activity_source *s);

// ---------------------------------------------------------------------------------------------- of records

typedef struct activities activities;

// For records of classes 0 to count - 1, which must be planned; all that is given must live as long. The correlator
// answers as far as it was told to look (CORRELATE_ACTIVITIES is all of it). Kinds from `kinds` on are left out:
// ACTIVITY_KINDS, or ACTIVITY_KINDS_TOLD for timelines.
activities *activities_new(const correlator *c, const event_class *const *classes, u32 count, u32 kinds);
void activities_free(activities *a);
enum {
    CORRELATE_ACTIVITIES = CORRELATE_PROCESSES | CORRELATE_FILES | CORRELATE_KEYS | CORRELATE_IMAGES | CORRELATE_NETWORK
};

// How many activities a record of the class may show.
u32 activities_of_class(const activities *a, u32 class_index);
// The kind of one of them.
activity_kind activities_kind(const activities *a, u32 class_index, u32 which);

// How it is known who did it.
typedef enum activity_known {
    KNOWN_NOT,       // not told
    KNOWN_BY_HEADER, // the event happened in that process
    KNOWN_BY_FIELD,  // the payload names it
    KNOWN_BY_THREAD, // from the thread the event happened in
} activity_known;
const char *activity_known_name(activity_known known); // "header", "field", "thread"; NULL

typedef struct activity {
    const record *record;
    activity_kind kind;
    const char *action;
    activity_known known;
    bool has_process, has_target;
    u32 process_id, target_id;
    const process_life *process, *target; // who had those ids then; NULL: not told
    got_value values[ACTIVITY_FIELDS]; // but for the processes; text is in the scratch, until the next one is asked for
} activity;

// False: the record does not show that one. `scratch` is one thread's; all zero is a valid empty one.
bool activity_see(const activities *a, const record *rec, u32 which, getter_scratch *scratch, activity *out);

// The text of a value; empty: not told.
span activity_text(const activity *x, const getter_scratch *scratch, activity_field which);
// A value as a number; false: it is none.
bool activity_number(const activity *x, activity_field which, u64 *out);
// As people read it: numbers are decimal but for long status codes, whatever the event shows them as.
void activity_put(const activity *x, const getter_scratch *scratch, activity_field which, outbuf *out);
// It in one sentence, as UTF-8 that may have control characters from the trace.
void activity_sentence(const activity *x, const getter_scratch *scratch, outbuf *out);

#endif
