// Any bytes as an image to carve.
#include "fuzz.h"

#include <stdlib.h>

#include "container/carve.h"

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void check_buffer(const carve *c, u32 i)
{
    const carve_buffer *b = &c->buffers[i];
    check(b->offset < c->image->bytes && b->here <= c->image->bytes - b->offset && b->here <= b->size && b->here > 0);
    check(b->good_end <= b->used && b->session < c->session_count);
    check(b->facts == CARVE_NONE || b->facts < c->facts_count);
    check(!i || c->buffers[i - 1].offset + c->buffers[i - 1].here <= b->offset);
    check((b->reason == CARVE_DUPLICATE) == (b->duplicate_of != CARVE_NONE));
    if (b->duplicate_of != CARVE_NONE)
        check(c->buffers[b->duplicate_of].session == b->session &&
              c->buffers[b->duplicate_of].duplicate_of == CARVE_NONE);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    carve c = {.count = 0};
    error e;
    input *image;
    if (!input_open(&image, fuzz_file((span){data, size}), &e))
        return 0;
    c.image = image;
    check(carve_scan(&c, NULL, NULL));
    carve_group(&c);
    u32 placed = 0;
    u64 bytes = c.orphan_bytes + c.unreadable_outside;
    for (u32 i = 0; i < c.count; i++) {
        check_buffer(&c, i);
        bytes += c.buffers[i].here;
    }
    check(bytes <= size);
    for (u32 i = 0; i < c.session_count; i++) {
        const carve_session *s = &c.sessions[i];
        check(s->header == CARVE_NONE || c.buffers[s->header].session == i);
        placed += s->buffers + s->duplicates;
    }
    check(placed == c.count);
    input_close(image);
    carve_free(&c);
    return 0;
}
