// The page is a template: {{name}} in page.html is replaced by what belongs there, once.
//
// Its policy lets one style sheet and one script work, which it knows by their hashes, and nothing else.
#include <string.h>

#include "base/sha256.h"
#include "report/page_files.h"
#include "report/report.h"

typedef struct part {
    const char *name;
    span text;
} part;

static bool put_part(outfile *out, const part *parts, u32 count, span name, error *e)
{
    for (u32 i = 0; i < count; i++)
        if (strlen(parts[i].name) == name.len && memcmp(parts[i].name, name.at, name.len) == 0)
            return outfile_write(out, parts[i].text, e);
    return true;
}

// Where `mark` of two characters is from `at` on; the end where it is not.
static size_t find_mark(span text, size_t at, const char *mark)
{
    while (at + 1 < text.len && memcmp(text.at + at, mark, 2) != 0)
        at++;
    return at + 1 < text.len ? at : text.len;
}

static bool fill(outfile *out, span template, const part *parts, u32 count, error *e)
{
    for (size_t at = 0; at < template.len;) {
        size_t open = find_mark(template, at, "{{"), close = find_mark(template, open, "}}");
        if (!outfile_write(out, (span){template.at + at, open - at}, e))
            return false;
        if (close == template.len)
            return true;
        if (!put_part(out, parts, count, (span){template.at + open + 2, close - open - 2}, e))
            return false;
        at = close + 2;
    }
    return true;
}

// 'sha256-…' of a policy, without the quotes.
static span source_of(span text, char scratch[64])
{
    u8 digest[SHA256_BYTES];
    sha256_of(text, digest);
    memcpy(scratch, "sha256-", sizeof("sha256-"));
    sha256_base64(digest, scratch + strlen(scratch));
    return (span){(const u8 *)scratch, strlen(scratch)};
}

// The scripts one after the other; heap.
static span all_scripts(void)
{
    const span files[] = {{base_js, base_js_bytes},         {table_js, table_js_bytes},
                          {timeline_js, timeline_js_bytes}, {charts_js, charts_js_bytes},
                          {process_js, process_js_bytes},   {page_js, page_js_bytes}};
    outbuf script = {0};
    for (size_t i = 0; i < COUNT_OF(files); i++)
        outbuf_add(&script, files[i].at, files[i].len);
    return (span){script.bytes, script.len};
}

static span whole(const outbuf *text)
{
    return (span){text->bytes, text->len};
}

bool report_page(const cJSON *model, span json, outfile *out, error *e)
{
    char style_hash[64], script_hash[64];
    const span style = {page_css, page_css_bytes}, script = all_scripts();
    report_text text = {0};
    report_static(model, &text);
    const part parts[] = {
        {"style", style},
        {"style-hash", source_of(style, style_hash)},
        {"script", script},
        {"script-hash", source_of(script, script_hash)},
        {"title", whole(&text.title)},
        {"sources", whole(&text.sources)},
        {"summary", whole(&text.summary)},
        {"evidence", whole(&text.evidence)},
        {"data", json},
    };
    bool ok = fill(out, (span){page_html, page_html_bytes}, parts, COUNT_OF(parts), e);
    report_text_free(&text);
    mem_free((void *)script.at);
    return ok;
}

bool report_page_is_own(span head, int fd)
{
    (void)fd;
    return exporter_head_is(head, "<!DOCTYPE html>") &&
           (exporter_head_has(head, "<meta name=\"generator\" content=\"etwkit report\">") ||
            exporter_head_has(head, "<title>Trace report: ")); // of version 1.0
}

bool report_json_is_own(span head, int fd)
{
    (void)fd;
    return exporter_head_is(head, "{\"report\":\"etwkit\",");
}
