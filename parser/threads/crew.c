#include "threads/crew.h"

#include "base/arena.h"
#include "threads/threads.h"

void crew_tell_owner(crew *c)
{
    if (c->owner_waits)
        pthread_cond_signal(&c->owner);
}

void crew_owner_wait(crew *c)
{
    c->owner_waits = true;
    pthread_cond_wait(&c->owner, &c->lock);
    c->owner_waits = false;
}

static bool do_given(crew *c)
{
    if (c->begun == c->given)
        return false;
    crew_work work = c->works[c->begun++ % WORKS];
    pthread_mutex_unlock(&c->lock);
    work.work(work.context);
    pthread_mutex_lock(&c->lock);
    c->done++;
    crew_tell_owner(c);
    return true;
}

bool crew_work_once(crew *c, unsigned thread)
{
    if (do_given(c))
        return true;
    for (u32 i = 0; i < RING_RANKS; i++)
        if (c->rings[i] && ring_work(c->rings[i], thread))
            return true;
    return false;
}

static void *serve(void *context)
{
    const member *m = context;
    crew *c = m->crew;
    pthread_mutex_lock(&c->lock);
    for (;;) {
        if (crew_work_once(c, m->number))
            continue;
        if (c->quit)
            break;
        c->idle++;
        pthread_cond_wait(&c->wake, &c->lock);
        c->idle--;
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

crew *crew_new(unsigned threads)
{
    if (threads < 2)
        return NULL;
    crew *c = mem_zeroed(1, sizeof(*c) + (threads - 1) * sizeof(member));
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->wake, NULL);
    pthread_cond_init(&c->owner, NULL);
    for (unsigned i = 0; i + 1 < threads; i++) {
        member *m = &c->members[i];
        *m = (member){.crew = c, .number = i + 1};
        if (pthread_create(&m->thread, NULL, serve, m) != 0)
            break;
        c->count++;
    }
    if (c->count)
        return c;
    crew_free(c);
    return NULL;
}

void crew_dismiss(crew *c)
{
    if (!c)
        return;
    pthread_mutex_lock(&c->lock);
    c->quit = true;
    pthread_cond_broadcast(&c->wake);
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
    pthread_cond_destroy(&c->wake);
    pthread_cond_destroy(&c->owner);
    mem_free(c);
}

unsigned crew_threads(const crew *c)
{
    return c ? c->count + 1 : 1;
}

void crew_give(crew *c, void (*work)(void *context), void *context)
{
    if (!c) {
        work(context);
        return;
    }
    pthread_mutex_lock(&c->lock);
    while (c->given - c->begun == WORKS)
        (void)do_given(c);
    c->works[c->given++ % WORKS] = (crew_work){work, context};
    if (c->idle)
        pthread_cond_signal(&c->wake);
    pthread_mutex_unlock(&c->lock);
}

void crew_wait(crew *c)
{
    if (!c)
        return;
    pthread_mutex_lock(&c->lock);
    while (c->done != c->given)
        if (!crew_work_once(c, 0))
            crew_owner_wait(c);
    pthread_mutex_unlock(&c->lock);
}
