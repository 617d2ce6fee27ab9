#include "report/report_html.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

// ---------------------------------------------------------------------------------------------- markup

// Bytes of what is not seen, or changes how what is beside it is seen, at the start of `text`; 0: it is neither.
static size_t unseen(span text)
{
    u8 c = text.at[0];
    if (c < 0x20 || c == 0x7f)
        return c != '\t' && c != '\n' && c != '\r';
    if (c == 0xc2 && text.len > 1 && text.at[1] < 0xa0)
        return 2;
    return c < 0x80 ? 0 : text_hidden(text);
}

void html_text(outbuf *out, const char *text)
{
    static const char *const REFERENCES[] = {['"'] = "&quot;", ['&'] = "&amp;", ['<'] = "&lt;", ['>'] = "&gt;"};
    for (span rest = text_span(text); rest.len;) {
        u8 c = rest.at[0];
        const char *reference = c < COUNT_OF(REFERENCES) ? REFERENCES[c] : NULL;
        size_t hidden = unseen(rest);
        if (reference)
            outbuf_text(out, reference);
        else if (hidden)
            outbuf_text(out, "\xef\xbf\xbd");
        else
            outbuf_add(out, rest.at, 1);
        rest = span_from(rest, hidden ? hidden : 1);
    }
}

void html_element(outbuf *out, const char *name, const char *text)
{
    outbuf_text(out, "<");
    outbuf_text(out, name);
    outbuf_text(out, ">");
    html_text(out, text);
    outbuf_text(out, "</");
    outbuf_text(out, name);
    outbuf_text(out, ">");
}

void html_fact(outbuf *out, const char *name, const char *value)
{
    if (!value || !*value)
        return;
    outbuf_text(out, "<tr>");
    html_element(out, "th", name);
    html_element(out, "td", value);
    outbuf_text(out, "</tr>\n");
}

void html_format_fact(outbuf *out, const char *name, const char *format, ...)
{
    char text[256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    html_fact(out, name, text);
}

void html_begin_facts(outbuf *out)
{
    outbuf_text(out, "<table class=\"facts\"><tbody>\n");
}

void html_end_facts(outbuf *out)
{
    outbuf_text(out, "</tbody></table>\n");
}

// ---------------------------------------------------------------------------------------------- members of the model

const cJSON *member(const cJSON *object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

const char *member_text(const cJSON *object, const char *name)
{
    return cJSON_GetStringValue(member(object, name));
}

// Numbers that no double holds are texts (report_add_number).
u64 member_number(const cJSON *object, const char *name)
{
    const cJSON *item = member(object, name);
    if (cJSON_IsString(item))
        return strtoull(item->valuestring, NULL, 10);
    const double beyond = 18446744073709551616.0; // 2^64, which the greatest numbers become as a double
    double number = cJSON_IsNumber(item) && item->valuedouble > 0 ? item->valuedouble : 0;
    return number < beyond ? (u64)number : UINT64_MAX;
}

bool input_was_read(const cJSON *info)
{
    return member(info, "events") != NULL;
}

u64 input_damage(const cJSON *info)
{
    return (u64)cJSON_GetArraySize(member(info, "damage")) + member_number(info, "damage_not_listed");
}

// ---------------------------------------------------------------------------------------------- sums

// Where it is not known what one file of a session lost, what its session lost so far: a remark of the file says so.
static u64 lost_in(const cJSON *counts)
{
    return member_number(counts, cJSON_IsNull(member(counts, "lost")) ? "lost_since_session_start" : "lost");
}

void sums_add(sums *s, const cJSON *info)
{
    if (!input_was_read(info)) {
        s->unread++;
        return;
    }
    const cJSON *events = member(info, "events"), *buffers = member(info, "buffers");
    const char *first = member_text(info, "first_event"), *last = member_text(info, "last_event");
    s->traces++;
    s->events += member_number(events, "total");
    s->decoded += member_number(events, "decoded");
    s->partial += member_number(events, "partial");
    s->raw += member_number(events, "raw");
    s->other_version += member_number(events, "other_version");
    s->events_lost += lost_in(events);
    s->buffers_lost += lost_in(buffers);
    s->gaps += member_number(buffers, "missing_sequence_numbers");
    s->places += input_damage(info);
    s->bytes += member_number(member(info, "account"), "damage");
    if (first && (!s->first || strcmp(first, s->first) < 0))
        s->first = first;
    if (last && (!s->last || strcmp(last, s->last) > 0))
        s->last = last;
}

void html_counts(outbuf *out, const sums *s)
{
    html_format_fact(out, "Lost while recording",
                     "%llu events and %llu buffers by the header, %llu buffers by gaps in their numbers",
                     s->events_lost, s->buffers_lost, s->gaps);
    html_format_fact(
        out, "Events", "%llu read = %llu decoded + %llu partly decoded + %llu raw%s", s->events, s->decoded, s->partial,
        s->raw, s->decoded + s->partial + s->raw == s->events ? "" : " (a filter was given: the rest was left out)");
    if (s->other_version)
        html_format_fact(
            out, "Of another version",
            "%llu decoded by the description of another version (schema_version): names and values may differ",
            s->other_version);
}
