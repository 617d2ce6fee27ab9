// Binary search, once for all ordered lists.
//
// BISECT(out, from, to, holds) sets `out`, a u32, to the first index in [from, to) that the condition does not hold of,
// or `to`. `index_` is the index in the condition, which holds of all items before some place and of none after it:
//
//     BISECT(at, 0, count, list[index_].id < id);   // the first item of that id, or the first behind it
#ifndef ETWKIT_BISECT_H
#define ETWKIT_BISECT_H

#include "base/base.h"

#define BISECT(out, from, to, holds)                                                                                   \
    do {                                                                                                               \
        u32 low_ = (from), high_ = (to);                                                                               \
        while (low_ < high_) {                                                                                         \
            u32 index_ = low_ + (high_ - low_) / 2;                                                                    \
            if (holds)                                                                                                 \
                low_ = index_ + 1;                                                                                     \
            else                                                                                                       \
                high_ = index_;                                                                                        \
        }                                                                                                              \
        (out) = low_;                                                                                                  \
    } while (0)

#endif
