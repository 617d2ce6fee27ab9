#include "detect/detect_format.h"

#include <stdio.h>

#include "base/text.h"
#include "base/text_put.h"
#include "csv_cell.h"
#include "print.h"

enum { TABLE_VALUE = 160 };

// ---------------------------------------------------------------------------------------------- JSON

static void put_json_text(outbuf *out, span text)
{
    outbuf_text(out, "\"");
    outbuf_written(out, text_utf8_json(outbuf_reserve(out, 6 * text.len), text));
    outbuf_text(out, "\"");
}

static void put_name(outbuf *out, const char *name)
{
    outbuf_text(out, ",\"");
    outbuf_text(out, name);
    outbuf_text(out, "\":");
}

static void put_member(outbuf *out, const char *name, const char *text)
{
    if (!text || !*text)
        return;
    put_name(out, name);
    put_json_text(out, text_span(text));
}

static void put_number(outbuf *out, u64 number)
{
    outbuf_written(out, put_u64(outbuf_reserve(out, 24), number));
}

static void put_number_member(outbuf *out, const char *name, u64 number)
{
    put_name(out, name);
    put_number(out, number);
}

static void put_tag_list(outbuf *out, const sigma_rule *r)
{
    for (u32 i = 0; i < r->tag_count; i++) {
        outbuf_text(out, i ? "," : "[");
        put_json_text(out, text_span(r->tags[i]));
    }
    outbuf_text(out, r->tag_count ? "]" : "[]");
}

void detection_put_matched(const detection *d, outbuf *out)
{
    outbuf_text(out, "{");
    for (u32 i = 0; i < d->field_count; i++) {
        outbuf_text(out, i ? "," : "");
        put_json_text(out, text_span(d->fields[i].name));
        outbuf_text(out, ":");
        if (d->fields[i].is_null)
            outbuf_text(out, "null");
        else
            put_json_text(out, d->fields[i].text);
    }
    outbuf_text(out, "}");
}

void detection_put_records(const detection *d, outbuf *out)
{
    outbuf_text(out, "[");
    for (u32 i = 0; i < d->record_count; i++) {
        outbuf_text(out, i ? "," : "");
        put_number(out, d->records[i]);
    }
    outbuf_text(out, "]");
}

// All but the time.
static void put_members(const detection *d, outbuf *out)
{
    const sigma_rule *r = d->rule;
    char id[GUID_TEXT];
    put_member(out, "host", d->host);
    put_member(out, "level", rule_level_name(r->level));
    put_member(out, "title", r->title);
    put_member(out, "rule_id", r->id);
    put_member(out, "status", r->status);
    put_name(out, "tags");
    put_tag_list(out, r);
    put_member(out, "rule_file", r->path);
    if (d->has_process)
        put_number_member(out, "process_id", d->process_id);
    put_member(out, "process_name", d->process_name);
    put_member(out, "provider", d->provider);
    put_member(out, "provider_id", guid_to_text(&d->provider_id, id));
    put_number_member(out, "event_id", d->event_id);
    put_member(out, "event_name", d->event_name);
    put_name(out, "matched");
    detection_put_matched(d, out);
    if (r->correlation) {
        put_number_member(out, "count", d->count);
        put_name(out, "records");
        detection_put_records(d, out);
    }
    put_number_member(out, "record", d->record);
    put_member(out, "source", d->source);
    put_number_member(out, "offset", d->offset);
    outbuf_text(out, "}\n");
}

void detection_put_json(const detection *d, outbuf *out)
{
    outbuf_text(out, "{\"timestamp\":\"");
    outbuf_written(out, text_time(outbuf_reserve(out, 32), d->time));
    outbuf_text(out, "\"");
    put_members(d, out);
}

// ---------------------------------------------------------------------------------------------- Timesketch

static const i64 EPOCH_1970 = 116444736000000000; // as FILETIME
static const i64 LAST_TIME = 2650467743999999999; // 9999-12-31T23:59:59.9999999Z

static void put_message(const detection *d, outbuf *out)
{
    char where[32];
    outbuf_text(out, *rule_level_name(d->rule->level) ? rule_level_name(d->rule->level) : "hit");
    outbuf_text(out, ": ");
    outbuf_text(out, d->rule->title);
    if (d->process_name) {
        outbuf_text(out, " by ");
        outbuf_text(out, d->process_name);
    }
    snprintf(where, sizeof(where), " (%u)", d->process_id);
    outbuf_text(out, d->has_process ? where : "");
    outbuf_text(out, ": ");
    detection_put_matched_text(d, out);
}

void detection_put_timesketch(const detection *d, outbuf *out)
{
    outbuf message = {0};
    put_message(d, &message);
    outbuf_text(out, "{\"message\":");
    put_json_text(out, (span){message.bytes, message.len});
    outbuf_free(&message);
    outbuf_text(out, ",\"datetime\":\"");
    i64 when = d->time < 0 ? 0 : d->time > LAST_TIME ? LAST_TIME : d->time;
    outbuf_written(out, text_time(outbuf_reserve(out, 32), when) - 2); // without the seventh decimal and the Z
    outbuf_text(out, "+00:00\",\"timestamp\":");
    i64 ticks = when - EPOCH_1970;
    outbuf_written(out, put_i64(outbuf_reserve(out, 24), ticks / 10 - (ticks % 10 < 0)));
    outbuf_text(out, ",\"timestamp_desc\":\"Sigma rule hit\",\"data_type\":\"windows:etw:detection\",\"tag\":");
    put_tag_list(out, d->rule);
    put_members(d, out);
}

