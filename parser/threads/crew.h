// The threads of a run, started once. All threads of the engine are these; what they do comes from rings (ring.h) and
// from single works given to them.
//
// A crew belongs to the thread that made it, which works too while it waits. NULL is a crew of that thread alone:
// everything is then done in line.
#ifndef ETWKIT_CREW_H
#define ETWKIT_CREW_H

#include "base/base.h"

typedef struct crew crew;

crew *crew_new(unsigned threads); // the calling thread included; NULL for one, or where no other one can be started
void crew_dismiss(crew *c);       // nothing more will be given: the threads end
void crew_free(crew *c);          // waits for them

unsigned crew_threads(const crew *c);

// Has some thread run `work` while the caller goes on. crew_wait returns when all works given so far are done.
void crew_give(crew *c, void (*work)(void *context), void *context);
void crew_wait(crew *c);

#endif
