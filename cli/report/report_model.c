// What the report says, as one JSON object; numbers and names only, the page words them.
#include "report/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "etwkit.h"
#include "etwkit_engine.h"
#include "info.h"
#include "json_text.h"

void report_add_number(cJSON *to, const char *name, u64 number)
{
    static const u64 EXACT = 1ull << 53;
    char text[24];
    if (number <= EXACT) {
        cJSON_AddNumberToObject(to, name, (double)number);
        return;
    }
    *text_u64((u8 *)text, number) = 0;
    cJSON_AddStringToObject(to, name, text);
}

void report_add_time(cJSON *to, const char *name, i64 filetime)
{
    char text[40];
    if (filetime <= 0) {
        cJSON_AddNullToObject(to, name);
        return;
    }
    *text_time((u8 *)text, filetime) = 0;
    cJSON_AddStringToObject(to, name, text);
}

void report_add_text(cJSON *to, const char *name, const char *text)
{
    if (text && *text)
        cJSON_AddStringToObject(to, name, text);
    else
        cJSON_AddNullToObject(to, name);
}

// ---------------------------------------------------------------------------------------------- how it was read

static void add_run(cJSON *root, const report_job *job)
{
    const evidence *ev = job->evidence;
    const options *o = ev->run->options;
    bool exact;
    cJSON *line = cJSON_AddArrayToObject(root, "command_line");
    for (int i = 0; i < o->argc; i++)
        cJSON_AddItemToArray(line, json_text(i ? o->argv[i] : "etwkit", &exact));
    cJSON *schemas = cJSON_AddArrayToObject(root, "schemas");
    for (u32 i = 0; i < o->schemas.count; i++)
        cJSON_AddItemToArray(schemas, json_text(o->schemas.items[i], &exact));
    if (ev->run->cache)
        cJSON_AddStringToObject(root, "schema_cache", schema_cache_identity(ev->run->cache));
    else
        cJSON_AddNullToObject(root, "schema_cache");
    report_add_number(root, "records", job->records);
}

// ---------------------------------------------------------------------------------------------- inputs

// Leaves the first `most` of a list, and a member that says how many were left out.
static void shorten(cJSON *root, const char *list_name, const char *left_name, int most)
{
    cJSON *list = cJSON_GetObjectItemCaseSensitive(root, list_name);
    const cJSON *before = cJSON_GetObjectItemCaseSensitive(root, left_name);
    int count = cJSON_GetArraySize(list);
    if (count <= most)
        return;
    double left = (before ? before->valuedouble : 0) + (count - most);
    cJSON *kept = cJSON_CreateArray();
    for (int i = 0; i < most; i++)
        cJSON_AddItemToArray(kept, cJSON_DetachItemFromArray(list, 0));
    cJSON_ReplaceItemInObjectCaseSensitive(root, list_name, kept);
    cJSON_DeleteItemFromObjectCaseSensitive(root, left_name);
    cJSON_AddNumberToObject(root, left_name, left);
}

// What the session recorded of itself; `info --json` takes the events' times where it did not.
static void add_recording(cJSON *info, const trace_facts *f)
{
    cJSON *recording = cJSON_AddObjectToObject(info, "recording");
    report_add_time(recording, "start", f->start_time);
    report_add_time(recording, "end", f->end_time);
}

static void add_inputs(cJSON *root, const evidence *ev)
{
    cJSON *list = info_inputs(ev), *info;
    u32 i = ev->first;
    cJSON_ArrayForEach (info, list) {
        u32 index = ev->run->inputs.rows[i++].trace;
        if (index == INPUT_NONE)
            continue;
        add_recording(info, &ev->session->traces[index]->file.trace_headers[0]);
        shorten(info, "damage", "damage_not_listed", REPORT_DAMAGE);
        cJSON_DeleteItemFromObjectCaseSensitive(info, "providers"); // all inputs' are one list
    }
    cJSON_AddItemToObject(root, "inputs", list);
}

// ---------------------------------------------------------------------------------------------- the whole

cJSON *report_model(const report_job *job)
{
    cJSON *root = cJSON_CreateObject();
    cJSON_AddStringToObject(root, "report", "etwkit");
    cJSON_AddStringToObject(root, "version", etwkit_version());
    add_run(root, job);
    add_inputs(root, job->evidence);
    report_add_hosts(root, job->evidence->session);
    report_add_striking(root, job->data);
    report_add_timeline(root, job->data);
    report_add_processes(root, job);
    report_add_connections(root, job->evidence->session);
    report_add_charts(root, job->data);
    report_add_tables(root, job->data);
    report_add_classes(root, job);
    return root;
}

// ---------------------------------------------------------------------------------------------- as text

// In strings, where alone it occurs, "<" is the same as its escape; without it no text can end the page's data.
static char *escaped(const char *json, size_t len)
{
    static const char ESCAPE[] = "\\u003c";
    size_t more = 0;
    for (size_t i = 0; i < len; i++)
        more += json[i] == '<' ? sizeof(ESCAPE) - 2 : 0;
    char *out = cJSON_malloc(len + more + 1), *to = out;
    for (size_t i = 0; out && i < len; i++) {
        if (json[i] == '<')
            to = (char *)memcpy(to, ESCAPE, sizeof(ESCAPE) - 1) + sizeof(ESCAPE) - 1;
        else
            *to++ = json[i];
    }
    if (out)
        *to = 0;
    return out;
}

char *report_json(const cJSON *model, const report_data *d)
{
    // What is not rows is small; the memory is touched once only where this is enough.
    enum { REST = 96 << 10 };
    char *text = cJSON_PrintBuffered(model, (int)(d->store.bytes + d->store.bytes / 16 + REST), false);
    size_t len = strlen(text);
    if (!memchr(text, '<', len))
        return text;
    char *out = escaped(text, len);
    cJSON_free(text);
    return out;
}
