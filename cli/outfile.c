#define _XOPEN_SOURCE 700 // realpath
#include "outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "packing.h"
#include "guard.h"
#include "output.h"

enum { PERMISSIONS = 0777, ATTEMPTS = 16 };

static bool failed(const outfile *f, error *e)
{
    return error_set(e, "%s: %s", f->path, strerror(errno));
}

// ---------------------------------------------------------------------------------------------- folders

static os_identity identity_of(const struct stat *st)
{
    return (os_identity){(u64)st->st_dev, (u64)st->st_ino};
}

static bool same(os_identity a, os_identity b)
{
    return a.device == b.device && a.number == b.number;
}

// Of unfinished files, which may be one for each of thousands of providers; holding the guard.
enum { LISTS = 1024 };
static outfile_folder *folders[LISTS];

static outfile_folder *folder_in_use(os_identity id)
{
    for (outfile_folder *f = folders[id.number % LISTS]; f; f = f->next)
        if (same(f->id, id))
            return f;
    return NULL;
}

// A folder may let files be made and not be readable: then nothing but its own sync is missing.
static int folder_descriptor(const char *path, bool *can_sync)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    *can_sync = fd >= 0;
#ifdef O_PATH
    if (fd < 0 && errno == EACCES)
        fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
#endif
    return fd;
}

