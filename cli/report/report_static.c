// What the page shows without its script: the evidence, and the page's title, as HTML.
//
// It is made of the model alone, so that the page and `report --json` cannot differ.
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/report_html.h"

// ---------------------------------------------------------------------------------------------- evidence

static void add_hashes(outbuf *out, const cJSON *info)
{
    const char *before = member_text(info, "sha256"), *after = member_text(info, "sha256_afterwards");
    const char *changed = member_text(info, "changed");
    if (!member(info, "sha256_afterwards")) {
        html_fact(out, "SHA-256", "not computed (--no-hash)");
        return;
    }
    if (!before) {
        html_fact(out, "SHA-256", "could not be computed");
        return;
    }
    html_fact(out, "SHA-256 when read", before);
    html_fact(out, "SHA-256 afterwards", after);
    if (!after)
        html_fact(out, "Unchanged", "not known: it could not be read a second time");
    else
        html_fact(out, "Unchanged",
                  strcmp(before, after) == 0 ? "yes: both are equal" : "NO: the file changed while it was read");
    if (changed)
        html_format_fact(out, "Remark", "The file %s.", changed);
}

static void add_machine(outbuf *out, const cJSON *info)
{
    const char *version = member_text(info, "os_version");
    if (!version) {
        html_fact(out, "Trace header", "destroyed or missing: what follows from it is assumed");
        return;
    }
    const char *build = strrchr(version, '.');
    html_format_fact(out, "Windows", "%.*s build %s, %llu processors, %llu-bit", (int)(build - version), version,
                     build + 1, (unsigned long long)member_number(info, "processors"),
                     (unsigned long long)member_number(info, "pointer_size") * 8);
}

static void add_time_zone(outbuf *out, const cJSON *info)
{
    int minutes = (int)cJSON_GetNumberValue(member(info, "utc_offset_minutes"));
    const char *name = member_text(info, "time_zone");
    char text[256];
    snprintf(text, sizeof(text), "UTC%c%02d:%02d%s%.200s", minutes < 0 ? '-' : '+', abs(minutes) / 60,
             abs(minutes) % 60, name ? ", " : "", name ? name : "");
    html_fact(out, "Time zone of the machine", text);
}

static void add_times(outbuf *out, const cJSON *info)
{
    const cJSON *recording = member(info, "recording");
    const char *end = member_text(recording, "end");
    html_fact(out, "Recording began", member_text(recording, "start"));
    if (!end && cJSON_IsTrue(member(info, "header_present")))
        end = "not recorded: the session was not stopped cleanly";
    html_fact(out, "Recording ended", end);
    html_fact(out, "First event", member_text(info, "first_event"));
    html_fact(out, "Last event", member_text(info, "last_event"));
    html_fact(out, "Machine booted", member_text(info, "boot_time"));
    add_time_zone(out, info);
    html_format_fact(out, "Clock", "%s, %llu ticks a second", member_text(info, "clock"),
                     (unsigned long long)member_number(info, "clock_frequency"));
}

static void add_damage_row(outbuf *out, const cJSON *note)
{
    char text[40];
    outbuf_text(out, "<tr>");
    snprintf(text, sizeof(text), "0x%llx", (unsigned long long)member_number(note, "offset"));
    html_element(out, "td", text);
    snprintf(text, sizeof(text), "%llu", (unsigned long long)member_number(note, "bytes"));
    html_element(out, "td", text);
    html_element(out, "td", member_text(note, "kind"));
    html_element(out, "td", member_text(note, "message"));
    outbuf_text(out, "</tr>\n");
}

static void add_damage(outbuf *out, const cJSON *info)
{
    char text[80];
    const cJSON *note;
    unsigned long long places = input_damage(info), left = member_number(info, "damage_not_listed");
    if (!places) {
        html_element(out, "p", "Damage: none. Every byte of the file is accounted for.");
        return;
    }
    snprintf(text, sizeof(text), "Damage: %llu places.", places);
    html_element(out, "p", text);
    outbuf_text(out, "<table class=\"grid\"><thead><tr><th>offset</th><th>bytes</th><th>kind</th><th>what</th></tr>"
                     "</thead><tbody>\n");
    cJSON_ArrayForEach (note, member(info, "damage"))
        add_damage_row(out, note);
    html_end_facts(out);
    if (left) {
        snprintf(text, sizeof(text), "%llu more; etwkit info --json lists them.", left);
        html_element(out, "p", text);
    }
}

