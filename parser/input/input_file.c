// A file or a block device, read where it lies.
//
// Files are never mapped: evidence sits on failing disks and network mounts, where a mapped read error is a crash and a
// read call's error is damage at an offset. A run may have more inputs than the system gives descriptors, so the files
// read least recently are closed and opened again when they are needed. A file that is opened again must be the one it
// was: the same inode of the same device, not written to since. Else nothing more can be read of it.
#include "input/input.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/memory.h"
#include "base/arena.h"
#include "base/limits.h"
#include "base/os.h"
#include "input/near.h"

enum { CLOSED = -1 };

typedef struct file_input {
    input common;
    os_file file;
    atomic_int readers; // threads that read it right now; CLOSED: it has no descriptor
    _Atomic u64 last_read;
    bool is_lost;         // it could not be opened again
    _Atomic(u8 *) memory; // all its bytes, where they were loaded; other threads may be reading the file meanwhile
    struct file_input *next_open;
} file_input;

// All files of the process that have a descriptor.
static struct {
    pthread_mutex_t lock;
    file_input *open;
    u32 count, most; // most 0: not asked for yet
    _Atomic u64 reads;
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER};

static file_input *of(input *in)
{
    return (file_input *)in;
}

// ---------------------------------------------------------------------------------------------- descriptors

// Half of what the system gives: outputs, databases and schema files need theirs.
static u32 most_open(void)
{
    enum { FEWEST = 4, ENOUGH = 512 };
    u32 half = os_descriptors() / 2;
    return half < FEWEST ? FEWEST : half < ENOUGH ? half : ENOUGH;
}

// Under the lock, as all below.
static void close_at(file_input **at)
{
    file_input *f = *at;
    *at = f->next_open;
    pool.count--;
    os_close(&f->file);
}

// A file that is being read stays open.
static void close_idle(file_input **at)
{
    int idle = 0;
    if (atomic_compare_exchange_strong(&(*at)->readers, &idle, CLOSED))
        close_at(at);
}

static void close_least_recent(void)
{
    file_input **least = NULL;
    for (file_input **at = &pool.open; *at; at = &(*at)->next_open)
        if ((!least || (*at)->last_read < (*least)->last_read) && (*at)->readers == 0)
            least = at;
    if (least)
        close_idle(least);
}

static file_input **place_of(const file_input *f) // NULL: it has no descriptor
{
    file_input **at = &pool.open;
    while (*at && *at != f)
        at = &(*at)->next_open;
    return *at ? at : NULL;
}

static void add_open(file_input *f, int readers)
{
    if (!pool.most)
        pool.most = most_open();
    if (pool.count >= pool.most)
        close_least_recent();
    f->next_open = pool.open;
    pool.open = f;
    pool.count++;
    f->last_read = ++pool.reads;
    atomic_store(&f->readers, readers);
}

static bool is_same(const os_file *a, const os_file *b)
{
    return a->device == b->device && a->inode == b->inode && a->bytes == b->bytes && a->modified == b->modified;
}

static bool open_again(file_input *f)
{
    os_file again;
    if (f->is_lost || !os_open(&again, f->common.path, NULL))
        return false;
    if (!is_same(&again, &f->file)) {
        os_close(&again);
        return false;
    }
    f->file = again;
    add_open(f, 1);
    return true;
}

static bool begin_read_closed(file_input *f)
{
    pthread_mutex_lock(&pool.lock);
    bool ok = true;
    if (f->readers != CLOSED)
        f->readers++;
    else
        ok = !f->memory && open_again(f);
    f->is_lost |= !ok;
    pthread_mutex_unlock(&pool.lock);
    return ok;
}

static bool begin_read(file_input *f)
{
    int readers = atomic_load(&f->readers);
    while (readers != CLOSED)
        if (atomic_compare_exchange_weak(&f->readers, &readers, readers + 1))
            return true;
    return begin_read_closed(f);
}

static void end_read(file_input *f)
{
    f->last_read = ++pool.reads;
    f->readers--;
}

// ---------------------------------------------------------------------------------------------- the backend

static bool file_is_its(const char *path)
{
    (void)path;
    return true;
}

