#include <cjson/cJSON.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "info.h"
#include "report/report.h"
#include "schema/cache/schema_cache.h"

// A page being written.
typedef struct page {
    const report_job *job;
    const session *session;
    outbuf *out;
} page;

static void put(page *p, const char *html)
{
    outbuf_text(p->out, html);
}

static void put_plain(page *p, const char *text)
{
    report_text(p->out, text ? text : "", text ? strlen(text) : 0);
}

static void put_format(page *p, const char *format, ...) PRINTF_LIKE(2, 3);
static void put_format(page *p, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    put_plain(p, text);
}

static void put_time(page *p, i64 filetime)
{
    char text[40] = "";
    if (filetime > 0)
        *text_time((u8 *)text, filetime) = 0;
    put(p, "<time>");
    put(p, text);
    put(p, "</time>");
}

static void fact(page *p, const char *name, const char *text)
{
    if (!text || !*text)
        return;
    put(p, "<tr><th>");
    put_plain(p, name);
    put(p, "</th><td>");
    put_plain(p, text);
    put(p, "</td></tr>\n");
}

static void fact_format(page *p, const char *name, const char *format, ...) PRINTF_LIKE(3, 4);
static void fact_format(page *p, const char *name, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    fact(p, name, text);
}

static void fact_time(page *p, const char *name, i64 filetime)
{
    char text[40] = "";
    if (filetime > 0)
        *text_time((u8 *)text, filetime) = 0;
    fact(p, name, text);
}

// The traces as a command line names them.
static void put_inputs(page *p)
{
    for (u32 i = 0; i < p->session->trace_count; i++) {
        put(p, " '");
        put_plain(p, p->session->traces[i]->file.input->path);
        put(p, "'");
    }
}

// ---------------------------------------------------------------------------------------------- 1 evidence

static void put_hashes(page *p, u32 index)
{
    const evidence *ev = p->job->evidence;
    const char *before = evidence_row(ev, index)->sha256;
    if (!*before) {
        fact(p, "SHA-256", "not computed (--no-hash)");
        return;
    }
    fact(p, "SHA-256 when read", before);
    const char *after = p->job->after ? p->job->after[index] : "";
    fact(p, "SHA-256 afterwards", after);
    fact(p, "Unchanged",
         *after && strcmp(before, after) == 0 ? "yes: both are equal" : "NO: the file changed while it was read");
    input_change change = p->session->traces[index]->change;
    if (change != INPUT_UNCHANGED)
        fact_format(p, "Remark", "The file %s.", input_change_text(change));
}

static void put_damage(page *p, const trace *t)
{
    u32 count;
    u64 ranges = t->file.damage.ranges + t->damage.ranges;
    if (!ranges) {
        put(p, "<p>Damage: none. Every byte of the file is accounted for.</p>\n");
        return;
    }
    put_format(p, "Damage: %llu places.", (unsigned long long)ranges);
    put(p, "<table "
           "class=\"grid\"><thead><tr><th>offset</th><th>bytes</th><th>kind</th><th>what</th></tr></thead><tbody>\n");
    damage_note *notes = damage_in_order(&t->file.damage, &t->damage, &count);
    u32 shown = count < REPORT_DAMAGE ? count : REPORT_DAMAGE;
    for (const damage_note *n = notes; n < notes + shown; n++) {
        put(p, "<tr><td>");
        put_format(p, "0x%llx", (unsigned long long)n->offset);
        put(p, "</td><td>");
        put_format(p, "%llu", (unsigned long long)n->bytes);
        put(p, "</td><td>");
        put_plain(p, n->kind);
        put(p, "</td><td>");
        put_plain(p, n->message);
        put(p, "</td></tr>\n");
    }
    mem_free(notes);
    put(p, "</tbody></table>\n");
    if (ranges > shown) {
        put(p, "<p>");
        put_format(p, "%llu more; etwkit info --json lists them.", (unsigned long long)(ranges - shown));
        put(p, "</p>\n");
    }
}

