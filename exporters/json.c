// JSON: one array of all records (`json`), or an object a line (`jsonl`).
#include <stdio.h>

#include "exporter.h"
#include "json_fields.h"
#include "output.h"

struct sink {
    output out;
    json_fields fields;
    bool array;
    bool any; // the array has elements already
    bool all_first;
};

static bool json_open_as(sink **out, const export_target *target, bool array, error *e)
{
    sink *s = mem_zeroed(1, sizeof *s);
    (void)e;
    s->array = array;
    s->all_first = target->all_first;
    *out = NULL;
    output_open(&s->out, target);
    json_fields_open(&s->fields, target);
    *out = s;
    return true;
}

static bool json_open(sink **out, const export_target *target, error *e)
{
    return json_open_as(out, target, true, e);
}

static bool jsonl_open(sink **out, const export_target *target, error *e)
{
    return json_open_as(out, target, false, e);
}

static void whole_object(const sink *s, const record *rec, outbuf *out, const char *start, const char *end)
{
    outbuf_text(out, start);
    size_t first = out->len;
    json_fields_whole(&s->fields, out, rec);
    out->bytes[first] = '{';
    outbuf_text(out, end);
}

// The comma before the first member makes way for the brace.
static inline void json_object(const sink *s, const record *rec, outbuf *out, const char *start, const char *end)
{
    enum { BOUND_ENDS = 16 };
    if (s->all_first && rec->number == 1) {
        whole_object(s, rec, out, start, end);
        return;
    }
    pen at = {out, json_fields_bound(&s->fields, rec) + BOUND_ENDS};
    u8 *p = put_text(pen_start(&at), start);
    size_t first = (size_t)(p - out->bytes);
    p = json_fields_all(&s->fields, &at, p, rec);
    out->bytes[first] = '{';
    outbuf_written(out, put_text(p, end));
}

static void json_render(const sink *s, const record *rec, outbuf *out)
{
    json_object(s, rec, out, ",\n", "}");
}

static void jsonl_render(const sink *s, const record *rec, outbuf *out)
{
    json_object(s, rec, out, "", "}\n");
}

static bool json_commit(sink *s, span rendered, u32 records, error *e)
{
    if (!records)
        return true;
    // Every element brings its separating comma; the first one of the array loses it.
    if (s->array && !s->any) {
        if (!output_text(&s->out, "[", e))
            return false;
        rendered = span_from(rendered, 1);
    }
    s->any = true;
    return output_write(&s->out, rendered, e);
}

static bool json_close(sink *s, error *e)
{
    bool ok = !e || !s->array || output_text(&s->out, s->any ? "\n]\n" : "[\n\n]\n", e);
    ok = output_close(&s->out, ok ? e : NULL) && ok;
    json_fields_free(&s->fields);
    mem_free(s);
    return ok;
}

static void json_remark(const sink *s, char text[EXPORT_REMARK])
{
    if (s->fields.layout.left_out)
        snprintf(text, EXPORT_REMARK, "%llu fields beyond %u columns are left out",
                 (unsigned long long)s->fields.layout.left_out, LIMIT_FLAT_COLUMNS);
}

static bool json_is_own(span head, int fd)
{
    (void)fd;
    return exporter_head_is(head, "[\n{\"record\":") || exporter_head_is(head, "[\n\n]\n");
}

static bool jsonl_is_own(span head, int fd)
{
    (void)fd;
    return exporter_head_is(head, "{\"record\":");
}

const exporter exporter_json = {
    .name = "json",
    .suffixes = " .json ",
    .help = "one JSON array of all records",
    .is_text = true,
    .takes_flat = true,
    .leaves_out = true,
    .remark = json_remark,
    .open = json_open,
    .render = json_render,
    .commit = json_commit,
    .close = json_close,
    .is_own = json_is_own,
};

const exporter exporter_jsonl = {
    .name = "jsonl",
    .suffixes = " .jsonl .ndjson ",
    .help = "JSON Lines: an object a line; without -o on standard output",
    .may_split = true,
    .is_text = true,
    .takes_flat = true,
    .leaves_out = true,
    .takes_parts = true,
    .remark = json_remark,
    .open = jsonl_open,
    .render = jsonl_render,
    .commit = json_commit,
    .close = json_close,
    .is_own = jsonl_is_own,
};
