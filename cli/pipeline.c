#include "pipeline.h"

#include <pthread.h>
#include <string.h>

enum {
    SLICE_EVENTS = 512, // some 300 KiB of text: it is still in the processor's cache when it is written
    SLICES_A_THREAD = 4,
    WINDOW_BYTES = 4 << 20,   // buffers loaded ahead, for each thread
    WINDOW_FEWEST = 4,
    KEPT_OUTPUT_BYTES = 8 << 20, // a slice's text buffer beyond this is given back
};

typedef enum seat_state { SEAT_EMPTY, SEAT_MERGED, SEAT_TAKEN, SEAT_DONE } seat_state;

// One slice on its way.
typedef struct ring_seat {
    seat_state state;
    slice slice;
    outbuf out;
    u32 kept;        // records that passed the record filter
    bool kept_known;
    u64 base;        // records before this slice
    bool base_known;
    u64 *counts;     // decoded, partial, raw for each trace
} ring_seat;

typedef struct pipeline {
    pipeline_job *job;
    merge *merge;
    bool *classes;
    bool by_record;
    pthread_mutex_t lock;
    pthread_cond_t work, main, base;
    ring_seat *ring;
    u32 ring_size;
    u64 merged, claimed, committed, based; // slice numbers: next to merge, to render, to commit, first without a base
    merge_buffer **window;
    u32 window_size;
    u32 load_next, load_taken; // positions in the merge's order
    merge_buffer **spare;
    u32 spare_count, spare_cap;
    bool ended, quit;
} pipeline;

// What one thread needs for itself.
typedef struct worker {
    pipeline *pipe;
    pthread_t thread;
    record_room room;
    buffer_reader reader;
    outbuf where; // for filter expressions
} worker;

static void worker_free(worker *w)
{
    record_room_free(&w->room);
    buffer_reader_free(&w->reader);
    outbuf_free(&w->where);
}

// ---------------------------------------------------------------------------------------------- one slice

static void count_record(pipeline *p, ring_seat *seat, const record *rec)
{
    (void)p;
    seat->counts[rec->source_index * 3 + (u32)rec->state]++;
}

// Drops the items the record filter refuses.
static void sift(worker *w, ring_seat *seat)
{
    const pipeline_job *job = w->pipe->job;
    u32 kept = 0;
    for (u32 i = 0; i < seat->slice.count; i++) {
        const slice_item item = seat->slice.items[i];
        record rec;
        session_record(job->session, &item.buffer->loaded, &item.buffer->loaded.refs[item.ref], &w->room, &rec);
        if (filter_record(job->filter, &rec, &w->where))
            seat->slice.items[kept++] = item;
    }
    seat->slice.count = kept;
}

static void render(worker *w, ring_seat *seat)
{
    const pipeline_job *job = w->pipe->job;
    seat->out.len = 0;
    memset(seat->counts, 0, job->session->trace_count * 3 * sizeof(*seat->counts));
    for (u32 i = 0; i < seat->slice.count; i++) {
        const slice_item item = seat->slice.items[i];
        record rec;
        session_record(job->session, &item.buffer->loaded, &item.buffer->loaded.refs[item.ref], &w->room, &rec);
        rec.number = seat->base + i + 1;
        job->exporter->render(job->sink, &rec, &seat->out);
        count_record(w->pipe, seat, &rec);
    }
}

static bool commit(pipeline *p, ring_seat *seat, error *e)
{
    pipeline_job *job = p->job;
    bool ok = job->exporter->commit(job->sink, (span){seat->out.bytes, seat->out.len}, seat->slice.count, e);
    job->records += seat->slice.count;
    for (u32 i = 0; i < job->session->trace_count; i++) {
        trace *t = job->session->traces[i];
        t->decoded += seat->counts[i * 3 + RECORD_DECODED];
        t->partial += seat->counts[i * 3 + RECORD_PARTIAL];
        t->raw += seat->counts[i * 3 + RECORD_RAW];
    }
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
    worker w = {.pipe = p};
    ring_seat *seat = &p->ring[0];
    bool ok = true;
    merge_on_release(p->merge, put_inline, p);
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
    worker_free(&w);
    return ok;
}

// ---------------------------------------------------------------------------------------------- with threads

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

// Called and returns under the lock; false: nothing to do right now.
static bool work_once(worker *w)
{
    pipeline *p = w->pipe;
    if (p->claimed < p->merged) {
        ring_seat *seat = seat_of(p, p->claimed++);
        seat->state = SEAT_TAKEN;
        pthread_mutex_unlock(&p->lock);
        work_on_slice(w, seat);
        pthread_mutex_lock(&p->lock);
        seat->state = SEAT_DONE;
        pthread_cond_signal(&p->main);
        return true;
    }
    if (p->load_next < merge_buffer_count(p->merge) && p->load_next < p->load_taken + p->window_size) {
        u32 order = p->load_next++;
        merge_buffer *reuse = take_spare(p);
        pthread_mutex_unlock(&p->lock);
        merge_buffer *b = merge_load(p->merge, order, reuse, &w->reader);
        pthread_mutex_lock(&p->lock);
        p->window[order % p->window_size] = b;
        pthread_cond_signal(&p->main);
        return true;
    }
    return false;
}

