// What crew.c and ring.c know of each other. Everything in it is used under the lock.
#ifndef ETWKIT_THREADS_H
#define ETWKIT_THREADS_H

#include <pthread.h>

#include "threads/ring.h"

enum { WORKS = 8 }; // given and not begun

typedef struct crew_work {
    void (*work)(void *context);
    void *context;
} crew_work;

typedef struct member {
    crew *crew;
    pthread_t thread;
    unsigned number;
} member;

struct crew {
    pthread_mutex_t lock;
    pthread_cond_t wake;  // there may be something to do
    pthread_cond_t owner; // something was made or done
    ring *rings[RING_RANKS];
    crew_work works[WORKS];
    u32 given, begun, done; // works, counted since the start
    u32 idle;               // members that wait
    bool owner_waits, quit;
    unsigned count; // members; the owner is none
    member members[];
};

// Makes one item of the ring; false: there is none that can be made. Unlocks meanwhile.
bool ring_work(ring *r, unsigned thread);
// Makes one item of any ring, or does one work; likewise.
bool crew_work_once(crew *c, unsigned thread);
// Until something was made or done.
void crew_owner_wait(crew *c);
void crew_tell_owner(crew *c);

#endif
