// Names of members, one each: archives may hold several files of one name, and folders of a disk image several deleted
// ones.
#ifndef ETWKIT_MEMBER_NAMES_H
#define ETWKIT_MEMBER_NAMES_H

#include "base/arena.h"

typedef struct member_names member_names; // of all members so far

member_names *member_names_new(void);
// The path of the next member: as it is or, where one before has it, with " (2)", " (3)", ... before its suffix; in
// `a`.
const char *member_name_new(member_names *names, const char *path, arena *a);
// The path that the last member of this name so far was given.
const char *member_name_last(const member_names *names, const char *path, arena *a);
void member_names_free(member_names *names);

#endif