static void *work(void *context)
{
    worker *w = context;
    pipeline *p = w->pipe;
    pthread_mutex_lock(&p->lock);
    while (!p->quit)
        if (!work_once(w))
            pthread_cond_wait(&p->work, &p->lock);
    pthread_mutex_unlock(&p->lock);
    worker_free(w);
    return NULL;
}

static merge_buffer *get_loaded(void *context, u32 order)
{
    pipeline *p = context;
    pthread_mutex_lock(&p->lock);
    merge_buffer **place = &p->window[order % p->window_size];
    while (!*place)
        pthread_cond_wait(&p->main, &p->lock);
    merge_buffer *b = *place;
    *place = NULL;
    p->load_taken = order + 1;
    pthread_cond_signal(&p->work);
    pthread_mutex_unlock(&p->lock);
    return b;
}

static void put_locked(void *context, merge_buffer *b)
{
    pipeline *p = context;
    pthread_mutex_lock(&p->lock);
    give_spare(p, b);
    pthread_mutex_unlock(&p->lock);
}

// Merges the next slice into its seat. Called under the lock, returns under it.
static void merge_slice(pipeline *p)
{
    ring_seat *seat = seat_of(p, p->merged);
    pthread_mutex_unlock(&p->lock);
    bool more = merge_next(p->merge, SLICE_EVENTS, &seat->slice, get_loaded, p);
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
    pthread_cond_signal(&p->work);
}

static bool drive(pipeline *p, error *e)
{
    bool ok = true;
    pthread_mutex_lock(&p->lock);
    while (ok && !(p->ended && p->committed == p->merged)) {
        ring_seat *next = seat_of(p, p->committed);
        if (p->committed < p->merged && next->state == SEAT_DONE) {
            pthread_mutex_unlock(&p->lock);
            ok = commit(p, next, e);
            slice_release(p->merge, &next->slice);
            tell(p, p->job->records);
            pthread_mutex_lock(&p->lock);
            next->state = SEAT_EMPTY;
            p->committed++;
            if (ok && stopped(p))
                ok = error_set(e, "interrupted");
        } else if (!p->ended && p->merged - p->committed < p->ring_size - 1) {
            merge_slice(p);
        } else {
            pthread_cond_wait(&p->main, &p->lock);
        }
    }
    p->quit = true;
    pthread_cond_broadcast(&p->work);
    pthread_cond_broadcast(&p->base);
    pthread_mutex_unlock(&p->lock);
    return ok;
}

static bool run_threads(pipeline *p, error *e)
{
    worker *workers = mem_zeroed(p->job->threads, sizeof(*workers));
    unsigned started = 0;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->work, NULL);
    pthread_cond_init(&p->main, NULL);
    pthread_cond_init(&p->base, NULL);
    merge_on_release(p->merge, put_locked, p);
    for (; started < p->job->threads; started++) {
        workers[started].pipe = p;
        if (pthread_create(&workers[started].thread, NULL, work, &workers[started]) != 0)
            break;
    }
    bool ok = started ? drive(p, e) : error_set(e, "no thread could be started");
    for (unsigned i = 0; i < started; i++)
        pthread_join(workers[i].thread, NULL);
    pthread_mutex_destroy(&p->lock);
    pthread_cond_destroy(&p->work);
    pthread_cond_destroy(&p->main);
    pthread_cond_destroy(&p->base);
    mem_free(workers);
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

static merge_filter class_filter(pipeline *p)
{
    const pipeline_job *job = p->job;
    const class_table *classes = job->session->classes;
    merge_filter out = {NULL, filter_is_open(job->filter), job->filter->since, job->filter->until};
    p->classes = mem_zeroed(class_count(classes), sizeof(*p->classes));
    for (u32 i = 0; i < class_count(classes); i++)
        p->classes[i] = filter_class(job->filter, class_list(classes)[i]);
    out.classes = p->classes;
    return out;
}

static void free_buffer(merge_buffer *b)
{
    if (b)
        loaded_buffer_free(&b->own);
    mem_free(b);
}

bool pipeline_run(pipeline_job *job, error *e)
{
    pipeline p = {.job = job, .by_record = filter_needs_record(job->filter)};
    merge_filter through = class_filter(&p);
    p.merge = merge_new(job->session, &through);
    p.ring_size = job->threads > 1 ? job->threads * SLICES_A_THREAD : 1;
    p.ring = mem_zeroed(p.ring_size, sizeof(*p.ring));
    for (u32 i = 0; i < p.ring_size; i++)
        p.ring[i].counts = mem_zeroed(job->session->trace_count * 3u, sizeof(u64));
    p.window_size = window_of(job->session, job->threads);
    p.window = mem_zeroed(p.window_size, sizeof(*p.window));
    job->records = 0;
    bool ok = job->threads > 1 ? run_threads(&p, e) : run_inline(&p, e);
    // After a failure buffers are still in use; the ones at hand are given back, the process is about to end.
    for (u32 i = 0; i < p.ring_size; i++) {
        outbuf_free(&p.ring[i].out);
        mem_free(p.ring[i].slice.items);
        mem_free(p.ring[i].slice.buffers);
        mem_free(p.ring[i].counts);
    }
    for (u32 i = 0; i < p.window_size; i++)
        free_buffer(p.window[i]);
    for (u32 i = 0; i < p.spare_count; i++)
        free_buffer(p.spare[i]);
    mem_free(p.ring);
    mem_free(p.window);
    mem_free(p.spare);
    mem_free(p.classes);
    merge_free(p.merge);
    return ok;
}
