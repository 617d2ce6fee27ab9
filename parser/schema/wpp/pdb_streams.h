// The streams of a program database, for those who read them: pdb.c and pdb_publics.c.
#ifndef ETWKIT_PDB_STREAMS_H
#define ETWKIT_PDB_STREAMS_H

#include "base/error.h"
#include "base/span.h"

enum { PDB_STREAM_INFO = 1, STREAM_DBI = 3, NO_STREAM = 0xffff };

// Bytes of a stream: a view of the file, or memory of our own.
typedef struct pages {
    span bytes;
    u8 *owned;
} pages;

typedef struct pdb_file {
    span file;
    u32 page_bytes;
    u64 budget; // stream bytes that may still be put together
    pages directory;
    u32 stream_count;
} pdb_file;

bool pdb_open(pdb_file *pdb, span file, error *e);
// Where the page numbers of each stream begin in the directory, and after the last; heap.
u64 *pdb_page_starts(const pdb_file *pdb);
bool pdb_stream_join(pdb_file *pdb, const u64 *starts, u32 number, pages *out, error *e);
void pdb_pages_free(pages *p);

#endif
