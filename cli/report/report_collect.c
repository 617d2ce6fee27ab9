#include "report/report.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "decode/render.h"

// What render hands to commit for each record, then `bytes` of HTML cells and `name_bytes` of the name looked up.
typedef struct note {
    i64 time;
    u32 cls, table, bytes, name_bytes;
    u32 life; // process_life.index, LIFE_NONE
} note;

static const u32 LIFE_NONE = UINT32_MAX, TABLE_NONE = UINT32_MAX;

// ---------------------------------------------------------------------------------------------- begin and end

static u32 series_named(report_data *d, const char *name)
{
    for (u32 i = 0; i < d->series_count; i++)
        if (strcmp(d->series[i].name, name) == 0)
            return i;
    GROW(d->series, d->series_count, d->series_cap);
    d->series[d->series_count] = (report_series){.name = name};
    return d->series_count++;
}

void report_data_begin(report_data *d, const session *s)
{
    *d = (report_data){.session = s, .from = INT64_MAX, .to = INT64_MIN};
    d->tables = mem_zeroed(report_table_count(), sizeof(*d->tables));
    (void)correlator_processes(s->correlator, &d->life_count);
    d->lives = mem_zeroed(d->life_count, sizeof(*d->lives));
    u32 classes = class_count(s->classes);
    d->series_of_class = mem_zeroed(classes, sizeof(*d->series_of_class));
    for (u32 i = 0; i < classes; i++) {
        const event_class *c = class_list(s->classes)[i];
        char id[GUID_TEXT];
        const char *name = c->provider ? c->provider : arena_text(&d->arena, guid_to_text(&c->provider_id, id));
        d->series_of_class[i] = series_named(d, name);
    }
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
        outbuf_free(&d->tables[i].html);
    mem_free(d->tables);
    mem_free(d->lives);
    mem_free(d->series);
    mem_free(d->series_of_class);
    arena_free(&d->arena);
}

// ---------------------------------------------------------------------------------------------- a record

void report_text(outbuf *out, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        u8 c = (u8)text[i];
        const char *form = c == '&'    ? "&amp;"
                           : c == '<'  ? "&lt;"
                           : c == '>'  ? "&gt;"
                           : c == '"'  ? "&quot;"
                           : c == '\'' ? "&#39;"
                                       : NULL;
        if (form)
            outbuf_text(out, form);
        else if (c < 0x20 && c != '\t' && c != '\n' && c != '\r')
            outbuf_text(out, "\xef\xbf\xbd");
        else
            outbuf_add(out, &text[i], 1);
    }
}

// A cell; long text is cut in front of a character's first byte.
static void put_cell(outbuf *out, const char *text, size_t len)
{
    size_t shown = len;
    if (shown > REPORT_CELL_BYTES) {
        shown = REPORT_CELL_BYTES;
        while (shown && ((u8)text[shown] & 0xc0) == 0x80)
            shown--;
    }
    outbuf_text(out, "<td>");
    report_text(out, text, shown);
    if (shown < len)
        outbuf_text(out, " …");
    outbuf_text(out, "</td>");
}

static void put_number_cell(outbuf *out, bool there, u64 number)
{
    u8 text[20];
    put_cell(out, (const char *)text, there ? (size_t)(text_u64(text, number) - text) : 0);
}

// The value of a rule's field behind the end of *scratch; its bytes.
static size_t field_text(outbuf *scratch, const record *rec, const char *name)
{
    size_t start = scratch->len;
    if (strcmp(name, "@file") == 0)
        outbuf_text(scratch, rec->file_path ? rec->file_path : "");
    else if (strcmp(name, "@key") == 0)
        outbuf_text(scratch, rec->key_path ? rec->key_path : "");
    else
        (void)render_field_text(scratch, rec, name);
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

static void put_row(outbuf *out, const record *rec, const report_rule *rule)
{
    u8 time[40];
    outbuf_text(out, "<tr>");
    put_number_cell(out, true, rec->number);
    outbuf_text(out, "<td><time>");
    outbuf_add(out, time, (size_t)(text_time(time, rec->time) - time));
    outbuf_text(out, "</time></td>");
    const char *name = rec->process_name ? rec->process_name : "";
    put_cell(out, name, strlen(name));
    put_number_cell(out, rec->has_process, rec->process_id);
    put_cell(out, rule->event, strlen(rule->event));
    put_details(out, rec, rule, &report_tables[report_table_index(rule->table)]);
    outbuf_text(out, "</tr>\n");
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

static void take_row(report_data *d, const note *n, const u8 *html)
{
    report_rows *rows = &d->tables[n->table];
    rows->all++;
    if (rows->shown >= REPORT_ROWS || rows->html.len + n->bytes > REPORT_TABLE_BYTES)
        return;
    outbuf_add(&rows->html, html, n->bytes);
    rows->shown++;
}

static void take_name(report_data *d, report_life *life, const u8 *name, u32 len)
{
    for (u32 i = 0; i < life->name_count; i++)
        if (strlen(life->names[i]) == len && memcmp(life->names[i], name, len) == 0)
            return;
    life->names_all++;
    if (life->name_count < REPORT_NAMES)
        life->names[life->name_count++] = arena_text_len(&d->arena, (const char *)name, len);
}

static void take_time(report_data *d, const note *n)
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
        take_time(d, &n);
        report_life *life = n.life < d->life_count ? &d->lives[n.life] : NULL;
        if (life)
            life->events++;
        if (n.table == TABLE_NONE)
            continue;
        take_row(d, &n, row.at);
        if (life && n.name_bytes)
            take_name(d, life, name.at, n.name_bytes);
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
