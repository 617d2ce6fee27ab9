// The tables of the report's model: those the rules fill, those of providers, and the list of classes.
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "info.h"
#include "report/report.h"

// ---------------------------------------------------------------------------------------------- tables

static void add_columns(cJSON *to, const char *const *more, u32 count)
{
    static const char *const FIRST[] = {"record", "time (UTC)", "process", "id", "event"};
    cJSON *columns = cJSON_AddArrayToObject(to, "columns");
    for (size_t i = 0; i < COUNT_OF(FIRST); i++)
        cJSON_AddItemToArray(columns, cJSON_CreateString(FIRST[i]));
    for (u32 i = 0; i < count && more[i]; i++)
        cJSON_AddItemToArray(columns, cJSON_CreateString(more[i]));
}

static void add_raw(cJSON *to, const char *name, outbuf *text)
{
    outbuf_add(text, "", 1);
    cJSON_AddRawToObject(to, name, (const char *)text->bytes);
    outbuf_free(text);
}

// A number of each row, null for REPORT_NONE.
static void add_numbers(cJSON *to, const char *name, const report_rows *rows, bool hosts)
{
    outbuf list = {0};
    outbuf_text(&list, "[");
    for (u32 i = 0; i < rows->shown; i++) {
        u32 number = hosts ? rows->list[i].host : rows->list[i].life;
        outbuf_text(&list, i ? "," : "");
        if (number == REPORT_NONE)
            outbuf_text(&list, "null");
        else
            outbuf_written(&list, text_u64(outbuf_reserve(&list, 20), number));
    }
    outbuf_text(&list, "]");
    add_raw(to, name, &list);
}

// The rows are JSON already, and are not copied.
static void add_rows(cJSON *to, const report_data *d, report_rows *rows)
{
    cJSON *json = cJSON_CreateNull();
    json->type = cJSON_Raw | cJSON_IsReference;
    json->valuestring = (char *)report_rows_json(rows);
    cJSON_AddItemToObject(to, "rows", json);
    add_numbers(to, "lives", rows, false);
    if (d->session->hosts.count > 1)
        add_numbers(to, "hosts", rows, true);
}

static void add_query(cJSON *to, outbuf *query)
{
    outbuf_add(query, "", 1);
    cJSON_AddStringToObject(to, "query", (const char *)query->bytes);
    outbuf_free(query);
}

static cJSON *table_json(const char *id, const char *title, const char *explanation, u64 all)
{
    cJSON *one = cJSON_CreateObject();
    cJSON_AddStringToObject(one, "id", id);
    report_add_text(one, "title", title);
    cJSON_AddStringToObject(one, "explanation", explanation);
    report_add_number(one, "all", all);
    return one;
}

static void add_activities(cJSON *list, report_data *d)
{
    for (u32 i = 0; i < report_table_count(); i++) {
        const report_table *table = &report_tables[i];
        outbuf query = {0};
        if (!d->store.tables[i].all)
            continue;
        cJSON *one = table_json(table->id, table->title, table->explanation, d->store.tables[i].all);
        const char *columns[REPORT_DETAILS];
        for (u32 k = 0; k < REPORT_DETAILS; k++)
            columns[k] = table->columns[k].title;
        add_columns(one, columns, REPORT_DETAILS);
        report_query(table, &query);
        add_query(one, &query);
        add_rows(one, d, &d->store.tables[i]);
        cJSON_AddItemToArray(list, one);
    }
}

static void add_provider(cJSON *list, report_data *d, const report_provider *p)
{
    static const char *const COLUMNS[] = {"level", "message or fields"};
    char provider_id[GUID_TEXT], id[GUID_TEXT + 16] = "provider-";
    outbuf query = {0};
    strcat(id, guid_to_text(&p->id, provider_id));
    cJSON *one =
        table_json(id, p->title, p->has_rules ? "Its events but those that are in a table above." : "Its events.",
                   d->store.tables[p->table].all);
    cJSON_AddStringToObject(one, "provider_id", provider_id);
    cJSON_AddBoolToObject(one, "bookkeeping", p->bookkeeping);
    add_columns(one, COLUMNS, COUNT_OF(COLUMNS));
    report_provider_query(&p->id, &query);
    add_query(one, &query);
    add_rows(one, d, &d->store.tables[p->table]);
    cJSON_AddItemToArray(list, one);
}

