#include "threads/pipeline.h"

#include <pthread.h>
#include <string.h>

#include "threads/crew.h"

enum {
    APART = 128,
    SLICE_EVENTS = 512, // some 300 KiB of text: it is still in the processor's cache when it is written
    SLICES_A_THREAD = 4,
    WINDOW_BYTES = 512 << 10, // buffers loaded ahead, for each thread: likewise
    WINDOW_FEWEST = 4,
    TEXT_BYTES = 512 << 10,      // room for a slice's text from the start
    KEPT_OUTPUT_BYTES = 8 << 20, // a slice's text buffer beyond this is given back
    FEWEST_EVENTS = 4096,        // fewer are not worth a thread
};

typedef enum seat_state { SEAT_EMPTY, SEAT_MERGED, SEAT_TAKEN, SEAT_DONE } seat_state;

// One slice on its way.
typedef struct ring_seat {
    seat_state state;
    slice slice;
    outbuf out;
    u32 kept; // records that passed the record filter
    bool kept_known;
    u64 base; // records before this slice
    bool base_known;
} ring_seat;

typedef struct pipeline {
    pipeline_job *job;
    merge *merge;
    bool *classes;
    bool by_record;
    unsigned threads;
    struct worker *workers; // one a thread; [0] is the main one's
    pthread_mutex_t lock;
    pthread_cond_t work, main, base;
    u32 idle; // threads that wait for work
    bool main_waits;
    ring_seat *ring;
    u32 ring_size;
    u64 merged, claimed, committed, based; // slice numbers: next to merge, to render, to commit, first without a base
    merge_buffer **window;
    u32 window_size;
    u32 load_next, load_taken; // positions in the merge's order
    // What is free to be used again, last out first in: it may still be in a processor's cache.
    merge_buffer **spare;
    u32 spare_count, spare_cap;
    outbuf *texts;
    u32 text_count, text_cap;
    bool ended, quit;
} pipeline;

// What one thread needs for itself.
typedef struct worker {
    pipeline *pipe;
    record_room room;
    buffer_reader reader;
    outbuf where;    // for filter expressions
    u64 *counts;     // by trace and state
    u8 apart[APART]; // what a thread writes for each event shares no cache line with what another one writes
} worker;

static void worker_free(worker *w)
{
    record_room_free(&w->room);
    buffer_reader_free(&w->reader);
    outbuf_free(&w->where);
    mem_free(w->counts);
    *w = (worker){0};
}

static void add_counts(const session *s, const u64 *counts)
{
    for (u32 i = 0; i < s->trace_count; i++) {
        s->traces[i]->decoded += counts[i * RECORD_STATES + RECORD_DECODED];
        s->traces[i]->partial += counts[i * RECORD_STATES + RECORD_PARTIAL];
        s->traces[i]->raw += counts[i * RECORD_STATES + RECORD_RAW];
    }
}

static u64 *new_counts(const session *s)
{
    return mem_zeroed((size_t)s->trace_count * RECORD_STATES * sizeof(u64) + APART, 1);
}

// ---------------------------------------------------------------------------------------------- one slice

// Drops the items the record filter refuses.
static void sift(worker *w, ring_seat *seat)
{
    const pipeline_job *job = w->pipe->job;
    u32 kept = 0;
    for (u32 i = 0; i < seat->slice.count; i++) {
        const slice_item item = seat->slice.items[i];
        record rec;
        session_record_bare(job->session, &item.buffer->loaded, &item.buffer->loaded.refs[item.ref], &w->room, &rec);
        if (filter_record(job->filter, &rec, &w->where))
            seat->slice.items[kept++] = item;
    }
    seat->slice.count = kept;
}

static void render(worker *w, ring_seat *seat)
{
    const pipeline_job *job = w->pipe->job;
    outbuf out = seat->out; // seats stand side by side
    out.len = 0;
    for (u32 i = 0; i < seat->slice.count; i++) {
        const slice_item item = seat->slice.items[i];
        record rec;
        session_record(job->session, &item.buffer->loaded, &item.buffer->loaded.refs[item.ref], &w->room, &rec);
        rec.number = seat->base + i + 1;
        job->exporter->render(job->sink, &rec, &out);
        w->counts[rec.source_index * RECORD_STATES + (u32)rec.state]++;
    }
    seat->out = out;
}

