// Regular expressions, by PCRE2, with bounds on what one of them may cost.
#ifndef ETWKIT_PATTERN_REGEX_H
#define ETWKIT_PATTERN_REGEX_H

#include "base/error.h"
#include "base/span.h"

typedef struct regex regex;

// i, m and s: ignore case, lines, a dot is also a line's end.
MUST_USE bool regex_compile(regex **out, span text, bool i, bool m, bool s, error *e);
void regex_free(regex *r);
// On any thread. *gave_up: the bounds were reached before there was an answer.
bool regex_found(const regex *r, span text, bool *gave_up);
u64 regex_gave_up(const regex *r); // how often

#endif
