#include "input/as_file.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"

static bool copy_bytes(as_file *f, const input *in, error *e)
{
    enum { CHUNK = 256 << 10 };
    u8 *chunk = mem_alloc(CHUNK);
    bool failed = false, ok = true;
    for (size_t got = 1; ok && got; f->copy.bytes += got) {
        got = input_read(in, f->copy.bytes, chunk, CHUNK, &failed);
        ok = !got || os_write_at(&f->copy, f->copy.bytes, chunk, got, e);
    }
    mem_free(chunk);
    return ok;
}

bool as_file_copy(as_file *f, const input *in, error *e)
{
    enum { PATH_BYTES = 40 };
    *f = (as_file){0};
    f->is_copy = os_temporary_file(&f->copy, e);
    if (!f->is_copy)
        return false;
    f->path = mem_alloc(PATH_BYTES);
    snprintf(f->path, PATH_BYTES, "/proc/self/fd/%d", f->copy.fd);
    if (copy_bytes(f, in, e))
        return true;
    as_file_close(f);
    return false;
}

bool as_file_open(as_file *f, const input *in, error *e)
{
    if (in->backend != &input_file)
        return as_file_copy(f, in, e);
    size_t len = strlen(in->path) + 1;
    *f = (as_file){.path = memcpy(mem_alloc(len), in->path, len)};
    return true;
}

void as_file_close(as_file *f)
{
    if (f->is_copy)
        os_close(&f->copy);
    mem_free(f->path);
    *f = (as_file){0};
}
