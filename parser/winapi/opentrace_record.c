// Events and logfile headers in the structures of evntcons.h and evntrace.h.
//
// The events come from event_read, which has proven their spans. Which field shows what for which kind of record:
// FORMAT.md, section 2 (EVENT_RECORD as Windows fills it).
#include "winapi/opentrace_internal.h"
#include "winapi/winapi.h"

enum {
    RECORD_AT = BUFFER_HEADER_BYTES, // the header event is the first of its buffer
    SYSTEM_HEADER_BYTES = 32,
    BUFFER_ALIGNMENT = 8, // ETW_BUFFER_CONTEXT.Alignment
};

static void add_item(shown_event *out, u16 type, const void *data, size_t len)
{
    u32 n = out->record.ExtendedDataCount;
    if (n >= COUNT_OF(out->items))
        return;
    if (n)
        out->items[n - 1].Linkage = 1;
    out->items[n] = (EVENT_HEADER_EXTENDED_DATA_ITEM){
        .ExtType = type, .DataSize = (USHORT)len, .DataPtr = (ULONGLONG)(uintptr_t)data};
    out->record.ExtendedDataCount = (USHORT)(n + 1);
}

// Items of the record, then what other header kinds carry elsewhere and Windows shows as items.
static void show_items(shown_event *out, const event *ev)
{
    size_t at = 0;
    extended_item item;
    while (ev->extended.len && extended_next(ev->extended, &at, &item))
        add_item(out, item.type, item.data.at, item.data.len);
    if (ev->parent_guid) {
        out->instance.InstanceId = ev->instance_id;
        out->instance.ParentInstanceId = ev->parent_instance_id;
        out->instance.ParentGuid = winapi_guid(ev->parent_guid);
        add_item(out, EXT_INSTANCE_INFO, &out->instance, sizeof(out->instance));
    }
    if (ev->extra_pebs)
        add_item(out, EXT_PEBS_INDEX, ev->extra, 8);
    if (ev->extra_count > ev->extra_pebs)
        add_item(out, EXT_PMC_COUNTERS, ev->extra + 8 * ev->extra_pebs, 8 * (size_t)(ev->extra_count - ev->extra_pebs));
    if (out->record.ExtendedDataCount) {
        out->record.ExtendedData = out->items;
        out->record.EventHeader.Flags |= EVENT_HEADER_FLAG_EXTENDED_INFO;
    }
}

static ETW_BUFFER_CONTEXT buffer_context(const etl_buffer *buffer)
{
    ETW_BUFFER_CONTEXT c = {.LoggerId = buffer->logger_id};
    if (buffer->flags & BUFFER_FLAG_PROCESSOR_INDEX) {
        c.ProcessorIndex = buffer->processor;
    } else {
        c.ProcessorNumber = (UCHAR)buffer->processor;
        c.Alignment = BUFFER_ALIGNMENT;
    }
    return c;
}

static void *payload_of(const event *ev)
{
    return (void *)(uintptr_t)ev->payload.at; // Windows' structures know no const
}

void show_record(shown_event *out, const event *ev, const etl_buffer *buffer, i64 time, void *context)
{
    const event_descriptor *d = &ev->descriptor;
    EVENT_RECORD *r = &out->record;
    *r = (EVENT_RECORD){
        .EventHeader =
            {
                .Size = (USHORT)(ev->record.len > UINT16_MAX ? UINT16_MAX : ev->record.len),
                .Flags = ev->flags,
                .EventProperty = ev->property,
                .ThreadId = ev->thread_id,
                .ProcessId = ev->process_id,
                .TimeStamp.QuadPart = time,
                .EventDescriptor = {d->id, d->version, d->channel, d->level, d->opcode, d->task, d->keyword},
                .KernelTime = ev->kernel_time,
                .UserTime = ev->user_time,
            },
        .BufferContext = buffer_context(buffer),
        .UserDataLength = (USHORT)ev->payload.len,
        .UserData = payload_of(ev),
        .UserContext = context,
    };
    r->EventHeader.ProviderId = winapi_guid(ev->provider.bytes);
    if (ev->activity)
        r->EventHeader.ActivityId = winapi_guid(ev->activity);
    if (buffer->flags & BUFFER_FLAG_PROCESSOR_INDEX)
        r->EventHeader.Flags |= EVENT_HEADER_FLAG_PROCESSOR_INDEX;
    show_items(out, ev);
}

