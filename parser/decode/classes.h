// The table of event classes: found by the survey, named and planned once, then closed and read by all threads.
#ifndef ETWKIT_CLASSES_H
#define ETWKIT_CLASSES_H

#include "decode/record.h"

typedef struct class_table class_table;

enum { CLASS_NONE = 0x7fffffff }; // no index

// `most_bytes`: no class is added, and none planned, once classes, names and plans take so many.
class_table *class_table_new(size_t most_bytes);
void class_table_free(class_table *t);

u32 class_count(const class_table *t);
event_class *class_at(const class_table *t, u32 index);
// By index; valid until a class is added.
const event_class *const *class_list(const class_table *t);
// The index of the class of all events that found the table full; CLASS_NONE where there are none.
u32 class_rest(const class_table *t);
// Classes that were left without plans for want of bytes: their events go out raw.
u32 class_unplanned(const class_table *t);

// The class of an event, added where it is new; CLASS_NONE where the table is full.
u32 class_add(class_table *t, const event *ev);
// Adds the class of events that find it full, without names and plans: they go out raw. Once.
u32 class_add_rest(class_table *t);
// Later: the class of an event, or that one class. CLASS_NONE: no such event was there when classes were added.
u32 class_find(const class_table *t, const event *ev);

// Gives every class its names and plans from what the set knows. `os_build` picks among several descriptions.
void class_table_plan(class_table *t, schema_set *set, u32 os_build);
// One class alone, with what the set knows so far (the survey looks into events before all schemas are in). What an
// earlier set said of it is forgotten.
void class_plan(class_table *t, u32 index, schema_set *set, u32 os_build);

// Runs the class's plans over a payload until one consumes it exactly; otherwise the first one's result holds. NULL
// plan: raw.
typedef struct class_decode {
    const event_class *cls; // as the plan's description names it
    const plan *plan;
    decoded values;
    record_state state;
} class_decode;
void class_decode_payload(const event_class *cls, decoder *d, span payload, class_decode *out);
// The same, beginning with the plan that the event's own process sent. `from`: trace, process and time of the event.
void class_decode_sent(const event_class *cls, decoder *d, span payload, const schema_sender *from, class_decode *out);
record_state class_state(const event_class *cls, decoder *d, span payload); // that alone

#endif
