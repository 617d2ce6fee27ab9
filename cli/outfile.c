#define _XOPEN_SOURCE 700 // realpath
#include "outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/os.h"

// The one unfinished output of the process, for the last words before it ends out of memory.
static const char *unfinished;

static void remove_unfinished(void)
{
    if (unfinished)
        os_remove(unfinished);
}

// A pipe or a device, or a link to one.
static bool is_stream(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode);
}

static void forget(outfile *f)
{
    mem_free(f->part);
    mem_free(f->place);
    *f = (outfile){.path = f->path};
    unfinished = NULL;
}

bool outfile_begin(outfile *f, const char *path, error *e)
{
    *f = (outfile){0};
    if (!path || strcmp(path, "-") == 0)
        return true;
    if (os_is_folder(path))
        return error_set(e, "%s: is a folder, a file name is needed", path);
    f->path = path;
    if (is_stream(path)) {
        size_t len = strlen(path) + 1;
        f->part = memcpy(mem_alloc(len), path, len);
        return true;
    }
    char *file = realpath(path, NULL);
    const char *place = file ? file : path; // nothing stands there yet; a link to nothing is replaced
    size_t len = strlen(place) + 1, room = len + 40;
    f->place = memcpy(mem_alloc(len), place, len);
    free(file);
    f->part = mem_alloc(room);
    snprintf(f->part, room, "%s.part-%ld", f->place, (long)getpid());
    int fd = open(f->part, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (fd < 0) {
        error_set(e, "%s: %s", path, strerror(errno));
        forget(f);
        return false;
    }
    close(fd);
    unfinished = f->part;
    mem_last_words = remove_unfinished;
    return true;
}

bool outfile_finish(outfile *f, error *e)
{
    bool ok = !f->place || os_rename(f->part, f->place, e);
    if (!ok)
        os_remove(f->part);
    forget(f);
    return ok;
}

void outfile_abandon(outfile *f)
{
    if (f->place)
        os_remove(f->part);
    forget(f);
}
