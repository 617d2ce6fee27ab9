#define _GNU_SOURCE // madvise, mallopt, mremap, mkostemp
#include "base/os.h"

#ifndef _WIN32
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "base/arena.h"

static i64 modified(const struct stat *st)
{
    return S_ISREG(st->st_mode) ? (i64)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec : 0;
}

void (*os_on_open)(const char *path, os_identity file);

static bool identity(const struct stat *st, os_identity *out)
{
    if (S_ISREG(st->st_mode))
        *out = (os_identity){(u64)st->st_dev, (u64)st->st_ino};
    else if (S_ISBLK(st->st_mode))
        *out = (os_identity){UINT64_MAX, (u64)st->st_rdev};
    else
        return false;
    return true;
}

bool os_identify(int fd, os_identity *out)
{
    struct stat st;
    return fstat(fd, &st) == 0 && identity(&st, out);
}

bool os_identify_path(const char *path, os_identity *out)
{
    struct stat st;
    return stat(path, &st) == 0 && identity(&st, out);
}

static bool check_opened(int fd, const char *path, struct stat *st, error *e)
{
    if (fstat(fd, st) != 0)
        return error_errno_set(e, errno, "%s", path);
    if (S_ISDIR(st->st_mode))
        return error_code_set(e, ERR_NOT_A_FILE, "%s: is a folder, not a trace file", path);
    if (!S_ISREG(st->st_mode) && !S_ISBLK(st->st_mode))
        return error_code_set(e, ERR_NOT_A_FILE, "%s: is not a regular file", path);
    off_t end = lseek(fd, 0, SEEK_END);
    if (end < 0)
        return error_errno_set(e, errno, "%s", path);
    st->st_size = end; // of a block device too
    return true;
}

static void describe(os_file *f, const struct stat *st)
{
    f->bytes = (u64)st->st_size;
    f->modified = modified(st);
    f->device = (u64)st->st_dev;
    f->inode = (u64)st->st_ino;
}

bool os_describe(os_file *f, const char *path)
{
    struct stat st;
    *f = (os_file){.fd = -1};
    if (stat(path, &st) != 0)
        return false;
    describe(f, &st);
    return true;
}

bool os_open_to_look(os_file *f, const char *path, error *e)
{
    f->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); // a pipe without a writer must not keep us waiting
    if (f->fd < 0)
        return error_errno_set(e, errno, "%s", path);
    struct stat st;
    if (!check_opened(f->fd, path, &st, e)) {
        close(f->fd);
        return false;
    }
    describe(f, &st);
    return true;
}

void os_will_read(const os_file *f, const char *path)
{
    os_identity file;
    if (os_on_open && os_identify(f->fd, &file))
        os_on_open(path, file);
}

bool os_open(os_file *f, const char *path, error *e)
{
    if (!os_open_to_look(f, path, e))
        return false;
    os_will_read(f, path);
    return true;
}

static os_kind_of kind_of(const struct stat *st)
{
    return S_ISDIR(st->st_mode) ? OS_FOLDER : S_ISREG(st->st_mode) || S_ISBLK(st->st_mode) ? OS_FILE : OS_STREAM;
}

os_kind_of os_kind(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? kind_of(&st) : OS_MISSING;
}

os_kind_of os_kind_of_entry(const char *path)
{
    struct stat st;
    if (lstat(path, &st) != 0)
        return OS_MISSING;
    return S_ISBLK(st.st_mode) ? OS_STREAM : kind_of(&st);
}

void *os_library_open(const char *name)
{
    mem_watch_begin();
    void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (!library)
        mem_watch_end();
    const char *why = library ? NULL : dlerror();
    if (why && strstr(why, "memory")) // the loader's "out of memory", "Cannot allocate memory"
        mem_run_out(0);
    return library;
}

bool os_library_symbol(void *library, const char *name, void *function, size_t size)
{
    void *symbol = library ? dlsym(library, name) : NULL;
    memcpy(function, &symbol, size < sizeof(symbol) ? size : sizeof(symbol));
    return symbol != NULL;
}

int os_open_stream(const char *path, error *e)
{
    int fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
    os_identity file;
    if (fd < 0)
        error_errno_set(e, errno, "%s", path);
    else if (os_on_open && os_identify(fd, &file)) // standard input may be a file
        os_on_open(path, file);
    return fd;
}

void os_close_stream(int fd)
{
    close(fd);
}

size_t os_read(int fd, void *into, size_t len, bool *failed)
{
    ssize_t got;
    do
        got = read(fd, into, len);
    while (got < 0 && errno == EINTR);
    *failed = got < 0;
    return got > 0 ? (size_t)got : 0;
}

