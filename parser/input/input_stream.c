// Standard input, a pipe or a character device: read to its end when it is opened, hashed on the way, and kept in
// memory or, where it is large, in a temporary file without a name.
#include "input/input.h"

#include <string.h>

#include "base/arena.h"
#include "base/limits.h"
#include "base/os.h"

typedef struct stream_input {
    input common;
    u8 *memory; // the bytes, where there are at most LIMIT_SPOOL_MEMORY
    size_t capacity;
    os_file file; // else
    bool in_file;
    int fd; // of the stream, while it is read; else -1
} stream_input;

static bool stream_is_its(const char *path)
{
    return strcmp(path, "-") == 0 || os_kind(path) == OS_STREAM;
}

static bool move_to_file(stream_input *s, error *e)
{
    if (!os_temporary_file(&s->file, e))
        return false;
    s->in_file = true;
    bool ok = os_append(&s->file, s->memory, (size_t)s->common.bytes, e);
    mem_free(s->memory);
    s->memory = NULL;
    return ok;
}

static bool add(stream_input *s, const u8 *bytes, size_t len, error *e)
{
    u64 needed = s->common.bytes + len;
    if (needed > LIMIT_SPOOL_BYTES)
        return error_code_set(e, ERR_LIMIT, "%s: more than %llu bytes came, the limit of a stream", s->common.path,
                              (unsigned long long)LIMIT_SPOOL_BYTES);
    if (!s->in_file && needed > LIMIT_SPOOL_MEMORY && !move_to_file(s, e))
        return false;
    if (s->in_file && !os_append(&s->file, bytes, len, e))
        return false;
    if (!s->in_file) {
        if (needed > s->capacity) {
            size_t capacity = s->capacity ? s->capacity * 2 : 256 << 10;
            s->memory = mem_grow(s->memory, (size_t)s->common.bytes, capacity, 1);
            s->capacity = capacity;
        }
        memcpy(s->memory + s->common.bytes, bytes, len);
    }
    s->common.bytes = needed;
    return true;
}

static bool spool(stream_input *s, error *e)
{
    enum { CHUNK = 128 << 10 };
    u8 *chunk = mem_alloc(CHUNK);
    sha256 *sum = sha256_begin();
    bool ok = true;
    while (ok) {
        bool failed = false;
        size_t got = os_read(s->fd, chunk, CHUNK, &failed);
        if (failed)
            ok = error_code_set(e, ERR_IO, "%s: a read failed after %llu bytes", s->common.path,
                                (unsigned long long)s->common.bytes);
        if (!got)
            break;
        sha256_add(sum, (span){chunk, got});
        ok = ok && add(s, chunk, got, e);
    }
    sha256_end(sum, s->common.sha256);
    s->common.is_hashed = true;
    mem_free(chunk);
    return ok;
}

static void close_descriptors(void *stream)
{
    stream_input *s = stream;
    if (s->fd >= 0)
        os_close_stream(s->fd);
    if (s->in_file)
        os_close(&s->file);
    s->fd = -1;
}

static void stream_close(input *in)
{
    stream_input *s = (stream_input *)in;
    close_descriptors(s);
    mem_free(s->memory);
    input_finish(in);
}

static bool stream_open(input **out, const char *path, error *e)
{
    stream_input *s = input_begin(&input_stream, path, sizeof(*s));
    s->fd = os_open_stream(path, e);
    mem_on_discard(s, close_descriptors);
    if (s->fd < 0 || !spool(s, e)) {
        stream_close(&s->common);
        return false;
    }
    os_close_stream(s->fd);
    s->fd = -1;
    *out = &s->common;
    return true;
}

static size_t stream_read_at(input *in, u64 offset, void *into, size_t len, bool *failed)
{
    stream_input *s = (stream_input *)in;
    if (s->in_file)
        return os_read_at(&s->file, offset, into, len, failed);
    if (offset >= in->bytes)
        return 0;
    size_t left = (size_t)(in->bytes - offset), got = len < left ? len : left;
    memcpy(into, s->memory + offset, got);
    return got;
}

const input_backend input_stream = {
    .name = "stream",
    .is_its = stream_is_its,
    .open = stream_open,
    .read_at = stream_read_at,
    .close = stream_close,
};
