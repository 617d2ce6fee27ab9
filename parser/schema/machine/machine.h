// What the machine a trace comes from says itself, where its system drive lies with the trace: in a disk image, a
// mounted drive, a collection.
//
// The registry lists the providers that are installed and the files that describe them (SOFTWARE, WINEVT\Publishers);
// those of a provider are read when a trace first names it. The classes of wbem's MOF files are read with the first.
// The computer's name and the letters of its volumes (drives.h) are in SYSTEM. All of it by libhivex; without it, or
// without the registry, nothing is learnt.
//
// The files come from a search for traces, whose helper it is.
#ifndef ETWKIT_MACHINE_H
#define ETWKIT_MACHINE_H

#include "input/find.h"
#include "schema/model/schema.h"

typedef struct machines machines;

machines *machines_new(void);
void machines_free(machines *all); // after the schemas that have anything from it; NULL is allowed

// Takes the files it has use for, by one thread at a time. An archive gives its files once, in its own order: one that
// was just read may have more that are of use.
find_helper machines_helper(machines *all);

// Tells an input whose file it is: the computer's name, the letters of its volumes, as far as they are known. They live
// as long as `all` does.
void machines_tell(const machines *all, input *in);
u32 machines_providers(const machines *all); // how many are listed

// Adds what is known of a GUID to a set, by one thread at a time; what was read, and what is wrong with it, is in
// `load`.
void machines_fetch(machines *all, schema_set *set, const guid *id, schema_load *load);
// Everything.
void machines_load(machines *all, schema_set *set, schema_load *load);

// What could not be used, a sentence; NULL: none at that index.
const char *machines_note(const machines *all, u32 index);

#endif
