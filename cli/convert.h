// A conversion as a part of another command.
#ifndef ETWKIT_CONVERT_H
#define ETWKIT_CONVERT_H

#include "options.h"
#include "outfile.h"

// Converts as `etwkit convert` does, into a file the caller has begun, and writes nothing else, whatever the options
// ask for. The file stays the caller's. Returns the exit code; what went wrong was said.
int convert_into(const options *o, outfile *out, u64 *records);

#endif
