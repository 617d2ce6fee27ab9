// The verbs that write records, raw bytes and damage. See tests/cases/README.md for the language.

#include "etl_lines.h"

#include <stdlib.h>

static payload_context context_of(builder *b, u32 bits)
{
    return (payload_context){.bits = bits, .trace = &session_now(b)->trace, .texts = b->texts, .memory = &b->memory};
}

// ---------------------------------------------------------------------------------------------- records

// The words every record may have. time= becomes the time of lines that have none: 10 us after it.
static bool event_words(builder *b, etl_event *event, words *w, error *e)
{
    session *s = session_now(b);
    event->bits = s->trace.pointer == 4 ? 32 : 64;
    event->pid = 4;
    event->tid = 8;
    u64 step = s->trace.frequency / 100000;
    event->time = s->last + (step ? step : 1);
    const char *time = words_get(w, "time");
    if (time && !word_ticks(time, &s->trace, &event->time, e))
        return false;
    s->last = event->time;
    u8 marker = 0;
    bool good = words_u32(w, "bits", &event->bits, e) && words_u32(w, "pid", &event->pid, e) &&
                words_u32(w, "tid", &event->tid, e) && words_u32(w, "kernel", &event->kernel_time, e) &&
                words_u32(w, "user", &event->user_time, e) && words_u16(w, "version", &event->version, e) &&
                words_u8(w, "level", &event->level, e) && words_u8(w, "opcode", &event->opcode, e) &&
                words_u8(w, "marker", &marker, e) && words_u32(w, "claimed-size", &event->claimed_size, e);
    event->marker = marker;
    return good;
}

// Into the current buffer, or into a new one of the same processor where it is full.
static bool record_put(builder *b, const etl_event *event, error *e)
{
    outbuf record = {0};
    bool good = etl_event_put(&record, event, e);
    if (good && !b->current)
        good = error_set(e, "there is no buffer for it");
    if (good && b->current->buffer.records.len + record.len > b->current->buffer.size - ETL_BUFFER_HEADER) {
        if (b->current->is_header || record.len > b->current->buffer.size - ETL_BUFFER_HEADER)
            good = error_set(e, "the record has %zu bytes, more than the buffer has left", record.len);
        else
            buffer_add(b, b->current->buffer.cpu);
    }
    if (good) {
        session *s = session_now(b);
        outbuf_add(&b->current->buffer.records, record.bytes, record.len);
        if (event->time > s->newest)
            s->newest = event->time;
        if (event->time > b->current->newest)
            b->current->newest = event->time;
    }
    outbuf_free(&record);
    return good;
}

static bool record_line(builder *b, etl_event *event, words *w, error *e)
{
    payload_context c = context_of(b, event->bits);
    bool good = payload_put_all(&event->payload, w, &c, e) && record_put(b, event, e);
    etl_event_free(event);
    return good;
}

// Comma-separated numbers.
static bool numbers_word(words *w, const char *text, u64 *values, u32 capacity, u32 *count, error *e)
{
    *count = 0;
    for (const char *p = text; *p; p += *p == ',') {
        size_t len = strcspn(p, ",");
        if (*count == capacity)
            return error_set(e, "%s are more than %u numbers", text, capacity);
        if (!word_number(arena_text_len(w->memory, p, len), &values[(*count)++], e))
            return false;
        p += len;
    }
    return true;
}

static bool hook_line(builder *b, etl_kind kind, words *w, error *e)
{
    etl_event event = {.kind = kind, .version = 2};
    const char *counters = words_get(w, "pmc");
    event.has_pebs = words_get(w, "pebs") != NULL;
    return event_words(b, &event, w, e) && words_u16(w, "hook", &event.hook, e) &&
           words_number(w, "pebs", &event.pebs, e) &&
           (!counters || numbers_word(w, counters, event.counters, 7, &event.counter_count, e)) &&
           record_line(b, &event, w, e);
}