static bool commit(pipeline *p, ring_seat *seat, error *e)
{
    pipeline_job *job = p->job;
    bool ok = job->exporter->commit(job->sink, (span){seat->out.bytes, seat->out.len}, seat->slice.count, e);
    job->records += seat->slice.count;
    if (seat->out.cap > KEPT_OUTPUT_BYTES)
        outbuf_free(&seat->out);
    return ok;
}

// ---------------------------------------------------------------------------------------------- without threads

static merge_buffer *take_spare(pipeline *p)
{
    return p->spare_count ? p->spare[--p->spare_count] : NULL;
}

static void give_spare(pipeline *p, merge_buffer *b)
{
    GROW(p->spare, p->spare_count, p->spare_cap);
    p->spare[p->spare_count++] = b;
}

static void put_inline(void *context, merge_buffer *b)
{
    give_spare(context, b);
}

static merge_buffer *get_inline(void *context, u32 order)
{
    worker *w = context;
    return merge_load(w->pipe->merge, order, take_spare(w->pipe), &w->reader);
}

static bool stopped(const pipeline *p)
{
    return p->job->stop && *p->job->stop;
}

static void tell(const pipeline *p, u64 events)
{
    if (p->job->progress)
        p->job->progress(p->job->context, p->job->records, events);
}

static bool run_inline(pipeline *p, error *e)
{
    worker w = {.pipe = p, .counts = new_counts(p->job->session)};
    ring_seat *seat = &p->ring[0];
    bool ok = true;
    while (ok && merge_next(p->merge, SLICE_EVENTS, &seat->slice, get_inline, &w)) {
        seat->base = p->job->records;
        if (p->by_record)
            sift(&w, seat);
        render(&w, seat);
        ok = commit(p, seat, e);
        slice_release(p->merge, &seat->slice);
        tell(p, p->job->records);
        if (ok && stopped(p))
            ok = error_set(e, "interrupted");
    }
    add_counts(p->job->session, w.counts);
    worker_free(&w);
    return ok;
}

// ---------------------------------------------------------------------------------------------- with threads

// The main thread merges and commits; what is between, and the loading of buffers ahead of the merge, is done by
// whoever has nothing else to do, the main thread too. All state is changed under the lock.

static ring_seat *seat_of(pipeline *p, u64 number)
{
    return &p->ring[number % p->ring_size];
}

// Passes record numbers along: a slice's base is known once all before it are counted. Called under the lock.
static void pass_bases(pipeline *p)
{
    bool moved = false;
    while (p->based < p->merged) {
        ring_seat *seat = seat_of(p, p->based);
        if (!seat->kept_known || !seat->base_known)
            break;
        ring_seat *next = seat_of(p, p->based + 1);
        p->based++;
        moved = true;
        // The next seat may still hold an older slice; its base is then set when it is merged.
        if (p->based < p->merged) {
            next->base = seat->base + seat->kept;
            next->base_known = true;
        }
    }
    if (moved)
        pthread_cond_broadcast(&p->base);
}

static void work_on_slice(worker *w, ring_seat *seat)
{
    pipeline *p = w->pipe;
    if (p->by_record) {
        sift(w, seat);
        pthread_mutex_lock(&p->lock);
        seat->kept = seat->slice.count;
        seat->kept_known = true;
        pass_bases(p);
        while (!seat->base_known && !p->quit)
            pthread_cond_wait(&p->base, &p->lock);
        pthread_mutex_unlock(&p->lock);
    }
    render(w, seat);
}

static void tell_main(pipeline *p)
{
    if (p->main_waits)
        pthread_cond_signal(&p->main);
}

static void tell_workers(pipeline *p)
{
    if (p->idle)
        pthread_cond_signal(&p->work);
}

