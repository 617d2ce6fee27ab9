// The schemas that TDH's functions share between threads: those of opened traces, what TdhLoadManifest* loaded, and
// schema caches.
//
// Windows has one registry for all processes, so there is one list here. Readers hold it during each TDH function;
// changes wait for them. A set never changes once it is in the list; a cache is a file that each session opens.
#define _GNU_SOURCE // PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP
#include <pthread.h>
#include <stdlib.h>

#include "base/os.h"
#include "schema/cache/schema_cache.h"
#include "winapi/tdh_internal.h"
#include "winapi/winapi.h"

struct tdh_source {
    const schema_set *set;
    u32 os_build;
    tdh_source *next;
};

typedef struct loaded {
    mem_pool *pool; // all of it
    char *path;
    schema_set *set; // NULL: a schema cache
    struct loaded *next;
} loaded;

// Threads that decode without a pause must not keep others from opening and closing traces.
#ifdef PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP
static pthread_rwlock_t lock = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;
#else
static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
#endif
static tdh_source *sources; // newest first
static loaded *files;       // likewise
static u64 generation = 1;
static _Thread_local const tdh_source *preferred;

void tdh_schemas_hold(void)
{
    pthread_rwlock_rdlock(&lock);
}

void tdh_schemas_release(void)
{
    pthread_rwlock_unlock(&lock);
}

u64 tdh_schemas_generation(void)
{
    return generation;
}

static void change(void)
{
    pthread_rwlock_wrlock(&lock);
    generation++;
}

// ---------------------------------------------------------------------------------------------- reading the list

static const schema_set *set_of(const tdh_source *source, u32 *os_build)
{
    *os_build = source->os_build;
    return source->set;
}

const schema_set *tdh_schemas_set(u32 index, u32 *os_build)
{
    if (preferred && index-- == 0)
        return set_of(preferred, os_build);
    for (const tdh_source *s = sources; s; s = s->next)
        if (s != preferred && index-- == 0)
            return set_of(s, os_build);
    *os_build = preferred ? preferred->os_build : 0;
    for (const loaded *f = files; f; f = f->next)
        if (f->set && index-- == 0)
            return f->set;
    return NULL;
}

const char *tdh_schemas_cache(u32 index)
{
    for (const loaded *f = files; f; f = f->next)
        if (!f->set && index-- == 0)
            return f->path;
    const char *named = getenv("ETWKIT_CACHE");
    return named && *named && index == 0 ? named : NULL;
}

// ---------------------------------------------------------------------------------------------- traces

tdh_source *tdh_source_add(const schema_set *set, u32 os_build)
{
    tdh_source *source = mem_alloc(sizeof(*source));
    *source = (tdh_source){.set = set, .os_build = os_build};
    change();
    source->next = sources;
    sources = source;
    tdh_schemas_release();
    return source;
}

void tdh_source_remove(tdh_source *source)
{
    if (!source)
        return;
    change();
    for (tdh_source **at = &sources; *at; at = &(*at)->next)
        if (*at == source) {
            *at = source->next;
            break;
        }
    tdh_schemas_release();
    mem_free(source);
}

const tdh_source *tdh_source_prefer(const tdh_source *source)
{
    const tdh_source *before = preferred;
    preferred = source;
    return before;
}

// ---------------------------------------------------------------------------------------------- files

// While the list may be changed.
static loaded *remove_file(const char *path)
{
    for (loaded **at = &files; *at; at = &(*at)->next) {
        loaded *f = *at;
        if (strcmp(f->path, path) == 0) {
            *at = f->next;
            return f;
        }
    }
    return NULL;
}

static bool is_loaded(const char *path)
{
    bool found = false;
    tdh_schemas_hold();
    for (const loaded *f = files; f && !found; f = f->next)
        found = strcmp(f->path, path) == 0;
    tdh_schemas_release();
    return found;
}

