// A whole run of `convert`: one or two traces, correlation with --frames, any format, with one thread and with four.
// The two outputs must be the same, and hold every record the first pass counted. Then the report of the same traces.
//
// The input: which format, how much of the rest (in 256ths) is the first trace, then the traces.
#include "fuzz.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command.h"
#include "convert/conversion.h"
#include "pipeline.h"
#include "print.h"
#include "report/report.h"

enum { TRACES = 2, THREADS = 4 };

static char folder[64], paths[TRACES][80];

static void check(bool holds, const char *what, const char *form)
{
    if (!holds) {
        fprintf(stderr, "fuzz: %s: %s\n", form, what);
        abort();
    }
}

static void remove_files(void)
{
    for (u32 i = 0; i < TRACES; i++)
        unlink(paths[i]);
    rmdir(folder);
}

static void write_trace(u32 index, span bytes)
{
    if (!*folder) {
        snprintf(folder, sizeof(folder), "%s/etwkit-fuzz-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
        check(mkdtemp(folder) != NULL, "no folder", folder);
        setenv("TMPDIR", folder, 1);
        for (u32 i = 0; i < TRACES; i++)
            snprintf(paths[i], sizeof(paths[i]), "%s/%u.etl", folder, i);
        atexit(remove_files);
    }
    FILE *f = fopen(paths[index], "wb");
    check(f && fwrite(bytes.at, 1, bytes.len, f) == bytes.len && fclose(f) == 0, "cannot be written", paths[index]);
}

static void load_output(const outfile *out, outbuf *into)
{
    struct stat st;
    check(fstat(out->fd, &st) == 0, "no output", out->path);
    into->len = 0;
    size_t size = (size_t)st.st_size;
    ssize_t got = pread(out->fd, outbuf_reserve(into, size + 1), size, 0);
    check(got == st.st_size, "the output cannot be read", out->path);
    into->len = size;
}

static u64 counted(const session *s)
{
    u64 events = 0;
    for (u32 i = 0; i < s->trace_count; i++)
        events += s->traces[i]->events;
    return events;
}

// Small inputs would have no threads.
static int begin(run *r, const options *o)
{
    int code = run_begin(r, o);
    if (code == EXIT_DONE && o->threads > 1 && !r->crew)
        r->crew = crew_new(o->threads);
    return code;
}

// False: no trace among them is one, or it is one without a header, of which there is no part.
static bool write_output(const options *o, const exporter *form, evidence *ev, outbuf *out)
{
    error e = {0};
    outfile file;
    check(outfile_scratch(&file, "output", &e), e.message, form->name);
    conversion c = {.options = o, .format = {form, NULL}, .path = "output", .out = &file};
    bool ok = conversion_run(&c, ev, &e);
    check(ok || strstr(e.message, "its trace header is lost"), e.message, form->name);
    check(!ok || !form->render || c.records == counted(ev->session), "records were lost between the passes",
          form->name);
    if (ok)
        load_output(&file, out);
    outfile_abandon(&file);
    return ok;
}

static bool convert(const options *o, const exporter *form, outbuf *out)
{
    run r;
    evidence ev;
    bool ok = begin(&r, o) == EXIT_DONE;
    check(ok, "the run did not begin", form->name);
    ok = evidence_open(&ev, &r, &(evidence_wish){.count = r.inputs.count, .alone = true, .correlate = o->correlate}) ==
             EXIT_DONE &&
         write_output(o, form, &ev, out);
    evidence_close(&ev);
    (void)run_end(&r, EXIT_DONE);
    return ok;
}

static void report(const options *o)
{
    run r;
    evidence ev;
    error e = {0};
    outbuf page = {0};
    if (begin(&r, o) == EXIT_DONE &&
        evidence_open(&ev, &r, &(evidence_wish){.count = r.inputs.count, .alone = true, .correlate = o->correlate}) ==
            EXIT_DONE) {
        report_data data;
        report_data_begin(&data, ev.session);
        pipeline_job job = {.session = ev.session,
                            .filter = &o->filter,
                            .exporter = &report_exporter,
                            .sink = &data,
                            .stop = &run_stop,
                            .progress = evidence_progress,
                            .context = &ev};
        check(pipeline_run(&job, &e), e.message, "report");
        cJSON *model = report_model(&(report_job){&ev, &data, job.records});
        char *json = report_json(model, &data);
        size_t len = strlen(json);
        outfile file;
        check(outfile_scratch(&file, "page", &e), e.message, "report");
        check(report_page(model, (span){(const u8 *)json, len}, &file, &e), e.message, "report");
        load_output(&file, &page);
        outfile_abandon(&file);
        check(page.len > len, "the page is less than its data", "report");
        cJSON_Delete(model);
        cJSON *parsed = cJSON_ParseWithLength(json, len);
        check(parsed != NULL, "the data is no JSON", "report");
        cJSON_Delete(parsed);
        report_data_free(&data);
        cJSON_free(json);
        outbuf_free(&page);
    }
    evidence_close(&ev);
    (void)run_end(&r, EXIT_DONE);
}

static void read_options(options *o, const command *c, const char *threads, bool two)
{
    static char *words[12];
    const char *const GIVEN[] = {"etwkit",  c->name, "-j",        threads,  "-q",
                                 "--cache", "none",  "--no-hash", paths[0], two ? paths[1] : NULL};
    int count = 0;
    error e = {0};
    for (size_t i = 0; i < COUNT_OF(GIVEN) && GIVEN[i]; i++)
        words[count++] = (char *)(uintptr_t)GIVEN[i];
    check(options_read(o, c, 0, count, words, &e), e.message, c->name);
    o->correlate |= CORRELATE_IMAGES | CORRELATE_FRAMES;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    static outbuf one, four, said;
    span rest = {data, size};
    u32 forms = 0;
    while (exporters[forms])
        forms++;
    const exporter *form = exporters[fuzz_take_u8(&rest) % forms];
    size_t first = rest.len ? (fuzz_take_u8(&rest) + (size_t)1) * rest.len / 256 : 0;
    write_trace(0, fuzz_take(&rest, first));
    write_trace(1, rest);
    print_hold(&said);
    options single, several, of_report;
    read_options(&single, &command_convert, "1", rest.len > 0);
    read_options(&several, &command_convert, "4", rest.len > 0);
    read_options(&of_report, &command_report, "4", rest.len > 0);
    bool any = convert(&single, form, &one);
    check(convert(&several, form, &four) == any, "there are traces with one number of threads only", form->name);
    if (any) {
        check(one.len == four.len && memcmp(one.bytes, four.bytes, one.len) == 0,
              "another output with four threads than with one", form->name);
        report(&of_report);
    }
    options_free(&single);
    options_free(&several);
    options_free(&of_report);
    print_hold(NULL);
    said.len = 0;
    return 0;
}
