#include "crew.h"

#include <pthread.h>

#include "base/arena.h"

typedef struct member {
    crew *crew;
    pthread_t thread;
    unsigned number;
} member;

struct crew {
    pthread_mutex_t lock;
    pthread_cond_t begin, back;
    void (*work)(void *context, unsigned number);
    void *context;
    struct {
        void (*work)(void *context);
        void *context;
    } given;       // by crew_give
    unsigned turn; // counts works given
    unsigned busy; // members that are not back from this turn's
    bool quit;
    unsigned count; // members; the caller is none
    member members[];
};

static void *serve(void *context)
{
    member *m = context;
    crew *c = m->crew;
    unsigned done = 0;
    pthread_mutex_lock(&c->lock);
    for (;;) {
        while (!c->quit && c->turn == done)
            pthread_cond_wait(&c->begin, &c->lock);
        if (c->turn == done)
            break;
        done = c->turn;
        pthread_mutex_unlock(&c->lock);
        c->work(c->context, m->number);
        pthread_mutex_lock(&c->lock);
        if (--c->busy == 0)
            pthread_cond_signal(&c->back);
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

crew *crew_new(unsigned threads)
{
    unsigned others = threads ? threads - 1 : 0;
    crew *c = mem_zeroed(1, sizeof(*c) + others * sizeof(member));
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->begin, NULL);
    pthread_cond_init(&c->back, NULL);
    for (; c->count < others; c->count++) {
        member *m = &c->members[c->count];
        m->crew = c;
        m->number = c->count + 1;
        if (pthread_create(&m->thread, NULL, serve, m) != 0)
            break;
    }
    return c;
}

void crew_free(crew *c)
{
    if (!c)
        return;
    pthread_mutex_lock(&c->lock);
    c->quit = true;
    pthread_cond_broadcast(&c->begin);
    pthread_mutex_unlock(&c->lock);
    for (unsigned i = 0; i < c->count; i++)
        pthread_join(c->members[i].thread, NULL);
    pthread_mutex_destroy(&c->lock);
    pthread_cond_destroy(&c->begin);
    pthread_cond_destroy(&c->back);
    mem_free(c);
}

unsigned crew_threads(const crew *c)
{
    return c ? c->count + 1 : 1;
}

void crew_start(crew *c, void (*work)(void *context, unsigned number), void *context)
{
    if (!c || !c->count)
        return;
    pthread_mutex_lock(&c->lock);
    c->work = work;
    c->context = context;
    c->busy = c->count;
    c->turn++;
    pthread_cond_broadcast(&c->begin);
    pthread_mutex_unlock(&c->lock);
}

static void do_given(void *context, unsigned number)
{
    crew *c = context;
    if (number == 1)
        c->given.work(c->given.context);
}

void crew_give(crew *c, void (*work)(void *context), void *context)
{
    if (!c || !c->count) {
        work(context);
        return;
    }
    c->given.work = work;
    c->given.context = context;
    crew_start(c, do_given, c);
}

void crew_wait(crew *c)
{
    if (!c || !c->count)
        return;
    pthread_mutex_lock(&c->lock);
    while (c->busy)
        pthread_cond_wait(&c->back, &c->lock);
    pthread_mutex_unlock(&c->lock);
}
