// OpenTraceW, ProcessTrace and CloseTrace as a consumer written for Windows sees them: against opentrace.h only, on
// traces written by etl_build. Expected values: what was written, the mapping of record kinds to EVENT_RECORD
// (FORMAT.md, section 2.6), and the functions' pages of learn.microsoft.com.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "etl_build.h"
#include "opentrace.h"
#include "tdh.h"
#include "winapi/winapi.h"

// The clock of etl_build's traces ticks as FILETIME does, so an event `ticks` after the header is START + ticks.
enum { FIRST_TICK = 1000000000, DATA_BUFFERS = 3, MOST_SEEN = 64 };
static const i64 START = 133590312000000000;

// ---------------------------------------------------------------------------------------------- traces

typedef struct file {
    char path[64];
    WCHAR wide[64];
    outbuf bytes;
} file;

static void file_begin(file *f, u32 pointer)
{
    etl_trace t = etl_trace_default();
    t.pointer = t.claimed_pointer = pointer;
    t.bias = -60;
    t.events_lost = 5;
    t.processors = 2;
    outbuf records = {0};
    etl_trace_put(&records, &t);
    etl_buffer b = etl_buffer_default();
    b.type = ETL_TYPE_HEADER;
    b.records = records;
    etl_buffer_put(&f->bytes, &b);
    outbuf_free(&records);
}

static void file_end(file *f)
{
    snprintf(f->path, sizeof(f->path), "/tmp/etwkit-open-XXXXXX");
    int fd = mkstemp(f->path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, f->bytes.bytes, f->bytes.len), f->bytes.len);
    close(fd);
    for (size_t i = 0; i <= strlen(f->path); i++)
        f->wide[i] = (u8)f->path[i];
    outbuf_free(&f->bytes);
}

static etl_event plain_event(u16 id, u64 ticks)
{
    etl_event e = {.kind = ETL_EVENT, .bits = 64, .time = FIRST_TICK + ticks, .pid = 40, .tid = 44, .event_id = id};
    assert_true(guid_from_text("11112222-3333-4444-5555-666677778888", 36, &e.id));
    return e;
}

static void add_buffer(file *f, u32 cpu, u64 sequence, const outbuf *records)
{
    etl_buffer b = etl_buffer_default();
    b.cpu = cpu;
    b.sequence = sequence;
    b.records = *records;
    etl_buffer_put(&f->bytes, &b);
}

// Events with these ids, each id * 100 ticks after the header, in one buffer.
static void add_ids(file *f, u32 cpu, u64 sequence, u16 first, u16 step, u16 count)
{
    outbuf records = {0};
    for (u16 i = 0; i < count; i++) {
        u16 id = (u16)(first + i * step);
        etl_event e = plain_event(id, id * 100u);
        assert_true(etl_event_put(&records, &e, NULL));
        etl_event_free(&e);
    }
    add_buffer(f, cpu, sequence, &records);
    outbuf_free(&records);
}

// Ids 1 to 12 in three buffers of two processors.
static void twelve_events(file *f)
{
    file_begin(f, 8);
    add_ids(f, 0, 1, 1, 2, 3); // 1 3 5
    add_ids(f, 1, 2, 2, 2, 6); // 2 4 … 12
    add_ids(f, 0, 3, 7, 2, 3); // 7 9 11
    file_end(f);
}

// ---------------------------------------------------------------------------------------------- a consumer

typedef struct seen {
    u32 count, buffers;
    u16 ids[MOST_SEEN];
    i64 times[MOST_SEEN];
    u32 tags[MOST_SEEN];
    u32 tag;         // told as Context
    u32 stop_buffer; // BufferCallback says FALSE at this one
    u32 close_at;    // CloseTrace in the callback of this event
    TRACEHANDLE handle;
    ULONG close_status;
    struct seen *all; // where events of several traces are collected
} seen;

