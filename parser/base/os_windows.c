#include "base/os.h"

#ifdef _WIN32
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
#include <ntsecapi.h>

#include <errno.h>
#include <fcntl.h>
#include <io.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/arena.h"

// Paths are UTF-8 everywhere in the project; Windows wants UTF-16. The caller frees.
static wchar_t *wide_path(const char *path)
{
    int len = MultiByteToWideChar(CP_UTF8, 0, path, -1, NULL, 0);
    wchar_t *wide = mem_zeroed((size_t)(len > 0 ? len : 1), sizeof(*wide));
    if (len > 0)
        MultiByteToWideChar(CP_UTF8, 0, path, -1, wide, len);
    return wide;
}

static char *utf8_path(const wchar_t *wide)
{
    int len = WideCharToMultiByte(CP_UTF8, 0, wide, -1, NULL, 0, NULL, NULL);
    char *path = mem_zeroed((size_t)(len > 0 ? len : 1), 1);
    if (len > 0)
        WideCharToMultiByte(CP_UTF8, 0, wide, -1, path, len, NULL, NULL);
    return path;
}

// The system's sentence for an error, without its line end.
static const char *why(DWORD code, char text[256])
{
    wchar_t wide[256] = {0};
    DWORD flags = FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS;
    DWORD len = FormatMessageW(flags, NULL, code, 0, wide, 255, NULL);
    while (len && (wide[len - 1] == L'\n' || wide[len - 1] == L'\r' || wide[len - 1] == L'.'))
        wide[--len] = 0;
    if (!len || !WideCharToMultiByte(CP_UTF8, 0, wide, -1, text, 256, NULL, NULL))
        snprintf(text, 256, "error %lu", (unsigned long)code);
    return text;
}

static error_code code_of(DWORD code)
{
    switch (code) {
    case ERROR_FILE_NOT_FOUND:
    case ERROR_PATH_NOT_FOUND:
        return ERR_MISSING;
    case ERROR_ACCESS_DENIED:
    case ERROR_SHARING_VIOLATION:
        return ERR_PERMISSION;
    case ERROR_NOT_ENOUGH_MEMORY:
        return ERR_MEMORY;
    case ERROR_DISK_FULL:
        return ERR_SPACE;
    default:
        return ERR_IO;
    }
}

// "what: the system's sentence"; always false.
static bool fail(error *e, const char *what, DWORD code)
{
    char text[256];
    return error_code_set(e, code_of(code), "%s: %s", what, why(code, text));
}

static HANDLE handle_of(const os_file *f)
{
    return (HANDLE)_get_osfhandle(f->fd);
}

static i64 modified(HANDLE h)
{
    FILETIME written;
    if (!GetFileTime(h, NULL, NULL, &written))
        return 0;
    return (i64)((u64)written.dwHighDateTime << 32 | written.dwLowDateTime);
}

bool os_open(os_file *f, const char *path, error *e)
{
    wchar_t *wide = wide_path(path);
    // Others may write and delete: evidence is never locked.
    HANDLE h = CreateFileW(wide, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL,
                           OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, NULL);
    DWORD code = GetLastError();
    mem_free(wide);
    if (h == INVALID_HANDLE_VALUE) {
        if (os_is_folder(path))
            return error_code_set(e, ERR_NOT_A_FILE, "%s: is a folder, not a trace file", path);
        return fail(e, path, code);
    }
    LARGE_INTEGER size;
    if (!GetFileSizeEx(h, &size)) {
        code = GetLastError();
        CloseHandle(h);
        return fail(e, path, code);
    }
    BY_HANDLE_FILE_INFORMATION which = {0};
    (void)GetFileInformationByHandle(h, &which);
    f->bytes = (u64)size.QuadPart;
    f->modified = modified(h);
    f->device = which.dwVolumeSerialNumber;
    f->inode = (u64)which.nFileIndexHigh << 32 | which.nFileIndexLow;
    f->fd = _open_osfhandle((intptr_t)h, _O_RDONLY | _O_BINARY);
    return f->fd >= 0 || error_code_set(e, ERR_LIMIT, "%s: too many open files", path);
}