// Called and returns under the lock; false: nothing to do right now.
static bool work_once(worker *w)
{
    pipeline *p = w->pipe;
    if (p->claimed < p->merged) {
        ring_seat *seat = seat_of(p, p->claimed++);
        seat->state = SEAT_TAKEN;
        if (p->text_count)
            seat->out = p->texts[--p->text_count];
        else
            (void)outbuf_reserve(&seat->out, TEXT_BYTES);
        pthread_mutex_unlock(&p->lock);
        work_on_slice(w, seat);
        pthread_mutex_lock(&p->lock);
        seat->state = SEAT_DONE;
        tell_main(p);
        return true;
    }
    while (p->load_next < merge_buffer_count(p->merge) && merge_is_kept(p->merge, p->load_next))
        p->load_next++; // the main thread has it without waiting
    if (p->load_next < merge_buffer_count(p->merge) && p->load_next < p->load_taken + p->window_size) {
        u32 order = p->load_next++;
        merge_buffer *reuse = take_spare(p);
        pthread_mutex_unlock(&p->lock);
        merge_buffer *b = merge_load(p->merge, order, reuse, &w->reader);
        pthread_mutex_lock(&p->lock);
        p->window[order % p->window_size] = b;
        tell_main(p);
        return true;
    }
    return false;
}

static void work(void *context, unsigned number)
{
    pipeline *p = context;
    worker *w = &p->workers[number];
    pthread_mutex_lock(&p->lock);
    while (!p->quit) {
        if (work_once(w))
            continue;
        p->idle++;
        pthread_cond_wait(&p->work, &p->lock);
        p->idle--;
    }
    pthread_mutex_unlock(&p->lock);
}

static void work_or_wait(worker *w)
{
    pipeline *p = w->pipe;
    if (work_once(w))
        return;
    p->main_waits = true;
    pthread_cond_wait(&p->main, &p->lock);
    p->main_waits = false;
}

static merge_buffer *get_loaded(void *context, u32 order)
{
    worker *w = context;
    pipeline *p = w->pipe;
    merge_buffer **place = &p->window[order % p->window_size], *b = NULL;
    pthread_mutex_lock(&p->lock);
    bool here = order >= p->load_next || merge_is_kept(p->merge, order); // nobody has begun with it
    if (here && order >= p->load_next)
        p->load_next = order + 1;
    while (!here && !*place)
        work_or_wait(w);
    if (here)
        b = take_spare(p);
    else
        b = *place;
    *place = NULL;
    p->load_taken = order + 1; // only now may the place be used for another one
    tell_workers(p);
    pthread_mutex_unlock(&p->lock);
    return here ? merge_load(p->merge, order, b, &w->reader) : b;
}

static void put_locked(void *context, merge_buffer *b)
{
    pipeline *p = context;
    pthread_mutex_lock(&p->lock);
    give_spare(p, b);
    pthread_mutex_unlock(&p->lock);
}

// Merges the next slice into its seat. Called under the lock, returns under it.
static void merge_slice(worker *w)
{
    pipeline *p = w->pipe;
    ring_seat *seat = seat_of(p, p->merged);
    pthread_mutex_unlock(&p->lock);
    bool more = merge_next(p->merge, SLICE_EVENTS, &seat->slice, get_loaded, w);
    pthread_mutex_lock(&p->lock);
    if (!more) {
        p->ended = true;
        return;
    }
    seat->state = SEAT_MERGED;
    seat->kept = seat->slice.count;
    seat->kept_known = seat->base_known = !p->by_record;
    seat->base = seat->slice.first;
    if (p->by_record && p->merged == 0) {
        seat->base_known = true;
    } else if (p->by_record && p->based == p->merged) {
        const ring_seat *before = seat_of(p, p->merged - 1);
        seat->base = before->base + before->kept;
        seat->base_known = true;
    }
    p->merged++;
    tell_workers(p);
}

