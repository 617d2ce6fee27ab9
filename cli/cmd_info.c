#include <stdio.h>

#include "command.h"
#include "info.h"
#include "pipeline.h"

static bool count_states(evidence *ev, error *e)
{
    pipeline_job job = {.session = ev->session, .filter = &ev->options->filter, .stop = &evidence_stop};
    return pipeline_count(&job, e);
}

static void list_input_json(const evidence *ev, const input_row *row)
{
    char *line = row->trace == INPUT_NONE ? info_unread_json(ev, row) : info_json(ev, row->trace, true);
    puts(line);
    mem_free(line);
}

static void list_input(const evidence *ev, const input_row *row)
{
    if (row->trace == INPUT_NONE)
        info_unread_print(ev, row);
    else
        info_print(ev, row->trace);
}

static void list_inputs(const evidence *ev, bool json)
{
    for (u32 i = 0; i < ev->inputs.count; i++) {
        if (json) {
            list_input_json(ev, &ev->inputs.rows[i]);
            continue;
        }
        if (i)
            putchar('\n');
        list_input(ev, &ev->inputs.rows[i]);
    }
}

static int info(const options *o)
{
    evidence ev;
    error e = {0};
    int code = evidence_open(&ev, o, filter_needs_record(&o->filter));
    if (code == EXIT_DONE && !count_states(&ev, &e)) {
        fprintf(stderr, "etwkit: %s\n", e.message);
        code = EXIT_FAILED;
    }
    if (code == EXIT_DONE) {
        evidence_hash(&ev);
        session_check_files(ev.session);
        list_inputs(&ev, o->json);
        if (!o->json && !o->quiet)
            evidence_tell_damage(&ev);
        if (!o->quiet)
            evidence_sum_up(&ev);
        code = evidence_code(&ev);
    } else if (o->json && !ev.session->trace_count) {
        list_inputs(&ev, true);
    }
    evidence_close(&ev);
    return code;
}

const command command_info = {
    .name = "info",
    .arguments = "TRACE...",
    .help = "what each trace is: session, machine, clock, providers, losses, damage",
    .options = {OPTION_GROUP("output", OPTION_JSON("one JSON object a trace, a line each")), &options_input,
                &options_filter},
    .most = COMMAND_MANY,
    .correlate = CORRELATE_RECORDS,
    .run = info,
};
