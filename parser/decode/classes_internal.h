// What the parts of the table of event classes share: classes.c (finding), class_plan.c (layouts), class_names.c,
// class_decode.c. For these only.
#ifndef ETWKIT_CLASSES_INTERNAL_H
#define ETWKIT_CLASSES_INTERNAL_H

#include "base/arena.h"
#include "base/map.h"
#include "decode/classes.h"

// What two events of one class have in common, besides their TraceLogging metadata.
typedef struct class_key {
    u64 words[4]; // provider, descriptor
    u32 bits;     // header facts that change the meaning of the same numbers
    u32 metadata_len;
} class_key;

struct class_table {
    arena arena;
    event_class **classes;
    class_key *keys;
    u32 count, class_cap, key_cap;
    map by_key;
    size_t most_bytes;
    u32 unplanned;
    u32 rest; // the class of events that found the table full; CLASS_NONE: there are none
};

// Adds a class that is not found by any event's key. NULL: LIMIT_CLASSES are there, or LIMIT_CLASS_BYTES are used.
event_class *class_new(class_table *t);

// Gives a class the names of one description alone. NULL: none describes it.
void class_name(class_table *t, const schema_set *set, event_class *c, const event_schema *described);
bool class_same_names(const event_class *a, const event_class *b);

#endif
