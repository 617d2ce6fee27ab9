// Rows of the report's tables: made from records on any thread, kept in order, as many as a reader and a page can bear.
#include <string.h>

#include "base/text.h"
#include "description.h"
#include "report/report.h"

// ---------------------------------------------------------------------------------------------- cells

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

static void put_text_cell(outbuf *out, const char *text)
{
    put_cell(out, text ? text : "", text ? strlen(text) : 0);
}

static void put_number(outbuf *out, u64 number)
{
    outbuf_written(out, text_u64(outbuf_reserve(out, 20), number));
}

static void put_value(outbuf *out, const record *rec, const char *name)
{
    typed_value v;
    record_value(rec, name, &v);
    render_text(out, &v);
}

size_t report_put_field(outbuf *out, const record *rec, const char *name)
{
    size_t start = out->len;
    if (strcmp(name, "@file") == 0)
        outbuf_text(out, rec->file_path ? rec->file_path : "");
    else if (strcmp(name, "@key") == 0)
        outbuf_text(out, rec->key_path ? rec->key_path : "");
    else
        put_value(out, rec, name);
    // The correlated path says more than the device path in the event.
    if (rec->file_path &&
        (strcmp(name, "FileName") == 0 || strcmp(name, "OpenPath") == 0 || strcmp(name, "FilePath") == 0)) {
        out->len = start;
        outbuf_text(out, rec->file_path);
    }
    return out->len - start;
}

// ---------------------------------------------------------------------------------------------- a record

static void put_details(outbuf *out, const record *rec, const report_rule *rule, outbuf *said)
{
    const report_table *table = &report_tables[report_table_index(rule->table)];
    for (u32 i = 0; i < REPORT_DETAILS && table->columns[i]; i++) {
        outbuf_text(said, "\n");
        size_t start = said->len, len = rule->fields[i] ? report_put_field(said, rec, rule->fields[i]) : 0;
        put_cell(out, (const char *)said->bytes + start, len);
    }
}

static void put_event_name(outbuf *out, const record *rec)
{
    char number[24];
    *text_u64((u8 *)number, rec->cls->descriptor.id) = 0;
    put_text_cell(out, rec->cls->event_name ? rec->cls->event_name : number);
}

// Of the table of its provider: event, level, what it says.
static void put_whole(outbuf *out, const record *rec, outbuf *said)
{
    put_event_name(out, rec);
    put_text_cell(out, rec->cls->level_name);
    outbuf_text(said, "\n");
    size_t start = said->len;
    description_put_event(rec, said);
    put_cell(out, (const char *)said->bytes + start, said->len - start);
}

void report_put_row(outbuf *out, const record *rec, const report_rule *rule, outbuf *said)
{
    char time[40];
    outbuf_text(out, "[");
    put_number(out, rec->number);
    put_cell(out, time, (size_t)(text_time((u8 *)time, rec->time) - (u8 *)time));
    put_text_cell(out, rec->process_name);
    outbuf_text(out, ",");
    if (rec->has_process)
        put_number(out, rec->process_id);
    else
        outbuf_text(out, "null");
    if (rule) {
        put_text_cell(out, rule->event);
        put_details(out, rec, rule, said);
    } else {
        put_whole(out, rec, said);
    }
    outbuf_text(out, "],\n");
}

// ---------------------------------------------------------------------------------------------- the store

void report_store_begin(report_store *s, u32 tables)
{
    *s = (report_store){.count = tables, .most = REPORT_TABLE_BYTES};
    s->tables = mem_zeroed(tables, sizeof(*s->tables));
    for (u32 i = 0; i < tables; i++)
        s->tables[i].most = REPORT_ROWS;
}

const char *report_rows_json(report_rows *rows)
{
    static const char EMPTY[] = "[]";
    if (!rows->shown)
        return EMPTY;
    u8 *last = rows->json.bytes + rows->json.len - strlen(",\n"); // behind the last row
    last[0] = ']';
    last[1] = 0;
    return (const char *)rows->json.bytes;
}

void report_store_free(report_store *s)
{
    for (u32 i = 0; i < s->count; i++) {
        outbuf_free(&s->tables[i].json);
        mem_free(s->tables[i].list);
    }
    mem_free(s->tables);
}

static void fill_up(report_rows *rows)
{
    atomic_store_explicit(&rows->full, true, memory_order_relaxed);
}

static const char BEGIN[] = "[\n";

static void cut_to(report_rows *rows, size_t most)
{
    if (rows->json.len <= most)
        return;
    while (rows->shown && rows->list[rows->shown - 1].end > most)
        rows->shown--;
    rows->json.len = rows->shown ? rows->list[rows->shown - 1].end : strlen(BEGIN);
    fill_up(rows);
}

// Where all tables together are too long, those that are longer than half of what one may have are cut to that: so
// tables with few rows keep them, and which rows are left depends on nothing but the records.
static void make_room(report_store *s)
{
    while (s->bytes > REPORT_ALL_BYTES) {
        s->most /= 2;
        s->bytes = 0;
        for (u32 i = 0; i < s->count; i++) {
            cut_to(&s->tables[i], s->most);
            s->bytes += s->tables[i].json.len;
        }
    }
}

bool report_store_add(report_store *s, u32 table, span row, u32 life, u32 host)
{
    report_rows *rows = &s->tables[table];
    rows->all++;
    if (atomic_load_explicit(&rows->full, memory_order_relaxed))
        return false;
    if (rows->shown >= rows->most || rows->json.len + row.len > s->most) {
        fill_up(rows);
        return false;
    }
    if (!rows->json.len)
        outbuf_text(&rows->json, BEGIN);
    outbuf_add(&rows->json, row.at, row.len);
    GROW(rows->list, rows->shown, rows->cap);
    rows->list[rows->shown++] = (report_row){rows->json.len, life, host};
    s->bytes += row.len;
    make_room(s);
    return true;
}
