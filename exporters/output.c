// The descriptor under the text exporters: gathers short runs, writes long ones straight through.
//
// Called by one thread at a time (the committing one). Trusts nothing but the system's return values.
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

enum { OUTPUT_HELD = 256 << 10 };

static bool output_failed(const output *o, error *e)
{
    return error_set(e, "%s: %s", o->name, strerror(errno));
}

bool output_open(output *o, const char *path, error *e)
{
    const char *name = path ? path : "standard output";
    size_t len = strlen(name);
    *o = (output){.fd = STDOUT_FILENO, .name = mem_alloc(len + 1)};
    memcpy(o->name, name, len + 1);
    if (path)
        o->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (o->fd < 0) {
        output_failed(o, e);
        mem_free(o->name);
        *o = (output){.fd = -1};
        return false;
    }
    o->held = mem_alloc(OUTPUT_HELD);
    return true;
}

static bool output_through(output *o, const u8 *at, size_t len, error *e)
{
    while (len) {
        ssize_t done = write(o->fd, at, len);
        if (done >= 0) {
            at += done;
            len -= (size_t)done;
        } else if (errno == EAGAIN) {
            // stdout shared with a program that made it non-blocking
            struct pollfd wait = {.fd = o->fd, .events = POLLOUT};
            poll(&wait, 1, -1);
        } else if (errno != EINTR) {
            return output_failed(o, e);
        }
    }
    return true;
}

static bool output_flush(output *o, error *e)
{
    size_t len = o->held_len;
    o->held_len = 0;
    return output_through(o, o->held, len, e);
}

bool output_write(output *o, span bytes, error *e)
{
    if (bytes.len > OUTPUT_HELD - o->held_len) {
        if (!output_flush(o, e))
            return false;
        if (bytes.len >= OUTPUT_HELD / 2)
            return output_through(o, bytes.at, bytes.len, e);
    }
    if (bytes.len)
        memcpy(o->held + o->held_len, bytes.at, bytes.len);
    o->held_len += bytes.len;
    return true;
}

bool output_text(output *o, const char *text, error *e)
{
    return output_write(o, (span){(const u8 *)text, strlen(text)}, e);
}

bool output_close(output *o, error *e)
{
    bool ok = !e || output_flush(o, e);
    if (o->fd != STDOUT_FILENO && close(o->fd) != 0 && ok && e)
        ok = output_failed(o, e);
    mem_free(o->name);
    mem_free(o->held);
    *o = (output){.fd = -1};
    return ok;
}