static bool full_line(builder *b, etl_kind kind, words *w, error *e)
{
    etl_event event = {.kind = kind};
    return event_words(b, &event, w, e) && words_guid(w, "guid", &event.id, e) &&
           words_u32(w, "instance-id", &event.instance_id, e) &&
           words_u32(w, "parent-id", &event.parent_instance_id, e) && words_guid(w, "parent", &event.parent, e) &&
           record_line(b, &event, w, e);
}

static bool message_line(builder *b, words *w, error *e)
{
    static const struct {
        const char *name;
        u16 bit;
    } options[] = {{"sequence", 1},     {"guid", 2},     {"component", 4},  {"timestamp", 8},
                   {"performance", 16}, {"sysinfo", 32}, {"pointer32", 64}, {"pointer64", 128}};
    etl_event event = {.kind = ETL_MESSAGE};
    const char *text = words_get(w, "options");
    if (!text)
        text = "guid|timestamp|sysinfo|pointer64";
    for (const char *p = text; *p; p += *p == '|') {
        size_t len = strcspn(p, "|"), i = 0;
        while (i < COUNT_OF(options) && (strlen(options[i].name) != len || memcmp(p, options[i].name, len) != 0))
            i++;
        if (i == COUNT_OF(options))
            return error_set(e, "options=%s: \"%.*s\" is none", text, (int)len, p);
        event.flags |= options[i].bit;
        p += len;
    }
    if (!event_words(b, &event, w, e) || !words_guid(w, "guid", &event.id, e) ||
        !words_u16(w, "number", &event.event_id, e) || !words_u32(w, "sequence", &event.sequence, e) ||
        !words_u32(w, "component", &event.component, e) || !words_u8(w, "reserved", &event.reserved, e))
        return false;
    event.bits = event.flags & ETL_MESSAGE_POINTER32 ? 32 : 64;
    return record_line(b, &event, w, e);
}

// ---------------------------------------------------------------------------------------------- extended items

// MATCH:addr,addr,… after stack32= and stack64=, MATCH:key after stack-key32= and stack-key64=.
static bool stack_item(words *w, etl_event *event, const char *key, const char *text, error *e)
{
    bool narrow = strstr(key, "32") != NULL, is_key = strncmp(key, "stack-key", 9) == 0;
    const char *colon = strchr(text, ':');
    u64 match, frames[192];
    u32 count;
    if (!colon)
        return error_set(e, "%s=%s has no colon between match id and addresses", key, text);
    if (!word_number(arena_text_len(w->memory, text, (size_t)(colon - text)), &match, e) ||
        !numbers_word(w, colon + 1, frames, COUNT_OF(frames), &count, e))
        return false;
    outbuf data = {0};
    put_u64(&data, match);
    for (u32 i = 0; i < count; i++)
        put_ptr(&data, frames[i], narrow ? 32 : 64);
    if (is_key && narrow)
        put_u32(&data, 0);
    etl_event_extend(event, (u16)((is_key ? 17 : 5) + !narrow), data.bytes, data.len);
    outbuf_free(&data);
    return true;
}

// type:hex, any item
static bool raw_item(etl_event *event, const char *text, error *e)
{
    char *stop;
    unsigned long type = strtoul(text, &stop, 0);
    outbuf data = {0};
    bool good = *stop == ':' ? word_hex(stop + 1, &data, e) : error_set(e, "ext=%s has no colon", text);
    if (good)
        etl_event_extend(event, (u16)type, data.bytes, data.len);
    outbuf_free(&data);
    return good;
}

// Items whose data is a list of plain values: s SID, g GUID, i u32, q u64, * any number of u64.
static const struct item_word {
    const char *key, *form;
    u16 type;
} item_words[] = {{"related", "g", 1},    {"sid", "s", 2},      {"ts", "i", 3},         {"instance", "iig", 4},
                  {"pebs", "q", 7},       {"pmc", "*", 8},      {"psm-key", "q", 9},    {"event-key", "q", 10},
                  {"start-key", "q", 13}, {"control", "g", 14}, {"qpc-delta", "q", 15}, {"container", "g", 16}};

