// Hits, as they are found: records are looked at on all threads, hits are written in their order.
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/text.h"
#include "base/text_put.h"
#include "detect/detect.h"
#include "csv_cell.h"
#include "output.h"
#include "pipeline.h"
#include "print.h"

enum { SCRATCHES = 256, SHOWN_VALUE = 1024, TABLE_VALUE = 160 };

// Of one thread.
typedef struct scratch {
    view_scratch view;
    query_scratch query;
} scratch;

struct sink {
    const rule_book *book;
    event_views *views;
    record_filter filter;
    u8 *by_class; // where_truth of the filter
    hit_format format;
    hit_counts *counts;
    output out;
    bool any;
    _Atomic(scratch *) idle[SCRATCHES]; // of threads that are not looking at a record
};

// Before the text of each hit, from render to commit.
typedef struct hit_mark {
    u32 rule, bytes;
} hit_mark;

// ---------------------------------------------------------------------------------------------- scratch

static void free_scratch(scratch *x)
{
    if (!x)
        return;
    view_scratch_free(&x->view);
    query_scratch_free(&x->query);
    mem_free(x);
}

static scratch *take_scratch(const sink *s)
{
    sink *shared = (sink *)(uintptr_t)s;
    for (u32 i = 0; i < SCRATCHES; i++) {
        scratch *x = atomic_load(&shared->idle[i]) ? atomic_exchange(&shared->idle[i], NULL) : NULL;
        if (x)
            return x;
    }
    return mem_zeroed(1, sizeof(scratch));
}

static void give_scratch(const sink *s, scratch *x)
{
    sink *shared = (sink *)(uintptr_t)s;
    for (u32 i = 0; i < SCRATCHES; i++) {
        scratch *none = NULL;
        if (atomic_compare_exchange_strong(&shared->idle[i], &none, x))
            return;
    }
    free_scratch(x);
}

// ---------------------------------------------------------------------------------------------- one hit

typedef struct hit {
    const sink *sink;
    const record *rec;
    const sigma_rule *rule;
    outbuf *out;
    outbuf matched; // its fields, as JSON or as text
    u32 fields;
} hit;

static void json_text(outbuf *out, span text)
{
    outbuf_text(out, "\"");
    outbuf_written(out, text_utf8_json(outbuf_reserve(out, 6 * text.len), text));
    outbuf_text(out, "\"");
}

static span shown(const subject *s, size_t most)
{
    size_t len = s->text.len < most ? s->text.len : most;
    while (len < s->text.len && len && (s->text.at[len] & 0xc0) == 0x80)
        len--;
    return (span){s->text.at, len};
}

static void add_json_reason(void *context, const rule_field *f, const subject *s)
{
    hit *h = context;
    outbuf_text(&h->matched, h->fields++ ? "," : "");
    json_text(&h->matched, text_span(*f->name ? f->name : "keywords"));
    outbuf_text(&h->matched, ":");
    if (s->kind == SUBJECT_TEXT)
        json_text(&h->matched, shown(s, SHOWN_VALUE));
    else
        outbuf_text(&h->matched, "null");
}

static void add_text_reason(void *context, const rule_field *f, const subject *s)
{
    hit *h = context;
    outbuf_text(&h->matched, h->fields++ ? " " : "");
    outbuf_text(&h->matched, *f->name ? f->name : "keywords");
    outbuf_text(&h->matched, "=");
    span text = shown(s, TABLE_VALUE);
    outbuf_written(&h->matched, text_utf8(outbuf_reserve(&h->matched, 3 * text.len), text));
}

static void add_member(outbuf *out, const char *name, const char *text)
{
    if (!text || !*text)
        return;
    outbuf_text(out, ",\"");
    outbuf_text(out, name);
    outbuf_text(out, "\":");
    json_text(out, text_span(text));
}

static void add_number(outbuf *out, const char *name, u64 number)
{
    u8 *p = outbuf_reserve(out, strlen(name) + 32);
    p = put_text(put_text(put_text(p, ",\""), name), "\":");
    outbuf_written(out, put_u64(p, number));
}

