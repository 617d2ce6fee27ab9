// Builds a trace from its description: what each line's verb means. See tests/cases/README.md for the language.
//
// A file is a list of parts: buffers, and loose bytes between or after them. Logfile headers are written last, since
// they tell how many buffers there are and when the last event was.

#include "etl_text.h"

#include <stdlib.h>

#include "etl_lines.h"

session *session_now(builder *b)
{
    return &b->sessions[b->session_count - 1];
}

part *part_add(builder *b)
{
    GROW(b->parts, b->part_count, b->part_cap);
    part *p = &b->parts[b->part_count++];
    *p = (part){.session = b->session_count ? b->session_count - 1 : 0};
    return p;
}

// ---------------------------------------------------------------------------------------------- trace and buffer lines

static bool buffer_words(part *p, const etl_trace *trace, words *w, error *e)
{
    etl_buffer *buffer = &p->buffer;
    u16 more_flags = 0;
    const char *time = words_get(w, "flushed");
    p->has_time = time != NULL;
    if (time && !word_ticks(time, trace, &buffer->time, e))
        return false;
    bool good = words_u32(w, "cpu", &buffer->cpu, e) && words_number(w, "sequence", &buffer->sequence, e) &&
                words_u16(w, "flags", &more_flags, e) && words_u16(w, "type", &buffer->type, e) &&
                words_u32(w, "state", &buffer->state, e) && words_u16(w, "logger", &buffer->logger, e) &&
                words_number(w, "claimed-size", &buffer->claimed_size, e) &&
                words_number(w, "claimed-used", &buffer->claimed_used, e) &&
                words_number(w, "claimed-saved", &buffer->claimed_saved, e) &&
                words_bool(w, "old-cpu", &buffer->old_cpu, e) && words_u8(w, "fill", &buffer->fill, e) &&
                words_number(w, "reference-start", &buffer->reference_start, e) &&
                words_number(w, "reference-tick", &buffer->reference_tick, e);
    buffer->flags |= more_flags;
    return good;
}

static bool clock_word(words *w, etl_trace *trace, error *e)
{
    const char *text = words_get(w, "clock");
    if (!text)
        return true;
    if (strcmp(text, "qpc") == 0) {
        trace->clock = ETL_CLOCK_QPC;
    } else if (strcmp(text, "system") == 0) {
        trace->clock = ETL_CLOCK_SYSTEM;
    } else if (strcmp(text, "cycle") == 0) {
        trace->clock = ETL_CLOCK_CYCLE;
        trace->frequency = (u64)trace->cpu_mhz * 1000000;
    } else {
        return words_u32(w, "clock", &trace->clock, e);
    }
    return true;
}

// Where `text` is A.B, both into *a and *b.
static bool pair_word(words *w, const char *key, u8 *a, u8 *b, error *e)
{
    const char *text = words_get(w, key);
    if (!text)
        return true;
    char *stop;
    *a = (u8)strtoul(text, &stop, 10);
    if (*stop != '.')
        return error_set(e, "%s=%s is not two numbers with a dot between them", key, text);
    *b = (u8)strtoul(stop + 1, &stop, 10);
    return true;
}

static bool trace_words(session *s, words *w, error *e)
{
    etl_trace *t = &s->trace;
    s->has_end = s->has_written = s->has_processors = false;
    for (size_t i = 0; i < w->key_count; i++) {
        const char *key = w->keys[i].key ? w->keys[i].key : "";
        s->has_end |= strcmp(key, "end") == 0;
        s->has_written |= strcmp(key, "buffers-written") == 0;
        s->has_processors |= strcmp(key, "processors") == 0;
    }
    if (!words_u32(w, "pointer", &t->pointer, e) || !words_u32(w, "mhz", &t->cpu_mhz, e))
        return false;
    t->claimed_pointer = t->pointer;
    if (!clock_word(w, t, e) || !words_number(w, "frequency", &t->frequency, e) ||
        !words_time(w, "start", &t->start, e) || !words_bool(w, "compressed", &s->compressed, e))
        return false;
    t->boot = t->start - 1000000000;
    if (t->clock == ETL_CLOCK_SYSTEM)
        t->first_tick = (u64)t->start;
    if (t->clock == ETL_CLOCK_QPC)
        t->claimed_frequency = t->frequency;
    if (s->compressed) {
        t->buffer_size = 65536;
        t->layout_major = 2;
        t->layout_minor = 0;
        t->session = "Relogger";
        t->file = "[multiple files]";
    }
    u32 more_mode = s->compressed ? ETL_MODE_COMPRESSED : 0;
    bool good =
        words_u32(w, "claimed-pointer", &t->claimed_pointer, e) &&
        words_number(w, "claimed-frequency", &t->claimed_frequency, e) && words_number(w, "first", &t->first_tick, e) &&
        words_time(w, "end", &t->end, e) && words_time(w, "boot", &t->boot, e) &&
        words_u32(w, "buffer-size", &t->buffer_size, e) && words_u32(w, "mode", &t->mode, e) &&
        words_u32(w, "build", &t->build, e) && words_u32(w, "processors", &t->processors, e) &&
        words_u32(w, "timer-resolution", &t->timer_resolution, e) &&
        words_u32(w, "maximum-size", &t->maximum_size, e) && words_u32(w, "start-buffers", &t->start_buffers, e) &&
        words_u32(w, "events-lost", &t->events_lost, e) && words_u32(w, "buffers-lost", &t->buffers_lost, e) &&
        words_u32(w, "buffers-written", &t->buffers_written, e) && words_u32(w, "bias", (u32 *)&t->bias, e) &&
        words_u32(w, "daylight-bias", (u32 *)&t->daylight_bias, e) && words_u32(w, "pid", &t->pid, e) &&
        words_u32(w, "tid", &t->tid, e) && words_text(w, "session", &t->session, e) &&
        words_text(w, "file", &t->file, e) && words_bool(w, "finalised", &s->finalised, e) &&
        pair_word(w, "os", &t->os_major, &t->os_minor, e) &&
        pair_word(w, "layout", &t->layout_major, &t->layout_minor, e);
    t->mode |= more_mode;
    return good;
}

