// Public symbols of program databases: the names of an image's functions by their address.
#ifndef ETWKIT_PDB_PUBLICS_H
#define ETWKIT_PDB_PUBLICS_H

#include "base/error.h"
#include "base/guid.h"
#include "base/span.h"

typedef struct public_symbol {
    u32 address; // from the base of the image
    u32 name;    // where it begins in `names`
} public_symbol;

typedef struct public_symbols {
    public_symbol *list; // by address
    u32 count, cap;
    char *names;
    size_t names_len, names_cap;
} public_symbols;

// All functions of the file, whose identity must be `id`. False: it is another one, or cannot be read; `e` says why.
bool pdb_publics(span file, const guid *id, public_symbols *out, error *e);
void public_symbols_free(public_symbols *s);

// The last symbol at or before an address; NULL: there is none.
const char *public_symbol_at(const public_symbols *s, u64 address, u64 *offset);

#endif