static void put_trace(page *p, u32 index)
{
    const trace *t = p->session->traces[index];
    const trace_facts *f = &t->file.epochs[0];
    put(p, "<h3>");
    put_plain(p, t->file.input->name);
    put(p, "</h3>\n<table class=\"facts\">\n");
    fact(p, "Path", t->file.input->path);
    fact_format(p, "Size", "%llu bytes", (unsigned long long)t->file.input->bytes);
    put_hashes(p, index);
    fact(p, "Session", f->session);
    fact(p, "Log file", f->log_file);
    fact(p, "Computer", t->computer);
    if (f->present)
        fact_format(p, "Windows", "%u.%u build %u, %u processors, %u-bit", f->os_major, f->os_minor, f->os_build,
                    f->processors, f->pointer_size * 8);
    else
        fact(p, "Trace header", "destroyed or missing: what follows from it is assumed");
    fact_time(p, "Recording began", f->start_time);
    fact_time(p, "Recording ended", f->end_time);
    if (f->present && !f->end_time)
        fact(p, "Recording ended", "not recorded: the session was not stopped cleanly");
    fact_time(p, "First event", t->first_time);
    fact_time(p, "Last event", t->last_time);
    fact_time(p, "Machine booted", f->boot_time);
    fact_format(p, "Time zone of the machine", "UTC%+.2f h (%s)", -(double)f->utc_bias_minutes / 60, f->standard_name);
    fact_format(p, "Clock", "%s, %llu ticks a second", clock_type_name(f->clock_type),
                (unsigned long long)f->clock.frequency);
    fact_format(p, "Lost while recording",
                "%u events and %u buffers by the header, %llu buffers by gaps in their numbers", f->events_lost,
                f->buffers_lost, (unsigned long long)t->losses.missing);
    fact_format(p, "Events", "%llu read = %llu decoded + %llu partly decoded + %llu raw%s",
                (unsigned long long)t->events, (unsigned long long)t->decoded, (unsigned long long)t->partial,
                (unsigned long long)t->raw,
                t->decoded + t->partial + t->raw == t->events ? "" : " (a filter was given: the rest was left out)");
    put(p, "</table>\n");
    put_damage(p, t);
}

// What was given and is not in this report.
static void put_unread(page *p, const input_row *row)
{
    const inputs *list = &p->job->evidence->inputs;
    put(p, "<h3>");
    put_plain(p, row->source);
    put(p, "</h3>\n<table class=\"facts\">\n");
    fact(p, "Path", row->path);
    if (row->status == INPUT_DUPLICATE)
        fact_format(p, "Not read", "the same bytes as %s, which was", list->rows[row->duplicate_of].path);
    else
        fact(p, "Not read", row->error);
    if (row->sha256[0])
        fact(p, "SHA-256", row->sha256);
    put(p, "</table>\n");
}

static void put_evidence(page *p)
{
    const evidence *ev = p->job->evidence;
    put(p, "<section id=\"evidence\"><h2>1 Evidence</h2>\n");
    for (u32 i = 0; i < p->session->trace_count; i++)
        put_trace(p, i);
    for (u32 i = 0; i < ev->inputs.count; i++)
        if (ev->inputs.rows[i].trace == INPUT_NONE)
            put_unread(p, &ev->inputs.rows[i]);
    put(p, "<h3>How it was read</h3>\n<table class=\"facts\">\n");
    fact(p, "Program", "etwkit " ETWKIT_VERSION);
    put(p, "<tr><th>Command line</th><td><code>");
    for (int i = 0; i < ev->options->argc; i++) {
        put(p, i ? " " : "");
        put_plain(p, i ? ev->options->argv[i] : "etwkit");
    }
    put(p, "</code></td></tr>\n");
    for (u32 i = 0; i < ev->options->schemas.count; i++)
        fact(p, "Schemas from", ev->options->schemas.items[i]);
    fact(p, "Schema cache", ev->cache ? schema_cache_identity(ev->cache) : "none");
    fact_format(p, "Records in this report", "%llu", (unsigned long long)p->job->records);
    put(p, "</table></section>\n");
}

