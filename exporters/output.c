// The descriptor under the text exporters: gathers short runs, writes long ones straight through, or compresses blocks
// of them. Trusts nothing but the system's return values.
#include "output.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "packing.h"
#include "etwkit_engine.h"

enum { OUTPUT_HELD = 256 << 10 };

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

// ---------------------------------------------------------------------------------------------- compressed

enum { BLOCK_BYTES = 1 << 20, BLOCKS_A_THREAD = 2 };

typedef struct packed {
    outbuf bytes;
    bool ok;
    error why;
} packed;

typedef struct packer {
    const packing *how;
    ring *blocks;
    outbuf *texts; // of blocks in the ring and of the one being filled, by number
    u32 slots;
    u64 filled, written; // blocks
} packer;

static void pack(void *context, unsigned thread, void *item, u64 number)
{
    (void)thread;
    const packer *p = context;
    const outbuf *text = &p->texts[number % p->slots];
    packed *to = item;
    to->bytes.len = 0;
    to->ok = pack_block(p->how, (span){text->bytes, text->len}, &to->bytes, &to->why);
}

static packer *packer_new(const export_target *target)
{
    packer *p = mem_zeroed(1, sizeof(*p));
    p->how = target->packing;
    p->slots = crew_threads(target->crew) * BLOCKS_A_THREAD;
    p->texts = mem_zeroed(p->slots, sizeof(*p->texts));
    p->blocks = ring_new(&(ring_plan){.crew = target->crew,
                                      .rank = RING_PACK,
                                      .slots = p->slots,
                                      .slot_bytes = sizeof(packed),
                                      .make = pack,
                                      .context = p});
    return p;
}

static bool write_packed(output *o, error *e)
{
    packer *p = o->packer;
    packed *made = ring_take(p->blocks);
    bool ok = made->ok ? output_all(o->fd, o->name, (span){made->bytes.bytes, made->bytes.len}, e)
                       : error_set(e, "%s: %s", o->name, made->why.message);
    p->texts[p->written++ % p->slots].len = 0;
    ring_release(p->blocks);
    return ok;
}

// The block that is being filled is complete.
static bool give_block(output *o, error *e)
{
    packer *p = o->packer;
    ring_open(p->blocks, ++p->filled);
    return p->filled - p->written < p->slots || write_packed(o, e);
}

static bool pack_bytes(output *o, span bytes, error *e)
{
    packer *p = o->packer;
    while (bytes.len) {
        outbuf *text = &p->texts[p->filled % p->slots];
        size_t part = BLOCK_BYTES - text->len;
        part = part < bytes.len ? part : bytes.len;
        outbuf_add(text, bytes.at, part);
        bytes = span_from(bytes, part);
        if (text->len == BLOCK_BYTES && !give_block(o, e))
            return false;
    }
    return true;
}

// An output without a byte is a block without one.
static bool pack_rest(output *o, error *e)
{
    packer *p = o->packer;
    bool ok = (p->filled && !p->texts[p->filled % p->slots].len) || give_block(o, e);
    while (ok && p->written < p->filled)
        ok = write_packed(o, e);
    return ok;
}

static void free_packed(void *item)
{
    outbuf_free(&((packed *)item)->bytes);
}

static void packer_free(packer *p)
{
    ring_free(p->blocks, free_packed);
    for (u32 i = 0; i < p->slots; i++)
        outbuf_free(&p->texts[i]);
    mem_free(p->texts);
    mem_free(p);
}

// ---------------------------------------------------------------------------------------------- as it is

void output_open(output *o, const export_target *target)
{
    *o = (output){.fd = target->fd, .name = target->name};
    if (target->packing)
        o->packer = packer_new(target);
    else
        o->held = mem_alloc(OUTPUT_HELD);
}

static bool output_flush(output *o, error *e)
{
    size_t len = o->held_len;
    o->held_len = 0;
    return output_all(o->fd, o->name, (span){o->held, len}, e);
}

bool output_write(output *o, span bytes, error *e)
{
    if (o->packer)
        return pack_bytes(o, bytes, e);
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
    bool ok = !e || (o->packer ? pack_rest(o, e) : output_flush(o, e));
    if (o->packer)
        packer_free(o->packer);
    mem_free(o->held);
    *o = (output){.fd = -1};
    return ok;
}
