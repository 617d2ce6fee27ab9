// Shared by the files that make events into what rules see.
#ifndef ETWKIT_VIEW_INTERNAL_H
#define ETWKIT_VIEW_INTERNAL_H

#include "activity/activity.h"
#include "detect/views.h"

// A line of views.def: what a category is about.
typedef struct view {
    const char *category;
    bool own;           // of the event below, not of an activity
    activity_kind kind; // of an activity, by whichever provider but Sysmon
    activity_source event;
} view;
extern const view views[];
extern const u32 view_count;

bool view_is_of(const char *category, const char *view_category);
// The n-th kind of event that a view is of, as the table of activities numbers them; false: it is not of that.
bool view_source(arena *a, const view *v, u32 n, activity_source *out);

// Likewise, what a service is about: events of a provider, or of a log where `provider` is NULL.
typedef struct view_service {
    const char *service, *provider;
    u8 channel;
    const char *log;
} view_service;
extern const view_service view_services[];
extern const u32 view_service_count;

bool view_service_has(const view_service *s, const event_class *cls);

bool logsource_is_windows(const logsource *s);

// Where a field of a logsource comes from in events of a class, or all that are used; `fields` as in views.def.
void view_getter(arena *a, const event_class *cls, const logsource *s, const char *fields, u32 number, getter *out);
void view_getters(arena *a, const event_class *cls, const logsource *s, const char *fields, getter *out);
// What a test may come to with such getters (rule_possible).
possible view_possible(void *getters, const test *t);

// A class as one logsource sees it.
typedef struct watching {
    rule_question question;
    event_condition when;
    getter *getters; // by field of the question
} watching;

typedef struct class_view {
    watching *list;
    u32 count;
} class_view;

struct event_views {
    arena arena;
    const rule_set *set;
    const correlator *correlator;
    class_view *classes;
    u32 class_count;
};

#endif
