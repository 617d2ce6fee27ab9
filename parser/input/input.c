#include "input/input.h"

#include <string.h>

#include "base/arena.h"

static const input_backend *const BACKENDS[] = {
#define BACKEND(name) &input_##name,
#include "input/backends.def"
#undef BACKEND
};

bool input_open(input **out, const char *path, error *e)
{
    for (u32 i = 0;; i++)
        if (BACKENDS[i]->is_its(path))
            return BACKENDS[i]->open(out, path, e);
}

void input_close(input *in)
{
    if (in)
        in->backend->close(in);
}

static char *copy_of(const char *text)
{
    size_t len = strlen(text) + 1;
    return memcpy(mem_alloc(len), text, len);
}

void input_set_name(input *in, const char *name)
{
    mem_free(in->name);
    in->name = copy_of(name);
}

void input_set_computer(input *in, const char *computer)
{
    mem_free(in->computer);
    in->computer = copy_of(computer);
}

bool input_open_near(const input *in, const char *root, const char *path, input **out)
{
    return in->backend->near && in->backend->near(in, root, path, out);
}

const struct partition_table *input_partitions(const input *in, u32 *own)
{
    return in->backend->partitions ? in->backend->partitions(in, own) : NULL;
}

// Reading changes nothing but which descriptors are open.
static input *writable(const input *in)
{
    return (input *)(uintptr_t)in;
}

size_t input_read(const input *in, u64 offset, void *into, size_t len, bool *failed)
{
    return in->backend->read_at(writable(in), offset, into, len, failed);
}

const char *input_change_text(input_change change)
{
    switch (change) {
    case INPUT_UNCHANGED:
        return NULL;
    case INPUT_WRITTEN:
        return "was written to while it was read";
    case INPUT_REPLACED:
        return "was replaced by another one of the same name while it was read; what was opened first is what was read and "
               "hashed";
    case INPUT_GONE:
        return "was removed or renamed while it was read; what was opened is what was read and hashed";
    }
    return NULL;
}

void input_load(input *in)
{
    if (in->backend->load)
        in->backend->load(in);
}

input_change input_changed(const input *in, u64 *bytes)
{
    *bytes = in->bytes;
    return in->backend->changed ? in->backend->changed(writable(in), bytes) : INPUT_UNCHANGED;
}

bool input_sha256(const input *in, u8 digest[SHA256_BYTES], error *e)
{
    enum { READ_BYTES = 128 << 10 }; // stays in the processor's cache between reading and hashing
    u8 *bytes = mem_alloc(READ_BYTES);
    sha256 *sum = sha256_begin();
    bool failed = false;
    u64 at = 0;
    while (at < in->bytes) {
        size_t want = in->bytes - at < READ_BYTES ? (size_t)(in->bytes - at) : READ_BYTES;
        size_t got = input_read(in, at, bytes, want, &failed);
        if (got == 0)
            break;
        sha256_add(sum, (span){bytes, got});
        at += got;
    }
    sha256_end(sum, digest);
    mem_free(bytes);
    return at == in->bytes || error_code_set(e, ERR_IO, "%s: %llu of %llu bytes could be read for its SHA-256",
                                             in->path, (unsigned long long)at, (unsigned long long)in->bytes);
}

bool input_sha256_text(const input *in, char text[SHA256_TEXT], error *e)
{
    u8 digest[SHA256_BYTES];
    bool ok = input_sha256(in, digest, e);
    if (ok)
        sha256_text(digest, text);
    return ok;
}

void *input_begin(const input_backend *backend, const char *path, size_t size)
{
    input *in = mem_zeroed(1, size);
    const char *slash = strrchr(path, '/');
    in->backend = backend;
    in->path = copy_of(path);
    in->name = copy_of(slash && slash[1] ? slash + 1 : path);
    return in;
}

void input_finish(input *in)
{
    mem_free(in->path);
    mem_free(in->name);
    mem_free(in->computer);
    mem_free(in);
}
