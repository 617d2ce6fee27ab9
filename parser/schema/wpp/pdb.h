// Program databases (MSF 7.00) as far as WPP needs them: the annotations compilers leave in the symbols of each module.
//
// WPP keeps its format strings there ("TMF:", "TMC:" annotations). Layouts: LLVM's "The PDB File Format" and the symbol
// records of cvinfo.h (microsoft-pdb). Used by schema_wpp.c.
#ifndef ETWKIT_PDB_H
#define ETWKIT_PDB_H

#include "base/error.h"
#include "base/span.h"

// Begins like a program database of this kind. The first 32 bytes are enough.
MUST_USE bool pdb_is(span head);

// Calls visit for every S_ANNOTATION record of every module, in file order, with its strings (count may be 0) and the
// name of the function it stands in (NULL: in none). Strings are NUL-terminated bytes as they stand in the file, mostly
// UTF-8, and live until visit returns; visit returns false to end the walk.
// False: the file is no readable program database, `e` says why. True with a message in `e`: some module was damaged
// and what it still held was visited; without one, everything was read.
bool pdb_each_annotation(span file,
                         bool (*visit)(void *context, const char *const *strings, u32 count, const char *function),
                         void *context, error *e);

#endif
