// Names from traces as names of an output: hostile, so made valid UTF-8, cut, and told apart without case.
#ifndef ETWKIT_NAMES_H
#define ETWKIT_NAMES_H

#include "base/arena.h"
#include "base/limits.h"
#include "base/map.h"

// A set of names with a number each. The names must outlive it.
typedef struct names {
    struct named {
        const char *name;
        u32 value;
        u32 again; // how many were given a number because it was taken
    } * list;
    u32 count, cap;
    map map;
} names;

#define NAME_UNKNOWN UINT32_MAX

// The number of `name`, which is `value` where it is new; *added tells.
u32 names_add(names *n, const char *name, u32 value, bool *added);
u32 names_find(const names *n, const char *name); // NAME_UNKNOWN: it is not there
// Whether nobody had the name yet, however it is capitalised (ASCII letters only, as SQLite compares); now it is taken.
bool names_claim(arena *a, names *n, const char *name);
// The name, or where it is taken the name and a number, 2 or more, between two texts: "f_2", "f (2)". Claimed.
const char *names_claim_numbered(arena *a, names *n, const char *name, const char *before, const char *after);
void names_free(names *n);

// Of the folded name: for maps whose owner compares with name_same.
u64 name_hash(const char *name);
bool name_same(const char *a, const char *b);

const char *name_folded(arena *a, const char *name); // in lower case, ASCII letters only

enum { CLEAN_BYTES = 3 * LIMIT_NAME_BYTES + 1 };
void name_clean_into(u8 *clean, const char *name); // as UTF-8, cut where JSON keys are cut, in room for CLEAN_BYTES
const char *name_clean(arena *a, const char *name);

#endif
