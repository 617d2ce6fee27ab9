#include "threads/crew.h"

#include <pthread.h>

#include "base/arena.h"

enum { WORKS = 4 }; // given and not done by all

typedef struct member {
    crew *crew;
    pthread_t thread;
    unsigned number;
    unsigned done; // works
} member;

typedef struct crew_work {
    void (*all)(void *context, unsigned number);
    void (*one)(void *context); // or this, for the first member only
    void *context;
} crew_work;

struct crew {
    pthread_mutex_t lock;
    pthread_cond_t begin, back;
    crew_work works[WORKS]; // by turn
    unsigned turn;          // works given so far
    bool quit;
    unsigned count; // members; the caller is none
    member members[];
};

static void *serve(void *context)
{
    member *m = context;
    crew *c = m->crew;
    pthread_mutex_lock(&c->lock);
    for (;;) {
        while (!c->quit && c->turn == m->done)
            pthread_cond_wait(&c->begin, &c->lock);
        if (c->turn == m->done)
            break;
        crew_work work = c->works[m->done % WORKS];
        pthread_mutex_unlock(&c->lock);
        if (work.all)
            work.all(work.context, m->number);
        else if (m->number == 1)
            work.one(work.context);
        pthread_mutex_lock(&c->lock);
        m->done++;
        pthread_cond_signal(&c->back);
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

// Works given that are not done by all. Called under the lock.
static unsigned unfinished(const crew *c)
{
    unsigned most = 0;
    for (unsigned i = 0; i < c->count; i++)
        if (c->turn - c->members[i].done > most)
            most = c->turn - c->members[i].done;
    return most;
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

void crew_dismiss(crew *c)
{
    if (!c)
        return;
    pthread_mutex_lock(&c->lock);
    c->quit = true;
    pthread_cond_broadcast(&c->begin);
    pthread_mutex_unlock(&c->lock);
}

void crew_free(crew *c)
{
    if (!c)
        return;
    crew_dismiss(c);
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

static void add_work(crew *c, crew_work work)
{
    pthread_mutex_lock(&c->lock);
    while (unfinished(c) == WORKS)
        pthread_cond_wait(&c->back, &c->lock);
    c->works[c->turn++ % WORKS] = work;
    pthread_cond_broadcast(&c->begin);
    pthread_mutex_unlock(&c->lock);
}

void crew_start(crew *c, void (*work)(void *context, unsigned number), void *context)
{
    if (c && c->count)
        add_work(c, (crew_work){.all = work, .context = context});
}

void crew_give(crew *c, void (*work)(void *context), void *context)
{
    if (c && c->count)
        add_work(c, (crew_work){.one = work, .context = context});
    else
        work(context);
}

void crew_wait(crew *c)
{
    if (!c || !c->count)
        return;
    pthread_mutex_lock(&c->lock);
    while (unfinished(c))
        pthread_cond_wait(&c->back, &c->lock);
    pthread_mutex_unlock(&c->lock);
}
