// The providers that a SOFTWARE hive lists, and the files that describe them.
#ifndef ETWKIT_PUBLISHERS_H
#define ETWKIT_PUBLISHERS_H

#include "base/guid.h"
#include "input/hive.h"

typedef struct publisher {
    guid id;
    const char *resources, *messages,
        *parameters; // paths from the root of the system drive, lower case, with slashes; NULL: none
} publisher;

// Into the arena; NULL where there are none.
publisher *publishers_read(hive *software, arena *a, u32 *count);

// The path on the system drive that a value of the registry means; NULL: on no drive, or none.
const char *publisher_path(const char *value, arena *a);

#endif