os_kind_of os_kind(const char *path)
{
    wchar_t *wide = wide_path(path);
    DWORD attributes = GetFileAttributesW(wide);
    mem_free(wide);
    if (strncmp(path, "\\\\.\\pipe\\", 9) == 0)
        return OS_STREAM;
    if (attributes == INVALID_FILE_ATTRIBUTES)
        return OS_MISSING;
    return attributes & FILE_ATTRIBUTE_DIRECTORY ? OS_FOLDER : OS_FILE;
}

os_kind_of os_kind_of_entry(const char *path)
{
    wchar_t *wide = wide_path(path);
    DWORD attributes = GetFileAttributesW(wide);
    mem_free(wide);
    return attributes != INVALID_FILE_ATTRIBUTES && (attributes & FILE_ATTRIBUTE_REPARSE_POINT) ? OS_STREAM
                                                                                                : os_kind(path);
}

bool os_describe(os_file *f, const char *path)
{
    if (!os_open(f, path, NULL))
        return false;
    os_close(f);
    return true;
}

void os_will_read(const os_file *f, const char *path)
{
    (void)f, (void)path;
}

void *os_library_open(const char *name)
{
    return (void *)LoadLibraryA(name);
}

bool os_library_symbol(void *library, const char *name, void *function, size_t size)
{
    FARPROC symbol = library ? GetProcAddress(library, name) : NULL;
    memcpy(function, &symbol, size < sizeof(symbol) ? size : sizeof(symbol));
    return symbol != NULL;
}

int os_open_stream(const char *path, error *e)
{
    int fd;
    if (strcmp(path, "-") == 0) {
        fd = _dup(0);
        if (fd >= 0)
            _setmode(fd, _O_BINARY);
    } else {
        wchar_t *wide = wide_path(path);
        fd = _wopen(wide, _O_RDONLY | _O_BINARY);
        mem_free(wide);
    }
    if (fd < 0)
        error_errno_set(e, errno, "%s", path);
    return fd;
}

void os_close_stream(int fd)
{
    _close(fd);
}

size_t os_read(int fd, void *into, size_t len, bool *failed)
{
    int got = _read(fd, into, len < 1u << 30 ? (unsigned)len : 1u << 30);
    *failed = got < 0;
    return got > 0 ? (size_t)got : 0;
}

bool os_temporary_file(os_file *f, error *e)
{
    wchar_t folder[MAX_PATH + 1], path[MAX_PATH + 1];
    *f = (os_file){.fd = -1};
    if (!GetTempPathW(MAX_PATH, folder) || !GetTempFileNameW(folder, L"etw", 0, path))
        return fail(e, "no temporary file can be made", GetLastError());
    HANDLE h = CreateFileW(path, GENERIC_READ | GENERIC_WRITE, 0, NULL, CREATE_ALWAYS,
                           FILE_ATTRIBUTE_TEMPORARY | FILE_FLAG_DELETE_ON_CLOSE, NULL);
    if (h == INVALID_HANDLE_VALUE)
        return fail(e, "no temporary file can be made", GetLastError());
    f->fd = _open_osfhandle((intptr_t)h, _O_RDWR | _O_BINARY);
    return f->fd >= 0 || error_code_set(e, ERR_LIMIT, "too many open files");
}

bool os_write_at(const os_file *f, u64 offset, const void *bytes, size_t len, error *e)
{
    for (size_t done = 0; done < len;) {
        u64 at = offset + done;
        OVERLAPPED where = {.Offset = (DWORD)at, .OffsetHigh = (DWORD)(at >> 32)};
        DWORD want = len - done < 1u << 30 ? (DWORD)(len - done) : 1u << 30, put = 0;
        if (!WriteFile(handle_of(f), (const u8 *)bytes + done, want, &put, &where) || !put)
            return fail(e, "the temporary file", GetLastError());
        done += put;
    }
    return true;
}

