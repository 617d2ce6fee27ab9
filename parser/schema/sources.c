// The table of decoding sources that are files, and the walk over what a user names with --schemas or schemas add.
#include "base/limits.h"
#include "base/os.h"
#include "schema/schema.h"

extern const schema_source schema_source_manifest, schema_source_wevt, schema_source_tmf, schema_source_pdb,
    schema_source_mof;

const schema_source *const schema_sources[] = {
    &schema_source_wevt, &schema_source_pdb, &schema_source_tmf, &schema_source_mof, &schema_source_manifest, NULL,
};

enum { HEAD_BYTES = 4096, FOLDER_DEPTH = 32 };

typedef struct folder_walk {
    schema_set *set;
    schema_rank rank;
    schema_load *load;
    u32 depth;
} folder_walk;

static const schema_source *recognise(const char *path, error *e)
{
    os_file f;
    u8 head[HEAD_BYTES];
    bool failed = false;
    if (!os_open(&f, path, e))
        return NULL;
    size_t got = os_read_at(&f, 0, head, sizeof(head), &failed);
    os_close(&f);
    for (u32 i = 0; schema_sources[i]; i++)
        if (schema_sources[i]->recognise((span){head, got}, path))
            return schema_sources[i];
    error_set(e, "%s: neither a manifest, a PE file with event templates, a TMF, PDB nor MOF file", path);
    return NULL;
}

static bool load_file(const folder_walk *w, const char *path, error *e)
{
    const schema_source *source = recognise(path, e);
    u8 *bytes;
    size_t len;
    if (!source || !os_read_whole(path, LIMIT_SCHEMA_FILE_BYTES, &bytes, &len, e))
        return false;
    bool ok = source->load(w->set, (span){bytes, len}, path, w->rank, w->load, e);
    w->load->files += ok;
    mem_free(bytes);
    return ok;
}

static bool visit(void *context, const char *path)
{
    folder_walk *w = context;
    error e = {0};
    if (os_is_folder(path)) {
        if (w->depth >= FOLDER_DEPTH)
            return true;
        w->depth++;
        if (!os_list_folder(path, visit, w, &e))
            schema_load_note(w->load, "%s", e.message);
        w->depth--;
        return true;
    }
    error recognised = {0};
    if (!recognise(path, &recognised))
        return true; // a folder holds all kinds of files
    if (!load_file(w, path, &e))
        schema_load_note(w->load, "%s", e.message);
    return true;
}

bool schema_load_path(schema_set *set, const char *path, schema_rank rank, schema_load *load, error *e)
{
    folder_walk w = {set, rank, load, 0};
    if (os_is_folder(path))
        return os_list_folder(path, visit, &w, e);
    return load_file(&w, path, e);
}
