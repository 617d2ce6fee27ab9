#include "pipeline.h"

#include <pthread.h>
#include <string.h>

#include "etwkit_engine.h"

enum {
    SLICE_EVENTS = 512, // some 300 KiB of text: it is still in the processor's cache when it is written
    SLICES_A_THREAD = 4,
    WINDOW_BYTES = 512 << 10, // buffers loaded ahead, for each thread: likewise
    WINDOW_FEWEST = 4,
    TEXT_BYTES = 512 << 10,      // of a slice's text, reserved from the start
    PART_BYTES = 1 << 20,        // a slice of more text is committed in parts
    KEPT_OUTPUT_BYTES = 2 << 20, // a slice's text buffer beyond this is given back
    FEWEST_EVENTS = 4096,        // fewer are not worth a thread
};

// What one thread needs for itself.
typedef struct worker {
    record_scratch scratch;
    buffer_reader reader;
    query_scratch where;
    u64 *counts;    // by trace and state
    u64 cut;        // records cut at LIMIT_RECORD_TEXT
    u8 unused[128]; // what a thread writes for each event shares no cache line with what another one writes
} worker;

// A slice on its way. Its number in the merge is its number in both rings.
typedef struct seat {
    slice slice;
    u64 base;     // records before it
    u32 rendered; // records of it
    outbuf out;   // their text, but what is committed already
} seat;

// What is free to be used again, last in first out: it may still be in a processor's cache.
typedef struct spares {
    pthread_mutex_t lock;
    merge_buffer **buffers;
    outbuf *texts;
    u32 buffer_count, buffer_capacity, text_count, text_capacity;
} spares;

typedef struct pipeline {
    pipeline_job *job;
    merge *merge;
    bool *classes;        // the filter's, by class index; NULL: all
    record_filter filter; // bound where by_record
    bool by_record;       // slices must be sifted
    bool with_stack;      // for which a record needs its stack
    crew *crew;
    worker *workers; // one a thread
    spares spares;
    ring *loads, *sifts, *renders; // sifts NULL: nothing is
    seat *seats;                   // of slices that are merged and not committed, by number
    u32 seat_count;
    u64 merged, sifted, committed; // slices
    u64 numbered;                  // records that have a number
    bool ended;                    // nothing is left to merge
    bool only_number;              // counting: states are not wanted
} pipeline;

// ---------------------------------------------------------------------------------------------- what is used again

static merge_buffer *spare_buffer(spares *s)
{
    pthread_mutex_lock(&s->lock);
    merge_buffer *b = s->buffer_count ? s->buffers[--s->buffer_count] : NULL;
    pthread_mutex_unlock(&s->lock);
    return b;
}

static void put_buffer(void *context, merge_buffer *b)
{
    spares *s = context;
    pthread_mutex_lock(&s->lock);
    GROW(s->buffers, s->buffer_count, s->buffer_capacity);
    s->buffers[s->buffer_count++] = b;
    pthread_mutex_unlock(&s->lock);
}

static outbuf spare_text(spares *s)
{
    outbuf text = {0};
    pthread_mutex_lock(&s->lock);
    if (s->text_count)
        text = s->texts[--s->text_count];
    pthread_mutex_unlock(&s->lock);
    if (!text.cap)
        (void)outbuf_reserve(&text, TEXT_BYTES);
    text.len = 0;
    return text;
}

static void put_text(spares *s, outbuf text)
{
    if (text.cap > KEPT_OUTPUT_BYTES)
        outbuf_free(&text);
    pthread_mutex_lock(&s->lock);
    GROW(s->texts, s->text_count, s->text_capacity);
    s->texts[s->text_count++] = text;
    pthread_mutex_unlock(&s->lock);
}

static void spares_free(spares *s)
{
    for (u32 i = 0; i < s->buffer_count; i++)
        merge_buffer_free(s->buffers[i]);
    for (u32 i = 0; i < s->text_count; i++)
        outbuf_free(&s->texts[i]);
    mem_free(s->buffers);
    mem_free(s->texts);
    pthread_mutex_destroy(&s->lock);
}

