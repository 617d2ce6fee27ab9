// A conversion as a part of another command.
#ifndef ETWKIT_CONVERT_H
#define ETWKIT_CONVERT_H

#include "options.h"
#include "outfile.h"

// Converts as `etwkit convert` does, into a file the caller has begun, and writes nothing else, whatever the options
// ask for. The file stays the caller's. Returns the exit code; what went wrong was said.
// `only`: of all inputs the one of this path is converted, by itself; NULL: all together.
int convert_into(const options *o, const char *only, outfile *out, u64 *records);

#endif
