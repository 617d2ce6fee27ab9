#include <stdio.h>

#include "commands.h"
#include "outfile.h"
#include "threads/pipeline.h"
#include "print.h"
#include "report/report.h"

static bool write_page(const outfile *out, const outbuf *html, error *e)
{
    FILE *f = out->part ? fopen(out->part, "wb") : stdout;
    if (!f)
        return error_set(e, "%s: cannot be written", out->path);
    bool ok = fwrite(html->bytes, 1, html->len, f) == html->len && fflush(f) == 0;
    if (out->part)
        ok = fclose(f) == 0 && ok;
    return ok || error_set(e, "%s: could not be written to its end", out->path ? out->path : "stdout");
}

// The hash of each input once more, now that everything was read.
static void hash_again(const evidence *ev, char (*after)[SHA256_TEXT])
{
    for (u32 i = 0; i < ev->session->trace_count && !ev->options->no_hash; i++)
        if (!hash_input(ev->session->traces[i]->file.input, after[i], NULL))
            after[i][0] = 0;
}

static bool make_report(evidence *ev, outfile *out, error *e)
{
    report_data data;
    outbuf html = {0};
    report_data_begin(&data, ev->session);
    pipeline_job job = {.session = ev->session,
                        .filter = &ev->options->filter,
                        .exporter = &report_exporter,
                        .sink = &data,
                        .crew = ev->crew,
                        .stop = &evidence_stop,
                        .progress = evidence_progress,
                        .context = ev};
    bool ok = pipeline_run(&job, e);
    if (ok) {
        evidence_hash(ev);
        session_check_files(ev->session);
        char(*after)[SHA256_TEXT] = mem_zeroed(ev->session->trace_count, sizeof(*after));
        hash_again(ev, after);
        report_job page = {ev, &data, after, job.records};
        report_page(&page, &html);
        mem_free(after);
        ok = write_page(out, &html, e);
    }
    report_data_free(&data);
    outbuf_free(&html);
    return ok;
}

int cmd_report(const options *o)
{
    error e = {0};
    outfile out;
    evidence ev;
    if (!o->out) {
        print_say("report needs a file: -o OUT.html");
        return EXIT_USAGE;
    }
    if (!outfile_begin(&out, o->out, &e)) {
        print_say("%s", e.message);
        return EXIT_FAILED;
    }
    int code = evidence_open(&ev, o, true);
    if (code == EXIT_DONE) {
        bool ok = make_report(&ev, &out, &e) && outfile_finish(&out, &e);
        evidence_clear_bar(&ev);
        if (!ok)
            print_say("%s", e.message);
        code = !ok ? EXIT_FAILED : evidence_damaged(&ev) ? EXIT_DAMAGE : EXIT_DONE;
        if (ok && !o->quiet)
            evidence_tell_damage(&ev);
    }
    outfile_abandon(&out);
    evidence_close(&ev);
    return code;
}
