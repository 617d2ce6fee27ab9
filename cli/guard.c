#include "guard.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/map.h"
#include "options.h"
#include "outfile.h"
#include "print.h"

// One lock for all of it, held for moments. Who holds it takes no signal, so that a handler that wants it waits for
// another thread at most, never for the one it interrupted.
static atomic_flag held = ATOMIC_FLAG_INIT;
static _Thread_local bool holding;
static _Thread_local sigset_t mask_before;

static struct {
    map by_identity;
    os_identity *list;
    u32 count, cap;
} reads;

// By folder and name, since one run may have a file for each of thousands of classes. What is written in place has
// none.
enum { LISTS = 4096 };
static outfile *unfinished[LISTS];
static struct {
    char **list; // in the order in which they were made
    u32 count, cap;
} folders;

static struct {
    bool known;
    os_identity file;
} standard[STDERR_FILENO + 1]; // what standard output and error are, where they are files

void guard_hold(void)
{
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &mask_before);
    while (atomic_flag_test_and_set_explicit(&held, memory_order_acquire))
        ;
    holding = true;
}

void guard_release(void)
{
    holding = false;
    atomic_flag_clear_explicit(&held, memory_order_release);
    pthread_sigmask(SIG_SETMASK, &mask_before, NULL);
}

// ---------------------------------------------------------------------------------------------- outputs

static outfile **list_of(const outfile *f)
{
    return &unfinished[f->name ? hash_more(hash_u64((uintptr_t)f->folder), f->name, strlen(f->name)) % LISTS : 0];
}

void guard_add(outfile *f)
{
    outfile **list = list_of(f);
    f->next = *list;
    *list = f;
}

void guard_drop(outfile *f)
{
    for (outfile **at = list_of(f); *at; at = &(*at)->next)
        if (*at == f) {
            *at = f->next;
            return;
        }
}

outfile *guard_alike(const outfile *f)
{
    return *list_of(f);
}

bool guard_make_folder(const char *path, error *e)
{
    guard_hold();
    GROW(folders.list, folders.count, folders.cap);
    bool made = mkdir(path, 0700) == 0;
    int why = errno;
    if (made)
        folders.list[folders.count++] = strcpy(mem_alloc(strlen(path) + 1), path);
    guard_release();
    return made || why == EEXIST || error_set(e, "%s: %s", path, strerror(why));
}

void guard_end_folders(bool keep)
{
    guard_hold();
    for (u32 i = folders.count; i--;) {
        if (!keep)
            rmdir(folders.list[i]);
        mem_free(folders.list[i]);
    }
    mem_free(folders.list);
    memset(&folders, 0, sizeof(folders));
    guard_release();
}

void guard_clean_up(void)
{
    bool nested = holding; // out of memory, or a fault, while this very thread held it
    if (!nested)
        guard_hold();
    for (u32 i = 0; i < LISTS; i++)
        for (const outfile *f = unfinished[i]; f; f = f->next)
            if (f->folder && *f->part)
                unlinkat(f->folder->fd, f->part, 0);
    for (u32 i = folders.count; i--;)
        rmdir(folders.list[i]);
}

static bool same(os_identity a, os_identity b)
{
    return a.device == b.device && a.number == b.number;
}

// Whether an output would change the file.
static bool is_written(os_identity file)
{
    for (u32 i = STDOUT_FILENO; i < COUNT_OF(standard); i++)
        if (standard[i].known && same(standard[i].file, file))
            return true;
    for (u32 i = 0; i < LISTS; i++)
        for (const outfile *f = unfinished[i]; f; f = f->next)
            if (f->exists && !f->request.updates && same(f->old, file))
                return true;
    return false;
}

// ---------------------------------------------------------------------------------------------- what is read

static bool is_item(const void *items, u32 index, const void *key)
{
    return same(((const os_identity *)items)[index], *(const os_identity *)key);
}

static u64 hash_of(os_identity file)
{
    return hash_more(hash_u64(file.device), &file.number, sizeof(file.number));
}

static bool is_read(os_identity file)
{
    return map_find(&reads.by_identity, hash_of(file), is_item, reads.list, &file) != MAP_NONE;
}

bool guard_is_read(os_identity file)
{
    bool nested = holding;
    if (!nested)
        guard_hold();
    bool found = is_read(file);
    if (!nested)
        guard_release();
    return found;
}

static bool is_stderr(os_identity file)
{
    return standard[STDERR_FILENO].known && same(standard[STDERR_FILENO].file, file);
}

// Not a byte was written yet to what is going to be read: end here, whatever else is under way.
static _Noreturn void refuse(const char *path, os_identity file)
{
    guard_clean_up();
    if (!is_stderr(file)) {
        print_hold(NULL);
        print_release();
        print_say("%s is also an output of this run: evidence is never written to", path);
    }
    _exit(EXIT_USAGE);
}

static void on_open(const char *path, os_identity file)
{
    guard_hold();
    bool conflict = is_written(file);
    if (!conflict && !is_read(file)) {
        GROW(reads.list, reads.count, reads.cap);
        reads.list[reads.count] = file;
        map_add(&reads.by_identity, hash_of(file), reads.count++);
    }
    guard_release();
    if (conflict)
        refuse(path, file);
}

void guard_will_read(const char *const *paths, u32 count)
{
    os_identity file;
    for (u32 i = 0; i < count; i++)
        if (paths[i] && os_identify_path(paths[i], &file))
            on_open(paths[i], file);
}

// As an argument, or as the value of an option.
static bool names_stderr(const char *arg)
{
    const char *value = strchr(arg, '=');
    os_identity file;
    return (os_identify_path(arg, &file) && is_stderr(file)) ||
           (value && os_identify_path(value + 1, &file) && is_stderr(file));
}

// A command line may be wrong, and what it names is evidence none the less.
static void spare_stderr(int argc, char **argv)
{
    bool named = false;
    for (int i = 1; i < argc && !named; i++)
        named = names_stderr(argv[i]);
    int nowhere = named ? open("/dev/null", O_WRONLY | O_CLOEXEC) : -1;
    if (nowhere >= 0) {
        dup2(nowhere, STDERR_FILENO);
        close(nowhere);
    }
}

// A closed one would be the next file that is opened, and what is said written into an output. What is written to these
// fails.
static void fill_closed(void)
{
    int fd;
    do
        fd = open("/", O_RDONLY | O_DIRECTORY);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

void guard_begin(int argc, char **argv)
{
    fill_closed();
    for (int fd = STDOUT_FILENO; fd < (int)COUNT_OF(standard); fd++)
        standard[fd].known = os_identify(fd, &standard[fd].file);
    os_on_open = on_open;
    if (!standard[STDERR_FILENO].known)
        return;
    spare_stderr(argc, argv);
    print_keep();
}