// ---------------------------------------------------------------------------------------------- 2 timeline

static int by_events(const void *a, const void *b)
{
    const report_series *x = *(const report_series *const *)a, *y = *(const report_series *const *)b;
    if (x->events != y->events)
        return x->events > y->events ? -1 : 1;
    return strcmp(x->name, y->name);
}

typedef struct timeline {
    const report_series **order;
    u32 count, coloured;
    u64 highest; // of one bucket, all providers together
} timeline;

static timeline timeline_of(const report_data *d)
{
    timeline t = {.count = d->series_count};
    t.order = mem_zeroed(d->series_count, sizeof(*t.order));
    for (u32 i = 0; i < d->series_count; i++)
        t.order[i] = &d->series[i];
    if (t.count)
        qsort(t.order, t.count, sizeof(*t.order), by_events);
    t.coloured = t.count < REPORT_SERIES ? t.count : REPORT_SERIES;
    for (u32 b = 0; b < REPORT_BUCKETS; b++) {
        u64 sum = 0;
        for (u32 i = 0; i < t.count; i++)
            sum += d->series[i].buckets[b];
        if (sum > t.highest)
            t.highest = sum;
    }
    return t;
}

enum { CHART_WIDTH = 960, CHART_HEIGHT = 200, BAR_WIDTH = CHART_WIDTH / REPORT_BUCKETS };

static void put_bars(page *p, const timeline *t)
{
    for (u32 b = 0; b < REPORT_BUCKETS; b++) {
        double top = CHART_HEIGHT;
        u64 others = 0, sum = 0;
        for (u32 i = t->coloured; i < t->count; i++)
            others += t->order[i]->buckets[b];
        for (u32 i = 0; i <= t->coloured; i++) {
            u64 events = i < t->coloured ? t->order[i]->buckets[b] : others;
            if (!events)
                continue;
            double height = (double)events / (double)t->highest * (CHART_HEIGHT - 10);
            height = height < 0.6 ? 0.6 : height;
            top -= height;
            char bar[160];
            snprintf(bar, sizeof(bar), "<rect class=\"c%u\" x=\"%u\" y=\"%.1f\" width=\"%d\" height=\"%.1f\"/>",
                     i < t->coloured ? i : REPORT_SERIES, b * BAR_WIDTH, top, BAR_WIDTH, height);
            put(p, bar);
            sum += events;
        }
        if (!sum && p->job->data->to > p->job->data->from) {
            char gap[120];
            snprintf(gap, sizeof(gap), "<rect class=\"gap\" x=\"%u\" y=\"%d\" width=\"%d\" height=\"2\"/>",
                     b * BAR_WIDTH, CHART_HEIGHT - 2, BAR_WIDTH);
            put(p, gap);
        }
    }
}

// Where the buffers begin in front of which something was lost.
static void put_loss_marks(page *p)
{
    const report_data *d = p->job->data;
    bool lost[REPORT_BUCKETS] = {false};
    double all = (double)d->to - (double)d->from;
    for (u32 i = 0; i < p->session->trace_count; i++) {
        const trace *t = p->session->traces[i];
        for (u32 k = 0; k < t->losses.behind_count; k++) {
            const etl_buffer *b = &t->file.buffers[t->losses.behind[k]];
            const buffer_events *events = trace_events_of(t, t->losses.behind[k]);
            if (!events)
                continue;
            double at = (double)clock_filetime(&t->file.epochs[b->epoch].clock, events->first_time) - (double)d->from;
            if (at >= 0 && at < all)
                lost[(u32)(at / all * REPORT_BUCKETS)] = true;
        }
    }
    for (u32 b = 0; b < REPORT_BUCKETS; b++)
        if (lost[b]) {
            char mark[160];
            snprintf(mark, sizeof(mark), "<rect class=\"lost\" x=\"%u\" y=\"0\" width=\"%d\" height=\"6\"/>",
                     b * BAR_WIDTH, BAR_WIDTH);
            put(p, mark);
        }
}

