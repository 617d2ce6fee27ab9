#include "report/report.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "etwkit_engine.h"

// What render hands to commit for each record. What follows it: the row as JSON, the name looked up, what is striking
// and its detail, the label of a chart; as long as is said here.
typedef struct note {
    i64 time;
    u64 record;
    u32 cls, table, row, name, striking, detail;
    u32 life; // process_life.index
    u32 host, process_id;
    u8 kind; // striking
    bool has_process;
    chart_note chart;
} note;

// ---------------------------------------------------------------------------------------------- begin and end

void report_data_begin(report_data *d, const session *s)
{
    *d = (report_data){.session = s, .dns = report_table_index("dns"), .files = report_table_index("files")};
    report_classes_begin(&d->classes, s);
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
    report_store_free(&d->store);
    report_chart_sums_free(&d->charts);
    mem_free(d->lives);
    arena_free(&d->arena);
}

// ---------------------------------------------------------------------------------------------- a record

// Whether the row of a record will be shown, or looked at.
static bool row_is_wanted(const report_data *d, const report_rule *rule, u32 table)
{
    if (table == REPORT_NONE)
        return false;
    return !atomic_load_explicit(&d->store.tables[table].full, memory_order_relaxed) ||
           (rule && report_tables[table].watched);
}

// What is striking about a row that says `said`, cells on lines of their own.
static void note_striking(note *n, const report_rule *rule, span said, outbuf *out)
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
    } else if (rule && striking_starts(rule, said)) {
        n->kind = STRIKING_AUTOSTART;
        outbuf_add(out, said.at, said.len);
        n->striking = (u32)said.len;
    }
}

static void render_row(const sink *s, note *n, const record *rec, const report_rule *rule, outbuf *out)
{
    outbuf said = {0};
    size_t start = out->len;
    report_put_row(out, rec, rule, &said);
    n->row = (u32)(out->len - start);
    if (rule && n->table == s->dns)
        n->name = (u32)report_put_field(out, rec, rule->fields[0]);
    if (!s->classes.list[n->cls].tells_process)
        note_striking(n, rule, (span){said.bytes, said.len}, out);
    outbuf_free(&said);
}

static void report_render(const sink *s, const record *rec, outbuf *out)
{
    const report_class *cls = &s->classes.list[rec->cls->index];
    const report_rule *rule = rec->plan ? cls->rule : NULL;
    note n = {.time = rec->time,
              .record = rec->number,
              .cls = rec->cls->index,
              .table = rule ? cls->rule_table : cls->table,
              .life = rec->process ? rec->process->index : REPORT_NONE,
              .host = rec->host_index,
              .process_id = rec->has_process ? rec->process_id : 0,
              .has_process = rec->has_process};
    size_t head = out->len;
    outbuf_add(out, &n, sizeof(n));
    if (row_is_wanted(s, rule, n.table))
        render_row(s, &n, rec, rule, out);
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

static void add_striking(report_data *d, const note *n, span text, span detail)
{
    striking_list *list = &d->striking[n->kind];
    striking_item item = {.record = n->record, .life = n->life};
    if (list->all < STRIKING_SHOWN) {
        item.text = striking_text(&d->arena, text);
        item.detail = detail.len ? striking_text(&d->arena, detail) : NULL;
    }
    striking_add(list, &item);
}

static void add_to_life(report_data *d, const note *n, span name)
{
    if (n->life >= d->life_count)
        return;
    report_life *life = &d->lives[n->life];
    life->events++;
    life->files += n->table == d->files;
    if (name.len)
        add_name(d, life, name);
}

static void add_note(report_data *d, const note *n, cursor *c)
{
    const report_class *cls = &d->classes.list[n->cls];
    span row = take(c, n->row), name = take(c, n->name);
    span deserves = take(c, n->striking), detail = take(c, n->detail), label = take(c, n->chart.bytes);
    report_time_add(&d->time, cls->series, n->time, cls->outside_time);
    add_to_life(d, n, name);
    // A row that came because no one had yet said that its table is full counts for nothing.
    bool shown = n->table != REPORT_NONE && report_store_add(&d->store, n->table, row, n->life, n->host);
    bool watched = n->table < report_table_count() && report_tables[n->table].watched;
    if (deserves.len && (shown || watched))
        add_striking(d, n, deserves, detail);
    if (n->chart.bytes)
        report_chart_add(&d->charts, cls->chart, (chart_who){n->life, n->process_id, n->has_process}, &n->chart,
                         label.at);
}

static bool report_commit(sink *d, span rendered, u32 records, error *e)
{
    (void)e;
    cursor c = cursor_over(rendered);
    for (u32 i = 0; i < records; i++) {
        note n;
        memcpy(&n, take(&c, sizeof(n)).at, sizeof(n));
        add_note(d, &n, &c);
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
                                  .close = report_close,
                                  .no_stacks = true};