static bool plain_item(words *w, etl_event *event, const struct item_word *item, const char *text, error *e)
{
    outbuf data = {0};
    bool good = true;
    const char *p = text;
    for (const char *form = item->form; *form && *p && good; form += *form != '*') {
        size_t len = strcspn(p, ",");
        const char *one = arena_text_len(w->memory, p, len);
        u64 number = 0;
        guid g;
        if (*form == 's')
            good = word_sid(one, &data, e);
        else if (*form == 'g')
            good = word_guid(one, &g, e);
        else
            good = word_number(one, &number, e);
        if (good && *form == 'g')
            put_guid(&data, &g);
        else if (good && *form == 'i')
            put_u32(&data, (u32)number);
        else if (good && *form != 's')
            put_u64(&data, number);
        p += len + (p[len] == ',');
    }
    if (good)
        etl_event_extend(event, item->type, data.bytes, data.len);
    outbuf_free(&data);
    return good;
}

// In the order in which the words stand.
static bool items_words(words *w, etl_event *event, error *e)
{
    for (size_t i = 0; i < w->key_count; i++) {
        const char *key = w->keys[i].key ? w->keys[i].key : "", *text = w->keys[i].value;
        bool stack = strncmp(key, "stack", 5) == 0, raw = strcmp(key, "ext") == 0;
        if ((stack && !stack_item(w, event, key, text, e)) || (raw && !raw_item(event, text, e)))
            return false;
        w->keys[i].used |= stack || raw;
        for (size_t k = 0; k < COUNT_OF(item_words); k++) {
            if (strcmp(item_words[k].key, key) != 0)
                continue;
            w->keys[i].used = true;
            if (!plain_item(w, event, &item_words[k], text, e))
                return false;
        }
    }
    return true;
}

static bool traits_item(words *w, etl_event *event, error *e)
{
    const char *name = NULL;
    guid group;
    bool has_group = words_get(w, "group") != NULL;
    if (!words_text(w, "traits", &name, e) || !words_guid(w, "group", &group, e))
        return false;
    if (name) {
        outbuf data = {0};
        traits_put(&data, name, has_group ? &group : NULL);
        etl_event_extend(event, 12, data.bytes, data.len);
        outbuf_free(&data);
    }
    return true;
}

static bool descriptor_words(builder *b, etl_event *event, words *w, error *e)
{
    return event_words(b, event, w, e) && words_guid(w, "provider", &event->id, e) &&
           words_guid(w, "activity", &event->activity, e) && words_u16(w, "id", &event->event_id, e) &&
           words_u8(w, "channel", &event->channel, e) && words_u16(w, "task", &event->task, e) &&
           words_number(w, "keyword", &event->keyword, e) && words_u16(w, "flags", &event->flags, e) &&
           words_u16(w, "property", &event->property, e) && items_words(w, event, e) && traits_item(w, event, e);
}

static bool event_line(builder *b, etl_kind kind, words *w, error *e)
{
    etl_event event = {.kind = kind, .level = 4};
    return descriptor_words(b, &event, w, e) && record_line(b, &event, w, e);
}

static bool tracelogging_line(builder *b, words *w, error *e)
{
    etl_event event = {.kind = ETL_EVENT, .level = 5, .channel = 11};
    const char *name = "";
    u32 tags = 0;
    field *fields;
    if (!descriptor_words(b, &event, w, e) || !words_text(w, "name", &name, e) || !words_u32(w, "tags", &tags, e) ||
        !fields_parse(words_get(w, "fields"), &fields, &b->memory, e))
        return false;
    outbuf metadata = {0};
    bool good = fields_to_tracelogging(&metadata, name, tags, fields, e);
    if (good)
        etl_event_extend(&event, 11, metadata.bytes, metadata.len);
    outbuf_free(&metadata);
    return good && record_line(b, &event, w, e);
}

