// What Sigma rules hit, as a table of the report: a pass of its own over the records.
#include <string.h>

#include "base/text.h"
#include "detect/detect_format.h"
#include "report/report.h"
#include "report/report_detections.h"

typedef struct hit_rows {
    cJSON *rows, *lives;
    u64 all;
    outbuf text;
} hit_rows;

static void add_text(cJSON *row, span text)
{
    outbuf clean = {0};
    outbuf_written(&clean, text_utf8(outbuf_reserve(&clean, 3 * text.len + 1), text));
    outbuf_add(&clean, "", 1);
    cJSON_AddItemToArray(row, cJSON_CreateString((const char *)clean.bytes));
    outbuf_free(&clean);
}

static void add_name(cJSON *row, const char *name)
{
    add_text(row, text_span(name ? name : ""));
}

static bool add_row(void *context, const detection *d, error *e)
{
    hit_rows *h = context;
    char time[40];
    (void)e;
    if (h->all++ >= REPORT_ROWS)
        return true;
    cJSON *row = cJSON_CreateArray();
    *text_time((u8 *)time, d->time) = 0;
    cJSON_AddItemToArray(row, cJSON_CreateNumber((double)d->record));
    add_name(row, time);
    add_name(row, d->process_name);
    cJSON_AddItemToArray(row, d->has_process ? cJSON_CreateNumber(d->process_id) : cJSON_CreateString(""));
    add_name(row, rule_level_name(d->rule->level));
    add_name(row, d->rule->title);
    h->text.len = 0;
    detection_put_matched_text(d, &h->text);
    add_text(row, (span){h->text.bytes, h->text.len});
    add_name(row, d->rule->id);
    cJSON_AddItemToArray(h->rows, row);
    cJSON_AddItemToArray(h->lives, cJSON_CreateNull());
    return true;
}

static void add_table(cJSON *root, hit_rows *h)
{
    static const char *const COLUMNS[] = {"record", "time (UTC)", "process", "id",
                                          "level",  "rule",       "matched", "rule id"};
    cJSON *table = cJSON_CreateObject(), *columns = cJSON_CreateArray();
    for (size_t i = 0; i < COUNT_OF(COLUMNS); i++)
        cJSON_AddItemToArray(columns, cJSON_CreateString(COLUMNS[i]));
    cJSON_AddStringToObject(table, "id", "detections");
    cJSON_AddStringToObject(table, "title", "Rules that hit");
    cJSON_AddStringToObject(
        table, "explanation",
        "What the Sigma rules given with --rules hit. The query is for convert --rules PATH -o OUT.db.");
    report_add_number(table, "all", h->all);
    cJSON_AddItemToObject(table, "columns", columns);
    cJSON_AddStringToObject(table, "query",
                            "SELECT record, timestamp, process_name, process_id, level, title, matched, rule_id FROM "
                            "detections ORDER BY id");
    cJSON_AddItemToObject(table, "rows", h->rows);
    cJSON_AddItemToObject(table, "lives", h->lives);
    cJSON_InsertItemInArray(cJSON_GetObjectItem(root, "tables"), 0, table);
}

bool report_add_detections(cJSON *root, const evidence *ev, const rule_book *book, error *e)
{
    hit_rows h = {cJSON_CreateArray(), cJSON_CreateArray(), 0, {0}};
    hit_counts counts = {0};
    bool ok = detect_run(book, &ev->run->options->filter, (evidence *)(uintptr_t)ev, &counts, add_row, &h, e);
    hit_counts_free(&counts);
    outbuf_free(&h.text);
    add_table(root, &h);
    return ok;
}
