// Whose the threads are, as stacks tell: they name thread and process of their event. Traces without a rundown of
// threads have nothing else.
#include "correlate/correlate_internal.h"

stack_thread stack_thread_of(const correlator *c, const loaded_buffer *b, span payload)
{
    i64 time = clock_filetime(etl_clock(b->file, b->desc), load_i64(payload.at + STACK_TARGET_AT));
    return (stack_thread){source_of(c, b->file_index, b->desc->trace_header), load_u32(payload.at + STACK_THREAD_AT),
                          load_u32(payload.at + STACK_PROCESS_AT), time, false};
}

void stack_note_thread(const correlator *c, const loaded_buffer *b, span payload, stack_notes *notes)
{
    u32 thread = load_u32(payload.at + STACK_THREAD_AT), process = load_u32(payload.at + STACK_PROCESS_AT);
    u32 *latest = &notes->latest[thread / 4 % STACK_THREADS]; // ids are multiples of four
    const stack_thread *last = *latest < notes->thread_count ? &notes->threads[*latest] : NULL;
    if (last && last->thread == thread && last->process == process)
        return;
    *latest = notes->thread_count;
    GROW(notes->threads, notes->thread_count, notes->thread_cap);
    notes->threads[notes->thread_count++] = stack_thread_of(c, b, payload);
}

void correlator_note_epoch(const correlator *c, stack_notes *notes, u32 trace, u32 epoch)
{
    for (u32 i = 0; i < notes->thread_count; i++)
        notes->threads[i].source = source_of(c, trace, epoch);
}

void correlator_forget_threads(stack_notes *notes)
{
    notes->thread_count = 0;
}

void stack_notes_clear(stack_notes *notes)
{
    notes->count = notes->thread_count = 0;
}

void stack_notes_free(stack_notes *notes)
{
    mem_free(notes->list);
    mem_free(notes->threads);
    *notes = (stack_notes){0};
}

static bool same_thread(const void *threads, u32 index, const void *key)
{
    const stack_thread *x = (const stack_thread *)threads + index, *y = key;
    return x->source == y->source && x->thread == y->thread;
}

static u64 thread_hash(const stack_thread *t)
{
    return hash_u64((u64)t->source << 32 | t->thread);
}

// What repeats the last one of its thread says nothing new. The idle threads of all processors are thread 0.
void stack_add_thread(stack_book *b, const stack_thread *t)
{
    if (!t->thread)
        return;
    u64 hash = thread_hash(t);
    u32 last = map_find(&b->thread_map, hash, same_thread, b->threads, t);
    if (last != MAP_NONE && b->threads[last].process == t->process)
        return;
    if (b->thread_count >= LIMIT_STACK_THREADS) {
        b->thread_refused++;
        return;
    }
    if (last != MAP_NONE)
        map_remove(&b->thread_map, hash, last);
    map_add(&b->thread_map, hash, b->thread_count);
    GROW(b->threads, b->thread_count, b->thread_cap);
    b->threads[b->thread_count++] = *t;
}

// Marks the threads that the history has facts of. Facts may be many more than these threads.
static void mark_known(const correlator *c, const history *threads, const map *places, stack_thread *threads_seen)
{
    u64 passed = 0;
    for (u32 i = 0; i < threads->fact_count; i++) {
        const fact *f = &threads->facts[i];
        stack_thread key = {.source = c->machines[f->source], .thread = (u32)f->id};
        u32 at = map_find(places, thread_hash(&key), same_thread, threads_seen, &key);
        if (at != MAP_NONE)
            threads_seen[at].is_known = true;
        spill_pass(&passed, sizeof(*f), SPILL_ITEMS);
    }
}

void stack_tell_threads(const correlator *c, history *threads)
{
    const stack_book *b = &c->stacks;
    map places = {0}; // (machine, thread) -> the first one of it
    stack_thread *threads_seen = mem_zeroed(b->thread_count, sizeof(*threads_seen));
    for (u32 i = 0; i < b->thread_count; i++) {
        threads_seen[i] = b->threads[i];
        threads_seen[i].source = c->machines[threads_seen[i].source];
        if (map_find(&places, thread_hash(&threads_seen[i]), same_thread, threads_seen, &threads_seen[i]) == MAP_NONE)
            map_add(&places, thread_hash(&threads_seen[i]), i);
    }
    if (b->thread_count)
        mark_known(c, threads, &places, threads_seen);
    for (u32 i = 0; i < b->thread_count; i++) {
        const stack_thread *t = &b->threads[i];
        fact f = {t->thread, t->time, NULL, t->process, t->source, FACT_EXISTS};
        if (!threads_seen[map_find(&places, thread_hash(&threads_seen[i]), same_thread, threads_seen, &threads_seen[i])]
                 .is_known)
            history_tell(threads, &f);
    }
    threads->refused += b->thread_refused;
    map_free(&places);
    mem_free(threads_seen);
}

void stack_free_threads(stack_book *b)
{
    mem_free(b->threads);
    map_free(&b->thread_map);
}