static void add_tags(outbuf *out, const sigma_rule *r)
{
    outbuf_text(out, ",\"tags\":[");
    for (u32 i = 0; i < r->tag_count; i++) {
        outbuf_text(out, i ? "," : "");
        json_text(out, text_span(r->tags[i]));
    }
    outbuf_text(out, "]");
}

static void put_json(hit *h)
{
    const record *rec = h->rec;
    const sigma_rule *r = h->rule;
    outbuf *out = h->out;
    char id[GUID_TEXT];
    outbuf_text(out, "{\"timestamp\":\"");
    outbuf_written(out, text_time(outbuf_reserve(out, 32), rec->time));
    outbuf_text(out, "\"");
    add_member(out, "host", rec->host);
    add_member(out, "level", rule_level_name(r->level));
    add_member(out, "title", r->title);
    add_member(out, "rule_id", r->id);
    add_member(out, "status", r->status);
    add_tags(out, r);
    add_member(out, "rule_file", r->path);
    if (rec->has_process)
        add_number(out, "process_id", rec->process_id);
    add_member(out, "process_name", rec->process_name);
    add_member(out, "provider", rec->cls->provider);
    add_member(out, "provider_id", guid_to_text(&rec->cls->provider_id, id));
    add_number(out, "event_id", rec->cls->descriptor.id);
    add_member(out, "event_name", rec->cls->event_name);
    outbuf_text(out, ",\"matched\":{");
    outbuf_add(out, h->matched.bytes, h->matched.len);
    outbuf_text(out, "}");
    add_number(out, "record", rec->number);
    add_member(out, "source", rec->source);
    add_number(out, "offset", rec->offset);
    outbuf_text(out, "}\n");
}

// ---------------------------------------------------------------------------------------------- CSV and table

static const char CSV_HEADER[] = "timestamp,host,level,title,rule_id,status,tags,rule_file,process_id,process_name,"
                                 "provider,event_id,event_name,matched,record,source,offset\n";

static void put_cell(outbuf *out, const char *text)
{
    outbuf_text(out, ",");
    csv_cell_text(out, text, true);
}

static void put_number_cell(outbuf *out, bool has, u64 number)
{
    u8 *p = put_char(outbuf_reserve(out, 24), ',');
    outbuf_written(out, has ? put_u64(p, number) : p);
}

static void put_tags_cell(outbuf *out, const sigma_rule *r)
{
    outbuf_text(out, ",");
    size_t start = out->len;
    for (u32 i = 0; i < r->tag_count; i++) {
        outbuf_text(out, i ? " " : "");
        outbuf_text(out, r->tags[i]);
    }
    csv_cell_close(out, start, true);
}

static void put_matched_cell(hit *h)
{
    outbuf_text(h->out, ",");
    size_t start = h->out->len;
    outbuf_text(h->out, "{");
    outbuf_add(h->out, h->matched.bytes, h->matched.len);
    outbuf_text(h->out, "}");
    csv_cell_close_json(h->out, start);
}

static void put_csv(hit *h)
{
    const record *rec = h->rec;
    const sigma_rule *r = h->rule;
    outbuf_written(h->out, text_time(outbuf_reserve(h->out, 32), rec->time));
    put_cell(h->out, rec->host);
    put_cell(h->out, rule_level_name(r->level));
    put_cell(h->out, r->title);
    put_cell(h->out, r->id);
    put_cell(h->out, r->status);
    put_tags_cell(h->out, r);
    put_cell(h->out, r->path);
    put_number_cell(h->out, rec->has_process, rec->process_id);
    put_cell(h->out, rec->process_name);
    put_cell(h->out, rec->cls->provider);
    put_number_cell(h->out, true, rec->cls->descriptor.id);
    put_cell(h->out, rec->cls->event_name);
    put_matched_cell(h);
    put_number_cell(h->out, true, rec->number);
    put_cell(h->out, rec->source);
    put_number_cell(h->out, true, rec->offset);
    outbuf_text(h->out, "\n");
}

