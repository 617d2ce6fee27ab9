#include "batch.h"

#include <stdio.h>

#include "etwkit_engine.h"
#include "print.h"

enum {
    SLOTS_A_THREAD = 16,         // inputs that are done, or being worked on, before their turn
    WORTH_ALL_THREADS = 8 << 20, // bytes of an input among several
    WORTH_THREADS_ALONE = 512 << 10,
};

typedef struct batch_slot {
    outbuf out, said;
} batch_slot;

// One that is alone has all threads sooner.
static bool is_large(const batch_job *job, u32 row)
{
    const inputs *all = &job->run->inputs;
    return job->run->crew && all->rows[row].bytes >= (all->count > 1 ? WORTH_ALL_THREADS : WORTH_THREADS_ALONE);
}

static void work(const batch_job *job, u32 row, bool threads, batch_slot *to)
{
    to->out.len = to->said.len = 0;
    input_row *given = &job->run->inputs.rows[row];
    if (run_stop) {
        if (given->status == INPUT_OK)
            given->status = INPUT_NOT_REACHED;
        return;
    }
    print_hold(&to->said);
    job->one(job->context, row, threads, &to->out);
    print_hold(NULL);
}

static void make(void *context, unsigned thread, void *item, u64 number)
{
    (void)thread;
    const batch_job *job = context;
    if (!is_large(job, (u32)number))
        work(job, (u32)number, false, item);
}

static void free_slot(void *item)
{
    batch_slot *texts = item;
    outbuf_free(&texts->out);
    outbuf_free(&texts->said);
}

static void put(const outbuf *text, FILE *to)
{
    if (text->len)
        (void)fwrite(text->bytes, 1, text->len, to);
}

// What one file of a session lost is told by the file before it, which is not read together with it.
static void look_for_segments(run *r)
{
    if (r->inputs.count < 2)
        return;
    r->each = true;
    for (u32 i = 0; i < r->inputs.count && !run_stop; i++)
        if (r->inputs.rows[i].in)
            segments_look(&r->segments, r->inputs.rows[i].in);
    segments_order(&r->segments);
}

bool batch_run(const batch_job *job)
{
    run *r = job->run;
    look_for_segments(r);
    ring *rows = ring_new(&(ring_plan){.crew = r->crew,
                                       .rank = RING_INPUTS,
                                       .slots = r->crew ? crew_threads(r->crew) * SLOTS_A_THREAD : 1,
                                       .slot_bytes = sizeof(batch_slot),
                                       .make = make,
                                       .context = (void *)(uintptr_t)job});
    ring_open(rows, r->inputs.count);
    for (u32 i = 0; i < r->inputs.count; i++) {
        batch_slot *texts = ring_take(rows);
        if (is_large(job, i))
            work(job, i, true, texts);
        run_clear_bar(r);
        put(&texts->said, stderr);
        put(&texts->out, stdout);
        run_draw_bar(r, "inputs    ", i + 1, r->inputs.count);
        ring_release(rows);
        input_row *row = &r->inputs.rows[i];
        input_close(row->in);
        row->in = NULL;
    }
    ring_free(rows, free_slot);
    run_clear_bar(r);
    return !run_stop;
}