bool os_temporary_file(os_file *f, error *e)
{
    const char *folder = getenv("TMPDIR");
    char path[4096];
    if (!folder || !*folder)
        folder = "/tmp";
    *f = (os_file){.fd = -1};
#ifdef O_TMPFILE
    f->fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600); // it never has a name
    if (f->fd >= 0)
        return true;
#endif
    if (snprintf(path, sizeof(path), "%s/etwkit-XXXXXX", folder) >= (int)sizeof(path))
        return error_set(e, "TMPDIR: the folder's name is too long");
    f->fd = mkostemp(path, O_CLOEXEC);
    if (f->fd < 0)
        return error_errno_set(e, errno, "%s: no temporary file can be made", folder);
    unlink(path);
    return true;
}

bool os_write_at(const os_file *f, u64 offset, const void *bytes, size_t len, error *e)
{
    for (size_t done = 0; done < len;) {
        ssize_t put = pwrite(f->fd, (const u8 *)bytes + done, len - done, (off_t)(offset + done));
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return error_errno_set(e, put < 0 ? errno : ENOSPC, "the temporary file");
        done += (size_t)put;
    }
    return true;
}

bool os_changed(const os_file *f, u64 *bytes)
{
    struct stat st;
    *bytes = f->bytes;
    if (fstat(f->fd, &st) != 0 || !S_ISREG(st.st_mode))
        return false;
    *bytes = (u64)st.st_size;
    return *bytes != f->bytes || modified(&st) != f->modified;
}

void os_close(os_file *f)
{
    if (f->fd >= 0)
        close(f->fd);
    f->fd = -1;
}

size_t os_read_at(const os_file *f, u64 offset, void *into, size_t len, bool *failed)
{
    size_t done = 0;
    while (done < len) {
        ssize_t got = pread(f->fd, (u8 *)into + done, len - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            *failed = true;
        if (got <= 0)
            break;
        done += (size_t)got;
    }
    return done;
}

bool os_is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

bool os_exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0;
}

u64 os_size(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) ? (u64)st.st_size : 0;
}

bool os_same_file(const char *a, const char *b)
{
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void close_folder(void *held)
{
    closedir(*(DIR **)held);
}

// All names of an open folder, sorted.
static char **read_names(DIR *folder, const char *path, arena *names, u32 *count)
{
    char **list = NULL;
    u32 cap = 0;
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        GROW(list, *count, cap);
        list[(*count)++] = arena_format(names, "%s/%s", path, entry->d_name);
    }
    if (*count)
        qsort(list, *count, sizeof(*list), by_name);
    return list;
}

bool os_list_folder(const char *path, bool (*visit)(void *context, const char *path), void *context, error *e)
{
    DIR **held = mem_alloc(sizeof(DIR *)), *folder = opendir(path);
    if (!folder) {
        error_errno_set(e, errno, "%s", path);
        mem_free(held);
        return false;
    }
    *held = folder;
    mem_on_discard(held, close_folder);
    arena names = {0};
    u32 count = 0;
    char **list = read_names(folder, path, &names, &count);
    closedir(folder);
    mem_free(held);
    for (u32 i = 0; i < count; i++)
        if (!visit(context, list[i]))
            break;
    mem_free(list);
    arena_free(&names);
    return true;
}

enum { LARGE_PAGE = 2 << 20, PAGE = 4096 };

void os_touch(void *at, size_t bytes)
{
#ifdef __linux__
    enum { POPULATE_WRITE = 23 }; // MADV_POPULATE_WRITE, of Linux 5.14; older headers do not name it
    size_t skip = (size_t)(-(uintptr_t)at & (PAGE - 1));
#ifdef MADV_HUGEPAGE
    if (bytes >= LARGE_PAGE)
        madvise((u8 *)at + skip, (bytes - skip) & ~(size_t)(PAGE - 1), MADV_HUGEPAGE);
#endif
    if (bytes >= skip + PAGE)
        madvise((u8 *)at + skip, (bytes - skip) & ~(size_t)(PAGE - 1), POPULATE_WRITE);
#else
    (void)at, (void)bytes;
#endif
}

static size_t to_large_page(const void *at)
{
    return (size_t)(-(uintptr_t)at & (LARGE_PAGE - 1));
}

