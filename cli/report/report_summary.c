// The first screen: what was examined, of which machine and time, and what deserves a look. Made of the model alone.
#include <stdio.h>
#include <string.h>

#include "report/report_html.h"

enum { NAMED = 3, DOUBTS = 20 }; // inputs and machines that are named: all are in the evidence

// ---------------------------------------------------------------------------------------------- what was examined

static void add_inputs(outbuf *out, const cJSON *model, const sums *s)
{
    const cJSON *info;
    char text[96];
    u32 named = 0;
    outbuf_text(out, "<tr><th>Examined</th><td>");
    cJSON_ArrayForEach (info, member(model, "inputs")) {
        if (!input_was_read(info) || named == NAMED)
            continue;
        outbuf_text(out, named++ ? ", " : "");
        html_text(out, member_text(info, "source"));
    }
    if (s->traces > named) {
        snprintf(text, sizeof(text), " and %llu more traces", s->traces - named);
        outbuf_text(out, text);
    }
    outbuf_text(out, "</td></tr>\n");
}

// "NAME, Windows 10.0 build 19045", as far as it is known.
static void add_host(outbuf *out, const cJSON *model, const cJSON *host, const char *title)
{
    const cJSON *info, *first = cJSON_GetArrayItem(member(host, "traces"), 0);
    const char *name = member_text(host, "name"), *version = NULL;
    int at = 0;
    cJSON_ArrayForEach (info, member(model, "inputs")) {
        if (!input_was_read(info))
            continue;
        if (first && at++ == first->valueint)
            version = member_text(info, "os_version");
    }
    outbuf_text(out, "<tr>");
    html_element(out, "th", title);
    outbuf_text(out, "<td>");
    html_text(out, name ? name : "its name is not recorded");
    outbuf_text(out, version ? ", Windows " : "");
    html_text(out, version ? version : "");
    outbuf_text(out, "</td></tr>\n");
}

// Which traces are of one machine, where that is not sure.
static void add_doubts(outbuf *out, const cJSON *model)
{
    const cJSON *note;
    int count = 0;
    cJSON_ArrayForEach (note, member(model, "host_notes"))
        if (count++ < DOUBTS)
            html_fact(out, "Not joined", cJSON_GetStringValue(note));
    unsigned long long more =
        member_number(model, "host_notes_not_listed") + (u64)(count > DOUBTS ? count - DOUBTS : 0);
    if (more)
        html_format_fact(out, "Not joined", "%llu more doubts about which traces are of one machine", more);
}

static void add_hosts(outbuf *out, const cJSON *model)
{
    const cJSON *host, *hosts = member(model, "hosts");
    int count = cJSON_GetArraySize(hosts), named = 0;
    char title[32] = "Machine";
    cJSON_ArrayForEach (host, hosts) {
        if (count > 1)
            snprintf(title, sizeof(title), "Host %d", named + 1);
        if (named++ < NAMED)
            add_host(out, model, host, title);
    }
    if (count > NAMED)
        html_format_fact(out, "Hosts", "%d in all: what one did is never joined to another", count);
    add_doubts(out, model);
}

static void put_length(char *text, size_t size, double seconds)
{
    unsigned long long whole = (unsigned long long)seconds;
    if (seconds < 120)
        snprintf(text, size, "%.3f s", seconds);
    else if (whole < 7200)
        snprintf(text, size, "%llu min %llu s", whole / 60, whole % 60);
    else if (whole < 2 * 86400)
        snprintf(text, size, "%llu h %llu min", whole / 3600, whole / 60 % 60);
    else
        snprintf(text, size, "%.1f days", seconds / 86400);
}

static void add_span(outbuf *out, const cJSON *model, const sums *s)
{
    const cJSON *timeline = member(model, "timeline");
    const char *from = member_text(timeline, "from"), *to = member_text(timeline, "to");
    char length[64];
    bool has_events = member_number(timeline, "steps") && from && to;
    if (!has_events && s->first && s->last)
        html_format_fact(out, "Time", "%s to %s", s->first, s->last);
    if (!has_events)
        return;
    put_length(length, sizeof(length),
               cJSON_GetNumberValue(member(timeline, "step_seconds")) * (double)member_number(timeline, "steps"));
    html_format_fact(out, "Time", "%s to %s (%s)", from, to, length);
}

static void add_examined(outbuf *out, const cJSON *model, const sums *s)
{
    html_begin_facts(out);
    add_inputs(out, model, s);
    if (s->unread)
        html_format_fact(out, "Not read", "%llu of %llu inputs: see Evidence", s->unread, s->unread + s->traces);
    add_hosts(out, model);
    add_span(out, model, s);
    html_counts(out, s);
    if (s->places)
        html_format_fact(out, "Damage", "%llu places, %llu bytes", s->places, s->bytes);
    else
        html_fact(out, "Damage", "none");
    html_end_facts(out);
}