static void put_timeline(page *p)
{
    const report_data *d = p->job->data;
    timeline t = timeline_of(d);
    put(p,
        "<section id=\"timeline\"><h2>2 Timeline</h2>\n<p>Events over time by provider. Wheel zooms, dragging moves, a "
        "double click shows all. The thin line at the foot marks times without any event; a mark at the top, that "
        "events or buffers were lost just before.</p>\n");
    char svg[200];
    snprintf(svg, sizeof(svg),
             "<svg id=\"chart\" viewBox=\"0 0 %d %d\" preserveAspectRatio=\"none\" role=\"img\" "
             "aria-label=\"events over time\">",
             CHART_WIDTH, CHART_HEIGHT);
    put(p, svg);
    put_bars(p, &t);
    put_loss_marks(p);
    put(p, "</svg>\n<p class=\"axis\"><span>");
    put_time(p, d->from);
    put(p, "</span><span>");
    put_format(p, "highest bar: %llu events in %.3f s", (unsigned long long)t.highest,
               (double)(d->to - d->from) / 1e7 / REPORT_BUCKETS);
    put(p, "</span><span>");
    put_time(p, d->to);
    put(p, "</span></p>\n<ul class=\"legend\">");
    for (u32 i = 0; i < t.coloured; i++) {
        char item[64];
        snprintf(item, sizeof(item), "<li><i class=\"c%u\"></i>", i);
        put(p, item);
        put_plain(p, t.order[i]->name);
        put_format(p, " %llu", (unsigned long long)t.order[i]->events);
        put(p, "</li>");
    }
    if (t.count > t.coloured) {
        put(p, "<li><i class=\"c9\"></i>");
        put_format(p, "%u others", t.count - t.coloured);
        put(p, "</li>");
    }
    put(p, "</ul></section>\n");
    mem_free(t.order);
}

// ---------------------------------------------------------------------------------------------- 3 processes

static void put_moment(page *p, moment known, i64 time, const char *outside)
{
    if (known == MOMENT_TOLD)
        put_time(p, time);
    else
        put_plain(p, known == MOMENT_OUTSIDE ? outside : "not told");
}

static void put_address(page *p, const connection *c)
{
    char text[80];
    u8 *end = c->ipv6 ? text_ipv6((u8 *)text, c->remote) : text_ipv4((u8 *)text, c->remote);
    *end = 0;
    put_format(p, c->ipv6 ? "[%s]:%u" : "%s:%u", text, c->remote_port);
}

// Whether the process had another connection with the same remote end before; only the last few are looked at.
static bool peer_before(const connection *c, u32 index)
{
    for (u32 i = index; i-- > 0 && index - i < 64;)
        if (c[i].process == c[index].process && c[i].remote_port == c[index].remote_port &&
            c[i].ipv6 == c[index].ipv6 && memcmp(c[i].remote, c[index].remote, sizeof(c[i].remote)) == 0)
            return true;
    return false;
}

static void put_peers(page *p, const process_life *life)
{
    u32 count, shown = 0, all = 0;
    const connection *c = correlator_connections(p->session->correlator, &count);
    for (u32 i = 0; i < count; i++) {
        if (c[i].process != life || peer_before(c, i))
            continue;
        if (shown < REPORT_NAMES) {
            put(p, shown++ ? ", " : "");
            put_address(p, &c[i]);
        }
        all++;
    }
    if (all > shown)
        put_format(p, " and %u more", all - shown);
}

