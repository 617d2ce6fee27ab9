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
static outbuf escaped(const char *json)
{
    outbuf out = {0};
    for (;;) {
        size_t plain = strcspn(json, "<");
        outbuf_add(&out, json, plain);
        json += plain;
        if (!*json)
            return out;
        outbuf_text(&out, "\\u003c");
        json++;
    }
}

outbuf report_json(const cJSON *model)
{
    char *text = cJSON_PrintBuffered(model, REPORT_ALL_BYTES, false);
    size_t len = strlen(text);
    if (!memchr(text, '<', len))
        return (outbuf){(u8 *)text, len, len}; // cJSON's memory is ours (memory_begin)
    outbuf out = escaped(text);
    cJSON_free(text);
    return out;
}
