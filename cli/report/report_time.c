// The timeline: how many events of which provider when.
#include "base/text.h"
#include "report/report.h"

// Damaged clocks give times whose differences leave 64 bits.
static u64 since(const report_time *t, i64 time)
{
    return time <= t->from ? 0 : (u64)time - (u64)t->from;
}

static void begin(report_time *t, i64 time)
{
    t->begun = true;
    t->from = t->last = time;
    t->step = 1;
    t->used = 1;
}

// Steps of double length: pairs become one.
static void widen(report_time *t)
{
    t->step *= 2;
    for (u32 s = 0; s <= REPORT_SERIES; s++)
        for (u32 i = 0; i < REPORT_STEPS; i++)
            t->counts[s][i] = i < REPORT_STEPS / 2 ? t->counts[s][2 * i] + t->counts[s][2 * i + 1] : 0;
    t->used = (t->used + 1) / 2;
}

bool report_time_step(const report_time *t, i64 time, u32 *step)
{
    if (!t->begun || time < t->from || since(t, time) / t->step >= t->used)
        return false;
    *step = (u32)(since(t, time) / t->step);
    return true;
}

void report_time_add(report_time *t, u32 series, i64 time, bool outside)
{
    if (outside)
        return;
    t->events[series]++;
    if (!t->begun)
        begin(t, time);
    while (since(t, time) / t->step >= REPORT_STEPS)
        widen(t);
    u32 step = (u32)(since(t, time) / t->step);
    t->counts[series][step]++;
    if (step >= t->used)
        t->used = step + 1;
    if (time > t->last)
        t->last = time;
}

// ---------------------------------------------------------------------------------------------- as JSON

static void add_series(cJSON *list, const report_data *d, u32 series)
{
    const report_time *t = &d->time;
    cJSON *one = cJSON_CreateObject();
    cJSON_AddStringToObject(one, "provider", d->classes.series_names[series]);
    report_add_number(one, "events", t->events[series]);
    outbuf text = {0};
    outbuf_text(&text, "[");
    for (u32 i = 0; i < t->used; i++) {
        outbuf_text(&text, i ? "," : "");
        outbuf_written(&text, text_u64(outbuf_reserve(&text, 20), t->counts[series][i]));
    }
    outbuf_add(&text, "]", sizeof("]"));
    cJSON_AddItemToObject(one, "counts", cJSON_CreateRaw((const char *)text.bytes));
    outbuf_free(&text);
    cJSON_AddItemToArray(list, one);
}

// The steps with buffers before which something was lost.
static void mark_losses(const trace *t, const report_data *d, bool *lost)
{
    for (u32 k = 0; k < t->losses.after_count; k++) {
        u32 step;
        const etl_buffer *b = &t->file.buffers[t->losses.after[k]];
        const buffer_events *events = trace_events_of(t, t->losses.after[k]);
        if (events && report_time_step(&d->time, clock_filetime(etl_clock(&t->file, b), events->first_time), &step))
            lost[step] = true;
    }
}

void report_add_timeline(cJSON *root, const report_data *d)
{
    const report_time *t = &d->time;
    bool lost[REPORT_STEPS] = {false};
    cJSON *timeline = cJSON_AddObjectToObject(root, "timeline");
    report_add_time(timeline, "from", t->from);
    report_add_time(timeline, "to", t->last);
    cJSON_AddNumberToObject(timeline, "step_seconds", (double)t->step / 1e7);
    report_add_number(timeline, "steps", t->used);
    cJSON *list = cJSON_AddArrayToObject(timeline, "series");
    for (u32 s = 0; s <= REPORT_SERIES; s++)
        if (t->events[s])
            add_series(list, d, s);
    report_add_number(timeline, "other_providers", d->classes.other_series);
    for (u32 i = 0; i < d->session->trace_count; i++)
        mark_losses(d->session->traces[i], d, lost);
    cJSON *marks = cJSON_AddArrayToObject(timeline, "lost");
    for (u32 i = 0; i < t->used; i++)
        if (lost[i])
            cJSON_AddItemToArray(marks, cJSON_CreateNumber(i));
}