static bool is_database(const char *path)
{
    static const char HEAD[16] = "SQLite format 3";
    char head[sizeof(HEAD)];
    os_file f;
    bool failed = false;
    if (os_is_folder(path) || !os_open(&f, path, NULL))
        return false;
    size_t got = os_read_at(&f, 0, head, sizeof(head), &failed);
    os_close(&f);
    return got == sizeof(head) && memcmp(head, HEAD, sizeof(head)) == 0;
}

typedef struct load {
    mem_pool *pool;
    const char *path;
    loaded *made;
    TDHSTATUS status, unusable;
} load;

static TDHSTATUS load_cache(const char *path)
{
    schema_cache *cache;
    error e = {0};
    if (!schema_cache_open(&cache, path, &e))
        return winapi_code(&e);
    schema_cache_close(cache);
    return ERROR_SUCCESS;
}

static TDHSTATUS load_set(load *l)
{
    schema_set *set = l->made->set = schema_set_new();
    schema_load notes = {0};
    error e = {0};
    bool read = schema_load_path(set, l->path, RANK_USER, &notes, &e);
    schema_load_free(&notes);
    u32 at = 0;
    if (read && schema_each(set, &at)) {
        schema_freeze(set);
        return ERROR_SUCCESS;
    }
    return read || e.code == ERR_BROKEN ? l->unusable : winapi_code(&e);
}

static void load_work(void *context)
{
    load *l = context;
    size_t len = strlen(l->path) + 1;
    l->made = mem_zeroed(1, sizeof(*l->made));
    l->made->pool = l->pool;
    l->made->path = memcpy(mem_alloc(len), l->path, len);
    l->status = is_database(l->path) ? load_cache(l->path) : load_set(l);
}

static void add_file(loaded *f)
{
    change();
    loaded *before = remove_file(f->path);
    f->next = files;
    files = f;
    tdh_schemas_release();
    if (before)
        mem_pool_free(before->pool);
}

TDHSTATUS tdh_schemas_load(const char *path, bool again, TDHSTATUS unusable)
{
    if (!again && is_loaded(path))
        return ERROR_SUCCESS;
    load l = {.pool = mem_pool_new(), .path = path, .unusable = unusable};
    if (!l.pool || !mem_try(l.pool, load_work, &l, NULL))
        l.status = ERROR_NOT_ENOUGH_MEMORY;
    if (l.status == ERROR_SUCCESS)
        add_file(l.made);
    else
        mem_pool_free(l.pool);
    return l.status;
}

// ---------------------------------------------------------------------------------------------- the functions

typedef struct naming {
    const WCHAR *name;
    bool unload;
    TDHSTATUS status, unusable;
} naming;

static TDHSTATUS unload(const char *path)
{
    change();
    loaded *f = remove_file(path);
    tdh_schemas_release();
    if (!f)
        return ERROR_NOT_FOUND;
    mem_pool_free(f->pool);
    return ERROR_SUCCESS;
}

static void named_work(void *context)
{
    naming *n = context;
    char *path = wide_utf8(n->name);
    n->status = n->unload ? unload(path) : tdh_schemas_load(path, true, n->unusable);
}

static TDHSTATUS by_name(const WCHAR *name, bool unload, TDHSTATUS unusable)
{
    naming n = {.name = name, .unload = unload, .unusable = unusable};
    size_t len = 0;
    while (name && name[len] && len <= MAX_PATH)
        len++;
    if (len == 0 || len > MAX_PATH)
        return ERROR_INVALID_PARAMETER;
    TDHSTATUS status = winapi_try(named_work, &n);
    return status == ERROR_SUCCESS ? n.status : status;
}

TDHSTATUS TdhLoadManifest(PWSTR Manifest)
{
    return by_name(Manifest, false, ERROR_XML_PARSE_ERROR);
}

TDHSTATUS TdhLoadManifestFromBinary(PWSTR BinaryPath)
{
    return by_name(BinaryPath, false, ERROR_RESOURCE_NOT_FOUND);
}

TDHSTATUS TdhUnloadManifest(PWSTR Manifest)
{
    return by_name(Manifest, true, ERROR_NOT_FOUND);
}