static void put_process(page *p, const process_life *life, u32 depth)
{
    const report_life *r = &p->job->data->lives[life->index];
    char indent[64];
    snprintf(indent, sizeof(indent), "<tr><td style=\"padding-left:%u.4em\">", depth < 30 ? depth * 2 : 60);
    put(p, indent);
    put_plain(p, !depth ? "" : life->parent_sure ? "└ " : "└? ");
    put_plain(p, life->name ? life->name : "?");
    put(p, "</td><td>");
    put_format(p, "%u", life->process_id);
    put(p, "</td><td>");
    put_moment(p, life->start_known, life->start, "before the recording");
    put(p, "</td><td>");
    put_moment(p, life->end_known, life->end, "after the recording");
    put(p, "</td><td>");
    put_plain(p, life->user_sid);
    put(p, "</td><td>");
    put_plain(p, life->command_line && *life->command_line ? life->command_line : life->image_path);
    put(p, "</td><td>");
    put_format(p, "%llu", (unsigned long long)r->events);
    put(p, "</td><td>");
    put_format(p, "%llu", (unsigned long long)r->files);
    put(p, "</td><td>");
    put_peers(p, life);
    put(p, "</td><td>");
    for (u32 i = 0; i < r->name_count; i++) {
        put(p, i ? ", " : "");
        put_plain(p, r->names[i]);
    }
    if (r->names_all > r->name_count)
        put_format(p, " and %llu more", (unsigned long long)(r->names_all - r->name_count));
    put(p, "</td></tr>\n");
}

// Children stand behind their parent in order of start; a list of parents to come back to replaces recursion.
typedef struct tree {
    const process_life *const *lives;
    u32 *first_child, *next_sibling, *depth;
    u32 count;
} tree;

static const u32 NOBODY = UINT32_MAX;

static tree tree_of(const session *s)
{
    tree t = {0};
    t.lives = correlator_processes(s->correlator, &t.count);
    t.first_child = mem_alloc(t.count * sizeof(u32));
    t.next_sibling = mem_alloc(t.count * sizeof(u32));
    t.depth = mem_zeroed(t.count, sizeof(u32));
    for (u32 i = 0; i < t.count; i++)
        t.first_child[i] = t.next_sibling[i] = NOBODY;
    // From the last to the first, so that each list ends up in order.
    for (u32 i = t.count; i-- > 0;) {
        const process_life *parent = t.lives[i]->parent;
        if (!parent || parent == t.lives[i])
            continue;
        t.next_sibling[i] = t.first_child[parent->index];
        t.first_child[parent->index] = i;
    }
    return t;
}

static void put_processes(page *p)
{
    tree t = tree_of(p->session);
    put(p, "<section id=\"processes\"><h2>3 Processes</h2>\n");
    if (!t.count)
        put(p, "<p>The traces tell of no process.</p>\n");
    u32 shown = 0;
    if (t.count)
        put(p,
            "<p>Children stand below their parent. A question mark: the parent had that id when the recording began, "
            "but both "
            "are older than it, and ids are given out again.</p>\n<table "
            "class=\"grid\"><thead><tr><th>process</th><th>id</th><th>start</th><th>end</th><th>user</th><th>command "
            "line or image</th><th>events</th><th>files</th><th>network peers</th><th>names looked "
            "up</th></tr></thead><tbody>\n");
    u32 *stack = mem_alloc((t.count + 1) * sizeof(u32));
    bool *seen = mem_zeroed(t.count, sizeof(bool));
    // Roots first; a ring of parents (reused ids) is broken by starting anywhere in it.
    for (u32 pass = 0; pass < 2; pass++) {
        for (u32 root = 0; root < t.count; root++) {
            if (seen[root] || (pass == 0 && t.lives[root]->parent && t.lives[root]->parent != t.lives[root]))
                continue;
            u32 top = 0;
            stack[top++] = root;
            seen[root] = true;
            while (top) {
                u32 at = stack[--top];
                if (shown++ < REPORT_PROCESSES)
                    put_process(p, t.lives[at], t.depth[at]);
                u32 from = top;
                for (u32 child = t.first_child[at]; child != NOBODY; child = t.next_sibling[child]) {
                    if (seen[child])
                        continue;
                    seen[child] = true;
                    t.depth[child] = t.depth[at] + 1;
                    stack[top++] = child;
                }
                for (u32 i = from, j = top; i + 1 < j; i++) {
                    u32 swap = stack[i];
                    stack[i] = stack[--j];
                    stack[j] = swap;
                }
            }
        }
    }
    if (t.count)
        put(p, "</tbody></table>\n");
    if (shown > REPORT_PROCESSES) {
        put(p, "<p>");
        put_format(p, "%u more processes are not shown.", shown - REPORT_PROCESSES);
        put(p, "</p>\n");
    }
    put(p, "</section>\n");
    mem_free(stack);
    mem_free(seen);
    mem_free(t.first_child);
    mem_free(t.next_sibling);
    mem_free(t.depth);
}