void show_trace(shown_event *out, const event *ev, const etl_buffer *buffer, i64 time)
{
    EVENT_TRACE *t = &out->trace;
    *t = (EVENT_TRACE){
        .Header =
            {
                .Size = (USHORT)(ev->record.len > UINT16_MAX ? UINT16_MAX : ev->record.len),
                .Class = {ev->descriptor.opcode, ev->descriptor.level, ev->descriptor.version},
                .ThreadId = ev->thread_id,
                .ProcessId = ev->process_id,
                .TimeStamp.QuadPart = time,
                .KernelTime = ev->kernel_time,
                .UserTime = ev->user_time,
            },
        .InstanceId = ev->instance_id,
        .ParentInstanceId = ev->parent_instance_id,
        .MofData = payload_of(ev),
        .MofLength = (ULONG)ev->payload.len,
        .BufferContext = buffer_context(buffer),
    };
    t->Header.Guid = winapi_guid(ev->provider.bytes);
    if (ev->parent_guid)
        t->ParentGuid = winapi_guid(ev->parent_guid);
}

// ---------------------------------------------------------------------------------------------- the logfile header

static SYSTEMTIME take_system_time(cursor *c)
{
    SYSTEMTIME t = {0};
    WORD *parts[] = {&t.wYear, &t.wMonth, &t.wDayOfWeek, &t.wDay, &t.wHour, &t.wMinute, &t.wSecond, &t.wMilliseconds};
    for (u32 i = 0; i < COUNT_OF(parts); i++)
        *parts[i] = take_u16(c);
    return t;
}

static TIME_ZONE_INFORMATION take_time_zone(cursor *c)
{
    TIME_ZONE_INFORMATION zone = {.Bias = (LONG)take_u32(c)};
    for (u32 i = 0; i < COUNT_OF(zone.StandardName); i++)
        zone.StandardName[i] = take_u16(c);
    zone.StandardDate = take_system_time(c);
    zone.StandardBias = (LONG)take_u32(c);
    for (u32 i = 0; i < COUNT_OF(zone.DaylightName); i++)
        zone.DaylightName[i] = take_u16(c);
    zone.DaylightDate = take_system_time(c);
    zone.DaylightBias = (LONG)take_u32(c);
    return zone;
}

// The pointers to names are of the process that wrote it and mean nothing here.
static bool read_header(span header, size_t pointer, TRACE_LOGFILE_HEADER *out)
{
    cursor c = cursor_over(header);
    out->BufferSize = take_u32(&c);
    out->Version = take_u32(&c);
    out->ProviderVersion = take_u32(&c);
    out->NumberOfProcessors = take_u32(&c);
    out->EndTime.QuadPart = (LONGLONG)take_u64(&c);
    out->TimerResolution = take_u32(&c);
    out->MaximumFileSize = take_u32(&c);
    out->LogFileMode = take_u32(&c);
    out->BuffersWritten = take_u32(&c);
    out->StartBuffers = take_u32(&c);
    out->PointerSize = take_u32(&c);
    out->EventsLost = take_u32(&c);
    out->CpuSpeedInMHz = take_u32(&c);
    (void)take(&c, 2 * pointer);
    out->TimeZone = take_time_zone(&c);
    (void)take(&c, 4); // alignment
    out->BootTime.QuadPart = (LONGLONG)take_u64(&c);
    out->PerfFreq.QuadPart = (LONGLONG)take_u64(&c);
    out->StartTime.QuadPart = (LONGLONG)take_u64(&c);
    out->ReservedFlags = take_u32(&c);
    out->BuffersLost = take_u32(&c);
    return !c.ran_out;
}

static bool read_disk(span buffer, TRACE_LOGFILE_HEADER *out)
{
    span header;
    if (!span_sub(buffer, RECORD_AT, SYSTEM_HEADER_BYTES, &header))
        return false;
    span data = span_from(buffer, RECORD_AT + SYSTEM_HEADER_BYTES);
    if (header.at[2] == HEADER_SYSTEM32)
        return read_header(data, 4, out);
    return header.at[2] == HEADER_SYSTEM64 && read_header(data, 8, out);
}

bool show_logfile_header(const etl_file *file, TRACE_LOGFILE_HEADER *out)
{
    const trace_facts *facts = &file->trace_headers[0];
    bool read = false;
    *out = (TRACE_LOGFILE_HEADER){0};
    for (u32 i = 0; facts->present && i < file->count && !read; i++) {
        const etl_buffer *b = &file->buffers[i];
        if (b->type != BUFFER_TYPE_HEADER)
            continue;
        etl_scratch scratch = {0};
        u8 *into = mem_alloc(etl_capacity(b));
        read = read_disk(etl_load(file, b, into, &scratch, NULL, NULL), out);
        mem_free(into);
        mem_free(scratch.bytes);
    }
    if (!read)
        *out = (TRACE_LOGFILE_HEADER){.BufferSize = facts->buffer_size,
                                      .NumberOfProcessors = facts->processors,
                                      .TimerResolution = facts->timer_resolution,
                                      .PointerSize = facts->pointer_size,
                                      .PerfFreq.QuadPart = (LONGLONG)facts->perf_frequency,
                                      .StartTime.QuadPart = facts->start_time,
                                      .ReservedFlags = (ULONG)facts->clock_type};
    return read;
}
