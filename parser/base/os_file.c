// What every system does alike with a file that is open.
#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "base/os.h"

static void close_file(void *file)
{
    os_close(file);
}

os_file *os_open_new(const char *path, error *e)
{
    os_file *f = mem_zeroed(1, sizeof(*f));
    f->fd = -1;
    mem_on_discard(f, close_file);
    if (os_open(f, path, e))
        return f;
    mem_free(f);
    return NULL;
}

void os_close_free(os_file *f)
{
    os_close(f);
    mem_free(f);
}

bool os_read_whole(const char *path, size_t limit, u8 **bytes, size_t *len, error *e)
{
    os_file *f = os_open_new(path, e);
    if (!f)
        return false;
    bool failed = false;
    bool ok = f->bytes <= limit || error_code_set(e, ERR_LIMIT, "%s: %llu bytes are over the limit of %zu", path,
                                                  (unsigned long long)f->bytes, limit);
    if (ok) {
        *bytes = mem_alloc((size_t)f->bytes + 1);
        *len = os_read_at(f, 0, *bytes, (size_t)f->bytes, &failed);
        (*bytes)[*len] = 0;
    }
    if (failed) {
        ok = error_code_set(e, ERR_IO, "%s: %s after %zu bytes", path, strerror(errno), *len);
        mem_free(*bytes);
    }
    os_close_free(f);
    return ok;
}