// ---------------------------------------------------------------------------------------------- 4 activity

// Events of one table as a condition over `events`, and a field as an expression over its payload.
static void put_sql_condition(page *p, const char *table)
{
    bool first = true;
    for (const report_rule *r = report_rules; r->table; r++) {
        char id[GUID_TEXT];
        if (strcmp(r->table, table) != 0)
            continue;
        put(p, first ? "" : " OR ");
        put_format(p, "(provider_id='%s' AND %s BETWEEN %u AND %u)", guid_to_text(&r->provider, id),
                   r->classic ? "opcode" : "event_id", r->first, r->last);
        first = false;
    }
}

static void put_sql_column(page *p, const char *table, u32 column)
{
    const char *names[64];
    u32 count = 0;
    for (const report_rule *r = report_rules; r->table; r++) {
        const char *name = strcmp(r->table, table) == 0 ? r->fields[column] : NULL;
        bool known = !name;
        for (u32 i = 0; i < count && !known; i++)
            known = strcmp(names[i], name) == 0;
        if (!known && count < COUNT_OF(names))
            names[count++] = name;
    }
    put(p, "coalesce(");
    if (column == 0 && strcmp(table, "files") == 0)
        put_plain(p, "json_extract(extended,'$.file_path'),");
    for (u32 i = 0; i < count; i++) {
        put(p, i ? "," : "");
        if (names[i][0] == '@')
            put_format(p, "json_extract(extended,'$.%s_path')", names[i] + 1);
        else
            put_format(p, "json_extract(data,'$.%s')", names[i]);
    }
    put(p, ",'')");
}

static void put_query(page *p, const report_table *table)
{
    put(p, "SELECT record, timestamp, process_name, process_id");
    for (u32 i = 0; i < REPORT_DETAILS && table->columns[i]; i++) {
        put(p, ", ");
        put_sql_column(p, table->id, i);
        put_format(p, " AS \"%s\"", table->columns[i]);
    }
    put(p, " FROM events WHERE data IS NOT NULL AND (");
    put_sql_condition(p, table->id);
    put(p, ") ORDER BY record;");
}