static void add_remarks(outbuf *out, const cJSON *info)
{
    const cJSON *remark;
    cJSON_ArrayForEach (remark, member(info, "remarks"))
        html_fact(out, "Remark", cJSON_GetStringValue(remark));
}

static void add_read(outbuf *out, const cJSON *info)
{
    sums counts = {0};
    sums_add(&counts, info);
    html_begin_facts(out);
    html_fact(out, "Path", member_text(info, "file"));
    html_format_fact(out, "Size", "%llu bytes", (unsigned long long)member_number(info, "bytes"));
    add_hashes(out, info);
    html_fact(out, "Session", member_text(info, "session"));
    html_fact(out, "Log file", member_text(info, "log_file"));
    html_fact(out, "Computer", member_text(info, "computer"));
    add_machine(out, info);
    add_times(out, info);
    html_counts(out, &counts);
    add_remarks(out, info);
    html_end_facts(out);
    add_damage(out, info);
}

static void add_unread(outbuf *out, const cJSON *info)
{
    const char *original = member_text(info, "duplicate_of");
    outbuf why = {0};
    if (original) {
        outbuf_text(&why, "the same bytes as ");
        outbuf_text(&why, original);
        outbuf_text(&why, ", which was");
    } else {
        const char *sentence = member_text(info, "error");
        outbuf_text(&why, sentence ? sentence : "");
    }
    outbuf_add(&why, "", 1);
    html_begin_facts(out);
    html_fact(out, "Path", member_text(info, "file"));
    html_fact(out, "Not read", (const char *)why.bytes);
    html_fact(out, "SHA-256", member_text(info, "sha256"));
    html_end_facts(out);
    outbuf_free(&why);
}

// The words of a command line with a space between them.
static void add_command_line(outbuf *out, const cJSON *words)
{
    const cJSON *word;
    outbuf_text(out, "<tr><th>Command line</th><td><code>");
    cJSON_ArrayForEach (word, words) {
        html_text(out, cJSON_GetStringValue(word));
        outbuf_text(out, word->next ? " " : "");
    }
    outbuf_text(out, "</code></td></tr>\n");
}

static void add_run(outbuf *out, const cJSON *model)
{
    const cJSON *path;
    const char *cache = member_text(model, "schema_cache");
    html_element(out, "h3", "How it was read");
    html_begin_facts(out);
    html_format_fact(out, "Program", "etwkit %s", member_text(model, "version"));
    add_command_line(out, member(model, "command_line"));
    cJSON_ArrayForEach (path, member(model, "schemas"))
        html_fact(out, "Schemas from", cJSON_GetStringValue(path));
    html_fact(out, "Schema cache", cache ? cache : "none");
    html_format_fact(out, "Records in this report", "%llu", (unsigned long long)member_number(model, "records"));
    html_end_facts(out);
}

static void add_evidence(outbuf *out, const cJSON *model)
{
    const cJSON *info;
    for (int read = 1; read >= 0; read--) {
        cJSON_ArrayForEach (info, member(model, "inputs")) {
            if (input_was_read(info) != read)
                continue;
            html_element(out, "h3", member_text(info, "source"));
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
    cJSON_ArrayForEach (info, member(model, "inputs")) {
        if (!input_was_read(info) || count == most)
            continue;
        outbuf_text(out, count++ ? ", " : "");
        html_text(out, member_text(info, "source"));
    }
}

void report_static(const cJSON *model, report_text *text)
{
    add_sources(&text->title, model, 1);
    add_sources(&text->sources, model, INT_MAX);
    html_summary(&text->summary, model);
    add_evidence(&text->evidence, model);
}

void report_text_free(report_text *text)
{
    outbuf_free(&text->title);
    outbuf_free(&text->sources);
    outbuf_free(&text->summary);
    outbuf_free(&text->evidence);
}
