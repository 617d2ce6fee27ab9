// The words of a manifest that is being written: levels, tasks, opcodes, channels, keywords and maps, each declared
// once under a name of its own. For manifest_write.c.
#ifndef ETWKIT_MANIFEST_TERMS_H
#define ETWKIT_MANIFEST_TERMS_H

#include "base/arena.h"
#include "base/guid.h"

static const u32 ALL_TASKS = UINT32_MAX;

typedef struct term {
    u64 value;
    const char *name, *shown; // shown NULL: has none
    guid id;                  // of a task
    bool id_known, known;     // known: the manifest's reader knows the name, it is not declared
    u32 owner;                // of an opcode: the task it belongs to, or ALL_TASKS
} term;

typedef struct terms {
    const char *prefix; // of made-up names
    term *items;        // heap
    u32 count, cap;
} terms;

// Adds a term under the wanted name where that is free (NULL: there is none), else under one made up.
term *terms_add(arena *memory, terms *of, u64 value, const char *wanted, const char *shown, u32 owner);
// What a text that people see is called where events refer to it: letters, digits and _, no "win:".
const char *term_word(arena *memory, const char *shown);

// Names Windows declares for all providers (winmeta.xml of the SDK). `what`: 'l' level, 'o' opcode. NULL: none.
const char *term_builtin(char what, u64 value, const char *shown);
bool term_is_builtin_keyword(const char *name, u64 mask);

bool term_same_text(const char *a, const char *b); // NULL is equal to NULL only

#endif
