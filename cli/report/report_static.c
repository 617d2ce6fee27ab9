// What the page shows without its script: a summary and section 1, the evidence, as HTML.
//
// It is made of the model alone, so that the page and `report --json` cannot differ. Text from traces reaches the page
// through add_text only, which leaves no character that markup needs.
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/report.h"

// ---------------------------------------------------------------------------------------------- markup

static void add_text(outbuf *out, const char *text)
{
    static const char *const REFERENCES[] = {['"'] = "&quot;", ['&'] = "&amp;", ['<'] = "&lt;", ['>'] = "&gt;"};
    for (const u8 *c = (const u8 *)text; *c; c++) {
        const char *reference = *c < COUNT_OF(REFERENCES) ? REFERENCES[*c] : NULL;
        bool unseen = *c < 0x20 && *c != '\t' && *c != '\n' && *c != '\r';
        if (reference)
            outbuf_text(out, reference);
        else if (unseen)
            outbuf_text(out, "\xef\xbf\xbd");
        else
            outbuf_add(out, c, 1);
    }
}

static void add_element(outbuf *out, const char *name, const char *text)
{
    outbuf_text(out, "<");
    outbuf_text(out, name);
    outbuf_text(out, ">");
    add_text(out, text);
    outbuf_text(out, "</");
    outbuf_text(out, name);
    outbuf_text(out, ">");
}

// A row of a name and a value, where there is a value.
static void add_fact(outbuf *out, const char *name, const char *value)
{
    if (!value || !*value)
        return;
    outbuf_text(out, "<tr>");
    add_element(out, "th", name);
    add_element(out, "td", value);
    outbuf_text(out, "</tr>\n");
}