static VOID WINAPI on_record(PEVENT_RECORD record)
{
    seen *s = record->UserContext, *to = s->all ? s->all : s;
    if (IsEqualGUID(&record->EventHeader.ProviderId, &EventTraceGuid))
        return;
    assert_true(to->count < MOST_SEEN);
    to->ids[to->count] = record->EventHeader.EventDescriptor.Id;
    to->times[to->count] = record->EventHeader.TimeStamp.QuadPart;
    to->tags[to->count++] = s->tag;
    if (to->count == s->close_at)
        s->close_status = CloseTrace(s->handle);
}

static ULONG WINAPI on_buffer(PEVENT_TRACE_LOGFILEW log)
{
    seen *s = log->Context;
    s->buffers++;
    assert_int_equal(log->BuffersRead, s->buffers);
    assert_int_equal(log->BufferSize, 4096);
    assert_in_range(log->Filled, 73, 4096);
    return s->buffers != s->stop_buffer;
}

static TRACEHANDLE open_for(file *f, seen *s, ULONG mode)
{
    EVENT_TRACE_LOGFILEW log = {.LogFileName = f->wide,
                                .ProcessTraceMode = PROCESS_TRACE_MODE_EVENT_RECORD | mode,
                                .EventRecordCallback = on_record,
                                .BufferCallback = on_buffer,
                                .Context = s};
    s->handle = OpenTraceW(&log);
    assert_true(s->handle != INVALID_PROCESSTRACE_HANDLE);
    return s->handle;
}

static void delivers_in_time_order(void **state)
{
    (void)state;
    file f = {0};
    seen s = {.tag = 9};
    twelve_events(&f);
    TRACEHANDLE h = open_for(&f, &s, 0);
    assert_int_equal(ProcessTrace(&h, 1, NULL, NULL), ERROR_SUCCESS);
    assert_int_equal(s.count, 12);
    assert_int_equal(s.buffers, 1 + DATA_BUFFERS);
    for (u32 i = 0; i < 12; i++) {
        assert_int_equal(s.ids[i], i + 1);
        assert_int_equal(s.times[i], START + (i + 1) * 100);
    }
    assert_int_equal(CloseTrace(h), ERROR_SUCCESS);
    unlink(f.path);
}

static void raw_times_stay(void **state)
{
    (void)state;
    file f = {0};
    seen s = {0};
    twelve_events(&f);
    TRACEHANDLE h = open_for(&f, &s, PROCESS_TRACE_MODE_RAW_TIMESTAMP);
    assert_int_equal(ProcessTrace(&h, 1, NULL, NULL), ERROR_SUCCESS);
    assert_int_equal(s.times[4], FIRST_TICK + 500);
    CloseTrace(h);
    unlink(f.path);
}

static FILETIME filetime(i64 time)
{
    return (FILETIME){(DWORD)time, (DWORD)(time >> 32)};
}

static void bounds_are_inclusive(void **state)
{
    (void)state;
    file f = {0};
    seen s = {0};
    twelve_events(&f);
    TRACEHANDLE h = open_for(&f, &s, 0);
    FILETIME from = filetime(START + 300), to = filetime(START + 900);
    assert_int_equal(ProcessTrace(&h, 1, &from, &to), ERROR_SUCCESS);
    assert_int_equal(s.count, 7);
    assert_int_equal(s.ids[0], 3);
    assert_int_equal(s.ids[6], 9);
    assert_int_equal(ProcessTrace(&h, 1, &to, &from), ERROR_INVALID_TIME);
    CloseTrace(h);
    unlink(f.path);
}