// ---------------------------------------------------------------------------------------------- on any thread

static void load(void *context, unsigned thread, void *item, u64 number)
{
    pipeline *p = context;
    merge_buffer **loaded = item;
    *loaded = merge_load(p->merge, (u32)number, spare_buffer(&p->spares), &p->workers[thread].reader);
}

static seat *seat_of(const pipeline *p, u64 number)
{
    return &p->seats[number % p->seat_count];
}

// Whether the filter lets the event's record through, which is filled as far as the filter needs it.
static bool passes(const pipeline *p, worker *w, const loaded_buffer *b, const event_ref *ref, record *rec)
{
    if (p->with_stack)
        session_record(p->job->session, b, ref, &w->scratch, rec);
    else
        session_record_bare(p->job->session, b, ref, &w->scratch, rec);
    return filter_record(&p->filter, rec, &w->where);
}

// Drops the items the record filter refuses.
static void sift(void *context, unsigned thread, void *item, u64 number)
{
    (void)item;
    pipeline *p = context;
    worker *w = &p->workers[thread];
    slice *s = &seat_of(p, number)->slice;
    u32 kept = 0;
    for (u32 i = 0; i < s->count; i++) {
        const slice_item at = s->items[i];
        record rec;
        if (passes(p, w, &at.buffer->loaded, &at.buffer->loaded.refs[at.ref], &rec))
            s->items[kept++] = at;
    }
    s->count = kept;
}

static void render_record(pipeline *p, worker *w, const seat *s, u32 index, outbuf *out)
{
    const pipeline_job *job = p->job;
    const exporter *x = job->exporter;
    const slice_item at = s->slice.items[index];
    const loaded_buffer *b = &at.buffer->loaded;
    const event_ref *ref = &b->refs[at.ref];
    record rec;
    u64 cut = w->scratch.decoder.cut;
    if (x->passes_over && x->passes_over(job->sink, ref->cls)) {
        rec.source_index = b->file_index;
        rec.state = x->no_states ? RECORD_RAW : session_state(job->session, b, ref, &w->scratch);
    } else {
        (x->no_stacks ? session_record_bare : session_record)(job->session, b, ref, &w->scratch, &rec);
        rec.number = job->marks ? (u64)at.buffer->order << 32 | ref->offset : s->base + index + 1;
        x->render(job->sink, &rec, out);
    }
    w->counts[rec.source_index * RECORD_STATES + (u32)rec.state]++;
    w->cut += w->scratch.decoder.cut != cut && rec.state != RECORD_DECODED;
}

// Goes on until the slice ends, or its text is long enough to be committed.
static void render_part(pipeline *p, worker *w, seat *s)
{
    outbuf out = s->out; // seats are neighbours in memory
    u32 at = s->rendered;
    while (at < s->slice.count && out.len < PART_BYTES)
        render_record(p, w, s, at++, &out);
    s->rendered = at;
    s->out = out;
}

static void render(void *context, unsigned thread, void *item, u64 number)
{
    (void)item;
    pipeline *p = context;
    seat *s = seat_of(p, number);
    s->rendered = 0;
    s->out = spare_text(&p->spares);
    render_part(p, &p->workers[thread], s);
}

// ---------------------------------------------------------------------------------------------- in order

static merge_buffer *take_loaded(void *context, u32 order)
{
    (void)order; // each is asked for once, in order
    pipeline *p = context;
    merge_buffer **loaded = ring_take(p->loads), *b = *loaded;
    *loaded = NULL;
    ring_release(p->loads);
    return b;
}

// Gives the records of the next slice their numbers: it can be rendered.
static void number_next(pipeline *p)
{
    seat *s = seat_of(p, p->sifted++);
    s->base = p->numbered;
    p->numbered += s->slice.count;
    ring_open(p->renders, p->sifted);
}

