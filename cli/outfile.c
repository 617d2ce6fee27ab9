#include "outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
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

bool outfile_begin(outfile *f, const char *path, error *e)
{
    *f = (outfile){0};
    if (!path || strcmp(path, "-") == 0)
        return true;
    if (os_is_folder(path))
        return error_set(e, "%s: is a folder, a file name is needed", path);
    size_t room = strlen(path) + 40;
    f->path = path;
    f->part = mem_alloc(room);
    snprintf(f->part, room, "%s.part-%ld", path, (long)getpid());
    int fd = open(f->part, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (fd < 0) {
        error_set(e, "%s: %s", path, strerror(errno));
        mem_free(f->part);
        f->part = NULL;
        return false;
    }
    close(fd);
    unfinished = f->part;
    mem_last_words = remove_unfinished;
    return true;
}

bool outfile_finish(outfile *f, error *e)
{
    if (!f->part)
        return true;
    bool ok = os_rename(f->part, f->path, e);
    if (!ok)
        os_remove(f->part);
    unfinished = NULL;
    mem_free(f->part);
    f->part = NULL;
    return ok;
}

void outfile_abandon(outfile *f)
{
    if (f->part) {
        os_remove(f->part);
        unfinished = NULL;
        mem_free(f->part);
        f->part = NULL;
    }
}