// For good: where a read ended in the middle, the file may still count as being read.
static void close_descriptor(void *file)
{
    pthread_mutex_lock(&pool.lock);
    file_input **at = place_of(file);
    if (at)
        close_at(at);
    pthread_mutex_unlock(&pool.lock);
}

static void spare_descriptor(const file_input *f)
{
    pthread_mutex_lock(&pool.lock);
    file_input **at = place_of(f);
    if (at)
        close_idle(at);
    pthread_mutex_unlock(&pool.lock);
}

static bool open_file(input **out, const char *path, bool to_look, error *e)
{
    file_input *f = input_begin(&input_file, path, sizeof(*f));
    f->common.is_looked_at = to_look;
    if (!(to_look ? os_open_to_look : os_open)(&f->file, path, e)) {
        input_finish(&f->common);
        return false;
    }
    mem_on_discard(f, close_descriptor);
    f->common.bytes = f->file.bytes;
    f->common.device = f->file.device;
    f->common.inode = f->file.inode;
    pthread_mutex_lock(&pool.lock);
    add_open(f, 0);
    pthread_mutex_unlock(&pool.lock);
    *out = &f->common;
    return true;
}

static bool file_open(input **out, const char *path, error *e)
{
    return open_file(out, path, false, e);
}

bool input_open_to_look(input **out, const char *path, error *e)
{
    return open_file(out, path, true, e);
}

void input_will_read(input *in)
{
    if (!in->is_looked_at)
        return;
    file_input *f = of(in);
    in->is_looked_at = false;
    if (begin_read(f)) {
        os_will_read(&f->file, in->path);
        end_read(f);
    }
}

static size_t read_memory(const file_input *f, const u8 *memory, u64 offset, void *into, size_t len)
{
    u64 left = offset < f->common.bytes ? f->common.bytes - offset : 0;
    if (len > left)
        len = (size_t)left;
    if (len)
        memcpy(into, memory + offset, len);
    return len;
}

static size_t file_read_at(input *in, u64 offset, void *into, size_t len, bool *failed)
{
    file_input *f = of(in);
    const u8 *memory = f->memory;
    if (!memory && !begin_read(f)) {
        memory = f->memory; // loaded since
        if (!memory) {
            *failed = true;
            return 0;
        }
    }
    if (memory)
        return read_memory(f, memory, offset, into, len);
    size_t got = os_read_at(&f->file, offset, into, len, failed);
    end_read(f);
    return got;
}

// Where it cannot be read whole, it is read piece by piece, and what fails is seen then.
static void file_load(input *in)
{
    file_input *f = of(in);
    size_t len = (size_t)in->bytes;
    bool failed = false;
    if (f->memory || !in->bytes || in->bytes > LIMIT_LOADED_INPUT)
        return;
    u8 *memory = mem_alloc(len);
    if (file_read_at(in, 0, memory, len, &failed) == len && !failed) {
        f->memory = memory;
        spare_descriptor(f);
    } else {
        mem_free(memory);
    }
}

static input_change file_changed(input *in, u64 *bytes)
{
    file_input *f = of(in);
    os_file named;
    if (!f->file.modified) // a device: the system does not say
        return INPUT_UNCHANGED;
    bool is_written = false;
    if (f->readers != CLOSED && begin_read(f)) {
        is_written = os_changed(&f->file, bytes);
        end_read(f);
    }
    if (is_written)
        return INPUT_WRITTEN;
    if (!os_describe(&named, in->path))
        return INPUT_GONE;
    if (named.device != in->device || named.inode != in->inode)
        return INPUT_REPLACED;
    *bytes = named.bytes;
    return named.bytes != in->bytes || named.modified != f->file.modified ? INPUT_WRITTEN : INPUT_UNCHANGED;
}

static bool file_near(const input *in, const char *root, const char *path, input **out)
{
    (void)in;
    arena a = {0};
    const char *found = near_find(root, path, &a);
    bool ok = found && os_kind(found) == OS_FILE && file_open(out, found, NULL);
    arena_free(&a);
    return ok;
}

static void file_close(input *in)
{
    close_descriptor(in);
    mem_free(of(in)->memory);
    input_finish(in);
}

const input_backend input_file = {
    .name = "file",
    .is_its = file_is_its,
    .open = file_open,
    .read_at = file_read_at,
    .load = file_load,
    .changed = file_changed,
    .near = file_near,
    .close = file_close,
};