// ---------------------------------------------------------------------------------------------- what is striking

static void add_links(outbuf *out, const cJSON *item)
{
    char text[96];
    if (member(item, "life")) {
        snprintf(text, sizeof(text), " <a href=\"#process-%llu\">process</a>",
                 (unsigned long long)member_number(item, "life"));
        outbuf_text(out, text);
    }
    if (member(item, "record")) {
        unsigned long long number = (unsigned long long)member_number(item, "record");
        snprintf(text, sizeof(text), " <a href=\"#record-%llu\">record %llu</a>", number, number);
        outbuf_text(out, text);
    }
}

static void add_item(outbuf *out, const cJSON *item)
{
    const char *detail = member_text(item, "detail");
    outbuf_text(out, "<li>");
    html_element(out, "code", member_text(item, "text"));
    if (detail) {
        outbuf_text(out, " means ");
        html_element(out, "code", detail);
    }
    add_links(out, item);
    outbuf_text(out, "</li>\n");
}

static void add_kind(outbuf *out, const cJSON *kind)
{
    char text[96];
    const cJSON *item, *items = member(kind, "items");
    u64 all = member_number(kind, "all"), shown = (u64)cJSON_GetArraySize(items);
    snprintf(text, sizeof(text), "%.60s: %llu", member_text(kind, "title"), (unsigned long long)all);
    html_element(out, "h4", text);
    outbuf_text(out, "<ul>\n");
    cJSON_ArrayForEach (item, items)
        add_item(out, item);
    if (all > shown) {
        snprintf(text, sizeof(text), "<li>and %llu more</li>\n", (unsigned long long)(all - shown));
        outbuf_text(out, text);
    }
    outbuf_text(out, "</ul>\n");
}

static void add_gaps(outbuf *out, const sums *s)
{
    char text[160];
    if (s->events_lost || s->buffers_lost || s->gaps) {
        snprintf(text, sizeof(text), "Lost while recording: %llu events, %llu buffers: what is not here may have been",
                 s->events_lost, s->buffers_lost + s->gaps);
        html_element(out, "h4", text);
    }
    if (s->raw + s->partial) {
        snprintf(text, sizeof(text), "Not decoded, or not all of it: %llu events", s->raw + s->partial);
        html_element(out, "h4", text);
    }
}

static void add_striking(outbuf *out, const cJSON *model, const sums *s)
{
    const cJSON *kind, *kinds = member(model, "striking");
    outbuf_text(out, "<div class=\"striking\"><h3>Striking</h3>\n");
    cJSON_ArrayForEach (kind, kinds)
        add_kind(out, kind);
    if (!cJSON_GetArraySize(kinds))
        html_element(out, "p",
                     "No encoded command, no new autostart, service or task, no program in a folder that "
                     "users can write and no single connection to the outside was found.");
    add_gaps(out, s);
    outbuf_text(out, "<p class=\"note\">By words alone, in what the traces record: none of it is a verdict, and other "
                     "things may matter more.</p></div>\n");
}

// ---------------------------------------------------------------------------------------------- what there is

static void add_count(outbuf *out, const char *title, const char *id, u64 count)
{
    char number[48];
    if (!count)
        return;
    outbuf_text(out, "<li><a href=\"#");
    html_text(out, id);
    outbuf_text(out, "\">");
    html_text(out, title);
    snprintf(number, sizeof(number), "</a> %llu</li>\n", (unsigned long long)count);
    outbuf_text(out, number);
}

static void add_contents(outbuf *out, const cJSON *model)
{
    const cJSON *table;
    outbuf_text(out, "<ul class=\"contents\">\n");
    add_count(out, "Processes", "processes", member_number(member(model, "processes"), "all"));
    add_count(out, "Network connections", "connections", member_number(member(model, "connections"), "all"));
    cJSON_ArrayForEach (table, member(model, "tables"))
        add_count(out, member_text(table, "title"), member_text(table, "id"), member_number(table, "all"));
    cJSON_ArrayForEach (table, member(model, "providers")) {
        const char *title = member_text(table, "title");
        if (!cJSON_IsTrue(member(table, "bookkeeping")))
            add_count(out, title ? title : "?", member_text(table, "id"), member_number(table, "all"));
    }
    outbuf_text(out, "</ul>\n");
}

void html_summary(outbuf *out, const cJSON *model)
{
    sums s = {0};
    const cJSON *info;
    cJSON_ArrayForEach (info, member(model, "inputs"))
        sums_add(&s, info);
    outbuf_text(out, "<div class=\"overview\"><div>\n");
    add_examined(out, model, &s);
    add_contents(out, model);
    outbuf_text(out, "</div>\n");
    add_striking(out, model, &s);
    outbuf_text(out, "</div>\n");
}