static void merges_traces(void **state)
{
    (void)state;
    file a = {0}, b = {0};
    seen both = {0}, first = {.tag = 1, .all = &both}, second = {.tag = 2, .all = &both};
    file_begin(&a, 8);
    add_ids(&a, 0, 1, 1, 3, 4); // 1 4 7 10
    file_end(&a);
    file_begin(&b, 4);
    add_ids(&b, 0, 1, 2, 3, 3); // 2 5 8
    file_end(&b);
    TRACEHANDLE h[2] = {open_for(&a, &first, 0), open_for(&b, &second, 0)};
    assert_int_equal(ProcessTrace(h, 2, NULL, NULL), ERROR_SUCCESS);
    static const u16 ids[] = {1, 2, 4, 5, 7, 8, 10};
    assert_int_equal(both.count, 7);
    for (u32 i = 0; i < 7; i++) {
        assert_int_equal(both.ids[i], ids[i]);
        assert_int_equal(both.tags[i], ids[i] % 3 == 1 ? 1 : 2);
    }
    assert_int_equal(first.buffers, 2);
    assert_int_equal(second.buffers, 2);
    CloseTrace(h[0]);
    CloseTrace(h[1]);
    unlink(a.path);
    unlink(b.path);
}

static void buffer_callback_cancels(void **state)
{
    (void)state;
    file f = {0};
    twelve_events(&f);
    for (u32 stop = 1; stop <= 3; stop++) {
        seen s = {.stop_buffer = stop};
        TRACEHANDLE h = open_for(&f, &s, 0);
        assert_int_equal(ProcessTrace(&h, 1, NULL, NULL), ERROR_CANCELLED);
        assert_int_equal(s.buffers, stop);
        // The header's buffer ends before event 1, the first of processor 0 with event 5, its second with event 11.
        assert_int_equal(s.count, stop == 1 ? 0 : stop == 2 ? 5 : 11);
        assert_int_equal(CloseTrace(h), ERROR_SUCCESS);
    }
    unlink(f.path);
}

static void closes_from_inside(void **state)
{
    (void)state;
    file f = {0}, g = {0};
    seen s = {.close_at = 4};
    twelve_events(&f);
    twelve_events(&g);
    TRACEHANDLE h = open_for(&f, &s, 0);
    assert_int_equal(ProcessTrace(&h, 1, NULL, NULL), ERROR_SUCCESS);
    assert_int_equal(s.close_status, ERROR_CTX_CLOSE_PENDING);
    assert_int_equal(s.count, 4);
    assert_int_equal(CloseTrace(h), ERROR_INVALID_HANDLE);
    assert_int_equal(ProcessTrace(&h, 1, NULL, NULL), ERROR_INVALID_HANDLE);
    // Of two traces, the other one goes on.
    seen first = {.close_at = 4}, second = {0};
    TRACEHANDLE two[2] = {open_for(&f, &first, 0), open_for(&g, &second, 0)};
    assert_int_equal(ProcessTrace(two, 2, NULL, NULL), ERROR_SUCCESS);
    assert_int_equal(first.count, 4);
    assert_int_equal(second.count, 12);
    assert_int_equal(CloseTrace(two[0]), ERROR_INVALID_HANDLE);
    assert_int_equal(CloseTrace(two[1]), ERROR_SUCCESS);
    unlink(f.path);
    unlink(g.path);
}

// ---------------------------------------------------------------------------------------------- return codes

static void refuse_open(EVENT_TRACE_LOGFILEW *log, DWORD expected)
{
    SetLastError(0);
    assert_true(OpenTraceW(log) == INVALID_PROCESSTRACE_HANDLE);
    assert_int_equal(errno, expected); // for callers through .NET's and Python's bridges
    assert_int_equal(GetLastError(), expected);
}

