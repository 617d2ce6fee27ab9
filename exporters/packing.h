// Compressed text outputs: OUT.jsonl.gz, OUT.csv.zst. libarchive compresses them.
//
// What is written is cut into blocks, each compressed by itself and on any thread: members of a gzip file, frames of a
// zstd file. Either format is what its parts are, one after the other.
#ifndef ETWKIT_PACKING_H
#define ETWKIT_PACKING_H

#include "base/error.h"
#include "base/outbuf.h"

typedef struct packing packing; // static

// By the suffix of a path or of the name of a format, which ends there: *len is cut. NULL: it has none.
const packing *packing_of(const char *name, size_t *len);
const char *packing_suffix(const packing *c); // ".gz"
const char *packing_names(void);              // ".gz, .zst"

// Whether the library is there.
MUST_USE bool packing_works(const packing *c, error *e);
// Appends a block. On any thread.
MUST_USE bool pack_block(const packing *c, span text, outbuf *out, error *e);
// The first bytes of what was compressed, at most `capacity`, by as many of the compressed ones as are known. 0: it is
// not compressed so.
size_t packed_head(span head, u8 *out, size_t capacity);

#endif