// Values that are longer are cut: numbers and words of our own only.
static void format_fact(outbuf *out, const char *name, const char *format, ...) PRINTF_LIKE(3, 4);
static void format_fact(outbuf *out, const char *name, const char *format, ...)
{
    char text[256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    add_fact(out, name, text);
}

static void begin_facts(outbuf *out)
{
    outbuf_text(out, "<table class=\"facts\"><tbody>\n");
}

static void end_facts(outbuf *out)
{
    outbuf_text(out, "</tbody></table>\n");
}

// ---------------------------------------------------------------------------------------------- members of the model

static const cJSON *in(const cJSON *object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

static const char *text_in(const cJSON *object, const char *name)
{
    return cJSON_GetStringValue(in(object, name));
}

// Numbers that no double holds are texts (report_add_number).
static u64 number_in(const cJSON *object, const char *name)
{
    const cJSON *item = in(object, name);
    if (cJSON_IsString(item))
        return strtoull(item->valuestring, NULL, 10);
    return cJSON_IsNumber(item) ? (u64)item->valuedouble : 0;
}

static bool was_read(const cJSON *info)
{
    return in(info, "events") != NULL;
}

static u64 damage_places(const cJSON *info)
{
    return (u64)cJSON_GetArraySize(in(info, "damage")) + number_in(info, "damage_not_listed");
}

// ---------------------------------------------------------------------------------------------- summary

// Of one input, or of all.
typedef struct sums {
    unsigned long long traces, unread, events, decoded, partial, raw, events_lost, buffers_lost, gaps, places, bytes;
    const char *first, *last; // times of events; UTC, so that texts compare as times do
} sums;

// Where it is not known what one file of a session lost, what its session lost so far: a remark of the file says so.
static u64 lost_in(const cJSON *counts)
{
    return number_in(counts, cJSON_IsNull(in(counts, "lost")) ? "lost_since_session_start" : "lost");
}

static void add_to_sums(sums *s, const cJSON *info)
{
    if (!was_read(info)) {
        s->unread++;
        return;
    }
    const cJSON *events = in(info, "events"), *buffers = in(info, "buffers");
    const char *first = text_in(info, "first_event"), *last = text_in(info, "last_event");
    s->traces++;
    s->events += number_in(events, "total");
    s->decoded += number_in(events, "decoded");
    s->partial += number_in(events, "partial");
    s->raw += number_in(events, "raw");
    s->events_lost += lost_in(events);
    s->buffers_lost += lost_in(buffers);
    s->gaps += number_in(buffers, "missing_sequence_numbers");
    s->places += damage_places(info);
    s->bytes += number_in(in(info, "account"), "damage");
    if (first && (!s->first || strcmp(first, s->first) < 0))
        s->first = first;
    if (last && (!s->last || strcmp(last, s->last) > 0))
        s->last = last;
}

static void add_counts(outbuf *out, const sums *s)
{
    format_fact(out, "Lost while recording",
                "%llu events and %llu buffers by the header, %llu buffers by gaps in their numbers", s->events_lost,
                s->buffers_lost, s->gaps);
    format_fact(out, "Events", "%llu read = %llu decoded + %llu partly decoded + %llu raw%s", s->events, s->decoded,
                s->partial, s->raw,
                s->decoded + s->partial + s->raw == s->events ? "" : " (a filter was given: the rest was left out)");
}

static void add_sums(outbuf *out, const sums *s)
{
    format_fact(out, "Inputs", s->unread ? "%llu read, %llu not read" : "%llu read", s->traces, s->unread);
    if (s->first && s->last)
        format_fact(out, "Time", "%s to %s", s->first, s->last);
    add_counts(out, s);
    if (s->places)
        format_fact(out, "Damage", "%llu places, %llu bytes", s->places, s->bytes);
    else
        add_fact(out, "Damage", "none");
}

// How many of something there are, with a link to them.
static void add_count(outbuf *out, const char *title, const char *id, u64 count)
{
    char text[160];
    if (!count)
        return;
    outbuf_text(out, "<tr>");
    add_element(out, "th", title);
    snprintf(text, sizeof(text), "<td><a href=\"#%s\">%llu</a></td></tr>\n", id, (unsigned long long)count);
    outbuf_text(out, text);
}

static void add_summary(outbuf *out, const cJSON *model)
{
    sums s = {0};
    const cJSON *info, *table;
    cJSON_ArrayForEach (info, in(model, "inputs"))
        add_to_sums(&s, info);
    begin_facts(out);
    add_sums(out, &s);
    add_count(out, "Processes", "processes", number_in(in(model, "processes"), "all"));
    add_count(out, "Network connections", "network", number_in(in(model, "connections"), "all"));
    cJSON_ArrayForEach (table, in(model, "tables"))
        add_count(out, text_in(table, "title"), text_in(table, "id"), number_in(table, "all"));
    end_facts(out);
}

// ---------------------------------------------------------------------------------------------- evidence

static void add_hashes(outbuf *out, const cJSON *info)
{
    const char *before = text_in(info, "sha256"), *after = text_in(info, "sha256_afterwards");
    const char *changed = text_in(info, "changed");
    if (!in(info, "sha256_afterwards")) {
        add_fact(out, "SHA-256", "not computed (--no-hash)");
        return;
    }
    if (!before) {
        add_fact(out, "SHA-256", "could not be computed");
        return;
    }
    add_fact(out, "SHA-256 when read", before);
    add_fact(out, "SHA-256 afterwards", after);
    if (!after)
        add_fact(out, "Unchanged", "not known: it could not be read a second time");
    else
        add_fact(out, "Unchanged",
                 strcmp(before, after) == 0 ? "yes: both are equal" : "NO: the file changed while it was read");
    if (changed)
        format_fact(out, "Remark", "The file %s.", changed);
}

static void add_machine(outbuf *out, const cJSON *info)
{
    const char *version = text_in(info, "os_version");
    if (!version) {
        add_fact(out, "Trace header", "destroyed or missing: what follows from it is assumed");
        return;
    }
    const char *build = strrchr(version, '.');
    format_fact(out, "Windows", "%.*s build %s, %llu processors, %llu-bit", (int)(build - version), version, build + 1,
                (unsigned long long)number_in(info, "processors"),
                (unsigned long long)number_in(info, "pointer_size") * 8);
}

static void add_time_zone(outbuf *out, const cJSON *info)
{
    int minutes = (int)cJSON_GetNumberValue(in(info, "utc_offset_minutes"));
    const char *name = text_in(info, "time_zone");
    char text[256];
    snprintf(text, sizeof(text), "UTC%c%02d:%02d%s%.200s", minutes < 0 ? '-' : '+', abs(minutes) / 60,
             abs(minutes) % 60, name ? ", " : "", name ? name : "");
    add_fact(out, "Time zone of the machine", text);
}

static void add_times(outbuf *out, const cJSON *info)
{
    const cJSON *recording = in(info, "recording");
    const char *end = text_in(recording, "end");
    add_fact(out, "Recording began", text_in(recording, "start"));
    if (!end && cJSON_IsTrue(in(info, "header_present")))
        end = "not recorded: the session was not stopped cleanly";
    add_fact(out, "Recording ended", end);
    add_fact(out, "First event", text_in(info, "first_event"));
    add_fact(out, "Last event", text_in(info, "last_event"));
    add_fact(out, "Machine booted", text_in(info, "boot_time"));
    add_time_zone(out, info);
    format_fact(out, "Clock", "%s, %llu ticks a second", text_in(info, "clock"),
                (unsigned long long)number_in(info, "clock_frequency"));
}

static void add_damage_row(outbuf *out, const cJSON *note)
{
    char text[40];
    outbuf_text(out, "<tr>");
    snprintf(text, sizeof(text), "0x%llx", (unsigned long long)number_in(note, "offset"));
    add_element(out, "td", text);
    snprintf(text, sizeof(text), "%llu", (unsigned long long)number_in(note, "bytes"));
    add_element(out, "td", text);
    add_element(out, "td", text_in(note, "kind"));
    add_element(out, "td", text_in(note, "message"));
    outbuf_text(out, "</tr>\n");
}

static void add_damage(outbuf *out, const cJSON *info)
{
    char text[80];
    const cJSON *note;
    unsigned long long places = damage_places(info), left = number_in(info, "damage_not_listed");
    if (!places) {
        add_element(out, "p", "Damage: none. Every byte of the file is accounted for.");
        return;
    }
    snprintf(text, sizeof(text), "Damage: %llu places.", places);
    add_element(out, "p", text);
    outbuf_text(out, "<table class=\"grid\"><thead><tr><th>offset</th><th>bytes</th><th>kind</th><th>what</th></tr>"
                     "</thead><tbody>\n");
    cJSON_ArrayForEach (note, in(info, "damage"))
        add_damage_row(out, note);
    end_facts(out);
    if (left) {
        snprintf(text, sizeof(text), "%llu more; etwkit info --json lists them.", left);
        add_element(out, "p", text);
    }
}

static void add_remarks(outbuf *out, const cJSON *info)
{
    const cJSON *remark;
    cJSON_ArrayForEach (remark, in(info, "remarks"))
        add_fact(out, "Remark", cJSON_GetStringValue(remark));
}

static void add_read(outbuf *out, const cJSON *info)
{
    sums counts = {0};
    add_to_sums(&counts, info);
    begin_facts(out);
    add_fact(out, "Path", text_in(info, "file"));
    format_fact(out, "Size", "%llu bytes", (unsigned long long)number_in(info, "bytes"));
    add_hashes(out, info);
    add_fact(out, "Session", text_in(info, "session"));
    add_fact(out, "Log file", text_in(info, "log_file"));
    add_fact(out, "Computer", text_in(info, "computer"));
    add_machine(out, info);
    add_times(out, info);
    add_counts(out, &counts);
    add_remarks(out, info);
    end_facts(out);
    add_damage(out, info);
}

static void add_unread(outbuf *out, const cJSON *info)
{
    const char *original = text_in(info, "duplicate_of");
    outbuf why = {0};
    if (original) {
        outbuf_text(&why, "the same bytes as ");
        outbuf_text(&why, original);
        outbuf_text(&why, ", which was");
    } else {
        const char *sentence = text_in(info, "error");
        outbuf_text(&why, sentence ? sentence : "");
    }
    outbuf_add(&why, "", 1);
    begin_facts(out);
    add_fact(out, "Path", text_in(info, "file"));
    add_fact(out, "Not read", (const char *)why.bytes);
    add_fact(out, "SHA-256", text_in(info, "sha256"));
    end_facts(out);
    outbuf_free(&why);
}

// The words of a command line with a space between them.
static void add_command_line(outbuf *out, const cJSON *words)
{
    const cJSON *word;
    outbuf_text(out, "<tr><th>Command line</th><td><code>");
    cJSON_ArrayForEach (word, words) {
        add_text(out, cJSON_GetStringValue(word));
        outbuf_text(out, word->next ? " " : "");
    }
    outbuf_text(out, "</code></td></tr>\n");
}

static void add_run(outbuf *out, const cJSON *model)
{
    const cJSON *path;
    const char *cache = text_in(model, "schema_cache");
    add_element(out, "h3", "How it was read");
    begin_facts(out);
    format_fact(out, "Program", "etwkit %s", text_in(model, "version"));
    add_command_line(out, in(model, "command_line"));
    cJSON_ArrayForEach (path, in(model, "schemas"))
        add_fact(out, "Schemas from", cJSON_GetStringValue(path));
    add_fact(out, "Schema cache", cache ? cache : "none");
    format_fact(out, "Records in this report", "%llu", (unsigned long long)number_in(model, "records"));
    end_facts(out);
}

static void add_evidence(outbuf *out, const cJSON *model)
{
    const cJSON *info;
    for (int read = 1; read >= 0; read--) {
        cJSON_ArrayForEach (info, in(model, "inputs")) {
            if (was_read(info) != read)
                continue;
            add_element(out, "h3", text_in(info, "source"));
            (read ? add_read : add_unread)(out, info);
        }
    }
    add_run(out, model);
}

// ---------------------------------------------------------------------------------------------- the whole

static void add_sources(outbuf *out, const cJSON *model, int most)
{
    const cJSON *info;
    int count = 0;
    cJSON_ArrayForEach (info, in(model, "inputs")) {
        if (!was_read(info) || count == most)
            continue;
        outbuf_text(out, count++ ? ", " : "");
        add_text(out, text_in(info, "source"));
    }
}

void report_static(const cJSON *model, report_text *text)
{
    add_sources(&text->title, model, 1);
    add_sources(&text->sources, model, INT_MAX);
    add_summary(&text->summary, model);
    add_evidence(&text->evidence, model);
}

void report_text_free(report_text *text)
{
    outbuf_free(&text->title);
    outbuf_free(&text->sources);
    outbuf_free(&text->summary);
    outbuf_free(&text->evidence);
}
