#include "base/text.h"
#include "command.h"
#include "guard.h"
#include "missing.h"
#include "outfile.h"
#include "pipeline.h"
#include "print.h"
#include "report/report.h"
#include "report/report_detections.h"
#include "signals.h"

// Options of `report` alone.
typedef struct report_options {
    rule_book *rules; // whose hits are a table; NULL: none
} report_options;

static bool write_report(const report_job *job, outfile *out, error *e)
{
    const report_options *own = job->evidence->run->options->own;
    cJSON *model = report_model(job);
    if (own->rules && !report_add_detections(model, job->evidence, own->rules, e)) {
        cJSON_Delete(model);
        return false;
    }
    char *json = report_json(model, job->data);
    span text = text_span(json);
    bool ok = job->evidence->run->options->json ? outfile_write(out, text, e) && outfile_text(out, "\n", e)
                                                : report_page(model, text, out, e);
    cJSON_Delete(model);
    cJSON_free(json);
    return ok;
}

static bool make_report(evidence *ev, outfile *out, error *e)
{
    report_data data;
    report_data_begin(&data, ev->session);
    pipeline_job job = {.session = ev->session,
                        .filter = &ev->run->options->filter,
                        .exporter = &report_exporter,
                        .sink = &data,
                        .stop = &run_stop,
                        .progress = evidence_progress,
                        .context = ev};
    bool ok = pipeline_run(&job, e);
    if (ok) {
        inputs_hash_finish(&ev->run->inputs);
        session_check_files(ev->session);
        ok = write_report(&(report_job){ev, &data, job.records}, out, e);
    }
    report_data_free(&data);
    return ok;
}

static int begin(outfile *out, const options *o)
{
    const outfile_request request = {.path = o->out,
                                     .what = o->json ? "the data of a report" : "a report",
                                     .is_own = o->json ? report_json_is_own : report_page_is_own,
                                     .force = o->force};
    error e = {0};
    guard_will_read(o->inputs, o->input_count);
    guard_will_read(o->schemas.items, o->schemas.count);
    guard_will_read(&o->cache, 1);
    if (outfile_begin(out, &request, &e))
        return EXIT_DONE;
    print_say("%s", e.message);
    return out->refused ? EXIT_USAGE : EXIT_FAILED;
}

static bool finish(outfile *out, error *e)
{
    if (run_stop)
        return error_set(e, "interrupted");
    return outfile_commit(&out, 1, e);
}

static int report(const options *o, outfile *out, bool *reader_left)
{
    error e = {0};
    evidence ev;
    run r;
    int code = run_begin(&r, o);
    if (code == EXIT_DONE) {
        if (!o->no_hash)
            inputs_hash_begin(&r.inputs, o->threads);
        code = evidence_open(
            &ev, &r, &(evidence_wish){.count = r.inputs.count, .alone = true, .correlate = r.options->correlate});
        bool ok = code == EXIT_DONE && make_report(&ev, out, &e) && finish(out, &e);
        run_clear_bar(&r);
        *reader_left = code == EXIT_DONE && !ok && outfile_reader_left(out->fd);
        if (code == EXIT_DONE && !ok && !*reader_left)
            print_say("%s", e.message);
        if (ok && !o->quiet) {
            evidence_tell_damage(&ev);
            missing_say(&ev);
        }
        evidence_close(&ev);
        code = ok ? run_code(&r) : EXIT_FAILED;
        if (!o->quiet || !ok)
            run_sum_up(&r);
    }
    return run_end(&r, code);
}

static int report_with(const options *o)
{
    outfile out;
    bool reader_left = false;
    int code = begin(&out, o);
    if (code == EXIT_DONE)
        code = report(o, &out, &reader_left);
    outfile_abandon(&out);
    if (reader_left)
        signals_end_by_pipe();
    return code;
}

static int report_command(const options *o)
{
    error e = {0};
    rule_book book = {0};
    report_options *own = o->own;
    options copy = *o;
    const rule_choice choice = {.rules = &o->own_texts[TEXTS_RULES], .quiet = o->quiet};
    if (!o->out && !o->json) {
        print_say("no output file given: -o OUT.html (etwkit report --help)");
        return EXIT_USAGE;
    }
    guard_will_read(choice.rules->items, choice.rules->count);
    if (choice.rules->count) {
        own->rules = &book;
        copy.correlate |= DETECT_CORRELATES;
    }
    int code = EXIT_FAILED;
    if (own->rules && !rule_book_read(&book, &choice, &e))
        print_say("%s", e.message);
    else
        code = report_with(&copy);
    rule_book_free(&book);
    return code;
}

const command command_report = {
    .name = "report",
    .arguments = "TRACE... -o OUT.html",
    .help = "the forensic report: one self-contained page",
    .options = {OPTION_GROUP("output", OPTION_OUTPUT("OUT.html", "where to write; - is standard output"),
                             OPTION_JSON("the page's data as JSON instead of the page; without -o on standard output"),
                             OPTION_RULES("Sigma rules, a file or a folder of them: what they hit is a table"),
                             OPTION_FORCE("replace a file that is not an earlier report")),
                &options_input, &options_filter},
    .own_bytes = sizeof(report_options),
    .most = COMMAND_MANY,
    .correlate = CORRELATE_ACTIVITIES,
    .run = report_command,
};
