// Writes the bytes of .etl records, buffers and logfile headers. See etl_build.h.

#include "etl_build.h"

#include "container/xpress_encode.h"

// ---------------------------------------------------------------------------------------------- bytes

void set_u16(u8 *at, u16 value)
{
    at[0] = (u8)(value & 0xff);
    at[1] = (u8)(value >> 8);
}

void set_u32(u8 *at, u32 value)
{
    set_u16(at, (u16)(value & 0xffff));
    set_u16(at + 2, (u16)(value >> 16));
}

void set_u64(u8 *at, u64 value)
{
    set_u32(at, (u32)(value & 0xffffffff));
    set_u32(at + 4, (u32)(value >> 32));
}

void put_u8(outbuf *to, u8 value)
{
    outbuf_add(to, &value, 1);
}

void put_u16(outbuf *to, u16 value)
{
    u8 bytes[2];
    set_u16(bytes, value);
    outbuf_add(to, bytes, sizeof bytes);
}

void put_u32(outbuf *to, u32 value)
{
    u8 bytes[4];
    set_u32(bytes, value);
    outbuf_add(to, bytes, sizeof bytes);
}

void put_u64(outbuf *to, u64 value)
{
    u8 bytes[8];
    set_u64(bytes, value);
    outbuf_add(to, bytes, sizeof bytes);
}

void put_ptr(outbuf *to, u64 value, u32 bits)
{
    if (bits == 32)
        put_u32(to, (u32)(value & 0xffffffff));
    else
        put_u64(to, value);
}

void put_fill(outbuf *to, u8 value, size_t count)
{
    if (count) {
        memset(outbuf_reserve(to, count), value, count);
        to->len += count;
    }
}

void put_guid(outbuf *to, const guid *g)
{
    outbuf_add(to, g->bytes, sizeof g->bytes);
}

// One code point of UTF-8 and the bytes it took; U+FFFD and 1 where it is malformed.
static u32 utf8_take(const u8 *p, size_t left, size_t *took)
{
    static const u32 least[5] = {0, 0, 0x80, 0x800, 0x10000};
    size_t len = p[0] < 0x80 ? 1 : p[0] >> 5 == 6 ? 2 : p[0] >> 4 == 14 ? 3 : p[0] >> 3 == 30 ? 4 : 0;
    *took = 1;
    if (len == 1)
        return p[0];
    if (len == 0 || len > left)
        return 0xfffd;
    u32 code = p[0] & (0x7fu >> len);
    for (size_t i = 1; i < len; i++) {
        if (p[i] >> 6 != 2)
            return 0xfffd;
        code = code << 6 | (p[i] & 0x3f);
    }
    if (code < least[len] || code > 0x10ffff || code >> 11 == 0x1b)
        return 0xfffd;
    *took = len;
    return code;
}

void put_utf16(outbuf *to, const char *utf8, size_t len)
{
    const u8 *p = (const u8 *)utf8;
    for (size_t at = 0, took; at < len; at += took) {
        u32 code = utf8_take(p + at, len - at, &took);
        if (code >= 0x10000) {
            put_u16(to, (u16)(0xd800 + ((code - 0x10000) >> 10)));
            put_u16(to, (u16)(0xdc00 + ((code - 0x10000) & 0x3ff)));
        } else {
            put_u16(to, (u16)code);
        }
    }
}

void put_utf16_text(outbuf *to, const char *utf8)
{
    put_utf16(to, utf8, strlen(utf8));
    put_u16(to, 0);
}

// ---------------------------------------------------------------------------------------------- records

// Item: 0 u16 size with padding  2 u16 type  4 u16 linkage (bit 0: another one follows)  6 u16 data size  8 data
void etl_event_extend(etl_event *event, u16 type, const void *data, size_t len)
{
    outbuf *chain = &event->extended;
    if (chain->len)
        set_u16(chain->bytes + event->extended_last + 4, 1);
    event->extended_last = chain->len;
    size_t padded = (len + 7) & ~(size_t)7;
    put_u16(chain, (u16)(8 + padded));
    put_u16(chain, type);
    put_u16(chain, 0);
    put_u16(chain, (u16)len);
    outbuf_add(chain, data, len);
    put_fill(chain, 0, padded - len);
}

