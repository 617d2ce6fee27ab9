// SHA-256 of input files, computed beside the reading of them on a thread of its own where they are large.
#ifndef ETWKIT_HASH_H
#define ETWKIT_HASH_H

#include "base/error.h"
#include "base/sha256.h"

typedef struct hash_job hash_job;

hash_job *hash_start(const char *path, u64 bytes);
// Waits. False: the file could not be read to its end. Frees the job in any case.
MUST_USE bool hash_finish(hash_job *job, char text[SHA256_TEXT], error *e);

// In line.
MUST_USE bool hash_file(const char *path, char text[SHA256_TEXT], error *e);

#endif
