#include "consumer.h"

#include <stdlib.h>

enum { INFO_BYTES = 64 << 10, TEXT_UNITS = 4096 };

static u32 sum_of(const void *bytes, size_t len)
{
    u32 sum = 2166136261u;
    for (size_t i = 0; i < len; i++)
        sum = (sum ^ ((const u8 *)bytes)[i]) * 16777619u;
    return sum;
}

static void add(answers *to, ULONG status, const void *bytes, size_t len)
{
    if (to->count == MOST_ANSWERS)
        abort();
    to->list[to->count++] = (answer){status, status == ERROR_SUCCESS ? sum_of(bytes, len) : 0, to->event};
}

void consumer_wide(const char *text, WCHAR *wide)
{
    do
        *wide++ = (u8)*text;
    while (*text++);
}

// One property: its bytes, and its text where it is no struct.
static void ask_property(answers *to, EVENT_RECORD *record, TRACE_EVENT_INFO *info, u32 index)
{
    static _Thread_local u8 bytes[UINT16_MAX];
    static _Thread_local WCHAR text[TEXT_UNITS];
    const EVENT_PROPERTY_INFO *p = &info->EventPropertyInfoArray[index];
    PROPERTY_DATA_DESCRIPTOR path = {(ULONGLONG)(uintptr_t)((u8 *)info + p->NameOffset), UINT32_MAX, 0};
    ULONG size = 0;
    ULONG status = TdhGetPropertySize(record, 0, NULL, 1, &path, &size);
    add(to, status, &size, sizeof(size));
    if (status != ERROR_SUCCESS)
        size = 0;
    status = TdhGetProperty(record, 0, NULL, 1, &path, sizeof(bytes), bytes);
    add(to, status, bytes, size);
    if (status != ERROR_SUCCESS || (p->Flags & PropertyStruct))
        return;
    ULONG capacity = sizeof(text);
    USHORT consumed = 0;
    status = TdhFormatProperty(info, NULL, 8, p->nonStructType.InType, p->nonStructType.OutType, p->length,
                               (USHORT)size, bytes, &capacity, text, &consumed);
    add(to, status, text, capacity);
}

void consumer_ask(answers *to, EVENT_RECORD *record)
{
    static _Thread_local u64 capacity[INFO_BYTES / 8];
    TRACE_EVENT_INFO *info = (TRACE_EVENT_INFO *)(void *)capacity;
    ULONG size = INFO_BYTES;
    to->event++;
    ULONG status = TdhGetEventInformation(record, 0, NULL, info, &size);
    add(to, status, info, size);
    for (u32 i = 0; status == ERROR_SUCCESS && i < info->TopLevelPropertyCount; i++)
        ask_property(to, record, info, i);
}

static VOID WINAPI on_event(PEVENT_RECORD record)
{
    consumer_ask(record->UserContext, record);
}

void consumer_read(answers *to, const char *path)
{
    WCHAR wide[1024];
    consumer_wide(path, wide);
    EVENT_TRACE_LOGFILEW log = {.LogFileName = wide,
                                .EventRecordCallback = on_event,
                                .ProcessTraceMode = PROCESS_TRACE_MODE_EVENT_RECORD,
                                .Context = to};
    SetLastError(ERROR_SUCCESS);
    to->count = 0;
    to->event = ABOUT_OPEN;
    TRACEHANDLE handle = OpenTraceW(&log);
    add(to, GetLastError(), &log.LogfileHeader.PerfFreq, sizeof(LARGE_INTEGER));
    if (handle == INVALID_PROCESSTRACE_HANDLE)
        return;
    ULONG status = ProcessTrace(&handle, 1, NULL, NULL);
    to->event = ABOUT_PROCESS;
    add(to, status, "", 0);
    to->event = ABOUT_CLOSE;
    add(to, CloseTrace(handle), "", 0);
}
