// SHA-256 of inputs, computed on a thread of its own while they are read, where they are large.
#ifndef ETWKIT_HASH_H
#define ETWKIT_HASH_H

#include "input/input.h"

typedef struct hash_job hash_job;

hash_job *hash_start(const input *in); // which must stay open
// Waits. False: the file could not be read to its end. Frees the job in any case.
MUST_USE bool hash_finish(hash_job *job, char text[SHA256_TEXT], error *e);

// In line.
MUST_USE bool hash_input(const input *in, char text[SHA256_TEXT], error *e);

#endif
