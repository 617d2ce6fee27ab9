// Inputs made of bytes that come once, in order: spooled_begin, spooled_add for each piece, spooled_end.
#ifndef ETWKIT_INPUT_SPOOLED_H
#define ETWKIT_INPUT_SPOOLED_H

#include "base/span.h"
#include "input/input.h"

typedef struct spooled_input spooled_input;

spooled_input *spooled_begin(const char *path);
MUST_USE bool spooled_add(spooled_input *s, span bytes, error *e); // false: there is no place for them
const input *spooled_input_of(const spooled_input *s);             // what came so far
input *spooled_end(spooled_input *s);                              // the input; input_close frees it
void spooled_abandon(spooled_input *s);                            // instead of spooled_end

#endif
