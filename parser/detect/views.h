// Events as rules see them: which logsources an event belongs to, and the values of the fields that rules name.
//
// What feeds what is one list (views.def). Everything is found out for each event class once; events of classes that no
// rule can be true of cost one look at a table.
#ifndef ETWKIT_VIEWS_H
#define ETWKIT_VIEWS_H

#include "activity/getter.h"
#include "detect/rule.h"

typedef struct event_views event_views;

// For records of classes 0 to count - 1, which must be planned. All that is given must live as long.
event_views *views_new(const rule_set *set, const correlator *c, const event_class *const *classes, u32 count);
void views_free(event_views *v);

// What one thread needs; all zero is a valid empty one.
typedef struct view_scratch {
    rule_scratch rules;
    subject *subjects; // by field of the logsource in hand; unknown between records
    got_value *texts;  // of those that are asked
    u32 field_capacity;
    known_texts known;
    u64 *told; // by rule: the last record it hit, counted by this thread
    u64 records;
    u32 told_capacity;
    getter_scratch getter; // with the text of the subjects
} view_scratch;
void view_scratch_free(view_scratch *scratch);

bool views_watch(const event_views *v, u32 class_index);

// Calls for each rule that is true of the record: once a rule, in the order of the set.
typedef void view_hit(void *context, u32 rule, view_scratch *scratch);
void views_see(const event_views *v, const record *rec, view_scratch *scratch, view_hit *hit, void *context);

// Why no event can make rules true, without any trace: by what views.def and the built-in core know.
typedef struct view_reasons view_reasons;
view_reasons *view_reasons_new(const rule_set *set);
// A sentence, which lives as long as they do; NULL: some event can.
const char *view_reasons_of(view_reasons *r, u32 rule);
void view_reasons_free(view_reasons *r);

#endif
