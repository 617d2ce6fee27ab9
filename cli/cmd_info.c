#include <stdio.h>
#include <stdlib.h>

#include "batch.h"
#include "command.h"
#include "info.h"
#include "missing.h"
#include "pipeline.h"
#include "print.h"
#include "symbols.h"

static bool count_states(evidence *ev, error *e)
{
    pipeline_job job = {.session = ev->session, .filter = &ev->run->options->filter, .stop = &run_stop};
    return pipeline_count(&job, e);
}

// ---------------------------------------------------------------------------------------------- printing

static void put_json(char *line, outbuf *out)
{
    outbuf_text(out, line);
    outbuf_text(out, "\n");
    mem_free(line);
}

static void put_text(const run *r, const evidence *ev, u32 row_index, outbuf *out)
{
    const input_row *row = &r->inputs.rows[row_index];
    print_into text;
    FILE *to = print_into_begin(&text);
    if (row_index)
        fputc('\n', to);
    if (row->trace == INPUT_NONE)
        info_unread_print(to, r, row);
    else
        info_print(to, ev, row->trace);
    print_into_end(&text, out);
}

static void put_row(const run *r, const evidence *ev, u32 row_index, outbuf *out)
{
    const input_row *row = &r->inputs.rows[row_index];
    if (!r->options->json)
        put_text(r, ev, row_index, out);
    else if (row->trace == INPUT_NONE)
        put_json(info_unread_json(r, row), out);
    else
        put_json(info_json(ev, row->trace, true), out);
}

typedef struct info_options {
    bool list_symbols;
} info_options;

static bool lists_symbols(const run *r)
{
    return ((const info_options *)r->options->own)->list_symbols;
}

static void put_rows(evidence *ev, input_hashing *hash, outbuf *out)
{
    run *r = ev->run;
    if (lists_symbols(r)) {
        symbols_list(ev->session, out);
        return;
    }
    inputs_hash_finish(&r->inputs);
    input_hash_end(hash);
    session_check_files(ev->session);
    for (u32 i = ev->first; i < ev->first + ev->count; i++)
        put_row(r, ev, i, out);
    if (r->options->quiet)
        return;
    if (!r->options->json)
        evidence_tell_damage(ev);
    missing_say(ev);
}

// ---------------------------------------------------------------------------------------------- reading

// Rows [first, first + count) together. False: it failed, or was interrupted, as was said.
static bool read_rows(run *r, u32 first, u32 count, bool threads, input_hashing *hash, outbuf *out)
{
    evidence ev;
    error e = {0};
    bool asks_records = filter_needs_record(&r->options->filter);
    evidence_wish wish = {first, count, threads, !asks_records, asks_records ? r->options->correlate : 0};
    if (lists_symbols(r))
        wish.correlate = CORRELATE_IMAGES;
    bool ok = evidence_open(&ev, r, &wish) == EXIT_DONE;
    if (ok && !lists_symbols(r) && !count_states(&ev, &e)) {
        print_say("%s", e.message);
        ok = false;
    }
    if (ok)
        put_rows(&ev, hash, out);
    input_hash_end(hash);
    evidence_close(&ev);
    return ok;
}

static void read_row(void *context, u32 row_index, bool threads, outbuf *out)
{
    run *r = context;
    input_row *row = &r->inputs.rows[row_index];
    input_hashing hash = {0};
    if (row->in && !r->options->no_hash && threads)
        input_hash_begin(&hash, row);
    else if (row->in && !r->options->no_hash)
        input_hash(row);
    if (row->in && read_rows(r, row_index, 1, threads, &hash, out))
        return;
    if (row->status == INPUT_OK)
        row->status = INPUT_NOT_REACHED;
    if (!lists_symbols(r))
        put_row(r, NULL, row_index, out);
}

// Names of processes come from all inputs: a filter that may ask for them reads all of them together.
static bool read_all(run *r)
{
    if (!filter_needs_record(&r->options->filter))
        return batch_run(&(batch_job){r, read_row, r});
    outbuf out = {0};
    if (!r->options->no_hash)
        inputs_hash_begin(&r->inputs, r->options->threads);
    bool ok = read_rows(r, 0, r->inputs.count, true, &(input_hashing){0}, &out);
    if (out.len)
        (void)fwrite(out.bytes, 1, out.len, stdout);
    outbuf_free(&out);
    return ok;
}

static int info(const options *o)
{
    run r;
    int code = run_begin(&r, o);
    if (code == EXIT_DONE) {
        bool ok = read_all(&r);
        inputs_sum sum = inputs_count(&r.inputs);
        code = ok && sum.read ? run_code(&r) : EXIT_FAILED;
        if (!o->quiet || code == EXIT_FAILED)
            run_sum_up(&r);
    }
    return run_end(&r, code);
}

static const option OWN[] = {
    OPTION_JSON("one JSON object a trace, a line each"),
    {.name = "--list-symbols",
     .help = "instead: the program databases its modules have, as symbol servers name them",
     .set = option_own_flag,
     .at = offsetof(info_options, list_symbols)},
    {0},
};

const command command_info = {
    .name = "info",
    .arguments = "TRACE...",
    .help = "what each trace is: session, machine, clock, providers, losses, damage",
    .options = {&(const option_group){"output", OWN}, &options_input, &options_filter},
    .own_bytes = sizeof(info_options),
    .most = COMMAND_MANY,
    .correlate = CORRELATE_RECORDS,
    .run = info,
};