// 0 u16 version  2 type  3 0xC0  4 u16 size  6 u16 hook  then by kind: SYSTEM tid, pid, time, kernel, user (32 bytes),
// COMPACT tid, pid, time (24), PERFINFO time (16)
static void put_hook_header(outbuf *to, const etl_event *event, u8 type)
{
    u16 version = event->version;
    version |= (u16)((event->has_pebs ? 0x8000u : 0u) | event->counter_count << 8);
    put_u16(to, version);
    put_u8(to, type);
    put_u8(to, event->marker ? event->marker : 0xc0);
    put_u16(to, 0);
    put_u16(to, event->hook);
    if (event->kind != ETL_PERFINFO) {
        put_u32(to, event->tid);
        put_u32(to, event->pid);
    }
    put_u64(to, event->time);
    if (event->kind == ETL_SYSTEM) {
        put_u32(to, event->kernel_time);
        put_u32(to, event->user_time);
    }
    if (event->has_pebs)
        put_u64(to, event->pebs);
    for (u32 i = 0; i < event->counter_count; i++)
        put_u64(to, event->counters[i]);
}

// 0 u16 size  2 type  3 0xC0  4 opcode  5 level  6 u16 version  8 tid  12 pid  16 time  24 GUID  40 kernel  44 user
static void put_full_header(outbuf *to, const etl_event *event, u8 type)
{
    put_u16(to, 0);
    put_u8(to, type);
    put_u8(to, event->marker ? event->marker : 0xc0);
    put_u8(to, event->opcode);
    put_u8(to, event->level);
    put_u16(to, event->version);
    put_u32(to, event->tid);
    put_u32(to, event->pid);
    put_u64(to, event->time);
    put_guid(to, &event->id);
    put_u32(to, event->kernel_time);
    put_u32(to, event->user_time);
    if (event->kind == ETL_INSTANCE) {
        put_u32(to, event->instance_id);
        put_u32(to, event->parent_instance_id);
        put_guid(to, &event->parent);
    }
}

// 0 u16 size  2 type  3 0xC0  4 u16 flags  6 u16 property  8 tid  12 pid  16 time  24 GUID  40 descriptor  56 kernel
// 60 user  64 activity  80 extended items
static void put_event_header(outbuf *to, const etl_event *event, u8 type)
{
    put_u16(to, 0);
    put_u8(to, type);
    put_u8(to, event->marker ? event->marker : 0xc0);
    put_u16(to, (u16)(event->flags | (event->extended.len ? 1 : 0)));
    put_u16(to, event->property);
    put_u32(to, event->tid);
    put_u32(to, event->pid);
    put_u64(to, event->time);
    put_guid(to, &event->id);
    put_u16(to, event->event_id);
    put_u8(to, (u8)event->version);
    put_u8(to, event->channel);
    put_u8(to, event->level);
    put_u8(to, event->opcode);
    put_u16(to, event->task);
    put_u64(to, event->keyword);
    put_u32(to, event->kernel_time);
    put_u32(to, event->user_time);
    put_guid(to, &event->activity);
    outbuf_add(to, event->extended.bytes, event->extended.len);
}

// 0 u16 size  2 reserved  3 0x90  4 u16 number  6 u16 options  then sequence, GUID or component, time, tid and pid
static void put_message_header(outbuf *to, const etl_event *event)
{
    put_u16(to, 0);
    put_u8(to, event->reserved);
    put_u8(to, event->marker ? event->marker : 0x90);
    put_u16(to, event->event_id);
    put_u16(to, event->flags);
    if (event->flags & ETL_MESSAGE_SEQUENCE)
        put_u32(to, event->sequence);
    if (event->flags & ETL_MESSAGE_GUID)
        put_guid(to, &event->id);
    else if (event->flags & ETL_MESSAGE_COMPONENT)
        put_u32(to, event->component);
    if (event->flags & ETL_MESSAGE_TIMESTAMP)
        put_u64(to, event->time);
    if (event->flags & ETL_MESSAGE_SYSTEMINFO) {
        put_u32(to, event->tid);
        put_u32(to, event->pid);
    }
}

