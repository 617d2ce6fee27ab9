// Letters without case: ASCII, Latin-1, Greek and Cyrillic capitals become small ones. The length stays the same.
#ifndef ETWKIT_FOLD_H
#define ETWKIT_FOLD_H

#include "base/span.h"

void rule_fold(u8 *to, span utf8); // `to`: utf8.len bytes; may be where utf8 is

#endif
