// An input that came as a stream and was spooled: of standard input, a pipe or a device, and members of archives.
#include "input/input_spooled.h"

#include <string.h>

#include "base/arena.h"
#include "base/os.h"
#include "input/spool.h"

struct spooled_input {
    input common;
    spool *spool;
    int fd; // of a stream that is read; else -1
};

static void close_stream(void *spooled)
{
    spooled_input *s = spooled;
    if (s->fd >= 0)
        os_close_stream(s->fd);
    s->fd = -1;
}

static const input_backend spooled_backend; // of those that are open

spooled_input *spooled_begin(const char *path)
{
    spooled_input *s = input_begin(&spooled_backend, path, sizeof(*s));
    s->fd = -1;
    s->spool = spool_new();
    mem_on_discard(s, close_stream);
    return s;
}

bool spooled_add(spooled_input *s, span bytes, error *e)
{
    s->common.bytes += bytes.len;
    return spool_add(s->spool, bytes, e) || error_prefix(e, "%s", s->common.path);
}

const input *spooled_input_of(const spooled_input *s)
{
    return &s->common;
}

input *spooled_end(spooled_input *s)
{
    return &s->common;
}

static void spooled_close(input *in)
{
    spooled_input *s = (spooled_input *)in;
    close_stream(s);
    spool_free(s->spool);
    input_finish(in);
}

void spooled_abandon(spooled_input *s)
{
    spooled_close(&s->common);
}

static size_t spooled_read_at(input *in, u64 offset, void *into, size_t len, bool *failed)
{
    return spool_read(((spooled_input *)in)->spool, offset, into, len, failed);
}

// ---------------------------------------------------------------------------------------------- streams

static bool stream_is_its(const char *path)
{
    return strcmp(path, "-") == 0 || os_kind(path) == OS_STREAM;
}

static bool read_stream(spooled_input *s, error *e)
{
    enum { CHUNK = 128 << 10 };
    u8 *chunk = mem_alloc(CHUNK);
    bool ok = true, failed = false;
    for (size_t got = 1; ok && got;) {
        got = os_read(s->fd, chunk, CHUNK, &failed);
        if (failed)
            ok = error_code_set(e, ERR_IO, "%s: a read failed after %llu bytes", s->common.path,
                                (unsigned long long)s->common.bytes);
        ok = ok && spooled_add(s, (span){chunk, got}, e);
    }
    mem_free(chunk);
    return ok;
}

static bool stream_open(input **out, const char *path, error *e)
{
    spooled_input *s = spooled_begin(path);
    s->fd = os_open_stream(path, e);
    if (s->fd < 0 || !read_stream(s, e)) {
        spooled_abandon(s);
        return false;
    }
    close_stream(s);
    *out = spooled_end(s);
    return true;
}

static const input_backend spooled_backend = {
    .name = "spooled",
    .read_at = spooled_read_at,
    .close = spooled_close,
};

const input_backend input_stream = {
    .name = "stream",
    .is_its = stream_is_its,
    .open = stream_open,
};