void report_add_tables(cJSON *root, report_data *d)
{
    add_activities(cJSON_AddArrayToObject(root, "tables"), d);
    cJSON *list = cJSON_AddArrayToObject(root, "providers");
    for (u32 i = 0; i < d->classes.provider_count; i++)
        if (d->classes.providers[i].table != REPORT_NONE && d->store.tables[d->classes.providers[i].table].all)
            add_provider(list, d, &d->classes.providers[i]);
    report_add_number(root, "providers_without_table", d->classes.left_out);
}

// ---------------------------------------------------------------------------------------------- classes

static int by_class(const void *a, const void *b)
{
    const class_row x = {*(const event_class *const *)a, 0}, y = {*(const event_class *const *)b, 0};
    return info_class_order(&x, &y);
}

// Those that differ only in level, keyword, channel or pointer size are one row.
static bool is_same(const event_class *a, const event_class *b)
{
    const event_descriptor *d = &a->descriptor, *g = &b->descriptor;
    return guid_equal(&a->provider_id, &b->provider_id) && d->id == g->id && d->version == g->version &&
           d->opcode == g->opcode && a->origin == b->origin &&
           strcmp(a->event_name ? a->event_name : "", b->event_name ? b->event_name : "") == 0;
}

static void add_class(cJSON *rows, const event_class *cls, u64 events)
{
    char id[GUID_TEXT];
    cJSON *row = cJSON_CreateArray();
    cJSON_AddItemToArray(row, cJSON_CreateString(cls->provider ? cls->provider : guid_to_text(&cls->provider_id, id)));
    cJSON_AddItemToArray(row, cJSON_CreateNumber(cls->descriptor.id));
    cJSON_AddItemToArray(row, cJSON_CreateNumber(cls->descriptor.version));
    cJSON_AddItemToArray(row, cJSON_CreateNumber(cls->descriptor.opcode));
    cJSON_AddItemToArray(row, cJSON_CreateString(cls->event_name ? cls->event_name : ""));
    cJSON_AddItemToArray(row, cJSON_CreateNumber((double)events));
    cJSON_AddItemToArray(row, cJSON_CreateString(schema_origin_name(cls->origin)));
    cJSON_AddItemToArray(row, cJSON_CreateString(guid_to_text(&cls->provider_id, id)));
    cJSON_AddItemToArray(rows, row);
}

static void add_class_columns(cJSON *to)
{
    static const char *const COLUMNS[] = {"provider", "event",  "version",    "opcode",
                                          "name",     "events", "decoded by", "provider id"};
    cJSON *columns = cJSON_AddArrayToObject(to, "columns");
    for (size_t i = 0; i < COUNT_OF(COLUMNS); i++)
        cJSON_AddItemToArray(columns, cJSON_CreateString(COLUMNS[i]));
}

void report_add_classes(cJSON *root, const report_job *job)
{
    const session *s = job->evidence->session;
    u32 count = 0, all = 0;
    const event_class **list = mem_zeroed(class_count(s->classes) + 1, sizeof(*list));
    for (u32 i = 0; i < class_count(s->classes); i++) {
        const event_class *cls = class_list(s->classes)[i];
        if (cls->events && filter_class(&job->evidence->run->options->filter, cls) != WHERE_NEVER)
            list[count++] = cls;
    }
    if (count)
        qsort(list, count, sizeof(*list), by_class);
    cJSON *classes = cJSON_AddObjectToObject(root, "classes");
    add_class_columns(classes);
    cJSON *rows = cJSON_AddArrayToObject(classes, "rows");
    for (u32 i = 0; i < count; all++) {
        u64 events = 0;
        u32 first = i;
        for (; i < count && is_same(list[first], list[i]); i++)
            events += list[i]->events;
        if (all < REPORT_CLASSES)
            add_class(rows, list[first], events);
    }
    report_add_number(classes, "all", all);
    mem_free(list);
}