static void put_padded_text(outbuf *out, const char *text, size_t columns)
{
    span s = text_span(text ? text : "-");
    print_clean_into(out, s);
    for (size_t len = s.len; len < columns; len++)
        outbuf_text(out, " ");
    outbuf_text(out, " ");
}

static void put_row(hit *h)
{
    const record *rec = h->rec;
    char where[64];
    outbuf_written(h->out, text_time(outbuf_reserve(h->out, 32), rec->time));
    outbuf_text(h->out, " ");
    put_padded_text(h->out, rec->host, 8);
    put_padded_text(h->out, rule_level_name(h->rule->level), 8);
    put_padded_text(h->out, h->rule->title, 0);
    snprintf(where, sizeof(where), rec->has_process ? "(%u)" : "(-)", rec->process_id);
    outbuf_text(h->out, "| ");
    print_clean_into(h->out, text_span(rec->process_name ? rec->process_name : ""));
    outbuf_text(h->out, where);
    outbuf_text(h->out, " | ");
    print_clean_into(h->out, (span){h->matched.bytes, h->matched.len});
    snprintf(where, sizeof(where), " | record %llu of ", (unsigned long long)rec->number);
    outbuf_text(h->out, where);
    print_clean_into(h->out, text_span(rec->source));
    outbuf_text(h->out, "\n");
}

// ---------------------------------------------------------------------------------------------- the sink

static void add_hit(void *context, u32 number, view_scratch *x)
{
    hit *h = context;
    const rule_set *set = &h->sink->book->set;
    bool table = h->sink->format == HITS_TABLE;
    size_t start = h->out->len;
    hit_mark mark = {number, 0};
    outbuf_add(h->out, &mark, sizeof(mark));
    h->rule = &set->rules[number];
    h->matched.len = 0;
    h->fields = 0;
    rule_reasons(set, number, &x->rules, table ? add_text_reason : add_json_reason, h);
    (table ? put_row : h->sink->format == HITS_CSV ? put_csv : put_json)(h);
    mark.bytes = (u32)(h->out->len - start - sizeof(mark));
    memcpy(h->out->bytes + start, &mark, sizeof(mark));
}

static bool passes(const sink *s, const record *rec, scratch *x)
{
    where_truth truth = (where_truth)s->by_class[rec->cls->index];
    if (truth == WHERE_NEVER || rec->time < s->filter.filter->since || rec->time > s->filter.filter->until)
        return false;
    return truth == WHERE_ALWAYS || filter_record(&s->filter, rec, &x->query);
}

static void hits_render(const sink *s, const record *rec, outbuf *out)
{
    scratch *x = take_scratch(s);
    if (passes(s, rec, x)) {
        hit h = {.sink = s, .rec = rec, .out = out};
        views_see(s->views, rec, &x->view, add_hit, &h);
        outbuf_free(&h.matched);
    }
    give_scratch(s, x);
}

static bool hits_pass_over(const sink *s, u32 class_index)
{
    return !views_watch(s->views, class_index);
}

static bool write_hit(sink *s, span text, error *e)
{
    const char *between = s->format != HITS_JSON ? "" : s->any ? ",\n" : "[\n";
    s->any = true;
    if (s->format == HITS_JSON)
        text.len--; // its line's end
    return output_text(&s->out, between, e) && output_write(&s->out, text, e);
}

static bool hits_commit(sink *s, span rendered, u32 records, error *e)
{
    hit_mark mark;
    (void)records;
    for (size_t at = 0; at < rendered.len; at += sizeof(mark) + mark.bytes) {
        memcpy(&mark, rendered.at + at, sizeof(mark));
        s->counts->hits++;
        s->counts->by_rule[mark.rule]++;
        rule_level level = s->book->set.rules[mark.rule].level;
        if (level > s->counts->highest)
            s->counts->highest = level;
        if (!write_hit(s, (span){rendered.at + at + sizeof(mark), mark.bytes}, e))
            return false;
    }
    return true;
}