// One descriptor for all unfinished files of a folder.
static outfile_folder *folder_open(const char *path)
{
    struct stat st;
    bool can_sync;
    int fd = folder_descriptor(path, &can_sync);
    if (fd < 0 || fstat(fd, &st) != 0) {
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    outfile_folder *made = mem_zeroed(1, sizeof(*made));
    *made = (outfile_folder){NULL, fd, identity_of(&st), 1, can_sync};
    guard_hold();
    outfile_folder *other = folder_in_use(made->id);
    if (other) {
        other->users++;
    } else {
        made->next = folders[made->id.number % LISTS];
        folders[made->id.number % LISTS] = made;
    }
    guard_release();
    if (!other)
        return made;
    close(fd);
    mem_free(made);
    return other;
}

// Holding the guard: false where others still use it.
static bool folder_let_go(outfile_folder *folder)
{
    if (!folder || --folder->users)
        return false;
    for (outfile_folder **at = &folders[folder->id.number % LISTS]; *at; at = &(*at)->next)
        if (*at == folder) {
            *at = folder->next;
            break;
        }
    return true;
}

static void folder_free(outfile_folder *folder)
{
    close(folder->fd);
    mem_free(folder);
}

// ---------------------------------------------------------------------------------------------- beginning

static bool refuse_input(outfile *f, error *e)
{
    f->refused = true;
    return error_set(e, "%s is also an input of this run: evidence is never written to", f->path);
}

// What is not a file: opened as it is, and written to from its start.
static bool begin_in_place(outfile *f, const outfile_request *request, error *e)
{
    f->refused = request->needs_file;
    if (request->needs_file)
        return error_set(e, "%s: %s needs a file, this is a pipe or a device", f->path, request->what);
    f->fd = open(f->path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    if (f->fd < 0)
        return failed(f, e);
    f->exists = os_identify(f->fd, &f->old);
    if (f->exists && guard_is_read(f->old))
        return refuse_input(f, e);
    guard_hold();
    guard_add(f);
    guard_release();
    return true;
}

// Where the file is or will be, links followed or not: its folder, and its name there. Both heap.
static char *place_of(const char *path, bool follow, char **name)
{
    char *real = follow ? realpath(path, NULL) : NULL;
    const char *place = real ? real : path, *slash = strrchr(place, '/'), *last = slash ? slash + 1 : place;
    size_t folder_len = slash && slash > place ? (size_t)(slash - place) : 1;
    char *folder = mem_alloc(folder_len + 1);
    memcpy(folder, slash ? place : ".", folder_len);
    folder[folder_len] = 0;
    *name = strcpy(mem_alloc(strlen(last) + 1), last);
    free(real);
    return folder;
}

static bool find_place(outfile *f, bool follow, error *e)
{
    char *folder = place_of(f->path, follow, &f->name);
    f->folder = folder_open(folder);
    mem_free(folder);
    return f->folder ? true : failed(f, e);
}

int outfile_folder_of(const char *path)
{
    bool can_sync;
    char *name, *folder = place_of(path, true, &name);
    int fd = folder_descriptor(folder, &can_sync);
    mem_free(folder);
    mem_free(name);
    return fd;
}

// Whether the file begins as an earlier output of the same kind; an empty one is nobody's.
static bool is_own(const outfile *f)
{
    const outfile_request *request = &f->request;
    u8 *head = mem_alloc(OUTFILE_HEAD);
    span first = {head, 0};
    int fd = openat(f->folder->fd, f->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    ssize_t got = fd < 0 ? -1 : pread(fd, head, OUTFILE_HEAD, 0);
    first.len = got > 0 ? (size_t)got : 0;
    u8 *expanded = request->is_compressed ? mem_alloc(OUTFILE_HEAD) : NULL;
    if (expanded)
        first = (span){expanded, packed_head(first, expanded, OUTFILE_HEAD)};
    bool own = got == 0 || (first.len && request->is_own && request->is_own(first, fd));
    mem_free(expanded);
    if (fd >= 0)
        close(fd);
    mem_free(head);
    return own;
}

static bool refuse_foreign(outfile *f, error *e)
{
    f->refused = true;
    return error_set(e, "%s exists and does not begin as %s of this program does (--force replaces it)", f->path,
                     f->request.what);
}

// A link to nothing, or one that is not followed, and is replaced.
static bool look_at_link(outfile *f, error *e)
{
    struct stat st;
    if (fstatat(f->folder->fd, f->name, &st, 0) != 0)
        return true;
    if (guard_is_read(identity_of(&st)))
        return refuse_input(f, e);
    return f->request.force || refuse_foreign(f, e);
}

static bool look_at_old(outfile *f, error *e)
{
    const outfile_request *request = &f->request;
    struct stat st;
    if (fstatat(f->folder->fd, f->name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? true : failed(f, e);
    if (!S_ISREG(st.st_mode))
        return look_at_link(f, e);
    f->exists = true;
    f->old = identity_of(&st);
    f->mode = st.st_mode & PERMISSIONS;
    f->user = st.st_uid;
    f->group = st.st_gid;
    if (guard_is_read(f->old))
        return refuse_input(f, e);
    return request->force || request->updates || is_own(f) || refuse_foreign(f, e);
}

// "name.part-" and 16 random digits; names too long for that are cut.
static bool random_name(const outfile *f, char out[OUTFILE_PART])
{
    enum { KEPT = OUTFILE_PART - 32 };
    u64 number;
    if (!os_random(&number, sizeof(number)))
        return false;
    snprintf(out, OUTFILE_PART, "%.*s.part-%016llx", KEPT, f->name, (unsigned long long)number);
    return true;
}

static bool is_taken(const outfile *f)
{
    bool taken = false;
    guard_hold();
    for (const outfile *other = guard_alike(f); other && !taken; other = other->next)
        taken = other->folder == f->folder && strcmp(other->name, f->name) == 0;
    guard_release();
    return taken;
}

// Listed before it is there: whatever ends the process from now on removes it.
static bool make_part(outfile *f, error *e)
{
    if (!f->request.updates && is_taken(f)) { // who updates a file is overtaken, and begins anew
        f->refused = true;
        return error_set(e, "%s is an output of this run already", f->path);
    }
    char part[OUTFILE_PART];
    const int flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    errno = EIO;
    for (u32 i = 0; i < ATTEMPTS && f->fd < 0 && random_name(f, part); i++) {
        guard_hold();
        f->fd = openat(f->folder->fd, part, flags, f->request.shared ? 0666 : 0600);
        if (f->fd >= 0) {
            memcpy(f->part, part, sizeof(part));
            guard_add(f);
        }
        guard_release();
        if (f->fd < 0 && errno != EEXIST)
            break;
    }
    return f->fd >= 0 || failed(f, e);
}

bool outfile_begin(outfile *f, const outfile_request *request, error *e)
{
    struct stat st;
    *f = (outfile){.request = *request, .path = request->path, .fd = -1};
    if (!request->path || strcmp(request->path, "-") == 0) {
        f->path = "standard output";
        f->fd = STDOUT_FILENO;
        return true;
    }
    bool there = (request->made_up ? lstat : stat)(f->path, &st) == 0, ok;
    if (there && S_ISDIR(st.st_mode))
        ok = error_set(e, "%s: is a folder, a file name is needed (%s/ is for one output an input)", f->path, f->path);
    else
        ok = there && !S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode)
                 ? begin_in_place(f, request, e)
                 : find_place(f, !request->made_up, e) && look_at_old(f, e) && make_part(f, e);
    if (!ok)
        outfile_abandon(f);
    return ok;
}

bool outfile_scratch(outfile *f, const char *path, error *e)
{
    os_file file;
    *f = (outfile){.path = path, .fd = -1};
    if (!os_temporary_file(&file, e))
        return false;
    f->fd = file.fd;
    return true;
}

// ---------------------------------------------------------------------------------------------- writing

bool outfile_write(outfile *f, span bytes, error *e)
{
    return output_all(f->fd, f->path, bytes, e);
}

bool outfile_text(outfile *f, const char *text, error *e)
{
    return outfile_write(f, (span){(const u8 *)text, strlen(text)}, e);
}

bool outfile_reader_left(int fd)
{
    struct pollfd state = {.fd = fd, .events = POLLOUT};
    struct stat st;
    bool pipe = fstat(fd, &st) == 0 && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode));
    return pipe && poll(&state, 1, 0) == 1 && (state.revents & (POLLERR | POLLHUP));
}

bool outfile_sha256(const outfile *f, char text[SHA256_TEXT], u64 *bytes, error *e)
{
    enum { CHUNK = 128 << 10 };
    const os_file file = {.fd = f->fd};
    u8 *chunk = mem_alloc(CHUNK), digest[SHA256_BYTES];
    sha256 *sum = sha256_begin();
    bool is_lost = false;
    size_t got;
    *bytes = 0;
    while ((got = os_read_at(&file, *bytes, chunk, CHUNK, &is_lost)) > 0) {
        sha256_add(sum, (span){chunk, got});
        *bytes += got;
    }
    sha256_end(sum, digest);
    sha256_text(digest, text);
    mem_free(chunk);
    return !is_lost || failed(f, e);
}

// ---------------------------------------------------------------------------------------------- finishing

// The new file belongs to whom the old one did, where that is allowed.
static bool inherit(const outfile *f, const struct stat *st)
{
    if (!f->exists)
        return true;
    if (st->st_uid != f->user || st->st_gid != f->group)
        (void)!fchown(f->fd, f->user, f->group);
    return (st->st_mode & PERMISSIONS) == f->mode || fchmod(f->fd, f->mode) == 0;
}

static bool is_synced(int fd)
{
    int code;
    do
        code = fsync(fd);
    while (code != 0 && errno == EINTR);
    return code == 0 || errno == EINVAL || errno == ENOTSUP; // file systems without it
}

bool outfile_seal(outfile *f, error *e)
{
    if (f->sealed || f->fd == STDOUT_FILENO)
        return true;
    struct stat st = {0};
    bool ok = !f->folder || (fstat(f->fd, &st) == 0 && inherit(f, &st) && (f->request.unsynced || is_synced(f->fd))) ||
              failed(f, e);
    f->bytes = st.st_size;
    ok = (close(f->fd) == 0 || failed(f, e)) && ok;
    f->fd = -1;
    f->sealed = ok;
    return ok;
}

// What has the name now may not be what had it at the beginning: evidence, or somebody's work.
static bool may_replace(outfile *f, error *e)
{
    static const int FLAGS[] = {0, AT_SYMLINK_NOFOLLOW};
    struct stat st = {0};
    bool there = false, updates = f->request.updates;
    for (size_t i = 0; i < COUNT_OF(FLAGS); i++) {
        there = fstatat(f->folder->fd, f->name, &st, FLAGS[i]) == 0;
        if (there && !updates && guard_is_read(identity_of(&st)))
            return error_set(e, "%s has become an input of this run: evidence is never written to", f->path);
    }
    f->overtaken = updates && (there != f->exists || (there && !same(identity_of(&st), f->old)));
    if (f->overtaken)
        return error_set(e, "%s: another run has replaced it meanwhile", f->path);
    if (!there || updates || f->request.force)
        return true;
    if (S_ISREG(st.st_mode))
        return is_own(f) || refuse_foreign(f, e);
    return !S_ISLNK(st.st_mode) || look_at_link(f, e);
}

// Who may write into the folder can give the part's name to another file. Not by its inode: there are file systems
// that number a file anew once it is closed.
static bool is_part(const outfile *f)
{
    struct stat st;
    return fstatat(f->folder->fd, f->part, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
           st.st_size == f->bytes && !guard_is_read(identity_of(&st));
}

// With `save`, the old file keeps a name until all are in their places. File systems without hard links cannot do that.
static bool put(outfile *f, bool save, error *e)
{
    int folder = f->folder->fd;
    if (!may_replace(f, e))
        return false;
    if (!is_part(f)) {
        f->part[0] = 0; // not ours to remove
        return error_set(e, "%s: something else has the name under which it was written", f->path);
    }
    if (save && f->exists && random_name(f, f->saved) && linkat(folder, f->name, folder, f->saved, 0) != 0)
        f->saved[0] = 0;
    if (renameat(folder, f->part, folder, f->name) != 0)
        return failed(f, e);
    f->part[0] = 0;
    return true;
}

static void take_back(outfile *f)
{
    int folder = f->folder->fd;
    if (*f->saved && renameat(folder, f->saved, folder, f->name) == 0)
        f->saved[0] = 0;
    else if (!f->exists)
        unlinkat(folder, f->name, 0);
}

// No signal comes between the first rename and the last.
static bool put_all(outfile *const *files, u32 count, error *e)
{
    u32 done = 0;
    guard_hold();
    while (done < count && (!files[done]->folder || put(files[done], done + 1 < count, e)))
        done++;
    for (u32 i = done; done < count && i--;)
        if (files[i]->folder)
            take_back(files[i]);
    for (u32 i = 0; i < count; i++)
        if (files[i]->folder && *files[i]->saved)
            unlinkat(files[i]->folder->fd, files[i]->saved, 0);
    guard_release();
    return done == count;
}

static bool sync_folders(outfile *const *files, u32 count, error *e)
{
    const outfile_folder *last = NULL;
    for (u32 i = 0; i < count; i++) {
        const outfile_folder *folder = files[i]->folder;
        if (folder && folder != last && folder->can_sync && !files[i]->request.unsynced && !is_synced(folder->fd))
            return failed(files[i], e);
        last = folder;
    }
    return true;
}

bool outfile_commit(outfile *const *files, u32 count, error *e)
{
    bool ok = true;
    for (u32 i = 0; ok && i < count; i++)
        ok = outfile_seal(files[i], e);
    ok = ok && put_all(files, count, e) && sync_folders(files, count, e);
    for (u32 i = 0; i < count; i++)
        outfile_abandon(files[i]);
    return ok;
}

void outfile_abandon(outfile *f)
{
    if (!f->path)
        return; // zeroed, never begun
    guard_hold();
    if (f->folder && *f->part)
        unlinkat(f->folder->fd, f->part, 0);
    guard_drop(f);
    bool last = folder_let_go(f->folder);
    guard_release();
    if (last)
        folder_free(f->folder);
    if (f->fd >= 0 && f->fd != STDOUT_FILENO)
        close(f->fd);
    mem_free(f->name);
    *f = (outfile){.path = f->path, .fd = -1, .refused = f->refused, .overtaken = f->overtaken};
}