static void merge_one(pipeline *p)
{
    if (!merge_next(p->merge, SLICE_EVENTS, &seat_of(p, p->merged)->slice, take_loaded, p)) {
        p->ended = true;
        return;
    }
    p->merged++;
    if (p->sifts)
        ring_open(p->sifts, p->merged);
    else
        number_next(p);
}

// What is rendered of a slice, then the rest of it part by part. Only the crew's owner commits, and it is worker 0.
static bool commit_slice(pipeline *p, seat *s, error *e)
{
    pipeline_job *job = p->job;
    for (u32 done = 0;; render_part(p, &p->workers[0], s)) {
        if (!job->exporter->commit(job->sink, (span){s->out.bytes, s->out.len}, s->rendered - done, e))
            return false;
        done = s->rendered;
        s->out.len = 0;
        if (done == s->slice.count)
            return true;
    }
}

static bool commit_next(pipeline *p, error *e)
{
    pipeline_job *job = p->job;
    seat *s = seat_of(p, p->committed++);
    bool ok = commit_slice(p, s, e);
    job->records += s->slice.count;
    put_text(&p->spares, s->out);
    s->out = (outbuf){0};
    slice_release(p->merge, &s->slice);
    ring_release(p->renders);
    if (job->progress)
        job->progress(job->context, job->records, p->numbered - (job->part ? job->part->before : 0));
    return ok && job->stop && *job->stop ? error_set(e, "interrupted") : ok;
}

static bool sifted_is_ready(const pipeline *p)
{
    return p->sifts && p->sifted < p->merged && ring_is_ready(p->sifts);
}

static bool rendered_is_ready(const pipeline *p)
{
    return p->committed < p->sifted && ring_is_ready(p->renders);
}

static bool drive(pipeline *p, error *e)
{
    bool ok = true;
    while (ok && !(p->ended && p->committed == p->merged)) {
        if (rendered_is_ready(p)) {
            ok = commit_next(p, e);
        } else if (sifted_is_ready(p)) {
            ring_release(p->sifts);
            number_next(p);
        } else if (!p->ended && p->merged - p->committed < p->seat_count) {
            merge_one(p);
        } else {
            ring_work_or_wait(p->sifts && p->sifted < p->merged && p->committed == p->sifted ? p->sifts : p->renders);
        }
    }
    return ok;
}

// ---------------------------------------------------------------------------------------------- numbers of few

static void free_loaded(void *item)
{
    merge_buffer_free(*(merge_buffer **)item);
}

typedef struct numbering {
    merge *all;
    const merge_place *places;
    u32 count;
    worker *workers;
    spares *spares;
} numbering;

// Buffers that no place lies in need not be loaded.
static void load_for_places(void *context, unsigned thread, void *item, u64 number)
{
    const numbering *n = context;
    merge_buffer **loaded = item;
    u32 from, to;
    merge_places_within(n->all, (u32)number, n->places, n->count, &from, &to);
    *loaded = from < to ? merge_load(n->all, (u32)number, spare_buffer(n->spares), &n->workers[thread].reader) : NULL;
}

