#include "container/carve_view.h"

#include <string.h>

#include "base/memory.h"

void view_begin(image_view *v, const input *image)
{
    *v = (image_view){.image = image};
    size_t window = VIEW_WINDOW + VIEW_AHEAD;
    if (image->bytes < window)
        window = (size_t)image->bytes;
    v->window.bytes = mem_zeroed(window + VIEW_SLACK, 1);
    v->aside.bytes = mem_alloc(VIEW_ASIDE);
}

void view_end(image_view *v)
{
    mem_free(v->window.bytes);
    mem_free(v->aside.bytes);
    *v = (image_view){0};
}

static void read_part(const input *image, image_part *part, u64 offset, size_t want)
{
    u64 left = offset < image->bytes ? image->bytes - offset : 0;
    want = left < want ? (size_t)left : want;
    part->failed = false;
    part->offset = offset;
    part->len = want ? input_read(image, offset, part->bytes, want, &part->failed) : 0;
}

void view_move(image_view *v, u64 offset)
{
    read_part(v->image, &v->window, offset, VIEW_WINDOW + VIEW_AHEAD);
    memset(v->window.bytes + v->window.len, 0, VIEW_SLACK);
}

// Whether the part has all that can be had: all that is wanted, or all there is.
static bool part_has(const image_view *v, const image_part *part, u64 offset, size_t want)
{
    u64 end = part->offset + part->len;
    if (offset < part->offset || offset > end)
        return false;
    return want <= end - offset || (part->len && end == v->image->bytes) || (part->failed && offset < end);
}

span view_at(image_view *v, u64 offset, size_t want)
{
    want = want < VIEW_MOST ? want : VIEW_MOST;
    const image_part *part = &v->window;
    if (!part_has(v, part, offset, want)) {
        part = &v->aside;
        if (!part_has(v, part, offset, want))
            read_part(v->image, &v->aside, offset, VIEW_ASIDE);
    }
    span rest = span_from((span){part->bytes, part->len}, (size_t)(offset - part->offset));
    rest.len = rest.len < want ? rest.len : want;
    return rest;
}
