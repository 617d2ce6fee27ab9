// Many texts looked for at once in another one.
//
// Each needle is entered under one window of up to four of its bytes, the one that fewest other needles are entered
// under. A text is passed once: at each place the windows of each length are looked up in a bit field, and only where a
// bit is set are needles compared.
#ifndef ETWKIT_NEEDLES_H
#define ETWKIT_NEEDLES_H

#include "base/arena.h"

enum { NEEDLE_WINDOW = 4 };

typedef struct needle {
    span text;  // not empty
    u32 id;     // the caller's
    u32 at;     // of the window in it
    u32 window; // its bytes
    u32 next;   // with the same hash, plus one
} needle;

typedef struct needle_window {
    u32 *heads;    // by hash: a needle plus one
    u64 *bits;     // by hash: whether there is a list
    u32 hash_bits; // how many a hash has
    u32 count;     // of needles with a window of this length
} needle_window;

typedef struct needles {
    needle *list;
    u32 count, capacity;
    needle_window windows[NEEDLE_WINDOW]; // by length - 1
} needles;

void needles_add(needles *n, span text, u32 id); // `text` must live as long
void needles_close(needles *n);                  // after the last, before anything is looked for
void needles_free(needles *n);

// Calls for each place of each needle in the text.
typedef void needle_found(void *context, u32 id, size_t at, size_t len);
void needles_find(const needles *n, span text, needle_found *found, void *context);
bool needles_any(const needles *n, span text); // whether there is any

#endif