static bool number_marks(pipeline *p, error *e)
{
    pipeline_marks *marks = p->job->marks;
    const merge_filter open = {NULL, INT64_MIN, INT64_MAX};
    merge_place *places = mem_zeroed(marks->count + 1, sizeof(*places));
    u64 *after = mem_zeroed(marks->count + 1, sizeof(*after)), before = 0;
    for (u32 i = 0; i < marks->count; i++)
        places[i] =
            merge_place_of(p->merge, (u32)(marks->list[i].at >> 32), marks->list[i].time, (u32)marks->list[i].at);
    numbering n = {merge_new(p->job->session, &open), places, marks->count, p->workers, &p->spares};
    unsigned threads = crew_threads(p->crew);
    ring *loads = ring_new(&(ring_plan){.crew = p->crew,
                                        .rank = RING_LOAD,
                                        .slots = threads > 1 ? threads * SLICES_A_THREAD : 1,
                                        .slot_bytes = sizeof(merge_buffer *),
                                        .make = load_for_places,
                                        .context = &n});
    u32 buffers = merge_buffer_count(n.all), done = 0;
    ring_open(loads, buffers);
    for (; done < buffers && !(p->job->stop && *p->job->stop); done++) {
        merge_buffer **b = ring_take(loads);
        merge_add_before(n.all, done, *b, places, marks->count, after);
        if (*b)
            put_buffer(&p->spares, *b);
        *b = NULL;
        ring_release(loads);
    }
    ring_free(loads, free_loaded);
    for (u32 i = 0; i < marks->count; i++) {
        before += after[i];
        marks->list[i].number += before + 1;
    }
    merge_free(n.all);
    mem_free(places);
    mem_free(after);
    return done == buffers || error_set(e, "interrupted");
}

// ---------------------------------------------------------------------------------------------- set up and clear

static u32 window_of(const session *s, unsigned threads)
{
    u32 largest = 65536;
    for (u32 i = 0; i < s->trace_count; i++)
        if (s->traces[i]->file.trace_headers[0].buffer_size > largest)
            largest = s->traces[i]->file.trace_headers[0].buffer_size;
    u32 fits = (u32)((u64)WINDOW_BYTES * threads / largest);
    return fits < WINDOW_FEWEST ? WINDOW_FEWEST : fits;
}

static bool is_passed_over(const pipeline_job *job, u32 class_index)
{
    return job->exporter->passes_over && job->exporter->passes_over(job->sink, class_index);
}

// What the filter says of the classes.
static merge_filter class_filter(pipeline *p)
{
    const filter *f = p->job->filter;
    const class_table *classes = p->job->session->classes;
    const pipeline_part *part = p->job->part;
    merge_filter out = {NULL, f->since, f->until};
    if (part && part->since > out.since)
        out.since = part->since;
    if (part && part->until < out.until)
        out.until = part->until;
    p->by_record = filter_needs_record(f);
    if (filter_is_open(f) && !p->job->only_rendered)
        return out;
    p->classes = mem_zeroed(class_count(classes), sizeof(*p->classes));
    p->by_record = false;
    for (u32 i = 0; i < class_count(classes); i++) {
        where_truth truth = filter_class(f, class_list(classes)[i]);
        p->classes[i] = truth != WHERE_NEVER && !(p->job->only_rendered && is_passed_over(p->job, i));
        p->by_record |= truth == WHERE_SOMETIMES;
    }
    if (p->by_record)
        filter_bind(&p->filter, f, class_list(classes), class_count(classes));
    p->with_stack = filter_needs_stack(f);
    out.classes = p->classes;
    return out;
}

// Takes what the first pass has counted already: those classes take no further part.
static void take_counted(pipeline *p, merge_filter *through)
{
    session *s = p->job->session;
    u32 count = class_count(s->classes);
    if (!s->counted || p->by_record || through->since != INT64_MIN || through->until != INT64_MAX)
        return;
    if (!p->classes) {
        p->classes = mem_zeroed(count, sizeof(*p->classes));
        for (u32 i = 0; i < count; i++)
            p->classes[i] = true;
        through->classes = p->classes;
    }
    for (u32 i = 0; i < count; i++) {
        if (!p->classes[i] || !session_counted(s, i))
            continue;
        session_take_counts(s, i);
        p->classes[i] = false;
    }
}

