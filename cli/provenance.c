#include "provenance.h"

#include <cjson/cJSON.h>
#include <unistd.h>

#include "etwkit.h"
#include "etwkit_engine.h"
#include "exporter.h"
#include "info.h"
#include "joins.h"
#include "json_text.h"
#include "version.h"

static bool add_output(cJSON *root, const provenance_output *made, error *e)
{
    char text[SHA256_TEXT];
    u64 bytes;
    if (!outfile_sha256(made->file, text, &bytes, e))
        return false;
    cJSON *output = cJSON_AddObjectToObject(root, "output");
    json_add_text(output, "path", made->file->path);
    cJSON_AddNumberToObject(output, "bytes", (double)bytes);
    cJSON_AddStringToObject(output, "sha256", text);
    cJSON_AddStringToObject(output, "format", made->format);
    cJSON_AddNumberToObject(output, "records", (double)made->records);
    if (made->counts)
        cJSON_AddNumberToObject(output, made->counts, (double)made->items);
    if (made->shard)
        cJSON_AddStringToObject(output, "shard", made->shard);
    return true;
}

static void add_schemas(cJSON *root, const schema_files *files)
{
    cJSON *list = cJSON_AddArrayToObject(root, "schemas");
    for (u32 i = 0; i < files->count; i++) {
        cJSON *file = cJSON_CreateObject();
        json_add_text(file, "path", files->list[i].path);
        cJSON_AddNumberToObject(file, "bytes", (double)files->list[i].bytes);
        cJSON_AddStringToObject(file, "sha256", files->list[i].sha256);
        cJSON_AddItemToArray(list, file);
    }
}

// Where the names of the command line are to be looked for.
static void add_folder(cJSON *root)
{
    char folder[4096];
    if (getcwd(folder, sizeof(folder)))
        json_add_text(root, "working_folder", folder);
    else
        cJSON_AddNullToObject(root, "working_folder");
}

static void add_command(cJSON *root, const options *o)
{
    cJSON *list = cJSON_AddArrayToObject(root, "command_line"), *bytes = cJSON_CreateArray();
    bool exact = true;
    for (int i = 0; i < o->argc; i++) {
        const char *arg = i ? o->argv[i] : "etwkit";
        bool this_one;
        cJSON_AddItemToArray(list, json_text(arg, &this_one));
        cJSON_AddItemToArray(bytes, json_bytes(arg));
        exact = exact && this_one;
    }
    if (exact)
        cJSON_Delete(bytes);
    else
        cJSON_AddItemToObject(root, "command_line_bytes", bytes);
}

static void add_cache(cJSON *root, const schema_cache *cache)
{
    if (!cache) {
        cJSON_AddNullToObject(root, "schema_cache");
        return;
    }
    cJSON_AddStringToObject(root, "schema_cache", schema_cache_identity(cache));
    json_add_text(root, "schema_cache_file", schema_cache_path(cache));
}

static bool fill(cJSON *root, const evidence *ev, const provenance_output *output, error *e)
{
    cJSON_AddStringToObject(root, "program", "etwkit");
    cJSON_AddStringToObject(root, "version", etwkit_version());
    if (version_commit)
        cJSON_AddStringToObject(root, "commit", version_commit);
    add_command(root, ev->run->options);
    add_folder(root);
    if (!add_output(root, output, e))
        return false;
    cJSON_AddItemToObject(root, "inputs", info_inputs(ev));
    joins_add(root, ev);
    add_schemas(root, &ev->run->schema_files);
    add_cache(root, ev->run->cache);
    return true;
}

bool provenance_write(const evidence *ev, const provenance_output *output, outfile *to, error *e)
{
    cJSON *root = cJSON_CreateObject();
    bool ok = fill(root, ev, output, e);
    char *text = ok ? cJSON_Print(root) : NULL;
    ok = ok && outfile_text(to, text, e) && outfile_text(to, "\n", e);
    cJSON_free(text);
    cJSON_Delete(root);
    return ok;
}

char *provenance_path(const char *output, const char *word)
{
    size_t capacity = strlen(output) + strlen(word) + sizeof("..json");
    char *path = mem_alloc(capacity);
    snprintf(path, capacity, "%s.%s.json", output, word);
    return path;
}

bool provenance_is_own(span head, int fd)
{
    (void)fd;
    return exporter_head_is(head, "{\n\t\"program\":\t\"etwkit\"");
}
