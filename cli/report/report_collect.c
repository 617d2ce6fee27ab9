#include "report/report.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "etwkit_engine.h"

// What render hands to commit for each record: a note, then its rows, each with what follows it, then the label of a
// chart; as long as is said here.
typedef struct note {
    i64 time;
    u64 record;
    u32 cls, rows;
    u32 life; // process_life.index
    u32 host, process_id;
    bool has_process;
    chart_note chart;
} note;

// A row, then as JSON, the name looked up, what is striking, and its detail.
typedef struct note_row {
    u32 table, json, name, striking, detail;
    u32 life; // of who did it
    u8 kind;  // striking
} note_row;

// ---------------------------------------------------------------------------------------------- begin and end

void report_data_begin(report_data *d, const session *s)
{
    *d = (report_data){.session = s, .dns = report_table_index("dns"), .files = report_table_index("files")};
    report_classes_begin(&d->classes, s);
    d->activities = activities_new(s->correlator, class_list(s->classes), class_count(s->classes), ACTIVITY_KINDS);
    u32 providers = d->classes.provider_count - d->classes.left_out;
    report_store_begin(&d->store, report_table_count() + providers);
    for (u32 i = 0; i < providers; i++)
        if (d->classes.providers[i].kernel)
            d->store.tables[d->classes.providers[i].table].most = REPORT_KERNEL_ROWS;
    (void)correlator_processes(s->correlator, &d->life_count);
    d->lives = mem_zeroed(d->life_count, sizeof(*d->lives));
}

void report_data_free(report_data *d)
{
    report_classes_free(&d->classes);
    activities_free(d->activities);
    report_store_free(&d->store);
    report_chart_sums_free(&d->charts);
    mem_free(d->lives);
    arena_free(&d->arena);
}

// ---------------------------------------------------------------------------------------------- a record

// Whether the row of a record will be shown, or looked at.
static bool row_is_wanted(const report_data *d, u32 table)
{
    return !atomic_load_explicit(&d->store.tables[table].full, memory_order_relaxed) ||
           (table < report_table_count() && report_tables[table].watched);
}

// What is striking about a row that says `said`, columns on lines of their own; `x` is NULL for other events.
static void note_striking(note_row *n, const activity *x, span said, outbuf *out)
{
    span command = striking_encoded(said);
    size_t start = out->len;
    if (command.len) {
        n->kind = STRIKING_ENCODED;
        striking_put_encoded(said, command, out);
        n->striking = (u32)(out->len - start);
        start = out->len;
        (void)striking_decode(command, out);
        n->detail = (u32)(out->len - start);
    } else if (x && striking_starts(x, said)) {
        n->kind = STRIKING_AUTOSTART;
        outbuf_add(out, said.at, said.len);
        n->striking = (u32)said.len;
    }
}

static void add_row(const note_row *n, size_t head, outbuf *out)
{
    memcpy(out->bytes + head, n, sizeof(*n));
}

static void render_activity(const sink *s, const record *rec, const report_show *show, outbuf *out)
{
    note_row n = {.table = show->table, .life = rec->process ? rec->process->index : REPORT_NONE};
    size_t head = out->len, start = head + sizeof(n);
    outbuf_add(out, &n, sizeof(n));
    activity x;
    if (row_is_wanted(s, show->table) && activity_see(s->activities, rec, show->which, rec->scratch, &x)) {
        outbuf said = {0};
        report_put_activity(out, &x, &report_tables[show->table], &said);
        n.life = x.process ? x.process->index : REPORT_NONE;
        n.json = (u32)(out->len - start);
        span name = show->table == s->dns ? activity_text(&x, rec->scratch, ACTIVITY_name) : (span){0};
        outbuf_add(out, name.at, name.len);
        n.name = (u32)name.len;
        if (!s->classes.list[rec->cls->index].tells_process)
            note_striking(&n, &x, (span){said.bytes, said.len}, out);
        outbuf_free(&said);
    }
    add_row(&n, head, out);
}

