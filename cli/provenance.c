#include "provenance.h"

#include <cjson/cJSON.h>
#include <string.h>

#include "exporter.h"
#include "info.h"
#include "schema/cache/schema_cache.h"

// What was written, through the descriptor it was written with.
static bool add_output(cJSON *root, const outfile *out, const char *format, u64 records, error *e)
{
    char text[SHA256_TEXT];
    u64 bytes;
    if (!outfile_sha256(out, text, &bytes, e))
        return false;
    cJSON *output = cJSON_AddObjectToObject(root, "output");
    cJSON_AddStringToObject(output, "path", out->path);
    cJSON_AddNumberToObject(output, "bytes", (double)bytes);
    cJSON_AddStringToObject(output, "sha256", text);
    cJSON_AddStringToObject(output, "format", format);
    cJSON_AddNumberToObject(output, "records", (double)records);
    return true;
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

static void add_schemas(cJSON *root, const schema_files *files)
{
    cJSON *list = cJSON_AddArrayToObject(root, "schemas");
    for (u32 i = 0; i < files->count; i++) {
        cJSON *file = cJSON_CreateObject();
        cJSON_AddStringToObject(file, "path", files->list[i].path);
        cJSON_AddNumberToObject(file, "bytes", (double)files->list[i].bytes);
        cJSON_AddStringToObject(file, "sha256", files->list[i].sha256);
        cJSON_AddItemToArray(list, file);
    }
}

static void add_command(cJSON *root, const options *o)
{
    cJSON *list = cJSON_AddArrayToObject(root, "command_line");
    cJSON_AddItemToArray(list, cJSON_CreateString("etwkit"));
    for (int i = 1; i < o->argc; i++)
        cJSON_AddItemToArray(list, cJSON_CreateString(o->argv[i]));
}

static bool fill(cJSON *root, const evidence *ev, const outfile *out, const char *format, u64 records, error *e)
{
    cJSON_AddStringToObject(root, "program", "etwkit");
    cJSON_AddStringToObject(root, "version", ETWKIT_VERSION);
    add_command(root, ev->options);
    if (!add_output(root, out, format, records, e))
        return false;
    add_inputs(root, ev);
    add_schemas(root, &ev->schema_files);
    if (ev->cache)
        cJSON_AddStringToObject(root, "schema_cache", schema_cache_identity(ev->cache));
    else
        cJSON_AddNullToObject(root, "schema_cache");
    return true;
}

bool provenance_write(const evidence *ev, const outfile *out, outfile *to, const char *format, u64 records, error *e)
{
    cJSON *root = cJSON_CreateObject();
    bool ok = fill(root, ev, out, format, records, e);
    char *text = ok ? cJSON_Print(root) : NULL;
    ok = ok && outfile_text(to, text, e) && outfile_text(to, "\n", e);
    cJSON_free(text);
    cJSON_Delete(root);
    return ok;
}

bool provenance_is_own(span head, int fd)
{
    (void)fd;
    return exporter_head_is(head, "{\n\t\"program\":\t\"etwkit\"");
}
