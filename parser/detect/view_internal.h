// Shared by the files that make events into what rules see.
#ifndef ETWKIT_VIEW_INTERNAL_H
#define ETWKIT_VIEW_INTERNAL_H

#include "detect/views.h"

typedef enum getter_kind {
    GET_UNKNOWN, // events of this kind do not record it
    GET_NULL,    // they show all they have, and have no such field
    GET_TEXT,
    GET_FIELD,
    GET_PROCESS,
    GET_FILE,
    GET_KEY,
    GET_KEY_FIELD,
    GET_HOST,
    GET_ALL, // all fields of the payload, a line each
} getter_kind;

typedef enum getter_form { FORM_PLAIN, FORM_PATH, FORM_KEY, FORM_PIPE, FORM_HEX, FORM_DATA } getter_form;

typedef enum process_fact {
    FACT_IMAGE,
    FACT_COMMAND_LINE,
    FACT_USER,
    FACT_NAME,
    FACT_ID,
    FACT_PARENT, // its id
    FACT_PARENT_IMAGE,
    FACT_PARENT_COMMAND_LINE,
} process_fact;

// Where a rule's field comes from.
typedef struct getter {
    getter_kind kind;
    getter_form form;
    process_fact fact;
    bool own;          // GET_PROCESS: of the process the event happened in
    const char *text;  // of GET_TEXT
    const char *field; // of the payload
    value_path *paths; // by plan of the class
    bool *has_path;    // likewise
} getter;

typedef enum view_when { WHEN_ALWAYS, WHEN_CREATES, WHEN_STREAM, WHEN_PIPE, WHEN_KERNEL, WHEN_FOREIGN } view_when;

// A class as one logsource sees it.
typedef struct watching {
    const logsource *source;
    view_when when;
    getter *getters; // by field of the logsource
} watching;

typedef struct class_view {
    watching *list;
    u32 count;
} class_view;

typedef struct system_volume {
    u32 machine;
    span device; // "\Device\HarddiskVolume3"
} system_volume;

struct event_views {
    arena arena;
    const rule_set *set;
    const correlator *correlator;
    class_view *classes;
    u32 class_count;
    system_volume *volumes;
    u32 volume_count, volume_capacity;
};

// The fields of views.def's texts, for one class; `source` NULL in a getter that stays GET_UNKNOWN.
void view_getters(arena *a, const event_class *cls, const logsource *source, const char *fields, getter *out);
bool view_meets(view_when when, const record *rec);
// The value of a field, its text in scratch->text: as an offset until all are there.
typedef struct view_text {
    subject_kind kind;
    bool has_number, tail;
    size_t at, len;
    double number;
} view_text;
void view_get(const event_views *v, const getter *g, const record *rec, view_scratch *scratch, view_text *out);

#endif
