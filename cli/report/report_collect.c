#include "report/report.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/text.h"
#include "etwkit_engine.h"

// What render hands to commit for each record, then `bytes` of a row as JSON and `name_bytes` of the name looked up.
typedef struct note {
    i64 time;
    u32 cls, table, bytes, name_bytes;
    u32 life; // process_life.index, LIFE_NONE
} note;

static const u32 LIFE_NONE = UINT32_MAX, TABLE_NONE = UINT32_MAX;

// ---------------------------------------------------------------------------------------------- begin and end

static bool is_named(const void *items, u32 index, const void *name)
{
    return strcmp(((const report_series *)items)[index].name, name) == 0;
}

static u32 series_named(report_data *d, map *by_name, const char *name)
{
    u64 hash = hash_bytes(name, strlen(name));
    u32 found = map_find(by_name, hash, is_named, d->series, name);
    if (found != MAP_NONE)
        return found;
    GROW(d->series, d->series_count, d->series_cap);
    d->series[d->series_count] = (report_series){.name = name};
    map_add(by_name, hash, d->series_count);
    return d->series_count++;
}

void report_data_begin(report_data *d, const session *s)
{
    *d = (report_data){.session = s, .from = INT64_MAX, .to = INT64_MIN};
    d->tables = mem_zeroed(report_table_count(), sizeof(*d->tables));
    (void)correlator_processes(s->correlator, &d->life_count);
    d->lives = mem_zeroed(d->life_count, sizeof(*d->lives));
    map by_name = {0};
    u32 classes = class_count(s->classes);
    d->series_of_class = mem_zeroed(classes, sizeof(*d->series_of_class));
    for (u32 i = 0; i < classes; i++) {
        const event_class *c = class_list(s->classes)[i];
        char id[GUID_TEXT];
        const char *name = c->provider ? c->provider : arena_text(&d->arena, guid_to_text(&c->provider_id, id));
        d->series_of_class[i] = series_named(d, &by_name, name);
    }
    map_free(&by_name);
    for (u32 i = 0; i < s->trace_count; i++) {
        if (s->traces[i]->first_time < d->from)
            d->from = s->traces[i]->first_time;
        if (s->traces[i]->last_time > d->to)
            d->to = s->traces[i]->last_time;
    }
}

void report_data_free(report_data *d)
{
    for (u32 i = 0; i < report_table_count(); i++)
        outbuf_free(&d->tables[i].json);
    mem_free(d->tables);
    mem_free(d->lives);
    mem_free(d->series);
    mem_free(d->series_of_class);
    arena_free(&d->arena);
}

// ---------------------------------------------------------------------------------------------- a record

// A text as JSON; long text is cut before a character's first byte.
static void put_cell(outbuf *out, const char *text, size_t len)
{
    size_t shown = len;
    if (shown > REPORT_CELL_BYTES) {
        shown = REPORT_CELL_BYTES;
        while (shown && ((u8)text[shown] & 0xc0) == 0x80)
            shown--;
    }
    span bytes = {(const u8 *)text, shown};
    outbuf_text(out, ",\"");
    outbuf_written(out, text_utf8_json(outbuf_reserve(out, 6 * shown), bytes));
    outbuf_text(out, shown < len ? " …\"" : "\"");
}

static void put_number(outbuf *out, u64 number)
{
    outbuf_written(out, text_u64(outbuf_reserve(out, 20), number));
}

static void put_field(outbuf *scratch, const record *rec, const char *name)
{
    typed_value v;
    record_value(rec, name, &v);
    render_text(scratch, &v);
}

// The value of a rule's field after the end of *scratch; its bytes.
static size_t field_text(outbuf *scratch, const record *rec, const char *name)
{
    size_t start = scratch->len;
    if (strcmp(name, "@file") == 0)
        outbuf_text(scratch, rec->file_path ? rec->file_path : "");
    else if (strcmp(name, "@key") == 0)
        outbuf_text(scratch, rec->key_path ? rec->key_path : "");
    else
        put_field(scratch, rec, name);
    // The correlated path says more than the device path in the event.
    if (rec->file_path &&
        (strcmp(name, "FileName") == 0 || strcmp(name, "OpenPath") == 0 || strcmp(name, "FilePath") == 0)) {
        scratch->len = start;
        outbuf_text(scratch, rec->file_path);
    }
    return scratch->len - start;
}

