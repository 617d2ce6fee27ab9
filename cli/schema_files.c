#include "schema_files.h"

#include <string.h>

static void add(void *context, const char *path, span bytes)
{
    schema_files *files = context;
    u8 digest[SHA256_BYTES];
    size_t len = strlen(path) + 1;
    GROW(files->list, files->count, files->cap);
    schema_file *file = &files->list[files->count++];
    file->path = memcpy(mem_alloc(len), path, len);
    file->bytes = bytes.len;
    sha256_of(bytes, digest);
    sha256_text(digest, file->sha256);
}

void schema_files_collect(schema_files *files, schema_load *load)
{
    load->on_file = add;
    load->context = files;
}

void schema_files_free(schema_files *files)
{
    for (u32 i = 0; i < files->count; i++)
        mem_free(files->list[i].path);
    mem_free(files->list);
    *files = (schema_files){0};
}