static void codes_are_the_documented_ones(void **state)
{
    (void)state;
    file f = {0}, noise = {0};
    seen s = {0};
    WCHAR missing[] = u"/nonexistent/x.etl", session[] = u"NT Kernel Logger", empty[] = u"";
    WCHAR folder[] = u"/tmp", below_file[] = u"/dev/null/x.etl";
    put_fill(&noise.bytes, 'x', 10000);
    file_end(&noise);
    twelve_events(&f);
    refuse_open(NULL, ERROR_INVALID_PARAMETER);
    refuse_open(&(EVENT_TRACE_LOGFILEW){.LogFileName = f.wide}, ERROR_INVALID_PARAMETER);
    refuse_open(&(EVENT_TRACE_LOGFILEW){.EventRecordCallback = on_record}, ERROR_BAD_PATHNAME);
    refuse_open(&(EVENT_TRACE_LOGFILEW){.EventRecordCallback = on_record, .LogFileName = empty}, ERROR_BAD_PATHNAME);
    refuse_open(&(EVENT_TRACE_LOGFILEW){.EventRecordCallback = on_record, .LoggerName = session}, ERROR_NOT_SUPPORTED);
    refuse_open(&(EVENT_TRACE_LOGFILEW){.EventRecordCallback = on_record, .LoggerName = session, .LogFileName = f.wide},
                ERROR_INVALID_PARAMETER);
    refuse_open(&(EVENT_TRACE_LOGFILEW){.EventRecordCallback = on_record, .LogFileName = missing},
                ERROR_FILE_NOT_FOUND);
    refuse_open(&(EVENT_TRACE_LOGFILEW){.EventRecordCallback = on_record, .LogFileName = noise.wide},
                ERROR_FILE_CORRUPT);
    refuse_open(&(EVENT_TRACE_LOGFILEW){.EventRecordCallback = on_record, .LogFileName = folder}, ERROR_ACCESS_DENIED);
    refuse_open(&(EVENT_TRACE_LOGFILEW){.EventRecordCallback = on_record, .LogFileName = below_file},
                ERROR_FILE_NOT_FOUND);
    if (geteuid() != 0) { // who may read everything is refused nothing
        chmod(noise.path, 0);
        refuse_open(&(EVENT_TRACE_LOGFILEW){.EventRecordCallback = on_record, .LogFileName = noise.wide},
                    ERROR_ACCESS_DENIED);
    }
    TRACEHANDLE h = open_for(&f, &s, 0), twice[2] = {h, h}, many[65] = {h}, none = INVALID_PROCESSTRACE_HANDLE;
    assert_int_equal(ProcessTrace(&h, 0, NULL, NULL), ERROR_BAD_LENGTH);
    assert_int_equal(ProcessTrace(many, 65, NULL, NULL), ERROR_BAD_LENGTH);
    assert_int_equal(ProcessTrace(NULL, 1, NULL, NULL), ERROR_INVALID_PARAMETER);
    assert_int_equal(ProcessTrace(&none, 1, NULL, NULL), ERROR_INVALID_HANDLE);
    assert_int_equal(ProcessTrace(twice, 2, NULL, NULL), ERROR_INVALID_HANDLE);
    assert_int_equal(ProcessTrace(&h, 1, NULL, NULL), ERROR_SUCCESS); // the refusals above left it usable
    assert_int_equal(CloseTrace(none), ERROR_INVALID_HANDLE);
    assert_int_equal(CloseTrace(0), ERROR_INVALID_HANDLE);
    assert_int_equal(CloseTrace(h), ERROR_SUCCESS);
    assert_int_equal(CloseTrace(h), ERROR_INVALID_HANDLE);
    // What was opened is what is read, whatever becomes of its name.
    h = open_for(&f, &s, 0);
    unlink(f.path);
    s.count = s.buffers = 0;
    assert_int_equal(ProcessTrace(&h, 1, NULL, NULL), ERROR_SUCCESS);
    assert_int_equal(s.count, 12);
    CloseTrace(h);
    unlink(noise.path);
}

// ---------------------------------------------------------------------------------------------- structures

