// Hits into a file or onto standard output.
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "detect/detect.h"
#include "detect/detect_format.h"
#include "output.h"

struct hit_writer {
    hit_format format;
    output out;
    outbuf text;
    bool colour, any;
};

// A terminal whose user did not ask for no colours (no-color.org).
static bool wants_colour(int fd)
{
    const char *no = getenv("NO_COLOR"), *terminal = getenv("TERM");
    return isatty(fd) && !(no && *no) && !(terminal && strcmp(terminal, "dumb") == 0);
}

bool hit_writer_open(hit_writer **w, hit_format format, const outfile *out, error *e)
{
    const export_target target = {.fd = out->fd, .name = out->path};
    *w = mem_zeroed(1, sizeof(**w));
    (*w)->format = format;
    (*w)->colour = format == HITS_TABLE && wants_colour(out->fd);
    output_open(&(*w)->out, &target);
    return format != HITS_CSV || output_text(&(*w)->out, DETECTION_CSV_HEADER, e);
}

bool hit_writer_add(void *context, const detection *d, error *e)
{
    hit_writer *w = context;
    outbuf *text = &w->text;
    text->len = 0;
    switch (w->format) {
    case HITS_TABLE:
        detection_put_table(d, w->colour, text);
        break;
    case HITS_JSON:
        outbuf_text(text, w->any ? ",\n" : "[\n");
        detection_put_json(d, text);
        text->len--; // its line's end
        break;
    case HITS_JSONL:
        detection_put_json(d, text);
        break;
    case HITS_CSV:
        detection_put_csv(d, text);
        break;
    case HITS_TIMESKETCH:
        detection_put_timesketch(d, text);
        break;
    case HITS_SQLITE:
        return false; // is not text
    }
    w->any = true;
    return output_write(&w->out, (span){text->bytes, text->len}, e);
}

bool hit_writer_close(hit_writer *w, bool ok, error *e)
{
    if (ok && w->format == HITS_JSON)
        ok = output_text(&w->out, w->any ? "\n]\n" : "[]\n", e);
    bool closed = output_close(&w->out, ok ? e : NULL);
    outbuf_free(&w->text);
    mem_free(w);
    return ok && closed;
}

// ---------------------------------------------------------------------------------------------- formats

static const struct {
    const char *name, *suffix;
    hit_format format;
} FORMATS[] = {{"table", ".txt", HITS_TABLE},      {"jsonl", ".jsonl", HITS_JSONL},
               {"jsonl", ".ndjson", HITS_JSONL},   {"json", ".json", HITS_JSON},
               {"csv", ".csv", HITS_CSV},          {"timesketch", ".timesketch.jsonl", HITS_TIMESKETCH},
               {"sqlite", ".db", HITS_SQLITE},     {"sqlite", ".sqlite", HITS_SQLITE},
               {"sqlite", ".sqlite3", HITS_SQLITE}};

static bool ends_in(const char *text, const char *end)
{
    size_t len = strlen(text), end_len = strlen(end);
    return len > end_len && strcasecmp(text + len - end_len, end) == 0;
}

bool hit_format_find(const options *o, hit_format *out, error *e)
{
    bool to_stdout = !o->out || strcmp(o->out, "-") == 0, any = !o->format && to_stdout;
    size_t longest = 0;
    *out = HITS_TABLE;
    for (size_t i = 0; i < COUNT_OF(FORMATS); i++) {
        size_t len = strlen(FORMATS[i].suffix);
        bool is = o->format ? strcasecmp(o->format, FORMATS[i].name) == 0
                            : !to_stdout && ends_in(o->out, FORMATS[i].suffix) && len > longest;
        if (!is)
            continue;
        *out = FORMATS[i].format;
        longest = len;
        any = true;
    }
    if (any && *out == HITS_SQLITE && to_stdout)
        return error_set(e, "-f sqlite needs a file: -o OUT");
    if (any)
        return true;
    return o->format
               ? error_set(e, "unknown format '%s' (formats: table, jsonl, json, csv, timesketch, sqlite)", o->format)
               : error_set(e,
                           "%s: no format of detect goes by its suffix; -f names one: table, jsonl, json, csv, "
                           "timesketch, sqlite",
                           o->out);
}

bool hits_are_own(span head, int fd)
{
    if (exporter_head_is(head, "SQLite format 3"))
        return hit_table_is_own(fd);
    return exporter_head_is(head, DETECTION_CSV_HEADER) || exporter_head_is(head, "[]\n") ||
           ((exporter_head_is(head, "{\"timestamp\":\"") || exporter_head_is(head, "[\n{\"timestamp\":\"")) &&
            exporter_head_has(head, "\"matched\":{")) ||
           (exporter_head_is(head, "{\"message\":") && exporter_head_has(head, "windows:etw:detection"));
}
