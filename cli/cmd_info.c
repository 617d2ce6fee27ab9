#include <stdio.h>

#include "command.h"
#include "info.h"
#include "pipeline.h"

static bool count_states(evidence *ev, error *e)
{
    pipeline_job job = {.session = ev->session, .filter = &ev->options->filter, .stop = &evidence_stop};
    return pipeline_count(&job, e);
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
        for (u32 i = 0; i < ev.session->trace_count; i++) {
            if (o->json) {
                char *line = info_json(&ev, i, true);
                puts(line);
                mem_free(line);
            } else {
                if (i)
                    putchar('\n');
                info_print(&ev, i);
            }
        }
        if (!o->json && !o->quiet)
            evidence_tell_damage(&ev);
        code = evidence_damaged(&ev) ? EXIT_DAMAGE : EXIT_DONE;
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