static void begin(pipeline *p, pipeline_job *job, bool only_counts)
{
    session *s = job->session;
    *p = (pipeline){.job = job};
    merge_filter through = class_filter(p);
    if (only_counts)
        take_counted(p, &through);
    p->merge = merge_new(s, &through);
    job->records = 0;
    p->numbered = job->part ? job->part->before : 0;
    u64 events = 0;
    for (u32 i = 0; i < s->trace_count; i++)
        events += s->traces[i]->events;
    p->crew = events < FEWEST_EVENTS ? NULL : s->crew;
    p->workers = mem_zeroed(crew_threads(p->crew), sizeof(*p->workers));
    for (unsigned i = 0; i < crew_threads(p->crew); i++)
        p->workers[i].counts = mem_zeroed((size_t)s->trace_count * RECORD_STATES * sizeof(u64) + sizeof(worker), 1);
    pthread_mutex_init(&p->spares.lock, NULL);
}

static void end(pipeline *p)
{
    session *s = p->job->session;
    for (unsigned i = 0; i < crew_threads(p->crew); i++) {
        worker *w = &p->workers[i];
        for (u32 t = 0; t < s->trace_count; t++) {
            s->traces[t]->decoded += w->counts[t * RECORD_STATES + RECORD_DECODED];
            s->traces[t]->partial += w->counts[t * RECORD_STATES + RECORD_PARTIAL];
            s->traces[t]->raw += w->counts[t * RECORD_STATES + RECORD_RAW];
        }
        s->cut += w->cut;
        record_scratch_free(&w->scratch);
        buffer_reader_free(&w->reader);
        query_scratch_free(&w->where);
        mem_free(w->counts);
    }
    filter_unbind(&p->filter);
    mem_free(p->workers);
    mem_free(p->classes);
    spares_free(&p->spares);
    merge_free(p->merge);
}

static ring *new_ring(pipeline *p, ring_rank rank, u32 slots, void (*make)(void *, unsigned, void *, u64))
{
    return ring_new(&(ring_plan){.crew = p->crew,
                                 .rank = rank,
                                 .slots = slots,
                                 .slot_bytes = sizeof(merge_buffer *),
                                 .lazy = rank == RING_LOAD,
                                 .make = make,
                                 .context = p});
}

bool pipeline_run(pipeline_job *job, error *e)
{
    pipeline p;
    begin(&p, job, false);
    unsigned threads = crew_threads(p.crew);
    p.seat_count = threads > 1 ? threads * SLICES_A_THREAD : 1;
    p.seats = mem_zeroed(p.seat_count, sizeof(*p.seats));
    p.loads = new_ring(&p, RING_LOAD, threads > 1 ? window_of(job->session, threads) : 1, load);
    p.sifts = p.by_record ? new_ring(&p, RING_SIFT, p.seat_count, sift) : NULL;
    p.renders = new_ring(&p, RING_RENDER, p.seat_count, render);
    merge_on_release(p.merge, put_buffer, &p.spares);
    ring_open(p.loads, merge_buffer_count(p.merge));
    bool ok = drive(&p, e);
    ring_free(p.renders, NULL);
    ring_free(p.sifts, NULL);
    ring_free(p.loads, free_loaded);
    ok = ok && (!job->marks || !job->marks->count || number_marks(&p, e));
    // After a failure buffers are still in use by slices; the process is about to end.
    for (u32 i = 0; i < p.seat_count; i++) {
        outbuf_free(&p.seats[i].out);
        mem_free(p.seats[i].slice.items);
        mem_free(p.seats[i].slice.buffers);
    }
    mem_free(p.seats);
    end(&p);
    return ok;
}

// ---------------------------------------------------------------------------------------------- counting

