// The manifests TdhLoadManifest* loaded: the one thing TDH shares between threads.
//
// Windows keeps such a list for the process, so there is one here. Readers hold it during each TDH function, loading
// and unloading waits for them; a set never changes once it is in the list.
#include "winapi/tdh_internal.h"

#include <pthread.h>

#include "base/os.h"

typedef struct manifest {
    char *path;
    schema_set *set;
    struct manifest *next;
} manifest;

static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
static manifest *manifests; // newest first
static u64 generation = 1;

void tdh_manifests_hold(void)
{
    pthread_rwlock_rdlock(&lock);
}

void tdh_manifests_release(void)
{
    pthread_rwlock_unlock(&lock);
}

u64 tdh_manifests_generation(void)
{
    return generation;
}

const schema_set *tdh_manifests_set(u32 index)
{
    const manifest *m = manifests;
    while (m && index--)
        m = m->next;
    return m ? m->set : NULL;
}

static void manifest_free(manifest *m)
{
    schema_set_free(m->set);
    mem_free(m->path);
    mem_free(m);
}

// The list must be held for writing.
static manifest *take_out(const char *path)
{
    for (manifest **at = &manifests; *at; at = &(*at)->next) {
        manifest *m = *at;
        if (strcmp(m->path, path) == 0) {
            *at = m->next;
            generation++;
            return m;
        }
    }
    return NULL;
}

static bool is_loaded(const char *path)
{
    bool loaded = false;
    tdh_manifests_hold();
    for (const manifest *m = manifests; m && !loaded; m = m->next)
        loaded = strcmp(m->path, path) == 0;
    tdh_manifests_release();
    return loaded;
}

// So that look-ups of many threads change nothing.
static void sort_events(const schema_set *set)
{
    u32 at = 0;
    for (provider_schema *p; (p = schema_each(set, &at)) != NULL;)
        schema_sort(p);
}

TDHSTATUS tdh_manifests_load(const char *path, bool again, TDHSTATUS unusable)
{
    if (!again && is_loaded(path))
        return ERROR_SUCCESS;
    if (!os_exists(path))
        return ERROR_FILE_NOT_FOUND;
    schema_set *set = schema_set_new();
    schema_load load = {0};
    bool ok = schema_load_path(set, path, RANK_USER, &load, NULL);
    schema_load_free(&load);
    u32 at = 0;
    if (!ok || !schema_each(set, &at)) {
        schema_set_free(set);
        return unusable;
    }
    sort_events(set);
    size_t len = strlen(path) + 1;
    manifest *m = mem_zeroed(1, sizeof(*m));
    m->set = set;
    m->path = memcpy(mem_alloc(len), path, len);
    pthread_rwlock_wrlock(&lock);
    manifest *before = take_out(path);
    m->next = manifests;
    manifests = m;
    generation++;
    pthread_rwlock_unlock(&lock);
    if (before)
        manifest_free(before);
    return ERROR_SUCCESS;
}

static TDHSTATUS load_named(const WCHAR *name, TDHSTATUS unusable)
{
    size_t len = 0;
    while (name && name[len] && len <= MAX_PATH)
        len++;
    if (!name || len == 0 || len > MAX_PATH)
        return ERROR_INVALID_PARAMETER;
    char *path = wide_utf8(name);
    TDHSTATUS status = tdh_manifests_load(path, true, unusable);
    mem_free(path);
    return status;
}

TDHSTATUS TdhLoadManifest(PWSTR Manifest)
{
    return load_named(Manifest, ERROR_XML_PARSE_ERROR);
}

TDHSTATUS TdhLoadManifestFromBinary(PWSTR BinaryPath)
{
    return load_named(BinaryPath, ERROR_RESOURCE_NOT_FOUND);
}

TDHSTATUS TdhUnloadManifest(PWSTR Manifest)
{
    if (!Manifest || !*Manifest)
        return ERROR_INVALID_PARAMETER;
    char *path = wide_utf8(Manifest);
    pthread_rwlock_wrlock(&lock);
    manifest *m = take_out(path);
    pthread_rwlock_unlock(&lock);
    mem_free(path);
    if (!m)
        return ERROR_NOT_FOUND;
    manifest_free(m);
    return ERROR_SUCCESS;
}
