#include "provenance.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

#include "base/os.h"
#include "info.h"
#include "outfile.h"
#include "schema/cache/schema_cache.h"

static void add_hash(cJSON *to, const char *name, const char *path)
{
    char text[SHA256_TEXT];
    error e = {0};
    if (os_is_folder(path))
        return;
    if (hash_file(path, text, &e))
        cJSON_AddStringToObject(to, name, text);
    else
        cJSON_AddNullToObject(to, name);
}

static void add_file(cJSON *to, const char *path)
{
    os_file f;
    cJSON_AddStringToObject(to, "path", path);
    if (!os_is_folder(path) && os_open(&f, path, NULL)) {
        cJSON_AddNumberToObject(to, "bytes", (double)f.bytes);
        os_close(&f);
    }
    add_hash(to, "sha256", path);
}

// What a second reading gives, and what became of the file.
static void add_afterwards(cJSON *to, const trace *t)
{
    char text[SHA256_TEXT];
    if (hash_input(t->file.input, text, NULL))
        cJSON_AddStringToObject(to, "sha256_afterwards", text);
    else
        cJSON_AddNullToObject(to, "sha256_afterwards");
    if (t->change != INPUT_UNCHANGED)
        cJSON_AddStringToObject(to, "changed", input_change_text(t->change));
}

static void add_inputs(cJSON *root, const evidence *ev)
{
    cJSON *list = cJSON_AddArrayToObject(root, "inputs");
    for (u32 i = 0; i < ev->session->trace_count; i++) {
        char *text = info_json(ev, i, true);
        cJSON *info = cJSON_Parse(text);
        if (!ev->options->no_hash)
            add_afterwards(info, ev->session->traces[i]);
        cJSON_AddItemToArray(list, info);
        mem_free(text);
    }
}

static void add_command(cJSON *root, const options *o)
{
    cJSON *list = cJSON_AddArrayToObject(root, "command_line");
    cJSON_AddItemToArray(list, cJSON_CreateString("etwkit"));
    for (int i = 1; i < o->argc; i++)
        cJSON_AddItemToArray(list, cJSON_CreateString(o->argv[i]));
}

static bool write_text(const char *path, const char *text, error *e)
{
    outfile out;
    if (!outfile_begin(&out, path, e))
        return false;
    FILE *f = fopen(out.part, "wb");
    bool ok = f && fputs(text, f) >= 0 && fputc('\n', f) >= 0;
    if (f)
        ok = fclose(f) == 0 && ok;
    if (ok)
        return outfile_finish(&out, e);
    outfile_abandon(&out);
    return error_set(e, "%s: could not be written", path);
}

bool provenance_write(const evidence *ev, const char *out, const char *format, u64 records, error *e)
{
    const options *o = ev->options;
    cJSON *root = cJSON_CreateObject();
    cJSON_AddStringToObject(root, "program", "etwkit");
    cJSON_AddStringToObject(root, "version", ETWKIT_VERSION);
    add_command(root, o);
    cJSON *output = cJSON_AddObjectToObject(root, "output");
    add_file(output, out);
    cJSON_AddStringToObject(output, "format", format);
    cJSON_AddNumberToObject(output, "records", (double)records);
    add_inputs(root, ev);
    cJSON *schemas = cJSON_AddArrayToObject(root, "schemas");
    for (u32 i = 0; i < o->schema_count; i++) {
        cJSON *file = cJSON_CreateObject();
        add_file(file, o->schemas[i]);
        cJSON_AddItemToArray(schemas, file);
    }
    if (ev->cache)
        cJSON_AddStringToObject(root, "schema_cache", schema_cache_identity(ev->cache));
    else
        cJSON_AddNullToObject(root, "schema_cache");
    char *text = cJSON_Print(root);
    arena a = {0};
    bool ok = write_text(arena_format(&a, "%s.manifest.json", out), text, e);
    arena_free(&a);
    cJSON_free(text);
    cJSON_Delete(root);
    return ok;
}