// Room at the start of a large page.
static u8 *large_block(size_t bytes)
{
    void *block = mmap(NULL, bytes + LARGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (block == MAP_FAILED)
        return NULL;
    size_t before = to_large_page(block);
    u8 *aligned = (u8 *)block + before;
    if (before)
        munmap(block, before);
    if (before < LARGE_PAGE)
        munmap(aligned + bytes, LARGE_PAGE - before);
    return aligned;
}

void *os_large_block(size_t bytes)
{
    u8 *block = large_block(bytes);
    if (block)
        os_touch(block, bytes);
    return block;
}

void *os_large_grow(void *block, size_t bytes, size_t wanted)
{
    u8 *grown = large_block(wanted);
    if (!grown)
        return NULL;
#ifdef MREMAP_FIXED
    if (mremap(block, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, grown) == MAP_FAILED) {
        munmap(grown, wanted);
        return NULL;
    }
#else
    memcpy(grown, block, bytes);
    munmap(block, bytes);
#endif
    os_touch(grown + bytes, wanted - bytes);
    return grown;
}

void os_large_free(void *block, size_t bytes)
{
    if (block)
        munmap(block, bytes);
}

bool os_paged_grow(os_paged *p, size_t bytes)
{
#ifdef MREMAP_MAYMOVE
    error e = {0};
    if (!p->bytes && !os_temporary_file(&p->file, &e))
        return false;
    // Space that is promised: a page that finds none when it is written to would end the process.
    void *at = MAP_FAILED;
    if (posix_fallocate(p->file.fd, (off_t)p->bytes, (off_t)(bytes - p->bytes)) == 0)
        at = p->bytes ? mremap(p->at, p->bytes, bytes, MREMAP_MAYMOVE)
                      : mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, p->file.fd, 0);
    if (at == MAP_FAILED) {
        if (!p->bytes)
            close(p->file.fd);
        return false;
    }
    p->at = at;
    p->bytes = bytes;
    return true;
#else
    (void)p, (void)bytes;
    return false;
#endif
}

void os_paged_seal(os_paged *p)
{
    if (p->bytes && p->file.fd >= 0)
        close(p->file.fd);
    p->file.fd = -1;
}

void os_paged_release(const os_paged *p, size_t from, size_t to)
{
    if (to > from)
        madvise((u8 *)p->at + from, to - from, MADV_DONTNEED);
}

void os_paged_free(os_paged *p)
{
    os_paged_seal(p);
    if (p->bytes)
        munmap(p->at, p->bytes);
    *p = (os_paged){0};
}

void os_expect_memory(size_t bytes)
{
#ifdef __GLIBC__
    enum { KEPT = 32 << 20 };
    mallopt(M_ARENA_MAX, 1);
    mallopt(M_TRIM_THRESHOLD, KEPT);
    mallopt(M_MMAP_THRESHOLD, KEPT);
    size_t whole = (bytes + LARGE_PAGE - 1) & ~(size_t)(LARGE_PAGE - 1);
    u8 *block = malloc(whole + LARGE_PAGE);
    if (!block)
        return;
    // What lies before the first large page is kept from use, so that the heap goes on in prepared pages.
    static void *in_front;
    size_t before = to_large_page(block);
    os_touch(block + before, whole);
    free(block);
    free(in_front);
    in_front = malloc(before);
    mallopt(M_MMAP_THRESHOLD, OS_MOVED_BYTES); // what grows beyond that moves its pages, not their contents
#else
    (void)bytes;
#endif
}

unsigned os_processors(void)
{
#ifdef __linux__
    // Those this process may run on, and without opening a file, which sysconf takes 0.3 ms for.
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) > 0)
        return (unsigned)CPU_COUNT(&set);
#endif
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n > 0 ? (unsigned)n : 1;
}

unsigned os_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > UINT16_MAX)
        return UINT16_MAX;
    return (unsigned)limit.rlim_cur;
}

bool os_random(void *into, size_t len)
{
    return getentropy(into, len) == 0;
}

double os_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

i64 os_filetime(void)
{
    enum { TICKS = 10 * 1000 * 1000 };
    const i64 unix_epoch = 116444736000000000;
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return unix_epoch + (i64)t.tv_sec * TICKS + t.tv_nsec / 100;
}

char *os_cache_folder(void)
{
    const char *base = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    bool own = base && base[0] == '/';
    if (!own && !(home && home[0] == '/'))
        return NULL;
    size_t capacity = strlen(own ? base : home) + 32;
    char *path = mem_alloc(capacity);
    snprintf(path, capacity, "%s%s/etwkit", own ? base : home, own ? "" : "/.cache");
    return path;
}

bool os_make_folder_of(const char *path, error *e)
{
    size_t len = strlen(path);
    char *copy = memcpy(mem_alloc(len + 1), path, len + 1);
    bool ok = true;
    for (char *slash = strchr(copy + 1, '/'); slash && ok; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        if (mkdir(copy, 0777) != 0 && errno != EEXIST)
            ok = error_errno_set(e, errno, "%s", copy);
        *slash = '/';
    }
    mem_free(copy);
    return ok;
}

bool os_rename(const char *from, const char *to, error *e)
{
    return rename(from, to) == 0 || error_errno_set(e, errno, "%s", to);
}

void os_remove(const char *path)
{
    unlink(path);
}

bool os_is_terminal(int fd)
{
    return isatty(fd) == 1;
}

u32 os_terminal_columns(int fd)
{
    struct winsize size;
    return ioctl(fd, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}
#endif