static void check_header(u32 pointer)
{
    file f = {0};
    seen s = {0};
    file_begin(&f, pointer);
    add_ids(&f, 0, 1, 1, 1, 1);
    file_end(&f);
    EVENT_TRACE_LOGFILEW log = {.LogFileName = f.wide, .EventRecordCallback = on_record, .Context = &s};
    TRACEHANDLE h = OpenTraceW(&log);
    const TRACE_LOGFILE_HEADER *l = &log.LogfileHeader;
    assert_true(h != INVALID_PROCESSTRACE_HANDLE);
    assert_int_equal(l->BufferSize, 4096);
    assert_int_equal(l->VersionDetail.MajorVersion, 10);
    assert_int_equal(l->VersionDetail.SubMinorVersion, 5);
    assert_int_equal(l->ProviderVersion, 19045);
    assert_int_equal(l->NumberOfProcessors, 2);
    assert_int_equal(l->TimerResolution, 156250);
    assert_int_equal(l->PointerSize, pointer);
    assert_int_equal(l->EventsLost, 5);
    assert_int_equal(l->CpuSpeedInMHz, 2400);
    assert_int_equal(l->TimeZone.Bias, -60);
    assert_int_equal(l->PerfFreq.QuadPart, 10000000);
    assert_int_equal(l->StartTime.QuadPart, START);
    assert_int_equal(l->BootTime.QuadPart, 133590311000000000);
    assert_int_equal(l->ReservedFlags, 1);
    static const WCHAR name[] = u"etwkit";
    assert_memory_equal(l->LoggerName, name, sizeof(name));
    assert_int_equal(log.BufferSize, 4096);
    assert_int_equal(log.IsKernelTrace, FALSE);
    CloseTrace(h);
    unlink(f.path);
}

static void fills_the_logfile_header(void **state)
{
    (void)state;
    check_header(8);
    check_header(4);
}

// A callback that checks one event and counts.
typedef struct checker {
    void (*check)(const EVENT_RECORD *record);
    u32 count;
} checker;

static VOID WINAPI on_check(PEVENT_RECORD record)
{
    checker *c = record->UserContext;
    if (c->count++) // the first is the header
        c->check(record);
}

// Writes the event into a trace of its own and has `check` look at what comes out.
static void check_event(etl_event *e, bool old_cpu, void (*check)(const EVENT_RECORD *record))
{
    file f = {0};
    outbuf records = {0};
    checker c = {.check = check};
    file_begin(&f, 8);
    assert_true(etl_event_put(&records, e, NULL));
    etl_buffer b = etl_buffer_default();
    b.cpu = old_cpu ? 7 : 300;
    b.old_cpu = old_cpu;
    b.sequence = 1;
    b.records = records;
    etl_buffer_put(&f.bytes, &b);
    file_end(&f);
    EVENT_TRACE_LOGFILEW log = {.LogFileName = f.wide,
                                .ProcessTraceMode = PROCESS_TRACE_MODE_EVENT_RECORD,
                                .EventRecordCallback = on_check,
                                .Context = &c};
    TRACEHANDLE h = OpenTraceW(&log);
    assert_int_equal(ProcessTrace(&h, 1, NULL, NULL), ERROR_SUCCESS);
    assert_int_equal(c.count, 2);
    CloseTrace(h);
    outbuf_free(&records);
    etl_event_free(e);
    unlink(f.path);
}

