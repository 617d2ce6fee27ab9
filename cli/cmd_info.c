#include <stdio.h>

#include "commands.h"
#include "info.h"
#include "pipeline.h"

// Record states are counted by decoding everything once, into nothing.
static bool count_states(evidence *ev, error *e)
{
    const exporter *null = exporter_by_name("null");
    export_target target = {.classes = class_list(ev->session->classes), .class_count = class_count(ev->session->classes)};
    pipeline_job job = {.session = ev->session, .filter = &ev->options->filter, .exporter = null,
                        .threads = ev->options->threads, .stop = &evidence_stop};
    if (!null->open(&job.sink, &target, e))
        return false;
    bool ok = pipeline_run(&job, e);
    return null->close(job.sink, e) && ok;
}

int cmd_info(const options *o)
{
    evidence ev;
    error e = {0};
    int code = evidence_open(&ev, o);
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
        if (fflush(stdout) != 0 || ferror(stdout)) {
            fprintf(stderr, "etwkit: stdout could not be written\n");
            code = EXIT_FAILED;
        }
    }
    evidence_close(&ev);
    return code;
}
