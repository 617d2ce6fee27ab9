#include "base/sqlite_fd.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SECTOR_BYTES = 4096 };

static const char NAME[] = "etwkit descriptor";

typedef struct fd_file {
    sqlite3_file base;
    int fd;
} fd_file;

static int fd_of(sqlite3_file *file)
{
    return ((fd_file *)(void *)file)->fd;
}

// ---------------------------------------------------------------------------------------------- one open file

static int file_close(sqlite3_file *file)
{
    (void)file;
    return SQLITE_OK;
}

static int file_read(sqlite3_file *file, void *into, int len, sqlite3_int64 offset)
{
    int done = 0;
    while (done < len) {
        ssize_t got = pread(fd_of(file), (u8 *)into + done, (size_t)(len - done), offset + done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return SQLITE_IOERR_READ;
        if (got == 0)
            break;
        done += (int)got;
    }
    if (done == len)
        return SQLITE_OK;
    memset((u8 *)into + done, 0, (size_t)(len - done));
    return SQLITE_IOERR_SHORT_READ;
}

static int file_write(sqlite3_file *file, const void *from, int len, sqlite3_int64 offset)
{
    int done = 0;
    while (done < len) {
        ssize_t put = pwrite(fd_of(file), (const u8 *)from + done, (size_t)(len - done), offset + done);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return errno == ENOSPC ? SQLITE_FULL : SQLITE_IOERR_WRITE;
        done += (int)put;
    }
    return SQLITE_OK;
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 bytes)
{
    return ftruncate(fd_of(file), bytes) == 0 ? SQLITE_OK : SQLITE_IOERR_TRUNCATE;
}

// The owner of the descriptor decides when what was written must be on the disk.
static int file_sync(sqlite3_file *file, int flags)
{
    (void)file, (void)flags;
    return SQLITE_OK;
}

static int file_size(sqlite3_file *file, sqlite3_int64 *bytes)
{
    struct stat st;
    if (fstat(fd_of(file), &st) != 0)
        return SQLITE_IOERR_FSTAT;
    *bytes = st.st_size;
    return SQLITE_OK;
}

static int file_lock(sqlite3_file *file, int level)
{
    (void)file, (void)level;
    return SQLITE_OK;
}

static int file_is_reserved(sqlite3_file *file, int *reserved)
{
    (void)file;
    *reserved = 0;
    return SQLITE_OK;
}

static int file_control(sqlite3_file *file, int what, void *argument)
{
    (void)file, (void)what, (void)argument;
    return SQLITE_NOTFOUND;
}

static int file_sector(sqlite3_file *file)
{
    (void)file;
    return SECTOR_BYTES;
}

static int file_traits(sqlite3_file *file)
{
    (void)file;
    return 0;
}

static const sqlite3_io_methods file_methods = {
    .iVersion = 1,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_lock,
    .xCheckReservedLock = file_is_reserved,
    .xFileControl = file_control,
    .xSectorSize = file_sector,
    .xDeviceCharacteristics = file_traits,
};

// ---------------------------------------------------------------------------------------------- the file system

static sqlite3_vfs *system_vfs; // for time, random numbers, temporary files

// A database's name is its descriptor's number. What has no name is a temporary file; no other file is made.
static int vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *flags_out)
{
    (void)vfs;
    if (!name)
        return system_vfs->xOpen(system_vfs, NULL, file, flags, flags_out);
    fd_file *f = (fd_file *)(void *)file;
    f->base.pMethods = NULL;
    if (!(flags & SQLITE_OPEN_MAIN_DB))
        return SQLITE_CANTOPEN;
    *f = (fd_file){{&file_methods}, atoi(name)};
    if (flags_out)
        *flags_out = flags;
    return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
    (void)vfs, (void)name, (void)sync;
    return SQLITE_IOERR_DELETE_NOENT;
}

static int vfs_access(sqlite3_vfs *vfs, const char *name, int flags, int *found)
{
    (void)vfs, (void)name, (void)flags;
    *found = 0;
    return SQLITE_OK;
}

static int vfs_full_name(sqlite3_vfs *vfs, const char *name, int len, char *full)
{
    (void)vfs;
    snprintf(full, (size_t)len, "%s", name);
    return SQLITE_OK;
}

// Once a process, by whichever thread comes first.
static int register_vfs(void)
{
    static sqlite3_vfs vfs;
    int code = sqlite3_initialize();
    if (code != SQLITE_OK)
        return code;
    sqlite3_mutex *lock = sqlite3_mutex_alloc(SQLITE_MUTEX_STATIC_APP1);
    sqlite3_mutex_enter(lock);
    if (!vfs.zName) {
        system_vfs = sqlite3_vfs_find(NULL);
        vfs = *system_vfs;
        vfs.zName = NAME;
        vfs.pNext = NULL;
        if (vfs.szOsFile < (int)sizeof(fd_file))
            vfs.szOsFile = (int)sizeof(fd_file);
        vfs.xOpen = vfs_open;
        vfs.xDelete = vfs_delete;
        vfs.xAccess = vfs_access;
        vfs.xFullPathname = vfs_full_name;
        code = sqlite3_vfs_register(&vfs, 0);
    }
    sqlite3_mutex_leave(lock);
    return code;
}

static int stop(void *context)
{
    (void)context;
    return 1;
}

void sqlite_fd_bound(sqlite3 *db, u64 steps)
{
    sqlite3_progress_handler(db, steps < INT_MAX ? (int)steps : INT_MAX, stop, NULL);
}

const char *sqlite_fd_error(sqlite3 *db, int code)
{
    if (!db)
        return "out of memory";
    if (sqlite3_errcode(db) == SQLITE_OK)
        return sqlite3_errstr(code);
    int system = sqlite3_system_errno(db);
    code = sqlite3_errcode(db);
    if (code == SQLITE_FULL && !system)
        system = ENOSPC;
    bool of_system = code == SQLITE_FULL || code == SQLITE_IOERR || code == SQLITE_CANTOPEN;
    return of_system && system ? strerror(system) : sqlite3_errmsg(db);
}

int sqlite_fd_open(int fd, bool writable, sqlite3 **db)
{
    char name[48];
    *db = NULL;
    int code = register_vfs();
    if (code != SQLITE_OK)
        return code;
    // What is only read never changes: not even a database left in WAL mode makes SQLite look for other files.
    snprintf(name, sizeof(name), "file:%d%s", fd, writable ? "" : "?immutable=1");
    int flags = SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX | (writable ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY);
    return sqlite3_open_v2(name, db, flags, NAME);
}
