// Sorting without memory of its own: qsort may take as much again as it sorts.
#ifndef ETWKIT_SORT_H
#define ETWKIT_SORT_H

#include "base/base.h"

enum { SORT_MOST_BYTES = 256 }; // of one item

// As qsort; n log n steps for any input.
void sort_in_place(void *items, size_t count, size_t each, int (*compare)(const void *, const void *));

#endif