// How many records a buffer gives, by state; all as one where states are not wanted.
static void count_loaded(pipeline *p, worker *w, const merge_buffer *b)
{
    const loaded_buffer *l = &b->loaded;
    u64 *counts = w->counts + (size_t)l->file_index * RECORD_STATES;
    const trace *t = p->job->session->traces[l->file_index];
    _Atomic u64 *tally = t->class_passed;
    if (p->only_number && !p->by_record) {
        counts[0] += merge_picked(b);
        return;
    }
    for (u32 i = 0; i < merge_picked(b); i++) {
        const event_ref *ref = &l->refs[merge_pick(b, i)];
        u64 cut = w->scratch.decoder.cut;
        record rec;
        bool counts_it = true;
        if (p->by_record) {
            counts_it = passes(p, w, l, ref, &rec);
        } else {
            rec.state = session_state(p->job->session, l, ref, &w->scratch);
        }
        counts[rec.state] += counts_it;
        if (counts_it && tally && ref->cls < t->class_capacity)
            tally[ref->cls]++;
        w->cut += counts_it && w->scratch.decoder.cut != cut && rec.state != RECORD_DECODED;
    }
}

static void count_buffer(void *context, unsigned thread, void *item, u64 number)
{
    pipeline *p = context;
    worker *w = &p->workers[thread];
    merge_buffer **b = item;
    u32 known = p->only_number && !p->by_record ? merge_event_count(p->merge, (u32)number) : MERGE_UNKNOWN;
    if (known != MERGE_UNKNOWN) {
        w->counts[0] += known;
        return;
    }
    *b = merge_load(p->merge, (u32)number, *b, &w->reader);
    count_loaded(p, w, *b);
}

// False: it was stopped.
static bool count_all(pipeline *p)
{
    const pipeline_job *job = p->job;
    unsigned threads = crew_threads(p->crew);
    ring *counts = new_ring(p, RING_LOAD, threads > 1 ? threads * SLICES_A_THREAD : 1, count_buffer);
    u32 buffers = merge_buffer_count(p->merge), done = 0;
    ring_open(counts, buffers);
    for (; done < buffers && !(job->stop && *job->stop); done++) {
        (void)ring_take(counts);
        ring_release(counts);
    }
    ring_free(counts, free_loaded);
    return done == buffers;
}

// Where the class alone does not say which events pass, it must be counted by class as well.
static void count_by_class(const pipeline *p)
{
    const filter *f = p->job->filter;
    if (!p->by_record && f->since == INT64_MIN && f->until == INT64_MAX)
        return;
    for (u32 i = 0; i < p->job->session->trace_count; i++) {
        trace *t = p->job->session->traces[i];
        mem_free(t->class_passed);
        t->class_passed = mem_zeroed(t->class_capacity, sizeof(*t->class_passed));
    }
}

bool pipeline_count(pipeline_job *job, error *e)
{
    pipeline p;
    begin(&p, job, true);
    count_by_class(&p);
    bool done = count_all(&p);
    end(&p);
    for (u32 i = 0; i < job->session->trace_count; i++) {
        const trace *t = job->session->traces[i];
        job->records += t->decoded + t->partial + t->raw;
    }
    return done || error_set(e, "interrupted");
}

// ---------------------------------------------------------------------------------------------- parts

static bool count_before(const pipeline_job *of, i64 time, u64 *records)
{
    const pipeline_part before = {INT64_MIN, time - 1, 0};
    pipeline_job job = *of;
    pipeline p;
    job.part = &before;
    begin(&p, &job, false);
    p.only_number = true;
    bool done = count_all(&p);
    *records = 0;
    for (unsigned i = 0; i < crew_threads(p.crew); i++)
        for (u32 t = 0; t < job.session->trace_count * RECORD_STATES; t++) {
            *records += p.workers[i].counts[t];
            p.workers[i].counts[t] = 0;
        }
    end(&p);
    return done;
}

bool pipeline_cut(pipeline_job *job, u32 part, u32 parts, pipeline_part *out, error *e)
{
    pipeline p;
    begin(&p, job, false);
    *out = (pipeline_part){merge_part_start(p.merge, part, parts), merge_part_start(p.merge, part + 1, parts), 0};
    end(&p);
    out->until -= out->until < INT64_MAX;
    return out->since == INT64_MIN || count_before(job, out->since, &out->before) || error_set(e, "interrupted");
}
