#include "ahead.h"

#include <pthread.h>

enum { AHEAD_SLOTS = 16, AHEAD_THREADS = 4 };

// A buffer that is being loaded, or waits to be taken.
typedef struct ahead_slot {
    loaded_buffer buffer;
    damage_log damage;
    bool ready;
} ahead_slot;

typedef struct ahead {
    const etl_file *file;
    pthread_t threads[AHEAD_THREADS];
    u32 thread_count;
    pthread_mutex_t lock;
    pthread_cond_t room, ready;
    ahead_slot slots[AHEAD_SLOTS];
    u32 next, taken; // buffer indexes: next to load, first not taken yet
    bool quit;
} ahead;

static void *load(void *context)
{
    ahead *a = context;
    etl_scratch scratch = {0};
    pthread_mutex_lock(&a->lock);
    for (;;) {
        while (!a->quit && a->next < a->file->count && a->next >= a->taken + AHEAD_SLOTS)
            pthread_cond_wait(&a->room, &a->lock);
        if (a->quit || a->next >= a->file->count)
            break;
        u32 index = a->next++;
        ahead_slot *s = &a->slots[index % AHEAD_SLOTS];
        pthread_mutex_unlock(&a->lock);
        buffer_load_bytes(a->file, index, &s->buffer, &scratch, &s->damage);
        pthread_mutex_lock(&a->lock);
        s->ready = true;
        pthread_cond_signal(&a->ready);
    }
    pthread_mutex_unlock(&a->lock);
    mem_free(scratch.bytes);
    return NULL;
}

static void *ahead_begin(const etl_file *file, unsigned threads)
{
    ahead *a = mem_zeroed(1, sizeof(*a));
    a->file = file;
    pthread_mutex_init(&a->lock, NULL);
    pthread_cond_init(&a->room, NULL);
    pthread_cond_init(&a->ready, NULL);
    // One processor is busy with the survey itself.
    u32 wanted = threads - 1 < AHEAD_THREADS ? threads - 1 : AHEAD_THREADS;
    while (a->thread_count < wanted && pthread_create(&a->threads[a->thread_count], NULL, load, a) == 0)
        a->thread_count++;
    return a;
}

// Exchanges the slot's memory for the taker's, whose own serves the slot next.
static void exchange(loaded_buffer *from, loaded_buffer *into)
{
    loaded_buffer old = *into;
    into->file = from->file;
    into->desc = from->desc;
    into->memory = from->memory;
    into->room = from->room;
    into->bytes = from->bytes;
    into->hole = from->hole;
    into->count = 0;
    from->memory = old.memory;
    from->room = old.room;
}

static void ahead_take(void *run, u32 buffer_index, loaded_buffer *into, damage_log *damage)
{
    ahead *a = run;
    ahead_slot *s = &a->slots[buffer_index % AHEAD_SLOTS];
    pthread_mutex_lock(&a->lock);
    while (!s->ready && a->thread_count)
        pthread_cond_wait(&a->ready, &a->lock);
    if (!a->thread_count) { // none could be started
        etl_scratch scratch = {0};
        buffer_load_bytes(a->file, buffer_index, &s->buffer, &scratch, &s->damage);
        mem_free(scratch.bytes);
    }
    exchange(&s->buffer, into);
    damage_append(damage, &s->damage);
    damage_free(&s->damage);
    s->ready = false;
    a->taken = buffer_index + 1;
    pthread_cond_broadcast(&a->room);
    pthread_mutex_unlock(&a->lock);
}

static void ahead_end(void *run)
{
    ahead *a = run;
    pthread_mutex_lock(&a->lock);
    a->quit = true;
    pthread_cond_broadcast(&a->room);
    pthread_mutex_unlock(&a->lock);
    for (u32 i = 0; i < a->thread_count; i++)
        pthread_join(a->threads[i], NULL);
    for (u32 i = 0; i < AHEAD_SLOTS; i++) {
        loaded_buffer_free(&a->slots[i].buffer);
        damage_free(&a->slots[i].damage);
    }
    pthread_mutex_destroy(&a->lock);
    pthread_cond_destroy(&a->room);
    pthread_cond_destroy(&a->ready);
    mem_free(a);
}

const load_ahead ahead_threads = {ahead_begin, ahead_take, ahead_end};