static void put_details(outbuf *out, const record *rec, const report_rule *rule, const report_table *table)
{
    outbuf value = {0};
    for (u32 i = 0; i < REPORT_DETAILS && table->columns[i]; i++) {
        value.len = 0;
        size_t len = rule->fields[i] ? field_text(&value, rec, rule->fields[i]) : 0;
        put_cell(out, len ? (const char *)value.bytes : "", len);
    }
    outbuf_free(&value);
}

// [record, time, process, id, event, details...],
static void put_row(outbuf *out, const record *rec, const report_rule *rule)
{
    char time[40];
    const char *name = rec->process_name ? rec->process_name : "";
    outbuf_text(out, "[");
    put_number(out, rec->number);
    put_cell(out, time, (size_t)(text_time((u8 *)time, rec->time) - (u8 *)time));
    put_cell(out, name, strlen(name));
    outbuf_text(out, ",");
    if (rec->has_process)
        put_number(out, rec->process_id);
    else
        outbuf_text(out, "null");
    put_cell(out, rule->event, strlen(rule->event));
    put_details(out, rec, rule, &report_tables[report_table_index(rule->table)]);
    outbuf_text(out, "],\n");
}

static void report_render(const sink *s, const record *rec, outbuf *out)
{
    (void)s;
    const report_rule *rule = report_rule_of(rec->cls);
    note n = {rec->time, rec->cls->index, TABLE_NONE, 0, 0, rec->process ? rec->process->index : LIFE_NONE};
    size_t head = out->len;
    outbuf_add(out, &n, sizeof(n));
    if (rule && rec->plan) {
        size_t start = out->len;
        n.table = report_table_index(rule->table);
        put_row(out, rec, rule);
        n.bytes = (u32)(out->len - start);
        if (strcmp(rule->table, "dns") == 0)
            n.name_bytes = (u32)field_text(out, rec, rule->fields[0]);
        memcpy(out->bytes + head, &n, sizeof(n));
    }
}

// ---------------------------------------------------------------------------------------------- in order

static void add_row(report_data *d, const note *n, const u8 *json)
{
    report_rows *rows = &d->tables[n->table];
    rows->all++;
    if (rows->shown >= REPORT_ROWS || rows->json.len + n->bytes > REPORT_TABLE_BYTES)
        return;
    outbuf_add(&rows->json, json, n->bytes);
    rows->shown++;
}

static void add_name(report_data *d, report_life *life, const u8 *name, u32 len)
{
    for (u32 i = 0; i < life->name_count; i++)
        if (strlen(life->names[i]) == len && memcmp(life->names[i], name, len) == 0)
            return;
    life->names_all++;
    if (life->name_count < REPORT_NAMES)
        life->names[life->name_count++] = arena_text_len(&d->arena, (const char *)name, len);
}

static void add_time(report_data *d, const note *n)
{
    if (n->cls >= class_count(d->session->classes))
        return;
    report_series *series = &d->series[d->series_of_class[n->cls]];
    series->events++;
    // Damaged clocks give times whose differences leave 64 bits.
    double all = (double)d->to - (double)d->from;
    double at = n->time < d->from ? 0 : (double)n->time - (double)d->from;
    u64 bucket = all <= 0 ? 0 : at < all ? (u64)(at / all * REPORT_BUCKETS) : REPORT_BUCKETS - 1;
    series->buckets[bucket < REPORT_BUCKETS ? bucket : REPORT_BUCKETS - 1]++;
}

static bool report_commit(sink *d, span rendered, u32 records, error *e)
{
    (void)e;
    cursor c = cursor_over(rendered);
    for (u32 i = 0; i < records; i++) {
        note n;
        memcpy(&n, take(&c, sizeof(n)).at, sizeof(n));
        span row = take(&c, n.bytes), name = take(&c, n.name_bytes);
        add_time(d, &n);
        report_life *life = n.life < d->life_count ? &d->lives[n.life] : NULL;
        if (life)
            life->events++;
        if (n.table == TABLE_NONE)
            continue;
        add_row(d, &n, row.at);
        if (life && n.name_bytes)
            add_name(d, life, name.at, n.name_bytes);
        if (life && strcmp(report_tables[n.table].id, "files") == 0)
            life->files++;
    }
    return true;
}

static bool report_open(sink **out, const export_target *target, error *e)
{
    (void)out;
    (void)target;
    (void)e;
    return true;
}

static bool report_close(sink *s, error *e)
{
    (void)s;
    (void)e;
    return true;
}

const exporter report_exporter = {.name = "report",
                                  .suffixes = "",
                                  .help = "",
                                  .open = report_open,
                                  .render = report_render,
                                  .commit = report_commit,
                                  .close = report_close};