static bool trace_line(builder *b, words *w, error *e)
{
    GROW(b->sessions, b->session_count, b->session_cap);
    session *s = &b->sessions[b->session_count++];
    *s = (session){.trace = etl_trace_default(), .finalised = true, .fill = 0xff};
    if (!trace_words(s, w, e))
        return false;
    s->last = s->newest = s->trace.first_tick;
    part *p = part_add(b);
    p->is_buffer = p->is_header = true;
    p->buffer = etl_buffer_default();
    p->buffer.type = ETL_TYPE_HEADER;
    p->buffer.flags = ETL_FLAG_FLUSH_MARKER;
    p->buffer.size = s->trace.buffer_size;
    if (!buffer_words(p, &s->trace, w, e))
        return false;
    p->has_time = true; // zero, as Windows leaves it
    s->old_cpu = p->buffer.old_cpu;
    s->fill = p->buffer.fill;
    b->current = p;
    return true;
}

part *buffer_add(builder *b, u32 cpu)
{
    session *s = session_now(b);
    part *p = part_add(b);
    p->is_buffer = true;
    p->buffer = etl_buffer_default();
    p->buffer.size = s->trace.buffer_size;
    p->buffer.cpu = cpu;
    p->buffer.old_cpu = s->old_cpu;
    p->buffer.fill = s->fill;
    p->buffer.sequence = ++s->sequence;
    p->buffer.compress = s->compressed;
    b->current = p;
    return p;
}

static bool buffer_line(builder *b, words *w, error *e)
{
    part *p = buffer_add(b, 0);
    session *s = session_now(b);
    bool plain = !s->compressed;
    if (!words_u32(w, "size", &p->buffer.size, e) || !words_bool(w, "plain", &plain, e) ||
        !buffer_words(p, &s->trace, w, e))
        return false;
    p->buffer.compress = !plain;
    s->sequence = p->buffer.sequence;
    if (p->buffer.cpu + 1 > s->cpus)
        s->cpus = p->buffer.cpu + 1;
    return p->buffer.size >= ETL_BUFFER_HEADER || error_set(e, "a buffer has at least 72 bytes");
}

static bool text_line(builder *b, words *w, error *e)
{
    if (w->key_count != 1 || w->keys[0].key)
        return error_set(e, "text takes one word, the block's name");
    w->keys[0].used = true;
    text_block *block = arena_new(&b->memory, text_block);
    *block = (text_block){.name = w->keys[0].value, .text = w->block, .next = b->texts};
    b->texts = block;
    return true;
}

// ---------------------------------------------------------------------------------------------- layout

