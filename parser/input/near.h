// The file on a case-sensitive system that a path of Windows means.
#ifndef ETWKIT_NEAR_H
#define ETWKIT_NEAR_H

#include "base/arena.h"

// `path` below the folder `root` (which ends in a slash, or is empty), in any case of letters. NULL: there is none.
const char *near_find(const char *root, const char *path, arena *a);

#endif