static bool commit_next(worker *w, error *e)
{
    pipeline *p = w->pipe;
    ring_seat *seat = seat_of(p, p->committed);
    pthread_mutex_unlock(&p->lock);
    bool ok = commit(p, seat, e);
    slice_release(p->merge, &seat->slice);
    tell(p, p->job->records);
    pthread_mutex_lock(&p->lock);
    GROW(p->texts, p->text_count, p->text_cap);
    p->texts[p->text_count++] = seat->out;
    seat->out = (outbuf){0};
    seat->state = SEAT_EMPTY;
    p->committed++;
    return ok && !stopped(p) ? true : ok ? error_set(e, "interrupted") : false;
}

static bool drive(worker *w, error *e)
{
    pipeline *p = w->pipe;
    bool ok = true;
    pthread_mutex_lock(&p->lock);
    while (ok && !(p->ended && p->committed == p->merged)) {
        if (p->committed < p->merged && seat_of(p, p->committed)->state == SEAT_DONE)
            ok = commit_next(w, e);
        else if (!p->ended && p->merged - p->committed < p->ring_size - 1)
            merge_slice(w);
        else
            work_or_wait(w);
    }
    p->quit = true;
    pthread_cond_broadcast(&p->work);
    pthread_cond_broadcast(&p->base);
    pthread_mutex_unlock(&p->lock);
    return ok;
}

// Runs `others` on all threads but this one, `of_main` here.
static bool run_threads(pipeline *p, void (*others)(void *, unsigned), bool (*of_main)(worker *, error *), error *e)
{
    crew *threads = p->threads > 1 ? p->job->crew : NULL;
    p->workers = mem_zeroed(p->threads, sizeof(*p->workers));
    for (unsigned i = 0; i < p->threads; i++) {
        p->workers[i].pipe = p;
        p->workers[i].counts = new_counts(p->job->session);
    }
    crew_start(threads, others, p);
    bool ok = of_main(&p->workers[0], e);
    crew_wait(threads);
    for (unsigned i = 0; i < p->threads; i++) {
        worker *w = &p->workers[i];
        add_counts(p->job->session, w->counts);
        worker_free(w);
    }
    mem_free(p->workers);
    return ok;
}

// ---------------------------------------------------------------------------------------------- set up and clear

static u32 window_of(const session *s, unsigned threads)
{
    u32 largest = 65536;
    for (u32 i = 0; i < s->trace_count; i++)
        if (s->traces[i]->file.epochs[0].buffer_size > largest)
            largest = s->traces[i]->file.epochs[0].buffer_size;
    u32 fits = (u32)((u64)WINDOW_BYTES * threads / largest);
    return fits < WINDOW_FEWEST ? WINDOW_FEWEST : fits;
}

// `asked`, by class index: others are not wanted whatever the filter says; NULL: it alone decides.
static merge_filter class_filter(pipeline *p, const bool *asked)
{
    const pipeline_job *job = p->job;
    const class_table *classes = job->session->classes;
    merge_filter out = {NULL, false, job->filter->since, job->filter->until};
    out.classes = asked;
    if (asked || filter_is_open(job->filter))
        return out;
    p->classes = mem_zeroed(class_count(classes), sizeof(*p->classes));
    p->by_record = false;
    for (u32 i = 0; i < class_count(classes); i++) {
        where_truth truth = filter_class(job->filter, class_list(classes)[i]);
        p->classes[i] = truth != WHERE_NEVER;
        p->by_record |= truth == WHERE_SOMETIMES;
    }
    out.classes = p->classes;
    return out;
}

static void open_pipe(pipeline *p, pipeline_job *job, const bool *asked)
{
    *p = (pipeline){.job = job, .by_record = filter_needs_record(job->filter)};
    merge_filter through = class_filter(p, asked);
    p->merge = merge_new(job->session, &through);
    job->records = 0;
    u64 events = 0;
    for (u32 i = 0; i < job->session->trace_count; i++)
        events += job->session->traces[i]->events;
    p->threads = events < FEWEST_EVENTS ? 1 : crew_threads(job->crew);
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->work, NULL);
    pthread_cond_init(&p->main, NULL);
    pthread_cond_init(&p->base, NULL);
}