// ---------------------------------------------------------------------------------------------- schemas in the trace

static const guid event_metadata = GUID_OF(0xbbccf6c1, 0x6cd1, 0x48c4, 0x80, 0xff, 0x83, 0x94, 0x82, 0xe3, 0x76, 0x71);

static bool schema_line(builder *b, words *w, error *e)
{
    etl_event event = {.kind = ETL_FULL, .opcode = 32, .id = event_metadata};
    event_info info = {.flags = 1};
    field *fields;
    // level, version and opcode of the line are the described event's.
    u32 pid = 0, tid = 0;
    bool good = event_words(b, &event, w, e) && words_guid(w, "provider", &info.provider, e) &&
                words_guid(w, "event-guid", &info.event_guid, e) && words_u16(w, "id", &info.id, e) &&
                words_u8(w, "channel", &info.channel, e) && words_u16(w, "task", &info.task, e) &&
                words_number(w, "keyword", &info.keyword, e) && words_u32(w, "source", &info.source, e) &&
                words_text(w, "provider-name", &info.provider_name, e) &&
                words_text(w, "level-name", &info.level_name, e) &&
                words_text(w, "channel-name", &info.channel_name, e) &&
                words_text(w, "keyword-names", &info.keyword_names, e) &&
                words_text(w, "task-name", &info.task_name, e) && words_text(w, "opcode-name", &info.opcode_name, e) &&
                words_text(w, "message", &info.message, e) && words_text(w, "event-name", &info.event_name, e) &&
                words_u32(w, "info-flags", &info.flags, e) && words_u32(w, "pid", &pid, e) &&
                words_u32(w, "tid", &tid, e) && fields_parse(words_get(w, "fields"), &fields, &b->memory, e);
    if (!good)
        return false;
    info.version = (u8)event.version;
    info.level = event.level;
    bool has_opcode = words_get(w, "opcode") != NULL;
    info.opcode = has_opcode ? event.opcode : 0;
    info.is_32_bit = event.bits == 32;
    event.opcode = 32;
    event.version = 0;
    event.level = 0;
    event.pid = pid;
    event.tid = tid;
    return fields_to_event_info(&event.payload, &info, fields, &b->memory, e) && record_line(b, &event, w, e);
}

static bool map_line(builder *b, words *w, error *e)
{
    etl_event event = {.kind = ETL_FULL, .id = event_metadata};
    guid provider = {0};
    const char *name = "", *values = words_get(w, "values"), *bits = words_get(w, "bitmap");
    if (!event_words(b, &event, w, e) || !words_guid(w, "provider", &provider, e) || !words_text(w, "name", &name, e))
        return false;
    if (!values == !bits)
        return error_set(e, "a map has either values= or bitmap=");
    event.opcode = 33;
    event.pid = event.tid = 0;
    return map_info_put(&event.payload, &provider, name, bits, values ? values : bits, &b->memory, e) &&
           record_line(b, &event, w, e);
}

