// Event classes that are one kind of event: the versions of a manifest event, the classes of one name of an event
// without an id. Each group is a view of the SQLite output, a file of `--by-class`.
#ifndef ETWKIT_CLASS_GROUPS_H
#define ETWKIT_CLASS_GROUPS_H

#include "etwkit_engine.h"

typedef struct class_group {
    const char *name;             // "Provider/Event", no two the same but for case
    const char *provider, *event; // its two parts
    u32 *classes;
    u32 class_count, class_cap;
} class_group;

#define GROUP_NONE UINT32_MAX

typedef struct class_groups {
    class_group *list; // in the order of their first classes
    u32 count;
    u32 *of_class; // GROUP_NONE beyond LIMIT_VIEWS
} class_groups;

// Names live in `a`.
void class_groups_make(class_groups *out, arena *a, const event_class *const *classes, u32 count);
void class_groups_free(class_groups *g);

#endif