static void render_event(const sink *s, const record *rec, u32 table, outbuf *out)
{
    note_row n = {.table = table, .life = rec->process ? rec->process->index : REPORT_NONE};
    size_t head = out->len, start = head + sizeof(n);
    outbuf_add(out, &n, sizeof(n));
    if (row_is_wanted(s, table)) {
        outbuf said = {0};
        report_put_event(out, rec, &said);
        n.json = (u32)(out->len - start);
        if (!s->classes.list[rec->cls->index].tells_process)
            note_striking(&n, NULL, (span){said.bytes, said.len}, out);
        outbuf_free(&said);
    }
    add_row(&n, head, out);
}

static u32 render_rows(const sink *s, const record *rec, const report_class *cls, outbuf *out)
{
    u32 rows = 0;
    for (u32 i = 0; rec->plan && rec->scratch && i < cls->show_count; i++)
        if (event_meets(s->session->correlator, cls->shows[i].when, rec)) {
            render_activity(s, rec, &cls->shows[i], out);
            rows++;
        }
    if (cls->table != REPORT_NONE && !(rec->plan && cls->shows_always)) {
        render_event(s, rec, cls->table, out);
        rows++;
    }
    return rows;
}

static void report_render(const sink *s, const record *rec, outbuf *out)
{
    const report_class *cls = &s->classes.list[rec->cls->index];
    note n = {.time = rec->time,
              .record = rec->number,
              .cls = rec->cls->index,
              .life = rec->process ? rec->process->index : REPORT_NONE,
              .host = rec->host_index,
              .process_id = rec->has_process ? rec->process_id : 0,
              .has_process = rec->has_process};
    size_t head = out->len;
    outbuf_add(out, &n, sizeof(n));
    n.rows = render_rows(s, rec, cls, out);
    if (cls->chart && rec->plan)
        report_chart_measure(s->session, cls->chart, rec, out, &n.chart);
    memcpy(out->bytes + head, &n, sizeof(n));
}

// ---------------------------------------------------------------------------------------------- in order

static void add_name(report_data *d, report_life *life, span name)
{
    for (u32 i = 0; i < life->name_count; i++)
        if (strlen(life->names[i]) == name.len && memcmp(life->names[i], name.at, name.len) == 0)
            return;
    life->names_all++;
    if (life->name_count < REPORT_NAMES)
        life->names[life->name_count++] = arena_text_len(&d->arena, (const char *)name.at, name.len);
}

static void add_striking(report_data *d, const note *n, const note_row *row, span text, span detail)
{
    striking_list *list = &d->striking[row->kind];
    striking_item item = {.record = n->record, .life = row->life};
    if (list->all < STRIKING_SHOWN) {
        item.text = striking_text(&d->arena, text);
        item.detail = detail.len ? striking_text(&d->arena, detail) : NULL;
    }
    striking_add(list, &item);
}

static void commit_row(report_data *d, const note *n, cursor *c)
{
    note_row row;
    memcpy(&row, take(c, sizeof(row)).at, sizeof(row));
    span json = take(c, row.json), name = take(c, row.name);
    span deserves = take(c, row.striking), detail = take(c, row.detail);
    report_life *life = row.life < d->life_count ? &d->lives[row.life] : NULL;
    if (life && name.len)
        add_name(d, life, name);
    if (life)
        life->files += row.table == d->files;
    // A row that came because no one had yet said that its table is full counts for nothing.
    bool shown = report_store_add(&d->store, row.table, json, row.life, n->host);
    bool watched = row.table < report_table_count() && report_tables[row.table].watched;
    if (deserves.len && (shown || watched))
        add_striking(d, n, &row, deserves, detail);
}

static void commit_note(report_data *d, cursor *c)
{
    note n;
    memcpy(&n, take(c, sizeof(n)).at, sizeof(n));
    const report_class *cls = &d->classes.list[n.cls];
    report_time_add(&d->time, cls->series, n.time, cls->outside_time);
    if (n.life < d->life_count)
        d->lives[n.life].events++;
    for (u32 i = 0; i < n.rows; i++)
        commit_row(d, &n, c);
    span label = take(c, n.chart.bytes);
    if (label.len)
        report_chart_add(&d->charts, cls->chart, (chart_who){n.life, n.process_id, n.has_process}, &n.chart, label.at);
}

static bool report_commit(sink *d, span rendered, u32 records, error *e)
{
    (void)e;
    cursor c = cursor_over(rendered);
    for (u32 i = 0; i < records; i++)
        commit_note(d, &c);
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
                                  .close = report_close,
                                  .no_stacks = true};
