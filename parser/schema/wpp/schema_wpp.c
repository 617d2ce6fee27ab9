// WPP software tracing: message descriptions from TMF files, and from the PDB files tracepdb makes those of.
//
// Both carry the same lines (FORMAT.md section 9): "<guid> <component> // SRC=<file>", then for each message
// `#typev <tag> <number> "<format>" // LEVEL=… FLAGS=… FUNC=…`, a line for each parameter between braces, and "#enumv"
// tables. Cutting files into those lines happens here, understanding them in wpp_reader.c.
#include "base/limits.h"
#include "schema/wpp/pdb.h"
#include "schema/model/schema.h"
#include "schema/model/source_text.h"
#include "schema/wpp/wpp_reader.h"

// ---------------------------------------------------------------------------------------------- TMF files

typedef struct line_reader {
    span rest;
    u32 number;
} line_reader;

enum { JOINED_LINES = 16 }; // a #typev line whose quote is never closed does not swallow the file

// The next line, trimmed, with lines that are empty or comments left out. A #typev line whose format string is not
// closed goes on over the lines that follow: texts hold line breaks.
static bool line_next(line_reader *lines, span *line)
{
    while (lines->rest.len) {
        const u8 *end = memchr(lines->rest.at, '\n', lines->rest.len);
        size_t len = end ? (size_t)(end - lines->rest.at) : lines->rest.len, closed;
        *line = slice_trim(slice_before(lines->rest, len));
        lines->number++;
        for (u32 i = 0; end && wpp_is_typev(*line) && i < JOINED_LINES; i++) {
            span next = span_from(lines->rest, len + 1);
            if (wpp_closing_quote(span_from(*line, slice_find(*line, "\"") + 1), &closed) || !next.len ||
                next.at[0] == '#' || next.at[0] == '{' || next.at[0] == '}')
                break;
            end = memchr(next.at, '\n', next.len);
            len = end ? (size_t)(end - lines->rest.at) : lines->rest.len;
            *line = slice_trim(slice_before(lines->rest, len));
            lines->number++;
        }
        lines->rest = span_from(lines->rest, len + 1);
        if (line->len && !slice_starts(*line, "//"))
            return true;
    }
    return false;
}

// "<name>,0x<value>"
static bool enum_entry(const wpp_reader *r, span line, map_entry *out)
{
    size_t comma = slice_find(line, "//");
    while (comma > 0 && line.at[comma - 1] != ',')
        comma--;
    span name = comma ? slice_trim(slice_before(line, comma - 1)) : slice_of("");
    u32 value;
    span number = span_from(line, comma);
    if (!name.len || !slice_to_u32(slice_before(number, slice_find(number, "//")), &value))
        return false;
    out->value = value;
    out->text = wpp_reader_copy(r, name);
    return true;
}

// The lines between the braces after "#enumv <name>". A line that does not fit ends the table.
static void enum_read(wpp_reader *r, line_reader *lines, span head)
{
    map_entry *entries = NULL, entry;
    u32 count = 0, cap = 0;
    line_reader ahead = *lines;
    span line;
    slice_take_word(&head);
    span name = slice_trim(slice_before(head, slice_find(head, "//")));
    while (line_next(&ahead, &line) && !wpp_is_brace(line, '}') && !wpp_is_typev(line)) {
        if (!wpp_is_brace(line, '{')) {
            if (count >= LIMIT_MAP_ENTRIES || memchr(line.at, 0, line.len) || !enum_entry(r, line, &entry)) {
                schema_load_note(r->load, "%s: line %u: no name and value of an enum", r->path, ahead.number);
                break;
            }
            GROW(entries, count, cap);
            entries[count++] = entry;
        }
        *lines = ahead;
    }
    wpp_reader_add_enum(r, name, entries, count);
    mem_free(entries);
}

static void tmf_read(wpp_reader *r, span text)
{
    span line;
    line_reader lines = {text, 0};
    while (line_next(&lines, &line)) // enum tables follow the messages that use them
        if (slice_starts(line, "#enumv"))
            enum_read(r, &lines, line);
    lines = (line_reader){text, 0};
    while (line_next(&lines, &line)) {
        if (line.len > LIMIT_TMF_LINE_BYTES)
            schema_load_note(r->load, "%s: line %u has %zu bytes, over LIMIT_TMF_LINE_BYTES, %u", r->path, lines.number,
                             line.len, (u32)LIMIT_TMF_LINE_BYTES);
        else if (memchr(line.at, 0, line.len))
            schema_load_note(r->load, "%s: line %u holds NULs", r->path, lines.number);
        else
            wpp_reader_line(r, line);
    }
    wpp_reader_end(r);
}

