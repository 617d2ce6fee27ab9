// The table of decoding sources that are files, and the walk over what a user names with --schemas or schemas add.
#include "base/limits.h"
#include "base/os.h"
#include "schema/wevt/crim.h"
#include "schema/wevt/wevt.h"

extern const schema_source schema_source_manifest, schema_source_tmf, schema_source_pdb, schema_source_mof;

const schema_source *const schema_sources[] = {
    &schema_source_wevt, &schema_source_pdb, &schema_source_tmf, &schema_source_mof, &schema_source_manifest, NULL,
};

enum { HEAD_BYTES = 4096, ROOT_BYTES = 256 << 10 };

typedef struct target {
    schema_set *set;
    schema_rank rank;
    schema_load *load;
} target;

typedef struct folder_walk {
    bool (*visit)(void *context, const char *file);
    void *context;
    schema_load *load;
    const char *folders[LIMIT_SCHEMA_FOLDERS]; // from the root to the one being listed
    u32 depth;
    bool stopped;
} folder_walk;

static const schema_source *recognise(const char *path, error *e)
{
    os_file f;
    u8 head[HEAD_BYTES];
    bool failed = false;
    if (!os_open_to_look(&f, path, e))
        return NULL;
    size_t got = os_read_at(&f, 0, head, sizeof(head), &failed);
    os_close(&f);
    for (u32 i = 0; schema_sources[i]; i++)
        if (schema_sources[i]->recognise((span){head, got}, path))
            return schema_sources[i];
    error_set(e, "%s: neither a manifest, a PE file with event templates, a TMF, PDB nor MOF file", path);
    return NULL;
}

// Reads the head of a file and what stands at its resources into a block of the file's size: memory that is not
// touched is not there.
static bool resources_present(const os_file *f, const u8 *head, size_t got)
{
    pe_file pe;
    span root;
    bool failed = false;
    if (crim_is((span){head, got}) || !pe_open((span){head, got}, &pe, NULL) || f->bytes > LIMIT_SCHEMA_FILE_BYTES)
        return true; // whoever loads it decides
    u8 *bytes = mem_zeroed(1, (size_t)f->bytes);
    memcpy(bytes, head, got < f->bytes ? got : (size_t)f->bytes);
    pe.bytes = (span){bytes, (size_t)f->bytes};
    if (pe_at(&pe, pe.resources_rva, 16, &root)) {
        size_t at = (size_t)(root.at - bytes), left = (size_t)f->bytes - at;
        (void)os_read_at(f, at, bytes + at, left < ROOT_BYTES ? left : ROOT_BYTES, &failed);
    }
    bool present = failed || wevt_present(pe.bytes);
    mem_free(bytes);
    return present;
}

// Whether a PE file can hold events: most files of a Windows folder do not, and are not worth reading.
static bool pe_has_events(const char *path)
{
    u8 head[HEAD_BYTES];
    bool failed = false;
    os_file *f = os_open_new(path, NULL);
    if (!f)
        return true; // whoever loads it will say so
    size_t got = os_read_at(f, 0, head, sizeof(head), &failed);
    bool present = resources_present(f, head, got) || wevt_parameters_known(path);
    os_close_free(f);
    return present;
}

static void say_file(const target *t, const char *path, span bytes)
{
    if (t->load->on_file)
        t->load->on_file(t->load->context, path, bytes);
}

static bool load_pe(const target *t, span bytes, const char *path, error *e)
{
    u8 *mui = NULL;
    size_t len = 0;
    char mui_path[LIMIT_NAME_BYTES];
    for (u32 i = 0; !mui && wevt_mui_path(path, i, mui_path, sizeof(mui_path)); i++)
        if (os_exists(mui_path) && !os_read_whole(mui_path, LIMIT_SCHEMA_FILE_BYTES, &mui, &len, NULL))
            mui = NULL;
    bool ok = wevt_load_with_messages(t->set, bytes, (span){mui, mui ? len : 0}, path, t->rank, t->load, e);
    if (ok && mui)
        say_file(t, mui_path, (span){mui, len});
    mem_free(mui);
    return ok;
}

static bool load_file(const target *t, const schema_source *source, const char *path, error *e)
{
    u8 *bytes;
    size_t len;
    if (!os_read_whole(path, LIMIT_SCHEMA_FILE_BYTES, &bytes, &len, e))
        return false;
    bool ok = source == &schema_source_wevt ? load_pe(t, (span){bytes, len}, path, e)
                                            : source->load(t->set, (span){bytes, len}, path, t->rank, t->load, e);
    if (!ok)
        error_prefix(e, "%s", path);
    else
        say_file(t, path, (span){bytes, len});
    t->load->files += ok;
    mem_free(bytes);
    return ok;
}

// A folder that is one of those above it (by a link) is not entered again.
static bool is_entered(const folder_walk *w, const char *path)
{
    for (u32 i = 0; i < w->depth; i++)
        if (os_same_file(w->folders[i], path))
            return true;
    return false;
}

static bool visit_entry(void *context, const char *path)
{
    folder_walk *w = context;
    error e = {0};
    if (!os_is_folder(path)) {
        w->stopped = !w->visit(w->context, path);
    } else if (w->depth == LIMIT_SCHEMA_FOLDERS) {
        schema_load_note(w->load, "%s: LIMIT_SCHEMA_FOLDERS: folders are nested more than %d deep", path,
                         LIMIT_SCHEMA_FOLDERS);
    } else if (!is_entered(w, path)) {
        w->folders[w->depth++] = path;
        if (!os_list_folder(path, visit_entry, w, &e))
            schema_load_note(w->load, "%s", e.message);
        w->depth--;
    }
    return !w->stopped;
}

bool schema_walk(const char *path, bool (*visit)(void *context, const char *file), void *context, schema_load *load,
                 error *e)
{
    folder_walk w = {.visit = visit, .context = context, .load = load};
    if (!os_is_folder(path)) {
        (void)visit(context, path);
        return true;
    }
    w.folders[w.depth++] = path;
    return os_list_folder(path, visit_entry, &w, e);
}

bool schema_load_found(schema_set *set, const char *path, schema_rank rank, schema_load *load)
{
    target t = {set, rank, load};
    error e = {0};
    const schema_source *source = recognise(path, &e);
    if (!source || (source == &schema_source_wevt && !pe_has_events(path)))
        return false; // a folder holds all kinds of files
    bool ok = load_file(&t, source, path, &e);
    if (!ok)
        schema_load_note(load, "%s", e.message);
    return ok;
}

static bool visit_file(void *context, const char *path)
{
    const target *t = context;
    (void)schema_load_found(t->set, path, t->rank, t->load);
    return true;
}

bool schema_load_path(schema_set *set, const char *path, schema_rank rank, schema_load *load, error *e)
{
    target t = {set, rank, load};
    if (os_is_folder(path))
        return schema_walk(path, visit_file, &t, load, e);
    const schema_source *source = recognise(path, e);
    return source && load_file(&t, source, path, e);
}