bool os_open_to_look(os_file *f, const char *path, error *e)
{
    return os_open(f, path, e);
}

bool os_changed(const os_file *f, u64 *bytes)
{
    LARGE_INTEGER size;
    *bytes = f->bytes;
    if (!GetFileSizeEx(handle_of(f), &size))
        return false;
    *bytes = (u64)size.QuadPart;
    return *bytes != f->bytes || modified(handle_of(f)) != f->modified;
}

void os_close(os_file *f)
{
    if (f->fd >= 0)
        _close(f->fd);
    f->fd = -1;
}

size_t os_read_at(const os_file *f, u64 offset, void *into, size_t len, bool *failed)
{
    size_t done = 0;
    while (done < len) {
        u64 at = offset + done;
        OVERLAPPED where = {0};
        where.Offset = (DWORD)at;
        where.OffsetHigh = (DWORD)(at >> 32);
        DWORD want = len - done < (1u << 30) ? (DWORD)(len - done) : 1u << 30, got = 0;
        if (!ReadFile(handle_of(f), (u8 *)into + done, want, &got, &where) && GetLastError() != ERROR_HANDLE_EOF) {
            errno = EIO;
            *failed = true;
        }
        if (got == 0)
            break;
        done += got;
    }
    return done;
}

static DWORD attributes_of(const char *path)
{
    wchar_t *wide = wide_path(path);
    DWORD attributes = GetFileAttributesW(wide);
    mem_free(wide);
    return attributes;
}

bool os_is_folder(const char *path)
{
    DWORD attributes = attributes_of(path);
    return attributes != INVALID_FILE_ATTRIBUTES && (attributes & FILE_ATTRIBUTE_DIRECTORY);
}

bool os_exists(const char *path)
{
    return attributes_of(path) != INVALID_FILE_ATTRIBUTES;
}

u64 os_size(const char *path)
{
    wchar_t *wide = wide_path(path);
    WIN32_FILE_ATTRIBUTE_DATA data;
    bool ok = GetFileAttributesExW(wide, GetFileExInfoStandard, &data) != 0;
    mem_free(wide);
    return ok ? (u64)data.nFileSizeHigh << 32 | data.nFileSizeLow : 0;
}

static bool identity(const char *path, BY_HANDLE_FILE_INFORMATION *info)
{
    wchar_t *wide = wide_path(path);
    HANDLE h = CreateFileW(wide, 0, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL, OPEN_EXISTING,
                           FILE_FLAG_BACKUP_SEMANTICS, NULL);
    mem_free(wide);
    bool ok = h != INVALID_HANDLE_VALUE && GetFileInformationByHandle(h, info);
    if (h != INVALID_HANDLE_VALUE)
        CloseHandle(h);
    return ok;
}

bool os_same_file(const char *a, const char *b)
{
    BY_HANDLE_FILE_INFORMATION x, y;
    return identity(a, &x) && identity(b, &y) && x.dwVolumeSerialNumber == y.dwVolumeSerialNumber &&
           x.nFileIndexHigh == y.nFileIndexHigh && x.nFileIndexLow == y.nFileIndexLow;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void close_search(void *held)
{
    FindClose(*(HANDLE *)held);
}

bool os_list_folder(const char *path, bool (*visit)(void *context, const char *path), void *context, error *e)
{
    arena names = {0};
    char **list = NULL;
    u32 count = 0, cap = 0;
    wchar_t *pattern = wide_path(arena_format(&names, "%s/*", path));
    WIN32_FIND_DATAW found;
    HANDLE *held = mem_alloc(sizeof(*held)), h = FindFirstFileW(pattern, &found);
    DWORD code = GetLastError();
    mem_free(pattern);
    if (h == INVALID_HANDLE_VALUE) {
        mem_free(held);
        arena_free(&names);
        return fail(e, path, code);
    }
    *held = h;
    mem_on_discard(held, close_search);
    do {
        char *name = utf8_path(found.cFileName);
        if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0) {
            GROW(list, count, cap);
            list[count++] = arena_format(&names, "%s/%s", path, name);
        }
        mem_free(name);
    } while (FindNextFileW(h, &found));
    FindClose(h);
    mem_free(held);
    if (count)
        qsort(list, count, sizeof(*list), by_name);
    for (u32 i = 0; i < count; i++)
        if (!visit(context, list[i]))
            break;
    mem_free(list);
    arena_free(&names);
    return true;
}