static bool tmf_recognise(span head, const char *path)
{
    char plain[4096];
    size_t len = source_text_head(slice_before(head, sizeof(plain)), plain, sizeof(plain));
    span text = {(const u8 *)plain, len};
    return source_path_ends(path, ".tmf") || slice_find(text, "\n#typev ") < text.len;
}

static bool tmf_load(schema_set *set, span bytes, const char *path, schema_rank rank, schema_load *load, error *e)
{
    if (bytes.len > LIMIT_TMF_BYTES)
        return error_set(e, "TMF file of %zu bytes is over LIMIT_TMF_BYTES, %u", bytes.len, (u32)LIMIT_TMF_BYTES);
    wpp_reader r;
    source_text text = source_text_of(bytes);
    wpp_reader_open(&r, set, path, rank, load);
    tmf_read(&r, text.utf8);
    u32 count = r.event_count;
    wpp_reader_close(&r);
    source_text_free(&text);
    return count > 0 || error_set(e, "TMF file of %zu bytes holds no message that can be used", bytes.len);
}

const schema_source schema_source_tmf = {"tmf", tmf_recognise, tmf_load};

// ---------------------------------------------------------------------------------------------- PDB files

// "TMC:", control GUID, its name, names of its flags: the provider a session enables, and its keywords.
static void control_read(wpp_reader *r, const span *lines, u32 count)
{
    guid id;
    if (guid_from_text((const char *)lines[1].at, lines[1].len, &id))
        wpp_reader_add_control(r, &id, lines[2], lines + 3, count - 3);
    else
        schema_load_note(r->load, "%s: TMC annotation without a control GUID: %.*s", r->path,
                         (int)(lines[1].len < 80 ? lines[1].len : 80), (const char *)lines[1].at);
}

static void message_read(wpp_reader *r, const span *lines, u32 count, span function)
{
    r->function = function;
    r->section = NULL;
    for (u32 i = 1; i < count && !slice_same(lines[i], slice_of("PUBLIC_TMF:")); i++) {
        if (lines[i].len > LIMIT_TMF_LINE_BYTES)
            schema_load_note(r->load, "%s: annotation of %zu bytes is over LIMIT_TMF_LINE_BYTES, %u", r->path,
                             lines[i].len, (u32)LIMIT_TMF_LINE_BYTES);
        else if (lines[i].len)
            wpp_reader_line(r, lines[i]);
    }
    wpp_reader_end(r);
    r->function = slice_of("");
}

static bool annotation_visit(void *ctx, const char *const *strings, u32 count, const char *function)
{
    wpp_reader *r = ctx;
    if (count < 3 || (strcmp(strings[0], "TMC:") != 0 && strcmp(strings[0], "TMF:") != 0))
        return true;
    source_text *texts = mem_zeroed((size_t)count + 1, sizeof(*texts));
    span *lines = mem_zeroed(count, sizeof(*lines));
    for (u32 i = 0; i < count; i++) {
        texts[i] = source_text_of(slice_of(strings[i]));
        lines[i] = slice_trim(texts[i].utf8);
    }
    texts[count] = source_text_of(slice_of(function ? function : ""));
    if (strcmp(strings[0], "TMC:") == 0)
        control_read(r, lines, count);
    else
        message_read(r, lines, count, slice_trim(texts[count].utf8));
    for (u32 i = 0; i <= count; i++)
        source_text_free(&texts[i]);
    mem_free(texts);
    mem_free(lines);
    return true;
}

static bool pdb_recognise(span head, const char *path)
{
    (void)path;
    return pdb_is(head);
}

static bool pdb_load(schema_set *set, span bytes, const char *path, schema_rank rank, schema_load *load, error *e)
{
    wpp_reader r;
    error why = {0};
    wpp_reader_open(&r, set, path, rank, load);
    bool read = pdb_each_annotation(bytes, annotation_visit, &r, &why);
    u32 count = r.event_count + r.control_count;
    if (count && why.message[0])
        schema_load_note(load, "%s: %s", r.path, why.message);
    wpp_reader_close(&r);
    if (count)
        return true;
    return error_set(e, "%s", read && !why.message[0] ? "PDB file holds no WPP annotations" : why.message);
}

const schema_source schema_source_pdb = {"pdb", pdb_recognise, pdb_load};