// ---------------------------------------------------------------------------------------------- CSV

const char DETECTION_CSV_HEADER[] =
    "timestamp,host,level,title,rule_id,status,tags,rule_file,process_id,process_name,provider,event_id,event_name,"
    "matched,count,records,record,source,offset\n";

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

void detection_put_tags(const sigma_rule *r, outbuf *out)
{
    for (u32 i = 0; i < r->tag_count; i++) {
        outbuf_text(out, i ? " " : "");
        outbuf_text(out, r->tags[i]);
    }
}

static void put_json_cell(const detection *d, void (*put)(const detection *d, outbuf *out), outbuf *out)
{
    outbuf_text(out, ",");
    size_t start = out->len;
    put(d, out);
    csv_cell_close_json(out, start);
}

void detection_put_csv(const detection *d, outbuf *out)
{
    const sigma_rule *r = d->rule;
    outbuf_written(out, text_time(outbuf_reserve(out, 32), d->time));
    put_cell(out, d->host);
    put_cell(out, rule_level_name(r->level));
    put_cell(out, r->title);
    put_cell(out, r->id);
    put_cell(out, r->status);
    outbuf_text(out, ",");
    size_t start = out->len;
    detection_put_tags(r, out);
    csv_cell_close(out, start, true);
    put_cell(out, r->path);
    put_number_cell(out, d->has_process, d->process_id);
    put_cell(out, d->process_name);
    put_cell(out, d->provider);
    put_number_cell(out, true, d->event_id);
    put_cell(out, d->event_name);
    put_json_cell(d, detection_put_matched, out);
    put_number_cell(out, r->correlation, d->count);
    if (r->correlation)
        put_json_cell(d, detection_put_records, out);
    else
        outbuf_text(out, ",");
    put_number_cell(out, true, d->record);
    put_cell(out, d->source);
    put_number_cell(out, true, d->offset);
    outbuf_text(out, "\n");
}

// ---------------------------------------------------------------------------------------------- for people

// As terminals colour: red for what is most severe.
static const char *const COLOURS[] = {"", "\x1b[36m", "\x1b[32m", "\x1b[33m", "\x1b[31m", "\x1b[1;31m"};

static void put_clean(outbuf *out, const char *text)
{
    print_clean_into(out, text_span(text ? text : ""));
}

static void put_column(outbuf *out, const char *text, size_t columns)
{
    put_clean(out, text);
    size_t len = strlen(text);
    do
        outbuf_text(out, " ");
    while (++len < columns);
}

static span shown(span text)
{
    size_t len = text.len < TABLE_VALUE ? text.len : TABLE_VALUE;
    while (len < text.len && len && (text.at[len] & 0xc0) == 0x80)
        len--;
    return (span){text.at, len};
}

void detection_put_matched_text(const detection *d, outbuf *out)
{
    for (u32 i = 0; i < d->field_count; i++) {
        const detection_field *f = &d->fields[i];
        outbuf_text(out, i ? " " : "");
        outbuf_text(out, f->name);
        outbuf_text(out, f->is_null ? " has no value" : "=");
        outbuf_add(out, f->text.at, shown(f->text).len);
        outbuf_text(out, shown(f->text).len < f->text.len ? "..." : "");
    }
    if (!d->rule->correlation)
        return;
    outbuf_text(out, d->field_count ? " count=" : "count=");
    put_number(out, d->count);
}

static void put_where(const detection *d, outbuf *out)
{
    outbuf_text(out, " | record ");
    put_number(out, d->record);
    if (d->record_count > 1) {
        outbuf_text(out, " and ");
        put_number(out, d->record_count - 1);
        outbuf_text(out, " before it");
    }
    outbuf_text(out, " of ");
    put_clean(out, d->source);
    outbuf_text(out, "\n");
}

void detection_put_table(const detection *d, bool colour, outbuf *out)
{
    const sigma_rule *r = d->rule;
    char id[16];
    outbuf matched = {0};
    outbuf_written(out, text_time(outbuf_reserve(out, 32), d->time));
    outbuf_text(out, " ");
    put_column(out, d->host ? d->host : "-", 9);
    outbuf_text(out, colour ? COLOURS[r->level] : "");
    put_column(out, rule_level_name(r->level), 9);
    put_clean(out, r->title);
    outbuf_text(out, colour && r->level ? "\x1b[0m | " : " | ");
    put_clean(out, d->process_name);
    snprintf(id, sizeof(id), d->has_process ? "(%u)" : "(-)", d->process_id);
    outbuf_text(out, id);
    outbuf_text(out, " | ");
    detection_put_matched_text(d, &matched);
    print_clean_into(out, (span){matched.bytes, matched.len});
    outbuf_free(&matched);
    put_where(d, out);
}