static void put_table(page *p, u32 index)
{
    const report_table *table = &report_tables[index];
    const report_rows *rows = &p->job->data->tables[index];
    if (!rows->all)
        return;
    put(p, "<h3 id=\"");
    put(p, table->id);
    put(p, "\">");
    put_plain(p, table->title);
    put_format(p, " (%llu)", (unsigned long long)rows->all);
    put(p, "</h3>\n<p>");
    put_plain(p, table->explanation);
    put(p, "</p>\n<table class=\"grid rows\"><thead><tr><th>record</th><th>time "
           "(UTC)</th><th>process</th><th>id</th><th>event</th>");
    for (u32 i = 0; i < REPORT_DETAILS && table->columns[i]; i++) {
        put(p, "<th>");
        put_plain(p, table->columns[i]);
        put(p, "</th>");
    }
    put(p, "</tr></thead><tbody>\n");
    outbuf_add(p->out, rows->html.bytes, rows->html.len);
    put(p, "</tbody></table>\n");
    if (rows->all > rows->shown) {
        put(p, "<p class=\"more\">");
        put_format(p, "The first %llu are shown, %llu more are not (a table holds %d rows or %d KiB). All of them: ",
                   (unsigned long long)rows->shown, (unsigned long long)(rows->all - rows->shown), REPORT_ROWS,
                   REPORT_TABLE_BYTES >> 10);
        put(p, "<code>etwkit convert");
        put_inputs(p);
        put(p, " -o all.db</code>, then the query of section 6.</p>\n");
    }
}

static void put_connections(page *p)
{
    u32 count;
    const connection *list = correlator_connections(p->session->correlator, &count);
    if (!count)
        return;
    put(p, "<h3 id=\"network\">Network connections (");
    put_format(p, "%u", count);
    put(p,
        ")</h3>\n<p>Traffic between two ends for one process, put together from its single events.</p>\n"
        "<table class=\"grid rows\"><thead><tr><th>first</th><th>last</th><th>process</th><th>id</th><th>protocol</th>"
        "<th>local port</th><th>remote</th><th>bytes sent</th><th>bytes received</th></tr></thead><tbody>\n");
    for (u32 i = 0; i < count && i < REPORT_ROWS; i++) {
        const connection *c = &list[i];
        put(p, "<tr><td>");
        put_time(p, c->first);
        put(p, "</td><td>");
        put_time(p, c->last);
        put(p, "</td><td>");
        put_plain(p, c->process ? c->process->name : NULL);
        put(p, "</td><td>");
        put_format(p, "%u", c->process_id);
        put(p, "</td><td>");
        put(p, c->tcp ? "TCP" : "UDP");
        put(p, "</td><td>");
        put_format(p, "%u", c->local_port);
        put(p, "</td><td>");
        put_address(p, c);
        put(p, "</td><td>");
        put_format(p, "%llu", (unsigned long long)c->bytes_sent);
        put(p, "</td><td>");
        put_format(p, "%llu", (unsigned long long)c->bytes_received);
        put(p, "</td></tr>\n");
    }
    put(p, "</tbody></table>\n");
    if (count > REPORT_ROWS) {
        put(p, "<p class=\"more\">");
        put_format(p, "%u more are not shown.", count - REPORT_ROWS);
        put(p, "</p>\n");
    }
}

static void put_activity(page *p)
{
    put(p, "<section id=\"activity\"><h2>4 Activity</h2>\n<p>A click on a column's head sorts, the box above a table "
           "searches it. Tables of what the traces do not hold are left out.</p>\n");
    put_connections(p);
    for (u32 i = 0; i < report_table_count(); i++)
        put_table(p, i);
    put(p, "</section>\n");
}

// ---------------------------------------------------------------------------------------------- 5 providers

static void put_class_rows(page *p, const cJSON *provider)
{
    const cJSON *cls, *classes = cJSON_GetObjectItemCaseSensitive(provider, "classes");
    const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(provider, "name"));
    const char *id = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(provider, "id"));
    cJSON_ArrayForEach (cls, classes) {
        const char *schema = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(cls, "schema"));
        put(p, "<tr><td>");
        put_plain(p, name ? name : id);
        put(p, "</td><td>");
        put_format(p, "%.0f", cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(cls, "event_id")));
        put(p, "</td><td>");
        put_format(p, "%.0f", cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(cls, "version")));
        put(p, "</td><td>");
        put_format(p, "%.0f", cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(cls, "opcode")));
        put(p, "</td><td>");
        put_plain(p, cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(cls, "name")));
        put(p, "</td><td>");
        put_format(p, "%.0f", cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(cls, "events")));
        put(p, "</td><td>");
        if (schema && strcmp(schema, "none") == 0)
            put_format(p, "raw: needs a schema of %s (its manifest, DLL, TMF or MOF): etwkit schemas add FILE", id);
        else
            put_plain(p, schema);
        put(p, "</td></tr>\n");
    }
}

