// The compiled manifest itself, wherever its bytes and its messages came from. For schema_wevt.c; everybody else loads
// files through wevt.h.
#ifndef ETWKIT_CRIM_H
#define ETWKIT_CRIM_H

#include "schema/wevt/pe.h"
#include "schema/model/schema.h"

typedef struct crim_source {
    schema_set *set;
    const pe_messages *tables[2]; // asked in this order; NULL: none
    const char *path;             // not NULL
    schema_rank rank;
    u32 os_build;
    schema_load *load; // may be NULL
} crim_source;

bool crim_is(span bytes); // begins like one

// Adds every provider to the set. False: the bytes are no compiled manifest of a known version or hold no provider.
bool crim_load(const crim_source *from, span bytes, error *e);

#endif
