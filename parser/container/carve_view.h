// The bytes of an image at any offset, from a window that whoever scans it moves on, or from a smaller one where they
// lie elsewhere. What comes back depends on the image alone, never on where the windows are.
#ifndef ETWKIT_CARVE_VIEW_H
#define ETWKIT_CARVE_VIEW_H

#include "base/span.h"
#include "input/input.h"

enum {
    VIEW_WINDOW = 4 << 20,
    VIEW_AHEAD = 512 << 10, // after the window: what is asked for first of anything in it needs no other read
    VIEW_MOST = 64 << 10,   // asked for at once: more than the longest record
    VIEW_ASIDE = 256 << 10, // the smaller window
    VIEW_SLACK = 128,       // zeros after the bytes, so that a loop need not look where they end
};

typedef struct image_part {
    u8 *bytes;
    u64 offset;
    size_t len;
    bool failed; // the medium gave no more; else the image may end here
} image_part;

typedef struct image_view {
    const input *image;
    image_part window, aside;
} image_view;

void view_begin(image_view *v, const input *image);
void view_end(image_view *v);

void view_move(image_view *v, u64 offset); // the window

// Up to `want` bytes, at most VIEW_MOST; fewer only where the image ends or the medium fails. Good until the next call.
span view_at(image_view *v, u64 offset, size_t want);

#endif
