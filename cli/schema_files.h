// Which schema files were read, and the hash of the very bytes that were: for provenance.
#ifndef ETWKIT_SCHEMA_FILES_H
#define ETWKIT_SCHEMA_FILES_H

#include "base/sha256.h"
#include "etwkit_engine.h"

typedef struct schema_file {
    char *path;
    u64 bytes;
    char sha256[SHA256_TEXT];
} schema_file;

typedef struct schema_files {
    schema_file *list;
    u32 count, cap;
} schema_files;

void schema_files_collect(schema_files *files, schema_load *load); // from now on, whatever `load` loads
void schema_files_free(schema_files *files);

#endif
