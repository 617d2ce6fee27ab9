// Inputs and schema files that are inside archives and disk images, or are what a compressed file holds: found again in
// one pass through each of those.
#ifndef ETWKIT_VERIFY_MEMBERS_H
#define ETWKIT_VERIFY_MEMBERS_H

#include <cjson/cJSON.h>

#include "base/arena.h"
#include "base/map.h"
#include "base/sha256.h"
#include "verify/verify.h"

typedef struct verify_member {
    const char *name; // as recorded
    size_t container; // how much of it names what it is in; all of it: a compressed file
    u32 next;         // of the same name but for the case of letters: its index plus one; 0: none
    bool found;
    u64 bytes;
    char sha256[SHA256_TEXT]; // "" where it could not be read
    error why;
} verify_member;

typedef struct verify_members {
    arena arena;
    verify_member *list;
    u32 count, capacity;
    map by_name;                   // the first of each, in any case of letters
    const char *container, *place; // what is looked into: its recorded name, and where it is
} verify_members;

void verify_members_look(verify_members *m, const verify_place *place, const cJSON *root);
const verify_member *verify_members_find(const verify_members *m, const char *name); // NULL: it is in nothing
void verify_members_free(verify_members *m);

#endif