// Records of id 0xFFFE: format 1, version 1.0, 0x5B, u16 chunks, u16 number, text.
static bool manifest_line(builder *b, words *w, error *e)
{
    etl_event event = {.kind = ETL_EVENT, .event_id = 0xfffe, .version = 1, .opcode = 0xfe, .task = 0xfffe};
    event.keyword = 0x00ffffffffffffff;
    const char *name = words_get(w, "text"), *text = name ? text_find(b->texts, name) : NULL;
    u32 chunk = 0xff00, only = UINT32_MAX;
    if (!text)
        return error_set(e, "there is no text block %s", name ? name : "(text= is missing)");
    if (!descriptor_words(b, &event, w, e) || !words_u32(w, "chunk", &chunk, e) || !words_u32(w, "part", &only, e))
        return false;
    size_t len = strlen(text);
    if (!chunk || len / chunk > 0xfff0)
        return error_set(e, "chunk=%u makes no sense for %zu bytes", chunk, len);
    u32 total = (u32)((len + chunk - 1) / chunk);
    bool good = true;
    for (u32 i = 0; i < total && good; i++) {
        if (only != UINT32_MAX && i != only)
            continue;
        size_t at = (size_t)i * chunk;
        event.payload.len = 0;
        put_u32(&event.payload, 0x5b000101);
        put_u16(&event.payload, (u16)total);
        put_u16(&event.payload, (u16)i);
        outbuf_add(&event.payload, text + at, len - at < chunk ? len - at : chunk);
        good = record_put(b, &event, e);
        event.time += 10;
    }
    etl_event_free(&event);
    return good;
}

// ---------------------------------------------------------------------------------------------- bytes and damage

static bool raw_line(builder *b, words *w, error *e)
{
    bool pad = true;
    payload_context c = context_of(b, 64);
    if (!b->current)
        return error_set(e, "there is no buffer for it");
    outbuf *records = &b->current->buffer.records;
    if (!words_bool(w, "pad", &pad, e) || !payload_put_all(records, w, &c, e))
        return false;
    if (pad)
        put_fill(records, 0, -records->len & 7);
    return true;
}

static bool bytes_line(builder *b, words *w, error *e)
{
    payload_context c = context_of(b, 64);
    part *p = part_add(b);
    b->current = NULL;
    return payload_put_all(&p->bytes, w, &c, e);
}

static bool patch_line(builder *b, bool truncate, words *w, error *e)
{
    GROW(b->patches, b->patch_count, b->patch_cap);
    patch *p = &b->patches[b->patch_count++];
    *p = (patch){.truncate = truncate, .in_buffer = words_get(w, "buffer") != NULL};
    payload_context c = context_of(b, 64);
    return words_number(w, "buffer", &p->buffer, e) && words_number(w, "at", &p->at, e) &&
           payload_put_all(&p->bytes, w, &c, e);
}

bool record_verb(builder *b, words *w, bool *known, error *e)
{
    const char *verb = w->verb;
    *known = true;
    if (strcmp(verb, "event") == 0)
        return event_line(b, ETL_EVENT, w, e);
    if (strcmp(verb, "error") == 0)
        return event_line(b, ETL_ERROR, w, e);
    if (strcmp(verb, "tracelogging") == 0)
        return tracelogging_line(b, w, e);
    if (strcmp(verb, "system") == 0)
        return hook_line(b, ETL_SYSTEM, w, e);
    if (strcmp(verb, "compact") == 0)
        return hook_line(b, ETL_COMPACT, w, e);
    if (strcmp(verb, "perfinfo") == 0)
        return hook_line(b, ETL_PERFINFO, w, e);
    if (strcmp(verb, "full") == 0)
        return full_line(b, ETL_FULL, w, e);
    if (strcmp(verb, "instance") == 0)
        return full_line(b, ETL_INSTANCE, w, e);
    if (strcmp(verb, "message") == 0)
        return message_line(b, w, e);
    if (strcmp(verb, "tdh-schema") == 0)
        return schema_line(b, w, e);
    if (strcmp(verb, "tdh-map") == 0)
        return map_line(b, w, e);
    if (strcmp(verb, "eventsource-manifest") == 0)
        return manifest_line(b, w, e);
    if (strcmp(verb, "raw") == 0)
        return raw_line(b, w, e);
    if (strcmp(verb, "bytes") == 0)
        return bytes_line(b, w, e);
    if (strcmp(verb, "patch") == 0 || strcmp(verb, "truncate") == 0)
        return patch_line(b, verb[0] == 't', w, e);
    *known = false;
    return true;
}
