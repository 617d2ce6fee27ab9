// The threads of one run of the program, started once: a thread takes longer to come up than small traces take to read.
//
// The caller is one of the crew; the others wait for what it gives them. A crew of one, and NULL, is the caller alone.
#ifndef ETWKIT_CREW_H
#define ETWKIT_CREW_H

#include "base/base.h"

typedef struct crew crew;

// `threads` in all. Those that cannot be started are done without.
crew *crew_new(unsigned threads);
void crew_dismiss(crew *c); // the others end when they have done what was given; nothing may be given any more
void crew_free(crew *c);    // waits for their end

unsigned crew_threads(const crew *c); // in all

// Has every other thread call work(context, number), with numbers from 1 on, when it has done what it was given before,
// and returns at once. crew_wait waits until all are done with all.
void crew_start(crew *c, void (*work)(void *context, unsigned number), void *context);
void crew_wait(crew *c);
// The same with a work for one of them only; a crew of one does it at once.
void crew_give(crew *c, void (*work)(void *context), void *context);

#endif
