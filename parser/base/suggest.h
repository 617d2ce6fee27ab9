// "did you mean …?": the known word nearest to one that is not known.
#ifndef ETWKIT_SUGGEST_H
#define ETWKIT_SUGGEST_H

#include "base/base.h"

typedef struct suggestion {
    const char *word; // what was typed
    const char *best; // the nearest word so far; NULL: none is near
    u32 distance;     // of `best`
} suggestion;

void suggest_try(suggestion *s, const char *known);
// "; did you mean 'info'?", or "" where nothing is near. Lives in `scratch`.
const char *suggest_text(const suggestion *s, char scratch[96]);

#endif