bool etl_event_put(outbuf *to, const etl_event *event, error *e)
{
    size_t start = to->len;
    bool is_64_bit = event->bits != 32, hook = false;
    switch (event->kind) {
    case ETL_SYSTEM:
        put_hook_header(to, event, is_64_bit ? 2 : 1);
        hook = true;
        break;
    case ETL_COMPACT:
        put_hook_header(to, event, is_64_bit ? 4 : 3);
        hook = true;
        break;
    case ETL_PERFINFO:
        put_hook_header(to, event, is_64_bit ? 17 : 16);
        hook = true;
        break;
    case ETL_FULL:
        put_full_header(to, event, is_64_bit ? 20 : 10);
        break;
    case ETL_INSTANCE:
        put_full_header(to, event, is_64_bit ? 21 : 11);
        break;
    case ETL_EVENT:
        put_event_header(to, event, is_64_bit ? 19 : 18);
        break;
    case ETL_ERROR:
        put_event_header(to, event, 13);
        break;
    case ETL_MESSAGE:
        put_message_header(to, event);
        break;
    }
    outbuf_add(to, event->payload.bytes, event->payload.len);
    size_t size = to->len - start;
    if (size > 0xffff) {
        to->len = start;
        return error_set(e, "the record has %zu bytes, 65,535 is the most its header can say", size);
    }
    set_u16(to->bytes + start + (hook ? 4 : 0), (u16)(event->claimed_size ? event->claimed_size : size));
    put_fill(to, 0, -size & 7);
    return true;
}

void etl_event_free(etl_event *event)
{
    outbuf_free(&event->extended);
    outbuf_free(&event->payload);
}

// ---------------------------------------------------------------------------------------------- traces and buffers

etl_trace etl_trace_default(void)
{
    return (etl_trace){
        .pointer = 8,
        .claimed_pointer = 8,
        .clock = ETL_CLOCK_QPC,
        .frequency = 10000000,
        .claimed_frequency = 10000000,
        .first_tick = 1000000000,
        .start = 133590312000000000, // 2024-05-01 10:00:00 UTC
        .boot = 133590311000000000,  // 100 s before
        .buffer_size = 4096,
        .mode = 1,
        .build = 19045,
        .timer_resolution = 156250,
        .start_buffers = 1,
        .cpu_mhz = 2400,
        .os_major = 10,
        .layout_major = 1,
        .layout_minor = 5,
        .pid = 4,
        .tid = 8,
        .session = "etwkit",
        .file = "C:\\etwkit.etl",
    };
}

// TIME_ZONE_INFORMATION, 172 bytes: bias, name, date, bias, name, date, bias. The dates are the European rules.
static void put_time_zone(outbuf *to, const etl_trace *trace)
{
    static const u16 standard[8] = {0, 10, 0, 5, 3}, daylight[8] = {0, 3, 0, 5, 2};
    put_u32(to, (u32)trace->bias);
    size_t name = to->len;
    put_utf16_text(to, "@tzres.dll,-322");
    put_fill(to, 0, 64 - (to->len - name));
    for (size_t i = 0; i < 8; i++)
        put_u16(to, standard[i]);
    put_u32(to, 0);
    name = to->len;
    put_utf16_text(to, "@tzres.dll,-321");
    put_fill(to, 0, 64 - (to->len - name));
    for (size_t i = 0; i < 8; i++)
        put_u16(to, daylight[i]);
    put_u32(to, (u32)trace->daylight_bias);
}