static const exporter hits_exporter = {
    .name = "hits", .render = hits_render, .commit = hits_commit, .passes_over = hits_pass_over, .no_stacks = true};

static void begin(sink *s, const rule_book *b, const filter *f, evidence *ev, outfile *out)
{
    const session *from = ev->session;
    const export_target target = {.fd = out->fd, .name = out->path};
    u32 count = class_count(from->classes);
    s->book = b;
    filter_bind(&s->filter, f, class_list(from->classes), count);
    s->views = views_new(&b->set, from->correlator, class_list(from->classes), count);
    s->by_class = mem_zeroed(count + 1, 1);
    for (u32 i = 0; i < count; i++)
        s->by_class[i] = (u8)filter_class(s->filter.filter, class_list(from->classes)[i]);
    output_open(&s->out, &target);
}

static bool end(sink *s, bool ok, error *e)
{
    if (ok && s->format == HITS_JSON)
        ok = output_text(&s->out, s->any ? "\n]\n" : "[]\n", e);
    bool closed = output_close(&s->out, ok ? e : NULL);
    for (u32 i = 0; i < SCRATCHES; i++)
        free_scratch(s->idle[i]);
    filter_unbind(&s->filter);
    views_free(s->views);
    mem_free(s->by_class);
    mem_free(s);
    return ok && closed;
}

bool detect_run(const rule_book *b, const filter *f, evidence *ev, outfile *out, hit_format format, hit_counts *counts,
                error *e)
{
    sink *s = mem_zeroed(1, sizeof(*s));
    s->format = format;
    s->counts = counts;
    begin(s, b, f, ev, out);
    pipeline_job job = {.session = ev->session,
                        .filter = &ev->run->options->filter,
                        .exporter = &hits_exporter,
                        .sink = s,
                        .stop = &run_stop,
                        .progress = evidence_progress,
                        .context = ev};
    bool ok = (format != HITS_CSV || output_text(&s->out, CSV_HEADER, e)) && pipeline_run(&job, e);
    return end(s, ok, e);
}

// ---------------------------------------------------------------------------------------------- formats

static const struct {
    const char *name, *suffix;
    hit_format format;
} FORMATS[] = {{"table", ".txt", HITS_TABLE},
               {"jsonl", ".jsonl", HITS_JSONL},
               {"jsonl", ".ndjson", HITS_JSONL},
               {"json", ".json", HITS_JSON},
               {"csv", ".csv", HITS_CSV}};

bool hit_format_find(const options *o, hit_format *out, error *e)
{
    bool to_stdout = !o->out || strcmp(o->out, "-") == 0;
    *out = HITS_TABLE;
    if (!o->format && to_stdout)
        return true;
    size_t len = o->out ? strlen(o->out) : 0;
    for (size_t i = 0; i < COUNT_OF(FORMATS); i++) {
        size_t end = strlen(FORMATS[i].suffix);
        bool is = o->format ? strcasecmp(o->format, FORMATS[i].name) == 0
                            : len > end && strcasecmp(o->out + len - end, FORMATS[i].suffix) == 0;
        *out = FORMATS[i].format;
        if (is)
            return true;
    }
    return o->format ? error_set(e, "unknown format '%s' (formats: table, jsonl, json, csv)", o->format)
                     : error_set(e, "%s: no format of detect goes by its suffix; -f names one: table, jsonl, json, csv",
                                 o->out);
}

bool hits_are_own(span head, int fd)
{
    (void)fd;
    return exporter_head_is(head, CSV_HEADER) || exporter_head_is(head, "[]\n") ||
           ((exporter_head_is(head, "{\"timestamp\":\"") || exporter_head_is(head, "[\n{\"timestamp\":\"")) &&
            exporter_head_has(head, "\"matched\":{"));
}
