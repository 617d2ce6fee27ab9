// A library to be preloaded: the system as it is on a bad day. What is asked for by the environment fails:
//   FAULT_SPACE=N        files hold N bytes in all; then the disk is full
//   FAULT_READ=NAME:N    bytes N to N + 4095 of files whose name ends in NAME cannot be read
//   FAULT_SYNC=1         nothing can be brought to the disk
//   FAULT_RENAME=N       the Nth renaming is refused
//   FAULT_MAPPED=N       of the Nth file that is mapped to be written to, no page can be read or written
#define _GNU_SOURCE // pread64, syscall
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { SECTOR = 4096 };

static long long number_of(const char *name)
{
    const char *text = getenv(name);
    return text ? atoll(text) : -1;
}

// How many of `len` bytes there is room for. Standard output and error are elsewhere.
static size_t room_for(int fd, size_t len)
{
    static long long left = -2;
    struct stat st;
    if (left == -2)
        left = number_of("FAULT_SPACE");
    if (left == -1 || fd <= STDERR_FILENO || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        return len;
    long long now = __atomic_fetch_sub(&left, (long long)len, __ATOMIC_RELAXED);
    if (now < 0) {
        __atomic_store_n(&left, 0, __ATOMIC_RELAXED);
        now = 0;
    }
    if ((long long)len <= now)
        return len;
    __atomic_store_n(&left, 0, __ATOMIC_RELAXED);
    return (size_t)now;
}

ssize_t write(int fd, const void *from, size_t len)
{
    size_t capacity = room_for(fd, len);
    if (len && !capacity) {
        errno = ENOSPC;
        return -1;
    }
    return syscall(SYS_write, fd, from, capacity);
}

ssize_t pwrite64(int fd, const void *from, size_t len, off64_t offset)
{
    size_t capacity = room_for(fd, len);
    if (len && !capacity) {
        errno = ENOSPC;
        return -1;
    }
    return syscall(SYS_pwrite64, fd, from, capacity, offset);
}

ssize_t pwrite(int fd, const void *from, size_t len, off_t offset)
{
    return pwrite64(fd, from, len, offset);
}

static int is_bad_file(int fd, const char *wanted, size_t len)
{
    char link[64], path[4096];
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t got = readlink(link, path, sizeof(path));
    return got >= (ssize_t)len && memcmp(path + got - len, wanted, len) == 0;
}

ssize_t pread64(int fd, void *into, size_t len, off64_t offset)
{
    const char *wanted = getenv("FAULT_READ"), *colon = wanted ? strchr(wanted, ':') : NULL;
    if (colon && is_bad_file(fd, wanted, (size_t)(colon - wanted))) {
        off64_t bad = atoll(colon + 1);
        if (offset >= bad && offset < bad + SECTOR) {
            errno = EIO;
            return -1;
        }
        if (offset < bad && offset + (off64_t)len > bad)
            len = (size_t)(bad - offset);
    }
    return syscall(SYS_pread64, fd, into, len, offset);
}

ssize_t pread(int fd, void *into, size_t len, off_t offset)
{
    return pread64(fd, into, len, offset);
}

void *mmap64(void *at, size_t len, int access, int flags, int fd, off64_t offset)
{
    static long long calls;
    void *mapped = (void *)syscall(SYS_mmap, at, len, access, flags, fd, offset);
    if (fd >= 0 && (flags & MAP_SHARED) && (access & PROT_WRITE) && ++calls == number_of("FAULT_MAPPED") &&
        ftruncate(fd, 0) != 0)
        abort();
    return mapped;
}

void *mmap(void *at, size_t len, int access, int flags, int fd, off_t offset)
{
    return mmap64(at, len, access, flags, fd, offset);
}

int fsync(int fd)
{
    if (number_of("FAULT_SYNC") == 1) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_fsync, fd);
}

int renameat(int old_folder, const char *old, int folder, const char *name)
{
    static long long calls;
    if (++calls == number_of("FAULT_RENAME")) {
        errno = EPERM;
        return -1;
    }
    return (int)syscall(SYS_renameat2, old_folder, old, folder, name, 0);
}
