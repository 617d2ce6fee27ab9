// Shared by the files that make events into what rules see.
#ifndef ETWKIT_VIEW_INTERNAL_H
#define ETWKIT_VIEW_INTERNAL_H

#include "activity/getter.h"
#include "detect/views.h"

// A class as one logsource sees it.
typedef struct watching {
    const logsource *source;
    event_when when;
    getter *getters; // by field of the logsource
    u32 *always;     // rules that can be true without a needle
    u32 always_count;
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
