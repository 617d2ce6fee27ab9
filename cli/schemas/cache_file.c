#include "schemas/cache_file.h"

#include <errno.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/os.h"
#include "evidence.h"
#include "outfile.h"

enum { WAIT_MS = 50, WAITS = 600, ATTEMPTS = 5 };

// Holds the lock of the folder, which goes with the process. Where the file system has no locks, what another run does
// meanwhile is noticed at the end, and everything done again.
static bool await_turn(int folder, const char *path, error *e)
{
    const struct timespec pause = {.tv_nsec = WAIT_MS * 1000000};
    for (u32 i = 0; i < WAITS && !run_stop; i++) {
        if (flock(folder, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK)
            return true;
        nanosleep(&pause, NULL);
    }
    return error_set(e,
                     run_stop ? "interrupted: nothing was added" : "%s: another run has been writing it for %d seconds",
                     path, WAIT_MS * WAITS / 1000);
}

static bool add(outfile *out, const schema_set *set, cache_addition *result, error *e)
{
    schema_cache *old = NULL;
    schema_cache_news news = {0};
    const char *first = NULL;
    bool ok = (!out->exists || schema_cache_open(&old, out->path, e)) &&
              schema_cache_fill(out->fd, out->path, old, set, &news, e);
    if (ok && old && schema_cache_refused(old, &first))
        (void)error_set(&result->remark, "%s", first);
    schema_cache_close(old);
    result->kept = news.kept;
    result->left_out = news.left_out;
    if (!ok || !news.changed)
        return ok;
    if (run_stop)
        return error_set(e, "interrupted: nothing was added");
    result->events = news.events;
    return outfile_commit(&out, 1, e);
}

bool cache_file_add(const char *path, const schema_set *set, cache_addition *result, error *e)
{
    const outfile_request request = {.path = path, .what = "a schema cache", .shared = true, .updates = true};
    *result = (cache_addition){0};
    if (!os_make_folder_of(path, e))
        return false;
    int folder = outfile_folder_of(path);
    bool ok = await_turn(folder, path, e), again = ok;
    for (u32 i = 0; again && i < ATTEMPTS; i++) {
        outfile out;
        ok = outfile_begin(&out, &request, e) && add(&out, set, result, e);
        again = !ok && out.overtaken;
        outfile_abandon(&out);
    }
    if (folder >= 0)
        close(folder);
    return ok;
}
