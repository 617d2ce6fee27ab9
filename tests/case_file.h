// A case: a trace in words, what a conversion of it must give, and how the two are compared.
// tests/cases/README.md describes the format.
#ifndef ETWKIT_TESTS_CASE_FILE_H
#define ETWKIT_TESTS_CASE_FILE_H

#include <cjson/cJSON.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/outbuf.h"

enum { CASE_ARGS = 32, CASE_SCHEMAS = 8, CASE_DAMAGE = 32 };

typedef struct case_file {
    arena memory;
    const char *name, *text;           // text: the whole file
    size_t trace_len;                  // of text: the trace's description
    const char *records, *info, *says; // NULL: section absent
    int exit_code;
    const char *args[CASE_ARGS];
    u32 arg_count;
    struct {
        const char *name, *text;
    } schemas[CASE_SCHEMAS];
    u32 schema_count;
    struct {
        u64 offset;
        const char *kind; // NULL: any
    } damage[CASE_DAMAGE];
    u32 damage_count;
    bool has_damage;
} case_file;

bool case_read(case_file *c, const char *path, error *e);
void case_free(case_file *c);

bool bytes_read(const char *path, outbuf *text, error *e); // a whole file, a NUL after it
bool bytes_write(const char *path, const void *bytes, size_t len, error *e);

// JSON with every number turned into the text "#…" first, so that 64-bit integers and 1.500000 compare exactly.
// Several values may follow each other: *at moves after the one that was read; NULL at the end and on an error.
cJSON *json_take(const char **at, error *e);
// Such a value as text for people: its numbers are numbers again. Heap (mem_free).
char *json_shown(const cJSON *json);

// What `want` says must be in `got`: every key, in any order; null means the key must be absent. Under the key "data"
// objects must be equal, in keys, their order and values. *path says where the first difference is.
bool json_matches(const cJSON *want, const cJSON *got, bool exact, const char *path, error *e);

#endif
