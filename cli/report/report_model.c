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
        shorten(info, "providers", "providers_not_listed", REPORT_PROVIDERS);
    }
    cJSON_AddItemToObject(root, "inputs", list);
}

// ---------------------------------------------------------------------------------------------- timeline

static int by_events(const void *a, const void *b)
{
    const report_series *x = *(const report_series *const *)a, *y = *(const report_series *const *)b;
    if (x->events != y->events)
        return x->events > y->events ? -1 : 1;
    return strcmp(x->name, y->name);
}

static void add_series(cJSON *list, const report_series *s)
{
    cJSON *one = cJSON_CreateObject(), *counts = cJSON_CreateArray();
    cJSON_AddStringToObject(one, "provider", s->name);
    report_add_number(one, "events", s->events);
    for (u32 b = 0; b < REPORT_BUCKETS; b++)
        cJSON_AddItemToArray(counts, cJSON_CreateNumber(s->buckets[b]));
    cJSON_AddItemToObject(one, "counts", counts);
    cJSON_AddItemToArray(list, one);
}

// Those with most events one by one, all others as one.
static void add_all_series(cJSON *timeline, const report_data *d)
{
    const report_series **order = mem_zeroed(d->series_count, sizeof(*order));
    cJSON *list = cJSON_AddArrayToObject(timeline, "series");
    report_series others = {.name = ""};
    for (u32 i = 0; i < d->series_count; i++)
        order[i] = &d->series[i];
    if (d->series_count)
        qsort(order, d->series_count, sizeof(*order), by_events);
    for (u32 i = 0; i < d->series_count && i < REPORT_SERIES; i++)
        add_series(list, order[i]);
    for (u32 i = REPORT_SERIES; i < d->series_count; i++) {
        others.events += order[i]->events;
        for (u32 b = 0; b < REPORT_BUCKETS; b++)
            others.buckets[b] += order[i]->buckets[b];
    }
    u32 other_count = d->series_count > REPORT_SERIES ? d->series_count - REPORT_SERIES : 0;
    if (other_count)
        add_series(list, &others);
    report_add_number(timeline, "other_providers", other_count);
    mem_free(order);
}

// Where the buffers begin before which something was lost.
static void mark_losses(const trace *t, const report_data *d, bool lost[REPORT_BUCKETS])
{
    double all = (double)d->to - (double)d->from;
    for (u32 k = 0; k < t->losses.behind_count; k++) {
        const etl_buffer *b = &t->file.buffers[t->losses.after[k]];
        const buffer_events *events = trace_events_of(t, t->losses.after[k]);
        if (!events)
            continue;
        double at =
            (double)clock_filetime(&t->file.trace_headers[b->trace_header].clock, events->first_time) - (double)d->from;
        if (at >= 0 && at < all)
            lost[(u32)(at / all * REPORT_BUCKETS)] = true;
    }
}

static void add_timeline(cJSON *root, const report_data *d)
{
    bool lost[REPORT_BUCKETS] = {false};
    cJSON *timeline = cJSON_AddObjectToObject(root, "timeline");
    report_add_time(timeline, "from", d->from);
    report_add_time(timeline, "to", d->to);
    cJSON_AddNumberToObject(timeline, "seconds", ((double)d->to - (double)d->from) / 1e7);
    add_all_series(timeline, d);
    for (u32 i = 0; i < d->session->trace_count; i++)
        mark_losses(d->session->traces[i], d, lost);
    cJSON *marks = cJSON_AddArrayToObject(timeline, "lost");
    for (u32 b = 0; b < REPORT_BUCKETS; b++)
        if (lost[b])
            cJSON_AddItemToArray(marks, cJSON_CreateNumber(b));
}

// ---------------------------------------------------------------------------------------------- the whole

// In strings, where alone it occurs, "<" is the same as its escape; without it no text can end the page's data.
static void add_escaped(outbuf *out, const char *json)
{
    for (;;) {
        size_t plain = strcspn(json, "<");
        outbuf_add(out, json, plain);
        json += plain;
        if (!*json)
            return;
        outbuf_text(out, "\\u003c");
        json++;
    }
}

cJSON *report_model(const report_job *job)
{
    cJSON *root = cJSON_CreateObject();
    cJSON_AddStringToObject(root, "report", "etwkit");
    cJSON_AddStringToObject(root, "version", etwkit_version());
    add_run(root, job);
    add_inputs(root, job->evidence);
    add_timeline(root, job->data);
    report_add_processes(root, job);
    report_add_connections(root, job->evidence->session);
    report_add_tables(root, job->data);
    return root;
}

void report_json(const cJSON *model, outbuf *out)
{
    char *text = cJSON_PrintUnformatted(model);
    add_escaped(out, text);
    cJSON_free(text);
}
