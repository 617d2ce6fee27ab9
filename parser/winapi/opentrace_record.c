// Events and logfile headers in the structures of evntcons.h and evntrace.h.
//
// The events come from event_read, which has proven their spans. Which field shows what for which kind of record:
// FORMAT.md, section 2 (EVENT_RECORD as Windows fills it).
#include "winapi/opentrace_internal.h"

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
        memcpy(&out->instance.ParentGuid, ev->parent_guid, 16);
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
    memcpy(&r->EventHeader.ProviderId, ev->provider.bytes, 16);
    if (ev->activity)
        memcpy(&r->EventHeader.ActivityId, ev->activity, 16);
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
    memcpy(&t->Header.Guid, ev->provider.bytes, 16);
    if (ev->parent_guid)
        memcpy(&t->ParentGuid, ev->parent_guid, 16);
}

// ---------------------------------------------------------------------------------------------- the logfile header

// From the layout on disk; pointers of the process that wrote it mean nothing here.
static void from_disk32(const TRACE_LOGFILE_HEADER32 *h, TRACE_LOGFILE_HEADER *out)
{
    *out = (TRACE_LOGFILE_HEADER){h->BufferSize,
                                  {h->Version},
                                  h->ProviderVersion,
                                  h->NumberOfProcessors,
                                  h->EndTime,
                                  h->TimerResolution,
                                  h->MaximumFileSize,
                                  h->LogFileMode,
                                  h->BuffersWritten,
                                  {h->LogInstanceGuid},
                                  NULL,
                                  NULL,
                                  h->TimeZone,
                                  h->BootTime,
                                  h->PerfFreq,
                                  h->StartTime,
                                  h->ReservedFlags,
                                  h->BuffersLost};
}

static void from_disk64(const TRACE_LOGFILE_HEADER64 *h, TRACE_LOGFILE_HEADER *out)
{
    *out = (TRACE_LOGFILE_HEADER){h->BufferSize,
                                  {h->Version},
                                  h->ProviderVersion,
                                  h->NumberOfProcessors,
                                  h->EndTime,
                                  h->TimerResolution,
                                  h->MaximumFileSize,
                                  h->LogFileMode,
                                  h->BuffersWritten,
                                  {h->LogInstanceGuid},
                                  NULL,
                                  NULL,
                                  h->TimeZone,
                                  h->BootTime,
                                  h->PerfFreq,
                                  h->StartTime,
                                  h->ReservedFlags,
                                  h->BuffersLost};
}

static bool read_disk(span buffer, TRACE_LOGFILE_HEADER *out)
{
    span header;
    if (!span_sub(buffer, RECORD_AT, SYSTEM_HEADER_BYTES, &header))
        return false;
    span data = span_from(buffer, RECORD_AT + SYSTEM_HEADER_BYTES);
    TRACE_LOGFILE_HEADER32 h32;
    TRACE_LOGFILE_HEADER64 h64;
    if (header.at[2] == HEADER_SYSTEM32 && data.len >= sizeof(h32)) {
        memcpy(&h32, data.at, sizeof(h32));
        from_disk32(&h32, out);
        return true;
    }
    if (header.at[2] == HEADER_SYSTEM64 && data.len >= sizeof(h64)) {
        memcpy(&h64, data.at, sizeof(h64));
        from_disk64(&h64, out);
        return true;
    }
    return false;
}

bool show_logfile_header(const etl_file *file, TRACE_LOGFILE_HEADER *out)
{
    const trace_facts *facts = &file->epochs[0];
    bool read = false;
    for (u32 i = 0; facts->present && i < file->count && !read; i++) {
        const etl_buffer *b = &file->buffers[i];
        if (b->type != BUFFER_TYPE_HEADER)
            continue;
        etl_scratch scratch = {0};
        u8 *into = mem_alloc(etl_room(b));
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
