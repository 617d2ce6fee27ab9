// Names of members, one each: archives may hold several files of one name, and folders of a disk image several deleted
// ones.
#ifndef ETWKIT_MEMBER_NAMES_H
#define ETWKIT_MEMBER_NAMES_H

#include "base/arena.h"
#include "base/map.h"

typedef struct member_name {
    u64 hash;
    u32 members; // that have it, as far as is known
} member_name;

typedef struct member_names {
    map by_hash;
    member_name *list; // of all so far; all zero is a valid empty one
    u32 count, cap;
} member_names;

// The path of the next member: as it is or, where one before has it, with " (2)", " (3)", ... before its suffix; in
// `a`.
const char *member_name_new(member_names *names, const char *path, arena *a);
// The path that the last member of this name so far was given.
const char *member_name_last(const member_names *names, const char *path, arena *a);
void member_names_free(member_names *names);

#endif