static void close_pipe(pipeline *p)
{
    pthread_mutex_destroy(&p->lock);
    pthread_cond_destroy(&p->work);
    pthread_cond_destroy(&p->main);
    pthread_cond_destroy(&p->base);
    for (u32 i = 0; i < p->spare_count; i++)
        merge_buffer_free(p->spare[i]);
    for (u32 i = 0; i < p->text_count; i++)
        outbuf_free(&p->texts[i]);
    mem_free(p->spare);
    mem_free(p->texts);
    mem_free(p->classes);
    merge_free(p->merge);
}

bool pipeline_run(pipeline_job *job, error *e)
{
    pipeline p;
    open_pipe(&p, job, NULL);
    p.ring_size = p.threads > 1 ? p.threads * SLICES_A_THREAD : 1;
    p.ring = mem_zeroed(p.ring_size, sizeof(*p.ring));
    p.window_size = window_of(job->session, p.threads);
    p.window = mem_zeroed(p.window_size, sizeof(*p.window));
    merge_on_release(p.merge, p.threads > 1 ? put_locked : put_inline, &p);
    bool ok = p.threads > 1 ? run_threads(&p, work, drive, e) : run_inline(&p, e);
    // After a failure buffers are still in use; the ones at hand are given back, the process is about to end.
    for (u32 i = 0; i < p.ring_size; i++) {
        outbuf_free(&p.ring[i].out);
        mem_free(p.ring[i].slice.items);
        mem_free(p.ring[i].slice.buffers);
    }
    for (u32 i = 0; i < p.window_size; i++)
        merge_buffer_free(p.window[i]);
    mem_free(p.ring);
    mem_free(p.window);
    close_pipe(&p);
    return ok;
}

// ---------------------------------------------------------------------------------------------- counting

static void count_buffer(worker *w, const merge_buffer *b)
{
    pipeline *p = w->pipe;
    const session *s = p->job->session;
    const loaded_buffer *l = &b->loaded;
    u64 *counts = w->counts + (size_t)l->file_index * RECORD_STATES;
    for (u32 i = 0; i < merge_picked(b); i++) {
        const event_ref *ref = &l->refs[merge_pick(b, i)];
        if (!p->by_record) {
            counts[session_state(s, l, ref, &w->room)]++;
            continue;
        }
        record rec;
        session_record_bare(s, l, ref, &w->room, &rec);
        counts[rec.state] += filter_record(p->job->filter, &rec, &w->where);
    }
}

static void count_buffers(worker *w)
{
    pipeline *p = w->pipe;
    merge_buffer *b = NULL;
    pthread_mutex_lock(&p->lock);
    while (p->load_next < merge_buffer_count(p->merge) && !stopped(p)) {
        u32 order = p->load_next++;
        pthread_mutex_unlock(&p->lock);
        b = merge_load(p->merge, order, b, &w->reader);
        count_buffer(w, b);
        pthread_mutex_lock(&p->lock);
    }
    pthread_mutex_unlock(&p->lock);
    merge_buffer_free(b);
}

static void count_on_thread(void *context, unsigned number)
{
    pipeline *p = context;
    count_buffers(&p->workers[number]);
}

static bool count_on_main(worker *w, error *e)
{
    count_buffers(w);
    return !stopped(w->pipe) || error_set(e, "interrupted");
}

bool pipeline_count(pipeline_job *job, error *e)
{
    session *s = job->session;
    bool ok = true;
    if (!s->count_states || s->recount) {
        pipeline p;
        open_pipe(&p, job, s->recount);
        ok = run_threads(&p, count_on_thread, count_on_main, e);
        close_pipe(&p);
    }
    job->records = 0;
    for (u32 i = 0; i < s->trace_count; i++) {
        trace *t = s->traces[i];
        t->decoded += t->states[RECORD_DECODED];
        t->partial += t->states[RECORD_PARTIAL];
        t->raw += t->states[RECORD_RAW];
        job->records += t->decoded + t->partial + t->raw;
    }
    return ok;
}