void etl_trace_put(outbuf *to, const etl_trace *trace)
{
    u32 bits = trace->pointer == 4 ? 32 : 64;
    etl_event event = {.kind = ETL_SYSTEM, .bits = bits, .time = trace->first_tick, .version = 2};
    event.pid = trace->pid;
    event.tid = trace->tid;
    outbuf *p = &event.payload;
    put_u32(p, trace->buffer_size);
    put_u8(p, trace->os_major);
    put_u8(p, trace->os_minor);
    put_u8(p, trace->layout_major);
    put_u8(p, trace->layout_minor);
    put_u32(p, trace->build);
    put_u32(p, trace->processors);
    put_u64(p, (u64)trace->end);
    put_u32(p, trace->timer_resolution);
    put_u32(p, trace->maximum_size);
    put_u32(p, trace->mode);
    put_u32(p, trace->buffers_written);
    put_u32(p, trace->start_buffers);
    put_u32(p, trace->claimed_pointer);
    put_u32(p, trace->events_lost);
    put_u32(p, trace->cpu_mhz);
    put_ptr(p, trace->layout_major >= 2 ? 0 : 2, bits); // what Windows leaves in the two name pointers
    put_ptr(p, trace->layout_major >= 2 ? 0 : 5, bits);
    put_time_zone(p, trace);
    put_u32(p, 0);
    put_u64(p, (u64)trace->boot);
    put_u64(p, trace->claimed_frequency);
    put_u64(p, (u64)trace->start);
    put_u32(p, trace->clock);
    put_u32(p, trace->buffers_lost);
    put_utf16_text(p, trace->session);
    put_utf16_text(p, trace->file);
    bool fits = etl_event_put(to, &event, NULL);
    assert(fits);
    (void)fits;
    etl_event_free(&event);
}

etl_buffer etl_buffer_default(void)
{
    return (etl_buffer){.size = 4096,
                        .logger = 3,
                        .state = 3,
                        .fill = 0xff,
                        .claimed_size = UINT64_MAX,
                        .claimed_used = UINT64_MAX,
                        .claimed_saved = UINT64_MAX};
}

static u32 claimed_or(u64 claimed, u64 real)
{
    return (u32)((claimed == UINT64_MAX ? real : claimed) & 0xffffffff);
}

// 0 size  4 saved offset  8 current offset  12 references  16 time  24 sequence  32 clock  40 processor  42 logger
// 44 state  48 offset (what counts)  52 flags  54 type  56 reference clock
void etl_buffer_put(outbuf *file, const etl_buffer *buffer)
{
    outbuf body = {0};
    u32 used = (u32)(ETL_BUFFER_HEADER + buffer->records.len);
    u16 flags = buffer->flags;
    if (buffer->compress) {
        flags |= ETL_FLAG_COMPRESSED;
        xpress_encode(&body, (span){buffer->records.bytes, buffer->records.len});
    } else {
        outbuf_add(&body, buffer->records.bytes, buffer->records.len);
        if (used < buffer->size)
            put_fill(&body, buffer->fill, buffer->size - used);
    }
    if (!buffer->old_cpu)
        flags |= ETL_FLAG_PROC_INDEX;
    put_u32(file, claimed_or(buffer->claimed_size, ETL_BUFFER_HEADER + body.len));
    put_u32(file, claimed_or(buffer->claimed_saved, used));
    put_u32(file, used + (buffer->type == ETL_TYPE_HEADER ? 0 : buffer->size));
    put_u32(file, 0);
    put_u64(file, buffer->time);
    put_u64(file, buffer->sequence);
    put_u64(file, 0);
    put_u16(file, (u16)(buffer->old_cpu ? (buffer->cpu & 0xff) | 0x800 : buffer->cpu));
    put_u16(file, buffer->logger);
    put_u32(file, buffer->state);
    put_u32(file, claimed_or(buffer->claimed_used, used));
    put_u16(file, flags);
    put_u16(file, buffer->type);
    put_u64(file, buffer->reference_start);
    put_u64(file, buffer->reference_tick);
    outbuf_add(file, body.bytes, body.len);
    outbuf_free(&body);
}
