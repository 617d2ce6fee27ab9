// Registry hives for tests, written by libhivex.
#ifndef ETWKIT_TESTS_HIVE_BUILD_H
#define ETWKIT_TESTS_HIVE_BUILD_H

#include "base/base.h"

bool hive_can_build(void); // whether the library is there

typedef struct hive_value {
    const char *key;  // from the root, names between backslashes; made where it is missing
    const char *name; // "" is the default value
    const char *text; // NULL: a number; "hex:00ff": these bytes
    u32 number;
} hive_value;

void hive_make(const char *path, const hive_value *values, u32 count); // the test fails where it cannot be made

#endif
