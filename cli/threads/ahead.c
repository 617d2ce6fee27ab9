#include "threads/ahead.h"

#include <pthread.h>

#include "threads/crew.h"

enum {
    AHEAD_SLOTS = 16,       // buffers that are scanned and not yet taken
    AHEAD_BYTES = 16 << 20, // and their bytes together
};

typedef struct ahead_slot {
    scanned scanned;
    bool ready;
} ahead_slot;

typedef struct ahead {
    session *session;
    const etl_file *file;
    u32 trace_index;
    crew *crew;
    scanner **scanners; // one a thread; [0] is the survey's own
    pthread_mutex_t lock;
    pthread_cond_t room, ready;
    ahead_slot slots[AHEAD_SLOTS];
    u32 slot_count;
    u32 next, taken; // buffer indexes: next to scan, first the survey is not done with
    u32 idle;        // threads that wait for room
    bool wanted;     // the survey waits for its buffer
    bool quit;
} ahead;

// Under the lock, as all below.
static bool can_scan(const ahead *a)
{
    return a->next < a->file->count && a->next < a->taken + a->slot_count;
}

static ahead_slot *slot_of(ahead *a, u32 buffer_index)
{
    return &a->slots[buffer_index % a->slot_count];
}

static void scan_next(ahead *a, scanner *by)
{
    u32 index = a->next++;
    u8 *place = keep_place(a->session, a->trace_index, index);
    ahead_slot *own = slot_of(a, index);
    pthread_mutex_unlock(&a->lock);
    scan_buffer(by, a->file, a->trace_index, index, place, &own->scanned);
    pthread_mutex_lock(&a->lock);
    own->ready = true;
    if (a->wanted && index == a->taken)
        pthread_cond_signal(&a->ready);
}

static void work(void *context, unsigned number)
{
    ahead *a = context;
    pthread_mutex_lock(&a->lock);
    while (!a->quit && a->next < a->file->count) {
        if (can_scan(a)) {
            scan_next(a, a->scanners[number]);
        } else {
            a->idle++;
            pthread_cond_wait(&a->room, &a->lock);
            a->idle--;
        }
    }
    pthread_mutex_unlock(&a->lock);
}

static u32 slots_for(const etl_file *f)
{
    size_t largest = 1;
    for (u32 i = 0; i < f->count; i++)
        if (etl_room(&f->buffers[i]) > largest)
            largest = etl_room(&f->buffers[i]);
    size_t fits = AHEAD_BYTES / largest;
    return fits < 2 ? 2 : fits < AHEAD_SLOTS ? (u32)fits : AHEAD_SLOTS;
}

static void *ahead_begin(session *s, u32 trace_index, void *context)
{
    ahead *a = mem_zeroed(1, sizeof(*a));
    a->session = s;
    a->file = &s->traces[trace_index]->file;
    a->trace_index = trace_index;
    a->slot_count = slots_for(a->file);
    pthread_mutex_init(&a->lock, NULL);
    pthread_cond_init(&a->room, NULL);
    pthread_cond_init(&a->ready, NULL);
    a->crew = context;
    a->scanners = mem_zeroed(crew_threads(a->crew), sizeof(*a->scanners));
    for (unsigned i = 0; i < crew_threads(a->crew); i++)
        a->scanners[i] = scanner_new(s->correlator);
    crew_start(a->crew, work, a);
    return a;
}

static scanned *ahead_take(void *run, u32 buffer_index)
{
    ahead *a = run;
    ahead_slot *asked = slot_of(a, buffer_index);
    pthread_mutex_lock(&a->lock);
    a->taken = buffer_index;
    if (a->idle &&
        a->next - a->taken <= a->slot_count / 2) // waking a thread for each single slot costs more than it does
        pthread_cond_broadcast(&a->room);
    while (!asked->ready) {
        if (can_scan(a)) {
            scan_next(a, a->scanners[0]);
        } else {
            a->wanted = true;
            pthread_cond_wait(&a->ready, &a->lock);
            a->wanted = false;
        }
    }
    asked->ready = false;
    pthread_mutex_unlock(&a->lock);
    return &asked->scanned;
}

static void ahead_end(void *run)
{
    ahead *a = run;
    pthread_mutex_lock(&a->lock);
    a->quit = true;
    pthread_cond_broadcast(&a->room);
    pthread_mutex_unlock(&a->lock);
    crew_wait(a->crew);
    for (u32 i = 0; i < a->slot_count; i++)
        scan_count(a->scanners[0], &a->slots[i].scanned);
    for (unsigned i = 0; i < crew_threads(a->crew); i++)
        session_take_states(a->session, a->trace_index, a->scanners[i]);
    for (u32 i = 0; i < AHEAD_SLOTS; i++)
        scanned_free(&a->slots[i].scanned);
    for (unsigned i = 0; i < crew_threads(a->crew); i++)
        scanner_free(a->scanners[i]);
    mem_free(a->scanners);
    pthread_mutex_destroy(&a->lock);
    pthread_cond_destroy(&a->room);
    pthread_cond_destroy(&a->ready);
    mem_free(a);
}

static void ahead_beside(void *context, void (*work_of_one)(void *), void *work_context)
{
    crew_give(context, work_of_one, work_context);
}

static void ahead_join(void *context)
{
    crew_wait(context);
}

const survey_threads ahead_threads = {ahead_beside, ahead_join, ahead_begin, ahead_take, ahead_end};