static void put_providers(page *p)
{
    put(p, "<section id=\"providers\"><h2>5 Providers and classes</h2>\n<table class=\"grid "
           "rows\"><thead><tr><th>provider</th>"
           "<th>event</th><th>version</th><th>opcode</th><th>name</th><th>events</th><th>decoded "
           "by</th></tr></thead><tbody>\n");
    u32 shown = 0;
    for (u32 i = 0; i < p->session->trace_count; i++) {
        char *text = info_json(p->job->evidence, i, true);
        cJSON *info = cJSON_Parse(text);
        const cJSON *provider, *providers = cJSON_GetObjectItemCaseSensitive(info, "providers");
        cJSON_ArrayForEach (provider, providers) {
            if (shown++ < REPORT_PROVIDERS)
                put_class_rows(p, provider);
        }
        cJSON_Delete(info);
        mem_free(text);
    }
    put(p, "</tbody></table>\n");
    if (shown > REPORT_PROVIDERS) {
        put(p, "<p class=\"more\">");
        put_format(p, "%u more providers: etwkit info --json lists them.", shown - REPORT_PROVIDERS);
        put(p, "</p>\n");
    }
    put(p, "</section>\n");
}

// ---------------------------------------------------------------------------------------------- 6 repeat

static void put_repeat(page *p)
{
    put(p, "<section id=\"repeat\"><h2>6 How to repeat</h2>\n<p>The same evidence, program and schemas give this page "
           "byte for "
           "byte:</p>\n<pre>etwkit report");
    put_inputs(p);
    put(p, " -o report.html</pre>\n<p>Every table again, whole, from an SQLite database:</p>\n<pre>etwkit convert");
    put_inputs(p);
    put(p, " -o all.db</pre>\n");
    for (u32 i = 0; i < report_table_count(); i++) {
        if (!p->job->data->tables[i].all)
            continue;
        put(p, "<h3>");
        put_plain(p, report_tables[i].title);
        put(p, "</h3>\n<pre class=\"sql\" data-table=\"");
        put(p, report_tables[i].id);
        put(p, "\">");
        put_query(p, &report_tables[i]);
        put(p, "</pre>\n");
    }
    put(p, "</section>\n");
}

void report_page(const report_job *job, outbuf *out)
{
    page p = {job, job->evidence->session, out};
    put(&p, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
            "script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">\n"
            "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>Trace report: ");
    put_plain(&p, p.session->traces[0]->file.input->name);
    put(&p, "</title>\n<style>");
    put(&p, report_css);
    put(&p, "</style></head><body>\n<header><h1>Trace report</h1><p>");
    for (u32 i = 0; i < p.session->trace_count; i++) {
        put(&p, i ? ", " : "");
        put_plain(&p, p.session->traces[i]->file.input->name);
    }
    put(&p, "</p><nav><a href=\"#evidence\">Evidence</a><a href=\"#timeline\">Timeline</a><a "
            "href=\"#processes\">Processes</a>"
            "<a href=\"#activity\">Activity</a><a href=\"#providers\">Providers</a><a href=\"#repeat\">Repeat</a>"
            "<button id=\"theme\" type=\"button\">Light or dark</button></nav></header>\n<main>\n");
    put_evidence(&p);
    put_timeline(&p);
    put_processes(&p);
    put_activity(&p);
    put_providers(&p);
    put_repeat(&p);
    put(&p, "</main>\n<script>");
    put(&p, report_js);
    put(&p, "</script>\n</body></html>\n");
}
