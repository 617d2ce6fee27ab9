#include "summary.h"

#include <stdio.h>
#include <string.h>

#include "base/os.h"
#include "exporter.h"
#include "guard.h"
#include "json_text.h"
#include "print.h"
#include "provenance.h"

// ---------------------------------------------------------------------------------------------- one input

static void add_records(cJSON *to, const input_row *row)
{
    static const char *const NAMES[] = {
        [RECORD_DECODED] = "decoded", [RECORD_PARTIAL] = "partial", [RECORD_RAW] = "raw"};
    cJSON *records = cJSON_AddObjectToObject(to, "records");
    for (u32 i = 0; i < RECORD_STATES; i++)
        cJSON_AddNumberToObject(records, NAMES[i], (double)row->states[i]);
}

static void add_outputs(cJSON *to, const run *r, const input_row *row)
{
    const char *word = r->options->provenance;
    cJSON *outputs = cJSON_AddArrayToObject(to, "outputs");
    if (!row->output)
        return;
    bool exact;
    cJSON_AddItemToArray(outputs, json_text(row->output, &exact));
    if (!word)
        return;
    char *path = provenance_path(row->output, word);
    cJSON_AddItemToArray(outputs, json_text(path, &exact));
    mem_free(path);
}

cJSON *summary_row(const run *r, const input_row *row)
{
    cJSON *line = cJSON_CreateObject();
    const char *reason = input_reason(row);
    json_add_text(line, "source", row->source);
    json_add_text(line, "file", row->path);
    cJSON_AddStringToObject(line, "status", input_status_name(row->status));
    if (row->error)
        json_add_text(line, "error", row->error);
    if (reason)
        cJSON_AddStringToObject(line, "reason", reason);
    if (row->status == INPUT_DUPLICATE)
        json_add_text(line, "duplicate_of", r->inputs.rows[row->duplicate_of].source);
    const char *hash = inputs_sha256(&r->inputs, row);
    if (*hash)
        cJSON_AddStringToObject(line, "sha256", hash);
    else
        cJSON_AddNullToObject(line, "sha256");
    cJSON_AddNumberToObject(line, "bytes", (double)row->bytes);
    add_records(line, row);
    cJSON_AddNumberToObject(line, "damage", (double)row->damage);
    add_outputs(line, r, row);
    cJSON_AddNumberToObject(line, "seconds", row->seconds);
    return line;
}

// ---------------------------------------------------------------------------------------------- the file

static bool is_own(span head, int fd)
{
    (void)fd;
    return exporter_head_is(head, "{\"source\":");
}

bool summary_begin(run *r, int *code)
{
    const options *o = r->options;
    error e = {0};
    if (!o->summary)
        return true;
    guard_will_read(o->inputs, o->input_count);
    guard_will_read(o->files_from.items, o->files_from.count);
    const outfile_request request = {.path = o->summary, .what = "a summary", .is_own = is_own, .force = o->force};
    if (outfile_begin(&r->summary, &request, &e))
        return true;
    print_say("--summary: %s", e.message);
    *code = r->summary.refused ? EXIT_USAGE : EXIT_FAILED;
    r->summary = (outfile){0}; // nothing to end
    return false;
}

static bool write_rows(run *r, error *e)
{
    bool ok = true;
    for (u32 i = 0; i < r->inputs.count && ok; i++) {
        cJSON *row = summary_row(r, &r->inputs.rows[i]);
        char *line = cJSON_PrintUnformatted(row);
        ok = outfile_text(&r->summary, line, e) && outfile_text(&r->summary, "\n", e);
        cJSON_free(line);
        cJSON_Delete(row);
    }
    return ok;
}

bool summary_end(run *r)
{
    outfile *const files[] = {&r->summary};
    error e = {0};
    if (!r->summary.path)
        return true;
    bool ok = write_rows(r, &e) && outfile_commit(files, 1, &e);
    if (!ok)
        print_say("--summary: %s", e.message);
    outfile_abandon(&r->summary);
    return ok;
}