void *os_large_block(size_t bytes)
{
    return malloc(bytes);
}

void os_large_free(void *block, size_t bytes)
{
    (void)bytes;
    free(block);
}

void *os_large_grow(void *block, size_t bytes, size_t wanted)
{
    (void)bytes;
    return realloc(block, wanted);
}

// Memory is paged to the system's own file.
bool os_paged_grow(os_paged *p, size_t bytes)
{
    (void)p, (void)bytes;
    return false;
}

void os_paged_seal(os_paged *p)
{
    (void)p;
}

void os_paged_release(const os_paged *p, size_t from, size_t to)
{
    (void)p, (void)from, (void)to;
}

void os_paged_free(os_paged *p)
{
    (void)p;
}

void os_touch(void *at, size_t bytes)
{
    (void)at, (void)bytes;
}

void os_expect_memory(size_t bytes)
{
    (void)bytes;
}

unsigned os_processors(void)
{
    SYSTEM_INFO info;
    GetSystemInfo(&info);
    return info.dwNumberOfProcessors ? info.dwNumberOfProcessors : 1;
}

unsigned os_descriptors(void)
{
    return (unsigned)_getmaxstdio();
}

bool os_random(void *into, size_t len)
{
    return RtlGenRandom(into, (ULONG)len);
}

double os_seconds(void)
{
    LARGE_INTEGER now, frequency;
    QueryPerformanceCounter(&now);
    QueryPerformanceFrequency(&frequency);
    return (double)now.QuadPart / (double)frequency.QuadPart;
}

i64 os_filetime(void)
{
    FILETIME now;
    GetSystemTimePreciseAsFileTime(&now);
    return (i64)((u64)now.dwHighDateTime << 32 | now.dwLowDateTime);
}

char *os_cache_folder(void)
{
    const wchar_t *base = _wgetenv(L"LOCALAPPDATA");
    if (!base)
        return NULL;
    char *folder = utf8_path(base);
    size_t capacity = strlen(folder) + 16;
    char *path = mem_alloc(capacity);
    snprintf(path, capacity, "%s/etwkit", folder);
    mem_free(folder);
    return path;
}

bool os_make_folder_of(const char *path, error *e)
{
    size_t len = strlen(path);
    char *copy = memcpy(mem_alloc(len + 1), path, len + 1);
    bool ok = true;
    for (size_t i = 1; i < len && ok; i++) {
        if ((copy[i] != '/' && copy[i] != '\\') || copy[i - 1] == ':')
            continue;
        char sign = copy[i];
        copy[i] = 0;
        wchar_t *wide = wide_path(copy);
        if (!CreateDirectoryW(wide, NULL) && GetLastError() != ERROR_ALREADY_EXISTS && !os_is_folder(copy))
            ok = fail(e, copy, GetLastError());
        mem_free(wide);
        copy[i] = sign;
    }
    mem_free(copy);
    return ok;
}

bool os_rename(const char *from, const char *to, error *e)
{
    wchar_t *a = wide_path(from), *b = wide_path(to);
    bool ok = MoveFileExW(a, b, MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH);
    DWORD code = GetLastError();
    mem_free(a);
    mem_free(b);
    return ok || fail(e, to, code);
}

void os_remove(const char *path)
{
    wchar_t *wide = wide_path(path);
    DeleteFileW(wide);
    mem_free(wide);
}

bool os_is_terminal(int fd)
{
    return _isatty(fd) != 0;
}

u32 os_terminal_columns(int fd)
{
    (void)fd;
    return 0;
}
#endif
