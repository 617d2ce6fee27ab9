// Text (`text`): a line for each event, for reading and for grep.
//
//     2023-03-14T07:46:50.7012345Z svchost.exe(1234:5678) Microsoft-Windows-DNS-Client/3006 QueryName=example.com
//     QueryType=1
//
// The time, the process and thread, the provider and event, [Critical] to [Warning] where it is one, and the message.
// Events without a message show their fields as name=value, values with blanks in quotes; an event whose only field is
// a text, as logging libraries write them, shows the text. Nothing is escaped: control characters become blanks, and a
// character that is not seen and changes what is (text_hidden) is '?'.
#include "description.h"
#include "exporter.h"
#include "literal.h"
#include "output.h"

#include "etwkit_engine.h"

struct sink {
    output out;
    arena memory;
    literal *stems; // of each class: provider/event, level
};

// ---------------------------------------------------------------------------------------------- records

// name(process:thread); "-" for what is not known.
static void put_process(outbuf *out, const record *rec)
{
    if (rec->process_name) {
        span name = text_span(rec->process_name);
        outbuf_written(out, text_utf8(outbuf_reserve(out, 3 * name.len), name));
    }
    u8 *p = put_char(outbuf_reserve(out, 64), '(');
    p = rec->has_process ? put_u64(p, rec->process_id) : put_char(p, '-');
    p = put_char(p, ':');
    p = rec->has_thread ? put_u64(p, rec->thread_id) : put_char(p, '-');
    outbuf_written(out, put_text(p, ") "));
}

static void text_render(const sink *s, const record *rec, outbuf *out)
{
    enum { BOUND_TIME = 64 };
    u8 *p = text_time(outbuf_reserve(out, BOUND_TIME), rec->time);
    outbuf_written(out, put_char(p, ' '));
    size_t start = out->len;
    put_process(out, rec);
    literal stem = s->stems[rec->cls->index];
    outbuf_add(out, stem.text, stem.len);
    description_put_event(rec, out);
    description_clean(out, start);
    outbuf_text(out, "\n");
}

// ---------------------------------------------------------------------------------------------- the exporter

static void add_stem(outbuf *b, const event_class *cls)
{
    static const char *const levels[] = {"", "[Critical] ", "[Error] ", "[Warning] "};
    char id[GUID_TEXT];
    span provider = text_span(cls->provider ? cls->provider : guid_to_text(&cls->provider_id, id));
    span name = text_span(cls->event_name ? cls->event_name : "");
    u8 *p = outbuf_reserve(b, 3 * (provider.len + name.len) + 64);
    p = put_char(text_utf8(p, provider), '/');
    p = name.len ? text_utf8(p, name) : put_u64(p, cls->descriptor.id);
    p = put_char(p, ' ');
    outbuf_written(b, cls->descriptor.level <= 3 ? put_text(p, levels[cls->descriptor.level]) : p);
}

static bool text_open(sink **out, const export_target *target, error *e)
{
    sink *s = mem_zeroed(1, sizeof *s);
    (void)e;
    *out = s;
    output_open(&s->out, target);
    outbuf b = {0};
    s->stems = arena_array(&s->memory, literal, target->class_count);
    for (u32 i = 0; i < target->class_count; i++) {
        add_stem(&b, target->classes[i]);
        s->stems[i] = literal_take(&s->memory, &b);
    }
    outbuf_free(&b);
    return true;
}

static bool text_commit(sink *s, span rendered, u32 records, error *e)
{
    (void)records;
    return output_write(&s->out, rendered, e);
}

static bool text_close(sink *s, error *e)
{
    bool ok = output_close(&s->out, e);
    arena_free(&s->memory);
    mem_free(s);
    return ok;
}

// Begins with a time and a process.
static bool text_is_own(span head, int fd)
{
    static const char form[] = "dddd-dd-ddTdd:dd:dd.dddddddZ ";
    (void)fd;
    size_t len = sizeof(form) - 1;
    if (head.len <= len)
        return false;
    for (size_t i = 0; i < len; i++)
        if (form[i] == 'd' ? head.at[i] < '0' || head.at[i] > '9' : head.at[i] != (u8)form[i])
            return false;
    const u8 *line = memchr(head.at, '\n', head.len);
    span rest = span_from(head, len);
    rest.len = line ? (size_t)(line - rest.at) : rest.len;
    return exporter_head_has(rest, "(") && exporter_head_has(rest, ":") && exporter_head_has(rest, ") ");
}

const exporter exporter_text = {
    .name = "text",
    .suffixes = " .txt ",
    .help = "a line an event: time, process(id:thread), provider/event, message or fields",
    .may_split = true,
    .is_text = true,
    .open = text_open,
    .render = text_render,
    .commit = text_commit,
    .close = text_close,
    .is_own = text_is_own,
};
