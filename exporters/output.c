// The descriptor under the text exporters: gathers short runs, writes long ones straight through.
//
// Called by one thread at a time (the committing one). Trusts nothing but the system's return values.
#include "output.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

enum { OUTPUT_HELD = 256 << 10 };

void output_open(output *o, int fd, const char *name)
{
    *o = (output){.fd = fd, .name = name, .held = mem_alloc(OUTPUT_HELD)};
}

bool output_all(int fd, const char *name, span bytes, error *e)
{
    while (bytes.len) {
        ssize_t done = write(fd, bytes.at, bytes.len);
        if (done >= 0) {
            bytes = span_from(bytes, (size_t)done);
        } else if (errno == EAGAIN) {
            // stdout shared with a program that made it non-blocking
            struct pollfd wait = {.fd = fd, .events = POLLOUT};
            poll(&wait, 1, -1);
        } else if (errno != EINTR) {
            return error_set(e, "%s: %s", name, strerror(errno));
        }
    }
    return true;
}

static bool output_flush(output *o, error *e)
{
    size_t len = o->held_len;
    o->held_len = 0;
    return output_all(o->fd, o->name, (span){o->held, len}, e);
}

bool output_write(output *o, span bytes, error *e)
{
    if (bytes.len > OUTPUT_HELD - o->held_len) {
        if (!output_flush(o, e))
            return false;
        if (bytes.len >= OUTPUT_HELD / 2)
            return output_all(o->fd, o->name, bytes, e);
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
    mem_free(o->held);
    *o = (output){.fd = -1};
    return ok;
}
