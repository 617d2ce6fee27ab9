// MOF text as its classes and fields stand there, before anything is made of them. Used by mof_reader.c and
// schema_mof.c.
//
// Of the grammar (DMTF DSP0004) only class declarations with their qualifiers and properties are read; everything else
// (pragmas, instances, qualifier declarations) is passed over. Names are compared without regard to case, as WMI does.
#ifndef ETWKIT_MOF_H
#define ETWKIT_MOF_H

#include "base/arena.h"

typedef struct mof_list {
    const char **items; // texts, words and numbers, all as text
    u32 count;
} mof_list;

typedef struct mof_qualifier {
    const char *name;
    mof_list values; // none for a qualifier that only stands there
    struct mof_qualifier *next;
} mof_qualifier;

typedef struct mof_field {
    const char *name, *type;
    const mof_qualifier *qualifiers;
    u32 line;
    bool is_array;
    u32 elements; // what stands between the brackets, 0: nothing
    struct mof_field *next;
} mof_field;

typedef struct mof_class {
    const char *name, *base; // base: NULL for none
    const mof_qualifier *qualifiers;
    u32 line;
    mof_field *fields; // in the order of the text
    struct mof_class *next;
} mof_class;

// All classes of UTF-8 text, in its order; memory comes from the arena. At most LIMIT_MOF_CLASSES.
mof_class *mof_read(span text, arena *a, bool *is_cut); // is_cut: there are more than LIMIT_MOF_CLASSES

const mof_list *mof_qualifier_find(const mof_qualifier *list, const char *name); // NULL: it does not stand there
const char *mof_qualifier_text(const mof_qualifier *list, const char *name);     // its first value, NULL: none
u64 mof_number(const char *text);                                                // 0 for what is none

#endif
