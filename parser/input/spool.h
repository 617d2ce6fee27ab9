// Bytes that come once, in order, and must be read at any offset: of a stream, of a member of an archive.
//
// They are kept in memory as long as all spools of the process together take at most LIMIT_SPOOL_MEMORY, else in one
// temporary file without a name that all spools share, so that any number of them takes one descriptor.
#ifndef ETWKIT_SPOOL_H
#define ETWKIT_SPOOL_H

#include "base/error.h"
#include "base/span.h"

typedef struct spool spool;

spool *spool_new(void);
void spool_free(spool *s); // NULL is allowed

// False: the disk is full, or LIMIT_SPOOL_BYTES is reached.
MUST_USE bool spool_add(spool *s, span bytes, error *e);

u64 spool_bytes(const spool *s);
// As input_read; by any number of threads once nothing is added any more.
size_t spool_read(const spool *s, u64 offset, void *into, size_t len, bool *failed);

#endif
