// JSON: one array of all records (`json`), or an object a line (`jsonl`).
#include "exporter.h"
#include "json_fields.h"
#include "output.h"

#include "decode/render.h"

struct sink {
    output out;
    json_fields fields;
    bool array;
    bool any; // the array has elements already
};

static bool json_open_as(sink **out, const export_target *target, bool array, error *e)
{
    sink *s = mem_zeroed(1, sizeof *s);
    s->array = array;
    *out = NULL;
    if (!output_open(&s->out, target->path, e)) {
        mem_free(s);
        return false;
    }
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

static void json_object(const sink *s, const record *rec, outbuf *out, const char *start)
{
    u8 *p = put_text(outbuf_reserve(out, 128), start);
    p = text_u64(p, rec->number);
    p = put_text(p, ",\"timestamp\":\"");
    p = text_time(p, rec->time);
    *p++ = '"';
    outbuf_written(out, p);
    json_fields_facts(&s->fields, rec, out);
    json_fields_message(rec, out);
    json_fields_payload(&s->fields, rec, out);
}

static void json_render(const sink *s, const record *rec, outbuf *out)
{
    json_object(s, rec, out, ",\n{\"record\":");
    outbuf_text(out, "}");
}

static void jsonl_render(const sink *s, const record *rec, outbuf *out)
{
    json_object(s, rec, out, "{\"record\":");
    outbuf_text(out, "}\n");
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

const exporter exporter_json = {
    .name = "json",
    .suffixes = " .json ",
    .help = "one JSON array of all records",
    .open = json_open,
    .render = json_render,
    .commit = json_commit,
    .close = json_close,
};

const exporter exporter_jsonl = {
    .name = "jsonl",
    .suffixes = " .jsonl .ndjson ",
    .help = "JSON Lines: an object a line",
    .open = jsonl_open,
    .render = jsonl_render,
    .commit = json_commit,
    .close = json_close,
};