static const u8 RELATED[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

static bool is_guid(const GUID *g, const u8 bytes[16])
{
    GUID wanted = winapi_guid(bytes);
    return IsEqualGUID(g, &wanted);
}

static void check_full(const EVENT_RECORD *r)
{
    static const GUID provider = {0x11112222, 0x3333, 0x4444, {0x55, 0x55, 0x66, 0x66, 0x77, 0x77, 0x88, 0x88}};
    const EVENT_HEADER *h = &r->EventHeader;
    assert_int_equal(h->Flags, EVENT_HEADER_FLAG_64_BIT_HEADER | EVENT_HEADER_FLAG_EXTENDED_INFO |
                                   EVENT_HEADER_FLAG_PROCESSOR_INDEX);
    assert_true(IsEqualGUID(&h->ProviderId, &provider));
    assert_int_equal(h->ProcessId, 40);
    assert_int_equal(h->ThreadId, 44);
    assert_int_equal(h->KernelTime, 6);
    assert_int_equal(h->UserTime, 7);
    assert_int_equal(h->EventDescriptor.Id, 5);
    assert_int_equal(h->EventDescriptor.Version, 2);
    assert_int_equal(h->EventDescriptor.Channel, 16);
    assert_int_equal(h->EventDescriptor.Level, 4);
    assert_int_equal(h->EventDescriptor.Opcode, 1);
    assert_int_equal(h->EventDescriptor.Task, 300);
    assert_int_equal(h->EventDescriptor.Keyword, 0x8000000000000010);
    assert_true(is_guid(&h->ActivityId, RELATED));
    assert_int_equal(GetEventProcessorIndex(r), 300);
    assert_int_equal(r->BufferContext.LoggerId, 3);
    assert_int_equal(r->UserDataLength, 3);
    assert_memory_equal(r->UserData, "abc", 3);
    assert_int_equal(r->ExtendedDataCount, 2);
    const EVENT_HEADER_EXTENDED_DATA_ITEM *items = r->ExtendedData;
    assert_int_equal(items[0].ExtType, EVENT_HEADER_EXT_TYPE_RELATED_ACTIVITYID);
    assert_int_equal(items[0].DataSize, 16);
    assert_int_equal(items[0].Linkage, 1);
    assert_memory_equal((const void *)(uintptr_t)items[0].DataPtr, RELATED, 16);
    assert_int_equal(items[1].ExtType, EVENT_HEADER_EXT_TYPE_TS_ID);
    assert_int_equal(items[1].DataSize, 4);
    assert_int_equal(items[1].Linkage, 0);
}

static void shows_manifest_events(void **state)
{
    (void)state;
    etl_event e = plain_event(5, 10);
    u32 session_id = 2;
    e.version = 2;
    e.channel = 16;
    e.level = 4;
    e.opcode = 1;
    e.task = 300;
    e.keyword = 0x8000000000000010;
    e.kernel_time = 6;
    e.user_time = 7;
    e.activity = guid_load(RELATED);
    etl_event_extend(&e, EVENT_HEADER_EXT_TYPE_RELATED_ACTIVITYID, RELATED, 16);
    etl_event_extend(&e, EVENT_HEADER_EXT_TYPE_TS_ID, &session_id, 4);
    outbuf_add(&e.payload, "abc", 3);
    check_event(&e, false, check_full);
}

static void check_perfinfo(const EVENT_RECORD *r)
{
    static const GUID perf_info = {0xce1dbfb4, 0x137e, 0x4da6, {0x87, 0xb0, 0x3f, 0x59, 0xaa, 0x10, 0x2c, 0xbc}};
    assert_true(IsEqualGUID(&r->EventHeader.ProviderId, &perf_info));
    assert_int_equal(r->EventHeader.Flags, EVENT_HEADER_FLAG_64_BIT_HEADER | EVENT_HEADER_FLAG_CLASSIC_HEADER |
                                               EVENT_HEADER_FLAG_EXTENDED_INFO);
    assert_int_equal(r->EventHeader.ProcessId, 0xffffffff);
    assert_int_equal(r->EventHeader.ThreadId, 0xffffffff);
    assert_int_equal(r->EventHeader.EventDescriptor.Opcode, 46);
    assert_int_equal(r->EventHeader.EventDescriptor.Version, 2);
    assert_int_equal(r->BufferContext.ProcessorNumber, 7);
    assert_int_equal(r->BufferContext.Alignment, 8);
    assert_int_equal(r->ExtendedDataCount, 2);
    const EVENT_HEADER_EXTENDED_DATA_ITEM *items = r->ExtendedData;
    assert_int_equal(items[0].ExtType, EVENT_HEADER_EXT_TYPE_PEBS_INDEX);
    assert_int_equal(load_u64((const u8 *)(uintptr_t)items[0].DataPtr), 77);
    assert_int_equal(items[1].ExtType, EVENT_HEADER_EXT_TYPE_PMC_COUNTERS);
    assert_int_equal(items[1].DataSize, 16);
    assert_int_equal(load_u64((const u8 *)(uintptr_t)items[1].DataPtr + 8), 22);
    assert_int_equal(r->UserDataLength, 4);
}

static void shows_kernel_events(void **state)
{
    (void)state;
    etl_event e = {.kind = ETL_PERFINFO,
                   .bits = 64,
                   .time = FIRST_TICK + 10,
                   .hook = 0x0f2e,
                   .version = 2,
                   .has_pebs = true,
                   .pebs = 77,
                   .counters = {11, 22},
                   .counter_count = 2};
    put_u32(&e.payload, 1);
    check_event(&e, true, check_perfinfo);
}

static void check_instance(const EVENT_RECORD *r)
{
    assert_int_equal(r->EventHeader.Flags, EVENT_HEADER_FLAG_32_BIT_HEADER | EVENT_HEADER_FLAG_CLASSIC_HEADER |
                                               EVENT_HEADER_FLAG_EXTENDED_INFO | EVENT_HEADER_FLAG_PROCESSOR_INDEX);
    assert_int_equal(r->EventHeader.EventDescriptor.Opcode, 12);
    assert_int_equal(r->EventHeader.EventDescriptor.Level, 3);
    assert_int_equal(r->ExtendedDataCount, 1);
    assert_int_equal(r->ExtendedData->ExtType, EVENT_HEADER_EXT_TYPE_INSTANCE_INFO);
    const EVENT_EXTENDED_ITEM_INSTANCE *info =
        (const EVENT_EXTENDED_ITEM_INSTANCE *)(uintptr_t)r->ExtendedData->DataPtr;
    assert_int_equal(info->InstanceId, 70);
    assert_int_equal(info->ParentInstanceId, 60);
    assert_true(is_guid(&info->ParentGuid, RELATED));
}

static void shows_instance_events(void **state)
{
    (void)state;
    etl_event e = plain_event(0, 10);
    e.kind = ETL_INSTANCE;
    e.bits = 32;
    e.opcode = 12;
    e.level = 3;
    e.instance_id = 70;
    e.parent_instance_id = 60;
    e.parent = guid_load(RELATED);
    check_event(&e, false, check_instance);
}

static void check_message(const EVENT_RECORD *r)
{
    assert_true(r->EventHeader.Flags & EVENT_HEADER_FLAG_TRACE_MESSAGE);
    assert_int_equal(r->EventHeader.EventDescriptor.Id, 43);
    assert_int_equal(r->EventHeader.ProcessId, 40);
    assert_int_equal(r->UserDataLength, 2);
    ULONG size = 0; // nothing here knows the message
    assert_int_equal(TdhGetEventInformation((PEVENT_RECORD)(uintptr_t)r, 0, NULL, NULL, &size), ERROR_NOT_FOUND);
}

static void shows_wpp_messages(void **state)
{
    (void)state;
    etl_event e = plain_event(43, 10);
    e.kind = ETL_MESSAGE;
    e.flags = ETL_MESSAGE_GUID | ETL_MESSAGE_TIMESTAMP | ETL_MESSAGE_SYSTEMINFO | ETL_MESSAGE_POINTER64;
    put_u16(&e.payload, 9);
    check_event(&e, false, check_message);
}

// ---------------------------------------------------------------------------------------------- the older interface

static u32 traces_seen; // EVENT_TRACE has no context

static VOID WINAPI on_trace(PEVENT_TRACE event)
{
    if (traces_seen++ == 0) {
        assert_true(IsEqualGUID(&event->Header.Guid, &EventTraceGuid));
        assert_int_equal(load_u32(event->MofData), 4096); // BufferSize, as logged
        return;
    }
    assert_int_equal(event->Header.Class.Type, 12);
    assert_int_equal(event->Header.Class.Level, 3);
    assert_int_equal(event->Header.Class.Version, 1);
    assert_int_equal(event->Header.ThreadId, 44);
    assert_int_equal(event->Header.TimeStamp.QuadPart, START + 10);
    assert_int_equal(event->InstanceId, 70);
    assert_true(is_guid(&event->ParentGuid, RELATED));
    assert_int_equal(event->MofLength, 2);
    assert_memory_equal(event->MofData, "hi", 2);
}

static void delivers_event_traces(void **state)
{
    (void)state;
    file f = {0};
    outbuf records = {0};
    etl_event e = plain_event(0, 10);
    e.kind = ETL_INSTANCE;
    e.opcode = 12;
    e.level = 3;
    e.version = 1;
    e.instance_id = 70;
    e.parent = guid_load(RELATED);
    outbuf_add(&e.payload, "hi", 2);
    file_begin(&f, 8);
    assert_true(etl_event_put(&records, &e, NULL));
    add_buffer(&f, 0, 1, &records);
    file_end(&f);
    EVENT_TRACE_LOGFILEW log = {.LogFileName = f.wide, .EventCallback = on_trace};
    TRACEHANDLE h = OpenTraceW(&log);
    traces_seen = 0;
    assert_int_equal(ProcessTrace(&h, 1, NULL, NULL), ERROR_SUCCESS);
    assert_int_equal(traces_seen, 2);
    CloseTrace(h);
    outbuf_free(&records);
    etl_event_free(&e);
    unlink(f.path);
}

static void check_calendar(u64 ticks, const WORD expected[8])
{
    FILETIME file_time = {(DWORD)ticks, (DWORD)(ticks >> 32)};
    SYSTEMTIME t;
    assert_int_equal(FileTimeToSystemTime(&file_time, &t), TRUE);
    assert_memory_equal(&t, expected, sizeof(t));
}

// Year, month, day of the week (0: Sunday), day, hour, minute, second, milliseconds.
static void times_have_a_calendar(void **state)
{
    (void)state;
    check_calendar(0, (WORD[8]){1601, 1, 1, 1, 0, 0, 0, 0});
    check_calendar(116444736000000000, (WORD[8]){1970, 1, 4, 1, 0, 0, 0, 0});
    check_calendar(125962559999999999, (WORD[8]){2000, 2, 1, 28, 23, 59, 59, 999}); // and a leap day after it
    check_calendar(125962560000000000, (WORD[8]){2000, 2, 2, 29, 0, 0, 0, 0});
    check_calendar(0x7fff35f4f06c7fff, (WORD[8]){30827, 12, 5, 31, 23, 59, 59, 999});
    FILETIME after = {0xf06c8000, 0x7fff35f4};
    SYSTEMTIME t;
    assert_int_equal(FileTimeToSystemTime(&after, &t), FALSE);
    assert_int_equal(GetLastError(), ERROR_INVALID_PARAMETER);
}

extern u64 parking_open_limit; // session/parking.h, whose names are others' here

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(delivers_in_time_order),        cmocka_unit_test(raw_times_stay),
        cmocka_unit_test(bounds_are_inclusive),          cmocka_unit_test(merges_traces),
        cmocka_unit_test(buffer_callback_cancels),       cmocka_unit_test(closes_from_inside),
        cmocka_unit_test(codes_are_the_documented_ones), cmocka_unit_test(fills_the_logfile_header),
        cmocka_unit_test(shows_manifest_events),         cmocka_unit_test(shows_kernel_events),
        cmocka_unit_test(shows_instance_events),         cmocka_unit_test(shows_wpp_messages),
        cmocka_unit_test(delivers_event_traces),         cmocka_unit_test(times_have_a_calendar),
    };
    int failed = cmocka_run_group_tests_name("buffers in memory", tests, NULL, NULL);
    parking_open_limit = 0;
    return failed + cmocka_run_group_tests_name("buffers that wait elsewhere", tests, NULL, NULL);
}
