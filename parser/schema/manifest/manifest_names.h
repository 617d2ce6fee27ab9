// The names a provider declares for levels, tasks, opcodes, channels and keywords, and those Windows declares for all.
// Used by manifest_compile.c only.
#ifndef ETWKIT_MANIFEST_NAMES_H
#define ETWKIT_MANIFEST_NAMES_H

#include "schema/manifest/manifest.h"

// A level, task, opcode, channel or keyword under the name events use for it.
typedef struct manifest_name {
    u64 value;
    const char *name, *shown; // shown: the display text, or the name; NULL where a dump tool made the name up
    guid event_guid;          // of a task
    u64 keyword_bit;          // of a channel: mc.exe marks its events with one of the top bits
    manifest_index opcodes;   // of a task
} manifest_name;

typedef struct manifest_builtin {
    const char *name;
    u64 value;
    const char *shown;
} manifest_builtin;

// All names of one kind.
typedef struct manifest_vocabulary {
    const char *what;
    u64 max;
    manifest_index declared; // value: manifest_name
    name_list *list;         // of the provider
    const manifest_builtin *builtins;
    u32 builtin_count, builtins_listed; // a bit for each that stands in the list
} manifest_vocabulary;

typedef struct manifest_names {
    const manifest_target *to;
    arena *scratch;
    manifest_strings *strings;
    provider_schema *p;
    bool is_dump;  // written by a tool from a running Windows
    bool is_exact; // written by `schemas export`: nothing is implied
    manifest_vocabulary levels, tasks, opcodes, channels, keywords;
    manifest_index any_opcodes; // of all tasks; only where is_dump
} manifest_names;

// Reads all of them from a provider's element. Everything is kept in the set or in `scratch`, but for the indexes.
void manifest_names_read(manifest_names *names, const manifest_node *provider);
void manifest_names_free(manifest_names *names);

// What an attribute of an event refers to: a declared name, a built-in one, or (only in files that tools made) a
// number. Value and display text stay as they are where it refers to nothing; that is noted.
void manifest_name_refer(manifest_names *names, manifest_vocabulary *of, const manifest_node *event, const char *text,
                         u64 *value, const char **shown);
const manifest_name *manifest_name_find(const manifest_index *index, const char *text); // NULL: not declared
// Opcodes are looked for in the task first.
void manifest_opcode_refer(manifest_names *names, const manifest_node *event, const manifest_name *task,
                           event_schema *out);

void manifest_index_note_doubles(const manifest_target *to, manifest_index *index, const char *what); // sorts it first

#endif
