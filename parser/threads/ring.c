#include "threads/ring.h"

#include "base/arena.h"
#include "threads/threads.h"

struct ring {
    ring_plan plan;
    u8 *slots;
    bool *made;  // by slot
    u64 opened;  // items below may be made
    u64 claimed; // items below are made or being made
    u64 taken;   // items below were given back
    u32 working; // being made
};

static void lock(const ring *r)
{
    if (r->plan.crew)
        pthread_mutex_lock(&r->plan.crew->lock);
}

static void unlock(const ring *r)
{
    if (r->plan.crew)
        pthread_mutex_unlock(&r->plan.crew->lock);
}

static void *slot_of(const ring *r, u64 number)
{
    return r->slots + number % r->plan.slots * r->plan.slot_bytes;
}

// Under the lock, as all that is static below: how many items can be made now.
static u64 ready_to_make(const ring *r)
{
    u64 end = r->taken + r->plan.slots;
    end = end < r->opened ? end : r->opened;
    return end > r->claimed ? end - r->claimed : 0;
}

static void wake_members(const ring *r)
{
    crew *c = r->plan.crew;
    u64 ready = ready_to_make(r);
    if (!c || !c->idle || !ready || (r->plan.lazy && ready < r->plan.slots / 2))
        return;
    if (ready > 1 && c->idle > 1)
        pthread_cond_broadcast(&c->wake);
    else
        pthread_cond_signal(&c->wake);
}

bool ring_work(ring *r, unsigned thread)
{
    if (!ready_to_make(r))
        return false;
    u64 number = r->claimed++;
    r->working++;
    unlock(r);
    r->plan.make(r->plan.context, thread, slot_of(r, number), number);
    lock(r);
    r->working--;
    r->made[number % r->plan.slots] = true;
    if (r->plan.crew)
        crew_tell_owner(r->plan.crew);
    return true;
}

ring *ring_new(const ring_plan *plan)
{
    ring *r = mem_zeroed(1, sizeof(*r));
    r->plan = *plan;
    r->slots = mem_zeroed(plan->slots, plan->slot_bytes);
    r->made = mem_zeroed(plan->slots, sizeof(*r->made));
    if (plan->crew) {
        lock(r);
        plan->crew->rings[plan->rank] = r;
        unlock(r);
    }
    return r;
}

void ring_free(ring *r, void (*clear)(void *slot))
{
    if (!r)
        return;
    lock(r);
    r->opened = r->claimed;
    while (r->working)
        crew_owner_wait(r->plan.crew);
    if (r->plan.crew)
        r->plan.crew->rings[r->plan.rank] = NULL;
    unlock(r);
    for (u32 i = 0; clear && i < r->plan.slots; i++)
        clear(slot_of(r, i));
    mem_free(r->slots);
    mem_free(r->made);
    mem_free(r);
}

void ring_open(ring *r, u64 end)
{
    lock(r);
    r->opened = end;
    wake_members(r);
    unlock(r);
}

bool ring_is_ready(ring *r)
{
    lock(r);
    bool ready = r->made[r->taken % r->plan.slots];
    unlock(r);
    return ready;
}

static void work_or_wait(ring *r)
{
    crew *c = r->plan.crew;
    if (!c)
        (void)ring_work(r, 0);
    else if (!crew_work_once(c, 0))
        crew_owner_wait(c);
}

void ring_work_or_wait(ring *r)
{
    lock(r);
    if (!r->made[r->taken % r->plan.slots])
        work_or_wait(r);
    unlock(r);
}

void *ring_take(ring *r)
{
    lock(r);
    while (!r->made[r->taken % r->plan.slots])
        work_or_wait(r);
    unlock(r);
    return slot_of(r, r->taken);
}

void ring_release(ring *r)
{
    lock(r);
    r->made[r->taken % r->plan.slots] = false;
    r->taken++;
    wake_members(r);
    unlock(r);
}