static void headers_fill(builder *b)
{
    for (u32 i = 0; i < b->session_count; i++) {
        session *s = &b->sessions[i];
        u32 buffers = 0;
        for (u32 k = 0; k < b->part_count; k++)
            buffers += b->parts[k].is_buffer && b->parts[k].session == i;
        if (!s->has_end)
            s->trace.end = s->finalised ? ticks_to_filetime(&s->trace, s->newest) : 0;
        if (!s->has_written)
            s->trace.buffers_written = s->finalised ? buffers : 0;
        if (!s->has_processors)
            s->trace.processors = s->cpus ? s->cpus : 1;
    }
    part *last = NULL;
    for (u32 k = 0; k < b->part_count; k++) {
        part *p = &b->parts[k];
        session *s = &b->sessions[p->session];
        if (!p->is_buffer)
            continue;
        if (!p->has_time)
            p->buffer.time = s->compressed ? (u64)ticks_to_filetime(&s->trace, p->newest) : p->newest;
        if (last && last->session != p->session && b->sessions[last->session].finalised)
            last->buffer.flags |= ETL_FLAG_FLUSH_MARKER;
        last = p;
    }
    if (last && b->sessions[last->session].finalised)
        last->buffer.flags |= ETL_FLAG_FLUSH_MARKER;
}

static void part_put(builder *b, part *p, outbuf *file)
{
    if (!p->is_buffer) {
        outbuf_add(file, p->bytes.bytes, p->bytes.len);
        return;
    }
    if (p->is_header) {
        outbuf records = {0};
        etl_trace_put(&records, &b->sessions[p->session].trace);
        outbuf_add(&records, p->buffer.records.bytes, p->buffer.records.len);
        outbuf_free(&p->buffer.records);
        p->buffer.records = records;
        if (b->sessions[p->session].compressed)
            p->buffer.size = (u32)(ETL_BUFFER_HEADER + records.len + 0x1ff) & ~0x1ffu;
    }
    etl_buffer_put(file, &p->buffer);
}

static bool patch_do(const patch *p, u64 base, size_t start, outbuf *file, error *e)
{
    u64 at = base + p->at, size = file->len - start;
    if (at > size || p->bytes.len > size - at)
        return error_set(e, "a patch at %llu is outside the file's %llu bytes", (unsigned long long)at,
                         (unsigned long long)size);
    if (p->truncate)
        file->len = start + (size_t)at;
    else if (p->bytes.len)
        memcpy(file->bytes + start + at, p->bytes.bytes, p->bytes.len);
    return true;
}

static bool file_put(builder *b, outbuf *file, error *e)
{
    if (!b->session_count)
        return error_set(e, "the description has no trace line");
    headers_fill(b);
    size_t start = file->len;
    u64 *starts = arena_array(&b->memory, u64, b->part_count + 1);
    u32 buffers = 0;
    for (u32 i = 0; i < b->part_count; i++) {
        if (b->parts[i].is_buffer)
            starts[buffers++] = file->len - start;
        part_put(b, &b->parts[i], file);
    }
    for (u32 i = 0; i < b->patch_count; i++) {
        const patch *p = &b->patches[i];
        if (p->in_buffer && p->buffer >= buffers)
            return error_set(e, "a patch names buffer %llu of %u", (unsigned long long)p->buffer, buffers);
        if (!patch_do(p, p->in_buffer ? starts[p->buffer] : 0, start, file, e))
            return false;
    }
    return true;
}

// ---------------------------------------------------------------------------------------------- lines

static bool line_do(builder *b, words *w, error *e)
{
    const char *verb = w->verb;
    if (strcmp(verb, "trace") == 0)
        return trace_line(b, w, e);
    if (strcmp(verb, "text") == 0)
        return text_line(b, w, e);
    if (!b->session_count)
        return error_set(e, "%s stands before the first trace line", verb);
    if (strcmp(verb, "buffer") == 0)
        return buffer_line(b, w, e);
    bool known;
    bool good = record_verb(b, w, &known, e);
    return known ? good : error_set(e, "%s is no verb", verb);
}

static void builder_free(builder *b)
{
    for (u32 i = 0; i < b->part_count; i++) {
        outbuf_free(&b->parts[i].buffer.records);
        outbuf_free(&b->parts[i].bytes);
    }
    for (u32 i = 0; i < b->patch_count; i++)
        outbuf_free(&b->patches[i].bytes);
    mem_free(b->sessions);
    mem_free(b->parts);
    mem_free(b->patches);
    arena_free(&b->memory);
}

bool etl_text_build(const char *text, size_t len, outbuf *file, error *e)
{
    builder b = {0};
    words *w = arena_new(&b.memory, words);
    words_reader reader = {.at = text, .end = text + len, .line = 1};
    bool good = true;
    error why = {0};
    while (good && words_next(&reader, w, &b.memory, &why)) {
        good = line_do(&b, w, &why) && words_all_used(w, &why);
        if (!good)
            error_prefix(&why, "line %zu", w->line);
    }
    if (good && why.message[0])
        good = error_prefix(&why, "line %zu", w->line);
    if (good)
        good = file_put(&b, file, &why);
    builder_free(&b);
    return good || error_set(e, "%s", why.message);
}
