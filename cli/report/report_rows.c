// Rows of the report's tables: made from records on any thread, kept in order, as many as a reader and a page can bear.
#include <string.h>

#include "base/text.h"
#include "description.h"
#include "report/report.h"

// ---------------------------------------------------------------------------------------------- cells

// "<" as its escape, from `start` on: no row has one, so that few pages have to be gone through again (report_json).
static void escape_markup(outbuf *out, size_t start)
{
    static const char ESCAPE[] = "\\u003c";
    enum { MORE = sizeof(ESCAPE) - 2 };
    size_t more = 0, len = out->len;
    for (size_t i = start; i < len; i++)
        more += out->bytes[i] == '<' ? MORE : 0;
    u8 *to = outbuf_reserve(out, more) + more;
    outbuf_written(out, to);
    for (size_t i = len; more && i-- > start;) {
        if (out->bytes[i] != '<') {
            *--to = out->bytes[i];
            continue;
        }
        to -= MORE + 1;
        memcpy(to, ESCAPE, MORE + 1);
        more -= MORE;
    }
}

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
    size_t start = out->len;
    outbuf_written(out, text_utf8_json(outbuf_reserve(out, 6 * shown), bytes));
    if (shown && memchr(bytes.at, '<', shown))
        escape_markup(out, start);
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

// ---------------------------------------------------------------------------------------------- a record

static void put_event_name(outbuf *out, const record *rec)
{
    char number[24];
    *text_u64((u8 *)number, rec->cls->descriptor.id) = 0;
    put_text_cell(out, rec->cls->event_name ? rec->cls->event_name : number);
}

static void put_head(outbuf *out, const record *rec, const char *process, bool has_process, u32 process_id)
{
    char time[40];
    outbuf_text(out, "[");
    put_number(out, rec->number);
    put_cell(out, time, (size_t)(text_time((u8 *)time, rec->time) - (u8 *)time));
    put_text_cell(out, process);
    outbuf_text(out, ",");
    if (has_process)
        put_number(out, process_id);
    else
        outbuf_text(out, "null");
}

void report_put_event(outbuf *out, const record *rec, outbuf *said)
{
    put_head(out, rec, rec->process_name, rec->has_process, rec->process_id);
    put_event_name(out, rec);
    put_text_cell(out, rec->cls->level_name);
    outbuf_text(said, "\n");
    size_t start = said->len;
    description_put_event(rec, said);
    put_cell(out, (const char *)said->bytes + start, said->len - start);
    outbuf_text(out, "],\n");
}

// ---------------------------------------------------------------------------------------------- an activity

// What it is called where the event has no word of its own: "file create".
static void put_kind(outbuf *out, activity_kind kind)
{
    char words[64];
    size_t len = 0;
    for (const char *c = activity_kinds[kind].name; *c && len < sizeof(words); c++)
        words[len++] = *c == '_' ? ' ' : *c;
    put_cell(out, words, len);
}

static void put_target(outbuf *said, const activity *x)
{
    if (!x->has_target)
        return;
    outbuf_text(said, x->target && x->target->name ? x->target->name : "process");
    outbuf_text(said, " (");
    put_number(said, x->target_id);
    outbuf_text(said, ")");
}

static void put_column(outbuf *out, const activity *x, activity_field which, outbuf *said)
{
    outbuf_text(said, "\n");
    size_t start = said->len;
    if (which == ACTIVITY_target) {
        put_target(said, x);
    } else {
        activity_put(x, x->record->scratch, which, said);
    }
    put_cell(out, (const char *)said->bytes + start, said->len - start);
    if (which == ACTIVITY_status)
        said->len = start - 1; // how it ended is not what it says
}

void report_put_activity(outbuf *out, const activity *x, const report_table *table, outbuf *said)
{
    const record *rec = x->record;
    // A process that no one told of by its id may still have told its name itself.
    const char *name = x->process ? x->process->name : x->process_id == rec->process_id ? rec->process_name : NULL;
    put_head(out, rec, x->has_process ? name : NULL, x->has_process, x->process_id);
    if (*x->action)
        put_text_cell(out, x->action);
    else
        put_kind(out, x->kind);
    for (u32 i = 0; i < REPORT_DETAILS && table->columns[i].title; i++)
        put_column(out, x, table->columns[i].field, said);
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
